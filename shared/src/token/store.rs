//! The stored refresh token, and how another one replaces it. The caller of each operation holds the
//! tenant's token lease.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::credentials::CredentialsTable;
use crate::aws::secret_store::{SecretStore, SecretStoreError, TokenSecret, TokenVersion};
use crate::aws::storage_error::StorageError;
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantId;
use crate::token::error::AccessError;

/// Both stores of refresh tokens: Secrets Manager, and the credentials table for a token that Secrets Manager did not
/// take.
#[derive(Debug)]
pub struct TokenStore {
    pub(super) secrets: Arc<SecretStore>,
    credentials: Arc<CredentialsTable>,
}

impl TokenStore {
    /// Tokens in these.
    pub const fn new(secrets: Arc<SecretStore>, credentials: Arc<CredentialsTable>) -> Self {
        Self {
            secrets,
            credentials,
        }
    }

    /// The current token. A staged token that was made from the current version is promoted first: its lease holder
    /// died, or Secrets Manager failed.
    ///
    /// # Errors
    /// `ReauthorizationNeeded` without a readable secret; `Storage` when the stores do not answer.
    pub async fn promote_staged(&self, tenant: &TenantId) -> Result<TokenVersion, AccessError> {
        let current = self.secrets.token(tenant).await?;
        let follows =
            |token: &TokenSecret| token.derived_from.as_ref() == Some(&current.version_id);
        if let Some(token) = self.credentials.staged_token(tenant).await?.filter(follows) {
            let stored = self.replace(tenant, &current, token).await?;
            tracing::info!(%tenant, "a refresh token that was staged in the credentials table is current");
            if let Err(error) = self.credentials.drop_staged_token(tenant).await {
                tracing::debug!(%tenant, %error, "the staged token stays; it was made from a version that is not current any more");
            }
            return Ok(stored);
        }
        match self.secrets.staged_token(tenant).await? {
            Some(staged) if follows(&staged.token) => {
                let (from, to) = (&current.version_id, &staged.version_id);
                self.secrets.make_current(tenant, from, to).await?;
                tracing::info!(%tenant, "a staged refresh token is current");
                Ok(staged)
            }
            _ => Ok(current),
        }
    }

    /// Stores `token` in place of the version that was read, and says which version it was made from.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says; what was current stays current then.
    pub async fn replace(
        &self,
        tenant: &TenantId,
        read: &TokenVersion,
        token: TokenSecret,
    ) -> Result<TokenVersion, SecretStoreError> {
        let token = TokenSecret {
            derived_from: Some(read.version_id.clone()),
            ..token
        };
        let replaced = self
            .secrets
            .replace_token(tenant, &read.version_id, &token)
            .await;
        replaced.map(|version_id| TokenVersion { token, version_id })
    }

    /// Stores the refresh token that a refresh grant answered with in place of the one that was sent. That one may
    /// be invalid, so this comes before the access token is used. Returns the version to use from now on.
    ///
    /// Its end is the old one's: no source says that a replacement lives longer (docs/vendors.md#token-lifetimes).
    ///
    /// # Errors
    /// `Storage` when neither store takes it.
    pub async fn store_replacement(
        &self,
        tenant: &TenantId,
        stored: &TokenVersion,
        granted: Option<&Secret>,
    ) -> Result<TokenVersion, AccessError> {
        let Some(new) = replacement(&stored.token, granted) else {
            return Ok(stored.clone());
        };
        let token = TokenSecret {
            refresh_token: Some(new.clone()),
            source: Some("refresh".to_owned()),
            derived_from: Some(stored.version_id.clone()),
            access_token: None,
            access_token_until: None,
            ..stored.token.clone()
        };
        match self.replace(tenant, stored, token.clone()).await {
            Ok(stored) => Ok(stored),
            Err(error) => {
                self.stage_in_table(tenant, &token, &error.to_string())
                    .await?;
                // The version that it is going to have is not known: the next lease holder reads again.
                Ok(TokenVersion {
                    token,
                    version_id: stored.version_id.clone(),
                })
            }
        }
    }

    /// Stages the replacement of a token that was handed over. It is not proved, so it is made from no version and no
    /// lease holder promotes it. Secrets Manager has the time `within`.
    ///
    /// # Errors
    /// When neither store takes it.
    pub async fn stage_hand_over(
        &self,
        tenant: &TenantId,
        token: &TokenSecret,
        within: Duration,
    ) -> Result<(), StorageError> {
        let staging = self.secrets.stage_token(tenant, token);
        let reason = match tokio::time::timeout(within, staging).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "time-out".to_owned(),
        };
        self.stage_in_table(tenant, token, &reason).await
    }

    /// The token that ServiceNow gave in place of the one with that fingerprint when that was handed over before.
    ///
    /// # Errors
    /// When a store does not answer.
    pub async fn handed_over(
        &self,
        tenant: &TenantId,
        current: &TokenSecret,
        fingerprint: &str,
    ) -> Result<Option<TokenSecret>, AccessError> {
        let stands_for = |token: &TokenSecret| token.stands_for.as_deref() == Some(fingerprint);
        if stands_for(current) {
            return Ok(Some(current.clone()));
        }
        let in_table = self.credentials.staged_token(tenant).await?;
        let staged = self.secrets.staged_token(tenant).await?;
        let staged = staged.map(|staged| staged.token);
        Ok(in_table.into_iter().chain(staged).find(stands_for))
    }

    /// Asks the next rotation to renew the token, due or not.
    ///
    /// # Errors
    /// As [`SecretStoreError`] says.
    pub async fn request_renewal(
        &self,
        tenant: &TenantId,
        stored: &TokenVersion,
    ) -> Result<(), SecretStoreError> {
        let token = TokenSecret {
            renew_now: true,
            ..stored.token.clone()
        };
        self.replace(tenant, stored, token).await.map(drop)
    }

    /// Removes the request for a renewal: it is good for one attempt, since Secrets Manager repeats a failed rotation
    /// soon and often. A failure is logged, and the request stays.
    pub async fn cancel_renewal(&self, tenant: &TenantId, stored: TokenVersion) -> TokenVersion {
        if !stored.token.renew_now {
            return stored;
        }
        let token = TokenSecret {
            renew_now: false,
            ..stored.token.clone()
        };
        match self.replace(tenant, &stored, token).await {
            Ok(replaced) => replaced,
            Err(error) => {
                tracing::warn!(%tenant, %error, "the request for a renewal stays");
                stored
            }
        }
    }

    async fn stage_in_table(
        &self,
        tenant: &TenantId,
        token: &TokenSecret,
        reason: &str,
    ) -> Result<(), StorageError> {
        let staged = self.credentials.stage_token(tenant, token).await;
        match &staged {
            Ok(()) => {
                tracing::warn!(%tenant, reason, "the new refresh token is staged in the credentials table");
            }
            Err(error) => {
                tracing::error!(%tenant, reason, %error,
                    "ServiceNow replaced the refresh token, and neither store took the new one");
            }
        }
        staged
    }
}

/// The refresh token that was granted in place of the one that was used.
pub fn replacement<'a>(used: &TokenSecret, granted: Option<&'a Secret>) -> Option<&'a Secret> {
    granted.filter(|new| used.refresh_token.as_ref() != Some(*new))
}
