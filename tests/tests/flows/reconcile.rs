//! `rescue-connector sessions reconcile`: the sessions that Rescue never posted, from its own report.

use std::time::Duration;

use admin::AdminError;
use admin::sessions::{ReconcileOptions, Reconciled, reconcile};
use local::demo_tenant::{TECHNICIAN, TENANT};
use local::rescue::{ACCOUNT_ID, Phase, Session};
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use shared::aws::credentials::report_lease_key;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use shared::rescue::host::Host;
use shared::rescue::report::Period;
use tests::reconciliation::{BO, report_without_sessions};
use tests::tokens::demo;
use tests::{World, assert_contains};

use super::command_line::CommandLine;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// The demo's world with a second technician in a group of its own.
async fn world() -> World {
    let world = World::start().await;
    world.add_groups();
    world
}

fn options(world: &World) -> ReconcileOptions {
    let now = world.cloud.clock.now();
    ReconcileOptions {
        tenant: demo(),
        period: Period {
            from: now.minus(WEEK),
            to: now.plus(WEEK),
        },
        technician: Some(TECHNICIAN.to_owned()),
        nodes: Vec::new(),
        write: false,
        beyond_ledger: false,
        testing: world.testing(),
    }
}

/// Waits by the world's clock.
async fn run(world: &World, options: &ReconcileOptions) -> Result<Reconciled, AdminError> {
    let pause = async |wait| world.cloud.travel(wait);
    reconcile(&world.cloud.stack, options, pause).await
}

/// A session that has ended and that no webhook URL was told of.
fn unposted(world: &World, technician: &str) -> Session {
    let rescue = &world.cloud.rescue;
    let session = rescue.start_session(technician).expect("a technician");
    rescue.end_session(&session);
    session
}

fn ids(found: &Reconciled) -> Vec<&str> {
    let missed = found.missed.iter();
    missed.map(|session| session.session_id.as_str()).collect()
}

