//! Where models come from: the embedded one, or a Hugging Face folder.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file;
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::bert::Bert;
use super::config::{self, Config, ConfigError};
use super::{Model, ModelInfo, Pooling, Tokenizer};

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
    #[error("this fovea was built without a model; name a folder with --model DIR, FOVEA_MODEL or fovea.model.dir")]
    NotEmbedded,
    /// The folder is not there.
    #[error("{0}: no such folder; --model takes a folder with config.json, tokenizer.json and model.safetensors")]
    NoFolder(PathBuf),
    /// A file of the folder is not there.
    #[error(
        "{folder}: {file} is missing; a Hugging Face model folder has config.json, tokenizer.json and model.safetensors"
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: String,
    },
    /// A file could not be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file too large to be what its name says.
    #[error("{path}: {bytes} bytes are more than the {limit} a model file may have")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most.
        limit: u64,
    },
    /// A damaged or truncated weight file.
    #[error("{path}: damaged or incomplete: {reason}; fetch the model again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The weights lack a tensor.
    #[error("the weights have no tensor `{0}`; are they of the model that config.json describes?")]
    NoTensor(String),
    /// A tensor of another shape.
    #[error("tensor `{name}` is {found:?}, config.json says {expected:?}")]
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
    #[error("tokenizer.json has {tokenizer} entries, the weights have {weights}: they are not of one model")]
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
    #[error("tensor operation failed while loading: {0}")]
    Tensor(#[from] candle_core::Error),
}

const MAX_JSON: u64 = 256 << 20;
const MAX_WEIGHTS: u64 = 16 << 30;

/// Whether the binary carries a model.
pub const fn embedded_available() -> bool {
    cfg!(feature = "embedded-model")
}

