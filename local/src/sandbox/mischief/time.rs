//! Lets time pass, in a task, so that the page goes on meanwhile.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use tokio::time::Instant;

use crate::aws::MessageRef;
use crate::lock::lock;
use crate::sandbox::Sandbox;
use crate::sandbox::action::{Done, Fields, Outcome, Refused};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How long posts whose wait is over may take to be delivered before more time passes, in real time.
const PATIENCE: Duration = Duration::from_secs(5);

/// A button that lets time pass.
pub(super) struct Choice {
    pub(super) name: &'static str,
    pub(super) hours: u32,
    /// What to look at.
    watch: &'static str,
    /// What the page says when it is done.
    passed: &'static str,
}

pub(super) const CHOICES: [Choice; 3] = [
    Choice {
        name: "1 hour",
        hours: 1,
        watch: "Posts whose wait is over are tried again.",
        passed: "1 hour has passed.",
    },
    Choice {
        name: "1 day",
        hours: 24,
        watch: "Posts whose wait is over are tried again; what has failed for a day becomes a dead letter.",
        passed: "1 day has passed.",
    },
    Choice {
        name: "100 days",
        hours: 100 * 24,
        watch: "Refresh tokens are renewed on the way, and ServiceNow’s tokens live for 100 days: end a session when it is \
                done.",
        passed: "100 days have passed. Refresh tokens were renewed on the way. End a session to see that it still works.",
    },
];

/// The time that passes, or the last one that has passed.
#[derive(Default)]
pub(in crate::sandbox) struct PassingTime(Mutex<Passage>);

#[derive(Default)]
struct Passage {
    running: bool,
    text: String,
    news: &'static str,
}

impl PassingTime {
    pub(super) fn text(&self) -> String {
        lock(&self.0).text.clone()
    }

    pub(super) fn news(&self) -> &'static str {
        lock(&self.0).news
    }

    /// `false`: time is passing already.
    fn begin(&self) -> bool {
        let mut passage = lock(&self.0);
        if passage.running {
            return false;
        }
        *passage = Passage {
            running: true,
            text: "Deliveries in progress end first …".to_owned(),
            news: "",
        };
        true
    }

    fn progress(&self, passed: Duration, choice: &Choice) {
        let passed = in_words(passed.as_secs() / 3_600);
        lock(&self.0).text = format!("Passed: {passed} of {} …", choice.name);
    }

    fn end(&self, choice: &Choice) {
        let mut passage = lock(&self.0);
        passage.text = format!("Passed: {}.", choice.name);
        passage.news = choice.passed;
    }
}

fn in_words(hours: u64) -> String {
    match (hours / 24, hours % 24) {
        (0, 1) => "1 hour".to_owned(),
        (0, hours) => format!("{hours} hours"),
        (1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    }
}

#[derive(Deserialize)]
pub(super) struct ChosenTime {
    hours: u32,
}

pub(super) async fn pass(
    State(sandbox): State<Arc<Sandbox>>,
    Fields(chosen): Fields<ChosenTime>,
) -> Outcome {
    let choice = CHOICES.iter().find(|choice| choice.hours == chosen.hours);
    let choice = choice.ok_or_else(|| Refused::input("Choose 1, 24 or 2400 hours."))?;
    if !sandbox.time.begin() {
        return Err(Refused::input(
            "Time is passing already. Try again when it is done.",
        ));
    }
    sandbox.changed();
    tokio::spawn(async move {
        let running = Running(sandbox);
        let_pass(&running.0, choice).await;
        running.0.time.end(choice);
    });
    let (name, watch) = (choice.name, choice.watch);
    Ok(Done::new(format!("Time passes: {name}. {watch}")))
}

/// Time that passes. However it ends, deliveries go on and time can pass again.
struct Running(Arc<Sandbox>);

impl Drop for Running {
    fn drop(&mut self) {
        for poller in self.0.cloud.pollers.values() {
            poller.resume();
        }
        lock(&self.0.time.0).running = false;
        self.0.changed();
    }
}

/// Lets time pass in steps: an hour, a day, then ten days each. No step is so long that a post which waits would be lost
/// before it is tried again: the queue keeps it for 14 days. Deliveries in progress end before each step, because their leases
/// would end with it; after it, due rotations and schedules run, and posts whose wait is over are delivered.
async fn let_pass(sandbox: &Sandbox, choice: &Choice) {
    let cloud = &sandbox.cloud;
    let whole = HOUR * choice.hours;
    let mut passed = Duration::ZERO;
    let mut longest = HOUR;
    while passed < whole {
        for poller in cloud.pollers.values() {
            poller.pause().await;
        }
        let step = longest.min(whole - passed);
        cloud.aws.pass_time(step).await;
        cloud.run_due_schedules().await;
        for poller in cloud.pollers.values() {
            poller.resume();
        }
        passed += step;
        longest = if longest == HOUR { DAY } else { 10 * DAY };
        sandbox.time.progress(passed, choice);
        sandbox.changed();
        let since = Instant::now();
        while has_deliverable_post(sandbox) && since.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Whether the sessions queue has a message that can be received and that no earlier one of its session holds up.
fn has_deliverable_post(sandbox: &Sandbox) -> bool {
    let cloud = &sandbox.cloud;
    let queue = cloud.resources.queues.get("SessionsQueue");
    let found = queue.and_then(|queue| {
        cloud.aws.read_queue(&queue.name, |messages| {
            let (visible, hidden): (Vec<_>, Vec<_>) =
                messages.partition(|message| message.is_visible());
            let groups = |messages: Vec<MessageRef<'_>>| -> BTreeSet<String> {
                let groups = messages.into_iter().filter_map(|message| message.group());
                groups.map(str::to_owned).collect()
            };
            !groups(visible).is_subset(&groups(hidden))
        })
    });
    found.unwrap_or_default()
}
