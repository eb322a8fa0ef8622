//! `receive-token`: takes a refresh token from ServiceNow, proves that it works, and stores it.

mod event;
mod note;
mod service;
mod token_hand_over;

use std::time::Duration;

use lambda_http::Error;
use lambda_http::http::StatusCode;
use serde_json::{Value, json};
use shared::api::authorize::authorize;
use shared::api::request::HttpRequest;
use shared::api::response::{self, HttpResponse};
use shared::api::server::serve;
use shared::aws::tenants::KeyScope;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::telemetry;
use shared::token::uninterrupted::{InProgress, run_until};
use shared::wiring::Wiring;

use crate::event::{Command, HandOver};
use crate::note::HandOverOutcome;
pub use crate::service::ReceiveToken;
use crate::token_hand_over::StoredToken;

/// Behind the HTTP API all work ends within this (infra/openapi.yaml).
const ALL_WORK: Duration = Duration::from_millis(24_500);
/// Kept back of the invocation for writing the response.
const REPLYING: Duration = Duration::from_millis(500);
/// Kept back for sharing the access token, ending the tenant's pause, and waking the posts that wait.
const SHARING: Duration = Duration::from_secs(2);
/// The longest time for a note.
const NOTE: Duration = Duration::from_secs(8);

/// Runs the function: one request after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let function = ReceiveToken::new(&mut wiring);
    wiring.finish()?;
    serve(|request| handle(&function, request)).await
}

/// Takes one request: event → parse → decide → act → reply. Never returns an error: every failure becomes a response.
pub async fn handle(function: &ReceiveToken, request: HttpRequest) -> HttpResponse {
    let id = request.id.clone();
    let budget = request.budget(&function.clock).keep_back(REPLYING);
    let outcome = match Command::read(request) {
        Ok(command) => act(function, &command, &budget.at_most(ALL_WORK))
            .await
            .inspect_err(|problem| refused(problem, &command)),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(stored) => response::json(StatusCode::OK, &answer(&stored)),
        Err(problem) => response::refusal(&problem, &id),
    }
}

async fn act(
    function: &ReceiveToken,
    command: &Command,
    budget: &TimeBudget,
) -> Result<StoredToken, Problem> {
    let (tenants, id) = (&function.tenants, &command.tenant);
    let tenant = authorize(tenants, id, &command.key, KeyScope::Token, budget).await?;
    let file = &tenant.file;
    let hand_over = command.hand_over(file)?;
    let outcome = take(function, file, &hand_over, &budget.keep_back(SHARING)).await;
    if let Ok(stored) = &outcome {
        resume_deliveries(function, file, stored, budget.left().max(SHARING)).await;
    }
    let noted = match &outcome {
        Ok(stored) => HandOverOutcome::Stored {
            expires_at: stored.expires_at,
        },
        Err(problem) if problem.code == ErrorCode::TokenRefused => HandOverOutcome::Refused,
        Err(_) => return outcome,
    };
    note::write(function, file, &hand_over, noted, budget.at_most(NOTE)).await;
    outcome
}

/// Takes the token over within the budget. A caller who got no answer in time repeats the request, which finishes it.
async fn take(
    function: &ReceiveToken,
    file: &TenantFile,
    hand_over: &HandOver,
    budget: &TimeBudget,
) -> Result<StoredToken, Problem> {
    let in_progress = InProgress::default();
    let taking = token_hand_over::take(function, file, hand_over, budget, &in_progress);
    let taken = run_until(|| budget.left(), || in_progress.any(), taking).await;
    match taken {
        Some(taken) => taken.map_err(|not_stored| not_stored.0),
        None => Err(event::storage_unavailable()),
    }
}

/// Shares the access token that came with the refresh token, and wakes the posts that wait for it.
async fn resume_deliveries(
    function: &ReceiveToken,
    file: &TenantFile,
    stored: &StoredToken,
    time: Duration,
) {
    let id = &file.tenant;
    telemetry::refresh_token_days_left(stored.valid_for, id);
    tracing::info!(tenant = %id, expires_at = %stored.expires_at, own_client = stored.token.client_id.is_some(),
        "refresh token stored");
    let (grants, queues) = (&function.grants, &function.queues);
    let sharing = grants.resume_deliveries(queues, id, &stored.access);
    if tokio::time::timeout(time, sharing).await.is_err() {
        tracing::warn!(tenant = %id, "other processes do not know of the new token yet");
    }
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

fn answer(stored: &StoredToken) -> Value {
    json!({
        "status": "stored",
        "expires_at": stored.expires_at.to_string(),
        "days_left": stored.valid_for.as_secs() / (24 * 3600),
    })
}
