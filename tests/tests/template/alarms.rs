//! Alarms: who is watched, and what reaches the one topic.

use std::collections::BTreeSet;

use local::cloud::TEMPLATE;
use local::template::document;
use serde_json::{Value, json};

use super::{properties, template};

/// The alarms by logical id.
fn alarms() -> Vec<(String, Value)> {
    let resources = template().resources.into_iter();
    resources
        .filter(|(_, kind)| kind == "AWS::CloudWatch::Alarm")
        .map(|(id, _)| (id.clone(), properties(&id)))
        .collect()
}

/// A period without data is one in which nothing happened.
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

/// Design 5.6: long before a token expires. A healthy one is renewed when half of its lifetime is left.
#[test]
fn a_refresh_token_that_nothing_renews_is_told_two_weeks_before_it_expires() {
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

/// The topic is encrypted: whoever publishes needs the key as well.
#[test]
fn whoever_may_publish_to_the_topic_may_use_its_key() {
    assert_eq!(
        properties("AlarmTopic")["KmsMasterKeyId"],
        json!({"Ref": "Key"})
    );
    let services = |statement: &Value| -> Vec<String> {
        let named = statement["Principal"]["Service"].clone();
        let one_or_many = named.as_array().cloned().unwrap_or_else(|| vec![named]);
        one_or_many
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    let policy = properties("AlarmTopicPolicy");
    let statements = policy["PolicyDocument"]["Statement"].as_array();
    let publishers = statements.expect("statements").iter();
    let publishers: BTreeSet<String> = publishers
        .inspect(|statement| {
            assert_eq!(statement["Action"], "sns:Publish");
            assert!(statement["Condition"].is_object(), "anybody's {statement}");
        })
        .flat_map(services)
        .collect();
    let key = properties("Key");
    let statements = key["KeyPolicy"]["Statement"].as_array();
    let reaches = |statement: &&Value| statement["Sid"] == "AlarmsReachTheTopic";
    let statement = statements.expect("statements").iter().find(reaches);
    let statement = statement.expect("the statement");
    assert_eq!(
        statement["Action"],
        json!(["kms:Decrypt", "kms:GenerateDataKey*"])
    );
    let users: BTreeSet<String> = services(statement).into_iter().collect();
    let expected = ["cloudwatch.amazonaws.com", "events.amazonaws.com"];
    assert_eq!(users, expected.map(str::to_owned).into());
    assert_eq!(publishers, users);
}

#[test]
fn a_rotation_that_secrets_manager_gives_up_is_told_for_this_stacks_secrets_alone() {
    let rule = properties("RotationFailedRule");
    assert_eq!(rule["Targets"][0]["Arn"], json!({"Ref": "AlarmTopic"}));
    let pattern = &rule["EventPattern"]["detail"];
    assert_eq!(pattern["eventName"], json!(["RotationFailed"]));
    let secrets = pattern["additionalEventData"]["SecretId"][0]["prefix"]["Fn::Sub"].as_str();
    assert!(secrets.is_some_and(|prefix| prefix.ends_with(":secret:${SecretPrefix}/")));
}

/// Nobody sends a post again; a PIN or a token is asked for again by whoever was turned away.
#[test]
fn what_the_gateway_turns_away_rings_only_for_posts() {
    let filter = properties("PostTurnedAwayMetric");
    let filter = filter["FilterPattern"].as_str().expect("a pattern");
    let written = document(TEMPLATE).expect("YAML");
    let settings = written.pointer("/Resources/HttpApi/Properties/RouteSettings");
    let throttled = settings.and_then(Value::as_object).expect("route settings");
    assert_eq!(throttled.len(), 2);
    for route in throttled.keys() {
        let part = route.split('/').rev().nth(1).expect("a path");
        assert!(
            filter.contains(&format!(r#"$.route != "*/{part}/*""#)),
            "{route}"
        );
    }
}
