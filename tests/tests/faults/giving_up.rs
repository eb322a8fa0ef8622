//! docs/architecture.md#rule-4: messages are given up by reason and age, and sent to the dead-letter queue.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local::aws::{InjectedAwsFault as AwsFault, Service};
use local::demo_tenant::TENANT;
use local::rescue::{Phase, Session};
use local::simulator::{FaultAction, RequestMatcher};
use serde_json::json;
use shared::domain::clock::Timestamp;
use tests::World;
use tests::injected::{denied, refused};

use super::{
    A_MOMENT, assert_only_read_since, dead_letter_reasons, inject_creation, invoke,
    notes_of_created, only_dead_letter,
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The only dead letter has this reason and its own group, and the ledger entry has the same reason.
async fn assert_given_up(world: &World, session: &Session, reason: &str) {
    let dead_letter = only_dead_letter(world);
    assert_eq!(dead_letter.reason, reason);
    assert_eq!(dead_letter.attributes["tenant"], TENANT);
    assert_eq!(dead_letter.attributes["session_id"], session.id);
    let group = world.queue("SessionsDlq").messages[0].group.clone();
    assert!(group.is_some_and(|group| !group.contains(&session.id)));
    let entry = world.entry(session).await;
    assert_eq!(entry["state"], "failed");
    assert_eq!(entry["reason"], reason);
    assert!(world.queued().is_empty());
}

/// docs/architecture.md#rule-4: a transient failure is given up after 24 h.
#[tokio::test(flavor = "multi_thread")]
async fn a_transient_failure_is_given_up_after_a_day() {
    let (world, incident, session) = World::with_session().await;
    world.inject_every_write(&incident, FaultAction::status(503));
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    world.deliver_after(23 * HOUR).await;
    assert_eq!(world.queued().len(), 1);
    assert_eq!(world.state(&session).await, "waiting");
    world.deliver_after(HOUR).await;
    assert_given_up(&world, &session, "servicenow-unavailable").await;
}

/// A throttled post is tried less and less often, also with a short `Retry-After`, and is given up by age.
#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_given_up_after_a_day_and_no_retry_after_changes_that() {
    for retry_after in [None, Some(0), Some(1), Some(7 * DAY)] {
        let world = World::start().await;
        let incident = world.incident();
        let (session, other) = (world.session(&incident), world.session(&world.incident()));
        let limited = FaultAction::RateLimited { retry_after };
        world.inject_always(RequestMatcher::of("PATCH", "/incident"), limited);
        world.post(&session, Phase::Start).await;
        world.post(&other, Phase::Start).await;
        let queued_at = world.cloud.clock.now();
        let mut receives = 0;
        world.deliver().await;
        let next = || {
            world
                .queued()
                .into_iter()
                .min_by_key(|next| next.hidden_for)
        };
        while let Some(next) = next() {
            assert!(next.hidden_for <= Duration::from_secs(12 * HOUR));
            receives = receives.max(next.receive_count);
            assert!(receives < 100, "{retry_after:?}: it comes back too often");
            world.deliver_after(next.hidden_for.as_secs() + 1).await;
        }
        let age = world.cloud.clock.now().since(queued_at).as_secs();
        let given_up = DAY..DAY + 2 * HOUR;
        assert!(given_up.contains(&age), "{retry_after:?}: {age}");
        for session in [&session, &other] {
            let entry = world.entry(session).await;
            assert_eq!(entry["state"], "failed", "{retry_after:?}");
            assert_eq!(entry["reason"], "servicenow-throttled");
        }
        let reasons = dead_letter_reasons(&world);
        assert_eq!(reasons, ["servicenow-throttled"; 2], "{retry_after:?}");
    }
}

/// SQS dead-letters a message after 400 receives, without a reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_received_too_often_is_given_up_with_its_reason() {
    let (world, incident, session) = World::with_session().await;
    let limited = FaultAction::RateLimited { retry_after: None };
    world.inject_every_write(&incident, limited);
    world.post(&session, Phase::Start).await;
    let function = world.function("deliver-session");
    let failures = async |received: u32| {
        let attributes = json!({
            "MessageGroupId": "group",
            "ApproximateReceiveCount": received.to_string(),
            "SentTimestamp": world.cloud.clock.now().as_millis().to_string(),
        });
        invoke(function, &world.queued()[0].body, attributes).await
    };
    assert_eq!(failures(359).await, 1);
    assert!(world.next_attempt_in(&session).await > 3000);
    world.cloud.travel(Duration::from_secs(HOUR + 1));
    assert_eq!(failures(360).await, 0);
    assert_eq!(only_dead_letter(&world).reason, "servicenow-throttled");
}

