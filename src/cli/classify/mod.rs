//! `fovea classify`.

mod directions;
mod heads;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::compare::{Document, Passage, passage};
use super::deciding::Deciding;
use super::input::{self, Usage};
use super::output::{self, PageFormat};
use super::{ModelArguments, probe};
use crate::explain::Method;
use crate::places::home_folder;
use crate::render::decided::{self, Choice, Section};
use crate::render::json::JsonPosition;
use crate::render::terminal::printable;
use crate::similar::index::{Limits, refused_root, walk};
use crate::text::{Language, Snapshot};

/// Arguments of `fovea classify`.
#[derive(Args, Debug)]
pub(super) struct Classify {
    /// Texts to classify: FILE for the whole file, FILE:LINE for the function, type or heading around that line, DIR for all of them in the
    /// files that `fovea index` reads
    #[arg(value_name = "FILE[:LINE]|DIR")]
    paths: Vec<PathBuf>,
    /// A text to classify; may be given several times
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// Classes without training: a file with one label per line, each alone or as `label: description`
    #[arg(long, value_name = "FILE", conflicts_with = "probe")]
    labels: Option<PathBuf>,
    /// Classes of a probe that `fovea probe train` made: its name, or its file
    #[arg(long, value_name = "NAME")]
    probe: Option<String>,
    /// Show the words that decided for this label instead of the likeliest one
    #[arg(long, value_name = "LABEL")]
    why: Option<String>,
    /// Show which words decided for it rather than for this label, or the second likeliest; write it after FILE
    #[arg(long, value_name = "LABEL", num_args = 0..=1, default_missing_value = "")]
    rather_than: Option<String>,
    /// How to explain the class: decomposition, gradient, integrated-gradients, smoothgrad, leave-one-out, lime or shap; the last five take
    /// many passes
    #[arg(long, default_value = "decomposition", value_parser = Method::of_number)]
    method: Method,
    /// Language of the texts, if a file's name does not show it
    #[arg(long)]
    language: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    format: PageFormat,
}

/// The classification of a text.
#[derive(Serialize)]
struct Classified {
    path: String,
    start: JsonPosition,
    end: JsonPosition,
    model: String,
    /// The likeliest class; absent for a model that classifies words.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// All classes, the likeliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
    /// The words with a class, for a model that classifies words.
    #[serde(skip_serializing_if = "Option::is_none")]
    entities: Option<Vec<Entity>>,
}

/// A class.
#[derive(Serialize)]
struct Class {
    label: String,
    /// A logit, or a cosine for described labels.
    score: f32,
    /// Absent for described labels, because cosines are not probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
}

/// The words that decided.
#[derive(Serialize)]
struct Why {
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rather_than: Option<String>,
    #[serde(flatten)]
    deciding: Deciding,
}

/// Words with a class of their own.
#[derive(Serialize)]
struct Entity {
    text: String,
    start: JsonPosition,
    end: JsonPosition,
    label: String,
    probability: f32,
    why: Why,
}

/// The classes that an explanation covers, as indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chosen {
    class: usize,
    other: Option<usize>,
}

/// Classifies texts, and shows which words decided.
pub(super) fn run(arguments: &Classify) -> Result<()> {
    let items = items(arguments)?;
    let found = match (&arguments.labels, &arguments.probe) {
        (Some(labels), _) => directions::by_labels(arguments, labels, &items)?,
        (None, Some(name)) => directions::by_probe(arguments, &probe::load(name)?, &items)?,
        (None, None) => heads::classify(arguments, &items)?,
    };
    match arguments.format {
        PageFormat::Json => output::write_json(&found),
        PageFormat::Html => output::write_html(&in_html(&found, &items)),
        PageFormat::Terminal if arguments.paths.iter().any(|path| path.is_dir()) => output::write(&in_lines(&found)),
        PageFormat::Terminal => output::write(&in_words(&found)),
    }
}

/// The texts, each with a name.
fn items(arguments: &Classify) -> Result<Vec<(String, Passage)>> {
    let language = input::language(arguments.language.as_deref())?;
    let mut items = Vec::new();
    for path in &arguments.paths {
        if path.is_dir() {
            items.extend(in_folder(path, language)?);
        } else {
            items.push((path.display().to_string(), passage(path, language)?));
        }
    }
    for text in &arguments.text {
        let snapshot = Snapshot::new(text, 0, language.unwrap_or(Language::Prose));
        let range = 0..snapshot.len();
        items.push(("--text".to_owned(), Passage { snapshot, range }));
    }
    match items.is_empty() {
        true => Err(Usage("classify: name a FILE, a FILE:LINE, a DIR or a --text".to_owned()).into()),
        false => Ok(items),
    }
}

/// The functions, types and headings in the files of a folder, and whole files that have none.
fn in_folder(folder: &Path, language: Option<Language>) -> Result<Vec<(String, Passage)>> {
    if let Some(why) = refused_root(&folder.canonicalize()?, home_folder().as_deref()) {
        return Err(Usage(why).into());
    }
    let (files, _) = walk(folder, &Limits::default());
    let mut items = Vec::new();
    for file in &files {
        // A file that disappeared or cannot be read has no class, like one that the index skips.
        let Ok(document) = Document::read(&folder.join(&file.path), language) else {
            continue;
        };
        for (line, passage) in document.items() {
            let text = passage.snapshot.text(passage.range.clone());
            if text.trim().is_empty() {
                continue;
            }
            let path = folder.join(&file.path).display().to_string();
            let name = line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"));
            items.push((name, passage));
        }
    }
    match items.is_empty() {
        true => Err(Usage(format!(
            "{}: no file in this folder has a text to classify",
            folder.display()
        ))
        .into()),
        false => Ok(items),
    }
}

