//! Options of methods: which attention maps they use, and what text leave-one-out removes.

/// The attention maps that a score uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Heads {
    /// One layer, from 0; `None` averages all layers.
    pub layer: Option<usize>,
    /// One head, from 0; `None` averages all heads.
    pub head: Option<usize>,
}

/// How several attention maps are combined into one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Over {
    /// The mean of the maps.
    #[default]
    Mean,
    /// The largest entry over the maps: a token counts if any head attends to it.
    Max,
}

/// How leave-one-out removes words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Operator {
    /// The tokens of the words are deleted; later tokens move forward.
    #[default]
    Delete,
    /// The mask token replaces the tokens, or the padding token if the model has no mask.
    Mask,
    /// Attention and pooling ignore the tokens; all other tokens keep their positions.
    Attention,
}

/// How much text leave-one-out removes at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Extent {
    /// A word.
    #[default]
    Word,
    /// A line; each word gets the score of its line.
    Line,
    /// A sentence or statement within a line; each word gets the score of its sentence.
    Sentence,
}

/// The options of [`Method::Attention`](super::Method::Attention) and [`Method::LeaveOneOut`](super::Method::LeaveOneOut).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The heads whose attention maps are used.
    pub heads: Heads,
    /// How the maps are combined.
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
