//! Leave-one-out: how far the embedding turns when one word is deleted, 1 - cos(e(x), e(x without the word)).
//!
//! It needs a pass of the model for each word. What it says is exact, of one word at a time: two words that say the same hide each other.

use super::deletion::Deletions;
use super::{Subject, TokenScores};
use crate::model::{Checkpoint, Model, ModelError};

/// The change that each word's absence makes, on the first token of the word; 0 on the others and on special tokens.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint says so; otherwise what the model reports.
pub fn scores(model: &Model, subject: &Subject, checkpoint: Checkpoint) -> Result<TokenScores, ModelError> {
    let words = subject.words.tokens_of_words();
    let deletions = Deletions::new(model, &subject.tokens.ids, &words, subject.embedding);
    let each: Vec<Vec<bool>> = (0..words.len())
        .map(|word| (0..words.len()).map(|other| other == word).collect())
        .collect();
    let mut tokens = vec![0f32; subject.tokens.len()];
    for (own, change) in words.iter().zip(deletions.changes(&each, checkpoint)?) {
        if let Some(first) = own.first() {
            tokens[*first] = change;
        }
    }
    Ok(TokenScores { tokens, bias: 0.0 })
}
