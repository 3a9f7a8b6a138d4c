//! Loops over rows in assembly for AVX2, where a compiler misses the tile that fits its registers.

use std::arch::x86_64::*;

use crate::model::simd::{Lane, Pairs};

/// What is to be done `left` times: four at a time, and the rest one by one.
macro_rules! by_fours {
    ([$($four:expr),* $(,)?] [$($one:expr),*]) => {
        concat!(
            "sub {left}, 4\n jb 3f\n .p2align 5\n 2:\n",
            $($four,)*
            "sub {left}, 4\n jae 2b\n 3:\n add {left}, 4\n jz 5f\n 4:\n",
            $($one,)*
            "dec {left}\n jnz 4b\n 5:\n",
        )
    };
}

/// One step of [`dot_rows`]: the pairs of some rows, `$a` bytes on, times the sixteen columns `$b` bytes on.
macro_rules! dot_step {
    ($a:literal, $b:literal, $($row:literal $low:ident $high:ident)*) => {
        concat!(
            "vmovdqa {b_low}, [{b} + ", $b, "]\n",
            "vmovdqa {b_high}, [{b} + ", $b, " + 32]\n",
            $(
                "vpbroadcastd {x}, dword ptr [{a} + ", $a, " + 4 * ", $row, "]\n",
                "vpmaddwd {y}, {x}, {b_low}\n",
                "vpmaddwd {x}, {x}, {b_high}\n",
                "vpaddd {", stringify!($low), "}, {", stringify!($low), "}, {y}\n",
                "vpaddd {", stringify!($high), "}, {", stringify!($high), "}, {x}\n",
            )*
        )
    };
}

/// One step of [`fma_rows`]: an entry of some rows, `$a` bytes on, times the sixteen columns `$b` bytes on.
macro_rules! fma_step {
    ($a:literal, $b:literal, $($row:literal $low:literal $high:literal)*) => {
        concat!(
            "vmovaps ymm12, [{b} + ", $b, "]\n",
            "vmovaps ymm13, [{b} + ", $b, " + 32]\n",
            $(
                "vbroadcastss ymm14, dword ptr [", $row, " + ", $a, "]\n",
                "vfmadd231ps ", $low, ", ymm14, ymm12\n",
                "vfmadd231ps ", $high, ", ymm14, ymm13\n",
            )*
        )
    };
}

/// A loop of [`Simd::fma_rows`], by hand: a compiler counts from row to row in every step, a third more instructions.
macro_rules! fma_rows {
    ($name:ident: $rows:literal, $($row:literal $low:literal $high:literal $to:literal)*) => {
        /// # Safety
        /// The processor must have AVX2 and FMA. Of every row sixteen floats are written, `width` floats behind those of the row
        /// before, the first to `out`: they must be somebody's to write.
        #[inline]
        #[target_feature(enable = "avx2,fma")]
        pub(super) unsafe fn $name(x: &[f32], stride: usize, b: &[Lane], out: *mut f32, width: usize) {
            // The first so that the second cannot overflow.
            assert!(stride <= x.len() && x.len() >= ($rows - 1) * stride + b.len());
            // SAFETY: the processor is as the caller promises, and so is what is written; what is read are the lanes of the
            // columns, aligned as their type is, and as many entries of each row.
            unsafe {
                std::arch::asm!(
                    $(
                        concat!("vxorps ", $low, ", ", $low, ", ", $low),
                        concat!("vxorps ", $high, ", ", $high, ", ", $high),
                    )*
                    by_fours!(
                        [
                            fma_step!("0", "0", $($row $low $high)*),
                            fma_step!("4", "64", $($row $low $high)*),
                            fma_step!("8", "128", $($row $low $high)*),
                            fma_step!("12", "192", $($row $low $high)*),
                            "add {x}, 16\n add {x3}, 16\n add {b}, 256\n",
                        ]
                        [fma_step!("0", "0", $($row $low $high)*), "add {x}, 4\n add {x3}, 4\n add {b}, 64\n"]
                    ),
                    "lea {out3}, [{out} + 2 * {width}]",
                    "add {out3}, {width}",
                    $(
                        concat!("vmovups [", $to, "], ", $low),
                        concat!("vmovups [", $to, " + 32], ", $high),
                    )*
                    left = inout(reg) b.len() => _,
                    b = inout(reg) b.as_ptr() => _,
                    // The first row, and the fourth.
                    x = inout(reg) x.as_ptr() => _,
                    x3 = inout(reg) x.as_ptr().wrapping_add(3 * stride) => _,
                    stride = in(reg) 4 * stride,
                    out = in(reg) out,
                    out3 = out(reg) _,
                    width = in(reg) 4 * width,
                    out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _,
                    out("ymm6") _, out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                    out("ymm12") _, out("ymm13") _, out("ymm14") _,
                    options(nostack),
                );
            }
        }
    };
}

