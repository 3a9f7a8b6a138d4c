//! A BERT folder with a SentencePiece vocabulary, as the multilingual MiniLM and E5 models are: tests/fixtures/tiny-multilingual,
//! made with random weights by tests/reference/tiny.py, which also wrote what PyTorch makes of it.

use std::path::Path;

use fovea::analysis::analyse;
use fovea::explain::Method;
use fovea::model::{Keep, Model, Packed, Source, UNSTOPPED};
use fovea::text::Language;

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
                .forward(&batch, Keep::Layers, UNSTOPPED)
                .unwrap()
                .remove(0);
            let hidden: Vec<Vec<f32>> = trace.hidden.to_vec2().unwrap();
            for (ours, expected) in hidden.iter().flatten().zip(golden.hidden.iter().flatten()) {
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
    let report = analyse(&model, &[(text, Language::Prose)], Method::Decomposition, UNSTOPPED)
        .unwrap()
        .remove(0);
    let words: Vec<&str> = report.words.iter().map(|word| &text[word.range.clone()]).collect();
    assert_eq!(
        words,
        ["我", "爱", "编程"],
        "the vocabulary's pieces, on character borders"
    );
    assert!(report.residual < 1e-4, "{}", report.residual);
}
