//! Training: selection of the strength, cross-validation, calibration, and detection of doubtful labels.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::logistic::{Data, Weights, fit, probabilities};
use super::{Probe, VERSION};
use crate::model::ModelError;

/// Strengths that cross-validation tries, ascending.
const STRENGTHS: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];

/// Folds of the cross-validation; fewer if the rarest class has fewer items.
const FOLDS: usize = 5;

/// Largest derivative at the end of a fit: in cross-validation, and for the final fit.
const ROUGH: f64 = 3e-4;
const FINE: f64 = 1e-6;

/// Bins of the calibration error.
const BINS: usize = 10;

/// Why training is impossible.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TrainError {
    /// There are no items.
    #[error("there are no labeled items; give a file with the columns text (or path) and label")]
    Empty,
    /// All items have one label.
    #[error("all items have the label {0:?}; a probe needs at least two labels")]
    OneClass(String),
    /// A label has a single item.
    #[error("only one item has the label {0:?}; label at least two, preferably ten")]
    Lonely(String),
    /// The weights cannot be computed.
    #[error("the weights cannot be computed: {0}")]
    Weights(String),
}

impl From<ModelError> for TrainError {
    fn from(error: ModelError) -> TrainError {
        TrainError::Weights(error.to_string())
    }
}

/// Quality of a probe in cross-validation: the tested items are not in the training data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Number of items.
    pub items: usize,
    /// Folds of the cross-validation.
    pub folds: usize,
    /// Share of items that get their own label.
    pub accuracy: f32,
    /// Share of the most frequent label: the accuracy of always guessing it.
    pub majority: f32,
    /// Mean - ln p of the true label.
    pub log_loss: f32,
    /// Expected calibration error over ten bins: mean distance between probability and accuracy.
    pub calibration_error: f32,
    /// The same error before calibration.
    pub uncalibrated_error: f32,
    /// Quality for each label.
    pub labels: Vec<LabelReport>,
}

/// Quality of a probe for one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelReport {
    /// The label.
    pub label: String,
    /// Number of items with this label.
    pub items: usize,
    /// Share of the items predicted as this label that have it.
    pub precision: f32,
    /// Share of the items with this label that are predicted as it.
    pub recall: f32,
}

/// An item whose label the other items contradict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Doubtful {
    /// Its zero-based number.
    pub item: usize,
    /// Its label.
    pub label: String,
    /// The label that the other items suggest.
    pub rather: String,
    /// The probability of the suggested label.
    pub probability: f32,
}

/// A trained probe and the doubtful labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The probe.
    pub probe: Probe,
    /// Items whose label differs from the prediction, most certain first.
    pub doubtful: Vec<Doubtful>,
}

/// Trains a probe on normalized embeddings, each with a label.
///
/// # Errors
/// If there are fewer than two labels, or a label has only one item.
pub fn train(vectors: &[Vec<f32>], labels: &[String], model: (&str, &str)) -> Result<Trained, TrainError> {
    learn(vectors, labels, model, None)
}

/// Same as [`train`], but with the strength of an earlier probe and from its weights: one more label hardly changes them.
///
/// # Errors
/// Those of [`train`].
pub fn train_again(
    vectors: &[Vec<f32>],
    labels: &[String],
    model: (&str, &str),
    before: &Probe,
) -> Result<Trained, TrainError> {
    learn(vectors, labels, model, Some(before))
}

