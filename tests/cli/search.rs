//! `fovea search`.

use std::path::Path;

use super::{folder_of_code, json, refusal, stdout, with_cache};

#[test]
fn index_search_and_similar_use_the_current_folder_unless_told_otherwise() {
    let (folder, cache) = (folder_of_code(3), tempfile::tempdir().unwrap());
    let run = |arguments: &[&str]| {
        let mut command = with_cache(cache.path(), arguments);
        stdout(&command.current_dir(folder.path()).output().unwrap())
    };
    assert!(run(&["index"]).starts_with("5 files in the index"));
    assert!(run(&["search", "load_config"]).contains("load_config · config.py:1"));
    let similar = run(&["similar", "config.py:2", "--threshold", "0"]);
    assert!(similar.contains("readSettings · settings.js:1"), "{similar}");
}

#[test]
fn a_method_is_listed_with_its_type() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let class = "class Session:\n    def put(self, url):\n        return self.request('PUT', url)\n";
    std::fs::write(folder.path().join("session.py"), class).unwrap();
    let run = |arguments: &[&str]| {
        let mut search = with_cache(cache.path(), arguments);
        search.current_dir(folder.path()).output().unwrap()
    };
    let listed = stdout(&run(&["search", "put"]));
    assert!(listed.contains("put in Session · session.py:2"), "{listed}");
    let found = json(&run(&["search", "put", "--format", "json"]));
    assert_eq!(
        (&found[0]["name"], &found[0]["container"]),
        (&"put".into(), &"Session".into())
    );
}

/// Asserts that the first result of a search in a folder has a name.
fn finds_first((folder, cache): (&Path, &Path), query: &str, name: &str) {
    let mut search = with_cache(cache, &["search", query, "--format", "json"]);
    let found = json(&search.current_dir(folder).output().unwrap());
    assert_eq!(found[0]["name"], name, "{query}: {found}");
}

#[test]
fn names_with_the_marks_of_ruby_are_found_with_and_without_them() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let methods = "def validate(form)\n  form.valid?\nend\n\ndef valid?\n  @errors.empty?\nend\n\ndef reset!\n  @errors = []\nend\n";
    std::fs::write(folder.path().join("form.rb"), methods).unwrap();
    for (query, name) in [
        ("valid?", "valid?"),
        ("Form#valid?", "valid?"),
        ("valid", "valid?"),
        ("reset", "reset!"),
        ("reset!", "reset!"),
    ] {
        finds_first((folder.path(), cache.path()), query, name);
    }
}

#[test]
fn a_name_or_title_that_is_the_whole_query_is_first_wherever_it_stands() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |path: &str, text: &str| super::write(folder.path(), path, text);
    write(
        "picker.lua",
        "function Picker:find()\n  return self.finder\nend\n\nfunction Picker:close()\n  self.window = nil\nend\n",
    );
    write(
        "test/login.py",
        "def test_logout_clears_session():\n    assert logout(client).session is None\n",
    );
    write(
        "session.py",
        "def clear(session):\n    \"\"\"Clears the session at logout.\"\"\"\n    session.user = None\n",
    );
    write(
        "docs/use.md",
        "# Use\n\nText.\n\n## Git pickers\n\nThey list commits and branches.\n",
    );
    write(
        "git.lua",
        "function git_pickers_of(git)\n  return pickers.git(git)\nend\n",
    );
    for (query, name) in [
        ("Picker:find", "Picker:find"),
        ("test_logout_clears_session", "test_logout_clears_session"),
        ("git pickers", "Git pickers"),
    ] {
        finds_first((folder.path(), cache.path()), query, name);
    }
}

#[test]
fn what_a_lens_leaves_out_is_named_if_nothing_else_is_similar() {
    let (folder, cache) = (folder_of_code(12), tempfile::tempdir().unwrap());
    let similar = |more: &[&str]| {
        let mut command = with_cache(cache.path(), &[&["similar", "part000.py:1"], more].concat());
        stdout(&command.current_dir(folder.path()).output().unwrap())
    };
    let told = similar(&[]);
    assert!(
        told.contains("the best with 0.") && told.contains(".py:1; --threshold 0.6 shows them"),
        "{told}"
    );
    assert!(similar(&["--threshold", "0.6"]).contains("part_1 · part001.py:1"));
    assert_eq!(similar(&["--threshold", "1"]), "nothing resembles it\n");
}

