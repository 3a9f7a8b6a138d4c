//! Explanations: a [`Trace`] → a score per source word. No I/O.
//!
//! The frozen-affine decomposition exists twice, on purpose: [`parts`] pushes every word's part forward through the frozen
//! network, [`decomposition`] pulls the embedding back through it. The two share no code and must agree.

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
pub mod pair;
pub mod parts;
mod passage;
pub mod predict;
pub mod shap;
pub mod smoothgrad;
mod split;
pub mod surprisal;
mod target;
mod target_words;
pub mod trust;
pub mod value_zeroing;
mod words;

pub use alignment::Link;
pub use attention::Heads;
pub use centered::{Centered, CenteredSide, Means, Measure};
pub use choice::{Choice, Extent, Operator, Over};
pub use direction::{Along, Directed};
pub use goal::Goal;
pub use pair::{Pair, PairReport, Side, Which, compare, compare_centered};
pub use passage::Shares;
pub use target::{Attribution, TargetScores, TargetWords, target};
pub use target_words::Parts;
pub use words::{Owner, WordMap};

use crate::model::{Checkpoint, Model, ModelError, Tokens, Trace, TraceLevel};

/// How a unit's words are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// Gradient × input of what the decomposition splits (Shrikumar et al. 2017).
    Gradient,
    /// Integrated gradients (Sundararajan et al. 2017) from a text of padding: shares of the way, with the completeness error as residual.
    IntegratedGradients,
    /// How far the embedding turns when a word is deleted.
    LeaveOneOut,
    /// Value zeroing (Mohebbi et al. 2023), rolled out.
    ValueZeroing,
    /// Surprisal: how unexpected a word is after those before it. It explains no embedding, so it is neither in [`Method::LIVE`] nor in
    /// [`Method::ALL`].
    Surprisal,
    /// SmoothGrad (Smilkov et al. 2017): the length of the gradient's mean over disturbed copies.
    #[serde(rename = "smoothgrad")]
    SmoothGrad,
    /// LIME (Ribeiro et al. 2016): a linear model of what random deletions do.
    Lime,
    /// Owen values over the layout of the text (Lundberg's partition SHAP): shares of what all words do together.
    Shap,
    /// GlobEnc (Modarressi et al. 2022): norm-based, behind the whole layer.
    #[serde(rename = "globenc")]
    GlobEnc,
    /// Attention flow (Abnar & Zuidema 2020), of short texts.
    AttentionFlow,
}

impl Method {
    /// Methods that one pass of the model is enough for, the default first: quick enough for an editor.
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

    /// What a forward pass has to keep for it, or is best to, where it would be made once more otherwise.
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

    /// Whether only a model that the interpreter runs ([`Model::interpreted`]) keeps what it needs.
    pub fn interpreted(self) -> bool {
        self.keeps() == TraceLevel::Everything
    }

    /// What its scores are of, in a few words.
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

/// A text as a model read it: what a method explains.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The text.
    pub text: &'a str,
    /// The tokens.
    pub tokens: &'a Tokens,
    /// The pass, which kept what the method [needs](Method::keeps).
    pub trace: &'a Trace,
    /// The pooled embedding of the trace.
    pub embedding: &'a [f32],
    /// Whose the tokens are.
    pub words: &'a WordMap,
    /// What is explained of it.
    pub goal: Goal,
}

/// Scores a sequence's source words. The choice matters to [`Method::Attention`] and [`Method::LeaveOneOut`] alone.
///
/// # Errors
/// [`ModelError::Tensor`] if the trace kept too little or its shapes do not fit, [`ModelError::Stopped`] when the checkpoint of a method
/// with further passes says so.
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
        Method::Decomposition => match (goal.readout(trace.len()), model.reference()?) {
            (Some(readout), _) => target::of_output(model, trace, &readout)?,
            (None, Some(reference)) => decomposition::shares_beyond(model, trace, pooling, (embedding, reference))?,
            (None, None) => decomposition::shares_of(model, trace, pooling, embedding)?,
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
    // What a number is made of sums to the number, and not to 1.
    let additive = method.additive() && goal == Goal::Embedding;
    Ok(words.collect(&scores, additive))
}
