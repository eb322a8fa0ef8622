//! Posts that are made from Rescue's session report, and barriers: a session that Rescue never posted is counted once and
//! written once, and one that it posted is not written again (docs/architecture.md#rule-2).

use std::time::Duration;

use local::aws::Service;
use local::demo_tenant::{TECHNICIAN, TENANT};
use local::rescue::{Phase, Session};
use local::servicenow::Created;
use local::simulator::FaultAction;
use shared::aws::ledger::{Ledger, SessionEnd};
use shared::aws::queue::{Barrier, Post};
use shared::domain::secret::Secret;
use shared::domain::session::Event;
use shared::domain::tenant::Reconcile;
use shared::domain::time_budget::TimeBudget;
use shared::reconciliation::{never_posted, queue};
use shared::rescue::api::RescueClient;
use shared::rescue::authcodes::RescueCredential;
use shared::rescue::report::{Period, ReportClient, ReportFormat, ReportNode};
use tests::injected::rate_limited;
use tests::reported::{session_id, stored};
use tests::session_rows::{Row, value, with_session_table};
use tests::settings::{console_sessions, with_line, without_notifications};
use tests::tokens::demo;
use tests::{Case, LedgerEntry, World, assert_contains, request};

use super::command_line::{CommandLine, text};

const HOUR: Duration = Duration::from_secs(3600);

/// The second line of a note that was made from the report.
const REMARK: &str =
    "Rescue never posted the end of this session. These details come from Rescue's session report.";

fn is_from_report(note: &str) -> bool {
    note.lines().nth(1) == Some(REMARK)
}

#[track_caller]
fn assert_columns(row: &Row, columns: &[(&str, &str)]) {
    for (column, expected) in columns {
        assert_eq!(value(row, column), *expected, "{column}: {row:?}");
    }
}

/// When the report says that a session started and ended, as ServiceNow stores it.
fn times(session: &Session) -> (String, String) {
    let started = session.picked_up_at;
    (stored(started), stored(started.plus(session.lasted)))
}

/// When a post was accepted, as ServiceNow stores it.
fn accepted(post: &LedgerEntry) -> String {
    post["received_at"][..19].replace('T', " ")
}

/// The only note of a record.
#[track_caller]
fn only_note(world: &World, record: &Created) -> String {
    let mut notes = world.notes(record);
    assert_eq!(notes.len(), 1, "{notes:?}");
    notes.remove(0)
}

fn ledger(world: &World) -> Ledger {
    let stack = &world.cloud.stack;
    let table = stack.sessions_table.clone();
    Ledger::new(stack.table_calls.clone(), table, stack.clock.clone())
}

/// What the ledger knows of a session's end.
async fn end(world: &World, session: &Session) -> SessionEnd {
    let (ledger, tenant, session) = (ledger(world), demo(), session_id(session));
    let end = ledger.session_end(&tenant, &session).await;
    end.expect("the ledger can be read")
}

