//! Checks invariants in the sources, and the pages that describe them.
//!
//! ARCHITECTURE.md and docs/invariants.md name each test beside its rule.
#![allow(clippy::unwrap_used, reason = "a failing test names what is missing")]

mod circles;

use std::path::{Path, PathBuf};

/// The modules from the bottom up: each may use those before it.
const LAYERS: [&str; 11] = [
    "text", "segment", "parser", "model", "explain", "similar", "analysis", "render", "view", "server", "cli",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of a layer without its tests (`#[cfg(test)]` modules with a body are last in a file).
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
            let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
            if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
                let text = std::fs::read_to_string(&path).unwrap();
                let ends = text.match_indices("#[cfg(test)]\nmod ").find(|(at, _)| {
                    let module = text[*at..].lines().nth(1).unwrap_or_default();
                    module.ends_with('{')
                });
                let code = text[..ends.map_or(text.len(), |(at, _)| at)].to_owned();
                files.push((path, code));
            }
        }
    }
    assert!(!files.is_empty(), "{layer} has no sources");
    files
}

/// Code with spaces instead of comments and strings, because these may name things that code may not use.
///
/// The lines stay the same.
fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    let begins = |at: usize, with: &str| with.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    while let Some(&c) = chars.get(at) {
        let named = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
        let hashes = match c == 'r' && !named {
            true => chars[at + 1..].iter().take_while(|c| **c == '#').count(),
            false => 0,
        };
        let end = if begins(at, "//") {
            (at..chars.len()).find(|i| chars[*i] == '\n').unwrap_or(chars.len())
        } else if begins(at, "/*") {
            let (mut depth, mut i) = (0, at);
            loop {
                (depth, i) = match (begins(i, "/*"), begins(i, "*/")) {
                    (true, _) => (depth + 1, i + 2),
                    (_, true) => (depth - 1, i + 2),
                    _ => (depth, i + 1),
                };
                if depth == 0 || i >= chars.len() {
                    break i.min(chars.len());
                }
            }
        } else if c == 'r' && !named && chars.get(at + 1 + hashes) == Some(&'"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let inside = at + hashes + 2;
            (inside..chars.len())
                .find(|i| begins(*i, &close))
                .map_or(chars.len(), |i| i + 1 + hashes)
        } else if c == '"' {
            let mut i = at + 1;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            (i + 1).min(chars.len())
        } else if c == '\'' && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')) {
            // This is a character, not a lifetime.
            let after = if chars[at + 1] == '\\' { at + 3 } else { at + 2 };
            (after..chars.len())
                .find(|i| chars[*i] == '\'')
                .map_or(chars.len(), |i| i + 1)
        } else {
            out.push(c);
            at += 1;
            continue;
        };
        out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// The modules at the root of the crate that code names, in a file whose module is `depth` below the root.
///
/// Code names them with `crate::`, in braces, with a chain of `super::`, or all together (`*`).
fn at_root(code: &str, depth: usize) -> Vec<String> {
    let words = tokens(code);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut found = Vec::new();
    for at in 0..words.len() {
        let (mut behind, mut supers) = (at, 0);
        match word(at) {
            "crate" => behind += 1,
            "super" if at < 2 || word(at - 1) != "::" => {
                while word(behind) == "super" && word(behind + 1) == "::" {
                    behind += 2;
                    supers += 1;
                }
                if supers < depth {
                    continue;
                }
                behind -= 1;
            }
            _ => continue,
        }
        if word(behind) == "as" {
            found.push("*".to_owned());
        }
        // `pub(crate)` is not a path.
        if word(behind) != "::" {
            continue;
        }
        match word(behind + 1) {
            "{" => {
                let (mut level, mut i, mut first) = (1, behind + 2, true);
                while level > 0 && i < words.len() {
                    match word(i) {
                        "{" => level += 1,
                        "}" => level -= 1,
                        "," if level == 1 => first = true,
                        name if first => {
                            found.push(if name == "self" { "*" } else { name }.to_owned());
                            first = false;
                        }
                        _ => {}
                    }
                    i += 1;
                }
            }
            name => found.push(name.to_owned()),
        }
    }
    found
}

