//! How a unit moves through the layers: length and direction of each token's row, and the tokens' shares.

use rayon::prelude::*;
use serde_json::{Value, json};

use super::ViewError;
use super::encode::floats;
use super::error::missing;
use super::passes::Pass;
use crate::explain::alti;
use crate::model::Model;

/// Norms, drift and shares, layer by layer; entry 0 is the embedding, entry L the output of the model.
///
/// # Errors
/// Errors of the trace.
pub(super) fn answer(model: &Model, pass: &Pass) -> Result<Value, ViewError> {
    let trace = &pass.trace;
    let (layers, n) = (trace.layer_count(), trace.len());
    let pooling = model.pooling();
    let (mut states, mut pooled) = (Vec::new(), Vec::new());
    for layer in 0..=layers {
        let state = trace.hidden_states(layer)?;
        pooled.push(pooling.pool(&state)?.to_vec1::<f32>()?);
        states.push(state.to_vec2::<f32>()?);
    }
    let last = &states[layers];
    let norms: Vec<f32> = states.iter().flatten().map(|row| length(row)).collect();
    let drift = states.windows(2).flat_map(|pair| {
        let rows = pair[1].iter().zip(&pair[0]);
        rows.map(|(now, before)| 1.0 - cosine(now, before))
            .collect::<Vec<f32>>()
    });
    let to_last = states.iter().flat_map(|rows| {
        let rows = rows.iter().zip(last);
        rows.map(|(row, last)| cosine(row, last)).collect::<Vec<f32>>()
    });
    let end = &pooled[layers];
    Ok(json!({
        "layers": layers,
        "tokens": n,
        "norms": floats(&norms),
        "drift": floats(&drift.collect::<Vec<f32>>()),
        "to_last": floats(&to_last.collect::<Vec<f32>>()),
        "pooled_to_last": pooled.iter().map(|row| cosine(row, end)).collect::<Vec<f32>>(),
        "shares": floats(&shares(pass, &pooling.freeze(&trace.hidden)?.shares())?),
        "pooling": format!("{pooling:?}"),
    }))
}

/// Σ weight · C^l … C^1 for each layer: the tokens' shares of the pooled row after it, by ALTI: (L + 1, n).
fn shares(pass: &Pass, weights: &[f32]) -> Result<Vec<f32>, ViewError> {
    let (layers, n) = (pass.trace.layer_count(), weights.len());
    let mixing = (0..layers)
        .map(|layer| Ok(alti::layer(&pass.trace, layer)?))
        .collect::<Result<Vec<_>, ViewError>>()?;
    let of_layer = |layer: usize| -> Vec<f32> {
        mixing[..layer].iter().rev().fold(weights.to_vec(), |behind, mixing| {
            let mut before = vec![0f32; n];
            for (i, weight) in behind.iter().enumerate() {
                let row = before.iter_mut().zip(mixing.row(i));
                row.for_each(|(sum, share)| *sum += weight * share);
            }
            before
        })
    };
    let all: Vec<Vec<f32>> = (0..=layers).into_par_iter().map(of_layer).collect();
    Ok(all.concat())
}

/// A coordinate of the pooled row: the tokens' numbers and the weight of each.
///
/// # Errors
/// If the coordinate does not exist.
pub(super) fn pool(model: &Model, pass: &Pass, coordinate: usize) -> Result<Value, ViewError> {
    let rows = pass.trace.hidden.to_vec2::<f32>()?;
    let width = rows.first().map_or(0, Vec::len);
    if coordinate >= width {
        return Err(missing("coordinate", coordinate, width));
    }
    let column: Vec<f32> = rows.iter().map(|row| row[coordinate]).collect();
    let pooling = model.pooling();
    let pooled: Vec<f32> = pooling.pool(&pass.trace.hidden)?.to_vec1()?;
    // What the coordinate takes from each row.
    let mut alone = vec![0f32; width];
    alone[coordinate] = 1.0;
    let back = pooling.freeze(&pass.trace.hidden)?.back(&alone);
    let weights: Vec<f32> = back.chunks_exact(width).map(|row| row[coordinate]).collect();
    Ok(json!({
        "coordinate": coordinate,
        "column": floats(&column),
        "weights": floats(&weights),
        "pooled": pooled[coordinate],
        "length": length(&pooled),
        "pooling": format!("{pooling:?}"),
        "projected": model.has_projection(),
    }))
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn length(row: &[f32]) -> f32 {
    dot(row, row).sqrt() as f32
}

/// 0 if a row is zero.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 {
        (dot(a, b) / lengths) as f32
    } else {
        0.0
    }
}
