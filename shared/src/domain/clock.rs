//! Time as an argument: the wall clock, which tests may shift, and the deadline of an invocation.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment, in milliseconds since the Unix epoch.
///
/// Displayed and serialised as RFC 3339 in UTC with three decimals, so that texts sort by time. A moment outside the years
/// 0 to 9999 has the text of the nearest moment inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Milliseconds since the Unix epoch. RFC 3339 has no earlier year.
const START_OF_YEAR_0: i64 = -62_167_219_200_000;

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, the unit of a DynamoDB time to live.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The moment `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero when it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads an RFC 3339 date-time; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000_000)
            .ok()
            .map(Self)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = time::Duration::milliseconds(self.0.max(START_OF_YEAR_0));
        let moment = OffsetDateTime::UNIX_EPOCH.saturating_add(millis);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second(),
            moment.millisecond()
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 date-time"))
    }
}

/// The clock of a process. Clones share its offset.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Milliseconds that are added to the machine's clock or, of a manual clock, to the Unix epoch.
    millis: Arc<AtomicI64>,
    runs: bool,
}

impl Clock {
    /// The machine's wall clock, `offset_seconds` in the future (`CLOCK_OFFSET_SECONDS`, zero in production).
    pub fn system(offset_seconds: i64) -> Self {
        Self {
            millis: Arc::new(AtomicI64::new(offset_seconds.saturating_mul(1000))),
            runs: true,
        }
    }

    /// A clock that only [`Clock::advance`] moves. For tests.
    pub fn manual(start: Timestamp) -> Self {
        Self {
            millis: Arc::new(AtomicI64::new(start.as_millis())),
            runs: false,
        }
    }

    /// The machine's time plus the offset of [`Clock::system`]; the time of a manual clock.
    pub fn now(&self) -> Timestamp {
        let millis = self.millis.load(Ordering::Relaxed);
        let machine = if self.runs { system_millis() } else { 0 };
        Timestamp(machine.saturating_add(millis))
    }

    /// Advances the clock and every clone. For tests and the local stack.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.millis.fetch_add(by, Ordering::Relaxed);
    }

    /// Whole seconds by which this clock is ahead of the machine's.
    pub fn offset_seconds(&self) -> i64 {
        let millis = self.millis.load(Ordering::Relaxed);
        let machine = if self.runs { 0 } else { system_millis() };
        millis.saturating_sub(machine).div_euclid(1000)
    }

    /// The deadline of an invocation on this clock.
    ///
    /// `deadline_millis` comes from the Lambda runtime, on the machine's clock, and is shifted as this clock is. A deadline
    /// further away than [`LONGEST_INVOCATION`] comes from a runtime whose own clock is shifted, and is returned as it is.
    pub fn deadline(&self, deadline_millis: u64) -> Timestamp {
        let sent = Timestamp(i64::try_from(deadline_millis).unwrap_or(i64::MAX));
        if !self.runs {
            return sent;
        }
        let left = sent.0.saturating_sub(system_millis());
        if u128::try_from(left).is_ok_and(|left| left > LONGEST_INVOCATION.as_millis()) {
            return sent;
        }
        Timestamp(sent.0.saturating_add(self.millis.load(Ordering::Relaxed)))
    }
}

/// AWS Lambda's longest time-out.
pub const LONGEST_INVOCATION: Duration = Duration::from_secs(900);

fn system_millis() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|d| i64::try_from(d.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_back_what_it_prints() {
        let moment = Timestamp::from_millis(1_747_216_931_007);
        assert_eq!(moment.to_string(), "2025-05-14T10:02:11.007Z");
        assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
    }

    #[test]
    fn every_moment_has_a_text_that_reads_back_and_sorts() {
        let texts = [i64::MIN, START_OF_YEAR_0, 0, 253_402_300_799_999, i64::MAX]
            .map(|millis| Timestamp::from_millis(millis).to_string());
        assert_eq!(texts[0], "0000-01-01T00:00:00.000Z");
        assert_eq!(texts[4], "9999-12-31T23:59:59.999Z");
        assert!(texts.is_sorted());
        for text in &texts {
            assert_eq!(
                Timestamp::parse(text).map(|at| at.to_string()).as_ref(),
                Some(text)
            );
        }
        let far = Timestamp::from_millis(0).plus(Duration::from_secs(999_999_999_999));
        let json = serde_json::to_string(&far).expect("a text");
        assert_eq!(json, "\"9999-12-31T23:59:59.999Z\"");
    }

    #[test]
    fn a_deadline_from_a_runtime_in_the_present_moves_with_the_shifted_clock() {
        for shift in [-3_600, 0, 60, 299, 86_400] {
            let clock = Clock::system(shift);
            let real_deadline = u64::try_from(system_millis() + 300_000).expect("after 1970");
            let left = clock.deadline(real_deadline).since(clock.now());
            assert!(
                left > Duration::from_secs(290) && left <= Duration::from_secs(300),
                "{left:?} with a clock that is {shift} s ahead"
            );
        }
    }

    #[test]
    fn a_deadline_from_a_shifted_runtime_is_taken_as_it_is() {
        let clock = Clock::system(86_400);
        let shifted = u64::try_from(clock.now().as_millis() + 300_000).expect("after 1970");
        assert_eq!(
            clock.deadline(shifted).as_millis(),
            i64::try_from(shifted).expect("fits")
        );
    }
}
