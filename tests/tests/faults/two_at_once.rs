//! Two failures at once: an ended process and a waiting post, a dropped column and a 503, a refusal and a claim.

use std::time::Duration;

use local::rescue::Phase;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use tests::{LEASE, World};

const A_MOMENT: Duration = Duration::from_millis(400);

fn hide_notes(world: &World) {
    world.servicenow().configure(|rules| {
        rules.unreadable_columns.insert("work_notes".to_owned());
    });
}

/// A suspect whose ledger entry still has the reason `reauthorization-needed`.
#[tokio::test(flavor = "multi_thread")]
async fn posts_that_waited_for_a_token_and_whose_process_died_are_delivered_without_a_hot_loop() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let incidents = [world.incident(), world.incident(), world.incident()];
    let sessions = incidents.each_ref().map(|incident| world.session(incident));
    for session in &sessions {
        world.post(session, Phase::Start).await;
    }
    world.deliver().await;
    for session in &sessions {
        assert_eq!(
            world.entry(session).await["reason"],
            "reauthorization-needed"
        );
    }
    world.authorize().await;
    assert_eq!(world.poller().poll_once().await, 1, "the wake-up");
    let writing = InjectedFault::on(RequestMatcher::of("PATCH", "/table/incident")).times(3);
    world
        .servicenow()
        .fault(writing.then(FaultAction::Delay(A_MOMENT)));
    world.kill_during("PATCH").await;
    tokio::time::sleep(A_MOMENT * 2).await;
    for session in &sessions {
        let entry = world.entry(session).await;
        assert_eq!(entry["state"], "delivering", "{entry:?}");
        assert_eq!(entry["reason"], "reauthorization-needed");
    }
    world.cloud.travel(Duration::from_secs(LEASE + 1));
    for round in 0..6 {
        let taken = world.poller().poll_once().await;
        eprintln!("round {round}: {taken} messages");
    }
    for (session, incident) in sessions.iter().zip(&incidents) {
        let entry = world.entry(session).await;
        assert_eq!(entry["state"], "delivered", "{entry:?}");
        assert_eq!(world.notes(incident).len(), 1);
    }
}

/// `CreationClaim::Exists` where notes cannot be read: the post itself has written nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_written_to_a_record_that_another_post_just_created_where_notes_cannot_be_read() {
    let world = World::start().await;
    world.incident();
    hide_notes(&world);
    let session = world.console_session();
    for phase in [Phase::Start, Phase::End] {
        world.post(&session, phase).await;
        let body = world.queued().last().expect("queued").body.clone();
        world.enqueue(&body, &format!("{phase:?}")).await;
    }
    // One of the two searches, finds nothing, and continues after the other has created the record.
    let looking = RequestMatcher::of("GET", "/table/incident");
    let late = FaultAction::CommitThenDelay(Duration::from_secs(2));
    world
        .servicenow()
        .fault(InjectedFault::on(looking).then(late));
    world.deliver_until_empty().await;
    let dead_letters: Vec<_> = world
        .dead_letters()
        .into_iter()
        .map(|dead_letter| dead_letter.reason)
        .collect();
    assert!(dead_letters.is_empty(), "{dead_letters:?}");
    for entry in world.posts(&session).await {
        assert_eq!(entry["state"], "delivered", "{entry:?}");
    }
}

/// The reopening took effect, and the note was not sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_reopening_does_not_prevent_the_note_where_notes_cannot_be_read() {
    let world = World::with_session_setting("closed_records = \"reopen\"").await;
    hide_notes(&world);
    let record = world.servicenow().add_incident(&[("state", "7")]);
    let writing = RequestMatcher::of("PATCH", &record.sys_id).body_containing("work_notes");
    let busy = InjectedFault::on(writing).then(FaultAction::status(503));
    world.servicenow().fault(busy);
    let session = world.session(&record);
    world.post(&session, Phase::Start).await;
    world.deliver_until_empty().await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered", "{entry:?}");
    assert_eq!(world.notes(&record).len(), 1);
}

/// The note names its attachment, which was confirmed before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_found_note_finishes_its_post_where_names_of_attachments_cannot_be_read() {
    let world = World::with_settings(|file| {
        file.replace("[sessions]", "[sessions]\nchat = \"attachment\"")
    })
    .await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    session.say("Ana Ruiz", "hello");
    world.post(&session, Phase::Start).await;
    let nameless = FaultAction::Status {
        code: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: format!(
            r#"{{"result":[{{"sys_id":"{}","table_sys_id":"{}"}}]}}"#,
            "1".repeat(32),
            incident.sys_id
        ),
    };
    let servicenow = world.servicenow();
    let writing = RequestMatcher::of("PATCH", &incident.sys_id);
    servicenow.fault(InjectedFault::on(writing).then(FaultAction::CommitThenDrop));
    let listing = InjectedFault::on(RequestMatcher::of("GET", "/api/now/attachment"));
    servicenow.fault(listing.always().then(nameless));
    world.deliver_until_empty().await;
    assert_eq!(servicenow.attachments(&incident.sys_id).len(), 1);
    assert_eq!(world.notes(&incident).len(), 1);
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered", "{entry:?}");
}

