//! The row of a session while ServiceNow, a process or an administrator gets in the way: one row per session with the
//! right columns, and each note once (docs/architecture.md#rule-2).

use std::time::Duration;

use local::demo_tenant::{SERVICE_ACCOUNT, SERVICE_ACCOUNT_PASSWORD, TECHNICIAN};
use local::rescue::{Phase, Session};
use local::servicenow::{Created, Simulator, User};
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use tests::injected::json;
use tests::session_rows::{Row, SESSION_TABLE, value, with_session_table};
use tests::settings::{console_sessions, with_line, without_notifications};
use tests::{Case, World, assert_contains, request, until};

use super::{A_MOMENT, hide_column, notes_of_created, post_in_own_group};

/// The messages of a killed process come back after this, when its claims have ended.
const VISIBILITY: u64 = tests::LEASE + 1;

/// A request about a session: method, and texts of its path or query and of its body.
type Call<'a> = (&'static str, &'a str, &'a str);

fn matching((method, target, body): Call<'_>) -> RequestMatcher {
    RequestMatcher::of(method, target).body_containing(body)
}

/// The requests that the start and the end of a session for a record need, with the event that needs them.
fn calls<'a>(record: &'a Created, session: &'a Session) -> [(Phase, Call<'a>); 7] {
    let email = &session.fields["TechEmail"];
    let name = email.split_once('@').map_or("", |(name, _)| name);
    [
        (Phase::Start, ("GET", &record.number, "")),
        (Phase::Start, ("GET", name, "")),
        (Phase::Start, ("GET", SESSION_TABLE, "")),
        (Phase::Start, ("POST", SESSION_TABLE, &session.id)),
        (Phase::Start, ("PATCH", &record.sys_id, "started")),
        (Phase::End, ("PATCH", SESSION_TABLE, name)),
        (Phase::End, ("PATCH", &record.sys_id, "ended")),
    ]
}

/// A session for an incident, of a technician of its own, whose user record every process looks up.
fn session_of_its_own(world: &World, nth: usize) -> (Created, Session, String) {
    let email = format!("tech{nth}x@acme.test");
    let technician = world.servicenow().add_user(User::new(&email, "Ana Ruiz"));
    let incident = world.incident();
    let session = world.session(&incident).with_field("TechEmail", &email);
    (incident, session, technician)
}

/// One row of start and end, that refers to the record, and each note once.
#[track_caller]
fn assert_one_row(world: &World, record: &Created, session: &Session) -> Row {
    let row = world.session_row(session);
    let notes = world.notes(record);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_contains(&notes[0], &["started"]);
    assert_contains(&notes[1], &["ended"]);
    assert_ended(&row, &record.sys_id);
    row
}

#[track_caller]
fn assert_ended(row: &Row, record: &str) {
    for (column, expected) in [
        ("record", record),
        ("state", "ended"),
        ("source", "post"),
        ("work_time", "1970-01-01 00:28:51"),
        ("customer", "Paul Martin"),
        ("pin", "false"),
    ] {
        assert_eq!(value(row, column), expected, "{column}: {row:?}");
    }
    for column in ["started_at", "closed_at", "technician"] {
        assert!(!value(row, column).is_empty(), "{column}: {row:?}");
    }
}

