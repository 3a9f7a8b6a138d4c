//! `fovea explain`.

mod trust;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::input::Usage;
use super::output::{Color, Progress};
use super::{ModelArguments, input, load_for, output};
use crate::analysis::{DocumentReport, UnitReport, analyze_heads, embedded_items};
use crate::explain::{Choice, Extent, Heads, Method, Operator, Over};
use crate::model::{Model, UNSTOPPED};
use crate::render::terminal::SimilarPair;
use crate::render::{html, json, terminal};
use crate::segment::Segments;
use crate::similar::index::{Asked, Collection, EmbeddedItem, Filter, IndexedItem, VectorIndex, calibration};
use crate::similar::{Calibration, Center, thresholds};
use crate::text::Snapshot;

/// Arguments of `fovea explain`.
#[derive(Args, Debug)]
pub(super) struct Explain {
    /// File to explain; `-` reads standard input. With --trust, FILE:LINE for one unit
    file: PathBuf,
    /// Salience method: decomposition, alti, attention, rollout or norm; references: gradient (3 passes), globenc (1, in the interpreter),
    /// integrated-gradients and smoothgrad (60), leave-one-out (one for each word), value-zeroing (one for each token), lime (5 for each word,
    /// at least 100), shap (up to 500), attention-flow (units up to 160 tokens). surprisal: how unexpected each word is, with a model
    /// that predicts the next token
    #[arg(long, default_value = "decomposition", value_parser = method)]
    method: Method,
    /// With --method attention: use only this layer, counted from 0
    #[arg(long, value_name = "N")]
    layer: Option<usize>,
    /// With --method attention: use only this head, counted from 0
    #[arg(long, value_name = "N")]
    head: Option<usize>,
    /// With --method attention: how several heads and layers become one map
    #[arg(long, value_enum, default_value_t)]
    over: OverMaps,
    /// With --method leave-one-out: how words are left out
    #[arg(long, value_enum, default_value_t)]
    without: Without,
    /// With --method leave-one-out: the text to leave out in each step
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// Judge the explanation instead: delete the words that it marks, and as many random ones, and say what that does to the embedding
    #[arg(long)]
    trust: bool,
    /// Language of the text, if the file's name does not show it
    #[arg(long)]
    language: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: ExplainFormat,
    /// When to use colors
    #[arg(long, value_enum, default_value_t)]
    color: Color,
    /// Refuse files larger than this
    #[arg(long, value_name = "N", default_value_t = input::MAX_BYTES)]
    max_bytes: usize,
}

/// How attention maps are combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum OverMaps {
    /// Their mean.
    #[default]
    Mean,
    /// The largest of their entries.
    Max,
}

/// How words are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Without {
    /// Their tokens are deleted.
    #[default]
    Delete,
    /// Their tokens become the model's mask.
    Mask,
    /// No other token may look at them.
    Attention,
}

/// The text that leave-one-out deletes in each step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum By {
    /// A word.
    #[default]
    Word,
    /// A line.
    Line,
    /// A sentence or statement.
    Sentence,
}

/// The format of an explanation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// For a browser: one self-contained page.
    Html,
}

/// Maximum word pieces of one batch.
const BATCH: usize = 512;

fn method(name: &str) -> Result<Method, String> {
    let names = || Method::ALL.map(Method::name).join(", ");
    Method::from_name(name).ok_or_else(|| format!("no such method; choose one of {}, surprisal", names()))
}

/// Explains a file.
pub(super) fn run(arguments: &Explain) -> Result<()> {
    if arguments.trust {
        return trust::run(arguments);
    }
    if let (file, Some(_)) = input::place(&arguments.file)
        && !arguments.file.exists()
    {
        let why = format!(
            "explain reads a whole file: name {} without a line, or add --trust to judge the unit there",
            file.display()
        );
        return Err(Usage(why).into());
    }
    let language = input::language(arguments.language.as_deref())?;
    let snapshot = input::document(&arguments.file, language, arguments.max_bytes)?;
    let model = model(arguments)?;
    let choice = choice(arguments, &model)?;
    let start = Instant::now();
    let report = document(&model, snapshot, arguments, choice)?;
    let milliseconds = start.elapsed().as_secs_f32() * 1e3;
    let file = arguments.file.display().to_string();
    match arguments.format {
        ExplainFormat::Json => {
            return output::write_json(&json::explain(&report, model.info(), arguments.method, &file));
        }
        ExplainFormat::Html => {
            return output::write_html(&html::explain(&report, model.info(), arguments.method, &file));
        }
        ExplainFormat::Terminal => {}
    }
    let similar = similar(&report, calibration(&model)?);
    let palette = arguments.color.palette();
    output::write_page(&terminal::explain(
        &report,
        &similar,
        model.info(),
        arguments.method,
        &file,
        milliseconds,
        palette,
    ))
}

