//! Exact nearest neighbors: an 8-bit scan over all vectors, then exact products for the candidates.
//!
//! Memory bandwidth limits a scan, and bytes need a quarter of it. The error bound of a byte vector is known, so the scan drops no row of
//! the result.

use half::f16;
use rayon::prelude::*;

use super::Scale;
use crate::model::simd::{self, Kernel, LANES, Pairs, Simd};

/// Numbers per step of the scan.
pub(super) const STEP: usize = 2 * LANES;

/// Rows per task.
const TASK: usize = 4096;

/// Rows scanned side by side, to hide the latency of a sum.
const ABREAST: usize = 4;

/// Vectors of one width, of unit length or zero.
#[derive(Debug, Default)]
pub struct Rows {
    width: usize,
    /// The rows as bytes, zero-padded to whole steps.
    bytes: Vec<i8>,
    /// The scale of each row: the value of byte 1.
    scales: Vec<f32>,
    /// The largest distance between a row and its quantized form.
    slack: f32,
    halves: Vec<f16>,
}

impl Rows {
    /// Creates an empty set of rows of `width` numbers.
    pub fn new(width: usize) -> Rows {
        Rows {
            width,
            ..Rows::default()
        }
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If the row has another width.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.width, "the row has another width");
        let scale = row_scale(row);
        let mut squares = 0f64;
        for v in row {
            let byte = to_byte(*v, scale);
            self.bytes.push(byte);
            let kept = f16::from_f32(*v);
            self.halves.push(kept);
            squares += f64::from(kept.to_f32() - f32::from(byte) * scale).powi(2);
        }
        self.scales.push(scale);
        self.bytes.resize(self.scales.len() * self.stride(), 0);
        self.slack = self.slack.max(squares.sqrt() as f32);
    }

    /// Releases unused capacity.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
        self.halves.shrink_to_fit();
        self.scales.shrink_to_fit();
    }

    /// A row in the stored precision.
    pub fn row(&self, index: usize) -> impl Iterator<Item = f32> {
        self.halves[index * self.width..(index + 1) * self.width]
            .iter()
            .map(|v| v.to_f32())
    }

    /// The `count` rows with the highest scores, best first. Equal scores keep the order of rows.
    ///
    /// `transform` turns a row's product with the query into a score, or excludes the row. A query of another width has no results.
    pub fn nearest(
        &self,
        query: &[f32],
        count: usize,
        transform: impl Fn(usize) -> Option<ScoreTransform> + Sync,
    ) -> Vec<(usize, f32)> {
        if count == 0 || query.len() != self.width || self.is_empty() {
            return Vec::new();
        }
        let about = self.scan(query);
        let doubt = self.doubt(query);
        // A lower bound of each row's score; negative infinity if the row may not count.
        let least = about.par_iter().enumerate().map(|(i, product)| {
            let certain = |transform: &ScoreTransform| transform.score(*product) - transform.scale * doubt;
            let transform = transform(i).filter(|transform| certain(transform) >= transform.from);
            transform.map_or(f32::NEG_INFINITY, |transform| certain(&transform))
        });
        let floor = nth_largest(&least.collect::<Vec<f32>>(), count);
        let likely = about.par_iter().enumerate().filter_map(|(i, product)| {
            let transform = transform(i)?;
            let most = transform.score(*product) + transform.scale * doubt;
            (most >= floor && most >= transform.from).then_some((i, transform))
        });
        let likely: Vec<(usize, ScoreTransform)> = likely.collect();
        let exact = likely.into_par_iter().filter_map(|(i, transform)| {
            let score = transform.score(self.product(i, query));
            (score >= transform.from).then_some((i, score))
        });
        let mut found: Vec<(usize, f32)> = exact.collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(count);
        found
    }

    /// The approximate product of each row with a vector, accurate to a few hundredths. Zeros for another width.
    pub fn approximate(&self, query: &[f32]) -> Vec<f32> {
        match query.len() == self.width {
            true => self.scan(query),
            false => vec![0.0; self.len()],
        }
    }

    /// The product of a row with a vector of its width.
    pub fn product(&self, index: usize, query: &[f32]) -> f32 {
        let sum: f64 = self
            .row(index)
            .zip(query)
            .map(|(v, q)| f64::from(v) * f64::from(*q))
            .sum();
        sum as f32
    }

    /// Error bound of a product of the scan.
    fn doubt(&self, query: &[f32]) -> f32 {
        let length = query.iter().map(|v| v * v).sum::<f32>().sqrt();
        // The rounding error of the query is a thousandth of a row's; the factor covers it and the rounding of the sum.
        length * (self.slack * 1.01 + 1e-4)
    }

    fn stride(&self) -> usize {
        self.width.next_multiple_of(STEP)
    }

    /// The approximate product of each row with the query.
    fn scan(&self, query: &[f32]) -> Vec<f32> {
        let (query, unit) = integers(query);
        let mut about = vec![0f32; self.len()];
        let stride = self.stride();
        let tasks = (
            about.par_chunks_mut(TASK),
            self.bytes.par_chunks(TASK * stride),
            self.scales.par_chunks(TASK),
        );
        tasks.into_par_iter().for_each(|(about, bytes, scales)| {
            let (steps, _) = bytes.as_chunks::<STEP>();
            simd::run(Products {
                query: &query,
                rows: steps,
                about,
            });
            about
                .iter_mut()
                .zip(scales)
                .for_each(|(about, scale)| *about *= scale * unit);
        });
        about
    }
}

