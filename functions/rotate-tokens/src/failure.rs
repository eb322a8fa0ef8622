//! Why a step fails, by what can be done about it.

use std::fmt;

use lambda_runtime::Diagnostic;
use shared::aws::secret_store::SecretStoreError;
use shared::aws::storage_error::StorageError;
use shared::token::access::AccessError;
use shared::token::rotation::RotationError;

/// Why ServiceNow refuses a token or a password: it says the same for all of these (docs/vendors.md#token-errors).
pub(crate) const LIKELY_CAUSES: &str = "the refresh token expired or was revoked; the client secret changed; the \
     service account is locked, inactive or has to change its password; the Application Registry record is inactive; the \
     password grant is switched off (glide.oauth.inbound.ropc.grant_type.disabled). \
     Hand over a new token, or set service-account-password or oauth-client-secret";

/// A failed step. Secrets Manager tries the whole rotation again; what is current stays current.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepFailure {
    /// The event is not one of a rotation.
    #[error("{0}")]
    Event(&'static str),
    /// The secret is not in the state in which this step may run.
    #[error("{0}")]
    Guard(&'static str),
    /// ServiceNow refuses the token and the password: a person has to act.
    #[error("reauthorization-needed: {0}")]
    ReauthorizationNeeded(String),
    /// Trying again helps.
    #[error("{0}")]
    Transient(String),
}

/// The text for people: the runtime logs a function's error by its `Debug`.
impl fmt::Debug for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the step failed: {self}")
    }
}

impl StepFailure {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "not-a-rotation",
            Self::Guard(_) => "not-in-rotation",
            Self::ReauthorizationNeeded(_) => "reauthorization-needed",
            Self::Transient(_) => "rotation-postponed",
        }
    }
}

impl From<StepFailure> for Diagnostic {
    fn from(failure: StepFailure) -> Self {
        Self {
            error_type: failure.kind().to_owned(),
            error_message: failure.to_string(),
        }
    }
}

impl From<StorageError> for StepFailure {
    fn from(error: StorageError) -> Self {
        Self::Transient(error.to_string())
    }
}

impl From<SecretStoreError> for StepFailure {
    fn from(error: SecretStoreError) -> Self {
        AccessError::from(error).into()
    }
}

impl From<RotationError> for StepFailure {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::NotInRotation(reason) => Self::Guard(reason),
            RotationError::Access(error) => error.into(),
        }
    }
}

impl From<AccessError> for StepFailure {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::ReauthorizationNeeded(reason) => Self::ReauthorizationNeeded(reason),
            AccessError::Paused(_) | AccessError::Storage(_) | AccessError::Transient { .. } => {
                Self::Transient(error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runtime_logs_of_a_failure_is_a_sentence_and_no_name_of_the_source() {
        let failure = StepFailure::ReauthorizationNeeded("ServiceNow refused".to_owned());
        assert_eq!(
            format!("{failure:?}"),
            "the step failed: reauthorization-needed: ServiceNow refused"
        );
    }
}
