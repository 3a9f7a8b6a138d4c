//! The first layer of a part, which is nothing but the rows of its tokens: everything up to the activation is linear in those rows
//! with the probabilities for coefficients, so the matrices are multiplied once per token and head and not once per part and
//! position.

use super::super::simd::{LANES, Lane, Registers, Simd};
use super::jvp::{Added, Frozen, IntoPanels, apply_gate, product, second_half};
use super::mixing::{Sources, transform};
use super::operand::multiply;

/// Tokens whose rows are multiplied together.
pub const TOKENS: usize = 8;

/// What the positions draw on from some tokens, token by token: heads + 1 rows each, the last for the token's own residual, in panels.
pub struct TokenProjections {
    /// Behind the first LayerNorm's linear part but for 1/s: `hidden` columns.
    pub attended: Vec<Lane>,
    /// The same times the first feed-forward matrix: `intermediate` columns.
    pub up: Vec<Lane>,
}

/// What positions draw on from some tokens.
#[inline(always)]
pub fn draw<S: Simd>(s: S, layer: &Frozen, from: Sources) -> TokenProjections {
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

/// The parts of some groups of tokens behind the first layer, (groups, n, hidden) into `out`. `drawn` holds the tokens of all groups,
/// one after the other, [`TOKENS`] to an entry; those of the first of these groups from `start` on.
#[inline(always)]
pub fn first_layer<S: Simd>(
    s: S,
    layer: &Frozen,
    drawn: &[TokenProjections],
    start: usize,
    groups: &[Vec<usize>],
    out: &mut [f32],
) {
    let (n, hidden, columns) = (layer.n, layer.output.columns(), layer.up.columns());
    let per = layer.heads + 1;
    let mut looks = vec![0f32; n * per];
    let mut next = start;
    let (mut y, mut active) = (vec![0f32; n * hidden], vec![0f32; n * columns]);
    for (group, out) in groups.iter().zip(out.chunks_exact_mut(n * hidden)) {
        y.fill(0.0);
        active.fill(0.0);
        for token in group {
            for (i, looks) in looks.chunks_exact_mut(per).enumerate() {
                let inverse_std = layer.norm1.1[i];
                for (head, look) in looks[..per - 1].iter_mut().enumerate() {
                    *look = layer.attention[(head * n + i) * n + token] * inverse_std;
                }
                looks[per - 1] = if i == *token { inverse_std } else { 0.0 };
            }
            let (drawn, place) = (&drawn[next / TOKENS], next % TOKENS);
            next += 1;
            let lanes = layer.output.count() * per;
            add(s, &looks, per, &drawn.attended[place * lanes..][..lanes], &mut y);
            let lanes = layer.up.count() * per;
            add(s, &looks, per, &drawn.up[place * lanes..][..lanes], &mut active);
        }
        apply_gate(s, &mut active, layer.gate, columns);
        second_half(s, layer, &active, &y, 0, out);
    }
}

/// looks (n, per) times panels of `per` lanes, added to `out`.
#[inline(always)]
fn add<S: Simd>(s: S, looks: &[f32], per: usize, lanes: &[Lane], out: &mut [f32]) {
    let width = out.len() / (looks.len() / per);
    let mut epilogue = Added { out, width };
    let mut panel = 0;
    let panels = lanes.len() / per;
    while panel < panels {
        let one = [&lanes[panel * per..][..per]];
        let column = panel * LANES;
        panel += match S::REGISTERS {
            Registers::Many if panel + 2 <= panels => {
                let two = [one[0], &lanes[(panel + 1) * per..][..per]];
                product::<S, 8, 2>(s, looks, per, two, column, &mut epilogue);
                2
            }
            Registers::Many | Registers::Some => {
                product::<S, 6, 1>(s, looks, per, one, column, &mut epilogue);
                1
            }
            Registers::Few => {
                product::<S, 2, 1>(s, looks, per, one, column, &mut epilogue);
                1
            }
        };
    }
}
