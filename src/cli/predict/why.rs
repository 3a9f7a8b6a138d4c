//! Explains why a model expects a token, or prefers it to another one.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::context::Context;
use super::shown;
use crate::cli::deciding::{Deciding, Parts};
use crate::cli::input::Usage;
use crate::explain::{Attribution, WordMap, target};
use crate::model::tape::{Network, Read, Target};
use crate::model::{Model, TapeTrace};
use crate::text::Snapshot;

/// The explanation of the next token.
#[derive(Serialize)]
pub(super) struct Why {
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rather_than: Option<String>,
    #[serde(flatten)]
    deciding: Deciding,
}

/// The question about a token.
pub(super) struct Question<'a> {
    /// The token; empty for the likeliest one.
    pub token: &'a str,
    /// The token that it is compared with.
    pub rather_than: Option<&'a str>,
    /// Explain the log-probability instead of the logit.
    pub probability: bool,
    pub by: Attribution,
}

/// Explains a token, given the logits at its position.
pub(super) fn why(
    (model, network): (&Model, &Network),
    (document, context): (&Snapshot, &Context),
    read: &Read,
    logits: &[f32],
    question: &Question,
) -> Result<Why> {
    let start = Instant::now();
    let Some(tape) = read.tape.clone() else {
        anyhow::bail!("the pass kept nothing to explain")
    };
    let likeliest = || (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
    let output = match question.token {
        "" => likeliest().unwrap_or(0),
        name => token(model, logits, name)?,
    };
    let row = context.row;
    let other = question
        .rather_than
        .map(|name| token(model, logits, name))
        .transpose()?;
    let wanted = match other {
        Some(other) if other == output => {
            let same = shown(model, other as u32);
            return Err(Usage(format!("--rather-than {same:?}: the same token; name another one")).into());
        }
        Some(other) => Target::Difference { row, output, other },
        None if question.probability => Target::LogProbability { row, output },
        None => Target::Logit { row, output },
    };
    let trace = TapeTrace { tape, sequence: 0 };
    let scores = target(network, &trace, &wanted, question.by)?;
    let map = WordMap::new(&context.text, &context.tokens);
    let place = |range: &_| context.in_document(range, document);
    let parts = Parts::of_tokens(&scores, &map, &place);
    let ms = start.elapsed().as_secs_f32() * 1e3;
    Ok(Why {
        token: shown(model, output as u32),
        rather_than: other.map(|other| shown(model, other as u32)),
        deciding: Deciding::new(parts, document, (wanted.name(), question.by.name(), ms)),
    })
}

/// The token of a name: as in the vocabulary, or the likeliest first token of the text, with or without a leading space.
fn token(model: &Model, logits: &[f32], name: &str) -> Result<usize> {
    let tokenizer = model.tokenizer();
    let spaced = format!(" {}", name.trim_start());
    let begins = [name, &spaced].map(|text| {
        let ids = tokenizer.pieces(text);
        // Skip a lone space before a word.
        ids.into_iter().find(|id| !shown(model, *id).trim().is_empty())
    });
    let mut found: Vec<usize> = begins.into_iter().flatten().map(|id| id as usize).collect();
    let whole = |id: &usize| shown(model, *id as u32).trim() == name.trim();
    if found.iter().any(whole) {
        found.retain(whole);
    }
    found.extend(tokenizer.id(name).map(|id| id as usize));
    found.retain(|id| *id < logits.len());
    match found.into_iter().max_by(|a, b| logits[*a].total_cmp(&logits[*b])) {
        Some(id) => Ok(id),
        None => Err(Usage(format!("no token for {name:?}; use one of the list that --top shows")).into()),
    }
}

impl Why {
    /// For a terminal.
    pub(super) fn in_words(&self, out: &mut String) {
        let what = self.deciding.target.replace('_', "-");
        let rather = match &self.rather_than {
            Some(other) => format!(" rather than {other:?}"),
            None => String::new(),
        };
        *out += &format!("why {:?}{rather}: {what} {:+.3}\n", self.token, self.deciding.value);
        self.deciding.in_words(out);
    }
}
