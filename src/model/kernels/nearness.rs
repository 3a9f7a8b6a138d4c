//! How much nearer to what a position became each source token brought it, in ALTI's measure: |y_i|₁ - |y_i - T_i(x_j)|₁.
//!
//! No vector T_i(x_j) is made to measure its distance. For numbers y and t, with the sign of y,
//!
//! ```text
//! |y| - |y - t| = ±t - 2 max(0, ±t - |y|),
//! ```
//!
//! and the first term is linear: summed over the columns it is, head by head, the probability times the inner product of the token's
//! value with the position's signs sent back through W_O, two small products for all positions and tokens. The second is nothing
//! but where t is larger than y itself. A probability spread over a sequence leaves a token that much in one column of several
//! hundred, so a bound finds the few columns in which it may be, and there alone t is computed.
//!
//! All is in units of 1/s_i: y stands for y_i·s_i, and T for T_i(x_j)·s_i, which does not depend on s.

use std::cell::RefCell;

use super::super::simd::{LANES, Lane, Registers, Simd};
use super::gemm::{load_part, store_part, sums};

/// W_Oᵀ (hidden, hidden), each row centred and scaled by γ of the LayerNorm behind, column by column.
#[derive(Debug)]
pub struct Columns {
    /// Each column's entries, head by head, (hidden, hidden).
    entries: Vec<f32>,
    /// The inverse of each column's length.
    inverse: Vec<f32>,
}

impl Columns {
    /// The matrix whose entry in row k, column c is `at(k, c)`.
    pub fn new(hidden: usize, at: impl Fn(usize, usize) -> f32) -> Columns {
        let entries: Vec<f32> = (0..hidden * hidden).map(|i| at(i % hidden, i / hidden)).collect();
        let inverse = entries.chunks_exact(hidden.max(1)).map(|column| {
            let length = column.iter().map(|v| v * v).sum::<f32>().sqrt();
            // What is nothing but zeros stays zero times anything.
            1.0 / length.max(1e-15)
        });
        Columns {
            inverse: inverse.collect(),
            entries,
        }
    }

    /// The width of the layer.
    pub fn hidden(&self) -> usize {
        self.inverse.len()
    }
}

/// Some positions of a sequence as the block left them.
#[derive(Clone, Copy)]
pub struct Outputs<'a> {
    /// The block's outputs y, (positions, hidden).
    pub y: &'a [f32],
    /// 1/s of each position.
    pub inverse_std: &'a [f32],
    /// γ of the LayerNorm, (hidden).
    pub scale: &'a [f32],
}

/// What has to be known of positions before tokens are compared with them.
pub struct Laid<'a> {
    /// The signs of y, as they go back through the LayerNorm: scaled by γ and centred, (positions, hidden).
    pub signs: &'a mut [f32],
    /// y·s, (positions, hidden).
    pub y: &'a mut [f32],
    /// |y·s| in units of the lengths of the columns, in panels, infinite beyond the last: (positions, panels).
    pub reach: &'a mut [[f32; LANES]],
}

/// Lays out some positions.
#[inline(always)]
pub fn lay_out<S: Simd>(s: S, from: Outputs, columns: &Columns, to: Laid) {
    let hidden = columns.hidden();
    let panels = hidden.div_ceil(LANES);
    let rows = from.y.chunks_exact(hidden).zip(from.inverse_std);
    let to = to
        .signs
        .chunks_exact_mut(hidden)
        .zip(to.y.chunks_exact_mut(hidden))
        .zip(to.reach.chunks_exact_mut(panels));
    for ((y, inverse_std), ((signs, scaled), reach)) in rows.zip(to) {
        let std = s.splat(1.0 / inverse_std);
        let mut total = s.splat(0.0);
        for (panel, reach) in reach.iter_mut().enumerate() {
            let at = panel * LANES;
            // Plus nothing, so that no zero is a negative one: the sign of a zero counts below.
            let v = s.fma(load_part(s, y, at), std, s.splat(0.0));
            let scale = load_part(s, from.scale, at);
            let negative = s.positive(s.sub(s.splat(0.0), v));
            let sign = s.sub(scale, s.mul(negative, s.add(scale, scale)));
            total = s.add(total, sign);
            store_part(s, signs, at, sign);
            store_part(s, scaled, at, v);
            s.store(reach, s.mul(s.abs(v), load_part(s, &columns.inverse, at)));
        }
        let beyond = panels * LANES - hidden;
        if let Some(last) = reach.last_mut() {
            last[LANES - beyond..].fill(f32::INFINITY);
        }
        let mean = s.sum(total) / hidden as f32;
        signs.iter_mut().for_each(|sign| *sign -= mean);
    }
}

