//! The fused feed-forward block and its vjp. Both process a few rows at a time, so that intermediate results stay in the L2 cache.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::buffer_pool::acquire;
use super::linear::{Split, activate, gate_back, linear, linear_back};
use super::slices::with_all;
use super::{add, bias_contribution, on_cpu, recycle, values, with_values};
use crate::model::config::Activation;
use crate::model::kernels::activation::{Gated, TimesGate};
use crate::model::kernels::bias_contribution as kernel;
use crate::model::kernels::gemm::Plain;
use crate::model::kernels::operand::{Operand, multiply};
use crate::model::matrix::Matrix;
use crate::model::simd::{self, Kernel, Simd};

/// The feed-forward block activation(x·Upᵀ + b)·Downᵀ, (n, hidden).
///
/// x is (n, hidden), Up (intermediate, hidden), b (intermediate), Down (hidden, intermediate); with `keep_gate` also the gate θ of the
/// activation, (n, intermediate). Equals [`activate`] followed by [`linear`] to the last bit.
///
/// # Errors
/// If the shapes do not match.
pub fn feed_forward(
    x: &Tensor,
    up: &Matrix,
    up_bias: &Tensor,
    activation: Activation,
    down: &Matrix,
    keep_gate: bool,
) -> Result<(Tensor, Option<Tensor>)> {
    let rows = x.dim(0)?;
    let packed = up.forward().zip(down.forward()).filter(|_| on_cpu(x));
    let (Some((up, down)), Split::Rows(rows)) = (packed, Split::of(rows, up.shape().0)) else {
        let (active, gate) = activate(x, up, up_bias, activation, keep_gate)?;
        let out = linear(&active, down, None)?;
        recycle(active);
        return Ok((out, gate));
    };
    with_values(up_bias, |up_bias| {
        let op = FeedForward {
            up,
            up_bias,
            activation,
            down,
            rows,
            keep_gate,
            gate: OnceLock::new(),
        };
        let out = x.contiguous()?.apply_op1_no_bwd(&op)?;
        let gate = op.gate.into_inner();
        let gate = gate.map(|gate| Tensor::from_vec(gate, (out.dim(0)?, up.columns()), out.device()));
        Ok((out, gate.transpose()?))
    })
}

struct FeedForward<'a> {
    up: Operand<'a>,
    up_bias: &'a [f32],
    activation: Activation,
    down: Operand<'a>,
    /// Number of rows per task.
    rows: usize,
    keep_gate: bool,
    gate: OnceLock<Vec<f32>>,
}

impl CustomOp1 for FeedForward<'_> {
    fn name(&self) -> &'static str {
        "feed-forward"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let (hidden, intermediate) = (self.up.inner(), self.up.columns());
        let fits = self.up_bias.len() == intermediate && self.down.inner() == intermediate;
        if !fits || hidden == 0 || layout.dims().last() != Some(&hidden) {
            bail!(
                "a feed-forward block of {hidden} × {intermediate} does not fit {:?}",
                layout.shape()
            );
        }
        let (n, columns) = (x.len() / hidden, self.down.columns());
        let mut out = acquire(n * columns);
        let mut gate = acquire(if self.keep_gate { n * intermediate } else { 0 });
        let blocks = out.par_chunks_mut((self.rows * columns).max(1));
        let blocks = blocks.zip(x.par_chunks(self.rows * hidden));
        // The intermediate results of a thread, reused for each block of rows.
        let between = || vec![0f32; self.rows * intermediate];
        if gate.is_empty() {
            blocks.for_each_init(between, |active, (out, x)| {
                simd::run(self.block(x, active, &mut [], out));
            });
        } else {
            let blocks = blocks.zip(gate.par_chunks_mut(self.rows * intermediate));
            blocks.for_each_init(between, |active, ((out, x), gate)| {
                simd::run(self.block(x, active, gate, out));
            });
            let _ = self.gate.set(gate);
        }
        Ok((CpuStorage::F32(out), (n, columns).into()))
    }
}

impl FeedForward<'_> {
    fn block<'a>(&'a self, x: &'a [f32], active: &'a mut [f32], gate: &'a mut [f32], out: &'a mut [f32]) -> Block<'a> {
        let rows = x.len() / self.up.inner();
        Block {
            whole: self,
            x,
            active: &mut active[..rows * self.up.columns()],
            gate,
            out,
        }
    }
}

/// Some rows of the feed-forward block.
struct Block<'a> {
    whole: &'a FeedForward<'a>,
    x: &'a [f32],
    active: &'a mut [f32],
    gate: &'a mut [f32],
    out: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Block {
            whole,
            x,
            active,
            gate,
            out,
        } = self;
        let mut gated = Gated {
            active,
            gate,
            width: whole.up.columns(),
            first: 0,
            bias: whole.up_bias,
            activation: whole.activation,
        };
        multiply(s, x, whole.up, 0..whole.up.count(), &mut gated);
        let mut plain = Plain {
            out,
            width: whole.down.columns(),
            first: 0,
            bias: None,
        };
        multiply(s, gated.active, whole.down, 0..whole.down.count(), &mut plain);
    }
}

