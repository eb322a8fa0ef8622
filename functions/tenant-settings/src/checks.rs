//! Tries out what the tenant needs (docs/doctor.md), in time for an answer.

use std::time::Duration;

use serde::Serialize;
use shared::aws::credentials::checks_lease_key;
use shared::aws::single_flight::AloneLimits;
use shared::aws::tenants::ManagedTenant;
use shared::checks::examination::{Examination, Technicians};
use shared::checks::reader::Reader;
use shared::checks::report::{Check, Status};
use shared::checks::runner::run;
use shared::domain::error::{ErrorCode, Problem, RETRY_AFTER_CHECKS_SECONDS};
use shared::domain::time_budget::TimeBudget;

use crate::event::WantedChecks;
use crate::service::TenantSettings;
use crate::tenant::storage_unavailable;

/// Kept back of a request's time, so that checks end within 20 s. The rest is for an access token that is being obtained:
/// interrupting that may lose a refresh token.
const AFTER_CHECKS: Duration = Duration::from_millis(4_500);

/// Kept back of the checks' time, in which the last answer of a vendor is stored.
const AFTER_CALLS: Duration = Duration::from_secs(3);

/// Kept back of a request's time for reading the status after the checks.
const READING: Duration = Duration::from_millis(1_500);

/// Checks take up to 24 s of an execution, and all tenants share the account's executions.
const ALONE: AloneLimits = AloneLimits {
    lease: Duration::from_secs(30),
    rest: Duration::from_secs(RETRY_AFTER_CHECKS_SECONDS as u64),
};

/// How often is looked whether an access token is still being obtained.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A check in the status.
#[derive(Debug, Serialize)]
pub(crate) struct CheckAnswer {
    check: &'static str,
    result: Status,
    seen: String,
    remedy: Option<String>,
}

impl From<Check> for CheckAnswer {
    fn from(check: Check) -> Self {
        Self {
            check: check.id,
            result: check.status,
            seen: check.seen,
            remedy: check.remedy,
        }
    }
}

/// Makes the checks that need neither an operator's rights nor the stack, for one request of a tenant at a time. A check that
/// does not end has failed.
///
/// # Errors
/// `checks-in-progress`, `storage-unavailable`.
pub(crate) async fn make(
    function: &TenantSettings,
    tenant: &ManagedTenant,
    wanted: WantedChecks,
    budget: &TimeBudget,
) -> Result<Vec<CheckAnswer>, Problem> {
    let id = &tenant.tenant.file.tenant;
    let making = make_alone(function, tenant, wanted, budget);
    let lease = checks_lease_key(id);
    match function.flights.alone(&lease, ALONE, making).await {
        Ok(Some(checks)) => Ok(checks),
        Ok(None) => {
            let detail =
                "Checks of this tenant are running, or have just ended. Try again in ten seconds.";
            Err(Problem::new(ErrorCode::ChecksInProgress, detail))
        }
        Err(error) => {
            tracing::error!(tenant = %id, %error, "checks not made");
            Err(storage_unavailable())
        }
    }
}

async fn make_alone(
    function: &TenantSettings,
    tenant: &ManagedTenant,
    wanted: WantedChecks,
    budget: &TimeBudget,
) -> Vec<CheckAnswer> {
    let checking = budget.keep_back(AFTER_CHECKS);
    let examination = Examination::new(
        function.vendors.clone(),
        function.queues.clone(),
        tenant.clone(),
        Reader::Administrator {
            managed_by: tenant.managed_by,
        },
        Technicians {
            signed_in: wanted.technician,
            listed: None,
        },
        checking.keep_back(AFTER_CALLS).left(),
    );
    let checks = run(examination.checks(), checking.left(), |_| {}).await;
    while examination.is_obtaining() && budget.allows(READING) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    checks.into_iter().map(CheckAnswer::from).collect()
}

#[cfg(test)]
mod tests {
    use shared::domain::clock::{Clock, Timestamp};

    use super::*;

    #[test]
    fn checks_end_within_20_s_and_their_calls_before_that() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        assert!(crate::ALL_WORK < ALONE.lease);
        let budget = TimeBudget::lasting(clock, crate::ALL_WORK);
        let checking = budget.keep_back(AFTER_CHECKS);
        assert_eq!(checking.left(), Duration::from_secs(20));
        let calls = checking.keep_back(AFTER_CALLS);
        assert_eq!(calls.left(), Duration::from_secs(17));
    }
}
