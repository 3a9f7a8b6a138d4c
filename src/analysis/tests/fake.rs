//! A model with answers that can be computed by hand. It waits, fails and panics on demand, and records its work.
//!
//! The protocol tests use it, too.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use fovea::analysis::{Comparison, Engine, Loader, SourcesReport, Toward, UnitReport, WordScore};
use fovea::explain::predict::{Next, Prediction, Why, Wish};
use fovea::explain::trust::{Judged, Trust, Verdict};
use fovea::explain::{Heads, Link, Means, Method, PairReport, Parts, Shares, Side, Which};
use fovea::model::{Checkpoint, ModelError, ModelInfo, Pooling, Prompts, Reader};
use fovea::similar::ask::{Answer, AnswerWord, Looked, Passage, Question, Scored, sentences};
use fovea::similar::index::ReadQuery;
use fovea::text::{Language, Snapshot, source_words};

/// The model panics on a text with this word.
const POISON: &str = "KNOCK_OVER";

/// Locks what a test shares with the model, whatever a panic left.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A gate where the model waits until it opens or the checkpoint stops it.
#[derive(Default)]
pub struct Gate {
    shut: Mutex<bool>,
    changed: Condvar,
    arrived: AtomicUsize,
}

impl Gate {
    pub fn shut(&self) {
        *lock(&self.shut) = true;
    }

    pub fn open(&self) {
        *lock(&self.shut) = false;
        self.changed.notify_all();
    }

    /// How often the model came to the gate.
    pub fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Waits for the gate.
    fn pass(&self, checkpoint: Checkpoint) -> Result<(), ModelError> {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let mut shut = lock(&self.shut);
        loop {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            if !*shut {
                return Ok(());
            }
            let waited = self.changed.wait_timeout(shut, Duration::from_millis(1));
            shut = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

/// The behavior and the work of a test's model; shared by all models from its loaders.
#[derive(Default)]
pub struct Script {
    /// Texts of each completed forward pass.
    pub passes: Mutex<Vec<Vec<String>>>,
    /// Texts whose tokens were counted.
    pub counted: AtomicUsize,
    /// Computed word sources.
    pub sources: AtomicUsize,
    /// Begun loads.
    pub loads: AtomicUsize,
    /// Models that were dropped.
    pub dropped: AtomicUsize,
    /// Every computation waits here.
    pub gate: Gate,
    /// Loading waits here.
    pub loading: Gate,
    /// The model panics on a text that contains this.
    pub poison: Mutex<Option<&'static str>>,
    /// The model fails on a text that contains this.
    pub fault: Mutex<Option<&'static str>>,
    /// The reason why loading fails; `panic` makes it panic.
    no_model: Mutex<Option<String>>,
    heads: Mutex<Heads>,
}

impl Script {
    /// The texts that the model analyzed, in order.
    pub fn texts(&self) -> Vec<String> {
        lock(&self.passes).concat()
    }

    /// Forgets the passes so far.
    pub fn forget(&self) {
        lock(&self.passes).clear();
    }

    /// The attention maps of the last analysis.
    pub fn heads(&self) -> Heads {
        *lock(&self.heads)
    }

    /// Makes loading fail with a reason, or succeed again.
    pub fn fail_loading(&self, reason: Option<&str>) {
        *lock(&self.no_model) = reason.map(str::to_owned);
    }

    /// Loads a model with a name and a window.
    ///
    /// # Errors
    /// The reason of [`Script::fail_loading`].
    pub fn load(self: &Arc<Script>, name: &str, window: usize) -> Result<Fake, String> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        // Nothing stops a load.
        let _ = self.loading.pass(&|| false);
        match lock(&self.no_model).clone() {
            Some(reason) if reason == "panic" => panic!("loading panics"),
            Some(reason) => Err(reason),
            None => Ok(Fake {
                script: self.clone(),
                name: name.to_owned(),
                window,
            }),
        }
    }

    /// Makes loaders. A loader for a folder loads a model with the folder's path as its name.
    pub fn loaders(self: &Arc<Script>) -> impl Fn(Option<&Path>) -> Loader + Send + Sync + 'static {
        let script = self.clone();
        move |dir| {
            let script = script.clone();
            let name = dir.map_or_else(|| "fake".to_owned(), |dir| dir.display().to_string());
            Box::new(move || {
                let fake = script.load(&name, 10_000)?;
                Ok(Box::new(fake) as Box<dyn Engine>)
            })
        }
    }

    /// Fails or panics on a text, if the test wants it.
    fn meet(&self, text: &str, window: usize) -> Result<(), ModelError> {
        let poison = text.contains(POISON) || lock(&self.poison).is_some_and(|poison| text.contains(poison));
        assert!(!poison, "the model panics at {text}");
        if lock(&self.fault).is_some_and(|fault| text.contains(fault)) {
            return Err(ModelError::TooLong {
                tokens: text.len(),
                window,
            });
        }
        Ok(())
    }
}

/// The model.
pub struct Fake {
    script: Arc<Script>,
    name: String,
    window: usize,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.script.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl Engine for Fake {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: self.name.clone(),
            id: self.name.clone(),
            architecture: "fake".to_owned(),
            layers: 2,
            heads: 3,
            hidden: 64,
            window: self.window,
            vocabulary: 1,
            pooling: Pooling::Mean,
            prompts: Prompts::default(),
            abilities: vec![fovea::model::Ability::Embed],
            weights: "f32".to_owned(),
            multilingual: None,
        }
    }

