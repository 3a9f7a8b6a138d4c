//! Single GGUF files as llama.cpp writes them: against folders with the same weights, and damaged or malicious files.
//!
//! The tests repeat the converter's changes (names, permuted rows, norms with 1 added, transposed matrices) on the tensors of a folder.

mod architectures;
mod converted;
mod gemma;
mod hostile;
mod tokenizers;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use fovea::model::tape::{Network, Read};
use fovea::model::{Model, Packed, Source, TraceLevel, UNSTOPPED, largest, network, verify};
use fovea::text::Language;
use serde_json::json;

use super::families::weight;
use converted::{LLAMA, llama_names, permuted};

/// A model with Hugging Face's tensor names, and the metadata of its GGUF file.
struct Case {
    config: serde_json::Value,
    tensors: BTreeMap<String, Tensor>,
    metadata: Vec<(String, Value)>,
}

fn number(value: &serde_json::Value) -> u32 {
    value.as_u64().unwrap() as u32
}

impl Case {
    /// A case of tests/reference/families; `changes` replace parts of its configuration that GGUF files cannot express.
    fn of(name: &str, changes: serde_json::Value) -> Case {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/reference/families")
            .join(name);
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&read("config.json")).unwrap();
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        let shapes: BTreeMap<String, Vec<usize>> = serde_json::from_str(&read("tensors.json")).unwrap();
        let tensors = shapes.into_iter().map(|(name, shape)| {
            let count: usize = shape.iter().product();
            let values: Vec<f32> = (0..count as u64).map(|i| weight(&name, shape.len(), i)).collect();
            (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
        });
        Case {
            tensors: tensors.collect(),
            config,
            metadata: Vec::new(),
        }
    }

    /// Adds metadata of the architecture from those keys that the configuration has.
    fn metadata(mut self, architecture: &str, keys: &[(&str, &str)]) -> Case {
        self.metadata
            .push(("general.architecture".into(), Value::String(architecture.into())));
        for (theirs, ours) in keys {
            let value = match &self.config[*ours] {
                serde_json::Value::Null => continue,
                serde_json::Value::Bool(flag) => Value::Bool(*flag),
                value if value.is_u64() => Value::U32(number(value)),
                value => Value::F32(value.as_f64().unwrap() as f32),
            };
            self.metadata.push((format!("{architecture}.{theirs}"), value));
        }
        self
    }

    fn and(mut self, key: &str, value: Value) -> Case {
        self.metadata.push((key.to_owned(), value));
        self
    }

    fn folder(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), self.config.to_string()).unwrap();
        let tensors: HashMap<String, Tensor> = self.tensors.clone().into_iter().collect();
        candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
        folder
    }

    fn folder_network(&self) -> Network {
        network(&Source::Folder(self.folder().path().to_owned())).unwrap()
    }

    /// The file's tensors, with parts of their names replaced and with the converter's change.
    fn converted(&self, words: &[(&str, &str)], change: impl Fn(&str, &Tensor) -> Tensor) -> BTreeMap<String, Tensor> {
        let convert = |(name, tensor): (&String, &Tensor)| {
            let mut new = name.clone();
            for (theirs, ours) in words {
                new = new.replace(theirs, ours);
            }
            (new, change(name, tensor))
        };
        self.tensors.iter().map(convert).collect()
    }
}

fn write(path: &Path, metadata: &[(String, Value)], tensors: &BTreeMap<String, QTensor>) {
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut file = std::fs::File::create(path).unwrap();
    gguf_file::write(&mut file, &metadata, &tensors).unwrap();
}

fn quantized(tensors: BTreeMap<String, Tensor>, matrices: GgmlDType) -> BTreeMap<String, QTensor> {
    let quantize = |(name, tensor): (String, Tensor)| {
        let kind = if tensor.rank() == 2 { matrices } else { GgmlDType::F32 };
        (name, QTensor::quantize(&tensor.contiguous().unwrap(), kind).unwrap())
    };
    tensors.into_iter().map(quantize).collect()
}

fn read(network: &Network, writes: bool) -> Read {
    let (long, short): (Vec<u32>, Vec<u32>) = ((0..13).map(|i| i * 7 % 61).collect(), vec![5, 9, 60, 2, 3]);
    let packed = Packed::new([long.as_slice(), short.as_slice()]);
    let written = writes.then(|| Packed::new([short.as_slice(), &long[..9]]));
    network
        .read(&packed, written.as_ref(), TraceLevel::LastHidden, UNSTOPPED)
        .unwrap()
}

