//! `rescue-connector token …` against the embedded cloud (docs/command-line.md and docs/architecture.md#rule-6).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use admin::AdminError;
use admin::token::{TokenStatus, rotate, status};
use local::aws::Service;
use local::demo_tenant::{CLIENT_ID, TENANT};
use local::rescue::Phase;
use serde_json::{Value, json};
use shared::aws::secret_store::TokenSecret;
use tests::settings::with_line;
use tests::tokens::demo;
use tests::{World, assert_contains};

use super::command_line::{CommandLine, text};

const DAY: u64 = 24 * 3600;
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

/// The current value of the token secret.
async fn token(world: &World) -> Value {
    let read = world.cloud.stack.secrets.get_secret_value();
    let read = read.secret_id(world.token_secret()).send();
    let answer = read.await.expect("the secret is there");
    serde_json::from_str(answer.secret_string().expect("a text")).expect("JSON")
}

/// A rotation function that moves the token's end by a hundred days when that is requested, and fails otherwise.
fn rotate_as_requested(world: &World) {
    let (secrets, clock) = (world.cloud.stack.secrets.clone(), world.cloud.clock.clone());
    let secret = world.token_secret();
    world
        .cloud
        .aws
        .set_rotation_function(Arc::new(move |_, event| {
            let (secrets, clock, secret) = (secrets.clone(), clock.clone(), secret.clone());
            Box::pin(async move {
                let event: BTreeMap<String, String> =
                    serde_json::from_str(&event).expect("an event");
                let version = &event["ClientRequestToken"];
                let current = secrets.get_secret_value().secret_id(&secret);
                let current = current.send().await.expect("readable");
                match event["Step"].as_str() {
                    "createSecret" => {
                        let text = current.secret_string().expect("a text");
                        let mut token: Value = serde_json::from_str(text).expect("JSON");
                        if token["renew_now"] != true {
                            return Err("no renewal is requested".to_owned());
                        }
                        let ends = clock.now().plus(Duration::from_secs(100 * DAY));
                        token["expires_at"] = json!(ends.to_string());
                        token["source"] = json!("rotation");
                        token
                            .as_object_mut()
                            .expect("an object")
                            .remove("renew_now");
                        let put = secrets.put_secret_value().secret_id(&secret);
                        put.client_request_token(version)
                            .secret_string(token.to_string())
                            .version_stages("AWSPENDING")
                            .send()
                            .await
                            .expect("stored");
                    }
                    "finishSecret" => {
                        let move_label = |label: &str| {
                            let moved = secrets.update_secret_version_stage().secret_id(&secret);
                            moved.version_stage(label)
                        };
                        move_label("AWSCURRENT")
                            .remove_from_version_id(current.version_id().expect("an id"))
                            .move_to_version_id(version)
                            .send()
                            .await
                            .expect("moved");
                        // Left behind it would look like a rotation that is not over.
                        move_label("AWSPENDING")
                            .remove_from_version_id(version)
                            .send()
                            .await
                            .expect("removed");
                    }
                    _ => {}
                }
                Ok(())
            })
        }));
}

async fn shown(world: &World) -> TokenStatus {
    status(&world.cloud.stack, &demo()).await.expect("shown")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_shows_the_state_of_the_token_and_never_the_token() {
    let world = World::start().await;
    world.cancel_rotation().await;
    let operator = CommandLine::by_outputs(&world);
    let status = ["token", "status", TENANT, "--output", "json"];
    let ended = operator.run(&status).await;
    let secret = token(&world).await;
    let refresh_token = secret["refresh_token"].as_str().expect("set");
    assert_eq!(
        ended.json(),
        json!({
            "tenant": TENANT,
            "grant": "refresh_token",
            "state": "healthy",
            "issued_at": secret["issued_at"],
            "expires_at": secret["expires_at"],
            "days_left": 99,
            "source": "secrets-set",
            "client_id": CLIENT_ID,
            "own_client": false,
            "renews_itself": false,
            "not_renewed_because": "there is no rotation schedule; `rescue-connector tenant apply FILE` sets it",
            "rotation": {"enabled": false},
        })
    );
    let table = operator.run(&status[..3]).await;
    table.assert_stdout(&["healthy, but nothing renews it"]);
    world.schedule_rotation().await;
    world.cloud.servicenow.revoke(refresh_token);
    let session = world.session(&world.incident());
    world.post_and_deliver(&session, Phase::Start).await;
    let table = operator.succeeds(&status[..3]).await;
    table.assert_stdout(&[
        "reauthorization-needed",
        "rate(1 day)",
        "paused until",
        "expired or was revoked",
        "secrets set demo refresh-token",
        "of the tenant file",
    ]);
    let json = operator.run(&status).await;
    assert_eq!(json.json()["state"], "reauthorization-needed");
    assert_eq!(json.json()["pause"]["reason"], "reauthorization-needed");
    assert!(json.json()["rotation"]["next_rotation_at"].is_string());
    for shown in [ended, table, json] {
        assert!(!shown.all().contains(refresh_token), "{}", shown.all());
    }
}

/// docs/architecture.md#rule-6.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_less_than_14_days_left_expires_soon_and_client_credentials_need_none() {
    let world = World::start().await;
    for (days, state, left) in [
        (85, "healthy", 14),
        (1, "expires-soon", 13),
        (14, "reauthorization-needed", 0),
    ] {
        world.cloud.travel(Duration::from_secs(days * DAY));
        let status = shown(&world).await;
        assert_eq!(
            (status.state.as_str(), status.days_left),
            (state, Some(left))
        );
    }
    let grant = "grant = \"client_credentials\"";
    let world = World::with_settings(|file| with_line(&file, "servicenow", grant)).await;
    assert_eq!(shown(&world).await.state.as_str(), "not-needed");
    let no_token = rotate(&world.cloud.stack, &demo(), SHORT).await;
    assert_matches!(no_token, Err(AdminError::NoToken(_)));
}

