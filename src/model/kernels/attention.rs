//! softmax(QKᵀ/√d)V of one head (Vaswani et al. 2017). Scores, exponentials and mixed values of some rows at a time stay in the L1 cache.
//! The mixed values are divided by the sum of the exponentials; the exponentials themselves are divided when probabilities are kept.

use super::super::simd::{LANES, Lane, Simd};
use super::elementary::exp2;
use super::gemm::{Epilogue, Plain, fetch, hand_over, load_part, store_part, strided, tail};

/// Query, key and value of one head, in rows that all heads share.
/// A row has `stride` floats; each of the three starts at its offset and is `width` floats long.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The rows of one sequence.
    pub qkv: &'a [f32],
    /// Length of a row.
    pub stride: usize,
    /// Offsets of query, key and value in a row.
    pub at: [usize; 3],
    /// The width d of a head.
    pub width: usize,
}

/// Attention of one head: probabilities (n, n), if they are kept, and mixed values (n, width).
///
/// # Panics
/// If the sizes of the slices do not match.
#[inline(always)]
pub fn attend<S: Simd>(s: S, head: Head, probabilities: Option<&mut [f32]>, context: &mut [f32]) {
    let n = head.qkv.len() / head.stride;
    let [_, key, value] = head.at;
    // Kᵀ (width, n) in panels.
    let mut keys = vec![Lane::ZERO; n.div_ceil(LANES) * head.width];
    for j in 0..n {
        let panel = &mut keys[j / LANES * head.width..][..head.width];
        for (lane, v) in panel.iter_mut().zip(&head.qkv[j * head.stride + key..]) {
            lane.0[j % LANES] = *v;
        }
    }
    let values = panels(head.qkv, head.stride, value, head.width);
    by_registers! {S:
        Many => rows::<S, 8, 2>(s, head, &keys, &values, probabilities, context),
        Some => rows::<S, 6, 1>(s, head, &keys, &values, probabilities, context),
        Few => rows::<S, 2, 1>(s, head, &keys, &values, probabilities, context),
    }
}

/// Columns `at..at + width` of rows of `stride` floats, in panels.
#[inline(always)]
fn panels(x: &[f32], stride: usize, at: usize, width: usize) -> Vec<Lane> {
    let n = x.len() / stride;
    let mut panels = vec![Lane::ZERO; width.div_ceil(LANES) * n];
    for j in 0..n {
        for (panel, part) in x[j * stride + at..][..width].chunks(LANES).enumerate() {
            panels[panel * n + j].0[..part.len()].copy_from_slice(part);
        }
    }
    panels
}

/// Number of tiles that are multiplied by the keys, and then by the values, together.
/// Keys, values and the tiles' weights stay in the L1 cache.
const TILES: usize = 4;

/// All rows, in tiles of R rows and smaller ones at the end.
#[inline(always)]
fn rows<S: Simd, const R: usize, const P: usize>(
    s: S,
    head: Head,
    keys: &[Lane],
    values: &[Lane],
    mut kept: Option<&mut [f32]>,
    context: &mut [f32],
) {
    let n = head.qkv.len() / head.stride;
    // An odd number of lanes per row, each row at the start of a cache line: with a power of two, rows would share few cache sets.
    let stride = (n.div_ceil(LANES) | 1) * LANES;
    let mut memory = vec![0f32; TILES * R * stride + LANES];
    let start = memory.as_ptr().align_offset(size_of::<Lane>()).min(LANES);
    let mut inverses = [[0f32; R]; TILES];
    let by = (head.width as f32).sqrt().recip() * std::f32::consts::LOG2_E;
    for (block, context) in context.chunks_mut(TILES * R * head.width).enumerate() {
        let (first, count) = (block * TILES * R, context.len() / head.width);
        let query = &head.qkv[first * head.stride + head.at[0]..];
        let weights = &mut memory[start..][..count * stride];
        let inverses = &mut inverses.as_flattened_mut()[..count];
        let mut scores = Plain {
            out: weights,
            width: stride,
            first: 0,
            bias: None,
        };
        product::<S, R, P>(s, (query, head.stride, count), head.width, keys, &mut scores);
        for (r, (row, inverse)) in weights.chunks_exact_mut(stride).zip(&mut *inverses).enumerate() {
            if let Some(map) = &kept {
                fetch(s, map, n, first + r..first + r + 1, 0, n.div_ceil(LANES));
            }
            *inverse = exponentials(s, row, n, by);
        }
        let mut mixed = Normalized {
            out: context,
            width: head.width,
            inverses,
        };
        product::<S, R, P>(s, (weights, stride, count), n, values, &mut mixed);
        if let Some(map) = &mut kept {
            let map = map[first * n..][..count * n].chunks_exact_mut(n);
            for ((row, inverse), to) in weights.chunks_exact(stride).zip(&*inverses).zip(map) {
                let inverse = s.splat(*inverse);
                for column in (0..n).step_by(LANES) {
                    let weights = load_part(s, row, column);
                    store_part(s, to, column, s.mul(weights, inverse));
                }
            }
        }
    }
}

