//! The handle everybody but the model thread holds.

use std::fmt::Display;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::cache::Setting;
use super::engine::{Engine, loader};
use super::lenses::Lenses;
use super::options::{Event, IndexStatus, ModelStatus, Options, Status};
use super::queue::{Answer, Ask, Asker};
use super::state::{Shared, State};
use super::team::{self, Team};
use super::worker::Worker;
use super::workspace::keeper::Keeper;
use super::{
    CancelToken, CursorReport, DocumentId, DocumentReport, Home, ItemNeighbours, Neighbour, Refusal, UnitReport,
};
use crate::explain::PairReport;
use crate::similar::index::{Elsewhere, Filter};
use crate::text::{ByteRange, Language, Snapshot};

/// How long a search waits for the team's store.
pub const STORE_SEARCH: Duration = Duration::from_secs(2);

/// A handle to the model thread. Clones share it; the thread ends with the last of them, or with [`Analysis::shutdown`].
#[derive(Clone)]
pub struct Analysis(Arc<Ending>);

/// Ends the thread when the last handle goes.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Analysis {
    /// Starts the model thread, which loads the model with `load` and calls `events` from then on. Questions may be asked at
    /// once; they wait for the model.
    pub fn start<E: Engine + 'static, R: Display>(
        load: impl Fn() -> Result<E, R> + Send + 'static,
        options: Options,
        events: impl Fn(Event) + Send + Sync + 'static,
    ) -> Analysis {
        let shared = Arc::new(Shared::new(loader(load), options, Box::new(events)));
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("fovea-model".into())
            .spawn(move || Worker::run(of_thread));
        if let Err(error) = thread {
            let mut state = shared.state();
            state.model = ModelStatus::Failed(format!("no thread could be started for the model: {error}"));
        }
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("fovea-index".into())
            .spawn(move || Keeper::run(of_thread));
        if let Err(error) = thread {
            let problem = format!("no thread could be started for the index: {error}");
            shared.state().indexing.refused.push(problem);
        }
        Analysis(Arc::new(Ending(shared)))
    }

    /// Asks a team's store as well from now on, in a thread of its own. There can be one.
    #[must_use]
    pub fn beside(self, store: Elsewhere) -> Analysis {
        let team = Arc::new(Team::new(store.place));
        if self.0.0.set_team(team.clone()) {
            let (shared, open) = (self.0.0.clone(), store.open);
            let asking = std::thread::Builder::new()
                .name("fovea-store".into())
                .spawn(move || team::run(&shared, &team, open));
            if let Err(error) = asking {
                self.shared().tell(Event::IndexTrouble(format!(
                    "no thread could be started for the store: {error}"
                )));
            }
        }
        self
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }

    /// A document was opened or changed. Questions about its former text are refused as stale.
    pub fn update(&self, id: &DocumentId, snapshot: Snapshot) {
        self.take(id, snapshot, |_| ());
    }

    /// A document was closed: nothing of it is shown any more.
    pub fn close(&self, id: &DocumentId) {
        self.shared().change(|state| {
            state.refuse_document(id, None);
            let closed = state.documents.close(id);
            state.lenses_stale |= closed.is_some_and(|document| document.vectors.is_some());
            if state
                .running
                .as_ref()
                .is_some_and(|running| running.document.as_ref() == Some(id))
            {
                state.stop_running();
            }
        });
    }

    /// As [`Analysis::update`], of a document whose file is known: what is indexed of it is older than what is open, from the first
    /// moment on.
    pub fn open(&self, id: &DocumentId, snapshot: Snapshot, file: Option<PathBuf>) {
        self.take(id, snapshot, |state| {
            if let Some(document) = state.documents.get_mut(id) {
                state.lenses_stale |= document.file != file && document.vectors.is_some();
                document.file = file;
            }
        });
    }

    /// Takes in a text, and what is told along with it.
    fn take(&self, id: &DocumentId, snapshot: Snapshot, along: impl FnOnce(&mut State)) {
        self.shared().change_until(|state| {
            let now = Instant::now();
            state.refuse_document(id, Some(snapshot.version()));
            state.documents.update(id, snapshot, state.options.debounce, now);
            along(state);
            ((), state.documents.deadline(now).unwrap_or(now))
        });
    }

    /// The part of a document that the editor shows; its units are explained first.
    pub fn set_visible(&self, id: &DocumentId, range: ByteRange) {
        self.shared().change(|state| {
            if let Some(document) = state.documents.touch(id) {
                document.visible = Some(range);
            }
        });
    }

    /// Works with other options from now on; what they change is analysed again.
    pub fn configure(&self, options: Options) {
        self.shared().cache.resize(options.cache_bytes);
        self.shared().cache.settle(options.disk.as_ref());
        self.shared().change(|state| {
            let old = std::mem::replace(&mut state.options, options);
            let new = &state.options;
            if (&old.workspace, old.identifier_aware) != (&new.workspace, new.identifier_aware) {
                let reader = state.indexing.model.take();
                state.indexing.model = reader.map(|model| model.identifier_aware(new.identifier_aware));
                state.indexing.restart(Instant::now());
            }
            state.pool_changed |= old.threads != new.threads;
            state.lenses_stale |= old.min_similarity != new.min_similarity;
            let (method, heads, identifier_aware) = (new.method, new.heads, new.identifier_aware);
            if (old.method, old.heads, old.identifier_aware) == (method, heads, identifier_aware) {
                return;
            }
            if let Some(setting) = &state.setting {
                let model = setting.model.clone();
                state.setting = Some(Arc::new(Setting {
                    model,
                    method,
                    heads,
                    identifier_aware,
                }));
            }
            state.documents.restart(false, Instant::now());
        });
        self.shared().wake_index();
    }

    /// Loads another model, or the same again after it failed. Questions wait for it.
    pub fn reload<E: Engine + 'static, R: Display>(&self, load: impl Fn() -> Result<E, R> + Send + 'static) {
        self.shared().change(|state| {
            state.loader = Some(loader(load));
            state.model = ModelStatus::Loading;
            state.stop_running();
        });
    }

    /// Computes nothing until [`Analysis::resume`]; what is known is still told.
    pub fn pause(&self) {
        self.shared().change(|state| {
            state.paused = true;
            state.refuse_all(&Refusal::Paused);
            state.stop_running();
        });
    }

    /// Goes on where [`Analysis::pause`] stopped.
    pub fn resume(&self) {
        self.shared().change(|state| state.paused = false);
        self.shared().wake_index();
    }

    /// Files of the workspace may have changed, at least `quiet` before anybody looks.
    pub fn workspace_changed(&self, quiet: Duration) {
        let due = Instant::now() + quiet;
        self.shared().change_index(|state| {
            let indexing = &mut state.indexing;
            indexing.due = Some(indexing.due.map_or(due, |known| known.max(due)));
        });
    }

    /// Stops the indexing of the workspace, or goes on with it at once.
    pub fn index(&self, wanted: bool) {
        self.shared().change_index(|state| {
            state.indexing.cancelled = !wanted;
            if wanted {
                state.indexing.restart(Instant::now());
            }
        });
    }

    /// What the model says about the word at an offset: `None` where there is no text. A newer question about another place
    /// of the same document replaces this one.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn explain_at(
        &self,
        id: &DocumentId,
        snapshot: Snapshot,
        offset: usize,
        cancel: CancelToken,
    ) -> Result<Option<CursorReport>, Refusal> {
        self.explain_at_for("cursor", id, snapshot, offset, cancel).await
    }

    /// As [`Analysis::explain_at`]; only a newer question with the same purpose replaces this one, so that a hover and a
    /// highlight at different places do not put each other out.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn explain_at_for(
        &self,
        purpose: &'static str,
        id: &DocumentId,
        snapshot: Snapshot,
        offset: usize,
        cancel: CancelToken,
    ) -> Result<Option<CursorReport>, Refusal> {
        if let Some(known) = self.shared().known_at(id, &snapshot, offset)? {
            return Ok(known);
        }
        let ask = Ask::Cursor {
            id: id.clone(),
            snapshot,
            offset,
            purpose,
        };
        match self.ask(ask, cancel).await? {
            Answer::Cursor(report) => Ok(report),
            _ => Err(mixed_up()),
        }
    }

    /// The explanation of a range as one text; merged from its parts where it is longer than the model's window. Its words'
    /// ranges are relative to the start of the range.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn explain_range(
        &self,
        id: &DocumentId,
        snapshot: Snapshot,
        range: ByteRange,
        cancel: CancelToken,
    ) -> Result<Arc<UnitReport>, Refusal> {
        if let Some(known) = self.shared().known_range(id, &snapshot, &range)? {
            return Ok(known);
        }
        match self
            .ask(
                Ask::Range {
                    id: id.clone(),
                    snapshot,
                    range,
                },
                cancel,
            )
            .await?
        {
            Answer::Range(report) => Ok(report),
            _ => Err(mixed_up()),
        }
    }

    /// The report on a whole document once it is complete; whoever waits for it does not wait for the debounce.
    ///
    /// # Errors
    /// The reason why there is no answer; [`Refusal::Failed`] when the model failed on some of its units.
    pub async fn explain_document(
        &self,
        id: &DocumentId,
        snapshot: Snapshot,
        cancel: CancelToken,
    ) -> Result<Arc<DocumentReport>, Refusal> {
        let (asker, answer) = Asker::new(cancel.clone());
        let known = self.shared().change(|state| {
            state.check(id, &snapshot)?;
            let known = state.documents.get(id).filter(|document| document.complete());
            if let Some(report) = known.and_then(|document| document.report.clone()) {
                return Ok(Some(report));
            }
            state.admit()?;
            let Some(document) = state.documents.touch(id) else {
                return Err(Refusal::Stale);
            };
            document.wait(asker);
            // Its pass may have ended already, with units that failed.
            document.settle();
            Ok(None)
        })?;
        if let Some(report) = known {
            return Ok(report);
        }
        match wait(answer, &cancel).await? {
            Answer::Document(report) => Ok(report),
            _ => Err(mixed_up()),
        }
    }

    /// Why two passages are similar; without what their languages have in common as well, where that is known.
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn compare(
        &self,
        a: (String, Language),
        b: (String, Language),
        cancel: CancelToken,
    ) -> Result<PairReport, Refusal> {
        match self.ask(Ask::Compare { a, b }, cancel).await? {
            Answer::Pair(report) => Ok(*report),
            _ => Err(mixed_up()),
        }
    }

    /// What is known of a document's version, complete or not. Never waits.
    pub fn report(&self, id: &DocumentId, version: i32) -> Option<Arc<DocumentReport>> {
        let state = self.shared().state();
        let report = state.documents.get(id)?.report.clone()?;
        (report.snapshot.version() == version).then_some(report)
    }

    /// The items of a document that resemble others, in the open documents and in the workspace; items that resemble nothing are left
    /// out. `None` where this version is not analysed yet. Never waits for the model thread: what is not found yet of the workspace
    /// comes later, after [`Event::Neighbours`].
    pub fn neighbours(&self, id: &DocumentId, version: i32) -> Option<Arc<Vec<ItemNeighbours>>> {
        let lenses = self.lenses_of(id, version)?;
        let found = lenses.neighbours(id, version)?;
        let lacking = lenses.lacking(id);
        if lacking.workspace {
            self.shared().change(|state| state.unrelated.insert(id.clone()));
        }
        if let Some(team) = self.shared().team().filter(|_| lacking.store) {
            team.want(id);
        }
        Some(match self.closed_since(&lenses) {
            closed if closed.is_empty() => found,
            closed => Arc::new(without(Vec::clone(&found), &closed)),
        })
    }

    /// As [`Analysis::neighbours`], of the items around an offset alone, the innermost first, and complete: nothing is computed of
    /// others.
    pub fn neighbours_at(&self, id: &DocumentId, version: i32, offset: usize) -> Option<Vec<ItemNeighbours>> {
        let lenses = self.lenses_of(id, version)?;
        let found = lenses.neighbours_at(id, version, offset)?;
        Some(without(found, &self.closed_since(&lenses)))
    }

    /// What is about the same as a text, best first, at most `count`, in the open documents, in the workspace, and, where it is to go
    /// beyond, in the team's store, which is waited for no longer than [`STORE_SEARCH`].
    ///
    /// # Errors
    /// The reason why there is no answer.
    pub async fn search(
        &self,
        text: String,
        filter: &Filter,
        count: usize,
        beyond: bool,
        cancel: CancelToken,
    ) -> Result<Vec<Neighbour>, Refusal> {
        let query = match self.ask(Ask::Search { text }, cancel.clone()).await? {
            Answer::Vector(query) => query,
            _ => return Err(mixed_up()),
        };
        let lenses = self.shared().lenses();
        let store = self.shared().team().filter(|_| beyond);
        let store = store.map(|team| team.search(query.clone(), filter.clone(), count));
        let mut found = lenses.search(&self.shared().workspace(), &query, filter, count);
        if let Some(store) = store {
            let answer = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Refusal::Cancelled),
                answer = tokio::time::timeout(STORE_SEARCH, store) => answer.ok().and_then(Result::ok),
            };
            found.extend(lenses.of_store(&answer.unwrap_or_default()));
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
            found.truncate(count);
        }
        let closed = self.closed_since(&lenses);
        found.retain(|neighbour| !stands_in(neighbour, &closed));
        Ok(found)
    }

    /// The lenses, if the document still has this version; from now on they are worth keeping ready.
    fn lenses_of(&self, id: &DocumentId, version: i32) -> Option<Arc<Lenses>> {
        {
            let mut state = self.shared().state();
            let document = state.documents.get_mut(id)?;
            document.lenses_wanted = true;
            if document.snapshot.version() != version {
                return None;
            }
        }
        Some(self.shared().lenses())
    }

    /// The documents that the lenses know and that are open no more.
    fn closed_since(&self, lenses: &Lenses) -> Vec<DocumentId> {
        let state = self.shared().state();
        lenses
            .documents()
            .filter(|id| state.documents.get(id).is_none())
            .cloned()
            .collect()
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        let state = self.shared().state();
        Status {
            model: state.model.clone(),
            paused: state.paused,
            busy: state.running.is_some(),
            queued: state.waiting(),
            index: IndexStatus {
                stage: state.indexing.stage.clone(),
                items: self.shared().workspace().len(),
                refused: state.indexing.refused.clone(),
            },
            store: self.shared().team().map(|team| (team.place().to_owned(), team.stage())),
        }
    }

    /// Ends the model thread, soon. Whoever waits is told that the request was cancelled.
    pub fn shutdown(&self) {
        self.shared().end();
    }

    /// As [`Analysis::shutdown`]; waits until results that are to outlive the process are written, but no longer than `limit`.
    pub fn finish(&self, limit: Duration) {
        self.shutdown();
        self.shared().cache.finish(limit);
    }

    /// How often the model thread woke up.
    #[cfg(test)]
    pub(super) fn wakeups(&self) -> u64 {
        self.shared().wakeups.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// What is shown of the workspace.
    #[cfg(test)]
    pub(super) fn workspace(&self) -> Arc<super::workspace::Workspace> {
        self.shared().workspace()
    }

    /// Lets a question wait for the model thread.
    async fn ask(&self, ask: Ask, cancel: CancelToken) -> Result<Answer, Refusal> {
        if cancel.is_cancelled() {
            return Err(Refusal::Cancelled);
        }
        let (asker, answer) = Asker::new(cancel.clone());
        self.shared().change(|state| {
            state.admit()?;
            if ask
                .document()
                .is_some_and(|(id, version)| !state.is_current(id, version))
            {
                return Err(Refusal::Stale);
            }
            state.ask(ask, asker);
            Ok(())
        })?;
        wait(answer, &cancel).await
    }
}

/// Whether an item stands in one of some documents.
fn stands_in(neighbour: &Neighbour, documents: &[DocumentId]) -> bool {
    matches!(&neighbour.home, Home::Document { id, .. } if documents.contains(id))
}

/// What is left once some documents are gone.
fn without(mut found: Vec<ItemNeighbours>, closed: &[DocumentId]) -> Vec<ItemNeighbours> {
    for item in &mut found {
        item.neighbours.retain(|neighbour| !stands_in(neighbour, closed));
    }
    found.retain(|item| !item.neighbours.is_empty());
    found
}

/// The answer, or that the asker no longer wants it.
fn wait(
    answer: oneshot::Receiver<Result<Answer, Refusal>>,
    cancel: &CancelToken,
) -> impl Future<Output = Result<Answer, Refusal>> {
    let cancel = cancel.clone();
    async move {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Refusal::Cancelled),
            answer = answer => answer.unwrap_or(Err(Refusal::Cancelled)),
        }
    }
}

/// An answer of another kind than the question: cannot happen, and is no reason to panic.
fn mixed_up() -> Refusal {
    Refusal::Failed("an internal error occurred: the answer belongs to another question".into())
}
