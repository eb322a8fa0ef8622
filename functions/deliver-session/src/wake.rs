//! Posts that wait for their tenant's re-authorisation: where their messages are, and waking them once it has come.
//!
//! They are hidden for up to an hour, because a queue that hides a message for less would give it up by itself before
//! `reauthorization_wait` ends (400 receives in 13 days). So the ledger keeps their receipt handles, with which they can
//! be shown again at any time (decision 0006).
//!
//! What it costs: one write for each message and hour that it waits. One wake-up reads the tenant's posts of four weeks
//! from the index, 200 in one go, and sends one SQS call for ten that wait: for 100 000, 500 reads one after the other
//! (5 s at 10 ms) and 10 000 calls, eight side by side (25 s at 20 ms), with never more than one page in memory.

use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use shared::aws::ledger::NextPage;
use shared::aws::queue::{PackedPost, Post, QueueError, WakeRequest};
use shared::aws::storage_error::StorageError;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::session::Digest;
use shared::retry;
use shared::telemetry;

use crate::DeliverSession;
use crate::event::Message;
use crate::outcome::DeliveryOutcome;

/// No post in the queue was accepted longer ago: it waits there for 14 days at most, and may have been redriven from
/// the dead-letter queue, which keeps it for as long.
const OLDEST: Duration = Duration::from_secs(28 * 24 * 3600);

/// Who hides a message has looked at the tenant's standing less than this ago, and the index shows by then what it has
/// written, so a pass that begins so long after the wake-up was asked for misses nothing.
const STRAGGLERS: Duration = Duration::from_secs(30);

/// With less than this left of the invocation the rest is left to another message.
const NEEDED: Duration = Duration::from_secs(60);

/// The wake-up's own message comes back after this when the process dies. A page takes less.
const PAGE_TAKES: Duration = Duration::from_secs(60);

/// The queue's own visibility time-out: Lambda deletes the message when the whole batch is done.
const HIDDEN_UNTIL_DELETED: Duration = Duration::from_secs(1800);

/// A wake-up that keeps failing is given up: by then the posts have come back by themselves.
const GIVE_UP_AFTER: Duration = retry::REAUTHORIZATION_PAUSE;

/// SQS changes the visibility of so many messages in one call; so many calls run side by side.
const BATCH: usize = 10;
const CALLS: usize = 8;

/// Remembers where the messages of a group are that are about to be hidden. What fails costs no post: it comes back
/// when its visibility time-out ends.
pub(crate) async fn remember(function: &DeliverSession, hidden: &[&Message], delay: Duration) {
    let until = function.clock.now().plus(delay);
    let mut posts: Vec<(Post, Vec<String>)> = Vec::new();
    for message in hidden {
        let Ok(packed) = PackedPost::read(&message.body) else {
            continue;
        };
        let post = packed.outline();
        let same = |digest: &Digest| *digest == post.digest;
        let handle = message.receipt_handle.clone();
        match posts.iter_mut().find(|(post, _)| same(&post.digest)) {
            // The same post twice, as redriving may leave it: one that stays hidden would block the group.
            Some((_, handles)) => handles.push(handle),
            None => posts.push((post, vec![handle])),
        }
    }
    let writes = posts.into_iter().map(async |(post, handles)| {
        let ledger = &function.ledger;
        if let Err(error) = ledger.await_authorization(&post, until, handles).await {
            tracing::warn!(tenant = %post.tenant, session = %post.session_id, %error,
                "nobody can wake the post before it comes back by itself");
        }
    });
    join_all(writes).await;
}

/// What a wake-up fails at.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// How far a pass over a tenant's posts came.
enum Pass {
    /// There is nothing to wake, or nobody to wake it for.
    Needless,
    Complete,
    OutOfTime(NextPage),
}

