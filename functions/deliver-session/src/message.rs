//! One message: claim it, attempt it, and decide by reason and age what becomes of it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use shared::clock::Timestamp;
use shared::credentials::Pause;
use shared::error::Code;
use shared::ledger::{Claim, Started, State, Waiting};
use shared::queue::{DeadLetter, Post};
use shared::retry;
use shared::servicenow::access::AccessError;
use shared::servicenow::client::CallError;
use shared::telemetry::{self, Metric};
use shared::tenants::Tenant;

use crate::DeliverSession;
use crate::attempt::{Attempt, End, Failure};
use crate::event::Message;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It leaves the queue.
    Done,
    /// It stays hidden in the queue for that long.
    Postponed(Duration),
}

/// Delivers a message, or decides how long it waits.
pub(crate) async fn deliver(
    function: &DeliverSession,
    message: &Message,
    deadline: Timestamp,
) -> Outcome {
    let post = match &message.post {
        Ok(post) => post,
        Err(undecodable) => return bury(function, message, None, undecodable.code()).await,
    };
    let tenant = match function.tenants.get(&post.tenant).await {
        Ok(Some(tenant)) => tenant,
        Ok(None) => return bury(function, message, Some(post), Code::TenantDeleted).await,
        Err(error) => {
            tracing::warn!(tenant = %post.tenant, session = %post.session_id, %error, "tenant not readable");
            return Outcome::Postponed(retry::SESSION.first);
        }
    };
    let handling = Handling {
        function,
        message,
        post,
        tenant,
        deadline,
    };
    handling.run().await
}

struct Handling<'a> {
    function: &'a DeliverSession,
    message: &'a Message,
    post: &'a Post,
    tenant: Arc<Tenant>,
    deadline: Timestamp,
}

