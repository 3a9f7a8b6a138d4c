//! Operations on rows of floats in contiguous memory.

use rayon::prelude::*;

use crate::model::kernels::bias_contribution as kernel;
use crate::model::kernels::gemm::{Panels, Plain, gemm};
use crate::model::ops::PooledRows;
use crate::model::simd::{self, Kernel, Simd};

/// Number of entries per task: enough work to pay for scheduling it.
pub const ENTRIES: usize = 16 * 1024;

/// Sum over rows of ⟨row, vector⟩.
pub fn products(rows: &[f32], vector: &[f32]) -> f64 {
    simd::run(Products { rows, vector })
}

struct Products<'a> {
    rows: &'a [f32],
    vector: &'a [f32],
}

impl Kernel for Products<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f64 {
        match self.vector.is_empty() {
            true => 0.0,
            false => kernel::bias_contribution(s, self.rows, self.vector),
        }
    }
}

/// The inner product of each pair of rows in two matrices of the same width.
pub fn row_products(x: &[f32], y: &[f32], width: usize) -> Vec<f32> {
    let rows = x.chunks_exact(width.max(1)).zip(y.chunks_exact(width.max(1)));
    rows.map(|(x, y)| products(x, y) as f32).collect()
}

/// to += from.
pub fn add(to: &mut [f32], from: &[f32]) {
    let tasks = to.par_chunks_mut(ENTRIES).zip(from.par_chunks(ENTRIES));
    tasks.for_each(|(to, from)| to.iter_mut().zip(from).for_each(|(to, from)| *to += from));
}

/// x ⊙ y; a shorter y repeats.
pub fn times(x: &[f32], y: &[f32]) -> PooledRows {
    if y.is_empty() {
        return PooledRows::zeros(x.len());
    }
    let mut out = PooledRows::unset(x.len());
    let tasks = out.par_chunks_mut(y.len()).zip(x.par_chunks(y.len()));
    tasks.for_each(|(out, x)| {
        for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
            *out = x * y;
        }
    });
    out
}

/// x (n, inner) · b (inner, columns), on the current thread.
pub fn multiply(x: &[f32], b: &Panels) -> PooledRows {
    match b.inner() {
        0 => PooledRows::default(),
        _ => simd::run(Multiply { x, b }),
    }
}

struct Multiply<'a> {
    x: &'a [f32],
    b: &'a Panels,
}

impl Kernel for Multiply<'_> {
    type Output = PooledRows;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> PooledRows {
        let Multiply { x, b } = self;
        let mut out = PooledRows::unset(x.len() / b.inner() * b.columns());
        let mut plain = Plain {
            out: &mut out,
            width: b.columns(),
            first: 0,
            bias: None,
        };
        gemm(s, x, b, 0..b.count(), &mut plain);
        out
    }
}

/// Some columns of rows of a given width, contiguous.
pub fn columns(rows: &[f32], width: usize, columns: std::ops::Range<usize>) -> PooledRows {
    let mut out = PooledRows::unset(rows.len() / width.max(1) * columns.len());
    let own = out.chunks_exact_mut(columns.len().max(1));
    own.zip(rows.chunks_exact(width.max(1)))
        .for_each(|(own, row)| own.copy_from_slice(&row[columns.clone()]));
    out
}

/// Adds rows to some columns of wider rows.
pub fn add_to_columns(to: &mut [f32], width: usize, first: usize, from: &[f32], own: usize) {
    for (to, from) in to.chunks_exact_mut(width.max(1)).zip(from.chunks_exact(own.max(1))) {
        to[first..first + own]
            .iter_mut()
            .zip(from)
            .for_each(|(to, from)| *to += from);
    }
}
