//! The tenants' secrets in Secrets Manager: what an administrator sets, and what the connector renews.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::clock::{Clock, Timestamp};
use crate::remembered::Remembered;
use crate::secret::{Secret, serialize_exposed_option};
use crate::tenant::TenantId;

/// The secret `{prefix}/{tenant}/credentials`: what an administrator sets. The JSON keys are the names that
/// `secrets set` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Credentials {
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
pub struct Token {
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
    /// An operator wants it renewed by the next rotation, due or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renew_now: bool,
    /// The version that this one was made from. It counts as its successor only while that version is current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<String>,
    /// [`Token::origin`] of the token that a rotation made this one from. It counts as well while that is current in a
    /// version that only carries a wish more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<String>,
    /// [`fingerprint`] of the refresh token that ServiceNow gave this one in place of. Where that is still current, in
    /// whatever version, this one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
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

impl Token {
    /// Names what a token is, whichever version holds it and whether its renewal is wished for: SHA-256, hexadecimal.
    pub fn origin(&self) -> String {
        let own = |secret: &Option<Secret>| secret.as_ref().map(fingerprint);
        let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        let parts = [
            own(&self.refresh_token),
            moment(self.issued_at),
            moment(self.expires_at),
            self.source.clone(),
            self.client_id.clone(),
            own(&self.client_secret),
        ];
        let named = parts.map(Option::unwrap_or_default).join("\n");
        fingerprint(&Secret::from(named))
    }

    /// How long its refresh token works yet, where that is known; zero once it has expired.
    pub fn left(&self, now: Timestamp) -> Option<Duration> {
        self.refresh_token.as_ref()?;
        Some(self.expires_at?.since(now))
    }
}

/// The name of the secret that an administrator sets.
pub fn credentials_name(prefix: &str, tenant: &TenantId) -> String {
    format!("{prefix}/{tenant}/credentials")
}

/// The name of the secret that the connector renews.
pub fn token_name(prefix: &str, tenant: &TenantId) -> String {
    format!("{prefix}/{tenant}/token")
}

/// The label under which a renewed token waits until it becomes `AWSCURRENT`.
const PRIVATE_LABEL: &str = "CONNECTOR";

/// The label of a token that took the place of one that was handed over, and that is not proved yet.
const HANDED_OVER_LABEL: &str = "CONNECTOR-HANDED-OVER";

const CURRENT: &str = "AWSCURRENT";

/// The label of the version that was current before.
const PREVIOUS: &str = "AWSPREVIOUS";

/// How long credentials are used without reading them again.
const FRESH: Duration = Duration::from_secs(300);

/// Refused credentials are read again, but not more often than this.
const REREAD: Duration = Duration::from_secs(5);

/// A secret could not be read or written, by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
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
pub struct Vault {
    client: aws_sdk_secretsmanager::Client,
    prefix: String,
    clock: Clock,
    credentials: Remembered<TenantId, (Arc<Credentials>, Timestamp)>,
}

/// A token and the version of the secret that it was read from.
#[derive(Clone, Debug)]
pub struct StoredToken {
    /// The token.
    pub token: Token,
    /// The version that was `AWSCURRENT` when it was read.
    pub version_id: String,
}

impl VaultError {
    fn unavailable<E, R>(secret: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        Self::Unavailable(crate::aws::failure("secret", secret, error))
    }
}

impl Vault {
    /// A vault whose secrets are named `{prefix}/{tenant}/…`.
    pub fn new(client: aws_sdk_secretsmanager::Client, prefix: String, clock: Clock) -> Self {
        Self {
            client,
            prefix,
            clock,
            credentials: Remembered::default(),
        }
    }

    /// What an administrator set, no older than five minutes.
    ///
    /// # Errors
    /// As [`VaultError`] says.
    pub async fn credentials(&self, tenant: &TenantId) -> Result<Arc<Credentials>, VaultError> {
        let now = self.clock.now();
        if let Some((credentials, read_at)) = self.credentials.get(tenant)
            && now.since(read_at) < FRESH
        {
            return Ok(credentials);
        }
        let (credentials, _) = self
            .read::<Credentials>(&credentials_name(&self.prefix, tenant))
            .await?;
        let credentials = Arc::new(credentials);
        self.credentials
            .insert(tenant.clone(), (Arc::clone(&credentials), now));
        Ok(credentials)
    }

    /// What an administrator set, no older than a few seconds: for whoever has just been refused with what was read
    /// before.
    ///
    /// # Errors
    /// As [`VaultError`] says.
    pub async fn credentials_again(
        &self,
        tenant: &TenantId,
    ) -> Result<Arc<Credentials>, VaultError> {
        let now = self.clock.now();
        let fresh = |(_, read_at): (Arc<Credentials>, Timestamp)| now.since(read_at) < REREAD;
        if !self.credentials.get(tenant).is_some_and(fresh) {
            self.forget(tenant);
        }
        self.credentials(tenant).await
    }

    /// Makes the next [`Vault::credentials`] read again, because the vendor refused what was read before.
    pub fn forget(&self, tenant: &TenantId) {
        self.credentials.remove(tenant);
    }

