//! The `Retry-After` header.

use std::time::Duration;

use http::{HeaderMap, header};

use crate::domain::clock::Timestamp;
use crate::retry::LONGEST_RETRY_AFTER;

/// The delay of `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3), [`LONGEST_RETRY_AFTER`] at most. Zero
/// for a date in the past.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let delay = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(value)?.since(now),
    };
    Some(delay.min(LONGEST_RETRY_AFTER))
}

/// Reads a date in any of the three forms of RFC 9110, section 5.6.7: they have the same parts in two orders. The crate
/// for it is too large for the functions' binaries.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut parts = text
        .split([' ', ',', '-'])
        .filter(|part| !part.is_empty())
        .skip(1);
    let mut next = || parts.next();
    let (first, second, third, fourth) = (next()?, next()?, next()?, next()?);
    // Sun Nov 6 08:49:37 1994, or Sun, 06 Nov 1994 08:49:37 GMT, or Sunday, 06-Nov-94 08:49:37 GMT.
    let (day, month, year, time) = if third.contains(':') {
        (second, first, fourth, third)
    } else {
        (first, second, third, fourth)
    };
    let starts_a_month = |at: &usize| month.len() == 3 && at.is_multiple_of(3);
    let month = MONTHS.find(month).filter(starts_a_month)? / 3 + 1;
    let century = if year.len() == 2 { "20" } else { "" };
    Timestamp::parse(&format!("{century}{year}-{month:02}-{day:0>2}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_in_each_of_its_three_forms() {
        let moment = Timestamp::parse("2026-11-06T08:49:37Z");
        for text in [
            "Fri, 06 Nov 2026 08:49:37 GMT",
            "Friday, 06-Nov-26 08:49:37 GMT",
            "Fri Nov  6 08:49:37 2026",
        ] {
            assert_eq!(http_date(text), moment, "{text}");
        }
        for text in [
            "",
            "soon",
            "Fri, 32 Nov 2026 08:49:37 GMT",
            "Fri, 06 anF 2026 08:49:37 GMT",
            "Fri, 06 N 2026 08:49:37 GMT",
            "Fri, 06 Nov 2026 25:49:37 GMT",
            "2026-11-06T08:49:37Z",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }
}
