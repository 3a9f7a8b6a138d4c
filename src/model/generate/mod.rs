//! Text generation: one token after the other, each from the next-token distribution after all previous tokens.

mod likelihood;
mod sampling;

pub use sampling::{Sampler, Sampling, log_sum};

use std::sync::Arc;

use super::tape::{Cache, Network};
use super::{Checkpoint, ModelError, Packed, Tokenizer};
use crate::model::ops::PooledRows;
use crate::model::spec::Task;
use crate::model::trace::TraceLevel;

/// The limits of a generated text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Maximum number of tokens.
    pub tokens: usize,
    /// Texts at which generation stops; they are not part of the output.
    pub stops: Vec<String>,
}

/// A generated token.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Written {
    /// The id of the token.
    pub id: u32,
    /// The text that it adds; empty while it is a part of a character.
    pub text: String,
    /// The natural logarithm of its probability, before temperature, penalty and cuts: ≤ 0.
    pub logprob: f32,
}

/// The end of a generated text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Why generation ended.
    pub why: Ended,
    /// Text that waited for another token and belongs to the last one: the possible beginning of a stop text, or a part of a character.
    pub rest: String,
}

/// The reason why generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The model generated an end token.
    Model,
    /// A stop text occurred, or the callback returned false.
    Stop,
    /// The maximum number of tokens was reached.
    Tokens,
    /// The end of the model's window was reached.
    Window,
}

impl Network {
    /// Whether the model can generate text: its head predicts the next token.
    pub fn writes(&self) -> bool {
        self.task() == Some(&Task::NextToken)
    }

    /// Continues a prompt, and passes each token to `report` as it is generated. `report` stops generation by returning false.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] if the checkpoint, which each block asks, stops it; [`ModelError::TooLong`] for a prompt that exceeds
    /// the window; [`ModelError::Unable`] for a model that cannot generate text.
    pub fn generate(
        &self,
        prompt: &[u32],
        tokenizer: &Tokenizer,
        sampling: Sampling,
        limits: &Limits,
        report: &mut dyn FnMut(&Written) -> bool,
        checkpoint: Checkpoint,
    ) -> Result<End, ModelError> {
        if !self.writes() {
            return Err(ModelError::Unable("predict the next token"));
        }
        let (mut ids, context) = self.start(prompt, checkpoint)?;
        if ids.len() >= self.spec.window {
            return Err(ModelError::TooLong {
                tokens: ids.len(),
                window: self.spec.window,
            });
        }
        let mut cache = Cache::default();
        let mut fresh = ids.clone();
        let mut sampler = Sampler::new(sampling);
        let mut text = Pieces::new(tokenizer);
        for _ in 0..limits.tokens {
            if cache.tokens + fresh.len() > self.spec.window {
                return Ok(text.end(Ended::Window));
            }
            let hidden = self.next(&fresh, context.as_ref(), &mut cache, checkpoint)?;
            let width = hidden.len() / fresh.len().max(1);
            let Some(logits) = self.logits(&hidden[hidden.len() - width..])? else {
                return Err(ModelError::Unable("predict the next token"));
            };
            let (id, logprob) = sampler.pick(&logits, &ids);
            if self.spec.ends.contains(&id) {
                return Ok(text.end(Ended::Model));
            }
            ids.push(id);
            fresh = vec![id];
            let (piece, stopped) = text.push(id, &limits.stops);
            let written = Written {
                id,
                text: piece,
                logprob,
            };
            if !report(&written) || stopped {
                // What follows is the stop text, or was not wanted.
                let rest = String::new();
                return Ok(End { why: Ended::Stop, rest });
            }
        }
        Ok(text.end(Ended::Tokens))
    }

    /// The first tokens of the decoder, and for an encoder–decoder the encoder's output.
    fn start(&self, prompt: &[u32], checkpoint: Checkpoint) -> Result<Start, ModelError> {
        if self.spec.decoder.is_none() {
            return match prompt.is_empty() {
                true => Err(ModelError::Unable("continue an empty text")),
                false => Ok((prompt.to_vec(), None)),
            };
        }
        let read = self.read(&Packed::new([prompt]), None, TraceLevel::LastHidden, checkpoint)?;
        Ok((vec![self.spec.start.unwrap_or(0)], Some(read.hidden)))
    }
}

/// The first tokens of a decoder, and the encoder's output for the prompt, (m, hidden).
type Start = (Vec<u32>, Option<Arc<PooledRows>>);

/// Decodes tokens into text piece by piece, since a character may take several tokens.
struct Pieces<'a> {
    tokenizer: &'a Tokenizer,
    ids: Vec<u32>,
    /// Number of bytes of the text that were returned.
    emitted: usize,
}

impl<'a> Pieces<'a> {
    fn new(tokenizer: &'a Tokenizer) -> Pieces<'a> {
        Pieces {
            tokenizer,
            ids: Vec::new(),
            emitted: 0,
        }
    }

    /// The text that a token adds, and whether a stop text ends it.
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
            // An incomplete character or the possible beginning of a stop text waits for the next token.
            None => text.trim_end_matches('\u{fffd}').len() - partial(&text, stops),
        };
        let piece = text.get(self.emitted..whole).unwrap_or_default().to_owned();
        self.emitted += piece.len();
        (piece, stop.is_some())
    }

    /// No token follows: the text that waited for one goes out.
    fn end(&self, why: Ended) -> End {
        let text = self.tokenizer.decode(&self.ids);
        let rest = text.get(self.emitted..).unwrap_or_default().to_owned();
        End { why, rest }
    }
}

/// Number of final bytes of a text that may begin a stop text.
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
    fn the_possible_beginning_of_a_stop_text_waits() {
        let stops = ["\n\n".to_owned(), "END".to_owned()];
        assert_eq!(partial("some text\n", &stops), 1);
        assert_eq!(partial("some EN", &stops), 2);
        assert_eq!(partial("some", &stops), 0);
    }
}
