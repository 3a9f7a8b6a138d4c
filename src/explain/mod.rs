//! Explanations: a [`Trace`] → a score per source word. No I/O.
//!
//! The frozen-affine decomposition exists twice, on purpose: [`parts`] pushes every word's part forward through the frozen
//! network, [`decomposition`] pulls the embedding back through it. The two share no code and must agree.

pub mod alignment;
pub mod alti;
pub mod attention;
pub mod centred;
pub mod contributions;
pub mod decomposition;
mod direction;
pub mod norm;
pub mod pair;
pub mod parts;
mod passage;
mod split;
mod target;
mod words;

pub use alignment::Link;
pub use attention::Heads;
pub use centred::{Centred, CentredSide, Means, Measure};
pub use direction::{Along, Directed};
pub use pair::{Pair, PairReport, Side, Which, compare, compare_centred};
pub use passage::Shares;
pub use target::{Attribution, TargetScores, TargetWords, target};
pub use words::{Owner, WordMap};

use crate::model::{Keep, Model, ModelError, Trace};

/// How a unit's words are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Frozen-affine share of the embedding (DecompX, ACL 2023): shares, bias and special tokens sum to 1.
    #[default]
    Decomposition,
    /// ALTI (Ferrando et al. 2022), mean over the output positions.
    Alti,
    /// Attention received, mean over layers and heads: what was mixed, not why.
    Attention,
    /// Attention rollout (Abnar & Zuidema 2020).
    Rollout,
    /// Norm-based rollout with residual and LayerNorm (Kobayashi et al. 2020, 2021).
    Norm,
}

impl Method {
    /// Every method, the default first.
    pub const ALL: [Method; 5] = [
        Method::Decomposition,
        Method::Alti,
        Method::Attention,
        Method::Rollout,
        Method::Norm,
    ];

    /// The name used on the command line, in settings and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Method::Decomposition => "decomposition",
            Method::Alti => "alti",
            Method::Attention => "attention",
            Method::Rollout => "rollout",
            Method::Norm => "norm",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|m| m.name() == name)
    }

    /// What a forward pass has to keep for it, or is best to, where it would be made once more otherwise.
    pub fn keeps(self) -> Keep {
        match self {
            Method::Alti | Method::Norm => Keep::LayersAndValues,
            Method::Decomposition | Method::Attention | Method::Rollout => Keep::Layers,
        }
    }

    /// Whether words, bias and special tokens sum to the explained quantity.
    pub fn additive(self) -> bool {
        matches!(self, Method::Decomposition)
    }
}

/// Scores of one sequence's tokens by one method.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenScores {
    /// One score per token, special tokens included.
    pub tokens: Vec<f32>,
    /// What belongs to no token: the biases of the network. 0 for methods that have none.
    pub bias: f32,
}

/// Scores of one sequence's source words by one method.
#[derive(Debug, Clone, PartialEq)]
pub struct WordScores {
    /// One score per word of the [`WordMap`].
    pub words: Vec<f32>,
    /// Score of all special tokens together.
    pub special: f32,
    /// What belongs to no token.
    pub bias: f32,
    /// For additive methods |1 - (words + special + bias)|, else 0.
    pub residual: f32,
}

/// Scores a sequence's source words. `embedding` is the pooled embedding of the trace; `heads` chooses attention maps and matters
/// to [`Method::Attention`] alone.
///
/// # Errors
/// [`ModelError::Tensor`] if the trace holds no layers or its shapes do not fit.
pub fn salience(
    model: &Model,
    trace: &Trace,
    embedding: &[f32],
    words: &WordMap,
    method: Method,
    heads: Heads,
) -> Result<WordScores, ModelError> {
    let pooling = model.pooling();
    let scores = match method {
        Method::Decomposition => match model.reference()? {
            Some(reference) => decomposition::shares_beyond(model, trace, pooling, (embedding, reference))?,
            None => decomposition::shares_of(model, trace, pooling, embedding)?,
        },
        Method::Alti => alti::scores(trace, pooling)?,
        Method::Norm => norm::scores(trace, pooling)?,
        Method::Rollout => attention::rollout_scores(trace, pooling)?,
        Method::Attention => attention::received(trace, heads)?,
    };
    Ok(words.collect(&scores, method.additive()))
}
