//! The arithmetic of the forward pass and of explanations on slices, one subject per file.
//! It is compiled for every instruction set of [`super::simd`].
//!
//! All of it is safe code, which is inlined into the entry function of the instruction set. The sum of an element has the same order in
//! every block, tile and batch, so that packing never changes a number.

/// Unrolls a loop over rows 0 … R (at most 16). An array of vectors stays in registers only with constant indices, and the compiler does
/// not reliably unroll loops of this size.
macro_rules! each_row {
    ($r:ident in $rows:ident => $body:block) => {
        each_row!(@ $r, $rows, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $r:ident, $rows:ident, $body:block, $($index:literal)*) => {
        $(if $index < $rows {
            let $r: usize = $index;
            $body
        })*
    };
}

/// Chooses by [`Registers`](super::simd::Registers) when the program is compiled: a `match` would have the tiles of the other choices compiled
/// as well, for each instruction set.
macro_rules! by_registers {
    ($simd:ident: Many => $many:expr, Some => $some:expr, Few => $few:expr $(,)?) => {
        if const { matches!($simd::REGISTERS, $crate::model::simd::Registers::Many) } {
            $many
        } else if const { matches!($simd::REGISTERS, $crate::model::simd::Registers::Some) } {
            $some
        } else {
            $few
        }
    };
}

pub mod activation;
pub mod alti_proximity;
pub mod attention;
pub mod bias_contribution;
pub mod blocks;
pub mod elementary;
pub mod few_queries;
pub mod first_layer;
pub mod gemm;
pub mod integer;
pub mod jvp;
pub mod mixing;
pub mod norm;
pub mod operand;
pub mod packed_layout;
