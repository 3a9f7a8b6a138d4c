//! A trace as an affine map of its tokens: what explanations ask of it, whoever ran the model.
//!
//! A fused post-LN encoder leaves [`LayerTrace`]s, which fused operations read; everything else leaves a [`Tape`](super::tape::Tape).

use candle_core::{Error, Result, Tensor, bail};

use super::tape::{AttentionSite, Held, Measure, Op, Side};
use super::trace::{LayerTrace, TapeTrace, Trace};
use super::{Checkpoint, ModelError, ops};

impl Trace {
    /// Layers whose attention was kept.
    pub fn layer_count(&self) -> usize {
        self.tape
            .as_ref()
            .map_or(self.layers.len(), |tape| tape.tape.blocks.len())
    }

    /// The attention probabilities of a layer, (heads, n, n); rows (queries) sum to 1.
    ///
    /// # Errors
    /// If the layer does not exist.
    pub fn attention(&self, layer: usize) -> Result<Tensor> {
        match (&self.tape, self.layers.get(layer)) {
            (Some(trace), _) => trace.map(trace.site(layer)?.mix),
            (None, Some(layer)) => Ok(layer.attention.clone()),
            (None, None) => Err(no_layer(layer, self.layer_count())),
        }
    }

    /// The hidden states that a layer gets, (n, hidden); behind the last one those that the model gives.
    ///
    /// # Errors
    /// If the layer does not exist.
    pub fn hidden_states(&self, layer: usize) -> Result<Tensor> {
        if layer == self.layer_count() {
            return Ok(self.hidden.clone());
        }
        match (&self.tape, self.layers.get(layer)) {
            (Some(trace), _) => trace.rows(trace.tape.blocks.get(layer).map(|block| block.before)),
            (None, Some(layer)) => Ok(layer.input.clone()),
            (None, None) => Err(no_layer(layer, self.layer_count())),
        }
    }

