//! The row of a session in the table that a tenant reports on, and columns of a kind.

use local::demo_tenant::{CUSTOMER, SERVICE_ACCOUNT, SERVICE_ACCOUNT_PASSWORD, TECHNICIAN, TENANT};
use local::rescue::{Phase, Session, Technician};
use local::servicenow::{Created, User};
use local::simulator::RecordedRequest;
use tests::session_rows::{Row, SESSION_TABLE, value, with_session_table};
use tests::settings::{console_sessions, with_line, without_notifications};
use tests::{Case, LedgerEntry, World, assert_contains, request};

use super::command_line::{CommandLine, text};

/// What a row of a session of the demo's technician says beside the record, the times and the state.
const DETAILS: [(&str, &str); 4] = [
    ("technician_name", "Ana Ruiz"),
    ("technician_email", TECHNICIAN),
    ("customer", "Paul Martin"),
    ("waiting_time", "1970-01-01 00:00:17"),
];
/// What the end alone knows.
const DETAILS_OF_END: [(&str, &str); 3] = [
    ("work_time", "1970-01-01 00:28:51"),
    ("platform", "Windows 11"),
    ("transmitted", "1048576"),
];

#[track_caller]
fn assert_columns(row: &Row, columns: &[(&str, &str)]) {
    for (column, expected) in columns {
        assert_eq!(value(row, column), *expected, "{column}: {row:?}");
    }
}

#[track_caller]
fn assert_empty(row: &Row, columns: &[&str]) {
    for column in columns {
        assert_eq!(value(row, column), "", "{column}: {row:?}");
    }
}

fn user(world: &World, email: &str) -> String {
    world.servicenow().add_user(User::new(email, "a user"))
}

/// When the session's posts of that event were accepted, as ServiceNow stores it.
async fn accepted(world: &World, session: &Session, event: &str) -> Vec<String> {
    let posts = world.posts(session).await.into_iter();
    let mut times: Vec<_> = posts
        .filter(|post| post["event"] == event)
        .map(|post| stored(&post))
        .collect();
    times.sort();
    times
}

fn stored(post: &LedgerEntry) -> String {
    post["received_at"][..19].replace('T', " ")
}

/// Posts the session's data at that moment of the world, and delivers it.
async fn post_later(world: &World, session: &Session, phase: Phase) {
    world.cloud.travel(std::time::Duration::from_secs(61));
    world.post_and_deliver(session, phase).await;
}

/// Posts of every kind in every order: what they know is in one row, and each of them is one note.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_has_what_the_posts_of_its_session_know() {
    use Phase::{End, Start};
    let world = World::with_session_table().await;
    let technician = user(&world, TECHNICIAN);
    for phases in [&[Start][..], &[End], &[Start, End], &[End, Start]] {
        let _case = Case::of(phases);
        let incident = world.incident();
        let session = world.session(&incident);
        for phase in phases {
            post_later(&world, &session, *phase).await;
        }
        let row = world.session_row(&session);
        assert_columns(&row, &DETAILS);
        assert_columns(
            &row,
            &[
                ("record", &incident.sys_id),
                ("technician", &technician),
                ("source", "post"),
                ("pin", "false"),
                ("interaction", ""),
            ],
        );
        let ended = phases.contains(&End);
        assert_eq!(row["state"], if ended { "ended" } else { "started" });
        if ended {
            assert_columns(&row, &DETAILS_OF_END);
        } else {
            assert_empty(&row, &DETAILS_OF_END.map(|(column, _)| column));
        }
        for (event, time) in [("started", "started_at"), ("ended", "closed_at")] {
            let accepted = accepted(&world, &session, event).await;
            assert_eq!(value(&row, time), accepted.concat(), "{time}: {row:?}");
        }
        assert_eq!(world.notes(&incident).len(), phases.len());
        let shown = |column| {
            world
                .servicenow()
                .displayed(SESSION_TABLE, &row["sys_id"], column)
        };
        assert_eq!(shown("record"), incident.number);
        assert_eq!(shown("technician"), "Ana Ruiz");
    }
    assert!(
        world
            .metric("deliver-session", "SessionRowRefused")
            .is_empty()
    );
}

