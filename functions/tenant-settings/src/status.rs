//! What a tenant's administrator wants to know without looking into AWS.

use std::time::Duration;

use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use shared::api::response::{self, HttpResponse};
use shared::aws::credentials::TenantPause;
use shared::aws::ledger::RecentPosts;
use shared::aws::secret_store::{SecretStoreError, TokenSecret};
use shared::aws::tenants::ManagedTenant;
use shared::domain::clock::Timestamp;
use shared::domain::error::{ErrorCode, Problem};
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::{Grant, TenantId};

use crate::secrets::names_set;
use crate::service::TenantSettings;
use crate::tenant::storage_unavailable;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A refresh token that ends sooner is reported.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// The answer. Beside reading the tenant it takes three calls to AWS, four for a tenant of an earlier release, and none to a
/// vendor.
#[derive(Serialize)]
struct Status<'a> {
    tenant: &'a TenantId,
    enabled: bool,
    at: Timestamp,
    token: Token,
    posts: RecentPosts,
    paused: Option<Paused>,
    /// Unknown as long as no sessions are compared with Rescue's report.
    missed_sessions: Option<u64>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Token {
    state: TokenState,
    expires_at: Option<Timestamp>,
    days_left: Option<u64>,
    renews_itself: bool,
    last_rotation_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum TokenState {
    Healthy,
    None,
    ExpiresSoon,
    ReauthorizationNeeded,
    NotNeeded,
}

#[derive(Serialize)]
struct Paused {
    reason: &'static str,
    until: Timestamp,
}

/// Reads the status.
///
/// # Errors
/// `storage-unavailable`, `tenant-misconfigured`.
pub(crate) async fn read(
    function: &TenantSettings,
    tenant: &ManagedTenant,
) -> Result<HttpResponse, Problem> {
    let file = &tenant.tenant.file;
    let (id, now) = (&file.tenant, function.clock.now());
    let (token, pause, posts, renews) = tokio::join!(
        function.secret_store.token(id),
        function.credentials.tenant_pause_now(id),
        function.ledger.recent_posts(id, now.minus(DAY)),
        has_password(function, tenant),
    );
    let unavailable = |error: &dyn std::fmt::Display| {
        tracing::error!(tenant = %id, %error, "status not readable");
        storage_unavailable()
    };
    let token = match token {
        Ok(version) => Some(version.token),
        Err(SecretStoreError::Missing(_)) => None,
        Err(error) => return Err(unavailable(&error)),
    };
    let pause = pause.map_err(|error| unavailable(&error))?;
    let posts = posts.map_err(|error| unavailable(&error))?;
    let status = Status {
        tenant: id,
        enabled: file.enabled,
        at: now,
        token: token_status(file.servicenow.grant, token.as_ref(), &pause, renews?, now),
        posts,
        paused: pause.pause_at(now).map(|pause| Paused {
            reason: pause.reason.as_str(),
            until: pause.until,
        }),
        missed_sessions: None,
    };
    Ok(response::json(StatusCode::OK, &json!(status)))
}

/// Whether the connector has the service account's password, without which it cannot renew a refresh token.
async fn has_password(function: &TenantSettings, tenant: &ManagedTenant) -> Result<bool, Problem> {
    let password = SecretName::ServiceAccountPassword;
    match &tenant.secrets {
        Some(secrets) => Ok(secrets.contains_key(&password)),
        None => Ok(names_set(function, &tenant.tenant.file.tenant)
            .await?
            .contains(&password)),
    }
}

fn token_status(
    grant: Grant,
    token: Option<&TokenSecret>,
    pause: &TenantPause,
    has_password: bool,
    now: Timestamp,
) -> Token {
    let refused = pause
        .pause_at(now)
        .is_some_and(|pause| pause.reason == ErrorCode::ReauthorizationNeeded);
    let needed = grant == Grant::RefreshToken;
    let token = token.filter(|token| needed && token.refresh_token.is_some());
    let left = token.and_then(|token| token.left(now));
    let state = match left {
        _ if refused => TokenState::ReauthorizationNeeded,
        _ if !needed => TokenState::NotNeeded,
        _ if token.is_none() => TokenState::None,
        Some(Duration::ZERO) => TokenState::ReauthorizationNeeded,
        Some(left) if left < SOON => TokenState::ExpiresSoon,
        _ => TokenState::Healthy,
    };
    let rotated = token.filter(|token| token.source.as_deref() == Some("rotation"));
    Token {
        state,
        expires_at: token.and_then(|token| token.expires_at),
        days_left: left.map(|left| left.as_secs() / DAY.as_secs()),
        renews_itself: needed && has_password,
        last_rotation_at: rotated.and_then(|token| token.issued_at),
    }
}

#[cfg(test)]
mod tests {
    use shared::aws::credentials::Pause;
    use shared::domain::secret::Secret;

    use super::*;

    fn token(days: u64, source: &str) -> TokenSecret {
        TokenSecret {
            refresh_token: Some(Secret::from("RT")),
            issued_at: Some(Timestamp::from_millis(0)),
            expires_at: Some(
                Timestamp::from_millis(0).plus(DAY * u32::try_from(days).expect("few")),
            ),
            source: Some(source.to_owned()),
            ..TokenSecret::default()
        }
    }

    #[test]
    fn the_state_of_a_token_says_whether_an_administrator_has_to_act() {
        let now = Timestamp::from_millis(0).plus(DAY);
        let paused = |reason| TenantPause {
            pause: Some(Pause {
                until: now.plus(DAY),
                reason,
            }),
            ..TenantPause::default()
        };
        let free = TenantPause::default();
        let refused = paused(ErrorCode::ReauthorizationNeeded);
        let throttled = paused(ErrorCode::ServiceNowThrottled);
        let of = |grant, token: Option<TokenSecret>, pause: &TenantPause| {
            token_status(grant, token.as_ref(), pause, true, now).state
        };
        let refresh = Grant::RefreshToken;
        for (case, found, expected) in [
            ("no token yet", of(refresh, None, &free), TokenState::None),
            (
                "100 days",
                of(refresh, Some(token(100, "hand-over")), &free),
                TokenState::Healthy,
            ),
            (
                "100 days, throttled",
                of(refresh, Some(token(100, "hand-over")), &throttled),
                TokenState::Healthy,
            ),
            (
                "14 days",
                of(refresh, Some(token(14, "hand-over")), &free),
                TokenState::ExpiresSoon,
            ),
            (
                "ended",
                of(refresh, Some(token(1, "hand-over")), &free),
                TokenState::ReauthorizationNeeded,
            ),
            (
                "refused",
                of(refresh, Some(token(100, "hand-over")), &refused),
                TokenState::ReauthorizationNeeded,
            ),
            (
                "password",
                of(Grant::Password, None, &free),
                TokenState::NotNeeded,
            ),
            (
                "password, refused",
                of(Grant::Password, None, &refused),
                TokenState::ReauthorizationNeeded,
            ),
        ] {
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn a_token_renews_itself_only_with_the_service_accounts_password() {
        let now = Timestamp::from_millis(0).plus(DAY);
        let status = |source, has_password| {
            token_status(
                Grant::RefreshToken,
                Some(&token(101, source)),
                &TenantPause::default(),
                has_password,
                now,
            )
        };
        let renewed = status("rotation", true);
        assert_eq!(
            (renewed.renews_itself, renewed.days_left),
            (true, Some(100))
        );
        assert_eq!(renewed.last_rotation_at, Some(Timestamp::from_millis(0)));
        let handed_over = status("hand-over", false);
        assert_eq!(
            (handed_over.renews_itself, handed_over.last_rotation_at),
            (false, None)
        );
    }
}
