//! MPNet (Song et al. 2020): BERT with a bias for relative positions, shared by all layers.

use super::bert::{attention, post_ln};
use super::encoder_heads::{masked, task};
use super::keys::Keys;
use crate::model::config::ConfigError;
use crate::model::spec::{Activation, Attention, Embedding, ModelSpec, NormSpec, Position, Positions, Stack};

const WORDS: &str = "embeddings.word_embeddings.weight";

pub fn spec(keys: &Keys) -> Result<ModelSpec, ConfigError> {
    let hidden = keys.count("hidden_size")?;
    let vocabulary = keys.count("vocab_size")?;
    let rows = keys.count("max_position_embeddings")?;
    let first = keys.count_or("pad_token_id", 1)? + 1;
    let epsilon = keys.epsilon("layer_norm_eps", 1e-12)?;
    let activation = keys.activation("hidden_act", "gelu")?;
    let inner = keys.count("intermediate_size")?;
    let position = Position::RelativeBias {
        table: "encoder.relative_attention_bias.weight".to_owned(),
        buckets: keys.count_or("relative_attention_num_buckets", 32)?,
        furthest: 128,
        bidirectional: true,
    };
    let block = |index: usize| {
        let at = |name: &str| format!("encoder.layer.{index}.{name}");
        let attention = Attention {
            position: position.clone(),
            ..attention(keys, hidden, |part| at(&format!("attention.attn.{}", &part[..1])))?
        };
        let norm = "attention.LayerNorm";
        Ok(post_ln(index, (attention, norm), (hidden, inner), activation, epsilon))
    };
    let stack = Stack {
        hidden,
        embedding: Embedding {
            positions: Positions::Learned {
                table: "embeddings.position_embeddings.weight".to_owned(),
                rows,
                first,
            },
            norm: Some(NormSpec::layer("embeddings.LayerNorm", epsilon)),
            ..Embedding::of(WORDS, hidden)
        },
        blocks: (0..keys.count("num_hidden_layers")?)
            .map(block)
            .collect::<Result<_, ConfigError>>()?,
        norm: None,
    };
    let head = task(
        keys,
        hidden,
        (&[("classifier.dense", Activation::Tanh)], "classifier.out_proj"),
    );
    let names = ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias");
    let masked = || masked(names, (WORDS, vocabulary), (hidden, hidden), Activation::Gelu, epsilon);
    Ok(ModelSpec {
        head: Some(head.unwrap_or_else(masked)),
        ..ModelSpec::of("mpnet", vocabulary, rows.saturating_sub(first), stack)
    })
}
