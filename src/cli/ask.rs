//! `fovea ask`.

mod composed;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::input::{self, Usage};
use super::output::{self, PageFormat};
use super::search::embedded;
use super::{ModelArguments, index};
use crate::explain::Method;
use crate::explain::trust::Trust;
use crate::model::{Ability, Model, UNSTOPPED, default_source};
use crate::render::decided::{self, Section};
use crate::render::json::{ExplainWord, JsonPosition};
use crate::render::terminal::printable;
use crate::similar::ask::{self, PASSAGES, Passage, Question, Wish};
use crate::similar::index::{Filter, Query, Without, search};
use crate::text::Language;

/// Arguments of `fovea ask`.
#[derive(Args, Debug)]
#[command(after_help = "Exit code: 0, also if nothing answers; 2 for wrong usage, 1 for a failure.")]
pub(super) struct Ask {
    /// The question
    question: String,
    /// The file or folder that may answer it; Fovea updates the index of a folder first
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    place: PathBuf,
    /// Maximum number of answers
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = input::count)]
    top: usize,
    /// Leave out answers below this score, from 0 to 1; the default is measured
    #[arg(long, value_name = "S", value_parser = input::share)]
    threshold: Option<f32>,
    /// How to explain an answer: decomposition, gradient, integrated-gradients, smoothgrad, leave-one-out, lime or shap; the last five take
    /// many passes
    #[arg(long, default_value = "decomposition", value_parser = Method::of_number)]
    method: Method,
    /// Also say whether the words that count most can be trusted: how much more an answer's score falls without them than without random words
    #[arg(long, conflicts_with = "method")]
    trust: bool,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: PageFormat,
}

/// An answer to a question.
#[derive(Debug, Serialize)]
struct Answer {
    path: String,
    start: JsonPosition,
    end: JsonPosition,
    text: String,
    /// Its score: a cosine, or the probability of the span from an extractive head.
    score: f32,
    /// The function, type or heading around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    passage: Option<String>,
    /// The number that the scores of words, special tokens and biases sum to: `cosine`, or `span` for the logits of start and end.
    target: &'static str,
    method: &'static str,
    value: f32,
    /// Absent if the method's scores do not sum to the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    residual: Option<f32>,
    words: Vec<AnswerWord>,
    /// Whether the words can be trusted, with `--trust`.
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<Trust>,
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

impl Ask {
    /// The question, asked of the folder.
    fn question(&self) -> Question {
        let folder = self.place.canonicalize().ok().filter(|place| place.is_dir());
        Question::about(&*self.question, folder.as_deref().into_iter())
    }

