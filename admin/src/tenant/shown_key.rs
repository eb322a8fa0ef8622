//! A tenant's keys as commands print them.

use serde::Serialize;
use shared::aws::tenants::{KeyKind, KeyScope, TenantKey};
use shared::domain::clock::Timestamp;

/// A live key without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySummary {
    /// Names the key in `keys retire`.
    pub id: String,
    /// Which routes it opens.
    pub kind: KeyKind,
    /// Empty for a webhook key.
    pub scopes: Vec<KeyScope>,
}

impl From<&TenantKey> for KeySummary {
    fn from(key: &TenantKey) -> Self {
        Self {
            id: key.id.clone(),
            kind: key.kind,
            scopes: key.scopes.clone(),
        }
    }
}

/// A live key and when it was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownKey {
    #[serde(flatten)]
    pub(crate) key: KeySummary,
    pub(crate) created_at: Timestamp,
}

impl From<&TenantKey> for ShownKey {
    fn from(key: &TenantKey) -> Self {
        Self {
            key: key.into(),
            created_at: key.created_at,
        }
    }
}
