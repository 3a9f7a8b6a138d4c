//! The model's numbers against those of independent implementations.
//!
//! Tests of the f32 original are ignored by default, because they need its folder in FOVEA_F32_MODEL (`tests/reference/fetch_model.sh`).
//! One test runs them if the variable is set; CI (`CI=true`) must set it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failing test names what is missing"
)]

mod compare;
mod embedded;
mod explain;
mod faithful;
mod families;
mod gguf;
mod hostile;
mod interpreter;
mod longword;
mod methods;
mod outputs;
mod parity;
mod paths;
#[cfg(feature = "multilingual")]
mod readers;
mod readouts;
mod sentence;
mod spans;
mod structure;
mod tiny;
mod view;

use std::path::PathBuf;

use fovea::explain::{Goal, Subject, WordMap};
use fovea::model::{Model, Packed, Source, Tokens, Trace, TraceLevel, UNSTOPPED};
use fovea::text::Language;

const F32_MODEL: &str = "FOVEA_F32_MODEL";
/// The variable with the folder of other real models, for tests with `real_model` in their names.
const REAL_MODELS: &str = "FOVEA_REAL_MODELS";
const GOLDEN_FULL: &str = "FOVEA_GOLDEN_FULL";
const GEMMA_GGUF: &str = "FOVEA_GEMMA_GGUF";

/// A text and everything about its pass that a method needs.
struct ReadText<'a> {
    text: &'a str,
    tokens: Tokens,
    trace: Trace,
    embedding: Vec<f32>,
    words: WordMap,
}

impl<'a> ReadText<'a> {
    fn new(model: &Model, text: &'a str, language: Language, keep: TraceLevel) -> ReadText<'a> {
        let tokens = model.tokenize(text, language).unwrap();
        let trace = traced(model, &tokens.ids, keep);
        ReadText {
            text,
            embedding: model.pool(&trace).unwrap(),
            words: WordMap::new(text, &tokens),
            tokens,
            trace,
        }
    }

    /// The subject of an explanation.
    fn subject<'b>(&'b self, goal: Goal<'b>) -> Subject<'b> {
        Subject {
            text: self.text,
            tokens: &self.tokens,
            trace: &self.trace,
            embedding: &self.embedding,
            words: &self.words,
            goal,
            types: &[],
        }
    }
}

/// A pass over one sequence.
fn traced(model: &Model, ids: &[u32], keep: TraceLevel) -> Trace {
    let batch = Packed::new([ids]);
    model.encoder().forward(&batch, keep, UNSTOPPED).unwrap().remove(0)
}

/// The f32 original. Tests that need it are ignored by default.
fn f32_model() -> Model {
    let folder = std::env::var_os(F32_MODEL);
    let folder =
        folder.expect("FOVEA_F32_MODEL is not set; `tests/reference/fetch_model.sh DEST` prints a folder for it");
    Model::load(&Source::Folder(PathBuf::from(folder))).unwrap()
}

#[test]
fn the_f32_original_passes_the_ignored_tests_if_it_is_present() {
    if std::env::var_os(F32_MODEL).is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI must set {F32_MODEL}");
        eprintln!("{F32_MODEL} is not set, so the ignored tests were not run");
        return;
    }
    let mut run = std::process::Command::new(std::env::current_exe().unwrap());
    run.arg("--ignored");
    if std::env::var_os(GOLDEN_FULL).is_none() {
        run.args(["--skip", "every_entry_equals_pytorch_when_the_full_file_is_there"]);
    }
    if std::env::var_os(REAL_MODELS).is_none() {
        run.args(["--skip", "real_model"]);
    }
    if std::env::var_os(GEMMA_GGUF).is_none() {
        run.args(["--skip", "gemma_"]);
    }
    let run = run.output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    let passed = said.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed >= 6, "only {passed} tests were run: {said}");
}

/// Pairs of two lists; panics if their lengths differ.
fn pairs<A, B>(a: A, b: B) -> impl Iterator<Item = (A::Item, B::Item)>
where
    A: IntoIterator<IntoIter: ExactSizeIterator>,
    B: IntoIterator<IntoIter: ExactSizeIterator>,
{
    let (a, b) = (a.into_iter(), b.into_iter());
    assert_eq!(a.len(), b.len(), "the lists have different lengths");
    a.zip(b)
}

fn embedded() -> Model {
    Model::load(&Source::EMBEDDED).unwrap()
}

fn normalize(v: &[f32]) -> Vec<f32> {
    let length = v.iter().map(|v| v * v).sum::<f32>().sqrt();
    v.iter().map(|v| v / length).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    pairs(normalize(a), normalize(b)).map(|(a, b)| a * b).sum()
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
