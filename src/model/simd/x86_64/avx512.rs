//! AVX-512 F, BW and VNNI: one register to a vector.

use std::arch::x86_64::*;

use super::as_i32;
use crate::model::simd::{Kernel, LANES, Pairs, Registers, Simd};

/// # Safety
/// The processor must have AVX-512 F, BW and VNNI.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vnni")]
pub unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

/// VNNI's product, spelled out: for a chain of them the compiler takes its intrinsic apart into a product and a sum, so that none
/// waits for the one before, at the price of half the throughput.
///
/// # Safety
/// The processor must have AVX-512 F and VNNI.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn dot(mut acc: __m512i, a: __m512i, b: __m512i) -> __m512i {
    // SAFETY: as the caller promises; registers are all it touches.
    unsafe {
        std::arch::asm!(
            "vpdpwssd {acc}, {a}, {b}",
            acc = inout(zmm_reg) acc,
            a = in(zmm_reg) a,
            b = in(zmm_reg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    acc
}

/// Made by [`run_avx512`] alone.
#[derive(Clone, Copy)]
pub struct Avx512(());

impl Simd for Avx512 {
    type F32 = __m512;
    type I32 = __m512i;
    type I16 = __m512i;

    const REGISTERS: Registers = Registers::Many;

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` is the proof that the processor has the instructions, here and below.
        unsafe { run_avx512(kernel) }
    }
    #[inline(always)]
    fn splat(self, v: f32) -> Self::F32 {
        // SAFETY: `self` is the proof that the processor has the instruction, here and below.
        unsafe { _mm512_set1_ps(v) }
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F32 {
        // SAFETY: as above; sixteen floats lie there, and this load needs no alignment.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], v: Self::F32) {
        // SAFETY: as above; there is room for sixteen floats, and this store needs no alignment.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_abs_ps(a) }
    }
    #[inline(always)]
    fn positive(self, a: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(positive, _mm512_set1_ps(1.0))
        }
    }
    #[inline(always)]
    fn greater(self, a: Self::F32, b: Self::F32) -> u16 {
        // SAFETY: as above.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) }
    }
    #[inline(always)]
    fn shift_to_exponent(self, a: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(a))) }
    }
    #[inline(always)]
    fn sum(self, a: Self::F32) -> f32 {
        // SAFETY: as above.
        unsafe { _mm512_reduce_add_ps(a) }
    }
    #[inline(always)]
    fn largest(self, a: Self::F32) -> f32 {
        // SAFETY: as above.
        unsafe { _mm512_reduce_max_ps(a) }
    }
    #[inline(always)]
    fn zero_i32(self) -> Self::I32 {
        // SAFETY: as above.
        unsafe { _mm512_setzero_si512() }
    }
    #[inline(always)]
    fn load_pairs(self, from: &Pairs) -> Self::I16 {
        // SAFETY: as above; 64 bytes lie there, aligned.
        unsafe { _mm512_load_si512(from.0.as_ptr().cast()) }
    }
    #[inline(always)]
    fn widen(self, from: &[i8; 2 * LANES]) -> Self::I16 {
        // SAFETY: as above; 32 bytes lie there, and this load needs no alignment.
        unsafe { _mm512_cvtepi8_epi16(_mm256_loadu_si256(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn widen_halves(self, from: &[u8; LANES]) -> Self::I16 {
        // SAFETY: as above; sixteen bytes lie there, and this load needs no alignment.
        unsafe {
            let bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(from.as_ptr().cast()));
            // Each half at the top of its sixteen bits, from where it is shifted down with its sign.
            let tops = _mm512_or_si512(_mm512_slli_epi32::<12>(bytes), _mm512_slli_epi32::<24>(bytes));
            _mm512_srai_epi16::<12>(tops)
        }
    }
    #[inline(always)]
    fn splat_pair(self, pair: [i16; 2]) -> Self::I16 {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi32(as_i32(pair)) }
    }
    #[inline(always)]
    fn dot_pairs(self, acc: Self::I32, a: Self::I16, b: Self::I16) -> Self::I32 {
        // SAFETY: as above.
        unsafe { dot(acc, a, b) }
    }
    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { _mm512_cvtepi32_ps(a) }
    }
    #[inline(always)]
    fn round_i16(self, a: Self::F32) -> [i16; LANES] {
        let mut out = [0; LANES];
        // SAFETY: as above; there is room for 32 bytes, and this store needs no alignment.
        unsafe {
            let narrow = _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(a));
            _mm256_storeu_si256(out.as_mut_ptr().cast(), narrow);
        }
        out
    }
    #[inline(always)]
    fn round_pairs(self, low: Self::F32, high: Self::F32) -> Self::I16 {
        // SAFETY: as above.
        unsafe {
            let high = _mm512_slli_epi32::<16>(_mm512_cvtps_epi32(high));
            _mm512_mask_blend_epi16(0xaaaa_aaaa, _mm512_cvtps_epi32(low), high)
        }
    }
    #[inline(always)]
    fn store_pairs(self, to: &mut Pairs, v: Self::I16) {
        // SAFETY: as above; there is room for 64 bytes, aligned.
        unsafe { _mm512_store_si512(to.0.as_mut_ptr().cast(), v) }
    }
}
