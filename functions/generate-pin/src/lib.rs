//! `generate-pin`: a PIN for a technician and a record, given once per request and e-mailed once.
//!
//! Warm, and with e-mails and note off, one call to Rescue and none to Secrets Manager.

mod act;
mod email_texts;
mod event;
mod idempotency;
mod mail;
mod notify;
mod pin;
mod pin_request;
mod problems;
mod reply;
mod service;

use std::time::Duration;

use lambda_http::Error;
use shared::api::request::HttpRequest;
use shared::api::response::HttpResponse;
use shared::api::server::serve;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantId;
use shared::telemetry::{self, Metric};
use shared::wiring::Wiring;

use crate::event::Command;
pub use crate::service::GeneratePin;

/// Behind the HTTP API all work ends within this.
const ALL_WORK: Duration = Duration::from_millis(24_500);

/// Runs the function: one request after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let function = GeneratePin::new(&mut wiring);
    wiring.finish_and_connect()?;
    serve(|request| handle(&function, request)).await
}

/// Takes one request: event → parse → decide → act → reply. Never returns an error: every failure becomes a response.
pub async fn handle(function: &GeneratePin, request: HttpRequest) -> HttpResponse {
    let id = request.id.clone();
    let budget = request.budget(&function.clock).at_most(ALL_WORK);
    let outcome = match Command::read(request) {
        Ok(command) => act::act(function, &command, budget)
            .await
            .inspect_err(|problem| refused(problem, Some(&command))),
        Err(problem) => {
            refused(&problem, None);
            Err(problem)
        }
    };
    reply::reply(outcome, &id)
}

/// Logs and counts a refusal, once. The response names an SSO id that Rescue does not know; the log does not.
fn refused(problem: &Problem, command: Option<&Command>) {
    let tenant = command.map(|command| &command.tenant);
    let name = tenant.map_or("", TenantId::as_str);
    let detail = match command.and_then(Command::sso_id) {
        Some(sso_id) => problem.detail.replace(&format!("\"{sso_id}\""), "[SSO id]"),
        None => problem.detail.clone(),
    };
    telemetry::log_failure(problem.code, name, "", &detail);
    // An unauthorised sender chooses the tenant's name freely, so no metric carries it.
    let counted = tenant.filter(|_| problem.code != ErrorCode::Unauthorized);
    telemetry::count_reason(Metric::PinRefused, problem.code, counted);
}
