//! Damaged and malicious model folders: each is refused with a message; none ends the process, hangs or exhausts memory.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use fovea::model::{Model, Source};
use fovea::text::Language;

fn fixture() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-multilingual")
}

/// Loads a copy of the tiny model after `change`; fails if that takes over a minute.
fn changed(change: impl FnOnce(&Path)) -> Result<Model, String> {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(fixture().join(file), folder.path().join(file)).unwrap();
    }
    change(folder.path());
    let (told, hears) = mpsc::channel();
    let source = Source::Folder(folder.path().to_owned());
    std::thread::spawn(move || {
        let _ = told.send(Model::load(&source).map_err(|error| error.to_string()));
    });
    hears
        .recv_timeout(Duration::from_secs(60))
        .expect("loading hangs or panicked")
}

fn refusal(change: impl FnOnce(&Path)) -> String {
    changed(change).err().expect("the model loaded")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(fixture().join(file)).unwrap()
}

/// The fixture's tokenizer.json after `change`.
fn tokenizer(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut json = serde_json::from_str(&read("tokenizer.json")).unwrap();
    change(&mut json);
    json.to_string()
}

/// The error for the fixture's tokenizer after `change`.
fn bad_tokenizer(change: impl FnOnce(&mut serde_json::Value)) -> String {
    with_tokenizer(change).err().expect("the model loaded")
}

fn with_tokenizer(change: impl FnOnce(&mut serde_json::Value)) -> Result<Model, String> {
    let text = tokenizer(change);
    changed(|folder| std::fs::write(folder.join("tokenizer.json"), text).unwrap())
}

/// Sets the first number of a tensor.
fn set_first(path: &Path, tensor: &str, value: f32) {
    let mut bytes = std::fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    assert_eq!(header[tensor]["dtype"], "F32");
    let at = 8 + length + header[tensor]["data_offsets"][0].as_u64().unwrap() as usize;
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn weights_that_are_not_finite_are_refused_with_the_name_of_the_tensor() {
    for tensor in [
        "embeddings.word_embeddings.weight",
        "encoder.layer.1.attention.self.key.weight",
        "encoder.layer.2.output.LayerNorm.bias",
    ] {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = refusal(|folder| set_first(&folder.join("model.safetensors"), tensor, value));
            assert!(
                error.contains(tensor) && error.contains("NaN or infinite") && error.contains("download"),
                "{error}"
            );
        }
    }
}

