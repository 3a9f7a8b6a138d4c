//! Soft comprehensiveness and sufficiency (Zhao & Aletras 2023): erases numbers of each row at random, depending on scores.
//!
//! Each number of a word's rows is kept with a probability p that rises with the word's score. The change is the *sufficiency*; with 1 - p
//! it is the *comprehensiveness*. Scores are scaled to 0 … 1 and raised to the power that makes the mean probability ½. Without that power,
//! methods that give high scores to all words would win (the correction of π-Soft-NC and -NS, arXiv 2601.03089). Special tokens stay.

use super::super::deletion::Whole;
use super::super::gradient::input;
use super::super::{Owner, Subject};
use crate::model::{Checkpoint, Model, ModelError, Random, TraceLevel};

/// The mean probability with which a number is kept.
const KEPT: f64 = 0.5;

/// Changes by soft erasure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Soft {
    /// The change when important words are erased: higher is better.
    pub comprehensiveness: f32,
    /// The change when important words are kept: lower is better.
    pub sufficiency: f32,
}

/// Erases by scores of words. The interpreter must have run the subject's pass, with layers.
pub(super) fn soft(
    model: &Model,
    subject: &Subject,
    scores: &[f32],
    seed: u64,
    checkpoint: Checkpoint,
) -> Result<Option<Soft>, ModelError> {
    let Some(network) = model.network() else {
        return Ok(None);
    };
    let whole = Whole::of(model, subject)?;
    let kept = probabilities(scores);
    let (rows, width) = input(subject.trace)?;
    let mut random = Random::new(seed);
    let (mut with, mut without) = (rows.clone(), rows);
    for (token, owner) in subject.words.owners.iter().enumerate() {
        let Owner::Word(word) = owner else { continue };
        for at in token * width..(token + 1) * width {
            let drawn = (random.bits() >> 11) as f64 / (1u64 << 53) as f64;
            let erased = if drawn < kept[*word] { &mut without } else { &mut with };
            erased[at] = 0.0;
        }
    }
    let n = subject.tokens.len();
    let traces = network.forward_rows(
        [with, without].concat(),
        &[0..n, n..2 * n],
        TraceLevel::LastHidden,
        checkpoint,
    )?;
    let [with, without] = &traces[..] else { return Ok(None) };
    let kept: Vec<usize> = (0..n).collect();
    Ok(Some(Soft {
        comprehensiveness: whole.change(model, without, &kept)?,
        sufficiency: whole.change(model, with, &kept)?,
    }))
}

/// Probabilities that rise with scores and have the mean [`KEPT`].
fn probabilities(scores: &[f32]) -> Vec<f64> {
    let (low, high) = scores
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| {
            (low.min(*v), high.max(*v))
        });
    if high <= low {
        return vec![KEPT; scores.len()];
    }
    let scaled: Vec<f64> = scores
        .iter()
        .map(|v| f64::from(v - low) / f64::from(high - low))
        .collect();
    let mean = |power: f64| scaled.iter().map(|v| v.powf(power)).sum::<f64>() / scaled.len() as f64;
    // The mean falls as the power rises.
    let (mut small, mut large) = (1e-4, 1e4);
    for _ in 0..60 {
        let middle = f64::sqrt(small * large);
        if mean(middle) > KEPT {
            small = middle;
        } else {
            large = middle;
        }
    }
    scaled.iter().map(|v| v.powf(large)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_numbers_are_kept_whatever_the_scores_are() {
        for scores in [
            vec![0.1, 0.2, 0.9, 0.4, 0.3],
            vec![-5.0, 0.0, 0.01, 0.02, 0.03, 9.0],
            vec![1.0; 4],
        ] {
            let kept = probabilities(&scores);
            let mean = kept.iter().sum::<f64>() / kept.len() as f64;
            assert!((mean - KEPT).abs() < 1e-3, "{scores:?}: {mean}");
            for (a, b) in scores.iter().zip(&kept) {
                for (c, d) in scores.iter().zip(&kept) {
                    assert!(
                        a.total_cmp(c) == b.total_cmp(d) || (a < c && d - b < 1e-9),
                        "{scores:?}: {kept:?}"
                    );
                }
            }
        }
    }
}