/// Shows the tenant's posts that wait, unless it has to be authorised again after all. A first pass at once, and a
/// second one for those that were being hidden just then.
pub(crate) async fn wake(
    function: &DeliverSession,
    message: &Message,
    wake: &WakeRequest,
    deadline: Timestamp,
) -> DeliveryOutcome {
    let settled_at = message.queued_at.plus(STRAGGLERS);
    let began = function.clock.now();
    let outcome = async {
        match pass(function, message, wake, deadline).await? {
            Pass::Needless => Ok::<_, Failure>(DeliveryOutcome::Done),
            Pass::Complete | Pass::OutOfTime(_) if began < settled_at => {
                let wait = settled_at.since(function.clock.now());
                Ok(DeliveryOutcome::Postponed(wait.max(Duration::from_secs(1))))
            }
            Pass::Complete => Ok(DeliveryOutcome::Done),
            Pass::OutOfTime(rest) => {
                let rest = WakeRequest::new(wake.tenant.clone(), Some(rest.from));
                function.queues.send_wake(&rest).await?;
                Ok(DeliveryOutcome::Done)
            }
        }
    };
    match outcome.await {
        Ok(DeliveryOutcome::Done) => {
            hide(function, message, HIDDEN_UNTIL_DELETED).await;
            DeliveryOutcome::Done
        }
        Ok(outcome) => outcome,
        Err(failure) => {
            telemetry::log_failure(
                code(&failure),
                wake.tenant.as_str(),
                "",
                &format!("waiting posts not woken: {failure}"),
            );
            if function.clock.now().since(message.queued_at) >= GIVE_UP_AFTER {
                tracing::error!(tenant = %wake.tenant, "wake-up given up; the posts come back by themselves");
                return DeliveryOutcome::Done;
            }
            DeliveryOutcome::Postponed(retry::SESSION.first)
        }
    }
}

async fn pass(
    function: &DeliverSession,
    message: &Message,
    wake: &WakeRequest,
    deadline: Timestamp,
) -> Result<Pass, Failure> {
    let tenant = &wake.tenant;
    if function.tenants.get(tenant).await?.is_none() {
        return Ok(Pass::Needless);
    }
    let standing = function.credentials.tenant_pause_now(tenant).await?;
    let now = function.clock.now();
    if standing.is_unauthorized_at(now) {
        tracing::info!(%tenant, "posts not woken: the tenant has to be authorised again");
        return Ok(Pass::Needless);
    }
    let oldest = now.minus(OLDEST);
    let from = wake.from.map_or(oldest, |from| from.max(oldest));
    let (mut rest, mut shown) = (None, 0);
    loop {
        hide(function, message, PAGE_TAKES).await;
        let page = function
            .ledger
            .waiting_for_authorization(tenant, from, rest)
            .await?;
        shown += show(function, &page.receipt_handles).await?;
        rest = page.rest;
        let Some(rest) = &rest else { break };
        if deadline.since(function.clock.now()) < NEEDED {
            tracing::info!(%tenant, posts = shown, "waiting posts woken, not all yet");
            return Ok(Pass::OutOfTime(rest.clone()));
        }
    }
    tracing::info!(%tenant, posts = shown, "waiting posts woken");
    Ok(Pass::Complete)
}

/// Shows messages, beginning with the first.
async fn show(function: &DeliverSession, receipt_handles: &[String]) -> Result<usize, QueueError> {
    stream::iter(receipt_handles.chunks(BATCH))
        .map(|batch| function.queues.make_visible(batch))
        .buffered(CALLS)
        .try_fold(0, async |sum, shown| Ok(sum + shown))
        .await
}

/// Keeps the wake-up's own message to this process for a while. When that fails somebody else may do the same once more,
/// which is no harm.
async fn hide(function: &DeliverSession, message: &Message, length: Duration) {
    let own = [(message.receipt_handle.clone(), length)];
    if let Err(error) = function.queues.postpone(&own).await {
        tracing::debug!(message_id = message.id, %error, "wake-up not hidden");
    }
}

const fn code(failure: &Failure) -> ErrorCode {
    match failure {
        Failure::Storage(_) => ErrorCode::StorageUnavailable,
        Failure::Queue(_) => ErrorCode::QueueUnavailable,
    }
}
