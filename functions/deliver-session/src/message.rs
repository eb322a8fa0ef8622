//! One message: claim it, attempt it, and see to what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use shared::aws::credentials::{Pause, TenantPause};
use shared::aws::ledger::{ClaimedPost, OutcomeDetails, PostClaim, PostState, WaitingPost};
use shared::aws::queue::{DeadLetter, Post, QueueMessage};
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::Tenant;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::retry;
use shared::telemetry::{self, Metric};

use crate::DeliverSession;
use crate::attempt::{Attempt, AttemptFailure, End};
use crate::batch::Batch;
use crate::event::Message;
use crate::outcome::DeliveryOutcome;
use crate::verdict::{Verdict, verdict};
use crate::wake;

/// Delivers a message, or decides how long it waits.
pub(crate) async fn deliver(
    function: &DeliverSession,
    batch: &Batch,
    message: &Message,
    alone: bool,
) -> DeliveryOutcome {
    let packed = match QueueMessage::decode(&message.body) {
        Ok(QueueMessage::Post(packed)) => packed,
        Ok(QueueMessage::Wake(wake)) => {
            return wake::wake(function, message, &wake, batch.deadline).await;
        }
        Err(undecodable) => {
            return dead_letter(function, message, None, undecodable.code(), None).await;
        }
    };
    let outline = packed.clone();
    let _room = batch.room(packed.size()).await;
    let (post, unreadable) = match packed.unpack() {
        Ok(post) => (post, None),
        Err(undecodable) => (outline.outline(), Some(undecodable.code())),
    };
    let mut handling = Handling {
        function,
        message,
        post: &post,
        unreadable,
        deadline: batch.deadline,
        alone,
        standing: TenantPause::default(),
    };
    let known = async {
        handling.standing = function.credentials.tenant_pause(&post.tenant).await?;
        handling.tenant().await
    };
    match known.await {
        Ok(tenant) => handling.run(tenant.as_deref()).await,
        Err(error) => handling.storage_failed(&error.to_string(), None).await,
    }
}

struct Handling<'a> {
    function: &'a DeliverSession,
    message: &'a Message,
    post: &'a Post,
    /// Why the post's fields are left out.
    unreadable: Option<ErrorCode>,
    deadline: Timestamp,
    /// Nothing else is handled meanwhile.
    alone: bool,
    standing: TenantPause,
}

