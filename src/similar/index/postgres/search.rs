//! Searches a store.
//!
//! The server proposes a limited number of passages by vector, by words, by a defined name and by path; they are scored and ranked as in
//! memory. A passage outside of all these proposals hardly has a high total score.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use pgvector::HalfVector;
use postgres::Transaction;

use super::super::encoding::{bytes, path};
use super::super::lexicon::{self, BEGINNING, PathWords};
use super::super::query::name_term;
use super::super::ranking::{self, RELEVANCE, Why, Without};
use super::super::searching::{
    CANDIDATES, Evidence, Weighing, borne, definition, is_named, keep_best, names_file, wanted_names,
};
use super::super::{Filter, Found, Query, conventions};
use super::connection::Open;
use super::error::StoreError;
use super::filter::{Candidate, CandidateFile, NAMESAKES, Statement, Table, Wanted, candidate};
use super::roots::Roots;
use super::schema::FILE;
use super::snapshot::{view, width};
use crate::segment::ItemKind;
use crate::similar::words::Word;

/// Limits on the proposals.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Maximum number of passages per kind of proposal.
    most: usize,
    /// Maximum number of files proposed for their paths.
    placed: usize,
    /// Maximum number of passages read for their words. More frequent words mean little; the vector finds passages without rarer words.
    read: i64,
}

/// A passage may be good in every respect without being among the best in one. Even an unlisted passage raises its file.
///
/// So the limits exceed the number of candidates that memory ranks.
const BOUNDS: Bounds = Bounds {
    most: 1000,
    placed: 100,
    read: 5000,
};

/// Limits without a vector: many passages contain the same words equally often.
const BOUNDS_WITHOUT_VECTOR: Bounds = Bounds {
    most: 2000,
    placed: 1000,
    read: 20_000,
};

pub(super) fn search(open: &mut Open, query: &Query, filter: &Filter, count: usize) -> Result<Vec<Found>, StoreError> {
    if count == 0 || query.is_empty() {
        return Ok(Vec::new());
    }
    let weighing = Weighing {
        query,
        without: Without::default(),
        relevance: open.calibration.relevance(),
        // A store has many folders.
        of_prose: false,
        elsewhere: 0.0,
    };
    let mut transaction = view(open)?;
    let wanted = Wanted::of(filter).with_words(query);
    let vector = (width(&mut transaction)? == query.vector.len()).then(|| HalfVector::from_f32_slice(&query.vector));
    let bounds = match vector {
        Some(_) => BOUNDS,
        None => BOUNDS_WITHOUT_VECTOR,
    };
    let proposals = Proposals {
        words: WordStatistics::read(&mut transaction, &query.words, bounds.read)?,
        names: wanted_names(query)
            .map(|(name, _)| name_term(name).cast_signed())
            .collect(),
        stems: match weighing.takes_places() {
            true => stems(&mut transaction, &query.words, bounds.read)?,
            false => Vec::new(),
        },
        bounds: Bounds {
            most: bounds.most.max(count),
            ..bounds
        },
        vector,
        exact: &query.vector,
        files: count as i64,
    };
    let statement = proposals.statement(&wanted);
    let rows = transaction.query(&statement.sql, &statement.parameters)?;
    let mut proposed = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(passage) = candidate(row) else { continue };
        proposed.push(Proposed {
            passage,
            cosine: row.get("cosine"),
            counts: row.get("counts"),
            length: row.get::<_, i32>("length").unsigned_abs(),
        });
    }
    let files = proposed.iter().flat_map(|proposed| &proposed.passage.files);
    let roots = Roots::of(&mut transaction, files.clone().map(|file| file.root).collect())?;
    let files = Files::of(&mut transaction, files, &roots)?;
    let mut passages: Vec<(u32, &Proposed)> = proposed
        .iter()
        .flat_map(|proposed| proposed.passage.files.iter().map(move |file| (file, proposed)))
        .filter_map(|(file, proposed)| Some((files.number(file)?, proposed)))
        .collect();
    // Equal scores are ordered by folder, path and position.
    passages.sort_by_key(|(file, proposed)| (*file, proposed.passage.ordinal));
    let evidence: Vec<(Evidence, Vec<String>)> = passages
        .iter()
        .map(|(file, proposed)| {
            let file = &files.known[*file as usize];
            proposed.evidence(&weighing, &proposals.words, file)
        })
        .collect();
    let full = evidence
        .iter()
        .filter(|(evidence, _)| weighing.has_full_weight(evidence.aside));
    let weighing = Weighing {
        elsewhere: full.fold(0.0, |most, (evidence, _)| evidence.words.max(most)),
        ..weighing
    };
    let why: Vec<Why> = evidence
        .into_iter()
        .map(|(evidence, matched)| Why {
            matched,
            ..weighing.parts(&evidence)
        })
        .collect();
    let mut scored: Vec<(usize, f32)> = why.iter().map(Why::score).enumerate().collect();
    scored.retain(|(_, score)| *score != 0.0);
    keep_best(&mut scored, CANDIDATES.max(count));
    let scored = scored
        .into_iter()
        .map(|(passage, score)| (passage, passages[passage].0, score));
    let named = |passage: usize| is_named(why[passage].definition);
    let ordered = ranking::ordered(scored.collect(), named, weighing.without);
    let found = ordered.into_iter().take(count).filter_map(|(passage, score)| {
        let (number, proposed) = passages[passage];
        let file = &files.known[number as usize];
        let mut item = proposed.passage.item.clone();
        if item.kind == ItemKind::File {
            item.name.clone_from(&file.name);
        }
        let around = proposed.passage.around.as_deref();
        roots.found(file.file, (item, around), score * RELEVANCE, Some(why[passage].clone()))
    });
    Ok(found.collect())
}

