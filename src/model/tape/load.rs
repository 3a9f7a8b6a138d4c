//! Builds a [`Network`] from a [`ModelSpec`] and weights.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use super::attention::{Attention, Heads};
use super::linear::Linear;
use super::norm::RowNorm;
use super::position::{Disentangled, LoadedPosition, slopes};
use super::table::{PART, Table};
use crate::model::ModelError;
use crate::model::load_error::LoadError;
use crate::model::matrix::{Arithmetic, Matrix};
use crate::model::spec::{
    self, Activation, LinearSpec, ModelSpec, NormSpec, Position, Positions, Rows, Stack, Task, Work,
};
use crate::model::weights::Weights;

/// A model that the interpreter runs.
pub struct Network {
    /// The description of the model.
    pub spec: ModelSpec,
    pub(super) stack: LoadedStack,
    pub(super) decoder: Option<LoadedStack>,
    pub(super) head: Option<LoadedHead>,
}

pub(super) struct LoadedStack {
    pub hidden: usize,
    pub embedding: LoadedEmbedding,
    pub blocks: Vec<Vec<LoadedStep>>,
    pub norm: Option<Arc<RowNorm>>,
}

pub(super) struct LoadedEmbedding {
    pub words: Arc<Table>,
    pub scale: f32,
    pub positions: LoadedPositions,
    /// One row per token type.
    pub types: Option<Table>,
    pub norm: Option<RowNorm>,
    pub projection: Option<Linear>,
    pub width: usize,
}

pub(super) enum LoadedPositions {
    None,
    Learned { table: Table, first: usize },
    Sinusoidal,
}

pub(super) struct LoadedStep {
    pub branches: Vec<LoadedBranch>,
    pub norm: Option<Arc<RowNorm>>,
}

pub(super) struct LoadedBranch {
    pub before: Option<Arc<RowNorm>>,
    pub work: LoadedWork,
    pub after: Option<Arc<RowNorm>>,
}

pub(super) enum LoadedWork {
    Attention(Arc<Attention>),
    Mlp {
        up: Arc<Linear>,
        gate: Option<Arc<Linear>>,
        down: Arc<Linear>,
        activation: Activation,
    },
}

/// A head, whose output matrix is packed at its first use.
pub(super) struct LoadedHead {
    pub task: Task,
    pub layers: Vec<(Linear, Option<Activation>, Option<RowNorm>)>,
    pub table: Arc<Table>,
    bias: Option<Vec<f32>>,
    packed: OnceLock<Vec<Linear>>,
    arithmetic: Arithmetic,
    pub scale: f32,
    pub soft_cap: Option<f32>,
}

impl LoadedHead {
    /// The output matrix, in parts of some thousand rows.
    pub fn output(&self) -> Result<&[Linear], ModelError> {
        if let Some(packed) = self.packed.get() {
            return Ok(packed);
        }
        let rows = self.table.len();
        let part = |first: usize| {
            let rows = first..(first + PART).min(rows);
            let bias = self.bias.as_ref().map(|bias| bias[rows.clone()].to_vec());
            let matrix = match &*self.table {
                Table::Blocks(parts) => Matrix::in_blocks(Arc::clone(&parts[first / PART])),
                table => Matrix::new(&table.block(rows)?, self.arithmetic)?,
            };
            Ok(Linear::new(matrix, bias))
        };
        let parts = (0..rows)
            .step_by(PART)
            .map(part)
            .collect::<candle_core::Result<Vec<_>>>()?;
        Ok(self.packed.get_or_init(|| parts))
    }

    /// The share of the output bias in ⟨gradient, outputs⟩.
    pub fn bias_share(&self, gradient: &[f32]) -> f64 {
        self.bias
            .as_ref()
            .map_or(0.0, |bias| super::rows::products(gradient, bias))
    }

    /// Number of outputs per row.
    pub fn outputs(&self) -> usize {
        self.table.len()
    }
}

