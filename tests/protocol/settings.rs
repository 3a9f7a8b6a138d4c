//! Settings: the server requests them, receives them, applies them at once and reports wrong ones.

use serde_json::{Value, json};

use crate::editor::{Editor, at};

const URI: &str = "file:///project/a.rs";

fn push(settings: Value) -> Value {
    json!({"settings": settings})
}

#[tokio::test]
async fn are_requested_if_the_client_supports_it() {
    let mut editor = Editor::start(json!({"workspace": {"configuration": true}})).await;
    let asked = editor
        .asked("workspace/configuration", json!([{"hover": {"enable": false}}]))
        .await;
    assert_eq!(asked["items"], json!([{"section": "fovea"}]));
    editor.open(URI, "rust", "fn a_name() {}").await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(editor.request("textDocument/hover", at(URI, 0, 4)).await, Value::Null);
    // After a notification of a change, the server requests the settings again.
    editor
        .notify("workspace/didChangeConfiguration", push(Value::Null))
        .await;
    editor.asked("workspace/configuration", json!([null])).await;
    editor.notify("workspace/didChangeConfiguration", push(json!({}))).await;
    editor.asked("workspace/configuration", json!([{}])).await;
    editor.analyzed(URI, 0, 4).await;
    editor.finish().await;
}

#[tokio::test]
async fn take_effect_at_once() {
    let mut editor = Editor::start(json!({})).await;
    editor.open(URI, "rust", "fn a_name() {}").await;
    editor.analyzed(URI, 0, 4).await;
    for off in [
        json!({"hover": {"enable": false}}),
        json!({"enable": false}),
        json!({"languages": ["python"]}),
        json!({"excludePatterns": ["**/project/*.rs"]}),
        json!({"maxFileBytes": 1000, "hover.enable": false}),
    ] {
        editor
            .notify("workspace/didChangeConfiguration", push(json!({"fovea": off})))
            .await;
        assert_eq!(
            editor.request("textDocument/hover", at(URI, 0, 4)).await,
            Value::Null,
            "{off}"
        );
        editor
            .notify(
                "workspace/didChangeConfiguration",
                push(json!({"fovea": {"debounceMs": 0}})),
            )
            .await;
        editor.analyzed(URI, 0, 4).await;
    }
    // Settings of another program change nothing.
    editor
        .notify(
            "workspace/didChangeConfiguration",
            push(json!({"rust-analyzer": {"hover": {}}})),
        )
        .await;
    assert!(editor.request("textDocument/hover", at(URI, 0, 4)).await.is_object());
    editor.finish().await;
}

#[tokio::test]
async fn wrong_ones_are_reported_and_the_previous_value_stays() {
    let mut editor = Editor::start_with(json!({}), json!({"hover": {"enable": "no"}, "hovr": 1})).await;
    assert_eq!(
        editor.told("window/showMessage").await["message"],
        "fovea.hover.enable: \"no\" should be true or false"
    );
    assert_eq!(
        editor.told("window/showMessage").await["message"],
        "fovea.hovr: no such setting"
    );
    editor.open(URI, "rust", "fn a_name() {}").await;
    editor.analyzed(URI, 0, 4).await;
    editor.finish().await;
}

#[tokio::test]
async fn those_of_initialize_hold_until_later_ones_replace_them() {
    let options = json!({"fovea": {"hover": {"enable": false}}});
    let mut editor = Editor::start_with(json!({}), options).await;
    editor.open(URI, "rust", "fn a_name() {}").await;
    editor
        .notify(
            "workspace/didChangeConfiguration",
            push(json!({"fovea": {"debounceMs": 1}})),
        )
        .await;
    assert_eq!(editor.request("textDocument/hover", at(URI, 0, 4)).await, Value::Null);
    editor
        .notify(
            "workspace/didChangeConfiguration",
            push(json!({"fovea": {"hover": {"enable": true}}})),
        )
        .await;
    editor.analyzed(URI, 0, 4).await;
    editor.finish().await;
}
