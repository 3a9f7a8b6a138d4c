//! Explains the text of one unit. Pure functions, which the worker and the command line share.

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use crate::explain::{Choice, Goal, Heads, Method, Owner, Subject, WordMap, alti, salience};
use crate::model::{Checkpoint, Model, ModelError, Packed, Reader, Role, Tokens, Trace, TraceLevel, ops};
use crate::text::{ByteRange, Language};

/// A source word with its score.
#[derive(Debug, Clone, PartialEq)]
pub struct WordScore {
    /// Range of the word, relative to the start of the unit's text.
    pub range: ByteRange,
    /// Share of the explained quantity; shares of additive methods sum to 1 with bias and special tokens.
    pub score: f32,
    /// Rank of the score; 1 is the highest.
    pub rank: u32,
}

/// What the model says about one unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitReport {
    /// The method of the scores.
    pub method: Method,
    /// Every source word of the unit, in order.
    pub words: Vec<WordScore>,
    /// Number of tokens, special tokens included.
    pub tokens: usize,
    /// Number of special tokens among them.
    pub special: usize,
    /// Share of the text's characters that the vocabulary contains, 0 to 1; 1 if the text has none.
    pub coverage: f32,
    /// Share that belongs to no word: the biases of the network.
    pub bias_share: f32,
    /// Share of special tokens ([CLS], [SEP] and others).
    pub special_share: f32,
    /// For additive methods |1 - (words + bias + special)|, else 0.
    pub residual: f32,
    /// The pooled embedding, `hidden` floats, not normalized. If the model has a prompt for passages, the prompt precedes the text.
    pub embedding: Arc<[f32]>,
    /// Milliseconds of the forward pass and the explanation: this unit's part of its batch.
    pub ms: f32,
    /// `Some` if the multilingual model explained the unit. The embedding still comes from the chosen model, because embeddings of two
    /// models cannot be compared; the field says how the chosen model read the unit.
    pub multilingual: Option<Read>,
}

/// How a model read a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Read {
    /// Number of tokens of the text, without special tokens.
    pub tokens: usize,
    /// Share of the text's characters that the vocabulary contains, 0 to 1.
    pub coverage: f32,
}

impl UnitReport {
    /// The model that explained the unit.
    pub fn reader(&self) -> Reader {
        match self.multilingual {
            Some(_) => Reader::Multilingual,
            None => Reader::Chosen,
        }
    }

    /// How the chosen model read the unit for its embedding.
    pub fn read_by_chosen(&self) -> Read {
        let own = Read {
            tokens: self.tokens.saturating_sub(self.special),
            coverage: self.coverage,
        };
        self.multilingual.unwrap_or(own)
    }
}

/// The sources of each word of a unit, by ALTI over all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct SourcesReport {
    /// Row-major `words × words`: entry (i, j) is the share of word j in the final vector of word i. A row sums to at most 1; the rest
    /// belongs to special tokens.
    pub shares: Vec<f32>,
    /// Number of words; the same words as [`UnitReport::words`].
    pub words: usize,
}

impl SourcesReport {
    /// The sources of word `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.shares[i * self.words..(i + 1) * self.words]
    }
}

/// Explains texts: one report per text, in order. Texts with the same [`Model::reader`] share a packed forward pass.
///
/// # Errors
/// [`ModelError::Stopped`] if `checkpoint` stops it between layers; otherwise the error of the model.
pub fn analyze(
    model: &Model,
    texts: &[(&str, Language)],
    method: Method,
    checkpoint: Checkpoint,
) -> Result<Vec<UnitReport>, ModelError> {
    analyze_heads(model, texts, method, Heads::default(), checkpoint)
}

/// [`analyze`], with what can be chosen of [`Method::Attention`] and [`Method::LeaveOneOut`].
///
/// # Errors
/// Those of [`analyze`]; a layer or head that does not exist.
pub fn analyze_heads(
    model: &Model,
    texts: &[(&str, Language)],
    method: Method,
    choice: impl Into<Choice>,
    checkpoint: Checkpoint,
) -> Result<Vec<UnitReport>, ModelError> {
    let choice = choice.into();
    let readers: Vec<Reader> = texts
        .par_iter()
        .map(|(text, language)| model.reader(text, *language))
        .collect();
    let texts_of = |reader: Reader| -> Vec<(&str, Language)> {
        let texts = texts.iter().zip(&readers);
        texts
            .filter(|(_, own)| **own == reader)
            .map(|(text, _)| *text)
            .collect()
    };
    let foreign = texts_of(Reader::Multilingual);
    if foreign.is_empty() {
        return explain_by(model, texts, method, choice, checkpoint);
    }
    let multilingual = model.of_reader(Reader::Multilingual);
    let mut own = explain_by(model, &texts_of(Reader::Chosen), method, choice, checkpoint)?.into_iter();
    let mut others = Vec::with_capacity(foreign.len());
    let explained = explain(&multilingual, &foreign, method, choice, checkpoint)?;
    for (mut report, (read, embedding)) in explained.into_iter().zip(embeddings(model, &foreign, checkpoint)?) {
        report.embedding = embedding;
        report.multilingual = Some(read);
        others.push(report);
    }
    let mut others = others.into_iter();
    let next = |reader: &Reader| match reader {
        Reader::Chosen => own.next(),
        Reader::Multilingual => others.next(),
    };
    Ok(readers.iter().filter_map(next).collect())
}

