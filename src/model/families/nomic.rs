//! NomicBERT (Nussbaum et al. 2024) and Jina embeddings v3 (Sturua et al. 2024): BERT with rotary positions; NomicBERT has gated blocks.
//!
//! Published models use the keys of GPT-2 in their configuration, newer ones those of BERT.

use super::encoder_heads::masked;
use super::keys::Keys;
use super::rotary::{parameters, rotary};
use crate::model::config::ConfigError;
use crate::model::spec::{
    Activation, Attention, Block, Embedding, LinearSpec, Mlp, ModelSpec, NormSpec, Placement, Position, Stack,
};

const WORDS: &str = "embeddings.word_embeddings.weight";

/// The values of a configuration, in either set of keys.
struct Shape {
    hidden: usize,
    heads: usize,
    inner: usize,
    layers: usize,
    window: usize,
    epsilon: f64,
    base: f64,
    rotated: usize,
    /// Whether feed-forward blocks are gated.
    gated: bool,
    activation: Activation,
    /// Whether Q, K, V and output, the first, and the second feed-forward matrix have biases.
    biases: [bool; 3],
}

impl Shape {
    fn of(family: &str, keys: &Keys) -> Result<Shape, ConfigError> {
        let old = keys.optional_count("n_embd")?.is_some();
        let name = |new: &'static str, older: &'static str| if old { older } else { new };
        let hidden = keys.count(name("hidden_size", "n_embd"))?;
        let heads = keys.count(name("num_attention_heads", "n_head"))?;
        if !hidden.is_multiple_of(heads) {
            return Err(ConfigError::Dimensions(format!(
                "the width {hidden} is not a multiple of the {heads} attention heads"
            )));
        }
        let gated = match old {
            true => keys.text("activation_function").unwrap_or("swiglu").ends_with("glu"),
            false => family == "nomic_bert",
        };
        let activation = match keys.text("activation_function").filter(|_| old).unwrap_or("swiglu") {
            "swiglu" if old => Activation::Silu,
            "geglu" => Activation::Gelu,
            "glu" => {
                return Err(ConfigError::Variant {
                    key: "activation_function",
                    value: "glu".to_owned(),
                    supported: "fovea supports swiglu, geglu, gelu and relu",
                });
            }
            _ if old => keys.activation("activation_function", "gelu")?,
            _ => keys.activation("hidden_act", if gated { "silu" } else { "gelu" })?,
        };
        let (base, _) = parameters(keys, "full_attention", 10_000.0)?;
        let share = keys.number_or("rotary_emb_fraction", 1.0)?;
        let biased = |key: &str| match old {
            true => keys.flag_or(key, true),
            false => family != "nomic_bert",
        };
        Ok(Shape {
            hidden,
            heads,
            inner: keys
                .optional_count(name("intermediate_size", "n_inner"))?
                .unwrap_or(4 * hidden),
            layers: keys.count(name("num_hidden_layers", "n_layer"))?,
            window: keys.count(name("max_position_embeddings", "n_positions"))?,
            epsilon: keys.epsilon(name("layer_norm_eps", "layer_norm_epsilon"), 1e-12)?,
            base: keys.number_or("rotary_emb_base", base)?,
            rotated: ((hidden / heads) as f64 * share) as usize,
            gated,
            activation,
            biases: ["qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias"].map(biased),
        })
    }
}

pub fn spec(family: &str, keys: &Keys) -> Result<ModelSpec, ConfigError> {
    keys.refuse(
        "prenorm",
        |value| value.as_bool() == Some(true),
        "fovea supports NomicBERT with post-LN blocks",
    )?;
    let shape = Shape::of(family, keys)?;
    let vocabulary = keys.count("vocab_size")?;
    let types = keys.count_or("type_vocab_size", 0)?;
    let blocks = (0..shape.layers).map(|index| block(family, &shape, index));
    let stack = Stack {
        hidden: shape.hidden,
        embedding: Embedding {
            types: (types > 0).then(|| ("embeddings.token_type_embeddings.weight".to_owned(), types)),
            norm: Some(NormSpec::layer("emb_ln", shape.epsilon)),
            ..Embedding::of(WORDS, shape.hidden)
        },
        blocks: blocks.collect::<Result<_, _>>()?,
        norm: None,
    };
    let names = (
        "cls.predictions.transform.dense",
        "cls.predictions.transform.layer_norm",
        "cls.predictions.decoder.bias",
    );
    let widths = (shape.hidden, shape.hidden);
    Ok(ModelSpec {
        head: Some(masked(
            names,
            (WORDS, vocabulary),
            widths,
            Activation::Gelu,
            shape.epsilon,
        )),
        ..ModelSpec::of(family, vocabulary, shape.window, stack)
    })
}

fn block(family: &str, shape: &Shape, index: usize) -> Result<Block, ConfigError> {
    let at = |name: &str| format!("encoder.layers.{index}.{name}");
    let (hidden, heads) = (shape.hidden, shape.heads);
    let width = hidden / heads;
    let position = match shape.rotated {
        0 => Position::None,
        rotated => Position::Rotary(rotary(shape.base, rotated, None, shape.window, None)?),
    };
    let mixer = if family == "nomic_bert" { "attn" } else { "mixer" };
    let [bias, up_bias, down_bias] = shape.biases;
    let fused = LinearSpec::new(&at(&format!("{mixer}.Wqkv")), (3 * hidden, hidden), bias);
    let part = |part: usize| fused.clone().rows(part * hidden..(part + 1) * hidden);
    let attention = Attention {
        position,
        ..Attention::of(
            [
                part(0),
                part(1),
                part(2),
                LinearSpec::new(&at(&format!("{mixer}.out_proj")), (hidden, hidden), bias),
            ],
            heads,
            width,
        )
    };
    let matrix = |name: &str| LinearSpec::new(&at(name), (shape.inner, hidden), up_bias);
    let mlp = Mlp {
        up: matrix(if shape.gated { "mlp.fc11" } else { "mlp.fc1" }),
        gate: shape.gated.then(|| matrix("mlp.fc12")),
        down: LinearSpec::new(&at("mlp.fc2"), (hidden, shape.inner), down_bias),
        activation: shape.activation,
    };
    let norm = |name: &str| Placement::Post(NormSpec::layer(&at(name), shape.epsilon));
    Ok(Block::of((attention, norm("norm1")), (mlp, norm("norm2"))))
}
