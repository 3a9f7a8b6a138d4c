//! A trace as an affine map of its tokens, which explanations query; independent of the engine that ran the model.
//!
//! A fused post-LN encoder leaves [`LayerTrace`]s for fused operations; the interpreter leaves a [`Tape`](super::tape::Tape).

use candle_core::{Device, Error, Result, Tensor, bail};

use super::tape::{AttentionSite, Held, Measure, Op, Side};
use super::trace::{LayerTrace, TapeTrace, Trace};
use super::{Checkpoint, FrozenPooling, ModelError, ops};

impl Trace {
    /// Number of layers in the trace.
    pub fn layer_count(&self) -> usize {
        self.tape
            .as_ref()
            .map_or(self.layers.len(), |tape| tape.tape.blocks.len())
    }

    /// The attention probabilities of a layer, (heads, n, n); each row (query) sums to 1.
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

    /// The input of a layer, (n, hidden); for the number of layers, the output of the model.
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

    /// Pulls gradients at the last hidden states, (n, hidden), back to the input rows.
    /// Returns the inner product of each row with its gradient, (n), and the share of the biases. Their sum is Σ ⟨gradient, hidden⟩.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn vjp(&self, gradient: Tensor) -> Result<(Vec<f32>, f64)> {
        if let Some(trace) = &self.tape {
            return trace.vjp(&gradient);
        }
        let Some(first) = self.layers.first() else {
            return Ok((vec![0.0; self.len()], 0.0));
        };
        let (mut gradient, mut bias) = (gradient, 0f64);
        for layer in self.layers.iter().rev() {
            let (before, part) = layer_vjp(layer, &gradient)?;
            ops::recycle(std::mem::replace(&mut gradient, before));
            bias += part;
        }
        Ok((ops::row_products(&first.input, &gradient)?, bias))
    }

    /// The true gradient at the input rows, (n, hidden), with nothing frozen.
    /// `gradient` is that at the last hidden states, (n, hidden).
    ///
    /// # Errors
    /// If the shapes do not match, or the trace lacks [`TraceLevel::Everything`](super::TraceLevel::Everything), as with fused operations.
    pub fn gradient(&self, gradient: Vec<f32>) -> Result<Vec<f32>> {
        let Some(trace) = &self.tape else {
            bail!("fused operations do not keep what gradients need; run the model with the interpreter")
        };
        let pulled = trace
            .tape
            .vjp(trace.sequence, trace.output()?, gradient, Held::Nothing)?;
        Ok(pulled.reading)
    }

    /// Pushes groups of token rows to the last hidden states, and pools these: (groups, hidden).
    ///
    /// # Errors
    /// [`ModelError::Stopped`] if the checkpoint stops it, [`ModelError::Tensor`] if the trace has no layers.
    pub fn jvp_tokens(
        &self,
        groups: &[Vec<usize>],
        pooling: &FrozenPooling,
        checkpoint: Checkpoint,
    ) -> std::result::Result<Tensor, ModelError> {
        self.jvp(Start::Tokens(groups), pooling, checkpoint)
    }

    /// Same as [`Trace::jvp_tokens`] for the contribution of the biases: (1, hidden).
    ///
    /// # Errors
    /// Those of [`Trace::jvp_tokens`].
    pub fn jvp_biases(
        &self,
        pooling: &FrozenPooling,
        checkpoint: Checkpoint,
    ) -> std::result::Result<Tensor, ModelError> {
        self.jvp(Start::Biases, pooling, checkpoint)
    }

    fn jvp(
        &self,
        start: Start,
        pooling: &FrozenPooling,
        checkpoint: Checkpoint,
    ) -> std::result::Result<Tensor, ModelError> {
        let stop = || if checkpoint() { Err(ModelError::Stopped) } else { Ok(()) };
        stop()?;
        if let Some(trace) = &self.tape {
            return trace.jvp(start, pooling, checkpoint);
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
        if let FrozenPooling::Weighted(weights) = pooling {
            return Ok(ops::jvp_summed(last, &parts, weights, biased)?);
        }
        let parts = ops::jvp(last, &parts, biased)?; // (k, n, hidden)
        let images: Vec<f32> = parts.flatten_all()?.to_vec1()?;
        Ok(pooled(&images, input.dims2()?, pooling, input.device())?)
    }

    /// ALTI proximity in a layer, (n, n): how much closer to the output of position i the contribution of position j is than zero.
    ///
    /// # Errors
    /// If the layer does not exist or the trace lacks the necessary tensors.
    pub fn alti_proximity(&self, layer: usize) -> Result<Tensor> {
        self.contributions(layer, Measure::Nearness)
    }

    /// The norm of the contribution of position j to position i in a layer: (n, n).
    ///
    /// # Errors
    /// Those of [`Trace::alti_proximity`].
    pub fn lengths(&self, layer: usize) -> Result<Tensor> {
        self.contributions(layer, Measure::Length)
    }

    /// The length of what position i took from position j in a layer, after the whole layer without its feed-forward block: (n, n).
    ///
    /// # Errors
    /// Those of [`Trace::alti_proximity`]; fused operations.
    pub fn lengths_behind(&self, layer: usize) -> Result<Tensor> {
        self.contributions(layer, Measure::LengthBehind)
    }

    /// The effect of value zeroing in a layer, 1 - cosine, (n, n): entry (i, j) says how far the output of position i turns if the
    /// attention value of token j is zero.
    ///
    /// # Errors
    /// [`ModelError::Stopped`] if the checkpoint stops it; [`ModelError::Tensor`] if the layer does not exist or the trace lacks
    /// [`TraceLevel::Everything`](super::TraceLevel::Everything), as with fused operations.
    pub fn turns_without_values(
        &self,
        layer: usize,
        checkpoint: Checkpoint,
    ) -> std::result::Result<Tensor, ModelError> {
        let Some(trace) = &self.tape else {
            return Err(Error::Msg(
                "fused operations do not keep what value zeroing needs; run the model with the interpreter".into(),
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

/// The tangents that the jvp starts with.
#[derive(Clone, Copy)]
enum Start<'a> {
    /// The input rows of each group of tokens.
    Tokens(&'a [Vec<usize>]),
    /// Zero, with the biases of all layers added on the way.
    Biases,
}

fn no_layer(layer: usize, count: usize) -> Error {
    Error::Msg(format!("layer {layer} does not exist: the model has {count}"))
}

impl TapeTrace {
    /// The values of a node for this sequence, (n, width).
    ///
    /// # Errors
    /// If the node does not exist or the pass did not keep its values.
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

    /// The attention probabilities of a mix, (heads, n, m).
    ///
    /// # Errors
    /// If the node is not a mix.
    pub fn map(&self, mix: usize) -> Result<Tensor> {
        let Some(Op::Mix { mixed, .. }) = self.tape.nodes.get(mix).map(|node| &node.op) else {
            bail!("node {mix} is not a mix")
        };
        let Some(mixed) = mixed.get(self.sequence) else {
            bail!("the tape kept no attention")
        };
        let heads = mixed.attention().heads.count;
        let maps: Vec<f32> = (0..heads).flat_map(|head| mixed.head(head).to_vec()).collect();
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

    fn jvp(
        &self,
        start: Start,
        pooling: &FrozenPooling,
        checkpoint: Checkpoint,
    ) -> std::result::Result<Tensor, ModelError> {
        let input = self.rows(Some(0))?; // (n, hidden)
        let (n, hidden) = input.dims2()?;
        let (parts, biased) = match start {
            Start::Tokens(groups) => (rows_of(&input, groups)?.flatten_all()?.to_vec1()?, false),
            Start::Biases => (vec![0f32; n * hidden], true),
        };
        let output = self.output()?;
        let images = self
            .tape
            .jvp(self.sequence, (Side::Reading, parts), biased, output, checkpoint)?;
        Ok(pooled(
            &images,
            (n, self.tape.nodes[output].width),
            pooling,
            input.device(),
        )?)
    }

    fn contributions(&self, layer: usize, measure: Measure) -> Result<Tensor> {
        let site = self.site(layer)?;
        let block = &self.tape.blocks[layer];
        let entries = self.tape.contributions(self.sequence, (block, site), measure)?;
        let n = (entries.len() as f64).sqrt() as usize;
        Tensor::from_vec(entries, (n, n), &candle_core::Device::Cpu)
    }
}

/// The pooled images of parts, (k, n, hidden) → (k, hidden).
fn pooled(images: &[f32], (n, hidden): (usize, usize), pooling: &FrozenPooling, device: &Device) -> Result<Tensor> {
    let parts = images.chunks_exact((n * hidden).max(1));
    let k = parts.len();
    let pooled: Vec<f32> = parts.flat_map(|part| pooling.pool(part)).collect();
    Tensor::from_vec(pooled, (k, hidden), device)
}

/// The vjp of a layer, (n, hidden) → (n, hidden), and the share of its biases.
fn layer_vjp(layer: &LayerTrace, gradient: &Tensor) -> Result<(Tensor, f64)> {
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

/// The input rows of each group's tokens, zero elsewhere: (groups, n, hidden).
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
