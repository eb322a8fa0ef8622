//! The tenant's status, and the test of the whole way.

use std::sync::{Arc, Mutex};

use askama::Template;
use axum::extract::State;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::reading::Reading;
use super::sentences::{self, Refusal, read};
use super::{PANEL, Tab, tabs};
use crate::app::App;
use crate::cloud::Cloud;
use crate::demo_tenant::TECHNICIAN;
use crate::lock::lock;
use crate::multicall::MulticallError;
use crate::sandbox::Sandbox;
use crate::sandbox::action::{Done, Outcome, Refused};
use crate::sandbox::panel::{Panel, Selection};

pub(super) const VIEW: &str = "status";

/// What the view remembers.
pub(super) struct Status {
    reading: Arc<Reading>,
    test: Mutex<Option<Test>>,
}

/// The last test: when it ended, and its checks or why there are none.
type Test = (String, Result<Vec<Check>, String>);

impl Status {
    pub(super) fn new(cloud: &Cloud, app: &App) -> Self {
        Self {
            reading: Reading::new(cloud, app, "status"),
            test: Mutex::default(),
        }
    }
}

#[derive(Template)]
#[template(path = "sandbox/servicenow/status.html")]
struct View {
    tabs: Vec<Tab>,
    status: Option<Result<Shown, Refusal>>,
    command: String,
    test: Option<Test>,
    test_command: String,
}

/// The status in words.
struct Shown {
    at: String,
    /// What is wrong, a sentence each.
    problems: Vec<String>,
    enabled: bool,
    /// Why deliveries are paused, and until when, in milliseconds and in words.
    paused: Option<(String, i64, String)>,
    token: Token,
    last_received_at: Option<String>,
    /// Counts of the last day by state.
    posts: Vec<(String, String)>,
    only_newest: bool,
    missed_sessions: Option<u64>,
    reconciliation: Option<Reconciliation>,
}

struct Token {
    state: String,
    class: &'static str,
    expires_at: Option<String>,
    days_left: Option<u64>,
    renews_itself: bool,
    last_rotation_at: Option<String>,
}

struct Reconciliation {
    mode: String,
    compared_until: Option<String>,
    failure: Option<String>,
}

#[derive(Clone)]
struct Check {
    name: String,
    class: &'static str,
    result: String,
    seen: String,
    remedy: String,
}

pub(super) fn panel(sandbox: &Sandbox, selection: &Selection) -> Result<Panel, MulticallError> {
    let status = &sandbox.servicenow.status;
    let latest = status.reading.latest();
    let view = View {
        tabs: tabs(sandbox, selection),
        status: latest.map(|answer| answer.map(|answer| shown(&answer.body()))),
        command: sandbox.app.get_command("status"),
        test: lock(&status.test).clone(),
        test_command: sandbox.app.get_command(&test_route()),
    };
    Ok(Panel::render(PANEL, &view)?)
}

/// Whether the last status says that something is wrong.
pub(super) fn has_problem(sandbox: &Sandbox) -> bool {
    match sandbox.servicenow.status.reading.latest() {
        None => false,
        Some(Err(_)) => true,
        Some(Ok(answer)) => !problems(&answer.body()).is_empty(),
    }
}

