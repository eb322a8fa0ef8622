//! `rescue-connector sessions …` against the embedded cloud (design 4.4, 4.5).

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use local::demo_tenant::TENANT;
use local::rescue::Phase;
use local::simulator::{Action, Fault, Matcher};
use serde_json::{Value, json};
use shared::clock::Timestamp;
use tests::World;

use super::command_line::CommandLine;

fn sessions(listed: &Value) -> Vec<&str> {
    let posts = listed.as_array().expect("a list").iter();
    posts
        .map(|post| post["session_id"].as_str().expect("an id"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_are_listed_newest_first_and_by_state_time_session_and_record() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let (printer, phone) = (world.incident(), world.incident());
    let (old, failing, new) = (
        world.session(&printer),
        world.session(&phone),
        world.session(&printer),
    );
    world.post(&old, Phase::Start).await;
    world.deliver().await;
    world.cloud.travel(Duration::from_secs(3 * 3600));
    let refusal = Fault::on(Matcher::of("PATCH", &phone.sys_id))
        .always()
        .then(Action::status(403));
    world.cloud.servicenow.fault(refusal);
    world.post(&failing, Phase::Start).await;
    world.deliver().await;
    world.cloud.travel(Duration::from_secs(60));
    world.post(&new, Phase::End).await;
    world.deliver().await;

    let list = async |filter: &[&str]| {
        operator
            .json(&[&["sessions", "list", TENANT][..], filter].concat())
            .await
    };
    let all = list(&[]).await;
    assert_eq!(sessions(&all), [&new.id, &failing.id, &old.id]);
    let record = format!("incident:{}", printer.sys_id);
    assert_eq!(all[0]["record"], record);
    assert_eq!(all[0]["event"], "ended");
    assert_eq!(all[1]["reason"], "servicenow-refused");
    let members: Vec<&String> = all[2].as_object().expect("an object").keys().collect();
    let wanted = [
        "attempts",
        "deaths",
        "delivery",
        "ended_at",
        "event",
        "last_attempt_at",
        "received_at",
        "record",
        "session_id",
        "state",
    ];
    assert_eq!(members, wanted);

    assert_eq!(sessions(&list(&["--state", "failed"]).await), [&failing.id]);
    assert_eq!(
        sessions(&list(&["--since", "1 hour"]).await),
        [&new.id, &failing.id]
    );
    assert_eq!(sessions(&list(&["--session", &old.id]).await), [&old.id]);
    assert_eq!(
        sessions(&list(&["--record", &record]).await),
        [&new.id, &old.id]
    );
    assert_eq!(
        sessions(&list(&["--record", &printer.sys_id, "--since", "1h"]).await),
        [&new.id]
    );
    assert_eq!(list(&["--state", "waiting"]).await, json!([]));
    let first = operator
        .run(&[
            "sessions", "list", TENANT, "--limit", "1", "--output", "json",
        ])
        .await;
    assert_eq!(sessions(&first.json()), [&new.id]);
    assert!(first.stderr.contains("more than 1"), "{}", first.stderr);
    let table = operator.run(&["sessions", "list", TENANT]).await;
    assert!(
        table.stdout.contains("servicenow-refused"),
        "{}",
        table.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_shown_with_its_time_line_and_its_record() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.session(&incident);
    let outage = Fault::on(Matcher::of("PATCH", &incident.sys_id)).then(Action::status(503));
    world.cloud.servicenow.fault(outage);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let show = ["sessions", "show", TENANT, &session.id];
    let waiting = operator.json(&show).await;
    assert_eq!(waiting["posts"][0]["state"], "waiting");
    assert_eq!(waiting["posts"][0]["reason"], "servicenow-unavailable");
    assert_eq!(waiting["posts"][0].get("ended_at"), None);
    let text = operator.run(&show).await.stdout;
    assert!(
        text.contains("is tried again: servicenow-unavailable"),
        "{text}"
    );
    world.deliver_until_empty().await;
    let delivered = operator.json(&show).await;
    assert_eq!(delivered["tenant"], TENANT);
    assert_eq!(delivered["record"]["table"], "incident");
    assert_eq!(delivered["record"]["sys_id"], incident.sys_id);
    assert_eq!(delivered["posts"][0]["state"], "delivered");
    assert_eq!(delivered["posts"][0]["attempts"], 2);
    let text = operator.run(&show).await.stdout;
    for word in [
        "accepted",
        "the last of 2 attempts began",
        "delivered",
        "incident.do?sys_id=",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_or_tenant_that_is_not_there_is_told_from_one_without_posts() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    assert_eq!(
        operator.json(&["sessions", "list", TENANT]).await,
        json!([])
    );
    let unknown = ["sessions", "show", TENANT, "7"];
    operator
        .fails(&unknown, &["no session 7", "sessions list demo"])
        .await;
    for command in [
        &["sessions", "show", "dmeo", "7"][..],
        &["sessions", "list", "dmeo"],
    ] {
        operator
            .fails(command, &["no tenant dmeo", "Did you mean demo?"])
            .await;
    }
    for usage in [
        &["sessions", "list", TENANT, "--state", "lost"][..],
        &["sessions", "list", TENANT, "--since", "yesterday"],
        &["sessions", "list", TENANT, "--record", "INC0012345"],
        &["sessions", "show", TENANT, "no id!"],
    ] {
        assert_eq!(operator.run(usage).await.code, Some(2), "{usage:?}");
    }
}

/// More posts than DynamoDB reads in one go, and records of more sessions than it gives in one go.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_ledger_is_read_to_its_end() {
    const POSTS: usize = 1_500;
    let world = World::start().await;
    let stack = &world.cloud.stack;
    let start = world.cloud.clock.now();
    let put = |values: Vec<(&str, String)>| {
        let item: HashMap<String, AttributeValue> = values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
            .collect();
        let request = PutRequest::builder()
            .set_item(Some(item))
            .build()
            .expect("an item");
        WriteRequest::builder().put_request(request).build()
    };
    let mut requests = Vec::new();
    for nth in 0..POSTS {
        let at: Timestamp = start.minus(Duration::from_secs(u64::try_from(nth).expect("few")));
        let key = ("session", format!("{TENANT}#{nth}"));
        requests.push(put(vec![
            key.clone(),
            ("entry", format!("post#{}", "d".repeat(900))),
            ("tenant", TENANT.to_owned()),
            ("received_at", at.to_string()),
            ("state", "delivered".to_owned()),
        ]));
        requests.push(put(vec![
            key,
            ("entry", "record".to_owned()),
            ("table", "incident".to_owned()),
            ("sys_id", format!("{:032x}", nth % 2)),
        ]));
    }
    for some in requests.chunks(25) {
        let written = stack
            .dynamodb
            .batch_write_item()
            .request_items(&stack.sessions_table, some.to_vec());
        written.send().await.expect("written");
    }
    let operator = CommandLine::by_outputs(&world);
    let odd = format!("{:032x}", 1);
    let listed = operator
        .json(&[
            "sessions", "list", TENANT, "--record", &odd, "--limit", "10000",
        ])
        .await;
    let found = sessions(&listed);
    assert_eq!(found.len(), POSTS / 2);
    assert_eq!((found[0], found[POSTS / 2 - 1]), ("1", "1499"));
}
