//! Alarms: what they watch, and what reaches the one topic.

use std::collections::BTreeSet;

use local::aws::iam::{self, Grant, Request};
use local::aws::{ACCOUNT, REGION};
use local::cloud::TEMPLATE;
use local::template::{Template, document};
use serde_json::{Value, json};

use super::permissions::provisioned;
use super::{properties, template};

/// The alarms by logical id.
fn alarms() -> Vec<(String, Value)> {
    let resources = template().resources.into_iter();
    resources
        .filter(|(_, kind)| kind == "AWS::CloudWatch::Alarm")
        .map(|(id, _)| (id.clone(), properties(&id)))
        .collect()
}

/// A period without data is one without events.
#[test]
fn every_alarm_says_what_to_do_and_reaches_the_one_topic() {
    for (id, alarm) in alarms() {
        assert_eq!(
            alarm["AlarmActions"],
            json!([{"Ref": "AlarmTopic"}]),
            "{id}"
        );
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
        assert!(alarm["AlarmDescription"].is_string(), "{id}");
    }
}

#[test]
fn every_function_has_a_log_that_ends_a_role_of_its_own_and_an_alarm_on_its_errors() {
    let watched: BTreeSet<String> = alarms()
        .into_iter()
        .filter(|(_, alarm)| alarm["MetricName"] == "Errors")
        .filter_map(|(_, alarm)| {
            let function = alarm.pointer("/Dimensions/0/Value/Ref")?;
            function.as_str().map(str::to_owned)
        })
        .collect();
    let (mut functions, mut roles) = (BTreeSet::new(), BTreeSet::new());
    for function in template().functions {
        let written = properties(&function.logical_id);
        let log = written["LoggingConfig"]["LogGroup"]["Ref"].as_str();
        let log = properties(log.expect("a log group"));
        assert_eq!(log["RetentionInDays"], json!({"Ref": "LogRetentionDays"}));
        let binary = function.binary.expect("BuildProperties.Binary");
        let name = format!("/aws/lambda/${{AWS::StackName}}/{binary}");
        assert_eq!(log["LogGroupName"], json!({"Fn::Sub": name}));
        roles.insert(written["Role"].to_string());
        functions.insert(function.logical_id);
    }
    assert_eq!(watched, functions);
    assert_eq!(roles.len(), functions.len());
}

/// docs/architecture.md#rule-6: long before a token expires. A healthy one is renewed when half of its lifetime is left.
#[test]
fn a_refresh_token_that_nothing_renews_raises_an_alarm_two_weeks_before_it_expires() {
    let alarm = properties("RefreshTokenAlarm");
    assert_eq!(alarm["MetricName"], "RefreshTokenDaysLeft");
    assert_eq!(alarm["Statistic"], "Minimum");
    assert_eq!(alarm["Threshold"], 14);
    assert_eq!(alarm["ComparisonOperator"], "LessThanOrEqualToThreshold");
    // Written once a day for each tenant.
    assert_eq!(alarm["Period"], 86_400);
    let failed = properties("RotationFailedAlarm");
    assert_eq!(failed["MetricName"], "RotationFailed");
    assert_eq!(
        (&failed["Statistic"], &failed["Threshold"]),
        (&json!("Sum"), &json!(0))
    );
}

/// A session is counted once. A run that fails is repeated by the next schedule, six hours later.
#[test]
fn a_session_that_was_never_posted_and_a_tenant_that_is_not_compared_raise_alarms() {
    let missed = properties("MissedSessionsAlarm");
    assert_eq!(missed["MetricName"], "MissedSessions");
    assert_eq!(
        (&missed["Statistic"], &missed["Threshold"]),
        (&json!("Sum"), &json!(0))
    );
    assert_eq!(missed["Period"], 3_600);
    let failed = properties("ReconcileFailedAlarm");
    assert_eq!(failed["MetricName"], "ReconcileFailed");
    assert_eq!(
        (&failed["Period"], &failed["EvaluationPeriods"]),
        (&json!(21_600), &json!(2))
    );
    let dead_letters = properties("ReconcileDeadLetterAlarm");
    assert_eq!(
        dead_letters.pointer("/Dimensions/0/Value/Fn::GetAtt"),
        Some(&json!("ReconcileDlq.QueueName"))
    );
}

