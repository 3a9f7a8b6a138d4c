//! Weight files → tensors by name: safetensors, whole or in shards, and GGUF.

use std::collections::{BTreeSet, HashMap};
use std::io::Cursor;

use candle_core::quantized::gguf_file;
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::files::{Files, hex};
use super::load::LoadError;
use super::matrix::Arithmetic;
use super::simd;

/// The tensors of a model by name, in f32 on the CPU.
pub(super) struct Weights {
    tensors: HashMap<String, Tensor>,
    /// Number format of the matrices.
    pub(super) format: String,
    /// SHA-256 of the files, one after the other in hexadecimal.
    pub(super) checksum: String,
}

impl Weights {
    /// Reads the weight files of a model.
    pub(super) fn read(files: &Files) -> Result<Weights, LoadError> {
        let mut weights = Weights {
            tensors: HashMap::new(),
            format: "f32".to_owned(),
            checksum: String::new(),
        };
        for name in files.weight_files()? {
            let bytes = files.required(&name)?;
            let damaged = |reason: String| LoadError::Damaged {
                path: files.path(&name),
                reason,
            };
            // A damaged header must not take the process down, whatever a parser makes of it.
            let parsed = std::panic::catch_unwind(|| match name.ends_with(".gguf") {
                true => read_gguf(&bytes),
                false => read_safetensors(&bytes),
            });
            let (tensors, format) = match parsed {
                Ok(read) => read.map_err(|error| damaged(error.to_string()))?,
                Err(_) => return Err(damaged("unreadable header".to_owned())),
            };
            // The embedded file's hash was recorded when it was made: hashing 24 MB again at each start would only cost time.
            weights.checksum += &match files {
                Files::Embedded => files.recorded()?.remove(&name).unwrap_or_default(),
                Files::Folder(_) => hex(&Sha256::digest(&bytes)),
            };
            weights.format = format;
            weights.tensors.extend(tensors);
        }
        Ok(weights)
    }

    /// In which numbers to compute. Weights that were stored in fewer bits than a float's are not made better by floats: where the
    /// processor is faster with integers it may be.
    pub(super) fn arithmetic(&self) -> Arithmetic {
        match self.format.contains('q') && simd::path().prefers_integers() {
            true => Arithmetic::I16,
            false => Arithmetic::F32,
        }
    }

    fn find(&self, name: &str) -> Option<String> {
        ["", "bert.", "roberta.", "model."]
            .into_iter()
            .map(|prefix| format!("{prefix}{name}"))
            .find(|name| self.tensors.contains_key(name))
    }

    /// Whether there is a tensor of that name, with or without the prefix of a task model.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Takes a tensor of the given shape.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let found = self.find(name).and_then(|name| self.tensors.remove(&name));
        let tensor = found.ok_or_else(|| LoadError::NoTensor(name.to_owned()))?;
        if tensor.dims() != shape {
            let found = tensor.dims().to_vec();
            return Err(LoadError::Shape {
                name: name.to_owned(),
                found,
                expected: shape.to_vec(),
            });
        }
        Ok(tensor)
    }
}

type Tensors = (Vec<(String, Tensor)>, String);

fn read_safetensors(bytes: &[u8]) -> candle_core::Result<Tensors> {
    let file = candle_core::safetensors::SliceSafetensors::new(bytes)?;
    let names: Vec<String> = file.tensors().into_iter().map(|(name, _)| name).collect();
    let mut format = "f32".to_owned();
    let mut tensors = Vec::with_capacity(names.len());
    for name in names {
        let tensor = file.load(&name, &Device::Cpu)?;
        if tensor.dtype().is_float() && tensor.dtype() != DType::F32 {
            format = tensor.dtype().as_str().to_owned();
        }
        tensors.push((name, tensor.to_dtype(DType::F32)?));
    }
    Ok((tensors, format))
}

fn read_gguf(bytes: &[u8]) -> candle_core::Result<Tensors> {
    let content = gguf_file::Content::read(&mut Cursor::new(bytes))?;
    let expand = |name: &String| {
        let tensor = content.tensor(&mut Cursor::new(bytes), name, &Device::Cpu)?;
        Ok((name.clone(), tensor.dequantize(&Device::Cpu)?))
    };
    let names: Vec<&String> = content.tensor_infos.keys().collect();
    let tensors = names
        .into_par_iter()
        .map(expand)
        .collect::<candle_core::Result<Vec<_>>>()?;
    let formats: BTreeSet<String> = content
        .tensor_infos
        .values()
        .filter(|info| info.shape.rank() == 2)
        .map(|info| format!("{:?}", info.ggml_dtype).to_lowercase())
        .collect();
    Ok((tensors, Vec::from_iter(formats).join(", ")))
}
