//! Rank correlation and confidence intervals.

use crate::model::Random;

/// Kendall's τ-b of two lists of scores, -1 to 1: pairs in the same order minus pairs in the opposite order, corrected for ties. 0 if one
/// of the lists is constant.
pub fn kendall(a: &[f32], b: &[f32]) -> f32 {
    let (mut alike, mut ties_a, mut ties_b, mut pairs) = (0i64, 0i64, 0i64, 0i64);
    for (i, (a_i, b_i)) in a.iter().zip(b).enumerate() {
        for (a_j, b_j) in a.iter().zip(b).skip(i + 1) {
            let order = |x: &f32, y: &f32| x.total_cmp(y) as i64;
            let (by_a, by_b) = (order(a_i, a_j), order(b_i, b_j));
            alike += by_a * by_b;
            ties_a += i64::from(by_a == 0);
            ties_b += i64::from(by_b == 0);
            pairs += 1;
        }
    }
    let scale = ((pairs - ties_a) as f64 * (pairs - ties_b) as f64).sqrt();
    if scale > 0.0 {
        (alike as f64 / scale) as f32
    } else {
        0.0
    }
}

/// Number of bootstrap samples for an interval.
const DRAWS: usize = 2000;

/// The 95 % confidence interval of the mean, by bootstrap (Efron 1979): the 2.5th and 97.5th percentiles of the means of samples with
/// replacement.
pub fn interval(values: &[f32], seed: u64) -> [f32; 2] {
    if values.is_empty() {
        return [0.0; 2];
    }
    let mut random = Random::new(seed);
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn = (0..values.len()).map(|_| f64::from(values[random.below(values.len())]));
            drawn.sum::<f64>() / values.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    [means[DRAWS / 40], means[DRAWS - 1 - DRAWS / 40]].map(|mean| mean as f32)
}

/// The mean; 0 for an empty list.
pub fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len().max(1) as f64) as f32
}

/// The median; 0 for an empty list.
pub fn median(values: &[f32]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_value_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, -1.0, 3.0, 2.0]), 3.0);
        assert_eq!((median(&[7.0]), median(&[])), (7.0, 0.0));
    }

    #[test]
    fn tau_agrees_with_scipy() {
        // scipy.stats.kendalltau of the same lists.
        for (a, b, expected) in [
            (vec![1.0, 2.0, 3.0, 4.0], vec![1.0, 2.0, 3.0, 4.0], 1.0),
            (
                vec![12.0, 2.0, 1.0, 12.0, 2.0],
                vec![1.0, 4.0, 7.0, 1.0, 0.0],
                -0.471_404_5,
            ),
            (
                vec![0.3, 0.1, 0.2, 0.5, 0.4],
                vec![3.0, 2.0, 1.0, 5.0, 5.0],
                0.737_864_8,
            ),
            (vec![1.0, 1.0], vec![1.0, 2.0], 0.0),
        ] {
            let found = kendall(&a, &b);
            assert!((found - expected).abs() < 1e-6, "{a:?} {b:?}: {found}");
        }
    }

    #[test]
    fn an_interval_contains_the_mean_and_depends_only_on_the_seed() {
        let values: Vec<f32> = (0..100).map(|v| v as f32 / 100.0).collect();
        let [low, high] = interval(&values, 5);
        // 1.96 times the standard error of the mean, .0289, on each side.
        assert!(
            (low - (0.495 - 0.0566)).abs() < 0.01 && (high - (0.495 + 0.0566)).abs() < 0.01,
            "{low} {high}"
        );
        assert_eq!(interval(&values, 5), [low, high]);
        assert_eq!(interval(&[], 1), [0.0, 0.0]);
        assert_eq!(interval(&[0.5], 1), [0.5, 0.5]);
    }
}
