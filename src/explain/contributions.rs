//! What each position mixed from each other position in one attention block, vector by vector, and rolling such matrices out
//! through the layers.
//!
//! For query position i and source position j the block adds y_{i←j} = Σ_h A^h_ij f^h(x_j) + [i = j] x_i before its LayerNorm,
//! with f^h(x) = (x W_V^h + b_V^h) W_O^h (Kobayashi et al. 2020, 2021). The LayerNorm with its deviation held fixed is linear:
//! T_i(x_j) = (y_{i←j} - mean) / s_i ⊙ γ. ALTI and the norm-based method reduce each T_i(x_j) to one number; the n²·d array of
//! all of them never exists.

use candle_core::{D, Result, Tensor};
use rayon::prelude::*;

use super::TokenScores;
use crate::model::{LayerTrace, Pooling, ops};

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
        let n = self.n;
        let mut entries = vec![0f32; n * n];
        entries.par_chunks_mut(n.max(1)).enumerate().for_each(|(i, out)| {
            for (weight, row) in self.row(i).iter().zip(earlier.entries.chunks_exact(n)) {
                for (out, v) in out.iter_mut().zip(row) {
                    *out += weight * v;
                }
            }
        });
        Mixing { entries, n }
    }

    /// Divides each row by its sum; a row of zeros becomes the position itself.
    fn normalise_rows(&mut self) {
        let n = self.n;
        for (i, row) in self.entries.chunks_exact_mut(n.max(1)).enumerate() {
            let sum: f32 = row.iter().sum();
            match sum > 0.0 {
                true => row.iter_mut().for_each(|v| *v /= sum),
                false => row[i] = 1.0,
            }
        }
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

/// Reduces every T_i(x_j) of one layer to a number and normalises the rows.
///
/// `reduce` gets the row's output y_i (after the LayerNorm, β included) and one T_i(x_j), both `hidden` floats, and what
/// `of_output` made of y_i.
pub fn layer_mixing(
    layer: &LayerTrace,
    of_output: impl Fn(&[f32]) -> f32 + Sync,
    reduce: impl Fn(&[f32], f32, &[f32]) -> f32 + Sync,
) -> Result<Mixing> {
    let w = &layer.weights;
    let (heads, n, _) = layer.attention.dims3()?;
    let hidden = layer.input.dim(1)?;
    let width = hidden / heads;
    let values = ops::linear(&layer.input, w.value()?, Some(&w.value_bias()?))?; // (n, hidden)
    let values = values.reshape((n, heads, width))?.transpose(0, 1)?.contiguous()?; // (heads, n, width)
    let output = w.output.tensor()?.t()?.reshape((heads, width, hidden))?; // (heads, width, hidden)
    let transformed = values.matmul(&output)?; // (heads, n, hidden): f^h(x_j)
    // The LayerNorm's linear part goes in front of the mixing: it acts on each vector alone, up to the factor 1/s_i.
    let transformed = centre_and_scale(&transformed, &w.norm1.scale)?
        .flatten_all()?
        .to_vec1::<f32>()?;
    let residual = centre_and_scale(&layer.input, &w.norm1.scale)?
        .flatten_all()?
        .to_vec1::<f32>()?;
    let attention = layer.attention.flatten_all()?.to_vec1::<f32>()?;
    let inverse_std = layer.inverse_std1.flatten_all()?.to_vec1::<f32>()?;
    let attended = layer.attended.flatten_all()?.to_vec1::<f32>()?;

    let mut entries = vec![0f32; n * n];
    entries.par_chunks_mut(n.max(1)).enumerate().for_each_init(
        || vec![0f32; hidden],
        |vector, (i, row)| {
            let y = &attended[i * hidden..(i + 1) * hidden];
            let of_y = of_output(y);
            for (j, entry) in row.iter_mut().enumerate() {
                match i == j {
                    true => vector.copy_from_slice(&residual[i * hidden..(i + 1) * hidden]),
                    false => vector.fill(0.0),
                }
                for head in 0..heads {
                    let weight = attention[(head * n + i) * n + j];
                    let source = &transformed[(head * n + j) * hidden..(head * n + j + 1) * hidden];
                    for (v, s) in vector.iter_mut().zip(source) {
                        *v += weight * s;
                    }
                }
                vector.iter_mut().for_each(|v| *v *= inverse_std[i]);
                *entry = reduce(y, of_y, vector);
            }
        },
    );
    let mut mixing = Mixing { entries, n };
    mixing.normalise_rows();
    Ok(mixing)
}

fn centre_and_scale(x: &Tensor, scale: &Tensor) -> Result<Tensor> {
    x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?.broadcast_mul(scale)
}