fma_rows!(fma_six: 6,
    "{x}" "ymm0" "ymm1" "{out}"
    "{x} + {stride}" "ymm2" "ymm3" "{out} + {width}"
    "{x} + 2 * {stride}" "ymm4" "ymm5" "{out} + 2 * {width}"
    "{x3}" "ymm6" "ymm7" "{out3}"
    "{x3} + {stride}" "ymm8" "ymm9" "{out3} + {width}"
    "{x3} + 2 * {stride}" "ymm10" "ymm11" "{out3} + 2 * {width}");
fma_rows!(fma_four: 4,
    "{x}" "ymm0" "ymm1" "{out}"
    "{x} + {stride}" "ymm2" "ymm3" "{out} + {width}"
    "{x} + 2 * {stride}" "ymm4" "ymm5" "{out} + 2 * {width}"
    "{x3}" "ymm6" "ymm7" "{out3}");
fma_rows!(fma_two: 2,
    "{x}" "ymm0" "ymm1" "{out}"
    "{x} + {stride}" "ymm2" "ymm3" "{out} + {width}");

/// Whether there is a loop for R rows, which then has run.
///
/// # Safety
/// As [`fma_six`].
#[inline(always)]
pub(super) unsafe fn fma<const R: usize>(x: &[f32], stride: usize, b: &[Lane], out: *mut f32, width: usize) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        match R {
            _ if cfg!(miri) => return false,
            6 => fma_six(x, stride, b, out, width),
            4 => fma_four(x, stride, b, out, width),
            2 => fma_two(x, stride, b, out, width),
            _ => return false,
        }
    }
    true
}

/// A loop of [`Simd::dot_rows`], by hand: a compiler multiplies and adds in turn, and then most multiplications of a Zen 3, which
/// hands instructions to two schedulers in turn, wait at one of them; given several steps at a time it keeps more sums, columns
/// and products than there are registers.
macro_rules! dot_rows {
    ($name:ident: $rows:literal, $($row:literal $low:ident $high:ident)*) => {
        /// # Safety
        /// The processor must have AVX2.
        #[inline]
        #[target_feature(enable = "avx2")]
        pub(super) unsafe fn $name(a: &[[i16; 2]], b: &[Pairs]) -> [[__m256i; 2]; $rows] {
            assert_eq!(a.len(), $rows * b.len());
            $(let (mut $low, mut $high) = (_mm256_setzero_si256(), _mm256_setzero_si256());)*
            // SAFETY: the processor is as the caller promises; what is read are the pairs of the columns, aligned as their type
            // is, and as many of each row.
            unsafe {
                std::arch::asm!(
                    by_fours!(
                        [
                            dot_step!("0", "0", $($row $low $high)*),
                            dot_step!("4 * {rows}", "64", $($row $low $high)*),
                            dot_step!("8 * {rows}", "128", $($row $low $high)*),
                            dot_step!("12 * {rows}", "192", $($row $low $high)*),
                            "add {a}, 16 * {rows}\n add {b}, 256\n",
                        ]
                        [dot_step!("0", "0", $($row $low $high)*), "add {a}, 4 * {rows}\n add {b}, 64\n"]
                    ),
                    rows = const $rows,
                    left = inout(reg) b.len() => _,
                    a = inout(reg) a.as_ptr() => _,
                    b = inout(reg) b.as_ptr() => _,
                    $($low = inout(ymm_reg) $low, $high = inout(ymm_reg) $high,)*
                    b_low = out(ymm_reg) _,
                    b_high = out(ymm_reg) _,
                    x = out(ymm_reg) _,
                    y = out(ymm_reg) _,
                    options(pure, readonly, nostack),
                );
            }
            [$([$low, $high]),*]
        }
    };
}

dot_rows!(dot_six: 6, "0" low0 high0 "1" low1 high1 "2" low2 high2 "3" low3 high3 "4" low4 high4 "5" low5 high5);
dot_rows!(dot_four: 4, "0" low0 high0 "1" low1 high1 "2" low2 high2 "3" low3 high3);
dot_rows!(dot_two: 2, "0" low0 high0 "1" low1 high1);
