//! What a forward pass leaves behind for explanations.

use std::sync::{Arc, OnceLock};

use candle_core::Tensor;

use super::kernels::gemm::Panels;
use super::kernels::operand::Operand;
use super::kernels::packed_layout::Columns;
use super::matrix::Matrix;
use super::ops;
use super::tape::Tape;

/// How much of a forward pass to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceLevel {
    /// The last hidden states only: enough for an embedding.
    LastHidden,
    /// Every layer's attention and the state that freezes it into an affine map.
    Layers,
    /// The same, and the value rows that the attention mixed, for those who look at what each token was given.
    LayersAndValues,
    /// Every intermediate result, for true gradients; on a tape alone.
    Everything,
}

/// A LayerNorm's parameters.
#[derive(Debug, Clone)]
pub struct Norm {
    /// Scale γ, (hidden).
    pub scale: Tensor,
    /// Shift β, (hidden).
    pub shift: Tensor,
}

/// The weights of one post-LN transformer layer; shapes as Hugging Face lays them out: (out, in).
#[derive(Debug)]
pub struct LayerWeights {
    /// Query, key and value, one above the other: (3·hidden, hidden).
    pub qkv: Matrix,
    /// Their biases, (3·hidden).
    pub qkv_bias: Tensor,
    /// W_V alone, once somebody asked.
    pub(super) value: OnceLock<Matrix>,
    /// W_Oᵀ as what a LayerNorm behind makes of it, once somebody asked.
    pub(super) mixing: OnceLock<Option<Panels>>,
    /// The same column by column, once somebody asked.
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
    /// The value matrix W_V, (hidden, hidden): a part of `qkv`, made at its first use, since only explanations need it alone.
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

    /// W_Oᵀ, (hidden, hidden), each row centered and scaled by γ of the LayerNorm behind: with the deviation left out, what that
    /// norm makes of a row. Made at its first use; nothing where the matrix is not on the CPU.
    ///
    /// # Errors
    /// If γ is not as long as the matrix is wide.
    pub fn mixing(&self) -> candle_core::Result<Option<&Panels>> {
        self.behind_norm(&self.mixing, |output, at| {
            Panels::new(output.inner(), output.columns(), at)
        })
    }

    /// The matrix of [`LayerWeights::mixing`] column by column, for as many heads as the model has.
    ///
    /// # Errors
    /// If γ is not as long as the matrix is wide, or the matrix not square.
    pub fn columns(&self, heads: usize) -> candle_core::Result<Option<&Columns>> {
        let (out, inner) = self.output.shape();
        if out != inner {
            candle_core::bail!("an attention output of {out} columns does not fit {inner} rows");
        }
        self.behind_norm(&self.columns, |output, at| Columns::new(output.columns(), heads, at))
    }

    /// Makes what is kept of W_Oᵀ behind the LayerNorm, given its entries in row k, column c.
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
            candle_core::bail!("LayerNorm of {} does not fit {columns} columns", scale.len());
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

/// One layer's part of a trace, for one sequence of n tokens. With these numbers held fixed the layer is an affine map of its
/// input, which is what the frozen-affine decomposition uses.
#[derive(Debug, Clone)]
pub struct LayerTrace {
    /// The layer's weights, shared with the model.
    pub weights: Arc<LayerWeights>,
    /// Input hidden states, (n, hidden).
    pub input: Tensor,
    /// Attention probabilities, (heads, n, n); rows (queries) sum to 1.
    pub attention: Tensor,
    /// 1 / standard deviation of the first LayerNorm's input, (n, 1).
    pub inverse_std1: Tensor,
    /// Value rows, bias included, (n, hidden), where they were kept.
    pub values: Option<Tensor>,
    /// Output of the first LayerNorm, (n, hidden).
    pub attended: Tensor,
    /// Gate θ of the activation, (n, intermediate): activation(u) = θ ⊙ u.
    pub gate: Tensor,
    /// 1 / standard deviation of the second LayerNorm's input, (n, 1).
    pub inverse_std2: Tensor,
    /// Whose views the tensors above are. The last field, so that they are gone before it.
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(super) lease: Arc<PooledTensors>,
}

/// The large arrays that a layer computed for a whole batch. With the last trace of the batch they go back to where the next batch
/// takes its arrays from; a tensor of a trace is therefore not to be kept longer than the trace.
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

/// One sequence of a tape.
#[derive(Debug, Clone)]
pub struct TapeTrace {
    /// The tape of its batch.
    pub tape: Arc<Tape>,
    /// Its number in the batch.
    pub sequence: usize,
}

/// What a forward pass leaves of one sequence of n tokens.
#[derive(Debug, Clone)]
pub struct Trace {
    /// One entry per layer of a fused post-LN encoder, the first first; empty with [`TraceLevel::LastHidden`], and where there is a tape.
    pub layers: Vec<LayerTrace>,
    /// What the interpreter did, where it ran the model and was to keep it.
    pub tape: Option<TapeTrace>,
    /// Last hidden states, (n, hidden).
    pub hidden: Tensor,
}

impl Trace {
    /// Number of tokens n.
    pub fn len(&self) -> usize {
        self.hidden.dims().first().copied().unwrap_or(0)
    }

    /// Whether the sequence has no token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
