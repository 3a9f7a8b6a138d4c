//! `fovea predict`.

mod context;
mod why;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use context::Context;
use why::{Question, Why, why};

use super::ModelArguments;
use super::input::{self, Usage};
use super::output::{self, Format};
use crate::explain::Attribution;
use crate::model::generate::log_sum;
use crate::model::tape::Network;
use crate::model::{Ability, Model, Packed, TraceLevel, UNSTOPPED};
use crate::render::json::JsonPosition;
use crate::render::terminal::printable;
use crate::text::Snapshot;

/// Arguments of `fovea predict`.
#[derive(Args, Debug)]
pub(super) struct Predict {
    /// FILE, FILE:LINE or FILE:LINE:COLUMN, counted from 1: the text up to the end of that line, or up to that column
    file: PathBuf,
    /// How many tokens that may come next to list
    #[arg(long, value_name = "K", default_value_t = 10)]
    top: usize,
    /// Show which words decided for the likeliest token, or for this one; stands behind FILE
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, default_missing_value = "")]
    why: Option<String>,
    /// Show which words decided for the likeliest token, or for that of --why, rather than for this one
    #[arg(long, value_name = "TOKEN")]
    rather_than: Option<String>,
    /// Explain the logarithm of the token's probability instead of its logit
    #[arg(long, conflicts_with = "rather_than")]
    log_probability: bool,
    /// How to explain it: decomposition, gradient-input or gradient
    #[arg(long, default_value = "decomposition", value_parser = Attribution::from_name)]
    method: Attribution,
    /// Language of the text, if the file's name does not show it
    #[arg(long)]
    language: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Answer {
    model: String,
    surprisal: Vec<Surprisal>,
    next: Vec<Next>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
}

/// How surprising a token was, given those before it.
#[derive(Serialize)]
struct Surprisal {
    text: String,
    start: JsonPosition,
    end: JsonPosition,
    /// - ln p.
    nats: f32,
}

/// A token that may come next.
#[derive(Serialize)]
struct Next {
    token: String,
    probability: f32,
}

/// Shows how surprising each token is, and which tokens the model expects next.
pub(super) fn run(arguments: &Predict) -> Result<()> {
    let (file, line, column) = place(&arguments.file);
    let document = input::document(&file, input::language(arguments.language.as_deref())?, input::MAX_BYTES)?;
    let (model, network) = arguments.model.interpreted()?;
    let masked = match (has(&model, Ability::NextToken), has(&model, Ability::FillMask)) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => anyhow::bail!(
            "{} cannot predict the next token, and fills no masks; name a model that can with --model (`fovea model info` lists what a \
             model can do)",
            model.info().name
        ),
    };
    let model = model.identifier_aware(false);
    let end = end_of(&document, line, column)?;
    let text = document.text(0..document.len());
    let context = match masked {
        true => Context::around(&model, &network, &text, end)?,
        false => Context::before(&model, &network, &text[..end])?,
    };
    let answer = answer((&model, &network), &document, &context, masked, arguments)?;
    match arguments.format {
        Format::Json => output::write_json(&answer),
        Format::Terminal => output::write(&in_words(&answer)),
    }
}

/// A file, a line and a column; if a file exists whose name ends in a colon and digits, the whole argument is the name.
fn place(argument: &Path) -> (PathBuf, Option<usize>, Option<usize>) {
    match input::place(argument) {
        (file, None) => (file, None, None),
        (rest, Some(last)) => match input::place(&rest) {
            (file, Some(line)) => (file, Some(line), Some(last)),
            (file, None) => (file, Some(last), None),
        },
    }
}

/// The byte where the context ends.
fn end_of(document: &Snapshot, line: Option<usize>, column: Option<usize>) -> Result<usize> {
    let Some(line) = line else {
        return Ok(document.len());
    };
    let text = document.text(0..document.len());
    let mut start = 0;
    for (number, content) in text.split_inclusive('\n').enumerate() {
        let content_end = start + content.trim_end_matches(['\n', '\r']).len();
        if number + 1 == line {
            let Some(column) = column else { return Ok(content_end) };
            let at = text[start..content_end].char_indices().nth(column.saturating_sub(1));
            return Ok(at.map_or(content_end, |(at, _)| start + at));
        }
        start += content.len();
    }
    Err(Usage(format!(
        "line {line} does not exist: the file has {} lines",
        text.lines().count()
    ))
    .into())
}

