//! Reads a passage that a client names.
//!
//! A passage is a range of an open document or of a file in an open folder, or a text from the client.

use std::path::{Path, PathBuf};

use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::Uri;

use super::similar::readable;
use crate::segment::language_of;
use crate::server::documents::Open;
use crate::server::protocol::Passage;
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::uris::file_path;
use crate::text::{ByteRange, Language, Snapshot, decode, read_regular};

/// A range of a text.
pub struct Stretch {
    /// The text.
    pub snapshot: Snapshot,
    /// The range, in bytes.
    pub range: ByteRange,
}

impl Stretch {
    /// Its text.
    pub fn text(&self) -> String {
        self.snapshot.text(self.range.clone()).into_owned()
    }

    /// The input for the model: the text and its language.
    pub fn question(&self) -> (String, Language) {
        (self.text(), self.snapshot.language())
    }
}

/// The text of a passage. A document that is not open is read from disk if it is in an open folder.
///
/// # Errors
/// Invalid parameters for a document that is neither open nor in an open folder, is unreadable or is not analyzed, and for a passage
/// without text.
pub async fn stretch(request: &RequestSnapshot, passage: Passage) -> Result<Stretch> {
    let stretch = match passage {
        Passage::Range { uri, range } => {
            let snapshot = document(request, &uri).await?;
            let range = request.bytes(&snapshot, range);
            Stretch { snapshot, range }
        }
        Passage::Text { text, language } => {
            let language = language_of(Some(language.as_deref().unwrap_or("plaintext")), None, &text, || None);
            Stretch {
                range: 0..text.len(),
                snapshot: Snapshot::new(&text, 0, language),
            }
        }
    };
    if stretch.text().trim().is_empty() {
        return Err(Error::invalid_params(
            "fovea.comparePassages: a passage is empty; choose some text",
        ));
    }
    Ok(stretch)
}

/// The text of an open document, or of a file in an open folder.
///
/// # Errors
/// Invalid parameters for a document that is neither, is unreadable or is not analyzed.
pub async fn document(request: &RequestSnapshot, uri: &Uri) -> Result<Snapshot> {
    match request.open(uri.as_str()) {
        Some(_) => Ok(request.required(uri)?.snapshot),
        None => closed(request, uri.clone()).await,
    }
}

/// The text of a file that is not open; the rules for open documents apply.
async fn closed(request: &RequestSnapshot, uri: Uri) -> Result<Snapshot> {
    let request = request.clone();
    let read = move || {
        let refused =
            |why: &dyn std::fmt::Display| Error::invalid_params(format!("{}: {why}", readable(&request, &uri)));
        let path = file_path(&uri).and_then(|path| in_workspace(&request, &path));
        let Some(path) = path else {
            return Err(refused(
                &"it is neither an open document nor a file in an open folder; open it first",
            ));
        };
        let bytes = read_regular(&path, request.settings.max_file_bytes as u64).map_err(|error| refused(&error))?;
        let text = decode(bytes).map_err(|error| refused(&error))?;
        let mut document = Open::new(uri.as_str(), Language::from_path(&path).name().to_owned(), 0, &text);
        document.admit(&request.settings);
        match document.inactive {
            Some(reason) => Err(refused(&reason)),
            None => Ok(document.snapshot()),
        }
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| Error::internal_error())?
}

/// The canonical path of a file in an open folder. `None` for a link that leads out of the folder.
fn in_workspace(request: &RequestSnapshot, path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    let roots = &request.client.shown_below;
    roots.iter().any(|root| path.starts_with(root)).then_some(path)
}