/// Every call of a session, with every answer that leaves its outcome unknown.
#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_leave_one_row_and_each_note_once() {
    let committed = |code| FaultAction::CommitThenStatus {
        code,
        headers: Vec::new(),
        body: String::new(),
    };
    let actions = [
        FaultAction::CommitThenDrop,
        FaultAction::DropBefore,
        FaultAction::status(500),
        committed(500),
        committed(502),
        FaultAction::status(503),
        FaultAction::Cancelled { committed: true },
        FaultAction::TruncatedJson,
        FaultAction::MixedJson,
        FaultAction::Html,
        FaultAction::Accepted,
        FaultAction::RateLimited { retry_after: None },
    ];
    let world = World::with_session_table().await;
    let mut posted = Vec::new();
    // The row's own calls; the others meet these faults in the matrix of record types.
    for (nth, action) in actions.iter().enumerate() {
        for place in [2, 3, 5] {
            let (incident, session, technician) = session_of_its_own(&world, 10 * nth + place);
            let (_, (method, target, body)) = calls(&incident, &session)[place];
            let target = match method {
                "GET" => format!("session%3D{}", session.id),
                _ => target.to_owned(),
            };
            world.inject_once(matching((method, &target, body)), action.clone());
            for phase in [Phase::Start, Phase::End] {
                world.post(&session, phase).await;
            }
            posted.push((method, action, incident, session, technician));
        }
    }
    world.deliver_until_empty().await;
    assert_eq!(world.servicenow().pending_faults(), 0);
    for (method, action, incident, session, technician) in &posted {
        let _case = Case::of((method, action));
        let row = assert_one_row(&world, incident, session);
        assert_eq!(&row["technician"], technician);
    }
    assert_eq!(
        world.servicenow().records(SESSION_TABLE).len(),
        posted.len()
    );
    let dead_letters = world.dead_letters();
    assert!(dead_letters.is_empty(), "{dead_letters:?}");
    assert!(
        world
            .metric("deliver-session", "SessionRowRefused")
            .is_empty()
    );
}

/// Delivers one batch, and kills the function's processes once ServiceNow has received that request.
async fn kill_on(world: &World, (method, target, body): Call<'_>) {
    let mark = world.servicenow().mark();
    let arrived = || {
        let requests = world.servicenow().since(mark);
        requests.iter().any(|request| {
            let to = format!("{}?{}", request.path, request.raw_query);
            request.method == method && to.contains(target) && request.text().contains(body)
        })
    };
    futures::join!(world.poller().poll_once(), async {
        until(arrived).await;
        world.function("deliver-session").kill().await;
    });
}

async fn killed_at_each_call(action: FaultAction) {
    let world = World::with_session_table().await;
    for nth in 0..7 {
        let (incident, session, _) = session_of_its_own(&world, nth);
        let (killed, call) = calls(&incident, &session)[nth];
        let _case = Case::of((&action, call));
        for phase in [Phase::Start, Phase::End] {
            world.post(&session, phase).await;
            if phase == killed {
                world.inject_once(matching(call), action.clone());
                kill_on(&world, call).await;
                // A delayed request takes effect although its sender is gone.
                tokio::time::sleep(A_MOMENT).await;
                world.deliver_after(VISIBILITY).await;
            } else {
                world.deliver().await;
            }
        }
        assert_one_row(&world, &incident, &session);
        for post in world.posts(&session).await {
            assert_eq!(post["state"], "delivered");
        }
    }
    assert!(world.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_call_leaves_one_row_and_each_note_once() {
    tokio::join!(
        killed_at_each_call(FaultAction::Delay(A_MOMENT)),
        killed_at_each_call(FaultAction::CommitThenDelay(A_MOMENT)),
    );
}

/// The record exists by then, and the row does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_the_row_of_a_created_record_leaves_one_of_each() {
    let killed = async |method: &'static str, action: FaultAction| {
        let world = World::with_session_table().await;
        let session = world.console_session();
        world.post(&session, Phase::Start).await;
        let call = (method, SESSION_TABLE, "");
        world.inject_once(matching(call), action);
        kill_on(&world, call).await;
        tokio::time::sleep(A_MOMENT).await;
        world.deliver_after(VISIBILITY).await;
        world.post_and_deliver(&session, Phase::End).await;
        let notes = notes_of_created(&world, &session);
        assert_eq!(notes.len(), 1, "one record");
        assert_eq!(notes[0].len(), 2, "{notes:?}");
        let record = world.servicenow().records("incident")[0]["sys_id"].clone();
        assert_ended(&world.session_row(&session), &record);
    };
    tokio::join!(
        killed("GET", FaultAction::Delay(A_MOMENT)),
        killed("POST", FaultAction::Delay(A_MOMENT)),
        killed("POST", FaultAction::CommitThenDelay(A_MOMENT)),
    );
}