/// `token rotate` renews now, due or not (the token secret carries the request).
#[tokio::test(flavor = "multi_thread")]
async fn token_rotate_renews_at_once_and_prints_the_new_expiry() {
    let world = World::start().await;
    world.schedule_rotation().await;
    rotate_as_requested(&world);
    let operator = CommandLine::by_outputs(&world);
    let done = rotate(&world.cloud.stack, &demo(), LONG).await;
    let done = done.expect("renewed");
    let after = token(&world).await;
    assert!(done.renewed);
    assert_eq!(json!(done.expires_at), after["expires_at"]);
    assert_eq!(done.days_left, Some(99));
    assert_eq!(after["source"], "rotation");
    assert_eq!(after.get("renew_now"), None);
    let status = shown(&world).await;
    assert_eq!(status.source.as_deref(), Some("rotation"));
    assert!(status.rotation.last_rotated_at.is_some());

    // Once more, from the terminal.
    let rotate = ["token", "rotate", TENANT, "--output", "json"];
    let ended = operator.run(&rotate).await;
    let answer = ended.json();
    assert_eq!(answer["tenant"], TENANT);
    assert_eq!(answer["expires_at"], token(&world).await["expires_at"]);
    let refresh_token = after["refresh_token"].as_str().expect("set");
    assert!(!ended.all().contains(refresh_token));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_fails_leaves_the_token_and_says_where_to_look() {
    let world = World::start().await;
    world.schedule_rotation().await;
    let stack = &world.cloud.stack;
    world.cloud.aws.set_rotation_function(Arc::new(|_, _| {
        Box::pin(async { Err("ServiceNow is out of reach".to_owned()) })
    }));
    let before = token(&world).await;
    let failed = rotate(stack, &demo(), SHORT).await.expect_err("it fails");
    let expected = ["the old one stays in use", "log of rotate-tokens"];
    assert_contains(&failed.to_string(), &expected);
    let after = token(&world).await;
    assert_eq!(after["refresh_token"], before["refresh_token"]);
    assert_eq!(after["renew_now"], true, "the request stays");

    let busy = rotate(stack, &demo(), SHORT).await.expect_err("busy");
    assert_matches!(busy, AdminError::RotationBusy(_));

    // What Secrets Manager tries again by itself fulfils the request.
    rotate_as_requested(&world);
    world.cloud.travel(local::aws::ROTATION_RETRY);
    world.cloud.aws.tick().await;
    assert_eq!(token(&world).await["source"], "rotation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_without_a_schedule_is_refused_before_anything_is_changed_and_a_missing_permission_is_named()
 {
    let world = World::start().await;
    world.cancel_rotation().await;
    let operator = CommandLine::by_outputs(&world);
    let rotate = ["token", "rotate", TENANT];
    let before = token(&world).await;
    for command in ["rotate", "status"] {
        let unknown = ["token", command, "unknown"];
        operator.fails(&unknown, &["no tenant unknown"]).await;
    }
    let no_schedule = ["no rotation schedule", "RotateTokensFunctionArn"];
    operator.fails(&rotate, &no_schedule).await;
    assert_eq!(token(&world).await, before);

    world.schedule_rotation().await;
    for operation in [
        "DescribeSecret",
        "RotateSecret",
        "PutSecretValue",
        "UpdateSecretVersionStage",
    ] {
        world.refuse_aws(Service::SecretsManager, operation, "AccessDeniedException");
        let permission = format!("your role needs the permission secretsmanager:{operation}");
        operator.fails(&rotate, &[&permission]).await;
    }

    let secrets = &world.cloud.stack.secrets;
    let emptied = secrets.put_secret_value().secret_id(world.token_secret());
    emptied.secret_string("{}").send().await.expect("emptied");
    assert_eq!(shown(&world).await.state.as_str(), "none");
    let no_token = ["has no refresh token yet", "secrets set demo"];
    operator.fails(&rotate, &no_token).await;
}

/// A version that was labelled by hand keeps Secrets Manager from beginning any rotation.
#[tokio::test(flavor = "multi_thread")]
async fn a_pending_version_that_no_rotation_made_is_named_with_the_way_out() {
    let world = World::start().await;
    world.schedule_rotation().await;
    let secrets = &world.cloud.stack.secrets;
    let put = secrets.put_secret_value().secret_id(world.token_secret());
    let put = put
        .secret_string("left behind")
        .version_stages("AWSPENDING");
    let version = put.send().await.expect("put").version_id.expect("an id");
    let operator = CommandLine::by_outputs(&world);
    let before = token(&world).await;
    let remedy = format!("--version-stage AWSPENDING --remove-from-version-id {version}");
    let rotate = ["token", "rotate", TENANT];
    operator
        .fails(&rotate, &["nothing was changed", &remedy])
        .await;
    assert_eq!(token(&world).await, before);
    let status = operator.json(&["token", "status", TENANT]).await;
    assert_eq!(status["rotation"]["blocked_by"], version);
    assert_eq!(status["renews_itself"], false);
    let doctor = operator.run(&["doctor", TENANT, "--output", "json"]).await;
    let report: Value = serde_json::from_str(&doctor.stdout).expect("JSON");
    let checks = report["checks"].as_array().expect("checks");
    let rotation = checks.iter().find(|check| check["id"] == "rotation");
    let rotation = rotation.expect("a check");
    assert_eq!(rotation["status"], "failed");
    assert_contains(text(rotation, "/remedy"), &[&remedy]);

    // The remedy works.
    let moved = secrets
        .update_secret_version_stage()
        .secret_id(world.token_secret());
    moved
        .version_stage("AWSPENDING")
        .remove_from_version_id(&version)
        .send()
        .await
        .expect("removed");
    rotate_as_requested(&world);
    assert_eq!(operator.json(&rotate).await["renewed"], true);
}

/// With the function that the template deploys.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_on_the_spot_by_the_rotation_itself() {
    let world = World::start().await;
    world.cloud.travel(Duration::from_secs(DAY / 2));
    let done = rotate(&world.cloud.stack, &demo(), LONG).await;
    let done = done.expect("renewed");
    assert!(done.renewed);
    let after = world.current_token().await.token;
    assert_eq!(after.source.as_deref(), Some("rotation"));
    assert!(!after.renew_now);
    assert_eq!(done.expires_at, after.expires_at);
    assert_eq!(world.cloud.servicenow.grants().password, 1);
    world.working_token().await;
}

/// Decision 0012: a renewal that is requested during a rotation costs neither the pending token nor the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_requested_during_a_rotation_loses_neither_the_pending_token_nor_the_request() {
    let world = World::start().await;
    let before = world.current_token().await;
    for renewed in [false, true] {
        let current = world.current_token().await;
        let mut pending = TokenSecret {
            derived_from: Some(current.version_id.clone()),
            ..current.token
        };
        if renewed {
            let ends = world.cloud.clock.now().plus(Duration::from_secs(101 * DAY));
            pending.expires_at = Some(ends);
        }
        let version = world.begin_rotation(&pending).await;
        let busy = rotate(&world.cloud.stack, &demo(), SHORT).await;
        assert_matches!(busy, Err(AdminError::RotationBusy(_)));
        for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
            world.step(step, &version).await.expect(step);
        }
        let after = world.current_token().await.token;
        assert_eq!(after.renew_now, !renewed);
        assert_eq!(after.expires_at, pending.expires_at);
        world.assert_nothing_is_pending().await;
        world.rotate_tomorrow().await;
        assert!(!world.current_token().await.token.renew_now);
    }
    assert!(world.current_token().await.token.expires_at > before.token.expires_at);
    world.working_token().await;
}
