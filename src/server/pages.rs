//! The pages that a client opened: `fovea view` for documents of the editor, as they are there.
//!
//! Nothing is loaded and nothing listens until the client asks. A page ends with its document, and with the server.

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

    /// The document of a page, with its text as of now. Loads the model the first time, which may take a second: call it where that
    /// blocks nobody.
    ///
    /// # Errors
    /// Why the model cannot be loaded.
    pub fn live(&self, id: &DocumentId, snapshot: &Snapshot, folder: Option<&Path>) -> Result<Arc<Live>, LoadError> {
        if let Some(page) = self.lock().get(id) {
            page.live.change(snapshot.clone());
            return Ok(page.live.clone());
        }
        let model = (self.models)(folder, snapshot)?;
        let live = Arc::new(Live::new(model, snapshot.clone(), readable(id)));
        let mut open = self.lock();
        let page = open.entry(id.clone()).or_insert(Page { live, address: None });
        Ok(page.live.clone())
    }

    /// The address of a document's page on 127.0.0.1, which listens from now on.
    ///
    /// # Errors
    /// If the system gives no port, no thread or no random numbers.
    pub fn listen(&self, id: &DocumentId, live: &Arc<Live>) -> std::io::Result<String> {
        let mut open = self.lock();
        if let Some(address) = open.get(id).and_then(|page| page.address.clone()) {
            return Ok(address);
        }
        let listening = view::listen(live.clone(), 0, true)?;
        let address = listening.address();
        std::thread::Builder::new().name("fovea-page".into()).spawn(move || {
            if let Err(error) = listening.run() {
                tracing::warn!("the page of a document ended: {error}");
            }
        })?;
        let page = open.entry(id.clone()).or_insert(Page {
            live: live.clone(),
            address: None,
        });
        page.address = Some(address.clone());
        Ok(address)
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
