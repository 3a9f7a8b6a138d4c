//! Elementwise sums and products on rayon's threads. For large tensors candle uses its own threads, which spin while they wait: next to
//! rayon's they would halve the processor.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::buffer_pool::acquire;
use super::slices::with_all;
use super::{on_cpu, values};
use crate::model::kernels::bias_contribution as kernel;
use crate::model::simd::{self, Kernel, Simd};

/// Number of entries per task: enough work to pay for scheduling it.
const ENTRIES: usize = 16 * 1024;

/// x + y of equal shape.
///
/// # Errors
/// If the shapes differ.
pub fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if !on_cpu(x) {
        return add_reference(x, y);
    }
    x.contiguous()?.apply_op2_no_bwd(&y.contiguous()?, &Add)
}

/// The plain composition of [`add`].
///
/// # Errors
/// Those of candle's operation.
pub fn add_reference(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    x + y
}

struct Add;

impl CustomOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, y) = (values(s1, l1)?, values(s2, l2)?);
        if l1.shape() != l2.shape() {
            bail!("{:?} cannot be added to {:?}", l2.shape(), l1.shape());
        }
        let mut out = acquire(x.len());
        let tasks = (
            out.par_chunks_mut(ENTRIES),
            x.par_chunks(ENTRIES),
            y.par_chunks(ENTRIES),
        );
        tasks.into_par_iter().for_each(|(out, x, y)| {
            for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
                *out = x + y;
            }
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }
}

/// The inner products of corresponding rows of x and y, (n, d): (n).
///
/// # Errors
/// If the shapes differ.
pub fn row_products(x: &Tensor, y: &Tensor) -> Result<Vec<f32>> {
    let (&[_, width], true) = (x.dims(), x.shape() == y.shape()) else {
        bail!("{:?} and {:?} are not two matrices of one shape", x.shape(), y.shape());
    };
    if !on_cpu(x) || width == 0 {
        return row_products_reference(x, y);
    }
    with_all([x, y], |[x, y]| {
        let rows = ENTRIES.div_ceil(width);
        let tasks = x.par_chunks(rows * width).zip(y.par_chunks(rows * width));
        let products = tasks.map(|(x, y)| simd::run(RowProducts { x, y, width }));
        Ok(products.collect::<Vec<_>>().concat())
    })
}

/// The plain composition of [`row_products`].
///
/// # Errors
/// Those of candle's operations.
pub fn row_products_reference(x: &Tensor, y: &Tensor) -> Result<Vec<f32>> {
    (x * y)?.sum(1)?.to_vec1()
}

struct RowProducts<'a> {
    x: &'a [f32],
    y: &'a [f32],
    width: usize,
}

impl Kernel for RowProducts<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<f32> {
        let mut products = Vec::with_capacity(self.x.len() / self.width);
        for (x, y) in self.x.chunks_exact(self.width).zip(self.y.chunks_exact(self.width)) {
            products.push(kernel::product(s, x, y));
        }
        products
    }
}
