//! What a forward pass did, as operations held at their input.
//!
//! The interpreter ([`Network::read`]) writes a [`Tape`] while it runs a [`ModelSpec`](super::spec::ModelSpec). With attention probabilities,
//! deviations of norms and gates held at their values, every operation on the tape is affine, so that an explanation is a fold over the
//! tape: backward for the share of each token ([`Tape::pull`]), forward for the part of each token ([`Tape::push`]). No fold knows a family.
//!
//! | operation | held | file |
//! | --- | --- | --- |
//! | `Linear` | the matrix | `linear.rs` |
//! | `Norm` | the deviation of each row | `norm.rs` |
//! | `Mix` | the attention probabilities | `mix.rs`, `attention.rs` |
//! | `Gate` | θ of the activation, or the gate of a gated block | `gate.rs` |
//! | `Add` | | here |
//! | a readout of a head | the deviations of its norms, θ, the probabilities | `readout.rs` |
//!
//! Rotations, masks, soft caps and the norms of queries and keys vanish into the probabilities.

mod attention;
mod embedded;
mod gate;
mod gradient;
mod head;
mod jvp;
mod linear;
mod load;
mod mix;
mod norm;
mod position;
mod readout;
mod replay;
mod rows;
mod run;
mod table;
mod view;
mod vjp;

use std::sync::Arc;

pub use embedded::EmbeddedRow;
pub use load::Network;
pub use readout::{Readout, Target};
pub use rows::row_products;
pub use run::{Cache, Read};
pub(super) use table::Table;
pub use view::Measure;
pub use vjp::{Held, Pulled};

use linear::Linear;
use mix::Mixed;
use norm::RowNorm;

/// A node of a tape.
pub type NodeId = usize;

/// Which text the rows of a node belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The text that is read: of an encoder, or of a decoder without one.
    Reading,
    /// The text that a decoder with an encoder writes.
    Writing,
}

/// An attention head that is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeadOff {
    /// Whose stack it belongs to.
    pub side: Side,
    /// Whether it is one of those that look at the encoder's output.
    pub cross: bool,
    /// Its block, counted from 0.
    pub layer: usize,
    /// Its number, counted from 0.
    pub head: usize,
}

/// One operation and what it is applied to.
#[derive(Debug)]
pub enum Op {
    /// What comes out of the embedding: the tokens' own rows.
    Input,
    /// x·Wᵀ + b.
    Linear {
        /// x.
        x: NodeId,
        /// W and b.
        map: Arc<Linear>,
    },
    /// A norm.
    Norm {
        /// What is normalized.
        x: NodeId,
        /// Its γ and β.
        norm: Arc<RowNorm>,
        /// 1 / deviation of each row.
        inverses: Vec<f32>,
    },
    /// Values mixed by attention.
    Mix {
        /// The values.
        values: NodeId,
        /// Queries, before norms and rotations: what a true gradient goes back to.
        queries: NodeId,
        /// Keys, likewise.
        keys: NodeId,
        /// What was looked at, in each sequence.
        mixed: Vec<Mixed>,
    },
    /// θ ⊙ x.
    Gate {
        /// x.
        x: NodeId,
        /// θ.
        theta: Vec<f32>,
        /// What θ is a function of.
        control: Control,
    },
    /// The sum of several nodes.
    Add {
        /// The nodes.
        parts: Vec<NodeId>,
    },
}

/// What a gate is a function of.
#[derive(Debug, Clone, Copy)]
pub enum Control {
    /// Of what it is multiplied with, by an activation.
    Own(super::spec::Activation),
    /// Of another node, by an activation.
    Other(NodeId, super::spec::Activation),
}

/// An operation with its result.
#[derive(Debug)]
pub struct Node {
    /// What it is.
    pub op: Op,
    /// Which text its rows belong to.
    pub side: Side,
    /// Floats of a row.
    pub width: usize,
    /// Its result, row by row, where it is kept.
    pub value: Option<Arc<Vec<f32>>>,
}

/// Where an attention block stands on a tape.
#[derive(Debug, Clone)]
pub struct AttentionSite {
    /// The stream before the step: what the residual connection adds.
    pub residual: NodeId,
    /// The values that are mixed.
    pub values: NodeId,
    /// The mix.
    pub mix: NodeId,
    /// The result of the step: residual and attention, normalized where the norm stands behind.
    pub after: NodeId,
    /// Whether it looks at the encoder's output.
    pub cross: bool,
}

/// Where a block stands on a tape.
#[derive(Debug, Clone)]
pub struct BlockSite {
    /// The stream before.
    pub before: NodeId,
    /// Its attention blocks: one, or in a decoder with an encoder two.
    pub attention: Vec<AttentionSite>,
    /// The stream behind.
    pub after: NodeId,
}

/// What a forward pass over packed sequences did.
#[derive(Debug, Default)]
pub struct Tape {
    /// Where each sequence stands in the rows that are read.
    pub reading: Vec<std::ops::Range<usize>>,
    /// Where each stands in the rows that a decoder with an encoder writes.
    pub writing: Vec<std::ops::Range<usize>>,
    /// The operations, each behind those that it uses.
    pub nodes: Vec<Node>,
    /// The blocks of the stack that reads, the first first.
    pub blocks: Vec<BlockSite>,
    /// The blocks of the decoder of an encoder–decoder.
    pub decoder: Vec<BlockSite>,
    /// The last hidden states of the stack that reads.
    pub output: Option<NodeId>,
    /// Those of the decoder.
    pub written: Option<NodeId>,
}
