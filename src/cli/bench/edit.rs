//! `fovea bench --edit`: acts as an editor over the real protocol, and times what users wait for.
//!
//! There is one server per length, each with one open file. Keystrokes go to them in turn, so that other load on the machine affects all
//! lengths equally.

mod editor;

use anyhow::Result;
use serde::Serialize;

use self::editor::{Editor, Start};
use super::Bench;
use super::client::Client;
use super::times::Times;
use crate::analysis::Options;
use crate::cli::input::Usage;
use crate::cli::output::{self, Progress};

/// Keystrokes before the measurement starts.
const WARM_UP: usize = 3;

/// Requests of each kind on analyzed text.
const REQUESTS: usize = 200;

#[derive(Serialize)]
struct Report {
    model: String,
    debounce_ms: f64,
    edit: Vec<Row>,
}

/// The measurements of one file, in milliseconds. Ratios are relative to the shortest file.
#[derive(Serialize)]
struct Row {
    lines: usize,
    units: usize,
    edits: usize,
    /// From the keystroke to the arrival of heat for the edited unit.
    p50_ms: f64,
    p99_ms: f64,
    /// The same minus the debounce, during which the server waits for the next keystroke.
    after_debounce_p50_ms: f64,
    after_debounce_p99_ms: f64,
    /// Of the medians after the debounce, and of their 99th percentiles.
    ratio: f64,
    ratio_p99: f64,
    hover_p99_ms: f64,
    highlight_p99_ms: f64,
    lens_p99_ms: f64,
    resolve_p99_ms: f64,
    #[serde(flatten)]
    start: Start,
    memory_mb: Option<f64>,
    /// Processor time during two idle seconds.
    idle_cpu_ms: Option<f64>,
}

/// Times a server.
pub(super) fn run(arguments: &Bench) -> Result<()> {
    let lengths = lengths(&arguments.lines)?;
    if arguments.edits == 0 {
        return Err(Usage("--edits 0: use at least 1".to_owned()).into());
    }
    if arguments.threads == Some(0) {
        return Err(Usage("--threads 0: use at least 1".to_owned()).into());
    }
    let debounce = Options::default().debounce;
    let mut editors = Vec::new();
    for &lines in &lengths {
        let client = Client::start(arguments.model.model.as_deref())?;
        editors.push(Editor::open(client, lines, debounce, arguments.threads.unwrap_or(0))?);
    }
    let mut times: Vec<Times> = lengths.iter().map(|_| Times::default()).collect();
    let mut progress = Progress::new("keystrokes", arguments.edits);
    for edit in 0..WARM_UP + arguments.edits {
        for (editor, times) in editors.iter_mut().zip(&mut times) {
            let took = editor.keystroke()?;
            if edit >= WARM_UP {
                times.add(took);
            }
        }
        progress.at(edit.saturating_sub(WARM_UP));
    }
    drop(progress);
    let debounce_ms = debounce.as_secs_f64() * 1e3;
    let mut model = String::new();
    let mut rows: Vec<Row> = Vec::new();
    for (mut editor, times) in editors.into_iter().zip(times) {
        let rest = editor.rest()?;
        let after = |share| times.percentile(share) - debounce_ms;
        let (p50, p99) = (after(0.5), after(0.99));
        let of_first = |now: f64, first: fn(&Row) -> f64| rows.first().map_or(1.0, |row| now / first(row));
        let row = Row {
            ratio: of_first(p50, |row| row.after_debounce_p50_ms),
            ratio_p99: of_first(p99, |row| row.after_debounce_p99_ms),
            lines: editor.lines(),
            units: rest.units,
            edits: arguments.edits,
            p50_ms: times.percentile(0.5),
            p99_ms: times.percentile(0.99),
            after_debounce_p50_ms: p50,
            after_debounce_p99_ms: p99,
            hover_p99_ms: editor.hovers(REQUESTS)?.percentile(0.99),
            highlight_p99_ms: editor.highlights(REQUESTS)?.percentile(0.99),
            lens_p99_ms: editor.lenses(REQUESTS)?.percentile(0.99),
            resolve_p99_ms: editor.resolves(REQUESTS)?.percentile(0.99),
            start: editor.start(),
            memory_mb: rest.memory_mb,
            idle_cpu_ms: rest.idle_cpu_ms,
        };
        rows.push(row);
        model = editor.end()?;
    }
    let report = Report {
        model,
        debounce_ms,
        edit: rows,
    };
    if arguments.wants_json() {
        return output::write_json(&report);
    }
    output::write(&shown(&report))
}

fn shown(report: &Report) -> String {
    let mut text = format!(
        "{}, milliseconds; the debounce is {:.0}\n\nfrom a keystroke to new heat\n   lines  units  edits      p50      p99  \
         after debounce: p50      p99  ratio: p50   p99\n",
        report.model, report.debounce_ms
    );
    for row in &report.edit {
        text += &format!(
            "{:>8}  {:>5}  {:>5}  {:>7.1}  {:>7.1}  {:>19.1}  {:>7.1}  {:>10.2}  {:>4.2}\n",
            row.lines,
            row.units,
            row.edits,
            row.p50_ms,
            row.p99_ms,
            row.after_debounce_p50_ms,
            row.after_debounce_p99_ms,
            row.ratio,
            row.ratio_p99
        );
    }
    text += "\np99 on analyzed text, and the server itself\n   lines    hover  highlight     lens  resolve  initialized    ready  \
             first heat  all heat  memory MB  idle CPU\n";
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"));
    for row in &report.edit {
        text += &format!(
            "{:>8}  {:>7.1}  {:>9.1}  {:>7.1}  {:>7.1}  {:>11.0}  {:>7.0}  {:>10.0}  {:>8.0}  {:>9}  {:>8}\n",
            row.lines,
            row.hover_p99_ms,
            row.highlight_p99_ms,
            row.lens_p99_ms,
            row.resolve_p99_ms,
            row.start.initialized_ms,
            row.start.ready_ms,
            row.start.first_heat_ms,
            row.start.all_heat_ms,
            number(row.memory_mb),
            number(row.idle_cpu_ms)
        );
    }
    text
}

fn lengths(list: &str) -> Result<Vec<usize>> {
    let length = |length: &str| match length.trim().parse() {
        Ok(lines) if (100..=20_000).contains(&lines) => Ok(lines),
        _ => Err(Usage(format!(
            "--lines {length}: use numbers from 100 to 20000, as in 100,1000,10000"
        ))
        .into()),
    };
    let mut lengths = list.split(',').map(length).collect::<Result<Vec<usize>>>()?;
    lengths.sort_unstable();
    lengths.dedup();
    Ok(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_order_or_refused_by_name() {
        assert_eq!(lengths("1000, 100,1000").unwrap(), [100, 1000]);
        for wrong in ["", "99", "a", "100,", "20001"] {
            assert!(lengths(wrong).unwrap_err().to_string().contains("--lines"), "{wrong}");
        }
    }
}
