//! Fused operations of the forward pass: candle custom operations on the CPU, each beside the plain candle composition
//! (`reference`), which the tests hold it against and which other devices run.
//!
//! All of them work on f32 and keep no state between calls. What an explanation needs of an operation's inside (the gate of the
//! activation, the standard deviation of a LayerNorm) comes out beside the result, so that it is computed once.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, D, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::config::Activation;

/// x·Wᵀ for x (n, in) and W (out, in) → (n, out).
///
/// # Errors
/// If the shapes do not fit.
pub fn linear(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)
}

/// Probabilities softmax(scores · scale) over the last dimension.
///
/// # Errors
/// If `scores` is not f32.
pub fn softmax(scores: &Tensor, scale: f32) -> Result<Tensor> {
    if !on_cpu(scores) {
        return softmax_reference(scores, scale);
    }
    scores.contiguous()?.apply_op1_no_bwd(&Softmax { scale })
}

/// The plain composition of [`softmax`].
///
/// # Errors
/// As candle's operations.
pub fn softmax_reference(scores: &Tensor, scale: f32) -> Result<Tensor> {
    let scaled = (scores * f64::from(scale))?;
    let shifted = scaled.broadcast_sub(&scaled.max_keepdim(D::Minus1)?)?;
    let exp = shifted.exp()?;
    exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)
}

/// θ ⊙ u for u = x + bias, x (n, m), bias (m); with `keep_gate` also the gate θ itself, (n, m).
///
/// # Errors
/// If the shapes do not fit.
pub fn biased_activation(
    x: &Tensor,
    bias: &Tensor,
    activation: Activation,
    keep_gate: bool,
) -> Result<(Tensor, Option<Tensor>)> {
    if !on_cpu(x) {
        let (out, gate) = biased_activation_reference(x, bias, activation)?;
        return Ok((out, keep_gate.then_some(gate)));
    }
    let op = BiasedActivation {
        activation,
        keep_gate,
        gate: OnceLock::new(),
    };
    let out = x.contiguous()?.apply_op2_no_bwd(bias, &op)?;
    let gate = op
        .gate
        .into_inner()
        .map(|gate| Tensor::from_vec(gate, x.shape(), x.device()))
        .transpose()?;
    Ok((out, gate))
}

/// The plain composition of [`biased_activation`]: the result and the gate.
///
/// # Errors
/// As candle's operations.
pub fn biased_activation_reference(x: &Tensor, bias: &Tensor, activation: Activation) -> Result<(Tensor, Tensor)> {
    let u = x.broadcast_add(bias)?;
    let gate = match activation {
        Activation::Gelu => (((&u * std::f64::consts::FRAC_1_SQRT_2)?.erf()? + 1.0)? * 0.5)?,
        Activation::GeluTanh => {
            let cubic = ((&u * &u)? * 0.044715)?.affine(1.0, 1.0)?;
            let inner = ((&u * cubic)? * (2.0 / std::f64::consts::PI).sqrt())?;
            ((inner.tanh()? + 1.0)? * 0.5)?
        }
        Activation::Relu => u.gt(0.0)?.to_dtype(u.dtype())?,
    };
    Ok(((&u * &gate)?, gate))
}

/// LayerNorm(x + y + bias)·γ + β over rows, and 1/s of every row, (n, 1).
///
/// `x` and `y` are (n, d); `parameters` is (3, d): bias, γ, β, one above the other.
///
/// # Errors
/// If the shapes do not fit.
pub fn residual_norm(x: &Tensor, y: &Tensor, parameters: &Tensor, epsilon: f64) -> Result<(Tensor, Tensor)> {
    if !on_cpu(x) {
        return residual_norm_reference(x, y, parameters, epsilon);
    }
    let op = ResidualNorm {
        epsilon,
        inverse_std: OnceLock::new(),
    };
    let out = x.contiguous()?.apply_op3_no_bwd(&y.contiguous()?, parameters, &op)?;
    let Some(inverse_std) = op.inverse_std.into_inner() else {
        bail!("residual_norm kept no standard deviation")
    };
    let rows = inverse_std.len();
    Ok((out, Tensor::from_vec(inverse_std, (rows, 1), x.device())?))
}

