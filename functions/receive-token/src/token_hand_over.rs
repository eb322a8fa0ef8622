//! A hand-over: the refresh token is used, proved, and only then stored in place of the old one.

use std::time::Duration;

use shared::aws::credentials::{AccessToken, token_lease_key};
use shared::aws::secret_store::{SecretStoreError, TokenSecret, TokenVersion, fingerprint};
use shared::aws::single_flight::FlightLimits;
use shared::aws::storage_error::StorageError;
use shared::domain::clock::Timestamp;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::instance::Instance;
use shared::domain::tenant::{Grant, TenantFile, TenantId};
use shared::domain::time_budget::TimeBudget;
use shared::retry::ServiceNowTimeouts;
use shared::token::access::AccessError;
use shared::token::grants::{ProofError, client_of};
use shared::token::oauth::Granted;
use shared::token::store::replacement;
use shared::token::uninterrupted::{InProgress, run_until};

use crate::event::{HandOver, storage_unavailable};
use crate::service::ReceiveToken;

/// The time for ServiceNow, and for waiting for the token lease.
const TIMEOUTS: ServiceNowTimeouts = ServiceNowTimeouts::HTTP;
/// The token lease; outlives the request.
const LEASE: Duration = Duration::from_secs(60);
/// A sender repeats a request within this.
const REPEATED_WITHIN: Duration = Duration::from_secs(3600);
/// An equal hand-over within this is not stored again.
const JUST_NOW: Duration = Duration::from_secs(300);
/// The token secret's `source`.
const SOURCE: &str = "hand-over";
/// Kept back of the grant, for storing a replaced token and for the proof.
const STAGING_AND_PROVING: Duration = Duration::from_secs(5);
/// The time for Secrets Manager to stage a replaced token, before the credentials table is used instead.
const STAGING: Duration = Duration::from_millis(2500);
/// Kept back of the proof, for storing the token.
const STORING: Duration = Duration::from_secs(3);

/// A refresh token that was proved and stored.
#[derive(Debug)]
pub(crate) struct StoredToken {
    pub(crate) token: TokenSecret,
    pub(crate) expires_at: Timestamp,
    /// From now until `expires_at`.
    pub(crate) valid_for: Duration,
    /// The access token that came with it, to be shared.
    pub(crate) access: AccessToken,
}

/// Why nothing was stored.
#[derive(Debug)]
pub(crate) struct NotStored(pub(crate) Problem);

impl From<StorageError> for NotStored {
    fn from(error: StorageError) -> Self {
        unavailable(&error)
    }
}

impl From<Problem> for NotStored {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

fn unavailable(error: &dyn std::fmt::Display) -> NotStored {
    tracing::warn!(%error, "the stores do not answer");
    NotStored(storage_unavailable())
}

fn misconfigured(reason: &str, remedy: &str) -> NotStored {
    NotStored(Problem::new(
        ErrorCode::TenantMisconfigured,
        format!("The old token stays: {reason}. {remedy}"),
    ))
}

fn refused(reason: &str) -> NotStored {
    NotStored(Problem::new(
        ErrorCode::TokenRefused,
        format!(
            "{reason}. The old token stays. Likely causes: the token expired or was revoked; it belongs to another \
             client (send that one's client_id and client_secret); the client secret changed; the user is locked out, \
             inactive or has to change the password; the Application Registry record is inactive."
        ),
    ))
}

fn postponed(reason: &str) -> NotStored {
    NotStored(Problem::new(
        ErrorCode::ServiceNowUnavailable,
        format!(
            "{reason}. The old token stays. Hand the same token over again; a repeat does no harm."
        ),
    ))
}

/// Takes the token over within the budget. A caller who got no answer in time repeats the request, which finishes it.
pub(crate) async fn take_in_time(
    function: &ReceiveToken,
    file: &TenantFile,
    hand_over: &HandOver,
    budget: &TimeBudget,
) -> Result<StoredToken, Problem> {
    let in_progress = InProgress::default();
    let taking = take(function, file, hand_over, budget, &in_progress);
    let taken = run_until(|| budget.left(), || in_progress.any(), taking).await;
    match taken {
        Some(taken) => taken.map_err(|not_stored| not_stored.0),
        None => Err(storage_unavailable()),
    }
}

/// Takes a token over, holding the tenant's token lease. It must not be cut off while anything is `in_progress`.
async fn take(
    function: &ReceiveToken,
    file: &TenantFile,
    hand_over: &HandOver,
    budget: &TimeBudget,
    in_progress: &InProgress,
) -> Result<StoredToken, NotStored> {
    let servicenow = &file.servicenow;
    let allow_host = servicenow.allow_host.as_deref();
    let instance = Instance::parse(&servicenow.instance, allow_host, function.allow_loopback)
        .map_err(|error| misconfigured(&format!("the instance {error}"), APPLY))?;
    let taking = TokenHandOver {
        function,
        file,
        instance,
        hand_over,
        fingerprint: fingerprint(&hand_over.refresh_token),
        budget,
        in_progress,
    };
    let limits = FlightLimits {
        lease: LEASE,
        wait: TIMEOUTS.lease,
    };
    let key = token_lease_key(&file.tenant);
    let taken = function
        .flights
        .holding(&key, limits, taking.take())
        .await?;
    taken.ok_or_else(|| unavailable(&"another process holds the token lease"))
}

const APPLY: &str = "Apply the tenant: rescue-connector tenant apply FILE";

struct TokenHandOver<'a> {
    function: &'a ReceiveToken,
    file: &'a TenantFile,
    instance: Instance,
    hand_over: &'a HandOver,
    fingerprint: String,
    budget: &'a TimeBudget,
    in_progress: &'a InProgress,
}

