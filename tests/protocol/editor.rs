//! An editor for tests that talks to a server in this process over a pipe. A test must look at every message.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use fovea::model::{Model, Source};
use fovea::server::PageModels;

use crate::fake::Script;

/// Time limit for every wait.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A connection to a server.
pub struct Editor {
    to_server: Option<DuplexStream>,
    from_server: mpsc::UnboundedReceiver<Value>,
    /// Messages that arrived while the test waited for another one.
    kept: VecDeque<Value>,
    /// Methods whose messages need not be read.
    ignored: Vec<String>,
    server: Option<JoinHandle<u8>>,
    next: i64,
    finished: bool,
    /// Controls the model.
    pub script: Arc<Script>,
    /// The answer to `initialize`.
    pub capabilities: Value,
}

/// The models of pages: the embedded one, because the fake has no layers to show.
pub fn pages() -> PageModels {
    Box::new(|_, _| Model::interpreted(&Source::EMBEDDED))
}

impl Editor {
    /// Starts a server and sends nothing yet.
    pub fn connect() -> Editor {
        Editor::with_pipe(1 << 20, Arc::default())
    }

    /// Starts a server whose output pipe holds `bytes` bytes. It keeps nothing on disk.
    pub fn with_pipe(bytes: usize, script: Arc<Script>) -> Editor {
        Editor::serving(bytes, script, None)
    }

    /// Starts a server that keeps its results in a folder.
    pub fn kept_in(folder: &Path) -> Editor {
        Editor::serving(1 << 20, Arc::default(), Some(folder.to_owned()))
    }

    fn serving(bytes: usize, script: Arc<Script>, folder: Option<PathBuf>) -> Editor {
        let (to_server, input) = tokio::io::duplex(1 << 20);
        let (output, from_server) = tokio::io::duplex(bytes);
        let server = tokio::spawn(fovea::server::serve(
            input,
            output,
            script.loaders(),
            pages(),
            folder,
            None,
        ));
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(read(from_server, sender));
        Editor {
            to_server: Some(to_server),
            from_server: receiver,
            kept: VecDeque::new(),
            ignored: Vec::new(),
            server: Some(server),
            next: 0,
            finished: false,
            script,
            capabilities: Value::Null,
        }
    }

    /// Starts a server for a client with these capabilities, without options.
    pub async fn start(capabilities: Value) -> Editor {
        Editor::start_with(capabilities, Value::Null).await
    }

    /// Starts a server for a client with these capabilities and `initializationOptions`.
    pub async fn start_with(capabilities: Value, options: Value) -> Editor {
        let mut editor = Editor::connect();
        editor.initialize(capabilities, options).await;
        editor
    }

    /// Sends `initialize` and `initialized`.
    pub async fn initialize(&mut self, capabilities: Value, options: Value) {
        let params = json!({
            "processId": null,
            "rootUri": "file:///shop",
            "capabilities": capabilities,
            "initializationOptions": options,
        });
        self.capabilities = self.request("initialize", params).await;
        self.notify("initialized", json!({})).await;
    }

