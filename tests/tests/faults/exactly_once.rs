//! docs/architecture.md#rule-2: the record shows each post's note once, after repeated posts and killed processes.

use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::rescue::Phase;
use local::servicenow::Created;
use local::simulator::{FaultAction, RequestMatcher};
use tests::injected::denied;
use tests::{World, until};

use super::{
    A_MOMENT, dead_letter_reasons, hide_attachment_names, hide_column, inject_creation,
    inject_creation_for, inject_search, notes_of_created, post_in_own_group, show_columns,
    with_attachment,
};

/// The messages of a killed process come back after this, when its claims have ended.
const VISIBILITY: u64 = tests::LEASE + 1;

/// The faults that leave a write's outcome unknown.
fn unknown_outcomes() -> Vec<FaultAction> {
    let committed = |code| FaultAction::CommitThenStatus {
        code,
        headers: Vec::new(),
        body: String::new(),
    };
    vec![
        FaultAction::CommitThenDrop,
        FaultAction::DropBefore,
        FaultAction::status(500),
        committed(500),
        FaultAction::status(502),
        committed(502),
        FaultAction::status(504),
        committed(504),
        FaultAction::Cancelled { committed: true },
        FaultAction::Cancelled { committed: false },
        FaultAction::TruncatedJson,
        FaultAction::MixedJson,
        FaultAction::Html,
        FaultAction::Accepted,
    ]
}

fn patches(world: &World, record: &Created) -> usize {
    let servicenow = world.servicenow();
    servicenow.requests_matching("PATCH", &record.sys_id).len()
}

/// Every fault has happened, and ServiceNow is not called within 69 s.
async fn assert_not_checked_for_seventy_seconds(world: &World) {
    assert_eq!(world.servicenow().pending_faults(), 0);
    let mark = world.servicenow().mark();
    world.deliver_after(69).await;
    world.assert_not_called_since(mark);
}

/// docs/architecture.md#rule-2: the record is checked before it is written again, 70 s after the last possible send.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_unknown_outcome_of_a_note_the_record_shows_it_once() {
    let world = World::start().await;
    let mut posts = Vec::new();
    for action in unknown_outcomes() {
        let incident = world.incident();
        let session = world.session(&incident);
        world.inject_write(&incident, action.clone());
        world.post(&session, Phase::Start).await;
        posts.push((action, incident, session));
    }
    let mark = world.cloud.aws.journal().mark();
    world.deliver().await;
    assert_eq!(world.hidden_since(mark), vec![70; posts.len()]);
    assert_not_checked_for_seventy_seconds(&world).await;

    world.deliver_until_empty().await;
    for (action, incident, session) in posts {
        assert_eq!(world.notes(&incident).len(), 1, "{action:?}");
        assert_eq!(world.state(&session).await, "delivered", "{action:?}");
    }
    assert!(world.dead_letters().is_empty());
}

/// docs/architecture.md#rule-2: a created record is looked up by its `correlation_id`.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_unknown_outcome_of_a_creation_there_is_one_record_with_one_note() {
    let world = World::start().await;
    let mut posts = Vec::new();
    for action in unknown_outcomes() {
        let session = world.console_session();
        inject_creation_for(&world, &session, action.clone());
        world.post(&session, Phase::Start).await;
        posts.push((action, session));
    }
    world.deliver().await;
    assert_not_checked_for_seventy_seconds(&world).await;

    world.deliver_until_empty().await;
    for (_, session) in &posts {
        world.post(session, Phase::End).await;
    }
    world.deliver().await;
    for (action, session) in posts {
        let notes = notes_of_created(&world, &session);
        assert_eq!(notes.len(), 1, "{action:?}: one record");
        assert_eq!(
            notes[0].len(),
            2,
            "{action:?}: start and end once: {notes:?}"
        );
    }
}

