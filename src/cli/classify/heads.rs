//! Classifies texts or words with the head of a model.

use std::time::Instant;

use anyhow::Result;

use super::{Chosen, Classified, Classify, Entity, Why, chosen, ordered};
use crate::cli::compare::Passage;
use crate::cli::deciding::Deciding;
use crate::cli::input::Usage;
use crate::explain::{Goal, Method, Parts, Subject, WordMap, number};
use crate::model::spec::Task;
use crate::model::tape::{Network, Target};
use crate::model::{Encoder, Model, Packed, Tokens, Trace, UNSTOPPED};
use crate::render::json::JsonPosition;
use crate::similar::probe::logistic::probabilities;
use crate::text::ByteRange;

/// Classes of texts by the head of the model.
pub(super) fn classify(arguments: &Classify, items: &[(String, Passage)]) -> Result<Vec<Classified>> {
    let (model, network) = arguments.model.interpreted()?;
    // Read texts like the transformers library.
    let model = model.identifier_aware(false);
    let classify = |(path, passage): &(String, Passage)| {
        let parts = units(&model, passage)?;
        let place = |byte| JsonPosition::new(&passage.snapshot, byte);
        if parts.iter().all(|(_, tokens)| tokens.of_text() == 0) {
            return Err(Usage(format!("{path}: there is no text to classify")).into());
        }
        let mut found = Classified {
            path: path.clone(),
            start: place(passage.range.start),
            end: place(passage.range.end),
            model: model.info().name.clone(),
            label: None,
            classes: Vec::new(),
            why: None,
            entities: None,
        };
        match network.task() {
            Some(Task::Sequence {
                labels, independent, ..
            }) => {
                of_text(
                    (&model, &network, arguments),
                    passage,
                    &parts,
                    (labels, *independent),
                    &mut found,
                )?;
            }
            Some(Task::Token { labels }) => {
                found.entities = Some(of_words((&model, &network, arguments.method), passage, &parts, labels)?)
            }
            _ => anyhow::bail!(
                "{} has no head that tells classes; give --labels FILE or --probe NAME, or name a classifier with --model",
                model.info().name
            ),
        }
        Ok(found)
    };
    items.iter().map(classify).collect()
}

/// Splits a text into units that fit the window, each with its range in the document.
fn units(model: &Model, passage: &Passage) -> Result<Vec<(ByteRange, Tokens)>> {
    let (snapshot, range) = (&passage.snapshot, &passage.range);
    let whole = model.tokenize(&snapshot.text(range.clone()), snapshot.language())?;
    if whole.len() <= model.window() {
        return Ok(vec![(range.clone(), whole)]);
    }
    let units = model.segment(snapshot).units.into_iter();
    let own = units.map(|unit| unit.range.start.max(range.start)..unit.range.end.min(range.end));
    let read = |range: ByteRange| {
        Ok((
            range.clone(),
            model.tokenize(&snapshot.text(range), snapshot.language())?,
        ))
    };
    own.filter(|own| !own.is_empty()).map(read).collect()
}

/// A pass over a unit that keeps what a method needs, and the outputs of the head.
fn read(network: &Network, tokens: &Tokens, method: Method) -> Result<(Trace, Vec<f32>)> {
    let packed = Packed::new([tokens.ids.as_slice()]);
    let mut traces = network.forward(&packed, method.keeps(), UNSTOPPED)?;
    let Some(trace) = traces.pop() else {
        anyhow::bail!("the pass gave nothing to classify")
    };
    let logits = network.logits(&trace.hidden.flatten_all()?.to_vec1::<f32>()?)?;
    Ok((trace, logits.unwrap_or_default()))
}

/// The parts of a target in a unit, with their ranges in the document.
fn explained(
    (model, method): (&Model, Method),
    trace: &Trace,
    passage: &Passage,
    (range, tokens): &(ByteRange, Tokens),
    wanted: Target,
) -> Result<Parts> {
    let text = passage.snapshot.text(range.clone());
    let words = WordMap::new(&text, tokens);
    let subject = Subject {
        text: &text,
        tokens,
        trace,
        embedding: &[],
        words: &words,
        goal: Goal::Output(wanted),
        types: &[],
    };
    Ok(number(model, &subject, method, UNSTOPPED)?.starting_at(range.start))
}