/// From Rescue's own report to the note, with all that the report has and Post-to-URL has not.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_rescues_report_becomes_one_note_that_says_so() {
    let world = World::with_session_table().await;
    let (rescue, stack) = (&world.cloud.rescue, &world.cloud.stack);
    let incident = world.incident();
    let session = world.session(&incident);
    world.cloud.travel(Duration::from_secs(1_769));
    rescue.end_session(&session);
    world.cloud.travel(HOUR * 2);

    let file = admin::lifecycle::export(stack, &demo()).await;
    let file = file.expect("the tenant is there");
    let http = shared::http::client(None).expect("a client");
    let client = RescueClient::new(http, Some(rescue.url()), true);
    let token = rescue.issue_api_token(TECHNICIAN);
    let credential = RescueCredential::ApiToken(Secret::from(token.as_str()));
    let budget = TimeBudget::lasting(stack.clock.clone(), HOUR);
    let reports = ReportClient::new(&client, &file, &credential, &budget);
    let now = world.cloud.clock.now();
    let period = Period {
        from: now.minus(HOUR * 24),
        to: now,
    };
    let account = reports.account().await.expect("an account");
    let node = ReportNode::node(&account.account_id);
    let report = reports.sessions(&node, period, ReportFormat::Xml).await;
    let sessions = report.expect("a report").sessions;
    let found = never_posted(&ledger(&world), &demo(), &[], sessions, period.from).await;
    let found = found.expect("the ledger can be read");
    assert_eq!(found.len(), 1, "{found:?}");
    let ended = found[0].session.ended_at;
    for found in found {
        let queued = queue(&stack.queues(), &demo(), found, Reconcile::Write, now).await;
        queued.expect("queued");
    }
    world.deliver().await;

    let note = only_note(&world, &incident);
    assert!(is_from_report(&note), "{note}");
    assert_contains(
        &note,
        &[
            "Technician: Ana Ruiz, ana.ruiz@acme.test",
            "Customer: Paul Martin",
            &format!("Custom field 1: {}", incident.number),
            "Waiting time: 17 s",
            "Work time: 28 min 51 s",
            "Platform: Windows 11",
            "Session type: Standard",
            "Status: Closed by technician",
            "Connecting time: 0:00:04",
        ],
    );
    assert_columns(
        &world.session_row(&session),
        &[
            ("record", &incident.sys_id),
            ("source", "report"),
            ("state", "ended"),
            ("started_at", &stored(session.picked_up_at)),
            ("closed_at", &stored(ended)),
            ("work_time", "1970-01-01 00:28:51"),
            ("waiting_time", "1970-01-01 00:00:17"),
            ("technician_email", TECHNICIAN),
            ("customer", "Paul Martin"),
            ("platform", "Windows 11"),
            ("pin", "false"),
        ],
    );
    let record = world.servicenow().record("incident", &incident.sys_id);
    assert_columns(
        &record.expect("there"),
        &[("time_worked", "1970-01-01 00:28:51")],
    );
    assert_eq!(world.missed_sessions(), 1);
    assert_eq!(end(&world, &session).await, SessionEnd::Reported);
}

/// SQS forgets a deduplication id after five minutes, and the report may say more of the session by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_reported_again_is_written_and_counted_once() {
    let world = World::start().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.report(&session).await;
    world.report(&session).await;
    world.deliver().await;
    let later = session.clone().with_field("CField3", "building seven");
    world.report(&later).await;
    world.deliver().await;
    assert!(world.queued().is_empty());
    assert!(is_from_report(&only_note(&world, &incident)));
    assert_eq!(world.missed_sessions(), 1);
    let lines = world.lines_of(
        "deliver-session",
        "Rescue did not post the end of this session",
    );
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_contains(&lines[0], &[&session.id, TENANT]);
}

/// The remark is in the tenant's language.
#[tokio::test(flavor = "multi_thread")]
async fn the_remark_is_in_the_tenants_language() {
    let world = World::with_settings(|file| format!("language = \"de\"\n{file}")).await;
    let incident = world.incident();
    world.report(&world.session(&incident)).await;
    world.deliver().await;
    let note = only_note(&world, &incident);
    let remark = note.lines().nth(1).unwrap_or_default();
    assert!(remark.starts_with("Rescue hat das Ende"), "{note}");
}

/// What is behind the end that Rescue posted leaves no trace in ServiceNow.
async fn assert_ignored(world: &World, session: &Session, mark: local::simulator::Mark) {
    let entry = world.report_entry(session).await;
    assert_eq!(entry["state"], "ignored", "{entry:?}");
    world.assert_not_called_since(mark);
    assert_eq!(end(world, session).await, SessionEnd::Posted);
}

/// Delivered, belonging to no record, and given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_behind_an_end_that_was_dealt_with_is_ignored() {
    let change = |file: String| with_session_table(&console_sessions(&file, "ignore"));
    let world = World::with_settings(change).await;
    let (fine, refused) = (world.incident(), world.incident());
    world.refuse_write(&refused, 403);
    for (session, state) in [
        (world.session(&fine), "delivered"),
        (world.console_session(), "unmatched"),
        (
            world.console_session().with_field("CField1", "INC9999999"),
            "failed",
        ),
        (world.session(&refused), "failed"),
    ] {
        let _case = Case::of((&session.id, state));
        world.post_and_deliver(&session, Phase::End).await;
        assert_eq!(world.state(&session).await, state);
        let rows = world.session_rows(&session);
        let mark = world.servicenow().mark();
        world.report(&session).await;
        world.deliver().await;
        assert_ignored(&world, &session, mark).await;
        assert_eq!(world.session_rows(&session), rows);
    }
    assert_eq!(world.notes(&fine).len(), 1);
    assert_eq!(world.missed_sessions(), 0);
    assert_eq!(world.dead_letters().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_behind_an_end_of_which_nothing_was_published_is_ignored() {
    let world = World::with_session_setting("publish = \"none\"").await;
    let session = world.session(&world.incident());
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.state(&session).await, "ignored");
    let mark = world.servicenow().mark();
    world.report(&session).await;
    world.deliver().await;
    assert_ignored(&world, &session, mark).await;
    assert_eq!(world.missed_sessions(), 0);
}

