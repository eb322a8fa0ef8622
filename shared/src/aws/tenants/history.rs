//! Who changed a tenant, and when.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;

/// How many changes a tenant remembers.
const KEPT: usize = 50;

/// How many characters of a name are kept.
const LONGEST_NAME: usize = 100;

/// How many settings of a change are kept, and how many bytes of each pointer: with the settings, the history has to fit
/// into an item of 400 KB.
const MOST_POINTERS: usize = 40;
const LONGEST_POINTER: usize = 120;

/// One change of a tenant. It names what was changed and never a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When.
    pub time: Timestamp,
    /// The tenant's version after it.
    pub version: u64,
    /// A person in ServiceNow, as their instance names them, or an AWS principal.
    pub who: String,
    /// The settings as JSON pointers; `/secrets/NAME`, `/keys/ID`, `/invitation` and `/managed_by` for what is no setting.
    pub pointers: Vec<String>,
}

impl HistoryEntry {
    /// A change; `who` is shortened, and loses its control characters.
    pub(super) fn new(time: Timestamp, version: u64, who: &str, pointers: Vec<String>) -> Self {
        let shortened = pointers.into_iter().take(MOST_POINTERS).map(|pointer| {
            let end = pointer.floor_char_boundary(LONGEST_POINTER);
            pointer.get(..end).unwrap_or_default().to_owned()
        });
        let visible = who.chars().filter(|character| !character.is_control());
        Self {
            time,
            version,
            who: visible.take(LONGEST_NAME).collect(),
            pointers: shortened.collect(),
        }
    }
}

/// The history with one more change; the oldest ones are dropped.
pub(super) fn extended(history: &[HistoryEntry], entry: HistoryEntry) -> Vec<HistoryEntry> {
    let dropped = (history.len() + 1).saturating_sub(KEPT);
    let kept = history.iter().skip(dropped).cloned();
    kept.chain([entry]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_fifty_changes_are_kept_and_names_are_shortened() {
        let now = Timestamp::from_millis(0);
        let history = (1..=70).fold(Vec::new(), |history, version| {
            let entry = HistoryEntry::new(now, version, "ana\u{1b}\n", vec!["/enabled".to_owned()]);
            extended(&history, entry)
        });
        let versions: Vec<u64> = history.iter().map(|entry| entry.version).collect();
        assert_eq!(versions, (21..=70).collect::<Vec<u64>>());
        assert_eq!(history[0].who, "ana");
        let long = HistoryEntry::new(now, 1, &"ü".repeat(300), Vec::new());
        assert_eq!(long.who.chars().count(), 100);
        let many = vec!["/sessions/new_record/columns/ü".repeat(9); 99];
        let many = HistoryEntry::new(now, 1, "ana", many).pointers;
        assert_eq!((many.len(), many[0].len()), (40, 120));
    }
}
