//! A search in the passages of a folder.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::Scale;
use super::super::words::words;
use super::gallery::stem;
use super::lexicon::bare;
use super::query::{Asks, Query, folded, name_term};
use super::ranking::{self, DEFINITION, OWN_FILE, PATH, RELEVANCE, WORDS, Why, Without};
use super::{Filter, Found, Gallery};
use crate::segment::ItemKind;
use crate::text::decode;

/// The best of these many are looked at again in floats and put in order.
const CANDIDATES: usize = 300;

/// What the definition of a name counts that stands among other words.
const NAMED_AMONG_OTHERS: f32 = 0.5;

/// What counts the definition of anything but a type.
const OTHER_THAN_TYPES: f32 = 0.6;

/// What a definition counts whose name is written in other cases than the query's: `request` for `Request`.
const OTHER_CASE: f32 = 0.7;

/// The passages of a folder that answer a query, best first; without some parts of the ranking.
pub fn search(gallery: &Gallery, query: &Query, filter: &Filter, count: usize, without: Without) -> Vec<Found> {
    if count == 0 || gallery.is_empty() || query.is_empty() {
        return Vec::new();
    }
    let asked = Search::new(gallery, query, without);
    let allowed = gallery.allowed(filter);
    let phrases: Vec<_> = query.phrases.iter().flat_map(|phrase| words(phrase)).collect();
    let holds = |passage: usize| {
        let holds = |term| gallery.lexicon.holds(passage as u32, term);
        phrases.iter().all(|word| holds(word.term)) && !query.unwanted.iter().any(|term| holds(*term))
    };
    let vector: &[f32] = if without.vector { &[] } else { &query.vector };
    let about = gallery.rows.approximate(vector);
    let mut scored: Vec<(usize, f32)> = about
        .iter()
        .enumerate()
        .filter(|(passage, _)| {
            let file = without.files && gallery.facts[*passage].kind == ItemKind::File;
            !file && allowed(*passage) && holds(*passage)
        })
        .map(|(passage, cosine)| (passage, asked.score(passage, *cosine)))
        .collect();
    let most = CANDIDATES.max(count);
    if scored.len() > most {
        scored.select_nth_unstable_by(most, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        scored.truncate(most);
    }
    let exact = scored.into_iter().map(|(passage, _)| {
        let score = asked.score(passage, asked.cosine(passage));
        (passage, gallery.facts[passage].path, score)
    });
    let ordered = ranking::ordered(exact.collect(), without);
    let mut texts = Texts::default();
    let found = ordered.into_iter().filter(|(passage, _)| {
        let text = |phrase: &String| texts.holds(gallery, *passage, phrase);
        query.phrases.iter().all(text)
    });
    let found = found.take(count).map(|(passage, score)| Found {
        root: gallery.root.clone(),
        path: gallery.paths[gallery.facts[passage].path as usize].clone(),
        item: gallery.items[passage].item.clone(),
        score: score * RELEVANCE,
        link: None,
        why: Some(asked.why(passage)),
    });
    found.collect()
}

/// What of a query is the same for all passages.
struct Search<'a> {
    gallery: &'a Gallery,
    query: &'a Query,
    without: Without,
    /// Of each passage: its BM25, and what it has as the definition of a name; of each file, which share of the words its path has.
    words: Vec<f32>,
    definitions: Vec<f32>,
    places: Vec<f32>,
    /// The files that the query names.
    named: HashSet<u32>,
    /// Whether the query has a vector that passages can be compared with.
    asks_vector: bool,
    /// How a cosine counts, with the model at hand.
    relevance: Scale,
}

