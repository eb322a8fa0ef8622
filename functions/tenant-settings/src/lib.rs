//! `tenant-settings`: lets an administrator in ServiceNow set a tenant up with a one-time code, change its settings,
//! secrets and webhook keys, and see its status.

mod access;
mod act;
mod checks;
mod enrolment;
mod event;
mod problems;
mod secrets;
mod service;
mod settings;
mod status;
mod tenant;
mod webhook_keys;

use std::time::Duration;

use lambda_http::Error;
use shared::api::request::HttpRequest;
use shared::api::response::{self, HttpResponse};
use shared::api::server::serve;
use shared::domain::error::{ErrorCode, Problem};
use shared::telemetry;
use shared::wiring::Wiring;

use crate::event::Command;
pub use crate::service::TenantSettings;

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
    let function = TenantSettings::new(&mut wiring);
    wiring.finish()?;
    serve(|request| handle(&function, request)).await
}

/// Takes one request: event → parse → decide → act → reply. Never returns an error: every failure becomes a response.
pub async fn handle(function: &TenantSettings, request: HttpRequest) -> HttpResponse {
    let id = request.id.clone();
    let budget = request.budget(&function.clock).keep_back(REPLYING);
    let outcome = match Command::read(request) {
        Ok(command) => act::act_in_time(function, &command, budget.at_most(ALL_WORK))
            .await
            .inspect_err(|problem| log_refusal(problem, &command)),
        Err(problem) => Err(problem),
    };
    outcome.unwrap_or_else(|problem| response::refusal(&problem, &id))
}

/// Logs a refusal. An unauthorised sender chooses the tenant's name freely, so the log does not carry it.
fn log_refusal(problem: &Problem, command: &Command) {
    let authorized = problem.code != ErrorCode::Unauthorized;
    let tenant = if authorized {
        command.tenant.as_str()
    } else {
        ""
    };
    telemetry::log_failure(problem.code, tenant, "", &problem.detail);
}
