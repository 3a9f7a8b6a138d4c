//! Forward over a tape: maps parts of the input rows to their parts of a node, with everything frozen.
//!
//! The parts of all tokens and the part of the biases sum to the node's value.

use std::sync::Arc;

use candle_core::{Result, bail};

use super::rows::{add, times};
use super::{Node, NodeId, Op, Side, Tape};
use crate::model::ops::PooledRows;
use crate::model::{Checkpoint, ModelError};

impl Tape {
    /// Pushes k parts of input rows, (k, n, hidden), to a node: (k, rows, width).
    /// With `biased`, biases are added to each part; meant for a single part of zeros.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] if the checkpoint stops it; otherwise shapes that do not match.
    pub fn jvp(
        &self,
        sequence: usize,
        (side, parts): (Side, Vec<f32>),
        biased: bool,
        to: NodeId,
        checkpoint: Checkpoint,
    ) -> std::result::Result<Vec<f32>, ModelError> {
        let uses = self.uses(to);
        let k = self.count(sequence, side, parts.len())?;
        let mut left = uses.clone();
        let mut values: Vec<Option<Arc<PooledRows>>> = vec![None; to + 1];
        let mut start = Some(parts);
        for id in 0..=to {
            if uses[id] == 0 {
                continue;
            }
            let node = self.node(id)?;
            // The last use of a result takes it without a copy.
            let mut take = |from: NodeId| -> Result<Arc<PooledRows>> {
                left[from] -= 1;
                let value = match left[from] {
                    0 => values[from].take(),
                    _ => values[from].clone(),
                };
                value.ok_or_else(|| candle_core::Error::Msg(format!("node {from} has no parts")))
            };
            let out = match &node.op {
                Op::Input => match (node.side == side, start.take()) {
                    (true, Some(parts)) => parts.into(),
                    (_, rest) => {
                        start = rest;
                        PooledRows::zeros(k * self.rows_of(sequence, id).len() * node.width)
                    }
                },
                Op::Linear { x, map } => {
                    if checkpoint() {
                        return Err(ModelError::Stopped);
                    }
                    let x = take(*x)?;
                    if biased { map.forward(&x)? } else { map.jvp(&x)? }
                }
                Op::Norm { x, norm, inverses } => {
                    let mut out = norm.jvp(&take(*x)?, &inverses[self.rows_of(sequence, id)]);
                    if let Some(shift) = norm.shift.as_ref().filter(|_| biased) {
                        out.chunks_exact_mut(node.width).for_each(|row| add(row, shift));
                    }
                    out
                }
                Op::Mix { values, mixed, .. } => match mixed.get(sequence) {
                    Some(mixed) => mixed.jvp(&take(*values)?),
                    None => return Err(candle_core::Error::Msg("the tape kept no attention".into()).into()),
                },
                Op::Gate { x, theta, .. } => {
                    let rows = self.rows_of(sequence, id);
                    times(&take(*x)?, &theta[rows.start * node.width..rows.end * node.width])
                }
                Op::Add { parts } => {
                    let mut sum = Arc::unwrap_or_clone(take(parts[0])?);
                    for part in &parts[1..] {
                        add(&mut sum, &take(*part)?);
                    }
                    sum
                }
            };
            values[id] = Some(Arc::new(out));
        }
        match values[to].take() {
            Some(value) => Ok(Arc::unwrap_or_clone(value).into_vec()),
            None => Err(candle_core::Error::Msg(format!("node {to} has no parts")).into()),
        }
    }

    /// Number of uses of each node up to `to`; `to` itself has one.
    fn uses(&self, to: NodeId) -> Vec<usize> {
        let mut uses = vec![0usize; to + 1];
        uses[to] = 1;
        for id in (0..=to).rev() {
            if uses[id] == 0 {
                continue;
            }
            match &self.nodes[id].op {
                Op::Input => {}
                Op::Linear { x, .. } | Op::Norm { x, .. } | Op::Gate { x, .. } => uses[*x] += 1,
                Op::Mix { values, .. } => uses[*values] += 1,
                Op::Add { parts } => parts.iter().for_each(|part| uses[*part] += 1),
            }
        }
        uses
    }

    /// The node of the input rows on one side.
    pub fn input(&self, side: Side) -> Option<NodeId> {
        let is_input = |node: &Node| matches!(node.op, Op::Input) && node.side == side;
        self.nodes.iter().position(is_input)
    }

    /// Number of parts, given the number of their values.
    fn count(&self, sequence: usize, side: Side, numbers: usize) -> Result<usize> {
        let size = self
            .input(side)
            .map_or(0, |input| self.rows_of(sequence, input).len() * self.nodes[input].width);
        if size == 0 || !numbers.is_multiple_of(size) {
            bail!("parts of {numbers} numbers do not match rows of {size}")
        }
        Ok(numbers / size)
    }
}