    fn window(&self) -> usize {
        self.window
    }

    fn count(&self, text: &str, _: Language) -> usize {
        self.script.counted.fetch_add(1, Ordering::SeqCst);
        source_words(text).len() + 2
    }

    fn analyze(
        &self,
        texts: &[(&str, Language)],
        method: Method,
        heads: Heads,
        stop: Checkpoint,
    ) -> Result<Vec<UnitReport>, ModelError> {
        self.script.gate.pass(stop)?;
        *lock(&self.script.heads) = heads;
        let mut reports = Vec::new();
        for (text, _) in texts {
            self.script.meet(text, self.window)?;
            reports.push(report_of(text, method));
        }
        lock(&self.script.passes).push(texts.iter().map(|(text, _)| (*text).to_owned()).collect());
        Ok(reports)
    }

    /// Half of a word's share is its own; the rest comes from the other words and decreases with distance.
    fn sources(&self, (text, _): (&str, Language), stop: Checkpoint) -> Result<SourcesReport, ModelError> {
        self.script.gate.pass(stop)?;
        self.script.sources.fetch_add(1, Ordering::SeqCst);
        let words = source_words(text).len();
        let mut shares = Vec::with_capacity(words * words);
        for i in 0..words {
            let weight = |j: usize| {
                if i == j {
                    0.0
                } else {
                    1.0 / (i.abs_diff(j) as f32).powi(2)
                }
            };
            let sum: f32 = (0..words).map(weight).sum();
            shares.extend((0..words).map(|j| if i == j { 0.5 } else { 0.5 * weight(j) / sum }));
        }
        Ok(SourcesReport { shares, words })
    }

    /// Deleting most telling words changes the embedding twice as much as deleting random ones.
    fn trust(
        &self,
        (text, _): (&str, Language),
        (method, scores): (Method, &[f32]),
        stop: Checkpoint,
    ) -> Result<Trust, ModelError> {
        self.script.gate.pass(stop)?;
        assert_eq!(scores.len(), source_words(text).len());
        Ok(judged(Judged::Embedding, method, scores.len()))
    }

    fn query(&self, text: &str) -> Result<ReadQuery, ModelError> {
        self.script.meet(text, self.window)?;
        let mut query = report_of(text, Method::Decomposition).embedding.to_vec();
        let length = query.iter().map(|x| x * x).sum::<f32>().sqrt();
        query.iter_mut().for_each(|x| *x /= length.max(f32::MIN_POSITIVE));
        // The model can read only ASCII.
        let note = (!text.is_ascii()).then(|| "the model knows nothing of this query".to_owned());
        Ok(ReadQuery {
            vector: query,
            note,
            reader: Reader::Chosen,
            expected: Some(0.18),
        })
    }

    /// Predicts the last word again, with probability 1.
    fn predict(
        &self,
        document: &Snapshot,
        at: usize,
        wish: &Wish,
        checkpoint: Checkpoint,
    ) -> Result<Prediction, ModelError> {
        self.script.gate.pass(checkpoint)?;
        let text = document.text(0..at);
        let words: Vec<_> = source_words(&text).into_iter().map(|word| word.range).collect();
        let token = words
            .last()
            .map_or_else(String::new, |word| text[word.clone()].to_owned());
        let why = wish.why.as_ref().map(|question| Why {
            token: token.clone(),
            rather_than: None,
            target: "logit",
            by: question.by,
            parts: Parts {
                scores: vec![1.0; words.len()],
                value: words.len() as f64,
                ranges: words,
                residual: Some(0.0),
                ..Parts::default()
            },
            ms: 1.0,
        });
        let next = Next {
            id: 7,
            token,
            probability: 1.0,
        };
        Ok(Prediction {
            next: vec![next],
            why,
            ..Prediction::default()
        })
    }

