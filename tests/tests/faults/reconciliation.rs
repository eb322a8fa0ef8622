//! Reconciliation while processes are killed, runs overlap and the report grows: what Rescue never posted is written once,
//! and nothing else is (docs/reconciliation.md).

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use admin::sessions::{ReconcileOptions, reconcile};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use local::demo_tenant::{TECHNICIAN, TENANT};
use local::rescue::{Phase, Technician};
use shared::domain::clock::Timestamp;
use shared::reconciliation::MissedState;
use shared::rescue::report::Period;
use tests::reconciliation::{BO, COMPARED_AFTER, RECONCILE_SESSIONS, reconciling, with_nodes};
use tests::tokens::demo;
use tests::{Case, World, request, until};

const HOUR: Duration = Duration::from_secs(3600);

/// Pseudo-random numbers that follow from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (limit as u64)).expect("below the limit")
    }

    /// So many different numbers below the limit.
    fn several(&mut self, count: usize, limit: usize) -> BTreeSet<usize> {
        let mut several = BTreeSet::new();
        while several.len() < count {
            several.insert(self.below(limit));
        }
        several
    }
}

/// Handles the tenants' messages that are there, two at once, and kills the function's processes once they have made so many
/// calls. False: they made fewer.
async fn kill_after(world: &World, calls: usize) -> bool {
    let (aws, rescue) = (world.cloud.aws.journal().mark(), world.cloud.rescue.mark());
    let made = || {
        let of_it = world.cloud.aws.journal().since(aws).into_iter();
        let of_it = of_it.filter(|call| call.caller == RECONCILE_SESSIONS);
        of_it.count() + world.cloud.rescue.since(rescue).len()
    };
    let polling = async {
        let poll = || world.reconcile_poller().poll_once();
        while futures::join!(poll(), poll()) != (0, 0) {}
    };
    tokio::select! {
        () = polling => false,
        () = until(|| made() >= calls) => {
            world.function(RECONCILE_SESSIONS).kill().await;
            true
        }
    }
}

