//! `textDocument/hover`: how much the word under the cursor carries, what it draws on, what resembles the item it stands in.

use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::cursor::{self, Cursor};
use super::similar;
use crate::analysis::{SourcesReport, UnitReport};
use crate::render::heat::{UNDERSTOOD, levels};
use crate::render::markdown::{self, HoverView, SimilarView};
use crate::segment::Unit;
use crate::server::core::Core;
use crate::server::ticket::Ticket;
use crate::server::to_proto;
use crate::text::Snapshot;

/// The least share worth naming.
const NEGLIGIBLE: f32 = 0.005;

/// The level from which punctuation is worth a hover.
const TELLING: u32 = 6;

/// What a hover is made of.
struct Found<'a> {
    unit: &'a Unit,
    report: &'a UnitReport,
    word: usize,
    sources: Option<&'a SourcesReport>,
}

/// The hover; null where there is nothing to say.
///
/// # Errors
/// The request was cancelled, or its document changed.
pub async fn hover(core: &Core, ticket: &Ticket, params: HoverParams) -> jsonrpc::Result<Option<Hover>> {
    if !ticket.settings.hover {
        return Ok(None);
    }
    let place = params.text_document_position_params;
    let Some((active, offset, cursor)) = cursor::at("hover", core, ticket, &place, cursor::WARM).await? else {
        return Ok(None);
    };
    let found = match &cursor {
        Cursor::Full(full) => full.word.map(|word| Found {
            unit: &full.unit,
            report: &full.report,
            word,
            sources: Some(&full.sources),
        }),
        Cursor::Known(unit, report) => {
            let inside = offset - unit.range.start;
            let word = report.words.iter().position(|word| word.range.contains(&inside));
            word.map(|word| Found {
                unit,
                report,
                word,
                sources: None,
            })
        }
        Cursor::Nothing => None,
    };
    let Some(found) = found.filter(|found| worth_telling(found, &active.snapshot)) else {
        return Ok(None);
    };
    let similar = similar::around(core, ticket, &active, offset).map(|(_, similar)| SimilarView {
        name: similar[0].name.clone(),
        score: similar[0].score,
        place: similar::place(ticket, &active, &similar[0]),
    });
    let text = render(&found, &active.snapshot, similar, ticket.settings.hover_words);
    let kind = if ticket.client.markdown_hover {
        MarkupKind::Markdown
    } else {
        MarkupKind::PlainText
    };
    let word = &found.report.words[found.word].range;
    let range = found.unit.range.start + word.start..found.unit.range.start + word.end;
    Ok(Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind, value: text }),
        range: Some(to_proto::range(&active.snapshot, &range, ticket.client.encoding)),
    }))
}

/// Whether there is something to say of the word: brackets and commas are everywhere, and get a hover only where they carry much.
fn worth_telling(found: &Found, snapshot: &Snapshot) -> bool {
    let Some(word) = found.report.words.get(found.word) else {
        return false;
    };
    let start = found.unit.range.start;
    let text = snapshot.text(start + word.range.start..start + word.range.end);
    text.chars().any(char::is_alphanumeric)
        || levels(found.report)
            .nth(found.word)
            .is_some_and(|level| level >= TELLING)
}

fn render(found: &Found, snapshot: &Snapshot, similar: Option<SimilarView>, named: usize) -> String {
    let Found {
        unit,
        report,
        word,
        sources,
    } = *found;
    let text = |index: usize| {
        let range = &report.words[index].range;
        snapshot
            .text(unit.range.start + range.start..unit.range.start + range.end)
            .into_owned()
    };
    let view = HoverView {
        word: text(word),
        share: report.words[word].score,
        rank: report.words[word].rank,
        words: report.words.len(),
        level: levels(report).nth(word).unwrap_or(0),
        method: report.method,
        unit: to_proto::unit_noun(unit.kind),
        draws_on: sources
            .map(|sources| strongest(sources, word, &text, named))
            .unwrap_or_default(),
        similar,
        coverage: report.coverage,
        understood: report.coverage >= UNDERSTOOD,
    };
    markdown::hover(&view)
}

/// The words that a word draws on most, best first, with their shares: not itself, which comes first nearly always, and nothing
/// without a letter or digit, which says little to people (heat and highlights have everything). A word that stands in several
/// places is named once, with the sum.
fn strongest(sources: &SourcesReport, word: usize, text: &impl Fn(usize) -> String, most: usize) -> Vec<(String, f32)> {
    if word >= sources.words {
        return Vec::new();
    }
    let mut named: Vec<(String, f32)> = Vec::new();
    for (index, share) in sources.row(word).iter().enumerate().filter(|(index, _)| *index != word) {
        let text = text(index);
        match named.iter_mut().find(|(known, _)| *known == text) {
            Some((_, sum)) => *sum += share,
            None => named.push((text, *share)),
        }
    }
    named.retain(|(text, share)| *share >= NEGLIGIBLE && text.chars().any(char::is_alphanumeric));
    named.sort_by(|a, b| b.1.total_cmp(&a.1));
    named.truncate(most);
    named
}
