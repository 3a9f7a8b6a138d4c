//! The pair decomposition: how much each pair of words adds to the cosine of two passages.
//!
//! Both embeddings are split into word parts ([`super::parts`]); A_km = ⟨e^a_k, e^b_m⟩ / (|e^a| |e^b|), so the entries, special
//! tokens and biases included, sum to the cosine exactly (formula B4.8). A passage longer than the model's window is the
//! mean of its units, as [`weight_in_passage`] weighs them, and so are its parts.

use std::time::Instant;

use candle_core::Tensor;

use super::alignment::{Link, align};
use super::centred::{Centred, Means, centred};
use super::parts::parts;
use super::split::split;
use super::{Owner, WordMap};
use crate::model::{Checkpoint, Keep, Model, ModelError, Packed, Role, Tokens, Trace, weight_in_passage};
use crate::text::{ByteRange, Language, Snapshot};

/// One passage of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Its words, as ranges of its text.
    pub words: Vec<ByteRange>,
    /// What each word adds to the cosine.
    pub scores: Vec<f32>,
    /// What its special tokens add.
    pub special: f32,
    /// What the biases of the network add.
    pub bias: f32,
    /// Share of its letters that the vocabulary can read.
    pub coverage: f32,
}

/// Why two passages are similar.
#[derive(Debug, Clone, PartialEq)]
pub struct PairReport {
    /// Cosine of the two embeddings, -1 to 1.
    pub cosine: f32,
    /// |cosine - sum of all pairs|.
    pub residual: f32,
    /// The first passage.
    pub a: Side,
    /// The second passage.
    pub b: Side,
    /// Row-major (words of a + 2) × (words of b + 2): words, then special tokens, then biases.
    pub pairs: Vec<f32>,
    /// Corresponding words.
    pub alignment: Vec<Link>,
    /// The same without what the languages have in common, where their means were given.
    pub centred: Option<Centred>,
    /// Milliseconds it took.
    pub ms: f32,
}

impl PairReport {
    /// The row of word `i` of the first passage (or its special tokens, or its biases) in [`PairReport::pairs`].
    pub fn row(&self, i: usize) -> &[f32] {
        let width = self.b.words.len() + 2;
        &self.pairs[i * width..(i + 1) * width]
    }
}

/// Explains the similarity of two passages.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint says so; otherwise what the model reports.
pub fn compare(
    model: &Model,
    a: (&str, Language),
    b: (&str, Language),
    checkpoint: Checkpoint,
) -> Result<PairReport, ModelError> {
    compare_centred(model, a, b, None, checkpoint)
}

/// As [`compare`], and once more without the means of the passages' languages where they are given.
///
/// # Errors
/// As [`compare`].
pub fn compare_centred(
    model: &Model,
    a: (&str, Language),
    b: (&str, Language),
    means: Option<Means>,
    checkpoint: Checkpoint,
) -> Result<PairReport, ModelError> {
    let start = Instant::now();
    let a = Passage::read(model, a, checkpoint)?;
    let b = Passage::read(model, b, checkpoint)?;
    let raw = split((&a.embedding, &a.parts), (&b.embedding, &b.parts))?;
    let centre = |means| centred(&raw, (&a.embedding, &a.parts), (&b.embedding, &b.parts), means);
    let centred = means.map(centre).transpose()?;
    let alignment = align(&a.vectors, &b.vectors);
    Ok(PairReport {
        cosine: raw.cosine,
        residual: raw.residual,
        a: a.side(&raw.rows),
        b: b.side(&raw.columns),
        pairs: raw.pairs,
        alignment,
        centred,
        ms: start.elapsed().as_secs_f32() * 1e3,
    })
}

/// A passage read by the model.
struct Passage {
    words: Vec<ByteRange>,
    /// (words + 2, hidden): words, special tokens, biases.
    parts: Tensor,
    /// Last-layer vector of each word.
    vectors: Vec<Vec<f32>>,
    embedding: Vec<f32>,
    coverage: f32,
}

