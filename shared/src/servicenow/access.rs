//! Access tokens: one grant at a time and tenant, shared by every process (design 5.5).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::credentials::{AccessToken, Credentials, Pause, token_lease_key};
use crate::error::Code;
use crate::retry::{Patience, REAUTHORIZATION_PAUSE};
use crate::secret::Secret;
use crate::servicenow::instance::Instance;
use crate::servicenow::oauth::{self, ClientIdentity, GrantError, GrantRequest, Granted};
use crate::single_flight::{Limits, SingleFlight};
use crate::tenant::{Grant, TenantFile, TenantId};
use crate::tenants::StorageUnavailable;
use crate::vault::{StoredToken, Token, Vault, VaultError};

/// How long whoever gets a token keeps others from doing the same; outlives two grants and storing the result.
const LEASE: Duration = Duration::from_secs(120);
/// A token is renewed this long before it expires, or at half of its life where that is shorter.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// The lifetime of a token whose answer does not say (protocols B.1.3).
const USUAL_LIFETIME: u64 = 1800;

/// Why there is no access token, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A person has to set a token, a secret or a password.
    #[error("reauthorization-needed: {0}")]
    ReauthorizationNeeded(String),
    /// The tenant was paused meanwhile.
    #[error("the tenant is paused: {}", .0.reason)]
    Paused(Pause),
    /// Trying again helps.
    #[error("{reason}")]
    Transient {
        /// What happened.
        reason: String,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
}

impl From<StorageUnavailable> for AccessError {
    fn from(error: StorageUnavailable) -> Self {
        Self::Transient {
            reason: error.to_string(),
            retry_after: None,
        }
    }
}

impl From<VaultError> for AccessError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Missing(_) | VaultError::Malformed(_) => {
                Self::ReauthorizationNeeded(error.to_string())
            }
            VaultError::Unavailable(_) => Self::Transient {
                reason: error.to_string(),
                retry_after: None,
            },
        }
    }
}

/// Which token will do, and by when.
struct Wanted<'a> {
    audience: String,
    refused: Option<&'a Secret>,
    deadline: Timestamp,
}

/// Obtains access tokens and shares them.
#[derive(Debug)]
pub struct AccessTokens {
    http: reqwest::Client,
    vault: Arc<Vault>,
    credentials: Arc<Credentials>,
    clock: Clock,
    patience: Patience,
    obtaining: AtomicUsize,
    remembered: Mutex<HashMap<TenantId, AccessToken>>,
    flights: SingleFlight,
}

impl AccessTokens {
    /// Tokens by way of these.
    pub fn new(
        http: reqwest::Client,
        vault: Arc<Vault>,
        credentials: Arc<Credentials>,
        clock: Clock,
        patience: Patience,
    ) -> Self {
        Self {
            http,
            vault,
            flights: SingleFlight::new(Arc::clone(&credentials)),
            credentials,
            clock,
            patience,
            obtaining: AtomicUsize::new(0),
            remembered: Mutex::default(),
        }
    }

    /// A token that works now, as far as anybody knows. A token that ServiceNow has `refused` is not given again.
    ///
    /// # Errors
    /// As [`AccessError`] says.
    pub async fn get(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        refused: Option<&Secret>,
        deadline: Timestamp,
    ) -> Result<Secret, AccessError> {
        let id = &tenant.tenant;
        let wanted = Wanted {
            audience: format!("{} {}", instance.base(), tenant.servicenow.client_id),
            refused,
            deadline,
        };
        if let Some(token) = self.usable(self.remembered(id), &wanted) {
            return Ok(token);
        }
        let limits = Limits {
            lease: LEASE,
            wait: self.patience.lease.min(self.left(deadline)),
        };
        let look = || self.known(id, &wanted);
        let obtain = self.obtain(tenant, instance, &wanted);
        let token = self
            .flights
            .run(&token_lease_key(id), limits, look, obtain)
            .await?;
        token.ok_or_else(|| AccessError::Transient {
            reason: "another process has been getting a token for too long".to_owned(),
            retry_after: None,
        })
    }