/// Statistics of the query's words in a store.
struct WordStatistics {
    /// Per word: its term, its maximum contribution, and the number of passages that contain it.
    words: Vec<(i32, f32, i64)>,
    /// The mean length of passages.
    mean: f32,
    /// Maximum number of passages read for words.
    read: i64,
}

impl WordStatistics {
    fn read(transaction: &mut Transaction, words: &[Word], read: i64) -> Result<WordStatistics, StoreError> {
        let row = transaction.query_one("SELECT passages, length FROM meta", &[])?;
        let (passages, length): (i64, i64) = (row.get(0), row.get(1));
        let terms: Vec<i32> = words.iter().map(|word| word.term.cast_signed()).collect();
        let rows = transaction.query("SELECT term, passages FROM terms WHERE term = ANY($1)", &[&terms])?;
        let holders: HashMap<i32, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let passages = passages.unsigned_abs();
        let words = terms.into_iter().map(|term| {
            let holders = holders.get(&term).copied().unwrap_or_default();
            (term, lexicon::most_of_word(passages, holders.unsigned_abs()), holders)
        });
        Ok(WordStatistics {
            words: words.collect(),
            mean: lexicon::mean_length(length.unsigned_abs(), passages),
            read,
        })
    }

    /// SQL expressions for the count of each word in a row of texts.
    fn counts(&self) -> Vec<String> {
        let count = |(term, ..): &(i32, f32, i64)| {
            format!("coalesce(get_byte(texts.counts, array_position(texts.terms, ({term})) - 1), 0)")
        };
        self.words.iter().map(count).collect()
    }

    /// An SQL expression for the BM25 score of a row of texts, without its path.
    fn score(&self) -> String {
        let each = self
            .words
            .iter()
            .zip(self.counts())
            .map(|((_, most, _), count)| lexicon::of_word_in_sql(*most, &count, "texts.length", self.mean));
        each.collect::<Vec<_>>().join(" + ")
    }

    /// The words that few passages contain, in their text or path.
    fn rare(&self) -> Vec<i32> {
        rarest_within(self.read, self.words.iter().map(|(term, _, holders)| (*term, *holders)))
    }

    /// A condition that selects the rows of texts to read. These contain a rare word, or else all words.
    fn holders(&self) -> String {
        let rare = self.rare();
        let list = |terms: Vec<i32>| {
            format!(
                "'{{{}}}'::integer[]",
                terms.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
            )
        };
        match rare.is_empty() {
            true => format!(
                "texts.terms @> {}",
                list(self.words.iter().map(|(term, ..)| *term).collect())
            ),
            false => format!("texts.terms && {}", list(rare)),
        }
    }
}

