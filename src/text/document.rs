//! An open document: applies the client's edits to a snapshot.

use std::collections::VecDeque;
use std::sync::Arc;

use ropey::Rope;

use super::position::offset;
use super::{Language, Position, PositionEncoding, Snapshot};

/// One edit of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The replaced range, in the text after earlier changes of the same notification. `None` replaces all.
    pub range: Option<(Position, Position)>,
    /// The replacement.
    pub text: String,
}

/// Number of recent edits kept, to reorder an edit that arrives late.
const RECENT: usize = 16;

/// A larger edit clears the recent edits: keeping it would double the memory.
const LARGE: usize = 100_000;

/// An edit, with the text before it.
#[derive(Debug, Clone)]
struct Edit {
    version: i32,
    before: Rope,
    changes: Arc<[Change]>,
}

/// The state of an open document.
#[derive(Debug, Clone)]
pub struct Document {
    current: Snapshot,
    /// Recent edits with their versions, the newest last.
    recent: VecDeque<Edit>,
}

impl Document {
    /// Opens a document.
    pub fn open(text: &str, version: i32, language: Language) -> Self {
        Self {
            current: Snapshot::new(text, version, language),
            recent: VecDeque::new(),
        }
    }

    /// Applies the changes of one notification, each to the result of the previous one.
    ///
    /// Reversed ranges are swapped and positions past the end are clamped, so every message results in some text.
    ///
    /// A version below the current one is an edit that later edits have overtaken, as Helix 25.01 sends them during fast typing: it is
    /// inserted in order, and the later edits are applied again.
    pub fn apply(&mut self, version: i32, changes: &[Change], encoding: PositionEncoding) {
        let newest = self.current.version();
        let later = self.recent.iter().filter(|edit| edit.version > version).count();
        let overtaken = version < newest && later > 0;
        let reapplied = match overtaken {
            true => self.recent.split_off(self.recent.len() - later),
            false => VecDeque::new(),
        };
        let mut rope = match reapplied.front() {
            Some(edit) => edit.before.clone(),
            None => self.current.rope().clone(),
        };
        if changes.iter().map(|change| change.text.len()).sum::<usize>() > LARGE {
            changes.iter().for_each(|change| apply_one(&mut rope, change, encoding));
            self.recent.clear();
        } else {
            self.keep(version, changes.into(), &mut rope, encoding);
        }
        for edit in reapplied {
            self.keep(edit.version, edit.changes, &mut rope, encoding);
        }
        let version = if overtaken { newest } else { version };
        self.current = Snapshot::from_rope(rope, version, self.current.language());
    }

    /// Applies an edit and records it with the text before it.
    fn keep(&mut self, version: i32, changes: Arc<[Change]>, rope: &mut Rope, encoding: PositionEncoding) {
        let before = rope.clone();
        for change in changes.iter() {
            apply_one(rope, change, encoding);
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Edit {
            version,
            before,
            changes,
        });
    }

    /// Changes the language of the document.
    pub fn set_language(&mut self, language: Language) {
        let rope = self.current.rope().clone();
        self.current = Snapshot::from_rope(rope, self.current.version(), language);
    }

    /// The current text.
    pub fn snapshot(&self) -> Snapshot {
        self.current.clone()
    }
}

