//! Answers "what if" questions: compares a unit with an edited one.
//!
//! An edit changes words or disables attention heads. Words change as tokens, so that all other tokens stay the same: deleting a word
//! equals `without/U/W`, and a new word contributes only its own tokens. A disabled head outputs 0 (Michel et al. 2019).

use std::time::Instant;

use serde_json::{Value, json};

use super::edit::{Change, Edit};
use super::error::missing;
use super::lens::{likeliest, probabilities};
use super::passes::{Pass, run};
use super::through::cosine;
use super::{Explorer, ViewError, tokens};
use crate::explain::{Choice, Goal, Method, Owner, Subject, WordMap, salience};
use crate::model::spec::Task;
use crate::model::tape::{HeadOff, Side};
use crate::model::{Tokens, TraceLevel, UNSTOPPED};

/// Number of listed outputs from each side.
const TOP: usize = 8;

/// A unit as tokens, before an edit.
pub(super) struct Reading<'a> {
    pub tokens: &'a Tokens,
    /// Whose each token is, by the words of the page.
    pub owners: &'a [Owner],
}

impl<'a> Reading<'a> {
    fn of(pass: &'a Pass) -> Reading<'a> {
        Reading {
            tokens: &pass.tokens,
            owners: &pass.words.owners,
        }
    }
}

/// The tokens of a changed unit.
pub(super) struct Changed {
    pub tokens: Tokens,
    pub owners: Vec<Owner>,
    /// The display of each token.
    texts: Vec<String>,
    /// The first mask, and the first token of its word in the original unit.
    mask: Option<(usize, usize)>,
}

/// A unit after an edit, with its embedding and outputs before and after.
///
/// # Errors
/// If the edit names a word or a head that does not exist; otherwise errors of the model.
pub(super) fn answer(explorer: &Explorer, unit: usize, edit: &Edit) -> Result<Value, ViewError> {
    let start = Instant::now();
    let pass = explorer.pass(unit)?;
    check(explorer, &pass, edit)?;
    let changed = change(explorer, unit, &pass, &Reading::of(&pass), edit)?;
    let listed = changed.tokens.ids.iter().enumerate().map(|(at, id)| {
        json!({
            "piece": explorer.model.tokenizer().token(*id).unwrap_or_default(),
            "source": changed.texts[at],
            "id": id,
            "special": changed.tokens.special[at],
            "word": match changed.owners[at] { Owner::Word(word) => Some(word), Owner::Special => None },
        })
    });
    let listed: Vec<Value> = listed.collect();
    let words = pass.words.words.len();
    if changed.tokens.ids.is_empty() {
        return Ok(json!({ "tokens": listed, "words": words, "empty": true, "ms": ms(start) }));
    }
    let model = &explorer.model;
    let after = run(
        &explorer.network,
        &changed.tokens.ids,
        &pass.written,
        &edit.off,
        TraceLevel::Layers,
    )?;
    let embedding = model.pool(&after.trace)?;
    let map = WordMap {
        words: pass.words.words.clone(),
        owners: changed.owners.clone(),
    };
    let subject = Subject {
        text: &pass.text,
        tokens: &changed.tokens,
        trace: &after.trace,
        embedding: &embedding,
        words: &map,
        goal: Goal::Embedding,
        types: &[],
    };
    let scores = salience(model, &subject, Method::Decomposition, Choice::default(), UNSTOPPED)?;
    let hidden = after.trace.hidden.flatten_all()?.to_vec1::<f32>()?;
    let now = after.written.as_ref().map_or(&*hidden, |rows| &rows[..]);
    Ok(json!({
        "tokens": listed,
        "words": words,
        "cosine": cosine(&pass.embedding, &embedding),
        "lengths": [length(&pass.embedding), length(&embedding)],
        "salience": { "words": scores.words, "special": scores.special, "bias": scores.bias, "residual": scores.residual },
        "outputs": outputs(explorer, &pass, now, changed.mask)?,
        "ms": ms(start),
    }))
}

/// The items of the document that are nearest to a unit, before an edit and after it; none of those inside the unit.
///
/// # Errors
/// As [`answer`].
pub(super) fn near(explorer: &Explorer, unit: usize, edit: &Edit) -> Result<Value, ViewError> {
    let pass = explorer.pass(unit)?;
    check(explorer, &pass, edit)?;
    let changed = change(explorer, unit, &pass, &Reading::of(&pass), edit)?;
    if changed.tokens.ids.is_empty() {
        return Ok(json!({ "neighbors": [] }));
    }
    let after = run(
        &explorer.network,
        &changed.tokens.ids,
        &pass.written,
        &edit.off,
        TraceLevel::LastHidden,
    )?;
    let embedding = explorer.model.pool(&after.trace)?;
    let range = &explorer.segments.units[unit].range;
    let outside = explorer.items()?.found.iter().filter(|own| {
        let (start, end) = (own.item.start.byte, own.item.end.byte);
        end <= range.start || start >= range.end
    });
    let mut found: Vec<(&str, f32, f32)> = outside
        .map(|own| {
            let (before, after) = (cosine(&pass.embedding, &own.vector), cosine(&embedding, &own.vector));
            (own.item.name.as_str(), before, after)
        })
        .collect();
    found.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(b.0)));
    found.truncate(TOP);
    let neighbors = found
        .into_iter()
        .map(|(name, before, after)| json!({ "name": name, "before": before, "after": after }));
    Ok(json!({ "neighbors": neighbors.collect::<Vec<_>>() }))
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn length(row: &[f32]) -> f64 {
    row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
}

