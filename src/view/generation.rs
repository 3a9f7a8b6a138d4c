//! Continues a unit token by token: candidates for the next token, and explanations of written tokens.
//!
//! The page sends the tokens written so far, so it can start, stop and go back by itself. The server keeps keys and values of the last
//! text, so the next token costs one row.

use std::sync::PoisonError;
use std::time::Instant;

use serde_json::{Value, json};

use super::encode::floats;
use super::error::missing;
use super::lens::{entropy, likeliest, probabilities};
use super::passes::{Pass, run};
use super::writer::Writer;
use super::{Explorer, ViewError, tokens};
use crate::explain::{attention, target};
use crate::model::tape::Target;
use crate::model::{ModelError, TraceLevel};

/// Number of listed candidates for the next token.
const TOP: usize = 12;

/// The candidates for the token after a unit and the tokens written after it.
///
/// # Errors
/// If the model cannot generate, or a token is not in its vocabulary.
pub(super) fn next(explorer: &Explorer, unit: usize, written: &[u32]) -> Result<Value, ViewError> {
    let start = Instant::now();
    let pass = explorer.pass(unit)?;
    let ids = sequence(explorer, &pass, written)?;
    let window = explorer.network.spec.window;
    if ids.len() >= window {
        return Ok(json!({ "full": window, "next": [], "ms": start.elapsed().as_secs_f64() * 1e3 }));
    }
    let row = last_row(explorer, unit, &pass, &ids)?;
    let shares = probabilities(&explorer.network.logits(&row)?.unwrap_or_default());
    let mut told = String::new();
    tokens::added(&explorer.model, written, &mut told);
    let listed = likeliest(&shares, TOP).into_iter().map(|id| {
        let mut with = written.to_vec();
        with.push(id as u32);
        let text = tokens::added(&explorer.model, &with, &mut told.clone());
        json!({
            "id": id,
            "text": text,
            "name": tokens::name(&explorer.model, id as u32),
            "probability": shares[id],
            "ends": explorer.network.spec.ends.contains(&(id as u32)),
        })
    });
    Ok(json!({
        "text": told,
        "next": listed.collect::<Vec<_>>(),
        "entropy": entropy(&shares),
        "ms": start.elapsed().as_secs_f64() * 1e3,
    }))
}

/// The tokens before the next token.
fn sequence(explorer: &Explorer, pass: &Pass, written: &[u32]) -> Result<Vec<u32>, ViewError> {
    let network = &explorer.network;
    if !network.writes() {
        return Err(ModelError::Unable("predict the next token").into());
    }
    let vocabulary = network.spec.vocabulary;
    if let Some(id) = written.iter().find(|id| **id as usize >= vocabulary) {
        return Err(missing("token", *id as usize, vocabulary));
    }
    let mut ids = match network.spec.decoder {
        Some(_) => vec![network.spec.start.unwrap_or(0)],
        None => pass.tokens.ids.clone(),
    };
    ids.extend_from_slice(written);
    match ids.is_empty() {
        true => Err(ModelError::Unable("write on from nothing").into()),
        false => Ok(ids),
    }
}

/// The last hidden state of the last of some tokens.
fn last_row(explorer: &Explorer, unit: usize, pass: &Pass, ids: &[u32]) -> Result<Vec<f32>, ViewError> {
    let mut kept = explorer.known.writer.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.take().filter(|own| own.is_before(unit, ids));
    let mut writer = found.unwrap_or_else(|| Writer::of(unit));
    let row = writer.last_row(&explorer.network, pass, ids)?;
    *kept = Some(writer);
    Ok(row)
}

/// Explains the logit of the last written token, or the difference to another logit, and shows its row's attention.
///
/// # Errors
/// As [`next`].
pub(super) fn why(explorer: &Explorer, unit: usize, written: &[u32], other: Option<u32>) -> Result<Value, ViewError> {
    let start = Instant::now();
    let pass = explorer.pass(unit)?;
    let Some((token, before)) = written.split_last() else {
        return Err(ViewError::Missing("token that was written".to_owned()));
    };
    let ids = sequence(explorer, &pass, before)?;
    let vocabulary = explorer.network.spec.vocabulary;
    if let Some(id) = other.iter().chain([token]).find(|id| **id as usize >= vocabulary) {
        return Err(missing("token", *id as usize, vocabulary));
    }
    let decoder = explorer.network.spec.decoder.is_some();
    let ran = match decoder {
        true => run(&explorer.network, &pass.tokens.ids, &ids, &[], TraceLevel::Layers)?,
        false => run(&explorer.network, &ids, &[], &[], TraceLevel::Layers)?,
    };
    let trace = ran.trace.tape.as_ref().ok_or(ViewError::Unread)?;
    let (row, output) = (ids.len() - 1, *token as usize);
    let wanted = match other {
        Some(other) if other != *token => Target::Difference {
            row,
            output,
            other: other as usize,
        },
        _ => Target::Logit { row, output },
    };
    let scores = target(&explorer.network, trace, &wanted)?;
    let blocks = if decoder {
        &trace.tape.decoder
    } else {
        &trace.tape.blocks
    };
    Ok(json!({
        "value": scores.value,
        "bias": scores.bias,
        "residual": scores.residual,
        "reading": floats(&scores.reading),
        "writing": floats(&scores.writing),
        "layers": blocks.len(),
        "own": floats(&attention::of_row(trace, blocks, false, row)?),
        "cross": if decoder { Some(floats(&attention::of_row(trace, blocks, true, row)?)) } else { None },
        "ms": start.elapsed().as_secs_f64() * 1e3,
    }))
}
