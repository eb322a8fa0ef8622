//! A session that Rescue never posted, while processes die and the queue's order does not hold: one note, one row, counted
//! once at most (docs/architecture.md#rule-2).

use std::time::Duration;

use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::rescue::{Phase, Session};
use local::servicenow::{Created, User};
use local::simulator::{FaultAction, RequestMatcher};
use tests::session_rows::{SESSION_TABLE, value};
use tests::{Case, LedgerEntry, World, until};

use super::{A_MOMENT, notes_of_created, post_in_own_group};

/// The messages of a killed process come back after this, when its claims have ended.
const VISIBILITY: u64 = tests::LEASE + 1;

/// Longer than a test takes to kill the process.
const HANGING: Duration = Duration::from_secs(20);

/// A session for an incident, of a technician of its own, whose user record every process looks up.
fn session_of_its_own(world: &World, nth: usize) -> (Created, Session) {
    let email = format!("tech{nth}x@acme.test");
    world.servicenow().add_user(User::new(&email, "Ana Ruiz"));
    let incident = world.incident();
    let session = world.session(&incident).with_field("TechEmail", &email);
    (incident, session)
}

fn states(posts: &[LedgerEntry]) -> Vec<&str> {
    posts.iter().map(|post| post["state"].as_str()).collect()
}

fn is_from_report(note: &str) -> bool {
    note.lines()
        .nth(1)
        .is_some_and(|line| line.starts_with("Rescue never posted"))
}

/// The session was written once, from the report.
async fn assert_written_once(world: &World, session: &Session, notes: &[String]) {
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(is_from_report(&notes[0]), "{notes:?}");
    let row = world.session_row(session);
    assert_eq!(value(&row, "source"), "report");
    assert_eq!(value(&row, "state"), "ended");
    assert_eq!(world.report_entry(session).await["state"], "delivered");
    assert!(world.queued().is_empty());
    assert!(world.dead_letters().is_empty());
}

/// Delivers one batch, and kills the function's processes once DynamoDB has received the call that comes after so many of
/// its operation, before the call takes effect.
async fn kill_at(world: &World, operation: &str, before: usize) {
    let aws = &world.cloud.aws;
    let mark = aws.journal().mark();
    let normally = AwsFault::once(Service::DynamoDb, operation, Effect::Hang(Duration::ZERO));
    aws.inject(normally.times(u32::try_from(before).expect("few")));
    let hanging = Effect::Hang(HANGING);
    aws.inject(AwsFault::once(Service::DynamoDb, operation, hanging));
    let arrived = || aws.journal().count(mark, Service::DynamoDb, operation) > before;
    let killing = async {
        until(arrived).await;
        world.function("deliver-session").kill().await;
    };
    futures::join!(world.poller().poll_once(), killing);
    aws.clear_faults();
}

/// The calls of DynamoDB that the delivery of one report post makes in a new process, by operation, in their order.
async fn calls_of_a_delivery(world: &World, nth: usize) -> Vec<String> {
    let (_, session) = session_of_its_own(world, nth);
    world.function("deliver-session").kill().await;
    let mark = world.cloud.aws.journal().mark();
    world.report(&session).await;
    world.deliver().await;
    let calls = world.cloud.aws.journal().since(mark).into_iter();
    let own =
        calls.filter(|call| call.caller == "deliver-session" && call.service == Service::DynamoDb);
    own.map(|call| call.operation).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_call_of_the_ledger_leaves_one_note_and_counts_once_at_most() {
    let world = World::with_session_table().await;
    // The first delivery gets an access token, which the others share.
    calls_of_a_delivery(&world, 0).await;
    let calls = calls_of_a_delivery(&world, 1).await;
    for operation in ["GetItem", "Query", "UpdateItem"] {
        assert!(calls.iter().any(|call| call == operation), "{calls:?}");
    }
    for (nth, operation) in calls.iter().enumerate() {
        let before = calls[..nth].iter().filter(|call| *call == operation);
        let before = before.count();
        let _case = Case::of((operation, before));
        let (incident, session) = session_of_its_own(&world, nth + 2);
        let counted = world.missed_sessions();
        world.function("deliver-session").kill().await;
        world.report(&session).await;
        kill_at(&world, operation, before).await;
        world.deliver_after(VISIBILITY).await;
        world.deliver_until_empty().await;
        assert_written_once(&world, &session, &world.notes(&incident)).await;
        assert!(world.missed_sessions() - counted <= 1);
    }
}

/// The requests that a report post for a record needs.
fn requests<'a>(record: &'a Created, session: &'a Session) -> [(&'static str, &'a str); 5] {
    let email = &session.fields["TechEmail"];
    let name = email.split_once('@').map_or("", |(name, _)| name);
    [
        ("GET", &record.number),
        ("GET", name),
        ("GET", SESSION_TABLE),
        ("POST", SESSION_TABLE),
        ("PATCH", &record.sys_id),
    ]
}

