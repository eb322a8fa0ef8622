//! The Table API (docs/vendors.md#table-api).

use serde_json::{Map, Value, json};

use super::api_call::{ApiCall, ApiResult};
use super::query::Query;
use super::schema::{self, Column, Kind};
use super::state::{self, Field, InstanceState, Row};
use super::{journal, refusal};
use crate::simulator::{RecordedRequest, SimulatorResponse};

/// The largest body that the REST APIs read (`glide.rest.max_content_length`).
const MAX_BODY: usize = 10_485_760;
const DEFAULT_LIMIT: usize = 10_000;

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
    call: &ApiCall<'_>,
    table: &str,
    sys_id: Option<&str>,
) -> ApiResult {
    call.check_headers()?;
    if state.table(table).is_none() {
        return Err(refusal::invalid_table(table));
    }
    match (call.request.method.as_str(), sys_id) {
        ("GET", None) => list(state, call, table),
        ("GET", Some(sys_id)) => one(state, call, table, sys_id),
        ("POST", None) => create(state, call, table),
        ("PATCH" | "PUT", Some(sys_id)) => change(state, call, table, sys_id),
        (method, _) => {
            if method == "DELETE" {
                let violation = format!("DELETE of {}", call.request.path);
                state.violations.push(violation);
            }
            Err(refusal::method(method))
        }
    }
}

/// The rows that a request's query finds among those of a table and of the tables that extend it.
pub(super) fn search<'a>(
    state: &'a InstanceState,
    request: &RecordedRequest,
    table: &'a str,
    violations: &mut Vec<String>,
) -> Vec<(&'a str, &'a Row)> {
    let plain = || {
        let pairs = request.query.iter();
        let columns = pairs.filter(|(name, _)| !name.starts_with("sysparm_"));
        let conditions: Vec<_> = columns
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        conditions.join("^")
    };
    let text = request.parameter("sysparm_query");
    let text = text.map_or_else(plain, str::to_owned);
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

fn list(state: &mut InstanceState, call: &ApiCall<'_>, table: &str) -> ApiResult {
    if !state.may_read(call.caller, table) {
        return Err(refusal::query_denied(table));
    }
    let offset = call.number("sysparm_offset", 0);
    let limit = call.number("sysparm_limit", DEFAULT_LIMIT);
    let mut violations = Vec::new();
    let found = search(state, call.request, table, &mut violations);
    let total = found.len();
    let hidden = &state.rules.hidden_records;
    // The limit counts rows before the access rules take some away.
    let rows: Vec<Value> = found
        .into_iter()
        .skip(offset)
        .take(limit)
        .filter(|(_, row)| !hidden.contains(state::value(row, "sys_id")))
        .map(|(class, row)| project(state, call, class, row))
        .collect();
    state.violations.append(&mut violations);
    if rows.is_empty() && call.first_version {
        return Err(refusal::no_record());
    }
    let mut answer = SimulatorResponse::json(200, &json!({"result": rows}));
    if call.request.parameter("sysparm_no_count") != Some("true") {
        answer = answer.with_header("x-total-count", total.to_string());
    }
    if call.request.parameter("sysparm_suppress_pagination_header") != Some("true") {
        let base = format!("{}{}", call.origin(), call.request.path);
        let link = format!("<{base}?sysparm_limit={limit}&sysparm_offset=0>;rel=\"first\"");
        answer = answer.with_header("link", link);
    }
    Ok(answer)
}

fn one(state: &InstanceState, call: &ApiCall<'_>, table: &str, sys_id: &str) -> ApiResult {
    if !state.may_read(call.caller, table) {
        return Err(refusal::query_denied(table));
    }
    let record = state.visible(table, sys_id);
    let (class, row) = record.ok_or_else(refusal::no_record)?;
    let body = json!({"result": project(state, call, class, row)});
    Ok(SimulatorResponse::json(200, &body))
}

fn create(state: &mut InstanceState, call: &ApiCall<'_>, table: &str) -> ApiResult {
    let values = body(call.request)?;
    if table == schema::TASKS || !state.may_write(call.caller, table) {
        return Err(refusal::acl("Insert"));
    }
    check_rules(state, table)?;
    let values = writable(state, table, values);
    if state.violates_a_unique_index(table, None, &values) {
        let display = state.table(table).map(|table| &table.display);
        let name = values.iter().find(|(column, _)| Some(column) == display);
        let name = name.map_or("", |(_, value)| value);
        return Err(refusal::not_unique("insert", table, name));
    }
    let sys_id = state.insert(table, call.caller, call.now, &values);
    let location = format!("{}/api/now/table/{table}/{sys_id}", call.origin());
    Ok(written(state, call, table, &sys_id, 201)?.with_header("location", location))
}

fn change(state: &mut InstanceState, call: &ApiCall<'_>, table: &str, sys_id: &str) -> ApiResult {
    let values = body(call.request)?;
    let record = state.visible(table, sys_id);
    let (class, _) = record.ok_or_else(refusal::no_record)?;
    let class = class.to_owned();
    if !state.may_read(call.caller, &class) {
        return Err(refusal::no_record());
    }
    if !state.may_write(call.caller, &class) {
        return Err(refusal::acl("Update"));
    }
    check_rules(state, &class)?;
    let values = writable(state, &class, values);
    if state.violates_a_unique_index(&class, Some(sys_id), &values) {
        let name = display_value(state, &class, sys_id);
        return Err(refusal::not_unique("update", &class, &name));
    }
    state.write(&class, sys_id, call.caller, call.now, &values);
    written(state, call, &class, sys_id, 200)
}

fn check_rules(state: &InstanceState, table: &str) -> Result<(), SimulatorResponse> {
    match state.rules.aborting_rules.get(table) {
        Some(rule) => Err(refusal::aborted(table, rule, &state::new_sys_id())),
        None => Ok(()),
    }
}

/// The answer to a write: the record, unless the caller wants no body.
fn written(
    state: &InstanceState,
    call: &ApiCall<'_>,
    table: &str,
    sys_id: &str,
    status: u16,
) -> ApiResult {
    if call.request.header("x-no-response-body") == Some("true") {
        let no_body = SimulatorResponse::new(status, "application/json;charset=UTF-8", "");
        return Ok(no_body);
    }
    let record = state.find(table, sys_id);
    let (class, row) = record.ok_or_else(refusal::no_record)?;
    let body = json!({"result": project(state, call, class, row)});
    Ok(SimulatorResponse::json(status, &body))
}

/// A column without write access silently keeps its value; the rest is written.
fn writable(
    state: &InstanceState,
    table: &str,
    mut values: Vec<(String, String)>,
) -> Vec<(String, String)> {
    values.retain(|(column, _)| state.writable(table, column));
    values
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
    if request.body.is_empty() {
        return Ok(Vec::new());
    }
    let parsed: Value = serde_json::from_slice(&request.body).map_err(|_| refusal::not_json())?;
    let object = match parsed {
        Value::Object(object) => object,
        Value::Array(members) => match members.into_iter().next() {
            Some(Value::Object(object)) => object,
            _ => return Err(refusal::not_json()),
        },
        _ => return Err(refusal::not_json()),
    };
    let texts = object.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        Value::Null => Some((name, String::new())),
        Value::Bool(_) | Value::Number(_) => Some((name, value.to_string())),
        Value::Array(_) | Value::Object(_) => None,
    });
    Ok(texts.collect())
}