    /// Every word has the same share of the product of the embedding and the direction.
    fn along(&self, (text, _): (&str, Language), direction: &[f32], stop: Checkpoint) -> Result<Toward, ModelError> {
        self.script.gate.pass(stop)?;
        let embedding = self.query(text)?.vector;
        let value: f64 = embedding.iter().zip(direction).map(|(a, b)| f64::from(a * b)).sum();
        let words: Vec<_> = source_words(text).into_iter().map(|word| word.range).collect();
        Ok(Toward {
            embedding,
            along: Parts {
                value,
                scores: vec![value as f32 / words.len().max(1) as f32; words.len()],
                ranges: words,
                residual: Some(0.0),
                ..Parts::default()
            },
        })
    }

    /// Scores each sentence by the words that it shares with the question.
    fn look(
        &self,
        question: &Question,
        (_, passage): (usize, &Passage),
        stop: Checkpoint,
    ) -> Result<Looked, ModelError> {
        self.script.gate.pass(stop)?;
        let asked = self.query(question.text())?.vector;
        let mut found = Vec::new();
        for range in sentences(
            &|text, language| self.count(text, language),
            &passage.snapshot,
            &passage.range,
        ) {
            let own = self.query(&passage.snapshot.text(range.clone()))?.vector;
            let score = asked.iter().zip(&own).map(|(a, b)| a * b).sum();
            found.push(Scored { range, score });
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(Looked::Sentences(found))
    }

    fn trust_answer(
        &self,
        question: &Question,
        (passage, range): (&Passage, &std::ops::Range<usize>),
        stop: Checkpoint,
    ) -> Result<Option<Trust>, ModelError> {
        self.script.gate.pass(stop)?;
        assert!(!question.text().is_empty() && passage.range.end >= range.end);
        let words = source_words(&passage.snapshot.text(range.clone())).len();
        Ok(Some(judged(Judged::Answer, Method::Decomposition, words)))
    }

    /// Each word has the same share, and answers the same word of the question.
    fn explain_answer(
        &self,
        question: &Question,
        (passage, place): (usize, &Passage),
        own: &Scored,
        stop: Checkpoint,
    ) -> Result<Answer, ModelError> {
        self.script.gate.pass(stop)?;
        let text = place.snapshot.text(own.range.clone()).into_owned();
        let report = Compared(question.text().to_owned(), text.clone()).report(false, None, stop)?;
        let asked = |word: usize| {
            let link = report.alignment.iter().find(|link| link.b == word)?;
            Some(question.text()[report.a.words[link.a].clone()].to_owned())
        };
        let words = report.b.words.iter().zip(&report.b.scores).enumerate();
        let word = |(index, (range, score)): (usize, (&std::ops::Range<usize>, &f32))| AnswerWord {
            range: own.range.start + range.start..own.range.start + range.end,
            score: *score,
            rank: index as u32 + 1,
            question: asked(index),
        };
        Ok(Answer {
            passage,
            range: own.range.clone(),
            score: own.score,
            target: "cosine",
            method: Method::Decomposition,
            value: report.cosine,
            residual: Some(report.residual),
            special: report.b.special,
            bias: report.b.bias,
            model: report.model.clone(),
            words: words.map(word).collect(),
        })
    }

    fn read_pair(
        &self,
        (a, _): (&str, Language),
        (b, _): (&str, Language),
        stop: Checkpoint,
    ) -> Result<Box<dyn Comparison>, ModelError> {
        self.script.gate.pass(stop)?;
        self.script.meet(a, self.window)?;
        self.script.meet(b, self.window)?;
        Ok(Box::new(Compared(a.to_owned(), b.to_owned())))
    }
}

/// A comparison of two passages, in which equal words share the cosine.
#[derive(Debug)]
struct Compared(String, String);

/// A verdict on a text of some words: deleting marked words changes twice as much as deleting random ones.
fn judged(target: Judged, method: Method, words: usize) -> Trust {
    Trust {
        target,
        method: method.name().to_owned(),
        deleted: 2,
        words,
        marked: 0.5,
        random: 0.25,
        beats: 1.0,
        sets: 40,
        ratio: 2.0,
        verdict: Verdict::Holds,
        sentence: "Removing the two marked words changes it 2.0 times as much as removing two random ones.".to_owned(),
        curve: vec![(1, 0.25), (2, 0.5)],
        ms: 1.0,
    }
}

impl Comparison for Compared {
    fn trust(&self, _: Option<Means>, _: Checkpoint) -> Result<Trust, ModelError> {
        let words = [&self.0, &self.1].map(|text| source_words(text).len());
        Ok(judged(Judged::Similarity, Method::Decomposition, words.iter().sum()))
    }