/// In the session's group it waits for the end; past the group it finds the end in the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_behind_an_end_that_waits_is_ignored() {
    let world = World::start().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.inject_every_write(&incident, FaultAction::status(503));
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.state(&session).await, "waiting");
    world.report(&session).await;
    world.deliver().await;
    assert_eq!(world.posts(&session).await.len(), 1, "not received yet");
    let mark = world.servicenow().mark();
    let post = world.report_post(&session);
    world.report_in_group(&post, "past-the-group").await;
    world.deliver().await;
    assert_ignored(&world, &session, mark).await;

    world.servicenow().clear_faults();
    world.deliver_until_empty().await;
    assert!(!is_from_report(&only_note(&world, &incident)));
    assert_eq!(world.missed_sessions(), 0);
}

/// The end is in the ledger without ever having been claimed.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_behind_an_end_that_waits_for_a_token_is_ignored() {
    let world = World::start().await;
    let (first, incident) = (world.incident(), world.incident());
    world.servicenow().revoke(&world.refresh_token());
    world
        .post_and_deliver(&world.session(&first), Phase::End)
        .await;
    let session = world.session(&incident);
    world.post(&session, Phase::End).await;
    world.report(&session).await;
    world.deliver().await;
    let waiting = world.posts(&session).await;
    assert!(
        waiting
            .iter()
            .all(|post| post["reason"] == "reauthorization-needed"),
        "{waiting:?}"
    );
    assert_eq!(end(&world, &session).await, SessionEnd::Posted);
    world.authorize().await;
    world.deliver_until_empty().await;
    assert!(!is_from_report(&only_note(&world, &incident)));
    assert_eq!(world.report_entry(&session).await["state"], "ignored");
    assert_eq!(world.missed_sessions(), 0);
}

/// A paused tenant's end is not in the ledger: the queue's order alone protects it.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_behind_an_end_of_a_paused_tenant_is_ignored() {
    let world = World::start().await;
    let (throttled, incident) = (world.incident(), world.incident());
    world.inject_write(&throttled, rate_limited(900));
    world
        .post_and_deliver(&world.session(&throttled), Phase::End)
        .await;
    let session = world.session(&incident);
    world.post(&session, Phase::End).await;
    world.report(&session).await;
    world.send_barrier(&session).await;
    world.deliver().await;
    assert!(world.ledger(&session).await.is_empty());
    world.deliver_until_empty().await;
    assert!(!is_from_report(&only_note(&world, &incident)));
    assert_eq!(world.report_entry(&session).await["state"], "ignored");
    assert_eq!(world.missed_sessions(), 0);
}

/// A report post that waits for a token is no end that Rescue posted, and is woken as a post is.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_that_waits_for_a_token_stays_one() {
    let world = World::start().await;
    let (first, incident) = (world.incident(), world.incident());
    world.servicenow().revoke(&world.refresh_token());
    world
        .post_and_deliver(&world.session(&first), Phase::Start)
        .await;
    let session = world.session(&incident);
    world.report(&session).await;
    world.deliver().await;
    let entry = world.report_entry(&session).await;
    assert_eq!(entry["reason"], "reauthorization-needed", "{entry:?}");
    assert_eq!(end(&world, &session).await, SessionEnd::Reported);
    world.authorize().await;
    world.deliver_after(31).await;
    assert!(is_from_report(&only_note(&world, &incident)));
    assert_eq!(world.missed_sessions(), 1);
}

