//! Explanations: a [`Trace`](crate::model::Trace) → a score per source word. No I/O.

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
    pub const ALL: [Method; 5] = [Method::Decomposition, Method::Alti, Method::Attention, Method::Rollout, Method::Norm];

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

    /// Whether words, bias and special tokens sum to the explained quantity.
    pub fn additive(self) -> bool {
        matches!(self, Method::Decomposition)
    }
}
