//! The command line as a program sees it: the real binary, its JSON, its exit codes, its refusals.
#![allow(clippy::unwrap_used, reason = "a test says by failing what was not there")]

#[path = "cli/asking.rs"]
mod asking;
#[path = "cli/classes.rs"]
mod classes;
#[path = "cli/decoder.rs"]
mod decoder;
#[path = "cli/evaluate.rs"]
mod evaluate;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/view.rs"]
mod view;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A cache folder that is not there: nothing but the server makes one.
const NO_CACHE: &str = "target/no such folder";

/// A cache folder for commands that keep an index or vectors.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-cache");

fn fovea(arguments: &[&str], input: &[u8]) -> Output {
    run_in(NO_CACHE, arguments, input)
}

/// As [`fovea`], with a cache folder.
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
    // The program may refuse before it has read everything.
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

/// The one line that a refusal is.
fn refusal(output: &Output, code: i32) -> String {
    let line = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}");
    assert!(output.stdout.is_empty());
    assert!(!line.contains("panicked"), "{line}");
    line
}

fn explain(text: &str, language: &str) -> Value {
    json(&fovea(
        &["explain", "-", "--language", language, "--format", "json"],
        text.as_bytes(),
    ))
}

/// Whether every word's range covers what the word names, by byte and by line and column.
fn ranges_cover_what_they_name(text: &str, report: &Value) {
    // Lines end with LF, CRLF or a lone CR.
    let mut starts = vec![0];
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
            starts.push(at + 1);
        }
    }
    let offset = |place: &Value| {
        let byte = place["byte"].as_u64().unwrap() as usize;
        let line = starts[place["line"].as_u64().unwrap() as usize];
        assert_eq!(byte, line + place["column"].as_u64().unwrap() as usize);
        byte
    };
    let mut end = 0;
    let mut words = 0;
    for unit in report["units"].as_array().unwrap() {
        assert_eq!(offset(&unit["start"]), end, "units follow each other");
        end = offset(&unit["end"]);
        let mut last = offset(&unit["start"]);
        for word in unit["words"].as_array().unwrap() {
            let (from, to) = (offset(&word["start"]), offset(&word["end"]));
            assert!(
                last <= from && from < to && to <= end,
                "words stand in order inside their unit"
            );
            assert_eq!(&text[from..to], word["text"].as_str().unwrap());
            (last, words) = (to, words + 1);
        }
        assert!(unit["residual"].as_f64().unwrap() < 1e-4);
        let shares: f64 = unit["words"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word["score"].as_f64().unwrap())
            .sum();
        let rest = unit["bias_share"].as_f64().unwrap() + unit["special_share"].as_f64().unwrap();
        assert!((shares + rest - 1.0).abs() < 1e-4, "shares sum to 1");
    }
    assert_eq!(end, text.len(), "units cover the whole text");
    assert!(words > 0);
}

#[test]
fn explain_covers_what_it_names_in_every_language_and_line_end() {
    let samples = [
        (
            "rust",
            "/// Loads it.\npub fn load_config(path: &Path) -> Result<Config> {\n    toml::from_str(&fs::read_to_string(path)?)\n}\n",
        ),
        (
            "python",
            "@cache\ndef read_settings(path):\n    with open(path) as f:\n        return json.load(f)\n",
        ),
        (
            "typescript",
            "export class Store<T> {\n  private items: T[] = [];\n  add(item: T): void { this.items.push(item); }\n}\n",
        ),
        (
            "go",
            "package main\n\nfunc (s *Server) Serve(l net.Listener) error {\n\treturn s.srv.Serve(l)\n}\n",
        ),
        (
            "java",
            "class Main { static int add(int a, int b) { return a + b; } }\n",
        ),
        (
            "cpp",
            "template <class T> T Stack<T>::pop() { auto t = top_; --size_; return t; }\n",
        ),
        (
            "markdown",
            "# Title\n\nA *paragraph* with `code`.\n\n```rust\nfn main() {}\n```\n\n- one\n- two\n",
        ),
        (
            "plaintext",
            "我爱编程。编程让我快乐!\n\nSecond paragraph, naïve café.\n",
        ),
        ("plaintext", "👩‍🔬 emoji 🎉 and 🇫🇷 flags\n"),
        ("rust", "fn a() {}\r\nfn b() {}\rfn c() {}\n\r\n"),
    ];
    for (language, text) in samples {
        let report = explain(text, language);
        ranges_cover_what_they_name(text, &report);
    }
}