/// The first start and the last end count.
#[tokio::test(flavor = "multi_thread")]
async fn posts_that_come_again_change_the_end_of_a_row_and_not_its_start() {
    use Phase::{End, Start};
    let world = World::with_session_table().await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    for (nth, phase) in [Start, Start, End, Start, End].into_iter().enumerate() {
        session.say("Ana Ruiz", &format!("post {nth}"));
        session.transmitted = 100 + nth as u64;
        post_later(&world, &session, phase).await;
    }
    let row = world.session_row(&session);
    let started = accepted(&world, &session, "started").await;
    let ended = accepted(&world, &session, "ended").await;
    assert_eq!((started.len(), ended.len()), (3, 2));
    assert_columns(
        &row,
        &[
            ("state", "ended"),
            ("transmitted", "104"),
            ("started_at", &started[0]),
            ("closed_at", &ended[1]),
        ],
    );
    assert_eq!(world.notes(&incident).len(), 5);
}

/// The reference and the name are the same person's, also where the last technician is no user, or several are.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_another_technician_ends_is_the_other_ones() {
    let world = World::with_session_table().await;
    let servicenow = world.servicenow();
    let tom = user(&world, "tom.olsen@acme.test");
    for name in ["twin.one", "twin.two"] {
        let twin = user(&world, name);
        servicenow.set_field("sys_user", &twin, "email", "twin@acme.test");
    }
    for (email, technician) in [
        ("tom.olsen@acme.test", tom.as_str()),
        ("stranger@acme.test", ""),
        ("twin@acme.test", ""),
    ] {
        let _case = Case::of(email);
        let incident = world.incident();
        let mut session = world.session(&incident);
        world.post_and_deliver(&session, Phase::Start).await;
        let before = world.session_row(&session);
        assert_eq!(before["technician"], user(&world, TECHNICIAN));
        session.technician = Technician::new("4455668", email, "Tom Olsen");
        world.post_and_deliver(&session, Phase::End).await;
        let row = world.session_row(&session);
        assert_columns(
            &row,
            &[
                ("technician_name", "Tom Olsen"),
                ("technician_email", email),
                ("technician", technician),
                ("state", "ended"),
            ],
        );
        let entry = world.posts(&session).await;
        assert!(
            entry
                .iter()
                .all(|post| !post.contains_key("dropped_columns"))
        );
        assert_eq!(world.notes(&incident).len(), 2);
    }
}

/// What `publish` leaves out is left out of the row, too, and people are not looked up for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_has_only_the_details_that_are_published() {
    let selected = |fields: &'static str| {
        World::with_settings(move |file| {
            let file = with_line(&with_session_table(&file), "sessions", fields);
            with_line(&file, "sessions", "publish = \"selected\"")
        })
    };
    let all: Vec<_> = DETAILS.into_iter().chain(DETAILS_OF_END).collect();
    for (fields, columns) in [
        ("fields = [\"WorkTime\"]", &["work_time"][..]),
        (
            "fields = [\"CField0\", \"Platform\"]",
            &["customer", "platform"],
        ),
        (
            "fields = [\"TechName\", \"Transmitted\"]",
            &["technician_name", "transmitted"],
        ),
        (
            "fields = [\"TechEmail\", \"WaitingTime\"]",
            &["technician_email", "waiting_time"],
        ),
    ] {
        let _case = Case::of(fields);
        let world = selected(fields).await;
        let incident = world.incident();
        let session = world.session(&incident);
        world.post(&session, Phase::Start).await;
        world.post_and_deliver(&session, Phase::End).await;
        let row = world.session_row(&session);
        for (column, full) in &all {
            let expected = if columns.contains(column) { full } else { "" };
            assert_eq!(value(&row, column), expected, "{column}: {row:?}");
        }
        let with_technician = columns.contains(&"technician_email");
        assert_eq!(!value(&row, "technician").is_empty(), with_technician);
        let looked_up = world.servicenow().requests_matching("GET", "sys_user");
        assert_eq!(!looked_up.is_empty(), with_technician, "{looked_up:?}");
        assert_columns(
            &row,
            &[
                ("record", &incident.sys_id),
                ("state", "ended"),
                ("source", "post"),
            ],
        );
        for time in ["started_at", "closed_at"] {
            assert!(!value(&row, time).is_empty(), "{row:?}");
        }
    }
}

