//! Translates a filter and the words of a query to SQL.

use std::path::PathBuf;

use postgres::Row;
use postgres::types::ToSql;

use super::super::encoding::{bytes, kind_number, kind_of, path, places_from_bytes};
use super::super::{Filter, Globs, IndexedItem, Query, Tests};
use crate::segment::ItemKind;
use crate::similar::words::words;
use crate::text::Language;

/// Maximum number of items with one name that are read.
pub(super) const NAMESAKES: usize = 5000;

/// A statement under construction, with its parameters.
#[derive(Default)]
pub(super) struct Statement<'p> {
    pub sql: String,
    pub parameters: Vec<&'p (dyn ToSql + Sync)>,
}

impl<'p> Statement<'p> {
    /// Adds a parameter and returns its placeholder.
    pub(super) fn parameter(&mut self, value: &'p (dyn ToSql + Sync)) -> String {
        self.parameters.push(value);
        format!("${}", self.parameters.len())
    }
}

/// A table of passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Items,
    Texts,
}

/// A filter in the types of the server.
pub(super) struct Wanted {
    languages: Vec<&'static str>,
    kinds: Vec<i16>,
    other_languages: Vec<&'static str>,
    other_kinds: Vec<i16>,
    /// A path, and the range of byte strings that covers everything below it.
    below: Option<[Vec<u8>; 3]>,
    /// Regular expressions; a path must match one of them.
    paths: Option<Vec<String>>,
    /// Regular expressions; a path must match none of them.
    other_paths: Option<Vec<String>>,
    tests: Tests,
    /// Required words, each as a list of its own.
    required: Vec<Vec<i32>>,
    /// Excluded words.
    unwanted: Vec<i32>,
}

impl Wanted {
    pub(super) fn of(filter: &Filter) -> Wanted {
        let names = |languages: &[Language]| languages.iter().map(|language| language.name()).collect();
        let numbers = |kinds: &[ItemKind]| kinds.iter().map(|kind| kind_number(*kind) as i16).collect();
        Wanted {
            languages: names(&filter.languages),
            kinds: numbers(&filter.kinds),
            other_languages: names(&filter.other_languages),
            other_kinds: numbers(&filter.other_kinds),
            below: filter.below.as_ref().and_then(|below| {
                // Normalized: without a trailing slash or a leading `./`.
                let plain: PathBuf = below.components().collect();
                let plain = bytes(&plain).into_owned();
                let end = |last| [&plain, &[last][..]].concat();
                (!plain.is_empty()).then(|| [plain.clone(), end(b'/'), end(b'/' + 1)])
            }),
            paths: filter.paths.as_ref().map(Globs::expressions),
            other_paths: filter.other_paths.as_ref().map(Globs::expressions),
            tests: filter.tests,
            required: Vec::new(),
            unwanted: Vec::new(),
        }
    }

    /// Adds the required and excluded words of a query.
    ///
    /// The store has no text, so a passage must contain every word of a phrase.
    pub(super) fn with_words(self, query: &Query) -> Wanted {
        let phrases = query.phrases.iter().flat_map(|phrase| words(phrase));
        Wanted {
            required: phrases.map(|word| vec![word.term.cast_signed()]).collect(),
            unwanted: query.unwanted.iter().map(|term| term.cast_signed()).collect(),
            ..self
        }
    }

