//! `reconcile-sessions`: finds the sessions that Rescue never posted, in Rescue's own report (docs/reconciliation.md).
//!
//! The schedule sends one message for each tenant concerned; a message takes one report. Every step may be repeated, and may
//! follow a process that died at any call.

mod compare;
mod event;
mod failure;
mod plan;
mod schedule;
mod service;
mod tenant;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::domain::time_budget::TimeBudget;
use shared::wiring::Wiring;

pub use crate::event::Response;
use crate::event::Trigger;
pub use crate::service::ReconcileSessions;

/// Makes the clients from the environment, then handles one event after the other.
///
/// # Errors
/// Names every missing variable; otherwise the error with which the Lambda runtime ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let function = ReconcileSessions::new(&mut wiring);
    wiring.finish_and_connect()?;
    lambda_runtime::run(service_fn(|event| handle(&function, event))).await
}

/// Handles the schedule, or the messages of the queue.
///
/// # Errors
/// When the schedule could not send every message, or the event is neither; Lambda repeats it.
pub async fn handle(
    function: &ReconcileSessions,
    event: LambdaEvent<Value>,
) -> Result<Response, Error> {
    let deadline = function.clock.deadline(event.context.deadline);
    let budget = TimeBudget::until(function.clock.clone(), deadline);
    let mut response = Response::default();
    match Trigger::read(event.payload)? {
        Trigger::Schedule => schedule::send_requests(function).await?,
        Trigger::Messages(messages) => {
            for message in messages {
                if let Err(failure) = tenant::reconcile(function, &message.body, &budget).await {
                    tracing::warn!(%failure, "the tenant's message is received again");
                    response.leave(message);
                }
            }
        }
    }
    Ok(response)
}
