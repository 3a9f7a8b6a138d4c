//! Documents, paths, models and arguments that try to control the terminal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Control sequences that clear the screen, set the title, set colors and move the cursor, also as 8-bit codes.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;pwned\u{7}\u{1b}[31m\u{8}\u{9b}5m\u{90}q\u{9c}\u{7f}\u{202e}";

/// Control sequences for the name of a file.
const NAME: &str = "x\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}5m\r\u{202e}";

struct Folder {
    _kept: tempfile::TempDir,
    /// A folder with only hostile names and texts.
    root: PathBuf,
    cache: PathBuf,
}

fn folder() -> Folder {
    let kept = tempfile::tempdir().unwrap();
    let root = kept.path().join(NAME);
    std::fs::create_dir(&root).unwrap();
    let write = |name: &str, text: String| std::fs::write(root.join(name), text).unwrap();
    let body = "    let total = amounts.reduce((sum, one) => sum + one.value * one.count, 0);\n    const taxed = total * rate + \
                total;\n    report(taxed, total, rate);\n    archive(amounts, taxed);\n    ledger.push({ total, taxed, rate });\n    \
                ledger.sort((a, b) => a.total - b.total);\n    notify(ledger.length, taxed);\n    return taxed;\n";
    for number in 0..2 {
        write(
            &format!("{NAME}{number}.js"),
            format!(
                "const shop{number} = {{\n  \"settle{EVIL}{number}\"(amounts, rate) {{ // {EVIL}\n{body}  }},\n}};\n"
            ),
        );
        let words = "The account is settled when the amount was paid and the ledger shows it. ".repeat(8);
        write(
            &format!("{NAME}{number}.md"),
            format!("# Settle {EVIL} accounts {number}\n\n{words}{EVIL}\n\n编程我爱{EVIL}编程我爱编程\n"),
        );
    }
    write(&format!("{NAME}.weird{EVIL}").replace('/', "_"), String::new());
    // A skipped secret with a hostile name, which a report names.
    write(&format!("{NAME}.pem"), String::new());
    Folder {
        cache: kept.path().join(format!("cache{NAME}")),
        _kept: kept,
        root,
    }
}

/// A model in a folder with a hostile name; `config` changes its configuration.
fn model(folder: &Folder, name: &str, config: impl FnOnce(String) -> String) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny-multilingual");
    let to = folder.root.parent().unwrap().join(format!("{name}{NAME}"));
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let file = to.join("config.json");
    let changed = config(std::fs::read_to_string(&file).unwrap());
    std::fs::write(file, changed).unwrap();
    to
}

