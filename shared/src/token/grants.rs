//! Grants: asking for tokens, proving them and sharing them. The caller holds the tenant's token lease
//! (docs/architecture.md#rule-5).

use std::sync::Arc;
use std::time::Duration;

use http::header;
use reqwest::StatusCode;

use crate::aws::credentials::{AccessToken, CredentialsTable};
use crate::aws::queue::Queues;
use crate::aws::secret_store::{SecretStore, TenantSecrets, TokenSecret};
use crate::aws::storage_error::StorageError;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::instance::Instance;
use crate::domain::secret::Secret;
use crate::domain::tenant::{Grant, TenantFile, TenantId};
use crate::http::transport_reason;
use crate::http::{LONGEST_ANSWER, body};
use crate::retry::REAUTHORIZATION_PAUSE;
use crate::token::error::AccessError;
use crate::token::oauth::{self, ClientIdentity, GrantError, GrantRequest, Granted};
use crate::token::store::TokenStore;

/// How long a token lease is held at most; outlives two grants and storing the result.
pub const TOKEN_LEASE: Duration = Duration::from_secs(120);
/// A token is renewed this long before it expires, or at half of its life where that is shorter.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// The lifetime of a token whose answer does not say (docs/vendors.md#token-lifetimes).
const USUAL_LIFETIME: u64 = 1800;

/// What an access token is good for: the instance and the client that it was granted to.
pub fn audience(tenant: &TenantFile, instance: &Instance) -> String {
    format!("{} {}", instance.base(), tenant.servicenow.client_id)
}

/// Why an access token is not proved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// ServiceNow does not take it.
    #[error("ServiceNow refuses the access token that it just granted")]
    Refused,
    /// ServiceNow did not say; trying again helps.
    #[error("ServiceNow did not answer a read: {0}")]
    Unknown(String),
}

/// Asks for grants.
#[derive(Debug)]
pub struct Grants {
    /// Where refresh tokens are stored.
    pub tokens: TokenStore,
    http: reqwest::Client,
    secret_store: Arc<SecretStore>,
    credentials: Arc<CredentialsTable>,
    clock: Clock,
}

impl Grants {
    /// Grants by way of these.
    pub fn new(
        http: reqwest::Client,
        secret_store: Arc<SecretStore>,
        credentials: Arc<CredentialsTable>,
        clock: Clock,
    ) -> Self {
        Self {
            tokens: TokenStore::new(Arc::clone(&secret_store), Arc::clone(&credentials)),
            http,
            secret_store,
            credentials,
            clock,
        }
    }

    /// One grant of that type; a second one when the credentials that were refused had been read a while ago and have
    /// changed. `stored` brings the refresh token, and the client it belongs to where that is not the tenant file's.
    ///
    /// # Errors
    /// `ReauthorizationNeeded` when ServiceNow refuses or something is not set; `Transient` otherwise.
    pub async fn request(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        grant: Grant,
        stored: Option<&TokenSecret>,
        timeout: impl Fn() -> Duration,
    ) -> Result<Granted, AccessError> {
        let id = &tenant.tenant;
        let mut before = self.secret_store.tenant_secrets(id).await?;
        if grant_request(tenant, grant, &before, stored).is_err() {
            // What was not set when it was read may have been set since.
            before = self.secret_store.reread_tenant_secrets(id).await?;
        }
        let (client, request) = grant_request(tenant, grant, &before, stored)?;
        let ask = |client, request| {
            let time = (&self.clock, timeout());
            oauth::request(&self.http, instance, client, request, time)
        };
        let mut outcome = ask(&client, &request).await;
        if matches!(outcome, Err(GrantError::Refused { .. })) {
            self.secret_store.forget(id);
            let now = self.secret_store.tenant_secrets(id).await?;
            if now != before {
                let (client, request) = grant_request(tenant, grant, &now, stored)?;
                outcome = ask(&client, &request).await;
            }
        }
        outcome.map_err(|error| match error {
            GrantError::Refused { .. } => AccessError::ReauthorizationNeeded(error.to_string()),
            GrantError::Transient {
                reason,
                retry_after,
            } => AccessError::Transient {
                reason,
                retry_after,
            },
        })
    }

    /// What was granted, as every process may use it.
    pub fn access_token(
        &self,
        tenant: &TenantFile,
        instance: &Instance,
        granted: Granted,
    ) -> AccessToken {
        AccessToken {
            expires_at: renew_at(self.clock.now(), granted.expires_in),
            token: granted.access_token,
            audience: audience(tenant, instance),
        }
    }

