//! Tables, queues and the functions' triggers (docs/architecture.md#where-state-lives and docs/architecture.md#rule-4).

use std::time::Duration;

use local::cloud::TEMPLATE;
use local::template::{Event, Index, Template};
use serde_json::{Value, json};

use super::{properties, template};

#[test]
fn tables_have_the_keys_that_the_code_uses() {
    let template = template();
    let keys = |id: &str| {
        let table = template.table(id).expect("the table is there");
        let names = (table.hash_key.as_str(), table.range_key.as_deref());
        for name in [Some(names.0), names.1].into_iter().flatten() {
            assert_eq!(table.attributes[name], "S", "{id}.{name}");
        }
        names
    };
    assert_eq!(keys("TenantsTable"), ("tenant", None));
    assert_eq!(keys("SessionsTable"), ("session", Some("entry")));
    assert_eq!(keys("CredentialsTable"), ("credential", None));
    assert_eq!(template.tables.len(), 3);
}

#[test]
fn the_ledger_can_be_listed_by_tenant_and_time() {
    let template = template();
    let ledger = template.table("SessionsTable").expect("the ledger");
    let by_tenant = Index {
        name: "by-tenant".to_owned(),
        hash_key: "tenant".to_owned(),
        range_key: Some("received_at".to_owned()),
        projection: "ALL".to_owned(),
        projected: Vec::new(),
    };
    assert_eq!(ledger.indexes, [by_tenant]);
    assert_eq!(ledger.attributes["tenant"], "S");
    assert_eq!(ledger.attributes["received_at"], "S");
}

#[test]
fn what_expires_is_deleted_by_dynamodb_and_tenants_never_are() {
    let template = template();
    let attribute = |id: &str| template.table(id).expect("there").ttl_attribute.clone();
    assert_eq!(attribute("TenantsTable"), None);
    assert_eq!(attribute("SessionsTable").as_deref(), Some("expires_at"));
    assert_eq!(attribute("CredentialsTable").as_deref(), Some("expires_at"));
}

#[test]
fn every_table_can_be_restored_to_a_point_in_time() {
    for table in template().tables {
        let properties = properties(&table.logical_id);
        assert_eq!(
            properties.pointer("/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled"),
            Some(&json!(true)),
            "{}",
            table.logical_id
        );
    }
}

#[test]
fn credentials_and_posts_are_encrypted_with_the_customers_own_key() {
    let key = json!({"Fn::GetAtt": "Key.Arn"});
    let encryption = &properties("CredentialsTable")["SSESpecification"];
    assert_eq!(
        *encryption,
        json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key})
    );
    for queue in template().queues {
        let name = queue.logical_id;
        assert_eq!(properties(&name)["KmsMasterKeyId"], key, "{name}");
    }
    assert_eq!(properties("Key")["EnableKeyRotation"], true);
}

/// docs/architecture.md#rule-4.
#[test]
fn the_queues_of_posts_are_fifo_and_keep_posts_for_two_weeks() {
    let template = template();
    assert_eq!(template.queues.len(), 4);
    for name in ["SessionsQueue", "SessionsDlq"] {
        let queue = template.queue(name).expect("there");
        assert!(queue.fifo, "{name}");
        assert_eq!(queue.retention, Duration::from_secs(14 * 86_400), "{name}");
        assert_eq!(queue.attributes["MaximumMessageSize"], "1048576", "{name}");
        // Each message carries its own deduplication id, which counts within its group.
        assert_eq!(queue.attributes["ContentBasedDeduplication"], "false");
        assert_eq!(queue.attributes["DeduplicationScope"], "messageGroup");
        assert_eq!(queue.attributes["FifoThroughputLimit"], "perMessageGroupId");
    }
    let queue = template.queue("SessionsQueue").expect("the queue");
    assert_eq!(queue.visibility_timeout, Duration::from_secs(1800));
    let redrive = queue.redrive.as_ref().expect("a net");
    assert_eq!(redrive.target, "SessionsDlq");
    assert_eq!(redrive.max_receive_count, 400);
    assert_eq!(template.queue("SessionsDlq").expect("there").redrive, None);
}

