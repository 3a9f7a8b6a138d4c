//! The program itself, over its own stdin and stdout, with its own model.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::editor::{DEADLINE, at};

const URI: &str = "file:///project/a.rs";

/// A text that stands in documents and must stand nowhere else.
const CANARY: &str = "c4n4ryQuux";

struct Program {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    errors: std::thread::JoinHandle<String>,
    next: i64,
    folder: Option<TempDir>,
}

impl Program {
    /// A program whose results go when it does.
    fn start() -> Program {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::start_in(folder.path());
        program.folder = Some(folder);
        program
    }

    /// A program whose results stay in a folder.
    fn start_in(folder: &Path) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
            .args(["serve", "--stdio"])
            .env("RUST_LOG", "trace")
            .env("FOVEA_CACHE_DIR", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, messages) = channel();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        Program {
            input: child.stdin.take(),
            child,
            messages,
            errors,
            next: 0,
            folder: None,
        }
    }

    fn initialized(options: Value) -> Program {
        let mut program = Program::start();
        program.greet(json!({}), options);
        program
    }

    fn greet(&mut self, capabilities: Value, options: Value) {
        self.request(
            "initialize",
            json!({"capabilities": capabilities, "initializationOptions": options}),
        );
        self.notify("initialized", json!({}));
    }

    fn frame(&mut self, body: &[u8]) {
        let input = self.input.as_mut().unwrap();
        write!(input, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
        input.write_all(body).unwrap();
        input.flush().unwrap();
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.frame(
            json!({"jsonrpc": "2.0", "method": method, "params": params})
                .to_string()
                .as_bytes(),
        );
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let message = json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.frame(message.to_string().as_bytes());
        loop {
            let message = self.messages.recv_timeout(DEADLINE).expect("no answer");
            if message["id"] == self.next {
                return message;
            }
        }
    }

    /// The heat of a whole document.
    fn heat(&mut self) -> Value {
        loop {
            let message = self.messages.recv_timeout(DEADLINE).expect("no heat");
            if message["method"] == "fovea/heat" && message["params"]["complete"] == true {
                return message["params"].clone();
            }
        }
    }

    fn open(&mut self, text: &str) {
        let document = json!({"uri": URI, "languageId": "rust", "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// Ends with stdin still open.
    fn end(mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let errors = self.errors.join().unwrap();
                drop(self.input);
                return (status, errors);
            }
            if start.elapsed() > DEADLINE {
                self.child.kill().unwrap();
                panic!("it goes on");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn finish(mut self) -> String {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        let (status, errors) = self.end();
        assert_eq!(status.code(), Some(0), "{errors}");
        errors
    }
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        match line.trim().strip_prefix("Content-Length: ") {
            Some(number) => length = number.parse().unwrap(),
            None => {
                assert_eq!(line, "\r\n", "stdout is for the protocol alone");
                break;
            }
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).unwrap();
    Some(serde_json::from_slice(&body).unwrap())
}

#[test]
fn exit_ends_the_process_with_stdin_open() {
    let program = Program::initialized(Value::Null);
    program.finish();
    // Without shutdown, while the model is being loaded.
    let mut program = Program::initialized(Value::Null);
    program.open("fn a() {}");
    program.notify("exit", Value::Null);
    let start = Instant::now();
    assert_eq!(program.end().0.code(), Some(1));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_end_of_stdin_ends_the_process() {
    let mut program = Program::initialized(Value::Null);
    program.input = None;
    assert_eq!(program.end().0.code(), Some(1));
}

#[test]
fn no_document_text_reaches_the_log() {
    let mut program = Program::initialized(json!({"log": {"level": "trace"}, "debounceMs": 0}));
    program.open(&format!("fn {CANARY}() {{ let {CANARY} = \"{CANARY}\"; }}\n"));
    for _ in 0..50 {
        if program.request("textDocument/hover", at(URI, 0, 4))["result"].is_object() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let text = json!({"uri": URI, "version": 2});
    for changes in [
        json!([{"text": 3, CANARY: CANARY}]),
        json!(CANARY),
        json!([{"range": CANARY, "text": CANARY}]),
    ] {
        program.notify(
            "textDocument/didChange",
            json!({"textDocument": text, "contentChanges": changes}),
        );
    }
    program.frame(format!("{{\"jsonrpc\": \"2.0\", \"method\": {CANARY}").as_bytes());
    program.frame(format!("{{\"jsonrpc\": \"2.0\", \"method\": [\"{CANARY}\"], \"id\": 1}}").as_bytes());
    program.frame(format!("{{\"jsonrpc\": \"2.0\", \"id\": \"{CANARY}\", \"result\": \"{CANARY}\"}}").as_bytes());
    program.request("textDocument/hover", json!({"textDocument": CANARY}));
    program.request(
        "workspace/executeCommand",
        json!({"command": CANARY, "arguments": [CANARY]}),
    );
    let passages = json!([{"text": CANARY}, {"text": CANARY}]);
    program.request(
        "workspace/executeCommand",
        json!({"command": "fovea.comparePassages", "arguments": passages}),
    );
    program.notify(
        "workspace/didChangeConfiguration",
        json!({"settings": {"fovea": {"method": CANARY}}}),
    );
    let errors = program.finish();
    assert!(errors.contains("fovea::"), "there is no log: {errors}");
    assert!(!errors.contains(CANARY), "{errors}");
}

#[test]
fn a_server_whose_editor_is_gone_ends() {
    let mut editor = Command::new("true").spawn().unwrap();
    editor.wait().unwrap();
    let mut program = Program::start();
    program.request("initialize", json!({"processId": editor.id(), "capabilities": {}}));
    assert_eq!(program.end().0.code(), Some(1));
}

#[test]
fn the_model_of_its_own_explains_a_word() {
    let mut program = Program::initialized(json!({"hover": {"deadlineMs": 60_000}}));
    program
        .open("/// Reads the configuration file.\nfn load_config(path: &Path) -> Config {\n    parse(read(path))\n}\n");
    let answer = program.request("textDocument/hover", at(URI, 1, 5));
    let text = answer["result"]["contents"]["value"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        text.starts_with("**Fovea** · `load_config`") && text.contains("decomposition"),
        "{answer}"
    );
    program.finish();
}

#[test]
fn what_was_computed_outlives_the_process_even_where_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("editor.rs");
    let heat = |kill: bool| {
        let mut program = Program::start_in(folder.path());
        program.greet(json!({"experimental": {"fovea": true}}), Value::Null);
        program.open(text);
        let heat = program.heat();
        if kill {
            program.child.kill().unwrap();
            program.child.wait().unwrap();
        } else {
            let errors = program.finish();
            assert!(!errors.contains("WARN"), "{errors}");
        }
        heat
    };
    let first = heat(false);
    assert_eq!(heat(true), first);
    assert_eq!(heat(false), first);
    let doctor = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .arg("doctor")
        .env("FOVEA_CACHE_DIR", folder.path())
        .output()
        .unwrap();
    let lines = String::from_utf8(doctor.stdout).unwrap();
    let line = lines.lines().find(|line| line.starts_with("results: ")).unwrap();
    assert!(
        line.contains("results.sqlite") && line.ends_with(" rows, intact"),
        "{line}"
    );
    assert!(doctor.status.success());
}
