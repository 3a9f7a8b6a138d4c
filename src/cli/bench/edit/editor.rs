//! An editor with one open file.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::client::memory_mb;
use super::super::source::{Numbers, source};
use super::{Client, Times};

const URI: &str = "file:///bench/source.rs";

/// Waiting time after the server's work is done; lenses arrive at most once a second.
const SETTLE: Duration = Duration::from_millis(1500);

/// Duration of the idle measurement.
const IDLE: Duration = Duration::from_secs(2);

/// Startup times, in milliseconds from the start of the server's process.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Start {
    /// Until the answer to `initialize`.
    pub initialized_ms: f64,
    /// Until the model is ready.
    pub ready_ms: f64,
    /// Until the first words have heat.
    pub first_heat_ms: f64,
    /// Until all words have heat.
    pub all_heat_ms: f64,
}

/// Measurements of an idle server.
#[derive(Debug)]
pub(super) struct Rest {
    /// Units of the document.
    pub units: usize,
    /// Its memory.
    pub memory_mb: Option<f64>,
    /// Processor time of [`IDLE`].
    pub idle_cpu_ms: Option<f64>,
}

/// An editor with one open file.
pub(super) struct Editor {
    client: Client,
    lines: Vec<String>,
    functions: Vec<Range<usize>>,
    version: i32,
    numbers: Numbers,
    start: Start,
    model: String,
}

impl Editor {
    /// Opens a file with this many lines, shows its middle, and waits until the whole file is explained.
    ///
    /// # Errors
    /// Errors of the server or its connection.
    pub(super) fn open(mut client: Client, lines: usize, debounce: Duration, threads: usize) -> Result<Editor> {
        let source = source(lines);
        let mut start = Start::default();
        let since = |client: &Client, at: std::time::Instant| (at - client.started).as_secs_f64() * 1e3;
        client.request(
            "initialize",
            &json!({
                "processId": std::process::id(),
                "capabilities": {
                    "general": {"positionEncodings": ["utf-16"]},
                    "workspace": {"codeLens": {"refreshSupport": true}},
                    "experimental": {"fovea": {"heat": true, "heatChanges": true, "status": true}},
                },
                "initializationOptions": {
                    "debounceMs": debounce.as_millis() as u64,
                    "threads": threads,
                    // With full heat, every edit produces words to wait for.
                    "heat": {"preset": "full"},
                },
            }),
        )?;
        start.initialized_ms = since(&client, std::time::Instant::now());
        client.notify("initialized", &json!({}))?;
        let document = json!({"uri": URI, "languageId": "rust", "version": 1, "text": source.text});
        client.notify("textDocument/didOpen", &json!({"textDocument": document}))?;
        let corner = |line| json!({"line": line, "character": 0});
        let screen = json!({"start": corner(source.screen.start), "end": corner(source.screen.end)});
        client.notify("fovea/visible", &json!({"textDocument": {"uri": URI}, "range": screen}))?;
        let ready = client.told("fovea/status", |status| {
            status["state"] == "failed" || status["model"] != Value::Null
        })?;
        start.ready_ms = since(&client, ready);
        let first = client.told("fovea/heat", |heat| heat["words"] != json!([]))?;
        start.first_heat_ms = since(&client, first);
        let mut editor = Editor {
            client,
            lines: source.text.lines().map(str::to_owned).collect(),
            functions: source.functions,
            version: 1,
            numbers: Numbers::new(1),
            start,
            model: String::new(),
        };
        // Editors request lenses as soon as they show a document. From then on the server keeps them ready.
        let (_, _) = editor.client.request("textDocument/codeLens", &document_of())?;
        editor.explained()?;
        editor.start.all_heat_ms = editor.client.started.elapsed().as_secs_f64() * 1e3;
        Ok(editor)
    }

    /// Types a letter into a name of a visible function. Returns the time until its heat arrives.
    ///
    /// # Errors
    /// Errors of the server or its connection.
    pub(super) fn keystroke(&mut self) -> Result<Duration> {
        let function = self.functions[self.numbers.below(self.functions.len())].clone();
        let places = names(&self.lines, function.clone());
        let (line, character) = places[self.numbers.below(places.len())];
        let letter = char::from(b'a' + self.numbers.below(26) as u8);
        self.lines[line].insert(character, letter);
        self.version += 1;
        let version = self.version;
        let place = json!({"line": line, "character": character});
        let sent = self.client.notify(
            "textDocument/didChange",
            &json!({
                "textDocument": {"uri": URI, "version": version},
                "contentChanges": [{"range": {"start": place, "end": place}, "text": letter.to_string()}],
            }),
        )?;
        let touched = |heat: &Value| {
            let words = heat["words"].as_array();
            let inside = |word: &Value| word[0].as_u64().is_some_and(|line| function.contains(&(line as usize)));
            heat["version"] == version && words.is_some_and(|words| words.iter().any(inside))
        };
        let told = self.client.told("fovea/heat", touched)?;
        self.client.ask_again_for_lenses(&document_of())?;
        Ok(told - sent)
    }

