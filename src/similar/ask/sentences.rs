//! A passage → sentences of prose, statements of code: what an answer consists of.

use unicode_segmentation::UnicodeSegmentation;

use crate::segment::{Budget, parse, segment};
use crate::text::{ByteRange, Language, Snapshot};

/// Tokens of a group of statements at most.
const STATEMENTS: usize = 48;

/// Letters of a sentence at least: a number or a bracket answers nothing.
const LEAST: usize = 8;

/// The number of tokens of a text.
type Tokens<'a> = &'a dyn Fn(&str, Language) -> usize;

/// The sentences or statements of a part of a document, in order.
pub fn sentences(tokens: Tokens, snapshot: &Snapshot, range: &ByteRange) -> Vec<ByteRange> {
    let text = snapshot.text(range.clone());
    let found = match snapshot.language() {
        language if language.is_code() => statements(tokens, snapshot, range),
        _ => prose(&text)
            .into_iter()
            .map(|own| range.start + own.start..range.start + own.end)
            .collect(),
    };
    let says = |own: &ByteRange| {
        let letters = snapshot.text(own.clone()).chars().filter(|c| c.is_alphabetic()).count();
        letters >= LEAST || (letters >= 2 && !snapshot.text(own.clone()).is_ascii())
    };
    let answers = |own: &ByteRange| !snapshot.language().is_code() || !imports(&snapshot.text(own.clone()));
    found.into_iter().filter(says).filter(answers).collect()
}

/// Whether statements only name what a file uses or belongs to: that answers nothing, however well the names fit a question.
fn imports(statements: &str) -> bool {
    let mut lines = statements.lines().filter(|line| !line.trim().is_empty());
    let mut open = false;
    lines.all(|line| {
        // A list in brackets goes on in indented lines.
        let goes_on = open && line.starts_with([' ', '\t', '}', ')']);
        open = goes_on || line.trim_end().ends_with(['{', '(', ',']);
        goes_on || is_import(line, open)
    })
}

/// Whether a line begins an import, or names the package of its file. `open` says that it opens a list.
fn is_import(line: &str, open: bool) -> bool {
    const IMPORTING: [&str; 9] = [
        "import",
        "from",
        "use",
        "using",
        "require",
        "require_relative",
        "require_once",
        "include",
        "include_once",
    ];
    const NAMING: [&str; 4] = ["#include", "package", "namespace", "<?php"];
    let (word, rest) = line.split_at(line.find([' ', '\t', '(', ';', '"', '\'']).unwrap_or(line.len()));
    // `use(plugin)` is a call; `require("module")` is a call too, and imports.
    let called = rest.starts_with('(') && !(word.starts_with("require") || word.starts_with("include"));
    (IMPORTING.contains(&word) && !called) || (NAMING.contains(&word) && !open)
}

/// Groups of statements, cut at borders of the syntax.
fn statements(tokens: Tokens, snapshot: &Snapshot, range: &ByteRange) -> Vec<ByteRange> {
    let text = snapshot.text(range.clone());
    let own = Snapshot::new(&text, 0, snapshot.language());
    let budget = Budget {
        tokens,
        window: STATEMENTS,
    };
    let units = segment(&own, &parse(&own), &budget).units.into_iter();
    units
        .map(|unit| trimmed(&text, unit.range))
        .map(|unit| range.start + unit.start..range.start + unit.end)
        .collect()
}

/// Sentences; an entry of a list and a row of a table are sentences of their own. A heading answers nothing that the text below it does not.
fn prose(text: &str) -> Vec<ByteRange> {
    let mut blocks: Vec<ByteRange> = Vec::new();
    let (mut at, mut open, mut quoted) = (0, false, false);
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        let words = line.trim();
        let after_quoted = std::mem::replace(&mut quoted, words.starts_with('>'));
        let number = words.trim_start_matches(|c: char| c.is_ascii_digit());
        let entry = words.starts_with(['-', '*', '|', '+'])
            || (quoted && !after_quoted)
            || number.len() < words.len() && number.starts_with(['.', ')']);
        if underlines(words) {
            // A title of one line, unless the line ends a block of metadata or a table.
            blocks.pop_if(|last| open && !text[last.clone()].trim().contains('\n'));
            open = false;
        } else if words.trim_start_matches('>').trim().is_empty() || words.starts_with('#') || is_target(words) {
            open = false;
        } else {
            match blocks.last_mut() {
                Some(last) if open && !entry => last.end = range.end,
                _ => blocks.push(range),
            }
            open = !words.starts_with('|');
        }
    }
    let joined = unbroken(text);
    let sentences = |block: ByteRange| {
        let start = block.start;
        let parts = joined[block].split_sentence_bound_indices();
        parts.map(move |(at, sentence)| start + at..start + at + sentence.len())
    };
    let all = blocks.into_iter().flat_map(sentences);
    all.map(|own| trimmed(text, own))
        .filter(|own| !own.is_empty())
        .collect()
}

/// Whether a line underlines the title above it: `=====`.
fn underlines(line: &str) -> bool {
    let first = line.bytes().next().filter(|byte| b"=-~^\"*+`".contains(byte));
    line.len() >= 3 && first.is_some_and(|first| line.bytes().all(|byte| byte == first))
}

/// Whether a line says only where a link leads, which is no text for readers: `[1]: …` in Markdown, `.. _name:` in reStructuredText.
fn is_target(line: &str) -> bool {
    (line.starts_with('[') && line.contains("]: ")) || line.starts_with(".. _")
}

