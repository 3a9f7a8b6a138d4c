//! The goal of an explanation: the embedding of a text, an output of the model's head, or the embedding's projection on a direction.

use super::TokenScores;
use super::decomposition::vjp_of;
use super::split::{dot, length};
use crate::model::tape::{Held, Network, Target};
use crate::model::{Model, ModelError, Pooling, Trace, weight_in_passage};

/// The quantity that the scores of a text's words explain.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Goal<'a> {
    /// The embedding.
    #[default]
    Embedding,
    /// An output of the head.
    Output(Target),
    /// The embedding of the passage, of unit length, projected on a direction.
    Along(Projection<'a>),
}

/// ⟨direction, E / |E|⟩, where E is the embedding of a passage and the text is one of its units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection<'a> {
    /// The direction: another passage's embedding of unit length, or that of a class.
    pub direction: &'a [f32],
    /// The sum of what other units add to E, each times its [`weight_in_passage`]; empty if there are none.
    pub rest: &'a [f32],
    /// How tokens are pooled.
    pub pooling: Pooling,
    /// How many of the unit's tokens are special ones or of a prompt, which do not count in its weight.
    pub added: usize,
}

impl<'a> Goal<'a> {
    /// The goal that explains the next token, if there is one: the most probable token after a text, given the pass over that text.
    ///
    /// # Errors
    /// [`ModelError::Unable`] for a model without a head for tokens.
    pub fn next(model: &Model, trace: &Trace, logarithm: bool) -> Result<Goal<'a>, ModelError> {
        let row = trace.len().saturating_sub(1);
        let last: Vec<f32> = trace
            .hidden
            .narrow(0, row, trace.len().min(1))?
            .flatten_all()?
            .to_vec1()?;
        let logits = network(model)?.logits(&last)?.unwrap_or_default();
        let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]).then(b.cmp(a)));
        let output = best.unwrap_or(0);
        Ok(Goal::Output(match logarithm {
            true => Target::LogProbability { row, output },
            false => Target::Logit { row, output },
        }))
    }

    /// How positions enter what is explained: a decoder reads the next token at the last one.
    pub fn pooling(self, model: &Model) -> Pooling {
        match self {
            Goal::Embedding => model.pooling(),
            Goal::Output(_) => Pooling::Last,
            Goal::Along(projection) => projection.pooling,
        }
    }

    /// The explained number in a pass. Without tokens, an output is that of a uniform guess, and a unit adds nothing to its passage.
    ///
    /// # Errors
    /// [`ModelError::Unable`] for an output of a model without a head, [`ModelError::Meaningless`] for an embedding, which is not a number.
    pub fn value(self, model: &Model, trace: &Trace) -> Result<f64, ModelError> {
        match self {
            Goal::Embedding => Err(not_a_number()),
            Goal::Output(target) if trace.is_empty() => Ok(match target {
                Target::LogProbability { .. } => -(network(model)?.outputs().unwrap_or(1) as f64).ln(),
                _ => 0.0,
            }),
            Goal::Output(target) => {
                let hidden: Vec<f32> = trace.hidden.flatten_all()?.to_vec1()?;
                network(model)?.value(&hidden, &target)
            }
            Goal::Along(projection) => Ok(projection
                .of(&model.pool_by(projection.pooling, trace)?, trace.len())
                .value),
        }
    }

    /// The number, and its true gradient at the last hidden states, (n, hidden).
    pub(super) fn gradient(self, model: &Model, trace: &Trace) -> Result<(f64, Vec<f32>), ModelError> {
        match self {
            Goal::Embedding => Err(not_a_number()),
            Goal::Output(target) => {
                let hidden: Vec<f32> = trace.hidden.flatten_all()?.to_vec1()?;
                let read = network(model)?.readout(&hidden, &target, Held::Nothing)?;
                Ok((read.value, read.gradient))
            }
            Goal::Along(projection) => {
                let embedding = model.pool_by(projection.pooling, trace)?;
                let projected = projection.of(&embedding, trace.len());
                let held = model.freeze(projection.pooling, trace)?;
                let (_, rows) = model.toward((projection.pooling, trace), &held, &projected.gradient(&embedding))?;
                Ok((projected.value, rows))
            }
        }
    }

    /// The goal after some tokens were removed: an output is read at the last remaining token at or before its place.
    pub(super) fn following(self, kept: &[usize]) -> Goal<'a> {
        match self {
            Goal::Output(target) => {
                let moved = |row: usize| kept.partition_point(|token| *token <= row).saturating_sub(1);
                Goal::Output(target.moved(&moved))
            }
            goal => goal,
        }
    }
}

