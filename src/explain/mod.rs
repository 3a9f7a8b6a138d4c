//! Explanations: a [`Trace`] → a score per source word. No I/O.
//!
//! The frozen-affine decomposition exists twice on purpose: [`parts`] propagates each word's part forward through the frozen network, and
//! [`decomposition`] propagates the embedding backward. The two share no code and must agree.

pub mod alignment;
pub mod alti;
pub mod attention;
pub mod attention_flow;
pub mod centered;
mod choice;
pub mod contributions;
pub mod decomposition;
pub mod deletion;
mod direction;
pub mod evaluate;
pub mod globenc;
mod goal;
pub mod gradient;
pub mod integrated_gradients;
mod layout;
pub mod leave_one_out;
pub mod lime;
pub mod norm;
mod number;
pub mod pair;
pub mod parts;
mod passage;
pub mod predict;
pub mod shap;
pub mod smoothgrad;
mod split;
pub mod surprisal;
mod target;
pub mod trust;
pub mod value_zeroing;
mod words;

pub use alignment::Link;
pub use centered::{Centered, CenteredSide, Means, Measure};
pub use choice::{Choice, Extent, Heads, Operator, Over};
pub use direction::Directed;
pub use goal::{Goal, Projection};
pub use number::{Parts, number};
pub use pair::{Pair, PairReport, Side, Which, compare, compare_centered};
pub use passage::Shares;
pub use target::{TargetScores, target};
pub use words::{Owner, WordMap};

use crate::model::{Checkpoint, Model, ModelError, Packed, Tokens, Trace, TraceLevel};

/// How a unit's words are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Frozen-affine share of the embedding (DecompX, ACL 2023): shares, bias and special tokens sum to 1.
    #[default]
    Decomposition,
    /// ALTI (Ferrando et al. 2022), mean over the output positions.
    Alti,
    /// Attention received, mean over layers and heads: it shows mixing, not reasons.
    Attention,
    /// Attention rollout (Abnar & Zuidema 2020).
    Rollout,
    /// Norm-based rollout with residual and LayerNorm (Kobayashi et al. 2020, 2021).
    Norm,
    /// Gradient × input of the quantity that the decomposition splits (Shrikumar et al. 2017).
    Gradient,
    /// Integrated gradients (Sundararajan et al. 2017) from a text of padding: shares of the increase, with the completeness error as
    /// residual.
    IntegratedGradients,
    /// How far the embedding moves when a word is deleted.
    LeaveOneOut,
    /// Value zeroing (Mohebbi et al. 2023), rolled out.
    ValueZeroing,
    /// Surprisal: how unexpected a word is after those before it. It does not explain an embedding, so it is neither in [`Method::LIVE`]
    /// nor in [`Method::ALL`].
    Surprisal,
    /// SmoothGrad (Smilkov et al. 2017): the length of the mean gradient over noisy copies.
    #[serde(rename = "smoothgrad")]
    SmoothGrad,
    /// LIME (Ribeiro et al. 2016): a linear model of the effect of random deletions.
    Lime,
    /// Owen values over the layout of the text (Lundberg's partition SHAP): shares of the joint effect of all words.
    Shap,
    /// GlobEnc (Modarressi et al. 2022): norm-based, after the whole layer.
    #[serde(rename = "globenc")]
    GlobEnc,
    /// Attention flow (Abnar & Zuidema 2020), for short texts only.
    AttentionFlow,
}

impl Method {
    /// Methods that need only one pass of the model, the default first: fast enough for an editor.
    pub const LIVE: [Method; 5] = [
        Method::Decomposition,
        Method::Alti,
        Method::Attention,
        Method::Rollout,
        Method::Norm,
    ];

    /// The methods that editors offer: [`Method::LIVE`], and surprisal for models that predict the next token.
    pub const OFFERED: [Method; 6] = [
        Method::Decomposition,
        Method::Alti,
        Method::Attention,
        Method::Rollout,
        Method::Norm,
        Method::Surprisal,
    ];

    /// Every method: those of [`Method::LIVE`], then the references, which take many passes or gradients and serve evaluation.
    pub const ALL: [Method; 14] = [
        Method::Decomposition,
        Method::Alti,
        Method::Attention,
        Method::Rollout,
        Method::Norm,
        Method::Gradient,
        Method::IntegratedGradients,
        Method::LeaveOneOut,
        Method::ValueZeroing,
        Method::SmoothGrad,
        Method::Lime,
        Method::Shap,
        Method::GlobEnc,
        Method::AttentionFlow,
    ];

    /// The name used on the command line, in settings and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Method::Decomposition => "decomposition",
            Method::Alti => "alti",
            Method::Attention => "attention",
            Method::Rollout => "rollout",
            Method::Norm => "norm",
            Method::Gradient => "gradient",
            Method::IntegratedGradients => "integrated-gradients",
            Method::LeaveOneOut => "leave-one-out",
            Method::ValueZeroing => "value-zeroing",
            Method::Surprisal => "surprisal",
            Method::SmoothGrad => "smoothgrad",
            Method::Lime => "lime",
            Method::Shap => "shap",
            Method::GlobEnc => "globenc",
            Method::AttentionFlow => "attention-flow",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Method> {
        let mut all = Method::ALL.into_iter().chain([Method::Surprisal]);
        all.find(|m| m.name() == name)
    }

