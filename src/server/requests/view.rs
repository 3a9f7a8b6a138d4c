//! `fovea.openView` and `fovea/view`: what the model does with an open document, on a page in a browser or in a panel of the editor.

use std::sync::Arc;

use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{Position, Range, ShowDocumentParams, Uri};

use crate::server::protocol::{OpenViewAnswer, OpenViewArgs, ViewAnswer, ViewParams};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::view::question::Question;
use crate::view::{Answer, Live, base64};

/// Opens the page of a document: its address is the answer, and a client that can show one is asked to.
///
/// # Errors
/// Invalid parameters for a document that is not open or not analyzed; else why there is no page.
pub async fn open(
    session: &Arc<Session>,
    client: &Client,
    request: &RequestSnapshot,
    asked: OpenViewArgs,
) -> Result<OpenViewAnswer> {
    let active = request.required(&asked.uri)?;
    let live = live(session, request, &active).await?;
    point(request, &active, asked.position, &live);
    // A server of its own begins here, with a runtime that waits for its port.
    let (pages, id) = (session.clone(), active.id.clone());
    let address = tokio::task::spawn_blocking(move || pages.pages.listen(&id, &live))
        .await
        .map_err(|_| Error::internal_error())?
        .map_err(|error| failed(&format!("cannot open a port on 127.0.0.1 for the page: {error}")))?;
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

/// Answers a question of the page for a client that carries them itself.
///
/// # Errors
/// Invalid parameters for a document that is not open or not analyzed, and for what is no question; else why there is no answer.
pub async fn question(session: &Arc<Session>, request: &RequestSnapshot, asked: ViewParams) -> Result<ViewAnswer> {
    let active = request.required(&asked.text_document.uri)?;
    let live = live(session, request, &active).await?;
    point(request, &active, asked.position, &live);
    if asked.path == "now" {
        return live
            .now()
            .map(ViewAnswer::Json)
            .map_err(|error| failed(&error.to_string()));
    }
    let Some(question) = Question::parse(&asked.path) else {
        return Err(Error::invalid_params(format!(
            "fovea/view: path: {:?} asks nothing; ask for document, structure or unit/0",
            asked.path.chars().take(60).collect::<String>()
        )));
    };
    let answer = tokio::task::spawn_blocking(move || live.explorer()?.answer(&question)).await;
    match answer.map_err(|_| Error::internal_error())? {
        Ok(Answer::Json(value)) => Ok(ViewAnswer::Json(value)),
        Ok(Answer::Bytes(bytes)) => Ok(ViewAnswer::Base64(base64(&bytes))),
        Err(error) => Err(failed(&error.to_string())),
    }
}

/// The page's document. Loading its model takes a second, so it is not done on a thread that answers others.
async fn live(session: &Arc<Session>, request: &RequestSnapshot, active: &Active) -> Result<Arc<Live>> {
    let (session, active, folder) = (session.clone(), active.clone(), request.settings.model_dir.clone());
    let live =
        tokio::task::spawn_blocking(move || session.pages.live(&active.id, &active.snapshot, folder.as_deref())).await;
    live.map_err(|_| Error::internal_error())?
        .map_err(|error| failed(&error.to_string()))
}

fn point(request: &RequestSnapshot, active: &Active, position: Option<Position>, live: &Live) {
    if let Some(position) = position {
        let range = Range::new(position, position);
        live.point(request.bytes(&active.snapshot, range).start);
    }
}

fn failed(why: &str) -> Error {
    Error {
        code: ErrorCode::InternalError,
        message: why.to_owned().into(),
        data: None,
    }
}
