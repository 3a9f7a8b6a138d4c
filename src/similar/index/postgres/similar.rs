//! Finds items in a store that are similar to an item.

use std::path::Path;

use pgvector::HalfVector;

use super::super::across::Across;
use super::super::encoding::{bytes, kind_number};
use super::super::nearest::PROPOSED;
use super::super::ranking::Aside;
use super::super::vector_index::inverse_length;
use super::super::{Asked, Filter, Found, Known, conventions, is_foreign_file};
use super::centering::{COMPARED, refresh_center};
use super::connection::Open;
use super::error::StoreError;
use super::filter::{Candidate, CandidateFile, NAMESAKES, Statement, Table, Wanted, candidate};
use super::roots::Roots;
use super::snapshot::{floats, view, width};
use crate::similar::Center;
use crate::similar::decision;
use crate::similar::fingerprint::Fingerprint;
use crate::similar::moments::Spreads;
use crate::similar::thresholds::{self, Ties};
use crate::text::Language;

pub(super) fn similar(
    open: &mut Open,
    own: Option<&Path>,
    asked: &Asked,
    filter: &Filter,
    count: usize,
) -> Result<Vec<Found>, StoreError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    refresh_center(open)?;
    let Some((_, center)) = open.center.clone() else {
        return Ok(Vec::new());
    };
    let mut query = asked.vector.to_vec();
    center.apply(asked.item.language, &mut query);
    let mut transaction = view(open)?;
    if width(&mut transaction)? != query.len() {
        return Ok(Vec::new());
    }
    let own_root = match own {
        Some(own) => {
            let row = transaction.query_opt("SELECT id FROM roots WHERE path = $1", &[&bytes(own)])?;
            row.map(|row| row.get(0))
        }
        None => None,
    };
    let own_path = asked.path.map(|path| bytes(path).into_owned());
    let (name, language) = (thresholds::words(&asked.item.name), asked.item.language.name());
    let most = PROPOSED.max(count * 2);
    // If all candidates need the same score, the nearest overall are enough.
    let scores_differ = asked.base.is_some() && asked.known.is_none();
    let near = Near {
        query: HalfVector::from_f32_slice(&query),
        most: most as i64,
        files: count as i64 + 1,
        kind: asked.known.map(|_| kind_number(asked.item.kind) as i16),
        language: scores_differ.then_some(&language),
        words: name.as_ref().filter(|_| scores_differ),
        own: own_path.as_ref().filter(|_| scores_differ),
    };
    let wanted = Wanted::of(filter);
    let statement = near.statement(&wanted);
    let rows = transaction.query(&statement.sql, &statement.parameters)?;
    let mut candidates = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(passage) = candidate(row) else { continue };
        candidates.push(Compared {
            passage,
            vector: floats(row, "vector"),
            fingerprint: Fingerprint::from_bytes(row.get("fingerprint")).unwrap_or_default(),
        });
    }
    let roots = candidates.iter().flat_map(|candidate| &candidate.passage.files);
    let roots = Roots::of(&mut transaction, roots.map(|file| file.root).collect())?;
    let question = Question {
        asked,
        center: &center,
        query: &query,
        own_root,
    };
    let mut pairs = question.pairs(&candidates);
    pairs.sort_by(|a, b| {
        let place = |pair: &Pair| (pair.candidate.item.start, pair.candidate.item.end);
        let order = b.score.total_cmp(&a.score);
        let order = order.then_with(|| roots.name(a.file.root).cmp(&roots.name(b.file.root)));
        order
            .then_with(|| a.file.path.cmp(&b.file.path))
            .then_with(|| place(a).cmp(&place(b)))
    });
    pairs.truncate(most);
    let found = question.accepted(pairs).into_iter().filter_map(|pair| {
        let score = pair.score.clamp(-1.0, 1.0);
        roots.found(
            pair.file,
            (pair.candidate.item.clone(), pair.candidate.around.as_deref()),
            score,
            None,
        )
    });
    Ok(found.take(count).collect())
}

/// A candidate with the data for its comparison.
struct Compared {
    passage: Candidate,
    vector: Vec<f32>,
    fingerprint: Fingerprint,
}

/// A candidate in one of its files.
struct Pair<'c> {
    candidate: &'c Candidate,
    compared: &'c Compared,
    file: &'c CandidateFile,
    /// 1 / length of its centered vector.
    scale: f32,
    /// Whether it is in the item's own file.
    own_file: bool,
    score: f32,
    needed: f32,
}

/// The item to which candidates are compared.
struct Question<'q> {
    asked: &'q Asked<'q>,
    center: &'q Center,
    /// The centered vector of the item.
    query: &'q [f32],
    /// The folder that contains the item.
    own_root: Option<i64>,
}

