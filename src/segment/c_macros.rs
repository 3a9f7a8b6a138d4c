//! Macros of C and C++ that mislead the grammar, which does not expand them.
//!
//! `API_BEGIN` on its own line turns the namespace below it into a function called "namespace", and a preprocessor conditional that opens a
//! brace in each branch leaves one open. This module blanks such code for the parser. If a rule is wrong, the tree lacks a name; the text
//! itself never changes.

use super::tokens::{Kind, Token, after_group, tokens};
use crate::text::{ByteRange, Language};

/// Maximum number of tokens in the arguments of a macro.
const MAX_ARGUMENT_TOKENS: usize = 256;

/// Whether a header labeled as C is C++.
pub(super) fn is_cpp(text: &str) -> bool {
    let tokens = tokens(text, Language::Cpp);
    let word = |at: usize| tokens.get(at).map_or("", |token| &text[token.range()]);
    let named = |at: usize| tokens.get(at).is_some_and(|token| token.kind == Kind::Word);
    tokens.iter().enumerate().any(|(at, token)| {
        if token.kind != Kind::Word || !token.first_on_line {
            return false;
        }
        match word(at) {
            "namespace" => named(at + 1) && matches!(word(at + 2), "{" | ":" | "=") || word(at + 1) == "{",
            "class" => named(at + 1) && (matches!(word(at + 2), "{" | ":" | ";" | "final") || named(at + 2)),
            "template" => word(at + 1) == "<",
            "using" => named(at + 1),
            "public" | "private" | "protected" => word(at + 1) == ":",
            _ => false,
        }
    })
}

/// The ranges to blank in the parser input, in any order.
pub(super) fn misleading(text: &str, language: Language) -> Vec<ByteRange> {
    let tokens = tokens(text, language);
    let mut blanks = Vec::new();
    let directives = tokens.iter().filter(|token| token.kind == Kind::Directive);
    directives.for_each(|token| mask_comments(text, token.range(), &mut blanks));
    let tokens = without_broken_sections(text, tokens, &mut blanks);
    Rules {
        text,
        tokens: &tokens,
        blanks,
    }
    .run()
}

/// Blanks comments in multi-line macros, where the grammars would end the macro.
fn mask_comments(text: &str, directive: ByteRange, blanks: &mut Vec<ByteRange>) {
    let Some(written) = text.get(directive.clone()).filter(|written| written.contains('\n')) else {
        return;
    };
    let mut from = 0;
    while let Some(open) = written[from..].find("/*") {
        let start = from + open;
        let end = written[start + 2..]
            .find("*/")
            .map_or(written.len(), |close| start + close + 4);
        blanks.push(directive.start + start..directive.start + end);
        from = end;
    }
}

/// A preprocessor conditional, from `#if` to `#endif`.
#[derive(Default)]
struct Section {
    /// The directives that begin its branches, as token indices.
    directives: Vec<usize>,
    /// Whether the brackets of some branch are unbalanced.
    unbalanced: bool,
    /// The bracket balance of the first branch.
    first: Balance,
    current: Balance,
}

#[derive(Default, Clone, Copy)]
struct Balance {
    depth: i64,
    lowest: i64,
}

impl Balance {
    fn add(&mut self, other: Balance) {
        self.lowest = self.lowest.min(self.depth + other.lowest);
        self.depth += other.depth;
    }

    fn is_balanced(self) -> bool {
        self.depth == 0 && self.lowest == 0
    }
}

impl Section {
    fn end_branch(&mut self) {
        self.unbalanced |= !self.current.is_balanced();
        if self.directives.len() == 1 {
            self.first = self.current;
        }
        self.current = Balance::default();
    }
}

