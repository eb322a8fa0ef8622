//! Secrets and customers' texts are not in logs, ledger, URLs or answers (docs/architecture.md#rule-8). The tests mark each
//! of them and search for the marks.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::{Effect, InjectedAwsFault as AwsFault, Service};
use local::demo_tenant::{self, TECHNICIAN};
use local::rescue::{Phase, Session};
use local::servicenow::RefreshAnswer;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use serde_json::{Value, json};
use shared::domain::secret_name::SecretName;
use tests::injected::{self, denied};
use tests::settings_app::SettingsApp;
use tests::{HttpAnswer, World, request};

const CLIENT_SECRET: &str = "canary-client-secret";
const SERVICE_ACCOUNT_PASSWORD: &str = "canary-service-account-password";
const SSO_PASSWORD: &str = "canary-sso-password";
const API_TOKEN: &str = "canary-rescue-api-token";

/// Marks in texts of customers, vendors and unknown senders.
const TEXTS: [&str; 10] = [
    "canary-chat",
    "canary-note",
    "canary-customer",
    "canary-field",
    "canary-reference",
    "canary-unknown-variable",
    "canary-tracking",
    "canary-malformed",
    "canary-vendor-detail",
    "canary-wrong-key",
];

/// Replaces the demo's secrets by marked ones.
async fn mark_secrets(world: &World) {
    world
        .cloud
        .servicenow
        .add_registry("rescue-connector-demo", CLIENT_SECRET);
    let file = demo_tenant::file(&world.cloud);
    let secrets = [
        (SecretName::OauthClientSecret, CLIENT_SECRET),
        (SecretName::ServiceAccountPassword, SERVICE_ACCOUNT_PASSWORD),
        (SecretName::SsoPassword, SSO_PASSWORD),
        (SecretName::RescueApiToken, API_TOKEN),
    ];
    world
        .cloud
        .apply(&file, &secrets)
        .await
        .expect("the secrets are set");
}

/// The refresh token or the tracking key in a secret's JSON.
async fn secret_texts(world: &World, name: &str) -> Vec<String> {
    let stack = &world.cloud.stack;
    let answer = stack
        .secrets
        .get_secret_value()
        .secret_id(format!(
            "{}/{}/{name}",
            stack.secret_prefix,
            demo_tenant::TENANT
        ))
        .send()
        .await
        .expect("the secret is there");
    let json = answer.secret_string().expect("a text");
    let Ok(Value::Object(values)) = serde_json::from_str(json) else {
        panic!("not an object");
    };
    let kept = ["refresh_token", "tracking-key"];
    values
        .into_iter()
        .filter(|(key, _)| kept.contains(&key.as_str()))
        .filter_map(|(_, value)| value.as_str().map(str::to_owned))
        .collect()
}

/// Marks every text of a session.
fn marked(session: Session) -> Session {
    let mut session = session
        .with_customer("Paul canary-customer")
        .with_field("CField3", "canary-field")
        .with_field("TSurvey0", "canary-unknown-variable")
        .with_tracking0("sn1:inc:canary-tracking:0")
        .with_note("canary-note");
    session.say("Paul", "canary-chat");
    session
}

