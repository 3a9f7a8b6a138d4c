//! The model: text → tokens with source spans → one forward pass → [`Trace`].
//!
//! Two kinds of [`Encoder`] exist: the fused one in `bert.rs`, and the interpreter for every other family. The rest serves both.

pub mod answers;
mod batch;
mod bert;
mod chat;
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
mod load_error;
mod matrix;
mod modules;
pub mod ops;
mod pipeline;
mod pooling;
mod projection;
mod prompts;
mod quantized;
mod random;
mod readers;
mod reference;
pub mod simd;
mod source;
pub mod spec;
pub mod tape;
mod tokenizer;
mod trace;
mod unigram;
mod vetting;
mod weight_file;
mod weights;

pub use batch::Packed;
pub use chat::ChatFormat;
pub use config::{Activation, Config, ConfigError};
pub use embedded::EmbeddedModel;
pub use families::FAMILIES;
pub use files::hex;
pub use kernels::operand::Operand;
pub use largest::largest;
pub use letter_case::LetterCase;
pub use load::{FileCheck, network, verify};
pub use load_error::LoadError;
pub use matrix::{Arithmetic, Matrix};
pub use pooling::{FrozenPooling, Pooling, weight_in_passage};
pub use projection::{Frozen, Projection};
pub use prompts::{Prompts, Role};
pub use random::Random;
pub use readers::Reader;
pub use source::{Source, default_source, embedded_available};
pub use tokenizer::{Reading, TokenizeError, Tokenizer, Tokens};
pub use trace::{LayerTrace, LayerWeights, Norm, TapeTrace, Trace, TraceLevel};

use std::sync::{Arc, OnceLock};

use readers::Second;
use tape::Network;

use crate::segment::{Budget, Segments, parse, segment};
use crate::text::{Language, ModelText, Snapshot};

/// Asked between two layers whether to stop; `true` ends the pass with [`ModelError::Stopped`].
pub type Checkpoint<'a> = &'a (dyn Fn() -> bool + Sync);

/// A checkpoint that never stops.
pub const UNSTOPPED: Checkpoint<'static> = &|| false;

/// The reason why a forward pass or an explanation gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The checkpoint stopped it.
    #[error("stopped before the model finished")]
    Stopped,
    /// A sequence is longer than the model's window.
    #[error("a text of {tokens} tokens does not fit into the model's window of {window}; split the text")]
    TooLong {
        /// Tokens of the text, special tokens included.
        tokens: usize,
        /// Maximum number of tokens of the model.
        window: usize,
    },
    /// A token id beyond the embedding table: tokenizer and weights belong to different models.
    #[error(
        "token id {id} is outside the vocabulary of {vocabulary}: tokenizer.json does not belong to these weights; download the model again"
    )]
    Vocabulary {
        /// The id.
        id: u32,
        /// Rows of the embedding table.
        vocabulary: usize,
    },
    /// An embedding with NaN or infinity, computed from finite weights.
    #[error(
        "the model computes no finite numbers for a text of {tokens} tokens; its weights are damaged or too large for 32-bit floats: \
         download the model again"
    )]
    NotFinite {
        /// Tokens of the text.
        tokens: usize,
    },
    /// The model lacks what a task needs.
    #[error("this model cannot {0}; use one that can (`fovea model info` lists what a model can do)")]
    Unable(&'static str),
    /// A question without meaning for this model, and a question to ask instead.
    #[error("{0}")]
    Meaningless(String),
    /// The tokenizer refused the text.
    #[error(transparent)]
    Tokenize(#[from] TokenizeError),
    /// A tensor operation failed.
    #[error("a tensor operation failed: {}", load_error::without_backtrace(.0))]
    Tensor(#[from] candle_core::Error),
}

/// A transformer encoder that can keep traces of its computation.
pub trait Encoder: Send + Sync {
    /// Maximum number of tokens in a sequence.
    fn window(&self) -> usize;

    /// Runs packed sequences and returns one trace per sequence, in order. With [`TraceLevel::LastHidden`], traces have no layers.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] if `checkpoint` stops it between layers, [`ModelError::TooLong`] and [`ModelError::Vocabulary`]
    /// for invalid input, [`ModelError::Tensor`] otherwise.
    fn forward(&self, batch: &Packed, keep: TraceLevel, checkpoint: Checkpoint) -> Result<Vec<Trace>, ModelError>;
}

/// The description of a model for users.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ModelInfo {
    /// The name: that of the folder, of the GGUF file's metadata, or `all-MiniLM-L6-v2` for the embedded model.
    pub name: String,
    /// Content address: changes with weights, tokenizer, configuration, prompts and the reading of identifiers.
    pub id: String,
    /// The architecture, as config.json names it.
    pub architecture: String,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads per layer.
    pub heads: usize,
    /// Width of the hidden states.
    pub hidden: usize,
    /// Maximum number of tokens, special tokens included.
    pub window: usize,
    /// Number of vocabulary entries.
    pub vocabulary: usize,
    /// The pooling of token vectors into one embedding.
    pub pooling: Pooling,
    /// The prompts that precede texts.
    pub prompts: Prompts,
    /// The tasks that the model can do.
    pub abilities: Vec<Ability>,
    /// Number format of the stored weights: `f32`, `f16`, `q8_0` …
    pub weights: String,
    /// The name of the model for texts that this one cannot read ([`Model::reader`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multilingual: Option<String>,
}

impl ModelInfo {
    /// Identifies everything that results depend on: [`ModelInfo::id`], and the multilingual model if there is one.
    pub fn results_id(&self) -> String {
        match &self.multilingual {
            Some(name) => format!("{}+{name}", self.id),
            None => self.id.clone(),
        }
    }
}

/// A task that a model can do. Features ask for abilities and not for families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Compute the vector of a text.
    Embed,
    /// Predict masked words.
    FillMask,
    /// Predict the next token.
    NextToken,
    /// Continue a text, or write the output of an encoder-decoder model.
    Generate,
    /// Classify a text.
    ClassifyText,
    /// Classify each token.
    ClassifyTokens,
    /// Find the answer to a question in a text.
    Answer,
}

