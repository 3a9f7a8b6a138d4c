//! What becomes of an embedding when words are deleted from the text: the measure that explanations are held against.
//!
//! The tokens of the words are taken out of the sequence that the model reads; text is never put together and tokenized again, which might
//! give other tokens. Special tokens always stay. The change is 1 - cos(e, e'), 0 to 2.

use super::split::cosine;
use crate::model::{Checkpoint, Model, ModelError, Packed, TraceLevel};

/// Tokens that the model reads at once.
const BATCH: usize = 2048;

/// A text whose words can be deleted.
pub struct Deletions<'a> {
    model: &'a Model,
    ids: &'a [u32],
    /// The word of each token.
    owners: Vec<Option<usize>>,
    embedding: &'a [f32],
}

impl<'a> Deletions<'a> {
    /// The text of some ids with its embedding; `words` lists the tokens of each word.
    pub fn new(model: &'a Model, ids: &'a [u32], words: &[Vec<usize>], embedding: &'a [f32]) -> Deletions<'a> {
        let mut owners = vec![None; ids.len()];
        for (word, tokens) in words.iter().enumerate() {
            tokens.iter().for_each(|token| owners[*token] = Some(word));
        }
        Deletions {
            model,
            ids,
            owners,
            embedding,
        }
    }

    /// How far the embedding turns for each set of deleted words; `deleted[k][w]` says whether set k has word w.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint says so; otherwise what the model reports.
    pub fn changes(&self, deleted: &[Vec<bool>], checkpoint: Checkpoint) -> Result<Vec<f32>, ModelError> {
        let rest = |deleted: &Vec<bool>| -> Vec<u32> {
            let kept = self.ids.iter().zip(&self.owners);
            let kept = kept.filter(|(_, owner)| owner.is_none_or(|word| !deleted[word]));
            kept.map(|(id, _)| *id).collect()
        };
        let texts: Vec<Vec<u32>> = deleted.iter().map(rest).collect();
        let mut changes = Vec::with_capacity(texts.len());
        while changes.len() < texts.len() {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            let mut tokens = 0;
            let fits = texts[changes.len()..].iter().take_while(|ids| {
                tokens += ids.len();
                tokens <= BATCH
            });
            let count = fits.count().max(1);
            let batch = &texts[changes.len()..changes.len() + count];
            let packed = Packed::new(batch.iter().map(Vec::as_slice));
            for trace in self
                .model
                .encoder()
                .forward(&packed, TraceLevel::LastHidden, checkpoint)?
            {
                changes.push(self.change(&self.model.pool(&trace)?));
            }
        }
        Ok(changes)
    }

    /// 1 - cosine to the whole text's embedding; 1 for a text of which nothing is left.
    fn change(&self, embedding: &[f32]) -> f32 {
        (1.0 - cosine(self.embedding, embedding).0) as f32
    }
}
