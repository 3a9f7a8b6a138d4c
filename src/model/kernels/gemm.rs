//! Matrix products with a matrix that was packed beforehand, after Goto & van de Geijn (2008): the left matrix is packed by groups
//! of rows while it is read, the right one lies in panels of sixteen columns, and a tile of both is summed in registers.

use std::cell::RefCell;
use std::ops::Range;

use super::super::simd::{Kernel, LANES, Lane, Simd};

/// A matrix (inner, columns) in panels of sixteen columns: panel by panel, within each row by row. The last panel is filled up with
/// zeros.
#[derive(Debug, Clone)]
pub struct Panels {
    lanes: Vec<Lane>,
    inner: usize,
    columns: usize,
}

impl Panels {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(self.lanes.as_slice())
    }

    /// Packs the matrix whose entry in row k, column c is `at(k, c)`.
    pub fn new(inner: usize, columns: usize, at: impl Fn(usize, usize) -> f32) -> Panels {
        let mut panels = Panels {
            lanes: vec![Lane::ZERO; inner * columns.div_ceil(LANES)],
            inner,
            columns,
        };
        for panel in 0..panels.count() {
            let first = panel * LANES;
            let filled = LANES.min(columns - first);
            for (k, lane) in panels.panel_mut(panel).iter_mut().enumerate() {
                for (c, v) in lane.0[..filled].iter_mut().enumerate() {
                    *v = at(k, first + c);
                }
            }
        }
        panels
    }

    /// Packs a matrix of rows of `columns` floats.
    pub fn of_rows(rows: &[f32], columns: usize) -> Panels {
        let inner = rows.len() / columns.max(1);
        let mut panels = Panels {
            lanes: vec![Lane::ZERO; inner * columns.div_ceil(LANES)],
            inner,
            columns,
        };
        for (k, row) in rows.chunks_exact(columns.max(1)).enumerate() {
            for (panel, part) in row.chunks(LANES).enumerate() {
                panels.lanes[panel * inner + k].0[..part.len()].copy_from_slice(part);
            }
        }
        panels
    }

    /// Rows: the length of the sums.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// Columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of panels.
    pub fn count(&self) -> usize {
        self.columns.div_ceil(LANES)
    }

    /// Entry in row k, column c.
    pub fn at(&self, k: usize, c: usize) -> f32 {
        self.panel(c / LANES)[k].0[c % LANES]
    }

    /// One panel: a lane per row.
    #[inline(always)]
    pub fn panel(&self, index: usize) -> &[Lane] {
        &self.lanes[index * self.inner..(index + 1) * self.inner]
    }

    /// One panel, to be written.
    pub fn panel_mut(&mut self, index: usize) -> &mut [Lane] {
        &mut self.lanes[index * self.inner..(index + 1) * self.inner]
    }
}

/// Where a product goes: what happens to sixteen finished sums.
pub trait Epilogue {
    /// Takes the sums of a row from `column` on; those beyond the matrix's last column are zero and to be dropped.
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32);

    /// Where sixteen sums of some rows from `column` on are stored just as they are, and how far one row is from the next; none where
    /// more is done to them, or not all of them are kept.
    #[inline(always)]
    fn place(&mut self, _rows: Range<usize>, _column: usize) -> Option<(&mut [f32], usize)> {
        None
    }

    /// Hears which rows of how many panels, from `column` on, come next: their sums take long enough to fetch what they meet.
    #[inline(always)]
    fn next<S: Simd>(&self, _s: S, _rows: Range<usize>, _column: usize, _panels: usize) {}
}

/// Fetches some panels of some rows of `width` floats, from `column` on, into the first cache. Written as they are, a line of each row
/// far from the last, they would wait for one another.
#[inline(always)]
pub fn fetch<S: Simd>(s: S, x: &[f32], width: usize, rows: Range<usize>, column: usize, panels: usize) {
    for row in rows {
        for panel in 0..panels {
            // The last of the sixteen: where the first lies in another line, the panel before has fetched that.
            if let Some(place) = x.get(row * width + column + panel * LANES + LANES - 1) {
                s.fetch(place);
            }
        }
    }
}