/// docs/architecture.md#rule-2.
#[tokio::test(flavor = "multi_thread")]
async fn five_deliveries_of_one_post_leave_one_note_and_one_record() {
    let world = World::start().await;
    let incident = world.incident();
    let (named, unnamed) = (world.session(&incident), world.console_session());
    let payloads = [
        world.post(&named, Phase::Start).await,
        world.post(&unnamed, Phase::Start).await,
    ];
    world.deliver().await;
    for _ in 0..4 {
        for payload in &payloads {
            world.post_again(payload, Phase::Start).await;
        }
        assert_eq!(world.deliver().await, 2, "SQS took it for a new one");
    }
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(notes_of_created(&world, &unnamed).concat().len(), 1);
    assert_eq!(patches(&world, &incident), 1);
}

/// docs/architecture.md#rule-2: a claim is a conditional write with an owner and a lease.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_one_message_in_several_processes_leave_one_note() {
    let (world, incident, session) = World::with_session().await;
    world.post(&session, Phase::Start).await;
    let body = world.queued()[0].body.clone();
    world.inject_write(&incident, FaultAction::Delay(A_MOMENT));
    world
        .deliver_and_meanwhile("PATCH", async || {
            for copy in ["a", "b", "c"] {
                world.enqueue(&body, copy).await;
                assert_eq!(world.poller().poll_once().await, 1);
            }
        })
        .await;
    let processes = world.function("deliver-session").starts();
    assert!(processes > 1, "several processes");
    let waiting = world.queued().len();
    assert_eq!(waiting, 3, "the copies wait for the first one's lease");
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(patches(&world, &incident), 1);
}

/// docs/architecture.md#rule-2: the groups of one batch are delivered side by side.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_one_message_in_one_batch_leave_one_record_and_one_note() {
    let world = World::start().await;
    let session = world.console_session();
    world.post(&session, Phase::Start).await;
    let body = world.queued()[0].body.clone();
    for copy in 0..5 {
        world.enqueue(&body, &format!("copy{copy}")).await;
    }
    world.deliver_until_empty().await;
    assert_eq!(notes_of_created(&world, &session).concat().len(), 1);
}

/// docs/architecture.md#rule-2: a crash while `delivering` is an unknown outcome.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_writes_a_note_leaves_one_note() {
    let world = World::start().await;
    for (when, action) in [
        ("before the effect", FaultAction::Delay(A_MOMENT)),
        ("after the effect", FaultAction::CommitThenDelay(A_MOMENT)),
    ] {
        let incident = world.incident();
        let session = world.session(&incident);
        world.post(&session, Phase::Start).await;
        world.inject_write(&incident, action);
        world.kill_during("PATCH").await;
        world.until_notes(&incident, 1).await;
        assert_eq!(world.state(&session).await, "delivering", "{when}");
        assert_eq!(world.deliver_after(VISIBILITY).await, 1, "{when}");
        assert_eq!(world.notes(&incident).len(), 1, "{when}");
        assert_eq!(world.state(&session).await, "delivered", "{when}");
        assert_eq!(patches(&world, &incident), 1, "{when}");
    }
}

/// docs/architecture.md#rule-2.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_creates_a_record_leaves_one_record_with_one_note() {
    let world = World::start().await;
    for (when, action) in [
        ("before the effect", FaultAction::Delay(A_MOMENT)),
        ("after the effect", FaultAction::CommitThenDelay(A_MOMENT)),
    ] {
        let session = world.console_session();
        world.post(&session, Phase::Start).await;
        inject_creation(&world, action);
        world.kill_during("POST").await;
        until(|| !notes_of_created(&world, &session).is_empty()).await;
        // A second creation would take effect meanwhile.
        tokio::time::sleep(A_MOMENT).await;
        assert_eq!(notes_of_created(&world, &session).len(), 1, "{when}");
        world.deliver_after(VISIBILITY).await;
        let notes = notes_of_created(&world, &session);
        assert_eq!(notes.len(), 1, "{when}: one record");
        assert_eq!(notes[0].len(), 1, "{when}: {notes:?}");
        assert_eq!(world.state(&session).await, "delivered", "{when}");
    }
}

