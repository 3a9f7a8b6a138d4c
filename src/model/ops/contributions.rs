//! What each position mixed from each other one in an attention block, and the product of such matrices.
//!
//! For query position i and source position j the block adds y_{i←j} = Σ_h A^h_ij f^h(x_j) + [i = j] x_i before its LayerNorm,
//! with f^h(x) = (x W_V^h + b_V^h) W_O^h (Kobayashi et al. 2020, 2021). The LayerNorm with its deviation held fixed is linear:
//! T_i(x_j) = (y_{i←j} - mean) / s_i ⊙ γ. The n²·d array of all of them never exists.

use candle_core::{D, Result, Tensor, bail};
use rayon::prelude::*;

use super::slices::with_all;
use super::{linear, on_cpu};
use crate::model::LayerTrace;
use crate::model::kernels::gemm::{Panels, Plain, gemm};
use crate::model::kernels::mixing::{Sources, Targets, distances, squares, targets};
use crate::model::simd::{self, Kernel, Simd};

/// How much nearer each T_i(x_j) brings nothing to the block's output y_i: max(0, |y_i|₁ - |y_i - T_i(x_j)|₁), (n, n).
///
/// # Errors
/// If the trace's shapes do not fit.
pub fn nearness(layer: &LayerTrace) -> Result<Tensor> {
    by_source(layer, true)
}

/// The plain composition of [`nearness`].
///
/// # Errors
/// As candle's operations.
pub fn nearness_reference(layer: &LayerTrace) -> Result<Tensor> {
    let y = layer.attended.unsqueeze(1)?; // (n, 1, hidden)
    let distance = y.broadcast_sub(&vectors(layer)?)?.abs()?.sum(D::Minus1)?; // (n, n)
    layer.attended.abs()?.sum_keepdim(1)?.broadcast_sub(&distance)?.relu()
}

/// |T_i(x_j)|₂, (n, n).
///
/// # Errors
/// If the trace's shapes do not fit.
pub fn lengths(layer: &LayerTrace) -> Result<Tensor> {
    by_source(layer, false)
}

/// The plain composition of [`lengths`].
///
/// # Errors
/// As candle's operations.
pub fn lengths_reference(layer: &LayerTrace) -> Result<Tensor> {
    vectors(layer)?.sqr()?.sum(D::Minus1)?.sqrt()
}

/// Every T_i(x_j): (n, n, hidden).
fn vectors(layer: &LayerTrace) -> Result<Tensor> {
    let w = &layer.weights;
    let (heads, n, _) = layer.attention.dims3()?;
    let hidden = layer.input.dim(1)?;
    let width = hidden / heads;
    let values = linear(&layer.input, w.value()?, Some(&w.value_bias()?))?; // (n, hidden)
    let values = values.reshape((n, heads, width))?.transpose(0, 1)?.contiguous()?; // (heads, n, width)
    let output = w.output.tensor()?.t()?.reshape((heads, width, hidden))?; // (heads, width, hidden)
    let transformed = values.matmul(&output)?.transpose(0, 1)?.contiguous()?; // (n, heads, hidden): f^h(x_j)
    let looks = layer.attention.permute((2, 1, 0))?.contiguous()?; // (j, i, heads)
    let mixed = looks.matmul(&transformed)?.transpose(0, 1)?; // (i, j, hidden)
    let own = Tensor::eye(n, layer.input.dtype(), layer.input.device())?.unsqueeze(2)?; // (n, n, 1)
    let sums = (mixed + own.broadcast_mul(&layer.input)?)?; // (i, j, hidden)
    let centred = sums.broadcast_sub(&sums.mean_keepdim(D::Minus1)?)?;
    centred
        .broadcast_mul(&layer.inverse_std1.reshape((n, 1, 1))?)?
        .broadcast_mul(&w.norm1.scale)
}

