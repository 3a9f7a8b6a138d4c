//! One version of a document.

use std::borrow::Cow;

use ropey::Rope;

use super::position::{self, Position, PositionEncoding};
use super::{ByteRange, Language};

/// One version of a document. Clones share the text.
#[derive(Debug, Clone)]
pub struct Snapshot {
    rope: Rope,
    version: i32,
    language: Language,
}

impl Snapshot {
    /// Creates a snapshot of a whole text.
    pub fn new(text: &str, version: i32, language: Language) -> Self {
        Self::from_rope(Rope::from_str(text), version, language)
    }

    pub(super) fn from_rope(rope: Rope, version: i32, language: Language) -> Self {
        Self {
            rope,
            version,
            language,
        }
    }

    /// The text with a range replaced. `None` if the range is not inside it at character borders.
    pub fn replaced(&self, stretch: ByteRange, by: &str) -> Option<Self> {
        let mut rope = self.rope.clone();
        let start = rope.try_byte_to_char(stretch.start).ok()?;
        let end = rope.try_byte_to_char(stretch.end).ok()?;
        let whole = rope.char_to_byte(start) == stretch.start && rope.char_to_byte(end) == stretch.end;
        if !whole || start > end {
            return None;
        }
        rope.remove(start..end);
        rope.insert(start, by);
        Some(Self { rope, ..*self })
    }

    /// Whether both are one text of one version, in constant time. A text that was built anew counts as another.
    pub fn is_same(&self, other: &Snapshot) -> bool {
        self.version == other.version && self.rope.is_instance(&other.rope)
    }

    /// The client's version of this text.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// The language of the document.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The text as a rope.
    pub fn rope(&self) -> &Rope {
        &self.rope
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.rope.len_bytes()
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a range; borrowed if the rope holds it in one piece.
    ///
    /// Its ends are clamped to the document and rounded down to character borders; a reversed range is empty.
    pub fn text(&self, range: ByteRange) -> Cow<'_, str> {
        let start = position::floor_byte(self.rope.slice(..), range.start);
        let end = position::floor_byte(self.rope.slice(..), range.end).max(start);
        Cow::from(self.rope.byte_slice(start..end))
    }

    /// The byte offset of a position.
    ///
    /// A column past the end of its line means the end before the terminator, a line past the end means the end of the document, and a
    /// position inside a character or surrogate pair means its start.
    pub fn offset(&self, position: Position, encoding: PositionEncoding) -> usize {
        position::offset(&self.rope, position, encoding)
    }

    /// The position of a byte offset, clamped to the document and to character borders.
    ///
    /// Inside a line terminator, the position is the end of the line.
    pub fn position(&self, offset: usize, encoding: PositionEncoding) -> Position {
        position::position(&self.rope, offset, encoding)
    }

    /// Number of lines. Text after the last terminator counts, and an empty document has one line.
    pub fn line_count(&self) -> usize {
        self.rope.len_lines()
    }

    /// The byte range of a line without its terminator. For a line past the end, empty at the end of the document.
    pub fn line_range(&self, line: usize) -> ByteRange {
        if line >= self.line_count() {
            return self.len()..self.len();
        }
        let start = self.rope.line_to_byte(line);
        start..start + position::line_content(&self.rope, line).len_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn line_ranges_exclude_terminators() {
        let snapshot = Snapshot::new("ab\r\nc\rd\n", 1, Language::Prose);
        let lines: Vec<_> = (0..6).map(|line| snapshot.line_range(line)).collect();
        assert_eq!(lines, [0..2, 4..5, 6..7, 8..8, 8..8, 8..8]);
        assert_eq!(snapshot.line_count(), 4);
    }

    #[test]
    fn a_range_at_character_borders_can_be_replaced() {
        let snapshot = Snapshot::new("a編b", 3, Language::Go);
        let text = |range: ByteRange, by: &str| snapshot.replaced(range, by).map(|new| new.rope().to_string());
        assert_eq!(text(1..4, "x").as_deref(), Some("axb"));
        assert_eq!(text(1..1, "é").as_deref(), Some("aé編b"));
        assert_eq!(text(0..5, "").as_deref(), Some(""));
        for outside in [2..4, 1..3, 4..6, 9..9] {
            assert_eq!(text(outside, "x"), None);
        }
        #[expect(clippy::reversed_empty_ranges)]
        let reversed = text(4..1, "x");
        assert_eq!(reversed, None);
        let new = snapshot.replaced(0..1, "").unwrap();
        assert_eq!((new.version(), new.language()), (3, Language::Go));
    }

    #[test]
    fn snapshots_are_the_same_if_text_and_version_are_one() {
        let snapshot = Snapshot::new("text", 1, Language::Prose);
        let newer = Snapshot::from_rope(snapshot.rope().clone(), 2, Language::Prose);
        let rebuilt = Snapshot::new("text", 1, Language::Prose);
        assert!(snapshot.is_same(&snapshot.clone()));
        assert!(!snapshot.is_same(&newer) && !snapshot.is_same(&rebuilt));
        assert!(!snapshot.is_empty() && Snapshot::new("", 1, Language::Prose).is_empty());
    }

    #[test]
    fn offsets_and_positions_are_those_of_its_text() {
        let snapshot = Snapshot::new("x\na編b", 1, Language::Prose);
        let position = Position { line: 1, column: 2 };
        assert_eq!(snapshot.offset(position, PositionEncoding::Utf16), 6);
        assert_eq!(snapshot.position(6, PositionEncoding::Utf16), position);
    }

    #[test]
    fn text_clamps_to_characters() {
        let snapshot = Snapshot::new("a編b", 1, Language::Prose);
        assert_eq!(snapshot.text(2..4), "編");
        assert_eq!(snapshot.text(0..3), "a");
        assert_eq!(snapshot.text(4..900), "b");
        #[expect(clippy::reversed_empty_ranges)]
        let reversed = snapshot.text(4..1);
        assert_eq!(reversed, "");
    }

    proptest! {
        #[test]
        fn text_never_panics(text in "\\PC{0,30}", start in 0usize..100, end in 0usize..100) {
            let snapshot = Snapshot::new(&text, 1, Language::Prose);
            let got = snapshot.text(start..end).into_owned();
            prop_assert!(text.contains(&got));
        }
    }
}
