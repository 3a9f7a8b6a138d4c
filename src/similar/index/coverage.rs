//! Statistics of the index of a folder: contents by language, and skipped files by reason.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::canonical;
use super::notebook::is_notebook;
use super::selection::has_items;
use super::table::{self, Counts};
use super::unvisited::unvisited;
use super::{Index, IndexError, Renewal, Skipped};
use crate::model::Model;
use crate::text::Language;

/// Index statistics of a folder; part of the JSON answer of `fovea index --report`.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Coverage {
    /// The languages of the indexed files, most files first.
    pub languages: Vec<LanguageCoverage>,
    /// The skipped files, by reason.
    pub left_out: Vec<LeftOut>,
}

/// Index statistics of a language.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct LanguageCoverage {
    /// Its identifier. Without a grammar, the extension of its files, or the file name if it has none.
    pub language: String,
    /// Number of indexed files.
    pub files: usize,
    /// Number of their functions, types and sections.
    pub items: usize,
    /// Number of their passages outside of items.
    pub passages: usize,
    /// Files with text but without items, in a language that has items. Failures of the parser appear here.
    pub without_items: Vec<PathBuf>,
}

/// Files that are skipped for one reason.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LeftOut {
    /// The reason.
    pub reason: Skipped,
    /// Number of files and folders.
    pub files: usize,
    /// Their paths below the folder; empty for a folder that cannot be listed. A folder stands for all that it contains.
    pub paths: Vec<PathBuf>,
}

impl Index {
    /// Index statistics of a folder after a renewal.
    ///
    /// # Errors
    /// If the index file cannot be read.
    pub fn coverage(&self, model: &Model, root: &Path, renewal: &Renewal) -> Result<Coverage, IndexError> {
        let root = canonical(root)?;
        let counts = match table::known_root(&self.connection, &root, &model.info().id) {
            Ok(Some(number)) => table::counts(&self.connection, number),
            Ok(None) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let mut left_out = renewal.left_out.clone();
        left_out.extend(unvisited(&root));
        Ok(Coverage {
            languages: by_language(counts.map_err(|error| self.trouble(error))?),
            left_out: by_reason(&left_out),
        })
    }
}

fn by_language(files: Vec<Counts>) -> Vec<LanguageCoverage> {
    let mut languages: BTreeMap<String, LanguageCoverage> = BTreeMap::new();
    for file in files {
        let name = label(&file);
        let language = languages.entry(name.clone()).or_insert_with(|| LanguageCoverage {
            language: name,
            ..LanguageCoverage::default()
        });
        language.files += 1;
        language.items += file.items;
        language.passages += file.passages;
        if has_items(file.language) && file.items == 0 && file.passages > 0 {
            language.without_items.push(file.path);
        }
    }
    let mut languages: Vec<LanguageCoverage> = languages.into_values().collect();
    // The sort is stable, so equal counts keep the order of names.
    languages.sort_by_key(|language| std::cmp::Reverse(language.files));
    languages
}

fn label(file: &Counts) -> String {
    match (file.language, file.path.extension(), file.path.file_name()) {
        _ if is_notebook(&file.path) => "notebook".to_owned(),
        (Language::Other, Some(extension), _) => format!(".{}", extension.to_string_lossy().to_lowercase()),
        (Language::Other, None, Some(name)) => name.to_string_lossy().into_owned(),
        (language, ..) => language.name().to_owned(),
    }
}

fn by_reason(files: &[(PathBuf, Skipped)]) -> Vec<LeftOut> {
    let mut reasons: BTreeMap<Skipped, Vec<PathBuf>> = BTreeMap::new();
    for (path, reason) in files {
        reasons.entry(*reason).or_default().push(path.clone());
    }
    let left_out = reasons.into_iter().map(|(reason, paths)| LeftOut {
        reason,
        files: paths.len(),
        paths,
    });
    left_out.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_by_language_and_files_without_items_are_listed() {
        let file = |path: &str, items, passages| Counts {
            path: path.into(),
            language: Language::from_path(Path::new(path)),
            items,
            passages,
        };
        let languages = by_language(vec![
            file("a.rs", 3, 1),
            file("broken.rs", 0, 2),
            file("empty.rs", 0, 0),
            file("App.KT", 0, 4),
            file("Dockerfile", 0, 1),
            file("notes.txt", 0, 1),
        ]);
        let shown = |language: &LanguageCoverage| {
            let LanguageCoverage {
                language,
                files,
                items,
                passages,
                ..
            } = language;
            (language.clone(), *files, *items, *passages)
        };
        assert_eq!(shown(&languages[0]), ("rust".to_owned(), 3, 3, 3));
        assert_eq!(languages[0].without_items, [PathBuf::from("broken.rs")]);
        let others: Vec<&str> = languages[1..].iter().map(|language| &*language.language).collect();
        assert_eq!(others, [".kt", "Dockerfile", "plaintext"]);
        assert!(languages[1..].iter().all(|language| language.without_items.is_empty()));
    }

    #[test]
    fn skipped_files_are_grouped_by_reason() {
        let files = [
            ("a.csv", Skipped::Unknown),
            ("b.lock", Skipped::Lock),
            ("c.csv", Skipped::Unknown),
        ];
        let left_out = by_reason(&files.map(|(path, reason)| (path.into(), reason)));
        assert_eq!(
            (left_out.len(), left_out[0].reason, left_out[1].files),
            (2, Skipped::Lock, 2)
        );
        assert_eq!(left_out[1].paths, [PathBuf::from("a.csv"), PathBuf::from("c.csv")]);
    }
}
