//! What the connector says on one of its routes, for panels that are rendered far more often than it changes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use shared::domain::clock::Clock;

use super::sentences::{Refusal, read};
use crate::app::{Answer, App};
use crate::aws::{CallJournal, Mark};
use crate::cloud::Cloud;
use crate::lock::lock;

/// A reading that may be outdated is repeated no sooner.
const PAUSE: Duration = Duration::from_secs(5);
/// A reading that nothing seems to have changed is repeated after this.
const OUTDATED: Duration = Duration::from_secs(60);

/// The last answer of a route. It is read again in the background while it is shown: once something was written to the
/// connector's tables and secrets, or the clock was moved. Reading writes nothing, so it is no reason to read again.
pub(super) struct Reading {
    app: App,
    route: &'static str,
    journal: CallJournal,
    clock: Clock,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    answer: Option<Result<Answer, Refusal>>,
    read: Option<Moment>,
    is_being_read: bool,
}

#[derive(Clone, Copy)]
struct Moment {
    at: Instant,
    mark: Mark,
    offset_seconds: i64,
}

impl Reading {
    pub(super) fn new(cloud: &Cloud, app: &App, route: &'static str) -> Arc<Self> {
        Arc::new(Self {
            app: app.clone(),
            route,
            journal: cloud.aws.journal().clone(),
            clock: cloud.clock.clone(),
            last: Mutex::default(),
        })
    }

    /// The last answer; `None` before the first one.
    pub(super) fn latest(self: &Arc<Self>) -> Option<Result<Answer, Refusal>> {
        let mut last = lock(&self.last);
        if !last.is_being_read && last.read.is_none_or(|read| self.is_outdated(read)) {
            last.is_being_read = true;
            let reading = Arc::clone(self);
            tokio::spawn(async move { reading.again().await });
        }
        last.answer.clone()
    }

    /// Reads it now.
    pub(super) async fn again(&self) {
        let read_at = self.now();
        let answer = read(self.app.get(self.route).await);
        self.replace(answer, read_at);
    }

    /// Takes an answer that a change of it got.
    pub(super) fn changed(&self, answer: Answer) {
        self.replace(Ok(answer), self.now());
    }

    fn replace(&self, answer: Result<Answer, Refusal>, read_at: Moment) {
        *lock(&self.last) = Last {
            answer: Some(answer),
            read: Some(read_at),
            is_being_read: false,
        };
    }

    fn now(&self) -> Moment {
        Moment {
            at: Instant::now(),
            mark: self.journal.mark(),
            offset_seconds: self.clock.offset_seconds(),
        }
    }

    fn is_outdated(&self, read: Moment) -> bool {
        let age = read.at.elapsed();
        let moved = read.offset_seconds != self.clock.offset_seconds();
        age >= OUTDATED || (age >= PAUSE && (moved || self.journal.has_writes(read.mark)))
    }
}
