//! `receive-token`: takes a refresh token from ServiceNow, proves that it works, and stores it.

mod event;
mod note;
mod token_hand_over;

use std::sync::Arc;
use std::time::Duration;

use lambda_http::Error;
use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::{self, HttpRequest, HttpResponse};
use shared::aws::credentials::CredentialsTable;
use shared::aws::queue::Queues;
use shared::aws::secret_store::{SecretStore, fingerprint};
use shared::aws::single_flight::SingleFlight;
use shared::aws::tenants::{KeyScope, TenantsTable};
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::tenant::TenantFile;
use shared::retry::ServiceNowTimeouts;
use shared::servicenow::client::ServiceNowClient;
use shared::telemetry;
use shared::token::access::AccessTokens;
use shared::token::grants::Grants;
use shared::token::uninterrupted::{InProgress, run_until};
use shared::wiring::Wiring;

use crate::event::Command;
use crate::note::HandOverOutcome;
use crate::token_hand_over::Stored;

/// What the function works with, built once per process.
#[derive(Debug)]
pub struct ReceiveToken {
    /// Who may hand tokens over.
    pub tenants: TenantsTable,
    /// Where the token is stored.
    pub vault: Arc<SecretStore>,
    /// Leases, and what is shared.
    pub credentials: Arc<CredentialsTable>,
    /// What proves it.
    pub grants: Grants,
    /// One at a time.
    pub flights: SingleFlight,
    /// What the note's client gets its access from.
    pub access: Arc<AccessTokens>,
    /// Where the note goes.
    pub servicenow: ServiceNowClient,
    /// Where messages wait for a token.
    pub queues: Queues,
    /// The time.
    pub clock: Clock,
    /// `ALLOW_LOOPBACK`, only for tests.
    pub allow_loopback: bool,
}

/// Behind the HTTP API all work ends within this (infra/openapi.yaml); what is kept back is for writing the answer.
const ANSWERS_WITHIN: Duration = Duration::from_millis(24_500);
/// Kept back of an invocation that is shorter.
const ANSWER_NEEDS: Duration = Duration::from_millis(500);
/// Kept back for sharing what came with a token, ending the pause, and waking the posts that wait.
const SHARING_NEEDS: Duration = Duration::from_secs(2);
/// A note is not waited for any longer.
const NOTE_PATIENCE: Duration = Duration::from_secs(8);

/// Takes one request: event → parse → decide → act → reply. Every failure becomes an answer.
pub async fn handle(function: &ReceiveToken, request: HttpRequest) -> HttpResponse {
    let id = request.id.clone();
    let now = function.clock.now();
    let given = function.clock.deadline(request.deadline).since(now);
    let left = given.saturating_sub(ANSWER_NEEDS).min(ANSWERS_WITHIN);
    let outcome = match Command::read(request) {
        Ok(command) => act(function, &command, now.plus(left)).await,
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(stored) => api::json(StatusCode::OK, &answer(&stored)),
        Err(problem) => api::refusal(&problem, &id),
    }
}

async fn act(
    function: &ReceiveToken,
    command: &Command,
    deadline: Timestamp,
) -> Result<Stored, Problem> {
    let id = &command.tenant;
    let outcome = act_for(function, command, deadline).await;
    outcome.inspect_err(|problem| {
        // Whoever has no key may write anything where the tenant's name belongs.
        let tenant = if problem.code == ErrorCode::Unauthorized {
            ""
        } else {
            id.as_str()
        };
        telemetry::log_failure(problem.code, tenant, "", &problem.detail);
    })
}

async fn act_for(
    function: &ReceiveToken,
    command: &Command,
    deadline: Timestamp,
) -> Result<Stored, Problem> {
    let left = || deadline.since(function.clock.now());
    let (tenants, key) = (&function.tenants, &command.key);
    let tenant = api::authorize(tenants, &command.tenant, key, KeyScope::Token, left()).await?;
    let file = &tenant.file;
    let hand_over = command.hand_over(file)?;
    let stored_by = function
        .clock
        .now()
        .plus(left().saturating_sub(SHARING_NEEDS));
    let under_way = InProgress::default();
    let taking = token_hand_over::take(function, file, &hand_over, stored_by, &under_way);
    let time = || stored_by.since(function.clock.now());
    // What takes longer than the caller waits is given up; a repeat finishes it.
    let outcome = match run_until(time, || under_way.any(), taking).await {
        Some(taken) => taken.map_err(|refused| refused.0),
        None => Err(token_hand_over::storage_unavailable()),
    };
    if let Ok(stored) = &outcome {
        resume_deliveries(function, file, stored, left().max(SHARING_NEEDS)).await;
    }
    let told = match &outcome {
        Ok(stored) => Some(HandOverOutcome::Stored {
            expires_at: stored.expires_at,
        }),
        Err(problem) if problem.code == ErrorCode::TokenRefused => Some(HandOverOutcome::Refused),
        Err(_) => None,
    };
    if let Some((item, told)) = hand_over.request_item.as_ref().zip(told) {
        let patience = NOTE_PATIENCE.min(left());
        let until = function.clock.now().plus(patience);
        let fingerprint = fingerprint(&hand_over.refresh_token);
        let writing = note::write(function, file, item, &fingerprint, told, until);
        let left = || until.since(function.clock.now());
        let access = &function.access;
        if run_until(left, || access.is_obtaining(), writing)
            .await
            .is_none()
        {
            tracing::warn!(tenant = %file.tenant, %item, "the requested item's note took too long");
        }
    }
    outcome
}

/// The token is good: shares what it came with, so that deliveries that wait for it go on.
async fn resume_deliveries(
    function: &ReceiveToken,
    file: &TenantFile,
    stored: &Stored,
    patience: Duration,
) {
    let id = &file.tenant;
    telemetry::refresh_token_days_left(stored.life, id);
    tracing::info!(tenant = %id, expires_at = %stored.expires_at, own_client = stored.token.client_id.is_some(),
        "refresh token stored");
    let (grants, queues) = (&function.grants, &function.queues);
    let sharing = grants.resume_deliveries(queues, id, &stored.access);
    if tokio::time::timeout(patience, sharing).await.is_err() {
        tracing::warn!(tenant = %id, "other processes do not know of the new token yet");
    }
}

fn answer(stored: &Stored) -> serde_json::Value {
    json!({
        "status": "stored",
        "expires_at": stored.expires_at.to_string(),
        "days_left": stored.life.as_secs() / (24 * 3600),
    })
}

/// Runs the function: clients from the environment, once, then one request after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let vendors = wiring.vendors(ServiceNowTimeouts::HTTP);
    let access = vendors.access_tokens();
    let function = ReceiveToken {
        tenants: wiring.tenants(),
        grants: vendors.grants(),
        flights: SingleFlight::new(Arc::clone(&vendors.credentials)),
        servicenow: vendors.servicenow(&access),
        access,
        vault: vendors.secret_store,
        credentials: vendors.credentials,
        queues: wiring.sessions_queue(),
        clock: vendors.clock,
        allow_loopback: vendors.testing.allow_loopback,
    };
    wiring.finish()?;
    api::run(|request| handle(&function, request)).await
}
