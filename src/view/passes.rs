//! The pass over a unit, with everything that it computed; the last few stay.

use std::sync::{Arc, Mutex, PoisonError};

use super::ViewError;
use crate::explain::WordMap;
use crate::model::{Model, Packed, TapeTrace, Tokens, Trace, TraceLevel, UNSTOPPED};
use crate::text::Language;

/// Passes that stay: a page goes back and forth between few units.
const KEPT: usize = 3;

/// What the model did with a unit.
pub(super) struct Pass {
    /// Its text.
    pub text: String,
    /// Its tokens.
    pub tokens: Tokens,
    /// Which token belongs to which word.
    pub words: WordMap,
    /// Every number.
    pub trace: Trace,
    /// The pooled embedding, not normalized.
    pub embedding: Vec<f32>,
}

impl Pass {
    /// Reads a text.
    ///
    /// # Errors
    /// As the model's.
    pub fn of(model: &Model, text: String, language: Language) -> Result<Pass, ViewError> {
        let tokens = model.tokenize(&text, language)?;
        let batch = Packed::new([tokens.ids.as_slice()]);
        let mut traces = model.encoder().forward(&batch, TraceLevel::Everything, UNSTOPPED)?;
        let trace = traces.pop().ok_or(ViewError::Unread)?;
        let embedding = model.pool(&trace)?;
        Ok(Pass {
            words: WordMap::new(&text, &tokens),
            text,
            tokens,
            trace,
            embedding,
        })
    }

    /// What the interpreter did.
    ///
    /// # Errors
    /// If something else ran the model.
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

/// The passes that were asked for last, the newest last.
#[derive(Default)]
pub(super) struct Passes(Mutex<Vec<(usize, Arc<Pass>)>>);

impl Passes {
    /// The pass over a unit, run unless it is kept. One runs at a time.
    ///
    /// # Errors
    /// As `run`'s.
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
