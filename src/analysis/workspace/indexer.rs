//! The thread that keeps the index of the workspace's folders up to date.
//!
//! It yields: between two layers of the model it waits until the model thread is idle. An interrupted run keeps the work that it has
//! done. The existing index answers questions from the start, before the thread reads any folder.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::super::options::Event;
use super::super::pool::{Pool, lowest_priority};
use super::super::state::Shared;
use super::battery;
use super::{Scope, Stage, Workspace};
use crate::model::{Model, Reader};
use crate::places::home_folder;
use crate::similar::Center;
use crate::similar::index::{Index, IndexError, Progress, VectorIndex, is_indexed_with};

/// Scanning the folders takes at most this fraction (1/20) of the time.
const SHARE: u32 = 20;

/// Maximum pause between two scans.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Interval at which work that waits for mains power checks for it.
const PLUGGED_EVERY: Duration = Duration::from_secs(60);

/// Interval at which a running scan checks whether the machine is on battery.
const UNPLUGGED_EVERY: Duration = Duration::from_secs(2);

/// Interval of progress events.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// Interval at which a first scan publishes partial results.
const PUBLISH_EVERY: Duration = Duration::from_secs(5);

/// A scan with the parameters that it started with.
struct Job {
    scope: Scope,
    generation: u64,
    model: Option<Model>,
    /// Whether a search needs the index of the multilingual model.
    multilingual: bool,
    threads: usize,
}

/// The open index, and the folder requested for it.
struct Store {
    folder: Option<PathBuf>,
    index: Index,
    /// Whether the index is in the folder; `false` if it is in memory because the folder cannot be used.
    on_disk: bool,
    /// Whether it was damaged and has been emptied; a second time, its cause is outside of Fovea.
    repaired: bool,
}

/// The vector index of each folder.
type VectorIndexes = Vec<(PathBuf, Arc<VectorIndex>)>;

/// The vector indexes of each folder, per model.
#[derive(Default)]
struct ByReader {
    chosen: VectorIndexes,
    /// Empty until a search needs it.
    multilingual: VectorIndexes,
}

impl ByReader {
    fn of(&mut self, reader: Reader) -> &mut VectorIndexes {
        match reader {
            Reader::Chosen => &mut self.chosen,
            Reader::Multilingual => &mut self.multilingual,
        }
    }
}

/// The state that only this thread uses.
pub struct WorkspaceIndexer {
    shared: Arc<Shared>,
    store: Option<Store>,
    vector_indexes: ByReader,
    model: Option<String>,
    pool: Option<(usize, Pool)>,
    reported: HashSet<String>,
}

/// The reason why a scan ended early.
enum Interrupted {
    /// Other work is requested.
    Stopped,
    /// The machine runs on battery.
    Unplugged,
}

