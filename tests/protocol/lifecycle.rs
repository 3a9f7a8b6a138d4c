//! From `initialize` to `exit`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::editor::{Editor, at};

fn encodings(names: &[&str]) -> Value {
    json!({"general": {"positionEncodings": names}})
}

#[tokio::test]
async fn announces_what_it_can_do() {
    let editor = Editor::start(encodings(&["utf-16"])).await;
    insta::assert_json_snapshot!(editor.capabilities, {".serverInfo.version" => "[version]"});
    editor.finish().await;
}

#[tokio::test]
async fn takes_the_clients_first_encoding() {
    for (offered, taken) in [
        (encodings(&["utf-8", "utf-16", "utf-32"]), "utf-8"),
        (encodings(&["utf-32", "utf-8", "utf-16"]), "utf-32"),
        (encodings(&["ebcdic", "utf-8"]), "utf-8"),
        (json!({}), "utf-16"),
    ] {
        let editor = Editor::start(offered).await;
        assert_eq!(editor.capabilities["capabilities"]["positionEncoding"], taken);
        editor.finish().await;
    }
    let forced = Editor::start_with(encodings(&["utf-8"]), json!({"positionEncoding": "utf-16"})).await;
    assert_eq!(forced.capabilities["capabilities"]["positionEncoding"], "utf-16");
    forced.finish().await;
}

#[tokio::test]
async fn registers_highlights_for_every_language_instead_of_announcing_them() {
    let mut editor = Editor::start(json!({"textDocument": {"documentHighlight": {"dynamicRegistration": true}}})).await;
    assert!(
        editor.capabilities["capabilities"]
            .get("documentHighlightProvider")
            .is_none()
    );
    let registered = editor.asked("client/registerCapability", Value::Null).await;
    assert_eq!(
        registered["registrations"][0]["method"],
        "textDocument/documentHighlight"
    );
    assert_eq!(
        registered["registrations"][0]["registerOptions"],
        json!({"documentSelector": [{"language": "*"}]})
    );
    editor.finish().await;
}

#[tokio::test]
async fn answers_initialize_before_the_model_is_loaded() {
    let mut editor = Editor::connect();
    editor.script.gate.shut();
    let start = Instant::now();
    editor.initialize(json!({}), Value::Null).await;
    assert!(start.elapsed() < Duration::from_secs(1));
    editor.script.gate.open();
    editor.finish().await;
}

#[tokio::test]
async fn requests_before_initialize_and_a_second_initialize_are_refused() {
    let mut editor = Editor::connect();
    assert_eq!(
        editor.refused("textDocument/hover", at("file:///a.rs", 0, 0)).await.0,
        -32002
    );
    editor
        .notify(
            "textDocument/didOpen",
            json!({"textDocument": {"uri": "file:///a", "text": ""}}),
        )
        .await;
    assert_eq!(editor.refused("initialize", json!("nonsense")).await.0, -32602);
    editor.initialize(json!({}), Value::Null).await;
    assert_eq!(
        editor.refused("initialize", json!({"capabilities": {}})).await.0,
        -32600
    );
    editor.finish().await;
}

#[tokio::test]
async fn unknown_requests_are_refused_and_unknown_notifications_ignored() {
    let mut editor = Editor::start(json!({})).await;
    assert_eq!(
        editor
            .refused("textDocument/definition", at("file:///a.rs", 0, 0))
            .await
            .0,
        -32601
    );
    assert_eq!(editor.refused("made/up", json!({})).await.0, -32601);
    assert_eq!(
        editor
            .refused("fovea/explain", json!({"textDocument": {"uri": "file:///a"}}))
            .await
            .0,
        -32601
    );
    editor.notify("$/setTrace", json!({"value": "verbose"})).await;
    editor.notify("made/up", json!({})).await;
    editor
        .notify("textDocument/didSave", json!({"textDocument": {"uri": "file:///a"}}))
        .await;
    editor.finish().await;
}

#[tokio::test]
async fn refuses_requests_after_shutdown() {
    let mut editor = Editor::start(json!({})).await;
    editor.request("shutdown", Value::Null).await;
    assert_eq!(
        editor.refused("textDocument/hover", at("file:///a.rs", 0, 0)).await.0,
        -32600
    );
    editor.notify("exit", Value::Null).await;
    assert_eq!(editor.code().await, 0);
}

#[tokio::test]
async fn exit_ends_the_server_with_open_input_and_running_work() {
    let mut editor = Editor::start(json!({})).await;
    editor.script.gate.shut();
    editor.open("file:///a.rs", "rust", "fn a() {}").await;
    let hover = editor.ask("textDocument/hover", at("file:///a.rs", 0, 3)).await;
    let start = Instant::now();
    editor.notify("exit", Value::Null).await;
    assert_eq!(editor.answer(hover).await["error"]["code"], -32800);
    assert_eq!(editor.code().await, 1);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn the_end_of_the_input_ends_the_server() {
    let mut editor = Editor::start(json!({})).await;
    editor.hang_up();
    assert_eq!(editor.code().await, 1);
    let mut editor = Editor::start(json!({})).await;
    editor.request("shutdown", Value::Null).await;
    editor.hang_up();
    assert_eq!(editor.code().await, 0);
}
