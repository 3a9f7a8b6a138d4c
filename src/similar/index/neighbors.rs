//! Finds the pairs for groups: for each item, the nearest items of a report.
//!
//! Without a threshold, two items in one syntax need common token runs; an inverted index finds these pairs ([`overlapping`]) and skips all
//! others. Between two syntaxes, or with a threshold, the cosine alone decides, and every pair is computed in 8 bits ([`Blocks`]). Both
//! ways are exact: a loop over all pairs finds the same.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::super::fingerprint::{Fingerprint, overlapping};
use super::super::moments::MOST;
use super::super::thresholds::{self, Ties};
use super::super::{Blocks, decision};
use super::VectorIndex;
use crate::segment::ItemKind;
use crate::text::Language;

/// Number of nearest items kept per item. Any pair between two groups can join them, so few are enough.
const NEAREST: usize = 32;

/// Two items (lower index first) and their score.
pub(super) type Pair = (usize, usize, f32);

impl VectorIndex {
    /// The pairs in which one item is among the nearest of the other. They are sorted best first, without duplicates.
    ///
    /// A score decides which pairs count, or [`decision`] if `base` is `None`. Only items marked in `seeks` take part.
    pub(super) fn neighbors(&self, base: Option<f32>, seeks: &[bool]) -> Vec<Pair> {
        let seeking = Seeking::new(self, base, seeks);
        if base.is_none() {
            seeking.by_overlap();
        }
        seeking.by_cosine();
        seeking.nearest.pairs(&seeking.order)
    }
}

/// A search for pairs among some items.
struct Seeking<'a> {
    vector_index: &'a VectorIndex,
    base: Option<f32>,
    /// The items, grouped by kind, syntax and language.
    order: Vec<u32>,
    /// Their centered vectors, in this order.
    vectors: Blocks,
    nearest: Nearest,
}

