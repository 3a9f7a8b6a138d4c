//! What each source token put into each position of an attention block, vector by vector, reduced to one number at once.
//!
//! For one source token j the vectors T_i(x_j)·s_i of all positions i are a product of small matrices: the probabilities A^h_ij
//! (n, heads) times the head's vectors f^h(x_j), centred and scaled, (heads, hidden). A tile of it is summed in registers and
//! leaves them as a part of its rows' lengths, so that no T_i(x_j) is ever written.

use super::super::simd::{LANES, Lane, Registers, Simd};
use super::gemm::{Panels, load_part};

/// Source tokens as one attention block sees them.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Their rows of the layer's input, (tokens, hidden).
    pub input: &'a [f32],
    /// Their value rows, bias included, (tokens, hidden).
    pub values: &'a [f32],
    /// Panels of W_Oᵀ (hidden, hidden).
    pub output: &'a Panels,
    /// γ of the LayerNorm behind the block, (hidden).
    pub scale: &'a [f32],
    /// Heads.
    pub heads: usize,
}

/// For each token, f^h(x) of each head and then x itself, centred and scaled by γ, which is the linear part of the LayerNorm but
/// for 1/s: panels of heads + 1 lanes, as many panels as `hidden` takes, token by token.
#[inline(always)]
pub fn transform<S: Simd>(s: S, from: Sources) -> Vec<Lane> {
    let (hidden, panels) = (from.output.columns(), from.output.count());
    let (per, tokens) = (from.heads + 1, from.values.len() / hidden);
    let mut lanes = vec![Lane::ZERO; tokens * panels * per];
    let mut panel = 0;
    while panel < panels {
        panel += match S::REGISTERS {
            Registers::Many if panel + 2 <= panels => some_panels::<S, 8, 2>(s, from, panel, &mut lanes),
            Registers::Many => some_panels::<S, 8, 1>(s, from, panel, &mut lanes),
            Registers::Some => some_panels::<S, 4, 1>(s, from, panel, &mut lanes),
            Registers::Few => some_panels::<S, 2, 1>(s, from, panel, &mut lanes),
        };
    }
    let tokens = lanes
        .chunks_exact_mut(panels * per)
        .zip(from.input.chunks_exact(hidden));
    for (token, input) in tokens {
        for panel in 0..panels {
            let v = load_part(s, input, panel * LANES);
            s.store(&mut token[panel * per + from.heads].0, v);
        }
        for row in 0..per {
            centre_and_scale(s, token, row, per, from.scale);
        }
    }
    lanes
}

/// P panels of every head's product, R tokens at a time and the last ones singly; returns P.
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

/// R rows of x, `stride` apart, times P panels, into lanes: `across` from row to row, `along` from panel to panel.
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

/// (v - mean v) ⊙ γ for one row of panels of `per` lanes.
#[inline(always)]
fn centre_and_scale<S: Simd>(s: S, lanes: &mut [Lane], row: usize, per: usize, scale: &[f32]) {
    let mut sum = s.splat(0.0);
    for panel in lanes.chunks_exact(per) {
        sum = s.add(sum, s.load(&panel[row].0));
    }
    let mean = s.splat(s.sum(sum) / scale.len() as f32);
    for (panel, lanes) in lanes.chunks_exact_mut(per).enumerate() {
        // γ is zero beyond the last column, and so is what becomes of the mean there.
        let v = s.sub(s.load(&lanes[row].0), mean);
        s.store(&mut lanes[row].0, s.mul(v, load_part(s, scale, panel * LANES)));
    }
}

/// Positions in groups of R, and what is left over in groups of T, filled up: where each stands.
#[derive(Clone, Copy)]
struct Groups<const R: usize, const T: usize> {
    n: usize,
}

impl<const R: usize, const T: usize> Groups<R, T> {
    /// Positions including those that fill up.
    fn padded(self) -> usize {
        self.n / R * R + (self.n % R).div_ceil(T) * T
    }

    /// First position of the group of position i, its size, and the place in it.
    fn place(self, i: usize) -> (usize, usize, usize) {
        let full = self.n / R * R;
        match i < full {
            true => (i / R * R, R, i % R),
            false => (full + (i - full) / T * T, T, (i - full) % T),
        }
    }
}

/// The probabilities with which all positions look at some tokens, by token: groups of positions, and in a group head by head.
struct Looks {
    entries: Vec<f32>,
    stride: usize,
}

