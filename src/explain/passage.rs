//! A passage of any length as the model reads it: units that fit the window, with their traces.
//!
//! The embedding of a passage is the sum of its units' embeddings, each times a weight ([`weight_in_passage`]), and so are its parts.

use candle_core::{DType, Device, Tensor};

use super::decomposition::vjp_of;
use super::parts::{part_of, parts_of};
use super::{Owner, WordMap};
use crate::model::{Checkpoint, Model, ModelError, Packed, Role, Tokens, Trace, TraceLevel, ops, weight_in_passage};
use crate::text::{ByteRange, Language, Snapshot};

/// Maximum tokens of a passage whose traces are kept; a trace takes about 100 KB per token. Longer passages are read again for each
/// question.
const KEPT: usize = 1024;

/// Tokens of one forward pass if traces are not kept.
const AT_ONCE: usize = 1024;

/// A passage that the model has read.
#[derive(Debug)]
pub(super) struct Passage {
    /// Its words, as ranges of its text.
    pub words: Vec<ByteRange>,
    /// Last-layer vector of each word, row-major (words, hidden).
    pub vectors: Vec<f32>,
    /// Its embedding, not normalized.
    pub embedding: Vec<f32>,
    /// Share of its letters that the vocabulary contains.
    pub coverage: f32,
    /// Its units, in order.
    pub units: Vec<Unit>,
    /// One trace per unit; empty if the passage is too long to keep them.
    traces: Vec<Trace>,
}

/// The contribution of each part of a passage to the inner product with a direction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shares {
    /// By word.
    pub words: Vec<f32>,
    /// Special tokens.
    pub special: f32,
    /// Biases of the network.
    pub bias: f32,
}

impl Shares {
    /// The sum of all parts.
    pub(super) fn sum(&self) -> f64 {
        let words = self.words.iter().map(|v| f64::from(*v)).sum::<f64>();
        words + f64::from(self.special) + f64::from(self.bias)
    }

    /// All parts, multiplied by a number.
    pub(super) fn times(mut self, scale: f64) -> Shares {
        let times = |value: f32| (f64::from(value) * scale) as f32;
        self.words.iter_mut().for_each(|value| *value = times(*value));
        (self.special, self.bias) = (times(self.special), times(self.bias));
        self
    }
}

/// A callback that receives units and their traces.
type OnTraces<'a> = &'a mut dyn FnMut(&[Unit], &[Trace]) -> Result<(), ModelError>;

/// A part of a passage that fits the window.
#[derive(Debug)]
pub(super) struct Unit {
    /// Its range in the passage's text.
    pub range: ByteRange,
    /// Its tokens.
    pub tokens: Tokens,
    /// Its embedding, not normalized.
    pub embedding: Vec<f32>,
    /// The tokens of each of its words.
    groups: Vec<Vec<usize>>,
    special: Vec<usize>,
    /// The factor of its embedding in the passage's embedding.
    weight: f32,
}

impl Unit {
    /// Its tokens without those of some words.
    fn ids_without(&self, deleted: &[bool]) -> Vec<u32> {
        let mut gone = vec![false; self.tokens.len()];
        let words = self.groups.iter().zip(deleted).filter(|(_, deleted)| **deleted);
        words.for_each(|(tokens, _)| tokens.iter().for_each(|token| gone[*token] = true));
        let ids = self.tokens.ids.iter().zip(gone);
        ids.filter(|(_, gone)| !gone).map(|(id, _)| *id).collect()
    }
}

/// How many of the first texts fit into one forward pass; at least one.
fn fitting<T>(texts: &[T], tokens: impl Fn(&T) -> usize) -> usize {
    let mut count = 0;
    let fits = |text: &&T| {
        count += tokens(text);
        count <= AT_ONCE
    };
    texts.iter().take_while(fits).count().max(1)
}

fn length(embedding: &[f32]) -> f32 {
    embedding.iter().map(|v| v * v).sum::<f32>().sqrt()
}