/// A dead letter may be redriven at once, so a post is not dead-lettered while ServiceNow may still commit its write.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_old_post_with_an_unknown_outcome_is_checked_before_it_is_given_up() {
    for took_effect in [true, false] {
        let world = World::start().await;
        let incident = world.incident();
        let session = world.session(&incident);
        world.refuse_write(&incident, 503);
        world.post(&session, Phase::Start).await;
        world.deliver().await;
        let lost = if took_effect {
            FaultAction::CommitThenDrop
        } else {
            FaultAction::DropBefore
        };
        world.inject_write(&incident, lost);
        let mark = world.cloud.aws.journal().mark();
        world.deliver_after(DAY).await;
        assert!(world.dead_letters().is_empty(), "it may be written yet");
        assert_eq!(world.hidden_since(mark), [70]);
        let mark = world.servicenow().mark();
        world.deliver_after(69).await;
        world.assert_not_called_since(mark);
        world.deliver_after(2).await;
        assert_only_read_since(&world, mark);
        assert!(world.queued().is_empty());
        if took_effect {
            assert_eq!(world.state(&session).await, "delivered");
            assert!(world.dead_letters().is_empty());
        } else {
            assert_given_up(&world, &session, "servicenow-unavailable").await;
            world.enqueue(&world.dead_letters()[0].body, "again").await;
            world.deliver().await;
        }
        assert_eq!(world.notes(&incident).len(), 1);
    }
}

/// An unknown creation delays the session's other posts until its outcome is known.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_makes_no_second_record_when_its_start_is_a_day_old() {
    let world = World::start().await;
    let session = world.console_session();
    inject_creation(&world, FaultAction::status(503));
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    world.post(&session, Phase::End).await;
    inject_creation(&world, FaultAction::CommitThenDrop);
    world.deliver_after(DAY).await;
    world.deliver_until_empty().await;
    let notes = notes_of_created(&world, &session);
    assert_eq!(notes.len(), 1, "one record");
    assert_eq!(notes[0].len(), 2, "{notes:?}");
    assert!(world.dead_letters().is_empty());
}

/// The dead-letter queue receives posts while the ledger cannot be written.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_written_for_a_day_dead_letters_the_post() {
    let (world, incident, session) = World::with_session().await;
    world.post(&session, Phase::Start).await;
    let claims = AwsFault::once(Service::DynamoDb, "UpdateItem", denied());
    world.cloud.aws.inject(claims.times(1_000));
    world.deliver().await;
    world.deliver_after(23 * HOUR).await;
    assert!(world.dead_letters().is_empty());
    world.deliver_after(HOUR).await;
    let dead_letter = only_dead_letter(&world);
    assert_eq!(dead_letter.reason, "storage-unavailable");
    assert!(world.queued().is_empty());
    world.cloud.aws.clear_faults();
    world.enqueue(&dead_letter.body, "again").await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// A message of a few kilobytes may unpack to hundreds of megabytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_unpacks_to_more_than_is_allowed_is_given_up_with_its_reason() {
    let world = World::start().await;
    let session = world.session(&world.incident());
    world.post(&session, Phase::Start).await;
    let body = world.queued()[0].body.clone();
    let mut message: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let digest = "0".repeat(64);
    message["digest"] = digest.clone().into();
    let fields = json!({"fields": {"ChatLog": " ".repeat(64 * 1024 * 1024)}, "unknown_fields": {}});
    message["compressed"] = gzip(&fields.to_string()).into();
    message.as_object_mut().expect("an object").remove("fields");
    assert!(message.to_string().len() < 200_000);
    world.enqueue(&message.to_string(), "bomb").await;
    world.deliver().await;
    let dead_letter = only_dead_letter(&world);
    assert_eq!(dead_letter.reason, "body-too-large");
    assert_eq!(dead_letter.attributes["session_id"], session.id);
    let posts = world.posts(&session).await;
    let mut states: Vec<_> = posts.iter().map(|post| post["state"].as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["delivered", "failed"]);
}

