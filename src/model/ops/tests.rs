use std::ops::Range;

use candle_core::{Device, Tensor};

use super::*;
use crate::model::config::Activation;
use crate::model::simd::{self, Isa};
use crate::model::{Arithmetic, Matrix, largest};

mod explanations;

fn random(shape: (usize, usize), spread: f32, seed: u64) -> Tensor {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let values = (0..shape.0 * shape.1)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * spread
        })
        .collect::<Vec<f32>>();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn vector(length: usize, spread: f32, seed: u64) -> Tensor {
    random((1, length), spread, seed).flatten_all().unwrap()
}

fn max_difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap();
    largest(difference.to_vec1::<f32>().unwrap())
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

const ODD_SIZES: [usize; 9] = [1, 2, 3, 7, 31, 33, 255, 256, 512];

/// Shapes (out, in): those of the default model, and some that fill no panel.
const MATRICES: [(usize, usize); 5] = [(384, 384), (48, 1536), (33, 50), (1, 7), (20, 1)];

#[test]
fn products_equal_the_plain_composition_at_odd_sizes() {
    for n in ODD_SIZES {
        for (out, inner) in MATRICES {
            let (x, w, bias) = (
                random((n, inner), 2.0, 1),
                random((out, inner), 0.1, 2),
                vector(out, 1.0, 3),
            );
            let matrix = Matrix::new(&w, Arithmetic::F32).unwrap();
            for bias in [None, Some(&bias)] {
                let (fused, plain) = (
                    linear(&x, &matrix, bias).unwrap(),
                    linear_reference(&x, &w, bias).unwrap(),
                );
                assert!(max_difference(&fused, &plain) < 2e-5, "{n} {out} {inner}");
            }
            let g = random((n, out), 2.0, 4);
            let (back, plain) = (
                linear_back(&g, &matrix).unwrap(),
                linear_back_reference(&g, &w).unwrap(),
            );
            assert!(max_difference(&back, &plain) < 2e-5, "{n} {out} {inner}");
            let gate = random((n, inner), 1.0, 5);
            let (gated, plain) = (
                gate_back(&g, &matrix, &gate).unwrap(),
                gate_back_reference(&g, &w, &gate).unwrap(),
            );
            assert!(max_difference(&gated, &plain) < 2e-5, "{n} {out} {inner}");
        }
    }
}

#[test]
fn activation_and_gate_equal_the_plain_composition_at_odd_sizes() {
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu] {
        for n in ODD_SIZES {
            let (x, w, bias) = (
                random((n, 37), 6.0, n as u64),
                random((50, 37), 0.2, 9),
                vector(50, 1.0, 5),
            );
            let matrix = Matrix::new(&w, Arithmetic::F32).unwrap();
            let (out, gate) = activate(&x, &matrix, &bias, activation, true).unwrap();
            let gate = gate.unwrap();
            let (plain, plain_gate) = activate_reference(&x, &w, &bias, activation).unwrap();
            // The gate of ReLU has no error bound at its step, where u is almost zero on both sides.
            assert!(
                max_difference(&out, &plain) < 1e-5,
                "{activation:?} {n} {}",
                max_difference(&out, &plain)
            );
            if activation != Activation::Relu {
                assert!(max_difference(&gate, &plain_gate) < 3e-6, "{activation:?} {n}");
            }
            let (alone, none) = activate(&x, &matrix, &bias, activation, false).unwrap();
            assert!(none.is_none() && bits(&alone) == bits(&out));
        }
    }
}

