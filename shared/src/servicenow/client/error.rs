//! Why a call to ServiceNow did not succeed.

use std::time::Duration;

use crate::token::access::AccessError;

/// Why a call did not succeed, by what the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No effect: ServiceNow limits the rate. Wait for `retry_after`, if there is one.
    #[error("429")]
    Throttled {
        /// From `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// No effect: ServiceNow was not reached, or did not answer a read properly. Try again.
    #[error("{reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// From `Retry-After`.
        retry_after: Option<Duration>,
        /// It was a time-out.
        timed_out: bool,
    },
    /// A write may have taken effect. Check the record before writing again.
    #[error("{reason}")]
    Unknown {
        /// What happened.
        reason: String,
        /// It was a time-out.
        timed_out: bool,
    },
    /// No effect, and a repetition has none either.
    #[error("{status} {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// [`crate::servicenow::refusal::reason`].
        message: String,
    },
    /// ServiceNow confirmed the write but dropped the note: the answer shows work notes without it. Check the record
    /// before writing again.
    #[error(
        "ServiceNow confirmed the write and does not show the note; the service account may lack the right to write \
         work_notes"
    )]
    NoteNotVisible,
    /// No effect: the record does not exist, or the service account may not see it.
    #[error("404")]
    NotFound,
    /// No effect: there is no access token.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No effect: the tenant lacks a setting or a secret, or has a wrong one.
    #[error("{0}")]
    Misconfigured(String),
    /// No effect: too little time is left to start a call.
    #[error("too little time is left")]
    OutOfTime,
}

impl CallError {
    /// Whether the call ran into a time-out.
    pub const fn timed_out(&self) -> bool {
        matches!(
            self,
            Self::Unknown {
                timed_out: true,
                ..
            } | Self::Unavailable {
                timed_out: true,
                ..
            }
        )
    }

    pub(super) fn unknown(reason: &str) -> Self {
        Self::Unknown {
            reason: reason.to_owned(),
            timed_out: false,
        }
    }

    /// The same failure of a call that writes nothing: its unknown outcome is no effect.
    pub(super) fn of_a_read(self) -> Self {
        self.without_effect()
    }

    /// The same failure of a call that may be repeated without looking.
    #[must_use]
    pub fn without_effect(self) -> Self {
        match self {
            Self::Unknown { reason, timed_out } => Self::Unavailable {
                reason,
                retry_after: None,
                timed_out,
            },
            other => other,
        }
    }
}