/// The largest relative difference of two networks in hidden states and logits.
fn apart(a: &Network, b: &Network, writes: bool) -> f32 {
    let (x, y) = (read(a, writes), read(b, writes));
    let hidden = |read: &Read| read.written.clone().unwrap_or_else(|| read.hidden.clone());
    let mut pairs = vec![(x.hidden.to_vec(), y.hidden.to_vec())];
    if let Some(logits) = a.logits(&hidden(&x)).unwrap() {
        pairs.push((
            logits,
            b.logits(&hidden(&y))
                .unwrap()
                .expect("only one of the networks has a head"),
        ));
    }
    let off = pairs.into_iter().map(|(x, y)| {
        assert_eq!(x.len(), y.len());
        let size = largest(x.iter().map(|v| v.abs()));
        assert!(size > 0.01);
        largest(x.iter().zip(&y).map(|(x, y)| (x - y).abs())) / size
    });
    largest(off)
}

/// A Llama with matrices of 256 columns, the width of the blocks of K formats.
fn wide_llama() -> Case {
    let (hidden, vocabulary) = (256, 64);
    let mut tensors = BTreeMap::new();
    let mut tensor = |name: &str, shape: &[usize]| {
        let name = format!("model.{name}.weight");
        let count: usize = shape.iter().product();
        let scale = if shape.len() == 2 { 0.2 } else { 1.0 };
        let values: Vec<f32> = (0..count as u64)
            .map(|i| scale * weight(&name, shape.len(), i))
            .collect();
        tensors.insert(name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
    };
    tensor("embed_tokens", &[vocabulary, hidden]);
    tensor("norm", &[hidden]);
    for layer in 0..2 {
        for (name, shape) in [
            ("self_attn.q_proj", vec![hidden, hidden]),
            ("self_attn.k_proj", vec![hidden / 2, hidden]),
            ("self_attn.v_proj", vec![hidden / 2, hidden]),
            ("self_attn.o_proj", vec![hidden, hidden]),
            ("mlp.gate_proj", vec![2 * hidden, hidden]),
            ("mlp.up_proj", vec![2 * hidden, hidden]),
            ("mlp.down_proj", vec![hidden, 2 * hidden]),
            ("input_layernorm", vec![hidden]),
            ("post_attention_layernorm", vec![hidden]),
        ] {
            tensor(&format!("layers.{layer}.{name}"), &shape);
        }
    }
    let config = json!({
        "model_type": "llama", "hidden_size": hidden, "intermediate_size": 2 * hidden, "num_hidden_layers": 2,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 32, "max_position_embeddings": 128, "vocab_size": vocabulary,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
    });
    let case = Case {
        config,
        tensors,
        metadata: Vec::new(),
    };
    case.metadata("llama", LLAMA)
}

#[test]
fn a_file_of_each_quantization_equals_its_own_weights_as_floats() {
    for (kind, tolerance) in [
        (GgmlDType::F32, 1e-5),
        (GgmlDType::F16, 1e-5),
        (GgmlDType::BF16, 1e-5),
        (GgmlDType::Q4_0, 1e-4),
        (GgmlDType::Q4_1, 1e-4),
        (GgmlDType::Q5_0, 1e-4),
        (GgmlDType::Q5_1, 1e-4),
        (GgmlDType::Q8_0, 1e-4),
        (GgmlDType::Q2K, 2e-3),
        (GgmlDType::Q3K, 2e-3),
        (GgmlDType::Q4K, 1e-4),
        (GgmlDType::Q5K, 1e-4),
        (GgmlDType::Q6K, 1e-4),
    ] {
        let mut case = wide_llama();
        let tensors = case.converted(&llama_names(false), |name, tensor| permuted(name, tensor, 32));
        let stored = quantized(tensors, kind);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gguf");
        write(&path, &case.metadata, &stored);
        let file = network(&Source::File(path)).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        // The folder gets the quantized values. The order of rows does not matter, because blocks lie within rows.
        for (name, tensor) in &mut case.tensors {
            if tensor.rank() == 2 {
                let plain = tensor.contiguous().unwrap();
                *tensor = QTensor::quantize(&plain, kind)
                    .unwrap()
                    .dequantize(&Device::Cpu)
                    .unwrap();
            }
            assert_eq!(tensor.dtype(), candle_core::DType::F32, "{name}");
        }
        let off = apart(&case.folder_network(), &file, false);
        assert!(off < tolerance, "{kind:?}: off by {off}");
        println!("{kind:?}: off by {off}");
    }
}

/// A case and its tensors for a vocabulary of `rows` tokens.
fn with_vocabulary(case: Case, rows: usize) -> (Case, BTreeMap<String, QTensor>) {
    let mut tensors = case.converted(&llama_names(false), |name, tensor| permuted(name, tensor, 32));
    let values: Vec<f32> = (0..rows as u64 * 256).map(|i| weight("table", 2, i)).collect();
    let table = Tensor::from_vec(values, (rows, 256), &Device::Cpu).unwrap();
    tensors.insert("token_embd.weight".into(), table);
    (case, quantized(tensors, GgmlDType::Q8_0))
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    Value::Array(texts.into_iter().map(|text| Value::String(text.to_owned())).collect())
}

fn numbers(numbers: impl IntoIterator<Item = f64>) -> Value {
    Value::Array(numbers.into_iter().map(|number| Value::F32(number as f32)).collect())
}

fn kinds(numbers: impl IntoIterator<Item = i32>) -> Value {
    Value::Array(numbers.into_iter().map(Value::I32).collect())
}

fn ids(model: &Model, text: &str) -> Vec<u32> {
    model.tokenize(text, Language::Prose).unwrap().ids
}

/// A file's path, and the temporary folder that contains it.
struct Written {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn written(metadata: &[(String, Value)], tensors: &BTreeMap<String, QTensor>) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Tiny-7B.Q8_0.gguf");
    write(&path, metadata, tensors);
    Written { path, _folder: folder }
}

fn json_of(path: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A SentencePiece vocabulary: control tokens, bytes, letters and some pieces.
fn pieces() -> (Vec<String>, Vec<f64>, Vec<i32>) {
    let mut all: Vec<(String, f64, i32)> = vec![
        ("<unk>".into(), 0.0, 2),
        ("<s>".into(), 0.0, 3),
        ("</s>".into(), 0.0, 3),
    ];
    all.push(("<|user|>".into(), 0.0, 4));
    all.extend((0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), 0.0, 6)));
    let made = ["lo", "he", "\u{2581}he", "llo", "\u{2581}hello", "wor", "ld", "or"];
    all.extend(
        made.iter()
            .enumerate()
            .map(|(i, piece)| ((*piece).to_owned(), -(i as f64), 1)),
    );
    let letters = "\u{2581}helowrd";
    all.extend(
        letters
            .chars()
            .enumerate()
            .map(|(i, c)| (c.to_string(), -100.0 - i as f64, 1)),
    );
    let (texts, (scores, kinds)) = all.into_iter().map(|(text, score, kind)| (text, (score, kind))).unzip();
    (texts, scores, kinds)
}

