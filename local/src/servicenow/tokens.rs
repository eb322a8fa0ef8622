//! Tokens, the registries that issue them, and how many grants there were.

use serde::{Deserialize, Serialize};
use shared::domain::clock::Timestamp;

/// An Application Registry record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registry {
    pub(super) client_secret: String,
    /// The user name of the OAuth Application User, which the client-credentials grant acts as.
    pub(super) application_user: Option<String>,
    pub(super) access_token_seconds: u64,
    pub(super) refresh_token_seconds: u64,
}

impl Registry {
    pub(super) fn new(client_secret: &str) -> Self {
        Self {
            client_secret: client_secret.to_owned(),
            application_user: None,
            access_token_seconds: 1_800,
            refresh_token_seconds: 8_640_000,
        }
    }
}

/// An access token that was issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AccessToken {
    pub(super) token: String,
    pub(super) client_id: String,
    pub(super) user: String,
    pub(super) expires_at: Timestamp,
    pub(super) revoked: bool,
}

/// A refresh token that was issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RefreshToken {
    pub(super) token: String,
    pub(super) client_id: String,
    pub(super) user: String,
    pub(super) expires_at: Timestamp,
    pub(super) revoked: bool,
}

/// How many grants the token endpoint has given and refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Grants of type `password`.
    pub password: usize,
    /// Grants of type `refresh_token`.
    pub refresh_token: usize,
    /// Grants of type `client_credentials`.
    pub client_credentials: usize,
    /// Refused requests of every type.
    pub refused: usize,
}