/// docs/architecture.md#rule-2.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_searches_for_the_record_leaves_one_note() {
    let (world, incident, session) = World::with_session().await;
    world.post(&session, Phase::Start).await;
    inject_search(&world, FaultAction::Delay(A_MOMENT));
    world.kill_during("GET").await;
    world.deliver_after(VISIBILITY).await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.entry(&session).await["deaths"], "1");
}

/// docs/architecture.md#rule-2: attachments are written before their note, and found by name.
#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_is_not_doubled_when_its_note_or_its_own_answer_fails() {
    let world = World::with_session_setting("chat = \"attachment\"").await;
    let mut posts = Vec::new();
    for (name, action, of_the_attachment) in [
        ("note refused for now", FaultAction::status(503), false),
        ("note lost", FaultAction::DropBefore, false),
        ("note's answer lost", FaultAction::CommitThenDrop, false),
        ("attachment refused for now", FaultAction::status(503), true),
        ("attachment lost", FaultAction::DropBefore, true),
        ("its answer lost", FaultAction::CommitThenDrop, true),
        ("its answer cut", FaultAction::TruncatedJson, true),
    ] {
        let incident = world.incident();
        let mut session = world.session(&incident);
        session.say("Ana Ruiz", "hello");
        world.post(&session, Phase::Start).await;
        let matcher = if of_the_attachment {
            RequestMatcher::of("POST", &incident.sys_id)
        } else {
            World::writes_to(&incident)
        };
        world.inject_once(matcher, action);
        posts.push((name, incident));
    }
    world.deliver().await;
    assert_eq!(world.servicenow().pending_faults(), 0);
    world.deliver_until_empty().await;
    for (name, incident) in posts {
        let attachments = world.servicenow().attachments(&incident.sys_id);
        assert_eq!(attachments.len(), 1, "{name}: {attachments:?}");
        assert!(attachments[0].1.contains("hello"), "{name}");
        assert_eq!(world.notes(&incident).len(), 1, "{name}");
    }
}

/// docs/architecture.md#rule-2: the process dies between the attachment and its note.
#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_is_not_doubled_when_the_process_dies_before_its_note() {
    let (world, incident, _) = with_attachment().await;
    world.inject_write(&incident, FaultAction::Delay(A_MOMENT));
    world.kill_during("PATCH").await;
    world.until_notes(&incident, 1).await;
    world.deliver_after(VISIBILITY).await;
    assert_eq!(world.servicenow().attachments(&incident.sys_id).len(), 1);
    assert_eq!(world.notes(&incident).len(), 1);
}

/// An attachment whose name cannot be read cannot be found.
#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_is_not_doubled_where_the_names_of_attachments_cannot_be_read() {
    let (world, incident, session) = with_attachment().await;
    let attaching = RequestMatcher::of("POST", &incident.sys_id);
    world.inject_once(attaching, FaultAction::CommitThenDrop);
    hide_attachment_names(&world, &incident);
    world.deliver_until_empty().await;
    assert_eq!(world.servicenow().attachments(&incident.sys_id).len(), 1);
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "failed");
    assert_eq!(entry["reason"], "outcome-unknown");
    assert_eq!(entry["look_first"], "true");
}

/// An attachment counts as an effect although its note was throttled.
#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_without_its_note_is_not_doubled_where_names_cannot_be_read() {
    let (world, incident, session) = with_attachment().await;
    world.refuse_write(&incident, 503);
    let without_content_type = FaultAction::Status {
        code: 200,
        headers: Vec::new(),
        body: format!(r#"{{"result":[{{"sys_id":"{}"}}]}}"#, "1".repeat(32)),
    };
    let listing = RequestMatcher::of("GET", "/api/now/attachment");
    world.inject_once(listing, without_content_type);
    world.deliver_until_empty().await;
    assert_eq!(world.servicenow().attachments(&incident.sys_id).len(), 1);
    assert_eq!(world.entry(&session).await["reason"], "outcome-unknown");
}

