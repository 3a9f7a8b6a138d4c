//! `fovea/heat` and `fovea/status`.

use serde_json::{Value, json};

use crate::editor::{Editor, at, range};

const URI: &str = "file:///project/a.rs";

async fn fovea() -> Editor {
    with_preset("full").await
}

async fn with_preset(preset: &str) -> Editor {
    let options = json!({"debounceMs": 0, "heat.preset": preset});
    Editor::start_with(json!({"experimental": {"fovea": true}}), options).await
}

/// Six lines, so that one word may be marked; the fake model gives long words a large share.
const LONG: &str = "fn heated(x: u8) {\n    let y = x;\n    return\n    compute_everything(x)\n    // end\n}\n";

#[tokio::test]
async fn quiet_heat_marks_the_few_telling_words_and_other_presets_draw_at_once() {
    let mut editor = with_preset("quiet").await;
    editor.open(URI, "rust", LONG).await;
    let heat = editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    assert_eq!(heat["words"], json!([[3, 4, 22, 12]]));
    let set = |preset: &str| json!({"command": "fovea.setHeat", "arguments": [preset]});
    let answer = editor.request("workspace/executeCommand", set("full")).await;
    assert_eq!(answer, json!({"preset": "full"}));
    let many = |heat: &Value| heat["words"].as_array().unwrap().len() > 1;
    editor.told_that("fovea/heat", many).await;
    editor
        .told_that("fovea/status", |status| {
            status["preset"] == "full" && status["heat"] == true
        })
        .await;
    editor.request("workspace/executeCommand", set("off")).await;
    editor.told_that("fovea/heat", |heat| heat["words"] == json!([])).await;
    let refused = editor.refused("workspace/executeCommand", set("loud")).await;
    assert_eq!(refused.0, -32602);
    editor.ignore("fovea/heat");
    editor.finish().await;
}

#[tokio::test]
async fn quiet_heat_marks_nothing_in_data() {
    let mut editor = with_preset("quiet").await;
    let lines: String = (0..30)
        .map(|line| format!("some_long_key_{line}: configuration_value_{line}\n"))
        .collect();
    for (name, language) in [
        ("pnpm-lock.yaml", "yaml"),
        ("poetry.lock", "plaintext"),
        ("data.csv", "plaintext"),
    ] {
        let uri = format!("file:///project/{name}");
        editor.open(&uri, language, &lines).await;
        let of = |heat: &Value| heat["uri"] == uri && heat["complete"] == true;
        assert_eq!(editor.told_that("fovea/heat", of).await["words"], json!([]), "{name}");
    }
    editor.ignore("fovea/heat");
    editor.finish().await;
}

#[tokio::test]
async fn heat_comes_for_each_version() {
    let mut editor = fovea().await;
    editor
        .open(URI, "rust", "fn heated(x: u8) {\n    compute_everything(x)\n}\n")
        .await;
    let heat = editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    insta::assert_json_snapshot!(heat);
    editor
        .change(URI, 2, json!([{"range": range((0, 0), (0, 0)), "text": "// é😀\n"}]))
        .await;
    let heat = editor
        .told_that("fovea/heat", |heat| heat["complete"] == true && heat["version"] == 2)
        .await;
    assert!(
        heat["words"].as_array().unwrap().iter().any(|word| word[0] == 2),
        "{heat}"
    );
    editor.ignore("fovea/heat");
    editor.finish().await;
}

