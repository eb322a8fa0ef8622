//! Which record a post belongs to: the right one or none (docs/architecture.md#rule-3).
//!
//! Order: the ledger, a signed `Tracking0`, the tenant's reference fields, the `correlation_id`.

use shared::aws::secret_store::TenantSecrets;
use shared::domain::error::ErrorCode;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::record_number::{RecordNumber, TypedReference};
use shared::domain::record_tables::RecordTables;
use shared::domain::tracking;
use shared::servicenow::client::CallError;
use shared::servicenow::query::Query;
use shared::telemetry::{self, Metric};
use shared::token::access::AccessError;

use crate::attempt::{Attempt, Resolved};
use crate::failure::AttemptFailure;

/// What one field of a post says about its record.
enum Reference {
    Absent,
    /// Signed by another sender, or not signed.
    Untrusted,
    Unusable(ErrorCode),
    Record(RecordRef),
    Number(RecordNumber),
}

impl Attempt<'_> {
    /// Finds the record of the post and stores it for the session's other posts.
    ///
    /// # Errors
    /// A reference that is invalid, ambiguous or names no record is permanent.
    pub(crate) async fn resolve(&mut self) -> Result<Resolved, AttemptFailure> {
        let (tenant, session) = (&self.post.tenant, &self.post.session_id);
        let known = self.function.ledger.session(tenant, session).await?;
        self.row = known.row;
        if let Some(record) = known.record {
            let created = self.created_before(&record).await?;
            return Ok(Resolved::Record(created.unwrap_or(record)));
        }
        let (mut reason, mut unusable) = (ErrorCode::NoReference, None);
        let tracking = self.tracking().await?;
        if self
            .post
            .fields
            .find("Tracking0")
            .is_some_and(tracking::looks_signed)
        {
            self.is_signed = Some(matches!(tracking, Reference::Record(_)));
        }
        let fields = self.file().sessions.reference_fields.iter().map(|name| {
            let text = self.post.fields.find(name);
            text.map_or(Reference::Absent, |text| {
                typed_reference(text, &self.tables)
            })
        });
        for reference in std::iter::once(tracking).chain(fields) {
            match reference {
                Reference::Absent => {}
                Reference::Untrusted => reason = ErrorCode::TrackingNotBelieved,
                Reference::Unusable(code) => _ = unusable.get_or_insert(code),
                Reference::Record(record) => return self.resolved(record).await,
                Reference::Number(number) => {
                    let record = self.by_number(&number).await?;
                    return self.resolved(record).await;
                }
            }
        }
        if let Some(code) = unusable {
            return Err(AttemptFailure::Permanent(code));
        }
        if let Some(table) = self.table_for_new_records()
            && let Some(record) = self
                .by_query(&table.name, &Query::correlation_id(session))
                .await?
        {
            return self.resolved(record).await;
        }
        Ok(Resolved::Nothing(reason))
    }

    /// After an unknown outcome: the record that an earlier attempt at this post created, when the ledger names another
    /// record by now.
    async fn created_before(&self, known: &RecordRef) -> Result<Option<RecordRef>, AttemptFailure> {
        let table = self.table_for_new_records();
        let Some(table) = table.filter(|_| self.effects.is_note_possible()) else {
            return Ok(None);
        };
        if !self.function.ledger.claimed_creation(self.post).await? {
            return Ok(None);
        }
        let correlation = Query::correlation_id(&self.post.session_id);
        let found = match self.by_query(&table.name, &correlation).await {
            // The table has no `correlation_id`: the note on the known record shows that no other one was created.
            Err(AttemptFailure::Permanent(ErrorCode::OutcomeUnknown))
                if self.notes_if_written(known).await?.is_some() =>
            {
                None
            }
            found => found?,
        };
        match found {
            Some(created)
                if created != *known && self.notes_if_written(&created).await?.is_some() =>
            {
                Ok(Some(created))
            }
            _ => Ok(None),
        }
    }

    /// What `Tracking0` says. A text that looks signed has to be signed by this connector, with any settings.
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
            return Ok(Reference::Untrusted);
        }
        Ok(plain_reference(text, &self.tables))
    }

    /// The record that a `Tracking0` names with this tenant's signature. The key may have been replaced since it was
    /// cached, so it is read once more when it does not fit.
    pub(crate) async fn signed_reference(
        &self,
        text: &str,
    ) -> Result<Option<RecordRef>, AttemptFailure> {
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
        let verify = |secrets: &TenantSecrets| {
            let key = secrets.tracking_key.as_ref()?;
            Some(tracking::verify(key, tenant, &self.tables, text))
        };
        let secret_store = &self.function.secret_store;
        let cached = secret_store
            .tenant_secrets(tenant)
            .await
            .map_err(unreadable)?;
        if let Some(Some(record)) = verify(&cached) {
            return Ok(Some(record));
        }
        let current = secret_store
            .reread_tenant_secrets(tenant)
            .await
            .map_err(unreadable)?;
        verify(&current).ok_or_else(|| {
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

    async fn resolved(&self, record: RecordRef) -> Result<Resolved, AttemptFailure> {
        self.store_record(&record).await?;
        Ok(Resolved::Record(record))
    }
}

/// A `Tracking0` without a signature: `table:sys_id`, or a record number.
fn plain_reference(text: &str, tables: &RecordTables) -> Reference {
    let record = text.split_once(':').and_then(|(table, sys_id)| {
        let table = tables.get(&TableName::parse(table.trim())?)?;
        Some(RecordRef {
            table: table.name.clone(),
            sys_id: SysId::parse(sys_id.trim())?,
        })
    });
    record.map_or_else(|| typed_reference(text, tables), Reference::Record)
}

/// A record number as a person types it.
fn typed_reference(text: &str, tables: &RecordTables) -> Reference {
    match RecordNumber::typed(text, tables) {
        TypedReference::NoReference => Reference::Absent,
        TypedReference::Number(number) => Reference::Number(number),
        TypedReference::Ambiguous => Reference::Unusable(ErrorCode::AmbiguousRecord),
        TypedReference::Invalid => Reference::Unusable(ErrorCode::InvalidReference),
    }
}
