//! The contributions of positions to each other, for ALTI and norm-based analysis.
//!
//! For query position i and source j, the step adds T_i(x_j) to the residual stream: the contribution of j to attention, through the norms
//! after it with frozen deviations, and for j = i the residual. Values include their bias, as in Kobayashi et al. (2021).

use candle_core::{Result, bail};
use rayon::prelude::*;

use super::rows::add;
use super::{AttentionSite, BlockSite, NodeId, Op, Tape};

/// The measure of a contribution T_i(x_j).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// ALTI proximity: max(0, |y_i|₁ - |y_i - T_i(x_j)|₁).
    Nearness,
    /// The norm |T_i(x_j)|₂.
    Length,
    /// Its length behind the norm that ends the block, on the way around the feed-forward block.
    LengthBehind,
}

impl Tape {
    /// The measures of a self-attention block: (n, n), row i for query position i.
    ///
    /// # Errors
    /// If the pass kept too little, or the block is cross-attention.
    pub fn contributions(
        &self,
        sequence: usize,
        (block, site): (&BlockSite, &AttentionSite),
        measure: Measure,
    ) -> Result<Vec<f32>> {
        let Op::Mix { mixed, .. } = &self.node(site.mix)?.op else {
            bail!("node {} is not a mix", site.mix)
        };
        let Some(mixed) = mixed.get(sequence) else {
            bail!("the tape kept no attention")
        };
        if site.cross {
            bail!("cross-attention mixes the rows of another text")
        }
        let (mut norms_after, output) = self.norms_after(sequence, site)?;
        if measure == Measure::LengthBehind {
            norms_after.last = self.norm_at(block.after);
        }
        let heads = mixed.attention().heads;
        let (n, hidden) = (mixed.n, output.outputs());
        let (values, residual, after) = (
            self.value(sequence, site.values)?,
            self.value(sequence, site.residual)?,
            self.value(sequence, site.after)?,
        );
        let maps: Vec<_> = (0..heads.count).into_par_iter().map(|head| mixed.head(head)).collect();
        let source = |j: usize| -> Result<Vec<f32>> {
            // The contribution of each head at j with probability 1: (heads, hidden).
            let mut own = vec![0f32; heads.count * heads.count * heads.dim];
            for head in 0..heads.count {
                let at = heads.kv_of(head) * heads.dim;
                let value = &values[j * heads.kv * heads.dim + at..][..heads.dim];
                own[head * heads.count * heads.dim + head * heads.dim..][..heads.dim].copy_from_slice(value);
            }
            let contributions = output.jvp(&own)?;
            let mut column = Vec::with_capacity(n);
            let mut t = vec![0f32; hidden];
            for i in 0..n {
                t.fill(0.0);
                for (head, contributions) in contributions.chunks_exact(hidden).enumerate() {
                    let weight = maps[head][i * n + j];
                    if weight != 0.0 {
                        t.iter_mut().zip(contributions).for_each(|(t, v)| *t += weight * v);
                    }
                }
                let t = norms_after.apply(self, &t, i, (i == j).then(|| &residual[i * hidden..][..hidden]));
                column.push(measured(measure, &t, &after[i * hidden..][..hidden]));
            }
            Ok(column)
        };
        let columns: Vec<Vec<f32>> = (0..n).into_par_iter().map(source).collect::<Result<_>>()?;
        let mut out = vec![0f32; n * n];
        for (j, column) in columns.iter().enumerate() {
            column.iter().enumerate().for_each(|(i, v)| out[i * n + j] = *v);
        }
        Ok(out)
    }

    /// The norms between a mix and the end of its step, and the matrix W_O.
    fn norms_after(&self, sequence: usize, site: &AttentionSite) -> Result<(NormsAfter, &super::linear::Linear)> {
        let Some((output, map)) = (site.mix..=site.after).find_map(|id| match &self.nodes[id].op {
            Op::Linear { x, map } if *x == site.mix => Some((id, map)),
            _ => None,
        }) else {
            bail!("the mix has no output")
        };
        let norm =
            |id: NodeId, x: NodeId| matches!(&self.nodes[id].op, Op::Norm { x: own, .. } if *own == x).then_some(id);
        let inner = (output + 1..=site.after).find_map(|id| norm(id, output));
        let outer = self.norm_at(site.after);
        let rows = self.rows_of(sequence, site.after);
        Ok((
            NormsAfter {
                inner,
                outer,
                last: None,
                first: rows.start,
            },
            map,
        ))
    }

    /// A node, if it is a norm.
    fn norm_at(&self, id: NodeId) -> Option<NodeId> {
        matches!(self.nodes[id].op, Op::Norm { .. }).then_some(id)
    }
}

/// The norms after an attention block.
struct NormsAfter {
    /// The norm before the residual is added.
    inner: Option<NodeId>,
    /// The norm after the sum.
    outer: Option<NodeId>,
    /// At the end of the block.
    last: Option<NodeId>,
    first: usize,
}

impl NormsAfter {
    fn apply(&self, tape: &Tape, t: &[f32], i: usize, residual: Option<&[f32]>) -> Vec<f32> {
        let through = |node: Option<NodeId>, rows: Vec<f32>| match node.map(|node| &tape.nodes[node].op) {
            Some(Op::Norm { norm, inverses, .. }) => {
                norm.jvp(&rows, &inverses[self.first + i..=self.first + i]).into_vec()
            }
            _ => rows,
        };
        let mut out = through(self.inner, t.to_vec());
        if let Some(residual) = residual {
            add(&mut out, residual);
        }
        through(self.last, through(self.outer, out))
    }
}

fn measured(measure: Measure, t: &[f32], after: &[f32]) -> f32 {
    match measure {
        Measure::Length | Measure::LengthBehind => t.iter().map(|v| v * v).sum::<f32>().sqrt(),
        Measure::Nearness => {
            let (whole, rest) = t.iter().zip(after).fold((0f32, 0f32), |(whole, rest), (t, y)| {
                (whole + y.abs(), rest + (y - t).abs())
            });
            (whole - rest).max(0.0)
        }
    }
}
