//! docs/architecture.md#rule-4: no tenant and no session blocks another, and how long each waits.

use std::time::Duration;

use admin::secret_name::SecretName;
use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::cloud::TEMPLATE;
use local::demo_tenant::TENANT;
use local::lambda::{Function, Lambda};
use local::rescue::{Format, Phase};
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use local::template::Template;
use serde_json::json;
use shared::aws::credentials::{CredentialsTable, Pause, TenantPause};
use shared::aws::storage_error::StorageError;
use shared::domain::clock::Clock;
use shared::domain::error::ErrorCode;
use shared::domain::secret::Secret;
use shared::domain::tenant::TenantId;
use tests::World;

const HOUR: u64 = 3600;

fn with_retry_after(code: u16, seconds: &str) -> FaultAction {
    FaultAction::Status {
        code,
        headers: vec![("retry-after".to_owned(), seconds.to_owned())],
        body: String::new(),
    }
}

/// docs/architecture.md#rule-4.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_session_blocks_neither_other_sessions_of_its_batch_nor_other_tenants() {
    let world = World::start().await;
    let other_tenant = world.add_tenant("other").await;
    let (failing, fine, foreign) = (world.incident(), world.incident(), world.incident());
    let fault = InjectedFault::on(World::writes_to(&failing)).always();
    world.servicenow().fault(fault);
    world.post(&world.session(&failing), Phase::Start).await;
    world.post(&world.session(&fine), Phase::Start).await;
    let session = world.session(&foreign);
    let posted = world
        .cloud
        .rescue
        .post(other_tenant.expose(), &session, Format::Form, Phase::Start)
        .await;
    assert_eq!(posted.expect("an answer").status, 200);
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
    let fault = InjectedFault::on(World::writes_to(&incident)).always();
    world.servicenow().fault(fault);
    world.post(&session, Phase::Start).await;
    let mark = world.cloud.aws.journal().mark();
    world.deliver().await;
    let delays = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600];
    for delay in delays {
        let hidden_for = world.queued()[0].hidden_for.as_secs();
        assert!(
            hidden_for <= delay && hidden_for > delay / 2,
            "{hidden_for} of {delay}"
        );
        let waits = world.next_attempt_in(&session).await;
        assert!(waits <= delay && waits > delay / 2, "{waits} of {delay}");
        assert_eq!(
            world.entry(&session).await["reason"],
            "servicenow-unavailable"
        );
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
    let fault = InjectedFault::on(World::writes_to(&waiting)).then(with_retry_after(503, "600"));
    world.servicenow().fault(fault);
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
    let limited = FaultAction::RateLimited {
        retry_after: Some(900),
    };
    let fault = InjectedFault::on(World::writes_to(&first)).then(limited);
    world.servicenow().fault(fault);
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
    let posted = world
        .cloud
        .rescue
        .post(other_tenant.expose(), &session, Format::Xml, Phase::Start)
        .await;
    assert_eq!(posted.expect("an answer").status, 200);
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
    world
        .servicenow()
        .fault(InjectedFault::on(World::writes_to(&first)).then(full));
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

/// docs/architecture.md#rule-4: a pause is known to every process within 30 s. Two readers of the table stand for two processes.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_reads_a_new_pause_within_half_a_minute() {
    let world = World::start().await;
    let stack = &world.cloud.stack;
    let clock = Clock::manual(world.cloud.clock.now());
    let process = || {
        let table = stack.credentials_table.clone();
        CredentialsTable::new(stack.dynamodb.clone(), table, clock.clone())
    };
    let (one, other) = (process(), process());
    let pause =
        |standing: Result<TenantPause, StorageError>| standing.expect("read").pause_at(clock.now());
    let tenant = TenantId::parse(TENANT).expect("valid");
    assert_eq!(pause(one.tenant_pause(&tenant).await), None);
    let throttled = Pause {
        until: clock.now().plus(Duration::from_secs(HOUR)),
        reason: ErrorCode::ServiceNowThrottled,
    };
    other.set_pause(&tenant, throttled).await.expect("written");
    clock.advance(Duration::from_secs(30));
    assert_eq!(pause(one.tenant_pause(&tenant).await), Some(throttled));
    clock.advance(Duration::from_secs(HOUR));
    assert_eq!(pause(one.tenant_pause(&tenant).await), None, "it ends");
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
    assert_eq!(
        world.posts(&session).await.len(),
        1,
        "the end was not begun"
    );

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
async fn a_dead_refresh_token_is_tried_once_an_hour_and_posts_wait_for_a_new_one() {
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
    let named = |entry: &&tests::LedgerEntry| {
        entry["state"] == "waiting" && entry["reason"] == "reauthorization-needed"
    };
    assert!(waiting.iter().filter(named).count() >= 1, "{waiting:?}");

    let newcomer = world.session(&world.incident());
    world.post(&newcomer, Phase::Start).await;
    world.deliver_after(HOUR / 2).await;
    assert_eq!(world.token_requests(), 1, "within the hour");

    for hour in 2..=26 {
        world.deliver_after(HOUR + 1).await;
        assert!(
            world.token_requests() <= hour,
            "hour {hour}: {}",
            world.token_requests()
        );
    }
    assert!(world.token_requests() > 20, "it is tried every hour");
    assert_eq!(world.queued().len(), 13, "all survive a day");
    assert!(world.dead_letters().is_empty());

    let tenant = TenantId::parse(TENANT).expect("valid");
    let token = Secret::from(world.refresh_token());
    admin::secrets::set(
        &world.cloud.stack,
        &tenant,
        SecretName::RefreshToken,
        &token,
    )
    .await
    .expect("the token is set");
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
    let tenant = TenantId::parse(TENANT).expect("valid");
    let token = Secret::from(world.refresh_token());
    admin::secrets::set(
        &world.cloud.stack,
        &tenant,
        SecretName::RefreshToken,
        &token,
    )
    .await
    .expect("the token is set");
    let limited = FaultAction::RateLimited {
        retry_after: Some(60),
    };
    let servicenow = world.servicenow();
    servicenow.fault(InjectedFault::on(World::writes_to(&incident)).then(limited));
    servicenow.fault(InjectedFault::on(World::writes_to(&incident)));
    world.deliver_until_empty().await;
    assert_eq!(servicenow.pending_faults(), 0);
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
    let asleep = InjectedFault::on(RequestMatcher::any())
        .always()
        .then(FaultAction::Html);
    world.servicenow().fault(asleep);
    world.deliver().await;
    world.deliver_after(30).await;
    assert_eq!(world.state(&session).await, "waiting");
    assert_eq!(
        world.entry(&session).await["reason"],
        "servicenow-unavailable"
    );
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
        let denied = Effect::Refuse {
            status: 400,
            error: "AccessDeniedException".to_owned(),
        };
        world
            .cloud
            .aws
            .inject(AwsFault::any(service, denied).times(1_000));
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
    world
        .servicenow()
        .fault(InjectedFault::on(World::writes_to(&incident)));
    world.post(&world.session(&incident), Phase::Start).await;
    let refused = Effect::Refuse {
        status: 400,
        error: "AccessDenied".to_owned(),
    };
    let hiding = AwsFault::once(Service::Sqs, "ChangeMessageVisibilityBatch", refused).times(2);
    world.cloud.aws.inject(hiding);
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
    let event = json!({"Records": [{
        "messageId": "one",
        "receiptHandle": "unknown",
        "body": body,
        "attributes": {"MessageGroupId": "group", "SentTimestamp": "1700000000000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }]});
    let answered = short.invoke(event.to_string().into_bytes()).await;
    let answer: serde_json::Value =
        serde_json::from_slice(&answered.result.expect("an answer")).expect("JSON");
    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "one");
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
