//! Authcodes: one sign-in at a time and technician, shared by every process (docs/architecture.md#rule-5).
//!
//! A new authcode kills the technician's previous one (docs/vendors.md#rescue-sign-in), so signing in twice at once is worse than
//! wasteful.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::credentials::{Authcode, CredentialsTable, sign_in_lease_key};
use crate::aws::secret_store::{SecretStore, SecretStoreError};
use crate::aws::single_flight::{FlightLimits, SingleFlight};
use crate::aws::storage_error::StorageError;
use crate::cache::BoundedCache;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantFile;
use crate::rescue::api::{RescueClient, RescueError, RescueRefusal};

/// One process signs in as a technician at a time; outlives three sign-ins and storing the result.
const LEASE: Duration = Duration::from_secs(35);

/// A sign-in that failed in passing is tried again after this.
const SECOND_TRY: Duration = Duration::from_secs(1);

/// What a PIN is asked for with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RescueCredential {
    /// The technician's own authcode.
    SignedIn(Authcode),
    /// The API token that an administrator issued.
    ApiToken(Secret),
}

impl RescueCredential {
    /// What Rescue is shown.
    pub const fn secret(&self) -> &Secret {
        match self {
            Self::SignedIn(authcode) => &authcode.code,
            Self::ApiToken(token) => token,
        }
    }
}

/// Why there is nothing to ask with, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Rescue refused the sign-in, or did not answer.
    #[error(transparent)]
    Rescue(#[from] RescueError),
    /// The operator has to set that secret.
    #[error("{0} is not set")]
    NotSet(&'static str),
    /// The connector's own storage failed; trying again helps.
    #[error("{0}")]
    Storage(String),
    /// Somebody else has been signing in for longer than the caller may wait.
    #[error("another process has been signing in for too long")]
    Busy,
}

impl From<StorageError> for SignInError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error.0)
    }
}

impl From<SecretStoreError> for SignInError {
    fn from(error: SecretStoreError) -> Self {
        Self::Storage(error.to_string())
    }
}

/// Obtains authcodes and shares them.
#[derive(Debug)]
pub struct Authcodes {
    api: RescueClient,
    vault: Arc<SecretStore>,
    credentials: Arc<CredentialsTable>,
    clock: Clock,
    remembered: BoundedCache<String, Authcode>,
    flights: SingleFlight,
}

/// Which authcode will do.
struct Wanted<'a> {
    tenant: &'a TenantFile,
    sso_id: &'a str,
    lease: String,
    audience: String,
    refused: Option<&'a Secret>,
    deadline: Timestamp,
}

impl Authcodes {
    /// Authcodes by way of these.
    pub fn new(
        api: RescueClient,
        vault: Arc<SecretStore>,
        credentials: Arc<CredentialsTable>,
        clock: Clock,
    ) -> Self {
        Self {
            api,
            vault,
            flights: SingleFlight::new(Arc::clone(&credentials)),
            credentials,
            clock,
            remembered: BoundedCache::default(),
        }
    }

    /// What to ask Rescue with in that technician's name. What Rescue has `refused` is not given again.
    ///
    /// # Errors
    /// As [`SignInError`] says. An API token that was refused and has not been replaced is
    /// [`RescueRefusal::InvalidSecretAuthCode`].
    pub async fn get(
        &self,
        tenant: &TenantFile,
        sso_id: &str,
        refused: Option<&Secret>,
        deadline: Timestamp,
    ) -> Result<RescueCredential, SignInError> {
        let mut token = self.api_token(tenant).await?;
        if token.is_some() && token.as_ref() == refused {
            self.vault.reread_tenant_secrets(&tenant.tenant).await?;
            token = self.api_token(tenant).await?;
            if token.as_ref() == refused {
                return Err(RescueError::Refused(RescueRefusal::InvalidSecretAuthCode).into());
            }
        }
        if let Some(token) = token {
            return Ok(RescueCredential::ApiToken(token));
        }
        let host = self.api.host(tenant).map_err(RescueError::from)?;
        let wanted = Wanted {
            tenant,
            sso_id,
            lease: sign_in_lease_key(&tenant.tenant, sso_id),
            audience: format!("{} {}", host.as_str(), tenant.rescue.company_id),
            refused,
            deadline,
        };
        if let Some(authcode) = self.remembered(&wanted) {
            return Ok(RescueCredential::SignedIn(authcode));
        }
        let limits = FlightLimits {
            lease: LEASE,
            wait: self.left(deadline),
        };
        let flight = self.flights.run(
            &wanted.lease,
            limits,
            || self.known(&wanted),
            self.sign_in(&wanted),
        );
        let authcode = flight.await?.ok_or(SignInError::Busy)?;
        Ok(RescueCredential::SignedIn(authcode))
    }

