//! BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019), XLM-R (Conneau et al. 2020), ELECTRA (Clark et al. 2020): post-LN encoders with
//! learned positions.

use super::encoder_heads::{BERT, masked, task};
use super::keys::{Keys, head_dim};
use crate::model::config::ConfigError;
use crate::model::spec::{
    Activation, Attention, Block, Embedding, LinearSpec, Mlp, ModelSpec, NormSpec, Placement, Positions, Stack,
};

const WORDS: &str = "embeddings.word_embeddings.weight";

pub fn spec(family: &str, keys: &Keys) -> Result<ModelSpec, ConfigError> {
    keys.refuse(
        "position_embedding_type",
        |kind| kind.as_str() != Some("absolute"),
        "fovea supports absolute positions",
    )?;
    let hidden = keys.count("hidden_size")?;
    let vocabulary = keys.count("vocab_size")?;
    let rows = keys.count("max_position_embeddings")?;
    let epsilon = keys.epsilon("layer_norm_eps", if family.contains("roberta") { 1e-5 } else { 1e-12 })?;
    let width = match family {
        "electra" => keys.count_or("embedding_size", 128)?,
        _ => hidden,
    };
    let first = match family {
        "bert" | "electra" => 0,
        _ => keys.count_or("pad_token_id", 1)? + 1,
    };
    let layers = keys.count("num_hidden_layers")?;
    let types = keys.count_or("type_vocab_size", if family == "bert" { 2 } else { 0 })?;
    let embedding = Embedding {
        positions: Positions::Learned {
            table: "embeddings.position_embeddings.weight".to_owned(),
            rows,
            first,
        },
        types: (types > 0).then(|| ("embeddings.token_type_embeddings.weight".to_owned(), types)),
        norm: Some(NormSpec::layer("embeddings.LayerNorm", epsilon)),
        projection: (width != hidden).then(|| LinearSpec::new("embeddings_project", (hidden, width), true)),
        ..Embedding::of(WORDS, width)
    };
    let activation = keys.activation("hidden_act", "gelu")?;
    let blocks = (0..layers).map(|index| block(keys, index, hidden, activation, epsilon));
    let stack = Stack {
        hidden,
        embedding,
        blocks: blocks.collect::<Result<_, _>>()?,
        norm: None,
    };
    let classifier: (&[(&str, Activation)], &str) = match family {
        "bert" => (&[("pooler.dense", Activation::Tanh)], "classifier"),
        "electra" => (&[("classifier.dense", Activation::Gelu)], "classifier.out_proj"),
        _ => (&[("classifier.dense", Activation::Tanh)], "classifier.out_proj"),
    };
    let (names, activation) = match family {
        "bert" => (BERT, activation),
        "electra" => (
            (
                "generator_predictions.dense",
                "generator_predictions.LayerNorm",
                "generator_lm_head.bias",
            ),
            Activation::Gelu,
        ),
        _ => (
            ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias"),
            Activation::Gelu,
        ),
    };
    let head = task(keys, hidden, classifier);
    Ok(ModelSpec {
        head: Some(head.unwrap_or_else(|| masked(names, (WORDS, vocabulary), (hidden, width), activation, epsilon))),
        ..ModelSpec::of(family, vocabulary, rows.saturating_sub(first), stack)
    })
}

fn block(keys: &Keys, index: usize, hidden: usize, activation: Activation, epsilon: f64) -> Result<Block, ConfigError> {
    let at = |name: &str| format!("encoder.layer.{index}.{name}");
    let inner = keys.count("intermediate_size")?;
    let attention = attention(keys, hidden, |part| match part {
        "output" => at("attention.output.dense"),
        part => at(&format!("attention.self.{part}")),
    })?;
    let norm = "attention.output.LayerNorm";
    Ok(post_ln(index, (attention, norm), (hidden, inner), activation, epsilon))
}

/// A post-LN block with BERT's tensor names: attention with the name of its norm, then a feed-forward block.
pub fn post_ln(
    index: usize,
    (attention, norm): (Attention, &str),
    (hidden, inner): (usize, usize),
    activation: Activation,
    epsilon: f64,
) -> Block {
    let at = |name: &str| format!("encoder.layer.{index}.{name}");
    let mlp = Mlp {
        up: LinearSpec::new(&at("intermediate.dense"), (inner, hidden), true),
        gate: None,
        down: LinearSpec::new(&at("output.dense"), (hidden, inner), true),
        activation,
    };
    let placed = |name: &str| Placement::Post(NormSpec::layer(&at(name), epsilon));
    Block::of((attention, placed(norm)), (mlp, placed("output.LayerNorm")))
}

/// Full attention of an encoder; `name` gives the tensor names of `query`, `key`, `value` and `output`.
pub fn attention(keys: &Keys, hidden: usize, name: impl Fn(&str) -> String) -> Result<Attention, ConfigError> {
    let heads = keys.count("num_attention_heads")?;
    let width = head_dim(keys, hidden, heads)?;
    let matrix = |part: &str| LinearSpec::new(&name(part), (heads * width, hidden), true);
    Ok(Attention::of(
        [
            matrix("query"),
            matrix("key"),
            matrix("value"),
            LinearSpec::new(&name("output"), (hidden, heads * width), true),
        ],
        heads,
        width,
    ))
}
