//! Answers the page's questions about one document and a model.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::generation::Writer;
use super::passes::{Pass, Passes};
use super::question::Question;
use super::similarity::Items;
use super::{
    answers, generation, heads, lens, pair, similarity, span, steps, structure, through, weights, whatif, without, work,
};
use crate::model::spec::{Source, Stack, Task, Work};
use crate::model::tape::Network;
use crate::model::{Model, ModelError, TokenizeError};
use crate::segment::{Budget, Segments, parse, segment};
use crate::text::Snapshot;

/// Maximum tokens of a unit on the page; a larger unit has too many numbers to look at.
const WINDOW: usize = 512;

/// The reason why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The question names something that does not exist.
    #[error("there is no {0}")]
    Missing(String),
    /// The model kept no tape.
    #[error("the model left no trace of its pass; load it with the interpreter")]
    Unread,
    /// The items could not be compared.
    #[error("cannot compare the items: {0}")]
    Items(String),
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
    /// The text for the decoder of an encoder–decoder; `None` uses the text that the model writes.
    target: Option<String>,
    /// The time that it took to split the document.
    pub(super) split: Duration,
    pub(super) known: Known,
}

/// What answers left behind for later ones.
#[derive(Default)]
pub(super) struct Known {
    /// The same document with the text for the decoder that a page gave last.
    given: Mutex<Option<Arc<Explorer>>>,
    passes: Passes,
    /// The last generated text, to continue from it.
    pub(super) writer: Mutex<Option<Writer>>,
    /// The items of the document, computed on first use.
    pub(super) items: OnceLock<Items>,
}

impl Explorer {
    /// Splits a document into units of at most 512 tokens. `model` must be one that the interpreter runs.
    ///
    /// # Errors
    /// If the interpreter does not run the model.
    pub fn new(model: Model, snapshot: Snapshot, file: String) -> Result<Explorer, ViewError> {
        let network = Arc::clone(model.network().ok_or(ViewError::Unread)?);
        // A generative model continues the unchanged text.
        let model = match network.writes() {
            true => model.identifier_aware(false),
            false => model,
        };
        let budget = Budget {
            tokens: &|text, language| model.count(text, language),
            window: model.window().min(WINDOW),
        };
        let start = Instant::now();
        let segments = segment(&snapshot, &parse(&snapshot), &budget);
        let split = start.elapsed();
        Ok(Explorer {
            model,
            network,
            snapshot,
            segments,
            file,
            target: None,
            split,
            known: Known::default(),
        })
    }

    /// Gives the decoder of an encoder–decoder a text, instead of the text that the model writes.
    pub fn with_target(mut self, target: Option<String>) -> Explorer {
        self.target = target;
        self
    }

    /// The same document, whose decoder is given a text.
    fn giving(&self, target: &str) -> Arc<Explorer> {
        let mut given = self.known.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = given.as_ref().filter(|own| own.target.as_deref() == Some(target)) {
            return Arc::clone(known);
        }
        let explorer = Arc::new(Explorer {
            model: self.model.clone(),
            network: Arc::clone(&self.network),
            snapshot: self.snapshot.clone(),
            segments: self.segments.clone(),
            file: self.file.clone(),
            target: Some(target.to_owned()),
            split: self.split,
            known: Known::default(),
        });
        *given = Some(Arc::clone(&explorer));
        explorer
    }

    /// Whether the head's outputs are the tokens of the vocabulary.
    pub(super) fn names_tokens(&self) -> bool {
        matches!(self.network.task(), Some(Task::NextToken | Task::MaskedToken))
    }

    /// Attention heads of each block: in the main stack, in the decoder, or in its cross-attention.
    pub(super) fn heads(&self, decoder: bool, cross: bool) -> Vec<usize> {
        let spec = &self.network.spec;
        match decoder {
            false => heads_of(&spec.stack, cross),
            true => spec.decoder.as_ref().map_or(Vec::new(), |stack| heads_of(stack, cross)),
        }
    }

    /// Number of units.
    pub fn units(&self) -> usize {
        self.segments.units.len()
    }

