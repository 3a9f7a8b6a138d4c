//! The centred variant of a comparison: both passages without what their languages have in common.
//!
//! Two functions in one language resemble each other for the language alone. Similar items are therefore found by vectors from which
//! the mean of their language was taken, and the cosine of these is split as the raw one is. No word owns a share of a mean, so each
//! mean is a part of its own, beside special tokens and biases: nothing is handed out by guess, and the parts sum exactly.

use candle_core::Tensor;

use super::split::{Split, length, split};
use crate::model::ModelError;

/// The mean vectors of the languages of two passages, each a mean of embeddings of unit length; `None` where no mean is known. One of
/// another width than the model's is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Means<'a> {
    /// The mean of the first passage's language.
    pub a: Option<&'a [f32]>,
    /// The mean of the second passage's language.
    pub b: Option<&'a [f32]>,
    /// How a score is made of the centred cosine, where it is not the cosine itself.
    pub measure: Option<&'a dyn Measure>,
}

/// How similarity is told: on the scale of the thresholds whatever the model, and between two languages as within one.
pub trait Measure: std::fmt::Debug + Sync {
    /// The score of a cosine of two vectors, of the first language and of the second, both without their means and of unit length.
    fn score(&self, cosine: f32, a: &[f32], b: &[f32]) -> f32;
}

/// One passage of the centred variant.
#[derive(Debug, Clone, PartialEq)]
pub struct CentredSide {
    /// Whether the mean of its language is known.
    pub known: bool,
    /// What each word adds to the centred cosine.
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
pub struct Centred {
    /// Cosine of the two embeddings without the means of their languages, -1 to 1: what the pairs sum to.
    pub cosine: f32,
    /// What `fovea similar` and lenses show, -1 to 1: the cosine itself with the embedded model and within one language.
    pub similarity: f32,
    /// |centred cosine - sum of all pairs|.
    pub residual: f32,
    /// How much of the raw cosine has a mean of a language in it. The rest is what the passages have of their own:
    /// `raw cosine = common + own_length * centred cosine`.
    pub common: f32,
    /// The lengths of both embeddings, of unit length before, once the means are taken away, multiplied.
    pub own_length: f32,
    /// The first passage.
    pub a: CentredSide,
    /// The second passage.
    pub b: CentredSide,
    /// Row-major (words of a + 3) × (words of b + 3): words, then special tokens, then biases, then the mean of the language.
    pub pairs: Vec<f32>,
}

impl Centred {
    /// The row of word `i` of the first passage (or its special tokens, its biases, the mean of its language) in
    /// [`Centred::pairs`].
    pub fn row(&self, i: usize) -> &[f32] {
        let width = self.b.scores.len() + 3;
        &self.pairs[i * width..(i + 1) * width]
    }
}

/// Splits the centred cosine of two embeddings; `parts` are (words + 2, width), words first.
pub(super) fn centred(
    raw: &Split,
    (a, parts_a): (&[f32], &Tensor),
    (b, parts_b): (&[f32], &Tensor),
    means: Means,
) -> Result<Centred, ModelError> {
    let fitting = |mean: &&[f32]| mean.len() == a.len();
    let (mean_a, mean_b) = (means.a.filter(fitting), means.b.filter(fitting));
    let (a, parts_a) = without(a, parts_a, mean_a)?;
    let (b, parts_b) = without(b, parts_b, mean_b)?;
    let own = split((&a, &parts_a), (&b, &parts_b))?;
    let similarity = means
        .measure
        .map_or(own.cosine, |measure| measure.score(own.cosine, &unit(&a), &unit(&b)));
    Ok(Centred {
        cosine: own.cosine,
        similarity: similarity.clamp(-1.0, 1.0),
        residual: own.residual,
        common: (f64::from(raw.cosine) - own.lengths * f64::from(own.cosine)) as f32,
        own_length: own.lengths as f32,
        a: side(&own.rows, mean_a.is_some()),
        b: side(&own.columns, mean_b.is_some()),
        pairs: own.pairs,
    })
}

/// An embedding of unit length without a mean, and its parts with the mean as the last one.
fn without(embedding: &[f32], parts: &Tensor, mean: Option<&[f32]>) -> Result<(Vec<f32>, Tensor), ModelError> {
    let scale = length(embedding).max(f64::MIN_POSITIVE).recip();
    let taken: Vec<f32> = match mean {
        Some(mean) => mean.iter().map(|v| -v).collect(),
        None => vec![0.0; embedding.len()],
    };
    let own = embedding.iter().zip(&taken);
    let own = own.map(|(v, taken)| (f64::from(*v) * scale + f64::from(*taken)) as f32);
    let own: Vec<f32> = own.collect();
    let last = Tensor::from_vec(taken, (1, embedding.len()), parts.device())?;
    Ok((own, Tensor::cat(&[&(parts * scale)?, &last], 0)?)) // (words + 3, width)
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let scale = length(vector).max(1e-9).recip() as f32;
    vector.iter().map(|v| v * scale).collect()
}

fn side(sums: &[f32], known: bool) -> CentredSide {
    let count = sums.len() - 3;
    CentredSide {
        known,
        scores: sums[..count].to_vec(),
        special: sums[count],
        bias: sums[count + 1],
        common: sums[count + 2],
    }
}