/// Explanations and embeddings from one model.
fn explain_by(
    model: &Model,
    texts: &[(&str, Language)],
    method: Method,
    choice: Choice,
    checkpoint: Checkpoint,
) -> Result<Vec<UnitReport>, ModelError> {
    // Surprisal is that of the text as it stands: a model that predicts knows no identifiers that are read as words.
    let plain = method == Method::Surprisal;
    let mut reports = match plain {
        true => explain(
            &model.clone().identifier_aware(false),
            texts,
            method,
            choice,
            checkpoint,
        )?,
        false => explain(model, texts, method, choice, checkpoint)?,
    };
    // The explained text gives the passage embedding, unless the model has a prompt for passages. The explanation itself never contains the
    // prompt: no word shares its score with text that is not on the screen.
    if plain || !model.info().prompts.of(Role::Passage).is_empty() {
        for (report, (_, embedding)) in reports.iter_mut().zip(embeddings(model, texts, checkpoint)?) {
            report.embedding = embedding;
        }
    }
    Ok(reports)
}

/// Explanations from one model, in one packed forward pass.
fn explain(
    model: &Model,
    texts: &[(&str, Language)],
    method: Method,
    choice: Choice,
    checkpoint: Checkpoint,
) -> Result<Vec<UnitReport>, ModelError> {
    let start = Instant::now();
    let read = texts
        .par_iter()
        .map(|(text, language)| model.tokenize(text, *language))
        .collect::<Result<Vec<_>, _>>()?;
    let batch = Packed::new(read.iter().map(|tokens| tokens.ids.as_slice()));
    let traces = model.encoder().forward(&batch, method.keeps(), checkpoint)?;
    let shared = start.elapsed().as_secs_f32() * 1e3 / batch.ids.len().max(1) as f32;
    let explained = ops::side_by_side(&traces, |index, trace| {
        if checkpoint() {
            return Err(ModelError::Stopped);
        }
        let (start, tokens) = (Instant::now(), &read[index]);
        let mut report = explain_one(model, (texts[index].0, tokens), trace, (method, choice), checkpoint)?;
        report.ms = shared * tokens.len() as f32 + start.elapsed().as_secs_f32() * 1e3;
        Ok(report)
    });
    explained.into_iter().collect()
}

/// How a model read a text, and its embedding.
type Embedded = (Read, Arc<[f32]>);

/// Embeddings for comparison with an index: of passages, with the model's prompt for them.
fn embeddings(model: &Model, texts: &[(&str, Language)], checkpoint: Checkpoint) -> Result<Vec<Embedded>, ModelError> {
    let read = texts
        .par_iter()
        .map(|(text, language)| model.tokenize_as(Role::Passage, text, *language))
        .collect::<Result<Vec<_>, _>>()?;
    let batch = Packed::new(read.iter().map(|tokens| tokens.ids.as_slice()));
    let traces = model.encoder().forward(&batch, TraceLevel::LastHidden, checkpoint)?;
    let embedding = |(tokens, trace): (&Tokens, &Trace)| {
        let read = Read {
            tokens: tokens.of_text(),
            coverage: tokens.coverage,
        };
        Ok((read, model.pool_of(tokens, trace)?.into()))
    };
    read.iter().zip(&traces).map(embedding).collect()
}

fn explain_one(
    model: &Model,
    (text, tokens): (&str, &Tokens),
    trace: &Trace,
    (method, choice): (Method, Choice),
    checkpoint: Checkpoint,
) -> Result<UnitReport, ModelError> {
    let embedding = model.pool(trace)?;
    let map = WordMap::new(text, tokens);
    let subject = Subject {
        text,
        tokens,
        trace,
        embedding: &embedding,
        words: &map,
        goal: Goal::Embedding,
        types: &[],
    };
    let scores = salience(model, &subject, method, choice, checkpoint)?;
    let ranks = ranks(&scores.words);
    let words = map.words.into_iter().zip(scores.words).zip(ranks);
    Ok(UnitReport {
        method,
        words: words
            .map(|((range, score), rank)| WordScore { range, score, rank })
            .collect(),
        tokens: tokens.len(),
        special: tokens.len() - tokens.of_text(),
        coverage: tokens.coverage,
        bias_share: scores.bias,
        special_share: scores.special,
        residual: scores.residual,
        embedding: embedding.into(),
        ms: 0.0,
        multilingual: None,
    })
}

/// Rank of each score; 1 is the highest. Of equal scores, the earlier ranks higher.
fn ranks(scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let mut ranks = vec![0; scores.len()];
    for (rank, index) in order.into_iter().enumerate() {
        ranks[index] = rank as u32 + 1;
    }
    ranks
}

/// The sources of each word of one text, by ALTI (Ferrando et al. 2022).
/// The rows of a word's tokens are averaged, and the columns of a word's tokens are summed.
///
/// # Errors
/// Those of [`analyze`].
pub fn sources(
    model: &Model,
    (text, language): (&str, Language),
    checkpoint: Checkpoint,
) -> Result<SourcesReport, ModelError> {
    let model = &model.of_reader(model.reader(text, language));
    let tokens = model.tokenize(text, language)?;
    let map = WordMap::new(text, &tokens);
    let batch = Packed::new([tokens.ids.as_slice()]);
    let traces = model.encoder().forward(&batch, Method::Alti.keeps(), checkpoint)?;
    let Some(trace) = traces.first() else {
        return Ok(SourcesReport {
            shares: Vec::new(),
            words: 0,
        });
    };
    let mixing = alti::rollout(trace)?;
    let words = map.words.len();
    let mut shares = vec![0f32; words * words];
    for (word, tokens) in map.tokens_of_words().iter().enumerate() {
        let row = &mut shares[word * words..(word + 1) * words];
        for token in tokens {
            for (owner, share) in map.owners.iter().zip(mixing.row(*token)) {
                if let Owner::Word(source) = owner {
                    row[*source] += share / tokens.len() as f32;
                }
            }
        }
    }
    Ok(SourcesReport { shares, words })
}
