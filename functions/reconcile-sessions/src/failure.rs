//! Why a message stays in the queue, and why a tenant's run comes to nothing.

use std::time::Duration;

use shared::aws::queue::{DecodeError, QueueError};
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::ReadTenantError;
use shared::reconciliation::NoReport;

/// Why a message stays in the queue. After a few receives it goes to the queue's dead-letter queue; the next run compares
/// what it would have compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepFailure {
    #[error(transparent)]
    Message(#[from] DecodeError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Tenant(#[from] ReadTenantError),
}

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// A person has to do something about it. A sentence for the operator.
    Permanent(String),
    /// It may pass. A sentence for the operator.
    Transient(String),
    /// Another report of the same user is being made, or was made less than a minute ago.
    Busy,
    /// The run has found out what to ask for instead, after that time.
    Wait(Duration),
    /// The connector's own storage or queue failed.
    Step(StepFailure),
}

impl From<NoReport> for Obstacle {
    fn from(error: NoReport) -> Self {
        match error {
            NoReport::Busy => Self::Busy,
            NoReport::Storage(error) => Self::Step(error.into()),
            error if error.may_pass() => Self::Transient(error.to_string()),
            error => Self::Permanent(error.to_string()),
        }
    }
}

impl From<StorageError> for Obstacle {
    fn from(error: StorageError) -> Self {
        Self::Step(error.into())
    }
}

impl From<ReadTenantError> for Obstacle {
    fn from(error: ReadTenantError) -> Self {
        Self::Step(error.into())
    }
}
