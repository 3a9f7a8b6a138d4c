//! `fovea explain FILE:LINE --trust`: tests the explanation of a unit.

use std::path::Path;

use anyhow::{Result, bail};
use serde::Serialize;

use super::super::{input, output};
use super::{Explain, ExplainFormat};
use crate::analysis::analyze;
use crate::explain::trust::{Trust, trust};
use crate::model::UNSTOPPED;
use crate::render::json::JsonPosition;
use crate::render::terminal;
use crate::segment::{Unit, UnitKind};
use crate::text::Snapshot;

/// The verdict on one unit.
#[derive(Serialize)]
struct Judged {
    kind: UnitKind,
    name: Option<String>,
    start: JsonPosition,
    end: JsonPosition,
    #[serde(flatten)]
    trust: Trust,
}

/// Judges the unit at the line, or every unit of the file.
pub(super) fn run(arguments: &Explain) -> Result<()> {
    let (file, line) = input::place(&arguments.file);
    let language = input::language(arguments.language.as_deref())?;
    let snapshot = input::document(&file, language, arguments.max_bytes)?;
    let model = super::model(arguments)?;
    let segments = model.segment(&snapshot);
    let units = segments
        .units
        .iter()
        .filter(|unit| line.is_none_or(|line| has(&snapshot, unit, line)));
    let mut judged = Vec::new();
    for unit in units {
        let text = snapshot.text(unit.range.clone());
        let Some(report) = analyze(&model, &[(&text, unit.language)], arguments.method, UNSTOPPED)?.pop() else {
            continue;
        };
        let scores: Vec<f32> = report.words.iter().map(|word| word.score).collect();
        let trust = trust(&model, (&text, unit.language), (arguments.method, &scores), UNSTOPPED)?;
        judged.push(Judged {
            kind: unit.kind,
            name: unit.name.clone(),
            start: JsonPosition::new(&snapshot, unit.range.start),
            end: JsonPosition::new(&snapshot, unit.range.end),
            trust,
        });
    }
    if judged.is_empty() {
        match line {
            Some(line) => bail!("{}: line {line} has no text; name another line", file.display()),
            None => bail!("{}: the file has no text", file.display()),
        }
    }
    match arguments.format {
        ExplainFormat::Json => output::write_json(&judged),
        ExplainFormat::Terminal | ExplainFormat::Html => output::write(&told(&judged, &file)),
    }
}

/// Whether a line, from 1, has text of a unit. A unit ends where the next one begins.
fn has(snapshot: &Snapshot, unit: &Unit, line: usize) -> bool {
    let (first, end) = (
        JsonPosition::new(snapshot, unit.range.start),
        JsonPosition::new(snapshot, unit.range.end),
    );
    let last = if end.column == 0 { end.line } else { end.line + 1 };
    (first.line as usize + 1..=last as usize).contains(&line)
}

fn told(judged: &[Judged], file: &Path) -> String {
    let one = |judged: &Judged| {
        let name = judged
            .name
            .as_deref()
            .map(|name| format!(" · {name}"))
            .unwrap_or_default();
        let line = judged.start.line + 1;
        format!("{}:{line}{name}\n{}", file.display(), terminal::trust(&judged.trust))
    };
    judged.iter().map(one).collect::<Vec<_>>().join("\n")
}
