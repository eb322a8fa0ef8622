//! An HTTP answer with what a client hides: status, headers and shape.

use std::time::Duration;

use aws_smithy_types::date_time::Format;
use reqwest::header;
use serde_json::{Map, Value};
use shared::domain::clock::Timestamp;
use shared::servicenow::refusal;

/// An answer with any status.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) status: u16,
    pub(super) headers: header::HeaderMap,
    pub(crate) json: Option<Value>,
    pub(crate) took: Duration,
    /// When it arrived, by this computer's clock.
    pub(crate) at: Timestamp,
}

impl Probe {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The sender's time.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        self.header("date").and_then(http_date)
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

/// The time of a `Date` header.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let date = aws_smithy_types::DateTime::from_str(text.trim(), Format::HttpDate).ok()?;
    date.to_millis().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_header_is_read_to_the_second() {
        let at = http_date("Thu, 01 Jan 2026 00:00:01 GMT");
        assert_eq!(at, Timestamp::parse("2026-01-01T00:00:01Z"));
        assert_eq!(http_date("yesterday"), None);
    }
}
