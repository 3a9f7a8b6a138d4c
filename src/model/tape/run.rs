//! Runs a [`Network`] over packed sequences and writes the tape.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::attention::{Attention, QueriesAndKeys};
use super::gate::{activate, thetas};
use super::linear::Linear;
use super::load::{LoadedBranch, LoadedEmbedding, LoadedPositions, LoadedStack, LoadedStep, LoadedWork, Network};
use super::mix::Mixed;
use super::norm::RowNorm;
use super::rows::{add, times};
use super::{AttentionSite, BlockSite, Control, HeadOff, Node, NodeId, Op, Side, Tape};
use crate::model::ops::{self, PooledRows};
use crate::model::spec::Source;
use crate::model::trace::TraceLevel;
use crate::model::{Checkpoint, ModelError, Packed};

/// The results of a pass over packed sequences.
#[derive(Debug, Clone)]
pub struct Read {
    /// The tape, if the pass kept one.
    pub tape: Option<Arc<Tape>>,
    /// Last hidden states of the encoder or decoder-only model, (N, hidden).
    pub hidden: Arc<PooledRows>,
    /// Last hidden states of the decoder in an encoder–decoder, (M, hidden).
    pub written: Option<Arc<PooledRows>>,
}

/// The key-value cache: keys and values of earlier tokens, per attention block.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    /// Number of tokens in the cache.
    pub tokens: usize,
    blocks: Vec<Cached>,
}

#[derive(Debug, Clone, Default)]
struct Cached {
    /// Keys after norms and rotations.
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// The rows of one node while the network runs.
#[derive(Clone)]
struct Value {
    node: NodeId,
    rows: Arc<PooledRows>,
    width: usize,
}

/// The least demanding use for which a result is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needed {
    /// All explanations, and the display of hidden states.
    Always,
    /// The contributions of tokens to attention.
    Values,
    /// True gradients.
    Gradients,
}

/// Writes the tape.
struct Recorder {
    tape: Option<Tape>,
    keep: TraceLevel,
    side: Side,
    /// Heads that are switched off.
    off: Vec<HeadOff>,
    /// The block that is run.
    layer: usize,
    /// When the pass began.
    start: Instant,
}

impl Recorder {
    /// The heads of the attention that is run which are switched off.
    fn off(&self, cross: bool) -> Vec<usize> {
        let here = |off: &&HeadOff| (off.side, off.cross, off.layer) == (self.side, cross, self.layer);
        self.off.iter().filter(here).map(|off| off.head).collect()
    }

    /// The tape, whose buffers the pool may keep for the next pass.
    fn finish(self) -> Option<Arc<Tape>> {
        let tape = self.tape?;
        ops::expect(tape.floats());
        Some(Arc::new(tape))
    }

    fn keeps(&self, needed: Needed) -> bool {
        match self.keep {
            TraceLevel::LastHidden => false,
            TraceLevel::Layers => needed == Needed::Always,
            TraceLevel::LayersAndValues => needed <= Needed::Values,
            TraceLevel::Everything => true,
        }
    }

    fn record(&mut self, op: impl FnOnce() -> Op, width: usize, rows: PooledRows, needed: Needed) -> Value {
        let rows = Arc::new(rows);
        let kept = self.keeps(needed).then(|| Arc::clone(&rows));
        let side = self.side;
        let node = match &mut self.tape {
            Some(tape) => {
                tape.nodes.push(Node {
                    op: op(),
                    side,
                    width,
                    value: kept,
                    ready: self.start.elapsed(),
                });
                tape.nodes.len() - 1
            }
            None => 0,
        };
        Value { node, rows, width }
    }

    fn linear(&mut self, x: &Value, map: &Arc<Linear>, needed: Needed) -> candle_core::Result<Value> {
        let rows = map.forward(&x.rows)?;
        let op = || Op::Linear {
            x: x.node,
            map: Arc::clone(map),
        };
        Ok(self.record(op, map.outputs(), rows, needed))
    }

    fn norm(&mut self, x: &Value, norm: &Arc<RowNorm>, needed: Needed) -> Value {
        let (rows, inverses) = norm.forward(&x.rows);
        let op = || Op::Norm {
            x: x.node,
            norm: Arc::clone(norm),
            inverses,
        };
        self.record(op, x.width, rows, needed)
    }

