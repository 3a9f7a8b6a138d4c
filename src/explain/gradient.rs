//! Gradient × input (Shrikumar et al. 2017): how fast what is explained grows with each token's own row, as far as that row is long.
//!
//! Explained is what the decomposition splits: the embedding's part along itself, or along what it has beyond the model's reference. Where
//! a projection brings embeddings to unit length, the length is held at the text's: along itself a vector of unit length has no slope.

use super::{Subject, TokenScores};
use crate::model::{Frozen, Model, ModelError, Trace};

/// ⟨d, e(x)⟩, where e(x) is the embedding of a text x, and d the direction that the embedding of one text has beyond the reference.
pub(super) struct Target<'a> {
    model: &'a Model,
    direction: Vec<f32>,
    held: Frozen<'a>,
    /// ⟨d, e⟩ less the reference's part: the length of what is explained.
    pub length: f64,
}

impl<'a> Target<'a> {
    /// The target of one text.
    pub fn of(model: &'a Model, subject: &Subject) -> Result<Target<'a>, ModelError> {
        let mut direction = subject.embedding.to_vec();
        if let Some(reference) = model.reference()? {
            direction.iter_mut().zip(reference).for_each(|(v, r)| *v -= r);
        }
        let length = direction.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let scale = if length > 0.0 { length.recip() } else { 0.0 };
        direction.iter_mut().for_each(|v| *v = (f64::from(*v) * scale) as f32);
        Ok(Target {
            model,
            direction,
            held: model.freeze(model.pooling(), subject.trace)?,
            length,
        })
    }

    /// Its value for a text.
    pub fn value(&self, trace: &Trace) -> Result<f64, ModelError> {
        Ok(self.model.toward(trace, &self.held, &self.direction)?.0)
    }

    /// Its true gradient at the rows that the first layer gets: (n, hidden).
    pub fn gradient(&self, trace: &Trace) -> Result<Vec<f32>, ModelError> {
        let (_, at_hidden) = self.model.toward(trace, &self.held, &self.direction)?;
        Ok(trace.gradient(at_hidden)?)
    }
}

/// Rows as one list of floats, and the floats of a row.
pub(super) fn input(trace: &Trace) -> Result<(Vec<f32>, usize), ModelError> {
    let rows = trace.hidden_states(0)?; // (n, hidden)
    let width = rows.dim(1)?;
    Ok((rows.flatten_all()?.to_vec1()?, width))
}

/// ⟨x_j, ∂F/∂x_j⟩ of each token, as a part of the target's length. The scores sum to nothing in particular.
///
/// # Errors
/// [`ModelError::Tensor`] if the pass kept too little for gradients.
pub fn scores(model: &Model, subject: &Subject) -> Result<TokenScores, ModelError> {
    let target = Target::of(model, subject)?;
    let gradient = target.gradient(subject.trace)?;
    let (rows, width) = input(subject.trace)?;
    let scale = if target.length > 0.0 {
        target.length.recip()
    } else {
        0.0
    };
    Ok(TokenScores {
        tokens: products(&rows, &gradient, width, scale),
        bias: 0.0,
    })
}

/// ⟨row, row⟩ of two matrices, times a factor.
pub(super) fn products(x: &[f32], y: &[f32], width: usize, scale: f64) -> Vec<f32> {
    let product = |(x, y): (&[f32], &[f32])| {
        let sum: f64 = x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        (sum * scale) as f32
    };
    x.chunks_exact(width.max(1))
        .zip(y.chunks_exact(width.max(1)))
        .map(product)
        .collect()
}