/// The names and operators of code.
fn tokens(code: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), code.trim_start());
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let end = match is_part(first) {
            true => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            false if rest.starts_with("::") => 2,
            false => first.len_utf8(),
        };
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    words
}

/// Every path that code imports, in full: `use std::{fs, io::{self, Read}}` is `std::fs`, `std::io::self` and `std::io::Read`.
fn imports(code: &str) -> Vec<String> {
    let (words, mut found) = (tokens(code), Vec::new());
    for (at, word) in words.iter().enumerate() {
        if word != "use" {
            continue;
        }
        let (mut outer, mut path) = (Vec::new(), String::new());
        for word in &words[at + 1..] {
            match word.as_str() {
                ";" => break,
                "{" => outer.push(path.clone()),
                "," | "}" => {
                    found.push(std::mem::take(&mut path));
                    path = match word.as_str() {
                        "," => outer.last().cloned().unwrap_or_default(),
                        _ => outer.pop().unwrap_or_default(),
                    };
                }
                word => path += word,
            }
        }
        found.push(path);
    }
    found
}

/// The depth of a file's module below the root of the crate.
fn depth(path: &Path) -> usize {
    let below = path.strip_prefix(root().join("src")).unwrap();
    let parts = below.components().count();
    if below.ends_with("mod.rs") { parts - 1 } else { parts }
}

fn refuse(layers: &[&str], words: &[&str], allowed: &[&str]) {
    for layer in layers {
        for (path, text) in sources(layer) {
            if allowed.iter().any(|end| {
                path.ends_with(end)
                    || path
                        .parent()
                        .is_some_and(|at| at.starts_with(root().join("src").join(end)))
            }) {
                continue;
            }
            let code = code(&text);
            for line in code.lines().map(str::to_owned).chain(imports(&code)) {
                let found = words.iter().find(|word| line.contains(*word));
                assert!(found.is_none(), "{} uses {}: {line}", path.display(), found.unwrap());
            }
        }
    }
}

#[test]
fn each_layer_knows_only_those_above_it() {
    for (index, layer) in LAYERS.iter().enumerate() {
        for (path, text) in sources(layer) {
            let used = at_root(&code(&text), depth(&path));
            let later = used
                .iter()
                .find(|name| *name == "*" || LAYERS[index + 1..].contains(&name.as_str()));
            assert!(later.is_none(), "{} uses crate::{}", path.display(), later.unwrap());
        }
    }
}

#[test]
fn the_check_of_layers_sees_every_way_to_name_a_module() {
    for (text, expected) in [
        ("use crate::server::x;", vec!["server"]),
        (
            "use crate::{text::Snapshot, server::{a, b}, cli};",
            vec!["text", "server", "cli"],
        ),
        (
            "use crate::{\n    // a comment, with crate::render in it\n    similar::index,\n};",
            vec!["similar"],
        ),
        ("fn f(x: crate :: server :: X) {}", vec!["server"]),
        ("use super::super::server;", vec!["server"]),
        ("use super::{super::cli, files};", vec![]),
        ("use super::super::{server as s, text};", vec!["server", "text"]),
        ("use super::files;", vec![]),
        ("use crate as fovea; use crate::*;", vec!["*", "*"]),
        ("use crate::{self as root};", vec!["*"]),
        ("pub(crate) fn f() {} pub(super) fn g() {}", vec![]),
        (
            "let s = \"crate::server\"; let r = r#\"crate::cli \" crate::cli\"#; /* crate::cli /* */ crate::cli */",
            vec![],
        ),
        (
            "let url = \"https://a\"; use crate::server::x; let c = '\"'; crate::cli::f(); let l: &'a str = crate::text::t;",
            vec!["server", "cli", "text"],
        ),
    ] {
        assert_eq!(at_root(&code(text), 2), expected, "{text}");
    }
    let imported = imports("use std::{fs, io::{self, Read}, env as e}; use a::b;");
    for path in ["std::fs", "std::io::self", "std::io::Read", "a::b"] {
        assert!(imported.iter().any(|found| found == path), "{path}: {imported:?}");
    }
    assert_eq!(depth(&root().join("src/text/mod.rs")), 1);
    assert_eq!(depth(&root().join("src/similar/index/files.rs")), 3);
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
fn only_the_folder_of_the_instruction_sets_has_unsafe_code() {
    refuse(&LAYERS, &["unsafe ", "unsafe{", "allow(unsafe_code"], &["model/simd/"]);
    // Every block in that folder states its reason.
    let mut blocks = 0;
    for (path, _) in sources("model")
        .into_iter()
        .filter(|(path, _)| path.starts_with(root().join("src/model/simd")))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(without_reason(&text), Vec::<&str>::new(), "{}", path.display());
        blocks += code(&text).matches("unsafe {").count();
    }
    assert!(blocks > 50, "the check finds only {blocks} blocks of unsafe code");
}

