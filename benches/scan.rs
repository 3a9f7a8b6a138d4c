//! The scan of an index: `cargo bench --bench scan` finds the ten nearest of many vectors with the default model's width.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use divan::Bencher;
use fovea::model::simd;
use fovea::similar::{Rows, ScoreTransform};

const WIDTH: usize = 384;

fn main() {
    println!("path {}, {} threads", simd::path().name(), rayon::current_num_threads());
    divan::main();
}

/// Random unit vectors, which are the hardest case: many are about as near as the tenth.
fn vectors(seed: u64) -> impl Iterator<Item = Vec<f32>> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        let mut row: Vec<f32> = (0..WIDTH)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) as f32 / (1u64 << 24) as f32) - 0.5
            })
            .collect();
        let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        row.iter_mut().for_each(|v| *v /= length);
        row
    })
}

#[divan::bench(args = [10_000, 100_000, 1_000_000], sample_count = 30)]
fn nearest_ten(bencher: Bencher, count: usize) {
    let mut rows = Rows::new(WIDTH);
    vectors(1).take(count).for_each(|row| rows.push(&row));
    let mut queries = vectors(2);
    bencher
        .with_inputs(|| queries.next().unwrap())
        .bench_local_values(|query| rows.nearest(&query, 10, |_| Some(ScoreTransform::PRODUCT)));
}