fn apply_one(rope: &mut Rope, change: &Change, encoding: PositionEncoding) {
    let Some((from, to)) = change.range else {
        *rope = Rope::from_str(&change.text);
        return;
    };
    let (from, to) = (offset(rope, from, encoding), offset(rope, to, encoding));
    let start = rope.byte_to_char(from.min(to));
    let end = rope.byte_to_char(from.max(to));
    rope.remove(start..end);
    rope.insert(start, &change.text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(from: (u32, u32), to: (u32, u32), text: &str) -> Change {
        let place = |(line, column)| Position { line, column };
        Change {
            range: Some((place(from), place(to))),
            text: text.to_owned(),
        }
    }

    fn edited(text: &str, changes: &[Change]) -> String {
        let mut document = Document::open(text, 1, Language::Prose);
        document.apply(2, changes, PositionEncoding::Utf16);
        assert_eq!(document.snapshot().version(), 2);
        document.snapshot().rope().to_string()
    }

    #[test]
    fn an_overtaken_edit_is_applied_before_all_later_ones() {
        let mut document = Document::open("ab", 1, Language::Prose);
        // In order: ab2, ab23, ab234, xxab234, x6xab234, x76xab234.
        let edits = [
            (2, 2, "2"),
            (3, 3, "3"),
            (4, 4, "4"),
            (6, 1, "6"),
            (7, 1, "7"),
            (5, 0, "xx"),
        ];
        for (version, column, text) in edits {
            let insert = change((0, column), (0, column), text);
            document.apply(version, &[insert], PositionEncoding::Utf16);
        }
        assert_eq!(document.snapshot().rope().to_string(), "x76xab234");
        assert_eq!(document.snapshot().version(), 7);
    }

    #[test]
    fn another_language_leaves_text_and_version() {
        let mut document = Document::open("ab", 7, Language::Prose);
        document.set_language(Language::Rust);
        let snapshot = document.snapshot();
        assert_eq!((snapshot.language(), snapshot.version()), (Language::Rust, 7));
        assert_eq!(snapshot.rope().to_string(), "ab");
    }

    #[test]
    fn changes_apply_to_the_result_of_the_previous_ones() {
        let changes = [change((0, 0), (0, 0), "x\n"), change((1, 0), (1, 1), "y")];
        assert_eq!(edited("ab", &changes), "x\nyb");
    }

    #[test]
    fn overtaken_edits_are_applied_in_order() {
        // Letters typed in sequence, so each edit depends on the previous one.
        let typed: Vec<(i32, Vec<Change>)> = (0..12u32)
            .map(|i| {
                let letter = char::from(b'a' + i as u8).to_string();
                (i as i32 + 2, vec![change((0, i), (0, i), &letter)])
            })
            .collect();
        let text = |order: &[usize]| {
            let mut document = Document::open("", 1, Language::Prose);
            for at in order {
                let (version, changes) = &typed[*at];
                document.apply(*version, changes, PositionEncoding::Utf16);
            }
            assert_eq!(document.snapshot().version(), 13);
            document.snapshot().rope().to_string()
        };
        let in_order: Vec<usize> = (0..12).collect();
        assert_eq!(text(&in_order), "abcdefghijkl");
        for (a, b) in [(0, 1), (10, 11), (3, 6), (2, 11)] {
            let mut order = in_order.clone();
            let moved = order.remove(a);
            order.insert(b, moved);
            assert_eq!(text(&order), "abcdefghijkl", "{order:?}");
        }
    }

    #[test]
    fn an_edit_older_than_the_recent_ones_applies_to_the_current_text() {
        let mut document = Document::open("", 1, Language::Prose);
        let large = "x".repeat(LARGE + 1);
        document.apply(9, &[change((0, 0), (0, 0), &large)], PositionEncoding::Utf8);
        document.apply(3, &[change((0, 0), (0, 0), "late")], PositionEncoding::Utf8);
        assert!(document.snapshot().rope().to_string().starts_with("latexxx"));
        assert_eq!(document.snapshot().version(), 3);
    }

    #[test]
    fn a_change_without_range_replaces_all() {
        assert_eq!(
            edited(
                "ab\ncd",
                &[Change {
                    range: None,
                    text: "z".into()
                }]
            ),
            "z"
        );
    }

    #[test]
    fn reversed_ranges_are_swapped() {
        assert_eq!(edited("abcd", &[change((0, 3), (0, 1), "-")]), "a-d");
    }

    #[test]
    fn edits_may_create_and_split_a_crlf() {
        assert_eq!(
            edited("a\nb", &[change((0, 1), (0, 1), "\r"), change((1, 0), (1, 1), "c")]),
            "a\r\nc"
        );
        assert_eq!(
            edited("a\r\nb", &[change((0, 1), (1, 0), "\r"), change((1, 0), (1, 1), "c")]),
            "a\rc"
        );
    }

    #[test]
    fn a_snapshot_taken_before_an_edit_keeps_its_text() {
        let mut document = Document::open("a", 1, Language::Rust);
        let before = document.snapshot();
        document.apply(7, &[change((0, 1), (9, 9), "b")], PositionEncoding::Utf8);
        assert_eq!((before.rope().to_string(), before.version()), ("a".into(), 1));
        assert_eq!(
            (document.snapshot().rope().to_string(), document.snapshot().language()),
            ("ab".into(), Language::Rust)
        );
    }

    /// Line starts and content ends of a text, computed without a library.
    fn naive_lines(text: &str) -> Vec<(usize, usize)> {
        let bytes = text.as_bytes();
        let (mut lines, mut start, mut i) = (Vec::new(), 0, 0);
        while i < bytes.len() {
            let length = match (bytes[i], bytes.get(i + 1)) {
                (b'\r', Some(b'\n')) => 2,
                (b'\r' | b'\n', _) => 1,
                _ => 0,
            };
            if length > 0 {
                lines.push((start, i));
                start = i + length;
            }
            i += length.max(1);
        }
        lines.push((start, text.len()));
        lines
    }

    fn naive_offset(text: &str, position: Position, encoding: PositionEncoding) -> usize {
        let Some(&(start, end)) = naive_lines(text).get(position.line as usize) else {
            return text.len();
        };
        let mut units = 0;
        for (at, c) in text[start..end].char_indices() {
            units += match encoding {
                PositionEncoding::Utf8 => c.len_utf8(),
                PositionEncoding::Utf16 => c.len_utf16(),
                PositionEncoding::Utf32 => 1,
            };
            if units > position.column as usize {
                return start + at;
            }
        }
        end
    }

    fn naive_apply(text: &mut String, change: &Change, encoding: PositionEncoding) {
        match change.range {
            None => *text = change.text.clone(),
            Some((from, to)) => {
                let (a, b) = (naive_offset(text, from, encoding), naive_offset(text, to, encoding));
                text.replace_range(a.min(b)..a.max(b), &change.text);
            }
        }
    }

    fn any_position() -> impl Strategy<Value = Position> {
        (0u32..7, 0u32..9).prop_map(|(line, column)| Position { line, column })
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let range = prop::option::weighted(0.95, (any_position(), any_position()));
        (range, "[ab\r\n\u{e9}\u{301}編😀\u{2028}]{0,6}").prop_map(|(range, text)| Change { range, text })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn edits_agree_with_a_plain_string(
            text in "[ab\r\n\u{e9}編😀]{0,30}",
            batches in prop::collection::vec(prop::collection::vec(any_change(), 0..4), 0..6),
        ) {
            for encoding in [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32] {
                let mut document = Document::open(&text, 0, Language::Prose);
                let mut model = text.clone();
                for (version, batch) in (1i32..).zip(&batches) {
                    document.apply(version, batch, encoding);
                    batch.iter().for_each(|change| naive_apply(&mut model, change, encoding));
                    let snapshot = document.snapshot();
                    prop_assert_eq!(snapshot.rope().to_string(), model.as_str());
                    prop_assert_eq!(snapshot.version(), version);
                    let lines: Vec<_> = (0..snapshot.line_count()).map(|l| snapshot.line_range(l)).collect();
                    let naive: Vec<_> = naive_lines(&model).into_iter().map(|(a, b)| a..b).collect();
                    prop_assert_eq!(lines, naive);
                }
            }
        }
    }
}
