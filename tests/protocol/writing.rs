//! Answers that a model writes, with the real program: the built-in model finds passages, a tiny decoder with random weights writes.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::Program;

const URI: &str = "file:///project/docs/keys.md";

const TEXT: &str = "\
# Keys

The shop opens in the morning and has red doors.

# Requests

Send the secret key in the header of the request. It expires after one day.
";

const QUESTION: &str = "In which header do I send the secret key?";

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    folder.display().to_string()
}

fn started(capabilities: Value, generator: &str) -> Program {
    let mut program = Program::start();
    let options = json!({"debounceMs": 0, "index.enable": false, "model.generator": generator});
    program.greet(capabilities, options);
    let document = json!({"uri": URI, "languageId": "markdown", "version": 1, "text": TEXT});
    program.notify("textDocument/didOpen", json!({"textDocument": document}));
    program
}

fn own() -> Value {
    json!({"experimental": {"fovea": {"status": true}}})
}

fn ask(more: &Value) -> Value {
    let mut argument = json!({"question": QUESTION, "uri": URI, "top": 2});
    for (key, value) in more.as_object().unwrap() {
        argument[key] = value.clone();
    }
    json!({"command": "fovea.ask", "arguments": [argument]})
}

#[test]
fn a_model_writes_an_answer_only_when_it_is_asked_to_and_says_what_each_sentence_needs() {
    if !fovea::model::embedded_available() {
        return;
    }
    let mut program = started(own(), &fixture("tiny-chat"));
    program.told("fovea/status", |status| status["state"] == "ready");
    let found = program.request("workspace/executeCommand", ask(&json!({})))["result"].take();
    assert_eq!((&found["writes"], &found["written"]), (&json!(true), &Value::Null));
    let mut asked = ask(&json!({"write": true}));
    asked["workDoneToken"] = json!("asking");
    let id = program.send("workspace/executeCommand", &asked);
    // Passages are reported as `1 of 2`, then each sentence when it is complete.
    let reported = program.told("$/progress", |told| {
        told["value"]["message"]
            .as_str()
            .is_some_and(|message| !message.contains(" of "))
    });
    let answer = program.answer(id)["result"].take();
    assert_eq!(answer["answers"], found["answers"]);
    let written = &answer["written"];
    assert_eq!(written["model"], "tiny-chat");
    let passages = written["passages"].as_array().unwrap();
    // Whole lines around the sentence that answers.
    let (start, end) = (&passages[0]["range"]["start"], &passages[0]["range"]["end"]);
    assert_eq!(
        (&start["character"], &end["character"]),
        (&json!(0), &json!(0)),
        "{written}"
    );
    assert!(
        start["line"].as_u64() <= Some(6) && end["line"].as_u64() >= Some(7),
        "{written}"
    );
    let sentences = written["sentences"].as_array().unwrap();
    assert!(!sentences.is_empty(), "{written}");
    for sentence in sentences {
        let without = sentence["without"].as_array().unwrap();
        assert_eq!(without.len(), passages.len());
        let needed = |nats: &&Value| nats.as_f64().unwrap() >= std::f64::consts::LN_10;
        assert_eq!(
            sentence["sources"].as_array().unwrap().len(),
            without.iter().filter(needed).count()
        );
        assert!(
            written["text"]
                .as_str()
                .unwrap()
                .replace('\n', " ")
                .contains(sentence["text"].as_str().unwrap())
        );
        assert!(sentence["withoutAllTold"].as_str().unwrap().ends_with("likely"));
    }
    assert_eq!(reported["value"]["message"], sentences[0]["text"]);
    // Where nothing answers, the model is not asked.
    let nothing = ask(&json!({"write": true, "question": "Which treaty ended the Thirty Years' War?"}));
    let answer = program.request("workspace/executeCommand", nothing)["result"].take();
    assert_eq!((&answer["answers"], &answer["written"]), (&json!([]), &Value::Null));
    program.finish();
}

#[test]
fn a_model_that_cannot_write_or_cannot_be_loaded_is_named_with_what_to_do() {
    if !fovea::model::embedded_available() {
        return;
    }
    for (generator, says) in [
        (
            fixture("tiny-masked"),
            "tiny-masked writes no text; set fovea.model.generator to a model that does",
        ),
        (
            fixture("tiny-llama"),
            "no room for passages, the question and an answer; set fovea.model.generator to a model with a larger window",
        ),
        ("/nowhere".to_owned(), "fovea.model.generator: "),
        (
            String::new(),
            "all-MiniLM-L6-v2 writes no text; set fovea.model.generator",
        ),
    ] {
        let mut program = started(own(), &generator);
        program.told("fovea/status", |status| status["state"] == "ready");
        let answer = program.request("workspace/executeCommand", ask(&json!({"write": true})));
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(says), "{answer}");
        program.finish();
    }
}

#[test]
fn the_generator_predicts_while_the_built_in_model_explains() {
    if !fovea::model::embedded_available() {
        return;
    }
    let mut program = started(own(), &fixture("tiny-llama"));
    let status = program.told("fovea/status", |status| status["state"] == "ready");
    assert_eq!(status["model"], "all-MiniLM-L6-v2");
    let argument = json!({"uri": URI, "position": {"line": 6, "character": 20}, "top": 2});
    let command = json!({"command": "fovea.predict", "arguments": [argument]});
    let answer = program.request("workspace/executeCommand", command)["result"].take();
    assert_eq!(
        (&answer["model"], answer["next"].as_array().unwrap().len()),
        (&json!("tiny-llama"), 2)
    );
    program.finish();
}

#[test]
fn an_editor_without_a_list_offers_writing_as_a_choice_and_the_sources_as_the_next() {
    if !fovea::model::embedded_available() {
        return;
    }
    let capabilities = json!({"window": {"showDocument": {"support": true}, "showMessage": {}}});
    let mut program = started(capabilities, &fixture("tiny-chat"));
    let id = program.send("workspace/executeCommand", &ask(&json!({})));
    let offered = program.answered("window/showMessageRequest", |offered| {
        let choices = offered["actions"].as_array().unwrap();
        assert_eq!(choices.last().unwrap()["title"], "Write an answer from these");
        choices.last().unwrap().clone()
    });
    let message = offered["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("{QUESTION}\n1. ")), "{message}");
    let offered = program.answered("window/showMessageRequest", |offered| offered["actions"][0].clone());
    let message = offered["message"].as_str().unwrap();
    assert!(
        message.starts_with("1. ") && message.contains("tiny-chat wrote this: check it."),
        "{message}"
    );
    let source = offered["actions"][0]["title"].as_str().unwrap();
    assert!(
        source.contains("docs/keys.md:") && source.ends_with(" times less likely without it"),
        "{source}"
    );
    let shown = program.answered("window/showDocument", |_| json!({"success": true}));
    assert_eq!(shown["uri"], URI);
    program.answer(id);
    program.finish();
}
