//! A lexer for C, C++ and Rust that recognizes braces, names and directives.

use crate::text::{ByteRange, Language};

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, keyword or number.
    Word,
    /// A string or character literal.
    Text,
    /// Any other character.
    Sign(u8),
    /// A whole preprocessor line, including continuation lines.
    Directive,
}

/// A token of a text. Comments and white space are not tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// Whether only white space and comments precede it on its line.
    pub first_on_line: bool,
}

impl Token {
    /// Its range.
    pub(super) fn range(&self) -> ByteRange {
        self.start..self.end
    }

    /// Whether it is this character.
    pub(super) fn is(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }
}

/// The tokens of a text in order; works on broken text too.
pub(super) fn tokens(text: &str, language: Language) -> Vec<Token> {
    let mut lexer = Lexer {
        text: text.as_bytes(),
        rust: language == Language::Rust,
    };
    lexer.run()
}

struct Lexer<'a> {
    text: &'a [u8],
    rust: bool,
}

impl Lexer<'_> {
    fn run(&mut self) -> Vec<Token> {
        let mut tokens = Vec::new();
        let (mut at, mut first_on_line) = (0, true);
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\n' | b'\r' => {
                    first_on_line = true;
                    at += 1;
                    continue;
                }
                b' ' | b'\t' | b'\x0b' | b'\x0c' => {
                    at += 1;
                    continue;
                }
                b'\\' if matches!(self.byte(at + 1), Some(b'\n' | b'\r')) => {
                    at += 1;
                    continue;
                }
                b'/' if self.byte(at + 1) == Some(b'/') => {
                    at = self.line_end(at, !self.rust);
                    continue;
                }
                b'/' if self.byte(at + 1) == Some(b'*') => {
                    at = self.comment_end(at);
                    continue;
                }
                _ => {}
            }
            let (kind, end) = match byte {
                b'#' if !self.rust && first_on_line => (Kind::Directive, self.directive_end(at)),
                b'"' => (Kind::Text, self.string_end(at, b'"')),
                b'\'' => self.quote(at),
                _ if is_word(byte) => self.word(at),
                _ => (Kind::Sign(byte), at + 1),
            };
            tokens.push(Token {
                kind,
                start: at,
                end,
                first_on_line,
            });
            first_on_line = false;
            at = end;
        }
        tokens
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    /// The end of a line, including continuation lines.
    fn line_end(&self, mut at: usize, continued: bool) -> usize {
        while let Some(byte) = self.byte(at) {
            if matches!(byte, b'\n' | b'\r') {
                let before = self.text[..at].strip_suffix(b"\r").unwrap_or(&self.text[..at]);
                if !(continued && before.ends_with(b"\\")) {
                    break;
                }
            }
            at += 1;
        }
        at
    }

    /// The end of a directive; a block comment inside may span lines.
    fn directive_end(&self, mut at: usize) -> usize {
        while let Some(byte) = self.byte(at) {
            let rest = &self.text[at..];
            match byte {
                b'\n' | b'\r' => return at,
                b'\\' if rest.starts_with(b"\\\r\n") => at += 3,
                b'\\' => at += 2,
                b'"' => at = self.string_end(at, b'"'),
                b'/' if rest.starts_with(b"/*") => at = self.comment_end(at),
                b'/' if rest.starts_with(b"//") => return self.line_end(at, true),
                _ => at += 1,
            }
        }
        self.text.len()
    }

    fn comment_end(&self, at: usize) -> usize {
        let (mut at, mut depth) = (at + 2, 1);
        while at < self.text.len() {
            if self.text[at..].starts_with(b"*/") {
                (at, depth) = (at + 2, depth - 1);
                if depth == 0 {
                    return at;
                }
            } else if self.rust && self.text[at..].starts_with(b"/*") {
                (at, depth) = (at + 2, depth + 1);
            } else {
                at += 1;
            }
        }
        at
    }

    /// The end of a string or character literal that begins here. In C, it ends with its line at the latest.
    fn string_end(&self, at: usize, quote: u8) -> usize {
        let mut at = at + 1;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\\' => at += 1,
                b'\n' if !self.rust => return at,
                _ if byte == quote => return at + 1,
                _ => {}
            }
            at += 1;
        }
        self.text.len()
    }

    /// Reads a character literal; in Rust it may be a lifetime instead.
    fn quote(&self, at: usize) -> (Kind, usize) {
        if !self.rust {
            return (Kind::Text, self.string_end(at, b'\''));
        }
        let Some(next) = self.byte(at + 1) else {
            return (Kind::Sign(b'\''), at + 1);
        };
        if next == b'\\' {
            return (Kind::Text, self.string_end(at, b'\''));
        }
        let length = match next {
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            _ => 1,
        };
        match self.byte(at + 1 + length) {
            Some(b'\'') => (Kind::Text, at + 2 + length),
            _ => (Kind::Sign(b'\''), at + 1),
        }
    }

    fn word(&self, at: usize) -> (Kind, usize) {
        let mut end = at;
        while self.byte(end).is_some_and(is_word) {
            end += 1;
        }
        let word = &self.text[at..end];
        if self.rust {
            // Raw strings: r"…", r#"…"#, br#"…"#.
            if matches!(word, b"r" | b"br" | b"cr") {
                let hashes = self.text[end..].iter().take_while(|&&byte| byte == b'#').count();
                if self.byte(end + hashes) == Some(b'"') {
                    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
                    return (Kind::Text, self.after(end + hashes + 1, &close));
                }
            }
            return (Kind::Word, end);
        }
        if word.ends_with(b"R") && word.len() <= 3 && self.byte(end) == Some(b'"') {
            // C++ raw strings: R"end(…)end", where the delimiter has at most 16 characters.
            let open = self.text[end + 1..].iter().take(17).position(|&byte| byte == b'(');
            if let Some(open) = open {
                let close = [b")", &self.text[end + 1..end + 1 + open], b"\""].concat();
                return (Kind::Text, self.after(end + 2 + open, &close));
            }
        }
        // Digits of numbers may be grouped: 1'000.
        if word[0].is_ascii_digit() {
            while self.byte(end) == Some(b'\'') && self.byte(end + 1).is_some_and(is_word) {
                end += 1;
                while self.byte(end).is_some_and(is_word) {
                    end += 1;
                }
            }
        }
        (Kind::Word, end)
    }

    /// The end of the next occurrence; the end of the text if there is none.
    fn after(&self, from: usize, close: &[u8]) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        let found = rest.windows(close.len()).position(|window| window == close);
        found.map_or(self.text.len(), |found| from + found + close.len())
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

