//! The tenants' table: configuration and keys, cached as docs/architecture.md#rule-5 says.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::time::timeout;

use crate::cache::BoundedCache;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::secret::Secret;
use crate::domain::tenant::{TenantFile, TenantId};

/// What the table holds about a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant file that was applied.
    pub file: TenantFile,
    /// Counts the changes; a write names the version it read.
    pub version: u64,
    /// The keys that are live.
    pub keys: Vec<TenantKey>,
    /// When the tenant was switched off: posts that came before are still delivered.
    pub disabled_at: Option<Timestamp>,
}

/// One live key. The key itself is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantKey {
    /// What an operator calls it by.
    pub id: String,
    /// What it opens.
    pub kind: KeyKind,
    /// What an API key may be used for; empty for a webhook key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<KeyScope>,
    /// SHA-256 of the key's text, as hexadecimal digits.
    pub sha256: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a key opens.
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
    /// Ask for PINs.
    Pin,
    /// Hand a refresh token over.
    Token,
}

impl TenantKey {
    /// Makes a key from 32 random bytes. The second value is the key's text, base64url, which is shown once.
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

    fn opens(&self, kind: KeyKind, presented_sha256: &str) -> bool {
        self.kind == kind && bool::from(self.sha256.as_bytes().ct_eq(presented_sha256.as_bytes()))
    }
}

impl Tenant {
    /// The live key whose text is `presented`, compared in constant time.
    pub fn key(&self, kind: KeyKind, presented: &Secret) -> Option<&TenantKey> {
        let presented = hex::encode(Sha256::digest(presented.expose().as_bytes()));
        self.keys.iter().fold(None, |found, key| {
            if key.opens(kind, &presented) {
                Some(key)
            } else {
                found
            }
        })
    }

    /// The tenant as an item of the table.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no tenant file that was read can cause.
    pub fn to_item(&self) -> Result<HashMap<String, AttributeValue>, serde_json::Error> {
        let mut item = HashMap::from([
            (
                "tenant".to_owned(),
                AttributeValue::S(self.file.tenant.to_string()),
            ),
            (
                "version".to_owned(),
                AttributeValue::N(self.version.to_string()),
            ),
            (
                "config".to_owned(),
                AttributeValue::S(serde_json::to_string(&self.file)?),
            ),
            (
                "keys".to_owned(),
                AttributeValue::S(serde_json::to_string(&self.keys)?),
            ),
        ]);
        if let Some(disabled_at) = self.disabled_at {
            item.insert(
                "disabled_at".to_owned(),
                AttributeValue::S(disabled_at.to_string()),
            );
        }
        Ok(item)
    }

    /// Reads an item of the table; `None` when it is not one that [`Tenant::to_item`] made.
    pub fn from_item(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        Some(Self {
            file: serde_json::from_str(text("config")?).ok()?,
            version: item.get("version")?.as_n().ok()?.parse().ok()?,
            keys: serde_json::from_str(text("keys")?).ok()?,
            disabled_at: text("disabled_at").and_then(|text| Timestamp::parse(text)),
        })
    }
}

/// A table of the connector's own cannot be read or written, and nothing young enough is remembered. Names the call and
/// the table: `DynamoDB GetItem, table tenants: AccessDeniedException`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StorageError(pub String);

impl StorageError {
    /// A failed call about `table`.
    pub fn of<E, R>(table: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        Self(crate::aws::sdk::failure("table", table, error))
    }

    /// The service's error code, or what became of the connection, without the call.
    pub fn reason(&self) -> &str {
        self.0.rsplit(": ").next().unwrap_or_default()
    }
}

