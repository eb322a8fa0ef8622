//! The whole life of a tenant from the command line, from `tenant apply` to `tenant delete` (docs/command-line.md).

use std::time::Duration;

use local::rescue::{Format, Phase, Session};
use serde_json::{Value, json};
use tests::World;

use super::command_line::{CommandLine, text};

/// Longer than a process caches a tenant.
const MINUTE: Duration = Duration::from_secs(75);

/// Posts a session's start to a URL; the answer's status and body.
async fn post(world: &World, url: &str, session: &Session) -> (u16, Value) {
    let posted = world
        .cloud
        .rescue
        .post(url, session, Format::JsonFlat, Phase::Start);
    let posted = posted.await.expect("an answer");
    let body = serde_json::from_str(&posted.body).unwrap_or_default();
    (posted.status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_lives_from_apply_to_delete() {
    let world = World::start().await;
    let operator = CommandLine::by_outputs(&world);

    // It is created, and its posts arrive.
    let created = operator.create_with_secrets().await;
    let old_url = text(&created, "/webhook_urls/started").to_owned();
    let names: Vec<Value> = operator
        .json(&["tenant", "list"])
        .await
        .as_array()
        .map_or_else(Vec::new, |tenants| {
            tenants
                .iter()
                .map(|tenant| tenant["tenant"].clone())
                .collect()
        });
    assert_eq!(names, ["acme", "demo"]);
    let incident = world.incident();
    let first = world.session(&incident);
    assert_eq!(post(&world, &old_url, &first).await.0, 200);
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);
    let listed = operator.json(&["sessions", "list", "acme"]).await;
    assert_eq!(listed[0]["session_id"], first.id);
    assert_eq!(listed[0]["state"], "delivered");
    let shown = operator
        .json(&["sessions", "show", "acme", &first.id])
        .await;
    let page = format!(
        "{}/incident.do?sys_id={}",
        world.cloud.servicenow.url(),
        incident.sys_id
    );
    assert_eq!(shown["record"]["url"], page);

    // A post that the instance refuses becomes a dead letter, and is put back once the instance accepts it.
    let second = world.session(&incident);
    world.refuse_write(&incident, 403);
    assert_eq!(post(&world, &old_url, &second).await.0, 200);
    world.deliver().await;
    let dead_letters = operator.json(&["dlq", "list"]).await;
    assert_eq!(dead_letters[0]["session_id"], second.id);
    assert_eq!(dead_letters[0]["reason"], "servicenow-refused");
    let redriven = operator.json(&["dlq", "redrive", "--tenant", "acme"]).await;
    assert_eq!(redriven, json!({"redriven": 1, "left": []}));
    assert_eq!(operator.json(&["dlq", "list"]).await, json!([]));
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 2);

    // Its URL is renewed without losing a post.
    let made = operator.json(&["keys", "rotate", "acme", "webhook"]).await;
    let new_url = text(&made, "/webhook_urls/started").to_owned();
    let session = world.session(&incident);
    assert_eq!(post(&world, &old_url, &session).await.0, 200);
    world.cloud.travel(MINUTE);
    for url in [&old_url, &new_url] {
        let session = world.session(&incident);
        assert_eq!(post(&world, url, &session).await.0, 200);
    }
    let old_key = text(&created, "/keys/0/id");
    let retired = operator.json(&["keys", "retire", "acme", old_key]).await;
    assert_eq!(retired["retired"], true);
    world.cloud.travel(MINUTE);
    let session = world.session(&incident);
    assert_eq!(post(&world, &old_url, &session).await.0, 404);
    assert_eq!(post(&world, &new_url, &session).await.0, 200);

    // Applying its exported file changes nothing.
    let exported = operator.run(&["tenant", "export", "acme"]).await;
    operator.write("acme.toml", &exported.stdout);
    assert_eq!(operator.apply().await.json()["changes"], json!([]));

    // Disabled it ignores posts, enabled again it accepts them.
    let off = operator.json(&["tenant", "disable", "acme", "--yes"]).await;
    assert_eq!(off["enabled"], false);
    world.cloud.travel(MINUTE);
    let session = world.session(&incident);
    assert_eq!(
        post(&world, &new_url, &session).await.1["status"],
        "ignored"
    );
    let on = operator.json(&["tenant", "enable", "acme"]).await;
    assert_eq!(
        (&on["enabled"], on.get("disabled_at")),
        (&json!(true), None)
    );
    world.cloud.travel(MINUTE);
    assert_eq!(
        post(&world, &new_url, &session).await.1["status"],
        "accepted"
    );
    world.deliver().await;

    // It is deleted only when no function accepts its posts.
    let delete = ["tenant", "delete", "acme", "--yes"];
    let early = [&delete[..], &["--wait", "1"]].concat();
    operator
        .fails(&early, &["switched off but not deleted", "--now"])
        .await;
    world.cloud.travel(MINUTE);
    let deleted = operator.json(&delete).await;
    assert_eq!(deleted["posts_left"], 0);
    assert_eq!(operator.item().await, None);
    world.cloud.travel(MINUTE);
    let session = world.session(&incident);
    assert_eq!(post(&world, &new_url, &session).await.0, 404);
    let shown = operator
        .json(&["sessions", "show", "acme", &first.id])
        .await;
    assert_eq!(shown["posts"][0]["state"], "delivered");
    assert_eq!(shown["record"].get("url"), None);
    operator
        .fails(&["tenant", "show", "acme"], &["no tenant acme"])
        .await;

    // A new tenant of the same name gets none of its secrets.
    let again = operator.create().await;
    assert_ne!(again["api_key"], created["api_key"]);
    assert_eq!(operator.secret("token").await, json!({}));
    assert_eq!(
        operator
            .secret("credentials")
            .await
            .get("oauth-client-secret"),
        None
    );
}
