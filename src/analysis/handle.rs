//! The handle to the model thread.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address::Setting;
use super::engine::{Engine, loader};
use super::options::{Event, IndexStatus, ModelStatus, Options, Status};
use super::remote_index::RemoteIndexClient;
use super::remote_queries;
use super::state::{Shared, State};
use super::worker::Worker;
use super::workspace::indexer::WorkspaceIndexer;
use super::{DocumentId, DocumentReport, Refusal, ShownFile};
use crate::similar::index::Elsewhere;
use crate::text::{ByteRange, Snapshot};

/// A handle to the model thread. Clones share it; the thread ends with the last clone, or with [`AnalysisHandle::shutdown`].
#[derive(Clone)]
pub struct AnalysisHandle(Arc<Ending>);

/// Ends the thread when the last handle is dropped.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl AnalysisHandle {
    /// Starts the model thread, which loads the model with `load` and calls `events`.
    /// Questions may be asked at once; they wait for the model.
    pub fn start<E: Engine + 'static, R: Display>(
        load: impl Fn() -> Result<E, R> + Send + 'static,
        options: Options,
        events: impl Fn(Event) + Send + Sync + 'static,
    ) -> AnalysisHandle {
        let shared = Arc::new(Shared::new(loader(load), options, Box::new(events)));
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("fovea-model".into())
            .spawn(move || Worker::run(for_thread));
        if let Err(error) = thread {
            let mut state = shared.state();
            state.model = ModelStatus::Failed(format!("cannot start a thread for the model: {error}"));
        }
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("fovea-index".into())
            .spawn(move || WorkspaceIndexer::run(for_thread));
        if let Err(error) = thread {
            let problem = format!("cannot start a thread for the index: {error}");
            shared.state().indexing.refused.push(problem);
        }
        AnalysisHandle(Arc::new(Ending(shared)))
    }

    /// Also queries a team's store from now on, in a thread of its own. Only the first store counts.
    #[must_use]
    pub fn beside(self, store: Elsewhere) -> AnalysisHandle {
        let team = Arc::new(RemoteIndexClient::new(store.place));
        if self.0.0.set_team(team.clone()) {
            let (shared, open) = (self.0.0.clone(), store.open);
            let asking = std::thread::Builder::new()
                .name("fovea-store".into())
                .spawn(move || remote_queries::run(&shared, &team, open));
            if let Err(error) = asking {
                self.shared().tell(Event::IndexProblem(format!(
                    "cannot start a thread for the store: {error}"
                )));
            }
        }
        self
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.0
    }

    /// Opens or changes a document. Questions about its previous text are refused as stale.
    pub fn update(&self, id: &DocumentId, snapshot: Snapshot) {
        self.take(id, snapshot, |_| ());
    }

    /// Closes a document; its results are no longer shown.
    pub fn close(&self, id: &DocumentId) {
        self.shared().change(|state| {
            state.refuse_document(id, None);
            let closed = state.documents.close(id);
            if closed.is_some_and(|document| document.vectors.is_some()) {
                state.lenses.changed();
            }
            if state
                .running
                .as_ref()
                .is_some_and(|running| running.document.as_ref() == Some(id))
            {
                state.stop_running();
            }
        });
    }

    /// Same as [`AnalysisHandle::update`], for a document with a known file. The document is newer than the indexed file.
    pub fn open(&self, id: &DocumentId, snapshot: Snapshot, file: Option<ShownFile>) {
        self.take(id, snapshot, |state| {
            if let Some(document) = state.documents.get_mut(id) {
                if document.file != file && document.vectors.is_some() {
                    state.lenses.changed();
                }
                document.file = file;
            }
        });
    }

    /// Stores a text, and applies a further change of the state.
    fn take(&self, id: &DocumentId, snapshot: Snapshot, along: impl FnOnce(&mut State)) {
        self.shared().change_until(|state| {
            let now = Instant::now();
            state.refuse_document(id, Some(snapshot.version()));
            state.documents.update(id, snapshot, state.options.debounce, now);
            along(state);
            ((), state.documents.deadline(now).unwrap_or(now))
        });
    }

    /// Sets the range that the editor shows; its units are explained first.
    pub fn set_visible(&self, id: &DocumentId, range: ByteRange) {
        self.shared().change(|state| {
            if let Some(document) = state.documents.touch(id) {
                document.visible = Some(range);
            }
        });
    }

    /// Changes the options, and analyzes again what they affect.
    pub fn configure(&self, options: Options) {
        self.shared().cache.resize(options.cache_bytes);
        self.shared().cache.keep_on_disk(options.disk.as_ref());
        self.shared().change(|state| {
            let old = std::mem::replace(&mut state.options, options);
            let new = &state.options;
            if (&old.workspace, old.identifier_aware) != (&new.workspace, new.identifier_aware) {
                let reader = state.indexing.model.take();
                state.indexing.model = reader.map(|model| model.identifier_aware(new.identifier_aware));
                state.indexing.restart(Instant::now());
            }
            state.pool_changed |= old.threads != new.threads;
            if (old.min_similarity, old.detail) != (new.min_similarity, new.detail) {
                state.lenses.changed();
            }
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

    /// Loads another model, or the same again after a failure. Questions wait for it.
    pub fn reload<E: Engine + 'static, R: Display>(&self, load: impl Fn() -> Result<E, R> + Send + 'static) {
        self.shared().change(|state| {
            state.loader = Some(loader(load));
            state.model = ModelStatus::Loading;
            state.stop_running();
        });
    }

    /// Computes nothing until [`AnalysisHandle::resume`]; existing results remain available.
    pub fn pause(&self) {
        self.shared().change(|state| {
            state.paused = true;
            state.refuse_all(&Refusal::Paused);
            state.stop_running();
        });
    }

    /// Continues after [`AnalysisHandle::pause`].
    pub fn resume(&self) {
        self.shared().change(|state| state.paused = false);
        self.shared().wake_index();
    }

    /// Reports possible changes in the files of the workspace; the scan begins at least `quiet` later.
    pub fn workspace_changed(&self, quiet: Duration) {
        let due = Instant::now() + quiet;
        self.shared().change_index(|state| {
            let indexing = &mut state.indexing;
            indexing.due = Some(indexing.due.map_or(due, |known| known.max(due)));
        });
    }

    /// Reports that the user created, moved or deleted files of the workspace. The folders are scanned at once, and a running scan
    /// restarts, because the user will not look for items at their old places.
    pub fn workspace_moved(&self) {
        self.shared()
            .change_index(|state| state.indexing.restart(Instant::now()));
    }

    /// Stops the indexing of the workspace, or continues it at once.
    pub fn index(&self, wanted: bool) {
        self.shared().change_index(|state| {
            state.indexing.cancelled = !wanted;
            if wanted {
                state.indexing.restart(Instant::now());
            }
        });
    }

    /// The latest report on a document's version, complete or not. Never waits.
    pub fn report(&self, id: &DocumentId, version: i32) -> Option<Arc<DocumentReport>> {
        let state = self.shared().state();
        let report = state.documents.get(id)?.report.clone()?;
        (report.snapshot.version() == version).then_some(report)
    }

    /// The current state of the analysis.
    pub fn status(&self) -> Status {
        let state = self.shared().state();
        let unparsed = state.documents.iter().filter_map(|(id, document)| {
            let reason = document.report.as_ref()?.segments.unparsed?;
            Some((id.clone(), reason))
        });
        Status {
            unparsed: unparsed.collect(),
            model: state.model.clone(),
            paused: state.paused,
            busy: state.busy,
            queued: state.waiting(),
            index: IndexStatus {
                stage: state.indexing.stage.clone(),
                items: self.shared().workspace().len(),
                refused: state.indexing.refused.clone(),
            },
            store: self.shared().team().map(|team| (team.place().to_owned(), team.stage())),
        }
    }

    /// Ends the model thread soon. Waiting requests are refused as cancelled.
    pub fn shutdown(&self) {
        self.shared().end();
    }

    /// Same as [`AnalysisHandle::shutdown`], and waits until results are written to disk, but at most `limit`.
    pub fn finish(&self, limit: Duration) {
        self.shutdown();
        self.shared().cache.finish(limit);
    }

    /// Whether the model thread works on anything.
    #[cfg(test)]
    pub fn works(&self) -> bool {
        self.shared().state().running.is_some()
    }

    /// Number of times that the model thread woke up.
    #[cfg(test)]
    pub(super) fn wakeups(&self) -> u64 {
        self.shared().wakeups.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The published items of the workspace.
    #[cfg(test)]
    pub(super) fn workspace(&self) -> Arc<super::workspace::Workspace> {
        self.shared().workspace()
    }
}
