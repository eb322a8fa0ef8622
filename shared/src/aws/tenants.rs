//! The tenants' table: configuration and keys, cached in each process (docs/architecture.md#rule-5).

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_smithy_runtime_api::client::result::SdkError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::time::timeout;

use crate::aws::item::{self, Item, number_value, text_value};
use crate::aws::storage_error::StorageError;
use crate::cache::BoundedCache;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::secret::Secret;
use crate::domain::tenant::{TenantFile, TenantId};

/// What the table holds about a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant file that was applied.
    pub file: TenantFile,
    /// Increases with each write; a write is conditional on the version that was read.
    pub version: u64,
    /// The live keys.
    pub keys: Vec<TenantKey>,
    /// When the tenant was switched off. Posts accepted before are still delivered.
    pub disabled_at: Option<Timestamp>,
}

/// One live key. Its text is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantKey {
    /// The name that operators use for it.
    pub id: String,
    /// The URLs that it authenticates.
    pub kind: KeyKind,
    /// What an API key may be used for; empty for a webhook key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<KeyScope>,
    /// SHA-256 of the key's text, as hexadecimal digits.
    pub sha256: String,
    /// When it was generated.
    pub created_at: Timestamp,
}

/// What a key authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// The URL that Rescue posts to.
    Webhook,
    /// The routes that ServiceNow calls.
    Api,
}

/// What an API key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Request PINs.
    Pin,
    /// Hand over a refresh token.
    Token,
}

impl TenantKey {
    /// A key from 32 random bytes, and its text in base64url, which is shown once.
    pub fn generate(
        kind: KeyKind,
        scopes: Vec<KeyScope>,
        random: &[u8; 32],
        now: Timestamp,
    ) -> (Self, Secret) {
        let text = URL_SAFE_NO_PAD.encode(random);
        let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
        let id = sha256.split_at(8).0.to_owned();
        (
            Self {
                id,
                kind,
                scopes,
                sha256,
                created_at: now,
            },
            Secret::from(text),
        )
    }

    fn matches(&self, kind: KeyKind, presented_sha256: &str) -> bool {
        self.kind == kind && bool::from(self.sha256.as_bytes().ct_eq(presented_sha256.as_bytes()))
    }
}

impl Tenant {
    /// The live key whose text is `presented`, compared in constant time.
    pub fn key(&self, kind: KeyKind, presented: &Secret) -> Option<&TenantKey> {
        let presented = hex::encode(Sha256::digest(presented.expose().as_bytes()));
        self.keys.iter().fold(None, |found, key| {
            if key.matches(kind, &presented) {
                Some(key)
            } else {
                found
            }
        })
    }

    /// The tenant as an item of the table.
    ///
    /// # Errors
    /// When it cannot be written as JSON; never for a tenant file that was read.
    pub fn to_item(&self) -> Result<Item, serde_json::Error> {
        let mut item = Item::from([
            ("tenant".to_owned(), text_value(&self.file.tenant)),
            ("version".to_owned(), number_value(self.version)),
            (
                "config".to_owned(),
                text_value(serde_json::to_string(&self.file)?),
            ),
            (
                "keys".to_owned(),
                text_value(serde_json::to_string(&self.keys)?),
            ),
        ]);
        let disabled_at = self.disabled_at.map(text_value);
        item.extend(disabled_at.map(|value| ("disabled_at".to_owned(), value)));
        Ok(item)
    }

    /// Reads an item of the table; `None` when [`Tenant::to_item`] did not write it.
    pub fn from_item(item: &Item) -> Option<Self> {
        Some(Self {
            file: serde_json::from_str(item::text(item, "config")?).ok()?,
            version: item::number(item, "version")?,
            keys: serde_json::from_str(item::text(item, "keys")?).ok()?,
            disabled_at: item::timestamp(item, "disabled_at"),
        })
    }
}

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
    dynamodb: aws_sdk_dynamodb::Client,
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
    pub fn new(dynamodb: aws_sdk_dynamodb::Client, table: String, clock: Clock) -> Self {
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
        let answer = self.get_item(id).send().await;
        self.cache_answer(id, answer, now)
    }

    /// [`TenantsTable::read`], repeated until `time_limit` has passed.
    async fn read_patiently(
        &self,
        id: &TenantId,
        time_limit: Duration,
    ) -> Result<Option<Arc<Tenant>>, StorageError> {
        let request = self.get_item(id);
        let answer =
            crate::aws::sdk::repeat(time_limit, async || request.clone().send().await).await;
        self.cache_answer(id, answer, self.clock.now())
    }

    fn get_item(&self, id: &TenantId) -> GetItemFluentBuilder {
        self.dynamodb
            .get_item()
            .table_name(&self.table)
            .key("tenant", text_value(id))
            .consistent_read(true)
    }

    /// Keeps using a cached tenant whose read has failed.
    fn keep(&self, id: &TenantId, cached: Cached, tried_at: Timestamp) -> Arc<Tenant> {
        let tenant = Arc::clone(&cached.tenant);
        self.cache.insert(id.clone(), Cached { tried_at, ..cached });
        tenant
    }

    fn cache_answer<R>(
        &self,
        id: &TenantId,
        answer: Result<GetItemOutput, SdkError<GetItemError, R>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_authenticates_only_its_own_kind() {
        let now = Timestamp::from_millis(0);
        let (webhook, text) = TenantKey::generate(KeyKind::Webhook, vec![], &[7; 32], now);
        assert_eq!(text.expose().len(), 43);
        let hash = hex::encode(Sha256::digest(text.expose().as_bytes()));
        assert!(webhook.matches(KeyKind::Webhook, &hash));
        assert!(!webhook.matches(KeyKind::Api, &hash));
        assert!(!webhook.matches(KeyKind::Webhook, &hex::encode(Sha256::digest(b"another"))));
    }
}
