//! Gemma 1, 2 and 3 (Gemma Team 2024, 2025): sandwich norms, sliding windows in most layers, and scores with a soft cap or QK norms.

use super::gpt2::next_token;
use super::keys::{Keys, kv_heads};
use super::rotary::{parameters, rotary};
use crate::model::config::ConfigError;
use crate::model::spec::{
    Attention, Block, Embedding, LinearSpec, Mask, Mlp, ModelSpec, NormSpec, Placement, Position, Stack,
};

pub fn spec(family: &str, keys: &Keys) -> Result<ModelSpec, ConfigError> {
    let hidden = keys.count("hidden_size")?;
    let vocabulary = keys.count_or("vocab_size", 262_208)?;
    let window = keys.count_or("max_position_embeddings", 8192)?;
    let epsilon = keys.epsilon("rms_norm_eps", 1e-6)?;
    let blocks = (0..keys.count("num_hidden_layers")?).map(|index| block(family, keys, index, hidden, window, epsilon));
    let tied = keys.flag_or("tie_word_embeddings", true);
    let mut head = next_token(if tied { "embed_tokens" } else { "lm_head" }, vocabulary, hidden);
    head.soft_cap = keys.optional_number("final_logit_softcapping")?.map(|cap| cap as f32);
    let ends = keys.tokens("eos_token_id");
    Ok(ModelSpec {
        // A bidirectional model computes embeddings and predicts no tokens.
        head: (!bidirectional(keys)).then_some(head),
        // The default of transformers.
        ends: if ends.is_empty() { vec![1] } else { ends },
        ..ModelSpec::of(
            family,
            vocabulary,
            window,
            Stack {
                hidden,
                embedding: Embedding {
                    scale: (hidden as f32).sqrt(),
                    ..Embedding::of("embed_tokens.weight", hidden)
                },
                blocks: blocks.collect::<Result<_, _>>()?,
                norm: Some(norm("norm", epsilon)),
            },
        )
    })
}

/// An RMSNorm that stores γ - 1.
fn norm(name: &str, epsilon: f64) -> NormSpec {
    NormSpec {
        offset: 1.0,
        ..NormSpec::rms(name, epsilon)
    }
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
    let width = keys.count_or("head_dim", 256)?.max(1);
    let slides = slides(family, keys, index)?;
    let (kind, default) = match (family, slides) {
        ("gemma3_text", true) => ("sliding_attention", keys.number_or("rope_local_base_freq", 10_000.0)?),
        ("gemma3_text", false) => ("full_attention", 1_000_000.0),
        (_, true) => ("sliding_attention", 10_000.0),
        (_, false) => ("full_attention", 10_000.0),
    };
    let (mut base, mut scaling) = parameters(keys, kind, default)?;
    if family == "gemma3_text" && slides && keys.within("rope_parameters").is_none() {
        // The older keys apply only to layers with full attention.
        (base, scaling) = (default, None);
    }
    let biased = keys.flag_or("attention_bias", false);
    let matrix =
        |name: &str, heads: usize| LinearSpec::new(&at(&format!("self_attn.{name}")), (heads * width, hidden), biased);
    let qk_norm = (family == "gemma3_text").then(|| {
        (
            norm(&at("self_attn.q_norm"), epsilon),
            norm(&at("self_attn.k_norm"), epsilon),
        )
    });
    let both = bidirectional(keys);
    let reach = keys.optional_count("sliding_window")?.filter(|_| slides);
    let scaled_by = match family {
        "gemma" => width as f64,
        _ => keys.number_or("query_pre_attn_scalar", 256.0)?,
    };
    let attention = Attention {
        kv_heads,
        scale: scaled_by.sqrt().recip() as f32,
        mask: match (both, reach) {
            (true, None) => Mask::Full,
            (true, Some(width)) => Mask::Window(width / 2),
            (false, None) => Mask::Causal,
            (false, Some(width)) => Mask::CausalWindow(width),
        },
        position: Position::Rotary(rotary(base, width, scaling, window, None)?),
        qk_norm,
        soft_cap: match family {
            "gemma2" => keys.optional_number("attn_logit_softcapping")?.map(|cap| cap as f32),
            _ => None,
        },
        ..Attention::of(
            [
                matrix("q_proj", heads),
                matrix("k_proj", kv_heads),
                matrix("v_proj", kv_heads),
                LinearSpec::new(&at("self_attn.o_proj"), (hidden, heads * width), biased),
            ],
            heads,
            width,
        )
    };
    let inner = keys.count("intermediate_size")?;
    let stated = if keys.text("hidden_activation").is_some() {
        "hidden_activation"
    } else {
        "hidden_act"
    };
    let mlp = Mlp {
        up: LinearSpec::new(&at("mlp.up_proj"), (inner, hidden), false),
        gate: Some(LinearSpec::new(&at("mlp.gate_proj"), (inner, hidden), false)),
        down: LinearSpec::new(&at("mlp.down_proj"), (hidden, inner), false),
        activation: keys.activation(stated, "gelu_pytorch_tanh")?,
    };
    let norm = |name: &str| norm(&at(name), epsilon);
    let (first, second) = match family {
        "gemma" => (
            Placement::Pre(norm("input_layernorm")),
            Placement::Pre(norm("post_attention_layernorm")),
        ),
        _ => (
            Placement::Sandwich(norm("input_layernorm"), norm("post_attention_layernorm")),
            Placement::Sandwich(norm("pre_feedforward_layernorm"), norm("post_feedforward_layernorm")),
        ),
    };
    Ok(Block::of((attention, first), (mlp, second)))
}

/// Whether tokens attend to later ones.
fn bidirectional(keys: &Keys) -> bool {
    keys.flag_or("use_bidirectional_attention", false)
}

/// Whether a layer attends only within a sliding window.
fn slides(family: &str, keys: &Keys, index: usize) -> Result<bool, ConfigError> {
    let kinds = keys.texts("layer_types");
    if let Some(kind) = kinds.get(index) {
        return Ok(*kind == "sliding_attention");
    }
    Ok(match family {
        "gemma2" => index.is_multiple_of(2),
        "gemma3_text" => {
            let pattern = keys.optional_count("sliding_window_pattern")?;
            let pattern = pattern.or(keys.optional_count("_sliding_window_pattern")?).unwrap_or(6);
            !(index + 1).is_multiple_of(pattern)
        }
        _ => false,
    })
}
