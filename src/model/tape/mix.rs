//! y_i = Σ_j A_ij v_j per head: attention with frozen probabilities.
//!
//! The trace keeps probabilities if they take at most as much memory as the queries and keys; otherwise it recomputes them per head when
//! they are needed.

use std::ops::Deref;
use std::sync::Arc;

use rayon::prelude::*;

use super::attention::{Attention, FEW, Heads, QueriesAndKeys};
use super::rows::{add_to_columns, columns, multiply};
use crate::model::kernels::few_queries::{Mean, OfHead};
use crate::model::kernels::gemm::Panels;
use crate::model::ops::PooledRows;
use crate::model::simd;
use crate::model::trace::TraceLevel;

/// The attention of a block in one sequence.
#[derive(Debug, Clone)]
pub struct Mixed {
    attention: Arc<Attention>,
    qk: Option<Arc<QueriesAndKeys>>,
    kept: Option<Arc<PooledRows>>,
    /// Heads that are switched off: they look nowhere and bring nothing.
    off: Vec<usize>,
    /// Number of queries.
    pub n: usize,
    /// Number of keys.
    pub m: usize,
}

/// The attention probabilities of a head, (n, m).
pub enum Map<'a> {
    /// From the trace.
    Kept(&'a [f32]),
    /// Computed again.
    Own(PooledRows),
}

impl Deref for Map<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Map::Kept(rows) => rows,
            Map::Own(rows) => rows,
        }
    }
}

impl Mixed {
    /// Mixes values, (m, kv · dim), by attention: the result, (n, heads · dim), and the state for explanations. Heads in
    /// `off` give 0.
    pub fn forward(
        attention: &Arc<Attention>,
        qk: &Arc<QueriesAndKeys>,
        values: &[f32],
        keep: TraceLevel,
        off: Vec<usize>,
    ) -> (PooledRows, Option<Mixed>) {
        let Heads { count, kv, dim, .. } = attention.heads;
        let (n, m) = (qk.queries.len() / (count * dim).max(1), attention.sources(qk));
        let traced = keep != TraceLevel::LastHidden;
        if n == 0 {
            return (PooledRows::default(), traced.then(|| Mixed::nothing(attention)));
        }
        let keep_maps = traced && count * n * m <= qk.queries.len() + qk.keys.len();
        let head = |head: usize| {
            let probabilities = match off.contains(&head) {
                true => PooledRows::zeros(n * m),
                false => attention.probabilities(qk, head),
            };
            let own = attention.heads.kv_of(head) * dim;
            let width = kv * dim;
            let mixed = match n <= FEW {
                true => {
                    let mut out = PooledRows::zeros(n * dim);
                    simd::run(Mean {
                        probabilities: &probabilities,
                        values: OfHead {
                            rows: values,
                            width,
                            first: own,
                            dim,
                        },
                        out: &mut out,
                    });
                    out
                }
                false => multiply(&probabilities, &Panels::new(m, dim, |k, c| values[k * width + own + c])),
            };
            (mixed, keep_maps.then_some(probabilities))
        };
        let heads: Vec<_> = (0..count).into_par_iter().map(head).collect();
        let mut out = PooledRows::zeros(n * count * dim);
        let mut kept = PooledRows::zeros(if keep_maps { count * n * m } else { 0 });
        for (head, (mixed, probabilities)) in heads.iter().enumerate() {
            add_to_columns(&mut out, count * dim, head * dim, mixed, dim);
            if let Some(probabilities) = probabilities {
                kept[head * n * m..(head + 1) * n * m].copy_from_slice(probabilities);
            }
        }
        // Probabilities that are kept need no recomputation, but true gradients continue to queries and keys.
        let keep_queries = !keep_maps || keep == TraceLevel::Everything;
        let mixed = traced.then(|| Mixed {
            attention: Arc::clone(attention),
            qk: keep_queries.then(|| Arc::clone(qk)),
            kept: keep_maps.then(|| Arc::new(kept)),
            off: off.clone(),
            n,
            m,
        });
        (out, mixed)
    }