fn gzip(text: &str) -> String {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("packed");
    STANDARD.encode(encoder.finish().expect("packed"))
}

/// docs/architecture.md#rule-4: a permanent refusal is given up at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_given_up_at_once() {
    for refusal in ["acl", "business rule", "bad request"] {
        let world = World::start().await;
        let incident = world.incident();
        let session = world.session(&incident);
        world.servicenow().configure(|rules| {
            if refusal == "acl" {
                rules.unwritable_tables.insert("incident".to_owned());
            }
            if refusal == "business rule" {
                let rule = "Close code is mandatory".to_owned();
                rules.aborting_rules.insert("incident".to_owned(), rule);
            }
        });
        if refusal == "bad request" {
            world.refuse_write(&incident, 400);
        }
        world.post(&session, Phase::Start).await;
        world.deliver().await;
        assert_given_up(&world, &session, "servicenow-refused").await;
        assert!(world.notes(&incident).is_empty());
    }
}

/// docs/architecture.md#rule-4: after a post is given up, the next of its session is delivered.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_start_does_not_hold_the_end_up() {
    let (world, incident, session) = World::with_session().await;
    world.refuse_write(&incident, 403);
    world.post(&session, Phase::Start).await;
    world.post(&session, Phase::End).await;
    world.deliver().await;
    assert_eq!(world.dead_letters().len(), 1);
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("ended"), "{notes:?}");
}

/// docs/architecture.md#rule-4: a message leaves the queue only after the dead-letter queue has accepted it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_dead_lettered_stays_in_the_queue() {
    let (world, incident, session) = World::with_session().await;
    world.inject_every_write(&incident, FaultAction::status(403));
    world.post(&session, Phase::Start).await;
    world.enqueue("not JSON", "other").await;
    let refused = refused(400, "AccessDenied");
    for _ in 0..7 {
        let sending = AwsFault::once(Service::Sqs, "SendMessage", refused.clone()).times(2);
        world.cloud.aws.inject(sending);
        world.deliver().await;
        assert_eq!(world.queued().len(), 2);
        assert!(world.dead_letters().is_empty());
        world.cloud.aws.clear_faults();
        world.cloud.travel(Duration::from_secs(400));
    }
    world.deliver().await;
    let expected = ["malformed-message", "servicenow-refused"];
    assert_eq!(dead_letter_reasons(&world), expected);
    assert_eq!(world.entry(&session).await["reason"], "servicenow-refused");
}

/// docs/architecture.md#rule-4: posts wait for re-authorisation for the tenant's `reauthorization_wait`.
#[tokio::test(flavor = "multi_thread")]
async fn posts_are_given_up_when_the_tenant_is_not_authorised_in_time() {
    for paused in [false, true] {
        let world = World::start().await;
        world.servicenow().revoke(&world.refresh_token());
        let session = world.session(&world.incident());
        world.post(&session, Phase::Start).await;
        world.deliver().await;
        world.deliver_after(12 * DAY).await;
        assert!(world.dead_letters().is_empty());
        if paused {
            world.deliver_after(DAY - HOUR / 2).await;
            assert_eq!(world.queued().len(), 1);
            world.deliver_after(HOUR / 2).await;
            world.deliver_until_empty().await;
        } else {
            world.deliver_after(DAY).await;
        }
        assert_given_up(&world, &session, "reauthorization-needed").await;
    }
}

/// docs/architecture.md#rule-4: a message whose processing died five times.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_its_process_five_times_is_given_up() {
    let world = World::start().await;
    let session = world.session(&world.incident());
    world.post(&session, Phase::Start).await;
    let searching = RequestMatcher::of("GET", "/table/incident");
    world.inject_always(searching, FaultAction::Delay(A_MOMENT));
    for _ in 0..5 {
        world.kill_during("GET").await;
        world.cloud.travel(Duration::from_secs(HOUR / 2));
    }
    let mark = world.servicenow().mark();
    world.deliver().await;
    world.assert_not_called_since(mark);
    assert_given_up(&world, &session, "processing-died").await;
}

