//! `rescue-connector dlq …` against the embedded cloud (docs/architecture.md#rule-4).

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageAttributeValue;
use local::aws::Service;
use local::demo_tenant::TENANT;
use local::rescue::{Phase, Session};
use local::servicenow::Created;
use local::simulator::FaultAction;
use serde_json::{Value, json};
use tests::{World, assert_contains};

use super::command_line::{CommandLine, members, text};

const HOUR: u64 = 3600;

/// A session whose start and end are dead letters.
async fn dead_lettered_session(world: &World, record: &Created) -> Session {
    let session = world.session(record);
    for _ in 0..2 {
        world.refuse_write(record, 403);
    }
    world.post_and_deliver(&session, Phase::Start).await;
    world.cloud.travel(Duration::from_secs(60));
    world.post_and_deliver(&session, Phase::End).await;
    session
}

fn list(dead_letters: &Value) -> &Vec<Value> {
    dead_letters.as_array().expect("a list")
}

/// The id of the oldest dead letter.
async fn first_id(operator: &CommandLine<'_>) -> String {
    let dead_letters = operator.json(&["dlq", "list"]).await;
    text(&dead_letters, "/0/id").to_owned()
}

/// `[{"id","tenant","session_id","reason","received_at"}]`.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_and_shown_and_stay_in_the_queue() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    assert_eq!(operator.json(&["dlq", "list"]).await, json!([]));
    let session = dead_lettered_session(&world, &world.incident()).await;
    for _ in 0..2 {
        let dead_letters = operator.json(&["dlq", "list"]).await;
        assert_eq!(list(&dead_letters).len(), 2);
        for dead_letter in list(&dead_letters) {
            let mut names = members(dead_letter);
            // `detail` is there when ServiceNow gave a reason.
            names.retain(|name| *name != "detail");
            let expected = ["id", "reason", "received_at", "session_id", "tenant"];
            assert_eq!(names, expected);
            assert_eq!(dead_letter["tenant"], TENANT);
            assert_eq!(dead_letter["session_id"], session.id);
            assert_eq!(dead_letter["reason"], "servicenow-refused");
        }
        // Listing makes all of them visible again at once.
        assert_eq!(world.queue("SessionsDlq").visible(), 2);
    }
    let dead_letters = operator.json(&["dlq", "list"]).await;
    assert!(
        list(&dead_letters)[0]["received_at"].as_str()
            < list(&dead_letters)[1]["received_at"].as_str()
    );

    let id = list(&dead_letters)[0]["id"].as_str().expect("an id");
    let hidden = operator.json(&["dlq", "show", id]).await;
    assert_eq!(hidden["event"], "started");
    assert_eq!(hidden["redrivable"], true);
    assert_eq!(hidden["encoding"], "message");
    assert_eq!(hidden.get("content"), None);
    let shown = operator.json(&["dlq", "show", id, "--reveal"]).await;
    assert_eq!(shown["content"]["fields"]["SessionID"], session.id);
    let table = operator.run(&["dlq", "show", id]).await;
    assert!(!table.stdout.contains("Paul Martin"), "{}", table.stdout);
    let table = operator.run(&["dlq", "show", id, "--reveal"]).await;
    table.assert_stdout(&["Paul Martin"]);
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    let gone = ["dlq", "show", "2f9e6b1c-6a0e-4a51-9d3b-0c7f3f1d9a11"];
    operator
        .fails(&gone, &["returns no message 2f9e6b1c"])
        .await;
}