#[test]
fn search_and_similar_find_what_the_index_has() {
    let (folder, cache) = (folder_of_code(3), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let index = json(
        &with_cache(cache.path(), &["index", root, "--format", "json"])
            .output()
            .unwrap(),
    );
    assert_eq!(
        (index["files"].as_u64(), index["read"].as_u64()),
        (Some(5), Some(5)),
        "{index}"
    );
    let search = &[
        "search",
        "read the settings",
        "--root",
        root,
        "--top",
        "2",
        "--format",
        "json",
    ];
    let found = json(&with_cache(cache.path(), search).output().unwrap());
    let names: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"load_config") && names.contains(&"readSettings"),
        "{found}"
    );
    assert_eq!(found[0]["start"]["line"], 0);
    let fields: Vec<&String> = found[0].as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["path", "name", "kind", "language", "start", "end", "score", "why"]
    );
    let place = folder.path().join("config.py:2");
    let similar = [
        "similar",
        place.to_str().unwrap(),
        "--root",
        root,
        "--threshold",
        "0",
        "--language",
        "javascript",
    ];
    let lines = stdout(&with_cache(cache.path(), &similar).output().unwrap());
    assert!(lines.starts_with("load_config · config.py:1\n  0."), "{lines}");
    assert!(
        lines.contains("readSettings · settings.js:1 · javascript function"),
        "{lines}"
    );
    let doctor = stdout(&with_cache(cache.path(), &["doctor"]).output().unwrap());
    assert!(
        doctor.contains("indexed files: ") && doctor.contains("5 files, intact"),
        "{doctor}"
    );
}

#[test]
fn search_takes_filters_and_refuses_invalid_ones() {
    let (folder, cache) = (folder_of_code(2), tempfile::tempdir().unwrap());
    std::fs::create_dir(folder.path().join("tests")).unwrap();
    let copy = |from: &str, to: &str| std::fs::copy(folder.path().join(from), folder.path().join(to)).unwrap();
    copy("config.py", "tests/test_config.py");
    std::fs::write(
        folder.path().join("guide.md"),
        "# Settings\n\nThe settings are read from a file in the home folder of the person, as TOML.\n",
    )
    .unwrap();
    let root = folder.path().to_str().unwrap();
    let search = |filter: &[&str]| {
        let arguments = [
            &[
                "search",
                "read the settings from a file",
                "--root",
                root,
                "--format",
                "json",
            ],
            filter,
        ]
        .concat();
        with_cache(cache.path(), &arguments).output().unwrap()
    };
    let found = |filter: &[&str]| -> Vec<String> {
        let hits = json(&search(filter));
        let paths = hits
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["path"].as_str().unwrap().to_owned());
        paths.collect()
    };
    assert_eq!(found(&["--tests", "only"]), ["tests/test_config.py"]);
    assert_eq!(found(&["--kind", "section"]), ["guide.md"]);
    assert_eq!(found(&["--kind", "heading", "--kind", "type"]), ["guide.md"]);
    let one = found(&["--tests", "none", "--path", "*.py", "--top", "1"]);
    assert_eq!(one, ["config.py"]);
    assert_eq!(
        found(&["--path", "tests/", "--path", "*.js", "--kind", "function"]).len(),
        2
    );
    assert!(refusal(&search(&["--path", "a["]), 2).contains("--path"));
    assert!(refusal(&search(&["--kind", "gadget"]), 2).contains("section"));
}

#[test]
fn a_query_that_the_model_cannot_read_gets_a_note_and_an_empty_one_is_refused() {
    let folder = folder_of_code(2);
    let cache = tempfile::tempdir().unwrap();
    let search = |query: &str| {
        let root = folder.path().to_str().unwrap();
        let model = "assets/all-MiniLM-L6-v2";
        with_cache(
            cache.path(),
            &["search", query, "--root", root, "--format", "json", "--model", model],
        )
        .output()
        .unwrap()
    };
    let long = "numbers of the list ".repeat(100);
    for (query, part) in [
        ("请读取配置文件的设置", "knows only"),
        ("🦀🎉", "no letter and no digit"),
        (long.as_str(), "tokens and the model reads 256"),
    ] {
        let output = search(query);
        json(&output);
        let note = String::from_utf8(output.stderr).unwrap();
        assert!(note.starts_with("fovea: ") && note.contains(part), "{query}: {note}");
    }
    assert_eq!(
        json(&search("🦀🎉")),
        serde_json::json!([]),
        "a query without words finds nothing"
    );
    let output = search("numbers of a list");
    assert!(output.stderr.is_empty() && !json(&output).as_array().unwrap().is_empty());
    let embedded = |query: &str| {
        let root = folder.path().to_str().unwrap();
        let output = with_cache(cache.path(), &["search", query, "--root", root])
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let note = embedded("appointments of a patient at a clinic");
    assert!(note.contains("nothing here is close to this query"), "{note}");
    assert!(!embedded("numbers of a list").contains("nothing here"));
    for query in ["", " ", "\u{200b}", "lang:rust", "\"\""] {
        let said = refusal(&search(query), 2);
        assert!(said.contains("no words to search for"), "{query:?}: {said}");
    }
}
