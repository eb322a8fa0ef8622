//! How much time is left for a piece of work.

use std::time::Duration;

use crate::domain::clock::{Clock, Timestamp};

/// The moment by which work must end, and the clock that measures the time left.
///
/// [`TimeBudget::keep_back`] reserves time for later work, [`TimeBudget::at_most`] limits one call.
#[derive(Clone, Debug)]
pub struct TimeBudget {
    clock: Clock,
    end: Timestamp,
}

impl TimeBudget {
    /// Ends at `end`.
    pub const fn until(clock: Clock, end: Timestamp) -> Self {
        Self { clock, end }
    }

    /// Ends `duration` from now.
    pub fn lasting(clock: Clock, duration: Duration) -> Self {
        let end = clock.now().plus(duration);
        Self { clock, end }
    }

    /// The moment at which the budget ends.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// The time left; zero after the end.
    pub fn left(&self) -> Duration {
        self.end.since(self.clock.now())
    }

    /// Whether the time left is at least `duration`.
    pub fn allows(&self, duration: Duration) -> bool {
        self.left() >= duration
    }

    /// A budget that ends `reserve` earlier.
    #[must_use]
    pub fn keep_back(&self, reserve: Duration) -> Self {
        Self::until(self.clock.clone(), self.end.minus(reserve))
    }

    /// A budget that also ends `duration` from now at the latest.
    #[must_use]
    pub fn at_most(&self, duration: Duration) -> Self {
        let end = self.end.min(self.clock.now().plus(duration));
        Self::until(self.clock.clone(), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_budget_shrinks_with_time_and_is_never_negative() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let budget = TimeBudget::lasting(clock.clone(), 10 * SECOND);
        assert_eq!(budget.left(), 10 * SECOND);
        assert!(budget.allows(10 * SECOND));
        clock.advance(4 * SECOND);
        assert_eq!(budget.left(), 6 * SECOND);
        assert!(!budget.allows(7 * SECOND));
        clock.advance(7 * SECOND);
        assert_eq!(budget.left(), Duration::ZERO);
    }

    #[test]
    fn a_budget_is_only_ever_cut_down() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let budget = TimeBudget::until(clock, Timestamp::from_millis(10_000));
        assert_eq!(budget.keep_back(3 * SECOND).left(), 7 * SECOND);
        assert_eq!(budget.at_most(2 * SECOND).left(), 2 * SECOND);
        assert_eq!(budget.at_most(20 * SECOND).end(), budget.end());
        assert_eq!(budget.keep_back(20 * SECOND).left(), Duration::ZERO);
    }
}
