//! The files of a model: those inside the binary, or a folder's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::embedded::EmbeddedModel;
use super::gguf::Gguf;
use super::hub;
use super::load::{LoadError, Source};
use super::prompts::{Prompts, Role};
use crate::text::{Unread, open_regular, read_regular};

/// The most bytes of a configuration file. Published ones have some thousand, and an index of shards some ten thousand.
const MAX_CONFIG: u64 = 1 << 20;
/// The most bytes of tokenizer.json. The largest published ones have 35 MB.
const MAX_JSON: u64 = 64 << 20;
/// The most bytes of all weights. The largest encoder of a supported architecture has 2.2 GB in f32.
pub(super) const MAX_WEIGHTS: u64 = 8 << 30;

/// What a single file is called among the files of its model.
const WHOLE: &str = "model.gguf";
/// Where the pooling's configuration is in most folders.
const POOLING: &str = "1_Pooling/config.json";

/// How a file of Git LFS begins that stands for another one.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The files of a model, wherever they are.
pub(super) enum Files {
    Embedded(EmbeddedModel),
    Folder(PathBuf),
    /// A single file, which has in it what the others of a folder have.
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
            Source::File(path) => Ok(Files::File(Arc::new(Gguf::open(path)?))),
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

    /// What the model may be called by.
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

    /// The same files of a folder within this one, as modules.json names it.
    pub(super) fn within(&self, path: &str) -> Files {
        match self {
            Files::Embedded(inside) => Files::Embedded(*inside),
            Files::Folder(folder) => Files::Folder(folder.join(path)),
            Files::File(file) => Files::File(Arc::clone(file)),
        }
    }

    /// The bytes of a file; `None` where it is not there.
    pub(super) fn read(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>, LoadError> {
        let limit = match name {
            "tokenizer.json" => MAX_JSON,
            _ if name.ends_with(".json") => MAX_CONFIG,
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

    /// The size of a file that is there and may be read, without reading it.
    pub(super) fn size(&self, name: &str) -> Result<u64, LoadError> {
        match self {
            Files::Embedded(inside) => Ok(inside.file(name).map_or(0, |bytes| bytes.len() as u64)),
            Files::Folder(_) | Files::File(_) => {
                let path = self.path(name);
                match open_regular(&path, MAX_WEIGHTS) {
                    Ok((_, size)) => Ok(size),
                    Err(error) => absent(path, error).map(|()| 0),
                }
            }
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<Cow<'static, [u8]>, LoadError> {
        self.read(name)?.ok_or_else(|| LoadError::Missing {
            folder: self.path(""),
            file: name.to_owned(),
        })
    }

    fn exists(&self, name: &str) -> bool {
        match self {
            Files::Embedded(inside) => inside.file(name).is_some(),
            // What is there and is no file is named when it is read.
            Files::Folder(folder) => folder.join(name).exists(),
            Files::File(_) => name == WHOLE,
        }
    }

    /// The weight files: one, or the shards that an index names.
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

    /// Hash of everything that shapes a result.
    pub(super) fn content_id(
        &self,
        weights: &str,
        pooling: Option<&[u8]>,
        prompts: &Prompts,
    ) -> Result<String, LoadError> {
        let mut hash = Sha256::new();
        hash.update(weights);
        let beside: &[&str] = match self {
            // All of it is in the file, whose hash is that of the weights.
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
        // What they say and not the file, which names versions of programs as well.
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

/// Nothing for a file that is not there; otherwise why it cannot be read.
fn absent(path: PathBuf, error: Unread) -> Result<(), LoadError> {
    match error {
        Unread::Io(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Unread::Io(error) => Err(LoadError::Io { path, error }),
        Unread::Irregular(kind) => Err(LoadError::Irregular { path, kind }),
        Unread::TooLarge { bytes, limit } => Err(LoadError::TooLarge { path, bytes, limit }),
    }
}

/// Whether a name that a file of the model gives stays within the model's folder.
pub(super) fn is_inside(name: &str) -> bool {
    let inside = |part| matches!(part, std::path::Component::Normal(_));
    !name.is_empty() && Path::new(name).components().all(inside)
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
