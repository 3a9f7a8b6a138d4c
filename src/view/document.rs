//! The document, its units, and the scores of their words.

use std::time::Instant;

use serde_json::{Value, json};

use super::passes::Pass;
use super::runs::runs;
use super::{Explorer, ViewError, tokens};
use crate::explain::{Heads, Method, salience as scores_of};
use crate::model::spec::Task;
use crate::model::{Model, UNSTOPPED};
use crate::text::PositionEncoding;

/// The file, the model and the units.
pub(super) fn document(explorer: &Explorer) -> Value {
    let snapshot = &explorer.snapshot;
    let line = |byte: usize| snapshot.position(byte, PositionEncoding::Utf8).line + 1;
    let units = explorer.segments.units.iter().map(|unit| {
        let text = snapshot.text(unit.range.clone());
        let last = unit.range.start + text.trim_end().len();
        json!({
            "kind": unit.kind,
            "name": unit.name,
            "language": unit.language.name(),
            "first_line": line(unit.range.start + (text.len() - text.trim_start().len())),
            "last_line": line(last),
            "blank": text.trim().is_empty(),
            "beginning": beginning(&text),
        })
    });
    let info = explorer.model.info();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "file": explorer.file,
        "language": snapshot.language().name(),
        "lines": snapshot.line_count(),
        "model": info,
        "abilities": info.abilities.iter().map(|ability| ability.name()).collect::<Vec<_>>(),
        "decoder": explorer.network.spec.decoder.as_ref().map(|decoder| json!({
            "layers": decoder.blocks.len(),
            "heads": explorer.heads(true, false).first(),
        })),
        "writes": explorer.network.writes(),
        "names_tokens": explorer.names_tokens(),
        "head": explorer.network.task().map(task),
        "mask": explorer.model.tokenizer().mask().map(|(mask, _)| mask),
        "head_dim": explorer.network.spec.first_attention().map(|attention| attention.head_dim),
        "units": units.collect::<Vec<_>>(),
    })
}

/// The purpose of a head, in one word.
fn task(task: &Task) -> &'static str {
    match task {
        Task::MaskedToken => "mask",
        Task::NextToken => "next",
        Task::Sequence { .. } => "class",
        Task::Token { .. } => "tags",
        Task::Span => "span",
    }
}

/// The first words of a text, on one line.
fn beginning(text: &str) -> String {
    let mut words = String::new();
    for word in text.split_whitespace() {
        if words.chars().count() > 48 {
            words.push('…');
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.extend(word.chars().take(48));
    }
    words
}

/// Text, words and tokens of a unit.
pub(super) fn unit(explorer: &Explorer, index: usize, pass: &Pass) -> Value {
    json!({
        "unit": index,
        "runs": runs(&pass.text, &pass.words.words),
        "words": pass.words.words.len(),
        "tokens": tokens::of_text(&explorer.model, &pass.text, &pass.tokens, &pass.words.owners),
        "written": tokens::written(&explorer.model, &pass.written, explorer.network.spec.start),
        "coverage": pass.tokens.coverage,
        "coordinate": pass.coordinate(),
        "layers": pass.trace.layer_count(),
        "hidden": pass.trace.hidden.dims().last(),
    })
}

/// Scores of a unit's words by the methods that take one pass, and the names of all methods.
///
/// # Errors
/// Errors of the methods.
pub(super) fn salience(model: &Model, pass: &Pass) -> Result<Value, ViewError> {
    let methods = Method::LIVE.map(|method| scores(model, pass, method));
    let methods = methods.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "methods": methods, "all": Method::ALL.map(Method::name) }))
}

/// Scores of a unit's words by one method.
///
/// # Errors
/// Errors of the method.
pub(super) fn scores(model: &Model, pass: &Pass, method: Method) -> Result<Value, ViewError> {
    let start = Instant::now();
    let scores = scores_of(model, &pass.subject(), method, Heads::default(), UNSTOPPED)?;
    Ok(json!({
        "name": method.name(),
        "additive": method.additive(),
        "words": scores.words,
        "special": scores.special,
        "bias": scores.bias,
        "residual": scores.residual,
        "ms": start.elapsed().as_secs_f64() * 1e3,
    }))
}
