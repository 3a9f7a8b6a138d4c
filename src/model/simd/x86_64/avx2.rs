//! AVX2 and FMA: two registers to a vector.

use std::arch::x86_64::*;

use super::as_i32;
use super::loops::{dot_four, dot_six, dot_two, fma};
use crate::model::simd::{Kernel, LANES, Lane, Pairs, Registers, Simd};

/// # Safety
/// The processor must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// Made by [`run_avx2`] alone.
#[derive(Clone, Copy)]
pub struct Avx2(());

/// Calls an AVX2 intrinsic on both registers of a vector.
macro_rules! both {
    ($f:ident, $a:expr) => {{
        let a = $a;
        // SAFETY: `self` is the proof that the processor has the instruction.
        unsafe { [$f(a[0]), $f(a[1])] }
    }};
    ($f:ident, $a:expr, $b:expr) => {{
        let (a, b) = ($a, $b);
        // SAFETY: as above.
        unsafe { [$f(a[0], b[0]), $f(a[1], b[1])] }
    }};
    ($f:ident, $a:expr, $b:expr, $c:expr) => {{
        let (a, b, c) = ($a, $b, $c);
        // SAFETY: as above.
        unsafe { [$f(a[0], b[0], c[0]), $f(a[1], b[1], c[1])] }
    }};
}

/// # Safety
/// The processor must have AVX.
#[inline(always)]
unsafe fn greater(a: __m256, b: __m256) -> __m256 {
    // SAFETY: as the caller promises.
    unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(a, b) }
}

/// # Safety
/// The processor must have AVX2.
#[inline(always)]
unsafe fn shifted(a: __m256) -> __m256 {
    // SAFETY: as the caller promises.
    unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(a))) }
}

/// The lower halves of the lanes of `low`, with those of `high` above them.
///
/// # Safety
/// The processor must have AVX2.
#[inline(always)]
unsafe fn beside(low: __m256i, high: __m256i) -> __m256i {
    // SAFETY: as the caller promises.
    unsafe { _mm256_blend_epi16::<0b1010_1010>(low, _mm256_slli_epi32::<16>(high)) }
}

/// The two halves of the lowest byte of each lane, as a pair of 16 bits with their signs.
///
/// # Safety
/// The processor must have AVX2.
#[inline(always)]
unsafe fn halves(bytes: __m256i) -> __m256i {
    // SAFETY: as the caller promises.
    unsafe {
        // Each half at the top of its sixteen bits, from where it is shifted down with its sign.
        let tops = _mm256_or_si256(_mm256_slli_epi32::<12>(bytes), _mm256_slli_epi32::<24>(bytes));
        _mm256_srai_epi16::<12>(tops)
    }
}

/// An array of as many entries, which a compiler knows to be as many only once both numbers are.
#[inline(always)]
fn same_length<T: Copy, const N: usize, const R: usize>(array: [T; N]) -> [T; R] {
    std::array::from_fn(|i| array[i])
}

impl Simd for Avx2 {
    type F32 = [__m256; 2];
    type I32 = [__m256i; 2];
    type I16 = [__m256i; 2];

    const REGISTERS: Registers = Registers::Some;

