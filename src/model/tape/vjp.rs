//! Backward over a tape: from the gradient at a node to gradients at the input rows, and the share of the biases.
//!
//! With everything frozen, ⟨gradient, result⟩ = Σ_tokens ⟨gradient at its row, row⟩ + biases, exactly.

use candle_core::{Result, bail};

use super::gradient;
use super::rows::{add, times};
use super::{Control, Node, NodeId, Op, Side, Tape};
use crate::model::ops::PooledRows;

/// The gradients at the inputs of a tape, for one sequence.
#[derive(Debug, Clone, Default)]
pub struct Pulled {
    /// At the input rows of [`Side::Reading`], (n, hidden).
    pub reading: Vec<f32>,
    /// At the input rows of [`Side::Writing`], (m, hidden); empty if there are none.
    pub writing: Vec<f32>,
    /// The share of the biases.
    pub bias: f64,
}

/// Which values stay frozen on the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Probabilities, deviations and gates: the vjp of the affine map.
    Frozen,
    /// Nothing: the true gradient, which needs a tape with everything kept.
    Nothing,
}

impl Tape {
    /// Pulls a gradient at a node, (rows, width), back to the inputs, for one sequence.
    ///
    /// # Errors
    /// If the shape of the gradient is wrong, or the tape kept too little for a true gradient.
    pub fn vjp(&self, sequence: usize, from: NodeId, gradient: Vec<f32>, held: Held) -> Result<Pulled> {
        let mut gradients: Vec<Option<PooledRows>> = vec![None; from + 1];
        let expected = self.rows_of(sequence, from).len() * self.node(from)?.width;
        if gradient.len() != expected {
            bail!("a gradient of {} numbers does not match {expected}", gradient.len())
        }
        gradients[from] = Some(gradient.into());
        let mut pulled = Pulled::default();
        for id in (0..=from).rev() {
            let Some(gradient) = gradients[id].take() else { continue };
            let node = self.node(id)?;
            let mut give = |to: NodeId, part: PooledRows| match &mut gradients[to] {
                Some(sum) => add(sum, &part),
                none => *none = Some(part),
            };
            match &node.op {
                Op::Input => match node.side {
                    Side::Reading => pulled.reading = gradient.into_vec(),
                    Side::Writing => pulled.writing = gradient.into_vec(),
                },
                Op::Linear { x, map } => {
                    pulled.bias += map.bias_share(&gradient);
                    give(*x, map.vjp(&gradient)?);
                }
                Op::Norm { x, norm, inverses } => {
                    pulled.bias += norm.bias_share(&gradient);
                    let inverses = &inverses[self.rows_of(sequence, id)];
                    give(
                        *x,
                        match held {
                            Held::Frozen => norm.vjp(&gradient, inverses),
                            Held::Nothing => norm.gradient(&gradient, self.value(sequence, *x)?, inverses),
                        },
                    );
                }
                Op::Mix {
                    values,
                    queries,
                    keys,
                    mixed,
                } => {
                    let Some(mixed) = mixed.get(sequence) else {
                        bail!("the tape kept no attention")
                    };
                    give(*values, mixed.vjp(&gradient));
                    if held == Held::Nothing {
                        let own = [queries, keys, values].map(|node| self.value(sequence, *node));
                        let [own_queries, own_keys, own_values] = own;
                        let (to_queries, to_keys) =
                            gradient::query_and_key_gradients(mixed, &gradient, own_queries?, own_keys?, own_values?)?;
                        give(*queries, to_queries);
                        give(*keys, to_keys);
                    }
                }
                Op::Gate { x, theta, control } => {
                    let rows = self.rows_of(sequence, id);
                    let theta = &theta[rows.start * node.width..rows.end * node.width];
                    match (held, control) {
                        (Held::Frozen, _) => give(*x, times(&gradient, theta)),
                        (Held::Nothing, Control::Own(activation)) => {
                            let slopes = super::gate::slopes(*activation, self.value(sequence, *x)?);
                            give(*x, times(&gradient, &slopes));
                        }
                        (Held::Nothing, Control::Other(gate, activation)) => {
                            give(*x, times(&gradient, theta));
                            let slopes = super::gate::slopes(*activation, self.value(sequence, *gate)?);
                            let through = times(&gradient, self.value(sequence, *x)?);
                            give(*gate, times(&through, &slopes));
                        }
                    }
                }
                Op::Add { parts } => {
                    for part in &parts[1..] {
                        give(*part, gradient.clone());
                    }
                    give(parts[0], gradient);
                }
            }
        }
        Ok(pulled)
    }

    pub(super) fn node(&self, id: NodeId) -> Result<&Node> {
        match self.nodes.get(id) {
            Some(node) => Ok(node),
            None => bail!("the tape has no node {id}"),
        }
    }

    /// The rows of a sequence in a node.
    pub(super) fn rows_of(&self, sequence: usize, id: NodeId) -> std::ops::Range<usize> {
        let side = self.nodes.get(id).map_or(Side::Reading, |node| node.side);
        let ranges = match side {
            Side::Reading => &self.reading,
            Side::Writing => &self.writing,
        };
        ranges.get(sequence).cloned().unwrap_or(0..0)
    }

    /// The result of a node for a sequence, row by row.
    ///
    /// # Errors
    /// If the pass did not keep it.
    pub fn value(&self, sequence: usize, id: NodeId) -> Result<&[f32]> {
        let node = self.node(id)?;
        let Some(value) = node.value.as_deref() else {
            bail!("the pass did not keep the result of node {id}; run it with everything kept")
        };
        let rows = self.rows_of(sequence, id);
        Ok(&value[rows.start * node.width..rows.end * node.width])
    }
}
