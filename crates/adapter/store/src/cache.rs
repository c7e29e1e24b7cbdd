//! What was used lately, within a bound: two generations, of which the older is dropped when the newer is full.
//!
//! Looking up touches nothing, so that readers share it; what is used again is put in again by whoever reads it anew.

use std::collections::HashMap;
use std::hash::Hash;

/// At most twice `limit` of weight.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    limit: usize,
    weight: usize,
    newer: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, weight: 0, newer: HashMap::new(), older: HashMap::new() }
    }
    pub(crate) fn find(&self, key: &K) -> Option<&V> {
        self.newer.get(key).or_else(|| self.older.get(key))
    }
    /// Keeps a value; what alone is heavier than the limit is not kept.
    pub(crate) fn keep(&mut self, key: K, value: V, weight: usize) {
        if weight > self.limit {
            return;
        }
        self.weight = self.weight.saturating_add(weight);
        if self.weight > self.limit {
            self.older = std::mem::take(&mut self.newer);
            self.weight = weight;
        }
        self.newer.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_within_its_bound() {
        let mut cache = Cache::new(10);
        for n in 0..1000_u32 {
            cache.keep(n, n, 1);
            assert!(cache.newer.len() + cache.older.len() <= 20);
            assert_eq!(cache.find(&n), Some(&n));
            assert_eq!(cache.find(&n.saturating_sub(9)), Some(&n.saturating_sub(9)));
        }
        assert_eq!(cache.find(&0), None);
        cache.keep(7777, 1, 11);
        assert_eq!(cache.find(&7777), None);
    }
}