impl Passage {
    /// Reads a text in the same way as the index: with the model's prompt for passages.
    pub fn read(
        model: &Model,
        (text, language): (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Passage, ModelError> {
        let read = units(model, text, language)?;
        let total: usize = read.iter().map(|(_, tokens)| tokens.of_text()).sum();
        let keeps = total <= KEPT;
        let mut passage = Passage {
            words: Vec::new(),
            vectors: Vec::new(),
            embedding: vec![0.0; model.hidden()],
            coverage: coverage(text, &read),
            units: Vec::new(),
            traces: Vec::new(),
        };
        let mut rest = read.into_iter().peekable();
        while rest.peek().is_some() {
            let mut count = 0;
            let mut chunk = Vec::new();
            while let Some(unit) = rest.next_if(|(_, tokens)| count == 0 || count + tokens.len() <= AT_ONCE) {
                count += unit.1.len();
                chunk.push(unit);
            }
            let batch = Packed::new(chunk.iter().map(|(_, tokens)| tokens.ids.as_slice()));
            let keep = if keeps {
                TraceLevel::Layers
            } else {
                TraceLevel::LastHidden
            };
            let traces = model.encoder().forward(&batch, keep, checkpoint)?;
            for ((range, tokens), trace) in chunk.into_iter().zip(&traces) {
                passage.add(model, trace, tokens, (&text[range.clone()], range), total)?;
            }
            if keeps {
                passage.traces.extend(traces);
            }
        }
        Ok(passage)
    }

    fn add(
        &mut self,
        model: &Model,
        trace: &Trace,
        tokens: Tokens,
        (text, range): (&str, ByteRange),
        total: usize,
    ) -> Result<(), ModelError> {
        let embedding = model.pool_of(&tokens, trace)?;
        let weight = weight_in_passage(tokens.of_text(), length(&embedding)) / total.max(1) as f32;
        let sum = self.embedding.iter_mut().zip(&embedding);
        sum.for_each(|(sum, v)| *sum += weight * v);
        let map = WordMap::new(text, &tokens);
        let groups = map.tokens_of_words();
        let special = (0..tokens.len()).filter(|token| map.owners[*token] == Owner::Special);
        let special = special.collect();
        let hidden: Vec<f32> = trace.hidden.flatten_all()?.to_vec1()?; // (seq · hidden)
        let width = trace.hidden.dim(1)?;
        for tokens in &groups {
            let from = self.vectors.len();
            self.vectors.resize(from + width, 0.0);
            for token in tokens {
                let row = &hidden[token * width..(token + 1) * width];
                let mean = self.vectors[from..].iter_mut().zip(row);
                mean.for_each(|(mean, v)| *mean += v / tokens.len() as f32);
            }
        }
        let words = map.words.into_iter();
        self.words
            .extend(words.map(|word| word.start + range.start..word.end + range.start));
        self.units.push(Unit {
            range,
            tokens,
            embedding,
            groups,
            special,
            weight,
        });
        Ok(())
    }

    /// The contribution of each part to the inner product of the embedding with a direction, by one backward pass (formula B4.8).
    pub fn shares(&self, model: &Model, direction: &[f32], checkpoint: Checkpoint) -> Result<Shares, ModelError> {
        let mut shares = Shares::default();
        self.each_trace(model, checkpoint, &mut |units, traces| {
            let pulled = ops::side_by_side(traces, |index, trace| {
                if checkpoint() {
                    return Err(ModelError::Stopped);
                }
                vjp_of(model, trace, model.pooling_of(&units[index].tokens), direction)
            });
            for (unit, pulled) in units.iter().zip(pulled) {
                let pulled = pulled?;
                let sum =
                    |tokens: &[usize]| tokens.iter().map(|token| pulled.tokens[*token]).sum::<f32>() * unit.weight;
                shares.words.extend(unit.groups.iter().map(|tokens| sum(tokens)));
                shares.special += sum(&unit.special);
                shares.bias += pulled.bias * unit.weight;
            }
            Ok(())
        })?;
        Ok(shares)
    }

    /// The embedding of the passage without some of its words, for each of several sets; `deleted[k][w]` says whether set k has word w. Units
    /// without deleted words are not read again.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
    pub fn without(
        &self,
        model: &Model,
        deleted: &[Vec<bool>],
        checkpoint: Checkpoint,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut found = vec![vec![0.0; self.embedding.len()]; deleted.len()];
        let add = |sum: &mut Vec<f32>, embedding: &[f32], tokens: usize| {
            let weight = weight_in_passage(tokens, length(embedding));
            let sum = sum.iter_mut().zip(embedding);
            sum.for_each(|(sum, value)| *sum += weight * value);
        };
        // What is left of each unit that loses words: its set, the unit and its tokens.
        let mut cut = Vec::new();
        for (set, deleted) in deleted.iter().enumerate() {
            let mut first = 0;
            for unit in &self.units {
                let own = deleted.get(first..first + unit.groups.len()).unwrap_or_default();
                first += unit.groups.len();
                match own.contains(&true) {
                    true => cut.push((set, unit, unit.ids_without(own))),
                    false => add(&mut found[set], &unit.embedding, unit.tokens.of_text()),
                }
            }
        }
        let mut rest = &cut[..];
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(fitting(rest, |(_, _, ids)| ids.len()));
            let batch = Packed::new(chunk.iter().map(|(_, _, ids)| ids.as_slice()));
            let traces = model.encoder().forward(&batch, TraceLevel::LastHidden, checkpoint)?;
            for ((set, unit, ids), trace) in chunk.iter().zip(&traces) {
                let tokens = &unit.tokens;
                let left = tokens.of_text().saturating_sub(tokens.len() - ids.len());
                add(&mut found[*set], &model.pool_of(tokens, trace)?, left);
            }
            rest = after;
        }
        Ok(found)
    }

    /// The part of the embedding that comes from one word: a vector of the embedding's width; `None` if the word does not exist.
    pub fn part(&self, model: &Model, word: usize, checkpoint: Checkpoint) -> Result<Option<Vec<f32>>, ModelError> {
        let mut first = 0;
        for (index, unit) in self.units.iter().enumerate() {
            let Some(tokens) = unit.groups.get(word - first) else {
                first += unit.groups.len();
                continue;
            };
            let read;
            let trace = match self.traces.get(index) {
                Some(trace) => trace,
                None => {
                    let batch = Packed::new([unit.tokens.ids.as_slice()]);
                    read = model.encoder().forward(&batch, TraceLevel::Layers, checkpoint)?;
                    let Some(trace) = read.first() else { return Ok(None) };
                    trace
                }
            };
            let part = part_of(model, trace, model.pooling_of(&unit.tokens), tokens, checkpoint)?;
            return Ok(Some(part.into_iter().map(|v| v * unit.weight).collect()));
        }
        Ok(None)
    }

    /// The parts of the embedding, (words + 2, hidden): words, special tokens, biases.
    pub fn parts(&self, model: &Model, checkpoint: Checkpoint) -> Result<Tensor, ModelError> {
        let (mut words, mut special, mut bias) = (Vec::new(), Vec::new(), Vec::new());
        self.each_trace(model, checkpoint, &mut |units, traces| {
            for (unit, trace) in units.iter().zip(traces) {
                let count = unit.groups.len();
                let mut groups = unit.groups.clone();
                groups.push(unit.special.clone());
                let pooling = model.pooling_of(&unit.tokens);
                let vectors = (parts_of(model, trace, pooling, &groups, checkpoint)?.vectors * f64::from(unit.weight))?;
                if count > 0 {
                    words.push(vectors.narrow(0, 0, count)?);
                }
                special.push(vectors.get(count)?);
                bias.push(vectors.get(count + 1)?);
            }
            Ok(())
        })?;
        let sum = |rows: &[Tensor]| -> candle_core::Result<Tensor> {
            match rows.is_empty() {
                true => Tensor::zeros((1, model.hidden()), DType::F32, &Device::Cpu),
                false => Tensor::stack(rows, 0)?.sum_keepdim(0), // (1, hidden)
            }
        };
        words.extend([sum(&special)?, sum(&bias)?]);
        Ok(Tensor::cat(&words, 0)?)
    }

    /// Calls `f` with units and their traces, in order: all at once if traces were kept, otherwise in batches.
    fn each_trace(&self, model: &Model, checkpoint: Checkpoint, f: OnTraces<'_>) -> Result<(), ModelError> {
        if self.traces.len() == self.units.len() {
            return f(&self.units, &self.traces);
        }
        let mut rest = &self.units[..];
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(fitting(rest, |unit| unit.tokens.len()));
            let batch = Packed::new(chunk.iter().map(|unit| unit.tokens.ids.as_slice()));
            f(chunk, &model.encoder().forward(&batch, TraceLevel::Layers, checkpoint)?)?;
            rest = after;
        }
        Ok(())
    }
}

