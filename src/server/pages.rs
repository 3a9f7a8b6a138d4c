//! The pages that a client opened: `fovea view` for documents of the editor, as they are there.
//!
//! Nothing is loaded and nothing listens until the client asks. A page keeps the last text of a document that is closed, and ends with the
//! server.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::analysis::DocumentId;
use crate::model::{LoadError, Model};
use crate::server::uris;
use crate::text::Snapshot;
use crate::view::{self, Live};

/// Gives the model in a folder (the setting `fovea.model.dir`), or the default one that reads a text, as the interpreter runs it.
pub type PageModels = Box<dyn Fn(Option<&Path>, &Snapshot) -> Result<Model, LoadError> + Send + Sync>;

/// A document on a page.
struct Page {
    live: Arc<Live>,
    /// The address on loopback, once a client asked for one.
    address: Option<String>,
}

/// The documents that pages look at.
pub struct Pages {
    models: PageModels,
    open: Mutex<HashMap<DocumentId, Page>>,
}

impl Pages {
    /// Nothing is open yet.
    pub fn new(models: PageModels) -> Pages {
        Pages {
            models,
            open: Mutex::default(),
        }
    }

    /// The document of a page that is there.
    pub fn known(&self, id: &DocumentId) -> Option<Arc<Live>> {
        self.lock().get(id).map(|page| page.live.clone())
    }

    /// The model for a document's page. Loads it the first time, which may take a second: call this where it blocks no other request.
    ///
    /// # Errors
    /// Why the model cannot be loaded.
    pub fn model(&self, folder: Option<&Path>, snapshot: &Snapshot) -> Result<Model, LoadError> {
        (self.models)(folder, snapshot)
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

    /// The address of a document's page on 127.0.0.1, which listens from now on. `None` for a document that no page shows.
    ///
    /// # Errors
    /// If the system gives no port, no thread or no random numbers.
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

    /// A document was edited.
    pub fn change(&self, id: &DocumentId, snapshot: impl FnOnce() -> Snapshot) {
        if let Some(page) = self.lock().get(id) {
            page.live.change(snapshot());
        }
    }

    /// The client asked about a place in a document, so the cursor is there.
    pub fn point(&self, id: &DocumentId, byte: usize) {
        if let Some(page) = self.lock().get(id) {
            page.live.point(byte);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DocumentId, Page>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a document as a person knows it: the path of a file, else the URI.
fn readable(id: &DocumentId) -> String {
    let uri = uris::parse(id);
    let path = uri.as_ref().and_then(uris::file_path);
    path.map_or_else(|| id.to_string(), |path| path.display().to_string())
}
