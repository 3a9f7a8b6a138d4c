//! DistilBERT (Sanh et al. 2019): BERT with half of its layers and without token types.

use super::encoder_heads::{masked, task};
use super::keys::Keys;
use crate::model::config::ConfigError;
use crate::model::spec::{
    Activation, Attention, Block, Embedding, LinearSpec, Mlp, ModelSpec, NormSpec, Placement, Positions, Stack,
};

const WORDS: &str = "embeddings.word_embeddings.weight";
const EPSILON: f64 = 1e-12;

pub fn spec(keys: &Keys) -> Result<ModelSpec, ConfigError> {
    let hidden = keys.count("dim")?;
    let vocabulary = keys.count("vocab_size")?;
    let rows = keys.count("max_position_embeddings")?;
    let activation = keys.activation("activation", "gelu")?;
    let layers = keys.count("n_layers")?;
    let blocks = (0..layers).map(|index| block(keys, index, hidden, activation));
    let stack = Stack {
        hidden,
        embedding: Embedding {
            positions: Positions::Learned {
                table: "embeddings.position_embeddings.weight".to_owned(),
                rows,
                first: 0,
            },
            norm: Some(NormSpec::layer("embeddings.LayerNorm", EPSILON)),
            ..Embedding::of(WORDS, hidden)
        },
        blocks: blocks.collect::<Result<_, _>>()?,
        norm: None,
    };
    let head = task(keys, hidden, (&[("pre_classifier", Activation::Relu)], "classifier"));
    let names = ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias");
    Ok(ModelSpec {
        head: Some(head.unwrap_or_else(|| masked(names, (WORDS, vocabulary), (hidden, hidden), activation, EPSILON))),
        ..ModelSpec::of("distilbert", vocabulary, rows, stack)
    })
}

fn block(keys: &Keys, index: usize, hidden: usize, activation: Activation) -> Result<Block, ConfigError> {
    let at = |name: &str| format!("layer.{index}.{name}");
    let (heads, inner) = (keys.count("n_heads")?, keys.count("hidden_dim")?);
    if !hidden.is_multiple_of(heads) {
        return Err(ConfigError::Dimensions(format!(
            "dim {hidden} is not a multiple of n_heads {heads}"
        )));
    }
    let matrix = |name: &str| LinearSpec::new(&at(name), (hidden, hidden), true);
    let attention = Attention::of(
        [
            matrix("attention.q_lin"),
            matrix("attention.k_lin"),
            matrix("attention.v_lin"),
            matrix("attention.out_lin"),
        ],
        heads,
        hidden / heads,
    );
    let mlp = Mlp {
        up: LinearSpec::new(&at("ffn.lin1"), (inner, hidden), true),
        gate: None,
        down: LinearSpec::new(&at("ffn.lin2"), (hidden, inner), true),
        activation,
    };
    let norm = |name: &str| Placement::Post(NormSpec::layer(&at(name), EPSILON));
    Ok(Block::of(
        (attention, norm("sa_layer_norm")),
        (mlp, norm("output_layer_norm")),
    ))
}
