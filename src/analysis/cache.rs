//! Results by content: the same question to the same model about the same text is computed once.
//!
//! Every thread may read the cache in memory. An optional [`Store`] on disk is behind it: the model thread looks up misses there, and
//! new results go to both.

use std::mem::size_of;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quick_cache::sync::{Cache as Memory, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use sha2::{Digest, Sha256};

use super::queue::lock;
use super::store::{Entry, ResultsFile, Store};
use super::{SourcesReport, UnitReport, WordScore};
use crate::explain::{Heads, Method};
use crate::model::simd;
use crate::text::Language;

/// Version of the computation. Raise it whenever results for the same text change: reading, explaining, ranking.
pub const RESULTS: u32 = 6;

/// The content address of a result: 128 bits of SHA-256 over everything the result depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// The bytes that are stored.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Any address, for tests.
    #[cfg(test)]
    pub fn from_bytes(bytes: [u8; 16]) -> Key {
        Key(bytes)
    }
}

/// The kind of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The explanation of one text in one forward pass.
    Unit,
    /// The explanation of a text longer than the window, merged from its parts.
    Merged,
    /// The sources of each word.
    Sources,
    /// The number of tokens.
    Count,
}

/// What every current result depends on besides its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Content hash of the model.
    pub model: String,
    /// The method of the scores.
    pub method: Method,
    /// The attention maps for [`Method::Attention`]; other methods ignore them.
    pub heads: Heads,
    /// Whether identifiers are split into words.
    pub identifier_aware: bool,
}

impl Setting {
    /// The language under which the model reads a text. Whether identifiers are split depends on the language, so that with splitting
    /// switched off the model reads code as prose.
    pub fn effective_language(&self, language: Language) -> Language {
        if self.identifier_aware {
            language
        } else {
            Language::Prose
        }
    }

    /// The address of a result. It contains the language, because the text that the model reads depends on it.
    pub fn key(&self, kind: Kind, text: &str, language: Language) -> Key {
        let mut hash = Sha256::new();
        hash.update(RESULTS.to_le_bytes());
        // Kernels of another processor round differently: on a shared disk, a machine must not show what another computed.
        let kernels = simd::path().name();
        hash.update([kernels.len() as u8]);
        hash.update(kernels.as_bytes());
        // Lengths precede the fields, so that no two questions have the same encoding.
        hash.update((self.model.len() as u64).to_le_bytes());
        hash.update(self.model.as_bytes());
        let method = match (kind, self.heads) {
            (Kind::Sources | Kind::Count, _) => String::new(),
            (_, Heads { layer, head }) if self.method == Method::Attention && (layer, head) != (None, None) => {
                let number = |index: Option<usize>| index.map_or_else(|| "*".to_owned(), |index| index.to_string());
                format!("{} {} {}", self.method.name(), number(layer), number(head))
            }
            _ => self.method.name().to_owned(),
        };
        hash.update([kind as u8, method.len() as u8]);
        hash.update(method.as_bytes());
        let language = self.effective_language(language).name();
        hash.update([language.len() as u8]);
        hash.update(language.as_bytes());
        hash.update(text.as_bytes());
        let mut key = [0; 16];
        key.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Key(key)
    }
}

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
    use super::*;

    fn setting() -> Setting {
        Setting {
            model: "m".into(),
            method: Method::Decomposition,
            heads: Heads::default(),
            identifier_aware: true,
        }
    }

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
            .map(|i| setting().key(Kind::Unit, &format!("text {i}"), Language::Rust))
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
    fn the_address_depends_on_model_kind_method_language_and_text() {
        let base = setting();
        let other_model = Setting {
            model: "n".into(),
            ..base.clone()
        };
        let other_method = Setting {
            method: Method::Alti,
            ..base.clone()
        };
        let attention = Setting {
            method: Method::Attention,
            ..setting()
        };
        let one_head = Setting {
            heads: Heads {
                layer: None,
                head: Some(1),
            },
            ..attention.clone()
        };
        let one_layer = Setting {
            heads: Heads {
                layer: Some(1),
                head: None,
            },
            ..attention.clone()
        };
        let plain = Setting {
            identifier_aware: false,
            ..base.clone()
        };
        let keys = [
            base.key(Kind::Unit, "a", Language::Rust),
            base.key(Kind::Merged, "a", Language::Rust),
            base.key(Kind::Sources, "a", Language::Rust),
            base.key(Kind::Count, "a", Language::Rust),
            base.key(Kind::Unit, "b", Language::Rust),
            base.key(Kind::Unit, "a", Language::Python),
            other_model.key(Kind::Unit, "a", Language::Rust),
            other_method.key(Kind::Unit, "a", Language::Rust),
            plain.key(Kind::Unit, "a", Language::Rust),
            attention.key(Kind::Unit, "a", Language::Rust),
            one_head.key(Kind::Unit, "a", Language::Rust),
            one_layer.key(Kind::Unit, "a", Language::Rust),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key), "address {i} is taken");
        }
        assert_eq!(
            keys[2],
            other_method.key(Kind::Sources, "a", Language::Rust),
            "sources do not depend on the method"
        );
    }

    #[test]
    fn tokens_are_counted_once() {
        let cache = Cache::new(1 << 20);
        let key = setting().key(Kind::Count, "some text", Language::Rust);
        assert_eq!(cache.count(key, || 7), 7);
        assert_eq!(cache.count(key, || panic!("counted again")), 7);
    }
}
