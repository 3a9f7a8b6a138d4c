//! The pair decomposition: how much each pair of words adds to the cosine of two passages.
//!
//! Both embeddings are split into word parts ([`super::parts`]); A_km = ⟨e^a_k, e^b_m⟩ / (|e^a| |e^b|), so the entries, special
//! tokens and biases included, sum to the cosine exactly (formula B4.8).
//!
//! The total contribution of a word, the sum of its row, is ⟨e^a_k, e^b⟩ / (|e^a| |e^b|). One backward pass over a passage computes it for
//! every word. One row takes a forward pass over the word's unit and a backward pass over the other passage. Only the whole matrix needs a
//! forward pass for every word, which takes seconds for functions of a hundred lines.

use std::time::Instant;

use super::Method;
use super::alignment::{Link, align};
use super::centered::{Centered, CenteredTotals, Means, centered};
use super::passage::{Passage, Shares};
use super::split::{cosine, scale, split};
use super::trust::{Judged, Trust, judge};
use crate::model::{Checkpoint, Model, ModelError, Reader, largest};
use crate::text::{ByteRange, Language};

/// One passage of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Its words, as ranges of its text.
    pub words: Vec<ByteRange>,
    /// The contribution of each word to the cosine.
    pub scores: Vec<f32>,
    /// The contribution of its special tokens.
    pub special: f32,
    /// The contribution of the network's biases.
    pub bias: f32,
    /// Share of its letters that the vocabulary contains.
    pub coverage: f32,
}

/// Why two passages are similar.
#[derive(Debug, Clone, PartialEq)]
pub struct PairReport {
    /// Cosine of the two embeddings, -1 to 1.
    pub cosine: f32,
    /// The larger of two differences: the cosine minus the sum of each passage's parts.
    pub residual: f32,
    /// The first passage.
    pub a: Side,
    /// The second passage.
    pub b: Side,
    /// Row-major (words of a + 2) × (words of b + 2): words, then special tokens, then biases. `None` if it was not requested.
    pub pairs: Option<Vec<f32>>,
    /// Corresponding words.
    pub alignment: Vec<Link>,
    /// The same minus the means of the languages, if they were given.
    pub centered: Option<Centered>,
    /// The name of the model that read both passages.
    pub model: String,
    /// Milliseconds it took.
    pub ms: f32,
}

impl PairReport {
    /// The row of word `i` of the first passage (or its special tokens, or its biases) in [`PairReport::pairs`].
    pub fn row(&self, i: usize) -> Option<&[f32]> {
        let width = self.b.words.len() + 2;
        self.pairs.as_ref()?.get(i * width..(i + 1) * width)
    }
}

/// One of the two passages of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The first.
    A,
    /// The second.
    B,
}