impl Passage {
    fn read(model: &Model, (text, language): (&str, Language), checkpoint: Checkpoint) -> Result<Passage, ModelError> {
        let units = units(model, text, language)?;
        let batch = Packed::new(units.iter().map(|(_, tokens)| tokens.ids.as_slice()));
        let traces = model.encoder().forward(&batch, Keep::Layers, checkpoint)?;
        let total: usize = units.iter().map(|(_, tokens)| tokens.of_text()).sum();
        let letters = |range: &ByteRange| text[range.clone()].chars().filter(|c| c.is_alphabetic()).count() as f64;
        let mut passage = Gathered::default();
        let (mut read, mut all) = (0.0, 0.0);
        for ((range, tokens), trace) in units.iter().zip(&traces) {
            passage.add(
                model,
                trace,
                tokens,
                &text[range.clone()],
                (range.start, total),
                checkpoint,
            )?;
            let count = letters(range);
            (read, all) = (read + count * f64::from(tokens.coverage), all + count);
        }
        passage.finish(model.hidden(), if all > 0.0 { (read / all) as f32 } else { 1.0 })
    }

    fn side(self, sums: &[f32]) -> Side {
        let count = self.words.len();
        Side {
            scores: sums[..count].to_vec(),
            special: sums[count],
            bias: sums[count + 1],
            words: self.words,
            coverage: self.coverage,
        }
    }
}

/// What the units of a passage add up to.
#[derive(Default)]
struct Gathered {
    words: Vec<ByteRange>,
    word_parts: Vec<Tensor>,
    special: Vec<Tensor>,
    bias: Vec<Tensor>,
    vectors: Vec<Vec<f32>>,
    embedding: Vec<f32>,
}

impl Gathered {
    fn add(
        &mut self,
        model: &Model,
        trace: &Trace,
        tokens: &Tokens,
        text: &str,
        (at, total): (usize, usize),
        checkpoint: Checkpoint,
    ) -> Result<(), ModelError> {
        let embedding = model.pool_of(tokens, trace)?;
        let length = embedding.iter().map(|v| v * v).sum::<f32>().sqrt();
        let weight = weight_in_passage(tokens.of_text(), length) / total.max(1) as f32;
        let map = WordMap::new(text, tokens);
        let mut groups = map.tokens_of_words();
        let special = (0..tokens.len())
            .filter(|token| map.owners[*token] == Owner::Special)
            .collect();
        let count = groups.len();
        groups.push(special);
        let vectors = (parts(trace, model.pooling_of(tokens), &groups, checkpoint)?.vectors * f64::from(weight))?;
        if count > 0 {
            self.word_parts.push(vectors.narrow(0, 0, count)?);
        }
        self.special.push(vectors.get(count)?);
        self.bias.push(vectors.get(count + 1)?);
        for tokens in &groups[..count] {
            let rows: Vec<u32> = tokens.iter().map(|token| *token as u32).collect();
            let rows = Tensor::from_vec(rows, tokens.len(), trace.hidden.device())?;
            self.vectors
                .push(trace.hidden.index_select(&rows, 0)?.mean(0)?.to_vec1()?);
        }
        self.embedding.resize(embedding.len(), 0.0);
        self.embedding
            .iter_mut()
            .zip(embedding)
            .for_each(|(sum, v)| *sum += weight * v);
        self.words
            .extend(map.words.into_iter().map(|word| word.start + at..word.end + at));
        Ok(())
    }

    fn finish(mut self, hidden: usize, coverage: f32) -> Result<Passage, ModelError> {
        let sum = |rows: &[Tensor]| -> candle_core::Result<Tensor> {
            match rows.is_empty() {
                true => Tensor::zeros((1, hidden), candle_core::DType::F32, &candle_core::Device::Cpu),
                false => Tensor::stack(rows, 0)?.sum_keepdim(0), // (1, hidden)
            }
        };
        let (special, bias) = (sum(&self.special)?, sum(&self.bias)?);
        self.word_parts.extend([special, bias]);
        self.embedding.resize(hidden, 0.0);
        let parts = Tensor::cat(&self.word_parts, 0)?; // (words + 2, hidden)
        Ok(Passage {
            words: self.words,
            parts,
            vectors: self.vectors,
            embedding: self.embedding,
            coverage,
        })
    }
}

/// A passage as units that fit the window, with their tokens: read as they are for the index, with the model's prompt.
fn units(model: &Model, text: &str, language: Language) -> Result<Vec<(ByteRange, Tokens)>, ModelError> {
    let whole = model.tokenize_as(Role::Passage, text, language)?;
    if whole.of_text() <= model.window() {
        return Ok(vec![(0..text.len(), whole)]);
    }
    let snapshot = Snapshot::new(text, 0, language);
    let segments = model.segment(&snapshot);
    let read = |range: ByteRange| Ok((range.clone(), model.tokenize_as(Role::Passage, &text[range], language)?));
    segments.units.into_iter().map(|unit| read(unit.range)).collect()
}