/// The vjp of the block and its residual connection, with the gate θ frozen: g + ((g·Down) ⊙ θ)·Up, (n, hidden).
///
/// g is (n, hidden), Down (hidden, intermediate), θ (n, intermediate), Up (intermediate, hidden). Also returns the contribution of the
/// bias b (intermediate) before the activation: Σ_i ⟨((g·Down) ⊙ θ)_i, b⟩.
/// The plain composition is [`gate_back`], [`bias_contribution`], [`linear_back`] and [`add`].
///
/// # Errors
/// If the shapes do not match.
pub fn feed_forward_back(
    g: &Tensor,
    down: &Matrix,
    gate: &Tensor,
    up: &Matrix,
    up_bias: &Tensor,
) -> Result<(Tensor, f64)> {
    let packed = down.back().zip(up.back()).filter(|_| on_cpu(g));
    let (Some((down_back, up_back)), Split::Rows(rows)) = (packed, Split::of(g.dim(0)?, down.shape().1)) else {
        let active = gate_back(g, down, gate)?;
        let bias = bias_contribution(&active, up_bias)?;
        let out = add(g, &linear_back(&active, up)?)?;
        recycle(active);
        return Ok((out, bias));
    };
    if gate.dims2()? != (g.dim(0)?, down_back.columns()) {
        bail!("a gate of {:?} does not fit {:?}", gate.shape(), g.shape());
    }
    with_all([gate, up_bias], |[gate, up_bias]| {
        let op = FeedForwardBack {
            down: down_back,
            gate,
            up: up_back,
            up_bias,
            rows,
            bias: OnceLock::new(),
        };
        let out = g.contiguous()?.apply_op1_no_bwd(&op)?;
        Ok((out, op.bias.into_inner().unwrap_or_default()))
    })
}

struct FeedForwardBack<'a> {
    down: Operand<'a>,
    gate: &'a [f32],
    up: Operand<'a>,
    up_bias: &'a [f32],
    /// Number of rows per task.
    rows: usize,
    bias: OnceLock<f64>,
}

impl CustomOp1 for FeedForwardBack<'_> {
    fn name(&self) -> &'static str {
        "feed-forward-back"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = values(storage, layout)?;
        let (hidden, intermediate) = (self.down.inner(), self.down.columns());
        let fits = self.up.inner() == intermediate && self.up.columns() == hidden && self.up_bias.len() == intermediate;
        if !fits || hidden == 0 || layout.dims().last() != Some(&hidden) {
            bail!(
                "the vjp of a block of {hidden} × {intermediate} does not fit {:?}",
                layout.shape()
            );
        }
        let mut out = acquire(g.len());
        let mut biases = vec![0f32; g.len() / hidden];
        let blocks = out
            .par_chunks_mut(self.rows * hidden)
            .zip(g.par_chunks(self.rows * hidden));
        let blocks = blocks.zip(self.gate.par_chunks(self.rows * intermediate));
        let blocks = blocks.zip(biases.par_chunks_mut(self.rows));
        let between = || vec![0f32; self.rows * intermediate];
        blocks.for_each_init(between, |active, (((out, g), gate), biases)| {
            simd::run(BlockBack {
                whole: self,
                g,
                active: &mut active[..gate.len()],
                gate,
                out,
                biases,
            });
        });
        // Summed in the order of the rows, so that the result does not depend on their division.
        let _ = self.bias.set(biases.into_iter().map(f64::from).sum());
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

/// Some rows of the vjp.
struct BlockBack<'a> {
    whole: &'a FeedForwardBack<'a>,
    g: &'a [f32],
    active: &'a mut [f32],
    gate: &'a [f32],
    out: &'a mut [f32],
    biases: &'a mut [f32],
}

impl Kernel for BlockBack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let FeedForwardBack { down, up, up_bias, .. } = *self.whole;
        let columns = down.columns();
        let mut gated = TimesGate {
            out: self.active,
            gate: self.gate,
            width: columns,
            first: 0,
            columns,
        };
        multiply(s, self.g, down, 0..down.count(), &mut gated);
        let active = gated.out;
        for (bias, row) in self.biases.iter_mut().zip(active.chunks_exact(columns)) {
            *bias = kernel::product(s, row, up_bias);
        }
        let mut plain = Plain {
            out: self.out,
            width: up.columns(),
            first: 0,
            bias: None,
        };
        multiply(s, active, up, 0..up.count(), &mut plain);
        for (out, g) in plain.out.iter_mut().zip(self.g) {
            *out += g;
        }
    }
}
