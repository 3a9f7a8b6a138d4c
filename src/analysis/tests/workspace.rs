//! The workspace in addition to the open documents, with the embedded model.

use std::path::Path;

use super::super::{IndexStage, Scope, ShownFile, View};
use super::*;
use crate::model::{Model, Source};
use crate::segment::ItemKind;
use crate::similar::index::Filter;

pub(super) const LOAD: &str = "fn load_settings(path: &Path) -> Result<Settings, Error> {\n    let text = std::fs::read_to_string(path)?;\n    \
                    let settings: Settings = toml::from_str(&text)?;\n    settings.validate()?;\n    Ok(settings)\n}\n";
pub(super) const READ: &str = "fn read_settings(file: &Path) -> Result<Settings, Error> {\n    let content = std::fs::read_to_string(file)?;\n    \
                    let parsed: Settings = toml::from_str(&content)?;\n    parsed.validate()?;\n    Ok(parsed)\n}\n";
pub(super) const AREA: &str = "fn polygon_area(points: &[(f64, f64)]) -> f64 {\n    let mut sum = 0.0;\n    for i in 0..points.len() {\n        \
                    let (a, b) = (points[i], points[(i + 1) % points.len()]);\n        sum += a.0 * b.1 - b.0 * a.1;\n    }\n    \
                    sum.abs() / 2.0\n}\n";

fn indexing(roots: &[&Path], cache: Option<&Path>) -> Options {
    let scope = Scope {
        roots: roots.iter().map(|root| root.to_path_buf()).collect(),
        folder: cache.map(Path::to_owned),
        on_battery: true,
        ..Scope::default()
    };
    Options {
        debounce: Duration::ZERO,
        workspace: Some(scope),
        ..Options::default()
    }
}

pub(super) fn bench(roots: &[&Path], cache: Option<&Path>) -> Bench {
    let (tell, events) = channel();
    let analysis = AnalysisHandle::start(
        || Model::load(&Source::EMBEDDED),
        indexing(roots, cache),
        move |event| _ = tell.send(event),
    );
    Bench {
        analysis,
        events,
        script: Arc::default(),
    }
}

pub(super) fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("below the root")).expect("written");
    std::fs::write(path, text).expect("written");
}

pub(super) fn indexed(bench: &Bench, items: usize) {
    until(|| {
        let index = bench.analysis.status().index;
        index.stage == IndexStage::Ready && index.items == items
    });
}

/// The names and homes of the neighbors of a document's first item.
fn near(bench: &Bench, id: &DocumentId) -> Vec<(String, Home)> {
    let found = bench.analysis.neighbors_at(id, 1, 5).unwrap_or_default();
    let all = found.into_iter().flat_map(|item| item.neighbors);
    all.map(|near| (near.item.name, near.home)).collect()
}

#[test]
fn an_open_document_has_neighbors_in_closed_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("there");
    write(&root, "src/config.rs", READ);
    write(&root, "src/geometry.rs", AREA);
    let bench = bench(&[&root], None);
    indexed(&bench, 2);
    let (id, _) = bench.open("untitled:1", LOAD);
    bench.completed(1);
    until(|| !near(&bench, &id).is_empty());
    let home = Home::File(root.join("src/config.rs"));
    assert_eq!(near(&bench, &id), [("read_settings".to_owned(), home)]);
    until(|| bench.analysis.neighbors(&id, 1).is_some_and(|items| items.len() == 1));
}

#[test]
fn an_open_file_is_found_with_its_text_in_the_editor() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("there");
    write(&root, "src/config.rs", READ);
    let bench = bench(&[&root], None);
    indexed(&bench, 1);
    let (asked, _) = bench.open("untitled:1", LOAD);
    bench.completed(1);
    let (open, text) = (id("file:///config.rs"), format!("// moved down\n\n{READ}"));
    let file = Some(ShownFile::itself(root.join("src/config.rs")));
    bench.analysis.open(&open, rust(&text, 1), file);
    bench.completed(1);
    let home = Home::Document { id: open, version: 1 };
    until(|| near(&bench, &asked) == [("read_settings".to_owned(), home.clone())]);
}

