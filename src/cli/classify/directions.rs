//! Classifies by embeddings: with a probe, or with labels described in words.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::{Chosen, Classified, Classify, Why, chosen, ordered};
use crate::cli::compare::Passage;
use crate::cli::deciding::Deciding;
use crate::cli::embed::embed;
use crate::cli::input::{self, Usage};
use crate::cli::load_for;
use crate::explain::{Directed, Method, Parts};
use crate::model::{Model, Role, UNSTOPPED};
use crate::render::json::JsonPosition;
use crate::similar::probe::Probe;
use crate::text::Language;

/// Maximum number of labels in a file.
const MOST_LABELS: usize = 1000;

/// The classes of a probe, with shares of the class's logit.
pub(super) fn by_probe(arguments: &Classify, probe: &Probe, items: &[(String, Passage)]) -> Result<Vec<Classified>> {
    let model = load_for(arguments.method, &arguments.model.source())?;
    crate::cli::probe::check(probe, &model)?;
    let classify = |item: &(String, Passage)| {
        let read = read(&model, item)?;
        let embedding = read.embedding();
        let logits: Vec<f64> = (0..probe.labels.len())
            .map(|class| {
                let (direction, constant) = probe.direction(class, None);
                product(&direction, &embedding) + f64::from(constant)
            })
            .collect();
        let chosen = chosen(arguments, &probe.labels, &logits)?;
        let (direction, constant) = probe.direction(chosen.class, chosen.other);
        let found = Found {
            labels: &probe.labels,
            scores: &logits,
            probabilities: Some(probe.probabilities(&embedding)),
            direction: &direction,
            constant: f64::from(constant),
            target: if chosen.other.is_some() { "difference" } else { "logit" },
        };
        classified(item, (&model, &read, arguments.method), chosen, &found)
    };
    items.iter().map(classify).collect()
}

/// The classes of described labels by cosine, with shares of the cosine.
pub(super) fn by_labels(arguments: &Classify, file: &Path, items: &[(String, Passage)]) -> Result<Vec<Classified>> {
    let (labels, descriptions) = labels(file)?;
    let model = load_for(arguments.method, &arguments.model.source())?;
    let vectors = embed(&model, &descriptions, (Role::Query, Language::Prose), false)?;
    let classify = |item: &(String, Passage)| {
        let read = read(&model, item)?;
        let embedding = read.embedding();
        let cosines: Vec<f64> = vectors.iter().map(|vector| product(vector, &embedding)).collect();
        let chosen = chosen(arguments, &labels, &cosines)?;
        let mut direction = vectors[chosen.class].clone();
        if let Some(other) = chosen.other {
            direction.iter_mut().zip(&vectors[other]).for_each(|(a, b)| *a -= b);
        }
        let found = Found {
            labels: &labels,
            scores: &cosines,
            probabilities: None,
            direction: &direction,
            constant: 0.0,
            target: if chosen.other.is_some() { "difference" } else { "cosine" },
        };
        classified(item, (&model, &read, arguments.method), chosen, &found)
    };
    items.iter().map(classify).collect()
}

/// The result for a text.
struct Found<'a> {
    labels: &'a [String],
    scores: &'a [f64],
    probabilities: Option<Vec<f64>>,
    /// The direction whose product with the embedding is explained.
    direction: &'a [f32],
    /// The constant that is added to that product.
    constant: f64,
    target: &'static str,
}

fn read(model: &Model, (path, passage): &(String, Passage)) -> Result<Directed> {
    let text = passage.snapshot.text(passage.range.clone());
    if text.trim().is_empty() {
        return Err(Usage(format!("{path}: there is no text to classify")).into());
    }
    Ok(Directed::read(model, (&text, passage.snapshot.language()), UNSTOPPED)?)
}

fn classified(
    (path, passage): &(String, Passage),
    (model, read, method): (&Model, &Directed, Method),
    chosen: Chosen,
    found: &Found,
) -> Result<Classified> {
    let begun = Instant::now();
    let parts = read.along(found.direction, method, UNSTOPPED)?;
    let parts = Parts {
        bias: parts.bias + found.constant,
        value: parts.value + found.constant,
        ..parts.starting_at(passage.range.start)
    };
    let ms = begun.elapsed().as_secs_f32() * 1e3;
    let classes = ordered(found.labels, found.scores, found.probabilities.as_deref());
    let place = |byte| JsonPosition::new(&passage.snapshot, byte);
    Ok(Classified {
        path: path.clone(),
        start: place(passage.range.start),
        end: place(passage.range.end),
        model: model.info().name.clone(),
        label: classes.first().map(|class| class.label.clone()),
        classes,
        why: Some(Why {
            label: found.labels[chosen.class].clone(),
            rather_than: chosen.other.map(|other| found.labels[other].clone()),
            deciding: Deciding::new(parts, &passage.snapshot, (found.target, method.name(), ms)),
        }),
        entities: None,
    })
}

fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Reads labels and their descriptions.
fn labels(file: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let document = input::document(file, Some(Language::Prose), input::MAX_BYTES)?;
    let text = document.text(0..document.len());
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| match line.split_once(": ") {
        Some((label, description)) => (label.trim().to_owned(), description.trim().to_owned()),
        None => (line.to_owned(), line.to_owned()),
    };
    let (labels, descriptions): (Vec<String>, Vec<String>) = lines.map(pair).unzip();
    let name = file.display();
    if labels.len() < 2 || labels.len() > MOST_LABELS {
        return Err(Usage(format!(
            "{name}: {} labels; write 2 to {MOST_LABELS}, one per line, as `label` or `label: description`",
            labels.len()
        ))
        .into());
    }
    let mut sorted = labels.clone();
    sorted.sort();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Usage(format!(
            "{name}: the label {:?} stands there twice; write it once",
            twice[0]
        ))
        .into());
    }
    Ok((labels, descriptions))
}
