//! `fovea compare`.

mod sides;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::input::{self, Usage};
use super::output::Color;
use super::{ModelArguments, index, output};
use crate::explain::{Method, Pair};
use crate::model::UNSTOPPED;
use crate::render::{json, markdown, terminal};
use crate::segment::{Budget, Segments, parse, segment};
use crate::similar::MIN_COVERAGE;
use crate::text::{ByteRange, Language, Position, PositionEncoding, Snapshot};

/// Arguments of `fovea compare`.
#[derive(Args, Debug)]
pub(super) struct Compare {
    /// Two passages: FILE for the whole file, FILE:LINE for the item around that line
    #[arg(value_name = "FILE[:LINE]", num_args = 0..=2)]
    passages: Vec<PathBuf>,
    /// Text of a passage; pass it twice, or once together with a FILE
    #[arg(long, value_name = "STRING")]
    text: Vec<String>,
    /// Read text like the reference pipeline, without splitting identifiers
    #[arg(long)]
    plain: bool,
    /// Language of the texts, if a file's name does not show it
    #[arg(long)]
    language: Option<String>,
    /// Also compare without the part that the languages have in common; uses the index of this folder and updates it first
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Explain the cosine by another method: gradient, integrated-gradients, smoothgrad, leave-one-out, lime or shap. Each passage's words
    /// are scored while the other passage stays as it is
    #[arg(long, default_value = "decomposition", value_parser = Method::of_number, conflicts_with_all = ["root", "pairs", "no_pairs"])]
    method: Method,
    /// List the pairs of words that add most as well; takes seconds for long passages
    #[arg(long)]
    pairs: bool,
    /// Leave the matrix of all pairs out of the JSON, which is quick
    #[arg(long, conflicts_with = "pairs")]
    no_pairs: bool,
    /// Say whether the words that count most can be trusted: how much more the similarity falls without them than without random words
    #[arg(long, conflicts_with_all = ["method", "pairs", "no_pairs"])]
    trust: bool,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: CompareFormat,
    /// When to use colors
    #[arg(long, value_enum, default_value_t)]
    color: Color,
}

/// The format of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CompareFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// For reviews.
    Markdown,
}

/// A passage: a range of a document.
pub(super) struct Passage {
    pub snapshot: Snapshot,
    pub range: ByteRange,
}

/// Compares two passages.
pub(super) fn run(arguments: &Compare) -> Result<()> {
    if arguments.passages.len() + arguments.text.len() != 2 {
        return Err(Usage("compare needs exactly two passages: FILE, FILE:LINE or --text STRING".to_owned()).into());
    }
    let language = input::language(arguments.language.as_deref())?;
    let mut passages = Vec::new();
    for argument in &arguments.passages {
        passages.push(passage(argument, language)?);
    }
    for text in &arguments.text {
        let snapshot = Snapshot::new(text, 0, language.unwrap_or(Language::Prose));
        passages.push(Passage {
            range: 0..snapshot.len(),
            snapshot,
        });
    }
    if arguments.method != Method::Decomposition {
        return sides::run(arguments, &passages);
    }
    let model = arguments.model.load()?.identifier_aware(!arguments.plain);
    let [a, b] = &passages[..] else {
        unreachable!("two passages were counted above")
    };
    let (text_a, text_b) = (a.snapshot.text(a.range.clone()), b.snapshot.text(b.range.clone()));
    let (read_a, read_b) = ((&*text_a, a.snapshot.language()), (&*text_b, b.snapshot.language()));
    let vector_index = arguments
        .root
        .as_deref()
        .map(|root| index::vector_index(&model, root))
        .transpose()?;
    let between = vector_index
        .as_ref()
        .map(|vector_index| vector_index.center().between(read_a.1, read_b.1));
    let means = between.as_ref().map(|between| between.means());
    let pair = Pair::read(&model, read_a, read_b, UNSTOPPED)?;
    if arguments.trust {
        let trust = pair.trust(means, UNSTOPPED)?;
        return match arguments.format {
            CompareFormat::Json => output::write_json(&trust),
            CompareFormat::Markdown => output::write(&format!("{}\n", trust.sentence)),
            CompareFormat::Terminal => output::write(&terminal::trust(&trust)),
        };
    }
    let wants_pairs = arguments.pairs || arguments.format == CompareFormat::Json && !arguments.no_pairs;
    let report = match wants_pairs {
        true => pair.matrix(means, UNSTOPPED)?,
        false => pair.totals(means, UNSTOPPED)?,
    };
    for (side, which) in [(&report.a, "first"), (&report.b, "second")] {
        if side.coverage < MIN_COVERAGE {
            let percent = side.coverage * 100.0;
            output::say(&format_args!(
                "{} knows only {percent:.0} % of the letters of the {which} passage, so the similarity means little",
                report.model
            ));
        }
    }
    let (a, b) = ((&a.snapshot, &a.range), (&b.snapshot, &b.range));
    match arguments.format {
        CompareFormat::Json => output::write_json(&json::compare(&report, a, b)),
        CompareFormat::Markdown => output::write(&markdown::compare(&report, a, b)),
        CompareFormat::Terminal => output::write_page(&terminal::compare(&report, a, b, arguments.color.palette())),
    }
}

