//! Why a step fails, by what can be done about it.

use std::fmt;

use lambda_runtime::Diagnostic;
use shared::servicenow::access::AccessError;
use shared::tenants::StorageUnavailable;
use shared::vault::VaultError;

/// A failed step. Secrets Manager tries the whole rotation again; what is current stays current.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
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

/// The text for people: the runtime logs what a function fails with by its `Debug`.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the step failed: {self}")
    }
}

impl Failure {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) => "not-a-rotation",
            Self::Guard(_) => "not-in-rotation",
            Self::ReauthorizationNeeded(_) => "reauthorization-needed",
            Self::Transient(_) => "rotation-postponed",
        }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.kind().to_owned(),
            error_message: failure.to_string(),
        }
    }
}

impl From<StorageUnavailable> for Failure {
    fn from(error: StorageUnavailable) -> Self {
        Self::Transient(error.to_string())
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        AccessError::from(error).into()
    }
}

impl From<AccessError> for Failure {
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
        let failure = Failure::ReauthorizationNeeded("ServiceNow refused".to_owned());
        assert_eq!(
            format!("{failure:?}"),
            "the step failed: reauthorization-needed: ServiceNow refused"
        );
    }
}
