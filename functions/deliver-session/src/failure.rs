//! Why an attempt did not finish its post.

use shared::aws::storage_error::StorageError;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::servicenow::client::CallError;
use shared::servicenow::text::shortened;

/// The room of a reason in the ledger and in a dead letter, in characters.
const MAX_DETAIL: usize = 300;

/// Why an attempt did not finish its post.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptFailure {
    /// A repetition does not help.
    #[error("{}", .0.entry().title)]
    Permanent(ErrorCode),
    /// Another post of the session holds the claim to create its record until then.
    #[error("another post of the session creates its record")]
    CreatedElsewhere(Timestamp),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("ServiceNow: {0}")]
    ServiceNow(#[from] CallError),
    /// The note was written without its attachment.
    #[error("ServiceNow refused the attachment: {0}")]
    AttachmentRefused(CallError),
}

impl AttemptFailure {
    /// The reason for the ledger and the dead letter, where it names configuration only.
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::AttachmentRefused(error)
            | Self::ServiceNow(
                error @ (CallError::Refused { .. }
                | CallError::Unavailable { .. }
                | CallError::Unknown { .. }
                | CallError::Misconfigured(_)),
            ) => Some(shortened(&error.to_string(), MAX_DETAIL)),
            Self::Storage(error) => Some(shortened(&error.to_string(), MAX_DETAIL)),
            Self::ServiceNow(_) | Self::Permanent(_) | Self::CreatedElsewhere(_) => None,
        }
    }

    pub(crate) const fn is_unknown(&self) -> bool {
        matches!(self, Self::ServiceNow(CallError::Unknown { .. }))
    }

    /// Whether the attempt counts: not when it only lacked time or waited for another post.
    pub(crate) const fn is_of_an_attempt(&self) -> bool {
        !matches!(
            self,
            Self::ServiceNow(CallError::OutOfTime) | Self::CreatedElsewhere(_)
        )
    }

    pub(crate) const fn timed_out(&self) -> bool {
        matches!(self, Self::ServiceNow(error) if error.timed_out())
    }
}
