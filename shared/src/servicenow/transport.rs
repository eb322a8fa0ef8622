//! What every call to ServiceNow has in common below its API.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, header};

pub(crate) use crate::http::transport_reason;

use crate::clock::Timestamp;
use crate::retry::LONGEST_RETRY_AFTER;

/// `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3), believed up to [`LONGEST_RETRY_AFTER`]. A date that
/// has passed asks for no delay.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let delay = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then = httpdate::parse_http_date(value).ok()?;
            let since_epoch = then.duration_since(UNIX_EPOCH).ok()?;
            Timestamp::from_millis(0).plus(since_epoch).since(now)
        }
    };
    Some(delay.min(LONGEST_RETRY_AFTER))
}