/// One record per session does not depend on the queue's FIFO order.
#[tokio::test(flavor = "multi_thread")]
async fn two_posts_of_a_session_that_are_handled_at_once_make_one_record() {
    let world = World::start().await;
    let mut sessions = Vec::new();
    for nth in 0..8 {
        let session = world.console_session();
        for phase in [Phase::Start, Phase::End] {
            post_in_own_group(&world, &session, phase, &format!("{nth}-{phase:?}")).await;
        }
        sessions.push(session);
    }
    let poller = world.poller();
    futures::join!(poller.poll_once(), poller.poll_once(), poller.poll_once());
    world.deliver_until_empty().await;
    for session in sessions {
        let notes = notes_of_created(&world, &session);
        assert_eq!(notes.len(), 1, "one record");
        assert_eq!(notes[0].len(), 2, "each post once: {notes:?}");
    }
    assert!(world.dead_letters().is_empty());
}

/// The same for a follow-up record.
#[tokio::test(flavor = "multi_thread")]
async fn two_posts_of_a_session_that_are_handled_at_once_make_one_record_in_a_closed_ones_place() {
    let world = World::with_session_setting("closed_records = \"new\"").await;
    let servicenow = world.servicenow();
    let incident = servicenow.add_incident(&[("state", "6")]);
    let before = servicenow.records("incident").len();
    let session = world.session(&incident);
    for phase in [Phase::Start, Phase::End] {
        post_in_own_group(&world, &session, phase, &format!("{phase:?}")).await;
    }
    world.deliver_until_empty().await;
    assert_eq!(servicenow.records("incident").len(), before + 1);
    assert!(world.notes(&incident).is_empty());
}

/// The ledger may name another record for the session by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_created_by_a_killed_process_is_found_although_the_session_has_another_record() {
    let world = World::start().await;
    let incident = world.incident();
    let session = world.console_session();
    world.post(&session, Phase::Start).await;
    inject_creation(&world, FaultAction::CommitThenDelay(A_MOMENT));
    world.kill_during("POST").await;
    // A post of the session that names a record arrives in another group.
    let named = session.clone().with_field("CField1", &incident.number);
    world.post(&named, Phase::End).await;
    let body = world.queued().last().expect("queued").body.clone();
    world.enqueue(&body, "past-the-group").await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&incident).len(), 1, "the end alone");
    let notes = notes_of_created(&world, &session);
    assert_eq!(notes.concat().len(), 1, "the start alone: {notes:?}");
}

/// docs/architecture.md#rule-2: the ledger cannot be written after the note.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_failure_after_the_note_leads_to_no_second_note() {
    let world = World::start().await;
    for effect in [denied(), Effect::DropAfter] {
        let incident = world.incident();
        let session = world.session(&incident);
        world.post(&session, Phase::Start).await;
        world.inject_write(&incident, FaultAction::CommitThenDelay(A_MOMENT));
        world
            .deliver_and_meanwhile("PATCH", async || {
                let completing = AwsFault::once(Service::DynamoDb, "UpdateItem", effect.clone());
                world.cloud.aws.inject(completing);
            })
            .await;
        world.deliver_until_empty().await;
        assert_eq!(world.notes(&incident).len(), 1, "{effect:?}");
        assert_eq!(patches(&world, &incident), 1, "{effect:?}");
        assert_eq!(world.state(&session).await, "delivered", "{effect:?}");
    }
}

