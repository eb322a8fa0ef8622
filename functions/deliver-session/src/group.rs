//! The groups of a batch: one session each, so their order counts within a group only.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use futures::future::join_all;
use shared::retry;
use shared::telemetry::{self, Metric};

use crate::batch::Batch;
use crate::disposition::MessageDisposition;
use crate::event::{Group, Message};
use crate::service::DeliverSession;
use crate::{await_authorization, message};

/// Delivers groups side by side. A group that ended a process before is delivered after all others, so that another
/// crash is its own (decision 0009).
pub(crate) async fn deliver_all(function: &DeliverSession, batch: &Batch, groups: &[Group]) {
    hide_until_the_lease_ends(function, batch, groups).await;
    let alone = groups.len() == 1;
    let deliveries = groups
        .iter()
        .map(|group| contained(deliver(function, batch, group, alone).boxed_local()));
    let crashes = join_all(deliveries).await;
    let mut to_retry_alone: Vec<_> = crashes
        .into_iter()
        .zip(groups)
        .filter_map(|(crashes, group)| Some((crashes?, group)))
        .collect();
    // Fewest crashes first: the group that ends processes then delays no other. Sorting would be six kilobytes of code
    // for ten groups at most.
    while let Some(next) = (0..to_retry_alone.len()).min_by_key(|index| to_retry_alone[*index].0) {
        let (_, group) = to_retry_alone.remove(next);
        contained(deliver(function, batch, group, true).boxed_local()).await;
    }
}

/// Hides the batch for as long as its claims can last, which is less than the queue's own visibility time-out: if the
/// process is killed, the posts come back as soon as they can be claimed.
async fn hide_until_the_lease_ends(function: &DeliverSession, batch: &Batch, groups: &[Group]) {
    let length = batch.budget.left() + retry::UNKNOWN_OUTCOME_WAIT;
    let messages = groups.iter().flatten();
    let delays: Vec<_> = messages
        .map(|message| (message.receipt_handle.clone(), length))
        .collect();
    if let Err(error) = function.queues.postpone(&delays).await {
        tracing::warn!(%error, "should this process die, its messages wait for the queue's visibility time-out");
    }
}

/// Keeps a panic to its group. The group's messages stay hidden until the claim ends, which counts as a crash.
async fn contained(delivery: impl Future<Output = Option<u32>>) -> Option<u32> {
    AssertUnwindSafe(delivery)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            telemetry::count(Metric::SessionPanicked, None);
            tracing::error!("handling a session panicked; its posts are tried again by themselves");
            None
        })
}

/// Delivers one group in order. The first message that has to wait makes its successors wait as long; they are hidden at
/// once, because the other groups may take minutes. Returns the number of crashes when the rest has to be handled alone.
async fn deliver(
    function: &DeliverSession,
    batch: &Batch,
    group: &Group,
    alone: bool,
) -> Option<u32> {
    let mut remaining = group.iter().filter(|message| !batch.is_finished(message));
    let mut unfinished = Vec::new();
    let (delay, unauthorized) = loop {
        let message = remaining.next()?;
        match message::deliver(function, batch, message, alone).await {
            MessageDisposition::Done => batch.finish(message),
            MessageDisposition::Alone(crashes) => return Some(crashes),
            MessageDisposition::Postponed(delay) => {
                unfinished.push(message);
                break (delay, false);
            }
            MessageDisposition::Unauthorized(delay) => {
                unfinished.push(message);
                break (delay, true);
            }
        }
    };
    unfinished.extend(remaining);
    if let Some(oldest) = unfinished.iter().map(|message| message.queued_at).min() {
        telemetry::waiting_time(function.clock.now().since(oldest));
    }
    if unauthorized {
        await_authorization::store_receipt_handles(function, &unfinished, delay).await;
    }
    let hidden = |message: &&Message| (message.receipt_handle.clone(), delay);
    let delays: Vec<_> = unfinished.iter().map(hidden).collect();
    if let Err(error) = function.queues.postpone(&delays).await {
        tracing::warn!(%error, "messages come back when their present visibility time-out ends");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn panicking() -> Option<u32> {
        tokio::task::yield_now().await;
        panic!("a panic that the test wants")
    }

    #[tokio::test]
    async fn a_panic_in_one_group_leaves_the_others_alone() {
        let others = (2..4).map(|crashes| async move {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            Some(crashes)
        });
        let (panicked, others) =
            futures::join!(contained(panicking()), join_all(others.map(contained)));
        assert_eq!(panicked, None);
        assert_eq!(others, [Some(2), Some(3)]);
    }
}
