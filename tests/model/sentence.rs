//! sentence-transformers folders against sentence-transformers itself (`tests/reference/sentence.py`).
//!
//! The tests cover modules, poolings, prompts and windows.

use std::collections::BTreeMap;
use std::path::Path;

use fovea::analysis::analyze;
use fovea::explain::{Method, Pair, Which, compare};
use fovea::model::{Model, Packed, Role, Source, TraceLevel, UNSTOPPED};
use fovea::text::Language;

use super::{cosine, pairs};

#[derive(serde::Deserialize)]
struct Golden {
    texts: Vec<String>,
    variants: Vec<Variant>,
}

#[derive(serde::Deserialize)]
struct Variant {
    name: String,
    files: BTreeMap<String, String>,
    plain: Vec<Vec<f32>>,
    query: Vec<Vec<f32>>,
}

fn fixture() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-sentence")
}

fn golden() -> Golden {
    serde_json::from_slice(&std::fs::read(fixture().join("golden.json")).unwrap()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => std::fs::copy(&path, &to).map(drop).unwrap(),
        }
    }
}

/// Loads a copy of the fixture after `change`.
fn changed(change: impl FnOnce(&Path)) -> Result<Model, String> {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture(), folder.path());
    change(folder.path());
    Model::load(&Source::Folder(folder.path().to_owned())).map_err(|error| error.to_string())
}

fn with(files: &BTreeMap<String, String>) -> Result<Model, String> {
    changed(|folder| {
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    })
}

fn with_one(name: &str, text: &str) -> Result<Model, String> {
    with(&BTreeMap::from([(name.to_owned(), text.to_owned())]))
}

/// The embedding as in `embed --plain`, before normalization.
fn embed(model: &Model, role: Role, text: &str) -> Vec<f32> {
    let mut tokens = model.tokenize_as(role, text, Language::Prose).unwrap();
    tokens.cut(model.info().window);
    let batch = Packed::new([tokens.ids.as_slice()]);
    let traces = model
        .encoder()
        .forward(&batch, TraceLevel::LastHidden, UNSTOPPED)
        .unwrap();
    model.pool_of(&tokens, &traces[0]).unwrap()
}

#[test]
fn folders_give_the_embeddings_of_sentence_transformers() {
    let golden = golden();
    assert!(golden.variants.len() >= 15);
    for variant in &golden.variants {
        let model = with(&variant.files).unwrap().identifier_aware(false);
        let has_query = variant
            .files
            .get("config_sentence_transformers.json")
            .is_some_and(|json| json.contains("query"));
        let mut roles = vec![(Role::Plain, &variant.plain)];
        if has_query {
            roles.push((Role::Query, &variant.query));
        }
        for (role, expected) in roles {
            for (text, expected) in pairs(&golden.texts, expected) {
                let ours = embed(&model, role, text);
                for (a, b) in pairs(&ours, expected) {
                    assert!(
                        (a - b).abs() < 2e-5,
                        "{}, {text:?}: {ours:?} instead of {expected:?}",
                        variant.name
                    );
                }
            }
        }
    }
}

#[test]
fn explanations_hold_through_dense_layers_and_normalization() {
    for activation in ["Identity", "Tanh", "ReLU", "GELU"] {
        let golden = golden();
        let name = format!("activation {activation}");
        let variant = golden.variants.iter().find(|variant| variant.name == name).unwrap();
        let model = with(&variant.files).unwrap();
        assert_eq!((model.hidden(), model.info().hidden), (8, 16));
        let (a, b) = (
            ("parse the config file", Language::Prose),
            ("hello world", Language::Prose),
        );
        let report = analyze(&model, &[a], Method::Decomposition, UNSTOPPED)
            .unwrap()
            .remove(0);
        let sum = report.words.iter().map(|word| word.score).sum::<f32>() + report.bias_share + report.special_share;
        assert!(
            (sum - 1.0).abs() < 1e-4 && report.residual < 1e-4,
            "{activation}: {sum}"
        );
        assert_eq!(report.embedding.len(), 8);
        let expected = cosine(&embed(&model, Role::Plain, a.0), &embed(&model, Role::Plain, b.0));
        let pair = compare(&model, a, b, UNSTOPPED).unwrap();
        assert!(
            (pair.cosine - expected).abs() < 1e-5 && pair.residual < 1e-4,
            "{activation}: {pair:?}"
        );
        // Three implementations agree: the backward pass, the forward pass and the one for a single word.
        let read = Pair::read(&model, a, b, UNSTOPPED).unwrap();
        let (matrix, totals) = (
            read.matrix(None, UNSTOPPED).unwrap(),
            read.totals(None, UNSTOPPED).unwrap(),
        );
        for (forward, backward) in pairs(&matrix.a.scores, &totals.a.scores) {
            assert!((forward - backward).abs() < 1e-4, "{activation}: {forward} {backward}");
        }
        let row = read.row(Which::A, 1, UNSTOPPED).unwrap().unwrap();
        for (one, all) in pairs(&row.words, &matrix.row(1).unwrap()[..row.words.len()]) {
            assert!((one - all).abs() < 1e-4, "{activation}: {one} {all}");
        }
    }
}

