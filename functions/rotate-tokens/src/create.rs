//! `createSecret`: looks whether the token works, renews it when that is due, and stores the result as pending.

use std::time::Duration;

use shared::aws::credentials::AccessToken;
use shared::aws::secret_store::{TokenSecret, TokenVersion};
use shared::aws::storage_error::StorageError;
use shared::domain::instance::Instance;
use shared::domain::tenant::{Grant, TenantFile, TenantId};
use shared::domain::time_budget::TimeBudget;
use shared::retry::REAUTHORIZATION_PAUSE;
use shared::token::access::AccessError;
use shared::token::oauth::Granted;
use shared::token::rotation::Rotation;

use crate::event::Command;
use crate::failure::{LIKELY_CAUSES, StepFailure};
use crate::service::{PATIENCE, RotateTokens};
use crate::{expiry, lease};

/// Fills the pending version, unless an earlier attempt has done so.
pub(crate) async fn create(
    function: &RotateTokens,
    command: &Command,
    rotation: &Rotation<'_>,
    budget: &TimeBudget,
) -> Result<(), StepFailure> {
    if rotation.value().await?.is_some() {
        return Ok(());
    }
    let id = &command.tenant;
    let work = async {
        let pending = pending(function, id, budget).await?;
        let rotation_token = command.rotation_token.clone();
        Ok(rotation.fill(rotation_token, &pending).await?)
    };
    lease::holding(function, id, budget, work).await
}

/// The value to store as pending. The caller holds the token lease.
async fn pending(
    function: &RotateTokens,
    id: &TenantId,
    budget: &TimeBudget,
) -> Result<TokenSecret, StepFailure> {
    let (secret_store, tokens) = (&function.secret_store, &function.grants.tokens);
    let tenant = function.tenants.get(id).await?;
    let Some(file) = tenant.as_ref().map(|tenant| &tenant.file) else {
        tracing::info!(tenant = %id, "the tenant is gone: nothing to renew");
        return Ok(secret_store.token(id).await?.token);
    };
    if file.servicenow.grant != Grant::RefreshToken {
        tracing::info!(tenant = %id, "healthy: the tenant's grant needs no refresh token");
        return Ok(secret_store.token(id).await?.token);
    }
    let stored = tokens.promote_staged(id).await?;
    if stored.token.refresh_token.is_none() {
        tracing::info!(tenant = %id, "waiting for a refresh token to be handed over");
        return Ok(stored.token);
    }
    let before = stored.token.clone();
    let renewal = Renewal {
        function,
        file,
        instance: function.instance(file)?,
        budget,
        owner: uuid::Uuid::new_v4().to_string(),
    };
    let outcome = renewal.renewed(stored).await;
    if let Err(failure) = &outcome {
        expiry::record(id, &before, function.clock.now());
        if let StepFailure::ReauthorizationNeeded(_) = failure {
            function.credentials.pause_for_reauthorization(id).await;
            match secret_store.token(id).await {
                Ok(current) => drop(tokens.cancel_renewal(id, current).await),
                Err(error) => {
                    tracing::warn!(tenant = %id, %error, "the request for a renewal stays");
                }
            }
        }
    }
    outcome
}

struct Renewal<'a> {
    function: &'a RotateTokens,
    file: &'a TenantFile,
    instance: Instance,
    budget: &'a TimeBudget,
    /// Holds the lease by which a password is tried once an hour.
    owner: String,
}

const TOO_SOON: &str = "the service account's password was tried within the hour";