/// docs/architecture.md#rule-2: where `work_notes` cannot be read back, write nothing and dead-letter as `outcome-unknown`.
#[tokio::test(flavor = "multi_thread")]
async fn where_notes_cannot_be_read_back_nothing_is_written_again() {
    let world = World::start().await;
    hide_column(&world, "work_notes");
    let (written, lost) = (world.incident(), world.incident());
    let sessions = [world.session(&written), world.session(&lost)];
    for (record, action) in [
        (&written, FaultAction::CommitThenDrop),
        (&lost, FaultAction::DropBefore),
    ] {
        world.inject_write(record, action);
    }
    for session in &sessions {
        world.post(session, Phase::Start).await;
    }
    world.deliver_until_empty().await;
    for (record, session) in [&written, &lost].into_iter().zip(&sessions) {
        assert_eq!(patches(&world, record), 1);
        let entry = world.entry(session).await;
        assert_eq!(entry["state"], "failed");
        assert_eq!(entry["reason"], "outcome-unknown");
    }
    assert_eq!(dead_letter_reasons(&world), ["outcome-unknown"; 2]);

    show_columns(&world);
    for (dead_letter, group) in world.dead_letters().iter().zip(["a", "b"]) {
        world.enqueue(&dead_letter.body, group).await;
    }
    world.deliver().await;
    for record in [&written, &lost] {
        let notes = world.notes(record).len();
        assert_eq!(notes, 1, "sent again, the record is checked first");
    }
}

/// docs/architecture.md#rule-2: a creation where the service account may not read `correlation_id`.
#[tokio::test(flavor = "multi_thread")]
async fn where_created_records_cannot_be_looked_up_none_is_created_again() {
    let world = World::start().await;
    world.incident();
    hide_column(&world, "correlation_id");
    let (written, lost) = (world.console_session(), world.console_session());
    for (session, action) in [
        (&written, FaultAction::CommitThenDrop),
        (&lost, FaultAction::DropBefore),
    ] {
        inject_creation_for(&world, session, action);
        world.post(session, Phase::Start).await;
    }
    world.deliver_until_empty().await;
    for session in [&written, &lost] {
        assert_eq!(world.entry(session).await["reason"], "outcome-unknown");
    }
    assert_eq!(notes_of_created(&world, &written).len(), 1);
    assert_eq!(notes_of_created(&world, &lost).len(), 0);
}

/// docs/architecture.md#where-state-lives: the marker's pattern is neutralised in untrusted text.
#[tokio::test(flavor = "multi_thread")]
async fn a_marker_in_a_chat_does_not_count_as_the_note() {
    let world = World::start().await;
    let incident = world.incident();
    let honest = world.session(&incident);
    world.post(&honest, Phase::Start).await;
    let digest = world.queued()[0]
        .deduplication_id
        .clone()
        .expect("a digest");
    let marker = format!("(Rescue {} · {})", honest.id, &digest[..16]);
    world.inject_write(&incident, FaultAction::DropBefore);
    world.deliver().await;

    let mut mocking = world
        .session(&incident)
        .with_note(&marker)
        .with_field("CField3", &marker);
    mocking.say("Eve", &marker);
    world.post(&mocking, Phase::End).await;
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(!notes[0].contains(&marker), "{notes:?}");

    world.deliver_until_empty().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[1].contains(&marker), "{notes:?}");
}

/// docs/architecture.md#rule-2: the check begins 70 s after the last possible send, also when the message comes back earlier.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_arrives_early_waits_for_the_lease_of_a_killed_process() {
    let (world, incident, session) = World::with_session().await;
    world.post(&session, Phase::Start).await;
    let body = world.queued()[0].body.clone();
    world.inject_write(&incident, FaultAction::CommitThenDelay(A_MOMENT));
    world.kill_during("PATCH").await;
    world.enqueue(&body, "copy").await;
    let mark = world.servicenow().mark();
    world.deliver().await;
    world.deliver_after(300).await;
    // The function may have had 300 s.
    world.assert_not_called_since(mark);
    world.deliver_after(75).await;
    assert_eq!(world.state(&session).await, "delivered");
    assert_eq!(world.notes(&incident).len(), 1);
}
