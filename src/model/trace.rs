//! The trace of a forward pass, which explanations use.

use std::sync::{Arc, OnceLock};

use candle_core::Tensor;

use super::kernels::gemm::Panels;
use super::kernels::operand::Operand;
use super::kernels::packed_layout::Columns;
use super::matrix::Matrix;
use super::ops;
use super::tape::Tape;

/// How much of a forward pass is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceLevel {
    /// The last hidden states only: enough for an embedding.
    LastHidden,
    /// The attention of every layer, and the state that freezes the layer.
    Layers,
    /// The same plus the value rows, for methods that need the contribution of each token.
    LayersAndValues,
    /// Every intermediate result, for true gradients; only on a tape.
    Everything,
}

/// The parameters of a LayerNorm.
#[derive(Debug, Clone)]
pub struct Norm {
    /// Scale γ, (hidden).
    pub scale: Tensor,
    /// Shift β, (hidden).
    pub shift: Tensor,
}

/// The weights of one post-LN transformer layer, with shapes as in Hugging Face: (out, in).
#[derive(Debug)]
pub struct LayerWeights {
    /// Query, key and value matrices, stacked: (3·hidden, hidden).
    pub qkv: Matrix,
    /// Their biases, (3·hidden).
    pub qkv_bias: Tensor,
    /// W_V alone, made at its first use.
    pub(super) value: OnceLock<Matrix>,
    /// W_Oᵀ, centered and scaled by the LayerNorm after it; made at its first use.
    pub(super) mixing: OnceLock<Option<Panels>>,
    /// The same, column by column; made at its first use.
    pub(super) columns: OnceLock<Option<Columns>>,
    /// Attention output W_O, (hidden, hidden).
    pub output: Matrix,
    /// Its bias, (hidden).
    pub output_bias: Tensor,
    /// The LayerNorm after attention.
    pub norm1: Norm,
    /// First feed-forward matrix, (intermediate, hidden).
    pub up: Matrix,
    /// Its bias, (intermediate).
    pub up_bias: Tensor,
    /// Second feed-forward matrix, (hidden, intermediate).
    pub down: Matrix,
    /// Its bias, (hidden).
    pub down_bias: Tensor,
    /// The LayerNorm after the feed-forward block.
    pub norm2: Norm,
}

impl LayerWeights {
    /// The value matrix W_V, (hidden, hidden): a part of `qkv`, made at its first use because only explanations need it.
    ///
    /// # Errors
    /// If `qkv` does not have three blocks.
    pub fn value(&self) -> candle_core::Result<&Matrix> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let hidden = self.qkv.shape().0 / 3;
        let value = self.qkv.rows(2 * hidden..3 * hidden)?;
        Ok(self.value.get_or_init(|| value))
    }

    /// W_Oᵀ, (hidden, hidden), with each row centered and scaled by γ of the following LayerNorm.
    /// This is the effect of that norm on a row, except for the division by its deviation. Made at its first use; `None` if the matrix
    /// is not on the CPU.
    ///
    /// # Errors
    /// If the length of γ is not the width of the matrix.
    pub fn mixing(&self) -> candle_core::Result<Option<&Panels>> {
        self.behind_norm(&self.mixing, |output, at| {
            Panels::new(output.inner(), output.columns(), at)
        })
    }

    /// The matrix of [`LayerWeights::mixing`], column by column, for the model's number of heads.
    ///
    /// # Errors
    /// If the length of γ is not the width of the matrix, or the matrix is not square.
    pub fn columns(&self, heads: usize) -> candle_core::Result<Option<&Columns>> {
        let (out, inner) = self.output.shape();
        if out != inner {
            candle_core::bail!("an attention output of {out} columns does not match {inner} rows");
        }
        self.behind_norm(&self.columns, |output, at| Columns::new(output.columns(), heads, at))
    }

    /// Makes a form of W_Oᵀ combined with the LayerNorm from its entries.
    /// `make` gets a function for the entry in row k, column c.
    fn behind_norm<'a, T>(
        &self,
        kept: &'a OnceLock<Option<T>>,
        make: impl FnOnce(Operand, &dyn Fn(usize, usize) -> f32) -> T,
    ) -> candle_core::Result<Option<&'a T>> {
        if let Some(made) = kept.get() {
            return Ok(made.as_ref());
        }
        let Some(output) = self.output.forward() else {
            return Ok(kept.get_or_init(|| None).as_ref());
        };
        let (inner, columns) = (output.inner(), output.columns());
        let scale = self.norm1.scale.to_vec1::<f32>()?;
        if scale.len() != columns {
            candle_core::bail!("a LayerNorm of width {} does not match {columns} columns", scale.len());
        }
        let mean = |k: usize| (0..columns).map(|c| f64::from(output.at(k, c))).sum::<f64>() / columns as f64;
        let means: Vec<f32> = (0..inner).map(|k| mean(k) as f32).collect();
        let made = make(output, &|k, c| (output.at(k, c) - means[k]) * scale[c]);
        Ok(kept.get_or_init(|| Some(made)).as_ref())
    }

    /// The value bias b_V, (hidden), a view of `qkv_bias`.
    ///
    /// # Errors
    /// If `qkv_bias` does not have three blocks.
    pub fn value_bias(&self) -> candle_core::Result<Tensor> {
        let hidden = self.qkv_bias.dim(0)? / 3;
        self.qkv_bias.narrow(0, 2 * hidden, hidden)
    }
}