    /// The token that is current now.
    ///
    /// # Errors
    /// As [`VaultError`] says.
    pub async fn token(&self, tenant: &TenantId) -> Result<StoredToken, VaultError> {
        let (token, version_id) = self.read(&token_name(&self.prefix, tenant)).await?;
        Ok(StoredToken { token, version_id })
    }

    /// The token that was put away last to become current, whether it has become so or not. One that was current and
    /// is the previous one by now counts no more: an operator has gone back to the one before.
    ///
    /// # Errors
    /// As [`VaultError`] says, but for `Missing`.
    pub async fn put_away(&self, tenant: &TenantId) -> Result<Option<StoredToken>, VaultError> {
        let name = token_name(&self.prefix, tenant);
        match self.read_stages::<Token>(&name, PRIVATE_LABEL).await {
            Ok((_, _, stages)) if stages.iter().any(|stage| stage == PREVIOUS) => Ok(None),
            Ok((token, version_id, _)) => Ok(Some(StoredToken { token, version_id })),
            Err(VaultError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The token that took the place of the last one that was handed over, if ServiceNow replaced it at once.
    ///
    /// # Errors
    /// As [`VaultError`] says, but for `Missing`.
    pub async fn handed_over(&self, tenant: &TenantId) -> Result<Option<StoredToken>, VaultError> {
        self.labelled(tenant, HANDED_OVER_LABEL).await
    }

    /// Keeps a token that took the place of one that was handed over. What is current stays current.
    ///
    /// # Errors
    /// As [`VaultError`] says.
    pub async fn keep_handed_over(
        &self,
        tenant: &TenantId,
        token: &Token,
    ) -> Result<(), VaultError> {
        self.put(tenant, token, HANDED_OVER_LABEL).await.map(drop)
    }

    /// Makes `token` current, provided that `read_version` still is: a token that somebody else stored in between
    /// is not lost. The caller holds the tenant's token lease. The new version.
    ///
    /// # Errors
    /// As [`VaultError`] says; what was current stays current then.
    pub async fn replace_token(
        &self,
        tenant: &TenantId,
        read_version: &str,
        token: &Token,
    ) -> Result<String, VaultError> {
        let new_version = self.put(tenant, token, PRIVATE_LABEL).await?;
        self.make_current(tenant, read_version, &new_version)
            .await?;
        Ok(new_version)
    }

    /// Makes a version current, provided that `read_version` still is.
    ///
    /// # Errors
    /// As [`VaultError`] says; what was current stays current then.
    pub async fn make_current(
        &self,
        tenant: &TenantId,
        read_version: &str,
        new_version: &str,
    ) -> Result<(), VaultError> {
        let name = token_name(&self.prefix, tenant);
        let moved = self
            .client
            .update_secret_version_stage()
            .secret_id(&name)
            .version_stage(CURRENT)
            .remove_from_version_id(read_version)
            .move_to_version_id(new_version)
            .send()
            .await;
        match moved {
            Ok(_) => Ok(()),
            // The SDK may have sent this twice, and the first time had taken effect without an answer.
            Err(error) => match self.token(tenant).await {
                Ok(current) if current.version_id == new_version => Ok(()),
                _ => Err(VaultError::unavailable(&name, &error)),
            },
        }
    }

    async fn put(
        &self,
        tenant: &TenantId,
        token: &Token,
        label: &str,
    ) -> Result<String, VaultError> {
        let name = token_name(&self.prefix, tenant);
        let text = serde_json::to_string(token).map_err(|_| VaultError::Malformed(name.clone()))?;
        self.client
            .put_secret_value()
            .secret_id(&name)
            .client_request_token(uuid::Uuid::new_v4().to_string())
            .secret_string(text)
            .version_stages(label)
            .send()
            .await
            .map(|put| put.version_id().unwrap_or_default().to_owned())
            .map_err(|error| match error.as_service_error() {
                Some(refused) if refused.is_resource_not_found_exception() => {
                    VaultError::Missing(name)
                }
                _ => VaultError::unavailable(&name, &error),
            })
    }

    async fn labelled(
        &self,
        tenant: &TenantId,
        label: &str,
    ) -> Result<Option<StoredToken>, VaultError> {
        match self
            .read_version(&token_name(&self.prefix, tenant), label)
            .await
        {
            Ok((token, version_id)) => Ok(Some(StoredToken { token, version_id })),
            Err(VaultError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<(T, String), VaultError> {
        self.read_version(name, CURRENT).await
    }

    async fn read_version<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        label: &str,
    ) -> Result<(T, String), VaultError> {
        let (value, version_id, _) = self.read_stages(name, label).await?;
        Ok((value, version_id))
    }

    /// A value, its version, and every label of that.
    async fn read_stages<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        label: &str,
    ) -> Result<(T, String, Vec<String>), VaultError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(name)
            .version_stage(label)
            .send()
            .await
            .map_err(|error| {
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_resource_not_found_exception())
                {
                    VaultError::Missing(name.to_owned())
                } else {
                    VaultError::unavailable(name, &error)
                }
            })?;
        let value = answer
            .secret_string()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| VaultError::Malformed(name.to_owned()))?;
        let version_id = answer.version_id().unwrap_or_default().to_owned();
        Ok((value, version_id, answer.version_stages().to_vec()))
    }
}
