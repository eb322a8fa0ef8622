//! The few pages that a person opens in a browser: records with their notes, attachments and the e-mails that were sent.
//!
//! A real instance asks for a sign-in and shows far more. Links to records have its two forms:
//! `/incident.do?sys_id=…`, and `/nav_to.do?uri=` with that behind it, percent-encoded
//! (ServiceNow documentation, "Navigate to a record or module by URL").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::state::{self, InstanceState, Row};
use super::table::display_value;
use super::{forms, journal, schema};
use crate::markup::escaped;
use crate::sandbox_link::link;
use crate::simulator::{RecordedRequest, SimulatorResponse, with_links};

/// The list of e-mails.
pub const MAILS_PATH: &str = "/sys_email_list.do";

/// The page of a path; `None` when there is no such page.
pub(super) fn answer(
    state: &InstanceState,
    request: &RecordedRequest,
    sandbox: Option<&str>,
) -> Option<SimulatorResponse> {
    if request.method != "GET" {
        return None;
    }
    let target = match request.path.as_str() {
        "/nav_to.do" => request.parameter("uri")?.trim_start_matches('/').to_owned(),
        path => format!("{}?{}", path.trim_start_matches('/'), request.raw_query),
    };
    let (page, query) = target.split_once('?').unwrap_or((&target, ""));
    let sys_id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "sys_id");
    match page {
        "" => Some(home(state, sandbox)),
        "sys_email_list.do" => Some(mails(state)),
        "sys_attachment.do" => attachment(state, &sys_id?.1),
        _ => record(state, page.strip_suffix(".do")?, &sys_id?.1),
    }
}

fn home(state: &InstanceState, sandbox: Option<&str>) -> SimulatorResponse {
    let sandbox = sandbox.map(|sandbox| format!("<p>{}</p>", link(sandbox)));
    let mut body = sandbox.unwrap_or_default();
    body += &format!("<p><a href=\"{MAILS_PATH}\">E-mails</a></p>");
    for table in forms::tables(state) {
        let rows = state.tables.get(&table.name);
        let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
            continue;
        };
        body += &format!("<h2>{}</h2><ul>", escaped(&table.title));
        for row in rows {
            body += &format!(
                "<li><a href=\"/{}.do?sys_id={}\">{}</a> {}</li>",
                escaped(&table.name),
                state::value(row, "sys_id"),
                escaped(state::value(row, &table.display)),
                escaped(state::value(row, "short_description")),
            );
        }
        body += "</ul>";
    }
    SimulatorResponse::page("ServiceNow", &body)
}

fn record(state: &InstanceState, table: &str, sys_id: &str) -> Option<SimulatorResponse> {
    let (table, row) = state.visible(table, sys_id)?;
    let mut body = String::from("<table>");
    for (column, shown) in forms::shown(state, table, row) {
        body += &format!(
            "<tr><th>{}</th><td>{}</td></tr>",
            escaped(&column),
            escaped(&shown)
        );
    }
    body += "</table>";
    for (element, title) in [("work_notes", "Work notes"), ("comments", "Comments")] {
        let entries = state.journal.iter().rev();
        let entries: Vec<_> = entries
            .filter(|entry| entry.element_id == sys_id && entry.element == element)
            .collect();
        let has_notes = element == "work_notes" && state.column(table, element).is_some();
        if has_notes || !entries.is_empty() {
            body += &format!("<h2>{title}: {}</h2>", entries.len());
        }
        for entry in entries {
            body += &format!(
                "<p>{} {}</p><pre>{}</pre>",
                journal::written(entry.at),
                escaped(&entry.author),
                with_links(&entry.value)
            );
        }
    }
    let attachments: Vec<&Row> = state
        .tables
        .get(schema::ATTACHMENTS)
        .into_iter()
        .flatten()
        .filter(|file| state::value(file, "table_sys_id") == sys_id)
        .collect();
    body += &format!("<h2>Attachments: {}</h2><ul>", attachments.len());
    for file in attachments {
        body += &format!(
            "<li><a href=\"/sys_attachment.do?sys_id={}\">{}</a></li>",
            state::value(file, "sys_id"),
            escaped(state::value(file, "file_name"))
        );
    }
    body += "</ul><p><a href=\"/\">All records</a></p>";
    let name = display_value(state, table, sys_id);
    let title = format!("{name} {}", state::value(row, "short_description"));
    Some(SimulatorResponse::page(title.trim(), &body))
}

/// As plain text, so that no text from outside runs in a browser.
fn attachment(state: &InstanceState, sys_id: &str) -> Option<SimulatorResponse> {
    let content = STANDARD.decode(state.contents.get(sys_id)?).ok()?;
    Some(
        SimulatorResponse::new(200, "text/plain;charset=UTF-8", content)
            .with_header("x-content-type-options", "nosniff"),
    )
}

fn mails(state: &InstanceState) -> SimulatorResponse {
    let mut body = format!(
        "<p>Sent so far: {}, the newest first.</p>",
        state.mails.len()
    );
    for mail in state.mails.iter().rev() {
        body += &format!(
            "<h2>{}</h2><p>{} to {}",
            escaped(&mail.subject),
            journal::written(mail.at),
            escaped(&mail.to.join(", "))
        );
        if !mail.table_record_id.is_empty() {
            body += &format!(
                ", about <a href=\"/{}.do?sys_id={}\">this record</a>",
                escaped(&mail.table_name),
                escaped(&mail.table_record_id)
            );
        }
        body += &format!("</p><pre>{}</pre>", with_links(&mail.text));
    }
    body += "<p><a href=\"/\">All records</a></p>";
    SimulatorResponse::page("E-mails", &body)
}
