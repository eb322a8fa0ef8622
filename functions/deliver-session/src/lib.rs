//! `deliver-session`: takes posts from the queue and writes each to the right ServiceNow record, exactly once.

mod age;
mod append;
mod attempt;
mod await_authorization;
mod batch;
mod chat;
mod column_values;
mod create;
mod dead_letter;
mod deliver_post;
mod disposition;
mod event;
mod failure;
mod group;
mod lookup;
mod message;
mod missed;
mod note;
mod note_texts;
mod pause;
mod post;
mod resolve;
mod service;
mod session_row;
mod timeouts;
mod verdict;
mod wake;
mod write;

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::select;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use shared::cache::BoundedCache;
use shared::domain::time_budget::TimeBudget;
use shared::retry::ServiceNowTimeouts;
use shared::wiring::Wiring;

use crate::batch::Batch;
pub use crate::event::{SqsBatchResponse, SqsEvent};
pub use crate::service::DeliverSession;
pub use crate::timeouts::Timeouts;

/// Makes the clients from the environment, then delivers one batch after the other.
///
/// # Errors
/// Names every missing variable; otherwise the error with which the Lambda runtime ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let vendors = wiring.vendors(ServiceNowTimeouts::QUEUE);
    let function = DeliverSession {
        tenants: Arc::clone(&vendors.tenants),
        ledger: wiring.ledger(),
        servicenow: vendors.servicenow(&vendors.access_tokens()),
        credentials: vendors.credentials,
        secret_store: vendors.secret_store,
        queues: wiring.queues(),
        clock: vendors.clock,
        timeouts: Timeouts::default(),
        technicians: BoundedCache::default(),
    };
    wiring.finish_and_connect()?;
    let function = &function;
    // Boxed: the compiler nests the layouts of futures and gives up at some depth.
    let answer = |event: LambdaEvent<Box<RawValue>>| {
        async move {
            let batch = serde_json::from_str(event.payload.get())?;
            handle(function, LambdaEvent::new(batch, event.context)).await
        }
        .boxed_local()
    };
    lambda_runtime::run(service_fn(answer)).await
}

/// Delivers one batch: groups side by side, the messages of a group in order. Finished messages are deleted at once;
/// unfinished ones are hidden for as long as they have to wait, and reported.
///
/// # Errors
/// Never: every failure decides what happens to its message.
pub async fn handle(
    function: &DeliverSession,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Error> {
    let deadline = function.clock.deadline(event.context.deadline);
    let budget = TimeBudget::until(function.clock.clone(), deadline);
    let groups = event::groups(event.payload, function.clock.now());
    let batch = Batch::new(budget);
    let delivering = group::deliver_all(function, &batch, &groups);
    select(
        pin!(delivering),
        pin!(batch.delete_finished(&function.queues)),
    )
    .await;
    Ok(event::response(groups, |message| {
        batch.is_finished(message)
    }))
}
