//! Gradient × input (Shrikumar et al. 2017): the slope of the target at each token's input row, times that row.
//!
//! The target is the quantity that the decomposition splits: the embedding projected on itself, or on its difference from the model's
//! reference. If the model normalizes embeddings to unit length, the length stays fixed at the text's value, because a unit vector has no
//! slope along itself.

use super::{Goal, Subject, TokenScores};
use crate::model::{Frozen, Model, ModelError, Trace};

/// The number whose gradient is computed. For an embedding it is ⟨d, e(x)⟩: e(x) is the embedding of a text x, and d is the difference
/// between one text's embedding and the reference. Any other goal is a number itself.
pub(super) struct Target<'a> {
    model: &'a Model,
    kind: Kind<'a>,
    /// The total that scores are divided by: ⟨d, e⟩ minus the reference's part; 1 for a number that is not split into shares.
    pub length: f64,
}

enum Kind<'a> {
    Embedding { direction: Vec<f32>, held: Frozen<'a> },
    Number(Goal<'a>),
}

impl<'a> Target<'a> {
    /// The target of one text.
    pub fn of(model: &'a Model, subject: &Subject<'a>) -> Result<Target<'a>, ModelError> {
        if subject.goal != Goal::Embedding {
            return Ok(Target {
                model,
                kind: Kind::Number(subject.goal),
                length: 1.0,
            });
        }
        let mut direction = subject.embedding.to_vec();
        if let Some(reference) = model.reference()? {
            direction.iter_mut().zip(reference).for_each(|(v, r)| *v -= r);
        }
        let length = direction.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let scale = if length > 0.0 { length.recip() } else { 0.0 };
        direction.iter_mut().for_each(|v| *v = (f64::from(*v) * scale) as f32);
        let held = model.freeze(model.pooling(), subject.trace)?;
        Ok(Target {
            model,
            kind: Kind::Embedding { direction, held },
            length,
        })
    }

    /// Whether it is a number of its own, whose scores are not shares of 1.
    pub fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number(_))
    }

    /// Its value for a text, and its gradient at the last hidden states.
    fn at_hidden(&self, trace: &Trace) -> Result<(f64, Vec<f32>), ModelError> {
        match &self.kind {
            Kind::Embedding { direction, held } => self.model.toward((self.model.pooling(), trace), held, direction),
            Kind::Number(goal) => goal.gradient(self.model, trace),
        }
    }

    /// Its value for a text.
    pub fn value(&self, trace: &Trace) -> Result<f64, ModelError> {
        match &self.kind {
            Kind::Embedding { .. } => Ok(self.at_hidden(trace)?.0),
            Kind::Number(goal) => goal.value(self.model, trace),
        }
    }

    /// Its true gradient at the input rows of the first layer: (n, hidden).
    pub fn gradient(&self, trace: &Trace) -> Result<Vec<f32>, ModelError> {
        Ok(trace.gradient(self.at_hidden(trace)?.1)?)
    }
}

/// The input rows as one list, and the width of a row.
pub(super) fn input(trace: &Trace) -> Result<(Vec<f32>, usize), ModelError> {
    let rows = trace.hidden_states(0)?; // (n, hidden)
    let width = rows.dim(1)?;
    Ok((rows.flatten_all()?.to_vec1()?, width))
}

/// ⟨x_j, ∂F/∂x_j⟩ of each token, as a share of the target's length. The scores have no fixed sum.
///
/// # Errors
/// [`ModelError::Tensor`] if the trace lacks the values that gradients need.
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
