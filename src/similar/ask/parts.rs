//! A document → parts of some kilobytes, so that a question about a long document can be stopped between two of them.

use crate::text::{ByteRange, Snapshot};

/// Bytes of a part at least, unless the document ends; a part ends at the next blank line.
const LEAST: usize = 6000;

/// The parts of a document, which cover it.
pub fn parts(snapshot: &Snapshot) -> Vec<ByteRange> {
    let text = snapshot.text(0..snapshot.len());
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.trim().is_empty() && at - start >= LEAST {
            found.push(start..at);
            start = at;
        }
    }
    if start < text.len() {
        found.push(start..text.len());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn parts_cover_a_document_and_end_at_blank_lines() {
        let text = "one line of a paragraph that goes on for a while\nand its second line\n\n".repeat(300);
        let snapshot = Snapshot::new(&text, 0, Language::Prose);
        let found = parts(&snapshot);
        assert!(found.len() > 2, "{found:?}");
        let mut end = 0;
        for part in found {
            assert_eq!(part.start, end);
            assert!(text[part.clone()].ends_with("\n\n"));
            // The first blank line behind the least size ends a part.
            assert!(part.len() < LEAST + 100 && (part.len() >= LEAST || part.end == text.len()));
            end = part.end;
        }
        assert_eq!(end, text.len());
        assert!(parts(&Snapshot::new("", 0, Language::Prose)).is_empty());
    }
}
