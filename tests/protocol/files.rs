//! Changes of files and folders on disk that editors report, and what searches find afterwards.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::Program;

/// A server with a repository as its open folder.
struct Bench {
    program: Program,
    root: PathBuf,
    _held: [TempDir; 2],
}

const SORT: &str = "def sort_numbers(numbers):\n    \"\"\"Sort numbers in place, the largest first.\"\"\"\n    numbers.sort(reverse=True)\n    return numbers\n";

impl Bench {
    fn new(files: &[(&str, &str)]) -> Bench {
        let held = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let root = held[0].path().canonicalize().unwrap().join("project");
        for (path, text) in files.iter().chain(&[(".git/HEAD", "ref: refs/heads/main\n")]) {
            write(&root, path, text);
        }
        let mut program = Program::start_in(held[1].path());
        let hello = json!({
            "capabilities": {"experimental": {"fovea": {"status": true}}, "workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}},
            "initializationOptions": {"index.onBattery": true},
            "rootUri": uri(&root),
        });
        let answer = program.request("initialize", hello);
        let operations = &answer["result"]["capabilities"]["workspace"]["fileOperations"];
        for operation in ["didCreate", "willRename", "didRename", "didDelete"] {
            let filter = &operations[operation]["filters"][0];
            assert_eq!(filter["pattern"]["glob"], "**/*", "{operation}: {operations}");
            // No `matches`: the filter covers files and folders.
            assert!(filter["pattern"]["matches"].is_null(), "{operation}: {operations}");
        }
        program.notify("initialized", json!({}));
        program.told("fovea/status", |status| status["index"]["state"] == "ready");
        Bench {
            program,
            root,
            _held: held,
        }
    }

    /// The files in which a search finds a function.
    fn found(&mut self) -> Vec<String> {
        let asked = json!({"query": "order values descending", "kinds": ["function"]});
        let asked = json!({"command": "fovea.search", "arguments": [asked]});
        let answer = self.program.request("workspace/executeCommand", asked);
        let found = answer["result"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .clone();
        let root = uri(&self.root) + "/";
        let mut paths: Vec<String> = found
            .iter()
            .map(|item| item["uri"].as_str().unwrap().trim_start_matches(&root).to_owned())
            .collect();
        paths.sort();
        paths
    }

    /// Waits until a search finds exactly these files.
    fn finds(&mut self, wanted: &[&str]) {
        let start = Instant::now();
        loop {
            let found = self.found();
            if found == wanted {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{found:?} instead of {wanted:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Reports what a watcher saw: 1 = created, 2 = changed, 3 = deleted.
    fn watched(&mut self, changes: &[(&str, u32)]) {
        let changes: Vec<Value> = changes
            .iter()
            .map(|(path, kind)| json!({"uri": uri(&self.root.join(path)), "type": kind}))
            .collect();
        self.program
            .notify("workspace/didChangeWatchedFiles", json!({"changes": changes}));
    }

    fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.root.join(from), self.root.join(to)).unwrap();
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

#[test]
fn a_folder_that_is_renamed_or_deleted_takes_its_files_along() {
    let mut bench = Bench::new(&[("src/deep/sort.py", SORT)]);
    bench.finds(&["src/deep/sort.py"]);
    // A watcher names only the folder.
    bench.rename("src", "lib");
    bench.watched(&[("src", 3), ("lib", 1)]);
    bench.finds(&["lib/deep/sort.py"]);
    std::fs::remove_dir_all(bench.root.join("lib")).unwrap();
    // A search shows no deleted file, even before the index knows of the deletion.
    assert_eq!(bench.found(), [""; 0]);
    bench.watched(&[("lib", 3)]);
    bench
        .program
        .told("fovea/status", |status| status["index"]["items"] == 0);
    bench.program.finish();
}

#[test]
fn the_index_follows_file_operations_in_the_editor() {
    let mut bench = Bench::new(&[("src/sort.py", SORT)]);
    bench.finds(&["src/sort.py"]);
    let (from, to) = (uri(&bench.root.join("src")), uri(&bench.root.join("lib")));
    let files = json!({"files": [{"oldUri": from, "newUri": to}]});
    let answer = bench.program.request("workspace/willRenameFiles", files.clone());
    assert!(answer["error"].is_null() && answer["result"].is_null(), "{answer}");
    bench.rename("src", "lib");
    bench.program.notify("workspace/didRenameFiles", files);
    bench.finds(&["lib/sort.py"]);
    write(&bench.root, "more/sort.py", SORT);
    let more = json!({"files": [{"uri": uri(&bench.root.join("more"))}]});
    bench.program.notify("workspace/didCreateFiles", more.clone());
    bench.finds(&["lib/sort.py", "more/sort.py"]);
    std::fs::remove_dir_all(bench.root.join("more")).unwrap();
    bench.program.notify("workspace/didDeleteFiles", more);
    bench
        .program
        .told("fovea/status", |status| status["index"]["items"] == 1);
    bench.finds(&["lib/sort.py"]);
    bench.program.finish();
}

#[test]
fn a_changed_ignore_file_or_another_branch_changes_the_indexed_files() {
    let mut bench = Bench::new(&[("a/sort.py", SORT), ("b/order.py", SORT)]);
    bench.finds(&["a/sort.py", "b/order.py"]);
    write(&bench.root, ".gitignore", "a/\n");
    bench.watched(&[(".gitignore", 1)]);
    bench.finds(&["b/order.py"]);
    write(&bench.root, ".git/info/exclude", "b/\n");
    bench.watched(&[(".git/info/exclude", 2)]);
    bench.finds(&[]);
    // The other branch has no ignore rules and one file. A slow watcher may report only git's head.
    for path in [".gitignore", ".git/info/exclude", "b/order.py"] {
        std::fs::remove_file(bench.root.join(path)).unwrap();
    }
    write(&bench.root, ".git/HEAD", "ref: refs/heads/other\n");
    bench.watched(&[(".git/HEAD", 2)]);
    bench.finds(&["a/sort.py"]);
    // Other changes in git's folder do not matter.
    bench.watched(&[
        (".git/index.lock", 1),
        (".git/index.lock", 3),
        (".git/objects/ab/cd", 1),
    ]);
    // A folder with its own repository, such as a submodule, is not part of this repository.
    write(&bench.root, "a/.git/HEAD", "ref: refs/heads/main\n");
    bench.watched(&[("a/.git", 1)]);
    bench.finds(&[]);
    bench.program.finish();
}
