//! What the failures of tokens, tables and secrets mean for a check.

use super::examination::Examination;
use super::finding::{Finding, sentence};
use super::reader::Reader;
use crate::aws::credentials::Pause;
use crate::aws::sdk::{FailedCall, advice};
use crate::aws::secret_store::SecretStoreError;
use crate::aws::storage_error::StorageError;
use crate::domain::error::ErrorCode;
use crate::domain::secret_name::SecretName;
use crate::domain::tenant::{Grant, TenantFile};
use crate::token::access::AccessError;

impl Examination {
    /// Why there is no access token.
    pub fn of_access(&self, error: &AccessError) -> Finding {
        match error {
            AccessError::ReauthorizationNeeded(reason) => {
                Finding::failed(reason.clone(), reauthorize(self.file(), self.reader))
            }
            AccessError::Paused(pause) => self.of_pause(pause),
            AccessError::Storage(error) => self.of_storage(error),
            AccessError::Transient { reason, .. } => Finding::failed(
                reason.clone(),
                "This passes by itself when the instance answers again; see servicenow-reachable, and try again in a \
                 minute.",
            ),
        }
    }

    /// The tenant's deliveries wait as a whole.
    pub(super) fn of_pause(&self, pause: &Pause) -> Finding {
        let minutes = pause.until.since(self.now()).as_secs().div_ceil(60);
        let seen = format!(
            "deliveries are paused until {} ({minutes} min): {}",
            pause.until,
            pause.reason.as_str()
        );
        if pause.reason == ErrorCode::ReauthorizationNeeded {
            let remedy = format!(
                "{} Setting a secret ends the pause at once. After a correction in ServiceNow alone, make the checks again \
                 a minute later: they end the pause once ServiceNow grants a token.",
                reauthorize(self.file(), self.reader)
            );
            Finding::failed(seen, remedy)
        } else {
            Finding::warning(
                seen,
                "ServiceNow was too slow or limits the request rate. Nothing is lost: deliveries resume by \
                 themselves. If this happens often, ask the instance's administrator.",
            )
        }
    }

    /// A table of the connector cannot be used.
    pub fn of_storage(&self, error: &StorageError) -> Finding {
        match error {
            StorageError::Call(call) => self.of_call(call),
            StorageError::Other(reason) => Finding::failed(reason.clone(), PASSES),
        }
    }

    /// A secret of the tenant cannot be used.
    pub(super) fn of_secret(&self, error: &SecretStoreError) -> Finding {
        match error {
            SecretStoreError::Unavailable(call) if call.reason != WAITS_FOR_ITS_DELETION => {
                self.of_call(call)
            }
            SecretStoreError::Unavailable(_)
            | SecretStoreError::Missing(_)
            | SecretStoreError::Malformed(_) => Finding::failed(
                self.reader.choose(
                    error.to_string(),
                    "the place for the tenant's secrets is missing or damaged",
                ),
                self.reader.choose(
                    "Apply the tenant file again with `rescue-connector tenant apply FILE`, which creates what is \
                     missing.",
                    "Ask the operator of the connector to repair the tenant's secrets.",
                ),
            ),
        }
    }

    fn of_call(&self, call: &FailedCall) -> Finding {
        let (action, resource, reason) = (call.action(), &call.resource, &call.reason);
        match self.reader {
            Reader::Operator => Finding::failed(
                format!("{action} on {resource} failed: {reason}"),
                sentence(&advice(&action, resource, reason)),
            ),
            Reader::Administrator { .. } => Finding::failed(
                format!("the connector cannot use its own storage: {reason}"),
                PASSES,
            ),
        }
    }
}

/// What an administrator can do about a failure of the connector's own storage.
const PASSES: &str = "This passes by itself when AWS answers again. If it fails again in a minute, tell the operator of the \
                      connector.";

/// Secrets Manager's answer about a secret that waits for its deletion.
const WAITS_FOR_ITS_DELETION: &str = "InvalidRequestException";

/// ServiceNow's token endpoint answers nearly every cause alike (docs/vendors.md#token-errors), so all are named.
fn reauthorize(tenant: &TenantFile, reader: Reader) -> String {
    let (id, settings) = (&tenant.tenant, &tenant.servicenow);
    let account = match settings.service_account.as_str() {
        "" => "the service account",
        name => name,
    };
    let client = format!(
        "check that the Application Registry record is active and has the client_id of the {}, and set its secret \
         again {}",
        reader.choose("tenant file", "connector's settings"),
        reader.by_setting(id, SecretName::OauthClientSecret)
    );
    match settings.grant {
        Grant::RefreshToken => format!(
            "ServiceNow does not tell the reason. {}; if that is refused as well, {client}, and check that \
             {account} is active, not locked out, and need not change its password.",
            reader.choose(
                format!(
                    "Hand over a new refresh token from ServiceNow, or `rescue-connector secrets set {id} \
                     refresh-token`"
                ),
                "Hand over a new refresh token with the token set-up"
            )
        ),
        Grant::Password => format!(
            "ServiceNow does not tell the reason. Check that {account} is active, not locked out, and need not \
             change its password, and set it again {}; then {client}.",
            reader.by_setting(id, SecretName::ServiceAccountPassword)
        ),
        Grant::ClientCredentials => format!(
            "ServiceNow does not tell the reason. Check that the system property \
             glide.oauth.inbound.client.credential.grant_type.enabled is true and the Application Registry record \
             names an OAuth Application User; then {client}."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::tenants::ManagedBy;

    #[test]
    fn every_grant_and_every_reader_has_a_remedy_of_its_own() {
        let mut file: TenantFile = serde_json::from_value(serde_json::json!({
            "tenant": "acme",
            "rescue": {"company_id": "112938"},
            "servicenow": {"instance": "https://acme.service-now.com"},
        }))
        .expect("a tenant file");
        for (grant, word) in [
            (Grant::RefreshToken, "Hand over a new refresh token"),
            (Grant::Password, "service-account-password"),
            (Grant::ClientCredentials, "OAuth Application User"),
        ] {
            file.servicenow.grant = grant;
            for managed_by in [ManagedBy::File, ManagedBy::ServiceNow] {
                let administrator = reauthorize(&file, Reader::Administrator { managed_by });
                assert!(administrator.contains(word), "{administrator}");
                assert!(!administrator.contains('`'), "{administrator}");
            }
            let operator = reauthorize(&file, Reader::Operator);
            assert!(operator.contains(word), "{operator}");
            assert!(operator.contains("`rescue-connector secrets set acme oauth-client-secret`"));
        }
    }
}
