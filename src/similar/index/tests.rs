//! Folders that change after they are indexed.

mod copies;
mod groups;
mod hostile;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::*;
use crate::model::{Model, UNSTOPPED, default_source};
use crate::similar::thresholds;

static MODEL: LazyLock<Model> = LazyLock::new(|| Model::load(&default_source()).unwrap());

/// A folder with files, and its index.
struct Bench {
    root: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            root: tempfile::tempdir().unwrap(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    /// Writes a file with an old timestamp, so that its stamp is trusted.
    fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        // The time depends on the text, because a second write would also change the time.
        let seconds = 1_000_000 + text.bytes().map(u64::from).sum::<u64>();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
    }

    fn index(&self) -> Index {
        Index::open(self.cache.path()).unwrap()
    }

    fn renew(&self) -> Renewal {
        self.index()
            .renew(&MODEL, self.root.path(), &Limits::default(), UNSTOPPED, |_| {})
            .unwrap()
    }

    fn vector_index(&self) -> VectorIndex {
        self.index().vector_index(&MODEL, self.root.path()).unwrap()
    }

    /// The names of all items that a search finds.
    fn names(&self) -> Vec<String> {
        let vector_index = self.vector_index();
        let hits = search(&vector_index, "anything", &Filter::default(), 1000);
        let items = hits.iter().filter(|hit| hit.item.kind != ItemKind::File);
        let mut names: Vec<String> = items.map(|hit| hit.item.name.clone()).collect();
        names.sort();
        names
    }
}

/// A function that differs by its number.
fn function(name: &str, number: usize) -> String {
    format!(
        "fn {name}(input: &[u32]) -> u32 {{\n    let mut total = {number};\n    for value in input {{\n        total += value * {number};\n    }}\n    total\n}}\n"
    )
}

/// A query for items similar to one outside of all files.
fn asked(embedded: &EmbeddedItem, base: Option<f32>) -> Asked<'_> {
    Asked {
        path: None,
        item: &embedded.item,
        vector: &embedded.vector,
        base,
        known: None,
    }
}

/// The results of a question in prose.
fn search(vector_index: &VectorIndex, text: &str, filter: &Filter, count: usize) -> Vec<Found> {
    let mut filter = filter.clone();
    let mut query = Query::parse(text, &mut filter);
    query.vector = embed_query(&MODEL, &query.text).unwrap();
    vector_index.search(&query, &filter, count).unwrap()
}

/// The only item of a text.
fn only_item(text: &str) -> EmbeddedItem {
    embed_items(&MODEL, text, Language::Rust).unwrap().remove(0)
}

#[test]
fn items_are_found_and_unchanged_files_are_not_read_again() {
    let bench = Bench::new();
    bench.write(
        "src/sum.rs",
        &(function("weighted_sum", 3) + "\n" + &function("other_sum", 5)),
    );
    bench.write("docs/guide.md", "# Configuration files\n\nThe program reads its settings from a file in the home folder of the user, in the format TOML.\n");
    bench.write("rows.csv", "not,indexed\n");
    let first = bench.renew();
    assert_eq!((first.files, first.read, first.recognized, first.items), (2, 2, 0, 3));
    assert_eq!(first.skipped, [(Skipped::Unknown, 1)].into());
    assert!(first.embedded >= 3);
    let second = bench.renew();
    assert_eq!((second.files, second.read, second.embedded), (2, 0, 0));
    let vector_index = bench.vector_index();
    let hits = search(&vector_index, "where are the settings stored", &Filter::default(), 3);
    assert_eq!(hits[0].item.name, "Configuration files");
    assert_eq!(hits[0].path, Path::new("docs/guide.md"));
    let sum = &hits.iter().find(|hit| hit.item.name == "other_sum").unwrap().item;
    assert_eq!((sum.start.line, sum.start.column, sum.name_start.column), (8, 0, 3));
}

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
        let term = super::super::words::words("tenants")[0].term;
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
fn configuration_ranks_below_code_unless_the_query_asks_for_it() {
    let bench = Bench::new();
    bench.write(
        "src/retry.rs",
        &format!(
            "/// Retries a request with a timeout.\n{}",
            function("retry_request", 3)
        ),
    );
    bench.write(
        "service.toml",
        "[retry]\n# Retries a request with a timeout.\nretry_request = true\ntimeout = 30\nattempts = 5\n",
    );
    bench.renew();
    let vector_index = bench.vector_index();
    let first = |query: &str| search(&vector_index, query, &Filter::default(), 1).remove(0).path;
    assert_eq!(first("retry a request with a timeout"), Path::new("src/retry.rs"));
    assert_eq!(
        first("retry request configuration timeout attempts"),
        Path::new("service.toml")
    );
    assert_eq!(first("retry a request in service.toml"), Path::new("service.toml"));
    let lowered = |query: &str| {
        let hits = search(&vector_index, query, &Filter::default(), 9);
        let hit = hits.iter().find(|hit| hit.path.ends_with("service.toml")).unwrap();
        hit.why.as_ref().unwrap().weight
    };
    assert_eq!(lowered("retry a request"), 0.5);
    assert_eq!(lowered("retry a request path:*.toml"), 1.0);
    assert_eq!(lowered("retry a request lang:toml"), 1.0);
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
            ]
        );
    }
}

