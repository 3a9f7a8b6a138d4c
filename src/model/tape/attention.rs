//! From queries and keys to attention probabilities: the part of an attention block that explanations freeze.

use std::sync::Arc;

use super::linear::Linear;
use super::norm::RowNorm;
use super::position::{LoadedPosition, bucket, rotate};
use super::rows::{columns, multiply};
use crate::model::kernels::elementary::exp;
use crate::model::kernels::few_queries::{OfHead, Scores};
use crate::model::kernels::gemm::Panels;
use crate::model::ops::PooledRows;
use crate::model::simd::{self, Kernel, LANES, Simd};
use crate::model::spec::{Mask, Source};

/// Up to this number of queries, packing the keys costs more than it saves.
pub(super) const FEW: usize = 4;

/// The weights and parameters of an attention block.
#[derive(Debug)]
pub struct Attention {
    /// W_Q.
    pub query: Arc<Linear>,
    /// W_K.
    pub key: Arc<Linear>,
    /// W_V.
    pub value: Arc<Linear>,
    /// W_O.
    pub output: Arc<Linear>,
    /// Norms of each head's query and key.
    pub norms: Option<(RowNorm, RowNorm)>,
    /// The influence of positions.
    pub position: LoadedPosition,
    /// The parameters of the heads.
    pub heads: Heads,
}

/// The parameters of a block's heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heads {
    /// Number of query heads.
    pub count: usize,
    /// Number of key and value heads.
    pub kv: usize,
    /// Width of a head.
    pub dim: usize,
    /// Factor of the products QKᵀ.
    pub scale: f32,
    /// Scores become cap · tanh(score / cap).
    pub soft_cap: Option<f32>,
    /// Which positions attend to which.
    pub mask: Mask,
    /// The source of keys and values.
    pub source: Source,
}

impl Heads {
    /// The key and value head of a query head.
    pub fn kv_of(&self, head: usize) -> usize {
        head * self.kv / self.count
    }
}

/// Queries and keys of one sequence, after norms and rotations.
#[derive(Debug, Clone)]
pub struct QueriesAndKeys {
    /// Queries, (n, heads · dim).
    pub queries: PooledRows,
    /// Keys, (m, kv · dim).
    pub keys: PooledRows,
    /// The position of the first query; keys begin at position 0.
    pub first: usize,
}

impl Attention {
    /// Applies norms and rotations to queries and keys of one sequence; the first query is at `first`, the first key at `first_key`.
    pub fn normalize_and_rotate(
        &self,
        queries: &mut PooledRows,
        keys: &mut PooledRows,
        (first, first_key): (usize, usize),
    ) {
        if let Some((query_norm, key_norm)) = &self.norms {
            *queries = query_norm.forward(queries).0;
            *keys = key_norm.forward(keys).0;
        }
        if let LoadedPosition::Rotary(rotary) = &self.position {
            let Heads { count, kv, dim, .. } = self.heads;
            let tokens = first + queries.len() / (count * dim).max(1);
            rotate(queries, (count * dim, dim), rotary, first, tokens);
            rotate(keys, (kv * dim, dim), rotary, first_key, tokens);
        }
    }

    /// The attention probabilities of a head, (n, m); each row sums to 1.
    pub fn probabilities(&self, qk: &QueriesAndKeys, head: usize) -> PooledRows {
        let mut scores = self.scores(qk, head);
        let m = self.sources(qk);
        for (i, row) in scores.chunks_exact_mut(m.max(1)).enumerate() {
            let seen = self.heads.mask.seen(qk.first + i, m);
            simd::run(Softmax { row, seen });
        }
        scores
    }

    /// Number of keys.
    pub fn sources(&self, qk: &QueriesAndKeys) -> usize {
        qk.keys.len() / (self.heads.kv * self.heads.dim).max(1)
    }

