//! Creating the record of a session, once.

use shared::aws::ledger::CreationClaim;
use shared::domain::record::{RecordRef, TableName};
use shared::domain::record_tables::RecordTable;
use shared::retry;
use shared::servicenow::client::{CallError, Columns};
use shared::servicenow::query::Query;

use crate::attempt::{Attempt, Effects};
use crate::failure::AttemptFailure;
use crate::lookup::Person;
use crate::note::{self, Remark};

impl Attempt<'_> {
    /// Creates the session's record with the post's note, or finds the one that an earlier attempt created.
    ///
    /// `follows` is the closed record that the new one replaces, and its number.
    ///
    /// # Errors
    /// [`AttemptFailure`].
    pub(crate) async fn create(
        &mut self,
        table: &RecordTable,
        follows: Option<(RecordRef, String)>,
    ) -> Result<(), AttemptFailure> {
        let session = &self.post.session_id;
        let correlation = match follows {
            None => Query::correlation_id(session),
            Some(_) => Query::follow_up_correlation_id(session, &self.post.digest),
        };
        // Without a closed record, `resolve` has just searched for it.
        if follows.is_some()
            && let Some(record) = self.by_query(&table.name, &correlation).await?
        {
            // The correlation id names this post, so an earlier attempt created the record.
            self.effects = Effects::NotePossible;
            return self.write_to_created(record).await;
        }
        let closed = follows.as_ref().map(|(record, _)| record);
        if let Some(record) = self
            .claim_creation(&table.name, closed, &correlation)
            .await?
        {
            return self.write_to_created(record).await;
        }
        if let Err(given_up) = self.continue_without_note() {
            self.release_creation().await;
            return Err(given_up);
        }
        let (mut columns, mut remarks) = self.people(table).await?;
        let number = follows.map(|(_, number)| number);
        remarks.extend(number.map(|number| Remark::FollowsClosedRecord { number }));
        let note = self.note(&remarks);
        columns.extend(self.columns_of_new_record(&correlation));
        if note.attachment.is_none() {
            columns.insert("work_notes".to_owned(), note.text.clone());
        }
        let marker = self.marker();
        let created = self.servicenow.create(&table.name, &columns, &marker).await;
        if let Err(CallError::Refused { .. } | CallError::NotFound) = created {
            self.release_creation().await;
        }
        let created = created?;
        self.step("record created", &created.number);
        self.effects = Effects::Written;
        self.store_record(&created.record).await?;
        self.report_dropped(&created.written.dropped);
        if note.attachment.is_some() {
            drop(note);
            self.append(&created.record, remarks, Columns::new()).await
        } else {
            let can_be_looked_for = created.written.note_seen() == Ok(true);
            self.check_note(&created.written)?;
            let row = self.write_row(Some(&created.record)).await;
            match row {
                // Another attempt would have to look for the note first.
                Err(failure) if !can_be_looked_for => {
                    self.go_on_without_row(&failure.to_string());
                    Ok(())
                }
                row => row,
            }
        }
    }

    /// Claims the creation, so that two posts of a session that are handled at once create one record. Returns the record
    /// when it exists.
    async fn claim_creation(
        &mut self,
        table: &TableName,
        closed: Option<&RecordRef>,
        correlation: &Query,
    ) -> Result<Option<RecordRef>, AttemptFailure> {
        let until = self.budget.end().plus(retry::UNKNOWN_OUTCOME_WAIT);
        let ledger = &self.function.ledger;
        match ledger.claim_creation(self.post, until, closed).await? {
            CreationClaim::Started {
                search_before_creating: false,
            } => Ok(None),
            CreationClaim::Started {
                search_before_creating: true,
            } => {
                // Another post may have created it, which says nothing about this post's note.
                let effects = std::mem::replace(&mut self.effects, Effects::NotePossible);
                let record = self.by_query(table, correlation).await?;
                if record.is_some() {
                    self.effects = effects;
                }
                Ok(record)
            }
            CreationClaim::Exists(record) => Ok(Some(record)),
            CreationClaim::Locked(until) => Err(AttemptFailure::CreatedElsewhere(until)),
        }
    }

    /// Lets the session's other posts create its record, after this attempt has not.
    async fn release_creation(&self) {
        if let Err(error) = self.function.ledger.release_creation(self.post).await {
            tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, %error,
                "the session's other posts wait until the claim ends by itself");
        }
    }

    fn columns_of_new_record(&self, correlation: &Query) -> Columns {
        let (settings, post) = (self.file(), self.post);
        let short_description = note::short_description(
            settings.language,
            &post.session_id,
            &post.fields,
            &settings.sessions,
        );
        let mut columns = self.columns();
        columns.insert("short_description".to_owned(), short_description);
        columns.extend(settings.sessions.new_record.columns.clone());
        columns.insert("correlation_id".to_owned(), correlation.value().to_owned());
        columns.insert(
            "correlation_display".to_owned(),
            "LogMeIn Rescue".to_owned(),
        );
        columns
    }

    /// The people of a new record, found by e-mail. A person who is not found is left out, and a remark says so.
    async fn people(&self, table: &RecordTable) -> Result<(Columns, Vec<Remark>), AttemptFailure> {
        let caller_field = self.file().sessions.new_record.caller_field.as_deref();
        let caller = caller_field.and_then(|name| self.post.fields.find(name));
        let caller = caller.filter(|_| !table.person.is_empty());
        let technician = self.post.fields.find("TechEmail");
        let (mut columns, mut remarks) = (Columns::new(), Vec::new());
        for (is_caller, table, column, email) in [
            (true, table.people.as_str(), table.person.as_str(), caller),
            (false, "sys_user", "assigned_to", technician),
        ] {
            let Some(email) = email else { continue };
            let person = self.person(table, email).await?;
            let email = email.to_owned();
            match (person, is_caller) {
                (Person::One(sys_id), _) => {
                    columns.insert(column.to_owned(), sys_id.to_string());
                }
                (Person::None, true) => remarks.push(Remark::CallerNotFound { email }),
                (Person::Several, true) => remarks.push(Remark::CallerAmbiguous { email }),
                (Person::None, false) => remarks.push(Remark::TechnicianNotFound { email }),
                (Person::Several, false) => remarks.push(Remark::TechnicianAmbiguous { email }),
            }
        }
        Ok((columns, remarks))
    }
}
