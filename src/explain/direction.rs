//! Explains the projection of a passage's embedding on a direction: a probe's logit, a label's cosine, the cosine with another passage.
//!
//! The number is linear in the embedding of unit length, so one backward pass over the passage gives exact shares of it (as in
//! [`super::decomposition`], with the direction as target instead of the embedding). Other methods explain it unit by unit.

use std::time::Instant;

use super::alignment::{Link, align};
use super::goal::Projection;
use super::number::number;
use super::passage::Passage;
use super::split::{dot, length};
use super::trust::{Judged, Trust, judge};
use super::{Goal, Method, Parts, Subject, WordMap};
use crate::model::{Checkpoint, Model, ModelError, Packed, weight_in_passage};
use crate::text::{ByteRange, Language};

/// A passage of any length that the model has read.
pub struct Directed {
    model: Model,
    text: String,
    passage: Passage,
}

impl std::fmt::Debug for Directed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directed").finish_non_exhaustive()
    }
}

impl Directed {
    /// Reads a passage in the same way as the index.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
    pub fn read(
        model: &Model,
        (text, language): (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Directed, ModelError> {
        Ok(Directed {
            model: model.clone(),
            text: text.to_owned(),
            passage: Passage::read(model, (text, language), checkpoint)?,
        })
    }

    /// Its embedding, of unit length; zeros for a passage without tokens.
    pub fn embedding(&self) -> Vec<f32> {
        let scale = length(&self.passage.embedding).max(f64::MIN_POSITIVE).recip();
        let own = self.passage.embedding.iter();
        own.map(|v| (f64::from(*v) * scale) as f32).collect()
    }

    /// Its words, as ranges of its text.
    pub fn words(&self) -> &[ByteRange] {
        &self.passage.words
    }

    /// The corresponding words of this passage and another one that the same model has read ([`align`]).
    ///
    /// # Errors
    /// [`ModelError::Tensor`] for a passage of another model, whose vectors have another width.
    pub fn links(&self, other: &Directed) -> Result<Vec<Link>, ModelError> {
        Ok(align(
            &self.passage.vectors,
            &other.passage.vectors,
            self.model.info().hidden,
        )?)
    }

    /// Explains the inner product of its embedding of unit length with a direction. Ranges of words are those of the passage's text.
    ///
    /// If the passage does not fit the window, methods other than the decomposition explain one unit after the other, while the other units
    /// stay as they are. The parts of such a passage have no sum.
    ///
    /// # Errors
    /// As [`Directed::read`]; [`ModelError::Meaningless`] for a method that does not explain numbers.
    pub fn along(&self, direction: &[f32], method: Method, checkpoint: Checkpoint) -> Result<Parts, ModelError> {
        match method {
            Method::Decomposition => self.shares(direction, checkpoint),
            _ => self.by_units(direction, method, checkpoint),
        }
    }

    /// Judges scores of its words that explain the inner product with a direction: whether it falls more without the highest than without random
    /// words.
    ///
    /// # Errors
    /// As [`Directed::read`].
    pub fn trust(
        &self,
        direction: &[f32],
        (method, scores): (Method, &[f32]),
        checkpoint: Checkpoint,
    ) -> Result<Trust, ModelError> {
        let start = Instant::now();
        let value = |embedding: &[f32]| dot(embedding, direction) / length(embedding).max(f64::MIN_POSITIVE);
        let whole = value(&self.passage.embedding);
        let changes = &mut |sets: &[Vec<bool>]| {
            let rest = self.passage.without(&self.model, sets, checkpoint)?;
            Ok(rest.iter().map(|embedding| (whole - value(embedding)) as f32).collect())
        };
        judge((Judged::Answer, method), &[scores], start, changes)
    }

    fn shares(&self, direction: &[f32], checkpoint: Checkpoint) -> Result<Parts, ModelError> {
        let scale = length(&self.passage.embedding).max(f64::MIN_POSITIVE).recip();
        let shares = self.passage.shares(&self.model, direction, checkpoint)?.times(scale);
        let value = dot(&self.passage.embedding, direction) * scale;
        Ok(Parts {
            ranges: self.passage.words.clone(),
            value,
            residual: Some((value - shares.sum()).abs()),
            scores: shares.words,
            special: f64::from(shares.special),
            bias: f64::from(shares.bias),
        })
    }

    fn by_units(&self, direction: &[f32], method: Method, checkpoint: Checkpoint) -> Result<Parts, ModelError> {
        let model = &self.model;
        let units = &self.passage.units;
        let mut whole = Parts::default();
        for (index, unit) in units.iter().enumerate() {
            let mut rest = Vec::new();
            let others = units.iter().enumerate().filter(|(other, _)| *other != index);
            for (_, other) in others {
                let weight = weight_in_passage(other.tokens.of_text(), length(&other.embedding) as f32);
                rest.resize(other.embedding.len(), 0.0);
                let sum = rest.iter_mut().zip(&other.embedding);
                sum.for_each(|(sum, value)| *sum += weight * value);
            }
            let tokens = &unit.tokens;
            let batch = Packed::new([tokens.ids.as_slice()]);
            let traces = model.encoder().forward(&batch, method.keeps(), checkpoint)?;
            let Some(trace) = traces.first() else { continue };
            let text = &self.text[unit.range.clone()];
            let words = WordMap::new(text, tokens);
            let subject = Subject {
                text,
                tokens,
                trace,
                embedding: &unit.embedding,
                words: &words,
                goal: Goal::Along(Projection {
                    direction,
                    rest: &rest,
                    pooling: model.pooling_of(tokens),
                    added: tokens.len() - tokens.of_text(),
                }),
                types: &[],
            };
            let parts = number(model, &subject, method, checkpoint)?.starting_at(unit.range.start);
            whole.ranges.extend(parts.ranges);
            whole.scores.extend(parts.scores);
            whole.special += parts.special;
            whole.value = parts.value;
            if units.len() == 1 {
                (whole.bias, whole.residual) = (parts.bias, parts.residual);
            }
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Source, UNSTOPPED};

    #[test]
    fn the_change_of_a_deleted_word_is_that_of_the_text_without_it() {
        let model = Model::load(&Source::EMBEDDED).unwrap();
        let read = |text: &str| Directed::read(&model, (text, Language::Prose), UNSTOPPED).unwrap();
        let direction = read("load the configuration").embedding();
        let value = |text: &str| {
            let parts = read(text).along(&direction, Method::Decomposition, UNSTOPPED).unwrap();
            parts.value
        };
        let (whole, shorter) = ("read settings from the file quickly", "read settings from the file");
        // The last word has the highest score, so that it goes first.
        let scores = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5];
        let trust = read(whole)
            .trust(&direction, (Method::Decomposition, &scores), UNSTOPPED)
            .unwrap();
        let (count, change) = trust.curve[0];
        assert_eq!(count, 1);
        let expected = value(whole) - value(shorter);
        assert!(
            (f64::from(change) - expected).abs() < 1e-5 && expected.abs() > 1e-3,
            "{change} {expected}"
        );
    }
}
