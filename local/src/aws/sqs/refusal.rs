//! The refusals that more than one operation of SQS makes.

use crate::aws::refusal::AwsRefusal;

pub(super) fn refuse(kind: &str, query_code: &str, message: &str) -> AwsRefusal {
    AwsRefusal::new(kind, message).query_code(query_code)
}

/// A refusal with the same code in both protocols.
pub(super) fn plain(code: &str, message: &str) -> AwsRefusal {
    refuse(code, code, message)
}

/// A refusal whose code in the older protocol has SQS's prefix.
pub(super) fn prefixed(code: &str, message: &str) -> AwsRefusal {
    refuse(code, &format!("AWS.SimpleQueueService.{code}"), message)
}

pub(super) fn no_such_queue() -> AwsRefusal {
    refuse(
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
    )
}

pub(super) fn missing(parameter: &str) -> AwsRefusal {
    refuse(
        "MissingRequiredParameterException",
        "MissingParameter",
        &format!("The request must contain the parameter {parameter}."),
    )
}

pub(super) fn invalid_parameter(message: &str) -> AwsRefusal {
    refuse(
        "InvalidParameterValueException",
        "InvalidParameterValue",
        message,
    )
}

pub(super) fn invalid_value(name: &str, value: &str, reason: &str) -> AwsRefusal {
    invalid_parameter(&format!(
        "Value {value} for parameter {name} is invalid. Reason: {reason}"
    ))
}

pub(super) fn unknown_attribute(name: &str) -> AwsRefusal {
    plain(
        "InvalidAttributeName",
        &format!("Unknown Attribute {name}."),
    )
}

pub(super) fn check_range(
    name: &str,
    value: Option<i64>,
    least: u64,
    most: u64,
) -> Result<(), AwsRefusal> {
    match value {
        Some(n) if !u64::try_from(n).is_ok_and(|n| (least..=most).contains(&n)) => {
            Err(invalid_value(
                name,
                &n.to_string(),
                &format!("Must be between {least} and {most}, if provided."),
            ))
        }
        _ => Ok(()),
    }
}