/// docs/architecture.md#rule-4: sent first, in the order received, with new deduplication ids, in the session's group, then deleted.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_put_back_in_the_order_received_and_written_once() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = dead_lettered_session(&world, &incident).await;
    let posts = world.posts(&session).await.into_iter();
    let digests: Vec<String> = posts.map(|post| post["entry"].clone()).collect();
    let mark = operator.mark();
    let done = operator.json(&["dlq", "redrive", "--all"]).await;
    assert_eq!(done, json!({"redriven": 2, "left": []}));
    let calls = world.cloud.aws.journal().since(mark).into_iter();
    let operations: Vec<String> = calls.map(|call| call.operation).collect();
    let place = |name: &str| operations.iter().position(|operation| operation == name);
    assert!(
        place("SendMessageBatch") < place("DeleteMessageBatch"),
        "{operations:?}"
    );
    assert!(world.dead_letters().is_empty());
    let queued = world.queued();
    let starts = queued
        .iter()
        .map(|message| message.body.contains("\"event\":\"started\""));
    assert_eq!(starts.collect::<Vec<_>>(), [true, false]);
    for message in &queued {
        assert_eq!(message.group, Some(format!("{TENANT}#{}", session.id)));
        let id = message.deduplication_id.as_deref().expect("one");
        assert!(!digests.iter().any(|digest| digest.ends_with(id)));
    }
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_contains(&notes[0], &["started"]);
    assert_contains(&notes[1], &["ended"]);
    for post in world.posts(&session).await {
        assert_eq!(post["state"], "delivered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_selected_dead_letters_are_put_back_and_the_others_are_visible_again() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let one = dead_lettered_session(&world, &incident).await;
    let other = dead_lettered_session(&world, &incident).await;
    let nothing = json!({"redriven": 0, "left": []});
    for filter in [
        &["--tenant", "acme"][..],
        &["--session", "7"],
        &["--tenant", "acme", "--session", &one.id],
    ] {
        let redrive = [&["dlq", "redrive"][..], filter].concat();
        assert_eq!(operator.json(&redrive).await, nothing);
    }
    let selected = ["dlq", "redrive", "--session", &one.id];
    assert_eq!(operator.json(&selected).await["redriven"], 2);
    let rest = operator.json(&["dlq", "list"]).await;
    assert_eq!(list(&rest).len(), 2);
    let mut rest = list(&rest).iter();
    assert!(rest.all(|dead_letter| dead_letter["session_id"] == other.id));
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    let wrong_usage = [
        &["dlq", "redrive"][..],
        &["dlq", "redrive", "--all", "--tenant", TENANT],
        &["dlq", "redrive", "--session", "no id!"],
    ];
    operator.refuses_usage(&wrong_usage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_dead_letter_is_shown_and_cannot_be_put_back() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let client = shared::http::client(None).expect("a client");
    let odd = client
        .post(world.url(Phase::Start))
        .body("{\"odd\": \u{1b}[31m");
    assert_eq!(odd.send().await.expect("an answer").status(), 400);
    world.enqueue("not JSON", "other").await;
    world.deliver().await;
    let dead_letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(list(&dead_letters).len(), 2);
    let done = operator.json(&["dlq", "redrive", "--all"]).await;
    assert_eq!(done["redriven"], 0);
    let left = list(&done["left"]);
    for expected in [
        "deliver-session cannot read it as a post",
        "this release cannot read the body either",
    ] {
        let mut left = left.iter();
        let found = left.any(|left| text(left, "/because").starts_with(expected));
        assert!(found, "{expected}: {done}");
    }
    let malformed = |message: &&Value| message["reason"] == "malformed-message";
    assert!(left.iter().any(|left| malformed(&left)), "{done}");
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    assert!(world.queued().is_empty());
    let raw = list(&dead_letters)
        .iter()
        .find(|message| !malformed(message));
    let id = text(raw.expect("one"), "/id");
    let shown = operator.json(&["dlq", "show", id, "--reveal"]).await;
    assert_eq!(shown["redrivable"], false);
    assert_eq!(shown["content"], "{\"odd\": \u{1b}[31m");
    // `run` asserts that the text form has no escape sequences.
    operator.run(&["dlq", "show", id, "--reveal"]).await;
}

/// docs/architecture.md#rule-4: nothing leaves the dead-letter queue before the sessions queue has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_queue_refuses_stays_a_dead_letter() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    dead_lettered_session(&world, &world.incident()).await;
    world.refuse_aws(Service::Sqs, "SendMessageBatch", "AccessDenied");
    let all = ["dlq", "redrive", "--all"];
    let permission = "your role needs the permission sqs:SendMessage";
    operator.fails(&all, &[permission]).await;
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    assert!(world.queued().is_empty());

    // A crash after sending leaves the dead letters; posts that are sent twice are written once.
    world.refuse_aws(Service::Sqs, "DeleteMessageBatch", "AccessDenied");
    operator.fails(&all, &["sqs:DeleteMessage"]).await;
    assert_eq!(operator.json(&all).await["redriven"], 2);
    assert_eq!(world.queued().len(), 4);
    world.deliver().await;
    assert!(world.queued().is_empty());
    assert!(world.dead_letters().is_empty());
    for operation in ["ReceiveMessage", "GetQueueAttributes"] {
        world.refuse_aws(Service::Sqs, operation, "AccessDenied");
        let permission = format!("your role needs the permission sqs:{operation}");
        operator.fails(&["dlq", "list"], &[&permission]).await;
    }
}

/// A message that another consumer received is hidden; the note counts it.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_another_consumer_are_counted() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    dead_lettered_session(&world, &world.incident()).await;
    let stack = &world.cloud.stack;
    let receive = stack
        .sqs
        .receive_message()
        .queue_url(&stack.sessions_dlq_url);
    let receive = receive.max_number_of_messages(1).visibility_timeout(600);
    receive.send().await.expect("received");
    let listed = operator.run(&["dlq", "list", "--output", "json"]).await;
    assert_eq!(list(&listed.json()).len(), 1);
    listed.assert_stderr(&["counts 1 more"]);
}

