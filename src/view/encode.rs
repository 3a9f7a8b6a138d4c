//! Encodes numbers for the page: base64 of little-endian floats, and 16-bit fractions.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            match digit <= chunk.len() {
                true => out.push(char::from(ALPHABET[(bits >> (18 - 6 * digit)) as usize & 63])),
                false => out.push('='),
            }
        }
    }
    out
}

/// Floats as base64 of their little-endian bytes.
pub(super) fn floats(values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    base64(&bytes)
}

/// Probabilities as 16-bit fractions of 1, little-endian: the error is at most 8e-6.
pub(super) fn fractions(values: &[f32]) -> Vec<u8> {
    let fraction = |value: &f32| (value.clamp(0.0, 1.0) * f32::from(u16::MAX)).round() as u16;
    values.iter().flat_map(|value| fraction(value).to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        assert_eq!(floats(&[1.0]), "AACAPw==");
    }

    #[test]
    fn the_error_of_a_fraction_is_below_one_in_a_hundred_thousand() {
        let values = [0.0, 1.0, 0.5, 0.123_456, 1e-6];
        for (value, bytes) in values.iter().zip(fractions(&values).chunks(2)) {
            let read = f32::from(u16::from_le_bytes([bytes[0], bytes[1]])) / 65535.0;
            assert!((read - value).abs() < 8e-6, "{value} {read}");
        }
    }
}