/// The lines with unsafe code that have no reason directly before them.
///
/// A reason is `SAFETY:` before a block, or `# Safety` in the comment of a function.
fn without_reason(text: &str) -> Vec<&str> {
    let (lines, code) = (text.lines().collect::<Vec<_>>(), code(text));
    let unsafe_lines = code
        .lines()
        .enumerate()
        .filter(|(_, line)| tokens(line).iter().any(|word| word == "unsafe"));
    let without = unsafe_lines.filter(|(at, line)| {
        let wanted = if line.contains("unsafe fn") {
            "# Safety"
        } else {
            "SAFETY:"
        };
        let before = lines[..*at].iter().rev().map(|line| line.trim_start());
        let mut before = before.take_while(|line| line.starts_with("//") || line.starts_with("#["));
        !before.any(|line| line.starts_with("//") && line.contains(wanted))
    });
    without.map(|(at, _)| lines[at]).collect()
}

#[test]
fn unsafe_code_without_a_stated_reason_is_found() {
    for (text, count) in [
        ("// SAFETY: it is.\nunsafe { f() }", 0),
        ("// SAFETY: it is.\n#[cfg(x)]\nlet a = unsafe { f() };", 0),
        ("/// # Safety\n/// As g.\nunsafe fn f() {}", 0),
        ("// Fast.\nunsafe { f() }", 1),
        ("/// Adds.\nunsafe fn f() {}", 1),
        ("// SAFETY: it is.\nlet a = 1;\nunsafe { f() }", 1),
        ("// SAFETY: it is.\nunsafe fn f() {}", 1),
        ("let s = \"unsafe { }\"; // unsafe", 0),
    ] {
        assert_eq!(without_reason(text).len(), count, "{text}");
    }
}

#[test]
fn no_closure_of_a_kernel_uses_vectors() {
    let mut kernels = 0;
    for (path, _) in LAYERS.iter().flat_map(|layer| sources(layer)) {
        let text = code(&std::fs::read_to_string(&path).unwrap());
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        if text.contains(": Simd") {
            kernels += 1;
            assert_eq!(with_vectors(text), Vec::<&str>::new(), "{}", path.display());
        }
    }
    assert!(kernels > 20, "the check finds only {kernels} files with kernels");
}

/// The closures that use `s`, the instructions of a kernel. A closure that the compiler does not inline is compiled without them.
fn with_vectors(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices('|') {
        let before = code[..at].trim_end();
        let begins = before.ends_with(['(', ',', '=', '{', ';']) || before.ends_with("move");
        let Some(parameters) = code[at + 1..].find('|').filter(|_| begins) else {
            continue;
        };
        let body = &code[at + parameters + 2..];
        let mut depth = 0;
        let end = body.find(|c: char| {
            depth += i32::from(matches!(c, '(' | '[' | '{')) - i32::from(matches!(c, ')' | ']' | '}'));
            depth < 0 || depth == 0 && matches!(c, ',' | ';')
        });
        let body = &body[..end.unwrap_or(body.len())];
        if tokens(body).iter().any(|word| word == "s") {
            found.push(body.trim());
        }
    }
    found
}

