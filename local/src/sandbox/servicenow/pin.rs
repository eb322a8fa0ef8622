//! The PIN buttons: the request of the app's script `RescueConnector`, and what it shows of the answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::clock::Timestamp;

use super::linked;
use super::records::{record, record_type};
use super::sentences::read;
use crate::app::{Answer, App};
use crate::demo_tenant::TECHNICIAN;
use crate::lock::lock;
use crate::sandbox::Sandbox;
use crate::sandbox::action::{Done, Fields, Outcome, Refused};
use crate::servicenow::Record;

/// As long as the connector keeps an Idempotency-Key (`RescuePinRequests`).
const KEY_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// The second press of a double click.
const DOUBLE_CLICK: Duration = Duration::from_secs(5);
/// How long the last request for a record's PIN is remembered.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// The last request for each record, by its `sys_id`.
#[derive(Default)]
pub(super) struct Pins(Mutex<BTreeMap<String, PinRequest>>);

/// As a row of the app's table `x_rescue_conn_pin_request`, with what was shown.
#[derive(Clone, Debug)]
struct PinRequest {
    number: u32,
    requested_at: Timestamp,
    new_pin_received_at: Option<Timestamp>,
    shown: Option<Shown>,
}

/// What the form shows of the last press: the PIN, or the sentence of a refusal.
pub(super) type Shown = Result<Given, String>;

/// A PIN with what the app says about it.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) pin: String,
    /// The customer's link, as HTML.
    pub(super) link: String,
    pub(super) messages: Vec<Message>,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) is_warning: bool,
    pub(super) text: String,
}

impl Given {
    /// Whether a session has used the PIN.
    pub(super) fn is_used(&self, sandbox: &Sandbox) -> bool {
        sandbox.cloud.rescue.is_pin_used(&self.pin) == Some(true)
    }
}

impl Pins {
    /// What the last press showed, for a day.
    pub(super) fn shown(&self, record: &Record, now: Timestamp) -> Option<Shown> {
        let requests = lock(&self.0);
        let request = requests.get(&record.sys_id)?;
        let is_kept = now.since(request.requested_at) < KEPT;
        request.shown.clone().filter(|_| is_kept)
    }

    fn show(&self, record: &Record, shown: Shown) {
        if let Some(request) = lock(&self.0).get_mut(&record.sys_id) {
            request.shown = Some(shown);
        }
    }

    /// The number of the request that a press belongs to.
    fn number(&self, record: &Record, wants_new: bool, now: Timestamp) -> u32 {
        let mut requests = lock(&self.0);
        requests.retain(|_, request| now.since(request.requested_at) < KEPT);
        let request = requests.entry(record.sys_id.clone());
        let request = request.or_insert(PinRequest {
            number: 1,
            requested_at: now,
            new_pin_received_at: None,
            shown: None,
        });
        let received = request.new_pin_received_at;
        let is_double_click = received.is_some_and(|at| now.since(at) < DOUBLE_CLICK);
        let is_expired = now.since(request.requested_at) >= KEY_LIFETIME;
        if is_expired || (wants_new && !is_double_click) {
            request.number += 1;
            request.requested_at = now;
        }
        request.number
    }

    /// The number of the last press, for its command.
    fn last_number(&self, record: &Record) -> u32 {
        let requests = lock(&self.0);
        let request = requests.get(&record.sys_id);
        request.map_or(1, |request| request.number)
    }

    fn note_new(&self, record: &Record, now: Timestamp) {
        if let Some(request) = lock(&self.0).get_mut(&record.sys_id) {
            request.new_pin_received_at = Some(now);
        }
    }
}

/// The command that sends what a press of the button sends.
pub(super) fn command(sandbox: &Sandbox, record: &Record) -> String {
    let number = sandbox.servicenow.pins.last_number(record);
    let key = idempotency_key(sandbox, record, number);
    app(sandbox).pin_command(&body(sandbox, record), &key)
}

/// The app as the demo's technician uses it.
fn app(sandbox: &Sandbox) -> App {
    sandbox.app.used_by(TECHNICIAN)
}

/// As `RescuePinRequests.idempotencyKey` makes it.
fn idempotency_key(sandbox: &Sandbox, record: &Record, number: u32) -> String {
    let user = sandbox.cloud.servicenow.user_id(TECHNICIAN);
    let user = user.unwrap_or_default();
    format!("sn-{}-{user}-{number}", record.sys_id)
}

/// As `RescueConnector._generate` makes it.
fn body(sandbox: &Sandbox, record: &Record) -> Value {
    let table = record_type(record);
    let person = sandbox.cloud.servicenow.person(record, &table.recipients());
    let (name, email) = person.unwrap_or_default();
    let customer = [("name", name), ("email", email)].into_iter();
    let customer = customer.filter(|(_, value)| !value.is_empty());
    json!({
        "technician": {"email": TECHNICIAN},
        "record": {"table": record.table, "sys_id": record.sys_id, "number": record.raw("number")},
        "customer": customer.collect::<BTreeMap<_, _>>(),
    })
}

