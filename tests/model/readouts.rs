//! Outputs of heads and their explanations.
//!
//! Values and true gradients are compared with transformers (`tests/reference/families.py`); shares must sum to the value.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use fovea::explain::target;
use fovea::model::spec::Task;
use fovea::model::tape::{Held, Target};
use fovea::model::{ModelError, TapeTrace, TraceLevel};

use super::families::Case;

/// The targets with values from transformers, and their names there.
fn targets(case: &Case) -> Vec<(&'static str, Target)> {
    let outputs = case.network.outputs().unwrap();
    let (row, output, other) = (3, 1 % outputs, 2 % outputs);
    match case.network.task() {
        Some(Task::Span) => vec![("span", Target::Span { start: 2, end: 4 })],
        _ => vec![
            ("logit", Target::Logit { row, output }),
            ("log_probability", Target::LogProbability { row, output }),
            ("difference", Target::Difference { row, output, other }),
        ],
    }
}

/// The cases with a head, and the values of transformers for its outputs.
fn cases() -> impl Iterator<Item = (Case, HashMap<String, Tensor>)> {
    Case::all().filter_map(|case| {
        let file = super::families::root().join(&case.name).join("targets.safetensors");
        let expected = candle_core::safetensors::load(file, &Device::Cpu).ok()?;
        Some((case, expected))
    })
}

fn values(expected: &HashMap<String, Tensor>, key: &str) -> Vec<f32> {
    expected[key].flatten_all().unwrap().to_vec1().unwrap()
}

fn close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1f32, |most, v| most.max(v.abs()));
    let off = fovea::model::largest(found.iter().zip(expected).map(|(a, b)| (a - b).abs()));
    assert!(off < tolerance * largest, "{what}: off by {off} of {largest}");
}

#[test]
fn outputs_of_heads_and_their_gradients_equal_those_of_transformers() {
    let mut seen = 0;
    for (case, expected) in cases() {
        let read = case.read(&["b"], TraceLevel::Everything);
        let tape = read.tape.as_ref().unwrap();
        let from = tape.written.or(tape.output).unwrap();
        for (name, target) in targets(&case) {
            let what = format!("{} {name}", case.name);
            let hidden = tape.value(0, from).unwrap();
            let read = case.network.readout(hidden, &target, Held::Nothing).unwrap();
            let value = values(&expected, &format!("{name}.value"));
            close(&[read.value as f32], &value, 2e-5, &what);
            let pulled = tape.vjp(0, from, read.gradient, Held::Nothing).unwrap();
            let gradient = values(&expected, &format!("{name}.gradient"));
            close(&pulled.reading, &gradient, 1e-4, &what);
            if tape.written.is_some() {
                let gradient = values(&expected, &format!("{name}.decoder_gradient"));
                close(&pulled.writing, &gradient, 1e-4, &what);
            }
            seen += 1;
        }
    }
    assert!(seen > 90 || std::env::var_os("FOVEA_FAMILY").is_some(), "{seen}");
}

#[test]
fn shares_sum_to_the_output_of_a_head_in_every_family() {
    for (case, expected) in cases() {
        // The text alone, and in a batch with another one.
        let (alone, packed) = (
            case.read(&["b"], TraceLevel::Layers),
            case.read(&["a", "b"], TraceLevel::Layers),
        );
        for (name, wanted) in targets(&case) {
            let of = |read: &fovea::model::tape::Read, sequence: usize| {
                let tape = read.tape.clone().unwrap();
                let trace = TapeTrace { tape, sequence };
                target(&case.network, &trace, &wanted).unwrap()
            };
            let (scores, beside) = (of(&alone, 0), of(&packed, 1));
            let what = format!("{} {name}", case.name);
            let value = values(&expected, &format!("{name}.value"))[0];
            close(&[scores.value as f32], &[value], 2e-5, &what);
            let size = 1.0 + scores.reading.iter().map(|v| f64::from(v.abs())).sum::<f64>();
            assert!(scores.residual < 1e-4 * size, "{what}: {} of {size}", scores.residual);
            close(&beside.reading, &scores.reading, 1e-4, &what);
            assert_eq!(scores.writing.is_empty(), case.network.spec.decoder.is_none());
            assert!(
                scores.reading.iter().any(|v| v.abs() > 1e-6),
                "{what}: all shares are zero"
            );
        }
    }
}

#[test]
fn a_meaningless_target_is_refused_with_an_alternative() {
    let span = Target::Span { start: 0, end: 1 };
    for (name, wanted, expected) in [
        ("bert", span, "needs a head that answers questions"),
        (
            "bert-answers",
            Target::LogProbability { row: 0, output: 0 },
            "explain a span",
        ),
        (
            "bert-answers",
            Target::Span { start: 0, end: 99 },
            "position 99 does not exist",
        ),
        (
            "bert-pair",
            Target::LogProbability { row: 0, output: 0 },
            "explain its logit",
        ),
        ("llama", Target::Logit { row: 0, output: 61 }, "the head has 61"),
        ("xlm-roberta", Target::Logit { row: 0, output: 0 }, "has no head"),
    ] {
        let case = Case::load(name, "config.json");
        let read = case.read(&["a"], TraceLevel::Layers);
        match case.network.readout(&read.hidden, &wanted, Held::Frozen) {
            Err(ModelError::Meaningless(said)) => assert!(said.contains(expected), "{name}: {said}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