impl Ability {
    /// The task in words.
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

/// A loaded model: tokenizer, encoder, pooling. Clones share them.
#[derive(Clone)]
pub struct Model {
    info: ModelInfo,
    tokenizer: Arc<Tokenizer>,
    encoder: Arc<dyn Encoder>,
    /// The interpreter's network, if the interpreter runs the encoder; some tasks need it.
    network: Option<Arc<Network>>,
    pooling: Pooling,
    /// The modules after the pooling.
    projection: Arc<Projection>,
    /// Whether the pooling includes the tokens of a prompt.
    includes_prompt: bool,
    /// The multilingual model that accompanies the embedded one.
    second: Option<Arc<Second>>,
    /// Whether it is the embedded model for English and code.
    embedded: bool,
    /// Maximum number of tokens of a text: the window minus the longest prompt.
    text_window: usize,
    identifier_aware: bool,
    /// How it separates the turns of a conversation.
    chat: Option<ChatFormat>,
    /// The embedding that explanations subtract, once it is measured.
    reference: Arc<OnceLock<Option<Vec<f32>>>>,
}

impl Model {
    /// Loads a model.
    ///
    /// # Errors
    /// Names the file that is missing, damaged or of another model, and says what to do.
    pub fn load(source: &Source) -> Result<Model, LoadError> {
        load::load(source, load::Engine::Fastest, None)
    }

    /// Same as [`Model::load`], with the values of each tensor permuted at random: a model that has learned nothing.
    /// Explanations of such a model must differ from those of the trained one (Adebayo et al. 2018).
    ///
    /// # Errors
    /// Those of [`Model::load`].
    pub fn scrambled(source: &Source, seed: u64) -> Result<Model, LoadError> {
        load::load(source, load::Engine::Interpreter, Some(seed))
    }

    /// Same as [`Model::load`], but always with the interpreter.
    /// Heads and traces of all layers need it.
    ///
    /// # Errors
    /// Those of [`Model::load`].
    pub fn interpreted(source: &Source) -> Result<Model, LoadError> {
        load::load(source, load::Engine::Interpreter, None)
    }

    /// The embedding that explanations subtract, [`Model::hidden`] floats; measured at its first use.
    /// It is the embedding of an empty text, for models that contain most of it in the embedding of every text.
    ///
    /// # Errors
    /// Those of [`Encoder::forward`].
    pub fn reference(&self) -> Result<Option<&[f32]>, ModelError> {
        // The embedded model has none (a test in `reference.rs` measures it), so that the first explanation need not wait.
        if self.embedded {
            return Ok(None);
        }
        if self.reference.get().is_none() {
            let measured = reference::measure(self)?;
            let _ = self.reference.set(measured);
        }
        Ok(self.reference.get().and_then(|found| found.as_deref()))
    }

    /// The interpreter's network, if the interpreter runs the encoder.
    pub fn network(&self) -> Option<&Arc<Network>> {
        self.network.as_ref()
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The same model, with identifiers split into words (the default) or left whole.
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

    /// The description of the model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Maximum number of tokens of a text, special tokens included: the model's window minus its longest prompt.
    pub fn window(&self) -> usize {
        self.text_window
    }

    /// Whether it is the embedded model, for which the thresholds were measured.
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }

    /// Width of the embedding.
    pub fn hidden(&self) -> usize {
        self.projection.width(self.info.hidden)
    }

    /// The pooling of token vectors into one embedding.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// How the model separates the turns of a conversation; `None` for a model that is no chat model.
    pub fn chat(&self) -> Option<ChatFormat> {
        self.chat
    }

