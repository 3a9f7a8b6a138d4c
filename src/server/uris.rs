//! Repairs the URIs of clients and converts between URIs and file paths.
//!
//! A URI may contain ASCII letters, digits and some signs; all other bytes must be written as `%XX`. Many clients send `[ ]`, spaces, `|`
//! or `é` unencoded, and a file name may contain bytes that are not UTF-8.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use tower_lsp::ls_types::Uri;

use crate::text::saved_name;

/// The scheme of document names that have no scheme and are no path.
const NAMELESS: &str = "name:";

/// The scheme of documents that are files.
const FILE: &str = "file";

/// JSON keys under which an editor's query names the file that a view shows.
const PATH_KEYS: [&str; 4] = ["path", "fsPath", "filePath", "fileName"];

/// Turns a client's document name into a URI that parses; forbidden bytes become `%XX`.
///
/// A path becomes a `file:` URI. In a `file:` URI, `?` and `#` belong to the path, since files have neither query nor fragment.
pub fn repaired(spelling: &str) -> Cow<'_, str> {
    let plain_file = spelling.starts_with("file:") && !spelling.contains(['?', '#']);
    if (plain_file || !spelling.starts_with("file:")) && spelling.parse::<Uri>().is_ok() {
        return Cow::Borrowed(spelling);
    }
    let tries = [assembled(spelling, true), assembled(spelling, false)];
    let parsed = tries.into_iter().find(|uri| uri.parse::<Uri>().is_ok());
    Cow::Owned(parsed.unwrap_or_else(|| format!("{NAMELESS}{}", encoded(spelling.as_bytes(), b""))))
}

/// The URI of a document name; `None` (logged) only if even [`repaired`] fails.
pub fn parse(name: &str) -> Option<Uri> {
    let uri = name.parse::<Uri>().or_else(|_| repaired(name).parse::<Uri>());
    if uri.is_err() {
        tracing::error!("cannot turn a document's name into a URI");
    }
    uri.ok()
}

/// Builds a URI and encodes the forbidden bytes of each part. If `open`, the host may contain brackets and a port.
fn assembled(spelling: &str, open: bool) -> String {
    let Some((scheme, rest)) = split_scheme(spelling) else {
        let slashes = if spelling.starts_with('/') { "file://" } else { NAMELESS };
        return format!("{slashes}{}", encoded(spelling.as_bytes(), PATH));
    };
    let (mut path, mut query, mut fragment) = (rest, None, None);
    if !scheme.eq_ignore_ascii_case(FILE) {
        if let Some((before, after)) = path.split_once('#') {
            (path, fragment) = (before, Some(after));
        }
        if let Some((before, after)) = path.split_once('?') {
            (path, query) = (before, Some(after));
        }
    }
    let mut uri = format!("{scheme}:");
    if let Some(hierarchy) = path.strip_prefix("//") {
        let (host, below) = hierarchy.split_at(hierarchy.find('/').unwrap_or(hierarchy.len()));
        uri += "//";
        uri += &encoded(host.as_bytes(), if open { b"!$&'()*+,;=:@[]" } else { b"!$&'()*+,;=" });
        path = below;
    }
    uri += &encoded(path.as_bytes(), PATH);
    for (mark, part) in [('?', query), ('#', fragment)] {
        if let Some(part) = part {
            uri.push(mark);
            uri += &encoded(part.as_bytes(), QUERY);
        }
    }
    uri
}

/// Bytes that a path may contain besides letters, digits and `-._~`.
const PATH: &[u8] = b"!$&'()*+,;=:@/";
/// Bytes that a query or a fragment may contain besides letters, digits and `-._~`.
const QUERY: &[u8] = b"!$&'()*+,;=:@/?";

/// Splits `scheme:rest`. A single letter before the colon is a drive, not a scheme.
fn split_scheme(spelling: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = spelling.split_once(':')?;
    let letters = scheme.len() > 1 && scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let all = scheme
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    (letters && all).then_some((scheme, rest))
}

/// Encodes bytes as `%XX`, except letters, digits, `-._~`, the bytes in `kept` and existing `%XX`.
fn encoded(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for (at, byte) in bytes.iter().enumerate() {
        let hex = |offset: usize| bytes.get(at + offset).is_some_and(u8::is_ascii_hexdigit);
        let as_is = is_plain(*byte) || kept.contains(byte) || (*byte == b'%' && hex(1) && hex(2));
        push(&mut text, *byte, as_is);
    }
    text
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn push(text: &mut String, byte: u8, as_is: bool) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    match as_is {
        true => text.push(char::from(byte)),
        false => text.extend([
            '%',
            char::from(DIGITS[usize::from(byte >> 4)]),
            char::from(DIGITS[usize::from(byte & 15)]),
        ]),
    }
}

/// Decodes every `%XX`.
pub fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// The path of a `file:` URI, byte by byte.
pub fn file_path(uri: &Uri) -> Option<PathBuf> {
    (uri.scheme().as_str() == FILE).then(|| path(uri)).flatten()
}

