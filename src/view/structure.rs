//! The structure of a model, as a tree with shapes and parameters.

use serde::Serialize;

use super::steps::activation_name;
use crate::model::ModelInfo;
use crate::model::spec::{
    Attention, Block, Branch, Embedding, LinearSpec, Mask, Mlp, ModelSpec, NormKind, NormSpec, Position, Positions,
    Source, Stack, Step, Task, Work,
};
use crate::model::tape::Network;

/// A part of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Its kind: `embedding`, `block`, `attention`, `mlp`, `matrix`, `norm`, `add`, `pooling`, `head`, `stack`, `table`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its computation, in a few words or a formula.
    pub detail: String,
    /// Shape of its tensor, if it is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shape: Vec<usize>,
    /// The tensor's name in the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
    /// Its place in [`Network::stored`], if it has weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<usize>,
    /// Numbers in the weights, parts included.
    pub parameters: usize,
    /// Its parts, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

impl Part {
    fn of(kind: &'static str, name: impl Into<String>, detail: impl Into<String>, parts: Vec<Part>) -> Part {
        Part {
            kind,
            name: name.into(),
            detail: detail.into(),
            shape: Vec::new(),
            tensor: None,
            weights: None,
            parameters: parts.iter().map(|part| part.parameters).sum(),
            parts,
        }
    }

    fn tensor(kind: &'static str, name: &str, detail: &str, tensor: &str, shape: Vec<usize>, more: usize) -> Part {
        Part {
            parameters: shape.iter().product::<usize>() + more,
            shape,
            tensor: Some(tensor.to_owned()),
            ..Part::of(kind, name, detail, Vec::new())
        }
    }

    /// Numbers the parts with weights, in order.
    fn number(&mut self, next: &mut usize) {
        if self.tensor.is_some() || self.kind == "norm" {
            self.weights = Some(*next);
            *next += 1;
        }
        self.parts.iter_mut().for_each(|part| part.number(next));
    }

    /// Whether two parts are equal except for the names of their tensors.
    pub(super) fn resembles(&self, other: &Part) -> bool {
        self.kind == other.kind
            && self.detail == other.detail
            && self.shape == other.shape
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|(a, b)| a.resembles(b))
    }
}

/// The model as a tree: embedding, blocks, norm, pooling and head; an encoder–decoder has two such stacks.
pub fn structure(network: &Network, info: &ModelInfo) -> Part {
    let spec = &network.spec;
    let mut parts = match &spec.decoder {
        None => stack(&spec.stack, spec.vocabulary),
        Some(decoder) => vec![
            Part::of(
                "stack",
                "Encoder",
                "reads the text",
                stack(&spec.stack, spec.vocabulary),
            ),
            Part::of(
                "stack",
                "Decoder",
                "writes, and looks at the encoder's output",
                decoder_parts(spec, decoder),
            ),
        ],
    };
    parts.push(Part::of("pooling", "Pooling", pooling(info), Vec::new()));
    // Many checkpoints are saved without the head that config.json describes.
    if let Some(head) = spec.head.as_ref().filter(|_| network.task().is_some()) {
        let tied = head.output.weight == spec.stack.embedding.words;
        let mut layers: Vec<Part> = head
            .layers
            .iter()
            .map(|layer| matrix("matrix", "head layer", &layer.linear))
            .collect();
        let mut output = matrix("matrix", "output", &head.output);
        if tied {
            output.parameters = 0;
            output.detail = "the table of the tokens, used once more".to_owned();
        }
        layers.push(output);
        parts.push(Part::of("head", "Head", task(&head.task), layers));
    }
    let detail = format!(
        "{}: {} layers, {} heads, {} wide, {} weights",
        spec.family, info.layers, info.heads, info.hidden, info.weights
    );
    let mut whole = Part::of("model", info.name.clone(), detail, parts);
    whole.number(&mut 0);
    whole
}

