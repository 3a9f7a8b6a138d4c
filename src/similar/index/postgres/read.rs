//! Questions to a store: candidates by the server, scores and order by the rules that hold everywhere.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postgres::types::ToSql;
use postgres::{IsolationLevel, Row, Transaction};

use super::super::encoding::{bytes, kind_number, kind_of, path, places_from_bytes};
use super::super::gallery::inverse_length;
use super::super::ranking::RELEVANCE;
use super::super::{Asked, Collection, Filter, Found, Globs, IndexError, IndexedItem, Query, Tests};
use super::halfvec::Halfvec;
use super::session::Open;
use super::trouble::Trouble;
use super::{Link, Shared, centring};
use crate::similar::likeness::{self, Ties};
use crate::text::Language;

/// How many nodes of a graph are kept in mind while the nearest are looked for.
pub(super) const BREADTH: u32 = 600;

/// Candidates of each kind, at least: they come in the order of halves, and thresholds differ.
const CANDIDATES: usize = 100;

/// Of a name that more items have than these, some.
const NAMESAKES: usize = 5000;

impl Collection for Shared {
    fn similar(&self, asked: &Asked, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        self.ask(|open| similar(open, self.own.as_deref(), asked, filter, count))
    }

    fn search(&self, query: &Query, filter: &Filter, count: usize) -> Result<Vec<Found>, IndexError> {
        self.ask(|open| search(open, &query.vector, filter, count))
    }

    fn len(&self) -> Result<usize, IndexError> {
        self.ask(|open| {
            let sql = "SELECT count(*) FROM files JOIN items USING (content)";
            let count: i64 = open.client.query_one(sql, &[])?.get(0);
            Ok(usize::try_from(count).unwrap_or(0))
        })
    }

    fn is_empty(&self) -> Result<bool, IndexError> {
        self.ask(|open| {
            let sql = "SELECT NOT EXISTS (SELECT FROM files JOIN items USING (content))";
            Ok(open.client.query_one(sql, &[])?.get(0))
        })
    }
}

/// A statement that grows with its parameters.
#[derive(Default)]
struct Statement<'p> {
    sql: String,
    parameters: Vec<&'p (dyn ToSql + Sync)>,
}

impl<'p> Statement<'p> {
    /// How a parameter is called in the statement.
    fn parameter(&mut self, value: &'p (dyn ToSql + Sync)) -> String {
        self.parameters.push(value);
        format!("${}", self.parameters.len())
    }
}

/// What of a filter the server needs, in its types.
struct Wanted {
    languages: Vec<&'static str>,
    kinds: Vec<i16>,
    /// A path, and the first and last of those below it.
    below: Option<[Vec<u8>; 3]>,
    /// Regular expressions of which a path matches one.
    paths: Option<Vec<String>>,
    tests: Tests,
}

impl Wanted {
    fn of(filter: &Filter) -> Wanted {
        Wanted {
            languages: filter.languages.iter().map(|language| language.name()).collect(),
            kinds: filter.kinds.iter().map(|kind| kind_number(*kind) as i16).collect(),
            below: filter.below.as_ref().and_then(|below| {
                // Without what a path may end with, and other spellings.
                let plain: PathBuf = below.components().collect();
                let plain = bytes(&plain).to_vec();
                let end = |last| [&plain, &[last][..]].concat();
                (!plain.is_empty()).then(|| [plain.clone(), end(b'/'), end(b'/' + 1)])
            }),
            paths: filter.paths.as_ref().map(Globs::expressions),
            tests: filter.tests,
        }
    }

