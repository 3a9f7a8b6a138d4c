//! The state that a request sees: as of its arrival, however long it waits.

use std::future::Future;
use std::sync::Arc;

use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{Range, Uri};

use super::client::ClientCapabilities;
use super::documents::{Documents, Open};
use super::protocol::{AnswerWord, Explained};
use super::settings::Settings;
use super::spellings::Spellings;
use super::to_proto;
use crate::analysis::{CancellationToken, DocumentId};
use crate::explain::{Method, Parts};
use crate::text::{ByteRange, Snapshot};

/// The server's state at the arrival of a request.
#[derive(Debug, Clone)]
pub struct RequestSnapshot {
    /// The open documents.
    pub documents: Documents,
    /// The settings, with the session's overrides.
    pub settings: Arc<Settings>,
    /// The client's capabilities.
    pub client: Arc<ClientCapabilities>,
    /// How the client spells the URIs of its documents.
    pub spellings: Arc<Spellings>,
    /// Raised when the client cancels the request.
    pub cancel: CancellationToken,
}

tokio::task_local! {
    static SNAPSHOT: RequestSnapshot;
}

/// The snapshot of the request that the current task answers.
///
/// # Errors
/// An internal error if the task answers no request.
pub fn request() -> jsonrpc::Result<RequestSnapshot> {
    SNAPSHOT
        .try_with(RequestSnapshot::clone)
        .map_err(|_| jsonrpc::Error::internal_error())
}

/// Runs the handler of a request with its snapshot.
pub fn with<F: Future>(request: RequestSnapshot, handler: F) -> impl Future<Output = F::Output> {
    SNAPSHOT.scope(request, handler)
}

/// An open document that Fovea analyzes.
#[derive(Debug, Clone)]
pub struct Active {
    /// Its name.
    pub id: DocumentId,
    /// Its text.
    pub snapshot: Snapshot,
}

impl RequestSnapshot {
    /// An open document.
    pub fn open(&self, uri: &str) -> Option<(&DocumentId, &Arc<Open>)> {
        self.documents.get_key_value(uri)
    }

    /// An open document, if Fovea analyzes it.
    pub fn active(&self, uri: &Uri) -> Option<Active> {
        let (id, open) = self.open(uri.as_str())?;
        open.inactive.is_none().then(|| Active {
            id: id.clone(),
            snapshot: open.snapshot(),
        })
    }

    /// An open document, or an error that says why it cannot be explained.
    ///
    /// # Errors
    /// Invalid parameters for a document that is not open or not analyzed.
    pub fn required(&self, uri: &Uri) -> jsonrpc::Result<Active> {
        let Some((_, open)) = self.open(uri.as_str()) else {
            return Err(jsonrpc::Error::invalid_params(format!(
                "{} is not open; open it first",
                self.spellings.of(uri.as_str())
            )));
        };
        if let Some(reason) = &open.inactive {
            return Err(jsonrpc::Error::invalid_params(reason.clone()));
        }
        self.active(uri).ok_or_else(jsonrpc::Error::internal_error)
    }

    /// Converts an LSP range into a byte range.
    pub fn bytes(&self, snapshot: &Snapshot, range: Range) -> ByteRange {
        to_proto::bytes(snapshot, range, self.client.encoding)
    }

    /// A number split by words of a document, for the client.
    pub fn explained(&self, snapshot: &Snapshot, (method, target): (Method, &str), parts: &Parts) -> Explained {
        let word = |(range, score): (&ByteRange, &f32)| AnswerWord {
            range: self.range(snapshot, range),
            text: snapshot.text(range.clone()).into_owned(),
            score: to_proto::number(*score),
            question: None,
        };
        Explained {
            method: method.name().to_owned(),
            target: target.to_owned(),
            value: to_proto::number(parts.value as f32),
            residual: parts.residual.unwrap_or_default(),
            special: to_proto::number(parts.special as f32),
            bias: to_proto::number(parts.bias as f32),
            words: parts.ranges.iter().zip(&parts.scores).map(word).collect(),
        }
    }

    /// Converts a byte range into an LSP range.
    pub fn range(&self, snapshot: &Snapshot, range: &ByteRange) -> Range {
        to_proto::range(snapshot, range, self.client.encoding)
    }
}
