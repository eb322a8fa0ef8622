//! Reading a template.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Error, Event, Template};

const TEMPLATE: &str = include_str!("../fixtures/template.yaml");

#[test]
fn tables_are_read_with_keys_indexes_and_time_to_live() {
    let template = Template::parse(TEMPLATE).expect("a template");
    let sessions = template.table("SessionsTable").expect("there");
    assert_eq!(sessions.name, "SessionsTable");
    assert_eq!(sessions.hash_key, "session");
    assert_eq!(sessions.range_key.as_deref(), Some("entry"));
    assert_eq!(sessions.attributes["received_at"], "S");
    let index = &sessions.indexes[0];
    assert_eq!(index.name, "by-tenant");
    assert_eq!(index.range_key.as_deref(), Some("received_at"));
    assert_eq!(sessions.ttl_attribute.as_deref(), Some("expires_at"));
    let tenants = template.table("TenantsTable").expect("there");
    assert_eq!(tenants.ttl_attribute, None);
}

#[test]
fn queues_are_read_with_their_names_and_redrive_policy() {
    let template = Template::parse(TEMPLATE).expect("a template");
    let queue = template.queue("SessionsQueue").expect("there");
    assert_eq!(queue.name, "SessionsQueue.fifo");
    assert_eq!(queue.visibility_timeout, Duration::from_secs(1800));
    let redrive = queue.redrive.as_ref().expect("a policy");
    assert_eq!(redrive.target, "SessionsDlq");
    assert_eq!(redrive.max_receive_count, 400);
    let dlq = template.queue("SessionsDlq").expect("there");
    assert_eq!(dlq.name, "rescue-connector-dead.fifo");
}

#[test]
fn functions_are_read_with_globals_merged_and_events_understood() {
    let template = Template::parse(TEMPLATE).expect("a template");
    let details = template.function("SessionDetailsFunction").expect("there");
    assert_eq!(details.binary.as_deref(), Some("session-details"));
    assert_eq!(details.timeout, Duration::from_secs(10));
    assert_eq!(details.memory_mb, 256);
    let environment = &details.environment;
    assert!(environment.contains_key("TENANTS_TABLE"), "a global");
    assert!(
        matches!(&details.events[..], [Event::HttpApi { method, .. }, Event::HttpApi { .. }] if method == "POST")
    );
    let deliver = template.function("DeliverSessionFunction").expect("there");
    assert_eq!(deliver.binary.as_deref(), Some("deliver-session"));
    assert_eq!(deliver.timeout, Duration::from_secs(300));
    let sessions = Event::Sqs {
        queue: "SessionsQueue".to_owned(),
        batch_size: 10,
        maximum_concurrency: Some(20),
        report_batch_item_failures: true,
        enabled: true,
    };
    let daily = Event::Schedule {
        every: Duration::from_secs(86_400),
    };
    assert_eq!(deliver.events, [daily, sessions]);
}

#[test]
fn a_schedule_is_a_rate_and_any_other_one_is_named() {
    let every = |schedule: &str| {
        let template = Template::parse(&TEMPLATE.replace("rate(1 day)", schedule))?;
        let deliver = template.function("DeliverSessionFunction").expect("there");
        Ok(deliver.events[0].clone())
    };
    for (schedule, seconds) in [
        ("rate(6 hours)", 21_600),
        ("rate(1 hour)", 3_600),
        ("rate(5 minutes)", 300),
    ] {
        let every_so_often = Event::Schedule {
            every: Duration::from_secs(seconds),
        };
        let read: Result<Event, Error> = every(schedule);
        assert_eq!(read.expect("a rate"), every_so_often);
    }
    for other in [
        "rate(0 hours)",
        "rate(1 hours)",
        "rate(6 hour)",
        "rate(6)",
        "cron(0 9 * * ? *)",
    ] {
        let error = every(other).expect_err(other).to_string();
        let named = format!(
            "DeliverSessionFunction.Events.Daily: Schedule is no rate(…) of one or more: {other}"
        );
        assert_eq!(error, named);
    }
}

#[test]
fn conditions_and_parameters_decide_what_is_there() {
    let plain = Template::parse(TEMPLATE).expect("a template");
    assert!(!plain.resources.contains_key("DeadLetterAlarm"));
    let alarms = BTreeMap::from([("AlarmTopic".to_owned(), "topic".to_owned())]);
    let template = Template::parse_with(TEMPLATE, &alarms).expect("a template");
    assert!(template.resources.contains_key("DeadLetterAlarm"));
    let deliver = template.function("DeliverSessionFunction").expect("there");
    let alarms = deliver.environment["ALARMS"].resolve(template.scope());
    assert_eq!(alarms.expect("resolved").as_deref(), Some("topic"));
}

#[test]
fn an_unresolved_reference_is_named() {
    let template = Template::parse(TEMPLATE).expect("a template");
    let deliver = template.function("DeliverSessionFunction").expect("there");
    let resolved = deliver.resolve_environment(template.scope());
    let error = resolved.expect_err("nothing is provisioned").to_string();
    let expected = "the reference SessionsQueue.QueueUrl cannot be resolved";
    assert_eq!(error, expected);
}
