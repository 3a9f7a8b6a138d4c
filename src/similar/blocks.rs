//! All pairs of many vectors, exactly: 8-bit products block by block, each pair once.
//!
//! If the cosine alone decides, no index over hundreds of dimensions prunes enough to pay off: a cosine of .4 is an angle that contains
//! nearly all of a cluster. So every pair is computed, but in tiles of 64 × 64 rows that fit the caches, and in integers. The error bound
//! of such a product is known, so no pair is missed.

use std::ops::Range;

use rayon::prelude::*;

use super::scan::{STEP, row_scale, to_byte};
use crate::model::simd::{self, Kernel, Pairs, Simd};

/// Rows of a block: two blocks, widened to 16 bits, fit into the L2 cache.
const BLOCK: usize = 64;

/// Rows of each block whose products are summed together.
const ABREAST: usize = 2;

/// Vectors of one width, of unit length or zero, quantized to 8 bits.
#[derive(Debug)]
pub struct Blocks {
    width: usize,
    /// The rows, zero-padded to whole steps.
    bytes: Vec<[i8; STEP]>,
    /// The scale of each row: the value of byte 1.
    scales: Vec<f32>,
    /// The largest distance between a row and its quantized form.
    slack: f32,
}

impl Blocks {
    /// Creates an empty set of rows of `width` numbers, with capacity for `count` rows.
    pub fn new(width: usize, count: usize) -> Blocks {
        Blocks {
            width,
            bytes: Vec::with_capacity(count * width.div_ceil(STEP)),
            scales: Vec::with_capacity(count),
            slack: 0.0,
        }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If the row has another width.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.width, "the row has another width");
        let scale = row_scale(row);
        let mut squares = 0f64;
        for numbers in row.chunks(STEP) {
            let mut step = [0; STEP];
            for (byte, v) in step.iter_mut().zip(numbers) {
                *byte = to_byte(*v, scale);
                squares += f64::from(v - f32::from(*byte) * scale).powi(2);
            }
            self.bytes.push(step);
        }
        self.scales.push(scale);
        self.slack = self.slack.max(squares.sqrt() as f32);
    }

    /// Number of rows.
    fn len(&self) -> usize {
        self.scales.len()
    }

    /// Error bound of a product.
    pub fn doubt(&self) -> f32 {
        // |⟨a, b⟩ - ⟨a′, b′⟩| ≤ |a - a′| |b| + |a′| |b - b′|, and no row is longer than 1; the constant covers rounding of the float sums.
        self.slack * (2.0 + self.slack) + 1e-4
    }

    /// The approximate product of two rows.
    pub fn about(&self, a: usize, b: usize) -> f32 {
        let sum = simd::run(Product {
            a: self.row(a),
            b: self.row(b),
        });
        sum * self.scales[a] * self.scales[b]
    }

    fn row(&self, index: usize) -> &[[i8; STEP]] {
        let steps = self.width.div_ceil(STEP);
        &self.bytes[index * steps..(index + 1) * steps]
    }

    /// Calls `take(earlier, later, approximate product)` for every pair whose product may reach the minimum.
    ///
    /// `least` gives the minimum for the rows of two blocks, which may be the same block; `None` skips all their pairs.
    pub fn pairs(
        &self,
        least: impl Fn(&Range<usize>, &Range<usize>) -> Option<f32> + Sync,
        take: impl Fn(usize, usize, f32) + Sync,
    ) {
        let blocks = self.len().div_ceil(BLOCK);
        let rows = |block: usize| block * BLOCK..self.len().min((block + 1) * BLOCK);
        let scratch = || (Vec::new(), Vec::new(), vec![0f32; BLOCK * BLOCK]);
        (0..blocks).into_par_iter().for_each_init(scratch, |scratch, block| {
            let (left, right, out) = scratch;
            let lefts = rows(block);
            self.widen(lefts.clone(), left);
            for other in block..blocks {
                let rights = rows(other);
                let Some(least) = least(&lefts, &rights) else { continue };
                self.widen(rights.clone(), right);
                simd::run(Tile {
                    left: left.as_slice(),
                    right: right.as_slice(),
                    out: out.as_mut_slice(),
                });
                let least = least - self.doubt();
                for (a, out) in lefts.clone().zip(out.chunks_exact(BLOCK)) {
                    let scale = self.scales[a];
                    for (b, (sum, other)) in rights.clone().zip(out.iter().zip(&self.scales[rights.clone()])) {
                        let about = sum * scale * other;
                        if about >= least && a < b {
                            take(a, b, about);
                        }
                    }
                }
            }
        });
    }

    /// Widens rows to 16 bits and interleaves [`ABREAST`] rows step by step. Zero-padded to a whole block.
    fn widen(&self, rows: Range<usize>, into: &mut Vec<Pairs>) {
        let steps = self.width.div_ceil(STEP);
        into.clear();
        into.resize(BLOCK * steps, Pairs::ZERO);
        for (at, row) in rows.enumerate() {
            let first = at / ABREAST * ABREAST * steps + at % ABREAST;
            for (k, bytes) in self.row(row).iter().enumerate() {
                into[first + k * ABREAST] = Pairs(bytes.map(i16::from));
            }
        }
    }
}

