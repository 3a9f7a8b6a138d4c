//! Runs passes over units with all intermediate values, and keeps the last few.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};

use super::ViewError;
use crate::explain::{Goal, Subject, WordMap};
use crate::model::generate::{Limits, Sampling, Written};
use crate::model::ops::PooledRows;
use crate::model::tape::{HeadOff, Network};
use crate::model::{Model, Packed, TapeTrace, Tokens, Trace, TraceLevel, UNSTOPPED};
use crate::text::Language;

/// Number of kept passes; a page switches between few units.
const KEPT: usize = 3;

/// The pass of the model over a unit.
pub(super) struct Pass {
    /// Its text.
    pub text: String,
    /// Its tokens.
    pub tokens: Tokens,
    /// The owners of the tokens.
    pub words: WordMap,
    /// All intermediate values.
    pub trace: Trace,
    /// The pooled embedding, not normalized.
    pub embedding: Vec<f32>,
    /// The input of the decoder of an encoder–decoder, its first token included; empty for other models.
    pub written: Vec<u32>,
    /// The last hidden states of that decoder, (written, hidden).
    pub written_hidden: Option<Arc<PooledRows>>,
    /// How long its parts took.
    pub took: Took,
}

/// The times of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    /// Splitting the text into tokens.
    pub tokenizing: Duration,
    /// Writing the text of the decoder.
    pub writing: Duration,
    /// The forward pass.
    pub forward: Duration,
    /// Pooling.
    pub pooling: Duration,
}

/// The result of a run of the network on one text.
pub(super) struct Ran {
    /// The pass over the text.
    pub trace: Trace,
    /// The last hidden states of the decoder of an encoder–decoder, (written, hidden).
    pub written: Option<Arc<PooledRows>>,
}

/// Runs the network on a text and its decoder's input, with some heads disabled.
///
/// # Errors
/// Errors of the model.
pub(super) fn run(
    network: &Network,
    ids: &[u32],
    written: &[u32],
    off: &[HeadOff],
    keep: TraceLevel,
) -> Result<Ran, ViewError> {
    let writing = (!written.is_empty()).then(|| Packed::new([written]));
    let read = network.read_without(&Packed::new([ids]), writing.as_ref(), off, keep, UNSTOPPED)?;
    let shape = (ids.len(), network.spec.stack.hidden);
    Ok(Ran {
        trace: Trace {
            layers: Vec::new(),
            tape: read.tape.map(|tape| TapeTrace { tape, sequence: 0 }),
            hidden: Tensor::from_slice(&read.hidden, shape, &Device::Cpu)?,
        },
        written: read.written,
    })
}

impl Pass {
    /// Reads a text. The decoder of an encoder–decoder gets `target`, or the text that the model writes.
    ///
    /// # Errors
    /// Errors of the model.
    pub fn of(
        (model, network): (&Model, &Network),
        text: String,
        language: Language,
        target: Option<&str>,
    ) -> Result<Pass, ViewError> {
        let start = Instant::now();
        let tokens = model.tokenize(&text, language)?;
        let tokenized = start.elapsed();
        let written = match network.spec.decoder {
            Some(_) => written(model, network, &tokens, target)?,
            None => Vec::new(),
        };
        let wrote = start.elapsed();
        let ran = run(network, &tokens.ids, &written, &[], TraceLevel::Everything)?;
        let read = start.elapsed();
        let embedding = model.pool(&ran.trace)?;
        let took = Took {
            tokenizing: tokenized,
            writing: wrote - tokenized,
            forward: read - wrote,
            pooling: start.elapsed() - read,
        };
        Ok(Pass {
            words: WordMap::new(&text, &tokens),
            text,
            tokens,
            trace: ran.trace,
            embedding,
            written,
            written_hidden: ran.written,
            took,
        })
    }

    /// The unit as its methods see it: what carries its embedding.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            text: &self.text,
            tokens: &self.tokens,
            trace: &self.trace,
            embedding: &self.embedding,
            words: &self.words,
            goal: Goal::Embedding,
            types: &[],
        }
    }

    /// The tape of the interpreter.
    ///
    /// # Errors
    /// If the interpreter did not run the model.
    pub fn tape(&self) -> Result<&TapeTrace, ViewError> {
        self.trace.tape.as_ref().ok_or(ViewError::Unread)
    }

    /// The coordinate in which the embedding is largest: the one that the page follows first.
    pub fn coordinate(&self) -> usize {
        let hidden = self.trace.hidden.dims().last().copied().unwrap_or(0);
        let magnitude = |at: &usize| self.embedding.get(*at).map_or(0.0, |value| value.abs());
        (0..hidden.min(self.embedding.len()))
            .max_by(|a, b| magnitude(a).total_cmp(&magnitude(b)))
            .unwrap_or(0)
    }
}

/// Maximum tokens that the model writes for its decoder's attention.
const OWN: usize = 24;

/// The input of a decoder: its first token, then a given text or the model's own.
fn written(model: &Model, network: &Network, read: &Tokens, target: Option<&str>) -> Result<Vec<u32>, ViewError> {
    let mut ids = vec![network.spec.start.unwrap_or(0)];
    let room = network.spec.window.saturating_sub(1);
    match target {
        Some(target) => ids.extend(model.tokenizer().pieces(target).into_iter().take(room)),
        None if network.writes() => {
            let limits = Limits {
                tokens: OWN.min(room),
                ..Limits::default()
            };
            let mut told = |written: &Written| {
                ids.push(written.id);
                true
            };
            let sampling = Sampling::default();
            network.generate(&read.ids, model.tokenizer(), sampling, &limits, &mut told, UNSTOPPED)?;
        }
        None => {}
    }
    Ok(ids)
}

/// The most recent passes, the newest last.
#[derive(Default)]
pub(super) struct Passes(Mutex<Vec<(usize, Arc<Pass>)>>);

impl Passes {
    /// The pass over a unit; it runs unless it is kept. Only one pass runs at a time.
    ///
    /// # Errors
    /// Errors of `run`.
    pub fn get(&self, unit: usize, run: impl FnOnce() -> Result<Pass, ViewError>) -> Result<Arc<Pass>, ViewError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(own, _)| *own == unit);
        let pass = match found {
            Some(at) => kept.remove(at).1,
            None => Arc::new(run()?),
        };
        kept.push((unit, Arc::clone(&pass)));
        if kept.len() > KEPT {
            kept.remove(0);
        }
        Ok(pass)
    }
}
