//! Says what ran for a unit, from the file to the shares of its words, and how long each part took.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::passes::Pass;
use super::{Explorer, ViewError};
use crate::explain::{Heads, Method, salience};
use crate::model::UNSTOPPED;
use crate::model::tape::{AttentionSite, BlockSite, NodeId, Op, Tape};

/// The stages in order, and the time of each part of the model in the forward pass of the unit. Parts are named as in the structure, from
/// the outside in. The explanation runs once more for this answer.
///
/// # Errors
/// Errors of the explanation.
pub(super) fn answer(explorer: &Explorer, pass: &Pass) -> Result<Value, ViewError> {
    let start = Instant::now();
    let scores = salience(
        &explorer.model,
        &pass.subject(),
        Method::Decomposition,
        Heads::default(),
        UNSTOPPED,
    )?;
    let explaining = start.elapsed();
    let took = pass.took;
    let mut stages = vec![
        stage("units", explorer.units(), explorer.split),
        stage("tokens", pass.tokens.len(), took.tokenizing),
    ];
    if !pass.written.is_empty() {
        stages.push(stage("written", pass.written.len(), took.writing));
    }
    stages.push(stage("layers", pass.trace.layer_count(), took.forward));
    stages.push(stage("embedding", pass.embedding.len(), took.pooling));
    stages.push(stage("shares", scores.words.len(), explaining));
    let tape = &pass.tape()?.tape;
    let parts = parts(tape, explorer.network.spec.decoder.is_some());
    let parts = parts
        .iter()
        .map(|(part, took)| json!({ "part": part, "ms": ms(*took) }));
    Ok(json!({ "stages": stages, "parts": parts.collect::<Vec<_>>() }))
}

fn stage(name: &str, count: usize, took: Duration) -> Value {
    json!({ "stage": name, "count": count, "ms": ms(took) })
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// The times of the parts of a model. Those of norms and residuals are in the time of their block alone.
fn parts(tape: &Tape, two: bool) -> Vec<(Vec<String>, Duration)> {
    let times: Vec<Duration> = tape.times().collect();
    let mut found = Vec::new();
    let stacks = [
        ("Encoder", &tape.blocks, tape.output),
        ("Decoder", &tape.decoder, tape.written),
    ];
    for (stack, blocks, last) in stacks {
        let (Some(first), Some(end)) = (blocks.first(), blocks.last()) else {
            continue;
        };
        let within = |part: &[&str]| -> Vec<String> {
            let stack = two.then_some(stack).into_iter();
            stack.chain(part.iter().copied()).map(str::to_owned).collect()
        };
        if two {
            let rest = last.unwrap_or(end.after);
            found.push((within(&[]), times[first.before..=rest].iter().sum()));
        }
        found.push((within(&["Embedding"]), times[first.before]));
        for (layer, block) in blocks.iter().enumerate() {
            let name = format!("Block {layer}");
            let own = block.before + 1..=block.after;
            found.push((within(&[&name]), times[own.clone()].iter().sum()));
            let mut inside: Vec<(&str, Duration)> = Vec::new();
            for (node, part) in own.filter_map(|node| Some((node, part_of(tape, block, node)?))) {
                match inside.iter_mut().find(|(known, _)| *known == part) {
                    Some((_, sum)) => *sum += times[node],
                    None => inside.push((part, times[node])),
                }
            }
            found.extend(inside.into_iter().map(|(part, took)| (within(&[&name, part]), took)));
        }
        if let Some(norm) = last.filter(|last| *last > end.after) {
            found.push((within(&["final norm"]), times[norm]));
        }
    }
    found
}

/// The part of a block that a node belongs to: attention or feed-forward; none for norms and residuals.
fn part_of(tape: &Tape, block: &BlockSite, node: NodeId) -> Option<&'static str> {
    let attention = |site: &AttentionSite| if site.cross { "Cross-attention" } else { "Attention" };
    let feeds = |site: &&AttentionSite| match (&tape.nodes[node].op, &tape.nodes[site.mix].op) {
        (Op::Mix { .. }, _) => node == site.mix,
        (
            Op::Linear { x, .. },
            Op::Mix {
                values, queries, keys, ..
            },
        ) => [*values, *queries, *keys].contains(&node) || *x == site.mix,
        _ => false,
    };
    match (&tape.nodes[node].op, block.attention.iter().find(feeds)) {
        (_, Some(site)) => Some(attention(site)),
        (Op::Linear { .. } | Op::Gate { .. }, None) => Some("Feed-forward"),
        _ => None,
    }
}
