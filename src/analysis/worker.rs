//! The model thread: it owns the model, does the most urgent work first, and sleeps when there is none.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address::Setting;
use super::compute::{Attempt, Compute, Quarantine};
use super::document::{Document, Stage};
use super::engine::{Comparison, Engine, Loader};
use super::options::{Event, ModelStatus};
use super::pool::{Pool, lower_priority};
use super::queue::{Priority, Question};
use super::state::{Running, Shared, State};
use super::{CancellationToken, DocumentId};
use crate::model::ops;
use crate::text::Language;

/// Minimum interval between two updates of the lenses while documents are analyzed.
const LENSES_EVERY: Duration = Duration::from_secs(1);

/// A step of the model thread.
pub(super) enum Action {
    Load,
    Resize(usize),
    Answer(Arc<Question>, CancellationToken),
    Segment(DocumentId),
    Batch(Batch),
    /// Computes the word sources of one unit on screen ahead of a request.
    Prefetch(Batch),
    Lenses,
    /// Searches neighbors of a document's items in the workspace, for some milliseconds.
    Relate(DocumentId, CancellationToken),
}

/// Units of one document for one forward pass.
pub(super) struct Batch {
    pub(super) id: DocumentId,
    pub(super) revision: u64,
    pub(super) units: Vec<usize>,
    pub(super) stop: CancellationToken,
}

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
    /// Whether it announced that it is busy.
    pub(super) announced_busy: bool,
    /// The last comparison.
    pub(super) compared: Option<LastComparison>,
}

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
            announced_busy: false,
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
        while !state.ended {
            let now = Instant::now();
            if let Some(action) = self.decide(&mut state, now) {
                return Some(action);
            }
            let news = self.news_before_sleep(&mut state);
            if news.is_empty() {
                let idle = state.paused || self.engine.is_none();
                let until = if idle { None } else { state.documents.deadline(now) };
                if until.is_none() && ops::holds_any() {
                    // No batch is expected soon, so that its buffers can be freed. That takes a moment, during which no
                    // thread may wait for the lock.
                    drop(state);
                    ops::clear();
                    state = shared.state();
                    continue;
                }
                state = shared.sleep(state, until);
                continue;
            }
            drop(state);
            news.into_iter().for_each(|event| shared.tell(event));
            state = shared.state();
        }
        None
    }

    /// Chooses the next step: questions go before documents, and a batch that was interrupted too often goes first.
    fn decide(&mut self, state: &mut State, now: Instant) -> Option<Action> {
        if let Some(loader) = state.loader.take() {
            self.loader = Some(loader);
            return Some(Action::Load);
        }
        if std::mem::take(&mut state.pool_changed) {
            return Some(Action::Resize(state.options.threads));
        }
        match state.model {
            ModelStatus::Failed(_) => return None,
            _ if self.engine.is_none() => return self.loader.is_some().then_some(Action::Load),
            _ if state.paused => return None,
            _ => {}
        }
        let next = state.documents.next(now);
        let waiting = next.as_ref().and_then(|(_, id)| state.documents.get(id));
        let owed = waiting.is_some_and(Document::owed);
        while let Some(question) = if owed { None } else { state.queue.pop() } {
            if question.abandoned() {
                continue;
            }
            if let Some(document) = next.as_ref().and_then(|(_, id)| state.documents.get_mut(id)) {
                document.passed_over();
            }
            let (priority, interruptible) = (question.ask.priority(), question.interruptible());
            let stop = start(state, priority, interruptible, Some(question.clone()), None);
            return Some(Action::Answer(question, stop));
        }
        let lenses_due = next.is_none() || state.lenses_made.is_none_or(|made| now >= made + LENSES_EVERY);
        if state.lenses_stale && lenses_due {
            return Some(Action::Lenses);
        }
        let Some((priority, id)) = next else {
            if let Some(id) = state.unrelated.first().cloned() {
                let stop = start(state, Priority::Rest, true, None, Some(id.clone()));
                return Some(Action::Relate(id, stop));
            }
            return prefetch(state);
        };
        let document = state.documents.get(&id)?;
        if document.stage == Stage::Changed {
            start(state, priority, false, None, Some(id.clone()));
            return Some(Action::Segment(id));
        }
        let (revision, interruptible) = (document.revision, document.interruptible());
        let units = document.pick(|key| self.quarantine.suspects(key));
        let stop = start(state, priority, interruptible, None, Some(id.clone()));
        Some(Action::Batch(Batch {
            id,
            revision,
            units,
            stop,
        }))
    }

    /// Results that are not announced yet and would otherwise wait for the next batch.
    fn news_before_sleep(&mut self, state: &mut State) -> Vec<Event> {
        let mut news: Vec<Event> = state
            .documents
            .iter_mut()
            .filter_map(|(_, document)| document.announce(None))
            .map(Event::Report)
            .collect();
        if std::mem::take(&mut self.announced_busy) {
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

/// The least urgent step, taken only when there is no other; everything may interrupt it.
fn prefetch(state: &mut State) -> Option<Action> {
    let (id, revision, unit) = state
        .documents
        .iter_mut()
        .find_map(|(id, document)| Some((id.clone(), document.revision, document.prefetch()?)))?;
    let stop = start(state, Priority::Rest, true, None, Some(id.clone()));
    let units = vec![unit];
    Some(Action::Prefetch(Batch {
        id,
        revision,
        units,
        stop,
    }))
}

/// Records the current work for threads that may have to stop it.
fn start(
    state: &mut State,
    priority: Priority,
    interruptible: bool,
    question: Option<Arc<Question>>,
    document: Option<DocumentId>,
) -> CancellationToken {
    let stop = CancellationToken::new();
    state.running = Some(Running {
        priority,
        interruptible,
        question,
        document,
        stop: stop.clone(),
    });
    stop
}
