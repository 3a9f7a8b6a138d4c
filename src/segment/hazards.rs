//! Text on which a grammar's scanner, which is C, would end the process; found by the property tests beside this module.

use std::borrow::Cow;
use std::collections::HashSet;

use ropey::Rope;

use crate::text::Language;

/// YAML nested deeper than this is not parsed.
const DEEPEST_YAML: usize = 100;

/// Python with more kinds of indentation than this is not parsed.
const MOST_INDENTATIONS: usize = 300;

/// Ruby with a longer end word of a here document, or with more here documents on a line, is not parsed.
const LONGEST_END_WORD: usize = 200;
const MOST_HERE_DOCUMENTS: usize = 20;

/// Whether the scanner of a language might overrun the kilobyte in which tree-sitter keeps its state, which aborts.
pub(super) fn overruns(rope: &Rope, language: Language) -> bool {
    match language {
        Language::Yaml => yaml_is_too_deep(rope),
        Language::Python => python_is_too_deep(rope),
        Language::Ruby => rope.len_bytes() > LONGEST_END_WORD && ruby_end_word_is_too_long(&rope.to_string()),
        _ => false,
    }
}

/// Bytes with a letter in place of each that is not ASCII.
///
/// The scanner of Bash looks characters up in a table of the C library that ends at 255, so a brace before an emoji crashes the
/// process (tree-sitter-bash issue 337). A letter instead changes no node's place and hardly any node's kind.
pub(super) fn masked(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.is_ascii() {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(
        bytes
            .iter()
            .map(|&byte| if byte.is_ascii() { byte } else { b'x' })
            .collect(),
    )
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
    for &byte in rope.chunks().flat_map(str::as_bytes) {
        width = match (byte, width) {
            (b'\n' | b'\r', blank) => {
                widths.extend(blank);
                Some(0)
            }
            (b' ' | b'\x0c', Some(width)) => Some(width + 1),
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

/// The scanner of Ruby keeps the length of a here document's end word in one byte, and in `<<"` anything up to the next quote
/// is an end word.
fn ruby_end_word_is_too_long(text: &str) -> bool {
    let (mut line, mut on_line) = (0, 0);
    for (at, _) in text.match_indices("<<") {
        let line_end = text[line..at].rfind('\n');
        if let Some(end) = line_end {
            (line, on_line) = (line + end + 1, 0);
        }
        on_line += 1;
        let word = text[at + 2..].trim_start_matches(['<', '~', '-']);
        let length = match word.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => word[1..].find(quote).unwrap_or(word.len()),
            _ => word
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(word.len()),
        };
        if length > LONGEST_END_WORD || on_line > MOST_HERE_DOCUMENTS {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::fixtures;

    #[test]
    fn masking_keeps_ascii_and_length() {
        assert_eq!(&*masked("{é😀}".as_bytes()), b"{xxxxxx}");
        assert!(matches!(masked(b"{a}"), Cow::Borrowed(_)));
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
    fn only_long_end_words_of_ruby_are_too_long() {
        let long = "word ".repeat(50);
        for (text, too_long) in [
            (fixtures::of(Language::Ruby).to_owned(), false),
            (format!("a <<~SQL\n{long}\nSQL\nb << \"{long}\""), false),
            (format!("a <<\"{long}\""), true),
            (format!("a <<~'{long}"), true),
            (format!("a <<{}", "A".repeat(201)), true),
            ("<<A, ".repeat(41), true),
            ("x << 1\n".repeat(500), false),
        ] {
            assert_eq!(overruns(&Rope::from_str(&text), Language::Ruby), too_long, "{text}");
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
