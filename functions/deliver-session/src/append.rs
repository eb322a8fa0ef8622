//! Appending the note of a post to a record, after the attachment that takes what does not fit into it.

use std::collections::BTreeSet;

use shared::domain::error::ErrorCode;
use shared::domain::record::RecordRef;
use shared::domain::session::attachment_name;
use shared::servicenow::client::{CallError, Columns, WrittenRecord};
use shared::servicenow::query::Query;
use shared::telemetry::{self, Metric};

use crate::attempt::{Attempt, Effects};
use crate::column_values;
use crate::failure::AttemptFailure;
use crate::note::{self, Note, NoteInput, Remark};

impl Attempt<'_> {
    /// Writes the post to the record that an earlier attempt at it, or another post of its session, created.
    pub(crate) async fn write_to_created(
        &mut self,
        record: RecordRef,
    ) -> Result<(), AttemptFailure> {
        self.store_record(&record).await?;
        if let Some(notes) = self.notes_if_written(&record).await? {
            return self.attach_what_is_missing(&record, &notes).await;
        }
        self.append(&record, Vec::new(), self.columns()).await
    }

    /// Writes the attachment, then the note. A note on the record therefore proves that its attachment is there, unless
    /// the note says that ServiceNow refused it.
    ///
    /// The caller has checked every record where an earlier attempt may have written the note.
    pub(crate) async fn append(
        &mut self,
        record: &RecordRef,
        mut remarks: Vec<Remark>,
        mut columns: Columns,
    ) -> Result<(), AttemptFailure> {
        let earlier = self.effects;
        self.continue_without_note()?;
        self.write_row(Some(record)).await?;
        let Note {
            mut text,
            attachment,
        } = self.note(&remarks);
        let mut refused = None;
        if let Some(attachment) = attachment {
            refused = self.attach(record, attachment, earlier).await?;
            if refused.is_some() {
                remarks.push(Remark::AttachmentRefused);
                text = self.note(&remarks).text;
            }
        }
        columns.insert("work_notes".to_owned(), text);
        let marker = self.marker();
        let written = self.servicenow.update(record, &columns, &marker).await?;
        self.report_dropped(&written.dropped);
        self.check_note(&written)?;
        self.without_attachment(refused)
    }

    /// Attaches the text of a note that was written without it, because ServiceNow refused the attachment.
    pub(crate) async fn attach_what_is_missing(
        &mut self,
        record: &RecordRef,
        notes: &str,
    ) -> Result<(), AttemptFailure> {
        self.write_row(Some(record)).await?;
        let name = attachment_name(&self.post.session_id, &self.post.digest);
        // A note that points to its attachment was written after it.
        if !notes.contains(&name) || note::points_to(notes, &name) {
            return Ok(());
        }
        let refused = match self.note(&[Remark::AttachmentRefused]).attachment {
            Some(whole) => self.attach(record, whole, Effects::NotePossible).await?,
            None => None,
        };
        self.without_attachment(refused)
    }

    /// Attaches a text unless an `earlier` attempt has. Returns the error when ServiceNow refuses the attachment.
    async fn attach(
        &mut self,
        record: &RecordRef,
        text: String,
        earlier: Effects,
    ) -> Result<Option<CallError>, AttemptFailure> {
        let (session, digest) = (&self.post.session_id, &self.post.digest);
        let attached = match earlier {
            Effects::Nothing | Effects::Written => Some(false),
            Effects::AttachmentPossible | Effects::NotePossible => {
                let query = Query::attachment(record, session, digest);
                self.servicenow.has_attachment(&query, record).await?
            }
        };
        match attached {
            Some(true) => return Ok(None),
            // The service account cannot read its name, and a second attachment would be a duplicate.
            None if earlier.is_note_possible() => {
                self.effects = Effects::NotePossible;
                return Err(AttemptFailure::Permanent(ErrorCode::OutcomeUnknown));
            }
            Some(false) | None => {}
        }
        let name = attachment_name(session, digest);
        match self.servicenow.attach(record, &name, text).await {
            Ok(()) => {
                self.effects = Effects::Written;
                Ok(None)
            }
            Err(error @ CallError::Refused { .. }) => Ok(Some(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Fails a post whose note was written without its attachment. Sent again, the post attaches what is missing.
    fn without_attachment(&mut self, refused: Option<CallError>) -> Result<(), AttemptFailure> {
        refused.map_or(Ok(()), |error| {
            self.effects = Effects::NotePossible;
            Err(AttemptFailure::AttachmentRefused(error))
        })
    }

    /// Fails when the answer to a write shows that ServiceNow dropped the note; the next attempt checks the record.
    pub(crate) fn check_note(&mut self, written: &WrittenRecord) -> Result<(), AttemptFailure> {
        match written.note_seen() {
            Ok(true) => {}
            Ok(false) => telemetry::count(Metric::NoteNotVerified, Some(&self.post.tenant)),
            Err(error) => {
                self.effects = Effects::NotePossible;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Reports the columns that ServiceNow did not take.
    pub(crate) fn report_dropped(&mut self, columns: &BTreeSet<String>) {
        if !columns.is_empty() {
            tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, ?columns,
                "ServiceNow did not take columns, or does not show them");
            self.details.dropped_columns.extend(columns.iter().cloned());
        }
    }

    pub(crate) fn note(&self, remarks: &[Remark]) -> Note {
        note::render(NoteInput {
            settings: &self.file().sessions,
            language: self.file().language,
            session: &self.post.session_id,
            event: self.post.event,
            source: self.post.source,
            digest: &self.post.digest,
            fields: &self.post.fields,
            remarks,
        })
    }

    /// The columns that the tenant wants written beside the note. A value that does not fit its column's kind is left out.
    pub(crate) fn columns(&self) -> Columns {
        let mut columns = Columns::new();
        for (variable, column) in self.file().sessions.written_columns() {
            let Some(value) = self.post.fields.find(variable) else {
                continue;
            };
            match column_values::written(value, column.kind) {
                Some(value) => {
                    columns.insert(column.name.clone(), value);
                }
                None => {
                    tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, variable,
                    column = column.name, "the value is no {}, so the column keeps its value", column.kind)
                }
            }
        }
        columns
    }
}
