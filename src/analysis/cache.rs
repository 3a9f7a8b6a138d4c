//! Results by content: the same question to the same model about the same text is computed once.
//!
//! Every thread may read the cache in memory. An optional [`Store`] on disk is behind it: the model thread looks up misses there, and
//! new results go to both.

use std::mem::size_of;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quick_cache::sync::{Cache as Memory, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::address::Key;
use super::queue::lock;
use super::store::{Entry, ResultsFile, Store};
use super::{SourcesReport, UnitReport, WordScore};

#[derive(Debug, Clone)]
enum Value {
    Unit(Arc<UnitReport>),
    Sources(Arc<SourcesReport>),
    Count(usize),
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Value> for Bytes {
    fn weight(&self, _: &Key, value: &Value) -> u64 {
        // Approximate overhead per entry: key, value, hash slot, list links.
        const ENTRY: usize = size_of::<Key>() + size_of::<Value>() + 48;
        let held = match value {
            Value::Unit(report) => {
                size_of::<UnitReport>()
                    + report.words.len() * size_of::<WordScore>()
                    + report.embedding.len() * size_of::<f32>()
            }
            Value::Sources(report) => size_of::<SourcesReport>() + report.shares.len() * size_of::<f32>(),
            Value::Count(_) => 0,
        };
        (ENTRY + held) as u64
    }
}

/// Results up to a number of bytes; the least used are evicted first. Every thread may read them.
pub struct Cache {
    memory: Memory<Key, Value, Bytes>,
    disk: Mutex<Option<(ResultsFile, Arc<Store>)>>,
}

impl Cache {
    /// A cache of at most `bytes` bytes, without a store on disk.
    pub fn new(bytes: usize) -> Cache {
        // Few shards: a result larger than a shard's part of the budget would never be kept, and there is one writer.
        let options = OptionsBuilder::new()
            .shards(2)
            .estimated_items_capacity((bytes / 2048).clamp(64, 1 << 20))
            .weight_capacity(bytes as u64)
            .build();
        let memory = match options {
            Ok(options) => Memory::with_options(
                options,
                Bytes,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            Err(_) => Memory::with_weighter(64, bytes as u64, Bytes),
        };
        Cache {
            memory,
            disk: Mutex::default(),
        }
    }

    /// Sets the results file on disk; `None` stops using one.
    pub fn keep_on_disk(&self, place: Option<&ResultsFile>) {
        let mut disk = lock(&self.disk);
        if disk.as_ref().map(|(place, _)| place) == place {
            return;
        }
        let previous = std::mem::replace(
            &mut *disk,
            place.map(|place| (place.clone(), Arc::new(Store::start(place.clone())))),
        );
        drop(disk);
        if let Some((_, store)) = previous {
            store.end();
        }
    }

    /// Writes all pending results, and closes the store on disk.
    pub fn end(&self) {
        if let Some(store) = self.store() {
            store.end();
        }
    }

    /// Waits until all results are written, but at most `limit`.
    pub fn finish(&self, limit: Duration) {
        if let Some(store) = self.store() {
            store.finish(limit);
        }
    }

    fn store(&self) -> Option<Arc<Store>> {
        lock(&self.disk).as_ref().map(|(_, store)| store.clone())
    }

    /// Changes the budget and evicts what exceeds it.
    pub fn resize(&self, bytes: usize) {
        self.memory.set_capacity(bytes as u64);
    }

    /// The explanation at an address, if memory has it.
    pub fn unit(&self, key: Key) -> Option<Arc<UnitReport>> {
        match self.memory.get(&key)? {
            Value::Unit(report) => Some(report),
            _ => None,
        }
    }

    /// The sources at an address, if memory has them.
    pub fn sources(&self, key: Key) -> Option<Arc<SourcesReport>> {
        match self.memory.get(&key)? {
            Value::Sources(report) => Some(report),
            _ => None,
        }
    }

    /// The explanations at some addresses, from memory or disk. Only for the model thread.
    pub fn find_units(&self, keys: &[Key]) -> Vec<Option<Arc<UnitReport>>> {
        let mut found = vec![None; keys.len()];
        self.fill_units(keys, &mut found);
        found
    }

    /// Same as [`Cache::find_units`], with some explanations already known.
    pub fn fill_units(&self, keys: &[Key], found: &mut [Option<Arc<UnitReport>>]) {
        for (key, found) in keys.iter().zip(&mut *found).filter(|(_, found)| found.is_none()) {
            *found = self.unit(*key);
        }
        let Some(store) = self.store() else { return };
        let missing: Vec<usize> = (0..keys.len().min(found.len()))
            .filter(|&i| found[i].is_none())
            .collect();
        let wanted: Vec<Key> = missing.iter().map(|&i| keys[i]).collect();
        for (i, entry) in missing.into_iter().zip(store.find(&wanted)) {
            if let Some(Entry::Unit(report)) = entry {
                self.memory.insert(keys[i], Value::Unit(report.clone()));
                found[i] = Some(report);
            }
        }
    }

    /// The sources at an address, from memory or disk. Only for the model thread.
    pub fn find_sources(&self, key: Key) -> Option<Arc<SourcesReport>> {
        if let Some(known) = self.sources(key) {
            return Some(known);
        }
        let Some(Entry::Sources(report)) = self.store()?.find(&[key]).pop()? else {
            return None;
        };
        self.memory.insert(key, Value::Sources(report.clone()));
        Some(report)
    }

    /// The number of tokens of a text; counts only once.
    pub fn count(&self, key: Key, count: impl FnOnce() -> usize) -> usize {
        if let Some(Value::Count(tokens)) = self.memory.get(&key) {
            return tokens;
        }
        let tokens = count();
        self.memory.insert(key, Value::Count(tokens));
        tokens
    }

    /// Stores an explanation.
    pub fn keep_unit(&self, key: Key, report: Arc<UnitReport>) {
        if let Some(store) = self.store() {
            store.keep(key, Entry::Unit(report.clone()));
        }
        self.memory.insert(key, Value::Unit(report));
    }

    /// Stores sources.
    pub fn keep_sources(&self, key: Key, report: Arc<SourcesReport>) {
        if let Some(store) = self.store() {
            store.keep(key, Entry::Sources(report.clone()));
        }
        self.memory.insert(key, Value::Sources(report));
    }

    /// Bytes in memory.
    #[cfg(test)]
    pub fn bytes(&self) -> u64 {
        self.memory.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::{Kind, Setting};
    use super::*;
    use crate::explain::Method;
    use crate::text::Language;

    fn report(words: usize) -> Arc<UnitReport> {
        let word = WordScore {
            range: 0..1,
            score: 0.5,
            rank: 1,
        };
        Arc::new(UnitReport {
            method: Method::Decomposition,
            words: vec![word; words],
            tokens: words + 2,
            special: 2,
            coverage: 1.0,
            bias_share: 0.0,
            special_share: 0.0,
            residual: 0.0,
            embedding: vec![0.0; 384].into(),
            ms: 1.0,
            multilingual: None,
        })
    }

    #[test]
    fn the_cache_keeps_its_byte_budget_and_recent_results() {
        let budget = 256 << 10;
        let cache = Cache::new(budget);
        let keys: Vec<Key> = (0..1000)
            .map(|i| Setting::for_tests().key(Kind::Unit, &format!("text {i}"), Language::Rust))
            .collect();
        for key in &keys {
            cache.keep_unit(*key, report(60));
            assert!(
                cache.bytes() <= budget as u64,
                "{} bytes held of {budget}",
                cache.bytes()
            );
        }
        assert!(cache.bytes() > budget as u64 / 2, "the budget is used");
        assert!(keys.iter().filter(|key| cache.unit(**key).is_some()).count() > 20);
        cache.resize(16 << 10);
        assert!(cache.bytes() <= 16 << 10);
    }

    #[test]
    fn tokens_are_counted_once() {
        let cache = Cache::new(1 << 20);
        let key = Setting::for_tests().key(Kind::Count, "some text", Language::Rust);
        assert_eq!(cache.count(key, || 7), 7);
        assert_eq!(cache.count(key, || panic!("counted again")), 7);
    }
}