/// A killed process may have made any of its calls. Each round has one more session that was never posted.
async fn killed_at_every_call(mode: &str, state: MissedState) {
    let world = World::reconciling(mode).await;
    let mut unposted = Vec::new();
    for calls in 1.. {
        let _case = Case::of((mode, calls));
        let incident = world.incident();
        let (posted, never) = (world.session(&incident), world.session(&incident));
        world.post(&posted, Phase::End).await;
        world.end_unposted(&never);
        unposted.push((incident, never.id.clone()));
        world.cloud.travel(COMPARED_AFTER);
        world.run_schedule().await;
        let killed = kill_after(&world, calls).await;
        world.reconcile_until_empty().await;
        // A process that died holding the report's lease has ended the run, or its message was received again.
        world.reconcile().await;
        let missed = world.missed_states().await;
        assert!(missed.contains(&(never.id.clone(), state)), "{missed:?}");
        if state == MissedState::Missed {
            // Rescue posts it after all.
            world.post_and_deliver(&never, Phase::End).await;
            world.reconcile().await;
            assert_eq!(world.missed_states().await, []);
        }
        for (incident, id) in &unposted {
            let notes = world.notes(incident);
            let of_it = notes.iter().filter(|note| note.contains(id.as_str()));
            assert_eq!((of_it.count(), notes.len()), (1, 2), "{notes:?}");
        }
        let counted = world.metric("deliver-session", "MissedSessions");
        assert_eq!(counted.len(), unposted.len());
        if !killed {
            break;
        }
    }
    assert!(unposted.len() > 10, "{}", unposted.len());
    assert_eq!(world.queue("ReconcileDlq").messages.len(), 0);
    assert_eq!(world.dead_letters().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_posted_is_written_once_wherever_a_process_dies() {
    killed_at_every_call("write", MissedState::Written).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_posted_is_counted_once_wherever_a_process_dies() {
    killed_at_every_call("watch", MissedState::Missed).await;
}

/// Ends of posts, as the ledger holds them, in any state.
async fn store_ends(
    world: &World,
    sessions: &[String],
    received_at: Timestamp,
    random: &mut Random,
) {
    let stack = &world.cloud.stack;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    for some in sessions.chunks(25) {
        let puts = some.iter().map(|id| {
            let state = ["delivered", "waiting", "failed", "unmatched", "ignored"][random.below(5)];
            let item = HashMap::from([
                ("session".to_owned(), text(&format!("{TENANT}#{id}"))),
                ("entry".to_owned(), text(&format!("post#{id:0>64}"))),
                ("tenant".to_owned(), text(TENANT)),
                ("session_id".to_owned(), text(id)),
                ("event".to_owned(), text("ended")),
                ("state".to_owned(), text(state)),
                ("received_at".to_owned(), text(&received_at.to_string())),
            ]);
            let put = PutRequest::builder().set_item(Some(item)).build();
            let put = put.expect("a request");
            WriteRequest::builder().put_request(put).build()
        });
        let request = stack.dynamodb.batch_write_item();
        let request = request.request_items(&stack.sessions_table, puts.collect());
        request.send().await.expect("the ledger is written");
    }
}

/// The sessions for which a record was created, each with its number of notes.
fn written(world: &World) -> Vec<(String, usize)> {
    let servicenow = world.servicenow();
    let created = servicenow.records("incident").into_iter();
    let created = created.filter_map(|row| {
        let id = row.get("correlation_id")?.strip_prefix("rescue:")?;
        let notes = servicenow.work_notes("incident", &row["sys_id"]);
        Some((id.to_owned(), notes.len()))
    });
    let mut created: Vec<_> = created.collect();
    created.sort();
    created
}

/// 10 000 sessions, 37 of them never posted, a seed for everything that is random.
#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_sessions_exactly_those_are_written_that_were_never_posted() {
    const SEED: u64 = 18;
    const APART: Duration = Duration::from_secs(15);
    let _case = Case::of(("seed", SEED));
    let mut random = Random(SEED);
    let world = World::with_settings(|file| reconciling(&file, "write")).await;
    let (rescue, began) = (&world.cloud.rescue, world.cloud.clock.now());
    rescue.set_technician(Technician::new("4455668", BO, "Bo Lind"));
    let mut sessions = rescue.add_past_sessions(TECHNICIAN, 9_500, began.plus(HOUR), APART);
    // Rescue shows these only later.
    let late_from = began.plus(HOUR + APART * 9_500);
    let missed = random.several(37, 10_000);
    world.cloud.travel(HOUR * 46);

    let posted = |from: usize, sessions: &[String]| -> Vec<String> {
        let posted = sessions.iter().enumerate();
        let posted = posted.filter(|(place, _)| !missed.contains(&(from + place)));
        posted.map(|(_, id)| id.clone()).collect()
    };
    store_ends(&world, &posted(0, &sessions), began.plus(HOUR), &mut random).await;
    world.run_schedule().await;
    let mut kills = 0;
    for _ in 0..4 {
        let calls = 1 + random.below(30);
        kills += usize::from(kill_after(&world, calls).await);
        world.deliver().await;
        world.cloud.travel(Duration::from_secs(400));
    }
    assert!(kills > 1, "{kills}");
    let late = rescue.add_past_sessions(TECHNICIAN, 500, late_from, APART);
    store_ends(&world, &posted(9_500, &late), began.plus(HOUR), &mut random).await;
    sessions.extend(late);

    // Two messages of the schedule and the command line, as another user of Rescue, all at once.
    for _ in 0..2 {
        world.run_schedule().await;
    }
    let options = ReconcileOptions {
        tenant: demo(),
        period: Period {
            from: began,
            to: world.cloud.clock.now(),
        },
        technician: Some(BO.to_owned()),
        nodes: Vec::new(),
        write: true,
        beyond_ledger: false,
        testing: world.testing(),
    };
    let pause = async |wait| world.cloud.travel(wait);
    let (first, second, by_hand) = futures::join!(
        world.reconcile_poller().poll_once(),
        world.reconcile_poller().poll_once(),
        reconcile(&world.cloud.stack, &options, pause),
    );
    by_hand.expect("a report");
    assert!(first + second > 0);
    world.reconcile_until_empty().await;
    world.reconcile_later().await;

    let mut expected: Vec<_> = missed
        .iter()
        .map(|place| (sessions[*place].clone(), 1))
        .collect();
    expected.sort();
    assert_eq!(written(&world), expected);
    let counted = world.metric("deliver-session", "MissedSessions");
    assert_eq!(counted.len(), expected.len());
    assert_eq!(world.dead_letters().len(), 0);
    let progress = world.reconcile_progress().await;
    assert_eq!((progress.run, progress.failure), (None, None));
}

/// The sessions of which an end was taken from a report, each with its tenant.
async fn taken_from_reports(world: &World) -> BTreeSet<(String, String)> {
    let (stack, mut taken, mut rest) = (&world.cloud.stack, BTreeSet::new(), None);
    loop {
        let scan = stack.dynamodb.scan().table_name(&stack.sessions_table);
        let answer = scan.set_exclusive_start_key(rest).send().await;
        let answer = answer.expect("the ledger can be read");
        for entry in answer.items() {
            let text = |name: &str| entry.get(name).and_then(|value| value.as_s().ok()).cloned();
            if text("source").as_deref() == Some("report") {
                taken.extend(text("tenant").zip(text("session_id")));
            }
        }
        rest = answer.last_evaluated_key;
        if rest.is_none() {
            return taken;
        }
    }
}

/// One Rescue account, a technician group for each tenant, and a seed for everything that is random.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_two_tenants_of_an_account_writes_only_its_own_sessions_whatever_dies() {
    const SEED: u64 = 19;
    const OTHER: &str = "other";
    let _case = Case::of(("seed", SEED));
    let mut random = Random(SEED);
    let world = World::start().await;
    world.add_groups();
    let rescue = &world.cloud.rescue;
    // A customer's PIN of the demo's tenant is signed by it.
    world.pin(&request(&world.incident())).await;
    let tracking0 = rescue.pins().remove(0).tracking0;
    let nodes = |file: String| with_nodes(&reconciling(&file, "write"), &["2001"]);
    world.change_settings(nodes).await;
    let other = world
        .add_sharing_tenant(OTHER, "write", &["2002", "3001"])
        .await;
    world.cloud.travel(Duration::from_secs(60));

    let (mut expected, mut kills) = (BTreeSet::new(), 0);
    for round in 0..8 {
        let start = |technician| rescue.start_session(technician).expect("a technician");
        let [ana, bo, with_a_pin] = [start(TECHNICIAN), start(BO), start(BO)];
        // The channel is the other tenant's, and the technician decides.
        let mut by_channel = start(TECHNICIAN);
        by_channel.channel_id = Some("3001".to_owned());
        let with_a_pin = with_a_pin.with_tracking0(&tracking0);
        for session in [&ana, &bo, &by_channel, &with_a_pin] {
            world.end_unposted(session);
        }
        for (tenant, session) in [(TENANT, ana), (OTHER, bo), (TENANT, by_channel)] {
            expected.insert((tenant.to_owned(), session.id));
        }
        world.cloud.travel(COMPARED_AFTER);
        world.run_schedule().await;
        let calls = 1 + random.below(25);
        let _case = Case::of((round, calls));
        kills += usize::from(kill_after(&world, calls).await);
        world.deliver().await;
        world.reconcile_until_empty().await;
    }
    world.reconcile_later().await;
    assert!(kills > 2, "{kills}");
    assert_eq!(taken_from_reports(&world).await, expected);
    let notes = written(&world);
    assert!(notes.iter().all(|(_, notes)| *notes == 1), "{notes:?}");
    let by_id = |tenants: &[&str]| -> BTreeSet<String> {
        let of_them = expected
            .iter()
            .filter(|(tenant, _)| tenants.contains(&tenant.as_str()));
        of_them.map(|(_, id)| id.clone()).collect()
    };
    let noted: BTreeSet<_> = notes.into_iter().map(|(id, _)| id).collect();
    assert_eq!(noted, by_id(&[TENANT, OTHER]));
    for (tenant, name) in [(demo(), TENANT), (other, OTHER)] {
        let missed = world.missed_of(&tenant).await.into_iter();
        let missed = missed.map(|session| session.session_id.to_string());
        assert_eq!(missed.collect::<BTreeSet<_>>(), by_id(&[name]));
        let progress = world.progress_of(&tenant).await;
        assert_eq!((progress.run, progress.failure), (None, None));
    }
    let counted = world.metric("deliver-session", "MissedSessions");
    assert_eq!(counted.len(), expected.len());
    assert_eq!(world.queue("ReconcileDlq").messages.len(), 0);
    assert_eq!(world.dead_letters().len(), 0);
}
