//! A number of a head by the words of a document, in which the text that the model read has its place.

use super::{TargetScores, WordMap};
use crate::text::ByteRange;

/// A number of a head, split by the words of a document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// The words, as ranges of the document.
    pub ranges: Vec<ByteRange>,
    /// What each word adds.
    pub scores: Vec<f32>,
    /// What special tokens add.
    pub special: f64,
    /// What the constants of the model add.
    pub bias: f64,
    /// The number.
    pub value: f64,
    /// How far the parts miss it, where they should sum to it.
    pub residual: Option<f64>,
}

impl Parts {
    /// The scores of tokens by word; `place` says where words stand in the document.
    pub fn of_tokens(scores: &TargetScores, map: &WordMap, place: &dyn Fn(&ByteRange) -> ByteRange) -> Parts {
        let by_word = scores.by_word(map);
        Parts {
            ranges: map.words.iter().map(place).collect(),
            scores: by_word.words,
            special: by_word.special + by_word.written,
            bias: scores.bias,
            value: scores.value,
            residual: Some(scores.residual),
        }
    }

    /// Adds the parts of another text, times a weight.
    pub fn add(&mut self, other: Parts, weight: f64) {
        self.ranges.extend(other.ranges);
        let scores = other.scores.iter().map(|score| (f64::from(*score) * weight) as f32);
        self.scores.extend(scores);
        self.special += weight * other.special;
        self.bias += weight * other.bias;
        self.value += weight * other.value;
        self.residual = match (self.residual, other.residual) {
            (Some(own), Some(residual)) => Some(own + weight * residual),
            (own, residual) => own.or(residual.map(|residual| weight * residual)),
        };
    }
}
