//! `tenant-settings`: a ServiceNow administrator sets a tenant up with a one-time code and changes it (decision 0013).

use std::time::Duration;

use admin::tenant::{SetUpLink, invite};
use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::demo_tenant::{
    CLIENT_ID, CLIENT_SECRET, SERVICE_ACCOUNT, SERVICE_ACCOUNT_PASSWORD, TENANT,
};
use local::rescue::{Format, Phase};
use reqwest::Method;
use serde_json::{Value, json};
use shared::aws::credentials::token_lease_key;
use shared::domain::tenant::TenantId;
use tests::injected::denied;
use tests::settings_app::{SettingsApp, api_url};
use tests::{HttpAnswer, World, settings};

const INSTANCE: &str = "https://globex.service-now.com";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn globex() -> TenantId {
    TenantId::parse("globex").expect("valid")
}

async fn link(world: &World) -> SetUpLink {
    let link = invite(&world.cloud.stack, &globex(), Some(INSTANCE), DAY, true).await;
    link.expect("a link")
}

/// The code of a link: `{ApiUrl}/#{tenant}.{code}`.
fn code(link: &SetUpLink) -> String {
    let (_, code) = link
        .setup_link
        .expose()
        .rsplit_once("/#globex.")
        .expect("the link's form");
    code.to_owned()
}

async fn enrol(world: &World, tenant: &str, code: &str, instance: &str) -> HttpAnswer {
    let app = SettingsApp {
        world,
        tenant: tenant.to_owned(),
        key: code.to_owned(),
    };
    let body = json!({"instance": instance});
    app.call(Method::POST, &format!("enrolment/{tenant}"), None, body)
        .await
}

