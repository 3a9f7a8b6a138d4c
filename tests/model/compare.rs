//! The pair decomposition against published marginals and against a second implementation.

use fovea::explain::{CenteredSide, Means, Measure, Pair, Which, compare, compare_centered, decomposition, parts};
use fovea::model::{Model, Packed, Pooling, Source, TraceLevel, UNSTOPPED, largest};
use fovea::text::Language;

use super::{embedded, f32_model, normalize, pairs, real_units};

const CARBS: &str = "Carbs are broken down into sugar in your body";
const GLUCOSE: &str = "Carbohydrates are metabolized into glucose";

#[test]
#[ignore = "needs the f32 model in FOVEA_F32_MODEL"]
fn carbs_and_glucose_split_as_published() {
    let model = f32_model();
    let report = compare(&model, (CARBS, Language::Prose), (GLUCOSE, Language::Prose), UNSTOPPED).unwrap();
    assert!((report.cosine - 0.7136).abs() < 1e-4, "{}", report.cosine);
    assert!(report.residual < 1e-4, "{}", report.residual);
    // "car" .202 and "##bs" .124 form one word here; the special tokens are [CLS] .012 and [SEP] .006.
    let expected = [0.326, 0.019, -0.001, 0.009, 0.029, 0.248, 0.013, 0.000, 0.031];
    let words: Vec<&str> = report.a.words.iter().map(|range| &CARBS[range.clone()]).collect();
    assert_eq!(
        words,
        ["Carbs", "are", "broken", "down", "into", "sugar", "in", "your", "body"]
    );
    for ((word, score), expected) in pairs(pairs(&words, &report.a.scores).collect::<Vec<_>>(), expected) {
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
        report.pairs.as_ref().unwrap().len(),
        (report.a.words.len() + 2) * (report.b.words.len() + 2)
    );
    for (i, score) in report.a.scores.iter().enumerate() {
        assert!((report.row(i).unwrap().iter().sum::<f32>() - score).abs() < 1e-5);
    }
    for side in [&report.a, &report.b] {
        let sum = side.scores.iter().sum::<f32>() + side.special + side.bias;
        assert!((sum - report.cosine).abs() < 1e-4);
    }
}

