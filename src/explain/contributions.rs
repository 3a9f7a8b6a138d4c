//! Matrices of how much each position mixed from each other one, and their rollout through layers.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::TokenScores;
use crate::model::{Pooling, Trace, ops};

/// Minimum rows of a task for another thread.
const ROWS: usize = 32;

/// A square matrix over the tokens of a sequence, row-major; row i has the contributions to position i.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixing {
    /// Row-major entries.
    pub entries: Vec<f32>,
    /// Number of tokens.
    pub n: usize,
}

impl Mixing {
    /// Row i.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.entries[i * self.n..(i + 1) * self.n]
    }

    /// `self · earlier`: the mixing of this layer, expressed in the inputs of the earlier ones.
    pub fn after(&self, earlier: &Mixing) -> Mixing {
        Mixing {
            entries: ops::compose(&self.entries, &earlier.entries, self.n),
            n: self.n,
        }
    }

    /// The weighted sum of the rows.
    ///
    /// # Errors
    /// If the numbers of weights and rows differ.
    fn weighted(&self, weights: &[f32]) -> Result<Vec<f32>> {
        if weights.len() != self.n {
            candle_core::bail!("{} weights do not fit {} rows", weights.len(), self.n);
        }
        let mut sum = vec![0f32; self.n];
        for (row, weight) in self.entries.chunks_exact(self.n.max(1)).zip(weights) {
            if *weight != 0.0 {
                sum.iter_mut().zip(row).for_each(|(sum, v)| *sum += weight * v);
            }
        }
        Ok(sum)
    }

    /// A matrix (n, n) with each row divided by its sum; a row of zeros becomes the position itself.
    ///
    /// # Errors
    /// If it is not square.
    pub fn normalized(matrix: &Tensor) -> Result<Mixing> {
        let n = matrix.dim(0)?;
        let mut entries = matrix.flatten_all()?.to_vec1::<f32>()?;
        if entries.len() != n * n {
            candle_core::bail!("{:?} is not square", matrix.shape());
        }
        let rows = entries.par_chunks_exact_mut(n.max(1)).enumerate();
        rows.with_min_len(ROWS).for_each(|(i, row)| {
            let sum: f32 = row.iter().sum();
            match sum > 0.0 {
                true => row.iter_mut().for_each(|v| *v /= sum),
                false => row[i] = 1.0,
            }
        });
        Ok(Mixing { entries, n })
    }
}

/// Multiplies the layers' matrices, the last on the left.
pub fn roll_out(layers: impl IntoIterator<Item = Result<Mixing>>) -> Result<Mixing> {
    let mut layers = layers.into_iter();
    let Some(first) = layers.next() else {
        candle_core::bail!("the trace has no layers")
    };
    layers.try_fold(first?, |earlier, layer| Ok(layer?.after(&earlier)))
}

/// Score of each token for the embedding: the shares of the rows in it times the matrix of each layer, which `layer` computes. Sums to 1. It
/// equals the pooled rows of [`roll_out`], at the cost of one row.
pub fn scores<E: From<candle_core::Error>>(
    trace: &Trace,
    pooling: Pooling,
    layer: impl Fn(usize) -> std::result::Result<Mixing, E>,
) -> std::result::Result<TokenScores, E> {
    if trace.layer_count() == 0 {
        return Err(candle_core::Error::Msg("the trace has no layers".into()).into());
    }
    let mut tokens = pooling.freeze(&trace.hidden)?.shares();
    for number in (0..trace.layer_count()).rev() {
        tokens = layer(number)?.weighted(&tokens)?;
    }
    Ok(TokenScores { tokens, bias: 0.0 })
}
