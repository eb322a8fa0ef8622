//! The lease with which one process at a time uses or writes a tenant's refresh token.

use std::future::Future;

use shared::aws::credentials::token_lease_key;
use shared::aws::single_flight::FlightLimits;
use shared::domain::tenant::TenantId;
use shared::domain::time_budget::TimeBudget;
use shared::token::grants::TOKEN_LEASE;

use crate::failure::StepFailure;
use crate::service::{PATIENCE, RotateTokens};

/// Does `work` while holding the tenant's token lease.
pub(crate) async fn holding<T>(
    function: &RotateTokens,
    tenant: &TenantId,
    budget: &TimeBudget,
    work: impl Future<Output = Result<T, StepFailure>>,
) -> Result<T, StepFailure> {
    let limits = FlightLimits {
        lease: TOKEN_LEASE,
        wait: PATIENCE.lease.min(budget.left()),
    };
    let key = token_lease_key(tenant);
    let done = function.flights.holding(&key, limits, work).await?;
    done.ok_or_else(|| {
        StepFailure::Transient("another process holds the token lease for too long".to_owned())
    })
}