/// A text of the same length in which sentences end only at their end: not at the end of a line, as Unicode has it, and not inside of `code?`.
fn unbroken(text: &str) -> String {
    // A mark without its partner would turn text into code.
    let paired = text.matches('`').count().is_multiple_of(2);
    let mut code = false;
    let chars = text.chars().map(|c| {
        code ^= c == '`';
        match c {
            '\n' | '\r' => ' ',
            '.' | '!' | '?' if code && paired => '_',
            _ => c,
        }
    });
    chars.collect()
}

fn trimmed(text: &str, range: ByteRange) -> ByteRange {
    let own = &text[range.clone()];
    let start = range.start + (own.len() - own.trim_start().len());
    start..start + own.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_and_definitions_of_links_answer_nothing() {
        for (text, only) in [
            ("use std::fmt;\nuse crate::a::{\n    b,\n    c,\n};\n", true),
            ("import (\n\t\"fmt\"\n)\n", true),
            ("package fzf\n", true),
            (
                "<?php\n\nnamespace GuzzleHttp\\Handler;\n\nuse GuzzleHttp\\Utils;\n",
                true,
            ),
            ("from a import (\n    b,\n)\nimport c\n", true),
            ("require 'sinatra'\nrequire_relative(\"x\")\n#include <stdio.h>\n", true),
            ("import os\n\nPORT = 4567\n", false),
            ("namespace Text {\n    class A {}\n}\n", false),
            ("use(plugin)\n", false),
            ("  import os\n", false),
        ] {
            assert_eq!(imports(text), only, "{text}");
        }
        let text = "See [the settings][1] first.\n\n[1]: https://example.org/settings\n[two]: <x> \"Title\"\n";
        let snapshot = Snapshot::new(text, 0, Language::Markdown);
        let found = sentences(&|text, _| text.len(), &snapshot, &(0..text.len()));
        let found: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["See [the settings][1] first."]);
    }

    #[test]
    fn sentences_say_something_in_any_script() {
        let text = "Yes. The cookie is signed. 我爱编程。你。42 + 7.";
        let snapshot = Snapshot::new(text, 0, crate::text::Language::Prose);
        let found = sentences(&|text, _| text.len(), &snapshot, &(0..text.len()));
        let found: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["The cookie is signed.", "我爱编程。"]);
    }

    #[test]
    fn prose_is_cut_at_sentences_entries_and_rows() {
        let text = "# Title\n\nOne sentence here. Another\none there!\n\n- an entry\n- the next entry\n| a | row |\n我爱编程。你呢？\n";
        let found: Vec<&str> = prose(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(
            found,
            [
                "One sentence here.",
                "Another\none there!",
                "- an entry",
                "- the next entry",
                "| a | row |",
                "我爱编程。",
                "你呢？"
            ]
        );
        let found = |text: &'static str| prose(text).into_iter().map(|range| &text[range]).collect::<Vec<_>>();
        // Titles and targets of links are no answers, quotations go on, and code ends no sentence.
        assert_eq!(
            found("Timeouts\n========\n\n.. _timeouts:\n\nThere is no\ndefault.\n\n## Two\nOne line.\n"),
            ["There is no\ndefault.", "One line."]
        );
        assert_eq!(
            found("> A value of 256 becomes\n> 0, and so on.\n>\n> Next.\n"),
            ["> A value of 256 becomes\n> 0, and so on.", "> Next."]
        );
        assert_eq!(
            found("Press `?` in this list or `.` there. Then go.\n"),
            ["Press `?` in this list or `.` there.", "Then go."]
        );
        // Numbers begin entries only in front of a point or a bracket.
        let text = "1. one\n2. two\n30) thirty\n7 of them\nare here\n";
        let found: Vec<&str> = prose(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[2].ends_with("7 of them\nare here"), "{found:?}");
        // A name may begin with a point.
        let text = "Rules stand in\n.gitignore and in\n) other files\n";
        let found = prose(text);
        assert_eq!((found.len(), found[0].end), (1, text.len() - 1));
    }

    #[test]
    fn statements_are_those_of_the_range_at_their_place_in_the_document() {
        let before = "// Nothing of this is asked for.\n";
        let text = format!("{before}fn sign(key: Key) -> Cookie {{\n    Cookie::of(key)\n}}\n");
        let snapshot = Snapshot::new(&text, 0, crate::text::Language::Rust);
        let words = |text: &str, _| text.split_whitespace().count();
        let found = sentences(&words, &snapshot, &(before.len()..text.len()));
        assert_eq!(found.first().map(|own| own.start), Some(before.len()));
        assert_eq!(found.last().map(|own| own.end), Some(text.len() - 1));
        assert!(text[found[0].clone()].starts_with("fn sign"));
        let two = format!(
            "{text}fn check(key: Key) -> bool {{\n{}}}\n",
            "    one two three four;\n".repeat(9)
        );
        let snapshot = Snapshot::new(&two, 0, crate::text::Language::Rust);
        let found = sentences(&words, &snapshot, &(before.len()..two.len()));
        assert!(
            found.len() > 1 && found.windows(2).all(|pair| pair[0].end <= pair[1].start),
            "{found:?}"
        );
        assert_eq!(found.last().map(|own| own.end), Some(two.len() - 1));
    }
}
