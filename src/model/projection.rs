//! The modules after pooling in a sentence-transformers folder: dense layers and normalizations.
//!
//! Explanations freeze the projection like the layers of the encoder: with the gates of its activations and its norms frozen, it is an
//! affine map.

use candle_core::{Device, Tensor};

/// The modules after pooling, in order.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    steps: Vec<Step>,
}

/// One module.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// y = a(W·x + b).
    Dense(Dense),
    /// y = x / |x|.
    Normalize,
}

/// A dense layer.
#[derive(Debug, Clone)]
pub(super) struct Dense {
    /// W, row-major (out, in).
    pub(super) weight: Vec<f32>,
    /// b, (out); zeros if the layer has no bias.
    pub(super) bias: Vec<f32>,
    /// Width of x.
    pub(super) inputs: usize,
    /// The activation a.
    pub(super) activation: Nonlinearity,
}

/// An activation of the form θ(u)·u.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nonlinearity {
    /// u.
    Identity,
    /// tanh u.
    Tanh,
    /// max(0, u).
    Relu,
    /// u·Φ(u).
    Gelu,
}

/// Minimum norm in a normalization, as in PyTorch.
const SHORTEST: f32 = 1e-12;

impl Projection {
    pub(super) fn new(steps: Vec<Step>) -> Projection {
        Projection { steps }
    }

    /// Whether it leaves vectors unchanged.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Width of the embedding for pooled vectors of a width.
    pub fn width(&self, pooled: usize) -> usize {
        let output = |step: &Step| match step {
            Step::Dense(dense) => Some(dense.bias.len()),
            Step::Normalize => None,
        };
        self.steps.iter().rev().find_map(output).unwrap_or(pooled)
    }

    /// The embedding of a pooled vector.
    ///
    /// # Errors
    /// If the width of the vector is not that of the first layer.
    pub fn apply(&self, pooled: Vec<f32>) -> candle_core::Result<Vec<f32>> {
        Ok(self.run(pooled)?.1)
    }

    /// The projection frozen at one vector.
    ///
    /// # Errors
    /// Those of [`Projection::apply`].
    pub fn freeze(&self, pooled: Vec<f32>) -> candle_core::Result<Frozen<'_>> {
        Ok(self.run(pooled)?.0)
    }

    /// ⟨direction, embedding⟩ of a pooled vector, and its true gradient at that vector.
    /// The norms are those of `held`.
    ///
    /// # Errors
    /// Those of [`Projection::apply`].
    pub fn toward(&self, pooled: Vec<f32>, held: &Frozen, direction: &[f32]) -> candle_core::Result<(f64, Vec<f32>)> {
        let mut x = pooled;
        let mut slopes = Vec::with_capacity(self.steps.len());
        for (step, held) in self.steps.iter().zip(&held.steps) {
            match (step, held) {
                (Step::Dense(dense), _) => {
                    let mut u = dense.times(&x)?;
                    u.iter_mut().zip(&dense.bias).for_each(|(u, b)| *u += b);
                    slopes.push(dense.activation.slopes(&u)?);
                    let gates = dense.activation.gates(&u)?;
                    u.iter_mut().zip(gates).for_each(|(u, gate)| *u *= gate);
                    x = u;
                }
                (Step::Normalize, FrozenStep::Scale(scale)) => {
                    x.iter_mut().for_each(|v| *v *= scale);
                    slopes.push(vec![*scale; x.len()]);
                }
                (Step::Normalize, FrozenStep::Dense(..)) => {
                    candle_core::bail!("the frozen steps belong to another projection")
                }
            }
        }
        let value = x.iter().zip(direction).map(|(x, d)| f64::from(*x) * f64::from(*d));
        let value = value.sum();
        let mut gradient = direction.to_vec();
        for (step, slopes) in self.steps.iter().zip(slopes).rev() {
            gradient.iter_mut().zip(slopes).for_each(|(v, slope)| *v *= slope);
            if let Step::Dense(dense) = step {
                gradient = dense.times_back(&gradient);
            }
        }
        Ok((value, gradient))
    }

    fn run(&self, mut x: Vec<f32>) -> candle_core::Result<(Frozen<'_>, Vec<f32>)> {
        let mut frozen = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            match step {
                Step::Dense(dense) => {
                    let mut u = dense.times(&x)?;
                    u.iter_mut().zip(&dense.bias).for_each(|(u, b)| *u += b);
                    let gates = dense.activation.gates(&u)?;
                    u.iter_mut().zip(&gates).for_each(|(u, gate)| *u *= gate);
                    x = u;
                    frozen.push(FrozenStep::Dense(dense, gates));
                }
                Step::Normalize => {
                    let length = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt() as f32;
                    let scale = 1.0 / length.max(SHORTEST);
                    x.iter_mut().for_each(|v| *v *= scale);
                    frozen.push(FrozenStep::Scale(scale));
                }
            }
        }
        Ok((Frozen { steps: frozen }, x))
    }
}

