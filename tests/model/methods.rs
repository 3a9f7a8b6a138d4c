//! The methods that take gradients or many passes, against what PyTorch and Captum computed (tests/reference/methods.py).

use std::path::{Path, PathBuf};

use fovea::explain::{
    Method, Subject, TokenScores, WordMap, deletion::Deletions, gradient, integrated_gradients, leave_one_out,
    value_zeroing,
};
use fovea::model::{Model, Packed, Source, Trace, TraceLevel, UNSTOPPED, largest};
use fovea::text::Language;

use super::{embedded, pairs};

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    gradient: Vec<f32>,
    integrated: Vec<f32>,
    gain: f32,
    deleted: Vec<f32>,
    zeroed: Vec<f32>,
}

fn golden(model: &str) -> Vec<Golden> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/methods.json");
    let all = std::fs::read_to_string(path).unwrap();
    let mut all: std::collections::HashMap<String, Vec<Golden>> = serde_json::from_str(&all).unwrap();
    all.remove(model).unwrap()
}

fn traced(model: &Model, ids: &[u32]) -> Trace {
    let batch = Packed::new([ids]);
    let traces = model.encoder().forward(&batch, TraceLevel::Everything, UNSTOPPED);
    traces.unwrap().remove(0)
}

/// Every method on every text of a model.
fn meets(model: &Model, name: &str) {
    for golden in golden(name) {
        let tokens = model.tokenize(&golden.text, Language::Prose).unwrap();
        assert_eq!(tokens.ids, golden.ids, "{name}: {}", golden.text);
        let trace = traced(model, &tokens.ids);
        let embedding = model.pool(&trace).unwrap();
        let words = WordMap::new(&golden.text, &tokens);
        let subject = Subject {
            tokens: &tokens,
            trace: &trace,
            embedding: &embedding,
            words: &words,
        };
        let near = |method: &str, found: &[f32], expected: &[f32]| {
            let off = largest(pairs(found, expected).map(|(a, b)| (a - b).abs()));
            let size = largest(expected.iter().map(|v| v.abs())).max(1.0);
            assert!(
                off < 1e-4 * size,
                "{name}: {method} of {:?} is off by {off} of {size}",
                golden.text
            );
        };
        near(
            "gradient",
            &gradient::scores(model, &subject).unwrap().tokens,
            &golden.gradient,
        );
        let integrated = integrated_gradients::scores(model, &subject, UNSTOPPED).unwrap();
        // As parts of the embedding: a text whose target hardly moves from the blank one has huge parts of next to nothing.
        let moved = |scores: &[f32]| scores.iter().map(|score| score * golden.gain).collect::<Vec<_>>();
        near("integrated", &moved(&integrated.tokens), &moved(&golden.integrated));
        let each: Vec<Vec<usize>> = (0..tokens.len()).map(|token| vec![token]).collect();
        let deletions = Deletions::new(model, &tokens.ids, &each, &embedding);
        let alone: Vec<Vec<bool>> = (0..tokens.len())
            .map(|token| (0..tokens.len()).map(|other| other == token).collect())
            .collect();
        near(
            "deletion",
            &deletions.changes(&alone, UNSTOPPED).unwrap(),
            &golden.deleted,
        );
        let zeroed = value_zeroing::scores(&trace, model.pooling(), UNSTOPPED).unwrap();
        near("value zeroing", &zeroed.tokens, &golden.zeroed);
    }
}

fn fixture(name: &str) -> Source {
    Source::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name))
}

#[test]
fn references_of_tiny_models_are_those_of_pytorch_and_captum() {
    for name in ["tiny-xlm-roberta", "tiny-llama"] {
        meets(&Model::interpreted(&fixture(name)).unwrap(), name);
    }
}

#[test]
#[ignore = "needs FOVEA_F32_MODEL"]
fn references_of_the_original_are_those_of_pytorch_and_captum() {
    let folder = std::env::var_os(super::F32_MODEL).unwrap();
    let model = Model::interpreted(&Source::Folder(PathBuf::from(folder))).unwrap();
    meets(&model, "all-MiniLM-L6-v2");
}