/// Delivers sessions with success and with every failure that logs.
async fn deliver_sessions(world: &World) {
    let incident = world.incident();
    let session = marked(world.session(&incident));
    world.post(&session, Phase::Start).await;
    world.post(&session, Phase::End).await;
    world.deliver().await;
    let notes = world.notes(&incident);
    assert_eq!(notes.len(), 2);
    assert!(notes[0].contains("canary-chat") && notes[1].contains("canary-note"));

    let detail = r#"{"error":{"message":"Operation Failed","detail":"canary-vendor-detail"},"status":"failure"}"#;
    let answered = |code| injected::json(code, detail);
    for action in [
        FaultAction::Unauthorized,
        answered(500),
        answered(502),
        answered(503),
        FaultAction::Html,
        FaultAction::TruncatedJson,
        FaultAction::CommitThenDrop,
        FaultAction::DropBefore,
        answered(403),
    ] {
        world.inject_once(RequestMatcher::of("PATCH", "/api/now/"), action);
        let incident = world.incident();
        let session = marked(world.session(&incident));
        world.post(&session, Phase::End).await;
        world.deliver().await;
        world.deliver_after(600).await;
        world.deliver_after(600).await;
    }
    world.cloud.servicenow.clear_faults();

    let invalid = marked(world.console_session()).with_field("CField1", "canary-reference 4711");
    world.post(&invalid, Phase::End).await;
    let missing = marked(world.console_session()).with_field("CField1", "INC9999999");
    world.post(&missing, Phase::End).await;
    world.deliver().await;

    for body in [
        "{\"SessionID\": \"7\", \"ChatLog\": \"canary-malformed",
        "ChatLog=canary-malformed",
        "SessionID=canary-malformed%2F&ChatLog=canary-chat",
    ] {
        let answer = HttpAnswer::to_post(world.ended.expose(), None, body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(!answer.body.contains("canary"), "{answer:?}");
    }
    let wrong = world.ended.expose().replace('?', "canary-wrong-key?");
    assert_eq!(
        HttpAnswer::to_post(&wrong, None, "SessionID=7")
            .await
            .status,
        404
    );

    let hang = Effect::Hang(Duration::from_secs(4));
    world
        .cloud
        .aws
        .inject(AwsFault::any(Service::Sqs, hang.clone()));
    let late = marked(world.session(&world.incident()));
    world.post(&late, Phase::Start).await;
    for service in [Service::DynamoDb, Service::SecretsManager] {
        let drops = AwsFault::any(service, Effect::DropBefore).times(2);
        world.cloud.aws.inject(drops);
    }
    world.deliver_after(600).await;
    world.cloud.aws.clear_faults();

    world.cloud.servicenow.revoke_access_tokens();
    let refusal = r#"{"error":"canary-vendor-detail","error_description":"canary-vendor-detail"}"#;
    world.inject_once(
        RequestMatcher::of("POST", "/oauth_token.do"),
        injected::json(401, refusal),
    );
    let last = marked(world.session(&world.incident()));
    world.post(&last, Phase::End).await;
    world.deliver_after(2000).await;
    world.deliver_after(4000).await;
}

/// The status with its checks, which succeed, fail and are refused by both vendors.
async fn see_status(world: &World) -> String {
    let app = SettingsApp::of_the_demo(world).await;
    let mut seen = Vec::new();
    let detail = r#"{"error":{"message":"Operation Failed","detail":"canary-vendor-detail"},"status":"failure"}"#;
    let again = || world.cloud.travel(Duration::from_secs(11));
    let lease = |effect| AwsFault::once(Service::DynamoDb, "UpdateItem", effect);
    world.cloud.aws.inject(lease(denied()));
    let query = format!("checks=true&technician={TECHNICIAN}");
    let refused = app.status_with(&query).await;
    refused.assert_refused(503, "storage-unavailable");
    seen.push(vec![refused.body.into()]);
    // The lease of the checks is taken, and not one that a check needs.
    world.cloud.aws.inject(lease(Effect::Hang(Duration::ZERO)));
    world.cloud.aws.inject(lease(denied()));
    for _ in 0..2 {
        seen.push(app.checks(TECHNICIAN).await);
        again();
    }
    world.inject_always(
        RequestMatcher::of("GET", "/api/now/"),
        injected::json(403, detail),
    );
    let vendor = FaultAction::text("SOMETHING canary-vendor-detail");
    let fault = InjectedFault::on(RequestMatcher::any())
        .always()
        .then(vendor);
    world.cloud.rescue.fault(fault);
    seen.push(app.checks(TECHNICIAN).await);
    world.cloud.servicenow.clear_faults();
    world.cloud.rescue.clear_faults();
    seen.push(vec![
        app.status_with("checks=canary-malformed").await.body.into(),
    ]);
    format!("{seen:?}")
}

/// Sends PIN requests that are refused and one that gets a PIN. Returns the API token that Rescue accepts.
async fn request_pins(world: &World) -> String {
    let mut pin_request = request(&world.incident());
    pin_request["customer"] =
        json!({"name": "canary-customer", "email": "canary-customer@acme.test"});
    pin_request["fields"] = json!({"cfield3": "canary-field"});
    let vendor = FaultAction::text("SOMETHING canary-vendor-detail");
    let fault = InjectedFault::on(RequestMatcher::path("/API/")).then(vendor);
    world.cloud.rescue.fault(fault);
    assert_eq!(
        world.request_pin(&pin_request).await.code(),
        "rescue-unavailable"
    );
    assert_eq!(
        world.request_pin(&pin_request).await.code(),
        "rescue-sign-in-refused"
    );
    let broken = json!({"technician": {"email": ["canary-malformed"]}, "canary-malformed": 1});
    assert_eq!(world.request_pin(&broken).await.code(), "invalid-request");

    let token = world.cloud.rescue.issue_api_token(TECHNICIAN);
    let file = demo_tenant::file(&world.cloud);
    let secrets = [(SecretName::RescueApiToken, token.as_str())];
    world.cloud.apply(&file, &secrets).await.expect("set");
    world.cloud.travel(Duration::from_secs(6));
    world.pin(&pin_request).await;
    token
}

async fn scan(world: &World, table: &str) -> String {
    let answer = world
        .cloud
        .stack
        .dynamodb
        .scan()
        .table_name(table)
        .send()
        .await
        .expect("the table can be read");
    let values = |value: &AttributeValue| format!("{value:?}");
    let items = answer.items().iter();
    let texts: Vec<String> = items
        .flat_map(|item| item.values().map(values).collect::<Vec<_>>())
        .collect();
    assert!(!texts.is_empty(), "{table} is empty");
    texts.join("\n")
}

/// At log level `TRACE` and after every failure that logs, no output, ledger entry or URL holds a secret or a customer's
/// text (docs/architecture.md#rule-8).
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_text_of_a_customer_is_ever_seen() {
    let world = World::start().await;
    mark_secrets(&world).await;
    let status = see_status(&world).await;
    assert!(status.contains("rescue-api-token"), "{status}");
    let token = request_pins(&world).await;
    deliver_sessions(&world).await;

    let mut secrets = vec![
        CLIENT_SECRET.to_owned(),
        SERVICE_ACCOUNT_PASSWORD.to_owned(),
        SSO_PASSWORD.to_owned(),
        API_TOKEN.to_owned(),
        token,
        world.api_key.expose().to_owned(),
    ];
    let (url, _) = world.ended.expose().split_once('?').expect("an event");
    let key = url.rsplit_once('/').expect("a key").1;
    secrets.push(key.to_owned());
    let refresh_token = secret_texts(&world, "token").await;
    assert_eq!(refresh_token.len(), 1);
    let tracking_key = secret_texts(&world, "credentials").await;
    assert_eq!(tracking_key.len(), 1);
    secrets.extend(refresh_token);
    secrets.extend(tracking_key);
    let requests = world.cloud.servicenow.requests();
    let mut access_tokens: Vec<String> = requests
        .iter()
        .filter_map(|request| request.authorization.as_deref())
        .map(|header| header.trim_start_matches("Bearer ").to_owned())
        .collect();
    access_tokens.sort_unstable();
    access_tokens.dedup();
    assert!(access_tokens.len() > 1, "a token was renewed");
    secrets.extend(access_tokens);
    secrets.extend(world.cloud.rescue.pins().into_iter().map(|pin| pin.code));

    let output = world.output();
    for expected in [
        "post accepted",
        "post given up",
        "post finished",
        "reauthorization-needed",
        "servicenow-refused",
        "malformed-body",
        "invalid-reference",
        "record-not-found",
        "PIN generated",
        "rescue-sign-in-refused",
    ] {
        assert!(
            output.contains(expected),
            "the output has no {expected:?}:\n{output}"
        );
    }
    let urls: Vec<String> = requests
        .iter()
        .map(|request| format!("{}?{}", request.path, request.raw_query))
        .collect();
    let ledger = scan(&world, &world.cloud.stack.sessions_table).await;
    let places = [
        ("the functions' output", output),
        ("the status", status),
        ("the ledger", ledger),
        ("the URLs sent to ServiceNow", urls.join("\n")),
    ];
    for (place, text) in &places {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{place} holds {secret}");
        }
        for mark in TEXTS {
            let line = text.lines().find(|line| line.contains(mark));
            assert_eq!(line, None, "{place} holds {mark}");
        }
    }
    let credentials = scan(&world, &world.cloud.stack.credentials_table).await;
    for mark in TEXTS {
        assert!(!credentials.contains(mark), "the credentials table: {mark}");
    }
    assert_eq!(world.cloud.servicenow.violations(), Vec::<String>::new());
    assert_eq!(world.cloud.rescue.violations(), Vec::<String>::new());
}