/// The path of a URI of any scheme.
#[cfg(unix)]
fn path(uri: &Uri) -> Option<PathBuf> {
    let bytes = decoded(uri.path().as_str());
    (!bytes.is_empty()).then(|| <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path(uri: &Uri) -> Option<PathBuf> {
    uri.to_file_path().map(Cow::into_owned)
}

/// The `file:` URI of an absolute path, byte by byte.
#[cfg(unix)]
pub fn of_path(path: &Path) -> Option<Uri> {
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    if !path.is_absolute() {
        return None;
    }
    let mut uri = "file://".to_owned();
    for byte in bytes {
        push(&mut uri, *byte, is_plain(*byte) || *byte == b'/');
    }
    parse(&uri)
}

/// The `file:` URI of an absolute path.
#[cfg(not(unix))]
pub fn of_path(path: &Path) -> Option<Uri> {
    Uri::from_file_path(path)
}

/// The file that a document shows, whatever its scheme; `None` if there is none.
///
/// A `git:` view or another view shows the file that it is a version of; a cell shows its notebook.
pub fn shown_file(uri: &Uri) -> Option<PathBuf> {
    let path = named_in_query(uri).or_else(|| path(uri))?;
    let path = match uri.scheme().as_str() {
        FILE => path,
        _ => outside_repository(&path),
    };
    (path.is_absolute() && path.file_name().is_some()).then_some(path)
}

/// The file that another file is a copy of: a backup, a side of a merge, or the text of a notebook that JupyterLab writes for language servers.
pub fn original(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    if parent.components().any(|part| part.as_os_str() == VIRTUAL) {
        let outside = path.components().filter(|part| part.as_os_str() != VIRTUAL);
        return Some(outside.collect());
    }
    let name = path.file_name()?.to_str()?;
    let sides = || {
        SIDES.iter().find_map(|side| {
            let (before, after) = name.split_once(side)?;
            let before = before.strip_suffix(['_', '.'])?;
            let number = after.trim_start_matches(['_', '.']);
            let ending = number.trim_start_matches(|c: char| c.is_ascii_digit());
            (ending.len() < number.len()).then(|| format!("{before}{ending}"))
        })
    };
    let name = saved_name(name).map(str::to_owned).or_else(sides)?;
    (!name.is_empty()).then(|| parent.join(name))
}

/// The folder where JupyterLab keeps the texts of notebooks.
const VIRTUAL: &str = ".virtual_documents";

/// What git calls the sides of a merge that a tool shows.
const SIDES: [&str; 4] = ["BASE", "LOCAL", "REMOTE", "BACKUP"];

/// The path in the query of a view. VS Code's git views have the query `{"path": …, "ref": …}`, and their own path may have another
/// extension.
fn named_in_query(uri: &Uri) -> Option<PathBuf> {
    let query = uri.query().filter(|_| uri.scheme().as_str() != FILE)?;
    let told: Value = serde_json::from_slice(&decoded(query.as_str())).ok()?;
    let named = PATH_KEYS.iter().find_map(|key| told.get(key)?.as_str());
    named.filter(|path| path.starts_with('/')).map(PathBuf::from)
}

/// The file behind a version as Vim plugins name it: `/repo/src/a.py` for `/repo/.git//HEAD/src/a.py` and `/repo/.git//HEAD:src/a.py`.
fn outside_repository(path: &Path) -> PathBuf {
    let parts: Vec<Component> = path.components().collect();
    let Some(at) = parts.iter().position(|part| part.as_os_str() == ".git") else {
        return path.to_owned();
    };
    let version = parts.get(at + 1).map(|version| version.as_os_str().to_string_lossy());
    let first = version.as_ref().and_then(|version| Some(version.rsplit_once(':')?.1));
    let below = parts.get(at + 2..).unwrap_or_default();
    if first.is_none() && below.is_empty() {
        return path.to_owned();
    }
    let repository = parts[..at].iter().map(|part| part.as_os_str());
    let below = below.iter().map(|part| part.as_os_str());
    repository.chain(first.map(OsStr::new)).chain(below).collect()
}

/// The label of a view next to its file name.
///
/// `None` for files and unsaved documents.
pub fn view(uri: &Uri) -> Option<&str> {
    match uri.scheme().as_str() {
        FILE | "untitled" => None,
        _ if is_cell(uri) => Some("cell"),
        scheme => Some(scheme.strip_prefix("vscode-").unwrap_or(scheme)),
    }
}

/// Whether a document is a cell of a notebook.
pub fn is_cell(uri: &Uri) -> bool {
    uri.scheme().as_str().contains("notebook-cell")
}

/// The name of the file that a document shows.
///
/// Without such a file: the last part of the URI's path, or the scheme.
pub fn file_name(uri: &Uri) -> String {
    if let Some(name) = shown_file(uri).as_deref().and_then(Path::file_name) {
        return name.to_string_lossy().into_owned();
    }
    let path = decoded(uri.path().as_str());
    let path = String::from_utf8_lossy(&path);
    let last = path.rsplit('/').find(|part| !part.is_empty());
    last.unwrap_or(uri.scheme().as_str()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_name_becomes_a_uri() {
        for (spelling, uri) in [
            ("file:///p/a.rs", "file:///p/a.rs"),
            ("file:///p/%5Bid%5d/a%20b.rs", "file:///p/%5Bid%5d/a%20b.rs"),
            (
                "file:///app/orders/[id]/page.tsx",
                "file:///app/orders/%5Bid%5D/page.tsx",
            ),
            ("file:///p/é 編|^\\.py", "file:///p/%C3%A9%20%E7%B7%A8%7C%5E%5C.py"),
            ("file:///p/100%.py", "file:///p/100%25.py"),
            ("file:///p/c#/what?.cs", "file:///p/c%23/what%3F.cs"),
            ("/home/u/a b.py", "file:///home/u/a%20b.py"),
            ("", "name:"),
            ("a.py", "name:a.py"),
            ("C:\\p\\a.py", "name:C:%5Cp%5Ca.py"),
            ("untitled:Untitled 1", "untitled:Untitled%201"),
            (
                "git:/p/a b.py?{\"path\":\"/p/a b.py\",\"ref\":\"~\"}",
                "git:/p/a%20b.py?%7B%22path%22:%22/p/a%20b.py%22,%22ref%22:%22~%22%7D",
            ),
            ("view://a b:c/d#e f", "view://a%20b%3Ac/d#e%20f"),
            (
                "vscode-remote://ssh-remote+h/p/[a].py",
                "vscode-remote://ssh-remote+h/p/%5Ba%5D.py",
            ),
        ] {
            assert_eq!(repaired(spelling), uri, "{spelling}");
            assert!(repaired(spelling).parse::<Uri>().is_ok(), "{spelling}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_becomes_a_uri_that_a_second_repair_keeps(text in "(file:|git:|x-y:)?(//)?[\\PC%:/?#\\[\\]@\\\\ ]{0,30}") {
            let once = repaired(&text).into_owned();
            proptest::prop_assert!(once.parse::<Uri>().is_ok(), "{} → {}", text, once);
            proptest::prop_assert_eq!(&*repaired(&once), &*once);
        }

        #[cfg(unix)]
        #[test]
        fn any_path_survives_conversion_to_a_uri(bytes in proptest::collection::vec(1u8.., 0..20)) {
            use std::os::unix::ffi::OsStringExt;
            let path = PathBuf::from(std::ffi::OsString::from_vec([b"/".to_vec(), bytes].concat()));
            let uri = of_path(&path).unwrap();
            proptest::prop_assert_eq!(file_path(&uri).unwrap(), path);
        }
    }

    #[test]
    fn backups_sides_of_a_merge_and_texts_of_notebooks_are_copies_of_a_file() {
        for (copy, file) in [
            ("/p/a.py~", Some("/p/a.py")),
            ("/p/#a.py#", Some("/p/a.py")),
            ("/p/a.py.orig", Some("/p/a.py")),
            ("/p/a.py.bak", Some("/p/a.py")),
            ("/p/a_BASE_123.py", Some("/p/a.py")),
            ("/p/a.REMOTE.123.py", Some("/p/a.py")),
            ("/p/.virtual_documents/sub/n.ipynb", Some("/p/sub/n.ipynb")),
            ("/p/a.py", None),
            ("/p/DATABASE_1.sql", None),
            ("/p/LOCAL.md", None),
            ("/p/~", None),
        ] {
            assert_eq!(original(Path::new(copy)), file.map(PathBuf::from), "{copy}");
        }
    }

    #[test]
    fn a_view_shows_the_file_that_it_is_a_version_of() {
        for (spelling, file) in [
            ("file:///p/a%20b.py", Some("/p/a b.py")),
            (
                "git:/p/bank.py?{\"path\":\"/p/bank.py\",\"ref\":\"HEAD\"}",
                Some("/p/bank.py"),
            ),
            ("git:/p/.env.git?{\"path\":\"/p/.env\",\"ref\":\"\"}", Some("/p/.env")),
            ("gitlens://7b22/p/bank.py", Some("/p/bank.py")),
            ("fugitive:///p/.git//0/src/bank.py", Some("/p/src/bank.py")),
            ("gitsigns:///p/.git//HEAD:src/bank.py", Some("/p/src/bank.py")),
            ("gitsigns:///p/.git//:0:bank.py", Some("/p/bank.py")),
            ("diffview:///p/.git/1a2b/bank.py", Some("/p/bank.py")),
            (
                "vscode-notebook-cell:/p/study.ipynb#W0sZmlsZQ%3D%3D",
                Some("/p/study.ipynb"),
            ),
            ("file:///p/.git/config", Some("/p/.git/config")),
            ("untitled:Untitled-1", None),
            ("output:", None),
        ] {
            let uri = parse(&repaired(spelling)).unwrap();
            assert_eq!(shown_file(&uri), file.map(PathBuf::from), "{spelling}");
        }
    }
}
