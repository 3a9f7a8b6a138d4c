//! `textDocument/hover`: a sentence about a telling word, the most similar item, and links.

use serde_json::{Value, json};
use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind, Position, Uri};

use super::cursor::{self, Cursor};
use super::explain::model_name;
use super::similar;
use crate::analysis::{SourcesReport, UnitReport};
use crate::explain::Method;
use crate::render::heat::{UNDERSTOOD, levels};
use crate::render::markdown::{self, HoverDetails, HoverView, Link, NotUnderstood, SimilarView};
use crate::render::telling::{self, has_content};
use crate::segment::{Item, Unit, UnitKind};
use crate::server::protocol::SimilarItem;
use crate::server::request_snapshot::{Active, RequestSnapshot};
use crate::server::session::Session;
use crate::server::to_proto;

/// Minimum share of a word that a hover lists.
const NEGLIGIBLE: f32 = 0.005;

/// The data of a hover.
struct Found<'a> {
    unit: &'a Unit,
    report: &'a UnitReport,
    word: usize,
    sources: Option<&'a SourcesReport>,
}

/// The hover; null if there is nothing to say.
///
/// # Errors
/// Fails if the client canceled the request, or its document changed.
pub async fn hover(
    session: &Session,
    request: &RequestSnapshot,
    params: HoverParams,
) -> jsonrpc::Result<Option<Hover>> {
    if !request.settings.hover {
        return Ok(None);
    }
    let place = params.text_document_position_params;
    let Some((active, offset, cursor)) = cursor::at("hover", session, request, &place, cursor::WARM).await? else {
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
    let Some(found) = found else { return Ok(None) };
    let around = || similar::around(session, request, &active, offset);
    let Some(text) = text(
        session,
        request,
        &active,
        &found,
        around,
        (&place.text_document.uri, place.position),
    ) else {
        return Ok(None);
    };
    let kind = if request.client.markdown_hover {
        MarkupKind::Markdown
    } else {
        MarkupKind::PlainText
    };
    let word = &found.report.words[found.word].range;
    let range = found.unit.range.start + word.start..found.unit.range.start + word.end;
    Ok(Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind, value: text }),
        range: Some(to_proto::range(&active.snapshot, &range, request.client.encoding)),
    }))
}

/// Whether a unit is only a part of its function, which continues before or after it.
fn is_part(session: &Session, active: &Active, unit: &Unit) -> bool {
    let report = session
        .analysis()
        .and_then(|analysis| analysis.report(&active.id, active.snapshot.version()));
    let own = |item: &&Item| {
        Some(&item.name) == unit.name.as_ref() && item.range.start < unit.range.end && unit.range.start < item.range.end
    };
    unit.kind == UnitKind::Function
        && report.is_some_and(|report| {
            let mut items = report.segments.items.iter().filter(own);
            items.any(|item| item.range.start < unit.range.start || unit.range.end < item.range.end)
        })
}

/// The text of the hover; `None` for a word that deserves no sentence.
///
/// `around` finds the items similar to the one that contains the word.
fn text(
    session: &Session,
    request: &RequestSnapshot,
    active: &Active,
    found: &Found,
    around: impl FnOnce() -> Option<(Item, Vec<SimilarItem>)>,
    (uri, position): (&Uri, Position),
) -> Option<String> {
    let Found {
        unit,
        report,
        word,
        sources,
    } = *found;
    let text = active.snapshot.text(unit.range.clone());
    let noun = to_proto::unit_noun(unit.kind);
    if report.coverage < UNDERSTOOD {
        // A client that draws heat marks the unit, and says there why it has none.
        let (coverage, unit) = (report.coverage, noun);
        return (!request.client.heat).then(|| markdown::not_understood(&NotUnderstood { unit, coverage }));
    }
    let rank = telling::rank(&text, report, word)?;
    let name = |index: usize| text.get(report.words[index].range.clone()).unwrap_or_default();
    let draws_on = sources.map(|sources| strongest(sources, word, &name, request.settings.hover_words));
    let draws_on = draws_on.unwrap_or_default();
    let details = request.settings.hover_details.then(|| HoverDetails {
        share: report.words[word].score,
        rank: report.words[word].rank,
        words: report.words.len(),
        level: levels(report).nth(word).unwrap_or(0),
        method: report.method,
        draws_on: draws_on.clone(),
        coverage: report.coverage,
        model: report.reader().name(&model_name(session)).to_owned(),
    });
    let near = around();
    let best = near.as_ref().map(|(_, similar)| &similar[0]);
    Some(markdown::hover(&HoverView {
        word: name(word).to_owned(),
        rank,
        unit: noun,
        unit_name: unit.name.clone(),
        part: is_part(session, active, unit),
        surprising: report.method == Method::Surprisal,
        read_with: draws_on.into_iter().map(|(word, _)| word).collect(),
        similar: best.map(|best| SimilarView {
            name: best.name.clone(),
            place: similar::place(request, active, best),
        }),
        details,
        links: match request.client.command_links {
            true => links(request, active, near.as_ref(), (uri, position)),
            false => Vec::new(),
        },
    }))
}

/// Links to commands, for a client that has these commands.
fn links(
    request: &RequestSnapshot,
    active: &Active,
    near: Option<&(Item, Vec<SimilarItem>)>,
    (uri, position): (&Uri, Position),
) -> Vec<Link> {
    let link = |label, command, mut argument: Value| {
        // The arguments are text inside the hover, where the restoration of the whole answer does not reach.
        request.spellings.restore(&mut argument);
        let arguments = json!([argument]).to_string();
        Link {
            label,
            command,
            arguments,
        }
    };
    let mut links = Vec::new();
    if let Some((item, near)) = near {
        let best = &near[0];
        if similar::opens(best) {
            let to = json!({"uri": best.uri, "range": best.selection});
            links.push(link("Go to", "fovea.goTo", to));
        }
        // The text of an item in a store is not on this machine.
        if best.store.is_none() {
            let here = json!({"uri": uri, "range": request.range(&active.snapshot, &item.range)});
            let there = json!({"uri": best.uri, "range": best.range});
            links.push(link("Compare", "fovea.compareItems", json!({"a": here, "b": there})));
        }
    }
    let here = json!({"uri": uri, "position": position});
    links.push(link("Why?", "fovea.why", here.clone()));
    links.push(link("Can I trust it?", "fovea.trust", here));
    links.push(Link {
        label: "Hide",
        command: "fovea.hideHovers",
        arguments: "[]".to_owned(),
    });
    links
}

/// The content words that a word draws on most, best first, with their shares.
///
/// The list omits the word itself, which has nearly always the largest share. A word that occurs several times is listed once, with the
/// sum.
fn strongest<'a>(
    sources: &SourcesReport,
    word: usize,
    text: &impl Fn(usize) -> &'a str,
    most: usize,
) -> Vec<(String, f32)> {
    if word >= sources.words {
        return Vec::new();
    }
    let own = text(word);
    let mut named: Vec<(&str, f32)> = Vec::new();
    for (index, share) in sources.row(word).iter().enumerate().filter(|(index, _)| *index != word) {
        let text = text(index);
        match named.iter_mut().find(|(known, _)| *known == text) {
            Some((_, sum)) => *sum += share,
            None => named.push((text, *share)),
        }
    }
    named.retain(|(text, share)| *share >= NEGLIGIBLE && *text != own && has_content(text));
    named.sort_by(|a, b| b.1.total_cmp(&a.1));
    named.truncate(most);
    named
        .into_iter()
        .map(|(text, share)| (text.to_owned(), share))
        .collect()
}
