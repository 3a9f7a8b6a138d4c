//! `textDocument/documentHighlight`: the words that the word under the cursor draws on, in the three strengths LSP has.

use std::time::Duration;

use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams};

use super::cursor::{self, Cursor};
use crate::render::heat::UNDERSTOOD;
use crate::server::core::Core;
use crate::server::ticket::Ticket;
use crate::server::to_proto;

/// The most words that are highlighted, the word itself aside.
const MOST: usize = 12;
/// The least share, as a part of the strongest one, of each strength: Write, Read, Text.
const STRENGTHS: [f32; 3] = [0.66, 0.4, 0.25];

/// The highlights; null where there is nothing to say, so that another server's may be shown.
///
/// # Errors
/// The request was cancelled, or its document changed.
pub async fn highlights(
    core: &Core,
    ticket: &Ticket,
    params: DocumentHighlightParams,
) -> jsonrpc::Result<Option<Vec<DocumentHighlight>>> {
    if !ticket.settings.highlight {
        return Ok(None);
    }
    let found = {
        // Editors draw highlights whenever they come, so these may take as long as a first hover.
        let patience = Duration::from_millis(ticket.settings.hover_deadline_ms);
        cursor::at(
            "highlight",
            core,
            ticket,
            &params.text_document_position_params,
            patience,
        )
        .await?
    };
    let Some((active, _, Cursor::Full(cursor))) = found else {
        return Ok(None);
    };
    let Some(word) = cursor.word.filter(|word| *word < cursor.sources.words) else {
        return Ok(None);
    };
    if cursor.report.coverage < UNDERSTOOD {
        return Ok(None);
    }
    let highlights = kinds(cursor.sources.row(word), word).into_iter().map(|(index, kind)| {
        let range = &cursor.report.words[index].range;
        let range = cursor.unit.range.start + range.start..cursor.unit.range.start + range.end;
        DocumentHighlight {
            range: to_proto::range(&active.snapshot, &range, ticket.client.encoding),
            kind: Some(kind),
        }
    });
    Ok(Some(highlights.collect()))
}

/// Which words, in order: the word itself, and the strongest of those it draws on. The word's share in itself is by far the
/// largest and would leave no room for the others, so strengths are relative to the strongest other word.
fn kinds(row: &[f32], word: usize) -> Vec<(usize, DocumentHighlightKind)> {
    let mut others: Vec<(usize, f32)> = row
        .iter()
        .copied()
        .enumerate()
        .filter(|(i, share)| *i != word && *share > 0.0)
        .collect();
    others.sort_by(|a, b| b.1.total_cmp(&a.1));
    others.truncate(MOST);
    let strongest = others.first().map_or(0.0, |(_, share)| *share);
    let mut kinds: Vec<_> = others
        .into_iter()
        .filter_map(|(i, share)| Some((i, kind(share / strongest)?)))
        .collect();
    kinds.push((word, DocumentHighlightKind::TEXT));
    kinds.sort_by_key(|(index, _)| *index);
    kinds
}

fn kind(strength: f32) -> Option<DocumentHighlightKind> {
    let kinds = [
        DocumentHighlightKind::WRITE,
        DocumentHighlightKind::READ,
        DocumentHighlightKind::TEXT,
    ];
    STRENGTHS
        .iter()
        .position(|least| strength >= *least)
        .map(|index| kinds[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_relative_to_the_strongest_other_word() {
        use DocumentHighlightKind as Kind;
        let row = [0.5, 0.2, 0.1, 0.06, 0.04, 0.0];
        assert_eq!(
            kinds(&row, 0),
            [(0, Kind::TEXT), (1, Kind::WRITE), (2, Kind::READ), (3, Kind::TEXT)]
        );
        assert_eq!(kinds(&[1.0], 0), [(0, Kind::TEXT)]);
        assert_eq!(kinds(&[0.3; 40], 2).len(), MOST + 1);
    }
}