    /// Pulls gradients at the last hidden states, (n, hidden), back to the tokens' own rows: the inner product of each row with what
    /// arrives there, (n), and what the biases add. Together they are Σ ⟨gradient, hidden⟩.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn vjp(&self, gradient: Tensor) -> Result<(Vec<f32>, f64)> {
        if let Some(trace) = &self.tape {
            return trace.vjp(&gradient);
        }
        let Some(first) = self.layers.first() else {
            return Ok((vec![0.0; self.len()], 0.0));
        };
        let (mut gradient, mut bias) = (gradient, 0f64);
        for layer in self.layers.iter().rev() {
            let (before, part) = pull_back_layer(layer, &gradient)?;
            ops::recycle(std::mem::replace(&mut gradient, before));
            bias += part;
        }
        Ok((ops::row_products(&first.input, &gradient)?, bias))
    }

    /// The true gradient at the tokens' own rows, (n, hidden), given that at the last hidden states, (n, hidden): nothing is held.
    ///
    /// # Errors
    /// If the shapes do not fit, or the pass did not keep [`TraceLevel::Everything`](super::TraceLevel::Everything), which fused operations cannot.
    pub fn gradient(&self, gradient: Vec<f32>) -> Result<Vec<f32>> {
        let Some(trace) = &self.tape else {
            bail!("fused operations keep too little for gradients; the interpreter keeps it")
        };
        let pulled = trace
            .tape
            .vjp(trace.sequence, trace.output()?, gradient, Held::Nothing)?;
        Ok(pulled.reading)
    }

    /// Pushes the rows of some groups of tokens to the last hidden states and sums these with a weight each: (groups, hidden).
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint says so, [`ModelError::Tensor`] if the trace has no layers.
    pub fn jvp_tokens(
        &self,
        groups: &[Vec<usize>],
        weights: &[f32],
        checkpoint: Checkpoint,
    ) -> std::result::Result<Tensor, ModelError> {
        self.jvp(Start::Tokens(groups), weights, checkpoint)
    }

    /// As [`Trace::jvp_tokens`], of what the biases add: (1, hidden).
    ///
    /// # Errors
    /// As [`Trace::jvp_tokens`].
    pub fn push_biases(&self, weights: &[f32], checkpoint: Checkpoint) -> std::result::Result<Tensor, ModelError> {
        self.jvp(Start::Biases, weights, checkpoint)
    }

    fn jvp(&self, start: Start, weights: &[f32], checkpoint: Checkpoint) -> std::result::Result<Tensor, ModelError> {
        let stop = || if checkpoint() { Err(ModelError::Stopped) } else { Ok(()) };
        stop()?;
        if let Some(trace) = &self.tape {
            return trace.jvp(start, weights, checkpoint);
        }
        let Some((last, before)) = self.layers.split_last() else {
            return Err(Error::Msg("the trace has no layers".into()).into());
        };
        let input = &last.input;
        let (mut parts, before, biased) = match (start, before) {
            (Start::Tokens(groups), [first, later @ ..]) => (ops::jvp_tokens(first, groups)?, later, false),
            (Start::Tokens(groups), []) => (rows_of(input, groups)?, before, false),
            (Start::Biases, _) => {
                let (n, hidden) = input.dims2()?;
                (
                    Tensor::zeros((1, n, hidden), input.dtype(), input.device())?,
                    before,
                    true,
                )
            }
        };
        for layer in before {
            stop()?;
            parts = ops::jvp(layer, &parts, biased)?; // (k, n, hidden)
        }
        stop()?;
        Ok(ops::jvp_summed(last, &parts, weights, biased)?)
    }

    /// How much nearer what position i took from position j brings nothing to its output in a layer: (n, n).
    ///
    /// # Errors
    /// If the layer does not exist or the pass kept too little.
    pub fn alti_proximity(&self, layer: usize) -> Result<Tensor> {
        self.contributions(layer, Measure::Nearness)
    }

    /// The length of what position i took from position j in a layer: (n, n).
    ///
    /// # Errors
    /// As [`Trace::alti_proximity`].
    pub fn lengths(&self, layer: usize) -> Result<Tensor> {
        self.contributions(layer, Measure::Length)
    }

    /// The length of what position i took from position j in a layer, behind the whole layer with its feed-forward block left out: (n, n).
    ///
    /// # Errors
    /// As [`Trace::alti_proximity`]; and for fused operations.
    pub fn lengths_behind(&self, layer: usize) -> Result<Tensor> {
        self.contributions(layer, Measure::LengthBehind)
    }

    /// How far each row behind a layer turns when the value of one token is zero in its attention, 1 - cosine: (n, n), row i for
    /// position i, column j for the token.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] when the checkpoint says so; [`ModelError::Tensor`] if the layer does not exist or the pass did not keep
    /// [`TraceLevel::Everything`](super::TraceLevel::Everything), which fused operations cannot.
    pub fn turns_without_values(
        &self,
        layer: usize,
        checkpoint: Checkpoint,
    ) -> std::result::Result<Tensor, ModelError> {
        let Some(trace) = &self.tape else {
            return Err(Error::Msg(
                "fused operations keep too little for value zeroing; the interpreter keeps it".into(),
            )
            .into());
        };
        let Some(block) = trace.tape.blocks.get(layer) else {
            return Err(no_layer(layer, self.layer_count()).into());
        };
        let turns = trace.tape.turns_without_values(trace.sequence, block, checkpoint)?;
        let n = self.len();
        Ok(Tensor::from_vec(turns, (n, n), self.hidden.device())?)
    }

    fn contributions(&self, layer: usize, measure: Measure) -> Result<Tensor> {
        match (&self.tape, self.layers.get(layer)) {
            (Some(trace), _) => trace.contributions(layer, measure),
            (None, Some(layer)) => match measure {
                Measure::Nearness => ops::alti_proximity(layer),
                Measure::Length => ops::lengths(layer),
                Measure::LengthBehind => {
                    bail!("fused operations do not follow a token behind the block; the interpreter does")
                }
            },
            (None, None) => Err(no_layer(layer, self.layer_count())),
        }
    }
}

/// What is images.
#[derive(Clone, Copy)]
enum Start<'a> {
    /// The rows of some tokens each.
    Tokens(&'a [Vec<usize>]),
    /// Nothing, to which every bias will be added.
    Biases,
}

fn no_layer(layer: usize, count: usize) -> Error {
    Error::Msg(format!("layer {layer} does not exist: the model has {count}"))
}

impl TapeTrace {
    /// The result of a node for this sequence, (n, width).
    ///
    /// # Errors
    /// If there is none, or the pass did not keep it.
    pub fn rows(&self, node: Option<usize>) -> Result<Tensor> {
        let Some(node) = node.filter(|node| *node < self.tape.nodes.len()) else {
            bail!("the tape has no such layer")
        };
        let values = self.tape.value(self.sequence, node)?;
        let width = self.tape.nodes[node].width;
        Tensor::from_slice(values, (values.len() / width.max(1), width), &candle_core::Device::Cpu)
    }

    /// The attention of a layer.
    fn site(&self, layer: usize) -> Result<&AttentionSite> {
        let site = self.tape.blocks.get(layer).and_then(|block| block.attention.first());
        site.ok_or_else(|| no_layer(layer, self.tape.blocks.len()))
    }

    /// The probabilities of a mix, (heads, n, m).
    ///
    /// # Errors
    /// If the node is no mix.
    pub fn map(&self, mix: usize) -> Result<Tensor> {
        let Some(Op::Mix { mixed, .. }) = self.tape.nodes.get(mix).map(|node| &node.op) else {
            bail!("node {mix} mixes nothing")
        };
        let Some(mixed) = mixed.get(self.sequence) else {
            bail!("the tape kept no attention")
        };
        let heads = mixed.attention().heads.count;
        let maps: Vec<f32> = (0..heads).flat_map(|head| mixed.head(head).into_owned()).collect();
        Tensor::from_vec(maps, (heads, mixed.n, mixed.m), &candle_core::Device::Cpu)
    }

