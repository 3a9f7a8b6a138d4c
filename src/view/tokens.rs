//! Prepares tokens for the page.

use serde_json::{Value, json};

use crate::explain::Owner;
use crate::model::{Model, Tokens};

/// Tokens of a text, each with the text between it and the previous token.
pub(super) fn of_text(model: &Model, text: &str, tokens: &Tokens, owners: &[Owner]) -> Vec<Value> {
    let token = |token: usize| {
        let word = match owners[token] {
            Owner::Word(word) => Some(word),
            Owner::Special => None,
        };
        let before = token.checked_sub(1).map_or(0, |before| tokens.spans[before].end);
        let gap = text.get(before..tokens.spans[token].start).unwrap_or_default();
        json!({
            "gap": if tokens.special[token] { "" } else { gap },
            "piece": model.tokenizer().token(tokens.ids[token]).unwrap_or_default(),
            "source": text.get(tokens.spans[token].clone()).unwrap_or_default(),
            "id": tokens.ids[token],
            "special": tokens.special[token],
            "word": word,
        })
    };
    (0..tokens.len()).map(token).collect()
}

/// Tokens without a source text, such as generated ones, each with the text that it adds.
pub(super) fn written(model: &Model, ids: &[u32], start: Option<u32>) -> Vec<Value> {
    let mut told = String::new();
    let token = |(at, id): (usize, &u32)| {
        let first = at == 0 && start == Some(*id);
        let text = match first {
            true => String::new(),
            false => added(model, &ids[usize::from(start.is_some())..=at], &mut told),
        };
        json!({
            "gap": "",
            "piece": model.tokenizer().token(*id).unwrap_or_default(),
            "source": text,
            "id": id,
            "special": first,
            "word": null,
        })
    };
    ids.iter().enumerate().map(token).collect()
}

/// The text that the last token adds to `told`, the text of the tokens before.
pub(super) fn added(model: &Model, ids: &[u32], told: &mut String) -> String {
    let text = model.tokenizer().decode(ids);
    let whole = text.trim_end_matches('\u{fffd}');
    let piece = whole.strip_prefix(told.as_str()).unwrap_or_default().to_owned();
    *told = whole.to_owned();
    piece
}

/// The name of a token in a list: its text, or its name in the vocabulary if it has no text alone.
pub(super) fn name(model: &Model, id: u32) -> String {
    match model.tokenizer().decode(&[id]) {
        text if text.is_empty() || text.contains('\u{fffd}') => model.tokenizer().token(id).unwrap_or_default(),
        text => text,
    }
}
