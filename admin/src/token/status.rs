//! The state of a tenant's refresh token.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use shared::aws::credentials::TenantPause;
use shared::aws::secret_store::{TokenSecret, tenant_secrets_name, token_secret_name};
use shared::domain::clock::Timestamp;
use shared::domain::secret_name::SecretName;
use shared::domain::tenant::{Grant, TenantFile, TenantId};
use shared::token::status::{RenewalLacks, TokenLife, TokenState};

use super::rotation::{Rotation, foreign_pending};
use crate::error::AdminError;
use crate::secrets_manager::{self, Found};
use crate::stack::Stack;
use crate::tenant::table;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the token endpoint's refusals mean; it says the same for all of them (docs/vendors.md#token-errors).
const LIKELY_CAUSES: &[&str] = &[
    "the refresh token has expired or was revoked: hand over a new one from ServiceNow, or `rescue-connector secrets set … refresh-token`",
    "the client secret was changed: `rescue-connector secrets set … oauth-client-secret`",
    "the service account is locked, inactive or has to change its password: put it right, then \
     `rescue-connector secrets set … service-account-password`",
    "the Application Registry record is inactive or was deleted, or client_id in the tenant file is not its own",
];

/// The same for a token that came with a client of its own, whose secret lies beside it.
const LIKELY_CAUSES_OF_OWN_CLIENT: &[&str] = &[
    "the refresh token has expired or was revoked: hand over a new one from ServiceNow, or `rescue-connector secrets set … refresh-token`",
    "the secret of the client that the token came with was changed: hand the token over again with the new client_secret, \
     or `rescue-connector secrets set … refresh-token` with one of the tenant file's client; `rescue-connector secrets set … oauth-client-secret` does not \
     reach it",
    "the service account is locked, inactive or has to change its password: put it right, then \
     `rescue-connector secrets set … service-account-password`",
    "the Application Registry record of that client is inactive or was deleted",
];

/// What `token status` answers. No token is in it.
///
/// As JSON: `{"tenant","grant","state","issued_at","expires_at","days_left","source","client_id","own_client",
/// "renews_itself","not_renewed_because","rotation":{"enabled","schedule","last_rotated_at","next_rotation_at",
/// "blocked_by"},"pause":{"reason","until"},"likely_causes":[…]}`. What is not known or does not apply is left out, `likely_causes` unless the state is
/// `reauthorization-needed`. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenStatus {
    /// The tenant.
    pub tenant: TenantId,
    /// How access tokens are obtained.
    pub grant: Grant,
    /// The state of the refresh token.
    pub state: TokenState,
    /// When ServiceNow issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Timestamp>,
    /// When it stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whole days until then; 0 afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<u64>,
    /// Where it came from: `secrets-set`, `hand-over`, `refresh` or `rotation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The client that it is used with.
    pub client_id: String,
    /// Whether that came with the token; otherwise it is the tenant file's.
    pub own_client: bool,
    /// Whether the connector can move its end by itself; only where the grant needs a refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renews_itself: Option<bool>,
    /// Why it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_renewed_because: Option<String>,
    /// Who renews it, and when.
    pub rotation: Rotation,
    /// The pause that holds now: no call to ServiceNow is made for the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<ShownPause>,
    /// What may be wrong, and what to do about it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub likely_causes: &'static [&'static str],
}

/// A pause that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownPause {
    /// Its reason.
    pub reason: &'static str,
    /// Its end.
    pub until: Timestamp,
}

