//! What the function works with.

use shared::aws::queue::Queues;
use shared::aws::tenants::TenantsTable;
use shared::domain::clock::Clock;
use shared::wiring::Wiring;

use crate::quota::Quota;

/// `POSTS_PER_MINUTE` where it is not set.
const POSTS_PER_MINUTE: u64 = 600;

/// The function's clients, made once per process.
#[derive(Debug)]
pub struct SessionDetails {
    pub(crate) tenants: TenantsTable,
    pub(crate) queues: Queues,
    pub(crate) quota: Quota,
    pub(crate) clock: Clock,
}

impl SessionDetails {
    /// Makes the clients.
    pub fn new(wiring: &mut Wiring) -> Self {
        let environment = &mut wiring.environment;
        let quota = Quota::new(environment.count("POSTS_PER_MINUTE", POSTS_PER_MINUTE));
        Self {
            tenants: wiring.tenants(),
            queues: wiring.queues(),
            quota,
            clock: wiring.clock(),
        }
    }
}