    fn optional_norm(&mut self, x: Value, norm: Option<&Arc<RowNorm>>, needed: Needed) -> Value {
        norm.map_or(x.clone(), |norm| self.norm(&x, norm, needed))
    }
}

/// The encoder's output, for a decoder's cross-attention.
struct Context<'a> {
    value: Value,
    sequences: &'a [Range<usize>],
}

/// The input of a stack.
struct Input<'a> {
    ids: &'a [u32],
    /// The type of each token; empty if all are of type 0.
    types: &'a [u32],
    sequences: &'a [Range<usize>],
    /// Number of earlier tokens, which are in the cache.
    before: usize,
    /// The input rows of the first block, (N, hidden), if they replace the embedding.
    rows: Option<&'a [f32]>,
}

impl Network {
    /// Runs packed sequences; for an encoder–decoder also the decoder, with one sequence per encoder sequence.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] if `checkpoint` stops it between blocks, [`ModelError::TooLong`] and [`ModelError::Vocabulary`] for invalid
    /// input.
    pub fn read(
        &self,
        reading: &Packed,
        writing: Option<&Packed>,
        keep: TraceLevel,
        checkpoint: Checkpoint,
    ) -> Result<Read, ModelError> {
        self.read_without(reading, writing, &[], keep, checkpoint)
    }

    /// As [`Network::read`], with some attention heads switched off: what they give is 0 (Michel et al. 2019).
    ///
    /// # Errors
    /// As [`Network::read`].
    pub fn read_without(
        &self,
        reading: &Packed,
        writing: Option<&Packed>,
        off: &[HeadOff],
        keep: TraceLevel,
        checkpoint: Checkpoint,
    ) -> Result<Read, ModelError> {
        let mut recorder = Recorder {
            tape: (keep != TraceLevel::LastHidden).then(|| Tape {
                reading: reading.sequences.clone(),
                writing: writing.map(|writing| writing.sequences.clone()).unwrap_or_default(),
                ..Tape::default()
            }),
            keep,
            side: Side::Reading,
            off: off.to_vec(),
            layer: 0,
            start: Instant::now(),
        };
        let input = Input {
            ids: &reading.ids,
            types: &reading.types,
            sequences: &reading.sequences,
            before: 0,
            rows: None,
        };
        let (value, blocks) = self.run(&self.stack, &input, None, None, &mut recorder, checkpoint)?;
        if let Some(tape) = &mut recorder.tape {
            tape.blocks = blocks;
            tape.output = Some(value.node);
        }
        let hidden = Arc::clone(&value.rows);
        let written = match (&self.decoder, writing) {
            (Some(decoder), Some(writing)) => {
                recorder.side = Side::Writing;
                let input = Input {
                    ids: &writing.ids,
                    types: &[],
                    sequences: &writing.sequences,
                    before: 0,
                    rows: None,
                };
                let sequences = reading.sequences.as_slice();
                let context = Context { value, sequences };
                let (value, blocks) = self.run(decoder, &input, Some(&context), None, &mut recorder, checkpoint)?;
                if let Some(tape) = &mut recorder.tape {
                    tape.decoder = blocks;
                    tape.written = Some(value.node);
                }
                Some(value.rows)
            }
            _ => None,
        };
        Ok(Read {
            tape: recorder.finish(),
            hidden,
            written,
        })
    }

    /// Same as [`Network::read`], but with the input rows of the first block, (N, hidden), concatenated.
    ///
    /// # Errors
    /// Those of [`Network::read`]; rows that do not match the sequences.
    pub fn read_rows(
        &self,
        rows: Vec<f32>,
        sequences: &[Range<usize>],
        keep: TraceLevel,
        checkpoint: Checkpoint,
    ) -> Result<Read, ModelError> {
        let tokens = sequences.last().map_or(0, |last| last.end);
        if rows.len() != tokens * self.stack.hidden {
            let numbers = rows.len();
            return Err(candle_core::Error::Msg(format!("{numbers} numbers do not match {tokens} tokens")).into());
        }
        let mut recorder = Recorder {
            tape: (keep != TraceLevel::LastHidden).then(|| Tape {
                reading: sequences.to_vec(),
                ..Tape::default()
            }),
            keep,
            side: Side::Reading,
            off: Vec::new(),
            layer: 0,
            start: Instant::now(),
        };
        let input = Input {
            ids: &[],
            types: &[],
            sequences,
            before: 0,
            rows: Some(&rows),
        };
        let (value, blocks) = self.run(&self.stack, &input, None, None, &mut recorder, checkpoint)?;
        if let Some(tape) = &mut recorder.tape {
            tape.blocks = blocks;
            tape.output = Some(value.node);
        }
        Ok(Read {
            tape: recorder.finish(),
            hidden: value.rows,
            written: None,
        })
    }

