//! Raw attention: how much each position mixed from each other one, by layer and head. It does not explain the result (Jain & Wallace
//! 2019), and reports say so.

use candle_core::{Result, Tensor};

use super::TokenScores;
use super::choice::{Heads, Over};
use super::contributions::{self, Mixing, roll_out};
use crate::model::tape::{BlockSite, Op};
use crate::model::{ModelError, Pooling, TapeTrace, Trace};

/// The attention probabilities of one layer, of one head or averaged over heads. Row i shows where position i looked.
///
/// # Errors
/// If the layer or head does not exist.
pub fn map(trace: &Trace, layer: usize, head: Option<usize>) -> Result<Mixing> {
    let maps = trace.attention(layer)?; // (heads, n, n)
    let heads = maps.dim(0)?;
    let matrix = match head {
        None => maps.mean(0)?,
        Some(head) if head < heads => maps.get(head)?,
        Some(head) => candle_core::bail!("head {head} does not exist: a layer has {heads}"),
    };
    mixing(&matrix)
}

/// The attention of each layer from one row, averaged over heads: (layers, m). `blocks` are those of the decoder for an encoder–decoder, where
/// `cross` chooses the attention to the text that was read.
///
/// # Errors
/// [`ModelError::Unable`] if the pass kept no attention of this kind.
pub fn of_row(
    trace: &TapeTrace,
    blocks: &[BlockSite],
    cross: bool,
    row: usize,
) -> std::result::Result<Vec<f32>, ModelError> {
    let unable = || ModelError::Unable("show this attention");
    let mut out = Vec::new();
    for block in blocks {
        let site = block.attention.iter().find(|site| site.cross == cross);
        let Some(Op::Mix { mixed, .. }) = site.map(|site| &trace.tape.nodes[site.mix].op) else {
            return Err(unable());
        };
        let mixed = mixed.get(trace.sequence).ok_or_else(unable)?;
        let heads = mixed.attention().heads.count;
        let mut mean = vec![0f32; mixed.m];
        for head in 0..heads {
            let map = mixed.head(head);
            let own = map.get(row * mixed.m..(row + 1) * mixed.m).ok_or_else(unable)?;
            mean.iter_mut().zip(own).for_each(|(mean, p)| *mean += p / heads as f32);
        }
        out.extend(mean);
    }
    Ok(out)
}

/// The cross-attention of an encoder–decoder from one row of its decoder, averaged over layers and heads: by token of the text that was read.
///
/// # Errors
/// As [`of_row`].
pub fn cross(trace: &TapeTrace, row: usize) -> std::result::Result<Vec<f32>, ModelError> {
    let layers = trace.tape.decoder.len();
    let all = of_row(trace, &trace.tape.decoder, true, row)?;
    let m = all.len() / layers.max(1);
    let mut mean = vec![0f32; m];
    for layer in all.chunks_exact(m.max(1)) {
        mean.iter_mut()
            .zip(layer)
            .for_each(|(mean, p)| *mean += p / layers as f32);
    }
    Ok(mean)
}

/// Attention each token received, averaged over queries and the chosen maps; sums to 1.
///
/// # Errors
/// If the layer or head does not exist.
pub fn received(trace: &Trace, heads: Heads) -> Result<TokenScores> {
    received_over(trace, heads, Over::Mean)
}

/// As [`received`]; with [`Over::Max`] it is the mean over queries of the largest entry in the chosen maps, which sums to more than 1.
///
/// # Errors
/// As [`received`].
pub fn received_over(trace: &Trace, heads: Heads, over: Over) -> Result<TokenScores> {
    let mut layers = heads.layer.map_or(0..trace.layer_count(), |layer| layer..layer + 1);
    let tokens = match over {
        Over::Mean => {
            let columns = layers
                .map(|layer| {
                    let map = map(trace, layer, heads.head)?;
                    Tensor::from_vec(map.entries, (map.n, map.n), trace.hidden.device())?.mean(0) // (n)
                })
                .collect::<Result<Vec<_>>>()?;
            Tensor::stack(&columns, 0)?.mean(0)?
        }
        Over::Max => {
            let largest = layers.try_fold(None, |known: Option<Tensor>, layer| {
                let maps = trace.attention(layer)?; // (heads, n, n)
                let own = match heads.head {
                    None => maps.max(0)?,
                    Some(head) if head < maps.dim(0)? => maps.get(head)?,
                    Some(head) => candle_core::bail!("head {head} does not exist"),
                };
                let own = match known {
                    Some(known) => known.maximum(&own)?,
                    None => own,
                };
                Ok::<_, candle_core::Error>(Some(own))
            })?;
            let Some(largest) = largest else {
                candle_core::bail!("the trace has no layers")
            };
            largest.mean(0)?
        }
    };
    Ok(TokenScores {
        tokens: tokens.to_vec1()?, // (n)
        bias: 0.0,
    })
}

/// One layer of attention rollout: ½(mean_h A + I).
pub(super) fn half(trace: &Trace, layer: usize) -> Result<Mixing> {
    let mut mixing = map(trace, layer, None)?;
    let n = mixing.n;
    mixing.entries.iter_mut().for_each(|v| *v *= 0.5);
    mixing.entries.iter_mut().step_by(n + 1).for_each(|v| *v += 0.5);
    Ok(mixing)
}

/// Attention rollout (Abnar & Zuidema, ACL 2020): the product of ½(mean_h A + I) over the layers.
///
/// # Errors
/// If the trace has no layers.
pub fn rollout(trace: &Trace) -> Result<Mixing> {
    roll_out((0..trace.layer_count()).map(|layer| half(trace, layer)))
}

/// Score of each token for the embedding: the pooled rows of [`rollout`]. Sums to 1.
///
/// # Errors
/// If the trace has no layers.
pub fn rollout_scores(trace: &Trace, pooling: Pooling) -> Result<TokenScores> {
    contributions::scores(trace, pooling, |layer| half(trace, layer))
}

fn mixing(matrix: &Tensor) -> Result<Mixing> {
    Ok(Mixing {
        entries: matrix.flatten_all()?.to_vec1()?,
        n: matrix.dim(0)?,
    })
}