/// Each copy waits for the claim of the first one.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_message_in_several_processes_leave_one_row() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    let body = world.queued()[0].body.clone();
    let inserting = RequestMatcher::of("POST", SESSION_TABLE);
    world.inject_once(inserting, FaultAction::CommitThenDelay(A_MOMENT));
    world
        .deliver_and_meanwhile("POST", async || {
            for copy in ["a", "b", "c"] {
                world.enqueue(&body, copy).await;
                assert_eq!(world.poller().poll_once().await, 1);
            }
        })
        .await;
    assert!(world.function("deliver-session").starts() > 1, "processes");
    world.deliver_until_empty().await;
    world.post_and_deliver(&session, Phase::End).await;
    assert_one_row(&world, &incident, &session);
    let inserted = world.servicenow().requests_matching("POST", SESSION_TABLE);
    assert_eq!(inserted.len(), 1);
}

/// The unique index decides between two inserts; the post that comes second changes the other one's row.
#[tokio::test(flavor = "multi_thread")]
async fn two_posts_of_a_session_that_are_handled_at_once_make_one_row() {
    let world = World::with_session_table().await;
    let mut sessions = Vec::new();
    for nth in 0..8 {
        let incident = world.incident();
        let session = world.session(&incident);
        for phase in [Phase::Start, Phase::End] {
            post_in_own_group(&world, &session, phase, &format!("{nth}-{phase:?}")).await;
        }
        sessions.push((incident, session));
    }
    // Both look before one of them inserts.
    let looking = RequestMatcher::of("GET", SESSION_TABLE);
    world.inject_always(looking, FaultAction::CommitThenDelay(A_MOMENT));
    let poller = world.poller();
    futures::join!(poller.poll_once(), poller.poll_once(), poller.poll_once());
    world.deliver_until_empty().await;
    for (incident, session) in &sessions {
        let row = world.session_row(session);
        assert_ended(&row, &incident.sys_id);
        assert_eq!(world.notes(incident).len(), 2);
        for post in world.posts(session).await {
            assert_eq!(post["state"], "delivered");
            assert!(!post.contains_key("row_refused"), "{post:?}");
        }
    }
    let inserted = world.servicenow().requests_matching("POST", SESSION_TABLE);
    let refused = inserted
        .iter()
        .filter(|one| one.status == Some(403))
        .count();
    assert!(refused > 0, "at least two inserted at once");
    assert_eq!(world.servicenow().records(SESSION_TABLE).len(), 8);
    assert!(world.dead_letters().is_empty());
}

/// The same for sessions whose record is created.
#[tokio::test(flavor = "multi_thread")]
async fn two_posts_that_create_a_record_at_once_make_one_row() {
    let world = World::with_session_table().await;
    let mut sessions = Vec::new();
    for nth in 0..4 {
        let session = world.console_session();
        for phase in [Phase::Start, Phase::End] {
            post_in_own_group(&world, &session, phase, &format!("{nth}-{phase:?}")).await;
        }
        sessions.push(session);
    }
    let poller = world.poller();
    futures::join!(poller.poll_once(), poller.poll_once(), poller.poll_once());
    world.deliver_until_empty().await;
    for session in &sessions {
        let notes = notes_of_created(&world, session);
        assert_eq!((notes.len(), notes[0].len()), (1, 2), "{notes:?}");
        let records = world.servicenow().records("incident");
        let id = format!("rescue:{}", session.id);
        let record = records.iter().find(|row| row["correlation_id"] == id);
        assert_ended(
            &world.session_row(session),
            &record.expect("there")["sys_id"],
        );
    }
}

