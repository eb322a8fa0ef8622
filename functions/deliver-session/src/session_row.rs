//! The session's row in the tenant's table of sessions: one row per session, to report on (docs/servicenow-app.md#sessions-and-reports).
//!
//! Setting a column twice does no harm, so a row needs no marker: a call whose outcome is not known is repeated. Two posts
//! that insert at once make one row, because its column `session` is unique.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use shared::aws::ledger::SessionRow;
use shared::domain::clock::Timestamp;
use shared::domain::plain_text::one_line;
use shared::domain::record::{RecordRef, SysId, TableName};
use shared::domain::session::{Event, Source};
use shared::rescue::report;
use shared::servicenow::client::{CallError, Columns};
use shared::servicenow::query::{Email, Query};
use shared::servicenow::text;

use crate::attempt::Attempt;
use crate::column_values::{date_time, duration, integer};
use crate::failure::AttemptFailure;
use crate::lookup::Person;
use crate::note::Published;

/// The longest reason in the ledger, in characters.
const LONGEST_REASON: usize = 300;

/// How long a technician's user record, or its absence, is cached.
const TECHNICIAN_FRESH_FOR: Duration = Duration::from_secs(600);

/// A reference to the record of an interaction, which is no task, has a column of its own.
const INTERACTION: &str = "interaction";
const RECORD: &str = "record";

const TECHNICIAN_EMAIL: &str = "technician_email";

/// A variable's value as a column of the row takes it.
type Written = fn(&str) -> Option<String>;

/// The columns of a new row, and those that a post changes in one that exists.
struct RowColumns {
    inserted: Columns,
    changed: Columns,
}

