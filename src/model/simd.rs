//! Vectors of sixteen floats on whatever the processor has: the only file with `unsafe`.
//!
//! A kernel is written once, in safe code over [`Simd`], and compiled for every instruction set. [`run`] picks the best one the
//! processor has, once, at run time; `FOVEA_KERNELS` names another (`portable`, `avx2`, `avx512`, `neon`), which is how the tests
//! hold every path against the plain one.
//!
//! A value of a type that implements [`Simd`] is the proof that its instructions exist: its field is private, and [`run`] makes
//! it after asking the processor. That is the reason of every `unsafe` block below; the few that also touch memory do so through
//! a reference to an array of the right size.

#![allow(unsafe_code, reason = "intrinsics, behind the check described above")]

use std::sync::OnceLock;

/// Floats in a vector, whatever the processor: two registers of AVX2, one of AVX-512, four of NEON.
pub const LANES: usize = 16;

/// Sixteen floats at the start of a cache line, so that no load touches two.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(align(64))]
pub struct Lane(pub [f32; LANES]);

impl Lane {
    /// Sixteen zeros.
    pub const ZERO: Lane = Lane([0.0; LANES]);
}

/// Sixteen pairs of 16-bit integers at the start of a cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub struct Pairs(pub [i16; 2 * LANES]);

impl Pairs {
    /// Thirty-two zeros.
    pub const ZERO: Pairs = Pairs([0; 2 * LANES]);
}

/// The instructions of one path. All act on sixteen lanes.
pub trait Simd: Copy {
    /// Sixteen f32.
    type F32: Copy;
    /// Sixteen i32.
    type I32: Copy;
    /// Sixteen pairs of i16.
    type I16: Copy;

    /// How many registers a matrix product has for its sums.
    const REGISTERS: Registers;

    /// Runs a kernel within another, as a function of its own: compiled once for all that call it.
    fn call<K: Kernel>(self, kernel: K) -> K::Output;

    /// The same number in every lane.
    fn splat(self, v: f32) -> Self::F32;
    /// From memory.
    fn load(self, from: &[f32; LANES]) -> Self::F32;
    /// Into memory.
    fn store(self, to: &mut [f32; LANES], v: Self::F32);
    /// Nothing that is loaded after it is loaded before it. Where registers are few, a compiler that loads ahead puts sums on the stack.
    #[inline(always)]
    fn in_order(self) {}
    /// Has the cache line of a float fetched while other things are computed. Where no instruction does that, nothing happens.
    #[inline(always)]
    fn fetch(self, place: &f32) {
        // SAFETY: every x86-64 has the instruction, and it changes nothing that can be seen.
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
        }
        let _ = place;
    }
    /// a + b
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// a - b
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// a · b
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// a / b
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// a · b + c, rounded once where the processor can.
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// The larger; of a NaN and a number either.
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// The smaller; of a NaN and a number either.
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// |a|
    fn abs(self, a: Self::F32) -> Self::F32;
    /// 1 where a > 0, else 0.
    fn positive(self, a: Self::F32) -> Self::F32;
    /// A bit for each lane in which a > b, the first the lowest.
    fn greater(self, a: Self::F32, b: Self::F32) -> u16;
    /// The bits of every lane shifted left by 23: what stands in the lowest nine becomes sign and exponent.
    fn shift_to_exponent(self, a: Self::F32) -> Self::F32;
    /// Sum of the lanes.
    fn sum(self, a: Self::F32) -> f32;
    /// Largest lane.
    fn largest(self, a: Self::F32) -> f32;

    /// Sixteen zeros.
    fn zero_i32(self) -> Self::I32;
    /// From memory.
    fn load_pairs(self, from: &Pairs) -> Self::I16;
    /// Thirty-two bytes from memory, each as 16 bits.
    fn widen(self, from: &[i8; 2 * LANES]) -> Self::I16;
    /// The same pair in every lane.
    fn splat_pair(self, pair: [i16; 2]) -> Self::I16;
    /// acc + a₀·b₀ + a₁·b₁ for the pair of every lane, wrapping.
    fn dot_pairs(self, acc: Self::I32, a: Self::I16, b: Self::I16) -> Self::I32;
    /// Σ `x[r·stride + k]`·`b[k]` for R rows, one product added to the sum of those before it, where a path has a loop of its own for
    /// that many rows.
    #[inline(always)]
    fn fma_rows<const R: usize>(self, _x: &[f32], _stride: usize, _b: &[Lane]) -> Option<[[f32; LANES]; R]> {
        None
    }
    /// The same into rows of `out`, `width` apart; tells whether there is such a loop.
    #[inline(always)]
    fn fma_rows_into<const R: usize>(
        self,
        _x: &[f32],
        _stride: usize,
        _b: &[Lane],
        _out: &mut [f32],
        _width: usize,
    ) -> bool {
        false
    }
    /// The sums of [`Simd::dot_pairs`] over the pairs of R rows, `a[k][r]` times `b[k]`, where a path has a loop of its own for that
    /// many rows; b is as long as a.
    #[inline(always)]
    fn dot_rows<const R: usize>(self, _a: &[[[i16; 2]; R]], _b: &[Pairs]) -> Option<[Self::I32; R]> {
        None
    }
    /// As floats.
    fn to_f32(self, a: Self::I32) -> Self::F32;
    /// Rounds to the nearest integers, which must fit into 16 bits, ties to even.
    fn round_i16(self, a: Self::F32) -> [i16; LANES];
    /// The same of two vectors, whose lanes become pairs.
    fn round_pairs(self, low: Self::F32, high: Self::F32) -> Self::I16;
    /// Into memory.
    fn store_pairs(self, to: &mut Pairs, v: Self::I16);
}

