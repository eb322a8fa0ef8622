//! `session-details`: takes Rescue's Post-to-URL requests. `200` means that the queue has the post.
//!
//! One AWS call when warm; a second one, for the tenant, when cold or every minute.

mod accept;
mod event;
mod quota;
mod service;

use std::time::Duration;

use lambda_http::Error;
use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::request::HttpRequest;
use shared::api::response::{self, HttpResponse};
use shared::api::server::serve;
use shared::aws::queue::Post;
use shared::aws::tenants::KeyKind;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantId;
use shared::domain::time_budget::TimeBudget;
use shared::telemetry::{self, Metric};
use shared::wiring::Wiring;

use crate::event::{Action, Command};
pub use crate::service::SessionDetails;

/// A request that was not refused.
enum Reply {
    Authenticated,
    Ignored,
    Accepted(Post),
}

/// Kept back of the invocation for writing the response.
const REPLYING: Duration = Duration::from_millis(500);

const TOO_MANY_POSTS: &str = "Send the same post again in a minute. The operator raises the limit with the stack's \
    parameter PostsPerMinute.";

/// Runs the function: one request after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let function = SessionDetails::new(&mut wiring);
    wiring.finish()?;
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
            act(function, command, &budget)
                .await
                .inspect_err(|problem| refused(problem, &tenant))
        }
        Err(problem) => Err(problem),
    };
    reply(outcome, &id)
}

async fn act(
    function: &SessionDetails,
    command: Command,
    budget: &TimeBudget,
) -> Result<Reply, Problem> {
    let Command {
        tenant,
        key,
        action,
    } = command;
    let (tenants, kind) = (&function.tenants, KeyKind::Webhook);
    let found = tenants.authenticate(&tenant, kind, &key, budget.left());
    let (known, _) = found
        .await
        .map_err(|error| {
            tracing::warn!(%tenant, %error, "tenant not readable");
            event::send_again(ErrorCode::StorageUnavailable)
        })?
        .ok_or_else(event::not_found)?;
    let Action::Accept(delivery) = action else {
        return Ok(Reply::Authenticated);
    };
    if !known.file.enabled {
        telemetry::count(Metric::PostIgnored, Some(&tenant));
        return Ok(Reply::Ignored);
    }
    let now = function.clock.now();
    if !function.quota.admits(&tenant, now) {
        telemetry::count(Metric::TooManyPosts, Some(&tenant));
        return Err(Problem::new(ErrorCode::TooManyPosts, TOO_MANY_POSTS));
    }
    match delivery.parse(tenant.clone(), now) {
        Ok(post) => accept::queue(function, post, delivery.bytes.len(), budget)
            .await
            .map(Reply::Accepted),
        Err(problem) => {
            Err(accept::dead_letter(function, &tenant, &delivery, problem, budget).await)
        }
    }
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

fn reply(outcome: Result<Reply, Problem>, request_id: &str) -> HttpResponse {
    match outcome {
        Ok(Reply::Authenticated) => response::empty(StatusCode::NO_CONTENT),
        Ok(Reply::Ignored) => response::json(StatusCode::OK, &json!({ "status": "ignored" })),
        Ok(Reply::Accepted(post)) => response::json(
            StatusCode::OK,
            &json!({ "status": "accepted", "session_id": post.session_id, "delivery": post.digest }),
        ),
        Err(problem) => response::refusal(&problem, request_id),
    }
}
