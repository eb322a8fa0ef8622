//! One authorised request: check the technician, claim the request, read the record, get the PIN, store the answer, send the notifications, all in time.

use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use shared::aws::storage_error::StorageError;
use shared::domain::error::Problem;
use shared::domain::record::RecordRef;
use shared::domain::record_tables::RecordTables;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantFile;
use shared::domain::time_budget::TimeBudget;
use shared::domain::tracking;
use shared::servicenow::query::Query;
use shared::telemetry::{self, Metric};
use shared::token::uninterrupted::run_until;

use crate::event::{PinRequestBody, RequestedRecord};
use crate::idempotency::{ClaimAnswer, RequestClaim};
use crate::notify::{self, Notifier, RecordContext};
use crate::service::GeneratePin;
use crate::{pin, problems};

/// The time for e-mails and the note.
const NOTIFYING: Duration = Duration::from_secs(8);
/// Getting a PIN does not begin with less than this left for it.
const PIN_NEEDS: Duration = Duration::from_secs(2);
/// Reserved so that Rescue's time-out ends before the request's, and is reported as Rescue's.
const STORING: Duration = Duration::from_millis(500);
/// The delay between two reads of a request that another process works on; doubles up to the slowest.
const POLL: Duration = Duration::from_millis(150);
const SLOWEST_POLL: Duration = Duration::from_secs(1);

/// A request of an authorised sender.
pub(crate) struct PinRequest<'a> {
    function: &'a GeneratePin,
    tenant: &'a TenantFile,
    tables: &'a RecordTables,
    body: PinRequestBody,
    claim: RequestClaim,
    budget: TimeBudget,
}

/// A response with a PIN.
pub(crate) struct PinAnswer {
    pub(crate) body: Value,
    /// Whether an earlier request got the PIN.
    pub(crate) replayed: bool,
}

impl<'a> PinRequest<'a> {
    /// `idempotency_key` is the sender's, where there is one.
    pub(crate) fn new(
        function: &'a GeneratePin,
        tenant: &'a TenantFile,
        tables: &'a RecordTables,
        idempotency_key: Option<&str>,
        body: PinRequestBody,
        budget: TimeBudget,
    ) -> Self {
        let now = function.clock.now();
        Self {
            function,
            tenant,
            tables,
            claim: RequestClaim::of(&tenant.tenant, idempotency_key, &body, now),
            body,
            budget,
        }
    }

    /// The PIN of this request, or of an equal one that came before or is still running.
    ///
    /// # Errors
    /// Why there is no PIN (infra/openapi.yaml).
    pub(crate) async fn answer(&self) -> Result<PinAnswer, Problem> {
        self.check_technician()?;
        let mut poll = POLL;
        loop {
            match self
                .stored(self.function.pin_requests.claim(&self.claim))
                .await?
            {
                ClaimAnswer::Started => {
                    return Ok(PinAnswer {
                        body: self.work().await?,
                        replayed: false,
                    });
                }
                ClaimAnswer::Completed(answer) => return self.replay(&answer),
                ClaimAnswer::KeyReused => return Err(problems::key_reused()),
                ClaimAnswer::InProgress(answer) if self.budget.left() <= poll => {
                    return self.replay(&answer.ok_or_else(problems::in_progress)?);
                }
                ClaimAnswer::InProgress(_) => tokio::time::sleep(poll).await,
            }
            poll = (poll * 2).min(SLOWEST_POLL);
        }
    }

    /// Both the technician's e-mail address and SSO id have to be in one of the tenant's domains.
    fn check_technician(&self) -> Result<(), Problem> {
        let domains = &self.tenant.rescue.technician_domains;
        let inside = |address: &str| {
            address.rsplit_once('@').is_some_and(|(_, domain)| {
                domains
                    .iter()
                    .any(|allowed| allowed.trim().eq_ignore_ascii_case(domain))
            })
        };
        if domains.is_empty() || (inside(&self.body.email) && inside(&self.body.sso_id)) {
            return Ok(());
        }
        Err(problems::technician_not_allowed())
    }

    fn replay(&self, answer: &Secret) -> Result<PinAnswer, Problem> {
        telemetry::count(Metric::PinReplayed, Some(&self.tenant.tenant));
        let body = serde_json::from_str(answer.expose())
            .map_err(|_| problems::storage("a stored answer is no JSON"))?;
        Ok(PinAnswer {
            body,
            replayed: true,
        })
    }

    /// Does the work of a claimed request. A failure releases the claim.
    async fn work(&self) -> Result<Value, Problem> {
        let outcome = if self.budget.allows(self.reserved() + PIN_NEEDS) {
            // Boxed: the type of all nested futures is deeper than the compiler follows.
            Box::pin(self.generate_and_notify()).await
        } else {
            // The claim was taken over late; the next request has all the time it needs.
            Err(problems::in_progress())
        };
        if outcome.is_err() {
            let pin_requests = &self.function.pin_requests;
            let released = self.stored(pin_requests.release(&self.claim)).await;
            if released.is_err() {
                tracing::warn!(tenant = %self.tenant.tenant, "the request's claim ends with its lease");
            }
        }
        outcome
    }

