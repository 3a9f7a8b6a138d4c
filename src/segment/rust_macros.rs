//! Items inside macro calls of Rust. The grammar reads `cfg_if! { … fn open() {} }` as mere tokens.
//!
//! If a macro call stands in place of an item and its arguments begin like an item, this module blanks the call and its brackets, so the
//! parser reads the content as items.

use super::tokens::{Kind, Token, after_group, tokens};
use crate::text::{ByteRange, Language};

/// The ranges to blank, in any order, and the positions for missing `}`.
pub(super) fn misleading(text: &str) -> (Vec<ByteRange>, Vec<usize>) {
    let tokens = tokens(text, Language::Rust);
    let mut walker = Walker {
        text,
        tokens: &tokens,
        blanks: Vec::new(),
        braces: Vec::new(),
        scopes: Vec::new(),
        column: 0,
    };
    walker.run();
    (walker.blanks, walker.braces)
}

/// A pair of open brackets.
struct Scope {
    open: usize,
    /// Indentation of the line that opens it.
    column: usize,
    close: u8,
    /// Whether it contains items.
    items: bool,
    /// Whether it belongs to a blanked macro call.
    blank: bool,
}

/// The keywords since the start of the statement.
#[derive(Default)]
struct Statement {
    function: bool,
    container: bool,
    structure: bool,
    begun: bool,
}

struct Walker<'a> {
    text: &'a str,
    tokens: &'a [Token],
    blanks: Vec<ByteRange>,
    /// Positions for missing `}`.
    braces: Vec<usize>,
    scopes: Vec<Scope>,
    /// Indentation of the current line.
    column: usize,
}

