//! Changes of what decides the tenant's access to ServiceNow: settings and secrets.

use std::time::Duration;

use shared::aws::credentials::token_lease_key;
use shared::aws::single_flight::FlightLimits;
use shared::aws::storage_error::StorageError;
use shared::domain::error::Problem;
use shared::domain::tenant::TenantId;

use crate::service::TenantSettings;
use crate::tenant::storage_unavailable;

/// How long a request waits while another process uses the tenant's token, and how long its own work may take.
const TOKEN_LEASE: FlightLimits = FlightLimits {
    lease: Duration::from_secs(60),
    wait: Duration::from_secs(12),
};

/// Makes a change under the tenant's token lease, then resumes the deliveries that wait for it. Otherwise a lease holder that is
/// refused with what held before could pause the tenant after its pause was ended here.
///
/// # Errors
/// What `change` says; `storage-unavailable` without a change when another process holds the lease for too long.
pub(crate) async fn change_access<T>(
    function: &TenantSettings,
    id: &TenantId,
    change: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let work = async {
        let changed = change.await.map_err(ChangeFailure::Change)?;
        resume_deliveries(function, id).await;
        Ok(changed)
    };
    let lease = token_lease_key(id);
    match function.flights.holding(&lease, TOKEN_LEASE, work).await {
        Ok(Some(changed)) => Ok(changed),
        Ok(None) => Err(storage_unavailable()),
        Err(ChangeFailure::Change(problem)) => Err(problem),
        Err(ChangeFailure::Lease(error)) => {
            tracing::error!(tenant = %id, %error, "the tenant's token lease cannot be taken");
            Err(storage_unavailable())
        }
    }
}

enum ChangeFailure {
    Change(Problem),
    Lease(StorageError),
}

impl From<StorageError> for ChangeFailure {
    fn from(error: StorageError) -> Self {
        Self::Lease(error)
    }
}

/// Ends the tenant's pause and wakes its posts. Access tokens and pauses of what held before do not apply any more. A failure
/// is logged: the pause ends by itself.
async fn resume_deliveries(function: &TenantSettings, id: &TenantId) {
    let credentials = &function.credentials;
    let resumed = async {
        credentials.forget_access_token(id).await?;
        credentials.end_pause(id).await
    };
    match resumed.await {
        Ok(true) => function.queues.wake_if_possible(id).await,
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(tenant = %id, %error, "the tenant stays paused until its pause ends")
        }
    }
}
