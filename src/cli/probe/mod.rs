//! `fovea probe`: classes of a person's own.

mod items;
mod vectors;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde::Serialize;

use items::{Item, items};

use super::ModelArguments;
use super::input::Usage;
use super::output::{self, Format};
use crate::model::Model;
use crate::places::probes_folder;
use crate::render::terminal::printable;
use crate::similar::probe::{Probe, Report, Trained, train, train_again};
use crate::text::read_regular;

/// Subcommands of `fovea probe`.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Learn classes from labeled texts
    Train(Train),
    /// Judge labeled texts with a probe and count what is right
    Test(Test),
    /// List the probes that were made
    List(List),
}

/// Arguments of `fovea probe train`.
#[derive(Args, Debug)]
pub(super) struct Train {
    /// CSV with a header: the column `label`, and `text` or `path` (FILE, FILE:LINE, from the CSV's folder)
    labels: PathBuf,
    /// What the probe is called; without it, as the CSV
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write the probe into this file instead of the folder of probes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// After a label was added or corrected: start from the existing probe and keep its strength, which takes a fraction of the time
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `fovea probe test`.
#[derive(Args, Debug)]
pub(super) struct Test {
    /// The probe: its name, or its file
    probe: String,
    /// CSV as for `fovea probe train`
    labels: PathBuf,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Arguments of `fovea probe list`.
#[derive(Args, Debug)]
pub(super) struct List {
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs a subcommand.
pub(super) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Train(arguments) => trained(arguments),
        Command::Test(arguments) => tested(arguments),
        Command::List(arguments) => listed(arguments),
    }
}

/// Bytes of a probe's file at most.
const MOST_BYTES: u64 = 64 << 20;

/// The probe of a name, or in a file.
///
/// # Errors
/// Says what is not there or wrong, and what to do.
pub(super) fn load(name: &str) -> Result<Probe> {
    let file = match Path::new(name) {
        path if path.extension().is_some_and(|end| end == "json") => path.to_owned(),
        _ => file_of(name)?,
    };
    if !file.exists() {
        return Err(Usage(format!(
            "no probe {name:?} ({}); `fovea probe list` lists those that are there, `fovea probe train` makes one",
            file.display()
        ))
        .into());
    }
    let bytes = read_regular(&file, MOST_BYTES).with_context(|| file.display().to_string())?;
    Probe::parse(&bytes).with_context(|| file.display().to_string())
}

/// Refuses a probe of another model.
///
/// # Errors
/// Names the model that the probe needs.
pub(super) fn check(probe: &Probe, model: &Model) -> Result<()> {
    let info = model.info();
    anyhow::ensure!(
        probe.encoder == info.id && probe.width() == model.hidden(),
        "the probe reads embeddings of {}, and this is {}; name that model with --model, or train the probe again",
        probe.model,
        info.name
    );
    Ok(())
}

/// The file of a probe in the folder of probes.
fn file_of(name: &str) -> Result<PathBuf> {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Usage(format!("--name {name:?}: use letters, digits, - and _")).into());
    }
    match probes_folder() {
        Some(folder) => Ok(folder.join(format!("{name}.json"))),
        None => anyhow::bail!("no folder for probes: set FOVEA_PROBES_DIR, or name a file with --out"),
    }
}

#[derive(Serialize)]
struct TrainAnswer<'a> {
    file: String,
    model: &'a str,
    labels: &'a [String],
    strength: f32,
    temperature: f32,
    report: &'a Report,
    doubtful: Vec<Doubted>,
    /// Milliseconds for the embeddings and for learning.
    embed_ms: f32,
    train_ms: f32,
}

/// A label that the other items doubt.
#[derive(Serialize)]
struct Doubted {
    /// Its row in the CSV, from 1, without the header.
    row: usize,
    item: String,
    label: String,
    rather: String,
    probability: f32,
}

