//! A BERT folder with a SentencePiece vocabulary, as the multilingual MiniLM and E5 models have it.
//!
//! tests/reference/tiny.py made tests/fixtures/tiny-multilingual with random weights, and the golden numbers with PyTorch.

use std::path::Path;

use fovea::analysis::analyze;
use fovea::explain::{Method, compare};
use fovea::model::{Model, Packed, Role, Source, TraceLevel, UNSTOPPED};
use fovea::similar::index::Index;
use fovea::text::Language;

use super::pairs;

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    hidden: Vec<Vec<f32>>,
}

fn tiny(name: &str) -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    Model::load(&Source::Folder(folder)).unwrap()
}

fn golden(name: &str) -> Vec<Golden> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
        .join("golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn sentencepiece_folders_give_the_ids_and_hidden_states_of_pytorch() {
    for name in ["tiny-multilingual", "tiny-xlm-roberta"] {
        let model = tiny(name);
        for golden in golden(name) {
            let tokens = model.tokenize(&golden.text, Language::Prose).unwrap();
            assert_eq!(tokens.ids, golden.ids, "{name}: {}", golden.text);
            let batch = Packed::new([tokens.ids.as_slice()]);
            let trace = model
                .encoder()
                .forward(&batch, TraceLevel::Layers, UNSTOPPED)
                .unwrap()
                .remove(0);
            let hidden: Vec<Vec<f32>> = trace.hidden.to_vec2().unwrap();
            for (ours, expected) in pairs(hidden.concat(), golden.hidden.concat()) {
                assert!((ours - expected).abs() < 1e-4, "{name}: {ours} instead of {expected}");
            }
        }
    }
}

#[test]
fn chinese_is_read_by_a_vocabulary_that_knows_it() {
    let model = tiny("tiny-multilingual");
    let text = "我爱编程";
    assert_eq!(model.tokenize(text, Language::Prose).unwrap().coverage, 1.0);
    let report = analyze(&model, &[(text, Language::Prose)], Method::Decomposition, UNSTOPPED)
        .unwrap()
        .remove(0);
    let words: Vec<&str> = report.words.iter().map(|word| &text[word.range.clone()]).collect();
    assert_eq!(
        words,
        ["我", "爱", "编程"],
        "words are pieces of the vocabulary that end at characters"
    );
    assert!(report.residual < 1e-4, "{}", report.residual);
}

/// A copy of a fixture with further files.
fn folder_with(name: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(fixture.join(file), folder.path().join(file)).unwrap();
    }
    for (file, text) in files {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &tempfile::TempDir) -> Result<Model, String> {
    Model::load(&Source::Folder(folder.path().to_owned())).map_err(|error| error.to_string())
}

const PROMPTS: (&str, &str) = (
    "config_sentence_transformers.json",
    r#"{"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": null}"#,
);

#[test]
fn a_prompt_is_read_as_part_of_the_text_and_stands_for_no_word_of_it() {
    let model = load(&folder_with("tiny-multilingual", &[PROMPTS])).unwrap();
    let text = "hello world";
    let plain = model.tokenize(text, Language::Prose).unwrap();
    assert!(plain.prompt.is_empty());
    assert_eq!(plain, model.tokenize_as(Role::Plain, text, Language::Prose).unwrap());
    for (role, joined) in [
        (Role::Query, "query: hello world"),
        (Role::Passage, "passage: hello world"),
    ] {
        let tokens = model.tokenize_as(role, text, Language::Prose).unwrap();
        assert_eq!(tokens.ids, model.tokenize(joined, Language::Prose).unwrap().ids);
        assert_eq!((tokens.of_text(), tokens.prompt.start), (plain.of_text(), 1));
        assert!(tokens.special[tokens.prompt.clone()].iter().all(|special| *special));
        assert_eq!(tokens.spans[tokens.prompt.end..], plain.spans[1..]);
        assert_eq!(tokens.coverage, plain.coverage);
    }
}