/// Keeps the first branch of conditionals with incomplete branches. An example is `#if A` `if (x) {` `#else` `{` `#endif`.
fn without_broken_sections(text: &str, tokens: Vec<Token>, blanks: &mut Vec<ByteRange>) -> Vec<Token> {
    let mut open: Vec<Section> = Vec::new();
    // Removed token ranges.
    let mut removed: Vec<(usize, usize)> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let step = match token.kind {
            Kind::Sign(b'{' | b'(') => 1,
            Kind::Sign(b'}' | b')') => -1,
            Kind::Directive => {
                let name = text[token.range()].trim_start_matches(['#', ' ', '\t']);
                if name.starts_with("if") {
                    open.push(Section {
                        directives: vec![index],
                        ..Section::default()
                    });
                } else if name.starts_with("el") {
                    if let Some(section) = open.last_mut() {
                        section.end_branch();
                        section.directives.push(index);
                    }
                } else if name.starts_with("endif")
                    && let Some(mut section) = open.pop()
                {
                    let ends_open = index.checked_sub(1).is_some_and(|last| {
                        matches!(tokens[last].kind, Kind::Word | Kind::Sign(b')'))
                            && tokens.get(index + 1).is_some_and(|next| next.is(b'{'))
                    });
                    section.end_branch();
                    if section.unbalanced || (ends_open && section.directives.len() > 1) {
                        removed.push((section.directives[0], section.directives[0] + 1));
                        let second = section.directives.get(1).copied().unwrap_or(index);
                        removed.push((second, index + 1));
                        if let Some(outer) = open.last_mut() {
                            outer.current.add(section.first);
                        }
                    }
                }
                continue;
            }
            _ => continue,
        };
        if let Some(section) = open.last_mut() {
            section.current.add(Balance {
                depth: step,
                lowest: step.min(0),
            });
        }
    }
    if removed.is_empty() {
        return tokens;
    }
    for &(first, last) in &removed {
        blanks.push(tokens[first].start..tokens[last - 1].end);
    }
    let mut dead = vec![0i32; tokens.len() + 1];
    for (first, last) in removed {
        dead[first] += 1;
        dead[last] -= 1;
    }
    let mut depth = 0;
    let alive = dead.iter().map(|change| {
        depth += change;
        depth == 0
    });
    tokens
        .iter()
        .zip(alive)
        .filter(|(_, alive)| *alive)
        .map(|(token, _)| *token)
        .collect()
}

struct Rules<'a> {
    text: &'a str,
    tokens: &'a [Token],
    blanks: Vec<ByteRange>,
}

