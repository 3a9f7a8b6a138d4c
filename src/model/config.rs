//! Reads config.json and the files that accompany it.

use serde::Deserialize;

use super::Pooling;
use super::families::names::FAMILIES;
use super::letter_case::LetterCase;

/// Dimensions of a BERT-like encoder, from config.json.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `bert`, `roberta`, `xlm-roberta` …
    pub architecture: String,
    /// Width of a hidden state.
    pub hidden: usize,
    /// Width of the feed-forward block.
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
    /// The tanh approximation of GELU: `gelu_new` and `gelu_pytorch_tanh`.
    GeluTanh,
    /// max(0, u).
    Relu,
}

/// The reason why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not the expected JSON.
    #[error("cannot read {file}: {error}; download the model again")]
    Json {
        /// The file.
        file: String,
        /// The error of the parser.
        error: serde_json::Error,
    },
    /// A family that this version does not run.
    #[error("config.json: model_type `{0}` is not supported; the supported families are {families}", families = FAMILIES.join(", "))]
    Architecture(String),
    /// A variant that this version does not run.
    #[error("config.json: {key} `{value}` is not supported; {supported}")]
    Variant {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// The supported values.
        supported: &'static str,
    },
    /// A pooling that this version does not run.
    #[error(
        "{file}: pooling by {modes} is not supported; fovea supports one of mean, mean_sqrt_len_tokens, weightedmean, max, cls and lasttoken"
    )]
    Pooling {
        /// The file.
        file: String,
        /// The modes in the file.
        modes: String,
    },
    /// An invalid prompt.
    #[error("config_sentence_transformers.json: {0}")]
    Prompt(String),
    /// A module that this version does not run.
    #[error("modules.json: {0}")]
    Module(String),
    /// A dense layer that this version does not run: the file and the reason.
    #[error("{0}: {1}")]
    Dense(String, String),
    /// Numbers that contradict each other or are out of range.
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

/// Maximum of every number in a configuration, so that products of a few cannot overflow.
pub(super) const MOST: usize = 1 << 24;

fn default_epsilon() -> f64 {
    1e-12
}

