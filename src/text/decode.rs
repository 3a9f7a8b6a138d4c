//! Decodes the bytes of a file to text.

/// Why bytes are not valid text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes begin with a UTF-16 byte order mark.
    #[error("the text is UTF-16 (byte order mark {mark}); save it as UTF-8")]
    Utf16 {
        /// The mark in its usual notation.
        mark: &'static str,
    },
    /// An invalid UTF-8 sequence.
    #[error("invalid UTF-8 at byte {offset} (line {line}); save the file as UTF-8, or leave it out if it is not text")]
    InvalidUtf8 {
        /// Offset of the first byte of the sequence.
        offset: usize,
        /// Its one-based line.
        line: usize,
    },
}

/// Decodes UTF-8.
///
/// A byte order mark stays in the text as U+FEFF, so that offsets match the file; it is invisible, belongs to no word, and the model does
/// not see it.
pub fn decode(bytes: Vec<u8>) -> Result<String, DecodeError> {
    // The UTF-32 little-endian mark begins like the UTF-16 one; neither is UTF-8, and the advice is the same.
    if bytes.starts_with(&[0xFF, 0xFE]) {
        return Err(DecodeError::Utf16 { mark: "FF FE" });
    }
    if bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(DecodeError::Utf16 { mark: "FE FF" });
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        DecodeError::InvalidUtf8 {
            offset,
            line: line_of(&error.as_bytes()[..offset]),
        }
    })
}

/// The one-based line after these bytes.
fn line_of(before: &[u8]) -> usize {
    let breaks = before
        .iter()
        .enumerate()
        .filter(|&(i, &byte)| byte == b'\n' || (byte == b'\r' && before.get(i + 1) != Some(&b'\n')));
    breaks.count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_passes_and_keeps_its_byte_order_mark() {
        assert_eq!(decode("\u{feff}fn é".into()).as_deref(), Ok("\u{feff}fn é"));
        assert_eq!(decode(Vec::new()).as_deref(), Ok(""));
    }

    #[test]
    fn invalid_utf8_names_byte_and_line() {
        let error = decode(b"a\r\nb\rc\n\xffd".to_vec()).unwrap_err();
        assert_eq!(error, DecodeError::InvalidUtf8 { offset: 7, line: 4 });
        insta::assert_snapshot!(error, @"invalid UTF-8 at byte 7 (line 4); save the file as UTF-8, or leave it out if it is not text");
    }

    #[test]
    fn a_truncated_sequence_is_invalid() {
        assert_eq!(
            decode("é".as_bytes()[..1].to_vec()),
            Err(DecodeError::InvalidUtf8 { offset: 0, line: 1 })
        );
    }

    #[test]
    fn utf16_is_reported() {
        let error = decode(vec![0xFF, 0xFE, b'a', 0]).unwrap_err();
        insta::assert_snapshot!(error, @"the text is UTF-16 (byte order mark FF FE); save it as UTF-8");
        assert!(matches!(
            decode(vec![0xFE, 0xFF, 0, b'a']),
            Err(DecodeError::Utf16 { .. })
        ));
    }
}