/// The state of a tenant's refresh token.
///
/// # Errors
/// [`AdminError::NoSuchTenant`], [`AdminError::NoSecret`], or when AWS refuses.
pub async fn status(stack: &Stack, id: &TenantId) -> Result<TokenStatus, AdminError> {
    let file = table::read_existing(stack, id).await?.file;
    let secret = token_secret_name(&stack.secret_prefix, id);
    let current = secrets_manager::read_existing(stack, &secret).await?.json;
    let described = secrets_manager::describe(stack, &secret).await?;
    let tenant_pause = stack.credentials().tenant_pause_now(id).await?;
    let rotation = Rotation {
        blocked_by: foreign_pending(stack, &secret, &described, &current).await?,
        ..Rotation::from(&described)
    };
    let credentials =
        secrets_manager::read(stack, &tenant_secrets_name(&stack.secret_prefix, id)).await?;
    let password = match &credentials {
        Found::Value(content) => {
            secrets_manager::holds(&content.json, SecretName::ServiceAccountPassword.key())
        }
        Found::Nothing | Found::Deleted => false,
    };
    let token = token_of(current, &secret)?;
    let now = stack.clock.now();
    Ok(assess(file, token, rotation, tenant_pause, password, now))
}

/// Why the connector cannot move the end of a tenant's refresh token by itself; `None` when it can.
fn obstacle(
    file: &TenantFile,
    rotation: &Rotation,
    password: bool,
    life: &TokenLife,
) -> Option<String> {
    let id = &file.tenant;
    if !rotation.enabled {
        return Some(
            "there is no rotation schedule; `rescue-connector tenant apply FILE` sets it"
                .to_owned(),
        );
    }
    if let Some(version) = &rotation.blocked_by {
        return Some(format!(
            "version {version} has the label AWSPENDING and blocks every rotation; `rescue-connector token rotate {id}` \
             names the way out"
        ));
    }
    let lacks = match RenewalLacks::of(file, password, life)? {
        RenewalLacks::Success => format!(
            "it should have been renewed by now; `rescue-connector token rotate {id}` names the reason"
        ),
        RenewalLacks::ServiceAccount => {
            "servicenow.service_account is not set in the tenant file".to_owned()
        }
        RenewalLacks::Password => format!(
            "service-account-password is not set; `rescue-connector secrets set {id} service-account-password`"
        ),
    };
    Some(lacks)
}

fn assess(
    file: TenantFile,
    token: TokenSecret,
    rotation: Rotation,
    tenant_pause: TenantPause,
    password: bool,
    now: Timestamp,
) -> TokenStatus {
    let needed = file.servicenow.grant == Grant::RefreshToken;
    let pause = tenant_pause.pause_at(now);
    let own_client = token.client_id.is_some();
    let grant = file.servicenow.grant;
    let life = TokenLife::of(grant, &token, &tenant_pause, now);
    let obstacle = obstacle(&file, &rotation, password, &life).filter(|_| needed);
    TokenStatus {
        tenant: file.tenant,
        grant,
        state: life.state,
        issued_at: token.issued_at,
        expires_at: life.expires_at,
        days_left: life.days_left(),
        source: token.source,
        own_client,
        client_id: token.client_id.unwrap_or(file.servicenow.client_id),
        renews_itself: needed.then_some(obstacle.is_none()),
        not_renewed_because: obstacle,
        rotation,
        pause: pause.map(|pause| ShownPause {
            reason: pause.reason.as_str(),
            until: pause.until,
        }),
        likely_causes: match life.state {
            TokenState::ReauthorizationNeeded if own_client => LIKELY_CAUSES_OF_OWN_CLIENT,
            TokenState::ReauthorizationNeeded => LIKELY_CAUSES,
            _ => &[],
        },
    }
}

