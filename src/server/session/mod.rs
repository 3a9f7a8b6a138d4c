//! The state of the server.
//!
//! It changes only in the order of the wire, under one lock, and no change waits.

mod overrides;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tower_lsp::ls_types::InitializeParams;

use crate::analysis::store::ResultsFile;
use crate::analysis::{self, AnalysisHandle, CancellationToken, DocumentId, Event, IndexStage, Loader, Scope};
use crate::explain::{Heads, Method};
use crate::model::Model;
use crate::server::client::{ClientCapabilities, capabilities};
use crate::server::documents::{Documents, Open};
use crate::server::exit::Exit;
use crate::server::last_told::LastTold;
use crate::server::logging;
use crate::server::outbox::{HeatUpdate, Outbox};
use crate::server::pages::{PageModels, Pages};
use crate::server::probes::Probes;
use crate::server::request_queue::RequestQueue;
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::settings::{self, Attention, HeatPreset, Settings};
use crate::server::spellings::Spellings;
use crate::similar::index::{self, Elsewhere, Progress};
use crate::text::{ByteRange, Change, Language, Snapshot};
use crate::view::Live;

/// Creates the loader of the model in a folder, or of the default model. The command line provides the real one, tests provide their own.
pub type Loaders = Box<dyn Fn(Option<&Path>) -> Loader + Send + Sync>;

/// Quiet time after a change on disk before the index looks at the folders.
///
/// A checkout therefore costs one look.
const QUIET: Duration = Duration::from_secs(2);

/// Maximum tokens of one indexing pass.
///
/// A hover or search that arrives during a pass waits for one layer of it, some milliseconds.
const INDEX_PASS: usize = 512;

/// The model's activity, for the progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Nothing.
    Idle,
    /// It is loading.
    Loading,
    /// Analyzing documents.
    Analyzing,
}

/// What the user changed by command; an override lasts until the setting itself changes.
#[derive(Debug, Clone, Copy, Default)]
struct Overrides {
    heat: Option<HeatPreset>,
    highlight: Option<bool>,
    attention: Option<Attention>,
    method: Option<(Method, Heads)>,
}

struct SessionState {
    initialized: bool,
    client: Arc<ClientCapabilities>,
    documents: Documents,
    /// The defaults with the `initializationOptions` on top.
    options: Settings,
    /// The settings after the client's last configuration.
    configured: Settings,
    overrides: Overrides,
    /// The settings in force: `configured` with `overrides`.
    effective: Arc<Settings>,
}

/// The state of the server.
pub struct Session {
    loaders: Loaders,
    /// The folder for results that outlive the process; `None` if they do not.
    folder: Option<PathBuf>,
    /// A team's store, until `initialize` hands it to the analysis.
    store: Mutex<Option<Elsewhere>>,
    state: Mutex<SessionState>,
    analysis: OnceLock<AnalysisHandle>,
    /// How the client spells the URIs of its documents.
    pub spellings: Arc<Spellings>,
    /// Messages that wait for the client.
    pub outbox: Arc<Outbox>,
    /// The documents that pages in a browser or in the editor show.
    pub pages: Pages,
    /// The user's probe.
    pub probes: Probes,
    /// The comparison or answer that the client showed last, if it has no interface of Fovea's.
    pub last_told: LastTold,
    /// The requests in flight.
    pub in_flight: RequestQueue,
    /// The request to end the process.
    pub exit: Exit,
    /// The model's activity.
    pub activity: Arc<watch::Sender<Activity>>,
    /// The progress of indexing; `None` while nothing is indexed.
    pub indexing: Arc<watch::Sender<Option<Progress>>>,
    /// The process that started the server.
    pub parent: OnceLock<u32>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// The state before `initialize`.
    pub fn new(loaders: Loaders, pages: PageModels, folder: Option<PathBuf>, store: Option<Elsewhere>) -> Session {
        let settings = Settings::default();
        let state = SessionState {
            initialized: false,
            client: Arc::default(),
            documents: Arc::default(),
            options: settings.clone(),
            configured: settings.clone(),
            overrides: Overrides::default(),
            effective: Arc::new(settings),
        };
        Session {
            loaders,
            folder,
            store: Mutex::new(store),
            state: Mutex::new(state),
            analysis: OnceLock::new(),
            spellings: Arc::default(),
            outbox: Arc::default(),
            pages: Pages::new(pages),
            probes: Probes::default(),
            last_told: LastTold::default(),
            in_flight: RequestQueue::default(),
            exit: Exit::default(),
            activity: Arc::new(watch::Sender::new(Activity::Idle)),
            indexing: Arc::new(watch::Sender::new(None)),
            parent: OnceLock::new(),
        }
    }

    /// The analysis; `None` before `initialize`.
    pub fn analysis(&self) -> Option<&AnalysisHandle> {
        self.analysis.get()
    }

