//! The changes that llama.cpp's converter makes to names and weights, by architecture.

use super::*;

pub(super) const LLAMA: &[(&str, &str)] = &[
    ("context_length", "max_position_embeddings"),
    ("embedding_length", "hidden_size"),
    ("block_count", "num_hidden_layers"),
    ("feed_forward_length", "intermediate_size"),
    ("attention.head_count", "num_attention_heads"),
    ("attention.head_count_kv", "num_key_value_heads"),
    ("attention.key_length", "head_dim"),
    ("attention.value_length", "head_dim"),
    ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
    ("attention.sliding_window", "sliding_window"),
    ("attn_logit_softcapping", "attn_logit_softcapping"),
    ("final_logit_softcapping", "final_logit_softcapping"),
];

const LLAMA_NAMES: &[(&str, &str)] = &[
    ("model.embed_tokens", "token_embd"),
    ("model.norm", "output_norm"),
    ("lm_head", "output"),
    ("model.layers", "blk"),
    ("input_layernorm", "attn_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("self_attn.qkv_proj", "attn_qkv"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("mlp.gate_up_proj", "ffn_up"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

pub(super) fn llama_names(sandwich: bool) -> Vec<(&'static str, &'static str)> {
    let norm = if sandwich { "post_attention_norm" } else { "ffn_norm" };
    [LLAMA_NAMES, &[("post_attention_layernorm", norm)]].concat()
}

/// Rows of queries and keys in the order of the converter's `LlamaModel.permute`: rows that rotate together are adjacent.
pub(super) fn permuted(name: &str, tensor: &Tensor, width: usize) -> Tensor {
    if !name.contains("q_proj") && !name.contains("k_proj") {
        return tensor.clone();
    }
    let (rows, columns) = tensor.dims2().unwrap();
    let split = tensor.reshape((rows / width, 2, width / 2, columns)).unwrap();
    let swapped = split.transpose(1, 2).unwrap().contiguous().unwrap();
    swapped.reshape((rows, columns)).unwrap()
}

/// A case, and its tensors as the converter writes them.
pub(super) fn case(name: &str) -> (Case, BTreeMap<String, Tensor>) {
    let same = |_: &str, tensor: &Tensor| tensor.clone();
    match name {
        "llama" | "llama3-rope" => {
            let case = Case::of(name, json!({})).metadata("llama", LLAMA);
            let width = number(&case.config["head_dim"]) as usize;
            let mut tensors = case.converted(&llama_names(false), |name, tensor| permuted(name, tensor, width));
            let rope = case.config["rope_parameters"].clone();
            let base = rope["rope_theta"].as_f64().unwrap();
            if let Some(factor) = rope["factor"].as_f64() {
                let of = |key: &str| rope[key].as_f64().unwrap();
                let original = of("original_max_position_embeddings");
                let (low, high) = (of("low_freq_factor"), of("high_freq_factor"));
                let factors: Vec<f32> = (0..width / 2)
                    .map(|pair| {
                        let wavelength = std::f64::consts::TAU * base.powf(2.0 * pair as f64 / width as f64);
                        let smooth = (original / wavelength - low) / (high - low);
                        let factor = match (wavelength < original / high, wavelength > original / low) {
                            (true, _) => 1.0,
                            (_, true) => factor,
                            _ => 1.0 / ((1.0 - smooth) / factor + smooth),
                        };
                        factor as f32
                    })
                    .collect();
                let factors = Tensor::new(factors, &Device::Cpu).unwrap();
                tensors.insert("rope_freqs.weight".into(), factors);
            }
            (case.and("llama.rope.freq_base", Value::F32(base as f32)), tensors)
        }
        "qwen2-tied" | "qwen3" => {
            let case = Case::of(name, json!({})).metadata(&name[..5], LLAMA);
            let tensors = case.converted(&llama_names(false), same);
            let base = case.config["rope_parameters"]["rope_theta"].as_f64().unwrap() as f32;
            (
                case.and(&format!("{}.rope.freq_base", &name[..5]), Value::F32(base)),
                tensors,
            )
        }
        "phi3" => {
            let case = Case::of(name, json!({})).metadata(name, LLAMA);
            let tensors = case.converted(&llama_names(false), same);
            (case, tensors)
        }
        "phi3-longrope" => {
            let case = Case::of(name, json!({})).metadata("phi3", LLAMA);
            let mut tensors = case.converted(&llama_names(false), same);
            let rope = case.config["rope_parameters"].clone();
            for (key, tensor) in [("long_factor", "long"), ("short_factor", "short")] {
                let factors = rope[key].as_array().unwrap().iter().map(|f| f.as_f64().unwrap() as f32);
                let factors = Tensor::new(factors.collect::<Vec<_>>(), &Device::Cpu).unwrap();
                tensors.insert(format!("rope_factors_{tensor}.weight"), factors);
            }
            let case = case
                .and("phi3.rope.dimension_count", Value::U32(12))
                .and("phi3.rope.scaling.original_context_length", Value::U32(8))
                .and("phi3.rope.freq_base", Value::F32(100.0));
            (case, tensors)
        }
        "gemma2" | "gemma3" => {
            // The file has no key for the scale of scores: it is always the width of a head.
            let case = Case::of(name, json!({"query_pre_attn_scalar": 12})).metadata(name, LLAMA);
            let tensors = case.converted(&llama_names(true), |name, tensor| match name.ends_with("norm.weight") {
                true => (tensor + 1.0).unwrap(),
                false => tensor.clone(),
            });
            let slides = [true, false, true].map(Value::Bool).to_vec();
            let case = match name {
                "gemma3" => case.and("gemma3.attention.sliding_window_pattern", Value::Array(slides)),
                _ => case,
            };
            (case, tensors)
        }
        "gpt2" => {
            let keys = [
                ("context_length", "n_positions"),
                ("embedding_length", "n_embd"),
                ("block_count", "n_layer"),
                ("feed_forward_length", "n_inner"),
                ("attention.head_count", "n_head"),
                ("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            ];
            let names = [
                ("transformer.wte", "token_embd"),
                ("transformer.wpe", "position_embd"),
                ("transformer.ln_f", "output_norm"),
                ("transformer.h", "blk"),
                ("ln_1", "attn_norm"),
                ("ln_2", "ffn_norm"),
                ("attn.c_attn", "attn_qkv"),
                ("attn.c_proj", "attn_output"),
                ("mlp.c_fc", "ffn_up"),
                ("mlp.c_proj", "ffn_down"),
            ];
            let case = Case::of(name, json!({})).metadata("gpt2", &keys);
            let tensors = case.converted(&names, |name, tensor| {
                match name.contains(".c_") && tensor.rank() == 2 {
                    true => tensor.t().unwrap().contiguous().unwrap(),
                    false => tensor.clone(),
                }
            });
            (case, tensors)
        }
        "gpt-neox" | "gpt-neox-sequential" => {
            let keys = [
                ("context_length", "max_position_embeddings"),
                ("embedding_length", "hidden_size"),
                ("block_count", "num_hidden_layers"),
                ("feed_forward_length", "intermediate_size"),
                ("attention.head_count", "num_attention_heads"),
                ("attention.layer_norm_epsilon", "layer_norm_eps"),
                ("use_parallel_residual", "use_parallel_residual"),
            ];
            let names = [
                ("gpt_neox.embed_in", "token_embd"),
                ("gpt_neox.final_layer_norm", "output_norm"),
                ("embed_out", "output"),
                ("gpt_neox.layers", "blk"),
                ("input_layernorm", "attn_norm"),
                ("post_attention_layernorm", "ffn_norm"),
                ("attention.query_key_value", "attn_qkv"),
                ("attention.dense", "attn_output"),
                ("mlp.dense_h_to_4h", "ffn_up"),
                ("mlp.dense_4h_to_h", "ffn_down"),
            ];
            let case = Case::of(name, json!({})).metadata("gptneox", &keys);
            let heads = number(&case.config["num_attention_heads"]) as usize;
            let width = number(&case.config["hidden_size"]) as usize / heads;
            let tensors = case.converted(&names, |name, tensor| {
                if !name.contains("query_key_value") {
                    return tensor.clone();
                }
                // The order by head (query, key, value) becomes all queries, all keys, all values.
                let columns = tensor.elem_count() / (3 * heads * width);
                let split = tensor
                    .reshape((heads, 3, width, columns))
                    .unwrap()
                    .transpose(0, 1)
                    .unwrap();
                split.contiguous().unwrap().reshape(tensor.shape()).unwrap()
            });
            let rope = case.config["rope_parameters"].clone();
            let rotated = (width as f64 * rope["partial_rotary_factor"].as_f64().unwrap()) as u32;
            let base = rope["rope_theta"].as_f64().unwrap() as f32;
            let case = case
                .and("gptneox.rope.dimension_count", Value::U32(rotated))
                .and("gptneox.rope.freq_base", Value::F32(base));
            (case, tensors)
        }
        "bert" | "nomic-bert" => {
            let keys = [
                ("context_length", "max_position_embeddings"),
                ("embedding_length", "hidden_size"),
                ("block_count", "num_hidden_layers"),
                ("feed_forward_length", "intermediate_size"),
                ("attention.head_count", "num_attention_heads"),
                ("attention.layer_norm_epsilon", "layer_norm_eps"),
            ];
            let names = [
                ("bert.embeddings", "embeddings"),
                ("bert.encoder", "encoder"),
                ("embeddings.word_embeddings", "token_embd"),
                ("embeddings.position_embeddings", "position_embd"),
                ("embeddings.token_type_embeddings", "token_types"),
                ("embeddings.LayerNorm", "token_embd_norm"),
                ("emb_ln", "token_embd_norm"),
                ("encoder.layers", "blk"),
                ("encoder.layer", "blk"),
                ("attention.self.query", "attn_q"),
                ("attention.self.key", "attn_k"),
                ("attention.self.value", "attn_v"),
                ("attention.output.dense", "attn_output"),
                ("attention.output.LayerNorm", "attn_output_norm"),
                ("intermediate.dense", "ffn_up"),
                ("output.dense", "ffn_down"),
                ("output.LayerNorm", "layer_output_norm"),
                ("attn.Wqkv", "attn_qkv"),
                ("attn.out_proj", "attn_output"),
                ("mlp.fc11", "ffn_up"),
                ("mlp.fc12", "ffn_gate"),
                ("mlp.fc2", "ffn_down"),
                ("norm1", "attn_output_norm"),
                ("norm2", "layer_output_norm"),
            ];
            let mut case = Case::of(name, json!({})).metadata(name, &keys);
            // The converter omits the head.
            case.tensors.retain(|name, _| !name.starts_with("cls."));
            let tensors = case.converted(&names, same);
            let base = Value::F32(1000.0);
            (case.and(&format!("{name}.rope.freq_base"), base), tensors)
        }
        "t5" | "t5-gated" => {
            let keys = [
                ("context_length", "n_positions"),
                ("embedding_length", "d_model"),
                ("block_count", "num_layers"),
                ("decoder_block_count", "num_decoder_layers"),
                ("feed_forward_length", "d_ff"),
                ("attention.head_count", "num_heads"),
                ("attention.key_length", "d_kv"),
                ("attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
                ("attention.relative_buckets_count", "relative_attention_num_buckets"),
                ("decoder_start_token_id", "decoder_start_token_id"),
            ];
            let names = [
                ("shared", "token_embd"),
                ("lm_head", "output"),
                ("encoder.block", "enc.blk"),
                ("decoder.block", "dec.blk"),
                ("encoder.final_layer_norm", "enc.output_norm"),
                ("decoder.final_layer_norm", "dec.output_norm"),
                ("layer.0.SelfAttention.relative_attention_bias", "attn_rel_b"),
                ("layer.0.SelfAttention.", "attn_"),
                ("layer.1.EncDecAttention.", "cross_attn_"),
                ("layer.0.layer_norm", "attn_norm"),
                ("layer.2.layer_norm", "ffn_norm"),
                ("layer.1.DenseReluDense", "mlp"),
                ("layer.2.DenseReluDense", "mlp"),
                ("mlp.wi_0", "ffn_gate"),
                ("mlp.wi_1", "ffn_up"),
                ("mlp.wi", "ffn_up"),
                ("mlp.wo", "ffn_down"),
            ];
            // The file has no key for the maximum distance: it is always 128.
            let changes = json!({"relative_attention_max_distance": 128, "n_positions": 512});
            let case = Case::of(name, changes).metadata("t5", &keys);
            let tensors = case.converted(&names, same);
            let tensors = tensors.into_iter().map(|(name, tensor)| {
                let norm = if name.starts_with("enc") {
                    "ffn_norm"
                } else {
                    "cross_attn_norm"
                };
                (name.replace("layer.1.layer_norm", norm), tensor)
            });
            let tensors = tensors.collect();
            (case, tensors)
        }
        _ => panic!("{name}"),
    }
}
