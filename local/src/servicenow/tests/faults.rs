//! What goes wrong on request, and the record of requests.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bench, INCIDENTS, incident, reply};
use crate::simulator::{FaultAction, InjectedFault, RequestMatcher};

#[tokio::test]
async fn a_dropped_connection_has_no_answer_and_may_have_taken_effect() {
    let (bench, record) = Bench::with_incident();
    let note = |text: &str| {
        let request = bench.request(Method::PATCH, &incident(&record));
        request.json(&json!({"work_notes": text}))
    };
    for action in [FaultAction::CommitThenDrop, FaultAction::DropBefore] {
        let patches = RequestMatcher::of("PATCH", "/table/incident");
        bench
            .instance
            .fault(InjectedFault::on(patches).then(action));
    }
    assert!(note("kept").send().await.is_err());
    assert!(note("lost").send().await.is_err());
    assert_eq!(reply(note("after")).await.status, 200);
    assert_eq!(bench.work_notes(&record), ["kept", "after"]);
    let requests = bench.instance.requests_matching("PATCH", "incident");
    let statuses: Vec<_> = requests.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, None, Some(200)]);
    assert_eq!(bench.instance.pending_faults(), 0);
}

#[tokio::test]
async fn faults_that_took_effect_and_those_that_did_not_answer_as_the_instance_does() {
    let (bench, record) = Bench::with_incident();
    let hourly = FaultAction::RateLimited {
        retry_after: Some(1200),
    };
    let bad_gateway = FaultAction::CommitThenStatus {
        code: 502,
        headers: Vec::new(),
        body: String::new(),
    };
    for (action, status, effect) in [
        (FaultAction::Cancelled { committed: true }, 500, true),
        (FaultAction::Cancelled { committed: false }, 500, false),
        (hourly, 429, false),
        (FaultAction::RateLimited { retry_after: None }, 429, false),
        (FaultAction::Unauthorized, 401, false),
        (FaultAction::Html, 200, false),
        (FaultAction::Accepted, 202, false),
        (FaultAction::TruncatedJson, 200, true),
        (FaultAction::MixedJson, 200, true),
        (bad_gateway, 502, true),
        (FaultAction::status(503), 503, false),
    ] {
        let before = bench.work_notes(&record).len();
        let notes = RequestMatcher::any().body_containing("work_notes");
        let fault = InjectedFault::on(notes).then(action.clone());
        bench.instance.fault(fault);
        let answer = bench.patch(&record, &json!({"work_notes": "x"})).await;
        assert_eq!(answer.status, status, "{action:?}");
        let written = bench.work_notes(&record).len() - before;
        assert_eq!(written, usize::from(effect), "{action:?}");
        match action {
            FaultAction::RateLimited { retry_after } => {
                let (delay, resets_at) = match retry_after {
                    Some(_) => (Some("1200"), Some("1747218131")),
                    None => (None, None),
                };
                assert_eq!(answer.header("retry-after"), delay);
                assert_eq!(answer.header("x-ratelimit-reset"), resets_at);
            }
            FaultAction::TruncatedJson | FaultAction::Html => {
                let parsed = serde_json::from_str::<Value>(&answer.text);
                assert!(parsed.is_err(), "{}", answer.text);
            }
            FaultAction::MixedJson => {
                let body = answer.json();
                let mixed = body["result"].is_object() && body["error"].is_object();
                assert!(mixed, "{body}");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_write_is_committed_although_its_caller_has_hung_up() {
    let (bench, record) = Bench::with_incident();
    let late = FaultAction::Delay(Duration::from_millis(200));
    let fault = InjectedFault::on(RequestMatcher::of("PATCH", "")).then(late);
    bench.instance.fault(fault);
    let request = bench.request(Method::PATCH, &incident(&record));
    let request = request
        .json(&json!({"work_notes": "late"}))
        .timeout(Duration::from_millis(50));
    assert!(request.send().await.expect_err("no answer").is_timeout());
    assert!(bench.work_notes(&record).is_empty());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.work_notes(&record), ["late"]);
}

#[tokio::test]
async fn a_fault_can_let_requests_through_first_and_come_several_times() {
    let bench = Bench::new();
    let fault = InjectedFault::on(RequestMatcher::path("incident?x=1"));
    let fault = fault.after(1).times(2).then(FaultAction::status(503));
    bench.instance.fault(fault);
    let path = format!("{INCIDENTS}?x=1");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bench.get(&path).await.status);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
}

#[tokio::test]
async fn the_record_of_requests_keeps_the_authorization_apart() {
    let bench = Bench::new();
    bench.get(INCIDENTS).await;
    let mark = bench.instance.mark();
    bench.read(INCIDENTS, "sysparm_query=number%3DINC1").await;
    let since = bench.instance.since(mark);
    assert_eq!(since.len(), 1);
    let request = &since[0];
    assert_eq!(request.parameter("sysparm_query"), Some("number=INC1"));
    assert_eq!(request.header("authorization"), None);
    let authorization = format!("Bearer {}", bench.token);
    assert_eq!(request.authorization, Some(authorization));
    assert_eq!(request.status, Some(200));
    assert_eq!(request.at, bench.clock.now());
}
