//! The model's numbers, held against what independent implementations computed.
//!
//! Tests of the f32 original need its folder in FOVEA_F32_MODEL (`tests/reference/fetch_model.sh`). Where it is not set they say
//! so and pass; in CI (`CI=true`) it must be set.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test says by failing what was not there"
)]

mod compare;
mod embedded;
mod explain;
mod parity;
mod paths;
mod tiny;

use std::path::PathBuf;

use fovea::model::{Model, Source};

/// The f32 original, if this machine has it.
fn f32_model() -> Option<Model> {
    let Some(folder) = std::env::var_os("FOVEA_F32_MODEL") else {
        assert!(std::env::var_os("CI").is_none(), "CI has to set FOVEA_F32_MODEL");
        eprintln!("skipped: FOVEA_F32_MODEL names no folder with the f32 model");
        return None;
    };
    Some(Model::load(&Source::Folder(PathBuf::from(folder))).unwrap())
}

fn embedded() -> Model {
    Model::load(&Source::Embedded).unwrap()
}

fn normalise(v: &[f32]) -> Vec<f32> {
    let length = v.iter().map(|v| v * v).sum::<f32>().sqrt();
    v.iter().map(|v| v / length).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    normalise(a).iter().zip(normalise(b)).map(|(a, b)| a * b).sum()
}

/// Units of this repository's own sources: real code and prose in several languages.
fn real_units(model: &Model) -> Vec<(String, fovea::text::Language)> {
    use fovea::segment::{Budget, parse, segment};
    use fovea::text::{Language, Snapshot};
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "src/model/ops/tests.rs",
        "src/model/load.rs",
        "src/explain/pair.rs",
        "tests/reference/golden.py",
        "Cargo.toml",
    ];
    let mut units = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let language = Language::from_path(file.as_ref());
        let snapshot = Snapshot::new(&text, 0, language);
        let budget = Budget {
            tokens: &|text, language| model.count(text, language),
            window: model.window(),
        };
        let segments = segment(&snapshot, &parse(&snapshot), &budget);
        units.extend(
            segments
                .units
                .into_iter()
                .map(|unit| (text[unit.range].to_owned(), unit.language)),
        );
    }
    units
}
