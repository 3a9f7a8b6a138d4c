//! Text on which a grammar's scanner, which is C, would end the process; found by the property tests beside this module.

use std::collections::HashSet;

use ropey::Rope;

use crate::text::{ByteRange, Language};

/// YAML nested deeper than this is not parsed.
const DEEPEST_YAML: usize = 100;

/// Python with more kinds of indentation than this is not parsed.
const MOST_INDENTATIONS: usize = 300;

/// A longer end word of a here document in Ruby is hidden from the parser.
const LONGEST_END_WORD: usize = 100;
/// So are the here documents of a line whose end words are longer together, in bytes of the scanner's state.
const LONGEST_END_WORDS: usize = 400;

/// Whether the scanner of a language might overrun the kilobyte in which tree-sitter keeps its state, which aborts.
pub(super) fn overruns(rope: &Rope, language: Language) -> bool {
    match language {
        Language::Yaml => yaml_is_too_deep(rope),
        Language::Python => python_is_too_deep(rope),
        _ => false,
    }
}

/// The text with a letter in place of each byte that is not ASCII.
///
/// The scanner of Bash looks characters up in a table of the C library that ends at 255, so a brace before an emoji crashes the
/// process (tree-sitter-bash issue 337). A letter instead changes no node's place and hardly any node's kind.
pub(super) fn ascii(rope: &Rope) -> Rope {
    if rope.chunks().all(str::is_ascii) {
        return rope.clone();
    }
    let bytes = rope
        .bytes()
        .map(|byte| if byte.is_ascii() { char::from(byte) } else { 'x' });
    Rope::from_str(&bytes.collect::<String>())
}

/// Whether YAML is nested too deep to be parsed.
///
/// The scanner keeps four bytes per open block in the kilobyte that tree-sitter gives it, and overruns it at the 254th. A block
/// opens only at `-`, `?` or `:` before white space and at `|` or `>`, and closes at the latest before a line that begins left of
/// it. A list may stand as far left as the mapping it is in, hence at most two blocks for each that is counted here.
fn yaml_is_too_deep(rope: &Rope) -> bool {
    // The columns at which the open blocks begin.
    let mut open: Vec<usize> = Vec::new();
    for line in rope.lines() {
        // A comment closes nothing, wherever it stands.
        if line.chars().find(|c| !c.is_whitespace()) == Some('#') {
            continue;
        }
        let mut entry = None;
        let mut marker = false;
        for (column, c) in line.chars().chain(['\n']).enumerate() {
            if c.is_whitespace() {
                open.extend(entry.take_if(|_| marker));
                marker = false;
                continue;
            }
            if entry.is_none() {
                open.truncate(open.partition_point(|&start| start < column));
                entry = Some(column);
            }
            marker = matches!(c, '-' | '?' | ':');
            if matches!(c, '|' | '>') {
                open.extend(entry);
            }
            if open.len() > DEEPEST_YAML {
                return true;
            }
        }
    }
    open.len() > DEEPEST_YAML
}

/// The scanner of Python keeps two bytes per level of indentation, and there are no more levels than kinds of indentation.
fn python_is_too_deep(rope: &Rope) -> bool {
    let mut widths: HashSet<usize> = HashSet::new();
    // The width so far of the line that begins, until its first other character.
    let mut width = Some(0);
    let mut continued = false;
    for &byte in rope.chunks().flat_map(str::as_bytes) {
        let continues = std::mem::replace(&mut continued, byte == b'\\' && width.is_some());
        width = match (byte, width) {
            // The scanner goes on counting where a backslash joins two lines.
            (b'\\', Some(width)) => Some(width),
            (b'\n', Some(width)) if continues => Some(width),
            (b'\n' | b'\r', blank) => {
                widths.extend(blank);
                Some(0)
            }
            (b'\x0c', Some(_)) => Some(0),
            (b' ', Some(width)) => Some(width + 1),
            (b'\t', Some(width)) => Some(width + 8),
            (_, Some(width)) => {
                widths.insert(width);
                None
            }
            (_, None) => None,
        };
    }
    widths.len() > MOST_INDENTATIONS
}

/// The `<<` in Ruby after which the scanner would find an end word that it cannot keep.
///
/// The scanner keeps the length of a here document's end word in one byte, and all end words that are open in a kilobyte. After
/// `<<"` anything up to the next quote is an end word, be it on a later line. The `<<` may as well stand in a comment or a string,
/// where nothing is lost by hiding it.
pub(super) fn here_documents(text: &str) -> Vec<ByteRange> {
    let mut hidden = Vec::new();
    let (mut before, mut on_line) = (0, 0);
    for (at, _) in text.match_indices("<<") {
        if text[before..at].contains('\n') {
            on_line = 0;
        }
        before = at;
        let word = text[at + 2..].trim_start_matches(['<', '~', '-']);
        // No further than the longest word that is kept, or many of them would be looked through many times.
        let length = match word.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => {
                let rest = word.as_bytes()[1..].iter().take(LONGEST_END_WORD + 1);
                rest.take_while(|&&byte| byte != quote as u8).count()
            }
            _ => word
                .bytes()
                .take(LONGEST_END_WORD + 1)
                .take_while(|&byte| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii())
                .count(),
        };
        if length == 0 {
            continue;
        }
        on_line += length + 4;
        if length > LONGEST_END_WORD || on_line > LONGEST_END_WORDS {
            hidden.push(at..at + 2);
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::fixtures;

    #[test]
    fn masking_keeps_ascii_and_length() {
        assert_eq!(ascii(&Rope::from_str("{é😀}")), "{xxxxxx}");
        assert_eq!(ascii(&Rope::from_str("{a}")), "{a}");
    }

    #[test]
    fn only_deep_yaml_is_too_deep() {
        let real = fixtures::of(Language::Yaml).repeat(500);
        let entries = "key: [a, b]\n- a: b - c: d\n  e: |\n    text\n".repeat(500);
        let deep: String = (0..101).map(|depth| " ".repeat(depth) + "a:\n").collect();
        let wide = "- ".repeat(101);
        for (text, too_deep) in [(real, false), (entries, false), (deep, true), (wide, true)] {
            assert_eq!(yaml_is_too_deep(&Rope::from_str(&text)), too_deep);
        }
    }

    #[test]
    fn only_long_end_words_of_ruby_are_hidden() {
        let long = "word ".repeat(50);
        for (text, hidden) in [
            (fixtures::of(Language::Ruby).to_owned(), 0),
            (format!("a <<~SQL\n{long}\nSQL\nb << \"{long}\""), 0),
            (format!("a <<\"{long}\""), 1),
            (format!("a <<~'{long}"), 1),
            (format!("a <<{}", "A".repeat(201)), 1),
            (format!("a(<<{0}, <<{0}, <<{0}, <<{0}, <<{0})", "A".repeat(99)), 2),
            ("<<A, ".repeat(120), 40),
            ("x << 1\n".repeat(500), 0),
        ] {
            assert_eq!(here_documents(&text).len(), hidden, "{text}");
        }
    }

    #[test]
    fn only_many_indentations_of_python_are_too_many() {
        let deep: String = (0..301).map(|depth| " ".repeat(depth) + "if x:\n").collect();
        assert!(overruns(&Rope::from_str(&deep), Language::Python));
        let real = fixtures::of(Language::Python).repeat(300);
        assert!(!overruns(&Rope::from_str(&real), Language::Python));
    }
}
