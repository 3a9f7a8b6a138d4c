//! Makes text safe for the Bash scanner.

use ropey::Rope;

/// Replaces each byte that is not ASCII by a letter.
///
/// The Bash scanner looks characters up in a table of the C library that ends at 255, so a brace before an emoji crashes the process
/// (tree-sitter-bash issue 337). A letter changes no node's position and hardly any node's kind.
pub(super) fn ascii(rope: &Rope) -> Rope {
    if rope.chunks().all(str::is_ascii) {
        return rope.clone();
    }
    let bytes = rope
        .bytes()
        .map(|byte| if byte.is_ascii() { char::from(byte) } else { 'x' });
    Rope::from_str(&bytes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_keeps_ascii_and_length() {
        assert_eq!(ascii(&Rope::from_str("{é😀}")), "{xxxxxx}");
        assert_eq!(ascii(&Rope::from_str("{a}")), "{a}");
    }
}