/// Lambda ends a chain of a function and its own queue after 16 invocations, unless it is told not to.
#[test]
fn a_reconciliation_may_continue_itself() {
    let function = properties("ReconcileSessionsFunction");
    assert_eq!(function["RecursiveLoop"], "Allow");
}

/// A message of a tenant is delayed by itself, which only a standard queue allows. The next schedule makes it again.
#[test]
fn the_queue_of_tenants_is_a_standard_one_that_outlasts_four_schedules() {
    let template = template();
    let queue = template.queue("ReconcileQueue").expect("the queue");
    assert!(!queue.fifo);
    assert_eq!(queue.retention, 4 * EVERY);
    let redrive = queue.redrive.as_ref().expect("a dead-letter queue");
    assert_eq!(redrive.target, "ReconcileDlq");
    assert_eq!(redrive.max_receive_count, 5);
    let dead_letters = template.queue("ReconcileDlq").expect("there");
    assert!(!dead_letters.fifo && dead_letters.redrive.is_none());
    assert_eq!(dead_letters.retention, Duration::from_secs(14 * 86_400));
}

/// The time between two schedules of `reconcile-sessions`.
const EVERY: Duration = Duration::from_secs(6 * 3600);

#[test]
fn reconcile_sessions_runs_every_six_hours_and_takes_one_tenant_at_a_time() {
    let template = template();
    let function = template.function("ReconcileSessionsFunction");
    let function = function.expect("the function");
    let queue = template.queue("ReconcileQueue").expect("the queue");
    assert!(queue.visibility_timeout > function.timeout);
    let concurrency = &template.parameters["ReconcileConcurrency"];
    let tenants = Event::Sqs {
        queue: "ReconcileQueue".to_owned(),
        batch_size: 1,
        maximum_concurrency: concurrency.as_ref().and_then(|text| text.parse().ok()),
        report_batch_item_failures: true,
        enabled: true,
    };
    assert_eq!(function.events, [Event::Schedule { every: EVERY }, tenants]);
    let written = properties("ReconcileSessionsFunction");
    let trigger = &written["Events"]["Tenants"]["Properties"];
    assert_eq!(
        trigger["ScalingConfig"]["MaximumConcurrency"],
        json!({"Ref": "ReconcileConcurrency"})
    );
}

/// docs/architecture.md#rule-4: a message must not come back while it is being worked on.
#[test]
fn deliver_session_takes_batches_of_ten_and_reports_what_it_did_not_finish() {
    let template = template();
    let function = template
        .function("DeliverSessionFunction")
        .expect("the function");
    assert_eq!(function.timeout, Duration::from_secs(300));
    let queue = template.queue("SessionsQueue").expect("the queue");
    assert_eq!(queue.visibility_timeout, 6 * function.timeout);
    let concurrency = &template.parameters["DeliveryConcurrency"];
    assert_eq!(
        function.events,
        [Event::Sqs {
            queue: "SessionsQueue".to_owned(),
            batch_size: 10,
            maximum_concurrency: concurrency.as_ref().and_then(|text| text.parse().ok()),
            report_batch_item_failures: true,
            enabled: true,
        }]
    );
    let written = properties("DeliverSessionFunction");
    let trigger = &written["Events"]["Sessions"]["Properties"];
    assert_eq!(
        trigger["ScalingConfig"]["MaximumConcurrency"],
        json!({"Ref": "DeliveryConcurrency"})
    );
    // FIFO queues have no batching window.
    assert_eq!(trigger["MaximumBatchingWindowInSeconds"], Value::Null);
}

/// The gateway gives up after 30 s at the latest; the answer has to be sent before (infra/openapi.yaml). A function that
/// may store a renewed token runs longer than that: it answers its caller by itself.
#[test]
fn only_functions_that_may_store_a_token_outlive_the_gateways_time_out() {
    for function in template().functions {
        let behind_http = |event: &Event| matches!(event, Event::HttpApi { .. });
        if function.events.iter().any(behind_http) {
            let stores_tokens = function.environment.contains_key("SECRET_PREFIX");
            let longest = Duration::from_secs(if stores_tokens { 60 } else { 25 });
            assert!(function.timeout <= longest, "{}", function.logical_id);
        }
    }
}

