//! Scripts whose names do not tell their language.

use std::io::Read;
use std::path::Path;

use super::selection;
use super::skipped::Skipped;
use crate::segment::language_of;
use crate::text::{Language, open_regular, secret_file};

/// Number of bytes in which the first line of a script ends.
const LINE: u64 = 128;

/// The language of a script without an extension, by its first line: `#!/usr/bin/env bash`. A file that may contain secrets is not opened.
pub(super) fn script(path: &Path) -> Option<Language> {
    let unknown = path.extension().is_none() && selection::role(path) == Err(Skipped::Unknown);
    if !unknown || secret_file(path) {
        return None;
    }
    let (file, _) = open_regular(path, u64::MAX).ok()?;
    let mut start = Vec::new();
    file.take(LINE).read_to_end(&mut start).ok()?;
    let start = String::from_utf8_lossy(&start);
    let line = start.lines().next().filter(|line| line.starts_with("#!"))?;
    Some(language_of(None, None, line, || None)).filter(|language| *language != Language::Other)
}
