//! The names of the secrets that an administrator sets.

use serde::{Deserialize, Serialize};

/// A secret by the name that an administrator uses for it (docs/tenant-file.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretName {
    /// The company-wide single sign-on password of Rescue.
    SsoPassword,
    /// The client secret of the Application Registry record.
    OauthClientSecret,
    /// The service account's password.
    ServiceAccountPassword,
    /// An API token that a Rescue administrator issued.
    RescueApiToken,
    /// The OAuth refresh token.
    RefreshToken,
}

impl SecretName {
    /// Every name.
    pub const ALL: [Self; 5] = [
        Self::SsoPassword,
        Self::OauthClientSecret,
        Self::ServiceAccountPassword,
        Self::RescueApiToken,
        Self::RefreshToken,
    ];

    /// The name as an administrator writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SsoPassword => "sso-password",
            Self::OauthClientSecret => "oauth-client-secret",
            Self::ServiceAccountPassword => "service-account-password",
            Self::RescueApiToken => "rescue-api-token",
            Self::RefreshToken => "refresh-token",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }

    /// Whether a person chose it, so that any character may be in it.
    pub const fn is_password(self) -> bool {
        matches!(self, Self::SsoPassword | Self::ServiceAccountPassword)
    }

    /// The member that holds it in the answers and requests of OAuth (RFC 6749) and in other programs' exports.
    pub const fn member(self) -> &'static str {
        match self {
            Self::SsoPassword | Self::ServiceAccountPassword => "password",
            Self::OauthClientSecret => "client_secret",
            Self::RescueApiToken => "token",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The key under which its secret's JSON holds it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh_token",
            other => other.as_str(),
        }
    }
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
