//! BERT (Devlin et al. 2019) and models with the same blocks: RoBERTa and XLM-R differ only in their position ids.
//!
//! Post-LN encoder layers over packed sequences. Shapes are in parentheses, with N tokens in the batch and n in a sequence.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use super::config::Config;
use super::load_error::LoadError;
use super::matrix::Matrix;
use super::ops;
use super::tape::Table;
use super::trace::{LayerTrace, LayerWeights, Norm, PooledTensors, Trace, TraceLevel};
use super::weights::Weights;
use super::{Checkpoint, Encoder, ModelError, Packed};

/// A BERT encoder.
pub struct Bert {
    config: Config,
    words: Table,      // (vocabulary, hidden), as stored: a text needs few of the rows
    positions: Tensor, // (positions, hidden), plus the row of token type 0
    norm: Tensor,      // (3, hidden): zero bias, γ, β
    layers: Vec<Layer>,
}

struct Layer {
    weights: Arc<LayerWeights>,
    norm1: Tensor, // (3, hidden): bias of W_O, γ1, β1
    norm2: Tensor, // (3, hidden): bias of the second feed-forward matrix, γ2, β2
}

impl Bert {
    /// Builds the encoder from tensors with Hugging Face names; a prefix is optional.
    ///
    /// # Errors
    /// Names the tensor that is missing or whose shape disagrees with config.json.
    pub(super) fn load(config: Config, weights: &mut Weights) -> Result<Bert, LoadError> {
        let (hidden, inner) = (config.hidden, config.intermediate);
        let words = weights.table("embeddings.word_embeddings.weight", &[config.vocabulary, hidden])?;
        let mut positions = weights.take("embeddings.position_embeddings.weight", &[config.positions, hidden])?;
        if config.token_types > 0 {
            let types = weights.take("embeddings.token_type_embeddings.weight", &[config.token_types, hidden])?;
            // Row by row on this thread: a single addition in candle would start its own threads.
            let first = types.get(0)?;
            let rows = (0..config.positions).map(|row| positions.get(row)? + &first);
            positions = Tensor::stack(&rows.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
        }
        let norm = load_norm(weights, "embeddings.LayerNorm", hidden)?;
        let zero = Tensor::zeros(hidden, norm.scale.dtype(), norm.scale.device())?;
        let norm = Tensor::stack(&[&zero, &norm.scale, &norm.shift], 0)?;
        let layers = (0..config.layers)
            .map(|index| load_layer(weights, index, hidden, inner))
            .collect::<Result<Vec<_>, LoadError>>()?;
        Ok(Bert {
            config,
            words,
            positions,
            norm,
            layers,
        })
    }

    /// Number of floats in the traces of a batch.
    fn floats_of_traces(&self, batch: &Packed, keep: TraceLevel) -> usize {
        let config = &self.config;
        let states = if keep >= TraceLevel::LayersAndValues { 3 } else { 2 };
        let rows = batch.ids.len() * (states * config.hidden + config.intermediate);
        let maps = batch.sequences.iter().map(|sequence| sequence.len() * sequence.len());
        self.layers.len() * (rows + config.heads * maps.sum::<usize>())
    }

    fn embed(&self, batch: &Packed) -> Result<Tensor, ModelError> {
        let window = self.window();
        if let Some(id) = batch
            .ids
            .iter()
            .copied()
            .find(|id| *id as usize >= self.config.vocabulary)
        {
            return Err(ModelError::Vocabulary {
                id,
                vocabulary: self.config.vocabulary,
            });
        }
        let mut positions = Vec::with_capacity(batch.ids.len());
        for sequence in &batch.sequences {
            if sequence.len() > window {
                return Err(ModelError::TooLong {
                    tokens: sequence.len(),
                    window,
                });
            }
            let first = self.config.first_position;
            positions.extend((first..first + sequence.len()).map(|position| position as u32));
        }
        let device = self.positions.device();
        let positions = Tensor::from_slice(&positions, positions.len(), device)?;
        let shape = (batch.ids.len(), self.config.hidden);
        let words = Tensor::from_vec(self.words.rows(&batch.ids)?, shape, device)?; // (N, hidden)
        let positions = self.positions.index_select(&positions, 0)?; // (N, hidden)
        Ok(ops::residual_norm(&words, &positions, &self.norm, self.config.epsilon)?.0)
    }
}

impl Encoder for Bert {
    fn window(&self) -> usize {
        self.config.positions - self.config.first_position
    }

