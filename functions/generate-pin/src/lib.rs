//! `generate-pin`: a PIN for a technician and a record, tied to the record, given once per press and e-mailed once.
//!
//! Warm, and with e-mails and note off, one call to Rescue and none to Secrets Manager.

mod event;
mod mail;
mod notify;
mod pin;
mod presses;
mod problems;
mod words;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Error, Request, RequestExt as _, Response, service_fn};
use serde_json::{Value, json};
use shared::api;
use shared::clock::{Clock, Timestamp};
use shared::credentials::Credentials;
use shared::environment::Reader;
use shared::error::{Code, Problem};
use shared::record::RecordRef;
use shared::rescue::api::Api;
use shared::rescue::authcodes::Authcodes;
use shared::retry::Patience;
use shared::secret::Secret;
use shared::servicenow::access::AccessTokens;
use shared::servicenow::client::Client;
use shared::servicenow::query::Query;
use shared::telemetry::{self, Metric};
use shared::tenant::{TenantFile, TenantId};
use shared::tenants::{Scope, StorageUnavailable, Tenants};
use shared::vault::Vault;

use crate::event::{Command, PinRequest, Record};
use crate::notify::{Notified, Seen};
pub use crate::presses::Presses;
use crate::presses::{Claim, Press};

/// What the function works with, built once per process.
#[derive(Debug)]
pub struct GeneratePin {
    /// Who may ask.
    pub tenants: Tenants,
    /// What signs a `Tracking0`.
    pub vault: Arc<Vault>,
    /// Which presses have got their PIN.
    pub presses: Presses,
    /// Who is signed in to Rescue.
    pub authcodes: Authcodes,
    /// Where PINs come from.
    pub rescue: Api,
    /// What ServiceNow is called with.
    pub access: Arc<AccessTokens>,
    /// Where e-mails and notes go.
    pub servicenow: Client,
    /// The time.
    pub clock: Clock,
    /// Part of a second, so that requests that have to wait do not come back all at once.
    pub jitter: fn() -> Duration,
}

/// Behind the HTTP API all work ends within this.
const ALL_WORK: Duration = Duration::from_millis(24_500);
/// E-mails and the note get this much of it.
const NOTIFYING: Duration = Duration::from_secs(8);
/// Getting a PIN is not begun with less than this left for it.
const PIN_NEEDS: Duration = Duration::from_secs(2);
/// Kept back of it for telling Rescue's silence from that of the connector's own storage.
const STORING: Duration = Duration::from_millis(500);
/// How often a second request looks whether the first one has its PIN: soon at first, then less often.
const POLL: Duration = Duration::from_millis(150);
const SLOWEST_POLL: Duration = Duration::from_secs(1);

/// Takes one request: event → parse → decide → act → reply.
///
/// # Errors
/// Never: whatever goes wrong is an answer.
pub async fn handle(function: &GeneratePin, request: Request) -> Result<Response<Body>, Error> {
    let context = request.lambda_context();
    let now = function.clock.now();
    let end = now
        .plus(ALL_WORK)
        .min(function.clock.deadline(context.deadline));
    let outcome = match Command::read(request) {
        Ok(command) => act(function, &command, end)
            .await
            .inspect_err(|problem| refused(problem, Some(&command.tenant))),
        Err(problem) => {
            refused(&problem, None);
            Err(problem)
        }
    };
    Ok(reply(outcome, &context.request_id))
}

/// An answer with a PIN, and whether an earlier request got it.
struct Reply {
    body: Value,
    replayed: bool,
}

/// One request that may have a PIN.
struct Asked<'a> {
    function: &'a GeneratePin,
    tenant: &'a TenantFile,
    request: PinRequest,
    press: Press,
    end: Timestamp,
}

async fn act(function: &GeneratePin, command: &Command, end: Timestamp) -> Result<Reply, Problem> {
    let tenant =
        api::authorize(&function.tenants, &command.tenant, &command.key, Scope::Pin).await?;
    let (request, key) = (command.request()?, command.idempotency_key()?);
    problems::allowed(&tenant.file, &request)?;
    let asked = Asked {
        function,
        tenant: &tenant.file,
        press: Press::of(&command.tenant, key, &request, function.clock.now()),
        request,
        end,
    };
    let mut poll = POLL;
    loop {
        match asked.stored(function.presses.claim(&asked.press)).await? {
            Claim::Ours => return asked.answer().await,
            Claim::Answered(answer) => return replayed(&answer, &command.tenant),
            Claim::Reused => return Err(problems::key_reused()),
            Claim::Running(kept) if asked.left() <= poll => {
                let answer = kept.ok_or_else(problems::in_progress)?;
                return replayed(&answer, &command.tenant);
            }
            Claim::Running(_) => tokio::time::sleep(poll).await,
        }
        poll = (poll * 2).min(SLOWEST_POLL);
    }
}