/// With `publish = "none"`, or without a table, there are no rows.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_table_or_anything_published_there_is_no_row() {
    let nothing =
        |file: String| with_line(&with_session_table(&file), "sessions", "publish = \"none\"");
    for world in [World::with_settings(nothing).await, World::start().await] {
        let session = world.session(&world.incident());
        world.post_and_deliver(&session, Phase::End).await;
        let requests = world.servicenow().requests_matching("", SESSION_TABLE);
        assert!(requests.is_empty(), "{requests:?}");
        assert!(world.servicenow().records(SESSION_TABLE).is_empty());
    }
}

/// A created record gets its row right after; a follow-up record takes the row over.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_goes_with_its_session_to_the_record_that_follows_a_closed_one() {
    let change = |file: String| {
        with_line(
            &with_session_table(&file),
            "sessions",
            "closed_records = \"new\"",
        )
    };
    let world = World::with_settings(change).await;
    let servicenow = world.servicenow();
    let incident = world.incident();
    for session in [world.session(&incident), world.console_session()] {
        world.post_and_deliver(&session, Phase::Start).await;
        let first = world.session_row(&session)["record"].clone();
        servicenow.set_field("incident", &first, "state", "7");
        world.post_and_deliver(&session, Phase::End).await;
        let row = world.session_row(&session);
        let records = servicenow.records("incident");
        let last = records.last().expect("the follow-up record");
        assert_ne!(last["sys_id"], first);
        assert_columns(&row, &[("record", &last["sys_id"]), ("state", "ended")]);
        for record in [&first, &last["sys_id"]] {
            assert_eq!(servicenow.work_notes("incident", record).len(), 1);
        }
    }
    assert!(world.dead_letters().is_empty());
}

/// A session without a record has a row without one, until an operator names the record of a post that failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_record_gets_the_one_that_an_operator_names() {
    let change = |file: String| with_session_table(&console_sessions(&file, "ignore"));
    let world = World::with_settings(change).await;
    let session = world.console_session();
    world.post_and_deliver(&session, Phase::Start).await;
    assert_eq!(world.state(&session).await, "unmatched");
    let row = world.session_row(&session);
    assert_columns(&row, &DETAILS);
    assert_columns(
        &row,
        &[("state", "started"), ("record", ""), ("interaction", "")],
    );

    let nowhere = session.clone().with_field("CField1", "INC9999999");
    world.post_and_deliver(&nowhere, Phase::End).await;
    let operator = CommandLine::by_outputs(&world);
    let dead_letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(dead_letters[0]["reason"], "record-not-found");
    let incident = world.incident();
    let id = text(&dead_letters, "/0/id");
    let redrive = ["dlq", "redrive", id, "--record", &incident.number];
    operator.json(&redrive).await;
    world.deliver_until_empty().await;
    let row = world.session_row(&session);
    assert_columns(&row, &DETAILS);
    assert_columns(&row, &DETAILS_OF_END);
    assert_columns(&row, &[("state", "ended"), ("record", &incident.sys_id)]);
    assert_eq!(world.notes(&incident).len(), 1, "the end");
}

/// An interaction is no task; the row refers to one or to a record, and to the present one.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_refers_to_an_interaction_in_a_column_of_its_own() {
    let change = |file: String| {
        let file = console_sessions(&with_session_table(&file), "interaction");
        with_line(&file, "sessions", "closed_records = \"new\"") + "\n[tables.interaction]\n"
    };
    let world = World::with_settings(change).await;
    let servicenow = world.servicenow();
    let interaction = servicenow.add_record("interaction", &[]);
    let named = world.session(&interaction);
    let created = world.console_session();
    for session in [&named, &created] {
        world.post(session, Phase::Start).await;
        world.post_and_deliver(session, Phase::End).await;
        let row = world.session_row(session);
        assert_columns(&row, &[("record", ""), ("state", "ended")]);
    }
    assert_eq!(world.session_row(&named)["interaction"], interaction.sys_id);
    let records = servicenow.records("interaction");
    let last = records.last().expect("the created one")["sys_id"].clone();
    assert_eq!(world.session_row(&created)["interaction"], last);

    // An operator names an incident for the session of an interaction.
    let refused = Created {
        sys_id: last,
        number: String::new(),
    };
    world.refuse_write(&refused, 403);
    let mut again = created.clone();
    again.say("Ana Ruiz", "once more");
    world.post_and_deliver(&again, Phase::End).await;
    let operator = CommandLine::by_outputs(&world);
    let dead_letters = operator.json(&["dlq", "list"]).await;
    let id = text(&dead_letters, "/0/id");
    let incident = world.incident();
    let redrive = ["dlq", "redrive", id, "--record", &incident.number];
    operator.json(&redrive).await;
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&incident).len(), 1);
    let row = world.session_row(&created);
    assert_columns(&row, &[("record", &incident.sys_id), ("interaction", "")]);
}

