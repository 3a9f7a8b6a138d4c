//! Shows how an index covers a folder, one language per line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::found::clean;
use crate::similar::index::{Coverage, LanguageCoverage, LeftOut, Skipped};

/// Maximum paths of indexed files in a line. Skipped files are all named.
const NAMED: usize = 8;

/// Files, items and passages by language, the files without items, and the skipped files.
pub fn coverage(coverage: &Coverage) -> String {
    let mut text = String::from("\nlanguage          files    items  passages\n");
    for language in &coverage.languages {
        let LanguageCoverage {
            language,
            files,
            items,
            passages,
            ..
        } = language;
        text += &format!("{:<16}{files:>7}{items:>9}{passages:>10}\n", clean(language));
    }
    let without = coverage
        .languages
        .iter()
        .filter(|language| !language.without_items.is_empty());
    for (number, language) in without.enumerate() {
        if number == 0 {
            text += "\nfiles without an item\n";
        }
        let paths = &language.without_items;
        text += &format!("{} {}: {}\n", paths.len(), clean(&language.language), some(paths));
    }
    for (number, left_out) in coverage.left_out.iter().enumerate() {
        if number == 0 {
            text += "\nleft out\n";
        }
        let LeftOut { reason, files, paths } = left_out;
        text += &match reason {
            Skipped::Unknown => format!("{files} {}: {}\n", reason.words(), endings(paths)),
            _ => format!("{files} {}\n", reason.words()),
        };
        for path in paths {
            text += &match path.as_os_str().is_empty() {
                true => "  a folder that cannot be listed\n".to_owned(),
                false => format!("  {}\n", clean(&path.display().to_string())),
            };
        }
    }
    text
}

/// The first few paths, and the number of the others.
fn some(paths: &[PathBuf]) -> String {
    let named: Vec<String> = paths
        .iter()
        .take(NAMED)
        .map(|path| clean(&path.display().to_string()))
        .collect();
    listed(&named, paths.len())
}

/// The extensions of unsupported files, most frequent first, so that the user can spot missing ones.
fn endings(paths: &[PathBuf]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        *counts.entry(ending(path)).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named: Vec<String> = counts
        .iter()
        .take(NAMED)
        .map(|(ending, count)| format!("{count} {}", clean(ending)))
        .collect();
    listed(&named, counts.len())
}

fn ending(path: &Path) -> String {
    let (extension, name) = (path.extension(), path.file_name().unwrap_or_default());
    extension.map_or_else(
        || name.to_string_lossy().into_owned(),
        |extension| format!(".{}", extension.to_string_lossy().to_lowercase()),
    )
}

fn listed(named: &[String], all: usize) -> String {
    let more = all - named.len();
    match more {
        0 => named.join(", "),
        _ => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_languages_files_without_items_and_skipped_files() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let rust = LanguageCoverage {
            language: "rust".into(),
            files: 12,
            items: 140,
            passages: 15,
            without_items: paths(&["src/broken.rs"]),
        };
        let pictures: Vec<PathBuf> = (0..10)
            .map(|i| format!("{i}.png").into())
            .chain(paths(&["a.csv"]))
            .collect();
        let left_out = |reason, paths: Vec<PathBuf>| LeftOut {
            reason,
            files: paths.len(),
            paths,
        };
        let locks = (0..2).map(|i| format!("{i}/yarn.lock").into()).collect();
        let report = Coverage {
            languages: vec![rust],
            left_out: vec![left_out(Skipped::Lock, locks), left_out(Skipped::Unknown, pictures)],
        };
        insta::assert_snapshot!(coverage(&report), @"
        language          files    items  passages
        rust                 12      140        15

        files without an item
        1 rust: src/broken.rs

        left out
        2 lock files
          0/yarn.lock
          1/yarn.lock
        11 of a kind that is not read: 10 .png, 1 .csv
          0.png
          1.png
          2.png
          3.png
          4.png
          5.png
          6.png
          7.png
          8.png
          9.png
          a.csv
        ");
    }
}