    fn forward(&self, batch: &Packed, keep: TraceLevel, checkpoint: Checkpoint) -> Result<Vec<Trace>, ModelError> {
        if batch.ids.is_empty() {
            let hidden = Tensor::zeros((0, self.config.hidden), candle_core::DType::F32, &Device::Cpu)?;
            return Ok(batch
                .sequences
                .iter()
                .map(|_| Trace {
                    layers: Vec::new(),
                    tape: None,
                    hidden: hidden.clone(),
                })
                .collect());
        }
        if keep != TraceLevel::LastHidden {
            ops::expect(self.floats_of_traces(batch, keep));
        }
        let mut x = self.embed(batch)?; // (N, hidden)
        let mut layers = vec![Vec::with_capacity(self.layers.len()); batch.sequences.len()];
        for layer in &self.layers {
            if checkpoint() {
                return Err(ModelError::Stopped);
            }
            let pass = layer.forward(&self.config, &x, &batch.sequences, keep)?;
            if keep != TraceLevel::LastHidden {
                let lease = Arc::new(pass.lease(&x));
                for (index, sequence) in batch.sequences.iter().enumerate() {
                    layers[index].push(pass.trace(layer, &x, sequence, index, lease.clone())?);
                }
            } else {
                ops::recycle(x);
                ops::recycle(pass.attended);
            }
            x = pass.out;
        }
        let traces = batch.sequences.iter().zip(layers).map(|(sequence, layers)| {
            Ok(Trace {
                layers,
                tape: None,
                hidden: x.narrow(0, sequence.start, sequence.len())?,
            })
        });
        traces.collect()
    }
}

/// The results of one layer for the whole batch.
struct Pass {
    attention: Vec<Tensor>, // per sequence, (heads, n, n)
    values: Option<Tensor>, // (N, hidden)
    inverse_std1: Tensor,   // (N, 1)
    attended: Tensor,       // (N, hidden)
    gate: Option<Tensor>,   // (N, intermediate)
    inverse_std2: Tensor,   // (N, 1)
    out: Tensor,            // (N, hidden)
}

impl Pass {
    /// The tensors that the traces of all sequences are views of.
    fn lease(&self, x: &Tensor) -> PooledTensors {
        let whole = [x, &self.attended].into_iter().chain(&self.gate).chain(&self.values);
        PooledTensors::new(whole.chain(&self.attention).cloned())
    }

