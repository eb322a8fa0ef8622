//! `session-details`: takes Rescue's Post-to-URL requests. `200` means that the queue has the post.
//!
//! One AWS call when warm; a second one, for the tenant, when cold or every minute.

mod accept;
mod act;
mod event;
mod quota;
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
pub use crate::service::SessionDetails;

/// Kept back of the invocation for writing the response.
const REPLYING: Duration = Duration::from_millis(500);

/// Runs the function: one request after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let function = SessionDetails::new(&mut wiring);
    wiring.finish_and_connect()?;
    serve(|request| handle(&function, request)).await
}

/// Takes one request: event → parse → decide → act → reply. Never returns an error: every failure becomes a response.
///
/// Rescue never repeats a post. Calls that AWS does not refuse for good are repeated until the invocation is nearly over.
pub async fn handle(function: &SessionDetails, request: HttpRequest) -> HttpResponse {
    let id = request.id.clone();
    let budget = request.budget(&function.clock).keep_back(REPLYING);
    let outcome = match Command::read(request) {
        Ok(command) => {
            let tenant = command.tenant.clone();
            act::act(function, command, &budget)
                .await
                .inspect_err(|problem| refused(problem, &tenant))
        }
        Err(problem) => Err(problem),
    };
    reply::reply(outcome, &id)
}

/// Logs and counts a refusal, once.
fn refused(problem: &Problem, tenant: &TenantId) {
    telemetry::log_failure(problem.code, tenant.as_str(), "", &problem.detail);
    // A sender without a key chooses the tenant's name freely, so no metric carries it.
    let counted = (problem.code != ErrorCode::NotFound).then_some(tenant);
    telemetry::count_reason(Metric::PostRefused, problem.code, counted);
    if problem.code == ErrorCode::BodyTooLarge {
        telemetry::count(Metric::BodyTooLarge, counted);
    }
}