#[test]
fn every_part_of_a_folder_that_changes_results_changes_its_identity() {
    let golden = golden();
    let whole = changed(|_| ()).unwrap().info().id.clone();
    for name in [
        "activation Identity",
        "pooling cls",
        "model_max_length",
        "do_lower_case",
        "default prompt",
        "no dense layer",
    ] {
        let variant = golden.variants.iter().find(|variant| variant.name == name).unwrap();
        assert_ne!(with(&variant.files).unwrap().info().id, whole, "{name}");
    }
    let other = changed(|folder| {
        let path = folder.join("2_Dense/model.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 4;
        bytes[last..].copy_from_slice(&0.5f32.to_le_bytes());
        std::fs::write(path, bytes).unwrap();
    });
    assert_ne!(other.unwrap().info().id, whole);
}

#[test]
fn unsupported_parts_of_a_folder_are_refused_by_name() {
    let modules = std::fs::read_to_string(fixture().join("modules.json")).unwrap();
    let dense = std::fs::read_to_string(fixture().join("2_Dense/config.json")).unwrap();
    for (file, text, says) in [
        (
            "modules.json",
            modules.replace("base.modules.dense.Dense", "models.LSTM"),
            "`sentence_transformers.models.LSTM` is not supported",
        ),
        (
            "modules.json",
            modules.replace("2_Dense", "../2_Dense"),
            "`../2_Dense` is not a folder of the model",
        ),
        ("modules.json", "{".to_owned(), "modules.json"),
        (
            "1_Pooling/config.json",
            r#"{"pooling_mode": ["max", "cls"]}"#.to_owned(),
            "pooling by max and cls is not supported",
        ),
        (
            "2_Dense/config.json",
            dense.replace("Tanh", "Softplus"),
            "Softplus` is not supported",
        ),
        ("2_Dense/config.json", dense.replace("12", "13"), "linear.weight"),
        (
            "2_Dense/config.json",
            dense.replace("16", "15"),
            "do not follow a vector of 16 numbers",
        ),
        (
            "2_Dense/config.json",
            dense.replace("}", r#", "use_residual": true}"#),
            "without a residual",
        ),
    ] {
        let error = with_one(file, &text).err().unwrap();
        assert!(error.contains(says), "{file}: {error}");
    }
    // modules.json names the pooling, so the mean would be a guess.
    let error = changed(|folder| std::fs::remove_file(folder.join("1_Pooling/config.json")).unwrap());
    assert!(error.err().unwrap().contains("1_Pooling/config.json"));
    let error = changed(|folder| {
        std::fs::rename(
            folder.join("2_Dense/model.safetensors"),
            folder.join("2_Dense/pytorch_model.bin"),
        )
        .unwrap();
    });
    let error = error.err().unwrap();
    assert!(
        error.contains("pytorch_model.bin") && error.contains("safe_serialization"),
        "{error}"
    );
}

#[test]
fn a_git_lfs_pointer_is_reported_as_one() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db\nsize 90868376\n";
    for file in ["model.safetensors", "tokenizer.json", "2_Dense/model.safetensors"] {
        let error = with_one(file, pointer).err().unwrap();
        assert!(
            error.contains(file) && error.contains("Git LFS pointer") && error.contains("git lfs pull"),
            "{error}"
        );
    }
}

/// Renames the tensors of a safetensors file.
fn renamed(path: &Path, rename: impl Fn(&str) -> String) {
    let bytes = std::fs::read(path).unwrap();
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(header).unwrap();
    let of = |(name, value): (String, serde_json::Value)| match &*name {
        "__metadata__" => (name, value),
        _ => (rename(&name), value),
    };
    let header: serde_json::Map<_, _> = header.into_iter().map(of).collect();
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn tensors_are_found_with_the_prefixes_of_wrappers() {
    let expected = embed(&changed(|_| ()).unwrap(), Role::Plain, "hello world");
    for prefix in [
        "0.auto_model.",
        "auto_model.",
        "module.",
        "bert.",
        "module.0.auto_model.bert.",
    ] {
        let model = changed(|folder| {
            renamed(&folder.join("model.safetensors"), |name| format!("{prefix}{name}"));
        });
        assert_eq!(embed(&model.unwrap(), Role::Plain, "hello world"), expected, "{prefix}");
    }
    // Two tensors with the same name are refused.
    let error = changed(|folder| {
        renamed(&folder.join("model.safetensors"), |name| {
            match name == "encoder.layer.0.attention.self.query.bias" {
                true => "module.embeddings.LayerNorm.bias".to_owned(),
                false => name.to_owned(),
            }
        });
    });
    let error = error.err().unwrap();
    assert!(error.contains("two tensors `embeddings.LayerNorm.bias`"), "{error}");
}

#[test]
fn an_encoder_in_a_subfolder_is_loaded_with_its_settings() {
    let expected = embed(&changed(|_| ()).unwrap(), Role::Plain, "Hello World");
    let model = changed(|folder| {
        let own = folder.join("0_Transformer");
        std::fs::create_dir(&own).unwrap();
        for file in [
            "config.json",
            "tokenizer.json",
            "model.safetensors",
            "tokenizer_config.json",
        ] {
            std::fs::rename(folder.join(file), own.join(file)).unwrap();
        }
        // Older versions use this name.
        std::fs::write(own.join("sentence_roberta_config.json"), r#"{"do_lower_case": true}"#).unwrap();
        let path = folder.join("modules.json");
        let modules = std::fs::read_to_string(&path).unwrap();
        let moved = modules.replacen("\"path\": \"\"", "\"path\": \"0_Transformer\"", 1);
        assert_ne!(modules, moved);
        std::fs::write(path, moved).unwrap();
    });
    let model = model.unwrap();
    let (lower, upper) = (
        embed(&model, Role::Plain, "hello world"),
        embed(&model, Role::Plain, "Hello World"),
    );
    assert_eq!(lower, upper);
    assert_ne!(upper, expected);
    assert_eq!(lower, embed(&changed(|_| ()).unwrap(), Role::Plain, "hello world"));
}