fn by_source(layer: &LayerTrace, near: bool) -> Result<Tensor> {
    let w = &layer.weights;
    let Some(output) = w.output.panels().filter(|_| on_cpu(&layer.input)) else {
        return if near {
            nearness_reference(layer)
        } else {
            lengths_reference(layer)
        };
    };
    let (heads, n, keys) = layer.attention.dims3()?;
    let hidden = layer.input.dim(1)?;
    let fits = heads > 0 && hidden % heads == 0 && output.columns() == hidden && output.inner() == hidden;
    if !fits || keys != n || layer.input.dim(0)? != n || layer.attended.dims() != layer.input.dims() {
        bail!(
            "attention {:?} does not fit {:?}",
            layer.attention.shape(),
            layer.input.shape()
        );
    }
    let values = linear(&layer.input, w.value()?, Some(&w.value_bias()?))?; // (n, hidden)
    let all = [
        &layer.input,
        &values,
        &layer.attention,
        &layer.attended,
        &layer.inverse_std1,
        &w.norm1.scale,
    ];
    let entries = with_all(all, |[input, values, attention, attended, inverse_std, scale]| {
        if scale.len() != hidden || inverse_std.len() != n {
            bail!("LayerNorm of {} does not fit {:?}", scale.len(), layer.input.shape());
        }
        let targets = near.then(|| simd::run(LayOut { attended, inverse_std }));
        let tokens = tokens_per_task(n);
        let mut by_source = vec![0f32; n * n];
        let tasks = (
            by_source.par_chunks_mut((tokens * n).max(1)),
            input.par_chunks(tokens * hidden),
            values.par_chunks(tokens * hidden),
        );
        tasks
            .into_par_iter()
            .enumerate()
            .for_each(|(task, (out, input, values))| {
                let from = Sources {
                    input,
                    values,
                    output,
                    scale,
                    heads,
                };
                simd::run(SomeSources {
                    from,
                    attention,
                    first: task * tokens,
                    targets: targets.as_ref(),
                    out,
                });
            });
        let mut entries = vec![0f32; n * n];
        for (i, row) in entries.chunks_exact_mut(n.max(1)).enumerate() {
            let column = by_source[i..].iter().step_by(n);
            let inverse_std = inverse_std[i];
            match &targets {
                Some(targets) => row
                    .iter_mut()
                    .zip(column)
                    .for_each(|(entry, v)| *entry = (targets.lengths[i] - inverse_std * v).max(0.0)),
                // Rounding may leave a little less than nothing.
                None => row
                    .iter_mut()
                    .zip(column)
                    .for_each(|(entry, v)| *entry = inverse_std * v.max(0.0).sqrt()),
            }
        }
        Ok(entries)
    })?;
    Tensor::from_vec(entries, (n, n), layer.input.device())
}

/// Source tokens given to one task: a cache line of each row of probabilities, or fewer so that every thread has two.
fn tokens_per_task(n: usize) -> usize {
    n.div_ceil(2 * rayon::current_num_threads()).clamp(1, 16)
}

struct LayOut<'a> {
    attended: &'a [f32],
    inverse_std: &'a [f32],
}

impl Kernel for LayOut<'_> {
    type Output = Targets;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Targets {
        targets(s, self.attended, self.inverse_std)
    }
}

struct SomeSources<'a> {
    from: Sources<'a>,
    attention: &'a [f32],
    first: usize,
    targets: Option<&'a Targets>,
    out: &'a mut [f32],
}

impl Kernel for SomeSources<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.targets {
            Some(targets) => distances(s, self.from, self.attention, self.first, targets, self.out),
            None => squares(s, self.from, self.attention, self.first, self.out),
        }
    }
}

/// later · earlier for square matrices (n, n), row-major.
pub fn compose(later: &[f32], earlier: &[f32], n: usize) -> Vec<f32> {
    let mut out = vec![0f32; n * n];
    if n == 0 {
        return out;
    }
    let earlier = Panels::new(n, n, |k, c| earlier[k * n + c]);
    let rows = n.div_ceil(2 * rayon::current_num_threads()).next_multiple_of(12);
    out.par_chunks_mut(rows * n)
        .zip(later.par_chunks(rows * n))
        .for_each(|(out, later)| {
            simd::run(Compose {
                later,
                earlier: &earlier,
                out,
            });
        });
    out
}

/// The plain composition of [`compose`].
pub fn compose_reference(later: &[f32], earlier: &[f32], n: usize) -> Vec<f32> {
    let entry = |i: usize, j: usize| (0..n).map(|k| later[i * n + k] * earlier[k * n + j]).sum();
    (0..n * n).map(|at| entry(at / n, at % n)).collect()
}

struct Compose<'a> {
    later: &'a [f32],
    earlier: &'a Panels,
    out: &'a mut [f32],
}

impl Kernel for Compose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut sink = Plain {
            out: self.out,
            width: self.earlier.columns(),
            first: 0,
            bias: None,
        };
        gemm(s, self.later, self.earlier, 0..self.earlier.count(), &mut sink);
    }
}