impl Looks {
    fn new<const R: usize, const T: usize>(attention: &[f32], n: usize, tokens: std::ops::Range<usize>) -> Looks {
        let groups = Groups::<R, T> { n };
        let heads = attention.len() / (n * n);
        // A cache line more, so that neighbouring tokens do not fall into the same set of the cache.
        let stride = groups.padded() * heads + LANES;
        let mut entries = vec![0f32; stride * tokens.len()];
        let mut first = 0;
        // Group by group, so that what is written stays in the first cache until it is whole.
        while first < n {
            let (_, size, _) = groups.place(first);
            for head in 0..heads {
                for i in first..(first + size).min(n) {
                    let at = first * heads + head * size + i - first;
                    let row = &attention[(head * n + i) * n..][tokens.clone()];
                    for (v, entries) in row.iter().zip(entries.chunks_exact_mut(stride)) {
                        entries[at] = *v;
                    }
                }
            }
            first += size;
        }
        Looks { entries, stride }
    }

    fn of(&self, token: usize) -> &[f32] {
        &self.entries[token * self.stride..][..self.stride]
    }
}

/// What the vectors of a layer are compared with: -y_i·s_i, in the order in which tiles read it.
pub struct Targets {
    lanes: Vec<Lane>,
    /// |y_i|₁ of each position.
    pub lengths: Vec<f32>,
}

/// Lays out the block's outputs y (n, hidden), given 1/s of each position.
#[inline(always)]
pub fn targets<S: Simd>(s: S, y: &[f32], inverse_std: &[f32]) -> Targets {
    match S::REGISTERS {
        Registers::Many => lay_out::<S, 12, 4>(s, y, inverse_std),
        Registers::Some => lay_out::<S, 6, 2>(s, y, inverse_std),
        Registers::Few => lay_out::<S, 2, 1>(s, y, inverse_std),
    }
}

#[inline(always)]
fn lay_out<S: Simd, const R: usize, const T: usize>(s: S, y: &[f32], inverse_std: &[f32]) -> Targets {
    let n = inverse_std.len();
    let hidden = y.len() / n;
    let panels = hidden.div_ceil(LANES);
    let groups = Groups::<R, T> { n };
    let mut lanes = vec![Lane::ZERO; groups.padded() * panels];
    let mut lengths = vec![0f32; n];
    for (i, row) in y.chunks_exact(hidden).enumerate() {
        let (group, size, place) = groups.place(i);
        let std = s.splat(-1.0 / inverse_std[i]);
        let mut length = s.splat(0.0);
        for panel in 0..panels {
            let v = load_part(s, row, panel * LANES);
            length = s.add(length, s.abs(v));
            s.store(&mut lanes[group * panels + panel * size + place].0, s.mul(v, std));
        }
        lengths[i] = s.sum(length);
    }
    Targets { lanes, lengths }
}

/// |y_i - T_i(x_j)|₁·s_i for some tokens j and all positions i: (tokens, n) into `out`. `attention` is (heads, n, n).
#[inline(always)]
pub fn distances<S: Simd>(s: S, from: Sources, attention: &[f32], first: usize, targets: &Targets, out: &mut [f32]) {
    match S::REGISTERS {
        Registers::Many => all_distances::<S, 12, 4, 2>(s, from, attention, first, targets, out),
        Registers::Some => all_distances::<S, 6, 2, 1>(s, from, attention, first, targets, out),
        Registers::Few => all_distances::<S, 2, 1, 1>(s, from, attention, first, targets, out),
    }
}

