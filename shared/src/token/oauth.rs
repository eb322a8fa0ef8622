//! ServiceNow's token endpoint (docs/vendors.md#token-endpoint).

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::domain::clock::Clock;
use crate::domain::instance::Instance;
use crate::domain::secret::Secret;
use crate::http::{LONGEST_TOKEN_ANSWER, body};
use crate::http::{retry_after, transport_reason};
use crate::retry::LONGEST_LIFETIME;

/// A request for a token.
#[derive(Clone, Debug)]
pub enum GrantRequest {
    /// `grant_type=refresh_token`
    RefreshToken(Secret),
    /// `grant_type=password`
    Password {
        /// The service account's `user_name`.
        username: String,
        /// The secret `service-account-password`.
        password: Secret,
    },
    /// `grant_type=client_credentials`
    ClientCredentials,
}

/// The client that requests it.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// The Application Registry record's client id.
    pub id: String,
    /// The secret `oauth-client-secret`, or the one that came with a handed-over token.
    pub secret: Secret,
}

/// No token is longer, in bytes; a JWT has several kilobytes.
pub const LONGEST_TOKEN: usize = 16 * 1024;

/// What the endpoint granted.
#[derive(Clone, Debug, Deserialize)]
pub struct Granted {
    /// Opaque or a JWT of several KB; never empty.
    pub access_token: Secret,
    /// Absent, or the same as before; another one is not known to come (docs/vendors.md#token-lifetimes). Never empty.
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// Seconds, [`LONGEST_LIFETIME`] at most.
    #[serde(default, deserialize_with = "seconds")]
    pub expires_in: Option<u64>,
}

impl Granted {
    /// Reads an answer; `None` unless it holds an access token that a header can carry, and no refresh token or one
    /// that a form can bring back.
    fn read(body: &[u8]) -> Option<Self> {
        let mut granted: Self = serde_json::from_slice(body).ok()?;
        granted.refresh_token = granted
            .refresh_token
            .filter(|token| !token.expose().is_empty());
        let usable =
            is_token(&granted.access_token) && granted.refresh_token.as_ref().is_none_or(is_token);
        usable.then_some(granted)
    }
}

/// RFC 6749, appendices A.12 and A.17: one or more visible ASCII characters; here without blanks, which no header with
/// a bearer token may hold (RFC 6750, section 2.1).
fn is_token(token: &Secret) -> bool {
    let token = token.expose();
    (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Why no token came, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// A 4xx that is no page: ServiceNow says `401 server_error` for nearly every cause, so a person has to look (docs/vendors.md#token-errors).
    #[error("ServiceNow's token endpoint refused: {status} {error}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The OAuth error code it named.
        error: String,
    },
    /// Network, 5xx, 429, an HTML page: trying again helps.
    #[error("ServiceNow's token endpoint: {reason}")]
    Transient {
        /// What happened.
        reason: String,
        /// The delay in `Retry-After`.
        retry_after: Option<Duration>,
    },
}

/// Requests a token, once.
///
/// # Errors
/// As [`GrantError`] says.
pub async fn request(
    http: &reqwest::Client,
    instance: &Instance,
    client: &ClientIdentity,
    grant: &GrantRequest,
    (clock, timeout): (&Clock, Duration),
) -> Result<Granted, GrantError> {
    let transient = |reason: &str| GrantError::Transient {
        reason: reason.to_owned(),
        retry_after: None,
    };
    let mut form = vec![
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.expose()),
    ];
    match grant {
        GrantRequest::RefreshToken(token) => {
            form.extend([
                ("grant_type", "refresh_token"),
                ("refresh_token", token.expose()),
            ]);
        }
        GrantRequest::Password { username, password } => {
            form.extend([
                ("grant_type", "password"),
                ("username", username),
                ("password", password.expose()),
            ]);
        }
        GrantRequest::ClientCredentials => form.push(("grant_type", "client_credentials")),
    }
    let url = instance
        .base()
        .join("oauth_token.do")
        .map_err(|_| transient("the instance's URL is odd"))?;
    let answer = http
        .post(url)
        .header(http::header::ACCEPT, "application/json")
        .form(&form)
        .timeout(timeout)
        .send()
        .await
        .map_err(|error| transient(transport_reason(&error)))?;
    let (status, retry_after) = (answer.status(), retry_after(answer.headers(), clock.now()));
    let body = body(answer, LONGEST_TOKEN_ANSWER)
        .await
        .map_err(|error| transient(&error.to_string()))?;
    match status {
        StatusCode::OK => {
            Granted::read(&body).ok_or_else(|| transient("an answer that holds no token"))
        }
        StatusCode::TOO_MANY_REQUESTS => Err(GrantError::Transient {
            reason: "429".to_owned(),
            retry_after,
        }),
        // A page instead of JSON comes from something in front of the endpoint.
        status if status.is_client_error() && !body.trim_ascii_start().starts_with(b"<") => {
            Err(GrantError::Refused {
                status: status.as_u16(),
                error: error_code(&body),
            })
        }
        status => Err(GrantError::Transient {
            reason: status.as_str().to_owned(),
            retry_after,
        }),
    }
}

/// The OAuth error code of a body, if it looks like one: nothing else of a vendor's body goes into an error.
fn error_code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        error: String,
    }
    let code = serde_json::from_slice::<Body>(body)
        .map(|body| body.error)
        .unwrap_or_default();
    let plausible = code.len() <= 40 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if plausible { code } else { String::new() }
}

/// A number of seconds, sent as a number or as a string, and believed up to [`LONGEST_LIFETIME`].
fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let seconds: Option<u64> = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_u64(),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    Ok(seconds.map(|seconds| seconds.min(LONGEST_LIFETIME.as_secs())))
}