impl WorkspaceIndexer {
    /// Works until the shared state says that it has ended.
    pub fn run(shared: Arc<Shared>) {
        lowest_priority();
        let mut indexer = WorkspaceIndexer {
            shared,
            store: None,
            vector_indexes: ByReader::default(),
            model: None,
            pool: None,
            reported: HashSet::new(),
        };
        while let Some(job) = indexer.next() {
            let started = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| indexer.perform(&job)));
            if outcome.is_err() {
                // A panic may leave the connection in a half-finished state; the next scan opens the file again.
                indexer.store = None;
                indexer.report_problem("an internal error occurred while the workspace was indexed".into());
            }
            indexer.rest(started, outcome.unwrap_or(Ok(())));
        }
    }

    /// The next scan; sleeps until it is due. `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut state = self.shared.state();
        loop {
            if state.ended {
                return None;
            }
            let now = Instant::now();
            let until = match state.indexing.due {
                None => None,
                Some(_) if state.paused || state.indexing.cancelled => None,
                Some(due) => {
                    let scope = state.options.workspace.clone().unwrap_or_default();
                    let at = due.max(state.indexing.not_before.unwrap_or(due));
                    let lacking = state.indexing.model.is_none() && !scope.roots.is_empty();
                    if at <= now && !lacking {
                        state.indexing.due = None;
                        state.indexing.running = true;
                        state.indexing.refused.clear();
                        return Some(Job {
                            scope,
                            generation: state.indexing.generation,
                            model: state.indexing.model.clone(),
                            multilingual: state.indexing.multilingual,
                            threads: state.options.threads,
                        });
                    }
                    if lacking {
                        state.indexing.stage = Stage::Waiting;
                    }
                    (!lacking).then_some(at)
                }
            };
            state = self.shared.wait_for_index_work(state, until);
        }
    }

    /// Records the end of a scan, and when the next one may begin.
    fn rest(&self, started: Instant, outcome: Result<(), Interrupted>) {
        let now = Instant::now();
        let mut state = self.shared.state();
        let nothing = state
            .options
            .workspace
            .as_ref()
            .is_none_or(|scope| scope.roots.is_empty());
        let indexing = &mut state.indexing;
        indexing.running = false;
        match outcome {
            Ok(()) if nothing => indexing.stage = Stage::Off,
            Ok(()) => indexing.stage = Stage::Ready,
            Err(_) if indexing.cancelled => indexing.stage = Stage::Cancelled,
            Err(Interrupted::Stopped) => {
                indexing.stage = Stage::Waiting;
                indexing.due = Some(now);
            }
            Err(Interrupted::Unplugged) => {
                indexing.stage = Stage::OnBattery;
                indexing.due = Some(now + PLUGGED_EVERY);
            }
        }
        let rest = now.duration_since(started).saturating_mul(SHARE - 1).min(LONGEST_REST);
        // Only a complete scan is followed by a pause; an interrupted one continues as soon as it may.
        indexing.not_before = (indexing.stage == Stage::Ready).then(|| now + rest);
        let stage = indexing.stage.clone();
        let first = !nothing && stage != Stage::Waiting && !std::mem::replace(&mut indexing.complete, true);
        drop(state);
        self.shared.tell(Event::Index(stage));
        if first {
            // Lenses were held back because their counts would have changed during the scan.
            self.shared.tell(Event::Neighbors);
        }
    }

    fn perform(&mut self, job: &Job) -> Result<(), Interrupted> {
        let Some(model) = &job.model else {
            self.vector_indexes = ByReader::default();
            self.publish(Reader::Chosen);
            self.publish(Reader::Multilingual);
            return Ok(());
        };
        if self.pool.as_ref().is_none_or(|(threads, _)| *threads != job.threads) {
            self.pool = Some((job.threads, Pool::lowest(job.threads)));
        }
        let roots = self.roots(&job.scope);
        // Vectors of another model cannot be compared.
        if self.model.as_ref() != Some(&model.info().id) {
            self.vector_indexes = ByReader::default();
            self.shared.state().indexing.multilingual_complete = false;
            self.model = Some(model.info().id.clone());
        }
        let full = self.open(&job.scope);
        self.catch_up(job, (Reader::Chosen, model), &roots, full)?;
        let second = model.clone();
        let second = self.pool.as_ref().filter(|_| job.multilingual).and_then(|(_, pool)| {
            // The pool of the index has the lowest priority, so that loading happens there.
            pool.install(move || second.multilingual())
        });
        if let Some(second) = second {
            self.catch_up(job, (Reader::Multilingual, &second), &roots, full)?;
            self.shared.state().indexing.multilingual_complete = true;
        }
        Ok(())
    }

    /// Publishes the indexed items of one model, then updates them. `full` loads all folders again.
    fn catch_up(
        &mut self,
        job: &Job,
        (reader, model): (Reader, &Model),
        roots: &[PathBuf],
        full: bool,
    ) -> Result<(), Interrupted> {
        let vector_indexes = self.vector_indexes.of(reader);
        let before = vector_indexes.len();
        vector_indexes.retain(|(root, _)| roots.contains(root));
        let mut changed = vector_indexes.len() != before;
        for root in roots {
            if full || !self.vector_indexes.of(reader).iter().any(|(known, _)| known == root) {
                self.load_or_keep(&job.scope, (reader, model), root);
                changed = true;
            }
        }
        // If nothing changed, the cached neighbors stay valid.
        if changed {
            self.publish(reader);
        }
        if roots.is_empty() {
            return Ok(());
        }
        if unplugged(&job.scope) {
            return Err(Interrupted::Unplugged);
        }
        for root in roots {
            self.renew(job, (reader, model), root)?;
        }
        Ok(())
    }

    /// The folders to index, each once, by its canonical path.
    fn roots(&self, scope: &Scope) -> Vec<PathBuf> {
        let mut roots: Vec<PathBuf> = scope.roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
        roots.sort();
        // A folder inside another is read with that folder, unless it is a separate project.
        let home = home_folder();
        let mut apart: Vec<PathBuf> = Vec::new();
        for root in roots {
            let covered = |outer: &PathBuf| is_indexed_with(&root, outer, home.as_deref());
            if !apart.iter().any(covered) {
                apart.push(root);
            }
        }
        apart
    }

    /// Opens the index in its folder, or in memory if that fails. Returns whether a newly opened index may contain more items than are
    /// loaded.
    fn open(&mut self, scope: &Scope) -> bool {
        if self.store.as_ref().is_some_and(|store| store.folder == scope.folder) {
            return false;
        }
        let opened = match &scope.folder {
            Some(folder) => Index::open(folder),
            None => Index::in_memory(),
        };
        match opened {
            Ok(index) => {
                self.store = Some(Store {
                    folder: scope.folder.clone(),
                    index,
                    on_disk: scope.folder.is_some(),
                    repaired: false,
                });
            }
            Err(error) => self.fall_back(scope, &error),
        }
        self.store.as_ref().is_some_and(|store| store.on_disk)
    }

    /// The file cannot be used: keeps the index in memory from now on, and tells the user once.
    fn fall_back(&mut self, scope: &Scope, error: &IndexError) {
        self.report_problem(format!(
            "{error}; fovea indexes the workspace in memory until the file works again"
        ));
        let index = match Index::in_memory() {
            Ok(index) => index,
            Err(error) => return self.report_problem(error.to_string()),
        };
        let folder = scope.folder.clone();
        self.store = Some(Store {
            folder,
            index,
            on_disk: false,
            repaired: false,
        });
    }

    /// Empties a damaged file, or keeps the index in memory from now on. `false` if neither can help.
    fn recover(&mut self, scope: &Scope, error: &IndexError) -> bool {
        let Some(store) = self.store.as_mut().filter(|store| store.on_disk) else {
            return false;
        };
        if !store.repaired && store.index.repair(error) {
            store.repaired = true;
            tracing::warn!(%error, "the index was damaged, so it is built again");
            return true;
        }
        let of_file = matches!(error, IndexError::Database { .. });
        if of_file {
            self.fall_back(scope, error);
        }
        of_file
    }

    /// Loads the items of a folder into memory.
    fn load(&mut self, (reader, model): (Reader, &Model), root: &Path) -> Result<(), IndexError> {
        let vector_indexes = self.vector_indexes.of(reader);
        let (Some(store), Some((_, pool))) = (&mut self.store, &self.pool) else {
            return Ok(());
        };
        // A model without calibration reads some texts first, which yields like all indexing.
        let (index, before) = (&mut store.index, center(vector_indexes, root));
        let vector_index = pool.install(move || index.vector_index_since(model, root, &before))?;
        put(vector_indexes, root, vector_index);
        Ok(())
    }

    /// As [`Indexer::load`]. After an error, what is loaded stays as it is.
    fn load_or_keep(&mut self, scope: &Scope, by: (Reader, &Model), root: &Path) {
        if let Err(error) = self.load(by, root)
            && !self.recover(scope, &error)
        {
            tracing::warn!(%error, "the index of the workspace cannot be read");
        }
    }

    /// Updates the index of a folder and publishes its items.
    fn renew(&mut self, job: &Job, by: (Reader, &Model), root: &Path) -> Result<(), Interrupted> {
        let reader = by.0;
        match self.read(job, by, root) {
            Ok(false) => Ok(()),
            Ok(true) => {
                if let Err(error) = self.load(by, root) {
                    return self.renew_after(job, by, root, &error);
                }
                self.publish(reader);
                Ok(())
            }
            Err(IndexError::Stopped) => {
                let known = self.vector_indexes.of(reader).clone();
                self.load_or_keep(&job.scope, by, root);
                // A new index in memory starts with fewer items than the file that it replaces.
                let items = |vector_indexes: &[(PathBuf, Arc<VectorIndex>)]| -> usize {
                    let own = vector_indexes.iter().filter(|(known, _)| known == root);
                    own.map(|(_, vector_index)| vector_index.len()).sum()
                };
                if items(&known) > items(self.vector_indexes.of(reader)) {
                    *self.vector_indexes.of(reader) = known;
                }
                self.publish(reader);
                Err(if unplugged(&job.scope) {
                    Interrupted::Unplugged
                } else {
                    Interrupted::Stopped
                })
            }
            Err(error @ IndexError::Root { .. }) => {
                self.shared.state().indexing.refused.push(error.to_string());
                Ok(())
            }
            Err(error) => self.renew_after(job, by, root, &error),
        }
    }

    /// Updates the index again after an error, if it can be used again.
    fn renew_after(
        &mut self,
        job: &Job,
        by: (Reader, &Model),
        root: &Path,
        error: &IndexError,
    ) -> Result<(), Interrupted> {
        if self.recover(&job.scope, error) {
            return self.renew(job, by, root);
        }
        self.report_problem(error.to_string());
        Ok(())
    }

    /// Reads the changes in a folder; returns whether there were any.
    fn read(&mut self, job: &Job, (reader, model): (Reader, &Model), root: &Path) -> Result<bool, IndexError> {
        let vector_indexes = self.vector_indexes.of(reader);
        let (shared, beside) = (self.shared.clone(), self.shared.clone());
        let (Some(store), Some((_, pool))) = (&mut self.store, &self.pool) else {
            return Ok(false);
        };
        // The renewal writes to this connection; a second one reads partial results.
        let on_disk = store.folder.as_deref().filter(|_| store.on_disk);
        let read_beside = on_disk.and_then(|folder| Index::open(folder).ok());
        // The searchable sketch of files whose vectors are not computed yet.
        let (sketch, known) = (&OnceLock::new(), vector_indexes.clone());
        let sketched = |vector_index: VectorIndex| {
            let sketch = sketch.get_or_init(|| Arc::new(vector_index));
            show(&self.shared, reader, &known, Some(sketch));
        };
        let (mut reported, mut published, mut every) = (None::<Instant>, Instant::now(), PUBLISH_EVERY);
        let tell = move |progress: Progress| {
            if progress.done < progress.total && reported.is_none_or(|reported| reported.elapsed() >= TELL_EVERY) {
                reported = Some(Instant::now());
                let stage = Stage::Indexing(progress);
                shared.state().indexing.stage = stage.clone();
                shared.tell(Event::Index(stage));
            }
            if published.elapsed() < every || progress.done == progress.total {
                return;
            }
            let started = Instant::now();
            let before = center(vector_indexes, root);
            let vector_index = read_beside
                .as_ref()
                .and_then(|index| index.vector_index_since(model, root, &before).ok());
            if let Some(vector_index) = vector_index {
                put(vector_indexes, root, vector_index);
                show(&shared, reader, vector_indexes, sketch.get());
            }
            published = Instant::now();
            // Reading a larger index takes longer, so that it happens less often.
            every = (every * 2).max(started.elapsed() * SHARE);
        };
        let plugged = Mutex::new(Instant::now());
        let hold = || gives_way(&beside, job.generation) || drained(&plugged, &job.scope);
        let index = &mut store.index;
        let limits = &job.scope.limits;
        let renewal = pool.install(|| index.renew_and_sketch(model, root, limits, &hold, sketched, tell))?;
        Ok(renewal.read > 0 || renewal.gone > 0)
    }

    fn publish(&mut self, reader: Reader) {
        let shared = self.shared.clone();
        show(&shared, reader, self.vector_indexes.of(reader), None);
    }

    /// Tells the user of a problem, once per message.
    fn report_problem(&mut self, message: String) {
        tracing::warn!(message, "a problem with the index of the workspace");
        if self.reported.insert(message.clone()) {
            self.shared.tell(Event::IndexProblem(message));
        }
    }
}