/// Delivered, waiting, unmatched and dead-lettered posts were posted. A start alone is no end.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_missed_when_no_end_was_posted() {
    let world = World::start().await;
    let (delivered, waiting) = (world.incident(), world.incident());
    let unmatched = world.console_session();
    let wrong = world.console_session().with_field("CField1", "INC9999999");
    let posted = [
        world.session(&delivered),
        world.session(&waiting),
        unmatched,
        wrong,
    ];
    world.inject_every_write(&waiting, FaultAction::status(503));
    for session in &posted {
        world.cloud.rescue.end_session(session);
        world.post(session, Phase::End).await;
    }
    let started = world.session(&delivered);
    world.post(&started, Phase::Start).await;
    world.cloud.rescue.end_session(&started);
    world.deliver().await;
    let never = unposted(&world, TECHNICIAN);

    let found = run(&world, &options(&world)).await.expect("a report");
    assert_eq!((found.reported, found.unreadable), (6, 0), "{found:?}");
    assert_eq!(ids(&found), [started.id.as_str(), never.id.as_str()]);
    assert_eq!(found.missed[0].technician.as_deref(), Some("Ana Ruiz"));
    assert!(found.remarks.is_empty(), "{:?}", found.remarks);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forgotten_technician_group_shows() {
    let world = world().await;
    let incident = world.incident();
    let posted = world.session(&incident);
    world.cloud.rescue.end_session(&posted);
    world.post_and_deliver(&posted, Phase::End).await;
    let forgotten: Vec<Session> = (0..3).map(|_| unposted(&world, BO)).collect();
    let rescue = world.cloud.rescue.url();
    let operator = CommandLine::by_outputs(&world).with("RESCUE_ENDPOINT_URL", &rescue);
    let command = [
        "sessions",
        "reconcile",
        TENANT,
        "--from",
        "7 days",
        "--to",
        "now",
    ];
    let with_technician = [&command[..], &["--technician", TECHNICIAN]].concat();
    let table = operator.run(&with_technician).await;
    let missed = "The end of 3 was never posted";
    table.assert_stdout(&["4 sessions ended", missed, "Bo Lind", &forgotten[0].id]);
    let refused = ["--technician", "rescue-api-token"];
    let sign_ins = world.cloud.rescue.sign_ins();
    operator.fails(&command, &refused).await;
    assert_eq!(world.cloud.rescue.sign_ins().refused, sign_ins.refused);

    // The API token needs no technician; another minute has passed.
    world.cloud.travel(Duration::from_secs(300));
    let token = Secret::from(world.cloud.rescue.issue_api_token(TECHNICIAN).as_str());
    let (stack, tenant) = (&world.cloud.stack, demo());
    let set = admin::secrets::set(stack, &tenant, SecretName::RescueApiToken, &token);
    set.await.expect("the token is set");
    let json = operator.json(&command).await;
    assert_eq!(json["reported"], 4, "{json}");
    let missed = json["missed"].as_array().expect("a list");
    let sessions: Vec<_> = missed.iter().map(|one| &one["session_id"]).collect();
    let expected: Vec<_> = forgotten.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(sessions, expected);
    assert!(!json.to_string().contains(token.expose()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_of_the_rescue_account_has_to_be_told_apart_by_nodes() {
    let world = world().await;
    world.add_tenant("other").await;
    let (of_ana, of_bo) = (unposted(&world, TECHNICIAN), unposted(&world, BO));
    let mut options = options(&world);
    let refused = run(&world, &options).await.expect_err("whose sessions?");
    assert!(
        matches!(&refused, AdminError::SharedRescueAccount { other, .. } if other.as_str() == "other"),
        "{refused}"
    );
    options.nodes = vec!["2002".to_owned()];
    let found = run(&world, &options).await.expect("a report");
    assert_eq!(ids(&found), [of_bo.id.as_str()]);
    world.cloud.travel(Duration::from_secs(300));
    options.nodes = vec!["4455667".to_owned()];
    let found = run(&world, &options).await.expect("a report");
    assert_eq!(ids(&found), [of_ana.id.as_str()]);
    options.nodes = vec!["1".to_owned()];
    let refused = run(&world, &options).await.expect_err("no such node");
    assert!(refused.to_string().contains("no node 1"), "{refused}");
}

/// Rescue makes one report in a minute, and may make none of the whole account.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_waited_for_and_asked_of_each_group_where_the_account_is_refused() {
    let world = world().await;
    let (of_ana, of_bo) = (unposted(&world, TECHNICIAN), unposted(&world, BO));
    let options = options(&world);
    let first = run(&world, &options).await.expect("a report");
    assert_eq!(first.missed.len(), 2);
    let began = world.cloud.clock.now();
    let again = run(&world, &options).await.expect("after the wait");
    assert_eq!(again.missed, first.missed);
    assert!(world.cloud.clock.now().since(began) >= Duration::from_secs(60));

    world
        .cloud
        .rescue
        .configure(|rules| rules.report.refuses_account_node = true);
    world.cloud.travel(Duration::from_secs(300));
    let by_group = run(&world, &options).await.expect("a report of each group");
    assert_eq!(ids(&by_group), [of_ana.id.as_str(), of_bo.id.as_str()]);
    assert_eq!(by_group.remarks.len(), 1, "{:?}", by_group.remarks);
    assert!(by_group.remarks[0].contains("Each technician group is asked"));
}

/// What the report shows is state of the Rescue user who asks.
#[tokio::test(flavor = "multi_thread")]
async fn no_report_is_made_while_another_one_of_the_same_user_is() {
    let world = world().await;
    unposted(&world, TECHNICIAN);
    let (options, stack) = (options(&world), &world.cloud.stack);
    let file = admin::lifecycle::export(stack, &demo()).await;
    let file = file.expect("the tenant is there");
    let host = Host::of(&file.rescue, true).expect("a host");
    let lease = report_lease_key(host.as_str(), &file.rescue.company_id, TECHNICIAN);
    let (credentials, length) = (stack.credentials(), Duration::from_secs(3600));
    let taken = credentials.take_lease(&lease, "another", length).await;
    assert_eq!(taken, Ok(true));
    let refused = run(&world, &options).await.expect_err("the lease is held");
    let refused = refused.to_string();
    assert!(
        refused.contains("Another report is being made"),
        "{refused}"
    );
    // The command waits for a few minutes; by then the lease has ended.
    world.cloud.travel(Duration::from_secs(3600));
    let found = run(&world, &options).await.expect("the lease has ended");
    assert_eq!(found.missed.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_written_once_however_often_the_command_is_repeated() {
    let world = world().await;
    let (posted, missed) = (world.incident(), world.incident());
    let session = world.session(&posted);
    world.cloud.rescue.end_session(&session);
    world.post_and_deliver(&session, Phase::End).await;
    let session = world.session(&missed);
    world.cloud.rescue.end_session(&session);
    let options = ReconcileOptions {
        write: true,
        ..options(&world)
    };
    for queued in [1, 1] {
        // The post of the first run is still in the queue.
        let found = run(&world, &options).await.expect("a report");
        assert_eq!(
            (found.queued, ids(&found)),
            (Some(queued), vec![session.id.as_str()])
        );
        world.cloud.travel(Duration::from_secs(300));
    }
    world.deliver().await;
    let found = run(&world, &options).await.expect("a report");
    assert_eq!((found.queued, found.missed.len()), (Some(0), 0));
    world.deliver().await;
    let notes = [world.notes(&posted).len(), world.notes(&missed).len()];
    assert_eq!(notes, [1, 1]);
    let counted = world.metric("deliver-session", "MissedSessions");
    assert_eq!(counted.len(), 1, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_the_ledger_has_forgotten_are_not_written_unless_it_is_meant() {
    let world = world().await;
    let incident = world.incident();
    let session = world.session(&incident);
    let now = world.cloud.clock.now();
    let ended_at = now.minus(Duration::from_secs(100 * 24 * 3600));
    world.cloud.rescue.add_past_session(&session, ended_at);
    let mut options = ReconcileOptions {
        write: true,
        period: Period {
            from: ended_at.minus(WEEK),
            to: now,
        },
        ..options(&world)
    };
    let refused = run(&world, &options).await.expect_err("long ago");
    assert!(matches!(refused, AdminError::BeyondLedger(_)), "{refused}");
    options.beyond_ledger = true;
    let found = run(&world, &options).await.expect("a report");
    assert_eq!(found.queued, Some(1));
    world.deliver().await;
    assert_eq!(
        world.notes(&incident).len(),
        1,
        "{:?} {:?}",
        world.ledger(&session).await,
        world.dead_letters()
    );
}

/// The settings name the user and the nodes of the report.
#[tokio::test(flavor = "multi_thread")]
async fn the_settings_say_whose_report_is_read() {
    let world = world().await;
    let (_, of_bo) = (unposted(&world, TECHNICIAN), unposted(&world, BO));
    let mut options = options(&world);
    options.technician = None;
    let refused = run(&world, &options).await.expect_err("no user");
    assert!(
        matches!(refused, AdminError::ReportTechnician(_)),
        "{refused}"
    );
    let settings = format!("report_technician = \"{TECHNICIAN}\"\nreport_nodes = [\"2002\"]");
    world
        .change_settings(|file| file.replace("[rescue]", &format!("[rescue]\n{settings}")))
        .await;
    let found = run(&world, &options).await.expect("a report");
    assert_eq!(ids(&found), [of_bo.id.as_str()]);
}

/// What another tenant of the account got a post of is that tenant's, wherever the technician is now.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_another_tenant_of_the_account_was_posted_is_not_written_again() {
    let world = world().await;
    let incident = world.incident();
    let session = world.session(&incident);
    world.cloud.rescue.end_session(&session);
    world.post_and_deliver(&session, Phase::End).await;
    let other = world.add_sharing_tenant("other", "off", &["2001"]).await;
    let options = ReconcileOptions {
        tenant: other,
        write: true,
        nodes: vec!["2001".to_owned()],
        ..options(&world)
    };
    let found = run(&world, &options).await.expect("a report");
    assert_eq!((found.reported, found.queued), (1, Some(0)), "{found:?}");
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// Rescue may make no report of the account without saying so, and its user may see no session.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_any_session_is_not_believed_where_rescue_posted_some() {
    let world = world().await;
    let incident = world.incident();
    let posted = world.session(&incident);
    world.cloud.rescue.end_session(&posted);
    world.post_and_deliver(&posted, Phase::End).await;
    let never = unposted(&world, BO);
    let options = options(&world);
    let of_the_account = RequestMatcher::path("getReport_v2").body_containing(ACCOUNT_ID);
    let fault = InjectedFault::on(of_the_account).then(report_without_sessions());
    world.cloud.rescue.fault(fault);
    let found = run(&world, &options).await.expect("a report of each group");
    assert_eq!(ids(&found), [never.id.as_str()]);

    let fault = InjectedFault::on(RequestMatcher::path("getReport_v2"));
    let fault = fault.then(report_without_sessions()).always();
    world.cloud.rescue.fault(fault);
    let refused = run(&world, &options).await.expect_err("nothing is shown");
    assert_contains(&refused.to_string(), &["shows no session"]);

    // Of one group that may be right: the posts may be those of the others.
    let options = ReconcileOptions {
        nodes: vec!["2002".to_owned()],
        ..options
    };
    let found = run(&world, &options).await.expect("a report of the group");
    assert_eq!((found.reported, found.remarks.len()), (0, 1), "{found:?}");
    assert_contains(&found.remarks[0], &["shows no session"]);
}
