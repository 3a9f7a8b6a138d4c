//! Pushes parts of hidden states through a layer with frozen attention, deviations and gates.
//!
//! X ↦ norm₂(Y + (θ ⊙ YW₁)W₂) with Y = norm₁(X + Σ_h A^h X W_V^h W_O^h). A frozen norm centers a part and divides it by the deviation of
//! the full vector. The part of the biases also receives every bias on its way.

use candle_core::{D, Result, Tensor, bail};
use rayon::prelude::*;

use super::slices::with_all;
use super::{linear, on_cpu, with_values};
use crate::model::kernels::first_layer::{TOKENS, TokenProjections, first_layer, project_tokens};
use crate::model::kernels::gemm::Panels;
use crate::model::kernels::jvp::{Biases, Frozen, Scratch, attention_block, feed_forward, feed_forward_summed};
use crate::model::kernels::mixing::Sources;
use crate::model::simd::{self, Kernel, Simd};
use crate::model::{LayerTrace, Norm};

/// The images of parts after the layer, (k, n, hidden) → (k, n, hidden). With `biased`, they are the part of the biases.
///
/// # Errors
/// If the shapes do not match.
pub fn jvp(layer: &LayerTrace, parts: &Tensor, biased: bool) -> Result<Tensor> {
    if !packed(layer) || !on_cpu(parts) {
        return jvp_reference(layer, parts, biased);
    }
    let out = frozen(layer, biased, |frozen| {
        let whole = frozen.n * frozen.output.columns();
        check(parts, &frozen)?;
        with_values(parts, |x| {
            let mut out = vec![0f32; x.len()];
            let each = parts_per_task(x.len() / whole, frozen.n);
            let tasks = out.par_chunks_mut(each * whole).zip(x.par_chunks(each * whole));
            tasks.for_each_init(Scratch::default, |scratch, (out, x)| {
                simd::run(Through {
                    frozen: &frozen,
                    x,
                    scratch,
                    out,
                });
            });
            Ok(out)
        })
    })?;
    Tensor::from_vec(out, parts.shape(), parts.device())
}

/// The plain composition of [`jvp`].
///
/// # Errors
/// Those of candle's operations.
pub fn jvp_reference(layer: &LayerTrace, parts: &Tensor, biased: bool) -> Result<Tensor> {
    let w = &layer.weights;
    let (k, n, hidden) = parts.dims3()?;
    let flat = |tensor: &Tensor| tensor.reshape((k * n, tensor.dim(D::Minus1)?));
    let bias = |bias| biased.then_some(bias);
    let value_bias = w.value_bias()?;
    let values = linear(&flat(parts)?, w.value()?, bias(&value_bias))?; // (k·n, hidden)
    let context = mix(&layer.attention, &values.reshape((k, n, hidden))?)?; // (k, n, hidden)
    let attended = linear(&flat(&context)?, &w.output, bias(&w.output_bias))?; // (k·n, hidden)
    let summed = (parts + attended.reshape((k, n, hidden))?)?;
    let y = normalize(&summed, &w.norm1, &layer.inverse_std1, biased)?; // (k, n, hidden)

    let up = linear(&flat(&y)?, &w.up, bias(&w.up_bias))?; // (k·n, intermediate)
    let gated = up.reshape((k, n, up.dim(1)?))?.broadcast_mul(&layer.gate)?; // (k, n, intermediate)
    let down = linear(&flat(&gated)?, &w.down, bias(&w.down_bias))?; // (k·n, hidden)
    let summed = (y + down.reshape((k, n, hidden))?)?;
    normalize(&summed, &w.norm2, &layer.inverse_std2, biased)
}

