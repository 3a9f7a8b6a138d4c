//! Sequences of different lengths, concatenated without padding.

use std::ops::Range;

/// Packed sequences: matrix products run over all tokens at once, but attention runs within each sequence.
/// The composition of a batch therefore cannot change a result.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    /// Token ids of all sequences, concatenated.
    pub ids: Vec<u32>,
    /// The type of each token, for models that read pairs of texts; empty if all are of type 0.
    pub types: Vec<u32>,
    /// The range of each sequence in `ids`.
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