#[test]
fn explain_covers_this_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [
        "src/main.rs",
        "src/model/bert.rs",
        "assets/make.py",
        "README.md",
        "Cargo.toml",
    ] {
        let report = json(&fovea(&["explain", file, "--format", "json"], b""));
        ranges_cover_what_they_name(&std::fs::read_to_string(root.join(file)).unwrap(), &report);
        assert_eq!(report["file"], file);
        assert_eq!(report["method"], "decomposition");
    }
}

#[test]
fn chinese_is_told_to_be_a_quarter_covered_and_not_understood_by_the_english_model_alone() {
    let alone = ["--model", "assets/all-MiniLM-L6-v2"];
    let explained = |format: &str| {
        let arguments = [
            &["explain", "-", "--language", "plaintext", "--format", format],
            &alone[..],
        ]
        .concat();
        fovea(&arguments, "我爱编程".as_bytes())
    };
    assert_eq!(json(&explained("json"))["units"][0]["coverage"], 0.25);
    let shown = stdout(&explained("terminal"));
    assert!(shown.contains("not understood") && shown.contains("25 %"), "{shown}");
    assert!(!shown.contains("top words"), "{shown}");
}

#[test]
fn explain_shows_heat_top_words_and_figures_in_the_terminal() {
    let shown = stdout(&fovea(&["explain", "src/main.rs", "--color", "never"], b""));
    for part in ["fn main()", "top words", "ExitCode", " ms", "residual"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let colors = |choice: &str| stdout(&fovea(&["explain", "src/main.rs", "--color", choice], b""));
    assert!(colors("true").contains("\x1b[48;2;") && colors("indexed").contains("\x1b[48;5;"));
    assert!(!shown.contains('\x1b'));
}

#[test]
fn explain_writes_a_page_that_needs_nothing_else() {
    let page = stdout(&fovea(
        &["explain", "-", "--language", "rust", "--format", "html"],
        b"fn main() { let a = \"<script>\"; }",
    ));
    assert!(
        page.starts_with("<!doctype html>") && page.contains("<mark style=\"--level:"),
        "{page}"
    );
    assert!(
        !page.contains("<script") && !page.contains("http:") && !page.contains("https:"),
        "{page}"
    );
    assert!(page.contains("&lt;") && page.contains("default-src 'none'"), "{page}");
}

#[test]
fn explain_lists_similar_items_of_the_file() {
    let text = "\
def load_config(path):
    \"\"\"Read the configuration file and return it as a dictionary.\"\"\"
    with open(path, encoding='utf-8') as file:
        return json.load(file)

def read_settings(filename):
    \"\"\"Read the settings file and return them as a dictionary.\"\"\"
    with open(filename, encoding='utf-8') as handle:
        return json.load(handle)
";
    let shown = stdout(&fovea(&["explain", "-", "--language", "python"], text.as_bytes()));
    assert!(
        shown.contains("load_config (line 1) and read_settings (line 6)"),
        "{shown}"
    );
}

#[test]
fn every_method_explains() {
    for method in fovea::explain::Method::ALL.map(fovea::explain::Method::name) {
        let report = json(&fovea(
            &["explain", "src/main.rs", "--method", method, "--format", "json"],
            b"",
        ));
        assert_eq!(report["method"], method);
    }
    let head = |head: &str| {
        let arguments = [
            "--method",
            "attention",
            "--layer",
            "2",
            "--head",
            head,
            "--format",
            "json",
        ];
        json(&fovea(&[&["explain", "src/main.rs"][..], &arguments].concat(), b""))["units"][0]["words"][0]["score"]
            .clone()
    };
    assert_ne!(head("3"), head("4"));
}

#[test]
fn an_empty_file_is_explained_by_no_unit() {
    assert_eq!(explain("", "rust")["units"], Value::Array(Vec::new()));
}

#[test]
fn bad_input_is_refused_in_one_line_that_says_what_and_where() {
    let line = refusal(&fovea(&["explain", "no/such/file.rs"], b""), 1);
    assert!(
        line.starts_with("fovea: no/such/file.rs:") && line.lines().count() == 1,
        "{line}"
    );
    let line = refusal(&fovea(&["explain", "-"], b"ok\nbroken \xff here"), 1);
    assert!(
        line.contains("byte 10") && line.contains("UTF-8") && line.lines().count() == 1,
        "{line}"
    );
    let line = refusal(&fovea(&["explain", "-"], b"a\0b"), 1);
    assert!(line.contains("NUL") && line.lines().count() == 1, "{line}");
    let line = refusal(&fovea(&["explain", "-"], "word ".repeat(10_000_000).as_bytes()), 1);
    assert!(
        line.contains("more than 4000000 bytes") && line.lines().count() == 1,
        "{line}"
    );
    let line = refusal(&fovea(&["explain", "-"], "x=1;".repeat(500_000).as_bytes()), 1);
    assert!(
        line.to_lowercase().contains("line") && line.lines().count() == 1,
        "{line}"
    );
    let line = refusal(&fovea(&["explain", "src/main.rs", "--model", "no/such/model"], b""), 1);
    assert!(line.contains("no/such/model: no such folder"), "{line}");
}

#[test]
fn wrong_usage_is_exit_code_two() {
    for arguments in [
        &["explain"][..],
        &["explain", "src/main.rs", "--method", "guess"],
        &["explain", "src/main.rs", "--language", "klingon"],
        &["explain", "src/main.rs", "--layer", "1"],
        &["explain", "src/main.rs", "--method", "attention", "--head", "12"],
        &["compare", "--text", "one"],
        &["compare", "src/main.rs:99999", "--text", "one"],
        &["bench", "--shapes", "huge"],
        &["bench", "--threads", "0"],
        &["bench", "--edit", "--lines", "5"],
        &["bench", "--edit", "--edits", "0"],
        &["bench", "--lines", "100"],
        &["frobnicate"],
    ] {
        let line = refusal(&fovea(arguments, b""), 2);
        assert!(!line.is_empty());
    }
}

#[test]
fn compare_writes_pairs_that_sum_to_the_cosine() {
    let report = json(&fovea(
        &[
            "compare",
            "--text",
            "load the config",
            "--text",
            "read settings",
            "--format",
            "json",
        ],
        b"",
    ));
    let rows = report["pairs"].as_array().unwrap();
    assert_eq!(rows.len(), report["a"]["words"].as_array().unwrap().len() + 2);
    let sum: f64 = rows
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|v| v.as_f64().unwrap())
        .sum();
    assert!((sum - report["cosine"].as_f64().unwrap()).abs() < 1e-4);
    assert!(report["residual"].as_f64().unwrap() < 1e-4);
    for link in report["alignment"].as_array().unwrap() {
        assert!(link["a"].is_u64() && link["b"].is_u64() && link["cosine"].is_f64());
    }
    let word = &report["b"]["words"][1];
    assert_eq!(
        (word["text"].as_str(), word["start"]["column"].as_u64()),
        (Some("settings"), Some(5))
    );
}

