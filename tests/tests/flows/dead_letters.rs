//! `rescue-connector dlq …` against the embedded cloud (docs/architecture.md#rule-4).

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageAttributeValue;
use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::demo_tenant::TENANT;
use local::rescue::{Phase, Session};
use local::servicenow::Created;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::{Value, json};
use tests::World;

use super::command_line::CommandLine;

const HOUR: u64 = 3600;

/// The instance refuses the next writes to a record, `times` of them.
fn refuse(world: &World, record: &Created, times: usize) {
    for _ in 0..times {
        let fault = InjectedFault::on(RequestMatcher::of("PATCH", &record.sys_id))
            .then(FaultAction::status(403));
        world.cloud.servicenow.fault(fault);
    }
}

/// A session whose start and end are dead letters.
async fn dead_lettered_session(world: &World, record: &Created) -> Session {
    let session = world.session(record);
    refuse(world, record, 2);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    world.cloud.travel(Duration::from_secs(60));
    world.post(&session, Phase::End).await;
    world.deliver().await;
    session
}

fn list(letters: &Value) -> &Vec<Value> {
    letters.as_array().expect("a list")
}

/// `[{"id","tenant","session_id","reason","received_at"}]`.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_and_shown_and_stay_in_the_queue() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    assert_eq!(operator.json(&["dlq", "list"]).await, json!([]));
    let session = dead_lettered_session(&world, &world.incident()).await;
    for _ in 0..2 {
        let letters = operator.json(&["dlq", "list"]).await;
        assert_eq!(list(&letters).len(), 2);
        for letter in list(&letters) {
            let members: Vec<&String> = letter.as_object().expect("an object").keys().collect();
            let members: Vec<&str> = members.into_iter().map(String::as_str).collect();
            // `detail` is there when ServiceNow gave a reason.
            let members: Vec<&str> = members.into_iter().filter(|m| *m != "detail").collect();
            assert_eq!(
                members,
                ["id", "reason", "received_at", "session_id", "tenant"]
            );
            assert_eq!(letter["tenant"], TENANT);
            assert_eq!(letter["session_id"], session.id);
            assert_eq!(letter["reason"], "servicenow-refused");
        }
        // Listing makes all of them visible again at once.
        assert_eq!(world.queue("SessionsDlq").visible(), 2);
    }
    let letters = operator.json(&["dlq", "list"]).await;
    assert!(list(&letters)[0]["received_at"].as_str() < list(&letters)[1]["received_at"].as_str());

    let id = list(&letters)[0]["id"].as_str().expect("an id");
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
    assert!(table.stdout.contains("Paul Martin"), "{}", table.stdout);
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
    let digests: Vec<String> = world
        .posts(&session)
        .await
        .into_iter()
        .map(|p| p["entry"].clone())
        .collect();
    let mark = operator.mark();
    let all = ["dlq", "redrive", "--all"];
    assert_eq!(
        operator.json(&all).await,
        json!({"redriven": 2, "left": []})
    );
    let operations: Vec<String> = world
        .cloud
        .aws
        .journal()
        .since(mark)
        .into_iter()
        .map(|c| c.operation)
        .collect();
    let place = |name: &str| operations.iter().position(|operation| operation == name);
    assert!(
        place("SendMessageBatch") < place("DeleteMessageBatch"),
        "{operations:?}"
    );
    assert!(world.dead_letters().is_empty());
    let queued = world.queued();
    let events: Vec<bool> = queued
        .iter()
        .map(|m| m.body.contains("\"event\":\"started\""))
        .collect();
    assert_eq!(events, [true, false]);
    for message in &queued {
        assert_eq!(
            message.group.as_deref(),
            Some(format!("{TENANT}#{}", session.id).as_str())
        );
        let id = message.deduplication_id.as_deref().expect("one");
        assert!(!digests.iter().any(|digest| digest.ends_with(id)));
    }
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].contains("started") && notes[1].contains("ended"),
        "{notes:?}"
    );
    for post in world.posts(&session).await {
        assert_eq!(post["state"], "delivered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_selected_dead_letters_are_put_back_and_the_others_are_visible_again() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let (one, other) = (
        dead_lettered_session(&world, &incident).await,
        dead_lettered_session(&world, &incident).await,
    );
    let nothing = json!({"redriven": 0, "left": []});
    for filter in [
        &["--tenant", "acme"][..],
        &["--session", "7"],
        &["--tenant", "acme", "--session", &one.id],
    ] {
        let redrive = [&["dlq", "redrive"][..], filter].concat();
        assert_eq!(operator.json(&redrive).await, nothing);
    }
    let some = operator
        .json(&["dlq", "redrive", "--session", &one.id])
        .await;
    assert_eq!(some["redriven"], 2);
    let rest = operator.json(&["dlq", "list"]).await;
    assert_eq!(list(&rest).len(), 2);
    assert!(
        list(&rest)
            .iter()
            .all(|letter| letter["session_id"] == other.id)
    );
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    for usage in [
        &["dlq", "redrive"][..],
        &["dlq", "redrive", "--all", "--tenant", TENANT],
        &["dlq", "redrive", "--session", "no id!"],
    ] {
        assert_eq!(operator.run(usage).await.code, Some(2), "{usage:?}");
    }
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
    let letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(list(&letters).len(), 2);
    let done = operator.json(&["dlq", "redrive", "--all"]).await;
    assert_eq!(done["redriven"], 0);
    let because: Vec<&str> = list(&done["left"])
        .iter()
        .map(|left| left["because"].as_str().expect("a text"))
        .collect();
    for words in [
        "deliver-session cannot read it as a post",
        "this release cannot read the body either",
    ] {
        let said = because.iter().any(|text| text.starts_with(words));
        assert!(said, "{words}: {because:?}");
    }
    let reasons: Vec<&Value> = list(&done["left"])
        .iter()
        .map(|left| &left["reason"])
        .collect();
    assert!(
        reasons.contains(&&json!("malformed-message")),
        "{reasons:?}"
    );
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    assert!(world.queued().is_empty());
    let raw = list(&letters)
        .iter()
        .find(|letter| letter["reason"] != "malformed-message");
    let id = raw.expect("one")["id"].as_str().expect("an id").to_owned();
    let shown = operator.json(&["dlq", "show", &id, "--reveal"]).await;
    assert_eq!(shown["redrivable"], false);
    assert_eq!(shown["content"], "{\"odd\": \u{1b}[31m");
    // `run` asserts that the text form has no escape sequences.
    operator.run(&["dlq", "show", &id, "--reveal"]).await;
}

