//! The tenants' secrets in Secrets Manager: what an administrator sets, and what the connector renews.

mod set;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::operation::describe_secret::{DescribeSecret, DescribeSecretInput};
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValue, GetSecretValueInput};
use aws_sdk_secretsmanager::operation::put_secret_value::{PutSecretValue, PutSecretValueInput};
use aws_sdk_secretsmanager::operation::update_secret_version_stage::{
    UpdateSecretVersionStage, UpdateSecretVersionStageInput,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::aws::direct::DirectClient;
use crate::aws::sdk::FailedCall;
use crate::cache::BoundedCache;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::secret::{Secret, serialize_exposed_option as exposed};
use crate::domain::tenant::TenantId;

/// The secret `{prefix}/{tenant}/credentials`: what an administrator sets. The JSON keys are the names that
/// `secrets set` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct TenantSecrets {
    /// The company-wide single sign-on password.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub sso_password: Option<Secret>,
    /// The client secret of the Application Registry record.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub oauth_client_secret: Option<Secret>,
    /// The service account's password.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub service_account_password: Option<Secret>,
    /// An API token that an administrator issued, used instead of a sign-in.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub rescue_api_token: Option<Secret>,
    /// Signs `Tracking0`; `tenant apply` makes it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub tracking_key: Option<Secret>,
}

/// The secret `{prefix}/{tenant}/token`: what the connector renews. `{}` until a token is handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenSecret {
    /// The refresh token.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub refresh_token: Option<Secret>,
    /// When ServiceNow issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
    /// When it stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How many seconds it lives once it is issued or renewed, where its sender said so; else the tenant file says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// Where it came from: `secrets-set`, `hand-over`, `refresh` or `rotation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The client it was handed over with, where that is not the tenant file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// That client's secret.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub client_secret: Option<Secret>,
    /// An operator requests that the next rotation renews it, due or not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub renew_now: bool,
    /// The version that this one was made from. The lease holder promotes a staged token only while that version is
    /// current.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<String>,
    /// [`fingerprint`] of the token that was handed over, where ServiceNow has replaced that since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<String>,
    /// The access token that came with it, by which a rotation is tested.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub access_token: Option<Secret>,
    /// Until when that access token is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_until: Option<Timestamp>,
}

/// Names a token without revealing it: SHA-256, hexadecimal.
pub fn fingerprint(token: &Secret) -> String {
    hex::encode(Sha256::digest(token.expose().as_bytes()))
}

impl TokenSecret {
    /// How long its refresh token works yet, where that is known; zero once it has expired.
    pub fn left(&self, now: Timestamp) -> Option<Duration> {
        self.refresh_token.as_ref()?;
        Some(self.expires_at?.since(now))
    }
}

/// The name of the secret that an administrator sets.
pub fn tenant_secrets_name(prefix: &str, tenant: &TenantId) -> String {
    format!("{prefix}/{tenant}/credentials")
}

/// The name of the secret that the connector renews.
pub fn token_secret_name(prefix: &str, tenant: &TenantId) -> String {
    format!("{prefix}/{tenant}/token")
}

/// The connector's own staging label: a token that is to become current, or one that a hand-over has to prove first.
const STAGED: &str = "CONNECTOR";
pub(crate) const CURRENT: &str = "AWSCURRENT";
pub(crate) const PENDING: &str = "AWSPENDING";
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

/// How long credentials are used without reading them again.
const FRESH: Duration = Duration::from_secs(300);

/// Refused credentials are read again, but not more often than this.
const REREAD: Duration = Duration::from_secs(5);

/// A secret could not be read or written, by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum SecretStoreError {
    /// The operator has to apply the tenant or set the secret.
    #[error("secret {0} does not exist")]
    Missing(String),
    /// Secrets Manager did not answer as it should; trying again helps.
    #[error("{0}")]
    Unavailable(FailedCall),
    /// The secret does not hold what the connector wrote; the operator has to set it again.
    #[error("secret {0} cannot be read")]
    Malformed(String),
}

/// Reads the tenants' secrets, and stores renewed tokens.
#[derive(Debug)]
pub struct SecretStore {
    secrets: DirectClient,
    prefix: String,
    clock: Clock,
    credentials: BoundedCache<TenantId, (Arc<TenantSecrets>, Timestamp)>,
}

/// A token and the version of the secret that it was read from.
#[derive(Clone, Debug)]
pub struct TokenVersion {
    /// The token.
    pub token: TokenSecret,
    /// The version that was `AWSCURRENT` when it was read.
    pub version_id: String,
}

impl SecretStoreError {
    fn unavailable<E, R>(secret: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        Self::Unavailable(crate::aws::sdk::failure("secret", secret, error))
    }
}