#[test]
fn filters_of_paths_and_tests_know_an_open_file_by_its_path_below_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    // A checkout below a folder called "test" holds no tests for that.
    let root = folder.path().canonicalize().expect("there").join("test/project");
    write(&root, "src/config.rs", READ);
    let bench = bench(&[&root], None);
    indexed(&bench, 1);
    let open = id("file:///config.rs");
    let file = Some(ShownFile::itself(root.join("src/config.rs")));
    bench.analysis.open(&open, rust(READ, 1), file);
    bench.completed(1);
    let home = Home::Document { id: open, version: 1 };
    for narrowed in ["path:src/**", "path:src/*.rs", "path:config.rs", "tests:none"] {
        let found = || {
            let query = format!("read the configuration from a file kind:function {narrowed}");
            let asked = bench.analysis.search(query, Filter::default(), 9, false, no_cancel());
            wait(asked).expect("an answer").found
        };
        until(|| found().iter().any(|near| near.home == home));
    }
}

#[test]
fn a_file_that_is_opened_repeatedly_is_found_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("there");
    write(&root, "src/config.rs", READ);
    let bench = bench(&[&root], None);
    indexed(&bench, 1);
    let open = id("file:///config.rs");
    // The text around the items of a file is an item of its own.
    let functions = || Filter {
        kinds: vec![ItemKind::Function],
        ..Filter::default()
    };
    let found = || {
        let query = "read the configuration from a file".to_owned();
        let asked = bench.analysis.search(query, functions(), 9, false, no_cancel());
        let found = wait(asked).expect("an answer").found;
        found.into_iter().map(|near| near.home).collect::<Vec<_>>()
    };
    for version in 1..=9 {
        let home = Home::Document {
            id: open.clone(),
            version,
        };
        bench.analysis.open(
            &open,
            rust(READ, version),
            Some(ShownFile::itself(root.join("src/config.rs"))),
        );
        until(|| {
            let found = found();
            assert_eq!(found.len(), 1, "{found:?}");
            found[0] == home
        });
        bench.analysis.close(&open);
    }
}

#[test]
fn switching_the_index_between_disk_and_memory_loses_nothing() {
    let (folder, cache) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    write(folder.path(), "a.rs", READ);
    write(folder.path(), "b.rs", AREA);
    let bench = bench(&[folder.path()], Some(cache.path()));
    indexed(&bench, 2);
    for _ in 0..20 {
        bench.analysis.configure(indexing(&[folder.path()], None));
        bench.analysis.configure(indexing(&[folder.path()], Some(cache.path())));
        std::thread::yield_now();
    }
    indexed(&bench, 2);
    bench.analysis.configure(indexing(&[folder.path()], None));
    indexed(&bench, 2);
    // Switching back while the index in memory is incomplete does not lose items.
    bench.analysis.index(false);
    bench.analysis.configure(indexing(&[folder.path()], Some(cache.path())));
    bench.analysis.index(true);
    indexed(&bench, 2);
}

#[test]
fn search_finds_items_of_open_and_closed_files_by_meaning() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.rs", READ);
    write(folder.path(), "b.rs", AREA);
    let bench = bench(&[folder.path()], None);
    indexed(&bench, 2);
    let search = |text: &str| {
        let found = wait(
            bench
                .analysis
                .search(text.into(), Filter::default(), 1, true, no_cancel()),
        )
        .expect("an answer");
        let found = found.found;
        found.into_iter().map(|near| near.item.name).collect::<Vec<_>>()
    };
    // At once: all indexed items can be found, even before lenses are made.
    assert_eq!(
        search("the surface of a polygon given by its corners"),
        ["polygon_area"]
    );
    assert_eq!(search("read the configuration from a file"), ["read_settings"]);
}

#[test]
fn changed_files_are_read_again_and_another_process_finds_the_index() {
    let (folder, cache) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    write(folder.path(), "a.rs", READ);
    {
        let bench = bench(&[folder.path()], Some(cache.path()));
        indexed(&bench, 1);
        write(folder.path(), "b.rs", AREA);
        bench.analysis.workspace_changed(Duration::ZERO);
        indexed(&bench, 2);
        std::fs::remove_file(folder.path().join("a.rs")).expect("there");
        bench.analysis.index(true);
        indexed(&bench, 1);
    }
    let again = bench(&[folder.path()], Some(cache.path()));
    indexed(&again, 1);
}

