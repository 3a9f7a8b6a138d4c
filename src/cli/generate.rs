//! `fovea generate`.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::ModelArguments;
use super::input::{self, Usage};
use super::output::{self, Format};
use crate::model::UNSTOPPED;
use crate::model::generate::{Ended, Limits, Sampling, Written};
use crate::render::terminal::printable;
use crate::text::Language;

/// Arguments of `fovea generate`.
#[derive(Args, Debug)]
pub(super) struct Generate {
    /// Text to write on from; without it, standard input
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Most tokens to write
    #[arg(long, value_name = "N", default_value_t = 128)]
    max_tokens: usize,
    /// Divide the logits by this; 0 always takes the likeliest token
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    temperature: f32,
    /// Draw from the likeliest N tokens only; 0 for all
    #[arg(long, value_name = "N", default_value_t = 0)]
    top_k: usize,
    /// Draw from the likeliest tokens that together have this probability
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    top_p: f32,
    /// Draw only tokens with at least this share of the probability of the likeliest token
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    min_p: f32,
    /// Make tokens that the text already has less likely by this factor; 1 changes nothing
    #[arg(long, value_name = "F", default_value_t = 1.0)]
    repetition_penalty: f32,
    /// The same seed draws the same tokens
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Stop at this text, which is left out; may be given several times
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Answer<'a> {
    model: &'a str,
    tokens: Vec<Written>,
    text: String,
    ended: Ended,
}

/// Continues a prompt: token by token on a terminal, all at once as JSON.
pub(super) fn run(arguments: &Generate) -> Result<()> {
    let sampling = sampling(arguments)?;
    let prompt = match &arguments.prompt {
        Some(prompt) => prompt.clone(),
        None => standard_input()?,
    };
    let (model, network) = arguments.model.interpreted()?;
    let ids = model.tokenize(&prompt, Language::Prose)?.ids;
    let limits = Limits {
        tokens: arguments.max_tokens,
        stops: arguments.stop.clone(),
    };
    let json = arguments.format == Format::Json;
    let (mut tokens, mut text) = (Vec::new(), String::new());
    let mut failed = None;
    let mut told = |written: &Written| {
        text += &written.text;
        tokens.push(written.clone());
        if json {
            return true;
        }
        let mut out = std::io::stdout().lock();
        let shown = write!(out, "{}", printable(&written.text)).and_then(|()| out.flush());
        failed = shown.err();
        failed.is_none()
    };
    let end = network.generate(&ids, model.tokenizer(), sampling, &limits, &mut told, UNSTOPPED)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if !json {
        return output::write(&format!("{}\n", printable(&end.rest)));
    }
    text += &end.rest;
    if let Some(last) = tokens.last_mut() {
        last.text += &end.rest;
    }
    output::write_json(&Answer {
        model: &model.info().name,
        tokens,
        text,
        ended: end.why,
    })
}

fn sampling(arguments: &Generate) -> Result<Sampling> {
    let wrong = |name: &str, value: f32, range: &str| Usage(format!("--{name} {value}: give a number {range}"));
    let checks = [
        ("temperature", arguments.temperature, 0.0..=100.0, "from 0 to 100"),
        ("top-p", arguments.top_p, 0.0..=1.0, "from 0 to 1"),
        ("min-p", arguments.min_p, 0.0..=1.0, "from 0 to 1"),
        (
            "repetition-penalty",
            arguments.repetition_penalty,
            0.01..=100.0,
            "from 0.01 to 100",
        ),
    ];
    for (name, value, range, words) in checks {
        if !range.contains(&value) {
            return Err(wrong(name, value, words).into());
        }
    }
    Ok(Sampling {
        temperature: arguments.temperature,
        top_k: arguments.top_k,
        top_p: arguments.top_p,
        min_p: arguments.min_p,
        repetition_penalty: arguments.repetition_penalty,
        seed: arguments.seed,
    })
}

fn standard_input() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(input::MAX_BYTES as u64)
        .read_to_end(&mut bytes)?;
    String::from_utf8(bytes).context("standard input is not UTF-8; convert it first")
}
