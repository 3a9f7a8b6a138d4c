//! Search in the passages of a folder.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::Scale;
use super::super::words::words;
use super::lexicon::{bare, defined, stem};
use super::query::{Asks, Query, folded, is_identifier, name_term, parts, unmarked};
use super::ranking::{self, Aside, DEFINITION, OWN_FILE, PATH, RELEVANCE, WORDS, Why, Without};
use super::{Filter, Found, IndexedItem, VectorIndex};
use crate::segment::ItemKind;
use crate::text::{Language, decode, read_regular};

/// Number of best candidates that are scored again with exact vectors.
pub(super) const CANDIDATES: usize = 300;

/// Weight of the definition of a name that stands among other words.
const NAMED_AMONG_OTHERS: f32 = 0.5;

/// Gain of the definition of an identifier or a title that is the whole query: whoever types `read_header` or `readHeader` looks for that
/// function or type, and a long body says little about it. A single word such as `session` may describe as well as name something.
const ALONE: [(ItemKind, f32); 3] = [
    (ItemKind::Type, 2.25),
    (ItemKind::Function, 2.0),
    (ItemKind::Heading, 2.0),
];

/// As [`ALONE`], for tests, documentation and older versions: a definition elsewhere comes first.
const ALONE_ASIDE: f32 = 1.65;

/// The least weight of such a definition, and that of a section with such a title: no code is called so.
const LEAST_WEIGHT: f32 = 0.6;
const LEAST_WEIGHT_OF_TITLE: f32 = 0.85;

/// The least weight of tests, documentation and similar passages that alone contain the words of the query.
const LEAST_WEIGHT_OF_ONLY: f32 = 0.85;

/// They are alone if the words of all other passages count at most this share of theirs.
const ELSEWHERE: f32 = 0.3;

/// Gain from which a definition counts as what the query names.
const NAMED: f32 = 1.6;

/// Weight of a definition other than a type.
const NOT_A_TYPE: f32 = 0.6;

/// Weight of a definition whose name differs from the query in case: `request` for `Request`.
const OTHER_CASE: f32 = 0.7;

/// What the folders around some documents say about a query. Two documents alone do not show whether a project is a book, or whether code
/// contains a word.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Surroundings {
    /// Whether most of their items are sections; `None` if there is no folder.
    of_prose: Option<bool>,
    /// As [`Weighing::elsewhere`].
    elsewhere: f32,
}

impl Surroundings {
    /// What indexes of folders say. A passage has to pass the filter.
    pub fn of<'a>(folders: impl Iterator<Item = &'a VectorIndex>, query: &Query, filter: &Filter) -> Surroundings {
        // Only the words count here.
        let words = Without {
            definition: true,
            path: true,
            ..Without::default()
        };
        folders
            .filter(|folder| !folder.is_empty())
            .fold(Surroundings::default(), |all, folder| {
                let search = Search::new(folder, query, words);
                Surroundings {
                    of_prose: Some(folder.of_prose && all.of_prose.unwrap_or(true)),
                    elsewhere: search.elsewhere(folder.allowed(filter)).max(all.elsewhere),
                }
            })
    }
}

/// The passages of a folder that answer a query, best first. `without` disables parts of the ranking.
pub fn search(
    vector_index: &VectorIndex,
    query: &Query,
    filter: &Filter,
    count: usize,
    without: Without,
) -> Vec<Found> {
    search_in(vector_index, query, filter, count, (without, Surroundings::default()))
}

/// As [`search`], for documents whose folders are indexed elsewhere.
pub fn search_in(
    vector_index: &VectorIndex,
    query: &Query,
    filter: &Filter,
    count: usize,
    (without, around): (Without, Surroundings),
) -> Vec<Found> {
    if count == 0 || vector_index.is_empty() || query.is_empty() {
        return Vec::new();
    }
    let mut asked = Search::new(vector_index, query, without);
    let allowed = vector_index.allowed(filter);
    asked.weighing.of_prose = around.of_prose.unwrap_or(asked.weighing.of_prose);
    asked.weighing.elsewhere = asked.elsewhere(&allowed).max(around.elsewhere);
    let phrases: Vec<_> = query.phrases.iter().flat_map(|phrase| words(phrase)).collect();
    let holds = |passage: usize| {
        let holds = |term| vector_index.lexicon.holds(passage as u32, term);
        phrases.iter().all(|word| holds(word.term)) && !query.unwanted.iter().any(|term| holds(*term))
    };
    let about = vector_index
        .rows
        .approximate(if without.vector { &[] } else { &asked.vector });
    let mut scored: Vec<(usize, f32)> = about
        .iter()
        .enumerate()
        .filter(|(passage, _)| {
            let file = without.files && vector_index.facts[*passage].kind == ItemKind::File;
            !file && allowed(*passage) && holds(*passage)
        })
        .map(|(passage, product)| (passage, asked.score(passage, asked.cosine_of(passage, *product))))
        // A score of 0 means no evidence.
        .filter(|(_, score)| *score != 0.0)
        .collect();
    keep_best(&mut scored, CANDIDATES.max(count));
    let exact = scored.into_iter().map(|(passage, _)| {
        let score = asked.score(passage, asked.cosine(passage));
        (passage, vector_index.facts[passage].path, score)
    });
    let named = |passage: usize| is_named(asked.parts(passage, 0.0).definition);
    let ordered = ranking::ordered(exact.collect(), named, without);
    let mut texts = Texts::default();
    let found = ordered.into_iter().filter(|(passage, _)| {
        let text = |phrase: &String| texts.holds(vector_index, *passage, phrase);
        query.phrases.iter().all(text)
    });
    let found = found.take(count).map(|(passage, score)| {
        let why = asked.why(passage);
        vector_index.found_at(passage, score * RELEVANCE, Some(why))
    });
    found.collect()
}