/// What is wrong, the most important first.
fn problems(body: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if body["enabled"] == false {
        problems.push("The integration is switched off: posts are not written.".to_owned());
    }
    if let Some(reason) = body["paused"]["reason"].as_str() {
        problems.push(format!(
            "Deliveries are paused: {}",
            sentences::pause(reason)
        ));
    }
    problems.extend(
        match body["token"]["state"].as_str() {
            Some("none") => Some("There is no token for ServiceNow yet."),
            Some("expires-soon") => Some("The token for ServiceNow expires soon."),
            Some("reauthorization-needed") => {
                Some("The token for ServiceNow has expired or is refused: a new one is needed.")
            }
            _ => None,
        }
        .map(str::to_owned),
    );
    if let Some(reason) = body["reconciliation"]["failed"]["reason"].as_str() {
        problems.push(format!("The report of Rescue was not compared: {reason}"));
    }
    let last_day = &body["posts"]["last_day"];
    let counts = [
        (&last_day["failed"], "Failed posts of the last day"),
        (
            &last_day["waiting"],
            "Posts that wait for their next attempt",
        ),
        (
            &body["missed_sessions"],
            "Sessions that Rescue never posted",
        ),
    ];
    for (count, what) in counts {
        if let Some(count) = count.as_u64().filter(|count| *count > 0) {
            problems.push(format!("{what}: {count}."));
        }
    }
    problems
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn shown(body: &Value) -> Shown {
    let (token, posts) = (&body["token"], &body["posts"]);
    let state = text(&token["state"]).unwrap_or_default();
    let counts = posts["last_day"].as_object().into_iter().flatten();
    let paused = &body["paused"];
    let until = text(&paused["until"]).unwrap_or_default();
    let paused = paused["reason"].as_str().map(|reason| {
        let ends = shared::domain::clock::Timestamp::parse(&until);
        let millis = ends.map_or(0, shared::domain::clock::Timestamp::as_millis);
        (sentences::pause(reason).to_owned(), millis, until)
    });
    let compared = &body["reconciliation"];
    let reconciliation = compared.is_object().then(|| Reconciliation {
        mode: text(&compared["mode"]).unwrap_or_default(),
        compared_until: text(&compared["compared_until"]),
        failure: text(&compared["failed"]["reason"]),
    });
    Shown {
        at: text(&body["at"]).unwrap_or_default(),
        problems: problems(body),
        enabled: body["enabled"] == true,
        paused,
        token: Token {
            class: match state.as_str() {
                "healthy" | "not-needed" => "good",
                "expires-soon" => "wait",
                _ => "bad",
            },
            state: state.replace('-', " "),
            expires_at: text(&token["expires_at"]),
            days_left: token["days_left"].as_u64(),
            renews_itself: token["renews_itself"] == true,
            last_rotation_at: text(&token["last_rotation_at"]),
        },
        last_received_at: text(&posts["last_received_at"]),
        posts: counts
            .map(|(state, count)| (state.clone(), count.to_string()))
            .collect(),
        only_newest: posts["more"] == true,
        missed_sessions: body["missed_sessions"].as_u64(),
        reconciliation,
    }
}

fn check(check: &Value) -> Check {
    let text = |name: &str| check[name].as_str().unwrap_or_default();
    let (class, result) = match text("result") {
        "ok" => ("good", "passed"),
        "warning" => ("wait", "warning"),
        "failed" => ("bad", "failed"),
        "skipped" => ("quiet", "skipped"),
        other => ("quiet", other),
    };
    Check {
        name: sentences::check(text("check")).to_owned(),
        class,
        result: result.to_owned(),
        seen: text("seen").to_owned(),
        remedy: text("remedy").to_owned(),
    }
}

/// Reads status and settings again.
pub(super) async fn read_again(State(sandbox): State<Arc<Sandbox>>) -> Outcome {
    let (status, settings) = (&sandbox.servicenow.status, &sandbox.servicenow.settings);
    tokio::join!(status.reading.again(), settings.read_again());
    sandbox.changed();
    Ok(Done::new("Read again."))
}

/// The route of the status with all checks (`RescueStatus.checksQuery`).
fn test_route() -> String {
    let technician = utf8_percent_encode(TECHNICIAN, NON_ALPHANUMERIC);
    format!("status?checks=true&technician={technician}")
}

/// Lets the connector test the whole way.
pub(super) async fn test(State(sandbox): State<Arc<Sandbox>>) -> Outcome {
    let status = &sandbox.servicenow.status;
    let answer = read(sandbox.app.get(&test_route()).await);
    let checks = answer.map_err(|refusal| refusal.sentence).map(|answer| {
        let mut checks = answer.body()["checks"]
            .as_array()
            .map_or_else(Vec::new, |checks| checks.iter().map(check).collect());
        status.reading.changed(answer);
        // What failed comes first, what passed last.
        let order = ["bad", "wait", "quiet", "good"];
        checks.sort_by_key(|check| order.iter().position(|class| *class == check.class));
        checks
    });
    let outcome = match &checks {
        Err(sentence) => Err(Refused::input(format!("The test was not made. {sentence}"))),
        Ok(checks) => {
            let count = |class| checks.iter().filter(|check| check.class == class).count();
            Ok(Done::new(match (count("bad"), count("wait")) {
                (0, 0) => "Everything that was tested works.".to_owned(),
                (0, _) => "Everything that was tested works. Look at the warnings.".to_owned(),
                (failed, _) => format!("Failed checks: {failed}."),
            }))
        }
    };
    let at = sandbox.cloud.clock.now().to_string();
    *lock(&status.test) = Some((at, checks));
    sandbox.changed();
    outcome
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_names_what_is_wrong_and_nothing_else() {
        let mut body = json!({
            "enabled": true,
            "paused": null,
            "token": {"state": "healthy"},
            "posts": {"last_day": {"delivered": 3, "failed": 0, "waiting": 0}},
            "missed_sessions": null,
            "reconciliation": null,
        });
        assert_eq!(problems(&body), [""; 0]);
        body["paused"] = json!({"reason": "servicenow-throttled", "until": "2026-01-01T00:00:00Z"});
        body["posts"]["last_day"]["failed"] = json!(2);
        let found = problems(&body);
        assert!(found[0].starts_with("Deliveries are paused: This instance refuses"));
        assert_eq!(found[1..], ["Failed posts of the last day: 2."]);
    }
}
