//! Llama (Touvron et al. 2023) and families with the same blocks: SmolLM, Mistral, Qwen 2 and 3, Phi-3.

use super::gpt2::next_token;
use super::keys::{Keys, head_dim, kv_heads};
use super::rotary::{parameters, rotary};
use crate::model::config::ConfigError;
use crate::model::spec::{
    Attention, Block, Embedding, LinearSpec, Mask, Mlp, ModelSpec, NormSpec, Placement, Position, Stack,
};

pub fn spec(family: &str, keys: &Keys) -> Result<ModelSpec, ConfigError> {
    let hidden = keys.count("hidden_size")?;
    let vocabulary = keys.count("vocab_size")?;
    let window = keys.count("max_position_embeddings")?;
    let epsilon = keys.epsilon("rms_norm_eps", 1e-6)?;
    let blocks = (0..keys.count("num_hidden_layers")?).map(|index| block(family, keys, index, hidden, window, epsilon));
    let tied = keys.flag_or("tie_word_embeddings", false);
    Ok(ModelSpec {
        head: Some(next_token(
            if tied { "embed_tokens" } else { "lm_head" },
            vocabulary,
            hidden,
        )),
        ends: keys.tokens("eos_token_id"),
        ..ModelSpec::of(
            family,
            vocabulary,
            longest_text(keys, window)?,
            Stack {
                hidden,
                embedding: Embedding::of("embed_tokens.weight", hidden),
                blocks: blocks.collect::<Result<_, _>>()?,
                norm: Some(NormSpec::rms("norm", epsilon)),
            },
        )
    })
}

fn block(
    family: &str,
    keys: &Keys,
    index: usize,
    hidden: usize,
    window: usize,
    epsilon: f64,
) -> Result<Block, ConfigError> {
    let at = |name: &str| format!("layers.{index}.{name}");
    let heads = keys.count("num_attention_heads")?;
    let kv_heads = kv_heads(keys, heads)?;
    let width = head_dim(keys, hidden, heads)?;
    let (base, scaling) = parameters(keys, kind_of(keys, index), 10_000.0)?;
    let partial = keys.number_or("partial_rotary_factor", 1.0)?;
    let partial = scaling.map_or(Ok(partial), |scaling| {
        scaling.number_or("partial_rotary_factor", partial)
    })?;
    let rotated = (width as f64 * partial) as usize;
    let original = keys.optional_count("original_max_position_embeddings")?;
    // Qwen 2 has biases only in Q, K and V; for the others, config.json says so.
    let (qkv_biased, output_biased) = match family {
        "qwen2" => (true, false),
        "phi3" => (false, false),
        _ => (
            keys.flag_or("attention_bias", false),
            keys.flag_or("attention_bias", false),
        ),
    };
    let shape = |heads: usize| (heads * width, hidden);
    let (query, key, value) = match family {
        "phi3" => {
            let all = (heads + 2 * kv_heads) * width;
            let fused = LinearSpec::new(&at("self_attn.qkv_proj"), (all, hidden), qkv_biased);
            let (keys_at, values_at) = (heads * width, (heads + kv_heads) * width);
            (
                fused.clone().rows(0..keys_at),
                fused.clone().rows(keys_at..values_at),
                fused.rows(values_at..all),
            )
        }
        _ => (
            LinearSpec::new(&at("self_attn.q_proj"), shape(heads), qkv_biased),
            LinearSpec::new(&at("self_attn.k_proj"), shape(kv_heads), qkv_biased),
            LinearSpec::new(&at("self_attn.v_proj"), shape(kv_heads), qkv_biased),
        ),
    };
    let qk_norm = (family == "qwen3").then(|| {
        let norm = |name: &str| NormSpec::rms(&at(name), epsilon);
        (norm("self_attn.q_norm"), norm("self_attn.k_norm"))
    });
    let attention = Attention {
        kv_heads,
        mask: mask(family, keys, index)?,
        position: Position::Rotary(rotary(base, rotated, scaling, window, original)?),
        qk_norm,
        ..Attention::of(
            [
                query,
                key,
                value,
                LinearSpec::new(&at("self_attn.o_proj"), (hidden, heads * width), output_biased),
            ],
            heads,
            width,
        )
    };
    let norm = |name: &str| Placement::Pre(NormSpec::rms(&at(name), epsilon));
    Ok(Block::of(
        (attention, norm("input_layernorm")),
        (mlp(family, keys, index, hidden)?, norm("post_attention_layernorm")),
    ))
}

/// A gated feed-forward block, with separate matrices or, as in Phi-3, a fused one.
fn mlp(family: &str, keys: &Keys, index: usize, hidden: usize) -> Result<Mlp, ConfigError> {
    let at = |name: &str| format!("layers.{index}.mlp.{name}");
    let inner = keys.count("intermediate_size")?;
    let biased = keys.flag_or("mlp_bias", false);
    let (gate, up) = match family {
        "phi3" => {
            let fused = LinearSpec::new(&at("gate_up_proj"), (2 * inner, hidden), false);
            (fused.clone().rows(0..inner), fused.rows(inner..2 * inner))
        }
        _ => (
            LinearSpec::new(&at("gate_proj"), (inner, hidden), biased),
            LinearSpec::new(&at("up_proj"), (inner, hidden), biased),
        ),
    };
    Ok(Mlp {
        up,
        gate: Some(gate),
        down: LinearSpec::new(&at("down_proj"), (hidden, inner), biased),
        activation: keys.activation("hidden_act", "silu")?,
    })
}

/// Maximum number of tokens; dynamic scaling stretches positions as the text grows.
fn longest_text(keys: &Keys, window: usize) -> Result<usize, ConfigError> {
    let scaling = keys.within("rope_parameters").or(keys.within("rope_scaling"));
    let kind = scaling.and_then(|scaling| scaling.text("rope_type").or(scaling.text("type")));
    match (scaling, kind) {
        (Some(scaling), Some("dynamic")) => {
            Ok((window as f64 * scaling.number_or("factor", 1.0)?.clamp(1.0, 1e3)) as usize)
        }
        _ => Ok(window),
    }
}

/// The kind of a layer's attention.
pub fn kind_of<'a>(keys: &Keys<'a>, index: usize) -> &'a str {
    keys.texts("layer_types")
        .get(index)
        .copied()
        .unwrap_or("full_attention")
}

fn mask(family: &str, keys: &Keys, index: usize) -> Result<Mask, ConfigError> {
    let Some(width) = keys.optional_count("sliding_window")? else {
        return Ok(Mask::Causal);
    };
    let kinds = keys.texts("layer_types");
    let slides = match (kinds.get(index), family) {
        (Some(kind), _) => *kind == "sliding_attention",
        (None, "qwen2" | "qwen3") => {
            keys.flag_or("use_sliding_window", false) && index >= keys.count_or("max_window_layers", usize::MAX >> 1)?
        }
        (None, _) => true,
    };
    Ok(if slides {
        Mask::CausalWindow(width)
    } else {
        Mask::Causal
    })
}