/// docs/architecture.md#rule-4: nothing leaves the dead-letter queue before the sessions queue has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_queue_refuses_stays_a_dead_letter() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    dead_lettered_session(&world, &world.incident()).await;
    let denied = Effect::Refuse {
        status: 400,
        error: "AccessDenied".to_owned(),
    };
    let fault = AwsFault::once(Service::Sqs, "SendMessageBatch", denied.clone());
    world.cloud.aws.inject(fault);
    let all = ["dlq", "redrive", "--all"];
    operator
        .fails(&all, &["your role needs the permission sqs:SendMessage"])
        .await;
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    assert!(world.queued().is_empty());

    // A crash after sending leaves the dead letters; posts that are sent twice are written once.
    let fault = AwsFault::once(Service::Sqs, "DeleteMessageBatch", denied);
    world.cloud.aws.inject(fault);
    operator.fails(&all, &["sqs:DeleteMessage"]).await;
    assert_eq!(operator.json(&all).await["redriven"], 2);
    assert_eq!(world.queued().len(), 4);
    world.deliver().await;
    assert!(world.queued().is_empty());
    assert!(world.dead_letters().is_empty());
    for operation in ["ReceiveMessage", "GetQueueAttributes"] {
        let denied = Effect::Refuse {
            status: 400,
            error: "AccessDenied".to_owned(),
        };
        world
            .cloud
            .aws
            .inject(AwsFault::once(Service::Sqs, operation, denied));
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
    receive
        .max_number_of_messages(1)
        .visibility_timeout(600)
        .send()
        .await
        .expect("received");
    let seen = operator.run(&["dlq", "list", "--output", "json"]).await;
    assert_eq!(list(&seen.json()).len(), 1);
    assert!(seen.stderr.contains("counts 1 more"), "{}", seen.stderr);
}

/// docs/architecture.md#rule-4: a dead letter of yesterday gets another day; if it fails again, it has another id.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_failed_by_age_gets_the_full_time_again() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.session(&incident);
    let outage = InjectedFault::on(RequestMatcher::of("PATCH", &incident.sys_id)).always();
    world
        .cloud
        .servicenow
        .fault(outage.then(FaultAction::status(503)));
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    world.deliver_after(24 * HOUR).await;
    let first = operator.json(&["dlq", "list"]).await;
    assert_eq!(list(&first).len(), 1);
    assert_eq!(
        operator.json(&["dlq", "redrive", "--all"]).await["redriven"],
        1
    );
    world.deliver().await;
    assert_eq!(world.state(&session).await, "waiting");
    assert!(world.dead_letters().is_empty());
    world.deliver_after(24 * HOUR).await;
    let second = operator.json(&["dlq", "list"]).await;
    assert_eq!(list(&second).len(), 1);
    assert_ne!(list(&first)[0]["id"], list(&second)[0]["id"]);
    assert_eq!(
        list(&first)[0]["received_at"],
        list(&second)[0]["received_at"]
    );
}

