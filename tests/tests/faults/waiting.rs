//! docs/architecture.md#rule-4: no tenant and no session blocks another, and how long each waits.

use std::time::Duration;

use local::aws::{InjectedAwsFault as AwsFault, Service};
use local::cloud::TEMPLATE;
use local::lambda::{Function, Lambda};
use local::rescue::{Format, Phase};
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use local::template::Template;
use serde_json::json;
use shared::domain::clock::Clock;
use tests::World;
use tests::injected::{denied, rate_limited, refused, retry_after};

use super::invoke;

const HOUR: u64 = 3600;

/// docs/architecture.md#rule-4.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_session_blocks_neither_other_sessions_of_its_batch_nor_other_tenants() {
    let world = World::start().await;
    let other_tenant = world.add_tenant("other").await;
    let (failing, fine, foreign) = (world.incident(), world.incident(), world.incident());
    world.inject_every_write(&failing, FaultAction::status(503));
    world.post(&world.session(&failing), Phase::Start).await;
    world.post(&world.session(&fine), Phase::Start).await;
    let session = world.session(&foreign);
    world
        .post_to(other_tenant.expose(), &session, Format::Form, Phase::Start)
        .await;
    assert_eq!(world.deliver().await, 3);
    assert!(world.notes(&failing).is_empty());
    assert_eq!(world.notes(&fine).len(), 1);
    assert_eq!(world.notes(&foreign).len(), 1);
    assert_eq!(world.queued().len(), 1, "the failing one waits alone");
}

/// docs/architecture.md#rule-4: 30 s doubling to 1 h.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_session_waits_thirty_seconds_doubling_to_an_hour() {
    let (world, incident, session) = World::with_session().await;
    world.inject_every_write(&incident, FaultAction::status(503));
    world.post(&session, Phase::Start).await;
    let mark = world.cloud.aws.journal().mark();
    world.deliver().await;
    let delays = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600];
    for delay in delays {
        let hidden_for = world.queued()[0].hidden_for.as_secs();
        let waits = world.next_attempt_in(&session).await;
        for seconds in [hidden_for, waits] {
            let expected = delay / 2 + 1..=delay;
            assert!(expected.contains(&seconds), "{seconds} of {delay}");
        }
        let entry = world.entry(&session).await;
        assert_eq!(entry["reason"], "servicenow-unavailable");
        assert_eq!(world.deliver_after(delay).await, 1);
    }
    assert_eq!(world.hidden_since(mark)[..delays.len()], delays);
    world.servicenow().clear_faults();
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// docs/architecture.md#rule-4: `Retry-After` is honoured; a 503 delays only its session.
#[tokio::test(flavor = "multi_thread")]
async fn retry_after_delays_one_session() {
    let world = World::start().await;
    let (waiting, fine) = (world.incident(), world.incident());
    world.inject_write(&waiting, retry_after("600"));
    world.post(&world.session(&waiting), Phase::Start).await;
    let mark = world.cloud.aws.journal().mark();
    world.deliver().await;
    assert_eq!(world.hidden_since(mark), [600]);
    world.post(&world.session(&fine), Phase::Start).await;
    world.deliver().await;
    assert_eq!(world.notes(&fine).len(), 1, "the tenant is not paused");
    world.deliver_after(600).await;
    assert_eq!(world.notes(&waiting).len(), 1);
}

/// docs/architecture.md#rule-4: a throttled tenant is paused as a whole; its messages are postponed without a call to ServiceNow.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_tenant_is_not_called_and_others_are() {
    let world = World::start().await;
    let other_tenant = world.add_tenant("other").await;
    let (first, second, foreign) = (world.incident(), world.incident(), world.incident());
    world.inject_write(&first, rate_limited(900));
    world.post(&world.session(&first), Phase::Start).await;
    let hidden = world.cloud.aws.journal().mark();
    world.deliver().await;
    assert_eq!(world.hidden_since(hidden), [900]);

    let mark = world.servicenow().mark();
    world.post(&world.session(&second), Phase::Start).await;
    world.deliver_after(60).await;
    world.assert_not_called_since(mark);
    let left = *world.hidden_since(hidden).last().expect("a visibility");
    assert!((700..=840).contains(&left), "until the pause ends: {left}");

    let session = world.session(&foreign);
    world
        .post_to(other_tenant.expose(), &session, Format::Xml, Phase::Start)
        .await;
    world.deliver().await;
    assert_eq!(world.notes(&foreign).len(), 1);

    world.deliver_after(840).await;
    assert_eq!(world.notes(&first).len(), 1);
    assert_eq!(world.notes(&second).len(), 1);
    assert!(world.output().contains("TenantPaused"));
}