/// The images of parts as in [`jvp`], summed over positions with weights: (k, hidden).
/// Positions after the last nonzero weight are not computed.
///
/// # Errors
/// If the shapes do not match.
pub fn jvp_summed(layer: &LayerTrace, parts: &Tensor, weights: &[f32], biased: bool) -> Result<Tensor> {
    if !packed(layer) || !on_cpu(parts) {
        return jvp_summed_reference(layer, parts, weights, biased);
    }
    let w = &layer.weights;
    let kept = weights
        .iter()
        .rposition(|weight| *weight != 0.0)
        .map_or(1, |last| last + 1);
    let (k, n, hidden) = parts.dims3()?;
    let columns = w.up.shape().0;
    let inverse_std = layer.inverse_std2.flatten_all()?.to_vec1::<f32>()?;
    if weights.len() != n || inverse_std.len() != n {
        bail!("{} weights do not fit {:?}", weights.len(), parts.shape());
    }
    // 1/s of the second LayerNorm is a factor per position, like the weight.
    let scaled: Vec<f32> = weights[..kept]
        .iter()
        .zip(&inverse_std)
        .map(|(w, std)| w * std)
        .collect();
    let (active, rest) = frozen(layer, biased, |frozen| {
        check(parts, &frozen)?;
        with_values(parts, |x| {
            let (mut active, mut rest) = (vec![0f32; k * columns], vec![0f32; k * hidden]);
            let each = parts_per_task(k, n);
            let tasks = (
                active.par_chunks_mut(each * columns),
                rest.par_chunks_mut(each * hidden),
                x.par_chunks(each * n * hidden),
            );
            let tasks = tasks.into_par_iter();
            tasks.for_each_init(Scratch::default, |scratch, (active, rest, x)| {
                simd::run(ThroughSummed {
                    frozen: &frozen,
                    weights: &scaled,
                    x,
                    scratch,
                    active,
                    rest,
                });
            });
            Ok((active, rest))
        })
    })?;
    let device = parts.device();
    let active = Tensor::from_vec(active, (k, columns), device)?;
    let mut summed = (linear(&active, &w.down, None)? + Tensor::from_vec(rest, (k, hidden), device)?)?; // (k, hidden)
    if biased {
        let weight: f32 = scaled.iter().sum();
        summed = summed.broadcast_add(&(&w.down_bias * f64::from(weight))?)?;
    }
    let centered = summed.broadcast_sub(&summed.mean_keepdim(D::Minus1)?)?;
    let out = centered.broadcast_mul(&w.norm2.scale)?; // (k, hidden)
    if !biased {
        return Ok(out);
    }
    out.broadcast_add(&(&w.norm2.shift * f64::from(weights.iter().sum::<f32>()))?)
}

/// The plain composition of [`jvp_summed`].
///
/// # Errors
/// Those of candle's operations.
pub fn jvp_summed_reference(layer: &LayerTrace, parts: &Tensor, weights: &[f32], biased: bool) -> Result<Tensor> {
    let weights = Tensor::from_slice(weights, (weights.len(), 1), parts.device())?;
    jvp_reference(layer, parts, biased)?.broadcast_mul(&weights)?.sum(1)
}

/// The images of groups of input rows after the layer: (groups, n, hidden).
///
/// # Errors
/// If the shapes do not match or a token does not exist.
pub fn jvp_tokens(layer: &LayerTrace, groups: &[Vec<usize>]) -> Result<Tensor> {
    if !packed(layer) || !on_cpu(&layer.input) {
        return jvp_tokens_reference(layer, groups);
    }
    let w = &layer.weights;
    let (n, hidden) = layer.input.dims2()?;
    if let Some(token) = groups.iter().flatten().find(|token| **token >= n) {
        bail!("token {token} does not exist: the sequence has {n}");
    }
    let device = layer.input.device();
    let tokens: Vec<u32> = groups.iter().flatten().map(|token| *token as u32).collect();
    if tokens.is_empty() {
        return Tensor::zeros((groups.len(), n, hidden), layer.input.dtype(), device);
    }
    let count = tokens.len();
    let input = layer.input.index_select(&Tensor::from_vec(tokens, count, device)?, 0)?; // (tokens, hidden)
    let values = linear(&input, w.value()?, None)?; // (tokens, hidden)
    let Some(output) = w.mixing()? else {
        bail!("the matrices are not packed")
    };
    let out = frozen(layer, false, |frozen| {
        let projections: Vec<TokenProjections> = with_all([&input, &values], |[input, values]| {
            let tasks = input
                .par_chunks(TOKENS * hidden)
                .zip(values.par_chunks(TOKENS * hidden));
            let project_tokens = |(input, values)| {
                simd::run(ProjectTokens {
                    frozen: &frozen,
                    output,
                    input,
                    values,
                })
            };
            Ok(tasks.map(project_tokens).collect())
        })?;
        let each = parts_per_task(groups.len(), n);
        let before = |start: &mut usize, groups: &[Vec<usize>]| {
            let first = *start;
            *start += groups.iter().map(Vec::len).sum::<usize>();
            Some(first)
        };
        let starts: Vec<usize> = groups.chunks(each).scan(0, before).collect();
        let mut out = vec![0f32; groups.len() * n * hidden];
        let tasks = (
            out.par_chunks_mut(each * n * hidden),
            groups.par_chunks(each),
            starts.into_par_iter(),
        );
        tasks.into_par_iter().for_each(|(out, groups, start)| {
            simd::run(First {
                frozen: &frozen,
                projections: &projections,
                start,
                groups,
                out,
            });
        });
        Ok(out)
    })?;
    Tensor::from_vec(out, (groups.len(), n, hidden), device)
}

