//! `deliver-session`: takes posts from the queue and writes each to the right ServiceNow record, exactly once.

mod attempt;
mod batch;
mod event;
mod message;
mod note;
mod note_texts;
mod outcome;
mod resolve;
mod timeouts;
mod verdict;
mod wake;
mod write;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{join_all, select};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use shared::aws::credentials::CredentialsTable;
use shared::aws::ledger::Ledger;
use shared::aws::queue::Queues;
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::TenantsTable;
use shared::domain::clock::{Clock, Timestamp};
use shared::retry::{self, ServiceNowTimeouts};
use shared::servicenow::client::ServiceNowClient;
use shared::telemetry::{self, Metric};
use shared::wiring::Wiring;

use crate::batch::Batch;
use crate::event::{BatchItemFailure, Group, Message};
pub use crate::event::{SqsBatchResponse, SqsEvent};
use crate::outcome::DeliveryOutcome;
pub use crate::timeouts::Timeouts;

/// What the function works with, built once per process.
#[derive(Debug)]
pub struct DeliverSession {
    /// How tenants are set up.
    pub tenants: TenantsTable,
    /// What became of every post.
    pub ledger: Ledger,
    /// Who is paused.
    pub credentials: Arc<CredentialsTable>,
    /// What signs a `Tracking0`.
    pub vault: Arc<SecretStore>,
    /// Where notes go.
    pub servicenow: ServiceNowClient,
    /// Where messages wait, and where they end that cannot be delivered.
    pub queues: Queues,
    /// The time.
    pub clock: Clock,
    /// Time-outs in a row, by tenant.
    pub timeouts: Timeouts,
}

/// Takes one batch: groups side by side, the messages of a group in order. What is done with is deleted at once; what is
/// unfinished is hidden for as long as it has to wait, and reported. A group that ended a process before is handled when
/// all others are settled, so that another death is its own (decision 0009).
///
/// # Errors
/// Never: every failure is an outcome of the message it happened to.
pub async fn handle(
    function: &DeliverSession,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let deadline = function.clock.deadline(event.context.deadline);
    let groups = event::groups(event.payload, function.clock.now());
    let batch = Batch::new(deadline);
    let work = async {
        hide_until_the_lease_ends(function, &groups, deadline).await;
        let alone = groups.len() == 1;
        let deliveries = groups
            .iter()
            .map(|group| contained(deliver(function, &batch, group, alone).boxed_local()));
        let deaths = join_all(deliveries).await;
        let suspects = deaths.into_iter().zip(&groups);
        let mut suspects: Vec<_> = suspects
            .filter_map(|(deaths, group)| Some((deaths?, group)))
            .collect();
        // Those that have ended fewer processes first: the one that does it keeps no other waiting for long. Sorting would
        // be six kilobytes of code for ten groups at most.
        while let Some(next) = (0..suspects.len()).min_by_key(|index| suspects[*index].0) {
            let (_, group) = suspects.remove(next);
            contained(deliver(function, &batch, group, true).boxed_local()).await;
        }
    };
    select(pin!(work), pin!(batch.delete_finished(&function.queues))).await;
    Ok(response(&batch, groups))
}

/// Hides the batch for as long as its claims hold at most, which is less than the queue's own visibility time-out: should
/// the process be killed, the posts wait no longer than they have to.
async fn hide_until_the_lease_ends(
    function: &DeliverSession,
    groups: &[Group],
    deadline: Timestamp,
) {
    let length = deadline.plus(retry::SETTLE).since(function.clock.now());
    let messages = groups.iter().flatten();
    let delays: Vec<_> = messages
        .map(|message| (message.receipt_handle.clone(), length))
        .collect();
    if let Err(error) = function.queues.postpone(&delays).await {
        tracing::warn!(%error, "should this process die, its messages wait for the queue's visibility time-out");
    }
}

/// Keeps a panic to the group whose handling panicked. Its messages stay in the queue until its claim ends, which counts
/// as a death.
async fn contained(delivery: impl Future<Output = Option<u32>>) -> Option<u32> {
    match AssertUnwindSafe(delivery).catch_unwind().await {
        Ok(deaths) => deaths,
        Err(_) => {
            telemetry::count(Metric::SessionPanicked, None);
            tracing::error!("handling a session panicked; its posts are tried again by themselves");
            None
        }
    }
}

/// Delivers one group in order. The first message that has to wait makes its successors wait as long; they are hidden
/// at once: the other groups may take minutes yet. A number of deaths: the rest has to be handled alone.
async fn deliver(
    function: &DeliverSession,
    batch: &Batch,
    group: &Group,
    alone: bool,
) -> Option<u32> {
    let mut unauthorized = false;
    let mut waiting = None;
    let mut left = group.iter().filter(|message| !batch.is_finished(message));
    let mut unfinished = Vec::new();
    for message in left.by_ref() {
        match message::deliver(function, batch, message, alone).await {
            DeliveryOutcome::Done => {
                batch.finish(message);
                continue;
            }
            DeliveryOutcome::Alone(deaths) => return Some(deaths),
            DeliveryOutcome::Postponed(delay) => waiting = Some(delay),
            DeliveryOutcome::Unauthorized(delay) => {
                unauthorized = true;
                waiting = Some(delay);
            }
        }
        unfinished.push(message);
        break;
    }
    let delay = waiting?;
    unfinished.extend(left);
    if let Some(oldest) = unfinished.iter().map(|message| message.queued_at).min() {
        telemetry::waiting_time(function.clock.now().since(oldest));
    }
    if unauthorized {
        wake::remember(function, &unfinished, delay).await;
    }
    let hidden = |message: &&Message| (message.receipt_handle.clone(), delay);
    let delays: Vec<_> = unfinished.iter().map(hidden).collect();
    if let Err(error) = function.queues.postpone(&delays).await {
        tracing::warn!(%error, "messages come back when their present visibility time-out ends");
    }
    None
}

fn response(batch: &Batch, groups: Vec<Group>) -> SqsBatchResponse {
    SqsBatchResponse {
        batch_item_failures: groups
            .into_iter()
            .flatten()
            .filter(|message| !batch.is_finished(message))
            .map(|message| BatchItemFailure {
                item_identifier: message.id,
            })
            .collect(),
    }
}

/// Runs the function: clients from the environment, once, then one batch after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let vendors = wiring.vendors(ServiceNowTimeouts::QUEUE);
    let function = DeliverSession {
        tenants: wiring.tenants(),
        ledger: wiring.ledger(),
        servicenow: vendors.servicenow(&vendors.access_tokens()),
        credentials: vendors.credentials,
        vault: vendors.secret_store,
        queues: wiring.queues(),
        clock: vendors.clock,
        timeouts: Timeouts::default(),
    };
    wiring.finish()?;
    let function = &function;
    // In a box, because the compiler lays out nested futures in one another and gives up at some depth.
    let answer = |event: LambdaEvent<Box<RawValue>>| {
        async move {
            let batch = serde_json::from_str(event.payload.get())?;
            handle(function, LambdaEvent::new(batch, event.context)).await
        }
        .boxed_local()
    };
    lambda_runtime::run(service_fn(answer)).await
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
        let others = (2..4).map(|deaths| async move {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            Some(deaths)
        });
        let (panicked, others) =
            futures::join!(contained(panicking()), join_all(others.map(contained)));
        assert_eq!(panicked, None);
        assert_eq!(others, [Some(2), Some(3)]);
    }
}
