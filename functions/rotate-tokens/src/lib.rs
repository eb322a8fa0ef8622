//! `rotate-tokens`: the four steps of Secrets Manager's rotation, which keep each tenant's refresh token valid.
//!
//! Every step may be repeated, and may follow a process that died at any call: `docs/decisions/0012-token-life.md`.

mod create;
mod event;
mod expiry;
mod failure;
mod finish;
mod lease;
mod prove;
mod service;

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::domain::error::ErrorCode;
use shared::domain::time_budget::TimeBudget;
use shared::telemetry::{self, Metric};
use shared::token::rotation::{Rotation, RotationState};
use shared::wiring::Wiring;

use crate::event::{Command, Step};
use crate::failure::LIKELY_CAUSES;
pub use crate::failure::StepFailure;
pub use crate::service::RotateTokens;

/// Kept back of the invocation for storing what came of the last call.
const STORING_NEEDS: Duration = Duration::from_secs(20);

/// Runs the function: clients from the environment, once, then one step after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let function = RotateTokens::new(&mut wiring);
    wiring.finish_and_connect()?;
    lambda_runtime::run(service_fn(|event| handle(&function, event))).await
}

/// Takes one step: event → parse → decide → act → reply.
///
/// # Errors
/// As [`StepFailure`] says; Secrets Manager tries the rotation again.
pub async fn handle(function: &RotateTokens, event: LambdaEvent<Value>) -> Result<(), StepFailure> {
    let deadline = function.clock.deadline(event.context.deadline);
    let budget = TimeBudget::until(function.clock.clone(), deadline).keep_back(STORING_NEEDS);
    match Command::read(&event.payload, function.secret_store.prefix()) {
        Ok(command) => {
            let outcome = step(function, &command, &budget).await;
            outcome.inspect_err(|failure| log_failure(&command, failure))
        }
        Err(failure) => {
            telemetry::count(Metric::RotationFailed, None);
            tracing::error!(%failure, "not a rotation of a token secret");
            Err(failure)
        }
    }
}

async fn step(
    function: &RotateTokens,
    command: &Command,
    budget: &TimeBudget,
) -> Result<(), StepFailure> {
    let rotation = Rotation {
        tokens: &function.grants.tokens,
        tenant: &command.tenant,
        version: &command.version,
    };
    let state = rotation.state(command.step == Step::Test).await?;
    match (command.step, state) {
        (Step::Create, RotationState::Pending) => {
            create::create(function, command, &rotation, budget).await
        }
        (Step::Test, RotationState::Pending) => prove::prove(function, &rotation, budget).await,
        (Step::Finish, RotationState::Pending | RotationState::Current) => {
            finish::finish(function, &rotation, budget).await
        }
        // ServiceNow itself made the token: there is nothing to set.
        (Step::Set, _) | (_, RotationState::Current | RotationState::Ended) => Ok(()),
    }
}

/// A failed step is logged and counted once, here.
fn log_failure(command: &Command, failure: &StepFailure) {
    let (tenant, step) = (&command.tenant, command.step.as_str());
    telemetry::count(Metric::RotationFailed, Some(tenant));
    match failure {
        StepFailure::ReauthorizationNeeded(reason) => {
            telemetry::count(Metric::ReauthorizationNeeded, Some(tenant));
            tracing::error!(%tenant, step, code = ErrorCode::ReauthorizationNeeded.as_str(), reason,
                likely = LIKELY_CAUSES, "{}", ErrorCode::ReauthorizationNeeded.entry().title);
        }
        StepFailure::Event(_) | StepFailure::Guard(_) => {
            tracing::error!(%tenant, step, reason = %failure, "rotation step refused");
        }
        StepFailure::Transient(reason) => {
            tracing::warn!(%tenant, step, reason, "rotation step failed; the whole rotation is tried again");
        }
    }
}