/// How many registers a matrix product has for its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registers {
    /// 12 rows of 32 columns.
    Many,
    /// 6 rows of 16 columns.
    Some,
    /// 2 rows of 16 columns.
    Few,
}

/// Work that runs on any path. `run` has to be `#[inline(always)]`, as everything hot that it calls, and vectors must not be
/// handled in closures: only what is inlined into the path's entry function is compiled for the path. What is not still gives the
/// right numbers, a hundred times as slowly.
pub trait Kernel {
    /// What comes out.
    type Output;
    /// Does the work.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// A set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Whatever the target has: SSE2 on x86-64.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW and VNNI.
    Avx512,
    /// NEON.
    Neon,
}

impl Isa {
    /// All of them, the slowest first.
    pub const ALL: [Isa; 4] = [Isa::Portable, Isa::Neon, Isa::Avx2, Isa::Avx512];

    /// Its name in `FOVEA_KERNELS`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
        }
    }

    /// Whether it multiplies pairs of 16-bit integers faster than floats.
    pub fn prefers_integers(self) -> bool {
        matches!(self, Isa::Avx2 | Isa::Avx512)
    }

    /// Whether this processor has its instructions.
    pub fn available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => true,
            #[allow(unreachable_patterns, reason = "the paths of another architecture")]
            _ => false,
        }
    }
}

/// The path of this process: what `FOVEA_KERNELS` names if the processor has it, else the fastest it has.
pub fn path() -> Isa {
    static CHOSEN: OnceLock<Isa> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let wanted = std::env::var("FOVEA_KERNELS").unwrap_or_default();
        let named = Isa::ALL.into_iter().find(|path| path.name() == wanted);
        let fastest = || Isa::ALL.into_iter().rfind(|path| path.available());
        named
            .filter(|path| path.available())
            .or_else(fastest)
            .unwrap_or(Isa::Portable)
    })
}

/// Runs a kernel on the path of this process.
#[inline]
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    run_on(path(), kernel)
}

/// Runs a kernel on a path, or on the portable one where the processor lacks it.
#[inline]
pub fn run_on<K: Kernel>(path: Isa, kernel: K) -> K::Output {
    match path {
        // SAFETY: the instructions are there, as the guard asked the processor (the answer is kept by the standard library).
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 if path.available() => unsafe { x86::run_avx2(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 if path.available() => unsafe { x86::run_avx512(kernel) },
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => kernel.run(arm::Neon::new()),
        _ => kernel.run(Portable(())),
    }
}

/// Plain arrays, which the compiler turns into what the target has at least.
#[derive(Clone, Copy)]
struct Portable(());

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

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Kernel, LANES, Lane, Pairs, Registers, Simd};

    /// # Safety
    /// The processor must have AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
        kernel.run(Avx2(()))
    }

    /// # Safety
    /// The processor must have AVX-512 F, BW and VNNI.
    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vnni")]
    pub(super) unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
        kernel.run(Avx512(()))
    }

    /// Made by [`run_avx2`] alone.
    #[derive(Clone, Copy)]
    pub(super) struct Avx2(());

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
            unsafe fn $name(x: &[f32], stride: usize, b: &[Lane], out: *mut f32, width: usize) {
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
    unsafe fn fma<const R: usize>(x: &[f32], stride: usize, b: &[Lane], out: *mut f32, width: usize) -> bool {
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
            unsafe fn $name(a: &[[i16; 2]], b: &[Pairs]) -> [[__m256i; 2]; $rows] {
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
    pub(super) struct Avx512(());

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

    #[inline(always)]
    fn as_i32([low, high]: [i16; 2]) -> i32 {
        i32::from(low) & 0xffff | i32::from(high) << 16
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
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
}
