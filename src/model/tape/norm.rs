//! LayerNorm and RMSNorm. With the deviation of each row frozen, both are linear except for β.

use rayon::prelude::*;

use super::rows::{ENTRIES, products};
use crate::model::ops::PooledRows;
use crate::model::spec::NormKind;

/// A norm over rows of some width.
#[derive(Debug, Clone)]
pub struct RowNorm {
    /// The kind of the norm.
    pub kind: NormKind,
    /// γ with offset, (width); ones if the norm has none.
    pub scale: Vec<f32>,
    /// β, (width); `None` if the norm has none.
    pub shift: Option<Vec<f32>>,
    /// ε.
    pub epsilon: f64,
}

impl RowNorm {
    fn width(&self) -> usize {
        self.scale.len()
    }

    /// The normalized rows, (n, width), and 1 / deviation of each row, (n).
    pub fn forward(&self, x: &[f32]) -> (PooledRows, Vec<f32>) {
        let width = self.width();
        let rows = x.len() / width.max(1);
        let (mut out, mut inverses) = (PooledRows::unset(x.len()), vec![0f32; rows]);
        let each = (ENTRIES / width.max(1)).max(1);
        let tasks = out.par_chunks_mut(each * width).zip(inverses.par_chunks_mut(each));
        tasks.zip(x.par_chunks(each * width)).for_each(|((out, inverses), x)| {
            let rows = out.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(inverses);
            rows.for_each(|((out, x), inverse)| *inverse = self.row(x, out));
        });
        (out, inverses)
    }

    fn row(&self, x: &[f32], out: &mut [f32]) -> f32 {
        let mean = self.mean(x);
        let squares: f64 = x.iter().map(|v| f64::from(v - mean).powi(2)).sum();
        let inverse = (squares / x.len() as f64 + self.epsilon).sqrt().recip() as f32;
        for ((out, x), scale) in out.iter_mut().zip(x).zip(&self.scale) {
            *out = (x - mean) * inverse * scale;
        }
        if let Some(shift) = &self.shift {
            out.iter_mut().zip(shift).for_each(|(out, shift)| *out += shift);
        }
        inverse
    }

    /// The value that is subtracted from a row: its mean, or 0 for RMSNorm.
    pub fn mean(&self, x: &[f32]) -> f32 {
        match self.kind {
            NormKind::Layer => (x.iter().map(|v| f64::from(*v)).sum::<f64>() / x.len() as f64) as f32,
            NormKind::Rms => 0.0,
        }
    }

    /// The images of parts, (k · n, width), of rows with 1 / deviation `inverses`, (n).
    /// The mean of each part is subtracted.
    pub fn jvp(&self, parts: &[f32], inverses: &[f32]) -> PooledRows {
        self.each_row(parts, inverses, |part, inverse, out| {
            let mean = self.mean(part);
            for ((out, v), scale) in out.iter_mut().zip(part).zip(&self.scale) {
                *out = (v - mean) * inverse * scale;
            }
        })
    }

    /// From gradients at the result to those at the input, with deviations frozen.
    pub fn vjp(&self, gradients: &[f32], inverses: &[f32]) -> PooledRows {
        self.each_row(gradients, inverses, |gradient, inverse, out| {
            for ((out, v), scale) in out.iter_mut().zip(gradient).zip(&self.scale) {
                *out = v * inverse * scale;
            }
            let mean = self.mean(out);
            out.iter_mut().for_each(|v| *v -= mean);
        })
    }

    /// The true gradient, including that of the deviation; x is the input, (n, width).
    pub fn gradient(&self, gradients: &[f32], x: &[f32], inverses: &[f32]) -> PooledRows {
        let width = self.width();
        let mut out = self.vjp(gradients, inverses);
        let rows = out.par_chunks_exact_mut(width).zip(gradients.par_chunks_exact(width));
        rows.zip(x.par_chunks_exact(width))
            .zip(inverses)
            .for_each(|(((out, gradient), x), inverse)| {
                let mean = self.mean(x);
                let along: f64 = gradient
                    .iter()
                    .zip(x)
                    .zip(&self.scale)
                    .map(|((g, x), scale)| f64::from(g * scale) * f64::from(x - mean))
                    .sum();
                let factor = (along / width as f64) as f32 * inverse.powi(3);
                out.iter_mut().zip(x).for_each(|(out, x)| *out -= (x - mean) * factor);
            });
        out
    }

    fn each_row(&self, rows: &[f32], inverses: &[f32], work: impl Fn(&[f32], f32, &mut [f32]) + Sync) -> PooledRows {
        let width = self.width();
        let mut out = PooledRows::unset(rows.len());
        let each = (ENTRIES / width.max(1)).max(1);
        let tasks = out
            .par_chunks_mut(each * width)
            .zip(rows.par_chunks(each * width))
            .enumerate();
        tasks.for_each(|(task, (out, rows))| {
            let pairs = out.chunks_exact_mut(width).zip(rows.chunks_exact(width)).enumerate();
            pairs.for_each(|(row, (out, from))| work(from, inverses[(task * each + row) % inverses.len()], out));
        });
        out
    }

    /// The share of β in ⟨gradient, y⟩.
    pub fn bias_share(&self, gradients: &[f32]) -> f64 {
        self.shift.as_ref().map_or(0.0, |shift| products(gradients, shift))
    }
}