/// Delivers one batch, and kills the function's processes once ServiceNow has received that request.
async fn kill_on(world: &World, (method, target): (&str, &str)) {
    let mark = world.servicenow().mark();
    let arrived = || {
        let requests = world.servicenow().since(mark);
        requests.iter().any(|request| {
            let to = format!("{}?{}", request.path, request.raw_query);
            request.method == method && to.contains(target)
        })
    };
    futures::join!(world.poller().poll_once(), async {
        until(arrived).await;
        world.function("deliver-session").kill().await;
    });
    // A delayed request takes effect although its sender is gone.
    tokio::time::sleep(A_MOMENT).await;
    world.deliver_after(VISIBILITY).await;
}

async fn killed_at_each_request(action: FaultAction) {
    let world = World::with_session_table().await;
    for nth in 0..5 {
        let (incident, session) = session_of_its_own(&world, nth);
        let (method, target) = requests(&incident, &session)[nth];
        let _case = Case::of((&action, method, target));
        world.report(&session).await;
        world.inject_once(RequestMatcher::of(method, target), action.clone());
        kill_on(&world, (method, target)).await;
        assert_written_once(&world, &session, &world.notes(&incident)).await;
        // Counted before the first request.
        assert_eq!(world.missed_sessions(), nth + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_request_leaves_one_note_and_counts_once() {
    tokio::join!(
        killed_at_each_request(FaultAction::Delay(A_MOMENT)),
        killed_at_each_request(FaultAction::CommitThenDelay(A_MOMENT)),
    );
}

async fn killed_while_creating(method: &'static str, target: &'static str, action: FaultAction) {
    let world = World::with_session_table().await;
    let session = world.console_session();
    world.report(&session).await;
    world.inject_once(RequestMatcher::of(method, target), action);
    kill_on(&world, (method, target)).await;
    let notes = notes_of_created(&world, &session);
    assert_eq!(notes.len(), 1, "one record");
    assert_written_once(&world, &session, &notes.concat()).await;
    assert_eq!(world.missed_sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_creates_a_record_from_the_report_leaves_one() {
    const INCIDENTS: &str = "/table/incident";
    tokio::join!(
        killed_while_creating("GET", INCIDENTS, FaultAction::Delay(A_MOMENT)),
        killed_while_creating("POST", INCIDENTS, FaultAction::Delay(A_MOMENT)),
        killed_while_creating("POST", INCIDENTS, FaultAction::CommitThenDelay(A_MOMENT)),
        killed_while_creating(
            "POST",
            SESSION_TABLE,
            FaultAction::CommitThenDelay(A_MOMENT)
        ),
    );
}

/// A report post whose answer was lost is looked for as every post is, also when the end was posted meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_post_of_unknown_outcome_is_written_once() {
    let world = World::start().await;
    for (nth, action) in [
        FaultAction::CommitThenDrop,
        FaultAction::DropBefore,
        FaultAction::status(500),
        FaultAction::status(503),
        FaultAction::TruncatedJson,
        FaultAction::RateLimited { retry_after: None },
    ]
    .into_iter()
    .enumerate()
    {
        let _case = Case::of(&action);
        let incident = world.incident();
        let session = world.session(&incident);
        world.inject_write(&incident, action);
        world.report(&session).await;
        world.post(&session, Phase::End).await;
        world.deliver_until_empty().await;
        let notes = world.notes(&incident);
        let from_report: Vec<_> = notes.iter().map(|note| is_from_report(note)).collect();
        assert_eq!(from_report, [true, false], "{notes:?}");
        let posts = world.posts(&session).await;
        assert_eq!(states(&posts), ["delivered"; 2]);
        assert_eq!(world.missed_sessions(), nth + 1);
    }
    assert!(world.dead_letters().is_empty());
}

/// A barrier is repeated after its process died. What has not counted by then counts once.
#[tokio::test(flavor = "multi_thread")]
async fn a_barrier_whose_process_died_counts_once_at_most() {
    let world = World::start().await;
    for (nth, operation) in ["GetItem", "Query", "UpdateItem"].into_iter().enumerate() {
        let _case = Case::of(operation);
        let session = world.console_session();
        world.function("deliver-session").kill().await;
        world.send_barrier(&session).await;
        kill_at(&world, operation, 0).await;
        assert_eq!(world.missed_sessions(), nth);
        world.deliver_after(VISIBILITY).await;
        assert!(world.queued().is_empty());
        assert_eq!(world.missed_sessions(), nth + 1);
    }
}

/// Copies of one report post in groups of their own: several processes and several groups of one batch.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_report_post_at_once_leave_one_note_and_count_once() {
    let world = World::with_session_table().await;
    let incident = world.incident();
    let session = world.session(&incident);
    let (post, again) = (
        world.report_post(&session),
        world.report_post(&session.clone().with_field("CField3", "said later")),
    );
    world.report_in_group(&post, "first").await;
    world.inject_write(&incident, FaultAction::Delay(A_MOMENT));
    world
        .deliver_and_meanwhile("PATCH", async || {
            for copy in ["a", "b", "c"] {
                world.report_in_group(&again, copy).await;
            }
            world.send_barrier(&session).await;
            world.poller().poll_once().await;
        })
        .await;
    assert!(world.function("deliver-session").starts() > 1, "processes");
    world.deliver_until_empty().await;
    assert_written_once(&world, &session, &world.notes(&incident)).await;
    assert_eq!(world.missed_sessions(), 1);
}

/// The session's end and its report post in groups of their own, in several processes at once.
async fn end_and_report_at_once(world: &World, sessions: &[Session]) {
    for (nth, session) in sessions.iter().enumerate() {
        post_in_own_group(world, session, Phase::End, &format!("{nth}-end")).await;
        let post = world.report_post(session);
        world.report_in_group(&post, &format!("{nth}-report")).await;
        world.send_barrier(session).await;
    }
    let poller = world.poller();
    futures::join!(poller.poll_once(), poller.poll_once(), poller.poll_once());
    world.deliver_until_empty().await;
    assert!(world.dead_letters().is_empty());
}

/// The end is written once. The report post is written once or ignored, as the ledger was when it looked.
async fn assert_each_once(world: &World, session: &Session, notes: &[String]) -> bool {
    let posted = notes.iter().filter(|note| !is_from_report(note)).count();
    let reported = notes.iter().filter(|note| is_from_report(note)).count();
    assert_eq!(posted, 1, "{notes:?}");
    assert!(reported <= 1, "{notes:?}");
    let expected = ["ignored", "delivered"][reported];
    assert_eq!(world.report_entry(session).await["state"], expected);
    for post in world.posts(session).await {
        assert!(post.contains_key("source") || post["state"] == "delivered");
        assert!(!post.contains_key("row_refused"), "{post:?}");
    }
    assert_eq!(value(&world.session_row(session), "state"), "ended");
    reported == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_and_a_report_post_that_are_handled_at_once_are_written_once_each_at_most() {
    let world = World::with_session_table().await;
    let mut records = Vec::new();
    for _ in 0..8 {
        records.push(world.incident());
    }
    let sessions: Vec<_> = records.iter().map(|record| world.session(record)).collect();
    end_and_report_at_once(&world, &sessions).await;
    let mut counted = 0;
    for (record, session) in records.iter().zip(&sessions) {
        counted += usize::from(assert_each_once(&world, session, &world.notes(record)).await);
    }
    assert!(world.missed_sessions() >= counted && world.missed_sessions() <= 8);
    assert_eq!(world.servicenow().records(SESSION_TABLE).len(), 8);
}

/// The same for sessions whose record is created.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_and_a_report_post_that_create_a_record_at_once_create_one() {
    let world = World::with_session_table().await;
    let sessions: Vec<_> = (0..4).map(|_| world.console_session()).collect();
    end_and_report_at_once(&world, &sessions).await;
    for session in &sessions {
        let notes = notes_of_created(&world, session);
        assert_eq!(notes.len(), 1, "one record: {notes:?}");
        assert_each_once(&world, session, &notes.concat()).await;
    }
    assert!(world.missed_sessions() <= 4);
}
