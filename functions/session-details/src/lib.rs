//! `session-details`: takes Rescue's Post-to-URL requests. `200` means that the queue has the post.
//!
//! One AWS call when warm; a second one, for the tenant, when cold or every minute.

mod event;
mod quota;

use std::time::Duration;

use lambda_http::Error;
use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::{self, HttpRequest, HttpResponse};
use shared::aws::queue::{DeadLetter, Post, Queues};
use shared::aws::tenants::{KeyKind, TenantsTable};
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantId;
use shared::telemetry::{self, Metric};
use shared::wiring::Wiring;

use crate::event::{Action, Command, Delivery};
pub use crate::quota::Quota;

/// What the function works with, built once per process.
#[derive(Debug)]
pub struct SessionDetails {
    /// Who may post.
    pub tenants: TenantsTable,
    /// Where posts go.
    pub queues: Queues,
    /// How many of them.
    pub quota: Quota,
    /// The time.
    pub clock: Clock,
}

/// What became of a request that was not refused.
enum Reply {
    Right,
    Ignored,
    Accepted(Post),
}

/// Kept back of the invocation for writing the answer.
const ANSWER_NEEDS: Duration = Duration::from_millis(500);

/// `POSTS_PER_MINUTE` where it is not set.
const POSTS_PER_MINUTE: u64 = 600;

/// Takes one request: event → parse → decide → act → reply. Every failure becomes an answer.
///
/// Rescue never repeats a post, so what AWS does not refuse for good is tried until the invocation is nearly over.
pub async fn handle(function: &SessionDetails, request: HttpRequest) -> HttpResponse {
    let id = request.id.clone();
    let until = function.clock.deadline(request.deadline);
    let until = until.minus(ANSWER_NEEDS);
    let outcome = match Command::read(request) {
        Ok(command) => {
            let tenant = command.tenant.clone();
            act(function, command, until)
                .await
                .inspect_err(|problem| refused(problem, &tenant))
        }
        Err(problem) => Err(problem),
    };
    reply(outcome, &id)
}

const SEND_AGAIN: &str = "Send the same post again; a repeat does no harm.";

const TOO_MANY_POSTS: &str = "Send the same post again in a minute. The operator raises the limit with the stack's \
    parameter PostsPerMinute.";

async fn act(
    function: &SessionDetails,
    command: Command,
    until: Timestamp,
) -> Result<Reply, Problem> {
    let Command {
        tenant,
        key,
        action,
    } = command;
    let known = function
        .tenants
        .authenticate(&tenant, KeyKind::Webhook, &key, left(function, until))
        .await;
    let (settings, _) = known
        .map_err(|error| {
            tracing::warn!(%tenant, %error, "tenant not readable");
            Problem::new(ErrorCode::StorageUnavailable, SEND_AGAIN)
        })?
        .ok_or_else(event::not_found)?;
    let Action::Accept(delivery) = action else {
        return Ok(Reply::Right);
    };
    if !settings.file.enabled {
        telemetry::count(Metric::PostIgnored, Some(&tenant));
        return Ok(Reply::Ignored);
    }
    if !function.quota.admits(&tenant, function.clock.now()) {
        telemetry::count(Metric::TooManyPosts, Some(&tenant));
        return Err(Problem::new(ErrorCode::TooManyPosts, TOO_MANY_POSTS));
    }
    match delivery.parse(tenant.clone(), function.clock.now()) {
        Ok(post) => accept(function, post, delivery.bytes.len(), until)
            .await
            .map(Reply::Accepted),
        Err(problem) => Err(keep(function, &tenant, &delivery, problem, until).await),
    }
}

/// What is left of the time for calls.
fn left(function: &SessionDetails, until: Timestamp) -> Duration {
    until.since(function.clock.now())
}

/// Durable first: the answer is given when the queue has the post.
async fn accept(
    function: &SessionDetails,
    post: Post,
    bytes: usize,
    until: Timestamp,
) -> Result<Post, Problem> {
    let message = post.encode().ok_or_else(|| too_large(bytes))?;
    function
        .queues
        .send(&post, message, left(function, until))
        .await
        .map_err(|error| {
            tracing::warn!(tenant = %post.tenant, %error, "post not queued");
            Problem::new(ErrorCode::QueueUnavailable, SEND_AGAIN)
        })?;
    telemetry::count(Metric::PostAccepted, Some(&post.tenant));
    tracing::info!(tenant = %post.tenant, session = %post.session_id, digest = post.digest.short(),
        event = post.event.as_str(), "post accepted");
    Ok(post)
}

/// Keeps the body of a post that cannot be read in the dead-letter queue, and says what was wrong with it.
async fn keep(
    function: &SessionDetails,
    tenant: &TenantId,
    delivery: &Delivery,
    problem: Problem,
    until: Timestamp,
) -> Problem {
    if delivery.bytes.is_empty() {
        return problem;
    }
    let Some(letter) = DeadLetter::raw(&delivery.bytes, problem.code, tenant, function.clock.now())
    else {
        return too_large(delivery.bytes.len());
    };
    let letter = letter.posted_as(delivery.content_type.as_deref(), delivery.event);
    let patience = left(function, until);
    match function
        .queues
        .send_dead_letter_patiently(letter, patience)
        .await
    {
        Ok(()) => {
            telemetry::count_reason(Metric::DeadLettered, problem.code, Some(tenant));
            problem
        }
        Err(error) => {
            tracing::warn!(%tenant, %error, "unreadable post not kept");
            Problem::new(ErrorCode::QueueUnavailable, SEND_AGAIN)
        }
    }
}

fn too_large(bytes: usize) -> Problem {
    let detail = format!(
        "The body has {bytes} bytes. Export less of the session; nothing of this post was stored."
    );
    Problem::new(ErrorCode::BodyTooLarge, detail)
}

/// A refusal is logged and counted once, here.
fn refused(problem: &Problem, tenant: &TenantId) {
    telemetry::log_failure(problem.code, tenant.as_str(), "", &problem.detail);
    // Anybody can ask for a tenant that does not exist; its name is nobody's property on a metric.
    let counted = (problem.code != ErrorCode::NotFound).then_some(tenant);
    telemetry::count_reason(Metric::PostRefused, problem.code, counted);
    if problem.code == ErrorCode::BodyTooLarge {
        telemetry::count(Metric::BodyTooLarge, counted);
    }
}

fn reply(outcome: Result<Reply, Problem>, request_id: &str) -> HttpResponse {
    match outcome {
        Ok(Reply::Right) => api::empty(StatusCode::NO_CONTENT),
        Ok(Reply::Ignored) => api::json(StatusCode::OK, &json!({ "status": "ignored" })),
        Ok(Reply::Accepted(post)) => api::json(
            StatusCode::OK,
            &json!({ "status": "accepted", "session_id": post.session_id, "delivery": post.digest }),
        ),
        Err(problem) => api::refusal(&problem, request_id),
    }
}

/// Runs the function: clients from the environment, once, then one request after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let environment = &mut wiring.environment;
    let posts_per_minute = environment.count("POSTS_PER_MINUTE", POSTS_PER_MINUTE);
    let function = SessionDetails {
        tenants: wiring.tenants(),
        queues: wiring.queues(),
        quota: Quota::new(posts_per_minute),
        clock: wiring.clock(),
    };
    wiring.finish()?;
    api::run(|request| handle(&function, request)).await
}
