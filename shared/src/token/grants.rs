//! Refresh tokens and the grants made with them. Whoever calls this holds the tenant's token lease (docs/architecture.md#rule-5 and docs/architecture.md#rule-6;
//! decision 0005).

use std::sync::Arc;
use std::time::Duration;

use http::header;
use reqwest::StatusCode;

use crate::aws::credentials::{AccessToken, CredentialsTable};
use crate::aws::secret_store::{SecretStore, TokenSecret, TokenVersion, fingerprint};
use crate::aws::storage_error::StorageError;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::instance::Instance;
use crate::domain::secret::Secret;
use crate::domain::tenant::{Grant, TenantFile, TenantId};
use crate::http::transport_reason;
use crate::http::{LONGEST_ANSWER, body};
use crate::retry::REAUTHORIZATION_PAUSE;
use crate::token::access::AccessError;
use crate::token::oauth::{self, ClientIdentity, GrantError, GrantRequest, Granted};

/// How long whoever touches a refresh token keeps others from doing so; outlives two grants and storing the result.
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
    /// Nobody knows: trying again helps.
    #[error("ServiceNow did not answer a read: {0}")]
    Unknown(String),
}

/// Asks for grants, and sees to it that no refresh token is lost.
#[derive(Debug)]
pub struct Grants {
    http: reqwest::Client,
    vault: Arc<SecretStore>,
    credentials: Arc<CredentialsTable>,
    clock: Clock,
}

impl Grants {
    /// Grants by way of these.
    pub const fn new(
        http: reqwest::Client,
        vault: Arc<SecretStore>,
        credentials: Arc<CredentialsTable>,
        clock: Clock,
    ) -> Self {
        Self {
            http,
            vault,
            credentials,
            clock,
        }
    }

