//! One document and a model, as the page asks about them.

use std::sync::Arc;

use super::passes::{Pass, Passes};
use super::question::Question;
use super::{answers, heads, steps, structure, through, without};
use crate::model::tape::Network;
use crate::model::{Model, ModelError, TokenizeError};
use crate::segment::{Budget, Segments, parse, segment};
use crate::text::Snapshot;

/// Most tokens of a unit on the page: what of a larger window would be too many numbers to look at.
const WINDOW: usize = 512;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// It asks for something that is not there.
    #[error("there is no {0}")]
    Missing(String),
    /// The model kept no tape.
    #[error("the model left no trace of its pass; load it with the interpreter")]
    Unread,
    /// The model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl From<candle_core::Error> for ViewError {
    fn from(error: candle_core::Error) -> ViewError {
        ViewError::Model(error.into())
    }
}

impl From<TokenizeError> for ViewError {
    fn from(error: TokenizeError) -> ViewError {
        ViewError::Model(error.into())
    }
}

/// An answer to the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Names and numbers.
    Json(serde_json::Value),
    /// 16-bit fractions.
    Bytes(Vec<u8>),
}

/// A document and the model that reads it.
pub struct Explorer {
    pub(super) model: Model,
    pub(super) network: Arc<Network>,
    pub(super) snapshot: Snapshot,
    pub(super) segments: Segments,
    /// The name of the document.
    pub(super) file: String,
    passes: Passes,
}

impl Explorer {
    /// Splits a document into units of at most 512 tokens. `model` must be one that the interpreter runs.
    ///
    /// # Errors
    /// If it is not.
    pub fn new(model: Model, snapshot: Snapshot, file: String) -> Result<Explorer, ViewError> {
        let network = Arc::clone(model.network().ok_or(ViewError::Unread)?);
        let budget = Budget {
            tokens: &|text, language| model.count(text, language),
            window: model.window().min(WINDOW),
        };
        let segments = segment(&snapshot, &parse(&snapshot), &budget);
        Ok(Explorer {
            model,
            network,
            snapshot,
            segments,
            file,
            passes: Passes::default(),
        })
    }

    /// Number of units.
    pub fn units(&self) -> usize {
        self.segments.units.len()
    }

    /// Answers a question.
    ///
    /// # Errors
    /// [`ViewError::Missing`] for a unit, layer, head, token or node that does not exist; otherwise what the model reports.
    pub fn answer(&self, question: Question) -> Result<Answer, ViewError> {
        let json = match question {
            Question::Document => answers::document(self),
            Question::Structure => structure::answer(self),
            Question::Unit(unit) => answers::unit(self, unit, self.pass(unit)?.as_ref()),
            Question::Salience(unit) => answers::salience(&self.model, self.pass(unit)?.as_ref())?,
            Question::Attention(unit, layer) => {
                return Ok(Answer::Bytes(heads::maps(self.pass(unit)?.as_ref(), layer)?));
            }
            Question::Head(unit, layer, head) => heads::head(self.pass(unit)?.as_ref(), layer, head)?,
            Question::Steps(unit, layer, token) => {
                steps::answer(&self.network, self.pass(unit)?.as_ref(), layer, token)?
            }
            Question::Row(unit, node, output) => steps::row(self.pass(unit)?.as_ref(), node, output)?,
            Question::Pool(unit, coordinate) => through::pool(&self.model, self.pass(unit)?.as_ref(), coordinate)?,
            Question::Through(unit) => through::answer(&self.model, self.pass(unit)?.as_ref())?,
            Question::Without(unit, word) => without::answer(&self.model, self.pass(unit)?.as_ref(), word)?,
        };
        Ok(Answer::Json(json))
    }

    pub(super) fn pass(&self, unit: usize) -> Result<Arc<Pass>, ViewError> {
        let Some(found) = self.segments.units.get(unit) else {
            return Err(missing("unit", unit, self.units()));
        };
        self.passes.get(unit, || {
            let text = self.snapshot.text(found.range.clone()).into_owned();
            Pass::of(&self.model, text, found.language)
        })
    }
}

/// That something of so many is not there.
pub(super) fn missing(what: &str, asked: usize, of: usize) -> ViewError {
    ViewError::Missing(format!("{what} {asked}: there are {of}, counted from 0"))
}