/// The plain composition of [`residual_norm`].
///
/// # Errors
/// As candle's operations.
pub fn residual_norm_reference(x: &Tensor, y: &Tensor, parameters: &Tensor, epsilon: f64) -> Result<(Tensor, Tensor)> {
    let sum = (x + y)?.broadcast_add(&parameters.get(0)?)?;
    let centred = sum.broadcast_sub(&sum.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let inverse_std = (variance + epsilon)?.sqrt()?.recip()?;
    let normal = centred.broadcast_mul(&inverse_std)?;
    Ok((
        normal
            .broadcast_mul(&parameters.get(1)?)?
            .broadcast_add(&parameters.get(2)?)?,
        inverse_std,
    ))
}

fn on_cpu(tensor: &Tensor) -> bool {
    matches!(tensor.device(), Device::Cpu)
}

/// The f32 values behind a contiguous tensor.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let CpuStorage::F32(data) = storage else {
        bail!("fused operations take f32 tensors")
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&data[start..end]),
        None => bail!("fused operations take contiguous tensors"),
    }
}

/// Rows given to one task: enough work to pay for handing it out.
fn rows_per_task(width: usize) -> usize {
    (16 * 1024 / width.max(1)).max(1)
}

struct Softmax {
    scale: f32,
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "scaled-softmax"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let input = values(storage, layout)?;
        let width = layout.dims().last().copied().unwrap_or(1).max(1);
        let mut out = input.to_vec();
        out.par_chunks_mut(width * rows_per_task(width)).for_each(|rows| {
            for row in rows.chunks_exact_mut(width) {
                softmax_row(row, self.scale);
            }
        });
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

fn softmax_row(row: &mut [f32], scale: f32) {
    let max = row.iter().fold(f32::NEG_INFINITY, |max, &v| max.max(v * scale));
    let mut sum = 0.0;
    for v in row.iter_mut() {
        *v = exp(*v * scale - max);
    }
    for v in row.iter() {
        sum += *v;
    }
    let inverse = 1.0 / sum;
    for v in row.iter_mut() {
        *v *= inverse;
    }
}

struct BiasedActivation {
    activation: Activation,
    keep_gate: bool,
    gate: OnceLock<Vec<f32>>,
}

impl CustomOp2 for BiasedActivation {
    fn name(&self) -> &'static str {
        "biased-activation"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, bias) = (values(s1, l1)?, values(s2, l2)?);
        let width = bias.len();
        if width == 0 || x.len() % width != 0 {
            bail!("bias of {width} does not fit rows of {:?}", l1.shape());
        }
        let chunk = width * rows_per_task(width);
        let mut out = vec![0f32; x.len()];
        let mut gate = vec![0f32; if self.keep_gate { x.len() } else { 0 }];
        // An empty gate still has to give every task its (empty) part.
        let gates: Vec<&mut [f32]> = match self.keep_gate {
            true => gate.chunks_mut(chunk).collect(),
            false => out.chunks(chunk).map(|_| Default::default()).collect(),
        };
        (out.par_chunks_mut(chunk), x.par_chunks(chunk), gates)
            .into_par_iter()
            .for_each(|(out, x, gate)| {
                for (row, (out, x)) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)).enumerate() {
                    for ((out, x), bias) in out.iter_mut().zip(x).zip(bias) {
                        *out = self.activation.gate(x + bias);
                    }
                    if let Some(gate) = gate.get_mut(row * width..(row + 1) * width) {
                        gate.copy_from_slice(out);
                    }
                    for ((out, x), bias) in out.iter_mut().zip(x).zip(bias) {
                        *out *= x + bias;
                    }
                }
            });
        if self.keep_gate {
            let _ = self.gate.set(gate);
        }
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}

