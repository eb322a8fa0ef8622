//! One post: claim it, attempt it, and store what follows from the attempt.

use std::sync::Arc;
use std::time::Duration;

use shared::aws::credentials::{Pause, TenantPause};
use shared::aws::ledger::{ClaimedPost, EntryDetails, PostClaim, PostProgress, PostState};
use shared::aws::queue::Post;
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::Tenant;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::time_budget::TimeBudget;
use shared::retry;
use shared::telemetry::{self, Metric};

use crate::age::Age;
use crate::attempt::Attempt;
use crate::deliver_post::{self, AttemptEnd};
use crate::disposition::MessageDisposition;
use crate::event::Message;
use crate::failure::AttemptFailure;
use crate::service::DeliverSession;
use crate::verdict::{Verdict, verdict};
use crate::{dead_letter, pause};

pub(crate) struct PostDelivery<'a> {
    pub(crate) function: &'a DeliverSession,
    pub(crate) message: &'a Message,
    pub(crate) post: &'a Post,
    /// Why the post's fields are missing.
    pub(crate) unreadable: Option<ErrorCode>,
    pub(crate) budget: &'a TimeBudget,
    /// The process handles no other group meanwhile.
    pub(crate) alone: bool,
    /// Names the claim in the ledger.
    pub(crate) owner: String,
    pub(crate) tenant: Option<Arc<Tenant>>,
    pub(crate) tenant_pause: TenantPause,
}

