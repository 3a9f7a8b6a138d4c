//! y = θ ⊙ x: an activation, or a gated block. Explanations freeze θ.
//!
//! A plain activation is θ(u)·u, such as gelu(u) = Φ(u)·u. In a gated block activation(g) ⊙ u, the gate is activation(g), and explanations
//! follow the path through u: the whole product is attributed to u, none of it to g.

use rayon::prelude::*;

use super::rows::ENTRIES;
use crate::model::kernels::activation::gate;
use crate::model::kernels::elementary::exp;
use crate::model::kernels::gemm::{load_part, store_part};
use crate::model::ops::PooledRows;
use crate::model::simd::{self, Kernel, LANES, Simd};
use crate::model::{config, spec::Activation};

/// θ(u) for each u.
pub fn thetas(activation: Activation, u: &[f32]) -> PooledRows {
    let mut out = PooledRows::unset(u.len());
    let tasks = out.par_chunks_mut(ENTRIES).zip(u.par_chunks(ENTRIES));
    tasks.for_each(|(out, u)| simd::run(Thetas { activation, u, out }));
    out
}

/// θ(u)·u for each u.
pub fn activate(activation: Activation, u: &[f32]) -> PooledRows {
    let mut out = thetas(activation, u);
    out.iter_mut().zip(u).for_each(|(theta, u)| *theta *= u);
    out
}

struct Thetas<'a> {
    activation: Activation,
    u: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Thetas<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Thetas { activation, u, out } = self;
        for column in (0..u.len()).step_by(LANES) {
            let v = load_part(s, u, column);
            store_part(s, out, column, theta(s, activation, v));
        }
    }
}

#[inline(always)]
fn theta<S: Simd>(s: S, activation: Activation, u: S::F32) -> S::F32 {
    match activation {
        Activation::Gelu => gate(s, config::Activation::Gelu, u),
        Activation::GeluTanh => gate(s, config::Activation::GeluTanh, u),
        Activation::Relu => gate(s, config::Activation::Relu, u),
        Activation::Silu => sigmoid(s, u, 1.0),
        Activation::QuickGelu => sigmoid(s, u, 1.702),
        // tanh(u)/u, only in heads, whose rows are few; 1 at u = 0.
        Activation::Tanh => {
            let one = s.splat(1.0);
            let double = exp(s, s.mul(u, s.splat(2.0)));
            let tanh = s.sub(one, s.div(s.splat(2.0), s.add(double, one)));
            let tiny = s.splat(1e-4);
            // Below this, tanh(u)/u is 1 to within 1e-8; both numerator and denominator are replaced by values away from 0.
            let small = s.positive(s.sub(tiny, s.abs(u)));
            let large = s.sub(one, small);
            s.div(s.fma(tanh, large, small), s.fma(u, large, small))
        }
    }
}

/// 1 / (1 + e^(-factor·u)). No closure, since those are compiled for the portable path.
#[inline(always)]
fn sigmoid<S: Simd>(s: S, u: S::F32, factor: f32) -> S::F32 {
    let one = s.splat(1.0);
    s.div(one, s.add(one, exp(s, s.mul(u, s.splat(-factor)))))
}

/// d(θ(u)·u)/du for each u.
pub fn slopes(activation: Activation, u: &[f32]) -> Vec<f32> {
    u.iter().map(|u| slope(activation, f64::from(*u)) as f32).collect()
}

fn slope(activation: Activation, u: f64) -> f64 {
    let sigmoid = |factor: f64| {
        let gate = 1.0 / (1.0 + (-factor * u).exp());
        gate + u * factor * gate * (1.0 - gate)
    };
    match activation {
        Activation::Relu => f64::from(u8::from(u > 0.0)),
        Activation::Silu => sigmoid(1.0),
        Activation::QuickGelu => sigmoid(1.702),
        Activation::Tanh => 1.0 - u.tanh().powi(2),
        Activation::Gelu => {
            let density = (-0.5 * u * u).exp() / (2.0 * std::f64::consts::PI).sqrt();
            f64::from(phi(u)) + u * density
        }
        Activation::GeluTanh => {
            let factor = (2.0 / std::f64::consts::PI).sqrt();
            let t = (factor * (u + 0.044_715 * u.powi(3))).tanh();
            0.5 * (1.0 + t) + 0.5 * u * (1.0 - t * t) * factor * (1.0 + 3.0 * 0.044_715 * u * u)
        }
    }
}

/// Φ(u).
fn phi(u: f64) -> f32 {
    let mut out = [0f32];
    simd::run(Thetas {
        activation: Activation::Gelu,
        u: &[u as f32],
        out: &mut out,
    });
    out[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Activation; 6] = [
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::QuickGelu,
        Activation::Relu,
        Activation::Silu,
        Activation::Tanh,
    ];

    #[test]
    fn slopes_of_activations_match_finite_differences() {
        for activation in ALL {
            for step in -40..40 {
                let u = 0.1 * step as f32 + 0.03;
                let value = |u: f32| f64::from(activate(activation, &[u])[0]);
                let near = (value(u + 1e-2) - value(u - 1e-2)) / 2e-2;
                let slope = f64::from(slopes(activation, &[u])[0]);
                assert!((near - slope).abs() < 1e-3, "{activation:?} {u}: {near} {slope}");
            }
        }
    }

    #[test]
    fn the_gate_of_tanh_times_its_input_is_tanh() {
        for u in [0.0f32, 1e-6, -3e-5, 1e-3, -0.7, 5.0, -40.0, 40.0] {
            let found = activate(Activation::Tanh, &[u])[0];
            assert!((found - u.tanh()).abs() < 1e-6, "{u}: {found}");
        }
    }
}
