//! The sessions that Rescue did not post, for people to see. Ids and times alone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::credentials::CredentialsTable;
use crate::aws::storage_error::StorageError;
use crate::domain::clock::Timestamp;
use crate::domain::session::SessionId;
use crate::domain::tenant::TenantId;

/// How long after its end a missed session is shown.
pub const MISSED_SHOWN_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// The most missed sessions that are stored: some 200 KB of an item of 400 KB.
const MOST_MISSED: usize = 2_000;

/// The key of a tenant's missed sessions in the credentials table.
pub fn missed_key(tenant: &TenantId) -> String {
    format!("{tenant}#missed")
}

/// The sessions of the last 7 days that Rescue did not post.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MissedSessions {
    /// At most 2 000, the latest.
    pub sessions: Vec<MissedSession>,
    /// Whether there are more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// A session that Rescue did not post. No text of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedSession {
    /// Rescue's id of it.
    pub session_id: SessionId,
    /// The technician's node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technician_id: Option<String>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What is known of it.
    pub state: MissedState,
}

/// What is known of a session whose end the ledger did not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissedState {
    /// A post of it may still be in the queue.
    Suspected,
    /// It was not posted, and is not written.
    Missed,
    /// It was not posted, and its post was made from the report.
    Written,
}

impl MissedSessions {
    /// Those that were not posted and are not written.
    pub fn open(&self) -> impl Iterator<Item = &MissedSession> {
        self.in_state(MissedState::Missed)
    }

    /// Those in a state.
    pub fn in_state(&self, state: MissedState) -> impl Iterator<Item = &MissedSession> {
        let sessions = self.sessions.iter();
        sessions.filter(move |session| session.state == state)
    }

    /// Adds sessions, and drops those that ended more than 7 days ago. What is known of a session stays where the new entry
    /// only suspects it.
    pub fn add(&mut self, found: impl IntoIterator<Item = MissedSession>, now: Timestamp) {
        let known = std::mem::take(&mut self.sessions).into_iter();
        let mut all: HashMap<_, _> = known
            .map(|session| (session.session_id.clone(), session))
            .collect();
        for session in found {
            match all.entry(session.session_id.clone()) {
                Entry::Occupied(_) if session.state == MissedState::Suspected => {}
                Entry::Occupied(mut known) => _ = known.insert(session),
                Entry::Vacant(entry) => _ = entry.insert(session),
            }
        }
        let oldest = now.minus(MISSED_SHOWN_FOR);
        self.sessions = all.into_values().collect();
        self.sessions.retain(|session| session.ended_at >= oldest);
        let place = |session: &MissedSession| (session.ended_at, session.session_id.clone());
        self.sessions.sort_by_cached_key(place);
        let surplus = self.sessions.len().saturating_sub(MOST_MISSED);
        self.sessions.drain(..surplus);
        self.more = surplus > 0 || (self.more && self.sessions.len() == MOST_MISSED);
    }

    /// The tenant's missed sessions.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn read(
        table: &CredentialsTable,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Self, StorageError> {
        let mut missed: Self = table.value(&missed_key(tenant)).await?;
        missed.add([], now);
        Ok(missed)
    }

    /// Stores them.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn store(
        &self,
        table: &CredentialsTable,
        tenant: &TenantId,
    ) -> Result<(), StorageError> {
        let key = missed_key(tenant);
        table.put_value(key, MISSED_SHOWN_FOR, self).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn missed(id: &str, ended_at: Timestamp, state: MissedState) -> MissedSession {
        MissedSession {
            session_id: SessionId::parse(id).expect("valid"),
            technician_id: None,
            ended_at,
            state,
        }
    }

    fn open(all: &MissedSessions) -> Vec<String> {
        let open = all.open().map(|session| session.session_id.to_string());
        open.collect()
    }

    #[test]
    fn a_session_is_kept_once_and_for_seven_days() {
        use MissedState::{Missed, Suspected};
        let now = Timestamp::from_millis(0).plus(DAY * 30);
        let (last_week, yesterday) = (now.minus(DAY * 7), now.minus(DAY));
        let mut all = MissedSessions::default();
        let found = [
            missed("2", yesterday, Suspected),
            missed("1", last_week, Missed),
        ];
        all.add(found, now);
        assert_eq!(open(&all), ["1"]);
        for state in [Missed, Suspected] {
            all.add([missed("2", yesterday, state)], now);
            assert_eq!(open(&all), ["1", "2"]);
        }
        all.add([], now.plus(DAY));
        assert_eq!((open(&all), all.more), (vec!["2".to_owned()], false));
        let many = (0..2_001).map(|n| missed(&format!("n{n}"), now, Suspected));
        all.add(many, now);
        assert_eq!((all.sessions.len(), all.more), (2_000, true));
    }
}
