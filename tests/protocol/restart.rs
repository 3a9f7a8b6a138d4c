//! Results that a server keeps for the next one.

use std::path::Path;

use serde_json::{Value, json};

use crate::editor::{Editor, at};

const URI: &str = "file:///project/a.rs";
const TEXT: &str = "fn heated(x: u8) {\n    compute_everything(x)\n}\n";

/// The complete heat of the text, highlights, and the texts that the model analyzed for them.
async fn session(folder: &Path, options: Value) -> (Value, Value, Vec<String>) {
    let mut editor = Editor::kept_in(folder);
    let capabilities = json!({"experimental": {"fovea": true}});
    editor.initialize(capabilities, options).await;
    editor.open(URI, "rust", TEXT).await;
    let heat = editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
    let highlights = editor.request("textDocument/documentHighlight", at(URI, 0, 4)).await;
    let script = editor.script.clone();
    editor.ignore("fovea/heat");
    editor.finish().await;
    (heat, highlights, script.texts())
}

#[tokio::test]
async fn a_second_server_finds_what_the_first_computed() {
    let folder = tempfile::tempdir().unwrap();
    let (heat, highlights, computed) = session(folder.path(), Value::Null).await;
    assert!(!computed.is_empty() && highlights.is_array());
    let (again, same, computed) = session(folder.path(), Value::Null).await;
    assert_eq!((again, same), (heat, highlights));
    assert_eq!(computed, Vec::<String>::new());
}

#[tokio::test]
async fn a_setting_keeps_results_off_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    session(folder.path(), json!({"cache": {"disk": false}})).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    session(folder.path(), json!({"cache.disk": true, "cache.diskMegabytes": 1})).await;
    assert!(folder.path().join("results.sqlite").is_file());
}

#[tokio::test]
async fn a_workspace_cannot_choose_the_cache_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::kept_in(folder.path());
    editor
        .initialize(json!({}), json!({"cache": {"dir": "/tmp/elsewhere"}}))
        .await;
    let warning = editor.told("window/showMessage").await;
    assert!(
        warning["message"]
            .as_str()
            .unwrap()
            .contains("fovea.cache.dir: no such setting"),
        "{warning}"
    );
    editor.finish().await;
}
