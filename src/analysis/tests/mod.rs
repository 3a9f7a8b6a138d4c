//! Tests of the scheduler with engines that are slow, stop, fail and panic on demand.

mod disk;
mod documents;
mod neighbors;
mod questions;
#[cfg(feature = "embedded-model")]
mod real;
#[cfg(feature = "embedded-model")]
mod remote_index;
mod robustness;
#[cfg(feature = "embedded-model")]
mod workspace;

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::queue::lock;
use super::{
    AnalysisHandle, CancellationToken, DocumentId, DocumentReport, Engine, Event, Home, Options, SourcesReport,
    UnitReport, WordScore,
};
use crate::analysis::{Comparison, Toward};
use crate::explain::predict::{Next, Prediction, Why, Wish};
use crate::explain::trust::Trust;
use crate::explain::{Heads, Method, Parts};
use crate::model::{Checkpoint, ModelError, ModelInfo, Pooling, Prompts};
use crate::similar::ask::{Answer, Looked, Passage, Question, Scored};
use crate::similar::decision::Detail;
use crate::similar::index::ReadQuery;
use crate::text::{ByteRange, Language, Snapshot, source_words};

/// A test that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(30);

/// A gate where the engine waits until it opens or the checkpoint stops it.
#[derive(Default)]
pub struct Gate {
    shut: Mutex<bool>,
    changed: Condvar,
    arrived: AtomicUsize,
}

impl Gate {
    fn shut(&self) {
        *lock(&self.shut) = true;
    }

    fn open(&self) {
        *lock(&self.shut) = false;
        self.changed.notify_all();
    }

    /// Waits for the gate; `true` if the checkpoint stopped the wait.
    fn pass(&self, checkpoint: Checkpoint) -> bool {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let mut shut = lock(&self.shut);
        loop {
            if checkpoint() {
                return true;
            }
            if !*shut {
                return false;
            }
            shut = self
                .changed
                .wait_timeout(shut, Duration::from_millis(1))
                .expect("not poisoned")
                .0;
        }
    }

    fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }
}

/// The behavior and the calls of a test's engine; shared by all engines from its loader.
#[derive(Default)]
pub struct Script {
    /// Texts of each completed forward pass.
    passes: Mutex<Vec<Vec<String>>>,
    counted: AtomicUsize,
    sources: AtomicUsize,
    loads: AtomicUsize,
    dropped: AtomicUsize,
    /// Every `analyze` and `sources` waits here.
    gate: Gate,
    /// Loading waits here.
    loading: Gate,
    /// The engine panics on a text that contains this.
    poison: Mutex<Option<&'static str>>,
    /// The engine fails on a text that contains this.
    fault: Mutex<Option<&'static str>>,
    /// The reason why loading fails.
    no_model: Mutex<Option<&'static str>>,
}

impl Script {
    fn texts(&self) -> Vec<String> {
        lock(&self.passes).concat()
    }

    fn forget(&self) {
        lock(&self.passes).clear();
    }

    fn meet(&self, text: &str) -> Result<(), ModelError> {
        if lock(&self.poison).is_some_and(|poison| text.contains(poison)) {
            panic!("the engine panics on {text}");
        }
        if lock(&self.fault).is_some_and(|fault| text.contains(fault)) {
            return Err(ModelError::TooLong {
                tokens: 1000,
                window: WINDOW,
            });
        }
        Ok(())
    }
}

const WINDOW: usize = 128;