    /// The unit that contains a byte of the document, blanks included.
    pub fn unit_at(&self, byte: usize) -> Option<usize> {
        let units = &self.segments.units;
        let at = units.partition_point(|unit| unit.range.end <= byte);
        // A cursor after the last character is in the last unit.
        (!units.is_empty()).then(|| at.min(units.len() - 1))
    }

    /// Answers a question.
    ///
    /// # Errors
    /// [`ViewError::Missing`] for a unit, layer, head, token or node that does not exist; otherwise errors of the model.
    pub fn answer(&self, question: &Question) -> Result<Answer, ViewError> {
        let json = match *question {
            Question::Document => answers::document(self),
            Question::Structure => structure::answer(self),
            Question::Weights(part) => weights::answer(&self.network, part)?,
            Question::Work(unit) => work::answer(self, self.pass(unit)?.as_ref())?,
            Question::Given(ref target, ref question) => return self.giving(target).answer(question),
            Question::Unit(unit) => answers::unit(self, unit, self.pass(unit)?.as_ref()),
            Question::Salience(unit) => answers::salience(&self.model, self.pass(unit)?.as_ref())?,
            Question::Scores(unit, method) => answers::scores(&self.model, self.pass(unit)?.as_ref(), method)?,
            Question::Attention(unit, look, layer) => {
                return Ok(Answer::Bytes(heads::maps(self.pass(unit)?.as_ref(), look, layer)?));
            }
            Question::Head(unit, look, layer, head) => heads::head(self.pass(unit)?.as_ref(), look, layer, head)?,
            Question::Steps(unit, look, layer, token) => {
                steps::answer(&self.network, self.pass(unit)?.as_ref(), look, layer, token)?
            }
            Question::Row(unit, node, output) => steps::row(self.pass(unit)?.as_ref(), node, output)?,
            Question::Pool(unit, coordinate) => through::pool(&self.model, self.pass(unit)?.as_ref(), coordinate)?,
            Question::Through(unit) => through::answer(&self.model, self.pass(unit)?.as_ref())?,
            Question::Without(unit, word) => without::answer(&self.model, self.pass(unit)?.as_ref(), word)?,
            Question::WhatIf(unit, ref edit) => whatif::answer(self, unit, edit)?,
            Question::Answer(unit, ref edit, ref question) => span::answer(self, unit, edit, question)?,
            Question::Near(unit, ref edit) => whatif::near(self, unit, edit)?,
            Question::Lens(unit, look, token) => lens::answer(self, self.pass(unit)?.as_ref(), look, token)?,
            Question::Next(unit, ref ids) => generation::next(self, unit, ids)?,
            Question::Why(unit, ref ids, other) => generation::why(self, unit, ids, other)?,
            Question::Similarity => similarity::answer(self)?,
            Question::Pair(a, b) => pair::answer(self, a, b)?,
        };
        Ok(Answer::Json(json))
    }

    pub(super) fn pass(&self, unit: usize) -> Result<Arc<Pass>, ViewError> {
        let Some(found) = self.segments.units.get(unit) else {
            return Err(missing("unit", unit, self.units()));
        };
        self.known.passes.get(unit, || {
            let text = self.snapshot.text(found.range.clone()).into_owned();
            Pass::of(
                (&self.model, &self.network),
                text,
                found.language,
                self.target.as_deref(),
            )
        })
    }
}

/// Heads of each block's attention.
fn heads_of(stack: &Stack, cross: bool) -> Vec<usize> {
    let of = |block: &crate::model::spec::Block| {
        let branches = block.steps.iter().flat_map(|step| &step.branches);
        let found = branches.filter_map(|branch| match &branch.work {
            Work::Attention(attention) if (attention.source == Source::Encoder) == cross => Some(attention.heads),
            _ => None,
        });
        found.max().unwrap_or(0)
    };
    stack.blocks.iter().map(of).collect()
}

/// The error for an index out of range.
pub(super) fn missing(what: &str, asked: usize, of: usize) -> ViewError {
    ViewError::Missing(format!("{what} {asked}: there are {of}, counted from 0"))
}