#[inline(always)]
fn all_distances<S: Simd, const R: usize, const T: usize, const P: usize>(
    s: S,
    from: Sources,
    attention: &[f32],
    first: usize,
    targets: &Targets,
    out: &mut [f32],
) {
    let (n, heads, panels) = (targets.lengths.len(), from.heads, from.output.count());
    let lanes = transform(s, from);
    let looks = Looks::new::<R, T>(attention, n, first..first + out.len() / n);
    let tokens = out.chunks_exact_mut(n).zip(lanes.chunks_exact(panels * (heads + 1)));
    for (token, (out, source)) in tokens.enumerate() {
        let looks = looks.of(token);
        let mut row = 0;
        while row < n {
            let (a, targets) = (&looks[row * heads..], &targets.lanes[row * panels..]);
            if row + R <= n {
                group::<S, R, P>(s, source, heads, a, targets, &mut out[row..]);
                row += R;
            } else {
                group::<S, T, P>(s, source, heads, a, targets, &mut out[row..]);
                row += T;
            }
        }
        // The token itself also keeps its residual.
        let i = first + token;
        let (group, size, place) = Groups::<R, T> { n }.place(i);
        let mut sum = s.splat(0.0);
        for (panel, source) in source.chunks_exact(heads + 1).enumerate() {
            let mut v = s.load(&targets.lanes[group * panels + panel * size + place].0);
            v = s.add(v, s.load(&source[heads].0));
            for (head, f) in source[..heads].iter().enumerate() {
                let a = looks[group * heads + head * size + place];
                v = s.fma(s.splat(a), s.load(&f.0), v);
            }
            sum = s.add(sum, s.abs(v));
        }
        out[i] = s.sum(sum);
    }
}

/// The distances of R positions.
#[inline(always)]
fn group<S: Simd, const R: usize, const P: usize>(
    s: S,
    source: &[Lane],
    heads: usize,
    a: &[f32],
    targets: &[Lane],
    out: &mut [f32],
) {
    let (a, _) = a[..heads * R].as_chunks::<R>();
    let (targets, _) = targets.as_chunks::<R>();
    let panels = source.len() / (heads + 1);
    let mut totals = [s.splat(0.0); R];
    let mut panel = 0;
    while panel + P <= panels {
        tile::<S, R, P>(s, source, a, &targets[panel..], panel, &mut totals);
        panel += P;
    }
    while panel < panels {
        tile::<S, R, 1>(s, source, a, &targets[panel..], panel, &mut totals);
        panel += 1;
    }
    for (out, total) in out.iter_mut().zip(totals) {
        *out = s.sum(total);
    }
}

#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "an iterator would have to be unrolled before the sums are registers"
)]
fn tile<S: Simd, const R: usize, const P: usize>(
    s: S,
    source: &[Lane],
    a: &[[f32; R]],
    targets: &[[Lane; R]],
    panel: usize,
    totals: &mut [S::F32; R],
) {
    let (heads, per) = (a.len(), a.len() + 1);
    let mut b = [&source[..heads]; P];
    let mut sums = [[s.splat(0.0); P]; R];
    let targets = &targets[..P];
    for p in 0..P {
        b[p] = &source[(panel + p) * per..][..heads];
    }
    each_row!(r in R => {
        for p in 0..P {
            sums[r][p] = s.load(&targets[p][r].0);
        }
    });
    let mut lanes = [s.splat(0.0); P];
    for k in 0..heads {
        for p in 0..P {
            lanes[p] = s.load(&b[p][k].0);
        }
        each_row!(r in R => {
            let a = s.splat(a[k][r]);
            for p in 0..P {
                sums[r][p] = s.fma(a, lanes[p], sums[r][p]);
            }
        });
    }
    each_row!(r in R => {
        for p in 0..P {
            totals[r] = s.add(totals[r], s.abs(sums[r][p]));
        }
    });
}

/// |T_i(x_j)|₂²·s_i² for some tokens j and all positions i: (tokens, n) into `out`. `attention` is (heads, n, n).
///
/// |Σ_h A^h f^h|² is a quadratic form in the probabilities, with the heads' inner products for coefficients: those are computed
/// once per token, and no vector is made but the token's own.
#[inline(always)]
pub fn squares<S: Simd>(s: S, from: Sources, attention: &[f32], first: usize, out: &mut [f32]) {
    let tokens = from.values.len() / from.output.columns();
    let (n, heads, panels) = (out.len() / tokens, from.heads, from.output.count());
    let lanes = transform(s, from);
    let looks = Looks::new::<LANES, LANES>(attention, n, first..first + tokens);
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
        let (looks, _) = looks.of(token).as_chunks::<LANES>();
        for (out, a) in out.chunks_mut(LANES).zip(looks.chunks_exact(heads)) {
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
            for (f, a) in source.iter().zip(&looks[i / LANES * heads..][..heads]) {
                v = s.fma(s.splat(a[i % LANES]), s.load(&f.0), v);
            }
            sum = s.fma(v, v, sum);
        }
        out[i] = s.sum(sum);
    }
}
