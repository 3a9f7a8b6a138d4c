//! config.json and its companions.

use std::path::PathBuf;

use serde::Deserialize;

use super::Pooling;

/// Dimensions of a BERT-like encoder, as config.json gives them.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `bert`, `roberta`, `xlm-roberta` …
    pub architecture: String,
    /// Width of a hidden state.
    pub hidden: usize,
    /// Width inside the feed-forward block.
    pub intermediate: usize,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads per layer.
    pub heads: usize,
    /// Rows of the word embedding table.
    pub vocabulary: usize,
    /// Rows of the position embedding table.
    pub positions: usize,
    /// Position id of the first token: 0 for BERT, padding id + 1 for RoBERTa and XLM-R.
    pub first_position: usize,
    /// Rows of the token type table.
    pub token_types: usize,
    /// ε inside the square root of LayerNorm.
    pub epsilon: f64,
    /// Activation of the feed-forward block.
    pub activation: Activation,
}

/// Activation of the feed-forward block, each of the form θ(u)·u.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// u·Φ(u) with the exact normal distribution function (Hendrycks & Gimpel 2016).
    Gelu,
    /// Its tanh approximation, `gelu_new` and `gelu_pytorch_tanh`.
    GeluTanh,
    /// max(0, u).
    Relu,
}

/// Why a config.json cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not the JSON that was expected.
    #[error("cannot read {file}: {error}; download the model again")]
    Json {
        /// The file.
        file: String,
        /// The parser's words.
        error: serde_json::Error,
    },
    /// A family this version does not run.
    #[error("config.json: model_type `{0}` is not supported; use a bert, roberta or xlm-roberta encoder")]
    Architecture(String),
    /// A variant this version does not run.
    #[error("config.json: {key} `{value}` is not supported; {supported}")]
    Variant {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is supported.
        supported: &'static str,
    },
    /// A prompt that cannot be used.
    #[error("config_sentence_transformers.json: {0}")]
    Prompt(String),
    /// Numbers that cannot be together.
    #[error("config.json: {0}")]
    Dimensions(String),
}

#[derive(Deserialize)]
struct Raw {
    model_type: Option<String>,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default)]
    type_vocab_size: usize,
    #[serde(default = "default_epsilon")]
    layer_norm_eps: f64,
    hidden_act: Option<String>,
    position_embedding_type: Option<String>,
    pad_token_id: Option<usize>,
}

fn default_epsilon() -> f64 {
    1e-12
}

impl Config {
    /// Reads config.json.
    ///
    /// # Errors
    /// [`ConfigError`] names the key and what is supported.
    pub fn parse(json: &[u8]) -> Result<Config, ConfigError> {
        let raw: Raw = serde_json::from_slice(json).map_err(|error| ConfigError::Json {
            file: "config.json".into(),
            error,
        })?;
        let architecture = raw.model_type.unwrap_or_else(|| "bert".to_owned());
        let first_position = match architecture.as_str() {
            "bert" => 0,
            "roberta" | "xlm-roberta" | "camembert" => raw.pad_token_id.unwrap_or(1) + 1,
            _ => return Err(ConfigError::Architecture(architecture)),
        };
        let activation = match raw.hidden_act.as_deref().unwrap_or("gelu") {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => {
                return Err(ConfigError::Variant {
                    key: "hidden_act",
                    value: other.to_owned(),
                    supported: "fovea supports gelu, gelu_new, gelu_pytorch_tanh and relu",
                });
            }
        };
        if let Some(kind) = raw.position_embedding_type.filter(|kind| kind != "absolute") {
            return Err(ConfigError::Variant {
                key: "position_embedding_type",
                value: kind,
                supported: "fovea supports absolute positions",
            });
        }
        let config = Config {
            architecture,
            hidden: raw.hidden_size,
            intermediate: raw.intermediate_size,
            layers: raw.num_hidden_layers,
            heads: raw.num_attention_heads,
            vocabulary: raw.vocab_size,
            positions: raw.max_position_embeddings,
            first_position,
            token_types: raw.type_vocab_size,
            epsilon: raw.layer_norm_eps,
            activation,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let positive = [
            ("hidden_size", self.hidden),
            ("intermediate_size", self.intermediate),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("vocab_size", self.vocabulary),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Dimensions(format!("{key} is 0; it must be at least 1")));
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return Err(ConfigError::Dimensions(format!(
                "hidden_size {} is not a multiple of num_attention_heads {}",
                self.hidden, self.heads
            )));
        }
        if self.positions < self.first_position + 8 {
            return Err(ConfigError::Dimensions(format!(
                "max_position_embeddings {} is too small to read any text",
                self.positions
            )));
        }
        Ok(())
    }

    /// Width of one attention head.
    pub fn head_width(&self) -> usize {
        self.hidden / self.heads
    }
}

#[derive(Deserialize)]
struct RawPooling {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    include_prompt: Option<bool>,
}

/// Reads 1_Pooling/config.json: the pooling, and whether it counts the tokens of a prompt.
///
/// # Errors
/// [`ConfigError`] if it is not JSON or asks for a pooling other than mean or CLS.
pub(super) fn parse_pooling(json: &[u8]) -> Result<(Pooling, bool), ConfigError> {
    let raw: RawPooling = serde_json::from_slice(json).map_err(|error| ConfigError::Json {
        file: PathBuf::from("1_Pooling/config.json").display().to_string(),
        error,
    })?;
    let includes_prompt = raw.include_prompt.unwrap_or(true);
    match (raw.pooling_mode_mean_tokens, raw.pooling_mode_cls_token) {
        (true, false) => Ok((Pooling::Mean, includes_prompt)),
        (false, true) => Ok((Pooling::Cls, includes_prompt)),
        _ => Err(ConfigError::Variant {
            key: "pooling_mode",
            value: String::from_utf8_lossy(json)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            supported: "fovea supports pooling by the mean or by the first token only",
        }),
    }
}

#[derive(Deserialize)]
struct RawSentence {
    max_seq_length: Option<usize>,
}

/// Reads the window out of sentence_bert_config.json, if it states one.
///
/// # Errors
/// [`ConfigError::Json`] if it is not JSON.
pub(super) fn parse_window(json: &[u8]) -> Result<Option<usize>, ConfigError> {
    let raw: RawSentence = serde_json::from_slice(json).map_err(|error| ConfigError::Json {
        file: "sentence_bert_config.json".into(),
        error,
    })?;
    Ok(raw.max_seq_length)
}