impl Rules<'_> {
    fn run(mut self) -> Vec<ByteRange> {
        // The last token that the parser sees.
        let mut previous: Option<usize> = None;
        let mut at = 0;
        while at < self.tokens.len() {
            let end = if self.tokens[at].kind == Kind::Word {
                self.masked_end(at, previous)
            } else {
                at
            };
            if end > at {
                at = end;
                continue;
            }
            previous = Some(at);
            at += 1;
        }
        self.blanks
    }

    /// The index after the misleading tokens that begin here.
    fn masked_end(&mut self, at: usize, previous: Option<usize>) -> usize {
        let word = self.word(at);
        if matches!(word, "class" | "struct" | "union" | "enum") {
            self.mask_attributes_of_type(at);
            return at;
        }
        let underscored = word.starts_with("__") && !is_builtin(word);
        if !is_macro(word) && !underscored {
            return at;
        }
        let mut end = at;
        if is_macro(word) && self.starts_statement(at, previous) {
            end = self.prefix_end(at);
        } else if self.between_type_and_name(at, previous) {
            end = at + 1;
        } else if is_macro(word) && self.after_parameters(at, previous) {
            end = self.macro_end(at);
        } else if is_macro(word) && self.names_function(at, previous) {
            // `void EXPORT(name)(int x)`
            self.blanks.push(self.tokens[at].start..self.tokens[at + 1].end);
            self.blanks.push(self.tokens[at + 3].range());
            return at + 2;
        }
        if end > at {
            self.blanks.push(self.tokens[at].start..self.tokens[end - 1].end);
        }
        end
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

    /// Whether a token begins a line, or the text ends before it.
    fn on_new_line(&self, at: usize) -> bool {
        self.tokens.get(at).is_none_or(|token| token.first_on_line)
    }

    /// The index after a macro with its arguments.
    fn macro_end(&self, at: usize) -> usize {
        if self.is_sign(at + 1, b'(') {
            return after_group(self.tokens, at + 1, MAX_ARGUMENT_TOKENS).unwrap_or(at + 1);
        }
        at + 1
    }

    fn starts_statement(&self, at: usize, previous: Option<usize>) -> bool {
        let Some(previous) = previous else { return true };
        let first = self.tokens[at].first_on_line;
        match self.tokens[previous].kind {
            Kind::Directive | Kind::Sign(b';' | b'{' | b'}' | b':') => true,
            Kind::Sign(b'>' | b']' | b')') => first,
            _ => false,
        }
    }

    /// The index after macros that precede a declaration or stand alone. The result is `at` if they must stay.
    fn prefix_end(&self, at: usize) -> usize {
        // The start of each macro.
        let mut units = vec![at];
        let mut end = self.macro_end(at);
        while self.is_word(end) && is_macro(self.word(end)) && units.len() < 8 {
            units.push(end);
            end = self.macro_end(end);
        }
        let last = units[units.len() - 1];
        let has_arguments = end > last + 1;
        let alone = self.tokens[at].first_on_line && self.on_new_line(end);
        let Some(next) = self.tokens.get(end) else {
            return if alone { end } else { at };
        };
        match next.kind {
            Kind::Directive | Kind::Sign(b'}') => {
                if alone {
                    end
                } else {
                    at
                }
            }
            Kind::Sign(b'~') => end,
            Kind::Sign(b'[') if self.is_sign(end + 1, b'[') => end,
            // A label or access specifier: `PRIVATE_UNLESS_TESTED:`.
            Kind::Sign(b':') if !has_arguments && self.tokens[at].first_on_line && self.on_new_line(end + 1) => end + 1,
            Kind::Word => {
                let word = self.word(end);
                let certain = alone || has_arguments || units.len() > 1;
                if is_qualifier(word) {
                    return if certain { end } else { at };
                }
                if begins_declaration(word) || self.has_type_and_name(end) {
                    return end;
                }
                if is_statement(word) || !self.is_sign(end + 1, b'(') {
                    return at;
                }
                // A constructor, or a function whose return type is the last macro.
                if has_arguments && alone { end } else { last }
            }
            _ => at,
        }
    }

    /// Whether a type and a name follow: `std::vector<int> *name`.
    fn has_type_and_name(&self, at: usize) -> bool {
        let mut at = at;
        loop {
            if !self.is_word(at) || is_statement(self.word(at)) {
                return false;
            }
            at += 1;
            if !(self.is_sign(at, b':') && self.is_sign(at + 1, b':')) {
                break;
            }
            at += 2;
        }
        if self.is_sign(at, b'<') {
            let close = (at..(at + 64).min(self.tokens.len())).scan(0i32, |depth, index| {
                match self.tokens[index].kind {
                    Kind::Sign(b'<') => *depth += 1,
                    Kind::Sign(b'>') => *depth -= 1,
                    _ => {}
                }
                Some((index, *depth))
            });
            let Some((close, _)) = close.into_iter().find(|(_, depth)| *depth == 0) else {
                return false;
            };
            at = close + 1;
        }
        while self.is_sign(at, b'*') || self.is_sign(at, b'&') || self.word(at) == "const" {
            at += 1;
        }
        self.is_word(at) && !is_statement(self.word(at))
    }

    /// Blanks macros between `class` and the class name: `class API_EXPORT Name {`.
    fn mask_attributes_of_type(&mut self, at: usize) {
        let class = self.word(at) == "class";
        let mut at = at + 1;
        if matches!(self.word(at), "class" | "struct") {
            at += 1;
        }
        let first = at;
        while self.is_word(at) && (is_macro(self.word(at)) || (class && !is_keyword(self.word(at)))) {
            let end = self.macro_end(at);
            if !self.is_word(end) || is_keyword(self.word(end)) {
                break;
            }
            at = end;
        }
        if at == first || !self.is_word(at) {
            return;
        }
        let mut end = at + 1;
        while self.is_sign(end, b':') && self.is_sign(end + 1, b':') && self.is_word(end + 2) {
            end += 3;
        }
        let opens = self.is_sign(end, b'{') || self.is_sign(end, b':') || self.word(end) == "final";
        if opens || self.is_sign(end, b'<') || (class && self.is_sign(end, b';')) {
            self.blanks.push(self.tokens[first].start..self.tokens[at - 1].end);
        }
    }

    /// Whether a macro stands between return type and name of a function: `int WINAPI main(`.
    fn between_type_and_name(&self, at: usize, previous: Option<usize>) -> bool {
        let Some(previous) = previous else { return false };
        let after_type = match self.tokens[previous].kind {
            Kind::Word => !is_keyword(self.word(previous)) || is_basic_type(self.word(previous)),
            Kind::Sign(sign) => matches!(sign, b'*' | b'&'),
            _ => false,
        };
        after_type && self.is_word(at + 1) && !is_keyword(self.word(at + 1)) && self.is_sign(at + 2, b'(')
    }

    /// Whether a macro stands between parameters and body of a function: `int f() NOEXCEPT {`.
    fn after_parameters(&self, at: usize, previous: Option<usize>) -> bool {
        let Some(previous) = previous else { return false };
        let after = self.tokens[previous].is(b')')
            || matches!(self.word(previous), "const" | "override" | "final" | "noexcept");
        let end = self.macro_end(at);
        let chained = self.is_word(end) && is_macro(self.word(end));
        after && (self.is_sign(end, b'{') || (chained && self.is_sign(self.macro_end(end), b'{')))
    }

    /// Whether a macro produces the name of a function: `EXPORT(name)(int x)`.
    fn names_function(&self, at: usize, previous: Option<usize>) -> bool {
        let Some(previous) = previous else { return false };
        let after_type = match self.tokens[previous].kind {
            Kind::Word => !is_statement(self.word(previous)),
            Kind::Sign(sign) => sign == b'*',
            _ => false,
        };
        let sign = |offset: usize, sign| self.is_sign(at + offset, sign);
        after_type && sign(1, b'(') && self.is_word(at + 2) && sign(3, b')') && sign(4, b'(')
    }
}

