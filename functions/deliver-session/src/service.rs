//! What the function works with.

use std::sync::Arc;

use shared::aws::credentials::CredentialsTable;
use shared::aws::ledger::Ledger;
use shared::aws::queue::Queues;
use shared::aws::secret_store::SecretStore;
use shared::aws::tenants::TenantsTable;
use shared::cache::BoundedCache;
use shared::domain::clock::{Clock, Timestamp};
use shared::domain::record::SysId;
use shared::domain::tenant::TenantId;
use shared::servicenow::client::ServiceNowClient;

use crate::timeouts::Timeouts;

/// What the function works with, built once per process.
#[derive(Debug)]
pub struct DeliverSession {
    /// The tenants' settings.
    pub tenants: Arc<TenantsTable>,
    /// The state of each post and the record of each session.
    pub ledger: Ledger,
    /// The tenants' pauses.
    pub credentials: Arc<CredentialsTable>,
    /// The keys that sign a `Tracking0`.
    pub secret_store: Arc<SecretStore>,
    /// Reads and writes records.
    pub servicenow: ServiceNowClient,
    /// The queue of posts and its dead-letter queue.
    pub queues: Queues,
    /// May be shifted by tests.
    pub clock: Clock,
    /// Time-outs in a row, by tenant.
    pub timeouts: Timeouts,
    /// The user records of technicians by tenant and e-mail address in lower case, each until a moment.
    pub technicians: BoundedCache<(TenantId, String), (Option<SysId>, Timestamp)>,
}
