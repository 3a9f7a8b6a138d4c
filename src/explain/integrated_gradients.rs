//! Integrated gradients (Sundararajan, Taly & Yan, ICML 2017): gradient × input, averaged on a path from a neutral text.
//!
//! IG_j = ⟨x_j - x'_j, (1/m) Σ_k ∂F/∂x_j at x' + α_k (x - x')⟩ with α_k = (k - ½)/m. The text x' has the same length, positions and special
//! tokens; all other tokens are the tokenizer's padding (or its unknown token, or zeros where it has neither). Special tokens are the same
//! in both texts and score 0. The scores should sum to F(x) - F(x'). They are given as shares of it, and their distance from 1 is the
//! completeness error.

use super::gradient::{Target, input, products};
use super::{Subject, TokenScores};
use crate::model::tape::Network;
use crate::model::{Checkpoint, Model, ModelError, Packed, TraceLevel};

/// Steps on the path.
pub const STEPS: usize = 20;

/// Maximum rows of the passes in memory: some hundred megabytes for a model of width 400.
const ROWS: usize = 512;

/// The share of each token in the target's increase along the path. Scores of a number are not divided by the increase; the bias is then the
/// number for the neutral text.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work, [`ModelError::Tensor`] for a model that the interpreter does not
/// run.
pub fn scores(model: &Model, subject: &Subject, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    integrate(model, subject, STEPS, checkpoint)
}

/// As [`scores`], with a given number of steps.
///
/// # Errors
/// As [`scores`].
pub fn integrate(
    model: &Model,
    subject: &Subject,
    steps: usize,
    checkpoint: Checkpoint,
) -> Result<TokenScores, ModelError> {
    let Some(network) = model.network() else {
        return Err(candle_core::Error::Msg("integrated gradients need the interpreter".into()).into());
    };
    let n = subject.tokens.len();
    let target = Target::of(model, subject)?;
    let (rows, width) = input(subject.trace)?;
    let (blank, start) = baseline(model, network, subject, &target, (&rows, width), checkpoint)?;
    let way: Vec<f32> = rows.iter().zip(&blank).map(|(x, b)| x - b).collect();
    let mut sum = vec![0f32; rows.len()];
    let alphas: Vec<f32> = (0..steps).map(|k| (k as f32 + 0.5) / steps as f32).collect();
    for alphas in alphas.chunks((ROWS / n.max(1)).max(1)) {
        let points = alphas
            .iter()
            .flat_map(|alpha| blank.iter().zip(&way).map(move |(b, w)| b + alpha * w));
        let sequences: Vec<_> = (0..alphas.len()).map(|k| k * n..(k + 1) * n).collect();
        for trace in network.forward_rows(points.collect(), &sequences, TraceLevel::Everything, checkpoint)? {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            let gradient = target.gradient(&trace)?;
            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
        }
    }
    let gain = target.value(subject.trace)? - start;
    let scale = match (target.is_number(), gain.abs() > 1e-9) {
        (true, _) => (steps as f64).recip(),
        (false, true) => (gain * steps as f64).recip(),
        (false, false) => 0.0,
    };
    Ok(TokenScores {
        tokens: products(&way, &sum, width, scale),
        bias: if target.is_number() { start as f32 } else { 0.0 },
    })
}

/// The rows of the neutral text, and the target's value for it.
fn baseline(
    model: &Model,
    network: &Network,
    subject: &Subject,
    target: &Target,
    (rows, width): (&[f32], usize),
    checkpoint: Checkpoint,
) -> Result<(Vec<f32>, f64), ModelError> {
    let special = &subject.tokens.special;
    let blank = match model.tokenizer().blank() {
        Some(blank) => {
            let ids = subject.tokens.ids.iter().zip(special);
            let ids: Vec<u32> = ids.map(|(id, special)| if *special { *id } else { blank }).collect();
            let mut batch = Packed::new([ids.as_slice()]);
            batch.types = subject.types.to_vec();
            let traces = network.read(&batch, None, TraceLevel::Layers, checkpoint)?;
            let first = traces.tape.as_ref().map(|tape| tape.value(0, 0).map(<[f32]>::to_vec));
            first.transpose()?.unwrap_or_default()
        }
        None => {
            let mut blank = rows.to_vec();
            let own = blank.chunks_exact_mut(width.max(1)).zip(special);
            own.filter(|(_, special)| !**special).for_each(|(row, _)| row.fill(0.0));
            blank
        }
    };
    let whole = 0..subject.tokens.len();
    let traces = network.forward_rows(
        blank.clone(),
        std::slice::from_ref(&whole),
        TraceLevel::LastHidden,
        checkpoint,
    )?;
    let value = traces.first().map(|trace| target.value(trace)).transpose()?;
    Ok((blank, value.unwrap_or(0.0)))
}
