//! The error of a call to DynamoDB.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// A table cannot be read or written. Names the call and the table:
/// `DynamoDB GetItem, table tenants: AccessDeniedException`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StorageError(pub String);

impl StorageError {
    /// A failed call about `table`.
    pub fn of<E, R>(table: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        Self(crate::aws::sdk::failure("table", table, error))
    }

    /// The service's error code, or why there is no answer, without the call.
    pub fn reason(&self) -> &str {
        self.0.rsplit(": ").next().unwrap_or_default()
    }
}
