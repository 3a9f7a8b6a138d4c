//! Splits the outputs of a head over tokens: logits, log-probabilities, differences of logits, spans.
//!
//! The frozen decomposition goes backward from the number itself: through the head ([`Network::readout`]) and then through the tape
//! (DecompX, Modarressi et al., ACL 2023). Shares of tokens and biases sum to the number, and the residual shows the error. The difference
//! of two logits is the contrastive explanation of Yin & Neubig (EMNLP 2022). Gradient × input (Shrikumar et al. 2016) takes the true
//! gradient instead; it has no fixed sum.

use serde::Serialize;

use super::{Method, Owner, TokenScores, WordMap, goal};
use crate::model::tape::{Held, Network, Side, Target, row_products};
use crate::model::{Model, ModelError, TapeTrace, Trace, TraceLevel};

/// The method that explains an output of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// Shares of the number in the frozen network; with biases they sum to it.
    #[default]
    Decomposition,
    /// ⟨true gradient, input⟩ of each token.
    GradientInput,
    /// The length of the true gradient at each token.
    Gradient,
}

impl Attribution {
    /// All methods, the default first.
    pub const ALL: [Attribution; 3] = [
        Attribution::Decomposition,
        Attribution::GradientInput,
        Attribution::Gradient,
    ];

    /// The name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Attribution::Decomposition => "decomposition",
            Attribution::GradientInput => "gradient-input",
            Attribution::Gradient => "gradient",
        }
    }

    /// The method of that name.
    ///
    /// # Errors
    /// A message that says why the name does not fit, and what to choose.
    pub fn from_name(name: &str) -> Result<Attribution, String> {
        if let Some(found) = Attribution::ALL.into_iter().find(|way| way.name() == name) {
            return Ok(found);
        }
        let names = Attribution::ALL.map(Attribution::name).join(", ");
        Err(match Method::from_name(name) {
            Some(method) => format!(
                "{} says what a vector is made of, and has no meaning for a logit or a probability; choose one of {names}",
                method.name()
            ),
            None => format!("no such method; choose one of {names}"),
        })
    }

    /// The values that a forward pass must keep for it.
    pub fn keeps(self) -> TraceLevel {
        match self {
            Attribution::Decomposition => TraceLevel::Layers,
            Attribution::GradientInput | Attribution::Gradient => TraceLevel::Everything,
        }
    }

    fn held(self) -> Held {
        match self {
            Attribution::Decomposition => Held::Frozen,
            Attribution::GradientInput | Attribution::Gradient => Held::Nothing,
        }
    }
}

/// The contributions of one sequence's tokens to a number.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetScores {
    /// The number.
    pub value: f64,
    /// By token of the input text.
    pub reading: Vec<f32>,
    /// By token that the decoder of an encoder–decoder has written; empty if there is none.
    pub writing: Vec<f32>,
    /// The contribution of the biases; 0 for gradients.
    pub bias: f64,
    /// |value - sum of all parts| for the decomposition; otherwise `None`.
    pub residual: Option<f64>,
}

/// A number by source word.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetWords {
    /// One score per word of the [`WordMap`].
    pub words: Vec<f32>,
    /// Special tokens of the text.
    pub special: f64,
    /// The tokens that the decoder of an encoder–decoder has written.
    pub written: f64,
}

impl TargetScores {
    /// Sums the scores of the text's tokens into those of its words.
    pub fn by_word(&self, map: &WordMap) -> TargetWords {
        let mut words = vec![0f64; map.words.len()];
        let mut special = 0f64;
        for (owner, score) in map.owners.iter().zip(&self.reading) {
            match owner {
                Owner::Word(word) => words[*word] += f64::from(*score),
                Owner::Special => special += f64::from(*score),
            }
        }
        TargetWords {
            words: words.into_iter().map(|score| score as f32).collect(),
            special,
            written: self.writing.iter().map(|score| f64::from(*score)).sum(),
        }
    }
}

/// Explains an output of the head for one sequence of a tape.
///
/// # Errors
/// [`ModelError::Meaningless`] for a target that this head does not have; [`ModelError::Tensor`] if the pass did not keep enough
/// ([`Attribution::keeps`]).
pub fn target(
    network: &Network,
    trace: &TapeTrace,
    target: &Target,
    by: Attribution,
) -> Result<TargetScores, ModelError> {
    let (tape, sequence) = (&trace.tape, trace.sequence);
    let Some(from) = tape.written.or(tape.output) else {
        return Err(ModelError::Meaningless(
            "the pass left no hidden states to explain".to_owned(),
        ));
    };
    let read = network.readout(tape.value(sequence, from)?, target, by.held())?;
    let pulled = tape.vjp(sequence, from, read.gradient, by.held())?;
    let scores = |side: Side, gradient: &[f32]| -> Result<Vec<f32>, ModelError> {
        let Some(input) = tape.input(side) else {
            return Ok(Vec::new());
        };
        let (rows, width) = (tape.value(sequence, input)?, tape.nodes[input].width);
        if gradient.is_empty() {
            return Ok(vec![0.0; rows.len() / width.max(1)]);
        }
        Ok(match by {
            Attribution::Decomposition | Attribution::GradientInput => row_products(rows, gradient, width),
            Attribution::Gradient => {
                let squares = row_products(gradient, gradient, width);
                squares.into_iter().map(f32::sqrt).collect()
            }
        })
    };
    let (reading, writing) = (
        scores(Side::Reading, &pulled.reading)?,
        scores(Side::Writing, &pulled.writing)?,
    );
    let bias = match by {
        Attribution::Decomposition => read.bias + pulled.bias,
        Attribution::GradientInput | Attribution::Gradient => 0.0,
    };
    let sum: f64 = reading.iter().chain(&writing).map(|v| f64::from(*v)).sum();
    Ok(TargetScores {
        value: read.value,
        reading,
        writing,
        bias,
        residual: (by == Attribution::Decomposition).then(|| (read.value - sum - bias).abs()),
    })
}

/// The shares of a decoder's output, by token of the input text.
pub(super) fn of_output(model: &Model, trace: &Trace, readout: &Target) -> Result<TokenScores, ModelError> {
    let network = goal::network(model)?;
    let Some(tape) = &trace.tape else {
        return Err(ModelError::Unable("predict the next token"));
    };
    let found = target(network, tape, readout, Attribution::Decomposition)?;
    Ok(TokenScores {
        tokens: found.reading,
        bias: found.bias as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_cannot_explain_a_logit_is_refused_with_a_reason() {
        assert_eq!(Attribution::from_name("gradient-input"), Ok(Attribution::GradientInput));
        let said = Attribution::from_name("alti").unwrap_err();
        assert!(said.contains("no meaning") && said.contains("decomposition"), "{said}");
        let said = Attribution::from_name("guess").unwrap_err();
        assert!(said.starts_with("no such method"), "{said}");
    }
}
