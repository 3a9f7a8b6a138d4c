//! Models in a single GGUF file, in llama.cpp's format: the metadata contains configuration and tokenizer.
//!
//! The rest of the program does not know the format: such a file looks like a folder with config.json, tokenizer.json, the pooling
//! configuration and weights. Only tensor names (`names.rs`) and the converter's changes (`layout.rs`) differ.
//!
//! The file is not trusted. `survey.rs` checks every count of the header against limits before any allocation; the tokenizer passes the
//! same checks as a tokenizer.json; weights are read in the same way as those of a folder.

mod layout;
mod merges;
mod metadata;
mod names;
mod pieces;
mod survey;
mod tokenizer;
mod values;

use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::gguf_file::Content;

use super::chat;
use super::guarded::guarded;
use super::load_error::{LoadError, without_backtrace};
use super::spec::ModelSpec;
use crate::text::{Unread, open_regular};
pub(super) use survey::survey;
use values::Values;

/// Maximum length of a model name in the metadata; longer ones are ignored.
const LONGEST_NAME: usize = 120;
/// Maximum number of values in a tensor that belongs to the configuration: one per pair of a head.
const MOST_FACTORS: usize = 4096;

/// The header and the path of a file.
pub(super) struct Gguf {
    pub(super) path: PathBuf,
    /// Maximum size of the file in bytes.
    limit: u64,
    content: Content,
}

impl Gguf {
    /// Reads the header of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// If the file does not exist, is larger, is not a regular file, or is not a readable GGUF file.
    pub(super) fn open(path: &Path, limit: u64) -> Result<Gguf, LoadError> {
        let (file, size) = open_regular(path, limit).map_err(|error| refused(path, error))?;
        let refuse = |reason: String| LoadError::Gguf {
            path: path.to_owned(),
            reason,
        };
        let mut reader = BufReader::new(file);
        survey(&mut reader, size).map_err(refuse)?;
        reader.rewind().map_err(|error| LoadError::Io {
            path: path.to_owned(),
            error,
        })?;
        let content = guarded(|| Content::read(&mut reader));
        let content =
            content.ok_or_else(|| refuse("its header cannot be read; download the model again".to_owned()))?;
        let content =
            content.map_err(|error| refuse(format!("{}; download the model again", without_backtrace(&error))))?;
        Ok(Gguf {
            path: path.to_owned(),
            limit,
            content,
        })
    }

    /// The equivalent of a folder's file; `None` for optional files.
    ///
    /// # Errors
    /// [`LoadError::Gguf`] with the key.
    pub(super) fn part(&self, name: &str) -> Result<Option<Vec<u8>>, LoadError> {
        let part = match name {
            "config.json" => metadata::config(self).map(|json| Some(json.to_string().into_bytes())),
            "1_Pooling/config.json" => {
                metadata::pooling(self).map(|json| json.map(|json| json.to_string().into_bytes()))
            }
            "tokenizer.json" => self.values().and_then(|values| tokenizer::json(&values)).map(Some),
            chat::FILE => self.values().and_then(|values| {
                let template = values.text("tokenizer.chat_template")?;
                Ok(template.map(|template| template.as_bytes().to_vec()))
            }),
            _ => Ok(None),
        };
        part.map_err(|reason| self.refuse(reason))
    }

    /// An error about this file.
    pub(super) fn refuse(&self, reason: String) -> LoadError {
        LoadError::Gguf {
            path: self.path.clone(),
            reason,
        }
    }

    /// The name of the model in the metadata, or else the name of the file.
    pub(super) fn name(&self) -> String {
        let given = self.values().and_then(|values| values.text("general.name"));
        let given = given.ok().flatten().map(str::trim);
        let given = given.filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME);
        given.map_or_else(|| self.stem(), str::to_owned)
    }

    /// The name of the file without `.gguf`.
    pub(super) fn stem(&self) -> String {
        let stem = self.path.file_stem();
        stem.map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Changes the description to match the weights in the file.
    pub(super) fn lay_out(&self, spec: &mut ModelSpec) {
        layout::lay_out(self.architecture(), spec);
    }

    /// The name of a tensor in a Hugging Face folder.
    pub(super) fn tensor_name(&self, name: &str) -> String {
        names::hugging_face(self.architecture(), name, self.is_gated())
    }

    fn values(&self) -> Result<Values<'_>, String> {
        Values::of(&self.content.metadata)
    }

    fn architecture(&self) -> &str {
        self.values().map_or("", |values| values.architecture())
    }

    fn has(&self, tensor: &str) -> bool {
        self.content.tensor_infos.contains_key(tensor)
    }

    fn tensors(&self) -> usize {
        self.content.tensor_infos.len()
    }

    /// Number of rows of a table.
    fn rows(&self, tensor: &str) -> Option<usize> {
        self.content.tensor_infos.get(tensor)?.shape.dims().first().copied()
    }

    /// Whether T5's feed-forward blocks are gated.
    fn is_gated(&self) -> bool {
        self.has("enc.blk.0.ffn_gate.weight")
    }

    /// Frequency factors, which are a part of the configuration stored as a tensor.
    fn factors(&self, tensor: &str) -> Result<Option<Vec<f32>>, String> {
        let Some(info) = self.content.tensor_infos.get(tensor) else {
            return Ok(None);
        };
        let count = match info.shape.dims() {
            [count] if (1..=MOST_FACTORS).contains(count) => *count,
            other => {
                return Err(format!(
                    "its tensor `{tensor}` has the shape {other:?}; download the model again"
                ));
            }
        };
        let read = || -> candle_core::Result<Vec<f32>> {
            let (file, _) = open_regular(&self.path, self.limit).map_err(candle_core::Error::wrap)?;
            let mut reader = BufReader::new(file);
            let tensor = self.content.tensor(&mut reader, tensor, &Device::Cpu)?;
            tensor.dequantize(&Device::Cpu)?.to_vec1()
        };
        let factors = guarded(read).and_then(Result::ok);
        let usable = |factors: &Vec<f32>| factors.len() == count && factors.iter().all(|f| f.is_finite() && *f > 0.0);
        match factors.filter(usable) {
            Some(factors) => Ok(Some(factors)),
            None => Err(format!(
                "its tensor `{tensor}` cannot be read; download the model again"
            )),
        }
    }
}

fn refused(path: &Path, error: Unread) -> LoadError {
    let path = path.to_owned();
    match error {
        Unread::Io(error) if error.kind() == std::io::ErrorKind::NotFound => LoadError::Gguf {
            path,
            reason: "there is no such file; name a GGUF file, or a model folder".to_owned(),
        },
        Unread::Io(error) => LoadError::Io { path, error },
        Unread::Irregular(kind) => LoadError::Irregular { path, kind },
        Unread::TooLarge { bytes, limit } => LoadError::TooLarge { path, bytes, limit },
    }
}