/// Share of the letters of a text that the vocabulary contains, computed over its units; 1 for a text without letters.
fn coverage(text: &str, units: &[(ByteRange, Tokens)]) -> f32 {
    let letters = |range: &ByteRange| text[range.clone()].chars().filter(|c| c.is_alphabetic()).count() as f64;
    let (read, all) = units.iter().fold((0.0, 0.0), |(read, all), (range, tokens)| {
        let count = letters(range);
        (read + count * f64::from(tokens.coverage), all + count)
    });
    if all > 0.0 { (read / all) as f32 } else { 1.0 }
}

/// A passage as units that fit the window, with their tokens.
fn units(model: &Model, text: &str, language: Language) -> Result<Vec<(ByteRange, Tokens)>, ModelError> {
    let whole = model.tokenize_as(Role::Passage, text, language)?;
    if whole.len() - whole.prompt.len() <= model.window() {
        return Ok(vec![(0..text.len(), whole)]);
    }
    let snapshot = Snapshot::new(text, 0, language);
    let segments = model.segment(&snapshot);
    let read = |range: ByteRange| Ok((range.clone(), model.tokenize_as(Role::Passage, &text[range], language)?));
    segments.units.into_iter().map(|unit| read(unit.range)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::split::cosine;
    use super::*;
    use crate::model::{Source, UNSTOPPED};

    #[test]
    fn texts_share_a_pass_as_long_as_they_fit() {
        let count = |lengths: &[usize]| fitting(lengths, |length| *length);
        assert_eq!(count(&[400, 400, 400]), 2);
        assert_eq!(count(&[AT_ONCE / 2, AT_ONCE / 2, 1]), 2);
        assert_eq!(
            (count(&[AT_ONCE + 1, 1]), count(&[600, 600]), count(&[1; 3])),
            (1, 1, 3)
        );
    }

    #[test]
    fn the_coverage_of_a_passage_weighs_its_units_by_their_letters() {
        let tokens = |coverage| Tokens {
            coverage,
            ..Tokens::default()
        };
        let units = [(0..7, tokens(1.0)), (7..10, tokens(0.5)), (10..12, tokens(0.0))];
        // Six letters that are read, two that are read half; the rest has none.
        assert!((coverage("ab cdef 12x3", &units) - 6.0 / 7.0).abs() < 1e-6);
        assert_eq!(coverage("12", &[(0..2, tokens(0.0))]), 1.0);
    }

    #[test]
    fn a_unit_that_loses_words_weighs_less_in_its_passage() {
        let model = Model::load(&Source::EMBEDDED).unwrap();
        let text = "The river rose overnight and carried the old bridge away. ".repeat(40);
        let passage = Passage::read(&model, (&text, Language::Prose), UNSTOPPED).unwrap();
        let (first, last) = (&passage.units[0], passage.units.last().unwrap());
        // Of the first unit one word is left, whatever it says: the passage is nearly its last unit.
        let gone: Vec<bool> = (0..passage.words.len())
            .map(|word| word > 0 && word < first.groups.len())
            .collect();
        let all = vec![false; gone.len()];
        let found = passage.without(&model, &[gone, all], UNSTOPPED).unwrap();
        let (rest, own) = (
            cosine(&found[0], &last.embedding).0,
            length(&found[0]) / length(&found[1]),
        );
        let sizes: Vec<usize> = passage.units.iter().map(|unit| unit.groups.len()).collect();
        assert!(sizes.len() == 2 && own < 0.55 && rest > 0.999, "{sizes:?} {own} {rest}");
    }

    #[test]
    fn a_passage_without_its_last_words_is_the_shorter_passage() {
        let model = Model::load(&Source::EMBEDDED).unwrap();
        // More than the window holds, so that the words that go are in the last of several units.
        let paragraphs: Vec<String> = (0..12)
            .map(|i| format!("Part {i} tells how a request is read, checked against the table of routes, and answered with a header.\n\n").repeat(4))
            .collect();
        let (whole, shorter) = (
            format!("{}The last words go away.", paragraphs.concat()),
            paragraphs.concat(),
        );
        let read = |text: &str| Passage::read(&model, (text, Language::Prose), UNSTOPPED).unwrap();
        let (passage, expected) = (read(&whole), read(&shorter));
        assert!(passage.units.len() > 2);
        let words = passage.words.len();
        let gone: Vec<bool> = passage.words.iter().map(|word| word.start >= shorter.len()).collect();
        assert_eq!(gone.iter().filter(|gone| **gone).count(), words - expected.words.len());
        let found = passage.without(&model, &[vec![false; words], gone], UNSTOPPED).unwrap();
        assert!(cosine(&found[0], &passage.embedding).0 > 0.999_999);
        let (near, far) = (
            cosine(&found[1], &expected.embedding).0,
            cosine(&found[1], &passage.embedding).0,
        );
        assert!(near > 0.9999 && far < near, "{near} {far}");
    }
}
