//! `fovea.predict` in the real program.
//!
//! A tiny decoder and a tiny masked model have random weights. The embedded model cannot predict.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::Program;

const URI: &str = "file:///project/greeting.txt";
const TEXT: &str = "hello world, said the world of hello\nand the world\n";

fn started(model: Option<&str>) -> Program {
    let model = model.map_or_else(String::new, |name| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        folder.display().to_string()
    });
    let mut program = Program::start();
    let options = json!({"debounceMs": 0, "index.enable": false, "model.dir": model});
    program.greet(json!({"experimental": {"fovea": {"status": true}}}), options);
    program.told("fovea/status", |status| !status["model"].is_null());
    let document = json!({"uri": URI, "languageId": "plaintext", "version": 1, "text": TEXT});
    program.notify("textDocument/didOpen", json!({"textDocument": document}));
    program
}

fn predict(program: &mut Program, more: &Value) -> Value {
    let mut argument = json!({"uri": URI, "position": {"line": 1, "character": 8}});
    for (key, value) in more.as_object().unwrap() {
        argument[key] = value.clone();
    }
    let command = json!({"command": "fovea.predict", "arguments": [argument]});
    program.request("workspace/executeCommand", command)
}

/// The sum of all contributions.
fn sum(why: &Value) -> f64 {
    let words = why["words"].as_array().unwrap().iter();
    let words: f64 = words.map(|word| word["score"].as_f64().unwrap()).sum();
    words + why["special"].as_f64().unwrap() + why["bias"].as_f64().unwrap()
}

#[test]
fn a_decoder_says_what_comes_next_and_why_as_the_command_line_does() {
    let mut program = started(Some("tiny-llama"));
    let answer = predict(&mut program, &json!({"top": 3}))["result"].take();
    let next = answer["next"].as_array().unwrap();
    assert_eq!((next.len(), &answer["masked"]), (3, &json!(false)), "{answer}");
    assert!(next[0]["probability"].as_f64() >= next[1]["probability"].as_f64());
    assert!(answer["why"].is_null());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("greeting.txt");
    std::fs::write(&file, TEXT).unwrap();
    let place = format!("{}:2:9", file.display());
    let arguments = [
        "predict",
        &place,
        "--why",
        "--format",
        "json",
        "--model",
        "tests/fixtures/tiny-llama",
    ];
    let told = std::process::Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(next[0]["token"], told["next"][0]["token"]);

    let first = next[0]["id"].clone();
    let why = predict(&mut program, &json!({"why": first}))["result"]["why"].take();
    assert_eq!((&why["token"], &why["target"]), (&next[0]["token"], &json!("logit")));
    let value = why["value"].as_f64().unwrap();
    assert!(
        (value - told["why"]["value"].as_f64().unwrap()).abs() < 1e-3,
        "{why} {told}"
    );
    assert!((sum(&why) - value).abs() < 0.01, "{why}");
    // Only words before the position contribute.
    let words: Vec<&str> = why["words"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|word| word["text"].as_str())
        .collect();
    assert_eq!(
        words,
        [
            "hello", "world", ",", "said", "the", "world", "of", "hello", "and", "the"
        ]
    );

    let other = next[1]["id"].clone();
    let why = predict(&mut program, &json!({"why": first, "ratherThan": other}))["result"]["why"].take();
    assert_eq!(
        (&why["ratherThan"], &why["target"]),
        (&next[1]["token"], &json!("difference"))
    );
    assert!((sum(&why) - why["value"].as_f64().unwrap()).abs() < 0.01, "{why}");

    let refused = |program: &mut Program, more: Value| {
        let answer = predict(program, &more);
        answer["error"]["message"].as_str().unwrap_or_default().to_owned()
    };
    let message = refused(&mut program, json!({"why": first, "ratherThan": first}));
    assert!(message.contains("the same token; name another one"), "{message}");
    let message = refused(&mut program, json!({"why": 1_000_000}));
    assert!(
        message.contains("there is no token 1000000; the vocabulary has"),
        "{message}"
    );
    program.finish();
}

#[test]
fn a_masked_model_reads_the_text_on_both_sides() {
    let mut program = started(Some("tiny-masked"));
    let answer = predict(&mut program, &json!({"top": 2}))["result"].take();
    assert_eq!(
        (&answer["masked"], answer["next"].as_array().unwrap().len()),
        (&json!(true), 2)
    );
    let first = answer["next"][0]["id"].clone();
    let why = predict(&mut program, &json!({"why": first}))["result"]["why"].take();
    let words = why["words"].as_array().unwrap();
    assert_eq!(words.last().unwrap()["text"], "world", "the word after the position");
    program.finish();
}

#[test]
fn the_built_in_model_says_what_it_cannot_do_and_what_to_set() {
    if !fovea::model::embedded_available() {
        return;
    }
    let mut program = started(None);
    let answer = predict(&mut program, &json!({}));
    let message = answer["error"]["message"].as_str().unwrap();
    let expected = "cannot predict the next token, and fills no masks; set fovea.model.generator to a model that does";
    assert!(message.contains(expected), "{message}");
    assert!(!message.contains('\n'));
    program.finish();
}
