//! GPT-2 (Radford et al. 2019): a pre-LN decoder with learned positions and transposed matrices.

use super::keys::Keys;
use crate::model::config::ConfigError;
use crate::model::spec::{
    Attention, Block, Embedding, Head, LinearSpec, Mask, Mlp, ModelSpec, NormSpec, Placement, Positions, Stack, Task,
};

pub fn spec(keys: &Keys) -> Result<ModelSpec, ConfigError> {
    keys.refuse(
        "add_cross_attention",
        |value| value.as_bool() == Some(true),
        "fovea supports GPT-2 without an encoder",
    )?;
    let hidden = keys.count("n_embd")?;
    let vocabulary = keys.count("vocab_size")?;
    let rows = keys.count("n_positions")?;
    let epsilon = keys.epsilon("layer_norm_epsilon", 1e-5)?;
    let blocks = (0..keys.count("n_layer")?).map(|index| block(keys, index, hidden, epsilon));
    let tied = keys.flag_or("tie_word_embeddings", true);
    Ok(ModelSpec {
        head: Some(next_token(if tied { "wte" } else { "lm_head" }, vocabulary, hidden)),
        ends: keys.tokens("eos_token_id"),
        ..ModelSpec::of(
            "gpt2",
            vocabulary,
            rows,
            Stack {
                hidden,
                embedding: Embedding {
                    positions: Positions::Learned {
                        table: "wpe.weight".to_owned(),
                        rows,
                        first: 0,
                    },
                    ..Embedding::of("wte.weight", hidden)
                },
                blocks: blocks.collect::<Result<_, _>>()?,
                norm: Some(NormSpec::layer("ln_f", epsilon)),
            },
        )
    })
}

/// The head of a language model: a matrix (vocabulary, hidden), often the embedding table.
pub fn next_token(name: &str, vocabulary: usize, hidden: usize) -> Head {
    Head::of(Task::NextToken, LinearSpec::new(name, (vocabulary, hidden), false))
}

fn block(keys: &Keys, index: usize, hidden: usize, epsilon: f64) -> Result<Block, ConfigError> {
    let at = |name: &str| format!("h.{index}.{name}");
    let heads = keys.count("n_head")?;
    if !hidden.is_multiple_of(heads) {
        return Err(ConfigError::Dimensions(format!(
            "n_embd {hidden} is not a multiple of n_head {heads}"
        )));
    }
    let inner = keys.optional_count("n_inner")?.unwrap_or(4 * hidden);
    let matrix = |name: &str, shape| LinearSpec {
        transposed: true,
        ..LinearSpec::new(&at(name), shape, true)
    };
    let fused = matrix("attn.c_attn", (3 * hidden, hidden));
    let part = |part: usize| fused.clone().rows(part * hidden..(part + 1) * hidden);
    let width = hidden / heads;
    let mut scale = match keys.flag_or("scale_attn_weights", true) {
        true => (width as f32).sqrt().recip(),
        false => 1.0,
    };
    if keys.flag_or("scale_attn_by_inverse_layer_idx", false) {
        scale /= (index + 1) as f32;
    }
    let attention = Attention {
        scale,
        mask: Mask::Causal,
        ..Attention::of(
            [part(0), part(1), part(2), matrix("attn.c_proj", (hidden, hidden))],
            heads,
            width,
        )
    };
    let mlp = Mlp {
        up: matrix("mlp.c_fc", (inner, hidden)),
        gate: None,
        down: matrix("mlp.c_proj", (hidden, inner)),
        activation: keys.activation("activation_function", "gelu_new")?,
    };
    let norm = |name: &str| Placement::Pre(NormSpec::layer(&at(name), epsilon));
    Ok(Block::of((attention, norm("ln_1")), (mlp, norm("ln_2"))))
}
