//! Compares the operations of explanations with their plain compositions, on random layers.

use std::sync::{Arc, OnceLock};

use super::*;
use crate::model::Arithmetic;
use crate::model::{LayerTrace, LayerWeights, Norm};

/// (heads, hidden, intermediate): that of the default model's attention, and some that fill no panel.
const SHAPES: [(usize, usize, usize); 4] = [(12, 384, 40), (2, 40, 33), (5, 35, 17), (1, 3, 1)];

/// A random layer with the trace of a sequence of n tokens; rows of probabilities sum to 1.
fn layer(n: usize, shape: (usize, usize, usize)) -> LayerTrace {
    layer_in(n, shape, Arithmetic::F32)
}

/// Same as [`layer`], with weights as floats or integers.
fn layer_in(n: usize, (heads, hidden, intermediate): (usize, usize, usize), arithmetic: Arithmetic) -> LayerTrace {
    let seed = (n * 31 + hidden) as u64 * 40;
    let spread = (hidden as f32).sqrt().recip();
    let matrix =
        |out: usize, inner: usize, seed: u64| Matrix::new(&random((out, inner), spread, seed), arithmetic).unwrap();
    let norm = |seed: u64| Norm {
        scale: vector(hidden, 1.0, seed),
        shift: vector(hidden, 1.0, seed + 1),
    };
    let weights = LayerWeights {
        qkv: matrix(3 * hidden, hidden, seed + 1),
        qkv_bias: vector(3 * hidden, 0.3, seed + 2),
        value: OnceLock::new(),
        mixing: OnceLock::new(),
        columns: OnceLock::new(),
        output: matrix(hidden, hidden, seed + 3),
        output_bias: vector(hidden, 0.3, seed + 4),
        norm1: norm(seed + 5),
        up: matrix(intermediate, hidden, seed + 7),
        up_bias: vector(intermediate, 0.3, seed + 8),
        down: matrix(hidden, intermediate, seed + 9),
        down_bias: vector(hidden, 0.3, seed + 10),
        norm2: norm(seed + 11),
    };
    let positive = |shape, seed| (random(shape, 1.0, seed).exp().unwrap() * 0.5).unwrap();
    let probabilities = positive((heads * n, n), seed + 13);
    let probabilities = probabilities
        .broadcast_div(&probabilities.sum_keepdim(1).unwrap())
        .unwrap();
    LayerTrace {
        weights: Arc::new(weights),
        input: random((n, hidden), 2.0, seed + 14),
        attention: probabilities.reshape((heads, n, n)).unwrap(),
        inverse_std1: positive((n, 1), seed + 15),
        values: None,
        attended: random((n, hidden), 2.0, seed + 16),
        gate: random((n, intermediate), 1.0, seed + 17),
        inverse_std2: positive((n, 1), seed + 18),
        lease: Arc::default(),
    }
}

/// Largest difference relative to the largest entry.
fn relative(a: &Tensor, b: &Tensor) -> f32 {
    let zero = b.zeros_like().unwrap();
    max_difference(a, b) / max_difference(b, &zero).max(f32::MIN_POSITIVE)
}

#[test]
fn contributions_equal_the_plain_composition_at_odd_sizes() {
    for shape in SHAPES {
        // The plain composition stores every T_i(x_j) at once: 100 MB for the largest size here.
        for n in ODD_SIZES.into_iter().filter(|n| n * n * shape.1 < 30_000_000) {
            // For a layer with integer weights, distances are computed in integers.
            for arithmetic in [Arithmetic::F32, Arithmetic::I16] {
                let layer = layer_in(n, shape, arithmetic);
                // Relative to |y|₁, from which the distance is subtracted.
                let whole = layer.attended.abs().unwrap().sum(1).unwrap().max(0).unwrap();
                let near = max_difference(
                    &alti_proximity(&layer).unwrap(),
                    &alti_proximity_reference(&layer).unwrap(),
                );
                let near = near / whole.to_scalar::<f32>().unwrap();
                // Rounding errors of fifteen bits average out over the columns.
                let bound = (1e-5 / (shape.1 as f32).sqrt()).max(1e-6);
                assert!(near < bound, "{n} {shape:?} {arithmetic:?}: {near}");
                let length = relative(&lengths(&layer).unwrap(), &lengths_reference(&layer).unwrap());
                assert!(length < 2e-5, "{n} {shape:?} {arithmetic:?}: {length}");
            }
        }
    }
}

#[test]
fn contributions_do_not_depend_on_the_number_of_threads() {
    for arithmetic in [Arithmetic::F32, Arithmetic::I16] {
        let layer = layer_in(67, SHAPES[0], arithmetic);
        let runs = [1, 2, 3, 8].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (bits(&alti_proximity(&layer).unwrap()), bits(&lengths(&layer).unwrap())))
        });
        assert!(runs.iter().all(|run| *run == runs[0]));
    }
}

#[test]
fn compose_equals_the_plain_composition_at_odd_sizes() {
    for n in ODD_SIZES.into_iter().filter(|n| *n < 500) {
        let (later, earlier) = (random((n, n), 1.0, 1), random((n, n), 1.0, 2));
        let flat = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (later, earlier) = (flat(&later), flat(&earlier));
        let fused = compose(&later, &earlier, n);
        let plain = compose_reference(&later, &earlier, n);
        assert_eq!(fused.len(), plain.len());
        let max_difference = largest(fused.iter().zip(&plain).map(|(a, b)| (a - b).abs()));
        assert!(max_difference < 3e-5, "{n}: {max_difference}");
    }
    assert!(compose(&[], &[], 0).is_empty());
}

