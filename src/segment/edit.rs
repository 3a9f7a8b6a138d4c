//! The single edit that turns one text into another.

use ropey::Rope;
use tree_sitter::{InputEdit, Point};

use crate::text::ByteRange;

/// The difference between two texts, between their common prefix and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// The first different byte.
    start: usize,
    /// The start of the common suffix in the old text.
    old_end: usize,
    /// The start of the common suffix in the new text.
    new_end: usize,
}

impl Edit {
    /// The edit between two texts; `None` if they are equal. One edit covers several changes.
    pub fn between(old: &Rope, new: &Rope) -> Option<Edit> {
        let (old_length, new_length) = (old.len_bytes(), new.len_bytes());
        let start = common_prefix(old, new);
        if start == old_length && start == new_length {
            return None;
        }
        let same = common_suffix(old, new).min(old_length.min(new_length) - start);
        Some(Edit {
            start,
            old_end: old_length - same,
            new_end: new_length - same,
        })
    }

    /// The position of an unchanged range in the old text. `None` if the edit touches it.
    pub(super) fn before(&self, range: &ByteRange) -> Option<ByteRange> {
        if range.end <= self.start {
            return Some(range.clone());
        }
        let moved = |at: usize| at - self.new_end + self.old_end;
        (range.start >= self.new_end).then(|| moved(range.start)..moved(range.end))
    }

    /// The replaced range of the old text at character borders, and its replacement.
    pub fn of_text(&self, old: &Rope, new: &Rope) -> (ByteRange, String) {
        let start = old.char_to_byte(old.byte_to_char(self.start));
        // Both texts agree after the edit, so an incomplete character is incomplete in both.
        let whole = old.char_to_byte(old.byte_to_char(self.old_end));
        let cut = self.old_end - whole;
        let rest = if cut == 0 {
            0
        } else {
            old.char(old.byte_to_char(whole)).len_utf8() - cut
        };
        let by = new.byte_slice(start..self.new_end + rest).to_string();
        (start..self.old_end + rest, by)
    }

    /// The edit in the format of tree-sitter.
    pub(super) fn for_tree(&self, old: &Rope, new: &Rope) -> InputEdit {
        let start = point(new, self.start);
        InputEdit {
            start_byte: self.start,
            old_end_byte: self.old_end,
            new_end_byte: self.new_end,
            start_position: start,
            old_end_position: point_after(old, self.start, start, self.old_end),
            new_end_position: point_after(new, self.start, start, self.new_end),
        }
    }
}

/// The length of the common prefix of two ropes in bytes, compared chunk by chunk.
fn common_prefix(a: &Rope, b: &Rope) -> usize {
    let (mut a, mut b) = (a.chunks().map(str::as_bytes), b.chunks().map(str::as_bytes));
    let (mut x, mut y, mut common): (&[u8], &[u8], usize) = (&[], &[], 0);
    loop {
        x = if x.is_empty() { a.next().unwrap_or_default() } else { x };
        y = if y.is_empty() { b.next().unwrap_or_default() } else { y };
        let length = x.len().min(y.len());
        if length == 0 {
            return common;
        }
        if x[..length] != y[..length] {
            return common + x.iter().zip(y).take_while(|(x, y)| x == y).count();
        }
        common += length;
        (x, y) = (&x[length..], &y[length..]);
    }
}

/// The length of the common suffix of two ropes in bytes.
fn common_suffix(a: &Rope, b: &Rope) -> usize {
    let mut a = a.chunks_at_byte(a.len_bytes()).0.reversed().map(str::as_bytes);
    let mut b = b.chunks_at_byte(b.len_bytes()).0.reversed().map(str::as_bytes);
    let (mut x, mut y, mut common): (&[u8], &[u8], usize) = (&[], &[], 0);
    loop {
        x = if x.is_empty() { a.next().unwrap_or_default() } else { x };
        y = if y.is_empty() { b.next().unwrap_or_default() } else { y };
        let length = x.len().min(y.len());
        if length == 0 {
            return common;
        }
        let (x_end, y_end) = (x.len() - length, y.len() - length);
        if x[x_end..] != y[y_end..] {
            return common + x.iter().rev().zip(y.iter().rev()).take_while(|(x, y)| x == y).count();
        }
        common += length;
        (x, y) = (&x[..x_end], &y[..y_end]);
    }
}

/// The position of a byte for tree-sitter: only LF ends a row, columns are bytes.
fn point(rope: &Rope, byte: usize) -> Point {
    point_after(rope, 0, Point { row: 0, column: 0 }, byte)
}

/// The position of a byte at or after a known position.
fn point_after(rope: &Rope, from: usize, place: Point, byte: usize) -> Point {
    let (mut row, mut column, mut left) = (place.row, place.column, byte - from);
    let (chunks, chunk_start, ..) = rope.chunks_at_byte(from);
    let mut skip = from - chunk_start;
    for chunk in chunks {
        let chunk = &chunk.as_bytes()[std::mem::take(&mut skip)..];
        let bytes = &chunk[..chunk.len().min(left)];
        row += bytes.iter().filter(|&&byte| byte == b'\n').count();
        column = match bytes.iter().rposition(|&byte| byte == b'\n') {
            Some(last) => bytes.len() - last - 1,
            None => column + bytes.len(),
        };
        left -= bytes.len();
        if left == 0 {
            break;
        }
    }
    Point { row, column }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn points_count_rows_by_line_feed() {
        let rope = Rope::from_str(&format!("a\rb\r\nçd{}", "x".repeat(5000)));
        assert_eq!(point(&rope, 4), Point { row: 0, column: 4 });
        assert_eq!(point(&rope, 5), Point { row: 1, column: 0 });
        assert_eq!(point(&rope, rope.len_bytes()), Point { row: 1, column: 5003 });
    }

    proptest! {
        #[test]
        fn common_prefix_and_suffix_equal_a_plain_comparison(
            start in "[ab]{0,9}", old in "[ab]{0,5}", new in "[ab]{0,5}", end in "[ab]{0,9}", bulk in 0usize..3,
        ) {
            let bulk = "ab".repeat(bulk * 1500);
            let (a, b) = (format!("{start}{bulk}{old}{bulk}{end}"), format!("{start}{bulk}{new}{bulk}{end}"));
            let (x, y) = (Rope::from_str(&a), Rope::from_str(&b));
            let prefix = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
            let suffix = a.bytes().rev().zip(b.bytes().rev()).take_while(|(x, y)| x == y).count();
            prop_assert_eq!((common_prefix(&x, &y), common_suffix(&x, &y)), (prefix, suffix));
        }

        #[test]
        fn applying_the_edit_gives_the_new_text(old in "[aé編😀è]{0,9}", new in "[aé編😀è]{0,9}") {
            let (x, y) = (Rope::from_str(&old), Rope::from_str(&new));
            let Some(edit) = Edit::between(&x, &y) else { return Ok(()) };
            let (replaced, by) = edit.of_text(&x, &y);
            let mut changed = old.clone();
            changed.replace_range(replaced, &by);
            prop_assert_eq!(changed, new);
        }

    }
}