/// docs/architecture.md#rule-4: a dead letter of yesterday gets another day; if it fails again, it has another id.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_failed_by_age_gets_the_full_time_again() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.session(&incident);
    world.inject_every_write(&incident, FaultAction::status(503));
    world.post_and_deliver(&session, Phase::Start).await;
    world.deliver_after(24 * HOUR).await;
    let first = operator.json(&["dlq", "list"]).await;
    assert_eq!(list(&first).len(), 1);
    let done = operator.json(&["dlq", "redrive", "--all"]).await;
    assert_eq!(done["redriven"], 1);
    world.deliver().await;
    assert_eq!(world.state(&session).await, "waiting");
    assert!(world.dead_letters().is_empty());
    world.deliver_after(24 * HOUR).await;
    let second = operator.json(&["dlq", "list"]).await;
    assert_eq!(list(&second).len(), 1);
    assert_ne!(first[0]["id"], second[0]["id"]);
    assert_eq!(first[0]["received_at"], second[0]["received_at"]);
}

/// More dead letters than one receive returns, of many sessions.
#[tokio::test(flavor = "multi_thread")]
async fn many_dead_letters_are_all_put_back() {
    const DEAD_LETTERS: usize = 60;
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let rule = "Close code is mandatory".to_owned();
    world.cloud.servicenow.configure(|rules| {
        rules.aborting_rules.insert("incident".to_owned(), rule);
    });
    for _ in 0..DEAD_LETTERS {
        world.post(&world.session(&incident), Phase::Start).await;
    }
    world.deliver().await;
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| rules.aborting_rules.clear());
    assert_eq!(
        list(&operator.json(&["dlq", "list"]).await).len(),
        DEAD_LETTERS
    );
    let done = operator.json(&["dlq", "redrive", "--tenant", TENANT]).await;
    assert_eq!(done["redriven"], DEAD_LETTERS);
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), DEAD_LETTERS);
    assert_eq!(operator.json(&["dlq", "list"]).await, json!([]));
}

/// A message that SQS moved after `maxReceiveCount` (docs/architecture.md#rule-4) keeps its group, has no reason, and is put back too.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_behind_others_of_their_group_are_put_back_too() {
    const DEAD_LETTERS: usize = 12;
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    for _ in 0..DEAD_LETTERS {
        world.post(&world.session(&incident), Phase::Start).await;
    }
    let stack = &world.cloud.stack;
    for (nth, message) in world.queued().into_iter().enumerate() {
        let send = stack.sqs.send_message().queue_url(&stack.sessions_dlq_url);
        send.message_body(message.body)
            .message_group_id("one")
            .message_deduplication_id(nth.to_string())
            .send()
            .await
            .expect("taken");
    }
    world.deliver().await;
    let listed = operator.run(&["dlq", "list", "--output", "json"]).await;
    assert_eq!(listed.json()[0]["reason"], Value::Null);
    assert_eq!(listed.json()[0]["tenant"], TENANT);
    listed.assert_stderr(&["behind others of their session"]);
    let done = operator.json(&["dlq", "redrive", "--all"]).await;
    assert_eq!(done, json!({"redriven": DEAD_LETTERS, "left": []}));
    assert!(world.dead_letters().is_empty());
    // All of them were delivered before.
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), DEAD_LETTERS);
}

