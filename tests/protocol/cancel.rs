//! Cancellation before, during and after, and requests that are answered once.

use serde_json::{Value, json};

use crate::editor::{Editor, at};

const URI: &str = "file:///project/a.rs";

#[tokio::test]
async fn a_cancellation_that_arrives_before_its_request_counts() {
    let mut editor = Editor::start(json!({})).await;
    editor.open(URI, "rust", "fn cancelled() {}").await;
    for id in [json!(1000), json!("named")] {
        editor.notify("$/cancelRequest", json!({"id": id})).await;
        editor
            .send(json!({"jsonrpc": "2.0", "id": id, "method": "textDocument/hover", "params": at(URI, 0, 4)}))
            .await;
        let answer = editor.find("the answer", |message| message["id"] == id).await;
        assert_eq!(answer["error"]["code"], -32800);
    }
    editor.finish().await;
}

#[tokio::test]
async fn a_cancellation_stops_a_request_at_once() {
    let mut editor = Editor::start(json!({"experimental": {"fovea": {"heat": false}}})).await;
    editor.script.gate.shut();
    editor.open(URI, "rust", "fn cancelled() {}").await;
    for (method, params) in [
        ("textDocument/hover", at(URI, 0, 4)),
        ("textDocument/documentHighlight", at(URI, 0, 4)),
        ("fovea/explain", json!({"textDocument": {"uri": URI}})),
    ] {
        let id = editor.ask(method, params).await;
        editor.notify("$/cancelRequest", json!({"id": id})).await;
        assert_eq!(editor.answer(id).await["error"]["code"], -32800, "{method}");
    }
    editor.script.gate.open();
    editor.analyzed(URI, 0, 4).await;
    editor.finish().await;
}

#[tokio::test]
async fn a_late_cancellation_is_ignored_and_ids_may_be_reused() {
    let mut editor = Editor::start(json!({})).await;
    let id = editor.ask("textDocument/hover", at(URI, 0, 0)).await;
    assert_eq!(editor.answer(id).await["result"], Value::Null);
    editor.notify("$/cancelRequest", json!({"id": id})).await;
    editor
        .send(json!({"jsonrpc": "2.0", "id": id, "method": "textDocument/hover", "params": at(URI, 0, 0)}))
        .await;
    assert_eq!(editor.answer(id).await["result"], Value::Null);
    editor.notify("$/cancelRequest", json!({"id": {"no": "id"}})).await;
    editor.notify("$/cancelRequest", json!(null)).await;
    editor.finish().await;
}

#[tokio::test]
async fn an_id_in_use_is_refused() {
    let mut editor = Editor::start(json!({})).await;
    editor.script.gate.shut();
    editor.open(URI, "rust", "fn twice() {}").await;
    for _ in 0..2 {
        editor
            .send(json!({"jsonrpc": "2.0", "id": 77, "method": "textDocument/hover", "params": at(URI, 0, 4)}))
            .await;
    }
    assert_eq!(editor.answer(77).await["error"]["code"], -32600);
    editor.script.gate.open();
    assert!(editor.answer(77).await["result"].is_object());
    editor.finish().await;
}
