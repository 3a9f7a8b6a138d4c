//! Products with weight matrices, with an epilogue while the sums are in registers.

use std::ops::Range;
use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::buffer_pool::{PooledRows, acquire};
use super::{on_cpu, share, values, with_values};
use crate::model::config::Activation;
use crate::model::kernels::activation::{Gated, TimesGate};
use crate::model::kernels::gemm::Plain;
use crate::model::kernels::operand::{Operand, multiply};
use crate::model::matrix::Matrix;
use crate::model::simd::{self, Kernel, LANES, Simd};

/// x·Wᵀ + b for x (n, in), W (out, in) and b (out): (n, out).
///
/// # Errors
/// If the shapes do not match.
pub fn linear(x: &Tensor, weight: &Matrix, bias: Option<&Tensor>) -> Result<Tensor> {
    let Some(panels) = weight.forward().filter(|_| on_cpu(x)) else {
        return linear_reference(x, &weight.tensor()?, bias);
    };
    match bias {
        None => apply(x, panels, Finish::Bias(None)),
        Some(bias) => with_values(bias, |bias| apply(x, panels, Finish::Bias(Some(bias)))),
    }
}

/// The plain composition of [`linear`].
///
/// # Errors
/// Those of candle's operations.
pub fn linear_reference(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let out = x.matmul(&weight.t()?)?;
    bias.map_or(Ok(out.clone()), |bias| out.broadcast_add(bias))
}

/// The vjp of [`linear`]: g·W for g (n, out) and W (out, in), (n, in).
///
/// # Errors
/// If the shapes do not match.
pub fn linear_back(g: &Tensor, weight: &Matrix) -> Result<Tensor> {
    match weight.back().filter(|_| on_cpu(g)) {
        Some(panels) => apply(g, panels, Finish::Bias(None)),
        None => linear_back_reference(g, &weight.tensor()?),
    }
}

/// The plain composition of [`linear_back`].
///
/// # Errors
/// Those of candle's operations.
pub fn linear_back_reference(g: &Tensor, weight: &Tensor) -> Result<Tensor> {
    g.matmul(weight)
}

/// Same as [`linear`], for rows in a slice.
///
/// # Errors
/// If the shapes do not match.
pub fn linear_rows(x: &[f32], weight: &Matrix, bias: Option<&[f32]>) -> Result<PooledRows> {
    let Some(panels) = weight.forward() else {
        bail!("rows in a slice are multiplied only on the CPU")
    };
    let (out, _) = Product::of(panels, Finish::Bias(bias)).rows(x)?;
    Ok(out.into())
}

/// Same as [`linear_back`], for rows in a slice.
///
/// # Errors
/// If the shapes do not match.
pub fn linear_back_rows(g: &[f32], weight: &Matrix) -> Result<PooledRows> {
    let Some(panels) = weight.back() else {
        bail!("rows in a slice are multiplied only on the CPU")
    };
    let (out, _) = Product::of(panels, Finish::Bias(None)).rows(g)?;
    Ok(out.into())
}

/// θ ⊙ u for u = x·Wᵀ + b, (n, out); with `keep_gate` also the gate θ, (n, out).
///
/// # Errors
/// If the shapes do not match.
pub fn activate(
    x: &Tensor,
    weight: &Matrix,
    bias: &Tensor,
    activation: Activation,
    keep_gate: bool,
) -> Result<(Tensor, Option<Tensor>)> {
    let Some(panels) = weight.forward().filter(|_| on_cpu(x)) else {
        let (out, gate) = activate_reference(x, &weight.tensor()?, bias, activation)?;
        return Ok((out, keep_gate.then_some(gate)));
    };
    with_values(bias, |bias| {
        let finish = Finish::Activation {
            bias,
            activation,
            keep_gate,
        };
        let op = Product::of(panels, finish);
        let out = x.contiguous()?.apply_op1_no_bwd(&op)?;
        let gate = op.gate.into_inner();
        let gate = gate.map(|gate| Tensor::from_vec(gate, out.shape(), out.device()));
        Ok((out, gate.transpose()?))
    })
}