    /// Lets the server idle, and measures it.
    ///
    /// # Errors
    /// Errors of the server or its connection.
    pub(super) fn rest(&mut self) -> Result<Rest> {
        let units = self.explained()?;
        std::thread::sleep(SETTLE);
        let process = self.client.process();
        let before = processor_ms(process);
        std::thread::sleep(IDLE);
        let after = processor_ms(process);
        Ok(Rest {
            units,
            memory_mb: memory_mb(process),
            idle_cpu_ms: after.zip(before).map(|(after, before)| after - before),
        })
    }

    /// Hovers over visible names.
    ///
    /// # Errors
    /// Errors of the server or its connection.
    pub(super) fn hovers(&mut self, times: usize) -> Result<Times> {
        self.at_names("textDocument/hover", times)
    }

    /// Puts the cursor on visible names.
    ///
    /// # Errors
    /// Errors of the server or its connection.
    pub(super) fn highlights(&mut self, times: usize) -> Result<Times> {
        self.at_names("textDocument/documentHighlight", times)
    }

    /// Requests the document's lenses.
    ///
    /// # Errors
    /// Errors of the server or its connection.
    pub(super) fn lenses(&mut self, times: usize) -> Result<Times> {
        let mut all = Times::default();
        self.client.request("textDocument/codeLens", &document_of())?;
        for _ in 0..times {
            all.add(self.client.request("textDocument/codeLens", &document_of())?.0);
        }
        Ok(all)
    }

    /// Resolves the document's lenses in turn.
    ///
    /// # Errors
    /// Errors of the server or its connection.
    pub(super) fn resolves(&mut self, times: usize) -> Result<Times> {
        let mut all = Times::default();
        let (_, lenses) = self.client.request("textDocument/codeLens", &document_of())?;
        let lenses = lenses.as_array().cloned().unwrap_or_default();
        for lens in lenses.iter().cycle().take(times) {
            all.add(self.client.request("codeLens/resolve", lens)?.0);
        }
        Ok(all)
    }

    /// The startup times of the server.
    pub(super) fn start(&self) -> Start {
        self.start
    }

    /// Lines of the file.
    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Shuts the server down. Returns the name of the model.
    ///
    /// # Errors
    /// Errors of the server or its connection.
    pub(super) fn end(mut self) -> Result<String> {
        self.client.request("shutdown", &Value::Null)?;
        self.client.notify("exit", &Value::Null)?;
        Ok(self.model)
    }

    /// Waits until every unit is explained. Returns their number.
    fn explained(&mut self) -> Result<usize> {
        let (_, explained) = self.client.request("fovea/explain", &document_of())?;
        self.model = explained["model"].as_str().unwrap_or_default().to_owned();
        explained["units"]
            .as_array()
            .map(Vec::len)
            .context("fovea/explain without units")
    }

    fn at_names(&mut self, method: &str, times: usize) -> Result<Times> {
        let all: Vec<_> = self
            .functions
            .iter()
            .cloned()
            .flat_map(|function| names(&self.lines, function))
            .collect();
        let mut measured = Times::default();
        for (line, character) in all.iter().cycle().take(times) {
            let params = json!({
                "textDocument": {"uri": URI},
                "position": {"line": line, "character": character},
            });
            // The text is analyzed, but the details of this position may not be computed yet.
            let (_, first) = self.client.request(method, &params)?;
            let (took, again) = self.client.request(method, &params)?;
            // A word that is not telling has no hover.
            if first.is_null() && again.is_null() && method != "textDocument/hover" {
                bail!("{method} has nothing to say of line {} of analyzed text", line + 1);
            }
            measured.add(took);
        }
        Ok(measured)
    }
}

fn document_of() -> Value {
    json!({"textDocument": {"uri": URI}})
}

/// The position of the second letter of each compound name; another letter there breaks nothing.
fn names(lines: &[String], within: Range<usize>) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    // The first line is a comment.
    for line in within.skip(1) {
        let mut at = 0;
        for word in lines[line].split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            if word.contains('_') && word.starts_with(|c: char| c.is_ascii_lowercase()) {
                places.push((line, at + 1));
            }
            at += word.len() + 1;
        }
    }
    places
}

/// Processor time used so far (Linux only, whose clock ticks a hundred times a second).
fn processor_ms(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compound_names_are_found_after_their_first_letter() {
        let lines = ["/// a_b", "    let ab_c = d(Ef_g, h_i)?;"].map(str::to_owned);
        assert_eq!(names(&lines, 0..2), [(1, 9), (1, 24)]);
    }
}