impl Config {
    /// Reads config.json.
    ///
    /// # Errors
    /// [`ConfigError`] with the key and the supported values.
    pub fn parse(json: &[u8]) -> Result<Config, ConfigError> {
        let raw: Raw = serde_json::from_slice(json).map_err(|error| ConfigError::Json {
            file: "config.json".into(),
            error,
        })?;
        let architecture = raw.model_type.unwrap_or_else(|| "bert".to_owned());
        let first_position = match architecture.as_str() {
            "bert" => 0,
            "roberta" | "xlm-roberta" | "camembert" => raw.pad_token_id.unwrap_or(1).saturating_add(1),
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
        let others = [
            ("max_position_embeddings", self.positions),
            ("type_vocab_size", self.token_types),
            ("pad_token_id", self.first_position),
        ];
        if let Some((key, value)) = positive.iter().chain(&others).find(|(_, value)| *value > MOST) {
            return Err(ConfigError::Dimensions(format!(
                "{key} is {value}, over the limit of {MOST}; check that the file belongs to the model"
            )));
        }
        if !(self.epsilon.is_finite() && self.epsilon >= 0.0) {
            return Err(ConfigError::Dimensions(format!(
                "layer_norm_eps is {}; it must be a small positive number",
                self.epsilon
            )));
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

    /// Minimum number of parameters of such an encoder.
    pub(super) fn parameters(&self) -> usize {
        let tables = self.vocabulary + self.positions + self.token_types;
        let layer = 4 * self.hidden + 2 * self.intermediate;
        let layers = self.layers.saturating_mul(layer);
        self.hidden.saturating_mul(tables.saturating_add(layers))
    }

    /// Width of one attention head.
    pub fn head_width(&self) -> usize {
        self.hidden / self.heads
    }
}

#[derive(Deserialize)]
struct RawPooling {
    pooling_mode: Option<serde_json::Value>,
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
    #[serde(default)]
    pooling_mode_weightedmean_tokens: bool,
    #[serde(default)]
    pooling_mode_lasttoken: bool,
    include_prompt: Option<bool>,
}

impl RawPooling {
    /// The modes, by their names since version 5.4; without any, the mean.
    fn modes(&self) -> Vec<&str> {
        let old = [
            ("cls", self.pooling_mode_cls_token),
            ("max", self.pooling_mode_max_tokens),
            ("mean", self.pooling_mode_mean_tokens),
            ("mean_sqrt_len_tokens", self.pooling_mode_mean_sqrt_len_tokens),
            ("weightedmean", self.pooling_mode_weightedmean_tokens),
            ("lasttoken", self.pooling_mode_lasttoken),
        ];
        let modes: Vec<&str> = match &self.pooling_mode {
            Some(serde_json::Value::Array(modes)) => modes.iter().map(|mode| mode.as_str().unwrap_or("")).collect(),
            Some(mode) => vec![mode.as_str().unwrap_or("")],
            None => old.iter().filter(|(_, on)| *on).map(|(mode, _)| *mode).collect(),
        };
        if modes.is_empty() { vec!["mean"] } else { modes }
    }
}

/// Reads the pooling configuration: the pooling, and whether it includes the tokens of a prompt.
///
/// # Errors
/// [`ConfigError`] if it is not JSON or names an unsupported pooling.
pub(super) fn parse_pooling(json: &[u8], file: &str) -> Result<(Pooling, bool), ConfigError> {
    let raw: RawPooling = serde_json::from_slice(json).map_err(|error| ConfigError::Json {
        file: file.to_owned(),
        error,
    })?;
    let includes_prompt = raw.include_prompt.unwrap_or(true);
    match *raw.modes() {
        ["mean"] => Ok((Pooling::Mean, includes_prompt)),
        ["cls"] => Ok((Pooling::Cls, includes_prompt)),
        ["lasttoken"] => Ok((Pooling::Last, includes_prompt)),
        // Without the prompt, sentence-transformers pools other rows here; only the mean knows them.
        [mode @ ("weightedmean" | "mean_sqrt_len_tokens" | "max")] if !includes_prompt => Err(ConfigError::Pooling {
            file: file.to_owned(),
            modes: format!("{mode} with \"include_prompt\": false"),
        }),
        ["weightedmean"] => Ok((Pooling::WeightedMean, true)),
        ["mean_sqrt_len_tokens"] => Ok((Pooling::MeanSqrtLen, true)),
        ["max"] => Ok((Pooling::Max, true)),
        ref modes => Err(ConfigError::Pooling {
            file: file.to_owned(),
            modes: modes.join(" and "),
        }),
    }
}

/// Settings for reading texts from the files that accompany config.json and tokenizer.json.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sentences {
    /// Maximum number of tokens, special tokens included.
    pub(super) window: Option<usize>,
    /// Whether the window comes from tokenizer_config.json.
    pub(super) window_of_tokenizer: bool,
    /// Settings of upper and lower case.
    pub(super) case: LetterCase,
}

#[derive(Deserialize, Default)]
struct RawSentence {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

#[derive(Deserialize, Default)]
struct RawTokenizer {
    // 1e30 if there is no limit.
    model_max_length: Option<f64>,
    do_lower_case: Option<bool>,
    tokenizer_class: Option<String>,
}

impl Sentences {
    /// Reads sentence_bert_config.json, named `file`, and tokenizer_config.json, if they exist. The former has precedence.
    ///
    /// # Errors
    /// [`ConfigError::Json`] if one of them is not JSON.
    pub(super) fn read(
        sentence: Option<&[u8]>,
        file: &str,
        tokenizer: Option<&[u8]>,
    ) -> Result<Sentences, ConfigError> {
        let sentence: RawSentence = optional(sentence, file)?;
        let tokenizer: RawTokenizer = optional(tokenizer, "tokenizer_config.json")?;
        let stated = tokenizer.model_max_length.filter(|length| (1.0..1e9).contains(length));
        // In transformers, only BERT's tokenizer has this flag.
        let is_bert = |class: &String| class == "BertTokenizer" || class == "BertTokenizerFast";
        let bert = tokenizer.tokenizer_class.as_ref().is_none_or(is_bert);
        Ok(Sentences {
            window: sentence.max_seq_length.or(stated.map(|length| length as usize)),
            window_of_tokenizer: sentence.max_seq_length.is_none() && stated.is_some(),
            case: LetterCase {
                before: sentence.do_lower_case,
                bert: tokenizer.do_lower_case.filter(|_| bert),
            },
        })
    }
}

fn optional<'a, T: Deserialize<'a> + Default>(json: Option<&'a [u8]>, file: &str) -> Result<T, ConfigError> {
    json.map_or(Ok(T::default()), |json| {
        serde_json::from_slice(json).map_err(|error| ConfigError::Json {
            file: file.to_owned(),
            error,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poolings_are_read_in_the_format_of_every_version() {
        let parse = |json: &str| parse_pooling(json.as_bytes(), "p").map_err(|error| error.to_string());
        for (json, expected) in [
            (r#"{"pooling_mode": "mean"}"#, (Pooling::Mean, true)),
            (
                r#"{"pooling_mode": ["cls"], "include_prompt": false}"#,
                (Pooling::Cls, false),
            ),
            (
                r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#,
                (Pooling::Mean, true),
            ),
            (r#"{"pooling_mode_cls_token": true}"#, (Pooling::Cls, true)),
            (r#"{"pooling_mode": "lasttoken"}"#, (Pooling::Last, true)),
            (
                r#"{"pooling_mode_weightedmean_tokens": true}"#,
                (Pooling::WeightedMean, true),
            ),
            (r#"{"pooling_mode_max_tokens": true}"#, (Pooling::Max, true)),
            (
                r#"{"pooling_mode": "mean_sqrt_len_tokens"}"#,
                (Pooling::MeanSqrtLen, true),
            ),
            (r#"{"word_embedding_dimension": 16}"#, (Pooling::Mean, true)),
            // The new key has precedence.
            (
                r#"{"pooling_mode": "cls", "pooling_mode_mean_tokens": true}"#,
                (Pooling::Cls, true),
            ),
        ] {
            assert_eq!(parse(json), Ok(expected), "{json}");
        }
        for (json, says) in [
            (
                r#"{"pooling_mode": ["mean", "cls"]}"#,
                "p: pooling by mean and cls is not supported",
            ),
            (
                r#"{"pooling_mode": "max", "include_prompt": false}"#,
                "p: pooling by max with \"include_prompt\": false is not supported",
            ),
            (
                r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}"#,
                "by cls and mean is",
            ),
            ("[", "cannot read p"),
        ] {
            let error = parse(json).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn impossible_numbers_are_refused_with_their_key() {
        let base = [
            ("hidden_size", "16"),
            ("intermediate_size", "32"),
            ("num_hidden_layers", "2"),
            ("num_attention_heads", "2"),
            ("vocab_size", "99"),
            ("max_position_embeddings", "40"),
            ("layer_norm_eps", "1e-12"),
            ("pad_token_id", "1"),
        ];
        let with = |key: &str, value: &str| {
            let entry =
                |(own, usual): &(&str, &str)| format!(r#""{own}": {}"#, if *own == key { value } else { usual });
            let all: Vec<String> = base.iter().map(entry).collect();
            format!(r#"{{"model_type": "roberta", {}}}"#, all.join(", "))
        };
        assert!(Config::parse(with("", "").as_bytes()).is_ok());
        for (key, value) in [
            ("hidden_size", "18446744073709551614"),
            ("num_hidden_layers", "4294967296"),
            ("vocab_size", "0"),
            ("max_position_embeddings", "18446744073709551615"),
            ("pad_token_id", "18446744073709551615"),
            ("layer_norm_eps", "-1"),
            ("num_attention_heads", "3"),
        ] {
            let error = Config::parse(with(key, value).as_bytes()).unwrap_err().to_string();
            assert!(error.contains(key), "{key}: {error}");
        }
    }
}
