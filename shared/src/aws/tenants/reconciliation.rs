//! Since when a tenant's sessions are compared with Rescue's report, and when the tenant was switched off.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;

/// A time in which the tenant was switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffTime {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

/// Since when sessions are compared, and which ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reconciliation {
    /// When `rescue.reconcile` was switched on, or got another Rescue account to look at; `None` while it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When the tenant was switched off and on again, the earliest first. Sessions that ended meanwhile are not missed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub off_times: Vec<OffTime>,
}

/// Longer than the ledger remembers posts.
const OFF_TIMES_KEPT: Duration = Duration::from_secs(91 * 24 * 3600);

/// The most times that are kept.
const MOST_OFF_TIMES: usize = 50;

impl Reconciliation {
    /// Notes that the tenant was switched on again.
    pub fn note_off_time(&mut self, off: OffTime) {
        let oldest = off.to.minus(OFF_TIMES_KEPT);
        self.off_times.retain(|earlier| earlier.to >= oldest);
        self.off_times.push(off);
        if self.off_times.len() > MOST_OFF_TIMES {
            self.off_times.remove(0);
        }
    }

    /// Whether the tenant was switched off at that moment, and has been switched on since.
    pub fn was_off_at(&self, moment: Timestamp) -> bool {
        let mut times = self.off_times.iter();
        times.any(|off| off.from <= moment && moment < off.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_for_a_quarter_of_a_year_and_at_most_fifty_of_them() {
        let hour = |n: i64| Timestamp::from_millis(n * 3_600_000);
        let off = |n: i64| OffTime {
            from: hour(n),
            to: hour(n + 1),
        };
        let mut kept = Reconciliation::default();
        kept.note_off_time(off(0));
        assert!(kept.was_off_at(hour(0)) && !kept.was_off_at(hour(1)));
        for n in (2..=104).step_by(2) {
            kept.note_off_time(off(n));
        }
        assert_eq!(kept.off_times.len(), 50);
        assert!(!kept.was_off_at(hour(0)) && kept.was_off_at(hour(104)));
        kept.note_off_time(off(3_000));
        assert_eq!(kept.off_times, [off(3_000)]);
    }
}