/// Rescue may post late.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_posted_after_the_report_post_gets_its_own_note_and_the_row() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.report(&session).await;
    world.deliver().await;
    let (started, ended) = times(&session);
    let row = world.session_row(&session);
    assert_columns(
        &row,
        &[
            ("source", "report"),
            ("started_at", &started),
            ("closed_at", &ended),
            ("transmitted", ""),
        ],
    );
    world.cloud.travel(HOUR);
    world.post_and_deliver(&session, Phase::End).await;
    let notes = world.notes(&incident);
    let from_report: Vec<_> = notes.iter().map(|note| is_from_report(note)).collect();
    assert_eq!(from_report, [true, false], "{notes:?}");
    let posts = world.posts(&session).await;
    let real = posts.iter().find(|post| !post.contains_key("source"));
    assert_columns(
        &world.session_row(&session),
        &[
            ("sys_id", &row["sys_id"]),
            ("source", "post"),
            ("state", "ended"),
            ("started_at", &started),
            ("closed_at", &accepted(real.expect("Rescue's own"))),
            ("transmitted", "1048576"),
        ],
    );
    assert_eq!(end(&world, &session).await, SessionEnd::Posted);
    // The session is still the same one.
    world.report(&session).await;
    world.send_barrier(&session).await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 2);
    assert_eq!(world.missed_sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_which_rescue_posted_the_start_alone_is_ended_by_the_report() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.cloud.travel(HOUR);
    world.post_and_deliver(&session, Phase::Start).await;
    let accepted = accepted(&world.entry(&session).await);
    world.cloud.travel(HOUR);
    world.report(&session).await;
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(is_from_report(&notes[1]), "{notes:?}");
    let (started, ended) = times(&session);
    assert_ne!(accepted, started);
    assert_columns(
        &world.session_row(&session),
        &[
            ("source", "report"),
            ("state", "ended"),
            ("started_at", &accepted),
            ("closed_at", &ended),
            ("work_time", "1970-01-01 00:29:29"),
        ],
    );
    assert_eq!(world.missed_sessions(), 1);
}

/// The report knows better when the session started than a start that comes late.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_posted_after_the_report_post_changes_nothing_of_the_row() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.report(&session).await;
    world.deliver().await;
    let before = world.session_row(&session);
    world.cloud.travel(HOUR);
    world.post_and_deliver(&session, Phase::Start).await;
    assert_eq!(world.notes(&incident).len(), 2);
    let after = world.session_row(&session);
    for column in ["source", "state", "started_at", "closed_at", "work_time"] {
        assert_eq!(value(&after, column), value(&before, column), "{column}");
    }
}

/// A moment that the report writes in another way is in the note as it is; the row has the moment of the post.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_report_without_readable_times_ends_when_it_was_found() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    let mut post = world.report_post(&session);
    for (name, text) in [
        ("PickupTime", "quarter past"),
        ("ClosingTime", "14/5/2025 10:31"),
    ] {
        post.fields.fields.insert(name.to_owned(), text.to_owned());
    }
    world.report_in_group(&post, &post.group()).await;
    world.deliver().await;
    let found = accepted(&world.entry(&session).await);
    assert_columns(
        &world.session_row(&session),
        &[
            ("started_at", ""),
            ("closed_at", &found),
            ("source", "report"),
        ],
    );
    let note = only_note(&world, &incident);
    assert_contains(
        &note,
        &["Picked up: quarter past", "Closed: 14/5/2025 10:31"],
    );
}

/// What `publish` leaves out is left out of what the report says, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_shows_the_selected_fields_alone() {
    let world = World::with_settings(|file| {
        let file = with_line(
            &with_session_table(&file),
            "sessions",
            "fields = [\"WorkTime\", \"Status\"]",
        );
        with_line(&file, "sessions", "publish = \"selected\"")
    })
    .await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.report(&session).await;
    world.deliver().await;
    let note = only_note(&world, &incident);
    let lines: Vec<_> = note.lines().skip(1).collect();
    let (work, status) = ("Work time: 29 min 29 s", "Status: Closed by technician");
    assert_eq!(lines, [REMARK, "", work, status]);
    let (started, ended) = times(&session);
    assert_columns(
        &world.session_row(&session),
        &[
            ("record", &incident.sys_id),
            ("source", "report"),
            ("started_at", &started),
            ("closed_at", &ended),
            ("work_time", "1970-01-01 00:29:29"),
            ("customer", ""),
            ("technician_name", ""),
        ],
    );
}

