//! The pair decomposition against published marginals and against its own second code.

use fovea::explain::{compare, decomposition, parts};
use fovea::model::{Keep, Model, Packed, UNSTOPPED};
use fovea::text::Language;

use super::{embedded, f32_model, normalise, real_units};

const CARBS: &str = "Carbs are broken down into sugar in your body";
const GLUCOSE: &str = "Carbohydrates are metabolized into glucose";

#[test]
fn carbs_and_glucose_split_as_published() {
    let Some(model) = f32_model() else { return };
    let report = compare(&model, (CARBS, Language::Prose), (GLUCOSE, Language::Prose), UNSTOPPED).unwrap();
    assert!((report.cosine - 0.7136).abs() < 1e-4, "{}", report.cosine);
    assert!(report.residual < 1e-4, "{}", report.residual);
    // "car" .202 and "##bs" .124 are one word here; [CLS] .012 and [SEP] .006 are the special tokens.
    let expected = [0.326, 0.019, -0.001, 0.009, 0.029, 0.248, 0.013, 0.000, 0.031];
    let words: Vec<&str> = report.a.words.iter().map(|range| &CARBS[range.clone()]).collect();
    assert_eq!(
        words,
        ["Carbs", "are", "broken", "down", "into", "sugar", "in", "your", "body"]
    );
    for ((word, score), expected) in words.iter().zip(&report.a.scores).zip(expected) {
        assert!(
            (score - expected).abs() < 0.002,
            "{word}: {score} instead of {expected}"
        );
    }
    assert!((report.a.special - 0.018).abs() < 0.002, "{}", report.a.special);
    assert!((report.a.bias - 0.021).abs() < 0.002, "{}", report.a.bias);
}

#[test]
fn marginals_are_the_sums_of_the_pairs_and_sum_to_the_cosine() {
    let model = embedded();
    let report = compare(&model, (CARBS, Language::Prose), (GLUCOSE, Language::Prose), UNSTOPPED).unwrap();
    assert_eq!(
        report.pairs.len(),
        (report.a.words.len() + 2) * (report.b.words.len() + 2)
    );
    for (i, score) in report.a.scores.iter().enumerate() {
        assert!((report.row(i).iter().sum::<f32>() - score).abs() < 1e-5);
    }
    for side in [&report.a, &report.b] {
        let sum = side.scores.iter().sum::<f32>() + side.special + side.bias;
        assert!((sum - report.cosine).abs() < 1e-4);
    }
}

#[test]
fn corresponding_words_are_linked() {
    let report = compare(
        &embedded(),
        (CARBS, Language::Prose),
        (GLUCOSE, Language::Prose),
        UNSTOPPED,
    )
    .unwrap();
    let links: Vec<(&str, &str)> = report
        .alignment
        .iter()
        .map(|link| {
            (
                &CARBS[report.a.words[link.a].clone()],
                &GLUCOSE[report.b.words[link.b].clone()],
            )
        })
        .collect();
    for pair in [("Carbs", "Carbohydrates"), ("sugar", "glucose"), ("into", "into")] {
        assert!(links.contains(&pair), "{pair:?} not in {links:?}");
    }
}

/// The forward parts and the backward pass share no code.
fn largest_disagreement(model: &Model) -> f32 {
    let units = real_units(model);
    assert!(units.len() >= 50, "{} units", units.len());
    let mut largest = 0f32;
    for (text, language) in units.iter().take(50) {
        let tokens = model.tokenize(text, *language).unwrap();
        let batch = Packed::new([tokens.ids.as_slice()]);
        let trace = model
            .encoder()
            .forward(&batch, Keep::Layers, UNSTOPPED)
            .unwrap()
            .remove(0);
        let embedding = model.pool(&trace).unwrap();
        let backward = decomposition::shares(&trace, model.pooling(), &embedding).unwrap();
        // Eight groups per unit: every part is checked, at an eighth of the cost of every token.
        let groups: Vec<Vec<usize>> = (0..8).map(|k| (k..tokens.len()).step_by(8).collect()).collect();
        let forward = parts::parts(&trace, model.pooling(), &groups, UNSTOPPED).unwrap();
        let vectors: Vec<Vec<f32>> = forward.vectors.to_vec2().unwrap();
        let squared: f32 = embedding.iter().map(|v| v * v).sum();
        let share = |vector: &[f32]| vector.iter().zip(&embedding).map(|(a, b)| a * b).sum::<f32>() / squared;
        for (group, vector) in groups.iter().zip(&vectors) {
            let expected: f32 = group.iter().map(|token| backward.tokens[*token]).sum();
            largest = largest.max((share(vector) - expected).abs());
        }
        largest = largest.max((share(&vectors[8]) - backward.bias).abs());
        let sum: Vec<f32> = (0..embedding.len())
            .map(|i| vectors.iter().map(|v| v[i]).sum())
            .collect();
        let off = normalise(&sum)
            .iter()
            .zip(normalise(&embedding))
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(off < 1e-4, "the parts do not sum to the embedding: {off}");
    }
    largest
}

#[test]
fn forward_parts_and_backward_shares_agree_on_fifty_units_of_real_code() {
    let largest = largest_disagreement(&embedded());
    eprintln!("largest disagreement: {largest:e}");
    assert!(largest < 1e-4, "{largest}");
}

#[test]
fn a_passage_longer_than_the_window_is_compared_whole() {
    let model = embedded();
    let long = "Every request sees the snapshot it arrived with. ".repeat(30);
    assert!(model.count(&long, Language::Prose) > model.window());
    let report = compare(&model, (&long, Language::Prose), (CARBS, Language::Prose), UNSTOPPED).unwrap();
    assert!(report.residual < 1e-4, "{}", report.residual);
    let last = report.a.words.last().unwrap();
    assert_eq!(&long[last.clone()], ".");
    assert!(last.end > long.len() - 3);
}

#[test]
fn an_empty_passage_compares_without_words() {
    let report = compare(&embedded(), ("", Language::Prose), (CARBS, Language::Prose), UNSTOPPED).unwrap();
    assert!(report.a.words.is_empty() && report.residual < 1e-4);
}

#[test]
fn a_raised_checkpoint_stops_a_comparison() {
    let stop = || true;
    let result = compare(&embedded(), (CARBS, Language::Prose), (GLUCOSE, Language::Prose), &stop);
    assert!(matches!(result, Err(fovea::model::ModelError::Stopped)));
}