impl Walker<'_> {
    fn run(&mut self) {
        let mut statement = Statement::default();
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            if token.first_on_line {
                let before = self.text.as_bytes()[..token.start].iter().rev();
                self.column = before.take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            }
            let item = token.first_on_line && self.begins_line_with_item(at);
            let unclosed = self
                .scopes
                .last()
                .is_some_and(|scope| scope.close != b'}' && !scope.blank);
            if unclosed && (item || (token.is(b'}') && self.closes_brace())) {
                self.forget_parentheses();
                statement = Statement::default();
            }
            // Otherwise the function would be the type that another one returns.
            if item && at > 1 && self.is_sign(at - 1, b'>') && self.is_sign(at - 2, b'-') {
                self.blank(at - 2, at - 1);
            }
            if item && self.close_functions(at) {
                statement = Statement::default();
            }
            let in_items = self.scopes.last().is_none_or(|scope| scope.items);
            if in_items && !statement.begun {
                if let Some(after) = self.after_attribute(at) {
                    at = after;
                    continue;
                }
                if let Some(open) = self.opening(at) {
                    self.blank(at, open);
                    self.push(open, true, true);
                    at = open + 1;
                    continue;
                }
            }
            match token.kind {
                Kind::Word => {
                    statement.begun = true;
                    match self.word(at) {
                        "fn" => statement.function = true,
                        "impl" | "mod" | "trait" | "extern" => statement.container = true,
                        "struct" => statement.structure = true,
                        _ => {}
                    }
                }
                Kind::Sign(sign @ (b'{' | b'(' | b'[')) => {
                    let items = in_items && sign == b'{' && statement.container && !statement.function;
                    if in_items && sign == b'(' && statement.function && self.in_macro() {
                        self.mask_strategies(at);
                    }
                    self.push(at, items, false);
                    if items {
                        statement = Statement::default();
                    }
                }
                Kind::Sign(sign @ (b'}' | b')' | b']')) => {
                    if self.scopes.last().is_some_and(|scope| scope.close == sign)
                        && let Some(scope) = self.scopes.pop()
                    {
                        if scope.blank {
                            let end = if sign != b'}' && self.is_sign(at + 1, b';') {
                                at + 1
                            } else {
                                at
                            };
                            self.blank(at, end);
                            at = end;
                        }
                        if scope.blank || sign == b'}' {
                            statement = Statement::default();
                        }
                    }
                }
                Kind::Sign(b';') => statement = Statement::default(),
                // `struct Flags: u32 {` in bitflags.
                Kind::Sign(b':') if in_items && statement.structure && self.in_macro() => self.mask_representation(at),
                _ => {}
            }
            at += 1;
        }
    }

    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &self.text[token.range()])
    }

    fn is_word(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Word)
    }

    fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(sign))
    }

    /// Whether the innermost bracket belongs to a blanked macro call.
    fn in_macro(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.blank)
    }

    fn push(&mut self, open: usize, items: bool, blank: bool) {
        let close = closing(self.tokens[open].kind);
        self.scopes.push(Scope {
            open,
            column: self.column,
            close,
            items,
            blank,
        });
    }

    /// Blanks open parentheses when a `}` or an item shows that they are unclosed.
    fn forget_parentheses(&mut self) {
        while let Some(scope) = self.scopes.pop_if(|scope| scope.close != b'}' && !scope.blank) {
            // `vec!` without brackets would be an operator.
            let call = scope.open > 0 && self.is_sign(scope.open - 1, b'!');
            self.blank(scope.open - usize::from(call), scope.open);
        }
    }

    /// Closes open functions when an item begins at the same indentation or further left.
    fn close_functions(&mut self, at: usize) -> bool {
        let open_body =
            |scope: &Scope| !scope.items && !scope.blank && scope.close == b'}' && scope.column >= self.column;
        let count = self.scopes.iter().rev().take_while(|scope| open_body(scope)).count();
        let Some(outermost) = self.scopes.len().checked_sub(count).filter(|_| count > 0) else {
            return false;
        };
        let first = self.scopes[outermost].open + 1;
        if first < at {
            // The grammar cannot read unclosed content, so only the `}` remains.
            self.blank(first, at - 1);
            // Replaces a whole character, because tokens must not begin or end inside of one.
            let text = self.text.as_bytes();
            let starts = self.tokens[first..at].iter().map(|token| token.start);
            self.braces.extend(starts.rev().find(|&start| text[start].is_ascii()));
        }
        self.scopes.truncate(outermost);
        true
    }

    /// Whether an item begins at the start of a line, outside of macro calls.
    fn begins_line_with_item(&self, at: usize) -> bool {
        let word = self.word(at);
        let item = matches!(word, "fn" | "struct" | "enum" | "impl" | "trait" | "mod" | "pub");
        // Brackets of a macro call or definition may contain anything.
        let in_macro = |scope: &Scope| {
            let open = scope.open;
            let defined = open >= 3 && self.word(open - 3) == "macro_rules";
            defined || (open > 0 && self.is_sign(open - 1, b'!') && !scope.blank)
        };
        item && self.begins_item(at) && !self.scopes.iter().any(in_macro)
    }

    /// Whether a brace is open around the open parentheses.
    fn closes_brace(&self) -> bool {
        self.scopes.iter().any(|scope| scope.close == b'}')
    }

    /// Blanks the tokens from `first` to `last`.
    fn blank(&mut self, first: usize, last: usize) {
        self.blanks.push(self.tokens[first].start..self.tokens[last].end);
    }

    /// The index after an attribute that starts here.
    fn after_attribute(&self, at: usize) -> Option<usize> {
        let open = at + 1 + usize::from(self.is_sign(at + 1, b'!'));
        (self.is_sign(at, b'#') && self.is_sign(open, b'[')).then(|| after_group(self.tokens, open, 1000))?
    }

    /// The bracket of a macro call around items, if one starts here. A branch inside such a call counts too.
    fn opening(&self, at: usize) -> Option<usize> {
        if self.in_macro() {
            let mut condition = at;
            if self.word(condition) == "else" {
                condition += 1;
            }
            if self.word(condition) == "if" && self.is_sign(condition + 1, b'#') {
                condition = self.after_attribute(condition + 1)?;
            }
            if condition > at && self.is_sign(condition, b'{') {
                return Some(condition);
            }
        }
        let mut end = at;
        loop {
            if !self.is_word(end) {
                return None;
            }
            end += 1;
            if !(self.is_sign(end, b':') && self.is_sign(end + 1, b':')) {
                break;
            }
            end += 2;
        }
        let open = end + 1;
        let opens = matches!(self.tokens.get(open)?.kind, Kind::Sign(b'{' | b'(' | b'['));
        (self.is_sign(end, b'!') && opens && self.begins_item(open + 1)).then_some(open)
    }

    /// Whether an item begins here, after its attributes.
    fn begins_item(&self, at: usize) -> bool {
        let mut at = at;
        while let Some(after) = self.after_attribute(at) {
            at = after;
        }
        if self.word(at) == "pub" {
            at += 1;
            if self.is_sign(at, b'(') {
                at = after_group(self.tokens, at, 20).unwrap_or(at);
            }
        }
        let sign = |sign| self.is_sign(at + 1, sign);
        // `struct Name[<T>]` and `impl Trait for path::{A, B}` are syntax of the macro.
        let type_parameters = self.is_word(at + 1) && self.is_sign(at + 2, b'[');
        if type_parameters || !self.has_plain_body(at) {
            return false;
        }
        match self.word(at) {
            "fn" | "struct" | "enum" | "union" | "trait" | "mod" | "type" | "const" | "static" | "async" => {
                self.is_word(at + 1)
            }
            "use" => self.is_word(at + 1) || sign(b'{') || sign(b':'),
            "impl" => self.is_word(at + 1) || sign(b'<'),
            "unsafe" => matches!(self.word(at + 1), "fn" | "impl" | "trait" | "extern"),
            "extern" => {
                self.is_word(at + 1)
                    || sign(b'{')
                    || self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Text)
            }
            "macro_rules" => sign(b'!'),
            "if" => sign(b'#'),
            _ => false,
        }
    }

    /// Whether the first nearby brace, if any, does not follow a path.
    fn has_plain_body(&self, at: usize) -> bool {
        let near = self.tokens.iter().enumerate().skip(at).take(64);
        let brace = near
            .take_while(|(_, token)| !token.is(b';'))
            .find(|(_, token)| token.is(b'{'));
        let used = self.word(at) == "use";
        used || brace.is_none_or(|(brace, _)| brace == 0 || !self.is_sign(brace - 1, b':'))
    }

    /// Blanks the strategies of a property test's parameters: `fn sums(values in vec(0..9))`.
    fn mask_strategies(&mut self, open: usize) {
        let Some(end) = after_group(self.tokens, open, 2000) else {
            return;
        };
        let mut depth = 0;
        let mut from = None;
        for at in open..end {
            match self.tokens[at].kind {
                Kind::Sign(b'(' | b'[' | b'{') => depth += 1,
                Kind::Sign(b')' | b']' | b'}') => depth -= 1,
                Kind::Word if depth == 1 && from.is_none() && self.word(at) == "in" => from = Some(at),
                _ => {}
            }
            let ends = depth == 0 || (depth == 1 && self.is_sign(at, b','));
            if ends && let Some(first) = from.take() {
                self.blank(first, at - 1);
            }
        }
    }

    fn mask_representation(&mut self, colon: usize) {
        if self.word(colon.wrapping_sub(2)) != "struct" || !self.is_word(colon + 1) || !self.is_sign(colon + 2, b'{') {
            return;
        }
        self.blank(colon, colon + 1);
    }
}

fn closing(open: Kind) -> u8 {
    match open {
        Kind::Sign(b'(') => b')',
        Kind::Sign(b'[') => b']',
        _ => b'}',
    }
}
