//! SmoothGrad (Smilkov et al. 2017): the gradient, averaged over copies of the text with noisy rows.
//!
//! g_j = (1/m) Σ_k ∂F/∂x_j at x + ε_k, and a token's score is |g_j|₂ divided by the sum over all tokens. The m = 20 noise samples are
//! normal, with a standard deviation of .15 times the root mean square of their row; the seed is fixed. A length has no sign: the score
//! says how strongly F depends on a token, not in which direction.

use super::gradient::{Target, input};
use super::{Subject, TokenScores};
use crate::model::{Checkpoint, Model, ModelError, Random, TraceLevel};

/// Number of noisy copies.
pub const SAMPLES: usize = 20;

/// The deviation of the noise, as a share of the root mean square of a row.
pub const NOISE: f64 = 0.15;

/// The seed of the noise.
pub const SEED: u64 = 24;

/// Maximum rows of the passes in memory, as for integrated gradients.
const ROWS: usize = 512;

/// The length of each token's averaged gradient, as a share of the sum over all tokens.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work, [`ModelError::Tensor`] for a model that the interpreter does not
/// run.
pub fn scores(model: &Model, subject: &Subject, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    let Some(network) = model.network() else {
        return Err(candle_core::Error::Msg("SmoothGrad needs the interpreter".into()).into());
    };
    let n = subject.tokens.len();
    let target = Target::of(model, subject)?;
    let (rows, width) = input(subject.trace)?;
    let deviations: Vec<f64> = rows.chunks_exact(width.max(1)).map(|row| NOISE * rms(row)).collect();
    let mut random = Random::new(SEED);
    let mut sum = vec![0f32; rows.len()];
    let each = (ROWS / n.max(1)).max(1);
    for first in (0..SAMPLES).step_by(each) {
        let copies = each.min(SAMPLES - first);
        let mut disturbed = Vec::with_capacity(copies * rows.len());
        for _ in 0..copies {
            for (row, deviation) in rows.chunks_exact(width.max(1)).zip(&deviations) {
                disturbed.extend(
                    row.iter()
                        .map(|v| (f64::from(*v) + deviation * normal(&mut random)) as f32),
                );
            }
        }
        let sequences: Vec<_> = (0..copies).map(|k| k * n..(k + 1) * n).collect();
        for trace in network.forward_rows(disturbed, &sequences, TraceLevel::Everything, checkpoint)? {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            let gradient = target.gradient(&trace)?;
            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
        }
    }
    let lengths: Vec<f64> = sum.chunks_exact(width.max(1)).map(rms).collect();
    let all = lengths.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    Ok(TokenScores {
        tokens: lengths.iter().map(|length| (length / all) as f32).collect(),
        bias: 0.0,
    })
}

/// The root mean square of a row.
fn rms(row: &[f32]) -> f64 {
    let squares: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
    (squares / row.len().max(1) as f64).sqrt()
}

/// A sample of the standard normal distribution (Box & Muller 1958).
fn normal(random: &mut Random) -> f64 {
    let mut unit = || (random.bits() >> 11) as f64 / (1u64 << 53) as f64;
    let (radius, angle) = (1.0 - unit(), unit());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_has_mean_zero_and_deviation_one() {
        let mut random = Random::new(1);
        let drawn: Vec<f64> = (0..20_000).map(|_| normal(&mut random)).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let deviation = (drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / drawn.len() as f64).sqrt();
        assert!(
            mean.abs() < 0.03 && (deviation - 1.0).abs() < 0.03,
            "{mean} {deviation}"
        );
    }
}
