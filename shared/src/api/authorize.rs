//! API keys.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::tenants::{KeyKind, KeyScope, Tenant, TenantsTable};
use crate::domain::error::{ErrorCode, Problem};
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantId;
use crate::domain::time_budget::TimeBudget;

/// The one refusal of an unknown tenant, a wrong key and a missing scope.
pub fn unauthorized() -> Problem {
    Problem::new(
        ErrorCode::Unauthorized,
        "Send \"Authorization: Bearer KEY\" with an API key of this tenant that has the scope for this route.",
    )
}

/// Reading the table of tenants takes no longer, so that time is left for the work itself.
const READING_TENANT: Duration = Duration::from_secs(8);

/// The tenant, where it is switched on and the key has that scope.
///
/// # Errors
/// `unauthorized`, `tenant-disabled`, `storage-unavailable`.
pub async fn authorize(
    tenants: &TenantsTable,
    id: &TenantId,
    key: &Secret,
    scope: KeyScope,
    budget: &TimeBudget,
) -> Result<Arc<Tenant>, Problem> {
    let time = budget.at_most(READING_TENANT).left();
    let found = tenants.authenticate(id, KeyKind::Api, key, time).await;
    let found = found.map_err(|error| {
        tracing::warn!(tenant = %id, %error, "tenant not readable");
        Problem::new(ErrorCode::StorageUnavailable, "Try again in half a minute.")
    })?;
    let (tenant, _) = found
        .filter(|(_, key)| key.scopes.contains(&scope))
        .ok_or_else(unauthorized)?;
    if tenant.file.enabled {
        Ok(tenant)
    } else {
        let detail = format!("Switch it on: rescue-connector tenant enable {id}");
        Err(Problem::new(ErrorCode::TenantDisabled, detail))
    }
}