/// Whether something is published has nothing to do with what Rescue posts.
#[tokio::test(flavor = "multi_thread")]
async fn a_missed_session_counts_where_nothing_is_published() {
    let world = World::with_session_setting("publish = \"none\"").await;
    let session = world.session(&world.incident());
    let mark = world.servicenow().mark();
    world.report(&session).await;
    world.deliver().await;
    assert_eq!(world.state(&session).await, "ignored");
    world.assert_not_called_since(mark);
    assert_eq!(world.missed_sessions(), 1);
}

/// A record is created, followed and reopened for a report post as for a post, and a PIN's record is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_goes_to_the_record_that_a_post_would_go_to() {
    let servicenow_of = |setting: &'static str| {
        World::with_settings(move |file| {
            let file = without_notifications(with_session_table(&file));
            with_line(&file, "sessions", setting)
        })
    };
    let world = servicenow_of("closed_records = \"new\"").await;
    let servicenow = world.servicenow();
    let created = world.console_session();
    world.report(&created).await;
    world.deliver().await;
    let records = servicenow.records("incident");
    assert_eq!(records.len(), 1);
    let correlation = format!("rescue:{}", created.id);
    assert_columns(
        &records[0],
        &[
            ("correlation_id", &correlation),
            ("time_worked", "1970-01-01 00:29:29"),
        ],
    );
    let sys_id = &records[0]["sys_id"];
    let notes = servicenow.work_notes("incident", sys_id);
    assert!(is_from_report(&notes.concat()), "{notes:?}");
    assert_columns(
        &world.session_row(&created),
        &[("record", sys_id), ("source", "report")],
    );

    let closed = servicenow.add_incident(&[("state", "7")]);
    let followed = world.session(&closed);
    world.report(&followed).await;
    world.deliver().await;
    assert!(world.notes(&closed).is_empty());
    let row = world.session_row(&followed);
    let notes = servicenow.work_notes("incident", &row["record"]);
    assert!(is_from_report(&notes.concat()), "{notes:?}");
    assert_contains(&notes.concat(), &[&closed.number, "already closed"]);

    let incident = world.incident();
    let pin = world.pin(&request(&incident)).await;
    let by_pin = world.cloud.rescue.enter_pin(&pin).expect("a session");
    world.report(&by_pin).await;
    world.deliver().await;
    let note = only_note(&world, &incident);
    assert!(
        is_from_report(&note) && !note.contains(&by_pin.tracking0),
        "{note}"
    );
    assert_columns(
        &world.session_row(&by_pin),
        &[("record", &incident.sys_id), ("pin", "true")],
    );
    assert_eq!(world.missed_sessions(), 3);

    let world = servicenow_of("closed_records = \"reopen\"").await;
    let closed = world.servicenow().add_incident(&[("state", "7")]);
    world.report(&world.session(&closed)).await;
    world.deliver().await;
    let note = only_note(&world, &closed);
    assert!(is_from_report(&note), "{note}");
    assert_contains(&note, &["has been reopened"]);
}

/// A report post of a deleted tenant is given up as every post, and a barrier is of no use.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_by_a_tenant_that_was_deleted() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let (reported, suspected) = (world.console_session(), world.console_session());
    let delete = ["tenant", "delete", TENANT, "--yes", "--now"];
    operator.succeeds(&delete).await;
    world.cloud.travel(HOUR);
    world.report(&reported).await;
    world.send_barrier(&suspected).await;
    world.deliver().await;
    assert!(world.queued().is_empty());
    let dead_letters = world.dead_letters();
    assert_eq!(dead_letters.len(), 1, "{dead_letters:?}");
    assert_eq!(dead_letters[0].reason, "tenant-deleted");
    assert!(world.ledger(&suspected).await.is_empty());
    assert_eq!(world.missed_sessions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barrier_that_passes_counts_its_session_once() {
    let world = World::start().await;
    let incident = world.incident();
    let session = world.session(&incident);
    let mark = world.servicenow().mark();
    for _ in 0..3 {
        world.send_barrier(&session).await;
        world.deliver().await;
        assert_eq!(world.missed_sessions(), 1);
        assert_eq!(end(&world, &session).await, SessionEnd::Missed);
    }
    assert!(world.queued().is_empty());
    world.assert_not_called_since(mark);
    // What was counted is not counted again when it is written.
    world.report(&session).await;
    world.deliver().await;
    assert!(is_from_report(&only_note(&world, &incident)));
    assert_eq!(world.missed_sessions(), 1);
    let entries = world.ledger(&session).await;
    let barrier = entries.iter().find(|entry| entry["entry"] == "barrier");
    assert!(barrier.expect("kept").contains_key("expires_at"));
    assert!(world.dead_letters().is_empty());
}

/// The barrier is received only after the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_barrier_behind_an_end_that_waits_counts_nothing() {
    let world = World::start().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.inject_every_write(&incident, FaultAction::status(503));
    world.post_and_deliver(&session, Phase::End).await;
    world.send_barrier(&session).await;
    world.deliver().await;
    assert_eq!(world.queued().len(), 2, "both wait");
    world.servicenow().clear_faults();
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.missed_sessions(), 0);
    let entries = world.ledger(&session).await;
    assert!(entries.iter().all(|entry| entry["entry"] != "barrier"));
}

