//! A column: what it holds, what is stored of a value that is written, and how a form shows it
//! (docs/vendors.md#values-of-columns).

use serde::{Deserialize, Serialize};
use time::format_description::BorrowedFormatItem;
use time::macros::{datetime, format_description};
use time::{Duration, PrimitiveDateTime};

/// Date-times in their internal form, always UTC.
const INTERNAL: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
/// Durations are counted from here on.
const START: PrimitiveDateTime = datetime!(1970-01-01 00:00:00);

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::servicenow) enum Kind {
    Text,
    /// The `sys_id` of a record of this table.
    Reference(String),
    Journal,
    /// `glide_date_time`
    DateTime,
    /// `glide_duration` and `timer`
    Duration,
    Integer,
    Boolean,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub(in crate::servicenow) name: String,
    pub(in crate::servicenow) kind: Kind,
    /// Longer texts are cut.
    max: Option<usize>,
    pub(in crate::servicenow) unique: bool,
}

impl Column {
    fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            max: None,
            unique: false,
        }
    }

    /// A text of any length.
    pub fn text(name: &str) -> Self {
        Self::new(name, Kind::Text)
    }

    /// A text that is cut after so many characters.
    pub fn sized(name: &str, max: usize) -> Self {
        Self {
            max: Some(max),
            ..Self::text(name)
        }
    }

    /// A journal field, such as work notes.
    pub fn journal(name: &str) -> Self {
        Self::new(name, Kind::Journal)
    }

    /// A reference to a record of a table.
    pub fn reference(name: &str, table: &str) -> Self {
        Self::new(name, Kind::Reference(table.to_owned()))
    }

    /// A date with a time.
    pub fn date_time(name: &str) -> Self {
        Self::new(name, Kind::DateTime)
    }

    /// A duration, or a timer such as `time_worked`.
    pub fn duration(name: &str) -> Self {
        Self::new(name, Kind::Duration)
    }

    /// A whole number.
    pub fn integer(name: &str) -> Self {
        Self::new(name, Kind::Integer)
    }

    /// True or false; false unless a record's creator says otherwise.
    pub fn boolean(name: &str) -> Self {
        Self::new(name, Kind::Boolean)
    }

    /// The same with a unique index: no two records have the same value, any letter case. Many may have none.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// What is stored of a value that is written; `None` where the column keeps what it has.
    pub(in crate::servicenow) fn stored(&self, value: &str) -> Option<String> {
        let as_it_is = |is_valid: bool| (value.is_empty() || is_valid).then(|| value.to_owned());
        match &self.kind {
            Kind::Text | Kind::Journal => Some(match self.max {
                Some(max) => value.chars().take(max).collect(),
                None => value.to_owned(),
            }),
            Kind::Reference(_) => {
                let hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
                as_it_is(value.len() == 32 && hex)
            }
            Kind::DateTime => as_it_is(parsed(value).is_some()),
            Kind::Duration => as_it_is(seconds(value).is_some()),
            Kind::Integer => as_it_is(value.parse::<i64>().is_ok()),
            Kind::Boolean => match value {
                "true" | "1" => Some("true".to_owned()),
                "false" | "0" | "" => Some("false".to_owned()),
                _ => None,
            },
        }
    }

    /// How a form shows a stored value that is neither a reference nor a choice: of a duration every unit, because a form
    /// has a field for each.
    pub(in crate::servicenow) fn on_a_form(&self, stored: &str, zone_hours: i8) -> String {
        match (&self.kind, seconds(stored)) {
            (Kind::Duration, Some(all)) if all >= 60 && all % 60 > 0 => {
                format!("{} {}", in_words(all - all % 60), in_words(all % 60))
            }
            _ => self.shown(stored, zone_hours),
        }
    }

    /// The display value of a stored value that is neither a reference nor a choice, for a user whose zone is so many hours
    /// ahead of UTC.
    pub(in crate::servicenow) fn shown(&self, stored: &str, zone_hours: i8) -> String {
        match self.kind {
            Kind::DateTime => in_zone(stored, zone_hours).unwrap_or_default(),
            Kind::Duration => seconds(stored).map(in_words).unwrap_or_default(),
            Kind::Integer => with_separators(stored),
            _ => stored.to_owned(),
        }
    }
}

/// A text column of any length.
impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::text(name)
    }
}

fn parsed(value: &str) -> Option<PrimitiveDateTime> {
    PrimitiveDateTime::parse(value, INTERNAL).ok()
}

/// A stored duration's whole seconds.
fn seconds(value: &str) -> Option<u64> {
    let duration = parsed(value)? - START;
    u64::try_from(duration.whole_seconds()).ok()
}