/// The end looks for the row, the start inserts it and is done, and then the end goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_overtakes_the_end_keeps_its_time() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    let looking = RequestMatcher::of("GET", SESSION_TABLE);
    world.inject_once(looking, FaultAction::CommitThenDelay(A_MOMENT * 5));
    post_in_own_group(&world, &session, Phase::End, "end").await;
    world
        .deliver_and_meanwhile("GET", async || {
            until(|| {
                !world
                    .servicenow()
                    .requests_matching("GET", SESSION_TABLE)
                    .is_empty()
            })
            .await;
            post_in_own_group(&world, &session, Phase::Start, "start").await;
            world.poller().poll_once().await;
            until(|| !world.session_rows(&session).is_empty()).await;
        })
        .await;
    world.deliver_until_empty().await;
    let row = assert_ended_after_start(&world, &incident, &session);
    world.cloud.travel(Duration::from_secs(61));
    session.say("Ana Ruiz", "once more");
    world.post_and_deliver(&session, Phase::Start).await;
    let after = world.session_row(&session);
    for column in ["started_at", "closed_at", "state"] {
        assert_eq!(after[column], row[column], "{column}");
    }
}

fn assert_ended_after_start(world: &World, incident: &Created, session: &Session) -> Row {
    let row = world.session_row(session);
    assert_ended(&row, &incident.sys_id);
    assert_eq!(world.notes(incident).len(), 2);
    row
}

/// The row is gone, for the service account and for the unique index.
fn delete_row(world: &World, session: &Session) {
    let (servicenow, row) = (world.servicenow(), world.session_row(session));
    servicenow.set_field(SESSION_TABLE, &row["sys_id"], "session", "");
    servicenow.configure(|rules| {
        rules.hidden_records.insert(row["sys_id"].clone());
    });
}

/// The next post inserts a row again, and what the post knows is in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_an_administrator_deleted_is_inserted_again() {
    let change = |file: String| with_session_table(&without_notifications(file));
    let world = World::with_settings(change).await;
    let incident = world.incident();
    let pin = world.pin(&request(&incident)).await;
    let by_pin = world.cloud.rescue.enter_pin(&pin).expect("a session");
    for (mut session, pin) in [(by_pin, "true"), (world.session(&incident), "false")] {
        let _case = Case::of(pin);
        world.post_and_deliver(&session, Phase::Start).await;
        delete_row(&world, &session);
        world.post_and_deliver(&session, Phase::End).await;
        let row = world.session_row(&session);
        for (column, expected) in [
            ("record", incident.sys_id.as_str()),
            ("state", "ended"),
            ("pin", pin),
            ("technician_email", TECHNICIAN),
            ("work_time", "1970-01-01 00:28:51"),
        ] {
            assert_eq!(value(&row, column), expected, "{column}: {row:?}");
        }
        // A late start post is the only one that knows the time of the start.
        delete_row(&world, &session);
        session.say("Ana Ruiz", "a late start");
        world.post_and_deliver(&session, Phase::Start).await;
        let row = world.session_row(&session);
        assert!(!value(&row, "started_at").is_empty(), "{row:?}");
        assert_eq!((value(&row, "pin"), value(&row, "source")), (pin, "post"));
    }
    assert_eq!(world.notes(&incident).len(), 6);
    assert!(
        world
            .metric("deliver-session", "SessionRowRefused")
            .is_empty()
    );
}

/// The row's lookup found it, and it is gone when it is changed: the note is not held up.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_vanishes_while_it_is_written_holds_no_note_up() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    let by_hand = [("session", session.id.as_str())];
    world.servicenow().add_record(SESSION_TABLE, &by_hand);
    let changing = RequestMatcher::of("PATCH", SESSION_TABLE);
    let gone = r#"{"error":{"message":"No Record found","detail":"x"},"status":"failure"}"#;
    world.inject_once(changing, json(404, gone));
    world.post_and_deliver(&session, Phase::Start).await;
    assert_eq!(world.state(&session).await, "delivered");
    assert_eq!(world.notes(&incident).len(), 1);
    world.post_and_deliver(&session, Phase::End).await;
    let row = world.session_row(&session);
    assert_eq!(
        (row["state"].as_str(), &row["record"]),
        ("ended", &incident.sys_id)
    );
}

/// What an administrator sets up wrongly, and how the refusal begins.
type Refusal = (&'static str, fn(&World), &'static str);

