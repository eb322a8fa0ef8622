//! The result of a check, without its id.

use std::time::Duration;

use shared::aws::credentials::Pause;
use shared::domain::clock::Timestamp;
use shared::domain::error::ErrorCode;
use shared::domain::tenant::{Grant, TenantFile};
use shared::token::access::AccessError;

use super::report::{Check, Status};
use crate::error::AdminError;
use crate::plain::one_line;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) status: Status,
    pub(crate) seen: String,
    pub(crate) remedy: Option<String>,
}

impl Finding {
    pub(crate) fn ok(seen: impl Into<String>) -> Self {
        Self {
            status: Status::Ok,
            seen: seen.into(),
            remedy: None,
        }
    }

    pub(crate) fn skipped(seen: impl Into<String>) -> Self {
        Self {
            status: Status::Skipped,
            ..Self::ok(seen)
        }
    }

    pub(crate) fn warning(seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            status: Status::Warning,
            seen: seen.into(),
            remedy: Some(remedy.into()),
        }
    }

    pub(crate) fn failed(seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            status: Status::Failed,
            ..Self::warning(seen, remedy)
        }
    }

    pub(crate) fn unfinished(after: Duration) -> Self {
        Self::failed(
            format!("not finished after {} s", after.as_secs()),
            "A service answers too slowly. Correct what the other checks report, then try again.",
        )
    }

    /// The result of a check that depends on the failed check `other`.
    pub(crate) fn because_of(&self, other: &str) -> Self {
        match self.status {
            Status::Ok | Status::Skipped => self.clone(),
            Status::Warning | Status::Failed => {
                Self::skipped(format!("cannot be checked while {other} fails"))
            }
        }
    }

    /// Removes control characters, which vendors' texts and files may contain.
    pub(crate) fn into_check(self, id: &'static str) -> Check {
        Check {
            id,
            status: self.status,
            seen: one_line(&self.seen),
            remedy: self.remedy.as_deref().map(one_line),
        }
    }

    /// Why there is no access token.
    pub(crate) fn of_access(error: &AccessError, tenant: &TenantFile, now: Timestamp) -> Self {
        match error {
            AccessError::ReauthorizationNeeded(reason) => {
                Self::failed(reason.clone(), reauthorize(tenant))
            }
            AccessError::Paused(pause) => Self::of_pause(pause, tenant, now),
            AccessError::Storage(error) => Self::failed(
                error.to_string(),
                "This passes by itself when AWS answers again. On AccessDenied, your role needs that permission.",
            ),
            AccessError::Transient { reason, .. } => Self::failed(
                reason.clone(),
                "This passes by itself when the instance answers again; see servicenow-reachable, and try again in a \
                 minute.",
            ),
        }
    }

    pub(crate) fn of_pause(pause: &Pause, tenant: &TenantFile, now: Timestamp) -> Self {
        let minutes = pause.until.since(now).as_secs().div_ceil(60);
        let seen = format!(
            "deliveries are paused until {} ({minutes} min): {}",
            pause.until,
            pause.reason.as_str()
        );
        if pause.reason == ErrorCode::ReauthorizationNeeded {
            let remedy = format!(
                "{} Setting a secret ends the pause at once; after a correction in ServiceNow alone, deliveries wait \
                 until it ends.",
                reauthorize(tenant)
            );
            Self::failed(seen, remedy)
        } else {
            Self::warning(
                seen,
                "ServiceNow was too slow or limits the request rate. Nothing is lost: deliveries resume by \
                 themselves. If this happens often, ask the instance's administrator.",
            )
        }
    }
}

/// ServiceNow's token endpoint answers nearly every cause alike (docs/vendors.md#token-errors), so all are named.
fn reauthorize(tenant: &TenantFile) -> String {
    let id = &tenant.tenant;
    let account = match tenant.servicenow.service_account.as_str() {
        "" => "the service account",
        name => name,
    };
    let client = format!(
        "check that the Application Registry record is active and has the client_id of the tenant file, and set its \
         secret again with `rescue-connector secrets set {id} oauth-client-secret`"
    );
    match tenant.servicenow.grant {
        Grant::RefreshToken => format!(
            "ServiceNow does not tell the reason. Hand over a new refresh token from ServiceNow, or `rescue-connector secrets \
             set {id} refresh-token`; if that is refused as well, {client}, and check that {account} is active, not \
             locked out, and need not change its password."
        ),
        Grant::Password => format!(
            "ServiceNow does not tell the reason. Check that {account} is active, not locked out, and need not change its \
             password, and set it again with `rescue-connector secrets set {id} service-account-password`; then \
             {client}."
        ),
        Grant::ClientCredentials => format!(
            "ServiceNow does not tell the reason. Check that the system property \
             glide.oauth.inbound.client.credential.grant_type.enabled is true and the Application Registry record \
             names an OAuth Application User; then {client}."
        ),
    }
}

impl From<AdminError> for Finding {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Aws {
                action,
                resource,
                reason,
                advice,
            } => {
                let seen = format!("{action} on {resource} failed: {reason}");
                Self::failed(seen, sentence(advice.trim_start_matches([';', ' '])))
            }
            other => Self::failed(
                other.to_string(),
                "Apply the tenant file again with `rescue-connector tenant apply FILE`, which creates what is missing.",
            ),
        }
    }
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut rest = clause.chars();
    let first = rest.next().map(char::to_uppercase);
    let mut text: String = first.into_iter().flatten().chain(rest).collect();
    if !text.ends_with(['.', '?']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_the_remedy_of_a_failed_aws_call() {
        let error = AdminError::failed(
            "sqs:GetQueueAttributes",
            "queue Q",
            "AccessDenied".to_owned(),
        );
        let finding = Finding::from(error);
        assert_eq!(finding.status, Status::Failed);
        assert_eq!(
            finding.seen,
            "sqs:GetQueueAttributes on queue Q failed: AccessDenied"
        );
        assert_eq!(
            finding.remedy.as_deref(),
            Some("Your role needs the permission sqs:GetQueueAttributes on queue Q.")
        );
    }

    #[test]
    fn a_name_with_control_characters_is_harmless() {
        let check = Finding::ok("Ana\u{1b}[2J\r\nRuiz\u{202e}").into_check("servicenow-user");
        assert_eq!(check.seen, "Ana [2J  Ruiz ");
        let check = Finding::failed("x", "ask \u{9b}2J").into_check("servicenow-user");
        assert_eq!(check.remedy.as_deref(), Some("ask  2J"));
    }

    #[test]
    fn every_grant_has_its_own_remedy() {
        let text = include_str!("../../fixtures/acme.toml");
        let mut file = crate::tenant_file::parse(text, false).expect("no fault");
        let now = Timestamp::from_millis(0);
        let refused = AccessError::ReauthorizationNeeded("401 server_error".to_owned());
        for (grant, word) in [
            (Grant::RefreshToken, "Hand over a new refresh token"),
            (Grant::Password, "service-account-password"),
            (Grant::ClientCredentials, "OAuth Application User"),
        ] {
            file.servicenow.grant = grant;
            let remedy = Finding::of_access(&refused, &file, now).remedy;
            assert!(remedy.is_some_and(|text| text.contains(word)), "{word}");
        }
    }
}
