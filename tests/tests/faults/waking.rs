//! docs/architecture.md#rule-4 and decision 0006: posts that wait for a re-authorisation are delivered within a minute of it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use local::aws::{Effect, InjectedAwsFault as AwsFault, Mark, Service};
use local::demo_tenant::{CLIENT_SECRET, TENANT};
use local::rescue::{Format, Phase, Session};
use local::servicenow::Created;
use local::simulator::FaultAction;
use serde_json::json;
use shared::domain::clock::Timestamp;
use shared::domain::secret::Secret;
use shared::domain::secret_name::SecretName;
use tests::World;
use tests::injected::denied;
use tests::tokens::demo;

use super::invoke;

const HOUR: u64 = 3600;

/// A session with so many posts, beginning with its start.
async fn posts(world: &World, count: usize) -> (Session, Created) {
    let incident = world.incident();
    let mut session = world.session(&incident);
    for nth in 1..=count {
        session.say("Ana Ruiz", &format!("message {nth}"));
        let phase = if nth == 1 { Phase::Start } else { Phase::End };
        world.post(&session, phase).await;
    }
    (session, incident)
}

/// The record shows each post's note once, in order.
fn assert_delivered(world: &World, incident: &Created, count: usize) {
    let notes = world.notes(incident);
    assert_eq!(notes.len(), count, "{notes:#?}");
    for (note, nth) in notes.iter().zip(1..) {
        assert!(note.contains(&format!("message {nth}")), "{notes:#?}");
    }
}

/// How many messages were made visible since the mark.
fn made_visible_since(world: &World, mark: Mark) -> usize {
    let hidden = world.hidden_since(mark);
    hidden.into_iter().filter(|seconds| *seconds == 0).count()
}

/// The number of posts in the queue.
fn queued_posts(world: &World) -> usize {
    let mut queued = world.queued();
    queued.retain(|message| !message.body.contains("\"wake\""));
    queued.len()
}

/// Puts a wake-up into the queue.
async fn wake(world: &World) {
    let queues = world.cloud.stack.queues();
    queues.wake(&demo()).await.expect("SQS takes it");
}

/// docs/architecture.md#rule-4.
#[tokio::test(flavor = "multi_thread")]
async fn within_a_minute_of_a_new_token_waiting_posts_are_delivered_once_and_in_order() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let mut sessions = Vec::new();
    for count in [3, 1, 12, 2] {
        sessions.push((posts(&world, count).await, count));
    }
    world.deliver().await;
    // The messages of a group that a batch did not receive stay visible and blocked.
    assert_eq!(queued_posts(&world), 18);
    world.deliver_after(10 * 60).await;
    let later = posts(&world, 2).await;
    world.deliver().await;
    sessions.push((later, 2));
    let hidden = world
        .queued()
        .into_iter()
        .map(|message| message.hidden_for.as_secs());
    let hidden: Vec<_> = hidden.filter(|seconds| *seconds > 0).collect();
    assert!(hidden.len() < 20, "some are kept back by their group");
    assert!(hidden.iter().all(|seconds| *seconds > 2000), "{hidden:?}");
    assert_eq!(world.token_requests(), 1);

    world.authorize().await;
    world.deliver_after(1).await;
    for ((_, incident), count) in &sessions {
        assert_delivered(&world, incident, *count);
    }
    assert_eq!(queued_posts(&world), 0);
    world.deliver_after(30).await;
    assert!(world.queued().is_empty(), "the wake-up looked twice");
    assert_eq!(world.token_requests(), 2);
    assert!(world.dead_letters().is_empty());
    for ((session, _), count) in &sessions {
        let entries = world.posts(session).await;
        assert_eq!(entries.len(), *count);
        for entry in entries {
            assert_eq!(entry["state"], "delivered");
            assert_eq!(entry.get("receipt_handle"), None);
            assert!(entry.get("deaths").is_none_or(|deaths| deaths == "0"));
        }
    }
}

/// docs/architecture.md#rule-4: messages of a tenant that has to be authorised again are postponed without a call to ServiceNow.
#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_while_the_pause_holds_changes_nothing() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let (session, incident) = posts(&world, 1).await;
    world.deliver().await;
    let before = world.entry(&session).await;
    let (aws, servicenow) = (world.cloud.aws.journal().mark(), world.servicenow().mark());
    wake(&world).await;
    assert_eq!(world.deliver().await, 1, "the wake-up alone");
    assert_eq!(made_visible_since(&world, aws), 0);
    assert!(world.servicenow().since(servicenow).is_empty());
    assert_eq!(world.entry(&session).await, before);
    assert!(world.notes(&incident).is_empty());
    assert_eq!(world.queued().len(), 1);
}

