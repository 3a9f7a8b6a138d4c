//! The thread that keeps the index of the workspace's folders up to date.
//!
//! It gives way: between two layers of the model it waits for as long as the model thread has anything to do. What it has done when it is
//! stopped is kept, and what is in the index is there to be asked from the start, before anything is looked at.

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

/// Of the time, looking at the folders takes one part in so many at most.
const SHARE: u32 = 20;

/// It rests no longer than this, however long it took.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How often it looks whether the machine is plugged in, while there is work to do.
const PLUGGED_EVERY: Duration = Duration::from_secs(60);

/// How often it is looked, while a folder is being indexed, whether the machine was unplugged.
const UNPLUGGED_EVERY: Duration = Duration::from_secs(2);

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// While folders are read for the first time, what is there already is shown after so long.
const PUBLISH_EVERY: Duration = Duration::from_secs(5);

/// What is to be done, as it was when it began.
struct Job {
    scope: Scope,
    generation: u64,
    model: Option<Model>,
    /// Whether a search needs the index of the multilingual model.
    multilingual: bool,
    threads: usize,
}

/// The index, open, and where it was to be opened.
struct Store {
    folder: Option<PathBuf>,
    index: Index,
    /// It is in the folder, and not in memory since that could not be.
    on_disk: bool,
}

/// The items of each folder.
type VectorIndexes = Vec<(PathBuf, Arc<VectorIndex>)>;

