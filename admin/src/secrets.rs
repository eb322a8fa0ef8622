//! The secrets that an operator sets by hand.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use shared::aws::credentials::token_lease_key;
use shared::aws::secret_store::{TokenSecret, token_secret_name};
use shared::aws::single_flight::{FlightLimits, SingleFlight};
use shared::domain::clock::Timestamp;
use shared::domain::secret::Secret;
use shared::domain::secret_fault::SecretFault;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::{TenantFile, TenantId};

use crate::deliveries::resume_deliveries;
use crate::error::AdminError;
use crate::secrets_manager;
use crate::stack::Stack;
use crate::tenant::table;

/// Sets one secret of a tenant. One of ServiceNow's ends the tenant's pause and wakes the deliveries that wait, so that
/// they try again with it within a minute.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], [`AdminError::SecretText`], [`AdminError::TokenInUse`], or when AWS refuses;
/// [`AdminError::StillPaused`] when the secret was set and only what follows failed.
pub async fn set(
    stack: &Stack,
    id: &TenantId,
    name: SecretName,
    value: &Secret,
) -> Result<(), AdminError> {
    if value.expose().is_empty() {
        return Err(SecretFault::Empty.into());
    }
    let file = table::read_existing(stack, id).await?.file;
    let set = match name {
        SecretName::RefreshToken => {
            let secret = token_secret_name(&stack.secret_prefix, id);
            let json = token(&file, value, stack.clock.now())?;
            let replace = async {
                let read = secrets_manager::read_existing(stack, &secret).await?;
                secrets_manager::replace(stack, &secret, &read, &json).await
            };
            holding_the_token(stack, id, replace).await?;
            None
        }
        SecretName::OauthClientSecret | SecretName::ServiceAccountPassword => {
            // A lease holder that is refused with the old secret pauses the tenant: not after that pause has been ended here.
            let setting = set_credential(stack, id, name, value);
            Some(holding_the_token(stack, id, setting).await?)
        }
        SecretName::SsoPassword | SecretName::RescueApiToken => {
            let set = set_credential(stack, id, name, value).await?;
            return note(stack, id, name, Some(&set)).await;
        }
    };
    let resume = async {
        stack.credentials().forget_access_token(id).await?;
        resume_deliveries(stack, id).await
    };
    resume
        .await
        .map_err(|error| AdminError::StillPaused(Box::new(error)))?;
    note(stack, id, name, set.as_deref()).await
}

async fn set_credential(
    stack: &Stack,
    id: &TenantId,
    name: SecretName,
    value: &Secret,
) -> Result<Vec<SecretName>, AdminError> {
    Ok(stack.secret_store().set(id, name, value).await?)
}

/// How often the tenant's item is changed again that another change has overtaken.
const ATTEMPTS: usize = 5;

/// Notes in the tenant's item that a secret was set, and which are set now.
async fn note(
    stack: &Stack,
    id: &TenantId,
    name: SecretName,
    set: Option<&[SecretName]>,
) -> Result<(), AdminError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let before = table::read_managed(stack, id).await?;
        let pointers = vec![format!("/secrets/{name}")];
        let noted = table::change(stack, &before, pointers, |after| {
            if let Some(set) = set {
                after.note_secrets(set, name, stack.clock.now());
            }
        });
        match noted.await {
            Err(AdminError::Conflict(_)) if attempt < ATTEMPTS => {}
            other => return other.map(drop),
        }
    }
}

/// The lease outlives promoting a staged token, and reading and writing the secret; a command waits this long for
/// another holder.
const TOKEN_LEASE: FlightLimits = FlightLimits {
    lease: Duration::from_secs(120),
    wait: Duration::from_secs(30),
};

/// Does `work` while holding the tenant's token lease, as every use and change of its token does
/// (docs/architecture.md#rule-5).
pub(crate) async fn holding_the_token<T>(
    stack: &Stack,
    id: &TenantId,
    work: impl Future<Output = Result<T, AdminError>>,
) -> Result<T, AdminError> {
    let flights = SingleFlight::new(Arc::new(stack.credentials()));
    let done = flights
        .holding(&token_lease_key(id), TOKEN_LEASE, work)
        .await?;
    done.ok_or(AdminError::TokenInUse)
}

/// The token secret's whole value: a token that an operator sets belongs to the tenant file's client.
fn token(
    file: &TenantFile,
    value: &Secret,
    now: Timestamp,
) -> Result<Map<String, Value>, AdminError> {
    let token = TokenSecret {
        refresh_token: Some(value.clone()),
        issued_at: Some(now),
        expires_at: Some(now.plus(file.servicenow.refresh_token_lifetime.duration())),
        source: Some("secrets-set".to_owned()),
        ..TokenSecret::default()
    };
    let json = serde_json::to_value(&token)?;
    Ok(json.as_object().cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refresh_token_set_by_hand_lives_as_long_as_the_tenant_file_says() {
        let file = crate::tenant_file::parse(include_str!("../fixtures/acme.toml"), false);
        let now = Timestamp::parse("2026-01-01T00:00:00Z").expect("valid");
        let value = token(&file.expect("no fault"), &Secret::from("RT"), now).expect("JSON");
        assert_eq!(
            Value::Object(value),
            json!({
                "refresh_token": "RT",
                "issued_at": "2026-01-01T00:00:00.000Z",
                "expires_at": "2026-04-11T00:00:00.000Z",
                "source": "secrets-set",
            })
        );
    }
}
