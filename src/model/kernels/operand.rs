//! The right operand of a product, as floats, integers, or integers in blocks.

use std::ops::Range;

use super::super::simd::{Kernel, LANES, Simd};
use super::blocks::{self, BlockPanels};
use super::gemm::{self, Epilogue, Panels};
use super::integer::{self, IntegerPanels};

/// The right operand of a product.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a> {
    /// Floats.
    F32(&'a Panels),
    /// Integers.
    I16(&'a IntegerPanels),
    /// Integers in blocks, as they are stored.
    Blocks(&'a BlockPanels),
}

impl Operand<'_> {
    /// Number of rows: the length of the sums.
    pub fn inner(&self) -> usize {
        match self {
            Operand::F32(panels) => panels.inner(),
            Operand::I16(panels) => panels.inner(),
            Operand::Blocks(panels) => panels.inner(),
        }
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        match self {
            Operand::F32(panels) => panels.columns(),
            Operand::I16(panels) => panels.columns(),
            Operand::Blocks(panels) => panels.columns(),
        }
    }

    /// The entry in row k, column c, with the value that products use.
    pub fn at(&self, k: usize, c: usize) -> f32 {
        match self {
            Operand::F32(panels) => panels.at(k, c),
            Operand::I16(panels) => panels.at(k, c),
            Operand::Blocks(panels) => panels.at(k, c),
        }
    }

    /// Number of panels.
    pub fn count(&self) -> usize {
        self.columns().div_ceil(LANES)
    }
}

/// The product of x and some panels of B, in B's number format, into an epilogue.
/// See [`gemm::gemm`], [`integer::gemm`] and [`blocks::gemm`]. Compiled once per epilogue.
#[inline(always)]
pub fn multiply<S: Simd>(s: S, x: &[f32], b: Operand, panels: Range<usize>, epilogue: &mut impl Epilogue) {
    s.call(Product { x, b, panels, epilogue });
}

struct Product<'a, T> {
    x: &'a [f32],
    b: Operand<'a>,
    panels: Range<usize>,
    epilogue: &'a mut T,
}

impl<T: Epilogue> Kernel for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.b {
            Operand::F32(b) => gemm::gemm(s, self.x, b, self.panels, self.epilogue),
            Operand::I16(b) => integer::gemm(s, self.x, b, self.panels, self.epilogue),
            Operand::Blocks(b) => blocks::gemm(s, self.x, b, self.panels, self.epilogue),
        }
    }
}
