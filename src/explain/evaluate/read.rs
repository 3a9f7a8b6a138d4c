//! A unit as the tokenizer read it, and the scores of methods for it.

use std::time::Instant;

use super::super::{Goal, Heads, Method, Owner, Subject, WordMap, salience};
use super::soft::{self, Soft};
use crate::model::{Checkpoint, Model, ModelError, Packed, Tokens, Trace, TraceLevel};

/// A unit: the same for all models of an evaluation.
pub(super) struct Read<'a> {
    pub text: &'a str,
    pub tokens: Tokens,
    pub words: WordMap,
    pub goal: Goal<'a>,
}

impl Read<'_> {
    /// A pass over it.
    pub fn pass(&self, model: &Model, keep: TraceLevel, checkpoint: Checkpoint) -> Result<Option<Trace>, ModelError> {
        let batch = Packed::new([self.tokens.ids.as_slice()]);
        Ok(model.encoder().forward(&batch, keep, checkpoint)?.into_iter().next())
    }

    /// The pass as the input of a method.
    pub fn subject<'b>(&'b self, trace: &'b Trace, embedding: &'b [f32]) -> Subject<'b> {
        Subject {
            text: self.text,
            tokens: &self.tokens,
            trace,
            embedding,
            words: &self.words,
            goal: self.goal,
            types: &[],
        }
    }

    /// The score of each word by a method, and its time in milliseconds; `None` if the method refuses the unit.
    pub fn scores(
        &self,
        model: &Model,
        method: Method,
        checkpoint: Checkpoint,
    ) -> Result<Option<(Vec<f32>, f32)>, ModelError> {
        let start = Instant::now();
        let Some(trace) = self.pass(model, method.keeps(), checkpoint)? else {
            return Ok(None);
        };
        let embedding = model.pool(&trace)?;
        let subject = self.subject(&trace, &embedding);
        match salience(model, &subject, method, Heads::default(), checkpoint) {
            Ok(scores) => Ok(Some((scores.words, start.elapsed().as_secs_f32() * 1e3))),
            Err(ModelError::Meaningless(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The changes by soft erasure for each list of scores, in order.
    pub fn soft(
        &self,
        model: &Model,
        scores: &[&[f32]],
        seed: u64,
        checkpoint: Checkpoint,
    ) -> Result<Vec<Option<Soft>>, ModelError> {
        let Some(trace) = self.pass(model, TraceLevel::Layers, checkpoint)? else {
            return Ok(vec![None; scores.len()]);
        };
        let embedding = model.pool(&trace)?;
        let subject = self.subject(&trace, &embedding);
        let each = scores.iter().map(|scores| {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            soft::soft(model, &subject, scores, seed, checkpoint)
        });
        each.collect()
    }

    /// The unit without one of its words.
    pub fn without(&self, word: usize) -> Read<'_> {
        let mut tokens = self.tokens.clone();
        let kept: Vec<bool> = self
            .words
            .owners
            .iter()
            .map(|owner| *owner != Owner::Word(word))
            .collect();
        let mut keep = kept.iter();
        tokens.ids.retain(|_| keep.next().is_none_or(|kept| *kept));
        let mut keep = kept.iter();
        tokens.spans.retain(|_| keep.next().is_none_or(|kept| *kept));
        let mut keep = kept.iter();
        tokens.special.retain(|_| keep.next().is_none_or(|kept| *kept));
        let mut words = self.words.words.clone();
        words.remove(word);
        let owners = self.words.owners.iter().zip(&kept).filter(|(_, kept)| **kept);
        let owners = owners.map(|(owner, _)| match owner {
            Owner::Word(other) if *other > word => Owner::Word(other - 1),
            owner => *owner,
        });
        Read {
            text: self.text,
            tokens,
            words: WordMap {
                words,
                owners: owners.collect(),
            },
            goal: self.goal,
        }
    }
}