#[test]
fn bias_contributions_equal_the_plain_composition_at_odd_sizes() {
    for n in ODD_SIZES {
        for width in [1536, 384, 33, 1] {
            let (g, bias) = (random((n, width), 1.0, 1), vector(width, 1.0, 2));
            let (fused, plain) = (
                bias_contribution(&g, &bias).unwrap(),
                bias_contribution_reference(&g, &bias).unwrap(),
            );
            assert!(
                (fused - plain).abs() < 1e-6 * (n * width) as f64,
                "{n} {width}: {fused} {plain}"
            );
        }
    }
    assert!(bias_contribution(&random((3, 4), 1.0, 1), &vector(3, 1.0, 1)).is_err());
}

#[test]
fn contributions_refuse_shapes_that_do_not_match() {
    let mut wrong = layer(3, SHAPES[1]);
    wrong.attention = layer(4, SHAPES[1]).attention;
    assert!(alti_proximity(&wrong).is_err() && lengths(&wrong).is_err());
}

/// Tokens 0 and n - 1 together, some others alone, and an empty group.
fn groups(n: usize) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = (1..n.saturating_sub(1))
        .step_by(3.max(n / 5))
        .map(|token| vec![token])
        .collect();
    groups.push(if n > 1 { vec![0, n - 1] } else { vec![0] });
    groups.push(Vec::new());
    groups
}

#[test]
fn jvp_of_a_layer_equals_the_plain_composition_at_odd_sizes() {
    for shape in SHAPES {
        for n in ODD_SIZES {
            let layer = layer(n, shape);
            let k = groups(n).len();
            let parts = random((k * n, shape.1), 1.0, 3).reshape((k, n, shape.1)).unwrap();
            let mean = vec![1.0 / n as f32; n];
            let first: Vec<f32> = (0..n).map(|i| f32::from(u8::from(i == 0))).collect();
            for biased in [false, true] {
                let (fused, plain) = (jvp(&layer, &parts, biased), jvp_reference(&layer, &parts, biased));
                let error = relative(&fused.unwrap(), &plain.unwrap());
                assert!(error < 5e-6, "{n} {shape:?}: {error}");
                for weights in [&mean, &first] {
                    let fused = jvp_summed(&layer, &parts, weights, biased).unwrap();
                    let plain = jvp_summed_reference(&layer, &parts, weights, biased).unwrap();
                    // The sum may be much smaller than its terms, so that the bound is absolute.
                    assert!(
                        max_difference(&fused, &plain) < 1e-5,
                        "{n} {shape:?}: {}",
                        max_difference(&fused, &plain)
                    );
                }
            }
        }
    }
}

#[test]
fn jvp_of_tokens_equals_the_plain_composition_at_odd_sizes() {
    for shape in SHAPES {
        for n in ODD_SIZES {
            let (layer, groups) = (layer(n, shape), groups(n));
            let fused = jvp_tokens(&layer, &groups).unwrap();
            let error = relative(&fused, &jvp_tokens_reference(&layer, &groups).unwrap());
            assert!(error < 5e-6, "{n} {shape:?}: {error}");
        }
    }
    let layer = layer(3, SHAPES[1]);
    assert_eq!(jvp_tokens(&layer, &[]).unwrap().dims(), [0, 3, 40]);
    assert_eq!(jvp_tokens(&layer, &[Vec::new()]).unwrap().dims(), [1, 3, 40]);
}

#[test]
fn the_jvp_of_a_part_is_the_same_to_the_last_bit_among_any_others() {
    let layer = layer(31, SHAPES[0]);
    let groups: Vec<Vec<usize>> = (0..9).map(|token| vec![token]).collect();
    let first = jvp_tokens(&layer, &groups).unwrap();
    let second = jvp(&layer, &first, false).unwrap();
    let summed = jvp_summed(&layer, &second, &[0.125; 31], false).unwrap();
    for part in [0, 4, 8] {
        let alone = jvp_tokens(&layer, &groups[part..=part]).unwrap();
        assert_eq!(bits(&alone), bits(&first.narrow(0, part, 1).unwrap()));
        let alone = jvp(&layer, &alone, false).unwrap();
        assert_eq!(bits(&alone), bits(&second.narrow(0, part, 1).unwrap()));
        let alone = jvp_summed(&layer, &alone, &[0.125; 31], false).unwrap();
        assert_eq!(bits(&alone), bits(&summed.narrow(0, part, 1).unwrap()));
    }
}

#[test]
fn parts_of_the_wrong_shape_are_refused() {
    let (layer, parts) = (layer(3, SHAPES[1]), |n| {
        random((2 * n, 40), 1.0, 1).reshape((2, n, 40)).unwrap()
    });
    assert!(jvp(&layer, &parts(4), false).is_err());
    assert!(jvp_summed(&layer, &parts(3), &[1.0], false).is_err());
    assert!(jvp_tokens(&layer, &[vec![3]]).is_err());
}
