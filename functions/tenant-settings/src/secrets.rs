//! Sets the secrets of a tenant.

use std::collections::BTreeSet;
use std::time::Duration;

use lambda_http::http::StatusCode;
use shared::api::response::{self, HttpResponse};
use shared::aws::credentials::token_lease_key;
use shared::aws::secret_store::SecretStoreError;
use shared::aws::single_flight::FlightLimits;
use shared::aws::storage_error::StorageError;
use shared::aws::tenants::ManagedTenant;
use shared::domain::error::{ErrorCode, FieldError, Problem};
use shared::domain::secret_fault::SecretFault;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::TenantId;

use crate::event::{Command, secret_name};
use crate::problems::invalid;
use crate::service::TenantSettings;
use crate::tenant::{by, storage_unavailable, update};

/// How long a request waits while another process uses the tenant's token, and how long its own work may take.
const TOKEN_LEASE: FlightLimits = FlightLimits {
    lease: Duration::from_secs(60),
    wait: Duration::from_secs(12),
};

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
    let store = async { Ok(function.secret_store.set(id, name, &value).await?) };
    let is_of_servicenow = matches!(
        name,
        SecretName::OauthClientSecret | SecretName::ServiceAccountPassword
    );
    let stored = if is_of_servicenow {
        // A lease holder that is refused with the old secret pauses the tenant: not after that pause has been ended here.
        let lease = token_lease_key(id);
        function.flights.holding(&lease, TOKEN_LEASE, store).await
    } else {
        store.await.map(Some)
    };
    let set = match stored {
        Ok(Some(set)) => set,
        Ok(None) => return Err(storage_unavailable()),
        Err(NotStored::Secret(error)) => return Err(unavailable(id, error)),
        Err(NotStored::Table(error)) => {
            tracing::error!(tenant = %id, %error, "secret not written");
            return Err(storage_unavailable());
        }
    };
    let edit = |before: &ManagedTenant, _| {
        let change = by(function, command, vec![format!("/secrets/{name}")]);
        let at = change.at;
        Ok(Some(before.changed(change, |tenant| {
            tenant.note_secrets(&set, name, at)
        })))
    };
    if is_of_servicenow {
        resume_deliveries(function, id).await;
    }
    update(function, tenant, edit).await?;
    Ok(response::empty(StatusCode::NO_CONTENT))
}

/// Why a secret was not stored.
enum NotStored {
    /// The secret cannot be read or written.
    Secret(SecretStoreError),
    /// The lease on the tenant's token cannot be taken.
    Table(StorageError),
}

impl From<SecretStoreError> for NotStored {
    fn from(error: SecretStoreError) -> Self {
        Self::Secret(error)
    }
}

impl From<StorageError> for NotStored {
    fn from(error: StorageError) -> Self {
        Self::Table(error)
    }
}

/// The secrets that are set.
///
/// # Errors
/// `tenant-misconfigured`, `storage-unavailable`.
pub(crate) async fn names_set(
    function: &TenantSettings,
    id: &TenantId,
) -> Result<BTreeSet<SecretName>, Problem> {
    let names = function.secret_store.names_set(id).await;
    names.map_err(|error| unavailable(id, error))
}

/// Ends the tenant's pause and wakes its posts, because the settings or secrets they wait for have changed. A failure is
/// logged: the pause ends by itself.
pub(crate) async fn resume_deliveries(function: &TenantSettings, id: &TenantId) {
    let credentials = &function.credentials;
    let resumed = async {
        credentials.forget_access_token(id).await?;
        credentials.end_pause(id).await
    };
    match resumed.await {
        Ok(true) => function.queues.wake_if_possible(id).await,
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(tenant = %id, %error, "the tenant stays paused until its pause ends")
        }
    }
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
