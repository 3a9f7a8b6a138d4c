//! Matrix products in 16-bit integers: twice as fast as f32 on processors that multiply pairs of them (AVX2, AVX-512 VNNI).
//!
//! Each column of the matrix is scaled to eleven bits, which is more than the stored weights have. Each block of a row of x is scaled, as
//! it is packed, to as many bits as no sum can overflow with, usually fifteen. The sum of a block is exact; the only error is the rounding
//! of x, so that products with the matrix and with its transpose hardly differ.

use std::cell::Cell;
use std::ops::Range;

use super::super::simd::{Kernel, LANES, Lane, Pairs, Simd};
use super::gemm::{Epilogue, hand_over_written, load_part, part, written};

/// Number of pairs of rows that are summed in 32 bits. Shorter blocks allow finer integers.
const BLOCK: usize = 64;

/// Largest integer in the matrix.
const LARGEST: f32 = 2047.0;

/// A matrix (inner, columns) of integers with a scale per column or row.
/// A panel has sixteen columns and pairs of rows.
#[derive(Debug, Clone)]
pub struct IntegerPanels {
    lanes: Vec<Pairs>,
    inner: usize,
    columns: usize,
    /// Largest integer of x with which no sum of a block can overflow.
    limit: f32,
    scale: Scale,
}

/// The scales of the integers.
#[derive(Debug, Clone)]
enum Scale {
    /// A scale per column, sixteen per lane.
    Columns(Vec<Lane>),
    /// A scale per row; x is multiplied by it before it is rounded.
    Rows(Vec<f32>),
}

impl IntegerPanels {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let scales = match &self.scale {
            Scale::Columns(scales) => size_of_val(scales.as_slice()),
            Scale::Rows(scales) => size_of_val(scales.as_slice()),
        };
        size_of_val(self.lanes.as_slice()) + scales
    }

    /// Rounds and packs the matrix whose entry in row k, column c is `at(k, c)`.
    pub fn new(inner: usize, columns: usize, at: impl Fn(usize, usize) -> f32) -> IntegerPanels {
        let mut scales = vec![Lane([1.0; LANES]); columns.div_ceil(LANES)];
        for c in 0..columns {
            let largest = (0..inner).fold(0f32, |largest, k| largest.max(at(k, c).abs()));
            if largest > 0.0 && largest.is_finite() {
                scales[c / LANES].0[c % LANES] = largest / LARGEST;
            }
        }
        let integer = |k: usize, c: usize| (at(k, c) / scales[c / LANES].0[c % LANES]).round() as i16;
        let (lanes, limit) = pack(inner, columns, integer);
        IntegerPanels {
            lanes,
            inner,
            columns,
            limit,
            scale: Scale::Columns(scales),
        }
    }

    /// The transpose with the same integers: (columns, inner).
    pub fn transposed(&self) -> IntegerPanels {
        let (lanes, limit) = pack(self.columns, self.inner, |k, c| self.integer(c, k));
        IntegerPanels {
            lanes,
            inner: self.columns,
            columns: self.inner,
            limit,
            scale: Scale::Rows((0..self.columns).map(|c| self.column_scale(c)).collect()),
        }
    }

    /// Number of rows: the length of the sums.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The entry in row k, column c, with the value that products use.
    pub fn at(&self, k: usize, c: usize) -> f32 {
        let scale = match &self.scale {
            Scale::Columns(_) => self.column_scale(c),
            Scale::Rows(scales) => scales[k],
        };
        f32::from(self.integer(k, c)) * scale
    }

    fn column_scale(&self, c: usize) -> f32 {
        match &self.scale {
            Scale::Columns(lanes) => lanes[c / LANES].0[c % LANES],
            Scale::Rows(_) => 1.0,
        }
    }

    fn integer(&self, k: usize, c: usize) -> i16 {
        self.panel(c / LANES)[k / 2].0[c % LANES * 2 + k % 2]
    }

    #[inline(always)]
    fn panel(&self, index: usize) -> &[Pairs] {
        let pairs = self.inner.div_ceil(2);
        &self.lanes[index * pairs..(index + 1) * pairs]
    }
}

