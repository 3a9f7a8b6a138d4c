//! Hostile text ends a child that parses, and nothing else.

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

/// The segments of a text, parsed by a child, as this process does from its first call on.
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

/// Texts on which the scanner of a grammar keeps more state than tree-sitter has room for, which aborts.
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
    // Trees of the child that ended are lost, and made again.
    assert!(first.tree().depths(&[0, 10], sound.len()).is_empty());
    for syntax in [first, other] {
        let again = syntax.tree().parse_again(&snapshot(sound, 3)).unwrap();
        assert_eq!(again.outline(), syntax.outline());
        assert_eq!(again.tree().depths(&[0, 10], sound.len()).len(), 2);
    }
}

#[test]
fn a_child_finds_what_this_process_finds_also_after_edits() {
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
fn a_program_that_is_none_or_another_is_told_apart_from_a_crash() {
    for path in ["/nowhere/fovea", env!("CARGO_BIN_EXE_fovea")] {
        // Without its argument the program is a language server, which says nothing.
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