/// Keeps the passages with the highest scores; of equal scores, the first.
pub(super) fn keep_best(scored: &mut Vec<(usize, f32)>, most: usize) {
    if scored.len() > most {
        scored.select_nth_unstable_by(most, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        scored.truncate(most);
    }
}

/// The evidence that a passage answers a search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    /// Its cosine with the query; `None` if one of them has no vector.
    pub cosine: Option<f32>,
    /// Its BM25 score as a share of the highest possible score.
    pub words: f32,
    /// Its score as the definition of a name ([`definition`]).
    pub definition: f32,
    /// Share of the query's words that its path contains.
    pub place: f32,
    /// Properties that reduce its weight.
    pub aside: Aside,
    /// Whether the query names its file.
    pub named: bool,
}

/// Weighs the evidence of passages for a query, independent of their storage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighing<'a> {
    pub query: &'a Query,
    pub without: Without,
    /// The scale of cosines for the current model.
    pub relevance: Scale,
    /// Whether most items are sections of documents, as in a book.
    pub of_prose: bool,
    /// The highest [`Evidence::words`] of a passage of full weight.
    pub elsewhere: f32,
}

impl Weighing<'_> {
    /// Whether words of paths count. For a single name, its definition matters more than files of that name.
    pub(super) fn takes_places(&self) -> bool {
        !self.without.path && self.query.symbol.is_none()
    }

    /// The parts of a passage's score, without the matched words.
    pub(super) fn parts(&self, evidence: &Evidence) -> Why {
        let weight = match self.without.weights {
            true => 1.0,
            false => evidence.aside.weight(self.asks(evidence.named)),
        };
        let alone_with_words = evidence.words > 0.0 && self.elsewhere <= ELSEWHERE * evidence.words;
        let weight = match alone_with_words {
            true => weight.max(LEAST_WEIGHT_OF_ONLY),
            false => weight,
        };
        // A test or an older version of a name is hardly what a user looks for, unless nothing else has the name.
        let (weight, definition) = match evidence.definition {
            definition if weight == 1.0 => (weight, definition),
            definition if definition > NAMED => {
                let least = match evidence.aside.prose {
                    true => LEAST_WEIGHT_OF_TITLE,
                    false => LEAST_WEIGHT,
                };
                (weight.max(least), ALONE_ASIDE)
            }
            definition => (weight, definition.min(OWN_FILE)),
        };
        Why {
            cosine: evidence.cosine.map_or(0.0, |cosine| self.relevance.of(cosine)),
            words: WORDS * evidence.words,
            definition: DEFINITION * definition,
            path: PATH * evidence.place,
            weight,
            matched: Vec::new(),
        }
    }

    /// Whether nothing lowers the weight of a passage.
    pub(super) fn has_full_weight(&self, aside: Aside) -> bool {
        aside.weight(self.asks(false)) == 1.0
    }

    /// The query's preferences for a file. A file that it names is wanted, whatever its kind, and so is prose where most is prose.
    fn asks(&self, named: bool) -> Asks {
        Asks {
            prose: self.query.asks.prose || named || self.of_prose,
            records: self.query.asks.records || named,
            data: self.query.asks.data || named,
            ..self.query.asks
        }
    }
}

/// The names whose definitions a query asks for, each with its weight.
pub(super) fn wanted_names(query: &Query) -> impl Iterator<Item = (&str, f32)> {
    let alone = query.symbol.iter().map(|name| (&**name, 1.0));
    let title = query.title().map(|title| (title, 1.0));
    let names = query.names.iter().map(|name| (&**name, NAMED_AMONG_OTHERS));
    alone.chain(title).chain(names)
}