/// How long a tenant that was read is used without reading it again.
const FRESH: Duration = Duration::from_secs(60);
/// How long it is used while the table cannot be read.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// An unknown key or tenant makes the table be read again, but not more often than this.
const REREAD: Duration = Duration::from_secs(5);
/// The caller of an HTTP function waits no longer for a tenant that is remembered to be read again.
const REFRESH: Duration = Duration::from_secs(2);
/// Names that lead to no tenant are remembered for [`REREAD`], and no more of them than this.
const UNKNOWN: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Reads tenants, one `GetItem` each, and remembers them.
#[derive(Debug)]
pub struct TenantsTable {
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    clock: Clock,
    cache: BoundedCache<TenantId, Cached>,
    /// Names that led to no tenant, and when.
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
            unknown: BoundedCache::up_to(UNKNOWN),
        }
    }

    /// The tenant, no older than 60 s, or no older than a day while the table cannot be read. `None`: no such tenant.
    ///
    /// # Errors
    /// When the table cannot be read and nothing young enough is remembered.
    pub async fn get(&self, id: &TenantId) -> Result<Option<Arc<Tenant>>, StorageError> {
        let now = self.clock.now();
        let Some(cached) = self.cache.get(id) else {
            if self.is_unknown(id, now) {
                return Ok(None);
            }
            return self.read(id).await;
        };
        // While the table fails, ask it every few seconds, not for every request.
        let failing = cached.tried_at > cached.read_at && now.since(cached.tried_at) < REREAD;
        if now.since(cached.read_at) < FRESH || failing {
            return Ok(Some(cached.tenant));
        }
        match self.read(id).await {
            Err(error) if now.since(cached.read_at) < STALE => {
                tracing::warn!(tenant = %id, %error, "using the tenant's remembered configuration");
                let tenant = Arc::clone(&cached.tenant);
                self.cache.insert(
                    id.clone(),
                    Cached {
                        tried_at: now,
                        ..cached
                    },
                );
                Ok(Some(tenant))
            }
            answer => answer,
        }
    }

    /// The tenant if one of its live keys of that kind is `presented`. A key that is not among them makes the table
    /// be read again, at most once per 5 s and tenant, so that a new key works at once. Where nothing young enough is
    /// remembered the table is asked until `patience` has passed ([`crate::aws::sdk::repeat`]).
    ///
    /// # Errors
    /// As [`TenantsTable::get`].
    pub async fn authenticate(
        &self,
        id: &TenantId,
        kind: KeyKind,
        presented: &Secret,
        patience: Duration,
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
        let tenant = match known.filter(|cached| now.since(cached.read_at) < STALE) {
            None if self.is_unknown(id, now) => None,
            None => self.read_patiently(id, patience).await?,
            Some(cached) => match timeout(REFRESH.min(patience), self.get(id)).await {
                Ok(answer) => answer?,
                Err(_) => {
                    tracing::warn!(tenant = %id, "using the tenant's remembered configuration: the table does not answer");
                    let tenant = Arc::clone(&cached.tenant);
                    let tried = Cached {
                        tried_at: now,
                        ..cached
                    };
                    self.cache.insert(id.clone(), tried);
                    Some(tenant)
                }
            },
        };
        if let Some(found) = matching(tenant) {
            return Ok(Some(found));
        }
        let tried_lately = self
            .cache
            .get(id)
            .is_some_and(|cached| now.since(cached.tried_at) < REREAD);
        if tried_lately || self.is_unknown(id, now) {
            return Ok(None);
        }
        Ok(matching(self.read_patiently(id, patience).await?))
    }

    /// The tenant as it is now, whatever is remembered.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn read(&self, id: &TenantId) -> Result<Option<Arc<Tenant>>, StorageError> {
        let now = self.clock.now();
        let answer = self.query(id).send().await;
        self.remember(id, answer, now)
    }

    /// The same, asking until `patience` has passed.
    async fn read_patiently(
        &self,
        id: &TenantId,
        patience: Duration,
    ) -> Result<Option<Arc<Tenant>>, StorageError> {
        let query = self.query(id);
        let answer = crate::aws::sdk::repeat(patience, async || query.clone().send().await).await;
        self.remember(id, answer, self.clock.now())
    }

    fn query(&self, id: &TenantId) -> GetItemFluentBuilder {
        self.dynamodb
            .get_item()
            .table_name(&self.table)
            .key("tenant", AttributeValue::S(id.to_string()))
            .consistent_read(true)
    }

    fn remember<R>(
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
        let tenant = Tenant::from_item(item)
            .map(Arc::new)
            .ok_or_else(|| StorageError(format!("the item of tenant {id} cannot be read")))?;
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
            .is_some_and(|asked_at| now.since(asked_at) < REREAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_only_what_it_was_made_for() {
        let now = Timestamp::from_millis(0);
        let (webhook, text) = TenantKey::generate(KeyKind::Webhook, vec![], &[7; 32], now);
        assert_eq!(text.expose().len(), 43);
        let hash = hex::encode(Sha256::digest(text.expose().as_bytes()));
        assert!(webhook.opens(KeyKind::Webhook, &hash));
        assert!(!webhook.opens(KeyKind::Api, &hash));
        assert!(!webhook.opens(KeyKind::Webhook, &hex::encode(Sha256::digest(b"another"))));
    }
}
