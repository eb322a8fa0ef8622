//! Two failures at once: an ended process and a waiting post, a dropped column and a 503, a refusal and a claim.

use std::time::Duration;

use local::rescue::Phase;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::json;
use shared::environment::Testing;
use tests::injected;
use tests::{LEASE, World};

use super::{
    A_MOMENT, assert_only_read_since, hide_attachment_names, hide_column, inject_creation,
    inject_search, invoke, post_in_own_group, show_columns, with_attachment,
};

/// After the crash the posts' ledger entries still have the reason `reauthorization-needed`.
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
        let entry = world.entry(session).await;
        assert_eq!(entry["reason"], "reauthorization-needed");
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
    for _ in 0..6 {
        world.poller().poll_once().await;
    }
    for (session, incident) in sessions.iter().zip(&incidents) {
        let entry = world.entry(session).await;
        assert_eq!(entry["state"], "delivered", "{entry:?}");
        assert_eq!(world.notes(incident).len(), 1, "{entry:?}");
    }
}

/// `CreationClaim::Exists` where notes cannot be read: the post itself has written nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_written_to_a_record_that_another_post_just_created_where_notes_cannot_be_read() {
    let world = World::start().await;
    world.incident();
    hide_column(&world, "work_notes");
    let session = world.console_session();
    for phase in [Phase::Start, Phase::End] {
        post_in_own_group(&world, &session, phase, &format!("{phase:?}")).await;
    }
    // One of the two searches, finds nothing, and continues after the other has created the record.
    let late = FaultAction::CommitThenDelay(Duration::from_secs(2));
    inject_search(&world, late);
    world.deliver_until_empty().await;
    let dead_letters = world.dead_letters();
    assert!(dead_letters.is_empty(), "{dead_letters:?}");
    let posts = world.posts(&session).await;
    assert_eq!(posts.len(), 2);
    for entry in posts {
        assert_eq!(entry["state"], "delivered", "{entry:?}");
    }
}

/// The reopening took effect, and the note was not sent.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_reopening_does_not_prevent_the_note_where_notes_cannot_be_read() {
    let world = World::with_session_setting("closed_records = \"reopen\"").await;
    hide_column(&world, "work_notes");
    let record = world.servicenow().add_incident(&[("state", "7")]);
    let noting = World::writes_to(&record).body_containing("work_notes");
    world.inject_once(noting, FaultAction::status(503));
    let session = world.session(&record);
    world.post(&session, Phase::Start).await;
    world.deliver_until_empty().await;
    assert_eq!(world.state(&session).await, "delivered");
    assert_eq!(world.notes(&record).len(), 1);
}

/// The note names its attachment, which was confirmed before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_found_note_finishes_its_post_where_names_of_attachments_cannot_be_read() {
    let (world, incident, session) = with_attachment().await;
    world.inject_write(&incident, FaultAction::CommitThenDrop);
    hide_attachment_names(&world, &incident);
    world.deliver_until_empty().await;
    assert_eq!(world.servicenow().attachments(&incident.sys_id).len(), 1);
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.state(&session).await, "delivered");
}

/// The columns that an earlier attempt's answer showed as dropped.
#[tokio::test(flavor = "multi_thread")]
async fn columns_dropped_before_a_wait_are_in_the_ledger() {
    let world = World::with_session_setting("chat = \"attachment\"").await;
    world.servicenow().configure(|rules| {
        rules.unwritable_columns.insert("correlation_id".to_owned());
    });
    let mut session = world.console_session();
    session.say("Ana Ruiz", "hello");
    let writing = RequestMatcher::of("PATCH", "/table/incident");
    world.inject_once(writing, FaultAction::status(503));
    world.post(&session, Phase::Start).await;
    world.deliver_until_empty().await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered", "{entry:?}");
    assert_eq!(entry["dropped_columns"], r#"Ss(["correlation_id"])"#);
}

/// A refused creation has no effect, so no post waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_creation_does_not_hold_the_end_of_its_session_up() {
    let world = World::start().await;
    let session = world.console_session();
    let refused = r#"{"error":{"message":"Operation Failed","detail":"x"},"status":"failure"}"#;
    inject_creation(&world, injected::json(403, refused));
    world.post(&session, Phase::Start).await;
    world.post(&session, Phase::End).await;
    world.deliver().await;
    let posts = world.posts(&session).await;
    let end = posts.iter().find(|entry| entry["event"] == "ended");
    assert_eq!(end.expect("the end")["state"], "delivered", "{posts:?}");
}

/// The operator names another record for a post whose note may be on the first record.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_named_for_a_post_of_unknown_outcome_makes_no_second_note() {
    let world = World::start().await;
    hide_column(&world, "work_notes");
    let (first, second) = (world.incident(), world.incident());
    let session = world.session(&first);
    world.inject_write(&first, FaultAction::CommitThenDrop);
    world.post(&session, Phase::Start).await;
    world.deliver_until_empty().await;
    assert_eq!(world.entry(&session).await["reason"], "outcome-unknown");
    show_columns(&world);
    let stack = &world.cloud.stack;
    let dead_letters = admin::dlq::list(stack, &admin::dlq::Filter::default()).await;
    let id = &dead_letters.expect("dead letters").dead_letters[0].id;
    let testing = Testing {
        allow_loopback: true,
        ..Testing::default()
    };
    let redriven = admin::dlq::redrive_one(stack, &testing, id, Some(&second.number)).await;
    let left = redriven.expect("answered").left;
    let because = &left[0].because;
    let expected = "its note is on the session's present record";
    assert!(because.starts_with(expected), "{because}");
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
    world.refuse_write(&incident, 503);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    world.inject_write(&incident, FaultAction::DropBefore);
    world.deliver_after(24 * 3600).await;
    let body = world.queued()[0].body.clone();
    world.cloud.travel(Duration::from_secs(71));
    let reading = RequestMatcher::of("GET", &incident.sys_id);
    let slow = FaultAction::Delay(Duration::from_secs(5));
    world.inject_once(reading, slow);
    let short = super::waiting::with_timeout(&world, Duration::from_secs(79));
    let sent = world.cloud.clock.now();
    let sent = sent.minus(Duration::from_secs(25 * 3600)).as_millis();
    let attributes = json!({"MessageGroupId": "group", "SentTimestamp": sent.to_string()});
    assert_eq!(invoke(&short, &body, attributes).await, 1);
    short.shutdown().await;
    assert_eq!(world.state(&session).await, "waiting");
    let mark = world.servicenow().mark();
    world.deliver_until_empty().await;
    assert_only_read_since(&world, mark);
    assert_eq!(world.entry(&session).await["state"], "failed");
}
