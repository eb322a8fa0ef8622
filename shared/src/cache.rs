//! What a process keeps in mind: the last so many of a kind, so that its memory does not grow with the tenants.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

/// Of each kind, one per tenant or technician. A busier process reads some of them again.
const USUAL: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// A map that forgets what was not asked for longest when it is full.
#[derive(Debug)]
pub(crate) struct BoundedCache<K: Hash + Eq, V>(Mutex<LruCache<K, V>>);

impl<K: Hash + Eq, V: Clone> BoundedCache<K, V> {
    /// Remembers that many.
    pub(crate) fn up_to(limit: NonZeroUsize) -> Self {
        // Grows as it is filled; `LruCache::new` would make room for all of them at every start.
        let mut cache = LruCache::unbounded();
        cache.resize(limit);
        Self(Mutex::new(cache))
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.cache().get(key).cloned()
    }

    pub(crate) fn get_or_default(&self, key: K) -> V
    where
        V: Default,
    {
        self.cache().get_or_insert(key, V::default).clone()
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.cache().put(key, value);
    }

    pub(crate) fn remove(&self, key: &K) {
        self.cache().pop(key);
    }

    fn cache(&self) -> MutexGuard<'_, LruCache<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq, V: Clone> Default for BoundedCache<K, V> {
    fn default() -> Self {
        Self::up_to(USUAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_memory_forgets_what_nobody_asked_for_longest() {
        let memory = BoundedCache::up_to(NonZeroUsize::new(2).expect("two"));
        memory.insert("a", 1);
        memory.insert("b", 2);
        assert_eq!(memory.get(&"a"), Some(1));
        memory.insert("c", 3);
        assert_eq!(memory.get(&"b"), None);
        assert_eq!((memory.get(&"a"), memory.get(&"c")), (Some(1), Some(3)));
        memory.remove(&"a");
        assert_eq!(memory.get_or_default("a"), 0);
    }
}
