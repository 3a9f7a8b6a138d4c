//! The centered variant of a comparison: both passages without what their languages have in common.
//!
//! Two functions in one language resemble each other for the language alone. Similar items are therefore found by vectors from which
//! the mean of their language was taken, and the cosine of these is split as the raw one is. No word owns a share of a mean, so each
//! mean is a part of its own, beside special tokens and biases: nothing is handed out by guess, and the parts sum exactly.

use candle_core::Tensor;

use super::passage::Shares;
use super::split::{Split, cosine, dot, length, scale, split};
use crate::model::{ModelError, largest};

/// The mean vectors of the languages of two passages, each a mean of embeddings of unit length; `None` where no mean is known. One of
/// another width than the model's is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Means<'a> {
    /// The mean of the first passage's language.
    pub a: Option<&'a [f32]>,
    /// The mean of the second passage's language.
    pub b: Option<&'a [f32]>,
    /// How a score is made of the centered cosine, where it is not the cosine itself.
    pub measure: Option<&'a dyn Measure>,
}

/// How similarity is told: on the scale of the thresholds whatever the model, and between two languages as within one.
pub trait Measure: std::fmt::Debug + Sync {
    /// The score of a cosine of two vectors, of the first language and of the second, both without their means and of unit length.
    fn score(&self, cosine: f32, a: &[f32], b: &[f32]) -> f32;
}

/// One passage of the centered variant.
#[derive(Debug, Clone, PartialEq)]
pub struct CenteredSide {
    /// Whether the mean of its language is known.
    pub known: bool,
    /// What each word adds to the centered cosine.
    pub scores: Vec<f32>,
    /// What its special tokens add.
    pub special: f32,
    /// What the biases of the network add.
    pub bias: f32,
    /// What taking the mean of its language away adds; mostly negative, 0 where no mean is known.
    pub common: f32,
}

/// Why two passages are similar apart from their languages.
#[derive(Debug, Clone, PartialEq)]
pub struct Centered {
    /// Cosine of the two embeddings without the means of their languages, -1 to 1: what the pairs sum to.
    pub cosine: f32,
    /// What `fovea similar` and lenses show, -1 to 1: the cosine itself with the embedded model and within one language.
    pub similarity: f32,
    /// |centered cosine - sum of all pairs|.
    pub residual: f32,
    /// How much of the raw cosine has a mean of a language in it. The rest is what the passages have of their own:
    /// `raw cosine = common + own_length * centered cosine`.
    pub common: f32,
    /// The lengths of both embeddings, of unit length before, once the means are taken away, multiplied.
    pub own_length: f32,
    /// The first passage.
    pub a: CenteredSide,
    /// The second passage.
    pub b: CenteredSide,
    /// Row-major (words of a + 3) × (words of b + 3): words, then special tokens, then biases, then the mean of the language. `None`
    /// where it was not asked for.
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
    /// Takes the means away from two embeddings.
    pub fn new(a: &[f32], b: &[f32], means: Means<'a>) -> CenteredTotals<'a> {
        let means = means.of_width(a.len());
        CenteredTotals {
            a: own(a, means[0]),
            b: own(b, means[1]),
            means,
            raw: [length(a), length(b)],
        }
    }

    /// The direction whose inner products with the parts of the first passage are wanted.
    pub fn toward_a(&self) -> &[f32] {
        &self.b
    }

    /// The direction for the second passage.
    pub fn toward_b(&self) -> &[f32] {
        &self.a
    }

    /// The comparison, from the inner products of both passages' parts with these directions.
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
    /// The means of both passages that have the width of the model.
    fn of_width(&self, width: usize) -> [Option<&'a [f32]>; 2] {
        [self.a, self.b].map(|mean| mean.filter(|mean| mean.len() == width))
    }

    /// What lenses show for a centered cosine of two vectors.
    fn similarity(&self, cosine: f32, a: &[f32], b: &[f32]) -> f32 {
        let measured = self
            .measure
            .map_or(cosine, |measure| measure.score(cosine, &unit(a), &unit(b)));
        measured.clamp(-1.0, 1.0)
    }
}

/// An embedding of unit length without a mean.
fn own(embedding: &[f32], mean: Option<&[f32]>) -> Vec<f32> {
    let scale = length(embedding).max(f64::MIN_POSITIVE).recip();
    let taken = |index: usize| mean.map_or(0.0, |mean| f64::from(mean[index]));
    let own = embedding.iter().enumerate();
    own.map(|(index, v)| (f64::from(*v) * scale - taken(index)) as f32)
        .collect()
}

/// The parts of such an embedding: those of the raw one, scaled, and the mean as the last one.
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
