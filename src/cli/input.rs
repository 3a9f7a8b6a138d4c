//! Reads the inputs of the command line: files, standard input, positions in files.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::model::ModelError;
use crate::segment::language_of;
use crate::similar::index::beside;
use crate::text::{Language, Limits, Snapshot, decode, inactive};

/// Wrong usage of the command line: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub String);

/// A question that has no meaning for the model is wrong usage.
pub(super) fn usage(error: ModelError) -> anyhow::Error {
    match error {
        ModelError::Meaningless(why) => Usage(why).into(),
        error => error.into(),
    }
}

/// Default limit on the bytes that the command line reads of one document.
pub(super) const MAX_BYTES: usize = 4_000_000;

/// Reads a document: a file, or standard input for `-`.
///
/// # Errors
/// A one-line message that says what failed, and where: not there, not UTF-8, binary, too large.
pub(super) fn document(file: &Path, language: Option<Language>, max_bytes: usize) -> Result<Snapshot> {
    let name = file.display();
    let bytes = read(file, max_bytes).with_context(|| name.to_string())?;
    let text = decode(bytes).with_context(|| name.to_string())?;
    let language = language.unwrap_or_else(|| match is_stdin(file) {
        true => Language::Prose,
        false => language_of(None, Some(file), &text, || beside(file)),
    });
    let snapshot = Snapshot::new(&text, 0, language);
    match inactive(
        &snapshot,
        &Limits {
            max_bytes,
            ..Limits::default()
        },
    ) {
        Some(reason) => anyhow::bail!("{name}: {reason}"),
        None => Ok(snapshot),
    }
}

fn read(file: &Path, max_bytes: usize) -> Result<Vec<u8>> {
    // One extra byte reveals a file that is too large without reading all of it.
    let most = max_bytes as u64 + 1;
    let mut bytes = Vec::new();
    anyhow::ensure!(!file.is_dir(), "a folder; name one of its files");
    match is_stdin(file) {
        true => std::io::stdin().lock().take(most).read_to_end(&mut bytes)?,
        false => std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?,
    };
    anyhow::ensure!(
        bytes.len() <= max_bytes,
        "more than {max_bytes} bytes; use a smaller file (only fovea explain can raise the limit, with --max-bytes)"
    );
    Ok(bytes)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// The language that `--language` names.
pub(super) fn language(name: Option<&str>) -> Result<Option<Language>> {
    let Some(name) = name else { return Ok(None) };
    match Language::from_name(name) {
        Some(language) => Ok(Some(language)),
        None => Err(Usage(format!(
            "--language {name}: no such language; use a name such as rust, python, typescript, markdown or prose"
        ))
        .into()),
    }
}

/// `FILE` or `FILE:LINE`, lines from 1. If a file exists whose name ends in a colon and digits, the whole argument is the name.
pub(super) fn place(argument: &Path) -> (PathBuf, Option<usize>) {
    let text = argument.to_string_lossy();
    match text.rsplit_once(':') {
        Some((_, line)) if !argument.exists() => match line.parse() {
            Ok(number) => (without_end(argument, line.len() + 1), Some(number)),
            Err(_) => (argument.to_owned(), None),
        },
        _ => (argument.to_owned(), None),
    }
}

/// A path without its last bytes, which are ASCII. The bytes before them need not be UTF-8.
#[cfg(unix)]
fn without_end(path: &Path, bytes: usize) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let all = path.as_os_str().as_bytes();
    PathBuf::from(std::ffi::OsStr::from_bytes(&all[..all.len() - bytes]))
}

/// A path without its last bytes, which are ASCII.
#[cfg(not(unix))]
fn without_end(path: &Path, bytes: usize) -> PathBuf {
    let text = path.to_string_lossy();
    PathBuf::from(&text[..text.len() - bytes])
}

/// A cosine in an option.
pub(super) fn cosine(typed: &str) -> Result<f32, String> {
    within(typed, -1.0)
}

/// A score in an option.
pub(super) fn share(typed: &str) -> Result<f32, String> {
    within(typed, 0.0)
}

/// A number from `least` to 1.
fn within(typed: &str, least: f32) -> Result<f32, String> {
    let number = typed.parse().ok().filter(|number| (least..=1.0).contains(number));
    number.ok_or_else(|| format!("give a number from {least} to 1"))
}

/// How many results to show: at least one.
pub(super) fn count(typed: &str) -> Result<usize, String> {
    let number = typed.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "give a number from 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_file_and_a_line() {
        assert_eq!(place(Path::new("src/a.rs:12")), (PathBuf::from("src/a.rs"), Some(12)));
        assert_eq!(place(Path::new("src/a.rs")), (PathBuf::from("src/a.rs"), None));
        assert_eq!(place(Path::new("C:notes")), (PathBuf::from("C:notes"), None));
    }

    #[cfg(unix)]
    #[test]
    fn a_location_in_a_file_whose_name_is_no_utf_8_keeps_the_name() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let (file, line) = place(Path::new(OsStr::from_bytes(b"na\xffme.py:3")));
        assert_eq!((file.as_os_str().as_bytes(), line), (&b"na\xffme.py"[..], Some(3)));
    }

    #[test]
    fn cosines_and_counts_outside_of_their_range_are_refused() {
        assert_eq!((cosine("-1"), cosine(".5"), count("1")), (Ok(-1.0), Ok(0.5), Ok(1)));
        for wrong in ["90", "nan", "-1.5", "", "inf"] {
            assert!(cosine(wrong).is_err(), "{wrong}");
        }
        assert!(count("0").is_err() && count("-1").is_err());
    }

    #[test]
    fn a_file_over_the_limit_is_refused_without_being_read_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "x".repeat(100)).unwrap();
        let error = document(file.path(), None, 50).unwrap_err();
        assert!(format!("{error:#}").contains("more than 50 bytes"), "{error:#}");
    }
}