/// A tenant that was invited and has enrolled.
async fn enrolled(world: &World) -> (SettingsApp<'_>, Value) {
    let answer = enrol(world, "globex", &code(&link(world).await), INSTANCE).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let key = answer.json()["api_key"].as_str().expect("a key").to_owned();
    let app = SettingsApp {
        world,
        tenant: "globex".to_owned(),
        key,
    };
    (app, answer.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_link_becomes_an_api_key_and_webhook_urls_once() {
    let world = World::start().await;
    let link = link(&world).await;
    assert!(link.created);
    let other = enrol(
        &world,
        "globex",
        &code(&link),
        "https://acme.service-now.com",
    )
    .await;
    other.assert_refused(409, "instance-mismatch");
    let answer = enrol(&world, "globex", &code(&link), &format!("{INSTANCE}/")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let enrolled = answer.json();
    assert_eq!(enrolled["scopes"], json!(["pin", "token", "settings"]));
    let url = enrolled["webhook_urls"]["ended"].as_str().expect("a URL");
    assert!(url.starts_with(api_url(&world)), "{url}");
    assert_eq!(
        HttpAnswer::to_get(url).await.status,
        204,
        "the key in it works"
    );

    let used = enrol(&world, "globex", &code(&link), INSTANCE).await;
    let wrong = enrol(&world, "globex", "wrong", INSTANCE).await;
    let unknown = enrol(&world, "initech", &code(&link), INSTANCE).await;
    let [used, wrong, unknown] = [used, wrong, unknown].map(|refused| {
        refused.assert_refused(401, "unauthorized");
        let mut problem = refused.json();
        problem["request_id"] = Value::Null;
        problem
    });
    assert_eq!(
        (&used, &used),
        (&wrong, &unknown),
        "one and the same answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_enrolments_one_succeeds_and_two_live_keys_leave_the_code_valid() {
    let world = World::start().await;
    let first = link(&world).await;
    let code_of_first = code(&first);
    let (one, two) = tokio::join!(
        enrol(&world, "globex", &code_of_first, INSTANCE),
        enrol(&world, "globex", &code_of_first, INSTANCE),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401]);
    assert_eq!(
        enrol(&world, "globex", &code(&link(&world).await), INSTANCE)
            .await
            .status,
        201
    );
    let third = link(&world).await;
    for _ in 0..2 {
        let refused = enrol(&world, "globex", &code(&third), INSTANCE).await;
        refused.assert_refused(409, "too-many-keys");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_in_the_history_with_its_author_and_without_values() {
    let world = World::start().await;
    let (app, enrolled) = enrolled(&world).await;
    app.set(json!({"sessions": {"columns": {"WorkTime": "time_worked"}}}))
        .await;
    assert_eq!(
        app.set_secret("sso-password", "tr0ub4dor&3").await.status,
        204
    );
    let tenant = world.cloud.stack.tenants().read(&globex()).await;
    let history = tenant.expect("read").expect("there").history;
    let changes: Vec<_> = history
        .iter()
        .map(|entry| (entry.who.as_str(), entry.pointers.join(" ")))
        .collect();
    assert_eq!(changes.len(), 4, "{changes:?}");
    assert_eq!(changes[0], ("rescue-connector", "/invitation".to_owned()));
    let key = format!("/keys/{}", enrolled["key_id"].as_str().expect("an id"));
    assert!(
        changes[1]
            .1
            .starts_with(&format!("/invitation {key} /keys/")),
        "{changes:?}"
    );
    assert_eq!(
        changes[2],
        ("ana.ruiz", "/sessions/columns/WorkTime".to_owned())
    );
    assert_eq!(changes[3], ("ana.ruiz", "/secrets/sso-password".to_owned()));
    assert!(!world.output().contains("ana.ruiz"), "no name in a log");
    let stored = format!("{history:?}");
    assert!(
        !stored.contains("time_worked") && !stored.contains("tr0ub"),
        "{stored}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_operator_may_change_is_refused_and_settings_have_a_size() {
    let world = World::start().await;
    let (app, _) = enrolled(&world).await;
    let before = app.settings().await;
    let version = before["version"].as_u64().expect("a version");
    let elsewhere = json!({"servicenow": {"instance": "https://evil.service-now.com"}});
    let refused = app.patch(version, elsewhere).await;
    refused.assert_refused(403, "operator-only");
    assert!(
        refused.json()["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("/servicenow/instance"))
    );
    let expected = json!([{
        "pointer": "/servicenow/instance",
        "detail": "only the operator can change this",
    }]);
    assert_eq!(refused.json()["errors"], expected);
    let large = json!({"servicenow": {"client_id": "x".repeat(70_000)}});
    app.patch(version, large)
        .await
        .assert_refused(400, "invalid-request");
    assert_eq!(app.settings().await, before);
}

/// The table fails between the secret and the tenant's item, or its answers are lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_repairs_what_a_failure_left_and_a_lost_answer_is_a_success() {
    let world = World::start().await;
    let put = |effect| AwsFault::once(Service::DynamoDb, "UpdateItem", effect);
    let first = link(&world).await;
    world.cloud.aws.inject(put(Effect::DropAfter));
    let enrolled = enrol(&world, "globex", &code(&first), INSTANCE).await;
    assert_eq!(enrolled.status, 201, "{enrolled:?}");
    let app = SettingsApp {
        world: &world,
        tenant: "globex".to_owned(),
        key: enrolled.json()["api_key"]
            .as_str()
            .expect("a key")
            .to_owned(),
    };
    assert_eq!(
        app.settings().await["webhook_keys"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    world.cloud.aws.inject(put(denied()));
    app.set_secret("sso-password", "some-secret")
        .await
        .assert_refused(503, "storage-unavailable");
    assert_eq!(
        app.settings().await["secrets"]["sso-password"]["set"],
        false
    );
    assert_eq!(
        app.set_secret("sso-password", "some-secret").await.status,
        204
    );
    assert_eq!(app.settings().await["secrets"]["sso-password"]["set"], true);

    world.cloud.aws.inject(put(Effect::DropAfter));
    let changed = app.set(json!({"language": "de"})).await;
    assert_eq!(changed["settings"]["language"], "de");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_set_at_once_are_all_set() {
    let world = World::start().await;
    let (app, _) = enrolled(&world).await;
    let names = [
        "sso-password",
        "rescue-api-token",
        "service-account-password",
    ];
    let set = names.map(|name| app.set_secret(name, "some-secret"));
    for answer in futures::future::join_all(set).await {
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    let shown = app.settings().await;
    for name in names {
        assert_eq!(shown["secrets"][name]["set"], true, "{name}");
    }
    let secrets = admin_secrets(&world).await;
    assert_eq!(
        secrets.len(),
        names.len() + 1,
        "and the tracking key: {secrets:?}"
    );
}

/// The names in the tenant's secret.
async fn admin_secrets(world: &World) -> Vec<String> {
    let stack = &world.cloud.stack;
    let name = shared::aws::secret_store::tenant_secrets_name(&stack.secret_prefix, &globex());
    let read = stack
        .secrets
        .get_secret_value()
        .secret_id(name)
        .send()
        .await
        .expect("read");
    let json: Value = serde_json::from_str(read.secret_string().expect("text")).expect("JSON");
    json.as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_link_ends_the_first_and_a_link_expires() {
    let world = World::start().await;
    let first = link(&world).await;
    let second = link(&world).await;
    assert!(!second.created);
    enrol(&world, "globex", &code(&first), INSTANCE)
        .await
        .assert_refused(401, "unauthorized");
    world.cloud.travel(DAY);
    enrol(&world, "globex", &code(&second), INSTANCE)
        .await
        .assert_refused(401, "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_tenant_shows_every_default_and_takes_settings_in_parts() {
    let world = World::start().await;
    let (app, _) = enrolled(&world).await;
    let shown = app.settings().await;
    assert_eq!(shown["managed_by"], "servicenow");
    assert_eq!(shown["settings"]["rescue"]["company_id"], "");
    assert_eq!(shown["settings"]["sessions"]["publish"], "all");
    assert_eq!(
        shown["secrets"]["sso-password"],
        json!({"set": false, "changed_at": null})
    );
    assert_eq!(shown["webhook_keys"].as_array().map(Vec::len), Some(1));
    let changed = app.set(json!({"rescue": {"company_id": "112938"}})).await;
    assert_eq!(changed["settings"]["rescue"]["company_id"], "112938");
    assert_eq!(
        changed["version"].as_u64(),
        shown["version"].as_u64().map(|version| version + 1)
    );
    let refused = app
        .patch(
            changed["version"].as_u64().expect("a number"),
            json!({"sessions": {"publish": "some"}}),
        )
        .await;
    refused.assert_refused(422, "invalid-settings");
    assert_eq!(
        refused.json()["errors"],
        json!([{"pointer": "/sessions/publish", "detail": "must be one of all, selected, none"}])
    );
    assert_eq!(app.settings().await, changed, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_one_changes_the_settings_and_the_other_is_told() {
    let world = World::start().await;
    let (app, _) = enrolled(&world).await;
    let version = app.settings().await["version"].as_u64().expect("a version");
    let (one, two) = tokio::join!(
        app.patch(version, json!({"language": "de"})),
        app.patch(version, json!({"language": "fr"})),
    );
    let (won, lost) = if one.status == 200 {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(won.status, 200, "{won:?}");
    lost.assert_refused(412, "settings-changed");
    assert_eq!(
        app.settings().await["settings"]["language"],
        won.json()["settings"]["language"]
    );
    let path = "settings/globex";
    let blind = app
        .call(Method::PATCH, path, None, json!({"language": "it"}))
        .await;
    blind.assert_refused(428, "if-match-required");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_a_tenant_file_are_read_and_not_changed() {
    let world = World::start().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let shown = app.settings().await;
    assert_eq!(shown["managed_by"], "file");
    let version = shown["version"].as_u64().expect("a version");
    app.patch(version, json!({"language": "de"}))
        .await
        .assert_refused(409, "managed-by-file");
    assert_eq!(
        app.set_secret("sso-password", "another-password")
            .await
            .status,
        204
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_set_and_shown_by_its_name_and_time_alone() {
    let world = World::start().await;
    let (app, _) = enrolled(&world).await;
    assert_eq!(
        app.set_secret("sso-password", "tr0ub4dor&3").await.status,
        204
    );
    assert_eq!(
        app.set_secret("service-account-password", "correct horse")
            .await
            .status,
        204
    );
    let shown = app.settings().await;
    for (name, set) in [
        ("sso-password", true),
        ("service-account-password", true),
        ("rescue-api-token", false),
    ] {
        assert_eq!(shown["secrets"][name]["set"], set, "{name}");
        assert_eq!(
            shown["secrets"][name]["changed_at"].is_string(),
            set,
            "{name}"
        );
    }
    app.set_secret("refresh-token", "x")
        .await
        .assert_refused(404, "not-found");
    app.set_secret("tracking-key", "x")
        .await
        .assert_refused(404, "not-found");
    let refused = app
        .set_secret("oauth-client-secret", "{\"client_secret\":\"tr0ub\"}")
        .await;
    refused.assert_refused(422, "invalid-settings");
    assert_eq!(
        refused.json()["errors"][0]["pointer"],
        "/secrets/oauth-client-secret"
    );
    let said = format!("{refused:?} {shown} {}", world.output());
    for secret in ["tr0ub", "correct horse"] {
        assert!(!said.contains(secret), "{secret} is shown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_urls_are_renewed_and_the_last_ones_stay() {
    let world = World::start().await;
    let (app, enrolled) = enrolled(&world).await;
    let old = enrolled["webhook_urls"]["started"].as_str().expect("a URL");
    let path = "webhook-keys/globex";
    let old_id = app.settings().await["webhook_keys"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let retire = async |id: &str| {
        app.call(Method::DELETE, &format!("{path}/{id}"), None, Value::Null)
            .await
    };
    retire(&old_id).await.assert_refused(409, "last-key");
    let added = app.call(Method::POST, path, None, Value::Null).await;
    assert_eq!(added.status, 201, "{added:?}");
    app.call(Method::POST, path, None, Value::Null)
        .await
        .assert_refused(409, "too-many-keys");
    let new = added.json()["webhook_urls"]["started"]
        .as_str()
        .expect("a URL")
        .to_owned();
    for url in [old, &new] {
        assert_eq!(HttpAnswer::to_get(url).await.status, 204);
    }
    assert_eq!(retire(&old_id).await.status, 204);
    retire(&old_id).await.assert_refused(404, "not-found");
    world.cloud.travel(Duration::from_secs(61));
    assert_eq!(HttpAnswer::to_get(old).await.status, 404);
    assert_eq!(HttpAnswer::to_get(&new).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_counts_posts_and_says_how_the_token_is() {
    let world = World::with_settings(|file| settings::console_sessions(&file, "ignore")).await;
    let incident = world.incident();
    world.post(&world.session(&incident), Phase::Start).await;
    world.deliver().await;
    world.post(&world.console_session(), Phase::Start).await;
    world.deliver().await;
    let app = SettingsApp::of_the_demo(&world).await;
    let status = app.status().await;
    assert_eq!(status["tenant"], TENANT);
    assert_eq!(
        (&status["enabled"], &status["paused"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        status["posts"]["last_day"],
        json!({"delivered": 1, "waiting": 0, "failed": 0, "unmatched": 1, "ignored": 0})
    );
    assert!(status["posts"]["last_received_at"].is_string(), "{status}");
    assert_eq!(
        (&status["token"]["state"], &status["token"]["renews_itself"]),
        (&json!("healthy"), &json!(true))
    );
    let vendors = world.cloud.servicenow.requests().len();
    app.status().await;
    assert_eq!(
        world.cloud.servicenow.requests().len(),
        vendors,
        "no vendor is called"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_key_with_the_scope_opens_the_settings_and_a_tenant_that_is_off_can_be_switched_on()
{
    let world = World::start().await;
    let (app, _) = enrolled(&world).await;
    let off = app.set(json!({"enabled": false})).await;
    assert_eq!(off["settings"]["enabled"], false);
    assert_eq!(
        app.set(json!({"enabled": true})).await["settings"]["enabled"],
        true
    );
    let without = SettingsApp {
        world: &world,
        tenant: TENANT.to_owned(),
        key: world.api_key.expose().to_owned(),
    };
    let path = format!("settings/{TENANT}");
    without
        .call(Method::GET, &path, None, Value::Null)
        .await
        .assert_refused(401, "unauthorized");
    let other_tenant = app.call(Method::GET, &path, None, Value::Null).await;
    other_tenant.assert_refused(401, "unauthorized");
}

/// A running process uses the settings that it has read for a minute.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_were_corrected_meanwhile_do_not_pause_the_tenant_once_more() {
    let world = World::start().await;
    let instance = world.cloud.servicenow.url();
    let link = invite(&world.cloud.stack, &globex(), Some(&instance), DAY, true).await;
    let code = code(&link.expect("a link"));
    let answer = enrol(&world, "globex", &code, &instance).await.json();
    let app = SettingsApp {
        world: &world,
        tenant: "globex".to_owned(),
        key: answer["api_key"].as_str().expect("a key").to_owned(),
    };
    app.set_secret("oauth-client-secret", CLIENT_SECRET).await;
    app.set_secret("service-account-password", SERVICE_ACCOUNT_PASSWORD)
        .await;
    let client = |id: &str| {
        json!({
            "servicenow": {"client_id": id, "grant": "password", "service_account": SERVICE_ACCOUNT},
            "sessions": {"reference_fields": ["CField1"]},
        })
    };
    app.set(client("another")).await;
    let incident = world.incident();
    let url = answer["webhook_urls"]["ended"].as_str().expect("a URL");
    let session = world.session(&incident);
    world
        .post_to(url, &session, Format::JsonFlat, Phase::End)
        .await;
    world.deliver().await;
    let paused = app.status().await;
    assert_eq!(paused["paused"]["reason"], "reauthorization-needed");

    app.set(client(CLIENT_ID)).await;
    world.deliver().await;
    assert_eq!(app.status().await["paused"], Value::Null);
    world.deliver_after(60).await;
    assert_eq!(world.notes(&incident).len(), 1);
}

/// A lease holder that is refused with the old settings pauses the tenant: not after that pause has been ended here.
#[tokio::test(flavor = "multi_thread")]
async fn what_decides_the_access_changes_while_no_other_process_uses_the_tenants_token() {
    let world = World::start().await;
    let (app, _) = enrolled(&world).await;
    let version = app.settings().await["version"].as_u64().expect("a version");
    let (credentials, lease) = (world.cloud.stack.credentials(), token_lease_key(&globex()));
    let length = Duration::from_secs(120);
    let taken = credentials.take_lease(&lease, "another", length).await;
    assert_eq!(taken, Ok(true));
    let client = json!({"servicenow": {"client_id": "another"}});
    let refused = app.patch(version, client.clone()).await;
    refused.assert_refused(503, "storage-unavailable");
    assert_eq!(
        app.settings().await["version"],
        version,
        "nothing is written"
    );

    let changed = app.patch(version, json!({"language": "de"})).await;
    assert_eq!(changed.status, 200, "other settings need no lease");
    let soon = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let read = app.settings().await;
        credentials.release_lease(&lease, "another").await;
        read
    };
    let (changed, before) = tokio::join!(app.patch(version + 1, client), soon);
    assert_eq!(before["version"], version + 1, "it waits for the lease");
    assert_eq!(changed.status, 200, "{changed:?}");
}
