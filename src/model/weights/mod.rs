//! Reads weight files into named tensors: safetensors, whole or in shards, and GGUF.

mod format;

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::quantized::QTensor;
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use super::files::{Files, MAX_WEIGHTS};
use super::guarded::guarded;
use super::kernels::blocks::BlockPanels;
use super::load_error::{LoadError, without_backtrace};
use super::matrix::Arithmetic;
use super::random::Random;
use super::spec::Rows;
use super::tape::{PART, Table};
use super::{ops, quantized, simd};
use format::{read_gguf, read_safetensors};

/// The tensors of a model by name, on the CPU, in their stored format.
pub(super) struct Weights {
    tensors: HashMap<String, Stored>,
    /// Number format of the matrices.
    pub(super) format: String,
    /// SHA-256 of the files in hexadecimal, concatenated.
    pub(super) checksum: String,
    /// Whether values must be checked for NaN and infinity.
    checked: bool,
    /// The seed of a random permutation of each tensor's values, if any.
    pub(super) scrambled: Option<u64>,
}

/// A tensor in its stored format; expanded when it is taken, so that memory never has all floats twice.
enum Stored {
    /// Floats of any width.
    Plain(Tensor),
    /// Quantized blocks.
    Quantized(QTensor),
}

impl Stored {
    fn dims(&self) -> &[usize] {
        match self {
            Stored::Plain(tensor) => tensor.dims(),
            Stored::Quantized(tensor) => tensor.shape().dims(),
        }
    }

    fn floats(&self) -> candle_core::Result<Tensor> {
        match self {
            Stored::Plain(tensor) => tensor.to_dtype(DType::F32),
            // Damaged blocks must not end the process either.
            Stored::Quantized(tensor) => match guarded(|| tensor.dequantize(&Device::Cpu)) {
                Some(tensor) => tensor,
                None => candle_core::bail!("its blocks cannot be expanded"),
            },
        }
    }
}

/// Maximum ratio of file bytes to the number of parameters: allows for 64-bit floats, the heads of other tasks, and optimizer
/// state.
const SLACK: u64 = 32;

/// Number of table rows that are checked at once.
const ROWS: usize = 4096;

/// Possible prefixes of tensor names: tasks, training wrappers, sentence-transformers modules.
const PREFIXES: [&str; 14] = [
    "0.auto_model.",
    "auto_model.",
    "module.",
    "model.",
    "language_model.",
    "bert.",
    "roberta.",
    "electra.",
    "distilbert.",
    "mpnet.",
    "deberta.",
    "gpt_neox.",
    "transformer.",
    "0.",
];

impl Weights {
    /// Reads the weight files of a model with `needed` parameters.
    pub(super) fn read(files: &Files, needed: usize) -> Result<Weights, LoadError> {
        let mut weights = Weights {
            tensors: HashMap::new(),
            format: "f32".to_owned(),
            checksum: String::new(),
            checked: !matches!(files, Files::Embedded(_)),
            scrambled: None,
        };
        let names = files.weight_files()?;
        // Checked before any tensor is read, since a sparse file may claim any size.
        let limit = (needed as u64)
            .saturating_mul(SLACK)
            .saturating_add(1 << 20)
            .min(MAX_WEIGHTS);
        let (mut bytes, mut opened) = (0u64, Vec::with_capacity(names.len()));
        for name in names {
            let file = files.weight_file(&name)?;
            bytes = bytes.saturating_add(file.size());
            if bytes > limit {
                let path = files.path(&name);
                return Err(LoadError::TooLarge { path, bytes, limit });
            }
            opened.push((name, file));
        }
        for (name, file) in opened {
            let damaged = |reason: String| LoadError::Damaged {
                path: files.path(&name),
                reason,
            };
            // The hash of an embedded file was recorded when the file was made; hashing 24 MB again at each start would only cost time.
            let checksum = || match files {
                Files::Embedded(_) => Ok(files.recorded()?.remove(&name).unwrap_or_default()),
                Files::Folder(_) | Files::File(_) => files.sha256(&name, &file),
            };
            // A damaged header must not end the process, even if the parser panics.
            let parse = || {
                guarded(|| match name.ends_with(".gguf") {
                    true => read_gguf(&file),
                    false => read_safetensors(&file),
                })
            };
            let (checksum, parsed) = rayon::join(checksum, parse);
            let (tensors, format) = match parsed {
                Some(read) => read.map_err(|error| damaged(without_backtrace(&error)))?,
                None => return Err(damaged("unreadable header".to_owned())),
            };
            weights.checksum += &checksum?;
            weights.format = format;
            for (name, tensor) in tensors {
                let name = match files {
                    Files::File(file) => file.tensor_name(&name),
                    _ => bare(&name).to_owned(),
                };
                if let Some(name) = weights.tensors.contains_key(&name).then_some(&name) {
                    return Err(damaged(format!("there are two tensors `{name}`")));
                }
                weights.tensors.insert(name, tensor);
            }
        }
        Ok(weights)
    }

    /// The number format for products. Floats do not improve weights that were stored in fewer bits, so that integers may be used if the
    /// processor is faster with them.
    pub(super) fn arithmetic(&self) -> Arithmetic {
        match self.format.contains('q') && simd::path().prefers_integers() {
            true => Arithmetic::I16,
            false => Arithmetic::F32,
        }
    }