    async fn api_token(&self, tenant: &TenantFile) -> Result<Option<Secret>, SignInError> {
        let credentials = self.vault.tenant_secrets(&tenant.tenant).await?;
        Ok(credentials.rescue_api_token.clone())
    }

    async fn known(&self, wanted: &Wanted<'_>) -> Result<Option<Authcode>, SignInError> {
        if let Some(authcode) = self.remembered(wanted) {
            return Ok(Some(authcode));
        }
        let shared = self
            .credentials
            .authcode(&wanted.tenant.tenant, wanted.sso_id)
            .await?
            .filter(|authcode| wanted.takes(authcode));
        if let Some(authcode) = &shared {
            self.remember(wanted, authcode.clone());
        }
        Ok(shared)
    }

    /// One sign-in; a second one when Rescue answers with a fault that may pass, or when the password that was refused
    /// had been read a while ago and has changed.
    async fn sign_in(&self, wanted: &Wanted<'_>) -> Result<Authcode, SignInError> {
        let id = &wanted.tenant.tenant;
        let mut password = self.vault.tenant_secrets(id).await?.sso_password.clone();
        if password.is_none() {
            password = self
                .vault
                .reread_tenant_secrets(id)
                .await?
                .sso_password
                .clone();
        }
        let password = password.ok_or(SignInError::NotSet("sso-password"))?;
        let mut outcome = self.sign_in_with(wanted, &password).await;
        // The vendor's page of requestAuthCodeSSO: an unspecified error, such as a time-out.
        if outcome == Err(RescueError::Refused(RescueRefusal::Error))
            && self.left(wanted.deadline) > SECOND_TRY * 2
        {
            tokio::time::sleep(SECOND_TRY).await;
            outcome = self.sign_in_with(wanted, &password).await;
        }
        if outcome == Err(RescueError::Refused(RescueRefusal::Invalid)) {
            let now = self.vault.reread_tenant_secrets(id).await?;
            if let Some(changed) = now.sso_password.as_ref().filter(|now| **now != password) {
                outcome = self.sign_in_with(wanted, changed).await;
            }
        }
        let authcode = Authcode {
            code: outcome?,
            obtained_at: self.clock.now(),
            audience: wanted.audience.clone(),
        };
        self.remember(wanted, authcode.clone());
        let shared = self
            .credentials
            .share_authcode(id, wanted.sso_id, &authcode)
            .await;
        if let Err(error) = shared {
            tracing::warn!(tenant = %id, %error, "the authcode is not shared with other processes");
        }
        Ok(authcode)
    }

    async fn sign_in_with(
        &self,
        wanted: &Wanted<'_>,
        password: &Secret,
    ) -> Result<Secret, RescueError> {
        let left = self.left(wanted.deadline);
        self.api
            .sign_in(wanted.tenant, wanted.sso_id, password, left)
            .await
    }

    fn left(&self, deadline: Timestamp) -> Duration {
        deadline.since(self.clock.now())
    }

    fn remembered(&self, wanted: &Wanted<'_>) -> Option<Authcode> {
        self.remembered
            .get(&wanted.lease)
            .filter(|authcode| wanted.takes(authcode))
    }

    fn remember(&self, wanted: &Wanted<'_>, authcode: Authcode) {
        self.remembered.insert(wanted.lease.clone(), authcode);
    }
}

impl Wanted<'_> {
    fn takes(&self, authcode: &Authcode) -> bool {
        authcode.audience == self.audience && self.refused != Some(&authcode.code)
    }
}
