//! Linear maps: y = x·Wᵀ + b.

use candle_core::Result;

use super::rows::products;
use crate::model::matrix::Matrix;
use crate::model::ops::{PooledRows, linear_back_rows, linear_rows};

/// A weight matrix (out, in) and its bias.
#[derive(Debug)]
pub struct Linear {
    matrix: Matrix,
    bias: Option<Vec<f32>>,
}

impl Linear {
    /// A matrix with a bias of as many entries as the matrix has rows.
    pub fn new(matrix: Matrix, bias: Option<Vec<f32>>) -> Linear {
        Linear { matrix, bias }
    }

    /// Width of the result.
    pub fn outputs(&self) -> usize {
        self.matrix.shape().0
    }

    /// x·Wᵀ + b: (n, in) → (n, out).
    pub fn forward(&self, x: &[f32]) -> Result<PooledRows> {
        linear_rows(x, &self.matrix, self.bias.as_deref())
    }

    /// The image of parts, without the bias, which belongs to none of them: (n, in) → (n, out).
    pub fn jvp(&self, part: &[f32]) -> Result<PooledRows> {
        linear_rows(part, &self.matrix, None)
    }

    /// The gradient at the input: (n, out) → (n, in).
    pub fn vjp(&self, gradient: &[f32]) -> Result<PooledRows> {
        linear_back_rows(gradient, &self.matrix)
    }

    /// The bias, (out), if there is one.
    pub fn bias(&self) -> Option<&[f32]> {
        self.bias.as_deref()
    }

    /// The share of the bias in ⟨gradient, y⟩.
    pub fn bias_share(&self, gradient: &[f32]) -> f64 {
        self.bias.as_ref().map_or(0.0, |bias| products(gradient, bias))
    }

    /// The weights of one output, (in), with the values that products use, and its bias; `None` if the output does not exist.
    pub fn weights_of(&self, output: usize) -> Option<(Vec<f32>, f32)> {
        if output >= self.outputs() {
            return None;
        }
        let operand = self.matrix.forward()?;
        let weights = (0..operand.inner()).map(|k| operand.at(k, output)).collect();
        let bias = self.bias.as_ref().map_or(0.0, |bias| bias[output]);
        Some((weights, bias))
    }

    /// The matrix, (out, in).
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }
}
