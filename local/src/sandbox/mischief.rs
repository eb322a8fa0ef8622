//! The strip of mischief and time: what fails, until everything works again, and how much time passes.

mod time;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use futures::future::join_all;
use serde::Deserialize;

pub(super) use self::time::PassingTime;
use super::Sandbox;
use super::action::{Done, Fields, Outcome, Refused};
use super::panel::Panel;
use crate::aws::{Effect, InjectedAwsFault, Service};
use crate::cloud::{Cloud, OPERATOR};
use crate::lambda::Lambda;
use crate::multicall::MulticallError;
use crate::simulator::{FaultAction, InjectedFault, RequestMatcher};

/// How long each answer of a slow ServiceNow takes. A write may take 65 s, an answer to the PIN button 8 s.
const SLOW: Duration = Duration::from_secs(5);

/// For how long ServiceNow asks when it has had too many requests, in seconds.
const RETRY_AFTER: u64 = 60;

/// The column that the demo tenant writes and a dropped field is. See [`crate::demo_tenant::TYPED_COLUMN`].
const DROPPED: &str = "incident.time_worked";

/// All functions, in place of one's name.
const ALL: &str = "all";

/// A button that makes something fail.
struct Mischief {
    key: &'static str,
    name: &'static str,
    /// What is different now, and what to try.
    try_next: &'static str,
    make: fn(&Cloud, &'static str),
}

/// How many of [`MISCHIEF`] need no knowledge of AWS.
const FOR_ALL: usize = 6;

const MISCHIEF: [Mischief; 8] = [
    Mischief {
        key: "down",
        name: "ServiceNow is down",
        try_next: "ServiceNow answers 503. End a session now: its note waits.",
        make: |cloud, name| {
            let down = InjectedFault::on(RequestMatcher::any()).always();
            cloud.servicenow.put_fault_first(down.named(name));
        },
    },
    Mischief {
        key: "slow",
        name: "ServiceNow is slow",
        try_next: "Each answer of ServiceNow takes 5 seconds. End a session now: its post is being delivered for a while.",
        make: |cloud, name| {
            let slow = InjectedFault::on(RequestMatcher::any()).always();
            let slow = slow.then(FaultAction::Delay(SLOW));
            cloud.servicenow.put_fault_first(slow.named(name));
        },
    },
    Mischief {
        key: "lost",
        name: "Answer lost after the write",
        try_next: "ServiceNow writes the next work note and cuts the connection. End a session now: the connector cannot know \
                   whether the note is there. It looks after 70 seconds, and writes no second one.",
        make: |cloud, name| {
            let notes = RequestMatcher::path("/table/").body_containing("\"work_notes\"");
            let lost = InjectedFault::on(notes).then(FaultAction::CommitThenDrop);
            cloud.servicenow.put_fault_first(lost.named(name));
        },
    },
    Mischief {
        key: "401",
        name: "Sign-in refused (401)",
        try_next: "ServiceNow refuses the credentials of the next request. End a session now: the connector gets a new token, \
                   and the note appears all the same.",
        make: |cloud, name| {
            let refused = InjectedFault::on(RequestMatcher::path("/api/now/"));
            let refused = refused.then(FaultAction::Unauthorized);
            cloud.servicenow.put_fault_first(refused.named(name));
        },
    },
    Mischief {
        key: "429",
        name: "Too many requests (429)",
        try_next: "ServiceNow has had too many requests: it answers the next one 429 and asks for 60 seconds. End a session now: \
                   its post waits so long.",
        make: |cloud, name| {
            let throttled = InjectedFault::on(RequestMatcher::path("/api/now/"));
            let retry_after = Some(RETRY_AFTER);
            let throttled = throttled.then(FaultAction::RateLimited { retry_after });
            cloud.servicenow.put_fault_first(throttled.named(name));
        },
    },
    Mischief {
        key: "dropped",
        name: "A field is dropped",
        try_next: "ServiceNow ignores what is written to an incident’s column time_worked. End a session now: its note appears, \
                   and its post says what was ignored.",
        make: |cloud, _| {
            cloud.servicenow.configure(|rules| {
                rules.unwritable_columns.insert(DROPPED.to_owned());
            });
        },
    },
    Mischief {
        key: "sqs",
        name: "SQS fails",
        try_next: "SQS refuses every call of the functions. End a session now: Rescue is answered 503, because its post cannot \
                   be kept. When everything works again, post it again.",
        make: |cloud, _| fail(cloud, Service::Sqs, "InternalError"),
    },
    Mischief {
        key: "dynamodb",
        name: "DynamoDB fails",
        try_next: "DynamoDB refuses every call of the functions. End a session now: its post stays in the queue.",
        make: |cloud, _| fail(cloud, Service::DynamoDb, "InternalServerError"),
    },
];

/// Has a service refuse the calls of the functions and their triggers; the page and the command line go on reading.
fn fail(cloud: &Cloud, service: Service, error: &str) {
    let mut faults = cloud.aws.faults().into_iter();
    if faults.all(|(fault, _)| fault.service != service) {
        let error = error.to_owned();
        let refused = Effect::Refuse { status: 500, error };
        let fault = InjectedAwsFault::any(service, refused).always();
        cloud.aws.inject(fault.sparing(OPERATOR));
    }
}

/// What fails now: the name of its button, and how many requests it took or still takes.
pub(super) fn active(cloud: &Cloud) -> Vec<(&'static str, String)> {
    const UNTIL: &str = "until everything works again";
    let requests = |count: u32| match count {
        1 => "1 request".to_owned(),
        count => format!("{count} requests"),
    };
    let of_servicenow = cloud.servicenow.listed_faults().into_iter().map(|fault| {
        let text = match fault.left {
            Some(1) => "takes the next request".to_owned(),
            Some(left) => format!("takes the next {left} requests"),
            None => format!("has taken {}, {UNTIL}", requests(fault.taken)),
        };
        (fault.name, text)
    });
    let mut active: Vec<_> = of_servicenow.collect();
    if cloud
        .servicenow
        .rules()
        .unwritable_columns
        .contains(DROPPED)
    {
        active.push(("A field is dropped", format!("{DROPPED}, {UNTIL}")));
    }
    for (fault, taken) in cloud.aws.faults() {
        let name = match fault.service {
            Service::Sqs => "SQS fails",
            Service::DynamoDb => "DynamoDB fails",
            _ => continue,
        };
        let calls = format!("has refused {}, {UNTIL}", requests(taken));
        active.push((name, calls));
    }
    active
}

pub(super) fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/mischief/fault", post(fault))
        .route("/mischief/kill", post(kill))
        .route("/mischief/repair", post(repair))
        .route("/mischief/time", post(time::pass))
}

