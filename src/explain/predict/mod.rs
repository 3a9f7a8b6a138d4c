//! What a model expects at a place of a document: the next token, or what a mask stands for; and why.
//!
//! A model that predicts reads the text before the place, a masked one the text around it. Probabilities are the softmax of the logits. Why is
//! told by the shares of a logit ([`super::target`]); shares of the difference of two logits say why one token rather than another.

mod context;
mod continuation;
mod translated;
mod why;
mod written;

pub use why::{Question, TokenName, Why};
pub use written::{OF_WRITTEN, written};

use context::Context;

use crate::model::generate::log_sum;
use crate::model::tape::Network;
use crate::model::{Ability, Checkpoint, Encoder, Model, ModelError, ModelInfo, Packed, TraceLevel};
use crate::text::{ByteRange, Snapshot};

/// What is asked of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Tokens that are listed.
    pub top: usize,
    /// Maximum number of tokens that are read: distant text says little about what comes next.
    pub window: usize,
    /// Whether each token's own surprisal is told, too.
    pub surprisal: bool,
    /// A token to explain.
    pub why: Option<Question>,
}

/// What a model expects at a place.
#[derive(Debug, Clone, Default)]
pub struct Prediction {
    /// Whether the model filled a mask, and so read the text behind the place as well.
    pub masked: bool,
    /// The tokens before the place that have a surprisal; empty for a masked model, and if they were not asked for.
    pub surprisal: Vec<Surprisal>,
    /// The likeliest tokens; empty if there is no text.
    pub next: Vec<Next>,
    /// Why one of them.
    pub why: Option<Why>,
}

/// How surprising a token was, given those before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Surprisal {
    /// The token, in bytes of the document.
    pub range: ByteRange,
    /// - ln p.
    pub nats: f32,
}

/// A token that may stand at the place.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its text, or what the vocabulary calls it if it has none alone.
    pub token: String,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

/// Why a model expects nothing anywhere; `None` for one that does.
pub fn lack(info: &ModelInfo) -> Option<String> {
    let able = [Ability::NextToken, Ability::FillMask];
    let unable = !able.iter().any(|ability| info.abilities.contains(ability));
    unable.then(|| format!("{} cannot predict the next token, and fills no masks", info.name))
}

/// What a model expects at a byte of a document.
///
/// # Errors
/// [`ModelError::Meaningless`] for a model that [lacks](lack) it, a token that does not exist, and a question about a place without text;
/// [`ModelError::Stopped`] if the checkpoint says so.
pub fn predict(
    model: &Model,
    document: &Snapshot,
    at: usize,
    wish: &Wish,
    checkpoint: Checkpoint,
) -> Result<Prediction, ModelError> {
    if let Some(why) = lack(model.info()) {
        return Err(ModelError::Meaningless(format!("{why}; use another model")));
    }
    let Some(network) = model.network() else {
        return Err(ModelError::Unable("predict the next token"));
    };
    let masked = !model.info().abilities.contains(&Ability::NextToken);
    let window = network.spec.window.min(wish.window);
    let text = document.text(0..document.len());
    let context = match masked {
        true => Context::around(model, window, &text, at)?,
        false => Context::before(model, window, &text[..at])?,
    };
    let mut prediction = Prediction {
        masked,
        ..Prediction::default()
    };
    let tokens = &context.tokens;
    if tokens.is_empty() {
        return match wish.why {
            Some(_) => Err(ModelError::Meaningless(
                "there is no text before this place to explain a token by".to_owned(),
            )),
            None => Ok(prediction),
        };
    }
    let keep = wish
        .why
        .as_ref()
        .map_or(TraceLevel::LastHidden, |question| question.by.keeps());
    let read = network.forward(&Packed::new([tokens.ids.as_slice()]), keep, checkpoint)?;
    let Some(trace) = read.first() else {
        return Ok(prediction);
    };
    let hidden: Vec<f32> = trace.hidden.flatten_all()?.to_vec1()?;
    // What a masked model says of a token that it sees is no surprise.
    if wish.surprisal && !masked {
        prediction.surprisal = surprisal(network, (document, &context), &hidden)?;
    }
    let width = network.spec.stack.hidden;
    let own = &hidden[context.row * width..(context.row + 1) * width];
    let logits = network.logits(own)?.unwrap_or_default();
    prediction.next = likeliest(model, &logits, wish.top);
    let question = wish.why.as_ref();
    let why = question.map(|question| why::why((model, trace), (document, &context), &logits, question, checkpoint));
    prediction.why = why.transpose()?;
    Ok(prediction)
}

fn surprisal(
    network: &Network,
    (document, context): (&Snapshot, &Context),
    hidden: &[f32],
) -> Result<Vec<Surprisal>, ModelError> {
    let width = network.spec.stack.hidden;
    let tokens = &context.tokens;
    // The outputs of a position predict the token behind it.
    let predicting = &hidden[..(tokens.len() - 1) * width];
    let logprobs = network.log_probabilities_of(predicting, &tokens.ids[1..])?;
    let told = |position: &usize| !tokens.special[*position] && !tokens.spans[*position].is_empty();
    let surprisal = |position: usize| Surprisal {
        range: context.in_document(&tokens.spans[position], document),
        nats: -logprobs[position - 1],
    };
    Ok((1..tokens.len()).filter(told).map(surprisal).collect())
}

fn likeliest(model: &Model, logits: &[f32], top: usize) -> Vec<Next> {
    let whole = log_sum(logits);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b)));
    let next = |id: &usize| Next {
        id: *id as u32,
        token: shown(model, *id as u32),
        probability: (logits[*id] - whole).exp(),
    };
    order.iter().take(top).map(next).collect()
}

/// The text of a token, or what the vocabulary calls it if it has none alone.
fn shown(model: &Model, id: u32) -> String {
    match model.tokenizer().decode(&[id]) {
        text if text.is_empty() => model.tokenizer().token(id).unwrap_or_default(),
        text => text,
    }
}