/// Checks that everything that an edit names exists.
pub(super) fn check(explorer: &Explorer, pass: &Pass, edit: &Edit) -> Result<(), ViewError> {
    let words = pass.words.words.len();
    if let Some((word, _)) = edit.words.iter().find(|(word, _)| *word >= words) {
        return Err(missing("word", *word, words));
    }
    let masks = edit.words.iter().any(|(_, change)| *change == Change::Mask);
    if masks && explorer.model.tokenizer().mask().is_none() {
        return Err(ViewError::Missing("mask in the vocabulary of this model".to_owned()));
    }
    for HeadOff {
        side,
        cross,
        layer,
        head,
    } in &edit.off
    {
        let counts = explorer.heads(*side == Side::Writing, *cross);
        let Some(heads) = counts.get(*layer) else {
            return Err(missing("layer", *layer, counts.len()));
        };
        if head >= heads {
            return Err(missing("head", *head, *heads));
        }
    }
    Ok(())
}

/// The tokens after an edit.
pub(super) fn change(
    explorer: &Explorer,
    unit: usize,
    pass: &Pass,
    read: &Reading,
    edit: &Edit,
) -> Result<Changed, ViewError> {
    let mut out = Changed {
        tokens: Tokens {
            coverage: read.tokens.coverage,
            ..Tokens::default()
        },
        owners: Vec::new(),
        texts: Vec::new(),
        mask: None,
    };
    let mut done = vec![false; pass.words.words.len()];
    for (at, owner) in read.owners.iter().enumerate() {
        let change = match owner {
            Owner::Word(word) => edit.of_word(*word).map(|change| (*word, change)),
            Owner::Special => None,
        };
        let own = |at: usize| {
            pass.text
                .get(read.tokens.spans[at].clone())
                .unwrap_or_default()
                .to_owned()
        };
        match change {
            None => out.push(read.tokens.ids[at], *owner, read.tokens.special[at], own(at)),
            // A word has several tokens; its change takes the position of the first.
            Some((word, _)) if std::mem::replace(&mut done[word], true) => {}
            Some((_, Change::Delete)) => {}
            Some((word, Change::Mask)) => {
                if let Some((mask, id)) = explorer.model.tokenizer().mask() {
                    out.mask.get_or_insert((out.tokens.ids.len(), at));
                    out.push(id, Owner::Word(word), false, mask.to_owned());
                }
            }
            Some((word, Change::Replace(text))) => {
                for (id, piece) in in_place(explorer, unit, pass, word, text)? {
                    out.push(id, Owner::Word(word), false, piece);
                }
            }
        }
    }
    let window = explorer.model.window();
    match out.tokens.ids.len() > window {
        true => Err(crate::model::ModelError::TooLong {
            tokens: out.tokens.ids.len(),
            window,
        }
        .into()),
        false => Ok(out),
    }
}