fn run(folder: &Folder, arguments: &[OsString], input: &str) -> Output {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args(arguments)
        .env_remove("FOVEA_MODEL")
        .env("FOVEA_CACHE_DIR", &folder.cache)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Whether the text after an escape character is a color of Fovea.
fn ours(code: &str) -> bool {
    let Some((numbers, _)) = code.strip_prefix('[').and_then(|code| code.split_once('m')) else {
        return false;
    };
    let color = ["38;5;", "38;2;", "48;5;", "48;2;"]
        .iter()
        .any(|start| numbers.starts_with(start));
    matches!(numbers, "0" | "1" | "2") || color && numbers.chars().all(|c| c.is_ascii_digit() || c == ';')
}

/// Fails if an output could control a terminal.
fn check(what: &str, output: &[u8]) {
    let text = String::from_utf8(output.to_vec()).unwrap_or_else(|_| panic!("{what}: not UTF-8"));
    for code in text.split('\u{1b}').skip(1) {
        assert!(
            ours(code),
            "{what}: foreign escape sequence: {:?}",
            &code[..code.len().min(20)]
        );
    }
    let control = text
        .chars()
        .find(|c| (c.is_control() && !matches!(c, '\n' | '\u{1b}')) || *c == '\u{202e}');
    assert_eq!(control, None, "{what}");
}

#[test]
fn nothing_of_documents_paths_models_or_arguments_steers_the_terminal() {
    let folder = folder();
    let file = |name: &str| folder.root.join(format!("{NAME}{name}")).into_os_string();
    let hostile = model(&folder, "sound", |config| config);
    let kind = serde_json::to_string(EVIL).unwrap();
    let broken = model(&folder, "broken", |config| config.replacen("\"bert\"", &kind, 1));
    let garbage = model(&folder, "garbage", |_| format!("{{\"{EVIL}"));
    let os = |text: &str| OsString::from(text);
    let root = || folder.root.clone().into_os_string();
    let line = |name: &str, line: usize| {
        let mut place = file(name);
        place.push(format!(":{line}"));
        place
    };
    let evil = || os(&EVIL.replace('\0', ""));
    let with =
        |arguments: &[&str], more: Vec<OsString>| arguments.iter().map(|a| os(a)).chain(more).collect::<Vec<_>>();
    let mut runs: Vec<(bool, Vec<OsString>, String)> = Vec::new();
    let mut add = |succeeds: bool, arguments: Vec<OsString>| runs.push((succeeds, arguments, String::new()));
    for color in ["never", "true", "indexed"] {
        for name in ["0.js", "0.md"] {
            add(true, with(&["explain", "--color", color], vec![file(name)]));
        }
        add(
            true,
            with(
                &["compare", "--pairs", "--color", color],
                vec![line("0.js", 2), line("1.js", 2)],
            ),
        );
    }
    add(true, with(&["explain", "--format", "json"], vec![file("0.md")]));
    add(
        true,
        with(&["explain", "--model"], vec![hostile.clone().into(), file("0.md")]),
    );
    for format in ["json", "markdown"] {
        add(
            true,
            with(&["compare", "--format", format], vec![file("0.md"), file("1.md")]),
        );
    }
    add(true, with(&["compare", "--text", "accounts", "--text"], vec![evil()]));
    add(
        true,
        with(&["compare", "--root"], vec![root(), file("0.md"), file("1.md")]),
    );
    for format in ["terminal", "json"] {
        add(true, with(&["index", "--report", "--format", format], vec![root()]));
        add(
            true,
            with(
                &["search", "settle accounts", "--format", format, "--root"],
                vec![root()],
            ),
        );
        add(
            true,
            with(
                &["similar", "--threshold", "0", "--format", format, "--root"],
                vec![root(), file("0.js")],
            ),
        );
        add(
            true,
            with(
                &["model", "info", "--format", format, "--model"],
                vec![hostile.clone().into()],
            ),
        );
    }
    for format in ["terminal", "json", "markdown", "sarif"] {
        add(
            true,
            with(
                &["similar", "--min-lines", "2", "--threshold", "0", "--format", format],
                vec![root()],
            ),
        );
    }
    add(
        true,
        with(&["model", "verify", "--model"], vec![hostile.clone().into()]),
    );
    add(true, with(&["doctor", "--model"], vec![hostile.clone().into()]));
    add(
        true,
        with(&["bench", "--shapes", "1x8", "--model"], vec![hostile.into()]),
    );
    // The following commands fail with an error.
    for model in [&broken, &garbage] {
        add(false, with(&["doctor", "--model"], vec![model.into()]));
        add(false, with(&["model", "info", "--model"], vec![model.into()]));
        add(false, with(&["model", "verify", "--model"], vec![model.into()]));
        add(false, with(&["explain", "--model"], vec![model.into(), file("0.md")]));
    }
    add(false, vec![evil()]);
    add(false, with(&["explain"], vec![file("gone")]));
    add(false, with(&["explain", "--method"], vec![evil(), file("0.md")]));
    add(false, with(&["explain", "--language"], vec![evil(), file("0.md")]));
    add(false, with(&["compare"], vec![line("0.md", 9999), file("1.md")]));
    add(
        false,
        with(&["search", "--kind"], vec![evil(), os("word"), os("--root"), root()]),
    );
    add(false, with(&["search", "word", "--root"], vec![file("gone")]));
    add(false, with(&["similar", "--root"], vec![root(), line("0.md", 9999)]));
    add(false, with(&["index"], vec![file("0.md")]));
    add(false, with(&["editor", "helix"], vec![evil()]));
    runs.push((false, with(&["embed"], vec![]), format!("\"{EVIL}\n")));
    for (succeeds, arguments, input) in &runs {
        let what = format!("{arguments:?}");
        let output = run(&folder, arguments, input);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), *succeeds, "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
        check(&what, &output.stdout);
        check(&what, &output.stderr);
    }
}
