//! A minimal editor that starts a server and records when each of its messages arrives.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Timeout for a message; a working server answers sooner.
const PATIENCE: Duration = Duration::from_secs(120);

/// A message, and the time when its last byte arrived.
struct Frame {
    at: Instant,
    body: Vec<u8>,
}

/// An editor with its own server, which ends with it.
pub(super) struct Client {
    server: Child,
    input: ChildStdin,
    frames: Receiver<Frame>,
    /// Notifications that arrived while the client waited for an answer.
    kept: VecDeque<(Instant, Value)>,
    asked: i64,
    /// Whether the server reported changed lenses.
    lenses_changed: bool,
    /// The start time of the server.
    pub(super) started: Instant,
    /// The cache folder of the server. It starts empty, so that no results of earlier runs are found.
    _cache: Folder,
}

/// A temporary folder for a measurement.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "fovea-bench-{}-{}",
            std::process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        );
        Folder(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Client {
    /// Starts this program as a server.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start(model: Option<&Path>) -> Result<Client> {
        Client::start_with(model, None)
    }

    /// As [`Client::start`]; the server uses the given cache folder, if there is one.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start_with(model: Option<&Path>, kept: Option<&Path>) -> Result<Client> {
        let program = std::env::current_exe().context("cannot find the path of this program")?;
        let mut command = Command::new(&program);
        let cache = Folder::new();
        command
            .arg("serve")
            .env("FOVEA_CACHE_DIR", kept.unwrap_or(&cache.0))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(model) = model {
            command.arg("--model").arg(model);
        }
        let started = Instant::now();
        let mut server = command.spawn().with_context(|| program.display().to_string())?;
        let (Some(input), Some(output)) = (server.stdin.take(), server.stdout.take()) else {
            bail!("the server has no pipes");
        };
        let (sender, frames) = channel();
        std::thread::spawn(move || read(output, &sender));
        Ok(Client {
            server,
            input,
            frames,
            kept: VecDeque::new(),
            asked: 0,
            lenses_changed: false,
            started,
            _cache: cache,
        })
    }

    /// The process id of the server.
    pub(super) fn process(&self) -> u32 {
        self.server.id()
    }

    /// Sends a notification. Returns the time just before its first byte.
    ///
    /// # Errors
    /// If the server no longer reads.
    pub(super) fn notify(&mut self, method: &str, params: &Value) -> Result<Instant> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    /// Sends a request and waits for its result. Returns the duration too.
    ///
    /// # Errors
    /// If the server refuses it, ends, or is silent.
    pub(super) fn request(&mut self, method: &str, params: &Value) -> Result<(Duration, Value)> {
        self.asked += 1;
        let number = self.asked;
        let sent = self.send(&json!({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))?;
        loop {
            let (at, mut message) = self.next(method)?;
            if message.get("method").is_some() {
                self.kept.push_back((at, message));
            } else if message["id"] == number {
                if let Some(error) = message.get("error") {
                    bail!("{method}: the server refused the request: {error}");
                }
                return Ok((at - sent, message["result"].take()));
            }
        }
    }

    /// Requests lenses, as editors do when lenses changed, and does not wait for the answer.
    ///
    /// # Errors
    /// If the server no longer reads.
    pub(super) fn ask_again_for_lenses(&mut self, params: &Value) -> Result<()> {
        if std::mem::take(&mut self.lenses_changed) {
            self.asked += 1;
            let number = self.asked;
            self.send(&json!({"jsonrpc": "2.0", "id": number, "method": "textDocument/codeLens", "params": params}))?;
        }
        Ok(())
    }

    /// Waits for a notification or request of the server that satisfies `so`, and drops those before it.
    ///
    /// # Errors
    /// If the server ends or is silent.
    pub(super) fn told(&mut self, method: &str, so: impl Fn(&Value) -> bool) -> Result<Instant> {
        loop {
            let (at, message) = match self.kept.pop_front() {
                Some(kept) => kept,
                None => self.next(method)?,
            };
            if message["method"] == method && so(&message["params"]) {
                return Ok(at);
            }
        }
    }

    /// Waits for the next status of the server.
    ///
    /// # Errors
    /// If the server ends or is silent.
    pub(super) fn status(&mut self) -> Result<Value> {
        loop {
            let (_, mut message) = match self.kept.pop_front() {
                Some(kept) => kept,
                None => self.next("fovea/status")?,
            };
            if message["method"] == "fovea/status" {
                return Ok(message["params"].take());
            }
        }
    }

    /// The statuses that the server has sent meanwhile.
    pub(super) fn statuses(&mut self) -> Vec<Value> {
        let kept = self
            .kept
            .drain(..)
            .filter(|(_, message)| message["method"] == "fovea/status");
        kept.map(|(_, mut message)| message["params"].take()).collect()
    }

    /// Waits for the next message. Requests of the server get an empty answer.
    fn next(&mut self, awaited: &str) -> Result<(Instant, Value)> {
        let frame = match self.frames.recv_timeout(PATIENCE) {
            Ok(frame) => frame,
            Err(RecvTimeoutError::Timeout) => {
                bail!("the server hangs: {} s without {awaited}", PATIENCE.as_secs())
            }
            Err(RecvTimeoutError::Disconnected) => {
                let end = self.server.wait().map(|status| status.to_string()).unwrap_or_default();
                bail!("the server ended before {awaited}: {end}")
            }
        };
        let message: Value =
            serde_json::from_slice(&frame.body).context("the server wrote a message that is not JSON")?;
        if let (Some(id), Some(method)) = (message.get("id"), message.get("method")) {
            self.lenses_changed |= method == "workspace/codeLens/refresh";
            let result = if method == "workspace/configuration" {
                json!([null])
            } else {
                Value::Null
            };
            self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}))?;
        }
        Ok((frame.at, message))
    }

    fn send(&mut self, message: &Value) -> Result<Instant> {
        let body = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let now = Instant::now();
        self.input
            .write_all(frame.as_bytes())
            .and_then(|()| self.input.flush())
            .context("the server no longer reads its input")?;
        Ok(now)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Memory in use, in megabytes (Linux only).
pub(super) fn memory_mb(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace()
        .next()?
        .parse::<f64>()
        .ok()
        .map(|kb| kb / 1024.0)
}

/// Reads messages until the server ends, and records the arrival time of each before parsing it.
fn read(output: ChildStdout, frames: &Sender<Frame>) {
    let mut output = BufReader::with_capacity(1 << 20, output);
    while let Some(body) = body(&mut output) {
        let at = Instant::now();
        if frames.send(Frame { at, body }).is_err() {
            return;
        }
    }
}

fn body(output: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse::<usize>().ok();
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length?];
    output.read_exact(&mut body).ok()?;
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_whole_and_their_end_is_noticed() {
        let mut bytes: &[u8] =
            b"content-length: 2\r\nX: y\r\n\r\n{}Content-Length: 3\r\n\r\n123Content-Length: 9\r\n\r\n1";
        assert_eq!(body(&mut bytes).unwrap(), b"{}");
        assert_eq!(body(&mut bytes).unwrap(), b"123");
        assert_eq!(body(&mut bytes), None);
    }
}