fn in_zone(stored: &str, hours: i8) -> Option<String> {
    let local = parsed(stored)?.checked_add(Duration::hours(hours.into()))?;
    local.format(INTERNAL).ok()
}

/// `1 Day 4 Hours 23 Minutes`: seconds stand only where there is nothing larger.
fn in_words(seconds: u64) -> String {
    let units = [
        ("Day", seconds / 86_400),
        ("Hour", seconds / 3_600 % 24),
        ("Minute", seconds / 60 % 60),
    ];
    let word = |unit: &str, count: u64| match count {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    };
    let words = units.into_iter().filter(|(_, count)| *count > 0);
    let words: Vec<_> = words.map(|(unit, count)| word(unit, count)).collect();
    if words.is_empty() {
        return word("Second", seconds);
    }
    words.join(" ")
}

/// `102,197`
fn with_separators(number: &str) -> String {
    let (sign, digits) = number
        .strip_prefix('-')
        .map_or(("", number), |digits| ("-", digits));
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    format!("{sign}{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_date_time_and_shown_in_words_without_seconds_beside_larger_units() {
        let column = Column::duration("work_time");
        for (stored, shown) in [
            ("1970-01-02 04:23:17", "1 Day 4 Hours 23 Minutes"),
            ("1970-01-01 08:00:00", "8 Hours"),
            ("1970-01-01 00:28:51", "28 Minutes"),
            ("1970-01-04 01:01:00", "3 Days 1 Hour 1 Minute"),
            ("1970-02-01 00:00:01", "31 Days"),
            ("1970-01-01 00:00:51", "51 Seconds"),
            ("1970-01-01 00:00:01", "1 Second"),
            ("1970-01-01 00:00:00", "0 Seconds"),
            ("", ""),
        ] {
            assert_eq!(column.stored(stored).as_deref(), Some(stored));
            assert_eq!(column.shown(stored, 0), shown);
        }
        let of_a_form = column.on_a_form("1970-01-01 00:28:51", 0);
        assert_eq!(of_a_form, "28 Minutes 51 Seconds");
        for wrong in [
            "1731",
            "28:51",
            "00:28:51",
            "0 00:28:51",
            "1969-12-31 23:59:59",
            "1970-01-01T00:28:51",
            "1970-01-01 00:28:51.5",
        ] {
            assert_eq!(column.stored(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_time_is_stored_in_its_internal_form_only() {
        let column = Column::date_time("started_at");
        for right in ["2025-05-14 10:02:11", "2024-02-29 00:00:00", ""] {
            assert_eq!(column.stored(right).as_deref(), Some(right));
            assert_eq!(column.shown(right, 0), right);
        }
        let shown = column.shown("2025-05-14 02:02:11", -7);
        assert_eq!(shown, "2025-05-13 19:02:11", "in the zone of the user");
        for wrong in [
            "2025-05-14",
            "2025-05-14T10:02:11Z",
            "2025-02-29 00:00:00",
            "2025-05-14 24:00:00",
            "5/14/2025 10:02 AM",
            "1747216931",
        ] {
            assert_eq!(column.stored(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_truths_and_references_are_stored_when_they_are_such() {
        let stored = |column: Column, value: &str| column.stored(value);
        for (value, expected) in [("123456", Some("123456")), ("-5", Some("-5"))] {
            let number = stored(Column::integer("transmitted"), value);
            assert_eq!(number.as_deref(), expected);
        }
        for wrong in ["12 KB", "1.5", "new"] {
            assert_eq!(stored(Column::integer("transmitted"), wrong), None);
        }
        for (value, expected) in [
            ("1", Some("true")),
            ("true", Some("true")),
            ("0", Some("false")),
            ("", Some("false")),
            ("yes", None),
        ] {
            let truth = stored(Column::boolean("pin"), value);
            assert_eq!(truth.as_deref(), expected, "{value}");
        }
        let sys_id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
        for (value, expected) in [(sys_id, Some(sys_id)), ("", Some("")), ("Ana Ruiz", None)] {
            let reference = stored(Column::reference("technician", "sys_user"), value);
            assert_eq!(reference.as_deref(), expected);
        }
    }

    #[test]
    fn a_number_is_shown_with_separators() {
        let column = Column::integer("transmitted");
        for (stored, shown) in [
            ("102197", "102,197"),
            ("1234567", "1,234,567"),
            ("-5", "-5"),
            ("-1000", "-1,000"),
            ("100", "100"),
            ("", ""),
        ] {
            assert_eq!(column.shown(stored, 0), shown);
        }
    }

    #[test]
    fn a_text_is_cut_by_characters() {
        assert_eq!(
            Column::sized("note", 2).stored("äöü").as_deref(),
            Some("äö")
        );
        assert_eq!(Column::from("note").stored("äöü").as_deref(), Some("äöü"));
    }
}
