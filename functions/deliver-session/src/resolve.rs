//! Which record a post belongs to: the right one or none (docs/architecture.md#rule-3).
//!
//! Order: the ledger, a signed `Tracking0`, the tenant's reference fields, the `correlation_id`. What comes after,
//! creating a record, is not decided here.

use shared::aws::secret_store::TenantSecrets;
use shared::domain::error::ErrorCode;
use shared::domain::record::{RecordNumber, RecordRef, SysId, Table, TypedReference};
use shared::domain::tracking;
use shared::servicenow::client::CallError;
use shared::servicenow::query::Query;
use shared::telemetry::{self, Metric};
use shared::token::access::AccessError;

use crate::attempt::{Attempt, AttemptFailure, Resolved};

/// What one place of a post says about its record.
enum Reference {
    Absent,
    NotBelieved,
    Unusable(ErrorCode),
    Record(RecordRef),
    Number(RecordNumber),
}

impl Attempt<'_> {
    /// Finds the record of the post, and remembers it for the session's other posts.
    ///
    /// # Errors
    /// A reference that is invalid or ambiguous, or that names no record, is permanent; otherwise as [`Failure`] says.
    pub(crate) async fn resolve(&mut self) -> Result<Resolved, AttemptFailure> {
        let (tenant, session) = (&self.post.tenant, &self.post.session_id);
        if let Some(record) = self.function.ledger.record(tenant, session).await? {
            let created = self.created_before(&record).await?;
            return Ok(Resolved::Record(created.unwrap_or(record)));
        }
        let (mut reason, mut unusable) = (ErrorCode::NoReference, None);
        let tracking = self.tracking().await?;
        let fields = self.file().sessions.reference_fields.iter().map(|name| {
            let text = self.post.fields.find(name);
            text.map_or(Reference::Absent, typed_reference)
        });
        for reference in std::iter::once(tracking).chain(fields) {
            match reference {
                Reference::Absent => {}
                Reference::NotBelieved => reason = ErrorCode::TrackingNotBelieved,
                Reference::Unusable(code) => _ = unusable.get_or_insert(code),
                Reference::Record(record) => return self.remembered(record).await,
                Reference::Number(number) => {
                    let record = self.by_number(&number).await?;
                    return self.remembered(record).await;
                }
            }
        }
        if let Some(code) = unusable {
            return Err(AttemptFailure::Permanent(code));
        }
        if let Some(table) = self.table_for_new_records()
            && let Some(record) = self
                .by_query(table, &Query::correlation_id(session))
                .await?
        {
            return self.remembered(record).await;
        }
        Ok(Resolved::Nothing(reason))
    }

    /// After an unknown outcome: the record that an earlier attempt at this post created, where the session has got
    /// another one meanwhile.
    async fn created_before(&self, known: &RecordRef) -> Result<Option<RecordRef>, AttemptFailure> {
        let Some(table) = self.table_for_new_records().filter(|_| self.must_look) else {
            return Ok(None);
        };
        if !self.function.ledger.claimed_creation(self.post).await? {
            return Ok(None);
        }
        let correlation = Query::correlation_id(&self.post.session_id);
        match self.by_query(table, &correlation).await? {
            Some(created)
                if created != *known && self.notes_with_this(&created).await?.is_some() =>
            {
                Ok(Some(created))
            }
            _ => Ok(None),
        }
    }

    /// What `Tracking0` says. Whatever looks signed has to be signed by this connector, whatever the settings.
    async fn tracking(&self) -> Result<Reference, AttemptFailure> {
        let Some(text) = self.post.fields.find("Tracking0") else {
            return Ok(Reference::Absent);
        };
        if self.file().sessions.require_signed_tracking || tracking::looks_signed(text) {
            if let Some(record) = self.signed_reference(text).await? {
                return Ok(Reference::Record(record));
            }
            telemetry::count(Metric::TrackingNotBelieved, Some(&self.post.tenant));
            telemetry::log_failure(
                ErrorCode::TrackingNotBelieved,
                self.post.tenant.as_str(),
                self.post.session_id.as_str(),
                "A Tracking0 that this connector did not sign counts as no reference.",
            );
            return Ok(Reference::NotBelieved);
        }
        Ok(plain_reference(text))
    }

    /// The record that a `Tracking0` names by this tenant's signature. A key that does not fit may have been
    /// replaced, and is read once more.
    async fn signed_reference(&self, text: &str) -> Result<Option<RecordRef>, AttemptFailure> {
        if !tracking::looks_signed(text) {
            return Ok(None);
        }
        let tenant = &self.post.tenant;
        let unreadable = |error| {
            let error = AccessError::from(error);
            if matches!(error, AccessError::ReauthorizationNeeded(_)) {
                telemetry::count(Metric::ReauthorizationNeeded, Some(&self.post.tenant));
            }
            CallError::Access(error)
        };
        let verify = |credentials: &TenantSecrets| {
            let key = credentials.tracking_key.as_ref()?;
            Some(tracking::verify(key, tenant, text))
        };
        let vault = &self.function.vault;
        let known = vault.tenant_secrets(tenant).await.map_err(unreadable)?;
        if let Some(Some(record)) = verify(&known) {
            return Ok(Some(record));
        }
        let known = vault
            .reread_tenant_secrets(tenant)
            .await
            .map_err(unreadable)?;
        verify(&known).ok_or_else(|| {
            AttemptFailure::ServiceNow(CallError::Misconfigured(
                "tracking-key is not set; apply the tenant again".to_owned(),
            ))
        })
    }

    async fn by_number(&self, number: &RecordNumber) -> Result<RecordRef, AttemptFailure> {
        let found = self
            .by_query(number.table(), &Query::number(number))
            .await?;
        found.ok_or(AttemptFailure::Permanent(ErrorCode::RecordNotFound))
    }

    /// The one record that a query finds; two are nobody's choice. After an unknown outcome, nobody can tell where
    /// the answer cannot be compared with what was asked.
    pub(crate) async fn by_query(
        &self,
        table: Table,
        query: &Query,
    ) -> Result<Option<RecordRef>, AttemptFailure> {
        let found = self
            .function
            .servicenow
            .find(self.file(), self.deadline, table.name(), query)
            .await?;
        let mut ids = found
            .rows
            .iter()
            .filter_map(|row| row.get("sys_id").and_then(|id| SysId::parse(id)));
        match (ids.next(), ids.next()) {
            (None, _) if found.incomparable && self.must_look => {
                Err(AttemptFailure::Permanent(ErrorCode::OutcomeUnknown))
            }
            (None, _) => Ok(None),
            (Some(sys_id), None) => Ok(Some(RecordRef { table, sys_id })),
            (Some(_), Some(_)) => Err(AttemptFailure::Permanent(ErrorCode::AmbiguousRecord)),
        }
    }

    async fn remembered(&self, record: RecordRef) -> Result<Resolved, AttemptFailure> {
        self.function
            .ledger
            .remember_record(&self.post.tenant, &self.post.session_id, &record)
            .await?;
        Ok(Resolved::Record(record))
    }
}

/// A `Tracking0` without a signature: `table:sys_id`, or a record number.
fn plain_reference(text: &str) -> Reference {
    let record = text.split_once(':').and_then(|(table, sys_id)| {
        Some(RecordRef {
            table: Table::from_name(table.trim())?,
            sys_id: SysId::parse(sys_id.trim())?,
        })
    });
    record.map_or_else(|| typed_reference(text), Reference::Record)
}

/// A record number as a person types it.
fn typed_reference(text: &str) -> Reference {
    match RecordNumber::typed(text) {
        TypedReference::NoReference => Reference::Absent,
        TypedReference::Number(number) => Reference::Number(number),
        TypedReference::Ambiguous => Reference::Unusable(ErrorCode::AmbiguousRecord),
        TypedReference::Invalid => Reference::Unusable(ErrorCode::InvalidReference),
    }
}