impl Handling<'_> {
    /// The post's tenant. One that is switched off may have been switched on before the post was accepted, so it is
    /// read again.
    async fn tenant(&self) -> Result<Option<Arc<Tenant>>, StorageError> {
        let tenants = &self.function.tenants;
        match tenants.get(&self.post.tenant).await? {
            Some(tenant) if !tenant.file.enabled => tenants.read(&self.post.tenant).await,
            tenant => Ok(tenant),
        }
    }

    async fn run(&self, tenant: Option<&Tenant>) -> DeliveryOutcome {
        let now = self.function.clock.now();
        let pause = self.standing.pause_at(now);
        let hopeless = match tenant {
            None => Some(ErrorCode::TenantDeleted),
            Some(_) if self.unreadable.is_some() => self.unreadable,
            // Only a tenant that stays unauthorised makes a post grow too old that is not tried.
            Some(tenant) => pause.map(|pause| pause.reason).filter(|reason| {
                self.came_too_often()
                    || (*reason == ErrorCode::ReauthorizationNeeded
                        && self.waited_too_long(tenant, *reason))
            }),
        };
        if let (Some(pause), None) = (pause, hopeless) {
            let delay = self.postponed(self.until(pause.until));
            return match pause.reason {
                ErrorCode::ReauthorizationNeeded => DeliveryOutcome::Unauthorized(delay),
                _ => DeliveryOutcome::Postponed(delay),
            };
        }
        if self.deadline.since(now) < retry::WRITE_NEEDS {
            return DeliveryOutcome::Postponed(self.postponed(Duration::ZERO));
        }
        let owner = uuid::Uuid::new_v4().to_string();
        // Nothing is sent after the deadline, so whoever takes an expired lease over looks late enough.
        let lease_until = self.deadline.plus(retry::SETTLE);
        let claim = self
            .function
            .ledger
            .claim(self.post, &owner, lease_until, self.alone)
            .await;
        let started = match claim {
            Ok(PostClaim::Started(started)) => started,
            Ok(PostClaim::Completed(_)) => return DeliveryOutcome::Done,
            Ok(PostClaim::Locked(until)) => {
                return DeliveryOutcome::Postponed(self.postponed(self.until(until)));
            }
            Err(error) => return self.storage_failed(&error.to_string(), tenant).await,
        };
        let died = (started.deaths >= retry::DEATHS_ALLOWED).then_some(ErrorCode::ProcessingDied);
        if started.suspect && !self.alone && died.is_none() {
            let waiting = WaitingPost {
                next_attempt_at: now,
                reason: started.reason,
                look_first: started.look_first,
                attempts: started.attempts,
            };
            // The reason of its earlier wait does not count: this batch still handles it.
            self.wait(&owner, waiting, Duration::ZERO, OutcomeDetails::default())
                .await;
            return DeliveryOutcome::Alone(started.deaths);
        }
        match (hopeless.or(died), tenant) {
            (Some(reason), _) => {
                let waiting = WaitingPost {
                    next_attempt_at: now,
                    reason: None,
                    look_first: started.look_first,
                    attempts: started.attempts,
                };
                let details = OutcomeDetails::default();
                self.give_up(&owner, reason, waiting, reason.entry().title, details)
                    .await
            }
            (None, Some(tenant)) => self.attempt(tenant, &owner, started).await,
            (None, None) => unreachable!("a post without a tenant is hopeless"),
        }
    }

    async fn attempt(&self, tenant: &Tenant, owner: &str, started: ClaimedPost) -> DeliveryOutcome {
        let mut attempt = Attempt::new(self.function, tenant, self.post, started, self.deadline);
        // An unknown outcome is not given up before it was looked for, and an old post is not written again.
        attempt.only_looks = started
            .reason
            .filter(|reason| started.look_first && self.is_hopeless(tenant, *reason));
        let began = self.function.clock.now();
        let ended = attempt.run().await;
        let slow = self.function.clock.now().since(began) >= retry::SLOW;
        let mut details = std::mem::take(&mut attempt.details);
        match ended {
            Ok(end) => {
                let outcome = self.finish(owner, end, started.attempts + 1, details).await;
                self.heed(slow, began).await;
                outcome
            }
            Err(failure) => {
                details.detail = failure.detail();
                let unknown = failure.is_unknown();
                let now = self.function.clock.now();
                let waiting = WaitingPost {
                    next_attempt_at: if unknown {
                        now.plus(retry::SETTLE)
                    } else {
                        now
                    },
                    // What only looks goes on doing so when it was interrupted.
                    reason: attempt.only_looks,
                    look_first: attempt.must_look || attempt.had_effect || unknown,
                    attempts: started.attempts
                        + u32::from(attempt.had_effect || failure.is_of_an_attempt()),
                };
                let late = slow || failure.timed_out();
                if late || failure.is_of_an_attempt() {
                    self.heed(late, began).await;
                }
                self.failed(tenant, owner, failure, waiting, details, began)
                    .await
            }
        }
    }

    /// Counts answers that did not come, or came late: a few of them in a row pause the tenant.
    async fn heed(&self, late: bool, began: Timestamp) {
        let (timeouts, tenant) = (&self.function.timeouts, &self.post.tenant);
        if !late {
            timeouts.answered(tenant);
        } else if timeouts.timed_out(tenant) {
            self.pause(
                ErrorCode::ServiceNowUnavailable,
                retry::TIMEOUT_PAUSE,
                began,
            )
            .await;
        }
    }

    async fn finish(
        &self,
        owner: &str,
        end: End,
        attempts: u32,
        details: OutcomeDetails,
    ) -> DeliveryOutcome {
        let (state, reason) = match end {
            End::Delivered => (PostState::Delivered, None),
            End::Ignored => (PostState::Ignored, None),
            End::Unmatched(reason) => (PostState::Unmatched, Some(reason)),
        };
        let left = WaitingPost {
            next_attempt_at: self.function.clock.now(),
            reason,
            look_first: false,
            attempts,
        };
        match self
            .function
            .ledger
            .complete(self.post, owner, state, left, details)
            .await
        {
            // Not the owner any more: the next owner looks before writing, and finds what was written.
            Ok(_) => {}
            // The claim ends by itself; the next delivery of the message looks, and finds what was written.
            Err(error) => return self.not_stored(&error.to_string()),
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
        DeliveryOutcome::Done
    }

    /// Gives up, or waits: alone, or with the whole tenant.
    async fn failed(
        &self,
        tenant: &Tenant,
        owner: &str,
        failure: AttemptFailure,
        waiting: WaitingPost,
        details: OutcomeDetails,
        began: Timestamp,
    ) -> DeliveryOutcome {
        let now = self.function.clock.now();
        let detail = failure.to_string();
        match verdict(&failure, waiting.attempts, now) {
            Verdict::GiveUp(code) => self.give_up(owner, code, waiting, &detail, details).await,
            Verdict::Interrupted(until) => {
                let delay = self.postponed(until.since(now));
                self.wait(owner, waiting, delay, details).await
            }
            Verdict::Wait { code, .. }
                if self.is_hopeless(tenant, code) && !failure.is_unknown() =>
            {
                self.give_up(owner, code, waiting, &detail, details).await
            }
            Verdict::Wait {
                code,
                delay,
                pauses,
            } => {
                let post = self.post;
                telemetry::log_failure(
                    code,
                    post.tenant.as_str(),
                    post.session_id.as_str(),
                    &detail,
                );
                if let Some(length) = pauses {
                    self.pause(code, length, began).await;
                }
                let waiting = WaitingPost {
                    reason: Some(code),
                    ..waiting
                };
                // What is too old and unknown waits for nothing but the look.
                let delay = if self.is_hopeless(tenant, code) {
                    retry::SETTLE
                } else {
                    self.postponed(delay)
                };
                self.wait(owner, waiting, delay, details).await
            }
        }
    }

    async fn wait(
        &self,
        owner: &str,
        waiting: WaitingPost,
        delay: Duration,
        details: OutcomeDetails,
    ) -> DeliveryOutcome {
        let waiting = WaitingPost {
            next_attempt_at: self.function.clock.now().plus(delay),
            ..waiting
        };
        telemetry::count(Metric::Postponed, Some(&self.post.tenant));
        if let Err(error) = self
            .function
            .ledger
            .release(self.post, owner, waiting, details.dropped_columns)
            .await
        {
            // The claim ends by itself; until then the message comes back in vain.
            tracing::warn!(tenant = %self.post.tenant, session = %self.post.session_id, %error, "claim not released");
        }
        match waiting.reason {
            Some(ErrorCode::ReauthorizationNeeded) => DeliveryOutcome::Unauthorized(delay),
            _ => DeliveryOutcome::Postponed(delay),
        }
    }

    /// Dead-letters first, and only then says so in the ledger: a crash in between repeats the letter and loses nothing.
    async fn give_up(
        &self,
        owner: &str,
        reason: ErrorCode,
        waiting: WaitingPost,
        detail: &str,
        details: OutcomeDetails,
    ) -> DeliveryOutcome {
        tracing::error!(tenant = %self.post.tenant, session = %self.post.session_id, code = reason.as_str(), detail,
            "post given up");
        if let DeliveryOutcome::Postponed(delay) = dead_letter(
            self.function,
            self.message,
            Some(self.post),
            reason,
            details.detail.clone(),
        )
        .await
        {
            // Without this the claim would end by itself, which counts as a death.
            let waiting = WaitingPost {
                reason: Some(reason),
                ..waiting
            };
            return self.wait(owner, waiting, delay, details).await;
        }
        let left = WaitingPost {
            reason: Some(reason),
            ..waiting
        };
        let completed = self
            .function
            .ledger
            .complete(self.post, owner, PostState::Failed, left, details)
            .await;
        match completed {
            Ok(_) => DeliveryOutcome::Done,
            Err(error) => self.not_stored(&error.to_string()),
        }
    }

    /// Whether a failure that might pass is given up.
    fn is_hopeless(&self, tenant: &Tenant, reason: ErrorCode) -> bool {
        self.came_too_often() || self.waited_too_long(tenant, reason)
    }

    /// Whether the queue is about to give the message up by itself, which it would do without a reason.
    fn came_too_often(&self) -> bool {
        self.message.received >= retry::RECEIVES_ALLOWED
            || self.function.clock.now().since(self.message.queued_at) >= retry::QUEUE_KEEPS
    }

    /// Decides by age, since the queue first took the message. Time in which the tenant had to be authorised again
    /// does not count as time in which ServiceNow failed.
    fn waited_too_long(&self, tenant: &Tenant, reason: ErrorCode) -> bool {
        let (now, queued_at) = (self.function.clock.now(), self.message.queued_at);
        match reason {
            ErrorCode::ReauthorizationNeeded => {
                now.since(queued_at) >= tenant.file.sessions.reauthorization_wait.duration()
            }
            _ => {
                let could_be_tried = self.standing.authorized_since.unwrap_or(queued_at);
                now.since(could_be_tried.max(queued_at)) >= retry::GIVE_UP_AFTER
            }
        }
    }

    async fn pause(&self, reason: ErrorCode, length: Duration, began: Timestamp) {
        let tenant = &self.post.tenant;
        if reason == ErrorCode::ReauthorizationNeeded && self.authorized_since(began).await {
            return;
        }
        telemetry::count_reason(Metric::TenantPaused, reason, Some(tenant));
        let credentials = &self.function.credentials;
        let paused = if reason == ErrorCode::ServiceNowThrottled {
            credentials.throttle(tenant, length).await
        } else {
            let pause = Pause {
                until: self.function.clock.now().plus(length),
                reason,
            };
            credentials.set_pause(tenant, pause).await
        };
        if let Err(error) = paused {
            tracing::warn!(%tenant, %error, "other processes do not know of the pause");
        }
    }

    /// Whether somebody has put right meanwhile what the attempt was refused with: a pause that whoever was refused had
    /// set under the token lease has been ended since.
    async fn authorized_since(&self, began: Timestamp) -> bool {
        let standing = self
            .function
            .credentials
            .tenant_pause_now(&self.post.tenant);
        let now = self.function.clock.now();
        standing.await.is_ok_and(|standing| {
            let since = standing.authorized_since;
            !standing.is_unauthorized_at(now)
                && since.is_some_and(|since| began <= since && since <= now)
        })
    }

    /// Waits, or gives up what has waited too long: the dead-letter queue may take what the tables do not. Without the
    /// tenant's standing nothing is known of how long that is.
    async fn storage_failed(&self, error: &str, tenant: Option<&Tenant>) -> DeliveryOutcome {
        let reason = ErrorCode::StorageUnavailable;
        if self.came_too_often() || tenant.is_some_and(|tenant| self.is_hopeless(tenant, reason)) {
            tracing::error!(tenant = %self.post.tenant, session = %self.post.session_id, code = reason.as_str(),
                detail = error, "post given up");
            let detail = Some(error.to_owned());
            return dead_letter(self.function, self.message, Some(self.post), reason, detail).await;
        }
        self.not_stored(error)
    }

    fn not_stored(&self, error: &str) -> DeliveryOutcome {
        let post = self.post;
        telemetry::log_failure(
            ErrorCode::StorageUnavailable,
            post.tenant.as_str(),
            post.session_id.as_str(),
            error,
        );
        DeliveryOutcome::Postponed(self.postponed(retry::SESSION.first))
    }

    fn postponed(&self, delay: Duration) -> Duration {
        postponed(self.message, delay)
    }

    /// From now until then, and at least a second, so that a message does not come back a moment too early.
    fn until(&self, then: Timestamp) -> Duration {
        then.since(self.function.clock.now())
            .max(Duration::from_secs(1))
    }
}

