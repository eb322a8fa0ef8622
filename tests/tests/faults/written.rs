//! Writes that the answer does not show, and the reasons of refusals.

use std::time::Duration;

use local::demo_tenant;
use local::rescue::{Phase, Session};
use local::servicenow::Created;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use tests::World;
use tests::injected::json;

use super::{A_MOMENT, hide_column, only_dead_letter};

const INCIDENTS: &str = "incident";
/// The messages of a killed process come back after this.
const VISIBILITY: u64 = 1800;

fn drop_column(world: &World, column: &'static str) {
    let servicenow = world.servicenow();
    servicenow.configure(|rules| {
        rules.unwritable_columns.insert(column.to_owned());
    });
}

fn take_all_columns(world: &World) {
    let servicenow = world.servicenow();
    servicenow.configure(|rules| rules.unwritable_columns.clear());
}

/// The only record that was created for a session.
fn created(world: &World, session: &Session) -> Created {
    let records = world.servicenow().records(INCIDENTS).into_iter();
    let mut records: Vec<_> = records
        .filter(|row| row["short_description"].contains(&session.id))
        .map(|row| Created {
            sys_id: row["sys_id"].clone(),
            number: row["number"].clone(),
        })
        .collect();
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

/// An access rule may make the Table API ignore a field and still answer 200 (vendor article KB2971488).
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_note_is_dead_lettered_and_redriving_checks_first() {
    let world = World::start().await;
    let (servicenow, incident) = (world.servicenow(), world.incident());
    servicenow.set_field(INCIDENTS, &incident.sys_id, "work_notes", "an older note");
    drop_column(&world, "work_notes");
    let session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    world.deliver().await;

    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "failed");
    assert_eq!(entry["reason"], "note-not-visible");
    let dead_letter = only_dead_letter(&world);
    assert_eq!(dead_letter.reason, "note-not-visible");
    assert_eq!(world.notes(&incident), ["an older note"]);

    take_all_columns(&world);
    let mark = servicenow.mark();
    world.enqueue(&dead_letter.body, "again").await;
    world.deliver().await;
    let path = format!("/api/now/v2/table/incident/{}", incident.sys_id);
    assert_eq!(
        world.called_since(mark),
        [format!("GET {path}"), format!("PATCH {path}")]
    );
    assert_eq!(world.notes(&incident).len(), 2);
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered");
    assert!(!entry.contains_key("reason"), "{entry:?}");
}

