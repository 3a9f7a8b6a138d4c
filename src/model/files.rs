//! The files of a model: those inside the binary, or a folder's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::load::{LoadError, Source, embedded_available};
use super::prompts::{Prompts, Role};

const MAX_JSON: u64 = 256 << 20;
const MAX_WEIGHTS: u64 = 16 << 30;

/// The files of a model, wherever they are.
pub(super) enum Files {
    Embedded,
    Folder(PathBuf),
}

impl Files {
    pub(super) fn open(source: &Source) -> Result<Files, LoadError> {
        match source {
            Source::Embedded if embedded_available() => Ok(Files::Embedded),
            Source::Embedded => Err(LoadError::NotEmbedded),
            Source::Folder(folder) if folder.is_dir() => Ok(Files::Folder(folder.clone())),
            Source::Folder(folder) => Err(LoadError::NoFolder(folder.clone())),
        }
    }

    pub(super) fn name(&self) -> String {
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

    /// What the model may be called by.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Files::Embedded => vec![self.name()],
            Files::Folder(folder) => super::prompts::names_of(folder),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Files::Embedded => Path::new("embedded").join(name),
            Files::Folder(folder) => folder.join(name),
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>, LoadError> {
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

    pub(super) fn required(&self, name: &str) -> Result<Cow<'static, [u8]>, LoadError> {
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
    pub(super) fn weight_files(&self) -> Result<Vec<String>, LoadError> {
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

    pub(super) fn recorded(&self) -> Result<BTreeMap<String, String>, LoadError> {
        let Some(json) = self.read("sha256.json")? else {
            return Ok(BTreeMap::new());
        };
        serde_json::from_slice(&json).map_err(|error| LoadError::Damaged {
            path: self.path("sha256.json"),
            reason: error.to_string(),
        })
    }

    /// Hash of everything that shapes a result.
    pub(super) fn content_id(&self, weights: &str, prompts: &Prompts) -> Result<String, LoadError> {
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

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