impl Dense {
    fn times(&self, x: &[f32]) -> candle_core::Result<Vec<f32>> {
        if x.len() != self.inputs {
            candle_core::bail!("a dense layer expects {} numbers and got {}", self.inputs, x.len());
        }
        let row = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum();
        Ok(self.weight.chunks_exact(self.inputs.max(1)).map(row).collect())
    }

    /// Wᵀ·v.
    fn times_back(&self, v: &[f32]) -> Vec<f32> {
        let mut before = vec![0.0; self.inputs];
        for (v, row) in v.iter().zip(self.weight.chunks_exact(self.inputs.max(1))) {
            before.iter_mut().zip(row).for_each(|(sum, w)| *sum += v * w);
        }
        before
    }
}

impl Nonlinearity {
    /// d(θ(u)·u)/du of each u.
    fn slopes(self, u: &[f32]) -> candle_core::Result<Vec<f32>> {
        let map = |slope: fn(f32) -> f32| Ok(u.iter().copied().map(slope).collect());
        match self {
            Nonlinearity::Identity | Nonlinearity::Relu => self.gates(u),
            Nonlinearity::Tanh => map(|u| 1.0 - u.tanh().powi(2)),
            Nonlinearity::Gelu => {
                let density = |u: f32| (-0.5 * u * u).exp() / (2.0 * std::f32::consts::PI).sqrt();
                let gates = self.gates(u)?.into_iter().zip(u);
                Ok(gates.map(|(gate, u)| gate + u * density(*u)).collect())
            }
        }
    }

    /// θ(u) of each u.
    fn gates(self, u: &[f32]) -> candle_core::Result<Vec<f32>> {
        let map = |gate: fn(f32) -> f32| Ok(u.iter().copied().map(gate).collect());
        match self {
            Nonlinearity::Identity => map(|_| 1.0),
            Nonlinearity::Tanh => map(|u| if u == 0.0 { 1.0 } else { u.tanh() / u }),
            Nonlinearity::Relu => map(|u| if u > 0.0 { 1.0 } else { 0.0 }),
            Nonlinearity::Gelu => {
                let values: Vec<f32> = Tensor::from_slice(u, u.len(), &Device::Cpu)?.gelu_erf()?.to_vec1()?;
                let gate = |(value, u): (f32, &f32)| if *u == 0.0 { 0.5 } else { value / u };
                Ok(values.into_iter().zip(u).map(gate).collect())
            }
        }
    }
}

/// A projection with frozen gates and norms: an affine map.
#[derive(Debug)]
pub struct Frozen<'a> {
    steps: Vec<FrozenStep<'a>>,
}

#[derive(Debug)]
enum FrozenStep<'a> {
    Dense(&'a Dense, Vec<f32>),
    Scale(f32),
}

