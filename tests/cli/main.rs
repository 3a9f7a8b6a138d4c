//! The command line as other programs see it: the real binary, its JSON, its exit codes and its errors.
#![allow(clippy::unwrap_used, reason = "a failing test names what is missing")]

mod asking;
mod bench;
mod classes;
mod compare;
mod decoder;
mod doctor;
mod embed;
mod evaluate;
mod explain;
mod hostile;
mod index;
mod methods;
mod refusals;
mod search;
mod similar;
mod view;
mod written;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A cache folder that does not exist. Only the server would create one.
const NO_CACHE: &str = "target/no such folder";

/// A cache folder for commands that keep an index or vectors.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-cache");

fn fovea(arguments: &[&str], input: &[u8]) -> Output {
    run_in(NO_CACHE, arguments, input)
}

/// Runs [`fovea`] with a cache folder.
fn fovea_cached(arguments: &[&str], input: &[u8]) -> Output {
    run_in(CACHE, arguments, input)
}

fn run_in(cache: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("FOVEA_MODEL")
        .env("FOVEA_CACHE_DIR", cache)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may refuse before it reads all input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// The line of a refusal; fails if there is more output.
fn refusal(output: &Output, code: i32) -> String {
    let line = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}");
    assert!(output.stdout.is_empty());
    assert!(!line.contains("panicked"), "{line}");
    line
}

/// A copy of the tiny model in which one file is changed.
fn tiny_model(file: &str, change: impl Fn(&mut Vec<u8>)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-multilingual");
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let mut bytes = std::fs::read(fixture.join(name)).unwrap();
        assert!(!bytes.is_empty());
        if name == file {
            change(&mut bytes);
        }
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// A `fovea` command with its own cache folder.
fn with_cache(cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fovea"));
    command
        .args(arguments)
        .env_remove("FOVEA_MODEL")
        .env("FOVEA_CACHE_DIR", cache);
    command
}

/// A folder of functions that count, sort and read, in two languages.
fn folder_of_code(files: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "config.py",
        "def load_config(path):\n    \"\"\"Read the settings from a file.\"\"\"\n    with open(path) as file:\n        return json.load(file)\n".into(),
    );
    write(
        "settings.js",
        "function readSettings(path) {\n  // Read the settings from a file.\n  return JSON.parse(fs.readFileSync(path));\n}\n".into(),
    );
    for i in 0..files {
        let body = format!("    values.sort()\n    return values[{i}:{}]\n", i * 3 + 1);
        write(
            &format!("part{i:03}.py"),
            format!("def part_{i}(values):\n    \"\"\"Sort, then take some.\"\"\"\n{body}"),
        );
    }
    folder
}

/// Writes a file below a folder, with the folders in its path.
fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A folder with one function in two languages, and a test of it twice.
fn folder_of_clones() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| write(folder.path(), path, text);
    let python = "def load_config(path):
    \"\"\"Read the settings from a file and check them.\"\"\"
    with open(path) as file:
        settings = json.load(file)
    for key in settings:
        if key not in KNOWN:
            raise ValueError('unknown setting ' + key)
    if settings['port'] < 1024:
        raise ValueError('the port is reserved')
    return settings
";
    write("config.py", python);
    write("old stuff/config.py", &python.replace("settings", "options"));
    write(
        "web/config.js",
        "function loadConfig(path) {
  // Read the settings from a file and check them.
  const settings = JSON.parse(fs.readFileSync(path));
  for (const key in settings) {
    if (!KNOWN.includes(key)) {
      throw new Error('unknown setting ' + key);
    }
  }
  if (settings.port < 1024) {
    throw new Error('the port is reserved');
  }
  return settings;
}
",
    );
    for name in ["tests/test_a.py", "tests/test_b.py"] {
        write(name, &python.replace("load_config", "test_load_config"));
    }
    folder
}
