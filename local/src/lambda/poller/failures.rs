//! Which messages of a batch a function reports as failed.

use std::collections::HashSet;

use serde_json::Value;

/// Why a response makes the whole batch fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BatchResponseError {
    #[error("the response is not the JSON of a batch response")]
    InvalidJson,
    #[error("an item has no itemIdentifier")]
    NoIdentifier,
    #[error("an itemIdentifier names no message of the batch")]
    UnknownIdentifier,
}

/// The ids that a `ReportBatchItemFailures` response names, read as Lambda reads it (docs/vendors.md#sqs-fifo).
pub(super) fn failures(
    response: &[u8],
    ids: &[&str],
) -> Result<HashSet<String>, BatchResponseError> {
    if response.trim_ascii().is_empty() {
        return Ok(HashSet::new());
    }
    let response = serde_json::from_slice(response);
    let response: Value = response.map_err(|_| BatchResponseError::InvalidJson)?;
    let items = match &response {
        Value::Null => return Ok(HashSet::new()),
        Value::Object(response) => match response.get("batchItemFailures") {
            None | Some(Value::Null) => return Ok(HashSet::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(BatchResponseError::InvalidJson),
        },
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(BatchResponseError::InvalidJson);
        }
    };
    let failed = items.iter().map(|item| {
        let id = item.get("itemIdentifier").and_then(Value::as_str);
        match id.filter(|id| !id.is_empty()) {
            None => Err(BatchResponseError::NoIdentifier),
            Some(id) if ids.contains(&id) => Ok(id.to_owned()),
            Some(_) => Err(BatchResponseError::UnknownIdentifier),
        }
    });
    failed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_messages_failed() {
        for (response, expected) in [
            ("", None),
            ("null", None),
            ("{}", None),
            (r#"{"batchItemFailures":null}"#, None),
            (r#"{"batchItemFailures":[]}"#, None),
            (r#"{"other":1}"#, None),
            (
                r#"{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"2"}]}"#,
                Some("2"),
            ),
        ] {
            let failed = failures(response.as_bytes(), &["1", "2"]);
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(failed, Ok(expected), "{response}");
        }
    }

    #[test]
    fn a_response_that_misreports_is_complete_failure() {
        let cases: [(_, &[&str]); 3] = [
            (
                BatchResponseError::InvalidJson,
                &["<html>", "\"done\"", "[]", r#"{"batchItemFailures":{}}"#],
            ),
            (
                BatchResponseError::NoIdentifier,
                &[
                    r#"{"batchItemFailures":[null]}"#,
                    r#"{"batchItemFailures":["1"]}"#,
                    r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
                    r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
                    r#"{"batchItemFailures":[{"itemIdentifier":"1"},{"messageId":"2"}]}"#,
                ],
            ),
            (
                BatchResponseError::UnknownIdentifier,
                &[r#"{"batchItemFailures":[{"itemIdentifier":"3"}]}"#],
            ),
        ];
        for (reason, responses) in cases {
            for response in responses {
                let failed = failures(response.as_bytes(), &["1", "2"]);
                assert_eq!(failed, Err(reason), "{response}");
            }
        }
    }
}
