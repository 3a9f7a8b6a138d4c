//! What the index holds of a file.

use super::*;

#[test]
fn notebook_cells_are_found_at_their_position_in_the_file() {
    let bench = Bench::new();
    let notebook = r##"{
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": ["# Whales\n", "How many whales were counted from ships."]},
  {"cell_type": "code", "metadata": {}, "outputs": [{"output_type": "stream", "text": ["def printed(): pass"]}], "source": [
    "def smoothed(counts, window=3):\n",
    "    kernel = np.ones(window) / window\n",
    "    return np.convolve(counts, kernel, mode='same')"
  ]}
 ],
 "metadata": {"language_info": {"name": "python"}}
}"##;
    bench.write("analysis/whales.ipynb", notebook);
    let renewal = bench.renew();
    assert_eq!((renewal.files, renewal.items), (1, 1), "{renewal:?}");
    assert_eq!(bench.names(), ["smoothed"]);
    let found = search(
        &bench.vector_index(),
        "smooth a series with a moving average",
        &Filter::default(),
        1,
    );
    let item = &found[0].item;
    assert_eq!(
        (item.language, item.start.line, item.end.line),
        (Language::Python, 4, 6)
    );
    let own = &notebook[item.start.byte..item.end.byte];
    assert!(
        own.starts_with("def smoothed(") && own.ends_with("mode='same')"),
        "{own}"
    );
    assert_eq!(&notebook[item.name_start.byte..item.name_end.byte], "smoothed");
    let prose = search(
        &bench.vector_index(),
        "whales counted from ships",
        &Filter::default(),
        1,
    );
    assert_eq!((prose[0].item.kind, prose[0].item.start.line), (ItemKind::File, 2));
    bench.write("broken.ipynb", "{");
    assert_eq!(bench.renew().skipped, [(Skipped::NotText, 1)].into());
}

#[test]
fn files_without_items_are_found_with_their_lines() {
    let bench = Bench::new();
    bench.write(
        "Dockerfile",
        "FROM debian:stable\nRUN apt-get update && apt-get install -y ca-certificates\nCOPY target/server /usr/bin/server\nENTRYPOINT [\"/usr/bin/server\"]\n",
    );
    bench.write(
        "app/Login.kt",
        "package app\n\nclass Login(private val users: Users) {\n    fun signIn(name: String, password: String): Session? {\n        val user = users.find(name) ?: return null\n        return if (user.verify(password)) Session(user) else null\n    }\n}\n",
    );
    bench.write(
        "docs/upgrade.rst",
        "Upgrading\n=========\n\nStop the server before you replace the database file, and keep a copy of the old one.\n",
    );
    let paragraph = |topic: &str| {
        format!("{topic} of this project are described here at some length, so that readers know them.\n\n")
    };
    let before: String = (0..40)
        .map(|i| paragraph(&format!("Detail {i} of the habits")))
        .collect();
    bench.write(
        "notes.txt",
        &(before + &paragraph("Backups of the tape library and the rotation")),
    );
    bench.renew();
    let vector_index = bench.vector_index();
    let first = |query: &str| search(&vector_index, query, &Filter::default(), 1).remove(0);
    let docker = first("container image with certificates installed");
    assert_eq!((docker.path, docker.item.kind), ("Dockerfile".into(), ItemKind::File));
    assert_eq!((docker.item.name.as_str(), docker.item.start.line), ("Dockerfile", 0));
    let login = first("check the password of a user who signs in");
    assert_eq!((login.path, login.item.kind), ("app/Login.kt".into(), ItemKind::File));
    let upgrade = first("what to do before replacing the database file").item;
    assert_eq!((upgrade.name.as_str(), upgrade.kind), ("Upgrading", ItemKind::Heading));
    let tapes = first("rotation of backup tapes").item;
    assert_eq!(tapes.kind, ItemKind::File);
    assert!(
        tapes.start.line > 40 && tapes.start.line <= 80 && tapes.end.line > 80,
        "{tapes:?}"
    );
    // Text outside of items has no item to show in a code lens.
    let items = embed_items(
        &MODEL,
        "FROM debian:stable\nRUN apt-get install -y ca-certificates\n",
        Language::Other,
    );
    assert_eq!(items.unwrap(), []);
}

#[test]
fn the_head_comment_belongs_to_the_file_and_not_to_its_first_item() {
    for (language, text) in [
        (
            Language::Rust,
            "//! Rotates the signing keys of all tenants.\n\nuse std::fs;\n\n/// Reads.\nfn read() -> u8 {\n    1\n}\n",
        ),
        (
            Language::Rust,
            "//! Rotates the signing keys of all tenants.\nfn read() -> u8 {\n    1\n}\n",
        ),
        (
            Language::Python,
            "\"\"\"Rotates the signing keys of all tenants.\"\"\"\ndef read():\n    return 1\n",
        ),
        (
            Language::Go,
            "// Package keys rotates the signing keys of all tenants.\npackage keys\n\nfunc Read() int {\n\treturn 1\n}\n",
        ),
        (
            Language::JavaScript,
            "/**\n * Rotates the signing keys of all tenants.\n */\n\nfunction read() {\n  return 1;\n}\n",
        ),
        (
            Language::C,
            "/* Rotates the signing keys of all tenants. */\n#include <stdio.h>\n\nint read(void) {\n    return 1;\n}\n",
        ),
    ] {
        let contents = reading::read(&MODEL, text, language);
        let term = crate::similar::words::words("tenants")[0].term;
        let holders: Vec<ItemKind> = contents
            .passages
            .iter()
            .filter(|passage| passage.words.iter().any(|(word, _)| word == term))
            .map(|passage| passage.item.kind)
            .collect();
        assert_eq!(holders, [ItemKind::File], "{language:?} {text}");
        let file = contents
            .passages
            .iter()
            .find(|passage| passage.item.kind == ItemKind::File)
            .unwrap();
        assert!(!file.units.is_empty(), "the model reads it: {language:?}");
    }
}

