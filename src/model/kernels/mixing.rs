//! Norms of the contributions of each source token to each position of an attention block.
//!
//! For one source token j, the vectors T_i(x_j)·s_i of all positions i are a product of small matrices: the probabilities A^h_ij,
//! (n, heads), times the head's vectors f^h(x_j), centered and scaled, (heads, hidden). This file computes their norms |T_i(x_j)|₂, and
//! [`super::alti_proximity`] their proximity to the output; neither stores any T_i(x_j).

use super::super::simd::{LANES, Lane, Simd};
use super::gemm::{Panels, load_part};

/// Source tokens of an attention block.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Rows of the layer's input, (tokens, hidden).
    pub input: &'a [f32],
    /// Value rows with bias, (tokens, hidden).
    pub values: &'a [f32],
    /// Panels of W_Oᵀ (hidden, hidden), each row centered and scaled by γ: the effect of the LayerNorm without 1/s.
    pub output: &'a Panels,
    /// γ of the LayerNorm after the block, (hidden).
    pub scale: &'a [f32],
    /// Number of heads.
    pub heads: usize,
}

/// For each token, f^h(x) of each head and x, centered and scaled by γ.
/// Token by token, panels of heads + 1 lanes, as many as `hidden` needs.
#[inline(always)]
pub fn transform<S: Simd>(s: S, from: Sources) -> Vec<Lane> {
    let (hidden, panels) = (from.output.columns(), from.output.count());
    let (per, tokens) = (from.heads + 1, from.values.len() / hidden);
    let mut lanes = vec![Lane::ZERO; tokens * panels * per];
    let mut panel = 0;
    while panel < panels {
        panel += by_registers! {S:
            Many => match panel + 2 <= panels {
                true => some_panels::<S, 8, 2>(s, from, panel, &mut lanes),
                false => some_panels::<S, 8, 1>(s, from, panel, &mut lanes),
            },
            Some => some_panels::<S, 4, 1>(s, from, panel, &mut lanes),
            Few => some_panels::<S, 2, 1>(s, from, panel, &mut lanes),
        };
    }
    let tokens = lanes
        .chunks_exact_mut(panels * per)
        .zip(from.input.chunks_exact(hidden));
    for (token, input) in tokens {
        let mut sum = s.splat(0.0);
        for panel in 0..panels {
            sum = s.add(sum, load_part(s, input, panel * LANES));
        }
        let mean = s.splat(s.sum(sum) / hidden as f32);
        for (panel, lanes) in token.chunks_exact_mut(per).enumerate() {
            // γ is zero after the last column, and so is the term of the mean there.
            let v = s.sub(load_part(s, input, panel * LANES), mean);
            let v = s.mul(v, load_part(s, from.scale, panel * LANES));
            s.store(&mut lanes[from.heads].0, v);
        }
    }
    lanes
}

/// P panels of every head's product, R tokens at a time; returns P.
#[inline(always)]
fn some_panels<S: Simd, const R: usize, const P: usize>(
    s: S,
    from: Sources,
    panel: usize,
    lanes: &mut [Lane],
) -> usize {
    let (hidden, panels) = (from.output.columns(), from.output.count());
    let (width, tokens) = (hidden / from.heads, from.values.len() / hidden);
    for head in 0..from.heads {
        let mut b = [from.output.panel(panel); P];
        for (p, b) in b.iter_mut().enumerate() {
            *b = &from.output.panel(panel + p)[head * width..][..width];
        }
        let per = from.heads + 1;
        let mut token = 0;
        while token < tokens {
            let x = &from.values[token * hidden + head * width..];
            let out = &mut lanes[(token * panels + panel) * per + head..];
            if token + R <= tokens {
                head_tile::<S, R, P>(s, x, hidden, b, out, panels * per, per);
                token += R;
            } else {
                head_tile::<S, 1, P>(s, x, hidden, b, out, panels * per, per);
                token += 1;
            }
        }
    }
    P
}

