//! The Email API (docs/vendors.md#e-mails).

use serde_json::{Map, Value, json};

use super::api_call::{ApiCall, ApiResult};
use super::mail::Mail;
use super::refusal;
use super::state::{self, InstanceState};
use crate::simulator::{RecordedRequest, SimulatorResponse};

const MAX_RECIPIENTS: usize = 100;

/// `/api/now[/v1]/email[/{id}]`
pub(super) fn answer(state: &mut InstanceState, call: &ApiCall<'_>, rest: &[&str]) -> ApiResult {
    call.check_headers()?;
    match (call.request.method.as_str(), rest) {
        ("POST", []) => send(state, call),
        ("GET", [id]) => status(state, call.request, id),
        (method, _) => Err(refusal::method(method)),
    }
}

fn send(state: &mut InstanceState, call: &ApiCall<'_>) -> ApiResult {
    // The role alone is not enough: an administrator has to add an access rule that asks for it.
    let roles = &call.caller.roles;
    let by_rule = state.rules.email_acl && roles.contains("email_api_send");
    if !roles.contains("admin") && !by_rule {
        return Err(refusal::acl("Insert"));
    }
    let body = call.request.json();
    let body = body.as_object().ok_or_else(refusal::not_json)?;
    let text = |name: &str| {
        let text = body.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let to: Vec<String> = body
        .get("to")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if !(1..=MAX_RECIPIENTS).contains(&to.len()) || !to.iter().all(|one| address(one)) {
        return Err(refusal::bad_request(
            "Invalid recipients",
            "to must be an array of 1 to 100 e-mail addresses",
        ));
    }
    let (table_name, table_record_id) = (text("table_name"), text("table_record_id"));
    if table_name.is_empty() != table_record_id.is_empty() {
        return Err(refusal::bad_request(
            "Missing parameter",
            "table_name and table_record_id go together",
        ));
    }
    if !table_name.is_empty() && state.visible(&table_name, &table_record_id).is_none() {
        return Err(refusal::bad_request(
            "Invalid record",
            "table_name and table_record_id name no record",
        ));
    }
    let id = state::new_sys_id();
    state.mails.push(Mail {
        id: id.clone(),
        to,
        subject: text("subject"),
        text: text("text"),
        html: text("html"),
        table_name,
        table_record_id,
        outcome: "send-ready".to_owned(),
        at: call.now,
    });
    let link = format!("{}/api/now/v1/email/{id}", call.origin());
    let links = json!([
        {"rel": "self", "href": link},
        {"rel": "status", "href": format!("{link}?sysparm_fields=id,type,state,error")},
    ]);
    let body = json!({"result": {"id": id, "links": links}});
    Ok(SimulatorResponse::json(200, &body))
}

fn address(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty())
}

/// The first status request finds the e-mail waiting; by the next one it is sent.
fn status(state: &mut InstanceState, request: &RecordedRequest, id: &str) -> ApiResult {
    let mail = state.mails.iter_mut().find(|mail| mail.id == id);
    let mail = mail.ok_or_else(refusal::no_record)?;
    let all = json!({
        "id": mail.id,
        "type": mail.outcome,
        "state": if mail.outcome == "send-ready" { "ready" } else { "processed" },
        "error": "",
        "subject": mail.subject,
        "to": mail.to,
    });
    if mail.outcome == "send-ready" {
        mail.outcome = "sent".to_owned();
    }
    let wanted = request.parameter("sysparm_fields");
    let is_wanted = |name: &str| wanted.is_none_or(|names| names.split(',').any(|one| one == name));
    let all = all.as_object().into_iter().flatten();
    let chosen: Map<String, Value> = all
        .filter(|(name, _)| is_wanted(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(SimulatorResponse::json(200, &json!({"result": chosen})))
}
