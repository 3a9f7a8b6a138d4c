//! A question, and how models read it: once for all passages and answers.

use std::sync::OnceLock;

use crate::explain::Directed;
use crate::model::{Checkpoint, Model, ModelError, Reader};
use crate::text::Language;

/// A question in words.
#[derive(Debug, Default)]
pub struct Question {
    text: String,
    /// Its embedding as a query, by the model that reads it.
    vector: OnceLock<Vec<f32>>,
    /// Its words, as each of the two models read them.
    read: [OnceLock<Directed>; 2],
}

impl Question {
    /// The question with this text.
    pub fn new(text: impl Into<String>) -> Question {
        Question {
            text: text.into(),
            ..Question::default()
        }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its embedding, if it is known.
    pub(super) fn vector(&self) -> Option<&[f32]> {
        self.vector.get().map(Vec::as_slice)
    }

    /// Its embedding, which is `vector` unless it was known.
    pub(super) fn known(&self, vector: Vec<f32>) -> &[f32] {
        self.vector.get_or_init(|| vector)
    }

    /// The question as a model reads it that also reads the sentence.
    pub(super) fn beside(
        &self,
        model: &Model,
        sentence: (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<(Model, &Directed), ModelError> {
        let own = (self.text(), Language::Prose);
        let reader = model.reader_of_both(own, sentence);
        let model = model.of_reader(reader);
        let place = &self.read[usize::from(reader == Reader::Multilingual)];
        let read = match place.get() {
            Some(read) => read,
            None => {
                let read = Directed::read(&model, own, checkpoint)?;
                place.get_or_init(|| read)
            }
        };
        Ok((model, read))
    }
}
