//! Measures how deleting words changes an embedding or a number. Explanations are tested against it.
//!
//! The tokens of the words are removed from the sequence that the model reads. The text is not tokenized again, since that might give other
//! tokens. Special tokens always stay. The change of an embedding is 1 - cos(e, e'), 0 to 2; the change of a number is its decrease.
//!
//! Some outputs of a head are read at a word, such as the start of an answer. Deletion would remove that place, so blank tokens take the
//! place of words.

use super::split::cosine;
use super::{Goal, Owner, Subject, goal};
use crate::model::{Ability, Checkpoint, Model, ModelError, Packed, Trace, TraceLevel};

/// Tokens of one batch.
const BATCH: usize = 2048;

/// A text whose words can be deleted.
pub struct Deletions<'a> {
    model: &'a Model,
    ids: &'a [u32],
    types: &'a [u32],
    /// The word of each token.
    owners: Vec<Option<usize>>,
    whole: Whole<'a>,
    /// The token that replaces deleted ones, if their places must remain.
    blank: Option<u32>,
}

/// The result for the whole text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whole<'a> {
    /// Its embedding.
    Embedding(&'a [f32]),
    /// The explained number: its goal and value.
    Value(Goal<'a>, f64),
}

/// What is left of a text: its tokens and their types.
#[derive(Debug, Clone, Default)]
pub(super) struct Rest {
    pub ids: Vec<u32>,
    /// Empty for a model that reads single texts.
    pub types: Vec<u32>,
    /// The positions of these tokens in the text.
    pub kept: Vec<usize>,
}

impl<'a> Whole<'a> {
    /// The goal's result for a subject.
    pub(super) fn of(model: &Model, subject: &Subject<'a>) -> Result<Whole<'a>, ModelError> {
        Ok(match subject.goal {
            Goal::Embedding => Whole::Embedding(subject.embedding),
            goal => Whole::Value(goal, goal.value(model, subject.trace)?),
        })
    }

    /// The change that each of several shortened texts makes. They are read in batches.
    pub(super) fn changes(
        &self,
        model: &Model,
        texts: &[Rest],
        checkpoint: Checkpoint,
    ) -> Result<Vec<f32>, ModelError> {
        let mut changes = Vec::with_capacity(texts.len());
        while changes.len() < texts.len() {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            let mut tokens = 0;
            let fits = texts[changes.len()..].iter().take_while(|rest| {
                tokens += rest.ids.len();
                tokens <= BATCH
            });
            let count = fits.count().max(1);
            let batch = &texts[changes.len()..changes.len() + count];
            let mut packed = Packed::new(batch.iter().map(|rest| rest.ids.as_slice()));
            packed.types = batch.iter().flat_map(|rest| rest.types.iter().copied()).collect();
            let traces = model.encoder().forward(&packed, TraceLevel::LastHidden, checkpoint)?;
            for (trace, rest) in traces.iter().zip(batch) {
                changes.push(self.change(model, trace, &rest.kept)?);
            }
        }
        Ok(changes)
    }

    /// The change that a pass over the remaining text shows; `kept` lists the remaining tokens. An empty text changes an embedding by 1.
    pub(super) fn change(&self, model: &Model, rest: &Trace, kept: &[usize]) -> Result<f32, ModelError> {
        Ok(match self {
            Whole::Embedding(whole) => (1.0 - cosine(whole, &model.pool(rest)?).0) as f32,
            Whole::Value(goal, whole) => (whole - goal.following(kept).value(model, rest)?) as f32,
        })
    }

    /// The number that is explained; 1 for an embedding, which is not a number.
    pub(super) fn value(&self) -> f64 {
        match self {
            Whole::Embedding(_) => 1.0,
            Whole::Value(_, value) => *value,
        }
    }
}

impl<'a> Deletions<'a> {
    /// The text of some ids with its embedding; `words` lists the tokens of each word.
    pub fn new(model: &'a Model, ids: &'a [u32], words: &[Vec<usize>], embedding: &'a [f32]) -> Deletions<'a> {
        Deletions {
            model,
            ids,
            types: &[],
            owners: owners(ids.len(), words),
            whole: Whole::Embedding(embedding),
            blank: None,
        }
    }

    /// The text of a subject, with its goal; `words` lists the tokens of each word.
    ///
    /// # Errors
    /// [`ModelError::Unable`] for an output of a model without a head; [`ModelError::Meaningless`] if a place must remain that no token of
    /// the vocabulary can hold.
    pub fn of(model: &'a Model, subject: &Subject<'a>, words: &[Vec<usize>]) -> Result<Deletions<'a>, ModelError> {
        Ok(Deletions {
            model,
            ids: &subject.tokens.ids,
            types: subject.types,
            owners: owners(subject.tokens.len(), words),
            whole: Whole::of(model, subject)?,
            blank: read_at_words(model, subject)?.then(|| blank(model)).transpose()?,
        })
    }

    /// The number that is explained; 1 for an embedding, which is not a number.
    pub(super) fn value(&self) -> f64 {
        self.whole.value()
    }

    /// The change that each set of deleted words makes; `deleted[k][w]` says whether set k has word w.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
    pub fn changes(&self, deleted: &[Vec<bool>], checkpoint: Checkpoint) -> Result<Vec<f32>, ModelError> {
        let texts: Vec<Rest> = deleted.iter().map(|deleted| self.without(deleted)).collect();
        self.whole.changes(self.model, &texts, checkpoint)
    }

    fn without(&self, deleted: &[bool]) -> Rest {
        let mut rest = Rest::default();
        for (token, owner) in self.owners.iter().enumerate() {
            let id = match owner {
                Some(word) if deleted[*word] => self.blank,
                _ => Some(self.ids[token]),
            };
            let Some(id) = id else { continue };
            rest.ids.push(id);
            rest.types.extend(self.types.get(token));
            rest.kept.push(token);
        }
        rest
    }
}

fn owners(tokens: usize, words: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut owners = vec![None; tokens];
    for (word, tokens) in words.iter().enumerate() {
        tokens.iter().for_each(|token| owners[*token] = Some(word));
    }
    owners
}

/// Whether the goal is an output that is read at a word. The last token of a decoder is no such place: whatever token is last then predicts.
fn read_at_words(model: &Model, subject: &Subject) -> Result<bool, ModelError> {
    let Goal::Output(target) = subject.goal else {
        return Ok(false);
    };
    if model.info().abilities.contains(&Ability::NextToken) {
        return Ok(false);
    }
    let hidden: Vec<f32> = subject.trace.hidden.flatten_all()?.to_vec1()?;
    let places = goal::network(model)?.places(&hidden, &target)?;
    Ok(places
        .iter()
        .any(|row| subject.words.owners.get(*row) != Some(&Owner::Special)))
}

/// The token that stands for a word that is not there: the mask, or else the padding or unknown token.
///
/// # Errors
/// [`ModelError::Meaningless`] if the vocabulary has none of them.
pub(super) fn blank(model: &Model) -> Result<u32, ModelError> {
    let tokenizer = model.tokenizer();
    let blank = tokenizer.mask().map(|(_, id)| id).or(tokenizer.blank());
    blank.ok_or_else(|| {
        ModelError::Meaningless(
            "the vocabulary has no mask, padding or unknown token that could take the place of a word; delete words, or choose another method"
                .to_owned(),
        )
    })
}
