//! `fovea.ask`: answers to a question, and the words that decide them.

use serde_json::{Value, json};

use crate::editor::{Editor, at};

const PAGE: &str = "file:///project/docs/keys.md";
const CODE: &str = "file:///project/src/keys.py";

const TEXT: &str = "\
# Keys

The shop opens in the morning and has red doors.

Send the secret key in the header of the request. It expires after one day.
";
const PYTHON: &str = "\
def send_parcel(parcel, address):
    label = print_label(address)
    return post(parcel, label)
";

async fn two_documents(capabilities: Value) -> Editor {
    // An index that is still growing would add a note to the answer.
    let options = json!({"debounceMs": 0, "index.enable": false});
    let mut editor = Editor::start_with(capabilities, options).await;
    editor.open(PAGE, "markdown", TEXT).await;
    editor.open(CODE, "python", PYTHON).await;
    editor.analyzed(PAGE, 4, 10).await;
    editor
}

fn ask(argument: Value) -> Value {
    json!({"command": "fovea.ask", "arguments": [argument]})
}

fn own() -> Value {
    json!({"experimental": {"fovea": {"heat": false}}})
}

/// An answer without the time that it took.
fn timeless(mut answer: Value) -> Value {
    assert!(answer["ms"].take().as_f64().unwrap() >= 0.0, "{answer}");
    answer
}

#[tokio::test]
async fn a_question_is_answered_by_a_sentence_and_its_words() {
    let mut editor = two_documents(own()).await;
    let question = json!({"question": "in which header of the request do I send the secret key", "top": 1});
    let mut answer = Value::Null;
    // The items of a document are available a moment after its heat.
    for _ in 0..200 {
        answer = editor.request("workspace/executeCommand", ask(question.clone())).await;
        if answer["answers"][0].is_object() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    insta::assert_json_snapshot!(timeless(answer));
    editor.finish().await;
}

#[tokio::test]
async fn a_question_can_be_limited_to_one_document_and_may_have_no_answer() {
    let mut editor = two_documents(own()).await;
    let of = |uri: &str| json!({"question": "in which header of the request do I send the secret key", "uri": uri});
    let answer = editor.request("workspace/executeCommand", ask(of(PAGE))).await;
    assert_eq!(
        answer["answers"][0]["text"], "Send the secret key in the header of the request.",
        "{answer}"
    );
    assert_eq!(
        answer["answers"][0]["range"]["start"],
        json!({"line": 4, "character": 0})
    );
    let answer = editor.request("workspace/executeCommand", ask(of(CODE))).await;
    assert_eq!(timeless(answer), json!({"answers": [], "notes": [], "ms": null}));
    let unread = json!({"question": "wo ist der geheime Schlüssel", "uri": PAGE});
    let answer = editor.request("workspace/executeCommand", ask(unread)).await;
    assert_eq!(answer["notes"], json!(["the model knows nothing of this query"]));
    let high = json!({"question": "the secret key", "uri": PAGE, "threshold": 1.0});
    let answer = editor.request("workspace/executeCommand", ask(high)).await;
    assert_eq!(answer["answers"], json!([]));
    editor.finish().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_is_refused_with_what_to_do() {
    let mut editor = two_documents(own()).await;
    let mut messages = Vec::new();
    for wrong in [
        json!("???"),
        json!({"question": "why", "threshold": 7}),
        json!({"question": "why", "uri": "file:///elsewhere/a.md"}),
        json!({"query": "why"}),
        Value::Null,
    ] {
        messages.push(editor.refused("workspace/executeCommand", ask(wrong)).await);
    }
    insta::assert_debug_snapshot!(messages);
    editor.finish().await;
}

#[tokio::test]
async fn each_passage_is_reported_and_a_cancelled_question_ends() {
    let mut editor = two_documents(own()).await;
    let mut asked = ask(json!({"question": "the secret key", "uri": PAGE}));
    asked["workDoneToken"] = json!("asking");
    editor.request("workspace/executeCommand", asked.clone()).await;
    let mut kinds = Vec::new();
    while kinds.last() != Some(&json!("end")) {
        let told = editor.told_that("$/progress", |told| told["token"] == "asking").await;
        kinds.push(told["value"]["kind"].clone());
    }
    assert_eq!(kinds, [json!("begin"), json!("report"), json!("end")]);
    // The model waits, so only the cancellation can end the request.
    editor.script.gate.shut();
    asked["workDoneToken"] = Value::Null;
    let id = editor.ask("workspace/executeCommand", asked).await;
    editor.notify("$/cancelRequest", json!({"id": id})).await;
    assert_eq!(editor.answer(id).await["error"]["code"], -32800);
    editor.script.gate.open();
    editor.analyzed(PAGE, 4, 10).await;
    editor.finish().await;
}

#[tokio::test]
async fn a_hover_waits_for_one_passage_and_not_for_the_question() {
    let mut editor = two_documents(own()).await;
    let long = format!(
        "{}\n\n",
        "One paragraph of the manual that says little about anything. ".repeat(20)
    )
    .repeat(60);
    let uri = "file:///project/docs/long.md";
    editor.open(uri, "markdown", &long).await;
    editor.analyzed(uri, 0, 5).await;
    editor.script.gate.shut();
    let question = editor
        .ask(
            "workspace/executeCommand",
            ask(json!({"question": "the manual", "uri": uri, "threshold": 0.0})),
        )
        .await;
    // A new document, so that the hover needs the model.
    let fresh = "file:///project/docs/fresh.md";
    editor
        .open(fresh, "markdown", "Some fresh paragraph with words.\n")
        .await;
    let hover = editor.ask("textDocument/hover", at(fresh, 0, 6)).await;
    editor.script.gate.open();
    let first = editor
        .find("the hover or the answer", |message| {
            message.get("method").is_none() && (message["id"] == question || message["id"] == hover)
        })
        .await;
    assert_eq!(first["id"], hover, "{first}");
    assert!(editor.answer(question).await["result"]["answers"].is_array());
    editor.finish().await;
}

#[tokio::test]
async fn a_client_without_a_list_gets_the_answers_as_messages() {
    let mut editor = two_documents(json!({"window": {"showDocument": {"support": true}, "showMessage": {}}})).await;
    let id = editor
        .ask(
            "workspace/executeCommand",
            ask(json!({"question": "in which header of the request do I send the secret key", "uri": PAGE})),
        )
        .await;
    let choice = json!({"title": "1. docs/keys.md:5  0.84"});
    let offered = editor.asked("window/showMessageRequest", choice.clone()).await;
    assert_eq!(offered["actions"], json!([choice]));
    let message =
        "in which header of the request do I send the secret key\n1. Send the secret key in the header of the request.";
    assert_eq!(offered["message"], message);
    let shown = editor.asked("window/showDocument", json!({"success": true})).await;
    assert_eq!(shown["uri"], PAGE);
    assert_eq!(shown["selection"]["start"], json!({"line": 4, "character": 0}));
    let told = editor.told("window/showMessage").await;
    let message = told["message"].as_str().unwrap();
    assert!(
        message.starts_with("Fovea: ") && message.contains("secret for secret +0."),
        "{message}"
    );
    editor.answer(id).await;
    let nothing = ask(json!({"question": "zebras", "uri": CODE}));
    editor.request("workspace/executeCommand", nothing).await;
    let told = editor.told("window/showMessage").await;
    assert_eq!(told["message"], "Fovea: nothing here answers that");
    editor.finish().await;
}