/// docs/architecture.md#rule-4: no tenant wakes another.
#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_waiting_posts_stay_hidden() {
    let world = World::start().await;
    let other = world.add_tenant("other").await;
    world.servicenow().revoke(&world.refresh_token());
    let (_, incident) = posts(&world, 1).await;
    let foreign = world.incident();
    let session = world.session(&foreign);
    world
        .post_to(other.expose(), &session, Format::Form, Phase::Start)
        .await;
    world.deliver().await;
    let mark = world.cloud.aws.journal().mark();
    world.authorize().await;
    world.deliver_after(31).await;
    assert_delivered(&world, &incident, 1);
    assert_eq!(made_visible_since(&world, mark), 1);
    assert!(world.notes(&foreign).is_empty());
    assert_eq!(queued_posts(&world), 1);
    assert!(world.queued()[0].hidden_for.as_secs() > HOUR / 2);
}

/// The ledger keeps the receipt handle of a message's last receive, which may have expired.
#[tokio::test(flavor = "multi_thread")]
async fn expired_receipt_handles_are_no_error() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let (stale, first) = posts(&world, 1).await;
    let (_, second) = posts(&world, 1).await;
    world.deliver().await;
    // Another consumer receives it: the ledger's handle is no longer the latest.
    let stack = &world.cloud.stack;
    let key = |session: &Session| format!("{TENANT}#{}", session.id);
    let entry = world.entry(&stale).await;
    stack
        .dynamodb
        .update_item()
        .table_name(&stack.sessions_table)
        .key("session", AttributeValue::S(key(&stale)))
        .key("entry", AttributeValue::S(entry["entry"].clone()))
        .update_expression("SET receipt_handle = :handles")
        .expression_attribute_values(
            ":handles",
            AttributeValue::Ss(vec!["bm90IG9uZQ==".to_owned()]),
        )
        .send()
        .await
        .expect("written");
    world.authorize().await;
    world.deliver_after(31).await;
    assert!(world.notes(&first).is_empty());
    assert_delivered(&world, &second, 1);
    assert_eq!(queued_posts(&world), 1, "the wake-up itself is done");
    assert_eq!(world.queued().len(), 1);
    world.deliver_after(HOUR).await;
    assert_delivered(&world, &first, 1);

    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let (_, incident) = posts(&world, 2).await;
    world.deliver().await;
    world.authorize().await;
    world.cloud.travel(Duration::from_secs(HOUR + 1));
    // The messages became visible by themselves together with the wake-up.
    world.deliver().await;
    assert_delivered(&world, &incident, 2);
    assert!(world.queued().is_empty());
}

/// docs/architecture.md#rule-2.
#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_whose_process_died_is_repeated_within_a_minute() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let mut incidents = Vec::new();
    for _ in 0..12 {
        incidents.push(posts(&world, 2).await.1);
    }
    world.deliver().await;
    world.authorize().await;
    let mark = world.cloud.aws.journal().mark();
    let slow = Effect::Hang(Duration::from_secs(2));
    let query = AwsFault::once(Service::DynamoDb, "Query", slow);
    world.cloud.aws.inject(query);
    let dying = async {
        let journal = world.cloud.aws.journal();
        while journal.count(mark, Service::DynamoDb, "Query") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.function("deliver-session").kill().await;
    };
    futures::join!(world.poller().poll_once(), dying);
    world.cloud.aws.clear_faults();
    world.deliver_after(61).await;
    world.deliver_after(31).await;
    for incident in &incidents {
        assert_delivered(&world, incident, 2);
    }
    assert!(world.queued().is_empty());
    assert!(world.dead_letters().is_empty());
}

