//! The clock of the whole cloud, read and moved over HTTP: for tests in other processes and for people.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Aws;

/// A GET answers the time as a JSON object; a POST of `{"advance_seconds": 864000}` moves the clock forward before that.
pub(crate) const CLOCK_PATH: &str = "/clock";

/// Moves the clock of every part forward.
pub type ClockMover = Arc<dyn Fn(Duration) + Send + Sync>;

/// The longest time between two runs of the rotations that are due. A token lives longer than that.
const STEP: Duration = Duration::from_secs(10 * 24 * 3600);

/// The most that one request moves the clock by.
const TEN_YEARS: u64 = 10 * 365 * 24 * 3600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

impl Aws {
    /// Sets what moves the clock of every part; without it only that of the embedded AWS is moved.
    pub fn set_clock_mover(&self, mover: ClockMover) {
        self.0.clock_mover.set(mover).ok();
    }

    /// Lets time pass: moves the clock in steps of at most ten days, and after each runs the rotations that are due to their
    /// end. Returns the number of steps.
    pub async fn pass_time(&self, mut time: Duration) -> usize {
        let mut steps = 0;
        while !time.is_zero() {
            let step = time.min(STEP);
            match self.0.clock_mover.get() {
                Some(mover) => mover(step),
                None => self.0.clock.advance(step),
            }
            self.tick().await;
            time -= step;
            steps += 1;
        }
        steps
    }

    fn clock(&self) -> Value {
        let clock = &self.0.clock;
        json!({"now": clock.now(), "ahead_seconds": clock.offset_seconds()})
    }
}

pub(super) async fn shown(State(aws): State<Aws>) -> Json<Value> {
    Json(aws.clock())
}

pub(super) async fn moved(State(aws): State<Aws>, body: Bytes) -> (StatusCode, Json<Value>) {
    match serde_json::from_slice::<Advance>(&body) {
        Ok(Advance { advance_seconds }) if (1..=TEN_YEARS).contains(&advance_seconds) => {
            aws.pass_time(Duration::from_secs(advance_seconds)).await;
            (StatusCode::OK, Json(aws.clock()))
        }
        outcome => {
            let reason = outcome.err().map(|error| format!(" ({error})"));
            let error = format!(
                "The clock was not moved: send {{\"advance_seconds\": N}} with a whole number from 1 to {TEN_YEARS} (ten \
                 years){}.",
                reason.unwrap_or_default()
            );
            (StatusCode::BAD_REQUEST, Json(json!({ "error": error })))
        }
    }
}
