//! Token vectors → one embedding, as sentence-transformers' `1_Pooling/config.json` says.

use candle_core::{Result, Tensor};

/// How token vectors become one embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Mean over all tokens, special tokens included.
    Mean,
    /// The first token's vector.
    Cls,
}

impl Pooling {
    /// Pools hidden states (n, hidden) into (hidden). Sequences are packed, so every row counts: there is no padding to mask.
    ///
    /// # Errors
    /// If `hidden` is not a matrix with at least one row.
    pub fn pool(self, hidden: &Tensor) -> Result<Tensor> {
        match self {
            Pooling::Mean => hidden.mean(0),
            Pooling::Cls => hidden.get(0),
        }
    }

    /// The weight of row `i` of `n` in the embedding.
    pub fn weight(self, i: usize, n: usize) -> f32 {
        match self {
            Pooling::Mean => 1.0 / n as f32,
            Pooling::Cls => f32::from(u8::from(i == 0)),
        }
    }
}
