//! The token endpoint (docs/vendors.md#token-endpoint).

use std::time::Duration;

use serde_json::json;
use shared::domain::clock::Timestamp;

use super::state::{InstanceState, Principal, RefreshAnswer, new_sys_id};
use super::tokens::{AccessToken, RefreshToken, Registry};
use crate::simulator::{RecordedRequest, SimulatorResponse};

/// The token endpoint's path.
pub(super) const TOKEN_PATH: &str = "/oauth_token.do";

enum Denial {
    Client,
    Grant,
    Unsupported,
}

/// `POST /oauth_token.do`
pub(super) fn token(
    state: &mut InstanceState,
    request: &RecordedRequest,
    now: Timestamp,
) -> SimulatorResponse {
    if request.method != "POST" {
        return SimulatorResponse::html(405, "Method Not Allowed");
    }
    let form = request.form();
    for (name, _) in &request.query {
        if ["client_secret", "password", "refresh_token"].contains(&name.as_str()) {
            let violation = format!("{name} was sent in the URL of the token endpoint");
            state.violations.push(violation);
        }
    }
    if !request.is_of_type("application/x-www-form-urlencoded") {
        state.grants.refused += 1;
        let body =
            json!({"error_description": "Content-Type must be a form", "error": "invalid_request"});
        return SimulatorResponse::json(400, &body);
    }
    let field = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    match grant(state, &field, now) {
        Ok(body) => SimulatorResponse::json(200, &body).with_header("cache-control", "no-store"),
        Err(denial) => {
            state.grants.refused += 1;
            denied(&denial, state.rules.rfc_errors)
        }
    }
}

/// A refusal without a reason.
pub(super) fn access_denied() -> SimulatorResponse {
    denied(&Denial::Grant, false)
}

/// The same body for nearly every cause; some releases are said to distinguish them.
fn denied(denial: &Denial, rfc_errors: bool) -> SimulatorResponse {
    let (status, error) = match denial {
        _ if !rfc_errors => (401, "server_error"),
        Denial::Client => (401, "invalid_client"),
        Denial::Grant => (401, "invalid_grant"),
        Denial::Unsupported => (400, "unsupported_grant_type"),
    };
    SimulatorResponse::json(
        status,
        &json!({"error_description": "access_denied", "error": error}),
    )
}

fn grant<'a>(
    state: &mut InstanceState,
    field: &impl Fn(&str) -> &'a str,
    now: Timestamp,
) -> Result<serde_json::Value, Denial> {
    let client_id = field("client_id");
    let registry = state.registries.get(client_id).cloned();
    let registry = registry.ok_or(Denial::Client)?;
    if registry.client_secret != field("client_secret") {
        return Err(Denial::Client);
    }
    match field("grant_type") {
        "password" if state.rules.password_grant_enabled => {
            let user = state.active_user(field("username")).ok_or(Denial::Grant)?;
            // `active_user` also finds an e-mail; a sign-in needs the user name.
            let account = state.accounts.get(&user.sys_id);
            let password = account.and_then(|account| account.password.as_deref());
            if user.user_name != field("username") || password != Some(field("password")) {
                return Err(Denial::Grant);
            }
            state.grants.password += 1;
            let access = current_access_token(state, client_id, &registry, &user, now);
            let refresh = issue_refresh_token(state, client_id, &user.user_name, now)
                .ok_or(Denial::Client)?;
            Ok(granted(state, &access, Some(&refresh), now))
        }
        "refresh_token" => {
            let refresh = state
                .refresh_tokens
                .iter()
                .find(|known| {
                    known.token == field("refresh_token")
                        && known.client_id == client_id
                        && !known.revoked
                        && known.expires_at > now
                })
                .cloned()
                .ok_or(Denial::Grant)?;
            let user = state.active_user(&refresh.user).ok_or(Denial::Grant)?;
            state.grants.refresh_token += 1;
            let access = new_access_token(state, client_id, &registry, &user.user_name, now);
            let returned = match state.rules.refresh_answer {
                RefreshAnswer::Same => Some(refresh.token),
                RefreshAnswer::Absent => None,
                RefreshAnswer::Replaced => {
                    revoke(state, &refresh.token);
                    let replacement = RefreshToken {
                        token: new_token(state),
                        ..refresh
                    };
                    state.refresh_tokens.push(replacement.clone());
                    Some(replacement.token)
                }
            };
            Ok(granted(state, &access, returned.as_deref(), now))
        }
        "client_credentials" if state.rules.client_credentials_enabled => {
            let name = registry.application_user.as_deref().ok_or(Denial::Client)?;
            let user = state.active_user(name).ok_or(Denial::Client)?;
            state.grants.client_credentials += 1;
            let access = current_access_token(state, client_id, &registry, &user, now);
            Ok(granted(state, &access, None, now))
        }
        _ => Err(Denial::Unsupported),
    }
}

