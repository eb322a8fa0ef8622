//! Writing a post to a record that exists, which may be closed.

use std::collections::BTreeSet;

use shared::domain::record::RecordRef;
use shared::domain::tenant::ClosedRecords;
use shared::servicenow::client::{CallError, Columns};
use shared::servicenow::query::Query;

use crate::attempt::Attempt;
use crate::failure::AttemptFailure;
use crate::note::Remark;

impl Attempt<'_> {
    /// Writes the post to a record that exists.
    ///
    /// # Errors
    /// [`AttemptFailure`].
    pub(crate) async fn write(&mut self, record: RecordRef) -> Result<(), AttemptFailure> {
        if let Some(notes) = self.notes_if_written(&record).await? {
            return self.attach_what_is_missing(&record, &notes).await;
        }
        let closed_records = self.file().sessions.closed_records;
        let closed = match closed_records {
            ClosedRecords::Note => None,
            // No record is created in a table that the tenant does not work with any more.
            ClosedRecords::New if self.tables.get(&record.table).is_none() => None,
            ClosedRecords::Reopen | ClosedRecords::New => self.closed_number(&record).await?,
        };
        let mut remarks = Vec::new();
        match (closed_records, closed) {
            (ClosedRecords::New, Some(number)) => {
                let table = self.tables.known(&record.table);
                return self.create(&table, Some((record, number))).await;
            }
            (ClosedRecords::New, None) if self.effects.is_note_possible() => {
                // The record may have been closed when the earlier attempt read it.
                let query =
                    Query::follow_up_correlation_id(&self.post.session_id, &self.post.digest);
                if let Some(created) = self.by_query(&record.table, &query).await? {
                    return self.write_to_created(created).await;
                }
            }
            (ClosedRecords::Note, _) | (_, None) => {}
            (ClosedRecords::Reopen, Some(_)) => remarks.extend(self.reopen(&record).await?),
        }
        self.append(&record, remarks, self.columns()).await
    }

    /// Reopens a closed record, in a write of its own, so that the note mentions only a reopening that happened. The note
    /// is also written when the table has no state that reopens, and when ServiceNow refuses the change or drops the state.
    async fn reopen(&mut self, record: &RecordRef) -> Result<Option<Remark>, AttemptFailure> {
        const STATE: &str = "state";
        self.refuse_if_too_old()?;
        let open = self.tables.known(&record.table).open_state;
        if open.is_empty() {
            return Ok(Some(Remark::NotReopened));
        }
        let mut columns = Columns::new();
        columns.insert(STATE.to_owned(), open);
        let marker = self.marker();
        let dropped = match self.servicenow.update(record, &columns, &marker).await {
            Ok(written) => written.dropped,
            Err(error @ CallError::Refused { .. }) => {
                tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, %record, %error,
                    "ServiceNow refuses to reopen the record");
                let mut dropped = BTreeSet::new();
                dropped.insert(STATE.to_owned());
                dropped
            }
            Err(error) => return Err(error.into()),
        };
        // The next attempt need not check this effect: it does not reopen an open record.
        let reopened = !dropped.contains(STATE);
        self.report_dropped(&dropped);
        Ok(reopened.then_some(Remark::Reopened))
    }
}
