//! `reconcile-sessions`: the sessions that Rescue never posted are found in its report (docs/reconciliation.md).

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::{InjectedAwsFault, Service};
use local::demo_tenant::{self, SSO_PASSWORD, TECHNICIAN};
use local::rescue::{ACCOUNT_ID, Phase, Session, Technician, TechnicianGroup};
use local::simulator::{FaultAction, InjectedFault, Mark, RequestMatcher};
use shared::domain::secret_name::SecretName;
use shared::http::LONGEST_ANSWER;
use shared::reconciliation::{MissedState, reconcile_lease_key};
use tests::injected::{denied, noise, rate_limited};
use tests::reconciliation::{
    BO, COMPARED_AFTER, RECONCILE_SESSIONS, reconciling, report_without_sessions, with_nodes,
};
use tests::settings::{console_sessions, with_line};
use tests::tokens::demo;
use tests::{Case, World, assert_contains, until};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A moment after a message that is to be received in 70 s is visible.
const NEXT_REPORT: Duration = Duration::from_secs(71);

/// A moment after a message that was left in the queue is visible again.
const RECEIVED_AGAIN: Duration = Duration::from_secs(361);

/// How many sessions were counted as missed.
fn counted(world: &World) -> usize {
    world.metric("deliver-session", "MissedSessions").len()
}

/// How many runs were counted as failed.
fn failed(world: &World) -> usize {
    world.metric(RECONCILE_SESSIONS, "ReconcileFailed").len()
}

/// A session of the demo's technician that has ended and was never posted. Its id.
fn end_one(world: &World) -> String {
    let session = world.console_session();
    world.end_unposted(&session);
    session.id
}

/// Rescue answers these calls so, until its faults are cleared.
fn inject(world: &World, path: &str, action: FaultAction) {
    let fault = InjectedFault::on(RequestMatcher::path(path)).then(action);
    world.cloud.rescue.fault(fault.always());
}

/// Rescue makes reports of technicians and channels alone.
fn refuse_groups(world: &World) {
    world.cloud.rescue.configure(|rules| {
        rules.report.refuses_account_node = true;
        rules.report.refuses_group_nodes = true;
    });
}

/// Handles the tenants' messages that are visible, then lets time pass.
async fn compare_then_wait(world: &World, wait: Duration) {
    world.compare().await;
    world.cloud.travel(wait);
}

