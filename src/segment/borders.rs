//! The syntax depth at the start of each line: shallow lines are better borders.

use tree_sitter::Node;

use super::parser::Tree;
use crate::text::ByteRange;

/// The line starts in a part of a document, with their depths. A depth is the number of multi-line nodes that span the line start.
pub(super) struct Borders {
    starts: Vec<usize>,
    depths: Vec<u32>,
}

impl Borders {
    /// Computes the borders of a range. Without a tree, all depths are 0. Nodes outside of the range are not visited.
    pub fn new(text: &str, range: &ByteRange, tree: Option<&dyn Tree>) -> Self {
        let starts = line_starts(text, range);
        let mut depths = tree.map(|tree| tree.depths(&starts, range.end)).unwrap_or_default();
        depths.resize(starts.len(), 0);
        Self { starts, depths }
    }

    /// The lines of a range, clipped to it, with the depth at their start.
    pub fn lines(&self, range: &ByteRange) -> impl Iterator<Item = (ByteRange, u32)> {
        let first = self
            .starts
            .partition_point(|&start| start <= range.start)
            .saturating_sub(1);
        let (start, end) = (range.start, range.end);
        (first..self.starts.len())
            .take_while(move |&line| self.starts[line] < end)
            .map(move |line| {
                let line_end = self.starts.get(line + 1).copied().unwrap_or(usize::MAX);
                (self.starts[line].max(start)..line_end.min(end), self.depths[line])
            })
    }
}

/// The number of multi-line nodes that span each line start. Nodes that begin at or after `end` are ignored.
pub(super) fn depths(root: Node<'_>, starts: &[usize], end: usize) -> Vec<u32> {
    let mut changes = vec![0i64; starts.len() + 1];
    count_nodes(root, end, starts, &mut changes);
    let depths = changes.iter().scan(0, |depth: &mut i64, change| {
        *depth += change;
        Some(u32::try_from(*depth).unwrap_or(0))
    });
    depths.take(starts.len()).collect()
}

/// The starts of lines that overlap the range. Lines end with LF, CRLF or a single CR.
fn line_starts(text: &str, range: &ByteRange) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends_line = |at: usize| bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    let first = (0..range.start).rev().find(|&at| ends_line(at)).map_or(0, |at| at + 1);
    std::iter::once(first)
        .chain((range.start..range.end).filter(|&at| ends_line(at)).map(|at| at + 1))
        .collect()
}

/// Counts the nodes that begin before a line and end after its start. Counts are stored as differences between lines.
fn count_nodes(root: Node<'_>, end: usize, starts: &[usize], changes: &mut [i64]) {
    let Some(&first_start) = starts.first() else { return };
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        let first = starts.partition_point(|&start| start <= node.start_byte());
        let last = starts.partition_point(|&start| start < node.end_byte());
        if first < last {
            changes[first] += 1;
            changes[last] -= 1;
            if cursor.goto_first_child_for_byte(first_start).is_some() {
                continue;
            }
        }
        let mut over = node.start_byte() >= end;
        while over || !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            over = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::syntax::parse;
    use crate::text::{Language, Snapshot};

    #[test]
    fn lines_inside_statements_are_deeper() {
        let text = "fn f() {\n    g(\n        1,\n    );\n    h();\n}\r\nfn i() {}\n";
        let tree = parse(&Snapshot::new(text, 1, Language::Rust), None).unwrap();
        let borders = Borders::new(text, &(0..text.len()), Some(&tree as &dyn Tree));
        let depths: Vec<_> = borders.lines(&(0..text.len())).map(|(_, depth)| depth).collect();
        assert_eq!(depths[1], depths[4]);
        assert!(depths[2] > depths[1] && depths[1] > depths[6]);
    }

    #[test]
    fn lines_are_clipped_to_the_range() {
        let text = "ab\rcd\r\nef";
        let lines = |range| {
            let borders = Borders::new(text, &range, None);
            borders.lines(&range).map(|(line, _)| line).collect::<Vec<_>>()
        };
        assert_eq!(lines(0..9), [0..3, 3..7, 7..9]);
        assert_eq!(lines(1..6), [1..3, 3..6]);
        assert_eq!(lines(3..7), vec![3..7]);
    }

    #[test]
    fn a_part_has_the_same_depths_as_in_the_whole() {
        let text = crate::segment::fixtures::of(Language::Rust);
        let tree = parse(&Snapshot::new(text, 1, Language::Rust), None).unwrap();
        let root = Some(&tree as &dyn Tree);
        let whole = Borders::new(text, &(0..text.len()), root);
        for start in (0..text.len()).step_by(37) {
            let range = start..(start + 400).min(text.len());
            let part = Borders::new(text, &range, root);
            assert!(part.lines(&range).eq(whole.lines(&range)), "{range:?}");
        }
    }
}
