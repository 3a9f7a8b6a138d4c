//! Hostile text may end a parser process, and nothing else.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::sync::Once;

use fovea::parser::{Processes, Program};
use fovea::segment::{Budget, InProcess, Parser, Purpose, Segments, Unparsed, parse, segment, use_parser};
use fovea::text::{Language, Snapshot};

fn children() -> Processes {
    Processes::new(Program {
        path: env!("CARGO_BIN_EXE_fovea").into(),
        arguments: vec!["parser".into()],
    })
}

/// The segments of a text. From the first call on, this process parses in a child.
fn segments(text: &str, language: Language) -> Segments {
    static CHILDREN: Once = Once::new();
    CHILDREN.call_once(|| use_parser(Box::new(children())));
    let snapshot = Snapshot::new(text, 1, language);
    let tokens = |text: &str, _| 2 + fovea::text::source_words(text).len();
    let budget = Budget {
        tokens: &tokens,
        window: 32,
    };
    segment(&snapshot, &parse(&snapshot), &budget)
}

#[track_caller]
fn check(segments: &Segments, text: &str) {
    let mut covered = 0;
    for unit in &segments.units {
        assert_eq!(unit.range.start, covered);
        assert!(unit.range.end > covered && text.is_char_boundary(unit.range.end));
        covered = unit.range.end;
    }
    assert_eq!(covered, text.len());
}

/// Texts that make tree-sitter abort, because the scanner's state exceeds tree-sitter's buffer.
fn deadly() -> Vec<(&'static str, Language, String)> {
    let names: Vec<String> = ["A", "B", "C", "D", "E"].iter().map(|name| name.repeat(199)).collect();
    let names: Vec<String> = names.into_iter().chain(["FFFF".to_owned()]).collect();
    let opened: Vec<String> = names.iter().map(|name| format!("<<{name}")).collect();
    let bodies: String = names.iter().map(|name| format!("t\n{name}\n")).collect();
    let depth = 520;
    let form_feed = |i: usize| format!("{}\x0c{}if x:\n", " ".repeat(depth - 1 - i), " ".repeat(i));
    let continued = |width: usize| {
        let full = (0..width.saturating_sub(1) / 150).map(|_| 150);
        let parts: Vec<String> = match width {
            0 => Vec::new(),
            width => full
                .chain([(width - 1) % 150 + 1])
                .map(|part| " ".repeat(part))
                .collect(),
        };
        parts.join("\\\n")
    };
    let comment = |i: usize| if i % 90 == 89 { "# c\n" } else { "" };
    vec![
        (
            "here documents",
            Language::Ruby,
            format!("x({})\n{bodies}", opened.join(", ")),
        ),
        (
            "form feeds",
            Language::Python,
            (0..depth).map(form_feed).collect::<String>() + &format!("\x0c{}y = 'a'\n", " ".repeat(depth)),
        ),
        (
            "continued lines",
            Language::Python,
            (0..depth).map(|i| continued(i) + "if x:\n").collect::<String>() + &continued(depth + 1) + "y = 'a'\n",
        ),
        (
            "comments",
            Language::Yaml,
            (0..270)
                .map(|i| format!("{}{}k:\n", comment(i), " ".repeat(i)))
                .collect::<String>()
                + &" ".repeat(270)
                + "v\n",
        ),
    ]
}

#[test]
fn a_text_that_ends_the_parser_is_split_by_its_lines_and_the_next_is_parsed() {
    for (name, language, text) in deadly() {
        let found = segments(&text, language);
        check(&found, &text);
        assert_eq!(found.unparsed, Some(Unparsed::Crashed), "{name}");
        let sound = segments("def f():\n    return 1\n", Language::Python);
        assert_eq!((sound.unparsed, sound.items.len()), (None, 1), "after {name}");
    }
}

#[test]
fn an_open_document_survives_the_death_of_its_parser() {
    let children = children();
    let sound = "def f(a):\n    return a\n\n\ndef g(b):\n    return b\n";
    let (_, _, deadly) = deadly().swap_remove(1);
    let snapshot = |text: &str, version| Snapshot::new(text, version, Language::Python);
    let first = children.parse(&snapshot(sound, 1), Purpose::Document).unwrap();
    let other = children.parse(&snapshot(sound, 1), Purpose::Document).unwrap();
    let crashed = first.tree().parse_again(&snapshot(&deadly, 2));
    assert_eq!(crashed.unwrap_err(), Unparsed::Crashed);
    // The trees of the ended child are lost; the next edit creates them again.
    assert!(first.tree().depths(&[0, 10], sound.len()).is_empty());
    for syntax in [first, other] {
        let again = syntax.tree().parse_again(&snapshot(sound, 3)).unwrap();
        assert_eq!(again.outline(), syntax.outline());
        assert_eq!(again.tree().depths(&[0, 10], sound.len()).len(), 2);
    }
}