/// No other function starts a rotation (docs/architecture.md#where-state-lives); Secrets Manager calls this one.
#[test]
fn only_secrets_manager_of_this_account_calls_rotate_tokens() {
    let template = template();
    let function = template
        .function("RotateTokensFunction")
        .expect("the function");
    assert_eq!(function.events, []);
    assert_eq!(
        properties("RotateTokensPermission"),
        json!({
            "FunctionName": {"Fn::GetAtt": "RotateTokensFunction.Arn"},
            "Action": "lambda:InvokeFunction",
            "Principal": "secretsmanager.amazonaws.com",
            "SourceAccount": {"Ref": "AWS::AccountId"},
        })
    );
}

/// What exists in the stack alone has to outlive it.
#[test]
fn tables_and_queues_that_cannot_be_derived_again_are_retained() {
    // The credentials table may hold the only copy of a refresh token (docs/decisions/0012-token-life.md).
    let written = local::template::document(local::cloud::TEMPLATE).expect("YAML");
    for id in [
        "TenantsTable",
        "SessionsTable",
        "CredentialsTable",
        "SessionsQueue",
        "SessionsDlq",
        "Key",
    ] {
        let resource = &written["Resources"][id];
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
        // A table is protected against deletion from its first moment, so a creation that fails cannot take it back.
        let retained = match id {
            "TenantsTable" | "SessionsTable" | "CredentialsTable" => "Retain",
            _ => "RetainExceptOnCreate",
        };
        assert_eq!(resource["DeletionPolicy"], retained, "{id}");
    }
    for table in ["TenantsTable", "SessionsTable", "CredentialsTable"] {
        let protected = &properties(table)["DeletionProtectionEnabled"];
        assert_eq!(*protected, json!(true), "{table}");
    }
}

/// The command line finds the stack by these. The others are for operators.
#[test]
fn the_stacks_outputs_are_those_that_the_command_line_looks_for() {
    let template = template();
    let outputs: Vec<&str> = template.outputs.keys().map(String::as_str).collect();
    let for_people = [
        "DashboardUrl",
        "DomainTarget",
        "DomainTargetHostedZone",
        "ReconcileQueueUrl",
        "WebhookUrlPattern",
    ];
    let outputs: Vec<&str> = outputs
        .into_iter()
        .filter(|name| !for_people.contains(name))
        .collect();
    assert_eq!(
        outputs,
        [
            "ApiUrl",
            "CredentialsTable",
            "RotateTokensFunctionArn",
            "SecretPrefix",
            "SessionsDlqUrl",
            "SessionsQueueUrl",
            "SessionsTable",
            "TenantsTable",
        ]
    );
}

/// Rescue's administrators set these URLs for each technician group: with a host name of the operator's they outlive the stack.
#[test]
fn an_own_domain_replaces_the_gateways_name_in_every_url() {
    let url = |parameters: &[(&str, &str)], output: &str| {
        let given = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let template = Template::parse_with(TEMPLATE, &given.collect()).expect("understood");
        let mut scope = template.scope().clone();
        scope.set_reference("HttpApi", "abc123");
        template.outputs[output]
            .resolve(&scope)
            .expect("resolved")
            .expect("a value")
    };
    let pattern = "/integration/api/servicenow/sessiondetails/{tenant}/{key}?event=started|ended";
    let gateway = "https://abc123.execute-api.us-east-1.amazonaws.com";
    assert_eq!(url(&[], "ApiUrl"), gateway);
    assert_eq!(url(&[], "WebhookUrlPattern"), format!("{gateway}{pattern}"));
    let domain = [
        ("DomainName", "rescue.acme.test"),
        (
            "CertificateArn",
            "arn:aws:acm:us-east-1:000000000000:certificate/one",
        ),
    ];
    assert_eq!(url(&domain, "ApiUrl"), "https://rescue.acme.test");
    assert_eq!(
        url(&domain, "WebhookUrlPattern"),
        format!("https://rescue.acme.test{pattern}")
    );
}
