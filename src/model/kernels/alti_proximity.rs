//! ALTI proximity of each source token to the output of each position: |y_i|₁ - |y_i - T_i(x_j)|₁.
//!
//! The kernel measures these distances without computing the vectors T_i(x_j). For numbers y and t, with the sign of y,
//!
//! ```text
//! |y| - |y - t| = ±t - 2 max(0, ±t - |y|),
//! ```
//!
//! where the first term is linear. Summed over the columns it is, per head, the probability times the inner product of the token's value
//! with the position's signs pulled back through W_O: two small products for all positions and tokens. The second term is zero unless t
//! exceeds y. With probabilities spread over a sequence, that happens for a token in one column of several hundred. A bound finds the few
//! columns where it may happen, and t is computed only there.
//!
//! All products are of 16-bit integers. All values are in units of 1/s_i: y stands for y_i·s_i, and T for T_i(x_j)·s_i, which does not
//! depend on s.

use std::cell::RefCell;

use super::super::simd::{LANES, Lane, Pairs, Simd};
use super::gemm::load_part;
use super::integer::exact;
use super::packed_layout::{Columns, LARGEST, Signs, TILE};

/// A layer with the packed positions of a sequence.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// Attention probabilities, (heads, n, n).
    pub attention: &'a [f32],
    /// Number of heads.
    pub heads: usize,
    /// The layer's input, (n, hidden).
    pub input: &'a [f32],
    /// The value rows with bias, (n, hidden).
    pub values: &'a [f32],
    /// γ of the LayerNorm, (hidden).
    pub scale: &'a [f32],
    /// The map from values to the output of the LayerNorm, column by column.
    pub columns: &'a Columns,
    /// The signs of the outputs, pulled back through W_O.
    pub signs: Signs<'a>,
    /// Outputs as in [`super::packed_layout::Laid`].
    pub y: &'a [[f32; LANES]],
}

impl<'a> Layer<'a> {
    /// The packed output of position i, in panels.
    #[inline(always)]
    fn position(&self, i: usize) -> &'a [[f32; LANES]] {
        let panels = self.columns.hidden().div_ceil(LANES);
        &self.y[i * panels..][..panels]
    }
}

/// The sixteen tokens that are compared at a time, one per lane. Column-wise values are in units of the columns' norms.
#[derive(Default)]
struct Scratch {
    /// Values of the tokens, entry by entry: (hidden).
    values: Vec<Lane>,
    /// The same as integers; each two entries of a head form a pair.
    rounded: Vec<Pairs>,
    /// Images of the values under each two heads, column by column: (hidden, pairs of heads).
    vectors: Vec<Pairs>,
    /// The value of an integer 1 in `rounded` and `vectors`.
    worth: Lane,
    /// The largest entry of each head's vector: (heads).
    largest: Vec<Lane>,
    /// The largest squared norm over heads in any column.
    largest_square: Lane,
    /// Bounds for the contributions of the tokens to some positions.
    bounds: Vec<Bound>,
    /// Attention probabilities of the tokens: (positions, heads).
    probabilities: Vec<Lane>,
    /// The same as integers, for each two heads: (positions, pairs of heads).
    integers: Vec<Pairs>,
    /// Attention probabilities of the tokens to themselves: (heads).
    own_probabilities: Vec<Lane>,
    /// Contributions of the tokens to themselves: (hidden).
    own: Vec<Lane>,
}

/// A bound for the contributions of the tokens to one position.
#[derive(Clone, Copy, Default)]
struct Bound {
    /// The value of the product of two integers 1.
    unit: Lane,
    /// Upper bound for the contribution of any token in any column.
    most: f32,
}

