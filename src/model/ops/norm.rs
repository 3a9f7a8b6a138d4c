//! Fused residual connection and LayerNorm, and the vjp of the norm.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, D, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::buffer_pool::acquire;
use super::{on_cpu, rows_per_task, values, with_values};
use crate::model::kernels::norm;
use crate::model::simd::{self, Kernel, Simd};

/// LayerNorm(x + y + bias)·γ + β, (n, d), and 1/s of each row, (n, 1).
///
/// `x` and `y` are (n, d); `parameters` is (3, d): bias, γ, β.
///
/// # Errors
/// If the shapes do not match.
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
/// Those of candle's operations.
pub fn residual_norm_reference(x: &Tensor, y: &Tensor, parameters: &Tensor, epsilon: f64) -> Result<(Tensor, Tensor)> {
    let sum = (x + y)?.broadcast_add(&parameters.get(0)?)?;
    let centered = sum.broadcast_sub(&sum.mean_keepdim(D::Minus1)?)?;
    let variance = centered.sqr()?.mean_keepdim(D::Minus1)?;
    let inverse_std = (variance + epsilon)?.sqrt()?.recip()?;
    let normal = centered.broadcast_mul(&inverse_std)?;
    Ok((
        normal
            .broadcast_mul(&parameters.get(1)?)?
            .broadcast_add(&parameters.get(2)?)?,
        inverse_std,
    ))
}

/// The vjp of a LayerNorm with frozen deviation: g (n, d) ⊙ γ (d) / s (n, 1), centered by rows.
/// It is the transpose of v ↦ (v - mean v) / s ⊙ γ.
///
/// # Errors
/// If the shapes do not match.
pub fn norm_vjp(g: &Tensor, scale: &Tensor, inverse_std: &Tensor) -> Result<Tensor> {
    if !on_cpu(g) {
        return norm_vjp_reference(g, scale, inverse_std);
    }
    with_values(scale, |scale| {
        g.contiguous()?
            .apply_op2_no_bwd(&inverse_std.contiguous()?, &NormVjp { scale })
    })
}

/// The plain composition of [`norm_vjp`].
///
/// # Errors
/// Those of candle's operations.
pub fn norm_vjp_reference(g: &Tensor, scale: &Tensor, inverse_std: &Tensor) -> Result<Tensor> {
    let scaled = g.broadcast_mul(scale)?.broadcast_mul(inverse_std)?;
    scaled.broadcast_sub(&scaled.mean_keepdim(D::Minus1)?)
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
        let mut out = acquire(x.len());
        let mut inverse_std = vec![0f32; x.len() / width];
        let tasks = (
            out.par_chunks_mut(width * rows),
            inverse_std.par_chunks_mut(rows),
            x.par_chunks(width * rows),
            y.par_chunks(width * rows),
        );
        tasks.into_par_iter().for_each(|(out, inverse_std, x, y)| {
            simd::run(NormRows {
                out,
                inverse_std,
                x,
                y,
                bias,
                scale,
                shift,
                epsilon: self.epsilon,
            });
        });
        let _ = self.inverse_std.set(inverse_std);
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}

struct NormRows<'a> {
    out: &'a mut [f32],
    inverse_std: &'a mut [f32],
    x: &'a [f32],
    y: &'a [f32],
    bias: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    epsilon: f64,
}

impl Kernel for NormRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let width = self.bias.len();
        let rows = self.out.chunks_exact_mut(width).zip(self.inverse_std);
        let inputs = self.x.chunks_exact(width).zip(self.y.chunks_exact(width));
        for ((out, inverse_std), (x, y)) in rows.zip(inputs) {
            *inverse_std = norm::residual_norm(s, out, x, y, self.bias, self.scale, self.shift, self.epsilon);
        }
    }
}

struct NormVjp<'a> {
    scale: &'a [f32],
}

impl CustomOp2 for NormVjp<'_> {
    fn name(&self) -> &'static str {
        "norm-vjp"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (g, inverse_std) = (values(s1, l1)?, values(s2, l2)?);
        let width = self.scale.len();
        if width == 0 || g.len() != inverse_std.len() * width {
            bail!(
                "LayerNorm of {width} does not fit {:?} and {:?}",
                l1.shape(),
                l2.shape()
            );
        }
        let mut out = acquire(g.len());
        out.copy_from_slice(g);
        let rows = rows_per_task(width);
        let tasks = out.par_chunks_mut(width * rows).zip(inverse_std.par_chunks(rows));
        tasks.for_each(|(rows, inverse_std)| {
            simd::run(NormVjpRows {
                rows,
                inverse_std,
                scale: self.scale,
            })
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}

struct NormVjpRows<'a> {
    rows: &'a mut [f32],
    inverse_std: &'a [f32],
    scale: &'a [f32],
}

impl Kernel for NormVjpRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (row, inverse_std) in self.rows.chunks_exact_mut(self.scale.len()).zip(self.inverse_std) {
            norm::norm_vjp(s, row, self.scale, *inverse_std);
        }
    }
}