    /// Sends bytes without a header.
    pub async fn raw(&mut self, bytes: &[u8]) {
        self.to_server.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    /// Sends a frame with this body.
    pub async fn frame(&mut self, body: &[u8]) {
        self.raw(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes())
            .await;
        self.raw(body).await;
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.frame(message.to_string().as_bytes()).await;
    }

    /// Sends a notification.
    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params}))
            .await;
    }

    /// Sends a request and returns its id.
    pub async fn ask(&mut self, method: &str, params: Value) -> i64 {
        self.next += 1;
        self.send(json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}))
            .await;
        self.next
    }

    /// The answer to a request, a result or an error.
    pub async fn answer(&mut self, id: i64) -> Value {
        self.find(&format!("answer {id}"), |message| {
            message.get("method").is_none() && message["id"] == id
        })
        .await
    }

    /// The result of a request that succeeds.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        let mut answer = self.answer(id).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// The error of a request that fails.
    pub async fn refused(&mut self, method: &str, params: Value) -> (i64, String) {
        let id = self.ask(method, params).await;
        let answer = self.answer(id).await;
        assert!(answer.get("error").is_some(), "{method}: {answer}");
        (
            answer["error"]["code"].as_i64().unwrap(),
            answer["error"]["message"].as_str().unwrap().to_owned(),
        )
    }

    /// The parameters of the next notification of a method.
    pub async fn told(&mut self, method: &str) -> Value {
        self.told_that(method, |_| true).await
    }

    /// The parameters of the next notification of a method that fulfills a condition; earlier ones are dropped.
    pub async fn told_that(&mut self, method: &str, so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let wanted = |message: &Value| message["method"] == method && message.get("id").is_none();
            let mut message = self.find(method, wanted).await;
            if so(&message["params"]) {
                return message["params"].take();
            }
        }
    }

    /// The parameters of the server's next request for a method, which is answered with `answer`.
    pub async fn asked(&mut self, method: &str, answer: Value) -> Value {
        let mut message = self
            .find(method, |message| {
                message["method"] == method && message.get("id").is_some()
            })
            .await;
        self.send(json!({"jsonrpc": "2.0", "id": message["id"], "result": answer}))
            .await;
        message["params"].take()
    }

    /// The next message that fulfills a condition; others are kept.
    pub async fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.kept.iter().position(&wanted) {
            return self.kept.remove(index).unwrap();
        }
        loop {
            match tokio::time::timeout(DEADLINE, self.from_server.recv()).await {
                Ok(Some(message)) if wanted(&message) => return message,
                Ok(Some(message)) => self.kept.push_back(message),
                Ok(None) => panic!("the server ended before {what}; {:?}", self.kept),
                Err(_) => panic!("no {what} arrived, but {:?}", self.kept),
            }
        }
    }

    /// Opens a document as version 1.
    pub async fn open(&mut self, uri: &str, language: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}))
            .await;
    }

    /// Edits a document.
    pub async fn change(&mut self, uri: &str, version: i32, changes: Value) {
        let document = json!({"uri": uri, "version": version});
        self.notify(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": changes}),
        )
        .await;
    }

    /// Waits until hovers answer at a position, so that the document is analyzed.
    pub async fn analyzed(&mut self, uri: &str, line: u32, character: u32) {
        for _ in 0..1000 {
            let id = self.ask("textDocument/hover", at(uri, line, character)).await;
            let answer = self.answer(id).await;
            if answer.get("result").is_some_and(|result| !result.is_null()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{uri} was not analyzed");
    }

    /// Waits for lenses.
    pub async fn lenses(&mut self, uri: &str) -> Vec<Value> {
        for _ in 0..1000 {
            let answer = self
                .request("textDocument/codeLens", json!({"textDocument": {"uri": uri}}))
                .await;
            let lenses = answer.as_array().unwrap().clone();
            if !lenses.is_empty() {
                return lenses;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{uri} got no lenses");
    }

    /// Closes the pipe to the server.
    pub fn hang_up(&mut self) {
        self.to_server = None;
    }

    /// Waits until the server ends; its exit code.
    pub async fn code(&mut self) -> u8 {
        self.finished = true;
        let server = self.server.take().unwrap();
        tokio::time::timeout(DEADLINE, server)
            .await
            .expect("the server did not end")
            .unwrap()
    }

    /// Drops the messages of a method that have arrived, and at the end those that come later.
    pub fn ignore(&mut self, method: &str) {
        self.ignored.push(method.to_owned());
        self.kept.retain(|message| message["method"] != method);
        while let Ok(message) = self.from_server.try_recv() {
            if message["method"] != method {
                self.kept.push_back(message);
            }
        }
    }

    /// Ends the session with the pipe still open: the server must exit with 0, and no message may be unread.
    pub async fn finish(mut self) {
        assert_eq!(self.request("shutdown", Value::Null).await, Value::Null);
        self.notify("exit", Value::Null).await;
        assert_eq!(self.code().await, 0);
        while let Some(message) = self.from_server.recv().await {
            self.kept.push_back(message);
        }
        // A status may come at any time.
        let ignored = &self.ignored;
        self.kept.retain(|message| {
            message["method"] != "fovea/status" && !ignored.iter().any(|own| message["method"] == **own)
        });
        assert!(self.kept.is_empty(), "unread: {:?}", self.kept);
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.finished, "a test must end its session");
        }
    }
}

/// The parameters of a request about a position.
pub fn at(uri: &str, line: u32, character: u32) -> Value {
    json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}})
}

/// An LSP range.
pub fn range(from: (u32, u32), to: (u32, u32)) -> Value {
    json!({"start": {"line": from.0, "character": from.1}, "end": {"line": to.0, "character": to.1}})
}

async fn read(from_server: DuplexStream, messages: mpsc::UnboundedSender<Value>) {
    let mut from_server = BufReader::new(from_server);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if from_server.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            match line.trim().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().expect("a length"),
                None if line.trim().is_empty() => break,
                None => panic!("not a header: {line:?}"),
            }
        }
        let mut body = vec![0; length];
        if from_server.read_exact(&mut body).await.is_err() {
            return;
        }
        if messages.send(serde_json::from_slice(&body).expect("JSON")).is_err() {
            return;
        }
    }
}
