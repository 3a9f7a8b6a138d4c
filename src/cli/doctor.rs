//! `fovea doctor`: checks this installation, in lines that users can paste into a report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use super::store::StoreArguments;
use super::{ModelArguments, output};
use crate::analysis::{analyze, store};
use crate::database::{DatabaseError, Examination};
use crate::explain::Method;
use crate::model::{Model, Source, UNSTOPPED, largest, simd, verify};
use crate::places::cache_folder;
use crate::similar::index::{self, Elsewhere};
use crate::text::Language;

/// Arguments of `fovea doctor`.
#[derive(Args, Debug)]
pub(super) struct Doctor {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    store: StoreArguments,
}

/// Checks the installation; exit code 1 if anything is wrong.
pub(super) fn run(arguments: &Doctor) -> Result<ExitCode> {
    let mut report = Report::default();
    report.line(format!(
        "fovea {} on {} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    ));
    report.line(format!(
        "processors: {}",
        std::thread::available_parallelism().map_or(1, usize::from)
    ));
    report.line(format!("kernels: {}", simd::path().name()));
    let source = arguments.model.source();
    report.line(match &source {
        Source::Embedded(_) => "model: embedded".to_owned(),
        Source::Folder(path) | Source::File(path) => format!("model: {}", path.display()),
    });
    match verify(&source) {
        Ok(checks) => {
            let wrong = checks.iter().filter(|check| !check.holds());
            wrong.for_each(|check| {
                report.wrong(format!(
                    "{}: the checksum differs from the recorded one; download the model again",
                    check.file
                ))
            });
            let recorded = checks.iter().filter(|check| check.expected.is_some()).count();
            report.line(format!(
                "model files: {}, {recorded} with a recorded checksum",
                checks.len()
            ));
        }
        Err(error) => report.wrong(error.to_string()),
    }
    let start = Instant::now();
    match Model::load(&source) {
        Ok(model) => {
            check_model(&model, start, &mut report);
            check_store(&model, arguments.store.elsewhere(), &mut report);
        }
        Err(error) => report.wrong(error.to_string()),
    }
    match cache_folder() {
        Some(folder) => {
            check_kept("results", "rows", &folder, store::examine(&folder), &mut report);
            check_kept("indexed files", "files", &folder, index::examine(&folder), &mut report);
        }
        None => report.line("results: kept in memory only, because the environment names no cache folder; set FOVEA_CACHE_DIR to keep them".to_owned()),
    }
    let verdict = if report.sound {
        "all is well"
    } else {
        "something is wrong; see the lines that begin with !"
    };
    report.line(verdict.to_owned());
    output::write(&report.text)?;
    Ok(if report.sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check_model(model: &Model, start: Instant, report: &mut Report) {
    let info = model.info();
    report.line(format!(
        "loaded in {:.0} ms: {}, {} layers, window {}",
        millis(start),
        info.name,
        info.layers,
        info.window
    ));
    let text = "A language server answers questions about the open document.";
    let start = Instant::now();
    match analyze(model, &[(text, Language::Prose)], Method::Decomposition, UNSTOPPED) {
        Ok(reports) => {
            let residual = largest(reports.iter().map(|report| report.residual));
            report.line(format!(
                "explained a sentence in {:.0} ms, residual {residual:.0e}",
                millis(start)
            ));
            if !sums_to_one(residual) {
                report.wrong("the shares do not sum to 1: the arithmetic of this machine or build is wrong; try FOVEA_KERNELS=portable".to_owned());
            }
        }
        Err(error) => report.wrong(error.to_string()),
    }
}

/// Whether a residual is small, and not NaN.
fn sums_to_one(residual: f32) -> bool {
    (0.0..1e-4).contains(&residual)
}

/// Checks the store that a language server would use, if there is one.
fn check_store(model: &Model, store: Option<Elsewhere>, report: &mut Report) {
    let Some(mut store) = store else { return };
    let start = Instant::now();
    match (store.open)(model).and_then(|items| items.len()) {
        Ok(items) => report.line(format!(
            "store: {}, {items} items, answered in {:.0} ms",
            store.place,
            millis(start)
        )),
        Err(error) => report.wrong(error.to_string()),
    }
}

/// Reports the state of a persistent file without changing it: its name, the unit of its rows, and the findings.
fn check_kept(name: &str, rows: &str, folder: &Path, found: Examined, report: &mut Report) {
    let (path, found) = match found {
        Ok(found) => found,
        Err(trouble) => {
            report.wrong(format!("{name} in {}: {trouble}", folder.display()));
            return;
        }
    };
    let path = path.display();
    let Some(found) = found else {
        report.line(format!("{name}: none kept yet; they will be in {path}"));
        return;
    };
    let size = format!("{:.1} MB", found.bytes as f64 / 1e6);
    match (found.wrong.first(), found.is_current()) {
        (Some(wrong), _) => report.wrong(format!(
            "{name}: {path}, {size}, is damaged ({wrong}); the next fovea that uses the file empties and rebuilds it"
        )),
        (None, true) => report.line(format!("{name}: {path}, {size}, {} {rows}, intact", found.rows)),
        (None, false) => report.line(format!(
            "{name}: {path}, {size}, intact, written by another version of fovea"
        )),
    }
}

/// A file, and its examination if it exists.
type Examined = Result<(PathBuf, Option<Examination>), DatabaseError>;

fn millis(start: Instant) -> f32 {
    start.elapsed().as_secs_f32() * 1e3
}

struct Report {
    text: String,
    sound: bool,
}

impl Default for Report {
    fn default() -> Report {
        Report {
            text: String::new(),
            sound: true,
        }
    }
}

impl Report {
    fn line(&mut self, line: String) {
        self.text += &line;
        self.text.push('\n');
    }

    fn wrong(&mut self, line: String) {
        self.sound = false;
        self.line(format!("! {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_residual_that_is_not_a_number_is_an_error() {
        assert!(sums_to_one(0.0) && sums_to_one(9e-5));
        assert!(!sums_to_one(1e-4) && !sums_to_one(f32::NAN) && !sums_to_one(f32::INFINITY));
    }
}
