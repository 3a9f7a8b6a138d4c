//! T5 (Raffel et al. 2020), Flan-T5, CodeT5, mT5: an encoder–decoder with biases for relative positions.

use super::keys::Keys;
use crate::model::config::ConfigError;
use crate::model::spec::{
    Activation, Attention, Block, Embedding, Head, LinearSpec, Mask, Mlp, ModelSpec, NormSpec, Placement, Position,
    Source, Stack, Step, Task, Work,
};

const WORDS: &str = "shared.weight";

/// Window for splitting texts; relative positions have no maximum.
const WINDOW: usize = 512;

pub fn spec(family: &str, keys: &Keys) -> Result<ModelSpec, ConfigError> {
    let hidden = keys.count("d_model")?;
    let vocabulary = keys.count("vocab_size")?;
    let layers = keys.count("num_layers")?;
    let tied = keys.flag_or("tie_word_embeddings", true);
    let head = Head {
        // A tied table scales the hidden states before the output.
        separate: Some("lm_head.weight".to_owned()),
        scale: if tied { (hidden as f32).sqrt().recip() } else { 1.0 },
        ..Head::of(
            Task::NextToken,
            LinearSpec::named(if tied { WORDS } else { "lm_head.weight" }, (vocabulary, hidden), None),
        )
    };
    let start = keys.tokens("decoder_start_token_id").first().copied().unwrap_or(0);
    Ok(ModelSpec {
        decoder: Some(stack(
            keys,
            "decoder",
            keys.count_or("num_decoder_layers", layers)?,
            hidden,
        )?),
        head: Some(head),
        start: Some(start),
        ends: keys.tokens("eos_token_id"),
        ..ModelSpec::of(
            family,
            vocabulary,
            keys.count_or("n_positions", WINDOW)?.clamp(8, WINDOW),
            stack(keys, "encoder", layers, hidden)?,
        )
    })
}

fn stack(keys: &Keys, side: &'static str, layers: usize, hidden: usize) -> Result<Stack, ConfigError> {
    let epsilon = keys.epsilon("layer_norm_epsilon", 1e-6)?;
    let blocks = (0..layers).map(|index| block(keys, side, index, hidden, epsilon));
    Ok(Stack {
        hidden,
        embedding: Embedding::of(WORDS, hidden),
        blocks: blocks.collect::<Result<_, _>>()?,
        norm: Some(NormSpec::rms(&format!("{side}.final_layer_norm"), epsilon)),
    })
}

fn block(keys: &Keys, side: &str, index: usize, hidden: usize, epsilon: f64) -> Result<Block, ConfigError> {
    let at = |layer: usize, name: &str| format!("{side}.block.{index}.layer.{layer}.{name}");
    let (heads, width, inner) = (keys.count("num_heads")?, keys.count("d_kv")?, keys.count("d_ff")?);
    let decoder = side == "decoder";
    let attention = |layer: usize, kind: &str, position: Position, mask: Mask, source: Source| {
        let name = |part: &str| at(layer, &format!("{kind}.{part}"));
        Work::Attention(Box::new(Attention {
            // T5's initialization contains the scale.
            scale: 1.0,
            mask,
            position,
            source,
            ..Attention::of(
                [
                    LinearSpec::new(&name("q"), (heads * width, hidden), false),
                    LinearSpec::new(&name("k"), (heads * width, hidden), false),
                    LinearSpec::new(&name("v"), (heads * width, hidden), false),
                    LinearSpec::new(&name("o"), (hidden, heads * width), false),
                ],
                heads,
                width,
            )
        }))
    };
    let position = Position::RelativeBias {
        table: format!("{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"),
        buckets: keys.count_or("relative_attention_num_buckets", 32)?,
        furthest: keys.count_or("relative_attention_max_distance", 128)?,
        bidirectional: !decoder,
    };
    let norm = |layer: usize| Placement::Pre(NormSpec::rms(&at(layer, "layer_norm"), epsilon));
    let mask = if decoder { Mask::Causal } else { Mask::Full };
    let mut steps = vec![Step::of(
        attention(0, "SelfAttention", position, mask, Source::Own),
        norm(0),
    )];
    if decoder {
        let cross = attention(1, "EncDecAttention", Position::None, Mask::Full, Source::Encoder);
        steps.push(Step::of(cross, norm(1)));
    }
    let last = steps.len();
    let mlp = mlp(
        keys,
        |name| at(last, &format!("DenseReluDense.{name}")),
        (inner, hidden),
    )?;
    steps.push(Step::of(Work::Mlp(Box::new(mlp)), norm(last)));
    Ok(Block { steps })
}

fn mlp(keys: &Keys, at: impl Fn(&str) -> String, (inner, hidden): (usize, usize)) -> Result<Mlp, ConfigError> {
    let kind = keys.text("feed_forward_proj").unwrap_or("relu");
    let gated = kind.strip_prefix("gated-");
    let activation = match kind {
        // T5 v1.1 says gelu, but uses the tanh approximation.
        "gated-gelu" => Activation::GeluTanh,
        _ => Activation::from_name(gated.unwrap_or(kind)).ok_or_else(|| ConfigError::Variant {
            key: "feed_forward_proj",
            value: kind.to_owned(),
            supported: "fovea supports relu, gelu, silu and their gated forms",
        })?,
    };
    let up = |name: &str| LinearSpec::new(&at(name), (inner, hidden), false);
    Ok(Mlp {
        up: up(if gated.is_some() { "wi_1" } else { "wi" }),
        gate: gated.map(|_| up("wi_0")),
        down: LinearSpec::new(&at("wo"), (hidden, inner), false),
        activation,
    })
}
