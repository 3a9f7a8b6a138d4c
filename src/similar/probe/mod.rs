//! Probes: classes of a person's own, learned from labeled texts by logistic regression on their embeddings.
//!
//! A probe is a small file that names its model: vectors of another one mean something else. Its logits are linear in the embedding, so that
//! the words of a text have exact shares of them.

pub mod logistic;
mod train;

pub use train::{Doubtful, LabelReport, Report, TrainError, Trained, train};

use serde::{Deserialize, Serialize};

use logistic::{Weights, probabilities};

/// The version of the file; other versions are refused.
const VERSION: u32 = 1;

/// What was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    version: u32,
    /// The name of the model whose embeddings it reads.
    pub model: String,
    /// Its identity ([`crate::model::ModelInfo::id`]).
    pub encoder: String,
    /// The classes.
    pub labels: Vec<String>,
    /// One row for two classes (the logit of the second against the first), else one for each class; in multiples of unit vectors.
    rows: Vec<Vec<f32>>,
    intercepts: Vec<f32>,
    /// What logits are divided by before softmax, so that probabilities mean what they say.
    pub temperature: f32,
    /// The strength C of the fit: the smaller, the smaller the weights.
    pub strength: f32,
    /// How good it is on items that it has not seen.
    pub report: Report,
}

/// Why a file is no probe.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It is not JSON of a probe.
    #[error("this is no probe ({0}); make one with `fovea probe train`")]
    Parse(#[from] serde_json::Error),
    /// Its parts do not fit together, or another version wrote it.
    #[error("the probe's {0}; train it again with `fovea probe train`")]
    Damaged(&'static str),
}

impl Probe {
    /// Reads a probe.
    ///
    /// # Errors
    /// Says what is wrong with it, and what to do.
    pub fn parse(json: &[u8]) -> Result<Probe, ProbeError> {
        let probe: Probe = serde_json::from_slice(json)?;
        let rows = logistic::rows(probe.labels.len());
        let widths = probe.rows.iter().map(Vec::len);
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        if probe.version != VERSION {
            return Err(ProbeError::Damaged("version is another one"));
        }
        if probe.labels.len() < 2 || probe.rows.len() != rows || probe.intercepts.len() != rows {
            return Err(ProbeError::Damaged("labels and weights are not of one number"));
        }
        if widths.clone().min() != widths.max() || !probe.rows.iter().all(|row| finite(row)) {
            return Err(ProbeError::Damaged("weights are damaged"));
        }
        if !finite(&probe.intercepts) || !probe.temperature.is_finite() || probe.temperature <= 0.0 {
            return Err(ProbeError::Damaged("numbers are damaged"));
        }
        Ok(probe)
    }

    /// The width of the embeddings that it reads.
    pub fn width(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// The probability of each class for an embedding of unit length.
    pub fn probabilities(&self, embedding: &[f32]) -> Vec<f64> {
        let weights = Weights {
            rows: self.rows.iter().flatten().map(|w| f64::from(*w)).collect(),
            intercepts: self.intercepts.iter().map(|b| f64::from(*b)).collect(),
        };
        probabilities(&weights.logits(embedding), f64::from(self.temperature))
    }

    /// The logit of a class as a direction of embeddings and a constant; with `other`, that of one class less that of another. Of two classes,
    /// a logit is that of one against the other.
    pub fn direction(&self, class: usize, other: Option<usize>) -> (Vec<f32>, f32) {
        let of = |class: usize| -> (Vec<f32>, f32) {
            match self.rows.len() {
                1 if class == 0 => (self.rows[0].iter().map(|w| -w).collect(), -self.intercepts[0]),
                1 => (self.rows[0].clone(), self.intercepts[0]),
                _ => (self.rows[class].clone(), self.intercepts[class]),
            }
        };
        let (direction, constant) = of(class);
        match other.filter(|_| self.rows.len() > 1) {
            Some(other) => {
                let (away, less) = of(other);
                let difference = direction.iter().zip(&away).map(|(a, b)| a - b);
                (difference.collect(), constant - less)
            }
            None => (direction, constant),
        }
    }
}
