//! Raw strings: their ends depend on how they begin.

use super::Lexer;
use crate::text::Language;

/// The most `$` and `@` that are looked at before a string of C#.
const MARKS: usize = 16;

impl Lexer<'_> {
    /// The end of a `[[ … ]]` with any level (`[==[ … ]==]`) at an offset.
    pub(super) fn long_bracket(&self, from: usize) -> Option<usize> {
        let rest = self.bytes.get(from..)?.strip_prefix(b"[")?;
        let level = rest.iter().take_while(|byte| **byte == b'=').count();
        if rest.get(level) != Some(&b'[') {
            return None;
        }
        let mut close = vec![b'='; level + 2];
        close[0] = b']';
        close[level + 1] = b']';
        Some(self.find(from, &close) + close.len())
    }

    /// The end of a string in which a backslash has no meaning, if one starts here.
    pub(super) fn raw_string(&self) -> Option<usize> {
        let rest = self.rest();
        match self.language {
            Language::Rust => {
                let after = rest.strip_prefix(b"b").unwrap_or(rest).strip_prefix(b"r")?;
                let hashes = after.iter().take_while(|byte| **byte == b'#').count();
                if after.get(hashes) != Some(&b'"') {
                    return None;
                }
                let open = self.at + (rest.len() - after.len()) + hashes + 1;
                let mut close = vec![b'#'; hashes + 1];
                close[0] = b'"';
                Some(self.find(open, &close) + close.len())
            }
            Language::Cpp => {
                let after = rest.strip_prefix(b"R\"")?;
                let length = after.iter().take(17).position(|byte| *byte == b'(')?;
                let mut close = vec![b')'];
                close.extend(&after[..length]);
                close.push(b'"');
                Some(self.find(self.at + 2 + length, &close) + close.len())
            }
            Language::CSharp => self.csharp(),
            _ => None,
        }
    }

    /// The end of `@"…""…"` or `"""…"""`, with any `$`, if one starts here.
    fn csharp(&self) -> Option<usize> {
        let rest = self.rest();
        let marks = rest.iter().take(MARKS).take_while(|byte| matches!(byte, b'$' | b'@'));
        let marks = marks.count();
        let quotes = rest[marks..].iter().take_while(|byte| **byte == b'"').count();
        let open = self.at + marks;
        if rest[..marks].contains(&b'@') {
            return (quotes > 0).then(|| self.verbatim(open + 1));
        }
        // A raw string has the quotes at its end that it has at its start.
        (quotes >= 3).then(|| self.find(open + quotes, &rest[marks..marks + quotes]) + quotes)
    }

    /// The end of a verbatim string, given the start of its content. Two quotes are one of its characters.
    fn verbatim(&self, inside: usize) -> usize {
        let mut at = self.find(inside, b"\"");
        while self.bytes.get(at + 1) == Some(&b'"') {
            at = self.find(at + 2, b"\"");
        }
        at + 1
    }
}
