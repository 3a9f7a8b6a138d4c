//! ModernBERT (Warner et al. 2024): pre-LN, rotary positions, gated blocks, two local layers between global ones.

use super::encoder_heads::{plain, sequence_task};
use super::keys::{Keys, head_dim};
use super::rotary::{parameters, rotary};
use crate::model::config::ConfigError;
use crate::model::spec::{
    Attention, Block, Embedding, Head, HeadLayer, LinearSpec, Mask, Mlp, ModelSpec, NormSpec, Placement, Position,
    Stack, Step, Task, Work,
};

const WORDS: &str = "embeddings.tok_embeddings.weight";

pub fn spec(keys: &Keys) -> Result<ModelSpec, ConfigError> {
    let hidden = keys.count("hidden_size")?;
    let vocabulary = keys.count("vocab_size")?;
    let window = keys.count("max_position_embeddings")?;
    let epsilon = keys.epsilon("norm_eps", 1e-5)?;
    let biased = keys.flag_or("norm_bias", false);
    let norm = |name: &str| norm(name, epsilon, biased);
    let layers = keys.count("num_hidden_layers")?;
    let blocks = (0..layers).map(|index| block(keys, index, hidden, window));
    let stack = Stack {
        hidden,
        embedding: Embedding {
            norm: Some(norm("embeddings.norm")),
            ..Embedding::of(WORDS, hidden)
        },
        blocks: blocks.collect::<Result<_, _>>()?,
        norm: Some(norm("final_norm")),
    };
    let dense = HeadLayer {
        linear: LinearSpec::new("head.dense", (hidden, hidden), keys.flag_or("classifier_bias", false)),
        activation: Some(keys.activation("classifier_activation", "gelu")?),
        norm: Some(norm("head.norm")),
    };
    let labels = keys.labels();
    let (task, output) = if keys.is_for("ForSequenceClassification") {
        keys.refuse(
            "classifier_pooling",
            |pooling| pooling.as_str() != Some("cls"),
            "fovea supports classes from the first token",
        )?;
        let output = LinearSpec::new("classifier", (labels.len(), hidden), true);
        (sequence_task(keys), output)
    } else if keys.is_for("ForTokenClassification") {
        let output = LinearSpec::new("classifier", (labels.len(), hidden), true);
        (Task::Token { labels }, output)
    } else if keys.is_for("ForQuestionAnswering") {
        (Task::Span, plain(Task::Span, &[], ("classifier", 2), hidden).output)
    } else {
        let output = LinearSpec::named(
            WORDS,
            (vocabulary, hidden),
            keys.flag_or("decoder_bias", true).then_some("decoder.bias"),
        );
        (Task::MaskedToken, output)
    };
    Ok(ModelSpec {
        head: Some(Head {
            layers: vec![dense],
            ..Head::of(task, output)
        }),
        ..ModelSpec::of("modernbert", vocabulary, window, stack)
    })
}

fn norm(name: &str, epsilon: f64, biased: bool) -> NormSpec {
    let norm = NormSpec::layer(name, epsilon);
    NormSpec {
        shift: norm.shift.clone().filter(|_| biased),
        ..norm
    }
}

fn block(keys: &Keys, index: usize, hidden: usize, window: usize) -> Result<Block, ConfigError> {
    let at = |name: &str| format!("layers.{index}.{name}");
    let epsilon = keys.epsilon("norm_eps", 1e-5)?;
    let biased = keys.flag_or("norm_bias", false);
    let (heads, inner) = (keys.count("num_attention_heads")?, keys.count("intermediate_size")?);
    let width = head_dim(keys, hidden, heads)?;
    let kinds = keys.texts("layer_types");
    let local = match kinds.get(index) {
        Some(kind) => *kind == "sliding_attention",
        None => !index.is_multiple_of(keys.count_or("global_attn_every_n_layers", 3)?.max(1)),
    };
    let (kind, old, default) = match local {
        true => ("sliding_attention", "local_rope_theta", 10_000.0),
        false => ("full_attention", "global_rope_theta", 160_000.0),
    };
    let (base, scaling) = parameters(keys, kind, keys.number_or(old, default)?)?;
    let bias = keys.flag_or("attention_bias", false);
    let fused = LinearSpec::new(&at("attn.Wqkv"), (3 * hidden, hidden), bias);
    let part = |part: usize| fused.clone().rows(part * hidden..(part + 1) * hidden);
    let attention = Attention {
        mask: match local {
            true => Mask::Window(keys.count_or("local_attention", 128)? / 2),
            false => Mask::Full,
        },
        position: Position::Rotary(rotary(base, width, scaling, window, None)?),
        ..Attention::of(
            [
                part(0),
                part(1),
                part(2),
                LinearSpec::new(&at("attn.Wo"), (hidden, hidden), bias),
            ],
            heads,
            width,
        )
    };
    let bias = keys.flag_or("mlp_bias", false);
    let fused = LinearSpec::new(&at("mlp.Wi"), (2 * inner, hidden), bias);
    let mlp = Mlp {
        gate: Some(fused.clone().rows(0..inner)),
        up: fused.rows(inner..2 * inner),
        down: LinearSpec::new(&at("mlp.Wo"), (hidden, inner), bias),
        activation: keys.activation("hidden_activation", "gelu")?,
    };
    // The embedding already has a norm.
    let first = match index {
        0 => Placement::Bare,
        _ => Placement::Pre(norm(&at("attn_norm"), epsilon, biased)),
    };
    Ok(Block {
        steps: vec![
            Step::of(Work::Attention(Box::new(attention)), first),
            Step::of(
                Work::Mlp(Box::new(mlp)),
                Placement::Pre(norm(&at("mlp_norm"), epsilon, biased)),
            ),
        ],
    })
}
