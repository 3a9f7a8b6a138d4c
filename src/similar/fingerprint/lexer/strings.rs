//! Strings, characters and patterns: one token each.

use super::{Kind, Lexer};
use crate::text::Language;

/// Length in bytes of `'\u{10ffff}'`.
const LONGEST_CHARACTER: usize = 12;

impl Lexer<'_> {
    /// Reads a string or a pattern, if one starts here.
    pub(super) fn string(&mut self, byte: u8) -> bool {
        let start = self.at;
        let rules = self.rules;
        if self.language == Language::Lua
            && byte == b'['
            && let Some(end) = self.long_bracket(start)
        {
            self.literal(start, end);
            return true;
        }
        if let Some(quote) = self.raw_string() {
            self.literal(start, quote);
            return true;
        }
        let open = start + self.prefix();
        let Some(&quote) = self.bytes.get(open) else {
            return false;
        };
        let long = [quote; 3];
        match quote {
            b'"' | b'\'' if rules.triple && self.bytes[open..].starts_with(&long) => {
                let end = self.closing(open + 3, &long);
                let documentation = self.alone() && self.depth == 0;
                if documentation && self.language == Language::Python {
                    self.go(end);
                } else {
                    self.literal(start, end);
                }
            }
            b'\'' if !rules.single => match self.character(open) {
                Some(end) => self.literal(start, end),
                // A lifetime: its name is the next token.
                None => return false,
            },
            b'"' | b'\'' => {
                let end = self.closing(open + 1, &[quote]);
                self.literal(start, end);
            }
            b'`' if rules.backtick => {
                let end = self.find_unescaped(open + 1, b"`", true);
                self.literal(start, end.unwrap_or(self.bytes.len()));
            }
            b'/' if rules.regex && open == start && self.operand_expected() => {
                match self.find_unescaped(start + 1, b"/", false) {
                    Some(end) => self.literal(start, end),
                    None => return false,
                }
            }
            _ => return false,
        }
        true
    }

    /// The length of what precedes the quote of a string, as in `r"…"`, `f'…'` and `$"…"`.
    fn prefix(&self) -> usize {
        let rest = self.rest();
        match self.language {
            Language::Python | Language::C | Language::Cpp | Language::Rust => {
                let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                let known = letters <= 2 && rest[..letters].iter().all(|byte| b"rRbBfFuULcC".contains(byte));
                if known { letters } else { 0 }
            }
            Language::CSharp => usize::from(rest.starts_with(b"$\"")),
            _ => 0,
        }
    }

    /// The end of a string, given the start of its content. The end of the line if the quote is missing.
    fn closing(&self, inside: usize, quote: &[u8]) -> usize {
        let long = quote.len() > 1 || self.rules.long;
        let found = self.find_unescaped(inside, quote, long);
        found.unwrap_or_else(|| self.find(inside, b"\n"))
    }

    /// The offset after the next quote that no backslash escapes.
    fn find_unescaped(&self, from: usize, quote: &[u8], over_lines: bool) -> Option<usize> {
        self.find_unescaped_before(from, quote, over_lines, self.bytes.len())
    }

    fn find_unescaped_before(&self, from: usize, quote: &[u8], over_lines: bool, until: usize) -> Option<usize> {
        let mut at = from;
        while at < until.min(self.bytes.len()) {
            match self.bytes[at] {
                b'\\' => at += 2,
                b'\n' if !over_lines => return None,
                _ if self.bytes[at..].starts_with(quote) => return Some(at + quote.len()),
                _ => at += 1,
            }
        }
        None
    }

    /// The end of `'x'`, a single character.
    fn character(&self, open: usize) -> Option<usize> {
        let inside = self.text.get(open + 1..)?;
        let mut characters = inside.char_indices();
        let (_, first) = characters.next()?;
        if first == '\\' {
            return self.find_unescaped_before(open + 1, b"'", false, open + LONGEST_CHARACTER);
        }
        let (next, second) = characters.next()?;
        (second == '\'').then_some(open + 1 + next + 1)
    }

    /// Whether a `/` starts a pattern. A division follows an operand.
    fn operand_expected(&self) -> bool {
        self.tokens.last().is_none_or(|token| match token.kind {
            Kind::Name | Kind::Literal => false,
            Kind::Keyword => !matches!(
                token.text,
                "this" | "self" | "super" | "end" | "true" | "false" | "nil" | "null"
            ),
            Kind::Operator => !matches!(token.text, ")" | "]" | "}"),
        })
    }

    fn literal(&mut self, start: usize, end: usize) {
        let mut end = end.min(self.bytes.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.push(Kind::Literal, start, end);
        self.go(end);
    }
}
