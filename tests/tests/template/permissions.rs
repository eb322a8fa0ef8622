//! Least privilege: what each function asks AWS for is what its role grants.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use admin::secrets::SecretName;
use local::aws::{Call, Service};
use local::demo_tenant::{CLIENT_ID, CUSTOMER, SERVICE_ACCOUNT, TECHNICIAN, TENANT};
use local::rescue::{Format, Payload, Phase};
use local::servicenow::RefreshAnswer;
use local::simulator::{Action, Fault, Matcher};
use local::template::Function;
use serde_json::{Value, json};
use shared::secret::Secret;
use shared::tenant::TenantId;
use tests::World;

use super::{properties, template};

/// An action on a resource, as IAM and the template name them.
type Permission = (String, String);

/// What a role grants and its function's own calls never show, with the reason it is there all the same. `every` is
/// every function, `keepers` are those with the credentials table, `own log` is the function's log group.
const UNSEEN: &[(&str, &str, &str, &str)] = &[
    (
        "every",
        "kms:Decrypt",
        "Key",
        "SQS, Secrets Manager and DynamoDB ask KMS in the function's name",
    ),
    (
        "every",
        "kms:GenerateDataKey",
        "Key",
        "SQS, Secrets Manager and DynamoDB ask KMS in the function's name",
    ),
    ("every", "xray:PutTelemetryRecords", "*", "Lambda's tracing"),
    ("every", "xray:PutTraceSegments", "*", "Lambda's tracing"),
    (
        "every",
        "logs:CreateLogStream",
        OWN_LOG,
        "Lambda writes the log",
    ),
    (
        "every",
        "logs:PutLogEvents",
        OWN_LOG,
        "Lambda writes the log",
    ),
    (
        "keepers",
        "kms:DescribeKey",
        "Key",
        "DynamoDB looks at the table's key",
    ),
    (
        "keepers",
        "kms:Encrypt",
        "Key",
        "DynamoDB encrypts with the table's key",
    ),
    (
        "deliver-session",
        "sqs:DeleteMessage",
        "SessionsQueue",
        "Lambda's trigger deletes what is done",
    ),
    (
        "deliver-session",
        "sqs:GetQueueAttributes",
        "SessionsQueue",
        "Lambda's trigger looks at the queue",
    ),
    (
        "deliver-session",
        "sqs:ReceiveMessage",
        "SessionsQueue",
        "Lambda's trigger receives",
    ),
    (
        "deliver-session",
        "sqs:SendMessage",
        "SessionsQueue",
        "a wake-up that runs out of time goes on in another message",
    ),
];

const OWN_LOG: &str = "own log";

