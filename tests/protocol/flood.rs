//! Clients that send and do not read, or ask and do not answer.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::editor::{DEADLINE, Editor, at};
use crate::fake::Script;
use crate::features::{PYTHON, RUST};

const URI: &str = "file:///project/a.rs";

fn frame(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_without_reading_an_answer() {
    let script = Arc::new(Script::default());
    let (mut to_server, input) = tokio::io::duplex(1 << 16);
    // A pipe that is full after a few answers.
    let (output, mut from_server) = tokio::io::duplex(1 << 10);
    let server = tokio::spawn(fovea::server::serve(
        input,
        output,
        script.loaders(),
        crate::editor::pages(),
        None,
        None,
    ));
    let mut send = async |message: Value| to_server.write_all(&frame(&message)).await.unwrap();
    send(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}})).await;
    // The framework accepts requests only after it answers `initialize`, so this answer is read.
    let mut first = vec![0; 16];
    from_server.read_exact(&mut first).await.unwrap();
    send(json!({"jsonrpc": "2.0", "method": "initialized", "params": {}})).await;
    let document = json!({"uri": URI, "languageId": "rust", "version": 1, "text": "fn flooded() {}"});
    send(json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document}})).await;
    let all = async {
        for id in 1..=10_000 {
            send(json!({"jsonrpc": "2.0", "id": id, "method": "textDocument/hover", "params": at(URI, 0, 4)})).await;
        }
        send(json!({"jsonrpc": "2.0", "id": 10_001, "method": "shutdown"})).await;
    };
    tokio::time::timeout(DEADLINE, all)
        .await
        .expect("the server stopped reading");
    let mut text = first;
    let mut seen = HashSet::new();
    let answered = async {
        let mut buffer = vec![0; 1 << 16];
        while seen.len() < 10_002 {
            let read = from_server.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the server ended");
            text.extend_from_slice(&buffer[..read]);
            while let Some((message, rest)) = split(&text) {
                assert!(
                    seen.insert(message["id"].as_i64().unwrap()),
                    "answered twice: {message}"
                );
                let code = message["error"]["code"].as_i64();
                assert!(
                    code.is_none() || code == Some(-32802) || code == Some(-32801),
                    "{message}"
                );
                text = rest;
            }
        }
    };
    tokio::time::timeout(DEADLINE, answered)
        .await
        .expect("answers are missing");
    assert_eq!(seen.len(), 10_002);
    to_server
        .write_all(&frame(&json!({"jsonrpc": "2.0", "method": "exit"})))
        .await
        .unwrap();
    assert_eq!(server.await.unwrap(), 0);
}

/// The first message in a text, and the rest.
fn split(text: &[u8]) -> Option<(Value, Vec<u8>)> {
    let end = text.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let header = std::str::from_utf8(&text[..end]).unwrap();
    let length: usize = header.trim().strip_prefix("Content-Length: ").unwrap().parse().unwrap();
    let body = text.get(end..end + length)?;
    Some((serde_json::from_slice(body).unwrap(), text[end + length..].to_vec()))
}

#[tokio::test]
async fn a_client_that_never_answers() {
    let everything = json!({
        "workspace": {
            "configuration": true,
            "didChangeConfiguration": {"dynamicRegistration": true},
            "codeLens": {"refreshSupport": true},
        },
        "textDocument": {"documentHighlight": {"dynamicRegistration": true}},
        "window": {"workDoneProgress": true, "showDocument": {"support": true}, "showMessage": {}},
    });
    let mut editor = Editor::start_with(
        everything,
        json!({"codeLens": {"minSimilarity": 0.1}, "lens": {"detail": "all"}}),
    )
    .await;
    editor.open(URI, "rust", RUST).await;
    editor.open("file:///project/b.py", "python", PYTHON).await;
    editor.analyzed(URI, 0, 4).await;
    let lenses = editor.lenses(URI).await;
    // The command asks the client, which never answers; later requests must still be answered.
    let lens = editor.request("codeLens/resolve", lenses[0].clone()).await;
    let command = json!({"command": lens["command"]["command"], "arguments": lens["command"]["arguments"]});
    let waiting = editor.ask("workspace/executeCommand", command).await;
    for version in 2..12 {
        let change = json!([{"range": crate::editor::range((0, 0), (0, 0)), "text": "\n"}]);
        editor.change(URI, version, change).await;
    }
    editor.analyzed(URI, 10, 4).await;
    editor.notify("$/cancelRequest", json!({"id": waiting})).await;
    assert_eq!(editor.answer(waiting).await["error"]["code"], -32800);
    for method in [
        "client/registerCapability",
        "workspace/configuration",
        "workspace/codeLens/refresh",
        "window/showMessageRequest",
    ] {
        editor.ignore(method);
    }
    editor.ignore("window/showDocument");
    editor.finish().await;
}