/// docs/architecture.md#rule-4: a failing wake-up is repeated, then given up; the posts come back by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_waits_while_dynamodb_is_away_and_is_never_dead_lettered() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let (_, incident) = posts(&world, 1).await;
    world.deliver().await;
    world.authorize().await;
    let query = AwsFault::once(Service::DynamoDb, "Query", denied());
    world.cloud.aws.inject(query.clone());
    let mark = world.cloud.aws.journal().mark();
    world.deliver().await;
    assert!(world.hidden_since(mark).contains(&30));
    assert!(world.notes(&incident).is_empty());
    world.deliver_after(30).await;
    assert_delivered(&world, &incident, 1);

    world.deliver_after(31).await;
    assert!(world.queued().is_empty());
    world.cloud.aws.inject(query.times(1_000));
    wake(&world).await;
    world.deliver().await;
    world.deliver_after(HOUR).await;
    assert!(world.queued().is_empty(), "given up");
    assert!(world.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_for_a_missing_tenant_is_finished() {
    let world = World::start().await;
    world
        .enqueue("{\"v\":1,\"wake\":\"missing\"}", "missing#*")
        .await;
    world.deliver().await;
    assert!(world.queued().is_empty());
    assert!(world.dead_letters().is_empty());
    world.enqueue("{\"v\":2,\"wake\":\"demo\"}", "demo#*").await;
    world.deliver().await;
    assert_eq!(world.dead_letters()[0].reason, "unknown-version");
}

/// docs/architecture.md#rule-4: a message received before its `next_attempt_at` is postponed, with or without a pause.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_waits_for_something_else_is_neither_woken_nor_tried_early() {
    let world = World::start().await;
    let (unknown, waiting) = (world.incident(), world.incident());
    let session = world.session(&unknown);
    world.inject_write(&unknown, FaultAction::CommitThenDrop);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let before = world.entry(&session).await;
    assert_eq!(before["reason"], "servicenow-unavailable");

    world.servicenow().revoke_access_tokens();
    world.servicenow().revoke(&world.refresh_token());
    world.post(&world.session(&waiting), Phase::Start).await;
    world.deliver().await;
    // A copy of the post arrives early: it waits for the pause, and the ledger entry does not change.
    let queued = world.queued();
    let mut queued = queued.iter();
    let copied = queued.find(|message| message.body.contains(&session.id));
    let body = &copied.expect("queued").body;
    world.enqueue(body, "another-group").await;
    world.deliver().await;
    assert_eq!(world.entry(&session).await, before);

    let mark = world.cloud.aws.journal().mark();
    world.authorize().await;
    world.deliver_after(1).await;
    assert_eq!(world.notes(&waiting).len(), 1);
    assert_eq!(made_visible_since(&world, mark), 1);
    assert_eq!(world.entry(&session).await, before);
    world.deliver_until_empty().await;
    assert_eq!(world.notes(&unknown).len(), 1, "once");
}

/// A post redriven while its tenant has to be authorised again is woken like any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_post_is_woken_and_its_failures_do_not_count() {
    let world = World::with_session_setting("reauthorization_wait = \"2 hours\"").await;
    world.servicenow().revoke(&world.refresh_token());
    let (session, incident) = posts(&world, 1).await;
    world.deliver().await;
    world.deliver_after(2 * HOUR + 60).await;
    let dead_letter = &world.dead_letters()[0];
    assert_eq!(dead_letter.reason, "reauthorization-needed");
    assert_eq!(world.state(&session).await, "failed");
    let group = format!("{TENANT}#{}", session.id);
    world.enqueue(&dead_letter.body, &group).await;
    world.enqueue(&dead_letter.body, &group).await;
    // If the pause has ended by now, the attempt is refused again.
    world.deliver().await;
    assert_eq!(world.state(&session).await, "waiting");
    world.authorize().await;
    world.deliver_after(31).await;
    assert_delivered(&world, &incident, 1);
    assert_eq!(queued_posts(&world), 0, "both copies were woken");
}