fn has(model: &Model, ability: Ability) -> bool {
    model.info().abilities.contains(&ability)
}

fn answer(
    (model, network): (&Model, &Network),
    document: &Snapshot,
    context: &Context,
    masked: bool,
    arguments: &Predict,
) -> Result<Answer> {
    let question = (arguments.why.is_some() || arguments.rather_than.is_some()).then(|| Question {
        token: arguments.why.as_deref().unwrap_or_default(),
        rather_than: arguments.rather_than.as_deref(),
        probability: arguments.log_probability,
        by: arguments.method,
    });
    let mut answer = Answer {
        model: model.info().name.clone(),
        surprisal: Vec::new(),
        next: Vec::new(),
        why: None,
    };
    let tokens = &context.tokens;
    if tokens.is_empty() {
        return match question {
            Some(_) => Err(Usage("there is no text before this place to explain a token by".to_owned()).into()),
            None => Ok(answer),
        };
    }
    let keep = question
        .as_ref()
        .map_or(TraceLevel::LastHidden, |question| question.by.keeps());
    let read = network.read(&Packed::new([tokens.ids.as_slice()]), None, keep, UNSTOPPED)?;
    let width = network.spec.stack.hidden;
    let columns = network.outputs().unwrap_or(1).max(1);
    // A masked model sees the token itself, so it has no surprisal.
    if !masked {
        // A large vocabulary makes logits large, so positions are processed in blocks.
        for (block, rows) in read.hidden.chunks(BLOCK * width).enumerate() {
            let logits = network.logits(rows)?.unwrap_or_default();
            for (row, logits) in logits.chunks_exact(columns).enumerate() {
                let position = block * BLOCK + row + 1;
                let Some(id) = tokens.ids.get(position) else { continue };
                let span = &tokens.spans[position];
                if tokens.special[position] || span.is_empty() {
                    continue;
                }
                let place = context.in_document(span, document);
                answer.surprisal.push(Surprisal {
                    text: document.text(place.clone()).into_owned(),
                    start: JsonPosition::new(document, place.start),
                    end: JsonPosition::new(document, place.end),
                    nats: log_sum(logits) - logits[*id as usize],
                });
            }
        }
    }
    let own = &read.hidden[context.row * width..(context.row + 1) * width];
    let logits = network.logits(own)?.unwrap_or_default();
    answer.next = likeliest(model, &logits, arguments.top);
    answer.why = question
        .map(|question| why((model, network), (document, context), &read, &logits, &question))
        .transpose()?;
    Ok(answer)
}

/// Positions whose logits are computed at once.
const BLOCK: usize = 32;

fn likeliest(model: &Model, logits: &[f32], top: usize) -> Vec<Next> {
    let whole = log_sum(logits);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
    let next = |id: &usize| Next {
        token: shown(model, *id as u32),
        probability: (logits[*id] - whole).exp(),
    };
    order.iter().take(top).map(next).collect()
}

/// The text of a token, or its name in the vocabulary if it has no text alone.
fn shown(model: &Model, id: u32) -> String {
    match model.tokenizer().decode(&[id]) {
        text if text.is_empty() => model.tokenizer().token(id).unwrap_or_default(),
        text => text,
    }
}

fn in_words(answer: &Answer) -> String {
    let mut page = String::new();
    let mut most: Vec<&Surprisal> = answer.surprisal.iter().collect();
    most.sort_by(|a, b| b.nats.total_cmp(&a.nats));
    if !most.is_empty() {
        page += "most surprising\n";
    }
    for token in most.iter().take(10) {
        let text = printable(&token.text);
        page += &format!("  {:>6.2} nats  line {:<5} {text}\n", token.nats, token.start.line + 1);
    }
    page += "next\n";
    for next in &answer.next {
        page += &format!(
            "  {:>6.1} %     {:?}\n",
            100.0 * next.probability,
            printable(&next.token)
        );
    }
    if let Some(why) = &answer.why {
        why.in_words(&mut page);
    }
    page
}
