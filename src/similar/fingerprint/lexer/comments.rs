//! Comments, which have no tokens.

use super::Lexer;
use crate::text::Language;

impl Lexer<'_> {
    /// Skips a comment, if one starts here.
    pub(super) fn comment(&mut self) -> bool {
        let (rules, rest) = (self.rules, self.rest());
        if rules.slashes && rest.starts_with(b"//") {
            self.go(self.end_of_line());
            return true;
        }
        if rules.slashes && rest.starts_with(b"/*") {
            self.block();
            return true;
        }
        if rules.dashes && rest.starts_with(b"--") {
            match self.long_bracket(self.at + 2) {
                Some(end) => self.go(end),
                None => self.go(self.end_of_line()),
            }
            return true;
        }
        if rules.begin && rest.starts_with(b"=begin") && self.starts_line() {
            let end = self.find(self.at, b"\n=end");
            self.go(end + 5);
            return true;
        }
        if rules.hash && rest.starts_with(b"#") {
            let before = self.at.checked_sub(1).map(|before| self.bytes[before]);
            let spaced =
                before.is_none_or(|before| before.is_ascii_whitespace() || matches!(before, b';' | b'(' | b')'));
            let attribute = self.language == Language::Php && rest.starts_with(b"#[");
            if (spaced || !rules.spaced_hash) && !attribute {
                self.go(self.end_of_line());
                return true;
            }
        }
        false
    }

    fn starts_line(&self) -> bool {
        self.at == 0 || self.bytes[self.at - 1] == b'\n'
    }

    /// Skips a block comment.
    fn block(&mut self) {
        if !self.rules.nested {
            let end = self.find(self.at + 2, b"*/");
            self.go(end + 2);
            return;
        }
        let (mut at, mut depth) = (self.at, 0usize);
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            if rest.starts_with(b"/*") {
                depth += 1;
                at += 2;
            } else if rest.starts_with(b"*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            } else {
                at += 1;
            }
        }
        self.go(at);
    }
}
