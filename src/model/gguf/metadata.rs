//! Converts the metadata of a file into the configuration for [`families::read`](crate::model::families::read).

use serde_json::{Value, json};

use super::Gguf;
use super::values::Values;

/// The supported values of `general.architecture`.
const ARCHITECTURES: [&str; 12] = [
    "bert",
    "gemma",
    "gemma2",
    "gemma3",
    "gpt2",
    "gptneox",
    "llama",
    "nomic-bert",
    "phi3",
    "qwen2",
    "qwen3",
    "t5",
];

/// Maximum number of layers. The largest published models have 126.
const MOST_LAYERS: u64 = 1024;
/// Maximum width of a head. Published ones have at most 256.
const WIDEST_HEAD: u64 = 4096;

/// The equivalent of config.json.
///
/// # Errors
/// Names the key and says what to do; the caller puts the file name before it.
pub(super) fn config(file: &Gguf) -> Result<Value, String> {
    let values = file.values()?;
    let architecture = values.architecture();
    if !ARCHITECTURES.contains(&architecture) {
        return Err(format!(
            "its architecture `{architecture}` is not supported; fovea reads GGUF files of {}",
            ARCHITECTURES.join(", ")
        ));
    }
    let layers = values.count("block_count")?;
    possible(file, layers)?;
    if let Some(experts) = values.optional_count("expert_count")?.filter(|experts| *experts > 0) {
        return Err(format!(
            "it has {experts} experts in a layer; fovea runs models without experts"
        ));
    }
    match architecture {
        "gemma" | "gemma2" | "gemma3" => gemma(file, &values),
        "gpt2" => gpt2(file, &values),
        "gptneox" => gpt_neox(file, &values),
        "bert" => bert(file, &values),
        "nomic-bert" => nomic(file, &values),
        "t5" => t5(file, &values),
        _ => llama(file, &values),
    }
}

/// Refuses more layers than tensors, because the description takes memory for each layer.
fn possible(file: &Gguf, layers: u64) -> Result<(), String> {
    match layers > MOST_LAYERS.min(file.tensors() as u64) {
        true => Err(format!(
            "it says that it has {layers} layers, and it has {} tensors (the limit is {MOST_LAYERS} layers); download the model again",
            file.tensors()
        )),
        false => Ok(()),
    }
}

/// The pooling of a file, as the equivalent of 1_Pooling/config.json.
///
/// # Errors
/// An unsupported pooling.
pub(super) fn pooling(file: &Gguf) -> Result<Option<Value>, String> {
    let mode = match file.values()?.optional_count("pooling_type")? {
        None | Some(0) => return Ok(None),
        Some(1) => "mean",
        Some(2) => "cls",
        Some(3) => "lasttoken",
        Some(4) => return Err("it is a reranker, and fovea does not compute scores of pairs".to_owned()),
        Some(other) => return Err(format!("its pooling_type {other} is not supported; fovea reads 0 to 3")),
    };
    Ok(Some(json!({ "pooling_mode": mode })))
}

/// Number of rows in the token table.
fn vocabulary(file: &Gguf) -> Result<usize, String> {
    file.rows("token_embd.weight")
        .ok_or_else(|| "it has no tensor `token_embd.weight`; download the model again".to_owned())
}

