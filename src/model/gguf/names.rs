//! Translates llama.cpp's tensor names into Hugging Face's, which the descriptions use.

/// Hugging Face's name of a tensor, or the same name if there is none. T5's names depend on whether its blocks are gated.
pub(super) fn hugging_face(architecture: &str, name: &str, gated: bool) -> String {
    translate(architecture, name, gated).unwrap_or_else(|| name.to_owned())
}

fn translate(architecture: &str, name: &str, gated: bool) -> Option<String> {
    let (stem, suffix) = name.rsplit_once('.')?;
    if let Some(found) = outside(architecture, stem) {
        return Some(format!("{found}.{suffix}"));
    }
    let (side, rest) = match architecture {
        "t5" => stem.split_once(".blk.")?,
        _ => ("", stem.strip_prefix("blk.")?),
    };
    let (layer, part) = rest.split_once('.')?;
    layer.parse::<u32>().ok()?;
    let (blocks, part) = match architecture {
        "gpt2" => ("h".to_owned(), gpt2(part)?.to_owned()),
        "gptneox" => ("layers".to_owned(), gpt_neox(part)?.to_owned()),
        "bert" => ("encoder.layer".to_owned(), bert(part)?.to_owned()),
        "nomic-bert" => ("encoder.layers".to_owned(), nomic(part)?.to_owned()),
        "t5" => t5(side, part, gated)?,
        _ => ("layers".to_owned(), llama(architecture, part)?.to_owned()),
    };
    Some(format!("{blocks}.{layer}.{part}.{suffix}"))
}

/// The tensors outside of the blocks.
fn outside(architecture: &str, stem: &str) -> Option<&'static str> {
    Some(match (architecture, stem) {
        ("gpt2", "token_embd") => "wte",
        ("gpt2", "position_embd") => "wpe",
        ("gpt2", "output_norm") => "ln_f",
        ("gptneox", "token_embd") => "embed_in",
        ("gptneox", "output_norm") => "final_layer_norm",
        ("gptneox", "output") => "embed_out",
        ("bert" | "nomic-bert", "token_embd") => "embeddings.word_embeddings",
        ("bert" | "nomic-bert", "token_types") => "embeddings.token_type_embeddings",
        ("bert", "position_embd") => "embeddings.position_embeddings",
        ("bert", "token_embd_norm") => "embeddings.LayerNorm",
        ("nomic-bert", "token_embd_norm") => "emb_ln",
        ("t5", "token_embd") => "shared",
        ("t5", "enc.output_norm") => "encoder.final_layer_norm",
        ("t5", "dec.output_norm") => "decoder.final_layer_norm",
        (_, "token_embd") => "embed_tokens",
        (_, "output_norm") => "norm",
        (_, "output") => "lm_head",
        _ => return None,
    })
}

/// Llama and families with the same blocks; Gemma 2 and 3 have two more norms.
fn llama(architecture: &str, part: &str) -> Option<&'static str> {
    Some(match (architecture, part) {
        ("phi3", "attn_qkv") => "self_attn.qkv_proj",
        ("phi3", "ffn_up") => "mlp.gate_up_proj",
        ("gemma2" | "gemma3", "ffn_norm") => "pre_feedforward_layernorm",
        ("gemma2" | "gemma3", "post_attention_norm") => "post_attention_layernorm",
        ("gemma2" | "gemma3", "post_ffw_norm") => "post_feedforward_layernorm",
        (_, "attn_norm") => "input_layernorm",
        (_, "attn_q") => "self_attn.q_proj",
        (_, "attn_k") => "self_attn.k_proj",
        (_, "attn_v") => "self_attn.v_proj",
        (_, "attn_output") => "self_attn.o_proj",
        (_, "attn_q_norm") => "self_attn.q_norm",
        (_, "attn_k_norm") => "self_attn.k_norm",
        (_, "ffn_norm") => "post_attention_layernorm",
        (_, "ffn_gate") => "mlp.gate_proj",
        (_, "ffn_up") => "mlp.up_proj",
        (_, "ffn_down") => "mlp.down_proj",
        _ => return None,
    })
}

fn gpt2(part: &str) -> Option<&'static str> {
    Some(match part {
        "attn_norm" => "ln_1",
        "attn_qkv" => "attn.c_attn",
        "attn_output" => "attn.c_proj",
        "ffn_norm" => "ln_2",
        "ffn_up" => "mlp.c_fc",
        "ffn_down" => "mlp.c_proj",
        _ => return None,
    })
}

