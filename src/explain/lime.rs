//! LIME (Ribeiro, Singh & Guestrin, KDD 2016): a linear model of the effect of random word deletions.
//!
//! Each sample deletes a random number of random words. Its weight is √exp(-d² / 25²) with d = 100 · (1 - √(k / n)) when k of n words
//! remain. These are the cosine distance and the kernel in the authors' program for text. A ridge regression with α = 1 and an intercept
//! predicts the value of the remaining text (1 minus its change) from the remaining words; a word's score is its coefficient.

use super::deletion::Deletions;
use super::{Subject, TokenScores};
use crate::model::{Checkpoint, Model, ModelError, Random};

/// Samples for each word.
pub const PER_WORD: usize = 5;

/// Minimum and maximum number of samples.
pub const SAMPLES: (usize, usize) = (100, 1000);

/// The seed of the samples.
pub const SEED: u64 = 24;

/// The width of the kernel.
const WIDTH: f64 = 25.0;

/// The weight of the ridge penalty.
const ALPHA: f64 = 1.0;

/// The coefficient of each word, on the word's first token.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
pub fn scores(model: &Model, subject: &Subject, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    let words = subject.words.tokens_of_words();
    let mut tokens = vec![0f32; subject.tokens.len()];
    if !words.is_empty() {
        let deletions = Deletions::of(model, subject, &words)?;
        let samples = samples(words.len());
        let changes = deletions.changes(&samples, checkpoint)?;
        let values: Vec<f64> = changes
            .iter()
            .map(|change| deletions.value() - f64::from(*change))
            .collect();
        for (own, coefficient) in words.iter().zip(coefficients(&samples, &values, words.len())) {
            if let Some(first) = own.first() {
                tokens[*first] = coefficient as f32;
            }
        }
    }
    Ok(TokenScores { tokens, bias: 0.0 })
}

/// The words that each sample deletes; the first sample deletes none.
fn samples(words: usize) -> Vec<Vec<bool>> {
    let mut random = Random::new(SEED);
    let mut order: Vec<usize> = (0..words).collect();
    let count = (PER_WORD * words).clamp(SAMPLES.0, SAMPLES.1);
    let mut samples = vec![vec![false; words]];
    for _ in 1..count {
        let gone = 1 + random.below(words);
        random.shuffle(&mut order);
        let mut sample = vec![false; words];
        order[..gone].iter().for_each(|word| sample[*word] = true);
        samples.push(sample);
    }
    samples
}

/// The weight of a sample that leaves `kept` words.
fn weight(kept: usize, words: usize) -> f64 {
    let distance = 100.0 * (1.0 - (kept as f64 / words as f64).sqrt());
    (-(distance / WIDTH).powi(2)).exp().sqrt()
}

/// The coefficients of the weighted ridge regression.
fn coefficients(deleted: &[Vec<bool>], values: &[f64], words: usize) -> Vec<f64> {
    let kept = |sample: &[bool]| sample.iter().filter(|gone| !**gone).count();
    let weights: Vec<f64> = deleted.iter().map(|sample| weight(kept(sample), words)).collect();
    let all: f64 = weights.iter().sum();
    let mean = weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / all;
    let present = |sample: &[bool], word: usize| f64::from(u8::from(!sample[word]));
    let means: Vec<f64> = (0..words)
        .map(|word| {
            weights
                .iter()
                .zip(deleted)
                .map(|(w, s)| w * present(s, word))
                .sum::<f64>()
                / all
        })
        .collect();
    let mut matrix = vec![0f64; words * words];
    let mut right = vec![0f64; words];
    let mut row = vec![0f64; words];
    for ((sample, weight), value) in deleted.iter().zip(&weights).zip(values) {
        row.iter_mut()
            .enumerate()
            .for_each(|(word, v)| *v = present(sample, word) - means[word]);
        for (i, v) in row.iter().enumerate() {
            right[i] += weight * v * (value - mean);
            let to = matrix[i * words..=i * words + i].iter_mut().zip(&row);
            to.for_each(|(to, other)| *to += weight * v * other);
        }
    }
    (0..words).for_each(|i| matrix[i * words + i] += ALPHA);
    solve(&mut matrix, &mut right, words);
    right
}

/// Solves a symmetric positive definite system by Cholesky's method, given its lower triangle; the solution replaces the right side.
fn solve(matrix: &mut [f64], right: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
            let rest = matrix[i * n + j] - inner;
            matrix[i * n + j] = if i == j { rest.sqrt() } else { rest / matrix[j * n + j] };
        }
    }
    for i in 0..n {
        let inner: f64 = (0..i).map(|k| matrix[i * n + k] * right[k]).sum();
        right[i] = (right[i] - inner) / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        let inner: f64 = (i + 1..n).map(|k| matrix[k * n + i] * right[k]).sum();
        right[i] = (right[i] - inner) / matrix[i * n + i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coefficients_recover_the_parts_of_a_sum_over_words() {
        let parts = [0.5, -0.2, 0.0, 0.3, 0.1, 0.3];
        let samples = samples(parts.len());
        assert_eq!(samples.len(), SAMPLES.0);
        let value = |sample: &Vec<bool>| {
            sample
                .iter()
                .zip(parts)
                .filter(|(gone, _)| !**gone)
                .map(|(_, part)| part)
                .sum()
        };
        let values: Vec<f64> = samples.iter().map(value).collect();
        let found = coefficients(&samples, &values, parts.len());
        // The ridge penalty shrinks the coefficients toward zero.
        for (found, part) in found.iter().zip(parts) {
            assert!((found - part).abs() < 0.2 * part.abs() + 0.03, "{found} {part}");
        }
    }
}
