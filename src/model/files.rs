//! The files of a model: embedded in the program, in a folder, or in one GGUF file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::chat;
use super::embedded::EmbeddedModel;
use super::gguf::Gguf;
use super::hub;
use super::load_error::LoadError;
use super::prompts::{Prompts, Role};
use super::source::Source;
use super::weight_file::WeightFile;
use crate::text::{Unread, open_regular, read_regular};

/// Maximum size of a configuration file in bytes. Published ones have a few thousand, and an index of shards some ten thousand.
const MAX_CONFIG: u64 = 1 << 20;
/// Maximum size of tokenizer.json in bytes. The largest published ones have 35 MB.
const MAX_JSON: u64 = 64 << 20;
/// Maximum total size of the weights in bytes. The largest encoder of a supported architecture has 2.2 GB in f32.
pub(super) const MAX_WEIGHTS: u64 = 8 << 30;

/// The name of a single GGUF file among the files of its model.
const WHOLE: &str = "model.gguf";
/// The location of the pooling configuration in most folders.
const POOLING: &str = "1_Pooling/config.json";

/// The first bytes of a Git LFS pointer.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The files of a model.
pub(super) enum Files {
    Embedded(EmbeddedModel),
    Folder(PathBuf),
    /// A single GGUF file, which contains everything that the files of a folder have.
    File(Arc<Gguf>),
}

