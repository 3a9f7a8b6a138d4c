//! The arithmetic of the forward pass and of explanations on slices, one subject per file, for every path of [`super::simd`].
//!
//! Safe code: what runs here is inlined into the path's entry function. An element's sum is made in the same order whatever block,
//! tile or neighbor it is computed with, so that packing never changes a number.

/// A loop over rows 0 … R (at most 16), written out: only with an index known when compiling does an array of vectors stay in
/// registers, and whether the compiler unrolls a loop of this size is a matter of luck.
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

pub mod activation;
pub mod alti_proximity;
pub mod attention;
pub mod bias_contribution;
pub mod elementary;
pub mod first_layer;
pub mod gemm;
pub mod integer;
pub mod jvp;
pub mod mixing;
pub mod norm;
pub mod operand;
pub mod packed_layout;