    /// The condition on a row of items.
    fn of_item<'p>(&'p self, statement: &mut Statement<'p>) -> String {
        let mut conditions = format!(
            "EXISTS (SELECT FROM files WHERE files.content = items.content{})",
            self.of_file(statement)
        );
        if !self.languages.is_empty() {
            conditions += &format!(" AND language = ANY({})", statement.parameter(&self.languages));
        }
        if !self.kinds.is_empty() {
            conditions += &format!(" AND kind = ANY({})", statement.parameter(&self.kinds));
        }
        conditions
    }

    /// What is added to the condition on a row of files that belongs to a row of items.
    fn of_file<'p>(&'p self, statement: &mut Statement<'p>) -> String {
        let mut conditions = match self.tests {
            Tests::With => "",
            Tests::Only => " AND (items.test OR files.test)",
            Tests::None => " AND NOT (items.test OR files.test)",
        }
        .to_owned();
        if let Some([own, first, last]) = &self.below {
            let (own, first, last) = (
                statement.parameter(own),
                statement.parameter(first),
                statement.parameter(last),
            );
            conditions += &format!(" AND (path = {own} OR path >= {first} AND path < {last})");
        }
        if let Some(paths) = &self.paths {
            // Each byte becomes a character, whatever the path is encoded in.
            let paths = statement.parameter(paths);
            conditions += &format!(" AND convert_from(path, 'LATIN1') ~ ANY({paths})");
        }
        conditions
    }

    /// Completes a statement that has named `near`: what is needed of its items, and the first of the files of each.
    fn listed<'p>(&'p self, mut statement: Statement<'p>, files: &'p i64) -> Statement<'p> {
        let (file, files) = (self.of_file(&mut statement), statement.parameter(files));
        statement.sql += &format!(
            " SELECT name, words, kind, language, places, vector, f.roots, f.paths
            FROM near JOIN items USING (content, ordinal) CROSS JOIN LATERAL (
                SELECT array_agg(root) AS roots, array_agg(path) AS paths FROM (
                    SELECT root, path FROM files WHERE files.content = near.content{file} ORDER BY root, path LIMIT {files}
                ) first
            ) f WHERE f.roots IS NOT NULL"
        );
        statement
    }
}

/// An item that may be among the answers.
struct Candidate {
    item: IndexedItem,
    words: Option<String>,
    vector: Vec<f32>,
    files: Vec<(i64, PathBuf)>,
}

fn candidate(row: &Row) -> Option<Candidate> {
    let [start, end, name_start, name_end] = places_from_bytes(row.get(4))?;
    let item = IndexedItem {
        name: row.get(0),
        kind: kind_of(row.get::<_, i16>(2).into()),
        language: Language::from_id(row.get(3)),
        start,
        end,
        name_start,
        name_end,
    };
    let paths = row.get::<_, Vec<&[u8]>>(7).into_iter().map(path);
    Some(Candidate {
        item,
        words: row.get(1),
        vector: row.get::<_, Halfvec>(5).floats(),
        files: row.get::<_, Vec<i64>>(6).into_iter().zip(paths).collect(),
    })
}

fn search(open: &mut Open, query: &[f32], filter: &Filter, count: usize) -> Result<Vec<Found>, Trouble> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let (wanted, vector) = (Wanted::of(filter), Halfvec::of(query));
    let (most, files) = ((count * 4).max(CANDIDATES) as i64, count as i64);
    let mut statement = Statement::default();
    let condition = wanted.of_item(&mut statement);
    let (vector, most) = (statement.parameter(&vector), statement.parameter(&most));
    statement.sql = format!(
        "WITH near AS MATERIALIZED (
            SELECT content, ordinal FROM items WHERE {condition} ORDER BY vector <=> {vector} LIMIT {most})"
    );
    let statement = wanted.listed(statement, &files);
    let relevance = open.calibration.relevance();
    let mut transaction = view(open)?;
    if width(&mut transaction)? != query.len() {
        return Ok(Vec::new());
    }
    let rows = transaction.query(&statement.sql, &statement.parameters)?;
    let scored = rows.iter().filter_map(candidate).flat_map(|candidate| {
        let score = relevance.of(product(&candidate.vector, query)) * RELEVANCE;
        let Candidate { item, files, .. } = candidate;
        files.into_iter().map(move |file| (score, file, item.clone()))
    });
    best(&mut transaction, scored.collect(), count)
}