thread_local! {
    /// The packed left matrix of a block, kept from block to block so that its pages are.
    static GROUPS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// x · B for some panels of B, into an epilogue.
///
/// `x` has rows of `b.inner()` floats. Rows are numbered from 0, columns as in B.
#[inline(always)]
pub fn gemm<S: Simd>(s: S, x: &[f32], b: &Panels, panels: Range<usize>, epilogue: &mut impl Epilogue) {
    let inner = b.inner();
    if inner == 0 || x.is_empty() {
        return;
    }
    // Taken out rather than borrowed: a closure would be compiled for the portable path.
    let mut groups = GROUPS.take();
    by_registers! {S:
        Many => tiles::<S, 12, 2>(s, x, b, panels, &mut groups, epilogue),
        Some => tiles::<S, 6, 1>(s, x, b, panels, &mut groups, epilogue),
        Few => tiles::<S, 2, 1>(s, x, b, panels, &mut groups, epilogue),
    }
    GROUPS.set(groups);
}

/// The product in tiles of R rows and P panels; what is left over in tiles of four, two and one.
#[inline(always)]
fn tiles<S: Simd, const R: usize, const P: usize>(
    s: S,
    x: &[f32],
    b: &Panels,
    panels: Range<usize>,
    groups: &mut Vec<f32>,
    epilogue: &mut impl Epilogue,
) {
    let inner = b.inner();
    let full = x.len() / inner / R;
    groups.resize(full * inner * R, 0.0);
    for (rows, group) in x.chunks_exact(inner * R).zip(groups.chunks_exact_mut(inner * R)) {
        pack::<R>(rows, inner, group);
    }
    let rest = full * R..x.len() / inner;
    let mut panel = panels.start;
    while panel < panels.end {
        if panel + P <= panels.end {
            let mut columns = [b.panel(panel); P];
            for (p, column) in columns.iter_mut().enumerate() {
                *column = b.panel(panel + p);
            }
            for (group, a) in groups.chunks_exact(inner * R).enumerate() {
                epilogue.next(s, group * R..group * R + R, panel * LANES, P);
                let sums: [_; R] = s.call(Tile { a, b: columns });
                hand_over_written(s, &sums, group * R, panel * LANES, epilogue);
            }
            tail::<S, P>(s, x, inner, columns, rest.clone(), panel * LANES, epilogue);
            panel += P;
        } else {
            let columns = [b.panel(panel)];
            for (group, a) in groups.chunks_exact(inner * R).enumerate() {
                let sums: [_; R] = s.call(Tile { a, b: columns });
                hand_over_written(s, &sums, group * R, panel * LANES, epilogue);
            }
            tail::<S, 1>(s, x, inner, columns, rest.clone(), panel * LANES, epilogue);
            panel += 1;
        }
    }
}

/// Writes R rows, entry by entry: those of all rows at k = 0, then those at k = 1 …
#[inline(always)]
fn pack<const R: usize>(rows: &[f32], inner: usize, group: &mut [f32]) {
    let (group, _) = group.as_chunks_mut::<R>();
    for (r, row) in rows.chunks_exact(inner).enumerate() {
        for (to, v) in group.iter_mut().zip(row) {
            to[r] = *v;
        }
    }
}

/// The sums of R packed rows and P panels: a function of its own, so that it is compiled once for all epilogues.
struct Tile<'a, const R: usize, const P: usize> {
    a: &'a [f32],
    b: [&'a [Lane]; P],
}

impl<const R: usize, const P: usize> Kernel for Tile<'_, R, P> {
    type Output = [[[f32; LANES]; P]; R];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Self::Output {
        let (a, _) = self.a.as_chunks::<R>();
        let mut sums = [[s.splat(0.0); P]; R];
        let mut lanes = [s.splat(0.0); P];
        let b = part(self.b, 0..a.len());
        for (k, a) in a.iter().enumerate() {
            for p in 0..P {
                lanes[p] = s.load(&b[p][k].0);
            }
            each_row!(r in R => {
                let a = s.splat(a[r]);
                for p in 0..P {
                    sums[r][p] = s.fma(a, lanes[p], sums[r][p]);
                }
            });
        }
        written(s, sums)
    }
}