/// A row as an administrator or an import adds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_inserted_by_hand_is_completed_and_not_doubled() {
    let world = World::with_session_table().await;
    for phases in [
        &[Phase::Start][..],
        &[Phase::Start, Phase::End],
        &[Phase::End],
    ] {
        let _case = Case::of(phases);
        let incident = world.incident();
        let session = world.session(&incident);
        let by_hand = [("session", session.id.as_str()), ("customer", "by hand")];
        let row = world.servicenow().add_record(SESSION_TABLE, &by_hand);
        for phase in phases {
            world.post_and_deliver(&session, *phase).await;
        }
        let after = world.session_row(&session);
        assert_columns(
            &after,
            &[("sys_id", &row.sys_id), ("record", &incident.sys_id)],
        );
        if phases.contains(&Phase::End) {
            assert_columns(&after, &DETAILS);
            assert_columns(&after, &DETAILS_OF_END);
            assert_columns(&after, &[("state", "ended")]);
        }
        let has_start = !value(&after, "started_at").is_empty();
        assert_eq!(has_start, phases.contains(&Phase::Start));
        assert_eq!(world.notes(&incident).len(), phases.len());
    }
}

/// `pin` stays true once it is, whichever post brings the signed `Tracking0`.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_pin_started_stays_one() {
    let change = |file: String| with_session_table(&without_notifications(file));
    let world = World::with_settings(change).await;
    let incident = world.incident();
    let pin = world.pin(&request(&incident)).await;
    let by_pin = world.cloud.rescue.enter_pin(&pin).expect("a session");
    let mut without = by_pin.clone();
    without.tracking0 = String::new();
    world.post_and_deliver(&by_pin, Phase::Start).await;
    assert_eq!(world.session_row(&by_pin)["pin"], "true");
    world.post_and_deliver(&without, Phase::End).await;
    assert_columns(
        &world.session_row(&by_pin),
        &[("pin", "true"), ("state", "ended")],
    );

    let forged = world.session(&incident);
    let tracking = by_pin.tracking0.replace("inc:", "case:");
    let forged = forged.with_tracking0(&tracking);
    world.post_and_deliver(&forged, Phase::Start).await;
    assert_eq!(world.session_row(&forged)["pin"], "false");
}

/// A row costs a warm delivery of a known record one call of ServiceNow, and none of DynamoDB.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_costs_one_call() {
    let cost = async |world: World| {
        let mut session = world.session(&world.incident());
        let mut costs = Vec::new();
        for phase in [Phase::Start, Phase::Start, Phase::End, Phase::End] {
            session.say("Ana Ruiz", "more");
            world.post(&session, phase).await;
            let servicenow = world.servicenow().mark();
            let aws = world.cloud.aws.journal().mark();
            assert_eq!(world.deliver().await, 1);
            let calls = world.cloud.aws.journal().since(aws).into_iter();
            let mut operations: Vec<_> = calls
                .filter(|call| call.caller == "deliver-session")
                .map(|call| call.operation)
                .collect();
            operations.sort();
            let requests = world.servicenow().since(servicenow);
            costs.push((operations, requests));
        }
        // The first post finds the record, and has no row yet.
        costs.remove(0);
        costs
    };
    let (with, without) = tokio::join!(World::with_session_table(), World::start());
    let (with, without) = (cost(with).await, cost(without).await);
    for ((with, more), (without, one)) in with.into_iter().zip(without) {
        assert_eq!(with, without, "calls of AWS");
        let shown = |requests: &[RecordedRequest]| -> Vec<_> {
            let requests = requests.iter();
            let shown = requests.map(|one| format!("{} {}", one.method, one.path));
            shown.collect()
        };
        let (more, one) = (shown(&more), shown(&one));
        assert_eq!((more.len(), one.len()), (2, 1), "{more:?} {one:?}");
        assert_contains(&more[0], &["PATCH", SESSION_TABLE]);
    }
}