/// The number of messages for tenants.
fn messages(world: &World) -> usize {
    world.queue("ReconcileQueue").messages.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_session_that_was_never_posted_is_shown_and_counted_once() {
    let world = World::reconciling("watch").await;
    let incident = world.incident();
    let (posted, unposted) = (world.session(&incident), world.session(&incident));
    world.post_and_deliver(&posted, Phase::End).await;
    world.end_unposted(&unposted);
    for _ in 0..2 {
        world.reconcile_later().await;
        let missed = world.missed_states().await;
        assert_eq!(missed, [(unposted.id.clone(), MissedState::Missed)]);
        assert_eq!(counted(&world), 1);
    }
    let missed = world.missed().await.remove(0);
    assert_eq!(missed.technician_id, Some(unposted.technician.node_id));
    assert_eq!(world.notes(&incident).len(), 1);
    assert!(world.reconcile_progress().await.failure.is_none());
    assert!(
        world
            .metric(RECONCILE_SESSIONS, "ReconcileFailed")
            .is_empty()
    );
    assert_eq!(world.queue("ReconcileDlq").messages.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_never_posted_is_written_once() {
    let world = World::reconciling("write").await;
    let incident = world.incident();
    let unposted = world.session(&incident);
    world.end_unposted(&unposted);
    for _ in 0..2 {
        world.reconcile_later().await;
        let notes = world.notes(&incident);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains(&unposted.id), "{notes:?}");
        let missed = world.missed_states().await;
        assert_eq!(missed, [(unposted.id.clone(), MissedState::Written)]);
        assert_eq!(counted(&world), 1);
    }
    let post = world.entry(&unposted).await;
    assert_eq!((&*post["state"], &*post["source"]), ("delivered", "report"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_row_is_too_long_for_the_queue_is_counted_once_and_not_written() {
    let world = World::reconciling("write").await;
    let incident = world.incident();
    let session = world.session(&incident);
    let session = session.with_field("CField3", &noise(1_200_000));
    world.end_unposted(&session);
    for _ in 0..2 {
        world.reconcile_later().await;
        let missed = world.missed_states().await;
        assert_eq!(missed, [(session.id.clone(), MissedState::Missed)]);
        assert_eq!(counted(&world), 1);
    }
    assert_eq!(world.notes(&incident).len(), 0);
    let entries = world.ledger(&session).await;
    let entries: Vec<_> = entries.iter().map(|entry| &*entry["entry"]).collect();
    assert_eq!(entries, ["barrier"]);
    assert_eq!(world.reconcile_progress().await.failure, None);
}

/// The state of a session that was never posted, once its message has been delivered.
fn found(mode: &str) -> MissedState {
    match mode {
        "write" => MissedState::Written,
        _ => MissedState::Missed,
    }
}

/// The report is read while the queue holds the posts, each with a message of the connector behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_end_is_in_the_queue_is_not_missed() {
    for (mode, notes) in [("watch", 0), ("write", 1)] {
        let _case = Case::of(mode);
        let world = World::reconciling(mode).await;
        let changed = |file: String| reconciling(&console_sessions(&file, "ignore"), mode);
        world.change_settings(changed).await;
        let [first, second, third] = [world.incident(), world.incident(), world.incident()];
        let (queued, behind) = (world.session(&first), world.session(&second));
        world.post(&behind, Phase::Start).await;
        world.inject_every_write(&second, FaultAction::status(503));
        world.deliver().await;
        let wrong = world.console_session().with_field("CField1", "INC9999999");
        for posted in [&queued, &behind, &wrong, &world.console_session()] {
            world.post(posted, Phase::End).await;
        }
        let never = world.session(&third);
        world.end_unposted(&never);

        world.cloud.travel(COMPARED_AFTER);
        world.run_schedule().await;
        world.compare().await;
        let suspected = world.missed_states().await;
        assert_eq!(suspected.len(), 5, "{suspected:?}");
        assert!(
            suspected
                .iter()
                .all(|(_, state)| *state == MissedState::Suspected)
        );
        assert_eq!(counted(&world), 0);
        world.servicenow().clear_faults();
        world.reconcile_until_empty().await;
        for _ in 0..2 {
            assert_eq!(
                world.missed_states().await,
                [(never.id.clone(), found(mode))]
            );
            assert_eq!(counted(&world), 1);
            let written = [&first, &second, &third].map(|record| world.notes(record).len());
            assert_eq!(written, [1, 2, notes]);
            assert_eq!(world.dead_letters().len(), 1);
            world.reconcile_later().await;
        }
    }
}

/// The tenant has to be authorised again, or is throttled.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_end_waits_for_its_tenant_is_not_missed() {
    for (mode, throttled) in [
        ("watch", false),
        ("watch", true),
        ("write", false),
        ("write", true),
    ] {
        let _case = Case::of((mode, throttled));
        let world = World::reconciling(mode).await;
        let [first, second, third] = [world.incident(), world.incident(), world.incident()];
        if throttled {
            world.inject_write(&first, rate_limited(3 * 3600));
        } else {
            world.servicenow().revoke(&world.refresh_token());
        }
        let (hidden, behind_the_pause) = (world.session(&first), world.session(&second));
        world.post_and_deliver(&hidden, Phase::End).await;
        world.post_and_deliver(&behind_the_pause, Phase::End).await;
        let never = world.session(&third);
        world.end_unposted(&never);
        world.cloud.travel(COMPARED_AFTER);
        // A tenant that has to be authorised again is tried again after an hour.
        world.deliver().await;
        assert!(
            world
                .queued()
                .iter()
                .all(|message| !message.hidden_for.is_zero())
        );
        world.run_schedule().await;
        for _ in 0..10 {
            compare_then_wait(&world, MINUTE * 2).await;
            world.deliver().await;
        }
        assert_eq!(counted(&world), usize::from(mode == "watch"));
        if !throttled {
            world.authorize().await;
        }
        world.deliver_until_empty().await;
        world.reconcile_later().await;
        assert_eq!(
            world.missed_states().await,
            [(never.id.clone(), found(mode))]
        );
        assert_eq!(counted(&world), 1);
        let notes = usize::from(mode == "write");
        let written = [&first, &second, &third].map(|record| world.notes(record).len());
        assert_eq!(written, [1, 1, notes]);
        assert_eq!(world.dead_letters().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_counts_that_ended_while_reconciliation_and_the_tenant_were_on() {
    use MissedState::{Missed, Written};
    let world = World::start().await;
    let off = |file: String| format!("enabled = false\n{}", reconciling(&file, "watch"));
    let apart = || world.cloud.travel(MINUTE);
    end_one(&world);
    apart();
    world
        .change_settings(|file| reconciling(&file, "watch"))
        .await;
    apart();
    let first = end_one(&world);
    apart();
    world.change_settings(off).await;
    apart();
    end_one(&world);
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    assert_eq!(messages(&world), 0, "a tenant that is switched off");
    world
        .change_settings(|file| reconciling(&file, "watch"))
        .await;
    apart();
    let second = end_one(&world);
    world.reconcile_later().await;
    let both = |state| vec![(first.clone(), state), (second.clone(), state)];
    assert_eq!(world.missed_states().await, both(Missed));

    // What was found before is written, too.
    world
        .change_settings(|file| reconciling(&file, "write"))
        .await;
    world.reconcile_later().await;
    assert_eq!(world.missed_states().await, both(Written));

    world.change_settings(|file| file).await;
    apart();
    end_one(&world);
    apart();
    world
        .change_settings(|file| reconciling(&file, "write"))
        .await;
    apart();
    let third = end_one(&world);
    world.reconcile_later().await;
    let all = [both(Written), vec![(third, Written)]].concat();
    assert_eq!(world.missed_states().await, all);
    assert_eq!(counted(&world), 3);
    assert_eq!(world.servicenow().records("incident").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_compared_two_hours_after_its_end_also_when_rescue_reports_it_a_day_late() {
    let world = World::reconciling("watch").await;
    world.cloud.travel(24 * HOUR);
    let ended = end_one(&world);
    world.cloud.travel(HOUR);
    world.reconcile().await;
    assert_eq!(world.missed_states().await, []);
    world.reconcile_later().await;
    let missed = world.missed_states().await;
    assert_eq!(missed, [(ended.clone(), MissedState::Missed)]);

    let now = world.cloud.clock.now();
    let ana = Technician::new("4455667", TECHNICIAN, "Ana Ruiz");
    let late = Session::new("7", ana, now.minus(21 * HOUR));
    world
        .cloud
        .rescue
        .add_past_session(&late, now.minus(20 * HOUR));
    world.cloud.travel(HOUR);
    world.reconcile().await;
    let missed = world.missed_states().await;
    let ids = [late.id, ended].map(|id| (id, MissedState::Missed));
    assert_eq!(missed, ids);
}

/// The failure of one tenant does not hold up the other, and is not about the other.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_tenants_of_an_account_the_one_without_nodes_is_refused() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    let other = world.add_sharing_tenant("other", "watch", &["2002"]).await;
    world.cloud.travel(MINUTE);
    let bo = world.cloud.rescue.start_session(BO).expect("Bo");
    world.end_unposted(&bo);
    end_one(&world);
    world.reconcile_later().await;
    let failure = world.reconcile_progress().await.failure.expect("a failure");
    assert_contains(
        &failure.reason,
        &["same Rescue account", "rescue.report_nodes"],
    );
    assert!(!failure.reason.contains("other#"), "{failure:?}");
    assert_eq!(failed(&world), 1);
    assert_eq!(world.missed_states().await, []);
    let of_other = world.missed_of(&other).await;
    assert_eq!(of_other.len(), 1);
    assert_eq!(of_other[0].session_id.as_str(), bo.id);
    assert!(world.progress_of(&other).await.failure.is_none());

    let changed = |file: String| with_nodes(&reconciling(&file, "watch"), &["2001"]);
    world.change_settings(changed).await;
    world.reconcile_later().await;
    assert!(world.reconcile_progress().await.failure.is_none());
    assert_eq!(world.missed().await.len(), 1);
}

/// Rescue refuses a report less than a minute after the last one of the same user.
#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_take_turns_with_the_reports_of_one_technician() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    refuse_groups(&world);
    let nodes = |file: String| with_nodes(&reconciling(&file, "watch"), &["2001"]);
    world.change_settings(nodes).await;
    let other = world.add_sharing_tenant("other", "watch", &["2002"]).await;
    let mark = world.cloud.rescue.mark();
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    // A sign-in ends the technician's authcode, which the other tenant is using.
    let slow = FaultAction::Delay(Duration::from_millis(300));
    let report = InjectedFault::on(RequestMatcher::path("getReport_v2"));
    world.cloud.rescue.fault(report.then(slow));
    let meanwhile = async {
        until(|| world.reports_since(mark).len() == 1).await;
        world.reconcile_poller().poll_once().await
    };
    futures::join!(world.reconcile_poller().poll_once(), meanwhile);
    let sign_ins = world.rescue_forms_since(mark, "requestAuthCodeSSO", "ssoid");
    assert_eq!(sign_ins, [TECHNICIAN]);
    for _ in 0..20 {
        let both = futures::join!(
            world.reconcile_poller().poll_once(),
            world.reconcile_poller().poll_once()
        );
        if both == (0, 0) {
            world.cloud.travel(Duration::from_secs(36));
        }
    }
    world.reconcile_until_empty().await;
    let asked = world.reports_since(mark);
    assert_eq!(asked.len(), 6, "{asked:?}");
    let reports = world.cloud.rescue.since(mark).into_iter();
    let reports = reports.filter(|call| call.path.ends_with("/getReport_v2.aspx"));
    let times: Vec<_> = reports.map(|call| call.at).collect();
    assert!(
        times
            .windows(2)
            .all(|pair| pair[1].since(pair[0]) >= MINUTE),
        "{times:?}"
    );
    for tenant in [demo(), other] {
        let progress = world.progress_of(&tenant).await;
        assert!(progress.compared_until.is_some() && progress.failure.is_none());
    }
}

/// What a report shows is state of its user in Rescue, where the letter case of the SSO id may not count.
#[tokio::test(flavor = "multi_thread")]
async fn tenants_that_spell_one_technician_in_two_letter_cases_take_turns_with_its_reports() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    let spelled = TECHNICIAN.to_uppercase();
    let ana = Technician::new("4455669", &spelled, "Ana Ruiz");
    world.cloud.rescue.set_technician(ana.in_group("2001"));
    let nodes = |file: String| with_nodes(&reconciling(&file, "watch"), &["2001"]);
    let change = |file: String| nodes(file).replace(TECHNICIAN, &spelled);
    world.change_settings(change).await;
    let other = world.add_sharing_tenant("other", "watch", &["2002"]).await;
    let mark = world.cloud.rescue.mark();
    let sign_ins = || world.rescue_forms_since(mark, "requestAuthCodeSSO", "ssoid");
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    world.compare().await;
    assert_eq!(sign_ins().len(), 1, "{:?}", sign_ins());
    assert_eq!(world.reports_since(mark).len(), 1);
    world.reconcile_until_empty().await;
    let mut sign_ins = sign_ins();
    sign_ins.sort();
    assert_eq!(sign_ins, [spelled.as_str(), TECHNICIAN]);
    for tenant in [demo(), other] {
        let progress = world.progress_of(&tenant).await;
        assert!(progress.compared_until.is_some() && progress.failure.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_rescue_makes_reports_of_technicians_alone_each_of_them_is_asked() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    let rescue = &world.cloud.rescue;
    // Without a technician.
    rescue.set_group(TechnicianGroup::new("2003", "Nights"));
    refuse_groups(&world);
    let bo = rescue.start_session(BO).expect("Bo");
    let mut ids = vec![end_one(&world), bo.id.clone()];
    world.end_unposted(&bo);
    ids.sort();
    let mark = rescue.mark();
    world.reconcile_later().await;
    let asked = world.reports_since(mark);
    let every = [ACCOUNT_ID, "2001", "4455667", "2002", "4455668", "2003"];
    assert_eq!(asked, every);
    let missed = world.missed_states().await;
    let mut found: Vec<_> = missed.into_iter().map(|(id, _)| id).collect();
    found.sort();
    assert_eq!(found, ids);
    let progress = world.reconcile_progress().await;
    assert_eq!((progress.run, progress.failure), (None, None));
    assert!(progress.compared_until.is_some());

    // A technician who is deleted meanwhile.
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    for _ in 0..4 {
        compare_then_wait(&world, NEXT_REPORT).await;
    }
    rescue.change_technician(BO, |bo| bo.deleted = true);
    world.reconcile_until_empty().await;
    let progress = world.reconcile_progress().await;
    assert_eq!((progress.run, progress.failure), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_several_reports_goes_on_where_it_was_and_begins_again_with_other_settings() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    refuse_groups(&world);
    let every = [ACCOUNT_ID, "2001", "4455667", "2002", "4455668"];
    let rescue = &world.cloud.rescue;

    // The message that continues is not sent, and the first one is received again.
    let mark = rescue.mark();
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    world.refuse_aws(Service::Sqs, "SendMessage", "AccessDeniedException");
    world.reconcile_until_empty().await;
    assert_eq!(world.reports_since(mark), every);
    assert_eq!(world.reconcile_progress().await.run, None);

    // A process is killed in the middle.
    let mark = rescue.mark();
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    compare_then_wait(&world, NEXT_REPORT).await;
    inject(&world, "getReport_v2", FaultAction::Delay(HOUR));
    tokio::select! {
        () = world.compare() => panic!("the report comes"),
        () = until(|| world.reports_since(mark).len() == 2) => {}
    }
    world.function(RECONCILE_SESSIONS).kill().await;
    rescue.clear_faults();
    world.reconcile_until_empty().await;
    let with_the_killed_one = [&every[..2], &every[1..]].concat();
    assert_eq!(world.reports_since(mark), with_the_killed_one);
    assert_eq!(world.reconcile_progress().await.run, None);

    // The settings change in the middle.
    let mark = rescue.mark();
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    compare_then_wait(&world, NEXT_REPORT).await;
    let changed = |file: String| with_nodes(&reconciling(&file, "watch"), &["2002"]);
    world.change_settings(changed).await;
    world.reconcile_until_empty().await;
    let asked = world.reports_since(mark);
    assert_eq!(asked, [ACCOUNT_ID, ACCOUNT_ID, "2002", "4455668"]);
    let progress = world.reconcile_progress().await;
    assert_eq!((progress.run, progress.failure), (None, None));
    assert_eq!(failed(&world), 0);
}

/// Also when its message finds the tenant's lease taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_starts_no_second_chain_of_messages_while_a_run_goes_on() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    refuse_groups(&world);
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    world.compare().await;
    let (lease, credentials) = (reconcile_lease_key(&demo()), world.credentials());
    let taken = credentials.take_lease(&lease, "another process", MINUTE / 2);
    assert!(taken.await.expect("the table is written"));
    world.run_schedule().await;
    compare_then_wait(&world, NEXT_REPORT).await;
    world.run_schedule().await;
    assert_eq!(messages(&world), 3);
    world.compare().await;
    assert_eq!(messages(&world), 1);
    world.reconcile_until_empty().await;
    assert!(world.reconcile_progress().await.compared_until.is_some());
}

/// A minute between two reports makes hours of a thousand technicians.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_hours_is_given_up_by_its_last_report_and_is_followed_by_none() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    refuse_groups(&world);
    let (rescue, id) = (&world.cloud.rescue, end_one(&world));
    let mark = rescue.mark();
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    for _ in 0..4 {
        compare_then_wait(&world, MINUTE * 100).await;
    }
    let down = InjectedFault::on(RequestMatcher::path("getAccount"));
    let down = down.then(FaultAction::status(503));
    // Rescue, then another tenant of the same user is in the way.
    inject(&world, "getReport_v2", FaultAction::status(503));
    world.compare().await;
    rescue.clear_faults();
    rescue.fault(down);
    assert_eq!(failed(&world), 0);
    world.reconcile_until_empty().await;
    let asked = world.reports_since(mark);
    let every = [ACCOUNT_ID, "2001", "4455667", "2002", "4455668", "4455668"];
    assert_eq!(asked, every);
    let progress = world.reconcile_progress().await;
    assert_eq!((progress.run, progress.failure), (None, None));
    // The ledger is asked once more after the last report, however long the run took.
    let missed = world.missed_states().await;
    assert_eq!(missed, [(id, MissedState::Missed)]);
    assert_eq!(failed(&world), 0);
}

/// Another system asks for reports as the same user all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_gets_no_report_for_hours_fails() {
    let world = World::reconciling("watch").await;
    let busy = FaultAction::text("POLLRATEEXCEEDED");
    inject(&world, "getReport_v2", busy);
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    for _ in 0..6 {
        compare_then_wait(&world, HOUR).await;
    }
    let failure = world.reconcile_progress().await.failure.expect("a failure");
    assert_contains(&failure.reason, &["Other reports of the same user"]);
    assert_eq!((failed(&world), messages(&world)), (1, 0));
    world.cloud.rescue.clear_faults();
    world.reconcile_later().await;
    assert!(world.reconcile_progress().await.failure.is_none());
}

/// The dates that Rescue was asked for since a mark.
fn dates_since(world: &World, mark: Mark) -> Vec<(String, String)> {
    let of = |field| world.rescue_forms_since(mark, "setReportDate_v2", field);
    of("bdate").into_iter().zip(of("edate")).collect()
}

/// Each run compares the last day of the one before again, so a part of a period may be shorter than that.
#[tokio::test(flavor = "multi_thread")]
async fn a_period_whose_report_is_too_long_is_compared_in_parts() {
    let world = World::reconciling("watch").await;
    world.cloud.travel(48 * HOUR);
    world.reconcile().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        world.cloud.travel(2 * HOUR);
        ids.push(end_one(&world));
    }
    let too_long = FaultAction::text(&format!("OK{}", "x".repeat(LONGEST_ANSWER)));
    let report = InjectedFault::on(RequestMatcher::path("getReport_v2"));
    world.cloud.rescue.fault(report.times(2).then(too_long));
    let mark = world.cloud.rescue.mark();
    world.reconcile_later().await;
    let dates = dates_since(&world, mark);
    assert_eq!(dates.len(), 4, "{dates:?}");
    assert_eq!(dates[0], dates[1], "first as text");
    assert_eq!(dates[2].0, dates[0].0);
    assert_ne!(
        dates[3].0, dates[0].0,
        "the first part is not asked for again"
    );
    assert_eq!(dates[3].1, dates[0].1);
    let missed = world.missed_states().await;
    let found = ids.into_iter().map(|id| (id, MissedState::Missed));
    assert_eq!(missed, found.collect::<Vec<_>>());
    let progress = world.reconcile_progress().await;
    assert_eq!((progress.run, progress.failure), (None, None));
}

/// Reconciles, and asserts that it fails with that text, once more than before.
async fn assert_fails(world: &World, parts: &[&str]) {
    let before = failed(world);
    world.reconcile_later().await;
    until(|| failed(world) > before).await;
    let failure = world.reconcile_progress().await.failure;
    let reason = failure.map(|failure| failure.reason).unwrap_or_default();
    assert_contains(&reason, parts);
    assert!(
        !reason.contains(TECHNICIAN) && reason.ends_with('.'),
        "{reason}"
    );
    assert_eq!(failed(world), before + 1);
}

/// Reconciles, and asserts that nothing of a failure is left.
async fn assert_works(world: &World) {
    let before = failed(world);
    world.reconcile_later().await;
    let progress = world.reconcile_progress().await;
    assert_eq!((progress.run, progress.failure), (None, None));
    assert_eq!(failed(world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_has_to_change_fails_at_once_and_the_next_schedule_succeeds() {
    let world = World::reconciling("watch").await;
    let rescue = &world.cloud.rescue;
    world
        .change_settings(|file| with_line(&file, "rescue", "reconcile = \"watch\""))
        .await;
    assert_fails(&world, &["rescue-api-token", "rescue.report_technician"]).await;
    let unknown = |file: String| reconciling(&file, "watch").replace(TECHNICIAN, "eve@acme.test");
    world.change_settings(unknown).await;
    assert_fails(&world, &["cannot be signed in", "INVALID"]).await;
    world
        .change_settings(|file| reconciling(&file, "watch"))
        .await;
    assert_works(&world).await;

    // Another system signs in as the technician, once and all the time.
    rescue.sign_in_elsewhere(TECHNICIAN);
    assert_works(&world).await;
    inject(&world, "getAccount", FaultAction::Unauthorized);
    assert_fails(&world, &["Another system signs in as the same technician"]).await;
    rescue.clear_faults();
    assert_works(&world).await;

    rescue.change_technician(TECHNICIAN, |ana| ana.deleted = true);
    assert_fails(&world, &["USER_IS_DELETED", "rescue.report_technician"]).await;
    rescue.change_technician(TECHNICIAN, |ana| ana.deleted = false);
    rescue.configure(|rules| rules.report.refuses_authcodes = true);
    assert_fails(&world, &["NOTLOGGEDIN", "rescue-api-token"]).await;

    let token = rescue.issue_api_token(TECHNICIAN);
    let secrets = [(SecretName::RescueApiToken, token.as_str())];
    let file = reconciling(&demo_tenant::file(&world.cloud), "watch");
    world.cloud.apply(&file, &secrets).await.expect("set");
    assert_works(&world).await;
    let missing = |file: String| with_nodes(&reconciling(&file, "watch"), &["4711"]);
    world.change_settings(missing).await;
    assert_fails(&world, &["no node 4711"]).await;
    assert_eq!(world.queue("ReconcileDlq").messages.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_every_ten_minutes_for_two_hours() {
    let world = World::reconciling("watch").await;
    let (rescue, mut ids) = (&world.cloud.rescue, Vec::new());
    let unreadable = FaultAction::text("OK\n\nneither XML nor columns");
    for (path, action, reason) in [
        ("API", FaultAction::status(503), "HTTP status 503"),
        ("API", FaultAction::DropBefore, "no answer"),
        ("API", FaultAction::text("ERROR"), "try again later"),
        ("getReport_v2", unreadable, "cannot be read"),
    ] {
        let _case = Case::of((path, reason));
        ids.push((end_one(&world), MissedState::Missed));
        inject(&world, path, action);
        let (mark, began) = (rescue.mark(), world.cloud.clock.now());
        assert_fails(&world, &[reason]).await;
        let failure = world.reconcile_progress().await.failure.expect("a failure");
        let tried_for = failure.at.since(began.plus(COMPARED_AFTER));
        assert!(tried_for >= HOUR * 2, "{tried_for:?}");
        if path == "API" {
            let asked = rescue.since(mark).len();
            assert!((13..=14).contains(&asked), "{asked}");
        }
        rescue.clear_faults();
        assert_works(&world).await;
        assert_eq!(world.missed_states().await, ids);
    }
    // Half an hour.
    let down = InjectedFault::on(RequestMatcher::path("getAccount"));
    rescue.fault(down.times(3));
    assert_works(&world).await;
    assert_eq!(world.queue("ReconcileDlq").messages.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_read_as_text_where_xml_is_refused_or_broken_and_rows_without_a_session_are_left_out()
 {
    let world = World::reconciling("watch").await;
    let (rescue, mut ids) = (&world.cloud.rescue, Vec::new());
    let broken = FaultAction::text("OK\n\n<?xml version=\"1.0\"?><report><header>");
    let ana = Technician::new("4455667", TECHNICIAN, "Ana Ruiz");
    for refused in [true, false] {
        let _case = Case::of(refused);
        rescue.configure(|rules| rules.report.refuses_xml = refused);
        if !refused {
            let report = RequestMatcher::path("getReport_v2");
            rescue.fault(InjectedFault::on(report).then(broken.clone()));
        }
        let nameless = Session::new("", ana.clone(), world.cloud.clock.now());
        world.end_unposted(&nameless);
        ids.push((end_one(&world), MissedState::Missed));
        assert_works(&world).await;
        assert_eq!(world.missed_states().await, ids);
    }
    let cannot = world.lines_of(RECONCILE_SESSIONS, "rows of Rescue's report cannot be read");
    assert!(!cannot.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_is_dead_lettered_after_five_receives() {
    let world = World::reconciling("watch").await;
    let id = end_one(&world);
    let bodies = ["{}", "no JSON", r#"{"v":2,"tenant":"demo"}"#];
    let url = &world.cloud.resources.queues["ReconcileQueue"].url;
    for body in bodies {
        let sent = world.cloud.stack.sqs.send_message().queue_url(url);
        sent.message_body(body).send().await.expect("sent");
    }
    for _ in 0..5 {
        assert_eq!(world.queue("ReconcileDlq").messages.len(), 0);
        compare_then_wait(&world, RECEIVED_AGAIN).await;
    }
    assert_eq!(world.reconcile_poller().poll_once().await, 0);
    let dead_letters = world.queue("ReconcileDlq").messages;
    let mut dead: Vec<_> = dead_letters
        .into_iter()
        .map(|message| message.body)
        .collect();
    dead.sort();
    let mut sent = bodies.map(str::to_owned);
    sent.sort();
    assert_eq!(dead, sent);
    world.reconcile_later().await;
    assert_eq!(world.missed_states().await, [(id, MissedState::Missed)]);
}

/// The message is received again, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_aws_leaves_the_message_in_the_queue() {
    let world = World::reconciling("watch").await;
    let (rescue, aws, mut ids) = (&world.cloud.rescue, &world.cloud.aws, Vec::new());
    use Service::{DynamoDb, Sqs};
    for (after_the_report, service, operation, times) in [
        (false, DynamoDb, "UpdateItem", 1),
        (false, DynamoDb, "GetItem", 1),
        (true, DynamoDb, "Query", 1),
        (true, DynamoDb, "UpdateItem", 2),
        (true, Sqs, "SendMessage", 1),
    ] {
        let _case = Case::of((after_the_report, operation));
        ids.push((end_one(&world), MissedState::Missed));
        world.cloud.travel(COMPARED_AFTER);
        world.run_schedule().await;
        let fault = InjectedAwsFault::once(service, operation, denied()).times(times);
        if after_the_report {
            let report = RequestMatcher::path("getReport_v2");
            let slow = FaultAction::Delay(Duration::from_millis(300));
            rescue.fault(InjectedFault::on(report).then(slow));
            let mark = rescue.mark();
            let then_refuse = async {
                until(|| !world.reports_since(mark).is_empty()).await;
                aws.inject(fault);
            };
            futures::join!(world.compare(), then_refuse);
        } else {
            aws.inject(fault);
            world.compare().await;
        }
        let left = world.queue("ReconcileQueue").messages;
        assert_eq!((left.len(), left[0].receive_count), (1, 1), "{left:?}");
        world.reconcile_until_empty().await;
        assert_eq!(world.missed_states().await, ids);
        assert_eq!(counted(&world), ids.len());
        let progress = world.reconcile_progress().await;
        assert_eq!((progress.run, progress.failure), (None, None));
    }
    assert_eq!(
        (failed(&world), world.queue("ReconcileDlq").messages.len()),
        (0, 0)
    );
}

/// The texts of the items of a table whose key ends so.
async fn items(world: &World, table: &str, key: &str, ending: &str) -> Vec<String> {
    let scan = world.cloud.stack.dynamodb.scan().table_name(table);
    let answer = scan.send().await.expect("the table can be read");
    let items = answer.items().iter().filter(|item| {
        let key = item.get(key).and_then(|key| key.as_s().ok());
        key.is_some_and(|key| key.ends_with(ending))
    });
    items
        .flat_map(|item| {
            item.values()
                .map(|value: &AttributeValue| format!("{value:?}"))
        })
        .collect()
}

/// docs/architecture.md#rule-8, at log level `TRACE`.
#[tokio::test(flavor = "multi_thread")]
async fn no_person_is_in_what_the_function_logs_and_stores() {
    let world = World::reconciling("write").await;
    let rescue = &world.cloud.rescue;
    let canary = Technician::new("4455670", "canary@acme.test", "Cana canary-technician");
    rescue.set_technician(canary);
    let mut session = rescue
        .start_session("canary@acme.test")
        .expect("a technician")
        .with_customer("Paul canary-customer")
        .with_field("CField3", "canary-field")
        .with_tracking0("sn1:inc:canary-tracking:0")
        .with_note("canary-note");
    session.say("Paul", "canary-chat");
    world.end_unposted(&session);
    let row = "OK\n\nPaul canary-customer|canary@acme.test|canary-field|\n";
    let report = InjectedFault::on(RequestMatcher::path("getReport_v2"));
    rescue.fault(report.times(30).then(FaultAction::text(row)));
    assert_fails(&world, &["cannot be read"]).await;
    rescue.clear_faults();
    rescue.configure(|rules| rules.report.refuses_xml = true);
    rescue.change_technician(TECHNICIAN, |ana| ana.disabled = true);
    assert_fails(&world, &["USER_DELETED_OR_DISABLED"]).await;
    rescue.change_technician(TECHNICIAN, |ana| ana.disabled = false);
    assert_works(&world).await;
    let missed = world.missed_states().await;
    assert_eq!(missed, [(session.id, MissedState::Written)]);

    let stack = &world.cloud.stack;
    let mut stored = items(&world, &stack.sessions_table, "session", "").await;
    assert!(stored.iter().any(|text| text.contains("report")));
    for ending in ["#missed", "#reconciled"] {
        let items = items(&world, &stack.credentials_table, "credential", ending).await;
        assert!(!items.is_empty(), "{ending}");
        stored.extend(items);
    }
    let output = world.function(RECONCILE_SESSIONS).output();
    assert!(
        output
            .iter()
            .any(|line| line.contains("compared with the ledger"))
    );
    for text in stored.iter().chain(&output) {
        for mark in ["canary", "Ana Ruiz", "Paul", "@acme.test", SSO_PASSWORD] {
            assert!(!text.contains(mark), "{mark}: {text}");
        }
    }
}

/// `NODE` is a technician by the vendor's page, so the account's id may give an empty report without a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn reports_without_any_session_are_not_believed_where_rescue_posted_some() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    let posted = world.console_session();
    world.post_and_deliver(&posted, Phase::End).await;
    let never = end_one(&world);
    let rescue = &world.cloud.rescue;
    let of_the_account = RequestMatcher::path("getReport_v2").body_containing(ACCOUNT_ID);
    rescue.fault(InjectedFault::on(of_the_account).then(report_without_sessions()));
    let mark = rescue.mark();
    world.reconcile_later().await;
    assert_eq!(world.reports_since(mark), [ACCOUNT_ID, "2001", "2002"]);
    let missed = world.missed_states().await;
    assert_eq!(missed, [(never, MissedState::Missed)]);

    // The user sees no group's sessions either.
    inject(&world, "getReport_v2", report_without_sessions());
    let posted = world.console_session();
    world.post_and_deliver(&posted, Phase::End).await;
    let until = world.reconcile_progress().await.compared_until;
    world.reconcile_later().await;
    let progress = world.reconcile_progress().await;
    assert_eq!(progress.compared_until, until);
    let failure = progress.failure.expect("a failure").reason;
    assert_contains(&failure, &["shows no session", "role"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_technician_of_whom_rescue_makes_no_report_holds_up_no_other() {
    let world = World::reconciling("watch").await;
    world.add_groups();
    refuse_groups(&world);
    let rescue = &world.cloud.rescue;
    let bo = rescue.start_session(BO).expect("Bo");
    world.end_unposted(&bo);
    let of_ana = RequestMatcher::path("getReport_v2").body_containing("4455667");
    let refused = FaultAction::Status {
        code: 200,
        headers: Vec::new(),
        body: "INVALIDPARAM_NODE".to_owned(),
    };
    rescue.fault(InjectedFault::on(of_ana).then(refused).always());
    world.reconcile_later().await;
    let missed = world.missed_states().await;
    assert_eq!(missed, [(bo.id, MissedState::Missed)]);
    let progress = world.reconcile_progress().await;
    // The period is compared again.
    assert_eq!((progress.run, progress.compared_until), (None, None));
    let failure = progress.failure.expect("a failure").reason;
    assert_contains(&failure, &["getReport_v2", "INVALIDPARAM_NODE"]);
    rescue.clear_faults();
    world.reconcile_later().await;
    let progress = world.reconcile_progress().await;
    assert_eq!(progress.failure, None);
    assert!(progress.compared_until.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_technician_who_moves_to_another_tenant_stay_where_they_were_posted() {
    let world = World::reconciling("write").await;
    world.add_groups();
    let nodes = |file: String| with_nodes(&reconciling(&file, "write"), &["2001"]);
    world.change_settings(nodes).await;
    let other = world.add_sharing_tenant("other", "write", &["2002"]).await;
    world.cloud.travel(MINUTE);
    let incident = world.incident();
    let session = world.session(&incident);
    world.post_and_deliver(&session, Phase::End).await;
    let moved = |ana: &mut Technician| ana.group_id = Some("2002".to_owned());
    world.cloud.rescue.change_technician(TECHNICIAN, moved);
    world.reconcile_later().await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.missed_of(&other).await, []);
    assert!(world.progress_of(&other).await.compared_until.is_some());
}

/// A message may wait for hours for the report's user.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_joins_the_account_after_the_schedule_is_told_apart_too() {
    let world = World::reconciling("write").await;
    world.add_groups();
    let bo = world.cloud.rescue.start_session(BO).expect("Bo");
    world.end_unposted(&bo);
    world.cloud.travel(COMPARED_AFTER);
    world.run_schedule().await;
    world.add_sharing_tenant("other", "off", &["2002"]).await;
    world.reconcile_until_empty().await;
    let failure = world.reconcile_progress().await.failure.expect("a failure");
    assert_contains(&failure.reason, &["rescue.report_nodes"]);
    assert_eq!(world.missed().await, []);
    assert_eq!(world.queued().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_noted_holds_up_no_tenant() {
    let world = World::reconciling("watch").await;
    let never = end_one(&world);
    world.cloud.travel(COMPARED_AFTER);
    world.cloud.aws.inject(InjectedAwsFault::once(
        Service::DynamoDb,
        "UpdateItem",
        denied(),
    ));
    world.reconcile().await;
    let missed = world.missed_states().await;
    assert_eq!(missed, [(never, MissedState::Missed)]);
}
