//! The model: text → tokens with source spans → one forward pass → [`Trace`].
//!
//! An architecture is one file that implements [`Encoder`]; everything else here serves all of them.

pub mod answers;
mod batch;
mod bert;
mod config;
mod embedded;
mod families;
mod files;
mod frozen;
pub mod generate;
mod gguf;
mod guarded;
pub mod hub;
mod interpreted;
mod kernels;
mod largest;
mod letter_case;
mod load;
mod matrix;
mod modules;
pub mod ops;
mod pooling;
mod projection;
mod prompts;
mod random;
mod readers;
mod reference;
pub mod simd;
pub mod spec;
pub mod tape;
mod tokenizer;
mod trace;
mod vetting;
mod weights;

pub use batch::Packed;
pub use config::{Activation, Config, ConfigError};
pub use embedded::EmbeddedModel;
pub use families::FAMILIES;
pub use kernels::operand::Operand;
pub use largest::largest;
pub use letter_case::LetterCase;
pub use load::{FileCheck, LoadError, Source, default_source, embedded_available, network, verify};
pub use matrix::{Arithmetic, Matrix};
pub use pooling::{Pooling, own_tokens, weight_in_passage};
pub use projection::{Frozen, Projection};
pub use prompts::{Prompts, Role};
pub use random::Random;
pub use readers::Reader;
pub use tokenizer::{Reading, TokenizeError, Tokenizer, Tokens};
pub use trace::{LayerTrace, LayerWeights, Norm, TapeTrace, Trace, TraceLevel};

use std::sync::{Arc, OnceLock};

use readers::Second;
use tape::Network;

use crate::segment::{Budget, Segments, parse, segment};
use crate::text::{Language, ModelText, Snapshot};

/// Asked between two layers whether to stop; true stops the pass with [`ModelError::Stopped`].
pub type Checkpoint<'a> = &'a (dyn Fn() -> bool + Sync);

/// A checkpoint that never stops.
pub const UNSTOPPED: Checkpoint<'static> = &|| false;

/// Why a forward pass or an explanation gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The checkpoint said so.
    #[error("stopped before the model finished")]
    Stopped,
    /// A sequence is longer than the positions the model knows.
    #[error("a text of {tokens} tokens does not fit into the model's window of {window}; split the text")]
    TooLong {
        /// Tokens of the text, special ones included.
        tokens: usize,
        /// Tokens the model reads at once.
        window: usize,
    },
    /// A token id beyond the embedding table: tokenizer and weights are not of one model.
    #[error(
        "token id {id} is outside the vocabulary of {vocabulary}: tokenizer.json does not belong to these weights; download the model again"
    )]
    Vocabulary {
        /// The id.
        id: u32,
        /// Rows of the embedding table.
        vocabulary: usize,
    },
    /// An embedding that is NaN or infinite: the weights are finite, what they compute is not.
    #[error(
        "the model computes no finite numbers for a text of {tokens} tokens; its weights are damaged or too large for 32-bit floats: \
         download the model again"
    )]
    NotFinite {
        /// Tokens of the text.
        tokens: usize,
    },
    /// The model has not what a task needs.
    #[error("this model cannot {0}; use one that can (`fovea model info` lists what a model can do)")]
    Unable(&'static str),
    /// A question that means nothing for this model, and what can be asked instead.
    #[error("{0}")]
    Meaningless(String),
    /// Text the tokenizer could not take.
    #[error(transparent)]
    Tokenize(#[from] TokenizeError),
    /// A tensor operation failed.
    #[error("a tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// A transformer encoder that can show its work. One implementation per architecture.
pub trait Encoder: Send + Sync {
    /// Most tokens of a sequence.
    fn window(&self) -> usize;

    /// Runs packed sequences and returns one trace per sequence, in order. With [`TraceLevel::LastHidden`] the traces have no layers.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when `checkpoint` says so between layers, [`ModelError::TooLong`] and [`ModelError::Vocabulary`]
    /// for input the model cannot take, [`ModelError::Tensor`] otherwise.
    fn forward(&self, batch: &Packed, keep: TraceLevel, checkpoint: Checkpoint) -> Result<Vec<Trace>, ModelError>;
}

/// What a model is, for those who show it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ModelInfo {
    /// Its name: the folder's, what a GGUF file says, or `all-MiniLM-L6-v2` for the embedded one.
    pub name: String,
    /// Content address: changes whenever weights, tokenizer, configuration, prompts or the reading of identifiers do.
    pub id: String,
    /// Architecture as config.json calls it.
    pub architecture: String,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads per layer.
    pub heads: usize,
    /// Width of a hidden state.
    pub hidden: usize,
    /// Most tokens read at once, special tokens included.
    pub window: usize,
    /// Entries of the vocabulary.
    pub vocabulary: usize,
    /// How token vectors become one embedding.
    pub pooling: Pooling,
    /// What is put before a text.
    pub prompts: Prompts,
    /// What it can do.
    pub abilities: Vec<Ability>,
    /// Number format the weights were stored in: `f32`, `f16`, `q8_0` …
    pub weights: String,
    /// The name of the model that reads what this one cannot, if there is one ([`Model::reader`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multilingual: Option<String>,
}

impl ModelInfo {
    /// Identifies everything that results depend on: [`ModelInfo::id`], and the model beside this one.
    pub fn results_id(&self) -> String {
        match &self.multilingual {
            Some(name) => format!("{}+{name}", self.id),
            None => self.id.clone(),
        }
    }
}

/// What a model can do; features ask for it, whatever the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Turn a text into a vector.
    Embed,
    /// Say which word is missing.
    FillMask,
    /// Say which token comes next.
    NextToken,
    /// Write on from a text, or write what an encoder's text asks for.
    Generate,
    /// Tell a class of a text.
    ClassifyText,
    /// Tell a class of each token.
    ClassifyTokens,
    /// Find the answer to a question in a text.
    Answer,
}