    #[inline(always)]
    fn call<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: `self` is the proof.
        unsafe { run_avx2(kernel) }
    }
    #[inline(always)]
    fn splat(self, v: f32) -> Self::F32 {
        // SAFETY: `self` is the proof.
        [unsafe { _mm256_set1_ps(v) }; 2]
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F32 {
        // SAFETY: `self` is the proof; sixteen floats lie there, and these loads need no alignment.
        unsafe { [_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))] }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], v: Self::F32) {
        // SAFETY: `self` is the proof; there is room for sixteen floats, and these stores need no alignment.
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), v[0]);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), v[1]);
        }
    }
    #[inline(always)]
    fn in_order(self) {
        // SAFETY: no instruction.
        #[cfg(not(miri))]
        unsafe {
            std::arch::asm!("", options(nostack, preserves_flags));
        }
    }
    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        both!(_mm256_add_ps, a, b)
    }
    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        both!(_mm256_sub_ps, a, b)
    }
    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        both!(_mm256_mul_ps, a, b)
    }
    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        both!(_mm256_div_ps, a, b)
    }
    #[inline(always)]
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        both!(_mm256_fmadd_ps, a, b, c)
    }
    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        both!(_mm256_max_ps, a, b)
    }
    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        both!(_mm256_min_ps, a, b)
    }
    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        both!(_mm256_andnot_ps, self.splat(-0.0), a)
    }
    #[inline(always)]
    fn positive(self, a: Self::F32) -> Self::F32 {
        let zero = self.splat(0.0);
        both!(_mm256_and_ps, self.splat(1.0), both!(greater, a, zero))
    }
    #[inline(always)]
    fn greater(self, a: Self::F32, b: Self::F32) -> u16 {
        let [low, high] = both!(greater, a, b);
        // SAFETY: `self` is the proof.
        unsafe { (_mm256_movemask_ps(low) | _mm256_movemask_ps(high) << 8) as u16 }
    }
    #[inline(always)]
    fn shift_to_exponent(self, a: Self::F32) -> Self::F32 {
        both!(shifted, a)
    }
    #[inline(always)]
    fn sum(self, a: Self::F32) -> f32 {
        // SAFETY: `self` is the proof.
        unsafe {
            let eight = _mm256_add_ps(a[0], a[1]);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    fn largest(self, a: Self::F32) -> f32 {
        // SAFETY: `self` is the proof.
        unsafe {
            let eight = _mm256_max_ps(a[0], a[1]);
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    fn zero_i32(self) -> Self::I32 {
        // SAFETY: `self` is the proof.
        [unsafe { _mm256_setzero_si256() }; 2]
    }
    #[inline(always)]
    fn load_pairs(self, from: &Pairs) -> Self::I16 {
        let at = from.0.as_ptr().cast::<__m256i>();
        // SAFETY: `self` is the proof; 64 bytes lie there, aligned.
        unsafe { [_mm256_load_si256(at), _mm256_load_si256(at.add(1))] }
    }
    #[inline(always)]
    fn widen(self, from: &[i8; 2 * LANES]) -> Self::I16 {
        let at = from.as_ptr().cast::<__m128i>();
        // SAFETY: `self` is the proof; 32 bytes lie there, and these loads need no alignment.
        unsafe {
            [
                _mm256_cvtepi8_epi16(_mm_loadu_si128(at)),
                _mm256_cvtepi8_epi16(_mm_loadu_si128(at.add(1))),
            ]
        }
    }
    #[inline(always)]
    fn widen_halves(self, from: &[u8; LANES]) -> Self::I16 {
        let at = from.as_ptr().cast::<__m128i>();
        // SAFETY: `self` is the proof; sixteen bytes lie there, and this load needs no alignment.
        let wide = unsafe {
            let bytes = _mm_loadu_si128(at);
            [
                _mm256_cvtepu8_epi32(bytes),
                _mm256_cvtepu8_epi32(_mm_srli_si128::<8>(bytes)),
            ]
        };
        both!(halves, wide)
    }
    #[inline(always)]
    fn splat_pair(self, pair: [i16; 2]) -> Self::I16 {
        // SAFETY: `self` is the proof.
        [unsafe { _mm256_set1_epi32(as_i32(pair)) }; 2]
    }
    #[inline(always)]
    fn dot_pairs(self, acc: Self::I32, a: Self::I16, b: Self::I16) -> Self::I32 {
        both!(_mm256_add_epi32, acc, both!(_mm256_madd_epi16, a, b))
    }
    #[inline(always)]
    fn fma_rows<const R: usize>(self, x: &[f32], stride: usize, b: &[Lane]) -> Option<[[f32; LANES]; R]> {
        let mut sums = std::mem::MaybeUninit::<[[f32; LANES]; R]>::uninit();
        // SAFETY: there is room for sixteen floats of every row, and where there is such a loop it writes them all.
        unsafe { fma::<R>(x, stride, b, sums.as_mut_ptr().cast(), LANES).then(|| sums.assume_init()) }
    }
    #[inline(always)]
    fn fma_rows_into<const R: usize>(
        self,
        x: &[f32],
        stride: usize,
        b: &[Lane],
        out: &mut [f32],
        width: usize,
    ) -> bool {
        // The first so that the second cannot overflow; a single row has no next one.
        assert!((R < 2 || width <= out.len()) && out.len() >= (R - 1) * width + LANES);
        // SAFETY: as was just asked.
        unsafe { fma::<R>(x, stride, b, out.as_mut_ptr(), width) }
    }
    #[inline(always)]
    fn dot_rows<const R: usize>(self, a: &[[[i16; 2]; R]], b: &[Pairs]) -> Option<[Self::I32; R]> {
        if cfg!(miri) {
            return None;
        }
        let a = a.as_flattened();
        // SAFETY: `self` is the proof that the processor has the instructions.
        unsafe {
            match R {
                6 => Some(same_length(dot_six(a, b))),
                4 => Some(same_length(dot_four(a, b))),
                2 => Some(same_length(dot_two(a, b))),
                _ => None,
            }
        }
    }
    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        both!(_mm256_cvtepi32_ps, a)
    }
    #[inline(always)]
    fn round_i16(self, a: Self::F32) -> [i16; LANES] {
        let mut out = [0; LANES];
        // SAFETY: `self` is the proof; there is room for 32 bytes, and this store needs no alignment.
        unsafe {
            let packed = _mm256_packs_epi32(_mm256_cvtps_epi32(a[0]), _mm256_cvtps_epi32(a[1]));
            // Packing works on halves of a register: 0, 2, 1, 3 puts them in order again.
            let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
            _mm256_storeu_si256(out.as_mut_ptr().cast(), ordered);
        }
        out
    }
    #[inline(always)]
    fn round_pairs(self, low: Self::F32, high: Self::F32) -> Self::I16 {
        let (low, high) = (both!(_mm256_cvtps_epi32, low), both!(_mm256_cvtps_epi32, high));
        both!(beside, low, high)
    }
    #[inline(always)]
    fn store_pairs(self, to: &mut Pairs, v: Self::I16) {
        let at = to.0.as_mut_ptr().cast::<__m256i>();
        // SAFETY: `self` is the proof; there is room for 64 bytes, aligned.
        unsafe {
            _mm256_store_si256(at, v[0]);
            _mm256_store_si256(at.add(1), v[1]);
        }
    }
}