    /// Whether there is a tensor of this name, after removal of prefixes.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Takes a tensor of the given shape as f32, with finite values.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let tensor = self.remove(name, shape)?.floats()?;
        self.check(name, &tensor)?;
        match self.scrambled {
            Some(seed) => Ok(scramble(&tensor, name, seed)?),
            None => Ok(tensor),
        }
    }

    /// Takes some rows of a matrix of the given shape, (out, inner), in the blocks of its file. `None` where products need another format.
    /// A matrix of which others need other rows stays.
    pub(super) fn panels(
        &mut self,
        name: &str,
        shape: &[usize; 2],
        rows: &Rows,
    ) -> Result<Option<BlockPanels>, LoadError> {
        let Some(Stored::Quantized(tensor)) = self.tensors.get(name) else {
            return Ok(None);
        };
        if self.arithmetic() != Arithmetic::I16 || self.scrambled.is_some() || tensor.shape().dims() != shape {
            return Ok(None);
        }
        let all = rows.indices();
        let (data, inner) = (tensor.data()?, shape[1]);
        let panels = quantized::panels(tensor.dtype(), &data, inner, &|c| all[c], all.len());
        let panels = panels.transpose().map_err(|count| LoadError::NotFinite {
            name: name.to_owned(),
            count,
        })?;
        drop(data);
        if panels.is_some() && matches!(rows, Rows::All(_)) {
            self.tensors.remove(name);
        }
        Ok(panels)
    }

    /// Takes an embedding table of the given shape in its stored format, with finite values.
    pub(super) fn table(&mut self, name: &str, shape: &[usize]) -> Result<Table, LoadError> {
        if let Some(seed) = self.scrambled {
            let tensor = self.remove(name, shape)?.floats()?;
            self.check(name, &tensor)?;
            // As f16, because the expanded blocks of a large vocabulary take much memory.
            return Ok(Table::Plain(scramble(&tensor, name, seed)?.to_dtype(DType::F16)?));
        }
        let table = match self.remove(name, shape)? {
            Stored::Plain(tensor) => Table::Plain(tensor),
            Stored::Quantized(tensor) => Table::Quantized(Arc::new(tensor)),
        };
        let rows = table.len();
        for first in (0..if self.checked { rows } else { 0 }).step_by(ROWS) {
            let block = table.block(first..(first + ROWS).min(rows))?;
            self.check(name, &block)?;
        }
        Ok(table)
    }

    /// Takes the table of a head, whose products need it in panels: in their blocks where that is possible, so that the words, which may
    /// be the same table, are not in memory twice.
    pub(super) fn output_table(&mut self, name: &str, shape: &[usize; 2]) -> Result<Table, LoadError> {
        let mut parts = Vec::with_capacity(shape[0].div_ceil(PART));
        for first in (0..shape[0]).step_by(PART) {
            let rows = Rows::Range(first..(first + PART).min(shape[0]), shape[0]);
            match self.panels(name, shape, &rows)? {
                Some(panels) => parts.push(Arc::new(panels)),
                None => return self.table(name, shape),
            }
        }
        self.tensors.remove(name);
        Ok(Table::Blocks(parts))
    }

    fn remove(&mut self, name: &str, shape: &[usize]) -> Result<Stored, LoadError> {
        let found = self.tensors.remove(name);
        let stored = found.ok_or_else(|| LoadError::NoTensor(name.to_owned()))?;
        match stored.dims() == shape {
            true => Ok(stored),
            false => Err(LoadError::Shape {
                name: name.to_owned(),
                found: stored.dims().to_vec(),
                expected: shape.to_vec(),
            }),
        }
    }

    /// Fails if values are not finite. Embedded files are not checked.
    fn check(&self, name: &str, tensor: &Tensor) -> Result<(), LoadError> {
        match if self.checked { not_finite(tensor)? } else { 0 } {
            0 => Ok(()),
            count => Err(LoadError::NotFinite {
                name: name.to_owned(),
                count,
            }),
        }
    }
}

/// Permutes a tensor's values at random, seeded by name and seed.
fn scramble(tensor: &Tensor, name: &str, seed: u64) -> candle_core::Result<Tensor> {
    let mut values = tensor.flatten_all()?.to_vec1::<f32>()?;
    let own = name.bytes().fold(seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    Random::new(own).shuffle(&mut values);
    Tensor::from_vec(values, tensor.shape(), tensor.device())
}

/// Number of NaN and infinite values in a tensor.
fn not_finite(tensor: &Tensor) -> candle_core::Result<usize> {
    ops::with_values(tensor, |values| {
        let chunks = values.par_chunks(1 << 16);
        let count = chunks.map(|chunk| chunk.iter().filter(|value| !value.is_finite()).count());
        Ok(count.sum())
    })
}

/// The name of a tensor without the prefixes of tasks and wrappers.
fn bare(name: &str) -> &str {
    let stripped = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    stripped.map_or(name, bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensor_names_are_recognized_after_every_prefix() {
        let name = "embeddings.word_embeddings.weight";
        for prefix in [
            "",
            "bert.",
            "roberta.",
            "model.",
            "module.",
            "auto_model.",
            "0.auto_model.",
            "module.0.auto_model.",
            "0.auto_model.bert.",
        ] {
            assert_eq!(bare(&format!("{prefix}{name}")), name, "{prefix}");
        }
        assert_eq!(bare("linear.weight"), "linear.weight");
        assert_eq!(
            bare("encoder.layer.0.output.dense.bias"),
            "encoder.layer.0.output.dense.bias"
        );
    }

    #[test]
    fn nan_and_infinite_values_are_counted() {
        let tensor = Tensor::new(&[1.0f32, f32::NAN, -2.0, f32::INFINITY], &Device::Cpu).unwrap();
        assert_eq!(not_finite(&tensor).unwrap(), 2);
    }
}
