//! Classifies texts or words with the head of a model.

use std::time::Instant;

use anyhow::Result;

use super::{Chosen, Classified, Classify, Entity, Why, chosen, ordered};
use crate::cli::compare::Passage;
use crate::cli::deciding::Deciding;
use crate::cli::input::Usage;
use crate::explain::{Attribution, Parts, WordMap, target};
use crate::model::spec::Task;
use crate::model::tape::{Network, Read, Target};
use crate::model::{Model, Packed, TapeTrace, Tokens, TraceLevel, UNSTOPPED, own_tokens};
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
        if parts.iter().all(|(_, tokens)| own_tokens(tokens.len()) == 0) {
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
                    (&network, arguments),
                    passage,
                    &parts,
                    (labels, *independent),
                    &mut found,
                )?;
            }
            Some(Task::Token { labels }) => found.entities = Some(of_words(&network, passage, &parts, labels)?),
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

fn read(network: &Network, tokens: &Tokens) -> Result<Read> {
    let packed = Packed::new([tokens.ids.as_slice()]);
    Ok(network.read(&packed, None, TraceLevel::Layers, UNSTOPPED)?)
}

/// The parts of a target in a unit, with their ranges in the document.
fn explained(
    network: &Network,
    read: &Read,
    passage: &Passage,
    unit: &(ByteRange, Tokens),
    wanted: &Target,
) -> Result<Parts> {
    let Some(tape) = read.tape.clone() else {
        anyhow::bail!("the pass kept nothing to explain")
    };
    let trace = TapeTrace { tape, sequence: 0 };
    let scores = target(network, &trace, wanted, Attribution::Decomposition)?;
    let map = WordMap::new(&passage.snapshot.text(unit.0.clone()), &unit.1);
    let start = unit.0.start;
    Ok(Parts::of_tokens(&scores, &map, &|word| {
        start + word.start..start + word.end
    }))
}

/// The class of a text. The logits of a long text are the mean over its units, weighted by tokens, and so are their parts.
fn of_text(
    (network, arguments): (&Network, &Classify),
    passage: &Passage,
    units: &[(ByteRange, Tokens)],
    (labels, independent): (&[String], bool),
    found: &mut Classified,
) -> Result<()> {
    let total: usize = units.iter().map(|(_, tokens)| own_tokens(tokens.len())).sum();
    let weight = |tokens: &Tokens| own_tokens(tokens.len()) as f64 / total.max(1) as f64;
    let mut logits = vec![0f64; labels.len()];
    let mut kept = None;
    for (_, tokens) in units {
        let read = read(network, tokens)?;
        let own = network.logits(&read.hidden)?.unwrap_or_default();
        let sum = logits.iter_mut().zip(own);
        sum.for_each(|(sum, logit)| *sum += weight(tokens) * f64::from(logit));
        kept = Some(read);
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
        let read = match kept.take().filter(|_| units.len() == 1) {
            Some(read) => read,
            None => read(network, &unit.1)?,
        };
        parts.add(explained(network, &read, passage, unit, &wanted)?, weight(&unit.1));
    }
    let ms = start.elapsed().as_secs_f32() * 1e3;
    found.classes = ordered(labels, &logits, Some(&told));
    found.label = found.classes.first().map(|class| class.label.clone());
    found.why = Some(Why {
        label: labels[class].clone(),
        rather_than: other.map(|other| labels[other].clone()),
        deciding: Deciding::new(parts, &passage.snapshot, (wanted.name(), "decomposition", ms)),
    });
    Ok(())
}

/// Words with a class. The class of a word is that of its first token; neighbors of one class are one entity, unless a label with `B-`
/// begins another. `O` means no class.
fn of_words(
    network: &Network,
    passage: &Passage,
    units: &[(ByteRange, Tokens)],
    labels: &[String],
) -> Result<Vec<Entity>> {
    let mut entities: Vec<Entity> = Vec::new();
    for unit in units {
        let read = read(network, &unit.1)?;
        let logits = network.logits(&read.hidden)?.unwrap_or_default();
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
            let parts = explained(network, &read, passage, unit, &wanted)?;
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
                    deciding: Deciding::new(parts, &passage.snapshot, (wanted.name(), "decomposition", ms)),
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