fn learn(
    vectors: &[Vec<f32>],
    labels: &[String],
    (model, encoder): (&str, &str),
    before: Option<&Probe>,
) -> Result<Trained, TrainError> {
    let mut names: Vec<String> = labels.to_vec();
    names.sort();
    names.dedup();
    let class = |label: &String| names.binary_search(label).unwrap_or_default();
    let classes: Vec<usize> = labels.iter().map(class).collect();
    let mut counts = vec![0usize; names.len()];
    classes.iter().for_each(|class| counts[*class] += 1);
    match (&*names, counts.iter().position(|count| *count == 1)) {
        ([], _) => return Err(TrainError::Empty),
        ([only], _) => return Err(TrainError::OneClass(only.clone())),
        (_, Some(lonely)) => return Err(TrainError::Lonely(names[lonely].clone())),
        _ => {}
    }
    let rarest = counts.iter().copied().min().unwrap_or(0);
    let folds = FOLDS.min(rarest).max(2);
    let parts = folds_of(&classes, names.len(), folds);
    let width = vectors.first().map_or(0, Vec::len);
    let strengths = before.map_or(STRENGTHS.to_vec(), |before| vec![f64::from(before.strength)]);
    let (strength, unseen) = strongest(vectors, &classes, names.len(), (&parts, folds), &strengths)?;
    let temperature = temperature(&unseen, &classes);
    let all = Data {
        vectors: vectors.iter().map(Vec::as_slice).collect(),
        classes: classes.clone(),
        count: names.len(),
    };
    let known = before.filter(|before| before.labels == names && before.width() == width);
    let start = known.map_or_else(|| Weights::zeros(names.len(), width), Probe::weights);
    let weights = fit(&all, strength, &start, FINE)?;
    let predicted: Vec<Vec<f64>> = unseen.iter().map(|logits| probabilities(logits, temperature)).collect();
    let report = report(&predicted, &unseen, &classes, (&names, &counts), folds);
    let mut doubtful: Vec<Doubtful> = (0..classes.len())
        .filter_map(|item| {
            let best = largest(&predicted[item]);
            (best != classes[item]).then(|| Doubtful {
                item,
                label: names[classes[item]].clone(),
                rather: names[best].clone(),
                probability: predicted[item][best] as f32,
            })
        })
        .collect();
    doubtful.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.item.cmp(&b.item)));
    let probe = Probe {
        version: VERSION,
        model: model.to_owned(),
        encoder: encoder.to_owned(),
        labels: names,
        rows: weights
            .rows
            .chunks(width.max(1))
            .map(|row| row.iter().map(|w| *w as f32).collect())
            .collect(),
        intercepts: weights.intercepts.iter().map(|b| *b as f32).collect(),
        temperature: temperature as f32,
        strength: strength as f32,
        report,
        source: None,
    };
    Ok(Trained { probe, doubtful })
}

/// The fold of each item; stratified by class, in a deterministic shuffled order.
fn folds_of(classes: &[usize], count: usize, folds: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|item| shuffled(*item as u64));
    let mut next = vec![0usize; count];
    let mut parts = vec![0; classes.len()];
    for item in order {
        parts[item] = next[classes[item]] % folds;
        next[classes[item]] += 1;
    }
    parts
}

/// SplitMix64 of a number.
fn shuffled(number: u64) -> u64 {
    let mut z = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Share of the loss that a larger strength must save. Rough fits resolve no less, and larger weights need a reason.
const GAIN: f64 = 1e-3;

/// The strength with the smallest loss on unseen items, and the logits of these items.
fn strongest(
    vectors: &[Vec<f32>],
    classes: &[usize],
    count: usize,
    (parts, folds): (&[usize], usize),
    strengths: &[f64],
) -> Result<(f64, Vec<Vec<f64>>), ModelError> {
    let width = vectors.first().map_or(0, Vec::len);
    let mut starts = vec![Weights::zeros(count, width); folds];
    let mut best: Option<(f64, f64, Vec<Vec<f64>>)> = None;
    for &strength in strengths {
        let folds = starts.par_iter_mut().enumerate();
        folds.try_for_each(|(fold, start)| -> Result<(), ModelError> {
            let seen = (0..classes.len()).filter(|item| parts[*item] != fold);
            let data = Data {
                vectors: seen.clone().map(|item| &*vectors[item]).collect(),
                classes: seen.map(|item| classes[item]).collect(),
                count,
            };
            // The weights of a smaller strength are a good start for the next one.
            *start = fit(&data, strength, start, ROUGH)?;
            Ok(())
        })?;
        let predicted = vectors.iter().zip(parts);
        let unseen: Vec<Vec<f64>> = predicted.map(|(vector, fold)| starts[*fold].logits(vector)).collect();
        let loss = loss(&unseen, classes, temperature(&unseen, classes));
        if best.as_ref().is_none_or(|(least, ..)| loss < *least * (1.0 - GAIN)) {
            best = Some((loss, strength, unseen));
        } else {
            // Larger strengths only increase the loss.
            break;
        }
    }
    Ok(best.map_or((1.0, Vec::new()), |(_, strength, unseen)| (strength, unseen)))
}

/// Mean cross entropy with smoothed targets (Platt 1999). So n correct items of a class do not make the next one certain.
fn loss(logits: &[Vec<f64>], classes: &[usize], temperature: f64) -> f64 {
    let count = logits.first().map_or(0, Vec::len);
    let mut items = vec![0f64; count];
    classes.iter().for_each(|class| items[*class] += 1.0);
    let of = |(logits, class): (&Vec<f64>, &usize)| -> f64 {
        let all = items[*class] + count as f64;
        let outputs = probabilities(logits, temperature).into_iter().enumerate();
        outputs
            .map(|(output, p)| {
                let target = if output == *class { items[*class] + 1.0 } else { 1.0 };
                -target / all * p.max(1e-300).ln()
            })
            .sum()
    };
    logits.iter().zip(classes).map(of).sum::<f64>() / classes.len().max(1) as f64
}

/// The temperature with the smallest loss (Guo et al., ICML 2017), by golden-section search.
fn temperature(logits: &[Vec<f64>], classes: &[usize]) -> f64 {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-3.0f64, 3.0f64);
    let at = |t: f64| loss(logits, classes, t.exp());
    let (mut a, mut b) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_a, mut at_b) = (at(a), at(b));
    for _ in 0..30 {
        if at_a < at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - ratio * (high - low);
            at_a = at(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + ratio * (high - low);
            at_b = at(b);
        }
    }
    ((low + high) / 2.0).exp()
}

