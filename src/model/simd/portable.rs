//! The plain path: arrays that the compiler turns into what the target has at least.

use super::{Kernel, LANES, Pairs, Registers, Simd};

/// Plain arrays, which the compiler turns into what the target has at least.
#[derive(Clone, Copy)]
pub(super) struct Portable(pub(super) ());

macro_rules! lanes {
    (|$lane:ident| $of:expr) => {{
        let mut out = [Default::default(); LANES];
        for $lane in 0..LANES {
            out[$lane] = $of;
        }
        out
    }};
}

impl Simd for Portable {
    type F32 = [f32; LANES];
    type I32 = [i32; LANES];
    type I16 = [i16; 2 * LANES];

    const REGISTERS: Registers = Registers::Few;

    #[inline(never)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    fn splat(self, v: f32) -> Self::F32 {
        [v; LANES]
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F32 {
        *from
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], v: Self::F32) {
        *to = v;
    }
    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        lanes!(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        lanes!(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        lanes!(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        lanes!(|i| a[i] / b[i])
    }
    // Not `f32::mul_add`: without the instruction that is a call of a function.
    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        lanes!(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        lanes!(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        lanes!(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        lanes!(|i| a[i].abs())
    }
    #[inline(always)]
    fn positive(self, a: Self::F32) -> Self::F32 {
        lanes!(|i| if a[i] > 0.0 { 1.0 } else { 0.0 })
    }
    #[inline(always)]
    fn greater(self, a: Self::F32, b: Self::F32) -> u16 {
        let bits = a.iter().zip(b).enumerate();
        bits.fold(0, |bits, (i, (a, b))| bits | u16::from(*a > b) << i)
    }
    #[inline(always)]
    fn shift_to_exponent(self, a: Self::F32) -> Self::F32 {
        lanes!(|i| f32::from_bits(a[i].to_bits() << 23))
    }
    #[inline(always)]
    fn sum(self, a: Self::F32) -> f32 {
        // In halves, as the registers of the other paths are added.
        let mut half = LANES / 2;
        let mut a = a;
        while half > 0 {
            for i in 0..half {
                a[i] += a[i + half];
            }
            half /= 2;
        }
        a[0]
    }
    #[inline(always)]
    fn largest(self, a: Self::F32) -> f32 {
        let mut largest = a[0];
        for v in a {
            largest = if v > largest { v } else { largest };
        }
        largest
    }
    #[inline(always)]
    fn zero_i32(self) -> Self::I32 {
        [0; LANES]
    }
    #[inline(always)]
    fn load_pairs(self, from: &Pairs) -> Self::I16 {
        from.0
    }
    #[inline(always)]
    fn widen(self, from: &[i8; 2 * LANES]) -> Self::I16 {
        from.map(i16::from)
    }
    #[inline(always)]
    fn widen_halves(self, from: &[u8; LANES]) -> Self::I16 {
        let mut out = [0; 2 * LANES];
        for i in 0..LANES {
            out[2 * i] = i16::from((from[i] << 4).cast_signed() >> 4);
            out[2 * i + 1] = i16::from(from[i].cast_signed() >> 4);
        }
        out
    }
    #[inline(always)]
    fn splat_pair(self, pair: [i16; 2]) -> Self::I16 {
        let mut out = [0; 2 * LANES];
        for i in 0..LANES {
            out[2 * i] = pair[0];
            out[2 * i + 1] = pair[1];
        }
        out
    }
    #[inline(always)]
    fn dot_pairs(self, acc: Self::I32, a: Self::I16, b: Self::I16) -> Self::I32 {
        let product = |i: usize| i32::from(a[i]) * i32::from(b[i]);
        lanes!(|i| acc[i].wrapping_add(product(2 * i).wrapping_add(product(2 * i + 1))))
    }
    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        lanes!(|i| a[i] as f32)
    }
    #[inline(always)]
    fn round_i16(self, a: Self::F32) -> [i16; LANES] {
        // Adding 1.5·2²³ leaves the nearest integer, ties to even, in the low bits.
        lanes!(|i| (a[i] + 12_582_912.0).to_bits() as i16)
    }
    #[inline(always)]
    fn round_pairs(self, low: Self::F32, high: Self::F32) -> Self::I16 {
        let (low, high) = (self.round_i16(low), self.round_i16(high));
        let mut out = [0; 2 * LANES];
        for i in 0..LANES {
            out[2 * i] = low[i];
            out[2 * i + 1] = high[i];
        }
        out
    }
    #[inline(always)]
    fn store_pairs(self, to: &mut Pairs, v: Self::I16) {
        to.0 = v;
    }
}