/// Loads a model.
pub(super) fn load(source: &Source) -> Result<Model, LoadError> {
    let files = Files::open(source)?;
    let config = Config::parse(&files.required("config.json")?)?;
    let pooling = match files.read("1_Pooling/config.json")? {
        Some(json) => config::parse_pooling(&json)?,
        None => Pooling::Mean,
    };
    let longest = config.positions - config.first_position;
    let window = match files.read("sentence_bert_config.json")? {
        Some(json) => config::parse_window(&json)?.unwrap_or(longest),
        None => longest,
    };
    // The tokenizer is text to parse and the weights are numbers to expand: neither waits for the other.
    let (tokenizer, weights) = rayon::join(|| load_tokenizer(&files, &config), || Weights::read(&files));
    let (tokenizer, mut weights) = (tokenizer?, weights?);
    let info = ModelInfo {
        name: files.name(),
        id: files.content_id(&weights.checksum)?,
        architecture: config.architecture.clone(),
        layers: config.layers,
        heads: config.heads,
        hidden: config.hidden,
        window: window.clamp(8, longest),
        vocabulary: config.vocabulary,
        pooling,
        weights: weights.format.clone(),
    };
    let encoder = Box::new(Bert::load(config, &mut weights)?);
    Ok(Model {
        info,
        tokenizer,
        encoder,
        pooling,
        identifier_aware: true,
    })
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

/// The files of a model, wherever they are.
enum Files {
    Embedded,
    Folder(PathBuf),
}

impl Files {
    fn open(source: &Source) -> Result<Files, LoadError> {
        match source {
            Source::Embedded if embedded_available() => Ok(Files::Embedded),
            Source::Embedded => Err(LoadError::NotEmbedded),
            Source::Folder(folder) if folder.is_dir() => Ok(Files::Folder(folder.clone())),
            Source::Folder(folder) => Err(LoadError::NoFolder(folder.clone())),
        }
    }

    fn name(&self) -> String {
        match self {
            Files::Embedded => "all-MiniLM-L6-v2".to_owned(),
            Files::Folder(folder) => {
                let whole = folder.canonicalize().unwrap_or_else(|_| folder.clone());
                whole
                    .file_name()
                    .map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        match self {
            Files::Embedded => Path::new("embedded").join(name),
            Files::Folder(folder) => folder.join(name),
        }
    }

    fn read(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>, LoadError> {
        let Files::Folder(folder) = self else {
            return Ok(embedded(name).map(Cow::Borrowed));
        };
        let path = folder.join(name);
        let io = |error| LoadError::Io {
            path: path.clone(),
            error,
        };
        let size = match std::fs::metadata(&path) {
            Ok(data) => data.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let limit = if name.ends_with(".json") { MAX_JSON } else { MAX_WEIGHTS };
        if size > limit {
            return Err(LoadError::TooLarge {
                path,
                bytes: size,
                limit,
            });
        }
        Ok(Some(Cow::Owned(std::fs::read(&path).map_err(io)?)))
    }

    fn required(&self, name: &str) -> Result<Cow<'static, [u8]>, LoadError> {
        self.read(name)?.ok_or_else(|| LoadError::Missing {
            folder: self.path(""),
            file: name.to_owned(),
        })
    }

    fn exists(&self, name: &str) -> bool {
        match self {
            Files::Embedded => embedded(name).is_some(),
            Files::Folder(folder) => folder.join(name).is_file(),
        }
    }

    /// The weight files: one, or the shards that an index names.
    fn weight_files(&self) -> Result<Vec<String>, LoadError> {
        const INDEX: &str = "model.safetensors.index.json";
        if let Some(single) = ["model.safetensors", "model.gguf"]
            .into_iter()
            .find(|name| self.exists(name))
        {
            return Ok(vec![single.to_owned()]);
        }
        let Some(index) = self.read(INDEX)? else {
            return Err(LoadError::Missing {
                folder: self.path(""),
                file: "model.safetensors".to_owned(),
            });
        };
        #[derive(serde::Deserialize)]
        struct Index {
            weight_map: BTreeMap<String, String>,
        }
        let damaged = |reason: String| LoadError::Damaged {
            path: self.path(INDEX),
            reason,
        };
        let index: Index = serde_json::from_slice(&index).map_err(|error| damaged(error.to_string()))?;
        let mut shards: Vec<String> = index.weight_map.into_values().collect();
        shards.sort();
        shards.dedup();
        // A shard is a file of this folder: an index must not reach outside it.
        if let Some(outside) = shards
            .iter()
            .find(|name| Path::new(name).components().count() != 1 || name.contains(".."))
        {
            return Err(damaged(format!("`{outside}` is not a file of this folder")));
        }
        Ok(shards)
    }

    fn recorded(&self) -> Result<BTreeMap<String, String>, LoadError> {
        let Some(json) = self.read("sha256.json")? else {
            return Ok(BTreeMap::new());
        };
        serde_json::from_slice(&json).map_err(|error| LoadError::Damaged {
            path: self.path("sha256.json"),
            reason: error.to_string(),
        })
    }

    /// Hash of everything that shapes a result.
    fn content_id(&self, weights: &str) -> Result<String, LoadError> {
        let mut hash = Sha256::new();
        hash.update(weights);
        for name in [
            "config.json",
            "tokenizer.json",
            "1_Pooling/config.json",
            "sentence_bert_config.json",
        ] {
            if let Some(bytes) = self.read(name)? {
                hash.update(Sha256::digest(&bytes));
            }
        }
        Ok(hex(&hash.finalize())[..16].to_owned())
    }
}

#[cfg(feature = "embedded-model")]
fn embedded(name: &str) -> Option<&'static [u8]> {
    macro_rules! files {
        ($($name:literal),*) => {
            match name {
                $($name => Some(include_bytes!(concat!("../../assets/all-MiniLM-L6-v2/", $name)).as_slice()),)*
                _ => None,
            }
        };
    }
    files!(
        "config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "sha256.json",
        "model.gguf"
    )
}

#[cfg(not(feature = "embedded-model"))]
fn embedded(_: &str) -> Option<&'static [u8]> {
    None
}

/// The tensors of a model by name, in f32 on the CPU.
pub(super) struct Weights {
    tensors: HashMap<String, Tensor>,
    format: String,
    checksum: String,
}

impl Weights {
    fn read(files: &Files) -> Result<Weights, LoadError> {
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
                Err(_) => return Err(damaged("its header cannot be read".to_owned())),
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
