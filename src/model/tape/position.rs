//! The influence of positions on the scores of attention.

use std::sync::Arc;

use super::linear::Linear;
use crate::model::ops::PooledRows;
use crate::model::spec::Rotary;

/// The influence of positions on the scores, with its parameters.
#[derive(Debug)]
pub enum LoadedPosition {
    /// None.
    None,
    /// Rotary embeddings of queries and keys.
    Rotary(Rotary),
    /// A bias per bucket of the distance and per head.
    Buckets {
        /// The biases, (buckets, heads).
        table: Arc<Vec<f32>>,
        /// Number of buckets.
        buckets: usize,
        /// Distances from here on share the last bucket.
        furthest: usize,
        /// Whether later positions have separate buckets.
        bidirectional: bool,
    },
    /// ALiBi: one slope per head.
    Alibi(Vec<f32>),
    /// Disentangled attention (DeBERTa).
    Disentangled(Box<Disentangled>),
}

/// Disentangled attention: separate terms for content and relative position.
#[derive(Debug)]
pub struct Disentangled {
    /// Keys of relative positions, (2 · span, heads · head_dim), for content to position.
    pub keys: Option<Vec<f32>>,
    /// Queries of relative positions, same shape, for position to content.
    pub queries: Option<Vec<f32>>,
    /// Half the number of rows.
    pub span: usize,
    /// Distances up to half of it have their own row; 0 for all.
    pub buckets: usize,
    /// The maximum distance.
    pub furthest: usize,
}

impl Disentangled {
    /// Computes keys and queries from the normalized table of relative positions, (2 · span, hidden).
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn of(
        table: &[f32],
        (key, query): (&Linear, &Linear),
        (to_position, to_content): (bool, bool),
        (span, buckets, furthest): (usize, usize, usize),
    ) -> candle_core::Result<Disentangled> {
        let rows = |map: &Linear| map.forward(table).map(PooledRows::into_vec);
        Ok(Disentangled {
            keys: to_position.then(|| rows(key)).transpose()?,
            queries: to_content.then(|| rows(query)).transpose()?,
            span,
            buckets,
            furthest,
        })
    }

    /// The row of the table for a distance i - j.
    pub fn row(&self, distance: i64) -> usize {
        let bucket = match self.buckets {
            0 => distance,
            buckets => log_bucket(distance, buckets as i64, self.furthest as i64),
        };
        let span = self.span as i64;
        (bucket + span).clamp(0, 2 * span - 1) as usize
    }
}

/// Small distances unchanged, larger ones logarithmic (DeBERTa v2).
fn log_bucket(distance: i64, buckets: i64, furthest: i64) -> i64 {
    let middle = buckets / 2;
    if distance.abs() <= middle || middle < 1 {
        return distance;
    }
    let (middle, far) = (middle as f64, furthest as f64);
    let place = (distance.abs() as f64 / middle).ln() / ((far - 1.0) / middle).ln() * (middle - 1.0);
    (place.ceil() as i64 + middle as i64) * distance.signum()
}

/// The bucket of a distance `key - query` (T5).
pub fn bucket(distance: i64, buckets: usize, furthest: usize, bidirectional: bool) -> usize {
    let (mut buckets, mut first) = (buckets, 0);
    let near = if bidirectional {
        buckets /= 2;
        first = if distance > 0 { buckets } else { 0 };
        distance.unsigned_abs() as usize
    } else {
        (-distance).max(0) as usize
    };
    let exact = buckets / 2;
    if near < exact || exact == 0 {
        return first + near.min(buckets.saturating_sub(1));
    }
    let ratio = (near as f32 / exact as f32).ln() / (furthest as f32 / exact as f32).ln();
    let far = exact + (ratio * (buckets - exact) as f32) as usize;
    first + far.min(buckets - 1)
}

/// The slopes of ALiBi for a number of heads.
pub fn slopes(heads: usize) -> Vec<f32> {
    let for_power = |heads: usize| {
        let first = 2f64.powf(-8.0 / heads as f64);
        (1..=heads).map(move |head| first.powi(head as i32) as f32)
    };
    let power = match heads.is_power_of_two() {
        true => heads,
        false => heads.next_power_of_two() / 2,
    };
    // If the number is not a power of two, the rest are every second slope for twice the power.
    let rest = for_power(2 * power).step_by(2).take(heads - power);
    for_power(power).chain(rest).collect()
}

/// Rotates the heads in rows of `width` floats; the first row is at position `first`, in a text of `tokens` tokens.
pub fn rotate(rows: &mut [f32], (width, head_dim): (usize, usize), rotary: &Rotary, first: usize, tokens: usize) {
    rotate_by(rows, (width, head_dim), rotary, first, tokens, 1.0);
}

/// The vjp of [`rotate`]: a rotation by the opposite angle.
pub fn rotate_back(rows: &mut [f32], (width, head_dim): (usize, usize), rotary: &Rotary, first: usize, tokens: usize) {
    rotate_by(rows, (width, head_dim), rotary, first, tokens, -1.0);
}

fn rotate_by(
    rows: &mut [f32],
    (width, head_dim): (usize, usize),
    rotary: &Rotary,
    first: usize,
    tokens: usize,
    direction: f32,
) {
    let frequencies = rotary.of_length(tokens);
    let half = frequencies.len();
    for (row, values) in rows.chunks_exact_mut(width.max(1)).enumerate() {
        let angle = |frequency: &f32| {
            let (sin, cos) = ((first + row) as f32 * frequency).sin_cos();
            (direction * sin * rotary.scale, cos * rotary.scale)
        };
        let angles: Vec<(f32, f32)> = frequencies.iter().map(angle).collect();
        for head in values.chunks_exact_mut(head_dim) {
            for (pair, (sin, cos)) in angles.iter().enumerate() {
                let (a, b) = match rotary.interleaved {
                    true => (2 * pair, 2 * pair + 1),
                    false => (pair, pair + half),
                };
                let (x, y) = (head[a], head[b]);
                head[a] = x * cos - y * sin;
                head[b] = y * cos + x * sin;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::Stretch;

    #[test]
    fn small_distances_have_their_own_buckets_and_large_ones_share() {
        let both = |distance| bucket(distance, 32, 128, true);
        assert_eq!([both(0), both(-1), both(1), both(-7), both(7)], [0, 1, 17, 7, 23]);
        assert_eq!([both(-200), both(200)], [15, 31]);
        let one = |distance| bucket(distance, 32, 128, false);
        assert_eq!([one(0), one(5), one(-5), one(-15), one(-1000)], [0, 0, 5, 15, 31]);
    }

    #[test]
    fn the_slopes_of_eight_heads_halve_each_time() {
        let slopes = slopes(8);
        assert!(slopes.windows(2).all(|pair| (pair[0] / pair[1] - 2.0).abs() < 1e-6) && slopes[0] == 0.5);
        assert_eq!(super::slopes(12).len(), 12);
    }

    #[test]
    fn rotate_back_undoes_rotate() {
        let rotary = Rotary {
            frequencies: vec![1.0, 0.3],
            scale: 1.0,
            interleaved: false,
            stretch: Stretch::None,
        };
        let before: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
        let mut rows = before.clone();
        rotate(&mut rows, (12, 6), &rotary, 5, 7);
        assert!((rows[0] - before[0]).abs() > 0.1 && rows[4] == before[4]);
        rotate_back(&mut rows, (12, 6), &rotary, 5, 7);
        assert!(rows.iter().zip(&before).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