#[test]
fn a_renamed_file_and_another_checkout_are_recognized() {
    let bench = Bench::new();
    bench.write("a/one.rs", &function("one", 1));
    bench.write("a/two.rs", &function("two", 2));
    bench.renew();
    std::fs::rename(bench.root.path().join("a"), bench.root.path().join("b")).unwrap();
    let renamed = bench.renew();
    assert_eq!(
        (renamed.read, renamed.recognized, renamed.gone, renamed.embedded),
        (2, 2, 2, 0)
    );
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(bench.root.path().join("b/one.rs"), other.path().join("one.rs")).unwrap();
    let mut index = bench.index();
    let checkout = index
        .renew(&MODEL, other.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!((checkout.read, checkout.recognized, checkout.embedded), (1, 1, 0));
    assert_eq!(index.vector_index(&MODEL, other.path()).unwrap().len(), 1);
    assert_eq!(bench.vector_index().len(), 2);
}

#[test]
fn an_edit_embeds_only_changed_units_and_deleted_files_are_not_found() {
    let bench = Bench::new();
    let text = |last: usize| {
        (0..4)
            .map(|i| function(&format!("number_{i}"), i) + "\n")
            .collect::<String>()
            + &function("last", last)
    };
    bench.write("a.rs", &text(7));
    bench.write("b.rs", &function("alone", 9));
    bench.renew();
    bench.write("a.rs", &text(8));
    let edited = bench.renew();
    assert_eq!((edited.read, edited.recognized, edited.embedded), (1, 0, 1));
    std::fs::remove_file(bench.root.path().join("b.rs")).unwrap();
    assert_eq!(bench.renew().gone, 1);
    assert_eq!(bench.names(), ["last", "number_0", "number_1", "number_2", "number_3"]);
    // The file returns from another branch: nothing is embedded.
    bench.write("b.rs", &function("alone", 9));
    let back = bench.renew();
    assert_eq!((back.recognized, back.embedded), (1, 0));
}

#[test]
fn a_stopped_renewal_keeps_finished_work() {
    let bench = Bench::new();
    for i in 0..100 {
        bench.write(format!("f{i:03}.rs"), &function(&format!("f{i}"), i));
    }
    let done = AtomicUsize::new(0);
    let after_some = || done.load(Ordering::Relaxed) > 0;
    let mut index = bench.index();
    let tell = |progress: Progress| done.store(progress.done, Ordering::Relaxed);
    let stopped = index.renew(&MODEL, bench.root.path(), &Limits::default(), &after_some, tell);
    assert!(matches!(stopped, Err(IndexError::Stopped)), "{stopped:?}");
    let kept = bench.vector_index().len();
    assert!(kept > 0 && kept < 100, "{kept}");
    let rest = bench.renew();
    assert_eq!(rest.read, 100 - kept);
    assert_eq!(bench.vector_index().len(), 100);
}

#[test]
fn concurrent_renewals_give_the_result_of_one() {
    let bench = Bench::new();
    for i in 0..60 {
        bench.write(format!("f{i}.rs"), &function(&format!("f{}", i % 40), i % 40));
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(|| bench.renew())).collect();
        workers
            .into_iter()
            .for_each(|worker| assert_eq!(worker.join().unwrap().files, 60));
    });
    assert_eq!(bench.vector_index().len(), 60);
    let (_, looked) = examine(bench.cache.path()).unwrap();
    let looked = looked.unwrap();
    assert!(looked.wrong.is_empty() && looked.rows == 60, "{looked:?}");
    let connection = Connection::open(bench.index().path()).unwrap();
    let count = |table: &str| -> i64 {
        connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!((count("contents"), count("units")), (40, 40));
}

