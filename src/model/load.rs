//! Where models come from: the embedded one, or a Hugging Face folder.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::bert::Bert;
use super::config::{self, Config, ConfigError};
use super::files::{Files, hex};
use super::prompts::{self, Prompts, Role};
use super::weights::Weights;
use super::{Model, ModelInfo, Pooling, Tokenizer};
use crate::places::cache_folders;
use crate::text::ModelText;

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// all-MiniLM-L6-v2 inside the binary.
    Embedded,
    /// A folder with config.json, tokenizer.json and model.safetensors (one file or shards) or model.gguf.
    Folder(PathBuf),
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The binary was built without the feature `embedded-model`.
    #[error(
        "this build of fovea contains no model; name a model folder with --model DIR, FOVEA_MODEL or fovea.model.dir, or put the model into \
             fovea/models/all-MiniLM-L6-v2 of your cache folder"
    )]
    NotEmbedded,
    /// The folder is not there.
    #[error("{0}: no such folder; name a model folder with config.json, tokenizer.json and model.safetensors")]
    NoFolder(PathBuf),
    /// A file of the folder is not there.
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
        /// Why.
        error: std::io::Error,
    },
    /// A file too large to be what its name says.
    #[error(
        "{path}: the file has {bytes} bytes, over the limit of {limit} for a model file; check that it belongs to the model"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most.
        limit: u64,
    },
    /// A damaged or truncated weight file.
    #[error("cannot read {path}: damaged or incomplete ({reason}); download the model again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The weights lack a tensor.
    #[error("the weights contain no tensor `{0}`; check that they belong to the model that config.json describes")]
    NoTensor(String),
    /// A tensor of another shape.
    #[error(
        "tensor `{name}` has the shape {found:?}, but config.json requires {expected:?}; check that both belong to the same model"
    )]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// What config.json implies.
        expected: Vec<usize>,
    },
    /// tokenizer.json cannot be read.
    #[error("{0}")]
    Tokenizer(String),
    /// The tokenizer's vocabulary is not the weights'.
    #[error(
        "tokenizer.json has {tokenizer} entries, but the weights have {weights}: they belong to different models; download the model again"
    )]
    Mismatch {
        /// Entries of tokenizer.json.
        tokenizer: usize,
        /// Rows of the embedding table.
        weights: usize,
    },
    /// A configuration this version cannot run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A tensor operation failed.
    #[error("a tensor operation failed while the model was loading: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Whether the binary carries a model.
pub const fn embedded_available() -> bool {
    cfg!(feature = "embedded-model")
}

/// Where the model is when nobody says: in the binary, or for one built without it in the user's cache folder under
/// `fovea/models/all-MiniLM-L6-v2`.
pub fn default_source() -> Source {
    if embedded_available() {
        return Source::Embedded;
    }
    let model = |folder: PathBuf| folder.join("models/all-MiniLM-L6-v2");
    let found = cache_folders().into_iter().map(model).find(|place| place.is_dir());
    found.map_or(Source::Embedded, Source::Folder)
}

/// Loads a model.
pub(super) fn load(source: &Source) -> Result<Model, LoadError> {
    let files = Files::open(source)?;
    let config = Config::parse(&files.required("config.json")?)?;
    let (pooling, includes_prompt) = match files.read("1_Pooling/config.json")? {
        Some(json) => config::parse_pooling(&json)?,
        None => (Pooling::Mean, true),
    };
    let prompts = Prompts::read(files.read(prompts::FILE)?.as_deref(), &files.names())?;
    let longest = config.positions - config.first_position;
    let window = match files.read("sentence_bert_config.json")? {
        Some(json) => config::parse_window(&json)?.unwrap_or(longest),
        None => longest,
    };
    // The tokenizer is text to parse and the weights are numbers to expand: neither waits for the other.
    let (tokenizer, weights) = rayon::join(|| load_tokenizer(&files, &config), || Weights::read(&files));
    let (tokenizer, mut weights) = (tokenizer?, weights?);
    let window = window.clamp(8, longest);
    let room = room(&tokenizer, &prompts, window)?;
    let info = ModelInfo {
        name: files.name(),
        id: files.content_id(&weights.checksum, &prompts)?,
        architecture: config.architecture.clone(),
        layers: config.layers,
        heads: config.heads,
        hidden: config.hidden,
        window,
        vocabulary: config.vocabulary,
        pooling,
        prompts,
        weights: weights.format.clone(),
    };
    let encoder = Arc::new(Bert::load(config, &mut weights)?);
    Ok(Model {
        info,
        tokenizer: Arc::new(tokenizer),
        encoder,
        pooling,
        includes_prompt,
        embedded: *source == Source::Embedded,
        room,
        identifier_aware: true,
    })
}

/// Tokens of a window that are left for a text beside the longest prompt: half of them at least.
fn room(tokenizer: &Tokenizer, prompts: &Prompts, window: usize) -> Result<usize, LoadError> {
    let mut longest = 0;
    for role in [Role::Plain, Role::Query, Role::Passage] {
        let prompt = prompts.of(role);
        let tokens = tokenizer.tokenize("", &ModelText::plain(""), prompt);
        let tokens = tokens.map_err(|error| LoadError::Tokenizer(format!("cannot read a prompt: {error}")))?;
        longest = longest.max(tokens.prompt.len());
    }
    let room = window - longest.min(window);
    if longest > 0 && room < window / 2 {
        return Err(ConfigError::Prompt(format!(
            "a prompt has {longest} tokens, more than half of the model's window of {window}; shorten it"
        ))
        .into());
    }
    Ok(room)
}

fn load_tokenizer(files: &Files, config: &Config) -> Result<Tokenizer, LoadError> {
    let origin = files.path("tokenizer.json");
    let tokenizer = Tokenizer::parse(&files.required("tokenizer.json")?, &origin).map_err(LoadError::Tokenizer)?;
    // Weights are often padded by some rows, never by a tenth.
    let (entries, rows) = (tokenizer.vocabulary(), config.vocabulary);
    if entries > rows || entries * 10 < rows * 9 {
        return Err(LoadError::Mismatch {
            tokenizer: entries,
            weights: rows,
        });
    }
    Ok(tokenizer)
}

/// One checked file of a model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileCheck {
    /// Its name in the folder.
    pub file: String,
    /// SHA-256 of what is there, in hexadecimal.
    pub sha256: String,
    /// SHA-256 as recorded beside the model; `None` where nothing is recorded.
    pub expected: Option<String>,
}

impl FileCheck {
    /// Whether the file is what was recorded, or nothing was.
    pub fn holds(&self) -> bool {
        self.expected.as_ref().is_none_or(|expected| *expected == self.sha256)
    }
}

/// Computes the checksums of a model's files and sets them beside those recorded in its sha256.json.
///
/// # Errors
/// If a file is missing or cannot be read.
pub fn verify(source: &Source) -> Result<Vec<FileCheck>, LoadError> {
    let files = Files::open(source)?;
    let recorded = files.recorded()?;
    let mut names: Vec<String> = vec!["config.json".into(), "tokenizer.json".into()];
    names.extend(files.weight_files()?);
    names.extend(
        recorded
            .keys()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect::<Vec<_>>(),
    );
    let check = |file: String| {
        let sha256 = hex(&Sha256::digest(&files.required(&file)?));
        Ok(FileCheck {
            expected: recorded.get(&file).cloned(),
            file,
            sha256,
        })
    };
    names.into_iter().map(check).collect()
}
