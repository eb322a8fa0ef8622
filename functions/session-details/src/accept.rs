//! Stores what was posted: a post in the sessions queue, an unreadable body in the dead-letter queue.

use shared::aws::queue::{DeadLetter, Post};
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantId;
use shared::domain::time_budget::TimeBudget;
use shared::telemetry::{self, Metric};

use crate::event::{Delivery, send_again};
use crate::service::SessionDetails;

/// Queues a post. When this returns, the queue has it.
///
/// # Errors
/// `body-too-large`, `queue-unavailable`.
pub(crate) async fn queue(
    function: &SessionDetails,
    post: Post,
    bytes: usize,
    budget: &TimeBudget,
) -> Result<Post, Problem> {
    let message = post.encode().ok_or_else(|| too_large(bytes))?;
    let sent = function.queues.send(&post, message, budget.left()).await;
    sent.map_err(|error| {
        tracing::warn!(tenant = %post.tenant, %error, "post not queued");
        send_again(ErrorCode::QueueUnavailable)
    })?;
    telemetry::count(Metric::PostAccepted, Some(&post.tenant));
    tracing::info!(tenant = %post.tenant, session = %post.session_id, digest = post.digest.short(),
        event = post.event.as_str(), "post accepted");
    Ok(post)
}

/// Sends an unreadable body to the dead-letter queue. Returns why it is refused: `problem`, unless the body could not be
/// stored.
pub(crate) async fn dead_letter(
    function: &SessionDetails,
    tenant: &TenantId,
    delivery: &Delivery,
    problem: Problem,
    budget: &TimeBudget,
) -> Problem {
    let bytes = &delivery.bytes;
    if bytes.is_empty() {
        return problem;
    }
    let Some(message) = DeadLetter::raw(bytes, problem.code, tenant, function.clock.now()) else {
        return too_large(bytes.len());
    };
    let message = message.posted_as(delivery.content_type.as_deref(), delivery.event);
    let (queues, time) = (&function.queues, budget.left());
    match queues.send_dead_letter_patiently(message, time).await {
        Ok(()) => {
            telemetry::count_reason(Metric::DeadLettered, problem.code, Some(tenant));
            problem
        }
        Err(error) => {
            tracing::warn!(%tenant, %error, "unreadable post not stored");
            send_again(ErrorCode::QueueUnavailable)
        }
    }
}

fn too_large(bytes: usize) -> Problem {
    let detail = format!(
        "The body has {bytes} bytes. Export less of the session; nothing of this post was stored."
    );
    Problem::new(ErrorCode::BodyTooLarge, detail)
}
