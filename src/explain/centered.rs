//! The centered variant of a comparison: both passages minus the mean vectors of their languages.
//!
//! Two functions in one language resemble each other because of the language alone. The search for similar items therefore subtracts the
//! mean of their language from vectors, and this module splits the cosine of these vectors as the raw one is split. No word owns a share of
//! a mean, so each mean is a separate part, beside special tokens and biases. Nothing is distributed by guess, and the parts sum exactly.

use candle_core::Tensor;

use super::passage::Shares;
use super::split::{Split, cosine, dot, length, scale, split};
use crate::model::{ModelError, largest};

/// The mean vectors of the languages of two passages. Each is a mean of embeddings of unit length; `None` if no mean is known. A mean whose
/// width differs from the model's is ignored.
#[derive(Debug, Clone, Copy, Default)]
pub struct Means<'a> {
    /// The mean of the first passage's language.
    pub a: Option<&'a [f32]>,
    /// The mean of the second passage's language.
    pub b: Option<&'a [f32]>,
    /// Turns the centered cosine into a score; `None` if the score is the cosine itself.
    pub measure: Option<&'a dyn Measure>,
}

/// Puts similarity on the scale of the thresholds, for any model and any two languages.
pub trait Measure: std::fmt::Debug + Sync {
    /// The score of a cosine of two vectors, of the first and the second language, both centered and of unit length.
    fn score(&self, cosine: f32, a: &[f32], b: &[f32]) -> f32;
}

/// One passage of the centered variant.
#[derive(Debug, Clone, PartialEq)]
pub struct CenteredSide {
    /// Whether the mean of its language is known.
    pub known: bool,
    /// The contribution of each word to the centered cosine.
    pub scores: Vec<f32>,
    /// The contribution of its special tokens.
    pub special: f32,
    /// The contribution of the network's biases.
    pub bias: f32,
    /// The contribution of subtracting the language mean; mostly negative, 0 if no mean is known.
    pub common: f32,
}

/// Why two passages are similar apart from their languages.
#[derive(Debug, Clone, PartialEq)]
pub struct Centered {
    /// Cosine of the two centered embeddings, -1 to 1. The pairs sum to it.
    pub cosine: f32,
    /// The similarity that `fovea similar` and lenses show, -1 to 1. With the embedded model and within one language it is the cosine
    /// itself.
    pub similarity: f32,
    /// |centered cosine - sum of all pairs|.
    pub residual: f32,
    /// The part of the raw cosine that involves a language mean. The rest comes from the passages themselves:
    /// `raw cosine = common + own_length * centered cosine`.
    pub common: f32,
    /// The product of the lengths of both embeddings after centering; both have unit length before.
    pub own_length: f32,
    /// The first passage.
    pub a: CenteredSide,
    /// The second passage.
    pub b: CenteredSide,
    /// Row-major (words of a + 3) × (words of b + 3): words, then special tokens, then biases, then the mean of the language. `None` if it
    /// was not requested.
    pub pairs: Option<Vec<f32>>,
}

impl Centered {
    /// The row of word `i` of the first passage (or its special tokens, its biases, the mean of its language) in
    /// [`Centered::pairs`].
    pub fn row(&self, i: usize) -> Option<&[f32]> {
        let width = self.b.scores.len() + 3;
        self.pairs.as_ref()?.get(i * width..(i + 1) * width)
    }
}

/// Splits the centered cosine of two embeddings; `parts` are (words + 2, width), words first.
pub(super) fn centered(
    raw: &Split,
    (a, parts_a): (&[f32], &Tensor),
    (b, parts_b): (&[f32], &Tensor),
    means: Means,
) -> Result<Centered, ModelError> {
    let [mean_a, mean_b] = means.of_width(a.len());
    let (own_a, own_b) = (own(a, mean_a), own(b, mean_b));
    let (parts_a, parts_b) = (own_parts(a, parts_a, mean_a)?, own_parts(b, parts_b, mean_b)?);
    let own = split((&own_a, &parts_a), (&own_b, &parts_b))?;
    Ok(Centered {
        cosine: own.cosine,
        similarity: means.similarity(own.cosine, &own_a, &own_b),
        residual: own.residual,
        common: (f64::from(raw.cosine) - own.lengths * f64::from(own.cosine)) as f32,
        own_length: own.lengths as f32,
        a: side(&own.rows, mean_a.is_some()),
        b: side(&own.columns, mean_b.is_some()),
        pairs: Some(own.pairs),
    })
}

/// A comparison without means as sums by word, without the matrix of all pairs.
pub(super) struct CenteredTotals<'a> {
    a: Vec<f32>,
    b: Vec<f32>,
    means: [Option<&'a [f32]>; 2],
    /// The lengths of the raw embeddings.
    raw: [f64; 2],
}