#[test]
fn a_child_parses_like_this_process_also_after_edits() {
    let children = children();
    for (name, language) in [
        ("rs", Language::Rust),
        ("py", Language::Python),
        ("md", Language::Markdown),
        ("cpp", Language::Cpp),
    ] {
        let file = format!("{}/tests/fixtures/segments/sample.{name}", env!("CARGO_MANIFEST_DIR"));
        let mut text = std::fs::read_to_string(file).unwrap();
        let mut there = children
            .parse(&Snapshot::new(&text, 0, language), Purpose::Document)
            .unwrap();
        let mut here = InProcess
            .parse(&Snapshot::new(&text, 0, language), Purpose::Document)
            .unwrap();
        for version in 1..20 {
            assert_eq!(there.outline(), here.outline(), "{name} {version}");
            assert_eq!(there.changed(), here.changed(), "{name} {version}");
            let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
            assert_eq!(
                there.tree().depths(&starts, text.len()),
                here.tree().depths(&starts, text.len())
            );
            let at = text.char_indices().nth(text.chars().count() * version / 20).unwrap().0;
            text.insert_str(at, ["é", "\n", "x = 1\n", "{", "}"][version % 5]);
            let next = Snapshot::new(&text, i32::try_from(version).unwrap(), language);
            there = there.tree().parse_again(&next).unwrap();
            here = here.tree().parse_again(&next).unwrap();
        }
    }
}

#[test]
fn a_missing_or_wrong_program_is_distinguished_from_a_crash() {
    for path in ["/nowhere/fovea", env!("CARGO_BIN_EXE_fovea")] {
        // With this argument, the program is not a parser.
        let wrong = Processes::new(Program {
            path: path.into(),
            arguments: vec!["--version".into()],
        });
        let parsed = wrong.parse(&Snapshot::new("fn f() {}", 1, Language::Rust), Purpose::Once);
        assert_eq!(parsed.unwrap_err(), Unparsed::NotStarted, "{path}");
    }
}

#[test]
fn hostile_text_is_partitioned() {
    let indented = |opening: &str| {
        (0..600)
            .map(|depth| " ".repeat(depth) + opening + "\n")
            .collect::<String>()
    };
    let nested = |open: &str, close: &str| open.repeat(2000) + "\n" + &close.repeat(2000);
    let long = "A".repeat(3000);
    for (language, text) in [
        (Language::Rust, nested("mod a {", "}")),
        (Language::Rust, nested("/*", "*/")),
        (Language::Rust, format!("r{}\"x", "#".repeat(3000))),
        (Language::Cpp, nested("namespace a {", "}")),
        (Language::Cpp, format!("R\"{long}(x){long}\"")),
        (Language::JavaScript, nested("a = {b: ", "}")),
        (Language::JavaScript, nested("`${", "}`")),
        (Language::JavaScript, "a + ".repeat(3000)),
        (Language::Tsx, nested("<a>", "</a>")),
        (Language::CSharp, nested("$\"{", "}\"")),
        (Language::CSharp, format!("{}{{x", "$".repeat(3000))),
        (Language::Python, indented("if x:")),
        (Language::Python, nested("f'{", "}'")),
        (Language::Yaml, indented("a:")),
        (Language::Yaml, nested("- ", "")),
        (Language::Ruby, nested("\"#{", "}\"")),
        (Language::CSharp, nested("$@\"{", "}\"")),
        (Language::CSharp, nested("$\"\"\"{", "}\"\"\"")),
        (
            Language::CSharp,
            format!("class A {{ string B = {}; }}", nested("$\"{(", ")}\"")),
        ),
        (Language::Ruby, format!("x <<\"{}\"", "a b\n".repeat(100))),
        (Language::Ruby, nested("%w(", ")")),
        (Language::Ruby, nested("<<~A, ", "\nA")),
        (Language::Ruby, format!("<<~{long}\nx\n{long}\n")),
        (Language::Bash, nested("<<A ", "\nA")),
        (Language::Bash, nested("\"$(", ")\"")),
        (Language::Bash, format!("cat <<{long}\nx\n{long}\n")),
        (Language::Php, format!("<?php\n{}", nested("<<<A\n{$a", "\nA"))),
        (Language::Php, format!("<?php\n<<<{long}\nx\n{long};\n")),
        (Language::Lua, format!("[{0}[x]{0}]", "=".repeat(3000))),
        (Language::Markdown, nested("> ", "")),
        (Language::Markdown, indented("- a")),
        (
            Language::Markdown,
            (0..900).map(|level| "#".repeat(1 + level % 6) + " a\n").collect(),
        ),
        (Language::Toml, nested("a = [", "]")),
        (Language::Json, nested("[", "]")),
    ] {
        check(&segments(&text, language), &text);
    }
}