/// Epilogue: mixed values of rows whose weights are not normalized yet.
struct Normalized<'a> {
    /// Rows of `width` floats.
    out: &'a mut [f32],
    width: usize,
    /// The factor of each row.
    inverses: &'a [f32],
}

impl Epilogue for Normalized<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, s: S, row: usize, column: usize, sums: S::F32) {
        let mixed = s.mul(sums, s.splat(self.inverses[row]));
        store_part(s, &mut self.out[row * self.width..][..self.width], column, mixed);
    }
}

/// Aᵀ·g of one head: g is the columns from `at` on in rows of `stride` floats, the result (n, width).
///
/// # Panics
/// If the sizes of the slices do not match.
#[inline(always)]
pub fn attention_vjp<S: Simd>(s: S, probabilities: &[f32], g: &[f32], stride: usize, at: usize, out: &mut [f32]) {
    let n = g.len() / stride;
    let width = out.len() / n;
    let panels = panels(g, stride, at, width);
    let mut epilogue = Plain {
        out,
        width,
        first: 0,
        bias: None,
    };
    for (panel, b) in panels.chunks_exact(n).enumerate() {
        let mut row = 0;
        while row < n {
            // A row of Aᵀ is a column of A, so that entries of neighboring rows are adjacent.
            let weights = &probabilities[row..];
            row += by_registers! {S:
                Many => match n - row {
                    16.. => across::<S, 16>(s, weights, n, b, row, panel, &mut epilogue),
                    4.. => across::<S, 4>(s, weights, n, b, row, panel, &mut epilogue),
                    _ => across::<S, 1>(s, weights, n, b, row, panel, &mut epilogue),
                },
                Some => match n - row {
                    6.. => across::<S, 6>(s, weights, n, b, row, panel, &mut epilogue),
                    4.. => across::<S, 4>(s, weights, n, b, row, panel, &mut epilogue),
                    _ => across::<S, 1>(s, weights, n, b, row, panel, &mut epilogue),
                },
                Few => match n - row {
                    2.. => across::<S, 2>(s, weights, n, b, row, panel, &mut epilogue),
                    _ => across::<S, 1>(s, weights, n, b, row, panel, &mut epilogue),
                },
            };
        }
    }
}

/// The product of R rows of xᵀ and one panel; rows of x are `stride` apart. Returns R.
#[inline(always)]
fn across<S: Simd, const R: usize>(
    s: S,
    x: &[f32],
    stride: usize,
    b: &[Lane],
    row: usize,
    panel: usize,
    epilogue: &mut Plain,
) -> usize {
    let mut sums = [[s.splat(0.0)]; R];
    for (k, lane) in b.iter().enumerate() {
        let lane = s.load(&lane.0);
        let a = &x[k * stride..][..R];
        each_row!(r in R => {
            sums[r][0] = s.fma(s.splat(a[r]), lane, sums[r][0]);
        });
    }
    hand_over(s, sums, row, panel * LANES, epilogue);
    R
}

/// The product of some rows of x, `stride` apart, and panels of `inner` lanes each.
#[inline(always)]
fn product<S: Simd, const R: usize, const P: usize>(
    s: S,
    (x, stride, rows): (&[f32], usize, usize),
    inner: usize,
    panels: &[Lane],
    epilogue: &mut impl Epilogue,
) {
    let mut column = 0;
    let mut several = panels.chunks_exact(P * inner);
    for panels in &mut several {
        let mut b = [panels; P];
        for (p, b) in b.iter_mut().enumerate() {
            *b = &panels[p * inner..][..inner];
        }
        tiles::<S, R, P>(s, (x, stride, rows), b, column, epilogue);
        column += P * LANES;
    }
    for panel in several.remainder().chunks_exact(inner) {
        tiles::<S, R, 1>(s, (x, stride, rows), [panel], column, epilogue);
        column += LANES;
    }
}