impl Attempt<'_> {
    /// Writes the session's row, once per attempt and record. `record`: `None` for a session without one.
    ///
    /// A row that ServiceNow refuses does not hold up the note, and one that fails does so once: the reason is in the ledger
    /// and the log, and a metric counts it when the post is delivered.
    ///
    /// # Errors
    /// When ServiceNow or the ledger does not answer.
    // Boxed: its code is then in the program once, and not at each of its callers (decision 0008).
    pub(crate) fn write_row<'s>(
        &'s mut self,
        record: Option<&'s RecordRef>,
    ) -> LocalBoxFuture<'s, Result<(), AttemptFailure>> {
        self.row_for(record).boxed_local()
    }

    async fn row_for(&mut self, record: Option<&RecordRef>) -> Result<(), AttemptFailure> {
        let name = &self.file().sessions.session_table;
        let is_written = self.row_of.as_ref().is_some_and(|of| of.as_ref() == record);
        // A post that waited too long is only looked for.
        if name.is_empty() || is_written || self.give_up_as.is_some() {
            return Ok(());
        }
        let written = match TableName::parse(name) {
            Some(table) => self.write_row_to(&table, record).await,
            None => return Ok(()),
        };
        match written {
            Ok(()) => {}
            Err(AttemptFailure::ServiceNow(error)) if self.gives_row_up(&error) => {
                self.go_on_without_row(&error.to_string());
            }
            Err(AttemptFailure::ServiceNow(error)) => return Err(error.without_effect().into()),
            Err(failure) => return Err(failure),
        }
        self.row_of = Some(record.cloned());
        Ok(())
    }

    /// Whether the post is written without its row.
    fn gives_row_up(&self, error: &CallError) -> bool {
        match error {
            CallError::Refused { .. } | CallError::NotFound => true,
            CallError::Unknown { .. } | CallError::Unavailable { .. } => self.attempts > 0,
            _ => false,
        }
    }

    /// Stores why the session's row was not written.
    pub(crate) fn go_on_without_row(&mut self, reason: &str) {
        let reason: String = one_line(reason).chars().take(LONGEST_REASON).collect();
        let table = &self.file().sessions.session_table;
        tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, table, reason,
            "the session's row is not written");
        self.details.row_refused = Some(reason);
    }

    async fn write_row_to(
        &mut self,
        table: &TableName,
        record: Option<&RecordRef>,
    ) -> Result<(), AttemptFailure> {
        let mut columns = self.row_columns(record).await?;
        if let Some(row) = self.row.clone() {
            match self.change_row(table, &row.sys_id, &columns).await {
                Ok(()) if row.has_start || self.started_at().is_none() => return Ok(()),
                Ok(()) => return self.store_row(row.sys_id).await,
                // The row was deleted. Another one knows nothing of what earlier posts wrote.
                Err(AttemptFailure::ServiceNow(CallError::NotFound)) => {
                    self.row = None;
                    columns = self.row_columns(record).await?;
                }
                Err(failure) => return Err(failure),
            }
        }
        if let Some(found) = self.find_row(table).await? {
            self.change_row(table, &found, &columns).await?;
            return self.store_row(found).await;
        }
        let refused = match self.insert_row(table, &columns.inserted).await {
            Ok(sys_id) => return self.store_row(sys_id).await,
            Err(AttemptFailure::ServiceNow(error @ CallError::Refused { .. })) => error,
            Err(failure) => return Err(failure),
        };
        // Another post of the session may have inserted the row, whose session is unique.
        let Some(found) = self.find_row(table).await? else {
            return Err(refused.into());
        };
        self.change_row(table, &found, &columns).await?;
        self.store_row(found).await
    }

    async fn find_row(&self, table: &TableName) -> Result<Option<SysId>, AttemptFailure> {
        let query = Query::session(&self.post.session_id);
        let found = self.servicenow.find(table.as_str(), &query).await?;
        if found.rows.is_empty() && found.incomparable {
            return Err(CallError::Refused {
                status: 403,
                message: "the column session may not be read".to_owned(),
            }
            .into());
        }
        let ids = found.rows.iter().filter_map(|row| row.get("sys_id"));
        Ok(ids.filter_map(|id| SysId::parse(id)).next())
    }

    async fn insert_row(
        &mut self,
        table: &TableName,
        columns: &Columns,
    ) -> Result<SysId, AttemptFailure> {
        let created = self.servicenow.create(table, columns, "").await?;
        self.step("session row inserted", created.record.sys_id.as_str());
        self.report_dropped_of_row(table, &created.written.dropped);
        Ok(created.record.sys_id)
    }

    async fn change_row(
        &mut self,
        table: &TableName,
        sys_id: &SysId,
        columns: &RowColumns,
    ) -> Result<(), AttemptFailure> {
        if columns.changed.is_empty() {
            return Ok(());
        }
        let row = (table.as_str(), sys_id);
        let written = self
            .servicenow
            .update_row(row, &columns.changed, "")
            .await?;
        self.step("session row changed", sys_id.as_str());
        self.report_dropped_of_row(table, &written.dropped);
        Ok(())
    }

    fn report_dropped_of_row(&mut self, table: &TableName, dropped: &BTreeSet<String>) {
        let mut named = BTreeSet::new();
        for column in dropped {
            named.insert(format!("{table}.{column}"));
        }
        self.report_dropped(&named);
    }

    /// Stores which row is the session's for its other posts.
    async fn store_row(&mut self, sys_id: SysId) -> Result<(), AttemptFailure> {
        let started = self.row.as_ref().is_some_and(|row| row.has_start);
        let row = SessionRow {
            sys_id,
            has_start: started || self.started_at().is_some(),
        };
        let (tenant, session) = (&self.post.tenant, &self.post.session_id);
        self.function
            .ledger
            .store_row(tenant, session, &row)
            .await?;
        self.row = Some(row);
        Ok(())
    }

    /// When the session started, as far as this post knows: a start's own time, or the report's.
    fn started_at(&self) -> Option<Timestamp> {
        match self.post.event {
            Event::Started => Some(self.post.received_at),
            Event::Ended => self.reported("PickupTime"),
        }
    }

    /// When the session ended; `None` for a start. A report knows it better than the moment at which its post was made.
    fn closed_at(&self) -> Option<Timestamp> {
        match self.post.event {
            Event::Started => None,
            Event::Ended => Some(
                self.reported("ClosingTime")
                    .unwrap_or(self.post.received_at),
            ),
        }
    }

    /// A moment of Rescue's report; `None` in what Rescue posted, whose moments name no zone.
    fn reported(&self, variable: &str) -> Option<Timestamp> {
        match self.post.source {
            Source::Post => None,
            Source::Report => report::moment(self.post.fields.find(variable)?),
        }
    }

    /// What the row says after this post. A start post never undoes what the end post wrote: in a row that exists it
    /// changes nothing but the time of the start, and that only once.
    async fn row_columns(&self, record: Option<&RecordRef>) -> Result<RowColumns, AttemptFailure> {
        let post = self.post;
        let of_record = record.map(|record| self.record_columns(record));
        let of_record = of_record.unwrap_or_default();
        let mut details = self.row_details();
        if details.contains_key(TECHNICIAN_EMAIL) {
            // Empty where the address is no user's: the row may have the technician of the start.
            let technician = self.technician().await?;
            let technician = technician.map(|id| id.to_string());
            details.insert("technician".to_owned(), technician.unwrap_or_default());
        }
        let pin = self.is_from_pin().await?;
        let is_end = post.event == Event::Ended;
        let has_start = self.row.as_ref().is_some_and(|row| row.has_start);
        let (mut inserted, mut changed) = (of_record.clone(), of_record);
        inserted.extend(details.clone());
        if is_end {
            changed.extend(details);
        }
        // Column, value, and whether a row that exists takes it.
        for (column, value, is_changed) in [
            ("session", Some(post.session_id.to_string()), false),
            ("state", Some(post.event.to_string()), is_end),
            ("source", Some(post.source.as_str().to_owned()), is_end),
            ("started_at", self.started_at().map(date_time), !has_start),
            ("closed_at", self.closed_at().map(date_time), true),
            ("pin", Some(pin.to_string()), pin),
        ] {
            let Some(value) = value else { continue };
            if is_changed {
                changed.insert(column.to_owned(), value.clone());
            }
            inserted.insert(column.to_owned(), value);
        }
        Ok(RowColumns { inserted, changed })
    }

    /// The reference to the record. A session may move from an interaction to another record, so the other reference is
    /// emptied, where the tenant works with interactions.
    fn record_columns(&self, record: &RecordRef) -> Columns {
        let mut columns = Columns::new();
        if self.tables.iter().any(|table| is_interaction(&table.name)) {
            columns.insert(INTERACTION.to_owned(), String::new());
            columns.insert(RECORD.to_owned(), String::new());
        }
        let column = if is_interaction(&record.table) {
            INTERACTION
        } else {
            RECORD
        };
        columns.insert(column.to_owned(), record.sys_id.to_string());
        columns
    }

    /// The columns that come from variables which the tenant publishes.
    fn row_details(&self) -> Columns {
        let published = Published {
            fields: &self.post.fields,
            settings: &self.file().sessions,
        };
        let text = |value: &str| Some(text::column_value(&one_line(value)));
        let of: [(&str, &str, Written); 7] = [
            ("technician_name", "TechName", text),
            (TECHNICIAN_EMAIL, "TechEmail", text),
            ("customer", "CField0", text),
            ("work_time", "WorkTime", duration),
            ("waiting_time", "WaitingTime", duration),
            ("platform", "Platform", text),
            ("transmitted", "Transmitted", integer),
        ];
        let mut columns = Columns::new();
        columns.extend(of.into_iter().filter_map(|(column, variable, value)| {
            Some((column.to_owned(), value(published.value(variable)?)?))
        }));
        columns
    }

    /// The technician's user record, when exactly one has the published address.
    async fn technician(&self) -> Result<Option<SysId>, AttemptFailure> {
        let published = Published {
            fields: &self.post.fields,
            settings: &self.file().sessions,
        };
        // An address is short, and so is the key of the cache.
        let Some(email) = published.value("TechEmail").and_then(Email::parse) else {
            return Ok(None);
        };
        let email = email.as_str();
        let technicians = &self.function.technicians;
        let key = (self.post.tenant.clone(), email.to_lowercase());
        let now = self.function.clock.now();
        if let Some((technician, until)) = technicians.get(&key)
            && now < until
        {
            return Ok(technician);
        }
        let technician = match self.person("sys_user", email).await? {
            Person::One(sys_id) => Some(sys_id),
            Person::None | Person::Several => None,
        };
        technicians.insert(key, (technician.clone(), now.plus(TECHNICIAN_FRESH_FOR)));
        Ok(technician)
    }

    /// Whether the session was started with a PIN of this connector.
    async fn is_from_pin(&self) -> Result<bool, AttemptFailure> {
        let Some(tracking) = self.post.fields.find("Tracking0") else {
            return Ok(false);
        };
        // A row that exists knows it already.
        if self.row.is_some() || self.is_signed == Some(false) {
            return Ok(false);
        }
        Ok(self.is_signed == Some(true) || self.signed_reference(tracking).await?.is_some())
    }
}

fn is_interaction(table: &TableName) -> bool {
    table.as_str() == INTERACTION
}