    /// Whether the server has read `initialize`.
    pub fn initialized(&self) -> bool {
        self.lock().initialized
    }

    /// The state for a request that arrives now.
    pub fn snapshot(&self, cancel: CancellationToken) -> RequestSnapshot {
        let state = self.lock();
        RequestSnapshot {
            documents: state.documents.clone(),
            settings: state.effective.clone(),
            client: state.client.clone(),
            spellings: self.spellings.clone(),
            cancel,
        }
    }

    /// Reads `initialize` and starts to load the model. The framework refuses invalid parameters later.
    pub fn initialize(&self, params: &Value) {
        let Ok(params) = serde_json::from_value::<InitializeParams>(params.clone()) else {
            return;
        };
        let mut state = self.lock();
        if state.initialized {
            return;
        }
        state.initialized = true;
        let sent = params.initialization_options.clone().unwrap_or_default();
        let default = Settings::default();
        let (options, problems) = settings::read(&default, &default, &sent);
        state.client = Arc::new(capabilities(&params, &options));
        state.options = options.clone();
        state.configured = options.clone();
        state.effective = Arc::new(options);
        logging::set_level(&state.effective.log_level);
        if let Some(parent) = params.process_id {
            let _ = self.parent.set(parent);
        }
        let events = self.event_sink();
        self.activity.send_replace(Activity::Loading);
        let settings = state.effective.clone();
        self.analysis.get_or_init(|| {
            let analysis = AnalysisHandle::start(
                (self.loaders)(settings.model_dir.as_deref()),
                self.engine_options(&settings, &state.client.roots),
                events,
            );
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).take();
            match store {
                Some(store) => analysis.beside(store),
                None => analysis,
            }
        });
        self.outbox.add(|outgoing| outgoing.warnings.extend(problems));
    }

    /// Returns the receiver of the analysis's events. It runs on the analysis's thread, so it only leaves notes in the outbox.
    fn event_sink(&self) -> impl Fn(Event) + Send + Sync + 'static {
        let outbox = self.outbox.clone();
        let (activity, indexing) = (self.activity.clone(), self.indexing.clone());
        move |event| match event {
            Event::ModelReady { .. } | Event::ModelFailed(_) => {
                activity.send_if_modified(|now| std::mem::replace(now, Activity::Idle) != Activity::Idle);
                outbox.add(|outgoing| outgoing.status = true);
            }
            Event::Busy(busy) => {
                activity.send_if_modified(|now| {
                    let next = if busy { Activity::Analyzing } else { Activity::Idle };
                    *now != Activity::Loading && std::mem::replace(now, next) != next
                });
                outbox.add(|outgoing| outgoing.status = true);
            }
            Event::Report(report) => outbox.add(|outgoing| {
                outgoing.heat.insert(report.id.clone(), HeatUpdate::Report(report));
            }),
            Event::Unparsed => outbox.add(|outgoing| outgoing.status = true),
            Event::Neighbors => outbox.add(|outgoing| outgoing.lenses = true),
            Event::Index(stage) => {
                let now = match stage {
                    IndexStage::Indexing(progress) => Some(progress),
                    _ => None,
                };
                indexing.send_if_modified(|known| std::mem::replace(known, now) != now);
                outbox.add(|outgoing| outgoing.status = true);
            }
            Event::Panicked { .. } | Event::Store => outbox.add(|outgoing| outgoing.status = true),
            Event::IndexProblem(message) => outbox.add(|outgoing| outgoing.warnings.push(format!("Fovea: {message}"))),
        }
    }

    /// Adds a document that the client opened, or replaces one that it opened again.
    pub fn open(&self, uri: &str, language_id: String, version: i32, text: &str) {
        let mut state = self.lock();
        let id: DocumentId = uri.into();
        let mut open = Open::new(uri, language_id, version, text);
        open.admit(&state.effective);
        self.pages.change(&id, || open.snapshot());
        self.outbox.add(|outgoing| _ = outgoing.fresh.insert(id.clone()));
        self.hand_over(
            &id,
            &open,
            state.documents.get(&id).is_some_and(|old| old.inactive.is_none()),
        );
        Arc::make_mut(&mut state.documents).insert(id, Arc::new(open));
    }

    /// Applies an edit. `None` stands for unreadable changes: after these, the client's text is unknown.
    pub fn change(&self, uri: &str, version: Option<i32>, changes: Option<&[Change]>) {
        let mut state = self.lock();
        let (settings, encoding) = (state.effective.clone(), state.client.encoding);
        let Some((id, old)) = state
            .documents
            .get_key_value(uri)
            .map(|(id, old)| (id.clone(), old.clone()))
        else {
            tracing::warn!("ignored a change to a document that is not open");
            return;
        };
        let mut open = Open::clone(&old);
        match changes {
            Some(changes) => {
                let version = version.unwrap_or_else(|| old.snapshot().version().wrapping_add(1));
                open.document.apply(version, changes, encoding);
                // A change that replaces the whole text repairs all missed changes.
                open.out_of_step &= !changes.iter().any(|change| change.range.is_none());
                open.edited();
            }
            None => open.out_of_step = true,
        }
        open.admit(&settings);
        self.pages.change(&id, || open.snapshot());
        self.hand_over(&id, &open, old.inactive.is_none());
        Arc::make_mut(&mut state.documents).insert(id, Arc::new(open));
    }

    /// Removes a document that the client closed.
    pub fn close(&self, uri: &str) {
        let mut state = self.lock();
        let Some((id, old)) = Arc::make_mut(&mut state.documents).remove_entry(uri) else {
            return;
        };
        if let Some(analysis) = self.analysis() {
            analysis.close(&id);
        }
        self.outbox.add(|outgoing| {
            outgoing.heat.remove(&id);
            outgoing.fresh.insert(id);
            outgoing.status |= old.inactive.is_some();
        });
    }

    /// Adds the page of a document. `snapshot` is its text, unless an edit arrived while `model` loaded.
    pub fn add_page(&self, id: &DocumentId, snapshot: Snapshot, model: Model) -> Arc<Live> {
        // The lock of the edits is held: this text includes earlier edits, and later ones reach the page.
        let state = self.lock();
        let snapshot = state.documents.get(id).map_or(snapshot, |open| open.snapshot());
        self.pages.add(id, snapshot, model)
    }

    /// Notes that files may have changed on disk.
    pub fn files_changed(&self) {
        if let Some(analysis) = self.analysis() {
            analysis.workspace_changed(QUIET);
        }
    }

    /// Notes that the user created, moved or deleted files or folders in the editor.
    pub fn files_moved(&self) {
        if let Some(analysis) = self.analysis() {
            analysis.workspace_moved();
        }
    }

    /// Adds folders to the open ones, and removes others.
    pub fn change_folders(&self, added: Vec<PathBuf>, removed: &[PathBuf]) {
        let mut state = self.lock();
        let client = Arc::make_mut(&mut state.client);
        let mut roots = client.roots.clone();
        roots.retain(|root| !removed.contains(root));
        roots.extend(added);
        client.set_roots(roots);
        if let Some(analysis) = self.analysis() {
            analysis.configure(self.engine_options(&state.effective, &state.client.roots));
        }
    }

    /// Passes the range on screen to the analysis.
    pub fn visible(&self, uri: &str, range: impl FnOnce(&Open, &ClientCapabilities) -> ByteRange) {
        let state = self.lock();
        let Some((id, open)) = state.documents.get_key_value(uri) else {
            return;
        };
        if let (None, Some(analysis)) = (&open.inactive, self.analysis()) {
            analysis.set_visible(id, range(open, &state.client));
        }
    }

    /// Passes a document's text to the analysis, or withdraws it.
    fn hand_over(&self, id: &DocumentId, open: &Open, was_active: bool) {
        let Some(analysis) = self.analysis() else {
            return;
        };
        let active = open.inactive.is_none();
        if active && was_active {
            analysis.update(id, open.snapshot());
        } else if active {
            analysis.open(id, open.snapshot(), open.shown.clone());
        } else if was_active {
            analysis.close(id);
            let clear = HeatUpdate::Clear(open.snapshot().version());
            self.outbox.add(|outgoing| {
                outgoing.heat.insert(id.clone(), clear);
            });
        }
        if !active || !was_active {
            self.outbox.add(|outgoing| outgoing.status = true);
        }
    }

    /// The settings that the analysis reads.
    fn engine_options(&self, settings: &Settings, roots: &[PathBuf]) -> analysis::Options {
        let folder = self.folder.clone().filter(|_| settings.cache_disk);
        let limits = index::Limits {
            file: settings.limits(),
            exclude: settings.exclude.patterns.clone(),
            languages: settings.languages.iter().map(|id| Language::from_id(id)).collect(),
            pass: INDEX_PASS,
            ..index::Limits::default()
        };
        let scope = Scope {
            roots: roots.to_vec(),
            folder: folder.clone(),
            limits,
            on_battery: settings.index_on_battery,
        };
        analysis::Options {
            workspace: (settings.enable && settings.index).then_some(scope),
            method: settings.method,
            heads: settings.heads,
            threads: settings.threads,
            debounce: Duration::from_millis(settings.debounce_ms),
            disk: folder.map(|folder| ResultsFile {
                folder,
                bytes: settings.cache_disk_megabytes << 20,
            }),
            min_similarity: settings.min_similarity,
            detail: settings.lens_detail,
            identifier_aware: settings.identifier_aware,
            ..analysis::Options::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
