//! The contributions of positions to each other in an attention block.
//!
//! For query position i and source position j, the block adds y_{i←j} = Σ_h A^h_ij f^h(x_j) + [i = j] x_i before its LayerNorm,
//! with f^h(x) = (x W_V^h + b_V^h) W_O^h (Kobayashi et al. 2020, 2021). With its deviation frozen, the LayerNorm is linear:
//! T_i(x_j) = (y_{i←j} - mean) / s_i ⊙ γ. The n²·d array of all contributions is never stored.

use candle_core::{D, DType, Result, Tensor, bail};
use rayon::prelude::*;

use super::buffer_pool::{acquire, release};
use super::slices::with_all;
use super::{linear, linear_back, on_cpu, recycle, with_values};
use crate::model::LayerTrace;
use crate::model::kernels::alti_proximity::{self as kernel, Layer};
use crate::model::kernels::gemm::{Panels, Plain, gemm};
use crate::model::kernels::mixing::{Sources, squares};
use crate::model::kernels::packed_layout::{Columns, Laid, Outputs, Signs, TILE, lay_out, round_signs};
use crate::model::simd::{self, Kernel, LANES, Simd};

/// ALTI proximity of each T_i(x_j) to the block's output y_i: max(0, |y_i|₁ - |y_i - T_i(x_j)|₁), (n, n).
///
/// # Errors
/// If the shapes of the trace do not match.
pub fn alti_proximity(layer: &LayerTrace) -> Result<Tensor> {
    if !on_cpu(&layer.input) {
        return alti_proximity_reference(layer);
    }
    let (_, heads, _) = checked(layer)?;
    match layer.weights.columns(heads)? {
        Some(columns) => alti_proximity_in_blocks(layer, columns),
        None => alti_proximity_reference(layer),
    }
}

/// The plain composition of [`alti_proximity`].
///
/// # Errors
/// Those of candle's operations.
pub fn alti_proximity_reference(layer: &LayerTrace) -> Result<Tensor> {
    let y = layer.attended.unsqueeze(1)?; // (n, 1, hidden)
    let distance = y.broadcast_sub(&vectors(layer)?)?.abs()?.sum(D::Minus1)?; // (n, n)
    layer.attended.abs()?.sum_keepdim(1)?.broadcast_sub(&distance)?.relu()
}

/// The norms |T_i(x_j)|₂, (n, n).
///
/// # Errors
/// If the shapes of the trace do not match.
pub fn lengths(layer: &LayerTrace) -> Result<Tensor> {
    match layer.weights.mixing()?.filter(|_| on_cpu(&layer.input)) {
        Some(output) => lengths_by_source(layer, output),
        None => lengths_reference(layer),
    }
}

/// The plain composition of [`lengths`].
///
/// # Errors
/// Those of candle's operations.
pub fn lengths_reference(layer: &LayerTrace) -> Result<Tensor> {
    vectors(layer)?.sqr()?.sum(D::Minus1)?.sqrt()
}

/// Every T_i(x_j): (n, n, hidden).
fn vectors(layer: &LayerTrace) -> Result<Tensor> {
    let w = &layer.weights;
    let (heads, n, _) = layer.attention.dims3()?;
    let hidden = layer.input.dim(1)?;
    let width = hidden / heads;
    let values = values_of(layer)?; // (n, hidden)
    let values = values.reshape((n, heads, width))?.transpose(0, 1)?.contiguous()?; // (heads, n, width)
    let output = w.output.tensor()?.t()?.reshape((heads, width, hidden))?; // (heads, width, hidden)
    let transformed = values.matmul(&output)?.transpose(0, 1)?.contiguous()?; // (n, heads, hidden): f^h(x_j)
    let by_source = layer.attention.permute((2, 1, 0))?.contiguous()?; // (j, i, heads)
    let mixed = by_source.matmul(&transformed)?.transpose(0, 1)?; // (i, j, hidden)
    let own = Tensor::eye(n, layer.input.dtype(), layer.input.device())?.unsqueeze(2)?; // (n, n, 1)
    let sums = (mixed + own.broadcast_mul(&layer.input)?)?; // (i, j, hidden)
    let centered = sums.broadcast_sub(&sums.mean_keepdim(D::Minus1)?)?;
    centered
        .broadcast_mul(&layer.inverse_std1.reshape((n, 1, 1))?)?
        .broadcast_mul(&w.norm1.scale)
}

