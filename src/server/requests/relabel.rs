//! `fovea.relabel`: writes the right label of an item into the probe's file of labels, and trains the probe again.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageType, ProgressToken};

use super::classify::{self, AskedItem};
use super::show;
use super::similar::one_line;
use crate::analysis::{CancellationToken, Refusal, past_indentation};
use crate::places::cache_folder;
use crate::server::probes;
use crate::server::progress::Steps;
use crate::server::protocol::{RelabelAnswer, RelabelArgs};
use crate::server::request_snapshot::RequestSnapshot;
use crate::server::session::Session;
use crate::server::to_proto;
use crate::server::uris::file_path;
use crate::similar::probe::{Labeled, relabeled};
use crate::text::{PositionEncoding, read_regular};

/// Maximum size of a file of labels, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// How often a training that runs is asked whether it ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Writes a label and trains the probe again, in a process of its own. The label stays if the training fails or is cancelled. `None` if the
/// user was asked for the label and chose none.
///
/// # Errors
/// Invalid parameters if there is no probe or no item, or if the file of labels is unknown or cannot hold the text; otherwise what
/// `fovea probe train` says.
pub async fn relabel(
    session: &Session,
    client: &Client,
    request: &RequestSnapshot,
    args: RelabelArgs,
    token: Option<ProgressToken>,
) -> Result<Option<RelabelAnswer>> {
    let probe = classify::required(session, request)?;
    let asked = classify::item(session, request, &args.uri, args.position)?;
    let Some(labels) = probe.source.clone().map(PathBuf::from) else {
        return Err(Error::invalid_params(
            "the probe does not say where its labels are; train it again with `fovea probe train`",
        ));
    };
    let label = match args.label {
        Some(label) => label.trim().to_owned(),
        None => match chosen(client, request, &asked, &probe.labels).await? {
            Some(label) => label,
            None => return Ok(None),
        },
    };
    if label.is_empty() {
        return Err(Error::invalid_params("label: the label is empty; write one"));
    }
    let start = Instant::now();
    let name = request.settings.probe.clone().unwrap_or_default();
    let training = Training {
        document: file_path(&args.uri).map(|path| path.canonicalize().unwrap_or(path)),
        probe: probes::file(&name).map_err(Error::invalid_params)?,
        model: request.settings.model_dir.clone(),
        cancel: request.cancel.clone(),
        asked,
        label,
        labels,
    };
    let steps = Steps::begin(client, token, "Fovea: learning from the label").await;
    let turn = tokio::select! {
        turn = session.probes.turn() => Some(turn),
        () = request.cancel.cancelled() => None,
    };
    let learned = match turn {
        Some(_turn) => tokio::task::spawn_blocking(move || training.run()).await,
        None => Ok(Err(to_proto::refusal(&Refusal::Cancelled))),
    };
    steps.end().await;
    let (labels_file, told) = learned.map_err(|_| Error::internal_error())??;
    session.probes.forget();
    session.outbox.add(|outgoing| {
        outgoing.lenses = true;
        outgoing.status = true;
    });
    let answer = RelabelAnswer {
        labels_file,
        items: told["report"]["items"].as_u64().unwrap_or(0),
        accuracy: told["report"]["accuracy"].as_f64().unwrap_or(0.0),
        ms: to_proto::number(start.elapsed().as_secs_f32() * 1e3),
    };
    if !request.client.fovea {
        let accuracy = 100.0 * answer.accuracy;
        let told = format!("Fovea: learned from {} labels; {accuracy:.0} % are right", answer.items);
        client.show_message(MessageType::INFO, told).await;
    }
    Ok(Some(answer))
}

/// The label that the user chooses for an item; `None` if the user chooses none.
///
/// # Errors
/// Invalid parameters if the editor does not ask the user.
async fn chosen(
    client: &Client,
    request: &RequestSnapshot,
    asked: &AskedItem,
    labels: &[String],
) -> Result<Option<String>> {
    let question = format!("The right label of {}", one_line(&asked.item.name));
    let chosen = match request.client.message_request {
        true => show::ask_which(client, &question, labels).await,
        false => None,
    };
    match chosen {
        Some(chosen) => Ok(chosen.and_then(|chosen| labels.get(chosen).cloned())),
        None => Err(Error::invalid_params(
            "label: this editor does not ask for a label; name it in the argument, or correct it in the file of labels",
        )),
    }
}

/// A label to write, and a probe to train.
struct Training {
    asked: AskedItem,
    /// The file of the document, if it has one.
    document: Option<PathBuf>,
    label: String,
    /// The file of labels.
    labels: PathBuf,
    /// The file of the probe.
    probe: PathBuf,
    /// The folder of the model, if it is not the built-in one.
    model: Option<PathBuf>,
    cancel: CancellationToken,
}