const REFUSALS: [Refusal; 6] = [
    (
        "no table",
        |world| {
            world.servicenow().configure(|rules| {
                rules.missing_tables.insert(SESSION_TABLE.to_owned());
            });
        },
        "400 Invalid table x_rescue_conn_session",
    ),
    (
        "no role",
        |world| with_roles(world.servicenow(), &["itil"]),
        "403 Field(s) present in the query do not have permission to be read",
    ),
    (
        "a role that reads only",
        |world| with_roles(world.servicenow(), &["itil", "x_rescue_conn.agent"]),
        "403 ACL Exception Insert Failed due to security constraints",
    ),
    (
        "unreadable column",
        |world| {
            let of_another = [("session", "1")];
            world.servicenow().add_record(SESSION_TABLE, &of_another);
            world.servicenow().configure(|rules| {
                let column = format!("{SESSION_TABLE}.session");
                rules.unreadable_columns.insert(column);
            });
        },
        "403 the column session may not be read",
    ),
    (
        "unreadable column where a wrong query finds nothing",
        |world| {
            world.servicenow().configure(|rules| {
                let column = format!("{SESSION_TABLE}.session");
                rules.unreadable_columns.insert(column);
                rules
                    .aborting_rules
                    .insert(SESSION_TABLE.to_owned(), "Freeze".to_owned());
                rules.invalid_query_returns_no_rows = true;
            });
        },
        "403 aborted by Business Rule 'Freeze'",
    ),
    (
        "business rule",
        |world| {
            world.servicenow().configure(|rules| {
                let aborting = &mut rules.aborting_rules;
                aborting.insert(SESSION_TABLE.to_owned(), "Freeze".to_owned());
            });
        },
        "403 aborted by Business Rule 'Freeze'",
    ),
];

fn with_roles(servicenow: &Simulator, roles: &[&str]) {
    let account = User::service_account(SERVICE_ACCOUNT, SERVICE_ACCOUNT_PASSWORD);
    servicenow.add_user(account.with_roles(roles));
}

/// The notes are written at once; ledger, log and metric have the reason. Without a record there is only the reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_holds_no_note_up() {
    let refused = async |(what, set_up, reason): Refusal| {
        let change = |file: String| with_session_table(&console_sessions(&file, "ignore"));
        let world = World::with_settings(change).await;
        let _case = Case::of(what);
        set_up(&world);
        let (incident, rows) = (world.incident(), world.servicenow().records(SESSION_TABLE));
        let (session, unmatched) = (world.session(&incident), world.console_session());
        for session in [&session, &unmatched] {
            world.post(session, Phase::Start).await;
            world.post(session, Phase::End).await;
        }
        world.deliver().await;
        assert!(world.queued().is_empty() && world.dead_letters().is_empty());
        assert_eq!(world.notes(&incident).len(), 2);
        for (session, state) in [(&session, "delivered"), (&unmatched, "unmatched")] {
            let posts = world.posts(session).await;
            assert_eq!(posts.len(), 2);
            for post in posts {
                assert_eq!(post["state"], state, "{post:?}");
                assert_eq!(post["attempts"], "1", "{post:?}");
                assert_eq!(post["row_refused"], reason);
            }
        }
        let counted = world.metric("deliver-session", "SessionRowRefused");
        assert_eq!(counted, [1.0; 4]);
        let lines = world.lines_of("deliver-session", "the session's row is not written");
        assert_eq!(lines.len(), 4);
        for line in lines {
            assert_contains(&line, &[reason, "WARN"]);
        }
        assert_eq!(world.servicenow().records(SESSION_TABLE).len(), rows.len());
    };
    let [one, two, three, four, five, six] = REFUSALS;
    tokio::join!(refused(one), refused(two), refused(three));
    tokio::join!(refused(four), refused(five), refused(six));
}