impl<'a> CenteredTotals<'a> {
    /// Subtracts the means from two embeddings.
    pub fn new(a: &[f32], b: &[f32], means: Means<'a>) -> CenteredTotals<'a> {
        let means = means.of_width(a.len());
        CenteredTotals {
            a: own(a, means[0]),
            b: own(b, means[1]),
            means,
            raw: [length(a), length(b)],
        }
    }

    /// The cosine of the two centered embeddings.
    pub fn cosine(&self) -> f64 {
        cosine(&self.a, &self.b).0
    }

    /// The direction that the parts of the first passage are projected on.
    pub fn toward_a(&self) -> &[f32] {
        &self.b
    }

    /// The direction for the second passage.
    pub fn toward_b(&self) -> &[f32] {
        &self.a
    }

    /// Completes the comparison with the inner products of both passages' parts with these directions.
    pub fn finish(self, raw_cosine: f32, a: Shares, b: Shares, means: Means) -> Centered {
        let (cosine, lengths) = cosine(&self.a, &self.b);
        let scale = scale(lengths);
        let side = |shares: Shares, raw: f64, mean: Option<&[f32]>, direction: &[f32]| {
            let shares = shares.times(scale / raw.max(f64::MIN_POSITIVE));
            let common = mean.map_or(0.0, |mean| -dot(mean, direction) * scale);
            let off = (cosine - shares.sum() - common).abs() as f32;
            let side = CenteredSide {
                known: mean.is_some(),
                scores: shares.words,
                special: shares.special,
                bias: shares.bias,
                common: common as f32,
            };
            (side, off)
        };
        let (side_a, off_a) = side(a, self.raw[0], self.means[0], &self.b);
        let (side_b, off_b) = side(b, self.raw[1], self.means[1], &self.a);
        Centered {
            cosine: cosine as f32,
            similarity: means.similarity(cosine as f32, &self.a, &self.b),
            residual: largest([off_a, off_b]),
            common: (f64::from(raw_cosine) - lengths * cosine) as f32,
            own_length: lengths as f32,
            a: side_a,
            b: side_b,
            pairs: None,
        }
    }
}

impl<'a> Means<'a> {
    /// The means of both passages, if they have the width of the model.
    fn of_width(&self, width: usize) -> [Option<&'a [f32]>; 2] {
        [self.a, self.b].map(|mean| mean.filter(|mean| mean.len() == width))
    }

    /// The similarity that lenses show for a centered cosine of two vectors.
    fn similarity(&self, cosine: f32, a: &[f32], b: &[f32]) -> f32 {
        let measured = self
            .measure
            .map_or(cosine, |measure| measure.score(cosine, &unit(a), &unit(b)));
        measured.clamp(-1.0, 1.0)
    }
}

/// Subtracts a mean from an embedding of unit length.
fn own(embedding: &[f32], mean: Option<&[f32]>) -> Vec<f32> {
    let scale = length(embedding).max(f64::MIN_POSITIVE).recip();
    let taken = |index: usize| mean.map_or(0.0, |mean| f64::from(mean[index]));
    let own = embedding.iter().enumerate();
    own.map(|(index, v)| (f64::from(*v) * scale - taken(index)) as f32)
        .collect()
}

/// The parts of a centered embedding: those of the raw one, scaled, and the mean as the last part.
fn own_parts(embedding: &[f32], parts: &Tensor, mean: Option<&[f32]>) -> Result<Tensor, ModelError> {
    let scale = length(embedding).max(f64::MIN_POSITIVE).recip();
    let taken: Vec<f32> = match mean {
        Some(mean) => mean.iter().map(|v| -v).collect(),
        None => vec![0.0; embedding.len()],
    };
    let last = Tensor::from_vec(taken, (1, embedding.len()), parts.device())?;
    Ok(Tensor::cat(&[&(parts * scale)?, &last], 0)?) // (words + 3, width)
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let scale = length(vector).max(1e-9).recip() as f32;
    vector.iter().map(|v| v * scale).collect()
}

fn side(sums: &[f32], known: bool) -> CenteredSide {
    let count = sums.len() - 3;
    CenteredSide {
        known,
        scores: sums[..count].to_vec(),
        special: sums[count],
        bias: sums[count + 1],
        common: sums[count + 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_of_totals_is_that_of_the_embeddings_without_their_means() {
        let means = Means {
            a: Some(&[0.6, 0.0, 0.0]),
            b: None,
            measure: None,
        };
        // Of unit length (.6, .8, 0), without its mean (0, .8, 0); beside (0, .6, .8).
        let totals = CenteredTotals::new(&[6.0, 8.0, 0.0], &[0.0, 3.0, 4.0], means);
        assert!((totals.cosine() - 0.6).abs() < 1e-6, "{}", totals.cosine());
        assert!(totals.toward_b()[0].abs() < 1e-6 && (totals.toward_b()[1] - 0.8).abs() < 1e-6);
    }
}