impl PostDelivery<'_> {
    pub(crate) async fn run(mut self) -> MessageDisposition {
        if let Err(error) = self.read_tenant().await {
            return self.storage_failed(&error).await;
        }
        let pause = self.tenant_pause.pause_at(self.now());
        let recipient = self.recipient(pause);
        if let (Some(pause), Ok(_)) = (pause, recipient) {
            let delay = self.message.hidden_for(self.until(pause.until));
            return match pause.reason {
                ErrorCode::ReauthorizationNeeded => MessageDisposition::Unauthorized(delay),
                _ => MessageDisposition::Postponed(delay),
            };
        }
        if !self.budget.allows(retry::WRITE_NEEDS) {
            return MessageDisposition::Postponed(self.message.hidden_for(Duration::ZERO));
        }
        // The process sends nothing after its deadline, so the next lease holder checks the record late enough.
        let lease_until = self.budget.end().plus(retry::UNKNOWN_OUTCOME_WAIT);
        let ledger = &self.function.ledger;
        let claim = ledger.claim(self.post, &self.owner, lease_until, self.alone);
        let claimed = match claim.await {
            Ok(PostClaim::Started(claimed)) => claimed,
            Ok(PostClaim::Completed(_)) => return MessageDisposition::Done,
            Ok(PostClaim::Locked(until)) => {
                return MessageDisposition::Postponed(self.message.hidden_for(self.until(until)));
            }
            Err(error) => return self.storage_failed(&error).await,
        };
        let unattempted = |reason| PostProgress {
            next_attempt_at: self.now(),
            reason,
            check_before_writing: claimed.check_before_writing,
            attempts: claimed.attempts,
        };
        let crashed_too_often = claimed.crashes >= retry::CRASHES_ALLOWED;
        if claimed.retry_alone && !self.alone && !crashed_too_often {
            // What `wait` returns is dropped: this batch still handles the post.
            let waiting = unattempted(claimed.reason);
            self.wait(waiting, Duration::ZERO, EntryDetails::default())
                .await;
            return MessageDisposition::Alone(claimed.crashes);
        }
        match recipient {
            Ok(tenant) if !crashed_too_often => self.attempt(tenant, claimed).await,
            _ => {
                let reason = recipient.err().unwrap_or(ErrorCode::ProcessingDied);
                let details = EntryDetails::default();
                let title = reason.entry().title;
                self.give_up(reason, unattempted(None), title, details)
                    .await
            }
        }
    }

    /// Reads the tenant and its pause. A tenant that is switched off is read past the cache, because it may have been
    /// switched on before the post was accepted.
    async fn read_tenant(&mut self) -> Result<(), StorageError> {
        let (tenants, id) = (&self.function.tenants, &self.post.tenant);
        self.tenant_pause = self.function.credentials.tenant_pause(id).await?;
        self.tenant = match tenants.get(id).await? {
            Some(tenant) if !tenant.file.enabled => tenants.read(id).await?,
            tenant => tenant,
        };
        Ok(())
    }

    /// The tenant that the post is delivered to, or why it is given up.
    fn recipient(&self, pause: Option<Pause>) -> Result<&Tenant, ErrorCode> {
        let tenant = self.tenant.as_deref().ok_or(ErrorCode::TenantDeleted)?;
        if let Some(code) = self.unreadable {
            return Err(code);
        }
        // A paused tenant's posts are not tried, so only a wait for re-authorisation makes them too old.
        let Some(Pause { reason, .. }) = pause else {
            return Ok(tenant);
        };
        let age = self.age();
        let too_old = age.nears_the_queues_limit()
            || (reason == ErrorCode::ReauthorizationNeeded && age.exceeds_the_wait(tenant, reason));
        if too_old { Err(reason) } else { Ok(tenant) }
    }

    async fn attempt(&self, tenant: &Tenant, claimed: ClaimedPost) -> MessageDisposition {
        let mut attempt = Attempt::new(self.function, tenant, self.post, claimed, self.budget);
        // An unknown outcome is checked before the post is given up, and a post that is too old is not written again.
        attempt.give_up_as = claimed.reason.filter(|reason| {
            claimed.check_before_writing && self.age().ends_waiting(tenant, *reason)
        });
        let began = self.now();
        let ended = deliver_post::deliver(&mut attempt).await;
        let slow = self.now().since(began) >= retry::SLOW;
        let mut details = std::mem::take(&mut attempt.details);
        let failure = match ended {
            Ok(end) => {
                let disposition = self.finish(end, claimed.attempts + 1, details).await;
                self.count_timeout(slow, began).await;
                return disposition;
            }
            Err(failure) => failure,
        };
        details.detail = failure.detail();
        let settled_at = if failure.is_unknown() {
            self.now().plus(retry::UNKNOWN_OUTCOME_WAIT)
        } else {
            self.now()
        };
        let counts = attempt.effects.is_written() || failure.is_of_an_attempt();
        let waiting = PostProgress {
            next_attempt_at: settled_at,
            // If this check is interrupted, the next attempt also only checks.
            reason: attempt.give_up_as,
            check_before_writing: attempt.effects.must_be_checked() || failure.is_unknown(),
            attempts: claimed.attempts + u32::from(counts),
        };
        let late = slow || failure.timed_out();
        if late || failure.is_of_an_attempt() {
            self.count_timeout(late, began).await;
        }
        self.failed(tenant, failure, waiting, details, began).await
    }

    async fn finish(
        &self,
        end: AttemptEnd,
        attempts: u32,
        details: EntryDetails,
    ) -> MessageDisposition {
        let (state, reason) = match end {
            AttemptEnd::Delivered => (PostState::Delivered, None),
            AttemptEnd::Ignored => (PostState::Ignored, None),
            AttemptEnd::Unmatched(reason) => (PostState::Unmatched, Some(reason)),
        };
        let finished = PostProgress {
            next_attempt_at: self.now(),
            reason,
            check_before_writing: false,
            attempts,
        };
        let without_row = details.row_refused.is_some();
        // Should the claim have ended, or end because this fails, the next lease holder finds the written note.
        if let Err(error) = self.complete(state, finished, details).await {
            return self.not_stored(&error);
        }
        let tenant = &self.post.tenant;
        if without_row {
            telemetry::count(Metric::SessionRowRefused, Some(tenant));
        }
        match end {
            AttemptEnd::Delivered => {
                telemetry::count(Metric::Delivered, Some(tenant));
                telemetry::delivery_latency(self.now().since(self.post.received_at), tenant);
            }
            AttemptEnd::Ignored => telemetry::count(Metric::PostIgnored, Some(tenant)),
            AttemptEnd::Unmatched(reason) => {
                telemetry::count_reason(Metric::Unmatched, reason, Some(tenant));
            }
        }
        tracing::info!(%tenant, session = %self.post.session_id, digest = self.post.digest.short(),
            state = state.as_str(), "post finished");
        MessageDisposition::Done
    }

    /// Gives up, or waits: alone, or with the whole tenant.
    async fn failed(
        &self,
        tenant: &Tenant,
        failure: AttemptFailure,
        waiting: PostProgress,
        details: EntryDetails,
        began: Timestamp,
    ) -> MessageDisposition {
        let now = self.now();
        let detail = failure.to_string();
        let (code, delay, pauses) = match verdict(&failure, waiting.attempts, now) {
            Verdict::GiveUp(code) => return self.give_up(code, waiting, &detail, details).await,
            Verdict::Interrupted(until) => {
                let delay = self.message.hidden_for(until.since(now));
                return self.wait(waiting, delay, details).await;
            }
            Verdict::Wait {
                code,
                delay,
                pauses,
            } => (code, delay, pauses),
        };
        if self.age().ends_waiting(tenant, code) && !failure.is_unknown() {
            return self.give_up(code, waiting, &detail, details).await;
        }
        let post = self.post;
        telemetry::log_failure(
            code,
            post.tenant.as_str(),
            post.session_id.as_str(),
            &detail,
        );
        if let Some(length) = pauses {
            pause::pause(self.function, &post.tenant, code, length, began).await;
        }
        let waiting = PostProgress {
            reason: Some(code),
            ..waiting
        };
        // A post that is too old, with an unknown outcome, waits only until the record can be checked.
        let delay = if self.age().ends_waiting(tenant, code) {
            retry::UNKNOWN_OUTCOME_WAIT
        } else {
            self.message.hidden_for(delay)
        };
        self.wait(waiting, delay, details).await
    }

    async fn wait(
        &self,
        waiting: PostProgress,
        delay: Duration,
        details: EntryDetails,
    ) -> MessageDisposition {
        let waiting = PostProgress {
            next_attempt_at: self.now().plus(delay),
            ..waiting
        };
        let post = self.post;
        telemetry::count(Metric::Postponed, Some(&post.tenant));
        let ledger = &self.function.ledger;
        let released = ledger.release(post, &self.owner, waiting, details.dropped_columns);
        if let Err(error) = released.await {
            // The claim ends by itself; the post cannot be claimed before.
            tracing::warn!(tenant = %post.tenant, session = %post.session_id, %error, "claim not released");
        }
        match waiting.reason {
            Some(ErrorCode::ReauthorizationNeeded) => MessageDisposition::Unauthorized(delay),
            _ => MessageDisposition::Postponed(delay),
        }
    }

    /// Sends the dead letter first and writes the ledger after: a crash in between sends the dead letter twice and loses
    /// nothing.
    async fn give_up(
        &self,
        reason: ErrorCode,
        waiting: PostProgress,
        detail: &str,
        details: EntryDetails,
    ) -> MessageDisposition {
        let post = self.post;
        tracing::error!(tenant = %post.tenant, session = %post.session_id, code = reason.as_str(), detail,
            "post given up");
        let waiting = PostProgress {
            reason: Some(reason),
            ..waiting
        };
        if let MessageDisposition::Postponed(delay) =
            self.dead_letter(reason, details.detail.clone()).await
        {
            // Without this the claim would end by itself, which counts as a crash.
            return self.wait(waiting, delay, details).await;
        }
        match self.complete(PostState::Failed, waiting, details).await {
            Ok(_) => MessageDisposition::Done,
            Err(error) => self.not_stored(&error),
        }
    }

    async fn dead_letter(&self, reason: ErrorCode, detail: Option<String>) -> MessageDisposition {
        dead_letter::send(self.function, self.message, Some(self.post), reason, detail).await
    }

    async fn complete(
        &self,
        state: PostState,
        left: PostProgress,
        details: EntryDetails,
    ) -> Result<bool, StorageError> {
        let ledger = &self.function.ledger;
        ledger
            .complete(self.post, &self.owner, state, left, details)
            .await
    }

    /// Waits, or gives up a post that has waited too long: the dead-letter queue may work while the tables do not. While
    /// the tenant is unknown, only the queue's own limits count.
    async fn storage_failed(&self, error: &StorageError) -> MessageDisposition {
        let (reason, tenant, age) = (
            ErrorCode::StorageUnavailable,
            self.tenant.as_deref(),
            self.age(),
        );
        if age.nears_the_queues_limit()
            || tenant.is_some_and(|tenant| age.exceeds_the_wait(tenant, reason))
        {
            let detail = error.to_string();
            tracing::error!(tenant = %self.post.tenant, session = %self.post.session_id, code = reason.as_str(),
                detail, "post given up");
            return self.dead_letter(reason, Some(detail)).await;
        }
        self.not_stored(error)
    }

    fn not_stored(&self, error: &StorageError) -> MessageDisposition {
        let post = self.post;
        telemetry::log_failure(
            ErrorCode::StorageUnavailable,
            post.tenant.as_str(),
            post.session_id.as_str(),
            &error.to_string(),
        );
        MessageDisposition::Postponed(self.message.hidden_for(retry::SESSION.first))
    }

    async fn count_timeout(&self, late: bool, began: Timestamp) {
        pause::count_timeout(self.function, &self.post.tenant, late, began).await;
    }

    fn now(&self) -> Timestamp {
        self.function.clock.now()
    }

    fn age(&self) -> Age<'_> {
        Age {
            message: self.message,
            now: self.now(),
            authorized_since: self.tenant_pause.authorized_since,
        }
    }

    /// From now until then, and at least a second, so that a message does not come back a moment too early.
    fn until(&self, then: Timestamp) -> Duration {
        then.since(self.now()).max(Duration::from_secs(1))
    }
}