/// The start that waits is no end.
#[tokio::test(flavor = "multi_thread")]
async fn a_barrier_behind_a_start_whose_end_was_never_posted_counts() {
    let world = World::start().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.inject_every_write(&incident, FaultAction::status(503));
    world.post_and_deliver(&session, Phase::Start).await;
    world.send_barrier(&session).await;
    world.deliver().await;
    assert_eq!((world.queued().len(), world.missed_sessions()), (2, 0));
    world.servicenow().clear_faults();
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.missed_sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barrier_waits_while_the_ledger_cannot_be_used() {
    let world = World::start().await;
    for operation in ["Query", "UpdateItem"] {
        let _case = Case::of(operation);
        let before = world.missed_sessions();
        let session = world.session(&world.incident());
        world.refuse_aws(Service::DynamoDb, operation, "AccessDeniedException");
        world.send_barrier(&session).await;
        world.deliver().await;
        let hidden = world.queued();
        assert_eq!(hidden.len(), 1, "{hidden:?}");
        assert!(!hidden[0].hidden_for.is_zero(), "{hidden:?}");
        assert_eq!(world.missed_sessions(), before);
        world.deliver_until_empty().await;
        assert_eq!(world.missed_sessions(), before + 1);
    }
    assert!(world.dead_letters().is_empty());
}

/// Without knowing whether Rescue posted the session, its row of the report is not written.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_waits_while_the_ledger_cannot_be_read() {
    let world = World::start().await;
    let incident = world.incident();
    let session = world.session(&incident);
    let mark = world.servicenow().mark();
    world.refuse_aws(Service::DynamoDb, "Query", "AccessDeniedException");
    world.report(&session).await;
    world.deliver().await;
    world.assert_not_called_since(mark);
    let entry = world.report_entry(&session).await;
    assert_eq!(entry["reason"], "storage-unavailable", "{entry:?}");
    world.deliver_until_empty().await;
    assert!(is_from_report(&only_note(&world, &incident)));
    assert_eq!(world.missed_sessions(), 1);
}

