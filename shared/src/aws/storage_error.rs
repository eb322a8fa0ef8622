//! Why a table or a secret cannot be used.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::sdk::FailedCall;

/// A table or a secret cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// AWS did not do what it was called for.
    #[error("{0}")]
    Call(FailedCall),
    /// Another reason, in words.
    #[error("{0}")]
    Other(String),
}

impl StorageError {
    /// A failed call about `table`.
    pub fn of<E, R>(table: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        Self::Call(crate::aws::sdk::failure("table", table, error))
    }

    /// The service's error code, or why there is no answer, without the call.
    pub fn reason(&self) -> &str {
        match self {
            Self::Call(call) => &call.reason,
            Self::Other(reason) => reason,
        }
    }
}