/// docs/architecture.md#rule-4: ServiceNow sends no `Retry-After` for a full semaphore queue.
#[tokio::test(flavor = "multi_thread")]
async fn throttling_without_retry_after_pauses_the_tenant_for_half_a_minute() {
    let world = World::start().await;
    let (first, second) = (world.incident(), world.incident());
    let full = FaultAction::RateLimited { retry_after: None };
    world.inject_write(&first, full);
    world.post(&world.session(&first), Phase::Start).await;
    let mark = world.cloud.aws.journal().mark();
    world.deliver().await;
    assert_eq!(world.hidden_since(mark), [30]);
    let mark = world.servicenow().mark();
    world.post(&world.session(&second), Phase::Start).await;
    world.deliver().await;
    world.assert_not_called_since(mark);
    world.deliver_after(31).await;
    assert_eq!(world.notes(&first).len(), 1);
    assert_eq!(world.notes(&second).len(), 1);
}

/// docs/architecture.md#rule-4: successors in a message's group get the same delay, and the order holds.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_waits_behind_its_start() {
    let world = World::start().await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    let fault = InjectedFault::on(World::writes_to(&incident)).times(2);
    world.servicenow().fault(fault);
    session.say("Ana Ruiz", "first");
    world.post(&session, Phase::Start).await;
    session.say("Ana Ruiz", "second");
    world.post(&session, Phase::End).await;
    let mark = world.cloud.aws.journal().mark();
    world.deliver().await;
    assert_eq!(world.hidden_since(mark), [30, 30]);
    let begun = world.posts(&session).await.len();
    assert_eq!(begun, 1, "the end was not begun");

    world.deliver_after(30).await;
    assert_eq!(world.hidden_since(mark), [30, 30, 60, 60]);
    session.say("Ana Ruiz", "third");
    world.post(&session, Phase::End).await;
    assert_eq!(world.deliver().await, 0, "the group waits");

    world.deliver_after(60).await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 3, "{notes:?}");
    for (note, word) in notes.iter().zip(["first", "second", "third"]) {
        assert!(note.contains(word), "{notes:?}");
    }
}

/// docs/architecture.md#rule-4 and docs/architecture.md#rule-6: a token is requested once an hour for a tenant that needs re-authorisation, with any number of posts.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refresh_token_is_tried_once_an_hour_and_posts_wait_for_a_new_one() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let incidents: Vec<_> = (0..12).map(|_| world.incident()).collect();
    let mut sessions = Vec::new();
    for incident in &incidents {
        let session = world.session(incident);
        world.post(&session, Phase::Start).await;
        sessions.push(session);
    }
    futures::join!(world.poller().poll_once(), world.poller().poll_once());
    world.deliver().await;
    assert_eq!(world.token_requests(), 1, "two processes, twelve sessions");
    assert!(world.output().contains("reauthorization-needed"));
    assert!(world.output().contains("ReauthorizationNeeded"));
    let waiting = futures::future::join_all(sessions.iter().map(|session| world.posts(session)));
    let waiting = waiting.await.concat();
    let named = |entry: &tests::LedgerEntry| {
        entry["state"] == "waiting" && entry["reason"] == "reauthorization-needed"
    };
    assert!(waiting.iter().any(named), "{waiting:?}");

    let newcomer = world.session(&world.incident());
    world.post(&newcomer, Phase::Start).await;
    world.deliver_after(HOUR / 2).await;
    assert_eq!(world.token_requests(), 1, "within the hour");

    for hour in 2..=26 {
        world.deliver_after(HOUR + 1).await;
        let requests = world.token_requests();
        assert!(requests <= hour, "hour {hour}: {requests}");
    }
    assert!(world.token_requests() > 20, "it is tried every hour");
    assert_eq!(world.queued().len(), 13, "all survive a day");
    assert!(world.dead_letters().is_empty());

    world.authorize().await;
    world.deliver_after(HOUR).await;
    for incident in &incidents {
        assert_eq!(world.notes(incident).len(), 1);
    }
    assert!(world.queued().is_empty());
}

/// docs/architecture.md#rule-4: time spent waiting for a new token is not time in which ServiceNow failed.
#[tokio::test(flavor = "multi_thread")]
async fn days_of_waiting_for_a_token_do_not_count_as_transient_failure() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let incident = world.incident();
    let session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    world.deliver_after(72 * HOUR).await;
    assert_eq!(world.state(&session).await, "waiting");
    world.authorize().await;
    world.inject_write(&incident, rate_limited(60));
    world.refuse_write(&incident, 503);
    world.deliver_until_empty().await;
    assert_eq!(world.servicenow().pending_faults(), 0);
    assert!(world.dead_letters().is_empty());
    assert_eq!(world.notes(&incident).len(), 1);
}

/// docs/architecture.md#rule-5: a tenant's access token is obtained once and shared, with any concurrency.
#[tokio::test(flavor = "multi_thread")]
async fn several_processes_with_many_sessions_obtain_one_access_token() {
    let world = World::start().await;
    let incidents: Vec<_> = (0..25).map(|_| world.incident()).collect();
    for incident in &incidents {
        world.post(&world.session(incident), Phase::Start).await;
    }
    let poller = world.poller();
    futures::join!(poller.poll_once(), poller.poll_once(), poller.poll_once());
    world.deliver().await;
    assert!(world.function("deliver-session").starts() > 1);
    for incident in &incidents {
        assert_eq!(world.notes(incident).len(), 1);
    }
    assert_eq!(world.token_requests(), 1);
}