impl<'a> Search<'a> {
    fn new(gallery: &'a Gallery, query: &'a Query, without: Without) -> Search<'a> {
        let words = match without.words {
            true => Vec::new(),
            false => gallery.lexicon.bm25(&query.words),
        };
        let definitions = match without.definition {
            true => Vec::new(),
            false => definitions(gallery, query),
        };
        // Where a name is all there is, its definition says more than files that are called alike.
        let places = match without.path || query.symbol.is_some() {
            true => Vec::new(),
            false => gallery.lexicon.places(&query.words),
        };
        Search {
            gallery,
            query,
            without,
            words,
            definitions,
            places,
            named: named(gallery, query),
            asks_vector: query.vector.len() == gallery.rows.width() && !without.vector,
            relevance: gallery.centre().calibration().relevance(),
        }
    }

    /// A passage's score with a cosine.
    fn score(&self, passage: usize, cosine: f32) -> f32 {
        self.parts(passage, cosine).score()
    }

    fn parts(&self, passage: usize, cosine: f32) -> Why {
        let fact = &self.gallery.facts[passage];
        let of = |scores: &[f32], number: usize| scores.get(number).copied().unwrap_or_default();
        Why {
            cosine: match self.asks_vector && fact.comparable {
                true => self.relevance.of(cosine),
                false => 0.0,
            },
            words: WORDS * of(&self.words, passage),
            definition: DEFINITION * of(&self.definitions, passage),
            path: PATH * of(&self.places, fact.path as usize),
            weight: match self.without.weights {
                true => 1.0,
                false => fact.aside.weight(self.asks(fact.path)),
            },
            matched: Vec::new(),
        }
    }

    /// What is asked of a file: one that is named is wanted, whatever it holds.
    fn asks(&self, path: u32) -> Asks {
        let named = self.named.contains(&path);
        Asks {
            prose: self.query.asks.prose || named,
            data: self.query.asks.data || named,
            ..self.query.asks
        }
    }

    fn cosine(&self, passage: usize) -> f32 {
        match self.asks_vector {
            true => self.gallery.rows.product(passage, &self.query.vector).clamp(-1.0, 1.0),
            false => 0.0,
        }
    }

    fn why(&self, passage: usize) -> Why {
        let holds = |term| self.gallery.lexicon.holds(passage as u32, term);
        let matched = self.query.words.iter().filter(|word| holds(word.term));
        Why {
            matched: matched.map(|word| word.text.clone()).collect(),
            ..self.parts(passage, self.cosine(passage))
        }
    }
}

/// The files whose names stand in a query.
fn named(gallery: &Gallery, query: &Query) -> HashSet<u32> {
    if query.files.is_empty() {
        return HashSet::new();
    }
    let names = gallery.paths.iter().map(|path| path.file_name().unwrap_or_default());
    let named = names.zip(0..).filter(|(name, _)| {
        let name = name.to_string_lossy();
        query.files.iter().any(|file| *file == name.to_lowercase())
    });
    named.map(|(_, file)| file).collect()
}

/// What the definitions of the names in a query gain, as a share of [`DEFINITION`].
fn definitions(gallery: &Gallery, query: &Query) -> Vec<f32> {
    let mut gains = vec![0f32; gallery.facts.len()];
    let alone = query.symbol.iter().map(|name| (name, 1.0));
    let among = query.names.iter().map(|name| (name, NAMED_AMONG_OTHERS));
    for (name, worth) in alone.chain(among) {
        let term = name_term(name);
        let first = gallery.definitions.partition_point(|(found, _)| *found < term);
        let bearers = gallery.definitions[first..]
            .iter()
            .take_while(|(found, _)| *found == term);
        for (_, passage) in bearers {
            let fact = &gallery.facts[*passage as usize];
            let file = gallery.paths[fact.path as usize].file_name().unwrap_or_default();
            let kind = if fact.kind == ItemKind::Type {
                1.0
            } else {
                OTHER_THAN_TYPES
            };
            let own = if bare(stem(&file.to_string_lossy())) == bare(name) {
                OWN_FILE
            } else {
                1.0
            };
            let case = match gallery.items[*passage as usize].item.name == *name {
                true => 1.0,
                false => OTHER_CASE,
            };
            let gain = &mut gains[*passage as usize];
            *gain = gain.max(worth * kind * own * case);
        }
    }
    gains
}

/// The texts of files that are looked into for phrases: the index has none.
#[derive(Default)]
struct Texts(HashMap<u32, Option<String>>);

impl Texts {
    /// Whether a passage holds a phrase, as its file is now. What is not in a folder is not looked into.
    fn holds(&mut self, gallery: &Gallery, passage: usize, phrase: &str) -> bool {
        if gallery.root.as_os_str().is_empty() {
            return true;
        }
        let file = gallery.facts[passage].path;
        let read = || read(&gallery.root.join(&gallery.paths[file as usize]));
        let Some(text) = self.0.entry(file).or_insert_with(read) else {
            return false;
        };
        let item = &gallery.items[passage].item;
        match text.get(item.start.byte..item.end.byte) {
            Some(own) => folded(own).contains(phrase),
            // The file is another than the one that was indexed.
            None => folded(text).contains(phrase),
        }
    }
}

fn read(path: &Path) -> Option<String> {
    decode(std::fs::read(path).ok()?).ok()
}
