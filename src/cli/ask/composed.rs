//! Answers that a generating model writes, with the passages that each sentence draws on.

use std::io::Write;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::super::input::Usage;
use super::super::output::{self, PageFormat};
use super::Ask;
use crate::explain::Method;
use crate::model::generate::Ended;
use crate::model::{Model, UNSTOPPED, default_source};
use crate::render::decided::{self, Choice, Section};
use crate::render::json::JsonPosition;
use crate::render::terminal::printable;
use crate::render::written::{less_likely, one_line, times};
use crate::similar::ask::{self, Composed, Passage, Read, Sentence};

/// An answer in JSON. Without an answer, the text is empty and so are the lists.
#[derive(Serialize, Default)]
struct Answer {
    model: String,
    answer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    /// How the sentences are explained, and what: each passage is left out of their log-probability.
    #[serde(skip_serializing_if = "str::is_empty")]
    method: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    target: &'static str,
    /// Milliseconds to write the answer and to measure it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f32>,
    sentences: Vec<Written>,
    /// What the model read.
    passages: Vec<Part>,
}

#[derive(Serialize)]
struct Written {
    text: String,
    /// The natural logarithm of its probability.
    logprob: f32,
    /// For each passage: by how many nats the sentence is less likely without it.
    without: Vec<f32>,
    /// The same without all of them.
    without_all: f32,
    /// The passages that it draws on, as indices, the most needed first.
    sources: Vec<usize>,
}

#[derive(Serialize)]
struct Part {
    path: String,
    start: JsonPosition,
    end: JsonPosition,
    #[serde(skip_serializing_if = "Option::is_none")]
    passage: Option<String>,
}

/// Finds passages with the embedded model, and lets a generating model answer from them.
pub(super) fn run(arguments: &Ask, model: &Model) -> Result<()> {
    if arguments.method != Method::default() {
        let why = "--method: an answer that a model writes is explained by leaving passages out; omit the option";
        return Err(Usage(why.to_owned()).into());
    }
    if arguments.trust {
        let why = "--trust judges answers that are found; a model that writes measures what each sentence draws on";
        return Err(Usage(why.to_owned()).into());
    }
    let searcher = Model::load(&default_source())?;
    let searcher = searcher.of_reader(searcher.reader_of_query(&arguments.question));
    let question = arguments.question();
    let passages = super::passages(arguments, &question, &|| searcher.clone())?;
    let found = ask::places(&searcher, &question, &passages, arguments.wish(), UNSTOPPED)?;
    if found.is_empty() {
        return match arguments.format {
            PageFormat::Json => output::write_json(&Answer::default()),
            PageFormat::Terminal => output::write(super::NOTHING),
            PageFormat::Html => output::write_html(&super::in_html(question.asked(), &[])),
        };
    }
    let read = ask::parts_to_read(model, question.asked(), &passages, &found);
    if read.is_empty() {
        let name = &model.info().name;
        anyhow::bail!("{name} has no room for passages, the question and an answer; use a model with a larger window");
    }
    let terminal = arguments.format == PageFormat::Terminal;
    let mut failed = None;
    let mut told = |sentence: &str| {
        if terminal {
            let mut out = std::io::stdout().lock();
            let shown = writeln!(out, "{}", printable(&one_line(sentence))).and_then(|()| out.flush());
            failed = shown.err();
        }
    };
    let start = Instant::now();
    let composed = ask::compose(model, question.asked(), (&passages, &read), &mut told, UNSTOPPED)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let ms = start.elapsed().as_secs_f32() * 1e3;
    let name = &model.info().name;
    let parts: Vec<Part> = read.iter().map(|read| part(read, &passages)).collect();
    match arguments.format {
        PageFormat::Json => output::write_json(&in_json((name, ms), composed, parts)),
        PageFormat::Terminal => output::write(&in_words((name, ms), &composed, &parts)),
        PageFormat::Html => {
            let texts = read.iter().map(|read| {
                let snapshot = &passages[read.passage].snapshot;
                snapshot.text(read.range.clone()).into_owned()
            });
            let texts: Vec<String> = texts.collect();
            output::write_html(&in_html(question.asked(), name, &composed, (&parts, &texts)))
        }
    }
}