/// The plain composition of [`jvp_tokens`].
///
/// # Errors
/// Those of candle's operations.
pub fn jvp_tokens_reference(layer: &LayerTrace, groups: &[Vec<usize>]) -> Result<Tensor> {
    let n = layer.input.dim(0)?;
    let mut mask = vec![0f32; groups.len() * n];
    for (part, token) in groups
        .iter()
        .enumerate()
        .flat_map(|(part, group)| group.iter().map(move |t| (part, t)))
    {
        mask[part * n + token] = 1.0;
    }
    let mask = Tensor::from_vec(mask, (groups.len(), n, 1), layer.input.device())?;
    jvp_reference(layer, &mask.broadcast_mul(&layer.input.unsqueeze(0)?)?, false)
}

/// (v - mean v) / s ⊙ γ with the deviation s of the full vector.
/// Only the part of the biases adds β.
fn normalize(x: &Tensor, norm: &Norm, inverse_std: &Tensor, biased: bool) -> Result<Tensor> {
    let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let scaled = centered.broadcast_mul(inverse_std)?.broadcast_mul(&norm.scale)?; // (k, n, hidden)
    match biased {
        true => scaled.broadcast_add(&norm.shift),
        false => Ok(scaled),
    }
}

/// Mixes the values of every part with the sequence's attention probabilities: (k, n, hidden) → (k, n, hidden).
fn mix(attention: &Tensor, values: &Tensor) -> Result<Tensor> {
    let (heads, n, _) = attention.dims3()?;
    let (k, _, hidden) = values.dims3()?;
    let width = hidden / heads;
    let values = values
        .reshape((k, n, heads, width))?
        .permute((2, 1, 0, 3))? // (heads, n, k, width)
        .reshape((heads, n, k * width))?;
    attention
        .matmul(&values)? // (heads, n, k·width)
        .reshape((heads, n, k, width))?
        .permute((2, 1, 0, 3))? // (k, n, heads, width)
        .reshape((k, n, hidden))
}

/// Number of parts per task: enough rows to pay for reading the matrices, but at least two tasks per thread.
fn parts_per_task(parts: usize, n: usize) -> usize {
    let share = parts.div_ceil(2 * rayon::current_num_threads());
    (96 / n.max(1)).clamp(1, share.max(1))
}

/// Whether the matrices of the layer are packed.
fn packed(layer: &LayerTrace) -> bool {
    let w = &layer.weights;
    [&w.qkv, &w.output, &w.up, &w.down]
        .iter()
        .all(|matrix| matrix.forward().is_some())
}

fn check(parts: &Tensor, frozen: &Frozen) -> Result<()> {
    match parts.dims() {
        [_, n, hidden] if *n == frozen.n && *hidden == frozen.output.columns() => Ok(()),
        _ => bail!("parts of {:?} do not fit {} tokens", parts.shape(), frozen.n),
    }
}

