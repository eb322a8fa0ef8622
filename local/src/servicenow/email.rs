//! The Email API (docs/vendors.md#e-mails).

use serde_json::{Map, Value, json};
use shared::domain::clock::Timestamp;

use super::mail::Mail;
use super::state::{self, InstanceState, Principal};
use super::{refusal, table};
use crate::simulator::{RecordedRequest, SimulatorResponse};

const MAX_RECIPIENTS: usize = 100;

/// `/api/now[/v1]/email[/{id}]`
pub(super) fn answer(
    state: &mut InstanceState,
    request: &RecordedRequest,
    who: &Principal,
    now: Timestamp,
    rest: &[&str],
) -> SimulatorResponse {
    if let Some(refused) = table::headers(request) {
        return refused;
    }
    match (request.method.as_str(), rest) {
        ("POST", []) => send(state, request, who, now),
        ("GET", [id]) => status(state, request, id),
        (method, _) => refusal::method(method),
    }
}

fn send(
    state: &mut InstanceState,
    request: &RecordedRequest,
    who: &Principal,
    now: Timestamp,
) -> SimulatorResponse {
    // The role alone is not enough: an administrator has to add an access rule that asks for it.
    let allowed = who.roles.contains("admin")
        || (state.rules.email_acl && who.roles.contains("email_api_send"));
    if !allowed {
        return refusal::acl("Insert");
    }
    let body = request.json();
    let Some(body) = body.as_object() else {
        return refusal::bad_request(
            "Exception while reading request",
            "The payload is not valid JSON.",
        );
    };
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let recipients: Option<Vec<String>> = body.get("to").and_then(Value::as_array).map(|to| {
        to.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    });
    let Some(to) = recipients
        .filter(|to| (1..=MAX_RECIPIENTS).contains(&to.len()) && to.iter().all(|one| address(one)))
    else {
        return refusal::bad_request(
            "Invalid recipients",
            "to must be an array of 1 to 100 e-mail addresses",
        );
    };
    let (table_name, table_record_id) = (text("table_name"), text("table_record_id"));
    if table_name.is_empty() != table_record_id.is_empty() {
        return refusal::bad_request(
            "Missing parameter",
            "table_name and table_record_id go together",
        );
    }
    if !table_name.is_empty() && state.visible(&table_name, &table_record_id).is_none() {
        return refusal::bad_request(
            "Invalid record",
            "table_name and table_record_id name no record",
        );
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
        at: now,
    });
    let link = format!("{}/api/now/v1/email/{id}", table::origin(request));
    let links = json!([
        {"rel": "self", "href": link},
        {"rel": "status", "href": format!("{link}?sysparm_fields=id,type,state,error")},
    ]);
    SimulatorResponse::json(200, &json!({"result": {"id": id, "links": links}}))
}

fn address(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty())
}

/// The first status request finds the e-mail waiting; by the next one it is sent.
fn status(state: &mut InstanceState, request: &RecordedRequest, id: &str) -> SimulatorResponse {
    let Some(mail) = state.mails.iter_mut().find(|mail| mail.id == id) else {
        return refusal::no_record();
    };
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
    let wanted = request
        .parameter("sysparm_fields")
        .map(|fields| fields.split(',').collect::<Vec<_>>());
    let chosen: Map<String, Value> = all
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.contains(&name.as_str()))
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    SimulatorResponse::json(200, &json!({"result": chosen}))
}
