//! The refusals that more than one operation of Secrets Manager makes.

use crate::aws::refusal::AwsRefusal;

pub(super) fn no_such_secret() -> AwsRefusal {
    AwsRefusal::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )
}

pub(super) fn no_such_value(what: &str, which: &str) -> AwsRefusal {
    AwsRefusal::new(
        "ResourceNotFoundException",
        &format!("Secrets Manager can't find the specified secret value for {what}: {which}"),
    )
}

pub(super) fn invalid_request(message: &str) -> AwsRefusal {
    AwsRefusal::new("InvalidRequestException", message)
}

pub(super) fn invalid_parameter(message: &str) -> AwsRefusal {
    AwsRefusal::new("InvalidParameterException", message)
}