#[test]
fn a_feed_forward_block_equals_its_two_products_to_the_last_bit() {
    let (up, down) = (random((80, 40), 0.3, 1), random((40, 80), 0.3, 2));
    let bias = vector(80, 0.3, 3);
    for arithmetic in [Arithmetic::F32, Arithmetic::I16] {
        let (up, down) = (
            Matrix::new(&up, arithmetic).unwrap(),
            Matrix::new(&down, arithmetic).unwrap(),
        );
        for n in ODD_SIZES {
            let x = random((n, 40), 2.0, n as u64);
            let (active, gate) = activate(&x, &up, &bias, Activation::Gelu, true).unwrap();
            let plain = linear(&active, &down, None).unwrap();
            let (out, kept) = feed_forward(&x, &up, &bias, Activation::Gelu, &down, true).unwrap();
            assert_eq!(bits(&out), bits(&plain), "{n}");
            assert_eq!(bits(&kept.unwrap()), bits(&gate.unwrap()), "{n}");
            let (alone, none) = feed_forward(&x, &up, &bias, Activation::Gelu, &down, false).unwrap();
            assert!(none.is_none() && bits(&alone) == bits(&out), "{n}");
        }
        let other = Matrix::new(&random((40, 79), 0.3, 2), arithmetic).unwrap();
        assert!(feed_forward(&random((99, 40), 2.0, 1), &up, &bias, Activation::Gelu, &other, true).is_err());
    }
}

#[test]
fn the_vjp_of_a_feed_forward_block_equals_that_of_its_parts() {
    let (up, down) = (random((80, 40), 0.3, 1), random((40, 80), 0.3, 2));
    let bias = vector(80, 0.3, 3);
    for arithmetic in [Arithmetic::F32, Arithmetic::I16] {
        let (up, down) = (
            Matrix::new(&up, arithmetic).unwrap(),
            Matrix::new(&down, arithmetic).unwrap(),
        );
        for n in ODD_SIZES {
            let (g, gate) = (random((n, 40), 2.0, n as u64), random((n, 80), 1.0, 5));
            let active = gate_back(&g, &down, &gate).unwrap();
            let plain = add_reference(&g, &linear_back(&active, &up).unwrap()).unwrap();
            let (out, sum) = feed_forward_back(&g, &down, &gate, &up, &bias).unwrap();
            assert!(max_difference(&out, &plain) < 1e-6, "{n}");
            let plain = bias_contribution_reference(&active, &bias).unwrap();
            assert!((sum - plain).abs() < 1e-5 * n as f64, "{n} {sum} {plain}");
        }
        let (g, gate) = (random((99, 40), 2.0, 1), random((99, 79), 1.0, 5));
        assert!(feed_forward_back(&g, &down, &gate, &up, &bias).is_err());
    }
}

#[test]
fn sums_and_row_products_equal_those_of_candle() {
    for n in ODD_SIZES {
        for width in [384, 40, 1] {
            let (x, y) = (random((n, width), 3.0, 1), random((n, width), 1.0, 2));
            let (sum, plain) = (add(&x, &y).unwrap(), add_reference(&x, &y).unwrap());
            assert_eq!(bits(&sum), bits(&plain), "{n} {width}");
            let (products, plain) = (row_products(&x, &y).unwrap(), row_products_reference(&x, &y).unwrap());
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
            assert!(
                products.len() == n && products.iter().zip(&plain).all(near),
                "{n} {width}"
            );
        }
    }
    let (x, y) = (random((4, 5), 1.0, 1), random((5, 4), 1.0, 1));
    assert!(add(&x, &y).is_err() && row_products(&x, &y).is_err());
}

#[test]
fn selected_columns_equal_those_of_the_matrix() {
    for n in ODD_SIZES {
        let x = random((n, 60), 3.0, 1);
        for some in [0..60, 40..60, 7..8] {
            let plain = columns_reference(&x, some.clone()).unwrap();
            assert_eq!(bits(&columns(&x, some).unwrap()), bits(&plain));
        }
    }
    let x = random((4, 5), 1.0, 1);
    assert!(columns(&x, 3..6).is_err() && columns(&x, 2..2).is_err());
}

#[test]
fn residual_norm_and_its_vjp_equal_the_plain_composition_at_odd_sizes() {
    for n in ODD_SIZES {
        for width in [384, 40, 1] {
            let (x, y) = (random((n, width), 3.0, 1), random((n, width), 1.0, 2));
            let parameters = random((3, width), 1.0, 3);
            let (out, std) = residual_norm(&x, &y, &parameters, 1e-5).unwrap();
            let (plain, plain_std) = residual_norm_reference(&x, &y, &parameters, 1e-5).unwrap();
            assert!(max_difference(&out, &plain) < 5e-6, "{n} {width}");
            assert!(max_difference(&std, &plain_std) < 1e-6 * 320.0, "{n} {width}");
            let scale = parameters.get(1).unwrap();
            let back = norm_vjp(&x, &scale, &plain_std).unwrap();
            let plain = norm_vjp_reference(&x, &scale, &plain_std).unwrap();
            assert!(max_difference(&back, &plain) < 1e-5, "{n} {width}");
        }
    }
}