/// The name that a passage defines; `file` is the name of its file.
pub(super) fn borne<'a>(item: &'a IndexedItem, file: &'a str) -> &'a str {
    match item.kind {
        ItemKind::File => stem(file),
        _ => defined(&item.name),
    }
}

/// The gain of a passage as the definition of a name in a query, in units of [`DEFINITION`].
pub(super) fn definition(query: &Query, (name, worth): (&str, f32), item: &IndexedItem, file: &str) -> f32 {
    let defined = borne(item, file);
    // `Picker:find` and `What Is Telescope?` say as much as an identifier does.
    let title = name.contains(' ') || (query.text != name && parts(&query.text).eq(parts(&item.name)));
    // Ruby's `empty?` is found as `empty`, too; as `empty?` only itself is.
    let is_exact = title || defined == name || unmarked(defined) == name;
    let alone = ALONE.iter().find(|(kind, _)| *kind == item.kind);
    if let Some((_, gain)) = alone.filter(|_| is_exact && worth == 1.0 && (title || is_identifier(name))) {
        return *gain;
    }
    let kind = match item.kind {
        ItemKind::Type => 1.0,
        _ => NOT_A_TYPE,
    };
    let case = match is_exact {
        true => 1.0,
        false => OTHER_CASE,
    };
    let own = match bare(stem(file)) == bare(name) {
        true => OWN_FILE,
        false => 1.0,
    };
    worth * kind * own * case
}

/// Whether the contribution of a definition is that of the identifier which is the query.
pub(super) fn is_named(contribution: f32) -> bool {
    contribution > NAMED * DEFINITION
}

/// Whether a query names a file.
pub(super) fn names_file(query: &Query, file: &str) -> bool {
    let file = file.to_lowercase();
    query.files.contains(&file)
}

/// The parts of a search that are the same for all passages of a folder.
struct Search<'a> {
    vector_index: &'a VectorIndex,
    weighing: Weighing<'a>,
    /// Per passage: BM25 and definition gain. Per file: the share of the words in its path.
    words: Vec<f32>,
    definitions: Vec<f32>,
    places: Vec<f32>,
    /// The files that the query names.
    named: HashSet<u32>,
    /// Whether the query has a vector that can be compared with passages.
    asks_vector: bool,
    /// The query's vector; if passages are centered, without the common vector of all questions.
    vector: Cow<'a, [f32]>,
    /// If passages are centered: the products of that vector with the mean of each language.
    along: Option<Box<dyn Fn(Language) -> f32>>,
}

impl<'a> Search<'a> {
    fn new(vector_index: &'a VectorIndex, query: &'a Query, without: Without) -> Search<'a> {
        let calibration = vector_index.center().calibration();
        let (vector, relevance, is_centered) = match calibration.centered_query(&query.vector) {
            Some((vector, relevance)) => (Cow::Owned(vector), relevance, true),
            None => (Cow::Borrowed(&*query.vector), calibration.relevance(), false),
        };
        let along = is_centered.then(|| Box::new(vector_index.center().along(&vector)) as Box<dyn Fn(Language) -> f32>);
        let weighing = Weighing {
            query,
            without,
            relevance,
            of_prose: vector_index.of_prose,
            elsewhere: 0.0,
        };
        let words = match without.words {
            true => Vec::new(),
            false => vector_index.lexicon.bm25(&query.words),
        };
        let definitions = match without.definition {
            true => Vec::new(),
            false => definitions(vector_index, query),
        };
        let places = match weighing.takes_places() {
            true => vector_index.lexicon.places(&query.words),
            false => Vec::new(),
        };
        Search {
            vector_index,
            weighing,
            words,
            definitions,
            places,
            named: named_files(vector_index, query),
            asks_vector: query.vector.len() == vector_index.rows.width() && !without.vector,
            vector,
            along,
        }
    }

    /// The value of [`Weighing::elsewhere`] among the allowed passages.
    fn elsewhere(&self, allowed: impl Fn(usize) -> bool) -> f32 {
        let full = |passage: usize| self.weighing.has_full_weight(self.vector_index.facts[passage].aside);
        let words = self.words.iter().enumerate();
        words.fold(0.0, |most, (passage, words)| {
            match *words > most && full(passage) && allowed(passage) {
                true => *words,
                false => most,
            }
        })
    }

    /// The score of a passage with a given cosine.
    fn score(&self, passage: usize, cosine: f32) -> f32 {
        self.parts(passage, cosine).score()
    }

    fn parts(&self, passage: usize, cosine: f32) -> Why {
        let fact = &self.vector_index.facts[passage];
        let of = |scores: &[f32], number: usize| scores.get(number).copied().unwrap_or_default();
        self.weighing.parts(&Evidence {
            cosine: (self.asks_vector && fact.comparable).then_some(cosine),
            words: of(&self.words, passage),
            definition: of(&self.definitions, passage),
            place: of(&self.places, fact.path as usize),
            aside: fact.aside,
            named: self.named.contains(&fact.path),
        })
    }

    fn cosine(&self, passage: usize) -> f32 {
        match self.asks_vector {
            true => self
                .cosine_of(passage, self.vector_index.rows.product(passage, &self.vector))
                .clamp(-1.0, 1.0),
            false => 0.0,
        }
    }

    /// The cosine of a passage, given the product of its vector with the query's.
    fn cosine_of(&self, passage: usize, product: f32) -> f32 {
        match &self.along {
            Some(along) => {
                (product - along(self.vector_index.facts[passage].language)) * self.vector_index.scale[passage]
            }
            None => product,
        }
    }

    fn why(&self, passage: usize) -> Why {
        let holds = |term| self.vector_index.lexicon.holds(passage as u32, term);
        let matched = self.weighing.query.words.iter().filter(|word| holds(word.term));
        Why {
            matched: matched.map(|word| word.text.clone()).collect(),
            ..self.parts(passage, self.cosine(passage))
        }
    }
}

