//! Readouts: numbers from a head's outputs as affine maps of the last hidden states, and their true gradients.
//!
//! A frozen head has frozen deviations of its norms, θ of its activations, and θ of a soft cap, since cap · tanh(z / cap) = θ(z) · z.
//! A log-probability is ln p_t = z_t - Σ p_j z_j - H(p). With frozen probabilities p it is affine, its entropy H counts as a bias, and
//! its gradient at the outputs is the true one.

use super::gate::{slopes, thetas};
use super::load::{LoadedHead, Network};
use super::norm::RowNorm;
use super::rows::{add, products, times};
use super::vjp::Held;
use crate::model::ModelError;
use crate::model::ops::PooledRows;
use crate::model::spec::{Activation, Task};

/// A number from a head's outputs. `row` is the position of the outputs; a head on the whole text has its own position and ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One output.
    Logit {
        /// The position.
        row: usize,
        /// The token or class.
        output: usize,
    },
    /// The natural logarithm of an output's probability, by softmax over all outputs.
    LogProbability {
        /// The position.
        row: usize,
        /// The token or class.
        output: usize,
    },
    /// The difference of two outputs, which explains why one is higher.
    Difference {
        /// The position.
        row: usize,
        /// The token or class.
        output: usize,
        /// The token or class that is subtracted.
        other: usize,
    },
    /// The start logit of one position plus the end logit of another.
    Span {
        /// The first token of the answer.
        start: usize,
        /// The last token of the answer.
        end: usize,
    },
}

impl Target {
    /// The name of the target in JSON and on terminals.
    pub fn name(&self) -> &'static str {
        match self {
            Target::Logit { .. } => "logit",
            Target::LogProbability { .. } => "log_probability",
            Target::Difference { .. } => "difference",
            Target::Span { .. } => "span",
        }
    }

    /// The target with its positions mapped to those of another text.
    pub fn moved(self, place: &dyn Fn(usize) -> usize) -> Target {
        match self {
            Target::Logit { row, output } => Target::Logit {
                row: place(row),
                output,
            },
            Target::LogProbability { row, output } => Target::LogProbability {
                row: place(row),
                output,
            },
            Target::Difference { row, output, other } => Target::Difference {
                row: place(row),
                output,
                other,
            },
            Target::Span { start, end } => Target::Span {
                start: place(start),
                end: place(end),
            },
        }
    }
}

/// The value of a target and its gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Readout {
    /// The value.
    pub value: f64,
    /// The gradient at the last hidden states, (n, hidden).
    pub gradient: Vec<f32>,
    /// The constant part: with everything frozen, value = ⟨gradient, hidden⟩ + bias.
    pub bias: f64,
}

impl Network {
    /// Computes a target from the last hidden states of one sequence, (n, hidden): those of the decoder in an encoder–decoder.
    ///
    /// # Errors
    /// [`ModelError::Meaningless`] for a target that this head does not have, with a possible one; [`ModelError::Tensor`] if the width of
    /// the rows is wrong.
    pub fn readout(&self, hidden: &[f32], target: &Target, held: Held) -> Result<Readout, ModelError> {
        let (head, width) = self.able(hidden, target)?;
        let rows = hidden.len() / width.max(1);
        let mut found = Readout {
            value: 0.0,
            gradient: vec![0f32; hidden.len()],
            bias: 0.0,
        };
        for (row, weigh) in head.reads(target, rows) {
            let own = row * width..(row + 1) * width;
            let passed = head.pass(&hidden[own.clone()])?;
            let outputs = weigh(&passed.logits);
            found.value += outputs.value;
            let (gradient, bias) = head.back(&passed, outputs.weights, held)?;
            found.bias += bias + outputs.constant;
            add(&mut found.gradient[own], &gradient);
        }
        Ok(found)
    }

    /// The value of a target alone.
    ///
    /// # Errors
    /// Those of [`Network::readout`].
    pub fn value(&self, hidden: &[f32], target: &Target) -> Result<f64, ModelError> {
        let (head, width) = self.able(hidden, target)?;
        let mut value = 0.0;
        for (row, weigh) in head.reads(target, hidden.len() / width.max(1)) {
            value += weigh(&head.pass(&hidden[row * width..(row + 1) * width])?.logits).value;
        }
        Ok(value)
    }

    /// Whether it reads one text and writes another: an encoder–decoder.
    pub fn writes_another_text(&self) -> bool {
        self.decoder.is_some()
    }

    /// The positions whose outputs a target reads.
    ///
    /// # Errors
    /// Those of [`Network::readout`].
    pub fn places(&self, hidden: &[f32], target: &Target) -> Result<Vec<usize>, ModelError> {
        let (head, width) = self.able(hidden, target)?;
        let reads = head.reads(target, hidden.len() / width.max(1));
        Ok(reads.into_iter().map(|(row, _)| row).collect())
    }