/// Loads the model in the form that the method needs.
fn model(arguments: &Explain) -> Result<Model> {
    let hidden = arguments.method == Method::LeaveOneOut && arguments.without == Without::Attention;
    match hidden {
        true => Ok(arguments.model.interpreted()?.0),
        false => load_for(arguments.method, &arguments.model.source()),
    }
}

/// The chosen options of a method.
fn choice(arguments: &Explain, model: &Model) -> Result<Choice> {
    if arguments.over != OverMaps::Mean && arguments.method != Method::Attention {
        return Err(Usage("--over needs --method attention".to_owned()).into());
    }
    let left_out = arguments.without != Without::Delete || arguments.by != By::Word;
    if left_out && arguments.method != Method::LeaveOneOut {
        return Err(Usage("--without and --by need --method leave-one-out".to_owned()).into());
    }
    Ok(Choice {
        heads: heads(arguments, model)?,
        over: match arguments.over {
            OverMaps::Mean => Over::Mean,
            OverMaps::Max => Over::Max,
        },
        operator: match arguments.without {
            Without::Delete => Operator::Delete,
            Without::Mask => Operator::Mask,
            Without::Attention => Operator::Attention,
        },
        extent: match arguments.by {
            By::Word => Extent::Word,
            By::Line => Extent::Line,
            By::Sentence => Extent::Sentence,
        },
    })
}

/// The requested attention maps.
fn heads(arguments: &Explain, model: &Model) -> Result<Heads> {
    let (layer, head) = (arguments.layer, arguments.head);
    if (layer.is_some() || head.is_some()) && arguments.method != Method::Attention {
        return Err(Usage("--layer and --head need --method attention".to_owned()).into());
    }
    let info = model.info();
    if layer.is_some_and(|layer| layer >= info.layers) || head.is_some_and(|head| head >= info.heads) {
        let (layers, heads) = (info.layers - 1, info.heads - 1);
        return Err(Usage(format!(
            "{} has only layers 0 to {layers} and heads 0 to {heads}",
            info.name
        ))
        .into());
    }
    Ok(Heads { layer, head })
}

fn document(model: &Model, snapshot: Snapshot, arguments: &Explain, choice: Choice) -> Result<DocumentReport> {
    let segments = model.segment(&snapshot);
    let units = units(model, &snapshot, &segments, arguments.method, choice)?;
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
    choice: Choice,
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
        let explained = analyze_heads(model, &batch, method, choice, UNSTOPPED)?;
        reports.extend(explained.into_iter().map(|report| Some(Arc::new(report))));
        progress.at(reports.len());
    }
    Ok(reports)
}

/// Maximum number of similar pairs to show.
const PAIRS: usize = 8;

/// Items of the document that resemble each other, best first, whether new to a reader or not; each pair once.
fn similar(report: &DocumentReport, calibration: Arc<Calibration>) -> Vec<SimilarPair> {
    let items = embedded_items(report);
    let path = PathBuf::from(&*report.id);
    let width = items.first().map_or(0, |item| item.vector.len());
    let vector_index = VectorIndex::of_items(&[(path.clone(), &items)], &Center::within(calibration), width);
    let named = |item: &IndexedItem| (item.name.clone(), item.name_start.line + 1);
    let mut pairs = Vec::new();
    for EmbeddedItem { item, vector, .. } in items.iter().filter(|item| item.is_comparable()) {
        let asked = Asked {
            path: Some(&path),
            item,
            vector,
            base: Some(thresholds::DEFAULT),
            known: None,
        };
        let found = vector_index.similar(&asked, &Filter::default(), items.len());
        let later = found.into_iter().flatten();
        let later = later.filter(|found| found.item.start.byte > item.start.byte);
        pairs.extend(later.map(|found| SimilarPair {
            score: found.score,
            a: named(item),
            b: named(&found.item),
        }));
    }
    pairs.sort_by(|a, b| b.score.total_cmp(&a.score));
    pairs.truncate(PAIRS);
    pairs
}
