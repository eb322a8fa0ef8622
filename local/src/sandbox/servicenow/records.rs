//! Records: their list, and the form of the selected one.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde::Deserialize;
use shared::domain::record::TableName;
use shared::domain::record_tables::{RecordTable, RecordTables};

use super::pin;
use super::{PANEL, Tab, Window, label, sessions, tabs};
use crate::demo_tenant;
use crate::multicall::MulticallError;
use crate::sandbox::Sandbox;
use crate::sandbox::action::{Done, Fields, Outcome, Refused};
use crate::sandbox::panel::{Panel, RECORD, SKIPPED, Selection, VIEW};
use crate::servicenow::{Attachment, Entries, Note, Record};

/// How many records the list shows at a time.
const LISTED: usize = 20;
/// How many of its newest notes, comments, attachments and sessions a form shows; its own page in ServiceNow has all.
const SHOWN: usize = 20;

/// The columns that a form shows at once, where they are not empty.
const FIRST_COLUMNS: [&str; 9] = [
    "short_description",
    "state",
    "caller_id",
    "contact",
    "consumer",
    "opened_at",
    "time_worked",
    "correlation_display",
    "correlation_id",
];

const NEW_INCIDENT: &str = "servicenow/incident";

#[derive(Template)]
#[template(path = "sandbox/servicenow/records.html")]
struct Records {
    tabs: Vec<Tab>,
    window: Window<Row>,
    new_incident: String,
    form: Option<RecordForm>,
}

struct Row {
    link: String,
    name: String,
    description: String,
    state: String,
    is_selected: bool,
}

struct RecordForm {
    /// As [`RECORD`].
    key: String,
    name: String,
    /// Its own page in ServiceNow.
    page: String,
    columns: Vec<(String, String)>,
    /// Name and form of the record that a session belongs to.
    session_of: Option<(String, String)>,
    all_columns: Vec<(String, String)>,
    /// Whether people work on it: it has a number.
    is_work: bool,
    is_closed: bool,
    turn_command: String,
    pin: Option<pin::Shown>,
    pin_is_used: bool,
    pin_command: String,
    work_notes: Entries<Note>,
    comments: Entries<Note>,
    attachments: Entries<AttachedFile>,
    sessions: Entries<SessionRow>,
}

struct SessionRow {
    session: String,
    link: String,
    columns: Vec<(String, String)>,
}

struct AttachedFile {
    sys_id: String,
    name: String,
    /// Its own page in ServiceNow.
    page: String,
    start: String,
    is_cut: bool,
}

pub(super) fn panel(sandbox: &Sandbox, selection: &Selection) -> Result<Panel, MulticallError> {
    let instance = &sandbox.cloud.servicenow;
    let newest = || Some(format!("incident:{}", instance.newest_incident()?));
    let selected = selection.get(RECORD).map(str::to_owned).or_else(newest);
    let selected = selected.unwrap_or_default();
    let window = Window::of(selection, LISTED, |skipped, count| {
        let records = instance.newest_records(skipped, count).into_iter();
        let rows = records.map(|record| Row {
            link: selection.link(&[(RECORD, &key(&record))]),
            description: record.shown("short_description").to_owned(),
            state: record.shown("state").to_owned(),
            is_selected: key(&record) == selected,
            name: record.name,
        });
        rows.collect()
    });
    let records = Records {
        tabs: tabs(sandbox, selection),
        window,
        new_incident: sandbox.form_command(NEW_INCIDENT, &[("short_description", DESCRIPTION)]),
        form: form(sandbox, selection, &selected),
    };
    Ok(Panel::render(PANEL, &records)?)
}

/// A record as [`RECORD`] selects it.
pub(super) fn key(record: &Record) -> String {
    format!("{}:{}", record.table, record.sys_id)
}

