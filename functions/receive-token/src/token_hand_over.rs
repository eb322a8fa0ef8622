//! A token that is handed over: used, proved, and only then stored in place of the old one.

use std::time::Duration;

use shared::aws::credentials::{AccessToken, token_lease_key};
use shared::aws::secret_store::{SecretStoreError, TokenSecret, TokenVersion, fingerprint};
use shared::aws::single_flight::FlightLimits;
use shared::aws::tenants::StorageError;
use shared::domain::clock::Timestamp;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::instance::Instance;
use shared::domain::tenant::{Grant, TenantFile, TenantId};
use shared::retry::ServiceNowTimeouts;
use shared::token::access::AccessError;
use shared::token::grants::{ProofError, client_of};
use shared::token::oauth::Granted;
use shared::token::store::replacement;
use shared::token::uninterrupted::InProgress;

use crate::ReceiveToken;
use crate::event::HandOver;

/// How long ServiceNow and another holder of the lease are waited for.
const PATIENCE: ServiceNowTimeouts = ServiceNowTimeouts::HTTP;
/// Outlives the request.
const LEASE: Duration = Duration::from_secs(60);
/// Whoever repeats a request does so within this.
const A_REPEAT: Duration = Duration::from_secs(3600);
/// The same hand-over within this is not stored again.
const JUST_NOW: Duration = Duration::from_secs(300);
/// Where a token that was handed over comes from.
const SOURCE: &str = "hand-over";
/// Kept back after the grant: for storing a replaced token, and proving it.
const PROVING_NEEDS: Duration = Duration::from_secs(5);
/// Secrets Manager has this long before the credentials table takes a replaced token.
const STAGING: Duration = Duration::from_millis(2500);
/// Kept back after the proof.
const STORING_NEEDS: Duration = Duration::from_secs(3);

/// What was stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) token: TokenSecret,
    pub(crate) expires_at: Timestamp,
    /// How long it lives, from now on.
    pub(crate) life: Duration,
    /// What came with it, to be shared.
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

/// Trying again helps, and does no harm.
pub(crate) fn storage_unavailable() -> Problem {
    Problem::new(
        ErrorCode::StorageUnavailable,
        "The old token stays. Hand the same token over again in half a minute; a repeat does no harm.",
    )
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

/// Takes a token over, holding the tenant's token lease. While something is `under_way`, it must not be cut off.
pub(crate) async fn take(
    function: &ReceiveToken,
    file: &TenantFile,
    hand_over: &HandOver,
    deadline: Timestamp,
    under_way: &InProgress,
) -> Result<Stored, NotStored> {
    let servicenow = &file.servicenow;
    let allow_host = servicenow.allow_host.as_deref();
    let instance = Instance::parse(&servicenow.instance, allow_host, function.allow_loopback)
        .map_err(|error| misconfigured(&format!("the instance {error}"), APPLY))?;
    let offer = TokenHandOver {
        function,
        file,
        instance,
        hand_over,
        fingerprint: fingerprint(&hand_over.refresh_token),
        deadline,
        under_way,
    };
    let limits = FlightLimits {
        lease: LEASE,
        wait: PATIENCE.lease,
    };
    let key = token_lease_key(&file.tenant);
    let taken = function.flights.holding(&key, limits, offer.take()).await?;
    taken.ok_or_else(|| unavailable(&"another process holds the token lease"))
}

const APPLY: &str = "Apply the tenant: rescue-connector tenant apply FILE";

struct TokenHandOver<'a> {
    function: &'a ReceiveToken,
    file: &'a TenantFile,
    instance: Instance,
    hand_over: &'a HandOver,
    fingerprint: String,
    deadline: Timestamp,
    under_way: &'a InProgress,
}

