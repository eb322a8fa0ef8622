//! Missed sessions by technician, for people to see: a technician group without webhook URLs shows here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::missed::{MissedSessions, MissedState};

/// The sessions of one technician that Rescue did not post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MissedByTechnician {
    /// The technician's node; `None` for sessions of which the report names none.
    pub technician_id: Option<String>,
    /// How many there are, those that are written included.
    pub sessions: u64,
    /// How many of them were written from the report.
    pub written: u64,
}

impl MissedByTechnician {
    /// How many are not written.
    pub const fn open(&self) -> u64 {
        self.sessions - self.written
    }
}

impl MissedSessions {
    /// The technicians of sessions that Rescue did not post, the one with the most sessions first.
    pub fn by_technician(&self) -> Vec<MissedByTechnician> {
        let mut counts: BTreeMap<Option<&str>, [u64; 2]> = BTreeMap::new();
        for session in &self.sessions {
            let written = match session.state {
                MissedState::Suspected => continue,
                MissedState::Missed => 0,
                MissedState::Written => 1,
            };
            let count = counts.entry(session.technician_id.as_deref()).or_default();
            *count = [count[0] + 1, count[1] + written];
        }
        let mut technicians: Vec<_> = counts
            .into_iter()
            .map(|(technician_id, [sessions, written])| MissedByTechnician {
                technician_id: technician_id.map(str::to_owned),
                sessions,
                written,
            })
            .collect();
        technicians.sort_by_key(|technician| std::cmp::Reverse(technician.sessions));
        technicians
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Timestamp;
    use crate::domain::session::SessionId;
    use crate::reconciliation::MissedSession;

    #[test]
    fn technicians_are_sorted_by_their_sessions_and_what_is_only_suspected_does_not_count() {
        use MissedState::{Missed, Suspected, Written};
        let found = [
            (Some("1"), Missed),
            (Some("2"), Written),
            (None, Missed),
            (Some("2"), Missed),
            (Some("3"), Suspected),
            (Some("2"), Written),
        ];
        let sessions = found
            .iter()
            .enumerate()
            .map(|(place, (technician, state))| MissedSession {
                session_id: SessionId::parse(&place.to_string()).expect("valid"),
                technician_id: technician.map(str::to_owned),
                ended_at: Timestamp::from_millis(0),
                state: *state,
            });
        let missed = MissedSessions {
            sessions: sessions.collect(),
            more: false,
        };
        let technicians = missed.by_technician();
        let counted: Vec<_> = technicians
            .iter()
            .map(|one| (one.technician_id.as_deref(), one.sessions, one.written))
            .collect();
        assert_eq!(
            counted,
            [(Some("2"), 3, 2), (None, 1, 0), (Some("1"), 1, 0)]
        );
        let open = technicians.iter().map(MissedByTechnician::open);
        assert_eq!(open.sum::<u64>(), missed.open().count() as u64);
    }
}