/// A complete case with the vocabulary of `pieces`.
fn tiny() -> (Case, BTreeMap<String, QTensor>) {
    let (pieces, scores, types) = pieces();
    let (case, tensors) = with_vocabulary(wide_llama(), pieces.len());
    let case = case
        .and("general.name", Value::String("Tiny 7B".into()))
        .and("tokenizer.ggml.model", Value::String("llama".into()))
        .and("tokenizer.ggml.tokens", texts(pieces.iter().map(String::as_str)))
        .and("tokenizer.ggml.scores", numbers(scores))
        .and("tokenizer.ggml.token_type", kinds(types))
        .and("tokenizer.ggml.bos_token_id", Value::U32(1))
        .and("tokenizer.ggml.eos_token_id", Value::U32(2))
        .and("tokenizer.ggml.unknown_token_id", Value::U32(0));
    (case, tensors)
}

#[test]
fn a_file_has_the_name_in_its_metadata_and_an_identity_of_its_content() {
    let (case, tensors) = tiny();
    let file = written(&case.metadata, &tensors);
    let source = Source::at(&file.path);
    assert_eq!(source, Source::File(file.path.clone()));
    assert_eq!(
        Source::at(file.path.parent().unwrap()),
        Source::Folder(file.path.parent().unwrap().to_owned())
    );
    let model = Model::load(&source).unwrap();
    let info = model.info();
    assert_eq!((info.name.as_str(), info.architecture.as_str()), ("Tiny 7B", "llama"));
    assert_eq!((info.layers, info.heads, info.hidden, info.window), (2, 8, 256, 128));
    assert_eq!(info.weights, "q8_0");
    let checks = verify(&source).unwrap();
    assert_eq!(checks.len(), 1);
    assert_eq!(
        (checks[0].file.as_str(), checks[0].holds()),
        ("Tiny-7B.Q8_0.gguf", true)
    );
    let again = written(&case.metadata, &tensors);
    assert_eq!(Model::load(&Source::at(&again.path)).unwrap().info().id, info.id);
    let unnamed: Vec<(String, Value)> = case
        .metadata
        .into_iter()
        .filter(|(key, _)| key != "general.name")
        .collect();
    let unnamed = written(&unnamed, &tensors);
    let other = Model::load(&Source::at(&unnamed.path)).unwrap();
    assert_eq!(other.info().name, "Tiny-7B.Q8_0");
    assert_ne!(other.info().id, info.id);
    // The model computes an embedding.
    let tokens = model.tokenize("hello world", Language::Prose).unwrap();
    let traces = model
        .encoder()
        .forward(&Packed::new([tokens.ids.as_slice()]), TraceLevel::Layers, UNSTOPPED)
        .unwrap();
    assert_eq!(model.pool_of(&tokens, &traces[0]).unwrap().len(), 256);
}
