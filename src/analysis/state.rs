//! State that the handle and the model thread share. No thread holds a lock while it computes or calls the listener.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::address::Setting;
use super::cache::Cache;
use super::documents::Documents;
use super::engine::Loader;
use super::lens_schedule::LensSchedule;
use super::lenses::Lenses;
use super::options::{Event, ModelStatus, Options};
use super::queue::{Ask, Asker, MAX_WAITING, Priority, Question, Queue, lock};
use super::remote_index::RemoteIndexClient;
use super::workspace::{Indexing, Workspace};
use super::{CancellationToken, DocumentId, Refusal};
use crate::model::Reader;
use crate::text::Snapshot;

/// The work that the model thread computes now.
pub struct Running {
    /// Its urgency.
    pub priority: Priority,
    /// Whether more urgent work may interrupt it.
    pub interruptible: bool,
    /// The question that it answers, if it is one.
    pub question: Option<Arc<Question>>,
    /// The document whose units it explains, if it is a batch.
    pub document: Option<DocumentId>,
    /// Canceled to stop the work between two layers.
    pub stop: CancellationToken,
}

/// All mutable state, behind one lock.
pub struct State {
    /// The settings.
    pub options: Options,
    /// A model to load before all other work.
    pub loader: Option<Loader>,
    /// Whether the model is loaded.
    pub model: ModelStatus,
    /// What results depend on besides their text; `None` without a model.
    pub setting: Option<Arc<Setting>>,
    /// The open documents.
    pub documents: Documents,
    /// The questions that wait.
    pub queue: Queue,
    /// The current work.
    pub running: Option<Running>,
    /// Whether work on whole documents was announced, and its end was not.
    pub busy: bool,
    /// Whether the user paused the analysis.
    pub paused: bool,
    /// Whether the size of the pool changed.
    pub pool_changed: bool,
    /// When the lenses are made anew.
    pub lenses: LensSchedule,
    /// The work of the index thread.
    pub indexing: Indexing,
    /// `None` while the model thread is awake; `Some(None)` while it sleeps until woken; else the time at which it wakes.
    pub sleeping: Option<Option<Instant>>,
    /// Whether the model thread must end.
    pub ended: bool,
}

/// State that the handle and the model thread share.
pub struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    lenses: Mutex<Arc<Lenses>>,
    index_wake: Condvar,
    workspace: Mutex<Arc<Workspace>>,
    /// The same items, as the multilingual model read them.
    multilingual: Mutex<Arc<Workspace>>,
    team: OnceLock<Arc<RemoteIndexClient>>,
    /// Results by content.
    pub cache: Cache,
    /// Number of times that the model thread woke up.
    pub wakeups: AtomicU64,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl Shared {
    /// A state without documents, and with a model to load.
    pub fn new(loader: Loader, options: Options, tell: Box<dyn Fn(Event) + Send + Sync>) -> Shared {
        let cache = Cache::new(options.cache_bytes);
        cache.keep_on_disk(options.disk.as_ref());
        let state = State {
            options,
            loader: Some(loader),
            model: ModelStatus::Loading,
            setting: None,
            documents: Documents::default(),
            queue: Queue::default(),
            running: None,
            busy: false,
            paused: false,
            pool_changed: false,
            lenses: LensSchedule::default(),
            indexing: Indexing::default(),
            sleeping: None,
            ended: false,
        };
        Shared {
            state: Mutex::new(state),
            wake: Condvar::new(),
            lenses: Mutex::default(),
            index_wake: Condvar::new(),
            workspace: Mutex::default(),
            multilingual: Mutex::default(),
            team: OnceLock::new(),
            cache,
            wakeups: AtomicU64::new(0),
            tell,
        }
    }

    /// Locks the state; hold the guard for a moment only.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes the state and wakes the model thread.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.wake.notify_one();
        result
    }

    /// Changes the state, and wakes the model thread only if it would sleep past `due`.
    /// The thread checks all deadlines whenever it wakes, so that a flood of edits costs one wake-up.
    pub fn change_until<T>(&self, change: impl FnOnce(&mut State) -> (T, Instant)) -> T {
        let mut state = self.state();
        let (result, due) = change(&mut state);
        let wake = match state.sleeping {
            None => false,
            Some(None) => true,
            Some(Some(until)) => due < until,
        };
        drop(state);
        if wake {
            self.wake.notify_one();
        }
        result
    }

    /// Sleeps until woken or until `until`. The caller must handle spurious wake-ups.
    pub fn sleep<'a>(&'a self, mut state: MutexGuard<'a, State>, until: Option<Instant>) -> MutexGuard<'a, State> {
        state.sleeping = Some(until);
        if state.indexing.running {
            self.index_wake.notify_one();
        }
        let mut state = match until {
            None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until
                    .saturating_duration_since(Instant::now())
                    .max(Duration::from_micros(50));
                self.wake
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        state.sleeping = None;
        self.wakeups.fetch_add(1, Ordering::Relaxed);
        state
    }

    /// Changes the state and wakes the index thread.
    pub fn change_index<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.wake_index();
        result
    }

    /// Wakes the index thread.
    pub fn wake_index(&self) {
        self.index_wake.notify_one();
    }

    /// The index thread sleeps until woken or until `until`. The caller must handle spurious wake-ups.
    pub fn wait_for_index_work<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let Some(until) = until else {
            return self.index_wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let left = until.saturating_duration_since(Instant::now());
        let woken = self.index_wake.wait_timeout(state, left.max(Duration::from_micros(50)));
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Passes an event to the callback; the caller must hold no lock. A panic in the listener is caught and ignored here.
    pub fn tell(&self, event: Event) {
        let _ = catch_unwind(AssertUnwindSafe(|| (self.tell)(event)));
    }

    /// The lenses that were made last.
    pub fn lenses(&self) -> Arc<Lenses> {
        lock(&self.lenses).clone()
    }

    /// Replaces the lenses.
    pub fn set_lenses(&self, lenses: Arc<Lenses>) {
        *lock(&self.lenses) = lenses;
    }

    /// The items of the workspace, as the chosen model read them last.
    pub fn workspace(&self) -> Arc<Workspace> {
        self.workspace_of(Reader::Chosen)
    }

    /// The items of the workspace, as one of the models read them last.
    pub fn workspace_of(&self, reader: Reader) -> Arc<Workspace> {
        match reader {
            Reader::Chosen => lock(&self.workspace).clone(),
            Reader::Multilingual => lock(&self.multilingual).clone(),
        }
    }

    /// Replaces the items of the workspace.
    pub fn set_workspace(&self, reader: Reader, workspace: Arc<Workspace>) {
        match reader {
            Reader::Chosen => *lock(&self.workspace) = workspace,
            Reader::Multilingual => *lock(&self.multilingual) = workspace,
        }
    }

    /// The team's store, if there is one.
    pub fn team(&self) -> Option<&Arc<RemoteIndexClient>> {
        self.team.get()
    }

    /// Sets the team's store; `false` if there is one already.
    pub fn set_team(&self, team: Arc<RemoteIndexClient>) -> bool {
        self.team.set(team).is_ok()
    }

    /// Ends all work: waiting requests are refused, and so are later ones.
    pub fn end(&self) {
        self.cache.end();
        self.change(|state| {
            state.ended = true;
            state.refuse_all(&Refusal::Cancelled);
            state.stop_running();
        });
        self.wake_index();
        if let Some(team) = self.team() {
            team.end();
        }
    }
}