/// docs/architecture.md#rule-4.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_no_posts_are_dead_lettered_unchanged() {
    let world = World::start().await;
    let dead_letters = [
        ("not JSON", "malformed-message"),
        ("{}", "malformed-message"),
        (r#"{"v": 2, "tenant": "demo"}"#, "unknown-version"),
        (r#"{"v": 1, "tenant": "demo"}"#, "malformed-message"),
    ];
    for (number, (body, _)) in dead_letters.iter().enumerate() {
        world.enqueue(body, &format!("group{number}")).await;
    }
    world.deliver().await;
    assert!(world.queued().is_empty());
    let mut found: Vec<_> = world
        .dead_letters()
        .into_iter()
        .map(|dead_letter| (dead_letter.body, dead_letter.reason))
        .collect();
    found.sort();
    let mut wanted = dead_letters.map(|(body, reason)| (body.to_owned(), reason.to_owned()));
    wanted.sort();
    assert_eq!(found, wanted);
}

/// docs/architecture.md#rule-4: `failed` posts may be claimed again.
#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_dead_letter_is_delivered_once() {
    let world = World::start().await;
    let (incident, session) = world.refused_post().await;
    assert_given_up(&world, &session, "servicenow-refused").await;

    let body = world.dead_letters()[0].body.clone();
    let group = format!("{TENANT}#{}", session.id);
    world.enqueue(&body, &group).await;
    world.deliver().await;
    world.enqueue(&body, &group).await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
    let entry = world.entry(&session).await;
    assert_eq!(entry["state"], "delivered");
    assert!(!entry.contains_key("reason"), "{entry:?}");
    assert_eq!(world.dead_letters().len(), 1);
}

/// docs/architecture.md#rule-2 and docs/architecture.md#rule-4: an unknown outcome stays known when a post is redriven.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_given_up_with_an_unknown_outcome_is_checked_when_it_is_redriven() {
    let (world, incident, session) = World::with_session().await;
    world.post(&session, Phase::Start).await;
    world.inject_write(&incident, FaultAction::CommitThenDrop);
    let reading = RequestMatcher::of("GET", &incident.sys_id);
    world.inject_always(reading, FaultAction::status(503));
    world.deliver().await;
    world.deliver_after(DAY).await;
    assert_given_up(&world, &session, "servicenow-unavailable").await;
    world.servicenow().clear_faults();
    world.enqueue(&world.dead_letters()[0].body, "again").await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.state(&session).await, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_of_a_deleted_tenant_are_given_up() {
    let world = World::start().await;
    let incident = world.incident();
    world.post(&world.session(&incident), Phase::Start).await;
    let stack = &world.cloud.stack;
    let delete = stack.dynamodb.delete_item();
    let delete = delete.table_name(&stack.tenants_table);
    let deleted = delete.key("tenant", AttributeValue::S(TENANT.to_owned()));
    deleted.send().await.expect("the tenant is deleted");
    world.deliver().await;
    assert_eq!(only_dead_letter(&world).reason, "tenant-deleted");
    assert!(world.notes(&incident).is_empty());
    assert!(world.queued().is_empty());
}

/// Switching a tenant off does not drop queued posts.
#[tokio::test(flavor = "multi_thread")]
async fn posts_accepted_before_their_tenant_was_switched_off_are_delivered() {
    let world = World::start().await;
    let (before, after) = (world.incident(), world.incident());
    let (early, late) = (world.session(&before), world.session(&after));
    world.post(&early, Phase::Start).await;
    world.post(&late, Phase::Start).await;
    let body = world.queued()[1].body.clone();
    world
        .change_settings(|file| file.replace("[rescue]", "enabled = false\n\n[rescue]"))
        .await;
    world.cloud.travel(Duration::from_secs(90));
    let mut message: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let received_at = message["received_at"].as_str().and_then(Timestamp::parse);
    assert!(received_at.is_some(), "{message}");
    message["received_at"] = world.cloud.clock.now().to_string().into();
    // A process queues it that reads the change a minute late.
    let digest = "0".repeat(64);
    message["digest"] = digest.clone().into();
    world.enqueue(&message.to_string(), "late").await;
    world.deliver().await;
    assert_eq!(world.notes(&before).len(), 1);
    let notes = world.notes(&after).len();
    assert_eq!(notes, 1, "only the one that came before");
    let posts = world.posts(&late).await;
    let ignored: Vec<_> = posts
        .iter()
        .filter(|entry| entry["state"] == "ignored")
        .map(|entry| entry["entry"].clone())
        .collect();
    assert_eq!(ignored, [format!("post#{digest}")]);
}
