//! Authcodes: one sign-in at a time per technician, shared by every process (docs/architecture.md#rule-5).
//!
//! A new authcode ends the technician's previous one (docs/vendors.md#rescue-sign-in), so that two sign-ins at once end
//! each other.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::credentials::{Authcode, CredentialsTable, sign_in_lease_key};
use crate::aws::secret_store::{SecretStore, SecretStoreError};
use crate::aws::single_flight::{FlightLimits, SingleFlight};
use crate::aws::storage_error::StorageError;
use crate::cache::BoundedCache;
use crate::domain::clock::Clock;
use crate::domain::secret::Secret;
use crate::domain::tenant::TenantFile;
use crate::domain::time_budget::TimeBudget;
use crate::rescue::api::{RescueClient, RescueError, RescueRefusal};

/// The lease of a technician's sign-in; outlives three sign-ins and storing the result.
const LEASE: Duration = Duration::from_secs(35);

/// Before a second sign-in after `ERROR`.
const SECOND_TRY: Duration = Duration::from_secs(1);

/// The credential of a call to Rescue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RescueCredential {
    /// The technician's own authcode.
    SignedIn(Authcode),
    /// The API token that an administrator issued.
    ApiToken(Secret),
}

impl RescueCredential {
    /// The value of the form field `authcode`.
    pub const fn secret(&self) -> &Secret {
        match self {
            Self::SignedIn(authcode) => &authcode.code,
            Self::ApiToken(token) => token,
        }
    }
}

/// Why there is no credential, by what can be done about it.
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
    /// Another process has been signing in for longer than the caller may wait.
    #[error("another process has been signing in for too long")]
    Busy,
}

impl From<StorageError> for SignInError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error.to_string())
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
    rescue: RescueClient,
    secret_store: Arc<SecretStore>,
    credentials: Arc<CredentialsTable>,
    clock: Clock,
    cache: BoundedCache<String, Authcode>,
    flights: SingleFlight,
}

/// The authcode that one caller needs.
struct WantedAuthcode<'a> {
    tenant: &'a TenantFile,
    sso_id: &'a str,
    lease: String,
    audience: String,
    refused: Option<&'a Secret>,
    budget: &'a TimeBudget,
}

impl Authcodes {
    /// Signs in with the tenants' secrets and shares authcodes in the credentials table.
    pub fn new(
        rescue: RescueClient,
        secret_store: Arc<SecretStore>,
        credentials: Arc<CredentialsTable>,
        clock: Clock,
    ) -> Self {
        Self {
            rescue,
            secret_store,
            flights: SingleFlight::new(Arc::clone(&credentials)),
            credentials,
            clock,
            cache: BoundedCache::default(),
        }
    }

    /// The credential for that technician, never the one that Rescue has `refused`.
    ///
    /// # Errors
    /// As [`SignInError`] says. An API token that was refused and has not been replaced is
    /// [`RescueRefusal::InvalidSecretAuthCode`].
    pub async fn get(
        &self,
        tenant: &TenantFile,
        sso_id: &str,
        refused: Option<&Secret>,
        budget: &TimeBudget,
    ) -> Result<RescueCredential, SignInError> {
        let mut token = self.api_token(tenant).await?;
        if token.is_some() && token.as_ref() == refused {
            self.secret_store
                .reread_tenant_secrets(&tenant.tenant)
                .await?;
            token = self.api_token(tenant).await?;
            if token.as_ref() == refused {
                return Err(RescueError::Refused(RescueRefusal::InvalidSecretAuthCode).into());
            }
        }
        if let Some(token) = token {
            return Ok(RescueCredential::ApiToken(token));
        }
        let host = self.rescue.host(tenant).map_err(RescueError::from)?;
        let wanted = WantedAuthcode {
            tenant,
            sso_id,
            lease: sign_in_lease_key(&tenant.tenant, sso_id),
            audience: format!("{} {}", host.as_str(), tenant.rescue.company_id),
            refused,
            budget,
        };
        if let Some(authcode) = self.cached(&wanted) {
            return Ok(RescueCredential::SignedIn(authcode));
        }
        let limits = FlightLimits {
            lease: LEASE,
            wait: budget.left(),
        };
        let flight = self.flights.run(
            &wanted.lease,
            limits,
            || self.look_up(&wanted),
            self.sign_in(&wanted),
        );
        let authcode = flight.await?.ok_or(SignInError::Busy)?;
        Ok(RescueCredential::SignedIn(authcode))
    }