impl Activation {
    /// The gate θ(u) of activation(u) = θ(u)·u.
    fn gate(self, u: f32) -> f32 {
        match self {
            Activation::Gelu => 0.5 * (1.0 + erf(u * std::f32::consts::FRAC_1_SQRT_2)),
            // ½(1 + tanh z) = 1 / (1 + e^(-2z))
            Activation::GeluTanh => 1.0 / (1.0 + exp(-1.595_769_1 * u * (1.0 + 0.044_715 * u * u))),
            Activation::Relu => f32::from(u8::from(u > 0.0)),
        }
    }
}

struct ResidualNorm {
    epsilon: f64,
    inverse_std: OnceLock<Vec<f32>>,
}

impl CustomOp3 for ResidualNorm {
    fn name(&self) -> &'static str {
        "residual-norm"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, y, parameters) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let width = parameters.len() / 3;
        if width == 0 || x.len() % width != 0 || x.len() != y.len() {
            bail!(
                "LayerNorm of {width} does not fit {:?} and {:?}",
                l1.shape(),
                l2.shape()
            );
        }
        let (bias, rest) = parameters.split_at(width);
        let (scale, shift) = rest.split_at(width);
        let rows = rows_per_task(width);
        let mut out = vec![0f32; x.len()];
        let mut inverse_std = vec![0f32; x.len() / width];
        let tasks = (
            out.par_chunks_mut(width * rows),
            inverse_std.par_chunks_mut(rows),
            x.par_chunks(width * rows),
            y.par_chunks(width * rows),
        );
        tasks.into_par_iter().for_each(|(out, inverse_std, x, y)| {
            let rows = out
                .chunks_exact_mut(width)
                .zip(inverse_std)
                .zip(x.chunks_exact(width).zip(y.chunks_exact(width)));
            for ((out, inverse_std), (x, y)) in rows {
                for (((out, x), y), bias) in out.iter_mut().zip(x).zip(y).zip(bias) {
                    *out = x + y + bias;
                }
                *inverse_std = normalise(out, self.epsilon);
                for ((out, scale), shift) in out.iter_mut().zip(scale).zip(shift) {
                    *out = *out * scale + shift;
                }
            }
        });
        let _ = self.inverse_std.set(inverse_std);
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}

/// Centres a row and divides it by its standard deviation; returns 1/s. Two passes in f32 with lanes summed apart, which loses
/// less than one long sum.
fn normalise(row: &mut [f32], epsilon: f64) -> f32 {
    let width = row.len() as f64;
    let mean = (lane_sum(row, |v| v) / width) as f32;
    for v in row.iter_mut() {
        *v -= mean;
    }
    let variance = lane_sum(row, |v| v * v) / width;
    let inverse = (1.0 / (variance + epsilon).sqrt()) as f32;
    for v in row.iter_mut() {
        *v *= inverse;
    }
    inverse
}

fn lane_sum(row: &[f32], of: impl Fn(f32) -> f32) -> f64 {
    let mut lanes = [0f32; 16];
    let mut chunks = row.chunks_exact(16);
    for chunk in &mut chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += of(*v);
        }
    }
    let rest: f32 = chunks.remainder().iter().map(|v| of(*v)).sum();
    lanes.iter().map(|v| f64::from(*v)).sum::<f64>() + f64::from(rest)
}

/// e^x without a branch, so that loops over it vectorise. Relative error below 2e-7 for x in -87 … 88; 0 below that, as softmax
/// wants it. Cody & Waite reduction and the degree 6 polynomial of Cephes' `expf`.
fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_375;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = x.clamp(-87.3, 88.0);
    let n = (clamped * std::f32::consts::LOG2_E + 0.5).floor();
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5] {
        p = p * r + c;
    }
    let mantissa = p * r * r + r + 1.0;
    let power = f32::from_bits((((n as i32) + 127) << 23) as u32);
    if x < -87.3 { 0.0 } else { mantissa * power }
}

