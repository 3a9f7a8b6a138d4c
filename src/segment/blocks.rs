//! Blocks of a document: parts that are split on their own, and those that an edit leaves unchanged.

use std::ops::Range;

use super::Unit;
use super::edit::Edit;
use crate::text::{ByteRange, Language};

/// A fragment with the white space and closing brackets that follow it, and its units.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub range: ByteRange,
    /// The end of the fragment itself.
    pub own_end: usize,
    pub language: Language,
    /// Its units, as indices into the units of the document.
    pub units: Range<usize>,
}

/// The blocks of a document, and which units are reused.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Ordered, covering every byte once.
    pub blocks: Vec<Block>,
    /// Per unit: the index of the same unit in the previous text.
    pub kept: Vec<Option<usize>>,
}

/// The state of a document before an edit.
pub(super) struct Previous<'a> {
    pub blocks: &'a [Block],
    pub units: &'a [Unit],
    pub edit: Option<Edit>,
    /// Ranges of the new text with changed syntax, in order.
    pub changed: Vec<ByteRange>,
}

impl Previous<'_> {
    /// The equal block of the old text with its units. `None` if it may be split differently.
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
