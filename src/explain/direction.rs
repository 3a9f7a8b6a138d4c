//! Splits the projection of an embedding on a direction over words: a probe's logit, a label's cosine.
//!
//! The number is linear in the embedding of unit length, so one backward pass over the passage gives exact shares of it (as in
//! [`super::decomposition`], with the direction as target instead of the embedding).

use std::time::Instant;

use super::passage::Passage;
use super::split::{dot, length};
use crate::model::{Checkpoint, Model, ModelError};
use crate::text::{ByteRange, Language};

/// A passage of any length that the model has read.
pub struct Directed {
    model: Model,
    passage: Passage,
}

impl std::fmt::Debug for Directed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directed").finish_non_exhaustive()
    }
}

/// The contributions of a passage's parts to ⟨direction, embedding / |embedding|⟩.
#[derive(Debug, Clone, PartialEq)]
pub struct Along {
    /// The number.
    pub value: f64,
    /// The passage's words, as ranges of its text.
    pub words: Vec<ByteRange>,
    /// The contribution of each word.
    pub scores: Vec<f32>,
    /// The contribution of special tokens.
    pub special: f32,
    /// The contribution of the network's biases.
    pub bias: f32,
    /// |value - sum of all parts|.
    pub residual: f64,
    /// Milliseconds.
    pub ms: f32,
}

impl Directed {
    /// Reads a passage in the same way as the index.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
    pub fn read(model: &Model, text: (&str, Language), checkpoint: Checkpoint) -> Result<Directed, ModelError> {
        Ok(Directed {
            model: model.clone(),
            passage: Passage::read(model, text, checkpoint)?,
        })
    }

    /// Its embedding, of unit length; zeros for a passage without tokens.
    pub fn embedding(&self) -> Vec<f32> {
        let scale = length(&self.passage.embedding).max(f64::MIN_POSITIVE).recip();
        let own = self.passage.embedding.iter();
        own.map(|v| (f64::from(*v) * scale) as f32).collect()
    }

    /// Share of its letters that the vocabulary contains.
    pub fn coverage(&self) -> f32 {
        self.passage.coverage
    }

    /// Splits the inner product of its embedding with a direction.
    ///
    /// # Errors
    /// As [`Directed::read`].
    pub fn along(&self, direction: &[f32], checkpoint: Checkpoint) -> Result<Along, ModelError> {
        let start = Instant::now();
        let scale = length(&self.passage.embedding).max(f64::MIN_POSITIVE).recip();
        let shares = self.passage.shares(&self.model, direction, checkpoint)?.times(scale);
        let value = dot(&self.passage.embedding, direction) * scale;
        Ok(Along {
            value,
            residual: (value - shares.sum()).abs(),
            words: self.passage.words.clone(),
            scores: shares.words,
            special: shares.special,
            bias: shares.bias,
            ms: start.elapsed().as_secs_f32() * 1e3,
        })
    }
}
