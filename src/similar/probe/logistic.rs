//! Logistic regression with an L2 penalty, as scikit-learn's `LogisticRegression` defines it.
//!
//! It minimizes C · Σ loss + ½|W|², without a penalty on intercepts. Two classes have one row of weights (sigmoid), more classes have a row
//! each (softmax). The minimum is unique, and L-BFGS (Liu & Nocedal 1989) finds it; linfa-logistic would add about forty crates for the
//! same result.

use rayon::prelude::*;

use crate::model::ops::linear_rows;
use crate::model::{Arithmetic, Matrix, ModelError};

/// Labeled vectors.
#[derive(Debug, Clone)]
pub struct Data<'a> {
    /// The vectors, all of one width.
    pub vectors: Vec<&'a [f32]>,
    /// The class of each.
    pub classes: Vec<usize>,
    /// The number of classes.
    pub count: usize,
}

/// Learned weights: z = W·x + b.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Row-major, (rows, width): one row for two classes, otherwise one per class.
    pub rows: Vec<f64>,
    /// One per row.
    pub intercepts: Vec<f64>,
}

/// The number of weight rows for a number of classes.
pub fn rows(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

/// Number of (step, gradient change) pairs that L-BFGS keeps.
const MEMORY: usize = 10;

/// Maximum number of iterations; embeddings need a few dozen.
const MOST: usize = 400;

impl Weights {
    /// Zero weights.
    pub fn zeros(classes: usize, width: usize) -> Weights {
        Weights {
            rows: vec![0.0; rows(classes) * width],
            intercepts: vec![0.0; rows(classes)],
        }
    }

    /// The logits of a vector, one per class. For two classes, the first logit is 0.
    pub fn logits(&self, vector: &[f32]) -> Vec<f64> {
        let width = vector.len().max(1);
        let rows = self.rows.chunks_exact(width).zip(&self.intercepts);
        let own = rows.map(|(row, intercept)| {
            let products = row.iter().zip(vector).map(|(w, x)| w * f64::from(*x));
            products.sum::<f64>() + intercept
        });
        match self.intercepts.len() {
            1 => std::iter::once(0.0).chain(own).collect(),
            _ => own.collect(),
        }
    }

    /// Weights with the same logits for vectors from which `mean` is subtracted, or to which it is added (`sign` -1).
    fn moved(&self, mean: &[f64], sign: f64) -> Weights {
        let rows = self.rows.chunks_exact(mean.len().max(1)).zip(&self.intercepts);
        Weights {
            rows: self.rows.clone(),
            intercepts: rows.map(|(row, intercept)| intercept + sign * dot(row, mean)).collect(),
        }
    }

    fn flat(&self) -> Vec<f64> {
        [&*self.rows, &*self.intercepts].concat()
    }

    fn of_flat(flat: &[f64], rows: usize) -> Weights {
        let (weights, intercepts) = flat.split_at(flat.len() - rows);
        Weights {
            rows: weights.to_vec(),
            intercepts: intercepts.to_vec(),
        }
    }
}

/// Softmax of logits divided by a temperature.
pub fn probabilities(logits: &[f64], temperature: f64) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exps: Vec<f64> = logits.iter().map(|z| ((z - most) / temperature).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.into_iter().map(|e| e / sum).collect()
}

/// Fits weights to labeled vectors from `start`. It ends when no derivative of the mean loss exceeds `tolerance`.
///
/// Inside, the vectors are centered: embeddings have a large mean, which ties all weights to the intercept and makes L-BFGS slow. Intercepts
/// have no penalty, so they absorb the mean and the minimum stays the same.
///
/// # Errors
/// [`ModelError::Tensor`] for vectors of different widths, or of width 0.
pub fn fit(data: &Data, strength: f64, start: &Weights, tolerance: f64) -> Result<Weights, ModelError> {
    let mean = mean(&data.vectors);
    let subtracted = |vector: &&[f32]| vector.iter().zip(&mean).map(|(x, m)| x - *m as f32).collect();
    let vectors: Vec<Vec<f32>> = data.vectors.par_iter().map(subtracted).collect();
    let centered = Centered {
        chunks: vectors.par_chunks(EACH).map(Chunk::new).collect(),
        classes: &data.classes,
        shape: (rows(data.count), mean.len()),
    };
    let found = minimum(&centered, strength, &start.moved(&mean, 1.0), tolerance)?;
    Ok(found.moved(&mean, -1.0))
}

fn mean(vectors: &[&[f32]]) -> Vec<f64> {
    let mut mean = vec![0f64; vectors.first().map_or(0, |vector| vector.len())];
    for vector in vectors {
        mean.iter_mut().zip(*vector).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    // As the vectors subtract it.
    mean.iter()
        .map(|sum| f64::from((sum / vectors.len() as f64) as f32))
        .collect()
}

/// The weights with the smallest objective, by L-BFGS.
fn minimum(data: &Centered, strength: f64, start: &Weights, tolerance: f64) -> Result<Weights, ModelError> {
    let (rows, _) = data.shape;
    let objective = |flat: &[f64]| objective(data, strength, flat);
    let mut x = start.flat();
    let (mut value, mut gradient) = objective(&x)?;
    let mut memory: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    let enough = tolerance * strength * data.classes.len() as f64;
    for _ in 0..MOST {
        if gradient.iter().all(|g| g.abs() <= enough) {
            break;
        }
        let mut direction = descent(&gradient, &memory);
        let mut slope = dot(&gradient, &direction);
        if slope >= 0.0 {
            memory.clear();
            direction = gradient.iter().map(|g| -g).collect();
            slope = -dot(&gradient, &gradient);
        }
        let mut step = if memory.is_empty() {
            1.0 / slope.abs().sqrt().max(1.0)
        } else {
            1.0
        };
        let mut moved = None;
        for _ in 0..30 {
            let next: Vec<f64> = x.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            let (found, slopes) = objective(&next)?;
            if found <= value + 1e-4 * step * slope {
                moved = Some((next, found, slopes));
                break;
            }
            step *= 0.5;
        }
        let Some((next, found, slopes)) = moved else { break };
        let s: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = slopes.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&s, &y);
        if curvature > 1e-12 * dot(&y, &y) {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push((s, y, curvature));
        }
        (x, value, gradient) = (next, found, slopes);
    }
    Ok(Weights::of_flat(&x, rows))
}

/// The direction of the next step, by the two-loop recursion.
fn descent(gradient: &[f64], memory: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let mut q = gradient.to_vec();
    let mut factors = Vec::with_capacity(memory.len());
    for (s, y, curvature) in memory.iter().rev() {
        let factor = dot(s, &q) / curvature;
        q.iter_mut().zip(y).for_each(|(q, y)| *q -= factor * y);
        factors.push(factor);
    }
    if let Some((_, y, curvature)) = memory.last() {
        let scale = curvature / dot(y, y);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((s, y, curvature), factor) in memory.iter().zip(factors.iter().rev()) {
        let back = factor - dot(y, &q) / curvature;
        q.iter_mut().zip(s).for_each(|(q, s)| *q += back * s);
    }
    q.iter_mut().for_each(|q| *q = -*q);
    q
}

/// Number of vectors per task. Products within a task are sums of 32-bit floats; those of tasks are added in 64 bits.
const EACH: usize = 128;

/// Labeled vectors with mean 0.
struct Centered<'a> {
    chunks: Vec<Chunk>,
    /// The class of each vector.
    classes: &'a [usize],
    /// Rows of weights, and the width of a vector.
    shape: (usize, usize),
}

/// Some of the vectors.
struct Chunk {
    /// (n, width).
    vectors: Vec<f32>,
    /// The same as a matrix (width, n), packed for sums over vectors.
    across: Matrix,
}

impl Chunk {
    fn new(vectors: &[Vec<f32>]) -> Chunk {
        let (n, width) = (vectors.len(), vectors.first().map_or(0, Vec::len));
        let across = matrix(width, n, |row, column| vectors[column][row]);
        Chunk {
            vectors: vectors.concat(),
            across,
        }
    }
}

/// A matrix (rows, columns) for products with rows of vectors.
fn matrix(rows: usize, columns: usize, at: impl Fn(usize, usize) -> f32) -> Matrix {
    Matrix::of(rows, columns, Arithmetic::F32, at)
}

/// The objective and its gradient at given weights.
fn objective(data: &Centered, strength: f64, flat: &[f64]) -> Result<(f64, Vec<f64>), ModelError> {
    let (rows, width) = data.shape;
    let weights = matrix(rows, width, |row, column| flat[row * width + column] as f32);
    let intercepts: Vec<f32> = flat[rows * width..].iter().map(|b| *b as f32).collect();
    let tasks = data.chunks.par_iter().zip(data.classes.par_chunks(EACH));
    let parts = tasks.map(|(chunk, classes)| part(chunk, classes, (&weights, &intercepts)));
    let parts: Vec<(f64, Vec<f32>)> = parts.collect::<Result<_, ModelError>>()?;
    let mut gradient = vec![0f64; flat.len()];
    let mut loss = 0.0;
    for (own, slopes) in parts {
        loss += own;
        gradient
            .iter_mut()
            .zip(slopes)
            .for_each(|(sum, g)| *sum += f64::from(g));
    }
    gradient.iter_mut().for_each(|g| *g *= strength);
    let weights = &flat[..rows * width];
    gradient.iter_mut().zip(weights).for_each(|(g, w)| *g += w);
    Ok((strength * loss + 0.5 * dot(weights, weights), gradient))
}

/// The loss of some vectors and its gradient.
fn part(
    chunk: &Chunk,
    classes: &[usize],
    (weights, intercepts): (&Matrix, &[f32]),
) -> Result<(f64, Vec<f32>), ModelError> {
    let (rows, n) = (intercepts.len(), classes.len());
    let logits = linear_rows(&chunk.vectors, weights, Some(intercepts))?; // (n, rows)
    // The derivative of the loss by each logit, (rows, n).
    let mut slopes = vec![0f32; rows * n];
    let mut loss = 0f64;
    for (item, (own, class)) in logits.chunks_exact(rows).zip(classes).enumerate() {
        let own = own.iter().map(|z| f64::from(*z));
        let logits: Vec<f64> = match rows {
            1 => std::iter::once(0.0).chain(own).collect(),
            _ => own.collect(),
        };
        let probabilities = probabilities(&logits, 1.0);
        loss -= probabilities[*class].max(f64::MIN_POSITIVE).ln();
        for row in 0..rows {
            let output = if rows == 1 { 1 } else { row };
            slopes[row * n + item] = (probabilities[output] - f64::from(u8::from(output == *class))) as f32;
        }
    }
    let mut gradient = linear_rows(&slopes, &chunk.across, None)?.into_vec(); // (rows, width)
    gradient.extend(slopes.chunks_exact(n.max(1)).map(|own| own.iter().sum::<f32>()));
    Ok((loss, gradient))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors and classes from a formula that tests/reference/logistic.py shares.
    fn made(items: usize, width: usize, classes: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let vector = |i: usize| -> Vec<f32> {
            let own: Vec<f64> = (0..width)
                .map(|j| ((i * 31 + j * 17) as f64 * 0.37).sin() + f64::from(u8::from(i % classes == j)) * 0.8)
                .collect();
            let length = own.iter().map(|v| v * v).sum::<f64>().sqrt();
            own.iter().map(|v| (v / length) as f32).collect()
        };
        // Every eleventh label is wrong.
        let class = |i: usize| (i + usize::from(i.is_multiple_of(11))) % classes;
        ((0..items).map(vector).collect(), (0..items).map(class).collect())
    }

    #[test]
    fn coefficients_equal_those_of_scikit_learn() {
        let golden = include_str!("../../../tests/reference/logistic.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        for case in golden.as_array().unwrap() {
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let (vectors, classes) = made(number("items"), number("width"), number("classes"));
            let data = Data {
                vectors: vectors.iter().map(Vec::as_slice).collect(),
                classes: classes.clone(),
                count: number("classes"),
            };
            let start = Weights::zeros(data.count, number("width"));
            let found = fit(&data, case["strength"].as_f64().unwrap(), &start, 1e-10).unwrap();
            let list = |key: &str| -> Vec<f64> {
                let list = case[key].as_array().unwrap();
                list.iter().map(|v| v.as_f64().unwrap()).collect()
            };
            for (found, expected) in [(&found.rows, list("rows")), (&found.intercepts, list("intercepts"))] {
                assert_eq!(found.len(), expected.len());
                // A thousandth of the largest coefficient: sums over the items use 32-bit floats.
                let room = 1e-3 * expected.iter().fold(1f64, |most, v| most.max(v.abs()));
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found - expected).abs() < room, "{found} {expected}");
                }
            }
            let right = vectors.iter().zip(&classes).filter(|(vector, class)| {
                let logits = found.logits(vector);
                (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])) == Some(**class)
            });
            let accuracy = right.count() as f64 / vectors.len() as f64;
            assert!(
                (accuracy - case["accuracy"].as_f64().unwrap()).abs() < 0.01,
                "{accuracy}"
            );
        }
    }

    #[test]
    fn probabilities_sum_to_one_and_a_high_temperature_flattens_them() {
        let sharp = probabilities(&[1000.0, 0.0, -3.0], 1.0);
        let flat = probabilities(&[1000.0, 0.0, -3.0], 1e4);
        assert!((sharp.iter().sum::<f64>() - 1.0).abs() < 1e-12 && sharp[0] > 0.999_999);
        assert!(flat[0] < 0.4 && flat[0] > flat[1]);
    }
}