thread_local! {
    /// Reused from block to block, so that its pages stay mapped.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Number of positions at a time: whole tiles that stay in the caches.
const ROWS: usize = 24;

/// ALTI proximity of sixteen tokens from `first` on to all positions, (n), into `out`.
/// Tokens after the last give zeros.
#[inline(always)]
pub fn alti_proximity<S: Simd>(s: S, layer: Layer, first: usize, out: &mut [[f32; LANES]]) {
    // Moved out rather than borrowed, because a closure would be compiled for the portable instruction set.
    let mut scratch = SCRATCH.take();
    scratch.prepare(s, layer, first);
    for (start, out) in (0..).step_by(ROWS).zip(out.chunks_mut(ROWS)) {
        scratch.collect_probabilities(s, layer, start, first, out.len());
        linear_terms(s, layer, &scratch, start, out);
        match layer.heads.div_ceil(2) {
            6 => subtract_excess::<S, 6>(s, layer, &scratch, start, out),
            8 => subtract_excess::<S, 8>(s, layer, &scratch, start, out),
            _ => subtract_excess::<S, 0>(s, layer, &scratch, start, out),
        }
    }
    // A token also contributes its residual to its own position, which is compared column by column.
    let own = with_residual(s, layer, &scratch, first);
    for (lane, (out, own)) in out[first..].iter_mut().zip(own).enumerate() {
        out[lane] = own;
    }
    SCRATCH.set(scratch);
}

impl Scratch {
    /// Computes the vectors of the tokens from `first` on.
    #[inline(always)]
    fn prepare<S: Simd>(&mut self, s: S, layer: Layer, first: usize) {
        let (hidden, heads) = (layer.columns.hidden(), layer.heads);
        let n = layer.input.len() / hidden;
        self.values.clear();
        self.values.resize(hidden, Lane::ZERO);
        let tokens = layer.values[first * hidden..].chunks_exact(hidden).take(LANES);
        for (token, values) in tokens.enumerate() {
            for (lane, v) in self.values.iter_mut().zip(values) {
                lane.0[token] = *v;
            }
        }
        self.own_probabilities.clear();
        self.own_probabilities.resize(heads, Lane::ZERO);
        for (head, probabilities) in self.own_probabilities.iter_mut().enumerate() {
            for (lane, i) in (first..n.min(first + LANES)).enumerate() {
                probabilities.0[lane] = layer.attention[(head * n + i) * n + i];
            }
        }
        self.bounds.resize(ROWS, Bound::default());
        self.probabilities.resize(ROWS * heads, Lane::ZERO);
        self.integers.resize(ROWS * heads.div_ceil(2), Pairs::ZERO);
        let columns = hidden.next_multiple_of(TILE);
        self.vectors.resize(columns * heads.div_ceil(2), Pairs::ZERO);
        self.own.clear();
        self.own.resize(columns, Lane::ZERO);
        self.largest.clear();
        self.largest.resize(heads, Lane::ZERO);
        // No entry is larger than the norm of its value, since columns have norm 1.
        let mut longest = s.splat(1e-30);
        for values in self.values.chunks_exact(layer.columns.tiles.width) {
            let mut square = s.splat(0.0);
            for v in values {
                square = s.fma(s.load(&v.0), s.load(&v.0), square);
            }
            longest = s.max(longest, square);
        }
        s.store(&mut self.worth.0, longest);
        self.worth.0.iter_mut().for_each(|v| *v = v.sqrt() / LARGEST);
        let integer = s.div(s.splat(1.0), s.load(&self.worth.0));
        self.rounded.resize(layer.columns.tiles.of_tile(), Pairs::ZERO);
        let heads_of = self.values.chunks_exact(layer.columns.tiles.width);
        for (values, to) in heads_of.zip(self.rounded.chunks_exact_mut(layer.columns.tiles.pairs())) {
            round_in_pairs(s, values, integer, to);
        }
        self.transform(s, layer);
        let mut most = s.splat(0.0);
        for column in self.vectors.chunks_exact(heads.div_ceil(2)) {
            let mut square = s.zero_i32();
            for pair in column {
                let pair = s.load_pairs(pair);
                // Within 30 bits: a column of norm 1 maps the heads to no more than the largest norm of a value.
                square = s.dot_pairs(square, pair, pair);
            }
            most = s.max(most, s.to_f32(square));
        }
        let worth = s.load(&self.worth.0);
        s.store(&mut self.largest_square.0, s.mul(most, s.mul(worth, worth)));
    }

    /// Gathers the probabilities of some positions and computes their bounds. Each probability is in a separate cache line; the loads do
    /// not depend on each other, so that they overlap.
    #[inline(always)]
    fn collect_probabilities<S: Simd>(&mut self, s: S, layer: Layer, start: usize, first: usize, count: usize) {
        let (n, heads) = (layer.input.len() / layer.columns.hidden(), layer.heads);
        let rows = self.probabilities.chunks_exact_mut(heads).take(count);
        for (i, probabilities) in (start..).zip(rows) {
            for (head, probability) in probabilities.iter_mut().enumerate() {
                let row = &layer.attention[(head * n + i) * n..][..n];
                s.store(&mut probability.0, load_part(s, row, first));
            }
        }
        let rows = self.probabilities.chunks_exact(heads).take(count);
        let to = self
            .bounds
            .iter_mut()
            .zip(self.integers.chunks_exact_mut(heads.div_ceil(2)));
        for (probabilities, (bound, integers)) in rows.zip(to) {
            let (mut most, mut square, mut total) = (s.splat(0.0), s.splat(0.0), s.splat(1e-30));
            for (a, largest) in probabilities.iter().zip(&self.largest) {
                let a = s.load(&a.0);
                most = s.fma(a, s.load(&largest.0), most);
                square = s.fma(a, a, square);
                total = s.add(total, a);
            }
            // The Cauchy–Schwarz bound is smaller if several heads attend. The factor allows for rounding errors of either.
            let by_length = s.largest(s.mul(square, s.load(&self.largest_square.0))).sqrt();
            bound.most = s.largest(most).min(by_length) * 1.001;
            // No integer exceeds the total, so that every sum fits 30 bits.
            s.store(
                &mut bound.unit.0,
                s.mul(s.mul(total, s.splat(1.0 / LARGEST)), s.load(&self.worth.0)),
            );
            let integer = s.div(s.splat(LARGEST), total);
            round_in_pairs(s, probabilities, integer, integers);
        }
    }

    /// Images of the values under every head, a tile of columns at a time.
    #[inline(always)]
    fn transform<S: Simd>(&mut self, s: S, layer: Layer) {
        let tiles = layer.columns.tiles;
        let pairs = tiles.heads.div_ceil(2);
        // Sums of products are `LARGEST` times as large as the integers in `vectors`.
        let part = s.splat(1.0 / LARGEST);
        let worth = s.mul(s.load(&self.worth.0), part);
        let columns = layer.columns.entries.chunks_exact(tiles.of_tile());
        let to = self
            .vectors
            .chunks_exact_mut(TILE * pairs)
            .zip(self.own.chunks_exact_mut(TILE));
        for (entries, (vectors, own)) in columns.zip(to) {
            let mut before = [s.splat(0.0); TILE];
            let heads = entries
                .chunks_exact(tiles.pairs())
                .zip(self.rounded.chunks_exact(tiles.pairs()));
            for (head, (entries, values)) in heads.enumerate() {
                let sums = exact::<S, TILE, 1>(s, entries, [values]);
                let probability = s.mul(s.load(&self.own_probabilities[head].0), worth);
                let mut most = s.load(&self.largest[head].0);
                let mut made = [s.splat(0.0); TILE];
                each_row!(r in TILE => {
                    let v = s.to_f32(sums[r][0]);
                    most = s.max(most, s.abs(v));
                    let sum = s.fma(probability, v, s.load(&own[r].0));
                    s.store(&mut own[r].0, sum);
                    made[r] = s.mul(v, part);
                });
                s.store(&mut self.largest[head].0, most);
                // Two heads form a pair; the last of an odd number is paired with zero.
                if head % 2 == 0 && head + 1 < tiles.heads {
                    before = made;
                    continue;
                }
                let nothing = [s.splat(0.0); TILE];
                let (low, high) = if head % 2 == 1 { (before, made) } else { (made, nothing) };
                each_row!(r in TILE => {
                    s.store_pairs(&mut vectors[r * pairs + head / 2], s.round_pairs(low[r], high[r]));
                });
            }
        }
        for largest in &mut self.largest {
            let most = s.mul(s.load(&largest.0), worth);
            s.store(&mut largest.0, most);
        }
    }
}

/// Rounds lanes times `by` to integers, in pairs; the last of an odd number is paired with zero.
#[inline(always)]
fn round_in_pairs<S: Simd>(s: S, lanes: &[Lane], by: S::F32, to: &mut [Pairs]) {
    for (two, to) in lanes.chunks(2).zip(to) {
        let [low, high] = [&two[0], two.get(1).unwrap_or(&Lane::ZERO)];
        let high = s.mul(s.load(&high.0), by);
        s.store_pairs(to, s.round_pairs(s.mul(s.load(&low.0), by), high));
    }
}

/// The linear terms of the positions from `start` on.
/// `start` is a multiple of the tile height.
#[inline(always)]
fn linear_terms<S: Simd>(s: S, layer: Layer, scratch: &Scratch, start: usize, out: &mut [[f32; LANES]]) {
    let tiles = layer.columns.tiles;
    let signs = layer.signs.integers[start / TILE * tiles.of_tile()..].chunks_exact(tiles.of_tile());
    let units = layer.signs.units[start..].chunks(TILE);
    let rows = out
        .chunks_mut(TILE)
        .zip(scratch.probabilities.chunks(TILE * tiles.heads));
    for ((signs, units), (out, probabilities)) in signs.zip(units).zip(rows) {
        let mut near = [[0f32; LANES]; TILE];
        let heads = signs
            .chunks_exact(tiles.pairs())
            .zip(scratch.rounded.chunks_exact(tiles.pairs()));
        for (head, (signs, values)) in heads.enumerate() {
            let sums = exact::<S, TILE, 1>(s, signs, [values]);
            each_row!(r in TILE => {
                let probability = s.load(&probabilities[r * tiles.heads + head].0);
                let sum = s.fma(probability, s.to_f32(sums[r][0]), s.load(&near[r]));
                s.store(&mut near[r], sum);
            });
        }
        let worth = s.load(&scratch.worth.0);
        for ((out, near), unit) in out.iter_mut().zip(&near).zip(units) {
            s.store(out, s.mul(s.load(near), s.mul(worth, s.splat(*unit))));
        }
    }
}

/// Number of panels that are processed for all positions before the next ones.
/// The tokens' vectors for these columns stay in the L1 cache.
const PANELS: usize = 4;

/// Subtracts the nonlinear terms for the positions from `start` on: 2 Σ max(0, ±t - |y|), with the sign of y.
/// P pairs of heads stay in registers; with P = 0 they are loaded again for each column.
#[inline(always)]
fn subtract_excess<S: Simd, const P: usize>(
    s: S,
    layer: Layer,
    scratch: &Scratch,
    start: usize,
    out: &mut [[f32; LANES]],
) {
    let pairs = layer.heads.div_ceil(2);
    let groups = scratch.vectors.chunks(PANELS * LANES * pairs);
    for ((group, vectors), lengths) in groups.enumerate().zip(layer.columns.lengths.chunks(PANELS * LANES)) {
        for (row, out) in out.iter_mut().enumerate() {
            let position = &layer.position(start + row)[group * PANELS..];
            let y = &position[..PANELS.min(position.len())];
            let (bound, integers) = (&scratch.bounds[row], &scratch.integers[row * pairs..][..pairs]);
            let most = s.splat(bound.most);
            let mut bits = 0u64;
            for (panel, y) in y.iter().enumerate() {
                bits |= u64::from(s.greater(most, s.abs(s.load(y)))) << (panel * LANES);
            }
            let mut held = [s.splat_pair([0; 2]); P];
            each_row!(p in P => {
                held[p] = s.load_pairs(&integers[p]);
            });
            let unit = s.load(&bound.unit.0);
            let mut sum = s.splat(0.0);
            while bits != 0 {
                let column = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let vectors = &vectors[column * pairs..][..pairs];
                let mut t = s.zero_i32();
                if P == 0 {
                    for (integers, vectors) in integers.iter().zip(vectors) {
                        t = s.dot_pairs(t, s.load_pairs(integers), s.load_pairs(vectors));
                    }
                } else {
                    each_row!(p in P => {
                        t = s.dot_pairs(t, held[p], s.load_pairs(&vectors[p]));
                    });
                }
                let y = y.as_flattened()[column];
                let more = s.fma(s.to_f32(t), unit, s.splat(-y));
                let length = s.splat(lengths[column].copysign(y));
                sum = s.add(sum, s.max(s.mul(more, length), s.splat(0.0)));
            }
            let near = s.fma(sum, s.splat(-2.0), s.load(out));
            s.store(out, near);
        }
    }
}

/// ALTI proximity of each token from `first` on to its own position.
#[inline(always)]
fn with_residual<S: Simd>(s: S, layer: Layer, scratch: &Scratch, first: usize) -> [f32; LANES] {
    let hidden = layer.columns.hidden();
    // The contributions of the heads, one row per token.
    let mut rows = vec![0f32; LANES * hidden];
    for (column, lanes) in scratch.own.iter().take(hidden).enumerate() {
        for (row, v) in rows.chunks_exact_mut(hidden).zip(lanes.0) {
            row[column] = v;
        }
    }
    let mut own = [0f32; LANES];
    let tokens = layer.input[first * hidden..].chunks_exact(hidden).zip(first..);
    for ((own, t), (x, i)) in own.iter_mut().zip(rows.chunks_exact(hidden)).zip(tokens) {
        let mut sum = s.splat(0.0);
        for column in (0..hidden).step_by(LANES) {
            sum = s.add(sum, load_part(s, x, column));
        }
        let mean = s.splat(s.sum(sum) / hidden as f32);
        let mut near = s.splat(0.0);
        for (column, y) in (0..hidden).step_by(LANES).zip(layer.position(i)) {
            let length = load_part(s, &layer.columns.lengths, column);
            // Without the padding after the last column.
            let y = s.mul(load_part(s, &y[..LANES.min(hidden - column)], 0), length);
            // γ is zero after the last column, and so is the term of the mean there.
            let x = s.sub(load_part(s, x, column), mean);
            let t = s.mul(load_part(s, t, column), length);
            let t = s.fma(x, load_part(s, layer.scale, column), t);
            near = s.add(near, s.sub(s.abs(y), s.abs(s.sub(y, t))));
        }
        *own = s.sum(near);
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernels::packed_layout::{Laid, Outputs, lay_out, round_signs};
    use crate::model::simd::{Isa, Kernel, run_on};

    /// The inputs of a random layer, and the output for all tokens, block by block.
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
            let mut signs = vec![0f32; n * hidden];
            let mut y = vec![[0f32; LANES]; n * hidden.div_ceil(LANES)];
            let to = Laid {
                signs: &mut signs,
                y: &mut y,
            };
            lay_out(s, self.outputs, self.layer.columns, to);
            let row = |i: usize| &signs[i * hidden..][..hidden];
            // Pulled back through W_O without centering, which the signs already contain.
            let sent: Vec<f32> = (0..n * hidden)
                .map(|at| {
                    let products = row(at / hidden).iter().enumerate();
                    products
                        .map(|(c, sign)| sign * self.matrix[at % hidden * hidden + c])
                        .sum()
                })
                .collect();
            let mut integers = vec![[[0; 2]; TILE]; self.layer.columns.tiled(n)];
            let mut units = vec![0f32; n];
            round_signs(s, &sent, self.layer.columns, &mut integers, &mut units);
            let layer = Layer {
                signs: Signs {
                    integers: &integers,
                    units: &units,
                },
                y: &y,
                ..self.layer
            };
            for (block, out) in self.out.chunks_exact_mut(n).enumerate() {
                alti_proximity(s, layer, block * LANES, out);
            }
        }
    }

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 53 + seed * 31) % 97) as f32 / 48.5 - 1.0)
            .collect()
    }

    #[test]
    fn alti_proximity_equals_a_plain_loop_on_every_instruction_set() {
        let shapes = [(4, 1, 5), (7, 3, 6), (5, 12, 2), (40, 12, 4), (53, 2, 17), (33, 16, 3)];
        // Miri takes minutes for sizes that fill several tiles.
        for (n, heads, width) in shapes.into_iter().filter(|(n, ..)| !cfg!(miri) || *n < 10) {
            let hidden = heads * width;
            let matrix = numbers(hidden * hidden, 1);
            let scale = numbers(hidden, 4);
            let means: Vec<f32> = matrix
                .chunks_exact(hidden)
                .map(|row| row.iter().sum::<f32>() / hidden as f32)
                .collect();
            let columns = Columns::new(hidden, heads, |k, c| (matrix[k * hidden + c] - means[k]) * scale[c]);
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
            for path in Isa::ALL.into_iter().filter(|path| path.available()) {
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
                        signs: Signs {
                            integers: &[],
                            units: &[],
                        },
                        y: &[],
                    },
                    matrix: &matrix,
                    out: &mut out,
                };
                run_on(path, kernel);
                for (i, j) in (0..n * n).map(|at| (at / n, at % n)) {
                    let v = f64::from(out[j / LANES * n + i][j % LANES]);
                    let error = (v - exact(j, i)).abs() / hidden as f64;
                    // The largest norm of a value is 32,767 of the integers that measure the excess.
                    assert!(error < 1e-5, "{path:?} {n} {heads} {i} {j}: {v} {}", exact(j, i));
                }
            }
        }
    }

    /// The lanes of two vectors in which the first is greater.
    struct Greater([f32; LANES], [f32; LANES]);

    impl Kernel for Greater {
        type Output = u16;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> u16 {
            s.greater(s.load(&self.0), s.load(&self.1))
        }
    }

    #[test]
    fn greater_lanes_are_the_same_on_every_instruction_set() {
        let (mut a, mut b) = ([0f32; LANES], [0f32; LANES]);
        for lane in 0..LANES {
            (a[lane], b[lane]) = ((lane * 7 % 5) as f32, (lane * 3 % 4) as f32);
        }
        (a[1], b[6], b[9], a[14]) = (f32::NAN, f32::NAN, f32::INFINITY, f32::INFINITY);
        let expected = (0..LANES).fold(0, |bits, lane| bits | u16::from(a[lane] > b[lane]) << lane);
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            assert_eq!(run_on(path, Greater(a, b)), expected, "{path:?}");
        }
    }
}