impl Ability {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Ability::Embed => "embed texts",
            Ability::FillMask => "fill masks",
            Ability::NextToken => "predict the next token",
            Ability::Generate => "generate text",
            Ability::ClassifyText => "classify texts",
            Ability::ClassifyTokens => "classify tokens",
            Ability::Answer => "answer questions",
        }
    }
}

/// A loaded model: tokenizer, encoder, pooling. Clones share both.
#[derive(Clone)]
pub struct Model {
    info: ModelInfo,
    tokenizer: Arc<Tokenizer>,
    encoder: Arc<dyn Encoder>,
    /// The encoder, where the interpreter runs it: for what only it can do.
    network: Option<Arc<Network>>,
    pooling: Pooling,
    /// What follows the pooling.
    projection: Arc<Projection>,
    /// Whether the pooling counts the tokens of a prompt.
    includes_prompt: bool,
    /// The multilingual model beside the embedded one.
    second: Option<Arc<Second>>,
    /// Whether it is the embedded one for English and code.
    embedded: bool,
    /// Most tokens of a text, once a prompt has its place in the window.
    room: usize,
    identifier_aware: bool,
    /// What explanations leave out, once somebody asked.
    reference: Arc<OnceLock<Option<Vec<f32>>>>,
}

impl Model {
    /// Loads a model.
    ///
    /// # Errors
    /// Says which file is missing, damaged or of another model, and what to do.
    pub fn load(source: &Source) -> Result<Model, LoadError> {
        load::load(source, load::Engine::Fastest, None)
    }

    /// As [`Model::load`], with the numbers of each tensor in a random order: a model that learned nothing, beside which an explanation
    /// has to look different (Adebayo et al. 2018).
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn scrambled(source: &Source, seed: u64) -> Result<Model, LoadError> {
        load::load(source, load::Engine::Interpreter, Some(seed))
    }

