//! Least privilege: each role allows the calls of its function and no more (docs/decisions/0010-permissions-are-evaluated.md).

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::iam::{Permissions, Request, trigger_of};
use local::aws::{ACCOUNT, Aws, Options, REGION, Resources, Service};
use local::cloud::TEMPLATE;
use local::demo_tenant::{
    CLIENT_ID, CUSTOMER, SERVICE_ACCOUNT, SERVICE_ACCOUNT_PASSWORD, TECHNICIAN, TENANT,
};
use local::rescue::{Format, Payload, Phase};
use local::servicenow::RefreshAnswer;
use local::simulator::{FaultAction, InjectedFault, RequestMatcher};
use local::template::document;
use serde_json::{Value, json};
use shared::domain::clock::Clock;
use tests::World;
use tests::injected::rate_limited;
use tests::reconciliation::reconciling;
use tests::settings::with_line;
use tests::settings_app::SettingsApp;

use super::{functions, properties, template};

/// Grants that no call of the tests needs, with the reason for each. `every` is every function.
const UNSEEN: &[(&str, &str, &str)] = &[
    (
        "every",
        "Trace: xray:PutTelemetryRecords",
        "Lambda's tracing",
    ),
    ("every", "Trace: xray:PutTraceSegments", "Lambda's tracing"),
    (
        "every",
        "WriteOwnLog: logs:CreateLogStream",
        "Lambda writes the log",
    ),
    (
        "every",
        "WriteOwnLog: logs:PutLogEvents",
        "Lambda writes the log",
    ),
    (
        "deliver-session",
        "WorkOffTheQueue: sqs:GetQueueAttributes",
        "Lambda's trigger looks at the queue before it reads from it",
    ),
    (
        "reconcile-sessions",
        "WorkOffTheQueue: sqs:GetQueueAttributes",
        "Lambda's trigger looks at the queue before it reads from it",
    ),
    (
        "deliver-session",
        "GoOnWaking: sqs:SendMessage",
        "a wake-up that runs out of time continues in another message",
    ),
];

/// The entries of `UNSEEN` for one function.
fn unseen(name: &str) -> BTreeSet<String> {
    let meant = UNSEEN
        .iter()
        .filter(|(who, ..)| ["every", name].contains(who));
    meant.map(|(_, grant, _)| (*grant).to_owned()).collect()
}