/// The error function without a branch: the rational approximation that Eigen and XLA use for f32, absolute error below 5e-7.
fn erf(x: f32) -> f32 {
    const ALPHA: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_599_8e-3,
        -1.609_603_3e-2,
    ];
    const BETA: [f32; 5] = [
        -1.456_607_2e-5,
        -2.133_740_6e-4,
        -1.682_827e-3,
        -7.373_329e-3,
        -1.426_473_9e-2,
    ];
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let p = ALPHA[1..].iter().fold(ALPHA[0], |p, c| p * square + c);
    let q = BETA[1..].iter().fold(BETA[0], |q, c| q * square + c);
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(shape: (usize, usize), spread: f32, seed: u64) -> Tensor {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let values = (0..shape.0 * shape.1)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * spread
            })
            .collect::<Vec<f32>>();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn furthest(a: &Tensor, b: &Tensor) -> f32 {
        let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
        difference.to_vec1::<f32>().unwrap().into_iter().fold(0.0, f32::max)
    }

    const ODD_SIZES: [usize; 9] = [1, 2, 3, 7, 31, 33, 255, 256, 512];

    #[test]
    fn softmax_equals_the_plain_composition_at_odd_sizes() {
        for n in ODD_SIZES {
            let scores = random((3, n), 30.0, n as u64);
            let (fused, plain) = (softmax(&scores, 0.3).unwrap(), softmax_reference(&scores, 0.3).unwrap());
            assert!(furthest(&fused, &plain) < 1e-6, "{n}");
        }
    }

    #[test]
    fn activation_and_gate_equal_the_plain_composition_at_odd_sizes() {
        for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu] {
            for n in ODD_SIZES {
                let (x, bias) = (
                    random((n, 37), 6.0, n as u64),
                    random((1, 37), 1.0, 5).flatten_all().unwrap(),
                );
                let (out, gate) = biased_activation(&x, &bias, activation, true).unwrap();
                let (plain, plain_gate) = biased_activation_reference(&x, &bias, activation).unwrap();
                assert!(
                    furthest(&out, &plain) < 5e-6,
                    "{activation:?} {n} {}",
                    furthest(&out, &plain)
                );
                assert!(furthest(&gate.unwrap(), &plain_gate) < 1e-6, "{activation:?} {n}");
                let (alone, none) = biased_activation(&x, &bias, activation, false).unwrap();
                assert!(none.is_none() && furthest(&alone, &out) == 0.0);
            }
        }
    }

    #[test]
    fn residual_norm_equals_the_plain_composition_at_odd_sizes() {
        for n in ODD_SIZES {
            let (x, y) = (random((n, 384), 3.0, 1), random((n, 384), 1.0, 2));
            let parameters = random((3, 384), 1.0, 3);
            let (out, std) = residual_norm(&x, &y, &parameters, 1e-12).unwrap();
            let (plain, plain_std) = residual_norm_reference(&x, &y, &parameters, 1e-12).unwrap();
            assert!(furthest(&out, &plain) < 5e-6, "{n}");
            assert!(furthest(&std, &plain_std) < 1e-6, "{n}");
        }
    }

    #[test]
    fn exp_keeps_its_stated_error() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= 2e-7 * exact, "{x}");
        }
        assert_eq!(exp(-200.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn fused_operations_refuse_shapes_that_do_not_fit() {
        let x = random((4, 6), 1.0, 1);
        let bias = random((1, 5), 1.0, 1).flatten_all().unwrap();
        assert!(biased_activation(&x, &bias, Activation::Gelu, false).is_err());
        assert!(residual_norm(&x, &random((4, 5), 1.0, 1), &random((3, 6), 1.0, 1), 1e-12).is_err());
    }
}