    /// The scores of a head before the mask, (n, m).
    pub fn scores(&self, qk: &QueriesAndKeys, head: usize) -> PooledRows {
        let Heads {
            count, kv, dim, scale, ..
        } = self.heads;
        let m = self.sources(qk);
        let own = self.heads.kv_of(head) * dim;
        let mut queries = columns(&qk.queries, count * dim, head * dim..(head + 1) * dim);
        queries.iter_mut().for_each(|v| *v *= scale);
        let width = kv * dim;
        let mut scores = match queries.len() <= FEW * dim {
            true => {
                let mut out = PooledRows::zeros(queries.len() / dim.max(1) * m);
                simd::run(Scores {
                    queries: &queries,
                    keys: OfHead {
                        rows: &qk.keys,
                        width,
                        first: own,
                        dim,
                    },
                    out: &mut out,
                });
                out
            }
            false => multiply(&queries, &Panels::new(dim, m, |k, c| qk.keys[c * width + own + k])),
        };
        self.add_positions(&mut scores, qk, head, &queries);
        if let Some(cap) = self.heads.soft_cap {
            scores.iter_mut().for_each(|score| *score = cap * (*score / cap).tanh());
        }
        scores
    }

    /// Adds the influence of the distance between query and key. `queries` are already scaled.
    fn add_positions(&self, scores: &mut [f32], qk: &QueriesAndKeys, head: usize, queries: &[f32]) {
        let m = self.sources(qk).max(1);
        let rows = scores.chunks_exact_mut(m).enumerate();
        match &self.position {
            LoadedPosition::None | LoadedPosition::Rotary(_) => {}
            LoadedPosition::Buckets {
                table,
                buckets,
                furthest,
                bidirectional,
            } => {
                let heads = self.heads.count;
                let bias = |distance| table[bucket(distance, *buckets, *furthest, *bidirectional) * heads + head];
                rows.for_each(|(i, row)| {
                    for (j, score) in row.iter_mut().enumerate() {
                        *score += bias(j as i64 - (qk.first + i) as i64);
                    }
                });
            }
            LoadedPosition::Alibi(slopes) => rows.for_each(|(i, row)| {
                for (j, score) in row.iter_mut().enumerate() {
                    *score -= slopes[head] * (qk.first + i).abs_diff(j) as f32;
                }
            }),
            LoadedPosition::Disentangled(apart) => {
                let (dim, width) = (self.heads.dim, self.heads.count * self.heads.dim);
                let panels = |table: &[f32]| Panels::new(dim, 2 * apart.span, |k, c| table[c * width + head * dim + k]);
                let to_position = apart.keys.as_ref().map(|keys| multiply(queries, &panels(keys))); // (n, 2 · span)
                let to_content = apart.queries.as_ref().map(|table| {
                    let mut keys = columns(&qk.keys, width, head * dim..(head + 1) * dim);
                    keys.iter_mut().for_each(|v| *v *= self.heads.scale);
                    multiply(&keys, &panels(table)) // (m, 2 · span)
                });
                let span = 2 * apart.span;
                rows.for_each(|(i, row)| {
                    for (j, score) in row.iter_mut().enumerate() {
                        let bucket = apart.row(i as i64 - j as i64);
                        *score += to_position.as_ref().map_or(0.0, |scores| scores[i * span + bucket]);
                        *score += to_content.as_ref().map_or(0.0, |scores| scores[j * span + bucket]);
                    }
                });
            }
        }
    }
}

/// Softmax over the range `seen`; 0 elsewhere.
struct Softmax<'a> {
    row: &'a mut [f32],
    seen: std::ops::Range<usize>,
}

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Softmax { row, seen } = self;
        row[..seen.start].fill(0.0);
        row[seen.end..].fill(0.0);
        let row = &mut row[seen];
        let (lanes, rest) = row.as_chunks::<LANES>();
        let mut most = s.splat(f32::NEG_INFINITY);
        for lane in lanes {
            most = s.max(most, s.load(lane));
        }
        let most = rest.iter().fold(s.largest(most), |most, score| most.max(*score));
        let mut sum = s.splat(0.0);
        let (lanes, rest) = row.as_chunks_mut::<LANES>();
        for lane in lanes {
            let v = exp(s, s.sub(s.load(lane), s.splat(most)));
            s.store(lane, v);
            sum = s.add(sum, v);
        }
        let mut sum = s.sum(sum);
        // A value of its own each, since zeros in the rest of a vector would have exponentials too.
        for score in rest {
            let mut lane = [*score - most; LANES];
            let v = exp(s, s.load(&lane));
            s.store(&mut lane, v);
            *score = lane[0];
            sum += *score;
        }
        row.iter_mut().for_each(|score| *score /= sum);
    }
}
