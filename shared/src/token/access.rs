//! Access tokens: one grant at a time and tenant, shared by every process (docs/architecture.md#rule-5).

use std::sync::Arc;

use crate::aws::credentials::{AccessToken, CredentialsTable, token_lease_key};
use crate::aws::secret_store::SecretStore;
use crate::aws::single_flight::{FlightLimits, SingleFlight};
use crate::aws::storage_error::StorageError;
use crate::aws::tenants::TenantsTable;
use crate::cache::BoundedCache;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::instance::Instance;
use crate::domain::secret::Secret;
use crate::domain::tenant::{Grant, TenantFile, TenantId};
use crate::domain::time_budget::TimeBudget;
use crate::retry::ServiceNowTimeouts;
use crate::telemetry::{self, Metric};
pub use crate::token::error::AccessError;
use crate::token::grants::{Grants, TOKEN_LEASE, audience};
use crate::token::oauth::Granted;
use crate::token::uninterrupted::InProgress;

/// An access token that was sent and refused.
#[derive(Clone, Copy, Debug)]
pub struct RefusedToken<'a> {
    /// The token.
    pub token: &'a Secret,
    /// Whether ServiceNow itself said so. A page may come from anything in front of it, and proves nothing about the
    /// tenant's credentials.
    pub by_servicenow: bool,
}

/// Which access token is requested, and by when.
struct Wanted<'a> {
    audience: String,
    refused: Option<RefusedToken<'a>>,
    budget: TimeBudget,
}

impl Wanted<'_> {
    fn refuses(&self, token: &Secret) -> bool {
        self.refused.is_some_and(|refused| refused.token == token)
    }
}

/// Obtains access tokens and shares them.
#[derive(Debug)]
pub struct AccessTokens {
    pub(super) grants: Grants,
    tenants: Arc<TenantsTable>,
    pub(super) credentials: Arc<CredentialsTable>,
    pub(super) clock: Clock,
    pub(super) patience: ServiceNowTimeouts,
    pub(super) obtaining: InProgress,
    pub(super) cached: BoundedCache<TenantId, AccessToken>,
    pub(super) flights: SingleFlight,
}

impl AccessTokens {
    /// Tokens by way of these.
    pub fn new(
        http: reqwest::Client,
        tenants: Arc<TenantsTable>,
        secret_store: Arc<SecretStore>,
        credentials: Arc<CredentialsTable>,
        clock: Clock,
        patience: ServiceNowTimeouts,
    ) -> Self {
        Self {
            grants: Grants::new(http, secret_store, Arc::clone(&credentials), clock.clone()),
            flights: SingleFlight::new(Arc::clone(&credentials)),
            tenants,
            credentials,
            clock,
            patience,
            obtaining: InProgress::default(),
            cached: BoundedCache::default(),
        }
    }

