//! `fovea explain`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use super::output::{Colour, Format, Progress};
use super::{ModelArguments, input, output};
use crate::analysis::{DocumentReport, UnitReport, analyse};
use crate::explain::Method;
use crate::model::{Model, UNSTOPPED};
use crate::render::terminal::SimilarPair;
use crate::render::{json, terminal};
use crate::segment::{Budget, Segments, parse, segment};
use crate::similar::{ItemVector, Part, Space, embed};
use crate::text::{PositionEncoding, Snapshot};

/// Arguments of `fovea explain`.
#[derive(Args, Debug)]
pub(super) struct Explain {
    /// File to explain; `-` reads standard input
    file: PathBuf,
    /// Salience method: decomposition, alti, attention, rollout or norm
    #[arg(long, default_value = "decomposition", value_parser = method)]
    method: Method,
    /// Language of the text, where the file's name does not tell
    #[arg(long)]
    language: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// When to use colours
    #[arg(long, value_enum, default_value_t)]
    color: Colour,
    /// Refuse files larger than this
    #[arg(long, value_name = "N", default_value_t = input::MAX_BYTES)]
    max_bytes: usize,
}

/// Word pieces given to the model at once.
const BATCH: usize = 512;

/// The least language-centred cosine of items called similar.
const SIMILAR: f32 = 0.6;

fn method(name: &str) -> Result<Method, String> {
    let names = || Method::ALL.map(Method::name).join(", ");
    Method::from_name(name).ok_or_else(|| format!("no such method; there are {}", names()))
}

/// Explains a file.
pub(super) fn run(arguments: &Explain) -> Result<()> {
    let language = input::language(arguments.language.as_deref())?;
    let snapshot = input::document(&arguments.file, language, arguments.max_bytes)?;
    let model = arguments.model.load()?;
    let start = Instant::now();
    let report = document(&model, snapshot, arguments)?;
    let milliseconds = start.elapsed().as_secs_f32() * 1e3;
    let file = arguments.file.display().to_string();
    if arguments.format == Format::Json {
        return output::write_json(&json::explain(&report, model.info(), arguments.method, &file));
    }
    let similar = similar(&report);
    let palette = arguments.color.palette();
    output::write(&terminal::explain(
        &report,
        &similar,
        model.info(),
        arguments.method,
        &file,
        milliseconds,
        palette,
    ))
}

fn document(model: &Model, snapshot: Snapshot, arguments: &Explain) -> Result<DocumentReport> {
    let tree = parse(&snapshot, None);
    let budget = Budget {
        tokens: &|text, language| model.count(text, language),
        window: model.window(),
    };
    let segments = segment(&snapshot, tree.as_ref(), &budget);
    let units = units(model, &snapshot, &segments, arguments.method)?;
    let id = arguments.file.display().to_string().into();
    Ok(DocumentReport {
        id,
        snapshot,
        segments: Arc::new(segments),
        units,
    })
}

fn units(
    model: &Model,
    snapshot: &Snapshot,
    segments: &Segments,
    method: Method,
) -> Result<Vec<Option<Arc<UnitReport>>>> {
    let texts: Vec<_> = segments
        .units
        .iter()
        .map(|unit| (snapshot.text(unit.range.clone()), unit.language))
        .collect();
    let mut progress = Progress::new("explaining", texts.len());
    let mut reports = Vec::with_capacity(texts.len());
    while reports.len() < texts.len() {
        let mut batch = Vec::new();
        let mut tokens = 0;
        for (text, language) in &texts[reports.len()..] {
            tokens += model.count(text, *language);
            if tokens > BATCH && !batch.is_empty() {
                break;
            }
            batch.push((text.as_ref(), *language));
        }
        let explained = analyse(model, &batch, method, UNSTOPPED)?;
        reports.extend(explained.into_iter().map(|report| Some(Arc::new(report))));
        progress.at(reports.len());
    }
    Ok(reports)
}

/// Items of the document that resemble each other, best first; each pair once.
fn similar(report: &DocumentReport) -> Vec<SimilarPair> {
    let mut named = Vec::new();
    let mut vectors = Vec::new();
    for item in &report.segments.items {
        let units = report.units[item.units.clone()].iter().flatten();
        let parts: Vec<Part> = units
            .map(|unit| Part {
                embedding: &unit.embedding,
                tokens: unit.tokens,
                coverage: unit.coverage,
            })
            .collect();
        let Some(vector) = embed(&parts) else { continue };
        let (document, language) = (report.id.clone(), report.snapshot.language());
        vectors.push(ItemVector {
            document,
            range: item.range.clone(),
            language,
            vector,
        });
        let line = report
            .snapshot
            .position(item.name_range.start, PositionEncoding::Utf8)
            .line
            + 1;
        named.push((item.name.clone(), line));
    }
    let space = Space::new(vectors);
    let mut pairs = Vec::new();
    for (index, a) in named.iter().enumerate() {
        let later = space
            .neighbours(index, SIMILAR, named.len())
            .into_iter()
            .filter(|(other, _)| *other > index);
        pairs.extend(later.map(|(other, score)| SimilarPair {
            score,
            a: a.clone(),
            b: named[other].clone(),
        }));
    }
    pairs.sort_by(|a, b| b.score.total_cmp(&a.score));
    pairs.truncate(8);
    pairs
}