fn similar(
    open: &mut Open,
    own: Option<&Path>,
    asked: &Asked,
    filter: &Filter,
    count: usize,
) -> Result<Vec<Found>, Trouble> {
    if count == 0 {
        return Ok(Vec::new());
    }
    refresh_centre(open)?;
    let Some((_, centre)) = open.centre.clone() else {
        return Ok(Vec::new());
    };
    let mut query = asked.vector.to_vec();
    centre.apply(asked.item.language, &mut query);
    let mut transaction = view(open)?;
    if width(&mut transaction)? != query.len() {
        return Ok(Vec::new());
    }
    let own_root = match own {
        Some(own) => root(&mut transaction, own)?,
        None => None,
    };
    let (taken, likeness) = (centre.along(&query), centre.calibration().likeness());
    let words = likeness::words(&asked.item.name);
    let own_path = asked.path.map(|path| bytes(path).to_vec());
    let wanted = Wanted::of(filter);
    let language = asked.item.language.name();
    let near = Near {
        query: Halfvec::of(&query),
        most: (count * 4).max(CANDIDATES) as i64,
        files: count as i64 + 1,
        language: asked.base.is_some().then_some(&language),
        words: words.as_ref().filter(|_| asked.base.is_some()),
        own: own_path.as_ref(),
    };
    let statement = near.statement(&wanted);
    let rows = transaction.query(&statement.sql, &statement.parameters)?;
    let mut scored = Vec::new();
    for candidate in rows.iter().filter_map(candidate) {
        let Candidate {
            item,
            vector,
            files,
            words: name,
        } = candidate;
        let scale = inverse_length(&vector, centre.mean(item.language));
        let score = likeness.of((product(&vector, &query) - taken(item.language)) * scale);
        let overlaps = item.start.byte < asked.item.end.byte && asked.item.start.byte < item.end.byte;
        for (root, path) in files {
            let file = asked.path == Some(&path) && own_root.is_none_or(|own| own == root);
            let ties = Ties {
                file,
                language: item.language == asked.item.language,
                name: name.is_some() && name == words,
            };
            let from = asked
                .base
                .map_or(f32::NEG_INFINITY, |base| likeness::needed(base, ties));
            if score >= from && !(file && overlaps) {
                scored.push((score, (root, path), item.clone()));
            }
        }
    }
    best(&mut transaction, scored, count)
}

/// Where candidates for what resembles an item are looked for. What needs a lower score than the nearest of all is looked for by itself.
struct Near<'p> {
    query: Halfvec,
    /// Candidates of each kind.
    most: i64,
    /// Files that are listed of each.
    files: i64,
    /// The item's own, where other languages need another score.
    language: Option<&'p &'static str>,
    /// The words of the item's name, where those of the same name need another score.
    words: Option<&'p String>,
    /// The item's own file.
    own: Option<&'p Vec<u8>>,
}

impl<'p> Near<'p> {
    fn statement(&'p self, wanted: &'p Wanted) -> Statement<'p> {
        let mut statement = Statement::default();
        let condition = wanted.of_item(&mut statement);
        let (query, most) = (statement.parameter(&self.query), statement.parameter(&self.most));
        let nearest = |of: &str, language: &str| {
            format!(
                "{of} AS MATERIALIZED (SELECT content, ordinal FROM items WHERE {condition}{language}
                    ORDER BY centred <#> {query} LIMIT {most})"
            )
        };
        let mut parts = Vec::new();
        match self.language {
            Some(language) => {
                let language = statement.parameter(language);
                parts.push(nearest("own_language", &format!(" AND language = {language}")));
                parts.push(nearest("others", &format!(" AND language <> {language}")));
            }
            None => parts.push(nearest("every", "")),
        }
        let mut names = vec!["own_language", "others"];
        if self.language.is_none() {
            names = vec!["every"];
        }
        if let Some(words) = self.words {
            let words = statement.parameter(words);
            // Few have one name: they are read by it, and not through the graph until one of the name comes along.
            parts.push(format!(
                "bearers AS MATERIALIZED (SELECT content, ordinal, centred FROM items WHERE words = {words} AND {condition}
                    LIMIT {NAMESAKES}),
                namesakes AS MATERIALIZED (SELECT content, ordinal FROM bearers ORDER BY centred <#> {query} LIMIT {most})"
            ));
            names.push("namesakes");
        }
        if let Some(path) = self.own {
            let path = statement.parameter(path);
            parts.push(format!(
                "own_file AS MATERIALIZED (SELECT content, ordinal FROM items
                    WHERE content IN (SELECT content FROM files WHERE path = {path}) AND {condition} LIMIT {NAMESAKES})"
            ));
            names.push("own_file");
        }
        let union: Vec<String> = names
            .iter()
            .map(|name| format!("SELECT content, ordinal FROM {name}"))
            .collect();
        statement.sql = format!("WITH {}, near AS ({})", parts.join(", "), union.join(" UNION "));
        wanted.listed(statement, &self.files)
    }
}

