//! The sessions that reports show.

use std::collections::HashMap;

use shared::domain::clock::Timestamp;

use super::session::Session;

/// The most sessions that are kept, so that a long benchmark needs no more memory than a short one.
const KEPT: usize = 20_000;

/// A session and its end.
#[derive(Clone, Debug)]
pub(super) struct JournalEntry {
    pub(super) session: Session,
    /// `None` while it goes on.
    pub(super) ended_at: Option<Timestamp>,
}

/// The sessions in the order of their start.
#[derive(Debug, Default)]
pub(super) struct SessionJournal {
    entries: Vec<JournalEntry>,
    positions: HashMap<String, usize>,
}

impl SessionJournal {
    pub(super) fn started(&mut self, session: &Session) {
        let entry = self.entry(session);
        if entry.ended_at.is_none() {
            entry.session = session.clone();
        }
    }

    /// The first end of a session counts, and is not before its start.
    pub(super) fn ended(&mut self, session: &Session, at: Timestamp) {
        let entry = self.entry(session);
        if entry.ended_at.is_none() {
            entry.session = session.clone();
            entry.ended_at = Some(at.max(session.picked_up_at));
        }
    }

    pub(super) fn entries(&self) -> &[JournalEntry] {
        &self.entries
    }

    fn entry(&mut self, session: &Session) -> &mut JournalEntry {
        let position = match self.positions.get(&session.id) {
            Some(position) => *position,
            None => self.add(session),
        };
        &mut self.entries[position]
    }

    fn add(&mut self, session: &Session) -> usize {
        if self.entries.len() == KEPT {
            self.entries.drain(..KEPT / 2);
            let entries = self.entries.iter().enumerate();
            self.positions = entries
                .map(|(position, entry)| (entry.session.id.clone(), position))
                .collect();
        }
        let position = self.entries.len();
        self.positions.insert(session.id.clone(), position);
        self.entries.push(JournalEntry {
            session: session.clone(),
            ended_at: None,
        });
        position
    }
}
