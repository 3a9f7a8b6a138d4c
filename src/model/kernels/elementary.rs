//! Exponentials and the error function, sixteen lanes at a time and without branches.

use super::super::simd::Simd;

/// Added to n, puts n + 127, the exponent of 2ⁿ, into the lowest bits. For n = -127 that is the exponent of zero.
const TO_EXPONENT: f32 = 12_582_912.0 + 127.0;

/// e^x: relative error below 2e-7 for x in -87 … 88; 0 below -87.7, and e^88.3 above 88.3.
///
/// Cody & Waite's reduction and the degree 6 polynomial of Cephes' `expf`.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F32) -> S::F32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = s.max(s.min(x, s.splat(88.3)), s.splat(-88.0));
    let shifted = s.fma(x, s.splat(std::f32::consts::LOG2_E), s.splat(TO_EXPONENT));
    let n = s.sub(shifted, s.splat(TO_EXPONENT));
    let r = s.fma(n, s.splat(-LN2_HIGH), x);
    let r = s.fma(n, s.splat(-LN2_LOW), r);
    let mut p = s.splat(1.987_569_1e-4);
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5] {
        p = s.fma(p, r, s.splat(c));
    }
    let mantissa = s.add(s.fma(p, s.mul(r, r), r), s.splat(1.0));
    s.mul(mantissa, s.shift_to_exponent(shifted))
}

/// 2^x: relative error below 2e-7 for x in -126 … 126; 0 below -126.5, as softmax needs it. x must not exceed 126.
///
/// x is split exactly into an integer and a rest in -½ … ½. The polynomial of degree 5 in the rest has the smallest relative error
/// (1.05e-7, before rounding) of those that begin with 1 + x·ln 2.
#[inline(always)]
pub fn exp2<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let x = s.max(x, s.splat(-127.0));
    let shifted = s.add(x, s.splat(TO_EXPONENT));
    let r = s.sub(x, s.sub(shifted, s.splat(TO_EXPONENT)));
    let mut p = s.splat(1.330_060_7e-3);
    for c in [9.669_691e-3, 5.550_558_5e-2, 0.240_222_83, std::f32::consts::LN_2, 1.0] {
        p = s.fma(p, r, s.splat(c));
    }
    s.mul(p, s.shift_to_exponent(shifted))
}

/// The error function: absolute error below 5e-7. The rational approximation of Eigen and XLA for f32.
#[inline(always)]
pub fn erf<S: Simd>(s: S, x: S::F32) -> S::F32 {
    const ALPHA: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BETA: [f32; 5] = [
        -1.456_607_2e-5,
        -2.133_740_6e-4,
        -1.682_827e-3,
        -7.373_329e-3,
        -1.426_473_9e-2,
    ];
    let x = s.max(s.min(x, s.splat(4.0)), s.splat(-4.0));
    let square = s.mul(x, x);
    let mut p = s.splat(ALPHA[0]);
    for c in &ALPHA[1..] {
        p = s.fma(p, square, s.splat(*c));
    }
    let mut q = s.splat(BETA[0]);
    for c in &BETA[1..] {
        q = s.fma(q, square, s.splat(*c));
    }
    s.div(s.mul(x, p), q)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::simd::{Isa, Kernel, LANES, run_on};

    enum Function {
        Exp,
        Exp2,
        Erf,
    }

    struct Apply<'a>(Function, &'a mut [f32]);

    impl Kernel for Apply<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for lane in self.1.as_chunks_mut::<LANES>().0 {
                let x = s.load(lane);
                let y = match self.0 {
                    Function::Exp => exp(s, x),
                    Function::Exp2 => exp2(s, x),
                    Function::Erf => erf(s, x),
                };
                s.store(lane, y);
            }
        }
    }

    fn on_every_instruction_set(function: fn() -> Function, x: &[f32], check: impl Fn(Isa, f32, f32)) {
        for path in Isa::ALL.into_iter().filter(|path| path.available()) {
            let mut y = x.to_vec();
            run_on(path, Apply(function(), &mut y));
            x.iter().zip(y).for_each(|(x, y)| check(path, *x, y));
        }
    }

    #[test]
    fn exp_keeps_its_stated_error_on_every_instruction_set() {
        let x: Vec<f32> = (-8704..8800).map(|i| i as f32 / 100.0).collect();
        on_every_instruction_set(
            || Function::Exp,
            &x,
            |path, x, y| {
                let exact = f64::from(x).exp();
                assert!((f64::from(y) - exact).abs() <= 2e-7 * exact, "{path:?} {x}: {y}");
            },
        );
    }

    #[test]
    fn exp_is_zero_far_below_and_finite_far_above() {
        let x = [-200.0, -1e30, f32::NEG_INFINITY, -88.0].repeat(4);
        on_every_instruction_set(|| Function::Exp, &x, |path, x, y| assert_eq!(y, 0.0, "{path:?} {x}"));
        let x = [89.0, 1e30, f32::INFINITY, 88.3].repeat(4);
        on_every_instruction_set(
            || Function::Exp,
            &x,
            |path, x, y| assert!(y.is_finite() && y > 1e38, "{path:?} {x}: {y}"),
        );
    }

    #[test]
    fn exp2_keeps_its_stated_error_on_every_instruction_set_and_is_zero_far_below() {
        let x: Vec<f32> = (-126_000..=126_000).step_by(9).map(|i| i as f32 / 1000.0).collect();
        let x = &x[..x.len() / LANES * LANES];
        on_every_instruction_set(
            || Function::Exp2,
            x,
            |path, x, y| {
                let exact = f64::from(x).exp2();
                assert!((f64::from(y) - exact).abs() <= 2e-7 * exact, "{path:?} {x}: {y}");
            },
        );
        let x = [-126.6, -200.0, -1e30, f32::NEG_INFINITY].repeat(4);
        on_every_instruction_set(|| Function::Exp2, &x, |path, x, y| assert_eq!(y, 0.0, "{path:?} {x}"));
    }

    #[test]
    fn erf_keeps_its_stated_error_on_every_instruction_set() {
        // Values of the error function to nine digits, from table 7.1 of Abramowitz & Stegun.
        let table = [
            (0.0, 0.0),
            (0.1, 0.112_462_916),
            (0.5, 0.520_499_878),
            (1.0, 0.842_700_793),
            (1.5, 0.966_105_146),
            (2.0, 0.995_322_265),
            (3.0, 0.999_977_91),
            (5.0, 1.0),
        ];
        for (at, exact) in table {
            for sign in [1.0, -1.0] {
                on_every_instruction_set(
                    || Function::Erf,
                    &[at * sign; LANES],
                    |path, x, y| {
                        let error = f64::from(y) - exact * f64::from(sign);
                        assert!(error.abs() <= 5e-7, "{path:?} {x}: {y}");
                    },
                );
            }
        }
    }
}
