//! Record types: one matrix of the built-in tables and a custom one, for each way in which a session finds its record
//! (docs/architecture.md#rule-3), also while answers of ServiceNow are lost (docs/architecture.md#rule-2).

use std::collections::BTreeMap;
use std::time::Duration;

use local::demo_tenant::{SERVICE_ACCOUNT, TECHNICIAN};
use local::rescue::{Phase, Session};
use local::servicenow::{Column, Created, Table, User};
use local::simulator::{FaultAction, InjectedFault, RecordedRequest, RequestMatcher};
use serde_json::json;
use tests::session_rows::{Row, SESSION_TABLE, value, with_session_table};
use tests::settings::{console_sessions, with_line, without_notifications};
use tests::{Case, World, assert_contains};

/// What is known of a table, and what its forms show.
#[derive(Debug)]
struct RecordType {
    table: &'static str,
    prefix: &'static str,
    code: &'static str,
    /// The column of the customer; empty where there is none.
    person: &'static str,
    closed: &'static [&'static str],
    /// What reopens a record; empty where nothing does.
    open: &'static str,
}

/// The built-in tables, one of them with another prefix, and a custom table.
const TYPES: [RecordType; 9] = [
    RecordType {
        table: "incident",
        prefix: "ACMEINC",
        code: "inc",
        person: "caller_id",
        closed: &["6", "7", "8"],
        open: "2",
    },
    RecordType {
        table: "sn_customerservice_case",
        prefix: "CS",
        code: "case",
        person: "contact",
        closed: &["3", "6", "7"],
        open: "10",
    },
    RecordType {
        table: "problem",
        prefix: "PRB",
        code: "prb",
        person: "opened_by",
        closed: &["106", "107"],
        open: "103",
    },
    RecordType {
        table: "change_request",
        prefix: "CHG",
        code: "chg",
        person: "requested_by",
        closed: &["3", "4"],
        open: "",
    },
    RecordType {
        table: "sc_req_item",
        prefix: "RITM",
        code: "ritm",
        person: "",
        closed: &["3", "4", "7"],
        open: "2",
    },
    RecordType {
        table: "sc_task",
        prefix: "SCTASK",
        code: "task",
        person: "",
        closed: &["3", "4", "7"],
        open: "2",
    },
    RecordType {
        table: "interaction",
        prefix: "IMS",
        code: "ims",
        person: "opened_for",
        closed: &["closed_complete", "closed_abandoned"],
        open: "work_in_progress",
    },
    RecordType {
        table: "sn_hr_core_case",
        prefix: "HRC",
        code: "hrc",
        person: "subject_person",
        closed: &["3", "4", "7"],
        open: "18",
    },
    RecordType {
        table: "x_acme_visit",
        prefix: "VIS",
        code: "vis",
        person: "opened_for",
        closed: &["3", "4"],
        open: "2",
    },
];

/// A custom table that is no task and has no `correlation_id`.
const PARTS: &str = "x_acme_part";

const TABLES: &str = r#"
[tables.incident]
number_prefix = "ACMEINC"
[tables.problem]
[tables.change_request]
[tables.sc_req_item]
[tables.sc_task]
[tables.interaction]
[tables.sn_hr_core_case]
[tables.x_acme_visit]
number_prefix = "VIS"
tracking_code = "vis"
person = "opened_for"
closed_states = ["3", "4"]
open_state = "2"
[tables.x_acme_part]
number_prefix = "PART"
tracking_code = "part"
"#;

/// The demo's tenant with all record types, the table of sessions, a column that only visits have, and one more change.
fn settings(file: String, change: impl FnOnce(String) -> String) -> String {
    let file = with_session_table(&change(without_notifications(file)));
    with_line(&file, "sessions.columns", "CField3 = \"u_room\"") + TABLES
}

