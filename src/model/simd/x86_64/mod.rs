//! x86-64: AVX2 in two registers to a vector, AVX-512 in one.

mod avx2;
mod avx512;
mod loops;

pub(super) use self::avx2::run_avx2;
pub(super) use self::avx512::run_avx512;

#[inline(always)]
fn as_i32([low, high]: [i16; 2]) -> i32 {
    i32::from(low) & 0xffff | i32::from(high) << 16
}