#[test]
fn compare_takes_the_item_around_a_line() {
    let main = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs")).unwrap();
    let line = 1 + main.lines().position(|line| line.starts_with("fn main")).unwrap();
    let report = json(&fovea(
        &[
            "compare",
            &format!("src/main.rs:{line}"),
            "--text",
            "starts the program",
            "--format",
            "json",
        ],
        b"",
    ));
    let words = report["a"]["words"].as_array().unwrap();
    assert_eq!(words[0]["text"], "fn");
    assert_eq!(words[1]["text"], "main");
}

#[test]
fn embed_writes_one_unit_vector_per_line_in_order() {
    let texts = ["hello world", "goodbye", "hello world"];
    let input: String = texts
        .iter()
        .map(|text| serde_json::to_string(text).unwrap() + "\n")
        .collect();
    let output = stdout(&fovea(&["embed", "--plain"], input.as_bytes()));
    let vectors: Vec<Vec<f64>> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(vectors.len(), 3);
    assert_eq!(vectors[0], vectors[2]);
    assert_ne!(vectors[0], vectors[1]);
    for vector in &vectors {
        assert_eq!(vector.len(), 384);
        assert!((vector.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-5);
    }
    let line = refusal(&fovea(&["embed"], b"\"fine\"\nnot json\n"), 1);
    assert!(line.contains("line 2: not a JSON string"), "{line}");
}

#[test]
fn embed_reads_identifiers_as_words_unless_plain() {
    let embed = |arguments: &[&str], text: &str| -> Vec<f64> {
        let input = serde_json::to_string(text).unwrap();
        serde_json::from_str(stdout(&fovea(arguments, input.as_bytes())).trim()).unwrap()
    };
    let code = ["embed", "--language", "rust"];
    assert_eq!(embed(&code, "parseHTTPConfig"), embed(&code, "parse http config"));
    let plain = ["embed", "--plain", "--language", "rust"];
    assert_ne!(embed(&plain, "parseHTTPConfig"), embed(&plain, "parse http config"));
}

#[test]
fn bench_plays_an_editor_to_a_server_of_its_own() {
    let report = json(&fovea(
        &["bench", "--edit", "--lines", "100", "--edits", "1", "--json"],
        b"",
    ));
    assert_eq!(report["debounce_ms"], 250.0);
    assert!(!report["model"].as_str().unwrap().is_empty());
    let row = &report["edit"][0];
    assert_eq!((row["lines"].as_u64(), row["edits"].as_u64()), (Some(100), Some(1)));
    assert!(row["units"].as_u64().unwrap() > 5 && row["ratio"] == 1.0);
    for key in [
        "p50_ms",
        "p99_ms",
        "hover_p99_ms",
        "highlight_p99_ms",
        "lens_p99_ms",
        "first_heat_ms",
    ] {
        assert!(row[key].as_f64().unwrap() > 0.0, "{key}: {row}");
    }
}

#[test]
fn bench_writes_medians_per_shape() {
    let report = json(&fovea(
        &["bench", "--shapes", "1x8,2x16", "--threads", "1", "--json"],
        b"",
    ));
    assert_eq!(report["threads"], 1);
    let rows = report["results"].as_array().unwrap();
    assert_eq!(
        (rows[1]["batch"].as_u64(), rows[1]["length"].as_u64()),
        (Some(2), Some(16))
    );
    for row in rows {
        for figure in ["forward_ms", "attention_ms", "explain_ms"] {
            assert!(row[figure].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn doctor_and_verify_find_the_embedded_model_sound() {
    let doctor = stdout(&fovea(&["doctor"], b""));
    assert!(
        doctor.contains("all is well") && doctor.contains("results: none kept yet"),
        "{doctor}"
    );
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join(NO_CACHE).exists());
    assert!(stdout(&fovea(&["model", "verify"], b"")).contains("as recorded"));
    let info = json(&fovea(&["model", "info", "--format", "json"], b""));
    assert_eq!(
        (info["layers"].as_u64(), info["heads"].as_u64(), info["hidden"].as_u64()),
        (Some(6), Some(12), Some(384))
    );
}

#[test]
fn doctor_names_a_broken_model_and_exits_with_one() {
    let output = fovea(&["doctor", "--model", "src"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("config.json is missing"));
}

/// A copy of the tiny model with a change of its bytes.
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

#[test]
fn weights_that_are_no_numbers_end_every_command_with_an_error_and_no_report() {
    let folder = tiny_model("model.safetensors", |bytes| {
        let last = bytes.len() - 4;
        bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let model = folder.path().to_str().unwrap();
    for (command, input) in [
        (vec!["explain", "src/main.rs"], ""),
        (vec!["embed"], "\"hello\"\n"),
        (vec!["compare", "src/main.rs", "src/lib.rs"], ""),
    ] {
        let line = refusal(&fovea(&[command, vec!["--model", model]].concat(), input.as_bytes()), 1);
        assert!(line.contains("NaN or infinite") && line.contains("tensor `"), "{line}");
    }
    let output = fovea(&["doctor", "--model", model], b"");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.code() == Some(1) && !said.contains("all is well"),
        "{said}"
    );
}

#[test]
fn a_tokenizer_that_panics_is_an_error_in_one_line() {
    let folder = tiny_model("tokenizer.json", |bytes| {
        let mut json: Value = serde_json::from_slice(bytes).unwrap();
        json["pre_tokenizer"] = serde_json::json!({"type": "FixedLength", "length": 0});
        *bytes = serde_json::to_vec(&json).unwrap();
    });
    let line = refusal(
        &fovea(
            &["explain", "src/main.rs", "--model", folder.path().to_str().unwrap()],
            b"",
        ),
        1,
    );
    assert!(
        line.contains("tokenizer.json") && line.trim_end().lines().count() == 1,
        "{line}"
    );
}

#[test]
fn doctor_names_damaged_results_and_leaves_them_to_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.sqlite");
    std::fs::write(&file, "no database").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .arg("doctor")
        .env("FOVEA_CACHE_DIR", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = String::from_utf8(output.stdout).unwrap();
    let line = lines.lines().find(|line| line.starts_with("! results: ")).unwrap();
    assert!(line.contains("is damaged") && line.contains("results.sqlite"), "{line}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "no database");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(["explain", "src/model/bert.rs", "--format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
}

/// `fovea` with a cache folder of its own.
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
fn index_reports_languages_files_without_items_and_what_is_left_out() {
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
    // The files have not changed: nothing is read, and the report is the same.
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
fn search_takes_filters_and_refuses_what_is_none() {
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
    assert!(refusal(&search(&["--kind", "module"]), 2).contains("section"));
}

/// A folder with one function in two languages, and a test of it twice.
fn folder_of_clones() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
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

#[test]
fn similar_reports_the_groups_of_a_folder_across_languages() {
    let (folder, cache) = (folder_of_clones(), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let similar = |more: &[&str]| {
        let arguments = [&["similar", root], more].concat();
        with_cache(cache.path(), &arguments).output().unwrap()
    };
    let groups = json(&similar(&["--format", "json"]));
    assert_eq!(groups.as_array().unwrap().len(), 1, "{groups}");
    let group = &groups[0];
    assert_eq!(group["languages"], serde_json::json!(["javascript", "python"]));
    let members = group["members"].as_array().unwrap();
    let paths: Vec<&str> = members.iter().map(|member| member["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["config.py", "old stuff/config.py", "web/config.js"]);
    assert_eq!(
        (&members[0]["name"], &members[0]["start"]["line"]),
        (&"load_config".into(), &0.into())
    );
    let score = |value: &Value| value["score"].as_f64().unwrap();
    assert!(members.iter().all(|member| score(member) >= score(group)));
    // Tests are looked through when they are asked for.
    let tests = json(&similar(&["--format", "json", "--tests", "only"]));
    assert_eq!(tests[0]["members"][1]["path"], "tests/test_b.py");
    let python = json(&similar(&["--format", "json", "--language", "python"]));
    assert_eq!(python[0]["members"].as_array().unwrap().len(), 2);
    let markdown = stdout(&similar(&["--format", "markdown"]));
    assert!(markdown.contains("\n## 1. `load_config` and 2 more\n"), "{markdown}");
    assert!(
        markdown.contains("\n- `loadConfig` `web/config.js:1-13` · javascript function · "),
        "{markdown}"
    );
    let terminal = stdout(&similar(&[]));
    assert!(
        terminal.starts_with("3 items, same task, javascript, python · ") && terminal.ends_with("\n1 group\n"),
        "{terminal}"
    );
    assert_eq!(stdout(&similar(&["--top", "0"])), "0 of 1 group\n");
    // What a CI job asks.
    assert_eq!(similar(&["--fail-on", "1"]).status.code(), Some(3));
    assert_eq!(similar(&["--fail-on", "2"]).status.code(), Some(0));
    assert_eq!(similar(&["--top", "0", "--fail-on", "1"]).status.code(), Some(3));
    for wrong in [&["--root", root][..], &["--path", "["], &["--format", "html"]] {
        refusal(&similar(wrong), 2);
    }
    let file = folder.path().join("config.py");
    for wrong in [
        &[][..],
        &["--root", root, "--format", "sarif"],
        &["--root", root, "--fail-on", "1"],
    ] {
        let arguments = [&["similar", file.to_str().unwrap()], wrong].concat();
        refusal(&with_cache(cache.path(), &arguments).output().unwrap(), 2);
    }
}

#[test]
fn a_report_in_sarif_recognizes_its_results_after_an_edit() {
    let (folder, cache) = (folder_of_clones(), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let report = || {
        let arguments = ["similar", root, "--format", "sarif"];
        json(&with_cache(cache.path(), &arguments).output().unwrap())
    };
    let first = report();
    let result = |log: &Value| log["runs"][0]["results"][0].clone();
    assert_eq!(first["version"], "2.1.0");
    assert_eq!(first["runs"][0]["results"].as_array().unwrap().len(), 1);
    let related = &result(&first)["relatedLocations"];
    let place = |id: usize| related[id]["physicalLocation"]["artifactLocation"]["uri"].clone();
    assert_eq!(
        (place(0), place(1)),
        ("old%20stuff/config.py".into(), "web/config.js".into())
    );
    assert_eq!(first, report(), "a second run says the same");
    let path = folder.path().join("config.py");
    let moved = format!(
        "# A remark.\n\nimport json\n\n{}",
        std::fs::read_to_string(&path).unwrap()
    );
    std::fs::write(&path, moved).unwrap();
    let second = report();
    assert_eq!(
        result(&first)["partialFingerprints"],
        result(&second)["partialFingerprints"]
    );
    let line = |log: &Value| result(log)["locations"][0]["physicalLocation"]["region"]["startLine"].clone();
    assert_eq!((line(&first), line(&second)), (1.into(), 5.into()));
}

#[test]
fn compare_tells_what_the_languages_have_in_common_by_an_index() {
    let (folder, cache) = (folder_of_code(30), tempfile::tempdir().unwrap());
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (a, b, root) = (place("config.py:1"), place("settings.js:1"), place(""));
    let compare = |format: &str| {
        let arguments = ["compare", &a, &b, "--root", &root, "--format", format];
        with_cache(cache.path(), &arguments).output().unwrap()
    };
    let report = json(&compare("json"));
    let number = |value: &Value| value.as_f64().unwrap();
    let centered = &report["centered"];
    let pairs = centered["pairs"].as_array().unwrap().iter();
    let sum: f64 = pairs.flat_map(|row| row.as_array().unwrap()).map(number).sum();
    assert!((sum - number(&centered["cosine"])).abs() < 1e-4);
    let common = number(&centered["common"]);
    let own = number(&centered["own_length"]) * number(&centered["cosine"]);
    assert!((common + own - number(&report["cosine"])).abs() < 1e-4);
    let known = |side: &str| (centered[side]["language"].clone(), centered[side]["known"].clone());
    assert_eq!(known("a"), ("python".into(), true.into()));
    // It is the score that `fovea similar` tells.
    let similar = [
        "similar",
        &a,
        "--root",
        &root,
        "--threshold",
        "0",
        "--language",
        "javascript",
        "--format",
        "json",
    ];
    let similar = json(&with_cache(cache.path(), &similar).output().unwrap());
    let score = number(&similar[0]["similar"][0]["score"]);
    assert!(
        (score - number(&centered["similarity"])).abs() < 2e-3,
        "{score} {centered}"
    );
    for (format, title) in [("terminal", "centered cosine"), ("markdown", "**centered cosine")] {
        let shown = stdout(&compare(format));
        assert!(
            shown.contains(title) && shown.contains("is common to the language (python, javascript)"),
            "{shown}"
        );
    }
}

#[test]
fn without_a_place_to_write_search_works_in_memory_and_says_so_once() {
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
    // No file may grow over 256 blocks of 512 bytes; the signal that would end the program is off, so that writing fails instead.
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
    // With room it goes on where it was.
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
fn a_folder_whose_name_is_no_utf8_is_searched_and_reported() {
    use std::os::unix::ffi::OsStrExt;
    let (parent, cache) = (folder_of_clones(), tempfile::tempdir().unwrap());
    let folder = parent.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    if std::fs::create_dir(&folder).is_err() {
        return; // A file system that has no such names.
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
fn killed_at_any_moment_the_index_is_intact_and_goes_on() {
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

#[test]
fn a_query_that_the_model_cannot_read_is_said_to_be_and_an_empty_one_refused() {
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
        "nothing ranks what has no words"
    );
    let output = search("numbers of a list");
    assert!(output.stderr.is_empty() && !json(&output).as_array().unwrap().is_empty());
    for query in ["", " ", "\u{200b}", "lang:rust", "\"\""] {
        let said = refusal(&search(query), 2);
        assert!(said.contains("no words to search for"), "{query:?}: {said}");
    }
}

#[cfg(feature = "multilingual")]
#[test]
fn each_unit_and_each_comparison_names_the_model_that_read_it() {
    let text = "# 说明\n\n这个函数从文件里读取配置。\n\n## Usage\n\nThe server reads its configuration from a file.\n";
    let answer = json(&fovea(
        &["explain", "-", "--language", "markdown", "--format", "json"],
        text.as_bytes(),
    ));
    let models: Vec<&str> = answer["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unit| unit["model"].as_str().unwrap())
        .collect();
    assert!(
        models.contains(&"multilingual-e5-small") && models.contains(&"all-MiniLM-L6-v2"),
        "{models:?}"
    );
    assert_eq!(answer["model"], "all-MiniLM-L6-v2");
    let terminal = stdout(&fovea(
        &["explain", "-", "--language", "markdown", "--color", "never"],
        text.as_bytes(),
    ));
    assert!(
        terminal
            .lines()
            .next()
            .unwrap()
            .contains("all-MiniLM-L6-v2 and multilingual-e5-small ("),
        "{terminal}"
    );
    let compared = |a: &str, b: &str| {
        json(&fovea(
            &["compare", "--text", a, "--text", b, "--format", "json", "--no-pairs"],
            b"",
        ))["model"]
            .clone()
    };
    assert_eq!(compared("我爱编程", "I love programming"), "multilingual-e5-small");
    assert_eq!(compared("I like to program", "I love programming"), "all-MiniLM-L6-v2");
}
