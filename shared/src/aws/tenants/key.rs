//! The keys of a tenant.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::domain::clock::Timestamp;
use crate::domain::secret::{Secret, serialize_exposed};
use crate::domain::tenant::TenantId;

/// One live key. Its text is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredKey", into = "StoredKey")]
pub struct TenantKey {
    /// The name that operators use for it.
    pub id: String,
    /// The URLs that it authenticates.
    pub kind: KeyKind,
    /// What an API key may be used for; empty for a webhook key.
    pub scopes: Vec<KeyScope>,
    /// SHA-256 of the key's text, as hexadecimal digits.
    pub sha256: String,
    /// When it was generated.
    pub created_at: Timestamp,
}

/// A key as the table holds it. The scope `settings` stands apart: a release that does not know it reads the key without it.
#[derive(Clone, Serialize, Deserialize)]
struct StoredKey {
    id: String,
    kind: KeyKind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<KeyScope>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    settings: bool,
    sha256: String,
    created_at: Timestamp,
}

impl From<StoredKey> for TenantKey {
    fn from(stored: StoredKey) -> Self {
        let mut scopes = stored.scopes;
        scopes.extend(stored.settings.then_some(KeyScope::Settings));
        Self {
            id: stored.id,
            kind: stored.kind,
            scopes,
            sha256: stored.sha256,
            created_at: stored.created_at,
        }
    }
}

impl From<TenantKey> for StoredKey {
    fn from(key: TenantKey) -> Self {
        let mut scopes = key.scopes;
        let all = scopes.len();
        scopes.retain(|scope| *scope != KeyScope::Settings);
        Self {
            id: key.id,
            kind: key.kind,
            settings: scopes.len() < all,
            scopes,
            sha256: key.sha256,
            created_at: key.created_at,
        }
    }
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
    /// Read and change the tenant's settings, set its secrets, see its status.
    Settings,
}

impl TenantKey {
    /// A key from 32 random bytes, and its text in base64url, which is shown once.
    pub fn generate(
        kind: KeyKind,
        scopes: Vec<KeyScope>,
        random: &[u8; 32],
        now: Timestamp,
    ) -> (Self, Secret) {
        let (text, sha256) = key_text(random);
        let id = sha256.split_at(8).0.to_owned();
        (
            Self {
                id,
                kind,
                scopes,
                sha256,
                created_at: now,
            },
            text,
        )
    }

    pub(super) fn matches(&self, kind: KeyKind, presented_sha256: &str) -> bool {
        self.kind == kind && bool::from(self.sha256.as_bytes().ct_eq(presented_sha256.as_bytes()))
    }
}

/// 32 random bytes as a text that is given to a caller, and the SHA-256 of that text as hexadecimal digits.
pub(super) fn key_text(random: &[u8; 32]) -> (Secret, String) {
    let text = URL_SAFE_NO_PAD.encode(random);
    let sha256 = sha256_of(&text);
    (Secret::from(text), sha256)
}

pub(super) fn sha256_of(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

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

    #[test]
    fn a_release_that_does_not_know_the_scope_settings_reads_the_key() {
        let scopes = vec![KeyScope::Pin, KeyScope::Settings];
        let now = Timestamp::from_millis(0);
        let (key, _) = TenantKey::generate(KeyKind::Api, scopes, &[7; 32], now);
        let stored = serde_json::to_value(&key).expect("JSON");
        assert_eq!(stored["scopes"], serde_json::json!(["pin"]));
        assert_eq!(serde_json::from_value::<TenantKey>(stored).ok(), Some(key));
    }
}
