//! `fovea index`, and an index that cannot be written.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{folder_of_clones, folder_of_code, json, refusal, stdout, with_cache};

#[test]
fn index_reports_languages_files_without_items_and_skipped_files() {
    let (folder, cache) = (folder_of_code(1), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("Dockerfile", "FROM debian:stable\nCOPY target/server /usr/bin/server\n");
    write("names.py", "SESSION_COOKIE_NAMES = ['session', 'csrf', 'remember']\n");
    write("yarn.lock", "lodash@1:\n");
    write("logo.svg", "<svg/>");
    let root = folder.path().to_str().unwrap();
    let index = |arguments: &[&str]| {
        with_cache(cache.path(), &[&["index", root], arguments].concat())
            .output()
            .unwrap()
    };
    let report = &json(&index(&["--report", "--format", "json"]))["report"];
    let python = &report["languages"][0];
    assert_eq!(
        (
            &python["language"],
            &python["files"],
            &python["items"],
            &python["without_items"]
        ),
        (&"python".into(), &3.into(), &2.into(), &serde_json::json!(["names.py"])),
        "{report}"
    );
    assert_eq!(report["left_out"][0]["reason"], "lock files");
    assert_eq!(report["left_out"][1]["paths"], serde_json::json!(["logo.svg"]));
    // No file has changed: the index reads nothing, and the report is the same.
    let text = stdout(&index(&["--report"]));
    for line in [
        "python                3        2",
        "Dockerfile            1        0         1",
        "1 python: names.py",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(
        text.contains("1 lock files\n  yarn.lock\n1 of a kind that is not read: 1 .svg\n  logo.svg\n"),
        "{text}"
    );
    assert!(!stdout(&index(&[])).contains("names.py"));
    assert_eq!(json(&index(&["--format", "json"]))["report"], Value::Null);
    let search = ["search", "container image", "--root", root, "--top", "1"];
    let hit = stdout(&with_cache(cache.path(), &search).output().unwrap());
    assert!(hit.contains("Dockerfile · Dockerfile:1-2 · other file"), "{hit}");
}

#[test]
fn without_a_writable_cache_search_works_in_memory_and_says_so_once() {
    let folder = folder_of_code(0);
    let taken = folder.path().join("config.py");
    let search = ["search", "settings", "--root", folder.path().to_str().unwrap()];
    let output = with_cache(&taken, &search).output().unwrap();
    assert!(stdout(&output).contains("load_config"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("indexing in memory").count(), 1, "{said}");
    let refused = with_cache(&taken, &["index", search[3]]).output().unwrap();
    assert!(refusal(&refused, 1).contains("index.sqlite"));
}

#[test]
fn a_newer_index_is_left_alone_and_the_answer_comes_from_memory() {
    let (folder, cache) = (folder_of_code(0), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    stdout(&with_cache(cache.path(), &["index", root]).output().unwrap());
    let file = cache.path().join("index.sqlite");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let before = std::fs::read(&file).unwrap();
    for arguments in [&["search", "settings", "--root", root][..], &["similar", root]] {
        let output = with_cache(cache.path(), arguments).output().unwrap();
        stdout(&output);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.lines().count() == 1 && said.contains("newer fovea") && said.contains("in memory"),
            "{said}"
        );
    }
    assert!(refusal(&with_cache(cache.path(), &["index", root]).output().unwrap(), 1).contains("newer fovea"));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn on_a_full_disk_search_goes_on_in_memory_and_says_so_once() {
    let (folder, cache) = (folder_of_code(120), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    // No file may exceed 256 blocks of 512 bytes. The signal is ignored, so that writing fails instead of ending the program.
    let limited = |arguments: &[&str]| {
        let mut command = Command::new("sh");
        let script = "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\"";
        command
            .args(["-c", script, env!("CARGO_BIN_EXE_fovea")])
            .args(arguments);
        command.env_remove("FOVEA_MODEL").env("FOVEA_CACHE_DIR", cache.path());
        command.output().unwrap()
    };
    let search = [
        "search",
        "read the settings",
        "--root",
        root,
        "--top",
        "200",
        "--format",
        "json",
    ];
    let output = limited(&search);
    assert_eq!(json(&output).as_array().unwrap().len(), 122);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("indexing in memory").count(), 1, "{said}");
    assert!(said.lines().count() == 1 && said.contains("index.sqlite"), "{said}");
    let line = refusal(&limited(&["index", root]), 1);
    assert!(line.contains("index.sqlite") && line.lines().count() == 1, "{line}");
    // With enough space, the index is completed.
    let index = ["index", root, "--format", "json"];
    let after = json(&with_cache(cache.path(), &index).output().unwrap());
    assert_eq!(after["files"].as_u64(), Some(122));
    let doctor = stdout(&with_cache(cache.path(), &["doctor"]).output().unwrap());
    assert!(doctor.contains("122 files, intact"), "{doctor}");
}

#[test]
fn two_indexers_at_once_leave_one_sound_index() {
    let (folder, cache) = (folder_of_code(60), tempfile::tempdir().unwrap());
    let index = ["index", folder.path().to_str().unwrap(), "--format", "json"];
    let start = || {
        with_cache(cache.path(), &index)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [start(), start()];
    for child in both {
        assert_eq!(json(&child.wait_with_output().unwrap())["files"].as_u64(), Some(62));
    }
    let again = json(&with_cache(cache.path(), &index).output().unwrap());
    assert_eq!(
        (again["files"].as_u64(), again["embedded"].as_u64()),
        (Some(62), Some(0))
    );
    let doctor = stdout(&with_cache(cache.path(), &["doctor"]).output().unwrap());
    assert!(doctor.contains("62 files, intact"), "{doctor}");
}

#[cfg(unix)]
#[test]
fn a_folder_with_a_name_that_is_not_utf8_is_searched_and_reported() {
    use std::os::unix::ffi::OsStrExt;
    let (parent, cache) = (folder_of_clones(), tempfile::tempdir().unwrap());
    let folder = parent.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    if std::fs::create_dir(&folder).is_err() {
        return; // The file system does not allow such names.
    }
    for name in ["config.py", "web/config.js"] {
        let name = Path::new(name);
        std::fs::rename(parent.path().join(name), folder.join(name.file_name().unwrap())).unwrap();
    }
    let run = |before: &[&str], folder: &Path, after: &[&str]| {
        let output = with_cache(cache.path(), before)
            .arg(folder)
            .args(after)
            .output()
            .unwrap();
        json(&output)
    };
    let found = run(&["search", "settings", "--format", "json", "--root"], &folder, &[]);
    assert_eq!(found.as_array().unwrap().len(), 2);
    let log = run(&["similar", "--format", "sarif"], parent.path(), &[]);
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(place, "caf%E9/config.js");
}

#[test]
fn an_index_killed_at_any_moment_is_intact_and_continues() {
    let (folder, cache) = (folder_of_code(150), tempfile::tempdir().unwrap());
    let index = ["index", folder.path().to_str().unwrap(), "--format", "json"];
    for round in 0..6 {
        let mut child = with_cache(cache.path(), &index).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(150 + 130 * round));
        let _ = child.kill();
        child.wait().unwrap();
        let doctor = with_cache(cache.path(), &["doctor"]).output().unwrap();
        assert!(stdout(&doctor).contains("all is well"));
    }
    let last = json(&with_cache(cache.path(), &index).output().unwrap());
    assert_eq!(last["files"].as_u64(), Some(152));
    let again = json(&with_cache(cache.path(), &index).output().unwrap());
    assert_eq!(
        (again["files"].as_u64(), again["embedded"].as_u64()),
        (Some(152), Some(0)),
        "{again}"
    );
    let search = [
        "search",
        "read the settings",
        "--root",
        index[1],
        "--top",
        "200",
        "--format",
        "json",
    ];
    let found = json(&with_cache(cache.path(), &search).output().unwrap());
    assert_eq!(found.as_array().unwrap().len(), 152);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_the_users_git_settings_does_not_block_an_index() {
    let (home, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let project = home.path().join("project");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(
        project.join("a.py"),
        "def area(width, height):\n    return width * height\n",
    )
    .unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(home.path().join(".gitconfig"))
        .status();
    assert!(pipe.unwrap().success());
    let index = ["index", project.to_str().unwrap(), "--format", "json"];
    let output = with_cache(cache.path(), &index)
        .env("HOME", home.path())
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    assert_eq!(json(&output)["files"], 1);
}

#[test]
fn home_is_not_indexed() {
    let home = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let output = with_cache(cache.path(), &["index", home.path().to_str().unwrap()])
        .env("HOME", home.path())
        .output()
        .unwrap();
    assert!(refusal(&output, 1).contains("home folder"));
}
