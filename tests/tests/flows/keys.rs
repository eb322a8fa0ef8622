//! `rescue-connector keys …` against the embedded cloud (docs/architecture.md#where-state-lives).

use local::aws::{Effect, InjectedAwsFault, Service};
use serde_json::{Value, json};
use tests::World;

use super::command_line::{CommandLine, text};

fn ids(keys: &Value, kind: &str) -> Vec<String> {
    let keys = keys.as_array().expect("a list").iter();
    keys.filter(|key| key["kind"] == kind)
        .map(|key| text(key, "/id").to_owned())
        .collect()
}

/// docs/architecture.md#where-state-lives: two of each may be live.
#[tokio::test(flavor = "multi_thread")]
async fn at_most_two_keys_of_a_kind_are_live_and_each_is_shown_once() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let made = operator
        .json(&["keys", "rotate", "acme", "api", "--scope", "pin"])
        .await;
    let members: Vec<&String> = made.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["api_key", "id"]);
    let webhook = operator.json(&["keys", "rotate", "acme", "webhook"]).await;
    let members: Vec<&String> = webhook.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["id", "webhook_urls"]);

    let listed = operator
        .run(&["keys", "list", "acme", "--output", "json"])
        .await;
    assert!(!listed.all().contains(text(&made, "/api_key")));
    let keys = listed.json();
    assert_eq!(
        (ids(&keys, "api").len(), ids(&keys, "webhook").len()),
        (2, 2)
    );
    let newest = keys
        .as_array()
        .expect("a list")
        .iter()
        .find(|key| key["id"] == made["id"]);
    let newest = newest.expect("listed");
    assert_eq!(newest["scopes"], json!(["pin"]));
    assert!(newest["created_at"].is_string());

    let mark = operator.mark();
    for (kind, id) in [("api", &made["id"]), ("webhook", &webhook["id"])] {
        let third = ["keys", "rotate", "acme", kind];
        let id = id.as_str().expect("an id");
        operator
            .fails(&third, &["two live", "keys retire acme", id])
            .await;
    }
    operator.assert_unwritten_since(mark);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_key_of_a_kind_is_deleted_only_with_yes() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    let created = operator.create().await;
    let key = text(&created, "/keys/1/id");
    let retire = ["keys", "retire", "acme", key];
    operator
        .fails(&retire, &["last live api key", "--yes"])
        .await;
    let retired = operator.json(&[&retire[..], &["--yes"]].concat()).await;
    assert_eq!(
        retired,
        json!({"tenant": "acme", "id": key, "kind": "api", "retired": true})
    );
    let rest = operator.json(&["keys", "list", "acme"]).await;
    assert_eq!(ids(&rest, "api"), Vec::<String>::new());
    let known = ids(&rest, "webhook");
    operator
        .fails(&retire, &["no live key", key, &known[0]])
        .await;
    // A new key replaces it.
    operator.json(&["keys", "rotate", "acme", "api"]).await;
    assert_eq!(
        ids(&operator.json(&["keys", "list", "acme"]).await, "api").len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_command_fails_before_the_first_write() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    let mark = operator.mark();
    let scoped = ["keys", "rotate", "acme", "webhook", "--scope", "pin"];
    let ended = operator.run(&scoped).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    ended.assert_stderr(&["--scope is for API keys"]);
    assert_eq!(
        operator
            .run(&["keys", "rotate", "acme", "other"])
            .await
            .code,
        Some(2)
    );
    for command in [
        &["keys", "rotate", "amce", "api"][..],
        &["keys", "retire", "amce", "12345678"],
        &["keys", "list", "amce"],
    ] {
        operator
            .fails(command, &["no tenant amce", "Did you mean acme?"])
            .await;
    }
    operator.assert_unwritten_since(mark);
}

/// A key that another operator created meanwhile is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_operators_who_rotate_at_once_one_gets_an_error_and_no_key_is_lost() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);
    operator.create().await;
    // Both read before either writes.
    let slow = Effect::Hang(std::time::Duration::from_millis(500));
    world
        .cloud
        .aws
        .inject(InjectedAwsFault::once(Service::DynamoDb, "UpdateItem", slow).times(2));
    let rotate = ["keys", "rotate", "acme", "api", "--output", "json"];
    let (one, other) = tokio::join!(operator.run(&rotate), operator.run(&rotate));
    let mut codes = [one.code, other.code];
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)], "{} {}", one.stderr, other.stderr);
    let (won, lost) = if one.code == Some(0) {
        (one, other)
    } else {
        (other, one)
    };
    lost.assert_stderr(&["another operator changed"]);
    assert_eq!(lost.stdout, "");
    let keys = operator.json(&["keys", "list", "acme"]).await;
    assert!(ids(&keys, "api").contains(&text(&won.json(), "/id").to_owned()));
    assert_eq!(ids(&keys, "api").len(), 2);
}
