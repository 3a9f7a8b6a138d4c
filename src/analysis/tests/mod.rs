//! Tests of the scheduler with engines that are slow, stop, fail and panic on demand.

mod disk;
mod documents;
#[expect(dead_code, reason = "the protocol tests use more of it")]
mod fake;
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
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::queue::lock;
use super::{
    AnalysisHandle, CancellationToken, DocumentId, DocumentReport, Event, Home, Options, SourcesReport, UnitReport,
};
use crate::explain::Method;
use crate::similar::decision::Detail;
use crate::text::{Language, Snapshot, source_words};
use fake::{Fake, Script, report_of};

/// A test that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(30);

const WINDOW: usize = 128;

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

fn load(script: Arc<Script>, name: &'static str) -> impl Fn() -> Result<Fake, String> + Send + 'static {
    move || script.load(name, WINDOW)
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
