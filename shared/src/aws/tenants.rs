//! The tenants' table: configuration and keys, cached in each process (docs/architecture.md#rule-5).

mod history;
mod invitation;
mod key;
mod managed;
mod pages;
mod reconciliation;
mod tenant;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::operation::get_item::{GetItem, GetItemInput, GetItemOutput};
use tokio::time::timeout;

pub use self::history::HistoryEntry;
pub use self::invitation::Invitation;
pub use self::key::{KeyKind, KeyScope, TenantKey, WebhookUrls};
pub use self::managed::{
    Change, LIVE_KEYS, ManagedBy, ManagedTenant, ManagedTenants, ReadTenantError, WriteTenantError,
};
pub use self::pages::TenantsPage;
pub use self::reconciliation::{OffTime, Reconciliation};
pub use self::tenant::Tenant;
use crate::aws::direct::{CallError, DirectClient};
use crate::aws::item::text_value;
use crate::aws::storage_error::StorageError;
use crate::cache::BoundedCache;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantId;

/// How long a cached tenant is used without reading it again.
const FRESH_FOR: Duration = Duration::from_secs(60);
/// How long a cached tenant is used while the table cannot be read.
const STALE_FOR: Duration = Duration::from_secs(24 * 3600);
/// The shortest time between two reads for a key or tenant that is unknown.
const REREAD_AFTER: Duration = Duration::from_secs(5);
/// How long a request waits for the read of a tenant that is cached.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(2);
/// The most names without a tenant that are cached, each for [`REREAD_AFTER`].
const UNKNOWN_LIMIT: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Reads tenants, one `GetItem` each, and caches them.
#[derive(Debug)]
pub struct TenantsTable {
    dynamodb: DirectClient,
    table: String,
    clock: Clock,
    cache: BoundedCache<TenantId, Cached>,
    /// Names without a tenant, and when they were read.
    unknown: BoundedCache<TenantId, Timestamp>,
}

#[derive(Clone, Debug)]
struct Cached {
    tenant: Arc<Tenant>,
    read_at: Timestamp,
    tried_at: Timestamp,
}

impl TenantsTable {
    /// A reader of `table`.
    pub fn new(dynamodb: DirectClient, table: String, clock: Clock) -> Self {
        Self {
            dynamodb,
            table,
            clock,
            cache: BoundedCache::default(),
            unknown: BoundedCache::with_capacity(UNKNOWN_LIMIT),
        }
    }

    /// The tenant, no older than 60 s, or no older than a day while the table cannot be read. `None`: no such tenant.
    ///
    /// # Errors
    /// When the table cannot be read and no tenant younger than a day is cached.
    pub async fn get(&self, id: &TenantId) -> Result<Option<Arc<Tenant>>, StorageError> {
        let now = self.clock.now();
        let Some(cached) = self.cache.get(id) else {
            if self.is_unknown(id, now) {
                return Ok(None);
            }
            return self.read(id).await;
        };
        // While the table fails, it is read every few seconds, not for every request.
        let failing = cached.tried_at > cached.read_at && now.since(cached.tried_at) < REREAD_AFTER;
        if now.since(cached.read_at) < FRESH_FOR || failing {
            return Ok(Some(cached.tenant));
        }
        match self.read(id).await {
            Err(error) if now.since(cached.read_at) < STALE_FOR => {
                tracing::warn!(tenant = %id, %error, "using the tenant's cached configuration");
                Ok(Some(self.keep(id, cached, now)))
            }
            answer => answer,
        }
    }

    /// The tenant if `presented` is one of its live keys of that kind. For an unknown key the table is read again, at most
    /// once per 5 s and tenant, so that a new key works at once. A tenant that is not cached is read until `time_limit`
    /// has passed ([`crate::aws::sdk::repeat`]).
    ///
    /// # Errors
    /// As [`TenantsTable::get`].
    pub async fn authenticate(
        &self,
        id: &TenantId,
        kind: KeyKind,
        presented: &Secret,
        time_limit: Duration,
    ) -> Result<Option<(Arc<Tenant>, TenantKey)>, StorageError> {
        let matching = |tenant: Option<Arc<Tenant>>| {
            tenant.and_then(|tenant| {
                tenant
                    .key(kind, presented)
                    .cloned()
                    .map(|key| (tenant, key))
            })
        };
        let now = self.clock.now();
        let known = self.cache.get(id);
        let tenant = match known.filter(|cached| now.since(cached.read_at) < STALE_FOR) {
            None if self.is_unknown(id, now) => None,
            None => self.read_patiently(id, time_limit).await?,
            Some(cached) => match timeout(REFRESH_TIMEOUT.min(time_limit), self.get(id)).await {
                Ok(answer) => answer?,
                Err(_) => {
                    tracing::warn!(tenant = %id, "using the tenant's cached configuration: the table does not answer");
                    Some(self.keep(id, cached, now))
                }
            },
        };
        if let Some(found) = matching(tenant) {
            return Ok(Some(found));
        }
        let tried_lately = self
            .cache
            .get(id)
            .is_some_and(|cached| now.since(cached.tried_at) < REREAD_AFTER);
        if tried_lately || self.is_unknown(id, now) {
            return Ok(None);
        }
        Ok(matching(self.read_patiently(id, time_limit).await?))
    }

    /// The tenant as the table has it now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn read(&self, id: &TenantId) -> Result<Option<Arc<Tenant>>, StorageError> {
        let now = self.clock.now();
        let answer = self.get_item(id).await;
        self.cache_answer(id, answer, now)
    }

    /// [`TenantsTable::read`], repeated until `time_limit` has passed.
    async fn read_patiently(
        &self,
        id: &TenantId,
        time_limit: Duration,
    ) -> Result<Option<Arc<Tenant>>, StorageError> {
        let answer = crate::aws::sdk::repeat(time_limit, async || self.get_item(id).await).await;
        self.cache_answer(id, answer, self.clock.now())
    }

    async fn get_item(&self, id: &TenantId) -> Result<GetItemOutput, CallError<GetItem>> {
        let input = GetItemInput::builder()
            .table_name(&self.table)
            .key("tenant", text_value(id))
            .consistent_read(true);
        self.dynamodb.call::<GetItem>(input.build()).await
    }

    /// Keeps using a cached tenant whose read has failed.
    fn keep(&self, id: &TenantId, cached: Cached, tried_at: Timestamp) -> Arc<Tenant> {
        let tenant = Arc::clone(&cached.tenant);
        self.cache.insert(id.clone(), Cached { tried_at, ..cached });
        tenant
    }

    fn cache_answer(
        &self,
        id: &TenantId,
        answer: Result<GetItemOutput, CallError<GetItem>>,
        now: Timestamp,
    ) -> Result<Option<Arc<Tenant>>, StorageError> {
        let answer = answer.map_err(|error| StorageError::of(&self.table, &error))?;
        let Some(item) = answer.item() else {
            self.cache.remove(id);
            self.unknown.insert(id.clone(), now);
            return Ok(None);
        };
        let tenant = Tenant::from_item(item).map(Arc::new).ok_or_else(|| {
            StorageError::Other(format!("the item of tenant {id} cannot be read"))
        })?;
        let cached = Cached {
            tenant: Arc::clone(&tenant),
            read_at: now,
            tried_at: now,
        };
        self.cache.insert(id.clone(), cached);
        Ok(Some(tenant))
    }

    fn is_unknown(&self, id: &TenantId, now: Timestamp) -> bool {
        self.unknown
            .get(id)
            .is_some_and(|read_at| now.since(read_at) < REREAD_AFTER)
    }
}