/// The reason of an earlier post is not that of a later one.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_written_by_the_next_post_once_it_may_be() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    with_roles(world.servicenow(), &["itil"]);
    world.post_and_deliver(&session, Phase::Start).await;
    assert!(world.session_rows(&session).is_empty());
    world
        .servicenow()
        .grant_role(SERVICE_ACCOUNT, "x_rescue_conn.connector");
    world.post_and_deliver(&session, Phase::End).await;
    let row = world.session_row(&session);
    assert_eq!(
        (row["state"].as_str(), &row["record"]),
        ("ended", &incident.sys_id)
    );
    let posts = world.posts(&session).await;
    let refused = posts.iter().filter(|post| post.contains_key("row_refused"));
    assert_eq!(refused.count(), 1);
    assert_eq!(world.notes(&incident).len(), 2);
}

/// ServiceNow cannot write the row, again and again: the note waits for it once, and then goes without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_keeps_failing_holds_its_note_up_once() {
    let failing = async |method: &'static str, action: FaultAction| {
        let world = World::with_session_table().await;
        let _case = Case::of((method, &action));
        let incident = world.incident();
        let named = world.session(&incident);
        let created = world.console_session();
        world.inject_always(RequestMatcher::of(method, SESSION_TABLE), action);
        for session in [&named, &created] {
            world.post(session, Phase::Start).await;
        }
        world.deliver().await;
        assert!(world.notes(&incident).is_empty());
        assert_eq!(world.state(&named).await, "waiting");
        assert!(
            world
                .metric("deliver-session", "SessionRowRefused")
                .is_empty()
        );
        world.deliver_after(tests::LEASE).await;
        assert!(world.queued().is_empty(), "{:?}", world.queued());
        assert_eq!(world.notes(&incident).len(), 1);
        let notes = notes_of_created(&world, &created);
        assert_eq!((notes.len(), notes[0].len()), (1, 1), "{notes:?}");
        for session in [&named, &created] {
            let entry = world.entry(session).await;
            assert_eq!(entry["state"], "delivered", "{entry:?}");
            assert!(entry.contains_key("row_refused"), "{entry:?}");
        }
        let counted = world.metric("deliver-session", "SessionRowRefused");
        assert_eq!(counted, [1.0; 2]);
        assert!(world.dead_letters().is_empty());

        // The end writes what the start could not.
        world.servicenow().clear_faults();
        for session in [&named, &created] {
            world.post_and_deliver(session, Phase::End).await;
            let row = world.session_row(session);
            assert_eq!(
                (value(&row, "state"), value(&row, "source")),
                ("ended", "post")
            );
        }
    };
    tokio::join!(
        failing("GET", FaultAction::status(500)),
        failing("POST", FaultAction::status(500)),
        failing("POST", FaultAction::DropBefore),
        failing("GET", FaultAction::status(503)),
    );
}

/// Another attempt would have to look for the note, which this service account cannot read.
#[tokio::test(flavor = "multi_thread")]
async fn a_created_record_whose_note_cannot_be_read_back_is_not_given_up_for_its_row() {
    let world = World::with_session_table().await;
    hide_column(&world, "work_notes");
    let inserting = RequestMatcher::of("POST", SESSION_TABLE);
    world.inject_once(inserting, FaultAction::status(503));
    let session = world.console_session();
    world.post_and_deliver(&session, Phase::Start).await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered", "{entry:?}");
    assert!(entry["row_refused"].contains("503"), "{entry:?}");
    assert!(world.dead_letters().is_empty());
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.session_row(&session)["state"], "ended");
    let notes = notes_of_created(&world, &session);
    assert_eq!((notes.len(), notes[0].len()), (1, 2), "{notes:?}");
}

/// While ServiceNow is away, note and row wait together.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_written_after_an_outage_of_any_length() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.inject_always(RequestMatcher::path("/api/now"), FaultAction::status(503));
    for phase in [Phase::Start, Phase::End] {
        world.post(&session, phase).await;
    }
    for _ in 0..5 {
        world.deliver_after(3_600).await;
    }
    world.servicenow().clear_faults();
    world.deliver_until_empty().await;
    assert_one_row(&world, &incident, &session);
    for post in world.posts(&session).await {
        assert!(!post.contains_key("row_refused"), "{post:?}");
    }
    assert!(
        world
            .metric("deliver-session", "SessionRowRefused")
            .is_empty()
    );
}