    /// Whether a token is being obtained now. Whoever cuts that off may lose a refresh token that ServiceNow has just
    /// given in place of the stored one.
    pub fn is_obtaining(&self) -> bool {
        self.obtaining.load(Ordering::Relaxed) > 0
    }

    fn left(&self, deadline: Timestamp) -> Duration {
        deadline.since(self.clock.now())
    }

    /// Whoever waits for the lease finds the pause, and does not ask once more for what was just refused.
    async fn leave_alone(&self, id: &TenantId) {
        let pause = Pause {
            until: self.clock.now().plus(REAUTHORIZATION_PAUSE),
            reason: Code::ReauthorizationNeeded,
        };
        if let Err(error) = self.credentials.set_pause(id, pause).await {
            tracing::warn!(tenant = %id, %error, "other processes do not know of the pause");
        }
    }

    /// Holds the tenant's token lease.
    async fn obtain(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        wanted: &Wanted<'_>,
    ) -> Result<Secret, AccessError> {
        let _obtaining = Obtaining::begin(&self.obtaining);
        let outcome = self.obtain_once(tenant, instance, wanted).await;
        if matches!(outcome, Err(AccessError::ReauthorizationNeeded(_))) {
            self.leave_alone(&tenant.tenant).await;
        }
        outcome
    }

    async fn obtain_once(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        wanted: &Wanted<'_>,
    ) -> Result<Secret, AccessError> {
        let id = &tenant.tenant;
        let standing = self.credentials.standing_now(id).await?;
        if let Some(pause) = standing.pause_at(self.clock.now()) {
            return Err(AccessError::Paused(pause));
        }
        let granted = self.grant(tenant, instance, wanted.deadline).await?;
        if wanted.refused == Some(&granted.access_token) {
            // The password grant hands out the current token for as long as it lives (protocols B.1.3).
            let reason = "ServiceNow refuses the very token that it grants".to_owned();
            return Err(AccessError::ReauthorizationNeeded(reason));
        }
        let token = AccessToken {
            expires_at: self.renew_at(&granted),
            token: granted.access_token,
            audience: wanted.audience.clone(),
        };
        self.remember(id, token.clone());
        if let Err(error) = self.credentials.share_access_token(id, &token).await {
            tracing::warn!(tenant = %id, %error, "the access token is not shared with other processes");
        }
        Ok(token.token)
    }

    /// One grant; a second one when the credentials that were refused had been read a while ago and have changed.
    async fn grant(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        deadline: Timestamp,
    ) -> Result<Granted, AccessError> {
        let id = &tenant.tenant;
        let timeout = || self.patience.grant.min(self.left(deadline));
        let stored = match tenant.servicenow.grant {
            Grant::RefreshToken => Some(self.vault.token(id).await?),
            Grant::Password | Grant::ClientCredentials => None,
        };
        let mut before = self.vault.credentials(id).await?;
        if grant_request(tenant, &before, stored.as_ref()).is_err() {
            // What was not set when it was read may have been set since.
            before = self.vault.credentials_again(id).await?;
        }
        let (client, request) = grant_request(tenant, &before, stored.as_ref())?;
        let mut outcome = oauth::request(&self.http, instance, &client, &request, timeout()).await;
        if matches!(outcome, Err(GrantError::Refused { .. })) {
            self.vault.forget(id);
            let now = self.vault.credentials(id).await?;
            if now != before {
                let (client, request) = grant_request(tenant, &now, stored.as_ref())?;
                outcome = oauth::request(&self.http, instance, &client, &request, timeout()).await;
            }
        }
        let granted = outcome.map_err(|error| match error {
            GrantError::Refused { .. } => AccessError::ReauthorizationNeeded(error.to_string()),
            GrantError::Transient {
                reason,
                retry_after,
            } => AccessError::Transient {
                reason,
                retry_after,
            },
        })?;
        if let Some(stored) = stored {
            self.keep_replaced_token(tenant, &stored, &granted).await?;
        }
        Ok(granted)
    }

