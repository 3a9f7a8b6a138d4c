//! The reasons why a model could not be loaded.

use std::path::{Path, PathBuf};

use super::config::ConfigError;

/// The reason why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The program was built without the feature `embedded-model`.
    #[error(
        "this build of fovea contains no model; name a model folder with --model DIR, FOVEA_MODEL or fovea.model.dir, or put the model into \
             fovea/models/all-MiniLM-L6-v2 of your cache folder"
    )]
    NotEmbedded,
    /// The folder does not exist.
    #[error(
        "{0}: no such folder; name a model folder with config.json, tokenizer.json and model.safetensors, or a GGUF file with its whole path"
    )]
    NoFolder(PathBuf),
    /// A name of the Hugging Face Hub that this machine does not have.
    #[error(
        "{0}: no such folder, and the model is not on this machine; download it with `fovea model pull {0}` (needs a build with the \
         feature hub) or with `hf download {0}`, or name a model folder"
    )]
    NotDownloaded(String),
    /// A file of the folder does not exist.
    #[error(
        "{folder}: {file} is missing; a Hugging Face model folder contains config.json, tokenizer.json and model.safetensors"
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: String,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// A pipe, a device or a folder where a file is expected.
    #[error("cannot read {path}: it is {kind}, not a regular file; put the model's file in its place")]
    Irregular {
        /// The path.
        path: PathBuf,
        /// The kind of the file.
        kind: &'static str,
    },
    /// Weights in a format that may run code.
    #[error(
        "{0} is the only weight file; fovea does not read it, because such files may run code: convert it with save_pretrained(…, \
         safe_serialization=True), or download model.safetensors"
    )]
    Pickle(PathBuf),
    /// A Git LFS pointer instead of the file.
    #[error("{0} is only a Git LFS pointer to the file; run `git lfs pull` in the model's folder to fetch it")]
    LfsPointer(PathBuf),
    /// A file larger than any model file.
    #[error(
        "{path}: the file has {bytes} bytes, over the limit of {limit} for a model file; check that it belongs to the model"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The maximum.
        limit: u64,
    },
    /// A GGUF file that cannot be used.
    #[error("cannot use {path} as a model: {reason}")]
    Gguf {
        /// The file.
        path: PathBuf,
        /// The reason, and what to do.
        reason: String,
    },
    /// A damaged or truncated weight file.
    #[error("cannot read {path}: damaged or incomplete ({reason}); download the model again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The weights lack a tensor.
    #[error("the weights contain no tensor `{0}`; check that they belong to the model that config.json describes")]
    NoTensor(String),
    /// A tensor of an unexpected shape.
    #[error(
        "tensor `{name}` has the shape {found:?}, but config.json requires {expected:?}; check that both belong to the same model"
    )]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that config.json implies.
        expected: Vec<usize>,
    },
    /// A tensor with NaN or infinite values.
    #[error(
        "tensor `{name}` contains {count} values that are not finite (NaN or infinite); the weights are damaged, download the model again"
    )]
    NotFinite {
        /// The tensor.
        name: String,
        /// The number of such values.
        count: usize,
    },
    /// tokenizer.json cannot be read.
    #[error("{0}")]
    Tokenizer(String),
    /// The vocabulary of the tokenizer does not match the weights.
    #[error(
        "tokenizer.json has {tokenizer} entries, but the weights have {weights}: they belong to different models; download the model again"
    )]
    Mismatch {
        /// Entries of tokenizer.json.
        tokenizer: usize,
        /// Rows of the embedding table.
        weights: usize,
    },
    /// A configuration that this version cannot run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A model with one of the errors that do not name it.
    #[error("{}: {error}", .model.display())]
    Of {
        /// Its folder or file.
        model: PathBuf,
        /// The error.
        error: Box<LoadError>,
    },
    /// A tensor operation failed.
    #[error("a tensor operation failed while the model was loading: {}", without_backtrace(.0))]
    Tensor(#[from] candle_core::Error),
}

impl LoadError {
    /// The error with the folder or file of its model, if its text does not name a path.
    pub(super) fn of(self, model: &Path) -> LoadError {
        match self {
            LoadError::NoTensor(_)
            | LoadError::Shape { .. }
            | LoadError::NotFinite { .. }
            | LoadError::Mismatch { .. }
            | LoadError::Config(_)
            | LoadError::Tensor(_) => LoadError::Of {
                model: model.to_owned(),
                error: Box::new(self),
            },
            named => named,
        }
    }
}

/// What candle says, without the backtrace that it adds if RUST_BACKTRACE is set: a message is for a user.
pub(super) fn without_backtrace(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
