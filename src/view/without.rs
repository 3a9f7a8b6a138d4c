//! Measures how far the embedding moves without a word. Shares are judged by it.

use std::time::Instant;

use serde_json::{Value, json};

use super::ViewError;
use super::error::missing;
use super::passes::Pass;
use super::through::cosine;
use crate::explain::Owner;
use crate::model::{Model, Packed, TraceLevel, UNSTOPPED};

/// How far the embedding moves if the tokens of a word are deleted: 1 - cosine. `None` if no token would remain.
///
/// # Errors
/// If the word does not exist.
pub(super) fn answer(model: &Model, pass: &Pass, word: usize) -> Result<Value, ViewError> {
    let start = Instant::now();
    let words = pass.words.words.len();
    if word >= words {
        return Err(missing("word", word, words));
    }
    // Delete ids, not text, because a shorter text might give other tokens.
    let tokens = pass.tokens.ids.iter().zip(&pass.words.owners);
    let kept = tokens.filter(|(_, owner)| **owner != Owner::Word(word));
    let ids: Vec<u32> = kept.map(|(id, _)| *id).collect();
    let turned = match ids.is_empty() {
        true => None,
        false => {
            let batch = Packed::new([ids.as_slice()]);
            let traces = model.encoder().forward(&batch, TraceLevel::LastHidden, UNSTOPPED)?;
            let trace = traces.first().ok_or(ViewError::Unread)?;
            Some(1.0 - cosine(&pass.embedding, &model.pool(trace)?))
        }
    };
    Ok(json!({ "word": word, "turned": turned, "ms": start.elapsed().as_secs_f64() * 1e3 }))
}