/// A transaction that sees the store as of one moment.
fn view(open: &mut Open) -> Result<Transaction<'_>, Trouble> {
    let builder = open.client.build_transaction().read_only(true);
    Ok(builder.isolation_level(IsolationLevel::RepeatableRead).start()?)
}

/// Reads the means where they were taken away anew since.
fn refresh_centre(open: &mut Open) -> Result<(), Trouble> {
    let known = open.centre.as_ref().map(|(centring, _)| *centring);
    let calibration = open.calibration.clone();
    let mut transaction = view(open)?;
    let now: i64 = transaction.query_one("SELECT centring FROM meta", &[])?.get(0);
    if known != Some(now) {
        let centre = centring::centre(&mut transaction, &calibration)?;
        transaction.commit()?;
        open.centre = Some((now, centre));
    }
    Ok(())
}

fn width(transaction: &mut Transaction) -> Result<usize, Trouble> {
    let width: i32 = transaction.query_one("SELECT width FROM meta", &[])?.get(0);
    Ok(width.unsigned_abs() as usize)
}

fn root(transaction: &mut Transaction, name: &Path) -> Result<Option<i64>, Trouble> {
    let row = transaction.query_opt("SELECT id FROM roots WHERE path = $1", &[&bytes(name)])?;
    Ok(row.map(|row| row.get(0)))
}

/// The same as a product of rows in memory.
fn product(vector: &[f32], query: &[f32]) -> f32 {
    let sum: f64 = vector
        .iter()
        .zip(query)
        .map(|(v, q)| f64::from(*v) * f64::from(*q))
        .sum();
    sum as f32
}

/// The best, equal ones by folder, path and place.
fn best(
    transaction: &mut Transaction,
    scored: Vec<(f32, (i64, PathBuf), IndexedItem)>,
    count: usize,
) -> Result<Vec<Found>, Trouble> {
    let mut ids: Vec<i64> = scored.iter().map(|(_, (root, _), _)| *root).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = transaction.query("SELECT id, path, link FROM roots WHERE id = ANY($1)", &[&ids])?;
    let roots = rows.iter().map(|row| {
        let link: Option<&str> = row.get(2);
        // What somebody else wrote there is checked like what is written.
        let link = link.and_then(|pattern| Link::new(pattern).ok());
        (row.get(0), (path(row.get(1)).into(), link))
    });
    let roots: HashMap<i64, (Arc<Path>, Option<Link>)> = roots.collect();
    let found = scored.into_iter().filter_map(|(score, (root, path), item)| {
        let (root, link) = roots.get(&root)?;
        Some(Found {
            root: Arc::clone(root),
            why: None,
            link: link.as_ref().map(|link| link.of(&path, item.name_start.line)),
            path,
            item,
            score,
        })
    });
    let mut found: Vec<Found> = found.collect();
    found.sort_by(|a, b| {
        let place = |found: &Found| (found.item.start, found.item.end);
        let order = b.score.total_cmp(&a.score).then_with(|| a.root.cmp(&b.root));
        order
            .then_with(|| a.path.cmp(&b.path))
            .then_with(|| place(a).cmp(&place(b)))
    });
    found.truncate(count);
    found
        .iter_mut()
        .for_each(|found| found.score = found.score.clamp(-1.0, 1.0));
    Ok(found)
}
