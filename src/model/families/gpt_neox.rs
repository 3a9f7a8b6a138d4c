//! GPT-NeoX and Pythia (Black et al. 2022, Biderman et al. 2023): parallel attention and feed-forward blocks, partly rotated heads.

use super::gpt2::next_token;
use super::keys::{Keys, head_dim};
use super::rotary::{parameters, rotary};
use crate::model::config::ConfigError;
use crate::model::spec::{
    Attention, Block, Branch, Embedding, LinearSpec, Mask, Mlp, ModelSpec, NormSpec, Placement, Position, Rows, Stack,
    Step, Work,
};

pub fn spec(keys: &Keys) -> Result<ModelSpec, ConfigError> {
    let hidden = keys.count("hidden_size")?;
    let vocabulary = keys.count("vocab_size")?;
    let window = keys.count("max_position_embeddings")?;
    let epsilon = keys.epsilon("layer_norm_eps", 1e-5)?;
    let blocks = (0..keys.count("num_hidden_layers")?).map(|index| block(keys, index, hidden, window, epsilon));
    let tied = keys.flag_or("tie_word_embeddings", false);
    Ok(ModelSpec {
        head: Some(next_token(
            if tied { "embed_in" } else { "embed_out" },
            vocabulary,
            hidden,
        )),
        ends: keys.tokens("eos_token_id"),
        ..ModelSpec::of(
            "gpt_neox",
            vocabulary,
            window,
            Stack {
                hidden,
                embedding: Embedding::of("embed_in.weight", hidden),
                blocks: blocks.collect::<Result<_, _>>()?,
                norm: Some(NormSpec::layer("final_layer_norm", epsilon)),
            },
        )
    })
}

fn block(keys: &Keys, index: usize, hidden: usize, window: usize, epsilon: f64) -> Result<Block, ConfigError> {
    let at = |name: &str| format!("layers.{index}.{name}");
    let (heads, inner) = (keys.count("num_attention_heads")?, keys.count("intermediate_size")?);
    let width = head_dim(keys, hidden, heads)?;
    let biased = keys.flag_or("attention_bias", true);
    // Query, key and value of each head are adjacent.
    let part = |part: usize| LinearSpec {
        rows: Rows::OfEach {
            range: part * width..(part + 1) * width,
            each: 3 * width,
            groups: heads,
        },
        ..LinearSpec::new(&at("attention.query_key_value"), (3 * hidden, hidden), biased)
    };
    let (base, scaling) = parameters(keys, "full_attention", keys.number_or("rotary_emb_base", 10_000.0)?)?;
    let own = scaling.and_then(|scaling| scaling.optional_number("partial_rotary_factor").transpose());
    let share = own.transpose()?.unwrap_or(keys.number_or("rotary_pct", 0.25)?);
    let rotated = (width as f64 * share) as usize;
    let attention = Attention {
        mask: Mask::Causal,
        position: Position::Rotary(rotary(base, rotated, scaling, window, None)?),
        ..Attention::of(
            [
                part(0),
                part(1),
                part(2),
                LinearSpec::new(&at("attention.dense"), (hidden, hidden), biased),
            ],
            heads,
            width,
        )
    };
    let mlp = Mlp {
        up: LinearSpec::new(&at("mlp.dense_h_to_4h"), (inner, hidden), true),
        gate: None,
        down: LinearSpec::new(&at("mlp.dense_4h_to_h"), (hidden, inner), true),
        activation: keys.activation("hidden_act", "gelu")?,
    };
    let norm = |name: &str| NormSpec::layer(&at(name), epsilon);
    let (attention, mlp) = (Work::Attention(Box::new(attention)), Work::Mlp(Box::new(mlp)));
    let (first, second) = (norm("input_layernorm"), norm("post_attention_layernorm"));
    let steps = match keys.flag_or("use_parallel_residual", true) {
        true => {
            let branch = |work, norm| Branch {
                before: Some(norm),
                work,
                after: None,
            };
            vec![Step {
                branches: vec![branch(attention, first), branch(mlp, second)],
                norm: None,
            }]
        }
        false => vec![
            Step::of(attention, Placement::Pre(first)),
            Step::of(mlp, Placement::Pre(second)),
        ],
    };
    Ok(Block { steps })
}
