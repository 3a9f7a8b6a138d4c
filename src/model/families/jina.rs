//! JinaBERT v2 (Günther et al. 2023): BERT with bidirectional ALiBi and gated blocks, under its authors' tensor names.

use super::bert::attention;
use super::encoder_heads::{BERT, masked};
use super::keys::Keys;
use crate::model::config::ConfigError;
use crate::model::spec::{
    Attention, Block, Embedding, LinearSpec, Mlp, ModelSpec, NormSpec, Placement, Position, Stack,
};

const WORDS: &str = "embeddings.word_embeddings.weight";

/// Whether a configuration with `model_type` BERT is JinaBERT.
pub fn is(keys: &Keys) -> bool {
    keys.text("position_embedding_type") == Some("alibi")
}

pub fn spec(keys: &Keys) -> Result<ModelSpec, ConfigError> {
    keys.refuse(
        "feed_forward_type",
        |kind| kind.as_str() != Some("geglu"),
        "fovea supports JinaBERT with geglu",
    )?;
    let hidden = keys.count("hidden_size")?;
    let vocabulary = keys.count("vocab_size")?;
    let window = keys.count("max_position_embeddings")?;
    let epsilon = keys.epsilon("layer_norm_eps", 1e-12)?;
    let types = keys.count_or("type_vocab_size", 2)?;
    let inner = keys.count("intermediate_size")?;
    let activation = keys.activation("hidden_act", "gelu")?;
    let block = |index: usize| {
        let at = |name: &str| format!("encoder.layer.{index}.{name}");
        let attention = Attention {
            position: Position::Alibi,
            ..attention(keys, hidden, |part| match part {
                "output" => at("attention.output.dense"),
                part => at(&format!("attention.self.{part}")),
            })?
        };
        let fused = LinearSpec::new(&at("mlp.gated_layers"), (2 * inner, hidden), false);
        let mlp = Mlp {
            gate: Some(fused.clone().rows(0..inner)),
            up: fused.rows(inner..2 * inner),
            down: LinearSpec::new(&at("mlp.wo"), (hidden, inner), true),
            activation,
        };
        let norm = |name: &str| Placement::Post(NormSpec::layer(&at(name), epsilon));
        Ok(Block::of(
            (attention, norm("attention.output.LayerNorm")),
            (mlp, norm("mlp.layernorm")),
        ))
    };
    let stack = Stack {
        hidden,
        embedding: Embedding {
            types: (types > 0).then(|| ("embeddings.token_type_embeddings.weight".to_owned(), types)),
            norm: Some(NormSpec::layer("embeddings.LayerNorm", epsilon)),
            ..Embedding::of(WORDS, hidden)
        },
        blocks: (0..keys.count("num_hidden_layers")?)
            .map(block)
            .collect::<Result<_, ConfigError>>()?,
        norm: None,
    };
    Ok(ModelSpec {
        head: Some(masked(BERT, (WORDS, vocabulary), (hidden, hidden), activation, epsilon)),
        ..ModelSpec::of("jina_bert", vocabulary, window, stack)
    })
}
