//! Weight matrices, packed once for the products they are used in.

use std::sync::OnceLock;

use candle_core::{Device, Result, Tensor};

use super::kernels::gemm::Panels;
use super::simd::LANES;

/// A weight matrix W (out, in) in f32, packed for x·Wᵀ; for g·W, which only explanations need, at its first use.
///
/// On a device other than the CPU it stays a tensor.
#[derive(Debug)]
pub struct Matrix {
    shape: (usize, usize),
    held: Held,
    back: OnceLock<Panels>,
}

#[derive(Debug)]
enum Held {
    Packed(Panels),
    Plain(Tensor),
}

impl Matrix {
    /// Packs a weight as Hugging Face lays it out: (out, in), f32.
    ///
    /// # Errors
    /// If it is no f32 matrix.
    pub fn new(weight: &Tensor) -> Result<Matrix> {
        let shape = weight.dims2()?;
        let held = match weight.device() {
            Device::Cpu => {
                let values = weight.flatten_all()?.to_vec1::<f32>()?;
                Held::Packed(Panels::new(shape.1, shape.0, |k, c| values[c * shape.1 + k]))
            }
            _ => Held::Plain(weight.clone()),
        };
        Ok(Matrix {
            shape,
            held,
            back: OnceLock::new(),
        })
    }

    /// (out, in).
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Panels of Wᵀ (in, out), or nothing where the matrix is not on the CPU.
    pub fn panels(&self) -> Option<&Panels> {
        match &self.held {
            Held::Packed(panels) => Some(panels),
            Held::Plain(_) => None,
        }
    }

    /// Panels of W (out, in), or nothing where the matrix is not on the CPU.
    pub fn back_panels(&self) -> Option<&Panels> {
        let panels = self.panels()?;
        let (out, inner) = self.shape;
        Some(
            self.back
                .get_or_init(|| Panels::new(out, inner, |k, c| panels.at(c, k))),
        )
    }

    /// The matrix as it was given, (out, in).
    ///
    /// # Errors
    /// As candle's.
    pub fn tensor(&self) -> Result<Tensor> {
        match &self.held {
            Held::Plain(weight) => Ok(weight.clone()),
            Held::Packed(panels) => self.unpack(panels),
        }
    }

    fn unpack(&self, panels: &Panels) -> Result<Tensor> {
        let (out, inner) = self.shape;
        let mut values = vec![0f32; out * inner];
        for panel in 0..panels.count() {
            for (k, lane) in panels.panel(panel).iter().enumerate() {
                for (c, v) in (panel * LANES..out).zip(lane.0) {
                    values[c * inner + k] = v;
                }
            }
        }
        Tensor::from_vec(values, self.shape, &Device::Cpu)
    }

    /// Some of its rows as a matrix of their own.
    ///
    /// # Errors
    /// If it has no such rows.
    pub fn rows(&self, rows: std::ops::Range<usize>) -> Result<Matrix> {
        Matrix::new(&self.tensor()?.narrow(0, rows.start, rows.len())?)
    }
}
