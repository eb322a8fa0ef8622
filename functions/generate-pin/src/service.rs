//! What the function works with.

use std::sync::Arc;
use std::time::Duration;

use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::TenantsTable;
use shared::domain::clock::Clock;
use shared::rescue::api::RescueClient;
use shared::rescue::authcodes::Authcodes;
use shared::retry::ServiceNowTimeouts;
use shared::servicenow::client::ServiceNowClient;
use shared::token::access::AccessTokens;
use shared::wiring::Wiring;

use crate::idempotency::PinRequests;

/// The function's clients, made once per process.
#[derive(Debug)]
pub struct GeneratePin {
    pub(crate) tenants: Arc<TenantsTable>,
    /// Holds the key that signs a `Tracking0`.
    pub(crate) secret_store: Arc<SecretStore>,
    pub(crate) pin_requests: PinRequests,
    pub(crate) authcodes: Authcodes,
    pub(crate) rescue: RescueClient,
    /// The access tokens that `servicenow` uses.
    pub(crate) access: Arc<AccessTokens>,
    pub(crate) servicenow: ServiceNowClient,
    pub(crate) clock: Clock,
    /// A random part of a second, so that requests that wait for Rescue's rate limit do not all try again at once.
    pub(crate) jitter: fn() -> Duration,
}

impl GeneratePin {
    /// Makes the clients.
    pub fn new(wiring: &mut Wiring) -> Self {
        let vendors = wiring.vendors(ServiceNowTimeouts::HTTP);
        let (access, rescue) = (vendors.access_tokens(), vendors.rescue());
        let (dynamodb, table) = (wiring.dynamodb(), wiring.credentials_table());
        Self {
            tenants: Arc::clone(&vendors.tenants),
            pin_requests: PinRequests::new(dynamodb, table, wiring.clock()),
            authcodes: vendors.authcodes(&rescue),
            rescue,
            servicenow: vendors.servicenow(&access),
            access,
            secret_store: vendors.secret_store,
            clock: vendors.clock,
            jitter,
        }
    }
}

/// Up to one second; zero where the system has no randomness.
fn jitter() -> Duration {
    let mut random = [0; 2];
    let filled = getrandom::fill(&mut random);
    filled.map_or(Duration::ZERO, |()| {
        Duration::from_millis(u64::from(u16::from_le_bytes(random)) * 1000 / 65_536)
    })
}
