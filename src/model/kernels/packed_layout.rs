//! The packed layout for [`super::alti_proximity`]: the columns of W_O for a layer, and the positions of a sequence.

use super::super::simd::{LANES, Simd};
use super::gemm::{load_part, store_part};

/// Number of rows in a tile. A tile is stored by head, within a head by pair, within a pair by row.
pub const TILE: usize = 6;

/// The largest 16-bit integer.
pub(super) const LARGEST: f32 = i16::MAX as f32;

/// The layout of rows of `hidden` entries in tiles of integers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    pub(super) heads: usize,
    /// Width of a head.
    pub(super) width: usize,
}

impl Tiles {
    /// Number of pairs per head; the last entry of an odd number is paired with zero.
    pub(super) fn pairs(self) -> usize {
        self.width.div_ceil(2)
    }

    /// Number of entries of a tile, each with the pairs of six rows.
    pub(super) fn of_tile(self) -> usize {
        self.heads * self.pairs()
    }

    /// Writes the integers of a row to its place in the tiles.
    #[inline(always)]
    fn put(self, row: usize, integers: &[i16], tiles: &mut [[[i16; 2]; TILE]]) {
        let tile = &mut tiles[row / TILE * self.of_tile()..][..self.of_tile()];
        let heads = integers.chunks_exact(self.width);
        for (head, to) in heads.zip(tile.chunks_exact_mut(self.pairs())) {
            for (pair, to) in head.chunks(2).zip(to) {
                to[row % TILE] = [pair[0], pair.get(1).copied().unwrap_or(0)];
            }
        }
    }
}

/// The columns of W_Oᵀ (hidden, hidden), centered and scaled by γ of the LayerNorm.
#[derive(Debug)]
pub struct Columns {
    /// The entries of each column divided by its norm, as integers in tiles.
    pub(super) entries: Vec<[[i16; 2]; TILE]>,
    /// The norm of each column.
    pub(super) lengths: Vec<f32>,
    pub(super) tiles: Tiles,
}

impl Columns {
    /// The matrix with the entry `at(k, c)` in row k, column c.
    pub fn new(hidden: usize, heads: usize, at: impl Fn(usize, usize) -> f32) -> Columns {
        let tiles = Tiles {
            heads,
            width: hidden / heads.max(1),
        };
        let mut entries = vec![[[0; 2]; TILE]; hidden.div_ceil(TILE) * tiles.of_tile()];
        let lengths = (0..hidden).map(|c| {
            let column: Vec<f32> = (0..hidden).map(|k| at(k, c)).collect();
            // The minimum keeps a column of zeros at zero.
            let length = column.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-15);
            let integers: Vec<i16> = column.iter().map(|v| (v / length * LARGEST).round() as i16).collect();
            tiles.put(c, &integers, &mut entries);
            length
        });
        Columns {
            lengths: lengths.collect(),
            entries,
            tiles,
        }
    }

    /// The width of the hidden states.
    pub fn hidden(&self) -> usize {
        self.lengths.len()
    }

    /// Number of tile entries ([`TILE`] pairs each) for a number of positions.
    pub fn tiled(&self, positions: usize) -> usize {
        positions.div_ceil(TILE) * self.tiles.of_tile()
    }
}

/// Some positions of a sequence after the block.
#[derive(Clone, Copy)]
pub struct Outputs<'a> {
    /// The block's outputs y, (positions, hidden).
    pub y: &'a [f32],
    /// 1/s of each position.
    pub inverse_std: &'a [f32],
    /// γ of the LayerNorm, (hidden).
    pub scale: &'a [f32],
}

/// Some positions in the packed layout.
pub struct Laid<'a> {
    /// The signs of y, pulled back through the LayerNorm: scaled by γ and centered, (positions, hidden).
    pub signs: &'a mut [f32],
    /// y·s, each entry divided by the norm of its column, in panels padded with infinity: (positions, panels).
    pub y: &'a mut [[f32; LANES]],
}

/// Packs some positions.
#[inline(always)]
pub fn lay_out<S: Simd>(s: S, from: Outputs, columns: &Columns, to: Laid) {
    let hidden = columns.hidden();
    let panels = hidden.div_ceil(LANES);
    let rows = from.y.chunks_exact(hidden).zip(from.inverse_std);
    let to = to.signs.chunks_exact_mut(hidden).zip(to.y.chunks_exact_mut(panels));
    for ((y, inverse_std), (signs, scaled)) in rows.zip(to) {
        let std = s.splat(1.0 / inverse_std);
        let mut total = s.splat(0.0);
        for (panel, scaled) in scaled.iter_mut().enumerate() {
            let at = panel * LANES;
            // Adding zero turns a negative zero into a positive one, because the sign of a zero counts below.
            let v = s.fma(load_part(s, y, at), std, s.splat(0.0));
            let scale = load_part(s, from.scale, at);
            let negative = s.positive(s.sub(s.splat(0.0), v));
            let sign = s.sub(scale, s.mul(negative, s.add(scale, scale)));
            total = s.add(total, sign);
            store_part(s, signs, at, sign);
            s.store(scaled, s.div(v, load_part(s, &columns.lengths, at)));
        }
        let beyond = panels * LANES - hidden;
        if let Some(last) = scaled.last_mut() {
            last[LANES - beyond..].fill(f32::INFINITY);
        }
        let mean = s.sum(total) / hidden as f32;
        signs.iter_mut().for_each(|sign| *sign -= mean);
    }
}

/// The signs of some positions, pulled back through W_O, as integers.
#[derive(Clone, Copy)]
pub struct Signs<'a> {
    /// In tiles of positions; [`Columns::tiled`] entries.
    pub integers: &'a [[[i16; 2]; TILE]],
    /// The scale of the integers, per position.
    pub units: &'a [f32],
}

/// Rounds the signs of some positions, (positions, hidden), for [`Signs`]; no sum over a head exceeds 31 bits.
#[inline(always)]
pub fn round_signs<S: Simd>(
    s: S,
    rows: &[f32],
    columns: &Columns,
    integers: &mut [[[i16; 2]; TILE]],
    units: &mut [f32],
) {
    let mut rounded = vec![[0i16; LANES]; columns.hidden().div_ceil(LANES)];
    let rows = rows.chunks_exact(columns.hidden()).zip(units);
    for (row, (signs, unit)) in rows.enumerate() {
        let mut longest = 1e-30f32;
        for head in signs.chunks_exact(columns.tiles.width) {
            let mut square = s.splat(0.0);
            for at in (0..head.len()).step_by(LANES) {
                let v = load_part(s, head, at);
                square = s.fma(v, v, square);
            }
            longest = longest.max(s.sum(square));
        }
        let longest = longest.sqrt();
        *unit = longest / LARGEST;
        let inverse = s.splat(LARGEST / longest);
        for (panel, rounded) in rounded.iter_mut().enumerate() {
            *rounded = s.round_i16(s.mul(load_part(s, signs, panel * LANES), inverse));
        }
        columns
            .tiles
            .put(row, &rounded.as_flattened()[..columns.hidden()], integers);
    }
}
