//! BART (Lewis et al. 2020) and Marian (Junczys-Dowmunt et al. 2018): post-LN encoder–decoders.

use super::keys::Keys;
use crate::model::config::ConfigError;
use crate::model::spec::{
    Attention, Block, Embedding, Head, LinearSpec, Mask, Mlp, ModelSpec, NormSpec, Placement, Positions, Source, Stack,
    Step, Task, Work,
};

const WORDS: &str = "shared.weight";
const EPSILON: f64 = 1e-5;

pub fn spec(family: &str, keys: &Keys) -> Result<ModelSpec, ConfigError> {
    let hidden = keys.count("d_model")?;
    let vocabulary = keys.count("vocab_size")?;
    let rows = keys.count("max_position_embeddings")?;
    let head = Head::of(
        Task::NextToken,
        LinearSpec::named(WORDS, (vocabulary, hidden), Some("final_logits_bias")),
    );
    let start = keys.tokens("decoder_start_token_id").first().copied();
    Ok(ModelSpec {
        decoder: Some(stack(family, keys, "decoder", hidden, rows)?),
        head: Some(head),
        start: start.or(Some(2)),
        ends: keys.tokens("eos_token_id"),
        ..ModelSpec::of(family, vocabulary, rows, stack(family, keys, "encoder", hidden, rows)?)
    })
}

fn stack(family: &str, keys: &Keys, side: &'static str, hidden: usize, rows: usize) -> Result<Stack, ConfigError> {
    let layers = match side {
        "encoder" => keys.count("encoder_layers")?,
        _ => keys.count("decoder_layers")?,
    };
    let (positions, norm) = match family {
        "marian" => (Positions::Sinusoidal, None),
        _ => {
            let positions = Positions::Learned {
                table: format!("{side}.embed_positions.weight"),
                rows: rows + 2,
                first: 2,
            };
            (
                positions,
                Some(NormSpec::layer(&format!("{side}.layernorm_embedding"), EPSILON)),
            )
        }
    };
    let scaled = keys.flag_or("scale_embedding", false);
    let blocks = (0..layers).map(|index| block(keys, side, index, hidden));
    Ok(Stack {
        hidden,
        embedding: Embedding {
            scale: if scaled { (hidden as f32).sqrt() } else { 1.0 },
            positions,
            norm,
            ..Embedding::of(WORDS, hidden)
        },
        blocks: blocks.collect::<Result<_, _>>()?,
        norm: None,
    })
}

fn block(keys: &Keys, side: &str, index: usize, hidden: usize) -> Result<Block, ConfigError> {
    let at = |name: &str| format!("{side}.layers.{index}.{name}");
    let decoder = side == "decoder";
    let (heads, inner) = match decoder {
        true => (keys.count("decoder_attention_heads")?, keys.count("decoder_ffn_dim")?),
        false => (keys.count("encoder_attention_heads")?, keys.count("encoder_ffn_dim")?),
    };
    if !hidden.is_multiple_of(heads) {
        return Err(ConfigError::Dimensions(format!(
            "d_model {hidden} is not a multiple of {side}_attention_heads {heads}"
        )));
    }
    let width = hidden / heads;
    let attention = |kind: &str, mask: Mask, source: Source| {
        let matrix = |part: &str| LinearSpec::new(&at(&format!("{kind}.{part}_proj")), (hidden, hidden), true);
        Work::Attention(Box::new(Attention {
            mask,
            source,
            ..Attention::of([matrix("q"), matrix("k"), matrix("v"), matrix("out")], heads, width)
        }))
    };
    let norm = |name: &str| Placement::Post(NormSpec::layer(&at(name), EPSILON));
    let mask = if decoder { Mask::Causal } else { Mask::Full };
    let mut steps = vec![Step::of(
        attention("self_attn", mask, Source::Own),
        norm("self_attn_layer_norm"),
    )];
    if decoder {
        let cross = attention("encoder_attn", Mask::Full, Source::Encoder);
        steps.push(Step::of(cross, norm("encoder_attn_layer_norm")));
    }
    let mlp = Mlp {
        up: LinearSpec::new(&at("fc1"), (inner, hidden), true),
        gate: None,
        down: LinearSpec::new(&at("fc2"), (hidden, inner), true),
        activation: keys.activation("activation_function", "gelu")?,
    };
    steps.push(Step::of(Work::Mlp(Box::new(mlp)), norm("final_layer_norm")));
    Ok(Block { steps })
}
