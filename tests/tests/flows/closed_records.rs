//! `closed_records`: what happens when the record is closed.

use std::time::Duration;

use local::rescue::{Phase, Session};
use local::servicenow::Created;
use local::simulator::{FaultAction, RequestMatcher};
use tests::settings::{console_sessions, with_line};
use tests::{World, assert_contains};

const INCIDENTS: &str = "incident";
const CASES: &str = "sn_customerservice_case";

/// Each kind of record in each state that counts as closed.
fn closed(world: &World) -> Vec<(&'static str, Created)> {
    let servicenow = world.servicenow();
    let mut records = Vec::new();
    for state in ["6", "7", "8"] {
        records.push((INCIDENTS, servicenow.add_incident(&[("state", state)])));
    }
    for state in ["3", "6", "7"] {
        records.push((CASES, servicenow.add_case(&[("state", state)])));
    }
    let inactive = [("active", "false")];
    records.push((INCIDENTS, servicenow.add_incident(&inactive)));
    records.push((CASES, servicenow.add_case(&inactive)));
    records
}

fn notes(world: &World, table: &str, sys_id: &str) -> Vec<String> {
    world.servicenow().work_notes(table, sys_id)
}

fn column(world: &World, table: &str, record: &Created, name: &str) -> String {
    let row = world.servicenow().record(table, &record.sys_id);
    row.expect("the record")[name].clone()
}

/// The identifiers of the follow-up records of a session, in the order of creation.
fn follow_ups(world: &World, table: &str, session: &Session) -> Vec<String> {
    let prefix = format!("rescue:{}", session.id);
    let rows = world.servicenow().records(table).into_iter();
    rows.filter(|row| {
        row.get("correlation_id")
            .is_some_and(|id| id.starts_with(&prefix))
    })
    .map(|row| row["sys_id"].clone())
    .collect()
}

