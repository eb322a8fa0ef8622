//! The secrets that an operator sets by hand.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Map, Value};
use shared::aws::credentials::token_lease_key;
use shared::aws::secret_store::{TokenSecret, tenant_secrets_name, token_secret_name};
use shared::domain::clock::Timestamp;
use shared::domain::secret::Secret;
use shared::domain::tenant::{TenantFile, TenantId};

use crate::error::AdminError;
use crate::secret_fault::SecretFault;
use crate::stack::Stack;
use crate::tenant::table;
use crate::vault;

/// A secret by the name that `secrets set` takes (docs/tenant-file.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecretName {
    /// The company-wide single sign-on password of Rescue.
    SsoPassword,
    /// The client secret of the Application Registry record.
    OauthClientSecret,
    /// The service account's password.
    ServiceAccountPassword,
    /// An API token that a Rescue administrator issued.
    RescueApiToken,
    /// The OAuth refresh token.
    RefreshToken,
}

impl SecretName {
    /// Every name.
    pub const ALL: [Self; 5] = [
        Self::SsoPassword,
        Self::OauthClientSecret,
        Self::ServiceAccountPassword,
        Self::RescueApiToken,
        Self::RefreshToken,
    ];

    /// The name as an operator writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SsoPassword => "sso-password",
            Self::OauthClientSecret => "oauth-client-secret",
            Self::ServiceAccountPassword => "service-account-password",
            Self::RescueApiToken => "rescue-api-token",
            Self::RefreshToken => "refresh-token",
        }
    }

    /// Whether a person chose it, so that any character may be in it.
    pub(crate) const fn is_password(self) -> bool {
        matches!(self, Self::SsoPassword | Self::ServiceAccountPassword)
    }

    /// The member that holds it in the answers and requests of OAuth (RFC 6749) and in other programs' exports.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::SsoPassword | Self::ServiceAccountPassword => "password",
            Self::OauthClientSecret => "client_secret",
            Self::RescueApiToken => "token",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The key under which its secret's JSON holds it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh_token",
            other => other.as_str(),
        }
    }
}

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
    match name {
        SecretName::RefreshToken => {
            let secret = token_secret_name(&stack.secret_prefix, id);
            let json = token(&file, value, stack.clock.now())?;
            replace_token(stack, id, &secret, |_| Ok(json)).await?;
        }
        SecretName::OauthClientSecret | SecretName::ServiceAccountPassword => {
            // Whoever is being refused with the old one pauses the tenant, and must not do so after its pause was ended.
            holding_the_token(stack, id, set_credential(stack, id, name, value)).await?;
        }
        SecretName::SsoPassword | SecretName::RescueApiToken => {
            return set_credential(stack, id, name, value).await;
        }
    }
    let flowing = async {
        stack.credentials().forget_access_token(id).await?;
        resume_deliveries(stack, id).await
    };
    flowing
        .await
        .map_err(|error| AdminError::StillPaused(Box::new(error)))
}

async fn set_credential(
    stack: &Stack,
    id: &TenantId,
    name: SecretName,
    value: &Secret,
) -> Result<(), AdminError> {
    let secret = tenant_secrets_name(&stack.secret_prefix, id);
    let read = vault::read_existing(stack, &secret).await?;
    let json = vault::with_secret(read.json.clone(), name.key(), value);
    vault::replace(stack, &secret, &read, &json).await
}

/// Ends the tenant's pause, and wakes its posts when they may have waited for a re-authorisation: some stay hidden for
/// longer than the pause.
///
/// # Errors
/// When the credentials table or the queue cannot be used.
pub(crate) async fn resume_deliveries(stack: &Stack, id: &TenantId) -> Result<(), AdminError> {
    let credentials = stack.credentials();
    let was_unauthorized = credentials
        .tenant_pause_now(id)
        .await?
        .authorized_since
        .is_some();
    credentials.end_pause(id).await?;
    if was_unauthorized {
        let queue = || format!("queue {}", stack.sessions_queue_url);
        let woken = stack.queues().wake(id).await;
        woken.map_err(|error| AdminError::failed("sqs:SendMessage", &queue(), error.0))?;
    }
    Ok(())
}

/// How long a function that renews the token is waited for, and how often it is looked at.
const LEASE_WAIT: Duration = Duration::from_secs(30);
const LEASE_POLL: Duration = Duration::from_millis(200);
/// Outlives reading and writing the secret.
const LEASE: Duration = Duration::from_secs(60);

/// Replaces what the token secret holds while holding the tenant's lease.
pub(crate) async fn replace_token(
    stack: &Stack,
    id: &TenantId,
    secret: &str,
    change: impl FnOnce(Map<String, Value>) -> Result<Map<String, Value>, AdminError>,
) -> Result<(), AdminError> {
    let replace = async {
        let read = vault::read_existing(stack, secret).await?;
        let json = change(read.json.clone())?;
        vault::replace(stack, secret, &read, &json).await
    };
    holding_the_token(stack, id, replace).await
}

/// Does something while holding the tenant's token lease, as everything does that touches its token (docs/architecture.md#rule-5).
async fn holding_the_token<T>(
    stack: &Stack,
    id: &TenantId,
    work: impl Future<Output = Result<T, AdminError>>,
) -> Result<T, AdminError> {
    let credentials = stack.credentials();
    let (lease, owner) = (token_lease_key(id), uuid::Uuid::new_v4().to_string());
    let waiting_since = tokio::time::Instant::now();
    while !credentials.take_lease(&lease, &owner, LEASE).await? {
        if waiting_since.elapsed() > LEASE_WAIT {
            return Err(AdminError::TokenInUse);
        }
        tokio::time::sleep(LEASE_POLL).await;
    }
    let outcome = work.await;
    credentials.release_lease(&lease, &owner).await;
    outcome
}

/// The token secret's whole value: a token set by hand belongs to the tenant file's client, whatever was there before.
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

    #[test]
    fn the_command_line_takes_the_names_that_the_secret_is_stored_under() {
        for name in SecretName::ALL {
            let written = name.to_possible_value().expect("not skipped");
            assert_eq!(written.get_name(), name.as_str());
        }
    }
}