#[test]
fn a_stopped_index_waits_for_a_request_and_a_file_system_root_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.rs", READ);
    let first = bench(&[folder.path()], None);
    first.analysis.index(false);
    first.ready();
    let (id, _) = first.open("untitled:1", LOAD);
    first.completed(1);
    assert!(near(&first, &id).is_empty());
    first.analysis.index(true);
    indexed(&first, 1);
    let whole = bench(&[Path::new("/")], None);
    until(|| whole.analysis.status().index.stage == IndexStage::Ready);
    let refused = whole.analysis.status().index.refused;
    assert!(
        refused.len() == 1 && refused[0].contains("whole file system"),
        "{refused:?}"
    );
}

#[test]
fn an_index_that_cannot_be_written_stays_in_memory_and_is_reported_once() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.rs", READ);
    let blocked = folder.path().join("blocked");
    std::fs::write(&blocked, "a file where a folder should be").expect("written");
    let bench = bench(&[folder.path()], Some(&blocked));
    indexed(&bench, 1);
    bench.analysis.index(true);
    indexed(&bench, 1);
    let reported = bench
        .events
        .try_iter()
        .filter(|event| matches!(event, Event::IndexProblem(_)));
    assert_eq!(reported.count(), 1);
}

#[test]
fn added_folders_are_indexed_and_removed_ones_are_dropped() {
    let (one, two) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    write(one.path(), "a.rs", READ);
    write(two.path(), "b.rs", AREA);
    let bench = bench(&[one.path()], None);
    indexed(&bench, 1);
    bench.analysis.configure(indexing(&[one.path(), two.path()], None));
    indexed(&bench, 2);
    bench.analysis.configure(indexing(&[two.path()], None));
    indexed(&bench, 1);
    bench.analysis.configure(indexing(&[], None));
    until(|| bench.analysis.status().index.stage == IndexStage::Off);
    assert_eq!(bench.analysis.status().index.items, 0);
}

#[test]
fn a_scan_of_unchanged_folders_keeps_the_cached_neighbors() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "a.rs", READ);
    // The indexer does not trust the time stamp of a file that was just written.
    let file = std::fs::File::options().write(true).open(folder.path().join("a.rs"));
    let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    file.and_then(|file| file.set_modified(hour_ago)).expect("a time");
    let bench = bench(&[folder.path()], None);
    indexed(&bench, 1);
    let known = bench.analysis.workspace();
    while bench.events.try_recv().is_ok() {}
    bench.analysis.index(true);
    bench.event(|event| matches!(event, Event::Index(IndexStage::Ready)).then_some(()));
    assert!(Arc::ptr_eq(&known, &bench.analysis.workspace()));
}

#[test]
fn files_without_embeddings_are_found_by_words_and_no_file_twice() {
    use super::super::workspace::Workspace;
    use crate::model::{Checkpoint, UNSTOPPED};
    use crate::similar::index::{Index, Limits, Query};
    let root = tempfile::tempdir().expect("written");
    for number in 0..60 {
        let name = if number == 7 { "load_settings" } else { "unrelated" };
        write(
            root.path(),
            &format!("src/file_{number:02}.rs"),
            &LOAD.replace("load_settings", name),
        );
    }
    write(root.path(), "area.rs", AREA);
    // The indexer reads a new file again, because its time stamp may hide the next change.
    for number in 0..60 {
        let file = root.path().join(format!("src/file_{number:02}.rs"));
        let file = std::fs::File::options().write(true).open(file).expect("written");
        file.set_modified(std::time::UNIX_EPOCH).expect("written");
    }
    let model = Model::load(&Source::EMBEDDED).expect("embedded");
    let index = || Index::in_memory().expect("memory");
    let limits = Limits::default();
    let sketch = |index: &mut Index, checkpoint: Checkpoint| {
        let mut made = None;
        let sketched = |sketch| made = Some(sketch);
        _ = index.renew_and_sketch(&model, root.path(), &limits, checkpoint, sketched, |_| {});
        made
    };
    let asked = |typed: &str| Query::parse(typed, &mut Filter::default());
    let found = |workspace: &Workspace, typed: &str| -> Vec<String> {
        let found = workspace.search(&asked(typed), &Filter::default(), 100);
        let items = found.into_iter().filter(|found| found.item.name == typed);
        items.map(|found| found.path.display().to_string()).collect()
    };
    let whole = Arc::new(sketch(&mut index(), UNSTOPPED).expect("enough files"));
    let nothing = Workspace::new(Vec::new()).with_sketches(vec![Arc::clone(&whole)]);
    assert!(nothing.is_empty() && !nothing.is_unread());
    assert_eq!(found(&nothing, "load_settings"), ["src/file_07.rs"]);
    assert_eq!(found(&nothing, "polygon_area"), ["area.rs"]);

    let mut half = index();
    let without_src = Limits {
        exclude: vec!["**/src/**".to_owned()],
        ..Limits::default()
    };
    half.renew(&model, root.path(), &without_src, UNSTOPPED, |_| {})
        .expect("indexed");
    let vector_index = Arc::new(half.vector_index(&model, root.path()).expect("readable"));
    let both = Workspace::new(vec![vector_index]).with_sketches(vec![whole]);
    assert_eq!(found(&both, "polygon_area"), ["area.rs"], "once");
    assert_eq!(found(&both, "load_settings"), ["src/file_07.rs"]);

    half.renew(&model, root.path(), &limits, UNSTOPPED, |_| {})
        .expect("indexed");
    assert!(sketch(&mut half, UNSTOPPED).is_none(), "all are embedded");
    assert!(sketch(&mut index(), &|| true).is_none());
}

