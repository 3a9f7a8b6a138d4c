//! Value zeroing: runs a part of a tape again with changed attention results, and nothing frozen.

use candle_core::{Result, bail};
use rayon::prelude::*;

use super::gate::activate;
use super::rows::{add, times};
use super::{BlockSite, Control, NodeId, Op, Tape};
use crate::model::ops::PooledRows;
use crate::model::{Checkpoint, ModelError};

/// Number of rows in one run.
const ROWS: usize = 4096;

impl Tape {
    /// The effect of value zeroing in a block, (n, n): entry (i, j) is 1 - cosine between the output of position i and its output with the
    /// attention value of token j set to zero.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] if the checkpoint stops it; otherwise a pass that did not keep everything, or a block without
    /// self-attention.
    pub fn turns_without_values(
        &self,
        sequence: usize,
        block: &BlockSite,
        checkpoint: Checkpoint,
    ) -> std::result::Result<Vec<f32>, ModelError> {
        let Some(site) = block.attention.first().filter(|site| !site.cross) else {
            return Err(candle_core::Error::Msg("the block has no self-attention".into()).into());
        };
        let (n, width) = (self.rows_of(sequence, block.after).len(), self.node(block.after)?.width);
        let after = self.value(sequence, block.after)?;
        let mut out = vec![0f32; n * n];
        let chunk = (ROWS / n.max(1)).max(1);
        for first in (0..n).step_by(chunk) {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            let tokens: Vec<usize> = (first..(first + chunk).min(n)).collect();
            let mixed = self.without_values(sequence, site.mix, site.values, &tokens)?;
            let changed = self.replay(sequence, (site.mix, mixed), block.after, tokens.len())?;
            for (rows, token) in changed.chunks_exact((n * width).max(1)).zip(tokens) {
                let turns = rows
                    .par_chunks_exact(width)
                    .zip(after.par_chunks_exact(width))
                    .map(turn);
                let turns: Vec<f32> = turns.collect();
                turns
                    .into_iter()
                    .enumerate()
                    .for_each(|(i, turn)| out[i * n + token] = turn);
            }
        }
        Ok(out)
    }

    /// The result of a mix without the value of each of some tokens: (tokens, n, heads · dim).
    fn without_values(&self, sequence: usize, mix: NodeId, values: NodeId, tokens: &[usize]) -> Result<Vec<f32>> {
        let Op::Mix { mixed, .. } = &self.node(mix)?.op else {
            bail!("node {mix} is not a mix")
        };
        let Some(mixed) = mixed.get(sequence) else {
            bail!("the tape kept no attention")
        };
        let (whole, values) = (self.value(sequence, mix)?, self.value(sequence, values)?);
        let heads = mixed.attention().heads;
        let (dim, width, kv_width) = (heads.dim, heads.count * heads.dim, heads.kv * heads.dim);
        let maps: Vec<_> = (0..heads.count).into_par_iter().map(|head| mixed.head(head)).collect();
        let without = |token: &usize| {
            let mut rows = whole.to_vec();
            for (i, row) in rows.chunks_exact_mut(width.max(1)).enumerate() {
                for (head, map) in maps.iter().enumerate() {
                    let weight = map[i * mixed.m + token];
                    let value = &values[token * kv_width + heads.kv_of(head) * dim..][..dim];
                    let own = row[head * dim..(head + 1) * dim].iter_mut().zip(value);
                    own.for_each(|(own, v)| *own -= weight * v);
                }
            }
            rows
        };
        let parts: Vec<Vec<f32>> = tokens.par_iter().map(without).collect();
        Ok(parts.concat())
    }

    /// k results of node `to`, (k, n, width), from k results of an earlier node; other nodes keep their values.
    fn replay(&self, sequence: usize, (from, changed): (NodeId, Vec<f32>), to: NodeId, k: usize) -> Result<Vec<f32>> {
        let mut values: Vec<Option<PooledRows>> = vec![None; to + 1];
        values[from] = Some(changed.into());
        for id in from + 1..=to {
            let node = self.node(id)?;
            let changes = |id: &NodeId| values[*id].is_some();
            // A node without change repeats its value for each result.
            let get = |id: NodeId| -> Result<PooledRows> {
                match &values[id] {
                    Some(changed) => Ok(changed.clone()),
                    None => Ok(self.value(sequence, id)?.repeat(k).into()),
                }
            };
            let out = match &node.op {
                Op::Input => None,
                Op::Linear { x, map } if changes(x) => Some(map.forward(&get(*x)?)?),
                Op::Norm { x, norm, .. } if changes(x) => Some(norm.forward(&get(*x)?).0),
                Op::Gate { x, control, .. } => match control {
                    Control::Own(activation) if changes(x) => Some(activate(*activation, &get(*x)?)),
                    Control::Other(gate, activation) if changes(x) || changes(gate) => {
                        Some(times(&get(*x)?, &activate(*activation, &get(*gate)?)))
                    }
                    _ => None,
                },
                Op::Add { parts } if parts.iter().any(changes) => {
                    let mut sum = get(parts[0])?;
                    for part in &parts[1..] {
                        add(&mut sum, &get(*part)?);
                    }
                    Some(sum)
                }
                Op::Mix {
                    values, queries, keys, ..
                } if [values, queries, keys].into_iter().any(changes) => {
                    bail!("another attention block follows in the same layer")
                }
                Op::Linear { .. } | Op::Norm { .. } | Op::Add { .. } | Op::Mix { .. } => None,
            };
            values[id] = out;
        }
        match values[to].take() {
            Some(value) => Ok(value.into_vec()),
            None => bail!("node {to} does not depend on node {from}"),
        }
    }
}

/// 1 - cosine of two rows.
fn turn((a, b): (&[f32], &[f32])) -> f32 {
    let dot = |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum() };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    match lengths > 0.0 {
        true => (1.0 - dot(a, b) / lengths).max(0.0) as f32,
        false => 0.0,
    }
}
