//! What if a word were not there: the embedding of a unit without it. It is what shares are judged by.

use std::time::Instant;

use serde_json::{Value, json};

use super::ViewError;
use super::explorer::missing;
use super::passes::Pass;
use super::through::cosine;
use crate::explain::Owner;
use crate::model::{Model, Packed, TraceLevel, UNSTOPPED};

/// How far the embedding turns if the tokens of a word are deleted: 1 - cosine. Nothing where no token would be left.
///
/// # Errors
/// If there is no such word.
pub(super) fn answer(model: &Model, pass: &Pass, word: usize) -> Result<Value, ViewError> {
    let start = Instant::now();
    let words = pass.words.words.len();
    if word >= words {
        return Err(missing("word", word, words));
    }
    // Ids, not text: a text would be cut into other tokens.
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