/// The trace of one layer, for one sequence of n tokens.
/// With these values frozen, the layer is an affine map of its input, which the frozen-affine decomposition uses.
#[derive(Debug, Clone)]
pub struct LayerTrace {
    /// The layer's weights, shared with the model.
    pub weights: Arc<LayerWeights>,
    /// Input hidden states, (n, hidden).
    pub input: Tensor,
    /// Attention probabilities, (heads, n, n); each row (query) sums to 1.
    pub attention: Tensor,
    /// 1 / standard deviation of the first LayerNorm's input, (n, 1).
    pub inverse_std1: Tensor,
    /// Value rows with bias, (n, hidden), if they were kept.
    pub values: Option<Tensor>,
    /// Output of the first LayerNorm, (n, hidden).
    pub attended: Tensor,
    /// Gate θ of the activation, (n, intermediate): activation(u) = θ ⊙ u.
    pub gate: Tensor,
    /// 1 / standard deviation of the second LayerNorm's input, (n, 1).
    pub inverse_std2: Tensor,
    /// The buffers of the tensors above, which are views of it. The last field, because fields are dropped in order.
    #[expect(dead_code, reason = "dropping it returns the buffers to the pool")]
    pub(super) lease: Arc<PooledTensors>,
}

/// The large buffers of a layer for a whole batch. They return to the buffer pool with the last trace of the batch.
/// A tensor of a trace must therefore not outlive the trace.
#[derive(Debug, Default)]
pub(super) struct PooledTensors(Vec<Tensor>);

impl PooledTensors {
    pub(super) fn new(tensors: impl Iterator<Item = Tensor>) -> PooledTensors {
        PooledTensors(tensors.collect())
    }
}

impl Drop for PooledTensors {
    fn drop(&mut self) {
        self.0.drain(..).for_each(ops::recycle);
    }
}

/// The trace of one sequence on a tape.
#[derive(Debug, Clone)]
pub struct TapeTrace {
    /// The tape of its batch.
    pub tape: Arc<Tape>,
    /// The index of the sequence in the batch.
    pub sequence: usize,
}

/// The trace of a forward pass for one sequence of n tokens.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The layers of a fused post-LN encoder, in order; empty with [`TraceLevel::LastHidden`] or with a tape.
    pub layers: Vec<LayerTrace>,
    /// The tape of the interpreter, if it ran the model and kept one.
    pub tape: Option<TapeTrace>,
    /// Last hidden states, (n, hidden).
    pub hidden: Tensor,
}

impl Trace {
    /// Number of tokens n.
    pub fn len(&self) -> usize {
        self.hidden.dims().first().copied().unwrap_or(0)
    }

    /// Whether the sequence has no tokens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
