//! What people see of records in lists and on forms, without access rules.

use std::collections::BTreeMap;

use shared::domain::clock::Timestamp;

use super::Mail;
use super::state::{self, InstanceState, Row};
use super::table::on_a_form;
use super::{Simulator, administrator, attachment, schema};
use crate::lock::lock;

/// A record as a list or a form shows it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The table that it is in.
    pub(crate) table: String,
    pub(crate) sys_id: String,
    /// What it is called where it is referred to: its number, for most tables.
    pub(crate) name: String,
    /// The columns as the database has them.
    raw: Row,
    /// The columns that are not empty, as they are shown.
    pub(crate) shown: BTreeMap<String, String>,
}

/// An entry of a journal field.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) at: Timestamp,
    pub(crate) author: String,
    pub(crate) text: String,
}

/// A file of a record.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) sys_id: String,
    pub(crate) name: String,
    /// Its content as text, up to [`ATTACHMENT_START`] bytes.
    pub(crate) start: String,
    pub(crate) is_cut: bool,
}

/// How much of an attachment a form has.
const ATTACHMENT_START: usize = 6_000;

/// The newest entries of a list, and how many there are.
#[derive(Clone, Debug)]
pub(crate) struct Entries<T> {
    pub(crate) count: usize,
    pub(crate) newest: Vec<T>,
}

impl<T> Entries<T> {
    /// Makes so many of the entries, the newest first; the others are only counted.
    fn of<S>(all: impl Iterator<Item = S>, most: usize, mut make: impl FnMut(S) -> T) -> Self {
        let (mut count, mut newest) = (0, Vec::new());
        for one in all {
            count += 1;
            if newest.len() < most {
                newest.push(make(one));
            }
        }
        Self { count, newest }
    }

    /// The same entries in another form.
    pub(crate) fn map<U>(self, make: impl FnMut(T) -> U) -> Entries<U> {
        Entries {
            count: self.count,
            newest: self.newest.into_iter().map(make).collect(),
        }
    }
}

/// A record with the newest of what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) record: Record,
    pub(crate) work_notes: Entries<Note>,
    pub(crate) comments: Entries<Note>,
    pub(crate) attachments: Entries<Attachment>,
    /// The app's rows of its sessions.
    pub(crate) sessions: Entries<Record>,
}

impl Record {
    fn of(state: &InstanceState, table: &str, row: &Row) -> Self {
        let display = state.table(table).map_or("", |table| &table.display);
        Self {
            table: table.to_owned(),
            sys_id: state::value(row, "sys_id").to_owned(),
            name: state::value(row, display).to_owned(),
            raw: row.clone(),
            shown: shown(state, table, row).collect(),
        }
    }

    /// A column as the database has it, empty when it has no value.
    pub(crate) fn raw(&self, column: &str) -> &str {
        state::value(&self.raw, column)
    }

    /// A column as it is shown, empty when it has no value.
    pub(crate) fn shown(&self, column: &str) -> &str {
        state::value(&self.shown, column)
    }
}

/// The tables of records that people work on, or that the app or an administrator brought.
pub(super) fn tables(state: &InstanceState) -> impl Iterator<Item = &schema::Table> {
    let hidden = [
        schema::USERS,
        schema::CONTACTS,
        schema::CONSUMERS,
        schema::ATTACHMENTS,
    ];
    let tables = state.installed_tables();
    tables.filter(move |table| !hidden.contains(&table.name.as_str()))
}

/// The columns of a row that are not empty, as a form shows them. Where a reference leads to no record, its value still
/// tells something.
pub(super) fn shown(
    state: &InstanceState,
    table: &str,
    row: &Row,
) -> impl Iterator<Item = (String, String)> {
    let filled = row.iter().filter(|(_, value)| !value.is_empty());
    filled.map(move |(column, value)| {
        let shown = on_a_form(state, table, row, column);
        let shown = Some(shown).filter(|shown| !shown.is_empty());
        (column.clone(), shown.unwrap_or_else(|| value.clone()))
    })
}

impl Simulator {
    /// So many records of all tables but the one of sessions, the newest first, without the `skipped` newest ones.
    pub(crate) fn newest_records(&self, skipped: usize, count: usize) -> Vec<Record> {
        let state = lock(&self.system.state);
        let tables = tables(&state).filter(|table| table.name != schema::SESSIONS);
        let mut rows: Vec<(&str, &Row)> = tables
            .flat_map(|table| newest(&state, &table.name).take(skipped.saturating_add(count)))
            .collect();
        // Stable: records of the same second stay in the order of their creation.
        rows.sort_by(|(_, one), (_, other)| created(other).cmp(created(one)));
        let rows = rows.into_iter().skip(skipped).take(count);
        rows.map(|(table, row)| Record::of(&state, table, row))
            .collect()
    }