async fn start(change: impl FnOnce(String) -> String) -> World {
    let world = World::with("INFO", |file| settings(file, change)).await;
    let servicenow = world.servicenow();
    let visits = Table::of_tasks("x_acme_visit", "VIS")
        .with(Column::reference("opened_for", "sys_user"))
        .with(Column::sized("u_room", 40));
    servicenow.add_table(visits);
    servicenow.add_table(Table::of_its_own(PARTS, "PART"));
    servicenow.set_number_prefix("incident", "ACMEINC");
    servicenow.grant_role(SERVICE_ACCOUNT, "sn_hr_core.case_writer");
    let rescue = &world.cloud.rescue;
    rescue.configure(|rules| rules.one_pin_every = Duration::ZERO);
    world
}

fn ignoring(file: String) -> String {
    console_sessions(&file, "ignore")
}

impl RecordType {
    fn record(&self, world: &World, columns: &[(&str, &str)]) -> Created {
        let record = world.servicenow().add_record(self.table, columns);
        assert!(record.number.starts_with(self.prefix), "{record:?}");
        record
    }

    /// The column of a session's row that refers to a record of this table, and the one that stays empty.
    fn row_columns(&self) -> (&'static str, &'static str) {
        match self.table {
            "interaction" => ("interaction", "record"),
            _ => ("record", "interaction"),
        }
    }

    /// Start and end of the session stand on the record once each, on no other record, and its one row refers to it.
    fn assert_written_once(&self, world: &World, notes: &Notes, sys_id: &str, session: &Session) {
        self.assert_posts_written_once(world, notes, sys_id, session, &["started", "ended"]);
    }

    /// The same for a session with these events.
    fn assert_posts_written_once(
        &self,
        world: &World,
        notes: &Notes,
        sys_id: &str,
        session: &Session,
        events: &[&str],
    ) {
        let _case = Case::of((self.table, session));
        let written = &notes.0[&session.id];
        assert_eq!(written.len(), events.len(), "{written:?}");
        for ((record, note), event) in written.iter().zip(events) {
            assert_eq!(record, sys_id);
            assert_contains(note, &[event]);
        }
        let row = world.session_row(session);
        let (filled, empty) = self.row_columns();
        assert_eq!((value(&row, filled), value(&row, empty)), (sys_id, ""));
        assert_eq!(Some(&row["state"].as_str()), events.last());
        for (event, time) in [("started", "started_at"), ("ended", "closed_at")] {
            let is_filled = !value(&row, time).is_empty();
            assert_eq!(is_filled, events.contains(&event), "{row:?}");
        }
    }
}

/// The notes about each session: on which record, and the text. Oldest first on each record.
struct Notes(BTreeMap<String, Vec<(String, String)>>);

impl Notes {
    fn of(world: &World) -> Self {
        let servicenow = world.servicenow();
        let mut notes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for table in TYPES.iter().map(|kind| kind.table).chain([PARTS]) {
            for row in servicenow.records(table) {
                for note in servicenow.work_notes(table, &row["sys_id"]) {
                    let session = note.split_once("(Rescue ");
                    let session = session.and_then(|(_, rest)| rest.split_once(' '));
                    let (session, _) = session.expect("a marker");
                    let notes = notes.entry(session.to_owned()).or_default();
                    notes.push((row["sys_id"].clone(), note));
                }
            }
        }
        Self(notes)
    }
}

/// Delivers, advances the clock until every message is visible, and repeats until the queue is empty.
async fn deliver_all(world: &World) {
    world.deliver().await;
    for _ in 0..20 {
        let hidden = world.queued().into_iter().map(|message| message.hidden_for);
        match hidden.max() {
            None => return,
            Some(longest) => world.deliver_after(longest.as_secs() + 1).await,
        };
    }
    panic!("the queue is not empty: {:?}", world.queued());
}

/// Posts start and end.
async fn post_both(world: &World, session: &Session) {
    world.post(session, Phase::Start).await;
    world.post(session, Phase::End).await;
}

/// A session that the PIN for a record starts, with nothing but the PIN's `Tracking0` to name the record.
async fn session_by_pin(world: &World, kind: &RecordType, record: &Created) -> Session {
    let request = json!({
        "technician": {"email": TECHNICIAN},
        "record": {"table": kind.table, "sys_id": record.sys_id, "number": record.number},
    });
    let answer = world.request_pin(&request).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = answer.json();
    let tracking = answer["tracking"].as_str().expect("a text");
    let named = format!("{}:{}:", kind.code, record.sys_id);
    assert!(
        tracking.starts_with(&named) && tracking.len() <= 64,
        "{tracking}"
    );
    let pin = answer["pin"].as_str().expect("a PIN");
    let mut session = world.cloud.rescue.enter_pin(pin).expect("a session");
    assert_eq!(
        session.fields.remove("CField1"),
        Some(record.number.clone())
    );
    session
}

