//! Limits on how many things of a kind may exist at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of permits in use for each key.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimit<K: Eq + Hash> {
    by_key: Mutex<HashMap<K, u32>>,
}

/// One permit. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit<K: Eq + Hash> {
    limit: Arc<ConcurrencyLimit<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> ConcurrencyLimit<K> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { by_key: Mutex::default() })
    }

    /// Takes a permit, unless `most` are in use already.
    pub(crate) fn acquire(self: &Arc<Self>, key: K, most: u32) -> Option<Permit<K>> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_key.get(&key).copied().unwrap_or_default();
        if count >= most {
            return None;
        }
        by_key.insert(key.clone(), count + 1);
        Some(Permit { limit: Arc::clone(self), key })
    }
}

impl<K: Eq + Hash> ConcurrencyLimit<K> {
    /// Blocks taking and returning permits, for tests.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> impl Drop {
        self.by_key.lock().unwrap()
    }

    pub(crate) fn count(&self, key: &K) -> u32 {
        self.by_key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .copied()
            .unwrap_or_default()
    }
}

impl<K: Eq + Hash> Permit<K> {
    /// The key that this permit counts for.
    pub(crate) fn key(&self) -> &K {
        &self.key
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut by_key = self.limit.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_key.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                by_key.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_given_back_when_whoever_had_it_is_gone() {
        let limit = ConcurrencyLimit::new();
        let first = limit.acquire("a", 1).unwrap();
        assert!(limit.acquire("a", 1).is_none() && limit.acquire("b", 1).is_some());
        drop(first);
        assert!(limit.acquire("a", 1).is_some());
        assert!(limit.by_key.lock().unwrap().is_empty());
    }
}
