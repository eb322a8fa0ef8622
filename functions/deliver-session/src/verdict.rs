//! From a failed attempt to what happens next, without side effects.

use std::time::Duration;

use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::retry;
use shared::servicenow::client::CallError;
use shared::token::access::AccessError;

use crate::failure::AttemptFailure;

/// What happens to a message whose attempt failed. The caller also considers its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A repetition does not help.
    GiveUp(ErrorCode),
    /// The attempt does not count and is repeated at that moment.
    Interrupted(Timestamp),
    /// The attempt is repeated after `delay`.
    Wait {
        code: ErrorCode,
        delay: Duration,
        /// How long the whole tenant waits at least.
        pauses: Option<Duration>,
    },
}

/// Decides by the failure. `attempts` includes this one. `Retry-After` can only make the delay longer.
pub(crate) fn verdict(failure: &AttemptFailure, attempts: u32, now: Timestamp) -> Verdict {
    let backoff = retry::SESSION.after(attempts);
    let alone = |code, delay| Verdict::Wait {
        code,
        delay: backoff.max(delay),
        pauses: None,
    };
    let with_tenant = |code, pause| Verdict::Wait {
        code,
        delay: backoff.max(pause),
        pauses: Some(pause),
    };
    let error = match failure {
        AttemptFailure::Permanent(code) => return Verdict::GiveUp(*code),
        AttemptFailure::AttachmentRefused(_) => {
            return Verdict::GiveUp(ErrorCode::AttachmentRefused);
        }
        // Creation takes seconds, unless its process died.
        AttemptFailure::CreatedElsewhere(until) => {
            return Verdict::Interrupted((*until).min(now.plus(retry::SESSION.first)));
        }
        AttemptFailure::Storage(_) => return alone(ErrorCode::StorageUnavailable, backoff),
        AttemptFailure::ServiceNow(error) => error,
    };
    match error {
        CallError::OutOfTime => Verdict::Interrupted(now),
        CallError::Refused { .. } => Verdict::GiveUp(ErrorCode::ServiceNowRefused),
        CallError::NoteNotVisible => Verdict::GiveUp(ErrorCode::NoteNotVisible),
        CallError::NotFound => Verdict::GiveUp(ErrorCode::RecordNotFound),
        CallError::Misconfigured(_) => alone(ErrorCode::TenantMisconfigured, backoff),
        CallError::Throttled { retry_after } => with_tenant(
            ErrorCode::ServiceNowThrottled,
            retry_after.unwrap_or_default(),
        ),
        CallError::Unavailable { retry_after, .. }
        | CallError::Access(AccessError::Transient { retry_after, .. }) => alone(
            ErrorCode::ServiceNowUnavailable,
            retry_after.unwrap_or_default(),
        ),
        CallError::Access(AccessError::Storage(_)) => alone(ErrorCode::StorageUnavailable, backoff),
        CallError::Unknown { .. } => alone(
            ErrorCode::ServiceNowUnavailable,
            retry::UNKNOWN_OUTCOME_WAIT,
        ),
        CallError::Access(AccessError::ReauthorizationNeeded(_)) => with_tenant(
            ErrorCode::ReauthorizationNeeded,
            retry::REAUTHORIZATION_PAUSE,
        ),
        // The pause sets the delay; the longer backoff would make posts miss its end.
        CallError::Access(AccessError::Paused(pause)) => Verdict::Wait {
            code: pause.reason,
            delay: pause.until.since(now).max(Duration::from_secs(1)),
            pauses: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(0);

    fn waits(error: CallError, attempts: u32) -> (ErrorCode, u64, Option<u64>) {
        match verdict(&AttemptFailure::ServiceNow(error), attempts, NOW) {
            Verdict::Wait {
                code,
                delay,
                pauses,
            } => (code, delay.as_secs(), pauses.map(|pause| pause.as_secs())),
            other => panic!("{other:?}"),
        }
    }

    fn unknown() -> CallError {
        CallError::Unknown {
            reason: "time-out".to_owned(),
            timed_out: true,
        }
    }

    fn unavailable(retry_after: Option<Duration>) -> CallError {
        CallError::Unavailable {
            reason: "503".to_owned(),
            retry_after,
            timed_out: false,
        }
    }

    #[test]
    fn an_unknown_outcome_is_checked_after_seventy_seconds_at_the_earliest() {
        assert_eq!(
            waits(unknown(), 1),
            (ErrorCode::ServiceNowUnavailable, 70, None)
        );
        assert_eq!(waits(unknown(), 4).1, 240);
    }

    #[test]
    fn retry_after_is_honoured_and_throttling_pauses_the_tenant() {
        let retry_after = Some(Duration::from_secs(900));
        let throttled = CallError::Throttled { retry_after };
        assert_eq!(
            waits(throttled, 1),
            (ErrorCode::ServiceNowThrottled, 900, Some(900))
        );
        assert_eq!(
            waits(unavailable(retry_after), 1),
            (ErrorCode::ServiceNowUnavailable, 900, None)
        );
    }

    #[test]
    fn retry_after_makes_no_delay_shorter() {
        for retry_after in [None, Some(Duration::ZERO), Some(Duration::from_secs(1))] {
            for (attempts, delay) in [(1, 30), (2, 60), (5, 480), (9, 3600)] {
                let throttled = CallError::Throttled { retry_after };
                assert_eq!(waits(throttled, attempts).1, delay, "{retry_after:?}");
                assert_eq!(waits(unavailable(retry_after), attempts).1, delay);
                let access = CallError::Access(AccessError::Transient {
                    reason: "503".to_owned(),
                    retry_after,
                });
                assert_eq!(waits(access, attempts).1, delay);
            }
        }
    }

    #[test]
    fn a_refusal_is_given_up_at_once() {
        let refused = CallError::Refused {
            status: 403,
            message: "Operation Failed".to_owned(),
        };
        assert_eq!(
            verdict(&AttemptFailure::ServiceNow(refused), 1, NOW),
            Verdict::GiveUp(ErrorCode::ServiceNowRefused)
        );
    }
}
