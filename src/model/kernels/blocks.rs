//! Matrix products with weights as a GGUF file stores them: integers of four or eight bits in blocks, each with a scale.
//!
//! The integers lie in panels of sixteen columns. Before a product they are widened to 16 bits, one panel after the other, and meet rows of
//! x that are rounded as in [`super::integer`], in the same blocks. The sum of a block is exact; scale and offset follow in floats. Nothing is rounded but x,
//! and a matrix takes about as much memory as in its file, which a model that writes reads once per token.

mod streamed;

use std::cell::Cell;
use std::ops::Range;

use super::super::simd::{LANES, Lane, Pairs, Simd};
use super::gemm::{Epilogue, part};
use super::integer::{Packed, Tiled, all_rows, exact, packed};
use streamed::{FEW, streamed};

/// A matrix (inner, columns) whose entry is scale · integer - offset, with a scale and an offset for each block of a column.
#[derive(Debug, Clone)]
pub struct BlockPanels {
    integers: Integers,
    /// The scales, panel by panel, block by block.
    scales: Vec<Lane>,
    /// The offsets in the same order; empty if all are zero.
    offsets: Vec<Lane>,
    inner: usize,
    columns: usize,
    block: usize,
}

/// The integers, panel by panel, pair of rows by pair of rows.
#[derive(Debug, Clone)]
enum Integers {
    /// Signed, four bits: the first row of a pair is in the lower half of a byte.
    Four(Vec<[u8; LANES]>),
    /// Signed, eight bits.
    Eight(Vec<[i8; 2 * LANES]>),
}

/// The sizes of a matrix in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of rows: a multiple of `block`.
    pub inner: usize,
    /// Number of columns.
    pub columns: usize,
    /// Number of entries with a common scale: a divisor of 128, and a multiple of 4.
    pub block: usize,
    /// Whether the integers fit into four bits, -8 to 7.
    pub four_bits: bool,
    /// Whether there are offsets.
    pub offsets: bool,
}

/// A column of a matrix in blocks.
#[derive(Debug, Clone)]
pub struct Column {
    /// One per row.
    pub integers: Vec<i8>,
    /// One per block.
    pub scales: Vec<f32>,
    /// One per block.
    pub offsets: Vec<f32>,
}

impl Column {
    /// A column of zeros.
    pub fn of(shape: Shape) -> Column {
        let blocks = shape.inner / shape.block;
        Column {
            integers: vec![0; shape.inner],
            scales: vec![0.0; blocks],
            offsets: vec![0.0; blocks],
        }
    }
}

/// A panel that is being written: sixteen columns, or the last ones.
pub struct PanelMut<'a> {
    scales: &'a mut [Lane],
    offsets: &'a mut [Lane],
    four: &'a mut [[u8; LANES]],
    eight: &'a mut [[i8; 2 * LANES]],
}

impl PanelMut<'_> {
    /// Writes the column `c` of the panel, up to 15.
    pub fn write(&mut self, c: usize, column: &Column) {
        let each = self.scales.iter_mut().zip(&column.scales);
        each.for_each(|(lane, v)| lane.0[c] = *v);
        let each = self.offsets.iter_mut().zip(&column.offsets);
        each.for_each(|(lane, v)| lane.0[c] = *v);
        let (integers, _) = column.integers.as_chunks::<2>();
        for (lane, [low, high]) in self.four.iter_mut().zip(integers) {
            lane[c] = low.cast_unsigned() & 0xf | high.cast_unsigned() << 4;
        }
        for (lane, pair) in self.eight.iter_mut().zip(integers) {
            lane[2 * c..][..2].copy_from_slice(pair);
        }
    }
}

impl BlockPanels {
    /// A matrix of zeros.
    pub fn zeros(shape: Shape) -> BlockPanels {
        let Shape {
            inner, columns, block, ..
        } = shape;
        let (panels, pairs, blocks) = (columns.div_ceil(LANES), inner / 2, inner / block);
        BlockPanels {
            integers: match shape.four_bits {
                true => Integers::Four(vec![[0; LANES]; panels * pairs]),
                false => Integers::Eight(vec![[0; 2 * LANES]; panels * pairs]),
            },
            scales: vec![Lane::ZERO; panels * blocks],
            offsets: vec![Lane::ZERO; if shape.offsets { panels * blocks } else { 0 }],
            inner,
            columns,
            block,
        }
    }