fn decoder_parts(spec: &ModelSpec, decoder: &Stack) -> Vec<Part> {
    let mut parts = stack(decoder, spec.vocabulary);
    // Encoder and decoder usually share their table.
    if decoder.embedding.words == spec.stack.embedding.words
        && let Some(table) = parts.first_mut().and_then(|embedding| embedding.parts.first_mut())
    {
        table.parameters = 0;
        table.detail = "the encoder's".to_owned();
    }
    if let Some(embedding) = parts.first_mut() {
        embedding.parameters = embedding.parts.iter().map(|part| part.parameters).sum();
    }
    parts
}

fn stack(stack: &Stack, vocabulary: usize) -> Vec<Part> {
    let mut parts = vec![embedding(&stack.embedding, vocabulary)];
    let blocks = stack.blocks.iter().enumerate();
    parts.extend(blocks.map(|(index, block)| self::block(index, block, stack.hidden)));
    if let Some(norm) = &stack.norm {
        parts.push(self::norm("final norm", norm, stack.hidden));
    }
    parts
}

fn embedding(spec: &Embedding, vocabulary: usize) -> Part {
    let mut parts = vec![Part::tensor(
        "table",
        "tokens",
        "a row per token",
        &spec.words,
        vec![vocabulary, spec.width],
        0,
    )];
    match &spec.positions {
        Positions::None => {}
        Positions::Sinusoidal => parts.push(Part::of("table", "positions", "sines and cosines", Vec::new())),
        Positions::Learned { table, rows, .. } => {
            parts.push(Part::tensor(
                "table",
                "positions",
                "a row per position",
                table,
                vec![*rows, spec.width],
                0,
            ));
        }
    }
    if let Some((table, types)) = &spec.types {
        parts.push(Part::tensor(
            "table",
            "types",
            "a row per type",
            table,
            vec![*types, spec.width],
            0,
        ));
    }
    if let Some(norm) = &spec.norm {
        parts.push(self::norm("norm", norm, spec.width));
    }
    if let Some(projection) = &spec.projection {
        parts.push(matrix("matrix", "projection", projection));
    }
    let detail = match spec.scale == 1.0 {
        true => "the rows of a token, added up".to_owned(),
        false => format!("the rows of a token times {:.4}, added up", spec.scale),
    };
    Part::of("embedding", "Embedding", detail, parts)
}

fn block(index: usize, block: &Block, hidden: usize) -> Part {
    let parts = block.steps.iter().flat_map(|step| self::step(step, hidden)).collect();
    Part::of("block", format!("Block {index}"), placement(block), parts)
}

/// The positions of a block's norms, as a formula.
fn placement(block: &Block) -> String {
    let Some(step) = block.steps.first() else {
        return String::new();
    };
    let branch = step.branches.first();
    let (before, after) = branch.map_or((false, false), |branch| {
        (branch.before.is_some(), branch.after.is_some())
    });
    match (step.branches.len() > 1, before, after, step.norm.is_some()) {
        (true, ..) => "x ← x + f(norm(x)) + g(norm(x))",
        (_, true, true, _) => "x ← x + norm(f(norm(x)))",
        (_, true, false, _) => "x ← x + f(norm(x))",
        (_, false, _, true) => "x ← norm(x + f(x))",
        _ => "x ← x + f(x)",
    }
    .to_owned()
}

fn step(step: &Step, hidden: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = step
        .branches
        .iter()
        .flat_map(|branch| self::branch(branch, hidden))
        .collect();
    parts.push(Part::of("add", "residual", "x + what was computed", Vec::new()));
    parts.extend(step.norm.iter().map(|norm| self::norm("norm", norm, hidden)));
    parts
}

fn branch(branch: &Branch, hidden: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = branch
        .before
        .iter()
        .map(|norm| self::norm("norm before", norm, hidden))
        .collect();
    parts.push(match &branch.work {
        Work::Attention(spec) => attention(spec),
        Work::Mlp(spec) => mlp(spec),
    });
    parts.extend(branch.after.iter().map(|norm| self::norm("norm behind", norm, hidden)));
    parts
}

