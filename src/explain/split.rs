//! Splits the product of two sums of vectors over all pairs of summands.

use candle_core::{Result, Tensor};

/// The cosine of two vectors, each a sum of parts, as a sum over pairs of parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    /// The cosine, -1 to 1; 0 if one of the vectors is zero.
    pub cosine: f32,
    /// |cosine - sum of all pairs|.
    pub residual: f32,
    /// Row-major, parts of a × parts of b.
    pub pairs: Vec<f32>,
    /// The contribution of each part of a.
    pub rows: Vec<f32>,
    /// The contribution of each part of b.
    pub columns: Vec<f32>,
    /// The product of the lengths of both vectors.
    pub lengths: f64,
}

/// Splits the cosine of two vectors over their parts, (parts, width) each. The parts of each should sum to its vector; the residual shows
/// the error.
pub(super) fn split((a, parts_a): (&[f32], &Tensor), (b, parts_b): (&[f32], &Tensor)) -> Result<Split> {
    let (cosine, lengths) = cosine(a, b);
    let scale = scale(lengths);
    let pairs: Vec<f32> = parts_a.matmul(&parts_b.t()?)?.flatten_all()?.to_vec1()?;
    let pairs: Vec<f32> = pairs.into_iter().map(|v| (f64::from(v) * scale) as f32).collect();
    let width = parts_b.dim(0)?;
    let sum = |values: &mut dyn Iterator<Item = &f32>| values.map(|v| f64::from(*v)).sum::<f64>();
    let rows: Vec<f64> = pairs.chunks_exact(width).map(|row| sum(&mut row.iter())).collect();
    let columns = (0..width).map(|m| sum(&mut pairs.iter().skip(m).step_by(width)) as f32);
    Ok(Split {
        cosine: cosine as f32,
        residual: (cosine - rows.iter().sum::<f64>()).abs() as f32,
        columns: columns.collect(),
        rows: rows.into_iter().map(|v| v as f32).collect(),
        pairs,
        lengths,
    })
}

/// The cosine of two vectors (0 if one of them is zero), and the product of their lengths.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> (f64, f64) {
    let lengths = length(a) * length(b);
    (dot(a, b) * scale(lengths), lengths)
}

/// The factor that turns inner products into parts of a cosine: 1 / lengths, or 0 if a vector is zero.
pub(super) fn scale(lengths: f64) -> f64 {
    if lengths > 1e-9 { lengths.recip() } else { 0.0 }
}

/// The inner product of two vectors.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// The length of a vector.
pub(super) fn length(v: &[f32]) -> f64 {
    dot(v, v).sqrt()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_cosine_is_split_over_all_pairs_and_the_residual_is_the_error_of_the_parts() {
        let tensor = |rows: &[[f32; 2]]| Tensor::from_vec(rows.concat(), (rows.len(), 2), &Device::Cpu).unwrap();
        let a = tensor(&[[1.0, 0.0], [2.0, 4.0]]);
        let b = tensor(&[[0.0, 1.0], [4.0, 2.0], [0.0, 0.0]]);
        let found = split((&[3.0, 4.0], &a), (&[4.0, 3.0], &b)).unwrap();
        assert!((found.cosine - 0.96).abs() < 1e-6 && found.residual < 1e-6);
        let close = |values: &[f32], expected: &[f32]| {
            let near = |(v, e): (&f32, &f32)| (v * 25.0 - e).abs() < 1e-5;
            values.len() == expected.len() && values.iter().zip(expected).all(near)
        };
        assert!(close(&found.pairs, &[0.0, 4.0, 0.0, 4.0, 16.0, 0.0]), "{found:?}");
        assert!(
            close(&found.rows, &[4.0, 20.0]) && close(&found.columns, &[4.0, 20.0, 0.0]),
            "{found:?}"
        );
        assert!((found.lengths - 25.0).abs() < 1e-9);
        let missed = split((&[3.0, 5.0], &a), (&[4.0, 3.0], &b)).unwrap();
        assert!(missed.residual > 0.1);
        let nothing = split((&[0.0, 0.0], &a), (&[4.0, 3.0], &b)).unwrap();
        assert_eq!((nothing.cosine, nothing.residual), (0.0, 0.0));
    }
}
