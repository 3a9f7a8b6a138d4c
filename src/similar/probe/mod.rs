//! Probes: user-defined classes, learned from labeled texts by logistic regression on embeddings.
//!
//! A probe is a small file that names its model, because vectors of another model mean something else. Its logits are linear in the
//! embedding, so each word of a text has an exact share of them.

pub mod logistic;
mod table;
mod train;

pub use table::{Labeled, relabeled, rows};
pub use train::{Doubtful, LabelReport, Report, TrainError, Trained, train, train_again};

use serde::{Deserialize, Serialize};

use logistic::{Weights, probabilities};

/// The version of the file; other versions are rejected.
const VERSION: u32 = 1;

/// A trained classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    version: u32,
    /// The name of the model whose embeddings it reads.
    pub model: String,
    /// The identity of the model ([`crate::model::ModelInfo::id`]).
    pub encoder: String,
    /// The names of the classes.
    pub labels: Vec<String>,
    /// Weights for unit vectors. Two classes share one row (logit of the second against the first), more have one row each.
    rows: Vec<Vec<f32>>,
    intercepts: Vec<f32>,
    /// Divides the logits before softmax; calibrates the probabilities.
    pub temperature: f32,
    /// The strength C of the fit: a smaller C gives smaller weights.
    pub strength: f32,
    /// Quality on items that were not used for training.
    pub report: Report,
    /// The file of labels that it was trained with; older probes do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Why a file is not a valid probe.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The file does not contain a probe as JSON.
    #[error("cannot read the probe ({0}); train one with `fovea probe train`")]
    Parse(#[from] serde_json::Error),
    /// Parts of the probe do not fit together, or another version wrote it.
    #[error("cannot use the probe: {0}; train it again with `fovea probe train`")]
    Damaged(&'static str),
}

impl Probe {
    /// Parses and validates a probe.
    ///
    /// # Errors
    /// If the file is not a valid probe; the error says what to do.
    pub fn parse(json: &[u8]) -> Result<Probe, ProbeError> {
        let probe: Probe = serde_json::from_slice(json)?;
        let rows = logistic::rows(probe.labels.len());
        let widths = probe.rows.iter().map(Vec::len);
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        if probe.version != VERSION {
            return Err(ProbeError::Damaged("another version of Fovea wrote it"));
        }
        if probe.labels.len() < 2 || probe.rows.len() != rows || probe.intercepts.len() != rows {
            return Err(ProbeError::Damaged("the numbers of labels and weights differ"));
        }
        if widths.clone().min() != widths.max() || !probe.rows.iter().all(|row| finite(row)) {
            return Err(ProbeError::Damaged("its weights are damaged"));
        }
        if !finite(&probe.intercepts) || !probe.temperature.is_finite() || probe.temperature <= 0.0 {
            return Err(ProbeError::Damaged("its numbers are damaged"));
        }
        Ok(probe)
    }

    /// The width of the embeddings that it reads.
    pub fn width(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// The probability of each class for a normalized embedding.
    pub fn probabilities(&self, embedding: &[f32]) -> Vec<f64> {
        probabilities(&self.weights().logits(embedding), f64::from(self.temperature))
    }

    fn weights(&self) -> Weights {
        Weights {
            rows: self.rows.iter().flatten().map(|w| f64::from(*w)).collect(),
            intercepts: self.intercepts.iter().map(|b| f64::from(*b)).collect(),
        }
    }

    /// The logit of a class as a direction in embedding space and a constant.
    ///
    /// With `other`, the logit of `class` minus the logit of `other`. For two classes, a logit is always one against the other.
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
