//! A tenant's keys as commands print them.

use serde::Serialize;
use shared::aws::tenants::{KeyKind, KeyScope, TenantKey};
use shared::domain::clock::Timestamp;
use shared::domain::secret::{Secret, serialize_exposed};
use shared::domain::tenant::TenantId;

/// The two URLs that Rescue posts to. They hold the webhook key, so they are secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebhookUrls {
    /// For the moment a technician starts a session.
    #[serde(serialize_with = "serialize_exposed")]
    pub started: Secret,
    /// For the moment a technician ends it.
    #[serde(serialize_with = "serialize_exposed")]
    pub ended: Secret,
}

impl WebhookUrls {
    /// The URLs of a webhook key; without `api_url` only their paths.
    pub fn new(api_url: Option<&str>, tenant: &TenantId, key: &Secret) -> Self {
        let base = api_url.unwrap_or_default().trim_end_matches('/');
        let key = key.expose();
        let url = |event: &str| {
            Secret::from(format!(
                "{base}/integration/api/servicenow/sessiondetails/{tenant}/{key}?event={event}"
            ))
        };
        Self {
            started: url("started"),
            ended: url("ended"),
        }
    }
}

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