    /// The token that counts, after finishing what an earlier holder of the lease could not: a token that came in
    /// place of the current one, and was kept or put away, becomes current first.
    ///
    /// # Errors
    /// `ReauthorizationNeeded` without a readable secret; `Transient` when the stores do not answer.
    pub async fn settled(&self, tenant: &TenantId) -> Result<TokenVersion, AccessError> {
        let current = self.vault.token(tenant).await?;
        let used = current.token.refresh_token.as_ref().map(fingerprint);
        let follows = |token: &TokenSecret| {
            token.derived_from.as_ref() == Some(&current.version_id)
                || used.is_some() && token.replaces == used
        };
        let renew_now = current.token.renew_now;
        if let Some(mut kept) = self.credentials.kept_token(tenant).await?.filter(follows) {
            kept.renew_now |= renew_now;
            let vault = &self.vault;
            let version_id = vault
                .replace_token(tenant, &current.version_id, &kept)
                .await?;
            tracing::info!(%tenant, "a refresh token that had been kept aside is stored");
            if let Err(error) = self.credentials.drop_kept_token(tenant).await {
                tracing::debug!(%tenant, %error, "the kept token stays, and follows nothing any more");
            }
            return Ok(TokenVersion {
                token: kept,
                version_id,
            });
        }
        match self.vault.staged_token(tenant).await? {
            Some(mut away) if follows(&away.token) => {
                let (from, to) = (&current.version_id, &away.version_id);
                self.vault.make_current(tenant, from, to).await?;
                tracing::info!(%tenant, "a refresh token that had been put away is current");
                away.token.renew_now |= renew_now;
                Ok(away)
            }
            _ => Ok(current),
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
        let mut before = self.vault.tenant_secrets(id).await?;
        if grant_request(tenant, grant, &before, stored).is_err() {
            // What was not set when it was read may have been set since.
            before = self.vault.reread_tenant_secrets(id).await?;
        }
        let (client, request) = grant_request(tenant, grant, &before, stored)?;
        let ask = |client, request| {
            let time = (&self.clock, timeout());
            oauth::request(&self.http, instance, client, request, time)
        };
        let mut outcome = ask(&client, &request).await;
        if matches!(outcome, Err(GrantError::Refused { .. })) {
            self.vault.forget(id);
            let now = self.vault.tenant_secrets(id).await?;
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

    /// Makes the refresh token current that a refresh answered with in place of the one it was asked with, which is
    /// dead by now. Where Secrets Manager does not take it, it is kept in the credentials table, which does as well.
    /// What counts from now on.
    ///
    /// Its end is the old one's: nothing says that ServiceNow gives a replacement a longer life (docs/vendors.md#token-lifetimes).
    ///
    /// # Errors
    /// `Transient` when nothing would take it.
    pub async fn keep_successor(
        &self,
        tenant: &TenantId,
        stored: &TokenVersion,
        granted: &Granted,
    ) -> Result<TokenVersion, AccessError> {
        let Some(new) = replaced(stored.token.refresh_token.as_ref(), granted) else {
            return Ok(stored.clone());
        };
        let token = TokenSecret {
            refresh_token: Some(new.clone()),
            source: Some("refresh".to_owned()),
            derived_from: Some(stored.version_id.clone()),
            replaces: stored.token.refresh_token.as_ref().map(fingerprint),
            access_token: None,
            access_token_until: None,
            ..stored.token.clone()
        };
        let read_version = &stored.version_id;
        match self.vault.replace_token(tenant, read_version, &token).await {
            Ok(version_id) => Ok(TokenVersion { token, version_id }),
            Err(error) => {
                self.keep(tenant, &token, &error).await?;
                // Its version is not known: whoever stores it next reads again.
                Ok(TokenVersion {
                    token,
                    version_id: read_version.clone(),
                })
            }
        }
    }

    /// Keeps a token in the credentials table, since Secrets Manager does not take it.
    ///
    /// # Errors
    /// `Transient`: the token is lost, and the log says so.
    async fn keep(
        &self,
        tenant: &TenantId,
        token: &TokenSecret,
        why: &crate::aws::secret_store::SecretStoreError,
    ) -> Result<(), AccessError> {
        let kept = self.credentials.stage_token(tenant, token).await;
        match kept {
            Ok(()) => {
                tracing::warn!(%tenant, reason = %why, "the new refresh token is kept aside until it can be stored");
                Ok(())
            }
            Err(error) => {
                tracing::error!(%tenant, reason = %why, %error,
                    "ServiceNow replaced the refresh token, and nothing would store the new one");
                Err(error.into())
            }
        }
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

    /// Shares an access token with every process, and ends the pause of a tenant that waited for one. Whether posts may
    /// still be hidden in the queue because of it. What fails here is no harm: they find out by themselves within an
    /// hour.
    pub async fn share(&self, tenant: &TenantId, token: &AccessToken) -> bool {
        let credentials = &self.credentials;
        let sharing = async {
            if let Err(error) = credentials.share_access_token(tenant, token).await {
                tracing::warn!(%tenant, %error, "other processes do not have the access token");
            }
            let now = self.clock.now();
            let standing = credentials.tenant_pause_now(tenant).await?;
            if standing.is_unauthorized_at(now) {
                credentials.end_pause(tenant).await?;
            }
            let hidden_until = |since: Timestamp| since.plus(REAUTHORIZATION_PAUSE);
            Ok::<_, StorageError>(
                standing
                    .authorized_since
                    .is_some_and(|since| hidden_until(since) > now),
            )
        };
        sharing.await.unwrap_or_else(|error| {
            tracing::warn!(%tenant, %error, "other processes do not know of the new token yet");
            true
        })
    }

    /// Proves an access token by a harmless read. One request. An answer about the table, whatever it says, comes from
    /// an instance that has taken the token.
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

/// The refresh token that was granted in place of the one that was used.
pub fn replaced<'a>(used: Option<&Secret>, granted: &'a Granted) -> Option<&'a Secret> {
    granted
        .refresh_token
        .as_ref()
        .filter(|new| used != Some(*new))
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
    credentials: &crate::aws::secret_store::TenantSecrets,
    stored: Option<&TokenSecret>,
) -> Result<ClientIdentity, AccessError> {
    let own = stored.and_then(|token| token.client_id.clone().zip(token.client_secret.clone()));
    match own {
        Some((id, secret)) => Ok(ClientIdentity { id, secret }),
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

fn grant_request(
    tenant: &TenantFile,
    grant: Grant,
    credentials: &crate::aws::secret_store::TenantSecrets,
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
