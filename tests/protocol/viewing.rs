//! `fovea.openView` and `fovea/view`: the page of the model, in a browser and in a panel of the editor.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::editor::{Editor, at};

const URI: &str = "file:///project/a.py";
const TEXT: &str = "def first():\n    return 1\n\n\ndef second(a, b):\n    total = a + b\n    return total\n";

async fn opened() -> Editor {
    let mut editor = Editor::start(json!({"experimental": {"fovea": true}})).await;
    editor.open(URI, "python", TEXT).await;
    editor
}

async fn asked(editor: &mut Editor, path: &str) -> Value {
    let params = json!({"textDocument": {"uri": URI}, "path": path});
    editor.request("fovea/view", params).await
}

async fn address(editor: &mut Editor, arguments: Value) -> String {
    let params = json!({"command": "fovea.openView", "arguments": [arguments]});
    let answer = editor.request("workspace/executeCommand", params).await;
    answer["address"].as_str().unwrap().to_owned()
}

/// The status and the body of an answer of the page.
async fn get(address: &str, path: &str) -> (u16, Value) {
    let rest = address.strip_prefix("http://").unwrap();
    let (host, base) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{base}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Ends a session without looking at its heat and status.
async fn finish(mut editor: Editor) {
    for method in ["fovea/heat", "fovea/status"] {
        editor.ignore(method);
    }
    editor.finish().await;
}

#[tokio::test]
async fn a_client_with_a_panel_carries_the_questions_of_the_page() {
    let mut editor = opened().await;
    let document = asked(&mut editor, "document").await;
    assert_eq!(document["json"]["units"].as_array().unwrap().len(), 2);
    assert_eq!(document["json"]["model"]["layers"], 6);
    assert_eq!(document["json"]["units"][1]["name"], "second");
    let unit = asked(&mut editor, "unit/1").await;
    assert!(unit["json"]["tokens"].as_array().unwrap().len() > 10, "{unit}");
    // Attention maps are bytes: n × n fractions of 16 bits for each of 12 heads.
    let maps = asked(&mut editor, "attention/1/0").await;
    assert!(maps["base64"].as_str().unwrap().len() > 1000, "{maps}");
    let params = json!({"textDocument": {"uri": URI}, "path": "../etc/passwd"});
    assert_eq!(editor.refused("fovea/view", params).await.0, -32602);
    let params = json!({"textDocument": {"uri": "file:///project/closed.py"}, "path": "document"});
    assert_eq!(editor.refused("fovea/view", params).await.0, -32602);
    finish(editor).await;
}

#[tokio::test]
async fn a_panel_learns_of_edits_and_of_the_unit_at_the_cursor() {
    let mut editor = opened().await;
    let place = json!({"textDocument": {"uri": URI}, "path": "now", "position": {"line": 5, "character": 4}});
    let before = editor.request("fovea/view", place.clone()).await;
    assert_eq!(
        (&before["json"]["version"], &before["json"]["unit"]),
        (&json!(1), &json!(1))
    );
    // The edit deletes the first function, so the cursor is in the only unit.
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 4, "character": 0}});
    editor.change(URI, 2, json!([{"range": range, "text": ""}])).await;
    let place = json!({"textDocument": {"uri": URI}, "path": "now", "position": {"line": 1, "character": 4}});
    let after = editor.request("fovea/view", place).await;
    assert_eq!(
        (&after["json"]["version"], &after["json"]["unit"]),
        (&json!(2), &json!(0))
    );
    let document = asked(&mut editor, "document").await;
    assert_eq!(document["json"]["units"].as_array().unwrap().len(), 1);
    assert_eq!(document["json"]["units"][0]["name"], "second");
    finish(editor).await;
}

#[tokio::test]
async fn an_open_page_is_told_of_edits_and_follows_the_cursor() {
    let mut editor = opened().await;
    let page = address(&mut editor, json!({"uri": URI})).await;
    assert_eq!(
        address(&mut editor, json!({"uri": URI})).await,
        page,
        "one page for a document"
    );
    let (status, first) = get(&page, "api/after/0").await;
    assert_eq!(
        (status, &first["version"], &first["unit"]),
        (200, &json!(1), &Value::Null)
    );
    let number = first["number"].as_u64().unwrap();
    // A waiting page learns the cursor from the editor's next request.
    let waiting = tokio::spawn({
        let page = page.clone();
        async move { get(&page, &format!("api/after/{number}")).await }
    });
    editor.request("textDocument/documentHighlight", at(URI, 5, 6)).await;
    let moved = waiting.await.unwrap().1;
    assert_eq!(moved["unit"], 1, "{moved}");
    let end = json!({"start": {"line": 7, "character": 0}, "end": {"line": 7, "character": 0}});
    editor
        .change(URI, 2, json!([{"range": end, "text": "\n\ndef third():\n    pass\n"}]))
        .await;
    let (_, edited) = get(&page, &format!("api/after/{}", moved["number"])).await;
    assert_eq!(edited["version"], 2);
    let (_, document) = get(&page, "api/document").await;
    assert_eq!(document["units"].as_array().unwrap().len(), 3);
    // A client without the secret gets nothing.
    let host = page.split('/').nth(2).unwrap();
    assert_eq!(get(&format!("http://{host}/0123/"), "api/document").await.0, 403);
    finish(editor).await;
}

#[tokio::test]
async fn a_client_that_can_show_a_page_is_asked_to_and_one_that_shows_it_itself_is_not() {
    let capabilities = json!({"window": {"showDocument": {"support": true}}});
    let mut editor = Editor::start(capabilities).await;
    editor.open(URI, "python", TEXT).await;
    let params = |show: bool| json!({"command": "fovea.openView", "arguments": [{"uri": URI, "show": show}]});
    let id = editor.ask("workspace/executeCommand", params(true)).await;
    let shown = editor.asked("window/showDocument", json!({"success": true})).await;
    assert_eq!(shown["external"], true);
    let answer = editor.answer(id).await;
    assert_eq!(
        (&answer["result"]["shown"], &answer["result"]["address"]),
        (&json!(true), &shown["uri"])
    );
    let answer = editor.request("workspace/executeCommand", params(false)).await;
    assert_eq!(answer["shown"], false);
    editor.finish().await;
}