    /// The head, if it has the target, and the width of a row.
    fn able(&self, hidden: &[f32], target: &Target) -> Result<(&LoadedHead, usize), ModelError> {
        let Some(head) = &self.head else {
            return Err(ModelError::Meaningless(
                "this model has no head, so that it gives no logits; explain its embedding".to_owned(),
            ));
        };
        let width = self.decoder.as_ref().unwrap_or(&self.stack).hidden;
        head.check(target, hidden.len() / width.max(1))?;
        Ok((head, width))
    }
}

/// A value as a weighted sum of outputs: value = Σ weights · outputs + constant.
struct Weighed {
    value: f64,
    weights: Vec<f32>,
    constant: f64,
}

/// A function from the outputs of a position to a weighted sum.
type Weigh = Box<dyn Fn(&[f32]) -> Weighed>;

/// The outputs of one position, and the intermediate results.
struct Passed {
    layers: Vec<PassedLayer>,
    /// The outputs before the soft cap.
    raw: Vec<f32>,
    logits: Vec<f32>,
}

/// A layer of a head at one position.
struct PassedLayer {
    /// The result of the matrix.
    linear: PooledRows,
    /// The result of the activation.
    activated: PooledRows,
    /// 1 / deviation; empty without a norm.
    inverses: Vec<f32>,
}

impl LoadedHead {
    /// Refuses a target that this head does not have.
    fn check(&self, target: &Target, rows: usize) -> Result<(), ModelError> {
        let refuse = |reason: String| Err(ModelError::Meaningless(reason));
        let outputs = self.outputs();
        let span = self.task == Task::Span;
        let (positions, named) = match *target {
            Target::Logit { row, output } => (vec![row], vec![output]),
            Target::LogProbability { row, output } => (vec![row], vec![output]),
            Target::Difference { row, output, other } => (vec![row], vec![output, other]),
            Target::Span { start, end } => (vec![start, end], vec![]),
        };
        let whole = matches!(self.task, Task::Sequence { .. });
        if let Some(row) = positions.iter().find(|row| !whole && **row >= rows) {
            return refuse(format!("position {row} does not exist: the text has {rows} tokens"));
        }
        if let Some(output) = named.iter().find(|output| **output >= outputs) {
            return refuse(format!("output {output} does not exist: the head has {outputs}"));
        }
        match target {
            Target::Span { .. } if !span => refuse(
                "a span needs a head that answers questions; this one gives logits of tokens or classes: explain a logit".to_owned(),
            ),
            Target::LogProbability { .. } if span => refuse(
                "start and end of an answer are logits over positions, not classes: explain a span or a logit".to_owned(),
            ),
            Target::LogProbability { .. } if outputs < 2 => refuse(
                "a head with one output has no probabilities by softmax: explain its logit".to_owned(),
            ),
            _ if rows == 0 => refuse("a text without tokens has no outputs; give a text".to_owned()),
            _ => Ok(()),
        }
    }

    /// The positions that a target reads, and the weighted sum at each.
    fn reads(&self, target: &Target, rows: usize) -> Vec<(usize, Weigh)> {
        let position = |row: usize| match &self.task {
            Task::Sequence { first: true, .. } => 0,
            Task::Sequence { .. } => rows - 1,
            _ => row,
        };
        let sum = |terms: Vec<(usize, f32)>| -> Weigh { Box::new(move |logits| weighed(logits, &terms)) };
        match *target {
            Target::Logit { row, output } => vec![(position(row), sum(vec![(output, 1.0)]))],
            Target::Difference { row, output, other } => {
                vec![(position(row), sum(vec![(output, 1.0), (other, -1.0)]))]
            }
            Target::LogProbability { row, output } => {
                vec![(position(row), Box::new(move |logits| log_probability(logits, output)))]
            }
            Target::Span { start, end } => {
                vec![(start, sum(vec![(0, 1.0)])), (end, sum(vec![(1, 1.0)]))]
            }
        }
    }

    /// The outputs of one row.
    fn pass(&self, row: &[f32]) -> Result<Passed, ModelError> {
        let mut x = PooledRows::copy_of(row);
        let mut layers = Vec::with_capacity(self.layers.len());
        for (matrix, activation, norm) in &self.layers {
            let linear = matrix.forward(&x)?;
            let activated = match activation {
                Some(activation) => times(&thetas(*activation, &linear), &linear),
                None => linear.clone(),
            };
            let (out, inverses) = match norm {
                Some(norm) => norm.forward(&activated),
                None => (activated.clone(), Vec::new()),
            };
            x = out;
            layers.push(PassedLayer {
                linear,
                activated,
                inverses,
            });
        }
        let raw = self.outputs_of(x)?;
        let logits = self.capped(raw.clone());
        Ok(Passed { layers, raw, logits })
    }