/// The explained class, and the class it is compared with. `scores` has one score per label.
fn chosen(arguments: &Classify, labels: &[String], scores: &[f64]) -> Result<Chosen> {
    let named = |label: &str| match labels.iter().position(|own| own == label) {
        Some(class) => Ok(class),
        None => Err(Usage(format!(
            "no label {label:?}; the labels are {}",
            labels.join(", ")
        ))),
    };
    let likeliest = |not: Option<usize>| {
        let others = (0..scores.len()).filter(|class| Some(*class) != not);
        others.max_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)))
    };
    let class = match &arguments.why {
        Some(label) => named(label)?,
        None => likeliest(None).unwrap_or(0),
    };
    let other = match arguments.rather_than.as_deref() {
        None => None,
        Some("") => likeliest(Some(class)),
        Some(label) => Some(named(label)?),
    };
    if other == Some(class) {
        return Err(Usage(format!(
            "--rather-than {:?}: the same label; name another one",
            labels[class]
        ))
        .into());
    }
    Ok(Chosen { class, other })
}

/// Classes with their scores, the likeliest first.
fn ordered(labels: &[String], scores: &[f64], probabilities: Option<&[f64]>) -> Vec<Class> {
    let mut order: Vec<usize> = (0..labels.len().min(scores.len())).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let class = |class: usize| Class {
        label: labels[class].clone(),
        score: scores[class] as f32,
        probability: probabilities.map(|probabilities| probabilities[class] as f32),
    };
    order.into_iter().map(class).collect()
}

/// Labels that a terminal lists for each text.
const LISTED: usize = 5;

fn in_words(found: &[Classified]) -> String {
    let mut page = String::new();
    for item in found {
        page += &format!("{}\n", printable(&item.path));
        for class in item.classes.iter().take(LISTED) {
            let label = printable(&class.label);
            page += &match class.probability {
                Some(probability) => format!("  {:>5.1} %  {label}\n", 100.0 * probability),
                None => format!("  {:>+6.3}  {label}\n", class.score),
            };
        }
        if let Some(why) = &item.why {
            why.in_words(&mut page);
        }
        let entities = item.entities.as_deref();
        if entities.is_some_and(<[Entity]>::is_empty) {
            page += "  no word has a class\n";
        }
        for entity in entities.unwrap_or_default() {
            let (text, label) = (printable(&entity.text), printable(&entity.label));
            let probability = 100.0 * entity.probability;
            page += &format!(
                "  {probability:>5.1} %  {label:<12} {text}  line {}\n",
                entity.start.line + 1
            );
        }
    }
    page
}

/// The class of each text in a line, for many of them.
fn in_lines(found: &[Classified]) -> String {
    let line = |item: &Classified| {
        let path = printable(&item.path);
        let class = item.classes.first().map(|class| match class.probability {
            Some(probability) => format!("{:>5.1} %  {:<20}", 100.0 * probability, printable(&class.label)),
            None => format!("{:>+6.3}  {:<20}", class.score, printable(&class.label)),
        });
        let entities = item.entities.as_deref().unwrap_or_default().iter();
        let entities: Vec<String> = entities
            .map(|entity| format!("{} {}", entity.label, entity.text))
            .collect();
        let told = class.unwrap_or_else(|| printable(&entities.join(", ")));
        format!("{told} {path}\n")
    };
    found.iter().map(line).collect()
}

/// Classes as choices, and the words that decided in the text; entities marked in it.
fn in_html(found: &[Classified], items: &[(String, Passage)]) -> String {
    let mut sections = Vec::new();
    for (item, (_, passage)) in found.iter().zip(items) {
        let excerpt = || {
            (
                passage.snapshot.text(passage.range.clone()).into_owned(),
                passage.range.start,
            )
        };
        let choice = |class: &Class| Choice {
            name: class.label.clone(),
            number: match class.probability {
                Some(probability) => format!("{:.1} %", 100.0 * probability),
                None => format!("{:+.3}", class.score),
            },
            share: class.probability.unwrap_or(class.score),
        };
        sections.push(Section {
            heading: item.path.clone(),
            choices: item.classes.iter().take(LISTED).map(choice).collect(),
            ..Section::default()
        });
        if let Some(why) = &item.why {
            sections.push(why.deciding.section(why.heading(), excerpt()));
        }
        if let Some(entities) = &item.entities {
            let (text, first) = excerpt();
            let word = |entity: &Entity| {
                let range = entity.start.byte.saturating_sub(first)..entity.end.byte.saturating_sub(first);
                (range, entity.probability)
            };
            let note = |entity: &Entity| {
                format!(
                    "{}: {} ({:.1} %)",
                    entity.text,
                    entity.label,
                    100.0 * entity.probability
                )
            };
            sections.push(Section {
                heading: "words with a class".to_owned(),
                words: entities.iter().map(word).collect(),
                text,
                notes: entities.iter().map(note).collect(),
                ..Section::default()
            });
        }
    }
    let model = found.first().map_or("", |item| item.model.as_str());
    decided::page(&format!("classes · {model}"), &sections)
}

impl Why {
    fn heading(&self) -> String {
        let rather = match &self.rather_than {
            Some(other) => format!(" rather than {other}"),
            None => String::new(),
        };
        format!(
            "why {}{rather}: {} {:+.3}",
            self.label, self.deciding.target, self.deciding.value
        )
    }

    fn in_words(&self, page: &mut String) {
        *page += &format!("{}\n", printable(&self.heading()));
        self.deciding.in_words(page);
    }
}
