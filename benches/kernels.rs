//! The speed of each kernel of the forward pass, and the processor's peak: `cargo bench --bench kernels`.
//!
//! A column counts floating point operations, so that kernels and peak have the same unit. `FOVEA_THREADS=1` measures one core,
//! `FOVEA_KERNELS=avx2` another path. Shapes are those of the default model.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use candle_core::{Device, Tensor};
use divan::Bencher;
use divan::counter::ItemsCount;
use fovea::model::simd::{self, Kernel, LANES, Simd};
use fovea::model::{Activation, Arithmetic, Matrix, ops};

const ROWS: [usize; 4] = [16, 128, 256, 2048];
const HIDDEN: usize = 384;
const HEADS: usize = 12;

fn main() {
    let threads = std::env::var("FOVEA_THREADS")
        .ok()
        .and_then(|threads| threads.parse().ok());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build_global();
    pool.unwrap();
    println!("path {}, {} threads", simd::path().name(), rayon::current_num_threads());
    divan::main();
}

/// The peak of the processor: multiply-adds of registers on every thread.
struct Peak;

impl Kernel for Peak {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        // Enough sums to hide the latency of an instruction, and few enough for the registers.
        let mut sums = [s.splat(0.0); 6];
        let (a, b) = (s.splat(std::hint::black_box(0.5)), s.splat(std::hint::black_box(1.0)));
        for _ in 0..PEAK_ROUNDS {
            for sum in &mut sums {
                *sum = s.fma(a, b, *sum);
            }
        }
        let mut all = s.splat(0.0);
        for sum in sums {
            all = s.add(all, sum);
        }
        s.sum(all)
    }
}

const PEAK_ROUNDS: usize = 100_000;

#[divan::bench]
fn peak(bencher: Bencher) {
    let threads = rayon::current_num_threads();
    let flops = threads * PEAK_ROUNDS * 6 * LANES * 2;
    bencher
        .counter(ItemsCount::new(flops))
        .bench_local(|| rayon::broadcast(|_| simd::run(Peak)));
}

/// `FOVEA_BENCH_I16=1` measures products in integers.
fn arithmetic() -> Arithmetic {
    match std::env::var_os("FOVEA_BENCH_I16") {
        Some(_) => Arithmetic::I16,
        None => Arithmetic::F32,
    }
}

fn tensor(shape: &[usize]) -> Tensor {
    Tensor::rand(-1f32, 1f32, shape, &Device::Cpu).unwrap()
}

fn product(bencher: Bencher, rows: usize, out: usize, inner: usize) {
    let (x, w, bias) = (
        tensor(&[rows, inner]),
        Matrix::new(&tensor(&[out, inner]), arithmetic()).unwrap(),
        tensor(&[out]),
    );
    bencher
        .counter(ItemsCount::new(2 * rows * out * inner))
        .bench_local(|| ops::linear(&x, &w, Some(&bias)).unwrap());
}

#[divan::bench(args = ROWS)]
fn qkv(bencher: Bencher, rows: usize) {
    product(bencher, rows, 3 * HIDDEN, HIDDEN);
}

#[divan::bench(args = ROWS)]
fn output(bencher: Bencher, rows: usize) {
    product(bencher, rows, HIDDEN, HIDDEN);
}

#[divan::bench(args = ROWS)]
fn up(bencher: Bencher, rows: usize) {
    product(bencher, rows, 4 * HIDDEN, HIDDEN);
}

#[divan::bench(args = ROWS)]
fn down(bencher: Bencher, rows: usize) {
    product(bencher, rows, HIDDEN, 4 * HIDDEN);
}

/// The product of candle, for comparison.
#[divan::bench(args = ROWS)]
fn candle_up(bencher: Bencher, rows: usize) {
    let (x, w) = (tensor(&[rows, HIDDEN]), tensor(&[4 * HIDDEN, HIDDEN]));
    bencher
        .counter(ItemsCount::new(2 * rows * HIDDEN * 4 * HIDDEN))
        .bench_local(|| ops::linear_reference(&x, &w, None).unwrap());
}

#[divan::bench(args = ROWS)]
fn up_with_activation_and_gate(bencher: Bencher, rows: usize) {
    let (x, bias) = (tensor(&[rows, HIDDEN]), tensor(&[4 * HIDDEN]));
    let w = Matrix::new(&tensor(&[4 * HIDDEN, HIDDEN]), arithmetic()).unwrap();
    bencher
        .counter(ItemsCount::new(2 * rows * HIDDEN * 4 * HIDDEN))
        .bench_local(|| ops::activate(&x, &w, &bias, Activation::Gelu, true).unwrap());
}

#[divan::bench(args = ROWS)]
fn down_back_with_gate(bencher: Bencher, rows: usize) {
    let (g, gate) = (tensor(&[rows, HIDDEN]), tensor(&[rows, 4 * HIDDEN]));
    let w = Matrix::new(&tensor(&[HIDDEN, 4 * HIDDEN]), arithmetic()).unwrap();
    bencher
        .counter(ItemsCount::new(2 * rows * HIDDEN * 4 * HIDDEN))
        .bench_local(|| ops::gate_back(&g, &w, &gate).unwrap());
}

/// Scores, softmax and mixing of sequences of at most 256 tokens; every probability is kept.
#[divan::bench(args = ROWS)]
fn attention(bencher: Bencher, rows: usize) {
    let n = rows.min(256);
    let qkv = tensor(&[rows, 3 * HIDDEN]);
    let sequences: Vec<_> = (0..rows / n).map(|i| i * n..(i + 1) * n).collect();
    bencher
        .counter(ItemsCount::new(4 * rows * n * HIDDEN))
        .bench_local(|| ops::attend(&qkv, &sequences, HEADS, true).unwrap());
}

#[divan::bench(args = ROWS)]
fn attention_back(bencher: Bencher, rows: usize) {
    let n = rows.min(256);
    let (maps, g) = (tensor(&[HEADS, n, n]), tensor(&[n, HIDDEN]));
    bencher
        .counter(ItemsCount::new(2 * n * n * HIDDEN))
        .bench_local(|| ops::attention_vjp(&maps, &g).unwrap());
}

/// The unit is the amount of numbers read and written.
#[divan::bench(args = ROWS)]
fn residual_and_norm(bencher: Bencher, rows: usize) {
    let (x, y, parameters) = (tensor(&[rows, HIDDEN]), tensor(&[rows, HIDDEN]), tensor(&[3, HIDDEN]));
    bencher
        .counter(ItemsCount::new(3 * rows * HIDDEN))
        .bench_local(|| ops::residual_norm(&x, &y, &parameters, 1e-12).unwrap());
}
