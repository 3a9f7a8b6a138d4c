//! `fovea ask`.

mod sentences;
mod similar;
mod spans;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::input::{self, Usage};
use super::output::{self, Format};
use super::{ModelArguments, index};
use crate::model::{Ability, Model, default_source};
use crate::render::json::{ExplainWord, JsonPosition};
use crate::render::terminal::printable;
use crate::similar::index::{Filter, Query, Without, read_query, search};
use crate::text::{ByteRange, Language, Snapshot};

/// Arguments of `fovea ask`.
#[derive(Args, Debug)]
pub(super) struct Ask {
    /// The question
    question: String,
    /// The file or folder that may answer it; Fovea updates the index of a folder first
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    place: PathBuf,
    /// Maximum number of answers
    #[arg(long, value_name = "K", default_value_t = 3)]
    top: usize,
    /// Leave out answers below this score, from 0 to 1; the default is measured
    #[arg(long, value_name = "S")]
    threshold: Option<f32>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What answers a question.
#[derive(Debug, Serialize)]
struct Answer {
    path: String,
    start: JsonPosition,
    end: JsonPosition,
    text: String,
    /// How well it answers: a cosine, or with an extractive head the probability of the span.
    score: f32,
    /// The function, type or heading that it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    passage: Option<String>,
    /// What the words' scores sum to, with special tokens and biases: `cosine`, or `span` for the logits of start and end.
    target: &'static str,
    value: f32,
    residual: f32,
    words: Vec<AnswerWord>,
}

/// A word of an answer.
#[derive(Debug, Serialize)]
struct AnswerWord {
    #[serde(flatten)]
    word: ExplainWord,
    /// The word of the question that it answers most.
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<String>,
}

/// A part of a document that may hold the answer.
struct Candidate {
    path: String,
    name: Option<String>,
    snapshot: Snapshot,
    range: ByteRange,
    /// What the search gave it, where there was one.
    score: f32,
}

/// Passages that are looked into.
const PASSAGES: usize = 8;

/// Answers a question from a file or a folder; an empty list where nothing does.
pub(super) fn run(arguments: &Ask) -> Result<()> {
    if !arguments.question.chars().any(char::is_alphanumeric) {
        return Err(Usage("ask: the question contains no words; write one".to_owned()).into());
    }
    if arguments
        .threshold
        .is_some_and(|threshold| !(0.0..=1.0).contains(&threshold))
    {
        return Err(Usage("--threshold: give a number from 0 to 1".to_owned()).into());
    }
    let model = arguments.model.load()?;
    let model = model.of_reader(model.reader(&arguments.question, Language::Prose));
    let answers = match model.info().abilities.contains(&Ability::Answer) {
        true => {
            let (reader, network) = arguments.model.interpreted()?;
            let searcher = || Model::load(&default_source()).unwrap_or_else(|_| model.clone());
            let candidates = candidates(arguments, &searcher)?;
            spans::answers(arguments, (&reader, &network), &candidates)?
        }
        false => {
            let candidates = candidates(arguments, &|| model.clone())?;
            similar::answers(arguments, &model, &candidates)?
        }
    };
    match arguments.format {
        Format::Json => output::write_json(&answers),
        Format::Terminal => output::write(&in_words(&answers)),
    }
}

/// The passages that may answer: a whole file, or what a search in a folder finds.
fn candidates(arguments: &Ask, model: &dyn Fn() -> Model) -> Result<Vec<Candidate>> {
    let place = &arguments.place;
    if !place.is_dir() {
        let snapshot = input::document(place, None, input::MAX_BYTES)?;
        return Ok(vec![Candidate {
            path: place.display().to_string(),
            name: None,
            range: 0..snapshot.len(),
            snapshot,
            score: 0.0,
        }]);
    }
    let model = model();
    let vector_index = index::vector_index(&model, place)?;
    let mut filter = Filter::default();
    let mut query = Query::parse(&arguments.question, &mut filter);
    // Documents answer questions as well as code does.
    query.asks.prose = true;
    query.vector = read_query(&model, &query.text)?.vector;
    let found = search(&vector_index, &query, &filter, PASSAGES, Without::default());
    let candidate = |found: &crate::similar::index::Found| {
        let path = place.join(&found.path);
        // A file that is gone meanwhile answers nothing.
        let snapshot = input::document(&path, None, input::MAX_BYTES).ok()?;
        let range = found.item.start.byte..found.item.end.byte.min(snapshot.len());
        (range.start < range.end).then(|| Candidate {
            path: shown(place, &found.path),
            name: Some(found.item.name.clone()).filter(|name| !name.is_empty()),
            snapshot,
            range,
            score: found.score,
        })
    };
    Ok(found.iter().filter_map(candidate).collect())
}

fn shown(place: &Path, path: &Path) -> String {
    match place.as_os_str() == "." {
        true => path.display().to_string(),
        false => place.join(path).display().to_string(),
    }
}

/// Words of an answer that a terminal lists.
const LISTED: usize = 5;

fn in_words(answers: &[Answer]) -> String {
    if answers.is_empty() {
        return "nothing here answers that\n".to_owned();
    }
    let mut page = String::new();
    for answer in answers {
        let line = answer.start.line + 1;
        let passage = match &answer.passage {
            Some(name) => format!("  {}", printable(name)),
            None => String::new(),
        };
        page += &format!("{:.2}  {}:{line}{passage}\n", answer.score, printable(&answer.path));
        let text = answer.text.split_whitespace().collect::<Vec<_>>().join(" ");
        page += &format!("      {}\n", printable(&text));
        let mut words: Vec<&AnswerWord> = answer.words.iter().filter(|word| word.word.score > 0.0).collect();
        words.sort_by(|a, b| b.word.score.total_cmp(&a.word.score));
        let told: Vec<String> = words
            .iter()
            .take(LISTED)
            .map(|word| {
                let asked = word
                    .question
                    .as_deref()
                    .map(|asked| format!(" for {asked}"))
                    .unwrap_or_default();
                printable(&format!("{}{asked} {:+.2}", word.word.text, word.word.score))
            })
            .collect();
        page += &format!("      {}\n", told.join(" · "));
    }
    page
}