#[tokio::test]
async fn a_client_that_supports_changes_receives_only_changed_lines() {
    let declared = json!({"experimental": {"fovea": {"heat": true, "heatChanges": true}}});
    let mut editor = Editor::start_with(declared, json!({"debounceMs": 0, "heat.preset": "full"})).await;
    let function = |name: &str| format!("fn {name}(x: u8) {{\n    compute_{name}(x)\n}}\n\n");
    let text: String = ["first", "second", "third"].map(function).concat();
    editor.open(URI, "rust", &text).await;
    let heat = editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    assert_eq!(heat["changed"], Value::Null, "the first heat is whole");
    let edit = json!([{"range": range((5, 4), (5, 4)), "text": "look(x);\n    "}]);
    editor.change(URI, 2, edit).await;
    let complete = |heat: &Value| heat["complete"] == true && heat["version"] == 2;
    let heat = editor.told_that("fovea/heat", complete).await;
    assert_eq!(heat["changed"], json!({"since": 1, "start": 4, "end": 9, "was": 8}));
    let lines: Vec<u64> = heat["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word[0].as_u64().unwrap())
        .collect();
    assert!(
        lines.contains(&5) && lines.iter().all(|line| (4..9).contains(line)),
        "{heat}"
    );
    // A client forgets the heat of a document when it closes it, so the next heat is whole.
    editor
        .notify("textDocument/didClose", json!({"textDocument": {"uri": URI}}))
        .await;
    editor.open(URI, "rust", &text).await;
    let heat = editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    assert_eq!(heat["changed"], Value::Null);
    editor.ignore("fovea/heat");
    editor.finish().await;
}

#[tokio::test]
async fn text_that_the_model_does_not_understand_has_no_heat() {
    let mut editor = fovea().await;
    editor.open("file:///project/a.md", "markdown", "我爱编程 a\n").await;
    let heat = editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    assert_eq!(heat["words"], json!([]));
    assert_eq!(heat["unread"][0]["coverage"], 0.2);
    assert!(heat["unread"][0]["reason"].as_str().unwrap().contains("20 %"));
    editor.ignore("fovea/heat");
    editor.finish().await;
}

#[tokio::test]
async fn heat_goes_off_and_on() {
    let mut editor = fovea().await;
    editor.open(URI, "rust", "fn heated() {}").await;
    editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    let toggled = editor
        .request("workspace/executeCommand", json!({"command": "fovea.toggleHeat"}))
        .await;
    assert_eq!(toggled, json!({"enabled": false}));
    editor.told_that("fovea/heat", |heat| heat["words"] == json!([])).await;
    let status = editor.told_that("fovea/status", |status| status["heat"] == false).await;
    assert_eq!(status["method"], "decomposition");
    editor
        .request(
            "workspace/executeCommand",
            json!({"command": "fovea.toggleHeat", "arguments": [true]}),
        )
        .await;
    editor.told_that("fovea/heat", |heat| heat["words"] != json!([])).await;
    editor.ignore("fovea/heat");
    editor.finish().await;
}

#[tokio::test]
async fn another_method_starts_a_new_analysis() {
    let mut editor = fovea().await;
    editor.open(URI, "rust", "fn heated() {}").await;
    editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    let set = editor
        .request(
            "workspace/executeCommand",
            json!({"command": "fovea.setMethod", "arguments": ["norm"]}),
        )
        .await;
    assert_eq!(set, json!({"method": "norm"}));
    editor
        .told_that("fovea/heat", |heat| {
            heat["complete"] == true && heat["method"] == "norm"
        })
        .await;
    editor.ignore("fovea/heat");
    editor.finish().await;
}

#[tokio::test]
async fn a_model_without_surprisal_says_so_and_what_to_do() {
    let mut editor = Editor::start(json!({"experimental": {"fovea": {"status": true}}})).await;
    editor
        .told_that("fovea/status", |status| status["state"] == "ready")
        .await;
    let (code, message) = editor
        .refused(
            "workspace/executeCommand",
            json!({"command": "fovea.setMethod", "arguments": ["surprisal"]}),
        )
        .await;
    assert_eq!(code, -32602);
    assert!(
        message.starts_with("fake does not predict the next token, so it has no surprisal; use a model that does"),
        "{message}"
    );
    // The server cannot refuse a setting; it warns in the status instead.
    let settings = json!({"settings": {"fovea": {"method": "surprisal"}}});
    editor.notify("workspace/didChangeConfiguration", settings).await;
    let status = editor
        .told_that("fovea/status", |status| status["method"] == "surprisal")
        .await;
    assert_eq!(status["health"], "warning");
    assert_eq!(
        status["message"],
        format!("{message}. Until then the method is decomposition.")
    );
    editor.finish().await;
}

#[tokio::test]
async fn the_method_attention_uses_the_chosen_map() {
    let mut editor = fovea().await;
    editor.open(URI, "rust", "fn heated() {}").await;
    editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    let choose = |arguments: Value| json!({"command": "fovea.setMethod", "arguments": arguments});
    let set = editor
        .request(
            "workspace/executeCommand",
            choose(json!(["attention", {"layer": 1, "head": 2}])),
        )
        .await;
    assert_eq!(set, json!({"method": "attention", "layer": 1, "head": 2}));
    let status = editor
        .told_that("fovea/status", |status| status["method"] == "attention")
        .await;
    assert_eq!(status["maps"], json!({"layer": 1, "head": 2}));
    assert_eq!(status["attention"], json!({"layers": 2, "heads": 3}));
    let of_attention = |heat: &Value| heat["complete"] == true && heat["method"] == "attention";
    editor.told_that("fovea/heat", of_attention).await;
    let heads = editor.script.heads();
    assert_eq!((heads.layer, heads.head), (Some(1), Some(2)));
    // Another map is analyzed again: the cache keeps results by map.
    editor
        .request("workspace/executeCommand", choose(json!(["attention", {"head": 0}])))
        .await;
    editor.told_that("fovea/heat", of_attention).await;
    let heads = editor.script.heads();
    assert_eq!((heads.layer, heads.head), (None, Some(0)));
    for (arguments, why) in [
        (json!(["attention", {"layer": 2}]), "layers 0 to 1 and heads 0 to 2"),
        (json!(["attention", {"layr": 1}]), "an object with layer, head or both"),
        (json!(["alti", {"layer": 1}]), "go with attention"),
    ] {
        let (code, said) = editor.refused("workspace/executeCommand", choose(arguments)).await;
        assert!(code == -32602 && said.contains(why), "{said}");
    }
    let set = editor
        .request("workspace/executeCommand", choose(json!(["attention"])))
        .await;
    assert_eq!(set, json!({"method": "attention"}));
    editor.told_that("fovea/heat", of_attention).await;
    editor.ignore("fovea/heat");
    editor.finish().await;
}

#[tokio::test]
async fn status_reports_the_state_and_inactive_documents() {
    let mut editor = Editor::connect();
    editor.script.fail_loading(Some("model.safetensors is truncated"));
    editor
        .initialize(json!({"experimental": {"fovea": {"status": true}}}), Value::Null)
        .await;
    let status = editor
        .told_that("fovea/status", |status| status["state"] == "failed")
        .await;
    insta::assert_json_snapshot!(status);
    editor.open("file:///project/.env", "plaintext", "TOKEN=1").await;
    let status = editor
        .told_that("fovea/status", |status| status["inactive"] != json!([]))
        .await;
    assert_eq!(status["inactive"][0]["uri"], "file:///project/.env");
    assert!(status["inactive"][0]["reason"].as_str().unwrap().contains("secrets"));
    editor
        .notify(
            "textDocument/didClose",
            json!({"textDocument": {"uri": "file:///project/.env"}}),
        )
        .await;
    editor
        .told_that("fovea/status", |status| status["inactive"] == json!([]))
        .await;
    // A setting chooses another model.
    editor.script.fail_loading(None);
    editor
        .notify(
            "workspace/didChangeConfiguration",
            json!({"settings": {"fovea": {"model": {"dir": "/models/x"}}}}),
        )
        .await;
    let status = editor
        .told_that("fovea/status", |status| status["state"] == "ready")
        .await;
    assert_eq!(
        (&status["model"], &status["health"]),
        (&json!("/models/x"), &json!("ok"))
    );
    editor
        .request("workspace/executeCommand", json!({"command": "fovea.pause"}))
        .await;
    editor
        .told_that("fovea/status", |status| status["state"] == "paused")
        .await;
    editor.finish().await;
}

#[tokio::test]
async fn a_client_without_status_gets_one_message_if_the_model_is_missing() {
    let mut editor = Editor::connect();
    editor.script.fail_loading(Some("no such folder"));
    editor.initialize(json!({}), Value::Null).await;
    assert_eq!(
        editor.told("window/showMessage").await["message"],
        "Fovea: no such folder"
    );
    editor.open(URI, "rust", "fn a() {}").await;
    assert_eq!(editor.request("textDocument/hover", at(URI, 0, 3)).await, Value::Null);
    editor.finish().await;
}

#[tokio::test]
async fn a_panic_of_the_model_does_not_stop_the_server() {
    let mut editor = Editor::start_with(json!({}), json!({"debounceMs": 0})).await;
    editor.open(URI, "rust", "fn KNOCK_OVER() {}").await;
    editor.open("file:///project/b.rs", "rust", "fn harmless() {}").await;
    editor.analyzed("file:///project/b.rs", 0, 4).await;
    editor.ignore("window/showMessage");
    editor.finish().await;
}

#[tokio::test]
async fn work_over_a_second_has_a_bar_that_can_be_cancelled() {
    let mut editor = Editor::start_with(json!({"window": {"workDoneProgress": true}}), json!({"debounceMs": 0})).await;
    editor.open(URI, "rust", "fn first() {}").await;
    editor.analyzed(URI, 0, 4).await;
    editor.script.gate.shut();
    editor.open("file:///project/b.rs", "rust", "fn slow() {}").await;
    let token = editor.asked("window/workDoneProgress/create", Value::Null).await["token"].clone();
    let begin = editor.told("$/progress").await;
    assert_eq!(
        (&begin["token"], &begin["value"]["cancellable"]),
        (&token, &json!(true))
    );
    editor
        .notify("window/workDoneProgress/cancel", json!({"token": token}))
        .await;
    editor
        .told_that("$/progress", |progress| progress["value"]["kind"] == "end")
        .await;
    editor.script.gate.open();
    editor.finish().await;
}

#[tokio::test]
async fn the_server_accepts_visible_ranges() {
    let mut editor = fovea().await;
    editor.open(URI, "rust", "fn heated() {}").await;
    editor
        .notify(
            "fovea/visible",
            json!({"textDocument": {"uri": URI}, "range": range((0, 0), (40, 0))}),
        )
        .await;
    editor
        .notify(
            "fovea/visible",
            json!({"textDocument": {"uri": "file:///closed"}, "range": range((9, 9), (0, 0))}),
        )
        .await;
    editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    editor.ignore("fovea/heat");
    editor.finish().await;
}