async fn deliver_to_all(world: &World, records: &[(&'static str, Created)]) -> Vec<Session> {
    let mut sessions = Vec::new();
    for (_, record) in records {
        let session = world.session(record);
        world.post(&session, Phase::Start).await;
        sessions.push(session);
    }
    world.deliver().await;
    let dead_letters = world.dead_letters();
    assert!(dead_letters.is_empty(), "{dead_letters:?}");
    sessions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_record_gets_its_note_and_stays_closed() {
    let world = World::with_session_setting("closed_records = \"note\"").await;
    let records = closed(&world);
    let before: Vec<_> = records
        .iter()
        .map(|(table, record)| column(&world, table, record, "state"))
        .collect();
    deliver_to_all(&world, &records).await;
    for ((table, record), state) in records.iter().zip(before) {
        assert_eq!(notes(&world, table, &record.sys_id).len(), 1);
        assert_eq!(column(&world, table, record, "state"), state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_record_is_reopened_with_its_note() {
    let world = World::with_session_setting("closed_records = \"reopen\"").await;
    let records = closed(&world);
    let open = world.incident();
    let sessions = deliver_to_all(&world, &records).await;
    for (table, record) in &records {
        let notes = notes(&world, table, &record.sys_id);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("has been reopened"), "{notes:?}");
        let state = if *table == INCIDENTS { "2" } else { "10" };
        assert_eq!(column(&world, table, record, "state"), state);
        assert_eq!(column(&world, table, record, "active"), "true");
    }
    world.post(&sessions[0], Phase::End).await;
    world
        .post_and_deliver(&world.session(&open), Phase::Start)
        .await;
    let again = notes(&world, INCIDENTS, &records[0].1.sys_id);
    assert_eq!(again.len(), 2);
    assert!(!again[1].contains("has been reopened"), "{again:?}");
    let state = column(&world, INCIDENTS, &open, "state");
    assert_eq!(state, "1", "an open record stays as it is");
}

/// `new` creates a record of the same table, independent of `console_sessions`.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_record_is_followed_by_a_new_one_of_its_table() {
    let change = |file: String| {
        let file = with_line(&file, "sessions", "closed_records = \"new\"");
        console_sessions(&file, "ignore")
    };
    let world = World::with_settings(change).await;
    let records = closed(&world);
    let sessions = deliver_to_all(&world, &records).await;
    for session in &sessions {
        world.post(session, Phase::End).await;
    }
    world.deliver().await;
    for ((table, record), session) in records.iter().zip(&sessions) {
        assert!(notes(&world, table, &record.sys_id).is_empty());
        let created = follow_ups(&world, table, session);
        assert_eq!(created.len(), 1, "start and end share it");
        let notes = notes(&world, table, &created[0]);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert_contains(&notes[0], &[&format!("follows {}", record.number)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_closed_between_start_and_end_is_followed_from_the_end_on() {
    for table in [INCIDENTS, CASES] {
        let world = World::with_session_setting("closed_records = \"new\"").await;
        let record = if table == INCIDENTS {
            world.incident()
        } else {
            world.servicenow().add_case(&[])
        };
        let session = world.session(&record);
        world.post_and_deliver(&session, Phase::Start).await;
        let instance = world.servicenow();
        instance.set_field(table, &record.sys_id, "state", "7");
        world.post_and_deliver(&session, Phase::End).await;
        assert_eq!(notes(&world, table, &record.sys_id).len(), 1);
        let created = follow_ups(&world, table, &session);
        assert_eq!(created.len(), 1);
        assert_eq!(notes(&world, table, &created[0]).len(), 1);
    }
}

/// The connector created the record, and its follow-up record is closed as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_created_record_is_followed_each_time_it_is_closed() {
    let world = World::with_session_setting("closed_records = \"new\"").await;
    let mut session = world.console_session();
    for post in 1..=3 {
        session.say("Ana Ruiz", &format!("post {post}"));
        world.post_and_deliver(&session, Phase::Start).await;
        let records = follow_ups(&world, INCIDENTS, &session);
        assert_eq!(records.len(), post);
        let last = records.last().expect("a record");
        let notes = notes(&world, INCIDENTS, last);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains(&format!("post {post}")), "{notes:?}");
        world.servicenow().set_field(INCIDENTS, last, "state", "7");
    }
}

/// A world that follows closed records, a closed incident, and a session whose start is posted for it.
async fn post_for_closed_incident() -> (World, Created, Session) {
    let world = World::with_session_setting("closed_records = \"new\"").await;
    let record = world.servicenow().add_incident(&[("state", "7")]);
    let session = world.session(&record);
    world.post(&session, Phase::Start).await;
    (world, record, session)
}

/// docs/architecture.md#rule-2 with `new`.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_creates_a_follow_up_record_leaves_one_with_one_note() {
    let a_moment = Duration::from_millis(300);
    for action in [
        FaultAction::Delay(a_moment),
        FaultAction::CommitThenDelay(a_moment),
    ] {
        let (world, record, session) = post_for_closed_incident().await;
        let creating = RequestMatcher::of("POST", "/table/incident");
        world.inject_once(creating, action);
        world.kill_during("POST").await;
        tokio::time::sleep(a_moment).await;
        world.deliver_after(1800).await;
        world.post_and_deliver(&session, Phase::End).await;
        assert!(world.notes(&record).is_empty());
        let created = follow_ups(&world, INCIDENTS, &session);
        assert_eq!(created.len(), 1);
        assert_eq!(notes(&world, INCIDENTS, &created[0]).len(), 2);
    }
}

/// docs/architecture.md#rule-2: the answer was lost, and the follow-up record was closed before the next attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_record_after_a_lost_answer_is_found_although_it_is_closed() {
    let (world, _, session) = post_for_closed_incident().await;
    let creating = RequestMatcher::of("POST", "/table/incident");
    world.inject_once(creating, FaultAction::CommitThenDrop);
    world.deliver().await;
    let created = follow_ups(&world, INCIDENTS, &session);
    assert_eq!(created.len(), 1);
    let instance = world.servicenow();
    instance.set_field(INCIDENTS, &created[0], "state", "7");
    world.deliver_until_empty().await;
    assert_eq!(follow_ups(&world, INCIDENTS, &session), created);
    assert_eq!(notes(&world, INCIDENTS, &created[0]).len(), 1);
}

/// docs/architecture.md#rule-2: the answer was lost, and an agent reopened the first record before the next attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_record_after_a_lost_answer_is_found_although_its_record_is_open_again() {
    let world = World::with_session_setting("closed_records = \"new\"").await;
    let records = [FaultAction::CommitThenDrop, FaultAction::DropBefore].map(|action| {
        let record = world.servicenow().add_incident(&[("state", "7")]);
        let session = world.session(&record);
        let creating = RequestMatcher::of("POST", "/table/incident").body_containing(&session.id);
        world.inject_once(creating, action);
        (record, session)
    });
    for (_, session) in &records {
        world.post(session, Phase::Start).await;
    }
    world.deliver().await;
    for (record, _) in &records {
        for (name, value) in [("state", "2"), ("active", "true")] {
            let servicenow = world.servicenow();
            servicenow.set_field(INCIDENTS, &record.sys_id, name, value);
        }
    }
    world.deliver_until_empty().await;
    let [(committed, first), (lost, second)] = &records;
    let created = follow_ups(&world, INCIDENTS, first);
    assert_eq!(created.len(), 1);
    assert_eq!(notes(&world, INCIDENTS, &created[0]).len(), 1);
    assert!(world.notes(committed).is_empty());
    assert!(follow_ups(&world, INCIDENTS, second).is_empty());
    assert_eq!(world.notes(lost).len(), 1);
}

/// docs/architecture.md#rule-2: a reopening whose outcome is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn a_reopening_whose_answer_was_lost_leaves_one_note() {
    let world = World::with_session_setting("closed_records = \"reopen\"").await;
    let record = world.servicenow().add_incident(&[("state", "7")]);
    world.post(&world.session(&record), Phase::Start).await;
    world.inject_once(World::writes_to(&record), FaultAction::CommitThenDrop);
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&record).len(), 1);
    assert_eq!(column(&world, INCIDENTS, &record, "state"), "2");
}
