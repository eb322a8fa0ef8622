//! An HTTP answer with what a client hides: status, headers and shape.

use std::time::Duration;

use reqwest::header;
use serde_json::{Map, Value};

use crate::domain::clock::Timestamp;
use crate::servicenow::refusal;

/// An answer with any status.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The status.
    pub status: u16,
    pub(super) headers: header::HeaderMap,
    /// The body, where it is JSON.
    pub json: Option<Value>,
    /// How long it took.
    pub took: Duration,
    /// When it arrived, by this computer's clock.
    pub at: Timestamp,
}

impl Probe {
    /// A header as a text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first row of a list; `None` when there is no row.
    pub(crate) fn first_row(&self) -> Option<&Map<String, Value>> {
        self.rows().first()?.as_object()
    }

    pub(crate) fn rows(&self) -> &[Value] {
        let rows = self.json.as_ref().and_then(|json| json.get("result"));
        rows.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Whether it is a list, possibly empty.
    pub(crate) fn is_list(&self) -> bool {
        let result = self.json.as_ref().and_then(|json| json.get("result"));
        self.status == 200 && result.is_some_and(Value::is_array)
    }

    /// The part of ServiceNow's reason that is configuration.
    pub(crate) fn reason(&self) -> String {
        let text = |name: &str| {
            let text = self.json.as_ref().and_then(|json| json.pointer(name));
            text.and_then(Value::as_str).unwrap_or_default()
        };
        refusal::reason(text("/error/message"), text("/error/detail"))
    }

    /// Whether ServiceNow answered that there is no such table (docs/vendors.md#refusals).
    pub(crate) fn is_invalid_table(&self) -> bool {
        let message = self
            .json
            .as_ref()
            .and_then(|json| json.pointer("/error/message"));
        let text = message.and_then(Value::as_str).unwrap_or_default();
        self.status == 400 && text.starts_with("Invalid table")
    }
}