    /// Runs the next tokens of one sequence, whose earlier tokens are in the cache: their last hidden states, (tokens, hidden).
    /// `context` is the encoder's output of an encoder–decoder, (m, hidden).
    ///
    /// # Errors
    /// Those of [`Network::read`].
    pub fn next(
        &self,
        ids: &[u32],
        context: Option<&Arc<PooledRows>>,
        cache: &mut Cache,
        checkpoint: Checkpoint,
    ) -> Result<Vec<f32>, ModelError> {
        let mut recorder = Recorder {
            tape: None,
            keep: TraceLevel::LastHidden,
            side: Side::Writing,
            off: Vec::new(),
            layer: 0,
            start: Instant::now(),
        };
        let whole = 0..ids.len();
        let input = Input {
            ids,
            types: &[],
            sequences: std::slice::from_ref(&whole),
            before: cache.tokens,
            rows: None,
        };
        let stack = self.decoder.as_ref().unwrap_or(&self.stack);
        let width = self.stack.hidden;
        let rows = 0..context.map_or(0, |context| context.len() / width.max(1));
        let context = context.map(|context| Context {
            value: Value {
                node: 0,
                rows: Arc::clone(context),
                width,
            },
            sequences: std::slice::from_ref(&rows),
        });
        let (value, _) = self.run(stack, &input, context.as_ref(), Some(cache), &mut recorder, checkpoint)?;
        cache.tokens += ids.len();
        Ok(Arc::unwrap_or_clone(value.rows).into_vec())
    }

    fn run(
        &self,
        stack: &LoadedStack,
        input: &Input,
        context: Option<&Context>,
        mut cache: Option<&mut Cache>,
        recorder: &mut Recorder,
        checkpoint: Checkpoint,
    ) -> Result<(Value, Vec<BlockSite>), ModelError> {
        self.check(input)?;
        let embedded = match input.rows {
            Some(rows) => PooledRows::copy_of(rows),
            None => stack.embedding.embed(input)?,
        };
        let mut x = recorder.record(|| Op::Input, stack.hidden, embedded, Needed::Always);
        let mut sites = Vec::with_capacity(stack.blocks.len());
        let mut number = 0;
        for block in &stack.blocks {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            recorder.layer = sites.len();
            let before = x.node;
            let mut attention = Vec::new();
            for step in block {
                let (after, site) = run_step(step, &x, input, context, &mut number, cache.as_deref_mut(), recorder)?;
                x = after;
                attention.extend(site);
            }
            sites.push(BlockSite {
                before,
                attention,
                after: x.node,
            });
        }
        if let Some(norm) = &stack.norm {
            x = recorder.norm(&x, norm, Needed::Always);
        }
        Ok((x, sites))
    }

    fn check(&self, input: &Input) -> Result<(), ModelError> {
        let (vocabulary, window) = (self.spec.vocabulary, self.spec.window);
        if let Some(id) = input.ids.iter().find(|id| **id as usize >= vocabulary) {
            return Err(ModelError::Vocabulary { id: *id, vocabulary });
        }
        let longest = input
            .sequences
            .iter()
            .map(|sequence| sequence.len() + input.before)
            .max();
        match longest.filter(|tokens| *tokens > window) {
            Some(tokens) => Err(ModelError::TooLong { tokens, window }),
            None => Ok(()),
        }
    }
}