struct Fake {
    script: Arc<Script>,
    id: String,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.script.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl Engine for Fake {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: "fake".into(),
            id: self.id.clone(),
            architecture: "fake".into(),
            layers: 1,
            heads: 1,
            hidden: 64,
            window: WINDOW,
            vocabulary: 1,
            pooling: Pooling::Mean,
            prompts: Prompts::default(),
            abilities: vec![crate::model::Ability::Embed],
            weights: "f32".into(),
            multilingual: None,
        }
    }

    fn window(&self) -> usize {
        WINDOW
    }

    fn count(&self, text: &str, _: Language) -> usize {
        self.script.counted.fetch_add(1, Ordering::SeqCst);
        source_words(text).len() + 2
    }

    fn analyze(
        &self,
        texts: &[(&str, Language)],
        method: Method,
        _: Heads,
        checkpoint: Checkpoint,
    ) -> Result<Vec<UnitReport>, ModelError> {
        if self.script.gate.pass(checkpoint) {
            return Err(ModelError::Stopped);
        }
        let mut reports = Vec::new();
        for (text, _) in texts {
            self.script.meet(text)?;
            reports.push(explain(text, method));
        }
        lock(&self.script.passes).push(texts.iter().map(|(text, _)| (*text).to_owned()).collect());
        Ok(reports)
    }

    fn sources(&self, (text, _): (&str, Language), checkpoint: Checkpoint) -> Result<SourcesReport, ModelError> {
        if self.script.gate.pass(checkpoint) {
            return Err(ModelError::Stopped);
        }
        self.script.sources.fetch_add(1, Ordering::SeqCst);
        let words = source_words(text).len();
        Ok(SourcesReport {
            shares: vec![0.0; words * words],
            words,
        })
    }

    fn trust(&self, _: (&str, Language), _: (Method, &[f32]), _: Checkpoint) -> Result<Trust, ModelError> {
        Err(ModelError::Unable("be judged"))
    }

    fn query(&self, text: &str) -> Result<ReadQuery, ModelError> {
        self.script.meet(text)?;
        let mut query = explain(text, Method::Decomposition).embedding.to_vec();
        let length = query.iter().map(|x| x * x).sum::<f32>().sqrt();
        query.iter_mut().for_each(|x| *x /= length.max(f32::MIN_POSITIVE));
        Ok(query.into())
    }

    /// The last word comes again, and surely.
    fn predict(
        &self,
        document: &Snapshot,
        at: usize,
        wish: &Wish,
        checkpoint: Checkpoint,
    ) -> Result<Prediction, ModelError> {
        if self.script.gate.pass(checkpoint) {
            return Err(ModelError::Stopped);
        }
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

    /// The direction's first number is shared by all words alike.
    fn along(
        &self,
        (text, _): (&str, Language),
        direction: &[f32],
        checkpoint: Checkpoint,
    ) -> Result<Toward, ModelError> {
        if self.script.gate.pass(checkpoint) {
            return Err(ModelError::Stopped);
        }
        let words: Vec<_> = source_words(text).into_iter().map(|word| word.range).collect();
        let score = direction[0] / words.len().max(1) as f32;
        Ok(Toward {
            embedding: self.query(text)?.vector,
            along: Parts {
                value: f64::from(direction[0]),
                scores: vec![score; words.len()],
                ranges: words,
                residual: Some(0.0),
                ..Parts::default()
            },
        })
    }

    /// A passage is one sentence.
    fn look(
        &self,
        question: &Question,
        (_, passage): (usize, &Passage),
        checkpoint: Checkpoint,
    ) -> Result<Looked, ModelError> {
        if self.script.gate.pass(checkpoint) {
            return Err(ModelError::Stopped);
        }
        let own = self.query(&passage.snapshot.text(passage.range.clone()))?.vector;
        let asked = self.query(question.text())?.vector;
        let score = asked.iter().zip(&own).map(|(a, b)| a * b).sum();
        let range = passage.range.clone();
        Ok(Looked::Sentences(vec![Scored { range, score }]))
    }

    fn explain_answer(
        &self,
        _: &Question,
        _: (usize, &Passage),
        _: &Scored,
        _: Checkpoint,
    ) -> Result<Answer, ModelError> {
        Err(ModelError::Unable("explain an answer"))
    }

    fn trust_answer(
        &self,
        _: &Question,
        _: (&Passage, &ByteRange),
        _: Checkpoint,
    ) -> Result<Option<Trust>, ModelError> {
        Err(ModelError::Unable("be judged"))
    }

    fn read_pair(
        &self,
        (a, _): (&str, Language),
        (b, _): (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Box<dyn Comparison>, ModelError> {
        if self.script.gate.pass(checkpoint) {
            return Err(ModelError::Stopped);
        }
        self.script.meet(a)?;
        self.script.meet(b)?;
        Err(ModelError::TooLong {
            tokens: a.len() + b.len(),
            window: WINDOW,
        })
    }
}

/// Equal shares for all words, and an embedding that counts words.
/// Texts with the same words are thus similar.
fn explain(text: &str, method: Method) -> UnitReport {
    let words = source_words(text);
    let share = 0.8 / words.len().max(1) as f32;
    let mut embedding = vec![0f32; 64];
    for word in words
        .iter()
        .map(|word| &text[word.range.clone()])
        .filter(|word| word.starts_with(char::is_alphabetic))
    {
        let hash = word
            .bytes()
            .fold(17u64, |hash, byte| hash.wrapping_mul(1099511628211) ^ u64::from(byte));
        embedding[(hash >> 7) as usize % 64] += 1.0;
    }
    UnitReport {
        method,
        words: (1..)
            .zip(&words)
            .map(|(rank, word)| WordScore {
                range: word.range.clone(),
                score: share,
                rank,
            })
            .collect(),
        tokens: words.len() + 2,
        coverage: 1.0,
        bias_share: if words.is_empty() { 0.9 } else { 0.1 },
        special_share: 0.1,
        residual: 0.0,
        embedding: embedding.into(),
        ms: 0.1,
        multilingual: None,
    }
}

/// An analysis with a scripted engine.
struct Bench {
    analysis: AnalysisHandle,
    events: Receiver<Event>,
    script: Arc<Script>,
}

fn options(debounce: Duration) -> Options {
    Options {
        threads: 1,
        debounce,
        // The samples are too short for the filter of news.
        detail: Detail::All,
        ..Options::default()
    }
}

/// A debounce that no test reaches.
const NEVER: Duration = Duration::from_secs(3600);

impl Bench {
    fn new(debounce: Duration) -> Bench {
        Bench::with(Arc::default(), options(debounce))
    }

    fn with(script: Arc<Script>, options: Options) -> Bench {
        let (tell, events) = channel();
        let load = super::loader(load(script.clone(), "one"));
        let analysis = AnalysisHandle::start(load, options, move |event| {
            let _ = tell.send(event);
        });
        Bench {
            analysis,
            events,
            script,
        }
    }

    /// Waits for the first event that `pick` accepts.
    fn event<T>(&self, pick: impl Fn(Event) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).expect("the event comes");
            if let Some(found) = pick(event) {
                return found;
            }
        }
    }

    /// Waits for the complete report on a version.
    fn completed(&self, version: i32) -> Arc<DocumentReport> {
        self.event(|event| match event {
            Event::Report(report) if report.complete() && report.snapshot.version() == version => Some(report),
            _ => None,
        })
    }

    fn ready(&self) {
        self.event(|event| matches!(event, Event::ModelReady { .. }).then_some(()));
    }

    /// Opens a Rust document.
    fn open(&self, name: &str, text: &str) -> (DocumentId, Snapshot) {
        let snapshot = rust(text, 1);
        self.analysis.update(&id(name), snapshot.clone());
        (id(name), snapshot)
    }
}