/// The files whose names occur in a query.
fn named_files(vector_index: &VectorIndex, query: &Query) -> HashSet<u32> {
    if query.files.is_empty() {
        return HashSet::new();
    }
    let names = vector_index
        .paths
        .iter()
        .map(|path| path.file_name().unwrap_or_default());
    let named = names
        .zip(0..)
        .filter(|(name, _)| names_file(query, &name.to_string_lossy()));
    named.map(|(_, file)| file).collect()
}

/// The gain of each passage as a definition of a name in the query. The unit is [`DEFINITION`].
fn definitions(vector_index: &VectorIndex, query: &Query) -> Vec<f32> {
    let mut gains = vec![0f32; vector_index.facts.len()];
    for (name, worth) in wanted_names(query) {
        let term = name_term(name);
        let first = vector_index.definitions.partition_point(|(found, _)| *found < term);
        let bearers = vector_index.definitions[first..]
            .iter()
            .take_while(|(found, _)| *found == term);
        for (_, passage) in bearers {
            let path = vector_index.facts[*passage as usize].path;
            let file = vector_index.paths[path as usize].file_name().unwrap_or_default();
            let item = &vector_index.items[*passage as usize].item;
            let gain = &mut gains[*passage as usize];
            *gain = gain.max(definition(query, (name, worth), item, &file.to_string_lossy()));
        }
    }
    gains
}

/// The texts of files that are searched for phrases; the index stores none.
#[derive(Default)]
struct Texts(HashMap<u32, Option<String>>);

impl Texts {
    /// Whether a passage contains a phrase in the current file. Passages without a folder are accepted unchecked.
    fn holds(&mut self, vector_index: &VectorIndex, passage: usize, phrase: &str) -> bool {
        if vector_index.root.as_os_str().is_empty() {
            return true;
        }
        let file = vector_index.facts[passage].path;
        let read = || read(&vector_index.root.join(&vector_index.paths[file as usize]));
        let Some(text) = self.0.entry(file).or_insert_with(read) else {
            return false;
        };
        let item = &vector_index.items[passage].item;
        match text.get(item.start.byte..item.end.byte) {
            Some(own) => folded(own).contains(phrase),
            // The file has changed since it was indexed.
            None => folded(text).contains(phrase),
        }
    }
}

fn read(path: &Path) -> Option<String> {
    // No indexed file is nearly this large; another file may have the name now.
    const MAX_BYTES: u64 = 64 << 20;
    decode(read_regular(path, MAX_BYTES).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_definition_of_the_whole_query_is_what_it_names() {
        assert!(ALONE.iter().all(|(_, gain)| is_named(DEFINITION * gain)));
        assert!(!is_named(DEFINITION * OWN_FILE) && !is_named(0.0));
    }

    #[test]
    fn a_query_names_only_the_files_in_it() {
        let query = Query::parse("what does Cargo.toml say", &mut Filter::default());
        assert!(names_file(&query, "Cargo.toml") && names_file(&query, "cargo.toml"));
        assert!(!names_file(&query, "what") && !names_file(&query, "Cargo.lock"));
    }

    #[test]
    fn the_best_are_kept_and_of_equal_scores_the_first() {
        let scores = [0.5, 0.9, 0.5, 0.1, 0.5];
        let best = |most: usize| {
            let mut kept: Vec<(usize, f32)> = scores.into_iter().enumerate().collect();
            keep_best(&mut kept, most);
            let mut kept: Vec<usize> = kept.into_iter().map(|(passage, _)| passage).collect();
            kept.sort_unstable();
            kept
        };
        assert_eq!(best(3), [0, 1, 2]);
        assert_eq!(best(5), [0, 1, 2, 3, 4]);
        assert_eq!(best(9), [0, 1, 2, 3, 4]);
    }
}
