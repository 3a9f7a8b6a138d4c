//! Results by content: the same text, asked of the same model in the same way, is computed once.
//!
//! The cache in memory answers everybody at any time. Behind it may stand a [`Store`] on disk, which the model thread asks for what is
//! not in memory, and which is given what was computed.

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

/// The version of our computing. To be raised by whoever changes what comes out for the same text: reading, explaining, ranking.
pub const RESULTS: u32 = 6;

/// The content address of a result: 128 bits of SHA-256 over everything the result depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// As it is written down.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Any address.
    #[cfg(test)]
    pub fn from_bytes(bytes: [u8; 16]) -> Key {
        Key(bytes)
    }
}

/// What is asked of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The explanation of one text in one forward pass.
    Unit,
    /// The explanation of a text over the window, merged from its parts.
    Merged,
    /// What each word is made of.
    Sources,
    /// How many tokens it has.
    Count,
}

/// What every result of the moment depends on besides its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Content hash of the model.
    pub model: String,
    /// The method of the scores.
    pub method: Method,
    /// The attention maps that [`Method::Attention`] looks at; of no account to other methods.
    pub heads: Heads,
    /// Whether identifiers are split into words.
    pub identifier_aware: bool,
}

impl Setting {
    /// The language a text is given to the model in: splitting identifiers is a matter of the language, so that where it is
    /// switched off code is read as prose is.
    pub fn effective_language(&self, language: Language) -> Language {
        if self.identifier_aware {
            language
        } else {
            Language::Prose
        }
    }

    /// The address of a result. The language belongs to it, since the text the model reads depends on it.
    pub fn key(&self, kind: Kind, text: &str, language: Language) -> Key {
        let mut hash = Sha256::new();
        hash.update(RESULTS.to_le_bytes());
        // Another processor's kernels round otherwise: a folder on a shared disk must not make one show what the other computed.
        let kernels = simd::path().name();
        hash.update([kernels.len() as u8]);
        hash.update(kernels.as_bytes());
        // Each field ends where its length says, so that no two questions are spelled the same.
        hash.update((self.model.len() as u64).to_le_bytes());
        hash.update(self.model.as_bytes());
        let method = match (kind, self.heads) {
            (Kind::Sources | Kind::Count, _) => String::new(),
            (_, Heads { layer, head }) if self.method == Method::Attention && (layer, head) != (None, None) => {
                let number = |one: Option<usize>| one.map_or_else(|| "*".to_owned(), |one| one.to_string());
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
        // What the store itself needs for an entry, about: key, value, hash slot, list links.
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

/// The results that fit into a number of bytes, the least used dropped first. Readable by everybody at any time.
pub struct Cache {
    memory: Memory<Key, Value, Bytes>,
    disk: Mutex<Option<(ResultsFile, Arc<Store>)>>,
}

impl Cache {
    /// A cache of at most `bytes` bytes, and nothing on disk.
    pub fn new(bytes: usize) -> Cache {
        // Few shards: a result over a shard's part of the budget would never be kept, and there is one writer.
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

    /// Keeps results at a place on disk from now on, or nowhere.
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

    /// Writes what is still to be written, and keeps nothing on disk any more.
    pub fn end(&self) {
        if let Some(store) = self.store() {
            store.end();
        }
    }

    /// Waits until everything is written, but no longer than `limit`.
    pub fn finish(&self, limit: Duration) {
        if let Some(store) = self.store() {
            store.finish(limit);
        }
    }

    fn store(&self) -> Option<Arc<Store>> {
        lock(&self.disk).as_ref().map(|(_, store)| store.clone())
    }

    /// Changes the budget, dropping what no longer fits.
    pub fn resize(&self, bytes: usize) {
        self.memory.set_capacity(bytes as u64);
    }

    /// The explanation at an address, if it is in memory.
    pub fn unit(&self, key: Key) -> Option<Arc<UnitReport>> {
        match self.memory.get(&key)? {
            Value::Unit(report) => Some(report),
            _ => None,
        }
    }

    /// The sources at an address, if they are in memory.
    pub fn sources(&self, key: Key) -> Option<Arc<SourcesReport>> {
        match self.memory.get(&key)? {
            Value::Sources(report) => Some(report),
            _ => None,
        }
    }

    /// The explanations at some addresses, in memory or on disk. For the model thread alone.
    pub fn find_units(&self, keys: &[Key]) -> Vec<Option<Arc<UnitReport>>> {
        let mut found = vec![None; keys.len()];
        self.fill_units(keys, &mut found);
        found
    }

    /// As [`Cache::find_units`], where some of the explanations are known already.
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

    /// The sources at an address, in memory or on disk. For the model thread alone.
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

    /// The number of tokens of a text, counted once.
    pub fn count(&self, key: Key, count: impl FnOnce() -> usize) -> usize {
        if let Some(Value::Count(tokens)) = self.memory.get(&key) {
            return tokens;
        }
        let tokens = count();
        self.memory.insert(key, Value::Count(tokens));
        tokens
    }

    /// Keeps an explanation.
    pub fn keep_unit(&self, key: Key, report: Arc<UnitReport>) {
        if let Some(store) = self.store() {
            store.keep(key, Entry::Unit(report.clone()));
        }
        self.memory.insert(key, Value::Unit(report));
    }

    /// Keeps sources.
    pub fn keep_sources(&self, key: Key, report: Arc<SourcesReport>) {
        if let Some(store) = self.store() {
            store.keep(key, Entry::Sources(report.clone()));
        }
        self.memory.insert(key, Value::Sources(report));
    }

    /// Bytes held.
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
    fn the_byte_budget_holds_and_recent_results_stay() {
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