    async fn generate_and_notify(&self) -> Result<Value, Problem> {
        let record = self.until_end(self.record()).await??;
        let notifier = Notifier {
            servicenow: &self.function.servicenow,
            tenant: self.tenant,
            tables: self.tables,
            request: &self.body,
            record: &record,
        };
        let context = if self.notifies() {
            let reading = notifier.read_record(self.lookup_budget());
            self.until_end(reading).await??
        } else {
            RecordContext::default()
        };
        let mut answer = self.until_end(self.generate(&record)).await??;
        self.notify(&notifier, &context, &mut answer).await;
        Ok(answer)
    }

    /// The record, looked up where the request has only its number.
    async fn record(&self) -> Result<RecordRef, Problem> {
        let table = &self.body.table;
        let number = match &self.body.record {
            RequestedRecord::Row { sys_id, .. } => {
                return Ok(RecordRef {
                    table: table.clone(),
                    sys_id: sys_id.clone(),
                });
            }
            RequestedRecord::Number(number) => number,
        };
        let client = &self.function.servicenow;
        let instance = client.for_tenant(self.tenant, self.lookup_budget());
        let found = instance
            .find(table.as_str(), &Query::number(number))
            .await
            .map_err(|error| problems::lookup_failed(number.as_str(), &error))?;
        problems::only_one(table, &found).ok_or_else(|| problems::no_record(number.as_str()))
    }

    /// The answer with a PIN that is tied to the record.
    async fn generate(&self, record: &RecordRef) -> Result<Value, Problem> {
        let tracking = self.tracking(record).await?;
        let host = self.function.rescue.host(self.tenant);
        let host = host.map_err(|error| problems::misconfigured(&error.to_string()))?;
        let budget = self.budget.keep_back(self.reserved() + STORING);
        let pin = pin::get(self.function, self.tenant, &self.body, &tracking, &budget).await?;
        telemetry::count(Metric::PinGenerated, Some(&self.tenant.tenant));
        tracing::info!(tenant = %self.tenant.tenant, %record, "PIN generated");
        Ok(json!({
            "pin": pin.expose(),
            "link": host.link(&pin),
            "tracking": tracking,
            "notifications": [],
        }))
    }

    /// The signed `Tracking0` that brings the session back to the record.
    async fn tracking(&self, record: &RecordRef) -> Result<String, Problem> {
        let (store, id) = (&self.function.secret_store, &self.tenant.tenant);
        let unreadable = problems::secrets_unreadable;
        let mut secrets = store.tenant_secrets(id).await.map_err(unreadable)?;
        if secrets.tracking_key.is_none() {
            secrets = store.reread_tenant_secrets(id).await.map_err(unreadable)?;
        }
        let key = secrets.tracking_key.as_ref().ok_or_else(|| {
            problems::misconfigured("tracking-key is not set: apply the tenant again")
        })?;
        let signed = tracking::sign(key, id, self.tables, record);
        signed.ok_or_else(|| problems::misconfigured("the record's table is not the tenant's"))
    }

    /// Sends the notifications once: after the PIN was stored, and not when another process has taken the claim over.
    async fn notify(&self, notifier: &Notifier<'_>, context: &RecordContext, answer: &mut Value) {
        let pin_requests = &self.function.pin_requests;
        if self.notifies() {
            let unknown = notifier.unknown();
            unknown.write_into(answer);
            let storing = pin_requests.store_pin(&self.claim, answer.to_string());
            if !self.is_stored(storing).await {
                notifier.not_sent().write_into(answer);
                return;
            }
            let sending = notifier.send(context, answer, self.budget.at_most(NOTIFYING));
            let sent = self.until_end(sending).await.unwrap_or(unknown);
            sent.write_into(answer);
        }
        self.is_stored(pin_requests.complete(&self.claim, answer.to_string()))
            .await;
    }

    /// Whether the answer was stored for repeats of the request.
    async fn is_stored(&self, storing: impl Future<Output = Result<bool, StorageError>>) -> bool {
        self.stored(storing).await.unwrap_or_else(|_| {
            tracing::warn!(tenant = %self.tenant.tenant, "the answer is not stored for repeats");
            false
        })
    }

    /// What the credentials table answers within the budget.
    async fn stored<T>(
        &self,
        storing: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, Problem> {
        let outcome = tokio::time::timeout(self.budget.left(), storing).await;
        outcome
            .unwrap_or_else(|_| Err(StorageError::Other("time-out".to_owned())))
            .map_err(|error| problems::storage(&error.to_string()))
    }

    /// Cuts work off at the end of the budget, but not while a refresh token that ServiceNow may have replaced is not
    /// stored yet (decision 0012).
    async fn until_end<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let access = &self.function.access;
        run_until(|| self.budget.left(), || access.is_obtaining(), work)
            .await
            .ok_or_else(|| problems::storage("no answer until the end"))
    }

    fn notifies(&self) -> bool {
        notify::wanted(self.tenant, &self.body)
    }

    /// Kept back of the budget for the notifications.
    fn reserved(&self) -> Duration {
        if self.notifies() {
            NOTIFYING
        } else {
            Duration::ZERO
        }
    }

    /// For reading the record: the PIN needs time too.
    fn lookup_budget(&self) -> TimeBudget {
        let budget = self.budget.keep_back(self.reserved() + PIN_NEEDS);
        budget.at_most(NOTIFYING)
    }
}
