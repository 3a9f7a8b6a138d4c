//! Unclosed brackets in Python during typing. Line ends do not count inside brackets, so all following code would be lost.

use crate::text::ByteRange;

/// Keywords that begin a statement and cannot be part of an expression.
const STATEMENTS: &[&[u8]] = &[
    b"def",
    b"class",
    b"return",
    b"while",
    b"try",
    b"import",
    b"pass",
    b"break",
    b"continue",
    b"raise",
    b"del",
    b"global",
    b"nonlocal",
    b"with",
];

/// The brackets that are still open where a statement begins.
pub(super) fn unclosed(text: &str) -> Vec<ByteRange> {
    let bytes = text.as_bytes();
    let mut unclosed = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let (mut at, mut line_begins) = (0, true);
    while let Some(&byte) = bytes.get(at) {
        let begins = std::mem::replace(&mut line_begins, matches!(byte, b'\n' | b'\r'));
        match byte {
            b' ' | b'\t' | b'\x0c' => line_begins = begins,
            b'#' => {
                at += bytes[at..]
                    .iter()
                    .take_while(|byte| !matches!(byte, b'\n' | b'\r'))
                    .count();
                continue;
            }
            b'"' | b'\'' => {
                let end = string_end(bytes, at);
                // The grammar reads on in an open brace of such a string.
                if is_formatted(&bytes[..at]) && is_open(&bytes[at..end]) {
                    unclosed.push(at..end);
                }
                at = end;
                continue;
            }
            b'\\' => at += 1,
            b'(' | b'[' | b'{' => open.push(at),
            b')' | b']' | b'}' => {
                open.pop();
            }
            _ if is_word(byte) => {
                let length = bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
                let (word, rest) = bytes[at..].split_at(length);
                if begins && !open.is_empty() && begins_statement(word, rest) {
                    unclosed.extend(open.drain(..).map(|open| open..open + 1));
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    unclosed
}

/// Whether the text ends with the prefix of a formatted string: `f`, `rf`, `t`.
fn is_formatted(before: &[u8]) -> bool {
    let length = before.iter().rev().take_while(|byte| is_word(**byte)).count();
    let prefix = &before[before.len() - length..];
    prefix.len() <= 2
        && prefix
            .iter()
            .any(|byte| matches!(byte.to_ascii_lowercase(), b'f' | b't'))
}

/// Whether a string on one line lacks its closing quote.
fn is_open(string: &[u8]) -> bool {
    let triple = string.starts_with(&[string[0]; 3]);
    !triple && (string.len() < 2 || string[string.len() - 1] != string[0])
}

fn begins_statement(word: &[u8], rest: &[u8]) -> bool {
    // `async for` may be part of an expression.
    STATEMENTS.contains(&word) || (word == b"async" && rest.trim_ascii_start().starts_with(b"def"))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The end of the string that begins here; a single-line string ends with its line.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' | b'\r' if !triple => return at,
            _ if byte == quote && !triple => return at + 1,
            _ if byte == quote && bytes[at..].starts_with(&[quote; 3]) => return at + 3,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}
