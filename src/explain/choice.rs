//! What a person may choose about a method: which attention maps, and what is left out and how.

use super::Heads;

/// How several attention maps become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Over {
    /// Their mean.
    #[default]
    Mean,
    /// The largest of their entries: what any head looked at.
    Max,
}

/// How words are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Their tokens are deleted; later ones move forward.
    #[default]
    Delete,
    /// Their tokens become the model's mask, or what says nothing where it has none.
    Mask,
    /// No token may look at them, and the pooling leaves them out; all others keep their positions.
    Attention,
}

/// What is left out at a time.
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
    /// Which attention maps.
    pub heads: Heads,
    /// How they become one.
    pub over: Over,
    /// How words are left out.
    pub operator: Operator,
    /// What is left out at a time.
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
