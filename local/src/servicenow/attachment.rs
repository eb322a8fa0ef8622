//! The Attachment API (docs/vendors.md#attachments).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::api_call::{ApiCall, ApiResult};
use super::state::{self, InstanceState, Principal, Row};
use super::{refusal, schema, table};
use crate::simulator::SimulatorResponse;

/// `/api/now/attachment[/file|/{sys_id}[/file]]`
pub(super) fn answer(state: &mut InstanceState, call: &ApiCall<'_>, rest: &[&str]) -> ApiResult {
    let readable =
        |state, sys_id| readable(state, call.caller, sys_id).ok_or_else(refusal::no_record);
    match (call.request.method.as_str(), rest) {
        ("POST", ["file"]) => upload(state, call),
        ("GET", []) => Ok(list(state, call)),
        ("GET", [sys_id]) => {
            let body = json!({"result": metadata(readable(state, sys_id)?)});
            Ok(SimulatorResponse::json(200, &body))
        }
        ("GET", [sys_id, "file"]) => {
            let content_type = state::value(readable(state, sys_id)?, "content_type");
            let bytes = bytes(state, sys_id);
            Ok(SimulatorResponse::new(200, content_type, bytes))
        }
        (method, _) => Err(refusal::method(method)),
    }
}

fn upload(state: &mut InstanceState, call: &ApiCall<'_>) -> ApiResult {
    let request = call.request;
    let content_type = request.header("content-type");
    let content_type = content_type.ok_or_else(|| refusal::missing_header("Content-Type"))?;
    let parameter = |name| {
        let sent = request.parameter(name).filter(|value| !value.is_empty());
        sent.ok_or_else(|| {
            refusal::bad_request(
                "Missing parameter",
                "table_name, table_sys_id and file_name are mandatory",
            )
        })
    };
    let (target, target_id) = (parameter("table_name")?, parameter("table_sys_id")?);
    let file_name = parameter("file_name")?;
    if state.table(target).is_none() {
        return Err(refusal::invalid_table(target));
    }
    if state.visible(target, target_id).is_none() || !state.may_read(call.caller, target) {
        return Err(refusal::no_record());
    }
    // Attaching needs create on sys_attachment and write on the record it is attached to (vendor's Attachment API page).
    let writable = !state.rules.unwritable_tables.contains(schema::ATTACHMENTS);
    if !state.may_write(call.caller, target) || !writable {
        return Err(refusal::acl("Insert"));
    }
    let values = [
        ("file_name", file_name),
        ("content_type", content_type),
        ("size_bytes", &request.body.len().to_string()),
        ("table_name", target),
        ("table_sys_id", target_id),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sys_id = state.insert(schema::ATTACHMENTS, call.caller, call.now, &values);
    let location = format!("{}/api/now/attachment/{sys_id}", call.origin());
    let link = ("download_link".to_owned(), format!("{location}/file"));
    state.write(schema::ATTACHMENTS, &sys_id, call.caller, call.now, &[link]);
    let content = STANDARD.encode(&request.body);
    state.contents.insert(sys_id.clone(), content);
    let (_, row) = state
        .find(schema::ATTACHMENTS, &sys_id)
        .ok_or_else(refusal::no_record)?;
    let created = SimulatorResponse::json(201, &json!({"result": metadata(row)}));
    Ok(created.with_header("location", location))
}

fn list(state: &mut InstanceState, call: &ApiCall<'_>) -> SimulatorResponse {
    let mut violations = Vec::new();
    let found = table::search(state, call.request, schema::ATTACHMENTS, &mut violations);
    let total = found.len();
    let rows: Vec<Value> = found
        .into_iter()
        .skip(call.number("sysparm_offset", 0))
        .take(call.number("sysparm_limit", 1_000))
        .filter(|(_, row)| readable(state, call.caller, state::value(row, "sys_id")).is_some())
        .map(|(_, row)| metadata(row))
        .collect();
    state.violations.append(&mut violations);
    SimulatorResponse::json(200, &json!({"result": rows}))
        .with_header("x-total-count", total.to_string())
}

/// An attachment whose record the caller may read.
fn readable<'a>(state: &'a InstanceState, caller: &Principal, sys_id: &str) -> Option<&'a Row> {
    let (_, row) = state.find(schema::ATTACHMENTS, sys_id)?;
    let target = state::value(row, "table_name");
    let record = state.visible(target, state::value(row, "table_sys_id"));
    (record.is_some() && state.may_read(caller, target)).then_some(row)
}

/// The whole row: the Attachment API has no `sysparm_fields`.
fn metadata(row: &Row) -> Value {
    let mut body = json!(row);
    body["compressed"] = "true".into();
    body["average_image_color"] = "".into();
    body
}

/// The first bytes of a file, at the most `most` rounded down to whole groups of base64, and whether there are more.
pub(super) fn start(state: &InstanceState, sys_id: &str, most: usize) -> (Vec<u8>, bool) {
    let content = state.contents.get(sys_id).map_or("", String::as_str);
    let wanted = (most / 3).saturating_mul(4);
    let start = content.get(..wanted).unwrap_or(content);
    let bytes = STANDARD.decode(start).unwrap_or_default();
    (bytes, start.len() < content.len())
}

pub(super) fn bytes(state: &InstanceState, sys_id: &str) -> Vec<u8> {
    start(state, sys_id, usize::MAX).0
}
