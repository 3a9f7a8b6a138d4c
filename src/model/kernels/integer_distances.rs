//! The distances of [`super::distances`] with the product in 16-bit integers.
//!
//! The probabilities of a position are scaled to fifteen bits, the vectors of a source token to as many as no sum over its heads
//! can overflow with. Heads go in pairs, so that the product takes half the instructions; what is subtracted from it stays a float.
//! With few heads the probabilities of some positions stay in registers while a token's vectors pass by.

use super::super::simd::{LANES, Lane, Pairs, Registers, Simd};
use super::integer_targets::{IntegerTargets, within};
use super::mixing::{Groups, Sources, transform};

/// |y_i - T_i(x_j)|₁·s_i for the tokens j of one task and all positions i: (tokens, n) into `out`.
#[inline(always)]
pub fn distances<S: Simd>(s: S, from: Sources, task: usize, targets: &IntegerTargets, out: &mut [f32]) {
    match S::REGISTERS {
        Registers::Many => all_distances::<S, 3, 2>(s, from, task, targets, out),
        Registers::Some => all_distances::<S, 2, 1>(s, from, task, targets, out),
        Registers::Few => all_distances::<S, 2, 1>(s, from, task, targets, out),
    }
}

/// Positions whose targets and probabilities fit into the first cache beside a token's vectors: whole groups on every path.
const BLOCK: usize = 12;

/// In groups of R positions, P panels at a time.
#[inline(always)]
fn all_distances<S: Simd, const R: usize, const P: usize>(
    s: S,
    from: Sources,
    task: usize,
    targets: &IntegerTargets,
    out: &mut [f32],
) {
    let n = targets.lengths.len();
    let sources = Integers::new(s, from);
    let groups = Groups::<R, 1> { n };
    let mut start = 0;
    // Positions outside and tokens inside: the targets and probabilities of a block stay in the first cache for all of them.
    while start < n {
        let end = (start + BLOCK).min(n);
        for (token, out) in out.chunks_exact_mut(n).enumerate() {
            let mut row = start;
            while row < end {
                let (_, size, _) = groups.place(row);
                let looks = targets.looks(task, row, size);
                let lanes = &targets.lanes[row * targets.panels..][..size * targets.panels];
                let (to, factors) = (&mut out[row..row + size], &targets.factors[row..row + size]);
                if size == R {
                    put(s, positions::<S, R, P>(s, &sources, token, looks, lanes), factors, to);
                } else {
                    put(s, positions::<S, 1, P>(s, &sources, token, looks, lanes), factors, to);
                }
                row += size;
            }
            let i = task * targets.tokens + token;
            if (start..end).contains(&i) {
                // The token itself also keeps its residual.
                out[i] = with_residual(s, &sources, token, i, groups.place(i), (task, targets));
            }
        }
        start = end;
    }
}

#[inline(always)]
fn put<S: Simd, const R: usize>(s: S, totals: [S::F32; R], factors: &[f32], out: &mut [f32]) {
    for ((out, total), factor) in out.iter_mut().zip(totals).zip(factors) {
        *out = s.sum(total) / factor;
    }
}

/// The vectors of some tokens.
struct Integers {
    /// Token by token, panel by panel, pair by pair of heads; an odd last head has zeros beside it.
    vectors: Vec<Pairs>,
    /// Pairs of heads.
    pairs: usize,
    /// What the integers of each token are worth.
    worth: Vec<f32>,
    /// The tokens themselves, centred and scaled, token by token, panel by panel.
    residual: Vec<Lane>,
}

impl Integers {
    /// The vectors of a token.
    #[inline(always)]
    fn of(&self, token: usize, panels: usize) -> &[Pairs] {
        &self.vectors[token * panels * self.pairs..][..panels * self.pairs]
    }

    #[inline(always)]
    fn new<S: Simd>(s: S, from: Sources) -> Integers {
        let (heads, panels) = (from.heads, from.output.count());
        let (per, pairs) = (heads + 1, heads.div_ceil(2));
        let lanes = transform(s, from);
        let tokens = lanes.len() / (panels * per);
        let mut vectors = vec![Pairs::ZERO; tokens * panels * pairs];
        let mut residual = vec![Lane::ZERO; tokens * panels];
        let mut worth = vec![0f32; tokens];
        let each = lanes
            .chunks_exact(panels * per)
            .zip(vectors.chunks_exact_mut(panels * pairs));
        for (token, (lanes, vectors)) in each.enumerate() {
            let mut largest = s.splat(f32::MIN_POSITIVE);
            for panel in lanes.chunks_exact(per) {
                let mut sum = s.splat(0.0);
                for lane in &panel[..heads] {
                    let v = s.abs(s.load(&lane.0));
                    sum = s.add(sum, v);
                    // Half of what a sum may reach is the most that one of them may.
                    largest = s.max(largest, s.add(v, v));
                }
                largest = s.max(largest, sum);
            }
            // Half a unit per head of rounding, and two units that a float may be off, stay below 2³¹.
            let limit = (65536.0 - 0.5 * heads as f32 - 2.0).max(1.0);
            worth[token] = (s.largest(largest) / limit).max(f32::MIN_POSITIVE);
            let inverse = s.splat(1.0 / worth[token]);
            let panel_of = vectors.chunks_exact_mut(pairs).zip(lanes.chunks_exact(per));
            for (panel, (vectors, lanes)) in panel_of.enumerate() {
                residual[token * panels + panel] = lanes[heads];
                for (pair, to) in vectors.iter_mut().enumerate() {
                    let low = s.mul(s.load(&lanes[2 * pair].0), inverse);
                    let high = if 2 * pair + 1 < heads {
                        s.mul(s.load(&lanes[2 * pair + 1].0), inverse)
                    } else {
                        s.splat(0.0)
                    };
                    let integers = s.round_pairs(within(s, low), within(s, high));
                    s.store_pairs(to, integers);
                }
            }
        }
        Integers {
            vectors,
            pairs,
            worth,
            residual,
        }
    }
}