/// Backward passes compute the totals, forward passes the matrix: they share no code.
#[test]
fn totals_and_rows_without_the_matrix_are_those_of_the_matrix() {
    let model = embedded();
    let mean: Vec<f32> = (0..model.hidden()).map(|i| 0.002 * (i % 7) as f32).collect();
    let means = Means {
        a: Some(&mean),
        b: None,
        measure: None,
    };
    let long: Vec<String> = real_units(&model).into_iter().take(8).map(|(text, _)| text).collect();
    let long = long.join("\n");
    for (a, b) in [(CARBS, GLUCOSE), (CARBS, &*long), (CARBS, "")] {
        let pair = Pair::read(&model, (a, Language::Prose), (b, Language::Prose), UNSTOPPED).unwrap();
        let matrix = pair.matrix(Some(means), UNSTOPPED).unwrap();
        let totals = pair.totals(Some(means), UNSTOPPED).unwrap();
        assert!(totals.pairs.is_none() && totals.row(0).is_none());
        assert!((totals.cosine - matrix.cosine).abs() < 1e-6 && totals.residual < 1e-4);
        assert_eq!(totals.alignment, matrix.alignment);
        let close = |x: &[f32], y: &[f32]| x.len() == y.len() && x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-4);
        for (own, of_matrix) in [(&totals.a, &matrix.a), (&totals.b, &matrix.b)] {
            assert!(close(&own.scores, &of_matrix.scores));
            assert!(close(&[own.special, own.bias], &[of_matrix.special, of_matrix.bias]));
        }
        let (own, of_matrix) = (totals.centered.unwrap(), matrix.centered.as_ref().unwrap());
        assert!((own.cosine - of_matrix.cosine).abs() < 1e-5 && own.residual < 1e-4);
        for (own, of_matrix) in [(&own.a, &of_matrix.a), (&own.b, &of_matrix.b)] {
            assert!(close(&own.scores, &of_matrix.scores));
            let rest = |side: &CenteredSide| [side.special, side.bias, side.common];
            assert!(close(&rest(own), &rest(of_matrix)), "{own:?} {of_matrix:?}");
        }
        let columns = matrix.b.words.len();
        let row = pair.row(Which::A, 5, UNSTOPPED).unwrap().unwrap();
        let expected = matrix.row(5).unwrap();
        assert!(close(&row.words, &expected[..columns]));
        assert!(close(&[row.special, row.bias], &expected[columns..]));
        // The last word of a long passage is in another unit than the first ones.
        for at in [3, columns.saturating_sub(1)].into_iter().filter(|at| *at < columns) {
            let column = pair.row(Which::B, at, UNSTOPPED).unwrap().unwrap();
            let expected: Vec<f32> = (0..matrix.a.words.len()).map(|i| matrix.row(i).unwrap()[at]).collect();
            assert!(close(&column.words, &expected));
        }
        assert_eq!(pair.row(Which::B, columns, UNSTOPPED).unwrap(), None);
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

/// The largest difference of the forward parts and the backward shares, which share no code, on some units of real code.
fn furthest_disagreement(model: &Model, pooling: Pooling, count: usize) -> f32 {
    let units = real_units(model);
    assert!(units.len() >= count, "{} units", units.len());
    let mut furthest = 0f32;
    for (text, language) in units.iter().take(count) {
        let tokens = model.tokenize(text, *language).unwrap();
        let batch = Packed::new([tokens.ids.as_slice()]);
        let trace = model
            .encoder()
            .forward(&batch, TraceLevel::Layers, UNSTOPPED)
            .unwrap()
            .remove(0);
        let embedding = model.pool_by(pooling, &trace).unwrap();
        let backward = decomposition::shares(&trace, pooling, &embedding).unwrap();
        // Eight groups of tokens per unit cover every token and cost less than a pass for each.
        let groups: Vec<Vec<usize>> = (0..8).map(|k| (k..tokens.len()).step_by(8).collect()).collect();
        let forward = parts::parts(&trace, pooling, &groups, UNSTOPPED).unwrap();
        let vectors: Vec<Vec<f32>> = forward.vectors.to_vec2().unwrap();
        let squared: f32 = embedding.iter().map(|v| v * v).sum();
        let share = |vector: &[f32]| vector.iter().zip(&embedding).map(|(a, b)| a * b).sum::<f32>() / squared;
        assert_eq!(vectors.len(), groups.len() + 1);
        for (group, vector) in groups.iter().zip(&vectors) {
            let expected: f32 = group.iter().map(|token| backward.tokens[*token]).sum();
            furthest = largest([furthest, (share(vector) - expected).abs()]);
        }
        furthest = largest([furthest, (share(&vectors[8]) - backward.bias).abs()]);
        let sum: Vec<f32> = (0..embedding.len())
            .map(|i| vectors.iter().map(|v| v[i]).sum())
            .collect();
        let off = largest(pairs(normalize(&sum), normalize(&embedding)).map(|(a, b)| (a - b).abs()));
        assert!(off < 1e-4, "the parts do not sum to the embedding: {off}");
    }
    furthest
}

#[test]
fn forward_parts_and_backward_shares_agree_on_fifty_units_of_real_code() {
    let furthest = furthest_disagreement(&embedded(), Pooling::Mean, 50);
    eprintln!("largest disagreement: {furthest:e}");
    assert!(furthest < 1e-4, "{furthest}");
}

/// With fused operations and with the interpreter, whose last layers pool in different ways.
#[test]
fn forward_parts_and_backward_shares_agree_with_every_pooling() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-gpt2");
    let decoder = Model::interpreted(&Source::Folder(folder)).unwrap();
    for model in [embedded(), decoder] {
        for pooling in [
            Pooling::MeanFrom(3),
            Pooling::MeanSqrtLen,
            Pooling::Cls,
            Pooling::Last,
            Pooling::WeightedMean,
            Pooling::Max,
        ] {
            let furthest = furthest_disagreement(&model, pooling, 6);
            assert!(furthest < 1e-4, "{pooling:?}: {furthest}");
        }
    }
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

const LOAD: &str =
    "def load_config(path):\n    with open(path, encoding='utf-8') as file:\n        return json.load(file)\n";
const READ: &str = "function readSettings(path) {\n  return JSON.parse(fs.readFileSync(path, 'utf-8'));\n}\n";

/// The mean of the normalized embeddings of texts.
fn mean(model: &Model, texts: &[&str], language: Language) -> Vec<f32> {
    let mut mean = vec![0f32; model.hidden()];
    for text in texts {
        let tokens = model.tokenize(text, language).unwrap();
        let batch = Packed::new([tokens.ids.as_slice()]);
        let traces = model
            .encoder()
            .forward(&batch, TraceLevel::LastHidden, UNSTOPPED)
            .unwrap();
        let embedding = normalize(&model.pool(&traces[0]).unwrap());
        pairs(&mut mean, embedding).for_each(|(sum, v)| *sum += v / texts.len() as f32);
    }
    mean
}

#[test]
fn centered_parts_sum_to_the_centered_cosine_and_the_raw_split_is_unchanged() {
    let model = embedded();
    let python = mean(
        &model,
        &[
            LOAD,
            "def add(a, b):\n    return a + b\n",
            "import sys\nprint(sys.argv)\n",
        ],
        Language::Python,
    );
    let script = mean(&model, &[READ, "const add = (a, b) => a + b;\n"], Language::JavaScript);
    let (a, b) = ((LOAD, Language::Python), (READ, Language::JavaScript));
    let raw = compare(&model, a, b, UNSTOPPED).unwrap();
    let means = Means {
        a: Some(&python),
        b: Some(&script),
        ..Means::default()
    };
    let both = compare_centered(&model, a, b, Some(means), UNSTOPPED).unwrap();
    assert_eq!(
        (raw.cosine, &raw.pairs, &raw.a, &raw.b),
        (both.cosine, &both.pairs, &both.a, &both.b)
    );
    assert!(raw.centered.is_none());
    let centered = both.centered.unwrap();
    // The same from the plain vectors.
    let own = |text, language, taken: &[f32]| -> Vec<f32> {
        pairs(mean(&model, &[text], language), taken)
            .map(|(v, m)| v - m)
            .collect()
    };
    let (own_a, own_b) = (own(LOAD, a.1, &python), own(READ, b.1, &script));
    assert!(
        (centered.cosine - super::cosine(&own_a, &own_b)).abs() < 1e-4,
        "{}",
        centered.cosine
    );
    // All parts, the common one included, sum to the centered cosine; so do the marginals of each side.
    assert_eq!(
        centered.pairs.as_ref().unwrap().len(),
        (both.a.words.len() + 3) * (both.b.words.len() + 3)
    );
    assert!((centered.pairs.iter().flatten().sum::<f32>() - centered.cosine).abs() < 1e-4);
    assert!(centered.residual < 1e-4, "{}", centered.residual);
    for side in [&centered.a, &centered.b] {
        let sum = side.scores.iter().sum::<f32>() + side.special + side.bias + side.common;
        assert!((sum - centered.cosine).abs() < 1e-4, "{sum}");
        assert!(side.known && side.common != 0.0);
    }
    for (i, score) in centered.a.scores.iter().enumerate() {
        assert!((centered.row(i).unwrap().iter().sum::<f32>() - score).abs() < 1e-5);
    }
    // The common and the centered part add up to the raw cosine.
    assert!((centered.common + centered.own_length * centered.cosine - both.cosine).abs() < 1e-4);
    assert!(centered.common > 0.1, "{}", centered.common);
    // Another score scale changes the similarity, but not the parts of the cosine.
    assert_eq!(centered.similarity, centered.cosine);
    let measure = Some(&Doubled as &dyn Measure);
    let scaled = compare_centered(&model, a, b, Some(Means { measure, ..means }), UNSTOPPED).unwrap();
    let scaled = scaled.centered.unwrap();
    assert_eq!((scaled.cosine, &scaled.pairs), (centered.cosine, &centered.pairs));
    assert!((scaled.similarity - (2.0 * centered.cosine - 1.0)).abs() < 1e-6);
}

/// A score that falls twice as fast as the cosine.
#[derive(Debug)]
struct Doubled;

impl Measure for Doubled {
    fn score(&self, cosine: f32, _: &[f32], _: &[f32]) -> f32 {
        2.0 * cosine - 1.0
    }
}

#[test]
fn without_valid_means_nothing_is_subtracted() {
    let model = embedded();
    let (a, b) = ((CARBS, Language::Prose), (GLUCOSE, Language::Prose));
    let short = [0.5f32; 7];
    for means in [
        Means::default(),
        Means {
            a: Some(&short),
            ..Means::default()
        },
    ] {
        let report = compare_centered(&model, a, b, Some(means), UNSTOPPED).unwrap();
        let centered = report.centered.unwrap();
        assert!((centered.cosine - report.cosine).abs() < 1e-5 && centered.common.abs() < 1e-5);
        assert!(!centered.a.known && !centered.b.known && centered.a.common == 0.0);
    }
    // A passage that equals the mean has no part of its own.
    let own = mean(&model, &[CARBS], Language::Prose);
    let means = Means {
        a: Some(&own),
        ..Means::default()
    };
    let report = compare_centered(&model, a, b, Some(means), UNSTOPPED).unwrap();
    let centered = report.centered.unwrap();
    assert!(centered.own_length < 1e-3 && (centered.common - report.cosine).abs() < 1e-3);
}
