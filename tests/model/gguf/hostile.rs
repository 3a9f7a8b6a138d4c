//! Damaged and malicious files: each is refused with a message; none ends the process, hangs or exhausts memory.

use std::sync::mpsc;
use std::time::Duration;

use super::*;

/// Loads a file; fails if that takes over a minute.
fn loaded(path: &Path) -> Result<Model, String> {
    let (told, hears) = mpsc::channel();
    let source = Source::at(path);
    std::thread::spawn(move || {
        let _ = told.send(Model::load(&source).map_err(|error| error.to_string()));
    });
    hears
        .recv_timeout(Duration::from_secs(60))
        .expect("loading hangs or panicked")
}

#[test]
fn metadata_that_is_missing_or_of_another_type_is_named_with_what_to_do() {
    let (case, tensors) = tiny();
    let with = |key: &str, value: Option<Value>| {
        let mut metadata: Vec<(String, Value)> = case.metadata.iter().filter(|(own, _)| own != key).cloned().collect();
        metadata.extend(value.map(|value| (key.to_owned(), value)));
        let file = written(&metadata, &tensors);
        let error = loaded(&file.path).err().unwrap_or_else(|| panic!("{key}: it loaded"));
        assert!(error.contains("Tiny-7B.Q8_0.gguf"), "{error}");
        error
    };
    for key in [
        "general.architecture",
        "llama.block_count",
        "llama.embedding_length",
        "llama.context_length",
        "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon",
        "tokenizer.ggml.model",
        "tokenizer.ggml.tokens",
        "tokenizer.ggml.scores",
    ] {
        let missing = with(key, None);
        assert!(
            missing.contains(key) && missing.contains("convert_hf_to_gguf"),
            "{missing}"
        );
        let wrong = with(key, Some(Value::Array(vec![Value::Bool(true)])));
        assert!(wrong.contains(key), "{wrong}");
    }
    let many = |value: Value| Value::Array(vec![value; 1000]);
    for (key, value, says) in [
        (
            "general.architecture",
            Value::String("mamba".into()),
            "`mamba` is not supported; fovea reads GGUF files of bert",
        ),
        ("llama.block_count", Value::U32(u32::MAX), "4294967295 layers"),
        (
            "llama.block_count",
            Value::I32(-1),
            "I32(-1), instead of a whole number",
        ),
        (
            "llama.embedding_length",
            Value::U64(1 << 40),
            "hidden_size is 1099511627776",
        ),
        ("llama.attention.head_count", Value::U32(0), "num_attention_heads is 0"),
        (
            "llama.attention.layer_norm_rms_epsilon",
            Value::F32(f32::NAN),
            "a number",
        ),
        (
            "llama.attention.layer_norm_rms_epsilon",
            Value::F32(-1.0),
            "rms_norm_eps is -1",
        ),
        ("llama.expert_count", Value::U32(8), "8 experts"),
        ("llama.pooling_type", Value::U32(9), "pooling_type 9"),
        ("llama.attention.causal", Value::Bool(false), "bidirectional"),
        ("general.alignment", Value::U32(0), "its header cannot be read"),
        (
            "tokenizer.ggml.model",
            Value::String("rwkv".into()),
            "`rwkv` is not supported",
        ),
        (
            "tokenizer.ggml.tokens",
            many(Value::String("same".into())),
            "and there are 1000 tokens",
        ),
        (
            "tokenizer.ggml.tokens",
            many(Value::String("x".repeat(600))),
            "600 bytes",
        ),
        ("tokenizer.ggml.scores", many(Value::F32(0.0)), "has 1000 elements"),
        (
            "tokenizer.ggml.bos_token_id",
            Value::U32(1 << 30),
            "`tokenizer.ggml.bos_token_id` is 1073741824",
        ),
        ("tokenizer.ggml.unknown_token_id", Value::I64(-7), "the id of a token"),
    ] {
        let error = with(key, Some(value));
        assert!(error.contains(says), "{key}: {error}");
    }
}

#[test]
fn truncated_files_are_refused_and_wrong_bytes_never_end_the_process() {
    let (case, tensors) = tiny();
    let file = written(&case.metadata, &tensors);
    let whole = std::fs::read(&file.path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.gguf");
    let header = 12_000;
    let mut ends: Vec<usize> = (0..header).step_by(97).collect();
    ends.extend([whole.len() / 2, whole.len() - 40]);
    for end in ends {
        std::fs::write(&path, &whole[..end]).unwrap();
        let error = loaded(&path)
            .err()
            .unwrap_or_else(|| panic!("the first {end} bytes were accepted"));
        assert!(error.contains("damaged.gguf"), "{error}");
    }
    // A wrong byte in the header may not end the process, whether the file is accepted or refused.
    for at in (0..header).step_by(41) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xFF;
        std::fs::write(&path, &bytes).unwrap();
        let _ = loaded(&path);
    }
}

#[test]
fn a_file_that_only_claims_to_be_large_is_refused_before_it_is_read() {
    let (case, tensors) = tiny();
    let file = written(&case.metadata, &tensors);
    let claim = std::fs::OpenOptions::new().write(true).open(&file.path).unwrap();
    claim.set_len(7 << 30).unwrap();
    let error = loaded(&file.path).err().unwrap();
    assert!(error.contains("over the limit of"), "{error}");
    // A header that declares almost as many elements as the file has bytes.
    let path = file.path.with_file_name("array.gguf");
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend([0u64, 1, 1].map(u64::to_le_bytes).concat());
    bytes.extend(b"k\x09\0\0\0\0\0\0\0");
    bytes.extend((6u64 << 30).to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(7 << 30)
        .unwrap();
    let error = loaded(&path).err().unwrap();
    assert!(error.contains("elements of arrays"), "{error}");
}

#[test]
fn missing_files_and_files_that_are_not_gguf_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let gone = loaded(&folder.path().join("gone.gguf")).err().unwrap();
    assert!(gone.contains("gone.gguf") && gone.contains("no such file"), "{gone}");
    let gone = loaded(&folder.path().join("gone")).err().unwrap();
    assert!(gone.contains("no such folder") && gone.contains("GGUF"), "{gone}");
    let text = folder.path().join("a.txt");
    std::fs::write(&text, "no model").unwrap();
    let error = loaded(&text).err().unwrap();
    assert!(error.contains("does not begin like a GGUF file"), "{error}");
    #[cfg(unix)]
    {
        let pipe = folder.path().join("pipe.gguf");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let error = loaded(&pipe).err().unwrap();
        assert!(error.contains("not a regular file"), "{error}");
    }
}