impl State {
    /// The reason why no question can be answered, not even from the cache.
    pub fn refusal(&self) -> Option<Refusal> {
        if self.ended {
            return Some(Refusal::Cancelled);
        }
        match &self.model {
            ModelStatus::Failed(why) => Some(Refusal::Failed(why.clone())),
            _ => None,
        }
    }

    /// Whether the document is open and still has the version that the caller saw.
    pub fn is_current(&self, id: &DocumentId, version: i32) -> bool {
        self.documents
            .get(id)
            .is_some_and(|document| document.snapshot.version() == version)
    }

    /// Refuses a question that no result can answer.
    pub fn check(&self, id: &DocumentId, snapshot: &Snapshot) -> Result<(), Refusal> {
        match self.refusal() {
            Some(refusal) => Err(refusal),
            None if !self.is_current(id, snapshot.version()) => Err(Refusal::Stale),
            None => Ok(()),
        }
    }

    /// Refuses an uncached question while paused, or if too many wait.
    pub fn admit(&mut self) -> Result<(), Refusal> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        if self.paused {
            return Err(Refusal::Paused);
        }
        if self.waiting() < MAX_WAITING {
            return Ok(());
        }
        self.queue.purge();
        self.documents.purge();
        if self.waiting() < MAX_WAITING {
            Ok(())
        } else {
            Err(Refusal::Busy)
        }
    }

    /// Queues a question, and interrupts less urgent work.
    pub fn ask(&mut self, ask: Ask, asker: Asker) {
        let priority = ask.priority();
        let running = self.running.as_ref();
        let replaced = self
            .queue
            .push(ask, asker, running.and_then(|running| running.question.as_ref()));
        let Some(running) = running else { return };
        if replaced.is_some() || (running.interruptible && priority == Priority::Cursor && running.priority > priority)
        {
            running.stop.cancel();
        }
    }

    /// Number of requests that wait for an answer or for a whole document.
    pub fn waiting(&self) -> usize {
        self.queue.len() + self.documents.waiting()
    }

    /// Refuses all waiting requests.
    pub fn refuse_all(&mut self, refusal: &Refusal) {
        self.queue.refuse_all(refusal);
        self.documents.refuse_waiters(refusal);
        if let Some(question) = self.running.as_ref().and_then(|running| running.question.as_ref()) {
            question.answer(Err(refusal.clone()));
        }
    }

    /// Refuses the questions about a document, except those about version `keep`.
    pub fn refuse_document(&mut self, id: &DocumentId, keep: Option<i32>) {
        self.queue.refuse_document(id, keep, &Refusal::Stale);
        let Some(running) = &self.running else { return };
        let Some(question) = &running.question else { return };
        if question
            .ask
            .document()
            .is_some_and(|(asked, version)| asked == id && Some(version) != keep)
        {
            question.answer(Err(Refusal::Stale));
            running.stop.cancel();
        }
    }

    /// Stops the current work.
    pub fn stop_running(&self) {
        if let Some(running) = &self.running {
            running.stop.cancel();
        }
    }
}