/// What `UNSEEN` says of one function.
fn unseen(function: &Function, name: &str) -> BTreeSet<Permission> {
    let keeper = function.environment.contains_key("CREDENTIALS_TABLE");
    let own_log = function.logical_id.replace("Function", "LogGroup");
    let meant = UNSEEN
        .iter()
        .filter(|(who, ..)| *who == "every" || *who == name || (*who == "keepers" && keeper));
    meant
        .map(|(_, action, resource, _)| {
            let resource = resource.replace(OWN_LOG, &own_log);
            ((*action).to_owned(), resource)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_function_is_granted_and_every_grant_is_used_or_has_a_reason() {
    let world = World::start().await;
    play(&world).await;
    let calls = world.cloud.aws.journal().calls();
    for function in template().functions {
        let name = function.binary.clone().expect("BuildProperties.Binary");
        let granted = granted(&function.logical_id);
        let unseen = unseen(&function, &name);
        assert!(unseen.is_subset(&granted), "{name}: {unseen:#?}");
        let used: BTreeSet<Permission> = calls
            .iter()
            .filter(|call| call.caller == name)
            .map(|call| permission(&world, call))
            .collect();
        assert!(!used.is_empty(), "{name} called nobody");
        let missing: Vec<_> = used.difference(&granted).collect();
        assert!(missing.is_empty(), "{name} lacks {missing:#?}");
        let unused: BTreeSet<Permission> = granted.difference(&used).cloned().collect();
        assert_eq!(unused, unseen, "{name}");
    }
}

/// A grant that names a wildcard is more than anybody needs.
#[test]
fn no_role_grants_more_than_named_actions_on_named_resources() {
    for function in template().functions {
        for (action, resource) in granted(&function.logical_id) {
            assert!(!action.contains('*'), "{action} on {resource}");
            let tracing = action.starts_with("xray:");
            assert!(resource != "*" || tracing, "{action} on everything");
        }
    }
}

/// Design 4.4: settings and secrets are an administrator's, and no function creates secrets or starts rotations.
#[test]
fn no_function_may_change_a_tenant_or_a_secret_that_an_administrator_sets() {
    for function in template().functions {
        for (action, resource) in granted(&function.logical_id) {
            let reads = [
                "dynamodb:GetItem",
                "dynamodb:Query",
                "secretsmanager:GetSecretValue",
            ];
            let settings = ["TenantsTable", "credentials"].contains(&resource.as_str());
            assert!(
                !settings || reads.contains(&action.as_str()),
                "{action} on {resource}"
            );
            let (starts, makes) = ("secretsmanager:RotateSecret", "secretsmanager:CreateSecret");
            assert!(action != starts && action != makes, "{action}");
        }
    }
}

/// All that the functions do: posts taken and refused, deliveries, failures, pauses, looks, created records,
/// attachments, dead letters, a refresh that answers with another refresh token, and waiting for a new one.
async fn play(world: &World) {
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

    let patch = || Fault::on(Matcher::of("PATCH", "/incident"));
    instance.fault(patch());
    session.say("Ana Ruiz", &"long ".repeat(10_000));
    world.post(&session, Phase::End).await;
    world.deliver().await;
    instance.fault(patch().then(Action::RateLimited {
        retry_after: Some(60),
    }));
    world.deliver_after(60).await;
    instance.fault(patch().then(Action::CommitThenDrop));
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
    let tenant = TenantId::parse(TENANT).expect("valid");
    let token = Secret::from(world.refresh_token());
    let stack = &world.cloud.stack;
    admin::secrets::set(stack, &tenant, SecretName::RefreshToken, &token)
        .await
        .expect("set");
    world.deliver_after(31).await;
    assert_eq!(world.notes(&incident).len(), 3);

    // By now the shared access token has expired: the record is looked up with a new one, and a new refresh token.
    world.cloud.travel(Duration::from_secs(3600));
    let request = json!({
        "technician": {"email": TECHNICIAN},
        "record": {"table": "incident", "number": incident.number},
        "customer": {"name": "Paul Martin", "email": CUSTOMER},
    });
    assert_eq!(call(world, "pincodes", &request).await, 201);

    waits_for_a_token(world).await;
    let handed_over = instance.issue_refresh_token(CLIENT_ID, SERVICE_ACCOUNT);
    let request = json!({ "refresh_token": handed_over });
    assert_eq!(call(world, "token", &request).await, 200);

    world.cloud.travel(Duration::from_secs(60 * 86_400));
    waits_for_a_token(world).await;
    world.cloud.aws.tick().await;
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
        .header("idempotency-key", "one-press")
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = request.send().await.expect("the HTTP API answers");
    answer.status().as_u16()
}

/// What a call needs.
fn permission(world: &World, call: &Call) -> Permission {
    let service = match call.service {
        Service::DynamoDb => "dynamodb",
        Service::Sqs => "sqs",
        Service::SecretsManager => "secretsmanager",
        Service::CloudFormation => "cloudformation",
    };
    // SQS has no actions of their own for batches.
    let operation = call.operation.trim_end_matches("Batch");
    let resources = &world.cloud.resources;
    let text = |name: &str| call.request[name].as_str();
    let resource = if let Some(table) = text("TableName") {
        let table = key_of(&resources.tables, |name| name == table);
        match text("IndexName") {
            Some(index) => table.map(|table| format!("{table}/index/{index}")),
            None => table,
        }
    } else if let Some(url) = text("QueueUrl") {
        key_of(&resources.queues, |queue| queue.url == url)
    } else {
        let secret = text("SecretId").and_then(|id| id.rsplit('/').next());
        secret.map(str::to_owned)
    };
    let resource = resource.unwrap_or_else(|| panic!("on what? {call:?}"));
    (format!("{service}:{operation}"), resource)
}

fn key_of<V>(map: &BTreeMap<String, V>, is: impl Fn(&V) -> bool) -> Option<String> {
    map.iter()
        .find(|(_, value)| is(value))
        .map(|(key, _)| key.clone())
}

/// What the role of a function grants.
fn granted(logical_id: &str) -> BTreeSet<Permission> {
    let role = resource(&properties(logical_id)["Role"]);
    let role = properties(&role);
    let policies = role["Policies"].as_array().expect("policies");
    let mut granted = BTreeSet::new();
    for statement in policies
        .iter()
        .flat_map(|policy| one_or_many(&policy["PolicyDocument"]["Statement"]))
    {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        for action in one_or_many(&statement["Action"]) {
            let action = action.as_str().expect("an action");
            for on in one_or_many(&statement["Resource"]) {
                granted.insert((action.to_owned(), resource(on)));
            }
        }
    }
    granted
}

fn one_or_many(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A resource as tests name it: its logical id; `credentials` or `token` for the tenants' secrets.
fn resource(arn: &Value) -> String {
    if let Some(path) = arn["Fn::GetAtt"].as_str() {
        return path.trim_end_matches(".Arn").to_owned();
    }
    if let Some(pattern) = arn["Fn::Sub"].as_str() {
        let table = pattern.strip_prefix("${");
        if let Some((table, index)) = table.and_then(|table| table.split_once(".Arn}/")) {
            return format!("{table}/{index}");
        }
        let secret = pattern.split_once(":secret:${SecretPrefix}/*/");
        let name = secret.and_then(|(_, name)| name.strip_suffix("-*"));
        return name.unwrap_or_else(|| panic!("{pattern}")).to_owned();
    }
    arn.as_str().unwrap_or_else(|| panic!("{arn}")).to_owned()
}
