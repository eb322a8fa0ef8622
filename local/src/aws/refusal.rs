//! A service's refusal of a request.

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The answer of an operation.
pub(super) type AwsResult = Result<Value, AwsRefusal>;

#[derive(Debug)]
pub(super) struct AwsRefusal {
    pub(super) status: StatusCode,
    pub(super) kind: String,
    pub(super) query_code: Option<String>,
    pub(super) message: String,
}

impl AwsRefusal {
    pub(super) fn new(kind: &str, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: kind.to_owned(),
            query_code: None,
            message: message.to_owned(),
        }
    }

    pub(super) const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The code that SQS had before it spoke JSON; its SDKs still look for it.
    pub(super) fn query_code(mut self, code: &str) -> Self {
        self.query_code = Some(code.to_owned());
        self
    }

    /// The same for one entry of a batch.
    pub(super) fn batch_entry(self, id: &str) -> Value {
        json!({
            "Id": id,
            "SenderFault": true,
            "Code": self.query_code.unwrap_or(self.kind),
            "Message": self.message,
        })
    }
}

impl From<std::io::Error> for AwsRefusal {
    fn from(error: std::io::Error) -> Self {
        Self::new("InternalError", &error.to_string()).status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Reads the body of a request.
pub(super) fn read<T: DeserializeOwned>(request: Value) -> Result<T, AwsRefusal> {
    serde_json::from_value(request)
        .map_err(|e| AwsRefusal::new("SerializationException", &e.to_string()))
}
