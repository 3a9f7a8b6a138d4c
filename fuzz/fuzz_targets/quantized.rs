//! A single GGUF file of a model that writes: metadata, tokenizer, matrices in blocks; then it reads and writes.

#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use fovea::model::generate::{Limits, Sampling};
use fovea::model::{Model, Source, UNSTOPPED, network};
use fovea::text::Language;
use fovea_fuzz::{in_memory, use_model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let path = FILE.get_or_init(|| in_memory().with_extension("gguf"));
    std::fs::write(path, data).expect("the file is ours");
    let source = Source::File(path.clone());
    let model = match Model::load(&source) {
        Ok(model) => model,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    use_model(&model);
    let (Ok(network), Ok(tokens)) = (network(&source), model.tokenize("def re", Language::Prose)) else {
        return;
    };
    let limits = Limits {
        tokens: 3,
        stops: Vec::new(),
    };
    let mut told = |_: &_| true;
    // Refused or written: this finds out whether it ends, and with which memory.
    let _ = network.generate(
        &tokens.ids,
        model.tokenizer(),
        Sampling::default(),
        &limits,
        &mut told,
        UNSTOPPED,
    );
});
