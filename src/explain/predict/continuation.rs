//! A text and what a model wrote after it: their tokens, and scores of tokens by words.

use crate::explain::{Owner, WordMap};
use crate::model::Tokens;
use crate::model::generate::Written;
use crate::text::ByteRange;

/// A prompt and what was written after it, as one text with its tokens.
pub(super) fn together((prompt, tokens): (&str, &Tokens), written: &[Written]) -> (String, Tokens) {
    let (mut text, mut all) = (prompt.to_owned(), tokens.clone());
    for token in written {
        let start = text.len();
        text += &token.text;
        all.ids.push(token.id);
        all.spans.push(start..text.len());
        all.special.push(false);
    }
    (text, all)
}

/// The words before a token, with the tokens of each; the token and those after it belong to none.
pub(super) fn words_before(text: &str, all: &Tokens, position: usize) -> WordMap {
    let before = Tokens {
        ids: all.ids[..position].to_vec(),
        spans: all.spans[..position].to_vec(),
        special: all.special[..position].to_vec(),
        coverage: all.coverage,
        prompt: all.prompt.clone(),
    };
    let mut map = WordMap::new(&text[..all.spans[position].start], &before);
    map.owners.resize(all.len() - 1, Owner::Special);
    map
}

/// The scores of tokens by words, and what special tokens have.
pub(super) fn summed(map: &WordMap, tokens: &[f32]) -> (Vec<ByteRange>, Vec<f32>, f64) {
    let (mut scores, mut special) = (vec![0f32; map.words.len()], 0.0);
    for (owner, score) in map.owners.iter().zip(tokens) {
        match owner {
            Owner::Word(word) => scores[*word] += score,
            Owner::Special => special += f64::from(*score),
        }
    }
    (map.words.clone(), scores, special)
}