    /// The trace of one sequence, the `index`-th, at `rows`.
    fn trace(
        &self,
        layer: &Layer,
        x: &Tensor,
        rows: &Range<usize>,
        index: usize,
        lease: Arc<PooledTensors>,
    ) -> candle_core::Result<LayerTrace> {
        let part = |tensor: &Tensor| tensor.narrow(0, rows.start, rows.len());
        let Some(gate) = &self.gate else {
            candle_core::bail!("the layer kept no gate")
        };
        Ok(LayerTrace {
            weights: layer.weights.clone(),
            input: part(x)?,
            attention: self.attention[index].clone(),
            values: self.values.as_ref().map(part).transpose()?,
            inverse_std1: part(&self.inverse_std1)?,
            attended: part(&self.attended)?,
            gate: part(gate)?,
            inverse_std2: part(&self.inverse_std2)?,
            lease,
        })
    }
}

impl Layer {
    fn forward(
        &self,
        config: &Config,
        x: &Tensor,
        sequences: &[Range<usize>],
        keep: TraceLevel,
    ) -> candle_core::Result<Pass> {
        let (weights, traced) = (&self.weights, keep != TraceLevel::LastHidden);
        let qkv = ops::linear(x, &weights.qkv, Some(&weights.qkv_bias))?; // (N, 3·hidden)
        let (mixed, attention) = ops::attend(&qkv, sequences, config.heads, traced)?; // (N, hidden)
        let values = match keep {
            TraceLevel::LayersAndValues | TraceLevel::Everything => {
                let hidden = weights.output.shape().1;
                Some(ops::columns(&qkv, 2 * hidden..3 * hidden)?) // (N, hidden)
            }
            TraceLevel::Layers | TraceLevel::LastHidden => None,
        };
        ops::recycle(qkv);
        let output = ops::linear(&mixed, &weights.output, None)?; // (N, hidden)
        ops::recycle(mixed);
        let (attended, inverse_std1) = ops::residual_norm(x, &output, &self.norm1, config.epsilon)?;
        ops::recycle(output);
        let (down, gate) = ops::feed_forward(
            &attended,
            &weights.up,
            &weights.up_bias,
            config.activation,
            &weights.down,
            traced,
        )?; // (N, hidden), (N, intermediate)
        let (out, inverse_std2) = ops::residual_norm(&attended, &down, &self.norm2, config.epsilon)?;
        ops::recycle(down);
        Ok(Pass {
            attention,
            values,
            inverse_std1,
            attended,
            gate,
            inverse_std2,
            out,
        })
    }
}

fn load_norm(weights: &mut Weights, name: &str, hidden: usize) -> Result<Norm, LoadError> {
    // Checkpoints converted from TensorFlow name the parameters gamma and beta.
    let mut parameter = |new: &str, old: &str| {
        let old = format!("{name}.{old}");
        let name = if weights.contains(&old) {
            old
        } else {
            format!("{name}.{new}")
        };
        weights.take(&name, &[hidden])
    };
    Ok(Norm {
        scale: parameter("weight", "gamma")?,
        shift: parameter("bias", "beta")?,
    })
}

fn load_layer(weights: &mut Weights, index: usize, hidden: usize, inner: usize) -> Result<Layer, LoadError> {
    let arithmetic = weights.arithmetic();
    let at = |name: &str| format!("encoder.layer.{index}.{name}");
    let mut stack = |kind: &str, shape: &[usize]| -> Result<Tensor, LoadError> {
        let parts =
            ["query", "key", "value"].map(|part| weights.take(&at(&format!("attention.self.{part}.{kind}")), shape));
        let [query, key, value] = parts;
        Ok(Tensor::cat(&[query?, key?, value?], 0)?)
    };
    let qkv = stack("weight", &[hidden, hidden])?; // (3·hidden, hidden)
    let qkv_bias = stack("bias", &[hidden])?; // (3·hidden)
    let layer = LayerWeights {
        qkv: Matrix::new(&qkv, arithmetic)?,
        qkv_bias,
        value: OnceLock::new(),
        mixing: OnceLock::new(),
        columns: OnceLock::new(),
        output: Matrix::new(
            &weights.take(&at("attention.output.dense.weight"), &[hidden, hidden])?,
            arithmetic,
        )?,
        output_bias: weights.take(&at("attention.output.dense.bias"), &[hidden])?,
        norm1: load_norm(weights, &at("attention.output.LayerNorm"), hidden)?,
        up: Matrix::new(
            &weights.take(&at("intermediate.dense.weight"), &[inner, hidden])?,
            arithmetic,
        )?,
        up_bias: weights.take(&at("intermediate.dense.bias"), &[inner])?,
        down: Matrix::new(&weights.take(&at("output.dense.weight"), &[hidden, inner])?, arithmetic)?,
        down_bias: weights.take(&at("output.dense.bias"), &[hidden])?,
        norm2: load_norm(weights, &at("output.LayerNorm"), hidden)?,
    };
    let norm1 = Tensor::stack(&[&layer.output_bias, &layer.norm1.scale, &layer.norm1.shift], 0)?;
    let norm2 = Tensor::stack(&[&layer.down_bias, &layer.norm2.scale, &layer.norm2.shift], 0)?;
    Ok(Layer {
        weights: Arc::new(layer),
        norm1,
        norm2,
    })
}