impl Training {
    /// The file of labels, and what `fovea probe train` says.
    fn run(self) -> Result<(String, Value)> {
        let name = self.labels.display().to_string();
        // Of two editors, the later one trains with both labels.
        let _lock = other_servers();
        self.write()
            .map_err(|why| Error::invalid_params(format!("{name}: {why}")))?;
        let told = self.train()?;
        Ok((name, told))
    }

    /// Writes the label into the table. A new file takes the place of the old one, so a crash leaves a complete file.
    fn write(&self) -> std::result::Result<(), String> {
        let read = || read_regular(&self.labels, MAX_BYTES).map_err(|error| error.to_string());
        let old = read()?;
        let table = std::str::from_utf8(&old).map_err(|_| "the file is not UTF-8; save it as UTF-8".to_owned())?;
        let new = self.table(table).ok_or(
            "the file has no columns for this text; begin it with `text,label,language`, and close every quote"
                .to_owned(),
        )?;
        if new == table {
            return Ok(());
        }
        let beside = beside(&self.labels);
        let written = replacement(&beside, &self.labels, new.as_bytes());
        let moved = written
            .map_err(|error| error.to_string())
            .and_then(|()| match read()? == old {
                true => std::fs::rename(&beside, &self.labels).map_err(|error| error.to_string()),
                false => Err("another program changed the file at the same time; try again".to_owned()),
            });
        if moved.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        moved
    }

    /// The table with the label.
    fn table(&self, table: &str) -> Option<String> {
        let AskedItem { active, report, item } = &self.asked;
        let snapshot = &active.snapshot;
        let folder = self.labels.parent().unwrap_or(Path::new(""));
        let line = snapshot.position(item.name_range.start, PositionEncoding::Utf8).line + 1;
        let path = self.document.as_ref().map(|path| {
            let near = path.strip_prefix(folder).unwrap_or(path);
            format!("{}:{line}", near.display())
        });
        let is_here = |place: &str| {
            let Some((file, line)) = place.rsplit_once(':') else {
                return false;
            };
            let file = folder.join(file);
            let same = self.document.as_ref() == Some(&file.canonicalize().unwrap_or(file));
            let line = line.parse::<usize>().ok().and_then(|line| line.checked_sub(1));
            let start = line.filter(|line| same && *line < snapshot.line_count());
            let start = start.map(|line| past_indentation(snapshot, snapshot.line_range(line).start));
            let around = start.and_then(|start| classify::item_at(report, start));
            around.is_some_and(|around| around.range == item.range)
        };
        let text = snapshot.text(item.range.clone());
        let own = Labeled {
            text: &text,
            path: path.as_deref(),
            is_here: &is_here,
            language: snapshot.language().name(),
            label: &self.label,
        };
        relabeled(table, &own)
    }

    /// Trains the probe with the program that runs this server.
    fn train(&self) -> Result<Value> {
        let failed = |why: String| {
            let labels = self.labels.display();
            Error::invalid_params(format!("{labels} has the label, but the probe did not learn it: {why}"))
        };
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(program);
        command.args(["probe", "train", "--again", "--format", "json", "--out"]);
        command.arg(&self.probe).arg(&self.labels);
        if let Some(model) = &self.model {
            command.arg("--model").arg(model);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let (output, errors) = (drained(child.stdout.take()), drained(child.stderr.take()));
        let succeeded = match ended(&mut child, &self.cancel) {
            Ok(Some(succeeded)) => succeeded,
            Ok(None) => return Err(to_proto::refusal(&Refusal::Cancelled)),
            Err(error) => return Err(failed(error.to_string())),
        };
        let (output, errors) = (output.join().unwrap_or_default(), errors.join().unwrap_or_default());
        if !succeeded {
            let errors = String::from_utf8_lossy(&errors);
            let last = errors.lines().last().unwrap_or("fovea probe train failed");
            return Err(failed(last.trim_start_matches("fovea: ").to_owned()));
        }
        serde_json::from_slice(&output).map_err(|error| failed(error.to_string()))
    }
}

/// Waits for a child. `None` if the request was cancelled, which ends the child.
fn ended(child: &mut Child, cancel: &CancellationToken) -> std::io::Result<Option<bool>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if cancel.is_cancelled() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Reads a pipe to its end, so that the child never waits for a reader.
fn drained(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Keeps other servers of this user from changing labels. Without a cache folder, nothing is locked.
fn other_servers() -> Option<File> {
    let folder = cache_folder()?.join("probes");
    std::fs::create_dir_all(&folder).ok()?;
    let file = File::create(folder.join("labels.lock")).ok()?;
    file.lock().ok()?;
    Some(file)
}

/// The name of the file that will replace another one.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    file.with_file_name(name)
}

/// A complete file on the disk with the permissions of another one.
fn replacement(file: &Path, of: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let permissions = std::fs::metadata(of)?.permissions();
    let mut new = File::create(file)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    std::fs::set_permissions(file, permissions)
}
