//! Retry policy as data. What may be retried is decided where the failure is classified; how often and when stands here.

use std::time::Duration;

/// Delays that double from `first` to `longest`; giving up is decided by age, not by count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt.
    pub first: Duration,
    /// No delay is longer.
    pub longest: Duration,
}

impl Backoff {
    /// The delay that follows one of `delay`.
    pub fn following(self, delay: Duration) -> Duration {
        delay.saturating_mul(2).clamp(self.first, self.longest)
    }

    /// The delay after `attempts` failed attempts (one or more): `first`, twice that, and so on up to `longest`.
    pub fn after(self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// A session that failed waits alone, this long, where the vendor did not say `Retry-After`.
pub const SESSION: Backoff = Backoff {
    first: Duration::from_secs(30),
    longest: Duration::from_secs(3600),
};

/// A transient failure is given up this long after the queue first took the message.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A post that was handled alone and ended the process this often is not tried again.
pub const DEATHS_ALLOWED: u32 = 5;

/// After an unknown outcome nobody looks, and nobody writes, sooner than this after the last possible send:
/// ServiceNow may be at it for 60 s (docs/vendors.md#refusals, transaction quotas).
pub const SETTLE: Duration = Duration::from_secs(70);

/// No write to ServiceNow starts from the queue with less than this left of the invocation.
pub const WRITE_NEEDS: Duration = Duration::from_secs(75);

/// How long one waits for ServiceNow. Nothing is waited for beyond the caller's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceNowTimeouts {
    /// For an answer to a read.
    pub read: Duration,
    /// For an answer to a write.
    pub write: Duration,
    /// For a token.
    pub grant: Duration,
    /// For somebody else who is getting a token.
    pub lease: Duration,
    /// No call starts with less than this left.
    pub needs: Duration,
}

impl ServiceNowTimeouts {
    /// From the queue: a write is given up later than ServiceNow itself does, at 60 s (docs/vendors.md#refusals).
    pub const QUEUE: Self = Self {
        read: Duration::from_secs(30),
        write: Duration::from_secs(65),
        grant: Duration::from_secs(20),
        lease: Duration::from_secs(25),
        needs: WRITE_NEEDS,
    };

    /// While somebody waits for an answer.
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

/// How long a tenant that has to be authorised again is left alone between two attempts.
pub const REAUTHORIZATION_PAUSE: Duration = Duration::from_secs(3600);

/// How long ServiceNow's throttling pauses a tenant, doubling while it goes on. `Retry-After` can only make that longer:
/// a full semaphore queue does not send one, and an hourly limit may send one of a second.
pub const THROTTLE: Backoff = SESSION;

/// No delay that a vendor asks for is believed beyond this. SQS hides a message for 12 hours at most: one that waits
/// longer is hidden again.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A message that was received so often is given up after the attempt, with its reason. The queue itself would do so at
/// 400 receives, without one; what is left serves to look for an unknown outcome.
pub const RECEIVES_ALLOWED: u32 = 360;

/// A message that has been in the queue for so long is given up after the attempt, with its reason: the queue forgets it
/// after 14 days.
pub const QUEUE_KEEPS: Duration = Duration::from_secs((13 * 24 + 12) * 3600);

/// An attempt that takes so long counts as a time-out where the tenant's pause is concerned: it holds up the posts of
/// others all the same.
pub const SLOW: Duration = Duration::from_secs(20);

/// No lifetime that a vendor or a caller names is believed beyond this: ten years.
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