impl SecretStore {
    /// A store of the secrets named `{prefix}/{tenant}/…`.
    pub fn new(secrets: DirectClient, prefix: String, clock: Clock) -> Self {
        Self {
            secrets,
            prefix,
            clock,
            credentials: BoundedCache::default(),
        }
    }

    /// What an administrator set, no older than five minutes.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn tenant_secrets(
        &self,
        tenant: &TenantId,
    ) -> Result<Arc<TenantSecrets>, SecretStoreError> {
        let now = self.clock.now();
        if let Some((credentials, read_at)) = self.credentials.get(tenant)
            && now.since(read_at) < FRESH
        {
            return Ok(credentials);
        }
        let name = tenant_secrets_name(&self.prefix, tenant);
        let (credentials, ..) = self.read::<TenantSecrets>(&name, CURRENT_VERSION).await?;
        let credentials = Arc::new(credentials);
        self.credentials
            .insert(tenant.clone(), (Arc::clone(&credentials), now));
        Ok(credentials)
    }

    /// What an administrator set, no older than a few seconds: for a caller that was refused with what was read before.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn reread_tenant_secrets(
        &self,
        tenant: &TenantId,
    ) -> Result<Arc<TenantSecrets>, SecretStoreError> {
        let now = self.clock.now();
        let fresh = |(_, read_at): (Arc<TenantSecrets>, Timestamp)| now.since(read_at) < REREAD;
        if !self.credentials.get(tenant).is_some_and(fresh) {
            self.forget(tenant);
        }
        self.tenant_secrets(tenant).await
    }

    /// Makes the next [`SecretStore::tenant_secrets`] read again, because the vendor refused what was read before.
    pub fn forget(&self, tenant: &TenantId) {
        self.credentials.remove(tenant);
    }

    /// What the names of the tenants' secrets begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The token that is current now.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn token(&self, tenant: &TenantId) -> Result<TokenVersion, SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        let (token, version_id, _) = self.read(&name, CURRENT_VERSION).await?;
        Ok(TokenVersion { token, version_id })
    }

    /// The token that was staged last. Also `None` if it is now `AWSPREVIOUS`: an operator rolled back, which is not
    /// undone.
    pub(crate) async fn staged_token(
        &self,
        tenant: &TenantId,
    ) -> Result<Option<TokenVersion>, SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        let staged = found(self.read(&name, VersionOf::Label(STAGED)).await)?;
        Ok(staged
            .filter(|(_, _, labels)| labels.iter().all(|label| label != PREVIOUS))
            .map(|(token, version_id, _)| TokenVersion { token, version_id }))
    }

    /// The token that a version holds, also one without a label. `None`: it holds nothing, or there is no such version.
    pub(crate) async fn token_version(
        &self,
        tenant: &TenantId,
        version_id: &str,
    ) -> Result<Option<TokenSecret>, SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        let version = found(self.read(&name, VersionOf::Id(version_id)).await)?;
        Ok(version.map(|(token, ..)| token))
    }

    /// What `DescribeSecret` says about a version of the token secret.
    pub(crate) async fn token_labels(
        &self,
        tenant: &TenantId,
        version_id: &str,
    ) -> Result<TokenLabels, SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        let input = DescribeSecretInput::builder().secret_id(&name);
        let described = self.secrets.call::<DescribeSecret>(input.build()).await;
        let described = described.map_err(|error| SecretStoreError::unavailable(&name, &error))?;
        let mut labels = described.version_ids_to_stages.unwrap_or_default();
        Ok(TokenLabels {
            rotates: described.rotation_enabled == Some(true),
            labels: labels.remove(version_id).unwrap_or_default(),
        })
    }

    /// Stores a token beside the current one. The new version.
    pub(crate) async fn stage_token(
        &self,
        tenant: &TenantId,
        token: &TokenSecret,
    ) -> Result<String, SecretStoreError> {
        let version_id = uuid::Uuid::new_v4().to_string();
        self.put(tenant, token, (version_id, STAGED), None).await
    }

    /// Makes `token` current, provided that `read_version` still is: a token that was stored in between is not lost. The
    /// caller holds the tenant's token lease. The new version.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says; what was current stays current then.
    pub async fn replace_token(
        &self,
        tenant: &TenantId,
        read_version: &str,
        token: &TokenSecret,
    ) -> Result<String, SecretStoreError> {
        let new_version = self.stage_token(tenant, token).await?;
        self.make_current(tenant, read_version, &new_version)
            .await?;
        Ok(new_version)
    }

    /// Makes a version current, provided that `read_version` still is.
    pub(crate) async fn make_current(
        &self,
        tenant: &TenantId,
        read_version: &str,
        new_version: &str,
    ) -> Result<(), SecretStoreError> {
        let moved = self.move_label(tenant, CURRENT, read_version, Some(new_version));
        match moved.await {
            Ok(()) => Ok(()),
            // The SDK may have sent this twice, and the first time had taken effect without an answer.
            Err(error) => match self.token(tenant).await {
                Ok(current) if current.version_id == new_version => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Fills the version that a rotation makes. `rotation_token` is the one of the rotation's event, if it has one.
    pub(crate) async fn put_pending(
        &self,
        tenant: &TenantId,
        version_id: &str,
        rotation_token: Option<String>,
        token: &TokenSecret,
    ) -> Result<(), SecretStoreError> {
        let version = (version_id.to_owned(), PENDING);
        self.put(tenant, token, version, rotation_token)
            .await
            .map(drop)
    }

    /// Takes `AWSPENDING` from a version.
    pub(crate) async fn remove_pending(
        &self,
        tenant: &TenantId,
        version_id: &str,
    ) -> Result<(), SecretStoreError> {
        self.move_label(tenant, PENDING, version_id, None).await
    }

    async fn move_label(
        &self,
        tenant: &TenantId,
        label: &str,
        from: &str,
        to: Option<&str>,
    ) -> Result<(), SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        let input = UpdateSecretVersionStageInput::builder()
            .secret_id(&name)
            .version_stage(label)
            .remove_from_version_id(from)
            .set_move_to_version_id(to.map(str::to_owned));
        let moved = self.secrets.call::<UpdateSecretVersionStage>(input.build());
        let moved = moved.await.map(drop);
        moved.map_err(|error| SecretStoreError::unavailable(&name, &error))
    }

    async fn put(
        &self,
        tenant: &TenantId,
        token: &TokenSecret,
        (version_id, label): (String, &str),
        rotation_token: Option<String>,
    ) -> Result<String, SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        let text =
            serde_json::to_string(token).map_err(|_| SecretStoreError::Malformed(name.clone()))?;
        let input = PutSecretValueInput::builder()
            .secret_id(&name)
            .client_request_token(version_id)
            .set_rotation_token(rotation_token)
            .secret_string(text)
            .version_stages(label);
        let put = self.secrets.call::<PutSecretValue>(input.build()).await;
        put.map(|put| put.version_id().unwrap_or_default().to_owned())
            .map_err(|error| match error.as_service_error() {
                Some(refused) if refused.is_resource_not_found_exception() => {
                    SecretStoreError::Missing(name)
                }
                _ => SecretStoreError::unavailable(&name, &error),
            })
    }

    /// A value, its version, and that version's labels.
    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        version: VersionOf<'_>,
    ) -> Result<(T, String, Vec<String>), SecretStoreError> {
        let input = GetSecretValueInput::builder().secret_id(name);
        let input = match version {
            VersionOf::Label(label) => input.version_stage(label),
            VersionOf::Id(id) => input.version_id(id),
        };
        let answer = self.secrets.call::<GetSecretValue>(input.build()).await;
        let answer = answer.map_err(|error| {
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_not_found_exception())
            {
                SecretStoreError::Missing(name.to_owned())
            } else {
                SecretStoreError::unavailable(name, &error)
            }
        })?;
        let value = answer
            .secret_string()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| SecretStoreError::Malformed(name.to_owned()))?;
        let version_id = answer.version_id().unwrap_or_default().to_owned();
        Ok((value, version_id, answer.version_stages().to_vec()))
    }
}