    fn output(&self) -> Result<usize> {
        match self.tape.output {
            Some(output) => Ok(output),
            None => bail!("the tape has no output"),
        }
    }

    fn vjp(&self, gradient: &Tensor) -> Result<(Vec<f32>, f64)> {
        let gradient = gradient.flatten_all()?.to_vec1()?;
        let pulled = self.tape.vjp(self.sequence, self.output()?, gradient, Held::Frozen)?;
        let input = self.rows(Some(0))?;
        let width = input.dim(1)?;
        Ok((
            ops::with_values(&input, |rows| {
                Ok(super::tape::row_products(rows, &pulled.reading, width))
            })?,
            pulled.bias,
        ))
    }

    fn jvp(&self, start: Start, weights: &[f32], checkpoint: Checkpoint) -> std::result::Result<Tensor, ModelError> {
        let input = self.rows(Some(0))?; // (n, hidden)
        let (n, hidden) = input.dims2()?;
        let (parts, biased) = match start {
            Start::Tokens(groups) => (rows_of(&input, groups)?.flatten_all()?.to_vec1()?, false),
            Start::Biases => (vec![0f32; n * hidden], true),
        };
        let output = self.output()?;
        let width = self.tape.nodes[output].width;
        let images = self
            .tape
            .jvp(self.sequence, (Side::Reading, parts), biased, output, checkpoint)?;
        let mut pooled = vec![0f32; images.len() / n.max(1)];
        for (sum, part) in pooled
            .chunks_exact_mut(width)
            .zip(images.chunks_exact((n * width).max(1)))
        {
            for (row, weight) in part.chunks_exact(width).zip(weights) {
                sum.iter_mut().zip(row).for_each(|(sum, v)| *sum += weight * v);
            }
        }
        let k = pooled.len() / width.max(1);
        Ok(Tensor::from_vec(pooled, (k, width), input.device())?)
    }

    fn contributions(&self, layer: usize, measure: Measure) -> Result<Tensor> {
        let site = self.site(layer)?;
        let block = &self.tape.blocks[layer];
        let entries = self.tape.contributions(self.sequence, (block, site), measure)?;
        let n = (entries.len() as f64).sqrt() as usize;
        Tensor::from_vec(entries, (n, n), &candle_core::Device::Cpu)
    }
}

/// Gradient at a layer's output, (n, hidden) → gradient at its input, and what the layer's biases add.
fn pull_back_layer(layer: &LayerTrace, gradient: &Tensor) -> Result<(Tensor, f64)> {
    let w = &layer.weights;
    let mut bias = ops::bias_contribution(gradient, &w.norm2.shift)?;
    let summed = ops::norm_vjp(gradient, &w.norm2.scale, &layer.inverse_std2)?; // (n, hidden), at Y + FFN(Y)
    bias += ops::bias_contribution(&summed, &w.down_bias)?;
    let (attended, part) = ops::feed_forward_back(&summed, &w.down, &layer.gate, &w.up, &w.up_bias)?; // (n, hidden), at Y
    bias += part;
    ops::recycle(summed);

    bias += ops::bias_contribution(&attended, &w.norm1.shift)?;
    let mixed = ops::norm_vjp(&attended, &w.norm1.scale, &layer.inverse_std1)?; // (n, hidden), at X + attention
    ops::recycle(attended);
    bias += ops::bias_contribution(&mixed, &w.output_bias)?;
    let context = ops::linear_back(&mixed, &w.output)?; // (n, hidden), at the heads' concatenated contexts
    let values = ops::attention_vjp(&layer.attention, &context)?; // (n, hidden), at XW_V + b_V
    ops::recycle(context);
    bias += ops::bias_contribution(&values, &w.value_bias()?)?;
    let back = ops::linear_back(&values, w.value()?)?; // (n, hidden), at X through the values
    ops::recycle(values);
    let gradient = ops::add(&mixed, &back)?;
    ops::recycle(mixed);
    ops::recycle(back);
    Ok((gradient, bias))
}

/// The rows of each group's tokens, zero elsewhere: (groups, n, hidden).
fn rows_of(input: &Tensor, groups: &[Vec<usize>]) -> Result<Tensor> {
    let (n, hidden) = input.dims2()?;
    let rows: Vec<f32> = input.flatten_all()?.to_vec1()?;
    let mut parts = vec![0f32; groups.len() * n * hidden];
    for (part, tokens) in parts.chunks_exact_mut((n * hidden).max(1)).zip(groups) {
        for token in tokens {
            let row = token * hidden..(token + 1) * hidden;
            part[row.clone()].copy_from_slice(&rows[row]);
        }
    }
    Tensor::from_vec(parts, (groups.len(), n, hidden), input.device())
}
