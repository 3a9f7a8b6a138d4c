//! Explanations beside the forward pass they start from: `cargo bench --bench explain`.
//!
//! Every row but the first includes its forward pass, so that the ratio of two rows is what an explanation costs.
//! `FOVEA_THREADS=1` measures one core, `FOVEA_KERNELS=avx2` another path.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::sync::LazyLock;

use divan::Bencher;
use fovea::explain::{alti, compare, decomposition, norm};
use fovea::model::{Keep, Model, Packed, Trace, UNSTOPPED, default_source, simd};
use fovea::text::Language;

static MODEL: LazyLock<Model> = LazyLock::new(|| Model::load(&default_source()).unwrap());

const LENGTHS: [usize; 2] = [64, 256];

fn main() {
    let threads = std::env::var("FOVEA_THREADS").ok();
    let threads = threads.and_then(|threads| threads.parse().ok()).unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    // From within, as the server works: who asks from outside is woken after every operation.
    pool.unwrap().install(|| {
        println!("path {}, {} threads", simd::path().name(), rayon::current_num_threads());
        divan::main();
    });
}

/// A sequence of word pieces spread over the vocabulary, as text has them, read by the model.
fn read(length: usize) -> Trace {
    let vocabulary = MODEL.info().vocabulary as u32;
    let ids: Vec<u32> = (0..length as u32).map(|i| (1000 + i * 7919) % vocabulary).collect();
    let batch = Packed::new([ids.as_slice()]);
    MODEL
        .encoder()
        .forward(&batch, Keep::Layers, UNSTOPPED)
        .unwrap()
        .remove(0)
}

#[divan::bench(args = LENGTHS)]
fn a_forward(bencher: Bencher, length: usize) {
    bencher.bench_local(|| read(length));
}

#[divan::bench(args = LENGTHS)]
fn b_decomposition(bencher: Bencher, length: usize) {
    bencher.bench_local(|| {
        let trace = read(length);
        let embedding = MODEL.pool(&trace).unwrap();
        decomposition::shares(&trace, MODEL.pooling(), &embedding).unwrap()
    });
}

#[divan::bench(args = LENGTHS)]
fn c_alti(bencher: Bencher, length: usize) {
    bencher.bench_local(|| alti::scores(&read(length), MODEL.pooling()).unwrap());
}

/// What every position is made of, as a hover asks for, and not the embedding alone.
#[divan::bench(args = LENGTHS)]
fn d_alti_of_every_position(bencher: Bencher, length: usize) {
    bencher.bench_local(|| alti::rollout(&read(length)).unwrap());
}

#[divan::bench(args = LENGTHS)]
fn e_norm(bencher: Bencher, length: usize) {
    bencher.bench_local(|| norm::scores(&read(length), MODEL.pooling()).unwrap());
}

/// Forty words on either side.
#[divan::bench]
fn f_pair(bencher: Bencher) {
    let words = |from: usize| -> String {
        let names =
            "cat garden winter light stone river paper music window forest letter engine answer bridge doctor island";
        let names: Vec<&str> = names.split(' ').collect();
        let word = |i: usize| [["the", "a"][i % 4 / 2], names[(from + i * 7) % names.len()]][i % 2];
        (0..40).map(word).collect::<Vec<_>>().join(" ")
    };
    let (a, b) = (words(0), words(5));
    let report = compare(&MODEL, (&a, Language::Prose), (&b, Language::Prose), UNSTOPPED).unwrap();
    assert_eq!((report.a.words.len(), report.b.words.len()), (40, 40));
    println!("residual {:.1e}", report.residual);
    bencher.bench_local(|| compare(&MODEL, (&a, Language::Prose), (&b, Language::Prose), UNSTOPPED).unwrap());
}