fn attention(spec: &Attention) -> Part {
    let mut parts = vec![
        matrix("matrix", "W_Q", &spec.query),
        matrix("matrix", "W_K", &spec.key),
        matrix("matrix", "W_V", &spec.value),
    ];
    if let Some((query, key)) = &spec.qk_norm {
        parts.push(norm("norm of queries", query, spec.head_dim));
        parts.push(norm("norm of keys", key, spec.head_dim));
    }
    let shared = match spec.heads == spec.kv_heads {
        true => String::new(),
        false => format!(", {} key and value heads", spec.kv_heads),
    };
    let mask = match spec.mask {
        Mask::Full => "all see all".to_owned(),
        Mask::Causal => "each sees itself and what is before".to_owned(),
        Mask::CausalWindow(width) => format!("each sees the last {width}"),
        Mask::Window(reach) => format!("each sees {reach} to each side"),
    };
    let position = match &spec.position {
        Position::None => "",
        Position::Rotary(_) => ", rotary positions",
        Position::RelativeBias { .. } => ", a bias by distance",
        Position::Alibi => ", ALiBi",
        Position::Disentangled { .. } => ", disentangled positions",
    };
    parts.push(Part::of(
        "heads",
        format!("{} heads of {}", spec.heads, spec.head_dim),
        format!("softmax(q·k × {:.4})·v; {mask}{position}{shared}", spec.scale),
        Vec::new(),
    ));
    parts.push(matrix("matrix", "W_O", &spec.output));
    let name = match spec.source {
        Source::Own => "Attention",
        Source::Encoder => "Cross-attention",
    };
    Part::of(
        "attention",
        name,
        format!("{} heads of {}{shared}", spec.heads, spec.head_dim),
        parts,
    )
}

fn mlp(spec: &Mlp) -> Part {
    let activation = activation_name(spec.activation);
    let mut parts: Vec<Part> = spec.gate.iter().map(|gate| matrix("matrix", "W_gate", gate)).collect();
    parts.push(matrix("matrix", "W_up", &spec.up));
    let formula = match spec.gate {
        Some(_) => format!("{activation}(gate) ⊙ up"),
        None => format!("{activation}(up)"),
    };
    parts.push(Part::of("activation", activation, formula, Vec::new()));
    parts.push(matrix("matrix", "W_down", &spec.down));
    let detail = format!("{} → {} → {}", spec.up.inputs, spec.up.outputs(), spec.down.outputs());
    Part::of("mlp", "Feed-forward", detail, parts)
}

fn matrix(kind: &'static str, name: &str, spec: &LinearSpec) -> Part {
    let (out, inputs) = (spec.outputs(), spec.inputs);
    let detail = match spec.bias {
        Some(_) => "x·Wᵀ + b",
        None => "x·Wᵀ",
    };
    let more = if spec.bias.is_some() { out } else { 0 };
    Part::tensor(kind, name, detail, &spec.weight, vec![out, inputs], more)
}

fn norm(name: &str, spec: &NormSpec, width: usize) -> Part {
    let detail = match spec.kind {
        NormKind::Layer => "LayerNorm: (x − mean) / deviation · γ + β",
        NormKind::Rms => "RMSNorm: x / √mean(x²) · γ",
    };
    let parameters = width * (usize::from(spec.scale.is_some()) + usize::from(spec.shift.is_some()));
    Part {
        parameters,
        tensor: spec.scale.clone(),
        shape: vec![width],
        ..Part::of("norm", name, detail, Vec::new())
    }
}

fn pooling(info: &ModelInfo) -> String {
    use crate::model::Pooling;
    match info.pooling {
        Pooling::Mean | Pooling::MeanFrom(_) => "the mean of all tokens is the embedding",
        Pooling::MeanSqrtLen => "the sum of all tokens, divided by the square root of their number, is the embedding",
        Pooling::Max => "the largest number of each column is the embedding",
        Pooling::Cls => "the first token's row is the embedding",
        Pooling::Last => "the last token's row is the embedding",
        Pooling::WeightedMean => "the mean, in which later tokens weigh more, is the embedding",
    }
    .to_owned()
}

fn task(task: &Task) -> String {
    match task {
        Task::MaskedToken => "which token was masked".to_owned(),
        Task::NextToken => "which token comes next".to_owned(),
        Task::Sequence { labels, .. } => format!("one of {} classes of the text", labels.len()),
        Task::Token { labels } => format!("one of {} classes of each token", labels.len()),
        Task::Span => "where an answer begins and ends".to_owned(),
    }
}