impl Changed {
    fn push(&mut self, id: u32, owner: Owner, special: bool, text: String) {
        self.tokens.ids.push(id);
        self.tokens.spans.push(0..0);
        self.tokens.special.push(special);
        self.owners.push(owner);
        self.texts.push(text);
    }
}

/// The tokens of a text that replaces a word; the surrounding text affects where tokens begin.
fn in_place(
    explorer: &Explorer,
    unit: usize,
    pass: &Pass,
    word: usize,
    text: &str,
) -> Result<Vec<(u32, String)>, ViewError> {
    let range = &pass.words.words[word];
    let whole = format!("{}{text}{}", &pass.text[..range.start], &pass.text[range.end..]);
    let new = range.start..range.start + text.len();
    let tokens = explorer
        .model
        .tokenize(&whole, explorer.segments.units[unit].language)?;
    let inside = (0..tokens.len()).filter(|at| {
        let span = &tokens.spans[*at];
        !tokens.special[*at] && span.start < new.end && span.end > new.start
    });
    let piece = |at: usize| whole.get(tokens.spans[at].clone()).unwrap_or_default().to_owned();
    Ok(inside.map(|at| (tokens.ids[at], piece(at))).collect())
}

/// Compares classes, or tokens at the mask or after the text, before and after the edit.
fn outputs(explorer: &Explorer, pass: &Pass, now: &[f32], mask: Option<(usize, usize)>) -> Result<Value, ViewError> {
    let network = &explorer.network;
    let Some(task) = network.task() else {
        return Ok(Value::Null);
    };
    let width = network.spec.decoder.as_ref().unwrap_or(&network.spec.stack).hidden;
    let hidden = pass.trace.hidden.flatten_all()?.to_vec1::<f32>()?;
    let before = pass.written_hidden.as_ref().map_or(&*hidden, |rows| &rows[..]);
    let row =
        |rows: &[f32], at: usize| -> Vec<f32> { rows.get(at * width..(at + 1) * width).unwrap_or_default().to_vec() };
    let (kind, before, now) = match (task, mask) {
        (Task::NextToken, _) => (
            "next",
            row(before, before.len() / width - 1),
            row(now, now.len() / width - 1),
        ),
        (Task::MaskedToken, Some((masked, own))) => ("mask", row(before, own), row(now, masked)),
        (Task::Sequence { .. }, _) => ("class", before.to_vec(), now.to_vec()),
        _ => return Ok(Value::Null),
    };
    let shares = |rows: &[f32]| -> Result<Vec<f32>, ViewError> {
        let logits = network.logits(rows)?.unwrap_or_default();
        Ok(match task {
            Task::Sequence { independent: true, .. } => {
                logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect()
            }
            _ => probabilities(&logits),
        })
    };
    let (before, now) = (shares(&before)?, shares(&now)?);
    let mut listed = likeliest(&now, TOP);
    listed.extend(likeliest(&before, TOP));
    let mut seen = std::collections::HashSet::new();
    listed.retain(|output| seen.insert(*output));
    let name = |output: usize| match task {
        Task::Sequence { labels, .. } => labels.get(output).cloned().unwrap_or_else(|| output.to_string()),
        _ => tokens::name(&explorer.model, output as u32),
    };
    let rows = listed
        .into_iter()
        .map(|output| json!({ "name": name(output), "before": before[output], "after": now[output] }));
    Ok(json!({ "kind": kind, "rows": rows.collect::<Vec<_>>() }))
}
