//! Input that no client should send, although some do.

use serde_json::{Value, json};

use crate::editor::{Editor, at, range};

const URI: &str = "file:///project/a.rs";

async fn watching() -> Editor {
    Editor::start_with(
        json!({"experimental": {"fovea": {"status": true}}}),
        json!({"debounceMs": 0, "maxFileBytes": 10_000_000}),
    )
    .await
}

/// The reason why a document is inactive.
async fn reason(editor: &mut Editor, uri: &str) -> String {
    let of = |status: &Value| {
        let inactive = status["inactive"].as_array().unwrap();
        inactive
            .iter()
            .find(|document| document["uri"] == uri)
            .map(|document| document["reason"].as_str().unwrap().to_owned())
    };
    let status = editor.told_that("fovea/status", |status| of(status).is_some()).await;
    of(&status).unwrap()
}

/// Checks that the server still answers correctly, with a new document.
async fn still_right(mut editor: Editor) {
    let uri = "file:///project/right.rs";
    editor.open(uri, "rust", "fn still_right() {}").await;
    editor.analyzed(uri, 0, 5).await;
    let hover = editor.request("textDocument/hover", at(uri, 0, 5)).await;
    assert!(
        hover["contents"]["value"]
            .as_str()
            .unwrap()
            .starts_with("`still_right` is the most telling word"),
        "{hover}"
    );
    assert_eq!(hover["range"], range((0, 3), (0, 14)));
    editor.finish().await;
}

#[tokio::test]
async fn malformed_messages_are_answered_and_the_next_one_is_read() {
    let mut editor = Editor::start(json!({})).await;
    for (body, code) in [
        (&b"{"[..], -32700),
        (b"", -32700),
        (b"\xff\xfe\x00", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"method\":", -32700),
        (b"[]", -32600),
        (b"{\"jsonrpc\":\"2.0\"}", -32600),
        (b"{\"jsonrpc\":\"1.0\",\"method\":\"a\"}", -32600),
    ] {
        editor.frame(body).await;
        let answer = editor
            .find("an error", |message| message["error"]["code"] == code)
            .await;
        assert_eq!(answer["id"], Value::Null, "{body:?}");
    }
    editor.raw(b"who are you?\r\n\r\n").await;
    editor
        .find("an error", |message| message["error"]["code"] == -32700)
        .await;
    // An answer to a request that the server did not send.
    editor.send(json!({"jsonrpc": "2.0", "id": 999, "result": null})).await;
    still_right(editor).await;
}

#[tokio::test]
async fn requests_with_the_wrong_shape_are_refused() {
    let mut editor = Editor::start(json!({})).await;
    for params in [
        json!({}),
        json!([]),
        Value::Null,
        json!({"textDocument": {"uri": ["no name"]}, "position": {"line": 0, "character": 0}}),
        at(URI, 0, 0)
            .as_object()
            .map(|_| json!({"textDocument": {"uri": URI}, "position": {"line": -1, "character": 0}}))
            .unwrap(),
    ] {
        assert_eq!(editor.refused("textDocument/hover", params).await.0, -32602);
    }
    for method in [
        "textDocument/didOpen",
        "textDocument/didChange",
        "textDocument/didClose",
        "fovea/visible",
    ] {
        for params in [
            json!({}),
            json!([]),
            Value::Null,
            json!("x"),
            json!({"textDocument": {"uri": 3}}),
        ] {
            editor.notify(method, params).await;
        }
    }
    still_right(editor).await;
}

