//! `fovea.openView` and `fovea/view`: a page that shows the model's work on an open document.
//!
//! The page is in a browser, or in a panel of the editor.

use std::sync::Arc;

use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{Position, ShowDocumentParams, Uri};

use crate::analysis::Refusal;
use crate::model::LoadError;
use crate::server::protocol::{OpenViewAnswer, OpenViewArgs, ViewAnswer, ViewParams};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;
use crate::view::question::Question;
use crate::view::{Answer, Live, base64};

/// Opens the page of a document and returns its address. A client that can show the page is asked to.
///
/// # Errors
/// Invalid parameters for a document that is not open or not analyzed; otherwise the reason why there is no page.
pub async fn open(
    session: &Arc<Session>,
    client: &Client,
    request: &RequestSnapshot,
    asked: OpenViewArgs,
) -> Result<OpenViewAnswer> {
    let active = request.required(&asked.uri)?;
    let live = live(session, request, &active).await?;
    point(request, &active, asked.position, &live);
    // This call starts the page's own server, with a runtime that waits for its port.
    let own = session.clone();
    let address = aside(move || own.pages.listen(&active.id))
        .await?
        .map_err(|error| failed(format!("cannot open a port on 127.0.0.1 for the page: {error}")))?
        .ok_or_else(Error::internal_error)?;
    let mut shown = false;
    if request.client.show_document
        && asked.show
        && let Ok(uri) = address.parse::<Uri>()
    {
        let params = ShowDocumentParams {
            uri,
            external: Some(true),
            take_focus: Some(true),
            selection: None,
        };
        shown = client.show_document(params).await.unwrap_or(false);
    }
    Ok(OpenViewAnswer { address, shown })
}

/// Answers a question of the page for a client that forwards it.
///
/// # Errors
/// Invalid parameters for a document that is not open or not analyzed, and for a path that is no question; otherwise the reason why there
/// is no answer.
pub async fn question(session: &Arc<Session>, request: &RequestSnapshot, asked: ViewParams) -> Result<ViewAnswer> {
    let active = request.required(&asked.text_document.uri)?;
    let live = live(session, request, &active).await?;
    point(request, &active, asked.position, &live);
    let question = match asked.path.as_str() {
        "now" => None,
        path => Some(Question::parse(path).ok_or_else(|| {
            Error::invalid_params(format!(
                "fovea/view: path: {:?} asks nothing; ask for document, structure or unit/0",
                path.chars().take(60).collect::<String>()
            ))
        })?),
    };
    let answer = aside(move || match question {
        Some(question) => live.explorer()?.answer(&question),
        None => live.now().map(Answer::Json),
    });
    match answer.await?.map_err(failed)? {
        Answer::Json(value) => Ok(ViewAnswer::Json(value)),
        Answer::Bytes(bytes) => Ok(ViewAnswer::Base64(base64(&bytes))),
    }
}

/// The page's document. The first call for a document loads its model.
async fn live(session: &Arc<Session>, request: &RequestSnapshot, active: &Active) -> Result<Arc<Live>> {
    if let Some(live) = session.pages.known(&active.id) {
        return Ok(live);
    }
    let (session, active, folder) = (session.clone(), active.clone(), request.settings.model_dir.clone());
    let added = aside(move || {
        let model = session.pages.model(folder.as_deref(), &active.snapshot)?;
        Ok::<_, LoadError>(session.add_page(&active.id, active.snapshot, model))
    });
    added.await?.map_err(failed)
}

/// Runs slow work on a thread where it blocks no other request.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::internal_error())
}

fn point(request: &RequestSnapshot, active: &Active, position: Option<Position>, live: &Live) {
    if let Some(position) = position {
        live.point(to_proto::offset(&active.snapshot, position, request.client.encoding));
    }
}

fn failed(why: impl std::fmt::Display) -> Error {
    to_proto::refusal(&Refusal::Failed(why.to_string()))
}