    fn wish(&self) -> Wish {
        Wish {
            top: self.top,
            threshold: self.threshold,
            by: self.method,
        }
    }
}

/// Answers a question from a file or a folder. The list is empty if nothing answers it.
pub(super) fn run(arguments: &Ask) -> Result<()> {
    if !ask::has_words(&arguments.question) {
        return Err(Usage("ask: the question contains no words; write one".to_owned()).into());
    }
    let model = arguments.model.load()?;
    if model.info().abilities.contains(&Ability::Generate) {
        return composed::run(arguments, &model);
    }
    let model = model.of_reader(model.reader_of_query(&arguments.question));
    let question = arguments.question();
    // The embeddings of a model with an extractive head are useless for a search.
    let extracts = model.info().abilities.contains(&Ability::Answer);
    let (model, passages) = match extracts {
        true => {
            let searcher = || Model::load(&default_source()).unwrap_or_else(|_| model.clone());
            (
                arguments.model.interpreted()?.0,
                passages(arguments, &question, &searcher)?,
            )
        }
        false => {
            // A folder's search says it itself.
            if !arguments.place.is_dir() {
                let text = arguments.question.clone();
                embedded(
                    Query {
                        text,
                        ..Query::default()
                    },
                    &model,
                )?;
            }
            let passages = passages(arguments, &question, &|| model.clone())?;
            match arguments.method.interpreted() {
                true => (
                    arguments.model.interpreted_for(&arguments.question, Language::Prose)?.0,
                    passages,
                ),
                false => (model, passages),
            }
        }
    };
    let answers = ask::answers(&model, &question, &passages, arguments.wish(), UNSTOPPED)?;
    let judged = |answer: ask::Answer| -> Result<Answer> {
        let place = (&passages[answer.passage], &answer.range);
        let trust = match arguments.trust {
            true => ask::trust(&model, &question, place, UNSTOPPED)?,
            false => None,
        };
        Ok(shown(answer, trust, &passages))
    };
    let answers: Vec<Answer> = answers.into_iter().map(judged).collect::<Result<_>>()?;
    match arguments.format {
        PageFormat::Json => output::write_json(&answers),
        PageFormat::Terminal => output::write(&in_words(&answers)),
        PageFormat::Html => output::write_html(&in_html(&arguments.question, &answers)),
    }
}

/// The passages that may contain the answer: a whole file, or the results of a search in a folder.
fn passages(arguments: &Ask, question: &Question, model: &dyn Fn() -> Model) -> Result<Vec<Passage>> {
    let place = &arguments.place;
    if !place.is_dir() {
        let snapshot = input::document(place, None, input::MAX_BYTES)?;
        let part = |range| Passage {
            place: place.display().to_string(),
            name: None,
            range,
            snapshot: snapshot.clone(),
            score: 0.0,
        };
        return Ok(ask::parts(&snapshot).into_iter().map(part).collect());
    }
    let model = model();
    let vector_index = index::vector_index(&model, place)?;
    let mut filter = Filter::default();
    let mut query = Query::parse(question.text(), &mut filter);
    // Documents can answer questions as well as code.
    query.asks.prose = true;
    let (query, _) = embedded(query, &model)?;
    let found = search(&vector_index, &query, &filter, PASSAGES, Without::default());
    let passage = |found: &crate::similar::index::Found| {
        let path = place.join(&found.path);
        // The file may have been removed since the search.
        let snapshot = input::document(&path, None, input::MAX_BYTES).ok()?;
        let range = found.item.start.byte..found.item.end.byte.min(snapshot.len());
        (range.start < range.end).then(|| Passage {
            place: named(place, &found.path),
            name: Some(found.item.name.clone()).filter(|name| !name.is_empty()),
            snapshot,
            range,
            score: found.score,
        })
    };
    let mut passages: Vec<Passage> = Vec::new();
    for passage in found.iter().filter_map(passage) {
        if !passages.iter().any(|better| better.overlaps(&passage)) {
            passages.push(passage);
        }
    }
    Ok(passages)
}

fn named(place: &Path, path: &Path) -> String {
    match place.as_os_str() == "." {
        true => path.display().to_string(),
        false => place.join(path).display().to_string(),
    }
}

/// An answer with its text and positions.
fn shown(answer: ask::Answer, trust: Option<Trust>, passages: &[Passage]) -> Answer {
    let passage = &passages[answer.passage];
    let snapshot = &passage.snapshot;
    let word = |word: ask::AnswerWord| AnswerWord {
        word: ExplainWord {
            text: snapshot.text(word.range.clone()).into_owned(),
            start: JsonPosition::new(snapshot, word.range.start),
            end: JsonPosition::new(snapshot, word.range.end),
            score: word.score,
            rank: word.rank,
        },
        question: word.question,
    };
    Answer {
        path: passage.place.clone(),
        start: JsonPosition::new(snapshot, answer.range.start),
        end: JsonPosition::new(snapshot, answer.range.end),
        text: snapshot.text(answer.range).into_owned(),
        score: answer.score,
        passage: passage.name.clone(),
        target: answer.target,
        method: answer.method.name(),
        value: answer.value,
        residual: answer.residual,
        words: answer.words.into_iter().map(word).collect(),
        trust,
    }
}

/// What a terminal shows if nothing answers.
const NOTHING: &str = "nothing here answers that\n";

fn in_html(question: &str, answers: &[Answer]) -> String {
    if answers.is_empty() {
        let nothing = Section {
            heading: NOTHING.trim().to_owned(),
            ..Section::default()
        };
        return decided::page(question, &[nothing]);
    }
    let section = |answer: &Answer| {
        let first = answer.start.byte;
        let own = answer.words.iter().filter(|word| word.word.start.byte >= first);
        let words = own.map(|word| {
            (
                word.word.start.byte - first..word.word.end.byte - first,
                word.word.score,
            )
        });
        let passage = answer.passage.iter().map(|name| format!(" in {name}"));
        let notes = std::iter::once(format!(
            "{} {:+.3}, by words ({})",
            answer.target, answer.value, answer.method
        ));
        Section {
            heading: format!(
                "{:.2} · {}:{}{}",
                answer.score,
                answer.path,
                answer.start.line + 1,
                passage.collect::<String>()
            ),
            words: words.collect(),
            text: answer.text.clone(),
            notes: notes
                .chain(answer.trust.iter().map(|trust| trust.sentence.clone()))
                .collect(),
            ..Section::default()
        }
    };
    decided::page(question, &answers.iter().map(section).collect::<Vec<_>>())
}

/// Words of an answer that a terminal lists.
const LISTED: usize = 5;

fn in_words(answers: &[Answer]) -> String {
    if answers.is_empty() {
        return NOTHING.to_owned();
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
        for line in answer.trust.iter().flat_map(|trust| trust.sentence.lines()) {
            page += &format!("      {line}\n");
        }
    }
    page
}