impl TokenHandOver<'_> {
    async fn take(&self) -> Result<StoredToken, NotStored> {
        let tokens = &self.function.grants.tokens;
        let current = match tokens.promote_staged(self.id()).await {
            Ok(current) => current,
            Err(AccessError::ReauthorizationNeeded(reason)) => {
                return Err(misconfigured(&reason, APPLY));
            }
            Err(error) => return Err(unavailable(&error)),
        };
        let mut token = self.token_to_use(&current).await?;
        let repeated = self.is_stored_already(&current.token, &token);
        let using = self.in_progress.begin();
        let granted = self.grant(&token).await?;
        let new = replacement(&token, granted.refresh_token.as_ref());
        let repeated = repeated && new.is_none();
        if let Some(new) = new.cloned() {
            token.refresh_token = Some(new);
            token.stands_for = Some(self.fingerprint.clone());
            let staged = tokens.stage_hand_over(self.id(), &token, STAGING);
            staged.await?;
        }
        drop(using);
        self.prove(&granted).await?;
        if let (true, Some(expires_at)) = (repeated, current.token.expires_at) {
            let now = self.function.clock.now();
            return Ok(self.stored(current.token, (now, expires_at), granted));
        }
        self.store(&current, token, granted).await
    }

    const fn id(&self) -> &TenantId {
        &self.file.tenant
    }

    /// The token that was sent, or its replacement from an earlier hand-over.
    async fn token_to_use(&self, current: &TokenVersion) -> Result<TokenSecret, NotStored> {
        let client = self.hand_over.client.clone();
        let (client_id, client_secret) = client.unzip();
        let mut token = TokenSecret {
            refresh_token: Some(self.hand_over.refresh_token.clone()),
            client_id,
            client_secret,
            ..TokenSecret::default()
        };
        let tokens = &self.function.grants.tokens;
        let known = tokens.handed_over(self.id(), &current.token, &self.fingerprint);
        let known = known.await.map_err(|error| unavailable(&error))?;
        if let Some(known) = known {
            token.refresh_token = known.refresh_token;
            token.stands_for = known.stands_for;
        }
        Ok(token)
    }

    /// Handing the same token over again does not extend its life, so the stored expiry stays.
    fn expires_by(&self, current: &TokenSecret) -> Timestamp {
        let never = Timestamp::from_millis(i64::MAX);
        let again = current.stands_for.as_ref() == Some(&self.fingerprint);
        let now = self.function.clock.now();
        match (current.issued_at, current.expires_at) {
            (Some(issued), Some(expires)) if again && now.since(issued) > REPEATED_WITHIN => {
                expires
            }
            _ => never,
        }
    }

    /// Whether an equal hand-over was stored just now, and the sender repeats it for the response.
    fn is_stored_already(&self, current: &TokenSecret, token: &TokenSecret) -> bool {
        let client = |token: &TokenSecret| (token.client_id.clone(), token.client_secret.clone());
        let just_now = current.issued_at.is_some_and(|issued| {
            self.function.clock.now().since(issued) < JUST_NOW
                && current.expires_at == Some(issued.plus(self.lifetime()))
        });
        just_now
            && current.source.as_deref() == Some(SOURCE)
            && current.refresh_token == token.refresh_token
            && current.stands_for == token.stands_for
            && client(current) == client(token)
    }

    /// The token's lifetime by the sender, otherwise by the tenant file.
    fn lifetime(&self) -> Duration {
        let usual = self.file.servicenow.refresh_token_lifetime.duration();
        self.hand_over.expires_in.unwrap_or(usual)
    }

    async fn grant(&self, token: &TokenSecret) -> Result<Granted, NotStored> {
        let (store, id) = (&self.function.secret_store, self.id());
        let mut secrets = store.tenant_secrets(id).await;
        if let Ok(read) = &secrets
            && client_of(self.file, read, Some(token)).is_err()
        {
            secrets = store.reread_tenant_secrets(id).await;
        }
        let secrets = secrets.map_err(|error| match error {
            SecretStoreError::Missing(_) | SecretStoreError::Malformed(_) => {
                misconfigured(&error.to_string(), APPLY)
            }
            SecretStoreError::Unavailable(_) => unavailable(&error),
        })?;
        if let Err(error) = client_of(self.file, &secrets, Some(token)) {
            let remedy = format!(
                "Set it, or send client_id and client_secret: rescue-connector secrets set {id} oauth-client-secret"
            );
            return Err(misconfigured(&error.to_string(), &remedy));
        }
        let budget = self.budget.keep_back(STAGING_AND_PROVING);
        let timeout = || TIMEOUTS.grant.min(budget.left());
        let granted = self.function.grants.request(
            self.file,
            &self.instance,
            Grant::RefreshToken,
            Some(token),
            timeout,
        );
        granted.await.map_err(|error| match error {
            AccessError::ReauthorizationNeeded(reason) => refused(&reason),
            AccessError::Storage(_) => unavailable(&error),
            AccessError::Paused(_) | AccessError::Transient { .. } => postponed(&error.to_string()),
        })
    }

    async fn prove(&self, granted: &Granted) -> Result<(), NotStored> {
        let timeout = TIMEOUTS.read.min(self.budget.keep_back(STORING).left());
        let grants = &self.function.grants;
        let proved = grants.prove(&self.instance, &granted.access_token, timeout);
        proved.await.map_err(|error| match error {
            ProofError::Refused => refused(&error.to_string()),
            ProofError::Unknown(_) => postponed(&error.to_string()),
        })
    }

    async fn store(
        &self,
        current: &TokenVersion,
        token: TokenSecret,
        granted: Granted,
    ) -> Result<StoredToken, NotStored> {
        let now = self.function.clock.now();
        let expires_at = now
            .plus(self.lifetime())
            .min(self.expires_by(&current.token));
        let token = TokenSecret {
            issued_at: Some(now),
            expires_at: Some(expires_at),
            lifetime: self.hand_over.expires_in.map(|life| life.as_secs()),
            source: Some(SOURCE.to_owned()),
            ..token
        };
        let tokens = &self.function.grants.tokens;
        let stored = tokens.replace(self.id(), current, token).await;
        let stored = stored.map_err(|error| unavailable(&error))?;
        Ok(self.stored(stored.token, (now, expires_at), granted))
    }

    fn stored(
        &self,
        token: TokenSecret,
        (now, expires_at): (Timestamp, Timestamp),
        granted: Granted,
    ) -> StoredToken {
        let grants = &self.function.grants;
        StoredToken {
            expires_at,
            valid_for: expires_at.since(now),
            access: grants.access_token(self.file, &self.instance, granted),
            token,
        }
    }
}