/// The distances of a token from R positions, lane by lane.
#[inline(always)]
fn positions<S: Simd, const R: usize, const P: usize>(
    s: S,
    sources: &Integers,
    token: usize,
    looks: &[Pairs],
    targets: &[Lane],
) -> [S::F32; R] {
    let (looks, _) = looks.as_chunks::<R>();
    let (targets, _) = targets.as_chunks::<R>();
    let (vectors, worth) = (sources.of(token, targets.len()), s.splat(sources.worth[token]));
    match looks.len() {
        6 => held::<S, R, P, 6>(s, vectors, looks, token, worth, targets),
        8 => held::<S, R, P, 8>(s, vectors, looks, token, worth, targets),
        _ => loaded::<S, R>(s, vectors, looks, token, worth, targets),
    }
}

/// With H pairs of heads, whose probabilities stay in registers.
#[inline(always)]
fn held<S: Simd, const R: usize, const P: usize, const H: usize>(
    s: S,
    vectors: &[Pairs],
    looks: &[[Pairs; R]],
    token: usize,
    worth: S::F32,
    targets: &[[Lane; R]],
) -> [S::F32; R] {
    let mut a = [[s.splat_pair([0; 2]); H]; R];
    for (k, looks) in looks[..H].iter().enumerate() {
        each_row!(r in R => {
            a[r][k] = s.splat_pair(pair_of(&looks[r], token));
        });
    }
    let (vectors, _) = vectors.as_chunks::<H>();
    let (several, rest) = vectors.as_chunks::<P>();
    let (targets_of, targets_rest) = targets.as_chunks::<P>();
    let mut totals = [s.splat(0.0); R];
    for (vectors, targets) in several.iter().zip(targets_of) {
        beside::<S, R, P, H>(s, &a, vectors, targets, worth, &mut totals);
    }
    for (vectors, targets) in rest.iter().zip(targets_rest) {
        beside::<S, R, 1, H>(s, &a, &[*vectors], &[*targets], worth, &mut totals);
    }
    totals
}

/// P panels side by side, so that there are enough sums that do not wait for each other.
#[inline(always)]
fn beside<S: Simd, const R: usize, const P: usize, const H: usize>(
    s: S,
    a: &[[S::I16; H]; R],
    vectors: &[[Pairs; H]; P],
    targets: &[[Lane; R]; P],
    worth: S::F32,
    totals: &mut [S::F32; R],
) {
    let mut exact = [[s.zero_i32(); P]; R];
    each_row!(k in H => {
        each_row!(p in P => {
            let vector = s.load_pairs(&vectors[p][k]);
            each_row!(r in R => {
                exact[r][p] = s.dot_pairs(exact[r][p], a[r][k], vector);
            });
        });
    });
    each_row!(p in P => {
        each_row!(r in R => {
            let v = s.fma(s.to_f32(exact[r][p]), worth, s.load(&targets[p][r].0));
            totals[r] = s.add(totals[r], s.abs(v));
        });
    });
}

/// With any number of heads.
#[inline(always)]
fn loaded<S: Simd, const R: usize>(
    s: S,
    vectors: &[Pairs],
    looks: &[[Pairs; R]],
    token: usize,
    worth: S::F32,
    targets: &[[Lane; R]],
) -> [S::F32; R] {
    let mut totals = [s.splat(0.0); R];
    for (vectors, targets) in vectors.chunks_exact(looks.len()).zip(targets) {
        let mut exact = [s.zero_i32(); R];
        for (vector, looks) in vectors.iter().zip(looks) {
            let vector = s.load_pairs(vector);
            each_row!(r in R => {
                exact[r] = s.dot_pairs(exact[r], s.splat_pair(pair_of(&looks[r], token)), vector);
            });
        }
        each_row!(r in R => {
            let v = s.fma(s.to_f32(exact[r]), worth, s.load(&targets[r].0));
            totals[r] = s.add(totals[r], s.abs(v));
        });
    }
    totals
}

