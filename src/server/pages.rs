//! The pages that a client opened: `fovea view` for documents in the editor.
//!
//! The server loads no model and opens no port until the client asks. A page keeps the last text of a closed document, and ends with the
//! server. A model from a folder stays loaded for later pages, predictions and answers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::analysis::DocumentId;
use crate::model::{LoadError, Model};
use crate::server::uris;
use crate::text::Snapshot;
use crate::view::{self, Live};

/// Returns the model in a folder (setting `fovea.model.dir`) or the default model for a text.
///
/// The interpreter runs the model.
pub type PageModels = Box<dyn Fn(Option<&Path>, &Snapshot) -> Result<Model, LoadError> + Send + Sync>;

/// A document on a page.
struct Page {
    live: Arc<Live>,
    /// The address on 127.0.0.1, after a client has asked for one.
    address: Option<String>,
}

/// The documents that pages show.
pub struct Pages {
    models: PageModels,
    open: Mutex<HashMap<DocumentId, Page>>,
    /// The model that was last loaded from a folder.
    loaded: Mutex<Option<Loaded>>,
}

/// A model from a folder.
struct Loaded {
    folder: PathBuf,
    model: Model,
    used: Instant,
}

impl Pages {
    /// Creates an empty set of pages.
    pub fn new(models: PageModels) -> Pages {
        Pages {
            models,
            open: Mutex::default(),
            loaded: Mutex::default(),
        }
    }

    /// The document of an existing page.
    pub fn known(&self, id: &DocumentId) -> Option<Arc<Live>> {
        self.lock().get(id).map(|page| page.live.clone())
    }

    /// The model for a document's page or a prediction.
    ///
    /// The first call for a folder loads the model, which may take seconds: call this method where it blocks no other request. Later calls
    /// for the same folder return the same model.
    ///
    /// # Errors
    /// The reason why the model cannot be loaded.
    pub fn model(&self, folder: Option<&Path>, snapshot: &Snapshot) -> Result<Model, LoadError> {
        let Some(folder) = folder else {
            // Which of the embedded models it is depends on the text.
            return (self.models)(None, snapshot);
        };
        // Who asks for a model that is being loaded waits for it.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = loaded.as_mut()
            && own.folder == folder
        {
            own.used = Instant::now();
            return Ok(own.model.clone());
        }
        // The other model is dropped before this one is loaded; it stays in memory only as long as someone computes with it.
        *loaded = None;
        let model = (self.models)(Some(folder), snapshot)?;
        *loaded = Some(Loaded {
            folder: folder.to_owned(),
            model: model.clone(),
            used: Instant::now(),
        });
        Ok(model)
    }

    /// Unloads the model from a folder if nobody has asked for it that long. Pages that show a document with it keep it.
    pub fn unload(&self, unused: Duration) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.as_ref().is_some_and(|own| own.used.elapsed() >= unused) {
            *loaded = None;
        }
    }

    /// Adds a document; [`Pages::change`] keeps it current from now on.
    pub fn add(&self, id: &DocumentId, snapshot: Snapshot, model: Model) -> Arc<Live> {
        let mut open = self.lock();
        let page = open.entry(id.clone()).or_insert_with(|| Page {
            live: Arc::new(Live::new(model, snapshot, readable(id))),
            address: None,
        });
        page.live.clone()
    }

    /// The address of a document's page on 127.0.0.1; `None` if no page shows the document.
    ///
    /// The first call starts the page's server.
    ///
    /// # Errors
    /// Fails if the system provides no port, no thread or no random numbers.
    pub fn listen(&self, id: &DocumentId) -> std::io::Result<Option<String>> {
        let mut open = self.lock();
        let Some(page) = open.get_mut(id) else {
            return Ok(None);
        };
        if page.address.is_none() {
            let listening = view::listen(page.live.clone(), 0, true)?;
            page.address = Some(listening.address());
            std::thread::Builder::new().name("fovea-page".into()).spawn(move || {
                if let Err(error) = listening.run() {
                    tracing::warn!("the page of a document ended: {error}");
                }
            })?;
        }
        Ok(page.address.clone())
    }

    /// Updates the page of an edited document.
    pub fn change(&self, id: &DocumentId, snapshot: impl FnOnce() -> Snapshot) {
        if let Some(page) = self.lock().get(id) {
            page.live.change(snapshot());
        }
    }

    /// Moves the page to the position that the client asked about, where the cursor is.
    pub fn point(&self, id: &DocumentId, byte: usize) {
        if let Some(page) = self.lock().get(id) {
            page.live.point(byte);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DocumentId, Page>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a document for users: the path of a file, otherwise the URI.
fn readable(id: &DocumentId) -> String {
    let uri = uris::parse(id);
    let path = uri.as_ref().and_then(uris::file_path);
    path.map_or_else(|| id.to_string(), |path| path.display().to_string())
}
