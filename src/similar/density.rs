//! How much each of some vectors counts in their mean, so that near-copies count once.
//!
//! The mean of a language stands for what its items have in common. Where an item exists forty times but for a digit, a plain mean is
//! this item, and taking it away leaves of each copy what it has alone: the more copies, the less alike. So an item weighs 1 / (the
//! copies of it, itself included), and what is less than a copy counts as a part of one.

use super::vector::dot;

/// From this cosine on one item is a part of a copy of another: unrelated items of a language are about .4 from each other, and few
/// reach this.
const PART: f32 = 0.65;

/// From this cosine on it is a copy.
const COPY: f32 = 0.85;

/// Of more vectors than twice as many, so many stand for all.
const SAMPLE: usize = 512;

/// The share of copies in a sample below which all vectors count alike.
const FEW: f64 = 0.05;

/// Vectors in even steps of those that were added: all of them while there are few.
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
    /// Takes a vector in, if it is its turn.
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

    /// Of so many vectors, those that [`Sample::kept_of`] names, in their order.
    #[cfg(feature = "postgres")]
    pub fn of(seen: usize, kept: Vec<Vec<f32>>) -> Sample {
        let step = seen.div_ceil(2 * SAMPLE).next_power_of_two();
        Sample { kept, step, seen }
    }

    /// Which of so many vectors a sample keeps, as a condition of SQL on the number of each.
    #[cfg(feature = "postgres")]
    pub fn kept_of(number: &str, count: &str) -> String {
        let most = 2 * SAMPLE;
        format!("({count} <= {most} OR {number} % (2 ^ ceil(log(2, {count} / {most}::numeric)))::bigint = 0)")
    }

    /// The sum of the vectors that were added, and their number, each near-copy counted once; `None` where all count alike. Cosines are
    /// those of the vectors without `common`.
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
        // A sample stands for as many as were seen.
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

/// What each vector counts: 1 for one that no other is near.
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

    /// A vector of unit length along an axis, turned by an angle toward another one.
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
    fn copies_count_once_and_parts_of_copies_count_in_part() {
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
        // Cosine .75 from each other: half a copy.
        let pair = [along(0, 0.0, 1), along(0, 0.75f32.acos(), 1)];
        let (_, number) = sample(pair.into_iter()).distinct(None).unwrap();
        assert!((number - 4.0 / 3.0).abs() < 1e-3, "{number}");
    }

    #[test]
    fn a_sample_stands_for_many_and_few_copies_among_many_change_nothing() {
        // Far from each other, as random directions are.
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
        assert!(with_copies(1).distinct(None).is_none());
        assert!(with_copies(0).distinct(None).is_none());
    }

    #[test]
    fn what_all_texts_of_a_model_have_in_common_makes_no_copies() {
        // In a cone around the last axis, and far from each other without it.
        let vectors = || (0..20).map(|axis| along(63, 0.4, axis));
        assert!(sample(vectors()).distinct(None).is_some());
        let common = along(63, 0.0, 0).iter().map(|v| v * 0.9).collect::<Vec<f32>>();
        assert!(sample(vectors()).distinct(Some(&common)).is_none());
    }
}