fn granted(
    state: &InstanceState,
    access: &AccessToken,
    refresh: Option<&str>,
    now: Timestamp,
) -> serde_json::Value {
    let left = access.expires_at.since(now).as_secs();
    let left = left.saturating_sub(1).max(1);
    let mut body = json!({
        "access_token": access.token,
        "scope": "useraccount",
        "token_type": "Bearer",
        "expires_in": state.rules.claimed_expires_in.unwrap_or(left),
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.into();
    }
    body
}

/// The access token that is valid already, or a new one.
fn current_access_token(
    state: &mut InstanceState,
    client_id: &str,
    registry: &Registry,
    user: &Principal,
    now: Timestamp,
) -> AccessToken {
    let current = state.access_tokens.iter().rev().find(|known| {
        known.client_id == client_id
            && known.user == user.user_name
            && !known.revoked
            && known.expires_at > now
    });
    match current.cloned() {
        Some(current) => current,
        None => new_access_token(state, client_id, registry, &user.user_name, now),
    }
}

fn new_access_token(
    state: &mut InstanceState,
    client_id: &str,
    registry: &Registry,
    user_name: &str,
    now: Timestamp,
) -> AccessToken {
    let token = AccessToken {
        token: new_token(state),
        client_id: client_id.to_owned(),
        user: user_name.to_owned(),
        expires_at: now.plus(Duration::from_secs(registry.access_token_seconds)),
        revoked: false,
    };
    state.access_tokens.push(token.clone());
    token
}

/// The current refresh token with its expiry pushed forward, or a new one; `None` without such a registry.
pub(super) fn issue_refresh_token(
    state: &mut InstanceState,
    client_id: &str,
    user_name: &str,
    now: Timestamp,
) -> Option<String> {
    let lifetime = Duration::from_secs(state.registries.get(client_id)?.refresh_token_seconds);
    let expires_at = now.plus(lifetime);
    let current = state.refresh_tokens.iter_mut().rev().find(|known| {
        known.client_id == client_id
            && known.user == user_name
            && !known.revoked
            && known.expires_at > now
    });
    if let Some(current) = current {
        current.expires_at = expires_at;
        return Some(current.token.clone());
    }
    let token = new_token(state);
    state.refresh_tokens.push(RefreshToken {
        token: token.clone(),
        client_id: client_id.to_owned(),
        user: user_name.to_owned(),
        expires_at,
        revoked: false,
    });
    Some(token)
}

/// An access token for a user, as if just granted; `None` without such a registry.
pub(super) fn issue_access_token(
    state: &mut InstanceState,
    client_id: &str,
    user_name: &str,
    now: Timestamp,
) -> Option<String> {
    let registry = state.registries.get(client_id).cloned()?;
    Some(new_access_token(state, client_id, &registry, user_name, now).token)
}

/// 86 opaque characters, or a JWT of about 3 KB.
fn new_token(state: &InstanceState) -> String {
    let mut random = String::new();
    let wanted = if state.rules.jwt_tokens { 3_000 } else { 86 };
    while random.len() < wanted {
        random.push_str(&new_sys_id());
    }
    random.truncate(wanted);
    if state.rules.jwt_tokens {
        let (claims, signature) = random.split_at(2_600);
        return format!("eyJhbGciOiJSUzI1NiJ9.{claims}.{signature}");
    }
    random
}

/// Revokes a token of either kind; unknown ones are ignored.
pub(super) fn revoke(state: &mut InstanceState, token: &str) {
    for known in &mut state.access_tokens {
        known.revoked |= known.token == token;
    }
    for known in &mut state.refresh_tokens {
        known.revoked |= known.token == token;
    }
}

/// The revocation endpoint, which needs no authentication.
pub(super) fn revocation(
    state: &mut InstanceState,
    request: &RecordedRequest,
) -> SimulatorResponse {
    let mut fields = request.form().into_iter().chain(request.query.clone());
    match fields.find(|(name, _)| name == "token") {
        Some((_, token)) => {
            revoke(state, &token);
            SimulatorResponse::html(200, "Token revoked")
        }
        None => SimulatorResponse::html(400, "No token"),
    }
}

/// The user of an `Authorization` header.
pub(super) fn authenticate(
    state: &InstanceState,
    authorization: Option<&str>,
    now: Timestamp,
) -> Option<Principal> {
    let (scheme, token) = authorization?.split_once(' ')?;
    let known = state
        .access_tokens
        .iter()
        .find(|known| known.token == token)?;
    (scheme.eq_ignore_ascii_case("bearer") && !known.revoked && known.expires_at > now)
        .then(|| state.active_user(&known.user))
        .flatten()
}
