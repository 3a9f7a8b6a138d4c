//! The first layer for parts that consist of input rows of tokens. Up to the activation, everything is linear in these rows, with
//! probabilities as coefficients. The matrices are therefore multiplied once per token and head, not once per part and position.

use super::super::simd::{LANES, Lane, Simd};
use super::jvp::{Added, Frozen, IntoPanels, apply_gate, product, second_half};
use super::mixing::{Sources, transform};
use super::operand::multiply;

/// Number of tokens whose rows are multiplied together.
pub const TOKENS: usize = 8;

/// The products of some tokens' rows, token by token: heads + 1 rows each, the last for the token's residual, in panels.
pub struct TokenProjections {
    /// After the linear part of the first LayerNorm, without 1/s: `hidden` columns.
    pub attended: Vec<Lane>,
    /// The same times the first feed-forward matrix: `intermediate` columns.
    pub up: Vec<Lane>,
}

/// Computes the products of some tokens' rows.
#[inline(always)]
pub fn project_tokens<S: Simd>(s: S, layer: &Frozen, from: Sources) -> TokenProjections {
    let (hidden, per) = (from.output.columns(), from.heads + 1);
    let panels = from.output.count();
    let attended = transform(s, from);
    let tokens = attended.len() / (panels * per);
    let mut rows = vec![0f32; tokens * per * hidden];
    for (token, lanes) in attended.chunks_exact(panels * per).enumerate() {
        for (panel, lanes) in lanes.chunks_exact(per).enumerate() {
            let width = LANES.min(hidden - panel * LANES);
            for (row, lane) in lanes.iter().enumerate() {
                let at = (token * per + row) * hidden + panel * LANES;
                rows[at..at + width].copy_from_slice(&lane.0[..width]);
            }
        }
    }
    let mut up = vec![Lane::ZERO; tokens * per * layer.up.count()];
    let mut epilogue = IntoPanels {
        lanes: &mut up,
        rows: per,
        panels: layer.up.count(),
        bias: None,
    };
    multiply(s, &rows, layer.up, 0..layer.up.count(), &mut epilogue);
    TokenProjections { attended, up }
}

/// The images of groups of tokens after the first layer, (groups, n, hidden), into `out`.
/// `projections` has the tokens of all groups in order, [`TOKENS`] per entry; those of these groups begin at `start`.
#[inline(always)]
pub fn first_layer<S: Simd>(
    s: S,
    layer: &Frozen,
    projections: &[TokenProjections],
    start: usize,
    groups: &[Vec<usize>],
    out: &mut [f32],
) {
    let (n, hidden, columns) = (layer.n, layer.output.columns(), layer.up.columns());
    let per = layer.heads + 1;
    let mut coefficients = vec![0f32; n * per];
    let mut next = start;
    let (mut y, mut active) = (vec![0f32; n * hidden], vec![0f32; n * columns]);
    for (group, out) in groups.iter().zip(out.chunks_exact_mut(n * hidden)) {
        y.fill(0.0);
        active.fill(0.0);
        for token in group {
            for (i, coefficients) in coefficients.chunks_exact_mut(per).enumerate() {
                let inverse_std = layer.norm1.1[i];
                for (head, coefficient) in coefficients[..per - 1].iter_mut().enumerate() {
                    *coefficient = layer.attention[(head * n + i) * n + token] * inverse_std;
                }
                coefficients[per - 1] = if i == *token { inverse_std } else { 0.0 };
            }
            let (projections, place) = (&projections[next / TOKENS], next % TOKENS);
            next += 1;
            let lanes = layer.output.count() * per;
            add(
                s,
                &coefficients,
                per,
                &projections.attended[place * lanes..][..lanes],
                &mut y,
            );
            let lanes = layer.up.count() * per;
            add(
                s,
                &coefficients,
                per,
                &projections.up[place * lanes..][..lanes],
                &mut active,
            );
        }
        apply_gate(s, &mut active, layer.gate, columns);
        second_half(s, layer, &active, &y, 0, out);
    }
}

/// Adds the product of coefficients (n, per) and panels of `per` lanes to `out`.
#[inline(always)]
fn add<S: Simd>(s: S, coefficients: &[f32], per: usize, lanes: &[Lane], out: &mut [f32]) {
    let width = out.len() / (coefficients.len() / per);
    let mut epilogue = Added { out, width };
    let mut panel = 0;
    let panels = lanes.len() / per;
    while panel < panels {
        let one = [&lanes[panel * per..][..per]];
        let column = panel * LANES;
        panel += by_registers! {S:
            Many => match panel + 2 <= panels {
                true => {
                    let two = [one[0], &lanes[(panel + 1) * per..][..per]];
                    product::<S, 8, 2>(s, coefficients, per, two, column, &mut epilogue)
                }
                false => product::<S, 6, 1>(s, coefficients, per, one, column, &mut epilogue),
            },
            Some => product::<S, 6, 1>(s, coefficients, per, one, column, &mut epilogue),
            Few => product::<S, 2, 1>(s, coefficients, per, one, column, &mut epilogue),
        };
    }
}
