//! The wake-up that makes a tenant's posts visible after its re-authorisation (decision 0006); `await_authorization.rs` stored
//! the receipt handles of their messages.
//!
//! One wake-up reads the tenant's posts of four weeks from the index, 200 a page, and sends one SQS call for ten waiting
//! messages: for 100 000, 500 reads in sequence (5 s at 10 ms) and 10 000 calls, eight in parallel (25 s at 20 ms), with
//! at most one page in memory.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use shared::aws::ledger::NextPage;
use shared::aws::queue::{QueueError, WakeRequest};
use shared::aws::storage_error::StorageError;
use shared::domain::error::ErrorCode;
use shared::domain::time_budget::TimeBudget;
use shared::retry;
use shared::telemetry;

use crate::disposition::MessageDisposition;
use crate::event::Message;
use crate::service::DeliverSession;

/// No post in the queue is older: the queue keeps it for 14 days, and the dead-letter queue, from which it may have been
/// redriven, for another 14.
const OLDEST: Duration = Duration::from_secs(28 * 24 * 3600);

/// A process may hide messages for up to 30 s after the wake-up was requested, because it caches the pause. A pass that
/// begins later finds every hidden message.
const PAUSE_VISIBLE_AFTER: Duration = Duration::from_secs(30);

/// With less time left, the remaining pages go into another wake-up message.
const NEEDED: Duration = Duration::from_secs(60);

/// How long the wake-up's own message is hidden while one page is read. If the process crashes, it comes back after this.
const PAGE_TAKES: Duration = Duration::from_secs(60);

/// The queue's own visibility time-out: Lambda deletes the message when the whole batch is done.
const HIDDEN_UNTIL_DELETED: Duration = Duration::from_secs(1800);

/// A wake-up that keeps failing is given up after this: the posts have come back by themselves.
const GIVE_UP_AFTER: Duration = retry::REAUTHORIZATION_PAUSE;

/// SQS changes the visibility of ten messages in one call; eight calls run in parallel.
const BATCH: usize = 10;
const CALLS: usize = 8;

#[derive(Debug, thiserror::Error)]
enum WakeError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// How far a pass over a tenant's posts came.
enum Pass {
    /// The tenant was deleted or still has to be authorised again.
    NothingToDo,
    Complete,
    OutOfTime(NextPage),
}

/// Makes the tenant's waiting posts visible, unless the tenant still has to be authorised again: in a first pass at once,
/// and in a second one for messages that other processes were hiding meanwhile.
pub(crate) async fn wake(
    function: &DeliverSession,
    message: &Message,
    wake: &WakeRequest,
    budget: &TimeBudget,
) -> MessageDisposition {
    let settled_at = message.queued_at.plus(PAUSE_VISIBLE_AFTER);
    let began = function.clock.now();
    let disposition = async {
        match pass(function, message, wake, budget).await? {
            Pass::NothingToDo => Ok::<_, WakeError>(MessageDisposition::Done),
            Pass::Complete | Pass::OutOfTime(_) if began < settled_at => {
                let wait = settled_at.since(function.clock.now());
                Ok(MessageDisposition::Postponed(
                    wait.max(Duration::from_secs(1)),
                ))
            }
            Pass::Complete => Ok(MessageDisposition::Done),
            Pass::OutOfTime(rest) => {
                let rest = WakeRequest::new(wake.tenant.clone(), Some(rest.from));
                function.queues.send_wake(&rest).await?;
                Ok(MessageDisposition::Done)
            }
        }
    };
    match disposition.await {
        Ok(MessageDisposition::Done) => {
            hide(function, message, HIDDEN_UNTIL_DELETED).await;
            MessageDisposition::Done
        }
        Ok(disposition) => disposition,
        Err(error) => {
            telemetry::log_failure(
                code(&error),
                wake.tenant.as_str(),
                "",
                &format!("waiting posts not woken: {error}"),
            );
            if function.clock.now().since(message.queued_at) >= GIVE_UP_AFTER {
                tracing::error!(tenant = %wake.tenant, "wake-up given up; the posts come back by themselves");
                return MessageDisposition::Done;
            }
            MessageDisposition::Postponed(retry::SESSION.first)
        }
    }
}

async fn pass(
    function: &DeliverSession,
    message: &Message,
    wake: &WakeRequest,
    budget: &TimeBudget,
) -> Result<Pass, WakeError> {
    let tenant = &wake.tenant;
    if function.tenants.get(tenant).await?.is_none() {
        return Ok(Pass::NothingToDo);
    }
    let pause = function.credentials.tenant_pause_now(tenant).await?;
    let now = function.clock.now();
    if pause.is_unauthorized_at(now) {
        tracing::info!(%tenant, "posts not woken: the tenant has to be authorised again");
        return Ok(Pass::NothingToDo);
    }
    let oldest = now.minus(OLDEST);
    let from = wake.from.map_or(oldest, |from| from.max(oldest));
    let (mut rest, mut woken) = (None, 0);
    loop {
        hide(function, message, PAGE_TAKES).await;
        let page = function
            .ledger
            .waiting_for_authorization(tenant, from, rest)
            .await?;
        woken += make_visible(function, &page.receipt_handles).await?;
        rest = page.rest;
        let Some(rest) = &rest else { break };
        if !budget.allows(NEEDED) {
            tracing::info!(%tenant, posts = woken, "waiting posts woken, not all yet");
            return Ok(Pass::OutOfTime(rest.clone()));
        }
    }
    tracing::info!(%tenant, posts = woken, "waiting posts woken");
    Ok(Pass::Complete)
}

/// Makes messages visible, beginning with the first.
async fn make_visible(
    function: &DeliverSession,
    receipt_handles: &[String],
) -> Result<usize, QueueError> {
    stream::iter(receipt_handles.chunks(BATCH))
        .map(|batch| function.queues.make_visible(batch))
        .buffered(CALLS)
        .try_fold(0, async |sum, visible| Ok(sum + visible))
        .await
}

/// Hides the wake-up's own message from other processes. When that fails, another process may repeat the wake-up, which
/// does no harm.
async fn hide(function: &DeliverSession, message: &Message, length: Duration) {
    let own = [(message.receipt_handle.clone(), length)];
    if let Err(error) = function.queues.postpone(&own).await {
        tracing::debug!(message_id = message.id, %error, "wake-up not hidden");
    }
}

const fn code(error: &WakeError) -> ErrorCode {
    match error {
        WakeError::Storage(_) => ErrorCode::StorageUnavailable,
        WakeError::Queue(_) => ErrorCode::QueueUnavailable,
    }
}