impl Renewal<'_> {
    /// A refresh proves that the token works; the service account's password moves its end. The password is used
    /// when that is due or requested, and when the token is refused.
    async fn renewed(&self, mut stored: TokenVersion) -> Result<TokenSecret, StepFailure> {
        let id = &self.file.tenant;
        let now = self.function.clock.now();
        self.not_too_often(&stored.token).await?;
        let requested_or_due = stored.token.renew_now || expiry::is_due(&stored.token, now);
        let password = self.has_password().await?;
        let mut password_refused = false;
        let mut may_try = password;
        if requested_or_due && password {
            may_try = false;
            match self.by_password(&stored).await {
                Ok(None) => tracing::info!(tenant = %id, "{TOO_SOON}"),
                Ok(Some(renewed)) => return Ok(renewed),
                Err(StepFailure::ReauthorizationNeeded(reason)) => {
                    tracing::warn!(tenant = %id, reason, likely = LIKELY_CAUSES,
                        "the service account's password does not renew the refresh token");
                    password_refused = true;
                    // Otherwise the next attempt, in minutes, would try the password again.
                    stored = self.function.grants.tokens.cancel_renewal(id, stored).await;
                }
                Err(failure) => return Err(failure),
            }
        }
        let checked = self.grant(Grant::RefreshToken, &stored.token).await;
        match checked {
            Ok(granted) => {
                let (tokens, new) = (&self.function.grants.tokens, granted.refresh_token.as_ref());
                stored = tokens.store_replacement(id, &stored, new).await?;
                if !password || password_refused {
                    expiry::warn(id, &stored.token, now);
                }
                let access = self.access_token(granted);
                tracing::info!(tenant = %id, renewed = false, "the refresh token works");
                // A request for a renewal is good for one attempt.
                let token = TokenSecret {
                    renew_now: false,
                    ..stored.token.clone()
                };
                Ok(pending_from(&stored, token, access))
            }
            Err(AccessError::ReauthorizationNeeded(reason)) if may_try => {
                tracing::warn!(tenant = %id, reason, "the refresh token is refused; trying the service account's password");
                let renewed = self.by_password(&stored).await?;
                renewed.ok_or_else(|| {
                    StepFailure::ReauthorizationNeeded(format!("{reason}; {TOO_SOON}"))
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// While the tenant waits for a person, it is tried once an hour: wrong passwords lock accounts.
    async fn not_too_often(&self, token: &TokenSecret) -> Result<(), StepFailure> {
        let credentials = &self.function.credentials;
        let pause = credentials.tenant_pause_now(&self.file.tenant).await?;
        let waits = pause.is_unauthorized_at(self.function.clock.now());
        if !waits || token.renew_now {
            return Ok(());
        }
        if self.takes_repair_lease().await? {
            return Ok(());
        }
        let reason =
            "the tenant waits for a new token, secret or password, and was tried within the hour";
        Err(StepFailure::Transient(reason.to_owned()))
    }

    /// Whether no other rotation has held the lease within the hour.
    async fn takes_repair_lease(&self) -> Result<bool, StorageError> {
        let (credentials, key) = (&self.function.credentials, self.repair_lease_key());
        credentials
            .take_lease(&key, &self.owner, REAUTHORIZATION_PAUSE)
            .await
    }

    /// The holder of this lease may try a password, or a tenant that waits for a person.
    fn repair_lease_key(&self) -> String {
        format!("{}#lease#repair", self.file.tenant)
    }

    async fn has_password(&self) -> Result<bool, StepFailure> {
        let (id, secret_store) = (&self.file.tenant, &self.function.secret_store);
        let mut credentials = secret_store.tenant_secrets(id).await?;
        if credentials.service_account_password.is_none() {
            credentials = secret_store.reread_tenant_secrets(id).await?;
        }
        let named = !self.file.servicenow.service_account.is_empty();
        Ok(named && credentials.service_account_password.is_some())
    }

    /// The token with its end moved (docs/vendors.md#token-lifetimes), the same one or another. `None`: the password was
    /// tried within the hour and did not work, or its process died. A requested renewal tries it all the same.
    async fn by_password(&self, stored: &TokenVersion) -> Result<Option<TokenSecret>, StepFailure> {
        let (credentials, key) = (&self.function.credentials, self.repair_lease_key());
        if stored.token.renew_now {
            credentials
                .take_over_lease(&key, &self.owner, REAUTHORIZATION_PAUSE)
                .await?;
        } else if !self.takes_repair_lease().await? {
            return Ok(None);
        }
        let granted = self.grant(Grant::Password, &stored.token).await?;
        // A password that works locks no account.
        credentials.release_lease(&key, &self.owner).await;
        let Some(refresh_token) = granted.refresh_token.clone() else {
            let reason = "the password grant brings no refresh token".to_owned();
            return Err(StepFailure::ReauthorizationNeeded(reason));
        };
        let now = self.function.clock.now();
        let usual = self.file.servicenow.refresh_token_lifetime.duration();
        let lifetime = stored.token.lifetime.map_or(usual, Duration::from_secs);
        let token = TokenSecret {
            refresh_token: Some(refresh_token),
            issued_at: Some(now),
            expires_at: Some(now.plus(lifetime)),
            source: Some("rotation".to_owned()),
            renew_now: false,
            ..stored.token.clone()
        };
        tracing::info!(tenant = %self.file.tenant, renewed = true, "the refresh token's end is moved");
        let access = self.access_token(granted);
        Ok(Some(pending_from(stored, token, access)))
    }

    async fn grant(&self, grant: Grant, stored: &TokenSecret) -> Result<Granted, AccessError> {
        let timeout = || PATIENCE.grant.min(self.budget.left());
        let (grants, stored) = (&self.function.grants, Some(stored));
        grants
            .request(self.file, &self.instance, grant, stored, timeout)
            .await
    }

    fn access_token(&self, granted: Granted) -> AccessToken {
        self.function
            .grants
            .access_token(self.file, &self.instance, granted)
    }
}

fn pending_from(stored: &TokenVersion, token: TokenSecret, access: AccessToken) -> TokenSecret {
    TokenSecret {
        derived_from: Some(stored.version_id.clone()),
        access_token: Some(access.token),
        access_token_until: Some(access.expires_at),
        ..token
    }
}