impl<'a> Seeking<'a> {
    fn new(vector_index: &'a VectorIndex, base: Option<f32>, seeks: &[bool]) -> Seeking<'a> {
        let shown = |item: usize| base.is_some() || decision::may_be_shown(&vector_index.decided_by(item));
        let seeks = (0..seeks.len()).filter(|item| seeks[*item] && shown(*item));
        let mut order: Vec<u32> = seeks.map(|item| item as u32).collect();
        order.sort_by_key(|item| {
            let fact = &vector_index.facts[*item as usize];
            (fact.kind as u8, decision::syntax(fact.language), fact.language)
        });
        let mut vectors = Blocks::new(vector_index.rows.width(), order.len());
        order
            .iter()
            .for_each(|item| vectors.push(&vector_index.centered(*item as usize)));
        Seeking {
            vector_index,
            base,
            nearest: Nearest::new(order.len()),
            order,
            vectors,
        }
    }

    /// Examines pairs with common token runs: those of one syntax, and sections of prose.
    fn by_overlap(&self) {
        let syntax = |item: &u32| {
            let fact = &self.vector_index.facts[*item as usize];
            let all = fact.kind == ItemKind::Heading;
            (
                fact.kind,
                if all {
                    Language::Prose
                } else {
                    decision::syntax(fact.language)
                },
            )
        };
        let mut first = 0;
        for group in self.order.chunk_by(|a, b| syntax(a) == syntax(b)) {
            let (start, (kind, _)) = (first, syntax(&group[0]));
            first += group.len();
            let entries = group.iter().map(|item| &self.vector_index.items[*item as usize]);
            let fingerprints: Vec<&Fingerprint> = entries.map(|entry| &*entry.fingerprint).collect();
            overlapping(&fingerprints, decision::least_overlap(kind, 1.0), |a, b, overlap| {
                let (a, b) = (start + a, start + b);
                let about = self.vectors.about(a, b) + self.vectors.doubt();
                let most = self.most(a, b, about);
                if decision::least_overlap(kind, most) <= overlap && most >= decision::FLOOR {
                    self.take(a, b, f32::NEG_INFINITY);
                }
            });
        }
    }

    /// Examines pairs that the cosine decides.
    fn by_cosine(&self) {
        let kinds = |rows: &Range<usize>| {
            let facts = self.order[rows.clone()]
                .iter()
                .map(|item| &self.vector_index.facts[*item as usize]);
            let mut kinds: Vec<(ItemKind, Language)> = facts.map(|fact| (fact.kind, fact.language)).collect();
            kinds.dedup();
            kinds
        };
        let least = |a: &Range<usize>, b: &Range<usize>| {
            let others = kinds(b);
            let both = kinds(a)
                .into_iter()
                .flat_map(|one| others.iter().map(move |other| (one, *other)));
            both.filter_map(|(one, other)| self.least(one, other)).reduce(f32::min)
        };
        self.vectors.pairs(least, |a, b, about| {
            let about = about + self.vectors.doubt();
            if !self.nearest.wants(a, b, self.most(a, b, about)) {
                return;
            }
            let Some(needed) = self.needed(self.order[a] as usize, self.order[b] as usize) else {
                return;
            };
            if self.most(a, b, about) >= needed && self.most_exactly(a, b, about) >= needed {
                self.take(a, b, needed);
            }
        });
    }

    /// The lowest product that counts for two kinds and languages. `None` if the cosine does not decide them.
    fn least(&self, (kind, a): (ItemKind, Language), (other, b): (ItemKind, Language)) -> Option<f32> {
        let by_cosine = match self.base {
            Some(_) => kind == other,
            None => kind == other && matches!(kind, ItemKind::Function | ItemKind::Type) && a != b,
        };
        let score = match self.base {
            _ if !by_cosine => return None,
            Some(base) if a == b => base,
            Some(base) => thresholds::needed(base, NAMESAKES).min(base),
            None if decision::one_syntax(a, b) => BEYOND,
            None => decision::needed_across(false, true).min(decision::needed_across(true, false)),
        };
        let scale = self.vector_index.center.calibration().likeness();
        let score = match a == b {
            true => score,
            false if score > 0.0 => score / MOST,
            false => f32::NEG_INFINITY,
        };
        // Scores below -1 are clamped to -1.
        Some(if score > -1.0 {
            (score - scale.offset()) / scale.slope()
        } else {
            f32::NEG_INFINITY
        })
    }

    /// The score that two items need if the cosine decides.
    fn needed(&self, a: usize, b: usize) -> Option<f32> {
        let floor = self.vector_index.needed(a, b, self.base)?;
        let (one, two) = (&self.vector_index.facts[a], &self.vector_index.facts[b]);
        match self.base {
            Some(_) => Some(floor),
            None if one.language == two.language => None,
            None if decision::one_syntax(one.language, two.language) => Some(BEYOND),
            None => {
                let namesakes = one.name().is_some() && one.name() == two.name();
                Some(decision::needed_across(one.path == two.path, namesakes))
            }
        }
    }

    /// An upper bound of the score for a product.
    fn most(&self, a: usize, b: usize, product: f32) -> f32 {
        let language = |at: usize| self.vector_index.facts[self.order[at] as usize].language;
        let factor = if language(a) == language(b) { 1.0 } else { MOST };
        self.score(product, factor)
    }

    fn most_exactly(&self, a: usize, b: usize, product: f32) -> f32 {
        self.score(
            product,
            self.vector_index.factor(self.order[a] as usize, self.order[b] as usize),
        )
    }

    fn score(&self, product: f32, factor: f32) -> f32 {
        let score = self.vector_index.center.calibration().likeness().of(product);
        if score > 0.0 { score * factor } else { score / MOST }
    }

    /// Keeps a pair if a report may list it and it reaches a score.
    fn take(&self, a: usize, b: usize, needed: f32) {
        let (one, two) = (self.order[a] as usize, self.order[b] as usize);
        let accepted = |score: f32| match self.base {
            Some(_) => true,
            None => {
                self.vector_index.needed(one, two, None).is_some()
                    && self.vector_index.decide(one, two, score).is_some()
            }
        };
        let score = self.vector_index.cosine(one, two);
        if score >= needed && accepted(score) {
            self.nearest.add((a, b), (one, two), score);
        }
    }
}

/// Two languages, two files, one name: the ties with the lowest threshold.
const NAMESAKES: Ties = Ties {
    file: false,
    language: false,
    name: true,
};

/// Up to this score, the overlap finds all pairs. Only the factor between two languages can exceed it.
const BEYOND: f32 = 1.0;

/// The nearest items found so far, for each item.
struct Nearest {
    /// Scores and items, best first; of equal scores, the earlier item first.
    lists: Vec<Mutex<Vec<(f32, u32)>>>,
    /// The bits of the score that a full list requires.
    floors: Vec<AtomicU32>,
}

impl Nearest {
    fn new(count: usize) -> Nearest {
        let lowest = f32::NEG_INFINITY.to_bits();
        Nearest {
            lists: (0..count).map(|_| Mutex::default()).collect(),
            floors: (0..count).map(|_| AtomicU32::new(lowest)).collect(),
        }
    }

    /// Whether a pair with this upper bound may enter the list of either item.
    fn wants(&self, a: usize, b: usize, most: f32) -> bool {
        // A stale floor is only lower than the current one, which is safe.
        let floor = |at: usize| f32::from_bits(self.floors[at].load(Ordering::Relaxed));
        most >= floor(a) || most >= floor(b)
    }

    fn add(&self, (a, b): (usize, usize), (one, two): (usize, usize), score: f32) {
        for (own, other) in [(a, two), (b, one)] {
            let mut list = self.lists[own].lock().unwrap_or_else(PoisonError::into_inner);
            let other = other as u32;
            let at = list.partition_point(|(known, item)| (score, *item) < (*known, other));
            if at < NEAREST && list.get(at) != Some(&(score, other)) {
                list.truncate(NEAREST - 1);
                list.insert(at, (score, other));
            }
            if let Some((lowest, _)) = list.get(NEAREST - 1) {
                self.floors[own].store(lowest.to_bits(), Ordering::Relaxed);
            }
        }
    }

    /// All pairs, best first.
    fn pairs(self, order: &[u32]) -> Vec<Pair> {
        let lists = self.lists.into_iter().zip(order).flat_map(|(list, own)| {
            let list = list.into_inner().unwrap_or_else(PoisonError::into_inner);
            let own = *own as usize;
            list.into_iter()
                .map(move |(score, other)| (own.min(other as usize), own.max(other as usize), score))
        });
        let mut pairs: Vec<Pair> = lists.collect();
        pairs.par_sort_unstable_by(|(a, b, x), (c, d, y)| y.total_cmp(x).then((a, b).cmp(&(c, d))));
        pairs.dedup();
        pairs
    }
}

#[cfg(test)]
mod tests;
