//! Pools token vectors into one embedding, as configured by `1_Pooling/config.json` of sentence-transformers.

use candle_core::{Result, Tensor};

/// The factor of a unit's embedding in a passage of several units: the passage is the mean of their directions, weighted by tokens.
/// `tokens` counts those of the text, without special ones, which every unit has; `length` is the norm of the embedding. 0 for an
/// embedding of norm 0.
pub fn weight_in_passage(tokens: usize, length: f32) -> f32 {
    match length > 0.0 {
        true => tokens.max(1) as f32 / length,
        false => 0.0,
    }
}

/// The pooling of token vectors into one embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Mean over all tokens, special tokens included.
    Mean,
    /// Mean over the tokens from this index on, for a model that excludes its prompt. As in sentence-transformers, tokens before the
    /// prompt are excluded as well.
    MeanFrom(usize),
    /// Sum over all tokens, divided by the square root of their number.
    MeanSqrtLen,
    /// The vector of the first token.
    Cls,
    /// The vector of the last token, which in a decoder attends to all others.
    Last,
    /// Mean in which later tokens weigh more: token i of n has weight i / (1 + 2 + … + n) (SGPT, Muennighoff 2022).
    WeightedMean,
    /// The largest value of each dimension.
    Max,
}

impl Pooling {
    /// Pools hidden states (n, hidden) into (hidden). Sequences are packed, so that there is no padding to mask.
    ///
    /// # Errors
    /// If `hidden` is not a matrix.
    pub fn pool(self, hidden: &Tensor) -> Result<Tensor> {
        let (n, width) = hidden.dims2()?;
        if n == 0 {
            // Without special tokens, an empty text has no tokens.
            return Tensor::zeros(width, hidden.dtype(), hidden.device());
        }
        match self {
            Pooling::Mean => hidden.mean(0),
            Pooling::MeanFrom(first) => {
                let first = first.min(n - 1);
                hidden.narrow(0, first, n - first)?.mean(0)
            }
            Pooling::MeanSqrtLen => hidden.sum(0)? / (n as f64).sqrt(),
            Pooling::Cls => hidden.get(0),
            Pooling::Last => hidden.get(n - 1),
            Pooling::WeightedMean => {
                let weights: Vec<f32> = (0..n).map(|i| self.weight(i, n)).collect();
                let weights = Tensor::from_vec(weights, (1, n), hidden.device())?;
                weights.matmul(&hidden.contiguous()?)?.get(0)
            }
            Pooling::Max => hidden.max(0),
        }
    }

    /// The pooling frozen at hidden states (n, hidden): a linear map of the rows that gives the same embedding.
    ///
    /// # Errors
    /// If `hidden` is not a matrix.
    pub fn freeze(self, hidden: &Tensor) -> Result<FrozenPooling> {
        let (n, _) = hidden.dims2()?;
        Ok(match self {
            Pooling::Max if n > 0 => FrozenPooling::Selected {
                rows: n,
                from: hidden.argmax(0)?.to_vec1()?,
            },
            _ => FrozenPooling::Weighted((0..n).map(|i| self.weight(i, n)).collect()),
        })
    }

    /// The weight of row `i` of `n` in the embedding, where it does not depend on the rows.
    fn weight(self, i: usize, n: usize) -> f32 {
        match self {
            Pooling::Mean => 1.0 / n as f32,
            Pooling::MeanFrom(first) => {
                let first = first.min(n.saturating_sub(1));
                if i < first { 0.0 } else { 1.0 / (n - first) as f32 }
            }
            Pooling::MeanSqrtLen => 1.0 / (n as f32).sqrt(),
            Pooling::Cls => f32::from(u8::from(i == 0)),
            Pooling::Last => f32::from(u8::from(i + 1 == n)),
            Pooling::WeightedMean => 2.0 * (i + 1) as f32 / (n * (n + 1)) as f32,
            Pooling::Max => 0.0,
        }
    }
}

/// A pooling frozen at the hidden states of one sequence: embedding\[d\] = Σ_i weight(i, d) · hidden\[i\]\[d\].
#[derive(Debug, Clone, PartialEq)]
pub enum FrozenPooling {
    /// The weight of each row, for all dimensions.
    Weighted(Vec<f32>),
    /// Max pooling: each dimension comes from one row.
    Selected {
        /// Number of rows.
        rows: usize,
        /// The row of each dimension.
        from: Vec<u32>,
    },
}

impl FrozenPooling {
    /// The pooled rows: (n · hidden) → (hidden).
    pub fn pool(&self, rows: &[f32]) -> Vec<f32> {
        match self {
            FrozenPooling::Weighted(weights) => {
                let width = rows.len() / weights.len().max(1);
                let mut sum = vec![0f32; width];
                for (row, weight) in rows.chunks_exact(width.max(1)).zip(weights) {
                    sum.iter_mut().zip(row).for_each(|(sum, v)| *sum += weight * v);
                }
                sum
            }
            FrozenPooling::Selected { from, .. } => {
                let each = from.iter().enumerate();
                each.map(|(d, row)| rows[*row as usize * from.len() + d]).collect()
            }
        }
    }