/// The scale of a row: its largest number becomes byte 127.
pub(super) fn row_scale(row: &[f32]) -> f32 {
    let largest = row.iter().fold(0f32, |largest, v| largest.max(v.abs()));
    if largest > 0.0 { largest / 127.0 } else { 1.0 }
}

/// Quantizes a number with a scale.
pub(super) fn to_byte(number: f32, scale: f32) -> i8 {
    (number / scale).round() as i8
}

/// Turns a row's product with a query into its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreTransform {
    /// Factor of the product, not negative.
    pub scale: f32,
    /// Added after the multiplication.
    pub offset: f32,
    /// The minimum score; rows below it do not count.
    pub from: f32,
}

impl ScoreTransform {
    /// Uses the product itself as the score.
    pub const PRODUCT: ScoreTransform = ScoreTransform {
        scale: 1.0,
        offset: 0.0,
        from: f32::NEG_INFINITY,
    };

    /// Applies another scale to the scores; `from` already refers to that scale.
    pub fn on(self, scale: Scale) -> ScoreTransform {
        if scale == Scale::default() {
            return self;
        }
        ScoreTransform {
            scale: self.scale * scale.slope(),
            offset: self.offset * scale.slope() + scale.offset(),
            from: self.from,
        }
    }

    fn score(self, product: f32) -> f32 {
        product * self.scale + self.offset
    }
}

/// A query as integers, and the value of integer 1. Its product with any row of bytes fits 32 bits.
fn integers(query: &[f32]) -> (Vec<Pairs>, f32) {
    let length: f32 = query.iter().map(|v| v.abs()).sum();
    let largest = query.iter().fold(0f32, |largest, v| largest.max(v.abs()));
    // Σ|q|·127 stays below 2³¹, and each q fits 16 bits.
    let unit = (length * 127.0 / 2e9).max(largest / 32_000.0).max(f32::MIN_POSITIVE);
    let mut pairs = vec![Pairs::ZERO; query.len().div_ceil(STEP)];
    for (i, v) in query.iter().enumerate() {
        pairs[i / STEP].0[i % STEP] = (v / unit).round() as i16;
    }
    (pairs, unit)
}

/// The `count`-th largest number, or the smallest if there are fewer.
fn nth_largest(numbers: &[f32], count: usize) -> f32 {
    let best = |part: &[f32]| {
        let mut part = part.to_vec();
        if part.len() > count {
            part.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
            part.truncate(count);
        }
        part
    };
    // The largest numbers overall are among the largest of each part.
    let parts: Vec<Vec<f32>> = numbers.par_chunks(TASK).map(best).collect();
    best(&parts.concat()).into_iter().fold(f32::INFINITY, f32::min)
}