#[test]
fn filters_apply_before_the_best_are_selected() {
    let bench = Bench::new();
    for i in 0..30 {
        bench.write(format!("src/f{i}.rs"), &function("same", 1));
    }
    bench.write("lib/f.rs", &function("same", 1));
    bench.write(
        "lib/f.py",
        "def same(values):\n    total = 1\n    for value in values:\n        total += value\n    return total\n",
    );
    bench.renew();
    let vector_index = bench.vector_index();
    let item = only_item(&function("same", 1));
    let asked = asked(&item, None);
    let found = |filter: Filter| vector_index.similar(&asked, &filter, 3).unwrap();
    let python = found(Filter {
        languages: vec![Language::Python],
        ..Filter::default()
    });
    assert_eq!(python.len(), 1);
    let below = found(Filter {
        below: Some("lib".into()),
        ..Filter::default()
    });
    assert_eq!(
        below.iter().map(|hit| &*hit.path).collect::<Vec<_>>(),
        [Path::new("lib/f.rs"), Path::new("lib/f.py")]
    );
    // Equal scores are ordered by path.
    let paths: Vec<PathBuf> = found(Filter::default()).iter().map(|hit| hit.path.to_owned()).collect();
    assert_eq!(paths, ["lib/f.rs", "src/f0.rs", "src/f1.rs"].map(PathBuf::from));
    let own = Asked {
        path: Some(Path::new("lib/f.rs")),
        ..asked.clone()
    };
    let apart = vector_index.similar(&own, &Filter::default(), 3).unwrap();
    assert_eq!(apart[0].path, Path::new("src/f0.rs"));
    let types = found(Filter {
        kinds: vec![ItemKind::Type],
        ..Filter::default()
    });
    assert!(types.is_empty());
    // The other language has the same name, but it is a single word, and the score is too low.
    let strict = Asked {
        base: Some(0.84),
        ..asked.clone()
    };
    let near = vector_index.similar(&strict, &Filter::default(), 40).unwrap();
    assert!(near.len() == 31 && near.iter().all(|hit| hit.item.language == Language::Rust));
    let far = vector_index.similar(
        &Asked {
            base: Some(1.1),
            ..asked.clone()
        },
        &Filter::default(),
        3,
    );
    let far = far.unwrap();
    assert!(far.is_empty());
}

#[test]
fn filters_of_tests_and_paths_apply_before_the_best_are_selected() {
    let bench = Bench::new();
    for i in 0..8 {
        bench.write(format!("tests/t{i}.rs"), &function("same", 1));
    }
    let module = format!(
        "{}\n#[cfg(test)]\nmod tests {{\n    use super::*;\n\n{}}}\n",
        function("same", 1),
        function("same_again", 1)
    );
    bench.write("src/a.rs", &module);
    bench.write("src/deep/b.rs", &function("same", 1));
    bench.renew();
    let vector_index = bench.vector_index();
    let item = only_item(&function("same", 1));
    let found = |filter: Filter, count| -> Vec<String> {
        let hits = vector_index.similar(&asked(&item, Some(0.9)), &filter, count).unwrap();
        let name = |hit: &Found| format!("{} {}", hit.path.display(), hit.item.name);
        hits.iter().map(name).collect()
    };
    let tests = |tests| Filter {
        tests,
        ..Filter::default()
    };
    assert_eq!(found(tests(Tests::None), 2), ["src/a.rs same", "src/deep/b.rs same"]);
    let only = found(tests(Tests::Only), 20);
    assert!(
        only.len() == 9 && only.contains(&"src/a.rs same_again".to_owned()),
        "{only:?}"
    );
    assert_eq!(found(tests(Tests::With), 20).len(), 11);
    let paths = |pattern: &str| Filter {
        paths: Globs::new(&[pattern.to_owned()]).unwrap(),
        ..Filter::default()
    };
    assert_eq!(found(paths("src/**/b.rs"), 1), ["src/deep/b.rs same"]);
    assert_eq!(found(paths("t[01].rs"), 9), ["tests/t0.rs same", "tests/t1.rs same"]);
}

#[test]
fn an_item_is_not_similar_to_itself_in_any_order_of_paths() {
    let bench = Bench::new();
    // In byte order the first precedes the second; in path order it follows.
    for path in ["a/index.rs", "a/index/mod.rs", "a/index-old/x.rs", "a/zz.rs"] {
        bench.write(path, &function("same", 1));
    }
    bench.renew();
    let (vector_index, item) = (bench.vector_index(), only_item(&function("same", 1)));
    for path in ["a/index.rs", "a/index/mod.rs", "a/index-old/x.rs"] {
        let own = Asked {
            path: Some(Path::new(path)),
            ..asked(&item, None)
        };
        let found = vector_index.similar(&own, &Filter::default(), 9).unwrap();
        assert!(
            found.len() == 3 && found.iter().all(|hit| hit.path != Path::new(path)),
            "{path}"
        );
    }
}