impl Files {
    pub(super) fn open(source: &Source) -> Result<Files, LoadError> {
        match source {
            Source::Embedded(inside) if inside.available() => Ok(Files::Embedded(*inside)),
            Source::Embedded(_) => Err(LoadError::NotEmbedded),
            Source::Folder(folder) if folder.is_dir() => Ok(Files::Folder(folder.clone())),
            Source::Folder(folder) => Err(match folder.to_str().filter(|name| hub::repository(name).is_some()) {
                Some(name) => LoadError::NotDownloaded(name.to_owned()),
                None => LoadError::NoFolder(folder.clone()),
            }),
            Source::File(path) => Ok(Files::File(Arc::new(Gguf::open(path, MAX_WEIGHTS)?))),
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Files::Embedded(inside) => inside.name().to_owned(),
            Files::Folder(folder) => {
                let whole = folder.canonicalize().unwrap_or_else(|_| folder.clone());
                whole
                    .file_name()
                    .map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned())
            }
            Files::File(file) => file.name(),
        }
    }

    /// The names under which the model may be known.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Files::Embedded(_) => vec![self.name()],
            Files::Folder(folder) => super::prompts::names_of(folder),
            Files::File(file) => vec![file.name(), file.stem()],
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Files::Embedded(_) => Path::new("embedded").join(name),
            Files::Folder(folder) => folder.join(name),
            Files::File(file) => file.path.clone(),
        }
    }

    /// The files in a subfolder, which modules.json names.
    pub(super) fn within(&self, path: &str) -> Files {
        match self {
            Files::Embedded(inside) => Files::Embedded(*inside),
            Files::Folder(folder) => Files::Folder(folder.join(path)),
            Files::File(file) => Files::File(Arc::clone(file)),
        }
    }

    /// The bytes of a file; `None` if it does not exist.
    pub(super) fn read(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>, LoadError> {
        let limit = match name {
            "tokenizer.json" => MAX_JSON,
            _ if name.ends_with(".json") || name == chat::FILE => MAX_CONFIG,
            _ => MAX_WEIGHTS,
        };
        let path = match self {
            Files::Embedded(inside) => return Ok(inside.file(name).map(Cow::Borrowed)),
            Files::Folder(folder) => folder.join(name),
            Files::File(file) if name == WHOLE => file.path.clone(),
            Files::File(file) => return Ok(file.part(name)?.map(Cow::Owned)),
        };
        let bytes = match read_regular(&path, limit) {
            Ok(bytes) => bytes,
            Err(error) => return absent(path, error).map(|()| None),
        };
        match bytes.starts_with(LFS_POINTER) {
            true => Err(LoadError::LfsPointer(path)),
            false => Ok(Some(Cow::Owned(bytes))),
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<Cow<'static, [u8]>, LoadError> {
        self.read(name)?.ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> LoadError {
        LoadError::Missing {
            folder: self.path(""),
            file: name.to_owned(),
        }
    }

    /// A file to be read in parts.
    pub(super) fn weight_file(&self, name: &str) -> Result<WeightFile, LoadError> {
        let missing = || self.missing(name);
        if let Files::Embedded(inside) = self {
            return inside.file(name).map(WeightFile::Embedded).ok_or_else(missing);
        }
        let path = self.path(name);
        let (file, size) = match open_regular(&path, MAX_WEIGHTS) {
            Ok(opened) => opened,
            Err(error) => return Err(absent(path, error).err().unwrap_or_else(missing)),
        };
        let file = WeightFile::Opened(file, size);
        let mut start = Vec::new();
        let read = file.reader().take(LFS_POINTER.len() as u64).read_to_end(&mut start);
        match read {
            Ok(_) if start == LFS_POINTER => Err(LoadError::LfsPointer(path)),
            Ok(_) => Ok(file),
            Err(error) => Err(LoadError::Io { path, error }),
        }
    }

    /// SHA-256 of an opened file, in hexadecimal.
    pub(super) fn sha256(&self, name: &str, file: &WeightFile) -> Result<String, LoadError> {
        let hash = file.sha256().map_err(|error| LoadError::Io {
            path: self.path(name),
            error,
        });
        Ok(hex(&hash?))
    }

    fn exists(&self, name: &str) -> bool {
        match self {
            Files::Embedded(inside) => inside.file(name).is_some(),
            // If the path is not a regular file, reading it gives the error.
            Files::Folder(folder) => folder.join(name).exists(),
            Files::File(_) => name == WHOLE,
        }
    }

    /// The names of the weight files: one, or the shards in an index.
    pub(super) fn weight_files(&self) -> Result<Vec<String>, LoadError> {
        const INDEX: &str = "model.safetensors.index.json";
        if let Some(single) = ["model.safetensors", "model.gguf"]
            .into_iter()
            .find(|name| self.exists(name))
        {
            return Ok(vec![single.to_owned()]);
        }
        let Some(index) = self.read(INDEX)? else {
            if self.exists("pytorch_model.bin") {
                return Err(LoadError::Pickle(self.path("pytorch_model.bin")));
            }
            return Err(self.missing("model.safetensors"));
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
        // Shards must be files of this folder; an index must not name paths outside it.
        if let Some(outside) = shards.iter().find(|name| !is_inside(name)) {
            return Err(damaged(format!("`{outside}` is not a file of this folder")));
        }
        Ok(shards)
    }

    pub(super) fn recorded(&self) -> Result<BTreeMap<String, String>, LoadError> {
        let Some(json) = self.read("sha256.json")? else {
            return Ok(BTreeMap::new());
        };
        let damaged = |reason: String| LoadError::Damaged {
            path: self.path("sha256.json"),
            reason,
        };
        let recorded: BTreeMap<String, String> =
            serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
        match recorded.keys().find(|name| !is_inside(name)) {
            Some(outside) => Err(damaged(format!("`{outside}` is not a file of this folder"))),
            None => Ok(recorded),
        }
    }

    /// A hash of everything that results depend on.
    pub(super) fn content_id(
        &self,
        weights: &str,
        pooling: Option<&[u8]>,
        prompts: &Prompts,
    ) -> Result<String, LoadError> {
        let mut hash = Sha256::new();
        hash.update(weights);
        let beside: &[&str] = match self {
            // The file contains all of it, and `weights` is its hash.
            Files::File(_) => &[],
            _ => &["config.json", "tokenizer.json", POOLING, "sentence_bert_config.json"],
        };
        for name in beside {
            let bytes = match *name {
                POOLING => pooling.map(Cow::Borrowed),
                name => self.read(name)?,
            };
            if let Some(bytes) = bytes {
                hash.update(Sha256::digest(&bytes));
            }
        }
        // The prompts count and not the file, which also contains versions of programs.
        if !prompts.is_empty() {
            for role in [Role::Plain, Role::Query, Role::Passage] {
                let prompt = prompts.of(role);
                hash.update((prompt.len() as u64).to_le_bytes());
                hash.update(prompt);
            }
        }
        Ok(hex(&hash.finalize())[..16].to_owned())
    }
}

/// Nothing for a missing file; otherwise the reason why it cannot be read.
fn absent(path: PathBuf, error: Unread) -> Result<(), LoadError> {
    match error {
        Unread::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Unread::Io(error) => Err(LoadError::Io { path, error }),
        Unread::Irregular(kind) => Err(LoadError::Irregular { path, kind }),
        Unread::TooLarge { bytes, limit } => Err(LoadError::TooLarge { path, bytes, limit }),
    }
}

/// Whether a file name given by the model stays within the model's folder.
pub(super) fn is_inside(name: &str) -> bool {
    let inside = |part| matches!(part, std::path::Component::Normal(_));
    !name.is_empty() && Path::new(name).components().all(inside)
}

/// The bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
