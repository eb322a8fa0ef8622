//! Least privilege: what each function asks AWS for is what its role grants.

use std::collections::{BTreeMap, BTreeSet};

use admin::secrets::SecretName;
use local::aws::{Call, Service};
use local::demo_tenant::TENANT;
use local::rescue::{Format, Payload, Phase};
use local::servicenow::RefreshAnswer;
use local::simulator::{Action, Fault, Matcher};
use serde_json::Value;
use shared::secret::Secret;
use shared::tenant::TenantId;
use tests::World;

use super::{properties, template};

/// An action on a resource, as IAM and the template name them.
type Permission = (String, String);

/// What a role grants and its function's own calls never show, with the reason it is there all the same.
const UNSEEN: &[(&str, &str, &str, &str)] = &[
    (
        "both",
        "kms:Decrypt",
        "Key",
        "SQS, Secrets Manager and DynamoDB ask KMS in the function's name",
    ),
    (
        "both",
        "kms:GenerateDataKey",
        "Key",
        "SQS, Secrets Manager and DynamoDB ask KMS in the function's name",
    ),
    ("both", "xray:PutTelemetryRecords", "*", "Lambda's tracing"),
    ("both", "xray:PutTraceSegments", "*", "Lambda's tracing"),
    (
        "session-details",
        "logs:CreateLogStream",
        "SessionDetailsLogGroup",
        "Lambda writes the log",
    ),
    (
        "session-details",
        "logs:PutLogEvents",
        "SessionDetailsLogGroup",
        "Lambda writes the log",
    ),
    (
        "deliver-session",
        "logs:CreateLogStream",
        "DeliverSessionLogGroup",
        "Lambda writes the log",
    ),
    (
        "deliver-session",
        "logs:PutLogEvents",
        "DeliverSessionLogGroup",
        "Lambda writes the log",
    ),
    (
        "deliver-session",
        "kms:DescribeKey",
        "Key",
        "DynamoDB looks at the table's key",
    ),
    (
        "deliver-session",
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

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_function_is_granted_and_every_grant_is_used_or_has_a_reason() {
    let world = World::start().await;
    play(&world).await;
    let calls = world.cloud.aws.journal().calls();
    for function in template().functions {
        let name = function.binary.clone().expect("BuildProperties.Binary");
        let granted = granted(&function.logical_id);
        let used: BTreeSet<Permission> = calls
            .iter()
            .filter(|call| call.caller == name)
            .map(|call| permission(&world, call))
            .collect();
        assert!(!used.is_empty(), "{name} called nobody");
        let missing: Vec<_> = used.difference(&granted).collect();
        assert!(missing.is_empty(), "{name} lacks {missing:#?}");
        let unseen: BTreeSet<Permission> = UNSEEN
            .iter()
            .filter(|(who, ..)| *who == "both" || *who == name)
            .map(|(_, action, resource, _)| ((*action).to_owned(), (*resource).to_owned()))
            .collect();
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