    fn report(&self, pairs: bool, _: Option<Means>, _: Checkpoint) -> Result<PairReport, ModelError> {
        let Compared(a, b) = self;
        let (left, right) = (source_words(a), source_words(b));
        let same = |i: usize, j: usize| a[left[i].range.clone()] == b[right[j].range.clone()];
        let links: Vec<(usize, usize)> = (0..left.len())
            .flat_map(|i| (0..right.len()).map(move |j| (i, j)))
            .filter(|(i, j)| same(*i, *j))
            .collect();
        let share = 0.5 / links.len().max(1) as f32;
        let (rows, columns) = (left.len() + 2, right.len() + 2);
        let mut matrix = vec![0.0; rows * columns];
        for (i, j) in &links {
            matrix[i * columns + j] = share;
        }
        let side = |words: &[fovea::text::Word]| Side {
            words: words.iter().map(|word| word.range.clone()).collect(),
            scores: vec![share; words.len()],
            special: 0.0,
            bias: 0.0,
            coverage: 1.0,
        };
        Ok(PairReport {
            cosine: if links.is_empty() { 0.0 } else { 0.5 },
            residual: 0.0,
            a: side(&left),
            b: side(&right),
            pairs: pairs.then_some(matrix),
            alignment: links
                .iter()
                .map(|(a, b)| Link {
                    a: *a,
                    b: *b,
                    cosine: 1.0,
                })
                .collect(),
            centered: None,
            model: "fake".to_owned(),
            ms: 1.0,
        })
    }

    fn row(&self, which: Which, word: usize, stop: Checkpoint) -> Result<Option<Shares>, ModelError> {
        let report = self.report(true, None, stop)?;
        let (own, other) = (report.a.words.len(), report.b.words.len());
        let (words, others) = match which {
            Which::A => (own, other),
            Which::B => (other, own),
        };
        let entry = |index: usize| match which {
            Which::A => report.row(word).map_or(0.0, |row| row[index]),
            Which::B => report.row(index).map_or(0.0, |row| row[word]),
        };
        Ok((word < words).then(|| Shares {
            words: (0..others).map(entry).collect(),
            special: 0.0,
            bias: 0.0,
        }))
    }
}

/// The report of a text.
///
/// A word's share grows with its length. A text's vector counts its words, so that texts with the same words are similar. The model
/// does not understand text outside ASCII.
pub fn report_of(text: &str, method: Method) -> UnitReport {
    let words = source_words(text);
    let all: usize = words.iter().map(|word| word.range.len().pow(2)).sum();
    let scores: Vec<f32> = words
        .iter()
        .map(|word| 0.8 * word.range.len().pow(2) as f32 / all.max(1) as f32)
        .collect();
    let rank = |score: f32, index: usize| {
        1 + scores
            .iter()
            .enumerate()
            .filter(|(j, other)| **other > score || (**other == score && *j < index))
            .count() as u32
    };
    let mut embedding = vec![0.01f32; 64];
    for word in words.iter().map(|word| &text[word.range.clone()]) {
        let hash = word.bytes().fold(17u64, |hash, byte| {
            hash.wrapping_mul(1_099_511_628_211) ^ u64::from(byte)
        });
        embedding[(hash >> 7) as usize % 64] += 1.0;
    }
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let read = text.chars().filter(char::is_ascii_alphabetic).count();
    UnitReport {
        method,
        words: words
            .iter()
            .enumerate()
            .map(|(i, word)| WordScore {
                range: word.range.clone(),
                score: scores[i],
                rank: rank(scores[i], i),
            })
            .collect(),
        tokens: words.len() + 2,
        special: 2,
        coverage: if letters == 0 {
            1.0
        } else {
            read as f32 / letters as f32
        },
        bias_share: 0.1,
        special_share: 0.1,
        residual: 0.0,
        embedding: embedding.into(),
        ms: 1.0,
        multilingual: None,
    }
}
