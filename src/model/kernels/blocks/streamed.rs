//! Products with one or two rows, as each token needs that a model writes: the matrix comes from memory no faster than it is multiplied.
//! Its integers are widened in registers, and fetched ahead.

use std::ops::Range;

use super::super::super::simd::{LANES, Simd};
use super::super::gemm::{Epilogue, hand_over};
use super::super::integer::Packed;
use super::{BlockPanels, Integers};

/// The number of rows of x for which this is faster than to widen whole panels.
pub(super) const FEW: usize = 2;

/// Number of blocks of a panel that are fetched ahead.
const AHEAD: usize = 2;

/// The product of one row after the other, P panels at once, so that as many parts of the matrix come from memory at once.
#[inline(always)]
pub(super) fn streamed<S: Simd, const P: usize>(
    s: S,
    b: &BlockPanels,
    panels: Range<usize>,
    packed: &mut Packed,
    epilogue: &mut impl Epilogue,
) {
    let pairs = b.inner / 2;
    packed.group::<1>(pairs);
    let mut panel = panels.start;
    while panel < panels.end {
        let rows = packed.groups.len() / pairs;
        panel += match panels.end - panel {
            left if left >= P => {
                for row in 0..rows {
                    let sums = match &b.integers {
                        Integers::Four(lanes) => stream::<S, _, P>(s, b, Four(lanes), row, panel, packed),
                        Integers::Eight(lanes) => stream::<S, _, P>(s, b, Eight(lanes), row, panel, packed),
                    };
                    hand_over(s, [sums], row, panel * LANES, epilogue);
                }
                P
            }
            _ => {
                for row in 0..rows {
                    let sums = match &b.integers {
                        Integers::Four(lanes) => stream::<S, _, 1>(s, b, Four(lanes), row, panel, packed),
                        Integers::Eight(lanes) => stream::<S, _, 1>(s, b, Eight(lanes), row, panel, packed),
                    };
                    hand_over(s, [sums], row, panel * LANES, epilogue);
                }
                1
            }
        };
    }
}

/// Integers of one width.
trait Width: Copy {
    /// Number of pairs of sixteen columns.
    fn pairs(&self) -> usize;
    /// The pairs at a place.
    fn load<S: Simd>(&self, s: S, at: usize) -> S::I16;
    /// Has a cache line with the pairs at a place fetched.
    fn fetch<S: Simd>(&self, s: S, at: usize);
    /// Number of places per cache line.
    const PER_LINE: usize;
}

#[derive(Clone, Copy)]
struct Four<'a>(&'a [[u8; LANES]]);

#[derive(Clone, Copy)]
struct Eight<'a>(&'a [[i8; 2 * LANES]]);

impl Width for Four<'_> {
    const PER_LINE: usize = 4;
    #[inline(always)]
    fn pairs(&self) -> usize {
        self.0.len()
    }
    #[inline(always)]
    fn load<S: Simd>(&self, s: S, at: usize) -> S::I16 {
        s.widen_halves(&self.0[at])
    }
    #[inline(always)]
    fn fetch<S: Simd>(&self, s: S, at: usize) {
        s.fetch(&self.0[at]);
    }
}

impl Width for Eight<'_> {
    const PER_LINE: usize = 2;
    #[inline(always)]
    fn pairs(&self) -> usize {
        self.0.len()
    }
    #[inline(always)]
    fn load<S: Simd>(&self, s: S, at: usize) -> S::I16 {
        s.widen(&self.0[at])
    }
    #[inline(always)]
    fn fetch<S: Simd>(&self, s: S, at: usize) {
        s.fetch(&self.0[at]);
    }
}

/// The sums of one row and P panels.
#[inline(always)]
fn stream<S: Simd, W: Width, const P: usize>(
    s: S,
    b: &BlockPanels,
    integers: W,
    row: usize,
    panel: usize,
    packed: &Packed,
) -> [S::F32; P] {
    let (pairs, half, blocks) = (b.inner / 2, b.block / 2, b.inner / b.block);
    let a = &packed.groups[row * pairs..][..pairs];
    let scales = &packed.scales[row * blocks..][..blocks];
    let mut sums = [s.splat(0.0); P];
    for block in 0..blocks {
        let scale = s.splat(scales[block]);
        let offset = match b.offsets.is_empty() {
            true => s.splat(0.0),
            false => s.splat(-packed.sums[row * blocks + block]),
        };
        let a = &a[block * half..][..half];
        let first = panel * pairs + block * half;
        let mut exact = [s.zero_i32(); P];
        for (k, a) in a.iter().enumerate() {
            let a = s.splat_pair(*a);
            each_row!(p in P => {
                exact[p] = s.dot_pairs(exact[p], a, integers.load(s, first + p * pairs + k));
            });
        }
        for p in 0..P {
            let ahead = first + p * pairs + AHEAD * half;
            if ahead + half <= integers.pairs() {
                for line in (0..half).step_by(W::PER_LINE) {
                    integers.fetch(s, ahead + line);
                }
            }
            let at = (panel + p) * blocks + block;
            let scale = s.mul(s.load(&b.scales[at].0), scale);
            sums[p] = s.fma(s.to_f32(exact[p]), scale, sums[p]);
            if !b.offsets.is_empty() {
                sums[p] = s.fma(s.load(&b.offsets[at].0), offset, sums[p]);
            }
        }
    }
    sums
}
