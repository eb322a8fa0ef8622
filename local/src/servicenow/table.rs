//! The Table API (docs/vendors.md#table-api).

use serde_json::{Map, Value, json};
use shared::domain::clock::Timestamp;

use super::query::Query;
use super::schema::{self, Kind};
use super::state::{self, Field, InstanceState, Principal, Row};
use super::{journal, refusal};
use crate::simulator::{RecordedRequest, SimulatorResponse};

/// The largest body that the REST APIs read (`glide.rest.max_content_length`).
const MAX_BODY: usize = 10_485_760;
const DEFAULT_LIMIT: usize = 10_000;

/// A request to the Table API.
pub(super) struct Call<'a> {
    pub(super) request: &'a RecordedRequest,
    pub(super) who: &'a Principal,
    pub(super) now: Timestamp,
    pub(super) table: &'a str,
    /// `v1` in the path: an empty list is a 404.
    pub(super) first_version: bool,
}

/// How values are shown: `sysparm_display_value` and `sysparm_exclude_reference_link`.
#[derive(Clone, Copy)]
struct View<'a> {
    display: Display,
    links: bool,
    fields: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Display {
    Raw,
    Shown,
    Both,
}

impl<'a> View<'a> {
    fn of(request: &'a RecordedRequest) -> Self {
        let display = match request.parameter("sysparm_display_value") {
            Some("true") => Display::Shown,
            Some("all") => Display::Both,
            _ => Display::Raw,
        };
        Self {
            display,
            links: request.parameter("sysparm_exclude_reference_link") != Some("true"),
            fields: request
                .parameter("sysparm_fields")
                .filter(|fields| !fields.is_empty()),
        }
    }
}

/// `/api/now[/v1|/v2]/table/{table}[/{sys_id}]`
pub(super) fn answer(
    state: &mut InstanceState,
    call: &Call<'_>,
    sys_id: Option<&str>,
) -> SimulatorResponse {
    if let Some(refused) = headers(call.request) {
        return refused;
    }
    if !state.has_table(call.table) {
        return refusal::invalid_table(call.table);
    }
    match (call.request.method.as_str(), sys_id) {
        ("GET", None) => list(state, call),
        ("GET", Some(sys_id)) => one(state, call, sys_id),
        ("POST", None) => create(state, call),
        ("PATCH" | "PUT", Some(sys_id)) => change(state, call, sys_id),
        (method, _) => {
            if method == "DELETE" {
                state
                    .violations
                    .push(format!("DELETE of {}", call.request.path));
            }
            refusal::method(method)
        }
    }
}

/// A body needs its `Content-Type`, and every call an `Accept` for JSON.
pub(super) fn headers(request: &RecordedRequest) -> Option<SimulatorResponse> {
    let Some(accept) = request.header("accept") else {
        return Some(refusal::bad_request(
            "Missing header",
            "Accept is mandatory",
        ));
    };
    if !accept.contains("application/json") && !accept.contains("*/*") {
        return Some(refusal::not_acceptable(accept));
    }
    if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        match request.header("content-type") {
            None => {
                return Some(refusal::bad_request(
                    "Missing header",
                    "Content-Type is mandatory",
                ));
            }
            Some(sent) if !request.is_of_type("application/json") => {
                return Some(refusal::media_type(sent));
            }
            Some(_) => {}
        }
    }
    None
}

/// The rows that a request's query finds among those of a table and of the tables that extend it.
pub(super) fn search<'a>(
    state: &'a InstanceState,
    request: &RecordedRequest,
    table: &'a str,
    violations: &mut Vec<String>,
) -> Vec<(&'a str, &'a Row)> {
    let plain = || {
        let pairs = request
            .query
            .iter()
            .filter(|(name, _)| !name.starts_with("sysparm_"));
        pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("^")
    };
    let text = request
        .parameter("sysparm_query")
        .map_or_else(plain, str::to_owned);
    let query = Query::parse(&text, |field| state.queryable(table, field));
    for script in &query.scripts {
        violations.push(format!("a query would have run a script: {script}"));
    }
    if query.dropped && state.rules.invalid_query_returns_no_rows {
        return Vec::new();
    }
    let mut found: Vec<_> = state
        .rows(table)
        .filter(|(_, row)| query.matches(|field| state.walk(table, row, field)))
        .collect();
    query.sort(&mut found, |(_, row), field| state.walk(table, row, field));
    found
}

