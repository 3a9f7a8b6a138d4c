//! Computes results for texts, through the cache.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::address::{Key, Kind, Setting};
use super::cache::Cache;
use super::document::{BATCH_TOKENS, Prepared, Previous};
use super::engine::{Comparison, Engine};
use super::merge::merge;
use super::pool::Pool;
use super::{DocumentId, DocumentReport, SourcesReport, UnitReport};
use crate::explain::trust::Trust;
use crate::model::{Checkpoint, ModelError};
use crate::segment::{self, Budget, Reading, Segments, Unparsed};
use crate::text::{Language, Snapshot};

/// The reason why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComputeError {
    /// The checkpoint stopped it.
    Stopped,
    /// The model failed on this text.
    Failed(String),
}

impl From<ModelError> for ComputeError {
    fn from(error: ModelError) -> ComputeError {
        match error {
            ModelError::Stopped => ComputeError::Stopped,
            other => ComputeError::Failed(other.to_string()),
        }
    }
}

/// The work that began last; a panic quarantines it.
#[derive(Debug, Default)]
pub enum Attempt {
    /// Nothing that can be blamed.
    #[default]
    Nothing,
    /// The segments of a document's text.
    Segmenting(DocumentId, u64),
    /// Some texts in one forward pass.
    Texts(Vec<Key>),
}

/// Texts that made the model panic, which the next keystroke must not compute again.
#[derive(Debug, Default)]
pub struct Quarantine {
    /// In a batch that panicked: these go to the model only alone.
    suspects: HashSet<Key>,
    /// Panicked alone: these do not go to the model again.
    condemned: HashSet<Key>,
}

impl Quarantine {
    /// Maximum number of texts; a text that is edited differs each time and would fill the sets.
    const MOST: usize = 1024;

    /// Quarantines the texts of a panic.
    pub fn blame(&mut self, keys: &[Key]) {
        if self.suspects.len() + self.condemned.len() > Quarantine::MOST {
            *self = Quarantine::default();
        }
        match keys {
            [key] => _ = self.condemned.insert(*key),
            _ => self.suspect(keys),
        }
    }

    /// Marks texts that failed together; each is tried alone.
    pub fn suspect(&mut self, keys: &[Key]) {
        self.suspects.extend(keys);
    }

    /// Whether a text must not share a forward pass with others.
    pub fn suspects(&self, key: Key) -> bool {
        self.suspects.contains(&key) || self.condemned.contains(&key)
    }
}

/// The error for a text that made the model panic before.
pub const INTERNAL_ERROR: &str = "an internal error occurred while this text was analyzed";

/// The parts of the model thread that a computation needs.
pub struct Compute<'a> {
    /// The model.
    pub engine: &'a dyn Engine,
    /// The threads that compute.
    pub pool: &'a Pool,
    /// The results.
    pub cache: &'a Cache,
    /// What results depend on besides their text.
    pub setting: &'a Setting,
    /// Texts that made the model panic.
    pub quarantine: &'a Quarantine,
    /// The work that is in progress.
    pub attempt: &'a mut Attempt,
}