#[test]
fn files_in_languages_without_a_grammar_can_be_searched() {
    let folder = tempfile::tempdir().expect("a folder");
    let kotlin = "class Orders(val rows: List<Row>) {\n    /** The orders that nobody has paid for, the oldest first. */\n    fun unpaid(): List<Row> = rows.filter { it.paid == null }.sortedBy { it.date }\n}\n";
    let swift = "struct Shape {\n    /// The surface of a polygon given by its corners.\n    func area(of corners: [Point]) -> Double {\n        zip(corners, corners.dropFirst()).map(cross).reduce(0, +) / 2\n    }\n}\n";
    let vue = "<template>\n  <form @submit=\"signIn\"><input v-model=\"password\" /></form>\n</template>\n<script setup>\nasync function signIn() {\n  await session.open(name.value, password.value)\n}\n</script>\n";
    for (name, text) in [("Orders.kt", kotlin), ("Shape.swift", swift), ("Login.vue", vue)] {
        write(folder.path(), name, text);
    }
    let bench = bench(&[folder.path()], None);
    // No file has an item that can be compared.
    indexed(&bench, 0);
    let first = |text: &str| {
        let asked = bench
            .analysis
            .search(text.into(), Filter::default(), 1, true, no_cancel());
        let found = wait(asked).expect("an answer").found;
        found.first().map(|near| near.item.name.clone())
    };
    for (text, name) in [
        ("bills that are still open", "Orders.kt"),
        ("surface of a polygon", "Shape.swift"),
        ("login with a password", "Login.vue"),
    ] {
        until(|| first(text).is_some());
        assert_eq!(first(text).as_deref(), Some(name), "{text}");
    }
}

#[test]
fn another_view_of_a_file_is_neither_its_neighbor_nor_a_second_result() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("there");
    write(&root, "src/config.rs", READ);
    write(&root, "src/load.rs", LOAD);
    let bench = bench(&[&root], None);
    indexed(&bench, 2);
    let shown = |name: &str, view| {
        Some(ShownFile {
            path: root.join(name),
            view,
        })
    };
    let older = READ.replace("parsed", "settings");
    let documents = [
        (id("file:///config.rs"), READ, shown("src/config.rs", View::File)),
        (
            id("file:///spelled%2Ders"),
            READ,
            shown("src/../src/config.rs", View::File),
        ),
        (id("git:/config.rs?HEAD"), &older, shown("src/config.rs", View::Version)),
        // A version of a file that is not open.
        (id("git:/load.rs?HEAD"), LOAD, shown("src/load.rs", View::Version)),
    ];
    for (id, text, file) in &documents {
        bench.analysis.open(id, rust(text, 1), file.clone());
    }
    for _ in &documents {
        bench.completed(1);
    }
    let config = Home::Document {
        id: documents[0].0.clone(),
        version: 1,
    };
    let load = Home::File(root.join("src/load.rs"));
    let expected = |home: &Home, name: &str| vec![(name.to_owned(), home.clone())];
    for (id, text, _) in &documents {
        let other = if *text == LOAD {
            expected(&config, "read_settings")
        } else {
            expected(&load, "load_settings")
        };
        until(|| near(&bench, id) == other);
    }
    let query = "read the configuration from a file".to_owned();
    let functions = Filter {
        kinds: vec![ItemKind::Function],
        ..Filter::default()
    };
    let found = wait(bench.analysis.search(query, functions, 9, false, no_cancel()))
        .expect("an answer")
        .found;
    let mut homes: Vec<Home> = found.into_iter().map(|near| near.home).collect();
    homes.sort_by_key(|home| format!("{home:?}"));
    assert_eq!(homes, [config, load]);
}