impl Network {
    /// Builds the model from its weights.
    ///
    /// # Errors
    /// Names the tensor that is missing, has an unexpected shape, or has values that are not finite.
    pub(in crate::model) fn load(spec: ModelSpec, weights: &mut Weights) -> Result<Network, LoadError> {
        let output = spec
            .head
            .as_ref()
            .map(|head| head.table(|name| weights.contains(name)).to_owned());
        let mut source = Source::of(weights, output);
        let stack = source.stack(&spec.stack, spec.vocabulary)?;
        let decoder = spec
            .decoder
            .as_ref()
            .map(|decoder| source.stack(decoder, spec.vocabulary))
            .transpose()?;
        let head = spec.head.as_ref().map(|head| source.head(head)).transpose()?.flatten();
        Ok(Network {
            spec,
            stack,
            decoder,
            head,
        })
    }

    /// The task of the head; `None` without a head.
    pub fn task(&self) -> Option<&Task> {
        self.head.as_ref().map(|head| &head.task)
    }
}

/// The weights, and the parts of them that several layers share.
struct Source<'a> {
    weights: &'a mut Weights,
    arithmetic: Arithmetic,
    tables: HashMap<String, Arc<Table>>,
    vectors: HashMap<String, Arc<Vec<f32>>>,
    /// Tensors with several matrices, until their block is loaded.
    open: HashMap<String, Tensor>,
    /// The name of the head's table, which may be the table of words too.
    output: Option<String>,
}