#[tokio::test]
async fn nul_bytes_large_files_and_minified_ones_are_left_alone() {
    let mut editor = watching().await;
    for (uri, text, part) in [
        ("file:///project/nul.rs", "fn a() {}\0".to_owned(), "binary"),
        (
            "file:///project/large.rs",
            "let a_line = of(some, length);\n".repeat(1_700_000),
            "over the limit",
        ),
        ("file:///project/min.js", "var a=1;".repeat(250_000), "minified"),
    ] {
        editor.open(uri, "rust", &text).await;
        let reason = reason(&mut editor, uri).await;
        assert!(reason.contains(part), "{reason}");
        assert_eq!(editor.request("textDocument/hover", at(uri, 0, 3)).await, Value::Null);
        let lenses = editor
            .request("textDocument/codeLens", json!({"textDocument": {"uri": uri}}))
            .await;
        assert_eq!(lenses, json!([]));
        let (code, message) = editor
            .refused("fovea/explain", json!({"textDocument": {"uri": uri}}))
            .await;
        assert_eq!((code, message), (-32602, reason));
    }
    assert!(
        editor.script.texts().is_empty(),
        "the model received text that it should not read"
    );
    // The document is analyzed once it contains text.
    editor
        .change("file:///project/nul.rs", 2, json!([{"text": "fn now_fine() {}"}]))
        .await;
    editor.analyzed("file:///project/nul.rs", 0, 4).await;
    still_right(editor).await;
}

#[tokio::test]
async fn positions_past_the_end_and_reversed_ranges() {
    let mut editor = watching().await;
    editor.open(URI, "rust", "fn a() {}\n").await;
    let huge = u32::MAX;
    editor
        .change(
            URI,
            2,
            json!([{"range": range((huge, huge), (huge, huge)), "text": "fn at_the_end() {}\n"}]),
        )
        .await;
    editor
        .change(URI, 3, json!([{"range": range((0, 4), (0, 3)), "text": "first"}]))
        .await;
    let mut odd = range((0, 0), (0, 0));
    odd["start"]["line"] = json!(-5);
    odd["end"]["character"] = json!(0.0);
    editor.change(URI, 4, json!([{"range": odd, "text": "pub "}])).await;
    let all = range((huge, huge), (0, 0));
    let explained = editor
        .request("fovea/explain", json!({"textDocument": {"uri": URI}, "range": all}))
        .await;
    let words: Vec<&str> = explained["units"][0]["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        words,
        [
            "pub",
            "fn",
            "first",
            "(",
            ")",
            "{",
            "}",
            "fn",
            "at_the_end",
            "(",
            ")",
            "{",
            "}"
        ]
        .into_iter()
        .filter(|w| words.contains(w))
        .collect::<Vec<_>>()
    );
    assert!(
        words.contains(&"first") && words.contains(&"at_the_end") && words.contains(&"pub"),
        "{words:?}"
    );
    assert_eq!(
        editor.request("textDocument/hover", at(URI, huge, huge)).await,
        Value::Null
    );
    still_right(editor).await;
}

#[tokio::test]
async fn half_a_surrogate_pair_in_text_and_in_positions() {
    let mut editor = watching().await;
    editor.open(URI, "rust", "// 😀😀 smile\nfn smile() {}\n").await;
    // The position is inside the first pair: the edit applies at the start of the pair.
    editor
        .change(URI, 2, json!([{"range": range((0, 4), (0, 4)), "text": "x"}]))
        .await;
    let body = format!(
        r#"{{"jsonrpc":"2.0","method":"textDocument/didChange","params":{{"textDocument":{{"uri":"{URI}","version":3}},"contentChanges":[{{"range":{},"text":"\ud83d word"}}]}}}}"#,
        range((0, 0), (0, 2))
    );
    editor.frame(body.as_bytes()).await;
    let params = json!({"textDocument": {"uri": URI}, "range": range((0, 0), (0, 99))});
    let explained = editor.request("fovea/explain", params).await;
    assert_eq!(explained["units"][0]["end"]["byte"], "\u{fffd} word x😀😀 smile".len());
    still_right(editor).await;
}

