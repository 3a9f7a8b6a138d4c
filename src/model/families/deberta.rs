//! DeBERTa v2 and v3 (He et al. 2021, 2023): attention with separate terms for content and relative position.

use super::bert::{attention, post_ln};
use super::encoder_heads::{BERT, masked, task};
use super::keys::Keys;
use crate::model::config::ConfigError;
use crate::model::spec::{
    Activation, Attention, Embedding, LinearSpec, ModelSpec, NormSpec, Position, Positions, Stack,
};

const WORDS: &str = "embeddings.word_embeddings.weight";

pub fn spec(keys: &Keys) -> Result<ModelSpec, ConfigError> {
    keys.refuse(
        "conv_kernel_size",
        |size| size.as_u64() != Some(0),
        "fovea supports DeBERTa without its convolution",
    )?;
    let hidden = keys.count("hidden_size")?;
    let vocabulary = keys.count("vocab_size")?;
    let rows = keys.count("max_position_embeddings")?;
    let epsilon = keys.epsilon("layer_norm_eps", 1e-7)?;
    let activation = keys.activation("hidden_act", "gelu")?;
    let inner = keys.count("intermediate_size")?;
    let width = keys.count_or("embedding_size", hidden)?;
    let position = position(keys, rows, epsilon)?;
    let block = |index: usize| {
        let at = |name: &str| format!("encoder.layer.{index}.{name}");
        let plain = attention(keys, hidden, |part| match part {
            "output" => at("attention.output.dense"),
            part => at(&format!("attention.self.{part}_proj")),
        })?;
        let (mut position, mut terms) = (position.clone(), 1);
        if let Position::Disentangled {
            own,
            to_position,
            to_content,
            ..
        } = &mut position
        {
            terms += usize::from(*to_position) + usize::from(*to_content);
            if !keys.flag_or("share_att_key", false) {
                let matrix =
                    |name: &str| LinearSpec::new(&at(&format!("attention.self.{name}")), (hidden, hidden), true);
                *own = Some(Box::new((matrix("pos_key_proj"), matrix("pos_query_proj"))));
            }
        }
        let attention = Attention {
            position,
            scale: ((plain.head_dim * terms) as f32).sqrt().recip(),
            ..plain
        };
        let norm = "attention.output.LayerNorm";
        Ok(post_ln(index, (attention, norm), (hidden, inner), activation, epsilon))
    };
    let biased = keys.flag_or("position_biased_input", true);
    let positions = match biased {
        true => Positions::Learned {
            table: "embeddings.position_embeddings.weight".to_owned(),
            rows,
            first: 0,
        },
        false => Positions::None,
    };
    let types = keys.count_or("type_vocab_size", 0)?;
    let stack = Stack {
        hidden,
        embedding: Embedding {
            positions,
            types: (types > 0).then(|| ("embeddings.token_type_embeddings.weight".to_owned(), types)),
            norm: Some(NormSpec::layer("embeddings.LayerNorm", epsilon)),
            projection: (width != hidden).then(|| LinearSpec::new("embeddings.embed_proj", (hidden, width), false)),
            ..Embedding::of(WORDS, width)
        },
        blocks: (0..keys.count("num_hidden_layers")?)
            .map(block)
            .collect::<Result<_, ConfigError>>()?,
        norm: None,
    };
    let head = task(keys, hidden, (&[("pooler.dense", Activation::Gelu)], "classifier"));
    Ok(ModelSpec {
        head: Some(head.unwrap_or_else(|| masked(BERT, (WORDS, vocabulary), (hidden, width), activation, epsilon))),
        ..ModelSpec::of("deberta-v2", vocabulary, rows, stack)
    })
}

fn position(keys: &Keys, rows: usize, epsilon: f64) -> Result<Position, ConfigError> {
    if !keys.flag_or("relative_attention", false) {
        return Ok(Position::None);
    }
    // -1 stands for the number of positions.
    let furthest = match keys.optional_number("max_relative_positions")? {
        Some(stated) if stated >= 1.0 => keys.count("max_relative_positions")?,
        _ => rows,
    };
    let buckets = match keys.optional_number("position_buckets")? {
        Some(stated) if stated >= 1.0 => keys.count("position_buckets")?,
        _ => 0,
    };
    let terms: Vec<&str> = match keys.text("pos_att_type") {
        Some(joined) => joined.split('|').collect(),
        None => keys.texts("pos_att_type"),
    };
    let normed = keys
        .text("norm_rel_ebd")
        .is_some_and(|kind| kind.contains("layer_norm"));
    Ok(Position::Disentangled {
        table: "encoder.rel_embeddings.weight".to_owned(),
        norm: normed.then(|| NormSpec::layer("encoder.LayerNorm", epsilon)),
        span: if buckets > 0 { buckets } else { furthest },
        buckets,
        furthest,
        to_position: terms.contains(&"c2p"),
        to_content: terms.contains(&"p2c"),
        own: None,
    })
}
