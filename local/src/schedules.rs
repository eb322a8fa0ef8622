//! EventBridge's schedules, which invoke functions at a rate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use shared::domain::clock::{Clock, Timestamp};
use uuid::Uuid;

use crate::aws::{ACCOUNT, REGION, arn};
use crate::lambda::{FunctionError, Lambda};
use crate::lock::lock;

/// The schedules by the names of their functions.
#[derive(Clone)]
pub(crate) struct Schedules {
    clock: Clock,
    schedules: Arc<Mutex<BTreeMap<String, Schedule>>>,
}

#[derive(Clone)]
struct Schedule {
    function: Lambda,
    every: Duration,
    due_at: Timestamp,
}

impl Schedules {
    /// None yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            schedules: Arc::default(),
        }
    }

    /// Adds a schedule that is due for the first time when `every` has passed, as EventBridge does.
    pub(crate) fn add(&self, function: Lambda, every: Duration) {
        let schedule = Schedule {
            due_at: self.clock.now().plus(every),
            every,
            function,
        };
        let name = schedule.function.name().to_owned();
        lock(&self.schedules).insert(name, schedule);
    }

    /// Invokes the functions that are due, and returns their number when all have ended. A function that was due several
    /// times, because the clock was moved, is invoked once.
    pub(crate) async fn tick(&self) -> usize {
        let now = self.clock.now();
        let mut due = Vec::new();
        for schedule in lock(&self.schedules).values_mut() {
            if schedule.due_at <= now {
                schedule.due_at = now.plus(schedule.every);
                due.push(schedule.function.clone());
            }
        }
        let runs = due.iter().map(async |function| {
            if let Err(error) = invoke(function, now).await {
                tracing::warn!(function = function.name(), %error, "the schedule failed");
            }
        });
        join_all(runs).await.len()
    }

    /// Invokes a function as its schedule does, due or not, and returns when it has ended.
    ///
    /// # Errors
    /// The function's failure; `ResourceNotFoundException` for a function without a schedule.
    pub(crate) async fn run(&self, function: &str) -> Result<(), FunctionError> {
        let schedules = lock(&self.schedules).clone();
        let schedule = schedules.get(function).ok_or_else(|| {
            let message = format!("{function} has no schedule");
            FunctionError::new("ResourceNotFoundException", message)
        })?;
        invoke(&schedule.function, self.clock.now()).await
    }
}

async fn invoke(function: &Lambda, at: Timestamp) -> Result<(), FunctionError> {
    let event = event(function.name(), at).to_string();
    let invocation = function.invoke(event.into_bytes()).await;
    invocation.result.map(drop)
}

/// The event of a schedule
/// (<https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-aws-events.html>). Its time has whole seconds.
fn event(function: &str, at: Timestamp) -> Value {
    let time = Timestamp::from_millis(at.as_secs() * 1_000).to_string();
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.replace(".000", ""),
        "region": REGION,
        "resources": [arn::rule(function)],
        "detail": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::testing::function;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_function_is_invoked_each_time_that_its_rate_has_passed() {
        let clock = Clock::manual(Timestamp::parse("2026-03-01T09:00:00.5Z").expect("a date"));
        let schedules = Schedules::new(clock.clone());
        let echo = Lambda::start(function());
        schedules.add(echo.clone(), 6 * HOUR);
        for (hours, runs) in [(0, 0), (5, 0), (1, 1), (5, 0), (1, 1), (48, 1), (5, 0)] {
            clock.advance(hours * HOUR);
            assert_eq!(schedules.tick().await, runs, "after {hours} hours more");
        }
        assert_eq!(echo.starts(), 1);
    }

    #[tokio::test]
    async fn a_schedule_is_run_due_or_not_and_a_function_without_one_is_not_there() {
        let schedules = Schedules::new(Clock::system(0));
        let echo = Lambda::start(function());
        schedules.add(echo.clone(), HOUR);
        assert_eq!(schedules.run("echo").await, Ok(()));
        assert_eq!(echo.starts(), 1);
        let none = schedules.run("deliver-session").await.expect_err("none");
        assert_eq!(none.error_type, "ResourceNotFoundException");
    }

    #[test]
    fn the_event_is_one_of_eventbridge() {
        let at = Timestamp::parse("2026-03-01T09:00:00.5Z").expect("a date");
        let mut event = event("reconcile-sessions", at);
        assert!(event["id"].take().is_string());
        let expected = json!({
            "version": "0",
            "id": null,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "000000000000",
            "time": "2026-03-01T09:00:00Z",
            "region": "us-east-1",
            "resources": ["arn:aws:events:us-east-1:000000000000:rule/reconcile-sessions"],
            "detail": {},
        });
        assert_eq!(event, expected);
    }
}
