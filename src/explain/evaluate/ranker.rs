//! What orders words, and what their order is of.

use serde::{Deserialize, Serialize};

use super::super::{Goal, Method};
use crate::model::{Model, ModelError, Trace};

/// What orders words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ranker {
    /// A method.
    Method(Method),
    /// Chance: the floor that a method has to be above.
    Random,
}

impl Ranker {
    /// Every method, and chance.
    pub fn all() -> Vec<Ranker> {
        let methods = Method::ALL.map(Ranker::Method);
        methods.into_iter().chain([Ranker::Random]).collect()
    }

    /// The name used on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Ranker::Method(method) => method.name(),
            Ranker::Random => "random",
        }
    }

    /// The ranker of that name.
    pub fn from_name(name: &str) -> Option<Ranker> {
        Ranker::all().into_iter().find(|ranker| ranker.name() == name)
    }

    /// Whether it takes so many passes that an evaluation may leave it out of most units. Leave-one-out does as well, but every unit needs
    /// it, to be compared with.
    pub fn slow(self) -> bool {
        matches!(
            self,
            Ranker::Method(
                Method::IntegratedGradients
                    | Method::ValueZeroing
                    | Method::SmoothGrad
                    | Method::Lime
                    | Method::Shap
                    | Method::AttentionFlow
            )
        )
    }
}

/// What is explained of each unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// Its embedding.
    #[default]
    Embedding,
    /// The logit of the token that a decoder finds most probable behind it.
    Logit,
    /// The logarithm of that token's probability.
    LogProbability,
}

impl Aim {
    /// The goal for a unit, given the pass over it.
    ///
    /// # Errors
    /// [`ModelError::Unable`] for the next token of a model that predicts none.
    pub fn goal(self, model: &Model, trace: &Trace) -> Result<Goal, ModelError> {
        match self {
            Aim::Embedding => Ok(Goal::Embedding),
            Aim::Logit => Goal::next(model, trace, false),
            Aim::LogProbability => Goal::next(model, trace, true),
        }
    }

    /// What is measured, in words.
    pub fn measure(self) -> &'static str {
        match self {
            Aim::Embedding => "turn of the embedding: 1 - cosine",
            Aim::Logit => "fall of the next token's logit",
            Aim::LogProbability => "fall of the next token's log-probability, in nats",
        }
    }

    /// What the scores of a ranker are of.
    pub fn target(self, ranker: Ranker) -> &'static str {
        match (self, ranker) {
            (_, Ranker::Random) => "nothing",
            (Aim::Embedding, Ranker::Method(method)) => method.target(),
            (Aim::Logit, _) => "logit of the next token",
            (Aim::LogProbability, _) => "log-probability of the next token",
        }
    }
}