#[derive(Deserialize)]
pub(super) struct Press {
    record: String,
    /// Set by the button "New Rescue PIN".
    #[serde(default)]
    new: String,
}

/// Presses one of the buttons.
pub(super) async fn press(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(press): Fields<Press>,
) -> Outcome {
    let record = record(&sandbox, &press.record)?;
    let (app, body) = (app(&sandbox), body(&sandbox, &record));
    let pins = &sandbox.servicenow.pins;
    let post = async |wants_new| {
        let number = pins.number(&record, wants_new, sandbox.cloud.clock.now());
        let key = idempotency_key(&sandbox, &record, number);
        let answer = read(app.pin(&body, &key).await);
        if answer.is_ok() && wants_new {
            pins.note_new(&record, sandbox.cloud.clock.now());
        }
        answer
    };
    let mut answer = post(!press.new.is_empty()).await;
    // The record's caller or the settings changed since the PIN was made.
    if matches!(&answer, Err(refusal) if refusal.code == "idempotency-key-reused") {
        answer = post(true).await;
    }
    let answer = answer.map_err(|refusal| refusal.sentence);
    let answer = answer.map(|answer| given(&answer));
    let outcome = match &answer {
        Ok(given) => {
            let mut message = format!("Rescue PIN {} for {}.", given.pin, record.name);
            for warning in given.messages.iter().filter(|one| one.is_warning) {
                message += &format!(" {}", warning.text);
            }
            Ok(Done::new(message))
        }
        Err(sentence) => Err(Refused::input(sentence)),
    };
    pins.show(&record, answer);
    sandbox.changed();
    outcome
}

const REPLAYED: &str = "This is the PIN from before, and nothing was e-mailed again. If it was used already, press \"New \
                        Rescue PIN\".";

/// As `RescueConnector._show` shows it.
fn given(answer: &Answer) -> Given {
    let body = answer.body();
    let replayed = answer.header("idempotent-replayed") == Some("true");
    let outcomes = body["notifications"].as_array().into_iter().flatten();
    let outcomes = outcomes.filter_map(|outcome| {
        let to_customer = outcome["to"] == "customer";
        let detail = outcome["detail"].as_str().unwrap_or_default();
        let sentence = match (outcome["status"].as_str(), to_customer) {
            (Some("sent"), _) if replayed => return None,
            (Some("sent"), true) => "The link was e-mailed to the customer.",
            (Some("sent"), false) => "The PIN was e-mailed to you.",
            (Some("failed"), true) => {
                "The link could not be e-mailed to the customer: tell them the PIN yourself."
            }
            (Some("failed"), false) => "The PIN could not be e-mailed to you.",
            (_, true) => {
                "It is not known whether the link was e-mailed to the customer: ask them, or tell them the PIN."
            }
            (_, false) => "It is not known whether the PIN was e-mailed to you.",
        };
        Some(Message {
            is_warning: outcome["status"] != "sent",
            text: format!("{sentence} {detail}").trim_end().to_owned(),
        })
    });
    let message = |is_warning, text: &str| Message {
        is_warning,
        text: text.to_owned(),
    };
    let replayed = replayed.then(|| message(false, REPLAYED));
    let unwritten = (body["note"]["status"] == "failed")
        .then(|| message(true, "The work note about the PIN could not be written."));
    Given {
        pin: body["pin"].as_str().unwrap_or_default().to_owned(),
        link: linked(body["link"].as_str().unwrap_or("-")),
        messages: replayed
            .into_iter()
            .chain(outcomes)
            .chain(unwritten)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presses_within_ten_minutes_are_one_request_unless_a_new_pin_is_wanted() {
        let pins = Pins::default();
        let instance = crate::servicenow::Simulator::start(crate::servicenow::Options::new(
            shared::domain::clock::Clock::manual(Timestamp::from_millis(0)),
        ));
        let instance = instance.expect("started");
        instance.add_incident(&[]);
        let record = &instance.newest_records(0, 1)[0];
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(pins.number(record, false, at(0)), 1);
        assert_eq!(pins.number(record, false, at(599)), 1);
        assert_eq!(pins.number(record, false, at(600)), 2);
        assert_eq!(pins.number(record, true, at(601)), 3);
        pins.note_new(record, at(602));
        assert_eq!(pins.number(record, true, at(606)), 3);
        assert_eq!(pins.number(record, true, at(607)), 4);
        assert_eq!(pins.last_number(record), 4);
    }
}