/// The distance of a token from position i, at which it stands: the `place`-th of its group.
#[inline(always)]
fn with_residual<S: Simd>(
    s: S,
    sources: &Integers,
    token: usize,
    i: usize,
    (group, size, place): (usize, usize, usize),
    (task, targets): (usize, &IntegerTargets),
) -> f32 {
    let panels = targets.panels;
    let looks = targets.looks(task, group, size);
    let lanes = &targets.lanes[group * panels..][..size * panels];
    let (factor, worth) = (s.splat(targets.factors[i]), s.splat(sources.worth[token]));
    let vectors = sources.of(token, panels).chunks_exact(sources.pairs);
    let residual = &sources.residual[token * panels..][..panels];
    let mut sum = s.splat(0.0);
    for (panel, (vectors, residual)) in vectors.zip(residual).enumerate() {
        let mut exact = s.zero_i32();
        for (pair, vector) in vectors.iter().enumerate() {
            let a = s.splat_pair(pair_of(&looks[pair * size + place], token));
            exact = s.dot_pairs(exact, a, s.load_pairs(vector));
        }
        let v = s.fma(s.load(&residual.0), factor, s.load(&lanes[panel * size + place].0));
        sum = s.add(sum, s.abs(s.fma(s.to_f32(exact), worth, v)));
    }
    s.sum(sum) / targets.factors[i]
}

#[inline(always)]
fn pair_of(pairs: &Pairs, token: usize) -> [i16; 2] {
    let (pairs, _) = pairs.0.as_chunks::<2>();
    pairs[token % LANES]
}

#[cfg(test)]
mod tests {
    use super::super::distances;
    use super::super::gemm::Panels;
    use super::*;
    use crate::model::simd::{Kernel, Path, run_on};

    /// Tokens 2 and 3 of what the test below makes up, in integers or in floats.
    struct Distances<'a> {
        from: Sources<'a>,
        attention: &'a [f32],
        y: &'a [f32],
        inverse_std: &'a [f32],
        integers: bool,
        out: &'a mut [f32],
    }

    impl Kernel for Distances<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            if self.integers {
                let n = self.inverse_std.len();
                let mut targets = IntegerTargets::default();
                targets.fit(n, self.y.len() / n, self.from.heads, 2);
                for part in targets.parts() {
                    part.lay_out(s, self.y, self.inverse_std, self.attention);
                }
                distances(s, self.from, 1, &targets, self.out);
            } else {
                let targets = distances::targets(s, self.y, self.inverse_std);
                distances::distances(s, self.from, self.attention, 2, &targets, self.out);
            }
        }
    }

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 53 + seed * 31) % 97) as f32 / 48.5 - 1.0)
            .collect()
    }

    #[test]
    fn distances_equal_a_plain_loop_on_every_path_in_floats_and_in_integers() {
        for (n, heads, width) in [(4, 1, 5), (7, 3, 6), (40, 12, 4), (53, 2, 17)] {
            let hidden = heads * width;
            let matrix = numbers(hidden * hidden, 1);
            let output = Panels::new(hidden, hidden, |k, c| matrix[k * hidden + c]);
            let (x, values, scale) = (numbers(2 * hidden, 2), numbers(2 * hidden, 3), numbers(hidden, 4));
            let (y, inverse_std) = (numbers(n * hidden, 5), vec![0.75; n]);
            let attention: Vec<f32> = numbers(heads * n * n, 6).iter().map(|v| v * v / n as f32).collect();
            let exact = |token: usize, i: usize| -> f64 {
                let row = &x[token * hidden..][..hidden];
                let mean = row.iter().sum::<f32>() / hidden as f32;
                let entry = |c: usize| {
                    let mixed = (0..hidden).map(|k| {
                        let a = f64::from(attention[(k / width * n + i) * n + token + 2]);
                        a * f64::from(values[token * hidden + k]) * f64::from(matrix[k * hidden + c])
                    });
                    let own = if i == token + 2 {
                        (row[c] - mean) * scale[c]
                    } else {
                        0.0
                    };
                    mixed.sum::<f64>() + f64::from(own) - f64::from(y[i * hidden + c] / inverse_std[i])
                };
                (0..hidden).map(|c| entry(c).abs()).sum()
            };
            for path in Path::ALL.into_iter().filter(|path| path.available()) {
                for integers in [false, true] {
                    let mut out = vec![0f32; 2 * n];
                    let kernel = Distances {
                        from: Sources {
                            input: &x,
                            values: &values,
                            output: &output,
                            scale: &scale,
                            heads,
                        },
                        attention: &attention,
                        y: &y,
                        inverse_std: &inverse_std,
                        integers,
                        out: &mut out,
                    };
                    run_on(path, kernel);
                    for (at, v) in out.iter().enumerate() {
                        let exact = exact(at / n, at % n);
                        let error = (f64::from(*v) - exact).abs() / exact;
                        assert!(error < 1e-4, "{path:?} {n} {heads} {integers}: {v} {exact}");
                    }
                }
            }
        }
    }
}