impl<'a> Source<'a> {
    fn of(weights: &'a mut Weights, output: Option<String>) -> Source<'a> {
        let arithmetic = weights.arithmetic();
        Source {
            weights,
            arithmetic,
            tables: HashMap::new(),
            vectors: HashMap::new(),
            open: HashMap::new(),
            output,
        }
    }

    fn table(&mut self, name: &str, rows: usize, width: usize) -> Result<Arc<Table>, LoadError> {
        if let Some(table) = self.tables.get(name) {
            return Ok(Arc::clone(table));
        }
        let table = match self.output.as_deref() == Some(name) {
            true => self.weights.output_table(name, &[rows, width])?,
            false => self.weights.table(name, &[rows, width])?,
        };
        let table = Arc::new(table);
        self.tables.insert(name.to_owned(), Arc::clone(&table));
        Ok(table)
    }

    fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>, LoadError> {
        Ok(self.weights.take(name, &[len])?.to_vec1()?)
    }

    fn norm(&mut self, spec: &NormSpec, width: usize) -> Result<RowNorm, LoadError> {
        // Checkpoints converted from TensorFlow name the parameters gamma and beta.
        let mut parameter = |name: &Option<String>, new: &str, old: &str| -> Result<Option<Vec<f32>>, LoadError> {
            let Some(name) = name else { return Ok(None) };
            let older = name.strip_suffix(new).map(|stem| format!("{stem}{old}"));
            let found = older.filter(|older| self.weights.contains(older));
            self.vector(found.as_ref().unwrap_or(name), width).map(Some)
        };
        let scale = parameter(&spec.scale, "weight", "gamma")?;
        let shift = parameter(&spec.shift, "bias", "beta")?;
        let mut scale = scale.unwrap_or_else(|| vec![1.0; width]);
        scale.iter_mut().for_each(|v| *v += spec.offset);
        Ok(RowNorm {
            kind: spec.kind,
            scale,
            shift,
            epsilon: spec.epsilon,
        })
    }

    fn optional_norm(&mut self, spec: Option<&NormSpec>, width: usize) -> Result<Option<Arc<RowNorm>>, LoadError> {
        spec.map(|norm| self.norm(norm, width).map(Arc::new)).transpose()
    }

    fn linear(&mut self, spec: &LinearSpec) -> Result<Linear, LoadError> {
        let stored = spec.rows.stored();
        let shape = match spec.transposed {
            true => [spec.inputs, stored],
            false => [stored, spec.inputs],
        };
        let panels = match spec.transposed {
            true => None,
            false => self.weights.panels(&spec.weight, &shape, &spec.rows)?,
        };
        let matrix = match panels {
            Some(panels) => Matrix::in_blocks(Arc::new(panels)),
            None => {
                let whole = self.tensor(spec, &spec.weight, &shape)?;
                let whole = if spec.transposed { whole.t()? } else { whole };
                Matrix::new(&select(&whole, &spec.rows)?.contiguous()?, self.arithmetic)?
            }
        };
        let bias = match &spec.bias {
            Some(name) => {
                let whole = self.tensor(spec, name, &[stored])?;
                Some(select(&whole, &spec.rows)?.to_vec1()?)
            }
            None => None,
        };
        Ok(Linear::new(matrix, bias))
    }

    /// A tensor. One with several matrices stays in memory until its block is loaded.
    fn tensor(&mut self, spec: &LinearSpec, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        if let Some(tensor) = self.open.get(name) {
            return Ok(tensor.clone());
        }
        let tensor = self.weights.take(name, shape)?;
        if !matches!(spec.rows, Rows::All(_)) {
            self.open.insert(name.to_owned(), tensor.clone());
        }
        Ok(tensor)
    }

    fn stack(&mut self, spec: &Stack, vocabulary: usize) -> Result<LoadedStack, LoadError> {
        let embedding = self.embedding(&spec.embedding, vocabulary)?;
        let mut blocks = Vec::with_capacity(spec.blocks.len());
        for block in &spec.blocks {
            let steps = block.steps.iter().map(|step| self.step(step, spec.hidden));
            blocks.push(steps.collect::<Result<Vec<_>, LoadError>>()?);
            self.open.clear();
        }
        Ok(LoadedStack {
            hidden: spec.hidden,
            embedding,
            blocks,
            norm: self.optional_norm(spec.norm.as_ref(), spec.hidden)?,
        })
    }

    fn embedding(&mut self, spec: &spec::Embedding, vocabulary: usize) -> Result<LoadedEmbedding, LoadError> {
        let width = spec.width;
        let positions = match &spec.positions {
            Positions::None => LoadedPositions::None,
            Positions::Sinusoidal => LoadedPositions::Sinusoidal,
            Positions::Learned { table, rows, first } => LoadedPositions::Learned {
                table: self.weights.table(table, &[*rows, width])?,
                first: *first,
            },
        };
        let types = match &spec.types {
            Some((name, types)) => Some(self.weights.table(name, &[*types, width])?),
            None => None,
        };
        Ok(LoadedEmbedding {
            words: self.table(&spec.words, vocabulary, width)?,
            scale: spec.scale,
            positions,
            types,
            norm: spec.norm.as_ref().map(|norm| self.norm(norm, width)).transpose()?,
            projection: spec.projection.as_ref().map(|linear| self.linear(linear)).transpose()?,
            width,
        })
    }

    fn step(&mut self, spec: &spec::Step, hidden: usize) -> Result<LoadedStep, LoadError> {
        let mut branches = Vec::with_capacity(spec.branches.len());
        for branch in &spec.branches {
            let before = self.optional_norm(branch.before.as_ref(), hidden)?;
            let work = match &branch.work {
                Work::Attention(attention) => LoadedWork::Attention(Arc::new(self.attention(attention)?)),
                Work::Mlp(mlp) => LoadedWork::Mlp {
                    up: Arc::new(self.linear(&mlp.up)?),
                    gate: mlp
                        .gate
                        .as_ref()
                        .map(|gate| self.linear(gate).map(Arc::new))
                        .transpose()?,
                    down: Arc::new(self.linear(&mlp.down)?),
                    activation: mlp.activation,
                },
            };
            let after = self.optional_norm(branch.after.as_ref(), hidden)?;
            branches.push(LoadedBranch { before, work, after });
        }
        let norm = self.optional_norm(spec.norm.as_ref(), hidden)?;
        Ok(LoadedStep { branches, norm })
    }

    fn attention(&mut self, spec: &spec::Attention) -> Result<Attention, LoadError> {
        let (query, key) = (self.linear(&spec.query)?, self.linear(&spec.key)?);
        let norms = match &spec.qk_norm {
            Some((query, key)) => Some((self.norm(query, spec.head_dim)?, self.norm(key, spec.head_dim)?)),
            None => None,
        };
        let position = self.position(spec, (&query, &key))?;
        Ok(Attention {
            query: Arc::new(query),
            key: Arc::new(key),
            value: Arc::new(self.linear(&spec.value)?),
            output: Arc::new(self.linear(&spec.output)?),
            norms,
            position,
            heads: Heads {
                count: spec.heads,
                kv: spec.kv_heads,
                dim: spec.head_dim,
                scale: spec.scale,
                soft_cap: spec.soft_cap,
                mask: spec.mask,
                source: spec.source,
            },
        })
    }

    fn position(&mut self, spec: &spec::Attention, content: (&Linear, &Linear)) -> Result<LoadedPosition, LoadError> {
        Ok(match &spec.position {
            Position::None => LoadedPosition::None,
            Position::Rotary(rotary) => LoadedPosition::Rotary(rotary.clone()),
            Position::Alibi => LoadedPosition::Alibi(slopes(spec.heads)),
            Position::RelativeBias {
                table,
                buckets,
                furthest,
                bidirectional,
            } => LoadedPosition::Buckets {
                table: self.shared(table, &[*buckets, spec.heads], None)?,
                buckets: *buckets,
                furthest: *furthest,
                bidirectional: *bidirectional,
            },
            Position::Disentangled {
                table,
                norm,
                span,
                buckets,
                furthest,
                to_position,
                to_content,
                own,
            } => {
                let hidden = spec.query.inputs;
                let rows = self.shared(table, &[2 * span, hidden], norm.as_ref())?;
                let own = match own {
                    Some(own) => Some((
                        if *to_position { Some(self.linear(&own.0)?) } else { None },
                        if *to_content { Some(self.linear(&own.1)?) } else { None },
                    )),
                    None => None,
                };
                let key = own.as_ref().and_then(|own| own.0.as_ref()).unwrap_or(content.1);
                let query = own.as_ref().and_then(|own| own.1.as_ref()).unwrap_or(content.0);
                LoadedPosition::Disentangled(Box::new(Disentangled::of(
                    &rows,
                    (key, query),
                    (*to_position, *to_content),
                    (*span, *buckets, *furthest),
                )?))
            }
        })
    }

    /// A table that all layers share; its rows are normalized if it has a norm.
    fn shared(&mut self, name: &str, shape: &[usize; 2], norm: Option<&NormSpec>) -> Result<Arc<Vec<f32>>, LoadError> {
        if let Some(known) = self.vectors.get(name) {
            return Ok(Arc::clone(known));
        }
        let mut values = self.weights.take(name, shape)?.flatten_all()?.to_vec1()?;
        if let Some(norm) = norm {
            values = self.norm(norm, shape[1])?.forward(&values).0.into_vec();
        }
        let values = Arc::new(values);
        self.vectors.insert(name.to_owned(), Arc::clone(&values));
        Ok(values)
    }

    /// The head, if the weights contain it; many checkpoints lack it.
    fn head(&mut self, spec: &spec::Head) -> Result<Option<LoadedHead>, LoadError> {
        let has = |source: &Source, name: &str| source.weights.contains(name) || source.tables.contains_key(name);
        if !spec.matrices().all(|name| has(self, name)) {
            return Ok(None);
        }
        let mut layers = Vec::with_capacity(spec.layers.len());
        for layer in &spec.layers {
            let linear = self.linear(&layer.linear)?;
            let width = layer.linear.outputs();
            let norm = layer.norm.as_ref().map(|norm| self.norm(norm, width)).transpose()?;
            layers.push((linear, layer.activation, norm));
        }
        let rows = spec.output.rows.stored();
        let name = spec.table(|name| self.weights.contains(name));
        let scale = if name == spec.output.weight { spec.scale } else { 1.0 };
        let table = self.table(name, rows, spec.output.inputs)?;
        let bias = match &spec.output.bias {
            // Marian and BART store it as a matrix of one row, and omit it if it is zero.
            Some(name) if name == "final_logits_bias" => match self.weights.contains(name) {
                true => Some(self.weights.take(name, &[1, rows])?.flatten_all()?.to_vec1()?),
                false => None,
            },
            Some(name) => Some(self.vector(name, rows)?),
            None => None,
        };
        Ok(Some(LoadedHead {
            task: spec.task.clone(),
            layers,
            table,
            bias,
            packed: OnceLock::new(),
            arithmetic: self.arithmetic,
            scale,
            soft_cap: spec.soft_cap,
        }))
    }
}

/// Selects rows of a matrix or entries of a vector.
fn select(whole: &Tensor, rows: &Rows) -> candle_core::Result<Tensor> {
    match rows {
        Rows::All(_) => Ok(whole.clone()),
        Rows::Range(range, _) => whole.narrow(0, range.start, range.len()),
        Rows::OfEach { .. } => {
            let indices: Vec<u32> = rows.indices().into_iter().map(|row| row as u32).collect();
            let indices = Tensor::from_slice(&indices, indices.len(), &Device::Cpu)?;
            whole.contiguous()?.index_select(&indices, 0)
        }
    }
}
