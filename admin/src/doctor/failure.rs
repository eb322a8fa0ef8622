//! What a failed call of the command line means as the result of a check.

use shared::checks::finding::{Finding, sentence};

use crate::error::AdminError;

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

#[cfg(test)]
mod tests {
    use shared::checks::report::Status;

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
}