/// The index after the bracket that closes the one at `open`. `None` if it is more than `most` tokens away.
pub(super) fn after_group(tokens: &[Token], open: usize, most: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(open).take(most) {
        match token.kind {
            Kind::Sign(b'(' | b'[' | b'{') => depth += 1,
            Kind::Sign(b')' | b']' | b'}') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index + 1);
                }
            }
            Kind::Directive => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, language: Language) -> Vec<&str> {
        tokens(text, language)
            .iter()
            .map(|token| &text[token.range()])
            .collect()
    }

    #[test]
    fn strings_comments_and_directives_hide_their_brackets() {
        let text = "#define A(x) { \\\n  x\nint f('{', \"}\\\"\", 1'000) // {\n/* { */ R\"x({)x\" }";
        let expected = [
            "#define A(x) { \\\n  x",
            "int",
            "f",
            "(",
            "'{'",
            ",",
            "\"}\\\"\"",
            ",",
            "1'000",
            ")",
            "R\"x({)x\"",
            "}",
        ];
        assert_eq!(words(text, Language::Cpp), expected);
    }

    #[test]
    fn lifetimes_are_not_character_literals() {
        let text = "fn f<'a>(x: &'a str) { '}' '\\'' 'é' r#\"\"}\"# /* /* } */ } */ b'{' }";
        let expected = [
            "fn",
            "f",
            "<",
            "'",
            "a",
            ">",
            "(",
            "x",
            ":",
            "&",
            "'",
            "a",
            "str",
            ")",
            "{",
            "'}'",
            "'\\''",
            "'é'",
            "r#\"\"}\"#",
            "b",
            "'{'",
            "}",
        ];
        assert_eq!(words(text, Language::Rust), expected);
    }
}
