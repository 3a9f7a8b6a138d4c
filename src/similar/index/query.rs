//! Parses a search query.

use std::path::Path;

use super::super::words::{Term, Word, content_words, term, words};
use super::{Filter, Globs, Tests, selection};
use crate::segment::ItemKind;
use crate::text::Language;

/// A parsed search query, with its vector once a model has read it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// The text for the model: the query without filters, quotes and excluded words.
    pub text: String,
    /// The normalized embedding of that text; if empty, only words count.
    pub vector: Vec<f32>,
    /// The content words.
    pub words: Vec<Word>,
    /// The identifier, as typed, if the query consists of one; the last part of `zod::ZodString`.
    pub symbol: Option<String>,
    /// Identifiers among other words, as typed.
    pub names: Vec<String>,
    /// Phrases that a passage must contain literally, in lower case.
    pub phrases: Vec<String>,
    /// Words that a passage must not contain.
    pub unwanted: Vec<Term>,
    /// Names of files in the query, in lower case.
    pub files: Vec<String>,
    /// Kinds of passages that its words and filters ask for.
    pub asks: Asks,
    /// A filter with an unknown value, which is read as text, in one sentence without a period.
    pub note: Option<String>,
}

/// Kinds of passages that a query wants although they usually rank low.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asks {
    /// Tests.
    pub tests: bool,
    /// Examples, benchmarks, vendored code.
    pub aside: bool,
    /// Documentation, in any folder.
    pub prose: bool,
    /// Change logs, licenses and similar records.
    pub records: bool,
    /// Configuration and other data.
    pub data: bool,
    /// A specific version.
    pub versions: bool,
}

impl Query {
    /// Parses a query.
    ///
    /// `"…"` is a required phrase and `-word` excludes a word; `lang:`, `kind:`, `path:` and `tests:` extend `filter`, and exclude after a
    /// minus sign. Everything else is text, including `path:` with an invalid pattern.
    pub fn parse(typed: &str, filter: &mut Filter) -> Query {
        let mut query = Query::default();
        let (mut text, mut paths, mut other_paths) = (Vec::new(), Vec::new(), Vec::new());
        for piece in pieces(typed) {
            match piece {
                Piece::Phrase(phrase) => {
                    query.phrases.push(folded(phrase));
                    text.push(phrase);
                }
                Piece::Word(word) => match unwanted(word) {
                    Some(word) if exclude(word, filter, &mut other_paths) => {}
                    Some(word) => {
                        query.note = query.note.or_else(|| mistaken(word));
                        query.unwanted.extend(term_of(word));
                    }
                    None if apply_filter(word, filter, &mut paths) => {}
                    None => {
                        query.note = query.note.or_else(|| mistaken(word));
                        text.push(word);
                    }
                },
            }
        }
        match Globs::new(&paths) {
            Ok(Some(globs)) => filter.paths = Some(globs),
            Ok(None) => {}
            Err(error) => {
                query.note = query.note.or(Some(format!("path: is read as words, since {error}")));
                text.extend(paths.iter().map(String::as_str));
            }
        }
        match Globs::new(&other_paths) {
            Ok(Some(globs)) => filter.other_paths = Some(globs),
            Ok(None) => {}
            Err(error) => query.note = query.note.or(Some(format!("-path: excludes nothing, since {error}"))),
        }
        query.phrases.retain(|phrase| !phrase.is_empty());
        query.text = text.join(" ").trim().to_owned();
        query.words = content_words(&query.text);
        query.symbol = symbol(&query.text);
        query.names = match query.symbol {
            Some(_) => Vec::new(),
            None => names(&query.text),
        };
        query.files = files(&query.text);
        query.asks = Asks::of(&query.text).with(filter);
        query
    }

    /// The text, if it has several words: it may be the title of a section or a test.
    pub(super) fn title(&self) -> Option<&str> {
        self.text.contains(' ').then_some(&*self.text)
    }

    /// Whether the query has no visible text.
    pub fn is_empty(&self) -> bool {
        self.text.chars().all(is_invisible)
    }
}

