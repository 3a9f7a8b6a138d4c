//! Splits source text of any language into tokens, without its grammar.

mod comments;
mod keywords;
mod raw;
mod rules;
mod strings;

pub use keywords::is_keyword;

use crate::text::Language;
use rules::LexicalRules;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An identifier, or a word of prose.
    Name,
    /// A word that some language reserves.
    Keyword,
    /// A number or a string.
    Literal,
    /// Any other character or pair of characters.
    Operator,
}

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its text.
    pub text: &'a str,
    /// The zero-based line on which it begins.
    pub line: usize,
}

/// Operators of two bytes.
const PAIRS: [&[u8; 2]; 20] = [
    b"==", b"!=", b"<=", b">=", b"&&", b"||", b"->", b"=>", b"::", b"+=", b"-=", b"*=", b"/=", b"++", b"--", b"<<",
    b">>", b"..", b":=", b"??",
];

/// The tokens of a text without comments and documentation strings; in prose, the words.
pub fn tokens(text: &str, language: Language) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        line: 0,
        depth: 0,
        prose: !language.is_code(),
        language,
        rules: LexicalRules::of(language),
        tokens: Vec::new(),
    };
    while lexer.at < lexer.bytes.len() {
        let before = lexer.at;
        lexer.step();
        // Every step reads something; this line prevents an endless loop if a step has a bug.
        lexer.at = lexer.at.max(before + 1);
    }
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: usize,
    /// Number of open brackets.
    depth: usize,
    prose: bool,
    language: Language,
    rules: LexicalRules,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn step(&mut self) {
        let byte = self.bytes[self.at];
        if byte == b'\n' {
            self.line += 1;
            self.at += 1;
        } else if byte.is_ascii_whitespace() {
            self.at += 1;
        } else if !self.prose && (self.comment() || self.string(byte)) {
        } else if is_word(byte) || (byte == b'$' && self.peek(1).is_some_and(is_word)) {
            self.word(byte);
        } else if self.prose {
            self.at += 1;
        } else {
            self.operator(byte);
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Advances to an offset and counts lines.
    fn go(&mut self, to: usize) {
        let to = to.min(self.bytes.len());
        self.line += self.bytes[self.at..to].iter().filter(|byte| **byte == b'\n').count();
        self.at = to;
    }

    /// The offset of the next occurrence at or after `from`. The end of the text if there is none.
    fn find(&self, from: usize, what: &[u8]) -> usize {
        let from = from.min(self.bytes.len());
        let found = self.bytes[from..].windows(what.len()).position(|window| window == what);
        found.map_or(self.bytes.len(), |found| from + found)
    }

    fn end_of_line(&self) -> usize {
        self.find(self.at, b"\n")
    }

    /// Whether only white space precedes the current position on its line.
    fn alone(&self) -> bool {
        self.tokens.last().is_none_or(|token| token.line != self.line)
    }

    fn word(&mut self, byte: u8) {
        let start = self.at;
        let number = byte.is_ascii_digit();
        let mut end = start + 1;
        while let Some(&next) = self.bytes.get(end) {
            let point = number && next == b'.' && self.bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            let dollar = next == b'$' && self.dollars();
            if !(is_word(next) || point || dollar) {
                break;
            }
            end += 1;
        }
        let kind = match () {
            () if number && !self.prose => Kind::Literal,
            () if !self.prose && is_keyword(&self.text[start..end]) => Kind::Keyword,
            () => Kind::Name,
        };
        self.push(kind, start, end);
        self.at = end;
    }

    /// Whether names may contain `$`.
    fn dollars(&self) -> bool {
        matches!(
            self.language,
            Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Java
        )
    }

    fn operator(&mut self, byte: u8) {
        match byte {
            b'(' | b'[' | b'{' => self.depth += 1,
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let pair = self
            .rest()
            .get(..2)
            .is_some_and(|two| PAIRS.iter().any(|pair| *pair == two));
        let end = self.at + if pair { 2 } else { 1 };
        self.push(Kind::Operator, self.at, end);
        self.at = end;
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        // Token borders are next to ASCII bytes, so the slice is valid.
        if let Some(text) = self.text.get(start..end) {
            let line = self.line;
            self.tokens.push(Token { kind, text, line });
        }
    }
}

/// Whether a byte belongs to a word; every non-ASCII byte does.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