fn list(state: &mut InstanceState, call: &Call<'_>) -> SimulatorResponse {
    if !state.may_read(call.who, call.table) {
        return refusal::query_denied(call.table);
    }
    let number = |name, default| {
        call.request
            .parameter(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (offset, limit) = (
        number("sysparm_offset", 0),
        number("sysparm_limit", DEFAULT_LIMIT),
    );
    let mut violations = Vec::new();
    let found = search(state, call.request, call.table, &mut violations);
    let total = found.len();
    let view = View::of(call.request);
    // The limit counts rows before the access rules take some away.
    let rows: Vec<Value> = found
        .into_iter()
        .skip(offset)
        .take(limit)
        .filter(|(_, row)| {
            !state
                .rules
                .hidden_records
                .contains(state::value(row, "sys_id"))
        })
        .map(|(class, row)| project(state, call, class, row, view))
        .collect();
    state.violations.append(&mut violations);
    if rows.is_empty() && call.first_version {
        return refusal::no_record();
    }
    let mut answer = SimulatorResponse::json(200, &json!({"result": rows}));
    if call.request.parameter("sysparm_no_count") != Some("true") {
        answer = answer.with_header("x-total-count", total.to_string());
    }
    if call.request.parameter("sysparm_suppress_pagination_header") != Some("true") {
        let base = format!("{}{}", origin(call.request), call.request.path);
        let link = format!("<{base}?sysparm_limit={limit}&sysparm_offset=0>;rel=\"first\"");
        answer = answer.with_header("link", link);
    }
    answer
}

fn one(state: &InstanceState, call: &Call<'_>, sys_id: &str) -> SimulatorResponse {
    if !state.may_read(call.who, call.table) {
        return refusal::query_denied(call.table);
    }
    match state.visible(call.table, sys_id) {
        Some((class, row)) => SimulatorResponse::json(
            200,
            &json!({"result": project(state, call, class, row, View::of(call.request))}),
        ),
        None => refusal::no_record(),
    }
}

fn create(state: &mut InstanceState, call: &Call<'_>) -> SimulatorResponse {
    let values = match body(call.request) {
        Ok(values) => values,
        Err(refused) => return refused,
    };
    if call.table == "task" || !state.may_write(call.who, call.table) {
        return refusal::acl("Insert");
    }
    if let Some(rule) = state.rules.aborting_rules.get(call.table) {
        return refusal::aborted(call.table, rule, &state::new_sys_id());
    }
    let values = writable(state, values);
    let sys_id = state.insert(call.table, call.who, call.now, &values);
    let location = format!(
        "{}/api/now/table/{}/{sys_id}",
        origin(call.request),
        call.table
    );
    written(state, call, call.table, &sys_id, 201).with_header("location", location)
}

fn change(state: &mut InstanceState, call: &Call<'_>, sys_id: &str) -> SimulatorResponse {
    let values = match body(call.request) {
        Ok(values) => values,
        Err(refused) => return refused,
    };
    let Some(table) = state
        .visible(call.table, sys_id)
        .map(|(class, _)| class.to_owned())
    else {
        return refusal::no_record();
    };
    if !state.may_read(call.who, &table) {
        return refusal::no_record();
    }
    if !state.may_write(call.who, &table) {
        return refusal::acl("Update");
    }
    if let Some(rule) = state.rules.aborting_rules.get(&table) {
        return refusal::aborted(&table, rule, &state::new_sys_id());
    }
    let values = writable(state, values);
    state.write(&table, sys_id, call.who, call.now, &values);
    written(state, call, &table, sys_id, 200)
}

/// The answer to a write: the record, unless the caller wants no body.
fn written(
    state: &InstanceState,
    call: &Call<'_>,
    table: &str,
    sys_id: &str,
    status: u16,
) -> SimulatorResponse {
    if call.request.header("x-no-response-body") == Some("true") {
        return SimulatorResponse::new(status, "application/json;charset=UTF-8", "");
    }
    let Some((class, row)) = state.find(table, sys_id) else {
        return refusal::no_record();
    };
    SimulatorResponse::json(
        status,
        &json!({"result": project(state, call, class, row, View::of(call.request))}),
    )
}

/// A column without write access silently keeps its value; the rest is written.
fn writable(state: &InstanceState, values: Vec<(String, String)>) -> Vec<(String, String)> {
    let refused = &state.rules.unwritable_columns;
    values
        .into_iter()
        .filter(|(column, _)| !refused.contains(column))
        .collect()
}

/// A JSON object's values as texts; of an array, its first member's.
fn body(request: &RecordedRequest) -> Result<Vec<(String, String)>, SimulatorResponse> {
    if request.body.len() > MAX_BODY {
        let detail = format!(
            "Rejected large REST payload with content-length = {} bytes. Max allowed: {MAX_BODY} bytes.",
            request.body.len()
        );
        return Err(refusal::bad_request(
            "Exception while reading request",
            &detail,
        ));
    }
    let malformed = || {
        refusal::bad_request(
            "Exception while reading request",
            "The payload is not valid JSON.",
        )
    };
    if request.body.is_empty() {
        return Ok(Vec::new());
    }
    let parsed: Value = serde_json::from_slice(&request.body).map_err(|_| malformed())?;
    let object = match parsed {
        Value::Object(object) => object,
        Value::Array(members) => match members.into_iter().next() {
            Some(Value::Object(object)) => object,
            _ => return Err(malformed()),
        },
        _ => return Err(malformed()),
    };
    let texts = object.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Null => Some((name, String::new())),
        Value::Bool(_) | Value::Number(_) => Some((name, value.to_string())),
        Value::Array(_) | Value::Object(_) => None,
    });
    Ok(texts.collect())
}