/// The product of R rows of x, `stride` apart, and P panels, into lanes.
/// Lanes are `across` apart per row and `along` apart per panel.
#[inline(always)]
fn head_tile<S: Simd, const R: usize, const P: usize>(
    s: S,
    x: &[f32],
    stride: usize,
    b: [&[Lane]; P],
    out: &mut [Lane],
    across: usize,
    along: usize,
) {
    let inner = b[0].len();
    let b = b.map(|b| &b[..inner]);
    let mut rows = [&x[..inner]; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &x[r * stride..][..inner];
    }
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
        });
    }
    each_row!(r in R => {
        for p in 0..P {
            s.store(&mut out[r * across + p * along].0, sums[r][p]);
        }
    });
}

/// The attention probabilities of all positions for some tokens, by token: in groups of sixteen positions, padded, and by head within
/// these.
struct ProbabilityPanels {
    entries: Vec<f32>,
    stride: usize,
}

impl ProbabilityPanels {
    fn new(attention: &[f32], n: usize, tokens: std::ops::Range<usize>) -> ProbabilityPanels {
        let heads = attention.len() / (n * n);
        // One more cache line, so that neighboring tokens do not share a cache set.
        let stride = n.next_multiple_of(LANES) * heads + LANES;
        let mut entries = vec![0f32; stride * tokens.len()];
        // Some positions at a time, so that written cache lines stay in the L1 cache until they are full.
        for first in (0..n).step_by(LANES) {
            for head in 0..heads {
                for i in first..(first + LANES).min(n) {
                    let at = first * heads + head * LANES + i - first;
                    let row = &attention[(head * n + i) * n..][tokens.clone()];
                    for (v, entries) in row.iter().zip(entries.chunks_exact_mut(stride)) {
                        entries[at] = *v;
                    }
                }
            }
        }
        ProbabilityPanels { entries, stride }
    }

    fn of(&self, token: usize) -> &[f32] {
        &self.entries[token * self.stride..][..self.stride]
    }
}

/// |T_i(x_j)|₂²·s_i² for some tokens j and all positions i: (tokens, n) into `out`. `attention` is (heads, n, n).
///
/// |Σ_h A^h f^h|² is a quadratic form in the probabilities, with the inner products of the heads' vectors as coefficients. These are
/// computed once per token; only the vector at the token's own position is computed.
#[inline(always)]
pub fn squares<S: Simd>(s: S, from: Sources, attention: &[f32], first: usize, out: &mut [f32]) {
    let tokens = from.values.len() / from.output.columns();
    let (n, heads, panels) = (out.len() / tokens, from.heads, from.output.count());
    let lanes = transform(s, from);
    let probabilities = ProbabilityPanels::new(attention, n, first..first + tokens);
    let mut form = vec![0f32; heads * heads];
    let tokens = out.chunks_exact_mut(n).zip(lanes.chunks_exact(panels * (heads + 1)));
    for (token, (out, source)) in tokens.enumerate() {
        for h in 0..heads {
            for k in 0..=h {
                let mut sum = s.splat(0.0);
                for panel in source.chunks_exact(heads + 1) {
                    sum = s.fma(s.load(&panel[h].0), s.load(&panel[k].0), sum);
                }
                let twice = if h == k { 1.0 } else { 2.0 };
                form[h * heads + k] = s.sum(sum) * twice;
            }
        }
        let (probabilities, _) = probabilities.of(token).as_chunks::<LANES>();
        for (out, a) in out.chunks_mut(LANES).zip(probabilities.chunks_exact(heads)) {
            let mut sum = s.splat(0.0);
            for (h, row) in form.chunks_exact(heads).enumerate() {
                let mut inner = s.splat(0.0);
                for (c, a) in row[..=h].iter().zip(a) {
                    inner = s.fma(s.splat(*c), s.load(a), inner);
                }
                sum = s.fma(s.load(&a[h]), inner, sum);
            }
            let mut squares = [0f32; LANES];
            s.store(&mut squares, sum);
            out.copy_from_slice(&squares[..out.len()]);
        }
        let i = first + token;
        let mut sum = s.splat(0.0);
        for source in source.chunks_exact(heads + 1) {
            let mut v = s.load(&source[heads].0);
            for (f, a) in source.iter().zip(&probabilities[i / LANES * heads..][..heads]) {
                v = s.fma(s.splat(a[i % LANES]), s.load(&f.0), v);
            }
            sum = s.fma(v, v, sum);
        }
        out[i] = s.sum(sum);
    }
}
