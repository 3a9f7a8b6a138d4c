//! Fallback providers, and passages of files that are not open.
//!
//! For editors that show neither lenses nor heat, inlay hints, document colors and diagnostics can show the same facts.

use serde_json::{Value, json};

use crate::editor::{Editor, at, range};
use crate::features::{PYTHON, RUST};

const A: &str = "file:///project/src/a.rs";
const B: &str = "file:///project/src/config.py";

async fn two_documents(capabilities: Value, settings: Value) -> Editor {
    let mut options =
        json!({"debounceMs": 0, "codeLens.minSimilarity": 0.1, "lens.detail": "all", "diagnostics.minSimilarity": 0.2});
    options
        .as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    let mut editor = Editor::start_with(capabilities, options).await;
    editor.open(A, "rust", RUST).await;
    editor.open(B, "python", PYTHON).await;
    editor.lenses(A).await;
    editor
}

async fn configure(editor: &mut Editor, settings: Value) {
    editor
        .notify(
            "workspace/didChangeConfiguration",
            json!({"settings": {"fovea": settings}}),
        )
        .await;
}

fn whole(uri: &str) -> Value {
    json!({"textDocument": {"uri": uri}, "range": range((0, 0), (99, 0))})
}

#[tokio::test]
async fn fallback_providers_are_off_by_default() {
    let mut editor = two_documents(json!({}), json!({})).await;
    let capabilities = &editor.capabilities["capabilities"];
    assert!(capabilities.get("inlayHintProvider").is_none() && capabilities.get("colorProvider").is_none());
    assert_eq!(editor.request("textDocument/inlayHint", whole(A)).await, Value::Null);
    let document = json!({"textDocument": {"uri": A}});
    assert_eq!(editor.request("textDocument/documentColor", document).await, json!([]));
    // The server sent no diagnostics either: `finish` fails if a message is unread.
    editor.finish().await;
}

#[tokio::test]
async fn inlay_hints_name_what_is_similar_at_the_end_of_the_line() {
    let mut editor = two_documents(json!({}), json!({"inlayHint.enable": true})).await;
    assert_eq!(editor.capabilities["capabilities"]["inlayHintProvider"], true);
    let hints = editor.request("textDocument/inlayHint", whole(A)).await;
    insta::assert_json_snapshot!(hints);
    let elsewhere = json!({"textDocument": {"uri": A}, "range": range((2, 0), (9, 0))});
    assert_eq!(editor.request("textDocument/inlayHint", elsewhere).await, json!([]));
    configure(&mut editor, json!({"inlayHint.enable": false})).await;
    assert_eq!(editor.request("textDocument/inlayHint", whole(A)).await, Value::Null);
    editor.finish().await;
}

#[tokio::test]
async fn inlay_hints_are_refreshed_after_an_analysis() {
    let refresh = json!({"workspace": {"inlayHint": {"refreshSupport": true}}});
    let mut editor = Editor::start_with(refresh, json!({"debounceMs": 0, "inlayHint.enable": true})).await;
    editor.open(A, "rust", RUST).await;
    editor.asked("workspace/inlayHint/refresh", Value::Null).await;
    editor.ignore("workspace/inlayHint/refresh");
    editor.finish().await;
}

#[tokio::test]
async fn colors_stand_before_the_words_that_carry_most_and_follow_the_heat() {
    let options = json!({"documentColor.enable": true, "heat.preset": "full"});
    let mut editor = Editor::start_with(json!({}), options).await;
    assert_eq!(editor.capabilities["capabilities"]["colorProvider"], true);
    let document = json!({"textDocument": {"uri": A}});
    editor.open(A, "rust", "fn heavy_word() {}\n").await;
    // The analysis is not complete yet, and the answer waits for it.
    let colors = editor.request("textDocument/documentColor", document.clone()).await;
    insta::assert_json_snapshot!(colors);
    let presentation = json!({"textDocument": {"uri": A}, "color": {"red": 1.0, "green": 0.0, "blue": 0.0, "alpha": 1.0}, "range": range((0, 0), (0, 1))});
    assert_eq!(
        editor.request("textDocument/colorPresentation", presentation).await,
        json!([])
    );
    editor
        .request(
            "workspace/executeCommand",
            json!({"command": "fovea.toggleHeat", "arguments": [false]}),
        )
        .await;
    editor.told("window/showMessage").await;
    assert_eq!(editor.request("textDocument/documentColor", document).await, json!([]));
    editor.finish().await;
}

