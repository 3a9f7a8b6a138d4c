//! The program as a process, as an editor starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Time limit for every wait.
const DEADLINE: Duration = Duration::from_secs(30);

/// The URI of the document that tests open.
pub const URI: &str = "file:///project/a.rs";

/// A running program.
pub struct Program {
    pub child: Child,
    pub input: Option<ChildStdin>,
    messages: Receiver<Value>,
    errors: std::thread::JoinHandle<String>,
    next: i64,
    folder: Option<TempDir>,
}

impl Program {
    /// Starts a program whose results are deleted with it.
    pub fn start() -> Program {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::start_in(folder.path());
        program.folder = Some(folder);
        program
    }

    /// Starts a program that keeps its results in a folder.
    pub fn start_in(folder: &Path) -> Program {
        Program::start_with(folder, &[])
    }

    /// Starts a program with more arguments.
    pub fn start_with(folder: &Path, arguments: &[&str]) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
            .args(["serve", "--stdio"])
            .args(arguments)
            .env("RUST_LOG", "trace")
            .env("FOVEA_CACHE_DIR", folder)
            .env("FOVEA_POWER_SUPPLY", folder.join("power"))
            .env("XDG_CONFIG_HOME", folder.join("configuration"))
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

    pub fn initialized(options: Value) -> Program {
        let mut program = Program::start();
        program.greet(json!({}), options);
        program
    }

    pub fn greet(&mut self, capabilities: Value, options: Value) {
        self.request(
            "initialize",
            json!({"capabilities": capabilities, "initializationOptions": options}),
        );
        self.notify("initialized", json!({}));
    }

    pub fn frame(&mut self, body: &[u8]) {
        let input = self.input.as_mut().unwrap();
        write!(input, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
        input.write_all(body).unwrap();
        input.flush().unwrap();
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.frame(
            json!({"jsonrpc": "2.0", "method": method, "params": params})
                .to_string()
                .as_bytes(),
        );
    }

    /// Sends a request without waiting for the answer; its id.
    pub fn send(&mut self, method: &str, params: &Value) -> i64 {
        self.next += 1;
        let message = json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.frame(message.to_string().as_bytes());
        self.next
    }

    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, &params);
        self.answer(id)
    }

    /// The answer to a request that was sent.
    pub fn answer(&mut self, id: i64) -> Value {
        loop {
            let message = self.messages.recv_timeout(DEADLINE).expect("no answer");
            if message["id"] == id && message["method"].is_null() {
                return message;
            }
        }
    }

    /// The parameters of the next notification that fulfills a condition.
    pub fn told(&mut self, method: &str, so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.messages.recv_timeout(DEADLINE);
            let mut message = message.unwrap_or_else(|_| panic!("no {method}"));
            if message["method"] == method && so(&message["params"]) {
                return message["params"].take();
            }
        }
    }

    /// The parameters of the server's next request of this method, which gets the reply.
    pub fn answered(&mut self, method: &str, reply: impl Fn(&Value) -> Value) -> Value {
        loop {
            let message = self.messages.recv_timeout(DEADLINE);
            let mut message = message.unwrap_or_else(|_| panic!("no {method}"));
            if message["method"] == method {
                let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": reply(&message["params"])});
                self.frame(answer.to_string().as_bytes());
                return message["params"].take();
            }
        }
    }

    /// The heat of a whole document.
    pub fn heat(&mut self) -> Value {
        self.told("fovea/heat", |heat| heat["complete"] == true)
    }

    /// Repeats a request until its result fulfills a condition.
    pub fn until(&mut self, method: &str, params: &Value, so: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let mut answer = self.request(method, params.clone());
            if so(&answer["result"]) {
                return answer["result"].take();
            }
            assert!(start.elapsed() < DEADLINE, "{method}: {answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn open(&mut self, text: &str) {
        let document = json!({"uri": URI, "languageId": "rust", "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// Waits until the program ends with stdin still open; its status and its log.
    pub fn end(mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let errors = self.errors.join().unwrap();
                drop(self.input);
                return (status, errors);
            }
            if start.elapsed() > DEADLINE {
                self.child.kill().unwrap();
                panic!("the program does not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn finish(mut self) -> String {
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