impl Question<'_> {
    /// Candidates that may reach their required score, once per file. Their cosines exclude the language factor.
    fn pairs<'c>(&self, candidates: &'c [Compared]) -> Vec<Pair<'c>> {
        let (asked, center) = (self.asked, self.center);
        let across = Across::new(center, asked.item.language, self.query);
        let (taken, likeness) = (center.along(self.query), center.calibration().likeness());
        let name = thresholds::words(&asked.item.name);
        let mut pairs = Vec::new();
        for compared in candidates {
            let candidate = &compared.passage;
            let item = &candidate.item;
            let scale = inverse_length(&compared.vector, center.mean(item.language));
            if scale == 0.0 {
                continue;
            }
            let score = likeness.of((product(&compared.vector, self.query) - taken(item.language)) * scale);
            let overlaps = item.start.byte < asked.item.end.byte && asked.item.start.byte < item.end.byte;
            let namesakes = name.is_some() && thresholds::words(&item.name) == name;
            for file in &candidate.files {
                let own_file = asked.path == Some(&file.path) && self.own_root.is_none_or(|own| own == file.root);
                let ties = Ties {
                    file: own_file,
                    language: item.language == asked.item.language,
                    name: namesakes,
                };
                let needed = asked.needed(item.kind, ties).filter(|_| !(own_file && overlaps));
                let Some(needed) = needed.filter(|needed| score >= across.least(item.language, *needed)) else {
                    continue;
                };
                pairs.push(Pair {
                    candidate,
                    compared,
                    file,
                    scale,
                    own_file,
                    score,
                    needed,
                });
            }
        }
        pairs
    }

    /// Filters pairs by their final score and the decision; best first.
    fn accepted<'c>(&self, mut pairs: Vec<Pair<'c>>) -> Vec<Pair<'c>> {
        let own = self.asked.item.language;
        let across = Across::new(self.center, own, self.query);
        if !across.is_empty() {
            for pair in &mut pairs {
                let language = pair.candidate.item.language;
                pair.score *= across.factor(language, |other| self.spreads(pair, other));
            }
            pairs.retain(|pair| pair.score >= pair.needed);
            pairs.sort_by(|a, b| b.score.total_cmp(&a.score));
        }
        if let Some(known) = self.asked.known {
            let (facts, lift) = (known.facts(self.asked.item), self.asked.lift());
            pairs.retain(|pair| {
                let other = pair.known();
                let other = other.facts(&pair.candidate.item);
                decision::decide(&facts, &other, pair.own_file, pair.score + lift).is_some()
            });
        }
        pairs
    }

    /// The spreads of a candidate against its own language and another.
    fn spreads(&self, pair: &Pair, other: Language) -> Spreads {
        let language = pair.candidate.item.language;
        let mut vector = pair.compared.vector.clone();
        if let Some(mean) = self.center.mean(language) {
            vector.iter_mut().zip(mean).for_each(|(v, m)| *v -= m);
        }
        vector.iter_mut().for_each(|v| *v *= pair.scale);
        Spreads {
            own: self.center.spread(language, language, &vector),
            other: self.center.spread(language, other, &vector),
        }
    }
}

impl Pair<'_> {
    /// The context for a decision.
    fn known(&self) -> Known<'_> {
        let Aside { record, .. } = conventions::aside(&self.file.path);
        Known {
            around: self.candidate.around.as_deref(),
            test: self.file.test,
            repetitive: record || is_foreign_file(&self.file.path),
            fingerprint: &self.compared.fingerprint,
        }
    }
}

/// The searches for candidates. Groups with a lower required score have a search of their own.
struct Near<'p> {
    query: HalfVector,
    /// Maximum number of candidates per search.
    most: i64,
    /// Maximum number of files listed per candidate.
    files: i64,
    /// If set, only this kind.
    kind: Option<i16>,
    /// The item's language, if other languages need another score.
    language: Option<&'p &'static str>,
    /// The words of the item's name, if items of the same name need another score.
    words: Option<&'p String>,
    /// The item's own file, if its items need another score.
    own: Option<&'p Vec<u8>>,
}

impl<'p> Near<'p> {
    fn statement(&'p self, wanted: &'p Wanted) -> Statement<'p> {
        let mut statement = Statement::default();
        let mut condition = format!("{COMPARED} AND {}", wanted.of_passage(&mut statement, Table::Items));
        if let Some(kind) = &self.kind {
            condition += &format!(" AND items.kind = {}", statement.parameter(kind));
        }
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
            // Few items share a name: reading them directly is faster than a graph search with a filter.
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
        wanted.listed(statement, "items.vector, texts.fingerprint", &self.files)
    }
}

/// Equals the product of rows in memory.
fn product(vector: &[f32], query: &[f32]) -> f32 {
    let sum: f64 = vector
        .iter()
        .zip(query)
        .map(|(v, q)| f64::from(*v) * f64::from(*q))
        .sum();
    sum as f32
}
