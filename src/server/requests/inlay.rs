//! `textDocument/inlayHint`: the most similar item, at the end of the line with an item's name.
//!
//! For editors without lenses.

use std::time::Duration;

use tower_lsp::ls_types::{
    InlayHint, InlayHintLabel, InlayHintLabelPart, InlayHintParams, InlayHintTooltip, Location, Position,
};

use super::similar::{self, named};
use crate::server::protocol::SimilarItem;
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;

/// Interval between checks whether a document is analyzed.
const LOOK: Duration = Duration::from_millis(20);

/// The hints of the items whose names are in a range.
///
/// Null if hints are off or this version is not analyzed. An editor without a refresh request (Helix) asks once per text. For such an
/// editor, the handler waits for the analysis as long as a first hover may take.
pub async fn hints(session: &Session, request: &RequestSnapshot, params: &InlayHintParams) -> Option<Vec<InlayHint>> {
    let active = request
        .active(&params.text_document.uri)
        .filter(|_| request.settings.inlay_hint)?;
    let asked = request.bytes(&active.snapshot, params.range);
    let patience = match request.client.inlay_refresh {
        true => Duration::ZERO,
        false => Duration::from_millis(request.settings.hover_deadline_ms),
    };
    let known = async {
        loop {
            if let Some(all) = similar::all(session, request, &active) {
                return all;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let named = tokio::time::timeout(patience, known).await.ok()?;
    let named = named
        .into_iter()
        .filter(|(item, _)| item.name_range.start <= asked.end && asked.start <= item.name_range.end);
    let hints = named.filter_map(|(item, similar)| {
        let line = active.snapshot.rope().byte_to_line(item.name_range.start);
        let end = active.snapshot.line_range(line).end;
        let position = to_proto::range(&active.snapshot, &(end..end), request.client.encoding).start;
        hint(request, &active, position, &similar)
    });
    Some(hints.collect())
}

/// The hint of an item; its label links to the most similar item.
fn hint(request: &RequestSnapshot, active: &Active, position: Position, similar: &[SimilarItem]) -> Option<InlayHint> {
    let best = similar.first()?;
    let part = InlayHintLabelPart {
        value: format!("≈ {:.2} {}", best.score, named(best)),
        tooltip: None,
        // Editors cannot open the items of a store as documents.
        location: best.store.is_none().then(|| Location {
            uri: best.uri.clone(),
            range: best.selection,
        }),
        command: None,
    };
    Some(InlayHint {
        position,
        label: InlayHintLabel::LabelParts(vec![part]),
        kind: None,
        text_edits: None,
        tooltip: Some(InlayHintTooltip::String(similar::title(request, active, similar))),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    })
}
