//! Attention maps, and the queries, keys and values that they come from.

use serde_json::{Value, json};

use super::ViewError;
use super::encode::{floats, fractions};
use super::error::missing;
use super::passes::Pass;
use super::question::Look;
use crate::model::spec::Mask;
use crate::model::tape::{AttentionSite, Op};

/// The attention of a layer.
fn site(pass: &Pass, look: Look, layer: usize) -> Result<&AttentionSite, ViewError> {
    let tape = &pass.tape()?.tape;
    let blocks = match look {
        Look::Reading => &tape.blocks,
        Look::Writing | Look::Cross => &tape.decoder,
    };
    let block = blocks.get(layer);
    let block = block.ok_or_else(|| missing("layer", layer, blocks.len()))?;
    let mut sites = block.attention.iter();
    let found = sites.find(|site| site.cross == (look == Look::Cross));
    found.ok_or_else(|| ViewError::Missing(format!("attention in layer {layer}")))
}

/// The maps of a layer as 16-bit fractions, (heads, n, m).
///
/// # Errors
/// If the layer does not exist.
pub(super) fn maps(pass: &Pass, look: Look, layer: usize) -> Result<Vec<u8>, ViewError> {
    let tape = pass.tape()?;
    let maps = tape.map(site(pass, look, layer)?.mix)?;
    Ok(fractions(&maps.flatten_all()?.to_vec1::<f32>()?))
}

/// Queries, keys, values, scores and probabilities of a head.
///
/// # Errors
/// If the layer or head does not exist.
pub(super) fn head(pass: &Pass, look: Look, layer: usize, head: usize) -> Result<Value, ViewError> {
    let trace = pass.tape()?;
    let tape = &trace.tape;
    let site = site(pass, look, layer)?;
    let Some(Op::Mix {
        values,
        queries,
        keys,
        mixed,
    }) = tape.nodes.get(site.mix).map(|node| &node.op)
    else {
        return Err(ViewError::Unread);
    };
    let mixed = mixed.get(trace.sequence).ok_or(ViewError::Unread)?;
    let qk = mixed.qk().ok_or(ViewError::Unread)?;
    let attention = mixed.attention();
    let heads = attention.heads;
    if head >= heads.count {
        return Err(missing("head", head, heads.count));
    }
    let columns = |rows: &[f32], width: usize, first: usize| -> Vec<f32> {
        let each = rows.chunks_exact(width.max(1));
        each.flat_map(|row| row[first..first + heads.dim].iter().copied())
            .collect()
    };
    let (q_width, kv_width) = (heads.count * heads.dim, heads.kv * heads.dim);
    let kv = heads.kv_of(head);
    let (q, k) = (
        columns(&qk.queries, q_width, head * heads.dim),
        columns(&qk.keys, kv_width, kv * heads.dim),
    );
    let v = columns(tape.value(trace.sequence, *values)?, kv_width, kv * heads.dim);
    // The outputs of the matrices, before norms and rotations.
    let made_q = columns(tape.value(trace.sequence, *queries)?, q_width, head * heads.dim);
    let made_k = columns(tape.value(trace.sequence, *keys)?, kv_width, kv * heads.dim);
    let placed = made_q != q || made_k != k;
    let scores = attention.scores(qk, head);
    // The input of softmax if there is only the product.
    let product = |i: usize, j: usize| -> f32 {
        let (q, k) = (&q[i * heads.dim..][..heads.dim], &k[j * heads.dim..][..heads.dim]);
        heads.scale * q.iter().zip(k).map(|(q, k)| q * k).sum::<f32>()
    };
    let (n, m) = (mixed.n, mixed.m);
    let positions = heads.soft_cap.is_none()
        && (0..n.min(8)).any(|i| (0..m.min(8)).any(|j| (scores[i * m + j] - product(i, j)).abs() > 1e-3));
    let seen: Vec<[usize; 2]> = (0..n)
        .map(|i| {
            let seen = heads.mask.seen(qk.first + i, m);
            [seen.start, seen.end]
        })
        .collect();
    let mask = match heads.mask {
        Mask::Full => "full".to_owned(),
        Mask::Causal => "causal".to_owned(),
        Mask::CausalWindow(width) => format!("causal, the last {width} tokens"),
        Mask::Window(reach) => format!("{reach} tokens to each side"),
    };
    Ok(json!({
        "n": n,
        "m": m,
        "dim": heads.dim,
        "heads": heads.count,
        "kv_head": kv,
        "scale": heads.scale,
        "soft_cap": heads.soft_cap,
        "placed": placed,
        "positions": positions,
        "mask": mask,
        "seen": seen,
        "q": floats(&q),
        "k": floats(&k),
        "v": floats(&v),
        "made_q": placed.then(|| floats(&made_q)),
        "made_k": placed.then(|| floats(&made_k)),
        "scores": floats(&scores),
        "probabilities": floats(&mixed.head(head)),
        "nodes": { "q": queries, "k": keys, "v": values, "mix": site.mix },
    }))
}