/// The runbook: posts in the queues of a deleted stack are moved by naming each queue as the dead-letter queue.
#[tokio::test(flavor = "multi_thread")]
async fn posts_of_any_queue_can_be_moved_to_the_sessions_queue() {
    let world = World::start().await;
    let stack = &world.cloud.stack;
    let incident = world.incident();
    let mut session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    session.say("Ana Ruiz", "Hello.");
    world.post(&session, Phase::End).await;
    let there = CommandLine::by_outputs(&world)
        .with("SESSIONS_QUEUE_URL", &stack.sessions_dlq_url)
        .with("SESSIONS_DLQ_URL", &stack.sessions_queue_url);
    let redrive = ["dlq", "redrive", "--all"];
    assert_eq!(there.json(&redrive).await["redriven"], 2);
    assert_eq!((world.queued().len(), world.dead_letters().len()), (0, 2));
    let back = CommandLine::by_outputs(&world);
    assert_eq!(back.json(&redrive).await["redriven"], 2);
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 2);
}

/// Sends a message with attributes to the dead-letter queue, as another release did.
async fn put(world: &World, body: &str, attributes: &[(&str, &str)]) {
    let stack = &world.cloud.stack;
    let send = stack.sqs.send_message().queue_url(&stack.sessions_dlq_url);
    let mut send = send
        .message_body(body)
        .message_group_id("raw")
        .message_deduplication_id(format!("{attributes:?}{body}").len().to_string());
    for (name, value) in attributes {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(*value)
            .build()
            .expect("complete");
        send = send.message_attributes(*name, value);
    }
    send.send().await.expect("taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_an_earlier_release_could_not_read_is_delivered_after_an_upgrade() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let body = format!(
        "{{\"SessionID\": \"70200001\", \"CField1\": \"{}\", \"Notes\": \"Toner was empty.\"}}",
        incident.number
    );
    let received_at = world.cloud.clock.now().to_string();
    let attributes = [
        ("reason", "malformed-body"),
        ("encoding", "text"),
        ("tenant", TENANT),
        ("received_at", &received_at),
        ("content_type", "application/json"),
        ("event", "ended"),
    ];
    put(&world, &body, &attributes).await;
    let dead_letters = operator.json(&["dlq", "list", "--tenant", TENANT]).await;
    assert_eq!(dead_letters[0]["session_id"], "70200001");
    let id = dead_letters[0]["id"].as_str().expect("an id");
    let shown = operator.json(&["dlq", "show", id]).await;
    assert_eq!(
        (&shown["redrivable"], &shown["event"]),
        (&json!(true), &json!("ended"))
    );
    let done = operator.json(&["dlq", "redrive", id]).await;
    assert_eq!(done, json!({"redriven": 1, "left": []}));
    assert!(world.dead_letters().is_empty());
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_contains(&notes[0], &["Toner was empty.", "ended"]);
    let listed = operator.json(&["sessions", "list", TENANT]).await;
    assert_eq!(listed[0]["received_at"], received_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_with_a_mistyped_number_and_its_session_go_to_the_record_that_the_operator_names() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.console_session().with_field("CField1", "INC9999999");
    world.post_and_deliver(&session, Phase::Start).await;
    let dead_letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(dead_letters[0]["reason"], "record-not-found");
    let id = text(&dead_letters, "/0/id");
    let shown = operator.run(&["dlq", "show", id]).await;
    let command = format!("rescue-connector dlq redrive {id} --record NUMBER");
    shown.assert_stdout(&[&command]);

    let wrong = ["dlq", "redrive", id, "--record", "INC8888888"];
    let not_found = "no record with the number INC8888888";
    operator.fails(&wrong, &[not_found]).await;
    assert_eq!(world.queue("SessionsDlq").visible(), 1);

    // As a technician may type it.
    let lower = incident.number.replace("INC", "inc-");
    let redrive = ["dlq", "redrive", id, "--record", &lower];
    let done = operator.json(&redrive).await;
    assert_eq!(done["redriven"], 1);
    assert_eq!(
        done["record"],
        json!({"number": incident.number, "table": "incident", "sys_id": incident.sys_id})
    );
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
    // The session's other posts follow, although they name the wrong record as well.
    world.cloud.travel(Duration::from_secs(60));
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.notes(&incident).len(), 2);
    assert!(world.dead_letters().is_empty());
    let wrong_usage = [
        &["dlq", "redrive", "--all", "--record", "INC0010001"][..],
        &["dlq", "redrive", id, "--all"],
        &["dlq", "redrive", id, "--record", "see INC0010001"],
    ];
    operator.refuses_usage(&wrong_usage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_dead_letter_that_stays_is_a_failure_with_a_reason() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    world.enqueue("not JSON", "other").await;
    world.deliver().await;
    let id = &first_id(&operator).await;
    let ended = operator.run(&["dlq", "redrive", id]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    ended.assert_stdout(&[
        "No dead letter was put back",
        "Not put back: 1 dead letter",
        "cannot read",
    ]);
    let missing = ["dlq", "redrive", "no-such-id"];
    operator.fails(&missing, &["no message no-such-id"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_by_tenant_and_one_is_deleted_after_confirmation() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    world.refused_post().await;
    put(&world, "odd", &[("encoding", "text"), ("tenant", "globex")]).await;
    let of = async |tenant: &str| operator.json(&["dlq", "list", "--tenant", tenant]).await;
    assert_eq!(list(&of(TENANT).await).len(), 1);
    assert_eq!(of("acme").await, json!([]));
    let globex = of("globex").await;
    let id = globex[0]["id"].as_str().expect("an id");
    let delete = ["dlq", "delete", id];
    operator.fails(&delete, &["tenant globex", "--yes"]).await;
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    let confirmed = [&delete[..], &["--yes"]].concat();
    let deleted = operator.json(&confirmed).await;
    assert_eq!(
        (&deleted["id"], &deleted["deleted"]),
        (&json!(id), &json!(true))
    );
    let rest = operator.json(&["dlq", "list"]).await;
    assert_eq!((list(&rest).len(), &rest[0]["tenant"]), (1, &json!(TENANT)));
    operator.fails(&confirmed, &["returns no message"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_explains_its_reason_with_servicenows_detail_and_a_remedy() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let detail = "Data Policy Exception: the following fields are mandatory: close_code";
    let attributes = [
        ("encoding", "text"),
        ("tenant", TENANT),
        ("reason", "servicenow-refused"),
        ("detail", detail),
    ];
    put(&world, "odd \u{9b}2J \u{202e}", &attributes).await;
    let dead_letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(dead_letters[0]["detail"], detail);
    let id = dead_letters[0]["id"].as_str().expect("an id");
    let shown = operator.json(&["dlq", "show", id]).await;
    for (member, expected) in [
        ("/meaning", "ServiceNow refused the write"),
        ("/detail", "mandatory: close_code"),
        ("/remedy", "dlq redrive --tenant demo"),
        ("/unreadable", "not an HTML form"),
    ] {
        assert_contains(text(&shown, member), &[expected]);
    }
    let reveal = ["dlq", "show", id, "--reveal"];
    let table = operator.run(&reveal).await;
    table.assert_stdout(&[
        "ServiceNow refused the write",
        detail,
        "dlq redrive --tenant demo",
    ]);
    table.assert_plain();
    let json = [&reveal[..], &["--output", "json"]].concat();
    operator.run(&json).await.assert_plain();
    let missing = ["dlq", "show", "\u{1b}[2J\u{9b}31m"];
    operator.run(&missing).await.assert_plain();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_whose_last_attempt_may_still_take_effect_shows_not_before() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let (_, session) = world.refused_post().await;
    let until = world.cloud.clock.now().plus(Duration::from_secs(HOUR));
    let until = until.to_string();
    let not_before = AttributeValue::S(until.clone());
    set(&world, &session, "not_before", not_before).await;
    let id = &first_id(&operator).await;
    let (show_message, show_session) = (
        ["dlq", "show", id],
        ["sessions", "show", TENANT, &session.id],
    );
    let message = operator.json(&show_message).await;
    assert_eq!(message["not_before"], until);
    let shown = operator.json(&show_session).await;
    assert_eq!(shown["posts"][0]["not_before"], until);
    for command in [&show_message[..], &show_session, &["dlq", "redrive", id]] {
        operator.succeeds(command).await.assert_stdout(&[&until]);
    }
}

/// Changes an attribute of the ledger's entry of a session's only post.
pub(super) async fn set(world: &World, session: &Session, name: &str, value: AttributeValue) {
    let stack = &world.cloud.stack;
    let posts = world.posts(session).await;
    stack
        .dynamodb
        .update_item()
        .table_name(&stack.sessions_table)
        .key("session", AttributeValue::S(posts[0]["session"].clone()))
        .key("entry", AttributeValue::S(posts[0]["entry"].clone()))
        .update_expression("SET #name = :value")
        .expression_attribute_names("#name", name)
        .expression_attribute_values(":value", value)
        .send()
        .await
        .expect("changed");
}