    /// Shares an access token with every process, ends the pause of a tenant that waited for one, and wakes the posts
    /// that may still be hidden in the queue because of it. A failure is logged: other processes and posts find the new
    /// token within an hour.
    pub async fn resume_deliveries(&self, queues: &Queues, tenant: &TenantId, token: &AccessToken) {
        let credentials = &self.credentials;
        if let Err(error) = credentials.share_access_token(tenant, token).await {
            tracing::warn!(%tenant, %error, "other processes do not have the access token");
        }
        let posts_are_hidden = self.end_pause(tenant).await.unwrap_or_else(|error| {
            tracing::warn!(%tenant, %error, "other processes do not know of the new token yet");
            true
        });
        if posts_are_hidden {
            queues.wake_if_possible(tenant).await;
        }
    }

    /// Ends the pause of a tenant that waited for a token. Whether posts may still be hidden because of it.
    async fn end_pause(&self, tenant: &TenantId) -> Result<bool, StorageError> {
        let now = self.clock.now();
        let pause = self.credentials.tenant_pause_now(tenant).await?;
        if pause.is_unauthorized_at(now) {
            self.credentials.end_pause(tenant).await?;
        }
        let since = pause.authorized_since;
        Ok(since.is_some_and(|since| since.plus(REAUTHORIZATION_PAUSE) > now))
    }

    /// Proves an access token by a harmless read. One request. Every answer about the table
    /// comes from an instance that has taken the token, a refusal included.
    ///
    /// # Errors
    /// As [`ProofError`] says.
    pub async fn prove(
        &self,
        instance: &Instance,
        token: &Secret,
        timeout: Duration,
    ) -> Result<(), ProofError> {
        let unknown = |reason: &str| ProofError::Unknown(reason.to_owned());
        let url = instance
            .base()
            .join("api/now/v2/table/incident?sysparm_limit=1&sysparm_fields=sys_id")
            .map_err(|_| unknown("the instance's URL is odd"))?;
        let answer = self
            .http
            .get(url)
            .header(header::ACCEPT, "application/json")
            .bearer_auth(token.expose())
            .timeout(timeout)
            .send()
            .await
            .map_err(|error| unknown(transport_reason(&error)))?;
        let status = answer.status();
        let body = body(answer, LONGEST_ANSWER)
            .await
            .map_err(|error| unknown(&error.to_string()))?;
        let json = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
        match status {
            StatusCode::OK | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND if json => Ok(()),
            StatusCode::UNAUTHORIZED if json || body.is_empty() => Err(ProofError::Refused),
            status => Err(unknown(status.as_str())),
        }
    }
}

fn renew_at(now: Timestamp, expires_in: Option<u64>) -> Timestamp {
    let lifetime = Duration::from_secs(expires_in.unwrap_or(USUAL_LIFETIME));
    now.plus(lifetime.saturating_sub(RENEW_BEFORE.min(lifetime / 2)))
}

/// The client that a stored token belongs to: the one it was handed over with, or the tenant file's.
///
/// # Errors
/// `ReauthorizationNeeded` when that client's secret is not set.
pub fn client_of(
    tenant: &TenantFile,
    credentials: &TenantSecrets,
    stored: Option<&TokenSecret>,
) -> Result<ClientIdentity, AccessError> {
    let own = stored.and_then(|token| token.client_id.clone().zip(token.client_secret.clone()));
    match own {
        Some((id, secret)) => Ok(ClientIdentity { id, secret }),
        None if tenant.servicenow.client_id.is_empty() => Err(missing("servicenow.client_id")),
        None => Ok(ClientIdentity {
            id: tenant.servicenow.client_id.clone(),
            secret: credentials
                .oauth_client_secret
                .clone()
                .ok_or_else(|| missing("oauth-client-secret"))?,
        }),
    }
}

fn missing(name: &str) -> AccessError {
    AccessError::ReauthorizationNeeded(format!("{name} is not set"))
}

/// The request of a grant, and the client that sends it.
///
/// # Errors
/// `ReauthorizationNeeded`, which names what is not set.
pub(crate) fn grant_request(
    tenant: &TenantFile,
    grant: Grant,
    credentials: &TenantSecrets,
    stored: Option<&TokenSecret>,
) -> Result<(ClientIdentity, GrantRequest), AccessError> {
    let client = client_of(tenant, credentials, stored)?;
    let request = match grant {
        Grant::RefreshToken => GrantRequest::RefreshToken(
            stored
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
