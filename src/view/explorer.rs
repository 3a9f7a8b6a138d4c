//! One document, the model that reads it, and what answers left behind for later ones.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::error::{ViewError, missing};
use super::items::Items;
use super::passes::{Pass, Passes};
use super::writer::Writer;
use crate::model::Model;
use crate::model::spec::{Source, Stack, Task, Work};
use crate::model::tape::Network;
use crate::segment::{Budget, Segments, parse, segment};
use crate::text::Snapshot;

/// Maximum tokens of a unit on the page; a larger unit has too many numbers to look at.
const WINDOW: usize = 512;

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
    items: OnceLock<Items>,
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
    pub(super) fn giving(&self, target: &str) -> Arc<Explorer> {
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

    /// The items, embedded on first use.
    pub(super) fn items(&self) -> Result<&Items, ViewError> {
        if let Some(items) = self.known.items.get() {
            return Ok(items);
        }
        let items = Items::of(&self.model, &self.snapshot)?;
        Ok(self.known.items.get_or_init(|| items))
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
