//! Explains a number by any method that explains numbers: an output of a head, or a passage's projection on a direction.

use super::{Choice, Method, Subject, salience};
use crate::model::{Checkpoint, Model, ModelError};
use crate::text::ByteRange;

/// A number, split by words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// The words, as ranges of a text or document.
    pub ranges: Vec<ByteRange>,
    /// What each word adds.
    pub scores: Vec<f32>,
    /// What special tokens add.
    pub special: f64,
    /// What belongs to no word: the constants of the model, or the number for a text without words.
    pub bias: f64,
    /// The number.
    pub value: f64,
    /// How far the parts miss it, where they should sum to it.
    pub residual: Option<f64>,
}

impl Parts {
    /// The same parts of a text that begins at a byte of a document, with ranges of the document.
    pub fn starting_at(mut self, byte: usize) -> Parts {
        for range in &mut self.ranges {
            *range = byte + range.start..byte + range.end;
        }
        self
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

impl Method {
    /// The methods that explain a number, the default first. The others say which tokens a vector is made of, which is no answer to why a
    /// number is what it is.
    pub const OF_NUMBERS: [Method; 7] = [
        Method::Decomposition,
        Method::Gradient,
        Method::IntegratedGradients,
        Method::SmoothGrad,
        Method::LeaveOneOut,
        Method::Lime,
        Method::Shap,
    ];

    /// The method of that name, if it explains numbers.
    ///
    /// # Errors
    /// A message that says why the name does not fit, and what to choose.
    pub fn of_number(name: &str) -> Result<Method, String> {
        let names = || Method::OF_NUMBERS.map(Method::name).join(", ");
        match Method::from_name(name) {
            Some(method) if Method::OF_NUMBERS.contains(&method) => Ok(method),
            Some(method) => Err(format!(
                "{} says what a vector is made of, and has no meaning for a number; choose one of {}",
                method.name(),
                names()
            )),
            None => Err(format!("no such method; choose one of {}", names())),
        }
    }
}

/// Explains the goal of a subject, which must be a number. Ranges of words are those of the subject's text.
///
/// # Errors
/// [`ModelError::Meaningless`] for a method or model that cannot explain the number; otherwise those of [`salience`].
pub fn number(model: &Model, subject: &Subject, method: Method, checkpoint: Checkpoint) -> Result<Parts, ModelError> {
    if !Method::OF_NUMBERS.contains(&method) {
        let reason = Method::of_number(method.name()).err().unwrap_or_default();
        return Err(ModelError::Meaningless(reason));
    }
    if model.network().is_some_and(|network| network.writes_another_text()) && method != Method::Decomposition {
        return Err(ModelError::Meaningless(
            "this model reads one text and writes another; its outputs are explained by decomposition only".to_owned(),
        ));
    }
    let value = subject.goal.value(model, subject.trace)?;
    let scores = salience(model, subject, method, Choice::default(), checkpoint)?;
    let sum: f64 = scores.words.iter().map(|score| f64::from(*score)).sum();
    let sum = sum + f64::from(scores.special) + f64::from(scores.bias);
    Ok(Parts {
        ranges: subject.words.words.clone(),
        scores: scores.words,
        special: f64::from(scores.special),
        bias: f64::from(scores.bias),
        value,
        residual: method.additive().then(|| (value - sum).abs()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_texts_are_added_by_their_weights() {
        let parts = |score: f32, residual: Option<f64>| Parts {
            ranges: std::iter::once(0..3).collect(),
            scores: vec![score],
            special: 0.5,
            bias: 0.25,
            value: 4.0,
            residual,
        };
        let mut sum = Parts::default();
        sum.add(parts(2.0, Some(0.1)).starting_at(10), 0.5);
        sum.add(parts(8.0, Some(0.2)).starting_at(20), 0.25);
        assert_eq!((sum.ranges, sum.scores), (vec![10..13, 20..23], vec![1.0, 2.0]));
        assert_eq!((sum.special, sum.bias, sum.value), (0.375, 0.1875, 3.0));
        assert!((sum.residual.unwrap() - 0.1).abs() < 1e-12);
        // A part that should sum to nothing has no residual.
        let mut none = parts(1.0, None);
        none.add(parts(1.0, None), 1.0);
        assert_eq!(none.residual, None);
    }

    #[test]
    fn a_method_that_cannot_explain_a_number_is_refused_with_a_reason() {
        assert_eq!(Method::of_number("shap"), Ok(Method::Shap));
        let said = Method::of_number("alti").unwrap_err();
        assert!(said.contains("no meaning") && said.contains("decomposition"), "{said}");
        let said = Method::of_number("guess").unwrap_err();
        assert!(said.starts_with("no such method"), "{said}");
    }
}
