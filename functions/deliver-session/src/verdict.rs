//! What a failed attempt means for its message: one match from failure to verdict, no side effects.

use std::time::Duration;

use shared::clock::Timestamp;
use shared::error::Code;
use shared::retry;
use shared::servicenow::access::AccessError;
use shared::servicenow::client::CallError;

use crate::attempt::Failure;

/// What becomes of a message whose attempt failed, its age apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Trying again does not help.
    GiveUp(Code),
    /// The attempt only ran out of time.
    Interrupted,
    /// It is tried again after a while.
    Wait {
        code: Code,
        delay: Duration,
        /// The whole tenant waits as long.
        pauses: bool,
    },
}

/// Decides by what failed. `attempts` is how many have failed by now, this one included.
pub(crate) fn verdict(failure: &Failure, attempts: u32, now: Timestamp) -> Verdict {
    let backoff = retry::SESSION.after(attempts);
    let alone = |code, delay| Verdict::Wait {
        code,
        delay,
        pauses: false,
    };
    let with_tenant = |code, delay| Verdict::Wait {
        code,
        delay,
        pauses: true,
    };
    let error = match failure {
        Failure::Permanent(code) => return Verdict::GiveUp(*code),
        Failure::AttachmentRefused(_) => return Verdict::GiveUp(Code::AttachmentRefused),
        Failure::Storage(_) => return alone(Code::StorageUnavailable, backoff),
        Failure::ServiceNow(error) => error,
    };
    match error {
        CallError::OutOfTime => Verdict::Interrupted,
        CallError::Refused { .. } => Verdict::GiveUp(Code::ServiceNowRefused),
        CallError::NoteNotVisible => Verdict::GiveUp(Code::NoteNotVisible),
        CallError::NotFound => Verdict::GiveUp(Code::RecordNotFound),
        CallError::Misconfigured(_) => alone(Code::TenantMisconfigured, backoff),
        CallError::Throttled { retry_after } => with_tenant(
            Code::ServiceNowThrottled,
            retry_after.unwrap_or(retry::THROTTLE_PAUSE),
        ),
        CallError::Unavailable { retry_after, .. }
        | CallError::Access(AccessError::Transient { retry_after, .. }) => {
            alone(Code::ServiceNowUnavailable, retry_after.unwrap_or(backoff))
        }
        CallError::Access(AccessError::Storage(_)) => alone(Code::StorageUnavailable, backoff),
        CallError::Unknown { .. } => alone(Code::ServiceNowUnavailable, backoff.max(retry::SETTLE)),
        CallError::Access(AccessError::ReauthorizationNeeded(_)) => {
            with_tenant(Code::ReauthorizationNeeded, retry::REAUTHORIZATION_PAUSE)
        }
        CallError::Access(AccessError::Paused(pause)) => alone(
            pause.reason,
            pause.until.since(now).max(Duration::from_secs(1)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn waits(error: CallError, attempts: u32) -> (Code, u64, bool) {
        match verdict(&Failure::ServiceNow(error), attempts, NOW) {
            Verdict::Wait {
                code,
                delay,
                pauses,
            } => (code, delay.as_secs(), pauses),
            other => panic!("{other:?}"),
        }
    }

    fn unknown() -> CallError {
        CallError::Unknown {
            reason: "time-out".to_owned(),
            timed_out: true,
        }
    }

    #[test]
    fn nobody_looks_sooner_than_seventy_seconds_after_an_unknown_outcome() {
        assert_eq!(
            waits(unknown(), 1),
            (Code::ServiceNowUnavailable, 70, false)
        );
        assert_eq!(waits(unknown(), 4).1, 240);
    }

    #[test]
    fn retry_after_is_honoured_and_throttling_pauses_the_tenant() {
        let retry_after = Some(Duration::from_secs(900));
        let throttled = CallError::Throttled { retry_after };
        assert_eq!(waits(throttled, 1), (Code::ServiceNowThrottled, 900, true));
        let unavailable = CallError::Unavailable {
            reason: "503".to_owned(),
            retry_after,
            timed_out: false,
        };
        assert_eq!(
            waits(unavailable, 1),
            (Code::ServiceNowUnavailable, 900, false)
        );
    }

    #[test]
    fn a_refusal_is_given_up_at_once() {
        let refused = CallError::Refused {
            status: 403,
            message: "Operation Failed".to_owned(),
        };
        assert_eq!(
            verdict(&Failure::ServiceNow(refused), 1, NOW),
            Verdict::GiveUp(Code::ServiceNowRefused)
        );
    }
}