    /// The panels, to be written, in parallel if need be.
    pub fn panels_mut(&mut self) -> Vec<PanelMut<'_>> {
        let (pairs, blocks) = (self.inner / 2, self.inner / self.block);
        let (mut four, mut eight): (&mut [[u8; LANES]], &mut [[i8; 2 * LANES]]) = match &mut self.integers {
            Integers::Four(lanes) => (lanes, &mut []),
            Integers::Eight(lanes) => (&mut [], lanes),
        };
        let (mut scales, mut offsets) = (self.scales.as_mut_slice(), self.offsets.as_mut_slice());
        let panel = |_| PanelMut {
            scales: next(&mut scales, blocks),
            offsets: next(&mut offsets, blocks),
            four: next(&mut four, pairs),
            eight: next(&mut eight, pairs),
        };
        (0..self.columns.div_ceil(LANES)).map(panel).collect()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let integers = match &self.integers {
            Integers::Four(lanes) => size_of_val(lanes.as_slice()),
            Integers::Eight(lanes) => size_of_val(lanes.as_slice()),
        };
        integers + size_of_val(self.scales.as_slice()) + size_of_val(self.offsets.as_slice())
    }

    /// Number of rows: the length of the sums.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The entry in row k, column c.
    pub fn at(&self, k: usize, c: usize) -> f32 {
        let (panel, c) = (c / LANES, c % LANES);
        let pair = panel * self.inner / 2 + k / 2;
        let integer = match &self.integers {
            // The upper bits of the half are shifted out, and the sign in.
            Integers::Four(lanes) => (lanes[pair][c] << (4 * (1 - k % 2))).cast_signed() >> 4,
            Integers::Eight(lanes) => lanes[pair][2 * c + k % 2],
        };
        let block = panel * (self.inner / self.block) + k / self.block;
        let offset = self.offsets.get(block).map_or(0.0, |lane| lane.0[c]);
        self.scales[block].0[c] * f32::from(integer) - offset
    }

    /// Widens the integers of a panel.
    #[inline(always)]
    fn widen<S: Simd>(&self, s: S, panel: usize, to: &mut [Pairs]) {
        let pairs = self.inner / 2;
        match &self.integers {
            Integers::Four(lanes) => {
                for (to, from) in to.iter_mut().zip(&lanes[panel * pairs..]) {
                    s.store_pairs(to, s.widen_halves(from));
                }
            }
            Integers::Eight(lanes) => {
                for (to, from) in to.iter_mut().zip(&lanes[panel * pairs..]) {
                    s.store_pairs(to, s.widen(from));
                }
            }
        }
    }

    /// The lanes of a panel, one per block.
    #[inline(always)]
    fn of_panel<'a>(&self, lanes: &'a [Lane], panel: usize) -> &'a [Lane] {
        let blocks = self.inner / self.block;
        lanes.get(panel * blocks..(panel + 1) * blocks).unwrap_or_default()
    }
}

/// Cuts the next entries off; nothing of nothing.
fn next<'a, T>(all: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let count = count.min(all.len());
    all.split_off_mut(..count).unwrap_or_default()
}

thread_local! {
    /// The widened integers of some panels, reused so that their pages stay mapped.
    static WIDENED: Cell<Vec<Pairs>> = Cell::default();
}