/// Whether a character is invisible: white space, control characters, joiners and marks.
fn is_invisible(c: char) -> bool {
    let joins = matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
    c.is_whitespace() || c.is_control() || joins || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

impl Asks {
    fn of(text: &str) -> Asks {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
        let any = |of: &[&str]| words.iter().any(|word| of.contains(word));
        let version = |word: &&str| {
            word.strip_prefix('v')
                .is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let records = any(&[
            "changelog",
            "changes",
            "release",
            "releases",
            "license",
            "licence",
            "history",
        ]);
        Asks {
            versions: words.iter().any(version)
                || any(&["old", "older", "legacy", "previous", "deprecated", "versions"]),
            tests: any(&[
                "test", "tests", "tested", "testing", "spec", "specs", "fixture", "fixtures", "mock", "mocks",
            ]),
            aside: any(&[
                "example",
                "examples",
                "sample",
                "samples",
                "demo",
                "benchmark",
                "benchmarks",
                "bench",
                "vendor",
                "vendored",
            ]),
            prose: records
                || any(&[
                    "doc",
                    "docs",
                    "documentation",
                    "documented",
                    "readme",
                    "guide",
                    "tutorial",
                    "section",
                ]),
            records,
            // Formats and dependencies are missing here on purpose: code deals with them as often as files.
            data: any(&[
                "config",
                "configs",
                "configuration",
                "settings",
                "manifest",
                "workflow",
                "workflows",
                "ci",
                "docker",
                "dockerfile",
                "kubernetes",
                "deployment",
                "makefile",
                "cmake",
                "pyproject",
                "yml",
                "ini",
            ]),
        }
    }

    /// Adds the effect of a filter. A query that names a path or a format wants everything there.
    fn with(self, filter: &Filter) -> Asks {
        let any = |of: &[Language]| filter.languages.iter().any(|language| of.contains(language));
        let placed = filter.paths.is_some();
        Asks {
            records: self.records || placed,
            prose: self.prose || placed || any(&[Language::Markdown, Language::Prose]),
            data: self.data || placed || any(&[Language::Json, Language::Toml, Language::Yaml]),
            ..self
        }
    }
}

/// A word, or the content of quotes.
enum Piece<'a> {
    Word(&'a str),
    Phrase(&'a str),
}

fn pieces(typed: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = typed;
    while let Some(start) = rest.find('"') {
        let Some(length) = rest[start + 1..].find('"') else {
            break;
        };
        found.extend(rest[..start].split_whitespace().map(Piece::Word));
        found.push(Piece::Phrase(rest[start + 1..start + 1 + length].trim()));
        rest = &rest[start + length + 2..];
    }
    found.extend(rest.split_whitespace().map(Piece::Word));
    found
}

/// The word after a minus sign: `-test`, but not `-1`, `->` or `--flag`.
fn unwanted(word: &str) -> Option<&str> {
    word.strip_prefix('-')
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

fn term_of(word: &str) -> Option<Term> {
    Some(words(word).first()?.term)
}

/// Applies a word such as `lang:rust` to a filter; returns whether it is a filter.
fn apply_filter(word: &str, filter: &mut Filter, paths: &mut Vec<String>) -> bool {
    let Some((name, value)) = word.split_once(':') else {
        return false;
    };
    match (name, value) {
        (_, "") => return false,
        ("lang" | "language", value) => match Language::from_id(value) {
            Language::Other => return false,
            language => filter.languages.push(language),
        },
        ("kind", "function" | "functions" | "fn" | "method") => filter.kinds.push(ItemKind::Function),
        ("kind", "type" | "types" | "class" | "struct" | "enum" | "trait" | "interface" | "module") => {
            filter.kinds.push(ItemKind::Type);
        }
        ("kind", "section" | "sections" | "heading") => filter.kinds.push(ItemKind::Heading),
        ("kind", "file" | "files") => filter.kinds.push(ItemKind::File),
        ("tests", "only") => filter.tests = Tests::Only,
        ("tests", "none" | "no") => filter.tests = Tests::None,
        ("tests", "with" | "yes") => filter.tests = Tests::With,
        ("path" | "file", value) => paths.push(value.to_owned()),
        _ => return false,
    }
    true
}

/// Applies a word such as `lang:rust` after a minus sign; returns whether it is a filter.
fn exclude(word: &str, filter: &mut Filter, paths: &mut Vec<String>) -> bool {
    let mut named = Filter::default();
    if !apply_filter(word, &mut named, paths) {
        return false;
    }
    filter.other_languages.extend(named.languages);
    filter.other_kinds.extend(named.kinds);
    match named.tests {
        Tests::Only => filter.tests = Tests::None,
        Tests::None => filter.tests = Tests::Only,
        Tests::With => {}
    }
    true
}

/// Advice about a word that looks like a filter but has an unknown value.
fn mistaken(word: &str) -> Option<String> {
    let (name, value) = word.split_once(':')?;
    let known = match name {
        "kind" => "function, type, section or file",
        "tests" => "only, none or with",
        "lang" | "language" => "the name of a language that Fovea parses, such as python; for others use path:**/*.kt",
        _ => return None,
    };
    // `kind::Value` is code.
    let is_value = value.starts_with(|c: char| c.is_alphanumeric());
    is_value.then(|| format!("{word} is read as words, since {name}: takes {known}"))
}

/// A text in lower case with single spaces, for the comparison of phrases.
pub fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The last part of a query that is a plain or qualified identifier.
fn symbol(query: &str) -> Option<String> {
    let identifier = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && unmarked(part).chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let all = parts(query).all(identifier);
    all.then(|| parts(query).last().map(str::to_owned)).flatten()
}

/// The parts of a qualified name in any syntax: `Server` and `run` of `Server::run`, `Server.run()` and `Server#run`.
pub(super) fn parts(name: &str) -> impl Iterator<Item = &str> {
    let name = name.strip_suffix("()").unwrap_or(name);
    let joined = name.split("->").flat_map(|part| part.split("::"));
    joined.flat_map(|part| part.split(['.', ':', '\\', '#']))
}

/// The identifiers in a text: words with inner capitals or underscores, and words before `()`.
fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c == '_' || c.is_alphanumeric()) {
        let length = rest[start..].find(|c: char| !(c == '_' || c.is_alphanumeric()));
        let end = length.map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        rest = &rest[end..];
        let called = rest.starts_with("()") && !word.trim_matches('_').starts_with(|c: char| c.is_numeric());
        if (called || is_identifier(word)) && word.len() > 1 {
            found.push(word.to_owned());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a word is written as only identifiers are: with inner capitals, underscores, or the mark of a name in Ruby.
pub(super) fn is_identifier(word: &str) -> bool {
    if unmarked(word) != word {
        return true;
    }
    let inner = word.trim_matches('_');
    let humps = inner
        .chars()
        .zip(inner.chars().skip(1))
        .any(|(a, b)| !a.is_uppercase() && b.is_uppercase())
        || (inner.chars().skip(1).any(char::is_uppercase) && inner.chars().any(char::is_lowercase));
    !inner.starts_with(|c: char| c.is_numeric()) && (humps || inner.contains('_'))
}

/// The words of a text that are file names: `pyproject.toml`, `Dockerfile`.
fn files(text: &str) -> Vec<String> {
    let words = text.split_whitespace().map(|word| {
        let bare = word.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_')));
        bare.trim_end_matches('.').to_lowercase()
    });
    words.filter(|word| selection::role(Path::new(word)).is_ok()).collect()
}

/// A name without the mark at the end of names in Ruby: `empty` for `empty?`.
pub(super) fn unmarked(name: &str) -> &str {
    name.strip_suffix(['?', '!']).unwrap_or(name)
}

/// The hash of a name in lower case and without its mark, for the lookup of definitions.
pub fn name_term(name: &str) -> Term {
    term(&unmarked(name).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(typed: &str) -> (Query, Filter) {
        let mut filter = Filter::default();
        let query = Query::parse(typed, &mut filter);
        (query, filter)
    }

    #[test]
    fn phrases_excluded_words_and_filters_are_removed_from_the_text() {
        let (query, filter) =
            parse(r#"sign "Session Cookie" -legacy lang:python kind:function path:src/** tests:none"#);
        assert_eq!(query.text, "sign Session Cookie");
        assert_eq!(query.phrases, ["session cookie"]);
        assert_eq!(query.unwanted, [words("legacy")[0].term]);
        assert_eq!(
            (&*filter.languages, &*filter.kinds),
            (&[Language::Python][..], &[ItemKind::Function][..])
        );
        assert_eq!(filter.tests, Tests::None);
        assert!(filter.takes_file(Path::new("src/a/b.py")) && !filter.takes_file(Path::new("tests/b.py")));
    }

    #[test]
    fn a_minus_sign_before_a_filter_excludes() {
        let (query, filter) = parse("retry -lang:typescript -kind:method -path:source/** -tests:only");
        assert_eq!((query.text.as_str(), query.unwanted.len()), ("retry", 0));
        let takes = |language, kind, test| filter.takes_item(language, kind, test);
        assert!(takes(Language::Python, ItemKind::Type, false));
        assert!(!takes(Language::TypeScript, ItemKind::Type, false));
        assert!(!takes(Language::Python, ItemKind::Function, false));
        assert!(!takes(Language::Python, ItemKind::Type, true));
        assert!(filter.takes_file(Path::new("a/source.py")) && !filter.takes_file(Path::new("source/a.py")));
        let (query, filter) = parse("retry -kind:gadget");
        assert_eq!(filter, Filter::default());
        assert!(query.note.is_some());
    }

    #[test]
    fn an_invalid_pattern_is_read_as_words_and_the_note_says_so() {
        let (query, _) = parse("accounts path:[");
        assert_eq!(query.text, "accounts [");
        assert!(
            query
                .note
                .is_some_and(|note| note.starts_with("path: is read as words"))
        );
        assert!(
            parse("accounts -path:[")
                .0
                .note
                .is_some_and(|note| note.starts_with("-path: excludes nothing"))
        );
    }

    #[test]
    fn a_filter_with_an_unknown_value_is_read_as_words_and_the_note_says_so() {
        let (query, filter) = parse("kind:gadget sign cookies");
        assert_eq!(query.text, "kind:gadget sign cookies");
        assert_eq!(
            query.note.as_deref(),
            Some("kind:gadget is read as words, since kind: takes function, type, section or file")
        );
        assert!(filter.kinds.is_empty());
        for plain in ["kind:type sign", "kind::Value", "http://host", "tests: none"] {
            assert_eq!(parse(plain).0.note, None, "{plain}");
        }
        assert!(
            parse("lang:kotlin screen")
                .0
                .note
                .is_some_and(|note| note.contains("path:**/*.kt"))
        );
    }

    #[test]
    fn words_filters_and_file_names_ask_for_configuration() {
        let asks = |typed: &str| parse(typed).0.asks;
        assert!(asks("ci workflow").data && asks("linter path:pyproject.toml").data && asks("linter lang:toml").data);
        assert!(
            !asks("render a json response").data && !asks("resolve dependencies").data && !asks("x lang:rust").data
        );
        assert!(asks("install lang:md").prose && asks("install path:docs/**").prose && !asks("install").prose);
        assert_eq!(
            parse("what does (pyproject.toml) or the Makefile say?").0.files,
            ["pyproject.toml", "makefile"]
        );
        assert!(parse("how sessions are signed...").0.files.is_empty());
    }

    #[test]
    fn a_query_without_visible_text_is_empty() {
        for text in [
            "",
            " ",
            "\"\"",
            "-word",
            "lang:rust",
            "\u{200b}\u{a0}",
            "\u{feff}\u{1b}",
        ] {
            assert!(parse(text).0.is_empty(), "{text:?}");
        }
        for text in ["a", "编", "🦀", "->", "\"a\""] {
            assert!(!parse(text).0.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn invalid_filters_are_text() {
        for text in [
            "std::vector insert",
            "error: cannot open",
            "--flag -1 a -> b",
            "say \"hello",
            "lang:klingon",
            "path:",
        ] {
            let (query, filter) = parse(text);
            assert_eq!((query.text.as_str(), filter), (text, Filter::default()));
            assert!(query.unwanted.is_empty() && query.phrases.is_empty());
        }
    }

    #[test]
    fn a_single_identifier_is_a_symbol_and_others_are_names() {
        let symbol = |text| parse(text).0.symbol;
        assert_eq!(symbol("HTTPException").as_deref(), Some("HTTPException"));
        assert_eq!(symbol("zod::ZodString").as_deref(), Some("ZodString"));
        assert_eq!(symbol("app.get()").as_deref(), Some("get"));
        assert_eq!(symbol("Picker:find").as_deref(), Some("find"));
        assert_eq!(symbol("http://host"), None);
        assert_eq!(symbol("Request#valid?").as_deref(), Some("valid?"));
        assert_eq!((symbol("valid?!"), symbol("is it valid?")), (None, None));
        assert_eq!(symbol("two words"), None);
        assert_eq!(symbol(""), None);
        let names = |text| parse(text).0.names;
        assert_eq!(
            names("how does JsonReader call next_token and close()"),
            ["JsonReader", "close", "next_token"]
        );
        assert_eq!(names("how does it work in HTTP"), [""; 0]);
        assert_eq!(
            names("why is a URLParser, a re_parser or parser?"),
            ["URLParser", "re_parser"]
        );
    }

    #[test]
    fn words_ask_for_tests_and_documentation() {
        assert!(parse("tests of the parser").0.asks.tests);
        assert!(parse("errors of v3").0.asks.versions && parse("the previous schema").0.asks.versions);
        assert!(!parse("value of version").0.asks.versions);
        let asks = parse("release notes of the changelog").0.asks;
        assert!(asks.prose && asks.records);
        let asks = parse("guide to deployment").0.asks;
        assert!(asks.prose && !asks.records);
        assert_eq!(parse("where is the latest attestation").0.asks, Asks::default());
    }

    #[test]
    fn white_space_and_bare_filters_are_empty() {
        assert!(parse("  ").0.is_empty() && parse("lang:rust").0.is_empty() && !parse("x").0.is_empty());
    }
}