/// The product of some rows and P panels: in tiles of R rows, and the rest in tiles of four, two and one.
#[inline(always)]
fn tiles<S: Simd, const R: usize, const P: usize>(
    s: S,
    (x, stride, rows): (&[f32], usize, usize),
    b: [&[Lane]; P],
    column: usize,
    epilogue: &mut impl Epilogue,
) {
    let mut row = 0;
    while row + R <= rows {
        strided::<S, R, P>(s, &x[row * stride..], stride, b, row, column, epilogue);
        row += R;
    }
    tail::<S, P>(s, x, stride, b, row..rows, column, epilogue);
}

/// 2^((v - largest)·by) of the first n entries, in place; returns 1 / their sum.
/// The rest of the row becomes zero.
#[inline(always)]
fn exponentials<S: Simd>(s: S, row: &mut [f32], n: usize, by: f32) -> f32 {
    row[n..].fill(f32::NEG_INFINITY);
    let (lanes, _) = row.as_chunks_mut::<LANES>();
    let lanes = &mut lanes[..n.div_ceil(LANES)];
    let mut largest = s.splat(f32::NEG_INFINITY);
    for lane in &*lanes {
        largest = s.max(largest, s.load(lane));
    }
    // v·by - largest·by has one rounding; the rounding error of largest·by is a factor common to the row.
    let (largest, by) = (s.splat(-s.largest(largest) * by), s.splat(by));
    let mut sum = s.splat(0.0);
    for lane in lanes {
        let v = exp2(s, s.fma(s.load(lane), by, largest));
        s.store(lane, v);
        sum = s.add(sum, v);
    }
    1.0 / s.sum(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::simd::{Isa, Kernel, run_on};

    struct Attend<'a>(Head<'a>, &'a mut [f32], &'a mut [f32]);

    impl Kernel for Attend<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            attend(s, self.0, Some(self.1), self.2);
        }
    }

    /// Probabilities, gradients, the length of their rows, and the output.
    struct AttentionVjp<'a>(&'a [f32], &'a [f32], usize, &'a mut [f32]);

    impl Kernel for AttentionVjp<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            attention_vjp(s, self.0, self.1, self.2, 0, self.3);
        }
    }

    #[test]
    fn attention_and_its_vjp_equal_a_plain_loop_on_every_instruction_set() {
        for (n, width) in [(1, 4), (5, 20), (17, 32), (40, 7)] {
            let stride = 3 * width;
            let qkv: Vec<f32> = (0..n * stride).map(|i| ((i * 53 % 97) as f32 - 48.0) / 20.0).collect();
            let part = |row: usize, part: usize, c: usize| f64::from(qkv[row * stride + part * width + c]);
            let probabilities: Vec<f64> = (0..n)
                .flat_map(|i| {
                    let score = |j: usize| (0..width).map(|c| part(i, 0, c) * part(j, 1, c)).sum::<f64>();
                    let scores: Vec<f64> = (0..n).map(|j| (score(j) / (width as f64).sqrt()).exp()).collect();
                    let sum: f64 = scores.iter().sum();
                    scores.into_iter().map(move |score| score / sum)
                })
                .collect();
            for path in Isa::ALL.into_iter().filter(|path| path.available()) {
                let (mut map, mut context) = (vec![0f32; n * n], vec![0f32; n * width]);
                let at = [0, width, 2 * width];
                let head = Head {
                    qkv: &qkv,
                    stride,
                    at,
                    width,
                };
                run_on(path, Attend(head, &mut map, &mut context));
                for (v, exact) in map.iter().zip(&probabilities) {
                    assert!((f64::from(*v) - exact).abs() < 2e-6, "{path:?} {n}: {v} {exact}");
                }
                for (i, v) in context.iter().enumerate() {
                    let (row, c) = (i / width, i % width);
                    let exact: f64 = (0..n).map(|j| probabilities[row * n + j] * part(j, 2, c)).sum();
                    assert!((f64::from(*v) - exact).abs() < 1e-5, "{path:?} {n}: {v} {exact}");
                }
                // The vjp of the first columns of the same rows.
                let mut values = vec![0f32; n * width];
                run_on(path, AttentionVjp(&map, &qkv, stride, &mut values));
                for (i, v) in values.iter().enumerate() {
                    let (j, c) = (i / width, i % width);
                    let exact: f64 = (0..n).map(|row| probabilities[row * n + j] * part(row, 0, c)).sum();
                    assert!((f64::from(*v) - exact).abs() < 2e-5, "{path:?} {n}: {v} {exact}");
                }
            }
        }
    }
}