    /// A token that has not expired and is not known to be refused. A token that ServiceNow has `refused` is not given
    /// again.
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
        let refused = refused.map(|token| RefusedToken {
            token,
            by_servicenow: true,
        });
        self.get_after(tenant, instance, refused, deadline).await
    }

    /// The same, where a refusal may have come from something in front of ServiceNow.
    ///
    /// # Errors
    /// As [`AccessError`] says.
    pub async fn get_after(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        refused: Option<RefusedToken<'_>>,
        deadline: Timestamp,
    ) -> Result<Secret, AccessError> {
        let id = &tenant.tenant;
        let wanted = Wanted {
            audience: audience(tenant, instance),
            refused,
            budget: TimeBudget::until(self.clock.clone(), deadline),
        };
        if let Some(token) = self.usable(self.cached.get(id), &wanted) {
            return Ok(token);
        }
        let limits = FlightLimits {
            lease: TOKEN_LEASE,
            wait: self.patience.lease.min(wanted.budget.left()),
        };
        let look = || self.known(id, &wanted);
        let obtain = self.obtain(tenant, instance, &wanted);
        let token = self
            .flights
            .run(&token_lease_key(id), limits, look, obtain)
            .await?;
        token.ok_or_else(AccessError::another_process)
    }

    /// Whether a token is being obtained now. Cancelling that may lose a refresh token that ServiceNow has just given in
    /// place of the stored one.
    pub fn is_obtaining(&self) -> bool {
        self.obtaining.any()
    }

    /// Holds the tenant's token lease.
    async fn obtain(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        wanted: &Wanted<'_>,
    ) -> Result<Secret, AccessError> {
        let _obtaining = self.obtaining.begin();
        let outcome = self.obtain_once(tenant, instance, wanted).await;
        if !matches!(outcome, Err(AccessError::ReauthorizationNeeded(_))) {
            return outcome;
        }
        if self.have_settings_changed(tenant).await? {
            return Err(AccessError::Transient {
                reason: "ServiceNow refuses the settings that the tenant had a minute ago"
                    .to_owned(),
                retry_after: None,
            });
        }
        // Counted here alone: the callers that waited for the lease get the pause as their error.
        let id = &tenant.tenant;
        telemetry::count(Metric::ReauthorizationNeeded, Some(id));
        self.credentials.pause_for_reauthorization(id).await;
        outcome
    }

    /// Whether the settings that were refused are older than those in the table. The next attempt uses the ones that are
    /// read here.
    async fn have_settings_changed(&self, tenant: &TenantFile) -> Result<bool, StorageError> {
        let found = self.tenants.read(&tenant.tenant).await?;
        Ok(found.is_some_and(|found| found.file.servicenow != tenant.servicenow))
    }

    async fn obtain_once(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        wanted: &Wanted<'_>,
    ) -> Result<Secret, AccessError> {
        let id = &tenant.tenant;
        let pause = self.credentials.tenant_pause_now(id).await?;
        if let Some(pause) = pause.pause_at(self.clock.now()) {
            return Err(AccessError::Paused(pause));
        }
        let granted = self.grant(tenant, instance, &wanted.budget).await?;
        if wanted.refuses(&granted.access_token) {
            // The password grant hands out the current token for as long as it lives (docs/vendors.md#token-lifetimes).
            let reason = "ServiceNow refuses the very token that it grants".to_owned();
            return Err(match wanted.refused {
                Some(refused) if !refused.by_servicenow => AccessError::Transient {
                    reason: "401 with a page".to_owned(),
                    retry_after: None,
                },
                _ => AccessError::ReauthorizationNeeded(reason),
            });
        }
        let token = self.grants.access_token(tenant, instance, granted);
        self.cached.insert(id.clone(), token.clone());
        if let Err(error) = self.credentials.share_access_token(id, &token).await {
            tracing::warn!(tenant = %id, %error, "the access token is not shared with other processes");
        }
        Ok(token.token)
    }

    /// One grant. A refresh token that came in place of the one that was used is stored before the access token is used.
    pub(super) async fn grant(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        budget: &TimeBudget,
    ) -> Result<Granted, AccessError> {
        let timeout = || self.patience.grant.min(budget.left());
        let (id, grants) = (&tenant.tenant, &self.grants);
        let grant = tenant.servicenow.grant;
        if grant != Grant::RefreshToken {
            return grants.request(tenant, instance, grant, None, timeout).await;
        }
        let stored = grants.tokens.promote_staged(id).await?;
        if let Some(left) = stored.token.left(self.clock.now()) {
            telemetry::refresh_token_days_left(left, id);
        }
        let token = Some(&stored.token);
        let granted = grants
            .request(tenant, instance, grant, token, timeout)
            .await?;
        let new = granted.refresh_token.as_ref();
        grants.tokens.store_replacement(id, &stored, new).await?;
        Ok(granted)
    }

    async fn known(
        &self,
        id: &TenantId,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Secret>, AccessError> {
        if let Some(token) = self.usable(self.cached.get(id), wanted) {
            return Ok(Some(token));
        }
        let token = self.credentials.access_token(id).await?;
        let usable = self.usable(token.clone(), wanted);
        if let (Some(token), Some(_)) = (token, &usable) {
            self.cached.insert(id.clone(), token);
        }
        Ok(usable)
    }

    fn usable(&self, token: Option<AccessToken>, wanted: &Wanted<'_>) -> Option<Secret> {
        let now = self.clock.now();
        let usable = |token: &AccessToken| {
            token.expires_at > now
                && token.audience == wanted.audience
                && !wanted.refuses(&token.token)
        };
        token.filter(usable).map(|token| token.token)
    }
}
