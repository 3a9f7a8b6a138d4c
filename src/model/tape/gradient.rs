//! The true gradient of attention at queries and keys, through the probabilities.

use candle_core::{Result, bail};

use super::attention::{Attention, QueriesAndKeys};
use super::mix::{Mixed, transposed};
use super::position::{Disentangled, LoadedPosition, rotate_back};
use super::rows::{add_to_columns, multiply};
use crate::model::kernels::gemm::Panels;
use crate::model::ops::PooledRows;

/// Gradients at queries (n, heads · dim) and keys (m, kv · dim), before norms and rotations.
/// `gradient` is that at the mix's result, (n, heads · dim). The caller passes these queries and keys, and the values.
pub(super) fn query_and_key_gradients(
    mixed: &Mixed,
    gradient: &[f32],
    own_queries: &[f32],
    own_keys: &[f32],
    values: &[f32],
) -> Result<(PooledRows, PooledRows)> {
    let Some(qk) = mixed.qk() else {
        bail!("the pass did not keep queries and keys; run it with everything kept")
    };
    let attention = mixed.attention();
    let heads = attention.heads;
    let (q_width, kv_width) = (heads.count * heads.dim, heads.kv * heads.dim);
    let mut to_queries = PooledRows::zeros(qk.queries.len());
    let mut to_keys = PooledRows::zeros(qk.keys.len());
    for head in 0..heads.count {
        let own = heads.kv_of(head) * heads.dim;
        let scores = score_gradients(mixed, gradient, values, head); // (n, m)
        let keys = Panels::new(mixed.m, heads.dim, |k, c| qk.keys[k * kv_width + own + c]);
        let mut back = multiply(&scores, &keys);
        back.iter_mut().for_each(|v| *v *= heads.scale);
        add_to_columns(&mut to_queries, q_width, head * heads.dim, &back, heads.dim);
        let queries = Panels::new(mixed.n, heads.dim, |k, c| {
            qk.queries[k * q_width + head * heads.dim + c]
        });
        let mut back = multiply(&transposed(&scores, mixed.m), &queries);
        back.iter_mut().for_each(|v| *v *= heads.scale);
        add_to_columns(&mut to_keys, kv_width, own, &back, heads.dim);
        if let LoadedPosition::Disentangled(apart) = &attention.position {
            add_position_gradients(apart, attention, qk, (head, &scores), &mut to_queries, &mut to_keys);
        }
    }
    Ok(undo_norms_and_rotations(
        attention,
        qk,
        (to_queries, to_keys),
        (own_queries, own_keys),
    ))
}

/// Gradients at the scores of a head, before the soft cap: (n, m).
fn score_gradients(mixed: &Mixed, gradient: &[f32], values: &[f32], head: usize) -> PooledRows {
    let attention = mixed.attention();
    let heads = attention.heads;
    let (own, kv_width) = (heads.kv_of(head) * heads.dim, heads.kv * heads.dim);
    let transposed_values = Panels::new(heads.dim, mixed.m, |k, c| values[c * kv_width + own + k]);
    let mut scores = multiply(&mixed.of_head(gradient, head), &transposed_values); // at the probabilities
    let map = mixed.head(head);
    let rows = scores
        .chunks_exact_mut(mixed.m.max(1))
        .zip(map.chunks_exact(mixed.m.max(1)));
    for (row, probabilities) in rows {
        let mean: f32 = row.iter().zip(probabilities).map(|(g, p)| g * p).sum();
        row.iter_mut()
            .zip(probabilities)
            .for_each(|(g, p)| *g = p * (*g - mean));
    }
    if let (Some(cap), Some(qk)) = (heads.soft_cap, mixed.qk()) {
        let capped = attention.scores(qk, head);
        scores
            .iter_mut()
            .zip(capped.iter())
            .for_each(|(g, score)| *g *= 1.0 - (score / cap).powi(2));
    }
    scores
}

/// Adds gradients through the scores of relative positions.
fn add_position_gradients(
    apart: &Disentangled,
    attention: &Attention,
    qk: &QueriesAndKeys,
    (head, scores): (usize, &[f32]),
    to_queries: &mut [f32],
    to_keys: &mut [f32],
) {
    let (dim, width) = (attention.heads.dim, attention.heads.count * attention.heads.dim);
    let m = attention.sources(qk).max(1);
    for (i, row) in scores.chunks_exact(m).enumerate() {
        for (j, gradient) in row.iter().enumerate() {
            let bucket = apart.row(i as i64 - j as i64);
            let give = |table: &Option<Vec<f32>>, to: &mut [f32], own: usize| {
                let Some(table) = table else { return };
                let entries = &table[bucket * width + head * dim..][..dim];
                let to = &mut to[own * width + head * dim..][..dim];
                to.iter_mut()
                    .zip(entries)
                    .for_each(|(to, v)| *to += gradient * attention.heads.scale * v);
            };
            give(&apart.keys, to_queries, i);
            give(&apart.queries, to_keys, j);
        }
    }
}

/// Pulls gradients back through the rotations and norms of queries and keys.
fn undo_norms_and_rotations(
    attention: &Attention,
    qk: &QueriesAndKeys,
    (mut queries, mut keys): (PooledRows, PooledRows),
    (own_queries, own_keys): (&[f32], &[f32]),
) -> (PooledRows, PooledRows) {
    let heads = attention.heads;
    if let LoadedPosition::Rotary(rotary) = &attention.position {
        let (q_width, kv_width) = (heads.count * heads.dim, heads.kv * heads.dim);
        let tokens = qk.first + queries.len() / q_width.max(1);
        rotate_back(&mut queries, (q_width, heads.dim), rotary, qk.first, tokens);
        rotate_back(&mut keys, (kv_width, heads.dim), rotary, 0, tokens);
    }
    if let Some((query_norm, key_norm)) = &attention.norms {
        let inverses = query_norm.forward(own_queries).1;
        queries = query_norm.gradient(&queries, own_queries, &inverses);
        let inverses = key_norm.forward(own_keys).1;
        keys = key_norm.gradient(&keys, own_keys, &inverses);
    }
    (queries, keys)
}
