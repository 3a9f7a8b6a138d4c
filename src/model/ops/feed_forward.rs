//! The feed-forward block, some rows at a time: what is between its two products stays in the second cache.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::arrays::array;
use super::linear::{Split, activate, linear};
use super::{done_with, on_cpu, values, with_values};
use crate::model::config::Activation;
use crate::model::kernels::activation::Gated;
use crate::model::kernels::gemm::Plain;
use crate::model::kernels::operand::{Operand, multiply};
use crate::model::matrix::Matrix;
use crate::model::simd::{self, Kernel, Simd};

/// activation(x·Upᵀ + b)·Downᵀ for x (n, hidden), Up (intermediate, hidden), b (intermediate), Down (hidden, intermediate) →
/// (n, hidden); with `keep_gate` also the gate θ of the activation, (n, intermediate).
///
/// Its plain composition is [`activate`] and then [`linear`], to the last bit.
///
/// # Errors
/// If the shapes do not fit.
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
        done_with(active);
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
    /// Rows given to one task.
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
        let mut out = array(n * columns);
        let mut gate = array(if self.keep_gate { n * intermediate } else { 0 });
        let blocks = out.par_chunks_mut((self.rows * columns).max(1));
        let blocks = blocks.zip(x.par_chunks(self.rows * hidden));
        // What a thread has between the two products, kept from block to block.
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

/// Some rows of the block.
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
