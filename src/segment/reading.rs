//! A document from version to version: what an edit did not touch is neither measured nor split again.
//!
//! The outline is walked anew each time, which is cheap. What costs is to measure stretches of text and to fit them to the
//! model's window, and that depends on nothing but their text and the syntax inside them: where both are as they were, the units
//! are too. So a reading after an edit is the same as one from nothing, which a property test holds.

use std::sync::Arc;

use super::edit::Edit;
use super::parser::{Purpose, Syntax, Unparsed, parser};
use super::split::{Block, Blocks};
use super::{Budget, Segments, Unit, segment_after};
use crate::text::{ByteRange, Snapshot};

/// A snapshot with its syntax, units and items, from which the next version of the document is read.
#[derive(Debug, Clone)]
pub struct Reading {
    snapshot: Snapshot,
    syntax: Result<Syntax, Unparsed>,
    segments: Arc<Segments>,
    blocks: Vec<Block>,
    kept: Vec<Option<usize>>,
}

/// What is known of a document before an edit.
pub(super) struct Previous<'a> {
    blocks: &'a [Block],
    units: &'a [Unit],
    edit: Option<Edit>,
    /// Stretches of the new text whose syntax is another than before, in order.
    changed: Vec<ByteRange>,
}

impl Reading {
    /// Reads a snapshot, after an earlier one of the same document. The budget must be the same for both, or the earlier one must
    /// have [forgotten its units](Reading::forget_units).
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
        // With syntax and without, the same text is split in different places.
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

    /// One per unit: the index of the unit that it was in the reading before, with the same text in the same language.
    pub fn kept(&self) -> &[Option<usize>] {
        &self.kept
    }

    /// Keeps the syntax alone: the next reading measures by another budget.
    pub fn forget_units(&mut self) {
        self.blocks.clear();
    }
}

impl Previous<'_> {
    /// The block that a block of the new text was, with its units, if it is split where it was then.
    pub(super) fn same(&self, block: &Block) -> Option<(&Block, &[Unit])> {
        let old = match &self.edit {
            Some(edit) => edit.before(&block.range)?,
            None => block.range.clone(),
        };
        let next = self.changed.partition_point(|changed| changed.end <= block.range.start);
        if self
            .changed
            .get(next)
            .is_some_and(|changed| changed.start < block.range.end)
        {
            return None;
        }
        let at = self
            .blocks
            .binary_search_by_key(&old.start, |block| block.range.start)
            .ok()?;
        let found = &self.blocks[at];
        let same_end = found.own_end - found.range.start == block.own_end - block.range.start;
        (found.range == old && same_end && found.language == block.language)
            .then(|| (found, &self.units[found.units.clone()]))
    }
}