    /// Pulls a gradient back to the row, and sums the shares of biases.
    fn back(&self, passed: &Passed, mut gradient: Vec<f32>, held: Held) -> Result<(Vec<f32>, f64), ModelError> {
        if let Some(cap) = self.soft_cap {
            let capped = gradient.iter_mut().zip(&passed.logits).zip(&passed.raw);
            capped.for_each(|((gradient, logit), raw)| {
                *gradient *= match held {
                    Held::Frozen if raw.abs() < 1e-6 => 1.0,
                    Held::Frozen => logit / raw,
                    Held::Nothing => 1.0 - (logit / cap).powi(2),
                };
            });
        }
        let mut bias = self.bias_share(&gradient);
        let mut gradient = PooledRows::from(self.outputs_back(&gradient)?);
        for ((matrix, activation, norm), layer) in self.layers.iter().zip(&passed.layers).rev() {
            if let Some(norm) = norm {
                bias += norm.bias_share(&gradient);
                gradient = norm_back(norm, &gradient, layer, held);
            }
            if let Some(activation) = activation {
                gradient = times(&gradient, &factors(*activation, &layer.linear, held));
            }
            bias += matrix.bias_share(&gradient);
            gradient = matrix.vjp(&gradient)?;
        }
        Ok((gradient.into_vec(), bias))
    }

    /// The vjp of the output matrix, before the soft cap: (outputs) → (hidden).
    /// Few outputs are looked up; many are taken block by block, so that the matrix is never packed a second time.
    fn outputs_back(&self, gradient: &[f32]) -> Result<Vec<f32>, ModelError> {
        let named: Vec<u32> = (0..gradient.len() as u32)
            .filter(|id| gradient[*id as usize] != 0.0)
            .collect();
        let mut sum: Vec<f64> = Vec::new();
        let mut take = |rows: &[f32], weights: &[f32]| {
            let width = rows.len() / weights.len().max(1);
            sum.resize(width, 0.0);
            for (row, weight) in rows.chunks_exact(width.max(1)).zip(weights) {
                let weight = f64::from(*weight);
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(sum, v)| *sum += weight * f64::from(*v));
            }
        };
        match named.len() <= FEW {
            true => {
                let weights: Vec<f32> = named.iter().map(|id| gradient[*id as usize]).collect();
                // A zero gradient still needs the width of a row.
                let (named, weights) = match named.is_empty() {
                    true => (vec![0], vec![0.0]),
                    false => (named, weights),
                };
                take(&self.table.rows(&named)?, &weights);
            }
            false => {
                for first in (0..gradient.len()).step_by(BLOCK) {
                    let rows = first..(first + BLOCK).min(gradient.len());
                    let block = self.table.block(rows.clone())?.flatten_all()?.to_vec1()?;
                    take(&block, &gradient[rows]);
                }
            }
        }
        Ok(sum.into_iter().map(|v| v as f32 * self.scale).collect())
    }
}

/// Maximum number of outputs that are looked up one by one.
const FEW: usize = 64;

/// Number of rows of the output matrix that are expanded at once.
const BLOCK: usize = 4096;

fn norm_back(norm: &RowNorm, gradient: &[f32], layer: &PassedLayer, held: Held) -> PooledRows {
    match held {
        Held::Frozen => norm.vjp(gradient, &layer.inverses),
        Held::Nothing => norm.gradient(gradient, &layer.activated, &layer.inverses),
    }
}

fn factors(activation: Activation, linear: &[f32], held: Held) -> PooledRows {
    match held {
        Held::Frozen => thetas(activation, linear),
        Held::Nothing => slopes(activation, linear).into(),
    }
}

/// A weighted sum of some outputs.
fn weighed(logits: &[f32], terms: &[(usize, f32)]) -> Weighed {
    let mut weights = vec![0f32; logits.len()];
    terms.iter().for_each(|(output, weight)| weights[*output] += weight);
    Weighed {
        value: products(logits, &weights),
        weights,
        constant: 0.0,
    }
}

/// ln p of an output, as z_t - Σ p_j z_j - H(p).
fn log_probability(logits: &[f32], output: usize) -> Weighed {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp = |z: &f32| f64::from(z - most).exp();
    let sum: f64 = logits.iter().map(exp).sum();
    let whole = f64::from(most) + sum.ln();
    let mut weights: Vec<f32> = logits.iter().map(|z| -(exp(z) / sum) as f32).collect();
    // The rounding error of the weights is part of the constant.
    let mean: f64 = logits
        .iter()
        .zip(&weights)
        .map(|(z, weight)| f64::from(*z) * f64::from(-weight))
        .sum();
    weights[output] += 1.0;
    Weighed {
        value: f64::from(logits[output]) - whole,
        constant: mean - whole,
        weights,
    }
}
