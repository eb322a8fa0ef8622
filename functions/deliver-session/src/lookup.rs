//! What ServiceNow holds: records, notes and people.

use shared::domain::error::ErrorCode;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::servicenow::client::{CallError, Columns, DisplayValue};
use shared::servicenow::query::{Email, Query};

use crate::attempt::Attempt;
use crate::failure::AttemptFailure;

/// The column by which a created record is found.
const CORRELATION_ID: &str = "correlation_id";

/// The people of one e-mail address.
pub(crate) enum Person {
    One(SysId),
    None,
    Several,
}

impl Attempt<'_> {
    /// The one record that a query finds; several are ambiguous. After an unknown outcome, an answer that cannot be
    /// compared with the query leaves the outcome unknown.
    pub(crate) async fn by_query(
        &self,
        table: &TableName,
        query: &Query,
    ) -> Result<Option<RecordRef>, AttemptFailure> {
        let found = self.servicenow.find(table.as_str(), query).await?;
        match two_ids(&found.rows) {
            (None, _) if found.incomparable && self.effects.is_note_possible() => {
                Err(AttemptFailure::Permanent(ErrorCode::OutcomeUnknown))
            }
            (None, _) => {
                self.check_searchable(table, query).await?;
                Ok(None)
            }
            (Some(sys_id), None) => Ok(Some(RecordRef {
                table: table.clone(),
                sys_id,
            })),
            (Some(_), Some(_)) => Err(AttemptFailure::Permanent(ErrorCode::AmbiguousRecord)),
        }
    }

    /// After an unknown outcome: checks that the table has the queried column. An instance with
    /// `glide.invalid_query.returns_no_rows` answers a query by an unknown column as if no record matched.
    async fn check_searchable(
        &self,
        table: &TableName,
        query: &Query,
    ) -> Result<(), AttemptFailure> {
        // Only a search for a created record ends in a creation.
        if self.effects.is_note_possible()
            && query.column() == CORRELATION_ID
            && !self
                .servicenow
                .has_column(table.as_str(), query.column())
                .await?
        {
            return Err(AttemptFailure::Permanent(ErrorCode::OutcomeUnknown));
        }
        Ok(())
    }

    /// After an unknown outcome: the record's notes, if this post's is among them. `None`: the note is not on this record; it
    /// may be on another.
    pub(crate) async fn notes_if_written(
        &self,
        record: &RecordRef,
    ) -> Result<Option<String>, AttemptFailure> {
        if !self.effects.is_note_possible() {
            return Ok(None);
        }
        let notes = self
            .read(record, &["work_notes"], DisplayValue::Shown)
            .await?
            .remove("work_notes")
            .ok_or(AttemptFailure::Permanent(ErrorCode::OutcomeUnknown))?;
        self.step("looked for the note", &record.to_string());
        Ok(notes.contains(&self.marker()).then_some(notes))
    }

    /// The number of a record that is closed; resolved counts as closed.
    pub(crate) async fn closed_number(
        &self,
        record: &RecordRef,
    ) -> Result<Option<String>, AttemptFailure> {
        let names = ["number", "state", "active"];
        let row = self.read(record, &names, DisplayValue::Raw).await?;
        let value = |name: &str| row.get(name).map(String::as_str).unwrap_or_default();
        let table = self.tables.known(&record.table);
        let closed = table.is_closed(value("active"), value("state"));
        Ok(closed.then(|| value("number").to_owned()))
    }

    async fn read(
        &self,
        record: &RecordRef,
        names: &[&str],
        display: DisplayValue,
    ) -> Result<Columns, AttemptFailure> {
        let row = self.servicenow.read(record, names, display).await?;
        row.ok_or(AttemptFailure::Permanent(ErrorCode::RecordNotFound))
    }

    pub(crate) async fn person(&self, table: &str, email: &str) -> Result<Person, AttemptFailure> {
        let Some(email) = Email::parse(email) else {
            return Ok(Person::None);
        };
        let query = Query::active_email(&email);
        let rows = match self.servicenow.find(table, &query).await {
            Ok(found) => found.rows,
            // A service account that may not read people still creates records.
            Err(error @ (CallError::Refused { .. } | CallError::NotFound)) => {
                tracing::warn!(tenant = %self.post.tenant, table, %error, "people cannot be looked up");
                return Ok(Person::None);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(match two_ids(&rows) {
            (None, _) => Person::None,
            (Some(sys_id), None) => Person::One(sys_id),
            (Some(_), Some(_)) => Person::Several,
        })
    }

    /// Stores the session's record for its other posts.
    pub(crate) async fn store_record(&self, record: &RecordRef) -> Result<(), AttemptFailure> {
        let (tenant, session) = (&self.post.tenant, &self.post.session_id);
        let ledger = &self.function.ledger;
        Ok(ledger.store_record(tenant, session, record).await?)
    }
}

fn two_ids(rows: &[Columns]) -> (Option<SysId>, Option<SysId>) {
    let mut ids = rows
        .iter()
        .filter_map(|row| row.get("sys_id").and_then(|id| SysId::parse(id)));
    (ids.next(), ids.next())
}
