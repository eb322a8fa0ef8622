//! `receive-token`: takes a refresh token from ServiceNow, proves that it works, and stores it.

mod act;
mod event;
mod note;
mod reply;
mod resume;
mod service;
mod token_hand_over;

use std::time::Duration;

use lambda_http::Error;
use shared::api::request::HttpRequest;
use shared::api::response::HttpResponse;
use shared::api::server::serve;
use shared::domain::error::{ErrorCode, Problem};
use shared::telemetry;
use shared::wiring::Wiring;

use crate::event::Command;
pub use crate::service::ReceiveToken;

/// Behind the HTTP API all work ends within this (infra/openapi.yaml).
const ALL_WORK: Duration = Duration::from_millis(24_500);
/// Kept back of the invocation for writing the response.
const REPLYING: Duration = Duration::from_millis(500);
/// Runs the function: one request after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let function = ReceiveToken::new(&mut wiring);
    wiring.finish_and_connect()?;
    serve(|request| handle(&function, request)).await
}

/// Takes one request: event → parse → decide → act → reply. Never returns an error: every failure becomes a response.
pub async fn handle(function: &ReceiveToken, request: HttpRequest) -> HttpResponse {
    let id = request.id.clone();
    let budget = request.budget(&function.clock).keep_back(REPLYING);
    let outcome = match Command::read(request) {
        Ok(command) => act::act(function, &command, &budget.at_most(ALL_WORK))
            .await
            .inspect_err(|problem| refused(problem, &command)),
        Err(problem) => Err(problem),
    };
    reply::reply(outcome, &id)
}

/// Logs a refusal. An unauthorised sender chooses the tenant's name freely, so the log does not carry it.
fn refused(problem: &Problem, command: &Command) {
    let authorized = problem.code != ErrorCode::Unauthorized;
    let tenant = if authorized {
        command.tenant.as_str()
    } else {
        ""
    };
    telemetry::log_failure(problem.code, tenant, "", &problem.detail);
}