/// Packs integers in panels; also returns the largest integer of x with which no sum can overflow.
fn pack(inner: usize, columns: usize, at: impl Fn(usize, usize) -> i16) -> (Vec<Pairs>, f32) {
    let pairs = inner.div_ceil(2);
    let mut lanes = vec![Pairs::ZERO; pairs * columns.div_ceil(LANES)];
    let mut heaviest = 1i64;
    for c in 0..columns {
        let panel = &mut lanes[c / LANES * pairs..][..pairs];
        for (block, pairs) in panel.chunks_mut(BLOCK).enumerate() {
            let mut sum = 0;
            for (pair, lane) in pairs.iter_mut().enumerate() {
                for half in 0..2 {
                    let k = (block * BLOCK + pair) * 2 + half;
                    let v = if k < inner { at(k, c) } else { 0 };
                    lane.0[c % LANES * 2 + half] = v;
                    sum += i64::from(v.unsigned_abs());
                }
            }
            heaviest = heaviest.max(sum);
        }
    }
    let limit = (i64::from(i32::MAX) / heaviest).min(i64::from(i16::MAX));
    (lanes, limit as f32)
}

/// Rows of x as integers.
#[derive(Default)]
pub(super) struct Packed {
    /// Row by row, in pairs; the last entry of an odd number is paired with zero.
    rows: Vec<i16>,
    /// The rows in groups of a tile's height, pair by pair: the first pair of all rows of a group, then the second, and so on.
    pub(super) groups: Vec<[i16; 2]>,
    /// The scale of each block of a row, row by row.
    pub(super) scales: Vec<f32>,
    /// The sum of each block, as it was rounded, row by row; empty unless a matrix has offsets.
    pub(super) sums: Vec<f32>,
}

thread_local! {
    /// The integers of a block of rows, reused so that their pages stay mapped.
    static PACKED: Cell<Packed> = Cell::default();
}

/// The product of x and some panels of B, into an epilogue.
///
/// `x` has rows of `b.inner()` finite floats. Rows are numbered from 0, columns as in B.
#[inline(always)]
pub fn gemm<S: Simd>(s: S, x: &[f32], b: &IntegerPanels, panels: Range<usize>, epilogue: &mut impl Epilogue) {
    if b.inner == 0 || x.is_empty() {
        return;
    }
    let factors = match &b.scale {
        Scale::Columns(_) => None,
        Scale::Rows(scales) => Some(scales.as_slice()),
    };
    let mut packed = packed(s, x, b.inner, BLOCK, b.limit, factors);
    by_registers! {S:
        Many => tiles::<S, 12, 2>(s, b, panels, &mut packed, epilogue),
        Some => tiles::<S, 6, 1>(s, b, panels, &mut packed, epilogue),
        Few => tiles::<S, 2, 1>(s, b, panels, &mut packed, epilogue),
    }
    packed.put_back();
}

/// Rounds rows of `inner` floats to integers up to `limit`, after multiplication by the factors, if there are any.
/// Each block of as many pairs has a scale of its own.
#[inline(always)]
pub(super) fn packed<S: Simd>(
    s: S,
    x: &[f32],
    inner: usize,
    block: usize,
    limit: f32,
    factors: Option<&[f32]>,
) -> Packed {
    let mut packed = PACKED.take();
    packed.scales.clear();
    let padded = inner.next_multiple_of(2);
    // Entries of the product before stay until they are overwritten.
    packed.rows.resize(x.len() / inner * padded, 0);
    for (row, to) in x.chunks_exact(inner).zip(packed.rows.chunks_exact_mut(padded)) {
        for (start, to) in (0..).step_by(2 * block).zip(to.chunks_mut(2 * block)) {
            let part = &row[start..inner.min(start + 2 * block)];
            let factors = factors.map(|factors| &factors[start..]);
            packed.scales.push(quantize(s, part, factors, limit, to));
        }
    }
    packed
}

