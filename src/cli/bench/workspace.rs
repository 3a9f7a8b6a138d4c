//! `fovea bench --workspace ITEMS`: times answers in a large folder, at rest and during an update of its index.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::Bench;
use super::client::{self, Client};
use super::source::{Numbers, question, small};
use super::times::Times;
use crate::cli::output::{self, Progress};

/// Number of functions per file.
const FILE: usize = 20;

/// Number of questions of each kind.
const QUESTIONS: usize = 200;

/// Number of files that change at once to make the index work, like a branch switch.
const CHANGED: usize = 500;

/// Timeout for building the index.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

#[derive(Serialize)]
struct Report {
    model: String,
    items: u64,
    memory_mb: Option<f64>,
    at_rest: Row,
    while_indexing: Row,
    /// Number of files that the index updated during the questions of the second row.
    files_indexed: u64,
}

/// Milliseconds.
#[derive(Serialize)]
struct Row {
    hover: Pair,
    lenses: Pair,
    resolve: Pair,
    search: Pair,
}

#[derive(Serialize)]
struct Pair {
    p50: f64,
    p99: f64,
}

impl Pair {
    fn of(times: &Times) -> Pair {
        Pair {
            p50: times.percentile(0.5),
            p99: times.percentile(0.99),
        }
    }
}

/// A folder of source files, and an editor in it.
struct Folder {
    root: PathBuf,
    files: usize,
    client: Client,
    numbers: Numbers,
    /// The last status of the index: whether it is working, items, files done.
    index: (bool, u64, u64),
    /// The number of rounds of changes.
    rounds: u64,
}

/// Times a server.
pub(super) fn run(arguments: &Bench, items: usize) -> Result<()> {
    // The user can choose a folder that lasts, because embedding many items takes long.
    let passing = client::Folder::new();
    let below = arguments.folder.as_ref().unwrap_or(&passing.0);
    let (root, cache) = (below.join("source"), below.join("cache"));
    let files = items.div_ceil(FILE);
    write(&root, files)?;
    let client = Client::start_with(arguments.model.model.as_deref(), Some(&cache))?;
    let mut folder = Folder {
        root: root.canonicalize()?,
        files,
        client,
        numbers: Numbers::new(3),
        index: (true, 0, 0),
        rounds: 0,
    };
    let model = folder.open()?;
    let at_rest = folder.row(false)?;
    let memory_mb = client::memory_mb(folder.client.process());
    folder.change()?;
    let before = folder.rounds;
    let while_indexing = folder.row(true)?;
    let report = Report {
        model,
        items: folder.index.1,
        memory_mb,
        at_rest,
        while_indexing,
        files_indexed: (folder.rounds - before) * CHANGED.min(files) as u64 + folder.index.2,
    };
    if arguments.wants_json() {
        return output::write_json(&report);
    }
    output::write(&shown(&report))
}

fn path(root: &Path, file: usize) -> PathBuf {
    root.join(format!("part{}/file{file}.rs", file % 50))
}

/// The text of a file after some rounds of changes; each round replaces every second function.
fn text(file: usize, round: u64) -> String {
    let all = (0..FILE).map(|number| {
        let index = file * FILE + number;
        small(index, if number % 2 == 0 { 0 } else { round })
    });
    all.collect::<Vec<_>>().join("\n")
}