/// Runs `work` on the frozen values of a layer.
fn frozen<T>(layer: &LayerTrace, biased: bool, work: impl FnOnce(Frozen) -> Result<T>) -> Result<T> {
    let w = &layer.weights;
    let (Some(value), Some(output), Some(up), Some(down)) = (
        w.value()?.forward(),
        w.output.forward(),
        w.up.forward(),
        w.down.forward(),
    ) else {
        bail!("the matrices are not packed")
    };
    let (heads, n, _) = layer.attention.dims3()?;
    let (hidden, columns) = (output.columns(), up.columns());
    if n == 0 || heads == 0 || hidden % heads != 0 {
        bail!("attention {:?} does not fit {hidden} columns", layer.attention.shape());
    }
    let held = [
        (&layer.attention, heads * n * n),
        (&w.norm1.scale, hidden),
        (&layer.inverse_std1, n),
        (&w.norm2.scale, hidden),
        (&layer.inverse_std2, n),
        (&layer.gate, n * columns),
    ];
    let value_bias = w.value_bias()?;
    let biases = [
        (&value_bias, hidden),
        (&w.output_bias, hidden),
        (&w.norm1.shift, hidden),
        (&w.up_bias, columns),
        (&w.down_bias, hidden),
        (&w.norm2.shift, hidden),
    ];
    for (tensor, length) in held.iter().chain(&biases) {
        if tensor.elem_count() != *length {
            bail!("{:?} is not of {length} entries", tensor.shape());
        }
    }
    with_all(
        held.map(|(tensor, _)| tensor),
        |[attention, scale1, std1, scale2, std2, gate]| {
            with_all(
                biases.map(|(tensor, _)| tensor),
                |[b_v, b_o, shift1, b_up, b_down, shift2]| {
                    let biases = Biases {
                        value: b_v,
                        output: b_o,
                        shift1,
                        up: b_up,
                        down: b_down,
                        shift2,
                    };
                    work(Frozen {
                        n,
                        heads,
                        attention,
                        value,
                        output,
                        up,
                        down,
                        norm1: (scale1, std1),
                        norm2: (scale2, std2),
                        gate,
                        biases: biased.then_some(biases),
                    })
                },
            )
        },
    )
}

struct Through<'a> {
    frozen: &'a Frozen<'a>,
    x: &'a [f32],
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl Kernel for Through<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut y = self.scratch.rows(self.x.len());
        attention_block(s, self.frozen, self.x, self.frozen.n, self.scratch, &mut y);
        feed_forward(s, self.frozen, &y, self.scratch, self.out);
        self.scratch.keep(y);
    }
}

struct ThroughSummed<'a> {
    frozen: &'a Frozen<'a>,
    weights: &'a [f32],
    x: &'a [f32],
    scratch: &'a mut Scratch,
    active: &'a mut [f32],
    rest: &'a mut [f32],
}

impl Kernel for ThroughSummed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let kept = self.weights.len();
        let mut y = self.scratch.rows(self.x.len() / self.frozen.n * kept);
        attention_block(s, self.frozen, self.x, kept, self.scratch, &mut y);
        feed_forward_summed(s, self.frozen, &y, self.weights, self.active, self.rest);
        self.scratch.keep(y);
    }
}

struct ProjectTokens<'a> {
    frozen: &'a Frozen<'a>,
    output: &'a Panels,
    input: &'a [f32],
    values: &'a [f32],
}

impl Kernel for ProjectTokens<'_> {
    type Output = TokenProjections;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> TokenProjections {
        let from = Sources {
            input: self.input,
            values: self.values,
            output: self.output,
            scale: self.frozen.norm1.0,
            heads: self.frozen.heads,
        };
        project_tokens(s, self.frozen, from)
    }
}

struct First<'a> {
    frozen: &'a Frozen<'a>,
    projections: &'a [TokenProjections],
    start: usize,
    groups: &'a [Vec<usize>],
    out: &'a mut [f32],
}

impl Kernel for First<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        first_layer(s, self.frozen, self.projections, self.start, self.groups, self.out);
    }
}
