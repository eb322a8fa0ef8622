//! What every call to ServiceNow has in common below its API.

use std::time::Duration;

use http::{HeaderMap, header};

pub(crate) use crate::http::transport_reason;
use crate::retry::LONGEST_RETRY_AFTER;

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
