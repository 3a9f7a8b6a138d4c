//! Chooses the model that reads a text: the chosen one or, if that is the embedded one, the multilingual one.
//!
//! all-MiniLM-L6-v2 was trained on English. Its vocabulary contains one Chinese character in four, it spells Russian letter by letter, and
//! it splits a German word into pieces that mean nothing to it. multilingual-e5-small reads such texts, and the explanation names it.
//! The choice depends on the text alone, so a text has the same reader everywhere and after every edit.
//!
//! Vectors of the two models cannot be compared, although both have 384 numbers. A comparison of two texts therefore reads both with one
//! model ([`Model::reader_of_both`]).

use std::sync::OnceLock;

use super::Model;
use super::embedded::EmbeddedModel;
use super::load_error::LoadError;
use super::source::Source;
use crate::text::{Language, is_english, share_of_other_scripts};

/// Minimum share of letters from non-Latin scripts in texts for the multilingual model.
/// Less than one half, because code with Chinese comments has English names, which that model reads as well.
const OTHER_SCRIPTS: f32 = 1.0 / 3.0;

/// One of the models that read texts for a [`Model`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Reader {
    /// The model that was chosen.
    #[default]
    Chosen,
    /// The multilingual model that accompanies the embedded one.
    Multilingual,
}

impl Reader {
    /// The name of the reader's model; `chosen` is the name of the chosen one.
    pub fn name(self, chosen: &str) -> &str {
        match self {
            Reader::Chosen => chosen,
            Reader::Multilingual => EmbeddedModel::Multilingual.name(),
        }
    }
}

/// The multilingual model, loaded at its first use.
pub(super) struct Second {
    load: fn() -> Result<Model, LoadError>,
    loaded: OnceLock<Option<Model>>,
}

impl Second {
    /// A model that `load` loads at its first use.
    pub(super) fn loaded_by(load: fn() -> Result<Model, LoadError>) -> Second {
        Second {
            load,
            loaded: OnceLock::new(),
        }
    }

    /// The name of the model.
    pub(super) fn name(&self) -> String {
        EmbeddedModel::Multilingual.name().to_owned()
    }

    fn model(&self) -> Option<&Model> {
        let load = || match (self.load)() {
            Ok(model) => Some(model),
            Err(error) => {
                tracing::error!(%error, "cannot load the multilingual model");
                None
            }
        };
        self.loaded.get_or_init(load).as_ref()
    }
}

impl Model {
    /// The multilingual model that accompanies this one, or `None`. The first call loads it.
    pub fn multilingual(&self) -> Option<Model> {
        let model = self.second.as_ref()?.model()?;
        Some(model.clone().identifier_aware(self.identifier_aware))
    }

    /// The model of a reader.
    pub fn of_reader(&self, reader: Reader) -> Model {
        match reader {
            Reader::Chosen => self.clone(),
            Reader::Multilingual => self.multilingual().unwrap_or_else(|| self.clone()),
        }
    }

    /// The reader of a text. Loads the multilingual model if that is the reader.
    pub fn reader(&self, text: &str, language: Language) -> Reader {
        if self.second.is_none() || !is_foreign(text, language) {
            return Reader::Chosen;
        }
        // Fovea truncates no text: the chosen model reads a text that is too long for the multilingual one.
        match self.multilingual() {
            Some(model) if model.count(text, language) <= model.window() => Reader::Multilingual,
            _ => Reader::Chosen,
        }
    }

    /// The reader of a query. Of a query that exceeds its window, it reads the beginning, which is better than a model that reads nothing of it.
    pub fn reader_of_query(&self, text: &str) -> Reader {
        self.reader_of_any(&[(text, Language::Prose)])
    }

    /// The reader of two texts that are compared: the multilingual model if either text needs it.
    pub fn reader_of_both(&self, a: (&str, Language), b: (&str, Language)) -> Reader {
        self.reader_of_any(&[a, b])
    }

    /// The multilingual model if any of the texts needs it, however long they are.
    fn reader_of_any(&self, texts: &[(&str, Language)]) -> Reader {
        let foreign = self.second.is_some() && texts.iter().any(|(text, language)| is_foreign(text, *language));
        match foreign && self.multilingual().is_some() {
            true => Reader::Multilingual,
            false => Reader::Chosen,
        }
    }
}

impl Source {
    /// The model for a whole document, if only one can read it: the multilingual one instead of the embedded one, if the document needs it.
    pub fn for_document(self, text: &str, language: Language) -> Source {
        match self == Source::EMBEDDED && EmbeddedModel::Multilingual.available() && is_foreign(text, language) {
            true => Source::Embedded(EmbeddedModel::Multilingual),
            false => self,
        }
    }
}

/// Whether a text needs a model that knows more than English.
fn is_foreign(text: &str, language: Language) -> bool {
    share_of_other_scripts(text) >= OTHER_SCRIPTS || is_english(text, language) == Some(false)
}