    /// Stores a refresh token that came in place of the one that was used, before anything else happens.
    async fn keep_replaced_token(
        &self,
        tenant: &TenantFile,
        stored: &StoredToken,
        granted: &Granted,
    ) -> Result<(), AccessError> {
        let Some(new) = granted
            .refresh_token
            .as_ref()
            .filter(|new| stored.token.refresh_token.as_ref() != Some(*new))
        else {
            return Ok(());
        };
        let now = self.clock.now();
        let token = Token {
            refresh_token: Some(new.clone()),
            issued_at: Some(now),
            expires_at: Some(now.plus(tenant.servicenow.refresh_token_lifetime.duration())),
            source: Some("refresh".to_owned()),
            ..stored.token.clone()
        };
        Ok(self
            .vault
            .replace_token(&tenant.tenant, &stored.version_id, &token)
            .await?)
    }

    async fn known(
        &self,
        id: &TenantId,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Secret>, AccessError> {
        if let Some(token) = self.usable(self.remembered(id), wanted) {
            return Ok(Some(token));
        }
        let token = self.credentials.access_token(id).await?;
        let usable = self.usable(token.clone(), wanted);
        if let (Some(token), Some(_)) = (token, &usable) {
            self.remember(id, token);
        }
        Ok(usable)
    }

    fn usable(&self, token: Option<AccessToken>, wanted: &Wanted<'_>) -> Option<Secret> {
        let now = self.clock.now();
        let usable = |token: &AccessToken| {
            token.expires_at > now
                && token.audience == wanted.audience
                && wanted.refused != Some(&token.token)
        };
        token.filter(usable).map(|token| token.token)
    }

    fn renew_at(&self, granted: &Granted) -> Timestamp {
        let lifetime = Duration::from_secs(granted.expires_in.unwrap_or(USUAL_LIFETIME));
        self.clock
            .now()
            .plus(lifetime.saturating_sub(RENEW_BEFORE.min(lifetime / 2)))
    }

    fn remembered(&self, id: &TenantId) -> Option<AccessToken> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    fn remember(&self, id: &TenantId, token: AccessToken) {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), token);
    }
}

/// Counts what is under way, also when it is cut off.
struct Obtaining<'a>(&'a AtomicUsize);

impl<'a> Obtaining<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Obtaining<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn grant_request(
    tenant: &TenantFile,
    credentials: &crate::vault::Credentials,
    stored: Option<&StoredToken>,
) -> Result<(ClientIdentity, GrantRequest), AccessError> {
    let missing = |name: &str| AccessError::ReauthorizationNeeded(format!("{name} is not set"));
    let token = stored.map(|stored| &stored.token);
    let client =
        match token.and_then(|token| token.client_id.clone().zip(token.client_secret.clone())) {
            Some((id, secret)) => ClientIdentity { id, secret },
            None => ClientIdentity {
                id: tenant.servicenow.client_id.clone(),
                secret: credentials
                    .oauth_client_secret
                    .clone()
                    .ok_or_else(|| missing("oauth-client-secret"))?,
            },
        };
    let request = match tenant.servicenow.grant {
        Grant::RefreshToken => GrantRequest::RefreshToken(
            token
                .and_then(|token| token.refresh_token.clone())
                .ok_or_else(|| missing("refresh-token"))?,
        ),
        Grant::Password => GrantRequest::Password {
            username: tenant.servicenow.service_account.clone(),
            password: credentials
                .service_account_password
                .clone()
                .ok_or_else(|| missing("service-account-password"))?,
        },
        Grant::ClientCredentials => GrantRequest::ClientCredentials,
    };
    Ok((client, request))
}
