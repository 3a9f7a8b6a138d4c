//! Writing texts: one token after the other, each from the next-token distribution of all before it.

mod sampling;

pub use sampling::{Sampler, Sampling, log_sum};

use std::sync::Arc;

use super::tape::{Cache, Network};
use super::{Checkpoint, ModelError, Packed, Tokenizer};
use crate::model::spec::Task;
use crate::model::trace::TraceLevel;

/// Where a text stops.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Most tokens that are written.
    pub tokens: usize,
    /// Texts at which writing stops; they are left out.
    pub stops: Vec<String>,
}

/// A token that was written.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Written {
    /// Its id.
    pub id: u32,
    /// The text that it adds; empty while it is a part of a character.
    pub text: String,
    /// The natural logarithm of its probability, before temperature and cuts: ≤ 0.
    pub logprob: f32,
}

/// Why a text has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The model ended it.
    Model,
    /// At one of the texts that stop it.
    Stop,
    /// After as many tokens as it may have.
    Tokens,
    /// At the end of the model's window.
    Window,
}

impl Network {
    /// Whether it can write: its head says the next token.
    pub fn writes(&self) -> bool {
        self.task() == Some(&Task::NextToken)
    }

    /// Writes on from a prompt, and tells each token as it comes. `told` stops it by returning false.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint says so (asked before each block), [`ModelError::TooLong`] for a prompt that fills the
    /// window, [`ModelError::Unable`] for a model that cannot write.
    pub fn generate(
        &self,
        prompt: &[u32],
        tokenizer: &Tokenizer,
        sampling: Sampling,
        limits: &Limits,
        told: &mut dyn FnMut(&Written) -> bool,
        checkpoint: Checkpoint,
    ) -> Result<Ended, ModelError> {
        if !self.writes() {
            return Err(ModelError::Unable("predict the next token"));
        }
        let (mut ids, context) = self.start(prompt, checkpoint)?;
        let mut cache = Cache::default();
        let mut fresh = ids.clone();
        let mut sampler = Sampler::new(sampling);
        let mut text = Pieces::new(tokenizer);
        for _ in 0..limits.tokens {
            if cache.tokens + fresh.len() > self.spec.window {
                return Ok(Ended::Window);
            }
            let hidden = self.next(&fresh, context.as_ref(), &mut cache, checkpoint)?;
            let width = hidden.len() / fresh.len().max(1);
            let Some(logits) = self.logits(&hidden[hidden.len() - width..])? else {
                return Err(ModelError::Unable("predict the next token"));
            };
            let (id, logprob) = sampler.pick(&logits, &ids);
            if self.spec.ends.contains(&id) {
                return Ok(Ended::Model);
            }
            ids.push(id);
            fresh = vec![id];
            let (piece, stopped) = text.push(id, &limits.stops);
            let written = Written {
                id,
                text: piece,
                logprob,
            };
            if !told(&written) || stopped {
                return Ok(Ended::Stop);
            }
        }
        Ok(Ended::Tokens)
    }

    /// What a decoder begins with, and for an encoder–decoder what the encoder makes of the prompt.
    fn start(&self, prompt: &[u32], checkpoint: Checkpoint) -> Result<Start, ModelError> {
        if self.spec.decoder.is_none() {
            return match prompt.is_empty() {
                true => Err(ModelError::Unable("write on from nothing")),
                false => Ok((prompt.to_vec(), None)),
            };
        }
        let read = self.read(&Packed::new([prompt]), None, TraceLevel::LastHidden, checkpoint)?;
        Ok((vec![self.spec.start.unwrap_or(0)], Some(read.hidden)))
    }
}

/// The first tokens of a decoder, and what an encoder made of the prompt, (m, hidden).
type Start = (Vec<u32>, Option<Arc<Vec<f32>>>);

/// Tokens → text, piece by piece: a character may take several tokens.
struct Pieces<'a> {
    tokenizer: &'a Tokenizer,
    ids: Vec<u32>,
    /// Bytes of the text that were told.
    told: usize,
}

impl<'a> Pieces<'a> {
    fn new(tokenizer: &'a Tokenizer) -> Pieces<'a> {
        Pieces {
            tokenizer,
            ids: Vec::new(),
            told: 0,
        }
    }

    /// What one more token adds, up to the text that stops; and whether there is one.
    fn push(&mut self, id: u32, stops: &[String]) -> (String, bool) {
        self.ids.push(id);
        let text = self.tokenizer.decode(&self.ids);
        let stop = stops
            .iter()
            .filter(|stop| !stop.is_empty())
            .filter_map(|stop| text.find(stop.as_str()))
            .min();
        let whole = match stop {
            Some(at) => at,
            // The beginning of a character, or of a text that stops, waits for its end.
            None => text.trim_end_matches('\u{fffd}').len() - partial(&text, stops),
        };
        let piece = text.get(self.told..whole).unwrap_or_default().to_owned();
        self.told += piece.len();
        (piece, stop.is_some())
    }
}

/// Bytes at the end of a text with which one of the texts that stop begins.
fn partial(text: &str, stops: &[String]) -> usize {
    let longest = |stop: &String| {
        let ends = stop.char_indices().map(|(at, _)| at).skip(1);
        ends.filter(|end| text.ends_with(&stop[..*end])).max().unwrap_or(0)
    };
    stops.iter().map(longest).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_the_beginning_of_a_stop_waits() {
        let stops = ["\n\n".to_owned(), "END".to_owned()];
        assert_eq!(partial("some text\n", &stops), 1);
        assert_eq!(partial("some EN", &stops), 2);
        assert_eq!(partial("some", &stops), 0);
    }
}