#[derive(Template)]
#[template(path = "sandbox/mischief.html")]
struct Strip<'a> {
    mischief: &'static [Mischief],
    /// What only engineers know.
    for_engineers: &'static [Mischief],
    functions: Vec<&'a str>,
    active: Vec<(&'static str, String)>,
    times: &'static [time::Choice],
    /// How far the time is that passes, or that the last one has passed.
    passing: String,
    /// What has come of it; empty while it passes.
    passed: &'static str,
    /// Each button's name and its command.
    commands: Vec<(&'a str, String)>,
}

pub(super) fn panels(sandbox: &Sandbox) -> Result<Vec<Panel>, MulticallError> {
    let command = |route: &str, fields: &[(&str, &str)]| {
        sandbox.form_command(&format!("mischief/{route}"), fields)
    };
    let mischief = MISCHIEF.iter();
    let mut commands: Vec<(&str, String)> = mischief
        .map(|one| (one.name, command("fault", &[("fault", one.key)])))
        .collect();
    commands.push((
        "Kill the function",
        command("kill", &[("function", "deliver-session")]),
    ));
    commands.push(("Everything works again", command("repair", &[])));
    let times = time::CHOICES.iter();
    commands.extend(times.map(|one| {
        let hours = one.hours.to_string();
        (one.name, command("time", &[("hours", &hours)]))
    }));
    let (mischief, for_engineers) = MISCHIEF.split_at(FOR_ALL);
    let strip = Strip {
        mischief,
        for_engineers,
        functions: sandbox.cloud.functions.keys().map(String::as_str).collect(),
        active: active(&sandbox.cloud),
        times: &time::CHOICES,
        passing: sandbox.time.text(),
        passed: sandbox.time.news(),
        commands,
    };
    Ok(vec![Panel::render("panel-mischief", &strip)?])
}

#[derive(Deserialize)]
struct ChosenFault {
    fault: String,
}

async fn fault(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(chosen): Fields<ChosenFault>,
) -> Outcome {
    let mischief = MISCHIEF.iter().find(|one| one.key == chosen.fault);
    let mischief = mischief.ok_or_else(|| Refused::input("There is no such fault."))?;
    (mischief.make)(&sandbox.cloud, mischief.name);
    sandbox.changed();
    Ok(Done::new(mischief.try_next))
}

async fn repair(State(sandbox): State<Arc<Sandbox>>) -> Outcome {
    let cloud = &sandbox.cloud;
    cloud.servicenow.clear_faults();
    cloud.servicenow.configure(|rules| {
        rules.unwritable_columns.remove(DROPPED);
    });
    cloud.aws.clear_faults();
    sandbox.changed();
    Ok(Done::new(
        "Everything works again. Posts that wait are delivered at their next attempt; let 1 hour pass to see it at once.",
    ))
}

#[derive(Deserialize)]
struct ChosenFunction {
    function: String,
}

async fn kill(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(chosen): Fields<ChosenFunction>,
) -> Outcome {
    let functions: &BTreeMap<String, Lambda> = &sandbox.cloud.functions;
    let chosen = chosen.function.as_str();
    let killed: Vec<&Lambda> = match chosen {
        ALL => functions.values().collect(),
        name => functions.get(name).into_iter().collect(),
    };
    if killed.is_empty() {
        return Err(Refused::input("There is no such function."));
    }
    let processes: usize = killed.iter().map(|lambda| lambda.processes().len()).sum();
    join_all(killed.iter().map(|lambda| lambda.kill())).await;
    sandbox.changed();
    let done = match processes {
        0 => "No process was running; the next event starts one.",
        1 => "One process is killed.",
        _ => "The processes are killed.",
    };
    let next = " A post whose delivery has died stays “being delivered” until SQS returns it after 30 minutes: let 1 hour \
                pass.";
    let next = if matches!(chosen, ALL | "deliver-session") && processes > 0 {
        next
    } else {
        ""
    };
    Ok(Done::new(format!("{done}{next}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::testing::sandbox;

    #[tokio::test(flavor = "multi_thread")]
    async fn each_fault_is_listed_by_its_button_until_everything_works_again() {
        let sandbox = sandbox().await;
        for _ in 0..2 {
            for mischief in &MISCHIEF {
                let fault = mischief.key.to_owned();
                let pressed = fault_of(&sandbox, fault).await;
                assert!(pressed.is_ok(), "{}", mischief.name);
            }
        }
        let mut listed: Vec<&str> = active(&sandbox.cloud)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        // A slow instance is not down.
        let names = MISCHIEF.iter().map(|mischief| mischief.name);
        let mut names: Vec<&str> = names.filter(|name| *name != "ServiceNow is down").collect();
        listed.sort_unstable();
        names.sort_unstable();
        assert_eq!(listed, names);
        let strip = panels(&sandbox).expect("the page reads on").remove(0).html;
        assert!(strip.contains("takes the next request"), "{strip}");
        repair(State(Arc::clone(&sandbox))).await.expect("repaired");
        assert_eq!(active(&sandbox.cloud), []);
        let unknown = fault_of(&sandbox, "none".to_owned()).await;
        assert!(unknown.is_err());
    }

    async fn fault_of(sandbox: &Arc<Sandbox>, fault: String) -> Outcome {
        super::fault(State(Arc::clone(sandbox)), Fields(ChosenFault { fault })).await
    }
}
