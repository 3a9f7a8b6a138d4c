//! Attention flow (Abnar & Zuidema, ACL 2020): how much of each token can reach the output if attention weights are pipe capacities.
//!
//! The layers' matrices ½ (mean_h A + I) are the capacities of a network from the tokens to the last positions, and the pooling weights
//! form one more layer after them. The score of a token is the maximum flow from it to the output, divided by the sum over all tokens.
//! Dinic's algorithm computes it exactly, once for each token.

use candle_core::Result;

use super::attention::half;
use super::contributions::Mixing;
use super::{Subject, TokenScores};
use crate::model::{Checkpoint, ModelError, Pooling};

/// Maximum tokens of a text. This many take some seconds, and twice as many take eight times as long.
pub const MOST_TOKENS: usize = 160;

/// Flows below this are rounding errors and count as zero.
const NOTHING: f64 = 1e-12;

/// The flow from each token, as a share of the sum over all tokens.
///
/// # Errors
/// [`ModelError::Meaningless`] for a text of more than [`MOST_TOKENS`] tokens, [`ModelError::Stopped`] when the checkpoint stops
/// the work.
pub fn scores(
    subject: &Subject,
    pooling: Pooling,
    checkpoint: Checkpoint,
) -> std::result::Result<TokenScores, ModelError> {
    let n = subject.trace.len();
    if n > MOST_TOKENS {
        return Err(ModelError::Meaningless(format!(
            "attention-flow takes too long for a unit of {n} tokens; it is computed up to {MOST_TOKENS}: choose another method, or a shorter text"
        )));
    }
    let layers = (0..subject.trace.layer_count()).map(|layer| half(subject.trace, layer));
    let layers = layers.collect::<Result<Vec<_>>>()?;
    let mut flows = Vec::with_capacity(n);
    let mut graph = Graph::new(&layers, &pooling.freeze(&subject.trace.hidden)?.shares());
    for token in 0..n {
        if checkpoint() {
            return Err(ModelError::Stopped);
        }
        flows.push(graph.flow(token));
    }
    let all = flows.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    Ok(TokenScores {
        tokens: flows.iter().map(|flow| (flow / all) as f32).collect(),
        bias: 0.0,
    })
}

/// A flow network. Edge 2k goes from a position to one in the next layer; edge 2k + 1 is its reverse.
struct Graph {
    /// The edges of each node.
    edges: Vec<Vec<usize>>,
    /// The target node of each edge.
    to: Vec<usize>,
    capacities: Vec<f64>,
    left: Vec<f64>,
    /// The sink, after the pooling.
    end: usize,
}

impl Graph {
    /// Node l · n + j is position j before layer l.
    fn new(layers: &[Mixing], pooling: &[f32]) -> Graph {
        let n = pooling.len();
        let end = (layers.len() + 1) * n;
        let mut graph = Graph {
            edges: vec![Vec::new(); end + 1],
            to: Vec::new(),
            capacities: Vec::new(),
            left: Vec::new(),
            end,
        };
        for (number, layer) in layers.iter().enumerate() {
            for i in 0..n {
                for (j, capacity) in layer.row(i).iter().enumerate() {
                    graph.add(number * n + j, (number + 1) * n + i, *capacity);
                }
            }
        }
        for (i, weight) in pooling.iter().enumerate() {
            graph.add(layers.len() * n + i, end, *weight);
        }
        graph
    }

    fn add(&mut self, from: usize, to: usize, capacity: f32) {
        if capacity > 0.0 {
            self.edges[from].push(self.to.len());
            self.edges[to].push(self.to.len() + 1);
            self.to.extend([to, from]);
            self.capacities.extend([f64::from(capacity), 0.0]);
        }
    }

    /// The maximum flow from a node to the sink.
    fn flow(&mut self, source: usize) -> f64 {
        self.left.clone_from(&self.capacities);
        let mut sum = 0.0;
        while let Some(levels) = self.levels(source) {
            let mut next = vec![0; self.edges.len()];
            loop {
                let pushed = self.push(source, f64::INFINITY, &levels, &mut next);
                if pushed <= NOTHING {
                    break;
                }
                sum += pushed;
            }
        }
        sum
    }

    /// The distance of each node from a source in edges; `None` if the sink is unreachable.
    fn levels(&self, source: usize) -> Option<Vec<usize>> {
        let mut levels = vec![usize::MAX; self.edges.len()];
        let mut queue = std::collections::VecDeque::from([source]);
        levels[source] = 0;
        while let Some(node) = queue.pop_front() {
            for edge in &self.edges[node] {
                let to = self.to[*edge];
                if self.left[*edge] > NOTHING && levels[to] == usize::MAX {
                    levels[to] = levels[node] + 1;
                    queue.push_back(to);
                }
            }
        }
        (levels[self.end] != usize::MAX).then_some(levels)
    }

    /// Sends up to `most` from a node to the sink, one level per step. Returns the amount that arrives.
    fn push(&mut self, node: usize, most: f64, levels: &[usize], next: &mut [usize]) -> f64 {
        if node == self.end {
            return most;
        }
        let mut sent = 0.0;
        while next[node] < self.edges[node].len() {
            let edge = self.edges[node][next[node]];
            let to = self.to[edge];
            if self.left[edge] > NOTHING && levels[to] == levels[node].saturating_add(1) {
                let arrived = self.push(to, (most - sent).min(self.left[edge]), levels, next);
                self.left[edge] -= arrived;
                self.left[edge ^ 1] += arrived;
                sent += arrived;
                if most - sent <= NOTHING {
                    return sent;
                }
            }
            next[node] += 1;
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_pipes_limit_the_flow() {
        let layer = |entries: [f32; 4]| Mixing {
            entries: entries.to_vec(),
            n: 2,
        };
        // Position 0 takes .9 from itself and .1 from position 1; position 1 takes half from each.
        let layers = [layer([0.9, 0.1, 0.5, 0.5]), layer([0.2, 0.8, 0.5, 0.5])];
        let mut graph = Graph::new(&layers, &[1.0, 0.0]);
        // .2 flows through position 0, and .5 through position 1.
        assert!((graph.flow(0) - 0.7).abs() < 1e-6, "{}", graph.flow(0));
        // .1 flows through position 0, and .5 through position 1.
        assert!((graph.flow(1) - 0.6).abs() < 1e-6, "{}", graph.flow(1));
    }
}
