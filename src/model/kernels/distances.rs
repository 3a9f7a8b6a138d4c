//! How far what each source token put into each position is from all that the position became: |y_i - T_i(x_j)|₁, in floats.
//!
//! A tile of the product described in [`super::mixing`] is summed in registers, starting at what is to be subtracted, and leaves
//! them as a part of its rows' lengths.

use super::super::simd::{LANES, Lane, Registers, Simd};
use super::gemm::load_part;
use super::mixing::{Groups, Looks, Sources, transform};

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
