//! What the release before left in queues, in Rescue and in the ledger is delivered by this one.

use aws_sdk_dynamodb::types::AttributeValue;
use local::cloud::Options;
use local::demo_tenant::TENANT;
use serde_json::Value;
use tests::session_rows::{SESSION_TABLE, value, with_session_table};
use tests::settings::console_sessions;
use tests::{World, assert_contains};

use super::folder::Folder;

const MESSAGES: &str = include_str!("../../fixtures/earlier_release/messages.jsonl");
const INSTANCE: &str = include_str!("../../fixtures/earlier_release/instance.json");
const TRACKING_KEY: &str = include_str!("../../fixtures/earlier_release/tracking_key.txt");

const INCIDENT: (&str, &str) = ("incident", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
const CASE: (&str, &str) = (
    "sn_customerservice_case",
    "1f1e2d3c4b5a69788796a5b4c3d2e1f0",
);

/// The key that the tenant's `Tracking0` values were signed with.
async fn set_tracking_key(world: &World) {
    let stack = &world.cloud.stack;
    let name = format!("{}/{TENANT}/credentials", stack.secret_prefix);
    let read = stack.secrets.get_secret_value().secret_id(&name).send();
    let read = read.await.expect("the secret is there");
    let text = read.secret_string().expect("a text");
    let mut secret: Value = serde_json::from_str(text).expect("JSON");
    assert!(secret["tracking-key"].is_string(), "its name");
    secret["tracking-key"] = TRACKING_KEY.into();
    let put = stack.secrets.put_secret_value().secret_id(&name);
    let put = put.secret_string(secret.to_string()).send();
    put.await.expect("set");
}

/// The session's record, as the release before stored it with the session's start.
async fn store_record(world: &World, session: &str, (table, sys_id): (&str, &str)) {
    let stack = &world.cloud.stack;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = stack
        .dynamodb
        .put_item()
        .table_name(&stack.sessions_table)
        .item("session", text(&format!("{TENANT}#{session}")))
        .item("entry", text("record"))
        .item("table", text(table))
        .item("sys_id", text(sys_id))
        .item("expires_at", AttributeValue::N("4000000000".to_owned()));
    put.send().await.expect("stored");
}

/// Signed `Tracking0` values, record numbers, a compressed message, and a session whose start was delivered before.
#[tokio::test(flavor = "multi_thread")]
async fn messages_and_tracking_of_the_release_before_are_delivered() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("servicenow.json"), INSTANCE).expect("written");
    let options = Options {
        data: Some(folder.path().to_owned()),
        ..World::options()
    };
    let change = |file: String| with_session_table(&console_sessions(&file, "ignore"));
    let world = World::with_options(options, change).await;
    set_tracking_key(&world).await;
    store_record(&world, "70000004", CASE).await;
    for message in MESSAGES.lines() {
        let session: Value = serde_json::from_str(message).expect("JSON");
        let session = session["session_id"].as_str().expect("an id");
        let group = format!("{TENANT}#{session}");
        world.enqueue(message, &group).await;
    }
    world.deliver().await;
    assert!(world.queued().is_empty(), "{:?}", world.queued());
    assert!(
        world.dead_letters().is_empty(),
        "{:?}",
        world.dead_letters()
    );
    for ((table, sys_id), sessions) in [
        (
            INCIDENT,
            &["70000001", "70000001", "70000003", "70000005"][..],
        ),
        (CASE, &["70000002", "70000004"]),
    ] {
        let notes = world.servicenow().work_notes(table, sys_id);
        assert_eq!(notes.len(), sessions.len(), "{notes:?}");
        for session in sessions {
            let marker = format!("(Rescue {session} ");
            assert!(notes.iter().any(|note| note.contains(&marker)), "{notes:?}");
        }
    }
    let notes = world.servicenow().work_notes(INCIDENT.0, INCIDENT.1);
    assert_contains(&notes.concat(), &["hello, Zoë", "cable replaced"]);
    let rows = world.servicenow().records(SESSION_TABLE);
    assert_eq!(rows.len(), 5);
    for row in rows {
        let by_pin = ["70000001", "70000002"].contains(&value(&row, "session"));
        assert_eq!(row["pin"], by_pin.to_string(), "{row:?}");
    }
}