/// How long a message waits. The more often it came, the longer: the queue gives up by itself after 400 receives, and
/// must not do so before this code does.
fn postponed(message: &Message, delay: Duration) -> Duration {
    match message.received / 4 {
        0 => delay,
        often => delay.max(retry::SESSION.after(often)),
    }
}

/// Sends a message to the dead-letter queue with its reason.
async fn dead_letter(
    function: &DeliverSession,
    message: &Message,
    post: Option<&Post>,
    reason: ErrorCode,
    detail: Option<String>,
) -> DeliveryOutcome {
    let tenant = post.map(|post| &post.tenant);
    let received_at = post.map_or(message.queued_at, |post| post.received_at);
    let letter =
        DeadLetter::message(message.body.clone(), reason, post, received_at).with_detail(detail);
    match function.queues.send_dead_letter(letter).await {
        Ok(()) => {
            telemetry::count_reason(Metric::DeadLettered, reason, tenant);
            if post.is_none() {
                tracing::error!(
                    message_id = message.id,
                    code = reason.as_str(),
                    "message is no post; dead-lettered"
                );
            }
            DeliveryOutcome::Done
        }
        Err(error) => {
            tracing::error!(message_id = message.id, code = reason.as_str(), %error, "dead letter not sent; kept");
            DeliveryOutcome::Postponed(postponed(message, retry::SESSION.first))
        }
    }
}
