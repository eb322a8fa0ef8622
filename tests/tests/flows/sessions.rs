//! `rescue-connector sessions …` against the embedded cloud (docs/architecture.md#where-state-lives and docs/command-line.md).

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use local::demo_tenant::TENANT;
use local::rescue::Phase;
use local::simulator::{FaultAction, RequestMatcher};
use serde_json::{Value, json};
use shared::domain::clock::Timestamp;
use tests::{LEASE, World, assert_contains};

use super::command_line::{CommandLine, members, text};
use super::dead_letters::set;

fn sessions(listed: &Value) -> Vec<&str> {
    let posts = listed.as_array().expect("a list").iter();
    posts.map(|post| text(post, "/session_id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_are_listed_newest_first_and_by_state_time_session_and_record() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let (printer, phone) = (world.incident(), world.incident());
    let [old, failing, new] = [&printer, &phone, &printer].map(|record| world.session(record));
    world.post_and_deliver(&old, Phase::Start).await;
    world.cloud.travel(Duration::from_secs(3 * 3600));
    world.inject_every_write(&phone, FaultAction::status(403));
    world.post_and_deliver(&failing, Phase::Start).await;
    world.cloud.travel(Duration::from_secs(60));
    world.post_and_deliver(&new, Phase::End).await;

    let command = ["sessions", "list", TENANT];
    let list = async |filter: &[&str]| operator.json(&[&command[..], filter].concat()).await;
    let all = list(&[]).await;
    assert_eq!(sessions(&all), [&new.id, &failing.id, &old.id]);
    let record = format!("incident:{}", printer.sys_id);
    assert_eq!(all[0]["record"], record);
    assert_eq!(all[0]["event"], "ended");
    assert_eq!(all[1]["reason"], "servicenow-refused");
    let expected = "attempts deaths delivery ended_at event last_attempt_at received_at record session_id state";
    assert_eq!(members(&all[2]), expected.split(' ').collect::<Vec<_>>());

    for (filter, expected) in [
        (&["--state", "failed"][..], vec![&failing]),
        (&["--since", "1 hour"], vec![&new, &failing]),
        (&["--before", "1 hour"], vec![&old]),
        (&["--since", "7 days", "--before", "1 hour"], vec![&old]),
        (&["--session", &old.id], vec![&old]),
        (&["--record", &record], vec![&new, &old]),
        (&["--record", &printer.sys_id, "--since", "1h"], vec![&new]),
        (&["--record", &printer.number], vec![&new, &old]),
    ] {
        let expected: Vec<_> = expected.iter().map(|session| &session.id).collect();
        assert_eq!(sessions(&list(filter).await), expected, "{filter:?}");
    }
    let unknown = ["sessions", "list", TENANT, "--record", "INC7777777"];
    let not_found = "no record with the number INC7777777";
    operator.fails(&unknown, &[not_found]).await;
    for (since, count) in [("2 hours ago", 2), ("1970-01-01", 3), ("1 Jan 1970", 3)] {
        let listed = list(&["--since", since]).await;
        assert_eq!(sessions(&listed).len(), count, "{since}");
    }
    assert_eq!(sessions(&list(&["--limit", "0"]).await).len(), 3);
    assert_eq!(list(&["--state", "waiting"]).await, json!([]));
    let limited = [&command[..], &["--limit", "1", "--output", "json"]].concat();
    let first = operator.run(&limited).await;
    assert_eq!(sessions(&first.json()), [&new.id]);
    first.assert_stderr(&["more than 1"]);
    let table = operator.run(&command).await;
    table.assert_stdout(&["failed: servicenow-refused", &printer.number, &phone.number]);
    assert!(!table.stdout.contains(&printer.sys_id), "{}", table.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_posts_of_all_tenants_are_listed_as_one() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let created = operator.create_with_secrets().await;
    let incident = world.incident();
    let (ours, theirs) = (world.session(&incident), world.session(&incident));
    world.post(&ours, Phase::Start).await;
    world.cloud.travel(Duration::from_secs(1));
    operator.post(&created, &theirs, Phase::End).await;
    world.deliver().await;
    let all = ["sessions", "list", "--all-tenants"];
    let with = |filter: &[&'static str]| [&all[..], filter].concat();
    let listed = operator.json(&with(&["--since", "1 day"])).await;
    assert_eq!(sessions(&listed), [&theirs.id, &ours.id]);
    assert_eq!(
        (text(&listed, "/0/tenant"), text(&listed, "/1/tenant")),
        ("acme", TENANT)
    );
    let limited = with(&["--limit", "1", "--output", "json"]);
    let first = operator.run(&limited).await;
    assert_eq!(sessions(&first.json()), [&theirs.id]);
    first.assert_stderr(&["more than 1"]);
    let failed = operator.json(&with(&["--state", "failed"])).await;
    assert_eq!(failed, json!([]));
    let table = operator.run(&all).await;
    table.assert_stdout(&["TENANT", "acme", TENANT, &incident.number]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_servicenow_records_are_shown_by_their_sys_id_with_the_reason() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.session(&incident);
    world.post_and_deliver(&session, Phase::Start).await;
    world.inject_always(
        RequestMatcher::of("GET", &incident.sys_id),
        FaultAction::status(503),
    );
    let record = format!("incident:{}", incident.sys_id);
    for command in [
        &["sessions", "list", TENANT][..],
        &["sessions", "show", TENANT, &session.id],
    ] {
        let table = operator.succeeds(command).await;
        table.assert_stdout(&[&record]);
        table.assert_stderr(&["did not return their numbers"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_explained_with_servicenows_detail_and_a_remedy() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let (_, session) = world.refused_post().await;
    let detail = "Business rule \u{9b}2J close_guard";
    let columns = vec!["category".to_owned(), "time_worked".to_owned()];
    for (name, value) in [
        ("detail", AttributeValue::S(detail.to_owned())),
        ("dropped_columns", AttributeValue::Ss(columns)),
    ] {
        set(&world, &session, name, value).await;
    }
    let show = ["sessions", "show", TENANT, &session.id];
    let json = operator.json(&show).await;
    let post = &json["posts"][0];
    assert_eq!(
        (&post["detail"], &post["attempts"]),
        (&json!(detail), &json!(1))
    );
    assert_eq!(post["dropped_columns"], json!(["category", "time_worked"]));
    assert!(text(post, "/meaning").contains("ServiceNow refused the write"));
    assert!(text(post, "/remedy").contains("dlq redrive --tenant demo"));
    let table = operator.run(&show).await.stdout;
    assert_contains(
        &table,
        &[
            "servicenow-refused: ServiceNow refused the write",
            "close_guard",
            "category, time_worked",
            "rescue-connector dlq redrive --tenant demo",
        ],
    );
    assert!(!table.contains('\u{9b}'), "{table:?}");
}

/// A process that is killed leaves its post `delivering` until its message is visible again.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_being_delivered_shows_the_end_of_its_lease() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let session = world.session(&world.incident());
    world.post_and_deliver(&session, Phase::Start).await;
    let until = world
        .cloud
        .clock
        .now()
        .plus(Duration::from_secs(LEASE))
        .to_string();
    for (name, value) in [("state", "delivering"), ("lease_until", &until)] {
        set(&world, &session, name, AttributeValue::S(value.to_owned())).await;
    }
    let show = ["sessions", "show", TENANT, &session.id];
    assert_eq!(operator.json(&show).await["posts"][0]["lease_until"], until);
    let table = operator.run(&show).await.stdout;
    assert_contains(&table, &[&until, "has died"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_notes_fit_a_terminal_of_80_columns() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world).with("COLUMNS", "80");
    let (_, session) = world.refused_post().await;
    let dead_letters = operator.json(&["dlq", "list"]).await;
    let id = text(&dead_letters, "/0/id");
    for command in [
        &["sessions", "list", TENANT][..],
        &["sessions", "show", TENANT, &session.id],
        &["dlq", "list"],
        &["dlq", "show", id],
        &["tenant", "list"],
        &["tenant", "show", TENANT],
        &["token", "status", TENANT],
        &["doctor", TENANT],
        &["dlq", "redrive", "--help"],
    ] {
        let ended = operator.run(command).await;
        for line in ended.all().lines() {
            // A word that is longer than the line is not broken: ids and URLs stay whole.
            let word_lengths = line.split_whitespace().map(|word| word.chars().count());
            let fits = line.chars().count() <= 80
                || word_lengths.max().unwrap_or_default() > 50
                // clap writes it on one line.
                || line.starts_with("Usage:");
            assert!(fits, "{command:?}: {line}");
        }
    }
    let list = operator.run(&["dlq", "list"]).await.stdout;
    assert!(list.lines().any(|line| line.ends_with(id)), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_shown_with_its_time_line_and_its_record() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let incident = world.incident();
    let session = world.session(&incident);
    world.refuse_write(&incident, 503);
    world.post_and_deliver(&session, Phase::Start).await;
    let show = ["sessions", "show", TENANT, &session.id];
    let waiting = operator.json(&show).await;
    assert_eq!(waiting["posts"][0]["state"], "waiting");
    assert_eq!(waiting["posts"][0]["reason"], "servicenow-unavailable");
    assert_eq!(waiting["posts"][0].get("ended_at"), None);
    let text = operator.run(&show).await.stdout;
    assert_contains(&text, &["next attempt: servicenow-unavailable"]);
    world.deliver_until_empty().await;
    let delivered = operator.json(&show).await;
    assert_eq!(delivered["tenant"], TENANT);
    assert_eq!(delivered["record"]["table"], "incident");
    assert_eq!(delivered["record"]["sys_id"], incident.sys_id);
    assert_eq!(delivered["posts"][0]["state"], "delivered");
    assert_eq!(delivered["record"]["number"], incident.number);
    assert_eq!(delivered["posts"][0]["attempts"], 2);
    let text = operator.run(&show).await.stdout;
    assert_contains(
        &text,
        &[
            "accepted",
            "the last of 2 attempts began",
            "delivered",
            "incident.do?sys_id=",
            &format!("Record {}", incident.number),
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_session_or_tenant_differs_from_one_without_posts() {
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
        let expected = ["no tenant dmeo", "Did you mean demo?"];
        operator.fails(command, &expected).await;
    }
    let of_no_table = ["sessions", "list", TENANT, "--record", "TASK0012345"];
    let expected = ["TASK0012345 is not one record number", "INC, CS"];
    operator.fails(&of_no_table, &expected).await;
    let wrong_usage = [
        &["sessions", "list", TENANT, "--state", "lost"][..],
        &["sessions", "list", TENANT, "--since", "31 Feb"],
        &["sessions", "list", TENANT, "--record", "TASK12"],
        &["sessions", "list"],
        &["sessions", "list", TENANT, "--all-tenants"],
        &[
            "sessions",
            "list",
            "--all-tenants",
            "--record",
            "INC0012345",
        ],
        &["sessions", "show", TENANT, "no id!"],
    ];
    operator.refuses_usage(&wrong_usage).await;
}

/// More posts than one query returns, and more sessions than one batch read returns.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_ledger_is_read_to_its_end() {
    const POSTS: usize = 1_500;
    let world = World::start().await;
    let stack = &world.cloud.stack;
    let start = world.cloud.clock.now();
    let put = |values: Vec<(&str, String)>| {
        let mut put = PutRequest::builder();
        for (name, value) in values {
            put = put.item(name, AttributeValue::S(value));
        }
        let put = put.build().expect("an item");
        WriteRequest::builder().put_request(put).build()
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
        let write = stack.dynamodb.batch_write_item();
        let write = write.request_items(&stack.sessions_table, some.to_vec());
        write.send().await.expect("written");
    }
    let operator = CommandLine::by_outputs(&world);
    let odd = format!("{:032x}", 1);
    let list = [
        "sessions", "list", TENANT, "--record", &odd, "--limit", "10000",
    ];
    let listed = operator.json(&list).await;
    let found = sessions(&listed);
    assert_eq!(found.len(), POSTS / 2);
    assert_eq!((found[0], found[POSTS / 2 - 1]), ("1", "1499"));
}
