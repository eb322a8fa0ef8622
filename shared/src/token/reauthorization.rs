//! Trying the credentials of a tenant again that is paused for re-authorisation. A correction that is made in ServiceNow alone
//! reaches the connector by no request.

use std::time::Duration;

use crate::aws::credentials::{authorization_lease_key, token_lease_key};
use crate::aws::queue::Queues;
use crate::aws::single_flight::FlightLimits;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::error::ErrorCode;
use crate::domain::instance::Instance;
use crate::domain::tenant::{TenantFile, TenantId};
use crate::domain::time_budget::TimeBudget;
use crate::retry::REAUTHORIZATION_PAUSE;
use crate::token::access::{AccessError, AccessTokens};
use crate::token::grants::{ProofError, TOKEN_LEASE};

/// Refused credentials are not tried again sooner: wrong passwords lock accounts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(60);

impl AccessTokens {
    /// Requests a token for a tenant that is paused for re-authorisation, on a person's request, at most once a minute. Once
    /// ServiceNow has accepted it, deliveries resume as after a hand-over; otherwise the pause stays as it was. Does nothing for
    /// a tenant that is not paused, or paused for another reason.
    ///
    /// # Errors
    /// As [`AccessError`] says.
    pub async fn retry_authorization(
        &self,
        queues: &Queues,
        tenant: &TenantFile,
        instance: &Instance,
        deadline: Timestamp,
    ) -> Result<(), AccessError> {
        let id = &tenant.tenant;
        if !self.is_retry_due(id).await? {
            return Ok(());
        }
        let budget = TimeBudget::until(self.clock.clone(), deadline);
        let limits = FlightLimits {
            lease: TOKEN_LEASE,
            wait: self.patience.lease.min(budget.left()),
        };
        let retry = self.retry(queues, tenant, instance, &budget);
        let lease = token_lease_key(id);
        let retried = self.flights.holding(&lease, limits, retry).await?;
        retried.ok_or_else(AccessError::another_process)
    }

    /// Holds the tenant's token lease.
    async fn retry(
        &self,
        queues: &Queues,
        tenant: &TenantFile,
        instance: &Instance,
        budget: &TimeBudget,
    ) -> Result<(), AccessError> {
        let id = &tenant.tenant;
        let _obtaining = self.obtaining.begin();
        if !self.is_retry_due(id).await? || !self.take_turn(id).await? {
            return Ok(());
        }
        let granted = self.grant(tenant, instance, budget).await?;
        let timeout = self.patience.read.min(budget.left());
        let proved = self
            .grants
            .prove(instance, &granted.access_token, timeout)
            .await;
        proved.map_err(|error| match error {
            ProofError::Refused => AccessError::ReauthorizationNeeded(error.to_string()),
            ProofError::Unknown(_) => AccessError::Transient {
                reason: error.to_string(),
                retry_after: None,
            },
        })?;
        let token = self.grants.access_token(tenant, instance, granted);
        self.cached.insert(id.clone(), token.clone());
        self.grants.resume_deliveries(queues, id, &token).await;
        tracing::info!(tenant = %id, "ServiceNow accepts the tenant's credentials again");
        Ok(())
    }

    /// Whether the tenant is paused for re-authorisation, and has been for a minute: a refusal begins the pause.
    async fn is_retry_due(&self, id: &TenantId) -> Result<bool, StorageError> {
        let now = self.clock.now();
        let pause = self.credentials.tenant_pause_now(id).await?.pause_at(now);
        let latest = now.plus(REAUTHORIZATION_PAUSE.saturating_sub(BETWEEN_ATTEMPTS));
        Ok(pause.is_some_and(|pause| {
            pause.reason == ErrorCode::ReauthorizationNeeded && pause.until <= latest
        }))
    }

    /// Takes a lease that is never released: the next attempt waits for its end.
    async fn take_turn(&self, id: &TenantId) -> Result<bool, StorageError> {
        let (lease, owner) = (authorization_lease_key(id), uuid::Uuid::new_v4());
        let (credentials, owner) = (&self.credentials, owner.to_string());
        credentials
            .take_lease(&lease, &owner, BETWEEN_ATTEMPTS)
            .await
    }
}