/// The columns that an earlier attempt's answer showed as dropped.
#[tokio::test(flavor = "multi_thread")]
async fn columns_dropped_before_a_wait_are_in_the_ledger() {
    let world = World::with_settings(|file| {
        file.replace("[sessions]", "[sessions]\nchat = \"attachment\"")
    })
    .await;
    world.servicenow().configure(|rules| {
        rules.unwritable_columns.insert("correlation_id".to_owned());
    });
    let mut session = world.console_session();
    session.say("Ana Ruiz", "hello");
    let writing = RequestMatcher::of("PATCH", "/table/incident");
    world
        .servicenow()
        .fault(InjectedFault::on(writing).then(FaultAction::status(503)));
    world.post(&session, Phase::Start).await;
    world.deliver_until_empty().await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered", "{entry:?}");
    assert_eq!(
        entry.get("dropped_columns").map(String::as_str),
        Some(r#"Ss(["correlation_id"])"#),
        "{entry:?}"
    );
}

/// A refused creation has no effect, so no post waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_creation_does_not_hold_the_end_of_its_session_up() {
    let world = World::start().await;
    let session = world.console_session();
    let creating = RequestMatcher::of("POST", "/table/incident");
    let refused = FaultAction::Status {
        code: 403,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: r#"{"error":{"message":"Operation Failed","detail":"x"},"status":"failure"}"#
            .to_owned(),
    };
    world
        .servicenow()
        .fault(InjectedFault::on(creating).then(refused));
    world.post(&session, Phase::Start).await;
    world.post(&session, Phase::End).await;
    world.deliver().await;
    let states: Vec<_> = world
        .posts(&session)
        .await
        .into_iter()
        .map(|entry| (entry["event"].clone(), entry["state"].clone()))
        .collect();
    assert!(
        states.contains(&("ended".to_owned(), "delivered".to_owned())),
        "{states:?}"
    );
}

/// The operator names another record for a post whose note may be on the first record.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_named_for_a_post_of_unknown_outcome_makes_no_second_note() {
    let world = World::start().await;
    hide_notes(&world);
    let (first, second) = (world.incident(), world.incident());
    let session = world.session(&first);
    let writing = RequestMatcher::of("PATCH", &first.sys_id);
    world
        .servicenow()
        .fault(InjectedFault::on(writing).then(FaultAction::CommitThenDrop));
    world.post(&session, Phase::Start).await;
    world.deliver_until_empty().await;
    assert_eq!(world.entry(&session).await["reason"], "outcome-unknown");
    world
        .servicenow()
        .configure(|rules| rules.unreadable_columns.clear());
    let dead_letters = admin::dlq::list(&world.cloud.stack, &admin::dlq::Filter::default())
        .await
        .expect("dead letters");
    let number = shared::domain::record::RecordNumber::parse(&second.number).expect("a number");
    let testing = shared::environment::Testing {
        allow_loopback: true,
        ..shared::environment::Testing::default()
    };
    let redriven = admin::dlq::redrive_one(
        &world.cloud.stack,
        &testing,
        &dead_letters.dead_letters[0].id,
        Some(&number),
    )
    .await;
    eprintln!("{redriven:?}");
    world.deliver_until_empty().await;
    let both = (world.notes(&first).len(), world.notes(&second).len());
    assert_eq!(both.0 + both.1, 1, "{both:?}");
}

/// An interrupted check of a day-old post is repeated as a check.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_post_whose_check_was_interrupted_is_not_written_again() {
    let world = World::with_session_setting("closed_records = \"reopen\"").await;
    let incident = world.incident();
    let session = world.session(&incident);
    let writing = || InjectedFault::on(RequestMatcher::of("PATCH", &incident.sys_id));
    world.servicenow().fault(writing());
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    world
        .servicenow()
        .fault(writing().then(FaultAction::DropBefore));
    world.deliver_after(24 * 3600).await;
    let body = world.queued()[0].body.clone();
    world.cloud.travel(Duration::from_secs(71));
    let looking = InjectedFault::on(RequestMatcher::of("GET", &incident.sys_id));
    let slow = FaultAction::Delay(Duration::from_secs(5));
    world.servicenow().fault(looking.then(slow));
    let short = super::waiting::with_timeout(&world, Duration::from_secs(79));
    let sent = world
        .cloud
        .clock
        .now()
        .minus(Duration::from_secs(25 * 3600))
        .as_millis();
    let event = serde_json::json!({"Records": [{
        "messageId": "one",
        "receiptHandle": "unknown",
        "body": body,
        "attributes": {"MessageGroupId": "group", "SentTimestamp": sent.to_string()},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }]});
    let answered = short.invoke(event.to_string().into_bytes()).await;
    eprintln!(
        "{:?}",
        answered
            .result
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    );
    short.shutdown().await;
    let entry = world.entry(&session).await;
    eprintln!("{entry:?}");
    assert_eq!(entry["state"], "waiting");
    let mark = world.servicenow().mark();
    world.deliver_until_empty().await;
    let called = world.called_since(mark);
    assert!(
        called.iter().all(|call| call.starts_with("GET")),
        "{called:?}"
    );
    assert_eq!(world.entry(&session).await["state"], "failed");
}