/// Whether a word looks like a macro name: capitals, digits and underscores.
pub(super) fn is_macro(word: &str) -> bool {
    word.len() >= 3
        && word.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && word.bytes().filter(u8::is_ascii_uppercase).count() >= 2
        && !matches!(word, "NULL" | "TRUE" | "FALSE" | "EOF")
}

/// Names with two leading underscores that the grammars know.
fn is_builtin(word: &str) -> bool {
    matches!(
        word,
        "__attribute__"
            | "__attribute"
            | "__declspec"
            | "__asm__"
            | "__asm"
            | "__extension__"
            | "__inline"
            | "__inline__"
            | "__forceinline"
            | "__thread"
            | "__volatile__"
            | "__restrict__"
            | "__restrict"
            | "__const"
            | "__try"
            | "__except"
            | "__finally"
            | "__leave"
            | "__alignof__"
            | "__int128"
    )
}

fn is_basic_type(word: &str) -> bool {
    matches!(
        word,
        "void" | "int" | "char" | "bool" | "float" | "double" | "auto" | "long" | "short" | "unsigned" | "signed"
    )
}

/// Words that may begin a declaration or follow a type name in one.
fn is_qualifier(word: &str) -> bool {
    matches!(word, "const" | "volatile" | "unsigned" | "signed" | "long" | "short")
}

fn begins_declaration(word: &str) -> bool {
    is_basic_type(word)
        || matches!(
            word,
            "namespace"
                | "class"
                | "struct"
                | "union"
                | "enum"
                | "template"
                | "typedef"
                | "using"
                | "static"
                | "inline"
                | "extern"
                | "constexpr"
                | "consteval"
                | "constinit"
                | "virtual"
                | "explicit"
                | "friend"
                | "public"
                | "private"
                | "protected"
                | "operator"
                | "static_assert"
                | "__inline"
                | "__inline__"
                | "__attribute__"
                | "__declspec"
        )
}

/// Words that begin a statement or occur in expressions, and are not types.
fn is_statement(word: &str) -> bool {
    matches!(
        word,
        "if" | "else"
            | "for"
            | "while"
            | "do"
            | "switch"
            | "case"
            | "default"
            | "return"
            | "goto"
            | "break"
            | "continue"
            | "try"
            | "catch"
            | "throw"
            | "new"
            | "delete"
            | "sizeof"
            | "and"
            | "or"
            | "not"
            | "co_return"
            | "co_await"
            | "co_yield"
    )
}

fn is_keyword(word: &str) -> bool {
    begins_declaration(word)
        || is_qualifier(word)
        || is_statement(word)
        || matches!(
            word,
            "final"
                | "override"
                | "alignas"
                | "typename"
                | "register"
                | "mutable"
                | "noexcept"
                | "decltype"
                | "requires"
        )
}