fn largest(values: &[f64]) -> usize {
    (0..values.len())
        .max_by(|a, b| values[*a].total_cmp(&values[*b]).then(b.cmp(a)))
        .unwrap_or(0)
}

fn report(
    predicted: &[Vec<f64>],
    unseen: &[Vec<f64>],
    classes: &[usize],
    (names, counts): (&[String], &[usize]),
    folds: usize,
) -> Report {
    let items = classes.len();
    let given: &[usize] = &predicted.iter().map(|own| largest(own)).collect::<Vec<_>>();
    let share = |part: usize, whole: usize| part as f32 / whole.max(1) as f32;
    let right = |class: usize| (0..items).filter(move |item| given[*item] == class && classes[*item] == class);
    let label = |class: usize| LabelReport {
        label: names[class].clone(),
        items: counts[class],
        precision: share(
            right(class).count(),
            given.iter().filter(|given| **given == class).count(),
        ),
        recall: share(right(class).count(), counts[class]),
    };
    let plain: Vec<Vec<f64>> = unseen.iter().map(|logits| probabilities(logits, 1.0)).collect();
    let own = predicted
        .iter()
        .zip(classes)
        .map(|(own, class)| -own[*class].max(1e-300).ln());
    Report {
        items,
        folds,
        accuracy: share((0..names.len()).map(|class| right(class).count()).sum(), items),
        majority: share(counts.iter().copied().max().unwrap_or(0), items),
        log_loss: (own.sum::<f64>() / items.max(1) as f64) as f32,
        calibration_error: calibration_error(predicted, classes),
        uncalibrated_error: calibration_error(&plain, classes),
        labels: (0..names.len()).map(label).collect(),
    }
}

