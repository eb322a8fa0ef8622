//! Why there is no access token.

use std::time::Duration;

use crate::aws::credentials::Pause;
use crate::aws::secret_store::SecretStoreError;
use crate::aws::storage_error::StorageError;

/// Why there is no access token, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A person has to set a token, a secret or a password.
    #[error("reauthorization-needed: {0}")]
    ReauthorizationNeeded(String),
    /// The tenant was paused meanwhile.
    #[error("the tenant is paused: {}", .0.reason)]
    Paused(Pause),
    /// The connector's own tables or secrets do not answer; trying again helps.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// Trying again helps.
    #[error("{reason}")]
    Transient {
        /// What happened.
        reason: String,
        /// The delay in `Retry-After`.
        retry_after: Option<Duration>,
    },
}

impl AccessError {
    pub(super) fn another_process() -> Self {
        Self::Transient {
            reason: "another process has been getting a token for too long".to_owned(),
            retry_after: None,
        }
    }
}

impl From<SecretStoreError> for AccessError {
    fn from(error: SecretStoreError) -> Self {
        match error {
            SecretStoreError::Missing(_) | SecretStoreError::Malformed(_) => {
                Self::ReauthorizationNeeded(error.to_string())
            }
            SecretStoreError::Unavailable(call) => Self::Storage(StorageError::Call(call)),
        }
    }
}
