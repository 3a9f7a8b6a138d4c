//! Measures how deleting words changes an embedding or a decoder's next token. Explanations are tested against it.
//!
//! The tokens of the words are removed from the sequence that the model reads. The text is not tokenized again, since that might give other
//! tokens. Special tokens always stay. The change of an embedding is 1 - cos(e, e'), 0 to 2; the change of a number is its decrease.

use super::split::cosine;
use super::{Goal, Subject};
use crate::model::{Checkpoint, Model, ModelError, Packed, Trace, TraceLevel};

/// Tokens of one batch.
const BATCH: usize = 2048;

/// A text whose words can be deleted.
pub struct Deletions<'a> {
    model: &'a Model,
    ids: &'a [u32],
    /// The word of each token.
    owners: Vec<Option<usize>>,
    whole: Whole<'a>,
}

/// The result for the whole text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whole<'a> {
    /// Its embedding.
    Embedding(&'a [f32]),
    /// The explained number: its goal and value.
    Value(Goal, f64),
}

impl<'a> Whole<'a> {
    /// The goal's result for a subject.
    pub(super) fn of(model: &Model, subject: &Subject<'a>) -> Result<Whole<'a>, ModelError> {
        Ok(match subject.goal {
            Goal::Embedding => Whole::Embedding(subject.embedding),
            goal => Whole::Value(goal, goal.value(model, subject.trace)?),
        })
    }

    /// The change that each of several shortened texts makes. They are given as token ids and read in batches.
    pub(super) fn changes(
        &self,
        model: &Model,
        texts: &[Vec<u32>],
        checkpoint: Checkpoint,
    ) -> Result<Vec<f32>, ModelError> {
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
            for trace in model.encoder().forward(&packed, TraceLevel::LastHidden, checkpoint)? {
                changes.push(self.change(model, &trace)?);
            }
        }
        Ok(changes)
    }

    /// The change that a pass over the remaining text shows. An empty text changes an embedding by 1.
    pub(super) fn change(&self, model: &Model, rest: &Trace) -> Result<f32, ModelError> {
        Ok(match self {
            Whole::Embedding(whole) => (1.0 - cosine(whole, &model.pool(rest)?).0) as f32,
            Whole::Value(goal, whole) => (whole - goal.value(model, rest)?) as f32,
        })
    }
}

impl<'a> Deletions<'a> {
    /// The text of some ids with its embedding; `words` lists the tokens of each word.
    pub fn new(model: &'a Model, ids: &'a [u32], words: &[Vec<usize>], embedding: &'a [f32]) -> Deletions<'a> {
        Deletions::with(model, ids, words, Whole::Embedding(embedding))
    }

    /// The text of a subject, with its goal; `words` lists the tokens of each word.
    ///
    /// # Errors
    /// [`ModelError::Unable`] for the next token of a model that predicts none.
    pub fn of(model: &'a Model, subject: &Subject<'a>, words: &[Vec<usize>]) -> Result<Deletions<'a>, ModelError> {
        Ok(Deletions::with(
            model,
            &subject.tokens.ids,
            words,
            Whole::of(model, subject)?,
        ))
    }

    fn with(model: &'a Model, ids: &'a [u32], words: &[Vec<usize>], whole: Whole<'a>) -> Deletions<'a> {
        let mut owners = vec![None; ids.len()];
        for (word, tokens) in words.iter().enumerate() {
            tokens.iter().for_each(|token| owners[*token] = Some(word));
        }
        Deletions {
            model,
            ids,
            owners,
            whole,
        }
    }

    /// The change that each set of deleted words makes; `deleted[k][w]` says whether set k has word w.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
    pub fn changes(&self, deleted: &[Vec<bool>], checkpoint: Checkpoint) -> Result<Vec<f32>, ModelError> {
        let rest = |deleted: &Vec<bool>| -> Vec<u32> {
            let kept = self.ids.iter().zip(&self.owners);
            let kept = kept.filter(|(_, owner)| owner.is_none_or(|word| !deleted[word]));
            kept.map(|(id, _)| *id).collect()
        };
        let texts: Vec<Vec<u32>> = deleted.iter().map(rest).collect();
        self.whole.changes(self.model, &texts, checkpoint)
    }
}
