//! The model thread: it owns the model, does the most urgent work first, and sleeps when there is none.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address::Setting;
use super::compute::{Attempt, Compute, Quarantine};
use super::engine::{Comparison, Engine, Loader};
use super::options::Event;
use super::pool::{Pool, lower_priority};
use super::scheduler::{self, Action, Means};
use super::state::{Shared, State};
use crate::model::ops;
use crate::text::Language;

/// Refuses all waiting requests when the thread ends, even by a panic.
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The last pair of passages, as the model read them, for questions about single words.
/// Dropped as soon as the model reads something else.
#[derive(Debug)]
pub(super) struct LastComparison {
    pub(super) setting: Arc<Setting>,
    pub(super) passages: [(String, Language); 2],
    pub(super) pair: Box<dyn Comparison>,
}

impl LastComparison {
    /// Whether it compares these passages under this setting.
    pub(super) fn is_of(&self, setting: &Arc<Setting>, a: &(String, Language), b: &(String, Language)) -> bool {
        self.setting == *setting && self.passages[0] == *a && self.passages[1] == *b
    }
}

/// The state that only the model thread uses.
pub struct Worker {
    /// The state shared with the handles.
    pub(super) shared: Arc<Shared>,
    /// The model, once loaded.
    pub(super) engine: Option<Box<dyn Engine>>,
    /// The loader of the model, for a restart after a panic.
    pub(super) loader: Option<Loader>,
    /// The threads that compute.
    pub(super) pool: Pool,
    /// Texts that made the model panic.
    pub(super) quarantine: Quarantine,
    /// The work in progress.
    pub(super) attempt: Attempt,
    /// Times of recent panics.
    pub(super) panics: VecDeque<Instant>,
    /// The last comparison.
    pub(super) compared: Option<LastComparison>,
}

/// How long the buffers of passes stay after the last work: the next keystroke would need them again.
const KEEP_BUFFERS: Duration = Duration::from_secs(2);

impl Worker {
    /// Works until the shared state says that it has ended.
    pub fn run(shared: Arc<Shared>) {
        let _last = EndOnDrop(shared.clone());
        lower_priority();
        let threads = shared.state().options.threads;
        let mut worker = Worker {
            shared,
            engine: None,
            loader: None,
            pool: Pool::new(threads),
            quarantine: Quarantine::default(),
            attempt: Attempt::Nothing,
            panics: VecDeque::new(),
            compared: None,
        };
        while let Some(action) = worker.next() {
            let outcome = catch_unwind(AssertUnwindSafe(|| worker.perform(&action)));
            worker.shared.state().running = None;
            if outcome.is_err() {
                worker.panicked(&action);
            }
        }
    }

    /// The next step; sleeps until there is one. `None` at the end.
    fn next(&mut self) -> Option<Action> {
        let shared = self.shared.clone();
        let mut state = shared.state();
        let mut idle_since = None;
        while !state.ended {
            let now = Instant::now();
            let means = Means {
                loaded: self.engine.is_some(),
                loadable: self.loader.is_some(),
                quarantine: &self.quarantine,
            };
            if let Some(action) = scheduler::next(&mut state, &means, now) {
                return Some(action);
            }
            let news = self.news_before_sleep(&mut state);
            if news.is_empty() {
                let idle = state.paused || self.engine.is_none();
                let batch = if idle { None } else { state.documents.deadline(now) };
                let free = match batch.is_none() && ops::holds_any() {
                    true => Some(*idle_since.get_or_insert(now) + KEEP_BUFFERS),
                    false => None,
                };
                if free.is_some_and(|free| free <= now) {
                    // Freeing takes a moment, during which no thread may wait for the lock.
                    drop(state);
                    ops::clear();
                    state = shared.state();
                    continue;
                }
                state = shared.sleep(state, batch.or(free));
                continue;
            }
            drop(state);
            news.into_iter().for_each(|event| shared.tell(event));
            state = shared.state();
        }
        None
    }

    /// Results that are not announced yet and would otherwise wait for the next batch.
    fn news_before_sleep(&mut self, state: &mut State) -> Vec<Event> {
        let mut news: Vec<Event> = state
            .documents
            .iter_mut()
            .filter_map(|(_, document)| document.announce(None))
            .map(Event::Report)
            .collect();
        if std::mem::take(&mut state.busy) {
            news.push(Event::Busy(false));
        }
        news
    }

    fn perform(&mut self, action: &Action) {
        if matches!(action, Action::Load | Action::Segment(_) | Action::Batch(_)) {
            // Traces take much memory, and a user who edits no longer looks at a comparison.
            self.compared = None;
        }
        match action {
            Action::Load => self.load(),
            Action::Resize(threads) => self.pool = Pool::new(*threads),
            Action::Answer(question, stop) => self.answer(question, stop),
            Action::Segment(id) => self.segment(id),
            Action::Batch(batch) => self.batch(batch),
            Action::Prefetch(batch) => self.prefetch(batch),
            Action::Lenses => self.lenses(),
            Action::Relate(id, stop) => self.find_neighbors(id, stop),
        }
    }

    /// The parts that a computation needs; `None` without a model.
    pub(super) fn compute<'a>(&'a mut self, setting: &'a Setting) -> Option<Compute<'a>> {
        Some(Compute {
            engine: self.engine.as_deref()?,
            pool: &self.pool,
            cache: &self.shared.cache,
            setting,
            quarantine: &self.quarantine,
            attempt: &mut self.attempt,
        })
    }

    /// What results depend on now; `None` without a model.
    pub(super) fn setting(&self) -> Option<Arc<Setting>> {
        self.shared.state().setting.clone()
    }
}
