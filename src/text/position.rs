//! Positions in the units of clients, and their conversion to and from byte offsets.

use ropey::{Rope, RopeSlice};

/// The unit in which a client counts columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PositionEncoding {
    /// UTF-8 bytes.
    Utf8,
    /// UTF-16 code units, which every client supports.
    #[default]
    Utf16,
    /// Characters (Unicode scalar values).
    Utf32,
}

/// A position in a document: zero-based line, zero-based column in the units of a [`PositionEncoding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Position {
    /// The line; lines end with LF, CRLF or a single CR.
    pub line: u32,
    /// The column, in the units of an encoding.
    pub column: u32,
}

/// The byte offset of a position.
///
/// A column past the end of its line means the end before the terminator, a line past the end means the end of the document, and a position
/// inside a character means its start.
pub(super) fn offset(rope: &Rope, position: Position, encoding: PositionEncoding) -> usize {
    let line = position.line as usize;
    if line >= rope.len_lines() {
        return rope.len_bytes();
    }
    let content = line_content(rope, line);
    let column = position.column as usize;
    let within = match encoding {
        PositionEncoding::Utf8 => floor_byte(content, column),
        PositionEncoding::Utf16 => content.char_to_byte(content.utf16_cu_to_char(column.min(content.len_utf16_cu()))),
        PositionEncoding::Utf32 => content.char_to_byte(column.min(content.len_chars())),
    };
    rope.line_to_byte(line) + within
}

/// The position of a byte offset, clamped to the document and to character borders.
///
/// Inside a line terminator, the position is the end of the line, because no column is beyond it.
pub(super) fn position(rope: &Rope, offset: usize, encoding: PositionEncoding) -> Position {
    let offset = offset.min(rope.len_bytes());
    let line = rope.byte_to_line(offset);
    if let Some(column) = plain_column(rope, line, offset) {
        return Position {
            line: saturate(line),
            column: saturate(column),
        };
    }
    let content = line_content(rope, line);
    let within = floor_byte(content, offset - rope.line_to_byte(line));
    let column = match encoding {
        PositionEncoding::Utf8 => within,
        PositionEncoding::Utf16 => content.char_to_utf16_cu(content.byte_to_char(within)),
        PositionEncoding::Utf32 => content.byte_to_char(within),
    };
    Position {
        line: saturate(line),
        column: saturate(column),
    }
}

/// The column of an offset if only ASCII precedes it on its line. Then all encodings agree; `None` otherwise.
fn plain_column(rope: &Rope, line: usize, offset: usize) -> Option<usize> {
    let start = rope.line_to_byte(line);
    let (chunk, chunk_start, ..) = rope.chunk_at_byte(start);
    let before = chunk.as_bytes().get(start - chunk_start..offset - chunk_start)?;
    // A CR before the offset on the same line belongs to a CRLF.
    (before.is_ascii() && before.last() != Some(&b'\r')).then_some(before.len())
}

/// A line without its terminator. The line must exist.
pub(super) fn line_content(rope: &Rope, line: usize) -> RopeSlice<'_> {
    let slice = rope.line(line);
    let end = slice.len_chars();
    let last = |back: usize| end.checked_sub(back).map(|index| slice.char(index));
    let terminator = match (last(2), last(1)) {
        (Some('\r'), Some('\n')) => 2,
        (_, Some('\n' | '\r')) => 1,
        _ => 0,
    };
    slice.slice(..end - terminator)
}

/// The start of the character at a byte of a slice, or its end.
pub(super) fn floor_byte(slice: RopeSlice<'_>, byte: usize) -> usize {
    slice.char_to_byte(slice.byte_to_char(byte.min(slice.len_bytes())))
}

fn saturate(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The start of the character that contains a byte. `offset` is at most the length of the text.
pub fn floor_char(text: &str, mut offset: usize) -> usize {
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The next character border at or after an offset. It is at most the end of the text.
pub fn ceil_char(text: &str, mut offset: usize) -> usize {
    while offset < text.len() && !text.is_char_boundary(offset) {
        offset += 1;
    }
    offset.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENCODINGS: [PositionEncoding; 3] = [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32];

    fn at(text: &str, line: u32, column: u32, encoding: PositionEncoding) -> usize {
        offset(&Rope::from_str(text), Position { line, column }, encoding)
    }

    #[test]
    fn a_byte_inside_a_character_is_moved_to_its_borders() {
        let text = "a編b";
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|byte| floor_char(text, byte)),
            [0, 1, 1, 1, 4, 5]
        );
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 9].map(|byte| ceil_char(text, byte)),
            [0, 1, 4, 4, 4, 5, 5]
        );
    }

    #[test]
    fn columns_count_in_the_units_of_the_encoding() {
        let text = "ab\n😀é編x";
        assert_eq!(at(text, 1, 10, PositionEncoding::Utf8), text.len());
        assert_eq!(at(text, 1, 2, PositionEncoding::Utf16), 3 + 4);
        assert_eq!(at(text, 1, 4, PositionEncoding::Utf16), 3 + 9);
        assert_eq!(at(text, 1, 3, PositionEncoding::Utf32), 3 + 9);
    }

    #[test]
    fn a_position_inside_a_character_is_its_start() {
        assert_eq!(at("😀x", 0, 1, PositionEncoding::Utf16), 0);
        assert_eq!(at("a編", 0, 2, PositionEncoding::Utf8), 1);
    }

    #[test]
    fn columns_past_the_end_stop_before_the_terminator() {
        for encoding in ENCODINGS {
            assert_eq!(at("ab\r\ncd", 0, 99, encoding), 2);
            assert_eq!(at("ab\rcd", 0, 99, encoding), 2);
            assert_eq!(at("ab\ncd", 0, 3, encoding), 2);
            assert_eq!(at("ab\ncd", 1, u32::MAX, encoding), 5);
        }
    }

    #[test]
    fn lines_past_the_end_are_the_end_of_the_document() {
        for encoding in ENCODINGS {
            assert_eq!(at("ab\n", 1, 0, encoding), 3);
            assert_eq!(at("ab\n", 2, 0, encoding), 3);
            assert_eq!(at("ab\n", u32::MAX, u32::MAX, encoding), 3);
            assert_eq!(at("", 5, 5, encoding), 0);
        }
    }

    #[test]
    fn unicode_line_separators_do_not_end_lines() {
        let rope = Rope::from_str("a\u{2028}b\u{85}c\u{0b}d\u{0c}e");
        assert_eq!(rope.len_lines(), 1);
    }

    #[test]
    fn an_offset_inside_a_terminator_is_the_end_of_its_line() {
        let rope = Rope::from_str("ab\r\ncd");
        for encoding in ENCODINGS {
            assert_eq!(position(&rope, 3, encoding), Position { line: 0, column: 2 });
        }
    }

    proptest! {
        #[test]
        fn offsets_survive_the_round_trip(text in "[a\r\n\u{e9}編😀]{0,40}", byte in 0usize..200) {
            let rope = Rope::from_str(&text);
            for encoding in ENCODINGS {
                let place = position(&rope, byte, encoding);
                let back = offset(&rope, place, encoding);
                prop_assert!(text.is_char_boundary(back));
                prop_assert!(back <= byte.min(text.len()));
                prop_assert_eq!(position(&rope, back, encoding), place);
                let inside_crlf = byte > 0 && text.as_bytes().get(byte) == Some(&b'\n') && text.as_bytes()[byte - 1] == b'\r';
                if text.is_char_boundary(byte.min(text.len())) && !inside_crlf {
                    prop_assert_eq!(back, byte.min(text.len()));
                }
            }
        }
    }
}