/// Two passages that the model has read, ready for comparisons. It keeps their traces, about 100 KB for each token.
pub struct Pair {
    /// The model that read both.
    model: Model,
    reader: Reader,
    a: Passage,
    b: Passage,
    /// Milliseconds it took to read them.
    ms: f32,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// Explains the similarity of two passages, with the matrix of all pairs.
///
/// # Errors
/// [`ModelError::Stopped`] when the checkpoint stops the work; otherwise errors of the model.
pub fn compare(
    model: &Model,
    a: (&str, Language),
    b: (&str, Language),
    checkpoint: Checkpoint,
) -> Result<PairReport, ModelError> {
    compare_centered(model, a, b, None, checkpoint)
}

/// As [`compare`], and also minus the means of the passages' languages, if they are given.
///
/// # Errors
/// As [`compare`].
pub fn compare_centered(
    model: &Model,
    a: (&str, Language),
    b: (&str, Language),
    means: Option<Means>,
    checkpoint: Checkpoint,
) -> Result<PairReport, ModelError> {
    Pair::read(model, a, b, checkpoint)?.matrix(means, checkpoint)
}

impl Pair {
    /// Reads two passages with one model ([`Model::reader_of_both`]).
    ///
    /// # Errors
    /// As [`compare`].
    pub fn read(
        model: &Model,
        a: (&str, Language),
        b: (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<Pair, ModelError> {
        let start = Instant::now();
        let reader = model.reader_of_both(a, b);
        let model = model.of_reader(reader);
        let (a, b) = (
            Passage::read(&model, a, checkpoint)?,
            Passage::read(&model, b, checkpoint)?,
        );
        Ok(Pair {
            model,
            reader,
            a,
            b,
            ms: start.elapsed().as_secs_f32() * 1e3,
        })
    }

    /// The total contribution of each word, without the matrix. It takes one backward pass over each passage, and another one for the
    /// centered cosine.
    ///
    /// # Errors
    /// As [`compare`].
    pub fn totals(&self, means: Option<Means>, checkpoint: Checkpoint) -> Result<PairReport, ModelError> {
        let start = Instant::now();
        let (cosine, lengths) = cosine(&self.a.embedding, &self.b.embedding);
        let scale = scale(lengths);
        let of = |passage: &Passage, other: &Passage| -> Result<Shares, ModelError> {
            let shares = passage.shares(&self.model, &other.embedding, checkpoint)?;
            Ok(shares.times(scale))
        };
        let (a, b) = (of(&self.a, &self.b)?, of(&self.b, &self.a)?);
        let off = |shares: &Shares| (cosine - shares.sum()).abs() as f32;
        let centered = match self.comparable(means) {
            Some(means) => {
                let totals = CenteredTotals::new(&self.a.embedding, &self.b.embedding, means);
                let own_a = self.a.shares(&self.model, totals.toward_a(), checkpoint)?;
                let own_b = self.b.shares(&self.model, totals.toward_b(), checkpoint)?;
                Some(totals.finish(cosine as f32, own_a, own_b, means))
            }
            None => None,
        };
        Ok(PairReport {
            cosine: cosine as f32,
            residual: largest([off(&a), off(&b)]),
            a: side(&self.a, a),
            b: side(&self.b, b),
            pairs: None,
            alignment: self.alignment()?,
            centered,
            model: self.model.info().name.clone(),
            ms: self.ms + start.elapsed().as_secs_f32() * 1e3,
        })
    }

    /// Judges the totals of the words: whether the similarity falls more without the highest of a passage than without random words of it, as
    /// the mean of both passages. The other passage stays as it is: copies without the same words would be as similar as before. With means
    /// it is the centered similarity, as [`Pair::totals`].
    ///
    /// # Errors
    /// As [`compare`].
    pub fn trust(&self, means: Option<Means>, checkpoint: Checkpoint) -> Result<Trust, ModelError> {
        let start = Instant::now();
        let totals = self.totals(means, checkpoint)?;
        let means = self.comparable(means);
        let (a, b) = match &totals.centered {
            Some(centered) => (&centered.a.scores, &centered.b.scores),
            None => (&totals.a.scores, &totals.b.scores),
        };
        let value = |a: &[f32], b: &[f32]| match means {
            Some(means) => CenteredTotals::new(a, b, means).cosine(),
            None => cosine(a, b).0,
        };
        let whole = value(&self.a.embedding, &self.b.embedding);
        let changes = &mut |sets: &[Vec<bool>]| {
            let (of_a, of_b): (Vec<_>, Vec<_>) = sets.iter().map(|set| set.split_at(a.len())).unzip();
            let own = |sets: Vec<&[bool]>| sets.into_iter().map(<[bool]>::to_vec).collect::<Vec<_>>();
            let rest_a = self.a.without(&self.model, &own(of_a), checkpoint)?;
            let rest_b = self.b.without(&self.model, &own(of_b), checkpoint)?;
            let falls = rest_a.iter().zip(&rest_b).map(|(a, b)| {
                let left = value(a, &self.b.embedding) + value(&self.a.embedding, b);
                (whole - left / 2.0) as f32
            });
            Ok(falls.collect())
        };
        judge((Judged::Similarity, Method::Decomposition), &[a, b], start, changes)
    }

    /// The contributions of one word's pairs with every part of the other passage; `None` if the word does not exist.
    ///
    /// # Errors
    /// As [`compare`].
    pub fn row(&self, which: Which, word: usize, checkpoint: Checkpoint) -> Result<Option<Shares>, ModelError> {
        let (own, other) = match which {
            Which::A => (&self.a, &self.b),
            Which::B => (&self.b, &self.a),
        };
        let (_, lengths) = cosine(&own.embedding, &other.embedding);
        let scale = scale(lengths);
        let Some(part) = own.part(&self.model, word, checkpoint)? else {
            return Ok(None);
        };
        let shares = other.shares(&self.model, &part, checkpoint)?;
        Ok(Some(shares.times(scale)))
    }

    /// The full comparison, with the matrix of all pairs.
    ///
    /// # Errors
    /// As [`compare`].
    pub fn matrix(&self, means: Option<Means>, checkpoint: Checkpoint) -> Result<PairReport, ModelError> {
        let start = Instant::now();
        let parts_a = self.a.parts(&self.model, checkpoint)?;
        let parts_b = self.b.parts(&self.model, checkpoint)?;
        let (a, b) = ((&*self.a.embedding, &parts_a), (&*self.b.embedding, &parts_b));
        let raw = split(a, b)?;
        let centered = self
            .comparable(means)
            .map(|means| centered(&raw, a, b, means))
            .transpose()?;
        Ok(PairReport {
            cosine: raw.cosine,
            residual: raw.residual,
            a: side(&self.a, shares(&raw.rows)),
            b: side(&self.b, shares(&raw.columns)),
            pairs: Some(raw.pairs),
            alignment: self.alignment()?,
            centered,
            model: self.model.info().name.clone(),
            ms: self.ms + start.elapsed().as_secs_f32() * 1e3,
        })
    }

    /// The means of the languages, if they come from the model that read the passages.
    fn comparable<'a>(&self, means: Option<Means<'a>>) -> Option<Means<'a>> {
        means.filter(|_| self.reader == Reader::Chosen)
    }

    fn alignment(&self) -> Result<Vec<Link>, ModelError> {
        Ok(align(&self.a.vectors, &self.b.vectors, self.model.info().hidden)?)
    }
}

/// Sums of rows of words, special tokens and biases.
fn shares(sums: &[f32]) -> Shares {
    let count = sums.len() - 2;
    Shares {
        words: sums[..count].to_vec(),
        special: sums[count],
        bias: sums[count + 1],
    }
}

fn side(passage: &Passage, shares: Shares) -> Side {
    Side {
        words: passage.words.clone(),
        scores: shares.words,
        special: shares.special,
        bias: shares.bias,
        coverage: passage.coverage,
    }
}
