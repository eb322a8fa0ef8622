//! Retry policy as data: how often and when. Whether a failure may be retried is decided where it is classified.

use std::time::Duration;

/// Delays that double from `first` to `longest`; giving up is decided by age, not by count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The delay before the second attempt.
    pub first: Duration,
    /// No delay is longer, unless `Retry-After` asks for it.
    pub longest: Duration,
}

impl Backoff {
    /// The delay after a delay of `delay`.
    pub fn following(self, delay: Duration) -> Duration {
        delay.saturating_mul(2).clamp(self.first, self.longest)
    }

    /// The delay after `attempts` failed attempts (one or more): `first`, twice that, and so on up to `longest`.
    pub fn after(self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// How long a session waits after a failure. `Retry-After` can only make that longer.
pub const SESSION: Backoff = Backoff {
    first: Duration::from_secs(30),
    longest: Duration::from_secs(3600),
};

/// A transient failure is given up when the queue took the message so long ago.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A post that was handled alone and ended its process so often is given up.
pub const CRASHES_ALLOWED: u32 = 5;

/// Wait so long after the last possible send before checking the record: ServiceNow may commit for 60 s
/// (docs/vendors.md#answers-that-prove-nothing, transaction quotas).
pub const UNKNOWN_OUTCOME_WAIT: Duration = Duration::from_secs(70);

/// `deliver-session` starts no write with less than this left of the invocation.
pub const WRITE_NEEDS: Duration = Duration::from_secs(75);

/// How long ServiceNow may take. The caller's time budget can only make that shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceNowTimeouts {
    /// To answer a read.
    pub read: Duration,
    /// To answer a write.
    pub write: Duration,
    /// To grant a token.
    pub grant: Duration,
    /// How long to wait for another lease holder that is obtaining a token.
    pub lease: Duration,
    /// No call starts with less than this left.
    pub needs: Duration,
}

impl ServiceNowTimeouts {
    /// From the queue: a write times out after ServiceNow's own limit of 60 s (docs/vendors.md#answers-that-prove-nothing).
    pub const QUEUE: Self = Self {
        read: Duration::from_secs(30),
        write: Duration::from_secs(65),
        grant: Duration::from_secs(20),
        lease: Duration::from_secs(25),
        needs: WRITE_NEEDS,
    };

    /// Behind the HTTP API, where a caller waits.
    pub const HTTP: Self = Self {
        read: Duration::from_secs(8),
        write: Duration::from_secs(8),
        grant: Duration::from_secs(8),
        lease: Duration::from_secs(8),
        needs: Duration::from_secs(1),
    };
}

/// So many time-outs in a row pause the whole tenant.
pub const TIMEOUTS_BEFORE_PAUSE: u32 = 3;

/// How long time-outs pause a tenant.
pub const TIMEOUT_PAUSE: Duration = Duration::from_secs(120);

/// How long a tenant that has to be authorised again is paused between two attempts.
pub const REAUTHORIZATION_PAUSE: Duration = Duration::from_secs(3600);

/// How long throttling pauses a tenant, doubling while throttling continues. `Retry-After` can only make that longer:
/// ServiceNow sends none for a full semaphore queue, and may send one second for an hourly limit.
pub const THROTTLE: Backoff = SESSION;

/// The longest `Retry-After` that is honoured. SQS hides a message for 12 hours at most; one that waits longer is hidden
/// again.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A message that was received so often is given up with a reason. SQS dead-letters it at 400 receives without one; the
/// receives between serve to check an unknown outcome.
pub const RECEIVES_ALLOWED: u32 = 360;

/// A message that was queued so long ago is given up with a reason: SQS deletes it after 14 days.
pub const QUEUE_KEEPS: Duration = Duration::from_secs((13 * 24 + 12) * 3600);

/// An attempt that takes so long counts as a time-out for the tenant's pause, because it delays the posts of others.
pub const SLOW: Duration = Duration::from_secs(20);

/// The longest lifetime that is accepted from a vendor or a caller: ten years.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_session_waits_thirty_seconds_doubling_to_one_hour() {
        let delays: Vec<u64> = (1..=9)
            .map(|attempts| SESSION.after(attempts).as_secs())
            .collect();
        assert_eq!(delays, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(SESSION.after(u32::MAX), Duration::from_secs(3600));
        let following = |seconds| SESSION.following(Duration::from_secs(seconds)).as_secs();
        assert_eq!([0, 30, 1920, 86_400].map(following), [30, 60, 3600, 3600]);
    }
}
