//! Labelled texts: a CSV with a header.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::compare::Document;
use crate::cli::input::{self, Usage};
use crate::similar::probe::rows;
use crate::text::{Language, decode, read_regular};

/// A labeled text.
pub(super) struct Item {
    /// The file that it comes from, as the CSV names it.
    pub path: Option<String>,
    pub text: String,
    pub language: Language,
    pub label: String,
}

/// The items of a CSV, in order.
pub(super) fn items(file: &Path) -> Result<Vec<Item>> {
    let name = file.display();
    let bytes = read_regular(file, input::MAX_BYTES as u64 * 16).with_context(|| name.to_string())?;
    let text = decode(bytes).with_context(|| name.to_string())?;
    let mut rows = rows(&text).into_iter();
    let header: Vec<String> = rows.next().unwrap_or_default();
    let column = |wanted: &str| header.iter().position(|own| own.trim().eq_ignore_ascii_case(wanted));
    let (Some(label), text, path) = (column("label"), column("text"), column("path")) else {
        return Err(wrong_header(file));
    };
    if text.is_none() && path.is_none() {
        return Err(wrong_header(file));
    }
    let mut items = Vec::new();
    let mut documents: HashMap<(PathBuf, Option<Language>), Document> = HashMap::new();
    for (number, row) in rows.enumerate() {
        let cell = |column: Option<usize>| row.get(column?).filter(|cell| !cell.trim().is_empty());
        let whereabouts = || format!("{name}, row {}", number + 1);
        let Some(label) = cell(Some(label)) else {
            return Err(Usage(format!("{}: no label; write one, or delete the row", whereabouts())).into());
        };
        let language = cell(column("language")).map(String::as_str);
        let language = input::language(language).with_context(whereabouts)?;
        let (text, language) = match (cell(text), cell(path)) {
            (Some(text), _) => (text.clone(), language.unwrap_or(Language::Prose)),
            (None, Some(path)) => {
                let beside = file.parent().unwrap_or(Path::new("")).join(path);
                let (beside, line) = input::place(&beside);
                // Rows of one file read and parse it once.
                let document = match documents.entry((beside, language)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        let read = Document::read(&new.key().0, language).with_context(whereabouts)?;
                        new.insert(read)
                    }
                };
                let passage = document.passage(line).with_context(whereabouts)?;
                let text = passage.snapshot.text(passage.range.clone()).into_owned();
                (text, passage.snapshot.language())
            }
            (None, None) => {
                return Err(Usage(format!(
                    "{}: neither text nor path; write one, or delete the row",
                    whereabouts()
                ))
                .into());
            }
        };
        items.push(Item {
            path: cell(path).cloned(),
            text,
            language,
            label: label.trim().to_owned(),
        });
    }
    Ok(items)
}

fn wrong_header(file: &Path) -> anyhow::Error {
    let name = file.display();
    Usage(format!(
        "{name}: the first line names no columns `label` and `text` or `path`; begin the file with `text,label` or `path,label`"
    ))
    .into()
}