/// The reason is in what an operator sees, and so is what to do.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_show_says_why_a_row_was_refused() {
    let world = World::with_session_table().await;
    let without = User::service_account(SERVICE_ACCOUNT, SERVICE_ACCOUNT_PASSWORD);
    let without = without.with_roles(&["itil", "x_rescue_conn.agent"]);
    world.servicenow().add_user(without);
    let incident = world.incident();
    let session = world.session(&incident);
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.notes(&incident).len(), 1);
    let operator = CommandLine::by_outputs(&world);
    let shown = operator
        .json(&["sessions", "show", TENANT, &session.id])
        .await;
    let refused = "403 ACL Exception Insert Failed due to security constraints";
    assert_eq!(shown["posts"][0]["row_refused"], refused, "{shown}");
    assert_eq!(shown["posts"][0]["state"], "delivered");
    let table = operator
        .run(&["sessions", "show", TENANT, &session.id])
        .await;
    table.assert_stdout(&["session's row was not written", refused, "session-table"]);
    let doctor = operator.run(&["doctor", TENANT]).await;
    table.assert_stdout(&["rescue-connector doctor"]);
    assert_contains(&doctor.all(), &[SESSION_TABLE]);
}

/// A timer holds a duration: 1731 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_work_time_becomes_a_duration_that_people_can_read() {
    let change = |file: String| {
        with_line(
            &file,
            "sessions.columns",
            "Transmitted = { column = \"impact\", as = \"integer\" }\nPlatform = { column = \"description\", as = \"text\" }",
        )
    };
    let world = World::with_settings(change).await;
    let servicenow = world.servicenow();
    let incident = world.incident();
    let mut session = world.session(&incident);
    session.transmitted = 17;
    world.post_and_deliver(&session, Phase::End).await;
    let row = servicenow
        .record("incident", &incident.sys_id)
        .expect("there");
    assert_columns(
        &row,
        &[
            ("time_worked", "1970-01-01 00:28:51"),
            ("impact", "17"),
            ("description", "Windows 11"),
        ],
    );
    let shown = servicenow.displayed("incident", &incident.sys_id, "time_worked");
    assert_eq!(shown, "28 Minutes 51 Seconds");
    assert!(!world.entry(&session).await.contains_key("dropped_columns"));

    for (nth, other) in ["28:51 hours", "", "-1731", "1731.5"]
        .into_iter()
        .enumerate()
    {
        let incident = world.incident();
        let before = "1970-01-01 01:00:00";
        servicenow.set_field("incident", &incident.sys_id, "time_worked", before);
        let session = world.session(&incident).with_field("WorkTime", other);
        world.post_and_deliver(&session, Phase::End).await;
        let row = servicenow
            .record("incident", &incident.sys_id)
            .expect("there");
        assert_eq!(row["time_worked"], before, "{other}");
        assert_eq!(world.notes(&incident).len(), 1);
        let lines = world.lines_of("deliver-session", "so the column keeps its value");
        if other.is_empty() {
            continue;
        }
        let last = lines.last().expect("a line");
        assert_contains(last, &["WorkTime", "time_worked", &session.id]);
        assert!(!last.contains(other), "{nth}: {last}");
    }
}

/// The created record has the typed column from the beginning.
#[tokio::test(flavor = "multi_thread")]
async fn a_created_record_has_its_typed_columns() {
    let world = World::start().await;
    let session = world.console_session().with_field("CField2", CUSTOMER);
    world.post_and_deliver(&session, Phase::End).await;
    let records = world.servicenow().records("incident");
    assert_columns(&records[0], &[("time_worked", "1970-01-01 00:28:51")]);
}
