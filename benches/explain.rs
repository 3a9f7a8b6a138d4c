//! The cost of explanations relative to the forward pass: `cargo bench --bench explain`.
//!
//! Every row except the first includes its forward pass, so the ratio of two rows is the cost of an explanation. The rows of a table are
//! timed in turn in each round, and a ratio is the median over the rounds, so that other load affects all rows equally.
//! `FOVEA_THREADS=1` measures one core, `FOVEA_KERNELS=avx2` another path.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use fovea::explain::{Method, alti, compare, decomposition, norm};
use fovea::model::{Model, Packed, Trace, UNSTOPPED, default_source, simd};
use fovea::text::Language;

const LENGTHS: [usize; 2] = [64, 256];

const ROUNDS: usize = 31;

fn main() {
    let threads = std::env::var("FOVEA_THREADS").ok();
    let threads = threads.and_then(|threads| threads.parse().ok()).unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    // The work runs inside the pool, as in the server: a thread outside would be woken after every operation.
    pool.unwrap().install(|| {
        println!("path {}, {} threads", simd::path().name(), rayon::current_num_threads());
        let model = Model::load(&default_source()).unwrap();
        for length in LENGTHS {
            explanations(&model, length);
        }
        pairs(&model);
    });
}

/// The trace of a sequence of word pieces from the whole vocabulary, for a method.
fn read(model: &Model, length: usize, method: Method) -> Trace {
    let vocabulary = model.info().vocabulary as u32;
    let ids: Vec<u32> = (0..length as u32).map(|i| (1000 + i * 7919) % vocabulary).collect();
    let batch = Packed::new([ids.as_slice()]);
    let traces = model.encoder().forward(&batch, method.keeps(), UNSTOPPED);
    traces.unwrap().remove(0)
}

fn explanations(model: &Model, length: usize) {
    let read = |method| read(model, length, method);
    let pooling = model.pooling();
    let decompose = || {
        let trace = read(Method::Decomposition);
        let embedding = model.pool(&trace).unwrap();
        decomposition::shares(&trace, pooling, &embedding).unwrap()
    };
    let mut rows = [
        row("forward", || drop(black_box(read(Method::Decomposition)))),
        row("decomposition", || drop(black_box(decompose()))),
        row("ALTI", || {
            drop(black_box(alti::scores(&read(Method::Alti), pooling).unwrap()))
        }),
        // The sources of every position, as for a hover, and not only of the embedding.
        row("ALTI of every position", || {
            drop(black_box(alti::rollout(&read(Method::Alti)).unwrap()))
        }),
        row("norm", || {
            drop(black_box(norm::scores(&read(Method::Norm), pooling).unwrap()))
        }),
    ];
    for round in 0..=ROUNDS {
        for row in &mut rows {
            let start = Instant::now();
            (row.work)();
            // The first round warms up.
            if round > 0 {
                row.times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    println!("{length} tokens");
    for row in &rows {
        let ratios = row.times.iter().zip(&rows[0].times).map(|(a, b)| a / b).collect();
        let times = row.times.clone();
        println!(
            "  {:24}{:8.2} ms   {:.2} × forward",
            row.name,
            median(times),
            median(ratios)
        );
    }
}

struct Row<'a> {
    name: &'static str,
    work: Box<dyn Fn() + 'a>,
    times: Vec<f64>,
}

fn row<'a>(name: &'static str, work: impl Fn() + 'a) -> Row<'a> {
    Row {
        name,
        work: Box::new(work),
        times: Vec::new(),
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// A comparison with forty words on each side.
fn pairs(model: &Model) {
    let words = |from: usize| -> String {
        let names =
            "cat garden winter light stone river paper music window forest letter engine answer bridge doctor island";
        let names: Vec<&str> = names.split(' ').collect();
        let word = |i: usize| [["the", "a"][i % 4 / 2], names[(from + i * 7) % names.len()]][i % 2];
        (0..40).map(word).collect::<Vec<_>>().join(" ")
    };
    let (a, b) = (words(0), words(5));
    let pair = || compare(model, (&a, Language::Prose), (&b, Language::Prose), UNSTOPPED).unwrap();
    let report = pair();
    assert_eq!((report.a.words.len(), report.b.words.len()), (40, 40));
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        black_box(pair());
        start.elapsed().as_secs_f64() * 1e3
    });
    let times: Vec<f64> = times.collect();
    // There is no ratio here; the difference of the two numbers shows the influence of other load.
    let fastest = times.iter().copied().fold(f64::INFINITY, f64::min);
    let time = median(times);
    println!(
        "pair of 2 × 40 words {time:.0} ms, the fastest {fastest:.0}, residual {:.1e}",
        report.residual
    );
}
