//! The functions while a vendor, AWS or a process fails.

mod batches;
mod exactly_once;
mod giving_up;
mod reconciliation;
mod report_posts;
mod rotation;
mod session_details;
mod session_rows;
mod two_at_once;
mod waiting;
mod waking;
mod written;

use std::time::Duration;

use local::lambda::Lambda;
use local::rescue::{Phase, Session};
use local::servicenow::Created;
use local::simulator::{FaultAction, RequestMatcher};
use serde_json::{Value, json};
use tests::{DeadLetter, World, injected};

/// Long enough for a test to kill the process.
const A_MOMENT: Duration = Duration::from_millis(400);

/// ServiceNow answers the next creation of an incident like this.
fn inject_creation(world: &World, action: FaultAction) {
    world.inject_once(RequestMatcher::of("POST", "/table/incident"), action);
}

/// ServiceNow answers the next creation of a session's incident like this.
fn inject_creation_for(world: &World, session: &Session, action: FaultAction) {
    let creating = RequestMatcher::of("POST", "/table/incident");
    world.inject_once(creating.body_containing(&session.id), action);
}

/// ServiceNow answers the next search for an incident like this.
fn inject_search(world: &World, action: FaultAction) {
    world.inject_once(RequestMatcher::of("GET", "/table/incident"), action);
}

/// The service account may not read the names of attachments.
fn hide_attachment_names(world: &World, record: &Created) {
    let (attachment, record) = ("1".repeat(32), &record.sys_id);
    let nameless = json!({"result": [{"sys_id": attachment, "table_sys_id": record}]});
    let nameless = injected::json(200, &nameless.to_string());
    let listing = RequestMatcher::of("GET", "/api/now/attachment");
    world.inject_always(listing, nameless);
}

/// The service account may not read that column.
fn hide_column(world: &World, column: &str) {
    world.servicenow().configure(|rules| {
        rules.unreadable_columns.insert(column.to_owned());
    });
}

/// The service account may read all columns again.
fn show_columns(world: &World) {
    let servicenow = world.servicenow();
    servicenow.configure(|rules| rules.unreadable_columns.clear());
}

/// A session whose chat goes into an attachment; its start is posted and not delivered yet.
async fn with_attachment() -> (World, Created, Session) {
    let world = World::with_session_setting("chat = \"attachment\"").await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    session.say("Ana Ruiz", "hello");
    world.post(&session, Phase::Start).await;
    (world, incident, session)
}

/// Posts, and puts a copy of the message into a group of its own.
async fn post_in_own_group(world: &World, session: &Session, phase: Phase, group: &str) {
    world.post(session, phase).await;
    let body = world.queued().last().expect("queued").body.clone();
    world.enqueue(&body, group).await;
}

/// Invokes `deliver-session` with one message that SQS does not know. Returns the number of messages that it left in the
/// queue.
async fn invoke(function: &Lambda, body: &str, attributes: Value) -> usize {
    let event = json!({"Records": [{
        "messageId": "one",
        "receiptHandle": "unknown",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }]});
    let answered = function.invoke(event.to_string().into_bytes()).await;
    let answer: Value = serde_json::from_slice(&answered.result.expect("an answer")).expect("JSON");
    let failures = answer["batchItemFailures"].as_array().expect("a list");
    assert!(
        failures
            .iter()
            .all(|failure| failure["itemIdentifier"] == "one")
    );
    failures.len()
}

/// The notes of each record that was created for a session.
fn notes_of_created(world: &World, session: &Session) -> Vec<Vec<String>> {
    let (servicenow, id) = (world.servicenow(), format!("rescue:{}", session.id));
    let mut records = servicenow.records("incident");
    records.retain(|row| row.get("correlation_id") == Some(&id));
    let notes = records.iter().map(|row| &row["sys_id"]);
    let notes = notes.map(|sys_id| servicenow.work_notes("incident", sys_id));
    notes.collect()
}

/// ServiceNow has been read since the mark, and not been written to.
fn assert_only_read_since(world: &World, mark: local::simulator::Mark) {
    let called = world.called_since(mark);
    let read = called.iter().all(|call| call.starts_with("GET"));
    assert!(read && !called.is_empty(), "{called:?}");
}

fn only_dead_letter(world: &World) -> DeadLetter {
    let mut dead_letters = world.dead_letters();
    assert_eq!(dead_letters.len(), 1, "{dead_letters:?}");
    dead_letters.remove(0)
}

/// The reasons of all dead letters, sorted.
fn dead_letter_reasons(world: &World) -> Vec<String> {
    let dead_letters = world.dead_letters().into_iter();
    let mut reasons: Vec<_> = dead_letters.map(|dead_letter| dead_letter.reason).collect();
    reasons.sort();
    reasons
}