impl LoadedEmbedding {
    /// The input rows of the first block, (N, hidden).
    fn embed(&self, input: &Input) -> candle_core::Result<PooledRows> {
        let mut rows = PooledRows::from(self.words.rows(input.ids)?);
        if self.scale != 1.0 {
            rows.iter_mut().for_each(|v| *v *= self.scale);
        }
        for sequence in input.sequences {
            let own = &mut rows[sequence.start * self.width..sequence.end * self.width];
            self.add_positions(own, input.before)?;
        }
        if let Some(table) = &self.types {
            match input.types.len() == input.ids.len() {
                true => add(&mut rows, &table.rows(input.types)?),
                false => {
                    let first = table.rows(&[0])?;
                    rows.chunks_exact_mut(self.width).for_each(|row| add(row, &first));
                }
            }
        }
        if let Some(norm) = &self.norm {
            rows = norm.forward(&rows).0;
        }
        match &self.projection {
            Some(projection) => projection.forward(&rows),
            None => Ok(rows),
        }
    }

    fn add_positions(&self, rows: &mut [f32], before: usize) -> candle_core::Result<()> {
        let tokens = rows.len() / self.width.max(1);
        match &self.positions {
            LoadedPositions::None => {}
            LoadedPositions::Learned { table, first } => {
                let ids: Vec<u32> = (0..tokens).map(|token| (first + before + token) as u32).collect();
                add(rows, &table.rows(&ids)?);
            }
            LoadedPositions::Sinusoidal => {
                let width = self.width;
                for (token, row) in rows.chunks_exact_mut(width).enumerate() {
                    for (column, v) in row.iter_mut().enumerate() {
                        *v += sinusoid(before + token, column, width);
                    }
                }
            }
        }
        Ok(())
    }
}

/// An entry of a sinusoidal position embedding: sines in the first half of the width, cosines in the second half.
pub(super) fn sinusoid(position: usize, column: usize, width: usize) -> f32 {
    let half = width.div_ceil(2);
    let pair = if column < half { column } else { column - half };
    let angle = position as f64 / 10_000f64.powf(2.0 * pair as f64 / width as f64);
    (if column < half { angle.sin() } else { angle.cos() }) as f32
}

fn run_step(
    step: &LoadedStep,
    x: &Value,
    input: &Input,
    context: Option<&Context>,
    number: &mut usize,
    mut cache: Option<&mut Cache>,
    recorder: &mut Recorder,
) -> candle_core::Result<(Value, Option<AttentionSite>)> {
    let mut parts = vec![x.node];
    let mut sum: Option<PooledRows> = None;
    let mut site = None;
    for branch in &step.branches {
        let (out, looked) = run_branch(branch, x, input, context, number, cache.as_deref_mut(), recorder)?;
        parts.push(out.node);
        match &mut sum {
            Some(sum) => add(sum, &out.rows),
            None => sum = Some(Arc::unwrap_or_clone(out.rows)),
        }
        if let Some((values, mix, cross)) = looked {
            site = Some(AttentionSite {
                residual: x.node,
                values,
                mix,
                after: 0,
                cross,
            });
        }
    }
    let mut sum = sum.unwrap_or_else(|| PooledRows::zeros(x.rows.len()));
    add(&mut sum, &x.rows);
    let needed = if step.norm.is_some() {
        Needed::Gradients
    } else {
        Needed::Always
    };
    let sum = recorder.record(|| Op::Add { parts }, x.width, sum, needed);
    let after = recorder.optional_norm(sum, step.norm.as_ref(), Needed::Always);
    if let Some(site) = &mut site {
        site.after = after.node;
    }
    Ok((after, site))
}

/// The nodes of values and mix, and whether it is cross-attention.
type Looked = (NodeId, NodeId, bool);

fn run_branch(
    branch: &LoadedBranch,
    x: &Value,
    input: &Input,
    context: Option<&Context>,
    number: &mut usize,
    cache: Option<&mut Cache>,
    recorder: &mut Recorder,
) -> candle_core::Result<(Value, Option<Looked>)> {
    let normed = recorder.optional_norm(x.clone(), branch.before.as_ref(), Needed::Gradients);
    let (out, looked) = match &branch.work {
        LoadedWork::Attention(attention) => {
            let cached = cache.map(|cache| {
                cache
                    .blocks
                    .resize_with(cache.blocks.len().max(*number + 1), Cached::default);
                &mut cache.blocks[*number]
            });
            *number += 1;
            let (out, looked) = attend(attention, &normed, input, context, cached, recorder)?;
            (out, Some(looked))
        }
        LoadedWork::Mlp {
            up,
            gate,
            down,
            activation,
        } => {
            let gate = gate
                .as_ref()
                .map(|gate| recorder.linear(&normed, gate, Needed::Gradients))
                .transpose()?;
            let up = recorder.linear(&normed, up, Needed::Gradients)?;
            let (theta, control) = match &gate {
                Some(gate) => (
                    activate(*activation, &gate.rows),
                    Control::Other(gate.node, *activation),
                ),
                None => (thetas(*activation, &up.rows), Control::Own(*activation)),
            };
            let gated = times(&up.rows, &theta);
            let (x, width) = (up.node, up.width);
            let gated = recorder.record(|| Op::Gate { x, theta, control }, width, gated, Needed::Gradients);
            (recorder.linear(&gated, down, Needed::Gradients)?, None)
        }
    };
    Ok((
        recorder.optional_norm(out, branch.after.as_ref(), Needed::Gradients),
        looked,
    ))
}