/// A passage's embedding on a direction, in which one unit can change.
struct Projected {
    value: f64,
    /// The gradient of the value at the passage's embedding.
    at_passage: Vec<f64>,
    /// The factor of the unit's embedding.
    weight: f64,
    /// 1 / the length of the passage's embedding.
    scale: f64,
}

impl Projection<'_> {
    /// The unit's shares of the number, by token; those of all units sum to it.
    pub(super) fn shares(&self, model: &Model, trace: &Trace) -> Result<TokenScores, ModelError> {
        let projected = self.of(&model.pool_by(self.pooling, trace)?, trace.len());
        let mut shares = vjp_of(model, trace, self.pooling, self.direction)?;
        let times = |value: f32| (f64::from(value) * projected.scale * projected.weight) as f32;
        shares.tokens.iter_mut().for_each(|value| *value = times(*value));
        shares.bias = times(shares.bias);
        Ok(shares)
    }

    /// The projection if the unit has this embedding and number of tokens.
    fn of(&self, embedding: &[f32], tokens: usize) -> Projected {
        let own = tokens.saturating_sub(self.added);
        let weight = f64::from(weight_in_passage(own, length(embedding) as f32));
        let rest = self.rest.iter().copied().chain(std::iter::repeat(0.0));
        let whole: Vec<f64> = embedding
            .iter()
            .zip(rest)
            .map(|(own, rest)| weight * f64::from(*own) + f64::from(rest))
            .collect();
        let scale = whole
            .iter()
            .map(|v| v * v)
            .sum::<f64>()
            .sqrt()
            .max(f64::MIN_POSITIVE)
            .recip();
        let value = whole
            .iter()
            .zip(self.direction)
            .map(|(w, d)| w * f64::from(*d))
            .sum::<f64>()
            * scale;
        let slope = |(whole, direction): (&f64, &f32)| (f64::from(*direction) - value * whole * scale) * scale;
        Projected {
            value,
            at_passage: whole.iter().zip(self.direction).map(slope).collect(),
            weight,
            scale,
        }
    }
}

impl Projected {
    /// The gradient at the unit's embedding. Its weight in the passage makes its length constant, so nothing points along itself.
    fn gradient(&self, embedding: &[f32]) -> Vec<f32> {
        let squares = dot(embedding, embedding).max(f64::MIN_POSITIVE);
        let along = embedding
            .iter()
            .zip(&self.at_passage)
            .map(|(e, g)| f64::from(*e) * g)
            .sum::<f64>()
            / squares;
        let own = self.at_passage.iter().zip(embedding);
        own.map(|(g, e)| (self.weight * (g - along * f64::from(*e))) as f32)
            .collect()
    }
}

fn not_a_number() -> ModelError {
    ModelError::Meaningless("an embedding is not one number".to_owned())
}

/// The network of a model with a head.
pub(super) fn network(model: &Model) -> Result<&Network, ModelError> {
    match model.network() {
        Some(network) if network.outputs().is_some() => Ok(network),
        _ => Err(ModelError::Unable("give logits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_at_a_units_embedding_is_the_slope_of_the_value() {
        let direction = [0.3, -0.5, 0.8, 0.1];
        let projection = Projection {
            direction: &direction,
            rest: &[2.0, 1.0, -0.5, 0.25],
            added: 2,
            pooling: Pooling::Mean,
        };
        let at = [0.9f32, -0.2, 0.4, 1.1];
        let gradient = projection.of(&at, 9).gradient(&at);
        for (index, slope) in gradient.iter().enumerate() {
            let moved = |by: f32| {
                let mut embedding = at;
                embedding[index] += by;
                projection.of(&embedding, 9).value
            };
            let expected = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!(
                (f64::from(*slope) - expected).abs() < 1e-4,
                "{index}: {slope} {expected}"
            );
        }
    }
}