/// Which version of a secret is read.
enum VersionOf<'a> {
    Label(&'a str),
    Id(&'a str),
}

const CURRENT_VERSION: VersionOf<'static> = VersionOf::Label(CURRENT);

/// `None` instead of an error when there is no such version.
fn found<T>(read: Result<T, SecretStoreError>) -> Result<Option<T>, SecretStoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(SecretStoreError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The labels of one version of a token secret.
#[derive(Clone, Debug)]
pub(crate) struct TokenLabels {
    /// Whether the secret has a rotation schedule.
    pub(crate) rotates: bool,
    /// Empty as well when there is no such version.
    pub(crate) labels: Vec<String>,
}

impl TokenLabels {
    pub(crate) fn have(&self, label: &str) -> bool {
        self.labels.iter().any(|own| own == label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_an_earlier_release_is_read_without_its_old_fields() {
        let text =
            r#"{"refresh_token":"RT","derived_from":"v-1","made_from":"5e","replaces":"a1"}"#;
        let token: TokenSecret = serde_json::from_str(text).expect("a token");
        let expected = TokenSecret {
            refresh_token: Some(Secret::from("RT")),
            derived_from: Some("v-1".to_owned()),
            ..TokenSecret::default()
        };
        assert_eq!(token, expected);
    }
}