/// The mean distance between the highest probability and the accuracy, over bins of that probability.
fn calibration_error(predicted: &[Vec<f64>], classes: &[usize]) -> f32 {
    let mut bins = [(0f64, 0f64); BINS];
    for (own, class) in predicted.iter().zip(classes) {
        let best = largest(own);
        let bin = ((own[best] * BINS as f64) as usize).min(BINS - 1);
        bins[bin].0 += own[best];
        bins[bin].1 += f64::from(u8::from(best == *class));
    }
    let off: f64 = bins.iter().map(|(sure, right)| (sure - right).abs()).sum();
    (off / predicted.len().max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_the_mean_cross_entropy_with_smoothed_targets() {
        // One item per class: the targets are 2/3 and 1/3.
        let logits = [vec![2.0, 0.0], vec![0.0, 1.0]];
        let p = |x: f64| 1.0 / (1.0 + (-x).exp());
        let own = |x: f64| -(2.0 / 3.0) * p(x).ln() - (1.0 / 3.0) * p(-x).ln();
        assert!((loss(&logits, &[0, 1], 1.0) - (own(2.0) + own(1.0)) / 2.0).abs() < 1e-9);
        assert!((loss(&logits, &[0, 1], 2.0) - (own(1.0) + own(0.5)) / 2.0).abs() < 1e-9);
        assert_eq!(loss(&[], &[], 1.0), 0.0);
    }

    #[test]
    fn a_report_counts_right_items_by_label() {
        let names = ["a", "b", "c"].map(str::to_owned);
        // Given: a, a, b, b, b; true: a, b, b, b, b. Nothing is c.
        let predicted = [
            [0.7, 0.2, 0.1],
            [0.6, 0.3, 0.1],
            [0.1, 0.8, 0.1],
            [0.2, 0.5, 0.3],
            [0.1, 0.8, 0.1],
        ]
        .map(|own| own.to_vec());
        let unseen = vec![vec![0.0; 3]; 5];
        let report = report(&predicted, &unseen, &[0, 1, 1, 1, 1], (&names, &[1, 4, 0]), 5);
        assert_eq!(
            (report.items, report.folds, report.accuracy, report.majority),
            (5, 5, 0.8, 0.8)
        );
        let labels: Vec<(f32, f32)> = report
            .labels
            .iter()
            .map(|label| (label.precision, label.recall))
            .collect();
        assert_eq!(labels, [(0.5, 1.0), (1.0, 0.75), (0.0, 0.0)]);
        let expected = -(0.7f64.ln() + 0.3f64.ln() + 2.0 * 0.8f64.ln() + 0.5f64.ln()) / 5.0;
        assert!((f64::from(report.log_loss) - expected).abs() < 1e-6);
        // By tenths of certainty: .7 right, .6 wrong, .8 right twice, .5 right.
        assert!((report.calibration_error - (0.3 + 0.6 + 2.0 * 0.2 + 0.5) / 5.0).abs() < 1e-6);
    }

    /// Vectors around one of `count` directions; some of their labels are wrong.
    fn made(items: usize, count: usize) -> (Vec<Vec<f32>>, Vec<String>) {
        let vector = |item: usize| -> Vec<f32> {
            let noise = |j: usize| (shuffled((item * 100 + j) as u64) as f64 / u64::MAX as f64 - 0.5) as f32;
            let own: Vec<f32> = (0..24)
                .map(|j| noise(j) + if j == item % count { 1.2 } else { 0.0 })
                .collect();
            let length = own.iter().map(|v| v * v).sum::<f32>().sqrt();
            own.into_iter().map(|v| v / length).collect()
        };
        let label = |item: usize| match item {
            7 => format!("class {}", (item + 1) % count),
            _ => format!("class {}", item % count),
        };
        ((0..items).map(vector).collect(), (0..items).map(label).collect())
    }

    #[test]
    fn a_probe_learns_and_doubts_the_wrong_label() {
        for count in [2, 3] {
            let (vectors, labels) = made(200, count);
            let trained = train(&vectors, &labels, ("m", "id")).unwrap();
            let report = &trained.probe.report;
            assert!(report.accuracy > 0.95 && report.folds == 5, "{report:?}");
            assert!(
                report.calibration_error <= report.uncalibrated_error + 0.02,
                "{report:?}"
            );
            assert_eq!(trained.doubtful[0].item, 7, "{:?}", trained.doubtful);
            let file = serde_json::to_vec(&trained.probe).unwrap();
            let read = Probe::parse(&file).unwrap();
            assert_eq!(read, trained.probe);
            for change in [
                |probe: &mut Probe| probe.rows[0].truncate(1),
                |probe: &mut Probe| probe.rows[0][0] = f32::INFINITY,
                |probe: &mut Probe| probe.labels.truncate(1),
                |probe: &mut Probe| probe.temperature = 0.0,
            ] {
                let mut damaged = trained.probe.clone();
                change(&mut damaged);
                let parsed = Probe::parse(&serde_json::to_vec(&damaged).unwrap());
                // A binary probe has a single row, which has no width but its own.
                assert_eq!(
                    parsed.is_ok(),
                    count == 2 && damaged.rows[0].len() < trained.probe.rows[0].len()
                );
            }
            let probabilities = read.probabilities(&vectors[1]);
            assert_eq!(largest(&probabilities), 1);
            // The direction reproduces the logit of the probability.
            let (direction, constant) = read.direction(1, Some(0));
            let logit: f32 = direction.iter().zip(&vectors[1]).map(|(w, x)| w * x).sum::<f32>() + constant;
            let odds = (probabilities[1] / probabilities[0]).ln() * f64::from(read.temperature);
            assert!((f64::from(logit) - odds).abs() < 1e-4, "{logit} {odds}");
        }
    }

    #[test]
    fn training_again_gives_the_weights_of_a_training_from_the_start() {
        for count in [2, 3] {
            let (vectors, labels) = made(201, count);
            let before = train(&vectors[..200], &labels[..200], ("m", "id")).unwrap().probe;
            let again = train_again(&vectors, &labels, ("m", "id"), &before).unwrap().probe;
            let fresh = train(&vectors, &labels, ("m", "id")).unwrap().probe;
            assert_eq!((again.strength, again.report.items), (fresh.strength, 201));
            let both = again.rows.iter().flatten().zip(fresh.rows.iter().flatten());
            let largest = fresh.rows.iter().flatten().fold(1f32, |most, w| most.max(w.abs()));
            for (again, fresh) in both {
                assert!((again - fresh).abs() < 1e-3 * largest, "{again} {fresh}");
            }
        }
    }

    #[test]
    fn a_new_label_makes_another_row_when_training_again() {
        let (vectors, labels) = made(60, 2);
        let before = train(&vectors, &labels, ("m", "id")).unwrap().probe;
        let (vectors, labels) = made(60, 3);
        let again = train_again(&vectors, &labels, ("m", "id"), &before).unwrap().probe;
        assert_eq!((again.labels.len(), again.rows.len()), (3, 3));
    }

    #[test]
    fn weights_of_another_width_do_not_begin_a_training() {
        let (vectors, labels) = made(60, 2);
        let before = train(&vectors, &labels, ("m", "id")).unwrap().probe;
        let narrow: Vec<Vec<f32>> = vectors.iter().map(|vector| vector[..12].to_vec()).collect();
        let again = train_again(&narrow, &labels, ("m", "id"), &before).unwrap().probe;
        assert_eq!(again.width(), 12);
    }

    #[test]
    fn a_few_correct_items_do_not_make_predictions_certain() {
        let (vectors, labels) = made(14, 2);
        let some: Vec<usize> = (0..14).filter(|item| *item != 7).collect();
        let vectors: Vec<Vec<f32>> = some.iter().map(|item| vectors[*item].clone()).collect();
        let labels: Vec<String> = some.iter().map(|item| labels[*item].clone()).collect();
        let probe = train(&vectors, &labels, ("m", "id")).unwrap().probe;
        for vector in &vectors {
            assert!(
                probe.probabilities(vector).iter().all(|p| *p < 0.995),
                "{:?}",
                probe.probabilities(vector)
            );
        }
    }

    #[test]
    fn unusable_training_data_is_rejected_with_an_explanation() {
        let of = |labels: &[&str]| {
            let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
            let vectors = vec![vec![1.0, 0.0]; labels.len()];
            train(&vectors, &labels, ("m", "id")).unwrap_err().to_string()
        };
        assert!(of(&[]).contains("no labeled items"));
        assert!(of(&["a", "a"]).contains("at least two labels"));
        assert!(of(&["a", "a", "b"]).contains("only one item has the label \"b\""));
        assert!(
            Probe::parse(b"{}")
                .unwrap_err()
                .to_string()
                .contains("cannot read the probe")
        );
    }

    #[test]
    fn items_are_shuffled_by_splitmix64_and_each_class_is_spread_over_all_folds() {
        // The first numbers of the generator with the seed 0.
        assert_eq!(
            [shuffled(0), shuffled(1)],
            [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]
        );
        let classes: Vec<usize> = (0..60).map(|item| usize::from(item % 3 == 0)).collect();
        let folds = folds_of(&classes, 2, 5);
        for fold in 0..5 {
            let of = |class| {
                (0..60)
                    .filter(|item| folds[*item] == fold && classes[*item] == class)
                    .count()
            };
            assert_eq!([of(0), of(1)], [8, 4]);
        }
        assert_ne!(folds[..5], [0, 0, 1, 2, 1], "in the order of the items");
    }

    #[test]
    fn the_temperature_undoes_what_logits_were_multiplied_by() {
        // Nine of twelve are right by the same margin.
        let logits: Vec<Vec<f64>> = (0..12)
            .map(|item| vec![if item % 2 == 0 { 1.0 } else { -1.0 }, 0.0])
            .collect();
        let classes: Vec<usize> = (0..12).map(|item| (item % 2) ^ usize::from(item < 3)).collect();
        let found = temperature(&logits, &classes);
        for factor in [0.5, 3.0] {
            let scaled: Vec<Vec<f64>> = logits
                .iter()
                .map(|own| own.iter().map(|logit| logit * factor).collect())
                .collect();
            assert!((temperature(&scaled, &classes) / found - factor).abs() < 1e-3 * factor);
        }
        let near = [0.98, 1.02].map(|by| loss(&logits, &classes, found * by));
        let least = loss(&logits, &classes, found);
        assert!(least <= near[0] && least <= near[1], "{least} {near:?}");
    }
}