/// The mean vector per language of a folder, as far as it is known.
fn center(vector_indexes: &[(PathBuf, Arc<VectorIndex>)], root: &Path) -> Center {
    let own = vector_indexes.iter().find(|(known, _)| known == root);
    own.map(|(_, vector_index)| vector_index.center().clone())
        .unwrap_or_default()
}

/// Replaces the items of a folder; folders stay sorted by path.
fn put(vector_indexes: &mut Vec<(PathBuf, Arc<VectorIndex>)>, root: &Path, vector_index: VectorIndex) {
    vector_indexes.retain(|(known, _)| known != root);
    vector_indexes.push((root.to_owned(), Arc::new(vector_index)));
    vector_indexes.sort_by(|a, b| a.0.cmp(&b.0));
}

/// Publishes the items of the folders, as one model read them.
fn show(
    shared: &Shared,
    reader: Reader,
    vector_indexes: &[(PathBuf, Arc<VectorIndex>)],
    sketch: Option<&Arc<VectorIndex>>,
) {
    let vector_indexes = vector_indexes.iter().map(|(_, vector_index)| vector_index.clone());
    let workspace = Workspace::new(vector_indexes.collect()).with_sketches(sketch.into_iter().cloned().collect());
    if workspace.is_unread() && shared.workspace_of(reader).is_unread() {
        return;
    }
    shared.set_workspace(reader, Arc::new(workspace));
    if reader != Reader::Chosen {
        return;
    }
    let stage = shared.change(|state| {
        state.lenses.changed();
        state.indexing.stage.clone()
    });
    shared.tell(Event::Index(stage));
}

/// Whether the machine runs on battery and the settings forbid indexing then.
fn unplugged(scope: &Scope) -> bool {
    !scope.on_battery && battery::discharging(&battery::supplies())
}

/// Same as [`unplugged`], but reads the battery only from time to time.
/// Each layer of the model asks.
fn drained(looked: &Mutex<Instant>, scope: &Scope) -> bool {
    let Ok(mut looked) = looked.try_lock() else {
        return false;
    };
    if looked.elapsed() < UNPLUGGED_EVERY {
        return false;
    }
    *looked = Instant::now();
    unplugged(scope)
}

/// Waits while the model thread works; returns whether the scan must stop.
fn gives_way(shared: &Shared, generation: u64) -> bool {
    let mut state = shared.state();
    loop {
        let indexing = &state.indexing;
        if state.ended || state.paused || indexing.cancelled || indexing.generation != generation {
            return true;
        }
        if state.sleeping.is_some() {
            return false;
        }
        state = shared.wait_for_index_work(state, Some(Instant::now() + PUBLISH_EVERY));
    }
}