/// The rarest words whose total number of passages stays within a limit.
fn rarest_within<T>(most: i64, words: impl Iterator<Item = (T, i64)>) -> Vec<T> {
    let mut words: Vec<(T, i64)> = words.collect();
    words.sort_by_key(|(_, number)| *number);
    let mut sum = 0;
    let fits = |(_, number): &(T, i64)| {
        sum += number;
        sum <= most
    };
    words.into_iter().take_while(fits).map(|(word, _)| word).collect()
}

/// The path stems that match the query's words, per word ([`lexicon::is_place`]), without very frequent stems.
fn stems(transaction: &mut Transaction, words: &[Word], read: i64) -> Result<Vec<Vec<String>>, StoreError> {
    let (mut whole, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for Word { stem, .. } in words {
        let beginnings = (BEGINNING..=stem.len()).filter_map(|end| stem.get(..end));
        whole.extend(beginnings.chain([stem.as_str()]));
        if stem.len() >= BEGINNING {
            first.push(stem.as_str());
            last.push(format!("{stem}\u{10ffff}"));
        }
    }
    let sql = "SELECT stem, files FROM stems WHERE stem = ANY($1)
        UNION SELECT stem, files FROM unnest($2::text[], $3::text[]) AS range(first, last) JOIN stems
            ON stem >= first COLLATE \"C\" AND stem < last COLLATE \"C\"";
    let rows = transaction.query(sql, &[&whole, &first, &last])?;
    let few = rarest_within(read, rows.iter().map(|row| (row.get::<_, &str>(0), row.get(1))));
    let of_word = |word: &Word| {
        let own = few.iter().filter(|stem| lexicon::is_place(word, stem));
        own.map(|stem| (*stem).to_owned()).collect::<Vec<_>>()
    };
    let mut each: Vec<Vec<String>> = words.iter().map(of_word).collect();
    each.retain(|stems| !stems.is_empty());
    Ok(each)
}

/// Parameters of the proposals.
struct Proposals<'q> {
    words: WordStatistics,
    /// Hashes of names whose definitions the query wants.
    names: Vec<i32>,
    /// Matching path stems, for each word that has any.
    stems: Vec<Vec<String>>,
    /// The query's vector, if it is comparable with those of the store.
    vector: Option<HalfVector>,
    exact: &'q [f32],
    bounds: Bounds,
    /// Maximum number of files listed per passage.
    files: i64,
}