/// A generator of the same pseudorandom numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// The text with one part deleted, doubled, copied, or replaced by characters that matter to grammars.
fn mutated(text: &str, numbers: &mut Numbers) -> String {
    const SIGNS: [&str; 28] = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "'",
        "`",
        "<<A",
        "<<~'B'",
        "#{",
        "${",
        "\\\n",
        "\t",
        "\x0c",
        "\n",
        "\r\n",
        "\n        ",
        "é",
        "😀",
        "\0",
        "/*",
        "*/",
        "$$",
        "R\"x(",
        "```",
        "- ",
    ];
    let place = |numbers: &mut Numbers| {
        let mut at = numbers.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (a, b, c) = (place(numbers), place(numbers), place(numbers));
    let (from, to) = (a.min(b), a.max(b));
    // Usually a few characters, sometimes half of the text.
    let near = text[from..to]
        .char_indices()
        .nth(1 + numbers.below(60))
        .map_or(to, |(at, _)| from + at);
    let to = if numbers.below(20) == 0 { to } else { near };
    let (before, stretch, after) = (&text[..from], &text[from..to], &text[to..]);
    match numbers.below(4) {
        0 => format!("{before}{after}"),
        1 => format!("{before}{stretch}{stretch}{after}"),
        2 => format!("{}{stretch}{}", &text[..c], &text[c..]),
        _ => format!(
            "{before}{}{after}",
            SIGNS[numbers.below(SIGNS.len())].repeat(1 + numbers.below(3))
        ),
    }
}

/// Files to mutate: those of the folder `FOVEA_MUTATE`, or the fixtures.
fn files() -> Vec<(Language, String)> {
    let folder = std::env::var_os("FOVEA_MUTATE");
    let folder = folder.map_or_else(
        || format!("{}/tests/fixtures/segments", env!("CARGO_MANIFEST_DIR")).into(),
        std::path::PathBuf::from,
    );
    let mut files = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let language = Language::from_path(&path);
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            };
            if fovea::segment::has_grammar(&Snapshot::new("", 0, language)) && !text.is_empty() {
                // A few kilobytes of each file leave time for many files.
                let end = text
                    .char_indices()
                    .map(|(at, _)| at)
                    .take_while(|at| *at < 4000)
                    .last()
                    .unwrap_or(0);
                files.push((
                    language,
                    if text.len() < 4000 {
                        text
                    } else {
                        text[..end].to_owned()
                    },
                ));
            }
        }
    }
    assert!(!files.is_empty(), "no file to mutate");
    files
}

#[test]
fn mutated_files_of_every_grammar_end_at_most_a_child() {
    let count = std::env::var("FOVEA_MUTATIONS").map_or(200, |count| count.parse().unwrap());
    let children = children();
    let mut by_language: std::collections::BTreeMap<Language, Vec<String>> = Default::default();
    for (language, text) in files() {
        by_language.entry(language).or_default().push(text);
    }
    let mut numbers = Numbers(1);
    for (language, texts) in by_language {
        let mut failed: std::collections::BTreeMap<String, usize> = Default::default();
        let mut done = 0;
        while done < count {
            let mut text = texts[numbers.below(texts.len())].clone();
            let mut snapshot = Snapshot::new(&text, 0, language);
            let mut syntax = children.parse(&snapshot, Purpose::Document);
            // As while editing, each version is parsed after the previous one.
            for version in 1..=8 {
                text = mutated(&text, &mut numbers);
                text.truncate(
                    text.char_indices()
                        .map(|(at, _)| at)
                        .take_while(|at| *at < 16_000)
                        .last()
                        .map_or(0, |at| if text.len() < 16_000 { text.len() } else { at }),
                );
                snapshot = Snapshot::new(&text, version, language);
                syntax = match syntax {
                    Ok(syntax) => syntax.tree().parse_again(&snapshot),
                    Err(_) => children.parse(&snapshot, Purpose::Document),
                };
                match &syntax {
                    Ok(syntax) => assert!(syntax.outline().fits(&text), "{language:?}: {text:?}"),
                    Err(reason) => *failed.entry(reason.to_string()).or_default() += 1,
                }
                done += 1;
            }
        }
        println!(
            "{}: {done} mutations of {} files, {failed:?}",
            language.name(),
            texts.len()
        );
        let sound = children.parse(&Snapshot::new("fn f() {}", 0, Language::Rust), Purpose::Document);
        assert!(sound.is_ok());
    }
}
