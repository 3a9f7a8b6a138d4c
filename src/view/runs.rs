//! A text as runs: its words, and what stands between them.

use serde_json::{Value, json};

use crate::text::ByteRange;

/// The runs of a text, in order; a run that is a word has its index.
pub(super) fn runs(text: &str, words: &[ByteRange]) -> Vec<Value> {
    let (mut runs, mut at) = (Vec::new(), 0);
    for (index, word) in words.iter().enumerate() {
        if at < word.start {
            runs.push(json!({ "text": &text[at..word.start] }));
        }
        runs.push(json!({ "text": &text[word.clone()], "word": index }));
        at = word.end;
    }
    if at < text.len() {
        runs.push(json!({ "text": &text[at..] }));
    }
    runs
}
