//! The version of a token secret that a rotation makes: where it stands, and how it becomes current.

use crate::aws::secret_store::{
    CURRENT, PENDING, PREVIOUS, SecretStoreError, TokenLabels, TokenSecret, TokenVersion,
};
use crate::domain::tenant::TenantId;
use crate::token::error::AccessError;
use crate::token::store::TokenStore;

/// Where the version of a rotation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationState {
    /// It waits for the next step.
    Pending,
    /// It is current.
    Current,
    /// The rotation has ended: the version was current, or another token came in between.
    Ended,
}

/// How a rotation ended.
#[derive(Clone, Debug)]
pub enum RotationEnd {
    /// Its token is current.
    Promoted(TokenSecret),
    /// Another token came in between and is current.
    Superseded(TokenSecret),
}

/// Why a step of a rotation fails.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RotationError {
    /// The secret is not in the state in which the step may run.
    #[error("{0}")]
    NotInRotation(&'static str),
    /// The token cannot be read or stored.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<SecretStoreError> for RotationError {
    fn from(error: SecretStoreError) -> Self {
        Self::Access(error.into())
    }
}

/// One rotation of a tenant's token secret.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Where the token is stored.
    pub tokens: &'a TokenStore,
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The version that the rotation makes: `ClientRequestToken`.
    pub version: &'a str,
}

impl Rotation<'_> {
    /// Where the version stands. In a `trial`, the secret need not rotate: when a schedule is set without rotating at
    /// once, Secrets Manager runs `testSecret` alone, and may say by then that the secret does not rotate.
    ///
    /// # Errors
    /// `NotInRotation` when the secret does not rotate, or the version is not a rotation's.
    pub async fn state(&self, trial: bool) -> Result<RotationState, RotationError> {
        let labels = self.labels().await?;
        let refuse = |reason| Err(RotationError::NotInRotation(reason));
        if !labels.rotates && !trial {
            return refuse("the secret does not rotate");
        }
        if labels.have(CURRENT) {
            return Ok(RotationState::Current);
        }
        if labels.have(PENDING) {
            return Ok(RotationState::Pending);
        }
        if labels.have(PREVIOUS) {
            return Ok(RotationState::Ended);
        }
        if !labels.labels.is_empty() {
            return refuse("the version is not AWSPENDING");
        }
        // An ended rotation leaves its version without a label.
        match self.value().await? {
            Some(_) => Ok(RotationState::Ended),
            None => refuse("the secret has no such version"),
        }
    }

    /// What the version holds; `None` until `createSecret` has filled it.
    ///
    /// # Errors
    /// `NotInRotation` when it holds no token.
    pub async fn value(&self) -> Result<Option<TokenSecret>, RotationError> {
        let value = self.tokens.secrets.token_version(self.tenant, self.version);
        value.await.map_err(|error| match error {
            SecretStoreError::Malformed(_) => {
                RotationError::NotInRotation("the version does not hold a token")
            }
            error => error.into(),
        })
    }

    /// Fills the version. `rotation_token` is the one of the rotation's event, if it has one.
    ///
    /// # Errors
    /// When Secrets Manager does not take it.
    pub async fn fill(
        &self,
        rotation_token: Option<String>,
        token: &TokenSecret,
    ) -> Result<(), RotationError> {
        let secrets = &self.tokens.secrets;
        let filled = secrets.put_pending(self.tenant, self.version, rotation_token, token);
        Ok(filled.await?)
    }

    /// Takes `AWSPENDING` from the version. A version that keeps `AWSPENDING` without being current blocks the next
    /// rotation, and another token may take the place of a current one at any time.
    ///
    /// # Errors
    /// When Secrets Manager does not answer.
    pub async fn end(&self) -> Result<(), RotationError> {
        if self.labels().await?.have(PENDING) {
            let secrets = &self.tokens.secrets;
            secrets.remove_pending(self.tenant, self.version).await?;
        }
        Ok(())
    }

    async fn labels(&self) -> Result<TokenLabels, SecretStoreError> {
        let secrets = &self.tokens.secrets;
        secrets.token_labels(self.tenant, self.version).await
    }

    /// Makes the version current, unless another token came in between, and ends the rotation. A request for a renewal
    /// that came in between is kept for the next rotation, unless this one has renewed the token. The caller holds the
    /// token lease.
    ///
    /// # Errors
    /// As [`RotationError`] says; what was current stays current then.
    pub async fn finish(&self) -> Result<RotationEnd, RotationError> {
        let current = self.tokens.promote_staged(self.tenant).await?;
        if current.version_id == self.version {
            self.end().await?;
            return Ok(RotationEnd::Promoted(current.token));
        }
        let pending = self.value().await?.ok_or(RotationError::NotInRotation(
            "createSecret has not filled the version",
        ))?;
        let of_current = pending.derived_from.as_ref() == Some(&current.version_id);
        let follows = of_current
            || pending == current.token
            || self.only_renewal_was_requested(&pending, &current).await?;
        if !follows {
            tracing::info!(tenant = %self.tenant, "another token came in between and stays; the rotation's own is given up");
            self.end().await?;
            return Ok(RotationEnd::Superseded(current.token));
        }
        let secrets = &self.tokens.secrets;
        let moved = secrets.make_current(self.tenant, &current.version_id, self.version);
        moved.await?;
        tracing::info!(tenant = %self.tenant, "rotation finished");
        self.end().await?;
        let renewed = pending.expires_at > current.token.expires_at;
        if current.token.renew_now && !of_current && !renewed {
            let promoted = TokenVersion {
                token: pending.clone(),
                version_id: self.version.to_owned(),
            };
            self.tokens.request_renewal(self.tenant, &promoted).await?;
        }
        Ok(RotationEnd::Promoted(pending))
    }

    /// Whether the current version is the one that the pending token was made from, but for a request for its renewal.
    async fn only_renewal_was_requested(
        &self,
        pending: &TokenSecret,
        current: &TokenVersion,
    ) -> Result<bool, RotationError> {
        let Some(origin) = pending.derived_from.as_ref() else {
            return Ok(false);
        };
        let origin = self.tokens.secrets.token_version(self.tenant, origin);
        let lineage = |token: TokenSecret| TokenSecret {
            renew_now: false,
            derived_from: None,
            ..token
        };
        let current = lineage(current.token.clone());
        Ok(origin.await?.map(lineage) == Some(current))
    }
}
