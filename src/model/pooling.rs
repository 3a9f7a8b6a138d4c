//! Pools token vectors into one embedding, as configured by `1_Pooling/config.json` of sentence-transformers.

use candle_core::{Result, Tensor};

/// `[CLS]` and `[SEP]`: every unit has them, so that they do not count for the length of its text.
const SPECIAL_TOKENS: usize = 2;

/// Number of tokens of a unit without the special tokens that every unit has.
pub fn own_tokens(tokens: usize) -> usize {
    tokens.saturating_sub(SPECIAL_TOKENS)
}

/// The factor of a unit's embedding in a passage of several units: the passage is the mean of their directions, weighted by tokens.
/// `tokens` counts special tokens; `length` is the norm of the embedding. 0 for an embedding of norm 0.
pub fn weight_in_passage(tokens: usize, length: f32) -> f32 {
    match length > 0.0 {
        true => own_tokens(tokens).max(1) as f32 / length,
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
    /// The vector of the first token.
    Cls,
    /// The vector of the last token, which in a decoder attends to all others.
    Last,
    /// Mean in which later tokens weigh more: token i of n has weight i / (1 + 2 + … + n) (SGPT, Muennighoff 2022).
    WeightedMean,
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
                let n = hidden.dim(0)?;
                let first = first.min(n.saturating_sub(1));
                hidden.narrow(0, first, n - first)?.mean(0)
            }
            Pooling::Cls => hidden.get(0),
            Pooling::Last => hidden.get(hidden.dim(0)?.saturating_sub(1)),
            Pooling::WeightedMean => {
                let n = hidden.dim(0)?;
                let weights = Tensor::from_vec(self.weights(n), (1, n), hidden.device())?;
                weights.matmul(&hidden.contiguous()?)?.get(0)
            }
        }
    }

    /// The weights of all rows in the embedding.
    pub fn weights(self, n: usize) -> Vec<f32> {
        (0..n).map(|i| self.weight(i, n)).collect()
    }

    /// The weight of row `i` of `n` in the embedding.
    pub fn weight(self, i: usize, n: usize) -> f32 {
        match self {
            Pooling::Mean => 1.0 / n as f32,
            Pooling::MeanFrom(first) => {
                let first = first.min(n.saturating_sub(1));
                if i < first { 0.0 } else { 1.0 / (n - first) as f32 }
            }
            Pooling::Cls => f32::from(u8::from(i == 0)),
            Pooling::Last => f32::from(u8::from(i + 1 == n)),
            Pooling::WeightedMean => 2.0 * (i + 1) as f32 / (n * (n + 1)) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooling_is_the_weighted_sum_of_rows() {
        let rows: Vec<f32> = (0..12).map(|i| (i as f32 * 1.3).sin()).collect();
        let hidden = Tensor::from_vec(rows.clone(), (4, 3), &candle_core::Device::Cpu).unwrap();
        for pooling in [
            Pooling::Mean,
            Pooling::MeanFrom(2),
            Pooling::Cls,
            Pooling::Last,
            Pooling::WeightedMean,
        ] {
            let pooled: Vec<f32> = pooling.pool(&hidden).unwrap().to_vec1().unwrap();
            let weights = pooling.weights(4);
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{pooling:?}");
            for (column, found) in pooled.iter().enumerate() {
                let expected: f32 = (0..4).map(|row| weights[row] * rows[row * 3 + column]).sum();
                assert!((found - expected).abs() < 1e-6, "{pooling:?}");
            }
        }
        assert_eq!(Pooling::WeightedMean.weights(3), [1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0]);
        assert_eq!(Pooling::Last.weights(3), [0.0, 0.0, 1.0]);
        let nothing = Tensor::zeros((0, 3), candle_core::DType::F32, &candle_core::Device::Cpu).unwrap();
        assert_eq!(
            Pooling::Mean.pool(&nothing).unwrap().to_vec1::<f32>().unwrap(),
            [0.0; 3]
        );
    }
}
