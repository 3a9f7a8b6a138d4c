//! How likely a given text is after a prompt.

use super::super::tape::{Cache, Network};
use super::super::{Checkpoint, ModelError};
use super::log_sum;

/// Positions whose logits are computed at once: the vocabulary may be large.
const BLOCK: usize = 32;

impl Network {
    /// The natural logarithm of each token's probability, given the prompt and the tokens before it: ≤ 0. The tokens are not written by
    /// the model but given (teacher forcing).
    ///
    /// # Errors
    /// As [`Network::generate`].
    pub fn log_probabilities(
        &self,
        prompt: &[u32],
        tokens: &[u32],
        checkpoint: Checkpoint,
    ) -> Result<Vec<f32>, ModelError> {
        if !self.writes() {
            return Err(ModelError::Unable("predict the next token"));
        }
        let Some(given) = tokens.len().checked_sub(1) else {
            return Ok(Vec::new());
        };
        let (mut ids, context) = self.start(prompt, checkpoint)?;
        // The outputs of a position predict the token behind it.
        let first = ids.len() - 1;
        ids.extend_from_slice(&tokens[..given]);
        let hidden = self.next(&ids, context.as_ref(), &mut Cache::default(), checkpoint)?; // (ids, hidden)
        let width = hidden.len() / ids.len();
        self.log_probabilities_of(&hidden[first * width..], tokens)
    }

    /// As [`Network::log_probabilities`], given the last hidden state before each token: (tokens, hidden).
    ///
    /// # Errors
    /// [`ModelError::Unable`] for a model without a head for tokens; [`ModelError::Meaningless`] for a token outside its vocabulary.
    pub fn log_probabilities_of(&self, hidden: &[f32], tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        let width = self.spec.stack.hidden;
        let mut found = Vec::with_capacity(tokens.len());
        for rows in hidden.chunks(BLOCK * width) {
            let Some(logits) = self.logits(rows)? else {
                return Err(ModelError::Unable("predict the next token"));
            };
            let columns = logits.len() * width / rows.len();
            for logits in logits.chunks_exact(columns) {
                let id = tokens[found.len()] as usize;
                let Some(own) = logits.get(id) else {
                    return Err(ModelError::Meaningless(format!("there is no token {id}")));
                };
                found.push((own - log_sum(logits)).min(0.0));
            }
        }
        Ok(found)
    }
}
