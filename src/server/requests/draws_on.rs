//! `fovea/drawsOn`: the words that the word at a position draws on, for clients that draw them apart from occurrences.

use std::time::Duration;

use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::TextDocumentPositionParams;

use super::cursor::{self, Cursor};
use crate::analysis::CursorReport;
use crate::render::heat::UNDERSTOOD;
use crate::server::core::Core;
use crate::server::protocol::{DrawnOn, DrawsOnAnswer};
use crate::server::ticket::Ticket;
use crate::server::to_proto;

/// The most words that are named.
const MOST: usize = 12;

/// The least share of each strength, as a part of the largest share: 3, 2, 1.
const STRENGTHS: [f32; 3] = [0.66, 0.4, 0.25];

/// The words; null where the model has nothing to say.
///
/// # Errors
/// Method not found for a client without user interface of ours; the request was cancelled, or its document changed.
pub async fn draws_on(
    core: &Core,
    ticket: &Ticket,
    place: TextDocumentPositionParams,
) -> Result<Option<DrawsOnAnswer>> {
    if !ticket.client.fovea {
        return Err(Error::method_not_found());
    }
    if !ticket.settings.highlight {
        return Ok(None);
    }
    let patience = Duration::from_millis(ticket.settings.hover_deadline_ms);
    let Some((active, _, Cursor::Full(cursor))) = cursor::at("drawsOn", core, ticket, &place, patience).await? else {
        return Ok(None);
    };
    let Some(word) = understood_word(&cursor) else {
        return Ok(None);
    };
    let range = |index: usize| {
        let range = &cursor.report.words[index].range;
        let start = cursor.unit.range.start;
        ticket.range(&active.snapshot, &(start + range.start..start + range.end))
    };
    let words = strongest(cursor.sources.row(word), word).into_iter();
    Ok(Some(DrawsOnAnswer {
        version: active.snapshot.version(),
        word: range(word),
        words: words
            .map(|(index, share, strength)| DrawnOn {
                range: range(index),
                share: to_proto::number(share),
                strength,
            })
            .collect(),
    }))
}

/// The word under the cursor, if the model understands the text around it.
pub fn understood_word(cursor: &CursorReport) -> Option<usize> {
    let word = cursor.word.filter(|word| *word < cursor.sources.words)?;
    (cursor.report.coverage >= UNDERSTOOD).then_some(word)
}

/// The strongest of the words that a word draws on, in the order of the text, with their shares and strengths. The word's share in
/// itself is by far the largest and would leave no room for the others, so strengths are relative to the strongest other word.
pub fn strongest(row: &[f32], word: usize) -> Vec<(usize, f32, u32)> {
    let others = row.iter().copied().enumerate();
    let mut others: Vec<(usize, f32)> = others.filter(|(i, share)| *i != word && *share > 0.0).collect();
    others.sort_by(|a, b| b.1.total_cmp(&a.1));
    others.truncate(MOST);
    let largest = others.first().map_or(0.0, |(_, share)| *share);
    let strength = |share: f32| {
        let index = STRENGTHS.iter().position(|least| share / largest >= *least)?;
        Some((STRENGTHS.len() - index) as u32)
    };
    let named = others
        .into_iter()
        .filter_map(|(index, share)| Some((index, share, strength(share)?)));
    let mut named: Vec<_> = named.collect();
    named.sort_by_key(|(index, ..)| *index);
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_relative_to_the_strongest_other_word() {
        let row = [0.5, 0.2, 0.1, 0.06, 0.04, 0.0];
        assert_eq!(strongest(&row, 0), [(1, 0.2, 3), (2, 0.1, 2), (3, 0.06, 1)]);
        assert_eq!(strongest(&[1.0], 0), []);
        assert_eq!(strongest(&[0.3; 40], 2).len(), MOST);
    }
}
