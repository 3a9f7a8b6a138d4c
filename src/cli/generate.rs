//! `fovea generate`.

use std::io::{Read, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;

use super::ModelArguments;
use super::deciding::Deciding;
use super::input::{self, Usage};
use super::output::{self, PageFormat};
use crate::explain::{Method, predict};
use crate::model::generate::{Ended, Limits, Sampling, Written};
use crate::model::{Model, Tokens, UNSTOPPED};
use crate::render::decided::{self, Choice, Section};
use crate::render::json::ExplainWord;
use crate::render::terminal::printable;
use crate::text::{Language, Snapshot};

/// Arguments of `fovea generate`.
#[derive(Args, Debug)]
pub(super) struct Generate {
    /// Text to write on from; without it, standard input
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Give a chat model the text as the message of a user
    #[arg(long)]
    chat: bool,
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
    /// Show for each token which words before it decided
    #[arg(long)]
    why: bool,
    /// How --why explains a token: decomposition, gradient, or attention (where the model looked)
    #[arg(long, default_value = "decomposition", value_parser = method)]
    method: Method,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: PageFormat,
}

#[derive(Serialize)]
struct Answer<'a> {
    model: &'a str,
    tokens: Vec<Token>,
    text: String,
    ended: Ended,
}

/// A token that was written.
#[derive(Serialize)]
struct Token {
    #[serde(flatten)]
    written: Written,
    /// Which words decided; positions are those in the prompt followed by the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Deciding>,
}

/// Continues a prompt: token by token on a terminal, all at once as JSON.
pub(super) fn run(arguments: &Generate) -> Result<()> {
    let sampling = sampling(arguments)?;
    let prompt = match &arguments.prompt {
        Some(prompt) => prompt.clone(),
        None => standard_input()?,
    };
    let (model, network) = arguments.model.interpreted()?;
    let turn = arguments.chat.then(|| model.turn(&prompt));
    let prompt = match turn {
        None => prompt,
        Some(Some(turn)) => turn,
        Some(None) => {
            let name = &model.info().name;
            return Err(Usage(format!(
                "--chat: {name} has no chat template, or one that fovea does not know; omit the option, or use an instruct model"
            ))
            .into());
        }
    };
    let read = match arguments.chat {
        true => model.tokenize_turn(&prompt)?,
        false => model.tokenize(&prompt, Language::Prose)?,
    };
    let limits = Limits {
        tokens: arguments.max_tokens,
        stops: arguments.stop.clone(),
    };
    let terminal = arguments.format == PageFormat::Terminal;
    let (mut tokens, mut text) = (Vec::new(), String::new());
    let mut failed = None;
    let mut told = |written: &Written| {
        text += &written.text;
        tokens.push(written.clone());
        if !terminal {
            return true;
        }
        let mut out = std::io::stdout().lock();
        let shown = write!(out, "{}", printable(&written.text)).and_then(|()| out.flush());
        failed = shown.err();
        failed.is_none()
    };
    let end = network.generate(&read.ids, model.tokenizer(), sampling, &limits, &mut told, UNSTOPPED)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    text += &end.rest;
    if let Some(last) = tokens.last_mut() {
        last.text += &end.rest;
    }
    if terminal {
        output::write(&format!("{}\n", printable(&end.rest)))?;
        if !arguments.why {
            return Ok(());
        }
    }
    let why = match arguments.why {
        true => explained(&model, (&prompt, &read), &tokens, arguments.method)?,
        false => Vec::new(),
    };
    match arguments.format {
        PageFormat::Terminal => return output::write(&in_words(&tokens, &why, arguments.method)),
        PageFormat::Html => {
            let title = format!("{} · {}", prompt.lines().next().unwrap_or_default(), model.info().name);
            return output::write_html(&in_html(&title, &format!("{prompt}{text}"), &tokens, &why));
        }
        PageFormat::Json => {}
    }
    let mut why = why.into_iter();
    let token = |written| Token {
        written,
        why: why.next(),
    };
    output::write_json(&Answer {
        model: &model.info().name,
        tokens: tokens.into_iter().map(token).collect(),
        text,
        ended: end.why,
    })
}

/// The methods of --why.
fn method(name: &str) -> Result<Method, String> {
    let names = || predict::OF_WRITTEN.map(Method::name).join(", ");
    let found = Method::from_name(name).filter(|method| predict::OF_WRITTEN.contains(method));
    found.ok_or_else(|| format!("choose one of {}", names()))
}

/// For each token, the words before it that decided.
fn explained(model: &Model, prompt: (&str, &Tokens), tokens: &[Written], method: Method) -> Result<Vec<Deciding>> {
    let start = Instant::now();
    let parts = predict::written(model, prompt, tokens, method, UNSTOPPED).map_err(input::usage)?;
    let ms = start.elapsed().as_secs_f32() * 1e3 / parts.len().max(1) as f32;
    let text: String = std::iter::once(prompt.0)
        .chain(tokens.iter().map(|token| token.text.as_str()))
        .collect();
    let document = Snapshot::new(&text, 0, Language::Prose);
    let target = match method {
        Method::Attention => "attention",
        _ => "logit",
    };
    let deciding = |parts| Deciding::new(parts, &document, (target, method.name(), ms));
    Ok(parts.into_iter().map(deciding).collect())
}

/// The text, then for each token the words that decided.
fn in_html(title: &str, text: &str, tokens: &[Written], why: &[Deciding]) -> String {
    let whole = Section {
        heading: "text".to_owned(),
        text: text.to_owned(),
        ..Section::default()
    };
    let token = |(token, why): (&Written, &Deciding)| {
        let words = why.most(LISTED);
        let largest = words.first().map_or(1.0, |word| word.score.abs());
        let choice = |word: &&ExplainWord| Choice {
            name: word.text.clone(),
            number: format!("{:+.3}", word.score),
            share: word.score.abs() / largest,
        };
        Section {
            heading: format!("{:?}: {:.1} %", token.text, 100.0 * token.logprob.exp()),
            choices: words.iter().map(choice).collect(),
            notes: vec![why.sum()],
            ..Section::default()
        }
    };
    let sections: Vec<Section> = std::iter::once(whole)
        .chain(tokens.iter().zip(why).map(token))
        .collect();
    decided::page(title, &sections)
}

/// Words of a token that a terminal lists.
const LISTED: usize = 4;

fn in_words(tokens: &[Written], why: &[Deciding], method: Method) -> String {
    let mut page = match method {
        Method::Attention => "\nlooked at, as a share of attention\n".to_owned(),
        _ => format!("\ndecided, as a part of the logit ({})\n", method.name()),
    };
    for (token, why) in tokens.iter().zip(why) {
        let told: Vec<String> = why
            .most(LISTED)
            .iter()
            .map(|word| match method {
                Method::Attention => format!("{} {:.0} %", word.text, 100.0 * word.score),
                _ => format!("{} {:+.2}", word.text, word.score),
            })
            .collect();
        let name = format!("{:?}", token.text);
        let likely = 100.0 * token.logprob.exp();
        page += &printable(&format!("{likely:>5.1} %  {name:<16} {}", told.join(" · ")));
        page.push('\n');
    }
    if method == Method::Attention {
        let special: f32 = why.iter().map(|why| why.special).sum::<f32>() / why.len().max(1) as f32;
        page += &format!(
            "special tokens had {:.0} % of the attention; where a model looks is not why it writes\n",
            100.0 * special
        );
    }
    page
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
