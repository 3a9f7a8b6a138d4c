//! `textDocument/documentHighlight`: occurrences of a word, and the words that it draws on.
//!
//! The occurrences are the same that an editor marks without a server. The words that the word under the cursor draws on are included if
//! the client wants them, in the three strengths of LSP.

use std::collections::BTreeMap;
use std::time::Duration;

use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams};

use super::cursor::{self, Cursor};
use super::draws_on::{strongest, telling_word};
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;
use crate::text::{ByteRange, source_words};

/// Maximum number of occurrences in the answer.
const MOST: usize = 1000;

/// The highlights, in text order.
///
/// Null if the cursor is on no word, so that the editor shows the highlights of another server.
///
/// # Errors
/// Fails if the client canceled the request, or its document changed.
pub async fn highlights(
    session: &Session,
    request: &RequestSnapshot,
    params: DocumentHighlightParams,
) -> jsonrpc::Result<Option<Vec<DocumentHighlight>>> {
    let place = params.text_document_position_params;
    let Some(active) = request
        .active(&place.text_document.uri)
        .filter(|_| request.settings.highlight)
    else {
        return Ok(None);
    };
    let offset = to_proto::offset(&active.snapshot, place.position, request.client.encoding);
    session.pages.point(&active.id, offset);
    let mut kinds: BTreeMap<usize, (ByteRange, DocumentHighlightKind)> = BTreeMap::new();
    if request.client.highlights_attention(request.settings.attention) {
        // Editors draw highlights whenever they arrive, so this may take as long as a first hover.
        let patience = Duration::from_millis(request.settings.hover_deadline_ms);
        let found = cursor::at("highlight", session, request, &place, patience).await?;
        kinds.extend(
            found
                .map(|(_, _, cursor)| attention(&active, &cursor))
                .unwrap_or_default(),
        );
    }
    for range in occurrences(&active, offset) {
        kinds.insert(range.start, (range, DocumentHighlightKind::TEXT));
    }
    let told = kinds.into_values().map(|(range, kind)| DocumentHighlight {
        range: request.range(&active.snapshot, &range),
        kind: Some(kind),
    });
    let told: Vec<DocumentHighlight> = told.collect();
    Ok((!told.is_empty()).then_some(told))
}

/// The word under the cursor and the words that it draws on, by their start.
fn attention(active: &Active, cursor: &Cursor) -> Vec<(usize, (ByteRange, DocumentHighlightKind))> {
    let Cursor::Full(cursor) = cursor else {
        return Vec::new();
    };
    let text = active.snapshot.text(cursor.unit.range.clone());
    let Some(word) = telling_word(cursor, &text) else {
        return Vec::new();
    };
    let start = cursor.unit.range.start;
    let place = |index: usize| {
        let range = &cursor.report.words[index].range;
        start + range.start..start + range.end
    };
    let others = strongest(cursor, &text, word).into_iter();
    let others = others.map(|(index, _, strength)| (place(index), kind(strength)));
    let all = others.chain([(place(word), DocumentHighlightKind::TEXT)]);
    all.map(|(range, kind)| (range.start, (range, kind))).collect()
}

fn kind(strength: u32) -> DocumentHighlightKind {
    match strength {
        3 => DocumentHighlightKind::WRITE,
        2 => DocumentHighlightKind::READ,
        _ => DocumentHighlightKind::TEXT,
    }
}

/// Every occurrence of the word at an offset as a whole word.
///
/// Editors find the same ones without a language server. A cursor directly behind a word means that word.
fn occurrences(active: &Active, offset: usize) -> Vec<ByteRange> {
    let text = active.snapshot.rope().to_string();
    let line = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |at| offset + at);
    let is_name = |word: &str| word.chars().any(|c| c.is_alphanumeric() || c == '_');
    let words = source_words(&text[line..end]).into_iter();
    let mut words = words.map(|word| line + word.range.start..line + word.range.end);
    let Some(word) = words
        .rfind(|range| range.start <= offset && offset <= range.end && is_name(&text[range.clone()]))
        .map(|range| &text[range])
    else {
        return Vec::new();
    };
    let found = text.match_indices(word).map(|(at, _)| at..at + word.len());
    let whole = found.filter(|range| {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        !text[..range.start].ends_with(part) && !text[range.end..].starts_with(part)
    });
    whole.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Snapshot};

    /// The start and end of each occurrence; `|` marks the cursor.
    fn found(marked: &str) -> Vec<(usize, usize)> {
        let offset = marked.find('|').expect("a cursor");
        let snapshot = Snapshot::new(&marked.replace('|', ""), 1, Language::Rust);
        occurrences(
            &Active {
                id: "untitled:1".into(),
                snapshot,
            },
            offset,
        )
        .into_iter()
        .map(|range| (range.start, range.end))
        .collect()
    }

    #[test]
    fn occurrences_are_whole_words_of_the_same_case() {
        assert_eq!(found("le|n + length + len\nLen _len len"), [(0, 3), (15, 18), (28, 31)]);
    }

    #[test]
    fn a_cursor_behind_a_word_selects_it_and_punctuation_has_no_occurrences() {
        assert_eq!(found("len| + 1"), [(0, 3)]);
        assert_eq!(found("f(|x)"), [(2, 3)]);
        assert!(found("a +| b").is_empty());
    }
}