/// Another attempt could not look for the note of the created record, so there is none for the sake of a row.
#[tokio::test(flavor = "multi_thread")]
async fn where_notes_cannot_be_read_a_created_record_does_not_wait_for_its_row() {
    let world = World::with_session_table().await;
    hide_column(&world, "work_notes");
    let session = world.console_session();
    let inserting = RequestMatcher::of("POST", SESSION_TABLE);
    world.inject_once(inserting, FaultAction::DropBefore);
    world.post_and_deliver(&session, Phase::Start).await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered", "{entry:?}");
    assert!(entry.contains_key("row_refused"), "{entry:?}");
    world.post_and_deliver(&session, Phase::End).await;
    let notes = notes_of_created(&world, &session);
    assert_eq!((notes.len(), notes[0].len()), (1, 2), "{notes:?}");
    let record = world.servicenow().records("incident")[0]["sys_id"].clone();
    assert_eq!(world.session_row(&session)["record"], record);
    assert!(world.dead_letters().is_empty());
}

/// An unmatched session waits for its row as a note does, and ends without it when that is refused for good.
#[tokio::test(flavor = "multi_thread")]
async fn an_unmatched_session_gets_its_row_after_a_failure() {
    let change = |file: String| with_session_table(&console_sessions(&file, "ignore"));
    let world = World::with_settings(change).await;
    let mut sessions = Vec::new();
    for action in [
        FaultAction::CommitThenDrop,
        FaultAction::DropBefore,
        FaultAction::Html,
    ] {
        let session = world.console_session();
        let inserting = RequestMatcher::of("POST", SESSION_TABLE).body_containing(&session.id);
        world.inject_once(inserting, action);
        world.post(&session, Phase::Start).await;
        world.post(&session, Phase::End).await;
        sessions.push(session);
    }
    world.deliver_until_empty().await;
    for session in &sessions {
        let row = world.session_row(session);
        assert_eq!((value(&row, "record"), value(&row, "state")), ("", "ended"));
        for post in world.posts(session).await {
            assert_eq!(post["state"], "unmatched");
        }
    }
    assert!(world.servicenow().records("incident").is_empty());
}

/// A follow-up record of unknown outcome takes its session's row over, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_moves_once_when_the_answer_of_the_follow_up_record_is_lost() {
    let change = |file: String| {
        with_line(
            &with_session_table(&file),
            "sessions",
            "closed_records = \"new\"",
        )
    };
    let world = World::with_settings(change).await;
    let servicenow = world.servicenow();
    let mut sessions = Vec::new();
    for (method, target) in [("POST", "/table/incident"), ("PATCH", SESSION_TABLE)] {
        let incident = world.incident();
        let session = world.session(&incident);
        world.post_and_deliver(&session, Phase::Start).await;
        assert_eq!(world.session_row(&session)["record"], incident.sys_id);
        servicenow.set_field("incident", &incident.sys_id, "state", "7");
        let fault = InjectedFault::on(RequestMatcher::of(method, target));
        servicenow.fault(fault.then(FaultAction::CommitThenDrop));
        world.post(&session, Phase::End).await;
        world.deliver_until_empty().await;
        sessions.push((incident, session));
    }
    for (incident, session) in &sessions {
        let notes = notes_of_created(&world, session);
        assert!(notes.is_empty(), "a follow-up has a longer correlation_id");
        let id = format!("rescue:{}:", session.id);
        let mut followed = servicenow.records("incident");
        followed.retain(|row| value(row, "correlation_id").starts_with(&id));
        assert_eq!(followed.len(), 1);
        let record = &followed[0]["sys_id"];
        assert_eq!(servicenow.work_notes("incident", record).len(), 1);
        assert_eq!(world.notes(incident).len(), 1);
        assert_ended(&world.session_row(session), record);
    }
}
