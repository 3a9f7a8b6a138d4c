//! Explains why a model expects a token, or prefers it to another one.

use std::time::Instant;

use super::context::Context;
use super::shown;
use crate::explain::{Goal, Method, Parts, Subject, WordMap, number};
use crate::model::tape::Target;
use crate::model::{Checkpoint, Model, ModelError, Trace};
use crate::text::Snapshot;

/// A token by its name or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenName {
    /// Its number in the vocabulary.
    Id(u32),
    /// As the vocabulary writes it, or a text: the likeliest first token of the text, with or without a leading space.
    Text(String),
}

/// The question about a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// The token; by default the likeliest.
    pub token: Option<TokenName>,
    /// The token that it is compared with.
    pub rather_than: Option<TokenName>,
    /// Explain the log-probability instead of the logit.
    pub probability: bool,
    /// How to explain it, one of [`Method::OF_NUMBERS`].
    pub by: Method,
}

/// Why a token comes next.
#[derive(Debug, Clone)]
pub struct Why {
    /// The token.
    pub token: String,
    /// The token that it is compared with.
    pub rather_than: Option<String>,
    /// What the number is: `logit`, `log_probability`, `difference`.
    pub target: &'static str,
    /// How it was explained.
    pub by: Method,
    /// What the words of the document add to the number.
    pub parts: Parts,
    /// Milliseconds.
    pub ms: f32,
}

/// Explains a token, given the logits at its position.
pub(super) fn why(
    (model, trace): (&Model, &Trace),
    (document, context): (&Snapshot, &Context),
    logits: &[f32],
    question: &Question,
    checkpoint: Checkpoint,
) -> Result<Why, ModelError> {
    let start = Instant::now();
    let meaningless = |why: String| Err(ModelError::Meaningless(why));
    let likeliest = || (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
    let output = match &question.token {
        None => likeliest().unwrap_or(0),
        Some(name) => token(model, logits, name)?,
    };
    let row = context.row;
    let other = question.rather_than.as_ref();
    let other = other.map(|name| token(model, logits, name)).transpose()?;
    let wanted = match other {
        Some(other) if other == output => {
            let same = shown(model, other as u32);
            return meaningless(format!("rather than {same:?}: the same token; name another one"));
        }
        Some(other) => Target::Difference { row, output, other },
        None if question.probability => Target::LogProbability { row, output },
        None => Target::Logit { row, output },
    };
    let map = WordMap::new(&context.text, &context.tokens);
    let subject = Subject {
        text: &context.text,
        tokens: &context.tokens,
        trace,
        embedding: &[],
        words: &map,
        goal: Goal::Output(wanted),
        types: &[],
    };
    let mut parts = number(model, &subject, question.by, checkpoint)?;
    let places = parts.ranges.iter().map(|range| context.in_document(range, document));
    parts.ranges = places.collect();
    Ok(Why {
        token: shown(model, output as u32),
        rather_than: other.map(|other| shown(model, other as u32)),
        target: wanted.name(),
        by: question.by,
        parts,
        ms: start.elapsed().as_secs_f32() * 1e3,
    })
}

fn token(model: &Model, logits: &[f32], name: &TokenName) -> Result<usize, ModelError> {
    let name = match name {
        TokenName::Text(name) => name,
        TokenName::Id(id) if (*id as usize) < logits.len() => return Ok(*id as usize),
        TokenName::Id(id) => {
            let size = logits.len();
            return Err(ModelError::Meaningless(format!(
                "there is no token {id}; the vocabulary has {size}"
            )));
        }
    };
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
        None => Err(ModelError::Meaningless(format!(
            "no token for {name:?}; use one of the tokens that are listed"
        ))),
    }
}
