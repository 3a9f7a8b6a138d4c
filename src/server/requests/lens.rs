//! `textDocument/codeLens` and `codeLens/resolve`: a lens above each item that names the most similar item.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{CodeLens, CodeLensParams, Command, Uri};

use super::{classify, similar};
use crate::analysis::Refusal;
use crate::segment::Item;
use crate::server::protocol::{SHOW_SIMILAR, ShowSimilarArgs, SimilarItem};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;

/// The data that resolves a lens. It is an object, since VS Code drops falsy data.
#[derive(Debug, Serialize, Deserialize)]
struct Data {
    uri: Uri,
    version: i32,
    /// The start of the item's name, in bytes.
    at: usize,
}

/// The lenses of a document. A version that is not analyzed has none yet; the client is told to ask again later.
pub fn lenses(session: &Session, request: &RequestSnapshot, params: &CodeLensParams) -> Vec<CodeLens> {
    if !request.settings.lens {
        return Vec::new();
    }
    let uri = &params.text_document.uri;
    let Some(active) = request.active(uri) else {
        return Vec::new();
    };
    // The scores of this language are not final; the client is told to ask again later.
    if session
        .analysis()
        .is_some_and(|analysis| !analysis.is_settled(active.snapshot.language()))
    {
        return Vec::new();
    }
    let found = similar::items(session, request, &active).unwrap_or_default();
    let lens = |item: Item| {
        let data = Data {
            uri: uri.clone(),
            version: active.snapshot.version(),
            at: item.name_range.start,
        };
        CodeLens {
            range: request.range(&active.snapshot, &item.name_range),
            command: None,
            data: Some(json!(data)),
        }
    };
    let mut lenses: Vec<CodeLens> = found.into_iter().map(lens).collect();
    lenses.extend(classify::lenses(session, request, uri, &active));
    lenses
}

/// Adds the title and command to a lens.
///
/// # Errors
/// Fails if the document has changed since the lens was created, or if another server created the lens.
pub fn resolve(session: &Session, request: &RequestSnapshot, mut lens: CodeLens) -> jsonrpc::Result<CodeLens> {
    let data = lens
        .data
        .clone()
        .and_then(|data| serde_json::from_value::<Data>(data).ok());
    let Some(data) = data else {
        return Err(jsonrpc::Error::invalid_params("data: fovea did not make this lens"));
    };
    let stale = || to_proto::refusal(&Refusal::Stale);
    let active = request
        .active(&data.uri)
        .filter(|active| active.snapshot.version() == data.version)
        .ok_or_else(stale)?;
    let (item, similar) = similar::named_at(session, request, &active, data.at).ok_or_else(stale)?;
    let title = similar::title(request, &active, &similar);
    lens.command = Some(Command {
        title,
        command: SHOW_SIMILAR.to_owned(),
        arguments: Some(vec![json!(arguments(request, &active, &data.uri, &item, similar))]),
    });
    Ok(lens)
}

/// The argument of `fovea.showSimilar` for an item.
pub fn arguments(
    request: &RequestSnapshot,
    active: &Active,
    uri: &Uri,
    item: &Item,
    similar: Vec<SimilarItem>,
) -> ShowSimilarArgs {
    let range = request.range(&active.snapshot, &item.name_range);
    ShowSimilarArgs {
        uri: uri.clone(),
        range,
        name: item.name.clone(),
        similar: Some(similar),
    }
}
