//! What each position mixed from each other position, as matrices, and rolling such matrices out through the layers.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::TokenScores;
use crate::model::{Pooling, ops};

/// Rows that are worth handing to another thread.
const ROWS: usize = 32;

/// A square matrix over the tokens of a sequence, row-major; row i says what position i is made of.
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

    /// `self · earlier`: what this layer mixed, in terms of what the earlier ones did.
    pub fn after(&self, earlier: &Mixing) -> Mixing {
        Mixing {
            entries: ops::compose(&self.entries, &earlier.entries, self.n),
            n: self.n,
        }
    }

    /// A matrix (n, n) with each row divided by its sum; a row of zeros becomes the position itself.
    ///
    /// # Errors
    /// If it is not square.
    pub fn normalised(matrix: &Tensor) -> Result<Mixing> {
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

/// Score of each token for the embedding: the pooling's weights over the rows. Sums to 1.
pub fn pooled(mixing: &Mixing, pooling: Pooling) -> TokenScores {
    let n = mixing.n;
    let mut tokens = vec![0f32; n];
    for i in 0..n {
        let weight = pooling.weight(i, n);
        if weight == 0.0 {
            continue;
        }
        for (token, v) in tokens.iter_mut().zip(mixing.row(i)) {
            *token += weight * v;
        }
    }
    TokenScores { tokens, bias: 0.0 }
}