/// The product of x and some panels of B, into an epilogue.
///
/// `x` has rows of `b.inner()` finite floats. Rows are numbered from 0, columns as in B.
#[inline(always)]
pub fn gemm<S: Simd>(s: S, x: &[f32], b: &BlockPanels, panels: Range<usize>, epilogue: &mut impl Epilogue) {
    if b.inner == 0 || x.is_empty() {
        return;
    }
    // x has the blocks of the matrix: a large entry makes those of its own block coarse, and no others. No sum of a block overflows: 128
    // integers of eight bits times sixteen bits are at most 2^29.
    let mut packed = packed(s, x, b.inner, b.block / 2, f32::from(i16::MAX), None);
    if !b.offsets.is_empty() {
        packed.sum_blocks(b.block / 2);
    }
    if x.len() / b.inner <= FEW {
        by_registers! {S:
            Many => streamed::<S, 4>(s, b, panels, &mut packed, epilogue),
            Some => streamed::<S, 2>(s, b, panels, &mut packed, epilogue),
            Few => streamed::<S, 2>(s, b, panels, &mut packed, epilogue),
        }
        return packed.put_back();
    }
    let mut widened = WIDENED.take();
    by_registers! {S:
        Many => tiles::<S, 12, 2>(s, b, panels, &mut packed, &mut widened, epilogue),
        Some => tiles::<S, 6, 1>(s, b, panels, &mut packed, &mut widened, epilogue),
        Few => tiles::<S, 2, 1>(s, b, panels, &mut packed, &mut widened, epilogue),
    }
    WIDENED.set(widened);
    packed.put_back();
}

/// The product in tiles of R rows and P panels; smaller tiles for the rest.
#[inline(always)]
fn tiles<S: Simd, const R: usize, const P: usize>(
    s: S,
    b: &BlockPanels,
    panels: Range<usize>,
    packed: &mut Packed,
    widened: &mut Vec<Pairs>,
    epilogue: &mut impl Epilogue,
) {
    let pairs = b.inner / 2;
    packed.group::<R>(pairs);
    widened.resize(P * pairs, Pairs::ZERO);
    let mut panel = panels.start;
    while panel < panels.end {
        if panel + P <= panels.end {
            for (p, to) in widened.chunks_exact_mut(pairs).enumerate() {
                b.widen(s, panel + p, to);
            }
            let mut columns = [&widened[..pairs]; P];
            for (p, column) in columns.iter_mut().enumerate() {
                *column = &widened[p * pairs..][..pairs];
            }
            all_rows::<S, R, P>(s, b, columns, panel, packed, epilogue);
            panel += P;
        } else {
            b.widen(s, panel, &mut widened[..pairs]);
            all_rows::<S, R, 1>(s, b, [&widened[..pairs]], panel, packed, epilogue);
            panel += 1;
        }
    }
}

impl Tiled for BlockPanels {
    #[inline(always)]
    fn pairs(&self) -> usize {
        self.inner / 2
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
        let (pairs, half, blocks) = (self.pairs(), self.block / 2, self.inner / self.block);
        let (a, _) = packed.groups[row * pairs..][..R * pairs].as_chunks::<R>();
        let (scales, offsets) = (
            of_panels::<P>(self, &self.scales, panel),
            of_panels::<P>(self, &self.offsets, panel),
        );
        let mut sums = [[s.splat(0.0); P]; R];
        for block in 0..blocks {
            let own = block * half..(block + 1) * half;
            let exact = exact::<S, R, P>(s, &a[own.clone()], part(columns, own));
            let mut lanes = [s.splat(0.0); P];
            for p in 0..P {
                lanes[p] = s.load(&scales[p][block].0);
            }
            each_row!(r in R => {
                let scale = s.splat(packed.scales[(row + r) * blocks + block]);
                for p in 0..P {
                    sums[r][p] = s.fma(s.to_f32(exact[r][p]), s.mul(lanes[p], scale), sums[r][p]);
                }
            });
            if !self.offsets.is_empty() {
                for p in 0..P {
                    lanes[p] = s.load(&offsets[p][block].0);
                }
                each_row!(r in R => {
                    let sum = s.splat(-packed.sums[(row + r) * blocks + block]);
                    for p in 0..P {
                        sums[r][p] = s.fma(lanes[p], sum, sums[r][p]);
                    }
                });
            }
        }
        sums
    }
}

