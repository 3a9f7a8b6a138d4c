//! A published file: Gemma 3 270M.

use fovea::model::simd;

use super::*;
use crate::GEMMA_GGUF;

/// How far a log-probability may be off, on processors that multiply integers as well as in floats.
const TOLERANCE: f32 = 1e-3;

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u32>,
    best: Vec<(u32, f64)>,
}

/// Compares ids with SentencePiece's and probabilities with those of transformers in floats (`tests/reference/gemma.py`).
///
/// Needs `FOVEA_GEMMA_GGUF`, the path of gemma-3-270m in Q4_K_M.
#[test]
#[ignore = "needs a file of 250 MB in FOVEA_GEMMA_GGUF"]
fn gemma_reads_and_continues_texts_as_sentencepiece_and_transformers_do() {
    let path = std::env::var_os(GEMMA_GGUF).expect("FOVEA_GEMMA_GGUF names no file");
    let source = Source::at(Path::new(&path));
    let model = Model::load(&source).unwrap();
    let network = network(&source).unwrap();
    let golden: Vec<Golden> = serde_json::from_value(json_of("tests/reference/gemma.json")).unwrap();
    assert!(golden.len() >= 6);
    let mut furthest = 0f32;
    for golden in golden {
        assert_eq!(ids(&model, &golden.text), golden.ids, "{:?}", golden.text);
        let packed = Packed::new([golden.ids.as_slice()]);
        let read = network.read(&packed, None, TraceLevel::LastHidden, UNSTOPPED).unwrap();
        let width = network.spec.stack.hidden;
        let last = &read.hidden[read.hidden.len() - width..];
        let logits = network.logits(last).unwrap().unwrap();
        let most = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
        let log_probability = |id: u32| f64::from(logits[id as usize] - most) - sum.ln();
        let best = (0..logits.len())
            .max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
            .unwrap();
        assert_eq!(best as u32, golden.best[0].0, "{:?}", golden.text);
        let off = golden
            .best
            .iter()
            .map(|(id, expected)| (log_probability(*id) - expected).abs() as f32);
        furthest = off.fold(furthest, f32::max);
    }
    println!("log-probabilities are off by {furthest:.6} at most");
    assert!(furthest < TOLERANCE, "log-probabilities are off by {furthest}");
}

/// The same on the portable path, which computes in floats; other processors may multiply 16-bit integers.
#[test]
#[ignore = "needs a file of 250 MB in FOVEA_GEMMA_GGUF"]
fn gemma_in_floats_is_within_a_thousandth() {
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--show-output"])
        .arg("gguf::gemma::gemma_reads_and_continues_texts_as_sentencepiece_and_transformers_do")
        .env("FOVEA_KERNELS", "portable")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
    assert!(!simd::Isa::Portable.prefers_integers());
}

#[derive(serde::Deserialize)]
struct Greedy {
    text: String,
    ids: Vec<u32>,
    next: Vec<u32>,
    log_probabilities: Vec<f32>,
    ahead: Vec<f64>,
}

/// The lead of the most probable token above which another order of float operations cannot change the choice.
const CLEAR: f64 = 5e-3;

/// Compares greedy generation with transformers (`tests/reference/gemma_greedy.py`): tokens and log-probabilities.
///
/// The comparison of a text ends where two tokens are almost equally probable.
#[test]
#[ignore = "needs a file of 250 MB in FOVEA_GEMMA_GGUF"]
fn gemma_writes_greedily_what_transformers_writes() {
    use fovea::model::generate::{Limits, Sampling, Written};
    let path = std::env::var_os(GEMMA_GGUF).expect("FOVEA_GEMMA_GGUF names no file");
    let source = Source::at(Path::new(&path));
    let (model, network) = (Model::load(&source).unwrap(), network(&source).unwrap());
    let golden: Vec<Greedy> = serde_json::from_value(json_of("tests/reference/gemma_greedy.json")).unwrap();
    let limits = Limits {
        tokens: 50,
        stops: Vec::new(),
    };
    let (mut compared, mut furthest) = (0, 0f32);
    for golden in &golden {
        let mut written: Vec<Written> = Vec::new();
        let mut told = |token: &Written| {
            written.push(token.clone());
            true
        };
        let greedy = Sampling::default();
        let ended = network.generate(&golden.ids, model.tokenizer(), greedy, &limits, &mut told, UNSTOPPED);
        ended.unwrap();
        for (step, token) in written.iter().enumerate() {
            if token.id != golden.next[step] {
                assert!(golden.ahead[step] < CLEAR, "{:?}, token {step}", golden.text);
                break;
            }
            furthest = furthest.max((token.logprob - golden.log_probabilities[step]).abs());
            compared += 1;
        }
    }
    println!("{compared} tokens; log-probabilities are off by {furthest:.6} at most");
    assert!(golden.len() == 10 && compared > 300, "{compared}");
    assert!(furthest < TOLERANCE, "log-probabilities are off by {furthest}");
}

/// The same on the portable path, which computes in floats.
#[test]
#[ignore = "needs a file of 250 MB in FOVEA_GEMMA_GGUF"]
fn gemma_writes_in_floats_what_transformers_writes() {
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--show-output"])
        .arg("gguf::gemma::gemma_writes_greedily_what_transformers_writes")
        .env("FOVEA_KERNELS", "portable")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}
