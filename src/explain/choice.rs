//! Options of a method: the attention maps, and the text that leave-one-out removes.

use super::Heads;

/// How several attention maps become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Over {
    /// Their mean.
    #[default]
    Mean,
    /// Their largest entry: what any head looked at.
    Max,
}

/// How leave-one-out removes words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Their tokens are deleted; later ones move forward.
    #[default]
    Delete,
    /// The model's mask token replaces their tokens, or the padding token if it has no mask.
    Mask,
    /// Attention and pooling ignore them; all other tokens keep their positions.
    Attention,
}

/// How much text leave-one-out removes at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Extent {
    /// A word.
    #[default]
    Word,
    /// A line; each of its words has the line's score.
    Line,
    /// A sentence or statement within a line; each of its words has its score.
    Sentence,
}

/// The choices of [`Method::Attention`](super::Method::Attention) and [`Method::LeaveOneOut`](super::Method::LeaveOneOut).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The attention maps.
    pub heads: Heads,
    /// How they are combined.
    pub over: Over,
    /// How leave-one-out removes words.
    pub operator: Operator,
    /// How much text leave-one-out removes at a time.
    pub extent: Extent,
}

impl From<Heads> for Choice {
    fn from(heads: Heads) -> Choice {
        Choice {
            heads,
            ..Choice::default()
        }
    }
}