/// The value rows of a layer, (n, hidden), from the trace or computed again.
fn values_of(layer: &LayerTrace) -> Result<Tensor> {
    let w = &layer.weights;
    match &layer.values {
        Some(values) => Ok(values.clone()),
        None => linear(&layer.input, w.value()?, Some(&w.value_bias()?)),
    }
}

/// Recycles value rows that were computed again.
fn recycle_values(layer: &LayerTrace, values: Tensor) {
    if layer.values.is_none() {
        recycle(values);
    }
}

/// Checks the shapes of a layer and returns (n, heads, hidden).
fn checked(layer: &LayerTrace) -> Result<(usize, usize, usize)> {
    let (heads, n, keys) = layer.attention.dims3()?;
    let hidden = layer.input.dim(1)?;
    let square = layer.weights.output.shape() == (hidden, hidden) && heads > 0 && hidden % heads == 0;
    let rows = keys == n && layer.input.dim(0)? == n && layer.attended.dims() == layer.input.dims();
    if !square || !rows || layer.inverse_std1.elem_count() != n {
        bail!(
            "attention {:?} does not fit {:?}",
            layer.attention.shape(),
            layer.input.shape()
        );
    }
    Ok((n, heads, hidden))
}

fn alti_proximity_in_blocks(layer: &LayerTrace, columns: &Columns) -> Result<Tensor> {
    let w = &layer.weights;
    let (n, heads, hidden) = checked(layer)?;
    if n == 0 {
        return Tensor::zeros((0, 0), DType::F32, layer.input.device());
    }
    let mut signs = acquire(n * hidden);
    let mut packed = acquire(n * hidden.next_multiple_of(LANES));
    let laid = [&layer.attended, &layer.inverse_std1, &w.norm1.scale];
    with_all(laid, |[y, inverse_std, scale]| {
        let rows = ROWS.min(n);
        let (panels, _) = packed.as_chunks_mut::<LANES>();
        let to = signs
            .par_chunks_mut(rows * hidden)
            .zip(panels.par_chunks_mut(rows * hidden.div_ceil(LANES)));
        let from = y.par_chunks(rows * hidden).zip(inverse_std.par_chunks(rows));
        to.zip(from).for_each(|((signs, panels), (y, inverse_std))| {
            simd::run(LayOut {
                from: Outputs { y, inverse_std, scale },
                columns,
                to: Laid { signs, y: panels },
            });
        });
        Ok(())
    })?;
    let signs = Tensor::from_vec(signs, (n, hidden), layer.input.device())?;
    let pulled_back = linear_back(&signs, &w.output)?; // (n, hidden)
    recycle(signs);
    let mut integers = vec![Default::default(); columns.tiled(n)];
    let mut units = vec![0f32; n];
    with_values(&pulled_back, |rows| {
        let to = integers
            .par_chunks_mut(columns.tiled(ROWS))
            .zip(units.par_chunks_mut(ROWS));
        let each = rows.par_chunks(ROWS * hidden).zip(to);
        each.for_each(|(rows, (integers, units))| {
            simd::run(RoundSigns {
                rows,
                columns,
                integers,
                units,
            });
        });
        Ok(())
    })?;
    recycle(pulled_back);
    let values = values_of(layer)?; // (n, hidden)
    let all = [
        &layer.attention,
        &layer.input,
        &values,
        &layer.inverse_std1,
        &w.norm1.scale,
    ];
    let entries = with_all(all, |[attention, input, values, inverse_std, scale]| {
        let seen = Layer {
            attention,
            heads,
            input,
            values,
            scale,
            columns,
            signs: Signs {
                integers: &integers,
                units: &units,
            },
            y: packed.as_chunks().0,
        };
        // One block per sixteen source tokens, which are adjacent lanes of each query position.
        let mut blocks = acquire(n.div_ceil(LANES) * n * LANES);
        let (lanes, _) = blocks.as_chunks_mut::<LANES>();
        let each = lanes.par_chunks_mut(n).enumerate();
        each.for_each(|(block, out)| {
            let first = block * LANES;
            simd::run(SomeTokens { seen, first, out });
        });
        let (lanes, _) = blocks.as_chunks::<LANES>();
        let mut entries = acquire(n * n);
        let rows = entries.par_chunks_mut(n).zip(inverse_std).enumerate();
        rows.with_min_len(ROWS).for_each(|(i, (row, inverse_std))| {
            for (entries, block) in row.chunks_mut(LANES).zip(lanes.chunks_exact(n)) {
                for (entry, near) in entries.iter_mut().zip(&block[i]) {
                    *entry = (near * inverse_std).max(0.0);
                }
            }
        });
        release(blocks);
        Ok(entries)
    })?;
    recycle_values(layer, values);
    release(packed);
    Tensor::from_vec(entries, (n, n), layer.input.device())
}

