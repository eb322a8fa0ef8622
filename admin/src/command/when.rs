//! The values of `--since`. Days begin in UTC, as all times of the command line.

use std::time::Duration;

use shared::domain::clock::Timestamp;

use shared::settings::duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The accepted forms, for help and messages.
pub(super) const FORMS: &str = "\"2 hours ago\", \"7 days\", today, yesterday, 2026-11-20, \"20 Nov\", \"20 Nov 2026\", or \
                                2026-11-20T09:00:00Z";

const MONTHS: &str =
    "january february march april may june july august september october november december";

/// A moment, possibly relative to the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Ago(Duration),
    /// The beginning of the day, this many days before today.
    DaysBefore(u32),
    /// The beginning of the latest such day that is not in the future.
    Day {
        day: u8,
        month: u8,
    },
    At(Timestamp),
}

impl When {
    /// Reads one of [`FORMS`], in any letter case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        match text.as_str() {
            "now" => return Some(Self::Ago(Duration::ZERO)),
            "today" => return Some(Self::DaysBefore(0)),
            "yesterday" => return Some(Self::DaysBefore(1)),
            _ => {}
        }
        let ago = text.strip_suffix("ago").unwrap_or(&text).trim();
        if let Some(span) = duration(ago) {
            return Some(Self::Ago(span.duration()));
        }
        let date_time = text.to_uppercase();
        Timestamp::parse(&date_time)
            // The form in tables.
            .or_else(|| {
                let minute = date_time.strip_suffix('Z')?;
                Timestamp::parse(&format!("{minute}:00Z"))
            })
            .or_else(|| Timestamp::parse(&format!("{date_time}T00:00:00Z")))
            .map(Self::At)
            .or_else(|| Self::named(&text))
    }

    /// `20 nov`, `20 november 2026`, `nov 20`, `nov 20, 2026`.
    fn named(text: &str) -> Option<Self> {
        let text = text.replace([',', '.'], " ");
        let words: Vec<&str> = text.split_whitespace().collect();
        let (first, second, year) = match words.as_slice() {
            [first, second] => (first, second, None),
            [first, second, year] => (first, second, Some(*year)),
            _ => return None,
        };
        let month = |word: &str| {
            let is_named = |name: &str| word == name || name.get(..3) == Some(word);
            let place = MONTHS.split(' ').position(is_named)?;
            u8::try_from(place + 1).ok()
        };
        let (day, month) = match month(second) {
            Some(month) => (first, month),
            None => (second, month(first)?),
        };
        let day: u8 = day.parse().ok()?;
        match year {
            Some(year) if year.len() == 4 => {
                beginning(year.parse().ok()?, month, day).map(Self::At)
            }
            Some(_) => None,
            // A leap year has every day that any year has.
            None => beginning(2024, month, day).map(|_| Self::Day { day, month }),
        }
    }

    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => now.minus(span),
            Self::At(moment) => moment,
            Self::DaysBefore(days) => day_of(now).minus(DAY * days),
            Self::Day { day, month } => {
                let year: i32 = year_of(now);
                // The 29th of February may be eight years ago.
                let years = (year - 8..=year).rev();
                years
                    .filter_map(|year| beginning(year, month, day))
                    .find(|moment| *moment <= now)
                    .unwrap_or(now)
            }
        }
    }
}

fn beginning(year: i32, month: u8, day: u8) -> Option<Timestamp> {
    Timestamp::parse(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z"))
}

fn day_of(now: Timestamp) -> Timestamp {
    let text = now.to_string();
    let date = text.split('T').next().unwrap_or_default();
    Timestamp::parse(&format!("{date}T00:00:00Z")).unwrap_or(now)
}

fn year_of(now: Timestamp) -> i32 {
    let text = now.to_string();
    let year = text.split('-').next().and_then(|year| year.parse().ok());
    year.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form() {
        let now = Timestamp::parse("2026-11-27T16:15:00Z").expect("valid");
        for (text, moment) in [
            ("2 hours", "2026-11-27T14:15:00.000Z"),
            ("2 hours ago", "2026-11-27T14:15:00.000Z"),
            ("90m", "2026-11-27T14:45:00.000Z"),
            ("7 days", "2026-11-20T16:15:00.000Z"),
            ("today", "2026-11-27T00:00:00.000Z"),
            ("Yesterday", "2026-11-26T00:00:00.000Z"),
            ("2026-11-20", "2026-11-20T00:00:00.000Z"),
            ("20 Nov", "2026-11-20T00:00:00.000Z"),
            ("Nov 20", "2026-11-20T00:00:00.000Z"),
            ("20 Dec", "2025-12-20T00:00:00.000Z"),
            ("29 feb", "2024-02-29T00:00:00.000Z"),
            ("20 November 2025", "2025-11-20T00:00:00.000Z"),
            ("Nov 20, 2025", "2025-11-20T00:00:00.000Z"),
            ("1 may", "2026-05-01T00:00:00.000Z"),
            ("2026-11-20T09:00:00+01:00", "2026-11-20T08:00:00.000Z"),
            ("2026-11-20T09:00Z", "2026-11-20T09:00:00.000Z"),
            ("2026-11-20t09:00:00z", "2026-11-20T09:00:00.000Z"),
        ] {
            let when = When::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(when.before(now).to_string(), moment, "{text}");
        }
    }

    #[test]
    fn an_invalid_day_is_refused() {
        for text in [
            "",
            "ago",
            "soon",
            "31 Feb",
            "2026-02-30",
            "20",
            "20 Novo",
            "20 Nov 26",
            "11/20/2026",
        ] {
            assert_eq!(When::parse(text), None, "{text}");
        }
    }
}