    /// The condition on a row of a table of passages.
    pub(super) fn of_passage<'p>(&'p self, statement: &mut Statement<'p>, table: Table) -> String {
        let needs_items = self.has_item_conditions() || self.tests != Tests::With;
        let needs_texts = !self.required.is_empty() || !self.unwanted.is_empty();
        let (own, other, joined) = match table {
            Table::Items => ("items", "texts", needs_texts),
            Table::Texts => ("texts", "items", needs_items),
        };
        let (from, join) = match joined {
            true => (
                format!("files, {other}"),
                format!(" AND {other}.content = {own}.content AND {other}.ordinal = {own}.ordinal"),
            ),
            false => ("files".to_owned(), String::new()),
        };
        let (file, item) = (self.of_file(statement), self.of_item(statement));
        let (inside, beside) = match table {
            Table::Items => ("", &*item),
            Table::Texts => (&*item, ""),
        };
        format!("EXISTS (SELECT FROM {from} WHERE files.content = {own}.content{join}{file}{inside}){beside}")
    }

    fn has_item_conditions(&self) -> bool {
        let lists = [self.languages.is_empty(), self.other_languages.is_empty()];
        let kinds = [self.kinds.is_empty(), self.other_kinds.is_empty()];
        lists.contains(&false) || kinds.contains(&false)
    }

    fn of_item<'p>(&'p self, statement: &mut Statement<'p>) -> String {
        let mut conditions = String::new();
        if !self.languages.is_empty() {
            conditions += &format!(" AND items.language = ANY({})", statement.parameter(&self.languages));
        }
        if !self.kinds.is_empty() {
            conditions += &format!(" AND items.kind = ANY({})", statement.parameter(&self.kinds));
        }
        if !self.other_languages.is_empty() {
            let others = statement.parameter(&self.other_languages);
            conditions += &format!(" AND NOT items.language = ANY({others})");
        }
        if !self.other_kinds.is_empty() {
            let others = statement.parameter(&self.other_kinds);
            conditions += &format!(" AND NOT items.kind = ANY({others})");
        }
        conditions
    }

    /// Additional conditions on a row of files that belongs to a passage.
    fn of_file<'p>(&'p self, statement: &mut Statement<'p>) -> String {
        let mut conditions = match self.tests {
            Tests::With => "",
            Tests::Only => " AND (items.test OR files.test)",
            Tests::None => " AND NOT (items.test OR files.test)",
        }
        .to_owned();
        // The words of its path also belong to a passage.
        for word in &self.required {
            let word = statement.parameter(word);
            conditions += &format!(" AND (texts.terms @> {word} OR files.terms @> {word})");
        }
        if !self.unwanted.is_empty() {
            let unwanted = statement.parameter(&self.unwanted);
            conditions += &format!(" AND NOT (texts.terms && {unwanted} OR files.terms && {unwanted})");
        }
        conditions + &self.of_path(statement)
    }

    /// Additional conditions on the path of a row of files.
    pub(super) fn of_path<'p>(&'p self, statement: &mut Statement<'p>) -> String {
        let mut conditions = String::new();
        if let Some([own, first, last]) = &self.below {
            let (own, first, last) = (
                statement.parameter(own),
                statement.parameter(first),
                statement.parameter(last),
            );
            conditions += &format!(" AND (files.path = {own} OR files.path >= {first} AND files.path < {last})");
        }
        if let Some(paths) = &self.paths {
            // LATIN1 maps each byte to a character, whatever the encoding of the path.
            let paths = statement.parameter(paths);
            conditions += &format!(" AND convert_from(files.path, 'LATIN1') ~ ANY({paths})");
        }
        if let Some(paths) = &self.other_paths {
            let paths = statement.parameter(paths);
            conditions += &format!(" AND NOT convert_from(files.path, 'LATIN1') ~ ANY({paths})");
        }
        conditions
    }

    /// Completes a statement that defines `near`. It selects the columns of the passages, and the first files of each.
    pub(super) fn listed<'p>(&'p self, mut statement: Statement<'p>, columns: &str, files: &'p i64) -> Statement<'p> {
        let (file, files) = (self.of_file(&mut statement), statement.parameter(files));
        statement.sql += &format!(
            " SELECT ordinal, name, kind, language, places, around, items.test, f.roots, f.paths, f.tests, {columns}
            FROM near JOIN items USING (content, ordinal) JOIN texts USING (content, ordinal) CROSS JOIN LATERAL (
                SELECT array_agg(root) AS roots, array_agg(path) AS paths, array_agg(test) AS tests FROM (
                    SELECT root, path, test FROM files WHERE files.content = near.content{file}
                    ORDER BY root, path LIMIT {files}
                ) first
            ) f WHERE f.roots IS NOT NULL"
        );
        statement
    }
}

/// A passage that may be in the result.
pub(super) struct Candidate {
    pub item: IndexedItem,
    pub ordinal: i32,
    /// The name of the innermost surrounding item.
    pub around: Option<String>,
    pub files: Vec<CandidateFile>,
}

/// A file that contains a candidate.
pub(super) struct CandidateFile {
    pub root: i64,
    pub path: PathBuf,
    /// Whether the candidate in this file is a test, or inside one.
    pub test: bool,
}

/// Reads a row of [`Wanted::listed`]; `None` if the row is damaged.
pub(super) fn candidate(row: &Row) -> Option<Candidate> {
    let [start, end, name_start, name_end] = places_from_bytes(row.get("places"))?;
    let item = IndexedItem {
        name: row.get("name"),
        kind: kind_of(row.get::<_, i16>("kind").into()),
        language: Language::from_id(row.get("language")),
        start,
        end,
        name_start,
        name_end,
    };
    let test: bool = row.get("test");
    let roots = row.get::<_, Vec<i64>>("roots").into_iter();
    let paths = row.get::<_, Vec<&[u8]>>("paths").into_iter().map(path);
    let tests = row.get::<_, Vec<bool>>("tests");
    let files = roots.zip(paths).zip(tests).map(|((root, path), file)| CandidateFile {
        root,
        path,
        test: test || file,
    });
    Some(Candidate {
        item,
        ordinal: row.get("ordinal"),
        around: row.get("around"),
        files: files.collect(),
    })
}