#[test]
fn closures_with_vectors_are_found() {
    for (code, expected) in [
        ("rows.map(|row| product(s, row)).sum()", vec!["product(s, row)"]),
        (
            "each(move |a, b| { let c = s.add(a, b); c })",
            vec!["{ let c = s.add(a, b); c }"],
        ),
        ("let f = |x| s.load(x);", vec!["s.load(x)"]),
        ("rows.map(|row| row.len()); s.load(x)", vec![]),
        ("match n { 1 | 2 => s.load(x), _ => s.load(y) }", vec![]),
        ("if a || b { s.load(x) }", vec![]),
    ] {
        assert_eq!(with_vectors(code), expected, "{code}");
    }
}

/// The packages that are linked with the default features, in cargo's format.
fn linked(format: &str) -> String {
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
            format,
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nothing_that_could_reach_the_network_is_linked() {
    let linked = linked("{p}");
    let has = |name: &str| linked.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(has("fovea-ls") && has("rusqlite"), "{linked}");
    for name in [
        "reqwest",
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
        "hyper-tls",
        "hyper-rustls",
        "tokio-rustls",
        "h2",
        "hickory-resolver",
    ] {
        assert!(!has(name), "{name} is among the dependencies");
    }
    // hyper answers `fovea view`; its client is not compiled.
    assert!(has("hyper") && has("hyper-util"));
    for package in features().lines().filter(|line| line.starts_with("hyper")) {
        for asks in ["client", "full", "http2"] {
            assert!(!package.contains(asks), "{package}");
        }
    }
}

/// The packages that are linked, each with its features.
fn features() -> String {
    linked("{p} {f}")
}

#[test]
fn only_the_page_listens_and_nothing_connects() {
    // Only one file listens, on the loopback interface. The test lists everything of the network that it may use.
    refuse(&LAYERS, &["std::net", "tokio::net"], &["view/http.rs"]);
    let http = std::fs::read_to_string(root().join("src/view/http.rs")).unwrap();
    let code = code(&http);
    let used: Vec<String> = imports(&code)
        .into_iter()
        .filter(|path| path.contains("net::") && !path.ends_with("::"))
        .collect();
    assert_eq!(used, ["std::net::Ipv4Addr", "std::net::SocketAddr"]);
    let words = tokens(&code);
    let after_net = words
        .windows(5)
        .filter(|five| five[..4] == ["tokio", "::", "net", "::"])
        .map(|five| five[4].as_str());
    assert!(after_net.clone().all(|name| name == "TcpListener") && after_net.count() == 2);
    assert_eq!(code.matches("Ipv4Addr::").count(), 1);
    assert!(code.contains("SocketAddr::from((Ipv4Addr::LOCALHOST, port))"));
    refuse(
        &LAYERS,
        &[
            "TcpStream",
            "UdpSocket",
            "TcpSocket",
            "UnixStream",
            "hyper",
            "0.0.0.0",
            "UNSPECIFIED",
        ],
        &[],
    );
    // Two commands start the listener: `fovea view`, and `fovea.openView` of an editor.
    let starts = LAYERS
        .iter()
        .filter(|layer| **layer != "view")
        .flat_map(|layer| sources(layer));
    let starts: Vec<_> = starts
        .filter(|(_, text)| text.contains("view::listen"))
        .map(|(path, _)| path)
        .collect();
    let expected = ["src/server/pages.rs", "src/cli/view.rs"].map(|path| root().join(path));
    assert_eq!(starts, expected);
    let opens = sources("server")
        .into_iter()
        .filter(|(_, text)| text.contains(".listen("));
    let opens: Vec<_> = opens.map(|(path, _)| path).collect();
    assert_eq!(opens, [root().join("src/server/requests/view.rs")]);
}

/// The text of all files in a folder with one of these extensions.
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
fn every_test_that_the_pages_of_invariants_name_exists() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let map = map
        .split("## Invariants")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let others = std::fs::read_to_string(root().join("docs/invariants.md")).unwrap();
    let code = files(&root().join("src"), &["rs"]) + &files(&root().join("tests"), &["rs"]);
    let scripts = ["lua", "py", "el", "js", "mjs"];
    let editors = files(&root().join("tests/editors"), &scripts) + &files(&root().join("tests/view"), &scripts);
    let rows = map
        .lines()
        .chain(others.lines())
        .filter(|line| line.starts_with("| ") && !line.starts_with("| rule") && !line.starts_with("| --"));
    let mut named = 0;
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
        for test in tests.split('`').skip(1).step_by(2) {
            let name = test.rsplit("::").next().unwrap();
            // The names of tests in an editor's language are sentences.
            let exists = match name.contains(' ') {
                true => editors.contains(name),
                false => code.contains(&format!("fn {name}()")),
            };
            assert!(exists, "the pages of invariants name {test}, which does not exist");
            named += 1;
        }
    }
    assert!(named > 100, "{named}");
}

