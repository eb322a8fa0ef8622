//! `deliver-session`: notes on the right records.

use local::aws::{InjectedAwsFault as AwsFault, Service};
use local::rescue::Phase;
use tests::injected::denied;
use tests::{World, assert_contains};

#[tokio::test(flavor = "multi_thread")]
async fn start_and_end_become_two_notes_on_the_record_they_name() {
    let world = World::start().await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    session.say("Ana Ruiz", "hello");
    world.post(&session, Phase::Start).await;
    session.say("Paul Martin", "goodbye");
    world.post_and_deliver(&session, Phase::End).await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].contains("hello") && !notes[0].contains("goodbye"),
        "{notes:?}"
    );
    assert!(
        notes[1].contains("goodbye") && !notes[1].contains("hello"),
        "{notes:?}"
    );
    assert!(world.dead_letters().is_empty());
}

/// Lifetimes are capped at ten years: an absurd one ends no process.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_lifetime_of_thousands_of_years_delivers() {
    let world = World::start().await;
    let instance = world.servicenow();
    instance.configure(|rules| rules.claimed_expires_in = Some(999_999_999_999));
    let incident = world.incident();
    let session = world.session(&incident);
    world.post_and_deliver(&session, Phase::End).await;
    assert_eq!(world.notes(&incident).len(), 1);
    assert_eq!(world.state(&session).await, "delivered");
}

/// A refused AWS call is no failure of ServiceNow: ledger and log name the connector's storage and the secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_may_not_be_read_is_reported_as_storage_unavailable() {
    let world = World::start().await;
    let denied = denied();
    let fault = AwsFault::any(Service::SecretsManager, denied).times(20);
    world.cloud.aws.inject(fault);
    let session = world.session(&world.incident());
    world.post_and_deliver(&session, Phase::End).await;
    let posts = world.posts(&session).await;
    assert_eq!(posts[0]["state"], "waiting");
    assert_eq!(posts[0]["reason"], "storage-unavailable");
    let said =
        "Secrets Manager GetSecretValue, secret rescue-connector/demo/token: AccessDeniedException";
    let lines = world.lines_of("deliver-session", said);
    assert!(!lines.is_empty(), "{}", world.output());
}

/// docs/architecture.md#where-state-lives: a session may post several times; the digest, not the event, identifies a post.
#[tokio::test(flavor = "multi_thread")]
async fn every_post_of_a_session_becomes_a_note_in_the_order_of_arrival() {
    let world = World::start().await;
    let incident = world.incident();
    let mut session = world.session(&incident);
    for word in ["first", "second", "third"] {
        session.say("Ana Ruiz", word);
        world.post(&session, Phase::Start).await;
    }
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 3, "{notes:?}");
    for (note, word) in notes.iter().zip(["first", "second", "third"]) {
        assert!(note.contains(word), "{notes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_arrives_before_its_start_is_written_first() {
    let world = World::start().await;
    let incident = world.incident();
    for session in [world.session(&incident), world.console_session()] {
        world.post(&session, Phase::End).await;
        world.post_and_deliver(&session, Phase::Start).await;
        let posts = world.posts(&session).await;
        assert_eq!(posts.len(), 2);
        assert!(
            posts.iter().all(|post| post["state"] == "delivered"),
            "{posts:?}"
        );
    }
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_contains(&notes[0], &["ended"]);
    assert_contains(&notes[1], &["started"]);
    assert_eq!(world.servicenow().records("incident").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_or_an_end_alone_is_one_note() {
    let world = World::start().await;
    for phase in [Phase::Start, Phase::End] {
        let incident = world.incident();
        world
            .post_and_deliver(&world.session(&incident), phase)
            .await;
        assert_eq!(world.notes(&incident).len(), 1, "{phase:?}");
    }
}

/// At most three DynamoDB calls and one to ServiceNow for a post of a known record, in a warm process.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_of_a_known_record_costs_four_calls() {
    let (world, _incident, session) = World::with_session().await;
    world.post_and_deliver(&session, Phase::Start).await;
    world.post(&session, Phase::End).await;
    let (aws, servicenow) = (world.cloud.aws.journal().mark(), world.servicenow().mark());
    world.deliver().await;
    let calls = world
        .cloud
        .aws
        .journal()
        .count_service(aws, Service::DynamoDb);
    assert!(calls <= 3, "{:?}", world.cloud.aws.journal().since(aws));
    assert_eq!(world.servicenow().since(servicenow).len(), 1);
}

/// docs/architecture.md#where-state-lives: the ledger holds no chat, no notes and no personal data beyond ids.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_holds_the_state_of_a_post_and_no_personal_data() {
    let world = World::start().await;
    let incident = world.incident();
    let mut session = world
        .session(&incident)
        .with_field("CField2", "paul.martin@acme.test")
        .with_note("private remark");
    session.say("Paul Martin", "secret of mine");
    world.post_and_deliver(&session, Phase::End).await;
    let entries = world.ledger(&session).await;
    assert_eq!(entries.len(), 2);
    let text = format!("{entries:?}");
    for word in ["Paul", "paul.martin", "private", "secret", "Ana"] {
        assert!(!text.contains(word), "{text}");
    }
    let record = entries.iter().find(|entry| entry["entry"] == "record");
    assert_eq!(record.expect("the record")["sys_id"], incident.sys_id);
    let post = world.entry(&session).await;
    assert_eq!(post["state"], "delivered");
    assert_eq!(post["event"], "ended");
    assert_eq!(post["tenant"], "demo");
}

/// The alarm on the oldest post also has to see a post that is not tried.
#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_post_reports_its_age() {
    let world = World::start().await;
    let session = world.session(&world.incident());
    world.servicenow().revoke(&world.refresh_token());
    world.servicenow().revoke_access_tokens();
    world.post_and_deliver(&session, Phase::Start).await;
    let first = world.metric("deliver-session", "WaitingTime");
    assert!(first.len() == 1 && first[0] < 60.0, "{first:?}");
    let hours = 7 * 3600;
    world.deliver_after(hours).await;
    let later = world.metric("deliver-session", "WaitingTime");
    let longest = later.iter().copied().fold(0.0, f64::max);
    assert!((25_200.0..25_260.0).contains(&longest), "{later:?}");
    assert_eq!(world.queued().len(), 1);
}
