//! What each position mixed from each other one in an attention block, and the product of such matrices.
//!
//! For query position i and source position j the block adds y_{i←j} = Σ_h A^h_ij f^h(x_j) + [i = j] x_i before its LayerNorm,
//! with f^h(x) = (x W_V^h + b_V^h) W_O^h (Kobayashi et al. 2020, 2021). The LayerNorm with its deviation held fixed is linear:
//! T_i(x_j) = (y_{i←j} - mean) / s_i ⊙ γ. The n²·d array of all of them never exists.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{D, DType, Result, Tensor, bail};
use rayon::prelude::*;

use super::arrays::{array, keep};
use super::slices::with_all;
use super::{done_with, linear, on_cpu};
use crate::model::LayerTrace;
use crate::model::kernels::distances::{Targets, distances, targets};
use crate::model::kernels::gemm::{Panels, Plain, gemm};
use crate::model::kernels::integer_distances;
use crate::model::kernels::integer_targets::{IntegerTargets, SomeTargets};
use crate::model::kernels::mixing::{Sources, squares};
use crate::model::kernels::operand::Operand;
use crate::model::simd::{self, Kernel, LANES, Simd};

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
    let Some(output) = w.mixing()?.filter(|_| on_cpu(&layer.input)) else {
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
    if n == 0 {
        return Tensor::zeros((0, 0), DType::F32, layer.input.device());
    }
    let integers = matches!(w.output.forward(), Some(Operand::I16(_)));
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
        if inverse_std.len() != n {
            bail!("{} deviations do not fit {:?}", inverse_std.len(), layer.input.shape());
        }
        let tokens = tokens_per_task(n);
        let targets = match (near, integers) {
            (false, _) => Sought::Lengths,
            (true, false) => Sought::Distances(simd::run(LayOut { attended, inverse_std })),
            (true, true) => {
                let mut targets = kept().pop().unwrap_or_default();
                targets.fit(n, hidden, heads, tokens);
                let parts: Vec<_> = targets.parts().collect();
                parts.into_par_iter().for_each(|part| {
                    simd::run(LayOutSome {
                        part,
                        attended,
                        inverse_std,
                        attention,
                    });
                });
                Sought::IntegerDistances(targets)
            }
        };
        let mut by_source = array(n * n);
        let tasks = (
            by_source.par_chunks_mut(tokens * n),
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
                    task,
                    tokens,
                    targets: &targets,
                    out,
                });
            });
        let mut entries = array(n * n);
        let rows = entries.par_chunks_mut(LANES * n).enumerate();
        rows.for_each(|(block, rows)| {
            // What lies side by side in a source's row goes to one column of these rows.
            let first = block * LANES;
            let own = first..first + rows.len() / n;
            for (j, source) in by_source.chunks_exact(n).enumerate() {
                for (row, v) in rows.chunks_exact_mut(n).zip(&source[own.clone()]) {
                    row[j] = *v;
                }
            }
            for (i, row) in own.zip(rows.chunks_exact_mut(n)) {
                let inverse_std = inverse_std[i];
                match targets.lengths() {
                    Some(lengths) => row
                        .iter_mut()
                        .for_each(|entry| *entry = (lengths[i] - inverse_std * *entry).max(0.0)),
                    // Rounding may leave a little less than nothing.
                    None => row
                        .iter_mut()
                        .for_each(|entry| *entry = inverse_std * entry.max(0.0).sqrt()),
                }
            }
        });
        if let Sought::IntegerDistances(targets) = targets {
            keep_targets(targets);
        }
        keep(by_source);
        Ok(entries)
    })?;
    done_with(values);
    Tensor::from_vec(entries, (n, n), layer.input.device())
}

/// What was laid out for a layer, to be laid out anew for the next: to map its pages takes as long as to fill them.
static KEPT: Mutex<Vec<IntegerTargets>> = Mutex::new(Vec::new());

fn kept() -> MutexGuard<'static, Vec<IntegerTargets>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps no more of them than there are threads that could use one.
fn keep_targets(targets: IntegerTargets) {
    let mut kept = kept();
    if kept.len() < rayon::current_num_threads() {
        kept.push(targets);
    }
}

/// Lets go of what was kept.
pub(super) fn forget_targets() {
    kept().clear();
}

/// Whether anything is kept.
pub(super) fn keeps_targets() -> bool {
    !kept().is_empty()
}

/// Source tokens given to one task: a cache line of each row of probabilities, or fewer so that every thread has two.
fn tokens_per_task(n: usize) -> usize {
    n.div_ceil(2 * rayon::current_num_threads()).clamp(1, LANES)
}

/// What is computed of each T_i(x_j).
enum Sought {
    /// |T_i(x_j)|₂.
    Lengths,
    /// |y_i - T_i(x_j)|₁.
    Distances(Targets),
    /// The same in integers.
    IntegerDistances(IntegerTargets),
}

impl Sought {
    /// |y_i|₁ of each position, for distances.
    fn lengths(&self) -> Option<&[f32]> {
        match self {
            Sought::Lengths => None,
            Sought::Distances(targets) => Some(&targets.lengths),
            Sought::IntegerDistances(targets) => Some(&targets.lengths),
        }
    }
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

struct LayOutSome<'a> {
    part: SomeTargets<'a>,
    attended: &'a [f32],
    inverse_std: &'a [f32],
    attention: &'a [f32],
}

impl Kernel for LayOutSome<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.part.lay_out(s, self.attended, self.inverse_std, self.attention);
    }
}

struct SomeSources<'a> {
    from: Sources<'a>,
    attention: &'a [f32],
    /// Which task it is, and how many tokens one has.
    task: usize,
    tokens: usize,
    targets: &'a Sought,
    out: &'a mut [f32],
}

impl Kernel for SomeSources<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let first = self.task * self.tokens;
        match self.targets {
            Sought::Lengths => squares(s, self.from, self.attention, first, self.out),
            Sought::Distances(targets) => distances(s, self.from, self.attention, first, targets, self.out),
            Sought::IntegerDistances(targets) => {
                integer_distances::distances(s, self.from, self.task, targets, self.out);
            }
        }
    }
}

/// later · earlier for square matrices (n, n), row-major.
pub fn compose(later: &[f32], earlier: &[f32], n: usize) -> Vec<f32> {
    let mut out = vec![0f32; n * n];
    if n == 0 {
        return out;
    }
    let earlier = Panels::of_rows(earlier, n);
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
