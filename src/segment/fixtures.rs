//! A realistic sample text for each language.

use crate::text::Language;

const WITH_GRAMMAR: &[(Language, &str)] = &[
    (Language::Rust, include_str!("../../tests/fixtures/segments/sample.rs")),
    (
        Language::Python,
        include_str!("../../tests/fixtures/segments/sample.py"),
    ),
    (
        Language::JavaScript,
        include_str!("../../tests/fixtures/segments/sample.js"),
    ),
    (
        Language::TypeScript,
        include_str!("../../tests/fixtures/segments/sample.ts"),
    ),
    (Language::Tsx, include_str!("../../tests/fixtures/segments/sample.tsx")),
    (Language::Go, include_str!("../../tests/fixtures/segments/sample.go")),
    (
        Language::Java,
        include_str!("../../tests/fixtures/segments/sample.java"),
    ),
    (Language::C, include_str!("../../tests/fixtures/segments/sample.c")),
    (Language::Cpp, include_str!("../../tests/fixtures/segments/sample.cpp")),
    (
        Language::CSharp,
        include_str!("../../tests/fixtures/segments/sample.cs"),
    ),
    (Language::Ruby, include_str!("../../tests/fixtures/segments/sample.rb")),
    (Language::Php, include_str!("../../tests/fixtures/segments/sample.php")),
    (Language::Bash, include_str!("../../tests/fixtures/segments/sample.sh")),
    (Language::Lua, include_str!("../../tests/fixtures/segments/sample.lua")),
    (
        Language::Markdown,
        include_str!("../../tests/fixtures/segments/sample.md"),
    ),
    (
        Language::Json,
        include_str!("../../tests/fixtures/segments/sample.json"),
    ),
    (
        Language::Toml,
        include_str!("../../tests/fixtures/segments/sample.toml"),
    ),
    (
        Language::Yaml,
        include_str!("../../tests/fixtures/segments/sample.yaml"),
    ),
];

const WITHOUT_GRAMMAR: &[(Language, &str)] = &[
    (
        Language::Prose,
        include_str!("../../tests/fixtures/segments/sample.txt"),
    ),
    (Language::Other, include_str!("../../tests/fixtures/segments/sample.kt")),
];

/// All languages with their texts.
pub(super) fn all() -> impl Iterator<Item = (Language, &'static str)> {
    WITH_GRAMMAR.iter().chain(WITHOUT_GRAMMAR).copied()
}

/// The languages with a grammar, with their texts.
pub(super) fn parsed() -> impl Iterator<Item = (Language, &'static str)> {
    WITH_GRAMMAR.iter().copied()
}

/// The text of a language.
pub(super) fn of(language: Language) -> &'static str {
    all().find(|(of, _)| *of == language).map_or("", |(_, text)| text)
}