/// Tokens and client secrets of all versions of the token secret.
async fn tokens_of_all_versions(world: &World) -> Vec<String> {
    let stack = &world.cloud.stack;
    let list = stack.secrets.list_secret_version_ids();
    let list = list
        .secret_id(world.token_secret())
        .include_deprecated(true);
    let listed = list.send().await.expect("versions");
    let mut found = Vec::new();
    for version in listed.versions() {
        let read = stack
            .secrets
            .get_secret_value()
            .secret_id(world.token_secret());
        let read = read.set_version_id(version.version_id.clone()).send();
        let Ok(read) = read.await else { continue };
        let json: Value =
            serde_json::from_str(read.secret_string().expect("a text")).expect("JSON");
        let secrets = ["refresh_token", "access_token", "client_secret"];
        let texts = secrets.iter().filter_map(|name| json[*name].as_str());
        found.extend(texts.map(str::to_owned));
    }
    found
}

/// The same for tokens, after rotations and hand-overs with success and with failure.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_of_a_rotation_or_a_hand_over_is_ever_seen() {
    let world = World::start().await;
    mark_secrets(&world).await;
    let instance = &world.cloud.servicenow;
    let item = instance.add_requested_item(&[]);
    let body = |token: &str, secret: &str| {
        json!({"refresh_token": token, "client_id": "canary-client", "client_secret": secret,
            "request_item": {"sys_id": item.sys_id}})
    };
    instance.configure(|rules| rules.refresh_answer = RefreshAnswer::Replaced);
    world.rotate_tomorrow().await;
    instance.add_registry("canary-client", "canary-own-secret");
    let handed_over = instance.issue_refresh_token("canary-client", demo_tenant::SERVICE_ACCOUNT);
    let good = body(&handed_over, "canary-own-secret");
    assert_eq!(world.hand_over(&good).await.status, 200);
    let bad = body("canary-bad-token", "canary-bad-secret");
    let mut answers = vec![world.hand_over(&bad).await.body];
    let refusal = injected::json(401, r#"{"error":"canary-vendor-detail"}"#);
    for action in [refusal, FaultAction::Html, FaultAction::DropBefore] {
        world.inject_once(RequestMatcher::of("POST", "/oauth_token.do"), action);
        answers.push(world.hand_over(&good).await.body);
    }
    for operation in ["PutSecretValue", "UpdateSecretVersionStage"] {
        let fault = AwsFault::once(Service::SecretsManager, operation, denied());
        world.cloud.aws.inject(fault);
        answers.push(world.hand_over(&good).await.body);
    }
    world.rotate_tomorrow().await;
    world.cloud.travel(Duration::from_secs(60 * 24 * 3600));
    world.rotate().await;
    instance.revoke(world.working_token().await.expose());
    let account = local::servicenow::User::service_account(demo_tenant::SERVICE_ACCOUNT, "changed");
    instance.add_user(account);
    world.rotate_tomorrow().await;

    let mut secrets = tokens_of_all_versions(&world).await;
    assert!(secrets.len() > 8, "{}", secrets.len());
    secrets.extend(
        [
            CLIENT_SECRET,
            SERVICE_ACCOUNT_PASSWORD,
            "canary-own-secret",
            "canary-bad",
            "canary-vendor-detail",
            &handed_over,
            world.api_key.expose(),
        ]
        .map(str::to_owned),
    );
    let output = world.output();
    for expected in [
        "refresh token stored",
        "token-refused",
        "servicenow-unavailable",
        "storage-unavailable",
        "reauthorization-needed",
        "rotation finished",
        "RefreshTokenDaysLeft",
        "RotationFailed",
    ] {
        assert!(
            output.contains(expected),
            "the output has no {expected:?}:\n{output}"
        );
    }
    let requests = instance.requests();
    let urls: Vec<String> = requests
        .iter()
        .map(|request| format!("{}?{}", request.path, request.raw_query))
        .collect();
    let places = [
        ("the functions' output", output),
        ("the answers", answers.join("\n")),
        ("the URLs sent to ServiceNow", urls.join("\n")),
        (
            "the notes",
            instance.work_notes("sc_req_item", &item.sys_id).join("\n"),
        ),
    ];
    for (place, text) in &places {
        for secret in &secrets {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{place} holds {secret}");
        }
    }
    assert_eq!(instance.violations(), Vec::<String>::new());
}
