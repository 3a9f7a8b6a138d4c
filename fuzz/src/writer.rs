//! A tiny Llama in one GGUF file, as llama.cpp's converter names its parts.

use std::io::Cursor;

use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use candle_core::{Device, Tensor};

/// The formats that stay in blocks, and two that do not.
pub const FORMATS: [GgmlDType; 10] = [
    GgmlDType::F16,
    GgmlDType::Q4_0,
    GgmlDType::Q4_1,
    GgmlDType::Q5_0,
    GgmlDType::Q5_1,
    GgmlDType::Q8_0,
    GgmlDType::Q3K,
    GgmlDType::Q4K,
    GgmlDType::Q5K,
    GgmlDType::Q6K,
];

/// The file, its matrices in a format as far as their width allows.
pub fn gguf(format: GgmlDType) -> Vec<u8> {
    // Wide enough for one block, with everything else as small as it can be.
    let hidden = format.block_size().max(32);
    let (heads, width, inner) = (2, 4, 8);
    let pieces = pieces();
    let number = |number: usize| Value::U32(number as u32);
    let array = |values: Vec<Value>| Value::Array(values);
    let metadata = [
        ("general.architecture", Value::String("llama".into())),
        ("general.name", Value::String("tiny".into())),
        ("llama.block_count", number(1)),
        ("llama.context_length", number(128)),
        ("llama.embedding_length", number(hidden)),
        ("llama.feed_forward_length", number(inner)),
        ("llama.attention.head_count", number(heads)),
        ("llama.attention.head_count_kv", number(1)),
        ("llama.attention.key_length", number(width)),
        ("llama.attention.value_length", number(width)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.rope.freq_base", Value::F32(10000.0)),
        ("tokenizer.ggml.model", Value::String("llama".into())),
        (
            "tokenizer.ggml.tokens",
            array(pieces.iter().map(|(text, _)| Value::String(text.clone())).collect()),
        ),
        (
            "tokenizer.ggml.scores",
            array((0..pieces.len()).map(|at| Value::F32(-(at as f32))).collect()),
        ),
        (
            "tokenizer.ggml.token_type",
            array(pieces.iter().map(|(_, kind)| Value::I32(*kind)).collect()),
        ),
        ("tokenizer.ggml.bos_token_id", number(1)),
        ("tokenizer.ggml.eos_token_id", number(2)),
        ("tokenizer.ggml.unknown_token_id", number(0)),
    ];
    let tensors: Vec<(String, QTensor)> = [
        ("token_embd", vec![pieces.len(), hidden]),
        ("output_norm", vec![hidden]),
        ("blk.0.attn_norm", vec![hidden]),
        ("blk.0.attn_q", vec![heads * width, hidden]),
        ("blk.0.attn_k", vec![width, hidden]),
        ("blk.0.attn_v", vec![width, hidden]),
        ("blk.0.attn_output", vec![hidden, heads * width]),
        ("blk.0.ffn_norm", vec![hidden]),
        ("blk.0.ffn_gate", vec![inner, hidden]),
        ("blk.0.ffn_up", vec![inner, hidden]),
        ("blk.0.ffn_down", vec![hidden, inner]),
    ]
    .into_iter()
    .map(|(name, shape)| (format!("{name}.weight"), tensor(&shape, format)))
    .collect();
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut bytes = Cursor::new(Vec::new());
    gguf_file::write(&mut bytes, &metadata, &tensors).expect("writes to memory");
    bytes.into_inner()
}

/// Numbers between -0.2 and 0.2 in no visible order, the same in each run.
fn tensor(shape: &[usize], format: GgmlDType) -> QTensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count as u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 16) as f32 / 65535.0 * 0.4 - 0.2)
        .collect();
    let tensor = Tensor::from_vec(values, shape, &Device::Cpu).expect("has as many numbers");
    let fits = shape.len() == 2 && shape[1].is_multiple_of(format.block_size());
    QTensor::quantize(&tensor, if fits { format } else { GgmlDType::F32 }).expect("fits")
}

/// A SentencePiece vocabulary: a text and its kind (control, unknown, byte or piece).
fn pieces() -> Vec<(String, i32)> {
    let mut pieces = vec![("<unk>".to_owned(), 2), ("<s>".to_owned(), 3), ("</s>".to_owned(), 3)];
    pieces.extend((0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), 6)));
    pieces.extend(["de", "f", "\u{2581}", "re", "turn", "a"].map(|piece| (piece.to_owned(), 1)));
    pieces
}
