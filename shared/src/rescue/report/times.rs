//! Dates and durations as reports write them (docs/vendors.md#session-report).

use time::{Date, Month, OffsetDateTime};

use super::Period;
use crate::domain::clock::Timestamp;

/// A moment as setReportDate_v2 takes it: `5/14/2025 8:02:11`, UTC.
pub(super) fn us_date(at: Timestamp) -> String {
    let moment = utc(at);
    format!(
        "{}/{}/{} {}:{:02}:{:02}",
        u8::from(moment.month()),
        moment.day(),
        moment.year(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )
}

/// A moment for people: `2025-05-14 08:02:11 UTC`.
pub(super) fn shown(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.get(..19).unwrap_or_default();
    format!("{} UTC", seconds.replacen('T', " ", 1))
}

/// Reads a moment as a report's fields hold it, `2025-05-14 08:02:11 UTC`; `None` for one that the report wrote otherwise.
pub fn moment(text: &str) -> Option<Timestamp> {
    let moment = text.strip_suffix(" UTC")?;
    Timestamp::parse(&format!("{}Z", moment.replacen(' ', "T", 1)))
}

fn utc(at: Timestamp) -> OffsetDateTime {
    let moment = OffsetDateTime::from_unix_timestamp(at.as_secs());
    moment.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What comes first in a date such as `5/14/2025`. It is a setting of the Rescue user, and no method is known to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateOrder {
    MonthFirst,
    DayFirst,
}

impl DateOrder {
    /// The order in which a report's dates are written. A number above 12 decides it. Otherwise it is the one that puts more
    /// sessions inside the dates that were asked for, and the month first where both put as many.
    pub(super) fn of(dates: &[WrittenDate], asked: Period) -> Self {
        let mut undecided = dates.iter().filter(|date| !date.year_first);
        let day_first = undecided.any(|date| date.first > 12);
        let mut undecided = dates.iter().filter(|date| !date.year_first);
        let month_first = undecided.any(|date| date.second > 12);
        match (month_first, day_first) {
            (true, _) => Self::MonthFirst,
            (false, true) => Self::DayFirst,
            (false, false) => {
                let inside = |order| {
                    let moments = dates.iter().filter_map(move |date| date.moment(order));
                    moments.filter(|at| asked.contains(*at)).count()
                };
                if inside(Self::DayFirst) > inside(Self::MonthFirst) {
                    Self::DayFirst
                } else {
                    Self::MonthFirst
                }
            }
        }
    }
}

/// A date and time of day whose day and month are not yet told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrittenDate {
    year: i32,
    /// The month of a date that begins with the year; month or day of another one.
    first: u8,
    second: u8,
    /// ISO 8601: year, month, day.
    year_first: bool,
    /// Since midnight.
    millis: i64,
    /// Minutes east of UTC; zero where the text names no zone, because reports are asked for in UTC.
    offset: i64,
}

impl WrittenDate {
    /// Reads `2/16/2012 9:00 AM`, with seconds, in 24 hours, with other separators, and ISO 8601.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut rest = Scanner(text.trim());
        let (first, digits) = rest.number()?;
        let separator = rest.one_of(&['/', '-', '.'])?;
        let (second, _) = rest.number()?;
        rest.one_of(&[separator])?;
        let (third, third_digits) = rest.number()?;
        let year_first = digits == 4;
        let (year, first, second) = if year_first {
            (first, second, third)
        } else {
            let year = match third_digits {
                2 => third + 2000,
                4 => third,
                _ => return None,
            };
            (year, first, second)
        };
        if !rest.skip(|c| c == 'T' || c == ',' || c.is_whitespace()) {
            return None;
        }
        let millis = rest.time_of_day()?;
        rest.skip(char::is_whitespace);
        let offset = rest.zone()?;
        Some(Self {
            year: i32::try_from(year).ok()?,
            first: u8::try_from(first).ok()?,
            second: u8::try_from(second).ok()?,
            year_first,
            millis,
            offset,
        })
    }

    /// The moment; `None` for a date that does not exist.
    pub(super) fn moment(&self, order: DateOrder) -> Option<Timestamp> {
        let (month, day) = match order {
            DateOrder::DayFirst if !self.year_first => (self.second, self.first),
            _ => (self.first, self.second),
        };
        let month = Month::try_from(month).ok()?;
        let date = Date::from_calendar_date(self.year, month, day).ok()?;
        let midnight = date.midnight().assume_utc().unix_timestamp();
        let millis = midnight * 1000 + self.millis - self.offset * 60_000;
        Some(Timestamp::from_millis(millis))
    }
}

/// The seconds of a duration: `1731`, `0:28:51` or `1.00:28:51` with days; `None` for another text.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let mut rest = Scanner(text.trim());
    let (first, _) = rest.number()?;
    let first = u64::from(first);
    if rest.0.is_empty() {
        return Some(first);
    }
    let (days, hours) = if rest.one_of(&['.']).is_some() {
        (first, u64::from(rest.number()?.0))
    } else {
        (0, first)
    };
    rest.one_of(&[':'])?;
    let minutes = rest.two_digits()?;
    rest.one_of(&[':'])?;
    let seconds = rest.two_digits()?;
    rest.fraction()?;
    if !rest.0.is_empty() || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(days * 86_400 + hours * 3600 + u64::from(minutes * 60 + seconds))
}