impl Proposals<'_> {
    fn statement<'p>(&'p self, wanted: &'p Wanted) -> Statement<'p> {
        let mut statement = Statement::default();
        // Postgres requires that every parameter occurs in the statement, so each part adds its own.
        let Bounds {
            most,
            placed: files,
            read,
        } = self.bounds;
        let (mut parts, mut names) = (Vec::new(), Vec::new());
        let (mut order, mut cosine) = ("content, ordinal".to_owned(), "NULL::float8".to_owned());
        if let Some(vector) = &self.vector {
            order = format!("vector <=> {}", statement.parameter(vector));
            // In 32-bit floats, as in memory.
            cosine = format!(
                "-(items.vector::vector <#> {}::real[]::vector)",
                statement.parameter(&self.exact)
            );
            let condition = wanted.of_passage(&mut statement, Table::Items);
            parts.push(format!(
                "nearest AS MATERIALIZED (SELECT content, ordinal FROM items WHERE vector IS NOT NULL AND {condition}
                    ORDER BY {order} LIMIT {most})"
            ));
            names.push("nearest");
        }
        if !self.words.words.is_empty() {
            let texts = wanted.of_passage(&mut statement, Table::Texts);
            parts.push(format!(
                "worded AS MATERIALIZED (SELECT content, ordinal FROM (
                    SELECT content, ordinal, {} AS score FROM texts WHERE {} AND {texts} LIMIT {read}
                ) holders ORDER BY score DESC, content, ordinal LIMIT {most})",
                self.words.score(),
                self.words.holders()
            ));
            names.push("worded");
        }
        // Few items share a name or path: reading them directly is faster than a graph search with a filter.
        if !self.names.is_empty() {
            let condition = wanted.of_passage(&mut statement, Table::Items);
            let defined = statement.parameter(&self.names);
            parts.push(format!(
                "bearers AS MATERIALIZED (
                    (SELECT content, ordinal, vector FROM items WHERE kind <> {FILE} AND defined = ANY({defined}) AND {condition}
                        LIMIT {NAMESAKES})
                    UNION ALL (SELECT content, ordinal, vector FROM items WHERE kind = {FILE}
                        AND content IN (SELECT content FROM files WHERE files.defined = ANY({defined})) AND {condition}
                        LIMIT {NAMESAKES})
                ), definitions AS MATERIALIZED (SELECT content, ordinal FROM bearers ORDER BY {order} LIMIT {most})"
            ));
            names.push("definitions");
        }
        // The words of a path belong to all its passages, even if paths have no score of their own.
        let of_terms = self.words.rare().into_iter();
        let mut placed: Vec<String> = of_terms
            .map(|term| format!("files.terms @> '{{{term}}}'::integer[]"))
            .collect();
        for stems in &self.stems {
            placed.push(format!("files.stems && {}", statement.parameter(stems)));
        }
        if !placed.is_empty() {
            let (path, condition) = (
                wanted.of_path(&mut statement),
                wanted.of_passage(&mut statement, Table::Items),
            );
            parts.push(format!(
                "placed_files AS MATERIALIZED (SELECT content FROM files WHERE content IS NOT NULL AND ({}){path}
                    ORDER BY {} DESC, root, path LIMIT {files}),
                placed_items AS MATERIALIZED (SELECT content, ordinal, vector FROM items
                    WHERE content IN (SELECT content FROM placed_files) AND {condition} LIMIT {NAMESAKES}),
                placed AS MATERIALIZED (SELECT content, ordinal FROM placed_items ORDER BY {order} LIMIT {most})",
                placed.join(" OR "),
                placed
                    .iter()
                    .map(|is_placed| format!("({is_placed})::integer"))
                    .collect::<Vec<_>>()
                    .join(" + "),
            ));
            names.push("placed");
        }
        if names.is_empty() {
            // Without a vector and words, nothing is proposed.
            names.push("items LIMIT 0");
        }
        let union: Vec<String> = names
            .iter()
            .map(|name| format!("SELECT content, ordinal FROM {name}"))
            .collect();
        parts.push(format!("near AS ({})", union.join(" UNION ")));
        statement.sql = format!("WITH {}", parts.join(", "));
        let columns = format!(
            "{cosine} AS cosine, ARRAY[{}]::integer[] AS counts, texts.length",
            self.words.counts().join(", ")
        );
        wanted.listed(statement, &columns, &self.files)
    }
}

/// A passage that the server proposed.
struct Proposed {
    passage: Candidate,
    /// Its cosine with the query, if both have a vector.
    cosine: Option<f64>,
    /// The count of each word of the query, without its path.
    counts: Vec<i32>,
    /// Number of its words, without its path.
    length: u32,
}

impl Proposed {
    /// The evidence for it in a file, and the words of the query that it contains there.
    fn evidence(&self, weighing: &Weighing, words: &WordStatistics, file: &ProposedFile) -> (Evidence, Vec<String>) {
        let query = weighing.query;
        let item = &self.passage.item;
        let of_path = |term: i32| {
            let own = file.words.counts.iter().filter(|(own, _)| own.cast_signed() == term);
            own.map(|(_, count)| u32::from(*count)).sum::<u32>()
        };
        let of_path_in_all: u32 = file.words.counts.iter().map(|(_, count)| u32::from(*count)).sum();
        let damping = lexicon::damping(self.length + of_path_in_all, words.mean);
        let (mut sum, mut ideal) = (0f32, 0f32);
        let mut matched = Vec::new();
        for (number, (term, most, _)) in words.words.iter().enumerate() {
            let own = self.counts.get(number).copied().unwrap_or_default().unsigned_abs();
            // Counts are stored in a byte.
            let count = (own + of_path(*term)).min(u8::MAX.into());
            ideal += most;
            if count > 0 {
                sum += lexicon::of_word(*most, count, damping);
                matched.extend(query.words.get(number).map(|word| word.text.clone()));
            }
        }
        let defined = name_term(borne(item, &file.name));
        let gains = wanted_names(query)
            .filter(|(name, _)| name_term(name) == defined)
            .map(|named| definition(query, named, item, &file.name));
        let evidence = Evidence {
            cosine: self.cosine.map(|cosine| (cosine as f32).clamp(-1.0, 1.0)),
            words: if ideal > 0.0 { sum / ideal } else { 0.0 },
            definition: gains.fold(0.0, f32::max),
            place: match weighing.takes_places() {
                true => file.place(&query.words),
                false => 0.0,
            },
            aside: file.aside.of_passage(item.kind, file.is_test(&self.passage)),
            named: names_file(query, &file.name),
        };
        (evidence, matched)
    }
}

