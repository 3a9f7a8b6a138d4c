//! A maximum that propagates NaN, so that checks fail on it.

/// The largest of some numbers and 0; NaN if one of them is NaN, which `f32::max` would ignore.
pub fn largest(values: impl IntoIterator<Item = f32>) -> f32 {
    let larger = |most: f32, value: f32| match value.is_nan() || value > most {
        true if !most.is_nan() => value,
        _ => most,
    };
    values.into_iter().fold(0.0, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_values_with_nan_is_nan() {
        assert_eq!(largest([]), 0.0);
        assert_eq!(largest([0.5, 2.0, 1.0]), 2.0);
        for values in [[f32::NAN, 1.0], [1.0, f32::NAN]] {
            assert!(largest(values).is_nan());
        }
        assert_eq!(largest([1.0, f32::INFINITY]), f32::INFINITY);
    }
}