    /// As [`Model::load`], run by the interpreter whatever the family: what heads and traces of all layers need.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn interpreted(source: &Source) -> Result<Model, LoadError> {
        load::load(source, load::Engine::Interpreter, None)
    }

    /// The embedding that explanations take away, [`Model::hidden`] floats: that of an empty text, where the model has most of it in every
    /// text. Measured at its first use.
    ///
    /// # Errors
    /// As [`Encoder::forward`].
    pub fn reference(&self) -> Result<Option<&[f32]>, ModelError> {
        // Known to be none (`reference.rs` measures it in a test), so that the first explanation need not wait for it.
        if self.embedded {
            return Ok(None);
        }
        if self.reference.get().is_none() {
            let measured = reference::measure(self)?;
            let _ = self.reference.set(measured);
        }
        Ok(self.reference.get().and_then(|found| found.as_deref()))
    }

    /// The network, where the interpreter runs it.
    pub fn network(&self) -> Option<&Arc<Network>> {
        self.network.as_ref()
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The same model with identifiers read as words (the default) or, as the reference pipeline does, left as they are.
    pub fn identifier_aware(mut self, aware: bool) -> Model {
        if self.identifier_aware != aware {
            self.info.id = match aware {
                true => self.info.id.trim_end_matches("-plain").to_owned(),
                false => format!("{}-plain", self.info.id),
            };
        }
        self.identifier_aware = aware;
        self
    }

    /// What it is.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Most tokens of a text read at once, special tokens included: the model's window less its longest prompt.
    pub fn window(&self) -> usize {
        self.room
    }

    /// Whether it is the model inside the program, which thresholds were measured with.
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }

    /// Width of an embedding.
    pub fn hidden(&self) -> usize {
        self.projection.width(self.info.hidden)
    }

    /// How token vectors become one embedding.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// The encoder itself.
    pub fn encoder(&self) -> &dyn Encoder {
        &*self.encoder
    }

    /// Tokens of a text with their ranges in it. Identifiers of code are read as words unless that was switched off.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer refuses the text.
    pub fn tokenize(&self, text: &str, language: Language) -> Result<Tokens, TokenizeError> {
        self.read(text, language, "")
    }

    /// As [`Model::tokenize`], with the prompt of what the text is read as before it. It takes its place in the window beside a text
    /// of at most [`Model::window`] tokens.
    ///
    /// # Errors
    /// As [`Model::tokenize`].
    pub fn tokenize_as(&self, role: Role, text: &str, language: Language) -> Result<Tokens, TokenizeError> {
        self.read(text, language, self.info.prompts.of(role))
    }

    fn read(&self, text: &str, language: Language, prompt: &str) -> Result<Tokens, TokenizeError> {
        let aware = self.identifier_aware && language.is_code();
        let read = if aware {
            ModelText::identifier_aware(text)
        } else {
            ModelText::plain(text)
        };
        self.tokenizer.tokenize(text, &read, prompt)
    }

    /// Number of tokens of a text, special tokens included; a text the tokenizer refuses counts one per byte.
    pub fn count(&self, text: &str, language: Language) -> usize {
        self.tokenize(text, language)
            .map_or(text.len() + 2, |tokens| tokens.len())
    }

    /// The units and items of a text, read from nothing; every unit fits the window.
    pub fn segment(&self, snapshot: &Snapshot) -> Segments {
        let budget = Budget {
            tokens: &|text, language| self.count(text, language),
            window: self.window(),
        };
        segment(snapshot, &parse(snapshot), &budget)
    }

    /// The embedding of one trace's sequence, read without a prompt, not normalized: [`Model::hidden`] floats.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] if the hidden states are not of the expected shape, [`ModelError::NotFinite`] for an embedding that is no
    /// vector of numbers.
    pub fn pool(&self, trace: &Trace) -> Result<Vec<f32>, ModelError> {
        self.pool_with(self.pooling, trace)
    }

    /// Whether anything follows the pooling.
    pub fn has_projection(&self) -> bool {
        !self.projection.is_empty()
    }

    /// The projection as it is for one sequence: an affine map of pooled vectors.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] if the hidden states are not of the expected shape.
    pub fn freeze(&self, pooling: Pooling, trace: &Trace) -> Result<Frozen<'_>, ModelError> {
        Ok(self.projection.freeze(pooling.pool(&trace.hidden)?.to_vec1()?)?)
    }

    /// ⟨direction, embedding⟩ of one sequence, with the lengths of the projection held, and its true gradient at the last hidden states:
    /// (n, hidden).
    ///
    /// # Errors
    /// [`ModelError::Tensor`] if the hidden states are not of the expected shape.
    pub fn toward(&self, trace: &Trace, held: &Frozen, direction: &[f32]) -> Result<(f64, Vec<f32>), ModelError> {
        let pooled = self.pooling.pool(&trace.hidden)?.to_vec1()?;
        let (value, gradient) = self.projection.toward(pooled, held, direction)?;
        let weights = self.pooling.weights(trace.len());
        let rows = weights
            .iter()
            .flat_map(|weight| gradient.iter().map(move |v| weight * v));
        Ok((value, rows.collect()))
    }

    /// How the vectors of some tokens become one embedding: the model may leave those of a prompt out.
    pub fn pooling_of(&self, tokens: &Tokens) -> Pooling {
        match self.pooling {
            Pooling::Mean if !self.includes_prompt && !tokens.prompt.is_empty() => Pooling::MeanFrom(tokens.prompt.end),
            pooling => pooling,
        }
    }

    /// As [`Model::pool`], of tokens that may have a prompt.
    ///
    /// # Errors
    /// As [`Model::pool`].
    pub fn pool_of(&self, tokens: &Tokens, trace: &Trace) -> Result<Vec<f32>, ModelError> {
        self.pool_with(self.pooling_of(tokens), trace)
    }

    fn pool_with(&self, pooling: Pooling, trace: &Trace) -> Result<Vec<f32>, ModelError> {
        let embedding = self.projection.apply(pooling.pool(&trace.hidden)?.to_vec1()?)?;
        match embedding.iter().all(|value| value.is_finite()) {
            true => Ok(embedding),
            false => Err(ModelError::NotFinite { tokens: trace.len() }),
        }
    }
}