/// The same part of each panel; a loop, since a closure might not be inlined.
#[inline(always)]
pub fn part<T, const P: usize>(panels: [&[T]; P], of: Range<usize>) -> [&[T]; P] {
    let mut parts = panels;
    for part in &mut parts {
        *part = &part[of.clone()];
    }
    parts
}

/// Gives the sums of a tile to an epilogue.
#[inline(always)]
pub fn hand_over<S: Simd, const R: usize, const P: usize>(
    s: S,
    sums: [[S::F32; P]; R],
    row: usize,
    column: usize,
    epilogue: &mut impl Epilogue,
) {
    hand_over_written(s, &written(s, sums), row, column, epilogue);
}

/// Gives the sums of a tile, in memory, to an epilogue.
#[inline(always)]
pub fn hand_over_written<S: Simd, const R: usize, const P: usize>(
    s: S,
    sums: &[[[f32; LANES]; P]; R],
    row: usize,
    column: usize,
    epilogue: &mut impl Epilogue,
) {
    for (r, panels) in sums.iter().enumerate() {
        for (p, sums) in panels.iter().enumerate() {
            epilogue.put(s, row + r, column + p * LANES, s.load(sums));
        }
    }
}

/// The sums of a tile, out of the registers, for loops that end at run time.
#[inline(always)]
pub fn written<S: Simd, const R: usize, const P: usize>(s: S, sums: [[S::F32; P]; R]) -> [[[f32; LANES]; P]; R] {
    let mut written = [[[0f32; LANES]; P]; R];
    each_row!(r in R => {
        for p in 0..P {
            s.store(&mut written[r][p], sums[r][p]);
        }
    });
    written
}

/// Some rows of x, `stride` apart, which fill no group: in tiles of four, two and one.
#[inline(always)]
pub fn tail<S: Simd, const P: usize>(
    s: S,
    x: &[f32],
    stride: usize,
    b: [&[Lane]; P],
    mut rows: Range<usize>,
    column: usize,
    epilogue: &mut impl Epilogue,
) {
    while !rows.is_empty() {
        let (row, x) = (rows.start, &x[rows.start * stride..]);
        rows.start += match rows.len() {
            4.. => {
                strided::<S, 4, P>(s, x, stride, b, row, column, epilogue);
                4
            }
            2.. => {
                strided::<S, 2, P>(s, x, stride, b, row, column, epilogue);
                2
            }
            _ => {
                strided::<S, 1, P>(s, x, stride, b, row, column, epilogue);
                1
            }
        };
    }
}

/// One tile of rows as they lie, `stride` apart, each as long as the panels.
#[inline(always)]
pub fn strided<S: Simd, const R: usize, const P: usize>(
    s: S,
    x: &[f32],
    stride: usize,
    b: [&[Lane]; P],
    row: usize,
    column: usize,
    epilogue: &mut impl Epilogue,
) {
    if P == 1
        && let Some((out, width)) = epilogue.place(row..row + R, column)
        && s.fma_rows_into::<R>(x, stride, b[0], out, width)
    {
        return;
    }
    hand_over_written(s, &sums::<S, R, P>(s, x, stride, b), row, column, epilogue);
}

/// The sums of one tile of rows as they lie, `stride` apart, each as long as the panels.
#[inline(always)]
pub fn sums<S: Simd, const R: usize, const P: usize>(
    s: S,
    x: &[f32],
    stride: usize,
    b: [&[Lane]; P],
) -> [[[f32; LANES]; P]; R] {
    let inner = b[0].len();
    if P == 1
        && let Some(sums) = s.fma_rows::<R>(x, stride, b[0])
    {
        let mut all = [[[0.0; LANES]; P]; R];
        for (all, row) in all.iter_mut().zip(sums) {
            *all = [row; P];
        }
        return all;
    }
    let mut rows = [&x[..inner]; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &x[r * stride..][..inner];
    }
    let b = part(b, 0..inner);
    let mut sums = [[s.splat(0.0); P]; R];
    let mut lanes = [s.splat(0.0); P];
    for k in 0..inner {
        for p in 0..P {
            lanes[p] = s.load(&b[p][k].0);
        }
        each_row!(r in R => {
            let a = s.splat(rows[r][k]);
            for p in 0..P {
                sums[r][p] = s.fma(a, lanes[p], sums[r][p]);
            }
            s.in_order();
        });
    }
    written(s, sums)
}