/// The text that is still to be read.
struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    /// A number of nine digits at most, and how many it has.
    fn number(&mut self) -> Option<(u32, usize)> {
        let end = self.0.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        if digits.len() > 9 {
            return None;
        }
        let number = digits.parse().ok()?;
        self.0 = rest;
        Some((number, digits.len()))
    }

    fn two_digits(&mut self) -> Option<u32> {
        self.number()
            .and_then(|(number, digits)| (digits == 2).then_some(number))
    }

    fn one_of(&mut self, wanted: &[char]) -> Option<char> {
        let c = self.0.chars().next().filter(|c| wanted.contains(c))?;
        self.0 = self.0.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    /// Whether there was something to skip.
    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let before = self.0.len();
        self.0 = self.0.trim_start_matches(wanted);
        self.0.len() < before
    }

    /// A word in any letter case.
    fn word(&mut self, word: &str) -> bool {
        let Some(start) = self.0.get(..word.len()) else {
            return false;
        };
        let found = start.eq_ignore_ascii_case(word);
        if found {
            self.0 = self.0.get(word.len()..).unwrap_or_default();
        }
        found
    }

    /// The milliseconds of a fraction of a second; zero where there is none.
    fn fraction(&mut self) -> Option<i64> {
        if self.one_of(&['.', ',']).is_none() {
            return Some(0);
        }
        let (fraction, digits) = self.number()?;
        let digits = u32::try_from(digits).ok()?;
        i64::try_from(u64::from(fraction) * 1000 / 10_u64.pow(digits)).ok()
    }

    /// Milliseconds since midnight.
    fn time_of_day(&mut self) -> Option<i64> {
        let (hour, digits) = self.number()?;
        self.one_of(&[':'])?;
        let minute = self.two_digits()?;
        let (second, millis) = if self.one_of(&[':']).is_some() {
            (self.two_digits()?, self.fraction()?)
        } else {
            (0, 0)
        };
        self.skip(char::is_whitespace);
        let is_am = self.word("AM") || self.word("a.m.");
        let is_pm = !is_am && (self.word("PM") || self.word("p.m."));
        let hour = match (hour, is_am || is_pm) {
            (1..=12, true) => hour % 12 + if is_pm { 12 } else { 0 },
            (0..=23, false) => hour,
            _ => return None,
        };
        if digits > 2 || minute > 59 || second > 59 {
            return None;
        }
        Some(i64::from(hour * 3600 + minute * 60 + second) * 1000 + millis)
    }

    /// Minutes east of UTC at the end of the text; zero where nothing is left.
    fn zone(&mut self) -> Option<i64> {
        let utc = self.0.is_empty() || self.word("Z") || self.word("UTC") || self.word("GMT");
        if utc && self.0.is_empty() {
            return Some(0);
        }
        let sign = match self.one_of(&['+', '-'])? {
            '-' => -1,
            _ => 1,
        };
        let (number, digits) = self.number()?;
        let minutes = match digits {
            1 | 2 if self.one_of(&[':']).is_some() => number * 60 + self.two_digits()?,
            1 | 2 => number * 60,
            4 => number / 100 * 60 + number % 100,
            _ => return None,
        };
        (self.0.is_empty() && minutes <= 14 * 60).then(|| sign * i64::from(minutes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const EVER: Period = Period {
        from: Timestamp::from_millis(i64::MIN),
        to: Timestamp::from_millis(i64::MAX),
    };

    fn read(text: &str, order: DateOrder) -> Option<String> {
        let moment = WrittenDate::read(text)?.moment(order)?;
        Some(moment.to_string())
    }

    #[test]
    fn a_date_is_read_in_each_of_its_forms() {
        for text in [
            "5/14/2025 10:02:11 AM",
            " 05/14/2025  10:02:11 am ",
            "5/14/2025 10:02:11",
            "5/14/25 10:02:11",
            "5/14/2025, 10:02:11\u{202f}AM",
            "5-14-2025 10:02:11 a.m.",
            "5/14/2025 10:02:11.007 AM",
            "2025-05-14T10:02:11Z",
            "2025-05-14 10:02:11",
            "2025-05-14T10:02:11.000+00:00",
            "2025-05-14T12:02:11+02:00",
            "2025-05-14T05:02:11-0500",
            "2025/5/14 10:02:11 UTC",
        ] {
            let moment = read(text, DateOrder::MonthFirst).expect(text);
            assert_eq!(moment.get(..19), Some("2025-05-14T10:02:11"), "{text}");
        }
        for (text, moment) in [
            ("2/16/2012 9:00 AM", "2012-02-16T09:00:00.000Z"),
            ("2/16/2012 9:00 PM", "2012-02-16T21:00:00.000Z"),
            ("2/16/2012 12:00 AM", "2012-02-16T00:00:00.000Z"),
            ("2/16/2012 12:30 PM", "2012-02-16T12:30:00.000Z"),
            ("2/29/2012 0:00", "2012-02-29T00:00:00.000Z"),
        ] {
            let read = read(text, DateOrder::MonthFirst);
            assert_eq!(read.as_deref(), Some(moment), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_with_a_time_is_not_read() {
        for text in [
            "",
            "-",
            "0",
            "5/14/2025",
            "14/5/2025 10:02",
            "2/29/2025 10:02",
            "5/14/2025 24:00",
            "5/14/2025 13:00 PM",
            "5/14/2025 0:00 AM",
            "5/14/2025 10:60",
            "5/14/2025 10:2",
            "5/14/2025 10:02 x",
            "5/14/202 10:02",
            "5/14-2025 10:02",
            "2025-05-14T10:02:11+25:00",
            "99999999999/1/2025 10:02",
            "٥/١٤/2025 10:02",
        ] {
            assert_eq!(read(text, DateOrder::MonthFirst), None, "{text}");
        }
    }

    fn order(texts: &[&str], asked: Period) -> DateOrder {
        let dates = texts.iter().map(|text| WrittenDate::read(text));
        let dates: Vec<_> = dates.map(|date| date.expect("a date")).collect();
        DateOrder::of(&dates, asked)
    }

    #[test]
    fn a_number_above_12_tells_the_day_from_the_month() {
        let month_first = ["5/6/2025 1:00", "5/14/2025 1:00"];
        assert_eq!(order(&month_first, EVER), DateOrder::MonthFirst);
        let day_first = ["5/6/2025 1:00", "14/5/2025 1:00"];
        assert_eq!(order(&day_first, EVER), DateOrder::DayFirst);
        assert_eq!(order(&["2025-05-14 1:00"], EVER), DateOrder::MonthFirst);
        assert_eq!(order(&[], EVER), DateOrder::MonthFirst);
    }

    #[test]
    fn where_no_number_does_the_dates_that_were_asked_for_decide() {
        let may = Period {
            from: Timestamp::parse("2025-05-05T00:00:00Z").expect("a moment"),
            to: Timestamp::parse("2025-05-08T00:00:00Z").expect("a moment"),
        };
        assert_eq!(order(&["5/6/2025 1:00"], may), DateOrder::MonthFirst);
        let day_first = ["6/5/2025 1:00", "7/5/2025 1:00"];
        assert_eq!(order(&day_first, may), DateOrder::DayFirst);
        let neither = ["7/9/2025 1:00", "8/9/2025 1:00"];
        assert_eq!(order(&neither, may), DateOrder::MonthFirst);
        // Around a day that has the number of its month, and beside a session that ended outside.
        let around = [
            "4/5/2025 1:00",
            "5/5/2025 1:00",
            "6/5/2025 1:00",
            "1/1/2025 1:00",
        ];
        assert_eq!(order(&around, may), DateOrder::DayFirst);
    }

    #[test]
    fn a_duration_is_seconds_whatever_its_form() {
        for (text, expected) in [
            ("17", 17),
            (" 0 ", 0),
            ("0:28:51", 1731),
            ("00:00:17", 17),
            ("26:00:00", 93_600),
            ("1.02:00:00", 93_600),
            ("0:00:17.5", 17),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "-1", "1.5", "28:51", "1:60:00", "0:0:1", "17 s", "n/a"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_sent_in_us_style_and_24_hours_and_shown_so_that_it_reads_back() {
        let at = Timestamp::from_millis(1_747_216_931_007);
        assert_eq!(us_date(at), "5/14/2025 10:02:11");
        assert_eq!(shown(at), "2025-05-14 10:02:11 UTC");
        let whole = Timestamp::from_millis(1_747_216_931_000);
        assert_eq!(moment(&shown(at)), Some(whole));
        for other in [
            "",
            "14/5/2025 10:02",
            "2025-05-14 10:02:11",
            "2025-05-32 10:02:11 UTC",
        ] {
            assert_eq!(moment(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String, order in any::<bool>()) {
            let order = if order { DateOrder::MonthFirst } else { DateOrder::DayFirst };
            let _ = read(&text, order);
            let _ = seconds(&text);
        }

        #[test]
        fn what_looks_like_a_date_does_not_panic(text in "[0-9]{1,5}[/.-][0-9]{1,5}[/.-][0-9]{1,5}[T ][0-9]{1,3}:[0-9]{1,3}(:[0-9]{1,3})?([.,][0-9]{0,12})?( ?[AP]M)?(Z|[+-][0-9:]{1,6})?") {
            let _ = read(&text, DateOrder::MonthFirst);
            let _ = read(&text, DateOrder::DayFirst);
        }

        #[test]
        fn a_date_that_is_sent_reads_back(seconds in 0_i64..4_000_000_000) {
            let moment = Timestamp::from_millis(seconds * 1000);
            let date = WrittenDate::read(&us_date(moment));
            prop_assert!(date.is_some());
            prop_assert_eq!(date.and_then(|date| date.moment(DateOrder::MonthFirst)), Some(moment));
        }
    }
}
