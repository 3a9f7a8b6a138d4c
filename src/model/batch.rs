//! Sequences of unequal length, one after the other, without padding.

use std::ops::Range;

/// Packed sequences: matrix products run over all tokens at once, attention over each sequence alone, so neighbors and the
/// composition of the batch cannot change a result.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    /// Token ids of all sequences, one after the other.
    pub ids: Vec<u32>,
    /// The type of each token, for models that read two texts as a pair; empty where all are of type 0.
    pub types: Vec<u32>,
    /// Where each sequence stands in `ids`.
    pub sequences: Vec<Range<usize>>,
}

impl Packed {
    /// Packs sequences of token ids.
    pub fn new<'a>(sequences: impl IntoIterator<Item = &'a [u32]>) -> Packed {
        let mut packed = Packed::default();
        for ids in sequences {
            let start = packed.ids.len();
            packed.ids.extend_from_slice(ids);
            packed.sequences.push(start..packed.ids.len());
        }
        packed
    }
}