fn trained(arguments: &Train) -> Result<()> {
    let items = items(&arguments.labels)?;
    let file = match (&arguments.out, &arguments.name) {
        (Some(file), _) => file.clone(),
        (None, Some(name)) => file_of(name)?,
        (None, None) => {
            let stem = arguments.labels.file_stem().unwrap_or_default();
            file_of(&stem.to_string_lossy())?
        }
    };
    let model = arguments.model.load()?;
    let start = Instant::now();
    let vectors = vectors::embedded(&model, &items)?;
    let embed_ms = start.elapsed().as_secs_f32() * 1e3;
    let labels: Vec<String> = items.iter().map(|item| item.label.clone()).collect();
    let info = model.info();
    let start = Instant::now();
    let before = match arguments.again && file.exists() {
        true => Some(load(&file.to_string_lossy())?).filter(|before| before.encoder == info.id),
        false => None,
    };
    let named = (info.name.as_str(), info.id.as_str());
    let learned = match &before {
        Some(before) => train_again(&vectors, &labels, named, before),
        None => train(&vectors, &labels, named),
    };
    let Trained { mut probe, doubtful } =
        learned.map_err(|error| Usage(format!("{}: {error}", arguments.labels.display())))?;
    probe.source = arguments
        .labels
        .canonicalize()
        .ok()
        .map(|path| path.display().to_string());
    let train_ms = start.elapsed().as_secs_f32() * 1e3;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    // A server that reads the probe at this moment must not see half of it.
    let own = file.with_extension(format!("json.{}.new", std::process::id()));
    let written =
        std::fs::write(&own, serde_json::to_string(&probe)? + "\n").and_then(|()| std::fs::rename(&own, &file));
    written.with_context(|| file.display().to_string())?;
    let doubted = doubtful.into_iter().map(|doubt| Doubted {
        row: doubt.item + 1,
        item: items[doubt.item].shown(),
        label: doubt.label,
        rather: doubt.rather,
        probability: doubt.probability,
    });
    let answer = TrainAnswer {
        file: file.display().to_string(),
        model: &info.name,
        labels: &probe.labels,
        strength: probe.strength,
        temperature: probe.temperature,
        report: &probe.report,
        doubtful: doubted.collect(),
        embed_ms,
        train_ms,
    };
    match arguments.format {
        Format::Json => output::write_json(&answer),
        Format::Terminal => output::write(&train_in_words(&answer)),
    }
}

/// Doubtful items that a terminal lists.
const LISTED: usize = 10;

fn train_in_words(answer: &TrainAnswer) -> String {
    let report = answer.report;
    let mut page = format!(
        "{} items, {} labels; {}-fold cross-validation: {:.1} % right (guessing the commonest label: {:.1} %)\n",
        report.items,
        answer.labels.len(),
        report.folds,
        100.0 * report.accuracy,
        100.0 * report.majority
    );
    for label in &report.labels {
        page += &format!(
            "  {:<24} {:>5} items  precision {:>5.1} %  recall {:>5.1} %\n",
            printable(&label.label),
            label.items,
            100.0 * label.precision,
            100.0 * label.recall
        );
    }
    page += &format!(
        "probabilities are off by {:.1} % on average ({:.1} % before calibration); log loss {:.3}\n",
        100.0 * report.calibration_error,
        100.0 * report.uncalibrated_error,
        report.log_loss
    );
    if !answer.doubtful.is_empty() {
        page += "doubtful: look at these labels again\n";
    }
    for doubt in answer.doubtful.iter().take(LISTED) {
        page += &doubt.line("rather than");
    }
    if answer.doubtful.len() > LISTED {
        page += &format!("  and {} more (--format json)\n", answer.doubtful.len() - LISTED);
    }
    page += &format!(
        "{} ({}, embeddings {:.0} ms, learning {:.0} ms)\n",
        printable(&answer.file),
        printable(answer.model),
        answer.embed_ms,
        answer.train_ms
    );
    page
}

#[derive(Serialize)]
struct TestAnswer {
    model: String,
    items: usize,
    accuracy: f32,
    /// Rows: the label of the items; columns: what the probe gives them.
    confusion: Vec<Vec<usize>>,
    labels: Vec<String>,
    wrong: Vec<Doubted>,
}