/// A file that contains a proposed passage.
struct ProposedFile<'c> {
    file: &'c CandidateFile,
    name: String,
    words: PathWords,
    aside: ranking::Aside,
}

impl ProposedFile<'_> {
    /// The share of the words in its name and folder.
    fn place(&self, words: &[Word]) -> f32 {
        let there = words.iter().filter(|word| {
            let mut places = self.words.places.iter();
            places.any(|place| lexicon::is_place(word, place))
        });
        there.fold(0.0, |share, _| share + 1.0 / words.len() as f32)
    }

    /// Whether a passage is a test in this file, or inside one.
    fn is_test(&self, passage: &Candidate) -> bool {
        let own = |file: &&CandidateFile| (file.root, &file.path) == (self.file.root, &self.file.path);
        passage.files.iter().find(own).is_some_and(|file| file.test)
    }
}

/// The files of proposed passages, ordered by folder and path.
struct Files<'c> {
    known: Vec<ProposedFile<'c>>,
    numbers: HashMap<(i64, &'c Path), u32>,
}

impl<'c> Files<'c> {
    fn of(
        transaction: &mut Transaction,
        files: impl Iterator<Item = &'c CandidateFile>,
        roots: &Roots,
    ) -> Result<Files<'c>, StoreError> {
        let mut seen = HashSet::new();
        let mut files: Vec<&CandidateFile> = files.filter(|file| seen.insert((file.root, &*file.path))).collect();
        files.sort_by(|a, b| (roots.name(a.root), &a.path).cmp(&(roots.name(b.root), &b.path)));
        let latest = latest_versions(transaction, &files)?;
        let known = files.iter().map(|file| {
            let mut aside = conventions::aside(&file.path);
            let latest = |beside: &Path| latest.get(&(file.root, beside.to_owned())).copied();
            aside.superseded = conventions::is_superseded(&file.path, latest);
            let name = file.path.file_name().unwrap_or_default();
            ProposedFile {
                file,
                name: name.to_string_lossy().into_owned(),
                words: PathWords::of(&file.path),
                aside,
            }
        });
        let numbers = files.iter().zip(0..);
        Ok(Files {
            known: known.collect(),
            numbers: numbers
                .map(|(file, number)| ((file.root, &*file.path), number))
                .collect(),
        })
    }

    fn number(&self, file: &CandidateFile) -> Option<u32> {
        self.numbers.get(&(file.root, &*file.path)).copied()
    }
}

/// The latest version next to each version folder in the paths of these files.
fn latest_versions(
    transaction: &mut Transaction,
    files: &[&CandidateFile],
) -> Result<HashMap<(i64, PathBuf), u32>, StoreError> {
    let of_file = |file: &&CandidateFile| {
        let root = file.root;
        conventions::versions(&file.path)
            .map(|(beside, _)| (root, bytes(beside).into_owned()))
            .collect::<Vec<_>>()
    };
    let (roots, besides): (Vec<i64>, Vec<Vec<u8>>) = files.iter().flat_map(of_file).unzip();
    if roots.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT root, beside, latest FROM versions
        WHERE (root, beside) IN (SELECT * FROM unnest($1::bigint[], $2::bytea[]))";
    let rows = transaction.query(sql, &[&roots, &besides])?;
    let latest = |row: &postgres::Row| ((row.get(0), path(row.get(1))), row.get::<_, i64>(2) as u32);
    Ok(rows.iter().map(latest).collect())
}