/// The plain composition of [`activate`]: the result and the gate.
///
/// # Errors
/// Those of candle's operations.
pub fn activate_reference(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<(Tensor, Tensor)> {
    let u = linear_reference(x, weight, Some(bias))?;
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

/// The vjp of a matrix and the activation before it: (g·W) ⊙ θ for g (n, out), W (out, in) and θ (n, in).
///
/// # Errors
/// If the shapes do not match.
pub fn gate_back(g: &Tensor, weight: &Matrix, gate: &Tensor) -> Result<Tensor> {
    let Some(panels) = weight.back().filter(|_| on_cpu(g)) else {
        return gate_back_reference(g, &weight.tensor()?, gate);
    };
    if gate.dims2()? != (g.dim(0)?, panels.columns()) {
        bail!("a gate of {:?} does not fit {:?}", gate.shape(), g.shape());
    }
    with_values(gate, |gate| apply(g, panels, Finish::Gate(gate)))
}

/// The plain composition of [`gate_back`].
///
/// # Errors
/// Those of candle's operations.
pub fn gate_back_reference(g: &Tensor, weight: &Tensor, gate: &Tensor) -> Result<Tensor> {
    g.matmul(weight)? * gate
}

fn apply(x: &Tensor, panels: Operand, finish: Finish) -> Result<Tensor> {
    x.contiguous()?.apply_op1_no_bwd(&Product::of(panels, finish))
}

/// The epilogue of a product.
#[derive(Clone, Copy)]
enum Finish<'a> {
    /// Adds a bias, if there is one.
    Bias(Option<&'a [f32]>),
    /// Adds a bias and applies the activation; optionally keeps its gate.
    Activation {
        bias: &'a [f32],
        activation: Activation,
        keep_gate: bool,
    },
    /// Multiplies by a gate, (n, columns).
    Gate(&'a [f32]),
}

struct Product<'a> {
    panels: Operand<'a>,
    finish: Finish<'a>,
    gate: OnceLock<Vec<f32>>,
}

impl CustomOp1 for Product<'_> {
    fn name(&self) -> &'static str {
        "packed-product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let (inner, columns) = (self.panels.inner(), self.panels.columns());
        let dims = layout.dims();
        if dims.last() != Some(&inner) {
            bail!("a matrix with {inner} inputs does not fit {:?}", layout.shape());
        }
        let (out, gate) = self.rows(x)?;
        if let Some(gate) = gate {
            let _ = self.gate.set(gate);
        }
        let mut shape = dims.to_vec();
        shape.pop();
        shape.push(columns);
        Ok((CpuStorage::F32(out), shape.into()))
    }
}

/// The division of a product among threads.
pub(super) enum Split {
    /// By rows: the number per task.
    Rows(usize),
    /// By columns, if there are too few rows: the number of panels per task.
    Panels(usize),
}

impl Split {
    /// Minimum number of rows per task; with fewer, reading the matrix costs more than multiplying.
    const LEAST: usize = 24;
    /// Maximum number of rows per task; packed, they stay in the L2 cache together with a panel.
    const MOST: usize = 96;

    pub(super) fn of(rows: usize, columns: usize) -> Split {
        let threads = share::threads();
        if threads == 1 {
            return Split::Rows(Split::MOST);
        }
        if rows < threads * Split::LEAST {
            let panels = columns.div_ceil(LANES);
            // Even, because the widest tile takes two panels.
            return Split::Panels(panels.div_ceil(2 * threads).next_multiple_of(2));
        }
        // Two tasks per thread, so that other threads can help a delayed one; one per thread if tasks would be too small, since three
        // tasks on two threads leave one idle. Rounded to the smallest tile that runs at full speed.
        let each = if rows < 2 * threads * Split::LEAST { 1 } else { 2 };
        let share = rows.div_ceil(each * threads).next_multiple_of(4);
        Split::Rows(share.min(Split::MOST))
    }
}