fn tested(arguments: &Test) -> Result<()> {
    let probe = load(&arguments.probe)?;
    let items = items(&arguments.labels)?;
    let model = arguments.model.load()?;
    check(&probe, &model)?;
    if let Some(item) = items.iter().find(|item| !probe.labels.contains(&item.label)) {
        let (label, labels) = (&item.label, probe.labels.join(", "));
        return Err(Usage(format!("the probe has no label {label:?}; its labels are {labels}")).into());
    }
    let vectors = vectors::embedded(&model, &items)?;
    let count = probe.labels.len();
    let mut confusion = vec![vec![0; count]; count];
    let mut wrong = Vec::new();
    for (row, (item, vector)) in items.iter().zip(&vectors).enumerate() {
        let told = probe.probabilities(vector);
        let own = probe.labels.iter().position(|label| *label == item.label).unwrap_or(0);
        let given = (0..count).max_by(|a, b| told[*a].total_cmp(&told[*b])).unwrap_or(0);
        confusion[own][given] += 1;
        if own != given {
            wrong.push(Doubted {
                row: row + 1,
                item: item.shown(),
                label: item.label.clone(),
                rather: probe.labels[given].clone(),
                probability: told[given] as f32,
            });
        }
    }
    let right: usize = (0..count).map(|class| confusion[class][class]).sum();
    let answer = TestAnswer {
        model: model.info().name.clone(),
        items: items.len(),
        accuracy: right as f32 / items.len().max(1) as f32,
        confusion,
        labels: probe.labels.clone(),
        wrong,
    };
    match arguments.format {
        Format::Json => output::write_json(&answer),
        Format::Terminal => output::write(&test_in_words(&answer)),
    }
}

impl Doubted {
    /// The item in a line: which label is likelier than, or was found instead of, its own.
    fn line(&self, relation: &str) -> String {
        format!(
            "  row {:<5} {} {relation} {} ({:.0} %): {}\n",
            self.row,
            printable(&self.rather),
            printable(&self.label),
            100.0 * self.probability,
            printable(&self.item)
        )
    }
}

fn test_in_words(answer: &TestAnswer) -> String {
    let mut page = format!("{} items, {:.1} % right\n", answer.items, 100.0 * answer.accuracy);
    for (label, row) in answer.labels.iter().zip(&answer.confusion) {
        let cells: String = row.iter().map(|count| format!("{count:>6}")).collect();
        page += &format!("  {:<24}{cells}\n", printable(label));
    }
    for wrong in answer.wrong.iter().take(LISTED) {
        page += &wrong.line("instead of");
    }
    page
}

#[derive(Serialize)]
struct Listed {
    name: String,
    model: String,
    labels: Vec<String>,
    items: usize,
    accuracy: f32,
}

fn listed(arguments: &List) -> Result<()> {
    let folder = probes_folder();
    let entries = folder.iter().flat_map(std::fs::read_dir).flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    let mut probes = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match load(&file.to_string_lossy()) {
            Ok(probe) => probes.push(Listed {
                name,
                model: probe.model,
                labels: probe.labels,
                items: probe.report.items,
                accuracy: probe.report.accuracy,
            }),
            Err(error) => output::say(&format_args!("{error:#}")),
        }
    }
    if arguments.format == Format::Json {
        return output::write_json(&probes);
    }
    let mut page = String::new();
    for probe in &probes {
        page += &format!(
            "{:<20} {:>5.1} % of {} items  {}  ({})\n",
            printable(&probe.name),
            100.0 * probe.accuracy,
            probe.items,
            printable(&probe.labels.join(", ")),
            printable(&probe.model)
        );
    }
    if probes.is_empty() {
        page += "no probes; `fovea probe train LABELS.csv` makes one\n";
    }
    output::write(&page)
}

impl Item {
    /// As a list shows it.
    fn shown(&self) -> String {
        match &self.path {
            Some(path) => path.clone(),
            None => self.text.chars().take(80).collect::<String>().replace('\n', " "),
        }
    }
}
