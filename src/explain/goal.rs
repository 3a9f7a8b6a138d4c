//! The goal of an explanation: the embedding of a text, or the next token of a decoder.

use serde::{Deserialize, Serialize};

use crate::model::tape::{self, Held, Network};
use crate::model::{Model, ModelError, Pooling, Trace};

/// The quantity that the scores of a text's words explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The embedding.
    #[default]
    Embedding,
    /// The logit of a token at the last position, where a decoder predicts the next token.
    Logit(usize),
    /// The natural logarithm of that token's probability.
    LogProbability(usize),
}

impl Goal {
    /// The goal that explains the next token, if there is one: the most probable token after a text, given the pass over that text.
    ///
    /// # Errors
    /// [`ModelError::Unable`] for a model without a head for tokens.
    pub fn next(model: &Model, trace: &Trace, logarithm: bool) -> Result<Goal, ModelError> {
        let logits = last_logits(network(model)?, trace)?;
        let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]).then(b.cmp(a)));
        let output = best.unwrap_or(0);
        Ok(match logarithm {
            true => Goal::LogProbability(output),
            false => Goal::Logit(output),
        })
    }

    /// How positions enter the explained number: a decoder reads the next token at the last one.
    pub fn pooling(self, model: &Model) -> Pooling {
        match self {
            Goal::Embedding => model.pooling(),
            Goal::Logit(_) | Goal::LogProbability(_) => Pooling::Last,
        }
    }

    /// The readout at the last row; `None` for an embedding.
    pub(super) fn readout(self, rows: usize) -> Option<tape::Target> {
        let row = rows.saturating_sub(1);
        match self {
            Goal::Embedding => None,
            Goal::Logit(output) => Some(tape::Target::Logit { row, output }),
            Goal::LogProbability(output) => Some(tape::Target::LogProbability { row, output }),
        }
    }

    /// The value of a token's output in a pass; the value of a uniform guess if the text is empty.
    ///
    /// # Errors
    /// [`ModelError::Unable`] for a model without a head for tokens, [`ModelError::Meaningless`] for an embedding, which is not a
    /// number.
    pub fn value(self, model: &Model, trace: &Trace) -> Result<f64, ModelError> {
        let network = network(model)?;
        let (output, logarithm) = match self {
            Goal::Embedding => return Err(ModelError::Meaningless("an embedding is not one number".to_owned())),
            Goal::Logit(output) => (output, false),
            Goal::LogProbability(output) => (output, true),
        };
        if trace.is_empty() {
            let outputs = network.outputs().unwrap_or(1) as f64;
            return Ok(if logarithm { -outputs.ln() } else { 0.0 });
        }
        let logits = last_logits(network, trace)?;
        let own = logits.get(output).copied().map_or(0.0, f64::from);
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
        Ok(match logarithm {
            true => own - f64::from(most) - sum.ln(),
            false => own,
        })
    }

    /// The number, and its true gradient at the last hidden states, (n, hidden).
    pub(super) fn gradient(self, model: &Model, trace: &Trace) -> Result<(f64, Vec<f32>), ModelError> {
        let Some(target) = self.readout(trace.len()) else {
            return Err(ModelError::Meaningless("an embedding is not one number".to_owned()));
        };
        let hidden: Vec<f32> = trace.hidden.flatten_all()?.to_vec1()?;
        let read = network(model)?.readout(&hidden, &target, Held::Nothing)?;
        Ok((read.value, read.gradient))
    }
}

/// The network of a model that predicts tokens.
pub(super) fn network(model: &Model) -> Result<&Network, ModelError> {
    match model.network() {
        Some(network) if network.outputs().is_some() => Ok(network),
        _ => Err(ModelError::Unable("predict the next token")),
    }
}

/// The outputs of the head at the last position.
fn last_logits(network: &Network, trace: &Trace) -> Result<Vec<f32>, ModelError> {
    let rows = trace.len();
    let last: Vec<f32> = trace
        .hidden
        .narrow(0, rows.saturating_sub(1), rows.min(1))?
        .flatten_all()?
        .to_vec1()?;
    Ok(network.logits(&last)?.unwrap_or_default())
}
