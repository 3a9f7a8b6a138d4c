//! Shows the operations of a layer on one token, with the inputs to recompute each.

use serde_json::{Value, json};

use super::ViewError;
use super::encode::floats;
use super::error::missing;
use super::passes::Pass;
use super::question::Look;
use crate::model::TapeTrace;
use crate::model::spec::{Activation, NormKind};
use crate::model::tape::{Control, Network, NodeId, Op, Side};

/// The operations of a layer on the row of a token.
///
/// # Errors
/// If the layer or token does not exist.
pub(super) fn answer(
    network: &Network,
    pass: &Pass,
    look: Look,
    layer: usize,
    token: usize,
) -> Result<Value, ViewError> {
    let trace = pass.tape()?;
    let tape = &trace.tape;
    let (blocks, ids, side) = match look {
        Look::Reading => (&tape.blocks, &pass.tokens.ids, Side::Reading),
        Look::Writing | Look::Cross => (&tape.decoder, &pass.written, Side::Writing),
    };
    let block = blocks.get(layer);
    let block = block.ok_or_else(|| missing("layer", layer, blocks.len()))?;
    if token >= ids.len() {
        return Err(missing("token", token, ids.len()));
    }
    let row = Row { trace, token };
    let mut steps = Vec::new();
    // Keys and values of the encoder's text have other rows; the head shows them.
    let own = (block.before + 1..=block.after).filter(|node| tape.nodes[*node].side == side);
    for node in own {
        steps.push(row.step(node, block.before..block.after + 1)?);
    }
    let embedding = match layer {
        0 => Some(embedding(network, side, ids[token], token)?),
        _ => None,
    };
    Ok(json!({
        "layer": layer,
        "token": token,
        "input": { "id": block.before, "value": floats(row.value(block.before)?) },
        "embedding": embedding,
        "steps": steps,
        "output": block.after,
    }))
}

/// The weights of one output of a matrix on the tape.
///
/// # Errors
/// If the node is not a matrix, or the output does not exist.
pub(super) fn row(pass: &Pass, node: NodeId, output: usize) -> Result<Value, ViewError> {
    let tape = &pass.tape()?.tape;
    let Some(Op::Linear { map, .. }) = tape.nodes.get(node).map(|node| &node.op) else {
        return Err(ViewError::Missing(format!("matrix at node {node}")));
    };
    let found = map.weights_of(output);
    let (weights, bias) = found.ok_or_else(|| missing("output", output, map.outputs()))?;
    Ok(json!({ "weights": floats(&weights), "bias": bias, "has_bias": map.bias().is_some() }))
}

/// The parts of the embedding of a token.
fn embedding(network: &Network, side: Side, id: u32, position: usize) -> Result<Value, ViewError> {
    let row = network.embedded(side, id, position)?;
    let parts = row
        .parts
        .iter()
        .map(|(name, part)| json!({ "name": name, "value": floats(part) }));
    let norm = row.norm.as_ref().map(|norm| {
        json!({
            "scale": floats(&norm.scale),
            "shift": norm.shift.as_deref().map(floats),
            "epsilon": norm.epsilon,
            "mean": norm.mean,
            "inverse": norm.inverse,
        })
    });
    Ok(json!({
        "parts": parts.collect::<Vec<_>>(),
        "sum": floats(&row.sum),
        "norm": norm,
        "normed": floats(&row.normed),
        "projected": row.projected,
    }))
}

/// The row of one token in every node.
struct Row<'a> {
    trace: &'a TapeTrace,
    token: usize,
}

impl Row<'_> {
    fn value(&self, node: NodeId) -> Result<&[f32], ViewError> {
        let tape = &self.trace.tape;
        let width = tape.nodes.get(node).map_or(0, |node| node.width);
        let rows = tape.value(self.trace.sequence, node)?;
        let row = rows.get(self.token * width..(self.token + 1) * width);
        row.ok_or_else(|| missing("token", self.token, rows.len() / width.max(1)))
    }

    /// The row of the token among those of its batch.
    fn row(&self) -> usize {
        let rows = self.trace.tape.reading.get(self.trace.sequence);
        rows.map_or(0, |rows| rows.start) + self.token
    }

    fn step(&self, id: NodeId, block: std::ops::Range<NodeId>) -> Result<Value, ViewError> {
        let node = &self.trace.tape.nodes[id];
        let value = self.value(id)?;
        let mut step = json!({ "id": id, "width": node.width, "value": floats(value) });
        let more = match &node.op {
            Op::Input => json!({ "op": "input", "role": "input", "inputs": [] }),
            Op::Linear { x, map } => json!({
                "op": "linear",
                "role": self.role(id, *x, block),
                "inputs": [x],
                "biased": map.bias().is_some(),
            }),
            Op::Norm { x, norm, inverses } => {
                let row = self.row();
                json!({
                    "op": "norm",
                    "role": "norm",
                    "inputs": [x],
                    "kind": match norm.kind { NormKind::Layer => "layer", NormKind::Rms => "rms" },
                    "mean": norm.mean(self.value(*x)?),
                    "inverse": inverses.get(row),
                    "epsilon": norm.epsilon,
                    "scale": floats(&norm.scale),
                    "shift": norm.shift.as_deref().map(floats),
                })
            }
            Op::Mix {
                values, queries, keys, ..
            } => json!({
                "op": "mix",
                "role": "mix",
                "inputs": [queries, keys, values],
            }),
            Op::Gate { x, theta, control } => {
                let row = self.row();
                let own = row * node.width..(row + 1) * node.width;
                let (activation, gate) = match control {
                    Control::Own(activation) => (*activation, None),
                    Control::Other(gate, activation) => (*activation, Some(*gate)),
                };
                json!({
                    "op": "gate",
                    "role": "activation",
                    "inputs": match gate { Some(gate) => vec![*x, gate], None => vec![*x] },
                    "theta": theta.get(own).map(floats),
                    "activation": activation_name(activation),
                })
            }
            Op::Add { parts } => json!({ "op": "add", "role": "residual", "inputs": parts }),
        };
        if let (Some(step), Value::Object(more)) = (step.as_object_mut(), more) {
            step.extend(more);
        }
        Ok(step)
    }

    /// The purpose of a matrix, derived from its input and from the user of its result.
    fn role(&self, id: NodeId, x: NodeId, block: std::ops::Range<NodeId>) -> &'static str {
        let nodes = &self.trace.tape.nodes;
        let used = block.filter_map(|user| match &nodes[user].op {
            Op::Mix { queries, .. } if *queries == id => Some("query"),
            Op::Mix { keys, .. } if *keys == id => Some("key"),
            Op::Mix { values, .. } if *values == id => Some("value"),
            Op::Gate { x, .. } if *x == id => Some("up"),
            Op::Gate {
                control: Control::Other(gate, _),
                ..
            } if *gate == id => Some("gate"),
            _ => None,
        });
        let made = match &nodes[x].op {
            Op::Mix { .. } => "output",
            Op::Gate { .. } => "down",
            _ => "matrix",
        };
        used.into_iter().next().unwrap_or(made)
    }
}

/// The name of an activation in papers.
pub(super) fn activation_name(activation: Activation) -> &'static str {
    match activation {
        Activation::Gelu => "GELU",
        Activation::GeluTanh => "GELU (tanh)",
        Activation::QuickGelu => "QuickGELU",
        Activation::Relu => "ReLU",
        Activation::Silu => "SiLU",
        Activation::Tanh => "tanh",
    }
}