impl Packed {
    /// Groups the rows by R, those that are left by four, two and one; a row has this many pairs.
    #[inline(always)]
    pub(super) fn group<const R: usize>(&mut self, pairs: usize) {
        let (rows, _) = self.rows.as_chunks::<2>();
        self.groups.resize(rows.len(), [0; 2]);
        let mut at = 0;
        while at < rows.len() {
            let (rows, groups) = (&rows[at..], &mut self.groups[at..]);
            at += match rows.len() / pairs {
                count if count >= R => group::<R>(rows, pairs, groups),
                4.. => group::<4>(rows, pairs, groups),
                2.. => group::<2>(rows, pairs, groups),
                _ => group::<1>(rows, pairs, groups),
            };
        }
    }

    /// Sums the rounded entries of each block of as many pairs, which are those of the rounding.
    #[inline(always)]
    pub(super) fn sum_blocks(&mut self, block: usize) {
        self.sums.clear();
        for (entries, scale) in self.rows.chunks_exact(2 * block).zip(&self.scales) {
            let sum: i32 = entries.iter().map(|v| i32::from(*v)).sum();
            self.sums.push(sum as f32 * scale);
        }
    }

    /// Keeps the memory for the next product on this thread.
    pub(super) fn put_back(self) {
        PACKED.set(self);
    }
}

/// Rounds a block of a row to integers up to `limit`; returns their scale.
/// The block is first multiplied by `factors`, if there are any.
#[inline(always)]
fn quantize<S: Simd>(s: S, row: &[f32], factors: Option<&[f32]>, limit: f32, to: &mut [i16]) -> f32 {
    let mut largest = s.splat(0.0);
    for column in (0..row.len()).step_by(LANES) {
        largest = s.max(largest, s.abs(scaled(s, row, factors, column)));
    }
    let largest = s.largest(largest);
    if largest == 0.0 || !largest.is_finite() {
        to.fill(0);
        return largest;
    }
    let inverse = s.splat(limit / largest);
    for (column, to) in (0..).step_by(LANES).zip(to.chunks_mut(LANES)) {
        let integers = s.round_i16(s.mul(scaled(s, row, factors, column), inverse));
        // Constant length except at the end, since a variable length would compile to a call.
        match to.first_chunk_mut() {
            Some(to) => *to = integers,
            None => to.copy_from_slice(&integers[..to.len()]),
        }
    }
    largest / limit
}

#[inline(always)]
fn scaled<S: Simd>(s: S, row: &[f32], factors: Option<&[f32]>, column: usize) -> S::F32 {
    let v = load_part(s, row, column);
    match factors {
        Some(factors) => s.mul(v, load_part(s, &factors[..row.len()], column)),
        None => v,
    }
}

/// The product in tiles of R rows and P panels; smaller tiles for the rest.
#[inline(always)]
fn tiles<S: Simd, const R: usize, const P: usize>(
    s: S,
    b: &IntegerPanels,
    panels: Range<usize>,
    packed: &mut Packed,
    epilogue: &mut impl Epilogue,
) {
    packed.group::<R>(b.inner.div_ceil(2));
    let mut panel = panels.start;
    while panel < panels.end {
        if panel + P <= panels.end {
            let mut columns = [b.panel(panel); P];
            for (p, column) in columns.iter_mut().enumerate() {
                *column = b.panel(panel + p);
            }
            all_rows::<S, R, P>(s, b, columns, panel, packed, epilogue);
            panel += P;
        } else {
            all_rows::<S, R, 1>(s, b, [b.panel(panel)], panel, packed, epilogue);
            panel += 1;
        }
    }
}

