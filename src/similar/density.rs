//! Weights of vectors in their mean, so that near-copies count once.
//!
//! The mean of a language represents the common part of its items. If an item exists forty times with small changes, a plain mean is this
//! item, and subtracting it leaves only the unique part of each copy: the more copies exist, the less alike they look. So an item weighs 1
//! / (number of its copies, including itself), and a partial copy counts as a fraction.

use super::vector::dot;

/// Cosine from which an item counts as a partial copy of another.
///
/// Unrelated items of a language have a cosine of about .4, and few reach this value.
const PART: f32 = 0.65;

/// Cosine from which an item counts as a full copy.
const COPY: f32 = 0.85;

/// A sample holds between this many and twice as many vectors.
const SAMPLE: usize = 512;

/// Share of copies in a sample below which all vectors count equally.
const FEW: f64 = 0.05;

/// An evenly spaced sample of the added vectors; all of them while there are few.
#[derive(Debug)]
pub(super) struct Sample {
    kept: Vec<Vec<f32>>,
    step: usize,
    seen: usize,
}

impl Default for Sample {
    fn default() -> Sample {
        Sample {
            kept: Vec::new(),
            step: 1,
            seen: 0,
        }
    }
}

impl Sample {
    /// Counts a vector and keeps it if it falls on the sampling step.
    pub fn add(&mut self, vector: &[f32]) {
        if self.seen.is_multiple_of(self.step) {
            self.kept.push(vector.to_vec());
        }
        self.seen += 1;
        if self.kept.len() > 2 * SAMPLE {
            let mut number = 0;
            self.kept.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.step *= 2;
        }
    }

    /// The sample of `seen` vectors; `kept` are those that [`Sample::kept_of`] selects, in order.
    #[cfg(feature = "postgres")]
    pub fn of(seen: usize, kept: Vec<Vec<f32>>) -> Sample {
        let step = seen.div_ceil(2 * SAMPLE).next_power_of_two();
        Sample { kept, step, seen }
    }

    /// An SQL condition on a vector's number that selects the vectors of the sample.
    #[cfg(feature = "postgres")]
    pub fn kept_of(number: &str, count: &str) -> String {
        let most = 2 * SAMPLE;
        format!("({count} <= {most} OR {number} % (2 ^ ceil(log(2, {count} / {most}::numeric)))::bigint = 0)")
    }

    /// The sum and the number of the added vectors, each near-copy counted once.
    ///
    /// Cosines are measured after subtracting `common`. `None` if all vectors count equally.
    pub fn distinct(&self, common: Option<&[f32]>) -> Option<(Vec<f64>, f64)> {
        if self.kept.is_empty() {
            return None;
        }
        let weights = weights(&self.kept, common);
        let number: f64 = weights.iter().sum();
        let copies = 1.0 - number / self.kept.len() as f64;
        if copies < if self.step == 1 { 1e-9 } else { FEW } {
            return None;
        }
        // Each sampled vector represents this many seen vectors.
        let times = self.seen as f64 / self.kept.len() as f64;
        let mut sum = vec![0.0; self.kept.first().map_or(0, Vec::len)];
        for (vector, weight) in self.kept.iter().zip(&weights) {
            sum.iter_mut()
                .zip(vector)
                .for_each(|(sum, v)| *sum += f64::from(*v) * weight * times);
        }
        Some((sum, number * times))
    }
}

/// The weight of each vector: 1 if no other vector is near.
fn weights(vectors: &[Vec<f32>], common: Option<&[f32]>) -> Vec<f64> {
    let own = |vector: &Vec<f32>| {
        let mut own = vector.clone();
        if let Some(common) = common.filter(|common| common.len() == own.len()) {
            own.iter_mut().zip(common).for_each(|(v, c)| *v -= c);
        }
        super::vector::normalize(&mut own);
        own
    };
    let own: Vec<Vec<f32>> = vectors.iter().map(own).collect();
    let mut copies = vec![1.0f64; own.len()];
    for (number, vector) in own.iter().enumerate() {
        for (other, near) in own.iter().enumerate().skip(number + 1) {
            let part = f64::from(part_of_a_copy(dot(vector, near)));
            copies[number] += part;
            copies[other] += part;
        }
    }
    copies.into_iter().map(f64::recip).collect()
}