#[test]
fn finite_weights_with_results_that_are_not_finite_give_an_error() {
    use fovea::analysis::analyze;
    use fovea::explain::{Method, compare};
    use fovea::model::UNSTOPPED;
    let model = changed(|folder| {
        for tensor in [
            "encoder.layer.2.output.LayerNorm.weight",
            "encoder.layer.2.output.LayerNorm.bias",
        ] {
            set_first(&folder.join("model.safetensors"), tensor, 3e38);
        }
    });
    let (model, text) = (model.unwrap(), ("hello world", Language::Prose));
    for method in Method::LIVE {
        let error = analyze(&model, &[text], method, UNSTOPPED)
            .expect_err("explained")
            .to_string();
        assert!(error.contains("no finite numbers"), "{error}");
    }
    assert!(compare(&model, text, text, UNSTOPPED).is_err());
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_folders_in_place_of_files_are_named() {
    for file in [
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "modules.json",
        "tokenizer_config.json",
        "config_sentence_transformers.json",
    ] {
        for (kind, make) in [
            (
                "a pipe",
                &(|path: &Path| {
                    assert!(
                        std::process::Command::new("mkfifo")
                            .arg(path)
                            .status()
                            .unwrap()
                            .success()
                    )
                }) as &dyn Fn(&Path),
            ),
            ("a device", &|path: &Path| {
                std::os::unix::fs::symlink("/dev/zero", path).unwrap()
            }),
            ("a folder", &|path: &Path| std::fs::create_dir(path).unwrap()),
        ] {
            let error = refusal(|folder| {
                let path = folder.join(file);
                let _ = std::fs::remove_file(&path);
                make(&path);
            });
            assert!(
                error.contains(file) && error.contains(kind) && error.contains("not a regular file"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_file_that_is_large_and_empty_is_refused_before_it_is_read() {
    for (file, bytes) in [
        ("model.safetensors", 7u64 << 30),
        ("tokenizer.json", 1 << 30),
        ("config.json", 2 << 20),
    ] {
        let error = refusal(|folder| {
            let file = std::fs::File::options().write(true).open(folder.join(file)).unwrap();
            file.set_len(bytes).unwrap();
        });
        assert!(error.contains(file) && error.contains("over the limit"), "{error}");
    }
}

#[test]
fn shards_and_checksums_do_not_reach_outside_the_folder() {
    for outside in ["../model.safetensors", "/etc/passwd", "a/../../b", ""] {
        let error = refusal(|folder| {
            std::fs::remove_file(folder.join("model.safetensors")).unwrap();
            let index = format!(r#"{{"weight_map": {{"a": "{outside}"}}}}"#);
            std::fs::write(folder.join("model.safetensors.index.json"), index).unwrap();
        });
        assert!(error.contains("is not a file of this folder"), "{error}");
    }
}

#[test]
fn deep_json_is_refused() {
    for file in ["config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json"] {
        let error = refusal(|folder| {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!(r#"{{"normalizer": {}"#, "[".repeat(500_000))).unwrap();
        });
        assert!(error.contains(file), "{error}");
    }
}

#[test]
fn tokenizers_that_would_overflow_the_stack_exhaust_memory_or_panic_are_refused() {
    let long = "a".repeat(1_000_000);
    let grows = serde_json::json!({"type": "Replace", "pattern": {"Regex": "."}, "content": "x".repeat(200)});
    let ten = |part: &serde_json::Value| serde_json::Value::Array(vec![part.clone(); 10]);
    let error = bad_tokenizer(|json| {
        json["model"]["vocab"]
            .as_array_mut()
            .unwrap()
            .push(serde_json::json!([long, -1.0]))
    });
    assert!(error.contains("a text of 1000000 bytes"));
    let error =
        bad_tokenizer(|json| json["normalizer"] = serde_json::json!({"type": "Sequence", "normalizers": ten(&grows)}));
    assert!(error.contains("multiply the length"));
    let error = bad_tokenizer(|json| json["post_processor"]["special_tokens"] = serde_json::json!({}));
    assert!(error.contains("no special token `<s>`"));
    let error =
        bad_tokenizer(|json| json["post_processor"]["special_tokens"]["<s>"]["ids"] = serde_json::json!([5_000_000]));
    assert!(error.contains("token id 5000000"));
    // A trial run finds a tokenizer that passes the checks but panics.
    let error = bad_tokenizer(|json| {
        // The trie has one node, which points outside.
        json["normalizer"] = serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "BAAAAP///38AYQ=="});
    });
    assert!(error.contains("tokenizer.json"));
    for (part, value) in [
        ("pre_tokenizer", serde_json::json!({"type": "FixedLength", "length": 0})),
        (
            "pre_tokenizer",
            serde_json::json!({"type": "Split", "pattern": {"Regex": "(".repeat(2000)}, "behavior": "Isolated", "invert": false}),
        ),
        (
            "normalizer",
            serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "/////w=="}),
        ),
        (
            "normalizer",
            serde_json::json!({"type": "Precompiled", "precompiled_charsmap": 5}),
        ),
        (
            "model",
            serde_json::json!({"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 4_000_000_000u64}),
        ),
    ] {
        let error = bad_tokenizer(|json| json[part] = value.clone());
        assert!(error.contains("tokenizer.json"), "{part} {value}: {error}");
    }
}

/// A tokenizer may lengthen a text within bounds; a text that becomes too large counts as too long.
#[test]
fn a_text_that_a_tokenizer_would_make_too_large_is_refused_by_itself() {
    let model = with_tokenizer(|json| {
        json["normalizer"] =
            serde_json::json!({"type": "Replace", "pattern": {"String": "a"}, "content": "b".repeat(2000)});
    });
    let model = model.unwrap();
    assert!(model.tokenize("hello", Language::Prose).is_ok());
    let long = "a".repeat(100_000);
    assert!(
        model
            .tokenize(&long, Language::Prose)
            .unwrap_err()
            .to_string()
            .contains("100000 bytes")
    );
    assert!(model.count(&long, Language::Prose) > model.window());
    // A text without the letter does not grow, so its length does not matter.
    assert!(model.tokenize(&"hello ".repeat(20_000), Language::Prose).is_ok());
}

#[test]
fn a_tokenizer_that_cannot_read_every_text_is_refused_at_loading() {
    // Without an unknown token, the crate fails at characters that the vocabulary lacks.
    let model = with_tokenizer(|json| json["model"]["unk_id"] = serde_json::Value::Null);
    let error = model.err().expect("the model loaded");
    assert!(
        error.contains("tokenizer.json") && error.contains("cannot read"),
        "{error}"
    );
}

/// A generator of the same pseudorandom numbers in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
}

/// A copy of bytes with a few changes as fuzzers make them.
fn mutated(bytes: &[u8], noise: &mut Noise) -> Vec<u8> {
    const PIECES: [&[u8]; 14] = [
        b"null",
        b"-1",
        b"18446744073709551615",
        b"1e308",
        b"0",
        b"[",
        b"{",
        b"\"\"",
        b"\"\\u0000\"",
        b"true",
        b",",
        b"\xff",
        &[0xff; 8],
        &[0; 8],
    ];
    let mut bytes = bytes.to_vec();
    // Half of the changes are near the beginning: a parser reads mostly that part of a file of weights.
    let reach = match noise.below(2) {
        0 => bytes.len().min(4000),
        _ => bytes.len(),
    };
    for _ in 0..=noise.below(4) {
        let at = noise.below(reach).min(bytes.len());
        match noise.below(5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << noise.below(8),
            1 => bytes.truncate(at),
            2 => {
                let piece = PIECES[noise.below(PIECES.len())];
                let end = (at + noise.below(piece.len() + 1)).min(bytes.len());
                bytes.splice(at..end, piece.iter().copied());
            }
            3 => {
                let end = (at + noise.below(200)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let end = (at + noise.below(20)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

/// A value somewhere in a JSON document.
fn somewhere<'a>(json: &'a mut serde_json::Value, noise: &mut Noise) -> &'a mut serde_json::Value {
    let inside = match json {
        serde_json::Value::Array(list) => list.len(),
        serde_json::Value::Object(object) => object.len(),
        _ => 0,
    };
    if inside == 0 || noise.below(5) == 0 {
        return json;
    }
    let index = noise.below(inside);
    match json {
        serde_json::Value::Array(list) => somewhere(&mut list[index], noise),
        serde_json::Value::Object(object) => somewhere(object.values_mut().nth(index).unwrap(), noise),
        _ => json,
    }
}

/// Types of components in tokenizer.json.
const KINDS: [&str; 13] = [
    "Replace",
    "NFKC",
    "ByteLevel",
    "Metaspace",
    "Precompiled",
    "Split",
    "TemplateProcessing",
    "FixedLength",
    "Strip",
    "Unigram",
    "BPE",
    "WordPiece",
    "WordLevel",
];

/// A JSON document with some values replaced.
fn rewritten(bytes: &[u8], noise: &mut Noise) -> Vec<u8> {
    let mut json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    for _ in 0..=noise.below(3) {
        let other = somewhere(&mut json.clone(), noise).clone();
        let new = match noise.below(8) {
            0 => serde_json::json!(null),
            1 => serde_json::json!(noise.below(1 << 40)),
            2 => serde_json::json!(-1),
            3 => serde_json::json!("x".repeat(noise.below(700))),
            4 => serde_json::json!([other, other]),
            5 => serde_json::json!(noise.below(4)),
            6 => {
                let kind = KINDS[noise.below(KINDS.len())];
                serde_json::json!({
                    "type": kind, "pattern": {"Regex": ".*"}, "content": "ab", "replacement": "x", "prepend_scheme": "always",
                    "behavior": "Removed", "invert": true, "length": 1, "vocab": {"a": 0}, "merges": [], "unk_token": "a",
                })
            }
            _ => other,
        };
        *somewhere(&mut json, noise) = new;
    }
    serde_json::to_vec(&json).unwrap()
}

/// FOVEA_FUZZ_ROUNDS sets the number of rounds, FOVEA_FUZZ_SEED the random numbers.
#[test]
fn a_folder_is_loaded_or_refused_whatever_its_files_contain() {
    use fovea::model::{Packed, TraceLevel, UNSTOPPED};
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (rounds, mut noise) = (
        number("FOVEA_FUZZ_ROUNDS", 400),
        Noise(number("FOVEA_FUZZ_SEED", 0x9e37_79b9_7f4a_7c15)),
    );
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (mut loaded, mut refused) = (0, 0);
    for round in 0..rounds {
        let fixture = whole.join(["tiny-multilingual", "tiny-xlm-roberta", "tiny-sentence"][noise.below(3)]);
        let files = [
            "config.json",
            "tokenizer.json",
            "model.safetensors",
            "modules.json",
            "2_Dense/config.json",
            "2_Dense/model.safetensors",
            "1_Pooling/config.json",
            "tokenizer_config.json",
            "config_sentence_transformers.json",
        ];
        let there: Vec<&str> = files.into_iter().filter(|file| fixture.join(file).is_file()).collect();
        let target = there[noise.below(there.len())];
        let folder = tempfile::tempdir().unwrap();
        for file in there.into_iter().chain([
            "sentence_bert_config.json",
            "4_Dense/config.json",
            "4_Dense/model.safetensors",
        ]) {
            let Ok(bytes) = std::fs::read(fixture.join(file)) else {
                continue;
            };
            let bytes = match (file == target, file.ends_with(".json") && noise.below(2) == 0) {
                (true, true) => rewritten(&bytes, &mut noise),
                (true, false) => mutated(&bytes, &mut noise),
                _ => bytes,
            };
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        // FOVEA_FUZZ_KEEP names a file that gets the folder of the current round, for a round that ends the process.
        let kept = std::env::var_os("FOVEA_FUZZ_KEEP").map(|to| (to, folder.path().to_owned()));
        if let Some((to, from)) = &kept {
            let line = format!("{round} {target} {}", from.display());
            std::fs::write(to, line).unwrap();
        }
        let (told, hears) = mpsc::channel();
        let source = Source::Folder(folder.path().to_owned());
        std::thread::spawn(move || {
            let answer = Model::load(&source).map(|model| {
                for text in ["hello world", "我爱 hello 世界!", "", "x\u{0}\u{200D}é"] {
                    let Ok(tokens) = model.tokenize(text, Language::Rust) else {
                        continue;
                    };
                    let batch = Packed::new([tokens.ids.as_slice()]);
                    let Ok(traces) = model.encoder().forward(&batch, TraceLevel::LastHidden, UNSTOPPED) else {
                        continue;
                    };
                    if let Ok(embedding) = model.pool_of(&tokens, &traces[0]) {
                        assert!(embedding.iter().all(|value| value.is_finite()));
                    }
                }
            });
            let _ = told.send(answer.map_err(|error| error.to_string()));
        });
        match hears.recv_timeout(Duration::from_secs(60)) {
            Ok(Ok(())) => loaded += 1,
            Ok(Err(error)) => {
                assert!(error.len() > 20, "{target}: {error}");
                refused += 1;
            }
            Err(_) => panic!("round {round}: {target} makes the thread panic or hang"),
        }
    }
    assert!(loaded > 0 && refused > 0, "{loaded} loaded, {refused} refused");
}
