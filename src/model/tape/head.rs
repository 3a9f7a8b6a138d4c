//! Heads: from last hidden states to logits.

use super::gate::activate;
use super::load::{LoadedHead, Network};
use crate::model::ModelError;
use crate::model::ops::PooledRows;
use crate::model::spec::Task;

impl Network {
    /// Number of outputs of the head for a position, or for the text; `None` without a head.
    pub fn outputs(&self) -> Option<usize> {
        self.head.as_ref().map(LoadedHead::outputs)
    }

    /// The outputs of the head on the last hidden states of one sequence, (n, hidden): (n, outputs), or (1, outputs) for a head on the
    /// whole text. `None` without a head.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] if the width of the rows is wrong.
    pub fn logits(&self, hidden: &[f32]) -> Result<Option<Vec<f32>>, ModelError> {
        let Some(head) = &self.head else { return Ok(None) };
        let width = self.decoder.as_ref().unwrap_or(&self.stack).hidden;
        let rows = match &head.task {
            Task::Sequence { first: true, .. } => hidden.get(..width),
            Task::Sequence { .. } => hidden.len().checked_sub(width).and_then(|start| hidden.get(start..)),
            _ => Some(hidden),
        };
        let rows = rows.filter(|rows| !rows.is_empty());
        rows.map(|rows| head.apply(rows)).transpose()
    }

    /// What the head says of rows behind any block, (n, hidden), as if no other block followed: the last norm stands before it, where there
    /// is one (logit lens, nostalgebraist 2020). Nothing without a head.
    ///
    /// # Errors
    /// As [`Network::logits`].
    pub fn lens(&self, rows: &[f32]) -> Result<Option<Vec<f32>>, ModelError> {
        let stack = self.decoder.as_ref().unwrap_or(&self.stack);
        match &stack.norm {
            Some(norm) => self.logits(&norm.forward(rows).0),
            None => self.logits(rows),
        }
    }
}

impl LoadedHead {
    /// From (n, hidden) to (n, outputs).
    fn apply(&self, hidden: &[f32]) -> Result<Vec<f32>, ModelError> {
        let mut x = PooledRows::copy_of(hidden);
        for (linear, activation, norm) in &self.layers {
            x = linear.forward(&x)?;
            if let Some(activation) = activation {
                x = activate(*activation, &x);
            }
            if let Some(norm) = norm {
                x = norm.forward(&x).0;
            }
        }
        Ok(self.capped(self.outputs_of(x)?))
    }

    /// The product with the output matrix, before the soft cap.
    pub(super) fn outputs_of(&self, mut x: PooledRows) -> Result<Vec<f32>, ModelError> {
        if self.scale != 1.0 {
            x.iter_mut().for_each(|v| *v *= self.scale);
        }
        let parts = self.output()?;
        let (columns, rows) = (
            self.outputs(),
            x.len() / parts.first().map_or(1, |part| part.matrix().shape().1),
        );
        let mut out = vec![0f32; rows * columns];
        let mut first = 0;
        for part in parts {
            let block = part.forward(&x)?;
            let width = part.outputs();
            for (to, from) in out.chunks_exact_mut(columns).zip(block.chunks_exact(width)) {
                to[first..first + width].copy_from_slice(from);
            }
            first += width;
        }
        Ok(out)
    }

    /// The outputs after the soft cap.
    pub(super) fn capped(&self, mut out: Vec<f32>) -> Vec<f32> {
        if let Some(cap) = self.soft_cap {
            out.iter_mut().for_each(|v| *v = cap * (*v / cap).tanh());
        }
        out
    }
}
