//! What the function works with.

use std::sync::Arc;

use shared::aws::credentials::CredentialsTable;
use shared::aws::ledger::Ledger;
use shared::aws::queue::Queues;
use shared::aws::secret_store::SecretStore;
use shared::aws::single_flight::SingleFlight;
use shared::aws::tenants::ManagedTenants;
use shared::domain::clock::Clock;
use shared::reconciliation::RescueAccounts;
use shared::retry::ServiceNowTimeouts;
use shared::settings::Rules;
use shared::wiring::{VendorWiring, Wiring};

/// The function's clients, made once per process.
#[derive(Debug)]
pub struct TenantSettings {
    pub(crate) tenants: ManagedTenants,
    /// Tells which tenants have the same Rescue account.
    pub(crate) accounts: RescueAccounts,
    pub(crate) secret_store: Arc<SecretStore>,
    pub(crate) credentials: Arc<CredentialsTable>,
    /// One user of a tenant's token at a time.
    pub(crate) flights: SingleFlight,
    pub(crate) ledger: Ledger,
    /// Has the posts that wait for credentials.
    pub(crate) queues: Queues,
    pub(crate) clock: Clock,
    /// Makes the clients of each run of the checks.
    pub(crate) vendors: VendorWiring,
    /// How settings are checked.
    pub(crate) rules: Rules,
}

impl TenantSettings {
    /// Makes the clients.
    pub fn new(wiring: &mut Wiring) -> Self {
        let vendors = wiring.vendors(ServiceNowTimeouts::HTTP);
        let tenants = wiring.managed_tenants();
        Self {
            accounts: vendors.rescue_accounts(tenants.clone()),
            tenants,
            flights: SingleFlight::new(Arc::clone(&vendors.credentials)),
            secret_store: Arc::clone(&vendors.secret_store),
            credentials: Arc::clone(&vendors.credentials),
            ledger: wiring.ledger(),
            queues: wiring.sessions_queue(),
            clock: wiring.clock(),
            rules: Rules {
                may_be_incomplete: true,
                allow_loopback: vendors.testing.allow_loopback,
            },
            vendors,
        }
    }
}