/// The topic is encrypted: a publisher needs its policy and the key's.
#[tokio::test]
async fn this_accounts_alarms_and_this_stacks_rules_reach_the_topic_and_nothing_else_does() {
    let (permissions, resources) = provisioned().await;
    let key = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/Key");
    let arn = |service: &str, account: &str, name: &str| {
        format!("arn:aws:{service}:{REGION}:{account}:{name}")
    };
    let mut scope = resources.scope;
    let topic = arn("sns", ACCOUNT, "rescue-connector-AlarmTopic-1");
    scope.set_reference("AlarmTopic", &topic);
    let policy = scope.resolve(&properties("AlarmTopicPolicy")["PolicyDocument"]);
    let policy = iam::grants(&policy.expect("resolved")).expect("understood");

    let of = |principal: &str, grants: &[Grant]| -> Vec<Grant> {
        let mut grants = grants.to_vec();
        grants.retain(|grant| grant.principal.as_deref() == Some(principal));
        grants
    };
    let publishes = |service: &str, account: &str, source: &str, topic: &str| {
        let principal = format!("{service}.amazonaws.com");
        let publish = Request::new("sns:Publish", topic)
            .with("aws:SourceAccount", account)
            .with("aws:SourceArn", source);
        let may_publish = iam::allow(&of(&principal, &policy), &publish);
        let may_encrypt = ["Decrypt", "GenerateDataKey"].into_iter().all(|action| {
            let used = Request::new(format!("kms:{action}"), "*")
                .with("kms:EncryptionContext:aws:sns:topicArn", topic);
            // EventBridge tells KMS of no source:
            // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
            let used = match service {
                "events" => used,
                _ => used.with("aws:SourceAccount", account),
            };
            iam::allow(&of(&principal, permissions.key_policy(&key)), &used)
        });
        (may_publish, may_encrypt)
    };

    let alarm = arn("cloudwatch", ACCOUNT, "alarm:any");
    assert_eq!(
        publishes("cloudwatch", ACCOUNT, &alarm, &topic),
        (true, true)
    );
    let other = "111111111111";
    let foreign = arn("cloudwatch", other, "alarm:any");
    assert_eq!(
        publishes("cloudwatch", other, &foreign, &topic),
        (false, false)
    );
    for rule in ["RotationFailedRule", "FunctionChangedRule"] {
        let rule = arn("events", ACCOUNT, rule);
        assert_eq!(publishes("events", ACCOUNT, &rule, &topic), (true, true));
    }
    let rule = arn("events", ACCOUNT, "rule/of-another-stack");
    assert_eq!(publishes("events", ACCOUNT, &rule, &topic), (false, true));
    let foreign_topic = arn("sns", other, "theirs");
    let rule = arn("events", other, "rule/theirs");
    assert_eq!(
        publishes("events", other, &rule, &foreign_topic),
        (false, false)
    );
    assert_eq!(publishes("s3", ACCOUNT, &alarm, &topic), (false, false));
    assert_eq!(
        properties("AlarmTopic")["KmsMasterKeyId"],
        json!({"Ref": "Key"})
    );
}

/// A function's configuration says which hosts it calls. A deployment sends no mail: CloudFormation makes its calls.
#[test]
fn a_change_of_any_function_past_cloudformation_sends_a_mail() {
    let rule = properties("FunctionChangedRule");
    assert_eq!(rule["Targets"][0]["Arn"], json!({"Ref": "AlarmTopic"}));
    let pattern = &rule["EventPattern"]["detail"];
    assert_eq!(
        pattern["eventName"],
        json!([{"prefix": "UpdateFunctionConfiguration"}, {"prefix": "UpdateFunctionCode"}])
    );
    assert_eq!(
        pattern["sourceIPAddress"],
        json!([{"anything-but": "cloudformation.amazonaws.com"}])
    );
    let watched = pattern["requestParameters"]["functionName"].as_array();
    let watched: BTreeSet<String> = watched
        .expect("functions")
        .iter()
        .filter_map(|one| one["suffix"]["Ref"].as_str().map(str::to_owned))
        .collect();
    let functions = template().functions.into_iter();
    assert_eq!(watched, functions.map(|one| one.logical_id).collect());
}

#[test]
fn a_rotation_that_secrets_manager_gives_up_sends_a_mail_for_this_stacks_secrets_only() {
    let rule = properties("RotationFailedRule");
    assert_eq!(rule["Targets"][0]["Arn"], json!({"Ref": "AlarmTopic"}));
    let pattern = &rule["EventPattern"]["detail"];
    assert_eq!(pattern["eventName"], json!(["RotationFailed"]));
    let secrets = pattern["additionalEventData"]["SecretId"][0]["prefix"]["Fn::Sub"][0].as_str();
    assert!(secrets.is_some_and(|prefix| prefix.ends_with(":secret:${Prefix}/")));
}

/// Rescue does not send a post again. The caller of another refused request repeats it.
#[test]
fn requests_that_the_gateway_refuses_raise_an_alarm_for_posts_only() {
    let filter = properties("PostTurnedAwayMetric");
    let filter = filter["FilterPattern"].as_str().expect("a pattern");
    let written = document(TEMPLATE).expect("YAML");
    let settings = written.pointer("/Resources/HttpApi/Properties/RouteSettings");
    let throttled = settings.and_then(Value::as_object).expect("route settings");
    assert_eq!(throttled.len(), 9);
    for route in throttled.keys() {
        let (_, path) = route.split_once("/servicenow/").expect("a path");
        let (part, _) = path.split_once('/').expect("a tenant");
        assert!(
            filter.contains(&format!(r#"$.route != "*/{part}/*""#)),
            "{route}"
        );
    }
}

/// Rescue never repeats a post: a limit that requests without a key can reach costs tenants theirs. A stack with its own
/// domain can close the address beside it.
#[test]
fn the_gateways_limit_is_high_and_the_default_address_can_be_closed() {
    let api = |given: &[(&str, &str)]| {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let template = Template::parse_with(TEMPLATE, &given.collect()).expect("understood");
        let scope = template.scope();
        let api = scope.resolve(&properties("HttpApi")["DefaultRouteSettings"]);
        let closed = scope.resolve(&properties("HttpApi")["DisableExecuteApiEndpoint"]);
        let posts = &properties("SessionDetailsFunction")["Environment"]["Variables"];
        let posts = scope.resolve(&posts["POSTS_PER_MINUTE"]);
        let api = api.expect("resolved")["ThrottlingRateLimit"].clone();
        let texts = [api, closed.expect("resolved"), posts.expect("resolved")];
        texts.map(|value| value.to_string().trim_matches('"').to_owned())
    };
    assert_eq!(api(&[]), ["2000", "false", "600"]);
    let domain = [
        ("DomainName", "rescue.acme.test"),
        (
            "CertificateArn",
            "arn:aws:acm:us-east-1:000000000000:certificate/one",
        ),
        ("DisableDefaultEndpoint", "true"),
    ];
    assert_eq!(api(&domain), ["2000", "true", "600"]);
}
