//! Rankers, which order words, and the goals of an evaluation.

use serde::{Deserialize, Serialize};

use super::super::{Goal, Method};
use crate::model::{Model, ModelError, Trace};

/// A ranker orders the words of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ranker {
    /// A method.
    Method(Method),
    /// A random order: the floor that a method must exceed.
    Random,
}

impl Ranker {
    /// Every method, and the random order.
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

    /// Whether it takes so many passes that an evaluation may skip it on most units. Leave-one-out takes many as well, but every unit needs
    /// it for comparison.
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

/// The goal of the explanation of each unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// Its embedding.
    #[default]
    Embedding,
    /// The logit of the token that a decoder finds most probable after it.
    Logit,
    /// The logarithm of that token's probability.
    LogProbability,
}

impl Aim {
    /// The goal for a unit, given the pass over it.
    ///
    /// # Errors
    /// [`ModelError::Unable`] for the next token of a model that predicts none.
    pub fn goal<'a>(self, model: &Model, trace: &Trace) -> Result<Goal<'a>, ModelError> {
        match self {
            Aim::Embedding => Ok(Goal::Embedding),
            Aim::Logit => Goal::next(model, trace, false),
            Aim::LogProbability => Goal::next(model, trace, true),
        }
    }

    /// The name of the measure.
    pub fn measure(self) -> &'static str {
        match self {
            Aim::Embedding => "turn of the embedding: 1 - cosine",
            Aim::Logit => "fall of the next token's logit",
            Aim::LogProbability => "fall of the next token's log-probability, in nats",
        }
    }

    /// The quantity that the scores of a ranker explain.
    pub fn target(self, ranker: Ranker) -> &'static str {
        match (self, ranker) {
            (_, Ranker::Random) => "nothing",
            (Aim::Embedding, Ranker::Method(method)) => method.target(),
            (Aim::Logit, _) => "logit of the next token",
            (Aim::LogProbability, _) => "log-probability of the next token",
        }
    }
}
