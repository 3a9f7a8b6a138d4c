//! Where a model is: inside the program, in a folder, or in one file.

use std::path::{Path, PathBuf};

use super::embedded::EmbeddedModel;
use super::hub;
use crate::places::cache_folders;

/// The location of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Inside the program.
    Embedded(EmbeddedModel),
    /// A folder with config.json, tokenizer.json and model.safetensors (one file or shards) or model.gguf.
    Folder(PathBuf),
    /// A single GGUF file in llama.cpp's format, which contains configuration and tokenizer.
    File(PathBuf),
}

impl Source {
    /// The embedded model for English and code, which is the default.
    pub const EMBEDDED: Source = Source::Embedded(EmbeddedModel::English);

    /// The model at a path: a file if one is there, or if the name is that of a GGUF file; a folder otherwise. `OWNER/NAME` that is no
    /// path names a model of the Hugging Face Hub that this machine has ([`hub::downloaded`]).
    pub fn at(path: &Path) -> Source {
        if !path.exists()
            && let Some(found) = path.to_str().and_then(hub::downloaded)
        {
            return match found.is_dir() {
                true => Source::Folder(found),
                false => Source::File(found),
            };
        }
        let named = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        match !path.is_dir() && (named || path.exists()) {
            true => Source::File(path.to_owned()),
            false => Source::Folder(path.to_owned()),
        }
    }
}

/// Whether the program contains a model.
pub const fn embedded_available() -> bool {
    EmbeddedModel::English.available()
}

/// The default model: the embedded one, or in builds without it the folder `fovea/models/all-MiniLM-L6-v2` in the user's cache.
pub fn default_source() -> Source {
    if embedded_available() {
        return Source::EMBEDDED;
    }
    let model = |folder: PathBuf| folder.join("models/all-MiniLM-L6-v2");
    let found = cache_folders().into_iter().map(model).find(|place| place.is_dir());
    found.map_or(Source::EMBEDDED, Source::Folder)
}