impl<'a> Product<'a> {
    fn of(panels: Operand<'a>, finish: Finish<'a>) -> Product<'a> {
        let gate = OnceLock::new();
        Product { panels, finish, gate }
    }

    /// The product, and the gate if it is kept.
    fn rows(&self, x: &[f32]) -> Result<(Vec<f32>, Option<Vec<f32>>)> {
        let (inner, columns) = (self.panels.inner(), self.panels.columns());
        if inner == 0 || !x.len().is_multiple_of(inner) {
            bail!("a matrix with {inner} inputs does not fit {} numbers", x.len());
        }
        if let Finish::Bias(Some(bias)) | Finish::Activation { bias, .. } = self.finish
            && bias.len() != columns
        {
            bail!("a bias of {} does not fit {columns} columns", bias.len());
        }
        let rows = x.len() / inner;
        let keep = matches!(self.finish, Finish::Activation { keep_gate: true, .. });
        let mut out = acquire(rows * columns);
        let mut gate = acquire(if keep { rows * columns } else { 0 });
        match Split::of(rows, columns) {
            Split::Rows(rows) => self.by_rows(x, rows, &mut out, &mut gate),
            Split::Panels(panels) => self.by_panels(x, panels, &mut out, &mut gate),
        }
        Ok((out, keep.then_some(gate)))
    }

    fn by_rows(&self, x: &[f32], rows: usize, out: &mut [f32], gate: &mut [f32]) {
        let (inner, columns) = (self.panels.inner(), self.panels.columns());
        let blocks = out
            .par_chunks_mut((rows * columns).max(1))
            .zip(x.par_chunks(rows * inner))
            .enumerate();
        if gate.is_empty() {
            return blocks.for_each(|(block, (out, x))| {
                simd::run(self.block(x, block * rows, 0..columns.div_ceil(LANES), out, &mut []));
            });
        }
        blocks
            .zip(gate.par_chunks_mut(rows * columns))
            .for_each(|((block, (out, x)), gate)| {
                simd::run(self.block(x, block * rows, 0..columns.div_ceil(LANES), out, gate));
            });
    }

    /// Each task computes its own columns, which are then copied into place.
    fn by_panels(&self, x: &[f32], panels: usize, out: &mut [f32], gate: &mut [f32]) {
        let columns = self.panels.columns();
        let count = columns.div_ceil(LANES);
        let rows = x.len() / self.panels.inner();
        let tasks = (0..count.div_ceil(panels)).into_par_iter().map(|task| {
            let panels = task * panels..((task + 1) * panels).min(count);
            let width = (panels.end * LANES).min(columns) - panels.start * LANES;
            let mut out = vec![0f32; rows * width];
            let mut kept = vec![0f32; if gate.is_empty() { 0 } else { rows * width }];
            simd::run(self.block(x, 0, panels.clone(), &mut out, &mut kept));
            (panels.start * LANES, width, out, kept)
        });
        for (first, width, block, kept) in tasks.collect::<Vec<_>>() {
            let copy_columns = |whole: &mut [f32], part: &[f32]| {
                for (to, from) in whole.chunks_exact_mut(columns).zip(part.chunks_exact(width)) {
                    to[first..first + width].copy_from_slice(from);
                }
            };
            copy_columns(out, &block);
            copy_columns(gate, &kept);
        }
    }

    fn block<'b>(
        &'b self,
        x: &'b [f32],
        first_row: usize,
        panels: Range<usize>,
        out: &'b mut [f32],
        gate: &'b mut [f32],
    ) -> Block<'b> {
        Block {
            x,
            b: self.panels,
            panels,
            finish: self.finish,
            first_row,
            out,
            gate,
        }
    }
}

/// The product of some rows and some panels.
struct Block<'a> {
    x: &'a [f32],
    b: Operand<'a>,
    panels: Range<usize>,
    finish: Finish<'a>,
    first_row: usize,
    out: &'a mut [f32],
    gate: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Block { x, b, panels, out, .. } = self;
        let columns = b.columns();
        let first = panels.start * LANES;
        let width = (panels.end * LANES).min(columns) - first;
        match self.finish {
            Finish::Bias(bias) => multiply(
                s,
                x,
                b,
                panels,
                &mut Plain {
                    out,
                    width,
                    first,
                    bias,
                },
            ),
            Finish::Activation { bias, activation, .. } => {
                let mut epilogue = Gated {
                    active: out,
                    gate: self.gate,
                    width,
                    first,
                    bias,
                    activation,
                };
                multiply(s, x, b, panels, &mut epilogue);
            }
            Finish::Gate(gate) => {
                let gate = &gate[self.first_row * columns..];
                multiply(
                    s,
                    x,
                    b,
                    panels,
                    &mut TimesGate {
                        out,
                        gate,
                        width,
                        first,
                        columns,
                    },
                );
            }
        }
    }
}
