//! What the function works with.

use std::sync::Arc;

use shared::aws::credentials::CredentialsTable;
use shared::aws::queue::Queues;
use shared::aws::secret_store::SecretStore;
use shared::aws::single_flight::SingleFlight;
use shared::aws::tenants::TenantsTable;
use shared::domain::clock::Clock;
use shared::domain::instance::Instance;
use shared::domain::tenant::TenantFile;
use shared::retry::ServiceNowTimeouts;
use shared::token::grants::Grants;
use shared::wiring::Wiring;

use crate::failure::StepFailure;

/// The time limits of calls to ServiceNow.
pub(crate) const PATIENCE: ServiceNowTimeouts = ServiceNowTimeouts::QUEUE;

/// The clients of the function, built once per process.
#[derive(Debug)]
pub struct RotateTokens {
    /// The tenants' settings.
    pub tenants: Arc<TenantsTable>,
    /// The tenants' secrets.
    pub secret_store: Arc<SecretStore>,
    /// Pauses, leases and shared access tokens.
    pub credentials: Arc<CredentialsTable>,
    /// ServiceNow's token endpoint, and the stored refresh tokens.
    pub grants: Grants,
    /// Lets one process at a time use a tenant's refresh token.
    pub flights: SingleFlight,
    /// The queue in which posts wait for a token.
    pub queues: Queues,
    /// The wall clock.
    pub clock: Clock,
    /// `ALLOW_LOOPBACK`, only for tests.
    pub allow_loopback: bool,
}

impl RotateTokens {
    pub(crate) fn new(wiring: &mut Wiring) -> Self {
        let vendors = wiring.vendors(PATIENCE);
        Self {
            tenants: Arc::clone(&vendors.tenants),
            grants: vendors.grants(),
            flights: SingleFlight::new(Arc::clone(&vendors.credentials)),
            secret_store: vendors.secret_store,
            credentials: vendors.credentials,
            queues: wiring.sessions_queue(),
            clock: vendors.clock,
            allow_loopback: vendors.testing.allow_loopback,
        }
    }

    pub(crate) fn instance(&self, file: &TenantFile) -> Result<Instance, StepFailure> {
        let servicenow = &file.servicenow;
        let allow_host = servicenow.allow_host.as_deref();
        Instance::parse(&servicenow.instance, allow_host, self.allow_loopback)
            .map_err(|error| StepFailure::Transient(format!("the instance {error}")))
    }
}
