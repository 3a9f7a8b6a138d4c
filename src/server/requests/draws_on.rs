//! `fovea/drawsOn`: the words that the word at a position draws on.
//!
//! For clients that draw them separately from occurrences.

use std::time::Duration;

use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::TextDocumentPositionParams;

use super::cursor::{self, Cursor};
use crate::analysis::CursorReport;
use crate::render::heat::UNDERSTOOD;
use crate::render::telling::has_content;
use crate::server::protocol::{DrawnOn, DrawsOnAnswer};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;

/// Maximum number of words in the answer.
const MOST: usize = 12;

/// Minimum shares of the strengths 3, 2 and 1, relative to the largest share.
const STRENGTHS: [f32; 3] = [0.66, 0.4, 0.25];

/// Returns the words; null if the model has nothing to say.
///
/// # Errors
/// Method not found for a client without an interface for Fovea. Fails if the client canceled the request, or its document changed.
pub async fn draws_on(
    session: &Session,
    request: &RequestSnapshot,
    place: TextDocumentPositionParams,
) -> Result<Option<DrawsOnAnswer>> {
    if !request.client.fovea {
        return Err(Error::method_not_found());
    }
    if let Some(active) = request.active(&place.text_document.uri) {
        let offset = to_proto::offset(&active.snapshot, place.position, request.client.encoding);
        session.pages.point(&active.id, offset);
    }
    if !request.settings.highlight {
        return Ok(None);
    }
    let patience = Duration::from_millis(request.settings.hover_deadline_ms);
    let Some((active, _, Cursor::Full(cursor))) = cursor::at("drawsOn", session, request, &place, patience).await?
    else {
        return Ok(None);
    };
    let text = active.snapshot.text(cursor.unit.range.clone());
    let Some(word) = telling_word(&cursor, &text) else {
        return Ok(None);
    };
    let range = |index: usize| {
        let range = &cursor.report.words[index].range;
        let start = cursor.unit.range.start;
        request.range(&active.snapshot, &(start + range.start..start + range.end))
    };
    let words = strongest(&cursor, &text, word).into_iter();
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

/// The word under the cursor, if it has meaning and the model understands its unit.
///
/// `text` is the text of the unit.
pub fn telling_word(cursor: &CursorReport, text: &str) -> Option<usize> {
    let word = cursor.word.filter(|word| *word < cursor.sources.words)?;
    let says = has_content(text.get(cursor.report.words[word].range.clone())?);
    (says && cursor.report.coverage >= UNDERSTOOD).then_some(word)
}

/// The words that a word draws on most, in text order.
///
/// Each has its share and strength. The result omits keywords, punctuation and words such as "the": they draw attention everywhere and say
/// little.
pub fn strongest(cursor: &CursorReport, text: &str, word: usize) -> Vec<(usize, f32, u32)> {
    let says = |index: usize| {
        text.get(cursor.report.words[index].range.clone())
            .is_some_and(has_content)
    };
    let row = cursor.sources.row(word).iter().copied().enumerate();
    ranked(row.filter(|(index, _)| *index != word && says(*index)))
}

/// The strengths of the largest shares.
///
/// A word's share in itself is by far the largest and would leave no range for the others, so strengths are relative to the strongest other
/// word.
fn ranked(others: impl Iterator<Item = (usize, f32)>) -> Vec<(usize, f32, u32)> {
    let mut others: Vec<(usize, f32)> = others.filter(|(_, share)| *share > 0.0).collect();
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
        let others = |shares: &[f32]| ranked(shares.iter().copied().enumerate());
        assert_eq!(
            others(&[0.1, 0.2, 0.06, 0.04, 0.0]),
            [(0, 0.1, 2), (1, 0.2, 3), (2, 0.06, 1)]
        );
        assert_eq!(others(&[]), []);
        assert_eq!(others(&[0.3; 40]).len(), MOST);
    }
}
