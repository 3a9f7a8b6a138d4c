//! The invariants that can be read off the sources. ARCHITECTURE.md names each test beside the rule it holds.
#![allow(clippy::unwrap_used, reason = "a test says by failing what was not there")]

use std::path::{Path, PathBuf};

/// The modules from the bottom up: each may use those before it.
const LAYERS: [&str; 10] = [
    "text", "segment", "parser", "model", "explain", "similar", "analysis", "render", "server", "cli",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of a layer without its tests (`#[cfg(test)]` modules stand last in a file).
fn sources(layer: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join("src").join(layer)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_test = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().contains("test"));
            if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
                files.push((path, code));
            }
        }
    }
    assert!(!files.is_empty(), "{layer} has no sources");
    files
}

/// Code without comments, so that prose may name what code may not use.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or(""))
}

fn refuse(layers: &[&str], words: &[&str], allowed: &[&str]) {
    for layer in layers {
        for (path, text) in sources(layer) {
            if allowed.iter().any(|end| path.ends_with(end)) {
                continue;
            }
            for line in code(&text) {
                let found = words.iter().find(|word| line.contains(*word));
                assert!(found.is_none(), "{} uses {}: {line}", path.display(), found.unwrap());
            }
        }
    }
}

#[test]
fn each_layer_knows_only_those_above_it() {
    for (index, layer) in LAYERS.iter().enumerate() {
        let forbidden: Vec<String> = LAYERS[index + 1..]
            .iter()
            .map(|later| format!("crate::{later}::"))
            .collect();
        let forbidden: Vec<&str> = forbidden.iter().map(String::as_str).collect();
        refuse(&[layer], &forbidden, &[]);
    }
}

#[test]
fn no_lsp_type_outside_the_server() {
    let others: Vec<&str> = LAYERS.iter().copied().filter(|layer| *layer != "server").collect();
    refuse(&others, &["tower_lsp", "ls_types"], &[]);
}

#[test]
fn explanations_and_segments_do_no_io() {
    refuse(
        &["segment", "explain"],
        &["std::fs", "std::net", "std::io", "std::process", "tokio", "std::env"],
        &[],
    );
}

#[test]
fn stdout_is_written_only_by_the_command_line_and_the_transport() {
    let others: Vec<&str> = LAYERS.iter().copied().filter(|layer| *layer != "cli").collect();
    refuse(
        &others,
        &["println!", "print!(", "stdout()"],
        &["server/mod.rs", "server/transport.rs"],
    );
}

#[test]
fn positions_are_converted_only_in_text() {
    let others: Vec<&str> = LAYERS.iter().copied().filter(|layer| *layer != "text").collect();
    refuse(&others, &["encode_utf16", "len_utf16", "utf16_cu"], &[]);
}

#[test]
fn unsafe_code_stands_in_the_file_of_the_instruction_sets_alone() {
    refuse(&LAYERS, &["unsafe ", "allow(unsafe_code"], &["model/simd.rs"]);
    // There, every block says why it may.
    let simd = std::fs::read_to_string(root().join("src/model/simd.rs")).unwrap();
    let lines: Vec<&str> = simd.lines().collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("unsafe ")) {
        let said = lines[i.saturating_sub(4)..=i]
            .iter()
            .any(|line| line.contains("SAFETY:") || line.contains("# Safety") || line.trim_start().starts_with("//"));
        assert!(said, "no reason near {line}");
    }
}

/// The packages that are linked with the default features.
fn linked() -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nothing_that_could_reach_the_network_is_linked() {
    let linked = linked();
    let has = |name: &str| linked.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(has("fovea-ls") && has("rusqlite"), "{linked}");
    for name in [
        "reqwest",
        "hyper",
        "ureq",
        "curl",
        "native-tls",
        "rustls",
        "openssl",
        "hf-hub",
        "isahc",
        "attohttpc",
        "postgres",
        "tokio-postgres",
        "socket2",
        "mio",
    ] {
        assert!(!has(name), "{name} is among the dependencies");
    }
    refuse(&LAYERS, &["std::net", "tokio::net"], &[]);
}

/// Every Rust file below a folder.
/// The text of all files in a folder that end in one of these.
fn files(folder: &Path, extensions: &[&str]) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let wanted = path
            .extension()
            .is_some_and(|own| extensions.iter().any(|extension| own == *extension));
        match path.is_dir() {
            true => all += &files(&path, extensions),
            false if wanted => all += &std::fs::read_to_string(path).unwrap(),
            false => {}
        }
    }
    all
}

#[test]
fn every_test_that_the_architecture_page_names_exists() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table = page
        .split("## Invariants")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let code = files(&root().join("src"), &["rs"]) + &files(&root().join("tests"), &["rs"]);
    let editors = files(&root().join("tests/editors"), &["lua", "py", "el", "js", "mjs"]);
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| rule") && !line.starts_with("| --"));
    let mut named = 0;
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
        for test in tests.split('`').skip(1).step_by(2) {
            let name = test.rsplit("::").next().unwrap();
            // Those in an editor's own language are called by a sentence.
            let exists = match name.contains(' ') {
                true => editors.contains(name),
                false => code.contains(&format!("fn {name}()")),
            };
            assert!(exists, "ARCHITECTURE.md names {test}, which does not exist");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}
