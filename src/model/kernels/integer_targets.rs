//! What the product of [`super::integer_distances`] is made of on the side of the positions, laid out once per layer.

use super::super::simd::{LANES, Lane, Pairs, Registers, Simd};
use super::gemm::load_part;
use super::mixing::Groups;

/// Largest integer of a probability or a vector.
pub(super) const LARGEST: f32 = 32767.0;

/// What the vectors of a layer are mixed with and compared with, in the order in which they are read.
#[derive(Default)]
pub struct IntegerTargets {
    /// -y_i·s_i in units of its position's probabilities: groups of positions, and in a group panel by panel.
    pub(super) lanes: Vec<Lane>,
    /// The probabilities: parts of positions, in a part task by task, then groups of positions, and in a group pair by pair of heads.
    /// Each is one pair of integers per token of the task.
    looks: Vec<Pairs>,
    pub(super) panels: usize,
    pairs: usize,
    /// Source tokens of a task.
    pub(super) tokens: usize,
    /// What each position's probabilities are multiplied by.
    pub(super) factors: Vec<f32>,
    /// |y_i|₁ of each position.
    pub lengths: Vec<f32>,
}

/// Some of the positions of [`IntegerTargets`], yet to be laid out.
pub struct SomeTargets<'a> {
    lanes: &'a mut [Lane],
    looks: &'a mut [Pairs],
    factors: &'a mut [f32],
    lengths: &'a mut [f32],
    first: usize,
    tokens: usize,
}

/// Positions of a part: whole groups on every path.
const PART: usize = 36;

impl IntegerTargets {
    /// Makes room for n positions of `hidden` floats, whose source tokens are taken `tokens` at a time, sixteen at most. All of it is yet
    /// to be laid out.
    pub fn fit(&mut self, n: usize, hidden: usize, heads: usize, tokens: usize) {
        self.panels = hidden.div_ceil(LANES);
        self.pairs = heads.div_ceil(2);
        self.tokens = tokens.clamp(1, LANES);
        self.lanes.resize(n * self.panels, Lane::ZERO);
        self.looks.resize(n * n.div_ceil(self.tokens) * self.pairs, Pairs::ZERO);
        self.factors.resize(n, 0.0);
        self.lengths.resize(n, 0.0);
    }

    /// The positions in parts, which can be laid out at once.
    pub fn parts(&mut self) -> impl Iterator<Item = SomeTargets<'_>> {
        let tasks = self.factors.len().div_ceil(self.tokens);
        let lanes = self.lanes.chunks_mut(PART * self.panels);
        let looks = self.looks.chunks_mut(PART * tasks * self.pairs);
        let numbers = self.factors.chunks_mut(PART).zip(self.lengths.chunks_mut(PART));
        let tokens = self.tokens;
        let each = lanes.zip(looks).zip(numbers).enumerate();
        each.map(move |(part, ((lanes, looks), (factors, lengths)))| SomeTargets {
            lanes,
            looks,
            factors,
            lengths,
            first: part * PART,
            tokens,
        })
    }

    /// The probabilities with which `size` positions from `row` on look at the tokens of a task.
    #[inline(always)]
    pub(super) fn looks(&self, task: usize, row: usize, size: usize) -> &[Pairs] {
        let (n, part) = (self.factors.len(), row / PART * PART);
        let before = part * n.div_ceil(self.tokens) + task * PART.min(n - part) + row - part;
        &self.looks[before * self.pairs..][..size * self.pairs]
    }
}

impl SomeTargets<'_> {
    /// Lays out the block's outputs y (n, hidden) of these positions and their probabilities, (heads, n, n), given 1/s of all.
    #[inline(always)]
    pub fn lay_out<S: Simd>(self, s: S, y: &[f32], inverse_std: &[f32], attention: &[f32]) {
        match S::REGISTERS {
            Registers::Many => self.in_groups::<S, 3>(s, y, inverse_std, attention),
            Registers::Some => self.in_groups::<S, 2>(s, y, inverse_std, attention),
            Registers::Few => self.in_groups::<S, 2>(s, y, inverse_std, attention),
        }
    }

    #[inline(always)]
    fn in_groups<S: Simd, const R: usize>(self, s: S, y: &[f32], inverse_std: &[f32], attention: &[f32]) {
        let (n, rows) = (inverse_std.len(), self.factors.len());
        let (hidden, heads) = (y.len() / n, attention.len() / (n * n));
        let (panels, pairs) = (hidden.div_ceil(LANES), heads.div_ceil(2));
        let groups = Groups::<R, 1> { n: rows };
        for (own, factor) in self.factors.iter_mut().enumerate() {
            let i = self.first + own;
            let mut largest = s.splat(0.0);
            for head in 0..heads {
                let looks = &attention[(head * n + i) * n..][..n];
                for column in (0..n).step_by(LANES) {
                    largest = s.max(largest, load_part(s, looks, column));
                }
            }
            // Of a position that looks at nobody, any factor will do.
            *factor = LARGEST / s.largest(largest).max(1e-20);
            let (group, size, place) = groups.place(own);
            let scale = s.splat(*factor);
            for pair in 0..pairs {
                let low = &attention[(2 * pair * n + i) * n..][..n];
                // Beside an odd last head stand zeros.
                let high = match 2 * pair + 1 < heads {
                    true => &attention[((2 * pair + 1) * n + i) * n..][..n],
                    false => &[],
                };
                for (task, start) in (0..n).step_by(self.tokens).enumerate() {
                    let end = (start + self.tokens).min(n);
                    let low = s.mul(load_part(s, &low[start..end], 0), scale);
                    let high = match high.get(start..end) {
                        Some(high) => s.mul(load_part(s, high, 0), scale),
                        None => s.splat(0.0),
                    };
                    let integers = s.round_pairs(within(s, low), within(s, high));
                    let at = (task * rows + group) * pairs + pair * size + place;
                    s.store_pairs(&mut self.looks[at], integers);
                }
            }
            let scale = s.splat(-*factor / inverse_std[i]);
            let mut length = s.splat(0.0);
            for panel in 0..panels {
                let v = load_part(s, &y[i * hidden..][..hidden], panel * LANES);
                length = s.add(length, s.abs(v));
                let at = group * panels + panel * size + place;
                s.store(&mut self.lanes[at].0, s.mul(v, scale));
            }
            self.lengths[own] = s.sum(length);
        }
    }
}

/// What fits into sixteen bits.
#[inline(always)]
pub(super) fn within<S: Simd>(s: S, v: S::F32) -> S::F32 {
    s.max(s.min(v, s.splat(LARGEST)), s.splat(-LARGEST))
}