/// The products of some rows with the query, in integers.
struct Products<'a> {
    query: &'a [Pairs],
    /// Row by row, each with as many steps as the query.
    rows: &'a [[i8; STEP]],
    about: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let steps = self.query.len();
        let mut rows = self.rows.chunks_exact(ABREAST * steps);
        let mut row = 0;
        for rows in &mut rows {
            let mut sums = [s.zero_i32(); ABREAST];
            for (k, query) in self.query.iter().enumerate() {
                let query = s.load_pairs(query);
                for r in 0..ABREAST {
                    sums[r] = s.dot_pairs(sums[r], s.widen(&rows[r * steps + k]), query);
                }
            }
            for sum in sums {
                self.about[row] = s.sum(s.to_f32(sum));
                row += 1;
            }
        }
        for rows in rows.remainder().chunks_exact(steps) {
            let mut sum = s.zero_i32();
            for (query, bytes) in self.query.iter().zip(rows) {
                sum = s.dot_pairs(sum, s.widen(bytes), s.load_pairs(query));
            }
            self.about[row] = s.sum(s.to_f32(sum));
            row += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::simd::{Isa, run_on};

    /// Unit vectors, the same for the same seed.
    fn vectors(count: usize, width: usize, seed: u64) -> Vec<Vec<f32>> {
        let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 40) as f32 / (1u64 << 24) as f32) - 0.5
        };
        let unit = |v: Vec<f32>| {
            let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
            v.into_iter().map(|x| x / length).collect()
        };
        (0..count).map(|_| unit((0..width).map(|_| next()).collect())).collect()
    }

    fn rows(vectors: &[Vec<f32>]) -> Rows {
        let mut rows = Rows::new(vectors.first().map_or(0, Vec::len));
        vectors.iter().for_each(|vector| rows.push(vector));
        rows
    }

    fn every_row(_: usize) -> Option<ScoreTransform> {
        Some(ScoreTransform::PRODUCT)
    }

    /// The result of a plain loop over all rows.
    fn plain_loop(
        rows: &Rows,
        query: &[f32],
        count: usize,
        transform: impl Fn(usize) -> Option<ScoreTransform>,
    ) -> Vec<(usize, f32)> {
        let mut all: Vec<(usize, f32)> = (0..rows.len())
            .filter_map(|i| Some((i, transform(i)?)))
            .map(|(i, transform)| (i, transform, transform.score(rows.product(i, query))))
            .filter(|(_, transform, score)| *score >= transform.from)
            .map(|(i, _, score)| (i, score))
            .collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(count);
        all
    }

    #[test]
    fn nearest_equals_a_plain_loop() {
        for (count, width) in [(0, 384), (1, 384), (3, 7), (4097, 40), (9000, 384)] {
            let rows = rows(&vectors(count, width, 1));
            for query in vectors(4, width, 2) {
                for wanted in [1, 10, 200] {
                    assert_eq!(
                        rows.nearest(&query, wanted, every_row),
                        plain_loop(&rows, &query, wanted, every_row)
                    );
                    let odd = |i: usize| {
                        (i % 3 == 1).then_some(ScoreTransform {
                            scale: (i % 7) as f32,
                            offset: 0.1,
                            from: 0.05 * (i % 5) as f32,
                        })
                    };
                    assert_eq!(
                        rows.nearest(&query, wanted, odd),
                        plain_loop(&rows, &query, wanted, odd)
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn similar_rows_are_distinguished_and_equal_rows_stay_in_order(seed in 0u64..500, noise in 0f32..2e-3) {
            let base = &vectors(1, 64, seed)[0];
            let near: Vec<Vec<f32>> = vectors(300, 64, seed + 1)
                .into_iter()
                .enumerate()
                .map(|(i, v)| base.iter().zip(v).map(|(b, v)| b + if i % 2 == 0 { v * noise } else { 0.0 }).collect())
                .collect();
            let rows = rows(&near);
            let query = &vectors(1, 64, seed + 2)[0];
            prop_assert_eq!(rows.nearest(query, 20, every_row), plain_loop(&rows, query, 20, every_row));
        }
    }

    #[test]
    fn no_product_with_a_row_of_bytes_exceeds_32_bits() {
        for width in [1, 384, 4096] {
            let (pairs, unit) = integers(&vec![-0.5; width]);
            let sum: i64 = pairs.iter().flat_map(|pairs| pairs.0).map(|v| i64::from(v).abs()).sum();
            assert!(sum * 127 < i64::from(i32::MAX), "{width}: {sum}");
            assert!((f32::from(pairs[0].0[0]) * unit + 0.5).abs() < 1e-3, "{width}");
        }
    }

    #[test]
    fn products_are_equal_on_every_instruction_set() {
        let all = rows(&vectors(37, 384, 5));
        let (query, _) = integers(&vectors(1, 384, 6)[0]);
        let products = |path| {
            let mut about = vec![0f32; all.len()];
            let (steps, _) = all.bytes.as_chunks::<STEP>();
            run_on(
                path,
                Products {
                    query: &query,
                    rows: steps,
                    about: &mut about,
                },
            );
            about
        };
        let plain = products(Isa::Portable);
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            for (a, b) in products(path).iter().zip(&plain) {
                assert!((a - b).abs() <= b.abs() * 1e-6 + 64.0, "{path:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn queries_of_another_width_zero_or_extreme_values_are_handled() {
        let all = rows(&vectors(10, 16, 1));
        assert!(all.nearest(&[1.0; 15], 3, every_row).is_empty());
        assert!(all.nearest(&[1.0; 16], 0, every_row).is_empty());
        assert!(all.nearest(&[1.0; 16], 3, |_| None).is_empty());
        assert_eq!(
            all.nearest(&[0.0; 16], 2, every_row)
                .into_iter()
                .map(|(i, _)| i)
                .collect::<Vec<_>>(),
            [0, 1]
        );
        let mut one = [0.0; 16];
        one[3] = 1.0;
        assert_eq!(all.nearest(&one, 10, every_row), plain_loop(&all, &one, 10, every_row));
        let mut zeros = Rows::new(4);
        zeros.push(&[0.0; 4]);
        assert_eq!(zeros.nearest(&[1.0, 0.0, 0.0, 0.0], 1, every_row), [(0, 0.0)]);
    }

    #[test]
    fn a_transform_on_a_scale_gives_the_score_on_that_scale() {
        let transform = ScoreTransform {
            scale: 2.0,
            offset: -0.3,
            from: 0.1,
        };
        let scale = Scale::from_to(0.5, 0.2);
        let on = transform.on(scale);
        for product in [0.2f32, 0.4, 0.6] {
            let expected = transform.score(product) * scale.slope() + scale.offset();
            assert!((on.score(product) - expected).abs() < 1e-6);
        }
        assert!((scale.offset() + scale.slope() * 0.5 - 0.2).abs() < 1e-6 && scale.offset() < -0.1);
        assert_eq!(on.from, 0.1);
        assert_eq!(transform.on(Scale::default()), transform);
    }
}
