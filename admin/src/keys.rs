//! The keys of a tenant. Two of a kind may be live, so that the old one works until the new one is in use.

use clap::ValueEnum;
use serde::Serialize;
use shared::aws::tenants::{KeyKind, KeyScope, LIVE_KEYS, ManagedTenant, TenantKey, WebhookUrls};
use shared::domain::secret::{Secret, serialize_exposed_option};
use shared::domain::tenant::TenantId;

use crate::error::AdminError;
use crate::json_name::json_name;
use crate::random::random;
use crate::stack::Stack;
use crate::tenant::ShownKey;
use crate::tenant::table::{change, read_existing, read_managed};

/// Which key `keys rotate` creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NewKey {
    Webhook,
    Api(Vec<KeyScope>),
}

impl NewKey {
    const fn kind(&self) -> KeyKind {
        match self {
            Self::Webhook => KeyKind::Webhook,
            Self::Api(_) => KeyKind::Api,
        }
    }
}

/// A scope as the command line takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeName {
    /// Ask for PINs
    Pin,
    /// Hand a refresh token over
    Token,
    /// Read and change the tenant's settings
    Settings,
}

impl From<ScopeName> for KeyScope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Pin => Self::Pin,
            ScopeName::Token => Self::Token,
            ScopeName::Settings => Self::Settings,
        }
    }
}

/// The answer of `keys rotate`: the new key, shown once and stored nowhere.
///
/// As JSON: `{"id","api_key"}` or `{"id","webhook_urls":{"started","ended"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CreatedKey {
    pub(crate) id: String,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub(crate) api_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook_urls: Option<WebhookUrls>,
    /// The other live keys of the same kind.
    #[serde(skip)]
    pub(crate) older: Vec<String>,
}

/// Adds a key. Every function accepts it within 60 s; an unknown key makes most of them read the table at once. Live keys
/// work until they are retired.
///
/// # Errors
/// [`AdminError::TwoKeys`] when two of that kind are live; [`AdminError::NoSuchTenant`]; [`AdminError::Conflict`];
/// otherwise when AWS refuses.
pub(crate) async fn rotate(
    stack: &Stack,
    id: &TenantId,
    new: NewKey,
) -> Result<CreatedKey, AdminError> {
    let before = read_managed(stack, id).await?;
    let kind = new.kind();
    let older = ids(&before, kind);
    if older.len() >= LIVE_KEYS {
        return Err(AdminError::TwoKeys {
            tenant: id.clone(),
            kind: json_name(&kind),
            ids: older.join(", "),
        });
    }
    let scopes = match new {
        NewKey::Webhook => Vec::new(),
        NewKey::Api(scopes) => scopes,
    };
    let (key, text) = TenantKey::generate(kind, scopes, &random()?, stack.clock.now());
    let key_id = key.id.clone();
    let pointers = vec![format!("/keys/{key_id}")];
    change(stack, &before, pointers, |after| {
        after.tenant.keys.push(key)
    })
    .await?;
    let webhook = kind == KeyKind::Webhook;
    Ok(CreatedKey {
        id: key_id,
        webhook_urls: webhook.then(|| WebhookUrls::new(stack.api_url.as_deref(), id, &text)),
        api_key: (!webhook).then_some(text),
        older,
    })
}

/// The answer of `keys retire`.
///
/// As JSON: `{"tenant","id","kind","retired":true}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RetiredKey {
    pub(crate) tenant: TenantId,
    pub(crate) id: String,
    pub(crate) kind: KeyKind,
    pub(crate) retired: bool,
}

/// A key that is about to be retired.
#[derive(Clone, Debug)]
pub(crate) struct Retirement {
    before: ManagedTenant,
    key: TenantKey,
}

impl Retirement {
    /// Whether it is the last live key of its kind.
    pub(crate) fn is_last(&self) -> bool {
        ids(&self.before, self.key.kind).len() == 1
    }

    pub(crate) const fn kind(&self) -> KeyKind {
        self.key.kind
    }

    /// Deletes the key. Every function refuses it within 60 s.
    ///
    /// # Errors
    /// [`AdminError::Conflict`]; otherwise when AWS refuses.
    pub(crate) async fn execute(self, stack: &Stack) -> Result<RetiredKey, AdminError> {
        let pointers = vec![format!("/keys/{}", self.key.id)];
        change(stack, &self.before, pointers, |after| {
            after.tenant.keys.retain(|key| key.id != self.key.id);
        })
        .await?;
        Ok(RetiredKey {
            tenant: self.before.tenant.file.tenant,
            id: self.key.id,
            kind: self.key.kind,
            retired: true,
        })
    }
}

/// Finds a live key by its id, to retire it.
///
/// # Errors
/// [`AdminError::NoSuchKey`], [`AdminError::NoSuchTenant`]; otherwise when AWS refuses.
pub(crate) async fn retirement(
    stack: &Stack,
    id: &TenantId,
    key: &str,
) -> Result<Retirement, AdminError> {
    let before = read_managed(stack, id).await?;
    let found = before
        .tenant
        .keys
        .iter()
        .find(|live| live.id == key)
        .cloned();
    let Some(found) = found else {
        let live: Vec<&str> = before
            .tenant
            .keys
            .iter()
            .map(|key| key.id.as_str())
            .collect();
        return Err(AdminError::NoSuchKey {
            tenant: id.clone(),
            key: key.to_owned(),
            live: live.join(", "),
        });
    };
    Ok(Retirement { before, key: found })
}

/// The live keys of a tenant, in the order of their creation.
///
/// # Errors
/// [`AdminError::NoSuchTenant`]; otherwise when AWS refuses.
pub(crate) async fn list(stack: &Stack, id: &TenantId) -> Result<Vec<ShownKey>, AdminError> {
    let tenant = read_existing(stack, id).await?;
    let mut keys: Vec<ShownKey> = tenant.keys.iter().map(ShownKey::from).collect();
    keys.sort_by_key(|key| key.created_at);
    Ok(keys)
}

fn ids(tenant: &ManagedTenant, kind: KeyKind) -> Vec<String> {
    tenant.keys(kind).map(|key| key.id.clone()).collect()
}