/// The items of each folder as each model read them.
#[derive(Default)]
struct ByReader {
    chosen: VectorIndexes,
    /// Filled once a search needed it.
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

/// What only the thread has.
pub struct WorkspaceIndexer {
    shared: Arc<Shared>,
    store: Option<Store>,
    vector_indexes: ByReader,
    model: Option<String>,
    pool: Option<(usize, Pool)>,
    told: HashSet<String>,
}

/// Why a job ended early.
enum Interrupted {
    /// Something else is wanted now.
    Stopped,
    /// The machine runs on its battery.
    Unplugged,
}

impl WorkspaceIndexer {
    /// Works until the shared state says that it has ended.
    pub fn run(shared: Arc<Shared>) {
        lowest_priority();
        let mut keeper = WorkspaceIndexer {
            shared,
            store: None,
            vector_indexes: ByReader::default(),
            model: None,
            pool: None,
            told: HashSet::new(),
        };
        while let Some(job) = keeper.next() {
            let started = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| keeper.perform(&job)));
            if outcome.is_err() {
                // What a panic left half done is read again from the file.
                keeper.store = None;
                keeper.trouble("an internal error occurred while the workspace was indexed".into());
            }
            keeper.rest(started, outcome.unwrap_or(Ok(())));
        }
    }

    /// The next thing to do, slept for if need be; `None` at the end.
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

    /// After a job: notes how it ended, and when the next one may begin.
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
        // What was stopped for something else goes on as soon as that is over.
        indexing.not_before = (indexing.stage == Stage::Ready).then(|| now + rest);
        let stage = indexing.stage.clone();
        let first = !nothing && stage != Stage::Waiting && !std::mem::replace(&mut indexing.complete, true);
        drop(state);
        self.shared.tell(Event::Index(stage));
        if first {
            // Lenses whose numbers would have changed meanwhile are shown from now on.
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
        // What another model read cannot be compared with.
        if self.model.as_ref() != Some(&model.info().id) {
            self.vector_indexes = ByReader::default();
            self.shared.state().indexing.multilingual_complete = false;
            self.model = Some(model.info().id.clone());
        }
        let full = self.open(&job.scope);
        self.catch_up(job, (Reader::Chosen, model), &roots, full)?;
        let second = model.clone();
        let second = self.pool.as_ref().filter(|_| job.multilingual).and_then(|(_, pool)| {
            // Loading it takes the threads of the index, which have the lowest priority.
            pool.install(move || second.multilingual())
        });
        if let Some(second) = second {
            self.catch_up(job, (Reader::Multilingual, &second), &roots, full)?;
            self.shared.state().indexing.multilingual_complete = true;
        }
        Ok(())
    }

    /// Shows what the index of one model has of the folders, then brings it up to date. `full` loads all folders anew.
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
                self.load((reader, model), root);
                changed = true;
            }
        }
        // Where nothing changed, what was found by those who asked stays known.
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

    /// The folders that are to be indexed, each once, by the one path that it has.
    fn roots(&self, scope: &Scope) -> Vec<PathBuf> {
        let mut roots: Vec<PathBuf> = scope.roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
        roots.sort();
        // A folder inside another is read with that one, unless it is a project of its own.
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

    /// Opens the index where it is to be, or in memory where that cannot be. `true` where it is another one that may hold more than is
    /// known.
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
                });
            }
            Err(error) => self.fall_back(scope, &error),
        }
        self.store.as_ref().is_some_and(|store| store.on_disk)
    }

    /// The file cannot be used: what is indexed from now on is kept in memory, and the person hears of it once.
    fn fall_back(&mut self, scope: &Scope, error: &IndexError) {
        self.trouble(format!(
            "{error}; fovea indexes the workspace in memory until the file works again"
        ));
        let index = match Index::in_memory() {
            Ok(index) => index,
            Err(error) => return self.trouble(error.to_string()),
        };
        let folder = scope.folder.clone();
        self.store = Some(Store {
            folder,
            index,
            on_disk: false,
        });
    }

    /// Takes what the index has of a folder into memory.
    fn load(&mut self, (reader, model): (Reader, &Model), root: &Path) {
        let vector_indexes = self.vector_indexes.of(reader);
        let (Some(store), Some((_, pool))) = (&mut self.store, &self.pool) else {
            return;
        };
        // A model that is met for the first time reads some texts to be calibrated, and gives way like all that is indexed.
        let (index, before) = (&mut store.index, center(vector_indexes, root));
        match pool.install(move || index.vector_index_since(model, root, &before)) {
            Ok(vector_index) => put(vector_indexes, root, vector_index),
            // The renewal meets it again, and tells.
            Err(error) => tracing::warn!(%error, "what is indexed of the workspace cannot be read"),
        }
    }

    /// Brings the index of a folder up to date and shows what it holds then.
    fn renew(&mut self, job: &Job, by: (Reader, &Model), root: &Path) -> Result<(), Interrupted> {
        let reader = by.0;
        match self.read(job, by, root) {
            Ok(changed) => {
                if changed {
                    self.load(by, root);
                    self.publish(reader);
                }
                Ok(())
            }
            Err(IndexError::Stopped) => {
                let known = self.vector_indexes.of(reader).clone();
                self.load(by, root);
                // An index that was begun in memory has less at first than the file that it takes the place of.
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
            Err(error @ IndexError::Database { .. }) if self.store.as_ref().is_some_and(|store| store.on_disk) => {
                self.fall_back(&job.scope, &error);
                self.renew(job, by, root)
            }
            Err(error) => {
                self.trouble(error.to_string());
                Ok(())
            }
        }
    }

    /// Reads what changed in a folder; whether anything did.
    fn read(&mut self, job: &Job, (reader, model): (Reader, &Model), root: &Path) -> Result<bool, IndexError> {
        let vector_indexes = self.vector_indexes.of(reader);
        let (shared, beside) = (self.shared.clone(), self.shared.clone());
        let (Some(store), Some((_, pool))) = (&mut self.store, &self.pool) else {
            return Ok(false);
        };
        // The index is being written to; what is there meanwhile is read beside it.
        let on_disk = store.folder.as_deref().filter(|_| store.on_disk);
        let read_beside = on_disk.and_then(|folder| Index::open(folder).ok());
        // What is told of files until their vectors are there.
        let (sketch, known) = (&OnceLock::new(), vector_indexes.clone());
        let sketched = |vector_index: VectorIndex| {
            let sketch = sketch.get_or_init(|| Arc::new(vector_index));
            show(&self.shared, reader, &known, Some(sketch));
        };
        let (mut told, mut published, mut every) = (None::<Instant>, Instant::now(), PUBLISH_EVERY);
        let tell = move |progress: Progress| {
            if progress.done < progress.total && told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                told = Some(Instant::now());
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
            // The larger it is, the more seldom.
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

    /// Tells the person of something once.
    fn trouble(&mut self, message: String) {
        tracing::warn!(message, "the index of the workspace");
        if self.told.insert(message.clone()) {
            self.shared.tell(Event::IndexProblem(message));
        }
    }
}

/// What the languages of a folder have in common, as far as it is known.
fn center(vector_indexes: &[(PathBuf, Arc<VectorIndex>)], root: &Path) -> Center {
    let own = vector_indexes.iter().find(|(known, _)| known == root);
    own.map(|(_, vector_index)| vector_index.center().clone())
        .unwrap_or_default()
}

/// Puts the items of a folder in the place of those that are known of it, in the order of the folders.
fn put(vector_indexes: &mut Vec<(PathBuf, Arc<VectorIndex>)>, root: &Path, vector_index: VectorIndex) {
    vector_indexes.retain(|(known, _)| known != root);
    vector_indexes.push((root.to_owned(), Arc::new(vector_index)));
    vector_indexes.sort_by(|a, b| a.0.cmp(&b.0));
}

/// Publishes the items of the folders as one model read them.
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
        state.lenses_stale = true;
        state.indexing.stage.clone()
    });
    shared.tell(Event::Index(stage));
}

/// Whether the machine runs on its battery, and that matters.
fn unplugged(scope: &Scope) -> bool {
    !scope.on_battery && battery::discharging(&battery::supplies())
}

/// Whether the machine has come to run on its battery: looked at now and then, since it is asked between two layers of the model.
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

/// Waits while the model thread has something to do; `true` where something else is wanted than what is being done.
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