/// Sixteen floats of a row from `column` on, zeros beyond its end.
#[inline(always)]
pub fn load_part<S: Simd>(s: S, row: &[f32], column: usize) -> S::F32 {
    match row[column..].first_chunk::<LANES>() {
        Some(lanes) => s.load(lanes),
        None => {
            let mut lanes = [0.0; LANES];
            lanes[..row.len() - column].copy_from_slice(&row[column..]);
            s.load(&lanes)
        }
    }
}

/// Sixteen floats into a row from `column` on, those beyond its end dropped.
#[inline(always)]
pub fn store_part<S: Simd>(s: S, row: &mut [f32], column: usize, v: S::F32) {
    match row[column..].first_chunk_mut::<LANES>() {
        Some(lanes) => s.store(lanes, v),
        None => {
            let mut lanes = [0.0; LANES];
            s.store(&mut lanes, v);
            let rest = row.len() - column;
            row[column..].copy_from_slice(&lanes[..rest]);
        }
    }
}

/// A row-major block of a product: columns from `first` on, `width` of them, an optional bias added.
pub struct Plain<'a> {
    /// Rows of `width` floats.
    pub out: &'a mut [f32],
    /// Columns in `out`.
    pub width: usize,
    /// The product's column that stands first in `out`.
    pub first: usize,
    /// Added to each row, as many as the product has columns.
    pub bias: Option<&'a [f32]>,
}

impl Epilogue for Plain<'_> {
    #[inline(always)]
    fn place(&mut self, rows: Range<usize>, column: usize) -> Option<(&mut [f32], usize)> {
        let from = column - self.first;
        let whole = self.bias.is_none() && from + LANES <= self.width;
        whole.then(|| (&mut self.out[rows.start * self.width + from..], self.width))
    }

    #[inline(always)]
    fn next<S: Simd>(&self, s: S, rows: Range<usize>, column: usize, panels: usize) {
        fetch(s, self.out, self.width, rows, column - self.first, panels);
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let sums = match self.bias {
            Some(bias) => s.add(sums, load_part(s, bias, column)),
            None => sums,
        };
        let row = &mut self.out[row * self.width..][..self.width];
        store_part(s, row, column - self.first, sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::simd::{Isa, Kernel, run_on};

    struct Product<'a>(&'a [f32], &'a Panels, &'a mut [f32]);

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
            gemm(s, self.0, self.1, 0..self.1.count(), &mut epilogue);
        }
    }

    #[test]
    fn products_equal_a_plain_loop_on_every_path() {
        for (rows, inner, columns) in [
            (1, 1, 1),
            (2, 33, 16),
            (7, 64, 50),
            (31, 20, 33),
            (26, 5, 96),
            (10, 37, 24),
        ] {
            let number = |i: usize, of: usize| ((i * 37 % 101) as f32 - 50.0) / of as f32;
            let x: Vec<f32> = (0..rows * inner).map(|i| number(i, 20)).collect();
            let panels = Panels::new(inner, columns, |k, c| number(k * columns + c, 30));
            for path in Isa::ALL.into_iter().filter(|path| path.available()) {
                let mut out = vec![f32::NAN; rows * columns];
                run_on(path, Product(&x, &panels, &mut out));
                for (i, v) in out.iter().enumerate() {
                    let (row, c) = (i / columns, i % columns);
                    let exact: f64 = (0..inner)
                        .map(|k| f64::from(x[row * inner + k]) * f64::from(panels.at(k, c)))
                        .sum();
                    assert!(
                        (f64::from(*v) - exact).abs() < 1e-4,
                        "{path:?} {rows} {inner} {columns}: {v} {exact}"
                    );
                }
            }
        }
    }
}