/// The record may have the note although the answer did not show it; redriving then writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_becomes_visible_later_is_not_written_again() {
    let (world, incident, session) = World::with_session().await;
    let empty = FaultAction::CommitThenStatus {
        code: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: format!(
            r#"{{"result":{{"sys_id":"{}","number":"{}","work_notes":""}}}}"#,
            incident.sys_id, incident.number
        ),
    };
    world.inject_write(&incident, empty);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let dead_letter = only_dead_letter(&world);
    assert_eq!(dead_letter.reason, "note-not-visible");
    world.enqueue(&dead_letter.body, "again").await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.state(&session).await, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_created_without_its_note_gets_it_when_redriven() {
    let world = World::start().await;
    drop_column(&world, "work_notes");
    let session = world.console_session();
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let record = created(&world, &session);
    let dead_letter = only_dead_letter(&world);
    assert_eq!(dead_letter.reason, "note-not-visible");
    assert!(world.notes(&record).is_empty());

    take_all_columns(&world);
    world.enqueue(&dead_letter.body, "again").await;
    world.deliver().await;
    assert_eq!(created(&world, &session), record, "no second record");
    assert_eq!(world.notes(&record).len(), 1);
    assert_eq!(world.state(&session).await, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_notes_cannot_be_read_a_confirmed_write_is_delivered_and_counted_as_unverified() {
    let world = World::start().await;
    let incident = world.incident();
    let verified = world.session(&incident);
    world.post(&verified, Phase::Start).await;
    world.deliver().await;
    assert!(!world.output().contains("NoteNotVerified"));

    hide_column(&world, "work_notes");
    let session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    assert_eq!(world.state(&session).await, "delivered");
    assert_eq!(world.notes(&incident).len(), 2);
    assert!(world.dead_letters().is_empty());
    assert!(world.output().contains("\"NoteNotVerified\":1"));
}

/// The newest note comes first, so a history of any length needs one call and little memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_seen_on_a_record_with_a_long_history() {
    let world = World::start().await;
    let (servicenow, incident) = (world.servicenow(), world.incident());
    let long = "Grüße 🙂 \"zitiert\"\n".repeat(4_000);
    for _ in 0..20 {
        servicenow.set_field(INCIDENTS, &incident.sys_id, "work_notes", &long);
    }
    let session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    assert_eq!(world.state(&session).await, "delivered");
    assert!(world.output().contains("\"Delivered\":1"));
    assert!(!world.output().contains("NoteNotVerified"));

    drop_column(&world, "work_notes");
    let dropped = world.session(&incident);
    world.post(&dropped, Phase::Start).await;
    world.deliver().await;
    assert_eq!(world.entry(&dropped).await["reason"], "note-not-visible");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_mentions_no_reopening_that_did_not_happen() {
    let world = World::with_session_setting("closed_records = \"reopen\"").await;
    let dropped = world.servicenow().add_incident(&[("state", "7")]);
    let refused = world.servicenow().add_incident(&[("state", "7")]);
    drop_column(&world, "state");
    let body = r#"{"error":{"message":"Operation Failed","detail":"Operation against file 'incident' was aborted by Business Rule 'Closed is closed^0f1e2d3c4b5a69788796a5b4c3d2e1f0'. Business Rule Stack:Closed is closed"},"status":"failure"}"#;
    let reopening = World::writes_to(&refused).body_containing("\"state\"");
    world.inject_always(reopening, json(403, body));
    for record in [&dropped, &refused] {
        let session = world.session(record);
        world.post(&session, Phase::Start).await;
        world.deliver().await;
        let notes = world.notes(record);
        assert_eq!(notes.len(), 1);
        assert!(!notes[0].contains("reopened"), "{notes:?}");
        let entry = world.entry(&session).await;
        assert_eq!(entry["state"], "delivered");
        assert!(entry["dropped_columns"].contains("\"state\""), "{entry:?}");
        let row = world.servicenow().record(INCIDENTS, &record.sys_id);
        assert_eq!(row.expect("the record")["state"], "7");
    }
    assert!(world.output().contains("Closed is closed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_between_a_reopening_and_its_note_leaves_one_note() {
    for action in [
        FaultAction::Delay(A_MOMENT),
        FaultAction::CommitThenDelay(A_MOMENT),
    ] {
        for nth in [0, 1] {
            let world = World::with_session_setting("closed_records = \"reopen\"").await;
            let record = world.servicenow().add_incident(&[("state", "7")]);
            let session = world.session(&record);
            world.post(&session, Phase::Start).await;
            let fault = InjectedFault::on(RequestMatcher::of("PATCH", &record.sys_id))
                .after(nth)
                .then(action.clone());
            world.servicenow().fault(fault);
            let mark = world.servicenow().mark();
            let patches = || {
                let since = world.servicenow().since(mark);
                since.iter().filter(|call| call.method == "PATCH").count()
            };
            futures::join!(world.poller().poll_once(), async {
                while patches() <= nth as usize {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                world.function("deliver-session").kill().await;
            });
            tokio::time::sleep(A_MOMENT).await;
            world.deliver_after(VISIBILITY).await;
            assert_eq!(world.notes(&record).len(), 1, "{nth} {action:?}");
            assert_eq!(world.state(&session).await, "delivered");
            let row = world.servicenow().record(INCIDENTS, &record.sys_id);
            assert_eq!(row.expect("the record")["state"], "2");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_columns_are_in_the_ledger_and_the_log_and_in_no_note() {
    let world = World::with_settings(|file| {
        file.replace(
            demo_tenant::TYPED_COLUMN,
            "WorkTime = \"u_rescue_time\"\nPlatform = \"u_platform\"\nTechName = \"u_none\"",
        )
    })
    .await;
    let servicenow = world.servicenow();
    for column in ["u_rescue_time", "u_platform"] {
        servicenow.add_column(INCIDENTS, column);
    }
    drop_column(&world, "u_rescue_time");
    let incident = world.incident();
    let session = world.session(&incident);
    world.post(&session, Phase::End).await;
    world.deliver().await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered");
    let dropped = r#"Ss(["u_none", "u_rescue_time"])"#;
    assert_eq!(entry["dropped_columns"], dropped);
    assert!(world.output().contains("u_rescue_time"));
    let notes = world.notes(&incident);
    assert!(!notes[0].contains("u_rescue_time"), "{notes:?}");
}

/// Without its `correlation_id`, only the ledger links a created record to its session.
#[tokio::test(flavor = "multi_thread")]
async fn a_created_record_without_its_correlation_id_still_gets_the_sessions_other_notes() {
    let world = World::start().await;
    drop_column(&world, "correlation_id");
    let session = world.console_session();
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered");
    assert_eq!(entry["dropped_columns"], r#"Ss(["correlation_id"])"#);
    world.post(&session, Phase::End).await;
    world.deliver().await;
    assert_eq!(world.notes(&created(&world, &session)).len(), 2);
}

/// The bodies are those of the vendor's REST API; field, rule and table names are configuration.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_keeps_its_reason_in_the_log_the_ledger_and_the_dead_letter() {
    let world = World::start().await;
    for (status, message, detail, reason) in [
        (
            403,
            "Operation Failed",
            "Data Policy Exception: The following fields are mandatory: Business service",
            "Data Policy Exception: The following fields are mandatory: Business service",
        ),
        (
            403,
            "Operation Failed",
            "Operation against file 'incident' was aborted by Business Rule 'Lock closed records^0f1e2d3c4b5a69788796a5b4c3d2e1f0'. Business Rule Stack:Lock closed records",
            "aborted by Business Rule 'Lock closed records'",
        ),
        (
            403,
            "Operation Failed",
            "ACL Exception Update Failed due to security constraints",
            "ACL Exception Update Failed due to security constraints",
        ),
        (
            400,
            "Invalid table incidents",
            "",
            "Invalid table incidents",
        ),
        (
            403,
            "Ana Ruiz may not do that",
            "ask ana@acme.test",
            "another message",
        ),
    ] {
        let incident = world.incident();
        let session = world.session(&incident);
        let body = serde_json::json!({"error": {"message": message, "detail": detail}, "status": "failure"});
        world.inject_every_write(&incident, json(status, &body.to_string()));
        world.post(&session, Phase::Start).await;
        world.deliver().await;
        let entry = world.entry(&session).await;
        assert_eq!(entry["reason"], "servicenow-refused");
        let expected = format!("{status} {reason}");
        assert_eq!(entry["detail"], expected);
        let dead_letters = world.dead_letters();
        let dead_letter = dead_letters
            .iter()
            .find(|dead_letter| dead_letter.attributes["session_id"] == session.id)
            .expect("a dead letter");
        assert_eq!(dead_letter.attributes["detail"], expected);
        assert!(world.output().contains(&expected), "{expected}");
    }
    for hidden in ["0f1e2d3c4b5a", "Ana Ruiz may", "ana@acme.test"] {
        for dead_letter in world.dead_letters() {
            let attributes = format!("{:?}", dead_letter.attributes);
            assert!(!attributes.contains(hidden), "{attributes}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_a_data_policy_refuses_names_the_policys_field() {
    let world = World::start().await;
    let session = world.console_session();
    let body = r#"{"error":{"message":"Operation Failed","detail":"Data Policy Exception: The following fields are mandatory: Business service"},"status":"failure"}"#;
    let creating = RequestMatcher::of("POST", "/table/incident");
    world.inject_always(creating, json(403, body));
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let expected =
        "403 Data Policy Exception: The following fields are mandatory: Business service";
    let entry = world.entry(&session).await;
    assert_eq!(entry["reason"], "servicenow-refused");
    assert_eq!(entry["detail"], expected);
    assert_eq!(only_dead_letter(&world).attributes["detail"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_failure_is_removed_when_the_post_is_delivered() {
    let (world, _incident, session) = World::with_session().await;
    let rules = |rule: Option<&str>| {
        world.servicenow().configure(|rules| {
            rules.aborting_rules.clear();
            let rule = rule.map(|rule| (INCIDENTS.to_owned(), rule.to_owned()));
            rules.aborting_rules.extend(rule);
        });
    };
    rules(Some("Freeze"));
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["detail"], "403 aborted by Business Rule 'Freeze'");
    rules(None);
    world.enqueue(&only_dead_letter(&world).body, "again").await;
    world.deliver().await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered");
    assert!(!entry.contains_key("detail"), "{entry:?}");
}

fn refuse_attachments(world: &World, refuse: bool) {
    world.servicenow().configure(|rules| {
        rules.unwritable_tables.clear();
        let table = refuse.then(|| "sys_attachment".to_owned());
        rules.unwritable_tables.extend(table);
    });
}

/// The note is written with a remark, the post is dead-lettered so that its text is kept, and redriving attaches the text
/// without a second note.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_attachment_loses_neither_the_note_nor_the_text() {
    let world = World::with_session_setting("chat = \"attachment\"").await;
    refuse_attachments(&world, true);
    let incident = world.incident();
    let named = world.session(&incident);
    let unnamed = world.console_session();
    let mut records = Vec::new();
    for mut session in [named, unnamed] {
        session.say("Ana Ruiz", "hello from the chat");
        world.post(&session, Phase::Start).await;
        world.deliver().await;
        let record = if records.is_empty() {
            incident.clone()
        } else {
            created(&world, &session)
        };
        let notes = world.notes(&record);
        assert_eq!(notes.len(), 1, "{notes:?}");
        let remark = "ServiceNow refused the attachment rescue-";
        assert!(notes[0].contains(remark), "{notes:?}");
        assert!(!notes[0].contains("is in the attachment"), "{notes:?}");
        let entry = world.entry(&session).await;
        assert_eq!(entry["reason"], "attachment-refused");
        let refused = entry["detail"].starts_with("403 ACL Exception");
        assert!(refused, "{entry:?}");
        records.push((session, record));
    }
    let dead_letters = world.dead_letters();
    assert_eq!(dead_letters.len(), 2);
    for dead_letter in &dead_letters {
        assert_eq!(dead_letter.reason, "attachment-refused");
        assert!(dead_letter.attributes["detail"].starts_with("403 ACL Exception"));
    }

    // ServiceNow still refuses: another dead letter, and no second note.
    world.enqueue(&dead_letters[0].body, "early").await;
    world.deliver().await;
    assert_eq!(world.dead_letters().len(), 3);
    assert_eq!(world.notes(&incident).len(), 1);

    refuse_attachments(&world, false);
    for dead_letter in &dead_letters {
        for copy in ["one", "two"] {
            world.enqueue(&dead_letter.body, copy).await;
            world.deliver().await;
        }
    }
    for (session, record) in &records {
        assert_eq!(world.state(session).await, "delivered");
        assert_eq!(world.notes(record).len(), 1);
        let attachments = world.servicenow().attachments(&record.sys_id);
        assert_eq!(attachments.len(), 1, "{attachments:?}");
        assert!(attachments[0].1.contains("hello from the chat"));
    }
}

/// The note shows the beginning of the text; the attachment holds the whole text, so no line is lost.
#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_a_refused_overflow_is_attached_whole_when_redriven() {
    let world = World::start().await;
    refuse_attachments(&world, true);
    let incident = world.incident();
    let mut session = world.session(&incident);
    for line in 0..1_500 {
        session.say("Ana Ruiz", &format!("line {line} of the chat"));
    }
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let notes = world.notes(&incident);
    assert!(notes[0].contains("line 0 of") && !notes[0].contains("line 1499 of"));
    assert!(notes[0].contains("ServiceNow refused the attachment rescue-"));
    refuse_attachments(&world, false);
    world.enqueue(&only_dead_letter(&world).body, "again").await;
    world.deliver().await;
    let attachments = world.servicenow().attachments(&incident.sys_id);
    assert_eq!(attachments.len(), 1);
    for line in 0..1_500 {
        let line = format!("line {line} of");
        assert!(attachments[0].1.contains(&line), "{line}");
    }
    assert_eq!(world.notes(&incident).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_after_the_note_of_a_refused_attachment_leaves_one_note_and_a_dead_letter()
{
    let world = World::with_session_setting("chat = \"attachment\"").await;
    refuse_attachments(&world, true);
    let incident = world.incident();
    let mut session = world.session(&incident);
    session.say("Ana Ruiz", "hello from the chat");
    world.post(&session, Phase::Start).await;
    world.inject_write(&incident, FaultAction::CommitThenDelay(A_MOMENT));
    world.kill_during("PATCH").await;
    world.until_notes(&incident, 1).await;
    world.deliver_after(VISIBILITY).await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(only_dead_letter(&world).reason, "attachment-refused");
}

/// The note's marker comes before all untrusted text, so a cut keeps it.
#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_the_database_cut_at_an_emoji_is_not_written_twice() {
    let world = World::start().await;
    world
        .servicenow()
        .configure(|rules| rules.cuts_at_four_byte_characters = true);
    let (lost, answered) = (world.incident(), world.incident());
    for record in [&lost, &answered] {
        let session = world.session(record).with_field("TechName", "Ana 🛠 Ruiz");
        world.post(&session, Phase::Start).await;
    }
    world.inject_write(&lost, FaultAction::CommitThenDrop);
    world.deliver_until_empty().await;
    for record in [&lost, &answered] {
        let notes = world.notes(record);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("Ana ") && !notes[0].contains("Ruiz"));
    }
    assert!(world.dead_letters().is_empty());
}
