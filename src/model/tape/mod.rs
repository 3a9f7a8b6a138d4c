//! The tape of a forward pass: its operations, frozen at their input.
//!
//! The interpreter ([`Network::read`]) writes a [`Tape`] while it runs a [`ModelSpec`](super::spec::ModelSpec). With attention
//! probabilities, deviations of norms and gates frozen, every operation on the tape is affine. An explanation is therefore a fold over
//! the tape: backward for the share of each token ([`Tape::vjp`]), forward for the part of each token ([`Tape::jvp`]). The folds know no
//! model family.
//!
//! | operation | frozen | file |
//! | --- | --- | --- |
//! | `Linear` | the matrix | `linear.rs` |
//! | `Norm` | the deviation of each row | `norm.rs` |
//! | `Mix` | the attention probabilities | `mix.rs`, `attention.rs` |
//! | `Gate` | θ of the activation, or the gate of a gated block | `gate.rs` |
//! | `Add` | | here |
//! | a readout of a head | the deviations of its norms, θ, the probabilities | `readout.rs` |
//!
//! Rotations, masks, soft caps and the norms of queries and keys are part of the probabilities.

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
mod stored;
mod table;
mod view;
mod vjp;

use std::sync::Arc;

pub use embedded::EmbeddedRow;
pub use load::Network;
pub use readout::{Readout, Target};
pub use rows::row_products;
pub use run::{Cache, Read};
pub use stored::Stored;
pub(super) use table::{PART, Table};
pub use view::Measure;
pub use vjp::{Held, Pulled};

use linear::Linear;
use mix::Mixed;
use norm::RowNorm;

use crate::model::ops::PooledRows;

/// A node of a tape.
pub type NodeId = usize;

/// The text that the rows of a node belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The text of the encoder, or of a decoder-only model.
    Reading,
    /// The text of the decoder in an encoder–decoder.
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

/// An operation and its operands.
#[derive(Debug)]
pub enum Op {
    /// The output of the embedding: the input rows.
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
        /// The node that is normalized.
        x: NodeId,
        /// The norm with its γ and β.
        norm: Arc<RowNorm>,
        /// 1 / deviation of each row.
        inverses: Vec<f32>,
    },
    /// Values mixed by attention.
    Mix {
        /// The values.
        values: NodeId,
        /// Queries before norms and rotations, for true gradients.
        queries: NodeId,
        /// Keys before norms and rotations.
        keys: NodeId,
        /// The attention in each sequence.
        mixed: Vec<Mixed>,
    },
    /// θ ⊙ x.
    Gate {
        /// x.
        x: NodeId,
        /// θ.
        theta: PooledRows,
        /// The input of the gate θ.
        control: Control,
    },
    /// The sum of several nodes.
    Add {
        /// The nodes.
        parts: Vec<NodeId>,
    },
}

/// The input of a gate.
#[derive(Debug, Clone, Copy)]
pub enum Control {
    /// θ is a function of x itself, by an activation.
    Own(super::spec::Activation),
    /// θ is the activation of another node.
    Other(NodeId, super::spec::Activation),
}

/// An operation with its result.
#[derive(Debug)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// The text that its rows belong to.
    pub side: Side,
    /// Width of a row.
    pub width: usize,
    /// The result, row by row, if it was kept.
    pub value: Option<Arc<PooledRows>>,
    /// The time from the start of the pass until the result was ready.
    pub ready: std::time::Duration,
}

/// The nodes of an attention block on a tape.
#[derive(Debug, Clone)]
pub struct AttentionSite {
    /// The residual stream before the step, which the residual connection adds.
    pub residual: NodeId,
    /// The values that are mixed.
    pub values: NodeId,
    /// The mix.
    pub mix: NodeId,
    /// The result of the step: residual plus attention, after the norm in post-LN.
    pub after: NodeId,
    /// Whether it is cross-attention to the encoder's output.
    pub cross: bool,
}

/// The nodes of a block on a tape.
#[derive(Debug, Clone)]
pub struct BlockSite {
    /// The residual stream before the block.
    pub before: NodeId,
    /// Its attention blocks: one, or two in the decoder of an encoder–decoder.
    pub attention: Vec<AttentionSite>,
    /// The residual stream after the block.
    pub after: NodeId,
}

/// The operations of a forward pass over packed sequences.
#[derive(Debug, Default)]
pub struct Tape {
    /// The range of each sequence in rows of [`Side::Reading`].
    pub reading: Vec<std::ops::Range<usize>>,
    /// The range of each sequence in rows of [`Side::Writing`].
    pub writing: Vec<std::ops::Range<usize>>,
    /// The operations; each comes after its operands.
    pub nodes: Vec<Node>,
    /// The blocks of the encoder or decoder-only model, in order.
    pub blocks: Vec<BlockSite>,
    /// The blocks of the decoder in an encoder–decoder.
    pub decoder: Vec<BlockSite>,
    /// The last hidden states of the encoder or decoder-only model.
    pub output: Option<NodeId>,
    /// The last hidden states of the decoder in an encoder–decoder.
    pub written: Option<NodeId>,
}

impl Tape {
    /// Number of floats in the results and frozen factors that the tape keeps.
    fn floats(&self) -> usize {
        let of = |node: &Node| {
            let frozen = match &node.op {
                Op::Gate { theta, .. } => theta.len(),
                Op::Mix { mixed, .. } => mixed.iter().map(Mixed::floats).sum(),
                _ => 0,
            };
            frozen + node.value.as_ref().map_or(0, |value| value.len())
        };
        self.nodes.iter().map(of).sum()
    }

    /// The time that each node took, in the order of [`Tape::nodes`].
    pub fn times(&self) -> impl Iterator<Item = std::time::Duration> + '_ {
        let before = std::iter::once(std::time::Duration::ZERO).chain(self.nodes.iter().map(|node| node.ready));
        self.nodes
            .iter()
            .zip(before)
            .map(|(node, before)| node.ready.saturating_sub(before))
    }
}
