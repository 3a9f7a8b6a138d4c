//! `fovea predict`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::ModelArguments;
use super::input::{self, Usage};
use super::output::{self, Format};
use crate::model::generate::log_sum;
use crate::model::tape::Network;
use crate::model::{Ability, Keep, Model, Packed, Tokens, UNSTOPPED};
use crate::render::json::Place;
use crate::render::terminal::printable;
use crate::text::{Language, Snapshot};

/// Arguments of `fovea predict`.
#[derive(Args, Debug)]
pub(super) struct Predict {
    /// FILE, FILE:LINE or FILE:LINE:COLUMN, counted from 1: the text up to the end of that line, or up to that column
    file: PathBuf,
    /// How many tokens that may come next to list
    #[arg(long, value_name = "K", default_value_t = 10)]
    top: usize,
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
}

/// How surprising a token was, given those before it.
#[derive(Serialize)]
struct Surprisal {
    text: String,
    start: Place,
    end: Place,
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
    if !model.info().abilities.contains(&Ability::NextToken) {
        anyhow::bail!(
            "{} cannot predict the next token; name a decoder with --model (`fovea model info` lists what a model can do)",
            model.info().name
        );
    }
    let model = model.identifier_aware(false);
    let end = end_of(&document, line, column)?;
    let text = document.text(0..document.len());
    let (first, tokens) = last_window(&model, &network, &text[..end])?;
    let answer = answer(&model, &network, &document, first, &tokens, arguments.top)?;
    match arguments.format {
        Format::Json => output::write_json(&answer),
        Format::Terminal => output::write(&in_words(&answer)),
    }
}

/// A file, a line and a column; a file whose name ends in a colon and digits is taken by its name if it is there.
fn place(argument: &Path) -> (PathBuf, Option<usize>, Option<usize>) {
    match input::place(argument) {
        (file, None) => (file, None, None),
        (rest, Some(last)) => match input::place(&rest) {
            (file, Some(line)) => (file, Some(line), Some(last)),
            (file, None) => (file, Some(last), None),
        },
    }
}

/// The byte at which the text ends that is read.
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

/// The last lines of a text that fit the window, and the byte at which they begin.
fn last_window(model: &Model, network: &Network, text: &str) -> Result<(usize, Tokens)> {
    let window = network.spec.window.min(2048);
    let mut first = 0;
    loop {
        let tokens = model.tokenize(&text[first..], Language::Prose)?;
        if tokens.len() <= window {
            return Ok((first, tokens));
        }
        // What stands far before the end says little of what comes next.
        let beyond = tokens
            .spans
            .get(tokens.len() - window)
            .map_or(0, |span| span.start)
            .max(1);
        let mut next = first + beyond;
        while !text.is_char_boundary(next) {
            next += 1;
        }
        first = text[next..].find('\n').map_or(next, |line| next + line + 1);
    }
}

fn answer(
    model: &Model,
    network: &Network,
    document: &Snapshot,
    first: usize,
    tokens: &Tokens,
    top: usize,
) -> Result<Answer> {
    let mut surprisal = Vec::new();
    let mut next = Vec::new();
    if !tokens.is_empty() {
        let read = network.read(&Packed::new([tokens.ids.as_slice()]), None, Keep::LastHidden, UNSTOPPED)?;
        let width = network.spec.stack.hidden;
        let text = document.text(0..document.len());
        // The vocabulary may be large: one block of positions at a time.
        for (block, rows) in read.hidden.chunks(BLOCK * width).enumerate() {
            let logits = network.logits(rows)?.unwrap_or_default();
            let columns = network.outputs().unwrap_or(1).max(1);
            for (row, logits) in logits.chunks_exact(columns).enumerate() {
                let position = block * BLOCK + row;
                let Some(id) = tokens.ids.get(position + 1) else {
                    next = likeliest(model, logits, top);
                    continue;
                };
                let span = &tokens.spans[position + 1];
                if tokens.special[position + 1] || span.is_empty() {
                    continue;
                }
                let (start, end) = (first + span.start, first + span.end);
                surprisal.push(Surprisal {
                    text: text[start..end].to_owned(),
                    start: Place::new(document, start),
                    end: Place::new(document, end),
                    nats: log_sum(logits) - logits[*id as usize],
                });
            }
        }
    }
    Ok(Answer {
        model: model.info().name.clone(),
        surprisal,
        next,
    })
}

/// Positions whose logits are computed at once.
const BLOCK: usize = 32;

fn likeliest(model: &Model, logits: &[f32], top: usize) -> Vec<Next> {
    let whole = log_sum(logits);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
    let next = |id: &usize| Next {
        token: match model.tokenizer().decode(&[*id as u32]) {
            text if text.is_empty() => model.tokenizer().token(*id as u32).unwrap_or_default(),
            text => text,
        },
        probability: (logits[*id] - whole).exp(),
    };
    order.iter().take(top).map(next).collect()
}

fn in_words(answer: &Answer) -> String {
    let mut page = String::new();
    let mut most: Vec<&Surprisal> = answer.surprisal.iter().collect();
    most.sort_by(|a, b| b.nats.total_cmp(&a.nats));
    page += "most surprising\n";
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
    page
}