    /// The attention of a sequence without tokens.
    fn nothing(attention: &Arc<Attention>) -> Mixed {
        Mixed {
            attention: Arc::clone(attention),
            qk: None,
            kept: None,
            off: Vec::new(),
            n: 0,
            m: 0,
        }
    }

    /// Number of floats that it keeps.
    pub fn floats(&self) -> usize {
        let qk = self.qk.as_ref().map_or(0, |qk| qk.queries.len() + qk.keys.len());
        qk + self.kept.as_ref().map_or(0, |kept| kept.len())
    }

    /// The attention block.
    pub fn attention(&self) -> &Attention {
        &self.attention
    }

    /// Queries and keys, if they were kept.
    pub fn qk(&self) -> Option<&QueriesAndKeys> {
        self.qk.as_deref()
    }

    fn heads(&self) -> Heads {
        self.attention.heads
    }

    /// The attention probabilities of a head, (n, m).
    pub fn head(&self, head: usize) -> Map<'_> {
        let size = self.n * self.m;
        match (&self.kept, &self.qk) {
            (Some(kept), _) => Map::Kept(&kept[head * size..(head + 1) * size]),
            (None, Some(_)) if self.off.contains(&head) => Map::Own(PooledRows::zeros(size)),
            (None, Some(qk)) => Map::Own(self.attention.probabilities(qk, head)),
            (None, None) => Map::Own(PooledRows::zeros(size)),
        }
    }

    /// Parts of the values, (k · m, kv · dim) → parts of the result, (k · n, heads · dim).
    pub fn jvp(&self, parts: &[f32]) -> PooledRows {
        let Heads { count, kv, dim, .. } = self.heads();
        let (rows, width) = (self.m * kv * dim, count * dim);
        let k = parts.len() / rows.max(1);
        let mut out = PooledRows::zeros(k * self.n * width);
        let maps: Vec<Map> = (0..count).into_par_iter().map(|head| self.head(head)).collect();
        let tasks = out
            .par_chunks_mut((self.n * width).max(1))
            .zip(parts.par_chunks(rows.max(1)));
        tasks.for_each(|(out, part)| {
            for (head, map) in maps.iter().enumerate() {
                let own = self.heads().kv_of(head) * dim;
                let panels = Panels::new(self.m, dim, |k, c| part[k * kv * dim + own + c]);
                add_to_columns(out, width, head * dim, &multiply(map, &panels), dim);
            }
        });
        out
    }

    /// Gradients at the result, (n, heads · dim) → at the values, (m, kv · dim).
    pub fn vjp(&self, gradient: &[f32]) -> PooledRows {
        let Heads { count, kv, dim, .. } = self.heads();
        let back = |head: usize| {
            let map = self.head(head);
            let by_source = transposed(&map, self.m);
            let panels = Panels::new(self.n, dim, |k, c| gradient[k * count * dim + head * dim + c]);
            multiply(&by_source, &panels)
        };
        let heads: Vec<PooledRows> = (0..count).into_par_iter().map(back).collect();
        let mut out = PooledRows::zeros(self.m * kv * dim);
        for (head, back) in heads.iter().enumerate() {
            add_to_columns(&mut out, kv * dim, self.heads().kv_of(head) * dim, back, dim);
        }
        out
    }

    /// The columns of a head in rows of gradients, (n, heads · dim).
    pub fn of_head(&self, rows: &[f32], head: usize) -> PooledRows {
        let Heads { count, dim, .. } = self.heads();
        columns(rows, count * dim, head * dim..(head + 1) * dim)
    }
}

/// The transpose of a matrix with rows of `m` entries.
pub fn transposed(matrix: &[f32], m: usize) -> PooledRows {
    let n = matrix.len() / m.max(1);
    let mut out = PooledRows::zeros(matrix.len());
    for (i, row) in matrix.chunks_exact(m.max(1)).enumerate() {
        row.iter().enumerate().for_each(|(j, v)| out[j * n + i] = *v);
    }
    out
}
