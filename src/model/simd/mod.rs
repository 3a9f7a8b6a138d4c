//! Vectors of sixteen floats on whatever the processor has: the only folder with `unsafe`.
//!
//! A kernel is written once, in safe code over [`Simd`], and compiled for every instruction set. [`run`] picks the best one the
//! processor has, once, at run time; `FOVEA_KERNELS` names another (`portable`, `avx2`, `avx512`, `neon`), which is how the tests
//! hold every path against the plain one.
//!
//! A value of a type that implements [`Simd`] is the proof that its instructions exist: its field is private, and [`run`] makes
//! it after asking the processor. That is the reason of every `unsafe` block below; the few that also touch memory do so through
//! a reference to an array of the right size.

#![allow(unsafe_code, reason = "intrinsics, behind the check described above")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

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
    /// Has the cache line of a place fetched while other things are computed. Where no instruction does that, nothing happens.
    #[inline(always)]
    fn fetch<T>(self, place: &T) {
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
    /// Sixteen bytes from memory, whose lower and upper halves become pairs of 16 bits, each with its sign.
    fn widen_halves(self, from: &[u8; LANES]) -> Self::I16;
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
        Isa::Avx2 if path.available() => unsafe { x86_64::run_avx2(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 if path.available() => unsafe { x86_64::run_avx512(kernel) },
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => kernel.run(aarch64::Neon::new()),
        _ => kernel.run(portable::Portable(())),
    }
}
