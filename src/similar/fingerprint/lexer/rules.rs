//! How languages write comments, strings and patterns.

use crate::text::Language;

/// Rules of a language for comments, strings and patterns.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LexicalRules {
    /// `// …` and `/* … */`.
    pub(super) slashes: bool,
    /// Block comments nest.
    pub(super) nested: bool,
    /// `# …`.
    pub(super) hash: bool,
    /// A `#` starts a comment only after white space, `;` or a round bracket.
    pub(super) spaced_hash: bool,
    /// `-- …` and `--[[ … ]]`.
    pub(super) dashes: bool,
    /// `=begin … =end`.
    pub(super) begin: bool,
    /// `"""…"""` and `'''…'''` are strings; in Python, a statement of its own is documentation.
    pub(super) triple: bool,
    /// `'…'` is a string of any length, not a single character or a lifetime.
    pub(super) single: bool,
    /// `` `…` `` is a string.
    pub(super) backtick: bool,
    /// Strings may span lines.
    pub(super) long: bool,
    /// `/…/` is a literal if no operand precedes it.
    pub(super) regex: bool,
}

impl LexicalRules {
    /// The rules of a language.
    pub(super) fn of(language: Language) -> LexicalRules {
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
            Java => LexicalRules { triple: true, ..c },
            C | Cpp | CSharp | Json => c,
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
