//! `fovea explain`: ranges, languages, methods, pages.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{fovea, json, stdout};

fn explain(text: &str, language: &str) -> Value {
    json(&fovea(
        &["explain", "-", "--language", language, "--format", "json"],
        text.as_bytes(),
    ))
}

/// Checks that units cover the whole text and that ranges of words agree by byte and by line and column.
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
fn explain_covers_the_whole_text_in_every_language_and_line_end() {
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
fn the_english_model_alone_covers_a_quarter_of_chinese_and_does_not_understand_it() {
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
fn an_empty_file_has_no_units() {
    assert_eq!(explain("", "rust")["units"], Value::Array(Vec::new()));
}

#[test]
fn a_reader_that_stops_reading_is_not_an_error() {
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