fn gpt_neox(part: &str) -> Option<&'static str> {
    Some(match part {
        "attn_norm" => "input_layernorm",
        "attn_qkv" => "attention.query_key_value",
        "attn_output" => "attention.dense",
        "ffn_norm" => "post_attention_layernorm",
        "ffn_up" => "mlp.dense_h_to_4h",
        "ffn_down" => "mlp.dense_4h_to_h",
        _ => return None,
    })
}

fn bert(part: &str) -> Option<&'static str> {
    Some(match part {
        "attn_q" => "attention.self.query",
        "attn_k" => "attention.self.key",
        "attn_v" => "attention.self.value",
        "attn_output" => "attention.output.dense",
        "attn_output_norm" => "attention.output.LayerNorm",
        "ffn_up" => "intermediate.dense",
        "ffn_down" => "output.dense",
        "layer_output_norm" => "output.LayerNorm",
        _ => return None,
    })
}

fn nomic(part: &str) -> Option<&'static str> {
    Some(match part {
        "attn_qkv" => "attn.Wqkv",
        "attn_output" => "attn.out_proj",
        "attn_output_norm" => "norm1",
        "ffn_up" => "mlp.fc11",
        "ffn_gate" => "mlp.fc12",
        "ffn_down" => "mlp.fc2",
        "layer_output_norm" => "norm2",
        _ => return None,
    })
}

/// The names of the blocks on a side and of a part within.
fn t5(side: &str, part: &str, gated: bool) -> Option<(String, String)> {
    let (side, last) = match side {
        "enc" => ("encoder", 1),
        "dec" => ("decoder", 2),
        _ => return None,
    };
    let part = match part {
        "attn_norm" => "layer.0.layer_norm".to_owned(),
        "attn_rel_b" => "layer.0.SelfAttention.relative_attention_bias".to_owned(),
        "cross_attn_norm" => "layer.1.layer_norm".to_owned(),
        "ffn_norm" => format!("layer.{last}.layer_norm"),
        "ffn_gate" => format!("layer.{last}.DenseReluDense.wi_0"),
        "ffn_up" => format!("layer.{last}.DenseReluDense.{}", if gated { "wi_1" } else { "wi" }),
        "ffn_down" => format!("layer.{last}.DenseReluDense.wo"),
        _ => match part.strip_prefix("cross_attn_") {
            Some(matrix) => format!("layer.1.EncDecAttention.{matrix}"),
            None => format!("layer.0.SelfAttention.{}", part.strip_prefix("attn_")?),
        },
    };
    Some((format!("{side}.block"), part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_invert_those_of_the_converter() {
        for (architecture, name, expected) in [
            ("llama", "token_embd.weight", "embed_tokens.weight"),
            ("llama", "blk.12.attn_q.weight", "layers.12.self_attn.q_proj.weight"),
            (
                "llama",
                "blk.0.ffn_norm.weight",
                "layers.0.post_attention_layernorm.weight",
            ),
            (
                "gemma3",
                "blk.0.ffn_norm.weight",
                "layers.0.pre_feedforward_layernorm.weight",
            ),
            ("qwen2", "blk.1.attn_k.bias", "layers.1.self_attn.k_proj.bias"),
            ("phi3", "blk.1.ffn_up.weight", "layers.1.mlp.gate_up_proj.weight"),
            ("gpt2", "blk.1.attn_qkv.bias", "h.1.attn.c_attn.bias"),
            ("bert", "token_embd_norm.bias", "embeddings.LayerNorm.bias"),
            (
                "bert",
                "blk.1.layer_output_norm.weight",
                "encoder.layer.1.output.LayerNorm.weight",
            ),
            (
                "t5",
                "dec.blk.1.cross_attn_o.weight",
                "decoder.block.1.layer.1.EncDecAttention.o.weight",
            ),
            ("llama", "rope_freqs.weight", "rope_freqs.weight"),
            ("llama", "blk.x.attn_q.weight", "blk.x.attn_q.weight"),
            ("llama", "weight", "weight"),
        ] {
            assert_eq!(hugging_face(architecture, name, false), expected);
        }
        for (gated, matrix) in [(true, "wi_1"), (false, "wi")] {
            let expected = format!("encoder.block.0.layer.1.DenseReluDense.{matrix}.weight");
            assert_eq!(hugging_face("t5", "enc.blk.0.ffn_up.weight", gated), expected);
        }
    }
}