/// Scheme and host that the caller used.
pub(super) fn origin(request: &RecordedRequest) -> String {
    format!("http://{}", request.header("host").unwrap_or("localhost"))
}

/// A row as JSON: unknown fields and unreadable columns are left out.
fn project(
    state: &InstanceState,
    call: &Call<'_>,
    table: &str,
    row: &Row,
    view: View<'_>,
) -> Value {
    let fields: Vec<String> = match view.fields {
        Some(fields) => fields
            .split(',')
            .map(|field| field.trim().to_owned())
            .collect(),
        None => state.column_names(table),
    };
    let mut object = Map::new();
    for name in fields {
        if let Some(field) = state.follow(call.who, table, Some(row), &name) {
            let shown = show(state, call.request, &field, view);
            object.insert(name, shown);
        }
    }
    Value::Object(object)
}

fn show(
    state: &InstanceState,
    request: &RecordedRequest,
    field: &Field<'_>,
    view: View<'_>,
) -> Value {
    let Field { table, row, column } = *field;
    let of = |column| row.map_or("", |row| state::value(row, column));
    let raw = of(column);
    match state.column(table, column) {
        Some(Kind::Journal) => {
            let history = || journal::history(&state.journal, of("sys_id"), column);
            match view.display {
                Display::Raw => json!(""),
                Display::Shown => json!(history()),
                Display::Both => json!({"display_value": history(), "value": ""}),
            }
        }
        Some(Kind::Reference(target)) if !raw.is_empty() => {
            let name = display_name(state, target, raw);
            let link = format!("{}/api/now/table/{target}/{raw}", origin(request));
            match (view.display, view.links) {
                (Display::Raw, true) => json!({"link": link, "value": raw}),
                (Display::Raw, false) => json!(raw),
                (Display::Shown, true) => json!({"display_value": name, "link": link}),
                (Display::Shown, false) => json!(name),
                (Display::Both, true) => json!({"display_value": name, "link": link, "value": raw}),
                (Display::Both, false) => json!({"display_value": name, "value": raw}),
            }
        }
        _ => {
            let label = schema::label(table, column, raw);
            match view.display {
                Display::Raw => json!(raw),
                Display::Shown => json!(label),
                Display::Both => json!({"display_value": label, "value": raw}),
            }
        }
    }
}

/// A value as a form shows it: the display name of a reference, the label of a choice.
pub(super) fn on_a_form(state: &InstanceState, table: &str, column: &str, value: &str) -> String {
    match state.column(table, column) {
        Some(Kind::Reference(target)) => Some(display_name(state, target, value))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| value.to_owned()),
        _ => schema::label(table, column, value).to_string(),
    }
}

fn display_name(state: &InstanceState, table: &str, sys_id: &str) -> String {
    let Some((_, row)) = state.find(table, sys_id) else {
        return String::new();
    };
    let named = ["name", "number"]
        .into_iter()
        .map(|column| state::value(row, column));
    named
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default()
        .to_owned()
}