fn part_of_a_copy(cosine: f32) -> f32 {
    ((cosine - PART) / (COPY - PART)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A unit vector along an axis, rotated by an angle toward another axis.
    fn along(axis: usize, angle: f32, other: usize) -> Vec<f32> {
        let mut vector = vec![0.0; 64];
        vector[axis] = angle.cos();
        vector[other] = angle.sin();
        vector
    }

    fn sample(vectors: impl Iterator<Item = Vec<f32>>) -> Sample {
        let mut sample = Sample::default();
        vectors.for_each(|vector| sample.add(&vector));
        sample
    }

    #[test]
    fn a_sample_keeps_every_vector_of_a_step_that_doubles() {
        let count = 4 * SAMPLE + 2;
        let found = sample((0..count).map(|number| vec![number as f32]));
        assert_eq!((found.seen, found.step), (count, 4));
        let expected: Vec<f32> = (0..count).step_by(4).map(|number| number as f32).collect();
        let kept: Vec<f32> = found.kept.iter().map(|vector| vector[0]).collect();
        assert_eq!(kept, expected);
        // Until there are more than twice as many, all are kept.
        let all = sample((0..2 * SAMPLE).map(|number| vec![number as f32]));
        assert_eq!((all.kept.len(), all.step), (2 * SAMPLE, 1));
    }

    #[test]
    fn copies_count_once_and_partial_copies_count_in_part() {
        assert!(
            sample((0..20).map(|axis| along(axis, 0.0, 63)))
                .distinct(None)
                .is_none()
        );
        let family = (0..40).map(|member| along(0, 0.02, 20 + member));
        let (sum, number) = sample(family.chain((1..5).map(|axis| along(axis, 0.0, 63))))
            .distinct(None)
            .unwrap();
        assert!((number - 5.0).abs() < 1e-3, "{number}");
        assert!((sum[0] - sum[1]).abs() < 1e-2, "{} {}", sum[0], sum[1]);
        // Cosine .75: half a copy.
        let pair = [along(0, 0.0, 1), along(0, 0.75f32.acos(), 1)];
        let (_, number) = sample(pair.into_iter()).distinct(None).unwrap();
        assert!((number - 4.0 / 3.0).abs() < 1e-3, "{number}");
    }

    #[test]
    fn a_sample_represents_many_vectors_and_few_copies_change_nothing() {
        // Random directions are far from each other.
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let different: Vec<Vec<f32>> = (0..5000).map(|_| (0..64).map(|_| random()).collect()).collect();
        let with_copies = |of_hundred: usize| {
            let each = different.iter().enumerate();
            sample(each.map(|(number, vector)| match number % 100 < of_hundred {
                true => along(63, 0.0, 0),
                false => vector.clone(),
            }))
        };
        let half = with_copies(50);
        assert!(half.kept.len() <= 2 * SAMPLE && half.seen == 5000);
        let (sum, number) = half.distinct(None).unwrap();
        assert!(sum[63] / number < 0.1, "{}", sum[63] / number);
        // The sample stands for all: 2,500 different vectors, and the others as one each among the kept.
        assert!((number / 2500.0 - 1.0).abs() < 0.1, "{number}");
        let kept = half.kept.iter().filter(|vector| vector[63].abs() < 0.99);
        let plain = kept.map(|vector| f64::from(vector[0])).sum::<f64>() * 5000.0 / half.kept.len() as f64;
        assert!(
            (sum[0] - plain).abs() < 1e-3 * plain.abs().max(1.0),
            "{} {plain}",
            sum[0]
        );
        assert!(with_copies(1).distinct(None).is_none());
        assert!(with_copies(0).distinct(None).is_none());
    }

    #[test]
    fn the_common_part_of_all_texts_does_not_make_them_copies() {
        // The vectors lie in a cone around the last axis, and far from each other without that axis.
        let vectors = || (0..20).map(|axis| along(63, 0.4, axis));
        assert!(sample(vectors()).distinct(None).is_some());
        let common = along(63, 0.0, 0).iter().map(|v| v * 0.9).collect::<Vec<f32>>();
        assert!(sample(vectors()).distinct(Some(&common)).is_none());
    }
}