impl Frozen<'_> {
    /// Pulls a direction of embeddings back to pooled vectors; also returns the biases' share of the inner product with it.
    pub fn back(&self, direction: &[f32]) -> (Vec<f32>, f64) {
        let (mut direction, mut bias) = (direction.to_vec(), 0.0);
        for step in self.steps.iter().rev() {
            match step {
                FrozenStep::Scale(scale) => direction.iter_mut().for_each(|v| *v *= scale),
                FrozenStep::Dense(dense, gates) => {
                    direction.iter_mut().zip(gates).for_each(|(v, gate)| *v *= gate);
                    let added = direction.iter().zip(&dense.bias);
                    bias += added.map(|(v, b)| f64::from(v * b)).sum::<f64>();
                    direction = dense.times_back(&direction);
                }
            }
        }
        (direction, bias)
    }

    /// The image of a part of a pooled vector, without the biases.
    ///
    /// # Errors
    /// If the width of the part is not that of the first layer.
    pub fn jvp(&self, part: &[f32]) -> candle_core::Result<Vec<f32>> {
        self.forward(part.to_vec(), false)
    }

    /// The image of the part that comes from biases, plus the projection's biases.
    ///
    /// # Errors
    /// Those of [`Frozen::jvp`].
    pub fn jvp_biased(&self, part: &[f32]) -> candle_core::Result<Vec<f32>> {
        self.forward(part.to_vec(), true)
    }

    fn forward(&self, mut x: Vec<f32>, biased: bool) -> candle_core::Result<Vec<f32>> {
        for step in &self.steps {
            match step {
                FrozenStep::Scale(scale) => x.iter_mut().for_each(|v| *v *= scale),
                FrozenStep::Dense(dense, gates) => {
                    x = dense.times(&x)?;
                    if biased {
                        x.iter_mut().zip(&dense.bias).for_each(|(v, b)| *v += b);
                    }
                    x.iter_mut().zip(gates).for_each(|(v, gate)| *v *= gate);
                }
            }
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projection(activation: Nonlinearity) -> Projection {
        let dense = |inputs: usize, outputs: usize, activation| {
            let number = |i: usize| ((i * 37 + 11) % 19) as f32 / 10.0 - 0.9;
            Step::Dense(Dense {
                weight: (0..inputs * outputs).map(number).collect(),
                bias: (0..outputs).map(|i| number(i + 5)).collect(),
                inputs,
                activation,
            })
        };
        let last = dense(3, 2, Nonlinearity::Identity);
        Projection::new(vec![dense(4, 3, activation), Step::Normalize, last])
    }

    const POOLED: [f32; 4] = [0.5, -1.0, 2.0, 0.25];
    const ALL: [Nonlinearity; 4] = [
        Nonlinearity::Identity,
        Nonlinearity::Tanh,
        Nonlinearity::Relu,
        Nonlinearity::Gelu,
    ];

    #[test]
    fn images_of_parts_under_a_frozen_projection_sum_to_the_embedding() {
        for activation in ALL {
            let projection = projection(activation);
            let embedding = projection.apply(POOLED.to_vec()).unwrap();
            assert_eq!((embedding.len(), projection.width(4)), (2, 2));
            let frozen = projection.freeze(POOLED.to_vec()).unwrap();
            let halves = [[0.5, -1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.25]].map(|part| frozen.jvp(&part).unwrap());
            let biases = frozen.jvp_biased(&[0.0; 4]).unwrap();
            for (i, value) in embedding.iter().enumerate() {
                let sum = halves[0][i] + halves[1][i] + biases[i];
                assert!((sum - value).abs() < 1e-5, "{activation:?}: {sum} instead of {value}");
            }
        }
    }

    #[test]
    fn jvp_and_vjp_of_a_frozen_projection_give_the_same_inner_product() {
        for activation in ALL {
            let projection = projection(activation);
            let frozen = projection.freeze(POOLED.to_vec()).unwrap();
            let direction = [0.7, -0.2];
            let inner = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
            let (back, bias) = frozen.back(&direction);
            assert!((inner(&back, &POOLED) - inner(&direction, &frozen.jvp(&POOLED).unwrap())).abs() < 1e-5);
            assert!((bias - inner(&direction, &frozen.jvp_biased(&[0.0; 4]).unwrap())).abs() < 1e-5);
        }
    }

    #[test]
    fn a_vector_of_another_width_is_refused() {
        assert!(projection(Nonlinearity::Tanh).apply(vec![1.0; 5]).is_err());
        assert_eq!(Projection::default().width(7), 7);
    }
}