/// More dead letters than one receive returns, of many sessions.
#[tokio::test(flavor = "multi_thread")]
async fn many_dead_letters_are_all_put_back() {
    const LETTERS: usize = 60;
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let rule = "Close code is mandatory".to_owned();
    world.cloud.servicenow.configure(|rules| {
        rules.aborting_rules.insert("incident".to_owned(), rule);
    });
    for _ in 0..LETTERS {
        world.post(&world.session(&incident), Phase::Start).await;
    }
    world.deliver().await;
    world
        .cloud
        .servicenow
        .configure(|rules| rules.aborting_rules.clear());
    assert_eq!(list(&operator.json(&["dlq", "list"]).await).len(), LETTERS);
    let done = operator.json(&["dlq", "redrive", "--tenant", TENANT]).await;
    assert_eq!(done["redriven"], LETTERS);
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), LETTERS);
    assert_eq!(operator.json(&["dlq", "list"]).await, json!([]));
}

/// A message that SQS moved after `maxReceiveCount` (docs/architecture.md#rule-4) keeps its group, has no reason, and is put back too.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_behind_others_of_their_group_are_put_back_too() {
    const LETTERS: usize = 12;
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    for _ in 0..LETTERS {
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
    let seen = operator.run(&["dlq", "list", "--output", "json"]).await;
    assert_eq!(list(&seen.json())[0]["reason"], Value::Null);
    assert_eq!(list(&seen.json())[0]["tenant"], TENANT);
    assert!(
        seen.stderr.contains("behind others of their session"),
        "{}",
        seen.stderr
    );
    let done = operator.json(&["dlq", "redrive", "--all"]).await;
    assert_eq!(done, json!({"redriven": LETTERS, "left": []}));
    assert!(world.dead_letters().is_empty());
    // All of them were delivered before.
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), LETTERS);
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
    let mut send = stack
        .sqs
        .send_message()
        .queue_url(&stack.sessions_dlq_url)
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
    put(
        &world,
        &body,
        &[
            ("reason", "malformed-body"),
            ("encoding", "text"),
            ("tenant", TENANT),
            ("received_at", &received_at),
            ("content_type", "application/json"),
            ("event", "ended"),
        ],
    )
    .await;
    let letters = operator.json(&["dlq", "list", "--tenant", TENANT]).await;
    assert_eq!(letters[0]["session_id"], "70200001");
    let id = letters[0]["id"].as_str().expect("an id");
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
    assert!(
        notes[0].contains("Toner was empty.") && notes[0].contains("ended"),
        "{notes:?}"
    );
    let listed = operator.json(&["sessions", "list", TENANT]).await;
    assert_eq!(listed[0]["received_at"], received_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_with_a_mistyped_number_and_its_session_go_to_the_record_that_the_operator_names() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.console_session().with_field("CField1", "INC9999999");
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(letters[0]["reason"], "record-not-found");
    let id = letters[0]["id"].as_str().expect("an id").to_owned();
    let shown = operator.run(&["dlq", "show", &id]).await;
    let command = format!("rescue-connector dlq redrive {id} --record NUMBER");
    assert!(shown.stdout.contains(&command), "{}", shown.stdout);

    let wrong = ["dlq", "redrive", &id, "--record", "INC8888888"];
    operator
        .fails(&wrong, &["no record with the number INC8888888"])
        .await;
    assert_eq!(world.queue("SessionsDlq").visible(), 1);

    // As a technician may type it.
    let lower = incident.number.replace("INC", "inc-");
    let done = operator
        .json(&["dlq", "redrive", &id, "--record", &lower])
        .await;
    assert_eq!(done["redriven"], 1);
    assert_eq!(
        done["record"],
        json!({"number": incident.number, "table": "incident", "sys_id": incident.sys_id})
    );
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
    // The session's other posts follow, although they name the wrong record as well.
    world.cloud.travel(Duration::from_secs(60));
    world.post(&session, Phase::End).await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 2);
    assert!(world.dead_letters().is_empty());
    for usage in [
        &["dlq", "redrive", "--all", "--record", "INC0010001"][..],
        &["dlq", "redrive", &id, "--all"],
        &["dlq", "redrive", &id, "--record", "see INC0010001"],
    ] {
        assert_eq!(operator.run(usage).await.code, Some(2), "{usage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_dead_letter_that_stays_is_a_failure_with_a_reason() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    world.enqueue("not JSON", "other").await;
    world.deliver().await;
    let letters = operator.json(&["dlq", "list"]).await;
    let id = letters[0]["id"].as_str().expect("an id");
    let ended = operator.run(&["dlq", "redrive", id]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for words in [
        "No dead letter was put back",
        "Not put back: 1 dead letter",
        "cannot read",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    operator
        .fails(
            &["dlq", "redrive", "no-such-id"],
            &["no message no-such-id"],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_by_tenant_and_one_is_deleted_after_confirmation() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.session(&incident);
    refuse(&world, &incident, 1);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    put(&world, "odd", &[("encoding", "text"), ("tenant", "globex")]).await;
    let of = async |tenant: &str| operator.json(&["dlq", "list", "--tenant", tenant]).await;
    assert_eq!(list(&of(TENANT).await).len(), 1);
    assert_eq!(of("acme").await, json!([]));
    let globex = of("globex").await;
    let id = globex[0]["id"].as_str().expect("an id");
    let delete = ["dlq", "delete", id];
    operator.fails(&delete, &["tenant globex", "--yes"]).await;
    assert_eq!(world.queue("SessionsDlq").visible(), 2);
    let deleted = operator.json(&[&delete[..], &["--yes"]].concat()).await;
    assert_eq!(
        (&deleted["id"], &deleted["deleted"]),
        (&json!(id), &json!(true))
    );
    let rest = operator.json(&["dlq", "list"]).await;
    assert_eq!((list(&rest).len(), &rest[0]["tenant"]), (1, &json!(TENANT)));
    operator
        .fails(&[&delete[..], &["--yes"]].concat(), &["returns no message"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_explains_its_reason_with_servicenows_detail_and_a_remedy() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let detail = "Data Policy Exception: the following fields are mandatory: close_code";
    put(
        &world,
        "odd \u{9b}2J \u{202e}",
        &[
            ("encoding", "text"),
            ("tenant", TENANT),
            ("reason", "servicenow-refused"),
            ("detail", detail),
        ],
    )
    .await;
    let letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(letters[0]["detail"], detail);
    let id = letters[0]["id"].as_str().expect("an id");
    let shown = operator.json(&["dlq", "show", id]).await;
    for (member, words) in [
        ("meaning", "ServiceNow refused the write"),
        ("detail", "mandatory: close_code"),
        ("remedy", "dlq redrive --tenant demo"),
        ("unreadable", "not an HTML form"),
    ] {
        let text = shown[member].as_str().unwrap_or_default();
        assert!(text.contains(words), "{member}: {shown}");
    }
    let reveal = ["dlq", "show", id, "--reveal"];
    let table = operator.run(&reveal).await;
    for words in [
        "ServiceNow refused the write",
        detail,
        "dlq redrive --tenant demo",
    ] {
        assert!(table.stdout.contains(words), "{words}: {}", table.stdout);
    }
    for ended in [
        table,
        operator
            .run(&[&reveal[..], &["--output", "json"]].concat())
            .await,
        operator.run(&["dlq", "show", "\u{1b}[2J\u{9b}31m"]).await,
    ] {
        let all = ended.all();
        let unruly = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!all.contains(unruly), "{all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_whose_last_attempt_may_still_take_effect_shows_not_before() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.session(&incident);
    refuse(&world, &incident, 1);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let until = world.cloud.clock.now().plus(Duration::from_secs(HOUR));
    set(
        &world,
        &session,
        "not_before",
        AttributeValue::S(until.to_string()),
    )
    .await;
    let letters = operator.json(&["dlq", "list"]).await;
    let id = letters[0]["id"].as_str().expect("an id");
    let until = until.to_string();
    assert_eq!(
        operator.json(&["dlq", "show", id]).await["not_before"],
        until
    );
    let session_shown = ["sessions", "show", TENANT, &session.id];
    assert_eq!(
        operator.json(&session_shown).await["posts"][0]["not_before"],
        until
    );
    for command in [
        &["dlq", "show", id][..],
        &session_shown,
        &["dlq", "redrive", id],
    ] {
        let table = operator.run(command).await;
        assert_eq!(table.code, Some(0), "{}", table.stderr);
        assert!(table.stdout.contains(&until), "{}", table.stdout);
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