/// The scores of a sentence by a method, of a model that the interpreter runs.
fn explained(model: &Model, text: &str, method: Method) -> TokenScores {
    let tokens = model.tokenize(text, Language::Prose).unwrap();
    let trace = traced(model, &tokens.ids);
    let embedding = model.pool(&trace).unwrap();
    let words = WordMap::new(text, &tokens);
    let subject = Subject {
        tokens: &tokens,
        trace: &trace,
        embedding: &embedding,
        words: &words,
    };
    match method {
        Method::IntegratedGradients => integrated_gradients::scores(model, &subject, UNSTOPPED).unwrap(),
        Method::LeaveOneOut => leave_one_out::scores(model, &subject, UNSTOPPED).unwrap(),
        _ => gradient::scores(model, &subject).unwrap(),
    }
}

const SENTENCE: &str = "The river rose overnight and carried the old bridge away.";

#[test]
fn integrated_gradients_are_complete_the_more_steps_they_take() {
    let model = Model::interpreted(&fixture("tiny-llama")).unwrap();
    let tokens = model.tokenize("hello world", Language::Prose).unwrap();
    let trace = traced(&model, &tokens.ids);
    let embedding = model.pool(&trace).unwrap();
    let words = WordMap::new("hello world", &tokens);
    let subject = Subject {
        tokens: &tokens,
        trace: &trace,
        embedding: &embedding,
        words: &words,
    };
    let missed = |steps: usize| {
        let scores = integrated_gradients::integrate(&model, &subject, steps, UNSTOPPED).unwrap();
        (1.0 - scores.tokens.iter().sum::<f32>()).abs()
    };
    let (few, many) = (missed(4), missed(400));
    assert!(many < 5e-3 && many < few, "{few} {many}");
}

#[test]
fn a_word_alone_is_scored_by_leaving_it_out_whatever_pieces_it_has() {
    let model = embedded();
    let scores = explained(&model, SENTENCE, Method::LeaveOneOut);
    let tokens = model.tokenize(SENTENCE, Language::Prose).unwrap();
    let special = pairs(&scores.tokens, &tokens.special).filter(|(_, special)| **special);
    assert!(special.into_iter().all(|(score, _)| *score == 0.0));
    let bridge = tokens
        .spans
        .iter()
        .position(|span| &SENTENCE[span.clone()] == "bridge")
        .unwrap();
    let the = tokens
        .spans
        .iter()
        .position(|span| &SENTENCE[span.clone()] == "The")
        .unwrap();
    assert!(scores.tokens[bridge] > 3.0 * scores.tokens[the], "{:?}", scores.tokens);
}

#[test]
fn methods_with_further_passes_stop_when_they_are_told_to() {
    use fovea::analysis::analyze;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let model = Model::interpreted(&fixture("tiny-llama")).unwrap();
    for method in [Method::IntegratedGradients, Method::LeaveOneOut, Method::ValueZeroing] {
        let asked = AtomicUsize::new(0);
        analyze(&model, &[("hello world", Language::Prose)], method, &|| {
            asked.fetch_add(1, Ordering::Relaxed);
            false
        })
        .unwrap();
        let all = asked.load(Ordering::Relaxed);
        assert!(
            all > 6,
            "{method:?} asks {all} times, little more than its first pass does"
        );
        let left = AtomicUsize::new(all - 1);
        let error = analyze(&model, &[("hello world", Language::Prose)], method, &|| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_err()
        })
        .unwrap_err();
        assert!(error.to_string().contains("stopped"), "{method:?}: {error}");
    }
}

#[test]
fn a_scrambled_model_reads_the_same_tokens_and_says_something_else() {
    let source = Source::EMBEDDED;
    let (model, scrambled) = (Model::load(&source).unwrap(), Model::scrambled(&source, 1).unwrap());
    assert_ne!(model.info().id, scrambled.info().id);
    let tokens = model.tokenize(SENTENCE, Language::Prose).unwrap();
    assert_eq!(tokens, scrambled.tokenize(SENTENCE, Language::Prose).unwrap());
    let embed = |model: &Model| model.pool(&traced(model, &tokens.ids)).unwrap();
    assert!(super::cosine(&embed(&model), &embed(&scrambled)).abs() < 0.5);
    assert_eq!(embed(&scrambled), embed(&Model::scrambled(&source, 1).unwrap()));
}
