//! Families of transformers. Each is a description that maps config.json to a [`ModelSpec`].
//!
//! To add a family, write a file with `fn spec(&Keys) -> Result<ModelSpec, ConfigError>` and call it in [`read`].

mod bart;
mod bert;
mod deberta;
mod distilbert;
mod encoder_heads;
mod gemma;
mod gpt2;
mod gpt_neox;
mod jina;
mod keys;
mod llama;
mod modernbert;
mod mpnet;
pub(super) mod names;
mod nomic;
mod rotary;
mod t5;

use super::config::ConfigError;
use super::spec::ModelSpec;
use keys::Keys;
pub use names::FAMILIES;

/// Reads config.json.
///
/// # Errors
/// [`ConfigError`] with the key and the supported values.
pub fn read(json: &[u8]) -> Result<ModelSpec, ConfigError> {
    let value = serde_json::from_slice(json).map_err(|error| ConfigError::Json {
        file: "config.json".into(),
        error,
    })?;
    let keys = Keys::of(&value);
    let family = keys.text("model_type").unwrap_or("bert").to_owned();
    match family.as_str() {
        "bert" if jina::is(&keys) => jina::spec(&keys),
        "bert" | "roberta" | "xlm-roberta" | "camembert" | "electra" => bert::spec(&family, &keys),
        "distilbert" => distilbert::spec(&keys),
        "mpnet" => mpnet::spec(&keys),
        "modernbert" => modernbert::spec(&keys),
        "nomic_bert" | "jina_embeddings_v3" => nomic::spec(&family, &keys),
        "deberta-v2" => deberta::spec(&keys),
        "gpt2" => gpt2::spec(&keys),
        "gpt_neox" => gpt_neox::spec(&keys),
        "llama" | "mistral" | "qwen2" | "qwen3" | "phi3" => llama::spec(&family, &keys),
        "gemma" | "gemma2" | "gemma3_text" => gemma::spec(&family, &keys),
        // A model for images and text has the configuration of its text part in a nested object.
        "gemma3" => match keys.within("text_config") {
            Some(text) => gemma::spec("gemma3_text", &text),
            None => gemma::spec("gemma3_text", &keys),
        },
        "t5" | "mt5" => t5::spec(&family, &keys),
        "bart" | "marian" => bart::spec(&family, &keys),
        _ => Err(ConfigError::Architecture(family)),
    }
}
