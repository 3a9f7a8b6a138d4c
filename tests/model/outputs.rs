//! Methods for numbers (classes, answers, next tokens, cosines) against PyTorch, Captum and scikit-learn (tests/reference/outputs.py).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fovea::explain::{
    Directed, Goal, Heads, Method, Owner, Projection, Subject, TokenScores, WordMap, gradient, integrated_gradients,
    leave_one_out, lime, number, salience, shap, smoothgrad,
};
use fovea::model::tape::Target;
use fovea::model::{Model, ModelError, Packed, Source, Tokens, Trace, TraceLevel, UNSTOPPED, largest};
use fovea::text::Language;

use super::pairs;

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    types: Vec<u32>,
    special: Vec<bool>,
    value: f64,
    gradient: Vec<f32>,
    integrated: Vec<f32>,
    start: f32,
    smooth: Vec<f32>,
    deleted: Vec<f32>,
    lime: Vec<f32>,
    owen: Vec<f32>,
    nothing: f32,
}

const OTHER: &str = "A cookie keeps the session of a signed-in user.";

fn golden() -> HashMap<String, Vec<Golden>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/outputs.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn fixture(name: &str) -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    Model::interpreted(&Source::Folder(folder)).unwrap()
}

/// A text with one word for each token that is not special, and a pass over it.
struct Read {
    tokens: Tokens,
    words: WordMap,
    trace: Trace,
}

impl Read {
    fn new(model: &Model, golden: &Golden) -> Read {
        let count = golden.ids.len();
        let tokens = Tokens {
            ids: golden.ids.clone(),
            spans: (0..count).map(|token| token..token + 1).collect(),
            special: golden.special.clone(),
            ..model.tokenize("", Language::Prose).unwrap()
        };
        let own: Vec<usize> = (0..count).filter(|token| !golden.special[*token]).collect();
        let owner = |token: usize| own.iter().position(|place| *place == token);
        let words = WordMap {
            words: own.iter().map(|token| *token..token + 1).collect(),
            owners: (0..count)
                .map(|token| owner(token).map_or(Owner::Special, Owner::Word))
                .collect(),
        };
        let mut packed = Packed::new([golden.ids.as_slice()]);
        packed.types = golden.types.clone();
        let mut traces = model
            .encoder()
            .forward(&packed, TraceLevel::Everything, UNSTOPPED)
            .unwrap();
        Read {
            tokens,
            words,
            trace: traces.remove(0),
        }
    }
}

/// Compares every method for a number of a text.
fn meets(model: &Model, name: &str, goal: Goal, golden: &Golden) {
    let read = Read::new(model, golden);
    // One character for each token, so that the tree of the text is balanced.
    let text = "x".repeat(golden.ids.len());
    let subject = Subject {
        text: &text,
        tokens: &read.tokens,
        trace: &read.trace,
        embedding: &[],
        words: &read.words,
        goal,
        types: &golden.types,
    };
    let near = |method: &str, found: &[f32], expected: &[f32]| {
        let off = largest(pairs(found, expected).map(|(a, b)| (a - b).abs()));
        let size = largest(expected.iter().map(|v| v.abs())).max(1.0);
        assert!(
            off < 1e-4 * size,
            "{name}: {method} of {:?} is off by {off} of {size}: {found:?} {expected:?}",
            golden.text
        );
    };
    let value = goal.value(model, &read.trace).unwrap();
    near("value", &[value as f32], &[golden.value as f32]);
    let found = gradient::scores(model, &subject).unwrap();
    near("gradient", &found.tokens, &golden.gradient);
    let integrated = integrated_gradients::scores(model, &subject, UNSTOPPED).unwrap();
    near("integrated", &integrated.tokens, &golden.integrated);
    near("start", &[integrated.bias], &[golden.start]);
    let smooth = smoothgrad::scores(model, &subject, UNSTOPPED).unwrap();
    near("smoothgrad", &smooth.tokens, &golden.smooth);
    let of_words = |scores: &TokenScores| -> Vec<f32> {
        let own = (0..golden.ids.len()).filter(|token| !golden.special[*token]);
        own.map(|token| scores.tokens[token]).collect()
    };
    let left_out = leave_one_out::scores(model, &subject, UNSTOPPED).unwrap();
    near("leave-one-out", &of_words(&left_out), &golden.deleted);
    let found = lime::scores(model, &subject, UNSTOPPED).unwrap();
    near("lime", &of_words(&found), &golden.lime);
    let values = shap::scores(model, &subject, UNSTOPPED).unwrap();
    if !golden.owen.is_empty() {
        near("shap", &of_words(&values), &golden.owen);
        near("nothing", &[values.bias], &[golden.nothing]);
    }
    for method in Method::OF_NUMBERS {
        let parts = number(model, &subject, method, UNSTOPPED).unwrap();
        let sum: f64 = parts.scores.iter().map(|score| f64::from(*score)).sum();
        match method {
            Method::Decomposition | Method::Shap => {
                assert!(
                    parts.residual.unwrap() < 1e-4 * (1.0 + value.abs()),
                    "{name}: {method:?}"
                );
            }
            // The completeness error: what 20 steps miss.
            Method::IntegratedGradients => {
                let sum = sum + parts.special + parts.bias;
                assert!((parts.residual.unwrap() - (value - sum).abs()).abs() < 1e-9);
            }
            _ => assert_eq!((parts.residual, parts.bias), (None, 0.0), "{name}: {method:?}"),
        }
        // Parts of a number do not sum to 1, so that they cannot miss it.
        let scores = salience(model, &subject, method, Heads::default(), UNSTOPPED).unwrap();
        assert_eq!(scores.residual, 0.0, "{name}: {method:?}");
    }
}