fn write(root: &Path, files: usize) -> Result<()> {
    for file in 0..files {
        let path = path(root, file);
        if path.exists() {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text(file, 0)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

impl Folder {
    fn uri(&self, file: usize) -> String {
        format!("file://{}", path(&self.root, file).display())
    }

    fn document(&self) -> Value {
        json!({"textDocument": {"uri": self.uri(0)}})
    }

    /// Waits until everything is indexed, and opens a file. Returns the model's name.
    fn open(&mut self) -> Result<String> {
        self.client.request(
            "initialize",
            &json!({
                "processId": std::process::id(),
                "rootUri": format!("file://{}", self.root.display()),
                "capabilities": {"experimental": {"fovea": {"status": true}}},
                "initializationOptions": {"index.onBattery": true},
            }),
        )?;
        self.client.notify("initialized", &json!({}))?;
        let begin = Instant::now();
        let mut progress = Progress::new("files indexed", self.files);
        let mut model = Value::Null;
        loop {
            let status = self.client.status()?;
            self.note(&status);
            if status["model"].is_string() {
                model = status["model"].clone();
            }
            progress.at(self.index.2 as usize);
            if status["index"]["state"] == "ready" && self.index.1 > 0 {
                break;
            }
            if begin.elapsed() > PATIENCE || status["state"] == "failed" {
                bail!("the index does not become ready: {status}");
            }
        }
        drop(progress);
        let text = std::fs::read_to_string(path(&self.root, 0))?;
        let document = json!({"uri": self.uri(0), "languageId": "rust", "version": 1, "text": text});
        self.client
            .notify("textDocument/didOpen", &json!({"textDocument": document}))?;
        // Wait until the file is explained and its similar items are found.
        let mut known = (0, 0);
        for _ in 0..600 {
            let (_, lenses) = self.client.request("textDocument/codeLens", &self.document())?;
            let count = lenses.as_array().map_or(0, Vec::len);
            known = if count == known.0 {
                (count, known.1 + 1)
            } else {
                (count, 0)
            };
            if count > 0 && known.1 > 20 {
                return Ok(model.as_str().unwrap_or_default().to_owned());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("the document has no lenses")
    }

    fn note(&mut self, status: &Value) {
        let index = &status["index"];
        let number = |name: &str| index[name].as_u64();
        if index.is_object() {
            let done = number("done").unwrap_or(0);
            self.index = (
                index["state"] == "indexing",
                number("items").unwrap_or(self.index.1),
                done,
            );
        }
    }

    /// Changes some files, like a branch switch.
    fn change(&mut self) -> Result<()> {
        self.rounds += 1;
        let mut changes = Vec::new();
        for number in 0..CHANGED.min(self.files - 1) {
            let file = 1 + (number + self.rounds as usize * CHANGED) % (self.files - 1);
            std::fs::write(path(&self.root, file), text(file, self.rounds))?;
            changes.push(json!({"uri": self.uri(file), "type": 2}));
        }
        self.client
            .notify("workspace/didChangeWatchedFiles", &json!({"changes": changes}))?;
        let update = json!({"command": "fovea.updateIndex"});
        self.client.request("workspace/executeCommand", &update)?;
        while !self.index.0 {
            let status = self.client.status()?;
            self.note(&status);
        }
        Ok(())
    }

    /// Asks all kinds of questions in turn, so that all run under the same load.
    fn row(&mut self, indexing: bool) -> Result<Row> {
        let mut times = [(); 4].map(|()| Times::default());
        let (document, shown) = (self.document(), text(0, 0));
        let names: Vec<(usize, usize)> = shown
            .lines()
            .enumerate()
            .filter_map(|(line, text)| Some((line, text.find("fn ")? + 4)))
            .collect();
        let mut progress = Progress::new(if indexing { "questions, indexing" } else { "questions" }, QUESTIONS);
        for asked in 0..QUESTIONS {
            // Change more files before the index runs out of work.
            for status in self.client.statuses() {
                self.note(&status);
            }
            if indexing && !self.index.0 {
                self.change()?;
            }
            let (line, character) = names[self.numbers.below(names.len())];
            let place =
                json!({"textDocument": document["textDocument"], "position": {"line": line, "character": character}});
            times[0].add(self.client.request("textDocument/hover", &place)?.0);
            let (took, lenses) = self.client.request("textDocument/codeLens", &document)?;
            times[1].add(took);
            let lenses = lenses.as_array().cloned().unwrap_or_default();
            if !lenses.is_empty() {
                let lens = &lenses[self.numbers.below(lenses.len())];
                times[2].add(self.client.request("codeLens/resolve", lens)?.0);
            }
            let search = json!({"command": "fovea.search", "arguments": [question(&mut self.numbers)]});
            times[3].add(self.client.request("workspace/executeCommand", &search)?.0);
            progress.at(asked + 1);
            std::thread::sleep(Duration::from_millis(20));
        }
        let [hover, lenses, resolve, search] = times.map(|times| Pair::of(&times));
        Ok(Row {
            hover,
            lenses,
            resolve,
            search,
        })
    }
}

fn shown(report: &Report) -> String {
    let mut text = format!(
        "{}, {} items, milliseconds, p50 and p99\n\n                       hover        lenses       resolve        search\n",
        report.model, report.items
    );
    for (name, row) in [("at rest", &report.at_rest), ("while indexing", &report.while_indexing)] {
        text += &format!("{name:>14}");
        for pair in [&row.hover, &row.lenses, &row.resolve, &row.search] {
            text += &format!("  {:>5.1} {:>6.1}", pair.p50, pair.p99);
        }
        text += "\n";
    }
    let memory = report.memory_mb.map_or_else(|| "-".to_owned(), |mb| format!("{mb:.0}"));
    text + &format!(
        "\n{} files indexed meanwhile, {memory} MB at rest\n",
        report.files_indexed
    )
}