/// A wake-up that runs out of time continues in another message.
#[tokio::test(flavor = "multi_thread")]
async fn more_posts_than_one_page_are_woken_page_by_page_and_message_by_message() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    let long_ago = world.cloud.clock.now().minus(Duration::from_secs(HOUR));
    let (_, first) = posts(&world, 2).await;
    fill(&world, long_ago, 450).await;
    world.deliver().await;
    let mark = world.cloud.aws.journal().mark();
    world.authorize().await;
    world.deliver_after(1).await;
    assert_delivered(&world, &first, 2);
    let journal = world.cloud.aws.journal();
    assert_eq!(journal.count(mark, Service::DynamoDb, "Query"), 3);

    // With a time-out of 25 s each invocation handles one page.
    world.deliver_after(60).await;
    assert!(world.queued().is_empty());
    let short = super::waiting::with_timeout(&world, Duration::from_secs(25));
    let mark = world.cloud.aws.journal().mark();
    let mut body = "{\"v\":1,\"wake\":\"demo\"}".to_owned();
    for nth in 1..=3 {
        let attributes = json!({"MessageGroupId": "demo#*", "SentTimestamp": "1700000000000"});
        assert_eq!(invoke(&short, &body, attributes).await, 0);
        let calls = journal.since(mark);
        let sent = calls.iter().filter(|call| call.operation == "SendMessage");
        let sent: Vec<_> = sent.map(|call| &call.request["MessageBody"]).collect();
        assert_eq!(sent.len(), nth.min(2));
        let last = sent.last().expect("one at least");
        body = last.as_str().expect("a text").to_owned();
        assert!(body.contains("\"from\""), "{body}");
    }
    short.shutdown().await;
}

/// Adds ledger entries of delivered posts, which a wake-up skips.
async fn fill(world: &World, at: Timestamp, count: usize) {
    let stack = &world.cloud.stack;
    let text = |value: String| AttributeValue::S(value);
    for batch in (0..count).collect::<Vec<_>>().chunks(25) {
        let puts = batch.iter().map(|nth| {
            let at = at.plus(Duration::from_millis(*nth as u64));
            let put = PutRequest::builder()
                .item("session", text(format!("{TENANT}#old-{nth}")))
                .item("entry", text(format!("post#{nth}")))
                .item("tenant", text(TENANT.to_owned()))
                .item("received_at", text(at.to_string()))
                .item("state", text("delivered".to_owned()))
                .build()
                .expect("a request");
            WriteRequest::builder().put_request(put).build()
        });
        stack
            .dynamodb
            .batch_write_item()
            .request_items(&stack.sessions_table, puts.collect())
            .send()
            .await
            .expect("written");
    }
}

/// A new client secret ends the pause as a new token does; an attempt refused with the old one does not pause the tenant
/// again.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_wakes_the_posts_too_and_a_password_of_rescue_does_not() {
    let world = World::start().await;
    let set = async |name, value: &str| {
        let value = Secret::from(value);
        let stack = &world.cloud.stack;
        let set = admin::secrets::set(stack, &demo(), name, &value).await;
        set.expect("set");
    };
    set(SecretName::OauthClientSecret, "wrong").await;
    let queued = world.queued();
    assert!(queued.is_empty(), "nothing waits, so nothing is woken");
    let (_, incident) = posts(&world, 2).await;
    world.deliver().await;
    set(SecretName::SsoPassword, "another").await;
    assert_eq!(world.deliver_after(31).await, 0);
    set(SecretName::OauthClientSecret, CLIENT_SECRET).await;
    world.deliver_after(31).await;
    assert_delivered(&world, &incident, 2);
}

/// Decision 0006: an attempt that was refused before the re-authorisation does not pause the tenant after it.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_pause_is_not_set_again_by_an_attempt_that_was_refused_before() {
    let world = World::start().await;
    world.servicenow().revoke(&world.refresh_token());
    posts(&world, 1).await;
    // The claim, the lease, the pause under it, and the release of the lease, which follows the pause.
    let slowly = Effect::Hang(Duration::from_millis(500));
    let fault = AwsFault::once(Service::DynamoDb, "UpdateItem", slowly);
    world.cloud.aws.inject(fault.times(4));
    let ending = async {
        let credentials = world.credentials();
        for _ in 0..2000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let standing = credentials.tenant_pause_now(&demo()).await.expect("read");
            if standing.is_unauthorized_at(world.cloud.clock.now()) {
                break;
            }
        }
        // By now the process is releasing the lease.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let standing = credentials.tenant_pause_now(&demo()).await.expect("read");
        assert!(standing.is_unauthorized_at(world.cloud.clock.now()));
        credentials.end_pause(&demo()).await.expect("ended");
    };
    futures::join!(world.deliver(), ending);
    let standing = world.credentials().tenant_pause_now(&demo()).await;
    let standing = standing.expect("read");
    assert!(!standing.is_unauthorized_at(world.cloud.clock.now()));
    let counted = world.lines_of("deliver-session", "\"ReauthorizationNeeded\":");
    assert_eq!(counted.len(), 1, "one refusal: {counted:?}");
}