impl TokenHandOver<'_> {
    async fn take(&self) -> Result<Stored, NotStored> {
        let tokens = &self.function.grants.tokens;
        let current = match tokens.settled(self.id()).await {
            Ok(current) => current,
            Err(AccessError::ReauthorizationNeeded(reason)) => {
                return Err(misconfigured(&reason, APPLY));
            }
            Err(error) => return Err(unavailable(&error)),
        };
        let mut token = self.token_to_use(&current).await?;
        let repeated = self.is_stored_already(&current.token, &token);
        let asking = self.under_way.begin();
        let granted = self.grant(&token).await?;
        let new = replacement(&token, granted.refresh_token.as_ref());
        let repeated = repeated && new.is_none();
        if let Some(new) = new.cloned() {
            token.refresh_token = Some(new);
            token.stands_for = Some(self.fingerprint.clone());
            let staged = tokens.stage_hand_over(self.id(), &token, STAGING);
            staged.await?;
        }
        drop(asking);
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

    fn left(&self, kept_back: Duration) -> Duration {
        let left = self.deadline.since(self.function.clock.now());
        left.saturating_sub(kept_back)
    }

    /// The token that was sent, or the one that ServiceNow gave in its place when it was handed over before.
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

    /// What is handed over a second time after a while was not issued just now, if it has been replaced since: nothing
    /// says that a replacement lives longer.
    fn ends_by(&self, current: &TokenSecret) -> Timestamp {
        let never = Timestamp::from_millis(i64::MAX);
        let again = current.stands_for.as_ref() == Some(&self.fingerprint);
        let now = self.function.clock.now();
        match (current.issued_at, current.expires_at) {
            (Some(issued), Some(expires)) if again && now.since(issued) > A_REPEAT => expires,
            _ => never,
        }
    }

    /// Whether this very hand-over was stored just now: what its sender does not know is the answer.
    fn is_stored_already(&self, current: &TokenSecret, token: &TokenSecret) -> bool {
        let client = |token: &TokenSecret| (token.client_id.clone(), token.client_secret.clone());
        let just_now = current.issued_at.is_some_and(|issued| {
            self.function.clock.now().since(issued) < JUST_NOW
                && current.expires_at == Some(issued.plus(self.life()))
        });
        just_now
            && current.source.as_deref() == Some(SOURCE)
            && current.refresh_token == token.refresh_token
            && current.stands_for == token.stands_for
            && client(current) == client(token)
    }

    /// How long the token lives, as far as the sender or the tenant file knows.
    fn life(&self) -> Duration {
        let usual = self.file.servicenow.refresh_token_lifetime.duration();
        self.hand_over.expires_in.unwrap_or(usual)
    }

    async fn grant(&self, token: &TokenSecret) -> Result<Granted, NotStored> {
        let (vault, id) = (&self.function.vault, self.id());
        let mut credentials = vault.tenant_secrets(id).await;
        if let Ok(read) = &credentials
            && client_of(self.file, read, Some(token)).is_err()
        {
            credentials = vault.reread_tenant_secrets(id).await;
        }
        let credentials = credentials.map_err(|error| match error {
            SecretStoreError::Missing(_) | SecretStoreError::Malformed(_) => {
                misconfigured(&error.to_string(), APPLY)
            }
            SecretStoreError::Unavailable(_) => unavailable(&error),
        })?;
        if let Err(error) = client_of(self.file, &credentials, Some(token)) {
            let remedy = format!(
                "Set it, or send client_id and client_secret: rescue-connector secrets set {id} oauth-client-secret"
            );
            return Err(misconfigured(&error.to_string(), &remedy));
        }
        let timeout = || PATIENCE.grant.min(self.left(PROVING_NEEDS));
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
        let timeout = PATIENCE.read.min(self.left(STORING_NEEDS));
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
    ) -> Result<Stored, NotStored> {
        let now = self.function.clock.now();
        let expires_at = now.plus(self.life()).min(self.ends_by(&current.token));
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
    ) -> Stored {
        let grants = &self.function.grants;
        Stored {
            expires_at,
            life: expires_at.since(now),
            access: grants.access_token(self.file, &self.instance, granted),
            token,
        }
    }
}