fn contiguous_sequences(lengths: &[usize]) -> Vec<Range<usize>> {
    let mut end = 0;
    let next = |length: &usize| {
        end += length;
        end - length..end
    };
    lengths.iter().map(next).collect()
}

#[test]
fn attention_and_its_vjp_equal_the_plain_composition_at_odd_sizes() {
    for (heads, width) in [(12, 32), (2, 20), (1, 3)] {
        for n in ODD_SIZES {
            let qkv = random((n, 3 * heads * width), 2.0, n as u64);
            let sequences = contiguous_sequences(&[n]);
            let (context, maps) = attend(&qkv, &sequences, heads, true).unwrap();
            let (plain, plain_maps) = attend_reference(&qkv, &sequences, heads, true).unwrap();
            assert!(max_difference(&maps[0], &plain_maps[0]) < 2e-6, "{n} {width}");
            assert!(max_difference(&context, &plain) < 5e-6, "{n} {width}");
            let g = random((n, heads * width), 1.0, 8);
            let (back, plain) = (
                attention_vjp(&maps[0], &g).unwrap(),
                attention_vjp_reference(&maps[0], &g).unwrap(),
            );
            assert!(max_difference(&back, &plain) < 1e-5, "{n} {width}");
        }
    }
}

#[test]
fn attention_within_a_sequence_is_the_same_to_the_last_bit_in_any_batch() {
    let lengths = [33, 1, 0, 255, 7];
    let sequences = contiguous_sequences(&lengths);
    let qkv = random((296, 3 * 384), 2.0, 1);
    let (together, maps) = attend(&qkv, &sequences, 12, true).unwrap();
    let (unkept, none) = attend(&qkv, &sequences, 12, false).unwrap();
    assert!(none.is_empty() && bits(&unkept) == bits(&together));
    assert_eq!(maps.len(), sequences.len());
    for (sequence, map) in sequences.iter().zip(&maps) {
        let part = qkv.narrow(0, sequence.start, sequence.len()).unwrap();
        let (alone, alone_map) = attend(&part, &contiguous_sequences(&[sequence.len()]), 12, true).unwrap();
        let together = together.narrow(0, sequence.start, sequence.len()).unwrap();
        assert_eq!(bits(&alone), bits(&together), "{sequence:?}");
        assert_eq!(bits(&alone_map[0]), bits(map), "{sequence:?}");
    }
}

#[test]
fn a_row_is_multiplied_the_same_to_the_last_bit_in_any_batch() {
    let (x, w) = (random((301, 384), 2.0, 1), random((400, 384), 0.1, 2));
    let matrix = Matrix::new(&w, Arithmetic::F32).unwrap();
    let all = linear(&x, &matrix, None).unwrap();
    for (start, count) in [(0, 1), (5, 12), (299, 2), (100, 60)] {
        let some = linear(&x.narrow(0, start, count).unwrap(), &matrix, None).unwrap();
        assert_eq!(
            bits(&some),
            bits(&all.narrow(0, start, count).unwrap()),
            "{start} {count}"
        );
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (x, w) = (random((130, 384), 2.0, 1), random((400, 384), 0.1, 2));
    let matrix = Matrix::new(&w, Arithmetic::F32).unwrap();
    let products = [1, 2, 3, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bits(&linear(&x, &matrix, None).unwrap()))
    });
    assert!(products.iter().all(|product| *product == products[0]));
}

#[test]
fn unpacking_a_matrix_returns_its_values() {
    for (out, inner) in MATRICES {
        let w = random((out, inner), 1.0, 6);
        let matrix = Matrix::new(&w, Arithmetic::F32).unwrap();
        assert_eq!(bits(&matrix.tensor().unwrap()), bits(&w));
        assert_eq!(matrix.shape(), (out, inner));
    }
}