/// A sequence whose positions are laid out.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// Attention probabilities, (heads, n, n).
    pub attention: &'a [f32],
    /// Heads.
    pub heads: usize,
    /// The layer's input, (n, hidden).
    pub input: &'a [f32],
    /// The value rows, bias included, (n, hidden).
    pub values: &'a [f32],
    /// γ of the LayerNorm, (hidden).
    pub scale: &'a [f32],
    /// The way from values to what the LayerNorm makes of them.
    pub columns: &'a Columns,
    /// The signs of [`Laid`], sent back through W_O: (n, hidden).
    pub signs: &'a [f32],
    /// As in [`Laid`].
    pub y: &'a [f32],
    /// As in [`Laid`].
    pub reach: &'a [[f32; LANES]],
}

/// The sixteen tokens that are compared at a time, one to a lane.
#[derive(Default)]
struct Room {
    /// Their values, entry by entry: (hidden).
    values: Vec<Lane>,
    /// What each head makes of them, column by column: (hidden, heads).
    vectors: Vec<Lane>,
    /// The square of what the heads together can make of each column's entry, at a look of length 1: (hidden).
    squares: Vec<Lane>,
    /// The largest entry of each head's vector, in units of the lengths of the columns: (heads).
    largest: Vec<Lane>,
    /// With what probability some positions look at the tokens: (positions, heads).
    looks: Vec<Lane>,
    /// The largest of `squares`, in units of the squares of the columns' lengths.
    largest_square: Lane,
    /// Room for the columns in which a token may bring more than is there: (hidden).
    few: Vec<usize>,
}

