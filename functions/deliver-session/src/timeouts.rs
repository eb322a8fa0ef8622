//! Time-outs of ServiceNow in a row, which pause the tenant (docs/architecture.md#rule-4).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use shared::domain::tenant::TenantId;
use shared::retry::TIMEOUTS_BEFORE_PAUSE;

/// How many of a tenant's last calls in this process ran into a time-out.
#[derive(Debug, Default)]
pub struct Timeouts(Mutex<HashMap<TenantId, u32>>);

impl Timeouts {
    /// Counts a time-out. True: the tenant has to be paused, and counting starts anew.
    pub(crate) fn timed_out(&self, tenant: &TenantId) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(tenant.clone()).or_default();
        *count += 1;
        let too_many = *count >= TIMEOUTS_BEFORE_PAUSE;
        if too_many {
            counts.remove(tenant);
        }
        too_many
    }

    /// ServiceNow answered, with success or failure.
    pub(crate) fn answered(&self, tenant: &TenantId) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_time_outs_in_a_row_are_too_many_and_an_answer_starts_the_count_anew() {
        let timeouts = Timeouts::default();
        let (acme, other) = ("acme", "other");
        let tenant = |name: &str| TenantId::parse(name).expect("valid");
        assert!(!timeouts.timed_out(&tenant(acme)));
        assert!(!timeouts.timed_out(&tenant(acme)));
        timeouts.answered(&tenant(acme));
        assert!(!timeouts.timed_out(&tenant(acme)));
        assert!(!timeouts.timed_out(&tenant(acme)));
        assert!(!timeouts.timed_out(&tenant(other)));
        assert!(timeouts.timed_out(&tenant(acme)));
        assert!(!timeouts.timed_out(&tenant(acme)));
    }
}
