//! NEON, four registers to a vector.

use std::arch::aarch64::*;

use super::{Kernel, LANES, Pairs, Registers, Simd};

/// NEON belongs to every aarch64 target.
#[derive(Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    #[inline(always)]
    pub(super) fn new() -> Neon {
        Neon(())
    }
}

/// Calls an intrinsic on the four registers of a vector.
macro_rules! four {
    (|$i:ident| $of:expr) => {{
        let of = |$i: usize| {
            // SAFETY: every aarch64 target has NEON.
            unsafe { $of }
        };
        [of(0), of(1), of(2), of(3)]
    }};
}

impl Simd for Neon {
    type F32 = [float32x4_t; 4];
    type I32 = [int32x4_t; 4];
    type I16 = [int16x8_t; 4];

    const REGISTERS: Registers = Registers::Some;

    #[inline(never)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    fn splat(self, v: f32) -> Self::F32 {
        four!(|_i| vdupq_n_f32(v))
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F32 {
        // Four floats lie at each place: 4·i + 4 ≤ 16.
        four!(|i| vld1q_f32(from.as_ptr().add(4 * i)))
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], v: Self::F32) {
        for i in 0..4 {
            // SAFETY: every aarch64 target has NEON; there is room for four floats at each place.
            unsafe { vst1q_f32(to.as_mut_ptr().add(4 * i), v[i]) }
        }
    }
    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        four!(|i| vaddq_f32(a[i], b[i]))
    }
    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        four!(|i| vsubq_f32(a[i], b[i]))
    }
    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        four!(|i| vmulq_f32(a[i], b[i]))
    }
    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        four!(|i| vdivq_f32(a[i], b[i]))
    }
    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        four!(|i| vfmaq_f32(c[i], a[i], b[i]))
    }
    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        four!(|i| vmaxnmq_f32(a[i], b[i]))
    }
    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        four!(|i| vminnmq_f32(a[i], b[i]))
    }
    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        four!(|i| vabsq_f32(a[i]))
    }
    #[inline(always)]
    fn positive(self, a: Self::F32) -> Self::F32 {
        // SAFETY: every aarch64 target has NEON.
        let one = unsafe { vreinterpretq_u32_f32(vdupq_n_f32(1.0)) };
        four!(|i| vreinterpretq_f32_u32(vandq_u32(vcgtzq_f32(a[i]), one)))
    }
    #[inline(always)]
    fn greater(self, a: Self::F32, b: Self::F32) -> u16 {
        let mut bits = 0;
        for (i, (a, b)) in a.into_iter().zip(b).enumerate() {
            // SAFETY: every aarch64 target has NEON; four numbers are loaded from four.
            let four = unsafe { vaddvq_u32(vandq_u32(vcgtq_f32(a, b), vld1q_u32([1, 2, 4, 8].as_ptr()))) };
            bits |= (four as u16) << (4 * i);
        }
        bits
    }
    #[inline(always)]
    fn shift_to_exponent(self, a: Self::F32) -> Self::F32 {
        four!(|i| vreinterpretq_f32_s32(vshlq_n_s32::<23>(vreinterpretq_s32_f32(a[i]))))
    }
    #[inline(always)]
    fn sum(self, a: Self::F32) -> f32 {
        // SAFETY: every aarch64 target has NEON.
        unsafe { vaddvq_f32(vaddq_f32(vaddq_f32(a[0], a[2]), vaddq_f32(a[1], a[3]))) }
    }
    #[inline(always)]
    fn largest(self, a: Self::F32) -> f32 {
        // SAFETY: every aarch64 target has NEON.
        unsafe { vmaxnmvq_f32(vmaxnmq_f32(vmaxnmq_f32(a[0], a[2]), vmaxnmq_f32(a[1], a[3]))) }
    }
    #[inline(always)]
    fn zero_i32(self) -> Self::I32 {
        four!(|_i| vdupq_n_s32(0))
    }
    #[inline(always)]
    fn load_pairs(self, from: &Pairs) -> Self::I16 {
        // Eight integers lie at each place: 8·i + 8 ≤ 32.
        four!(|i| vld1q_s16(from.0.as_ptr().add(8 * i)))
    }
    #[inline(always)]
    fn widen(self, from: &[i8; 2 * LANES]) -> Self::I16 {
        // Eight bytes lie at each place: 8·i + 8 ≤ 32.
        four!(|i| vmovl_s8(vld1_s8(from.as_ptr().add(8 * i))))
    }
    #[inline(always)]
    fn widen_halves(self, from: &[u8; LANES]) -> Self::I16 {
        // SAFETY: every aarch64 target has NEON; sixteen bytes lie there.
        unsafe {
            let bytes = vreinterpretq_s8_u8(vld1q_u8(from.as_ptr()));
            let (low, high) = (vshrq_n_s8::<4>(vshlq_n_s8::<4>(bytes)), vshrq_n_s8::<4>(bytes));
            let (first, second) = (vzip1q_s8(low, high), vzip2q_s8(low, high));
            [
                vmovl_s8(vget_low_s8(first)),
                vmovl_s8(vget_high_s8(first)),
                vmovl_s8(vget_low_s8(second)),
                vmovl_s8(vget_high_s8(second)),
            ]
        }
    }
    #[inline(always)]
    fn splat_pair(self, [low, high]: [i16; 2]) -> Self::I16 {
        let pair = i32::from(low) & 0xffff | i32::from(high) << 16;
        four!(|_i| vreinterpretq_s16_s32(vdupq_n_s32(pair)))
    }
    #[inline(always)]
    fn dot_pairs(self, acc: Self::I32, a: Self::I16, b: Self::I16) -> Self::I32 {
        four!(|i| {
            let low = vmull_s16(vget_low_s16(a[i]), vget_low_s16(b[i]));
            let high = vmull_high_s16(a[i], b[i]);
            vaddq_s32(acc[i], vpaddq_s32(low, high))
        })
    }
    #[inline(always)]
    fn dot_rows<const R: usize>(self, a: &[[[i16; 2]; R]], b: &[Pairs]) -> Option<[Self::I32; R]> {
        // Products are summed where they are made, and the two of a lane put together once, at the end.
        let rows = std::array::from_fn(|r| {
            let mut low = four!(|_i| vdupq_n_s32(0));
            let mut high = low;
            for (a, b) in a.iter().zip(b) {
                let (a, b) = (self.splat_pair(a[r]), self.load_pairs(b));
                low = four!(|i| vmlal_s16(low[i], vget_low_s16(a[i]), vget_low_s16(b[i])));
                high = four!(|i| vmlal_high_s16(high[i], a[i], b[i]));
            }
            four!(|i| vpaddq_s32(low[i], high[i]))
        });
        Some(rows)
    }
    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        four!(|i| vcvtq_f32_s32(a[i]))
    }
    #[inline(always)]
    fn round_i16(self, a: Self::F32) -> [i16; LANES] {
        let mut out = [0; LANES];
        for i in 0..4 {
            // SAFETY: every aarch64 target has NEON; there is room for four integers at each place.
            unsafe { vst1_s16(out.as_mut_ptr().add(4 * i), vqmovn_s32(vcvtnq_s32_f32(a[i]))) }
        }
        out
    }
    #[inline(always)]
    fn round_pairs(self, low: Self::F32, high: Self::F32) -> Self::I16 {
        four!(|i| {
            let (low, high) = (vmovn_s32(vcvtnq_s32_f32(low[i])), vmovn_s32(vcvtnq_s32_f32(high[i])));
            vcombine_s16(vzip1_s16(low, high), vzip2_s16(low, high))
        })
    }
    #[inline(always)]
    fn store_pairs(self, to: &mut Pairs, v: Self::I16) {
        for i in 0..4 {
            // SAFETY: every aarch64 target has NEON; there is room for eight integers at each place.
            unsafe { vst1q_s16(to.0.as_mut_ptr().add(8 * i), v[i]) }
        }
    }
}