    /// The encoder.
    pub fn encoder(&self) -> &dyn Encoder {
        &*self.encoder
    }

    /// The tokens of a text, with their ranges in it. Identifiers in code are split into words unless this is switched off.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer refuses the text.
    pub fn tokenize(&self, text: &str, language: Language) -> Result<Tokens, TokenizeError> {
        self.read(text, language, "")
    }

    /// Same as [`Model::tokenize`], with the prompt for a role before the text.
    /// Prompt and text fit the window together if the text has at most [`Model::window`] tokens.
    ///
    /// # Errors
    /// Those of [`Model::tokenize`].
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

    /// A message as the turn of a user, after which a chat model answers; `None` for a model that is no chat model.
    pub fn turn(&self, message: &str) -> Option<String> {
        Some(self.chat?.turn(message, &self.tokenizer.special()))
    }

    /// The tokens of a turn of a conversation, from [`Model::turn`]. Its control tokens count as special.
    ///
    /// # Errors
    /// Those of [`Model::tokenize`].
    pub fn tokenize_turn(&self, turn: &str) -> Result<Tokens, TokenizeError> {
        let mut tokens = self.tokenize(turn, Language::Prose)?;
        let control = self.chat.map_or(&[][..], |chat| chat.tokens());
        let control: Vec<u32> = control.iter().filter_map(|token| self.tokenizer.id(token)).collect();
        for index in 0..tokens.len() {
            if control.contains(&tokens.ids[index]) {
                tokens.special[index] = true;
                tokens.spans[index] = 0..0;
            }
        }
        Ok(tokens)
    }

    /// Number of tokens of a text, special tokens included; for a text that the tokenizer refuses, one per byte plus two.
    pub fn count(&self, text: &str, language: Language) -> usize {
        self.tokenize(text, language)
            .map_or(text.len() + 2, |tokens| tokens.len())
    }

    /// The units and items of a text, without a previous version; every unit fits the window.
    pub fn segment(&self, snapshot: &Snapshot) -> Segments {
        let budget = Budget {
            tokens: &|text, language| self.count(text, language),
            window: self.window(),
        };
        segment(snapshot, &parse(snapshot), &budget)
    }

    /// The embedding from the trace of a sequence without a prompt, not normalized: [`Model::hidden`] floats.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] if the hidden states do not have the expected shape, [`ModelError::NotFinite`] for an embedding with NaN or
    /// infinity.
    pub fn pool(&self, trace: &Trace) -> Result<Vec<f32>, ModelError> {
        self.pool_by(self.pooling, trace)
    }

    /// Whether modules follow the pooling.
    pub fn has_projection(&self) -> bool {
        !self.projection.is_empty()
    }

    /// The projection frozen at one sequence: an affine map of pooled vectors.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] if the hidden states do not have the expected shape.
    pub fn freeze(&self, pooling: Pooling, trace: &Trace) -> Result<Frozen<'_>, ModelError> {
        Ok(self.projection.freeze(pooling.pool(&trace.hidden)?.to_vec1()?)?)
    }

    /// ⟨direction, embedding⟩ of one sequence, and its true gradient at the last hidden states, (n, hidden).
    /// The norms of the projection are frozen.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] if the hidden states do not have the expected shape.
    pub fn toward(
        &self,
        (pooling, trace): (Pooling, &Trace),
        held: &Frozen,
        direction: &[f32],
    ) -> Result<(f64, Vec<f32>), ModelError> {
        let pooled = pooling.pool(&trace.hidden)?.to_vec1()?;
        let (value, gradient) = self.projection.toward(pooled, held, direction)?;
        Ok((value, pooling.freeze(&trace.hidden)?.back(&gradient)))
    }

    /// The pooling for some tokens; for models that exclude prompts, it skips the prompt's tokens.
    pub fn pooling_of(&self, tokens: &Tokens) -> Pooling {
        match self.pooling {
            Pooling::Mean if !self.includes_prompt && !tokens.prompt.is_empty() => Pooling::MeanFrom(tokens.prompt.end),
            pooling => pooling,
        }
    }

    /// Same as [`Model::pool`], for tokens that may have a prompt.
    ///
    /// # Errors
    /// Those of [`Model::pool`].
    pub fn pool_of(&self, tokens: &Tokens, trace: &Trace) -> Result<Vec<f32>, ModelError> {
        self.pool_by(self.pooling_of(tokens), trace)
    }

    /// As [`Model::pool`], with a given pooling.
    ///
    /// # Errors
    /// Those of [`Model::pool`].
    pub fn pool_by(&self, pooling: Pooling, trace: &Trace) -> Result<Vec<f32>, ModelError> {
        let embedding = self.projection.apply(pooling.pool(&trace.hidden)?.to_vec1()?)?;
        match embedding.iter().all(|value| value.is_finite()) {
            true => Ok(embedding),
            false => Err(ModelError::NotFinite { tokens: trace.len() }),
        }
    }
}
