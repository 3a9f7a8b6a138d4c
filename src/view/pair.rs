//! Two items of the document, word by word: contributions to their cosine, and corresponding words.

use serde_json::{Value, json};

use super::error::missing;
use super::runs::runs;
use super::{Explorer, ViewError};
use crate::explain::{Pair, Side};
use crate::model::UNSTOPPED;
use crate::similar::index::EmbeddedItem;

/// Explains why two items are similar, like `fovea compare`.
///
/// # Errors
/// If the item does not exist; otherwise errors of the model.
pub(super) fn answer(explorer: &Explorer, a: usize, b: usize) -> Result<Value, ViewError> {
    let items = &explorer.items()?.found;
    let text = |at: usize| -> Result<String, ViewError> {
        let EmbeddedItem { item, .. } = items.get(at).ok_or_else(|| missing("item", at, items.len()))?;
        Ok(explorer.snapshot.text(item.start.byte..item.end.byte).into_owned())
    };
    let (text_a, text_b) = (text(a)?, text(b)?);
    let language = explorer.snapshot.language();
    let pair = Pair::read(&explorer.model, (&text_a, language), (&text_b, language), UNSTOPPED)?;
    let report = pair.totals(None, UNSTOPPED)?;
    Ok(json!({
        "cosine": report.cosine,
        "residual": report.residual,
        "a": side(&text_a, &report.a),
        "b": side(&text_b, &report.b),
        "links": report.alignment,
        "ms": report.ms,
    }))
}

/// A text as runs; words have their contributions.
fn side(text: &str, side: &Side) -> Value {
    json!({ "runs": runs(text, &side.words), "scores": side.scores, "special": side.special, "bias": side.bias })
}