#[tokio::test]
async fn all_line_ends_and_an_empty_file() {
    let mut editor = watching().await;
    editor
        .open(URI, "rust", "fn one() {}\r\nfn two() {}\rfn three() {}\nfn four() {}")
        .await;
    for (line, name) in [(0, "one"), (1, "two"), (2, "three"), (3, "four")] {
        editor.analyzed(URI, line, 4).await;
        let hover = editor.request("textDocument/hover", at(URI, line, 4)).await;
        assert!(
            hover["contents"]["value"]
                .as_str()
                .unwrap()
                .starts_with(&format!("`{name}` is the most telling word")),
            "{hover}"
        );
        assert_eq!(hover["range"]["start"], json!({"line": line, "character": 3}));
    }
    editor.open("file:///project/empty.rs", "rust", "").await;
    assert_eq!(
        editor
            .request("textDocument/hover", at("file:///project/empty.rs", 0, 0))
            .await,
        Value::Null
    );
    let explained = editor
        .request(
            "fovea/explain",
            json!({"textDocument": {"uri": "file:///project/empty.rs"}}),
        )
        .await;
    assert_eq!(explained["units"], json!([]));
    still_right(editor).await;
}

#[tokio::test]
async fn unknown_languages_and_names_that_are_no_files() {
    let mut editor = Editor::start(json!({})).await;
    for (uri, language) in [
        ("file:///project/a.b%C3%A9", "klingon"),
        ("untitled:Untitled-1", ""),
        ("vscode-notebook-cell:/project/a.ipynb#W0sZmlsZQ", "python"),
        ("git:/project/a.rs?%7B%7D", "rust"),
    ] {
        editor.open(uri, language, "a document of some words\n").await;
        editor.analyzed(uri, 0, 3).await;
    }
    // This is not a URI.
    editor.open("C:\\a b", "rust", "fn a_name() {}").await;
    editor.analyzed("C:\\a b", 0, 5).await;
    still_right(editor).await;
}

#[tokio::test]
async fn edits_of_documents_that_are_not_open() {
    let mut editor = Editor::start(json!({})).await;
    editor.change(URI, 2, json!([{"text": "fn a() {}"}])).await;
    editor
        .notify("textDocument/didClose", json!({"textDocument": {"uri": URI}}))
        .await;
    assert_eq!(editor.request("textDocument/hover", at(URI, 0, 3)).await, Value::Null);
    editor.open(URI, "rust", "fn opened() {}").await;
    // If a document is opened twice, the second text counts.
    editor.open(URI, "rust", "fn opened_again() {}").await;
    editor.analyzed(URI, 0, 12).await;
    still_right(editor).await;
}

#[tokio::test]
async fn a_document_whose_edit_is_lost_is_not_explained_until_it_is_whole_again() {
    let mut editor = watching().await;
    editor.open(URI, "rust", "fn a_name() {}").await;
    editor.analyzed(URI, 0, 4).await;
    editor.change(URI, 2, json!([{"range": range((0, 0), (0, 1))}])).await;
    assert!(reason(&mut editor, URI).await.contains("could not be read"));
    assert_eq!(editor.request("textDocument/hover", at(URI, 0, 4)).await, Value::Null);
    editor.change(URI, 3, json!([{"text": "fn whole_again() {}"}])).await;
    editor.analyzed(URI, 0, 4).await;
    still_right(editor).await;
}

#[tokio::test]
async fn a_long_header_and_a_name_in_markdown() {
    let mut editor = Editor::start(json!({})).await;
    let uri = "file:///project/a.md";
    editor
        .open(uri, "markdown", "Look: [click](command:evil) `code` <img src=x>\n")
        .await;
    editor.analyzed(uri, 0, 8).await;
    for column in 0..45 {
        let hover = editor.request("textDocument/hover", at(uri, 0, column)).await;
        if let Some(text) = hover["contents"]["value"].as_str() {
            assert!(!text.contains("](command:"), "{text}");
        }
    }
    editor.raw(&vec![b'x'; 100_000]).await;
    editor.raw(b"\r\n").await;
    editor
        .find("an error", |message| message["error"]["code"] == -32700)
        .await;
    still_right(editor).await;
}
