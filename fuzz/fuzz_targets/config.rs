//! The small files of a model folder: configuration, modules, pooling, prompts, the list of shards.

#![no_main]

use std::sync::OnceLock;

use fovea_fuzz::{CONFIG_FILES, Folder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    static FOLDER: OnceLock<Folder> = OnceLock::new();
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    let name = CONFIG_FILES[usize::from(*which) % CONFIG_FILES.len()];
    let folder = FOLDER.get_or_init(|| Folder::of("tiny-sentence", &[]));
    // A list of shards counts only where there is no whole file.
    let shards = name == "model.safetensors.index.json";
    if shards {
        folder.rename("model.safetensors", "shard.safetensors");
    }
    let before = folder.write(name, bytes);
    folder.load_and_use();
    folder.restore(name, before);
    if shards {
        folder.rename("shard.safetensors", "model.safetensors");
    }
});