    /// So many of the app's rows of sessions, the newest first, without the `skipped` newest ones.
    pub(crate) fn newest_sessions(&self, skipped: usize, count: usize) -> Vec<Record> {
        let state = lock(&self.system.state);
        let rows = newest(&state, schema::SESSIONS).skip(skipped).take(count);
        rows.map(|(table, row)| Record::of(&state, table, row))
            .collect()
    }

    /// So many e-mails, the newest first, without the `skipped` newest ones.
    pub(crate) fn newest_mails(&self, skipped: usize, count: usize) -> Vec<Mail> {
        let state = lock(&self.system.state);
        let mails = state.mails.iter().rev();
        mails.skip(skipped).take(count).cloned().collect()
    }

    /// The `sys_id` of the newest incident.
    pub(crate) fn newest_incident(&self) -> Option<String> {
        let state = lock(&self.system.state);
        let (_, row) = newest(&state, schema::INCIDENTS).next()?;
        Some(state::value(row, "sys_id").to_owned())
    }

    /// A record.
    pub(crate) fn find_record(&self, table: &str, sys_id: &str) -> Option<Record> {
        let state = lock(&self.system.state);
        let (table, row) = state.find(table, sys_id)?;
        Some(Record::of(&state, table, row))
    }

    /// A record's form with so many entries of each list, at the most.
    pub(crate) fn form(&self, table: &str, sys_id: &str, most: usize) -> Option<Form> {
        let state = lock(&self.system.state);
        let (table, row) = state.find(table, sys_id)?;
        let journal = |element: &str| {
            let entries = state.journal.iter().rev();
            let entries = entries.filter(|one| one.element_id == sys_id && one.element == element);
            Entries::of(entries, most, |entry| Note {
                at: entry.at,
                author: entry.author.clone(),
                text: entry.value.clone(),
            })
        };
        let refers =
            |row: &Row, columns: &[&str]| columns.iter().any(|c| state::value(row, c) == sys_id);
        let attachments =
            newest(&state, schema::ATTACHMENTS).filter(|(_, row)| refers(row, &["table_sys_id"]));
        let sessions = newest(&state, schema::SESSIONS)
            .filter(|(_, row)| refers(row, &["record", "interaction"]));
        Some(Form {
            record: Record::of(&state, table, row),
            work_notes: journal("work_notes"),
            comments: journal("comments"),
            attachments: Entries::of(attachments, most, |(_, row)| attached(&state, row)),
            sessions: Entries::of(sessions, most, |(table, row)| {
                Record::of(&state, table, row)
            }),
        })
    }

    /// The work notes that are newer than so many entries of all journal fields, each with what its record is called; and how
    /// many entries there are now.
    pub(crate) fn work_notes_after(&self, entries: usize) -> (Vec<(String, String)>, usize) {
        let state = lock(&self.system.state);
        let new = state.journal.iter().skip(entries);
        let notes = new.filter(|entry| entry.element == "work_notes");
        let notes = notes.filter_map(|entry| {
            let found = tables(&state).find_map(|table| {
                let mut rows = newest(&state, &table.name);
                let (_, row) =
                    rows.find(|(_, row)| state::value(row, "sys_id") == entry.element_id)?;
                Some(state::value(row, &table.display).to_owned())
            });
            Some((found?, entry.value.clone()))
        });
        (notes.collect(), state.journal.len())
    }

    /// Name and e-mail address of the person that the first filled one of these references leads to.
    pub(crate) fn person(&self, record: &Record, references: &[&str]) -> Option<(String, String)> {
        let state = lock(&self.system.state);
        let caller = administrator();
        references.iter().find_map(|reference| {
            let row = Some(&record.raw);
            let field = state.follow(&caller, &record.table, row, reference)?;
            let row = field.row?;
            let is_filled = !state::value(row, field.column).is_empty();
            let email = format!("{}.email", field.column);
            is_filled.then(|| {
                let name = on_a_form(&state, field.table, row, field.column);
                (name, state.walk(field.table, row, &email))
            })
        })
    }

    /// The `sys_id` of an active user.
    pub(crate) fn user_id(&self, user_name: &str) -> Option<String> {
        let user = lock(&self.system.state).active_user(user_name);
        user.map(|user| user.sys_id)
    }

    /// Closes a record.
    pub(crate) fn close(&self, record: &Record) {
        self.set_state(record, |table| table.closed_states.first().cloned());
    }

    /// Opens a closed record again, in this state; an empty one is the state of new records.
    pub(crate) fn reopen(&self, record: &Record, open_state: &str) {
        self.set_state(record, |table| {
            let first = table.defaults.iter().find(|(column, _)| column == "state");
            let first = first.map_or("", |(_, value)| value);
            let states = [open_state, first].into_iter();
            let state = states.map(str::to_owned).find(|state| !state.is_empty());
            state.filter(|_| !table.closed_states.is_empty())
        });
    }

