//! Weights as GGUF.

#![no_main]

use std::sync::OnceLock;

use fovea_fuzz::Folder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    static FOLDER: OnceLock<Folder> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| Folder::of("tiny-sentence", &["model.safetensors"]));
    folder.write("model.gguf", data);
    folder.load_and_use();
});