#[test]
fn documents_are_explained_without_a_prompt_and_compared_with_it() {
    let folder = folder_with("tiny-multilingual", &[PROMPTS]);
    let (prompted, plain) = (load(&folder).unwrap(), tiny("tiny-multilingual"));
    assert!(prompted.window() < plain.window());
    let text = "hello world hello rust";
    let report = |model: &Model| {
        let mut reports = analyze(model, &[(text, Language::Prose)], Method::Decomposition, UNSTOPPED).unwrap();
        reports.remove(0)
    };
    let (with, without) = (report(&prompted), report(&plain));
    assert_eq!((&with.words, with.tokens), (&without.words, without.tokens));
    assert_ne!(with.embedding, without.embedding);
    // A comparison reads a passage with the same prompt as the index.
    let pair = compare(&prompted, (text, Language::Prose), (text, Language::Prose), UNSTOPPED).unwrap();
    assert!((pair.cosine - 1.0).abs() < 1e-4 && pair.residual < 1e-4, "{pair:?}");
    let words: Vec<&str> = pair.a.words.iter().map(|word| &text[word.clone()]).collect();
    assert_eq!(words, ["hello", "world", "hello", "rust"]);
}

#[test]
fn a_pooling_without_the_prompt_begins_after_it() {
    let pooling = |include: bool| {
        format!(r#"{{"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true, "include_prompt": {include}}}"#)
    };
    for include in [true, false] {
        let pooling = pooling(include);
        let folder = folder_with("tiny-multilingual", &[PROMPTS, ("1_Pooling/config.json", &pooling)]);
        let model = load(&folder).unwrap();
        let tokens = model.tokenize_as(Role::Query, "hello world", Language::Prose).unwrap();
        let batch = Packed::new([tokens.ids.as_slice()]);
        let trace = model
            .encoder()
            .forward(&batch, TraceLevel::LastHidden, UNSTOPPED)
            .unwrap()
            .remove(0);
        let rows: Vec<Vec<f32>> = trace.hidden.to_vec2().unwrap();
        let counted = if include { &rows[..] } else { &rows[tokens.prompt.end..] };
        let pooled = model.pool_of(&tokens, &trace).unwrap();
        for (i, ours) in pooled.iter().enumerate() {
            let mean = counted.iter().map(|row| row[i]).sum::<f32>() / counted.len() as f32;
            assert!((ours - mean).abs() < 1e-5, "{ours} instead of {mean}");
        }
        let shares = model.pooling_of(&tokens).freeze(&trace.hidden).unwrap().shares();
        let counts = shares.iter().filter(|share| **share > 0.0).count();
        assert_eq!(counts, counted.len());
    }
}

#[test]
fn prompts_change_the_identity_of_a_model_and_invalid_ones_are_refused() {
    let plain = load(&folder_with("tiny-multilingual", &[])).unwrap();
    let empty = (PROMPTS.0, r#"{"prompts": {}, "default_prompt_name": null}"#);
    let none = load(&folder_with("tiny-multilingual", &[empty])).unwrap();
    let prompted = load(&folder_with("tiny-multilingual", &[PROMPTS])).unwrap();
    assert_eq!(plain.info().id, none.info().id);
    assert_ne!(plain.info().id, prompted.info().id);
    let long = format!(r#"{{"prompts": {{"query": "{}"}}}}"#, "hello ".repeat(300));
    for (json, says) in [("{", "config_sentence_transformers.json"), (&*long, "shorten it")] {
        let error = load(&folder_with("tiny-multilingual", &[(PROMPTS.0, json)]))
            .err()
            .unwrap();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn the_calibration_of_another_model_is_computed_once_and_kept() {
    let model = load(&folder_with("tiny-multilingual", &[PROMPTS])).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let first = Index::open(cache.path()).unwrap().calibration(&model).unwrap();
    let again = Index::open(cache.path()).unwrap().calibration(&model).unwrap();
    assert_eq!(first, again);
    assert_eq!(first.likeness().of(1.0), 1.0);
    let embedded = Model::load(&Source::EMBEDDED).unwrap();
    let none = Index::open(cache.path()).unwrap().calibration(&embedded).unwrap();
    assert_eq!(*none, fovea::similar::Calibration::default());
}