#[test]
fn cells_of_an_open_notebook_are_no_neighbors_of_its_file_and_stay_searchable() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("there");
    let python = |name: &str, path: &str| {
        format!(
            "def {name}({path}):\n    text = open({path}).read()\n    settings = toml.loads(text)\n    validate(settings)\n    return settings\n"
        )
    };
    let cell = |text: &str| serde_json::json!({"cell_type": "code", "source": text, "metadata": {}, "outputs": []});
    let notebook = serde_json::json!({
        "cells": [cell(&python("load_settings", "path")), cell(&python("read_options", "file"))],
        "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5,
    });
    write(&root, "study.ipynb", &notebook.to_string());
    let bench = bench(&[&root], None);
    indexed(&bench, 2);
    let open = id("vscode-notebook-cell:/study.ipynb#1");
    let text = python("load_settings", "path");
    let shown = ShownFile {
        path: root.join("study.ipynb"),
        view: View::Cell,
    };
    bench
        .analysis
        .open(&open, Snapshot::new(&text, 1, Language::Python), Some(shown));
    bench.completed(1);
    let query = "read the settings from a file".to_owned();
    let functions = || Filter {
        kinds: vec![ItemKind::Function],
        ..Filter::default()
    };
    let homes = || {
        let found = wait(bench.analysis.search(query.clone(), functions(), 9, false, no_cancel()))
            .expect("an answer")
            .found;
        let mut homes: Vec<(String, bool)> = found
            .into_iter()
            .map(|near| (near.item.name, matches!(near.home, Home::File(_))))
            .collect();
        homes.sort();
        homes
    };
    until(|| homes() == [("load_settings".to_owned(), false), ("read_options".to_owned(), true)]);
    assert_eq!(near(&bench, &open), []);
}

#[cfg(feature = "multilingual")]
#[test]
fn a_chinese_query_finds_english_code_once_the_multilingual_model_has_read_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("there");
    write(&root, "src/config.rs", READ);
    write(
        &root,
        "src/color.rs",
        "/// Mixes two colors by the square of their channels.\npub fn mix(a: Color, b: Color) -> Color {\n    \
         let channel = |x: f32, y: f32| ((x * x + y * y) / 2.0).sqrt();\n    Color::new(channel(a.r, b.r), channel(a.g, b.g))\n}\n",
    );
    let bench = bench(&[&root], None);
    indexed(&bench, 2);
    let asked = |query: &str| {
        let functions = Filter {
            kinds: vec![ItemKind::Function],
            ..Filter::default()
        };
        let asked = bench.analysis.search(query.into(), functions, 9, false, no_cancel());
        wait(asked).expect("an answer")
    };
    let first = asked("从文件读取设置");
    let note = first.note.expect("the folder is not read yet");
    assert!(
        note.contains("multilingual-e5-small") && note.contains("search again"),
        "{note}"
    );
    until(|| asked("从文件读取设置").note.is_none());
    let found = |query: &str| asked(query).found.into_iter().map(|near| near.item.name).next();
    assert_eq!(found("从文件读取设置").as_deref(), Some("read_settings"));
    assert_eq!(found("混合两种颜色").as_deref(), Some("mix"));
    // Items of an open file come from its text in the editor.
    let moved = format!("// moved down\n\n{READ}");
    let open = id("file:///config.rs");
    let file = Some(ShownFile::itself(root.join("src/config.rs")));
    bench.analysis.open(&open, rust(&moved, 7), file);
    let home = Home::Document { id: open, version: 7 };
    until(|| {
        let near = asked("从文件读取设置").found.into_iter().next();
        near.is_some_and(|near| near.home == home && near.item.start.line >= 2)
    });
    // The chosen model still answers in English.
    assert_eq!(asked("read the configuration from a file").note, None);
}