#[test]
fn methods_for_classes_answers_and_next_tokens_are_those_of_pytorch_captum_and_scikit_learn() {
    let golden = golden();
    type Wanted = fn(&Golden) -> Target;
    let cases: [(&str, &str, Wanted); 7] = [
        ("classifier", "tiny-classifier", |_| Target::Logit { row: 0, output: 1 }),
        ("classifier-difference", "tiny-classifier", |_| Target::Difference {
            row: 0,
            output: 2,
            other: 0,
        }),
        ("tagger", "tiny-tagger", |_| Target::Logit { row: 2, output: 1 }),
        ("masked", "tiny-masked", |golden| Target::Logit {
            row: 1 + golden.special[1..].iter().position(|special| *special).unwrap(),
            output: 7,
        }),
        ("answers", "tiny-answers", |golden| Target::Span {
            start: golden.ids.len() - 3,
            end: golden.ids.len() - 2,
        }),
        ("decoder-difference", "tiny-llama", |golden| Target::Difference {
            row: golden.ids.len() - 1,
            output: 5,
            other: 9,
        }),
        ("decoder-log-probability", "tiny-llama", |golden| {
            Target::LogProbability {
                row: golden.ids.len() - 1,
                output: 5,
            }
        }),
    ];
    for (name, folder, wanted) in cases {
        let model = fixture(folder);
        assert!(!golden[name].is_empty());
        for golden in &golden[name] {
            meets(&model, name, Goal::Output(wanted(golden)), golden);
        }
    }
}

/// The cosine of each text with another one.
fn cosines(model: &Model, name: &str) {
    let direction = Directed::read(model, (OTHER, Language::Prose), UNSTOPPED)
        .unwrap()
        .embedding();
    for golden in &golden()[name] {
        let projection = Projection {
            direction: &direction,
            rest: &[],
            pooling: model.pooling(),
            added: 0,
        };
        meets(model, name, Goal::Along(projection), golden);
    }
}

#[test]
fn methods_for_a_cosine_are_those_of_pytorch_captum_and_scikit_learn() {
    cosines(&fixture("tiny-xlm-roberta"), "cosine-cls");
    cosines(&fixture("tiny-llama"), "cosine-mean");
}

#[test]
#[ignore = "needs FOVEA_F32_MODEL"]
fn methods_for_a_cosine_of_the_original_are_those_of_pytorch_captum_and_scikit_learn() {
    let folder = std::env::var_os(super::F32_MODEL).unwrap();
    cosines(
        &Model::interpreted(&Source::Folder(PathBuf::from(folder))).unwrap(),
        "cosine",
    );
}

#[test]
fn the_units_of_a_long_passage_are_explained_by_every_method_as_parts_of_one_cosine() {
    let model = fixture("tiny-xlm-roberta");
    let line = "def parse_http_config(self, *, timeout=3.0): return None\n";
    let text = line.repeat(2 * model.window() / 10);
    let read = Directed::read(&model, (&text, Language::Python), UNSTOPPED).unwrap();
    let direction = Directed::read(&model, (OTHER, Language::Prose), UNSTOPPED)
        .unwrap()
        .embedding();
    let shares = read.along(&direction, Method::Decomposition, UNSTOPPED).unwrap();
    assert!(shares.residual.unwrap() < 1e-4, "{:?}", shares.residual);
    for method in [Method::Gradient, Method::LeaveOneOut] {
        let parts = read.along(&direction, method, UNSTOPPED).unwrap();
        assert_eq!(parts.ranges, shares.ranges, "{method:?}");
        assert!((parts.value - shares.value).abs() < 1e-5, "{method:?}");
        assert!(parts.scores.iter().all(|score| score.is_finite()));
        assert!(parts.scores.iter().any(|score| *score != 0.0), "{method:?}");
        assert_eq!(parts.residual, None);
    }
    let refused = read.along(&direction, Method::Alti, UNSTOPPED).unwrap_err();
    assert!(matches!(refused, ModelError::Meaningless(_)), "{refused}");
}

#[test]
fn a_word_of_a_long_passage_changes_the_cosine_as_a_fresh_reading_without_it() {
    let model = super::embedded();
    let text = "The river rose overnight and carried the old bridge away. ".repeat(60);
    let read = Directed::read(&model, (&text, Language::Prose), UNSTOPPED).unwrap();
    let direction = Directed::read(&model, (OTHER, Language::Prose), UNSTOPPED)
        .unwrap()
        .embedding();
    let parts = read.along(&direction, Method::LeaveOneOut, UNSTOPPED).unwrap();
    let cosine = |read: &Directed| {
        let embedding = read.embedding();
        pairs(&embedding, &direction)
            .map(|(a, b)| f64::from(a * b))
            .sum::<f64>()
    };
    assert!((cosine(&read) - parts.value).abs() < 1e-6);
    // The last word but one: what stands before it is divided into the same units.
    let word = parts.ranges.len() - 2;
    let range = parts.ranges[word].clone();
    let rest = format!("{} {}", text[..range.start].trim_end(), text[range.end..].trim_start());
    let fresh = cosine(&Directed::read(&model, (&rest, Language::Prose), UNSTOPPED).unwrap());
    let fall = parts.value - fresh;
    assert!(
        (fall - f64::from(parts.scores[word])).abs() < 1e-5,
        "{fall} {}",
        parts.scores[word]
    );
}