/// Interleaves the pairs of the first R rows; returns their number.
#[inline(always)]
fn group<const R: usize>(rows: &[[i16; 2]], pairs: usize, groups: &mut [[i16; 2]]) -> usize {
    let (group, _) = groups[..R * pairs].as_chunks_mut::<R>();
    let mut sources = [&rows[..group.len()]; R];
    for (source, row) in sources.iter_mut().zip(rows.chunks_exact(pairs)) {
        *source = &row[..group.len()];
    }
    // Pair by pair: contiguous writes make packing a tenth faster.
    for (k, to) in group.iter_mut().enumerate() {
        for r in 0..R {
            to[r] = sources[r][k];
        }
    }
    R * pairs
}

/// A matrix whose panels rows of integers meet.
pub(super) trait Tiled {
    /// Number of pairs of a row of x.
    fn pairs(&self) -> usize;
    /// The product of R rows and P panels. `columns` are the pairs of the panels from `panel` on.
    fn tile<S: Simd, const R: usize, const P: usize>(
        &self,
        s: S,
        columns: [&[Pairs]; P],
        row: usize,
        panel: usize,
        packed: &Packed,
    ) -> [[S::F32; P]; R];
}

/// The product of all rows and P panels.
#[inline(always)]
pub(super) fn all_rows<S: Simd, const R: usize, const P: usize>(
    s: S,
    b: &impl Tiled,
    columns: [&[Pairs]; P],
    panel: usize,
    packed: &Packed,
    epilogue: &mut impl Epilogue,
) {
    let count = packed.groups.len() / b.pairs();
    let mut row = 0;
    while row < count {
        row += match count - row {
            left if left >= R => some_rows::<S, R, P>(s, b, columns, row, panel, packed, epilogue),
            4.. => some_rows::<S, 4, P>(s, b, columns, row, panel, packed, epilogue),
            2.. => some_rows::<S, 2, P>(s, b, columns, row, panel, packed, epilogue),
            _ => some_rows::<S, 1, P>(s, b, columns, row, panel, packed, epilogue),
        };
    }
}

/// The product of R rows and P panels, into the epilogue; returns R.
#[inline(always)]
fn some_rows<S: Simd, const R: usize, const P: usize>(
    s: S,
    b: &impl Tiled,
    columns: [&[Pairs]; P],
    row: usize,
    panel: usize,
    packed: &Packed,
    epilogue: &mut impl Epilogue,
) -> usize {
    epilogue.next(s, row..row + R, panel * LANES, P);
    let sums: [_; R] = s.call(Tile {
        b,
        columns,
        row,
        panel,
        packed,
    });
    hand_over_written(s, &sums, row, panel * LANES, epilogue);
    R
}

/// [`Tiled::tile`] with its sums in memory: a function of its own, so that it is compiled once for all epilogues.
struct Tile<'a, T, const R: usize, const P: usize> {
    b: &'a T,
    columns: [&'a [Pairs]; P],
    row: usize,
    panel: usize,
    packed: &'a Packed,
}

impl<T: Tiled, const R: usize, const P: usize> Kernel for Tile<'_, T, R, P> {
    type Output = [[[f32; LANES]; P]; R];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Self::Output {
        written(s, self.b.tile(s, self.columns, self.row, self.panel, self.packed))
    }
}

