//! What the function works with.

use std::sync::Arc;

use shared::aws::credentials::CredentialsTable;
use shared::aws::ledger::Ledger;
use shared::aws::queue::{Queues, ReconcileQueue};
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::ManagedTenants;
use shared::domain::clock::Clock;
use shared::reconciliation::RescueAccounts;
use shared::rescue::api::RescueClient;
use shared::rescue::authcodes::Authcodes;
use shared::retry::ServiceNowTimeouts;
use shared::wiring::Wiring;

/// The clients of the function, built once per process.
#[derive(Debug)]
pub struct ReconcileSessions {
    /// The tenants, which the schedule pages through.
    pub tenants: ManagedTenants,
    /// The tenants' secrets.
    pub secret_store: Arc<SecretStore>,
    /// Leases, progress, and the missed sessions.
    pub credentials: Arc<CredentialsTable>,
    /// Which tenants have the same Rescue account.
    pub accounts: RescueAccounts,
    /// The posts that were accepted.
    pub ledger: Ledger,
    /// Where a report is asked for.
    pub rescue: RescueClient,
    /// Signs the technician in whose report is read.
    pub authcodes: Authcodes,
    /// The queue of posts.
    pub sessions: Queues,
    /// The queue of tenants.
    pub queue: ReconcileQueue,
    /// The wall clock.
    pub clock: Clock,
}

impl ReconcileSessions {
    pub(crate) fn new(wiring: &mut Wiring) -> Self {
        let vendors = wiring.vendors(ServiceNowTimeouts::QUEUE);
        let rescue = vendors.rescue();
        let tenants = wiring.managed_tenants();
        Self {
            accounts: vendors.rescue_accounts(tenants.clone()),
            tenants,
            ledger: wiring.ledger(),
            authcodes: vendors.authcodes(&rescue),
            rescue,
            secret_store: vendors.secret_store,
            credentials: vendors.credentials,
            sessions: wiring.sessions_queue(),
            queue: wiring.reconcile_queue(),
            clock: vendors.clock,
        }
    }
}
