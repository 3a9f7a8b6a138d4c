//! Search by meaning: `workspace/symbol` and `fovea.search`.

use serde_json::{Value, json};
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{
    Location, MessageType, SymbolKind, WorkspaceSymbol, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};

use super::{show, similar};
use crate::analysis::IndexStage;
use crate::segment::ItemKind;
use crate::server::protocol::{SearchAnswer, SearchArgs, SimilarItem};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;
use crate::similar::index::{Filter, Query};
use crate::text::Language;

/// Default number of results.
const TOP: usize = 20;

/// Maximum number of results.
const MOST: usize = 100;

/// Minimum letters and digits of a query; a symbol picker asks after every letter.
const LETTERS: usize = 3;

/// Minimum relevance of a result, equal to a cosine of 0.1 alone. Less relevant items are unrelated, even if there is nothing else.
const ALIKE: f32 = 0.042;

/// Minimum relevance in a symbol picker; equal to a cosine of 0.25 alone.
///
/// It is higher because other servers fill the picker as well.
const WORTH: f32 = 0.106;

/// `workspace/symbol`: items whose meaning is close to the query, best first.
///
/// Null while there is no model, and for a query that is too short to mean something.
///
/// # Errors
/// Fails if the client canceled the request, or if the model failed.
pub async fn symbols(
    session: &Session,
    request: &RequestSnapshot,
    params: WorkspaceSymbolParams,
) -> Result<Option<WorkspaceSymbolResponse>> {
    let query = params.query.trim();
    if query.chars().filter(|c| c.is_alphanumeric()).count() < LETTERS || !ready(session) {
        return Ok(None);
    }
    // Editors open a symbol as a file, so the results exclude items of a store.
    let (found, _) = found(session, request, query.to_owned(), Filter::default(), TOP, false).await?;
    let near = found.into_iter().filter(|(item, _)| item.score >= f64::from(WORTH));
    let symbols = near.map(|(item, kind)| WorkspaceSymbol {
        container_name: Some(container_name(request, &item)),
        location: tower_lsp::ls_types::OneOf::Left(Location::new(item.uri, item.selection)),
        name: item.name,
        kind: symbol_kind(kind),
        tags: None,
        data: None,
    });
    Ok(Some(WorkspaceSymbolResponse::Nested(symbols.collect())))
}

/// What a symbol picker shows beside a name: `0.45 · Session · src/sessions.py`.
fn container_name(request: &RequestSnapshot, item: &SimilarItem) -> String {
    let score = format!("{:.2}", item.score);
    let container = item.container.as_deref().map(similar::one_line);
    let parts = [Some(score), container, Some(similar::path(request, item))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// `fovea.search`: the items, best first.
///
/// The answer contains notes about the query if the client asks for them. If the client has no interface for Fovea, the server shows the
/// notes as messages, and opens the item that the user chooses.
///
/// # Errors
/// Invalid parameters for an empty query; otherwise the reason why there is no answer.
pub async fn command(
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    asked: SearchArgs,
) -> Result<Value> {
    let (query, top, languages, kinds, notes) = match asked {
        SearchArgs::Query(query) => (query, None, Vec::new(), Vec::new(), false),
        SearchArgs::Filtered {
            query,
            top,
            languages,
            kinds,
            notes,
        } => (query, top, languages, kinds, notes),
    };
    if Query::parse(&query, &mut Filter::default()).is_empty() {
        return Err(Error::invalid_params(
            "fovea.search: the query is empty; enter some words",
        ));
    }
    let filter = Filter {
        languages: languages.iter().map(|id| Language::from_id(id)).collect(),
        kinds,
        ..Filter::default()
    };
    let title = format!("About {}", similar::one_line(query.trim()));
    let (found, note) = found(session, request, query, filter, top.unwrap_or(TOP).clamp(1, MOST), true).await?;
    let near = found.into_iter().filter(|(item, _)| item.score >= f64::from(ALIKE));
    let items: Vec<SimilarItem> = near.map(|(item, _)| item).collect();
    if notes {
        let notes = note.into_iter().collect();
        return Ok(json!(SearchAnswer { items, notes }));
    }
    if request.client.fovea {
        return Ok(json!(items));
    }
    if let Some(note) = note {
        client.show_message(MessageType::INFO, format!("Fovea: {note}")).await;
    }
    if items.is_empty() {
        client
            .show_message(MessageType::INFO, "Fovea found nothing about this")
            .await;
    } else if let Some(index) = show::choose(client, request, None, &title, &items).await {
        show::open(client, request, &items[index]).await;
    }
    Ok(json!(items))
}

async fn found(
    session: &Session,
    request: &RequestSnapshot,
    query: String,
    filter: Filter,
    count: usize,
    beyond: bool,
) -> Result<(Vec<(SimilarItem, ItemKind)>, Option<String>)> {
    let analysis = session.analysis().ok_or_else(Error::internal_error)?;
    let asked = analysis.search(query, filter, count, beyond, request.cancel.clone());
    let searched = asked.await.map_err(|refusal| to_proto::refusal(&refusal))?;
    let told = searched
        .found
        .iter()
        .filter_map(|near| Some((similar::similar(request, near)?, near.item.kind)));
    // What is missing from an incomplete index may be close.
    let is_complete = matches!(analysis.status().index.stage, IndexStage::Off | IndexStage::Ready);
    let doubt = searched.doubt.filter(|_| is_complete);
    Ok((told.collect(), searched.note.or(doubt)))
}

fn ready(session: &Session) -> bool {
    let status = session.analysis().map(|analysis| analysis.status());
    status.is_some_and(|status| !status.paused && matches!(status.model, crate::analysis::ModelStatus::Ready(_)))
}

fn symbol_kind(kind: ItemKind) -> SymbolKind {
    match kind {
        ItemKind::Function => SymbolKind::FUNCTION,
        ItemKind::Type => SymbolKind::CLASS,
        ItemKind::Heading => SymbolKind::STRING,
        ItemKind::File => SymbolKind::FILE,
    }
}