/// The class of a text. The logits of a long text are the mean over its units, weighted by tokens, and so are their parts.
fn of_text(
    (model, network, arguments): (&Model, &Network, &Classify),
    passage: &Passage,
    units: &[(ByteRange, Tokens)],
    (labels, independent): (&[String], bool),
    found: &mut Classified,
) -> Result<()> {
    let total: usize = units.iter().map(|(_, tokens)| tokens.of_text()).sum();
    let weight = |tokens: &Tokens| tokens.of_text() as f64 / total.max(1) as f64;
    let mut logits = vec![0f64; labels.len()];
    let mut kept = None;
    let method = arguments.method;
    for (_, tokens) in units {
        let (trace, own) = read(network, tokens, method)?;
        let sum = logits.iter_mut().zip(own);
        sum.for_each(|(sum, logit)| *sum += weight(tokens) * f64::from(logit));
        kept = Some(trace);
    }
    let told = match independent {
        true => logits.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect(),
        false => probabilities(&logits, 1.0),
    };
    let Chosen { class, other } = chosen(arguments, labels, &logits)?;
    let wanted = match other {
        Some(other) => Target::Difference {
            row: 0,
            output: class,
            other,
        },
        None => Target::Logit { row: 0, output: class },
    };
    let start = Instant::now();
    let mut parts = Parts::default();
    for unit in units {
        // Only the trace of a single unit is kept; the traces of a long text would fill the memory.
        let trace = match kept.take().filter(|_| units.len() == 1) {
            Some(trace) => trace,
            None => read(network, &unit.1, method)?.0,
        };
        parts.add(
            explained((model, method), &trace, passage, unit, wanted)?,
            weight(&unit.1),
        );
    }
    let ms = start.elapsed().as_secs_f32() * 1e3;
    found.classes = ordered(labels, &logits, Some(&told));
    found.label = found.classes.first().map(|class| class.label.clone());
    found.why = Some(Why {
        label: labels[class].clone(),
        rather_than: other.map(|other| labels[other].clone()),
        deciding: Deciding::new(parts, &passage.snapshot, (wanted.name(), method.name(), ms)),
    });
    Ok(())
}

/// Words with a class. The class of a word is that of its first token; neighbors of one class are one entity, unless a label with `B-`
/// begins another. `O` means no class.
fn of_words(
    (model, network, method): (&Model, &Network, Method),
    passage: &Passage,
    units: &[(ByteRange, Tokens)],
    labels: &[String],
) -> Result<Vec<Entity>> {
    let mut entities: Vec<Entity> = Vec::new();
    for unit in units {
        let (trace, logits) = read(network, &unit.1, method)?;
        let text = passage.snapshot.text(unit.0.clone());
        let map = WordMap::new(&text, &unit.1);
        let mut open = false;
        for (word, tokens) in map.words.iter().zip(map.tokens_of_words()) {
            let Some(token) = tokens.first() else { continue };
            let own: Vec<f64> = logits[token * labels.len()..(token + 1) * labels.len()]
                .iter()
                .map(|z| f64::from(*z))
                .collect();
            let told = probabilities(&own, 1.0);
            let class = (0..told.len())
                .max_by(|a, b| told[*a].total_cmp(&told[*b]))
                .unwrap_or(0);
            if labels[class] == "O" {
                open = false;
                continue;
            }
            let range = unit.0.start + word.start..unit.0.start + word.end;
            let (begins, name) = bare(&labels[class]);
            if let Some(last) = entities.last_mut().filter(|last| open && !begins && last.label == name) {
                last.end = JsonPosition::new(&passage.snapshot, range.end);
                last.text = passage.snapshot.text(last.start.byte..range.end).into_owned();
                continue;
            }
            let start = Instant::now();
            let wanted = Target::Logit {
                row: *token,
                output: class,
            };
            let parts = explained((model, method), &trace, passage, unit, wanted)?;
            let ms = start.elapsed().as_secs_f32() * 1e3;
            open = true;
            entities.push(Entity {
                text: passage.snapshot.text(range.clone()).into_owned(),
                start: JsonPosition::new(&passage.snapshot, range.start),
                end: JsonPosition::new(&passage.snapshot, range.end),
                label: name.to_owned(),
                probability: told[class] as f32,
                why: Why {
                    label: labels[class].clone(),
                    rather_than: None,
                    deciding: Deciding::new(parts, &passage.snapshot, (wanted.name(), method.name(), ms)),
                },
            });
        }
    }
    Ok(entities)
}

/// A label without its prefix `B-` or `I-`, and whether it begins an entity.
fn bare(label: &str) -> (bool, &str) {
    match label.split_once('-') {
        Some(("B", name)) => (true, name),
        Some(("I", name)) => (false, name),
        _ => (false, label),
    }
}
