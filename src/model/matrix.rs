//! Weight matrices, packed once for matrix products.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Result, Tensor};

use super::kernels::blocks::BlockPanels;
use super::kernels::gemm::Panels;
use super::kernels::integer::IntegerPanels;
use super::kernels::operand::Operand;

/// The number format in which products with a matrix are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// 32-bit floats.
    F32,
    /// 16-bit integers, see [`super::kernels::integer`].
    I16,
}

/// A weight matrix W (out, in), packed for x·Wᵀ; packed for g·W, which only explanations need, at its first use.
///
/// On other devices than the CPU it remains a tensor.
#[derive(Debug)]
pub struct Matrix {
    shape: (usize, usize),
    held: Held,
}

#[derive(Debug)]
enum Held {
    F32 {
        panels: Panels,
        back: OnceLock<Panels>,
    },
    I16 {
        panels: IntegerPanels,
        back: OnceLock<IntegerPanels>,
    },
    Blocks {
        panels: Arc<BlockPanels>,
        back: OnceLock<IntegerPanels>,
    },
    Plain(Tensor),
}

impl Matrix {
    /// Packs a weight in the layout of Hugging Face: (out, in), f32.
    ///
    /// # Errors
    /// If the tensor is not an f32 matrix.
    pub fn new(weight: &Tensor, arithmetic: Arithmetic) -> Result<Matrix> {
        let shape = weight.dims2()?;
        let (out, inner) = shape;
        if !matches!(weight.device(), Device::Cpu) {
            let held = Held::Plain(weight.clone());
            return Ok(Matrix { shape, held });
        }
        let values = weight.flatten_all()?.to_vec1::<f32>()?;
        Ok(Matrix::of(out, inner, arithmetic, |row, column| {
            values[row * inner + column]
        }))
    }

    /// Packs the matrix (out, inner) with these entries, for the CPU.
    pub fn of(out: usize, inner: usize, arithmetic: Arithmetic, entry: impl Fn(usize, usize) -> f32) -> Matrix {
        let at = |k: usize, c: usize| entry(c, k);
        let held = match arithmetic {
            Arithmetic::F32 => Held::F32 {
                panels: Panels::new(inner, out, at),
                back: OnceLock::new(),
            },
            Arithmetic::I16 => Held::I16 {
                panels: IntegerPanels::new(inner, out, at),
                back: OnceLock::new(),
            },
        };
        let shape = (out, inner);
        Matrix { shape, held }
    }

    /// A matrix in the blocks of its file, which others may hold too.
    pub fn in_blocks(panels: Arc<BlockPanels>) -> Matrix {
        Matrix {
            shape: (panels.columns(), panels.inner()),
            held: Held::Blocks {
                panels,
                back: OnceLock::new(),
            },
        }
    }

    /// (out, in).
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Bytes in memory, with the matrix for explanations if it is packed.
    pub fn bytes(&self) -> usize {
        match &self.held {
            Held::F32 { panels, back } => panels.bytes() + back.get().map_or(0, Panels::bytes),
            Held::I16 { panels, back } => panels.bytes() + back.get().map_or(0, IntegerPanels::bytes),
            Held::Blocks { panels, back } => panels.bytes() + back.get().map_or(0, IntegerPanels::bytes),
            Held::Plain(weight) => weight.elem_count() * weight.dtype().size_in_bytes(),
        }
    }

    /// Wᵀ (in, out); `None` if the matrix is not on the CPU.
    pub fn forward(&self) -> Option<Operand<'_>> {
        match &self.held {
            Held::F32 { panels, .. } => Some(Operand::F32(panels)),
            Held::I16 { panels, .. } => Some(Operand::I16(panels)),
            Held::Blocks { panels, .. } => Some(Operand::Blocks(panels)),
            Held::Plain(_) => None,
        }
    }

    /// W (out, in); `None` if the matrix is not on the CPU.
    pub fn back(&self) -> Option<Operand<'_>> {
        let (out, inner) = self.shape;
        match &self.held {
            Held::F32 { panels, back } => {
                let back = back.get_or_init(|| Panels::new(out, inner, |k, c| panels.at(c, k)));
                Some(Operand::F32(back))
            }
            Held::I16 { panels, back } => Some(Operand::I16(back.get_or_init(|| panels.transposed()))),
            Held::Blocks { panels, back } => {
                let back = back.get_or_init(|| IntegerPanels::new(out, inner, |k, c| panels.at(c, k)));
                Some(Operand::I16(back))
            }
            Held::Plain(_) => None,
        }
    }

    /// The matrix with the values that products use, (out, in).
    ///
    /// # Errors
    /// Those of candle.
    pub fn tensor(&self) -> Result<Tensor> {
        let (out, inner) = self.shape;
        let entries = |at: &dyn Fn(usize, usize) -> f32| {
            let values: Vec<f32> = (0..out * inner).map(|i| at(i % inner, i / inner)).collect();
            Tensor::from_vec(values, self.shape, &Device::Cpu)
        };
        match &self.held {
            Held::Plain(weight) => Ok(weight.clone()),
            Held::F32 { panels, .. } => entries(&|k, c| panels.at(k, c)),
            Held::I16 { panels, .. } => entries(&|k, c| panels.at(k, c)),
            Held::Blocks { panels, .. } => entries(&|k, c| panels.at(k, c)),
        }
    }

    /// Some rows as a matrix of their own, in the same number format.
    ///
    /// # Errors
    /// If the rows do not exist.
    pub fn rows(&self, rows: std::ops::Range<usize>) -> Result<Matrix> {
        let arithmetic = match self.held {
            Held::I16 { .. } | Held::Blocks { .. } => Arithmetic::I16,
            _ => Arithmetic::F32,
        };
        Matrix::new(&self.tensor()?.narrow(0, rows.start, rows.len())?, arithmetic)
    }
}
