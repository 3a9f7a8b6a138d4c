//! Names of documents that clients really send: unescaped URIs, git's versions of files, two spellings of one file.

use serde_json::{Value, json};

use crate::editor::{Editor, at, range};
use crate::features::{PYTHON, RUST};

const BANK: &str = include_str!("../reported/02-diff/bank.py");
const PAGE: &str = include_str!("../reported/18-brackets/app/orders/[id]/page.tsx");

fn capabilities() -> Value {
    json!({
        "window": {"showDocument": {"support": true}, "showMessage": {}},
        "experimental": {"fovea": {"heat": true, "status": true, "commandLinks": true}},
        "textDocument": {"publishDiagnostics": {"relatedInformation": true}},
    })
}

fn options() -> Value {
    json!({
        "debounceMs": 0, "codeLens.minSimilarity": 0.1, "lens.detail": "all",
        "diagnostics.enable": true, "diagnostics.minSimilarity": 0.2,
    })
}

#[tokio::test]
async fn answers_about_a_document_use_the_uri_that_its_client_sent() {
    for name in [
        "file:///p/app/orders/[id]/page.tsx",
        "file:///p/é 編/a b.tsx",
        "file:///p/a|b^c\\d{e}`f.tsx",
        "file:///p/100%/a.tsx",
        "file:///p/C#/what?.tsx",
        "/p/no/scheme.tsx",
        "",
        "git:/p/page.tsx?{\"path\":\"/p/page.tsx\",\"ref\":\"~\"}",
    ] {
        let mut editor = Editor::start_with(capabilities(), options()).await;
        editor.open(name, "typescriptreact", PAGE).await;
        let heat = editor.told_that("fovea/heat", |heat| heat["complete"] == true).await;
        assert_eq!(heat["uri"], name);
        assert!(!heat["words"].as_array().unwrap().is_empty(), "{name}");
        editor.analyzed(name, 0, 24).await;
        editor
            .change(name, 2, json!([{"range": range((0, 22), (0, 22)), "text": "re"}]))
            .await;
        let heat = editor.told_that("fovea/heat", |heat| heat["version"] == 2).await;
        assert_eq!(heat["uri"], name);
        editor
            .notify("textDocument/didClose", json!({"textDocument": {"uri": name}}))
            .await;
        editor.finish().await;
    }
}

#[tokio::test]
async fn lenses_locations_diagnostics_and_the_state_have_the_clients_spelling() {
    let (a, b) = ("file:///project/[a]/load me.rs", "file:///project/é/config.py");
    let mut editor = Editor::start_with(capabilities(), options()).await;
    editor.open(a, "rust", RUST).await;
    editor.open(b, "python", PYTHON).await;
    editor.open("file:///project/[a]/.env", "plaintext", "A=1").await;
    let state = editor
        .told_that("fovea/status", |state| state["inactive"] != json!([]))
        .await;
    assert_eq!(state["inactive"][0]["uri"], "file:///project/[a]/.env");
    let lens = editor.lenses(a).await[0].clone();
    assert_eq!(lens["data"]["uri"], a);
    let lens = editor.request("codeLens/resolve", lens).await;
    assert!(
        lens["command"]["title"].as_str().unwrap().ends_with("é/config.py"),
        "{lens}"
    );
    let argument = &lens["command"]["arguments"][0];
    assert_eq!(
        (&argument["uri"], &argument["similar"][0]["uri"]),
        (&json!(a), &json!(b))
    );
    let command = json!({"command": lens["command"]["command"], "arguments": lens["command"]["arguments"]});
    let id = editor.ask("workspace/executeCommand", command).await;
    assert_eq!(
        editor.asked("window/showDocument", json!({"success": true})).await["uri"],
        b
    );
    editor.answer(id).await;
    let told = editor
        .told_that("textDocument/publishDiagnostics", |told| told["uri"] == a)
        .await;
    assert_eq!(told["diagnostics"][0]["relatedInformation"][0]["location"]["uri"], b);
    let hover = editor.request("textDocument/hover", at(a, 0, 4)).await;
    let text = hover["contents"]["value"].as_str().unwrap().to_owned();
    assert!(text.contains("%5Ba%5D%2Fload%20me.rs"), "{text}");
    // Another spelling of an open document names the same document.
    let hover_by_another = editor
        .request("textDocument/hover", at("file:///project/%5ba%5d/load%20me.rs", 0, 4))
        .await;
    assert_eq!(hover_by_another["range"], hover["range"]);
    let (code, message) = editor
        .refused(
            "fovea/explain",
            json!({"textDocument": {"uri": "file:///project/[gone].rs"}}),
        )
        .await;
    assert_eq!(code, -32602);
    assert!(message.contains("is not open"), "{message}");
    editor.ignore("fovea/heat");
    editor.ignore("textDocument/publishDiagnostics");
    editor.finish().await;
}