/// The passage that FILE or FILE:LINE names.
///
/// # Errors
/// A one-line message that says what failed, and where.
pub(super) fn passage(argument: &Path, language: Option<Language>) -> Result<Passage> {
    let (file, line) = input::place(argument);
    Document::read(&file, language)?.passage(line)
}

/// A file that contains passages.
pub(super) struct Document {
    name: String,
    snapshot: Snapshot,
    /// Its items and units, computed on first use.
    segments: OnceCell<Segments>,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// A one-line message that says what failed, and where.
    pub(super) fn read(file: &Path, language: Option<Language>) -> Result<Document> {
        Ok(Document {
            name: file.display().to_string(),
            snapshot: input::document(file, language, input::MAX_BYTES)?,
            segments: OnceCell::new(),
        })
    }

    /// The whole file, or the item around a line, counted from 1.
    ///
    /// # Errors
    /// If the line does not exist.
    pub(super) fn passage(&self, line: Option<usize>) -> Result<Passage> {
        let snapshot = self.snapshot.clone();
        let Some(line) = line else {
            return Ok(Passage {
                range: 0..snapshot.len(),
                snapshot,
            });
        };
        if line == 0 || line > snapshot.line_count() {
            let lines = snapshot.line_count();
            return Err(Usage(format!(
                "{}: line {line} does not exist; the file has {lines} lines",
                self.name
            ))
            .into());
        }
        let segments = self.segments();
        let row = snapshot.line_range(line - 1);
        let first = snapshot
            .text(row.clone())
            .find(|c: char| !c.is_whitespace())
            .unwrap_or(0);
        let at = snapshot.offset(
            Position {
                line: line as u32 - 1,
                column: first as u32,
            },
            PositionEncoding::Utf8,
        );
        let mut items = segments.items.iter();
        let item = items.rfind(|item| item.range.contains(&at));
        let unit = || segments.units.iter().find(|unit| unit.range.contains(&at));
        let range = match item {
            Some(item) => item.range.clone(),
            None => unit().map_or(row, |unit| unit.range.clone()),
        };
        Ok(Passage { snapshot, range })
    }

    /// The items with their lines, counted from 1. A file without items is one passage without a line.
    pub(super) fn items(&self) -> Vec<(Option<usize>, Passage)> {
        let snapshot = &self.snapshot;
        let passage = |range| Passage {
            snapshot: snapshot.clone(),
            range,
        };
        let line = |at| snapshot.position(at, PositionEncoding::Utf8).line as usize + 1;
        let items = self.segments().items.iter();
        let found = items.map(|item| (Some(line(item.name_range.start)), passage(item.range.clone())));
        let found: Vec<_> = found.collect();
        match found.is_empty() {
            true => vec![(None, passage(0..snapshot.len()))],
            false => found,
        }
    }

    fn segments(&self) -> &Segments {
        // Items and units do not depend on a model's window here: nothing is split.
        let budget = Budget {
            tokens: &|_, _| 1,
            window: usize::MAX,
        };
        self.segments
            .get_or_init(|| segment(&self.snapshot, &parse(&self.snapshot), &budget))
    }
}