/// The files and folders that a page names.
///
/// They are quoted paths that contain a folder, such paths in code blocks, and targets of links.
fn paths(page: &str) -> Vec<String> {
    let is_path = |word: &&str| {
        let ends = [".rs", ".md", ".py", ".sh", ".lua", ".el", ".ts", ".toml", ".mjs", "/"];
        let plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
        word.contains('/')
            && !word.starts_with('/')
            // `NAME` is a placeholder.
            && !word.contains("NAME")
            && word.chars().all(plain)
            && ends.iter().any(|end| word.ends_with(end))
    };
    // Every second part between ``` is a code block.
    let prose: String = page.split("```").step_by(2).collect();
    let blocks = page.split("```").skip(1).step_by(2);
    let in_blocks = blocks.flat_map(str::split_whitespace).filter(is_path);
    let quoted = prose.split('`').skip(1).step_by(2).filter(is_path);
    let links = prose.split("](").skip(1).filter_map(|link| {
        let target = link.split([')', '#']).next()?;
        (!target.is_empty() && !target.contains("://")).then_some(target)
    });
    quoted.chain(in_blocks).chain(links).map(str::to_owned).collect()
}

#[test]
fn every_file_that_the_map_and_the_guides_name_exists() {
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let named = paths(&std::fs::read_to_string(root().join(page)).unwrap());
        for path in &named {
            let exists = root().join(path).exists() || root().join("src").join(path).exists();
            assert!(exists, "{page} names {path}, which does not exist");
        }
        assert!(!named.is_empty(), "{page} names no file");
    }
}

#[test]
fn the_list_of_decisions_matches_the_folder() {
    let folder = root().join("docs/decisions");
    let list = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut pages: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    pages.sort();
    for (number, name) in (1..).zip(&pages) {
        let page = std::fs::read_to_string(folder.join(name)).unwrap();
        let heading = page.lines().next().unwrap();
        let title = heading.strip_prefix(&format!("# {number}. ")).unwrap_or_else(|| {
            panic!("{name} begins with {heading:?} instead of the number {number}");
        });
        let line = format!("- [{number:04}]({name}) {title}");
        assert!(list.lines().any(|found| found == line), "the list lacks: {line}");
        for part in ["\nStatus: ", "\n## Context\n", "\n## Decision\n"] {
            assert!(page.contains(part), "{name} lacks {:?}", part.trim());
        }
    }
    assert_eq!(list.matches("\n- [").count(), pages.len());
}

#[test]
fn every_thread_has_a_unique_name_that_the_map_lists() {
    let mut names = Vec::new();
    for (path, text) in LAYERS.iter().flat_map(|layer| sources(layer)) {
        for (at, _) in text.match_indices("\"fovea-") {
            let names_thread = text[..at].ends_with("name(");
            if let Some(name) = text[at + 1..].split('"').next().filter(|_| names_thread) {
                names.push((name.to_owned(), path.clone()));
            }
        }
    }
    names.sort();
    assert!(names.len() > 5, "{names:?}");
    for pair in names.windows(2) {
        assert_ne!(pair[0].0, pair[1].0, "{pair:?}");
    }
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows: Vec<&str> = map.lines().filter(|line| line.starts_with('|')).collect();
    for (name, path) in names {
        let named = format!("`{name}`");
        assert!(
            rows.iter().any(|row| row.contains(&named)),
            "{named} of {}",
            path.display()
        );
    }
}