/// The products of every row of one block with every row of another, in integers.
struct Tile<'a> {
    left: &'a [Pairs],
    right: &'a [Pairs],
    out: &'a mut [f32],
}

impl Kernel for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let group = self.left.len() / (BLOCK / ABREAST);
        for (l, left) in self.left.chunks_exact(group.max(1)).enumerate() {
            let (left, _) = left.as_chunks::<ABREAST>();
            for (r, right) in self.right.chunks_exact(group.max(1)).enumerate() {
                let (right, _) = right.as_chunks::<ABREAST>();
                let mut sums = [[s.zero_i32(); ABREAST]; ABREAST];
                for (a, b) in left.iter().zip(right) {
                    let b = [s.load_pairs(&b[0]), s.load_pairs(&b[1])];
                    for i in 0..ABREAST {
                        let a = s.load_pairs(&a[i]);
                        sums[i][0] = s.dot_pairs(sums[i][0], a, b[0]);
                        sums[i][1] = s.dot_pairs(sums[i][1], a, b[1]);
                    }
                }
                for (i, sums) in sums.into_iter().enumerate() {
                    let at = (l * ABREAST + i) * BLOCK + r * ABREAST;
                    for (out, sum) in self.out[at..at + ABREAST].iter_mut().zip(sums) {
                        *out = s.sum(s.to_f32(sum));
                    }
                }
            }
        }
    }
}

/// The product of two rows, in integers.
struct Product<'a> {
    a: &'a [[i8; STEP]],
    b: &'a [[i8; STEP]],
}

impl Kernel for Product<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut sum = s.zero_i32();
        for (a, b) in self.a.iter().zip(self.b) {
            sum = s.dot_pairs(sum, s.widen(a), s.widen(b));
        }
        s.sum(s.to_f32(sum))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::model::simd::{Isa, run_on};

    /// Deterministic unit vectors; every tenth is zero.
    fn vectors(count: usize, width: usize) -> Vec<Vec<f32>> {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 40) as f32 / (1u64 << 24) as f32) - 0.45
        };
        let vector = |index: usize| {
            let v: Vec<f32> = (0..width).map(|_| next()).collect();
            let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
            let scale = if index % 10 == 9 { 0.0 } else { length.recip() };
            v.into_iter().map(|x| x * scale).collect()
        };
        (0..count).map(vector).collect()
    }

    fn blocks(vectors: &[Vec<f32>]) -> Blocks {
        let mut blocks = Blocks::new(vectors.first().map_or(0, Vec::len), vectors.len());
        vectors.iter().for_each(|vector| blocks.push(vector));
        blocks
    }

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn every_pair_that_reaches_the_minimum_is_visited_once_within_the_error_bound() {
        for (count, width) in [(0, 384), (1, 384), (2, 3), (64, 40), (65, 384), (300, 100)] {
            let vectors = vectors(count, width);
            let blocks = blocks(&vectors);
            for least in [-1.0, 0.0, 0.1] {
                let met = Mutex::new(Vec::new());
                blocks.pairs(
                    |_, _| Some(least),
                    |a, b, about| {
                        let exact = dot(&vectors[a], &vectors[b]);
                        assert!((about - exact).abs() <= blocks.doubt(), "{a} {b}: {about} {exact}");
                        assert!((about - blocks.about(a, b)).abs() < 1e-6);
                        met.lock().unwrap().push((a, b));
                    },
                );
                let mut met = met.into_inner().unwrap();
                met.sort_unstable();
                assert!(met.windows(2).all(|both| both[0] < both[1]), "each pair once");
                let all = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
                let reached = all.filter(|(a, b)| dot(&vectors[*a], &vectors[*b]) >= least);
                assert!(reached.into_iter().all(|pair| met.binary_search(&pair).is_ok()));
            }
        }
    }

    #[test]
    fn skipped_blocks_are_not_visited() {
        let vectors = vectors(200, 16);
        let met = Mutex::new(Vec::new());
        blocks(&vectors).pairs(
            |a, b| (a.start == 0 && b.start == 2 * BLOCK).then_some(-1.0),
            |a, b, _| met.lock().unwrap().push((a / BLOCK, b / BLOCK)),
        );
        let met = met.into_inner().unwrap();
        assert!(met.len() == BLOCK * BLOCK && met.iter().all(|blocks| *blocks == (0, 2)));
    }

    #[test]
    fn products_are_equal_on_every_instruction_set() {
        let blocks = blocks(&vectors(70, 384));
        let (mut left, mut right) = (Vec::new(), Vec::new());
        blocks.widen(0..64, &mut left);
        blocks.widen(64..70, &mut right);
        let products = |path| {
            let mut out = vec![0f32; BLOCK * BLOCK];
            let tile = Tile {
                left: &left,
                right: &right,
                out: &mut out,
            };
            run_on(path, tile);
            out
        };
        let plain = products(Isa::Portable);
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            assert_eq!(products(path), plain, "{path:?}");
        }
    }
}
