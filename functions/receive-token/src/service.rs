//! What the function works with.

use std::sync::Arc;

use shared::aws::credentials::CredentialsTable;
use shared::aws::queue::Queues;
use shared::aws::secret_store::SecretStore;
use shared::aws::single_flight::SingleFlight;
use shared::aws::tenants::TenantsTable;
use shared::domain::clock::Clock;
use shared::retry::ServiceNowTimeouts;
use shared::servicenow::client::ServiceNowClient;
use shared::token::access::AccessTokens;
use shared::token::grants::Grants;
use shared::wiring::Wiring;

/// The function's clients, made once per process.
#[derive(Debug)]
pub struct ReceiveToken {
    pub(crate) tenants: Arc<TenantsTable>,
    pub(crate) secret_store: Arc<SecretStore>,
    pub(crate) credentials: Arc<CredentialsTable>,
    pub(crate) grants: Grants,
    /// One hand-over at a time per tenant.
    pub(crate) flights: SingleFlight,
    /// The access tokens that `servicenow` uses.
    pub(crate) access: Arc<AccessTokens>,
    pub(crate) servicenow: ServiceNowClient,
    /// Has the posts that wait for a token.
    pub(crate) queues: Queues,
    pub(crate) clock: Clock,
    /// `ALLOW_LOOPBACK`, only for tests.
    pub(crate) allow_loopback: bool,
}

impl ReceiveToken {
    /// Makes the clients.
    pub fn new(wiring: &mut Wiring) -> Self {
        let vendors = wiring.vendors(ServiceNowTimeouts::HTTP);
        let access = vendors.access_tokens();
        Self {
            tenants: Arc::clone(&vendors.tenants),
            grants: vendors.grants(),
            flights: SingleFlight::new(Arc::clone(&vendors.credentials)),
            servicenow: vendors.servicenow(&access),
            access,
            secret_store: vendors.secret_store,
            credentials: vendors.credentials,
            queues: wiring.sessions_queue(),
            clock: vendors.clock,
            allow_loopback: vendors.testing.allow_loopback,
        }
    }
}
