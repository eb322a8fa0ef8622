//! Sets the secrets of a tenant.

use std::collections::BTreeMap;

use lambda_http::http::StatusCode;
use shared::api::response::{self, HttpResponse};
use shared::aws::secret_store::SecretStoreError;
use shared::aws::tenants::ManagedTenant;
use shared::domain::clock::Timestamp;
use shared::domain::error::{ErrorCode, FieldError, Problem};
use shared::domain::secret_fault::SecretFault;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantId;

use crate::access::change_access;
use crate::event::{Command, secret_name};
use crate::problems::invalid;
use crate::service::TenantSettings;
use crate::tenant::{by, storage_unavailable, update};

/// Sets one secret. It is written before the tenant's item notes it: a request that ends in between is repeated, which notes
/// every secret that is set.
///
/// # Errors
/// `not-found`, `invalid-request`, `invalid-settings`, `tenant-misconfigured`, `storage-unavailable`.
pub(crate) async fn set(
    function: &TenantSettings,
    command: &Command,
    tenant: ManagedTenant,
    name: &str,
) -> Result<HttpResponse, Problem> {
    let name = secret_name(name)?;
    let value = command.secret()?;
    let fault = SecretFault::of(name, value.expose()).filter(|fault| !fault.may_be_right());
    if let Some(fault) = fault {
        return Err(invalid(vec![FieldError {
            pointer: format!("/secrets/{name}"),
            detail: fault.to_string(),
        }]));
    }
    let id = &command.tenant;
    let store = async {
        let set = function.secret_store.set(id, name, &value).await;
        set.map_err(|error| unavailable(id, error))
    };
    let is_of_servicenow = matches!(
        name,
        SecretName::OauthClientSecret | SecretName::ServiceAccountPassword
    );
    let set = if is_of_servicenow {
        change_access(function, id, store).await?
    } else {
        store.await?
    };
    let edit = |before: &ManagedTenant, _| {
        let change = by(function, command, vec![format!("/secrets/{name}")]);
        let at = change.at;
        Ok(Some(before.changed(change, |tenant| {
            tenant.note_secrets(&set, name, at)
        })))
    };
    update(function, tenant, edit).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// The secrets that are set, and when each was set last, where that is known. Those of a tenant of an earlier release are
/// read.
///
/// # Errors
/// `tenant-misconfigured`, `storage-unavailable`.
pub(crate) async fn set_at(
    function: &TenantSettings,
    tenant: &ManagedTenant,
) -> Result<BTreeMap<SecretName, Option<Timestamp>>, Problem> {
    if let Some(secrets) = &tenant.secrets {
        return Ok(secrets.clone());
    }
    let id = &tenant.tenant.file.tenant;
    let names = function.secret_store.names_set(id).await;
    let names = names.map_err(|error| unavailable(id, error))?;
    let mut secrets = BTreeMap::new();
    secrets.extend(names.into_iter().map(|name| (name, None)));
    Ok(secrets)
}

fn unavailable(id: &TenantId, error: SecretStoreError) -> Problem {
    tracing::error!(tenant = %id, %error, "secret not read or written");
    match error {
        SecretStoreError::Unavailable(_) => storage_unavailable(),
        SecretStoreError::Missing(_) | SecretStoreError::Malformed(_) => {
            let detail = "Ask the operator of the connector to repair the tenant's secrets.";
            Problem::new(ErrorCode::TenantMisconfigured, detail)
        }
    }
}
