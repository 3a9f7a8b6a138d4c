//! The model's thread: it owns the model, takes what is most urgent, computes it, and sleeps when there is nothing.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::answers::{Interrupted, LastComparison};
use super::cache::Setting;
use super::compute::{Attempt, Compute, Quarantine};
use super::document::{Document, Stage};
use super::engine::{Engine, Loader};
use super::options::{Event, ModelStatus};
use super::pool::{Pool, lower_priority};
use super::queue::{Priority, Question};
use super::state::{Running, Shared, State};
use super::{DocumentId, Refusal};
use crate::model::ops;

/// While documents are being analyzed, lenses are made anew at most this often.
const LENSES_EVERY: Duration = Duration::from_secs(1);

/// One thing to do.
pub(super) enum Action {
    Load,
    Resize(usize),
    Answer(Arc<Question>, Arc<AtomicBool>),
    Segment(DocumentId),
    Batch(Batch),
    /// What the words of one unit on screen are made of, before anybody asks.
    Prefetch(Batch),
    Lenses,
    /// What resembles the items of a document in the workspace, for some milliseconds.
    Relate(DocumentId, Arc<AtomicBool>),
}

/// Units of one document for one forward pass.
pub(super) struct Batch {
    pub(super) id: DocumentId,
    pub(super) revision: u64,
    pub(super) units: Vec<usize>,
    pub(super) stop: Arc<AtomicBool>,
}

/// Answers everybody when the thread ends, however it ends.
struct LastWord(Arc<Shared>);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What only the model thread has.
pub struct Worker {
    /// What it shares with the handles.
    pub(super) shared: Arc<Shared>,
    /// The model, once loaded.
    pub(super) engine: Option<Box<dyn Engine>>,
    /// Where the model comes from, for the day it panics.
    pub(super) loader: Option<Loader>,
    /// Where it computes.
    pub(super) pool: Pool,
    /// What it panicked on.
    pub(super) quarantine: Quarantine,
    /// What it is trying.
    pub(super) attempt: Attempt,
    /// When it panicked lately.
    pub(super) panics: VecDeque<Instant>,
    /// Whether it said that it is busy.
    pub(super) told_busy: bool,
    /// What it compared last.
    pub(super) compared: Option<LastComparison>,
}

impl Worker {
    /// Works until the shared state says that it has ended.
    pub fn run(shared: Arc<Shared>) {
        let _last = LastWord(shared.clone());
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
            told_busy: false,
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

    /// The next thing to do, slept for if need be; `None` at the end.
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
                    // Memory for the next batch, of which none is to be expected now. It takes a moment, which nobody should wait for.
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

    /// Questions go before documents, and a document's batch that was stopped too often before everything.
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

    /// What has not been told yet and would otherwise wait until the next batch.
    fn news_before_sleep(&mut self, state: &mut State) -> Vec<Event> {
        let mut news: Vec<Event> = state
            .documents
            .iter_mut()
            .filter_map(|(_, document)| document.announce(None))
            .map(Event::Report)
            .collect();
        if std::mem::take(&mut self.told_busy) {
            news.push(Event::Busy(false));
        }
        news
    }

    fn perform(&mut self, action: &Action) {
        if matches!(action, Action::Load | Action::Segment(_) | Action::Batch(_)) {
            // Traces take much memory, and who edits no longer looks at a comparison.
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

    /// What computing needs; `None` without a model.
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

    /// What results depend on at this moment.
    pub(super) fn setting(&self) -> Result<Arc<Setting>, Interrupted> {
        self.shared
            .state()
            .setting
            .clone()
            .ok_or(Interrupted::Refused(Refusal::Loading))
    }
}

/// The least urgent thing there is: nothing else is to be done, and everything may interrupt it.
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

/// Notes what is being computed, for those who may have to stop it.
fn start(
    state: &mut State,
    priority: Priority,
    interruptible: bool,
    question: Option<Arc<Question>>,
    document: Option<DocumentId>,
) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    state.running = Some(Running {
        priority,
        interruptible,
        question,
        document,
        stop: stop.clone(),
    });
    stop
}
