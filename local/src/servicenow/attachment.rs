//! The Attachment API (docs/vendors.md#attachments).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::domain::clock::Timestamp;

use super::schema;
use super::state::{self, InstanceState, Principal, Row};
use super::{refusal, table};
use crate::simulator::{RecordedRequest, SimulatorResponse};

/// `/api/now/attachment[/file|/{sys_id}[/file]]`
pub(super) fn answer(
    state: &mut InstanceState,
    request: &RecordedRequest,
    who: &Principal,
    now: Timestamp,
    rest: &[&str],
) -> SimulatorResponse {
    match (request.method.as_str(), rest) {
        ("POST", ["file"]) => upload(state, request, who, now),
        ("GET", []) => list(state, request, who),
        ("GET", [sys_id]) => match readable(state, who, sys_id) {
            Some(row) => SimulatorResponse::json(200, &json!({"result": metadata(row)})),
            None => refusal::no_record(),
        },
        ("GET", [sys_id, "file"]) => match readable(state, who, sys_id) {
            Some(row) => {
                SimulatorResponse::new(200, state::value(row, "content_type"), bytes(state, sys_id))
            }
            None => refusal::no_record(),
        },
        (method, _) => refusal::method(method),
    }
}

fn upload(
    state: &mut InstanceState,
    request: &RecordedRequest,
    who: &Principal,
    now: Timestamp,
) -> SimulatorResponse {
    let Some(content_type) = request.header("content-type").map(str::to_owned) else {
        return refusal::bad_request("Missing header", "Content-Type is mandatory");
    };
    let parameter = |name| request.parameter(name).filter(|value| !value.is_empty());
    let (Some(target), Some(target_id), Some(file_name)) = (
        parameter("table_name"),
        parameter("table_sys_id"),
        parameter("file_name"),
    ) else {
        return refusal::bad_request(
            "Missing parameter",
            "table_name, table_sys_id and file_name are mandatory",
        );
    };
    if !state.has_table(target) {
        return refusal::invalid_table(target);
    }
    if state.visible(target, target_id).is_none() || !state.may_read(who, target) {
        return refusal::no_record();
    }
    // Attaching needs create on sys_attachment and write on the record it is attached to (vendor's Attachment API page).
    let writable = !state.rules.unwritable_tables.contains(schema::ATTACHMENTS);
    if !state.may_write(who, target) || !writable {
        return refusal::acl("Insert");
    }
    let values = [
        ("file_name", file_name.to_owned()),
        ("content_type", content_type),
        ("size_bytes", request.body.len().to_string()),
        ("table_name", target.to_owned()),
        ("table_sys_id", target_id.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let sys_id = state.insert(schema::ATTACHMENTS, who, now, &values);
    let origin = table::origin(request);
    let link = (
        "download_link".to_owned(),
        format!("{origin}/api/now/attachment/{sys_id}/file"),
    );
    state.write(schema::ATTACHMENTS, &sys_id, who, now, &[link]);
    state
        .contents
        .insert(sys_id.clone(), STANDARD.encode(&request.body));
    let Some((_, row)) = state.find(schema::ATTACHMENTS, &sys_id) else {
        return refusal::no_record();
    };
    SimulatorResponse::json(201, &json!({"result": metadata(row)}))
        .with_header("location", format!("{origin}/api/now/attachment/{sys_id}"))
}

fn list(
    state: &mut InstanceState,
    request: &RecordedRequest,
    who: &Principal,
) -> SimulatorResponse {
    let number = |name, default: usize| {
        request
            .parameter(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let mut violations = Vec::new();
    let found = table::search(state, request, schema::ATTACHMENTS, &mut violations);
    let total = found.len();
    let rows: Vec<Value> = found
        .into_iter()
        .skip(number("sysparm_offset", 0))
        .take(number("sysparm_limit", 1_000))
        .filter(|(_, row)| readable(state, who, state::value(row, "sys_id")).is_some())
        .map(|(_, row)| metadata(row))
        .collect();
    state.violations.append(&mut violations);
    SimulatorResponse::json(200, &json!({"result": rows}))
        .with_header("x-total-count", total.to_string())
}

/// An attachment whose record the caller may read.
fn readable<'a>(state: &'a InstanceState, who: &Principal, sys_id: &str) -> Option<&'a Row> {
    let (_, row) = state.find(schema::ATTACHMENTS, sys_id)?;
    let target = state::value(row, "table_name");
    let seen = state
        .visible(target, state::value(row, "table_sys_id"))
        .is_some();
    (seen && state.may_read(who, target)).then_some(row)
}

/// The whole row: the Attachment API has no `sysparm_fields`.
fn metadata(row: &Row) -> Value {
    let mut body = json!(row);
    body["compressed"] = "true".into();
    body["average_image_color"] = "".into();
    body
}

pub(super) fn bytes(state: &InstanceState, sys_id: &str) -> Vec<u8> {
    let content = state
        .contents
        .get(sys_id)
        .map(|content| STANDARD.decode(content));
    content.and_then(Result::ok).unwrap_or_default()
}
