//! `--method` of the commands that explain a number: every method explains every number, and says whether its scores sum to it.

use fovea::explain::Method;
use serde_json::Value;

use super::{fovea_cached as fovea, json, refusal, stdout};

const MODELS: [&str; 4] = [
    "tests/fixtures/tiny-classifier",
    "tests/fixtures/tiny-llama",
    "tests/fixtures/tiny-answers",
    "tests/fixtures/tiny-xlm-roberta",
];

/// The explanations that a command writes with a method.
fn explained(arguments: &[&str], method: &str, at: &[&str]) -> Vec<Value> {
    let all = [arguments, &["--format", "json", "--method", method]].concat();
    let found = json(&fovea(&all, b""));
    at.iter().map(|place| found.pointer(place).unwrap().clone()).collect()
}

fn sum(why: &Value) -> f64 {
    let words = why["words"].as_array().unwrap();
    let number = |key: &str| why[key].as_f64().unwrap_or(0.0);
    words.iter().map(|word| word["score"].as_f64().unwrap()).sum::<f64>() + number("special") + number("bias")
}

#[test]
fn every_method_explains_a_class_a_token_an_answer_and_a_cosine() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (text, passage) = (
        file("text.txt", "hello world"),
        file("passage.txt", "the key is under the mat"),
    );
    let labels = file("labels.txt", "calm: hello world\nlost: the weather is lovely\n");
    let [classifier, decoder, answers, encoder] = MODELS;
    let class: &[&str] = &["classify", "--text", "hello world", "--model", classifier];
    let label: &[&str] = &[
        "classify",
        "--text",
        "hello world",
        "--labels",
        &labels,
        "--model",
        encoder,
    ];
    let token: &[&str] = &["predict", &text, "--why", "--model", decoder];
    let answer: &[&str] = &["ask", "hello world", &passage, "--model", answers];
    let pair: &[&str] = &[
        "compare",
        "--text",
        "hello world",
        "--text",
        "What is Deep Learning?",
        "--model",
        encoder,
    ];
    for (arguments, places) in [
        (class, &["/0/why"][..]),
        (label, &["/0/why"]),
        (token, &["/why"]),
        (answer, &["/0"]),
        (pair, &["/a", "/b"]),
    ] {
        for method in Method::OF_NUMBERS.map(Method::name) {
            if method == "decomposition" && arguments[0] == "compare" {
                continue;
            }
            for why in explained(arguments, method, places) {
                assert_eq!(why["method"], method, "{why}");
                assert!(
                    why["words"].as_array().unwrap().iter().any(|word| word["score"] != 0.0),
                    "{why}"
                );
                let (value, residual) = (why["value"].as_f64().unwrap(), why["residual"].as_f64());
                match method {
                    "decomposition" | "shap" => assert!(residual.unwrap() < 1e-4, "{why}"),
                    "integrated-gradients" => assert!(residual.is_some()),
                    _ => assert_eq!(residual, None, "{why}"),
                }
                if let Some(residual) = residual
                    && arguments[0] != "ask"
                {
                    assert!(((value - sum(&why)).abs() - residual).abs() < 1e-4, "{why}");
                }
            }
        }
        let refused = fovea(&[arguments, &["--method", "rollout"]].concat(), b"");
        let line = refusal(&refused, 2);
        assert!(line.contains("no meaning for a number"), "{line}");
    }
}

#[test]
fn a_cosine_by_another_method_is_told_for_both_passages() {
    let of = |method: &str| {
        let all = [
            "compare",
            "--text",
            "load the config",
            "--text",
            "read settings",
            "--method",
            method,
        ];
        stdout(&fovea(&all, b""))
    };
    if !fovea::model::embedded_available() {
        return;
    }
    let page = of("shap");
    assert!(page.starts_with("cosine 0.") && page.contains("by shap"), "{page}");
    assert!(
        page.contains("words of the first passage") && page.contains("words of the second passage"),
        "{page}"
    );
    assert_eq!(page.matches("a text without words").count(), 2, "{page}");
    assert!(of("leave-one-out").contains("do not sum to the cosine"));
}
