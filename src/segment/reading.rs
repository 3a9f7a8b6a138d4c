//! Versions of a document. Units that an edit does not touch are neither measured nor split again.
//!
//! Each version walks the outline again, which is cheap. Measuring text and fitting it to the window is expensive, but depends only on the
//! text and the syntax inside it: if both are unchanged, so are the units. A property test checks that a reading after an edit equals a
//! fresh one.

use std::sync::Arc;

use super::blocks::{Block, Blocks, Previous};
use super::edit::Edit;
use super::parser::{Purpose, Syntax, Unparsed};
use super::parsing::parser;
use super::{Budget, Segments, segment_after};
use crate::text::Snapshot;

/// A snapshot with its syntax, units and items; the basis for reading the next version.
#[derive(Debug, Clone)]
pub struct Reading {
    snapshot: Snapshot,
    syntax: Result<Syntax, Unparsed>,
    segments: Arc<Segments>,
    blocks: Vec<Block>,
    kept: Vec<Option<usize>>,
}

impl Reading {
    /// Reads a snapshot, given an earlier reading of the same document.
    ///
    /// Both must use the same budget, unless the earlier one has [forgotten its units](Reading::forget_units).
    pub fn new(snapshot: Snapshot, previous: Option<&Reading>, budget: &Budget) -> Reading {
        let previous = previous.filter(|previous| previous.snapshot.language() == snapshot.language());
        let Some(previous) = previous else {
            let syntax = parser().parse(&snapshot, Purpose::Document);
            return Reading::of(snapshot, syntax, None, budget);
        };
        let edit = Edit::between(previous.snapshot.rope(), snapshot.rope());
        let syntax = match &previous.syntax {
            Ok(syntax) => syntax.tree().parse_again(&snapshot),
            Err(_) => parser().parse(&snapshot, Purpose::Document),
        };
        // The same text is split at different places with and without syntax.
        let comparable = syntax.is_ok() == previous.syntax.is_ok();
        let previous = comparable.then(|| Previous {
            blocks: &previous.blocks,
            units: &previous.segments.units,
            edit,
            changed: syntax.as_ref().map(Syntax::changed).unwrap_or_default().to_vec(),
        });
        Reading::of(snapshot, syntax, previous.as_ref(), budget)
    }

    fn of(
        snapshot: Snapshot,
        syntax: Result<Syntax, Unparsed>,
        previous: Option<&Previous<'_>>,
        budget: &Budget,
    ) -> Reading {
        let (segments, Blocks { blocks, kept }) = segment_after(&snapshot, &syntax, previous, budget);
        Reading {
            snapshot,
            syntax,
            segments: Arc::new(segments),
            blocks,
            kept,
        }
    }

    /// The text.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Its syntax.
    #[cfg(test)]
    pub(super) fn syntax(&self) -> &Result<Syntax, Unparsed> {
        &self.syntax
    }

    /// Its units and items.
    pub fn segments(&self) -> &Arc<Segments> {
        &self.segments
    }

    /// Per unit: the index of the same unit (text and language) in the previous reading.
    pub fn kept(&self) -> &[Option<usize>] {
        &self.kept
    }

    /// Keeps only the syntax, because the next reading uses another budget.
    pub fn forget_units(&mut self) {
        self.blocks.clear();
    }
}
