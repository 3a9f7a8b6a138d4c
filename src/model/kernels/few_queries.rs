//! Attention of a few queries over keys and values as they lie. To pack them for a product costs as much as some queries do, and a model
//! that writes has one query per token, over the keys of the whole text.

use std::ops::Range;

use super::super::simd::{Kernel, LANES, Simd};
use super::gemm::{load_part, store_part};

/// Rows of one head within wider rows.
#[derive(Debug, Clone, Copy)]
pub struct OfHead<'a> {
    /// Rows of `width` floats.
    pub rows: &'a [f32],
    /// Width of a row.
    pub width: usize,
    /// First column of the head.
    pub first: usize,
    /// Width of the head.
    pub dim: usize,
}

impl<'a> OfHead<'a> {
    #[inline(always)]
    fn each(self) -> impl Iterator<Item = &'a [f32]> {
        let columns = self.first..self.first + self.dim;
        self.rows
            .chunks_exact(self.width.max(1))
            .map(move |row| &row[columns.clone()])
    }
}

/// The inner products of queries, (n, dim), and keys, (m, dim): (n, m).
pub struct Scores<'a> {
    /// Queries, (n, dim).
    pub queries: &'a [f32],
    /// Keys, (m, dim).
    pub keys: OfHead<'a>,
    /// The result, (n, m).
    pub out: &'a mut [f32],
}

impl Kernel for Scores<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Scores { queries, keys, out } = self;
        let m = keys.rows.len() / keys.width.max(1);
        for (j, key) in keys.each().enumerate() {
            let (key, key_rest) = key.as_chunks::<LANES>();
            for (i, query) in queries.chunks_exact(keys.dim).enumerate() {
                let (query, query_rest) = query.as_chunks::<LANES>();
                let mut sum = s.splat(0.0);
                for (q, k) in query.iter().zip(key) {
                    sum = s.fma(s.load(q), s.load(k), sum);
                }
                if !key_rest.is_empty() {
                    sum = s.fma(load_part(s, query_rest, 0), load_part(s, key_rest, 0), sum);
                }
                out[i * m + j] = s.sum(sum);
            }
        }
    }
}

/// The mean of values, (m, dim), weighted by probabilities, (n, m): (n, dim).
pub struct Mean<'a> {
    /// Probabilities, (n, m).
    pub probabilities: &'a [f32],
    /// Values, (m, dim).
    pub values: OfHead<'a>,
    /// The result, (n, dim).
    pub out: &'a mut [f32],
}

impl Kernel for Mean<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Mean {
            probabilities,
            values,
            out,
        } = self;
        let m = values.rows.len() / values.width.max(1);
        if m == 0 {
            return;
        }
        for (probabilities, out) in probabilities.chunks_exact(m).zip(out.chunks_exact_mut(values.dim)) {
            let mut column = 0;
            while column < values.dim {
                column += match values.dim - column {
                    left if left >= 4 * LANES => lanes::<S, 4>(s, probabilities, values, column, out),
                    left if left >= LANES => lanes::<S, 1>(s, probabilities, values, column, out),
                    left => rest(s, probabilities, values, column..column + left, out),
                }
            }
        }
    }
}

/// R vectors of the mean from a column on; returns the number of columns.
#[inline(always)]
fn lanes<S: Simd, const R: usize>(
    s: S,
    probabilities: &[f32],
    values: OfHead,
    column: usize,
    out: &mut [f32],
) -> usize {
    let mut sums = [s.splat(0.0); R];
    for (value, probability) in values.each().zip(probabilities) {
        let (value, _) = value[column..][..R * LANES].as_chunks::<LANES>();
        let probability = s.splat(*probability);
        each_row!(r in R => {
            sums[r] = s.fma(s.load(&value[r]), probability, sums[r]);
        });
    }
    let (out, _) = out[column..][..R * LANES].as_chunks_mut::<LANES>();
    each_row!(r in R => {
        s.store(&mut out[r], sums[r]);
    });
    R * LANES
}

/// The last columns, fewer than a vector.
#[inline(always)]
fn rest<S: Simd>(s: S, probabilities: &[f32], values: OfHead, columns: Range<usize>, out: &mut [f32]) -> usize {
    let mut sum = s.splat(0.0);
    for (value, probability) in values.each().zip(probabilities) {
        sum = s.fma(load_part(s, &value[columns.clone()], 0), s.splat(*probability), sum);
    }
    store_part(s, &mut out[columns.clone()], 0, sum);
    columns.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::simd::{Isa, run_on};

    #[test]
    fn a_few_queries_equal_plain_loops_on_every_instruction_set() {
        for (n, m, dim, heads) in [
            (1, 1, 1, 1),
            (1, 9, 64, 3),
            (3, 4, 20, 2),
            (4, 33, 256, 1),
            (2, 0, 16, 1),
        ] {
            let number = |i: usize, of: usize| ((i * 37 % 101) as f32 - 50.0) / of as f32;
            let (width, first) = (heads * dim, (heads - 1) * dim);
            let rows: Vec<f32> = (0..m * width).map(|i| number(i, 20)).collect();
            let of_head = OfHead {
                rows: &rows,
                width,
                first,
                dim,
            };
            let queries: Vec<f32> = (0..n * dim).map(|i| number(i, 30)).collect();
            let probabilities: Vec<f32> = (0..n * m).map(|i| number(i, 50)).collect();
            for path in Isa::ALL.into_iter().filter(|path| path.available()) {
                let mut scores = vec![f32::NAN; n * m];
                run_on(
                    path,
                    Scores {
                        queries: &queries,
                        keys: of_head,
                        out: &mut scores,
                    },
                );
                for (at, score) in scores.iter().enumerate() {
                    let (query, key) = (&queries[at / m * dim..][..dim], &rows[at % m * width + first..][..dim]);
                    let exact: f64 = query.iter().zip(key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
                    assert!(
                        (f64::from(*score) - exact).abs() < 1e-4,
                        "{path:?}: {score} instead of {exact}"
                    );
                }
                let mut mixed = vec![0f32; n * dim];
                run_on(
                    path,
                    Mean {
                        probabilities: &probabilities,
                        values: of_head,
                        out: &mut mixed,
                    },
                );
                for (at, v) in mixed.iter().enumerate() {
                    let (query, column) = (at / dim, at % dim);
                    let exact: f64 = (0..m)
                        .map(|j| f64::from(probabilities[query * m + j]) * f64::from(rows[j * width + first + column]))
                        .sum();
                    assert!((f64::from(*v) - exact).abs() < 1e-4, "{path:?}: {v} instead of {exact}");
                }
            }
        }
    }
}