/// Number of positions per task: whole tiles.
const ROWS: usize = 5 * TILE;

struct LayOut<'a> {
    from: Outputs<'a>,
    columns: &'a Columns,
    to: Laid<'a>,
}

impl Kernel for LayOut<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        lay_out(s, self.from, self.columns, self.to);
    }
}

struct RoundSigns<'a> {
    rows: &'a [f32],
    columns: &'a Columns,
    integers: &'a mut [[[i16; 2]; TILE]],
    units: &'a mut [f32],
}

impl Kernel for RoundSigns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        round_signs(s, self.rows, self.columns, self.integers, self.units);
    }
}

struct SomeTokens<'a> {
    seen: Layer<'a>,
    first: usize,
    out: &'a mut [[f32; LANES]],
}

impl Kernel for SomeTokens<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        kernel::alti_proximity(s, self.seen, self.first, self.out);
    }
}

fn lengths_by_source(layer: &LayerTrace, output: &Panels) -> Result<Tensor> {
    let w = &layer.weights;
    let (n, heads, hidden) = checked(layer)?;
    if n == 0 {
        return Tensor::zeros((0, 0), DType::F32, layer.input.device());
    }
    let values = values_of(layer)?; // (n, hidden)
    let all = [
        &layer.input,
        &values,
        &layer.attention,
        &layer.inverse_std1,
        &w.norm1.scale,
    ];
    let entries = with_all(all, |[input, values, attention, inverse_std, scale]| {
        let tokens = tokens_per_task(n);
        let mut by_source = acquire(n * n);
        let tasks = (
            by_source.par_chunks_mut(tokens * n),
            input.par_chunks(tokens * hidden),
            values.par_chunks(tokens * hidden),
        );
        tasks
            .into_par_iter()
            .enumerate()
            .for_each(|(task, (out, input, values))| {
                simd::run(SomeSources {
                    from: Sources {
                        input,
                        values,
                        output,
                        scale,
                        heads,
                    },
                    attention,
                    first: task * tokens,
                    out,
                });
            });
        let mut entries = acquire(n * n);
        let rows = entries.par_chunks_mut(LANES * n).enumerate();
        rows.for_each(|(block, rows)| {
            // Adjacent entries of a source's row belong to one column of these rows.
            let first = block * LANES;
            let own = first..first + rows.len() / n;
            for (j, source) in by_source.chunks_exact(n).enumerate() {
                for (row, v) in rows.chunks_exact_mut(n).zip(&source[own.clone()]) {
                    row[j] = *v;
                }
            }
            for (row, inverse_std) in rows.chunks_exact_mut(n).zip(&inverse_std[own]) {
                // Rounding may leave a small negative value.
                row.iter_mut()
                    .for_each(|entry| *entry = inverse_std * entry.max(0.0).sqrt());
            }
        });
        release(by_source);
        Ok(entries)
    })?;
    recycle_values(layer, values);
    Tensor::from_vec(entries, (n, n), layer.input.device())
}

/// Number of source tokens per task: a cache line of each row of probabilities, or fewer so that every thread gets two tasks.
fn tokens_per_task(n: usize) -> usize {
    n.div_ceil(2 * rayon::current_num_threads()).clamp(1, LANES)
}

struct SomeSources<'a> {
    from: Sources<'a>,
    attention: &'a [f32],
    first: usize,
    out: &'a mut [f32],
}

impl Kernel for SomeSources<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        squares(s, self.from, self.attention, self.first, self.out);
    }
}

/// The product later · earlier of square matrices (n, n), row-major.
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
        let mut epilogue = Plain {
            out: self.out,
            width: self.earlier.columns(),
            first: 0,
            bias: None,
        };
        gemm(s, self.later, self.earlier, 0..self.earlier.count(), &mut epilogue);
    }
}