/// The whole circle for every table.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_started_with_a_pin_lands_on_its_record_in_every_table() {
    let world = start(ignoring).await;
    let mut sessions = Vec::new();
    for kind in &TYPES {
        let _case = Case::of(kind.table);
        let (_, record, _) = (
            kind.record(&world, &[]),
            kind.record(&world, &[]),
            kind.record(&world, &[]),
        );
        let session = session_by_pin(&world, kind, &record).await;
        let session = session.with_field("CField3", "Room 7");
        post_both(&world, &session).await;
        sessions.push((kind, record, session));
    }
    world.deliver().await;
    let notes = Notes::of(&world);
    for (kind, record, session) in &sessions {
        kind.assert_written_once(&world, &notes, &record.sys_id, session);
        assert_eq!(world.session_row(session)["pin"], "true");
    }
    let (_, visit, _) = sessions.last().expect("the custom table");
    let visit = world.servicenow().record("x_acme_visit", &visit.sys_id);
    assert_eq!(visit.expect("the record")["u_room"], "Room 7");
    assert!(world.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_typed_in_a_reference_field_leads_to_its_record_in_every_table() {
    let world = start(ignoring).await;
    let mut sessions = Vec::new();
    for kind in &TYPES {
        let record = kind.record(&world, &[]);
        let digits = record.number.strip_prefix(kind.prefix).expect("its prefix");
        for typed in [
            record.number.clone(),
            format!("see {} {digits}, please", kind.prefix.to_lowercase()),
            format!("{}#{digits}", kind.prefix),
        ] {
            let session = world.console_session().with_field("CField1", &typed);
            post_both(&world, &session).await;
            sessions.push((kind, record.clone(), session));
        }
    }
    let before = world.console_session().with_field("CField1", "INC0010001");
    world.post(&before, Phase::Start).await;
    world.deliver().await;
    let notes = Notes::of(&world);
    for (kind, record, session) in &sessions {
        kind.assert_written_once(&world, &notes, &record.sys_id, session);
        assert_eq!(world.session_row(session)["pin"], "false");
    }
    let entry = world.entry(&before).await;
    assert_eq!(entry["reason"], "invalid-reference", "the old prefix");
    assert_eq!(world.dead_letters().len(), 1);
}

/// A record for each state that counts as closed, and one that is inactive, of every table.
fn closed_records(world: &World) -> Vec<(&'static RecordType, Created)> {
    let mut records = Vec::new();
    for kind in &TYPES {
        let states = kind.closed.iter().map(|state| ("state", *state));
        for column in states.chain([("active", "false")]) {
            records.push((kind, kind.record(world, &[column])));
        }
    }
    records
}

/// The only record that was created for a session, in the table.
fn created(world: &World, table: &str, session: &Session) -> Row {
    let mut rows = world.servicenow().records(table);
    let id = format!("rescue:{}", session.id);
    rows.retain(|row| value(row, "correlation_id").starts_with(&id));
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

async fn closed_records_with(policy: &'static str) {
    let world = start(|file| {
        let line = format!("closed_records = \"{policy}\"");
        with_line(&ignoring(file), "sessions", &line)
    })
    .await;
    let servicenow = world.servicenow();
    let mut sessions = Vec::new();
    for (kind, record) in closed_records(&world) {
        let before = servicenow
            .record(kind.table, &record.sys_id)
            .expect("there");
        let session = world.session(&record);
        post_both(&world, &session).await;
        sessions.push((kind, record, before, session));
    }
    world.deliver().await;
    let notes = Notes::of(&world);
    for (kind, record, before, session) in &sessions {
        let _case = Case::of((policy, kind, &before["state"], &before["active"]));
        let now = servicenow
            .record(kind.table, &record.sys_id)
            .expect("there");
        let (state, active) = (now["state"].as_str(), now["active"].as_str());
        let unchanged = (before["state"].as_str(), before["active"].as_str());
        let target = match policy {
            "new" => created(&world, kind.table, session)["sys_id"].clone(),
            _ => record.sys_id.clone(),
        };
        kind.assert_written_once(&world, &notes, &target, session);
        let (start, end) = (&notes.0[&session.id][0].1, &notes.0[&session.id][1].1);
        match (policy, kind.open) {
            ("reopen", "") => {
                assert_contains(start, &["Records of its table are not reopened"]);
                assert_eq!((state, active), unchanged);
            }
            ("reopen", open) => {
                assert_contains(start, &["has been reopened"]);
                assert!(!end.contains("reopened"), "{end}");
                assert_eq!((state, active), (open, "true"));
            }
            ("new", _) => {
                assert_contains(start, &[&format!("follows {}", record.number)]);
                assert_eq!((state, active), unchanged);
            }
            _ => {
                assert!(!start.contains("reopened"), "{start}");
                assert_eq!((state, active), unchanged);
            }
        }
    }
    assert!(world.dead_letters().is_empty());
}

/// Where no state reopens a record, `reopen` acts like `note`, and the note says so.
#[tokio::test(flavor = "multi_thread")]
async fn closed_records_get_a_note_are_reopened_or_followed_in_every_table() {
    tokio::join!(
        closed_records_with("note"),
        closed_records_with("reopen"),
        closed_records_with("new"),
    );
}

/// Sessions that name no record get a record of that table from now on.
async fn create_in(world: &World, table: &str) {
    let change = |file: String| settings(file, |file| console_sessions(&file, table));
    world.change_settings(change).await;
    world.cloud.travel(Duration::from_secs(61));
}

/// A customer of the table with that address; the `sys_id`.
fn add_customer(world: &World, kind: &RecordType, email: &str) -> String {
    let servicenow = world.servicenow();
    match kind.person {
        "contact" => servicenow.add_contact(email, "Carla Conti"),
        _ => servicenow.add_user(User::new(email, "Carla Conti")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_a_record_becomes_one_of_every_table_with_its_customer() {
    let world = start(ignoring).await;
    let servicenow = world.servicenow();
    let technician = servicenow.add_user(User::new(TECHNICIAN, "Ana Ruiz"));
    let mut sessions = Vec::new();
    for kind in &TYPES {
        create_in(&world, kind.table).await;
        let email = format!("{}@customer.test", kind.code);
        let customer = add_customer(&world, kind, &email);
        let session = world.console_session().with_field("CField2", &email);
        post_both(&world, &session).await;
        world.deliver().await;
        sessions.push((kind, customer, session));
    }
    let notes = Notes::of(&world);
    for (kind, customer, session) in &sessions {
        let _case = Case::of(kind);
        let record = created(&world, kind.table, session);
        kind.assert_written_once(&world, &notes, &record["sys_id"], session);
        assert_eq!(record["correlation_id"], format!("rescue:{}", session.id));
        assert_eq!(record["assigned_to"], technician);
        assert!(record["number"].starts_with(kind.prefix), "{record:?}");
        if kind.person.is_empty() {
            assert!(
                !record.values().any(|value| value == customer),
                "{record:?}"
            );
        } else {
            assert_eq!(value(&record, kind.person), customer);
        }
        let note = &notes.0[&session.id][0].1;
        assert!(!note.contains("e-mail address"), "{note}");
    }
    assert!(world.dead_letters().is_empty());
}

/// How a session finds its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Pin,
    Number,
    /// By its number; it is closed, and reopened.
    Reopen,
    /// By its number; it is closed, and followed by a new one.
    Follow,
    Create,
}

impl Way {
    fn settings(self, file: String) -> String {
        let policy = match self {
            Self::Reopen => "reopen",
            Self::Follow => "new",
            Self::Pin | Self::Number | Self::Create => "note",
        };
        let line = format!("closed_records = \"{policy}\"");
        with_line(&ignoring(file), "sessions", &line)
    }

    fn creates(self) -> bool {
        matches!(self, Self::Follow | Self::Create)
    }
}

/// One of the requests to ServiceNow that a session's start and end need.
#[derive(Clone, Debug)]
struct Call {
    method: &'static str,
    target: String,
    body: String,
    /// How many equal requests come before.
    after: u32,
    /// Whether it is a request of the end.
    of_end: bool,
}

impl Call {
    fn new(method: &'static str, target: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            body: body.into(),
            after: 0,
            of_end: false,
        }
    }

    fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target, "")
    }

    fn again(self) -> Self {
        Self { after: 1, ..self }
    }

    fn of_end(self) -> Self {
        Self {
            of_end: true,
            ..self
        }
    }

    fn takes(&self, request: &RecordedRequest) -> bool {
        let target = format!("{}?{}", request.path, request.raw_query);
        request.method == self.method
            && target.contains(&self.target)
            && request.text().contains(&self.body)
    }

    fn fault(&self, action: FaultAction) -> InjectedFault {
        let matcher = RequestMatcher::of(self.method, &self.target).body_containing(&self.body);
        InjectedFault::on(matcher).after(self.after).then(action)
    }

    /// The faults that leave the request's outcome unknown, and those of a read.
    fn faults(&self) -> Vec<FaultAction> {
        let mut faults = vec![
            FaultAction::DropBefore,
            FaultAction::Html,
            FaultAction::status(500),
        ];
        if self.method != "GET" {
            faults.extend([
                FaultAction::CommitThenDrop,
                FaultAction::CommitThenStatus {
                    code: 500,
                    headers: Vec::new(),
                    body: String::new(),
                },
                FaultAction::TruncatedJson,
            ]);
        }
        faults
    }
}

/// A session of its own technician and customer, so that each of its requests can be told apart.
struct Journey {
    kind: &'static RecordType,
    /// The record that it names.
    record: Option<Created>,
    session: Session,
    posts: &'static [Phase],
}

const START_AND_END: &[Phase] = &[Phase::Start, Phase::End];

impl Journey {
    async fn new(world: &World, way: Way, kind: &'static RecordType) -> Self {
        let state = match way {
            Way::Reopen | Way::Follow => Some(("state", kind.closed[0])),
            Way::Pin | Way::Number | Way::Create => None,
        };
        let record = (way != Way::Create).then(|| kind.record(world, state.as_slice()));
        let session = match (&record, way) {
            (Some(record), Way::Pin) => session_by_pin(world, kind, record).await,
            (Some(record), _) => world.session(record),
            (None, _) => world.console_session(),
        };
        let emails =
            ["technician", "customer"].map(|who| format!("{who}{}x@acme.test", session.id));
        let [technician, customer] = &emails;
        world
            .servicenow()
            .add_user(User::new(technician, "Tom Technician"));
        add_customer(world, kind, customer);
        Self {
            kind,
            record,
            session: session
                .with_field("TechEmail", technician)
                .with_field("CField2", customer),
            posts: START_AND_END,
        }
    }

    /// The requests of its delivery.
    fn calls(&self, way: Way) -> Vec<Call> {
        let (id, table) = (&self.session.id, self.kind.table);
        let (technician, customer) = (format!("technician{id}x"), format!("customer{id}x"));
        let looked_up = Call::get(&technician);
        let of_table = format!("/table/{table}");
        let noted = |event: &str| Call::new("PATCH", &of_table, format!("{event} (Rescue {id}"));
        let rows = format!("/table/{SESSION_TABLE}");
        let mut calls = vec![
            looked_up.clone(),
            Call::get(format!("session%3D{id}")),
            Call::new("POST", &rows, &technician),
            Call::new("PATCH", &rows, &technician).of_end(),
            noted("ended").of_end(),
        ];
        if way.creates() {
            calls.push(looked_up.again());
            if !self.kind.person.is_empty() {
                calls.push(Call::get(customer));
            }
            calls.push(Call::get(format!("rescue%3A{id}")));
            calls.push(Call::new("POST", of_table, format!("rescue:{id}")));
        } else {
            calls.push(noted("started"));
        }
        if let (Some(record), Way::Number | Way::Reopen | Way::Follow) = (&self.record, way) {
            calls.push(Call::get(format!("number%3D{}", record.number)));
        }
        if let (Some(record), Way::Reopen | Way::Follow) = (&self.record, way) {
            let read = Call::get(&record.sys_id);
            calls.push(read.clone());
            if way == Way::Reopen {
                calls.push(read.again().of_end());
                if !self.kind.open.is_empty() {
                    let state = format!("{{\"state\":\"{}\"}}", self.kind.open);
                    calls.push(Call::new("PATCH", &record.sys_id, state));
                }
            }
        }
        calls
    }

    /// Delivers the session without a fault, and asserts that its requests are those of [`Self::calls`].
    async fn deliver(&self, world: &World, way: Way) {
        let mark = world.servicenow().mark();
        post_both(world, &self.session).await;
        world.deliver().await;
        let calls = self.calls(way);
        let requests = world.servicenow().since(mark);
        let made: Vec<_> = requests
            .iter()
            .filter(|request| request.path.starts_with("/api/"))
            .collect();
        for request in &made {
            // The follow-up record is read like the one it follows.
            let of_follow_up = way == Way::Follow && request.raw_query.contains("active");
            let known = calls.iter().any(|call| call.takes(request));
            assert!(known || of_follow_up, "{request:?}");
        }
        for call in &calls {
            let times = made.iter().filter(|request| call.takes(request)).count();
            assert!(times > call.after as usize, "{call:?} {made:?}");
        }
    }
}

/// A session of every table whose requests all succeed, then a session for each request that meets a fault. Each request
/// meets each of its faults in some tables.
async fn lose_answers(way: Way) {
    let world = start(|file| way.settings(file)).await;
    let mut journeys = Vec::new();
    for kind in &TYPES {
        let _case = Case::of((way, kind));
        if way == Way::Create {
            create_in(&world, kind.table).await;
        }
        let clean = Journey::new(&world, way, kind).await;
        clean.deliver(&world, way).await;
        journeys.push((None, clean));
        if way == Way::Create {
            journeys.extend(post_with_faults(&world, way, kind).await);
            deliver_all(&world).await;
        }
    }
    if way != Way::Create {
        for kind in &TYPES {
            journeys.extend(post_with_faults(&world, way, kind).await);
        }
        deliver_all(&world).await;
    }
    assert_eq!(world.servicenow().pending_faults(), 0);
    let notes = Notes::of(&world);
    assert_eq!(notes.0.len(), journeys.len());
    for (fault, journey) in &journeys {
        let _case = Case::of((way, journey.kind, fault));
        let (kind, session) = (journey.kind, &journey.session);
        let target = match &journey.record {
            Some(record) if !way.creates() => record.sys_id.clone(),
            _ => created(&world, kind.table, session)["sys_id"].clone(),
        };
        let events = &["started", "ended"][..journey.posts.len()];
        kind.assert_posts_written_once(&world, &notes, &target, session, events);
        let from_pin = way == Way::Pin;
        assert_eq!(world.session_row(session)["pin"], from_pin.to_string());
    }
    let dead_letters = world.dead_letters();
    assert!(dead_letters.is_empty(), "{dead_letters:?}");
}

/// What one request of a session meets.
type Fault = Option<(Call, FaultAction)>;

async fn post_with_faults(
    world: &World,
    way: Way,
    kind: &'static RecordType,
) -> Vec<(Fault, Journey)> {
    let place = TYPES.iter().position(|one| one.table == kind.table);
    let place = place.expect("one of them");
    let mut journeys = Vec::new();
    for nth in 0.. {
        let mut journey = Journey::new(world, way, kind).await;
        let Some(call) = journey.calls(way).into_iter().nth(nth) else {
            break;
        };
        let mut faults = call.faults();
        let action = faults.remove((place + nth) % faults.len());
        world.servicenow().fault(call.fault(action.clone()));
        if !call.of_end {
            journey.posts = &[Phase::Start];
        }
        for phase in journey.posts {
            world.post(&journey.session, *phase).await;
        }
        journeys.push((Some((call, action)), journey));
    }
    journeys
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_about_a_record_of_a_pin_leave_each_note_once_in_every_table() {
    lose_answers(Way::Pin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_about_a_typed_number_leave_each_note_once_in_every_table() {
    lose_answers(Way::Number).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_while_a_record_is_reopened_leave_each_note_once_in_every_table() {
    lose_answers(Way::Reopen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_while_a_closed_record_is_followed_leave_one_record_in_every_table() {
    lose_answers(Way::Follow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_while_a_record_is_created_leave_one_record_in_every_table() {
    lose_answers(Way::Create).await;
}

/// The rest of the tenant's sessions go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_the_instance_lacks_is_given_up_with_servicenows_reason() {
    let world = start(|file| console_sessions(&file, "problem")).await;
    let kinds = || TYPES.iter().filter(|kind| kind.table == "problem");
    let kind = kinds().next().expect("one");
    let record = kind.record(&world, &[]);
    let by_pin = session_by_pin(&world, kind, &record).await;
    world.servicenow().configure(|rules| {
        rules.missing_tables.insert("problem".to_owned());
    });
    let sessions = [by_pin, world.session(&record), world.console_session()];
    let incident = world.incident();
    let other = world.session(&incident);
    for session in sessions.iter().chain([&other]) {
        world.post(session, Phase::Start).await;
    }
    world.deliver().await;
    for session in &sessions {
        let entry = world.entry(session).await;
        assert_eq!((entry["state"].as_str(), entry["reason"].as_str()), REFUSED);
        assert_eq!(entry["detail"], NO_PROBLEMS);
    }
    let dead_letters = world.dead_letters();
    assert_eq!(dead_letters.len(), sessions.len());
    for dead_letter in &dead_letters {
        assert_eq!(dead_letter.reason, "servicenow-refused");
        assert_eq!(dead_letter.attributes["detail"], NO_PROBLEMS);
    }
    assert_eq!(world.state(&other).await, "delivered");
    assert_eq!(world.notes(&incident).len(), 1);
}

const REFUSED: (&str, &str) = ("failed", "servicenow-refused");
const NO_PROBLEMS: &str = "400 Invalid table problem";

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_for_a_table_that_is_not_the_tenants_names_those_that_are() {
    let (all, two) = tokio::join!(start(ignoring), World::with_settings(without_notifications));
    let eight = "incident, sn_customerservice_case, problem, change_request, sc_req_item, sc_task, interaction, sn_hr_core_case";
    for (world, table, tables) in [
        (
            &all,
            "x_other_visit",
            format!("{eight}, x_acme_part, x_acme_visit"),
        ),
        (
            &all,
            "sys_user",
            format!("{eight}, x_acme_part, x_acme_visit"),
        ),
        (
            &two,
            "problem",
            "incident, sn_customerservice_case".to_owned(),
        ),
        (&two, "task", "incident, sn_customerservice_case".to_owned()),
    ] {
        let record = world.incident();
        let answer = world
            .request_pin(&json!({
                "technician": {"email": TECHNICIAN},
                "record": {"table": table, "sys_id": record.sys_id},
            }))
            .await;
        answer.assert_refused(400, "invalid-request");
        let said = format!("one of the tenant's tables: {tables}");
        assert_contains(&answer.body, &[&said, "record.table"]);
        assert!(world.cloud.rescue.pins().is_empty());
    }
}

/// Without `correlation_id`, a record that may have been created cannot be looked for.
#[tokio::test(flavor = "multi_thread")]
async fn without_correlation_id_an_unknown_creation_is_given_up_and_nothing_is_doubled() {
    let with = async |no_rows: bool| {
        let world = start(|file| console_sessions(&file, PARTS)).await;
        let servicenow = world.servicenow();
        servicenow.configure(|rules| rules.invalid_query_returns_no_rows = no_rows);
        let sure = world.console_session();
        post_both(&world, &sure).await;
        world.deliver().await;
        let parts = || servicenow.records(PARTS);
        let of = |session: &Session| {
            let mut rows = parts();
            rows.retain(|row| row["short_description"].contains(&session.id));
            rows
        };
        let [record] = &of(&sure)[..] else {
            panic!("{:?}", parts());
        };
        assert_eq!(servicenow.work_notes(PARTS, &record["sys_id"]).len(), 2);
        assert_eq!(world.session_row(&sure)["record"], record["sys_id"]);

        let mut sessions = Vec::new();
        for action in Call::new("POST", "", "").faults() {
            let session = world.console_session();
            let creating = RequestMatcher::of("POST", PARTS).body_containing(&session.id);
            world.inject_once(creating, action.clone());
            post_both(&world, &session).await;
            sessions.push((action, session));
        }
        deliver_all(&world).await;
        let assert_given_up = async || {
            for (action, session) in &sessions {
                let _case = Case::of((no_rows, action));
                let committed = !matches!(
                    action,
                    FaultAction::DropBefore | FaultAction::Html | FaultAction::Status { .. }
                );
                let records = of(session);
                assert_eq!(records.len(), usize::from(committed));
                for record in records {
                    let notes = servicenow.work_notes(PARTS, &record["sys_id"]);
                    assert_eq!(notes.len(), 1, "{notes:?}");
                }
                for post in world.posts(session).await {
                    assert_eq!(post["state"], "failed", "{post:?}");
                    assert_eq!(post["reason"], "outcome-unknown", "{post:?}");
                }
                assert!(world.session_rows(session).is_empty());
            }
        };
        assert_given_up().await;
        let dead_letters = world.dead_letters();
        assert_eq!(dead_letters.len(), 2 * sessions.len());
        for (nth, dead_letter) in dead_letters.iter().enumerate() {
            assert_eq!(dead_letter.reason, "outcome-unknown");
            world.enqueue(&dead_letter.body, &nth.to_string()).await;
        }
        deliver_all(&world).await;
        assert_given_up().await;
    };
    tokio::join!(with(false), with(true));
}

/// The record is known, so its note can be looked for.
#[tokio::test(flavor = "multi_thread")]
async fn without_correlation_id_a_lost_note_is_looked_for_on_its_record() {
    let world = start(ignoring).await;
    let servicenow = world.servicenow();
    let mut sessions = Vec::new();
    for action in Call::new("PATCH", "", "").faults() {
        let record = servicenow.add_record(PARTS, &[]);
        let session = world.session(&record);
        let noting = World::writes_to(&record).body_containing("started");
        world.inject_once(noting, action.clone());
        post_both(&world, &session).await;
        sessions.push((action, record, session));
    }
    deliver_all(&world).await;
    for (action, record, session) in &sessions {
        let _case = Case::of(action);
        assert_eq!(servicenow.work_notes(PARTS, &record.sys_id).len(), 2);
        assert_eq!(world.session_row(session)["record"], record.sys_id);
    }
    assert!(world.dead_letters().is_empty());
}

/// The record is created and known when its row fails.
#[tokio::test(flavor = "multi_thread")]
async fn without_correlation_id_a_row_that_fails_after_the_creation_is_written_later() {
    let with = async |no_rows: bool| {
        let world = start(|file| console_sessions(&file, PARTS)).await;
        let servicenow = world.servicenow();
        servicenow.configure(|rules| rules.invalid_query_returns_no_rows = no_rows);
        servicenow.add_record(PARTS, &[]);
        let mut sessions = Vec::new();
        for method in ["GET", "POST"] {
            for action in Call::new(method, "", "").faults() {
                let session = world.console_session();
                let call = match method {
                    "GET" => Call::get(format!("session%3D{}", session.id)),
                    _ => Call::new("POST", SESSION_TABLE, &session.id),
                };
                servicenow.fault(call.fault(action.clone()));
                post_both(&world, &session).await;
                sessions.push((method, action, session));
            }
        }
        deliver_all(&world).await;
        let notes = Notes::of(&world);
        for (method, action, session) in &sessions {
            let _case = Case::of((no_rows, method, action));
            let record = &world.session_row(session)["record"];
            let written = &notes.0[&session.id];
            assert_eq!(written.len(), 2, "{written:?}");
            assert!(written.iter().all(|(on, _)| on == record), "{written:?}");
        }
        assert_eq!(servicenow.records(PARTS).len(), 1 + sessions.len());
        let dead_letters = world.dead_letters();
        assert!(dead_letters.is_empty(), "{dead_letters:?}");
    };
    tokio::join!(with(false), with(true));
}
