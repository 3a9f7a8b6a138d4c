//! What the index has of a folder, language by language, and what it leaves out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::notebook::is_notebook;
use super::selection::has_items;
use super::{Index, IndexError, Renewal, Skipped, renew, table};
use crate::model::Model;
use crate::text::Language;

/// What the index has of a folder; as JSON part of the answer of `fovea index --report`.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Coverage {
    /// The languages of the files in the index, those with the most files first.
    pub languages: Vec<LanguageCoverage>,
    /// The files that are left out, by reason.
    pub left_out: Vec<LeftOut>,
}

/// What the index has of a language.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct LanguageCoverage {
    /// Its identifier; for a language without a grammar the ending of its files, or the name of a file without an ending.
    pub language: String,
    /// Files in the index.
    pub files: usize,
    /// Their functions, types and sections.
    pub items: usize,
    /// Their passages outside of items.
    pub passages: usize,
    /// Files that hold text but no item, in a language that has items: where the parser failed, they are here.
    pub without_items: Vec<PathBuf>,
}

/// Files that are left out for one reason.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LeftOut {
    /// Why.
    pub reason: Skipped,
    /// How many.
    pub files: usize,
    /// Their paths below the folder; that of a folder that cannot be listed is empty.
    pub paths: Vec<PathBuf>,
}

/// How much the index has of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counts {
    pub path: PathBuf,
    pub language: Language,
    pub items: usize,
    pub passages: usize,
}

impl Index {
    /// What the index has of a folder after a renewal.
    ///
    /// # Errors
    /// What the file reports.
    pub fn coverage(&self, model: &Model, root: &Path, renewal: &Renewal) -> Result<Coverage, IndexError> {
        let root = renew::canonical(root)?;
        let counts = match table::known_root(&self.connection, &root, &model.info().id) {
            Ok(Some(number)) => table::counts(&self.connection, number),
            Ok(None) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        Ok(Coverage {
            languages: by_language(counts.map_err(|error| self.trouble(error))?),
            left_out: by_reason(&renewal.left_out),
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
    // Equal ones stay in the order of their names.
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
    fn files_are_counted_by_language_and_those_without_items_are_named() {
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
    fn what_is_left_out_stands_under_its_reason() {
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