/// docs/architecture.md#rule-2 and docs/architecture.md#rule-4: every page of a hibernating instance is a 200 of HTML.
#[tokio::test(flavor = "multi_thread")]
async fn posts_wait_while_the_instance_hibernates() {
    let (world, incident, session) = World::with_session().await;
    world.post(&session, Phase::Start).await;
    world.inject_always(RequestMatcher::any(), FaultAction::Html);
    world.deliver().await;
    world.deliver_after(30).await;
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "waiting");
    assert_eq!(entry["reason"], "servicenow-unavailable");
    world.servicenow().clear_faults();
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// docs/architecture.md#rule-5: an access token that expired early is replaced, and the post delivered at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_that_expired_early_is_replaced_within_the_attempt() {
    let world = World::start().await;
    let (before, after) = (world.incident(), world.incident());
    world.post(&world.session(&before), Phase::Start).await;
    world.deliver().await;
    world.servicenow().revoke_access_tokens();
    world.post(&world.session(&after), Phase::Start).await;
    world.deliver().await;
    assert_eq!(world.notes(&after).len(), 1);
    assert_eq!(world.token_requests(), 2);
}

/// docs/architecture.md#rule-4: no post is lost while an AWS service is unavailable.
#[tokio::test(flavor = "multi_thread")]
async fn posts_wait_while_dynamodb_or_secrets_manager_is_away() {
    for service in [Service::DynamoDb, Service::SecretsManager] {
        let world = World::start().await;
        let incident = world.incident();
        let session = world.session(&incident);
        world.post(&session, Phase::Start).await;
        let fault = AwsFault::any(service, denied()).times(1_000);
        world.cloud.aws.inject(fault);
        let mark = world.cloud.aws.journal().mark();
        world.deliver().await;
        assert_eq!(world.hidden_since(mark), [30], "{service:?}");
        assert_eq!(world.queued().len(), 1, "{service:?}");
        assert!(world.notes(&incident).is_empty());
        world.cloud.aws.clear_faults();
        world.deliver_until_empty().await;
        assert_eq!(world.notes(&incident).len(), 1, "{service:?}");
        assert_eq!(world.state(&session).await, "delivered", "{service:?}");
    }
}

/// docs/architecture.md#rule-4: a message whose visibility cannot be set comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_be_hidden_comes_back_with_the_visibility_timeout() {
    let world = World::start().await;
    let incident = world.incident();
    world.refuse_write(&incident, 503);
    world.post(&world.session(&incident), Phase::Start).await;
    let refused = refused(400, "AccessDenied");
    let hiding = AwsFault::once(Service::Sqs, "ChangeMessageVisibilityBatch", refused);
    world.cloud.aws.inject(hiding.times(2));
    world.deliver().await;
    assert_eq!(world.deliver_after(1700).await, 0);
    world.deliver_after(100).await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// docs/architecture.md#rule-4: no write starts with less than 75 s left.
#[tokio::test(flavor = "multi_thread")]
async fn with_too_little_time_left_nothing_is_started() {
    let (world, incident, session) = World::with_session().await;
    world.post(&session, Phase::Start).await;
    let body = world.queued()[0].body.clone();
    let mark = world.servicenow().mark();
    let short = with_timeout(&world, Duration::from_secs(70));
    let attributes = json!({"MessageGroupId": "group", "SentTimestamp": "1700000000000"});
    assert_eq!(invoke(&short, &body, attributes).await, 1);
    assert!(world.servicenow().since(mark).is_empty());
    assert!(world.ledger(&session).await.is_empty());
    short.shutdown().await;

    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// `deliver-session` with that function time-out.
pub(super) fn with_timeout(world: &World, timeout: Duration) -> Lambda {
    let template = Template::parse(TEMPLATE).expect("the template");
    let named = |function: &&local::template::Function| {
        function.binary.as_deref() == Some("deliver-session")
    };
    let function = template.functions.iter().find(named).expect("the function");
    let mut environment = world
        .cloud
        .resources
        .environment(function)
        .expect("its variables");
    // The test may have shifted the clock.
    let offset = world.cloud.clock.now().since(Clock::system(0).now());
    let offset = offset.as_secs().to_string();
    for (name, value) in [
        ("CLOCK_OFFSET_SECONDS", offset.as_str()),
        ("AWS_ENDPOINT_URL", world.cloud.aws.endpoint()),
        ("AWS_REGION", local::aws::REGION),
        ("ALLOW_LOOPBACK", "1"),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    Lambda::start(Function {
        name: "deliver-session".to_owned(),
        command: vec![tests::folder().join("deliver-session").into()],
        environment,
        timeout,
        memory_mb: function.memory_mb,
        max_environments: 1,
    })
}