    async fn api_token(&self, tenant: &TenantFile) -> Result<Option<Secret>, SignInError> {
        let secrets = self.secret_store.tenant_secrets(&tenant.tenant).await?;
        Ok(secrets.rescue_api_token.clone())
    }

    async fn look_up(&self, wanted: &WantedAuthcode<'_>) -> Result<Option<Authcode>, SignInError> {
        if let Some(authcode) = self.cached(wanted) {
            return Ok(Some(authcode));
        }
        let shared = self
            .credentials
            .authcode(&wanted.tenant.tenant, wanted.sso_id)
            .await?
            .filter(|authcode| wanted.accepts(authcode));
        if let Some(authcode) = &shared {
            self.cache.insert(wanted.lease.clone(), authcode.clone());
        }
        Ok(shared)
    }

    /// One sign-in; a second one after `ERROR`, or when the refused password has changed since it was cached.
    async fn sign_in(&self, wanted: &WantedAuthcode<'_>) -> Result<Authcode, SignInError> {
        let id = &wanted.tenant.tenant;
        if wanted.tenant.rescue.company_id.is_empty() {
            return Err(SignInError::NotSet("rescue.company_id"));
        }
        let store = &self.secret_store;
        let mut password = store.tenant_secrets(id).await?.sso_password.clone();
        if password.is_none() {
            password = store.reread_tenant_secrets(id).await?.sso_password.clone();
        }
        let password = password.ok_or(SignInError::NotSet("sso-password"))?;
        let sign_in = async |password: &Secret| {
            let (tenant, sso_id) = (wanted.tenant, wanted.sso_id);
            let time = wanted.budget.left();
            self.rescue.sign_in(tenant, sso_id, password, time).await
        };
        let mut outcome = sign_in(&password).await;
        // The vendor's page of requestAuthCodeSSO: an unspecified error, such as a time-out.
        if outcome == Err(RescueError::Refused(RescueRefusal::Error))
            && wanted.budget.left() > SECOND_TRY * 2
        {
            tokio::time::sleep(SECOND_TRY).await;
            outcome = sign_in(&password).await;
        }
        if outcome == Err(RescueError::Refused(RescueRefusal::Invalid)) {
            let reread = store.reread_tenant_secrets(id).await?;
            let changed = reread.sso_password.as_ref();
            if let Some(changed) = changed.filter(|changed| **changed != password) {
                outcome = sign_in(changed).await;
            }
        }
        let authcode = Authcode {
            code: outcome?,
            obtained_at: self.clock.now(),
            audience: wanted.audience.clone(),
        };
        self.cache.insert(wanted.lease.clone(), authcode.clone());
        let shared = self
            .credentials
            .share_authcode(id, wanted.sso_id, &authcode)
            .await;
        if let Err(error) = shared {
            tracing::warn!(tenant = %id, %error, "the authcode is not shared with other processes");
        }
        Ok(authcode)
    }

    fn cached(&self, wanted: &WantedAuthcode<'_>) -> Option<Authcode> {
        let cached = self.cache.get(&wanted.lease);
        cached.filter(|authcode| wanted.accepts(authcode))
    }
}

impl WantedAuthcode<'_> {
    fn accepts(&self, authcode: &Authcode) -> bool {
        authcode.audience == self.audience && self.refused != Some(&authcode.code)
    }
}