#[test]
fn fused_operations_refuse_shapes_that_do_not_fit() {
    let x = random((4, 6), 1.0, 1);
    let matrix = Matrix::new(&random((5, 6), 1.0, 1), Arithmetic::F32).unwrap();
    let wrong = Matrix::new(&random((5, 7), 1.0, 1), Arithmetic::F32).unwrap();
    assert!(linear(&x, &wrong, None).is_err());
    assert!(linear(&x, &matrix, Some(&vector(4, 1.0, 1))).is_err());
    assert!(activate(&x, &matrix, &vector(6, 1.0, 1), Activation::Gelu, false).is_err());
    assert!(gate_back(&random((4, 5), 1.0, 1), &matrix, &x.narrow(0, 0, 3).unwrap()).is_err());
    assert!(residual_norm(&x, &random((4, 5), 1.0, 1), &random((3, 6), 1.0, 1), 1e-12).is_err());
    assert!(norm_vjp(&x, &vector(5, 1.0, 1), &random((4, 1), 1.0, 1)).is_err());
    assert!(attend(&x, &contiguous_sequences(&[4]), 4, true).is_err());
    assert!(attend(&x, &contiguous_sequences(&[3]), 2, true).is_err());
    assert!(
        attention_vjp(
            &random((4, 4), 1.0, 1).reshape((1, 4, 4)).unwrap(),
            &random((5, 2), 1.0, 1)
        )
        .is_err()
    );
}

/// Runs the tests above on each other available instruction set, in separate processes.
/// A process chooses its instruction set once.
#[test]
fn every_other_instruction_set_passes_the_same_tests() {
    for path in Isa::ALL
        .into_iter()
        .filter(|path| path.available() && *path != simd::path())
    {
        if std::env::var_os("FOVEA_KERNELS").is_some() {
            return;
        }
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["model::ops::tests", "--test-threads", "2"])
            .env("FOVEA_KERNELS", path.name())
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{path:?}: {output}");
        assert!(
            output.contains("a_row_is_multiplied") && output.contains(" 0 failed"),
            "{path:?}: {output}"
        );
    }
}

#[test]
fn integer_products_are_close_to_float_products_of_the_same_matrix() {
    for n in ODD_SIZES {
        for (out, inner) in MATRICES {
            let (x, bias) = (random((n, inner), 2.0, 1), vector(out, 1.0, 3));
            let matrix = Matrix::new(&random((out, inner), 0.1, 2), Arithmetic::I16).unwrap();
            // Both products use the matrix with its rounding.
            let w = matrix.tensor().unwrap();
            let bound = 2.0 * 0.1 * (inner as f32).sqrt() * 4.0 / 10_000.0;
            let (quick, plain) = (
                linear(&x, &matrix, Some(&bias)).unwrap(),
                linear_reference(&x, &w, Some(&bias)).unwrap(),
            );
            assert!(
                max_difference(&quick, &plain) < bound,
                "{n} {out} {inner} {}",
                max_difference(&quick, &plain)
            );
            let g = random((n, out), 2.0, 4);
            let bound = 2.0 * 0.1 * (out as f32).sqrt() * 4.0 / 10_000.0;
            let (back, plain) = (
                linear_back(&g, &matrix).unwrap(),
                linear_back_reference(&g, &w).unwrap(),
            );
            assert!(
                max_difference(&back, &plain) < bound,
                "{n} {out} {inner} {}",
                max_difference(&back, &plain)
            );
        }
    }
}

#[test]
fn an_integer_matrix_keeps_eleven_bits_per_column() {
    let w = random((33, 50), 1.0, 6);
    let matrix = Matrix::new(&w, Arithmetic::I16).unwrap();
    assert!(max_difference(&matrix.tensor().unwrap(), &w) <= 0.5 / 2047.0 + 1e-6);
    let some = matrix.rows(3..20).unwrap().tensor().unwrap();
    assert!(max_difference(&some, &w.narrow(0, 3, 17).unwrap()) <= 1.0 / 2047.0 + 1e-6);
}
