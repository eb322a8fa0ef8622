//! Values as ServiceNow's columns take them (docs/vendors.md#tables-and-columns).

use shared::domain::clock::Timestamp;
use shared::domain::tenant::ColumnKind;
use shared::servicenow::text;

/// The longest duration that is believed: 10 years, in seconds.
const LONGEST: i64 = 10 * 365 * 24 * 3600;

/// A variable's value as a column of that kind takes it; `None` when it is no such value.
pub(crate) fn written(value: &str, kind: ColumnKind) -> Option<String> {
    match kind {
        ColumnKind::Text => Some(text::column_value(value)),
        ColumnKind::Integer => integer(value),
        ColumnKind::Duration => duration(value),
    }
}

/// A whole number.
pub(crate) fn integer(value: &str) -> Option<String> {
    let number: i64 = value.trim().parse().ok()?;
    Some(number.to_string())
}

/// Whole seconds as a duration: a date-time counted from 1970-01-01 00:00:00.
pub(crate) fn duration(seconds: &str) -> Option<String> {
    let seconds: i64 = seconds.trim().parse().ok()?;
    (0..=LONGEST)
        .contains(&seconds)
        .then(|| date_time(Timestamp::from_millis(seconds.saturating_mul(1000))))
}

/// A moment as ServiceNow stores it: UTC, without a zone.
pub(crate) fn date_time(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.get(..19).unwrap_or_default();
    seconds.replacen('T', " ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_duration_as_servicenow_stores_it() {
        for (seconds, stored) in [
            ("0", "1970-01-01 00:00:00"),
            (" 1731 ", "1970-01-01 00:28:51"),
            ("90061", "1970-01-02 01:01:01"),
        ] {
            let written = written(seconds, ColumnKind::Duration);
            assert_eq!(written.as_deref(), Some(stored), "{seconds}");
        }
        for other in ["", "-1", "1.5", "28:51", "99999999999", "javascript:1"] {
            assert_eq!(written(other, ColumnKind::Duration), None, "{other}");
        }
    }

    #[test]
    fn a_whole_number_is_written_without_signs_and_zeros_before_it() {
        for (value, number) in [
            ("0017", "17"),
            ("+5", "5"),
            ("-3", "-3"),
            ("1048576", "1048576"),
        ] {
            let written = written(value, ColumnKind::Integer);
            assert_eq!(written.as_deref(), Some(number), "{value}");
        }
        for other in ["", "1.5", "1 MB", "0x1f"] {
            assert_eq!(written(other, ColumnKind::Integer), None, "{other}");
        }
    }

    #[test]
    fn a_text_is_neutralised() {
        let written = written("javascript:gs.log()", ColumnKind::Text).expect("a text");
        assert!(!written.starts_with("javascript:"), "{written}");
    }
}
