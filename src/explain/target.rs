//! Splits the outputs of a head over tokens: logits, log-probabilities, differences of logits, spans.
//!
//! The frozen decomposition goes backward from the number itself: through the head ([`Network::readout`]) and then through the tape
//! (DecompX, Modarressi et al., ACL 2023). Shares of tokens and biases sum to the number, and the residual shows the error. The difference
//! of two logits is the contrastive explanation of Yin & Neubig (EMNLP 2022). Other methods explain such a number as well: [`super::number`].

use super::{TokenScores, goal};
use crate::model::tape::{Held, Network, Side, Target, row_products};
use crate::model::{Model, ModelError, TapeTrace, Trace};

/// The contributions of one sequence's tokens to a number.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetScores {
    /// The number.
    pub value: f64,
    /// By token of the input text.
    pub reading: Vec<f32>,
    /// By token that the decoder of an encoder–decoder has written; empty if there is none.
    pub writing: Vec<f32>,
    /// The contribution of the biases.
    pub bias: f64,
    /// |value - sum of all parts|.
    pub residual: f64,
}

/// Explains an output of the head for one sequence of a tape.
///
/// # Errors
/// [`ModelError::Meaningless`] for a target that this head does not have; [`ModelError::Tensor`] if the pass did not keep its layers.
pub fn target(network: &Network, trace: &TapeTrace, target: &Target) -> Result<TargetScores, ModelError> {
    let (tape, sequence) = (&trace.tape, trace.sequence);
    let Some(from) = tape.written.or(tape.output) else {
        return Err(ModelError::Meaningless(
            "the pass left no hidden states to explain".to_owned(),
        ));
    };
    let read = network.readout(tape.value(sequence, from)?, target, Held::Frozen)?;
    let pulled = tape.vjp(sequence, from, read.gradient, Held::Frozen)?;
    let scores = |side: Side, gradient: &[f32]| -> Result<Vec<f32>, ModelError> {
        let Some(input) = tape.input(side) else {
            return Ok(Vec::new());
        };
        let (rows, width) = (tape.value(sequence, input)?, tape.nodes[input].width);
        if gradient.is_empty() {
            return Ok(vec![0.0; rows.len() / width.max(1)]);
        }
        Ok(row_products(rows, gradient, width))
    };
    let (reading, writing) = (
        scores(Side::Reading, &pulled.reading)?,
        scores(Side::Writing, &pulled.writing)?,
    );
    let bias = read.bias + pulled.bias;
    let sum: f64 = reading.iter().chain(&writing).map(|v| f64::from(*v)).sum();
    Ok(TargetScores {
        value: read.value,
        reading,
        writing,
        bias,
        residual: (read.value - sum - bias).abs(),
    })
}

/// The shares of a decoder's output, by token of the input text.
pub(super) fn of_output(model: &Model, trace: &Trace, readout: &Target) -> Result<TokenScores, ModelError> {
    let network = goal::network(model)?;
    let Some(tape) = &trace.tape else {
        return Err(ModelError::Unable("give logits"));
    };
    let found = target(network, tape, readout)?;
    Ok(TokenScores {
        tokens: found.reading,
        bias: found.bias as f32,
    })
}