pub(super) fn token_of(json: Map<String, Value>, secret: &str) -> Result<TokenSecret, AdminError> {
    // Why it cannot be read would quote the secret.
    serde_json::from_value(Value::Object(json))
        .map_err(|_| AdminError::MalformedSecret(secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::aws::credentials::Pause;
    use shared::domain::error::ErrorCode;
    use shared::domain::secret::Secret;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-01-01T00:00:00Z").expect("valid")
    }

    fn file(grant: Grant) -> TenantFile {
        let text = include_str!("../../fixtures/acme.toml");
        let mut file = crate::tenant_file::parse(text, false).expect("no fault");
        file.servicenow.grant = grant;
        file
    }

    fn token(days: u64) -> TokenSecret {
        TokenSecret {
            refresh_token: Some(Secret::from("RT")),
            issued_at: Some(now()),
            expires_at: Some(now().plus(DAY * u32::try_from(days).expect("few"))),
            source: Some("hand-over".to_owned()),
            ..TokenSecret::default()
        }
    }

    fn paused(reason: ErrorCode) -> TenantPause {
        TenantPause {
            pause: Some(Pause {
                until: now().plus(DAY),
                reason,
            }),
            ..TenantPause::default()
        }
    }

    #[test]
    fn only_refused_credentials_have_likely_causes() {
        for (reason, expected) in [
            (ErrorCode::ReauthorizationNeeded, true),
            (ErrorCode::ServiceNowThrottled, false),
        ] {
            let status = assess(
                file(Grant::RefreshToken),
                token(100),
                Rotation::default(),
                paused(reason),
                true,
                now(),
            );
            let refused = status.state == TokenState::ReauthorizationNeeded;
            assert_eq!(
                (refused, !status.likely_causes.is_empty()),
                (expected, expected)
            );
        }
    }

    #[test]
    fn a_token_that_nothing_can_renew_says_why() {
        let scheduled = || Rotation {
            enabled: true,
            ..Rotation::default()
        };
        let blocked = Rotation {
            blocked_by: Some("v7".to_owned()),
            ..scheduled()
        };
        let mut named = file(Grant::RefreshToken);
        named.servicenow.service_account = "svc.rescue".to_owned();
        let mut nameless = named.clone();
        nameless.servicenow.service_account = String::new();
        let life_after = |days: u32| {
            let (pause, at) = (TenantPause::default(), now().plus(DAY * days));
            TokenLife::of(Grant::RefreshToken, &token(100), &pause, at)
        };
        assert_eq!(obstacle(&named, &scheduled(), true, &life_after(0)), None);
        let stuck = obstacle(&named, &scheduled(), true, &life_after(80));
        assert!(stuck.is_some_and(|text| text.contains("token rotate acme")));
        for (file, rotation, password, expected) in [
            (&named, Rotation::default(), true, "no rotation schedule"),
            (&named, blocked, true, "version v7"),
            (&nameless, scheduled(), true, "service_account is not set"),
            (
                &named,
                scheduled(),
                false,
                "secrets set acme service-account-password",
            ),
        ] {
            let text = obstacle(file, &rotation, password, &life_after(0)).expect("an obstacle");
            assert!(text.contains(expected), "{expected}: {text}");
        }
        let status = assess(
            file(Grant::Password),
            TokenSecret::default(),
            Rotation::default(),
            TenantPause::default(),
            false,
            now(),
        );
        assert_eq!(
            (status.renews_itself, status.not_renewed_because),
            (None, None)
        );
    }

    #[test]
    fn a_status_has_its_shape_and_no_token() {
        let own = TokenSecret {
            client_id: Some("own".to_owned()),
            client_secret: Some(Secret::from("CS")),
            ..token(100)
        };
        let tenant_pause = paused(ErrorCode::ServiceNowThrottled);
        let rotation = Rotation {
            enabled: true,
            schedule: Some("rate(1 day)".to_owned()),
            last_rotated_at: Some(now()),
            ..Rotation::default()
        };
        let status = assess(
            file(Grant::RefreshToken),
            own,
            rotation,
            tenant_pause,
            true,
            now(),
        );
        assert_eq!(
            serde_json::to_value(&status).expect("JSON"),
            json!({
                "tenant": "acme",
                "grant": "refresh_token",
                "state": "healthy",
                "issued_at": "2026-01-01T00:00:00.000Z",
                "expires_at": "2026-04-11T00:00:00.000Z",
                "days_left": 100,
                "source": "hand-over",
                "client_id": "own",
                "own_client": true,
                "renews_itself": true,
                "rotation": {
                    "enabled": true,
                    "schedule": "rate(1 day)",
                    "last_rotated_at": "2026-01-01T00:00:00.000Z",
                },
                "pause": {"reason": "servicenow-throttled", "until": "2026-01-02T00:00:00.000Z"},
            })
        );
    }
}
