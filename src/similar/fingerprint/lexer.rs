//! Splits source text of any language into tokens, without its grammar.

use crate::text::Language;

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

/// Keywords of all languages, sorted: words that keep their meaning when names are replaced.
///
/// A keyword that is a name in another language does no harm.
const KEYWORDS: [&str; 131] = [
    "False",
    "None",
    "Self",
    "True",
    "abstract",
    "and",
    "as",
    "assert",
    "async",
    "auto",
    "await",
    "begin",
    "bool",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "constructor",
    "continue",
    "def",
    "default",
    "defer",
    "del",
    "delete",
    "do",
    "done",
    "dyn",
    "echo",
    "elif",
    "else",
    "elseif",
    "elsif",
    "end",
    "endif",
    "ensure",
    "enum",
    "esac",
    "except",
    "export",
    "extends",
    "extern",
    "false",
    "fi",
    "final",
    "finally",
    "fn",
    "for",
    "foreach",
    "from",
    "func",
    "function",
    "get",
    "global",
    "go",
    "goto",
    "if",
    "impl",
    "implements",
    "import",
    "in",
    "inline",
    "instanceof",
    "interface",
    "is",
    "lambda",
    "let",
    "local",
    "loop",
    "match",
    "mod",
    "module",
    "move",
    "mut",
    "namespace",
    "new",
    "next",
    "nil",
    "nonlocal",
    "not",
    "null",
    "nullptr",
    "of",
    "or",
    "override",
    "pass",
    "private",
    "protected",
    "pub",
    "public",
    "raise",
    "range",
    "readonly",
    "ref",
    "rescue",
    "return",
    "select",
    "self",
    "set",
    "signed",
    "sizeof",
    "static",
    "struct",
    "super",
    "switch",
    "then",
    "this",
    "throw",
    "throws",
    "trait",
    "true",
    "try",
    "type",
    "typedef",
    "typeof",
    "undefined",
    "union",
    "unless",
    "unsafe",
    "unsigned",
    "until",
    "use",
    "using",
    "var",
    "void",
    "volatile",
    "when",
    "where",
    "while",
    "with",
    "yield",
];

/// Operators of two bytes.
const PAIRS: [&[u8; 2]; 20] = [
    b"==", b"!=", b"<=", b">=", b"&&", b"||", b"->", b"=>", b"::", b"+=", b"-=", b"*=", b"/=", b"++", b"--", b"<<",
    b">>", b"..", b":=", b"??",
];

/// Length in bytes of `'\u{10ffff}'`.
const LONGEST_CHARACTER: usize = 12;

/// Rules of a language for comments, strings and patterns.
#[derive(Debug, Clone, Copy, Default)]
struct LexicalRules {
    /// `// …` and `/* … */`.
    slashes: bool,
    /// Block comments nest.
    nested: bool,
    /// `# …`.
    hash: bool,
    /// A `#` starts a comment only after white space, `;` or a round bracket.
    spaced_hash: bool,
    /// `-- …` and `--[[ … ]]`.
    dashes: bool,
    /// `=begin … =end`.
    begin: bool,
    /// `"""…"""` and `'''…'''` are strings; in Python, a statement of its own is documentation.
    triple: bool,
    /// `'…'` is a string of any length, not a single character or a lifetime.
    single: bool,
    /// `` `…` `` is a string.
    backtick: bool,
    /// Strings may span lines.
    long: bool,
    /// `/…/` is a literal if no operand precedes it.
    regex: bool,
}

impl LexicalRules {
    fn of(language: Language) -> LexicalRules {
        use Language::*;
        let c = LexicalRules {
            slashes: true,
            single: true,
            ..LexicalRules::default()
        };
        let script = LexicalRules {
            hash: true,
            single: true,
            ..LexicalRules::default()
        };
        match language {
            Rust => LexicalRules {
                nested: true,
                single: false,
                long: true,
                ..c
            },
            JavaScript | TypeScript | Tsx => LexicalRules {
                backtick: true,
                regex: true,
                ..c
            },
            Go => LexicalRules { backtick: true, ..c },
            Java | CSharp => LexicalRules { triple: true, ..c },
            C | Cpp | Json => c,
            Php => LexicalRules {
                hash: true,
                long: true,
                ..c
            },
            Python => LexicalRules { triple: true, ..script },
            Ruby => LexicalRules {
                begin: true,
                long: true,
                regex: true,
                backtick: true,
                ..script
            },
            Bash => LexicalRules {
                spaced_hash: true,
                long: true,
                ..script
            },
            Toml => LexicalRules { triple: true, ..script },
            Yaml => LexicalRules {
                spaced_hash: true,
                ..script
            },
            Lua => LexicalRules {
                dashes: true,
                single: true,
                ..LexicalRules::default()
            },
            Other => LexicalRules {
                spaced_hash: true,
                slashes: true,
                ..script
            },
            Markdown | Prose => LexicalRules::default(),
        }
    }
}

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

    fn comment(&mut self) -> bool {
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

    /// The end of a `[[ … ]]` with any level (`[==[ … ]==]`) at an offset.
    fn long_bracket(&self, from: usize) -> Option<usize> {
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

    /// Reads a string or a pattern, if one starts here.
    fn string(&mut self, byte: u8) -> bool {
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
        // Prefixes, as in r"…" and f'…'.
        let letters = self.rest().iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let prefixed = (1..=2).contains(&letters)
            && matches!(
                self.language,
                Language::Python | Language::C | Language::Cpp | Language::Rust
            )
            && self.rest()[..letters].iter().all(|byte| b"rRbBfFuULcC".contains(byte));
        let open = if prefixed { start + letters } else { start };
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

    /// The end of `r#"…"#` or `R"x(…)x"`, if one starts here.
    fn raw_string(&self) -> Option<usize> {
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
            Language::CSharp => {
                rest.strip_prefix(b"@\"")?;
                Some(self.find(self.at + 2, b"\"") + 1)
            }
            _ => None,
        }
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

/// Whether some language reserves a word.
pub fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}