impl Tiled for IntegerPanels {
    #[inline(always)]
    fn pairs(&self) -> usize {
        self.inner.div_ceil(2)
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const P: usize>(
        &self,
        s: S,
        columns: [&[Pairs]; P],
        row: usize,
        panel: usize,
        packed: &Packed,
    ) -> [[S::F32; P]; R] {
        let pairs = self.pairs();
        let (a, _) = packed.groups[row * pairs..][..R * pairs].as_chunks::<R>();
        let mut sums = sums::<S, R, P>(s, a, columns, &packed.scales[row * pairs.div_ceil(BLOCK)..]);
        if let Scale::Columns(lanes) = &self.scale {
            for p in 0..P {
                let scale = s.load(&lanes[panel + p].0);
                each_row!(r in R => {
                    sums[r][p] = s.mul(sums[r][p], scale);
                });
            }
        }
        sums
    }
}

/// The sums of a group of rows.
#[inline(always)]
fn sums<S: Simd, const R: usize, const P: usize>(
    s: S,
    a: &[[[i16; 2]; R]],
    b: [&[Pairs]; P],
    scales: &[f32],
) -> [[S::F32; P]; R] {
    let blocks = a.len().div_ceil(BLOCK);
    let mut sums = [[s.splat(0.0); P]; R];
    let mut start = 0;
    while start < a.len() {
        let end = (start + BLOCK).min(a.len());
        let exact = exact::<S, R, P>(s, &a[start..end], part(b, start..end));
        each_row!(r in R => {
            let scale = s.splat(scales[r * blocks + start / BLOCK]);
            for p in 0..P {
                sums[r][p] = s.fma(s.to_f32(exact[r][p]), scale, sums[r][p]);
            }
        });
        start = end;
    }
    sums
}

/// The exact sums of R interleaved rows of pairs, times P panels.
#[inline(always)]
pub fn exact<S: Simd, const R: usize, const P: usize>(s: S, a: &[[[i16; 2]; R]], b: [&[Pairs]; P]) -> [[S::I32; P]; R] {
    // Equal lengths, so that nothing in the loop can panic: only then do the sums stay in registers.
    let b = part(b, 0..a.len());
    let mut sums = [[s.zero_i32(); P]; R];
    if P == 1
        && let Some(rows) = s.dot_rows(a, b[0])
    {
        each_row!(r in R => {
            sums[r][0] = rows[r];
        });
        return sums;
    }
    let mut lanes = [s.splat_pair([0; 2]); P];
    for (k, a) in a.iter().enumerate() {
        for p in 0..P {
            lanes[p] = s.load_pairs(&b[p][k]);
        }
        each_row!(r in R => {
            let a = s.splat_pair(a[r]);
            for p in 0..P {
                sums[r][p] = s.dot_pairs(sums[r][p], a, lanes[p]);
            }
        });
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernels::gemm::Plain;
    use crate::model::simd::{Isa, Kernel, run_on};

    struct Product<'a>(&'a [f32], &'a IntegerPanels, &'a mut [f32]);

    impl Kernel for Product<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let width = self.1.columns();
            let mut epilogue = Plain {
                out: self.2,
                width,
                first: 0,
                bias: None,
            };
            gemm(s, self.0, self.1, 0..width.div_ceil(LANES), &mut epilogue);
        }
    }

    /// Numbers of either sign, with an occasional large one, as in activations.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed | 1;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let v = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
            if state.is_multiple_of(97) { v * 20.0 } else { v }
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn products_are_close_to_exact_ones_on_every_instruction_set() {
        for (rows, inner, columns) in [(1, 384, 48), (31, 1536, 33), (13, 385, 16), (2, 1, 1), (7, 767, 40)] {
            let (x, w) = (numbers(rows * inner, 1), numbers(inner * columns, 2));
            let panels = IntegerPanels::new(inner, columns, |k, c| w[k * columns + c]);
            let back = panels.transposed();
            let g = numbers(rows * columns, 3);
            for path in Isa::ALL.into_iter().filter(|path| path.available()) {
                let mut out = vec![f32::NAN; rows * columns];
                run_on(path, Product(&x, &panels, &mut out));
                near(&x, inner, &out, columns, |k, c| w[k * columns + c]);
                let mut out = vec![f32::NAN; rows * inner];
                run_on(path, Product(&g, &back, &mut out));
                near(&g, columns, &out, inner, |k, c| w[c * columns + k]);
            }
        }
    }

    /// Checks that the error of a sum is at most the rounding of its operands: half an integer each.
    fn near(x: &[f32], inner: usize, out: &[f32], columns: usize, at: impl Fn(usize, usize) -> f32) {
        let heaviest = (0..columns).fold(0f32, |a, c| a.max((0..inner).fold(0f32, |a, k| a.max(at(k, c).abs()))));
        let widest = (0..inner).fold(heaviest, |a, k| {
            a.max((0..columns).fold(0f32, |a, c| a.max(at(k, c).abs())))
        });
        assert_eq!(x.len() / inner, out.len() / columns);
        for (row, out) in x.chunks_exact(inner).zip(out.chunks_exact(columns)) {
            let largest = row.iter().fold(0f32, |a, v| a.max(v.abs()));
            for (c, v) in out.iter().enumerate() {
                let exact: f64 = (0..inner).map(|k| f64::from(row[k]) * f64::from(at(k, c))).sum();
                let bound = inner as f32 * largest * widest * (0.5 / 2047.0 + 0.5 / 5000.0);
                assert!(
                    (f64::from(*v) - exact).abs() <= f64::from(bound),
                    "{v} for {exact}, bound {bound}"
                );
            }
        }
    }

    #[test]
    fn the_largest_integers_do_not_overflow_a_sum() {
        let (inner, columns) = (1536, 16);
        let panels = IntegerPanels::new(inner, columns, |_, c| if c % 2 == 0 { 3.0 } else { -3.0 });
        let x = vec![-5f32; inner];
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            let mut out = vec![0f32; columns];
            run_on(path, Product(&x, &panels, &mut out));
            for (c, v) in out.iter().enumerate() {
                let exact = if c % 2 == 0 { -15.0 } else { 15.0 } * inner as f32;
                assert!((v - exact).abs() < 1e-3 * exact.abs(), "{path:?} {v} {exact}");
            }
        }
    }

    /// Whether the specialized loop over R rows equals one pair at a time; `None` if the instruction set has no such loop.
    struct Loops<'a, const R: usize>(&'a [[[i16; 2]; R]], &'a [Pairs]);

    impl<const R: usize> Kernel for Loops<'_, R> {
        type Output = Option<bool>;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Option<bool> {
            let numbers = |v: S::I32| {
                let mut lanes = [f32::NAN; LANES];
                s.store(&mut lanes, s.to_f32(v));
                lanes
            };
            let sums = s.dot_rows(self.0, self.1)?;
            Some((0..R).all(|r| {
                let mut sum = s.zero_i32();
                for (a, b) in self.0.iter().zip(self.1) {
                    sum = s.dot_pairs(sum, s.splat_pair(a[r]), s.load_pairs(b));
                }
                numbers(sums[r]) == numbers(sum)
            }))
        }
    }

    fn loops_agree<const R: usize>(path: Isa) -> Option<bool> {
        let mut state = 1u32;
        let mut integer = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 21) as i16 - 1024
        };
        let mut agree = |count: usize| {
            let a: Vec<_> = (0..count).map(|_| [(); R].map(|()| [integer(), integer()])).collect();
            let b: Vec<_> = (0..count).map(|_| Pairs([(); 2 * LANES].map(|()| integer()))).collect();
            run_on(path, Loops(&a, &b))
        };
        (0..=9).chain([64]).map(&mut agree).reduce(|a, b| Some(a? && b?))?
    }

    #[test]
    fn the_loop_over_rows_equals_one_pair_at_a_time() {
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            let agree =
                [loops_agree::<1>, loops_agree::<2>, loops_agree::<4>, loops_agree::<6>].map(|agree| agree(path));
            let expected = match path {
                Isa::Avx2 if cfg!(not(miri)) => [None, Some(true), Some(true), Some(true)],
                Isa::Neon => [Some(true); 4],
                _ => [None; 4],
            };
            assert_eq!(agree, expected, "{path:?}");
        }
    }

    #[test]
    fn rows_of_zeros_give_zeros() {
        let panels = IntegerPanels::new(8, 3, |_, _| 0.0);
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            let mut out = vec![1f32; 6];
            run_on(path, Product(&[0.0; 16], &panels, &mut out));
            assert_eq!(out, [0.0; 6], "{path:?}");
        }
    }
}
