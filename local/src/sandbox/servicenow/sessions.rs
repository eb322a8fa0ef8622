//! The app's list of sessions.

use askama::Template;

use super::records::key;
use super::sentences::session_column;
use super::{PANEL, Tab, Window, tabs};
use crate::multicall::MulticallError;
use crate::sandbox::Sandbox;
use crate::sandbox::panel::{Panel, Selection};
use crate::servicenow::Record;

pub(super) const VIEW: &str = "sessions";

/// How many the list shows at a time.
const LISTED: usize = 20;

/// The table of the app's rows.
pub(super) const TABLE: &str = "x_rescue_conn_session";

/// The columns that a row in the list shows beside session, record and state.
const DETAILS: [&str; 4] = ["technician", "started_at", "closed_at", "work_time"];

#[derive(Template)]
#[template(path = "sandbox/servicenow/sessions.html")]
struct Sessions {
    tabs: Vec<Tab>,
    window: Window<Row>,
    command: String,
}

struct Row {
    session: String,
    /// The row's own form.
    link: String,
    state: String,
    /// Name and form of its record.
    record: Option<(String, String)>,
    details: Vec<(String, String)>,
}

/// Name and form of a session's record.
pub(super) fn record(row: &Record, selection: &Selection) -> Option<(String, String)> {
    [("task", "record"), ("interaction", "interaction")]
        .into_iter()
        .find(|(_, column)| !row.raw(column).is_empty())
        .map(|(table, column)| {
            let key = format!("{table}:{}", row.raw(column));
            (row.shown(column).to_owned(), selection.form_link(&key))
        })
}

/// Everything that a form shows of a session at once.
pub(super) fn all_columns(row: &Record) -> Vec<(String, String)> {
    let columns = ["state"].into_iter().chain(DETAILS);
    filled(row, columns.chain(["source", "pin"]))
}

/// These columns with their labels, where they are not empty.
fn filled(row: &Record, columns: impl IntoIterator<Item = &'static str>) -> Vec<(String, String)> {
    let filled = columns.into_iter().filter_map(|column| {
        let shown = match (column, row.shown.get(column)?.as_str()) {
            ("pin", "true") => "yes",
            ("pin", "false") => "no",
            (_, shown) => shown,
        };
        Some((session_column(column), shown.to_owned()))
    });
    filled.collect()
}

pub(super) fn panel(sandbox: &Sandbox, selection: &Selection) -> Result<Panel, MulticallError> {
    let instance = &sandbox.cloud.servicenow;
    let row = |row: Record| Row {
        link: selection.form_link(&key(&row)),
        record: record(&row, selection),
        state: row.shown("state").to_owned(),
        details: filled(&row, DETAILS),
        session: row.name,
    };
    let sessions = Sessions {
        tabs: tabs(sandbox, selection),
        window: Window::of(selection, LISTED, |skipped, count| {
            let rows = instance.newest_sessions(skipped, count);
            rows.into_iter().map(row).collect()
        }),
        command: format!(
            "{} sessions list {}",
            sandbox.cli,
            crate::demo_tenant::TENANT
        ),
    };
    Ok(Panel::render(PANEL, &sessions)?)
}
