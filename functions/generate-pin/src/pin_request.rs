//! One request that has its press: look at the record, get the PIN, keep it, tell everybody, all in time.

use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use shared::aws::tenants::StorageError;
use shared::domain::clock::Timestamp;
use shared::domain::error::Problem;
use shared::domain::record::RecordRef;
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::servicenow::query::Query;
use shared::telemetry::{self, Metric};
use shared::token::uninterrupted::run_until;

use crate::event::{PinRequestBody, Record};
use crate::notify::{self, Notified, RecordContext};
use crate::pin_requests::RequestClaim;
use crate::{GeneratePin, pin, problems};

/// E-mails and the note get this much of the time.
const NOTIFYING: Duration = Duration::from_secs(8);
/// Getting a PIN is not begun with less than this left for it.
const PIN_NEEDS: Duration = Duration::from_secs(2);
/// Kept back of it for telling Rescue's silence from that of the connector's own storage.
const STORING: Duration = Duration::from_millis(500);

/// One request that may have a PIN.
pub(crate) struct PinRequest<'a> {
    pub(crate) function: &'a GeneratePin,
    pub(crate) tenant: &'a TenantFile,
    pub(crate) request: PinRequestBody,
    pub(crate) press: RequestClaim,
    pub(crate) end: Timestamp,
}

impl PinRequest<'_> {
    /// Gets the PIN, keeps it, tells everybody, and keeps what became of that. The press is this request's.
    ///
    /// # Errors
    /// What the agent is told instead; the press is free then.
    pub(crate) async fn answer(&self) -> Result<Value, Problem> {
        let outcome = if self.left() < self.reserved() + PIN_NEEDS {
            // Taken over from a request that failed late: the next one has all the time it needs.
            Err(problems::in_progress())
        } else {
            // Boxed: the whole of it would be a deeper type than the compiler follows.
            Box::pin(self.generate_and_tell()).await
        };
        if outcome.is_err() {
            let freed = self.stored(self.function.presses.free(&self.press)).await;
            if freed.is_err() {
                tracing::warn!(tenant = %self.tenant.tenant, "the press is free when its lease ends");
            }
        }
        outcome
    }

    async fn generate_and_tell(&self) -> Result<Value, Problem> {
        let record = self.until_end(self.record()).await??;
        let seen = if self.tells() {
            self.until_end(notify::look(self, &record)).await??
        } else {
            RecordContext::default()
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
    async fn tell(&self, record: &RecordRef, seen: &RecordContext, body: &mut Value) {
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
    async fn kept(&self, keeping: impl Future<Output = Result<bool, StorageError>>) -> bool {
        let kept = self.stored(keeping).await;
        kept.unwrap_or_else(|_| {
            tracing::warn!(tenant = %self.tenant.tenant, "the answer is not kept for repeats");
            false
        })
    }

    /// What the table of presses says, if it does in time.
    pub(crate) async fn stored<T>(
        &self,
        storing: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, Problem> {
        let outcome = tokio::time::timeout(self.left(), storing).await;
        outcome
            .unwrap_or_else(|_| Err(StorageError("time-out".to_owned())))
            .map_err(|error| problems::storage(&error.to_string()))
    }

    /// What comes of some work until the end. It is cut off then, but for the moment in which ServiceNow may have
    /// answered with another refresh token and that one is not stored yet.
    async fn until_end<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let access = &self.function.access;
        run_until(|| self.left(), || access.is_obtaining(), work)
            .await
            .ok_or_else(|| problems::storage("no answer until the end"))
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
        let budget = TimeBudget::until(self.function.clock.clone(), deadline);
        let found = self
            .function
            .servicenow
            .for_tenant(self.tenant, budget)
            .find(table.name(), &query)
            .await
            .map_err(|error| problems::lookup_failed(number.as_str(), &error))?;
        problems::only_one(table, &found).ok_or_else(|| problems::no_record(number.as_str()))
    }

    /// The signed `Tracking0` that brings the session back to the record.
    async fn tracking(&self, record: &RecordRef) -> Result<String, Problem> {
        let (vault, id) = (&self.function.vault, &self.tenant.tenant);
        let mut credentials = vault.tenant_secrets(id).await.map_err(problems::vault)?;
        if credentials.tracking_key.is_none() {
            credentials = vault
                .reread_tenant_secrets(id)
                .await
                .map_err(problems::vault)?;
        }
        let key = credentials.tracking_key.as_ref().ok_or_else(|| {
            problems::misconfigured("tracking-key is not set: apply the tenant again")
        })?;
        Ok(shared::domain::tracking::sign(key, id, record))
    }

    /// By when the record has to be looked at: the PIN needs time too.
    pub(crate) fn look_until(&self) -> Timestamp {
        let until = self.end_less(self.reserved() + PIN_NEEDS);
        until.min(self.now().plus(NOTIFYING))
    }

    fn now(&self) -> Timestamp {
        self.function.clock.now()
    }

    pub(crate) fn left(&self) -> Duration {
        self.end.since(self.now())
    }

    fn end_less(&self, length: Duration) -> Timestamp {
        self.now().plus(self.left().saturating_sub(length))
    }
}