fn load(script: Arc<Script>, id: &'static str) -> impl Fn() -> Result<Fake, String> + Send + 'static {
    move || {
        script.loads.fetch_add(1, Ordering::SeqCst);
        script.loading.pass(&|| false);
        match *lock(&script.no_model) {
            Some("panic") => panic!("loading panics"),
            Some(why) => Err(why.to_owned()),
            None => Ok(Fake {
                script: script.clone(),
                id: id.into(),
            }),
        }
    }
}

fn id(name: &str) -> DocumentId {
    name.into()
}

fn rust(text: &str, version: i32) -> Snapshot {
    Snapshot::new(text, version, Language::Rust)
}

fn no_cancel() -> CancellationToken {
    CancellationToken::new()
}

/// Functions of one unit each: too long to share a unit, short enough not to be split.
fn functions(names: &[&str]) -> String {
    let function = |name: &&str| {
        let body: String = (0..8)
            .map(|i| format!("    let {name}_{i} = compute_{i}(input, {i});\n"))
            .collect();
        format!("fn {name}(input: u32) {{\n{body}}}\n\n")
    };
    names.iter().map(function).collect()
}

/// Waits until a condition becomes true in another thread.
fn until(what: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !what() {
        assert!(Instant::now() < end, "the condition never became true");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs a future on this thread until it is ready.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(DEADLINE, future).await.expect("an answer") })
}

/// Runs a question on a thread of its own.
fn ask<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> std::thread::JoinHandle<T> {
    std::thread::spawn(move || wait(future))
}

/// Asks about a position, on a thread of its own.
fn ask_at(
    bench: &Bench,
    (id, snapshot): &(DocumentId, Snapshot),
    offset: usize,
    cancel: CancellationToken,
) -> std::thread::JoinHandle<Result<Option<super::CursorReport>, super::Refusal>> {
    let (analysis, id, snapshot) = (bench.analysis.clone(), id.clone(), snapshot.clone());
    ask(async move { analysis.explain_at(&id, snapshot, offset, cancel).await })
}