/// The operator sees what Rescue did not post.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_which_posts_were_made_from_the_report() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.session(&incident);
    world.post_and_deliver(&session, Phase::Start).await;
    world.cloud.travel(HOUR);
    world.report(&session).await;
    world.deliver().await;

    let listed = operator.json(&["sessions", "list", TENANT]).await;
    assert_eq!(listed[0]["source"], "report", "{listed}");
    assert_eq!(listed[1].get("source"), None, "{listed}");
    let table = operator.run(&["sessions", "list", TENANT]).await;
    table.assert_stdout(&["ended (report)", "started"]);
    let show = ["sessions", "show", TENANT, &session.id];
    let shown = operator.json(&show).await;
    assert_eq!(shown["posts"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(shown["posts"][1]["source"], "report");
    let text = operator.run(&show).await;
    text.assert_stdout(&[
        "Post \"ended (report)\": delivered",
        "made from Rescue's session report",
    ]);
}

/// Redriving sends the message as it is, also where it names another record.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_that_is_put_back_stays_one() {
    let world = World::with_session_table().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let (refused, nowhere) = (
        world.session(&incident),
        world.console_session().with_field("CField1", "INC9999999"),
    );
    world.refuse_write(&incident, 403);
    for session in [&refused, &nowhere] {
        world.report(session).await;
        world.deliver().await;
        let dead_letters = operator.json(&["dlq", "list"]).await;
        let id = text(&dead_letters, "/0/id");
        let shown = operator.json(&["dlq", "show", id]).await;
        assert_eq!(shown["source"], "report", "{shown}");
        assert_eq!(shown["event"], "ended");
        let table = operator.run(&["dlq", "show", id]).await;
        table.assert_stdout(&["Rescue's session report"]);
        let mut redrive = vec!["dlq", "redrive", id];
        if session.id == nowhere.id {
            redrive.extend(["--record", &incident.number]);
        }
        let done = operator.json(&redrive).await;
        assert_eq!(done["redriven"], 1, "{done}");
        world.deliver_until_empty().await;
        assert_eq!(world.report_entry(session).await["state"], "delivered");
        assert_columns(
            &world.session_row(session),
            &[("source", "report"), ("record", &incident.sys_id)],
        );
    }
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2);
    assert!(notes.iter().all(|note| is_from_report(note)), "{notes:?}");
    assert_eq!(world.missed_sessions(), 2);

    // Rescue's own dead letters say nothing of a source.
    world.refuse_write(&incident, 403);
    world
        .post_and_deliver(&world.session(&incident), Phase::End)
        .await;
    let dead_letters = operator.json(&["dlq", "list"]).await;
    let shown = operator
        .json(&["dlq", "show", text(&dead_letters, "/0/id")])
        .await;
    assert_eq!(shown.get("source"), None, "{shown}");
}

/// SQS itself moves a message that was received 400 times.
#[tokio::test(flavor = "multi_thread")]
async fn a_barrier_in_the_dead_letter_queue_does_no_harm() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let session = world.session(&world.incident());
    let barrier = Barrier::new(demo(), session_id(&session));
    let stack = &world.cloud.stack;
    let moved = stack
        .sqs
        .send_message()
        .queue_url(&stack.sessions_dlq_url)
        .message_body(serde_json::to_string(&barrier).expect("JSON"))
        .message_group_id("moved")
        .message_deduplication_id("moved");
    moved.send().await.expect("sent");
    let listed = operator.json(&["dlq", "list"]).await;
    assert_eq!(listed[0]["reason"], serde_json::Value::Null, "{listed}");
    let id = text(&listed, "/0/id");
    let shown = operator.json(&["dlq", "show", id, "--reveal"]).await;
    assert_eq!(shown["redrivable"], false, "{shown}");
    operator.run(&["dlq", "list"]).await.assert_stdout(&[id]);
    let table = operator.run(&["dlq", "show", id]).await;
    table.assert_stdout(&["the connector sent it to itself"]);
    let done = operator.json(&["dlq", "redrive", "--all"]).await;
    assert_eq!(
        (&done["redriven"], done["left"].as_array().map(Vec::len)),
        (&0.into(), Some(1))
    );
    operator.succeeds(&["dlq", "delete", id, "--yes"]).await;
    assert!(world.dead_letters().is_empty());
}

/// What an earlier release has queued names no source: Rescue posted it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_source_is_what_rescue_posted() {
    let world = World::start().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.post(&session, Phase::End).await;
    let body = world.queued()[0].body.clone();
    assert!(!body.contains("\"source\""), "{body}");
    let post = Post::decode(&body).expect("a post");
    assert!(post.source.is_post() && post.event == Event::Ended);
    world.deliver().await;
    assert!(!is_from_report(&only_note(&world, &incident)));
    assert!(!world.entry(&session).await.contains_key("source"));
}

/// A post from the report is made hours after the end of its session, and the tenant may be switched off meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_session_counts_where_the_tenant_was_switched_off_meanwhile() {
    let world = World::start().await;
    let (before, after) = (world.incident(), world.incident());
    let ended = world.session(&before);
    world.cloud.travel(HOUR);
    world
        .change_settings(|file| with_line_before_tables(&file, "enabled = false"))
        .await;
    world.cloud.travel(HOUR);
    for session in [&ended, &world.session(&after)] {
        world.report(session).await;
    }
    world.deliver().await;
    assert!(is_from_report(&only_note(&world, &before)));
    assert_eq!(world.notes(&after).len(), 0);
}

/// The tenant file with another line before its tables.
fn with_line_before_tables(file: &str, line: &str) -> String {
    format!("{line}\n{file}")
}
