//! What an answer of a ServiceNow API proves.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::columns::text;
use super::error::CallError;
use crate::http::{has_too_many_values, transport_reason};
use crate::servicenow::refusal;

/// Why an answer has no result.
pub(super) enum Unsuccessful {
    /// The token was refused.
    Unauthorized {
        /// The answer is a page instead of JSON.
        page: bool,
    },
    Failed(CallError),
}

impl From<CallError> for Unsuccessful {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

/// Reads an answer: a status alone proves nothing (docs/decisions/0002-exactly-once.md). The result stays raw, because an
/// old record shows long values of which few are read.
pub(super) fn read_answer(
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Box<RawValue>, Unsuccessful> {
    #[derive(Deserialize)]
    struct Envelope {
        result: Option<Box<RawValue>>,
        error: Option<ErrorBody>,
    }
    #[derive(Default, Deserialize)]
    struct ErrorBody {
        #[serde(default)]
        message: Value,
        #[serde(default)]
        detail: Value,
    }
    let failed = |error| Err(Unsuccessful::Failed(error));
    let too_many = has_too_many_values(body);
    let envelope = if too_many {
        None
    } else {
        serde_json::from_slice::<Envelope>(body).ok()
    };
    // A page comes from something in front of the instance, which says nothing about the record or the token.
    let page = envelope.is_none() && !body.trim_ascii().is_empty();
    match status.as_u16() {
        200 | 201 => match envelope {
            Some(Envelope {
                result: Some(result),
                error: None,
            }) => Ok(result),
            Some(Envelope { error: Some(_), .. }) => {
                failed(CallError::unknown("an answer that ends in an error"))
            }
            None if too_many => failed(CallError::unknown("the answer has too many values")),
            _ => failed(CallError::unknown(
                "an answer that is not the expected JSON",
            )),
        },
        408 => failed(CallError::unknown("408")),
        401 => Err(Unsuccessful::Unauthorized { page }),
        429 => failed(CallError::Throttled { retry_after }),
        status @ 400..=499 if page => failed(page_instead(status, retry_after)),
        404 => failed(CallError::NotFound),
        503 => failed(CallError::Unavailable {
            reason: "503".to_owned(),
            retry_after,
            timed_out: false,
        }),
        400..=499 => {
            let error = envelope
                .and_then(|envelope| envelope.error)
                .unwrap_or_default();
            let (message, detail) = (text(error.message), text(error.detail));
            failed(CallError::Refused {
                status: status.as_u16(),
                message: refusal::reason(&message, &detail),
            })
        }
        other => failed(CallError::unknown(&other.to_string())),
    }
}

/// A page in the place of ServiceNow's own answer.
pub(super) fn page_instead(status: u16, retry_after: Option<Duration>) -> CallError {
    CallError::Unavailable {
        reason: format!("{status} with a page"),
        retry_after,
        timed_out: false,
    }
}

pub(super) fn transport_error(error: &reqwest::Error) -> CallError {
    let reason = transport_reason(error).to_owned();
    if error.is_connect() || error.is_builder() {
        CallError::Unavailable {
            reason,
            retry_after: None,
            timed_out: false,
        }
    } else {
        CallError::Unknown {
            reason,
            timed_out: error.is_timeout(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<Box<RawValue>, Unsuccessful> {
        read_answer(
            StatusCode::from_u16(status).expect("a status"),
            None,
            body.as_bytes(),
        )
    }

    fn error(status: u16, body: &str) -> CallError {
        match read(status, body) {
            Err(Unsuccessful::Failed(error)) => error,
            Err(Unsuccessful::Unauthorized { .. }) => panic!("unauthorised"),
            Ok(value) => panic!("{value}"),
        }
    }

    #[test]
    fn only_a_result_without_an_error_is_a_success() {
        assert!(read(200, r#"{"result":{"sys_id":"1"}}"#).is_ok());
        for (status, body) in [
            (200, "<html>hibernating</html>"),
            (200, r#"{"result":{"sys_id":"#),
            (
                200,
                r#"{"result":{},"error":{"message":"Transaction cancelled"},"status":"failure"}"#,
            ),
            (202, ""),
            (500, r#"{"error":{"message":"x"}}"#),
            (502, "<html>"),
            (504, ""),
        ] {
            assert!(
                matches!(error(status, body), CallError::Unknown { .. }),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_refusal_keeps_its_reason_and_nothing_else() {
        let refused = |body: &str| match error(403, body) {
            CallError::Refused {
                status: 403,
                message,
            } => message,
            other => panic!("{other:?}"),
        };
        let policy = r#"{"error":{"message":"Operation Failed","detail":"Data Policy Exception: The following fields are mandatory: Business service"},"status":"failure"}"#;
        assert_eq!(
            refused(policy),
            "Data Policy Exception: The following fields are mandatory: Business service"
        );
        for odd in [
            r#"{"error":{"message":"Operation Failed","detail":null}}"#,
            r#"{"error":{"message":"Operation Failed","detail":{"to":"Ana"}}}"#,
            r#"{"error":{"message":"Operation Failed"}}"#,
        ] {
            assert_eq!(refused(odd), "Operation Failed", "{odd}");
        }
        for without in ["{}", r#"{"error":{}}"#, ""] {
            assert_eq!(refused(without), "another message", "{without}");
        }
    }

    #[test]
    fn what_had_no_effect_is_distinguished_from_what_may_have_had_one() {
        assert!(matches!(error(503, ""), CallError::Unavailable { .. }));
        assert!(matches!(
            error(429, ""),
            CallError::Throttled { retry_after: None }
        ));
        assert!(matches!(error(404, "{}"), CallError::NotFound));
        for (body, by_page) in [("", false), ("{}", false), ("<html>Sign in</html>", true)] {
            let refused = read(401, body);
            assert!(
                matches!(refused, Err(Unsuccessful::Unauthorized { page }) if page == by_page),
                "{body}"
            );
        }
        for status in [403, 404] {
            let error = error(status, "<html>Access denied by a gateway</html>");
            assert!(matches!(error, CallError::Unavailable { .. }), "{status}");
        }
        assert!(matches!(error(408, ""), CallError::Unknown { .. }));
    }
}
