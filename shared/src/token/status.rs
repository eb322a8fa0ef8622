//! The state of a tenant's refresh token, in the words that the command line and the status share.

use std::time::Duration;

use serde::Serialize;

use crate::aws::credentials::TenantPause;
use crate::aws::secret_store::TokenSecret;
use crate::domain::clock::Timestamp;
use crate::domain::error::ErrorCode;
use crate::domain::tenant::{Grant, TenantFile};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A token with no more than this left should have been renewed long ago (renewal starts at half of its life).
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// What a person has to know about a tenant's refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenState {
    /// It is not known to be refused, and lives for more than 14 days.
    Healthy,
    /// No token was handed over yet.
    None,
    /// It expires within 14 days.
    ExpiresSoon,
    /// It has expired, or ServiceNow refuses the tenant's credentials: a person has to act.
    ReauthorizationNeeded,
    /// The tenant's grant needs none.
    NotNeeded,
}

impl TokenState {
    /// The word that status, log and ledger share.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::None => "none",
            Self::ExpiresSoon => "expires-soon",
            Self::ReauthorizationNeeded => ErrorCode::ReauthorizationNeeded.as_str(),
            Self::NotNeeded => "not-needed",
        }
    }
}

/// The state of a tenant's refresh token, and how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLife {
    /// The state.
    pub state: TokenState,
    /// When it stops working, where that is known.
    pub expires_at: Option<Timestamp>,
    /// How long until then; zero afterwards.
    pub left: Option<Duration>,
    /// Three quarters of its life are over, although renewal starts at half of it.
    pub is_overdue: bool,
}

impl TokenLife {
    /// Assesses what is stored: the token, and the pause of a tenant whose credentials ServiceNow refuses.
    pub fn of(grant: Grant, token: &TokenSecret, pause: &TenantPause, now: Timestamp) -> Self {
        let needed = grant == Grant::RefreshToken;
        let is_set = token.refresh_token.is_some();
        let left = token.left(now).filter(|_| needed);
        let state = match left {
            _ if needed && !is_set => TokenState::None,
            _ if pause.is_unauthorized_at(now) => TokenState::ReauthorizationNeeded,
            _ if !needed => TokenState::NotNeeded,
            Some(Duration::ZERO) => TokenState::ReauthorizationNeeded,
            Some(left) if left <= SOON => TokenState::ExpiresSoon,
            _ => TokenState::Healthy,
        };
        Self {
            state,
            expires_at: token.expires_at.filter(|_| needed && is_set),
            left,
            is_overdue: left
                .zip(token.issued_at.zip(token.expires_at))
                .is_some_and(|(left, (issued, expires))| left < expires.since(issued) / 4),
        }
    }

    /// Whole days until it expires; 0 afterwards.
    pub fn days_left(&self) -> Option<u64> {
        self.left.map(|left| left.as_secs() / DAY.as_secs())
    }
}

/// Why the connector does not move the end of a refresh token by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalLacks {
    /// A renewal that succeeds: ServiceNow may refuse the password.
    Success,
    /// The setting `servicenow.service_account`.
    ServiceAccount,
    /// The secret `service-account-password`.
    Password,
}

impl RenewalLacks {
    /// `None`: it does.
    pub fn of(file: &TenantFile, password_is_set: bool, life: &TokenLife) -> Option<Self> {
        if file.servicenow.service_account.trim().is_empty() {
            return Some(Self::ServiceAccount);
        }
        if !password_is_set {
            return Some(Self::Password);
        }
        life.is_overdue.then_some(Self::Success)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::credentials::Pause;
    use crate::domain::secret::Secret;

    fn now() -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn token(days: u64) -> TokenSecret {
        TokenSecret {
            refresh_token: Some(Secret::from("RT")),
            expires_at: Some(now().plus(DAY * u32::try_from(days).expect("few"))),
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
    fn the_state_says_first_what_a_person_has_to_do() {
        let (refresh, free) = (Grant::RefreshToken, TenantPause::default());
        let refused = paused(ErrorCode::ReauthorizationNeeded);
        let throttled = paused(ErrorCode::ServiceNowThrottled);
        let none = TokenSecret::default;
        for (grant, token, pause, expected) in [
            (refresh, token(100), free, "healthy"),
            (refresh, token(100), throttled, "healthy"),
            (refresh, token(15), free, "healthy"),
            (refresh, token(14), free, "expires-soon"),
            (refresh, token(0), free, "reauthorization-needed"),
            (refresh, token(100), refused, "reauthorization-needed"),
            (refresh, none(), free, "none"),
            (refresh, none(), refused, "none"),
            (Grant::Password, none(), free, "not-needed"),
            (Grant::Password, none(), refused, "reauthorization-needed"),
            (Grant::ClientCredentials, token(1), free, "not-needed"),
        ] {
            let life = TokenLife::of(grant, &token, &pause, now());
            assert_eq!(
                life.state.as_str(),
                expected,
                "{grant:?} {token:?} {pause:?}"
            );
            let json = serde_json::to_value(life.state).expect("JSON");
            assert_eq!(json, expected, "the word and its JSON are one");
            let lives = grant == refresh && token.refresh_token.is_some();
            assert_eq!(life.days_left().is_some(), lives);
            assert_eq!(life.expires_at.is_some(), lives);
        }
    }

    #[test]
    fn a_token_renews_itself_with_the_service_account_and_its_password() {
        let mut file: TenantFile = serde_json::from_value(serde_json::json!({
            "tenant": "acme",
            "rescue": {"company_id": "112938"},
            "servicenow": {"instance": "https://acme.service-now.com"},
        }))
        .expect("a tenant file");
        let token = TokenSecret {
            issued_at: Some(now()),
            ..token(100)
        };
        let lacks = |file: &TenantFile, password_is_set: bool, days: u32| {
            let at = now().plus(DAY * days);
            let free = TenantPause::default();
            let life = TokenLife::of(Grant::RefreshToken, &token, &free, at);
            RenewalLacks::of(file, password_is_set, &life)
        };
        assert_eq!(lacks(&file, true, 0), Some(RenewalLacks::ServiceAccount));
        file.servicenow.service_account = "svc.rescue".to_owned();
        assert_eq!(lacks(&file, false, 0), Some(RenewalLacks::Password));
        assert_eq!(lacks(&file, true, 75), None);
        assert_eq!(lacks(&file, true, 76), Some(RenewalLacks::Success));
    }
}
