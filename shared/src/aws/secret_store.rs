//! The tenants' secrets in Secrets Manager: what an administrator sets, and what the connector renews.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cache::BoundedCache;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::secret::{Secret, serialize_exposed_option};
use crate::domain::tenant::TenantId;

/// The secret `{prefix}/{tenant}/credentials`: what an administrator sets. The JSON keys are the names that
/// `secrets set` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TenantSecrets {
    /// The company-wide single sign-on password.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub sso_password: Option<Secret>,
    /// The client secret of the Application Registry record.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub oauth_client_secret: Option<Secret>,
    /// The service account's password.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub service_account_password: Option<Secret>,
    /// An API token that an administrator issued, used instead of a sign-in.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub rescue_api_token: Option<Secret>,
    /// Signs `Tracking0`; `tenant apply` makes it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub tracking_key: Option<Secret>,
}

/// The secret `{prefix}/{tenant}/token`: what the connector renews. `{}` until a token is handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSecret {
    /// The refresh token.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub refresh_token: Option<Secret>,
    /// When ServiceNow issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
    /// When it stops working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How many seconds it lives once it is issued or renewed, where its sender said so; else the tenant file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// Where it came from: `secrets-set`, `hand-over`, `refresh` or `rotation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The client it was handed over with, where that is not the tenant file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// That client's secret.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub client_secret: Option<Secret>,
    /// An operator has asked the next rotation to renew it, due or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renew_now: bool,
    /// The version that this one was made from. The lease holder promotes a staged token only while that version is
    /// current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<String>,
    /// [`fingerprint`] of the token that was handed over, where ServiceNow has replaced that since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<String>,
    /// The access token that came with it, by which a rotation is tested.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_exposed_option"
    )]
    pub access_token: Option<Secret>,
    /// Until when that access token is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_until: Option<Timestamp>,
}

/// Names a token without telling it: SHA-256, hexadecimal.
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
const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";

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
    /// Secrets Manager did not answer as it should; trying again helps. Names the call and the secret.
    #[error("{0}")]
    Unavailable(String),
    /// The secret does not hold what the connector wrote; the operator has to set it again.
    #[error("secret {0} cannot be read")]
    Malformed(String),
}

/// Reads the tenants' secrets, and stores renewed tokens.
#[derive(Debug)]
pub struct SecretStore {
    client: aws_sdk_secretsmanager::Client,
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
    pub fn new(client: aws_sdk_secretsmanager::Client, prefix: String, clock: Clock) -> Self {
        Self {
            client,
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
        let (credentials, _) = self
            .read::<TenantSecrets>(&tenant_secrets_name(&self.prefix, tenant))
            .await?;
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
        let (token, version_id) = self.read(&token_secret_name(&self.prefix, tenant)).await?;
        Ok(TokenVersion { token, version_id })
    }

    /// The token that was staged last. `None` as well once it is the previous one: an operator has gone back to the
    /// token before it.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says, but for `Missing`.
    pub async fn staged_token(
        &self,
        tenant: &TenantId,
    ) -> Result<Option<TokenVersion>, SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        match self.read_version(&name, VersionOf::Label(STAGED)).await {
            Ok((_, _, labels)) if labels.iter().any(|label| label == PREVIOUS) => Ok(None),
            Ok((token, version_id, _)) => Ok(Some(TokenVersion { token, version_id })),
            Err(SecretStoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The token that a version holds, also one without a label. `None`: it holds nothing, or there is no such version.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says, but for `Missing`.
    pub async fn token_version(
        &self,
        tenant: &TenantId,
        version_id: &str,
    ) -> Result<Option<TokenSecret>, SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        match self.read_version(&name, VersionOf::Id(version_id)).await {
            Ok((token, _, _)) => Ok(Some(token)),
            Err(SecretStoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The labels of the token secret's versions.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn token_labels(&self, tenant: &TenantId) -> Result<TokenLabels, SecretStoreError> {
        let name = token_secret_name(&self.prefix, tenant);
        let described = self.client.describe_secret().secret_id(&name).send().await;
        let described = described.map_err(|error| SecretStoreError::unavailable(&name, &error))?;
        Ok(TokenLabels {
            rotates: described.rotation_enabled == Some(true),
            by_version: described.version_ids_to_stages.unwrap_or_default(),
        })
    }

    /// Stores a token beside the current one. The new version.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn stage_token(
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
    ///
    /// # Errors
    /// As [`SecretStoreError`] says; what was current stays current then.
    pub async fn make_current(
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
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn put_pending(
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
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn remove_pending(
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
        self.client
            .update_secret_version_stage()
            .secret_id(&name)
            .version_stage(label)
            .remove_from_version_id(from)
            .set_move_to_version_id(to.map(str::to_owned))
            .send()
            .await
            .map(drop)
            .map_err(|error| SecretStoreError::unavailable(&name, &error))
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
        self.client
            .put_secret_value()
            .secret_id(&name)
            .client_request_token(version_id)
            .set_rotation_token(rotation_token)
            .secret_string(text)
            .version_stages(label)
            .send()
            .await
            .map(|put| put.version_id().unwrap_or_default().to_owned())
            .map_err(|error| match error.as_service_error() {
                Some(refused) if refused.is_resource_not_found_exception() => {
                    SecretStoreError::Missing(name)
                }
                _ => SecretStoreError::unavailable(&name, &error),
            })
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<(T, String), SecretStoreError> {
        let (value, version_id, _) = self.read_version(name, VersionOf::Label(CURRENT)).await?;
        Ok((value, version_id))
    }

    /// A value, its version, and that version's labels.
    async fn read_version<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        version: VersionOf<'_>,
    ) -> Result<(T, String, Vec<String>), SecretStoreError> {
        let read = self.client.get_secret_value().secret_id(name);
        let read = match version {
            VersionOf::Label(label) => read.version_stage(label),
            VersionOf::Id(id) => read.version_id(id),
        };
        let answer = read.send().await.map_err(|error| {
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

/// The labels of a token secret's versions.
#[derive(Clone, Debug)]
pub struct TokenLabels {
    /// Whether the secret has a rotation schedule.
    pub rotates: bool,
    by_version: HashMap<String, Vec<String>>,
}

impl TokenLabels {
    /// Whether any label is on that version.
    pub fn knows(&self, version_id: &str) -> bool {
        self.by_version.contains_key(version_id)
    }

    /// Whether the version is current.
    pub fn is_current(&self, version_id: &str) -> bool {
        self.has(version_id, CURRENT)
    }

    /// Whether the version is the one that was current before.
    pub fn is_previous(&self, version_id: &str) -> bool {
        self.has(version_id, PREVIOUS)
    }

    /// Whether a rotation that makes the version is under way.
    pub fn is_pending(&self, version_id: &str) -> bool {
        self.has(version_id, PENDING)
    }

    fn has(&self, version_id: &str, label: &str) -> bool {
        let labels = self.by_version.get(version_id);
        labels.is_some_and(|labels| labels.iter().any(|own| own == label))
    }
}