thread_local! {
    /// Kept from block to block so that its pages are.
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Positions that are gone through at a time, whole tiles of them: what is read twice of them stays in the caches.
const ROWS: usize = 24;

/// Nearness to all positions of the tokens `block`·16 … `block`·16 + 15, those beyond the last as zeros: (n) into `out`.
#[inline(always)]
pub fn nearness<S: Simd>(s: S, layer: Layer, block: usize, out: &mut [[f32; LANES]]) {
    let hidden = layer.columns.hidden();
    let first = block * LANES;
    // Taken out rather than borrowed: a closure would be compiled for the portable path.
    let mut room = ROOM.take();
    room.prepare(s, layer, first);
    for (chunk, out) in out.chunks_mut(ROWS).enumerate() {
        let start = chunk * ROWS;
        room.collect_looks(s, layer, start, first, out.len());
        match S::REGISTERS {
            Registers::Many => linear::<S, 12>(s, layer, &room, start, out),
            Registers::Some => linear::<S, 6>(s, layer, &room, start, out),
            Registers::Few => linear::<S, 2>(s, layer, &room, start, out),
        }
        for (row, out) in out.iter_mut().enumerate() {
            let beyond = match layer.heads {
                12 => beyond_held::<S, 12>(s, layer, &mut room, start + row, row),
                16 => beyond_held::<S, 16>(s, layer, &mut room, start + row, row),
                _ => beyond_loaded(s, layer, &mut room, start + row, row),
            };
            let near = s.fma(beyond, s.splat(-2.0), s.load(out));
            s.store(out, near);
        }
    }
    // A token itself also keeps its residual, with which it is compared column by column.
    let own = with_residual(s, layer, &mut room, first);
    let tokens = LANES.min(layer.input.len() / hidden - first);
    for (lane, own) in own[..tokens].iter().enumerate() {
        out[first + lane][lane] = *own;
    }
    ROOM.set(room);
}

impl Room {
    /// Makes the vectors of the tokens from `first` on.
    #[inline(always)]
    fn prepare<S: Simd>(&mut self, s: S, layer: Layer, first: usize) {
        let (hidden, heads) = (layer.columns.hidden(), layer.heads);
        self.values.clear();
        self.values.resize(hidden, Lane::ZERO);
        self.vectors.resize(hidden * heads, Lane::ZERO);
        self.squares.resize(hidden, Lane::ZERO);
        self.few.resize(hidden, 0);
        self.largest_square = Lane::ZERO;
        self.largest.clear();
        self.largest.resize(heads, Lane::ZERO);
        self.looks.resize(ROWS * heads, Lane::ZERO);
        let tokens = layer.values[first * hidden..].chunks_exact(hidden).take(LANES);
        for (token, values) in tokens.enumerate() {
            for (lane, v) in self.values.iter_mut().zip(values) {
                lane.0[token] = *v;
            }
        }
        match S::REGISTERS {
            Registers::Many => self.transform::<S, 12>(s, layer),
            Registers::Some => self.transform::<S, 6>(s, layer),
            Registers::Few => self.transform::<S, 2>(s, layer),
        }
    }

    /// Puts the probabilities of some positions side by side. Each lies in a line of memory of its own, and none is waited for before the
    /// next is asked for.
    #[inline(always)]
    fn collect_looks<S: Simd>(&mut self, s: S, layer: Layer, start: usize, first: usize, count: usize) {
        let n = layer.input.len() / layer.columns.hidden();
        let rows = self.looks.chunks_exact_mut(layer.heads).take(count);
        for (i, looks) in (start..).zip(rows) {
            for (head, look) in looks.iter_mut().enumerate() {
                let row = &layer.attention[(head * n + i) * n..][..n];
                s.store(&mut look.0, load_part(s, row, first));
            }
        }
    }

    #[inline(always)]
    fn transform<S: Simd, const R: usize>(&mut self, s: S, layer: Layer) {
        let hidden = layer.columns.hidden();
        let mut column = 0;
        while column < hidden {
            column += match column + R <= hidden {
                true => self.some_columns::<S, R>(s, layer, column),
                false => self.some_columns::<S, 1>(s, layer, column),
            };
        }
    }

    /// R columns of every head's product; returns R.
    #[inline(always)]
    fn some_columns<S: Simd, const R: usize>(&mut self, s: S, layer: Layer, column: usize) -> usize {
        let (hidden, heads) = (layer.columns.hidden(), layer.heads);
        let width = hidden / heads;
        let vectors = &mut self.vectors[column * heads..][..R * heads];
        let inverse = &layer.columns.inverse[column..][..R];
        for (head, largest) in self.largest.iter_mut().enumerate() {
            let x = &layer.columns.entries[column * hidden + head * width..];
            let sums = sums::<S, R, 1>(s, x, hidden, [&self.values[head * width..][..width]]);
            let mut most = s.load(&largest.0);
            each_row!(r in R => {
                s.store(&mut vectors[r * heads + head].0, sums[r][0]);
                most = s.max(most, s.mul(s.abs(sums[r][0]), s.splat(inverse[r])));
            });
            s.store(&mut largest.0, most);
        }
        let squares = self.squares[column..][..R].iter_mut().zip(inverse);
        let mut most = s.load(&self.largest_square.0);
        for ((square, inverse), vectors) in squares.zip(vectors.chunks_exact(heads)) {
            let mut sum = s.splat(0.0);
            for vector in vectors {
                let v = s.load(&vector.0);
                sum = s.fma(v, v, sum);
            }
            s.store(&mut square.0, sum);
            most = s.max(most, s.mul(sum, s.splat(inverse * inverse)));
        }
        s.store(&mut self.largest_square.0, most);
        R
    }
}

/// The linear terms of the positions from `start` on, R at a time and the last ones singly.
#[inline(always)]
fn linear<S: Simd, const R: usize>(s: S, layer: Layer, room: &Room, start: usize, out: &mut [[f32; LANES]]) {
    let mut row = 0;
    while row < out.len() {
        row += match row + R <= out.len() {
            true => some_positions::<S, R>(s, layer, room, start, row, out),
            false => some_positions::<S, 1>(s, layer, room, start, row, out),
        };
    }
}

/// The linear terms of R positions from the `row`-th on; returns R.
#[inline(always)]
fn some_positions<S: Simd, const R: usize>(
    s: S,
    layer: Layer,
    room: &Room,
    start: usize,
    row: usize,
    out: &mut [[f32; LANES]],
) -> usize {
    let (hidden, heads) = (layer.columns.hidden(), layer.heads);
    let width = hidden / heads;
    let (looks, out) = (&room.looks[row * heads..][..R * heads], &mut out[row..][..R]);
    out.fill([0.0; LANES]);
    for (head, values) in room.values.chunks_exact(width).enumerate() {
        let x = &layer.signs[(start + row) * hidden + head * width..];
        let sums = sums::<S, R, 1>(s, x, hidden, [values]);
        each_row!(r in R => {
            let look = s.load(&looks[r * heads + head].0);
            let sum = s.fma(look, sums[r][0], s.load(&out[r]));
            s.store(&mut out[r], sum);
        });
    }
    R
}

/// Columns of which t is computed side by side, so that sums need not wait for each other.
const BESIDE: usize = 4;

/// What the tokens bring in excess of what is there at position i, the `row`-th of those whose looks were collected, with H heads:
/// Σ max(0, ±t - |y|).
#[inline(always)]
fn beyond_held<S: Simd, const H: usize>(s: S, layer: Layer, room: &mut Room, i: usize, row: usize) -> S::F32 {
    let mut a = [s.splat(0.0); H];
    let (mut most, mut square) = (s.splat(0.0), s.splat(0.0));
    each_row!(head in H => {
        a[head] = s.load(&room.looks[row * H + head].0);
        most = s.fma(a[head], s.load(&room.largest[head].0), most);
        square = s.fma(a[head], a[head], square);
    });
    let few = room.find_few(s, layer, i, most, square);
    let y = &layer.y[i * layer.columns.hidden()..][..layer.columns.hidden()];
    let (vectors, _) = room.vectors.as_chunks::<H>();
    let (some, rest) = room.few[..few].as_chunks::<BESIDE>();
    let mut total = s.splat(0.0);
    for some in some {
        let mut t = [s.splat(0.0); BESIDE];
        let vectors = some.map(|column| &vectors[column]);
        each_row!(head in H => {
            each_row!(p in BESIDE => {
                t[p] = s.fma(a[head], s.load(&vectors[p][head].0), t[p]);
            });
        });
        each_row!(p in BESIDE => {
            total = s.add(total, excess(s, t[p], y[some[p]]));
        });
    }
    for column in rest {
        let mut t = s.splat(0.0);
        let vectors = &vectors[*column];
        each_row!(head in H => {
            t = s.fma(a[head], s.load(&vectors[head].0), t);
        });
        total = s.add(total, excess(s, t, y[*column]));
    }
    total
}

/// The same with any number of heads.
#[inline(always)]
fn beyond_loaded<S: Simd>(s: S, layer: Layer, room: &mut Room, i: usize, row: usize) -> S::F32 {
    let (heads, hidden) = (layer.heads, layer.columns.hidden());
    let (mut most, mut square) = (s.splat(0.0), s.splat(0.0));
    for (look, largest) in room.looks[row * heads..][..heads].iter().zip(&room.largest) {
        let a = s.load(&look.0);
        most = s.fma(a, s.load(&largest.0), most);
        square = s.fma(a, a, square);
    }
    let few = room.find_few(s, layer, i, most, square);
    let y = &layer.y[i * hidden..][..hidden];
    let mut total = s.splat(0.0);
    for column in &room.few[..few] {
        let vectors = &room.vectors[column * heads..][..heads];
        let mut t = s.splat(0.0);
        for (a, vector) in room.looks[row * heads..].iter().zip(vectors) {
            t = s.fma(s.load(&a.0), s.load(&vector.0), t);
        }
        total = s.add(total, excess(s, t, y[*column]));
    }
    total
}

/// max(0, ±t - |y|) with the sign of y.
#[inline(always)]
fn excess<S: Simd>(s: S, t: S::F32, y: f32) -> S::F32 {
    s.max(s.mul(s.sub(t, s.splat(y)), s.splat(1f32.copysign(y))), s.splat(0.0))
}

impl Room {
    /// Finds the columns in which a token may bring more than is there, and returns how many they are.
    ///
    /// Two bounds of |t| hold for all columns, in units of their lengths: `most` = Σ_h A^h times the largest entry of each head's vector,
    /// and Cauchy and Schwarz's, given `square` = Σ_h (A^h)². Those that pass are held against the latter again, for each column and token.
    #[inline(always)]
    fn find_few<S: Simd>(&mut self, s: S, layer: Layer, i: usize, most: S::F32, square: S::F32) -> usize {
        let hidden = layer.columns.hidden();
        let panels = hidden.div_ceil(LANES);
        let y = &layer.y[i * hidden..][..hidden];
        let by_length = s.largest(s.mul(square, s.load(&self.largest_square.0))).sqrt();
        // Rounding may have made a bound a little too small.
        let most = s.splat(s.largest(most).min(by_length) * 1.0001);
        let square = s.mul(square, s.splat(1.0001));
        let mut found = 0;
        // Four panels to a word: that a loop ends is guessed wrong once for all of them.
        for (word, reach) in layer.reach[i * panels..][..panels].chunks(4).enumerate() {
            let mut bits = 0u64;
            for (panel, reach) in reach.iter().enumerate() {
                bits |= u64::from(s.greater(most, s.load(reach))) << (panel * LANES);
            }
            while bits != 0 {
                let column = word * 4 * LANES + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let reached = s.mul(square, s.load(&self.squares[column].0));
                let passes = s.greater(reached, s.splat(y[column] * y[column])) != 0;
                self.few[found] = column;
                found += usize::from(passes);
            }
        }
        found
    }
}

/// Nearness of each token from `first` on to the position at which it stands.
#[inline(always)]
fn with_residual<S: Simd>(s: S, layer: Layer, room: &mut Room, first: usize) -> [f32; LANES] {
    let (heads, hidden) = (layer.heads, layer.columns.hidden());
    let n = layer.input.len() / hidden;
    for (head, looks) in room.looks[..heads].iter_mut().enumerate() {
        for (lane, i) in (first..n.min(first + LANES)).enumerate() {
            looks.0[lane] = layer.attention[(head * n + i) * n + i];
        }
    }
    // What the heads bring each, a row to a token.
    let mut rows = vec![0f32; LANES * hidden];
    for (column, vectors) in room.vectors.chunks_exact(heads).enumerate() {
        let mut t = s.splat(0.0);
        for (a, vector) in room.looks.iter().zip(vectors) {
            t = s.fma(s.load(&a.0), s.load(&vector.0), t);
        }
        let mut lanes = [0f32; LANES];
        s.store(&mut lanes, t);
        for (row, v) in rows.chunks_exact_mut(hidden).zip(lanes) {
            row[column] = v;
        }
    }
    let mut own = [0f32; LANES];
    let positions = layer.input[first * hidden..]
        .chunks_exact(hidden)
        .zip(layer.y[first * hidden..].chunks_exact(hidden));
    for ((own, t), (x, y)) in own.iter_mut().zip(rows.chunks_exact(hidden)).zip(positions) {
        let mut sum = s.splat(0.0);
        for column in (0..hidden).step_by(LANES) {
            sum = s.add(sum, load_part(s, x, column));
        }
        let mean = s.splat(s.sum(sum) / hidden as f32);
        let mut near = s.splat(0.0);
        for column in (0..hidden).step_by(LANES) {
            let y = load_part(s, y, column);
            // γ is zero beyond the last column, and so is what becomes of the mean there.
            let x = s.sub(load_part(s, x, column), mean);
            let t = s.fma(x, load_part(s, layer.scale, column), load_part(s, t, column));
            near = s.add(near, s.sub(s.abs(y), s.abs(s.sub(y, t))));
        }
        *own = s.sum(near);
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::simd::{Kernel, Path, run_on};

    /// All that the test below makes up of a layer, and where the nearness of all tokens goes, block by block.
    struct Whole<'a> {
        outputs: Outputs<'a>,
        layer: Layer<'a>,
        matrix: &'a [f32],
        out: &'a mut [[f32; LANES]],
    }

    impl Kernel for Whole<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let (hidden, n) = (self.layer.columns.hidden(), self.outputs.inverse_std.len());
            let (mut signs, mut y) = (vec![0f32; n * hidden], vec![0f32; n * hidden]);
            let mut reach = vec![[0f32; LANES]; n * hidden.div_ceil(LANES)];
            let to = Laid {
                signs: &mut signs,
                y: &mut y,
                reach: &mut reach,
            };
            lay_out(s, self.outputs, self.layer.columns, to);
            let row = |i: usize| &signs[i * hidden..][..hidden];
            // Through W_O, whose rows the LayerNorm's centring was moved out of.
            let sent: Vec<f32> = (0..n * hidden)
                .map(|at| {
                    let products = row(at / hidden).iter().enumerate();
                    products
                        .map(|(c, sign)| sign * self.matrix[at % hidden * hidden + c])
                        .sum()
                })
                .collect();
            let layer = Layer {
                signs: &sent,
                y: &y,
                reach: &reach,
                ..self.layer
            };
            for (block, out) in self.out.chunks_exact_mut(n).enumerate() {
                nearness(s, layer, block, out);
            }
        }
    }

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 53 + seed * 31) % 97) as f32 / 48.5 - 1.0)
            .collect()
    }

    #[test]
    fn nearness_equals_a_plain_loop_on_every_path() {
        let shapes = [(4, 1, 5), (7, 3, 6), (5, 12, 2), (40, 12, 4), (53, 2, 17), (33, 16, 3)];
        // Miri takes minutes for what fills several tiles.
        for (n, heads, width) in shapes.into_iter().filter(|(n, ..)| !cfg!(miri) || *n < 10) {
            let hidden = heads * width;
            let matrix = numbers(hidden * hidden, 1);
            let scale = numbers(hidden, 4);
            let means: Vec<f32> = matrix
                .chunks_exact(hidden)
                .map(|row| row.iter().sum::<f32>() / hidden as f32)
                .collect();
            let columns = Columns::new(hidden, |k, c| (matrix[k * hidden + c] - means[k]) * scale[c]);
            let (x, values) = (numbers(n * hidden, 2), numbers(n * hidden, 3));
            let (y, inverse_std) = (numbers(n * hidden, 5), vec![0.75; n]);
            let attention: Vec<f32> = numbers(heads * n * n, 6).iter().map(|v| v * v / n as f32).collect();
            let exact = |j: usize, i: usize| -> f64 {
                let row = &x[j * hidden..][..hidden];
                let mean = row.iter().sum::<f32>() / hidden as f32;
                let nearer = |c: usize| {
                    let mixed = (0..hidden).map(|k| {
                        let a = f64::from(attention[(k / width * n + i) * n + j]);
                        let entry = f64::from((matrix[k * hidden + c] - means[k]) * scale[c]);
                        a * f64::from(values[j * hidden + k]) * entry
                    });
                    let own = if i == j { (row[c] - mean) * scale[c] } else { 0.0 };
                    let y = f64::from(y[i * hidden + c] / inverse_std[i]);
                    y.abs() - (y - mixed.sum::<f64>() - f64::from(own)).abs()
                };
                (0..hidden).map(nearer).sum()
            };
            for path in Path::ALL.into_iter().filter(|path| path.available()) {
                let mut out = vec![[0f32; LANES]; n.div_ceil(LANES) * n];
                let kernel = Whole {
                    outputs: Outputs {
                        y: &y,
                        inverse_std: &inverse_std,
                        scale: &scale,
                    },
                    layer: Layer {
                        attention: &attention,
                        heads,
                        input: &x,
                        values: &values,
                        scale: &scale,
                        columns: &columns,
                        signs: &[],
                        y: &[],
                        reach: &[],
                    },
                    matrix: &matrix,
                    out: &mut out,
                };
                run_on(path, kernel);
                for (i, j) in (0..n * n).map(|at| (at / n, at % n)) {
                    let v = f64::from(out[j / LANES * n + i][j % LANES]);
                    let error = (v - exact(j, i)).abs() / hidden as f64;
                    assert!(error < 1e-6, "{path:?} {n} {heads} {i} {j}: {v} {}", exact(j, i));
                }
            }
        }
    }

    /// Of two vectors the lanes in which the first is greater, on a path.
    struct Greater([f32; LANES], [f32; LANES]);

    impl Kernel for Greater {
        type Output = u16;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> u16 {
            s.greater(s.load(&self.0), s.load(&self.1))
        }
    }

    #[test]
    fn greater_lanes_are_the_same_on_every_path() {
        let (mut a, mut b) = ([0f32; LANES], [0f32; LANES]);
        for lane in 0..LANES {
            (a[lane], b[lane]) = ((lane * 7 % 5) as f32, (lane * 3 % 4) as f32);
        }
        (a[1], b[6], b[9], a[14]) = (f32::NAN, f32::NAN, f32::INFINITY, f32::INFINITY);
        let expected = (0..LANES).fold(0, |bits, lane| bits | u16::from(a[lane] > b[lane]) << lane);
        for path in Path::ALL.into_iter().filter(|path| path.available()) {
            assert_eq!(run_on(path, Greater(a, b)), expected, "{path:?}");
        }
    }
}
