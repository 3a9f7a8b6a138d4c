//! `fovea embed`.

use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::{ModelArguments, input};
use crate::model::{Model, Role, UNSTOPPED};
use crate::similar::embed_texts;
use crate::text::Language;

/// Arguments of `fovea embed`.
#[derive(Args, Debug)]
pub(super) struct Embed {
    /// Use exactly the reference pipeline: unchanged identifiers, text cut at the model's window
    #[arg(long)]
    plain: bool,
    /// Language of the texts; the model reads identifiers in code as words
    #[arg(long)]
    language: Option<String>,
    /// Put the model's prompt for a query or a passage before each text, as search does; the default is the model's default prompt,
    /// as in sentence-transformers
    #[arg(long = "as", value_name = "ROLE", value_enum)]
    role: Option<As>,
    #[command(flatten)]
    model: ModelArguments,
}

/// The role of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum As {
    /// Text to search for.
    Query,
    /// Text to find.
    Passage,
}

/// Texts of one batch.
const BATCH: usize = 32;

/// Reads JSON strings, one per line, and writes their L2-normalized embeddings, one JSON array per line, in the same order.
pub(super) fn run(arguments: &Embed) -> Result<()> {
    let language = input::language(arguments.language.as_deref())?.unwrap_or(Language::Prose);
    let model = arguments.model.load()?.identifier_aware(!arguments.plain);
    let role = match arguments.role {
        None => Role::Plain,
        Some(As::Query) => Role::Query,
        Some(As::Passage) => Role::Passage,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut batch: Vec<String> = Vec::with_capacity(BATCH);
    let mut flush = |batch: &mut Vec<String>| -> Result<()> {
        for embedding in embed(&model, batch, (role, language), arguments.plain)? {
            let line = serde_json::to_string(&embedding)?;
            out.write_all(line.as_bytes())?;
            out.write_all(b"\n")?;
        }
        batch.clear();
        Ok(out.flush()?)
    };
    for (index, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.with_context(|| format!("standard input, line {}", index + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let text = serde_json::from_str(&line).with_context(|| {
            format!(
                "standard input, line {}: not a JSON string; write one JSON string per line",
                index + 1
            )
        })?;
        batch.push(text);
        if batch.len() == BATCH {
            flush(&mut batch)?;
        }
    }
    flush(&mut batch)
}

/// As [`embed_texts`], of texts in one role and language, without interruption.
pub(super) fn embed(model: &Model, texts: &[String], of: (Role, Language), plain: bool) -> Result<Vec<Vec<f32>>> {
    let texts: Vec<_> = texts.iter().map(|text| (of.0, of.1, text.as_str())).collect();
    Ok(embed_texts(model, &texts, plain, UNSTOPPED)?)
}
