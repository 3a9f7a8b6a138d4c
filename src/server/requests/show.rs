//! `fovea.showSimilar`: opens an item that resembles another, or lets the user choose.

use std::collections::HashMap;
use std::time::Duration;

use tower_lsp::Client;
use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::{MessageActionItem, MessageType, ShowDocumentParams};

use super::similar::{self, one_line};
use crate::segment::Item;
use crate::server::client_answer::within;
use crate::server::protocol::{ShowSimilarAnswer, ShowSimilarArgs, SimilarItem};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;

/// Time limit for the user's choice.
const CHOICE: Duration = Duration::from_secs(120);
/// Time limit for the editor to open a document.
const OPENING: Duration = Duration::from_secs(10);
/// Interval between checks whether a document is analyzed.
const LOOK: Duration = Duration::from_millis(20);
/// Maximum width of a message that makes room for its choices, in characters; a wider one is wrapped.
const WIDE: usize = 76;
/// Maximum number of choices in a message.
pub const MOST: usize = 6;

/// Opens the only similar item, or the one of several that the user chooses.
///
/// If the editor cannot ask, it opens the best. A client with its own interface for Fovea gets the list and asks itself.
///
/// # Errors
/// Invalid parameters if `similar` is missing and the document is not open or not analyzed.
pub async fn similar(
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    asked: ShowSimilarArgs,
) -> Result<ShowSimilarAnswer> {
    let (name, similar, active) = match asked.similar {
        Some(similar) => (asked.name, similar, request.active(&asked.uri)),
        None => {
            let active = request.required(&asked.uri)?;
            let offset = request.bytes(&active.snapshot, asked.range).start;
            let found = awaited(session, request, &active, offset).await;
            let (name, similar) = found.map(|(item, similar)| (item.name, similar)).unwrap_or_default();
            (name, similar, Some(active))
        }
    };
    let shown = match similar.len() {
        0 => {
            let message = "Fovea found nothing similar";
            client.show_message(MessageType::INFO, message).await;
            None
        }
        1 => open(client, request, &similar[0]).await.then_some(0),
        _ if request.client.fovea => None,
        _ => {
            let question = format!("Similar to {}", one_line(&name));
            match choose(client, request, active.as_ref(), &question, &similar).await {
                Some(index) => open(client, request, &similar[index]).await.then_some(index),
                None => None,
            }
        }
    };
    Ok(ShowSimilarAnswer { name, similar, shown })
}

/// The innermost item at an offset that has similar items, with these. If the document is not analyzed yet, the call waits as long as a
/// first hover may take.
async fn awaited(
    session: &Session,
    request: &RequestSnapshot,
    active: &Active,
    offset: usize,
) -> Option<(Item, Vec<SimilarItem>)> {
    let patience = Duration::from_millis(request.settings.hover_deadline_ms);
    let found = async {
        loop {
            if let Some(mut found) = similar::found_at(session, request, active, offset) {
                return found.next();
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(patience, found).await.ok().flatten()
}

/// Lets the user choose an item; `None` if the user wants none.
pub async fn choose(
    client: &Client,
    request: &RequestSnapshot,
    active: Option<&Active>,
    question: &str,
    similar: &[SimilarItem],
) -> Option<usize> {
    if !request.client.message_request {
        return Some(0);
    }
    let titles = titles(request, active, similar);
    // An editor that does not ask.
    ask_which(client, question, &titles).await.unwrap_or(Some(0))
}

/// The items as choices, as many as a message may offer.
pub fn titles(request: &RequestSnapshot, active: Option<&Active>, similar: &[SimilarItem]) -> Vec<String> {
    let title = |item: &SimilarItem| {
        let place = match active {
            Some(active) => similar::place(request, active, item),
            None => format!("{}:{}", similar::path(request, item), item.selection.start.line + 1),
        };
        format!("{:.2} {} · {place}", item.score, similar::named(item))
    };
    similar.iter().take(MOST).map(title).collect()
}

/// Asks the user which of some titles; `Some(None)` if the user wants none, `None` if the editor does not ask.
pub async fn ask_which(client: &Client, question: &str, titles: &[String]) -> Option<Option<usize>> {
    let actions = titles.iter().map(|title| MessageActionItem {
        title: title.clone(),
        properties: HashMap::new(),
    });
    // Helix shows choices only as wide as the message.
    let longest = titles
        .iter()
        .map(|title| title.chars().count())
        .max()
        .unwrap_or(0)
        .min(WIDE);
    let question = format!("{question:<longest$}");
    let question = client.show_message_request(MessageType::INFO, question, Some(actions.collect()));
    let chosen = within(CHOICE, question).await?;
    Some(chosen.and_then(|chosen| titles.iter().position(|title| *title == chosen.title)))
}

/// Opens a document at the item's name. If the editor cannot, a message shows the location.
pub async fn open(client: &Client, request: &RequestSnapshot, item: &SimilarItem) -> bool {
    if request.client.show_document && similar::opens(item) && opened(client, item).await {
        return true;
    }
    if !request.client.fovea {
        let place = format!("{}:{}", similar::path(request, item), item.selection.start.line + 1);
        let message = format!("Fovea: {:.2} {} · {place}", item.score, similar::named(item));
        client.show_message(MessageType::INFO, message).await;
    }
    false
}

async fn opened(client: &Client, item: &SimilarItem) -> bool {
    let params = ShowDocumentParams {
        uri: item.uri.clone(),
        // The browser opens a web page, whose address already contains the lines.
        external: Some(item.store.is_some()),
        take_focus: Some(true),
        selection: item.store.is_none().then_some(item.selection),
    };
    within(OPENING, client.show_document(params)).await.unwrap_or(false)
}