fn part(read: &Read, passages: &[Passage]) -> Part {
    let passage = &passages[read.passage];
    Part {
        path: passage.place.clone(),
        start: JsonPosition::new(&passage.snapshot, read.range.start),
        end: JsonPosition::new(&passage.snapshot, read.range.end),
        passage: passage.name.clone(),
    }
}

fn in_json((model, ms): (&str, f32), composed: Composed, passages: Vec<Part>) -> Answer {
    let written = |sentence: &Sentence| Written {
        text: composed.text[sentence.range.clone()].to_owned(),
        logprob: sentence.logprob,
        without: sentence.without.clone(),
        without_all: sentence.without_all,
        sources: sentence.sources(),
    };
    Answer {
        model: model.to_owned(),
        answer: composed.text.trim().to_owned(),
        ended: Some(composed.ended),
        method: "leave-one-out",
        target: "log_probability",
        ms: Some(ms),
        sentences: composed.sentences.iter().map(written).collect(),
        passages,
    }
}

/// What follows the answer: which sentence draws on which lines.
fn in_words((model, ms): (&str, f32), composed: &Composed, parts: &[Part]) -> String {
    let model = printable(model);
    let places: Vec<String> = parts.iter().map(place).collect();
    if composed.sentences.is_empty() {
        return format!("{model} wrote nothing; read {}\n", places.join(", "));
    }
    let mut page = "\nsentence  is less likely without\n".to_owned();
    for (index, sentence) in composed.sentences.iter().enumerate() {
        let sources = sentence.sources();
        for source in &sources {
            page += &format!(
                "{:>8}  {}: {}\n",
                index + 1,
                places[*source],
                times(sentence.without[*source])
            );
        }
        if sources.is_empty() {
            page += &format!(
                "{:>8}  no single passage; without all of them it is {}\n",
                index + 1,
                less_likely(sentence.without_all)
            );
        }
    }
    let used = |part: &usize| {
        composed
            .sentences
            .iter()
            .any(|sentence| sentence.sources().contains(part))
    };
    let unused: Vec<&str> = (0..places.len())
        .filter(|part| !used(part))
        .map(|part| places[part].as_str())
        .collect();
    if !unused.is_empty() {
        page += &format!("read and not used: {}\n", unused.join(", "));
    }
    page + &format!(
        "{model} wrote this, and each passage was left out in turn, in {:.1} s. Check it: a sentence that draws on a passage may still be wrong.\n",
        ms / 1e3
    )
}

/// The sentences with what each needs, then what the model read.
fn in_html(question: &str, model: &str, composed: &Composed, (parts, texts): (&[Part], &[String])) -> String {
    let sentence = |sentence: &Sentence| {
        let choice = |part: usize| Choice {
            name: place(&parts[part]),
            number: times(sentence.without[part]),
            share: sentence.without[part] / sentence.without.iter().copied().fold(f32::MIN_POSITIVE, f32::max),
        };
        Section {
            heading: one_line(&composed.text[sentence.range.clone()]),
            choices: (0..parts.len()).map(choice).collect(),
            notes: vec![format!(
                "This is how much less likely the sentence is without each passage; without all of them it is {}.",
                less_likely(sentence.without_all)
            )],
            ..Section::default()
        }
    };
    let mut sections: Vec<Section> = composed.sentences.iter().map(sentence).collect();
    let read = parts.iter().zip(texts).map(|(part, text)| Section {
        heading: format!("read: {}", place(part)),
        text: text.trim_end().to_owned(),
        ..Section::default()
    });
    sections.extend(read);
    decided::page(&format!("{question} · {model}"), &sections)
}

fn place(part: &Part) -> String {
    let (first, last) = (part.start.line + 1, part.end.line + u32::from(part.end.column > 0));
    printable(&format!("{}:{first}-{}", part.path, last.max(first)))
}