#[test]
fn a_file_with_only_imports_is_found() {
    let bench = Bench::new();
    bench.write(
        "pkg/__init__.py",
        "from .sessions import SessionStore, SignedCookie\nfrom .users import User, load_user\n",
    );
    bench.write(
        "pkg/other.py",
        "def unrelated(values):\n    total = 0\n    for value in values:\n        total += value\n    return total\n",
    );
    bench.renew();
    let hit = search(&bench.vector_index(), "signed session cookie", &Filter::default(), 1).remove(0);
    assert_eq!((hit.path, hit.item.kind), ("pkg/__init__.py".into(), ItemKind::File));
}

#[test]
fn coverage_counts_languages_and_lists_skipped_files_and_files_without_items() {
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 1));
    bench.write(
        "only_imports.rs",
        "pub use crate::sessions::{SessionStore, SignedCookie};\n",
    );
    bench.write("made.rs", "// @generated\nfn x() {}\n");
    bench.write("Makefile", "build:\n\tcargo build --release --locked --all-targets\n");
    bench.write("rows.csv", "a,b\n");
    bench.write(".notes/todo.md", "# Later\n");
    for _ in 0..2 {
        let renewal = bench.renew();
        let coverage = bench.index().coverage(&MODEL, bench.root.path(), &renewal).unwrap();
        let languages: Vec<_> = coverage
            .languages
            .iter()
            .map(|language| (&*language.language, language.files, language.items, language.passages))
            .collect();
        assert_eq!(languages, [("rust", 2, 1, 1), ("Makefile", 1, 0, 1)]);
        assert_eq!(coverage.languages[0].without_items, [PathBuf::from("only_imports.rs")]);
        let left_out: Vec<_> = coverage
            .left_out
            .iter()
            .map(|left_out| (left_out.reason, &*left_out.paths))
            .collect();
        assert_eq!(
            left_out,
            [
                (Skipped::Generated, &[PathBuf::from("made.rs")][..]),
                (Skipped::Unknown, &[PathBuf::from("rows.csv")]),
                (Skipped::Hidden, &[PathBuf::from(".notes")]),
            ]
        );
    }
}

#[cfg(unix)]
#[test]
fn file_names_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.rs");
    if std::fs::write(bench.root.path().join(name), "").is_err() {
        return; // This file system rejects such names.
    }
    bench.write(name, &function("coffee", 1));
    bench.renew();
    let vector_index = bench.vector_index();
    let hits = search(&vector_index, "coffee", &Filter::default(), 1);
    assert_eq!(hits[0].path.as_os_str().as_bytes(), b"caf\xe9.rs");
    assert_eq!(bench.renew().read, 0);
}

#[test]
fn a_cpp_header_is_indexed_as_cpp() {
    let bench = Bench::new();
    let shapes = include_str!("../../../../tests/reported/07-shapes/07-shapes.h");
    bench.write("geometry/shapes.h", shapes);
    bench.write(
        "geometry/ring.h",
        include_str!("../../../../tests/reported/15-definitions/extern.h"),
    );
    bench.write(
        "plain/area.h",
        "int area_of(int width, int height)\n{\n    return width * height;\n}\n",
    );
    bench.write("plain/main.cc", "int main() { return 0; }\n");
    bench.renew();
    let vector_index = bench.vector_index();
    let found = search(&vector_index, "area", &Filter::default(), 100);
    let language = |file: &str| {
        let own = found
            .iter()
            .filter(|hit| hit.path.ends_with(file) && hit.item.kind != ItemKind::File);
        let mut all: Vec<Language> = own.map(|hit| hit.item.language).collect();
        all.dedup();
        all
    };
    assert_eq!(language("shapes.h"), [Language::Cpp]);
    assert_eq!(language("ring.h"), [Language::C]);
    assert_eq!(language("area.h"), [Language::Cpp]);
    let cpp = Filter {
        languages: vec![Language::Cpp],
        ..Filter::default()
    };
    assert!(
        search(&vector_index, "area", &cpp, 100)
            .iter()
            .any(|hit| hit.path.ends_with("shapes.h"))
    );
}

#[test]
fn a_namespace_that_only_wraps_a_type_is_part_of_no_pair() {
    let bench = Bench::new();
    let class = "    class Converter\n    {\n        int Twice(int value) { return Checked(value) + Checked(value); }\n        int Thrice(int value) { return Twice(value) + Checked(value); }\n    }\n";
    bench.write("one.cs", &format!("namespace Text\n{{\n{class}}}\n"));
    bench.write(
        "two.cs",
        &format!("namespace Both\n{{\n{class}{}}}\n", class.replace("Converter", "Other")),
    );
    bench.renew();
    let vector_index = bench.vector_index();
    let types = vector_index
        .items
        .iter()
        .filter(|entry| entry.item.kind == ItemKind::Type);
    let mut compared: Vec<&str> = types
        .filter(|entry| entry.fingerprint.lines() > 0)
        .map(|entry| &*entry.item.name)
        .collect();
    compared.sort_unstable();
    assert_eq!(compared, ["Both", "Converter", "Converter", "Other"]);
    let hits = search(&vector_index, "namespace Text", &Filter::default(), 9);
    assert!(hits.iter().any(|hit| hit.item.name == "Text"), "a search finds it");
}