impl Asked<'_> {
    /// Gets the PIN, keeps it, tells everybody, and keeps what became of that.
    async fn answer(&self) -> Result<Reply, Problem> {
        let outcome = if self.left() < self.reserved() + PIN_NEEDS {
            // Taken over from a request that failed late: the next one has all the time it needs.
            Err(problems::in_progress())
        } else {
            self.generate_and_tell().await
        };
        if outcome.is_err() {
            let freed = self.stored(self.function.presses.free(&self.press)).await;
            if freed.is_err() {
                tracing::warn!(tenant = %self.tenant.tenant, "the press is free when its lease ends");
            }
        }
        outcome.map(|body| Reply {
            body,
            replayed: false,
        })
    }

    async fn generate_and_tell(&self) -> Result<Value, Problem> {
        let record = self.until_end(self.record()).await??;
        let seen = if self.tells() {
            self.until_end(notify::look(self, &record)).await??
        } else {
            Seen::default()
        };
        let mut body = self.until_end(self.generate(&record)).await??;
        self.tell(&record, &seen, &mut body).await;
        Ok(body)
    }

    /// The PIN, tied to its record.
    async fn generate(&self, record: &RecordRef) -> Result<Value, Problem> {
        let tracking = self.tracking(record).await?;
        let host = self.function.rescue.host(self.tenant);
        let host = host.map_err(|error| problems::misconfigured(&error.to_string()))?;
        let until = self.end_less(self.reserved() + STORING);
        let pin = pin::get(self.function, self.tenant, &self.request, &tracking, until).await?;
        telemetry::count(Metric::PinGenerated, Some(&self.tenant.tenant));
        tracing::info!(tenant = %self.tenant.tenant, %record, "PIN generated");
        Ok(json!({
            "pin": pin.expose(),
            "link": host.link(&pin),
            "tracking": tracking,
            "notifications": [],
        }))
    }

    /// Sends what is to be sent, once: only after the PIN was kept, and not when somebody else has taken over.
    async fn tell(&self, record: &RecordRef, seen: &Seen, body: &mut Value) {
        let presses = &self.function.presses;
        if !self.tells() {
            self.kept(presses.done(&self.press, &body.to_string()))
                .await;
            return;
        }
        let unknown = Notified::unknown(self.tenant, &self.request);
        unknown.write_into(body);
        if !self
            .kept(presses.generated(&self.press, &body.to_string()))
            .await
        {
            Notified::not_sent(self, record).write_into(body);
            return;
        }
        let deadline = self.now().plus(NOTIFYING).min(self.end);
        let sending = notify::send(self, record, seen, body, deadline);
        let notified = self.until_end(sending).await.unwrap_or(unknown);
        notified.write_into(body);
        self.kept(presses.done(&self.press, &body.to_string()))
            .await;
    }

    /// Whether an answer was kept for repeats of the request.
    async fn kept(&self, keeping: impl Future<Output = Result<bool, StorageUnavailable>>) -> bool {
        let kept = self.stored(keeping).await;
        kept.unwrap_or_else(|_| {
            tracing::warn!(tenant = %self.tenant.tenant, "the answer is not kept for repeats");
            false
        })
    }

    /// What the table of presses says, if it does in time.
    async fn stored<T>(
        &self,
        storing: impl Future<Output = Result<T, StorageUnavailable>>,
    ) -> Result<T, Problem> {
        let outcome = tokio::time::timeout(self.left(), storing).await;
        outcome
            .unwrap_or_else(|_| Err(StorageUnavailable("time-out".to_owned())))
            .map_err(|error| problems::storage(&error.to_string()))
    }

    /// What comes of some work until the end. It is cut off then, but for the moment in which ServiceNow may have
    /// answered with another refresh token and that one is not stored yet.
    async fn until_end<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let mut work = pin!(work);
        loop {
            let wait = self.left().max(POLL);
            if let Ok(done) = tokio::time::timeout(wait, &mut work).await {
                return Ok(done);
            }
            if self.left() <= POLL && !self.function.access.is_obtaining() {
                return Err(problems::storage("no answer until the end"));
            }
        }
    }

    fn tells(&self) -> bool {
        notify::wanted(self.tenant, &self.request)
    }

    /// What is kept back of the time for telling everybody.
    fn reserved(&self) -> Duration {
        if self.tells() {
            NOTIFYING
        } else {
            Duration::ZERO
        }
    }

    /// The record, looked up where the request has only its number.
    async fn record(&self) -> Result<RecordRef, Problem> {
        let table = self.request.table;
        let number = match &self.request.record {
            Record::Row { sys_id, .. } => {
                return Ok(RecordRef {
                    table,
                    sys_id: sys_id.clone(),
                });
            }
            Record::Number(number) => number,
        };
        let deadline = self.look_until();
        let query = Query::number(number);
        let client = &self.function.servicenow;
        let found = client
            .find(self.tenant, deadline, table.name(), &query)
            .await
            .map_err(|error| {
                problems::lookup_failed(&self.tenant.tenant, number.as_str(), &error)
            })?;
        problems::only_one(table, &found).ok_or_else(|| problems::no_record(number.as_str()))
    }

    /// The signed `Tracking0` that brings the session back to the record.
    async fn tracking(&self, record: &RecordRef) -> Result<String, Problem> {
        let (vault, id) = (&self.function.vault, &self.tenant.tenant);
        let mut credentials = vault.credentials(id).await.map_err(problems::vault)?;
        if credentials.tracking_key.is_none() {
            credentials = vault.credentials_again(id).await.map_err(problems::vault)?;
        }
        let key = credentials.tracking_key.as_ref().ok_or_else(|| {
            problems::misconfigured("tracking-key is not set: apply the tenant again")
        })?;
        Ok(shared::tracking::sign(key, id, record))
    }

    /// By when the record has to be looked at: the PIN needs time too.
    fn look_until(&self) -> Timestamp {
        let until = self.end_less(self.reserved() + PIN_NEEDS);
        until.min(self.now().plus(NOTIFYING))
    }

    fn now(&self) -> Timestamp {
        self.function.clock.now()
    }

    fn left(&self) -> Duration {
        self.end.since(self.now())
    }

    fn end_less(&self, length: Duration) -> Timestamp {
        self.now().plus(self.left().saturating_sub(length))
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

/// A refusal is logged and counted once, here.
fn refused(problem: &Problem, tenant: Option<&TenantId>) {
    let name = tenant.map_or("", TenantId::as_str);
    telemetry::log_failure(problem.code, name, "", &problem.detail);
    // Anybody can ask for a tenant that does not exist; its name is nobody's property on a metric.
    let counted = tenant.filter(|_| problem.code != Code::Unauthorized);
    telemetry::count_reason(Metric::PinRefused, problem.code, counted);
}

fn reply(outcome: Result<Reply, Problem>, request_id: &str) -> Response<Body> {
    match outcome {
        Ok(reply) => {
            let mut response = api::json(StatusCode::CREATED, &reply.body);
            if reply.replayed {
                let yes = HeaderValue::from_static("true");
                response.headers_mut().insert("idempotent-replayed", yes);
            }
            response
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
    let mut environment = Reader::process();
    let tenants_table = environment.required("TENANTS_TABLE");
    let credentials_table = environment.required("CREDENTIALS_TABLE");
    let secret_prefix = environment.secret_prefix();
    let testing = environment.testing();
    environment.finish()?;
    let clock = Clock::system(testing.clock_offset_seconds);
    let http = shared::http::client()?;
    let aws = shared::aws::config(&http).await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let vault = Arc::new(Vault::new(
        aws_sdk_secretsmanager::Client::new(&aws),
        secret_prefix,
        clock.clone(),
    ));
    let credentials = Arc::new(Credentials::new(
        dynamodb.clone(),
        credentials_table.clone(),
        clock.clone(),
    ));
    let access = Arc::new(AccessTokens::new(
        http.clone(),
        Arc::clone(&vault),
        Arc::clone(&credentials),
        clock.clone(),
        Patience::HTTP,
    ));
    let rescue = Api::new(
        http.clone(),
        testing.rescue_endpoint_url,
        testing.allow_loopback,
    );
    let function = GeneratePin {
        tenants: Tenants::new(dynamodb.clone(), tenants_table, clock.clone()),
        authcodes: Authcodes::new(
            rescue.clone(),
            Arc::clone(&vault),
            credentials,
            clock.clone(),
        ),
        vault,
        presses: Presses::new(dynamodb, credentials_table, clock.clone()),
        rescue,
        access: Arc::clone(&access),
        servicenow: Client::new(
            http,
            access,
            clock.clone(),
            testing.allow_loopback,
            Patience::HTTP,
        ),
        clock,
        jitter,
    };
    lambda_http::run(service_fn(|request| handle(&function, request))).await
}
