//! What the functions need of a tenant.

use super::key::{KeyKind, TenantKey, sha256_of};
use crate::aws::item::{self, Item};
use crate::domain::clock::Timestamp;
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantFile;

/// What the functions need of a tenant for their work.
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

impl Tenant {
    /// The live key whose text is `presented`, compared in constant time.
    pub fn key(&self, kind: KeyKind, presented: &Secret) -> Option<&TenantKey> {
        let presented = sha256_of(presented.expose());
        self.keys.iter().fold(None, |found, key| {
            if key.matches(kind, &presented) {
                Some(key)
            } else {
                found
            }
        })
    }

    /// Reads an item of the table; `None` when it is not one that the connector wrote.
    pub fn from_item(item: &Item) -> Option<Self> {
        Some(Self {
            file: serde_json::from_str(item::text(item, "config")?).ok()?,
            version: item::number(item, "version")?,
            keys: serde_json::from_str(item::text(item, "keys")?).ok()?,
            disabled_at: item::timestamp(item, "disabled_at"),
        })
    }
}