    /// The values that a forward pass should keep for it, so that the method needs no second pass.
    pub fn keeps(self) -> TraceLevel {
        match self {
            Method::Alti | Method::Norm => TraceLevel::LayersAndValues,
            Method::Decomposition | Method::Attention | Method::Rollout | Method::AttentionFlow => TraceLevel::Layers,
            Method::Gradient
            | Method::IntegratedGradients
            | Method::ValueZeroing
            | Method::SmoothGrad
            | Method::GlobEnc => TraceLevel::Everything,
            Method::LeaveOneOut | Method::Surprisal | Method::Lime | Method::Shap => TraceLevel::LastHidden,
        }
    }

    /// Whether it is one of [`Method::LIVE`].
    pub fn live(self) -> bool {
        Method::LIVE.contains(&self)
    }

    /// Whether it needs the interpreter ([`Model::interpreted`]).
    pub fn interpreted(self) -> bool {
        self.keeps() == TraceLevel::Everything
    }

    /// The quantity that its scores explain, in a few words.
    pub fn target(self) -> &'static str {
        match self {
            Method::Decomposition | Method::Gradient | Method::IntegratedGradients | Method::SmoothGrad => {
                "embedding beyond the reference"
            }
            Method::Surprisal => "surprisal of the unit",
            Method::Alti
            | Method::Attention
            | Method::Rollout
            | Method::Norm
            | Method::ValueZeroing
            | Method::GlobEnc
            | Method::AttentionFlow => "pooled token vectors",
            Method::LeaveOneOut | Method::Lime | Method::Shap => "turn of the embedding",
        }
    }

    /// Whether words, bias and special tokens sum to the explained quantity.
    pub fn additive(self) -> bool {
        matches!(self, Method::Decomposition | Method::IntegratedGradients | Method::Shap)
    }
}

/// Scores of one sequence's tokens by one method.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenScores {
    /// One score per token, special tokens included.
    pub tokens: Vec<f32>,
    /// The share of the network's biases, which belong to no token. 0 for methods without such a share.
    pub bias: f32,
}

/// Scores of one sequence's source words by one method.
#[derive(Debug, Clone, PartialEq)]
pub struct WordScores {
    /// One score per word of the [`WordMap`].
    pub words: Vec<f32>,
    /// Score of all special tokens together.
    pub special: f32,
    /// The share of the network's biases, which belong to no token.
    pub bias: f32,
    /// For additive methods |1 - (words + special + bias)|, else 0.
    pub residual: f32,
}

/// A text as a model read it: the input of a method.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The text.
    pub text: &'a str,
    /// The tokens.
    pub tokens: &'a Tokens,
    /// The pass, with the values that the method [needs](Method::keeps).
    pub trace: &'a Trace,
    /// The pooled embedding of the trace.
    pub embedding: &'a [f32],
    /// The owners of the tokens.
    pub words: &'a WordMap,
    /// The goal of the explanation.
    pub goal: Goal<'a>,
    /// The type of each token, if the model reads pairs of texts; otherwise empty.
    pub types: &'a [u32],
}

impl Subject<'_> {
    /// The text as a batch of one sequence.
    fn packed(&self) -> Packed {
        let mut packed = Packed::new([self.tokens.ids.as_slice()]);
        packed.types = self.types.to_vec();
        packed
    }
}

/// Scores a sequence's source words. Only [`Method::Attention`] and [`Method::LeaveOneOut`] use the choice.
///
/// # Errors
/// [`ModelError::Tensor`] if the trace lacks values or its shapes do not match, [`ModelError::Stopped`] when the checkpoint stops
/// a method with further passes.
pub fn salience(
    model: &Model,
    subject: &Subject,
    method: Method,
    choice: impl Into<Choice>,
    checkpoint: Checkpoint,
) -> Result<WordScores, ModelError> {
    let choice = choice.into();
    let pooling = subject.goal.pooling(model);
    let Subject {
        trace,
        embedding,
        words,
        goal,
        ..
    } = *subject;
    let scores = match method {
        Method::Decomposition => match (goal, model.reference()?) {
            (Goal::Output(output), _) => target::of_output(model, trace, &output)?,
            (Goal::Along(projection), _) => projection.shares(model, trace)?,
            (Goal::Embedding, Some(reference)) => {
                decomposition::shares_beyond(model, trace, pooling, (embedding, reference))?
            }
            (Goal::Embedding, None) => decomposition::shares_of(model, trace, pooling, embedding)?,
        },
        Method::Alti => alti::scores(trace, pooling)?,
        Method::Norm => norm::scores(trace, pooling)?,
        Method::Rollout => attention::rollout_scores(trace, pooling)?,
        Method::Attention => attention::received_over(trace, choice.heads, choice.over)?,
        Method::Gradient => gradient::scores(model, subject)?,
        Method::IntegratedGradients => integrated_gradients::scores(model, subject, checkpoint)?,
        Method::LeaveOneOut => leave_one_out::choose(model, subject, choice, checkpoint)?,
        Method::ValueZeroing => value_zeroing::scores(trace, pooling, checkpoint)?,
        Method::Surprisal => surprisal::scores(model, subject, checkpoint)?,
        Method::SmoothGrad => smoothgrad::scores(model, subject, checkpoint)?,
        Method::Lime => lime::scores(model, subject, checkpoint)?,
        Method::Shap => shap::scores(model, subject, checkpoint)?,
        Method::GlobEnc => globenc::scores(trace, pooling)?,
        Method::AttentionFlow => attention_flow::scores(subject, pooling, checkpoint)?,
    };
    // The parts of a number sum to that number, not to 1.
    let additive = method.additive() && goal == Goal::Embedding;
    Ok(words.collect(&scores, additive))
}