fn form(sandbox: &Sandbox, selection: &Selection, selected: &str) -> Option<RecordForm> {
    let instance = &sandbox.cloud.servicenow;
    let (table, sys_id) = selected.split_once(':')?;
    let form = instance.form(table, sys_id, SHOWN)?;
    let record = &form.record;
    let base = instance.url();
    let columns = FIRST_COLUMNS.iter().filter_map(|column| {
        let shown = record.shown.get(*column)?;
        Some((label(column), shown.clone()))
    });
    let is_session = record.table == sessions::TABLE;
    let is_closed = record_type(record).is_closed(record.raw("active"), record.raw("state"));
    let turn = if is_closed { REOPEN } else { CLOSE };
    let attachment = |file: Attachment| AttachedFile {
        page: format!("{base}/sys_attachment.do?sys_id={}", file.sys_id),
        sys_id: file.sys_id,
        name: file.name,
        start: file.start,
        is_cut: file.is_cut,
    };
    let session = |row: Record| SessionRow {
        link: selection.link(&[(RECORD, &key(&row))]),
        columns: sessions::all_columns(&row),
        session: row.name,
    };
    let pin = sandbox
        .servicenow
        .pins
        .shown(record, sandbox.cloud.clock.now());
    Some(RecordForm {
        page: format!("{base}/{}.do?sys_id={}", record.table, record.sys_id),
        columns: match is_session {
            true => sessions::all_columns(record),
            false => columns.collect(),
        },
        session_of: is_session
            .then(|| sessions::record(record, selection))
            .flatten(),
        all_columns: record.shown.clone().into_iter().collect(),
        is_work: !record.raw("number").is_empty(),
        is_closed,
        turn_command: sandbox.form_command(turn, &[("record", selected)]),
        pin_is_used: matches!(&pin, Some(Ok(given)) if given.is_used(sandbox)),
        pin,
        pin_command: pin::command(sandbox, record),
        work_notes: form.work_notes,
        comments: form.comments,
        attachments: form.attachments.map(attachment),
        sessions: form.sessions.map(session),
        key: selected.to_owned(),
        name: form.record.name,
    })
}

/// What the connector knows of a record's table.
pub(super) fn record_type(record: &Record) -> RecordTable {
    let table = TableName::parse(&record.table).unwrap_or_else(TableName::incident);
    RecordTables::default().known(&table)
}

#[derive(Deserialize)]
pub(super) struct NewIncident {
    #[serde(default)]
    short_description: String,
}

/// What the field of a new incident holds first.
const DESCRIPTION: &str = "VPN disconnects every hour";

/// Adds an incident of the demo's customer, as an agent does.
pub(super) async fn add(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(new): Fields<NewIncident>,
) -> Outcome {
    let description = new.short_description.trim();
    if !(1..=160).contains(&description.chars().count()) {
        let message = "A short description has 1 to 160 characters.";
        return Err(Refused::input(message));
    }
    let added = demo_tenant::add_incident(&sandbox.cloud.servicenow, description);
    sandbox.changed();
    let done = Done::new(format!("{} is created.", added.number));
    let selected = format!("incident:{}", added.sys_id);
    let done = done.selecting(RECORD, selected).selecting(VIEW, "");
    Ok(done.selecting(SKIPPED, ""))
}

#[derive(Deserialize)]
pub(super) struct Selected {
    record: String,
}

const CLOSE: &str = "servicenow/close";
const REOPEN: &str = "servicenow/reopen";

pub(super) async fn close(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(selected): Fields<Selected>,
) -> Outcome {
    let record = record(&sandbox, &selected.record)?;
    sandbox.cloud.servicenow.close(&record);
    sandbox.changed();
    Ok(Done::new(format!("{} is closed.", record.name)))
}

pub(super) async fn reopen(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(selected): Fields<Selected>,
) -> Outcome {
    let record = record(&sandbox, &selected.record)?;
    let open_state = record_type(&record).open_state;
    sandbox.cloud.servicenow.reopen(&record, &open_state);
    sandbox.changed();
    Ok(Done::new(format!("{} is open again.", record.name)))
}

/// The record that a form names.
pub(super) fn record(sandbox: &Sandbox, key: &str) -> Result<Record, Refused> {
    let found = key.split_once(':');
    let found = found.and_then(|(table, id)| sandbox.cloud.servicenow.find_record(table, id));
    found.ok_or_else(|| Refused::input("There is no such record."))
}
