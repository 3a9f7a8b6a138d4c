//! `textDocument/publishDiagnostics`: items that are nearly identical to others, if the setting is on.

use std::collections::HashMap;

use tower_lsp::Client;
use tower_lsp::ls_types::{Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString};

use super::protocol::SimilarItem;
use super::request_snapshot::{Active, RequestSnapshot};
use super::requests::similar::{self, one_line};
use super::session::Session;
use super::uris;
use crate::analysis::DocumentId;
use crate::segment::Item;

/// The `code` of the diagnostics.
const CODE: &str = "near-duplicate";

/// The diagnostics that the client has, by document; documents without any are absent.
#[derive(Debug, Default)]
pub struct Told(HashMap<DocumentId, Vec<Diagnostic>>);

impl Told {
    /// Publishes changed diagnostics.
    ///
    /// A document that is not analyzed yet keeps its diagnostics, which editors move along with the text.
    pub async fn tell(&mut self, session: &Session, request: &RequestSnapshot, client: &Client) {
        if !request.settings.diagnostics && self.0.is_empty() {
            return;
        }
        let closed = self.0.keys().filter(|id| request.open(id).is_none());
        let closed: Vec<DocumentId> = closed.cloned().collect();
        for id in closed {
            self.0.remove(&id);
            publish(client, &id, Vec::new(), None).await;
        }
        for (id, open) in request.documents.iter() {
            let snapshot = open.snapshot();
            let version = snapshot.version();
            let active = open.inactive.is_none() && request.settings.diagnostics;
            let found = match active {
                true => of(
                    session,
                    request,
                    &Active {
                        id: id.clone(),
                        snapshot,
                    },
                ),
                false => Some(Vec::new()),
            };
            let Some(found) = found else { continue };
            if found == *self.0.get(id).unwrap_or(&Vec::new()) {
                continue;
            }
            match found.is_empty() {
                true => self.0.remove(id),
                false => self.0.insert(id.clone(), found.clone()),
            };
            publish(client, id, found, Some(version)).await;
        }
    }
}

async fn publish(client: &Client, id: &DocumentId, found: Vec<Diagnostic>, version: Option<i32>) {
    if let Some(uri) = uris::parse(id) {
        client.publish_diagnostics(uri, found, version).await;
    }
}

/// The diagnostics of a document; `None` if this version is not analyzed.
fn of(session: &Session, request: &RequestSnapshot, active: &Active) -> Option<Vec<Diagnostic>> {
    let items = similar::all(session, request, active)?;
    let least = f64::from(request.settings.near_duplicate);
    let found = items.iter().filter_map(|(item, similar)| {
        let near = similar.iter().filter(|near| near.score >= least);
        diagnostic(request, active, item, &near.collect::<Vec<_>>())
    });
    Some(found.collect())
}

/// The diagnostic of an item that is nearly identical to the items in `near`.
fn diagnostic(request: &RequestSnapshot, active: &Active, item: &Item, near: &[&SimilarItem]) -> Option<Diagnostic> {
    let best = near.first()?;
    let more = match near.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let name = one_line(&best.name).replace('`', "'");
    let place = similar::place(request, active, best);
    let here = near.iter().filter(|near| near.store.is_none());
    let related = here.map(|near| DiagnosticRelatedInformation {
        location: Location {
            uri: near.uri.clone(),
            range: near.selection,
        },
        message: format!("{:.2} {}", near.score, one_line(&near.name)),
    });
    Some(Diagnostic {
        range: request.range(&active.snapshot, &item.name_range),
        severity: Some(DiagnosticSeverity::HINT),
        code: Some(NumberOrString::String(CODE.to_owned())),
        code_description: None,
        source: Some("fovea".to_owned()),
        message: format!("Nearly the same as `{name}`, {place} ({:.2}){more}", best.score),
        related_information: request.client.related_information.then(|| related.collect()),
        tags: None,
        data: None,
    })
}