/// The permissions of the template, and what it creates in an AWS that is empty otherwise.
pub(super) async fn provisioned() -> (Permissions, Resources) {
    let options = Options {
        port: None,
        data: None,
        clock: Clock::system(0),
    };
    let aws = Aws::start(options).await.expect("started");
    let resources = aws.provision(&template()).await.expect("provisioned");
    let written = document(TEMPLATE).expect("YAML");
    let permissions = Permissions::of(&written, &template(), &resources);
    (permissions.expect("understood"), resources)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_function_is_allowed_and_every_grant_is_needed_or_has_a_reason() {
    let world = World::start().await;
    play(&world).await;
    let calls = world.cloud.aws.journal().calls();
    let permissions = world.cloud.aws.permissions().expect("enforced");
    for name in functions() {
        let callers = [name.clone(), trigger_of(&name)];
        let own = calls.iter().filter(|call| callers.contains(&call.caller));
        let requests: BTreeSet<Request> = own.flat_map(|call| permissions.requests(call)).collect();
        assert!(!requests.is_empty(), "{name} called nothing");
        for request in &requests {
            assert!(permissions.decide(&name, request), "{name}: {request:#?}");
        }
        let grants = permissions.grants(&name).iter();
        let idle = grants.filter(|grant| !requests.iter().any(|request| grant.covers(request)));
        let idle: BTreeSet<String> = idle
            .map(|grant| format!("{}: {}", grant.sid, grant.action))
            .collect();
        assert_eq!(idle, unseen(&name), "{name}");
    }
    // AWS's own key needs no grant; a key of the stack does.
    let made = calls.iter().filter(|call| call.operation == "CreateSecret");
    let keys: Vec<&Value> = made.map(|call| &call.request["KmsKeyId"]).collect();
    assert!(!keys.is_empty() && keys.iter().all(|key| key.is_null()));
}

/// A grant that names a wildcard is more than a function needs.
#[tokio::test]
async fn no_role_grants_more_than_named_actions_on_named_resources() {
    let (permissions, _) = provisioned().await;
    for name in functions() {
        for grant in permissions.grants(&name) {
            assert!(
                grant.allows && !grant.action.contains('*'),
                "{name}: {grant}"
            );
            let tracing = grant.action.starts_with("xray:");
            assert!(grant.resource != "*" || tracing, "{name}: {grant}");
        }
    }
}

/// Settings and secrets are an administrator's, who changes them through one function alone; no function creates secrets or
/// starts rotations.
#[tokio::test]
async fn only_tenant_settings_may_change_a_tenant_or_a_secret_that_an_administrator_sets() {
    let (permissions, _) = provisioned().await;
    let credentials = secret("rescue-connector", "acme", "credentials");
    let of_settings = ["UpdateItem", "PutSecretValue", "UpdateSecretVersionStage"];
    for name in functions() {
        // The schedule pages through all tenants.
        let may_scan = name == "reconcile-sessions";
        let may = |action: &str| name == "tenant-settings" && of_settings.contains(&action);
        for action in [
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "BatchWriteItem",
            "Scan",
        ] {
            let request = Request::new(format!("dynamodb:{action}"), table("TenantsTable"));
            assert_eq!(
                permissions.decide(&name, &request),
                may(action) || (may_scan && action == "Scan"),
                "{name}: {action}"
            );
        }
        for action in ["PutSecretValue", "UpdateSecretVersionStage", "DeleteSecret"] {
            let request = Request::new(format!("secretsmanager:{action}"), &credentials);
            assert_eq!(
                permissions.decide(&name, &request),
                may(action),
                "{name}: {action}"
            );
        }
        for action in [
            "CreateSecret",
            "RotateSecret",
            "DeleteSecret",
            "PutResourcePolicy",
        ] {
            let token = secret("rescue-connector", "acme", "token");
            let request = Request::new(format!("secretsmanager:{action}"), token);
            assert!(!permissions.decide(&name, &request), "{name}: {action}");
        }
    }
}

fn table(name: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
}

fn queue(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

fn secret(prefix: &str, tenant: &str, name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{prefix}/{tenant}/{name}-AbCdEf")
}

fn log(function: &str) -> String {
    let group = format!("/aws/lambda/rescue-connector/{function}");
    format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:one")
}

/// A KMS request that DynamoDB, SQS or another service makes on behalf of a function.
fn of_the_key(action: &str, via: &str) -> Request {
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/Key");
    let request = Request::new(format!("kms:{action}"), key);
    request.with("kms:ViaService", format!("{via}.{REGION}.amazonaws.com"))
}

#[tokio::test]
async fn another_stacks_tables_queues_secrets_keys_and_logs_are_denied() {
    let (permissions, _) = provisioned().await;
    let own = [
        (
            "deliver-session",
            Request::new("dynamodb:GetItem", table("CredentialsTable")),
        ),
        (
            "deliver-session",
            Request::new("dynamodb:UpdateItem", table("SessionsTable")),
        ),
        (
            "deliver-session",
            Request::new("sqs:ReceiveMessage", queue("SessionsQueue.fifo")),
        ),
        (
            "session-details",
            Request::new("sqs:SendMessage", queue("SessionsDlq.fifo")),
        ),
        (
            "session-details",
            Request::new("logs:PutLogEvents", log("session-details")),
        ),
        ("session-details", of_the_key("GenerateDataKey", "sqs")),
        ("generate-pin", of_the_key("Decrypt", "dynamodb")),
        (
            "generate-pin",
            Request::new(
                "secretsmanager:GetSecretValue",
                secret("rescue-connector", "acme", "credentials"),
            ),
        ),
    ];
    for (name, request) in &own {
        assert!(permissions.decide(name, request), "{name}: {request:?}");
        let foreign = [
            ("us-east-1", "eu-west-1"),
            (ACCOUNT, "111111111111"),
            ("Table", "TableOfAnother"),
            (".fifo", "OfAnother.fifo"),
            ("rescue-connector/", "rescue-connector-dev/"),
            ("key/Key", "key/KeyOfAnother"),
        ];
        for (here, there) in foreign {
            let mut request = request.clone();
            request.resource = request.resource.replace(here, there);
            let same = own.contains(&(name, request.clone()));
            assert!(
                same || !permissions.decide(name, &request),
                "{name}: {request:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_key_is_used_through_the_services_that_a_function_needs_and_never_directly() {
    let (permissions, _) = provisioned().await;
    for name in functions() {
        for action in [
            "Decrypt",
            "GenerateDataKey",
            "Encrypt",
            "DescribeKey",
            "CreateGrant",
        ] {
            let mut direct = of_the_key(action, "sqs");
            direct.context.clear();
            assert!(
                !permissions.decide(&name, &direct),
                "{name}: {action} directly"
            );
            for service in ["secretsmanager", "sns", "s3"] {
                let through = of_the_key(action, service);
                assert!(
                    !permissions.decide(&name, &through),
                    "{name}: {action}, {service}"
                );
            }
        }
        let writes = of_the_key("Encrypt", "dynamodb");
        assert!(!permissions.decide(&name, &writes), "{name}");
    }
    assert!(!permissions.decide("session-details", &of_the_key("Decrypt", "dynamodb")));
    assert!(!permissions.decide("generate-pin", &of_the_key("Decrypt", "sqs")));
}

#[tokio::test]
async fn a_function_writes_only_its_own_log_and_reads_no_dead_letter() {
    let (permissions, _) = provisioned().await;
    for name in functions() {
        for other in functions() {
            let request = Request::new("logs:PutLogEvents", log(&other));
            assert_eq!(
                permissions.decide(&name, &request),
                name == other,
                "{name} {other}"
            );
        }
        for dead_letters in ["SessionsDlq.fifo", "ReconcileDlq"] {
            for action in ["ReceiveMessage", "DeleteMessage", "PurgeQueue"] {
                let request = Request::new(format!("sqs:{action}"), queue(dead_letters));
                assert!(!permissions.decide(&name, &request), "{name}: {action}");
            }
        }
    }
}

/// Because of that every test of a function also tests its permissions.
#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_cloud_refuses_what_a_functions_role_does_not_allow() {
    let world = World::start().await;
    let get = async |caller: &str, table: &str, key: &[&str]| {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(world.cloud.aws.endpoint())
            .credentials_provider(Credentials::new(caller, "local", None, None, "test"))
            .http_client(shared::http::for_aws(
                shared::http::client(None).expect("an HTTP client"),
            ))
            .build();
        let mut request = aws_sdk_dynamodb::Client::from_conf(config).get_item();
        for name in key {
            request = request.key(*name, AttributeValue::S("none".to_owned()));
        }
        request.table_name(table).send().await
    };
    get("session-details", "TenantsTable", &["tenant"])
        .await
        .expect("allowed");
    let ledger = ["session", "entry"];
    let refused = get("session-details", "SessionsTable", &ledger).await;
    let refused = refused.expect_err("refused");
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    let message = refused.message().unwrap_or_default();
    assert!(
        message.contains("SessionDetailsRole/session-details"),
        "{message}"
    );
    assert!(
        message.contains("dynamodb:GetItem on resource"),
        "{message}"
    );
    let denied = world.cloud.aws.journal().calls().into_iter().rev();
    let denied = denied.map(|call| (call.service, call.status)).next();
    assert_eq!(denied, Some((Service::DynamoDb, Some(400))));
    get("local", "SessionsTable", &ledger)
        .await
        .expect("allowed");
}

/// The SAM transform makes a role, or adds to one, where a function does not name a role. `.ci/permissions.py` checks the
/// result of the transform.
#[test]
fn every_function_has_a_written_role_to_which_the_transform_adds_nothing() {
    let mut roles = BTreeSet::new();
    for function in template().functions {
        let written = properties(&function.logical_id);
        let role = written["Role"]["Fn::GetAtt"].as_str();
        assert!(roles.insert(role.map(str::to_owned)), "{role:?} twice");
        for adding in [
            "Policies",
            "PermissionsBoundary",
            "Connectors",
            "VpcConfig",
            "DeadLetterQueue",
        ] {
            assert_eq!(written[adding], Value::Null, "{adding}");
        }
    }
    let kinds = template().resources.into_values();
    let of_iam: BTreeSet<String> = kinds.filter(|kind| kind.contains("::IAM::")).collect();
    assert_eq!(of_iam, ["AWS::IAM::Role".to_owned()].into());
}

/// All that the functions do: posts taken and refused, deliveries, failures, pauses, looks, created records,
/// attachments, dead letters, a refresh that answers with another refresh token, waiting for a new one, and comparing with
/// Rescue's report.
pub(super) async fn play(world: &World) {
    let instance = &world.cloud.servicenow;
    instance.configure(|rules| rules.refresh_answer = RefreshAnswer::Replaced);
    let incident = world.incident();

    let mut session = world.session(&incident);
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    assert_eq!(world.notes(&incident).len(), 1);

    let unreadable = Payload {
        content_type: "application/json",
        body: "{\"no session\":".to_owned(),
    };
    let refused = world.cloud.rescue.send(world.url(Phase::End), &unreadable);
    assert_eq!(refused.await.expect("an answer").status, 400);

    let patch = || InjectedFault::on(RequestMatcher::of("PATCH", "/incident"));
    instance.fault(patch());
    session.say("Ana Ruiz", &"long ".repeat(10_000));
    world.post(&session, Phase::End).await;
    world.deliver().await;
    instance.fault(patch().then(rate_limited(60)));
    world.deliver_after(60).await;
    instance.fault(patch().then(FaultAction::CommitThenDrop));
    world.deliver_after(120).await;
    world.deliver_after(600).await;
    assert_eq!(instance.pending_faults(), 0);
    assert_eq!(world.notes(&incident).len(), 2);
    assert_eq!(instance.attachments(&incident.sys_id).len(), 1);

    let incidents = instance.records("incident").len();
    world.post(&world.console_session(), Phase::Start).await;
    world.deliver().await;
    assert_eq!(instance.records("incident").len(), incidents + 1);

    let lost = world.console_session().with_field("CField1", "INC9999999");
    let posted = world
        .cloud
        .rescue
        .post(world.url(Phase::End), &lost, Format::Xml, Phase::End);
    assert_eq!(posted.await.expect("an answer").status, 200);
    world.deliver_after(7200).await;
    assert_eq!(world.dead_letters().len(), 2);
    assert!(instance.grants().refresh_token >= 2);

    instance.revoke(&world.refresh_token());
    instance.revoke_access_tokens();
    world.post(&session, Phase::End).await;
    world.deliver_after(600).await;
    world.authorize().await;
    world.deliver_after(31).await;
    assert_eq!(world.notes(&incident).len(), 3);

    // By now the shared access token has expired: the record is looked up with a new one, and a new refresh token.
    world.cloud.travel(Duration::from_secs(3600));
    let request = json!({
        "technician": {"email": TECHNICIAN},
        "record": {"table": "incident", "number": incident.number},
        "customer": {"name": "Paul Martin", "email": CUSTOMER},
    });
    // A request that fails frees its key for the next one.
    let none_left = InjectedFault::on(RequestMatcher::path("/API/requestPINCode"));
    let none_left = none_left.then(FaultAction::text("OUTOFPINCODES"));
    world.cloud.rescue.fault(none_left);
    assert_eq!(call(world, "pincodes", &request).await, 503);
    assert_eq!(call(world, "pincodes", &request).await, 201);

    waits_for_a_token(world).await;
    let handed_over = instance.issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
    let request = json!({ "refresh_token": handed_over });
    assert_eq!(call(world, "token", &request).await, 200);

    world.cloud.travel(Duration::from_secs(60 * 86_400));
    waits_for_a_token(world).await;
    let app = SettingsApp::of_the_demo(world).await;
    let status = app.status().await;
    assert_eq!(
        status["paused"]["reason"], "reauthorization-needed",
        "{status}"
    );
    for (name, value) in [
        ("service-account-password", SERVICE_ACCOUNT_PASSWORD),
        ("sso-password", "another-password"),
    ] {
        assert_eq!(app.set_secret(name, value).await.status, 204, "{name}");
    }
    assert_eq!(app.status().await["paused"], Value::Null);
    world.cloud.aws.tick().await;

    // A check gets an access token, and another refresh token with it.
    world.cloud.travel(Duration::from_secs(3600));
    let granted = instance.grants().refresh_token;
    app.checks(TECHNICIAN).await;
    assert_eq!(instance.grants().refresh_token, granted + 1);
    compares_with_the_report(world).await;
}

/// A session that was never posted is found, after a run that is not allowed to read the report.
async fn compares_with_the_report(world: &World) {
    let without_user = |file: String| with_line(&file, "rescue", "reconcile = \"write\"");
    world.change_settings(without_user).await;
    world.cloud.travel(Duration::from_secs(60));
    world.end_unposted(&world.console_session());
    world.reconcile_later().await;
    let failure = world.reconcile_progress().await.failure;
    assert!(failure.is_some(), "a report needs a user");
    world
        .change_settings(|file| reconciling(&file, "write"))
        .await;
    world.reconcile().await;
    assert_eq!(world.missed().await.len(), 1);
}

/// ServiceNow revokes the token, and a post waits for another.
async fn waits_for_a_token(world: &World) {
    world.cloud.servicenow.revoke(&world.refresh_token());
    world.cloud.servicenow.revoke_access_tokens();
    let session = world.session(&world.incident());
    world.post(&session, Phase::Start).await;
    world.deliver().await;
    let posts = world.posts(&session).await;
    assert_eq!(posts[0]["reason"], "reauthorization-needed", "{posts:?}");
}

/// Calls a route with the tenant's API key, and answers the status.
async fn call(world: &World, route: &str, body: &Value) -> u16 {
    let api = world.cloud.gateway.url();
    let url = format!("{api}/integration/api/servicenow/{route}/{TENANT}");
    let client = shared::http::client(None).expect("a client");
    let request = client
        .post(url)
        .bearer_auth(world.api_key.expose())
        .header("idempotency-key", "one-request")
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = request.send().await.expect("the HTTP API answers");
    answer.status().as_u16()
}
