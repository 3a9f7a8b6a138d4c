//! Principal components of a few vectors, by power iteration on the inner products of the centered rows (Pearson 1901, Turk & Pentland
//! 1991): a map of items needs two of hundreds of dimensions.

/// Maximum rounds of power iteration; a gap of 2 % between two components needs about half.
const ROUNDS: usize = 2000;

/// Coordinates of rows on the first components, and each component's share of the variance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    /// (rows, 2).
    pub places: Vec<[f64; 2]>,
    /// Of the variance, 0 to 1.
    pub shares: [f64; 2],
}

/// The first two principal components of some rows of one width. The sign makes the largest coordinate positive.
pub(super) fn map(rows: &[&[f32]]) -> Map {
    let n = rows.len();
    let width = rows.first().map_or(0, |row| row.len());
    let mut mean = vec![0f64; width];
    for row in rows {
        mean.iter_mut()
            .zip(*row)
            .for_each(|(mean, v)| *mean += f64::from(*v) / n as f64);
    }
    let centered: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| row.iter().zip(&mean).map(|(v, mean)| f64::from(*v) - mean).collect())
        .collect();
    let mut gram: Vec<f64> = Vec::with_capacity(n * n);
    for a in &centered {
        gram.extend(
            centered
                .iter()
                .map(|b| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()),
        );
    }
    let whole: f64 = (0..n).map(|at| gram[at * n + at]).sum();
    let mut out = Map {
        places: vec![[0.0; 2]; n],
        shares: [0.0; 2],
    };
    for component in 0..2 {
        let (value, vector) = largest(&gram, n);
        if value <= 1e-12 * whole.max(f64::MIN_POSITIVE) {
            break;
        }
        out.shares[component] = value / whole;
        for (place, v) in out.places.iter_mut().zip(&vector) {
            place[component] = v * value.sqrt();
        }
        for i in 0..n {
            for j in 0..n {
                gram[i * n + j] -= value * vector[i] * vector[j];
            }
        }
    }
    out
}

/// The largest eigenvalue of a symmetric matrix without negative ones, and its vector of unit length.
fn largest(matrix: &[f64], n: usize) -> (f64, Vec<f64>) {
    // The row with the longest diagonal is rarely orthogonal to the first component; a little of each other one makes it so never.
    let first = (0..n)
        .max_by(|a, b| matrix[a * n + a].total_cmp(&matrix[b * n + b]))
        .unwrap_or(0);
    let mut vector: Vec<f64> = (0..n)
        .map(|at| matrix[first * n + at] + 1e-6 * (1.0 + at as f64))
        .collect();
    let mut value = 0.0;
    for _ in 0..ROUNDS {
        let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length == 0.0 {
            return (0.0, vec![0.0; n]);
        }
        vector.iter_mut().for_each(|v| *v /= length);
        let next: Vec<f64> = (0..n)
            .map(|i| matrix[i * n..(i + 1) * n].iter().zip(&vector).map(|(m, v)| m * v).sum())
            .collect();
        value = next.iter().zip(&vector).map(|(a, b)| a * b).sum();
        let off: f64 = next.iter().zip(&vector).map(|(a, b)| (a - value * b).powi(2)).sum();
        if off.sqrt() <= 1e-10 * value.abs() {
            break;
        }
        vector = next;
    }
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    let most = vector
        .iter()
        .copied()
        .fold(0.0, |most: f64, v| if v.abs() > most.abs() { v } else { most });
    let scale = if most < 0.0 { -1.0 / length } else { 1.0 / length };
    vector.iter_mut().for_each(|v| *v *= scale);
    (value, vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_plane_keep_their_distances() {
        // A plane in five dimensions: u and v are orthogonal and of unit length.
        let (u, v) = ([0.6f32, 0.8, 0.0, 0.0, 0.0], [0.0f32, 0.0, 1.0, 0.0, 0.0]);
        let points = [[3.0f32, 0.5], [-2.0, 1.0], [1.0, -1.5], [-2.5, -0.25], [0.5, 0.75]];
        let rows: Vec<Vec<f32>> = points
            .iter()
            .map(|[a, b]| u.iter().zip(&v).map(|(u, v)| 7.0 + a * u + b * v).collect())
            .collect();
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let map = map(&rows);
        assert!(
            (map.shares[0] + map.shares[1] - 1.0).abs() < 1e-6 && map.shares[0] > map.shares[1],
            "{map:?}"
        );
        for i in 0..5 {
            for j in 0..5 {
                let own = f64::from(points[i][0] - points[j][0]).hypot(f64::from(points[i][1] - points[j][1]));
                let (a, b) = (map.places[i], map.places[j]);
                assert!(((a[0] - b[0]).hypot(a[1] - b[1]) - own).abs() < 1e-4, "{i} {j}");
            }
        }
    }

    #[test]
    fn identical_rows_have_the_same_coordinates() {
        let row = [1.0f32, 2.0];
        let map = map(&[&row, &row, &row]);
        assert_eq!(map.shares, [0.0, 0.0]);
        assert!(map.places.iter().flatten().all(|v| *v == 0.0));
        assert!(super::map(&[]).places.is_empty());
    }
}