fn attend(
    attention: &Arc<Attention>,
    x: &Value,
    input: &Input,
    context: Option<&Context>,
    mut cached: Option<&mut Cached>,
    recorder: &mut Recorder,
) -> candle_core::Result<(Value, Looked)> {
    let heads = attention.heads;
    let cross = heads.source == Source::Encoder;
    let Some((from, sources)) = (match (cross, context) {
        (false, _) => Some((x, input.sequences)),
        (true, Some(context)) => Some((&context.value, context.sequences)),
        (true, None) => None,
    }) else {
        candle_core::bail!("cross-attention needs the encoder's output")
    };
    let queries = recorder.linear(x, &attention.query, Needed::Gradients)?;
    // The encoder's output does not change during generation, so that its keys and values stay in the cache.
    let known = cross && cached.as_ref().is_some_and(|cached| !cached.keys.is_empty());
    let side = recorder.side;
    recorder.side = if cross { Side::Reading } else { side };
    let (keys, values) = match known {
        true => (None, None),
        false => (
            Some(recorder.linear(from, &attention.key, Needed::Gradients)?),
            Some(recorder.linear(from, &attention.value, Needed::Values)?),
        ),
    };
    recorder.side = side;
    let (q_width, kv_width) = (heads.count * heads.dim, heads.kv * heads.dim);
    let mut out = PooledRows::zeros(queries.rows.len());
    let mut mixes = Vec::new();
    for (own, source) in input.sequences.iter().zip(sources) {
        let part = |value: &Option<Value>, rows: &Range<usize>, width: usize| {
            let value = value.as_ref();
            value.map_or_else(PooledRows::default, |value| {
                PooledRows::copy_of(&value.rows[rows.start * width..rows.end * width])
            })
        };
        let mut q = PooledRows::copy_of(&queries.rows[own.start * q_width..own.end * q_width]);
        let (mut k, mut v) = (part(&keys, source, kv_width), part(&values, source, kv_width));
        let first_key = if cross { 0 } else { input.before };
        attention.normalize_and_rotate(&mut q, &mut k, (input.before, first_key));
        if let Some(cached) = cached.as_deref_mut() {
            // The vectors move out of the cache and back; a copy would cost each token the length of the text.
            let (mut keys, mut values) = (std::mem::take(&mut cached.keys), std::mem::take(&mut cached.values));
            keys.extend_from_slice(&k);
            values.extend_from_slice(&v);
            (k, v) = (keys.into(), values.into());
        }
        let qk = Arc::new(QueriesAndKeys {
            queries: q,
            keys: k,
            first: input.before,
        });
        let (mixed, held) = Mixed::forward(attention, &qk, &v, recorder.keep, recorder.off(cross));
        out[own.start * q_width..own.end * q_width].copy_from_slice(&mixed);
        mixes.extend(held);
        if let Some(cached) = cached.as_deref_mut() {
            (cached.keys, cached.values) = (Arc::unwrap_or_clone(qk).keys.into_vec(), v.into_vec());
        }
    }
    let (values, keys) = (values.map_or(0, |value| value.node), keys.map_or(0, |value| value.node));
    let op = || Op::Mix {
        values,
        queries: queries.node,
        keys,
        mixed: mixes,
    };
    let mix = recorder.record(op, q_width, out, Needed::Gradients);
    let output = recorder.linear(&mix, &attention.output, Needed::Gradients)?;
    Ok((output, (values, mix.node, cross)))
}