/// A row as JSON: unknown fields and unreadable columns are left out.
fn project(state: &InstanceState, call: &ApiCall<'_>, table: &str, row: &Row) -> Value {
    let view = View::of(call.request);
    let fields: Vec<String> = match view.fields {
        Some(fields) => {
            let fields = fields.split(',');
            fields.map(|field| field.trim().to_owned()).collect()
        }
        None => {
            let columns = state.columns(table);
            columns.map(|column| column.name.clone()).collect()
        }
    };
    let mut object = Map::new();
    for name in fields {
        if let Some(field) = state.follow(call.caller, table, Some(row), &name) {
            let shown = show(state, call, &field, view);
            object.insert(name, shown);
        }
    }
    Value::Object(object)
}

fn show(state: &InstanceState, call: &ApiCall<'_>, field: &Field<'_>, view: View<'_>) -> Value {
    let Field { table, row, column } = *field;
    let raw = row.map_or("", |row| state::value(row, column));
    let shown = || {
        row.map_or_else(String::new, |row| {
            displayed(state, table, row, column, Column::shown)
        })
    };
    let reference = match state.column(table, column).map(|column| &column.kind) {
        Some(Kind::Reference(target)) if view.links && !raw.is_empty() => Some(target),
        _ => None,
    };
    let Some(target) = reference else {
        return match view.display {
            Display::Raw => json!(raw),
            Display::Shown => json!(shown()),
            Display::Both => json!({"display_value": shown(), "value": raw}),
        };
    };
    let link = format!("{}/api/now/table/{target}/{raw}", call.origin());
    match view.display {
        Display::Raw => json!({"link": link, "value": raw}),
        Display::Shown => json!({"display_value": shown(), "link": link}),
        Display::Both => json!({"display_value": shown(), "link": link, "value": raw}),
    }
}

/// What a form shows in a column: the history of a journal field, the display value of a reference, the text of a
/// choice, a duration with every unit, a date-time in the users' zone.
pub(super) fn on_a_form(state: &InstanceState, table: &str, row: &Row, column: &str) -> String {
    displayed(state, table, row, column, Column::on_a_form)
}

/// The display value of a column; `shown` makes that of a value which is neither a reference nor a choice.
fn displayed(
    state: &InstanceState,
    table: &str,
    row: &Row,
    column: &str,
    shown: fn(&Column, &str, i8) -> String,
) -> String {
    let Some(definition) = state.column(table, column) else {
        return String::new();
    };
    let raw = state::value(row, column);
    match &definition.kind {
        Kind::Journal => journal::history(&state.journal, state::value(row, "sys_id"), column),
        Kind::Reference(target) => display_value(state, target, raw),
        _ => {
            let choice = state
                .table(table)
                .and_then(|table| table.label(column, raw));
            let zone = state.rules.user_zone_hours;
            choice.map_or_else(|| shown(definition, raw, zone), str::to_owned)
        }
    }
}

/// What stands for a record where it is referred to; empty when there is no such record.
pub(super) fn display_value(state: &InstanceState, table: &str, sys_id: &str) -> String {
    let record = state.find(table, sys_id);
    record.map_or_else(String::new, |(class, row)| {
        let display = state.table(class).map_or("number", |table| &table.display);
        state::value(row, display).to_owned()
    })
}
