//! `generate-pin`: a PIN for a technician and a record, tied to the record, given once per press and e-mailed once.
//!
//! Warm, and with e-mails and note off, one call to Rescue and none to Secrets Manager.

mod email_texts;
mod event;
mod mail;
mod notify;
mod pin;
mod pin_request;
mod pin_requests;
mod problems;

use std::sync::Arc;
use std::time::Duration;

use lambda_http::Error;
use lambda_http::http::{HeaderValue, StatusCode};
use serde_json::Value;
use shared::api::{self, HttpRequest, HttpResponse};
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::{KeyScope, TenantsTable};
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use shared::rescue::api::RescueClient;
use shared::rescue::authcodes::Authcodes;
use shared::retry::ServiceNowTimeouts;
use shared::servicenow::client::ServiceNowClient;
use shared::telemetry::{self, Metric};
use shared::token::access::AccessTokens;
use shared::wiring::Wiring;

use crate::event::Command;
use crate::pin_request::PinRequest;
pub use crate::pin_requests::PinRequests;
use crate::pin_requests::{ClaimAnswer, RequestClaim};

/// What the function works with, built once per process.
#[derive(Debug)]
pub struct GeneratePin {
    /// Who may ask.
    pub tenants: TenantsTable,
    /// What signs a `Tracking0`.
    pub vault: Arc<SecretStore>,
    /// Which presses have got their PIN.
    pub presses: PinRequests,
    /// Who is signed in to Rescue.
    pub authcodes: Authcodes,
    /// Where PINs come from.
    pub rescue: RescueClient,
    /// What ServiceNow is called with.
    pub access: Arc<AccessTokens>,
    /// Where e-mails and notes go.
    pub servicenow: ServiceNowClient,
    /// The time.
    pub clock: Clock,
    /// Part of a second, so that requests that have to wait do not come back all at once.
    pub jitter: fn() -> Duration,
}

/// Behind the HTTP API all work ends within this.
const ALL_WORK: Duration = Duration::from_millis(24_500);
/// How often a second request looks whether the first one has its PIN: soon at first, then less often.
const POLL: Duration = Duration::from_millis(150);
const SLOWEST_POLL: Duration = Duration::from_secs(1);

/// Takes one request: event → parse → decide → act → reply. Every failure becomes an answer.
pub async fn handle(function: &GeneratePin, request: HttpRequest) -> HttpResponse {
    let id = request.id.clone();
    let now = function.clock.now();
    let end = now
        .plus(ALL_WORK)
        .min(function.clock.deadline(request.deadline));
    let outcome = match Command::read(request) {
        Ok(command) => act(function, &command, end)
            .await
            .inspect_err(|problem| refused(problem, Some(&command))),
        Err(problem) => {
            refused(&problem, None);
            Err(problem)
        }
    };
    reply(outcome, &id)
}

/// An answer with a PIN, and whether an earlier request got it.
struct Reply {
    body: Value,
    replayed: bool,
}

async fn act(function: &GeneratePin, command: &Command, end: Timestamp) -> Result<Reply, Problem> {
    let (tenants, id) = (&function.tenants, &command.tenant);
    let patience = end.since(function.clock.now());
    let tenant = api::authorize(tenants, id, &command.key, KeyScope::Pin, patience).await?;
    let (request, key) = (command.request()?, command.idempotency_key()?);
    problems::allowed(&tenant.file, &request)?;
    let asked = PinRequest {
        function,
        tenant: &tenant.file,
        press: RequestClaim::of(&command.tenant, key, &request, function.clock.now()),
        request,
        end,
    };
    let mut poll = POLL;
    loop {
        match asked.stored(function.presses.claim(&asked.press)).await? {
            ClaimAnswer::Ours => {
                let body = asked.answer().await?;
                return Ok(Reply {
                    body,
                    replayed: false,
                });
            }
            ClaimAnswer::Answered(answer) => return replayed(&answer, &command.tenant),
            ClaimAnswer::Reused => return Err(problems::key_reused()),
            ClaimAnswer::Running(kept) if asked.left() <= poll => {
                let answer = kept.ok_or_else(problems::in_progress)?;
                return replayed(&answer, &command.tenant);
            }
            ClaimAnswer::Running(_) => tokio::time::sleep(poll).await,
        }
        poll = (poll * 2).min(SLOWEST_POLL);
    }
}

fn replayed(answer: &Secret, tenant: &TenantId) -> Result<Reply, Problem> {
    telemetry::count(Metric::PinReplayed, Some(tenant));
    let body = serde_json::from_str(answer.expose())
        .map_err(|_| problems::storage("a kept answer is no JSON"))?;
    Ok(Reply {
        body,
        replayed: true,
    })
}

/// A refusal is logged and counted once, here. The agent is told whom Rescue does not know; the log is not.
fn refused(problem: &Problem, command: Option<&Command>) {
    let tenant = command.map(|command| &command.tenant);
    let name = tenant.map_or("", TenantId::as_str);
    let request = command.and_then(|command| command.request().ok());
    let detail = match request {
        Some(request) => {
            let quoted = format!("\"{}\"", request.sso_id);
            problem.detail.replace(&quoted, "[SSO id]")
        }
        None => problem.detail.clone(),
    };
    telemetry::log_failure(problem.code, name, "", &detail);
    // Anybody can ask for a tenant that does not exist; its name is nobody's property on a metric.
    let counted = tenant.filter(|_| problem.code != ErrorCode::Unauthorized);
    telemetry::count_reason(Metric::PinRefused, problem.code, counted);
}

fn reply(outcome: Result<Reply, Problem>, request_id: &str) -> HttpResponse {
    match outcome {
        Ok(reply) => {
            let mut answer = api::json(StatusCode::CREATED, &reply.body);
            if reply.replayed {
                let yes = HeaderValue::from_static("true");
                answer.0.headers_mut().insert("idempotent-replayed", yes);
            }
            answer
        }
        Err(problem) => api::refusal(&problem, request_id),
    }
}

/// Up to one second.
fn jitter() -> Duration {
    let mut random = [0; 2];
    // Without randomness there is still the second that Rescue asks for.
    let filled = getrandom::fill(&mut random);
    filled.map_or(Duration::ZERO, |()| {
        Duration::from_millis(u64::from(u16::from_le_bytes(random)) * 1000 / 65_536)
    })
}

/// Runs the function: clients from the environment, once, then one request after the other.
///
/// # Errors
/// Names every variable that is missing; otherwise what the Lambda runtime says when it ends.
pub async fn run() -> Result<(), Error> {
    let mut wiring = Wiring::from_environment()?;
    let vendors = wiring.vendors(ServiceNowTimeouts::HTTP);
    let (access, rescue) = (vendors.access_tokens(), vendors.rescue());
    let presses = PinRequests::new(
        wiring.dynamodb(),
        wiring.credentials_table(),
        wiring.clock(),
    );
    let function = GeneratePin {
        tenants: wiring.tenants(),
        presses,
        authcodes: vendors.authcodes(&rescue),
        rescue,
        servicenow: vendors.servicenow(&access),
        access,
        vault: vendors.secret_store,
        clock: vendors.clock,
        jitter,
    };
    wiring.finish()?;
    api::run(|request| handle(&function, request)).await
}
