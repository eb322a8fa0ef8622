//! A list that only grows at its end, of which the newest entries are kept.

use std::collections::VecDeque;

/// Entries in the order in which they came. Each keeps its position in the whole list, also when earlier ones are gone.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    forgotten: usize,
    kept: VecDeque<T>,
    limit: usize,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            forgotten: 0,
            kept: VecDeque::new(),
            limit: usize::MAX,
        }
    }
}

impl<T> Recent<T> {
    /// Keeps no more than this many of the newest entries from now on.
    pub(crate) fn keep(&mut self, limit: usize) {
        self.limit = limit;
        self.shorten();
    }

    /// Adds an entry and returns its position.
    pub(crate) fn push(&mut self, entry: T) -> usize {
        self.kept.push_back(entry);
        let position = self.end() - 1;
        self.shorten();
        position
    }

    /// The entry of a position, unless it is gone.
    pub(crate) fn get_mut(&mut self, position: usize) -> Option<&mut T> {
        self.kept.get_mut(position.checked_sub(self.forgotten)?)
    }

    /// The position of the next entry.
    pub(crate) fn end(&self) -> usize {
        self.forgotten + self.kept.len()
    }

    /// The entries that are kept.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.kept.iter()
    }

    /// Those of them from a position on.
    pub(crate) fn since(&self, position: usize) -> impl Iterator<Item = &T> {
        self.kept
            .iter()
            .skip(position.saturating_sub(self.forgotten))
    }

    /// Forgets all entries.
    pub(crate) fn clear(&mut self) {
        self.forgotten = self.end();
        self.kept = VecDeque::new();
    }

    fn shorten(&mut self) {
        while self.kept.len() > self.limit {
            self.kept.pop_front();
            self.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_positions_when_earlier_ones_are_gone() {
        let mut list = Recent::default();
        list.keep(2);
        let positions: Vec<usize> = ["a", "b", "c"].map(|entry| list.push(entry)).into();
        assert_eq!(positions, [0, 1, 2]);
        assert_eq!(list.iter().collect::<Vec<_>>(), [&"b", &"c"]);
        assert_eq!(list.get_mut(0), None);
        assert_eq!(list.get_mut(2), Some(&mut "c"));
        assert_eq!(list.since(0).count(), 2);
        assert_eq!(list.since(2).collect::<Vec<_>>(), [&"c"]);
        list.clear();
        assert_eq!((list.end(), list.iter().len()), (3, 0));
    }
}