/// The tokens that end a text.
fn ends(values: &Values) -> Result<Vec<u32>, String> {
    let keys = ["eos_token_id", "eot_token_id", "eom_token_id"];
    let ends = keys.map(|key| values.token(&format!("tokenizer.ggml.{key}")));
    Ok(ends
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// Width of a head; it must be the same for keys and values.
fn head_width(values: &Values) -> Result<u64, String> {
    let even = values.count("embedding_length")? / values.count("attention.head_count")?.max(1);
    let width = values.optional_count("attention.key_length")?.unwrap_or(even);
    if width > WIDEST_HEAD {
        return Err(format!(
            "its heads are {width} wide, over the limit of {WIDEST_HEAD}; download the model again"
        ));
    }
    match values.optional_count("attention.value_length")? {
        Some(other) if other != width => Err(format!(
            "its keys are {width} wide and its values {other}; fovea runs models in which both have one width"
        )),
        _ => Ok(width),
    }
}

/// The share of a head that is rotated.
fn rotated(values: &Values, width: u64) -> Result<f64, String> {
    match values.optional_count("rope.dimension_count")? {
        // Half a pair more, so that rounding cannot remove a pair.
        Some(rotated) if rotated < width => Ok((rotated as f64 + 0.5) / width as f64),
        _ => Ok(1.0),
    }
}

/// The scaling of positions, as the equivalent of `rope_scaling`.
fn scaling(file: &Gguf, values: &Values, window: u64) -> Result<Value, String> {
    // The converter has applied Llama 3's scaling to these factors.
    if let Some(factors) = file.factors("rope_freqs.weight")? {
        return Ok(json!({
            "rope_type": "longrope",
            "short_factor": factors,
            "long_factor": factors,
            "attention_factor": 1.0,
            "original_max_position_embeddings": window,
        }));
    }
    let original = values.optional_count("rope.scaling.original_context_length")?;
    let attention = values.optional_number("rope.scaling.attn_factor")?;
    let (long, short) = (
        file.factors("rope_factors_long.weight")?,
        file.factors("rope_factors_short.weight")?,
    );
    if let (Some(long), Some(short)) = (long, short) {
        return Ok(json!({
            "rope_type": "longrope",
            "short_factor": short,
            "long_factor": long,
            "attention_factor": attention,
            "original_max_position_embeddings": original.unwrap_or(window),
        }));
    }
    let factor = values.optional_number("rope.scaling.factor")?;
    // Older converters wrote only this key.
    let linear = values.optional_number("rope.scale_linear")?;
    let kind = values.own_text("rope.scaling.type")?;
    match (kind.or(linear.map(|_| "linear")), factor.or(linear)) {
        (None | Some("none"), _) | (_, None) => Ok(Value::Null),
        (Some("linear"), Some(factor)) => Ok(json!({ "rope_type": "linear", "factor": factor })),
        (Some("yarn"), Some(factor)) => Ok(json!({
            "rope_type": "yarn",
            "factor": factor,
            "attention_factor": attention.map(|by| by * (0.1 * factor.max(1.0).ln() + 1.0)),
            "beta_fast": values.optional_number("rope.scaling.yarn_beta_fast")?,
            "beta_slow": values.optional_number("rope.scaling.yarn_beta_slow")?,
            "original_max_position_embeddings": original,
        })),
        (Some(kind), _) => Err(format!(
            "it scales positions by `{kind}`, which is not supported; fovea supports none, linear, yarn and longrope"
        )),
    }
}

/// The keys that all decoders with RMSNorm and rotary positions share.
fn decoder(file: &Gguf, values: &Values, family: &str, base: f64) -> Result<Value, String> {
    if values.own_flag("attention.causal")? == Some(false) {
        return Err("its attention is bidirectional, which fovea does not support for this architecture".to_owned());
    }
    let window = values.count("context_length")?;
    let heads = values.count("attention.head_count")?;
    let width = head_width(values)?;
    Ok(json!({
        "model_type": family,
        "hidden_size": values.count("embedding_length")?,
        "intermediate_size": values.count("feed_forward_length")?,
        "num_hidden_layers": values.count("block_count")?,
        "num_attention_heads": heads,
        "num_key_value_heads": values.optional_count("attention.head_count_kv")?.unwrap_or(heads),
        "head_dim": width,
        "max_position_embeddings": window,
        "vocab_size": vocabulary(file)?,
        "rms_norm_eps": values.number("attention.layer_norm_rms_epsilon")?,
        "rope_theta": values.optional_number("rope.freq_base")?.unwrap_or(base),
        "rope_scaling": scaling(file, values, window)?,
        "partial_rotary_factor": rotated(values, width)?,
        "tie_word_embeddings": !file.has("output.weight"),
        "eos_token_id": ends(values)?,
    }))
}

fn llama(file: &Gguf, values: &Values) -> Result<Value, String> {
    let family = values.architecture();
    let mut config = decoder(file, values, family, 10_000.0)?;
    if family != "qwen2" {
        config["attention_bias"] = file.has("blk.0.attn_q.bias").into();
        config["mlp_bias"] = file.has("blk.0.ffn_up.bias").into();
    }
    if family == "phi3" {
        config["sliding_window"] = json!(values.optional_count("attention.sliding_window")?);
    }
    Ok(config)
}

fn gemma(file: &Gguf, values: &Values) -> Result<Value, String> {
    let (family, base) = match values.architecture() {
        "gemma3" => ("gemma3_text", 1_000_000.0),
        other => (other, 10_000.0),
    };
    let mut config = decoder(file, values, family, base)?;
    let width = head_width(values)?;
    // Only the largest models scale by hidden width / heads; llama.cpp recognizes them by their number of layers.
    let stream = values.count("embedding_length")? / values.count("attention.head_count")?.max(1);
    let largest = matches!(
        (values.architecture(), values.count("block_count")?),
        ("gemma2", 46) | ("gemma3", 62)
    );
    config["query_pre_attn_scalar"] = json!(if largest { stream } else { width });
    config["sliding_window"] = json!(values.optional_count("attention.sliding_window")?);
    for (ours, theirs) in [
        ("attn_logit_softcapping", "attn_logit_softcapping"),
        ("final_logit_softcapping", "final_logit_softcapping"),
        ("rope_local_base_freq", "rope.freq_base_swa"),
    ] {
        config[ours] = json!(values.optional_number(theirs)?);
    }
    const PATTERN: &str = "attention.sliding_window_pattern";
    match values.flags(PATTERN) {
        Some(flags) => {
            let kind = |slides| if slides { "sliding_attention" } else { "full_attention" };
            config["layer_types"] = flags.into_iter().take(MOST_LAYERS as usize).map(kind).collect();
        }
        None => config["sliding_window_pattern"] = json!(values.optional_count(PATTERN)?),
    }
    Ok(config)
}

fn gpt2(file: &Gguf, values: &Values) -> Result<Value, String> {
    Ok(json!({
        "model_type": "gpt2",
        "n_embd": values.count("embedding_length")?,
        "n_inner": values.count("feed_forward_length")?,
        "n_layer": values.count("block_count")?,
        "n_head": values.count("attention.head_count")?,
        "n_positions": values.count("context_length")?,
        "vocab_size": vocabulary(file)?,
        "layer_norm_epsilon": values.number("attention.layer_norm_epsilon")?,
        "tie_word_embeddings": !file.has("output.weight"),
        "eos_token_id": ends(values)?,
    }))
}

fn gpt_neox(file: &Gguf, values: &Values) -> Result<Value, String> {
    let width = head_width(values)?;
    Ok(json!({
        "model_type": "gpt_neox",
        "hidden_size": values.count("embedding_length")?,
        "intermediate_size": values.count("feed_forward_length")?,
        "num_hidden_layers": values.count("block_count")?,
        "num_attention_heads": values.count("attention.head_count")?,
        "max_position_embeddings": values.count("context_length")?,
        "vocab_size": vocabulary(file)?,
        "layer_norm_eps": values.number("attention.layer_norm_epsilon")?,
        "rope_theta": values.optional_number("rope.freq_base")?,
        "rotary_pct": rotated(values, width)?,
        "use_parallel_residual": values.own_flag("use_parallel_residual")?,
        "tie_word_embeddings": !file.has("output.weight"),
        "eos_token_id": ends(values)?,
    }))
}

/// The keys that BERT and NomicBERT share.
fn encoder(file: &Gguf, values: &Values, family: &str) -> Result<Value, String> {
    Ok(json!({
        "model_type": family,
        "hidden_size": values.count("embedding_length")?,
        "intermediate_size": values.count("feed_forward_length")?,
        "num_hidden_layers": values.count("block_count")?,
        "num_attention_heads": values.count("attention.head_count")?,
        "max_position_embeddings": values.count("context_length")?,
        "vocab_size": vocabulary(file)?,
        "type_vocab_size": file.rows("token_types.weight").unwrap_or(0),
        "layer_norm_eps": values.number("attention.layer_norm_epsilon")?,
    }))
}

/// BERT, and RoBERTa as BERT: the converter drops the rows of RoBERTa's position table that no token uses.
fn bert(file: &Gguf, values: &Values) -> Result<Value, String> {
    let mut config = encoder(file, values, "bert")?;
    if let Some(rows) = file.rows("position_embd.weight") {
        config["max_position_embeddings"] = rows.into();
    }
    Ok(config)
}

fn nomic(file: &Gguf, values: &Values) -> Result<Value, String> {
    let mut config = encoder(file, values, "nomic_bert")?;
    config["rope_theta"] = json!(values.number("rope.freq_base")?);
    Ok(config)
}

fn t5(file: &Gguf, values: &Values) -> Result<Value, String> {
    let layers = values.count("block_count")?;
    let decoding = values.optional_count("decoder_block_count")?.unwrap_or(layers);
    possible(file, decoding)?;
    Ok(json!({
        "model_type": "t5",
        "d_model": values.count("embedding_length")?,
        "d_ff": values.count("feed_forward_length")?,
        "d_kv": head_width(values)?,
        "num_layers": layers,
        "num_decoder_layers": decoding,
        "num_heads": values.count("attention.head_count")?,
        "vocab_size": vocabulary(file)?,
        "n_positions": values.count("context_length")?,
        "layer_norm_epsilon": values.number("attention.layer_norm_rms_epsilon")?,
        "relative_attention_num_buckets": values.count("attention.relative_buckets_count")?,
        "feed_forward_proj": if file.is_gated() { "gated-gelu" } else { "relu" },
        "decoder_start_token_id": values.optional_count("decoder_start_token_id")?,
        "tie_word_embeddings": !file.has("output.weight"),
        "eos_token_id": ends(values)?,
    }))
}