    /// Where the table has no states that close its records, the column `active` does.
    fn set_state(&self, record: &Record, state: impl FnOnce(&schema::Table) -> Option<String>) {
        let state = lock(&self.system.state)
            .table(&record.table)
            .and_then(state);
        let is_active = record.raw("active") == "true";
        match state {
            Some(state) => self.set_field(&record.table, &record.sys_id, "state", &state),
            None => {
                let turned = (!is_active).to_string();
                self.set_field(&record.table, &record.sys_id, "active", &turned);
            }
        }
    }
}

fn attached(state: &InstanceState, row: &Row) -> Attachment {
    let sys_id = state::value(row, "sys_id");
    let (start, is_cut) = attachment::start(state, sys_id, ATTACHMENT_START);
    Attachment {
        sys_id: sys_id.to_owned(),
        name: state::value(row, "file_name").to_owned(),
        start: String::from_utf8_lossy(&start).into_owned(),
        is_cut,
    }
}

/// A table's own rows, the newest first.
fn newest<'a>(
    state: &'a InstanceState,
    table: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Row)> {
    let rows = state.tables.get(table).into_iter().flatten().rev();
    rows.map(move |row| (table, row))
}

fn created(row: &Row) -> &str {
    state::value(row, "sys_created_on")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::domain::clock::Clock;

    use super::*;
    use crate::servicenow::{Options, User};

    fn instance() -> (Simulator, Clock) {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let instance = Simulator::start(Options::new(clock.clone()));
        (instance.expect("started"), clock)
    }

    #[test]
    fn the_newest_records_of_all_tables_come_first_and_users_are_none() {
        let (instance, clock) = instance();
        instance.add_user(User::new("a@acme.test", "A"));
        let mut numbers = Vec::new();
        for table in ["incident", "problem", "incident", "problem"] {
            numbers.push(instance.add_record(table, &[]).number);
            clock.advance(Duration::from_secs(1));
        }
        numbers.reverse();
        let names = |skipped, count| -> Vec<String> {
            let records = instance.newest_records(skipped, count).into_iter();
            records.map(|record| record.name).collect()
        };
        assert_eq!(names(0, 9), numbers);
        assert_eq!(names(1, 2), numbers[1..3]);
        assert_eq!(names(usize::MAX, 2), [""; 0]);
    }

    #[test]
    fn a_person_is_found_by_the_first_reference_that_is_filled() {
        let (instance, _) = instance();
        let user = instance.add_user(User::new("a@acme.test", "A"));
        let created = instance.add_incident(&[("caller_id", &user)]);
        let record = instance.find_record("incident", &created.sys_id);
        let record = record.expect("there");
        let person = instance.person(&record, &["resolved_by", "caller_id"]);
        assert_eq!(person, Some(("A".to_owned(), "a@acme.test".to_owned())));
        assert_eq!(instance.person(&record, &["assigned_to", "x.y"]), None);
    }

    #[test]
    fn work_notes_of_every_table_are_told_once_with_their_records_names() {
        let (instance, _) = instance();
        let mut told = 0;
        let mut news = || {
            let (notes, entries) = instance.work_notes_after(told);
            told = entries;
            notes
        };
        let write = |table, text| {
            let created = instance.add_record(table, &[("work_notes", text)]);
            (created.number, text.to_owned())
        };
        assert_eq!(news(), []);
        let written = [write("incident", "one"), write("problem", "two")];
        assert_eq!(news(), written);
        instance.add_record("incident", &[("comments", "no work note")]);
        let last = write("incident", "three");
        assert_eq!(news(), [last]);
        assert_eq!(news(), []);
    }

    #[test]
    fn a_record_is_closed_and_opened_again() {
        let (instance, _) = instance();
        let created = instance.add_incident(&[]);
        let record = || {
            let record = instance.find_record("incident", &created.sys_id);
            record.expect("there")
        };
        let state = || {
            (
                record().shown("state").to_owned(),
                record().raw("active") == "true",
            )
        };
        instance.close(&record());
        assert_eq!(state(), ("Closed".to_owned(), false));
        instance.reopen(&record(), "2");
        assert_eq!(state(), ("In Progress".to_owned(), true));
        instance.close(&record());
        instance.reopen(&record(), "");
        assert_eq!(state(), ("New".to_owned(), true));
    }

    #[test]
    fn a_form_counts_all_entries_and_has_the_newest() {
        let state: Vec<u32> = (0..7_000).collect();
        let mut made = 0;
        let entries = Entries::of(state.iter().rev(), 2, |entry| {
            made += 1;
            *entry
        });
        assert_eq!(entries.count, 7_000);
        assert_eq!((entries.newest, made), (vec![6_999, 6_998], 2));
    }
}
