//! `textDocument/inlayHint`: what resembles an item, at the end of the line that names it. For editors without lenses.

use tower_lsp::ls_types::{
    InlayHint, InlayHintLabel, InlayHintLabelPart, InlayHintParams, InlayHintTooltip, Location, Position,
};

use super::similar::{self, one_line};
use crate::server::core::Core;
use crate::server::protocol::SimilarItem;
use crate::server::ticket::{Active, Ticket};
use crate::server::to_proto;

/// The hints of the items whose names stand in a range; null where they are switched off or this version is not analysed.
pub fn hints(core: &Core, ticket: &Ticket, params: &InlayHintParams) -> Option<Vec<InlayHint>> {
    let active = ticket
        .active(&params.text_document.uri)
        .filter(|_| ticket.settings.inlay_hint)?;
    let asked = ticket.bytes(&active.snapshot, params.range);
    let named = similar::all(core, ticket, &active)?
        .into_iter()
        .filter(|(item, _)| item.name_range.start <= asked.end && asked.start <= item.name_range.end);
    let hints = named.filter_map(|(item, similar)| {
        let line = active.snapshot.rope().byte_to_line(item.name_range.start);
        let end = active.snapshot.line_range(line).end;
        let position = to_proto::range(&active.snapshot, &(end..end), ticket.client.encoding).start;
        hint(ticket, &active, position, &similar)
    });
    Some(hints.collect())
}

/// The hint of an item, whose label leads to the most similar one.
fn hint(ticket: &Ticket, active: &Active, position: Position, similar: &[SimilarItem]) -> Option<InlayHint> {
    let best = similar.first()?;
    let part = InlayHintLabelPart {
        value: format!("≈ {:.2} {}", best.score, one_line(&best.name)),
        tooltip: None,
        location: Some(Location {
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
        tooltip: Some(InlayHintTooltip::String(similar::title(ticket, active, similar))),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    })
}
