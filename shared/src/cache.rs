//! Values that a process caches. Their number is limited, so that memory does not grow with the number of tenants.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

/// The usual number of entries: one per tenant or technician.
const DEFAULT_CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// A map that drops its least recently used entry when it is full.
#[derive(Debug)]
pub struct BoundedCache<K: Hash + Eq, V>(Mutex<LruCache<K, V>>);

impl<K: Hash + Eq, V: Clone> BoundedCache<K, V> {
    /// An empty map for that many entries.
    pub fn with_capacity(capacity: NonZeroUsize) -> Self {
        // `LruCache::new` would allocate the whole capacity at every start.
        let mut cache = LruCache::unbounded();
        cache.resize(capacity);
        Self(Mutex::new(cache))
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<V> {
        self.cache().get(key).cloned()
    }

    pub(crate) fn get_or_default(&self, key: K) -> V
    where
        V: Default,
    {
        self.cache().get_or_insert(key, V::default).clone()
    }

    /// Sets the value of a key.
    pub fn insert(&self, key: K, value: V) {
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
        Self::with_capacity(DEFAULT_CAPACITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_drops_its_least_recently_used_entry() {
        let cache = BoundedCache::with_capacity(NonZeroUsize::new(2).expect("two"));
        cache.insert("a", 1);
        cache.insert("b", 2);
        assert_eq!(cache.get(&"a"), Some(1));
        cache.insert("c", 3);
        assert_eq!(cache.get(&"b"), None);
        assert_eq!((cache.get(&"a"), cache.get(&"c")), (Some(1), Some(3)));
        cache.remove(&"a");
        assert_eq!(cache.get_or_default("a"), 0);
    }
}