impl Compute<'_> {
    /// Explains texts; those not yet known go through packed forward passes of limited size.
    ///
    /// # Errors
    /// The first error; the explanations before it stay in the cache.
    pub fn units(
        &mut self,
        texts: &[(Cow<str>, Language)],
        checkpoint: Checkpoint,
    ) -> Result<Vec<Arc<UnitReport>>, ComputeError> {
        let keys: Vec<Key> = texts
            .iter()
            .map(|(text, language)| self.setting.key(Kind::Unit, text, *language))
            .collect();
        let mut found = self.cache.find_units(&keys);
        let mut missing: Vec<usize> = Vec::new();
        for (i, key) in keys.iter().enumerate() {
            if found[i].is_none() && !missing.iter().any(|&other| keys[other] == *key) {
                missing.push(i);
            }
        }
        let mut rest = missing.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.fitting(rest, &keys, texts));
            for (&i, report) in batch.iter().zip(self.batch(batch, &keys, texts, checkpoint)?) {
                let report = Arc::new(report);
                self.cache.keep_unit(keys[i], report.clone());
                found[i] = Some(report);
            }
            rest = later;
        }
        // A text that occurs twice is explained once.
        let report_of = |i: usize| {
            found[i]
                .clone()
                .or_else(|| found[keys.iter().position(|key| *key == keys[i])?].clone())
        };
        let all: Option<Vec<_>> = (0..texts.len()).map(report_of).collect();
        all.ok_or_else(|| ComputeError::Failed(INTERNAL_ERROR.into()))
    }

    /// The number of texts in the next forward pass: at least one.
    fn fitting(&self, texts: &[usize], keys: &[Key], all: &[(Cow<str>, Language)]) -> usize {
        let mut tokens = 0;
        let fits = |&&i: &&usize| {
            let (text, language) = &all[i];
            tokens += self.count(text, *language);
            tokens <= BATCH_TOKENS && !self.quarantine.suspects(keys[i])
        };
        texts.iter().take_while(fits).count().max(1)
    }

    fn batch(
        &mut self,
        batch: &[usize],
        keys: &[Key],
        all: &[(Cow<str>, Language)],
        checkpoint: Checkpoint,
    ) -> Result<Vec<UnitReport>, ComputeError> {
        if batch.iter().any(|&i| self.quarantine.condemned.contains(&keys[i])) {
            return Err(ComputeError::Failed(INTERNAL_ERROR.into()));
        }
        if checkpoint() {
            return Err(ComputeError::Stopped);
        }
        *self.attempt = Attempt::Texts(batch.iter().map(|&i| keys[i]).collect());
        let texts: Vec<(&str, Language)> = batch
            .iter()
            .map(|&i| (&*all[i].0, self.setting.effective_language(all[i].1)))
            .collect();
        let (engine, Setting { method, heads, .. }) = (self.engine, self.setting);
        let reports = self
            .pool
            .install(|| engine.analyze(&texts, *method, *heads, checkpoint));
        *self.attempt = Attempt::Nothing;
        let reports = reports?;
        if reports.len() != batch.len() {
            return Err(ComputeError::Failed(INTERNAL_ERROR.into()));
        }
        Ok(reports)
    }

    /// The sources of each word of a text.
    ///
    /// # Errors
    /// The error of the model.
    pub fn sources(
        &mut self,
        text: &str,
        language: Language,
        checkpoint: Checkpoint,
    ) -> Result<Arc<SourcesReport>, ComputeError> {
        let key = self.setting.key(Kind::Sources, text, language);
        if let Some(known) = self.cache.find_sources(key) {
            return Ok(known);
        }
        if self.quarantine.condemned.contains(&key) {
            return Err(ComputeError::Failed(INTERNAL_ERROR.into()));
        }
        *self.attempt = Attempt::Texts(vec![key]);
        let (engine, language) = (self.engine, self.setting.effective_language(language));
        let report = self.pool.install(|| engine.sources((text, language), checkpoint));
        *self.attempt = Attempt::Nothing;
        let report = Arc::new(report?);
        self.cache.keep_sources(key, report.clone());
        Ok(report)
    }

    /// Whether an explanation of a text can be trusted. The cache does not keep it, because a second question is rare.
    ///
    /// # Errors
    /// The error of the model.
    pub fn trust(
        &mut self,
        text: &str,
        language: Language,
        explained: &UnitReport,
        checkpoint: Checkpoint,
    ) -> Result<Trust, ComputeError> {
        let scores: Vec<f32> = explained.words.iter().map(|word| word.score).collect();
        let (engine, language) = (self.engine, self.setting.effective_language(language));
        let judge = || engine.trust((text, language), (explained.method, &scores), checkpoint);
        Ok(self.pool.install(judge)?)
    }

    /// Reads two passages for a comparison.
    ///
    /// # Errors
    /// The error of the model.
    pub fn read_pair(
        &mut self,
        a: (&str, Language),
        b: (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Box<dyn Comparison>, ComputeError> {
        let (engine, languages) = (
            self.engine,
            (
                self.setting.effective_language(a.1),
                self.setting.effective_language(b.1),
            ),
        );
        let read = || engine.read_pair((a.0, languages.0), (b.0, languages.1), checkpoint);
        Ok(self.pool.install(read)?)
    }

    /// The explanation of a text of any length.
    /// A text that fits the window takes one pass; a longer one is merged from its parts.
    ///
    /// # Errors
    /// The first error.
    pub fn range(
        &mut self,
        text: &str,
        language: Language,
        checkpoint: Checkpoint,
    ) -> Result<Arc<UnitReport>, ComputeError> {
        if self.count(text, language) <= self.engine.window() {
            let mut one = self.units(&[(Cow::Borrowed(text), language)], checkpoint)?;
            return one.pop().ok_or_else(|| ComputeError::Failed(INTERNAL_ERROR.into()));
        }
        let key = self.setting.key(Kind::Merged, text, language);
        if let Some(known) = self.cache.find_units(&[key]).pop().flatten() {
            return Ok(known);
        }
        // A range may begin and end anywhere, so that its syntax is unknown.
        let snapshot = Snapshot::new(text, 0, language);
        let segments = self.segments(&snapshot);
        let texts: Vec<(Cow<str>, Language)> = segments
            .units
            .iter()
            .map(|unit| (snapshot.text(unit.range.clone()), unit.language))
            .collect();
        let reports = self.units(&texts, checkpoint)?;
        let parts: Vec<(usize, &UnitReport)> = segments
            .units
            .iter()
            .zip(&reports)
            .map(|(unit, report)| (unit.range.start, &**report))
            .collect();
        let merged = Arc::new(merge(self.setting.method, &parts));
        self.cache.keep_unit(key, merged.clone());
        Ok(merged)
    }

    /// Parses and segments a document's text, and looks up the explanations of its units.
    /// Unchanged units come from `previous`, with their explanations from `known`, the report on it.
    pub fn prepare(
        &mut self,
        id: &DocumentId,
        revision: u64,
        snapshot: Snapshot,
        previous: Option<Previous>,
        known: Option<&DocumentReport>,
    ) -> Prepared {
        *self.attempt = Attempt::Segmenting(id.clone(), revision);
        let started = Instant::now();
        let previous = previous.map(|previous| previous.under(self.setting));
        let reading = self.read(snapshot, previous.as_ref().map(|previous| &previous.reading));
        let known = known
            .zip(previous.as_ref())
            .filter(|(report, previous)| previous.is_of(report));
        let (mut keys, mut tokens, mut units) = (Vec::new(), Vec::new(), Vec::new());
        for (unit, kept) in reading.segments().units.iter().zip(reading.kept()) {
            if let (Some(kept), Some(previous)) = (*kept, &previous) {
                keys.push(previous.keys[kept]);
                tokens.push(previous.tokens[kept]);
            } else {
                let text = reading.snapshot().text(unit.range.clone());
                keys.push(self.setting.key(Kind::Unit, &text, unit.language));
                tokens.push(self.count(&text, unit.language));
            }
            units.push(kept.and_then(|kept| known?.0.units[kept].clone()));
        }
        self.cache.fill_units(&keys, &mut units);
        *self.attempt = Attempt::Nothing;
        let previous = Previous {
            reading,
            keys: keys.into(),
            tokens: tokens.into(),
            setting: self.setting.clone(),
        };
        Prepared {
            previous,
            units,
            took: started.elapsed(),
        }
    }

    fn read(&self, snapshot: Snapshot, previous: Option<&Reading>) -> Reading {
        let tokens = |text: &str, language: Language| self.count(text, language);
        let window = self.engine.window();
        Reading::new(
            snapshot,
            previous,
            &Budget {
                tokens: &tokens,
                window,
            },
        )
    }

    /// The segments of a text of unknown syntax.
    fn segments(&self, snapshot: &Snapshot) -> Segments {
        let tokens = |text: &str, language: Language| self.count(text, language);
        segment::segment(
            snapshot,
            &Err(Unparsed::NoGrammar),
            &Budget {
                tokens: &tokens,
                window: self.engine.window(),
            },
        )
    }

    /// The number of tokens of a text. Counting a long document at every keystroke would cost more than explaining the change.
    fn count(&self, text: &str, language: Language) -> usize {
        let key = self.setting.key(Kind::Count, text, language);
        self.cache.count(key, || {
            self.engine.count(text, self.setting.effective_language(language))
        })
    }
}
