//! When a refresh token is renewed, and which log lines and metrics say that it is about to expire.

use std::time::Duration;

use shared::aws::secret_store::TokenSecret;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::tenant::TenantId;
use shared::telemetry;

/// Whether half of its life is over. A token whose life is not known is due.
pub(crate) fn is_due(token: &TokenSecret, now: Timestamp) -> bool {
    match (token.issued_at, token.expires_at) {
        (Some(issued), Some(expires)) => now >= issued.plus(expires.since(issued) / 2),
        _ => true,
    }
}

/// Records how long a token still lives.
pub(crate) fn record(tenant: &TenantId, token: &TokenSecret, now: Timestamp) {
    if let Some(left) = token.left(now) {
        telemetry::refresh_token_days_left(left, tenant);
    }
}

/// How urgent the log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    Warning,
    Error,
    LastDay,
}

fn urgency(left: Duration) -> Option<Urgency> {
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    match left {
        left if left <= days(1) => Some(Urgency::LastDay),
        left if left <= days(7) => Some(Urgency::Error),
        left if left <= days(14) => Some(Urgency::Warning),
        _ => None,
    }
}

/// Logs from 14 days before its end on that nothing renews a token; more urgently from 7 days on and on the last day.
pub(crate) fn warn(tenant: &TenantId, token: &TokenSecret, now: Timestamp) {
    let code = ErrorCode::ReauthorizationNeeded.as_str();
    let Some(expires_at) = token.expires_at else {
        // It may end today: the alarm of the last day is due.
        telemetry::refresh_token_days_left(Duration::ZERO, tenant);
        tracing::error!(%tenant, code,
            "the end of the refresh token is not known, and nothing renews it: {REMEDY}");
        return;
    };
    let left = expires_at.since(now);
    let days_left = left.as_secs() / (24 * 3600);
    match urgency(left) {
        None => {}
        Some(Urgency::Warning) => {
            tracing::warn!(%tenant, days_left, %expires_at,
                "the refresh token expires within 14 days and nothing renews it: {REMEDY}");
        }
        Some(Urgency::Error) => {
            tracing::error!(%tenant, days_left, %expires_at, code,
                "the refresh token expires within 7 days and nothing renews it: {REMEDY}");
        }
        Some(Urgency::LastDay) => {
            tracing::error!(%tenant, days_left, %expires_at, code,
                "the refresh token expires within a day and nothing renews it: {REMEDY}");
        }
    }
}

const REMEDY: &str =
    "hand over a new token, or set service-account-password so that the connector renews it itself";

#[cfg(test)]
mod tests {
    use super::*;

    fn token(lifetime_days: u64) -> TokenSecret {
        let issued = Timestamp::from_millis(0);
        TokenSecret {
            issued_at: Some(issued),
            expires_at: Some(issued.plus(Duration::from_secs(lifetime_days * 24 * 3600))),
            ..TokenSecret::default()
        }
    }

    fn day(days: i64) -> Timestamp {
        Timestamp::from_millis(days * 24 * 3600 * 1000)
    }

    #[test]
    fn a_token_is_due_from_half_of_its_life_on() {
        assert!(!is_due(&token(100), day(49)));
        assert!(is_due(&token(100), day(50)));
        assert!(is_due(&token(100), day(200)));
        assert!(
            is_due(&TokenSecret::default(), day(0)),
            "its life is not known"
        );
    }

    #[test]
    fn a_person_is_warned_at_14_at_7_and_at_1_days() {
        let days = |days: u64| urgency(Duration::from_secs(days * 24 * 3600));
        assert_eq!(days(15), None);
        assert_eq!(days(14), Some(Urgency::Warning));
        assert_eq!(days(8), Some(Urgency::Warning));
        assert_eq!(days(7), Some(Urgency::Error));
        assert_eq!(days(2), Some(Urgency::Error));
        assert_eq!(days(1), Some(Urgency::LastDay));
        assert_eq!(days(0), Some(Urgency::LastDay));
    }
}