#[test]
fn copies_of_a_file_do_not_dominate_the_mean_of_their_language() {
    let bench = Bench::new();
    for i in 0..40 {
        bench.write(format!("copy{i}/f.rs"), &function("copied", 1));
    }
    bench.renew();
    let vector_index = bench.vector_index();
    let item = only_item(&function("copied", 1));
    let asked = asked(&item, Some(thresholds::DEFAULT));
    let hits = vector_index.similar(&asked, &Filter::default(), 40).unwrap();
    assert!(
        hits.len() == 40 && hits.iter().all(|hit| hit.score > 0.999),
        "{:?}",
        hits[0]
    );
}

#[test]
fn a_skipped_file_is_counted_each_time_and_read_once() {
    let bench = Bench::new();
    bench.write("made.rs", &format!("// @generated\n{}", function("made", 1)));
    bench.write("long.js", &"x".repeat(30_000));
    bench.write("a.rs", &function("a", 1));
    for read in [3, 0] {
        let renewal = bench.renew();
        assert_eq!((renewal.read, renewal.files), (read, 1));
        assert_eq!(renewal.skipped, [(Skipped::NotText, 1), (Skipped::Generated, 1)].into());
    }
    assert_eq!(bench.names(), ["a"]);
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
fn a_damaged_index_is_rebuilt_and_a_newer_one_is_left_unchanged() {
    let bench = Bench::new();
    bench.write("a.rs", &function("a", 1));
    bench.renew();
    let path = bench.index().path().to_owned();
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(database::beside(&path, end));
    }
    std::fs::write(
        &path,
        b"this is no database, and it is long enough to be taken for one by its size",
    )
    .unwrap();
    assert_eq!(bench.renew().embedded, 1);
    assert_eq!(bench.names(), ["a"]);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    let error = Index::open(bench.cache.path()).unwrap_err().to_string();
    assert!(
        error.contains("newer fovea") && error.contains("index.sqlite"),
        "{error}"
    );
}

#[test]
fn another_identifier_setting_has_a_separate_index() {
    let bench = Bench::new();
    bench.write("a.rs", &function("parseHttpConfig", 1));
    bench.renew();
    let plain = Model::load(&default_source()).unwrap().identifier_aware(false);
    let mut index = bench.index();
    let renewal = index
        .renew(&plain, bench.root.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!(renewal.embedded, 1);
    assert_eq!(index.vector_index(&plain, bench.root.path()).unwrap().len(), 1);
    assert_eq!(bench.renew().read, 0);
}

#[test]
fn a_missing_folder_is_an_error_and_an_index_in_memory_works() {
    let bench = Bench::new();
    let nowhere = bench.root.path().join("nowhere");
    let error = bench
        .index()
        .renew(&MODEL, &nowhere, &Limits::default(), UNSTOPPED, |_| {})
        .unwrap_err();
    assert!(
        matches!(error, IndexError::Root { .. }) && error.to_string().contains("nowhere"),
        "{error}"
    );
    let mut memory = Index::in_memory().unwrap();
    bench.write("a.rs", &function("a", 1));
    memory
        .renew(&MODEL, bench.root.path(), &Limits::default(), UNSTOPPED, |_| {})
        .unwrap();
    assert_eq!(memory.vector_index(&MODEL, bench.root.path()).unwrap().len(), 1);
}

#[test]
fn a_short_item_is_found_by_its_name_and_resembles_nothing() {
    let bench = Bench::new();
    let functions: String = (0..24).map(|i| function(&format!("sum_{i}"), i) + "\n").collect();
    bench.write("a.rs", &format!("fn tiny() {{}}\n\n{functions}"));
    bench.renew();
    let vector_index = bench.vector_index();
    let found = search(&vector_index, "tiny", &Filter::default(), 1);
    assert_eq!(found[0].item.name, "tiny");
    // The same holds when the mean of its language is subtracted.
    let like = only_item(&function("other", 77));
    let near = vector_index
        .similar(&asked(&like, None), &Filter::default(), 100)
        .unwrap();
    assert_eq!((near.len(), vector_index.len()), (24, 24));
    assert!(near.iter().all(|hit| hit.item.name != "tiny"));
}

#[test]
fn a_cpp_header_is_indexed_as_cpp() {
    let bench = Bench::new();
    let shapes = include_str!("../../../tests/reported/07-shapes/07-shapes.h");
    bench.write("geometry/shapes.h", shapes);
    bench.write(
        "geometry/ring.h",
        include_str!("../../../tests/reported/15-definitions/extern.h"),
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