impl Handling<'_> {
    async fn run(&self) -> Outcome {
        let mut expired = None;
        match self.function.credentials.pause(&self.post.tenant).await {
            Ok(None) => {}
            Ok(Some(pause)) if self.waited_too_long(pause.reason) => expired = Some(pause.reason),
            Ok(Some(pause)) => return Outcome::Postponed(self.until(pause.until)),
            Err(error) => return self.storage_failed(&error.to_string()),
        }
        if self.deadline.since(self.function.clock.now()) < retry::WRITE_NEEDS {
            return Outcome::Postponed(Duration::ZERO);
        }
        let owner = uuid::Uuid::new_v4().to_string();
        // Nothing is sent after the deadline, so whoever takes an expired lease over looks late enough.
        let lease_until = self.deadline.plus(retry::SETTLE);
        let started = match self
            .function
            .ledger
            .claim(self.post, &owner, lease_until)
            .await
        {
            Ok(Claim::Started(started)) => started,
            Ok(Claim::Completed(_)) => return Outcome::Done,
            Ok(Claim::Locked(until)) => return Outcome::Postponed(self.until(until)),
            Err(error) => return self.storage_failed(&error.to_string()),
        };
        let waiting = Waiting {
            next_attempt_at: self.function.clock.now(),
            reason: None,
            look_first: started.look_first,
            attempts: started.attempts,
        };
        if let Some(reason) = expired {
            return self
                .give_up(&owner, reason, waiting, "waited too long")
                .await;
        }
        if started.deaths >= retry::DEATHS_ALLOWED {
            return self
                .give_up(&owner, Code::ProcessingDied, waiting, "")
                .await;
        }
        self.attempt(&owner, started).await
    }

    async fn attempt(&self, owner: &str, started: Started) -> Outcome {
        let mut attempt = Attempt::new(
            self.function,
            &self.tenant,
            self.post,
            started,
            self.deadline,
        );
        match attempt.run().await {
            Ok(end) => {
                self.timeouts_in_a_row(false);
                self.finish(owner, end).await
            }
            Err(failure) => {
                let look_first = attempt.must_look || failure.is_unknown();
                let attempts =
                    started.attempts + u32::from(attempt.had_effect || !failure.is_out_of_time());
                let waiting = Waiting {
                    next_attempt_at: self.function.clock.now(),
                    reason: None,
                    look_first,
                    attempts,
                };
                self.failed(owner, failure, waiting).await
            }
        }
    }

    async fn finish(&self, owner: &str, end: End) -> Outcome {
        let (state, reason) = match end {
            End::Delivered => (State::Delivered, None),
            End::Ignored => (State::Ignored, None),
            End::Unmatched(reason) => (State::Unmatched, Some(reason)),
        };
        match self
            .function
            .ledger
            .complete(self.post, owner, state, reason, false)
            .await
        {
            // Not the owner any more: whoever took it over looks before writing, and finds what was written.
            Ok(_) => {}
            // The claim ends by itself; the next delivery of the message looks, and finds what was written.
            Err(error) => return self.storage_failed(&error.to_string()),
        }
        let tenant = &self.post.tenant;
        match end {
            End::Delivered => {
                telemetry::count(Metric::Delivered, Some(tenant));
                telemetry::delivery_latency(
                    self.function.clock.now().since(self.post.received_at),
                    tenant,
                );
            }
            End::Ignored => telemetry::count(Metric::PostIgnored, Some(tenant)),
            End::Unmatched(reason) => {
                telemetry::count_reason(Metric::Unmatched, reason, Some(tenant))
            }
        }
        tracing::info!(%tenant, session = %self.post.session_id, digest = self.post.digest.short(),
            state = state.as_str(), "post finished");
        Outcome::Done
    }

    /// Decides by reason and age: give up, or wait for how long, alone or with the whole tenant.
    async fn failed(&self, owner: &str, failure: Failure, waiting: Waiting) -> Outcome {
        let backoff = retry::SESSION.after(waiting.attempts);
        let detail = failure.to_string();
        let (code, delay, pauses) = match &failure {
            Failure::Permanent(code) => {
                return self.give_up(owner, *code, waiting, &detail).await;
            }
            Failure::Storage(_) => (Code::StorageUnavailable, backoff, false),
            Failure::ServiceNow(error) => match error {
                CallError::OutOfTime => return self.wait(owner, waiting, Duration::ZERO).await,
                CallError::Refused { .. } => {
                    return self
                        .give_up(owner, Code::ServiceNowRefused, waiting, &detail)
                        .await;
                }
                CallError::NotFound => {
                    return self
                        .give_up(owner, Code::RecordNotFound, waiting, &detail)
                        .await;
                }
                CallError::Throttled { retry_after } => (
                    Code::ServiceNowThrottled,
                    retry_after.unwrap_or(retry::THROTTLE_PAUSE),
                    true,
                ),
                CallError::Misconfigured(_) => (Code::TenantMisconfigured, backoff, false),
                CallError::Unavailable { retry_after, .. } => (
                    Code::ServiceNowUnavailable,
                    retry_after.unwrap_or(backoff),
                    false,
                ),
                CallError::Unknown { .. } => (
                    Code::ServiceNowUnavailable,
                    backoff.max(retry::SETTLE),
                    false,
                ),
                CallError::Access(AccessError::ReauthorizationNeeded(_)) => (
                    Code::ReauthorizationNeeded,
                    retry::REAUTHORIZATION_PAUSE,
                    true,
                ),
                CallError::Access(AccessError::Paused(pause)) => {
                    (pause.reason, self.until(pause.until), false)
                }
                CallError::Access(AccessError::Transient { retry_after, .. }) => (
                    Code::ServiceNowUnavailable,
                    retry_after.unwrap_or(backoff),
                    false,
                ),
            },
        };
        telemetry::log_failure(
            code,
            self.post.tenant.as_str(),
            self.post.session_id.as_str(),
            &detail,
        );
        if self.waited_too_long(code) {
            return self.give_up(owner, code, waiting, &detail).await;
        }
        if pauses {
            self.pause(code, delay).await;
        } else if failure.timed_out() && self.timeouts_in_a_row(true) {
            self.pause(code, retry::TIMEOUT_PAUSE).await;
        }
        self.wait(
            owner,
            Waiting {
                reason: Some(code),
                ..waiting
            },
            delay,
        )
        .await
    }

    async fn wait(&self, owner: &str, waiting: Waiting, delay: Duration) -> Outcome {
        let waiting = Waiting {
            next_attempt_at: self.function.clock.now().plus(delay),
            ..waiting
        };
        telemetry::count(Metric::Postponed, Some(&self.post.tenant));
        if let Err(error) = self
            .function
            .ledger
            .release(self.post, owner, waiting)
            .await
        {
            // The claim ends by itself; until then the message comes back in vain.
            tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, %error, "claim not released");
        }
        Outcome::Postponed(delay)
    }

    /// Dead-letters first, and only then says so in the ledger: a crash in between repeats the letter and loses nothing.
    async fn give_up(&self, owner: &str, reason: Code, waiting: Waiting, detail: &str) -> Outcome {
        tracing::error!(tenant = %self.post.tenant, session = %self.post.session_id, code = reason.as_str(), detail,
            "post given up");
        if let Outcome::Postponed(delay) =
            bury(self.function, self.message, Some(self.post), reason).await
        {
            // Without this the claim would end by itself, which counts as a death.
            let waiting = Waiting {
                reason: Some(reason),
                ..waiting
            };
            return self.wait(owner, waiting, delay).await;
        }
        match self
            .function
            .ledger
            .complete(
                self.post,
                owner,
                State::Failed,
                Some(reason),
                waiting.look_first,
            )
            .await
        {
            Ok(_) => Outcome::Done,
            Err(error) => self.storage_failed(&error.to_string()),
        }
    }

    fn waited_too_long(&self, reason: Code) -> bool {
        let age = self.function.clock.now().since(self.message.queued_at);
        match reason {
            Code::ReauthorizationNeeded => {
                age >= self.tenant.file.sessions.reauthorization_wait.duration()
            }
            _ => age >= retry::GIVE_UP_AFTER,
        }
    }

    async fn pause(&self, reason: Code, length: Duration) {
        let tenant = &self.post.tenant;
        telemetry::count_reason(Metric::TenantPaused, reason, Some(tenant));
        if reason == Code::ReauthorizationNeeded {
            telemetry::count(Metric::ReauthorizationNeeded, Some(tenant));
        }
        let pause = Pause {
            until: self.function.clock.now().plus(length),
            reason,
        };
        if let Err(error) = self.function.credentials.set_pause(tenant, pause).await {
            tracing::warn!(%tenant, %error, "other processes do not know of the pause");
        }
    }

    /// Counts a time-out, or a success. True: it was the last one that is put up with.
    fn timeouts_in_a_row(&self, timed_out: bool) -> bool {
        let mut timeouts = self
            .function
            .timeouts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = if timed_out {
            timeouts.get(&self.post.tenant).copied().unwrap_or(0) + 1
        } else {
            0
        };
        if count == 0 || count >= retry::TIMEOUTS_BEFORE_PAUSE {
            timeouts.remove(&self.post.tenant);
        } else {
            timeouts.insert(self.post.tenant.clone(), count);
        }
        count >= retry::TIMEOUTS_BEFORE_PAUSE
    }

    fn storage_failed(&self, error: &str) -> Outcome {
        let post = self.post;
        telemetry::log_failure(
            Code::StorageUnavailable,
            post.tenant.as_str(),
            post.session_id.as_str(),
            error,
        );
        Outcome::Postponed(retry::SESSION.first)
    }

    /// From now until then, and at least a second, so that a message does not come back a moment too early.
    fn until(&self, then: Timestamp) -> Duration {
        then.since(self.function.clock.now())
            .max(Duration::from_secs(1))
    }
}

/// Sends a message to the dead-letter queue with its reason.
async fn bury(
    function: &DeliverSession,
    message: &Message,
    post: Option<&Post>,
    reason: Code,
) -> Outcome {
    let tenant = post.map(|post| &post.tenant);
    let received_at = post.map_or(message.queued_at, |post| post.received_at);
    let letter = DeadLetter::message(message.body.clone(), reason, post, received_at);
    match function.queues.send_dead_letter(letter).await {
        Ok(()) => {
            telemetry::count_reason(Metric::DeadLettered, reason, tenant);
            if post.is_none() {
                tracing::error!(
                    message = message.id,
                    code = reason.as_str(),
                    "message is no post; dead-lettered"
                );
            }
            Outcome::Done
        }
        Err(error) => {
            tracing::error!(message = message.id, code = reason.as_str(), %error, "dead letter not sent; kept");
            Outcome::Postponed(retry::SESSION.first)
        }
    }
}