#[inline(always)]
fn of_panels<'a, const P: usize>(b: &BlockPanels, lanes: &'a [Lane], first: usize) -> [&'a [Lane]; P] {
    let mut all = [lanes; P];
    for (p, lanes) in all.iter_mut().enumerate() {
        *lanes = b.of_panel(lanes, first + p);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernels::gemm::Plain;
    use crate::model::simd::{Isa, Kernel, run_on};

    struct Product<'a>(&'a [f32], &'a BlockPanels, &'a mut [f32]);

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

    /// A matrix with integers of either sign, the smallest and the largest among them.
    fn matrix(shape: Shape) -> BlockPanels {
        let (least, count) = if shape.four_bits { (-8, 16) } else { (-128, 256) };
        let read = |c: usize, column: &mut Column| {
            let integers = column.integers.iter_mut().enumerate();
            integers.for_each(|(k, v)| *v = (least + ((c * 31 + k * 7) % count) as i32) as i8);
            let scales = column.scales.iter_mut().enumerate();
            scales.for_each(|(i, v)| *v = 0.01 + 0.001 * ((i + c) % 5) as f32);
            let offsets = column.offsets.iter_mut().enumerate();
            offsets.for_each(|(i, v)| *v = 0.02 * ((i + 2 * c) % 3) as f32);
        };
        written(shape, read)
    }

    fn written(shape: Shape, read: impl Fn(usize, &mut Column)) -> BlockPanels {
        let mut panels = BlockPanels::zeros(shape);
        let mut column = Column::of(shape);
        for (panel, mut own) in panels.panels_mut().into_iter().enumerate() {
            for c in 0..LANES.min(shape.columns - panel * LANES) {
                read(panel * LANES + c, &mut column);
                own.write(c, &column);
            }
        }
        panels
    }

    #[test]
    fn products_are_close_to_exact_ones_on_every_instruction_set() {
        for (rows, inner, columns) in [
            (1, 64, 48),
            (31, 640, 33),
            (13, 192, 16),
            (2, 32, 1),
            (7, 1536, 40),
            (3, 0, 5),
        ] {
            for (block, four_bits, offsets) in [
                (32, true, true),
                (32, true, false),
                (16, false, false),
                (32, false, true),
            ] {
                let shape = Shape {
                    inner,
                    columns,
                    block,
                    four_bits,
                    offsets,
                };
                let panels = matrix(shape);
                let x: Vec<f32> = (0..rows * inner)
                    .map(|i| ((i * 37 % 101) as f32 - 50.0) / 20.0)
                    .collect();
                for path in Isa::ALL.into_iter().filter(|path| path.available()) {
                    let mut out = vec![0f32; rows * columns];
                    run_on(path, Product(&x, &panels, &mut out));
                    for (i, v) in out.iter().enumerate() {
                        let (row, c) = (i / columns, i % columns);
                        let terms = (0..inner).map(|k| (f64::from(x[row * inner + k]), f64::from(panels.at(k, c))));
                        let (exact, size) =
                            terms.fold((0.0, 0.0), |(sum, size), (x, w)| (sum + x * w, size + (x * w).abs()));
                        assert!(
                            (f64::from(*v) - exact).abs() <= 1e-4 * size + 1e-6,
                            "{path:?} {shape:?}: {v} for {exact}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_alone_has_the_sums_of_the_row_among_others() {
        let shape = Shape {
            inner: 384,
            columns: 90,
            block: 32,
            four_bits: true,
            offsets: true,
        };
        let panels = matrix(shape);
        let x: Vec<f32> = (0..15 * 384).map(|i| ((i * 37 % 101) as f32 - 50.0) / 20.0).collect();
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            let mut all = vec![0f32; 15 * 90];
            run_on(path, Product(&x, &panels, &mut all));
            for (x, together) in x.chunks_exact(384).zip(all.chunks_exact(90)) {
                let mut alone = [0f32; 90];
                run_on(path, Product(x, &panels, &mut alone));
                assert_eq!(alone, together, "{path:?}");
            }
        }
    }

    #[test]
    fn the_largest_integers_do_not_overflow_a_sum() {
        let shape = Shape {
            inner: 256,
            columns: 3,
            block: 128,
            four_bits: false,
            offsets: false,
        };
        let read = |_: usize, column: &mut Column| {
            column.integers.fill(-128);
            column.scales.fill(1.0);
        };
        let panels = written(shape, read);
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            let mut out = [0f32; 3];
            run_on(path, Product(&[-5.0; 256], &panels, &mut out));
            for v in out {
                assert!((v - 163_840.0).abs() < 10.0, "{path:?} {v}");
            }
        }
    }
}
