//! When a message has waited too long to be tried again.

use shared::aws::tenants::Tenant;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::retry;

use crate::event::Message;

/// How long a message has waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age<'a> {
    pub(crate) message: &'a Message,
    pub(crate) now: Timestamp,
    /// The end of the last pause for re-authorisation. Time before it does not count towards the 24 h.
    pub(crate) authorized_since: Option<Timestamp>,
}

impl Age<'_> {
    /// Whether a post that failed for a transient reason is given up.
    pub(crate) fn ends_waiting(self, tenant: &Tenant, reason: ErrorCode) -> bool {
        self.nears_the_queues_limit() || self.exceeds_the_wait(tenant, reason)
    }

    /// Whether SQS would soon dead-letter or delete the message, which it does without a reason.
    pub(crate) fn nears_the_queues_limit(self) -> bool {
        self.message.received >= retry::RECEIVES_ALLOWED
            || self.now.since(self.message.queued_at) >= retry::QUEUE_KEEPS
    }

    /// Counts from the moment when the queue first took the message. Time in which the tenant had to be authorised again
    /// does not count as time in which ServiceNow failed.
    pub(crate) fn exceeds_the_wait(self, tenant: &Tenant, reason: ErrorCode) -> bool {
        let queued_at = self.message.queued_at;
        if reason == ErrorCode::ReauthorizationNeeded {
            let wait = tenant.file.sessions.reauthorization_wait.duration();
            return self.now.since(queued_at) >= wait;
        }
        let deliverable_since = self
            .authorized_since
            .map_or(queued_at, |since| since.max(queued_at));
        self.now.since(deliverable_since) >= retry::GIVE_UP_AFTER
    }
}
