//! The arithmetic of the forward pass and of explanations on slices, one subject per file, for every path of [`super::simd`].
//!
//! Safe code: what runs here is inlined into the path's entry function. An element's sum is made in the same order whatever block,
//! tile or neighbour it is computed with, so that packing never changes a number.

pub mod activation;
pub mod attention;
pub mod elementary;
pub mod first;
pub mod gemm;
pub mod mixing;
pub mod norm;
pub mod push;
pub mod shift;
