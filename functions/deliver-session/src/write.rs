//! Writing a post, once: look where an earlier attempt may have taken effect, attach, then append the note.

use std::collections::BTreeSet;

use crate::note::{self, Note, NoteInput, Remark};
use shared::aws::ledger::CreationClaim;
use shared::domain::error::ErrorCode;
use shared::domain::record::{RecordRef, SysId, Table};
use shared::domain::session::{attachment_name, note_marker};
use shared::domain::tenant::ClosedRecords;
use shared::retry;
use shared::servicenow::client::{CallError, Columns, DisplayValue, WrittenRecord};
use shared::servicenow::query::{Email, Query};
use shared::servicenow::text;
use shared::telemetry::{self, Metric};

use crate::attempt::{Attempt, AttemptFailure};

/// Where people are looked up by e-mail.
const USERS: &str = "sys_user";
const CONTACTS: &str = "customer_contact";

/// What is known of a record before the note is written.
struct Closed {
    number: String,
}

impl Attempt<'_> {
    /// Writes the post to a record that exists.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub(crate) async fn write(&mut self, record: RecordRef) -> Result<(), AttemptFailure> {
        if let Some(notes) = self.notes_with_this(&record).await? {
            return self.attach_what_is_missing(&record, &notes).await;
        }
        let mut remarks = Vec::new();
        match (
            self.file().sessions.closed_records,
            self.closed(&record).await?,
        ) {
            (ClosedRecords::New, Some(closed)) => {
                let table = record.table;
                return self.create(table, Some((record, closed.number))).await;
            }
            (ClosedRecords::New, None) if self.must_look => {
                // The record may have been closed when the earlier attempt found it.
                let query =
                    Query::follow_up_correlation_id(&self.post.session_id, &self.post.digest);
                if let Some(follower) = self.by_query(record.table, &query).await? {
                    return self.write_to_follower(follower).await;
                }
            }
            (ClosedRecords::Note, _) | (_, None) => {}
            (ClosedRecords::Reopen, Some(_)) => remarks.extend(self.reopen(&record).await?),
        }
        self.append(&record, remarks, self.columns()).await
    }

    /// Reopens a closed record, in a write of its own: a note speaks of it once it is seen. Nothing to say when
    /// ServiceNow refuses it or drops the state; the note is written all the same.
    async fn reopen(&mut self, record: &RecordRef) -> Result<Option<Remark>, AttemptFailure> {
        const STATE: &str = "state";
        self.may_write()?;
        let state = open_state(record.table).to_owned();
        let mut columns = Columns::new();
        columns.insert(STATE.to_owned(), state);
        let dropped = match self.update(record, &columns).await {
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
        // No effect that has to be looked for: a record that is open is not reopened again.
        let reopened = !dropped.contains(STATE);
        self.dropped(&dropped);
        Ok(reopened.then_some(Remark::Reopened))
    }

    /// Creates the post's record with its note, or finds the one that an earlier attempt created.
    ///
    /// `follows` is the closed record that the new one stands in for, and its number.
    ///
    /// # Errors
    /// As [`Failure`] says.
    pub(crate) async fn create(
        &mut self,
        table: Table,
        follows: Option<(RecordRef, String)>,
    ) -> Result<(), AttemptFailure> {
        let (tenant, session) = (&self.post.tenant, &self.post.session_id);
        let correlation = match follows {
            None => Query::correlation_id(session),
            Some(_) => Query::follow_up_correlation_id(session, &self.post.digest),
        };
        // Without a closed record to follow, resolving has just looked for it.
        if follows.is_some()
            && let Some(record) = self.by_query(table, &correlation).await?
        {
            // Its correlation id is this post's, so an earlier attempt created it.
            self.must_look = true;
            return self.write_to_follower(record).await;
        }
        // Under a claim, so that two posts of a session that are handled at once make one record.
        let until = self.deadline.plus(retry::SETTLE);
        let ledger = &self.function.ledger;
        match ledger
            .claim_creation(self.post, until, follows.as_ref().map(|(record, _)| record))
            .await?
        {
            CreationClaim::Started { look_first: false } => {}
            CreationClaim::Started { look_first: true } => {
                // Another post may have created it. That says nothing about this post's note.
                let must_look = std::mem::replace(&mut self.must_look, true);
                if let Some(record) = self.by_query(table, &correlation).await? {
                    self.must_look = must_look;
                    return self.write_to_follower(record).await;
                }
            }
            CreationClaim::Exists(record) => return self.write_to_follower(record).await,
            CreationClaim::Locked(until) => return Err(AttemptFailure::CreatedElsewhere(until)),
        }
        if let Err(given_up) = self.found_nothing() {
            self.leave_creation().await;
            return Err(given_up);
        }
        let (mut columns, mut remarks) = self.people(table).await?;
        let follows = follows.map(|(_, number)| number);
        remarks.extend(follows.map(|number| Remark::FollowsClosedRecord { number }));
        let note = self.note(&remarks);
        columns.extend(self.columns());
        let settings = self.file();
        columns.insert(
            "short_description".to_owned(),
            note::short_description(
                settings.language,
                session,
                &self.post.fields,
                &settings.sessions,
            ),
        );
        columns.extend(settings.sessions.new_record.columns.clone());
        columns.insert("correlation_id".to_owned(), correlation.value().to_owned());
        columns.insert(
            "correlation_display".to_owned(),
            "LogMeIn Rescue".to_owned(),
        );
        if note.attachment.is_none() {
            columns.insert("work_notes".to_owned(), note.text.clone());
        }
        let created = self
            .function
            .servicenow
            .create(settings, self.deadline, table, &columns, &self.marker())
            .await;
        if let Err(CallError::Refused { .. } | CallError::NotFound) = created {
            self.leave_creation().await;
        }
        let created = created?;
        self.step("record created", &created.number);
        self.had_effect = true;
        self.must_look = true;
        self.function
            .ledger
            .remember_record(tenant, session, &created.record)
            .await?;
        self.dropped(&created.written.dropped);
        if note.attachment.is_some() {
            drop(note);
            self.append(&created.record, remarks, Columns::new()).await
        } else {
            self.note_seen(&created.written)
        }
    }

    /// Leaves the creation of the session's record to its other posts: this one is given up, and has created none.
    async fn leave_creation(&self) {
        if let Err(error) = self.function.ledger.release_creation(self.post).await {
            tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, %error,
                "the session's other posts wait until the claim ends by itself");
        }
    }

    /// Writes the post to the record that an earlier attempt at it, or another post of its session, created.
    async fn write_to_follower(&mut self, record: RecordRef) -> Result<(), AttemptFailure> {
        self.function
            .ledger
            .remember_record(&self.post.tenant, &self.post.session_id, &record)
            .await?;
        if let Some(notes) = self.notes_with_this(&record).await? {
            return self.attach_what_is_missing(&record, &notes).await;
        }
        self.append(&record, Vec::new(), self.columns()).await
    }

    /// Attaches what does not fit into the note, then appends the note: a note that is found has all its text on the
    /// record, unless it says that ServiceNow refused the attachment.
    ///
    /// The caller has looked wherever an earlier attempt may have written it.
    async fn append(
        &mut self,
        record: &RecordRef,
        mut remarks: Vec<Remark>,
        mut columns: Columns,
    ) -> Result<(), AttemptFailure> {
        let unknown = self.must_look;
        self.found_nothing()?;
        let Note {
            mut text,
            attachment,
        } = self.note(&remarks);
        let mut refused = None;
        if let Some(attachment) = attachment {
            refused = self.attach(record, attachment, unknown).await?;
            if refused.is_some() {
                remarks.push(Remark::AttachmentRefused);
                text = self.note(&remarks).text;
            }
        }
        columns.insert("work_notes".to_owned(), text);
        let written = self.update(record, &columns).await?;
        self.dropped(&written.dropped);
        self.note_seen(&written)?;
        self.without_attachment(refused)
    }

    /// Attaches the text of a note that is there without it, because ServiceNow refused the attachment before.
    async fn attach_what_is_missing(
        &mut self,
        record: &RecordRef,
        notes: &str,
    ) -> Result<(), AttemptFailure> {
        let name = attachment_name(&self.post.session_id, &self.post.digest);
        // A note that points to its attachment was written after it.
        if !notes.contains(&name) || note::points_to(notes, &name) {
            return Ok(());
        }
        self.may_be_attached = true;
        let refused = match self.note(&[Remark::AttachmentRefused]).attachment {
            Some(whole) => self.attach(record, whole, true).await?,
            None => None,
        };
        self.without_attachment(refused)
    }

    /// Attaches a text unless an earlier attempt has, whose outcome may be `unknown`. The refusal, where ServiceNow refuses the attachment.
    async fn attach(
        &mut self,
        record: &RecordRef,
        text: String,
        unknown: bool,
    ) -> Result<Option<CallError>, AttemptFailure> {
        let (session, digest) = (&self.post.session_id, &self.post.digest);
        let (file, servicenow) = (self.file(), &self.function.servicenow);
        let query = Query::attachment(record, session, digest);
        let attached = if self.may_be_attached {
            servicenow
                .has_attachment(file, self.deadline, &query, record)
                .await?
        } else {
            Some(false)
        };
        match attached {
            Some(true) => return Ok(None),
            // Its name may not be read, and a second one would be a double.
            None if unknown => {
                self.must_look = true;
                return Err(AttemptFailure::Permanent(ErrorCode::OutcomeUnknown));
            }
            Some(false) | None => {}
        }
        let name = attachment_name(session, digest);
        let attaching = servicenow.attach(file, self.deadline, record, &name, text);
        match attaching.await {
            Ok(()) => {
                self.had_effect = true;
                Ok(None)
            }
            Err(error @ CallError::Refused { .. }) => Ok(Some(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// The end of a post whose note is there: sent again, it looks for the note and attaches what is missing.
    fn without_attachment(&mut self, refused: Option<CallError>) -> Result<(), AttemptFailure> {
        match refused {
            None => Ok(()),
            Some(error) => {
                self.must_look = true;
                Err(AttemptFailure::AttachmentRefused(error))
            }
        }
    }

    async fn update(
        &self,
        record: &RecordRef,
        columns: &Columns,
    ) -> Result<WrittenRecord, CallError> {
        let servicenow = &self.function.servicenow;
        servicenow
            .update(self.file(), self.deadline, record, columns, &self.marker())
            .await
    }

    fn marker(&self) -> String {
        note_marker(&self.post.session_id, &self.post.digest)
    }

    /// Fails when the answer to a write shows that ServiceNow dropped the note; the next attempt looks for it.
    fn note_seen(&mut self, written: &WrittenRecord) -> Result<(), AttemptFailure> {
        match written.note_seen() {
            Ok(true) => Ok(()),
            Ok(false) => {
                telemetry::count(Metric::NoteNotVerified, Some(&self.post.tenant));
                Ok(())
            }
            Err(error) => {
                self.must_look = true;
                Err(error.into())
            }
        }
    }

    /// Says which columns ServiceNow did not take.
    fn dropped(&mut self, columns: &BTreeSet<String>) {
        if !columns.is_empty() {
            tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, ?columns,
                "ServiceNow did not take columns, or does not show them");
            self.details.dropped_columns.extend(columns.iter().cloned());
        }
    }

    /// After an unknown outcome: the record's notes, if they show this post's. That they do not proves nothing about
    /// other records.
    pub(crate) async fn notes_with_this(
        &self,
        record: &RecordRef,
    ) -> Result<Option<String>, AttemptFailure> {
        if !self.must_look {
            return Ok(None);
        }
        let shown = self
            .function
            .servicenow
            .read(
                self.file(),
                self.deadline,
                record,
                &["work_notes"],
                DisplayValue::Shown,
            )
            .await?;
        let mut shown = shown.ok_or(AttemptFailure::Permanent(ErrorCode::RecordNotFound))?;
        let notes = shown
            .remove("work_notes")
            .ok_or(AttemptFailure::Permanent(ErrorCode::OutcomeUnknown))?;
        self.step("looked for the note", &record.to_string());
        Ok(notes.contains(&self.marker()).then_some(notes))
    }

    /// Whether the record is closed, asked only where it matters.
    async fn closed(&self, record: &RecordRef) -> Result<Option<Closed>, AttemptFailure> {
        if self.file().sessions.closed_records == ClosedRecords::Note {
            return Ok(None);
        }
        let names = ["number", "state", "active"];
        let row = self
            .function
            .servicenow
            .read(
                self.file(),
                self.deadline,
                record,
                &names,
                DisplayValue::Raw,
            )
            .await?;
        let row = row.ok_or(AttemptFailure::Permanent(ErrorCode::RecordNotFound))?;
        let value = |name: &str| row.get(name).map(String::as_str).unwrap_or_default();
        let closed =
            value("active") == "false" || closed_states(record.table).contains(&value("state"));
        Ok(closed.then(|| Closed {
            number: value("number").to_owned(),
        }))
    }

    fn note(&self, remarks: &[Remark]) -> Note {
        note::render(NoteInput {
            settings: &self.file().sessions,
            language: self.file().language,
            session: &self.post.session_id,
            event: self.post.event,
            digest: &self.post.digest,
            fields: &self.post.fields,
            remarks,
        })
    }

    /// The columns that the tenant wants written beside the note.
    fn columns(&self) -> Columns {
        let mapping = &self.file().sessions.columns;
        let value = |(variable, column): (&String, &String)| {
            self.post
                .fields
                .find(variable)
                .map(|value| (column.clone(), text::column_value(value)))
        };
        let mut columns = Columns::new();
        columns.extend(mapping.iter().filter_map(value));
        columns
    }

    /// The people on a new record: looked up by e-mail, never guessed. Who is not found is left out, and the note says so.
    async fn people(&self, table: Table) -> Result<(Columns, Vec<Remark>), AttemptFailure> {
        let (mut columns, mut remarks) = (Columns::new(), Vec::new());
        let caller_field = self.file().sessions.new_record.caller_field.as_deref();
        if let Some(email) = caller_field.and_then(|name| self.post.fields.find(name)) {
            let (people, column) = match table {
                Table::Incident => (USERS, "caller_id"),
                Table::Case => (CONTACTS, "contact"),
            };
            match self.person(people, email).await? {
                Person::One(sys_id) => drop(columns.insert(column.to_owned(), sys_id.to_string())),
                Person::None => remarks.push(Remark::CallerNotFound {
                    email: email.to_owned(),
                }),
                Person::Several => remarks.push(Remark::CallerAmbiguous {
                    email: email.to_owned(),
                }),
            }
        }
        if let Some(email) = self.post.fields.find("TechEmail") {
            match self.person(USERS, email).await? {
                Person::One(sys_id) => {
                    drop(columns.insert("assigned_to".to_owned(), sys_id.to_string()))
                }
                Person::None => remarks.push(Remark::TechnicianNotFound {
                    email: email.to_owned(),
                }),
                Person::Several => remarks.push(Remark::TechnicianAmbiguous {
                    email: email.to_owned(),
                }),
            }
        }
        Ok((columns, remarks))
    }

    async fn person(&self, table: &str, email: &str) -> Result<Person, AttemptFailure> {
        let Some(email) = Email::parse(email) else {
            return Ok(Person::None);
        };
        let found = self
            .function
            .servicenow
            .find(
                self.file(),
                self.deadline,
                table,
                &Query::active_email(&email),
            )
            .await;
        let rows = match found {
            Ok(found) => found.rows,
            // A service account that may not read people still creates records.
            Err(error @ (CallError::Refused { .. } | CallError::NotFound)) => {
                tracing::warn!(tenant = %self.post.tenant, table, %error, "people cannot be looked up");
                return Ok(Person::None);
            }
            Err(error) => return Err(error.into()),
        };
        let mut ids = rows
            .iter()
            .filter_map(|row| row.get("sys_id").and_then(|id| SysId::parse(id)));
        Ok(match (ids.next(), ids.next()) {
            (None, _) => Person::None,
            (Some(sys_id), None) => Person::One(sys_id),
            (Some(_), Some(_)) => Person::Several,
        })
    }
}

enum Person {
    One(SysId),
    None,
    Several,
}

/// The states in which a record of the table is closed (resolved counts as closed).
const fn closed_states(table: Table) -> &'static [&'static str] {
    match table {
        Table::Incident => &["6", "7", "8"],
        Table::Case => &["3", "6", "7"],
    }
}

/// The state of a record that is being worked on: *In Progress* of incidents, *Open* of cases.
const fn open_state(table: Table) -> &'static str {
    match table {
        Table::Incident => "2",
        Table::Case => "10",
    }
}