    /// The gradient at the rows, (n · hidden), of a gradient at the embedding, (hidden).
    pub fn back(&self, gradient: &[f32]) -> Vec<f32> {
        match self {
            FrozenPooling::Weighted(weights) => {
                let rows = weights.iter();
                rows.flat_map(|weight| gradient.iter().map(move |v| weight * v))
                    .collect()
            }
            FrozenPooling::Selected { rows, from } => {
                let mut all = vec![0f32; rows * from.len()];
                for (d, (row, v)) in from.iter().zip(gradient).enumerate() {
                    all[*row as usize * from.len() + d] = *v;
                }
                all
            }
        }
    }

    /// The share of each row in the embedding, for methods that follow whole rows: weights as a part of their sum, or the part of the
    /// dimensions that come from the row. They sum to 1.
    pub fn shares(&self) -> Vec<f32> {
        match self {
            FrozenPooling::Weighted(weights) => {
                let sum = weights.iter().sum::<f32>();
                let scale = if sum > 0.0 { 1.0 / sum } else { 0.0 };
                weights.iter().map(|weight| weight * scale).collect()
            }
            FrozenPooling::Selected { rows, from } => {
                let mut shares = vec![0f32; *rows];
                from.iter()
                    .for_each(|row| shares[*row as usize] += 1.0 / from.len() as f32);
                shares
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Pooling; 7] = [
        Pooling::Mean,
        Pooling::MeanFrom(2),
        Pooling::MeanSqrtLen,
        Pooling::Cls,
        Pooling::Last,
        Pooling::WeightedMean,
        Pooling::Max,
    ];

    fn rows() -> Vec<f32> {
        (0..12).map(|i| (i as f32 * 1.3).sin()).collect()
    }

    fn hidden() -> Tensor {
        Tensor::from_vec(rows(), (4, 3), &candle_core::Device::Cpu).unwrap()
    }

    #[test]
    fn a_frozen_pooling_gives_the_embedding_and_its_transpose_the_gradient() {
        for pooling in ALL {
            let pooled: Vec<f32> = pooling.pool(&hidden()).unwrap().to_vec1().unwrap();
            let frozen = pooling.freeze(&hidden()).unwrap();
            for (found, expected) in frozen.pool(&rows()).iter().zip(&pooled) {
                assert!((found - expected).abs() < 1e-6, "{pooling:?}");
            }
            // ⟨back(g), rows⟩ = ⟨g, pool(rows)⟩ for any g.
            let gradient = [0.3, -1.0, 2.0];
            let back: f32 = frozen.back(&gradient).iter().zip(rows()).map(|(g, v)| g * v).sum();
            let forward: f32 = gradient.iter().zip(&pooled).map(|(g, v)| g * v).sum();
            assert!((back - forward).abs() < 1e-5, "{pooling:?}: {back} {forward}");
            let shares = frozen.shares();
            assert!(
                shares.len() == 4 && (shares.iter().sum::<f32>() - 1.0).abs() < 1e-6,
                "{pooling:?}"
            );
        }
    }

    #[test]
    fn poolings_weigh_rows_as_they_are_defined() {
        let weights = |pooling: Pooling| match pooling.freeze(&hidden()).unwrap() {
            FrozenPooling::Weighted(weights) => weights,
            FrozenPooling::Selected { .. } => unreachable!(),
        };
        assert_eq!(weights(Pooling::WeightedMean), [0.1, 0.2, 0.3, 0.4]);
        assert_eq!(weights(Pooling::Last), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(weights(Pooling::MeanFrom(2)), [0.0, 0.0, 0.5, 0.5]);
        assert_eq!(weights(Pooling::MeanSqrtLen), [0.5; 4]);
        let pooled: Vec<f32> = Pooling::Max.pool(&hidden()).unwrap().to_vec1().unwrap();
        for (d, found) in pooled.iter().enumerate() {
            let largest = (0..4).map(|row| rows()[row * 3 + d]).fold(f32::MIN, f32::max);
            assert_eq!(*found, largest);
        }
    }

    #[test]
    fn a_text_without_tokens_has_an_embedding_of_zeros() {
        let nothing = Tensor::zeros((0, 3), candle_core::DType::F32, &candle_core::Device::Cpu).unwrap();
        for pooling in ALL {
            assert_eq!(pooling.pool(&nothing).unwrap().to_vec1::<f32>().unwrap(), [0.0; 3]);
            assert!(pooling.freeze(&nothing).unwrap().shares().is_empty());
        }
    }
}
