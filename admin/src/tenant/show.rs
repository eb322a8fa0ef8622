//! Shows a tenant.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use shared::aws::secret_store::{tenant_secrets_name, token_secret_name};
use shared::aws::tenants::Tenant;
use shared::domain::clock::Timestamp;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::{TenantFile, TenantId};

use super::shown_key::ShownKey;
use super::table::read_existing;
use crate::error::AdminError;
use crate::secrets_manager::{self, Found};
use crate::stack::Stack;
use crate::tenant_file::settings;

/// The answer of `tenant show`. It holds no secret's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownTenant {
    pub(crate) tenant: TenantId,
    pub(crate) version: u64,
    pub(crate) enabled: bool,
    /// The tenant file as JSON.
    pub(crate) settings: Value,
    pub(crate) keys: Vec<ShownKey>,
    pub(crate) disabled_at: Option<Timestamp>,
    /// Which secrets are set, by the names that `secrets set` takes.
    pub(crate) secrets: BTreeMap<&'static str, bool>,
    #[serde(skip)]
    pub(crate) file: TenantFile,
}

/// Reads a tenant with its settings and keys, and which of its secrets are set.
///
/// # Errors
/// [`AdminError::NoSuchTenant`]; otherwise when AWS refuses.
pub(crate) async fn show(stack: &Stack, id: &TenantId) -> Result<ShownTenant, AdminError> {
    let tenant = read_existing(stack, id).await?;
    let credentials = secret_json(stack, &tenant_secrets_name(&stack.secret_prefix, id)).await?;
    let token = secret_json(stack, &token_secret_name(&stack.secret_prefix, id)).await?;
    let secrets = SecretName::ALL
        .into_iter()
        .map(|name| {
            let json = if name == SecretName::RefreshToken {
                &token
            } else {
                &credentials
            };
            (name.as_str(), secrets_manager::holds(json, name.key()))
        })
        .collect();
    Ok(shown_tenant(tenant, secrets))
}

pub(super) fn shown_tenant(tenant: Tenant, secrets: BTreeMap<&'static str, bool>) -> ShownTenant {
    ShownTenant {
        tenant: tenant.file.tenant.clone(),
        version: tenant.version,
        enabled: tenant.file.enabled,
        settings: settings(&tenant.file),
        keys: tenant.keys.iter().map(ShownKey::from).collect(),
        disabled_at: tenant.disabled_at,
        secrets,
        file: tenant.file,
    }
}

async fn secret_json(stack: &Stack, name: &str) -> Result<Map<String, Value>, AdminError> {
    Ok(match secrets_manager::read(stack, name).await? {
        Found::Value(content) => content.json,
        Found::Nothing | Found::Deleted => Map::new(),
    })
}