#[tokio::test]
async fn near_duplicates_get_a_diagnostic_until_closed_or_below_the_limit() {
    let related = json!({"textDocument": {"publishDiagnostics": {"relatedInformation": true}}});
    let mut editor = two_documents(related, json!({"diagnostics.enable": true})).await;
    // The two documents may come in either order.
    let mut told = [
        editor.told("textDocument/publishDiagnostics").await,
        editor.told("textDocument/publishDiagnostics").await,
    ];
    told.sort_by_key(|told| told["uri"] != A);
    assert_eq!(told[1]["uri"], B);
    insta::assert_json_snapshot!(told[0]);
    configure(&mut editor, json!({"diagnostics.minSimilarity": 1.0})).await;
    for _ in 0..2 {
        let told = editor.told("textDocument/publishDiagnostics").await;
        assert_eq!(told["diagnostics"], json!([]), "{told}");
    }
    configure(&mut editor, json!({})).await;
    for _ in 0..2 {
        let told = editor.told("textDocument/publishDiagnostics").await;
        assert_eq!(told["diagnostics"][0]["severity"], 4, "{told}");
    }
    editor
        .notify("textDocument/didClose", json!({"textDocument": {"uri": B}}))
        .await;
    for _ in 0..2 {
        let told = editor.told("textDocument/publishDiagnostics").await;
        assert_eq!(told["diagnostics"], json!([]), "{told}");
    }
    editor.finish().await;
}

#[tokio::test]
async fn fallback_providers_are_registered_while_a_setting_enables_them() {
    let registration = json!({"textDocument": {
        "inlayHint": {"dynamicRegistration": true},
        "colorProvider": {"dynamicRegistration": true},
    }});
    let mut editor = Editor::start_with(registration, json!({"inlayHint.enable": true})).await;
    assert!(editor.capabilities["capabilities"].get("inlayHintProvider").is_none());
    let asked = editor.asked("client/registerCapability", Value::Null).await;
    assert_eq!(asked["registrations"][0]["method"], "textDocument/inlayHint");
    configure(
        &mut editor,
        json!({"inlayHint.enable": false, "documentColor.enable": true}),
    )
    .await;
    let asked = editor.asked("client/unregisterCapability", Value::Null).await;
    assert_eq!(asked["unregisterations"][0]["method"], "textDocument/inlayHint");
    let asked = editor.asked("client/registerCapability", Value::Null).await;
    assert_eq!(asked["registrations"][0]["method"], "textDocument/documentColor");
    editor.finish().await;
}

#[tokio::test]
async fn a_passage_of_a_file_that_is_not_open_is_compared_if_it_is_in_the_workspace() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |folder: &tempfile::TempDir, name: &str, bytes: &[u8]| {
        let path = folder.path().canonicalize().unwrap().join(name);
        std::fs::write(&path, bytes).unwrap();
        format!("file://{}", path.display())
    };
    let closed = write(&root, "config.py", PYTHON.as_bytes());
    let mut editor = Editor::connect();
    let params = json!({
        "processId": null,
        "rootUri": format!("file://{}", root.path().display()),
        "capabilities": {"experimental": {"fovea": true}},
        "initializationOptions": {"index.enable": false},
    });
    editor.request("initialize", params).await;
    editor.notify("initialized", json!({})).await;
    editor.open(A, "rust", RUST).await;
    editor.analyzed(A, 0, 4).await;
    let compare = |uri: &str| {
        let pair = [
            json!({"uri": A, "range": range((0, 3), (0, 14))}),
            json!({"uri": uri, "range": range((3, 4), (3, 15))}),
        ];
        json!({"command": "fovea.comparePassages", "arguments": pair})
    };
    let answer = editor.request("workspace/executeCommand", compare(&closed)).await;
    assert_eq!(answer["b"]["words"][0]["text"], "load_config");
    assert_eq!(
        answer["b"]["words"][0]["start"],
        json!({"byte": 28, "line": 3, "column": 4})
    );
    // The server reads no file outside the workspace, no file that is not text and none that may contain secrets.
    let elsewhere = write(&outside, "config.py", PYTHON.as_bytes());
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path().join("config.py"), root.path().join("link.py")).unwrap();
    let link = closed.replace("config.py", "link.py");
    let around = closed.replace(
        "config.py",
        &format!("../{}/config.py", outside.path().file_name().unwrap().display()),
    );
    let broken = write(&root, "broken.py", b"\xff\xfe\xfd");
    let secret = write(&root, ".env", b"TOKEN=1\n\n\nfoo_bar_foo_bar_foo\n");
    let missing = closed.replace("config.py", "missing.py");
    let folder = closed.replace("/config.py", "");
    #[cfg(unix)]
    let pipe = {
        let path = root.path().canonicalize().unwrap().join("pipe.py");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        format!("file://{}", path.display())
    };
    for (uri, why) in [
        (&elsewhere, "neither an open document nor"),
        (&link, "neither an open document nor"),
        (&around, "neither an open document nor"),
        (&missing, "neither an open document nor"),
        (&broken, "UTF-8"),
        (&secret, "secrets"),
        (&folder, "it is a folder, not a regular file"),
        #[cfg(unix)]
        (&pipe, "it is a pipe, not a regular file"),
    ] {
        let (code, said) = editor.refused("workspace/executeCommand", compare(uri)).await;
        assert!(code == -32602 && said.contains(why), "{uri}: {code} {said}");
    }
    assert!(editor.request("textDocument/hover", at(A, 0, 4)).await.is_object());
    editor.ignore("fovea/heat");
    editor.finish().await;
}
