//! What every call to ServiceNow has in common below its API.

use std::time::Duration;

use http::{HeaderMap, header};

use crate::retry::LONGEST_RETRY_AFTER;

/// A transport failure in a few words that hold no URL.
pub(crate) fn transport_reason(error: &reqwest::Error) -> &'static str {
    if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "time-out"
    } else {
        "the connection broke"
    }
}

/// `Retry-After` in seconds, believed up to [`LONGEST_RETRY_AFTER`].
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}