#[tokio::test]
async fn a_root_with_brackets_is_opened_and_its_files_compared() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("shop [v2] é");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(
        root.join("[id].ts"),
        include_str!("../reported/18-brackets/app/other.ts"),
    )
    .unwrap();
    let named = format!("file://{}", root.display());
    let mut editor = Editor::connect();
    let params = json!({
        "processId": null, "capabilities": capabilities(), "initializationOptions": options(),
        "rootUri": named, "workspaceFolders": [{"uri": named, "name": "shop"}],
    });
    let answer = editor.request("initialize", params).await;
    assert_eq!(answer["serverInfo"]["name"], "fovea");
    editor.notify("initialized", json!({})).await;
    let passage = |name: &str| json!({"uri": format!("{named}/{name}"), "range": range((0, 0), (3, 0))});
    let compared = editor
        .request(
            "workspace/executeCommand",
            json!({"command": "fovea.comparePassages", "arguments": [passage("[id].ts"), {"text": "format money"}]}),
        )
        .await;
    assert!(compared["cosine"].is_number(), "{compared}");
    editor.finish().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_with_a_name_that_is_not_utf8_is_read() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    if std::fs::write(root.join(name), BANK).is_err() {
        // The file system does not allow such a name.
        return;
    }
    let mut editor = Editor::connect();
    let named = format!("file://{}", root.display());
    let params = json!({"processId": null, "capabilities": capabilities(), "rootUri": named});
    editor.request("initialize", params).await;
    editor.notify("initialized", json!({})).await;
    let passage = json!({"uri": format!("{named}/caf%E9.py"), "range": range((0, 0), (4, 0))});
    let compared = editor
        .request(
            "workspace/executeCommand",
            json!({"command": "fovea.comparePassages", "arguments": [passage, {"text": "settle an account"}]}),
        )
        .await;
    assert!(compared["cosine"].is_number(), "{compared}");
    editor.finish().await;
}

#[tokio::test]
async fn a_git_version_is_not_similar_to_its_file_and_has_a_readable_name() {
    let (file, fork) = ("file:///shop/bank.py", "file:///shop/fork.py");
    let git = "git:/shop/bank.py.git?{\"path\":\"/shop/bank.py\",\"ref\":\"HEAD\"}";
    let mut editor = Editor::start_with(capabilities(), options()).await;
    editor.open(git, "python", BANK).await;
    editor.open(fork, "python", BANK).await;
    let title = |lens: &Value| lens["command"]["title"].as_str().unwrap().to_owned();
    let lens = editor.lenses(fork).await[0].clone();
    let lens = editor.request("codeLens/resolve", lens).await;
    assert!(title(&lens).contains("· bank.py (git)"), "{}", title(&lens));
    editor.open(file, "python", BANK).await;
    editor.analyzed(file, 0, 5).await;
    // Similar items now include the file and not git's version of it; both find only the third document.
    for _ in 0..1000 {
        let lenses = editor.lenses(file).await;
        let lens = editor.request("codeLens/resolve", lenses[0].clone()).await;
        assert!(
            !title(&lens).contains("bank.py") && title(&lens).contains("fork.py"),
            "{}",
            title(&lens)
        );
        let lenses = editor.lenses(git).await;
        let lens = editor.request("codeLens/resolve", lenses[0].clone()).await;
        assert!(!title(&lens).contains("bank.py"), "{}", title(&lens));
        let lenses = editor.lenses(fork).await;
        let lens = editor.request("codeLens/resolve", lenses[0].clone()).await;
        let similar = lens["command"]["arguments"][0]["similar"].as_array().unwrap();
        let uris: Vec<&Value> = similar
            .iter()
            .map(|item| &item["uri"])
            .filter(|uri| *uri != fork)
            .collect();
        if uris.contains(&&json!(file)) {
            assert!(!uris.contains(&&json!(git)), "{uris:?}");
            editor.ignore("fovea/heat");
            editor.ignore("textDocument/publishDiagnostics");
            editor.finish().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the file was not found");
}

#[tokio::test]
async fn an_unknown_language_is_replaced_by_that_of_the_file_name() {
    let (views, wallet) = ("file:///shop/views.py", "file:///shop/wallet.py");
    for (a, b) in [("python.django", "python"), ("", "klingon"), ("python", "python.flask")] {
        let mut settings = options();
        settings["languages"] = json!(["python"]);
        let mut editor = Editor::start_with(capabilities(), settings).await;
        editor
            .open(views, a, include_str!("../reported/14-filetype/views.py"))
            .await;
        editor
            .open(wallet, b, include_str!("../reported/14-filetype/wallet.py"))
            .await;
        let lens = editor.lenses(views).await[0].clone();
        let lens = editor.request("codeLens/resolve", lens).await;
        assert_eq!(
            lens["command"]["arguments"][0]["similar"][0]["language"], "python",
            "{a:?} {b:?}"
        );
        editor.ignore("fovea/heat");
        editor.ignore("textDocument/publishDiagnostics");
        editor.finish().await;
    }
}

#[tokio::test]
async fn a_header_that_becomes_one_of_cpp_is_read_as_cpp() {
    let header = "file:///shop/shapes.h";
    let mut editor = Editor::start_with(capabilities(), options()).await;
    editor.open(header, "c", "int area(void);\n").await;
    editor.analyzed(header, 0, 5).await;
    let explained = editor
        .request("fovea/explain", json!({"textDocument": {"uri": header}}))
        .await;
    assert_eq!(explained["language"], "c");
    let shapes = include_str!("../reported/07-shapes/07-shapes.h");
    editor.change(header, 2, json!([{"text": shapes}])).await;
    let explained = editor
        .request("fovea/explain", json!({"textDocument": {"uri": header}}))
        .await;
    assert_eq!(explained["language"], "cpp");
    let names: Vec<&str> = explained["units"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|unit| unit["name"].as_str())
        .collect();
    assert!(
        names.contains(&"rotate") || names.iter().any(|name| name.contains("Polygon")),
        "{names:?}"
    );
    editor.ignore("fovea/heat");
    editor.finish().await;
}
