//! How much time is left for a piece of work.

use std::time::Duration;

use crate::domain::clock::{Clock, Timestamp};

/// The moment by which work has to end, and the clock that says how far away it is. Cloning shares the clock.
///
/// A budget is cut down on its way to what spends it: [`TimeBudget::keep_back`] reserves time for what follows,
/// [`TimeBudget::at_most`] limits one call.
#[derive(Clone, Debug)]
pub struct TimeBudget {
    clock: Clock,
    end: Timestamp,
}

impl TimeBudget {
    /// Until `end`.
    pub const fn until(clock: Clock, end: Timestamp) -> Self {
        Self { clock, end }
    }

    /// For so long from now on.
    pub fn lasting(clock: Clock, duration: Duration) -> Self {
        let end = clock.now().plus(duration);
        Self { clock, end }
    }

    /// The moment at which the budget ends.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// What is left; zero after the end.
    pub fn left(&self) -> Duration {
        self.end.since(self.clock.now())
    }

    /// Whether work that takes so long can still begin.
    pub fn allows(&self, duration: Duration) -> bool {
        self.left() >= duration
    }

    /// The same with an end that much earlier.
    #[must_use]
    pub fn keep_back(&self, reserve: Duration) -> Self {
        Self::until(self.clock.clone(), self.end.minus(reserve))
    }

    /// The same, but ending no later than `duration` from now.
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
